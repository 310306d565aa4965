#include "bind.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "refuse.h"
#include "utf8.h"

enum { NUMBER_TEXT_MAX = 64 };

static int bind_members(const struct param *fields, const json_t *object, const struct at *at,
                        json_t **ret_values, struct err *ret_err);
static int bind_value(const struct param *row, const json_t *value, const struct at *at,
                      json_t **ret_value, struct err *ret_err);

static int no_memory(struct err *ret_err)
{
    return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
}

/* --- JSON sent as text --------------------------------------------------------------------- */

static bool starts_with(const char *text, char c)
{
    return text[strspn(text, " \t\r\n")] == c;
}

/* A list or object sent as JSON text: NULL with *ret_err when it is none, or too long. */
static json_t *parse_text(const json_t *value, struct err *ret_err)
{
    size_t len = json_string_length(value);
    if (len > BIND_MAX_JSON_TEXT) {
        err_set(ret_err, ERR_ARGUMENT, NULL, "JSON text longer than %d bytes", BIND_MAX_JSON_TEXT);
        return NULL;
    }
    return json_parse(json_string_value(value), len, ret_err);
}

/* --- scalars ------------------------------------------------------------------------------- */

bool bind_number_range(const struct param *row, double *ret_min, double *ret_max)
{
    if (row->type != VALUE_INTEGER && row->type != VALUE_NUMBER)
        return false;
    double open = row->type == VALUE_INTEGER ? WHOLE_MAX : BIND_ANY_NUMBER;
    bool is_unbounded = row->min == 0 && row->max == 0;
    *ret_min = is_unbounded ? -open : row->min;
    /* A minimum alone, {.min = 1}, leaves the other end open. */
    *ret_max = is_unbounded || row->max < row->min ? open : row->max;
    return true;
}

static bool is_in_range(const struct param *row, double value)
{
    double min = 0, max = 0;
    bind_number_range(row, &min, &max);
    return (min <= -BIND_ANY_NUMBER || value >= min) && (max >= BIND_ANY_NUMBER || value <= max);
}

static json_t *number_from_text(const json_t *text)
{
    size_t len = json_string_length(text);
    if (len > NUMBER_TEXT_MAX)
        return NULL;
    json_t *value = json_loadb(json_string_value(text), len, JSON_DECODE_ANY, NULL);
    if (json_is_number(value))
        return value;
    json_decref(value);
    return NULL;
}

static int bind_number(const struct param *row, const json_t *value, const struct at *at,
                       json_t **ret_value, struct err *ret_err)
{
    json_t *parsed = json_is_string(value) ? number_from_text(value) : NULL;
    const json_t *number = parsed != NULL ? parsed : value;
    if (!json_is_number(number))
        return refuse_value(ret_err, at, row, value, "");

    double real = json_number_value(number);
    bool is_whole = json_is_integer(number) || (fabs(real) < 9.2e18 && real == floor(real));
    if (!isfinite(real) || !is_in_range(row, real) || (row->type == VALUE_INTEGER && !is_whole)) {
        json_decref(parsed);
        return refuse_value(ret_err, at, row, value, "");
    }
    json_t *bound;
    if (row->type == VALUE_NUMBER)
        bound =
            json_is_integer(number) ? json_integer(json_integer_value(number)) : json_real(real);
    else
        bound =
            json_integer(json_is_integer(number) ? json_integer_value(number) : (json_int_t)real);
    json_decref(parsed);
    if (bound == NULL)
        return no_memory(ret_err);
    *ret_value = bound;
    return 0;
}

static int bind_boolean(const struct param *row, const json_t *value, const struct at *at,
                        json_t **ret_value, struct err *ret_err)
{
    const char *text = json_string_value(value);
    if (json_is_true(value) || (text != NULL && strcasecmp(text, "true") == 0))
        *ret_value = json_true();
    else if (json_is_false(value) || (text != NULL && strcasecmp(text, "false") == 0))
        *ret_value = json_false();
    else
        return refuse_value(ret_err, at, row, value, "");
    return 0;
}

/* A number or boolean as the text that people write for it. */
static json_t *scalar_text(const json_t *value)
{
    char text[40];
    if (json_is_boolean(value))
        return json_string(json_is_true(value) ? "true" : "false");
    if (json_is_integer(value)) {
        snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else {
        double real = json_real_value(value);
        snprintf(text, sizeof text, "%.15g", real);
        if (strtod(text, NULL) != real)
            snprintf(text, sizeof text, "%.17g", real);
    }
    return json_string(text);
}

static size_t count_characters(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static int bind_choice(const struct param *row, const json_t *value, const struct at *at,
                       json_t **ret_value, struct err *ret_err)
{
    const char *text = json_string_value(value);
    size_t count = 0;
    while (row->choices[count] != NULL && strcmp(row->choices[count], text) != 0)
        count++;
    if (row->choices[count] == NULL)
        for (count = 0; row->choices[count] != NULL; count++)
            if (strcasecmp(row->choices[count], text) == 0)
                break;
    if (row->choices[count] != NULL) {
        *ret_value = json_string(row->choices[count]);
        return *ret_value != NULL ? 0 : no_memory(ret_err);
    }
    char hint[REFUSE_SHOWN_BYTES + 32] = "";
    const char *nearest = bind_nearest(text, row->choices, count);
    if (nearest != NULL)
        snprintf(hint, sizeof hint, "; did you mean \"%.*s\"?",
                 (int)utf8_cut(nearest, REFUSE_SHOWN_BYTES), nearest);
    return refuse_value(ret_err, at, row, value, hint);
}

static int bind_string(const struct param *row, const json_t *value, const struct at *at,
                       json_t **ret_value, struct err *ret_err)
{
    json_t *bound;
    if (json_is_string(value)) {
        const char *text = json_string_value(value);
        size_t max = row->max_length != 0 ? row->max_length : BIND_MAX_STRING;
        if (json_plain_string(value) == NULL)
            return refuse(ret_err, at, "text with a NUL character is not accepted");
        if (row->choices != NULL)
            return bind_choice(row, value, at, ret_value, ret_err);
        if (count_characters(text) > max)
            return refuse_value(ret_err, at, row, value, "");
        bound = json_string(text);
    } else if (row->is_scalar_text && (json_is_number(value) || json_is_boolean(value))) {
        bound = scalar_text(value);
    } else {
        return refuse_value(ret_err, at, row, value, "");
    }
    if (bound == NULL)
        return no_memory(ret_err);
    *ret_value = bound;
    return 0;
}

/* --- objects and lists --------------------------------------------------------------------- */

/* An object of no declared shape is copied, but nothing in it may be what JSON text cannot hold. */
static bool is_plain(const json_t *value, int depth)
{
    if (depth > JSON_DEPTH_MAX)
        return false;
    if (json_is_string(value))
        return json_plain_string(value) != NULL;
    if (json_is_real(value))
        return isfinite(json_real_value(value));
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!is_plain(json_array_get(value, i), depth + 1))
            return false;
    const char *key;
    json_t *member;
    json_object_foreach ((json_t *)value, key, member)
        if (!is_plain(member, depth + 1))
            return false;
    return true;
}

static int bind_free_object(const json_t *object, const struct at *at, json_t **ret_value,
                            struct err *ret_err)
{
    if (!is_plain(object, 0))
        return refuse(ret_err, at, "holds a NUL character, or is nested deeper than %d levels",
                      JSON_DEPTH_MAX);
    json_t *copy = json_deep_copy(object);
    if (copy == NULL)
        return no_memory(ret_err);
    *ret_value = copy;
    return 0;
}

static int bind_shorthand(const struct param *row, const json_t *text, const struct at *at,
                          json_t **ret_value, struct err *ret_err)
{
    json_t *object = json_object();
    if (json_object_set(object, row->shorthand, (json_t *)text) != 0) {
        json_decref(object);
        return no_memory(ret_err);
    }
    int rc = bind_members(row->fields, object, at, ret_value, ret_err);
    json_decref(object);
    return rc;
}

static int bind_object(const struct param *row, const json_t *value, const struct at *at,
                       json_t **ret_value, struct err *ret_err)
{
    if (json_is_object(value))
        return row->fields == NULL ? bind_free_object(value, at, ret_value, ret_err)
                                   : bind_members(row->fields, value, at, ret_value, ret_err);
    if (!json_is_string(value))
        return refuse_value(ret_err, at, row, value, "");
    if (starts_with(json_string_value(value), '{')) {
        struct err why = {0};
        json_t *parsed = parse_text(value, &why);
        if (json_is_object(parsed)) {
            int rc = bind_object(row, parsed, at, ret_value, ret_err);
            json_decref(parsed);
            return rc;
        }
        json_decref(parsed);
        if (row->shorthand == NULL)
            return refuse(ret_err, at, "%s", why.text);
    }
    if (row->shorthand != NULL)
        return bind_shorthand(row, value, at, ret_value, ret_err);
    return refuse_value(ret_err, at, row, value, "");
}

static int bind_value(const struct param *row, const json_t *value, const struct at *at,
                      json_t **ret_value, struct err *ret_err)
{
    switch (row->type) {
    case VALUE_STRING:
        return bind_string(row, value, at, ret_value, ret_err);
    case VALUE_INTEGER:
    case VALUE_NUMBER:
        return bind_number(row, value, at, ret_value, ret_err);
    case VALUE_BOOLEAN:
        return bind_boolean(row, value, at, ret_value, ret_err);
    case VALUE_OBJECT:
        return bind_object(row, value, at, ret_value, ret_err);
    }
    return err_set(ret_err, ERR_INTERNAL, row->name, "a parameter of unknown type");
}

static int bind_items(const struct param *row, const json_t *items, const struct at *at,
                      json_t **ret_value, struct err *ret_err)
{
    size_t count = json_array_size(items);
    size_t max = row->max_items != 0 ? row->max_items : BIND_MAX_ITEMS;
    if (count < row->min_items || count > max)
        return refuse(ret_err, at, "expected a list of %zu to %zu items, got %zu", row->min_items,
                      max, count);
    json_t *bound = json_array();
    if (bound == NULL)
        return no_memory(ret_err);
    for (size_t i = 0; i < count; i++) {
        struct at here = {.up = at, .index = i, .depth = at->depth};
        json_t *item = NULL;
        int rc = bind_value(row, json_array_get(items, i), &here, &item, ret_err);
        if (rc == 0 && json_array_append_new(bound, item) != 0)
            rc = no_memory(ret_err);
        if (rc < 0) {
            json_decref(bound);
            return rc;
        }
    }
    *ret_value = bound;
    return 0;
}

static int bind_list(const struct param *row, const json_t *value, const struct at *at,
                     json_t **ret_value, struct err *ret_err)
{
    if (json_is_array(value))
        return bind_items(row, value, at, ret_value, ret_err);
    if (json_is_string(value) && starts_with(json_string_value(value), '[')) {
        struct err why = {0};
        json_t *parsed = parse_text(value, &why);
        if (json_is_array(parsed)) {
            int rc = bind_items(row, parsed, at, ret_value, ret_err);
            json_decref(parsed);
            return rc;
        }
        json_decref(parsed);
        /* "[Web] Page Viewed" is a name; what can be no name is a broken list. */
        if (row->type != VALUE_STRING && row->shorthand == NULL)
            return refuse(ret_err, at, "%s", why.text);
    }
    /* One bare item: errors name the list itself, since the caller wrote no index. */
    json_t *item = NULL;
    int rc = bind_value(row, value, at, &item, ret_err);
    if (rc < 0)
        return rc;
    json_t *one = json_array();
    if (json_array_append_new(one, item) != 0) {
        json_decref(one);
        return no_memory(ret_err);
    }
    if (row->min_items > 1) {
        json_decref(one);
        return refuse(ret_err, at, "expected a list of at least %zu items, got one",
                      row->min_items);
    }
    *ret_value = one;
    return 0;
}

/* One declared name: what was given, or the default, or nothing (*ret_value NULL). */
static int bind_row(const struct param *row, const json_t *given, const struct at *at,
                    json_t **ret_value, struct err *ret_err)
{
    json_t *fallback = NULL;
    if (given == NULL || json_is_null(given)) {
        if (row->fallback == NULL)
            return row->is_required ? refuse_missing(ret_err, at, row) : 0;
        fallback = json_loads(row->fallback, JSON_DECODE_ANY, NULL);
        if (fallback == NULL)
            return err_set(ret_err, ERR_INTERNAL, row->name, "the default is not valid JSON");
        given = fallback;
    }
    int rc = row->is_list ? bind_list(row, given, at, ret_value, ret_err)
                          : bind_value(row, given, at, ret_value, ret_err);
    json_decref(fallback);
    return rc;
}

static int bind_members(const struct param *fields, const json_t *object, const struct at *at,
                        json_t **ret_values, struct err *ret_err)
{
    int depth = at != NULL ? at->depth + 1 : 0;
    if (depth > BIND_MAX_DEPTH)
        return refuse(ret_err, at, "nested deeper than %d levels", BIND_MAX_DEPTH);
    const char *key;
    json_t *member;
    json_object_foreach ((json_t *)object, key, member) {
        const struct param *row = fields;
        while (row->name != NULL && strcmp(row->name, key) != 0)
            row++;
        if (row->name == NULL)
            return refuse_unknown(ret_err, at, fields, key);
    }
    json_t *values = json_object();
    if (values == NULL)
        return no_memory(ret_err);
    for (const struct param *row = fields; row->name != NULL; row++) {
        struct at here = {.up = at, .name = row->name, .depth = depth};
        json_t *value = NULL;
        int rc = bind_row(row, json_object_get(object, row->name), &here, &value, ret_err);
        if (rc == 0 && value != NULL && json_object_set_new(values, row->name, value) != 0)
            rc = no_memory(ret_err);
        if (rc < 0) {
            json_decref(values);
            return rc;
        }
    }
    *ret_values = values;
    return 0;
}

int bind_arguments(const struct param *params, const json_t *arguments, json_t **ret_values,
                   struct err *ret_err)
{
    static const struct param none[] = {{0}};
    const struct param *fields = params != NULL ? params : none;
    json_t *parsed = NULL;
    if (arguments == NULL || json_is_null(arguments)) {
        arguments = parsed = json_object();
        if (parsed == NULL)
            return no_memory(ret_err);
    } else if (json_is_string(arguments)) {
        arguments = parsed = parse_text(arguments, ret_err);
        if (parsed == NULL)
            return -ERR_ARGUMENT;
    }
    int rc = json_is_object(arguments)
                 ? bind_members(fields, arguments, NULL, ret_values, ret_err)
                 : refuse(ret_err, NULL, "the arguments must be a JSON object");
    json_decref(parsed);
    return rc;
}
