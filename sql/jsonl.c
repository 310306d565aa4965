#include "jsonl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

enum { DEPTH_MAX = 64, PATH_MAX_BYTES = 4096 };

static const char not_a_list[] = "the line is not a JSON list";

/* Where the parse of one line stands. Functions return false on failure: j->reason says why, NULL
 * means out of memory. */
struct parse {
    struct jsonl *j;
    const char *p, *end;
    size_t path_len;
    int depth;
    struct jsonl_member *member; /* of the list; NULL in an object */
};

static bool fail(struct parse *s, const char *reason)
{
    s->j->reason = reason;
    return false;
}

static void skip_space(struct parse *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n'))
        s->p++;
}

static bool expect(struct parse *s, char c, const char *reason)
{
    skip_space(s);
    if (s->p == s->end || *s->p != c)
        return fail(s, s->p == s->end ? "the JSON ends too early" : reason);
    s->p++;
    return true;
}

/* --- strings ------------------------------------------------------------------------------ */

static bool hex4(const char *p, const char *end, unsigned *ret_value)
{
    unsigned value = 0;
    if (end - p < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)p[i], lower = c | 0x20;
        unsigned digit = c >= '0' && c <= '9'           ? c - '0'
                         : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10
                                                        : 16;
        if (digit == 16)
            return false;
        value = value * 16 + digit;
    }
    *ret_value = value;
    return true;
}

/* \uXXXX, or a pair of them; `p` is behind the u. */
static bool decode_unicode(struct parse *s, const char **p, char *out, size_t *n)
{
    unsigned code, low;
    if (!hex4(*p, s->end, &code))
        return fail(s, "\\u without four hex digits");
    *p += 4;
    if (code >= 0xd800 && code < 0xe000) {
        if (code >= 0xdc00 || s->end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u' ||
            !hex4(*p + 2, s->end, &low) || low < 0xdc00 || low > 0xdfff)
            return fail(s, "half of a surrogate pair");
        *p += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    *n += utf8_encode(code, out + *n);
    return true;
}

static bool decode_escape(struct parse *s, const char **p, char *out, size_t *n)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = *(*p)++;
    if (c == 'u')
        return decode_unicode(s, p, out, n);
    const char *at = c != '\0' ? strchr(from, c) : NULL;
    if (at == NULL)
        return fail(s, "an unknown escape in a string");
    out[(*n)++] = to[at - from];
    return true;
}

/* The string whose text begins at s->p; stops behind the closing quote. Without escapes the text
 * lies in the line, else in the scratch space. */
static bool read_string(struct parse *s, const char **ret_text, size_t *ret_len)
{
    const char *p = s->p, *first = p;
    while (p < s->end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
        p++;
    if (p < s->end && *p == '"') {
        *ret_text = first;
        *ret_len = (size_t)(p - first);
        s->p = p + 1;
        return true;
    }
    char *out = s->j->scratch + s->j->scratch_used;
    size_t n = (size_t)(p - first);
    memcpy(out, first, n);
    while (p < s->end && *p != '"') {
        if ((unsigned char)*p < 0x20)
            return fail(s, "a control character in a string");
        if (*p != '\\') {
            out[n++] = *p++;
            continue;
        }
        if (++p == s->end)
            break;
        if (!decode_escape(s, &p, out, &n))
            return false;
    }
    if (p == s->end)
        return fail(s, "a string is not closed");
    s->j->scratch_used += n;
    *ret_text = out;
    *ret_len = n;
    s->p = p + 1;
    return true;
}

/* --- scalars and lists ---------------------------------------------------------------------- */

static size_t digits(struct parse *s)
{
    const char *first = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return (size_t)(s->p - first);
}

static bool skip_number(struct parse *s)
{
    const char *reason = "a number is malformed";
    if (*s->p == '-')
        s->p++;
    const char *first = s->p;
    size_t whole = digits(s);
    if (whole == 0 || (whole > 1 && *first == '0'))
        return fail(s, reason);
    if (s->p < s->end && *s->p == '.') {
        s->p++;
        if (digits(s) == 0)
            return fail(s, reason);
    }
    if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
        s->p++;
        if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
            s->p++;
        if (digits(s) == 0)
            return fail(s, reason);
    }
    return true;
}

static bool skip_word(struct parse *s, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0)
        return fail(s, "a word that is not JSON");
    s->p += len;
    return true;
}

static bool skip_value(struct parse *s);

/* Checks a list or an object inside a list, whose text is kept as it is. */
static bool skip_container(struct parse *s, char close)
{
    const char *text;
    size_t len;
    if (++s->depth > DEPTH_MAX)
        return fail(s, "nested deeper than 64 levels");
    s->p++;
    skip_space(s);
    if (s->p < s->end && *s->p == close) {
        s->p++;
        s->depth--;
        return true;
    }
    for (;;) {
        if (close == '}' && (!expect(s, '"', "a member name is missing") ||
                             !read_string(s, &text, &len) || !expect(s, ':', "a colon is missing")))
            return false;
        skip_space(s);
        if (!skip_value(s))
            return false;
        skip_space(s);
        if (s->p < s->end && *s->p == close)
            break;
        if (!expect(s, ',', "a comma is missing"))
            return false;
    }
    s->p++;
    s->depth--;
    return true;
}

static bool skip_value(struct parse *s)
{
    const char *text;
    size_t len;
    if (s->p == s->end)
        return fail(s, "the JSON ends too early");
    switch (*s->p) {
    case '"':
        s->p++;
        return read_string(s, &text, &len);
    case '[':
        return skip_container(s, ']');
    case '{':
        return skip_container(s, '}');
    case 't':
        return skip_word(s, "true");
    case 'f':
        return skip_word(s, "false");
    case 'n':
        return skip_word(s, "null");
    default:
        return skip_number(s);
    }
}

/* --- members ------------------------------------------------------------------------------ */

/* Appends "." and the name to the path. */
static bool push_path(struct parse *s, const char *name, size_t len)
{
    struct jsonl *j = s->j;
    size_t dot = s->depth > 1;
    if (s->path_len + dot + len > PATH_MAX_BYTES)
        return fail(s, "a flattened member name is longer than 4,096 bytes");
    if (j->path == NULL) {
        j->path = malloc(PATH_MAX_BYTES + 1);
        if (j->path == NULL)
            return fail(s, NULL);
    }
    if (dot)
        j->path[s->path_len++] = '.';
    if (len > 0)
        memcpy(j->path + s->path_len, name, len);
    s->path_len += len;
    return true;
}

static bool grow_cells(struct jsonl *j)
{
    if (j->count < j->size)
        return true;
    size_t size = j->size == 0 ? 64 : j->size * 2;
    struct cell *cells = realloc(j->cells, size * sizeof *cells);
    if (cells == NULL)
        return false;
    j->cells = cells;
    j->size = size;
    return true;
}

/* Whether the column has no value in this row yet; remembers that it has one now. */
static bool mark_seen(struct jsonl *j, uint32_t column, bool *ret_is_new)
{
    if (column >= j->seen_size) {
        size_t size = (size_t)column * 2 + 64;
        uint64_t *seen = realloc(j->seen_at, size * sizeof *seen);
        if (seen == NULL)
            return false;
        memset(seen + j->seen_size, 0, (size - j->seen_size) * sizeof *seen);
        j->seen_at = seen;
        j->seen_size = size;
    }
    *ret_is_new = j->seen_at[column] != j->row;
    j->seen_at[column] = j->row;
    return true;
}

static bool add_value(struct parse *s, const char *text, size_t len)
{
    struct jsonl *j = s->j;
    bool is_new;
    struct jsonl_member *member = s->depth == 1 ? s->member : NULL;
    int64_t column = member != NULL ? member->column : -1;
    if (column < 0)
        column = names_add(&j->columns, j->path, s->path_len);
    if (member != NULL)
        member->column = column;
    if (column < 0 || !grow_cells(j) || !mark_seen(j, (uint32_t)column, &is_new))
        return fail(s, NULL);
    if (!is_new) {
        snprintf(j->reason_text, sizeof j->reason_text, "two values for '%.100s'",
                 j->columns.items[column].text);
        return fail(s, j->reason_text);
    }
    j->cells[j->count++] = (struct cell){text, len, (uint32_t)column};
    return true;
}

static bool read_object(struct parse *s);

static bool read_member_value(struct parse *s)
{
    const char *text = s->p;
    size_t len;
    skip_space(s);
    if (s->p == s->end)
        return fail(s, "the JSON ends too early");
    if (*s->p == '{')
        return read_object(s);
    if (*s->p == '"') {
        s->p++;
        return read_string(s, &text, &len) && add_value(s, text, len);
    }
    bool is_null = *s->p == 'n';
    text = s->p;
    size_t scratch_used = s->j->scratch_used;
    if (!skip_value(s))
        return false;
    s->j->scratch_used = scratch_used; /* strings inside a list are only checked */
    return is_null ? add_value(s, "", 0) : add_value(s, text, (size_t)(s->p - text));
}

static bool read_object(struct parse *s)
{
    const char *name;
    size_t len, path_len = s->path_len;
    if (++s->depth > DEPTH_MAX)
        return fail(s, "nested deeper than 64 levels");
    s->p++;
    skip_space(s);
    if (s->p < s->end && *s->p == '}') {
        s->p++;
        s->depth--;
        return true;
    }
    for (;;) {
        if (!expect(s, '"', "a member name is missing") || !read_string(s, &name, &len) ||
            !push_path(s, name, len) || !expect(s, ':', "a colon is missing") ||
            !read_member_value(s))
            return false;
        s->path_len = path_len;
        skip_space(s);
        if (s->p < s->end && *s->p == '}')
            break;
        if (!expect(s, ',', "a comma is missing"))
            return false;
    }
    s->p++;
    s->depth--;
    return true;
}

/* --- lists of values ------------------------------------------------------------------------ */

/* With the NUL bytes that a decoded name may have, at which strndup() would stop. */
static char *copy_text(const char *text, size_t len)
{
    char *copy = malloc(len + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

static bool add_member(struct parse *s)
{
    struct jsonl *j = s->j;
    const char *json = s->p, *name;
    size_t len;
    if (!expect(s, '"', "a member name is missing") || !read_string(s, &name, &len))
        return false;
    struct jsonl_member *members = realloc(j->members, (j->member_count + 1) * sizeof *members);
    if (members == NULL)
        return fail(s, NULL);
    j->members = members;
    struct jsonl_member *member = &members[j->member_count];
    *member = (struct jsonl_member){copy_text(json, (size_t)(s->p - json)), copy_text(name, len),
                                    (size_t)(s->p - json), len, -1};
    j->member_count++;
    return member->json != NULL && member->name != NULL ? true : fail(s, NULL);
}

static bool read_names(struct parse *s)
{
    if (!expect(s, '[', not_a_list))
        return false;
    for (;;) {
        skip_space(s);
        if (!add_member(s))
            return false;
        skip_space(s);
        if (s->p < s->end && *s->p == ']')
            break;
        if (!expect(s, ',', "a comma is missing"))
            return false;
    }
    s->p++;
    return true;
}

/* Stops before the value of the list's next member. */
static bool next_member(struct parse *s, size_t i)
{
    if (!expect(s, i == 0 ? '[' : ',', i == 0 ? not_a_list : "a comma is missing"))
        return false;
    skip_space(s);
    return true;
}

static bool read_list(struct parse *s)
{
    struct jsonl *j = s->j;
    s->depth = 1;
    for (size_t i = 0; i < j->member_count; i++) {
        s->member = &j->members[i];
        s->path_len = 0;
        if (!next_member(s, i) || !push_path(s, s->member->name, s->member->len) ||
            !read_member_value(s))
            return false;
    }
    return expect(s, ']', "more values than names");
}

bool jsonl_add_object(struct jsonl *j, const char *line, size_t len, struct buf *out)
{
    struct parse s = {.j = j, .p = line, .end = line + len};
    j->scratch_used = 0;
    for (size_t i = 0; i < j->member_count; i++) {
        if (!next_member(&s, i))
            return false;
        const char *value = s.p;
        if (!skip_value(&s))
            return false;
        buf_puts(out, i == 0 ? "{" : ",");
        buf_add(out, j->members[i].json, j->members[i].json_len);
        buf_puts(out, ":");
        buf_add(out, value, (size_t)(s.p - value));
    }
    buf_puts(out, "}");
    return true;
}

/* --- lines ---------------------------------------------------------------------------------- */

/* Begins a line; false when memory is out. */
static bool begin(struct parse *s, struct jsonl *j, const char *line, size_t len)
{
    *s = (struct parse){.j = j, .p = line, .end = line + len};
    j->scratch_used = 0;
    j->reason = NULL;
    skip_space(s);
    if (len <= j->scratch_size) /* decoded text is never longer than the line */
        return true;
    char *scratch = realloc(j->scratch, len * 2);
    if (scratch == NULL)
        return false;
    j->scratch = scratch;
    j->scratch_size = len * 2;
    return true;
}

static enum csv_result end(struct parse *s, bool is_row)
{
    if (is_row) {
        skip_space(s);
        if (s->p != s->end)
            is_row = fail(s, "text after the JSON object");
    }
    if (is_row)
        return CSV_ROW;
    return s->j->reason != NULL ? CSV_BAD : CSV_NO_MEMORY;
}

enum csv_result jsonl_read_names(struct jsonl *j, const char *line, size_t len)
{
    struct parse s;
    return begin(&s, j, line, len) ? end(&s, read_names(&s)) : CSV_NO_MEMORY;
}

enum csv_result jsonl_read(struct jsonl *j, const char *line, size_t len)
{
    struct parse s;
    j->count = 0;
    j->row++;
    if (!begin(&s, j, line, len))
        return CSV_NO_MEMORY;
    if (s.p == s.end)
        return CSV_BLANK;
    if (j->members != NULL)
        return end(&s, read_list(&s));
    return end(&s, *s.p == '{' ? read_object(&s) : fail(&s, "the line is not a JSON object"));
}

void jsonl_done(struct jsonl *j)
{
    names_done(&j->columns);
    for (size_t i = 0; i < j->member_count; i++) {
        free(j->members[i].json);
        free(j->members[i].name);
    }
    free(j->members);
    free(j->cells);
    free(j->scratch);
    free(j->path);
    free(j->seen_at);
    *j = (struct jsonl){0};
}
