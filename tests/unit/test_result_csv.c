/* Results as CSV: lists in lists, values of a breakdown, and memory that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fail_realloc.h"
#include "result_csv.h"

/* --- a tool ----------------------------------------------------------------------------------- */

static const struct field span_fields[] = {
    {"from", "", VALUE_INTEGER},
    {"to", "", VALUE_INTEGER},
    {0},
};
static const struct field cell_fields[] = {
    {"breakdown", "", VALUE_STRING, .is_list = true},
    {"span", "", VALUE_OBJECT, .fields = span_fields},
    {"value", "", VALUE_NUMBER},
    {0},
};
static const struct field item_fields[] = {
    {"name", "", VALUE_STRING},
    {"tags", "", VALUE_STRING, .is_list = true},
    {"cells", "", VALUE_OBJECT, .is_list = true, .fields = cell_fields},
    {0},
};
static const struct field fields[] = {
    {"total", "", VALUE_INTEGER},
    {"items", "", VALUE_OBJECT, .is_list = true, .fields = item_fields},
    {"cells", "", VALUE_OBJECT, .is_list = true, .fields = cell_fields},
    {0},
};

/* Writes the CSV of a result. */
static void write_csv(const char *const *tables, const char *json, struct buf *out)
{
    const struct tool tool = {.name = "test", .fields = fields, .tables = tables};
    json_t *result = json_loads(json, 0, NULL);
    assert_non_null(result);
    result_csv_write(&tool, result, out);
    json_decref(result);
}

static void expect(const char *const *tables, const char *json, const char *expected)
{
    struct buf out = {0};
    write_csv(tables, json, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_done(&out);
}

static const char *const inner[] = {"items.cells", NULL};

static const char nested[] =
    "{\"items\":[{\"name\":\"none\",\"cells\":[]},{\"name\":\"a, "
    "\\\"b\\\"\",\"tags\":[\"x\",\"y\"],"
    "\"cells\":[{\"breakdown\":[\"de\",\"web\"],\"value\":0.5},"
    "{\"breakdown\":[\"fr\",\"app\"],\"value\":null,\"span\":{\"from\":1}}]}]}";
static const char nested_csv[] = "name,tags,breakdown_1,breakdown_2,span.from,value\r\n"
                                 "none,,,,,\r\n"
                                 "\"a, \"\"b\"\"\",x; y,de,web,,0.5\r\n"
                                 "\"a, \"\"b\"\"\",x; y,fr,app,1,\r\n";

static void test_lists_in_lists(void **state)
{
    expect(inner, nested, nested_csv);
    expect(inner, "{\"items\":[]}", "name,tags,breakdown,span.from,span.to,value\r\n");
}

/* Without a word of the tool: the first list that the result has. */
static void test_which_list(void **state)
{
    expect(NULL, "{\"total\":1,\"cells\":[{\"breakdown\":[\"de\"],\"value\":1}]}",
           "breakdown,value\r\nde,1\r\n");
    expect(NULL, "{\"items\":[{\"name\":\"a\"}],\"cells\":[]}", "name\r\na\r\n");
    expect(NULL, "{\"total\":1}", "name,tags,cells\r\n");
}

/* Whichever growth fails, nothing is missing that is not told. */
static void test_out_of_memory(void **state)
{
    size_t n = 0;
    for (bool has_failed = true; has_failed;) {
        struct buf out = {0};
        realloc_countdown = ++n;
        write_csv(inner, nested, &out);
        has_failed = realloc_countdown == 0;
        assert_int_equal(buf_failed(&out), has_failed);
        if (!has_failed)
            assert_string_equal(buf_text(&out), nested_csv);
        buf_done(&out);
    }
    realloc_countdown = 0;
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_in_lists),
        cmocka_unit_test(test_which_list),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
