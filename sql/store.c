/* The embedded store shared by the processes of one user, as a struct db. The kernel's lock on
 * DIR/lock says who the owner is; everybody else goes through the owner's socket. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_impl.h"

static int check_query(const struct store *store, const struct db_query *q, struct err *ret_err)
{
    int unfinished = 0;
    for (const struct db_query *other = store->queries; other != NULL; other = other->next)
        unfinished += other->state == STORE_WAITING || other->state == STORE_RELAYED;
    if (unfinished >= DB_MAX_RUNNING + DB_MAX_WAITING)
        return err_set(ret_err, ERR_BUSY, NULL, "busy: %d queries run and %d wait; retry after 1 s",
                       DB_MAX_RUNNING, DB_MAX_WAITING);
    if (buf_failed(&q->start) || q->body_len > WIRE_BODY_MAX)
        return err_set(ret_err, ERR_LIMIT, NULL, "the query is too large for the embedded store");
    return 0;
}

static int start(struct db *db, const struct db_request *request, struct db_query **ret_query,
                 struct err *ret_err)
{
    struct store *store = (struct store *)db;
    if (store->is_closing)
        return err_set(ret_err, ERR_CANCELLED, NULL, "the process is ending");
    struct db_query *q = store_query_new(store, request);
    if (q == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    int rc = check_query(store, q, ret_err);
    if (rc == 0) {
        store_link_query(store, q);
        if (store->state == STORE_OWNING)
            rc = store_start_local(q, ret_err);
        if (rc < 0)
            store_unlink_query(store, q);
    }
    if (rc < 0) {
        store_query_free(q);
        return rc;
    }
    if (ret_query != NULL)
        *ret_query = q;
    if (store->state == STORE_RELAYING) {
        if (!store->relay.is_leaving)
            store_relay_start(q);
        store_relay_mind(store);
    } else if (store->state == STORE_IDLE) {
        store_attach(store);
    }
    return 0;
}

static void cancel(struct db_query *q)
{
    struct err err;
    err_set(&err, ERR_CANCELLED, NULL, "the query was cancelled");
    if (q->state == STORE_LOCAL) {
        db_cancel(q->store->engine, q->local);
    } else if (q->state == STORE_WAITING) {
        store_end_soon(q, &err);
    } else if (q->state == STORE_RELAYED && q->stop.code == ERR_OK) {
        q->stop = err;
        store_relay_stop(q);
    }
}

static void store_free(struct store *store)
{
    free(store->directory);
    free(store->library);
    free(store->holder);
    free(store);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct store *store = handle->data;
    if (--store->open_parts > 0)
        return;
    void (*closed)(void *user) = store->closed;
    void *user = store->closed_user;
    store_free(store);
    closed(user);
}

void store_finish_when_closed(struct store *store)
{
    if (!store->is_closing || store->is_finishing || store->queries != NULL ||
        store->ended != NULL || store->open_parts > 0 || store->relay.is_used)
        return;
    uv_timer_t *timers[] = {&store->retry, &store->tick, &store->soon};
    store->is_finishing = true;
    for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
        store->open_parts++;
        uv_close((uv_handle_t *)timers[i], on_handle_closed);
    }
}

void store_part_closed(void *user)
{
    struct store *store = user;
    store->open_parts--;
    store_finish_when_closed(store);
}

/* Others learn it at once, by the end of their connections, and one of them takes over as soon as
 * the engine is closed and with it the lock released. */
static void close_store(struct db *db, void (*closed)(void *user), void *user)
{
    struct store *store = (struct store *)db;
    struct err err;
    if (store->is_closing)
        return;
    store->is_closing = true;
    store->closed = closed;
    store->closed_user = user;
    err_set(&err, ERR_CANCELLED, NULL, "the process is ending");
    store_fail_all(store, STORE_WAITING, &err);
    store_fail_all(store, STORE_RELAYED, &err);
    uv_timer_stop(&store->retry);
    uv_timer_stop(&store->tick);
    if (store->relay.is_used)
        store_relay_close(store);
    store_close_share(store);
    if (store->engine != NULL) {
        store->open_parts++;
        store->engine->ops->close(store->engine, store_part_closed, store);
    }
    uv_timer_start(&store->soon, store_on_soon, 0, 0);
}

void store_leave(struct db *db, void (*left)(void *user), void *user)
{
    struct store *store = (struct store *)db;
    if (store->share != NULL)
        store_share_leave(store->share, left, user);
    else
        left(user);
}

static const struct db_ops store_ops = {.start = start, .cancel = cancel, .close = close_store};

static char *copy_text(const char *text, bool *is_failed)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    *is_failed = *is_failed || (text != NULL && copy == NULL);
    return copy;
}

/* Before anybody is asked: as the embedded engine says it of itself. */
static void fill_info(struct store *store)
{
    struct db_info *info = &store->db.info;
    snprintf(info->engine, sizeof(info->engine), "chdb");
    snprintf(info->target, sizeof(info->target), "%s", store->directory);
    snprintf(info->database, sizeof(info->database), "sextant");
    info->may_set_limits = info->may_kill = info->is_embedded = true;
    info->pid = getpid();
}

struct db *store_new(uv_loop_t *loop, const struct chdb_options *options, struct err *ret_err)
{
    struct store *store = calloc(1, sizeof(*store));
    bool is_failed = store == NULL;
    if (store != NULL) {
        store->directory = copy_text(options->store, &is_failed);
        store->library = copy_text(options->library, &is_failed);
        store->holder =
            copy_text(options->holder != NULL ? options->holder : "sextant", &is_failed);
    }
    if (is_failed) {
        if (store != NULL)
            store_free(store);
        err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        return NULL;
    }
    store->memory_bytes = options->memory_bytes;
    store->is_brief = options->is_brief;
    store->db = (struct db){.ops = &store_ops, .loop = loop};
    store->queries_end = &store->queries;
    store->ended_end = &store->ended;
    uv_timer_t *timers[] = {&store->retry, &store->tick, &store->soon};
    for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
        uv_timer_init(loop, timers[i]);
        timers[i]->data = store;
    }
    fill_info(store);
    return &store->db;
}
