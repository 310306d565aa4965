/* Prompts: the texts of analyses, filled in. They need no database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json.h"
#include "prompt.h"

/* The text; NULL for arguments that are refused as they should be. The caller frees. */
static char *render(const char *name, const char *arguments, const char *case_fields,
                    const char *facts, enum err_code code)
{
    const struct prompt *prompt = prompt_list;
    while (strcmp(prompt->name, name) != 0)
        prompt++;
    json_t *values = json_loads(arguments, 0, NULL);
    json_t *cases = json_loads(case_fields, 0, NULL);
    struct buf out = {0};
    struct err err = {0};
    prompt_render(prompt, values, cases, facts, &out, &err);
    assert_int_equal(err.code, code);
    json_decref(cases);
    json_decref(values);
    return buf_take(&out);
}

static void test_arguments(void **state)
{
    static const char one[] = "[\"order_id\"]", two[] = "[\"order_id\",\"shipment_id\"]";
    static const struct {
        const char *name, *arguments, *case_fields, *facts;
        const char *has[3], *lacks;
    } cases[] = {
        {"investigate_drop",
         "{\"steps\":\" a ,b\\\"x,,\",\"source\":\"s\"}",
         one,
         "{{json steps}}", /* what is filled in is not read again */
         {"on the way `a` → `b\"x`, why", "{\"steps\": [\"a\", \"b\\\"x\"], \"source\": \"s\"}",
          "{{json steps}}"},
         "‹first›"},
        {"investigate_drop", "{}", one, "", {"‹first›"}, "on the way"},
        {"investigate_drop",
         "{\"steps\":\"a,b\",\"field\":\"device\"}",
         one,
         "",
         {"`run_funnel {\"steps\": [\"a\", \"b\"], \"view\": \"trend\", \"interval\": \"day\"}`",
          "`explain_funnel {\"steps\": [\"a\", \"b\"], \"step\": 2}`",
          "\"breakdown\": [\"device\"]"},
         "‹first›"},
        {"weekly_report",
         "{\"events\":\"a,b\"}",
         one,
         "",
         {"`run_trend {\"series\": [\"a\", \"b\"], \"interval\": \"day\", \"compare\": "
          "\"previous\"",
          "\"view\": \"trend\", \"interval\": \"day\", \"from\": \"-14d\", \"to\": \"now\"}`",
          "`explain_funnel {\"steps\": [\"a\", \"b\"], \"step\": 2, \"from\": \"-7d\""},
         "‹intent›"},
        {"weekly_report", /* a funnel takes them all, a trend eight */
         "{\"events\":\"a,b,c,d,e,f,g,h,i\"}",
         one,
         "",
         {"{\"series\": [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\"], ",
          "{\"steps\": [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", \"i\"], "},
         "{{"},
        {"weekly_report",
         "{\"to\":\"2024-03-03\"}",
         one,
         "",
         {"\"from\": \"2024-02-26\", \"to\": \"2024-03-03\"",
          "\"from\": \"2024-02-19\", \"to\": \"2024-02-25\""},
         "-7d"},
        {"audit_process",
         "{\"sequence\":\"[\"}", /* a name may begin so */
         one,
         "",
         {"[\"[\"]"},
         "{{"},
        {"audit_process",
         "{}",
         two,
         "",
         {"\"case\": \"‹case field: order_id or shipment_id›\"",
          "\"actor\": \"‹case field: order_id or shipment_id›\""},
         "\"actor\": \"case\""},
        {"audit_process",
         "{\"case\":\"order_id\"}",
         two,
         "",
         {"\"case\": \"order_id\""},
         "shipment_id"},
        {"audit_process", "{}", one, "", {"\"actor\": \"case\""}, "\"case\":"},
        {"review_sessions",
         "{\"field\":\"device\",\"value\":\"mobile\"}",
         one,
         "",
         {"Review about 5 sessions, where device is mobile: what",
          "\"filters\": [{\"field\": \"device\", \"value\": \"mobile\"}]"},
         "{{"},
        {"review_sessions",
         "{\"value\":\"mobile\"}",
         one,
         "",
         {"Review about 5 sessions: what"},
         "mobile"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text =
            render(cases[i].name, cases[i].arguments, cases[i].case_fields, cases[i].facts, ERR_OK);
        assert_non_null(text);
        for (size_t k = 0; k < 3 && cases[i].has[k] != NULL; k++)
            if (strstr(text, cases[i].has[k]) == NULL)
                fail_msg("%s %s lacks: %s", cases[i].name, cases[i].arguments, cases[i].has[k]);
        if (strstr(text, cases[i].lacks) != NULL)
            fail_msg("%s %s has: %s", cases[i].name, cases[i].arguments, cases[i].lacks);
        free(text);
    }
}

static void test_refusals(void **state)
{
    static const char *const calls[][2] = {
        {"weekly_report", "{\"to\":\"3 March\"}"},
        {"audit_process", "{\"sequence\":\"[1,2]\"}"},
        {"why_did_it_change", "{\"metric\":\"bogus\"}"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        free(render(calls[i][0], calls[i][1], "[]", "", ERR_ARGUMENT));
}

/* Long names and descriptions are cut, perhaps inside a character. */
static void test_facts(void **state)
{
    char umlauts[401] = "";
    for (size_t i = 0; i < 200; i++)
        strcat(umlauts, "ü");
    json_t *sources =
        json_pack("{s:[{s:s, s:s+}]}", "sources", "name", "shop", "description", "x", umlauts);
    json_t *events = json_pack("{s:[{s:s+}]}", "events", "event", "x", umlauts);
    struct buf facts = {0};
    prompt_facts(sources, events, "", &facts);
    char *text = render("investigate_drop", "{}", "[]", buf_text(&facts), ERR_OK);
    assert_non_null(strstr(text, "- source `shop`: 0 events. xüü"));
    assert_non_null(strstr(text, "most frequent events"));
    json_t *string = json_string(text); /* refuses what is no UTF-8 */
    assert_non_null(string);
    json_decref(string);
    json_decref(sources);
    json_decref(events);
    buf_done(&facts);
    free(text);
}

static void test_list(void **state)
{
    for (const struct prompt *p = prompt_list; p->name != NULL; p++) {
        assert_non_null(prompt_page(p)->name);
        for (const struct prompt_argument *a = p->arguments; a->name != NULL; a++)
            assert_true(a->title != NULL && strlen(a->description) > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests_name("prompt", tests, NULL, NULL);
}
