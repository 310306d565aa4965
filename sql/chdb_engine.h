#pragma once
/* What the two halves of the embedded engine share: chdb.c runs on the loop, chdb_threads.c on
 * threads of its own (the engine blocks, and libuv's pool is for others).
 *
 * Up to DB_MAX_RUNNING workers run one statement each, on connections of their own. One control
 * thread opens the engine, keeps the first connection, kills statements and asks for progress.
 * Finished chunks of rows go to the loop as they are, in the library's own memory. */
#include <stdatomic.h>
#include <stdbool.h>

#include <uv.h>

#include "chdb_conn.h"
#include "chdb_store.h"
#include "db.h"

enum {
    CHDB_PENDING_MAX = 4 << 20, /* bytes of rows waiting for the loop; then the worker waits */
    CHDB_KILL_INTERVAL_MS = 50, /* a statement may be killed before it has registered */
    CHDB_PROGRESS_INTERVAL_MS = 1000,
    CHDB_CLOSE_MAX_MS = 800, /* what close() waits for a statement that cannot be stopped */
    CHDB_TAG_MAX = 48,
};

/* Every statement starts with this comment, then its number and tag: what KILL looks for. */
#define CHDB_MARKER "/*sx-"

enum chdb_query_state { CHDB_WAITING, CHDB_RUNNING, CHDB_ENDED };

struct chdb_chunk {
    struct chdb_chunk *next;
    struct chdb_result *result;
};

struct db_query {
    struct chdb *chdb;
    struct db_query *next;
    uint64_t id;    /* in the marker */
    bool is_paused; /* of the loop: its rows stay where they are */

    /* Copies of the request, unchanged after start. */
    struct chdb_statement statement;
    void *memory; /* of the statement's texts and lists */
    struct db_limits limits;
    bool is_write;
    int (*on_data)(void *user, const char *bytes, size_t len);
    void (*on_progress)(void *user, const struct db_stats *so_far);
    void (*on_done)(void *user, const struct err *err, const struct db_stats *stats);
    void *user;

    atomic_bool is_stopped; /* set once, with `stop` filled under the mutex before */

    /* Under the mutex. */
    enum chdb_query_state state;
    struct err stop; /* why it was stopped */
    struct err err;  /* how it ended */
    struct chdb_chunk *chunks, **chunks_end;
    size_t pending_bytes;
    struct db_stats stats, progress;
    bool has_progress;

    /* Of its worker. */
    uint64_t result_bytes;
    uint64_t blocked_ns;
};

enum chdb_state {
    CHDB_CLOSED, /* nothing loaded; a failed opening comes back here */
    CHDB_WANTED, /* the control thread is to open, or is opening */
    CHDB_OPEN,
};

struct chdb_worker {
    struct chdb *chdb;
    uv_thread_t thread;
};

struct chdb {
    struct db db; /* first: the interface sees this */
    struct chdb_store store;

    /* Of the loop. */
    uv_async_t wake;
    uv_timer_t deadline; /* of close() */
    bool is_closing, is_finishing;
    int open_handles;
    bool has_control;
    uv_thread_t control;
    struct chdb_worker workers[DB_MAX_RUNNING]; /* the control thread joins them */
    int worker_count;
    void (*closed)(void *user);
    void *closed_user;
    void (*opened)(void *user, const struct err *err); /* may be NULL */
    void *opened_user;

    /* Under the mutex. */
    uv_mutex_t mutex;
    uv_cond_t work;   /* workers: a statement waits, or the end */
    uv_cond_t drain;  /* workers: the loop has taken rows */
    uv_cond_t orders; /* control: open, kill, ask, end */
    enum chdb_state state;
    struct db_query *queries, **queries_end; /* in order of their start, until on_done */
    uint64_t next_id;
    int idle_workers, live_workers;
    bool has_orders;   /* since the control thread last looked */
    bool is_ending;    /* the threads are to end */
    bool is_abandoned; /* close() gave up on them: they may not touch the loop any more */
    bool is_control_done;
    bool has_info;
    struct db_info info;
    bool has_failed; /* to open, and the loop has not been told */
    struct err failure;
    uint64_t average_ms; /* of recent statements, for the advice when busy */
};

/* Thread bodies. */
void chdb_worker_main(void *worker);
void chdb_control_main(void *chdb);

/* With the mutex held: ask the loop, or the control thread, to look. */
void chdb_wake(struct chdb *chdb);
void chdb_order(struct chdb *chdb);
