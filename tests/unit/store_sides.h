#pragma once
/* Several struct db on one shared store, over fake_chdb.c: an owner and others in one process and
 * on one loop, so that the sanitizers see all of it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "../engines/engine.h"
#include "store_lock.h"
#include "store_socket.h"
#include "store_wire.h"

enum { SIDES = 4, ROWS_BYTES = 40 * 500000 }; /* of SELECT ROWS */

static const char *fake_library;

static uv_loop_t loop;
static char root[64], dir[600];
static struct db *sides[SIDES];

static inline int count_descriptors(void)
{
    int count = 0;
    DIR *list = opendir("/proc/self/fd");
    while (list != NULL && readdir(list) != NULL)
        count++;
    closedir(list);
    return count;
}

static inline int set_up(void **state)
{
    snprintf(root, sizeof(root), "/tmp/sextant-share-XXXXXX");
    if (mkdtemp(root) == NULL || uv_loop_init(&loop) != 0)
        return -1;
    snprintf(dir, sizeof(dir), "%s/store", root);
    memset(sides, 0, sizeof(sides));
    return 0;
}

static inline struct db *side(int i)
{
    static const char *const holders[SIDES] = {"side 0", "side 1", "side 2", "side 3"};
    struct err err = {0};
    const struct chdb_options options = {
        .store = dir, .library = fake_library, .holder = holders[i]};
    if (sides[i] == NULL)
        sides[i] = store_new(&loop, &options, &err);
    assert_non_null(sides[i]);
    return sides[i];
}

static inline void on_closed(void *user)
{
    *(bool *)user = true;
}

static inline void close_side(int i)
{
    bool is_closed = false;
    sides[i]->ops->close(sides[i], on_closed, &is_closed);
    while (!is_closed)
        uv_run(&loop, UV_RUN_ONCE);
    sides[i] = NULL;
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static inline int tear_down(void **state)
{
    for (int i = SIDES - 1; i >= 0; i--)
        if (sides[i] != NULL)
            close_side(i);
    nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return uv_loop_close(&loop);
}

/* --- statements ---------------------------------------------------------------------------- */

static inline void start(int i, struct outcome *o, const char *sql)
{
    struct err err;
    struct db_request request = outcome_request(o, sql);
    assert_int_equal(db_start(side(i), &request, &o->query, &err), 0);
    assert_int_equal(o->done_count, 0);
}

static inline void await(const struct outcome *o)
{
    while (o->done_count == 0)
        assert_true(uv_run(&loop, UV_RUN_ONCE) != 0 || o->done_count != 0);
    assert_int_equal(o->done_count, 1);
}

static inline void finish(struct outcome *o, enum err_code code)
{
    await(o);
    if (o->err.code != code)
        fail_msg("%s instead of %s: %s", err_name(o->err.code), err_name(code), o->err.text);
    outcome_free(o);
}

static inline void ask(int i)
{
    struct outcome o;
    start(i, &o, "SELECT 1");
    await(&o);
    assert_int_equal(o.err.code, ERR_OK);
    assert_string_equal(buf_text(&o.rows), "[1]\n");
    assert_int_equal(o.stats.rows_read, 4);
    outcome_free(&o);
}

/* Side 0 has the store, side 1 has reached it. */
static inline void open_both(void)
{
    ask(0);
    ask(1);
    assert_int_equal(side(0)->info.owner_pid, 0);
    assert_int_equal(side(1)->info.owner_pid, getpid());
}

/* Without a handle of the program's own the loop would not turn for others. */
static uv_timer_t alive;

static inline void on_alive(uv_timer_t *timer)
{
}

static inline void keep_alive(void)
{
    uv_timer_init(&loop, &alive);
    uv_timer_start(&alive, on_alive, 1, 1);
}

static inline void stop_alive(void)
{
    uv_close((uv_handle_t *)&alive, NULL);
}

/* Lets the loop turn until it has nothing to do for a moment. */
static inline void turn(int ms)
{
    for (uint64_t until = uv_hrtime() + (uint64_t)ms * 1000000; uv_hrtime() < until;) {
        uv_run(&loop, UV_RUN_NOWAIT);
        uv_sleep(1);
    }
}
