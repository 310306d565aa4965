#include "schema.h"

#include <math.h>

#include "bind.h"

/* Deeper objects are published as plain ones; a table that recurses without is_hidden ends here. Of
 * results, whose schemas nobody fills in, two levels tell what there is, the first one also what is
 * always there. */
enum { SCHEMA_MAX_DEPTH = 6, OUTPUT_MAX_DEPTH = 1 };

static const char *const type_names[] = {
    [VALUE_STRING] = "string",   [VALUE_INTEGER] = "integer", [VALUE_NUMBER] = "number",
    [VALUE_BOOLEAN] = "boolean", [VALUE_OBJECT] = "object",
};

static json_t *input_object(const struct param *params, int depth);
static json_t *output_object(const struct field *fields, int depth);

/* Every json_*_new() call below takes the reference even when it fails, and refuses NULL values, so
 * one flag tells at the end whether memory ran out anywhere. */
static void put(json_t *object, const char *key, json_t *value, bool *failed)
{
    if (json_object_set_new(object, key, value) != 0)
        *failed = true;
}

static json_t *finish(json_t *value, bool failed)
{
    if (!failed)
        return value;
    json_decref(value);
    return NULL;
}

/* Takes both references. */
static json_t *object_of(json_t *properties, json_t *required, bool is_closed, bool failed)
{
    json_t *schema = json_object();
    put(schema, "type", json_string("object"), &failed);
    put(schema, "properties", properties, &failed);
    if (json_array_size(required) > 0)
        put(schema, "required", json_incref(required), &failed);
    if (is_closed)
        put(schema, "additionalProperties", json_false(), &failed);
    json_decref(required);
    return finish(schema, failed || required == NULL);
}

static json_t *number(enum value_type type, double value)
{
    bool is_whole = fabs(value) < 9.2e18 && value == floor(value); /* what a json_int_t holds */
    if (type == VALUE_INTEGER || is_whole)
        return json_integer((json_int_t)value);
    return json_real(value);
}

/* What holds for one value: for each item when the row is a list. */
static void put_constraints(json_t *schema, const struct param *row, bool *failed)
{
    double min, max;
    if (bind_number_range(row, &min, &max)) {
        if (min > -BIND_ANY_NUMBER)
            put(schema, "minimum", number(row->type, min), failed);
        if (max < BIND_ANY_NUMBER)
            put(schema, "maximum", number(row->type, max), failed);
    }
    if (row->type == VALUE_STRING && row->max_length != 0 && row->choices == NULL)
        put(schema, "maxLength", json_integer((json_int_t)row->max_length), failed);
    if (row->choices != NULL) {
        json_t *choices = json_array();
        for (size_t i = 0; row->choices[i] != NULL; i++)
            if (json_array_append_new(choices, json_string(row->choices[i])) != 0)
                *failed = true;
        put(schema, "enum", choices, failed);
    }
}

static json_t *input_value(const struct param *row, int depth)
{
    bool failed = false;
    json_t *schema = NULL;
    bool is_open = row->fields == NULL || row->is_brief || depth >= SCHEMA_MAX_DEPTH;
    if (row->type == VALUE_OBJECT && !is_open) {
        schema = input_object(row->fields, depth + 1);
    } else {
        schema = json_object();
        put(schema, "type", json_string(type_names[row->type]), &failed);
        put_constraints(schema, row, &failed);
    }
    return finish(schema, failed || schema == NULL);
}

static json_t *input_list(const struct param *row, int depth)
{
    bool failed = false;
    json_t *schema = json_object();
    put(schema, "type", json_string("array"), &failed);
    put(schema, "items", input_value(row, depth), &failed);
    if (row->min_items != 0)
        put(schema, "minItems", json_integer((json_int_t)row->min_items), &failed);
    size_t max_items = row->max_items != 0 ? row->max_items : BIND_MAX_ITEMS;
    put(schema, "maxItems", json_integer((json_int_t)max_items), &failed);
    return finish(schema, failed);
}

/* The description comes second, where people and agents look for it. */
static json_t *input_property(const struct param *row, int depth)
{
    bool failed = false;
    json_t *constraints = row->is_list ? input_list(row, depth) : input_value(row, depth);
    if (constraints == NULL)
        return NULL;
    json_t *schema = json_object();
    put(schema, "type", json_incref(json_object_get(constraints, "type")), &failed);
    if (row->description != NULL)
        put(schema, "description", json_string(row->description), &failed);
    if (json_object_update_missing(schema, constraints) != 0)
        failed = true;
    json_decref(constraints);
    if (row->fallback != NULL)
        put(schema, "default", json_loads(row->fallback, JSON_DECODE_ANY, NULL), &failed);
    return finish(schema, failed);
}

static json_t *input_object(const struct param *params, int depth)
{
    bool failed = false;
    json_t *properties = json_object();
    json_t *required = json_array();
    for (const struct param *row = params; row != NULL && row->name != NULL; row++) {
        if (row->is_hidden && depth > 0)
            continue;
        put(properties, row->name, input_property(row, depth), &failed);
        if (row->is_required && row->fallback == NULL &&
            json_array_append_new(required, json_string(row->name)) != 0)
            failed = true;
    }
    return object_of(properties, required, true, failed);
}

json_t *schema_input(const struct param *params)
{
    return input_object(params, 0);
}

static json_t *output_value(const struct field *row, int depth)
{
    if (row->type == VALUE_OBJECT && row->fields != NULL && depth < OUTPUT_MAX_DEPTH)
        return output_object(row->fields, depth + 1);
    bool failed = false;
    json_t *schema = json_object();
    put(schema, "type", json_string(type_names[row->type]), &failed);
    return finish(schema, failed);
}

static json_t *output_property(const struct field *row, int depth)
{
    if (!row->is_list)
        return output_value(row, depth);
    bool failed = false;
    json_t *schema = json_object();
    put(schema, "type", json_string("array"), &failed);
    put(schema, "items", output_value(row, depth), &failed);
    return finish(schema, failed);
}

static json_t *output_object(const struct field *fields, int depth)
{
    bool failed = false;
    json_t *properties = json_object();
    json_t *required = json_array();
    for (const struct field *row = fields; row != NULL && row->name != NULL; row++) {
        put(properties, row->name, output_property(row, depth), &failed);
        if (!row->is_optional && depth == 0 &&
            json_array_append_new(required, json_string(row->name)) != 0)
            failed = true;
    }
    return object_of(properties, required, false, failed);
}

json_t *schema_output(const struct field *fields)
{
    return output_object(fields, 0);
}
