/* A shared store (sql/store*.c) between processes that keep to the rules. argv[1] is the fake
 * library. */
#include "store_sides.h"

/* --- two that keep to the rules ------------------------------------------------------------ */

static void test_nothing_is_touched_before_a_statement(void **state)
{
    side(0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(access(dir, F_OK), -1);
    assert_int_equal(side(0)->info.pid, getpid());
    assert_string_equal(side(0)->info.target, dir);
    close_side(0);
    assert_int_equal(access(dir, F_OK), -1);
}

static void test_the_second_goes_through_the_first(void **state)
{
    struct stat st;
    char path[700];
    open_both();
    assert_string_equal(side(1)->info.version, side(0)->info.version);
    assert_string_equal(side(1)->info.engine, "chdb");
    assert_string_equal(side(1)->info.owner, "side 0");
    assert_string_equal(side(1)->info.target, dir);
    assert_int_equal(side(1)->info.pid, getpid());
    assert_true(side(1)->info.may_kill && side(1)->info.may_set_limits);
    snprintf(path, sizeof(path), "%s/socket", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0); /* neither keeps the loop */
    close_side(1);
    ask(0);
    close_side(0);
    assert_int_equal(stat(path, &st), -1);
}

static void test_rows_come_whole_and_side_by_side(void **state)
{
    struct outcome o[4];
    open_both();
    for (int i = 0; i < 4; i++)
        start(i % 2, &o[i], "SELECT ROWS");
    for (int i = 0; i < 4; i++) {
        await(&o[i]);
        assert_int_equal(o[i].rows.len, ROWS_BYTES);
        assert_int_equal(o[i].stats.rows_read, ROWS_BYTES);
        finish(&o[i], ERR_OK);
    }
}

static void test_errors_are_the_same(void **state)
{
    static const char *const statements[] = {"SELECT FAIL", "SHOW FAIL", "SELECT BREAK"};
    open_both();
    for (size_t i = 0; i < 3; i++) {
        struct outcome direct, relayed;
        start(0, &direct, statements[i]);
        start(1, &relayed, statements[i]);
        await(&direct);
        await(&relayed);
        assert_memory_equal(&direct.err, &relayed.err, sizeof(direct.err));
        assert_int_not_equal(direct.err.code, ERR_OK);
        assert_int_equal(direct.rows.len, relayed.rows.len);
        outcome_free(&direct);
        outcome_free(&relayed);
    }
    ask(1);
}

static void insert(int i, struct outcome *o, const char *body, size_t len)
{
    struct err err;
    struct db_request request = outcome_request(o, "INSERT INTO t FORMAT CSV");
    request.is_write = true;
    request.body = body;
    request.body_len = len;
    request.on_data = NULL;
    assert_int_equal(db_start(side(i), &request, &o->query, &err), 0);
}

static void test_bodies(void **state)
{
    enum { LARGE = 70000001 };
    static const struct {
        size_t len;
        char fill;
        enum err_code code;
    } cases[] = {{0, 'x', ERR_OK},       {10, 'x', ERR_OK},          {11, 'x', ERR_ARGUMENT},
                 {3000001, '!', ERR_OK}, {LARGE, 'x', ERR_ARGUMENT}, {LARGE - 1, 'x', ERR_OK}};
    char *body = malloc(LARGE);
    assert_non_null(body);
    open_both();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outcome o;
        memset(body, cases[i].fill, LARGE);
        insert(1, &o, body, cases[i].len);
        finish(&o, cases[i].code);
    }
    free(body);
}

static void test_too_large_bodies_are_refused(void **state)
{
    struct outcome o;
    struct err err = {0};
    struct db_request request = outcome_request(&o, "INSERT INTO t FORMAT CSV");
    request.body = "x";
    request.body_len = (size_t)WIRE_BODY_MAX + 1;
    assert_int_equal(db_start(side(0), &request, &o.query, &err), -ERR_LIMIT);
    char *sql = calloc(1, WIRE_START_MAX + 2);
    assert_non_null(sql);
    memset(sql, ' ', WIRE_START_MAX + 1);
    request = outcome_request(&o, sql);
    assert_int_equal(db_start(side(0), &request, &o.query, &err), -ERR_LIMIT);
    free(sql);
}

static void test_cancel_at_every_moment(void **state)
{
    static const char *const statements[] = {"SELECT BLOCK", "SELECT ROWS", "SELECT 1"};
    open_both();
    for (int i = 0; i < 60; i++) {
        struct outcome o;
        start(1, &o, statements[i % 3]);
        uint64_t until = uv_hrtime() + (uint64_t)i * 40000;
        while (uv_hrtime() < until && o.done_count == 0)
            uv_run(&loop, UV_RUN_NOWAIT);
        bool was_done = o.done_count != 0;
        if (!was_done)
            db_cancel(side(1), o.query);
        finish(&o, was_done ? ERR_OK : ERR_CANCELLED);
    }
    ask(0);
}

static void test_cancel_while_a_body_is_sent(void **state)
{
    enum { LEN = 60000000 };
    struct outcome o;
    char *body = calloc(1, LEN);
    assert_non_null(body);
    open_both();
    insert(1, &o, body, LEN);
    for (int i = 0; i < 3; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    db_cancel(side(1), o.query);
    finish(&o, ERR_CANCELLED);
    free(body); /* nothing of it is needed any more */
    turn(20);
    ask(1);
}

static void test_the_reader_stops(void **state)
{
    struct outcome o;
    open_both();
    start(1, &o, "SELECT ROWS");
    o.stop_after = 600000;
    await(&o);
    assert_in_range(o.rows.len, 600000, 600000 + WIRE_PIECE);
    assert_string_equal(o.err.text, "stopped by the reader");
    finish(&o, ERR_LIMIT);
    ask(1);
}

static void test_too_many_are_told(void **state)
{
    enum { COUNT = 200 };
    static struct outcome o[COUNT];
    int accepted = 0, answered = 0;
    open_both();
    for (int i = 0; i < COUNT; i++) {
        struct err err = {0};
        struct db_request request = outcome_request(&o[accepted], "SELECT 1");
        if (db_start(side(1 + i % 3), &request, &o[accepted].query, &err) == 0)
            accepted++;
        else
            assert_int_equal(err.code, ERR_BUSY);
    }
    assert_in_range(accepted, DB_MAX_RUNNING + DB_MAX_WAITING, COUNT);
    for (int i = 0; i < accepted; i++) {
        await(&o[i]);
        answered += o[i].err.code == ERR_OK;
        if (o[i].err.code != ERR_OK)
            assert_int_equal(o[i].err.code, ERR_BUSY);
        outcome_free(&o[i]);
    }
    assert_in_range(answered, DB_MAX_RUNNING + DB_MAX_WAITING, COUNT);
}

static void test_callbacks_may_close(void **state)
{
    struct outcome o;
    open_both();
    start(1, &o, "SELECT ROWS");
    while (o.data_count == 0)
        uv_run(&loop, UV_RUN_ONCE);
    close_side(1);
    assert_int_equal(o.done_count, 1);
    finish(&o, ERR_CANCELLED);
    ask(0);
}

/* --- the owner ends ------------------------------------------------------------------------ */

static void test_the_next_takes_over(void **state)
{
    open_both();
    close_side(0);
    ask(1);
    assert_int_equal(side(1)->info.owner_pid, 0);
    ask(0);
    assert_int_equal(side(0)->info.owner_pid, getpid());
    assert_string_equal(side(0)->info.owner, "side 1");
    close_side(1);
    ask(2);
    ask(0);
    assert_string_equal(side(0)->info.owner, "side 2");
}

static void test_what_runs_when_the_owner_ends(void **state)
{
    struct outcome unread, halfway, write, cancelled;
    struct err err;
    open_both();
    start(1, &halfway, "SELECT ROWS");
    while (halfway.data_count == 0)
        uv_run(&loop, UV_RUN_ONCE);
    start(1, &unread, "SELECT 1");
    struct db_request request = outcome_request(&write, "SELECT BLOCK");
    request.is_write = true;
    assert_int_equal(db_start(side(1), &request, &write.query, &err), 0);
    start(1, &cancelled, "SELECT BLOCK");
    /* Side 0 has not had a turn of the loop since: all four are on their way. */
    db_cancel(side(1), cancelled.query);
    bool is_closed = false;
    sides[0]->ops->close(sides[0], on_closed, &is_closed);
    sides[0] = NULL;
    await(&unread);
    assert_string_equal(buf_text(&unread.rows), "[1]\n");
    finish(&unread, ERR_OK);
    await(&halfway);
    assert_non_null(strstr(halfway.err.text, "side 0"));
    assert_non_null(strstr(halfway.err.text, "while it answered"));
    finish(&halfway, ERR_UNAVAILABLE);
    await(&write);
    assert_non_null(strstr(write.err.text, "before it confirmed a change"));
    finish(&write, ERR_UNAVAILABLE);
    finish(&cancelled, ERR_CANCELLED);
    while (!is_closed)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(side(1)->info.owner_pid, 0);
}

/* An owner that is in no hurry lets end what nobody could begin again, and nothing else. */
static void test_an_owner_that_leaves_breaks_nothing(void **state)
{
    enum { LEN = 60000001 }; /* takes the engine 60 ms; odd, so that it ends with an error */
    for (int turns = 0; turns < 40; turns += 3) {
        struct outcome write, blocked, later;
        bool has_left = false;
        char *body = calloc(1, LEN);
        assert_non_null(body);
        open_both();
        start(1, &blocked, "SELECT BLOCK");
        insert(1, &write, body, LEN);
        for (int i = 0; i < turns; i++)
            uv_run(&loop, UV_RUN_NOWAIT);
        store_leave(side(0), on_closed, &has_left);
        start(1, &later, "SELECT 1");
        uint64_t until = uv_hrtime() + UINT64_C(20000000000);
        while (!has_left && uv_hrtime() < until)
            uv_run(&loop, UV_RUN_ONCE);
        assert_true(has_left);
        close_side(0);
        finish(&later, ERR_OK);
        finish(&write, ERR_ARGUMENT); /* what the engine says of the whole body, from wherever */
        assert_int_equal(blocked.done_count, 0);
        db_cancel(side(1), blocked.query);
        finish(&blocked, ERR_CANCELLED);
        free(body);
        close_side(1);
    }
}

static void test_nobody_to_leave(void **state)
{
    bool has_left = false;
    store_leave(side(0), on_closed, &has_left); /* owns nothing */
    assert_true(has_left);
    ask(0);
    has_left = false;
    store_leave(side(0), on_closed, &has_left); /* nobody is there */
    assert_true(has_left);
    close_side(0);
    ask(1);
}

static void test_the_statements_of_one_that_left_are_stopped(void **state)
{
    struct outcome o[DB_MAX_RUNNING];
    open_both();
    for (int i = 0; i < DB_MAX_RUNNING; i++)
        start(1, &o[i], "SELECT BLOCK"); /* holds a worker until it is killed */
    turn(50);
    close_side(1);
    for (int i = 0; i < DB_MAX_RUNNING; i++)
        finish(&o[i], ERR_CANCELLED);
    ask(0);
}

static void test_a_leftover_socket_is_replaced(void **state)
{
    struct store_socket_file file;
    struct err err;
    int fd;
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(store_socket_listen(dir, &fd, &file, &err), 0);
    close(fd);
    open_both();
    /* Nor is another's removed. */
    close_side(1);
    assert_int_equal(store_socket_listen(dir, &fd, &file, &err), 0);
    close_side(0);
    char path[700];
    snprintf(path, sizeof(path), "%s/socket", dir);
    assert_int_equal(access(path, F_OK), 0);
    store_socket_remove(dir, &file);
    assert_int_equal(access(path, F_OK), -1);
    close(fd);
}

static void test_long_paths(void **state)
{
    size_t len = strlen(dir);
    for (int i = 0; i < 40; i++)
        len += (size_t)snprintf(dir + len, sizeof(dir) - len, "/directory");
    assert_true(len > 400);
    open_both();
    close_side(0);
    ask(1);
    ask(0);
}

static void test_no_descriptors_are_lost(void **state)
{
    open_both();
    close_side(1);
    close_side(0);
    int before = count_descriptors();
    for (int i = 0; i < 20; i++) {
        open_both();
        ask(2);
        close_side(i % 2);
        ask(1 - i % 2);
        for (int k = 0; k < 3; k++)
            if (sides[k] != NULL)
                close_side(k);
    }
    assert_int_equal(count_descriptors(), before);
}

/* The store's lock is given up by the loop or by the engine's thread, whoever comes first. */
static void test_close_while_the_engine_fails_to_open(void **state)
{
    char path[700];
    snprintf(path, sizeof(path), "%s/engine.xml", dir);
    assert_int_equal(mkdir(dir, 0700) | mkdir(path, 0700), 0); /* in the place of a file */
    for (int i = 0; i < 60; i++) {
        struct outcome o;
        start(0, &o, "SELECT 1");
        for (uint64_t until = uv_hrtime() + (uint64_t)i * 10000; uv_hrtime() < until;)
            uv_run(&loop, UV_RUN_NOWAIT);
        close_side(0);
        assert_int_equal(o.done_count, 1);
        assert_true(o.err.code == ERR_CANCELLED || o.err.code == ERR_UNAVAILABLE);
        outcome_free(&o);
    }
    assert_int_equal(rmdir(path), 0);
    ask(0);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    fake_library = argv[1];
    signal(SIGPIPE, SIG_IGN); /* as the program does */
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_touched_before_a_statement),
        TEST(test_the_second_goes_through_the_first),
        TEST(test_rows_come_whole_and_side_by_side),
        TEST(test_errors_are_the_same),
        TEST(test_bodies),
        TEST(test_too_large_bodies_are_refused),
        TEST(test_cancel_at_every_moment),
        TEST(test_cancel_while_a_body_is_sent),
        TEST(test_the_reader_stops),
        TEST(test_too_many_are_told),
        TEST(test_callbacks_may_close),
        TEST(test_the_next_takes_over),
        TEST(test_what_runs_when_the_owner_ends),
        TEST(test_an_owner_that_leaves_breaks_nothing),
        TEST(test_nobody_to_leave),
        TEST(test_the_statements_of_one_that_left_are_stopped),
        TEST(test_a_leftover_socket_is_replaced),
        TEST(test_long_paths),
        TEST(test_no_descriptors_are_lost),
        TEST(test_close_while_the_engine_fails_to_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
