#include "refuse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "utf8.h"

enum { CHOICES_MAX = 64 /* compared for the nearest name */ };

static void add_cut(struct buf *out, const char *text)
{
    size_t len = utf8_cut(text, REFUSE_SHOWN_BYTES);
    buf_add(out, text, len);
    if (text[len] != '\0')
        buf_puts(out, "…");
}

static void add_path(struct buf *out, const struct at *at)
{
    if (at == NULL)
        return;
    add_path(out, at->up);
    if (at->name == NULL) {
        buf_printf(out, "[%zu]", at->index);
    } else {
        if (out->len > 0)
            buf_putc(out, '.');
        add_cut(out, at->name);
    }
}

int refuse(struct err *ret_err, const struct at *at, const char *fmt, ...)
{
    struct buf path = {0}, text = {0};
    add_path(&path, at);
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    int rc;
    if (buf_failed(&path) || buf_failed(&text)) {
        rc = err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    } else {
        const struct err *shape = NULL;
        int field_len = (int)utf8_cut(buf_text(&path), sizeof shape->field - 1);
        int text_len = (int)utf8_cut(buf_text(&text), sizeof shape->text - 1);
        char field[sizeof shape->field];
        snprintf(field, sizeof field, "%.*s", field_len, buf_text(&path));
        rc = err_set(ret_err, ERR_ARGUMENT, field, "%.*s", text_len, buf_text(&text));
    }
    buf_done(&path);
    buf_done(&text);
    return rc;
}

static void add_range(struct buf *out, const struct param *row)
{
    double min = 0, max = 0;
    bind_number_range(row, &min, &max);
    bool has_min = min > -BIND_ANY_NUMBER && min > -WHOLE_MAX;
    bool has_max = max < BIND_ANY_NUMBER && max < WHOLE_MAX;
    if (has_min && has_max)
        buf_printf(out, " from %.15g to %.15g", min, max);
    else if (has_min)
        buf_printf(out, " of at least %.15g", min);
    else if (has_max)
        buf_printf(out, " of at most %.15g", max);
}

static void add_names(struct buf *out, const char *lead, const struct param *fields)
{
    for (const struct param *row = fields; row != NULL && row->name != NULL; row++) {
        buf_puts(out, row == fields ? lead : ", ");
        buf_puts(out, row->name);
    }
}

/* What one value of the row may be. */
static void add_expected_value(struct buf *out, const struct param *row)
{
    switch (row->type) {
    case VALUE_STRING:
        if (row->choices != NULL) {
            buf_puts(out, "one of ");
            for (size_t i = 0; row->choices[i] != NULL; i++)
                buf_printf(out, i == 0 ? "%s" : ", %s", row->choices[i]);
        } else {
            size_t max = row->max_length != 0 ? row->max_length : BIND_MAX_STRING;
            buf_printf(out, "a string of at most %zu characters", max);
        }
        break;
    case VALUE_INTEGER:
        buf_puts(out, "a whole number");
        add_range(out, row);
        break;
    case VALUE_NUMBER:
        buf_puts(out, "a number");
        add_range(out, row);
        break;
    case VALUE_BOOLEAN:
        buf_puts(out, "true or false");
        break;
    case VALUE_OBJECT:
        buf_puts(out, "an object");
        add_names(out, " of ", row->fields);
        if (row->shorthand != NULL)
            buf_printf(out, ", or a string (%s)", row->shorthand);
        break;
    }
}

static void add_expected(struct buf *out, const struct param *row)
{
    if (row->is_list) {
        size_t max = row->max_items != 0 ? row->max_items : BIND_MAX_ITEMS;
        buf_printf(out, "a list of %zu to %zu items, each ", row->min_items, max);
    }
    add_expected_value(out, row);
}

/* What came instead; long values are cut, trees only named. */
static void add_given(struct buf *out, const json_t *value)
{
    if (json_is_string(value)) {
        buf_putc(out, '"');
        add_cut(out, json_string_value(value));
        buf_putc(out, '"');
    } else if (json_is_array(value)) {
        buf_printf(out, "a list of %zu", json_array_size(value));
    } else if (json_is_object(value)) {
        buf_puts(out, "an object");
    } else if (json_is_integer(value)) {
        buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_real(value)) {
        buf_printf(out, "%.15g", json_real_value(value));
    } else {
        buf_puts(out, json_is_true(value) ? "true" : json_is_false(value) ? "false" : "null");
    }
}

int refuse_value(struct err *ret_err, const struct at *at, const struct param *row,
                 const json_t *value, const char *hint)
{
    struct buf expected = {0}, given = {0};
    add_expected_value(&expected, row);
    add_given(&given, value);
    int rc =
        refuse(ret_err, at, "expected %s, got %s%s", buf_text(&expected), buf_text(&given), hint);
    buf_done(&expected);
    buf_done(&given);
    return rc;
}

int refuse_missing(struct err *ret_err, const struct at *at, const struct param *row)
{
    struct buf expected = {0};
    add_expected(&expected, row);
    int rc = refuse(ret_err, at, "required but missing; expected %s", buf_text(&expected));
    buf_done(&expected);
    return rc;
}

int refuse_unknown(struct err *ret_err, const struct at *at, const struct param *fields,
                   const char *key)
{
    const char *names[CHOICES_MAX];
    size_t count = 0;
    for (const struct param *row = fields; row->name != NULL && count < CHOICES_MAX; row++)
        names[count++] = row->name;
    const char *nearest = bind_nearest(key, names, count);
    struct buf text = {0};
    if (nearest != NULL)
        buf_printf(&text, "; did you mean \"%s\"?", nearest);
    else
        buf_putc(&text, ';');
    add_names(&text, " Allowed: ", fields);
    if (count == 0)
        buf_puts(&text, " none is allowed here");
    struct at here = {.up = at, .name = key};
    int rc = refuse(ret_err, &here, "unknown name%s", buf_text(&text));
    buf_done(&text);
    return rc;
}
