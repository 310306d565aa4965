#include "result_csv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

const struct field *result_csv_list(const struct tool *tool)
{
    for (const struct field *f = tool->fields; f != NULL && f->name != NULL; f++)
        if (f->is_list && f->type == VALUE_OBJECT && f->fields != NULL)
            return f;
    return NULL;
}

static void add_cell(struct buf *out, const char *text)
{
    if (text[strcspn(text, ",\"\r\n")] == '\0') {
        buf_puts(out, text);
        return;
    }
    buf_putc(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"')
            buf_putc(out, '"');
        buf_putc(out, *text);
    }
    buf_putc(out, '"');
}

static void add_value(struct buf *out, const json_t *value)
{
    if (value == NULL)
        return;
    if (json_is_string(value)) {
        add_cell(out, json_string_value(value));
        return;
    }
    char *text = json_text(value);
    if (text == NULL)
        out->failed = true;
    else
        add_cell(out, text);
    free(text);
}

/* A column that no row has is left out: what was not asked for, like a comparison. Of an empty list
 * all are there. */
static bool has_column(const json_t *rows, const char *name)
{
    size_t i;
    const json_t *row;
    json_array_foreach (rows, i, row)
        if (json_object_get(row, name) != NULL)
            return true;
    return json_array_size(rows) == 0;
}

/* Bit i of `columns`: field i is one. */
static void add_row(const struct field *list, uint64_t columns, const json_t *row, struct buf *out)
{
    bool is_first = true;
    for (size_t i = 0; list->fields[i].name != NULL; i++) {
        if ((columns >> i & 1) == 0)
            continue;
        buf_puts(out, is_first ? "" : ",");
        is_first = false;
        if (row == NULL)
            add_cell(out, list->fields[i].name);
        else
            add_value(out, json_object_get(row, list->fields[i].name));
    }
    buf_puts(out, "\r\n");
}

void result_csv_write(const struct field *list, const json_t *result, struct buf *out)
{
    size_t i;
    uint64_t columns = 0;
    const json_t *row, *rows = json_object_get(result, list->name);
    for (i = 0; list->fields[i].name != NULL && i < 64; i++)
        columns |= (uint64_t)has_column(rows, list->fields[i].name) << i;
    add_row(list, columns, NULL, out);
    json_array_foreach (rows, i, row)
        add_row(list, columns, row, out);
}
