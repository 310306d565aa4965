#include "query.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void query_init(struct query *q)
{
    *q = (struct query){0};
    buf_init(&q->sql, 0);
}

static void key_done(struct query_key *key)
{
    free(key->within);
    free(key->column);
    free(key->key);
}

void query_done(struct query *q)
{
    for (size_t i = 0; i < q->param_count; i++)
        free(q->params[i].value);
    free(q->params);
    for (size_t i = 0; i < q->key_count; i++)
        key_done(&q->keys[i]);
    free(q->keys);
    buf_done(&q->sql);
    buf_done(&q->joins);
    buf_done(&q->within);
    json_decref(q->joined);
    *q = (struct query){0};
}

struct query_scope query_scope_begin(struct query *q)
{
    struct query_scope outer = {.joins = q->joins, .within = q->within, .joined = q->joined};
    q->joins = (struct buf){0};
    q->within = (struct buf){0};
    q->joined = NULL;
    return outer;
}

void query_scope_end(struct query *q, struct query_scope outer)
{
    buf_done(&q->joins);
    buf_done(&q->within);
    json_decref(q->joined);
    q->joins = outer.joins;
    q->within = outer.within;
    q->joined = outer.joined;
}

size_t query_joined(const struct query *q, const char *what)
{
    return (size_t)json_integer_value(json_object_get(q->joined, what));
}

void query_note_joined(struct query *q, const char *what, size_t number)
{
    if (q->joined == NULL)
        q->joined = json_object();
    if (json_object_set_new(q->joined, what, json_integer((json_int_t)number)) < 0)
        q->failed = true;
}

/* Takes `value`, which buf_take() gave (NULL = out of memory). It may be made of a text that was
 * lost, too. */
static void add_param(struct query *q, const char *name, const char *type, char *value)
{
    if (q->param_count == q->param_size) {
        size_t size = q->param_size == 0 ? 8 : q->param_size * 2;
        struct query_param *params = realloc(q->params, size * sizeof *params);
        if (params == NULL) {
            free(value);
            q->failed = true;
            return;
        }
        q->params = params;
        q->param_size = size;
    }
    if (value == NULL || !buf_is_whole(value)) {
        free(value);
        q->failed = true;
        return;
    }
    struct query_param *p = &q->params[q->param_count++];
    *p = (struct query_param){.type = type, .value = value};
    if (name != NULL)
        snprintf(p->name, sizeof p->name, "%s", name);
    else
        snprintf(p->name, sizeof p->name, "p%zu", q->param_count);
}

static void bind_next(struct query *q, struct buf *out, const char *type, char *value)
{
    add_param(q, NULL, type, value);
    if (!q->failed)
        buf_printf(out, "{%s:%s}", q->params[q->param_count - 1].name, type);
}

static void escape(struct buf *out, const char *value, size_t len, bool is_quoted)
{
    for (size_t i = 0; i < len; i++) {
        switch (value[i]) {
        case '\\':
            buf_puts(out, "\\\\");
            break;
        case '\t':
            buf_puts(out, "\\t");
            break;
        case '\n':
            buf_puts(out, "\\n");
            break;
        case '\r':
            buf_puts(out, "\\r");
            break;
        case '\0':
            buf_puts(out, "\\0");
            break;
        case '\'':
            buf_puts(out, is_quoted ? "\\'" : "'");
            break;
        default:
            buf_putc(out, value[i]);
        }
    }
}

void sql_escape_scalar(struct buf *out, const char *value, size_t len)
{
    escape(out, value, len, false);
}

void sql_escape_item(struct buf *out, const char *value, size_t len)
{
    buf_putc(out, '\'');
    escape(out, value, len, true);
    buf_putc(out, '\'');
}

static char *escaped_text(const char *value)
{
    struct buf b = {0};
    sql_escape_scalar(&b, value, strlen(value));
    return buf_take(&b);
}

static char *escaped_texts(const json_t *strings)
{
    struct buf b = {0};
    buf_putc(&b, '[');
    for (size_t i = 0; i < json_array_size(strings); i++) {
        const json_t *item = json_array_get(strings, i);
        if (i > 0)
            buf_putc(&b, ',');
        sql_escape_item(&b, json_string_value(item), json_string_length(item));
    }
    buf_putc(&b, ']');
    return buf_take(&b);
}

static char *integer_text(int64_t value)
{
    struct buf b = {0};
    buf_printf(&b, "%" PRId64, value);
    return buf_take(&b);
}

static char *number_text(double value)
{
    struct buf b = {0};
    buf_printf(&b, "%.17g", value);
    return buf_take(&b);
}

void query_bind_text(struct query *q, struct buf *out, const char *value)
{
    bind_next(q, out, "String", escaped_text(value));
}

void query_bind_texts(struct query *q, struct buf *out, const json_t *strings)
{
    bind_next(q, out, "Array(String)", escaped_texts(strings));
}

void query_bind_integer(struct query *q, struct buf *out, int64_t value)
{
    bind_next(q, out, "Int64", integer_text(value));
}

void query_bind_number(struct query *q, struct buf *out, double value)
{
    bind_next(q, out, "Float64", number_text(value));
}

void query_bind_time(struct query *q, struct buf *out, int64_t unix_us)
{
    /* As an integer that SQL converts: the text of a DateTime64 is read in some time zone, and
     * differently before 1970 or with few digits. */
    buf_puts(out, "fromUnixTimestamp64Micro(");
    query_bind_integer(q, out, unix_us);
    buf_puts(out, ")");
}

static const struct query_key *find_key(const struct query *q, const char *column, const char *key)
{
    for (size_t i = 0; i < q->key_count; i++) {
        const struct query_key *k = &q->keys[i];
        if (strcmp(k->key, key) == 0 && strcmp(k->column, column) == 0 &&
            strcmp(k->within, buf_text(&q->within)) == 0)
            return k;
    }
    return NULL;
}

static const struct query_key *add_key(struct query *q, const char *column, const char *key)
{
    struct query_key *keys = realloc(q->keys, (q->key_count + 1) * sizeof *keys);
    if (keys == NULL)
        return NULL;
    q->keys = keys;
    struct query_key *added = &keys[q->key_count];
    *added = (struct query_key){
        .within = strdup(buf_text(&q->within)), .column = strdup(column), .key = strdup(key)};
    snprintf(added->param, sizeof added->param, "k%zu", q->key_count + 1);
    if (added->within == NULL || added->column == NULL || added->key == NULL) {
        key_done(added);
        return NULL;
    }
    q->key_count++;
    add_param(q, added->param, "UInt8", integer_text(1));
    return added;
}

void query_bind_key(struct query *q, struct buf *out, const char *column, const char *key)
{
    const struct query_key *known = find_key(q, column, key);
    if (known == NULL)
        known = add_key(q, column, key);
    if (known == NULL)
        q->failed = true;
    else
        buf_printf(out, "{%s:UInt8}", known->param);
}

void query_lacks_key(struct query *q, const struct query_key *key)
{
    for (size_t i = 0; i < q->param_count; i++)
        if (strcmp(q->params[i].name, key->param) == 0)
            q->params[i].value[0] = '0';
}

void query_bind_same(struct query *q, const struct query *from, const char *text)
{
    for (size_t i = 0; i < from->param_count; i++) {
        const struct query_param *p = &from->params[i];
        char placeholder[sizeof p->name + 2];
        snprintf(placeholder, sizeof placeholder, "{%s:", p->name);
        if (strstr(text, placeholder) != NULL)
            add_param(q, p->name, p->type, strdup(p->value));
    }
}

void query_set_text(struct query *q, const char *name, const char *value)
{
    add_param(q, name, "String", escaped_text(value));
}

void query_set_texts(struct query *q, const char *name, const json_t *strings)
{
    add_param(q, name, "Array(String)", escaped_texts(strings));
}

void query_set_integer(struct query *q, const char *name, int64_t value)
{
    add_param(q, name, "", integer_text(value));
}

/* --- rendering ---------------------------------------------------------------------------- */

static const char *fragment_of(const struct query_fragment *fragments, const char *slot, size_t len)
{
    for (; fragments != NULL && fragments->slot != NULL; fragments++)
        if (strlen(fragments->slot) == len && strncmp(fragments->slot, slot, len) == 0)
            return fragments->text;
    return NULL;
}

static bool has_slot(const struct sql_text *text, const char *slot)
{
    for (const char *const *s = text->slots; *s != NULL; s++)
        if (strcmp(*s, slot) == 0)
            return true;
    return false;
}

static bool is_bound(const struct query *q, const char *placeholder)
{
    size_t len = strcspn(placeholder, ":");
    for (size_t i = 0; i < q->param_count; i++)
        if (strlen(q->params[i].name) == len && strncmp(q->params[i].name, placeholder, len) == 0)
            return true;
    return false;
}

static size_t slot_length(const char *name)
{
    size_t n = 0;
    if (name[0] < 'a' || name[0] > 'z')
        return 0;
    while ((name[n] >= 'a' && name[n] <= 'z') || (name[n] >= '0' && name[n] <= '9') ||
           name[n] == '_')
        n++;
    return n;
}

int query_render(struct query *q, const struct sql_text *text,
                 const struct query_fragment *fragments, struct err *ret_err)
{
    for (const struct query_fragment *f = fragments; f != NULL && f->slot != NULL; f++)
        if (!has_slot(text, f->slot))
            return err_set(ret_err, ERR_INTERNAL, NULL, "%s.sql has no slot $%s", text->name,
                           f->slot);
    if (q->failed)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory while building the query");
    for (const char *const *p = text->placeholders; *p != NULL; p++)
        if (!is_bound(q, *p))
            return err_set(ret_err, ERR_INTERNAL, NULL, "{%s} of %s.sql is not bound", *p,
                           text->name);

    buf_reset(&q->sql);
    for (const char *s = text->text; *s != '\0';) {
        const char *dollar = strchr(s, '$');
        size_t plain = dollar != NULL ? (size_t)(dollar - s) : strlen(s);
        buf_add(&q->sql, s, plain);
        s += plain;
        if (*s == '\0')
            break;
        size_t len = slot_length(s + 1);
        const char *fragment = len > 0 ? fragment_of(fragments, s + 1, len) : NULL;
        if (len > 0 && fragment == NULL)
            return err_set(ret_err, ERR_INTERNAL, NULL, "slot $%.*s of %s.sql is not filled",
                           (int)len, s + 1, text->name);
        if (len == 0)
            buf_putc(&q->sql, '$');
        else
            buf_puts(&q->sql, fragment);
        s += 1 + len;
    }
    if (q->sql.len > QUERY_TEXT_MAX)
        return err_set(ret_err, ERR_LIMIT, NULL,
                       "the query would be %zu kB of text, and a database reads %d: use fewer "
                       "steps, series, fields or filters, or fewer intervals",
                       (q->sql.len + 1023) >> 10, QUERY_TEXT_MAX >> 10);
    return 0;
}

int query_render_to(struct query *q, const struct sql_text *text,
                    const struct query_fragment *fragments, struct buf *out, struct err *ret_err)
{
    int rc = query_render(q, text, fragments, ret_err);
    if (rc == 0)
        buf_puts(out, buf_text(&q->sql));
    buf_reset(&q->sql);
    return rc;
}

void sql_identifier(struct buf *out, const char *name)
{
    buf_putc(out, '`');
    for (; *name != '\0'; name++) {
        if (*name == '`' || *name == '\\')
            buf_putc(out, '\\');
        buf_putc(out, *name);
    }
    buf_putc(out, '`');
}

int query_start(struct db *db, const struct query *q, const struct db_request *request,
                struct db_query **ret_query, struct err *ret_err)
{
    struct db_param *params = calloc(q->param_count + 1, sizeof *params);
    if (params == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    for (size_t i = 0; i < q->param_count; i++)
        params[i] = (struct db_param){.name = q->params[i].name, .value = q->params[i].value};
    struct db_request full = *request;
    full.sql = buf_text(&q->sql);
    full.params = params;
    full.param_count = q->param_count;
    int rc = db_start(db, &full, ret_query, ret_err);
    free(params);
    return rc;
}
