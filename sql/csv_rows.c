#include "csv_rows.h"

#include <stdlib.h>
#include <string.h>

/* After so many quotes that are never closed the rest of the file is given up at once instead of
 * being read again from the next line: it keeps the work linear. */
enum { UNCLOSED_MAX = 8 };

void csv_init(struct csv *c, char delimiter, enum csv_quoting quoting)
{
    *c = (struct csv){.delimiter = delimiter, .newline = '\n', .quoting = quoting};
}

void csv_done(struct csv *c)
{
    free(c->cells);
    free(c->scratch);
    *c = (struct csv){0};
}

/* A field between `first` and `last`; `column` is its number, the top bit set when it holds
 * something to decode. */
#define ENCODED (UINT32_C(1) << 31)

static bool add_cell(struct csv *c, const char *first, const char *last, bool is_encoded)
{
    if (c->count == c->size) {
        size_t size = c->size == 0 ? 64 : c->size * 2;
        struct cell *cells = realloc(c->cells, size * sizeof *cells);
        if (cells == NULL)
            return false;
        c->cells = cells;
        c->size = size;
    }
    c->cells[c->count] = (struct cell){first, (size_t)(last - first),
                                       (uint32_t)c->count | (is_encoded ? ENCODED : 0)};
    c->count++;
    return true;
}

static uint64_t count_lines(const char *p, const char *end, char newline)
{
    uint64_t n = 0;
    while (p < end && (p = memchr(p, newline, (size_t)(end - p))) != NULL) {
        n++;
        p++;
    }
    return n;
}

static enum csv_result end_row(struct csv *c, const char *bytes, const char *at, uint64_t lines,
                               enum csv_result result)
{
    c->used = (size_t)(at - bytes);
    c->lines = lines;
    return result;
}

/* Skips to the end of the line in which `at` lies. */
static enum csv_result skip_line(struct csv *c, const char *bytes, const char *at, const char *end,
                                 bool is_end, const char *reason)
{
    const char *newline = memchr(at, c->newline, (size_t)(end - at));
    if (newline == NULL && !is_end)
        return CSV_MORE;
    const char *next = newline != NULL ? newline + 1 : end;
    c->reason = reason;
    return end_row(c, bytes, next, count_lines(bytes, next, c->newline), CSV_BAD);
}

/* The quote that opened here is never closed: only its line is given up, reading goes on with the
 * next one. */
static enum csv_result give_up_quote(struct csv *c, const char *bytes, const char *end)
{
    const char *newline = memchr(bytes, c->newline, (size_t)(end - bytes));
    const char *next = newline != NULL && ++c->unclosed <= UNCLOSED_MAX ? newline + 1 : end;
    c->reason = "a quote opens a field and is never closed";
    return end_row(c, bytes, next, count_lines(bytes, next, c->newline), CSV_BAD);
}

/* --- decoding ----------------------------------------------------------------------------- */

static char unescaped(char c)
{
    switch (c) {
    case 't':
        return '\t';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case '0':
        return '\0';
    default:
        return c;
    }
}

static size_t decode(const struct csv *c, const struct cell *cell, char *out)
{
    size_t n = 0;
    if (c->quoting == CSV_BACKSLASH && cell->len == 2 && memcmp(cell->text, "\\N", 2) == 0)
        return 0;
    for (size_t i = 0; i < cell->len; i++) {
        if (c->quoting == CSV_QUOTES) {
            out[n++] = cell->text[i];
            i += cell->text[i] == '"'; /* the second of two */
        } else if (cell->text[i] == '\\' && i + 1 < cell->len) {
            out[n++] = unescaped(cell->text[++i]);
        } else {
            out[n++] = cell->text[i];
        }
    }
    return n;
}

/* Decodes what needs it. Decoded text is never longer than the row, so one reservation is enough
 * and earlier cells stay where they are. */
static bool decode_cells(struct csv *c, size_t row_len)
{
    c->scratch_used = 0;
    for (size_t i = 0; i < c->count; i++) {
        struct cell *cell = &c->cells[i];
        if ((cell->column & ENCODED) == 0)
            continue;
        if (row_len > c->scratch_size) {
            char *scratch = realloc(c->scratch, row_len * 2);
            if (scratch == NULL)
                return false;
            c->scratch = scratch;
            c->scratch_size = row_len * 2;
        }
        char *out = c->scratch + c->scratch_used;
        cell->len = decode(c, cell, out);
        cell->text = out;
        cell->column &= ~ENCODED;
        c->scratch_used += cell->len;
    }
    return true;
}

/* --- reading ------------------------------------------------------------------------------ */

/* The end of the quoted field whose text begins at `p`, or NULL when the bytes end first. */
static const char *quoted_end(const char *p, const char *end, bool *ret_has_doubled)
{
    for (;;) {
        p = memchr(p, '"', (size_t)(end - p));
        if (p == NULL || p + 1 == end || p[1] != '"')
            return p;
        *ret_has_doubled = true;
        p += 2;
    }
}

static const char *plain_end(const struct csv *c, const char *p, const char *end, bool *ret_encoded)
{
    const char delimiter = c->delimiter, newline = c->newline;
    if (c->quoting != CSV_BACKSLASH) {
        while (p < end && *p != delimiter && *p != newline)
            p++;
        return p;
    }
    for (; p < end && *p != delimiter && *p != newline; p++) {
        if (*p != '\\')
            continue;
        *ret_encoded = true;
        if (++p == end)
            break;
    }
    return p;
}

static enum csv_result finish_row(struct csv *c, const char *bytes, const char *next,
                                  bool has_quoted)
{
    if (!decode_cells(c, (size_t)(next - bytes)))
        return CSV_NO_MEMORY;
    uint64_t lines = 1;
    if (has_quoted || c->quoting == CSV_BACKSLASH)
        lines = count_lines(bytes, next, c->newline);
    return end_row(c, bytes, next, lines, CSV_ROW);
}

enum csv_result csv_read(struct csv *c, const char *bytes, size_t len, bool is_end)
{
    const char *p = bytes, *end = bytes + len;
    bool has_quoted = false;
    c->count = 0;
    if (len == 0)
        return is_end ? CSV_END : CSV_MORE;
    for (;;) {
        bool is_encoded = false;
        const char *first = p, *last;
        if (c->quoting == CSV_QUOTES && p < end && *p == '"') {
            has_quoted = true;
            first = p + 1;
            last = quoted_end(first, end, &is_encoded);
            if (last == NULL)
                return is_end ? give_up_quote(c, bytes, end) : CSV_MORE;
            if (last + 1 == end && !is_end)
                return CSV_MORE; /* the next byte may double the quote */
            p = last + 1;
            while (p < end && (*p == ' ' || *p == '\r') && *p != c->newline && *p != c->delimiter)
                p++;
            if (p < end && *p != c->delimiter && *p != c->newline)
                return skip_line(c, bytes, p, end, is_end, "text after a closing quote");
        } else {
            p = plain_end(c, p, end, &is_encoded);
            last = p;
            if ((p == end || *p == c->newline) && last > first && last[-1] == '\r' &&
                c->newline == '\n')
                last--;
        }
        if (p == end && !is_end)
            return CSV_MORE;
        if (p == end || *p == c->newline) {
            const char *next = p == end ? end : p + 1;
            if (c->count == 0 && first == last && !has_quoted)
                return end_row(c, bytes, next, 1, CSV_BLANK);
            if (!add_cell(c, first, last, is_encoded))
                return CSV_NO_MEMORY;
            return finish_row(c, bytes, next, has_quoted);
        }
        if (!add_cell(c, first, last, is_encoded))
            return CSV_NO_MEMORY;
        p++;
    }
}
