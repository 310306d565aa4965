#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "bind.h"
#include "bind_table.h"
#include "json.h"
#include "schema.h"

static json_t *read_json(const char *text)
{
    struct err err = {0};
    json_t *value = json_parse(text, strlen(text), &err);
    if (value == NULL)
        fail_msg("%s: %s", text, err.text);
    return value;
}

/* --- what is accepted, and what becomes of it ---------------------------------------------- */

static const struct {
    const char *arguments;
    const char *path; /* member of the outcome, as a chain of keys and indexes */
    const char *want; /* its JSON */
} accepted[] = {
    {"{\"steps\":[{\"event\":\"a\"}]}", "steps", "[{\"event\":\"a\",\"optional\":false}]"},
    {"{\"steps\":[\"a\"]}", "steps", "[{\"event\":\"a\",\"optional\":false}]"},
    {"{\"steps\":\"a\"}", "steps", "[{\"event\":\"a\",\"optional\":false}]"},
    {"{\"steps\":{\"event\":\"a\"}}", "steps", "[{\"event\":\"a\",\"optional\":false}]"},
    {"{\"steps\":\"[\\\"a\\\",{\\\"event\\\":\\\"b\\\",\\\"optional\\\":\\\"TRUE\\\"}]\"}", "steps",
     "[{\"event\":\"a\",\"optional\":false},{\"event\":\"b\",\"optional\":true}]"},
    {"{\"steps\":[\"{\\\"event\\\":\\\"b\\\"}\"]}", "steps/0/event", "\"b\""},
    /* Names that only look like JSON stay names. */
    {"{\"steps\":\"[Web] Page Viewed\"}", "steps/0/event", "\"[Web] Page Viewed\""},
    {"{\"steps\":[\"{id} opened\"]}", "steps/0/event", "\"{id} opened\""},
    {"{\"steps\":\"a\",\"breakdown\":\"[Web] kind\"}", "breakdown", "[\"[Web] kind\"]"},
    {"{\"steps\":\"a\",\"breakdown\":\"[\\\"x\\\",\\\"y\\\"]\"}", "breakdown", "[\"x\",\"y\"]"},
    {"{\"steps\":\"a\"}", "order", "\"ordered\""},
    {"{\"steps\":\"a\",\"order\":\"STRICT\"}", "order", "\"strict\""},
    {"{\"steps\":\"a\",\"order\":null}", "order", "\"ordered\""},
    {"{\"steps\":\"a\"}", "within", "{\"value\":14,\"unit\":\"day\"}"},
    {"{\"steps\":\"a\",\"within\":\"{\\\"value\\\":\\\"2\\\"}\"}", "within",
     "{\"value\":2,\"unit\":\"day\"}"},
    {"{\"steps\":\"a\",\"within\":{\"value\":1.5,\"unit\":\"hour\"}}", "within/value", "1.5"},
    {"{\"steps\":\"a\",\"limit\":\"50\"}", "limit", "50"},
    {"{\"steps\":\"a\",\"limit\":\" 50 \"}", "limit", "50"},
    {"{\"steps\":\"a\",\"limit\":50.0}", "limit", "50"},
    {"{\"steps\":\"a\",\"limit\":\"5e1\"}", "limit", "50"},
    {"{\"steps\":\"a\"}", "limit", "25"},
    {"{\"steps\":\"a\",\"bins\":9007199254740991}", "bins", "9007199254740991"},
    {"{\"steps\":\"a\",\"threshold\":-1e300}", "threshold", "-1e300"},
    {"{\"steps\":\"a\",\"explain_it\":\"false\"}", "explain_it", "false"},
    {"{\"steps\":{\"any_of\":[\"x\",{\"any_of\":\"y\"}]}}", "steps/0/any_of/1/any_of/0/event",
     "\"y\""},
    {"{\"steps\":{\"where\":{\"field\":\"n\",\"op\":\"gt\",\"value\":5}}}", "steps/0/where/0",
     "{\"field\":\"n\",\"op\":\"gt\",\"value\":\"5\"}"},
    {"{\"steps\":{\"where\":{\"field\":\"n\",\"values\":[1,true,0.1,\"x\"]}}}",
     "steps/0/where/0/values", "[\"1\",\"true\",\"0.1\",\"x\"]"},
    {"{\"steps\":\"a\",\"cell\":{\"deep\":[{\"x\":1}]}}", "cell", "{\"deep\":[{\"x\":1}]}"},
    {"{\"steps\":\"a\",\"cell\":\"{\\\"step\\\":2}\"}", "cell", "{\"step\":2}"},
    {"{\"steps\":\"a\",\"hold_constant\":[]}", "hold_constant", "[]"},
    {"\"{\\\"steps\\\":[\\\"a\\\"]}\"", "steps/0/event", "\"a\""},
};

static const json_t *at_path(const json_t *value, const char *path)
{
    char copy[128];
    snprintf(copy, sizeof copy, "%s", path);
    char *rest = NULL;
    for (char *key = strtok_r(copy, "/", &rest); key != NULL; key = strtok_r(NULL, "/", &rest))
        value = json_is_array(value) ? json_array_get(value, strtoul(key, NULL, 10))
                                     : json_object_get(value, key);
    return value;
}

static void test_accepts(void **state)
{
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        json_t *arguments = read_json(accepted[i].arguments);
        json_t *values = NULL;
        struct err err = {0};
        if (bind_arguments(table_funnel, arguments, &values, &err) < 0)
            fail_msg("%s refused: %s: %s", accepted[i].arguments, err.field, err.text);
        json_t *want = read_json(accepted[i].want);
        const json_t *got = at_path(values, accepted[i].path);
        if (!json_equal(got, want)) {
            char *text = json_text(got);
            fail_msg("%s: %s is %s, want %s", accepted[i].arguments, accepted[i].path, text,
                     accepted[i].want);
        }
        json_decref(want);
        json_decref(values);
        json_decref(arguments);
    }
}

/* --- what is refused, and in which words --------------------------------------------------- */

static const struct {
    const char *arguments;
    const char *field;
    const char *words; /* must appear in the text */
} refused[] = {
    {"[]", "", "must be a JSON object"},
    {"\"nonsense\"", "", "not valid JSON"},
    {"{}", "steps", "required but missing; expected a list of 1 to 32 items"},
    {"{\"steps\":null}", "steps", "required"},
    {"{\"steps\":[]}", "steps", "expected a list of 1 to 32 items, got 0"},
    {"{\"steps\":5}", "steps", "got 5"},
    {"{\"steps\":[5]}", "steps[0]", "or a string (event), got 5"},
    {"{\"steps\":[null]}", "steps[0]", "got null"},
    {"{\"steps\":\"a\",\"stepz\":1}", "stepz", "did you mean \"steps\"?"},
    {"{\"steps\":\"a\",\"zzzzzz\":1}", "zzzzzz", "Allowed: source, steps, order"},
    {"{\"steps\":[{\"evnt\":\"a\"}]}", "steps[0].evnt", "did you mean \"event\"?"},
    {"{\"steps\":[\"a\",\"b\",{\"where\":[{\"field\":\"x\",\"op\":\"equals\"}]}]}",
     "steps[2].where[0].op", "expected one of eq, ne, in"},
    {"{\"steps\":[{\"where\":[{\"op\":\"eq\"}]}]}", "steps[0].where[0].field", "required"},
    {"{\"steps\":\"a\",\"order\":\"orderd\"}", "order", "did you mean \"ordered\"?"},
    {"{\"steps\":\"a\",\"order\":3}", "order", "expected one of ordered, strict, unordered, got 3"},
    {"{\"steps\":\"a\",\"limit\":0}", "limit", "expected a whole number from 1 to 1000, got 0"},
    {"{\"steps\":\"a\",\"limit\":\"many\"}", "limit", "got \"many\""},
    {"{\"steps\":\"a\",\"limit\":\"0x10\"}", "limit", "got \"0x10\""},
    {"{\"steps\":\"a\",\"limit\":\"NaN\"}", "limit", "got \"NaN\""},
    {"{\"steps\":\"a\",\"limit\":\"\"}", "limit", "got \"\""},
    {"{\"steps\":\"a\",\"limit\":2.5}", "limit", "got 2.5"},
    {"{\"steps\":\"a\",\"limit\":true}", "limit", "got true"},
    {"{\"steps\":\"a\",\"limit\":[1]}", "limit", "got a list of 1"},
    {"{\"steps\":\"a\",\"limit\":\"9223372036854775808\"}", "limit", "got \"92233"},
    {"{\"steps\":\"a\",\"bins\":0}", "bins", "a whole number of at least 1, got 0"},
    {"{\"steps\":\"a\",\"bins\":9007199254740993}", "bins", "got 9007199254740993"},
    {"{\"steps\":\"a\",\"threshold\":\"1e999\"}", "threshold", "expected a number"},
    {"{\"steps\":\"a\",\"threshold\":\"inf\"}", "threshold", "expected a number"},
    {"{\"steps\":\"a\",\"explain_it\":1}", "explain_it", "expected true or false, got 1"},
    {"{\"steps\":\"a\",\"source\":1}", "source", "a string of at most 128 characters, got 1"},
    {"{\"steps\":\"a\",\"source\":{}}", "source", "got an object"},
    {"{\"steps\":\"a\",\"within\":[]}", "within", "an object of value, unit, got a list of 0"},
    {"{\"steps\":\"a\",\"within\":\"14 days\"}", "within", "got \"14 days\""},
    {"{\"steps\":\"a\",\"within\":\"{\\\"value\\\":\"}", "within", "not valid JSON"},
    {"{\"steps\":\"a\",\"filters\":\"[{]\"}", "filters", "not valid JSON"},
    {"{\"steps\":\"a\",\"breakdown\":[\"a\",\"b\",\"c\",\"d\"]}", "breakdown", "got 4"},
    {"{\"steps\":\"a\",\"cell\":3}", "cell", "expected an object, got 3"},
};

static void test_refuses(void **state)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        json_t *arguments = read_json(refused[i].arguments);
        json_t *values = NULL;
        struct err err = {0};
        if (bind_arguments(table_funnel, arguments, &values, &err) != -ERR_ARGUMENT)
            fail_msg("%s was not refused as an argument", refused[i].arguments);
        assert_null(values);
        assert_int_equal(err.code, ERR_ARGUMENT);
        if (strcmp(err.field, refused[i].field) != 0 || strstr(err.text, refused[i].words) == NULL)
            fail_msg("%s: got %s: %s\n want %s: …%s…", refused[i].arguments, err.field, err.text,
                     refused[i].field, refused[i].words);
        json_decref(arguments);
    }
}

static void test_bounds(void **state)
{
    struct err err = {0};
    json_t *values = NULL;

    /* 33 steps. */
    json_t *arguments = json_object();
    json_t *steps = json_array();
    for (int i = 0; i < 33; i++)
        json_array_append_new(steps, json_string("a"));
    json_object_set_new(arguments, "steps", steps);
    assert_int_equal(bind_arguments(table_funnel, arguments, &values, &err), -ERR_ARGUMENT);
    assert_string_equal(err.field, "steps");
    assert_string_equal(err.text, "expected a list of 1 to 32 items, got 33");

    /* Characters, not bytes, are counted; long values are cut between characters. */
    char text[2 * 129 + 1] = "";
    for (size_t i = 0; i < 128; i++)
        memcpy(text + 2 * i, "\xc3\xa9", 3);
    json_object_set_new(arguments, "steps", json_string("a"));
    json_object_set_new(arguments, "source", json_string(text));
    assert_int_equal(bind_arguments(table_funnel, arguments, &values, &err), 0);
    json_decref(values);
    values = NULL;
    memcpy(text + 256, "x", 2);
    json_object_set_new(arguments, "source", json_string(text));
    assert_int_equal(bind_arguments(table_funnel, arguments, &values, &err), -ERR_ARGUMENT);
    assert_true(strlen(err.text) < 200);
    json_t *as_json = json_string(err.text);
    assert_non_null(as_json);
    json_decref(as_json);

    /* A long key with wide characters keeps the path valid UTF-8. */
    json_object_del(arguments, "source");
    json_object_set_new(arguments, text, json_true());
    assert_int_equal(bind_arguments(table_funnel, arguments, &values, &err), -ERR_ARGUMENT);
    as_json = json_string(err.field);
    assert_non_null(as_json);
    json_decref(as_json);
    json_object_del(arguments, text);

    /* NUL, in a string and inside a free object. */
    json_object_set_new(arguments, "source", json_stringn("a\0b", 3));
    assert_int_equal(bind_arguments(table_funnel, arguments, &values, &err), -ERR_ARGUMENT);
    assert_string_equal(err.field, "source");
    json_object_del(arguments, "source");
    json_object_set_new(arguments, "cell", json_pack("{s:[s#]}", "k", "a\0b", 3));
    assert_int_equal(bind_arguments(table_funnel, arguments, &values, &err), -ERR_ARGUMENT);
    assert_string_equal(err.field, "cell");
    json_object_del(arguments, "cell");

    /* JSON text beyond its cap. */
    char *big = malloc(BIND_MAX_JSON_TEXT + 16);
    assert_non_null(big);
    memset(big, ' ', BIND_MAX_JSON_TEXT + 15);
    memcpy(big + BIND_MAX_JSON_TEXT, "{\"step\":1}", 11);
    json_object_set_new(arguments, "cell", json_string(big));
    free(big);
    assert_int_equal(bind_arguments(table_funnel, arguments, &values, &err), -ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "longer than 65536 bytes"));
    json_decref(arguments);
}

static void test_depth(void **state)
{
    json_t *matcher = json_pack("{s:s}", "event", "a");
    for (int i = 0; i < BIND_MAX_DEPTH + 2; i++)
        matcher = json_pack("{s:[o]}", "any_of", matcher);
    json_t *arguments = json_pack("{s:[o]}", "steps", matcher);
    json_t *values = NULL;
    struct err err = {0};
    assert_int_equal(bind_arguments(table_funnel, arguments, &values, &err), -ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "nested deeper than 8 levels"));
    assert_int_equal(strncmp(err.field, "steps[0].any_of[0].any_of[0]", 28), 0);
    json_decref(arguments);
}

static void test_no_params(void **state)
{
    json_t *values = NULL;
    struct err err = {0};
    assert_int_equal(bind_arguments(NULL, NULL, &values, &err), 0);
    assert_int_equal(json_object_size(values), 0);
    json_decref(values);
    values = NULL;
    json_t *arguments = read_json("{\"x\":1}");
    assert_int_equal(bind_arguments(NULL, arguments, &values, &err), -ERR_ARGUMENT);
    assert_string_equal(err.field, "x");
    assert_string_equal(err.text, "unknown name; none is allowed here");
    json_decref(arguments);
}

static void test_nearest(void **state)
{
    static const char *const names[] = {"sign_up", "checkout_completed", "page_view", "eq"};
    static const struct {
        const char *name, *want;
    } cases[] = {
        {"signup", "sign_up"},
        {"Sign_Up", "sign_up"},
        {"page_veiw", "page_view"},
        {"checkout", "checkout_completed"},
        {"ee", "eq"},
        {"purchase", NULL},
        {"", NULL},
        {"zz", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = bind_nearest(cases[i].name, names, 4);
        if (cases[i].want == NULL)
            assert_null(got);
        else
            assert_string_equal(got != NULL ? got : "(none)", cases[i].want);
    }
    char longer[1000];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_null(bind_nearest(longer, names, 4));
    assert_null(bind_nearest("x", names, 0));
    /* Only the beginning counts: here every word of it stands in a name, and the rest does not. */
    char words[1000];
    memset(words, ' ', sizeof words - 1);
    memcpy(words, (const char[]){'s', 'i', 'g', 'n', ' ', 'u', 'p'}, 7);
    memcpy(words + sizeof words - 8, "nowhere", 8);
    const char *got = bind_nearest(words, names, 4);
    assert_string_equal(got != NULL ? got : "(none)", "sign_up");
}

/* --- random arguments: the schema's verdict against ours ----------------------------------- */

static uint64_t seed;

static unsigned pick(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)((seed >> 33) % n);
}

static json_t *random_value(const struct param *row, int depth, bool *used_hidden);

static json_t *random_text(const struct param *row)
{
    static const char *const texts[] = {"",
                                        "a",
                                        "page_view",
                                        "'; DROP TABLE x --",
                                        "\xc3\xa9\xf0\x9f\x98\x80",
                                        "[",
                                        "{",
                                        "[1]",
                                        "{\"event\":\"a\"}",
                                        "-7d",
                                        "1e3",
                                        "true",
                                        "\\",
                                        "\"",
                                        "\t\n"};
    if (row->max_length != 0 && pick(25) == 0) {
        size_t len = row->max_length + pick(2);
        char *text = calloc(2, len + 1);
        for (size_t i = 0; text != NULL && i < len; i++)
            memcpy(text + 2 * i, "\xc3\xbc", 3);
        json_t *value = json_string(text);
        free(text);
        return value;
    }
    return json_string(texts[pick(sizeof texts / sizeof *texts)]);
}

static json_t *random_number(const struct param *row)
{
    double min = 0, max = 0;
    bind_number_range(row, &min, &max);
    switch (pick(30)) {
    case 0:
        return json_real(min > -1e15 ? min - 0.5 : -0.5);
    case 1:
        return json_integer((json_int_t)(max < 1e15 ? max + 1 : 7));
    case 2:
        return json_integer((json_int_t)(min > -1e15 ? min - 1 : -7));
    case 3:
        return json_real(1e300);
    case 4:
        return json_integer(INT64_C(9007199254740993));
    case 5:
        return json_real(3.0);
    default:
        return json_integer((json_int_t)(min > -1e15 ? min : 0) + pick(3));
    }
}

static json_t *random_any(int depth)
{
    switch (pick(depth > 3 ? 5 : 7)) {
    case 0:
        return json_null();
    case 1:
        return json_boolean(pick(2));
    case 2:
        return json_integer((json_int_t)pick(100) - 50);
    case 3:
        return json_real(pick(1000) / 7.0);
    case 4:
        return json_string(pick(2) ? "steps" : "x");
    case 5:
        return json_pack("[o]", random_any(depth + 1));
    default:
        return json_pack("{s:o}", pick(2) ? "event" : "k", random_any(depth + 1));
    }
}

static json_t *random_object(const struct param *fields, int depth, bool *used_hidden)
{
    json_t *object = json_object();
    for (const struct param *row = fields; row->name != NULL; row++) {
        if (pick(100) >= (row->is_required ? 96U : 30U))
            continue;
        if (row->is_hidden && depth > 0) {
            if (depth > 2 || pick(4) != 0)
                continue;
            *used_hidden = true;
        }
        json_object_set_new(object, row->name, random_value(row, depth, used_hidden));
    }
    if (pick(100) == 0)
        json_object_set_new(object, "unknown_name", random_any(0));
    return object;
}

static json_t *random_one(const struct param *row, int depth, bool *used_hidden)
{
    if (pick(80) == 0)
        return random_any(0);
    switch (row->type) {
    case VALUE_STRING:
        if (row->choices != NULL && pick(30) != 0) {
            size_t count = 0;
            while (row->choices[count] != NULL)
                count++;
            return json_string(row->choices[pick((unsigned)count)]);
        }
        return random_text(row);
    case VALUE_INTEGER:
    case VALUE_NUMBER:
        return random_number(row);
    case VALUE_BOOLEAN:
        return json_boolean(pick(2));
    case VALUE_OBJECT:
        if (row->fields == NULL)
            return json_pack("{s:o}", "k", random_any(0));
        return random_object(row->fields, depth + 1, used_hidden);
    }
    return json_null();
}

static json_t *random_value(const struct param *row, int depth, bool *used_hidden)
{
    if (!row->is_list || pick(60) == 0)
        return random_one(row, depth, used_hidden);
    json_t *list = json_array();
    size_t max = row->max_items != 0 ? row->max_items : BIND_MAX_ITEMS;
    size_t count = pick(30) == 0 ? max + pick(2) : row->min_items + pick(3);
    if (row->type == VALUE_OBJECT && depth > 0 && count > 3)
        count = 3;
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, random_one(row, depth, used_hidden));
    return list;
}

/* What bind returns is bound again without change: normalising is a projection. */
static void check_stable(const json_t *values)
{
    json_t *again = NULL;
    struct err err = {0};
    if (bind_arguments(table_funnel, values, &again, &err) < 0)
        fail_msg("the outcome was refused: %s: %s", err.field, err.text);
    assert_true(json_equal(values, again));
    json_decref(again);
}

static void test_random(void **state)
{
    const char *path = getenv("SEXTANT_BIND_CASES");
    FILE *out = path != NULL ? fopen(path, "w") : NULL;
    assert_true(path == NULL || out != NULL);
    json_t *schema = schema_input(table_funnel);
    if (out != NULL) {
        json_t *line = json_pack("{s:O}", "schema", schema);
        char *text = json_text(line);
        fprintf(out, "%s\n", text);
        free(text);
        json_decref(line);
    }
    json_decref(schema);
    unsigned accepted_count = 0, total = 4000;
    seed = UINT64_C(0x5eed5eed5eed5eed);
    for (unsigned i = 0; i < total; i++) {
        bool used_hidden = false;
        json_t *arguments = random_object(table_funnel, 0, &used_hidden);
        json_t *values = NULL;
        struct err err = {0};
        int rc = bind_arguments(table_funnel, arguments, &values, &err);
        assert_true(rc == 0 || (rc == -ERR_ARGUMENT && err.text[0] != '\0'));
        if (rc == 0) {
            accepted_count++;
            check_stable(values);
        }
        if (out != NULL) {
            json_t *line = json_pack("{s:O, s:b, s:b}", "arguments", arguments, "accepted", rc == 0,
                                     "hidden", (int)used_hidden);
            if (rc == 0)
                json_object_set(line, "values", values);
            else
                json_object_set_new(line, "error", json_sprintf("%s: %s", err.field, err.text));
            char *text = json_text(line);
            fprintf(out, "%s\n", text);
            free(text);
            json_decref(line);
        }
        json_decref(values);
        json_decref(arguments);
    }
    /* The generator must reach both verdicts often, or the comparison means nothing. */
    assert_in_range(accepted_count, total / 5, total * 4 / 5);
    if (out != NULL)
        assert_int_equal(fclose(out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),   cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_bounds),    cmocka_unit_test(test_depth),
        cmocka_unit_test(test_no_params), cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
