#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "bind_table.h"
#include "json.h"
#include "schema.h"

static void assert_json(json_t *got, const char *want)
{
    char *text = json_text(got);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
    json_decref(got);
}

static void test_scalars(void **state)
{
    static const char *const colours[] = {"red", "green", NULL};
    static const struct param params[] = {
        {.name = "a", .is_required = true, .description = "Text.", .max_length = 9},
        {.name = "b", .type = VALUE_INTEGER, .min = 1, .max = 5, .fallback = "3"},
        {.name = "c", .type = VALUE_NUMBER, .min = 0.5, .max = 2},
        {.name = "d", .type = VALUE_BOOLEAN, .fallback = "true"},
        {.name = "e", .choices = colours, .fallback = "\"red\"", .is_required = true},
        {.name = "f", .type = VALUE_OBJECT},
        {.name = "g", .type = VALUE_NUMBER},
        {.name = "h", .type = VALUE_INTEGER, .min = 1},
        {0},
    };
    assert_json(schema_input(params),
                "{\"type\":\"object\",\"properties\":{"
                "\"a\":{\"type\":\"string\",\"description\":\"Text.\",\"maxLength\":9},"
                "\"b\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":5,\"default\":3},"
                "\"c\":{\"type\":\"number\",\"minimum\":0.5,\"maximum\":2},"
                "\"d\":{\"type\":\"boolean\",\"default\":true},"
                "\"e\":{\"type\":\"string\",\"enum\":[\"red\",\"green\"],\"default\":\"red\"},"
                "\"f\":{\"type\":\"object\"},"
                "\"g\":{\"type\":\"number\"},"
                "\"h\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9007199254740991}},"
                "\"required\":[\"a\"],\"additionalProperties\":false}");
}

static void test_lists(void **state)
{
    static const struct param inner[] = {
        {.name = "k", .is_required = true},
        {.name = "own", .type = VALUE_OBJECT, .fields = inner, .is_hidden = true},
        {0},
    };
    static const struct param params[] = {
        {.name = "names",
         .is_list = true,
         .min_items = 1,
         .max_items = 3,
         .max_length = 7,
         .description = "Names."},
        {.name = "items", .type = VALUE_OBJECT, .is_list = true, .fields = inner},
        {.name = "top", .type = VALUE_BOOLEAN, .is_hidden = true},
        {0},
    };
    assert_json(schema_input(params),
                "{\"type\":\"object\",\"properties\":{"
                "\"names\":{\"type\":\"array\",\"description\":\"Names.\",\"items\":{\"type\":"
                "\"string\",\"maxLength\":7},\"minItems\":1,\"maxItems\":3},"
                "\"items\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
                "\"k\":{\"type\":\"string\"}},\"required\":[\"k\"],\"additionalProperties\":false},"
                "\"maxItems\":100},"
                "\"top\":{\"type\":\"boolean\"}},\"additionalProperties\":false}");
}

static void test_nothing(void **state)
{
    assert_json(schema_input(NULL),
                "{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}");
    assert_json(schema_output(NULL), "{\"type\":\"object\",\"properties\":{}}");
}

static void test_output(void **state)
{
    static const struct field fields_of_step[] = {{.name = "deep"}, {0}};
    static const struct field step[] = {
        {.name = "step", .type = VALUE_INTEGER, .description = "From 1."},
        {.name = "share", .type = VALUE_NUMBER, .is_optional = true},
        {.name = "path", .is_list = true},
        {.name = "inner", .type = VALUE_OBJECT, .is_list = true, .fields = fields_of_step},
        {0},
    };
    static const struct field fields[] = {
        {.name = "steps", .type = VALUE_OBJECT, .is_list = true, .fields = step},
        {.name = "any", .type = VALUE_OBJECT, .is_optional = true},
        {0},
    };
    assert_json(
        schema_output(fields),
        "{\"type\":\"object\",\"properties\":{\"steps\":{\"type\":\"array\",\"items\":{"
        "\"type\":\"object\",\"properties\":{\"step\":{\"type\":\"integer\"},\"share\":{"
        "\"type\":\"number\"},\"path\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
        "\"inner\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}}}},\"any\":{\"type\":"
        "\"object\"}},\"required\":[\"steps\"]}");
}

/* The rules of every published schema: one plain type, items on arrays, no composition. */
static void check_rules(const json_t *schema, bool is_property)
{
    static const char *const vocabulary[] = {
        "type",     "description", "properties", "required", "additionalProperties",
        "items",    "enum",        "minimum",    "maximum",  "minItems",
        "maxItems", "maxLength",   "default"};
    const char *type = json_get_string(schema, "type", NULL);
    assert_non_null(type);
    if (is_property)
        assert_true(strlen(json_get_string(schema, "description", "")) > 0);
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)schema, key, value) {
        size_t i = 0;
        while (i < sizeof vocabulary / sizeof *vocabulary && strcmp(vocabulary[i], key) != 0)
            i++;
        assert_true(i < sizeof vocabulary / sizeof *vocabulary);
    }
    if (strcmp(type, "array") == 0) {
        assert_non_null(json_object_get(schema, "items"));
        check_rules(json_object_get(schema, "items"), false);
    }
    json_object_foreach (json_object_get(schema, "properties"), key, value)
        check_rules(value, true);
}

static void test_funnel(void **state)
{
    json_t *schema = schema_input(table_funnel);
    assert_non_null(schema);
    check_rules(schema, false);
    char *text = json_text(schema);
    assert_non_null(text);
    assert_true(strlen(text) < 4096);
    assert_null(strstr(text, "any_of"));
    free(text);
    json_decref(schema);
}

/* A table that recurses without hiding must still end. */
static void test_recursion_ends(void **state)
{
    static const struct param loop[] = {
        {.name = "again", .type = VALUE_OBJECT, .fields = loop, .description = "Itself."},
        {0},
    };
    json_t *schema = schema_input(loop);
    assert_non_null(schema);
    check_rules(schema, false);
    json_decref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars), cmocka_unit_test(test_lists),
        cmocka_unit_test(test_nothing), cmocka_unit_test(test_output),
        cmocka_unit_test(test_funnel),  cmocka_unit_test(test_recursion_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
