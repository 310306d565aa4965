/* Who has the store, this process or another one, and what becomes of statements when that changes.
 */
#include <stdio.h>
#include <string.h>

#include "store_impl.h"

enum {
    RETRY_MS = 20, /* for an owner that is just starting or ending */
    RETRY_SLOWLY_MS = 100,
    RETRIES = 50,      /* of the first kind */
    RETRIES_MAX = 140, /* of both: ten seconds */
    RESTARTS_MAX = 3,  /* a statement that kills its owner must not kill them all */
};

static void try_again(struct store *store);

/* --- in this process's engine -------------------------------------------------------------- */

static int local_data(void *user, const char *bytes, size_t len)
{
    struct db_query *q = user;
    return q->on_data(q->user, bytes, len);
}

static void local_progress(void *user, const struct db_stats *so_far)
{
    struct db_query *q = user;
    q->on_progress(q->user, so_far);
}

static void local_done(void *user, const struct err *err, const struct db_stats *stats)
{
    store_end_query(user, err, stats);
}

int store_start_local(struct db_query *q, struct err *ret_err)
{
    struct wire_start start;
    if (wire_get_start(q->start.data, q->start.len, &start) < 0)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    struct db_request request = start.request;
    request.body = q->body;
    request.body_len = q->body_len;
    request.on_data = q->on_data != NULL ? local_data : NULL;
    request.on_progress = q->on_progress != NULL ? local_progress : NULL;
    request.on_done = local_done;
    request.user = q;
    q->state = STORE_LOCAL;
    int rc = db_start(q->store->engine, &request, &q->local, ret_err);
    wire_start_done(&start);
    return rc;
}

void store_close_share(struct store *store)
{
    if (store->share == NULL)
        return;
    store->open_parts++;
    store_share_close(store->share, store_part_closed, store);
    store->share = NULL;
}

/* The engine has released the lock when it could not open: the next statement begins anew, and so
 * do the others, each with what it is told itself. */
static void on_opened(void *user, const struct err *err)
{
    struct store *store = user;
    if (err != NULL) {
        store_close_share(store);
        store->state = STORE_IDLE;
        return;
    }
    store->db.info = store->engine->info;
    if (store->share != NULL)
        store_share_ready(store->share, &store->db.info);
}

static int make_engine(struct store *store, struct err *ret_err)
{
    const struct chdb_options options = {
        .store = store->directory,
        .library = store->library,
        .holder = store->holder,
        .memory_bytes = store->memory_bytes,
        .is_brief = store->is_brief,
        .opened = on_opened,
        .user = store,
    };
    if (store->engine == NULL)
        store->engine = chdb_new(store->db.loop, &options, ret_err);
    return store->engine != NULL ? 0 : -ERR_MEMORY;
}

/* The store is ours. That it cannot be shared is no reason not to use it. */
static void own(struct store *store, struct store_lock *lock)
{
    struct err err;
    if (make_engine(store, &err) < 0) {
        store_lock_release(lock);
        store_fail_all(store, STORE_WAITING, &err);
        return;
    }
    store->share =
        store_share_new(store->db.loop, store->directory, store->holder, store->engine, NULL);
    if (store->share == NULL)
        store_lock_describe(lock, store->holder, false);
    chdb_give_lock(store->engine, lock);
    store->state = STORE_OWNING;
    store->attempts = 0;
    struct db_query *next;
    for (struct db_query *q = store->queries; q != NULL; q = next) {
        next = q->next;
        if (q->state == STORE_WAITING && store_start_local(q, &err) < 0)
            store_end_soon(q, &err);
    }
}

/* --- through another process --------------------------------------------------------------- */

void store_relay_is_ready(struct store *store, const struct wire_hello *hello)
{
    struct db_info *info = &store->db.info;
    *info = hello->info;
    snprintf(info->target, sizeof(info->target), "%s", store->directory);
    info->owner_pid = hello->pid;
    memcpy(info->owner, hello->holder, sizeof(info->owner));
    store->state = STORE_RELAYING;
    store->attempts = 0;
    for (struct db_query *q = store->queries; q != NULL; q = q->next)
        if (q->state == STORE_WAITING)
            store_relay_start(q);
    store_relay_mind(store);
}

void store_relay_has_failed(struct store *store, const struct err *err)
{
    store_relay_close(store);
    store->state = STORE_IDLE;
    store->attempts = 0;
    store_fail_all(store, STORE_WAITING, err);
    store_fail_all(store, STORE_RELAYED, err);
    store_relay_mind(store);
}

/* What only reads and has delivered nothing is carried out by the next owner as if nothing had
 * happened. Nobody knows how far a write came. */
static void restart_or_end(struct db_query *q)
{
    const struct store_owner *owner = &q->store->owner;
    struct err err;
    if (q->stop.code != ERR_OK) {
        store_end_soon(q, &q->stop);
    } else if (!q->is_write && !q->has_rows && q->restarts < RESTARTS_MAX) {
        q->restarts++;
        q->state = STORE_WAITING;
    } else {
        err_set(&err, ERR_UNAVAILABLE, NULL,
                "the process that had the store open, %s (pid %d), ended %s", owner->holder,
                owner->pid,
                q->is_write ? "before it confirmed a change, which may be made or not; look, then "
                              "try again"
                            : "while it answered; try again");
        store_end_soon(q, &err);
    }
}

void store_postpone(struct db_query *q)
{
    if (q->stop.code != ERR_OK)
        store_end_soon(q, &q->stop);
    else
        q->state = STORE_WAITING;
    store_relay_mind(q->store);
}

void store_relay_is_lost(struct store *store)
{
    bool was_ready = store->state == STORE_RELAYING;
    struct db_query *next;
    for (struct db_query *q = store->queries; q != NULL; q = next) {
        next = q->next;
        if (q->state == STORE_RELAYED)
            restart_or_end(q);
    }
    store->state = STORE_IDLE;
    store_relay_mind(store);
    if (store->is_closing || !store_has_query(store, STORE_WAITING))
        return;
    if (was_ready)
        store_attach(store);
    else
        try_again(store); /* it ended just now, or has too many others */
}

/* --- who has the store --------------------------------------------------------------------- */

static void on_retry(uv_timer_t *timer)
{
    struct store *store = timer->data;
    store->state = STORE_IDLE;
    if (store_has_query(store, STORE_WAITING))
        store_attach(store);
    else
        store->attempts = 0; /* all were cancelled: an owner that opens nothing keeps others out */
}

static void try_again(struct store *store)
{
    struct err err;
    store->state = STORE_TRYING;
    if (++store->attempts < RETRIES_MAX) {
        uv_timer_start(&store->retry, on_retry,
                       store->attempts < RETRIES ? RETRY_MS : RETRY_SLOWLY_MS, 0);
        return;
    }
    store_lock_refuse(store->directory, &store->owner, "which does not answer", &err);
    store->state = STORE_IDLE;
    store->attempts = 0;
    store_fail_all(store, STORE_WAITING, &err);
}

/* Finds out who has the store: this process from now on, or one that is to be asked. */
void store_attach(struct store *store)
{
    struct store_lock lock = {.fd = -1};
    struct store_owner owner;
    struct err err;
    int rc = store_lock_try(&lock, store->directory, STORE_LOCK, store->holder, true, &owner, &err);
    if (rc == 0) {
        own(store, &lock);
        return;
    }
    if (rc == 1) {
        store->owner = owner;
        rc = owner.pid == 0 || owner.is_sharing
                 ? store_relay_connect(store, &err)
                 : store_lock_refuse(store->directory, &owner, NULL, &err);
    }
    if (rc == 1) {
        try_again(store);
    } else if (rc == 0) {
        store->state = STORE_CONNECTING;
        store_relay_mind(store);
    } else {
        store->attempts = 0;
        store_fail_all(store, STORE_WAITING, &err);
    }
}
