/* Memory that runs out while statements are built: buffers grow with realloc(). Calls of tools
 * against a scripted database are repeated with the 1st, the 2nd, … of them failing, until one runs
 * to its end without reaching the one that should fail: once that one alone, once all from there to
 * the call's end. Each must end once, and every statement that reaches the database must be, with
 * its parameters, one that a call with all its memory sends: a statement that lost a fragment would
 * answer another question. All of that twice: of a source that numbers its actors and sessions, and
 * of one that does not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/tool_bench.h"
#include "catalog.h"
#include "json.h"
#include "wrap.h"

/* ---- allocations ---- */

static struct {
    bool is_armed, is_lasting; /* lasting: all from the chosen one on fail, not it alone */
    size_t countdown;          /* to the one that fails; 0 = it has failed */
    size_t calls;              /* a figure */
} memory;

static bool is_refused(void)
{
    if (!memory.is_armed)
        return false;
    if (memory.countdown == 0)
        return memory.is_lasting;
    return --memory.countdown == 0;
}

void *__wrap_realloc(void *old, size_t size)
{
    return is_refused() ? NULL : __real_realloc(old, size);
}

/* ---- a database that knows which statements are whole ---- */

enum { STATEMENTS_MAX = 64 };

static struct {
    const struct db_ops *real;
    bool is_learning;
    char *whole[STATEMENTS_MAX]; /* with their parameters */
    size_t count;
    char broken[4096]; /* the first statement that is none of them, or "" */
} log_of;

static bool is_whole(const char *text)
{
    for (size_t i = 0; i < log_of.count; i++)
        if (strcmp(log_of.whole[i], text) == 0)
            return true;
    return false;
}

static char *text_of(const struct db_request *request)
{
    struct buf text = {0};
    for (size_t i = 0; i < request->param_count; i++)
        buf_printf(&text, "%s=%s\n", request->params[i].name, request->params[i].value);
    buf_puts(&text, request->sql);
    return buf_take(&text);
}

static int watched_start(struct db *db, const struct db_request *request,
                         struct db_query **ret_query, struct err *ret_err)
{
    bool was_armed = memory.is_armed; /* the database has memory of its own */
    memory.is_armed = false;
    char *text = text_of(request);
    if (!is_whole(text)) {
        if (log_of.is_learning && log_of.count < STATEMENTS_MAX)
            log_of.whole[log_of.count++] = strdup(text);
        else if (log_of.broken[0] == '\0')
            snprintf(log_of.broken, sizeof log_of.broken, "%s", text);
    }
    free(text);
    int rc = log_of.real->start(db, request, ret_query, ret_err);
    memory.is_armed = was_armed;
    return rc;
}

static void forget(void)
{
    for (size_t i = 0; i < log_of.count; i++)
        free(log_of.whole[i]);
    log_of.count = 0;
}

/* ---- calls ---- */

/* The columns of the source: those that `more` names beside those of every source. */
#define COLUMNS(more)                                                                              \
    "[\"sextant\",\"shop\",[[\"time\",\"DateTime64(6, 'UTC')\"],[\"event\",\"String\"],"           \
    "[\"actor\",\"String\"],[\"session\",\"String\"],[\"case_id\",\"String\"],"                    \
    "[\"seq\",\"UInt64\"],[\"url\",\"String\"],[\"resource\",\"String\"]," more                    \
    "[\"properties\",\"Map(LowCardinality(String), String)\"],"                                    \
    "[\"actor_properties\",\"Map(LowCardinality(String), String)\"]]]\n"

static struct fake_answer script[] = {
    {"FROM system.columns", NULL}, /* of the source at hand */
    {"FROM system.tables",
     "[\"sextant\",\"shop\",\"{\\\"kind\\\":\\\"events\\\",\\\"cases\\\":{\\\"order\\\":"
     "\\\"case_id\\\"},\\\"objects\\\":{\\\"page\\\":\\\"url\\\",\\\"visit\\\":\\\"session\\\"}}\","
     "\"sextant\",1000,100000]\n"},
    {"now64", "[1772323200000000,1774915200000000,1000,1775000000000000]\n"},
    {"IN {names:", "[\"view\",1772323200000000,1774915200000000]\n"},
    {"toInt64(offset)", "[0,3600]\n[1774746000,7200]\n"},
    {"= {session:String}", "[3,1772323200000000,1772326800000000,\"ann\"]\n"},
    {"AS _is_long, if(", /* of traces */
     "[[],1,\"\",0,0,[],2,[\"buy\",\"view\"],[4,0]]\n"
     "[[2,1],3,\"c1\",9,0,[],0,[],[]]\n[[2],1,\"c2\",9,0,[],0,[],[]]\n"},
    {"AS _activities", /* of groups and of a profile alike */
     "[[2,1],3,\"c1\",9,[2,0.5],[\"c1\"],0,[\"buy\",\"view\"],[[5,4],[1e6,2e6],[0,1e3]]]\n"
     "[[2],1,\"c2\",9,[1,0.5],[\"c2\"],0,[],[[],[],[]]]\n"},
    {"", ""}, /* everything else: no rows */
    {0},
};

static const struct sample {
    const char *tool, *arguments;
} samples[] = {
    {"list_sources", "{}"},
    {"list_events", "{\"search\":\"vi\"}"},
    {"describe_source", "{\"search\":\"pl\"}"},
    {"property_values",
     "{\"allow_unknown\":true,\"field\":\"event.plan\",\"event\":\"view\",\"prefix\":\"p\"}"},
    {"data_quality", "{}"},
    {"user_journey", "{\"actor_id\":\"ann\"}"},
    {"open_session", "{\"session\":\"s1\"}"},
    {"run_trend", "{\"series\":[{\"event\":\"view\",\"math\":\"actors\"}],\"interval\":\"day\"}"},
    {"run_trend", "{\"series\":[{\"math\":\"actors\"},{\"event\":\"view\",\"math\":"
                  "\"sessions\"}],\"breakdown\":[\"plan\"],\"compare\":\"previous\","
                  "\"allow_unknown\":true}"},
    {"run_funnel", "{\"allow_unknown\":true,\"steps\":[\"view\",\"pay\"]}"},
    {"run_funnel",
     "{\"allow_unknown\":true,\"steps\":[\"view\",\"view\"],\"breakdown\":[\"plan\"]}"},
    {"run_trend",
     "{\"series\":[{\"event\":\"view\",\"math\":\"weekly_actors\"},{\"event\":\"view\",\"math\":"
     "\"first_time\"},{\"event\":\"view\",\"math\":\"p90\",\"field\":\"plan\"}],\"interval\":"
     "\"hour\",\"breakdown\":[\"plan\"],\"compare\":\"previous\",\"allow_unknown\":true}"},
    {"run_funnel",
     "{\"allow_unknown\":true,\"steps\":[\"view\",\"buy\",{\"any_of\":[\"view\",\"pay\"]}],"
     "\"order\":\"strict\",\"view\":\"trend\",\"hold_constant\":[\"plan\"]}"},
    {"run_funnel", "{\"allow_unknown\":true,\"steps\":[\"view\",{\"event\":\"buy\",\"optional\":"
                   "true},\"pay\"],\"exclusions\":[\"away\"],\"step_gaps\":[{\"step\":3,\"max_s\":"
                   "60}],\"hold_constant\":[\"plan\"]}"},
    {"run_funnel", "{\"allow_unknown\":true,\"steps\":[\"view\",\"view\",\"pay\"],\"order\":"
                   "\"unordered\",\"exclusions\":[\"away\"],\"breakdown\":[\"plan\"],"
                   "\"attribution\":\"step\",\"attribution_step\":2}"},
    {"explain_funnel", "{\"allow_unknown\":true,\"steps\":[\"view\",\"pay\"],\"step\":2}"},
    {"retention_matrix", "{\"start\":\"view\",\"interval\":\"day\"}"},
    {"retention_matrix", "{\"start\":\"view\",\"clock\":\"rolling\",\"min_times\":2,\"kind\":"
                         "\"first_time\",\"breakdown\":[\"plan\"],\"allow_unknown\":true}"},
    {"lifecycle", "{\"interval\":\"week\",\"tz\":\"Europe/Berlin\"}"},
    {"run_paths", "{\"exclude\":[\"view\"]}"},
    {"run_paths", "{\"start\":\"view\",\"end\":\"pay\",\"collapse_repeats\":true,\"node\":\"plan\","
                  "\"clean\":[{\"regex\":\"a\",\"alias\":\"b\"}],\"allow_unknown\":true}"},
    {"list_actors", "{\"of\":\"run_paths\",\"arguments\":{\"edge_limit\":3},\"cell\":{\"step\":1,"
                    "\"from\":\"view\",\"to\":\"(other)\"}}"},
    {"list_actors",
     "{\"of\":\"run_trend\",\"arguments\":{\"series\":[\"view\"],\"breakdown\":[\"plan\"],\"allow_"
     "unknown\":true},\"cell\":{\"series\":\"view\",\"breakdown\":[\"(other)\"]}}"},
    {"list_actors", "{\"of\":\"run_funnel\",\"arguments\":{\"steps\":[\"view\",\"pay\"],"
                    "\"breakdown\":[\"plan\"],\"allow_unknown\":true},\"cell\":{\"step\":2,"
                    "\"outcome\":\"dropped\",\"breakdown\":[\"x\"]}}"},
    {"compare_groups", "{\"a\":{\"did\":[\"view\"]},\"b\":{\"did_not\":[\"view\"]}}"},
    {"usage_report", "{}"},
    {"conformance_check", "{\"sequence\":[\"view\"]}"},
    {"process_variants", "{\"compare\":\"previous\",\"from\":\"2026-01-01\"}"},
    {"case_timeline", "{\"case_id\":\"c1\"}"},
    {"process_map", "{\"filters\":[{\"field\":\"url\",\"value\":\"x\"}]}"},
    {"list_actors",
     "{\"of\":\"process_map\",\"arguments\":{},\"cell\":{\"from\":\"view\",\"to\":\"pay\"}}"},
    {"bottlenecks", "{\"compare\":\"previous\",\"from\":\"2026-01-01\"}"},
    {"handover_network", "{}"},
    {"operator_report", "{}"},
    {"list_actors",
     "{\"of\":\"handover_network\",\"arguments\":{},\"cell\":{\"from\":\"a\",\"to\":\"b\"}}"},
    {"rework_report", "{\"compare\":\"previous\",\"from\":\"2026-01-01\"}"},
    {"throughput", "{\"sla_s\":60,\"interval\":\"day\"}"},
    {"list_actors", "{\"of\":\"rework_report\",\"arguments\":{},\"cell\":{\"from\":\"view\","
                    "\"to\":\"pay\"}}"},
    {"list_actors", "{\"of\":\"throughput\",\"arguments\":{},\"cell\":{\"in_progress\":true}}"},
    {"conformance_check", "{\"edges\":[{\"from\":\"view\",\"to\":\"view\"}]}"},
    {"conformance_check", "{\"rules\":[{\"kind\":\"exists\",\"a\":\"pay\",\"n\":2},{\"kind\":"
                          "\"response\",\"a\":\"view\","
                          "\"b\":\"pay\"}],\"allow_unknown\":true}"},
    {"conformance_check", "{\"temporal\":{\"learn\":true}}"},
    {"conformance_check", "{\"temporal\":{\"pairs\":[{\"from\":\"view\",\"to\":\"view\",\"mean_s\":"
                          "1,\"std_s\":0}]}}"},
    {"list_actors",
     "{\"of\":\"conformance_check\",\"arguments\":{\"sequence\":[\"view\"]},\"cell\":"
     "{\"deviation\":0}}"},
    {"list_actors",
     "{\"of\":\"conformance_check\",\"arguments\":{\"sequence\":[\"view\"]},\"cell\":"
     "{\"conforming\":false}}"},
    {"object_summary", "{\"object_fields\":[\"url\",\"session\"],\"allow_unknown\":true}"},
    {"object_map", "{\"type\":\"page\",\"segment\":{\"did\":[\"view\"],\"did_not\":[\"pay\"]}}"},
    {"object_contention", "{\"type\":\"visit\"}"},
    {"attribute_conversions", "{\"conversion\":\"view\",\"field\":\"url\",\"allow_unknown\":true}"},
    {"stickiness", "{\"segment\":{\"did\":[\"view\"]}}"},
    {"anomaly_scan", "{\"metric\":\"event_count\",\"by\":\"event\"}"},
};

enum { SAMPLES = sizeof samples / sizeof samples[0] };

static int endings;

static void on_done(void *user, const struct run_result *result)
{
    (void)user;
    endings++;
    if (log_of.is_learning && result->err.code == ERR_ARGUMENT)
        fail_msg("%s: %s", result->err.field, result->err.text);
}

/* One call with the n-th allocation failing, n = 0: none. False when it has fewer. */
static bool call(const struct sample *s, size_t n, bool is_lasting)
{
    struct bench b;
    bench_init(&b, script);
    log_of.real = b.db->ops;
    const struct db_ops watched = {watched_start, log_of.real->cancel, log_of.real->close};
    b.db->ops = &watched;
    json_t *arguments = json_loads(s->arguments, 0, NULL);
    log_of.is_learning = n == 0;
    endings = 0;
    memory.countdown = n;
    memory.is_lasting = is_lasting;
    memory.is_armed = n > 0;
    const struct run *run =
        run_start(b.workspace, catalog_find(s->tool), arguments, "t1", NULL, on_done, NULL);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    memory.is_armed = false;
    bool has_failed = memory.countdown == 0;
    json_decref(arguments);
    bench_done(&b);
    memory.calls++;
    if (endings != (run != NULL))
        fail_msg("%s, allocation %zu: ended %d times", s->tool, n, endings);
    if (log_of.broken[0] != '\0')
        fail_msg("%s, allocation %zu: a broken statement: %s", s->tool, n, log_of.broken);
    return has_failed;
}

/* What tools say over numbers only. */
static const struct plan {
    const char *tool, *words;
} plans[] = {
    {"run_funnel", "bitAnd(_key"}, {"retention_matrix", "groupBitmap"}, {"run_paths", " AS fits"},
    {"run_trend", "groupBitmap"},  {"run_trend", "(toUInt64(_key)"},
};

enum { PLANS = sizeof plans / sizeof plans[0] };

static bool is_said(const struct plan *plan, const char *tool)
{
    size_t i = 0;
    while (i < log_of.count && strstr(log_of.whole[i], plan->words) == NULL)
        i++;
    return i < log_of.count && strcmp(plan->tool, tool) == 0;
}

static void check_samples(const char *columns, bool has_numbers)
{
    bool is_seen[PLANS] = {0};
    script[0].rows = columns;
    for (size_t i = 0; i < SAMPLES; i++) {
        call(&samples[i], 0, false);
        assert_true(log_of.count > 2); /* more than which tables and columns there are */
        for (size_t k = 0; k < PLANS; k++)
            is_seen[k] = is_seen[k] || is_said(&plans[k], samples[i].tool);
        for (int is_lasting = 0; is_lasting < 2; is_lasting++)
            for (size_t n = 1; call(&samples[i], n, is_lasting != 0); n++)
                ;
        forget();
    }
    for (size_t k = 0; k < PLANS; k++)
        if (is_seen[k] != has_numbers)
            fail_msg("%s, numbers %d: %s", plans[k].tool, has_numbers, plans[k].words);
    printf("# %zu calls\n", memory.calls);
}

static void test_texts(void **state)
{
    (void)state;
    check_samples(COLUMNS(""), false);
}

static void test_numbers(void **state)
{
    (void)state;
    check_samples(COLUMNS("[\"actor_number\",\"UInt32\"],[\"session_number\",\"UInt32\"],"), true);
}

static void test_every_tool(void **state)
{
    (void)state;
    for (size_t i = 0; catalog[i] != NULL; i++) {
        size_t k = 0;
        while (k < SAMPLES && strcmp(samples[k].tool, catalog[i]->name) != 0)
            k++;
        if (k == SAMPLES)
            fail_msg("no call of %s", catalog[i]->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_every_tool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
