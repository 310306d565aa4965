/* The threads of the embedded engine (sql/chdb*.c) over fake_chdb.c, so that the sanitizers see the
 * hand-over between loop, workers and control thread. argv[1] is the fake library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../engines/engine.h"
#include "chdb_library.h"

static const char *fake_library;

static uv_loop_t loop;
static struct db *db;
static bool is_closed;

static int set_up(void **state)
{
    struct err err = {0};
    const struct chdb_options options = {.library = fake_library, .holder = "test"};
    if (uv_loop_init(&loop) != 0)
        return -1;
    db = chdb_new(&loop, &options, &err);
    is_closed = false;
    return db != NULL ? 0 : -1;
}

static void on_closed(void *user)
{
    is_closed = true;
}

static void close_db(void)
{
    db->ops->close(db, on_closed, NULL);
    db->ops->close(db, on_closed, NULL); /* a second time changes nothing */
    while (!is_closed)
        uv_run(&loop, UV_RUN_ONCE);
    db = NULL;
}

static int tear_down(void **state)
{
    if (db != NULL)
        close_db();
    return uv_loop_close(&loop);
}

static void start(struct outcome *o, const char *sql)
{
    struct err err;
    struct db_request request = outcome_request(o, sql);
    assert_int_equal(db_start(db, &request, &o->query, &err), 0);
}

static void finish(struct outcome *o, enum err_code code)
{
    while (o->done_count == 0)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(o->done_count, 1);
    assert_int_equal(o->err.code, code);
    outcome_free(o);
}

static void test_answers(void **state)
{
    struct outcome o;
    start(&o, "SELECT 1");
    while (o.done_count == 0)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(o.err.code, ERR_OK);
    assert_string_equal(buf_text(&o.rows), "[1]\n");
    assert_int_equal(o.stats.rows_read, 4);
    assert_string_equal(db->info.version, "26.7.2.1");
    outcome_free(&o);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
}

static void test_many_rows(void **state)
{
    struct outcome o[3];
    for (int i = 0; i < 3; i++)
        start(&o[i], "SELECT ROWS");
    for (int i = 0; i < 3; i++) {
        while (o[i].done_count == 0)
            uv_run(&loop, UV_RUN_ONCE);
        assert_int_equal(o[i].rows.len, 40 * 500000);
        finish(&o[i], ERR_OK);
    }
}

static void test_failures(void **state)
{
    struct outcome o;
    start(&o, "SELECT FAIL");
    finish(&o, ERR_NOT_FOUND);
    start(&o, "SHOW FAIL");
    finish(&o, ERR_NOT_FOUND);
    start(&o, "SELECT BREAK");
    finish(&o, ERR_ENGINE);
    start(&o, "SELECT 1");
    finish(&o, ERR_OK);
}

static void test_inserts(void **state)
{
    static const struct {
        size_t len;
        char fill;
        enum err_code code;
    } cases[] = {
        {0, 'x', ERR_OK}, {10, 'x', ERR_OK}, {11, 'x', ERR_ARGUMENT}, {3000001, '!', ERR_OK}};
    char *body = malloc(4000000);
    assert_non_null(body);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outcome o;
        memset(body, cases[i].fill, 4000000);
        struct db_request request = outcome_request(&o, "INSERT INTO t FORMAT CSV");
        request.is_write = true;
        request.body = body;
        request.body_len = cases[i].len;
        struct err err;
        assert_int_equal(db_start(db, &request, &o.query, &err), 0);
        finish(&o, cases[i].code);
    }
    free(body);
}

static void test_cancel_at_every_moment(void **state)
{
    static const char *const statements[] = {"SELECT BLOCK", "SELECT ROWS", "SELECT 1"};
    for (int i = 0; i < 60; i++) {
        struct outcome o;
        start(&o, statements[i % 3]);
        uint64_t until = uv_hrtime() + (uint64_t)i * 40000;
        while (uv_hrtime() < until && o.done_count == 0)
            uv_run(&loop, UV_RUN_NOWAIT);
        bool was_done = o.done_count != 0;
        if (!was_done)
            db_cancel(db, o.query);
        finish(&o, was_done ? ERR_OK : ERR_CANCELLED);
    }
}

static void test_reader_stops(void **state)
{
    struct outcome o;
    start(&o, "SELECT ROWS");
    o.stop_after = 600000;
    while (o.done_count == 0)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(o.rows.len, 1000000);
    finish(&o, ERR_LIMIT);
}

static void test_too_much_text(void **state)
{
    struct outcome o;
    struct err err;
    struct db_request request = outcome_request(&o, "SELECT ROWS");
    request.limits.result_bytes = 1200000;
    assert_int_equal(db_start(db, &request, &o.query, &err), 0);
    finish(&o, ERR_LIMIT);
}

static void test_queue_is_bounded(void **state)
{
    enum { COUNT = 200, ACCEPTED = DB_MAX_RUNNING + DB_MAX_WAITING };
    static struct outcome o[COUNT];
    int accepted = 0;
    for (int i = 0; i < COUNT; i++) {
        struct err err = {0};
        struct db_request request = outcome_request(&o[i], "SELECT 1");
        if (db_start(db, &request, &o[i].query, &err) == 0)
            accepted++;
        else
            assert_int_equal(err.code, ERR_BUSY);
    }
    assert_in_range(accepted, ACCEPTED, COUNT);
    for (int i = 0; i < ACCEPTED; i++)
        finish(&o[i], ERR_OK);
}

/* on_done may start the next statement, cancel another one, and close. */
static struct outcome chain[3];

static void chain_done(void *user, const struct err *err, const struct db_stats *stats)
{
    outcome_done(user, err, stats);
    struct err ignored;
    struct db_request request = outcome_request(&chain[1], "SELECT 2");
    assert_int_equal(db_start(db, &request, &chain[1].query, &ignored), 0);
    db_cancel(db, chain[2].query);
}

static void test_callbacks_may_start_and_cancel(void **state)
{
    struct err err;
    struct db_request request = outcome_request(&chain[0], "SELECT 1");
    request.on_done = chain_done;
    assert_int_equal(db_start(db, &request, &chain[0].query, &err), 0);
    start(&chain[2], "SELECT BLOCK");
    finish(&chain[0], ERR_OK);
    finish(&chain[1], ERR_OK);
    finish(&chain[2], ERR_CANCELLED);
}

static void test_close_while_all_runs(void **state)
{
    struct outcome o[12];
    for (int i = 0; i < 12; i++)
        start(&o[i], i % 2 == 0 ? "SELECT BLOCK" : "SELECT ROWS");
    for (int i = 0; i < 20; i++) {
        uv_run(&loop, UV_RUN_NOWAIT);
        uv_sleep(1);
    }
    close_db();
    for (int i = 0; i < 12; i++) {
        assert_int_equal(o[i].done_count, 1);
        if (o[i].err.code != ERR_OK)
            assert_int_equal(o[i].err.code, ERR_CANCELLED);
        outcome_free(&o[i]);
    }
}

static void test_close_without_use(void **state)
{
    close_db();
}

static void test_nothing_starts_after_close(void **state)
{
    struct outcome o;
    struct err err;
    struct db_request request = outcome_request(&o, "SELECT 1");
    db->ops->close(db, on_closed, NULL);
    assert_int_equal(db_start(db, &request, &o.query, &err), -ERR_CANCELLED);
    while (!is_closed)
        uv_run(&loop, UV_RUN_ONCE);
    db = NULL;
}

/* The last test: what is given up on stays in memory until the process ends. */
static void test_close_gives_up(void **state)
{
    struct outcome o;
    start(&o, "SELECT STUCK");
    for (int i = 0; i < 50; i++) {
        uv_run(&loop, UV_RUN_NOWAIT);
        uv_sleep(2);
    }
    uint64_t started = uv_hrtime();
    close_db();
    assert_true((uv_hrtime() - started) / 1000000 >= 700);
    assert_int_equal(o.done_count, 1);
    assert_int_equal(o.err.code, ERR_CANCELLED);
    outcome_free(&o);
    uv_sleep(3500); /* its thread comes back and must touch nothing that is gone */
}

/* What runs at exit() takes away what the library's threads use. */
static void end_otherwise(void)
{
    _exit(99);
}

static int exit_status_of_child(bool is_library_loaded)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        const struct chdb_library *library = NULL;
        atexit(end_otherwise);
        if (is_library_loaded && chdb_library_load(fake_library, &library, NULL) < 0)
            _exit(98);
        chdb_library_exit(3);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_exit(void **state)
{
    (void)state;
    assert_int_equal(exit_status_of_child(false), 99);
    assert_int_equal(exit_status_of_child(true), 3);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    fake_library = argv[1];
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exit), /* the first: later the library is loaded in every child */
        TEST(test_answers),
        TEST(test_many_rows),
        TEST(test_failures),
        TEST(test_inserts),
        TEST(test_cancel_at_every_moment),
        TEST(test_reader_stops),
        TEST(test_too_much_text),
        TEST(test_queue_is_bounded),
        TEST(test_callbacks_may_start_and_cancel),
        TEST(test_close_while_all_runs),
        TEST(test_close_without_use),
        TEST(test_nothing_starts_after_close),
        TEST(test_close_gives_up),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fflush(stdout);
    _Exit(failed);
}
