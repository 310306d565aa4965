/* Which keys of Maps rows have is asked before the queries of a round. */
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "tool_bench.h"

/* The user is one of two keys, or else a column; an index tells which keys there are. */
#define SHOP                                                                                       \
    {"FROM system.tables",                                                                         \
     "[\"sextant\",\"shop\",\"{\\\"kind\\\":\\\"events\\\",\\\"actor\\\":[\\\"props['user']\\\","  \
     "\\\"props['mail']\\\",\\\"actor\\\"],\\\"properties\\\":[\\\"props\\\"]}\",\"sextant\","     \
     "1000,"                                                                                       \
     "100000,[\"props\"]]\n"},                                                                     \
        {"FROM system.columns",                                                                    \
         "[\"sextant\",\"shop\",[[\"time\",\"DateTime64(6, 'UTC')\"],[\"event\",\"String\"],"      \
         "[\"actor\",\"String\"],[\"props\",\"Map(String, String)\"]]]\n"},                        \
    {                                                                                              \
        "now64", "[1772323200000000,1774915200000000,1000,1775000000000000]\n"                     \
    }
#define ASKED    "hasAny(mapKeys(`props`)"
#define COUNTED  "{k1:UInt8}"
#define BOTH     "keys=['user','mail']"
#define THE_MAIL "keys=['mail']"

struct outcome {
    int count;
    struct err err;
};

static void on_done(void *user, const struct run_result *result)
{
    struct outcome *out = user;
    out->count++;
    out->err = result->err;
}

static struct run *start(struct bench *b, struct outcome *out)
{
    *out = (struct outcome){0};
    json_t *values = json_loads("{\"event\":\"view\",\"allow_unknown\":true}", 0, NULL);
    struct run *run =
        run_start(b->workspace, catalog_find("stickiness"), values, "t1", NULL, on_done, out);
    json_decref(values);
    return run;
}

static void assert_counts(struct bench *b, const char *user, const char *mail)
{
    struct outcome out;
    start(b, &out);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(out.count, 1);
    assert_string_equal(out.err.text, "");
    const char *params = fake_db_params(b->db, COUNTED);
    assert_non_null(params);
    assert_non_null(strstr(params, user));
    assert_non_null(strstr(params, mail));
}

static void test_a_key_that_no_row_has(void **state)
{
    static const struct fake_answer script[] = {SHOP,
                                                {ASKED, "[[\"user\"]]\n", .param = BOTH},
                                                {ASKED, "", .param = THE_MAIL},
                                                {"", ""},
                                                {0}};
    struct bench b;
    bench_init(&b, script);
    assert_counts(&b, "k1=1\n", "k2=0\n");
    assert_int_equal(fake_db_started(b.db), 7);
    /* What was there once is not asked for again. */
    assert_counts(&b, "k1=1\n", "k2=0\n");
    assert_int_equal(fake_db_started(b.db), 10);
    bench_done(&b);
}

static void test_no_key_at_all(void **state)
{
    static const struct fake_answer script[] = {SHOP, {ASKED, ""}, {"", ""}, {0}};
    struct bench b;
    bench_init(&b, script);
    assert_counts(&b, "k1=0\n", "k2=0\n");
    bench_done(&b);
}

/* A key that could not be asked for counts as there, and so does one of which the answer says
 * nothing, however often it would be asked. */
static void test_no_answer(void **state)
{
    static const struct fake_answer failing[] = {
        SHOP, {ASKED, "", .err = ERR_LIMIT}, {"", ""}, {0}};
    static const struct fake_answer busy[] = {SHOP, {ASKED, "", .err = ERR_BUSY}, {"", ""}, {0}};
    static const struct fake_answer broken[] = {SHOP, {ASKED, "[[\"us"}, {"", ""}, {0}};
    static const struct fake_answer strange[] = {
        SHOP, {ASKED, "[[\"user\",\"other\",7]]\n"}, {"", ""}, {0}};
    static const struct fake_answer empty[] = {SHOP, {ASKED, "[[]]\n"}, {"", ""}, {0}};
    static const struct fake_answer *const scripts[] = {failing, busy, broken, strange, empty};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct bench b;
        bench_init(&b, scripts[i]);
        assert_counts(&b, "k1=1\n", "k2=1\n");
        bench_done(&b);
    }
}

/* The question that gets no answer is the fourth statement. */
static struct run *start_until_it_asks(struct bench *b, struct outcome *out)
{
    static const struct fake_answer hanging[] = {SHOP, {ASKED, "", .hangs = true}, {"", ""}, {0}};
    bench_init(b, hanging);
    struct run *run = start(b, out);
    while (fake_db_started(b->db) < 4)
        uv_run(&b->loop, UV_RUN_ONCE);
    return run;
}

static void test_cancelled_while_it_asks(void **state)
{
    struct bench b;
    struct outcome out;
    struct run *run = start_until_it_asks(&b, &out);
    run_cancel(run);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.err.code, ERR_CANCELLED);
    assert_int_equal(fake_db_started(b.db), 4);
    bench_done(&b);
}

static void test_its_time_is_over_while_it_asks(void **state)
{
    struct bench b;
    struct outcome out;
    struct run *run = start_until_it_asks(&b, &out);
    run_limit(run, 30, 0);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.err.code, ERR_TIMEOUT);
    bench_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_that_no_row_has),
        cmocka_unit_test(test_no_key_at_all),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_cancelled_while_it_asks),
        cmocka_unit_test(test_its_time_is_over_while_it_asks),
    };
    return cmocka_run_group_tests_name("run_keys", tests, NULL, NULL);
}
