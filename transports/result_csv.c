#include "result_csv.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"

enum { COLUMNS_MAX = 64 };

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
    struct table none = {0};
    const char *const *path = tool->tables;
    for (; path != NULL && *path != NULL; path++) {
        struct table t = table_at(tool, *path);
        if (t.list != NULL && (result == NULL || json_object_get(result, t.list->name) != NULL))
            return t;
    }
    for (const struct field *f = tool->fields; f != NULL && f->name != NULL; f++) {
        bool is_there = result == NULL || json_object_get(result, f->name) != NULL;
        if (is_table(f) && (is_there || none.list == NULL))
            none.list = f;
        if (is_table(f) && is_there)
            break;
    }
    return none;
}

bool result_csv_has_table(const struct tool *tool)
{
    return choose_table(tool, NULL).list != NULL;
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
    if (c->count < COLUMNS_MAX)
        c->items[c->count++] = column;
}

static void add_columns(struct columns *c, const struct table *t, const json_t *rows,
                        bool is_nested)
{
    const struct field *f = is_nested ? t->nested->fields : t->list->fields;
    for (; f->name != NULL; f++) {
        if (f == t->nested)
            continue;
        if (f->type == VALUE_OBJECT && !f->is_list && f->fields != NULL) {
            for (const struct field *inner = f->fields; inner->name != NULL; inner++)
                add_column(c, (struct column){inner, .within = f, .is_nested = is_nested});
        } else if (f->is_list && strcmp(f->name, "breakdown") == 0) {
            size_t parts = json_array_size(json_object_get(json_array_get(rows, 0), f->name));
            for (size_t i = 0; i < (parts > 0 ? parts : 1); i++)
                add_column(c, (struct column){f, .part = i, .parts = parts > 0 ? parts : 1});
        } else {
            add_column(c, (struct column){f, .is_nested = is_nested});
        }
    }
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
        add_cell(out, buf_text(&name));
        buf_done(&name);
    }
    buf_puts(out, "\r\n");
}

/* --- rows ------------------------------------------------------------------------------------ */

static void add_plain(const json_t *value, struct buf *out)
{
    if (value == NULL || json_is_null(value))
        return;
    if (json_is_string(value)) {
        buf_puts(out, json_string_value(value));
        return;
    }
    json_add(out, value, JSON_PLAIN);
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
    } else {
        add_plain(value, out);
    }
}

/* NULL if the row has none. */
static const json_t *value_at(const struct column *c, const json_t *row, const json_t *nested)
{
    const json_t *value = c->is_nested ? nested : row;
    if (c->within != NULL)
        value = json_object_get(value, c->within->name);
    value = json_object_get(value, c->field->name);
    return c->parts > 0 ? json_array_get(value, c->part) : value;
}

static bool is_filled(const struct column *c, const struct table *t, const json_t *rows)
{
    size_t i, k;
    const json_t *row, *item;
    json_array_foreach (rows, i, row) {
        if (!c->is_nested && value_at(c, row, NULL) != NULL)
            return true;
        if (!c->is_nested)
            continue;
        json_array_foreach (json_object_get(row, t->nested->name), k, item)
            if (value_at(c, row, item) != NULL)
                return true;
    }
    return json_array_size(rows) == 0; /* of an empty table all columns are there */
}

/* What was not asked for, like a comparison, is no column. */
static void drop_empty(struct columns *columns, const struct table *t, const json_t *rows)
{
    size_t kept = 0;
    for (size_t i = 0; i < columns->count; i++)
        if (is_filled(&columns->items[i], t, rows))
            columns->items[kept++] = columns->items[i];
    columns->count = kept;
}

static void write_row(const struct columns *columns, const json_t *row, const json_t *nested,
                      struct buf *out)
{
    for (size_t i = 0; i < columns->count; i++) {
        struct buf text = {0};
        add_text(value_at(&columns->items[i], row, nested), &text);
        buf_puts(out, i > 0 ? "," : "");
        add_cell(out, buf_text(&text));
        buf_done(&text);
    }
    buf_puts(out, "\r\n");
}

void result_csv_write(const struct tool *tool, const json_t *result, struct buf *out)
{
    struct table t = choose_table(tool, result);
    if (t.list == NULL)
        return;
    const json_t *rows = json_object_get(result, t.list->name);
    struct columns columns = {.count = 0};
    add_columns(&columns, &t, rows, false);
    if (t.nested != NULL)
        add_columns(&columns, &t, rows, true);
    drop_empty(&columns, &t, rows);
    write_header(&columns, out);
    size_t i, k;
    const json_t *row, *item;
    json_array_foreach (rows, i, row) {
        const json_t *items = t.nested != NULL ? json_object_get(row, t.nested->name) : NULL;
        json_array_foreach (items, k, item)
            write_row(&columns, row, item, out);
        if (json_array_size(items) == 0)
            write_row(&columns, row, NULL, out);
    }
}
