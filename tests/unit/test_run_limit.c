/* Runs that may take only so long, whose engine does not stop at once. */
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "tool_bench.h"

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
    struct run *run = start(&b, "list_events", "{\"limit\":5}", &out);
    while (fake_db_started(b.db) < 4 && out.count == 0) /* the last one hangs */
        uv_run(&b.loop, UV_RUN_ONCE);
    run_limit(run, 30, 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_ends_at_its_limit),
        cmocka_unit_test(test_limits_of_many_runs),
        cmocka_unit_test(test_a_bounded_user),
        cmocka_unit_test(test_a_late_engine),
    };
    return cmocka_run_group_tests_name("run_limit", tests, NULL, NULL);
}
