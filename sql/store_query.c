/* The statements of a shared store, from their start to on_done. */
#include <stdlib.h>

#include "store_impl.h"

void store_query_free(struct db_query *q)
{
    buf_done(&q->start);
    free(q);
}

/* The limits are those of this process, whoever carries it out. */
struct db_query *store_query_new(struct store *store, const struct db_request *request)
{
    struct db_query *q = calloc(1, sizeof(*q));
    if (q == NULL)
        return NULL;
    q->store = store;
    q->body = request->body;
    q->body_len = request->body_len;
    q->is_write = request->is_write;
    q->on_data = request->on_data;
    q->on_progress = request->on_progress;
    q->on_done = request->on_done;
    q->user = request->user;
    struct db_request resolved = *request;
    resolved.limits = db_limits_or_default(&request->limits);
    buf_init(&q->start, WIRE_START_MAX);
    wire_put_start(&q->start, &resolved);
    return q;
}

void store_link_query(struct store *store, struct db_query *q)
{
    q->id = ++store->next_id;
    *store->queries_end = q;
    store->queries_end = &q->next;
}

void store_unlink_query(struct store *store, struct db_query *q)
{
    struct db_query **link = &store->queries;
    while (*link != q)
        link = &(*link)->next;
    *link = q->next;
    if (q->next == NULL)
        store->queries_end = link;
}

bool store_has_query(const struct store *store, enum store_query_state state)
{
    const struct db_query *q = store->queries;
    while (q != NULL && q->state != state)
        q = q->next;
    return q != NULL;
}

void store_end_query(struct db_query *q, const struct err *err, const struct db_stats *stats)
{
    struct store *store = q->store;
    store_unlink_query(store, q);
    store_relay_mind(store);
    q->on_done(q->user, err, stats);
    store_query_free(q);
    store_finish_when_closed(store);
}

/* --- ends that wait for the loop ----------------------------------------------------------- */

/* on_done may start what fails again: that is for the next turn. */
void store_on_soon(uv_timer_t *timer)
{
    struct store *store = timer->data;
    const struct db_stats none = {0};
    struct db_query *next;
    struct db_query *ended = store->ended;
    store->ended = NULL;
    store->ended_end = &store->ended;
    for (struct db_query *q = ended; q != NULL; q = next) {
        next = q->next;
        q->on_done(q->user, &q->err, &none);
        store_query_free(q);
    }
    store_finish_when_closed(store);
}

void store_end_soon(struct db_query *q, const struct err *err)
{
    struct store *store = q->store;
    store_unlink_query(store, q);
    q->state = STORE_ENDED;
    q->err = *err;
    q->next = NULL;
    *store->ended_end = q;
    store->ended_end = &q->next;
    uv_timer_start(&store->soon, store_on_soon, 0, 0);
}

void store_fail_all(struct store *store, enum store_query_state state, const struct err *err)
{
    struct db_query *next;
    for (struct db_query *q = store->queries; q != NULL; q = next) {
        next = q->next;
        if (q->state == state)
            store_end_soon(q, q->stop.code != ERR_OK ? &q->stop : err);
    }
}
