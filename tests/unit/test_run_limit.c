/* Runs that may take only so long, whose engine does not stop at once, and looks for changes;
 * prompts, which need no database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "catalog.h"
#include "fake_db.h"
#include "json.h"
#include "look.h"
#include "prompt.h"

#define TABLE(name, rows)                                                                          \
    "[\"sextant\",\"" name "\",\"{\\\"kind\\\":\\\"events\\\"}\",\"sextant\"," rows ",1000]\n"
#define COLUMNS_OF(name)                                                                           \
    "[\"sextant\",\"" name                                                                         \
    "\",[[\"time\",\"DateTime64(6, 'UTC')\"],[\"event\",\"String\"],[\"actor\",\"String\"]]]\n"
#define SEEN_TABLE(name, identity, rows) "[\"sextant\",\"" name "\",\"" identity "\"," rows "]\n"

struct outcome {
    int count;
    struct err err;
    double done, total;
};

static void on_done(void *user, const struct run_result *result)
{
    struct outcome *out = user;
    out->count++;
    out->err = result->err;
    assert_true(result->err.code == ERR_OK || result->structured == NULL);
}

static void on_progress(void *user, double done, double total)
{
    struct outcome *out = user;
    assert_true(done >= out->done);
    out->done = done;
    out->total = total;
}

struct bench {
    uv_loop_t loop;
    struct db *db;
    struct workspace *workspace;
};

static void bench_init(struct bench *b, const struct fake_answer *script)
{
    uv_loop_init(&b->loop);
    b->db = fake_db_new(&b->loop, script);
    b->workspace = workspace_new(&(struct workspace_options){.db = b->db});
}

static void bench_done(struct bench *b)
{
    workspace_free(b->workspace);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    fake_db_free(b->db);
}

static struct run *start(struct bench *b, const char *tool, const char *arguments,
                         struct outcome *out)
{
    json_t *values = json_loads(arguments, 0, NULL);
    struct run *run =
        run_start(b->workspace, catalog_find(tool), values, "t1", on_progress, on_done, out);
    json_decref(values);
    return run;
}

static const struct fake_answer hanging[] = {
    {"FROM system.tables", TABLE("shop", "1000")},
    {"FROM system.columns", COLUMNS_OF("shop")},
    {"now64", "[1772323200000000,1774915200000000,1000,1775000000000000]\n"},
    {"AS _begin_us", "", ERR_OK, .hangs = true},
    {0},
};

static void test_a_run_ends_at_its_limit(void **state)
{
    struct bench b;
    bench_init(&b, hanging);
    struct outcome out = {0};
    run_limit(start(&b, "list_events", "{\"limit\":5}", &out), 30, 0);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.err.code, ERR_TIMEOUT);
    assert_non_null(strstr(out.err.text, "the call ran longer than the 0.03 s"));
    assert_non_null(strstr(out.err.text, "from, to; this one is 2026-03-01 to 2026-03-31"));
    assert_non_null(strstr(out.err.text, "fewer rows"));
    bench_done(&b);
}

/* Nothing to wait for, nothing started yet, several at a time, a limit moved on and taken away. */
static void test_limits_of_many_runs(void **state)
{
    struct bench b;
    bench_init(&b, hanging);
    struct outcome out[4] = {0};
    struct run *runs[4];
    for (size_t i = 0; i < 4; i++) {
        runs[i] = start(&b, "list_events", "{}", &out[i]);
        run_limit(runs[i], 20 + 10 * i, 0);
    }
    run_limit(runs[1], 1, 0);
    run_limit(runs[2], 0, 0);
    run_limit(runs[3], 600000, 0);
    while (out[0].count == 0 || out[1].count == 0)
        uv_run(&b.loop, UV_RUN_ONCE);
    assert_int_equal(out[2].count + out[3].count, 0);
    run_cancel(runs[2]);
    run_cancel(runs[3]);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(out[i].count, 1);
        assert_int_equal(out[i].err.code, i < 2 ? ERR_TIMEOUT : ERR_CANCELLED);
    }
    bench_done(&b);
}

/* A database that does not let its user wait so long is asked with its own limit. */
static void test_a_bounded_user(void **state)
{
    static const struct fake_answer script[] = {
        {"FROM system.tables", TABLE("shop", "1000")},
        {"FROM system.columns", COLUMNS_OF("shop")},
        {"now64", "[1772323200000000,1774915200000000,1000,1775000000000000]\n", .refuses_ms = 1},
        {"AS _begin_us",
         "[\"view\",60,5,9,1772323200000000,1774915200000000,40,1,1772323200000000]\n",
         .refuses_ms = 900000},
        {0},
    };
    struct bench b;
    bench_init(&b, script);
    struct outcome out = {0};
    run_limit(start(&b, "list_events", "{}", &out), 900000, 900000);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.err.code, ERR_OK);
    assert_int_equal(fake_db_started(b.db), 5); /* one of them twice */
    bench_done(&b);
}

/* The workspace goes while the engine has not stopped what the run had begun. */
static void test_a_late_engine(void **state)
{
    struct bench b;
    bench_init(&b, hanging);
    struct outcome out = {0};
    run_limit(start(&b, "list_events", "{}", &out), 20, 0);
    while (out.count == 0)
        uv_run(&b.loop, UV_RUN_ONCE);
    bench_done(&b);
    assert_int_equal(out.count, 1);
}

/* ---- looks ---- */

struct seen {
    int count;
    bool is_list_changed;
    json_t *sources;
};

static void on_found(void *user, const struct look_result *result)
{
    struct seen *seen = user;
    seen->count++;
    seen->is_list_changed = result->is_list_changed;
    json_decref(seen->sources);
    seen->sources = json_deep_copy(result->sources);
}

static void look(struct bench *b, struct seen *seen)
{
    workspace_look(b->workspace, on_found, seen);
    workspace_look(b->workspace, on_found, seen); /* one at a time */
    uv_run(&b->loop, UV_RUN_DEFAULT);
}

static void assert_seen(struct seen *seen, int count, bool is_list_changed, const char *sources)
{
    assert_int_equal(seen->count, count);
    assert_int_equal(seen->is_list_changed, is_list_changed);
    json_t *expected = json_loads(sources, 0, NULL);
    assert_true(json_equal(seen->sources, expected));
    json_decref(expected);
}

static void test_looks(void **state)
{
    struct fake_answer script[] = {
        {"metadata_modification_time", SEEN_TABLE("shop", "a 1", "10")},
        {"FROM system.tables", TABLE("shop", "10")},
        {"FROM system.columns", COLUMNS_OF("shop")},
        {0},
    };
    struct bench b;
    bench_init(&b, script);
    struct seen seen = {0};
    look(&b, &seen);
    look(&b, &seen);
    assert_int_equal(seen.count, 0); /* the first only remembers; nothing changed since */
    assert_int_equal(fake_db_started(b.db), 4);

    script[0].rows = SEEN_TABLE("shop", "a 1", "11");
    look(&b, &seen);
    assert_seen(&seen, 1, false, "[\"shop\"]");
    assert_int_equal(fake_db_started(b.db), 5); /* new rows are no reason to load the sources */

    script[0].rows = SEEN_TABLE("more", "b 2", "1") SEEN_TABLE("shop", "a 1", "11");
    script[1].rows = TABLE("more", "1") TABLE("shop", "11");
    script[2].rows = COLUMNS_OF("more") COLUMNS_OF("shop");
    look(&b, &seen);
    assert_seen(&seen, 2, true, "[\"more\"]");

    script[0].rows = SEEN_TABLE("more", "b 3", "1") SEEN_TABLE("shop", "a 1", "11");
    look(&b, &seen);
    assert_seen(&seen, 3, false, "[\"more\"]");

    script[0].rows = SEEN_TABLE("shop", "a 1", "11");
    script[1].rows = TABLE("shop", "11");
    script[2].rows = COLUMNS_OF("shop");
    look(&b, &seen);
    assert_seen(&seen, 4, true, "[\"more\"]");

    /* An engine that fails is no change, and what it had said before still counts. */
    script[0].err = ERR_ENGINE;
    look(&b, &seen);
    script[0].err = ERR_OK;
    look(&b, &seen);
    assert_int_equal(seen.count, 4);

    workspace_look_forget(b.workspace);
    script[0].rows = SEEN_TABLE("shop", "a 1", "12");
    look(&b, &seen);
    assert_int_equal(seen.count, 4);
    workspace_look(b.workspace, on_found, &seen); /* on its way when the workspace goes */
    bench_done(&b);
    assert_int_equal(seen.count, 4);
    json_decref(seen.sources);
}

/* ---- prompts ---- */

static char *render(const char *name, const char *arguments, const char *facts, enum err_code code)
{
    const struct prompt *prompt = prompt_list;
    while (strcmp(prompt->name, name) != 0)
        prompt++;
    json_t *values = json_loads(arguments, 0, NULL);
    struct buf out = {0};
    struct err err = {0};
    json_t *cases =
        strcmp(facts, "two cases") == 0 ? json_pack("[s, s]", "order_id", "shipment_id") : NULL;
    prompt_render(prompt, values, cases, facts, &out, &err);
    json_decref(cases);
    assert_int_equal(err.code, code);
    json_decref(values);
    char *text = buf_take(&out);
    return text != NULL ? text : strdup("");
}

static void test_prompts(void **state)
{
    char *text = render("investigate_drop", "{\"steps\":\" a ,b\\\"x,,\",\"source\":\"s\"}",
                        "{{json steps}}", ERR_OK);
    assert_non_null(strstr(text, "on the way `a` → `b\"x`, why"));
    assert_non_null(strstr(text, "{\"steps\": [\"a\", \"b\\\"x\"], \"source\": \"s\"}"));
    assert_non_null(strstr(text, "{{json steps}}")); /* what is filled in is not read again */
    assert_null(strstr(text, "‹first›"));
    free(text);

    text = render("investigate_drop", "{}", "", ERR_OK);
    assert_non_null(strstr(text, "‹first›"));
    assert_null(strstr(text, "on the way"));
    free(text);

    text = render("weekly_report", "{\"to\":\"2024-03-03\"}", "", ERR_OK);
    assert_non_null(strstr(text, "\"from\": \"2024-02-26\", \"to\": \"2024-03-03\""));
    assert_non_null(strstr(text, "\"from\": \"2024-02-19\", \"to\": \"2024-02-25\""));
    free(text);
    free(render("weekly_report", "{\"to\":\"3 March\"}", "", ERR_ARGUMENT));
    free(render("audit_process", "{\"sequence\":\"[1,2]\"}", "", ERR_ARGUMENT));
    free(render("audit_process", "{\"sequence\":\"[\"}", "", ERR_OK)); /* a name may begin so */

    free(render("why_did_it_change", "{\"metric\":\"bogus\"}", "", ERR_ARGUMENT));

    text = render("audit_process", "{}", "two cases", ERR_OK);
    assert_non_null(strstr(text, "\"case\": \"‹case field: order_id or shipment_id›\""));
    assert_non_null(strstr(text, "\"actor\": \"‹case field: order_id or shipment_id›\""));
    free(text);
    text = render("audit_process", "{\"case\":\"order_id\"}", "two cases", ERR_OK);
    assert_non_null(strstr(text, "\"case\": \"order_id\""));
    assert_null(strstr(text, "shipment_id"));
    free(text);
    text = render("audit_process", "{}", "", ERR_OK);
    assert_non_null(strstr(text, "\"actor\": \"case\""));
    assert_null(strstr(text, "\"case\":"));
    free(text);

    for (const struct prompt *p = prompt_list; p->name != NULL; p++) {
        assert_non_null(prompt_page(p)->name);
        for (const struct prompt_argument *a = p->arguments; a->name != NULL; a++)
            assert_true(a->title != NULL && strlen(a->description) > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_ends_at_its_limit),
        cmocka_unit_test(test_limits_of_many_runs),
        cmocka_unit_test(test_a_bounded_user),
        cmocka_unit_test(test_a_late_engine),
        cmocka_unit_test(test_looks),
        cmocka_unit_test(test_prompts),
    };
    return cmocka_run_group_tests_name("run_limit", tests, NULL, NULL);
}
