#include "result_csv.h"

#include <assert.h>
#include <string.h>

#include "json.h"

enum { COLUMNS_MAX = 64 }; /* of the tools' fields */

/* --- which table ----------------------------------------------------------------------------- */

struct table {
    const struct field *list, *nested; /* nested: a list in the items of `list`, or NULL */
};

static bool is_table(const struct field *f)
{
    return f->is_list && f->type == VALUE_OBJECT && f->fields != NULL;
}

static const struct field *find_list(const struct field *fields, const char *name, size_t len)
{
    const struct field *f = fields;
    while (f->name != NULL && (strlen(f->name) != len || strncmp(f->name, name, len) != 0))
        f++;
    return f->name != NULL && is_table(f) ? f : NULL;
}

/* `path`: "list" or "list.nested". */
static struct table table_at(const struct tool *tool, const char *path)
{
    size_t len = strcspn(path, ".");
    struct table t = {.list = find_list(tool->fields, path, len)};
    if (t.list != NULL && path[len] == '.')
        t.nested = find_list(t.list->fields, path + len + 1, strlen(path + len + 1));
    return t;
}

/* The best one that the result has; without a result the first one. */
static struct table choose_table(const struct tool *tool, const json_t *result)
{
    struct table first = {0};
    for (const char *const *path = tool->tables; path != NULL && *path != NULL; path++) {
        struct table t = table_at(tool, *path);
        if (t.list != NULL && (result == NULL || json_object_get(result, t.list->name) != NULL))
            return t;
    }
    for (const struct field *f = tool->fields; f != NULL && f->name != NULL; f++) {
        if (!is_table(f))
            continue;
        if (json_object_get(result, f->name) != NULL)
            return (struct table){.list = f};
        if (first.list == NULL)
            first.list = f;
    }
    return first;
}

bool result_csv_has_table(const struct tool *tool)
{
    return choose_table(tool, NULL).list != NULL;
}

/* One row of the table: of the list, and in it of the inner list or NULL. */
struct row {
    const json_t *outer, *inner, *inner_list;
    size_t next_outer, inner_at;
};

/* The first row of a zeroed one; false behind the last. */
static bool next_row(const struct table *t, const json_t *list, struct row *row)
{
    if (row->inner_at + 1 < json_array_size(row->inner_list)) {
        row->inner_at++;
    } else {
        row->outer = json_array_get(list, row->next_outer++);
        row->inner_list = t->nested != NULL ? json_object_get(row->outer, t->nested->name) : NULL;
        row->inner_at = 0;
    }
    row->inner = json_array_get(row->inner_list, row->inner_at);
    return row->outer != NULL;
}

/* --- columns --------------------------------------------------------------------------------- */

struct column {
    const struct field *field, *within; /* within: the object that holds it, or NULL */
    size_t part, parts;                 /* of a breakdown: which of its values; parts 0 = all */
    bool is_nested;                     /* of the inner list's items */
};

struct columns {
    struct column items[COLUMNS_MAX];
    size_t count;
};

static void add_column(struct columns *c, struct column column)
{
    assert(c->count < COLUMNS_MAX);
    c->items[c->count++] = column;
}

/* NULL if the row has none. */
static const json_t *value_at(const struct column *c, const struct row *row)
{
    const json_t *value = c->is_nested ? row->inner : row->outer;
    if (c->within != NULL)
        value = json_object_get(value, c->within->name);
    value = json_object_get(value, c->field->name);
    return c->parts > 0 ? json_array_get(value, c->part) : value;
}

/* A column for each value of a breakdown. */
static void add_parts(struct columns *c, struct column column, const struct table *t,
                      const json_t *list)
{
    size_t parts = 1;
    for (struct row row = {0}; next_row(t, list, &row);) {
        size_t count = json_array_size(value_at(&column, &row));
        parts = count > parts ? count : parts;
    }
    for (column.parts = parts; column.part < parts; column.part++)
        add_column(c, column);
}

static void add_columns(struct columns *c, const struct table *t, const json_t *list,
                        bool is_nested)
{
    const struct field *f = is_nested ? t->nested->fields : t->list->fields;
    for (; f->name != NULL; f++) {
        struct column column = {f, .is_nested = is_nested};
        if (f == t->nested)
            continue;
        if (f->type == VALUE_OBJECT && !f->is_list && f->fields != NULL) {
            column.within = f;
            for (column.field = f->fields; column.field->name != NULL; column.field++)
                add_column(c, column);
        } else if (f->is_list && strcmp(f->name, "breakdown") == 0) {
            add_parts(c, column, t, list);
        } else {
            add_column(c, column);
        }
    }
}

static bool is_filled(const struct column *c, const struct table *t, const json_t *list)
{
    for (struct row row = {0}; next_row(t, list, &row);)
        if (value_at(c, &row) != NULL)
            return true;
    return json_array_size(list) == 0; /* of an empty table all columns are there */
}

/* What was not asked for, like a comparison, is no column. */
static void drop_empty(struct columns *columns, const struct table *t, const json_t *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < columns->count; i++)
        if (is_filled(&columns->items[i], t, list))
            columns->items[kept++] = columns->items[i];
    columns->count = kept;
}

/* --- cells ----------------------------------------------------------------------------------- */

static void add_cell(struct buf *out, const struct buf *cell)
{
    const char *text = buf_text(cell);
    if (buf_failed(cell))
        buf_fail(out);
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

static void write_header(const struct columns *columns, struct buf *out)
{
    for (size_t i = 0; i < columns->count; i++) {
        const struct column *c = &columns->items[i];
        struct buf name = {0};
        if (c->within != NULL)
            buf_printf(&name, "%s.", c->within->name);
        buf_puts(&name, c->field->name);
        if (c->parts > 1)
            buf_printf(&name, "_%zu", c->part + 1);
        buf_puts(out, i > 0 ? "," : "");
        add_cell(out, &name);
        buf_done(&name);
    }
    buf_puts(out, "\r\n");
}

/* "a; b" of a list, "value count" of an object in one. */
static void add_text(const json_t *value, struct buf *out)
{
    size_t i;
    const char *key;
    json_t *item;
    bool is_first = true;
    if (json_is_array(value)) {
        json_array_foreach (value, i, item) {
            buf_puts(out, i > 0 ? "; " : "");
            add_text(item, out);
        }
    } else if (json_is_object(value)) {
        json_object_foreach ((json_t *)value, key, item) {
            buf_puts(out, is_first ? "" : " ");
            add_text(item, out);
            is_first = false;
        }
    } else if (json_is_string(value)) {
        buf_puts(out, json_string_value(value));
    } else if (value != NULL && !json_is_null(value)) {
        json_add(out, value, JSON_PLAIN);
    }
}

static void write_row(const struct columns *columns, const struct row *row, struct buf *out)
{
    for (size_t i = 0; i < columns->count; i++) {
        struct buf text = {0};
        add_text(value_at(&columns->items[i], row), &text);
        buf_puts(out, i > 0 ? "," : "");
        add_cell(out, &text);
        buf_done(&text);
    }
    buf_puts(out, "\r\n");
}

void result_csv_write(const struct tool *tool, const json_t *result, struct buf *out)
{
    struct table t = choose_table(tool, result);
    if (t.list == NULL)
        return;
    const json_t *list = json_object_get(result, t.list->name);
    struct columns columns = {.count = 0};
    add_columns(&columns, &t, list, false);
    if (t.nested != NULL)
        add_columns(&columns, &t, list, true);
    drop_empty(&columns, &t, list);
    write_header(&columns, out);
    for (struct row row = {0}; next_row(&t, list, &row);)
        write_row(&columns, &row, out);
}
