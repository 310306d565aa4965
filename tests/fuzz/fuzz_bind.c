/* Any JSON as arguments, against a table of every kind. What bind accepts must be what the table
 * says (checked by a reader of the table written for this test alone), bind the same again, and
 * share nothing with what was sent; what the published schema accepts bind must accept; and a
 * refusal must be whole text. */
#include <math.h>
#include <string.h>

#include "../unit/bind_table.h"
#include "bind.h"
#include "fuzz.h"
#include "json.h"
#include "schema.h"

/* Beside the funnel's: kinds that it lacks. */
static const struct param tree[] = {
    {.name = "value", .type = VALUE_INTEGER},
    {.name = "children", .type = VALUE_OBJECT, .is_list = true, .fields = tree},
    {0},
};
static const struct param root[] = {
    {.name = "funnel", .type = VALUE_OBJECT, .fields = table_funnel},
    {.name = "tree", .type = VALUE_OBJECT, .fields = tree},
    {.name = "flags", .type = VALUE_BOOLEAN, .is_list = true, .min_items = 2, .max_items = 3},
    {.name = "numbers", .type = VALUE_NUMBER, .is_list = true, .min = -1.5, .max = 1e300},
    {.name = "wholes", .type = VALUE_INTEGER, .is_list = true},
    {.name = "objects", .type = VALUE_OBJECT, .is_list = true, .max_items = 4},
    {.name = "short", .max_length = 3, .fallback = "\"abc\""},
    {.name = "must", .choices = table_orders, .is_required = true},
    {0},
};

/* ---- what the table says, read again ---- */

static int conforms(const struct param *row, const json_t *value);

static int conforms_object(const struct param *fields, const json_t *object)
{
    size_t known = 0;
    for (const struct param *row = fields; row->name != NULL; row++) {
        const json_t *value = json_object_get(object, row->name);
        known += value != NULL;
        if (value == NULL) {
            if (row->is_required || row->fallback != NULL)
                return 0;
            continue;
        }
        size_t max = row->max_items != 0 ? row->max_items : BIND_MAX_ITEMS;
        size_t count = json_array_size(value);
        if (!row->is_list && !conforms(row, value))
            return 0;
        if (row->is_list && (!json_is_array(value) || count < row->min_items || count > max))
            return 0;
        for (size_t i = 0; row->is_list && i < count; i++)
            if (!conforms(row, json_array_get(value, i)))
                return 0;
    }
    return json_is_object(object) && known == json_object_size(object);
}

static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += (*text & 0xc0) != 0x80;
    return count;
}

static int conforms_string(const struct param *row, const json_t *value)
{
    const char *text = json_string_value(value);
    if (text == NULL || strlen(text) != json_string_length(value))
        return 0;
    for (size_t i = 0; row->choices != NULL && row->choices[i] != NULL; i++)
        if (strcmp(row->choices[i], text) == 0)
            return 1;
    size_t max = row->max_length != 0 ? row->max_length : BIND_MAX_STRING;
    return row->choices == NULL && characters(text) <= max;
}

static int conforms(const struct param *row, const json_t *value)
{
    double number = json_number_value(value);
    int has_min = row->min != 0 || row->max != 0, has_max = has_min && row->max >= row->min;
    switch (row->type) {
    case VALUE_STRING:
        return conforms_string(row, value);
    case VALUE_INTEGER:
        if (!json_is_integer(value) || fabs(number) > 9007199254740991.0)
            return 0;
        break;
    case VALUE_NUMBER:
        if (!json_is_number(value) || !isfinite(number))
            return 0;
        break;
    case VALUE_BOOLEAN:
        return json_is_boolean(value);
    case VALUE_OBJECT:
        return row->fields != NULL ? conforms_object(row->fields, value) : json_is_object(value);
    }
    return (!has_min || number >= row->min) && (!has_max || number <= row->max);
}

/* ---- what the schema says ---- */

static int is_type(const json_t *value, const char *type)
{
    double number = json_number_value(value);
    return (json_is_string(value) && strcmp(type, "string") == 0) ||
           (json_is_boolean(value) && strcmp(type, "boolean") == 0) ||
           (json_is_object(value) && strcmp(type, "object") == 0) ||
           (json_is_array(value) && strcmp(type, "array") == 0) ||
           (json_is_number(value) && strcmp(type, "number") == 0) ||
           (json_is_number(value) && number == floor(number) && strcmp(type, "integer") == 0);
}

static int has(const json_t *array, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (json_equal(json_array_get(array, i), value))
            return 1;
    return 0;
}

/* Beside the schema: no string with NUL, none above the length that stays unpublished, no number
 * that JSON text cannot hold. */
static int accepts(const json_t *schema, const json_t *value, int depth);

static int accepts_members(const json_t *schema, const json_t *object, int depth)
{
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *required = json_object_get(schema, "required");
    for (size_t i = 0; i < json_array_size(required); i++)
        if (json_object_get(object, json_string_value(json_array_get(required, i))) == NULL)
            return 0;
    const char *key;
    json_t *member;
    json_object_foreach ((json_t *)object, key, member) {
        const json_t *inner = json_object_get(properties, key);
        if (inner == NULL && json_is_false(json_object_get(schema, "additionalProperties")))
            return 0;
        if (!accepts(inner, member, depth + 1))
            return 0;
    }
    return 1;
}

static int accepts(const json_t *schema, const json_t *value, int depth)
{
    const char *type = json_get_string(schema, "type", NULL);
    const json_t *choices = json_object_get(schema, "enum");
    json_int_t size = (json_int_t)json_array_size(value);
    double number = json_number_value(value);
    if (depth > BIND_MAX_DEPTH || (type != NULL && !is_type(value, type)))
        return 0;
    if (choices != NULL && !has(choices, value))
        return 0;
    if (json_is_string(value)) {
        const char *text = json_string_value(value);
        json_int_t max = json_get_integer(schema, "maxLength", BIND_MAX_STRING);
        return strlen(text) == json_string_length(value) && (json_int_t)characters(text) <= max;
    }
    if (json_is_number(value))
        return number >= json_get_number(schema, "minimum", -1e308) &&
               number <= json_get_number(schema, "maximum", 1e308);
    if (size < json_get_integer(schema, "minItems", 0) ||
        size > json_get_integer(schema, "maxItems", size))
        return 0;
    for (json_int_t i = 0; i < size; i++)
        if (!accepts(json_object_get(schema, "items"), json_array_get(value, (size_t)i), depth))
            return 0;
    return !json_is_object(value) || accepts_members(schema, value, depth);
}

/* ---- one input ---- */

static void must_be_text(const char *text, int may_be_empty)
{
    json_t *string = json_string(text); /* refuses what is no UTF-8 */
    check(string != NULL, "an error that is no text");
    check(may_be_empty || text[0] != '\0', "an error without a text");
    json_decref(string);
}

static void check_bound(const json_t *arguments, json_t *values)
{
    struct err err;
    json_t *again = NULL;
    check(conforms_object(root, values), "a value that the table forbids");
    int rc = bind_arguments(root, values, &again, &err);
    check(rc == 0, "what was bound is refused");
    check(json_equal(values, again), "what was bound binds to something else");
    json_decref(again);
    char *before = json_text(arguments);
    json_object_clear(values);
    char *after = json_text(arguments);
    check(before != NULL && after != NULL && strcmp(before, after) == 0, "the arguments changed");
    free(before);
    free(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static json_t *schema;
    if (schema == NULL)
        schema = schema_input(root);
    json_t *arguments = json_parse((const char *)data, size, NULL);
    if (arguments == NULL)
        return 0;
    struct err err = {.code = ERR_OK};
    json_t *values = NULL;
    int rc = bind_arguments(root, arguments, &values, &err);
    check((rc == 0) == (values != NULL), "a result without success, or none with it");
    if (rc == 0) {
        check_bound(arguments, values);
    } else {
        check(err.code == ERR_ARGUMENT && rc == -ERR_ARGUMENT, "another error");
        must_be_text(err.text, 0);
        must_be_text(err.field, 1);
        check(!accepts(schema, arguments, 0), "what the schema accepts is refused");
    }
    json_decref(values);
    json_decref(arguments);
    return 0;
}
