/* Opening, sharing and closing the embedded engine, with the real library. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "chdb_checks.h"

/* --- opening and closing ---------------------------------------------------------------------- */

static int handled_signal;

static void on_signal(int number)
{
    handled_signal = number;
}

static void test_signal_handlers_stay(void **state)
{
    struct sigaction before = {.sa_handler = on_signal}, after;
    if (shared.db != NULL)
        assert_int_equal(store_disconnect(&shared), 0);
    sigaction(SIGTSTP, &before, NULL);
    assert_reads(engine(), "SELECT 1", "[1]\n");
    sigaction(SIGTSTP, NULL, &after);
    assert_ptr_equal(after.sa_handler, on_signal);
    raise(SIGTSTP);
    assert_int_equal(handled_signal, SIGTSTP);
    signal(SIGTSTP, SIG_DFL);
}

static void test_a_second_handle_learns_who_has_the_store(void **state)
{
    assert_reads(engine(), "SELECT 1", "[1]\n");
    struct store second = shared;
    assert_non_null(store_connect(&second, "sextant call"));
    struct outcome o;
    run_read(second.db, &o, "SELECT 1");
    assert_fails(&o, ERR_UNAVAILABLE);
    char expected[64];
    snprintf(expected, sizeof(expected), "in use by sextant test (pid %d)", (int)getpid());
    assert_non_null(strstr(o.err.text, expected));
    outcome_free(&o);
    /* The store becomes free: the same handle opens it with its next statement. */
    assert_int_equal(store_disconnect(&shared), 0);
    assert_reads(second.db, "SELECT 1", "[1]\n");
    assert_int_equal(store_disconnect(&second), 0);
}

static void test_an_idle_handle_does_not_keep_the_loop(void **state)
{
    assert_reads(engine(), "SELECT 1", "[1]\n");
    assert_int_equal(uv_run(shared.db->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(store_disconnect(&shared), 0);
    assert_non_null(store_connect(&shared, "sextant test"));
    assert_int_equal(store_disconnect(&shared), 0); /* never used: nothing was loaded */
}

static void test_close_while_running(void **state)
{
    enum { COUNT = 10 };
    struct db *db = engine();
    do_write(db, "CREATE OR REPLACE TABLE kept ENGINE = MergeTree ORDER BY a AS SELECT 42 AS a");
    struct outcome o[COUNT];
    for (int i = 0; i < COUNT; i++)
        start_aggregation(db, &o[i]);
    for (int i = 0; i < 50; i++) {
        uv_run(db->loop, UV_RUN_NOWAIT);
        uv_sleep(5);
    }
    assert_int_equal(store_disconnect(&shared), 0);
    for (int i = 0; i < COUNT; i++) {
        assert_fails(&o[i], ERR_CANCELLED);
        outcome_free(&o[i]);
    }
    assert_reads(engine(), "SELECT a FROM kept", "[42]\n");
}

static void test_close_at_once_after_a_start(void **state)
{
    if (shared.db != NULL)
        assert_int_equal(store_disconnect(&shared), 0);
    struct outcome o;
    start_aggregation(engine(), &o);
    assert_int_equal(store_disconnect(&shared), 0);
    assert_fails(&o, ERR_CANCELLED);
    outcome_free(&o);
}

static void test_the_directory_is_private(void **state)
{
    assert_reads(engine(), "SELECT 1", "[1]\n");
    struct stat st;
    assert_int_equal(stat(shared.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_in_memory(void **state)
{
    if (shared.db != NULL)
        assert_int_equal(store_disconnect(&shared), 0);
    struct err err;
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct store memory = {.db = chdb_new(&loop, &(struct chdb_options){0}, &err)};
    assert_non_null(memory.db);
    do_write(memory.db, "CREATE TABLE t ENGINE = MergeTree ORDER BY a AS SELECT 1 AS a");
    assert_reads(memory.db, "SELECT a FROM t", "[1]\n");
    assert_string_equal(memory.db->info.target, "in memory");
    bool is_closed = false;
    memory.db->ops->close(memory.db, store_on_closed, &is_closed);
    while (!is_closed)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* --- processes of their own ------------------------------------------------------------------- */

/* Runs this program with one argument and waits; the library is not loaded there yet. */
static int run_child(const char *part, const char *argument)
{
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "test_chdb", part, argument, (char *)NULL);
        _exit(99);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A statement that no KILL stops must not hold up the end of the process. */
static int child_unstoppable(struct store *s)
{
    struct outcome o;
    struct err err;
    struct db_request request =
        outcome_request(&o, "SELECT editDistanceUTF8(repeat('ab', 20000), repeat('bca', 20000)), "
                            "editDistanceUTF8(repeat('ad', 20000), repeat('dca', 20000))");
    request.limits.time_ms = 60000;
    if (store_connect(s, "sextant test") == NULL || db_start(s->db, &request, &o.query, &err) < 0)
        return 1;
    for (int i = 0; i < 100; i++) {
        uv_run(&s->loop, UV_RUN_NOWAIT);
        uv_sleep(5);
    }
    if (o.done_count != 0)
        return 2; /* was not slow enough to tell anything */
    uint64_t started = uv_hrtime();
    bool is_closed = false;
    s->db->ops->close(s->db, store_on_closed, &is_closed);
    while (!is_closed)
        uv_run(&s->loop, UV_RUN_ONCE);
    uint64_t took_ms = (uv_hrtime() - started) / 1000000;
    if (o.done_count != 1 || o.err.code != ERR_CANCELLED)
        return 3;
    return took_ms >= request.limits.time_ms ? 4 : 0;
}

static int child_library(struct store *s, const char *library)
{
    struct outcome o;
    if (store_connect_as(s, (struct chdb_options){.library = library}) == NULL)
        return 1;
    run_read(s->db, &o, "SELECT 1");
    bool is_told = o.err.code == ERR_UNAVAILABLE && strstr(o.err.text, library) != NULL &&
                   strstr(o.err.text, "npm install @chdb/lib-") != NULL &&
                   strstr(o.err.text, "./dev setup") != NULL;
    bool is_old = strstr(o.err.text, "too old") != NULL;
    outcome_free(&o);
    if (store_disconnect(s) != 0 || access(s->path, F_OK) == 0) /* nothing was made */
        return 2;
    return !is_told ? 3 : is_old ? 10 : 0;
}

/* How many parts the table has; -1 = it did not say. */
static int count_parts(struct db *db)
{
    struct outcome o;
    run_read(db, &o, "SELECT count() FROM system.parts WHERE table = 't' AND active");
    bool is_told = o.err.code == 0 && buf_text(&o.rows)[0] == '[';
    long count = is_told ? strtol(buf_text(&o.rows) + 1, NULL, 10) : -1;
    outcome_free(&o);
    return (int)count;
}

/* Writes parts one after the other. 0: a while later they are still as many; 10: some were merged.
 */
static int child_merges(struct store *s, const char *kind)
{
    enum { PARTS = 12, LOOKS = 20, LOOKS_MAX = 600, LOOK_MS = 100 };
    bool is_brief = strcmp(kind, "brief") == 0;
    if (store_connect_as(s, (struct chdb_options){.is_brief = is_brief}) == NULL)
        return 1;
    do_write(s->db, "CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a");
    for (int i = 0; i < PARTS; i++)
        do_write(s->db, "INSERT INTO t SELECT 1");
    int parts = PARTS;
    for (int i = 0; i < (is_brief ? LOOKS : LOOKS_MAX) && parts == PARTS; i++) {
        uv_sleep(LOOK_MS);
        parts = count_parts(s->db);
    }
    if (store_disconnect(s) != 0 || parts < 0)
        return 2;
    return parts < PARTS ? 10 : 0;
}

static int run_part(const char *part, const char *argument)
{
    struct store s;
    if (store_make(&s) < 0)
        return 98;
    int rc = strcmp(part, "unstoppable") == 0 ? child_unstoppable(&s)
             : strcmp(part, "merges") == 0    ? child_merges(&s, argument)
                                              : child_library(&s, argument);
    store_remove(&s);
    return rc;
}

static void test_close_gives_up_on_what_cannot_be_stopped(void **state)
{
    assert_int_equal(run_child("unstoppable", NULL), 0);
}

static void test_missing_and_old_libraries(void **state)
{
    assert_int_equal(run_child("library", "/nonexistent/libchdb.so"), 0);
    assert_int_equal(run_child("library", "/proc/self/exe"), 0);
    assert_int_equal(run_child("library", "libuv.so.1"), 10);
}

static void test_a_brief_engine_does_not_merge(void **state)
{
    assert_int_equal(run_child("merges", "brief"), 0);
    assert_int_equal(run_child("merges", "lasting"), 10);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_signal_handlers_stay),
    cmocka_unit_test(test_a_second_handle_learns_who_has_the_store),
    cmocka_unit_test(test_an_idle_handle_does_not_keep_the_loop),
    cmocka_unit_test(test_close_while_running),
    cmocka_unit_test(test_close_at_once_after_a_start),
    cmocka_unit_test(test_the_directory_is_private),
    cmocka_unit_test(test_in_memory),
    cmocka_unit_test(test_close_gives_up_on_what_cannot_be_stopped),
    cmocka_unit_test(test_missing_and_old_libraries),
    cmocka_unit_test(test_a_brief_engine_does_not_merge),
};

int main(int argc, char **argv)
{
    if (argc > 1) {
        int rc = run_part(argv[1], argc > 2 ? argv[2] : NULL);
        _exit(rc); /* threads that were given up on may still run */
    }
    chdb_library_exit(is_skipped() ? 0 : cmocka_run_group_tests(tests, set_up, tear_down));
}
