/* Running tools against a scripted database: the whole path from arguments to result, and every way
 * it can end early. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "json.h"
#include "run_internal.h"
#include "tool_bench.h"

#define TABLES                                                                                     \
    {                                                                                              \
        "FROM system.tables",                                                                      \
            "[\"sextant\",\"shop\",\"{\\\"kind\\\":\\\"events\\\",\\\"cases\\\":{\\\"order\\\":"   \
            "\\\"case_id\\\"}}\",\"sextant\",1000,100000]\n"                                       \
    }
#define COLUMNS                                                                                    \
    {                                                                                              \
        "FROM system.columns",                                                                     \
            "[\"sextant\",\"shop\",[[\"time\",\"DateTime64(6, "                                    \
            "'UTC')\"],[\"event\",\"LowCardinality("                                               \
            "String)\"],[\"actor\",\"String\"],[\"session\",\"String\"],[\"case_id\",\"String\"]," \
            "[\"seq\",\"UInt64\"],[\"properties\",\"Map(LowCardinality(String), String)\"],"       \
            "[\"actor_properties\",\"Map(LowCardinality(String), String)\"]]]\n"                   \
    }
/* 2026-03-01 to 2026-03-31; the clock says April. */
#define BOUNDS                                                                                     \
    {                                                                                              \
        "now64", "[1772323200000000,1774915200000000,1000,1775000000000000]\n"                     \
    }
#define SEEN                                                                                       \
    {                                                                                              \
        "IN {names:", "[\"view\",1772323200000000,1774915200000000]\n"                             \
    }

static const struct fake_answer shop[] = {
    TABLES,
    COLUMNS,
    BOUNDS,
    SEEN,
    {"AS _activities",
     "[[],1,\"\",0,0,[],2,[\"buy\",\"cart\",\"view\"],[10,0]]\n"
     "[[3,2,1],7,\"c1\",700000,0,[],0,[],[]]\n[[3,1],3,\"c2\",600000,0,[],0,[],[]]\n"},
    {"quantileExactInclusive", "[10,27,0]\n"},
    {"AS _begin_us", "[\"view\",60,5,9,1772323200000000,1774915200000000,40,1,1772323200000000]\n"},
    {"ORDER BY _n DESC, _event", "[\"view\",60]\n[\"cart\",30]\n"},
    {"toInt64(offset)", "[0,3600]\n[1774746000,7200]\n"},
    {0},
};

struct outcome {
    int count;
    json_t *structured, *text;
    struct err err;
};

static void on_done(void *user, const struct run_result *result)
{
    struct outcome *out = user;
    out->count++;
    out->err = result->err;
    out->structured = json_incref(result->structured);
    out->text = json_incref(result->text);
}

static void outcome_done(struct outcome *out)
{
    json_decref(out->structured);
    json_decref(out->text);
}

static struct outcome call(struct bench *b, const char *tool, const char *arguments)
{
    struct outcome out = {0};
    json_t *values = json_loads(arguments, 0, NULL);
    run_start(b->workspace, catalog_find(tool), values, "t1", NULL, on_done, &out);
    assert_int_equal(out.count, 0); /* never before run_start() returned */
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(out.count, 1);
    json_decref(values);
    return out;
}

static struct outcome call_once(const struct fake_answer *script, const char *tool,
                                const char *arguments)
{
    struct bench b;
    bench_init(&b, script);
    struct outcome out = call(&b, tool, arguments);
    bench_done(&b);
    return out;
}

static void test_result_and_meta(void **state)
{
    struct outcome out =
        call_once(shop, "conformance_check", "{\"sequence\":[\"view\"],\"allow_unknown\":true}");
    assert_int_equal(out.err.code, ERR_OK);
    assert_int_equal(json_get_integer(out.structured, "cases", -1), 10);
    const json_t *meta = json_object_get(out.structured, "meta");
    assert_string_equal(json_get_string(meta, "source", ""), "shop");
    assert_string_equal(json_get_string(json_object_get(meta, "period"), "from", ""),
                        "2026-03-01T00:00:00Z");
    assert_true(json_get_integer(meta, "rows_read", 0) > 0);
    assert_null(json_object_get(meta, "queries"));
    assert_non_null(strstr(json_string_value(out.text), "10 cases"));
    outcome_done(&out);
}

static void test_alignment_figures(void **state)
{
    struct outcome out =
        call_once(shop, "conformance_check",
                  "{\"sequence\":[\"view\",\"cart\",\"buy\"],\"allow_unknown\":true}");
    assert_int_equal(json_get_integer(out.structured, "conforming", -1), 7);
    assert_int_equal(json_get_integer(out.structured, "total_cost", -1), 3);
    /* Seven cases at 1 and three at 1 - 1/5. */
    assert_true(json_get_number(out.structured, "fitness", 0) > 0.9399 &&
                json_get_number(out.structured, "fitness", 0) < 0.9401);
    const json_t *deviation = json_array_get(json_object_get(out.structured, "deviations"), 0);
    assert_string_equal(json_get_string(deviation, "kind", ""), "skipped");
    assert_string_equal(json_get_string(deviation, "activity", ""), "cart");
    assert_int_equal(json_get_integer(deviation, "cases", 0), 3);
    /* 200 s each against 100 s. */
    assert_true(json_get_number(deviation, "extra_s", 0) == 100);
    assert_non_null(strstr(json_string_value(out.text),
                           "Most time goes with 'cart' skipped: 3 cases take 1 min 40 s longer"));
    outcome_done(&out);
}

static void test_unknown_event_names_the_nearest(void **state)
{
    struct outcome out = call_once(shop, "conformance_check", "{\"sequence\":[\"view\",\"crat\"]}");
    assert_int_equal(out.err.code, ERR_NOT_FOUND);
    assert_string_equal(out.err.field, "sequence[1]");
    assert_non_null(strstr(out.err.text, "did you mean 'cart'"));
    assert_null(out.structured);
    outcome_done(&out);
}

static void test_names_are_asked_for_once(void **state)
{
    struct bench b;
    bench_init(&b, shop);
    struct outcome first = call(&b, "conformance_check", "{\"sequence\":[\"view\"]}");
    int after_first = fake_db_started(b.db);
    struct outcome second = call(&b, "conformance_check", "{\"sequence\":[\"view\"]}");
    assert_int_equal(first.err.code, ERR_OK);
    assert_int_equal(second.err.code, ERR_OK);
    /* The second call runs the tool's own query only. */
    assert_int_equal(fake_db_started(b.db) - after_first, 1);
    outcome_done(&first);
    outcome_done(&second);
    bench_done(&b);
}

static void test_bad_arguments(void **state)
{
    static const struct {
        const char *arguments, *field;
        enum err_code code;
    } cases[] = {
        {"{\"sequence\":[]}", "sequence", ERR_ARGUMENT},
        {"{\"sequence\":[\"view\"],\"match\":\"fuzzy\"}", "match", ERR_ARGUMENT},
        {"{\"sequence\":[\"view\"],\"from\":\"yesterday\"}", "from", ERR_ARGUMENT},
        {"{\"sequence\":[\"view\"],\"from\":\"2026-03-05\",\"to\":\"2026-03-01\"}", "from",
         ERR_ARGUMENT},
        {"{\"sequence\":[\"view\"],\"source\":\"nope\"}", "source", ERR_NOT_FOUND},
        {"{\"sequence\":[\"view\"],\"tz\":\"'; DROP\"}", "tz", ERR_ARGUMENT},
        {"{\"sequence\":[\"view\"],\"case\":\"\"}", "case", ERR_ARGUMENT},
        {"{\"sequence\":[\"view\"],\"filters\":[{\"field\":\"event\",\"op\":\"gt\"}]}",
         "filters[0].value", ERR_ARGUMENT},
        {"{\"sequence\":[\"view\"],\"nonsense\":1}", "nonsense", ERR_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct outcome out = call_once(shop, "conformance_check", cases[i].arguments);
        assert_int_equal(out.err.code, cases[i].code);
        assert_string_equal(out.err.field, cases[i].field);
        assert_true(out.err.text[0] != '\0');
        outcome_done(&out);
    }
}

/* Values travel as parameters, whatever is in them. */
static void test_values_are_bound(void **state)
{
    struct bench b;
    bench_init(&b, shop);
    struct outcome out = call(&b, "conformance_check",
                              "{\"sequence\":[\"view\"],\"filters\":[{\"field\":\"plan');--\","
                              "\"op\":\"eq\",\"value\":\"x' OR 1=1 {p1:String} \\\\ \\t\"}],"
                              "\"allow_unknown\":true}");
    assert_int_equal(out.err.code, ERR_OK);
    const char *sql = fake_db_sql(b.db, "AS _activities");
    assert_null(strstr(sql, "OR 1=1"));
    assert_null(strstr(sql, "plan"));
    const char *params = fake_db_params(b.db, "AS _activities");
    assert_non_null(strstr(params, "=plan');--\n"));
    assert_non_null(strstr(params, "=x' OR 1=1 {p1:String} \\\\ \\t\n"));
    outcome_done(&out);
    bench_done(&b);
}

static void test_explain_only_runs_nothing(void **state)
{
    static const struct fake_answer script[] = {
        TABLES, COLUMNS, BOUNDS, {"EXPLAIN ESTIMATE", "[\"sextant\",\"shop\",1,500,4]\n"}, {0}};
    struct outcome out =
        call_once(script, "conformance_check",
                  "{\"sequence\":[\"view\"],\"allow_unknown\":true,\"explain\":\"only\"}");
    assert_int_equal(out.err.code, ERR_OK);
    const json_t *query =
        json_array_get(json_object_get(json_object_get(out.structured, "meta"), "queries"), 0);
    assert_non_null(strstr(json_get_string(query, "sql", ""), "AS _activities"));
    assert_int_equal(json_get_integer(json_object_get(query, "estimate"), "rows", 0), 500);
    assert_int_equal(json_get_integer(json_object_get(query, "estimate"), "bytes", 0), 50000);
    assert_null(json_object_get(out.structured, "cases"));
    outcome_done(&out);
}

static void test_engine_errors(void **state)
{
    static const enum err_code codes[] = {ERR_TIMEOUT, ERR_ENGINE, ERR_ACCESS, ERR_BUSY};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct fake_answer script[] = {TABLES,
                                       COLUMNS,
                                       BOUNDS,
                                       {"AS _pairs", "", codes[i]},
                                       {"quantileExactInclusive", "", ERR_OK, .hangs = true},
                                       {0}};
        /* The other query of the round hangs: the failure must stop it. */
        struct outcome out =
            call_once(script, "conformance_check", "{\"temporal\":{\"learn\":true}}");
        assert_int_equal(out.err.code, codes[i]);
        outcome_done(&out);
    }
}

static void test_broken_row(void **state)
{
    static const struct fake_answer script[] = {TABLES,
                                                COLUMNS,
                                                BOUNDS,
                                                {"AS _activities", "[[\"view\"],7,\n"},
                                                {"quantileExactInclusive", "[1,1,0]\n"},
                                                {0}};
    struct outcome out =
        call_once(script, "conformance_check", "{\"sequence\":[\"view\"],\"allow_unknown\":true}");
    assert_int_equal(out.err.code, ERR_ENGINE);
    outcome_done(&out);
}

static void test_cancel_while_running(void **state)
{
    static const struct fake_answer script[] = {
        TABLES,
        COLUMNS,
        BOUNDS,
        {"AS _pairs", "", ERR_OK, .hangs = true},
        {"quantileExactInclusive", "", ERR_OK, .hangs = true},
        {0}};
    struct bench b;
    bench_init(&b, script);
    struct outcome out = {0};
    json_t *arguments = json_loads("{\"temporal\":{\"learn\":true}}", 0, NULL);
    struct run *run = run_start(b.workspace, catalog_find("conformance_check"), arguments, "t1",
                                NULL, on_done, &out);
    for (int i = 0; i < 200; i++)
        uv_run(&b.loop, UV_RUN_NOWAIT);
    assert_int_equal(out.count, 0);
    run_cancel(run);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.err.code, ERR_CANCELLED);
    json_decref(arguments);
    outcome_done(&out);
    bench_done(&b);
}

/* More sequences than are checked in one turn of the loop, and a model as long as one may be. */
static void make_sequences(struct buf *rows, struct buf *arguments)
{
    buf_puts(rows, "[[],400,\"\",0,0,[],2,[\"buy\",\"cart\",\"view\"],[400,0]]\n");
    for (int i = 0; i < 400; i++) {
        buf_puts(rows, "[[1");
        for (int k = 0; k < 1000; k++)
            buf_printf(rows, ",%d", (i * k) % 3 + 1);
        buf_puts(rows, "],1,\"c1\",0,0,[],0,[],[]]\n");
    }
    buf_puts(arguments, "{\"allow_unknown\":true,\"sequence\":[\"view\"");
    for (int i = 1; i < 100; i++)
        buf_puts(arguments, ",\"cart\"");
    buf_puts(arguments, "]}");
}

enum ending { TO_THE_END, CANCELLED, EXPIRED };

static void check_long(enum ending ending, enum err_code wanted)
{
    struct buf rows = {0}, text = {0};
    make_sequences(&rows, &text);
    struct fake_answer script[] = {
        TABLES, COLUMNS, BOUNDS, {"AS _activities", buf_text(&rows)}, {0}};
    struct bench b;
    bench_init(&b, script);
    struct outcome out = {0};
    json_t *arguments = json_loads(buf_text(&text), 0, NULL);
    struct run *run = run_start(b.workspace, catalog_find("conformance_check"), arguments, "t1",
                                NULL, on_done, &out);
    while (fake_db_ended(b.db) < 4)
        uv_run(&b.loop, UV_RUN_NOWAIT);
    assert_int_equal(out.count, 0); /* the loop turns before all is checked */
    if (ending == CANCELLED)
        run_cancel(run);
    if (ending == EXPIRED)
        run_limit(run, 1, 0);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.err.code, wanted);
    if (ending == TO_THE_END)
        assert_int_equal(json_get_integer(out.structured, "cases", 0), 400);
    json_decref(arguments);
    outcome_done(&out);
    bench_done(&b);
    buf_done(&rows);
    buf_done(&text);
}

static void test_a_long_check(void **state)
{
    check_long(TO_THE_END, ERR_OK);
    check_long(CANCELLED, ERR_CANCELLED);
    check_long(EXPIRED, ERR_TIMEOUT);
}

static void test_cancel_before_the_start(void **state)
{
    struct bench b;
    bench_init(&b, shop);
    struct outcome out = {0};
    run_cancel(
        run_start(b.workspace, catalog_find("list_events"), NULL, "t1", NULL, on_done, &out));
    uv_run(&b.loop, UV_RUN_DEFAULT);
    assert_int_equal(out.err.code, ERR_CANCELLED);
    assert_int_equal(fake_db_started(b.db), 0);
    outcome_done(&out);
    bench_done(&b);
}

static void test_time_zone(void **state)
{
    struct outcome out = call_once(shop, "list_events", "{\"tz\":\"Europe/Berlin\"}");
    assert_int_equal(out.err.code, ERR_OK);
    const json_t *event = json_array_get(json_object_get(out.structured, "events"), 0);
    assert_string_equal(json_get_string(event, "first_seen", ""), "2026-03-01T01:00:00+01:00");
    assert_string_equal(json_get_string(event, "last_seen", ""), "2026-03-31T02:00:00+02:00");
    /* 40 of 60 in the second half: twice the first half. */
    assert_true(json_get_number(event, "trend", 0) == 1.0);
    outcome_done(&out);
}

/* An event and a field of one name are looked for both; nothing is new where all is young. */
static void test_names_of_both_kinds(void **state)
{
    static const struct fake_answer script[] = {
        TABLES, COLUMNS, BOUNDS, SEEN, {"SELECT 1\n", ""}, {"AS key", "[\"country\",5]\n"}, {0}};
    struct outcome out =
        call_once(script, "conformance_check",
                  "{\"sequence\":[\"view\"],\"filters\":[{\"field\":\"view\",\"op\":\"exists\"}]}");
    assert_int_equal(out.err.code, ERR_NOT_FOUND);
    assert_string_equal(out.err.field, "filters[0].field");
    outcome_done(&out);
}

static void test_nothing_is_new_in_a_young_source(void **state)
{
    struct outcome out = call_once(shop, "list_events", "{\"from\":\"2025-03-01\"}");
    assert_int_equal(out.err.code, ERR_OK);
    const json_t *event = json_array_get(json_object_get(out.structured, "events"), 0);
    assert_false(json_is_true(json_object_get(event, "is_new")));
    outcome_done(&out);
}

/* Hourly counts that end a day before the data does, and a century of minutes. */
static void test_series_gaps(void **state)
{
    static const struct fake_answer silent[] = {
        TABLES,
        COLUMNS,
        BOUNDS,
        {"AS _volume", "[\"\",1774828800000000,5,5]\n[\"\",1774832400000000,7,7]\n"},
        {0}};
    struct outcome out =
        call_once(silent, "anomaly_scan", "{\"metric\":\"event_count\",\"points\":true}");
    assert_int_equal(out.err.code, ERR_OK);
    assert_int_equal(json_array_size(json_object_get(out.structured, "series")), 25);
    outcome_done(&out);
    static const struct fake_answer sparse[] = {
        TABLES,
        COLUMNS,
        BOUNDS,
        {"AS _volume", "[\"\",0,5,5]\n[\"\",4102444800000000,7,7]\n"},
        {0}};
    out = call_once(sparse, "anomaly_scan", "{\"metric\":\"event_count\",\"interval\":\"minute\"}");
    assert_int_equal(out.err.code, ERR_ARGUMENT);
    assert_string_equal(out.err.field, "interval");
    outcome_done(&out);
}

/* Nobody in a result means nothing when no event says who it was. */
static void test_nobody_is_named(void **state)
{
    static const char question[] = "countIf(CAST(";
    static const struct fake_answer nameless[] = {
        TABLES, COLUMNS, BOUNDS, SEEN, {question, "[12,0,0]\n"}, {"", ""}, {0}};
    static const struct fake_answer silent[] = {
        TABLES, COLUMNS, BOUNDS, SEEN, {question, "[12,3,3]\n"}, {"", ""}, {0}};
    static const char actors[] =
        "{\"of\":\"run_funnel\",\"arguments\":{\"steps\":[\"view\"],\"actor\":\"session\"},"
        "\"cell\":{\"step\":1}}";
    static const struct {
        const char *tool, *arguments, *says;
    } calls[] = {
        {"run_funnel", "{\"steps\":[\"view\"],\"actor\":\"session\"}", "Nobody did the first step"},
        {"run_funnel",
         "{\"steps\":[\"view\",\"view\"],\"actor\":\"session\",\"view\":\"time_to_convert\"}",
         "Nobody did the first step"},
        {"list_actors", actors, "0 actors in this cell"},
        {"retention_matrix", "{\"start\":\"view\",\"actor\":\"session\"}", "Nobody started (view)"},
        {"lifecycle", "{\"event\":\"view\",\"actor\":\"session\"}", "Nobody was active (view)"},
        {"stickiness", "{\"event\":\"view\",\"actor\":\"session\"}", "Nobody was active (view)"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        struct outcome out = call_once(nameless, calls[i].tool, calls[i].arguments);
        assert_int_equal(out.err.code, ERR_OK);
        const char *text = json_string_value(out.text);
        assert_non_null(
            strstr(text, "none of the 12 events 'view' of this period names its session"));
        assert_null(strstr(text, calls[i].says));
        const json_t *warnings =
            json_object_get(json_object_get(out.structured, "meta"), "warnings");
        assert_int_equal(json_array_size(warnings), 1);
        outcome_done(&out);

        out = call_once(silent, calls[i].tool, calls[i].arguments);
        assert_int_equal(out.err.code, ERR_OK);
        text = json_string_value(out.text);
        assert_non_null(strstr(text, calls[i].says));
        assert_null(strstr(text, "names its session"));
        outcome_done(&out);
    }
}

/* Events that others than the segment did are no events that nobody did. */
static void test_others_did_it(void **state)
{
    static const char question[] = "countIf(CAST(";
    static const struct fake_answer others[] = {
        TABLES, COLUMNS, BOUNDS, SEEN, {question, "[12,3,0]\n"}, {"", ""}, {0}};
    struct bench b;
    bench_init(&b, others);
    struct outcome out =
        call(&b, "run_funnel", "{\"steps\":[\"view\"],\"segment\":{\"did\":[\"view\"]}}");
    assert_int_equal(out.err.code, ERR_OK);
    assert_non_null(strstr(json_string_value(out.text),
                           "the 12 events 'view' of this period are all of others"));
    assert_non_null(
        strstr(fake_db_sql(b.db, question), "!= '' AND CAST(`actor`, 'String') GLOBAL IN"));
    outcome_done(&out);
    bench_done(&b);
}

/* A zero names what narrows the call: it must not deny what the period has. */
static void test_nothing_says_what_narrows(void **state)
{
    static const struct fake_answer silent[] = {
        TABLES, COLUMNS, BOUNDS, SEEN, {"countIf(CAST(", "[12,3,3]\n"}, {"", ""}, {0}};
    static const struct {
        const char *tool, *arguments, *says;
    } calls[] = {
        {"run_funnel", "{\"steps\":[\"view\"],\"segment\":{\"did\":[\"view\"]}}",
         "Nobody did the first step (view) in this period, among the actors of the segment. "
         "Period: "},
        {"retention_matrix",
         "{\"start\":\"view\",\"filters\":[{\"field\":\"event\",\"value\":\"view\"}]}",
         "Nobody started (view) in this period, among what passes the filters. Period: "},
        {"lifecycle",
         "{\"event\":\"view\",\"segment\":{\"did\":[\"view\"]},"
         "\"filters\":[{\"field\":\"event\",\"value\":\"view\"}]}",
         "Nobody was active (view) in this period, among what passes filters and segment. "
         "Period: "},
        {"retention_matrix", "{\"start\":\"view\",\"kind\":\"first_time\"}",
         "Nobody started (view) for the first time in this period. Period: "},
        {"stickiness", "{\"event\":\"view\",\"min_times\":9}",
         "Nobody was active (view) at least 9 times an interval in this period. Period: "},
        {"property_values", "{\"field\":\"service\",\"event\":\"view\"}",
         "No event 'view' of the period has a value of 'service'. Period: "},
        {"run_trend",
         "{\"series\":[{\"event\":\"view\",\"math\":\"sum\",\"field\":\"duration_ms\"}]}",
         "no event of this period is view with a number in 'duration_ms'. Period: "},
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        struct outcome out = call_once(silent, calls[i].tool, calls[i].arguments);
        assert_int_equal(out.err.code, ERR_OK);
        assert_non_null(strstr(json_string_value(out.text), calls[i].says));
        outcome_done(&out);
    }
}

/* Arrays of all rows where they fit into the memory of a statement, for each series, else sets. */
static void check_arrays_fit(const struct fake_answer *script, uint64_t memory_bytes,
                             const char *array)
{
    static const char arguments[] =
        "{\"series\":[{\"math\":\"actors\"},{\"math\":\"actors\",\"event\":\"view\"}],"
        "\"breakdown\":[\"event\"],\"allow_unknown\":true,\"explain\":\"only\"}";
    uint64_t usual = db_limits_default.memory_bytes;
    for (uint64_t less = 0; less < 2; less++) {
        db_limits_default.memory_bytes = memory_bytes - less;
        struct outcome out = call_once(script, "run_trend", arguments);
        assert_int_equal(out.err.code, ERR_OK);
        const json_t *queries = json_object_get(json_object_get(out.structured, "meta"), "queries");
        const char *sql = json_get_string(json_array_get(queries, 0), "sql", "");
        assert_int_equal(strstr(sql, array) != NULL, less == 0);
        assert_int_equal(strstr(sql, "uniqExactState") != NULL, less == 1);
        outcome_done(&out);
    }
    db_limits_default.memory_bytes = usual;
}

static void test_arrays_fit(void **state)
{
    static const struct fake_answer script[] = {
        TABLES,
        {"FROM system.columns",
         "[\"sextant\",\"shop\",[[\"time\",\"DateTime64(6, 'UTC')\"],[\"event\",\"String\"],"
         "[\"actor\",\"String\"],[\"actor_number\",\"UInt32\"],[\"seq\",\"UInt64\"]]]\n"},
        BOUNDS,
        {"EXPLAIN ESTIMATE", "[\"sextant\",\"shop\",1,500,4]\n"},
        {"", ""},
        {0}};
    /* More than the engine reads back of one array: cut into buckets. */
    static const struct fake_answer many[] = {
        {"FROM system.tables", TABLE("shop", "16777216")},
        {"FROM system.columns",
         "[\"sextant\",\"shop\",[[\"time\",\"DateTime64(6, 'UTC')\"],[\"event\",\"String\"],"
         "[\"actor\",\"String\"],[\"actor_number\",\"UInt32\"],[\"seq\",\"UInt64\"]]]\n"},
        BOUNDS,
        {"EXPLAIN ESTIMATE", "[\"sextant\",\"shop\",1,500,4]\n"},
        {"", ""},
        {0}};
    static const struct fake_answer texts[] = {
        TABLES,
        {"FROM system.columns", "[\"sextant\",\"shop\",[[\"time\",\"DateTime64(6, 'UTC')\"],"
                                "[\"event\",\"String\"],[\"actor\",\"String\"]]]\n"},
        BOUNDS,
        {"EXPLAIN ESTIMATE", "[\"sextant\",\"shop\",1,500,4]\n"},
        {"", ""},
        {0}};
    enum { ROWS = 1000, MANY_ROWS = 1 << 24, NUMBER_BYTES = 32, TEXT_BYTES = 100, SERIES = 2 };
    (void)state;
    check_arrays_fit(script, (uint64_t)SERIES * ROWS * NUMBER_BYTES, "groupArrayIf(bitShiftLeft(");
    check_arrays_fit(script, (uint64_t)SERIES * ROWS * NUMBER_BYTES, "bitAnd(_i, 0) AS _bucket");
    check_arrays_fit(many, (uint64_t)SERIES * MANY_ROWS * NUMBER_BYTES,
                     "bitAnd(cityHash64(_key), 15) AS _bucket");
    check_arrays_fit(texts, (uint64_t)SERIES * ROWS * TEXT_BYTES, "groupArrayIf(cityHash64(");
}

/* The data of the fixture begin with the period: there is nothing before to compare with. */
static void test_nothing_before_to_compare(void **state)
{
    static const struct fake_answer silent[] = {
        TABLES, COLUMNS, BOUNDS, SEEN, {"countIf(CAST(", "[12,3,3]\n"}, {"", ""}, {0}};
    static const char *const compares[] = {"previous", "none"};
    for (size_t i = 0; i < 2; i++) {
        char arguments[200];
        snprintf(arguments, sizeof arguments,
                 "{\"event\":\"view\",\"compare\":\"%s\",\"from\":\"2026-03-01\"}", compares[i]);
        struct outcome out = call_once(silent, "stickiness", arguments);
        assert_int_equal(out.err.code, ERR_OK);
        bool is_said = strstr(json_string_value(out.text),
                              "the period before, compared with, lacks all events") != NULL;
        assert_int_equal(is_said, i == 0);
        outcome_done(&out);
    }
}

static void test_nothing_to_judge(void **state)
{
    static const struct fake_answer empty[] = {
        TABLES,
        COLUMNS,
        BOUNDS,
        {"FROM system.columns", ""},
        {"AS _volume", "[\"\",1774828800000000,null,50]\n[\"\",1774832400000000,null,50]\n"},
        {"", "[5]\n"},
        {0}};
    struct outcome out =
        call_once(empty, "anomaly_scan",
                  "{\"metric\":\"series\",\"series\":{\"math\":\"average\",\"field\":\"price\"},"
                  "\"allow_unknown\":true}");
    assert_int_equal(out.err.code, ERR_OK);
    const char *text = json_string_value(out.text);
    assert_non_null(strstr(text, "Nothing could be judged: each point lacks a value of price"));
    assert_null(strstr(text, "No anomaly"));
    outcome_done(&out);

    static const struct fake_answer healthy[] = {
        {"FROM system.tables", "[\"sextant\",\"shop\",\"{\\\"kind\\\":\\\"events\\\","
                               "\\\"status\\\":\\\"case_id\\\"}\",\"sextant\",1000,100000]\n"},
        COLUMNS,
        BOUNDS,
        {"AS _volume", "[\"\",1774828800000000,0,50]\n[\"\",1774832400000000,0,50]\n"},
        {0}};
    out = call_once(healthy, "anomaly_scan", "{\"metric\":\"error_rate\"}");
    assert_int_equal(out.err.code, ERR_OK);
    text = json_string_value(out.text);
    assert_non_null(strstr(text, "Nothing could be judged: no event has an error status"));
    assert_null(strstr(text, "No anomaly"));
    outcome_done(&out);
}

/* Two names of the longest characters that differ in the last one. */
static void test_long_names_are_remembered_whole(void **state)
{
    static const struct fake_answer nothing[] = {{0}};
    struct bench b;
    char name[4 * 4096 + 1], other[sizeof name];
    int64_t first_us, last_us;
    bench_init(&b, nothing);
    for (size_t i = 0; i + 4 < sizeof name; i += 4)
        memcpy(name + i, "\xf0\x9f\xa6\x8a", 4);
    name[sizeof name - 1] = '\0';
    memcpy(other, name, sizeof name);
    other[sizeof other - 2] = '\x8b';
    workspace_keep_seen(b.workspace, "shop", 'e', name, 1, 2);
    assert_true(workspace_seen(b.workspace, "shop", 'e', name, &first_us, &last_us));
    assert_false(workspace_seen(b.workspace, "shop", 'e', other, &first_us, &last_us));
    assert_false(workspace_seen(b.workspace, "shop", 'f', name, &first_us, &last_us));
    bench_done(&b);
}

static void test_a_repeated_activity(void **state)
{
    static const struct fake_answer again[] = {TABLES,
                                               COLUMNS,
                                               BOUNDS,
                                               SEEN,
                                               {"AS _activities",
                                                "[[],1,\"\",0,0,[],2,[\"buy\",\"view\"],[3,0]]\n"
                                                "[[2,2,1],3,\"c1\",9,0,[],0,[],[]]\n"},
                                               {"quantileExactInclusive", "[3,9,0]\n"},
                                               {0}};
    struct outcome out = call_once(again, "conformance_check",
                                   "{\"sequence\":[\"view\",\"buy\"],\"allow_unknown\":true}");
    assert_int_equal(out.err.code, ERR_OK);
    assert_non_null(strstr(json_string_value(out.text), "'view' repeated"));
    outcome_done(&out);
}

static void test_several_case_fields(void **state)
{
    static const struct fake_answer two[] = {
        {"FROM system.tables",
         "[\"sextant\",\"shop\",\"{\\\"kind\\\":\\\"events\\\",\\\"cases\\\":{\\\"order\\\":"
         "\\\"case_id\\\",\\\"parcel\\\":\\\"properties['parcel']\\\"}}\",\"sextant\",1000,100000]"
         "\n"},
        COLUMNS,
        BOUNDS,
        SEEN,
        {0}};
    struct outcome out = call_once(two, "run_funnel", "{\"steps\":[\"view\"],\"actor\":\"case\"}");
    assert_int_equal(out.err.code, ERR_ARGUMENT);
    assert_string_equal(out.err.field, "actor");
    assert_non_null(strstr(out.err.text, "name one as actor: order, parcel"));
    outcome_done(&out);
    out = call_once(two, "conformance_check", "{\"sequence\":[\"view\"]}");
    assert_int_equal(out.err.code, ERR_ARGUMENT);
    assert_string_equal(out.err.field, "case");
    outcome_done(&out);
}

static void test_no_source(void **state)
{
    static const struct fake_answer script[] = {
        {"FROM system.tables", ""}, {"FROM system.columns", ""}, {0}};
    struct outcome out = call_once(script, "list_events", "{}");
    assert_int_equal(out.err.code, ERR_NOT_FOUND);
    assert_non_null(strstr(out.err.text, "sextant import"));
    outcome_done(&out);
    out = call_once(script, "list_sources", "{}");
    assert_int_equal(out.err.code, ERR_OK);
    assert_int_equal(json_array_size(json_object_get(out.structured, "sources")), 0);
    outcome_done(&out);
}

/* Every tool's tables hold together. */
static void test_catalog(void **state)
{
    const char *before = "";
    size_t list_size = 0;
    for (size_t i = 0; catalog[i] != NULL; i++) {
        const struct tool *t = catalog[i];
        assert_true(strcmp(before, t->name) < 0);
        before = t->name;
        assert_true(strlen(t->name) <= 30);
        assert_true(strspn(t->name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(t->name));
        assert_ptr_equal(catalog_find(t->name), t);
        json_t *input = tool_input_schema(t), *output = tool_output_schema(t);
        char *in = json_text(input), *out = json_text(output);
        if ((t->flags & TOOL_CORE) != 0) /* what a client is told unless it asks for more */
            list_size += strlen(in) + strlen(out) + strlen(t->description) + strlen(t->title) + 200;
        if (strlen(in) >= 4000)
            fail_msg("the input schema of %s has %zu bytes", t->name, strlen(in));
        free(in);
        free(out);
        json_decref(input);
        json_decref(output);
    }
    assert_true(list_size < 40000);
    assert_null(catalog_find("no_such_tool"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_result_and_meta),
        cmocka_unit_test(test_alignment_figures),
        cmocka_unit_test(test_unknown_event_names_the_nearest),
        cmocka_unit_test(test_names_are_asked_for_once),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_values_are_bound),
        cmocka_unit_test(test_explain_only_runs_nothing),
        cmocka_unit_test(test_arrays_fit),
        cmocka_unit_test(test_engine_errors),
        cmocka_unit_test(test_broken_row),
        cmocka_unit_test(test_cancel_while_running),
        cmocka_unit_test(test_a_long_check),
        cmocka_unit_test(test_cancel_before_the_start),
        cmocka_unit_test(test_time_zone),
        cmocka_unit_test(test_names_of_both_kinds),
        cmocka_unit_test(test_nothing_is_new_in_a_young_source),
        cmocka_unit_test(test_series_gaps),
        cmocka_unit_test(test_nobody_is_named),
        cmocka_unit_test(test_others_did_it),
        cmocka_unit_test(test_nothing_says_what_narrows),
        cmocka_unit_test(test_nothing_before_to_compare),
        cmocka_unit_test(test_nothing_to_judge),
        cmocka_unit_test(test_long_names_are_remembered_whole),
        cmocka_unit_test(test_a_repeated_activity),
        cmocka_unit_test(test_several_case_fields),
        cmocka_unit_test(test_no_source),
        cmocka_unit_test(test_catalog),
    };
    return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
