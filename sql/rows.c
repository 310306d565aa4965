#include "rows.h"

#include <string.h>

enum { MAX_LINE = 16 << 20 };

void rows_init(struct rows *rows, size_t max_rows, size_t max_bytes)
{
    *rows = (struct rows){.items = json_array(), .max_rows = max_rows, .max_bytes = max_bytes};
    buf_init(&rows->line, MAX_LINE);
    rows->failed = rows->items == NULL;
}

void rows_done(struct rows *rows)
{
    json_decref(rows->items);
    buf_done(&rows->line);
    *rows = (struct rows){0};
}

static int add_row(struct rows *rows, const char *text, size_t len)
{
    if (len == 0)
        return 0;
    if (json_array_size(rows->items) == rows->max_rows || rows->bytes + len > rows->max_bytes) {
        rows->is_truncated = true;
        return -1;
    }
    /* Not json_parse(): the engine wrote this line, its depth and keys are not the client's. */
    json_t *row = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
    if (!json_is_array(row) || json_array_append(rows->items, row) < 0)
        rows->failed = true;
    json_decref(row);
    if (rows->failed)
        return -1;
    rows->bytes += len;
    return 0;
}

int rows_feed(struct rows *rows, const char *bytes, size_t len)
{
    while (len > 0 && !rows->failed) {
        const char *newline = memchr(bytes, '\n', len);
        size_t part = newline != NULL ? (size_t)(newline - bytes) : len;
        int rc = 0;
        if (rows->line.len + part > MAX_LINE) {
            rows->is_truncated = true;
            return -1;
        }
        if (newline == NULL || rows->line.len > 0)
            buf_add(&rows->line, bytes, part);
        if (newline != NULL && rows->line.len > 0) {
            rc = add_row(rows, rows->line.data, rows->line.len);
            buf_reset(&rows->line);
        } else if (newline != NULL) {
            rc = add_row(rows, bytes, part);
        }
        if (buf_failed(&rows->line))
            rows->failed = true;
        if (rc < 0)
            return rc;
        part += newline != NULL ? 1 : 0;
        bytes += part;
        len -= part;
    }
    return rows->failed ? -1 : 0;
}

int rows_end(struct rows *rows, struct err *ret_err)
{
    if (!rows->failed && !rows->is_truncated && rows->line.len > 0) {
        add_row(rows, rows->line.data, rows->line.len);
        buf_reset(&rows->line);
    }
    if (rows->failed)
        return err_set(ret_err, ERR_ENGINE, NULL, "the database sent a row that cannot be read");
    return 0;
}
