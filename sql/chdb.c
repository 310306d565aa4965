/* The embedded ClickHouse as a struct db: the half that runs on the loop. See chdb_engine.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chdb_engine.h"

/* --- a statement --------------------------------------------------------------------------- */

static char *append_text(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

/* All texts and lists of the statement in one block: two lists of pointers, then the texts. */
static int copy_statement(struct db_query *q, const struct db_request *request)
{
    char marker[CHDB_TAG_MAX + 48];
    const char *tag = request->tag != NULL ? request->tag : "query";
    size_t tag_len = strspn(tag, "abcdefghijklmnopqrstuvwxyz0123456789_"); /* nothing ends it */
    int marker_len = snprintf(marker, sizeof(marker), CHDB_MARKER "%" PRIu64 " %.*s*/ ", q->id,
                              (int)(tag_len < CHDB_TAG_MAX ? tag_len : CHDB_TAG_MAX), tag);
    size_t count = request->param_count;
    size_t size = 2 * count * sizeof(char *) + (size_t)marker_len + strlen(request->sql) + 1;
    size += request->format != NULL ? strlen(request->format) + 1 : 0;
    for (size_t i = 0; i < count; i++)
        size += strlen(request->params[i].name) + 1 + strlen(request->params[i].value) + 1;
    q->memory = malloc(size);
    if (q->memory == NULL)
        return -ERR_MEMORY;
    const char **names = q->memory, **values = names + count;
    char *at = (char *)(values + count);
    char *sql = memcpy(at, marker, (size_t)marker_len);
    at += marker_len;
    append_text(&at, request->sql);
    for (size_t i = 0; i < count; i++) {
        names[i] = append_text(&at, request->params[i].name);
        values[i] = append_text(&at, request->params[i].value);
    }
    q->statement = (struct chdb_statement){
        .sql = sql,
        .format = request->format != NULL ? append_text(&at, request->format) : NULL,
        .names = names,
        .values = values,
        .param_count = count,
        .body = request->body,
        .body_len = request->body_len,
    };
    return 0;
}

static void free_chunks(struct chdb *chdb, struct chdb_chunk *chunk)
{
    while (chunk != NULL) {
        struct chdb_chunk *next = chunk->next;
        chdb->store.library->destroy_result(chunk->result);
        free(chunk);
        chunk = next;
    }
}

static void query_free(struct db_query *q)
{
    if (q == NULL)
        return;
    free_chunks(q->chdb, q->chunks);
    free(q->memory);
    free(q);
}

static struct db_query *query_new(struct chdb *chdb, const struct db_request *request)
{
    struct db_query *q = calloc(1, sizeof(*q));
    if (q == NULL)
        return NULL;
    q->chdb = chdb;
    q->id = ++chdb->next_id;
    q->chunks_end = &q->chunks;
    q->is_write = request->is_write;
    q->on_data = request->on_data;
    q->on_progress = request->on_progress;
    q->on_done = request->on_done;
    q->user = request->user;
    q->limits = db_limits_or_default(&request->limits);
    if (copy_statement(q, request) < 0) {
        query_free(q);
        return NULL;
    }
    return q;
}

/* --- start ----------------------------------------------------------------------------------- */

/* One more worker when nobody is free for what waits. Having one is enough to go on. */
static int add_worker(struct chdb *chdb, int waiting)
{
    if (chdb->worker_count == DB_MAX_RUNNING || chdb->idle_workers >= waiting)
        return 0;
    struct chdb_worker *worker = &chdb->workers[chdb->worker_count];
    worker->chdb = chdb;
    chdb->live_workers++;
    if (uv_thread_create(&worker->thread, chdb_worker_main, worker) != 0) {
        chdb->live_workers--;
        return chdb->worker_count > 0 ? 0 : -ERR_MEMORY;
    }
    chdb->worker_count++;
    return 0;
}

static int add_threads(struct chdb *chdb, int waiting)
{
    if (!chdb->has_control) {
        if (uv_thread_create(&chdb->control, chdb_control_main, chdb) != 0)
            return -ERR_MEMORY;
        chdb->has_control = true;
    }
    return add_worker(chdb, waiting);
}

static int fail_busy(const struct chdb *chdb, struct err *ret_err)
{
    uint64_t retry_s = chdb->average_ms * DB_MAX_WAITING / DB_MAX_RUNNING / 1000;
    retry_s = retry_s < 1 ? 1 : retry_s > 60 ? 60 : retry_s;
    return err_set(ret_err, ERR_BUSY, NULL,
                   "busy: %d queries run and %d wait; retry after %" PRIu64 " s", DB_MAX_RUNNING,
                   DB_MAX_WAITING, retry_s);
}

static int enqueue(struct chdb *chdb, struct db_query *q, struct err *ret_err)
{
    int waiting = 1, unfinished = 1;
    for (const struct db_query *other = chdb->queries; other != NULL; other = other->next) {
        waiting += other->state == CHDB_WAITING;
        unfinished += other->state != CHDB_ENDED;
    }
    if (unfinished > DB_MAX_RUNNING + DB_MAX_WAITING)
        return fail_busy(chdb, ret_err);
    if (add_threads(chdb, waiting) < 0)
        return err_set(ret_err, ERR_MEMORY, NULL, "cannot start a thread for the database");
    *chdb->queries_end = q;
    chdb->queries_end = &q->next;
    if (chdb->state == CHDB_CLOSED) {
        chdb->state = CHDB_WANTED;
        chdb_order(chdb);
    }
    uv_cond_signal(&chdb->work);
    return 0;
}

static int start(struct db *db, const struct db_request *request, struct db_query **ret_query,
                 struct err *ret_err)
{
    struct chdb *chdb = (struct chdb *)db;
    if (chdb->is_closing)
        return err_set(ret_err, ERR_CANCELLED, NULL, "the process is ending");
    struct db_query *q = query_new(chdb, request);
    if (q == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    uv_mutex_lock(&chdb->mutex);
    int rc = enqueue(chdb, q, ret_err);
    uv_mutex_unlock(&chdb->mutex);
    if (rc < 0) {
        query_free(q);
        return rc;
    }
    uv_ref((uv_handle_t *)&chdb->wake);
    if (ret_query != NULL)
        *ret_query = q;
    return 0;
}

/* --- rows and ends, on the loop --------------------------------------------------------------- */

/* What the statement ends with is decided here and now; its worker and the control thread see to it
 * that it stops. on_done follows from deliver(). */
static void stop(struct db_query *q, enum err_code code, const char *why)
{
    struct chdb *chdb = q->chdb;
    uv_mutex_lock(&chdb->mutex);
    if (!atomic_load(&q->is_stopped)) {
        err_set(&q->stop, code, NULL, "%s", why);
        atomic_store(&q->is_stopped, true);
        if (q->state == CHDB_RUNNING) {
            uv_cond_broadcast(&chdb->drain);
            chdb_order(chdb);
        } else {
            q->state = CHDB_ENDED;
            q->err = q->stop;
            chdb_wake(chdb);
        }
    }
    uv_mutex_unlock(&chdb->mutex);
}

static void cancel(struct db_query *q)
{
    stop(q, ERR_CANCELLED, "the query was cancelled");
}

static void deliver_chunks(struct db_query *q, struct chdb_chunk *chunks)
{
    const struct chdb_library *library = q->chdb->store.library;
    for (struct chdb_chunk *chunk = chunks; chunk != NULL; chunk = chunk->next) {
        if (atomic_load(&q->is_stopped))
            break;
        struct chdb_result *result = chunk->result;
        if (q->on_data(q->user, library->result_buffer(result), library->result_length(result)) < 0)
            stop(q, ERR_LIMIT, "stopped by the reader");
    }
    free_chunks(q->chdb, chunks);
}

/* Passes on what a statement has; true when it has ended. */
static bool deliver_query(struct db_query *q)
{
    struct chdb *chdb = q->chdb;
    uv_mutex_lock(&chdb->mutex);
    if (q->is_paused && q->chunks != NULL && !atomic_load(&q->is_stopped)) {
        uv_mutex_unlock(&chdb->mutex);
        return false;
    }
    struct chdb_chunk *chunks = q->chunks;
    q->chunks = NULL;
    q->chunks_end = &q->chunks;
    q->pending_bytes = 0;
    bool has_ended = q->state == CHDB_ENDED, has_progress = q->has_progress;
    struct db_stats progress = q->progress;
    q->has_progress = false;
    if (chunks != NULL)
        uv_cond_broadcast(&chdb->drain);
    uv_mutex_unlock(&chdb->mutex);

    deliver_chunks(q, chunks);
    if (has_progress && !has_ended && !atomic_load(&q->is_stopped))
        q->on_progress(q->user, &progress);
    return has_ended;
}

static void finish_query(struct db_query *q)
{
    /* Alone with it: the worker has let go of an ended statement. */
    const struct err *err = q->err.code != ERR_OK ? &q->err : NULL;
    q->on_done(q->user, err, &q->stats);
    query_free(q);
}

static void unlink_query(struct chdb *chdb, struct db_query *q)
{
    uv_mutex_lock(&chdb->mutex);
    struct db_query **link = &chdb->queries;
    while (*link != q)
        link = &(*link)->next;
    *link = q->next;
    if (q->next == NULL)
        chdb->queries_end = link;
    uv_mutex_unlock(&chdb->mutex);
}

/* What came of opening the engine. A lock is given up here and not where the opening failed: a
 * statement that was started since makes the control thread try again, under the same lock. */
static void deliver_opening(struct chdb *chdb)
{
    struct err failure;
    uv_mutex_lock(&chdb->mutex);
    bool is_open = chdb->has_info;
    bool has_failed = chdb->has_failed && chdb->state == CHDB_CLOSED;
    if (is_open)
        chdb->db.info = chdb->info;
    if (has_failed) {
        failure = chdb->failure;
        store_lock_release(&chdb->store.lock);
    }
    chdb->has_info = false;
    chdb->has_failed = chdb->has_failed && !is_open && !has_failed;
    uv_mutex_unlock(&chdb->mutex);
    if (chdb->opened != NULL && (is_open || has_failed))
        chdb->opened(chdb->opened_user, is_open ? NULL : &failure);
}

/* Only the loop adds to the list and takes from it, so that it may walk it without the mutex. */
static void deliver(struct chdb *chdb)
{
    deliver_opening(chdb);
    struct db_query *q = chdb->queries;
    while (q != NULL) {
        bool has_ended = deliver_query(q);
        struct db_query *next = q->next;
        if (has_ended) {
            unlink_query(chdb, q);
            finish_query(q);
        }
        /* on_done may have started others behind the last one: they have nothing to deliver yet. */
        q = next;
    }
    if (chdb->queries == NULL && !chdb->is_closing)
        uv_unref((uv_handle_t *)&chdb->wake);
}

/* --- close ------------------------------------------------------------------------------------ */

static void chdb_free(struct chdb *chdb)
{
    chdb_store_done(&chdb->store);
    uv_cond_destroy(&chdb->orders);
    uv_cond_destroy(&chdb->drain);
    uv_cond_destroy(&chdb->work);
    uv_mutex_destroy(&chdb->mutex);
    free(chdb);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct chdb *chdb = handle->data;
    if (--chdb->open_handles > 0)
        return;
    void (*closed)(void *user) = chdb->closed;
    void *user = chdb->closed_user;
    if (!chdb->is_abandoned) /* else its threads still use it: the process is about to end */
        chdb_free(chdb);
    closed(user);
}

static void finish_closing(struct chdb *chdb)
{
    chdb->is_finishing = true;
    uv_close((uv_handle_t *)&chdb->wake, on_handle_closed);
    uv_close((uv_handle_t *)&chdb->deadline, on_handle_closed);
}

static void finish_when_done(struct chdb *chdb)
{
    if (!chdb->is_closing || chdb->is_finishing || chdb->queries != NULL)
        return;
    uv_mutex_lock(&chdb->mutex);
    bool is_done = chdb->is_control_done || !chdb->has_control;
    uv_mutex_unlock(&chdb->mutex);
    if (!is_done)
        return;
    if (chdb->has_control)
        uv_thread_join(&chdb->control);
    finish_closing(chdb);
}

static void on_wake(uv_async_t *wake)
{
    struct chdb *chdb = wake->data;
    deliver(chdb);
    finish_when_done(chdb);
}

/* A statement that cannot be stopped (one call of a function, one huge aggregate state) must not
 * hold up the end of the process: leave its threads alone from here on. */
static void on_deadline(uv_timer_t *timer)
{
    struct chdb *chdb = timer->data;
    if (chdb->is_finishing)
        return;
    deliver(chdb);
    uv_mutex_lock(&chdb->mutex);
    chdb->is_abandoned = true;
    uv_mutex_unlock(&chdb->mutex);
    for (struct db_query *q = chdb->queries; q != NULL; q = q->next) {
        const struct db_stats none = {0};
        q->on_done(q->user, &q->stop, &none);
    }
    finish_closing(chdb);
}

static void close_chdb(struct db *db, void (*closed)(void *user), void *user)
{
    struct chdb *chdb = (struct chdb *)db;
    if (chdb->is_closing)
        return;
    chdb->is_closing = true;
    chdb->closed = closed;
    chdb->closed_user = user;
    for (struct db_query *q = chdb->queries; q != NULL; q = q->next)
        stop(q, ERR_CANCELLED, "the process is ending");
    uv_mutex_lock(&chdb->mutex);
    chdb->is_ending = true;
    uv_cond_broadcast(&chdb->work);
    uv_cond_broadcast(&chdb->drain);
    chdb_order(chdb);
    chdb_wake(chdb); /* also when there are no threads yet: on_wake() ends it */
    uv_mutex_unlock(&chdb->mutex);
    uv_ref((uv_handle_t *)&chdb->wake);
    uv_timer_start(&chdb->deadline, on_deadline, CHDB_CLOSE_MAX_MS, 0);
}

void chdb_pause(struct db_query *q, bool is_paused)
{
    struct chdb *chdb = q->chdb;
    q->is_paused = is_paused;
    if (is_paused)
        return;
    uv_mutex_lock(&chdb->mutex);
    chdb_wake(chdb);
    uv_mutex_unlock(&chdb->mutex);
}

void chdb_give_lock(struct db *db, struct store_lock *lock)
{
    struct chdb *chdb = (struct chdb *)db;
    uv_mutex_lock(&chdb->mutex);
    chdb->store.lock = *lock;
    uv_mutex_unlock(&chdb->mutex);
    lock->fd = -1;
}

static const struct db_ops chdb_ops = {.start = start, .cancel = cancel, .close = close_chdb};

/* --- constructor ------------------------------------------------------------------------------ */

static int init_locks(struct chdb *chdb)
{
    if (uv_mutex_init(&chdb->mutex) != 0)
        return -1;
    if (uv_cond_init(&chdb->work) == 0) {
        if (uv_cond_init(&chdb->drain) == 0) {
            if (uv_cond_init(&chdb->orders) == 0)
                return 0;
            uv_cond_destroy(&chdb->drain);
        }
        uv_cond_destroy(&chdb->work);
    }
    uv_mutex_destroy(&chdb->mutex);
    return -1;
}

static void fill_info(struct chdb *chdb)
{
    struct db_info *info = &chdb->info;
    snprintf(info->engine, sizeof(info->engine), "chdb");
    snprintf(info->target, sizeof(info->target), "%s",
             chdb->store.directory != NULL ? chdb->store.directory : "in memory");
    snprintf(info->database, sizeof(info->database), "sextant");
    info->may_set_limits = info->may_kill = info->is_embedded = true;
    info->pid = getpid();
    chdb->db.info = *info;
}

struct db *chdb_new(uv_loop_t *loop, const struct chdb_options *options, struct err *ret_err)
{
    struct chdb *chdb = calloc(1, sizeof(*chdb));
    if (chdb == NULL || init_locks(chdb) < 0) {
        free(chdb);
        err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        return NULL;
    }
    if (chdb_store_init(&chdb->store, options, ret_err) < 0) {
        chdb_free(chdb);
        return NULL;
    }
    if (uv_async_init(loop, &chdb->wake, on_wake) != 0) {
        chdb_free(chdb);
        err_set(ret_err, ERR_MEMORY, NULL, "out of file descriptors");
        return NULL;
    }
    uv_timer_init(loop, &chdb->deadline);
    uv_unref((uv_handle_t *)&chdb->wake); /* nothing keeps the loop alive until a statement runs */
    chdb->wake.data = chdb->deadline.data = chdb;
    chdb->open_handles = 2;
    chdb->queries_end = &chdb->queries;
    chdb->average_ms = 100;
    chdb->opened = options->opened;
    chdb->opened_user = options->user;
    chdb->db = (struct db){.ops = &chdb_ops, .loop = loop};
    fill_info(chdb);
    return &chdb->db;
}
