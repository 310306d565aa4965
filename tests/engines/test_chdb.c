/* Statements on the embedded engine through sql/db.h, with the real library. Skipped where it is
 * not found, and in sanitised builds, where it does not run: see unit/test_chdb_threads.c for
 * those. */
#include "chdb_checks.h"
#include "query.h"

/* --- reading ---------------------------------------------------------------------------------- */

static void test_select(void **state)
{
    struct db *db = engine();
    assert_reads(db, "SELECT 1", "[1]\n");
    assert_reads(db, "SELECT number, 'x' FROM numbers(3)", "[0, \"x\"]\n[1, \"x\"]\n[2, \"x\"]\n");
    assert_reads(db, "SELECT toUInt64(18446744073709551615), 0/0, 1/0, 'a/b'",
                 "[18446744073709551615, null, null, \"a/b\"]\n");
    assert_reads(db, "  -- a comment\n /* another */ WITH 2 AS x SELECT x", "[2]\n");
    assert_reads(db, "(SELECT 1) UNION ALL (SELECT 1)", "[1]\n[1]\n");
    assert_reads(db, "SELECT 1 WHERE 0", "");
    assert_reads(db, "SELECT currentDatabase(), timezone()", "[\"sextant\", \"UTC\"]\n");
    assert_reads(db, "SELECT unhex('ff61')", "[\"\xef\xbf\xbd\x61\"]\n"); /* always valid UTF-8 */
    assert_reads(db, "EXISTS TABLE nothing", "[0]\n");
}

static void test_stats_and_info(void **state)
{
    struct db *db = engine();
    do_write(db, "CREATE OR REPLACE TABLE st ENGINE = MergeTree ORDER BY a AS "
                 "SELECT number AS a FROM numbers(100000)");
    struct outcome o;
    run_read(db, &o, "SELECT count(), sum(a) FROM st WHERE a % 2 = 0");
    assert_ok(&o);
    assert_string_equal(buf_text(&o.rows), "[50000, 2499950000]\n");
    assert_int_equal(o.stats.rows_read, 100000);
    assert_true(o.stats.bytes_read >= 800000);
    assert_true(o.stats.elapsed_ns > 0);
    outcome_free(&o);
    assert_string_equal(db->info.engine, "chdb");
    assert_int_equal(db->info.version[0], '2');
    assert_string_equal(db->info.target, shared.path);
    assert_string_equal(db->info.database, "sextant");
    assert_true(db->info.is_embedded && db->info.may_kill && db->info.may_set_limits);
}

/* Settings are given at connect, where a name that the engine does not know is accepted silently.
 */
static void test_settings_are_in_force(void **state)
{
    struct db *db = engine();
    assert_reads(db,
                 "SELECT name, value FROM system.settings WHERE name IN "
                 "('readonly', 'implicit_select', 'session_timezone', 'max_memory_usage', "
                 "'max_bytes_before_external_group_by', 'max_bytes_before_external_sort', "
                 "'group_by_two_level_threshold_bytes', "
                 "'collect_hash_table_stats_during_aggregation', 'log_queries', "
                 "'max_result_rows', 'max_result_bytes', 'max_execution_time', "
                 "'move_primary_key_columns_to_end_of_prewhere', "
                 "'query_profiler_real_time_period_ns', 'query_profiler_cpu_time_period_ns', "
                 "'output_format_json_validate_utf8') ORDER BY name",
                 "[\"collect_hash_table_stats_during_aggregation\", \"0\"]\n"
                 "[\"group_by_two_level_threshold_bytes\", \"4000000\"]\n"
                 "[\"implicit_select\", \"0\"]\n"
                 "[\"log_queries\", \"0\"]\n"
                 "[\"max_bytes_before_external_group_by\", \"279620266\"]\n"
                 "[\"max_bytes_before_external_sort\", \"279620266\"]\n"
                 "[\"max_execution_time\", \"45\"]\n"
                 "[\"max_memory_usage\", \"2796202666\"]\n"
                 "[\"max_result_bytes\", \"67108864\"]\n"
                 "[\"max_result_rows\", \"1000000\"]\n"
                 "[\"move_primary_key_columns_to_end_of_prewhere\", \"0\"]\n"
                 "[\"output_format_json_validate_utf8\", \"1\"]\n"
                 "[\"query_profiler_cpu_time_period_ns\", \"0\"]\n"
                 "[\"query_profiler_real_time_period_ns\", \"0\"]\n"
                 "[\"readonly\", \"1\"]\n"
                 "[\"session_timezone\", \"UTC\"]\n");
    assert_reads(db,
                 "SELECT name, value FROM system.server_settings WHERE name IN "
                 "('max_server_memory_usage', 'mark_cache_size', 'uncompressed_cache_size') "
                 "ORDER BY name",
                 "[\"mark_cache_size\", \"268435456\"]\n"
                 "[\"max_server_memory_usage\", \"4194304000\"]\n"
                 "[\"uncompressed_cache_size\", \"1398101333\"]\n");
    assert_read_fails(db, "1 + 1", ERR_ENGINE); /* implicit_select */
}

static void test_readers_cannot_write(void **state)
{
    struct db *db = engine();
    assert_read_fails(db, "CREATE TABLE never (a Int8) ENGINE = Memory", ERR_ACCESS);
    assert_read_fails(db, "SET readonly = 0", ERR_ACCESS);
    assert_read_fails(db, "SELECT * FROM file('/etc/hostname', 'LineAsString')", ERR_ACCESS);
    assert_read_fails(db, "SELECT 1 SETTINGS readonly = 0", ERR_ACCESS);
    assert_reads(db, "EXISTS TABLE never", "[0]\n");
}

static void test_errors_are_translated(void **state)
{
    struct db *db = engine();
    struct outcome o;
    run_read(db, &o, "SELECT * FROM nowhere");
    assert_fails(&o, ERR_NOT_FOUND);
    assert_int_equal(o.err.engine_code, 60);
    assert_string_equal(o.err.text, "the table does not exist: nowhere");
    assert_non_null(strstr(o.err.raw, "DB::Exception"));
    outcome_free(&o);
    assert_read_fails(db, "SELECT nothing FROM system.one", ERR_NOT_FOUND);
    assert_read_fails(db, "SELECT * FROM nodb.t", ERR_NOT_FOUND);
    assert_read_fails(db, "SELEC 1", ERR_ENGINE);
    assert_read_fails(db, "SELECT {x:UInt8}", ERR_INTERNAL);
    assert_reads(db, "SELECT 1", "[1]\n");
}

/* --- parameters ------------------------------------------------------------------------------- */

/* The value arrives byte by byte the same: compared in hexadecimal. */
static void assert_round_trip(struct db *db, const char *value, size_t len)
{
    struct buf escaped, list, expected;
    buf_init(&escaped, 0);
    buf_init(&list, 0);
    buf_init(&expected, 0);
    sql_escape_scalar(&escaped, value, len);
    buf_puts(&list, "['first',");
    sql_escape_item(&list, value, len);
    buf_puts(&list, ",'']");
    buf_puts(&expected, "[\"");
    for (size_t i = 0; i < len; i++)
        buf_printf(&expected, "%02X", (unsigned char)value[i]);
    buf_printf(&expected, "\", 1, 3, %zu]\n", len);

    const struct db_param params[] = {{"v", buf_text(&escaped)}, {"list", buf_text(&list)}};
    struct outcome o;
    struct db_request request =
        outcome_request(&o, "SELECT hex({v:String}), {list:Array(String)}[2] = {v:String}, "
                            "length({list:Array(String)}), length({v:String})");
    request.params = params;
    request.param_count = 2;
    run_request(db, &o, &request);
    assert_ok(&o);
    assert_string_equal(buf_text(&o.rows), buf_text(&expected));
    outcome_free(&o);
    buf_done(&escaped);
    buf_done(&list);
    buf_done(&expected);
}

static void test_nasty_parameters(void **state)
{
    static const char *const values[] = {
        "",
        "plain",
        "it's",
        "\"double\"",
        "`tick`",
        "back\\slash",
        "\\",
        "\\\\",
        "\\N",
        "\\n",
        "tab\there",
        "line\nbreak",
        "cr\rlf\r\n",
        "'); DROP TABLE x; --",
        "{v:String}",
        "$slot",
        "\\'",
        "'\\",
        "a'b\\'c\\\\'d",
        "\xf0\x9f\x98\x80 emoji",
        "\xff\xfe invalid",
        "NULL",
        "[]",
        "['a']",
        "/* c */",
        "-- c",
        "\b\f\v\a\x1b\x7f",
        "%s%n",
        "\\x41\\u0041",
    };
    struct db *db = engine();
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        assert_round_trip(db, values[i], strlen(values[i]));
    char all[256], twice[512];
    for (size_t i = 0; i < 256; i++) {
        all[i] = (char)i;
        twice[2 * i] = '\\';
        twice[2 * i + 1] = (char)i;
    }
    assert_round_trip(db, all, sizeof(all));
    assert_round_trip(db, twice, sizeof(twice));
    assert_round_trip(db, "nul\0in the middle", 17);
    assert_round_trip(db, "\0", 1);
}

static void test_other_parameter_types(void **state)
{
    static const struct db_param params[] = {
        {"key", "a.b"},  {"limit", "2"},
        {"real", "1.5"}, {"number", "-9007199254740993"},
        {"none", "\\N"}, {"time", "1774188311.732000"},
        {"empty", "[]"}, {"numbers", "[1,2]"},
    };
    struct outcome o;
    struct db_request request = outcome_request(
        &o, "SELECT map('a.b', 'found')[{key:String}], {number:Int64}, {real:Float64}, "
            "toUnixTimestamp64Micro({time:DateTime64(6, 'UTC')}), {none:Nullable(String)} IS NULL, "
            "length({empty:Array(String)}), number IN {numbers:Array(UInt64)} "
            "FROM numbers(10) LIMIT {limit:UInt64}");
    request.params = params;
    request.param_count = sizeof(params) / sizeof(params[0]);
    run_request(engine(), &o, &request);
    assert_ok(&o);
    assert_string_equal(buf_text(&o.rows),
                        "[\"found\", -9007199254740993, 1.5, 1774188311732000, 1, 0, 0]\n"
                        "[\"found\", -9007199254740993, 1.5, 1774188311732000, 1, 0, 1]\n");
    outcome_free(&o);
}

/* --- streaming -------------------------------------------------------------------------------- */

static size_t pending_bytes(struct db *db, const struct db_query *query)
{
    struct chdb *chdb = (struct chdb *)db;
    uv_mutex_lock(&chdb->mutex);
    size_t pending = query->pending_bytes;
    uv_mutex_unlock(&chdb->mutex);
    return pending;
}

static void test_a_million_rows_and_a_slow_reader(void **state)
{
    struct db *db = engine();
    struct outcome o;
    struct err err;
    struct db_request request =
        outcome_request(&o, "SELECT number, toString(number) FROM numbers(1000000)");
    uint64_t started = uv_hrtime();
    assert_int_equal(db_start(db, &request, &o.query, &err), 0);
    /* The loop does not run, so rows pile up; only to the mark. */
    for (int i = 0; i < 20000 && pending_bytes(db, o.query) <= CHDB_PENDING_MAX; i++)
        uv_sleep(1);
    size_t pending = pending_bytes(db, o.query);
    assert_in_range(pending, CHDB_PENDING_MAX, 2 * CHDB_PENDING_MAX);
    uv_sleep(500);
    assert_int_equal(pending_bytes(db, o.query), pending);
    assert_int_equal(o.data_count, 0);
    while (o.done_count == 0)
        uv_run(db->loop, UV_RUN_ONCE);
    assert_ok(&o);
    /* Waiting for the reader is not the engine's time. */
    assert_true(o.stats.elapsed_ns + 400000000 < uv_hrtime() - started);
    const char *line = buf_text(&o.rows);
    for (long i = 0; i < 1000000; i++) {
        char expected[48];
        int len = snprintf(expected, sizeof(expected), "[%ld, \"%ld\"]\n", i, i);
        if (strncmp(line, expected, (size_t)len) != 0)
            fail_msg("row %ld is %.40s", i, line);
        line += len;
    }
    assert_int_equal(*line, '\0');
    outcome_free(&o);
}

static void test_the_reader_stops(void **state)
{
    struct db *db = engine();
    struct outcome o;
    struct db_request request = outcome_request(&o, "SELECT number FROM system.numbers");
    request.limits.result_rows = UINT64_C(1) << 40;
    request.limits.result_bytes = UINT64_C(1) << 40;
    o.stop_after = 1;
    run_request(db, &o, &request);
    assert_fails(&o, ERR_LIMIT);
    assert_string_equal(o.err.text, "stopped by the reader");
    assert_int_equal(o.data_count, 1);
    outcome_free(&o);
    assert_reads(db,
                 "SELECT count() FROM system.processes WHERE query LIKE '%system.num' || 'bers'",
                 "[0]\n");
}

static void test_a_large_result_is_refused(void **state)
{
    struct db *db = engine();
    struct outcome o;
    struct db_request request =
        outcome_request(&o, "SELECT repeat('x', 1000) FROM numbers(100000)");
    request.limits.result_bytes = 1000000;
    run_request(db, &o, &request);
    assert_fails(&o, ERR_LIMIT);
    assert_true(o.rows.len <= 1000000);
    outcome_free(&o);
    request = outcome_request(&o, "SELECT number FROM numbers(1000)");
    request.limits.result_rows = 999;
    run_request(db, &o, &request);
    assert_fails(&o, ERR_LIMIT);
    assert_int_equal(o.err.engine_code, 396);
    outcome_free(&o);
}

/* A failing statement must leave nothing in front of the next result. The engine itself does leave
 * the rows of a failed whole-result call there ("FROM … SELECT" is not streamed). */
static void test_an_error_in_the_middle_leaves_nothing(void **state)
{
    static const char *const failing[] = {
        "SELECT throwIf(number = 700000) FROM numbers(1000000) SETTINGS_WILL_NOT_PARSE",
        "SELECT number, throwIf(number = 700000) FROM numbers(1000000)",
        "FROM numbers(1000000) SELECT number, throwIf(number = 700000)",
        "WITH 1 AS x SELECT number, x, throwIf(number = 999999) FROM numbers(1000000)",
    };
    struct db *db = engine();
    for (size_t i = 0; i < sizeof(failing) / sizeof(failing[0]); i++) {
        struct outcome o;
        struct db_request request = outcome_request(&o, failing[i]);
        run_request(db, &o, &request);
        assert_fails(&o, ERR_ENGINE);
        outcome_free(&o);
        assert_reads(db, "SELECT 1", "[1]\n");
        assert_reads(db, "FROM system.one SELECT 2", "[2]\n");
        assert_reads(db, "SHOW TABLES LIKE 'nothing'", "");
    }
}

/* --- stopping --------------------------------------------------------------------------------- */

#define RUNNING                                                                                    \
    "SELECT count() FROM system.processes WHERE query LIKE '%AS aggreg' || 'ation FROM%'"

/* Waits until system.processes shows as many of the aggregations. */
static void wait_running(struct db *db, int count)
{
    char expected[16];
    snprintf(expected, sizeof(expected), "[%d]\n", count);
    for (int i = 0; i < 500; i++) {
        struct outcome o;
        run_read(db, &o, RUNNING);
        assert_ok(&o);
        bool is_so = strcmp(buf_text(&o.rows), expected) == 0;
        outcome_free(&o);
        if (is_so)
            return;
        uv_sleep(10);
    }
    fail_msg("never saw %d aggregations", count);
}

static void test_cancel_a_running_aggregation(void **state)
{
    struct db *db = engine();
    struct outcome o;
    start_aggregation(db, &o);
    wait_running(db, 1);
    assert_int_equal(o.done_count, 0);
    db_cancel(db, o.query);
    assert_int_equal(o.done_count, 0); /* never from inside */
    assert_true(wait_done(db, &o, 1000));
    assert_fails(&o, ERR_CANCELLED);
    outcome_free(&o);
    wait_running(db, 0);
}

/* At once after the start: while it waits, while the worker connects, before it has registered. */
static void test_cancel_early(void **state)
{
    struct db *db = engine();
    for (uint64_t delay_us = 0; delay_us < 3000; delay_us += 150) {
        struct outcome o;
        start_aggregation(db, &o);
        uint64_t until = uv_hrtime() + delay_us * 1000;
        while (uv_hrtime() < until)
            uv_run(db->loop, UV_RUN_NOWAIT);
        db_cancel(db, o.query);
        db_cancel(db, o.query);
        assert_true(wait_done(db, &o, 2000));
        assert_fails(&o, ERR_CANCELLED);
        outcome_free(&o);
    }
    wait_running(db, 0);
}

static void test_cancel_while_the_reader_is_behind(void **state)
{
    struct db *db = engine();
    struct outcome o;
    struct err err;
    struct db_request request = outcome_request(&o, "SELECT number FROM numbers(1000000)");
    assert_int_equal(db_start(db, &request, &o.query, &err), 0);
    for (int i = 0; i < 20000 && pending_bytes(db, o.query) <= CHDB_PENDING_MAX; i++)
        uv_sleep(1);
    db_cancel(db, o.query);
    assert_true(wait_done(db, &o, 1000));
    assert_fails(&o, ERR_CANCELLED);
    assert_int_equal(o.data_count, 0);
    outcome_free(&o);
}

static void test_time_limit(void **state)
{
    struct db *db = engine();
    struct outcome o;
    struct db_request request = outcome_request(&o, AGGREGATION);
    request.limits.time_ms = 300;
    uint64_t started = uv_hrtime();
    run_request(db, &o, &request);
    assert_fails(&o, ERR_TIMEOUT);
    assert_int_equal(o.err.engine_code, 159);
    assert_in_range((uv_hrtime() - started) / 1000000, 290, 2500);
    outcome_free(&o);
    assert_reads(db, "SELECT 1", "[1]\n");
}

static void test_memory_limit(void **state)
{
    struct db *db = engine();
    struct outcome o;
    struct db_request request = outcome_request(&o, "SELECT length(groupArray(number)) FROM "
                                                    "numbers(1000000000)");
    request.limits.memory_bytes = 100 << 20;
    run_request(db, &o, &request);
    assert_fails(&o, ERR_LIMIT);
    assert_int_equal(o.err.engine_code, 241);
    outcome_free(&o);
    /* An aggregation with many keys goes to disk instead. */
    request = outcome_request(
        &o, "SELECT count() FROM (SELECT number AS n FROM numbers(4000000) GROUP BY n)");
    request.limits.memory_bytes = 200 << 20;
    run_request(db, &o, &request);
    assert_ok(&o);
    assert_string_equal(buf_text(&o.rows), "[4000000]\n");
    outcome_free(&o);
    /* So does what a funnel gathers for each actor. */
    request =
        outcome_request(&o, "SELECT toInt64(sum(length(p))) FROM (SELECT number % 300000 AS a, "
                            "arraySort(groupArray(number)) AS p FROM numbers(9000000) "
                            "GROUP BY a)");
    request.limits.memory_bytes = 240 << 20;
    run_request(db, &o, &request);
    assert_ok(&o);
    assert_string_equal(buf_text(&o.rows), "[9000000]\n");
    outcome_free(&o);
}

/* How many blocks the cache of unpacked ones has given so far. */
static int64_t cache_hits(struct db *db)
{
    struct outcome o;
    run_read(db, &o,
             "SELECT toInt64(sum(value)) FROM system.events WHERE event = 'UncompressedCacheHits'");
    assert_ok(&o);
    int64_t hits = strtoll(buf_text(&o.rows) + 1, NULL, 10);
    outcome_free(&o);
    return hits;
}

static int64_t hits_of_two(struct db *db, uint64_t unpacked_bytes, uint64_t memory_bytes)
{
    int64_t before = cache_hits(db);
    for (int i = 0; i < 2; i++) {
        struct outcome o;
        struct db_request request =
            outcome_request(&o, "SELECT toInt64(sum(length(m['k']))) FROM unpacked");
        request.limits.unpacked_bytes = unpacked_bytes;
        request.limits.memory_bytes = memory_bytes;
        run_request(db, &o, &request);
        assert_ok(&o);
        assert_string_equal(buf_text(&o.rows), "[200000000]\n");
        outcome_free(&o);
    }
    return cache_hits(db) - before;
}

/* What is unpacked is kept where the statement says so and the cache holds it. It counts as memory
 * of the statement that fills the cache, whose limit is for what it needs beside that. */
static void test_what_is_unpacked_is_kept(void **state)
{
    enum { BYTES = 250000000, MEMORY = 120000000, TOO_MUCH = 1398101334 };
    struct db *db = engine();
    do_write(db, "CREATE OR REPLACE TABLE unpacked (m Map(String, String)) ENGINE = MergeTree "
                 "ORDER BY tuple() AS SELECT map('k', leftPad(toString(number), 1000)) AS m "
                 "FROM numbers(200000)");
    assert_int_equal(hits_of_two(db, 0, MEMORY), 0);
    assert_int_equal(hits_of_two(db, TOO_MUCH, MEMORY), 0);
    assert_true(hits_of_two(db, BYTES, MEMORY) > 100);
}

static void test_progress(void **state)
{
    struct db *db = engine();
    struct outcome o;
    struct err err;
    struct db_request request = outcome_request(&o, AGGREGATION);
    request.on_progress = outcome_progress;
    assert_int_equal(db_start(db, &request, &o.query, &err), 0);
    while (o.progress_count < 2 && o.done_count == 0)
        uv_run(db->loop, UV_RUN_ONCE);
    assert_int_equal(o.done_count, 0);
    assert_true(o.progress.rows_read > 0);
    assert_true(o.progress.bytes_read > 0);
    assert_true(o.progress.rows_total == UINT64_C(100000000000));
    assert_in_range(o.progress.elapsed_ns / 1000000, 1000, 20000);
    db_cancel(db, o.query);
    assert_true(wait_done(db, &o, 1000));
    outcome_free(&o);
}

/* --- queue ------------------------------------------------------------------------------------ */

static void test_two_hundred_at_once(void **state)
{
    enum { COUNT = 200, ACCEPTED = DB_MAX_RUNNING + DB_MAX_WAITING };
    struct db *db = engine();
    struct outcome *o = calloc(COUNT, sizeof(*o));
    assert_non_null(o);
    int accepted = 0;
    for (int i = 0; i < COUNT; i++) {
        char sql[64];
        struct err err = {0};
        snprintf(sql, sizeof(sql), "SELECT %d, sleepEachRow(0.02)", i);
        struct db_request request = outcome_request(&o[i], sql);
        if (db_start(db, &request, &o[i].query, &err) == 0) {
            accepted++;
            continue;
        }
        assert_int_equal(err.code, ERR_BUSY);
        assert_non_null(strstr(err.text, "retry after"));
        assert_true(i >= ACCEPTED);
    }
    assert_int_equal(accepted, ACCEPTED);
    for (int i = 0; i < ACCEPTED; i++) {
        char expected[32];
        while (o[i].done_count == 0)
            uv_run(db->loop, UV_RUN_ONCE);
        assert_ok(&o[i]);
        snprintf(expected, sizeof(expected), "[%d, 0]\n", i);
        assert_string_equal(buf_text(&o[i].rows), expected);
        outcome_free(&o[i]);
    }
    free(o);
    assert_reads(db, "SELECT 1", "[1]\n");
}

/* A running statement does not hold up the others, and four run at a time. */
static void test_four_run_together(void **state)
{
    struct db *db = engine();
    struct outcome o[DB_MAX_RUNNING - 1];
    for (int i = 0; i < DB_MAX_RUNNING - 1; i++)
        start_aggregation(db, &o[i]);
    wait_running(db, DB_MAX_RUNNING - 1);
    for (int i = 0; i < DB_MAX_RUNNING - 1; i++)
        db_cancel(db, o[i].query);
    for (int i = 0; i < DB_MAX_RUNNING - 1; i++) {
        assert_true(wait_done(db, &o[i], 2000));
        assert_fails(&o[i], ERR_CANCELLED);
        outcome_free(&o[i]);
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

static void run_insert(struct db *db, struct outcome *o, const char *sql, const char *body,
                       size_t len)
{
    struct db_request request = outcome_request(o, sql);
    request.is_write = true;
    request.format = NULL;
    request.on_data = NULL;
    request.body = body;
    request.body_len = len;
    run_request(db, o, &request);
}

static void test_insert_with_a_body(void **state)
{
    struct db *db = engine();
    do_write(db, "CREATE OR REPLACE TABLE ins (n UInt64, s String) ENGINE = MergeTree ORDER BY n");
    struct buf body;
    buf_init(&body, 0);
    for (int i = 0; i < 200000; i++)
        buf_printf(&body, "%d,\"it's \"\"row\"\" %d\nand more\"\n", i, i);
    struct outcome o;
    run_insert(db, &o, "INSERT INTO ins FORMAT CSV", buf_text(&body), body.len);
    assert_ok(&o);
    outcome_free(&o);
    assert_reads(db,
                 "SELECT count(), sum(n), countIf(s = concat('it''s \"row\" ', toString(n), "
                 "'\\nand more')) FROM ins",
                 "[200000, 19999900000, 200000]\n");
    static const char json[] = "{\"n\": 7, \"s\": \"a\\u0000b; DROP TABLE ins\"}\n";
    run_insert(db, &o, "INSERT INTO ins (n, s)\n  format JSONEachRow ;\n", json, sizeof(json) - 1);
    assert_ok(&o);
    outcome_free(&o);
    run_insert(db, &o, "INSERT INTO ins FORMAT TSV", "", 0);
    assert_ok(&o);
    outcome_free(&o);
    assert_reads(db, "SELECT count(), countIf(length(s) = 19) FROM ins WHERE n = 7", "[2, 1]\n");
    buf_done(&body);
}

static void test_bad_inserts(void **state)
{
    struct db *db = engine();
    do_write(db, "CREATE OR REPLACE TABLE bad (n UInt64) ENGINE = MergeTree ORDER BY n");
    struct outcome o;
    run_insert(db, &o, "INSERT INTO bad FORMAT CSV", "1\nx\n", 4);
    assert_fails(&o, ERR_ARGUMENT);
    outcome_free(&o);
    run_insert(db, &o, "INSERT INTO nowhere FORMAT CSV", "1\n", 2);
    assert_fails(&o, ERR_NOT_FOUND);
    outcome_free(&o);
    run_insert(db, &o, "INSERT INTO bad", "1\n", 2);
    assert_fails(&o, ERR_INTERNAL);
    outcome_free(&o);
    run_insert(db, &o, "INSERT INTO bad FORMAT Nonsense", "1\n", 2);
    assert_fails(&o, ERR_ENGINE);
    outcome_free(&o);
    run_insert(db, &o, "INSERT INTO bad FORMAT CSV", "5\n", 2);
    assert_ok(&o);
    outcome_free(&o);
    assert_reads(db, "SELECT groupArray(n) FROM bad", "[[5]]\n");
}

static void test_cancel_an_insert(void **state)
{
    enum { ROWS = 20000 };
    struct db *db = engine();
    do_write(db,
             "CREATE OR REPLACE TABLE slow (s String, n UInt8 MATERIALIZED sleepEachRow(0.0005)) "
             "ENGINE = MergeTree ORDER BY s");
    struct buf body;
    buf_init(&body, 0);
    for (int i = 0; i < ROWS; i++)
        buf_printf(&body, "%08d\n", i);
    struct outcome o;
    struct err err;
    struct db_request request = outcome_request(
        &o, "INSERT INTO slow (s) SETTINGS max_insert_block_size = 1000, "
            "min_insert_block_size_rows = 0, min_insert_block_size_bytes = 0 FORMAT TSV");
    request.is_write = true;
    request.format = NULL;
    request.body = buf_text(&body);
    request.body_len = body.len;
    assert_int_equal(db_start(db, &request, &o.query, &err), 0);
    if (wait_done(db, &o, 300))
        fail_msg("ended early: %s (%s)", o.err.text, o.err.raw);
    db_cancel(db, o.query);
    assert_true(wait_done(db, &o, 3000));
    assert_fails(&o, ERR_CANCELLED);
    outcome_free(&o);
    buf_done(&body);
    assert_reads(db, "SELECT count() FROM slow", "[0]\n");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_select),
    cmocka_unit_test(test_stats_and_info),
    cmocka_unit_test(test_settings_are_in_force),
    cmocka_unit_test(test_readers_cannot_write),
    cmocka_unit_test(test_errors_are_translated),
    cmocka_unit_test(test_nasty_parameters),
    cmocka_unit_test(test_other_parameter_types),
    cmocka_unit_test(test_a_million_rows_and_a_slow_reader),
    cmocka_unit_test(test_the_reader_stops),
    cmocka_unit_test(test_a_large_result_is_refused),
    cmocka_unit_test(test_an_error_in_the_middle_leaves_nothing),
    cmocka_unit_test(test_cancel_a_running_aggregation),
    cmocka_unit_test(test_cancel_early),
    cmocka_unit_test(test_cancel_while_the_reader_is_behind),
    cmocka_unit_test(test_time_limit),
    cmocka_unit_test(test_memory_limit),
    cmocka_unit_test(test_what_is_unpacked_is_kept),
    cmocka_unit_test(test_progress),
    cmocka_unit_test(test_two_hundred_at_once),
    cmocka_unit_test(test_four_run_together),
    cmocka_unit_test(test_insert_with_a_body),
    cmocka_unit_test(test_bad_inserts),
    cmocka_unit_test(test_cancel_an_insert),
};

int main(void)
{
    chdb_library_exit(is_skipped() ? 0 : cmocka_run_group_tests(tests, set_up, tear_down));
}
