#include "result_csv.h"

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

void result_csv_write(const struct field *list, const json_t *result, struct buf *out)
{
    for (const struct field *f = list->fields; f->name != NULL; f++) {
        if (f != list->fields)
            buf_putc(out, ',');
        add_cell(out, f->name);
    }
    buf_puts(out, "\r\n");
    size_t i;
    const json_t *row;
    json_array_foreach (json_object_get(result, list->name), i, row) {
        for (const struct field *f = list->fields; f->name != NULL; f++) {
            if (f != list->fields)
                buf_putc(out, ',');
            add_value(out, json_object_get(row, f->name));
        }
        buf_puts(out, "\r\n");
    }
}
