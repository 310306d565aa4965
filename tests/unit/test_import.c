/* The order of events of an import against a database that only counts: every statement fails once,
 * every moment is a moment to cancel, and nothing leaks. Runs under the sanitizers, which the
 * engine does not. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fail_realloc.h"
#include "import.h"
#include "no_json_memory.h"
#include "numbering.h"

/* --- a database that counts --------------------------------------------------------------- */

struct db_query {
    struct fake *fake;
    struct db_query *next;
    struct db_request request;
    char sql[512];
    bool is_cancelled;
};

struct fake {
    struct db db;
    uv_timer_t timer;
    struct db_query *queue;
    int statements;          /* so far */
    int fail_at;             /* the statement that fails; -1 = none */
    enum err_code fail_code; /* ERR_OK: the disk is full */
    int refuse_at;           /* the statement that is not even started */
    bool is_gone;            /* nor any after it */
    bool has_staging, has_source, has_no_numbers;
    uint64_t rows, placed_rows;
    int delay_ms;
    /* Of several INSERTs each one but the last ends when the next one has begun; 0 = at once. */
    int insert_count, inserts, ended_inserts;
    int refused_insert, failing_insert; /* from 1 on; 0 = none */
};

/* Rows of the blocks in a body, whose first two numbers are columns and rows. */
static uint64_t rows_of(const char *body, size_t len)
{
    uint64_t rows = 0;
    assert_true(len > 2);
    assert_int_equal(body[0], 13);
    for (size_t i = 1, shift = 0;; i++, shift += 7) {
        rows |= (uint64_t)(body[i] & 0x7f) << shift;
        if ((body[i] & 0x80) == 0)
            return rows;
    }
}

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_insert(const struct db_query *q)
{
    return begins(q->sql, "INSERT INTO sextant_import");
}

static void answer(struct fake *fake, struct db_query *q)
{
    char row[160];
    if (begins(q->sql, "DROP DATABASE")) {
        fake->has_staging = false;
        fake->rows = 0;
    } else if (begins(q->sql, "CREATE TABLE")) {
        assert_non_null(strstr(q->sql, "`s-1`"));
        fake->has_staging = true;
    } else if (begins(q->sql, "ALTER TABLE")) {
        bool tells_numbers = strstr(q->sql, "numbers") != NULL; /* it does when some are missing */
        assert_true(!tells_numbers || strstr(q->sql, "session_number")); /* '' needs no memory */
        fake->has_no_numbers = tells_numbers && strstr(q->sql, "actor_number") == NULL;
    } else if (is_insert(q)) {
        assert_true(fake->has_staging);
        fake->rows += rows_of(q->request.body, q->request.body_len);
    } else if (begins(q->sql, "SELECT toInt64(sum(n))")) {
        int len = snprintf(row, sizeof row, "[%llu, 0, 1000000, 1, 2, 3, %d]\n",
                           (unsigned long long)fake->rows, fake->has_source);
        q->request.on_data(q->request.user, row, 5);
        q->request.on_data(q->request.user, row + 5, (size_t)len - 5);
    } else if (begins(q->sql, "SELECT at")) {
        q->request.on_data(q->request.user, "[-2208988800, 3600]\n", 20);
    } else if (begins(q->sql, "RENAME") || begins(q->sql, "EXCHANGE")) {
        assert_int_equal(begins(q->sql, "EXCHANGE"), fake->has_source);
        fake->has_source = true;
        fake->placed_rows = fake->rows;
    }
}

static bool is_held(const struct fake *fake, const struct db_query *first)
{
    return is_insert(first) && first->next == NULL && !first->is_cancelled &&
           fake->inserts < fake->insert_count;
}

static void on_timer(uv_timer_t *timer)
{
    struct fake *fake = timer->data;
    struct db_query *q = fake->queue;
    const struct db_stats stats = {0};
    struct err err;
    if (q == NULL || is_held(fake, q))
        return;
    fake->queue = q->next;
    if (fake->queue == NULL)
        uv_timer_stop(timer);
    bool has_failed = fake->statements++ == fake->fail_at;
    if (is_insert(q) && ++fake->ended_inserts == fake->failing_insert)
        has_failed = true;
    if (q->is_cancelled) {
        err_set(&err, ERR_CANCELLED, NULL, "cancelled");
    } else if (has_failed) {
        bool is_full = fake->fail_code == ERR_OK;
        err_set(&err, is_full ? ERR_ENGINE : fake->fail_code, NULL, "it broke");
        err.engine_code = is_full ? 243 : 0;
    } else {
        answer(fake, q);
    }
    q->request.on_done(q->request.user, q->is_cancelled || has_failed ? &err : NULL, &stats);
    free(q);
}

static int fake_start(struct db *db, const struct db_request *request, struct db_query **ret_query,
                      struct err *ret_err)
{
    struct fake *fake = (struct fake *)db;
    if (fake->statements == fake->refuse_at ||
        (fake->is_gone && fake->statements > fake->refuse_at)) {
        fake->statements++;
        return err_set(ret_err, ERR_BUSY, NULL, "busy");
    }
    assert_null(strstr(request->sql, "out of memory"));
    struct db_query *q = calloc(1, sizeof *q);
    assert_non_null(q);
    *q = (struct db_query){.fake = fake, .request = *request};
    snprintf(q->sql, sizeof q->sql, "%s", request->sql);
    if (is_insert(q) && ++fake->inserts == fake->refused_insert) {
        free(q);
        return err_set(ret_err, ERR_BUSY, NULL, "busy");
    }
    struct db_query **end = &fake->queue;
    while (*end != NULL)
        end = &(*end)->next;
    *end = q;
    uv_timer_start(&fake->timer, on_timer, (uint64_t)fake->delay_ms, (uint64_t)fake->delay_ms + 1);
    *ret_query = q;
    return 0;
}

static void fake_cancel(struct db_query *q)
{
    q->is_cancelled = true;
}

static const struct db_ops fake_ops = {.start = fake_start, .cancel = fake_cancel};

/* --- one import --------------------------------------------------------------------------- */

struct run {
    struct fake fake;
    uv_loop_t loop;
    uv_timer_t canceller;
    struct import *import;
    bool is_done;
    struct err err;
    json_t *report;
    unsigned rejects;
    size_t numbering_bytes; /* 0 = enough */
    const char *file;       /* NULL = the first two */
    const char *second_case;
    bool is_short; /* of memory, which the last DROP needs too */
};

static void on_done(void *user, const struct err *err, const json_t *report)
{
    struct run *run = user;
    assert_false(run->is_done);
    run->is_done = true;
    run->import = NULL;
    if (err != NULL)
        run->err = *err;
    run->report = json_deep_copy(report);
}

static void on_rejected(void *user, const struct import_reject *reject)
{
    struct run *run = user;
    bool is_short = reject->line == 3;
    assert_true(is_short || reject->line == 4);
    assert_string_equal(reject->reason,
                        is_short ? "1 columns instead of 3" : "26 columns instead of 3");
    if (is_short)
        assert_memory_equal(reject->text, "broken", reject->len);
    run->rejects++;
}

static void on_cancel_timer(uv_timer_t *timer)
{
    struct run *run = timer->data;
    if (run->import != NULL)
        import_cancel(run->import);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* The last has rows for several bodies, one of which is a block. */
enum { LONG_BODIES = 3, LONG_ROWS = 40, LONG_BYTES = 1 << 20 };
static char paths[7][64];

static void write_long_rows(const char *path)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    char *text = malloc(LONG_BYTES);
    assert_non_null(text);
    memset(text, 'x', LONG_BYTES);
    fputs("time,event,note\n", file);
    for (int i = 0; i < LONG_ROWS; i++)
        fprintf(file, "2024-01-01,a,%.*s\n", LONG_BYTES, text);
    free(text);
    assert_int_equal(fclose(file), 0);
}

static int make_files(void **state)
{
    char root[] = "/tmp/sextant-test-import-XXXXXX";
    assert_non_null(mkdtemp(root));
    snprintf(paths[0], sizeof paths[0], "%s/a.csv", root);
    snprintf(paths[1], sizeof paths[1], "%s/b.jsonl", root);
    snprintf(paths[2], sizeof paths[2], "%s/c.csv", root);
    snprintf(paths[3], sizeof paths[3], "%s/d.xes", root);
    snprintf(paths[5], sizeof paths[5], "%s/long.csv", root);
    snprintf(paths[6], sizeof paths[6], "%s/caf\xe9.csv", root);
    write_file(paths[6], "time,event\n2024-01-01,a\n");
    write_long_rows(paths[5]);
    write_file(paths[0], "time,event,order\n2024-01-01,a,1\nbroken\n2024-01-01,a,1,,,,,,,,,,,,,,,,,"
                         ",,,,,,wide\n2024-01-02,\"b\"\"\",2\n");
    write_file(paths[1],
               "{\"time\":1,\"event\":\"c\",\"order\":{\"id\":1},\"actor\":{\"x\":\"\\t\"}}\n");
    write_file(paths[2], "date;event;ts;order_id\n2024-01-01;a;5;1\n2024-01-02;b;6;2\n");
    write_file(paths[3], "<log><trace><string key='concept:name' value='c'/><event>"
                         "<string key='activity' value='no'/><string key='concept:name' value='a'/>"
                         "<date key='time:timestamp' value='2024-01-01'/></event><event>"
                         "<string key='user' value='u'/><string key='concept:name' value='b'/>"
                         "<date key='time:timestamp' value='2024-01-02'/></event></trace></log>");
    snprintf(paths[4], sizeof paths[4], "%s/e.csv.gz", root);
    write_file(paths[4], "\x1f\x8b, which the engine is asked to decode");
    return 0;
}

static int remove_files(void **state)
{
    char *slash = strrchr(paths[0], '/');
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        unlink(paths[i]);
    *slash = '\0';
    return rmdir(paths[0]);
}

/* Runs an import to its end; cancels it after `cancel_ms` unless that is negative. */
static void run_import(struct run *run, int cancel_ms)
{
    const char *const files[] = {run->file != NULL ? run->file : paths[0], paths[1]};
    const struct import_options options = {.source = "s-1",
                                           .files = files,
                                           .file_count = run->file != NULL ? 1 : 2,
                                           .tz = "Europe/Berlin",
                                           .cases = {NULL, run->second_case},
                                           .case_count = run->second_case != NULL ? 2 : 0,
                                           .numbering_bytes = run->numbering_bytes};
    const struct import_events events = {.done = on_done, .rejected = on_rejected, .user = run};
    struct err err = {0};
    assert_int_equal(uv_loop_init(&run->loop), 0);
    run->fake.db = (struct db){.ops = &fake_ops, .loop = &run->loop};
    run->fake.db.info.is_embedded = true;
    run->fake.db.info.pid = getpid();
    uv_timer_init(&run->loop, &run->fake.timer);
    uv_timer_init(&run->loop, &run->canceller);
    run->fake.timer.data = &run->fake;
    run->canceller.data = run;
    if (cancel_ms >= 0)
        uv_timer_start(&run->canceller, on_cancel_timer, (uint64_t)cancel_ms, 0);
    assert_int_equal(import_start(&run->fake.db, &options, &events, &run->import, &err), 0);
    while (!run->is_done)
        assert_true(uv_run(&run->loop, UV_RUN_ONCE) != 0 || run->is_done);
    uv_close((uv_handle_t *)&run->fake.timer, NULL);
    uv_close((uv_handle_t *)&run->canceller, NULL);
    uv_run(&run->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&run->loop), 0);
    assert_null(run->fake.queue);
    assert_false(run->fake.has_staging && run->fake.fail_at < 0 && run->fake.refuse_at < 0 &&
                 !run->is_short);
}

static void test_whole(void **state)
{
    struct run run = {.fake = {.fail_at = -1, .refuse_at = -1}};
    run_import(&run, -1);
    assert_int_equal(run.err.code, ERR_OK);
    assert_int_equal(run.fake.placed_rows, 3);
    assert_int_equal(run.rejects, 2);
    assert_int_equal(json_integer_value(json_object_get(run.report, "rows_imported")), 3);
    assert_false(json_boolean_value(json_object_get(run.report, "replaced")));
    json_decref(run.report);

    struct run again = {.fake = {.fail_at = -1, .refuse_at = -1, .has_source = true}};
    run_import(&again, -1);
    assert_int_equal(again.err.code, ERR_OK);
    assert_true(json_boolean_value(json_object_get(again.report, "replaced")));
    json_decref(again.report);
}

/* The name of a file is bytes. */
static void test_name_in_another_encoding(void **state)
{
    struct run run = {.fake = {.fail_at = -1, .refuse_at = -1}, .file = paths[6]};
    run_import(&run, -1);
    assert_int_equal(run.err.code, ERR_OK);
    const json_t *file = json_array_get(json_object_get(run.report, "files"), 0);
    assert_non_null(strstr(json_string_value(json_object_get(file, "file")), "caf\xef\xbf\xbd"));
    json_decref(run.report);
}

/* Without memory for them there are no numbers, and the table's comment says so. */
static void test_numbers_are_given_up(void **state)
{
    struct run run = {.fake = {.fail_at = -1, .refuse_at = -1}, .numbering_bytes = 1};
    run_import(&run, -1);
    assert_int_equal(run.err.code, ERR_OK);
    assert_true(run.fake.has_no_numbers);
    assert_int_equal(run.fake.placed_rows, 3);
    assert_true(json_array_size(json_object_get(run.report, "warnings")) >= 1);
    json_decref(run.report);
}

/* The number of one text. */
static uint32_t number_of(struct numbering *n, const char *text, size_t len)
{
    uint32_t number = UINT32_MAX;
    numbering_add(n, &(struct bytes){text, len}, 1, &number);
    return number;
}

static void test_numbering(void **state)
{
    enum { TEXTS = 200000, GROUP = 1000 };
    struct numbering n;
    struct bytes texts[GROUP];
    uint32_t numbers[GROUP];
    char text[GROUP][40];
    numbering_init(&n, 64 << 20);
    for (unsigned round = 0, i = 0; round < 2; round++, i = 0)
        while (i < TEXTS) {
            unsigned count = 1 + i % GROUP; /* any number of texts at a time */
            count = count < TEXTS - i ? count : TEXTS - i;
            for (unsigned k = 0; k < count; k++) {
                const char *head = (i + k) % 3 == 0 ? "a rather long one " : "";
                int len = snprintf(text[k], sizeof text[k], "%s%u", head, i + k);
                texts[k] = (struct bytes){text[k], (size_t)len};
            }
            numbering_add(&n, texts, count, numbers);
            for (unsigned k = 0; k < count; k++)
                assert_int_equal(numbers[k], i + k + 1);
            i += count;
        }
    assert_int_equal(number_of(&n, "", 0), 0);
    assert_int_equal(number_of(&n, "1\0", 2), TEXTS + 1); /* not the text before the NUL */
    assert_false(n.has_given_up);
    numbering_done(&n);

    /* A text that comes twice among new ones. */
    numbering_init(&n, 64 << 20);
    const struct bytes some[] = {{"a", 1}, {"b", 1}, {"a", 1}, {"", 0}, {"c", 1}, {"b", 1}};
    const uint32_t expected[] = {1, 2, 1, 0, 3, 2};
    numbering_add(&n, some, sizeof some / sizeof some[0], numbers);
    assert_memory_equal(numbers, expected, sizeof expected);
    numbering_done(&n);

    numbering_init(&n, 1 << 16);
    unsigned i = 0;
    while (number_of(&n, text[0], (size_t)snprintf(text[0], sizeof text[0], "%u", i)) == i + 1)
        i++;
    assert_true(i > 100 && n.has_given_up && n.records == NULL);
    assert_int_equal(number_of(&n, "0", 1), 0);
    numbering_done(&n);
}

/* Nothing is placed unless all went well before. */
static void test_every_statement_fails_once(void **state)
{
    struct run whole = {.fake = {.fail_at = -1, .refuse_at = -1}};
    run_import(&whole, -1);
    json_decref(whole.report);
    int failures = 0;
    for (int is_refused = 0; is_refused < 2; is_refused++) {
        for (int at = 0; at < whole.fake.statements; at++) {
            struct run run = {
                .fake = {.fail_at = is_refused ? -1 : at, .refuse_at = is_refused ? at : -1}};
            run_import(&run, -1);
            bool is_last = at + 1 == whole.fake.statements; /* only tidies up */
            assert_int_equal(run.err.code == ERR_OK, is_last);
            if (!is_last)
                assert_int_equal(run.err.code, is_refused ? ERR_BUSY : ERR_LIMIT);
            assert_int_equal(run.fake.placed_rows, is_last ? 3 : 0);
            failures += run.err.code != ERR_OK;
            json_decref(run.report);
        }
    }
    assert_int_equal(failures, 2 * (whole.fake.statements - 1));
}

/* Nor can the unfinished table be removed then. */
static void test_no_statement_is_started_any_more(void **state)
{
    const char *const files[] = {paths[2], paths[5]};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct run whole = {.fake = {.fail_at = -1, .refuse_at = -1}, .file = files[i]};
        run_import(&whole, -1);
        json_decref(whole.report);
        for (int at = 0; at < whole.fake.statements; at++) {
            struct run run = {.fake = {.fail_at = -1, .refuse_at = at, .is_gone = true},
                              .file = files[i]};
            run_import(&run, -1);
            bool is_placed = at + 1 == whole.fake.statements;
            assert_int_equal(run.err.code, is_placed ? ERR_OK : ERR_BUSY);
            assert_int_equal(run.fake.placed_rows, is_placed ? whole.fake.placed_rows : 0);
            json_decref(run.report);
        }
    }
}

/* What the engine cannot decode is damaged, unless it says another reason. */
static void test_decoding_fails(void **state)
{
    enum { DECODE = 4 }; /* the statement */
    static const enum err_code codes[] = {ERR_ENGINE, ERR_ARGUMENT, ERR_LIMIT, ERR_TIMEOUT};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct run run = {.fake = {.fail_at = DECODE, .fail_code = codes[i], .refuse_at = -1},
                          .file = paths[4]};
        run_import(&run, -1);
        bool is_damaged = i < 2;
        assert_int_equal(run.err.code, is_damaged ? ERR_ARGUMENT : codes[i]);
        assert_non_null(strstr(run.err.text, is_damaged ? "e.csv.gz cannot be read as gzip: it is "
                                                          "damaged or cut off"
                                                        : "it broke"));
        json_decref(run.report);
    }
}

/* What came of the file, without what memory may change: whether texts are numbered. */
static void forget_numbers(json_t *report)
{
    json_object_del(report, "warnings");
    json_object_del(report, "elapsed_ms");
}

/* Whichever growth fails, the import fails too, or nothing is missing: what a file is and which of
 * its columns is what are not told from a part of what was read. */
static void test_out_of_memory(void **state)
{
    for (size_t i = 1; i <= 3; i++) {
        const struct run asked = {.fake = {.fail_at = -1, .refuse_at = -1},
                                  .file = paths[i],
                                  .second_case = i == 2 ? "date" : NULL,
                                  .is_short = true};
        struct run whole = asked;
        run_import(&whole, -1);
        assert_int_equal(whole.err.code, ERR_OK);
        forget_numbers(whole.report);
        size_t n = 0;
        for (bool has_failed = true; has_failed;) {
            struct run run = asked;
            realloc_countdown = ++n;
            run_import(&run, -1);
            has_failed = realloc_countdown == 0;
            forget_numbers(run.report);
            if (run.err.code == ERR_OK && !json_equal(run.report, whole.report))
                fail_msg("%s, growth %zu: another report", paths[i], n);
            if (run.err.code != ERR_OK && run.err.code != ERR_MEMORY)
                fail_msg("%s, growth %zu: %s", paths[i], n, run.err.text);
            if (run.fake.placed_rows != (run.err.code == ERR_OK ? whole.fake.placed_rows : 0))
                fail_msg("%s, growth %zu: %d rows are placed", paths[i], n,
                         (int)run.fake.placed_rows);
            json_decref(run.report);
        }
        realloc_countdown = 0;
        assert_true(n > 20);
        json_decref(whole.report);
    }
}

/* An input that was never opened is not closed: 0 would be standard input. */
static void test_no_memory_to_begin(void **state)
{
    const char *const files[] = {paths[0]};
    const struct import_options options = {.source = "s-1", .files = files, .file_count = 1};
    const struct import_events events = {.done = on_done};
    uv_loop_t loop;
    struct db db = {.ops = &fake_ops, .loop = &loop, .info = {.is_embedded = true}};
    struct import *import = NULL;
    struct err err = {0};
    int zero = dup(STDERR_FILENO);
    assert_true(zero >= 0 && (zero == 0 || dup2(zero, 0) == 0));
    assert_int_equal(uv_loop_init(&loop), 0);
    json_set_alloc_funcs(no_json_memory, free);
    int rc = import_start(&db, &options, &events, &import, &err);
    json_set_alloc_funcs(malloc, free);
    assert_int_equal(rc, -ERR_MEMORY);
    assert_true(fcntl(0, F_GETFD) >= 0);
    assert_int_equal(uv_loop_close(&loop), 0);
    if (zero > 0)
        close(zero);
}

/* Two INSERTs run at a time, and the failure of one ends both. */
static void test_two_inserts(void **state)
{
    const struct fake fake = {.fail_at = -1, .refuse_at = -1, .insert_count = LONG_BODIES};
    struct run whole = {.fake = fake, .file = paths[5]};
    run_import(&whole, -1);
    assert_int_equal(whole.err.code, ERR_OK);
    assert_int_equal(whole.fake.inserts, LONG_BODIES);
    assert_int_equal(whole.fake.placed_rows, LONG_ROWS);
    json_decref(whole.report);

    for (int i = 1; i <= LONG_BODIES; i++) {
        struct run failing = {.fake = fake, .file = paths[5]};
        failing.fake.failing_insert = i;
        run_import(&failing, -1);
        assert_int_equal(failing.err.code, ERR_LIMIT);
        assert_int_equal(failing.fake.placed_rows, 0);
        assert_true(failing.fake.ended_inserts == failing.fake.inserts);
        json_decref(failing.report);

        struct run refused = {.fake = fake, .file = paths[5]};
        refused.fake.refused_insert = i;
        run_import(&refused, -1);
        assert_int_equal(refused.err.code, ERR_BUSY);
        assert_int_equal(refused.fake.placed_rows, 0);
        assert_int_equal(refused.fake.inserts, i);
        json_decref(refused.report);
    }
}

static void test_cancel_at_any_time(void **state)
{
    int cancelled = 0;
    for (int ms = 0; ms < 60; ms += 2) {
        struct run run = {.fake = {.fail_at = -1, .refuse_at = -1, .delay_ms = 3}};
        run_import(&run, ms);
        assert_int_equal(run.fake.placed_rows, run.err.code == ERR_OK ? 3 : 0);
        if (run.err.code != ERR_OK) {
            assert_int_equal(run.err.code, ERR_CANCELLED);
            cancelled++;
        }
        json_decref(run.report);
    }
    assert_true(cancelled > 5);
}

static void test_options(void **state)
{
    static const struct {
        struct import_options options;
        const char *field;
    } cases[] = {
        {{.source = "a b", .file_count = 1}, "--source"},
        {{.source = "", .file_count = 1}, "--source"},
        {{.source = NULL, .file_count = 1}, "--source"},
        {{.source = "a", .file_count = 0}, "FILE"},
        {{.source = "a", .file_count = 1, .time_format = "%Q"}, "--time-format"},
        {{.source = "a", .file_count = 1, .cases = {"a", "b|c"}, .case_count = 2}, "--case"},
        {{.source = "a", .file_count = 2}, "FILE"},
    };
    static const char *const stdins[] = {"-", "-"};
    const struct import_events events = {.done = on_done};
    uv_loop_t loop;
    struct db db = {.ops = &fake_ops, .loop = &loop};
    struct import *import = NULL;
    assert_int_equal(uv_loop_init(&loop), 0);
    for (int is_embedded = 1; is_embedded >= 0; is_embedded--) {
        db.info.is_embedded = is_embedded;
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct import_options options = cases[i].options;
            struct err err = {0};
            options.files = stdins;
            assert_int_equal(import_start(&db, &options, &events, &import, &err), -ERR_ARGUMENT);
            assert_string_equal(err.field, is_embedded ? cases[i].field : "FILE");
            assert_null(import);
        }
    }
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_name_in_another_encoding),
        cmocka_unit_test(test_numbers_are_given_up),
        cmocka_unit_test(test_numbering),
        cmocka_unit_test(test_every_statement_fails_once),
        cmocka_unit_test(test_no_statement_is_started_any_more),
        cmocka_unit_test(test_two_inserts),
        cmocka_unit_test(test_decoding_fails),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_no_memory_to_begin),
        cmocka_unit_test(test_cancel_at_any_time),
        cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
