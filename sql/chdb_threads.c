#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "chdb_engine.h"

void chdb_wake(struct chdb *chdb)
{
    if (!chdb->is_abandoned)
        uv_async_send(&chdb->wake);
}

void chdb_order(struct chdb *chdb)
{
    chdb->has_orders = true;
    uv_cond_signal(&chdb->orders);
}

/* Signals are the loop's; the engine's threads inherit this. */
static void block_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
}

static struct db_query *find_query(struct chdb *chdb, enum chdb_query_state state)
{
    for (struct db_query *q = chdb->queries; q != NULL; q = q->next) {
        if (q->state == state)
            return q;
    }
    return NULL;
}

/* --- workers --------------------------------------------------------------------------------- */

/* Queues a chunk for the loop, and waits while the loop is behind. Runs inside chdb_conn_run(). */
static int take_rows(void *user, struct chdb_result *result)
{
    struct db_query *q = user;
    struct chdb *chdb = q->chdb;
    const struct chdb_library *library = chdb->store.library;
    size_t len = library->result_length(result);
    struct chdb_chunk *chunk = malloc(sizeof(*chunk));
    q->result_bytes += len;
    bool is_too_much = q->result_bytes > q->limits.result_bytes;
    if (chunk == NULL || is_too_much || atomic_load(&q->is_stopped)) {
        free(chunk);
        library->destroy_result(result);
        uv_mutex_lock(&chdb->mutex);
        if (!atomic_load(&q->is_stopped)) {
            err_set(&q->stop, is_too_much ? ERR_LIMIT : ERR_MEMORY, NULL,
                    is_too_much ? "the result is larger than a query may return" : "out of memory");
            atomic_store(&q->is_stopped, true);
        }
        uv_mutex_unlock(&chdb->mutex);
        return -ERR_LIMIT;
    }
    *chunk = (struct chdb_chunk){.result = result};

    uv_mutex_lock(&chdb->mutex);
    *q->chunks_end = chunk;
    q->chunks_end = &chunk->next;
    q->pending_bytes += len;
    chdb_wake(chdb);
    uint64_t started = uv_hrtime();
    while (q->pending_bytes > CHDB_PENDING_MAX && !atomic_load(&q->is_stopped))
        uv_cond_wait(&chdb->drain, &chdb->mutex);
    q->blocked_ns += uv_hrtime() - started;
    uv_mutex_unlock(&chdb->mutex);
    return atomic_load(&q->is_stopped) ? -ERR_CANCELLED : 0;
}

static void run_query(struct chdb_conn *conns, struct db_query *q, struct db_stats *stats,
                      struct err *ret_err)
{
    enum chdb_role role = q->is_write ? CHDB_WRITER : CHDB_READER;
    struct chdb_conn *conn = &conns[role];
    if (atomic_load(&q->is_stopped) || chdb_conn_open(conn, role, &q->limits, ret_err) < 0)
        return;
    struct chdb_sink sink = {
        .take = q->on_data != NULL ? take_rows : NULL,
        .user = q,
        .is_stopped = &q->is_stopped,
    };
    chdb_conn_run(conn, &q->statement, &sink, stats, ret_err);
    stats->elapsed_ns -= q->blocked_ns < stats->elapsed_ns ? q->blocked_ns : stats->elapsed_ns;
}

static void end_query(struct chdb *chdb, struct db_query *q, const struct db_stats *stats,
                      const struct err *err)
{
    q->stats = *stats;
    q->err = atomic_load(&q->is_stopped) ? q->stop : *err;
    q->state = CHDB_ENDED;
    chdb->average_ms = (chdb->average_ms * 7 + stats->elapsed_ns / 1000000) / 8;
    chdb_wake(chdb);
}

void chdb_worker_main(void *arg)
{
    struct chdb_worker *worker = arg;
    struct chdb *chdb = worker->chdb;
    struct chdb_conn conns[] = {
        [CHDB_READER] = {.store = &chdb->store},
        [CHDB_WRITER] = {.store = &chdb->store},
    };
    block_signals();
    uv_mutex_lock(&chdb->mutex);
    while (!chdb->is_ending) {
        struct db_query *q = chdb->state == CHDB_OPEN ? find_query(chdb, CHDB_WAITING) : NULL;
        if (q == NULL) {
            chdb->idle_workers++;
            uv_cond_wait(&chdb->work, &chdb->mutex);
            chdb->idle_workers--;
            continue;
        }
        q->state = CHDB_RUNNING;
        if (q->on_progress != NULL)
            chdb_order(chdb);
        uv_mutex_unlock(&chdb->mutex);
        struct db_stats stats = {0};
        struct err err = {.code = ERR_OK};
        run_query(conns, q, &stats, &err);
        uv_mutex_lock(&chdb->mutex);
        end_query(chdb, q, &stats, &err);
    }
    uv_mutex_unlock(&chdb->mutex);
    chdb_conn_close(&conns[CHDB_READER]);
    chdb_conn_close(&conns[CHDB_WRITER]);
    uv_mutex_lock(&chdb->mutex);
    chdb->live_workers--;
    chdb_order(chdb);
    uv_mutex_unlock(&chdb->mutex);
}

/* --- control --------------------------------------------------------------------------------- */

static void read_version(struct chdb_conn *conn, char *out, size_t size)
{
    struct buf answer;
    buf_init(&answer, 0);
    if (chdb_conn_ask(conn, "SELECT version()", &answer, NULL) == 0)
        snprintf(out, size, "%.*s", (int)strcspn(buf_text(&answer), "\n"), buf_text(&answer));
    buf_done(&answer);
}

static int open_engine(struct chdb *chdb, struct chdb_conn *conn, char *version, size_t size,
                       struct err *ret_err)
{
    int rc = chdb_store_open(&chdb->store, ret_err);
    if (rc < 0)
        return rc;
    struct db_limits limits = db_limits_default;
    limits.time_ms = 10000;
    rc = chdb_conn_open(conn, CHDB_CONTROL, &limits, ret_err);
    if (rc < 0) {
        chdb_store_close();
        return rc;
    }
    read_version(conn, version, size);
    return 0;
}

/* Called with the mutex held, which it gives up while the engine opens. A failure ends what waits
 * for it; the next statement tries again, because the store may be free by then. */
static void carry_out_opening(struct chdb *chdb, struct chdb_conn *conn)
{
    char version[sizeof(chdb->info.version)] = "";
    struct err err = {.code = ERR_OK};
    uv_mutex_unlock(&chdb->mutex);
    int rc = open_engine(chdb, conn, version, sizeof(version), &err);
    uv_mutex_lock(&chdb->mutex);
    if (rc == 0) {
        chdb->state = CHDB_OPEN;
        snprintf(chdb->info.version, sizeof(chdb->info.version), "%s", version);
        chdb->has_info = true;
        chdb_wake(chdb);
        uv_cond_broadcast(&chdb->work);
        return;
    }
    chdb->state = CHDB_CLOSED;
    chdb->has_failed = true;
    chdb->failure = err;
    chdb_wake(chdb);
    const struct db_stats none = {0};
    for (struct db_query *q = chdb->queries; q != NULL; q = q->next) {
        if (q->state == CHDB_WAITING)
            end_query(chdb, q, &none, &err);
    }
}

/* The condition that finds these statements in system.processes; false when there are none. */
static bool match_queries(const struct chdb *chdb, bool is_for_progress, struct buf *out)
{
    bool is_any = false;
    for (const struct db_query *q = chdb->queries; q != NULL; q = q->next) {
        bool is_meant = is_for_progress ? q->on_progress != NULL : atomic_load(&q->is_stopped);
        if (q->state != CHDB_RUNNING || !is_meant)
            continue;
        buf_printf(out, "%squery LIKE '" CHDB_MARKER "%" PRIu64 " %%'", is_any ? " OR " : "",
                   q->id);
        is_any = true;
    }
    return is_any;
}

static void kill_stopped(struct chdb *chdb, struct chdb_conn *conn, struct buf *condition)
{
    struct buf sql;
    buf_init(&sql, 0);
    /* SYNC was seen to hang. */
    buf_printf(&sql, "KILL QUERY WHERE %s ASYNC", buf_text(condition));
    uv_mutex_unlock(&chdb->mutex);
    if (!buf_failed(&sql))
        chdb_conn_ask(conn, buf_text(&sql), NULL, NULL); /* repeated until the statements end */
    buf_done(&sql);
    uv_mutex_lock(&chdb->mutex);
}

/* One line of the answer: the marker with its number, then four numbers, between tabs. */
static void note_progress(struct chdb *chdb, const char *line)
{
    char *at = NULL;
    uint64_t id = strtoull(line + strlen(CHDB_MARKER), &at, 10);
    uint64_t rows = strtoull(at, &at, 10), bytes = strtoull(at, &at, 10);
    uint64_t total = strtoull(at, &at, 10), elapsed_us = strtoull(at, &at, 10);
    for (struct db_query *q = chdb->queries; q != NULL; q = q->next) {
        if (q->id != id)
            continue;
        q->progress = (struct db_stats){.rows_read = rows,
                                        .bytes_read = bytes,
                                        .rows_total = total,
                                        .elapsed_ns = elapsed_us * 1000};
        q->has_progress = true;
        chdb_wake(chdb);
    }
}

static void ask_progress(struct chdb *chdb, struct chdb_conn *conn, struct buf *condition)
{
    struct buf sql, answer;
    buf_init(&sql, 0);
    buf_init(&answer, 0);
    buf_printf(&sql,
               "SELECT splitByChar(' ', query)[1], read_rows, read_bytes, total_rows_approx, "
               "toUInt64(elapsed * 1e6) FROM system.processes WHERE %s",
               buf_text(condition));
    uv_mutex_unlock(&chdb->mutex);
    bool is_known = !buf_failed(&sql) && chdb_conn_ask(conn, buf_text(&sql), &answer, NULL) == 0;
    uv_mutex_lock(&chdb->mutex);
    const char *line = buf_text(&answer);
    while (is_known && strncmp(line, CHDB_MARKER, strlen(CHDB_MARKER)) == 0) {
        note_progress(chdb, line);
        line += strcspn(line, "\n");
        line += line[0] == '\n';
    }
    buf_done(&sql);
    buf_done(&answer);
}

/* Carries out what is due; returns how long there is nothing to do, in ns. Mutex held. */
static uint64_t carry_out_orders(struct chdb *chdb, struct chdb_conn *conn, uint64_t *progress_at)
{
    uint64_t wait_ns = UINT64_MAX;
    struct buf condition;
    buf_init(&condition, 0);
    if (match_queries(chdb, false, &condition) && !buf_failed(&condition)) {
        kill_stopped(chdb, conn, &condition);
        wait_ns = CHDB_KILL_INTERVAL_MS * UINT64_C(1000000);
    }
    buf_reset(&condition);
    if (match_queries(chdb, true, &condition) && !buf_failed(&condition)) {
        uint64_t now = uv_hrtime(), interval = CHDB_PROGRESS_INTERVAL_MS * UINT64_C(1000000);
        if (*progress_at == 0) {
            *progress_at = now + interval;
        } else if (now >= *progress_at) {
            ask_progress(chdb, conn, &condition);
            *progress_at = now + interval;
        }
        uint64_t left = *progress_at > now ? *progress_at - now : 0;
        wait_ns = left < wait_ns ? left : wait_ns;
    } else {
        *progress_at = 0;
    }
    buf_done(&condition);
    return wait_ns;
}

void chdb_control_main(void *arg)
{
    struct chdb *chdb = arg;
    struct chdb_conn conn = {.store = &chdb->store};
    uint64_t progress_at = 0;
    block_signals();
    uv_mutex_lock(&chdb->mutex);
    while (!chdb->is_ending || chdb->live_workers > 0) {
        if (chdb->state == CHDB_WANTED && !chdb->is_ending) {
            carry_out_opening(chdb, &conn);
            continue;
        }
        uint64_t wait_ns = UINT64_MAX;
        chdb->has_orders = false;
        if (chdb->state == CHDB_OPEN)
            wait_ns = carry_out_orders(chdb, &conn, &progress_at);
        if (chdb->has_orders) /* the mutex was free in between */
            continue;
        if (wait_ns == UINT64_MAX)
            uv_cond_wait(&chdb->orders, &chdb->mutex);
        else
            uv_cond_timedwait(&chdb->orders, &chdb->mutex, wait_ns);
    }
    bool is_open = chdb->state == CHDB_OPEN;
    uv_mutex_unlock(&chdb->mutex);
    /* What the engine keeps per thread is gone before the engine is. */
    for (int i = 0; i < chdb->worker_count; i++)
        uv_thread_join(&chdb->workers[i].thread);
    if (is_open) {
        chdb_conn_close(&conn);
        chdb_store_close();
    }
    uv_mutex_lock(&chdb->mutex);
    store_lock_release(&chdb->store.lock); /* so may the loop, after a failed opening */
    chdb->is_control_done = true;
    chdb_wake(chdb);
    uv_mutex_unlock(&chdb->mutex);
}
