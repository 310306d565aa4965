/* URI templates: what matches, what does not, and the way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json.h"
#include "uri_template.h"

static void test_check(void **state)
{
    static const struct {
        const char *uri;
        bool is_template, is_good;
    } rows[] = {
        {"x://a", false, true},
        {"x://{a}", true, true},
        {"x://e/{source}/{name_1}", true, true},
        {"x://e/p-{a}.json", true, true},
        {"x://{a}?q={b}#{c}", true, true},
        {"x://{a", true, false},
        {"x://a}", true, false},
        {"x://{}", true, false},
        {"x://{+a}", true, false}, /* level 2 */
        {"x://{a,b}", true, false},
        {"x://{?a}", true, false},
        {"x://{a*}", true, false},
        {"x://{a}{b}", true, false}, /* where would the one end? */
        {"x://{a}-{b}", true, false},
        {"x://{a}/{a}", true, false},
        {"x://a b/{c}", true, false}, /* no URI */
        {"x://ä", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {0};
        assert_int_equal(uri_template_is(rows[i].uri), rows[i].is_template);
        int rc = uri_template_check(rows[i].uri, &err);
        if ((rc == 0) != rows[i].is_good)
            fail_msg("%s: %d %s", rows[i].uri, rc, err.text);
        assert_true(rc == 0 || err.text[0] != '\0');
    }
}

static void test_match(void **state)
{
    static const struct {
        const char *uri_template, *uri, *values; /* NULL: no match */
    } rows[] = {
        {"x://a", "x://a", "{}"},
        {"x://a", "x://b", NULL},
        {"x://a", "x://ab", NULL},
        {"x://a", "x://", NULL},
        {"x://{v}", "x://one", "{\"v\":\"one\"}"},
        {"x://{v}", "x://", NULL},
        {"x://{v}", "x://one/two", NULL}, /* one segment */
        {"x://{v}", "x://one?q", NULL},
        {"x://{v}", "x://one#f", NULL},
        {"x://{v}", "x://one%2Ftwo", "{\"v\":\"one/two\"}"},
        {"x://{v}", "x://caf%C3%A9%20%25", "{\"v\":\"café %\"}"},
        {"x://{v}", "x://caf\xc3\xa9", "{\"v\":\"café\"}"},
        {"x://{v}", "x://a+b", "{\"v\":\"a+b\"}"},
        {"x://{v}", "x://a%2", NULL},
        {"x://{v}", "x://a%", NULL},
        {"x://{v}", "x://a%zz", NULL},
        {"x://{v}", "x://a%00b", NULL}, /* a NUL would hide what follows */
        {"x://{v}", "x://a%ff", NULL},  /* no UTF-8 */
        {"x://{v}", "x://%7Bv%7D", "{\"v\":\"{v}\"}"},
        {"x://{v}", "x://{v}", "{\"v\":\"{v}\"}"},
        {"x://t/{id}/data", "x://t/123/data", "{\"id\":\"123\"}"},
        {"x://t/{id}/data", "x://t/123/dat", NULL},
        {"x://t/{id}/data", "x://t//data", NULL},
        {"x://t/{id}/data", "x://t/123", NULL},
        {"x://e/{a}/{b}", "x://e/1/2", "{\"a\":\"1\",\"b\":\"2\"}"},
        {"x://e/{a}/{b}", "x://e/1/2/3", NULL},
        {"x://f/p-{a}.json", "x://f/p-x.y.json", "{\"a\":\"x.y\"}"},
        {"x://f/p-{a}.json", "x://f/p-.json", NULL},
        {"x://f/p-{a}.json", "x://f/p-a.txt", NULL},
        {"x://{a}?q={b}", "x://1?q=2", "{\"a\":\"1\",\"b\":\"2\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *values = uri_template_match(rows[i].uri_template, rows[i].uri);
        char *text = values != NULL ? json_text(values) : NULL;
        if ((text == NULL) != (rows[i].values == NULL) ||
            (text != NULL && strcmp(text, rows[i].values) != 0))
            fail_msg("%s of %s: %s", rows[i].uri, rows[i].uri_template, text);
        free(text);
        json_decref(values);
    }
}

/* Whatever a value is, the way there leads back to it. */
static void test_expand(void **state)
{
    static const char *const values[] = {
        "a",       "a b", "/", "a/b?c#d", "100%", "%2F", "{v}", "café", "\xf0\x9f\x99\x82",
        "+&=;:@,", "\n",
    };
    static const char uri_template[] = "x://e/{v}/p-{w}.json";
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        json_t *given = json_pack("{s:s, s:s}", "v", values[i], "w", values[i]);
        char *uri = uri_template_expand(uri_template, given);
        assert_non_null(uri);
        json_t *back = uri_template_match(uri_template, uri);
        if (!json_equal(given, back))
            fail_msg("%s", uri);
        json_decref(back);
        json_decref(given);
        free(uri);
    }
    json_t *given = json_pack("{s:s, s:s, s:i}", "v", "a/\xc3\xa9", "w", "", "n", 1);
    assert_null(uri_template_expand(uri_template, given)); /* empty */
    assert_null(uri_template_expand("x://{none}", given));
    assert_null(uri_template_expand("x://{n}", given)); /* no text */
    char *uri = uri_template_expand("x://{v}", given);
    assert_string_equal(uri, "x://a%2F%C3%A9");
    free(uri);
    json_decref(given);
}

static void test_variables(void **state)
{
    char names[2][URI_VARIABLE_SIZE];
    assert_int_equal(uri_template_variables("x://a", names, 2), 0);
    assert_int_equal(uri_template_variables("x://{a}/{b}/{c}", names, 2), 2);
    assert_string_equal(names[0], "a");
    assert_string_equal(names[1], "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_expand),
        cmocka_unit_test(test_variables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
