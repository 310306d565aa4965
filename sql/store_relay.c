/* The way to the owner of a shared store: statements go there, their rows come back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store_impl.h"
#include "store_socket.h"

enum {
    TICK_MS = 1000,
    PING_TICKS = 2,  /* of silence */
    HELLO_TICKS = 5, /* a stopped process: connecting works, hello never comes */
    SILENCE_TICKS = 10,
    STOP_TICKS = 2, /* a cancelled statement does not wait longer for the owner's word */
};

static struct store *store_of(struct store_conn *conn)
{
    return (struct store *)((char *)conn - offsetof(struct store, relay.conn));
}

static struct db_query *find(const struct store *store, uint32_t id)
{
    struct db_query *q = store->queries;
    while (q != NULL && (q->id != id || q->state != STORE_RELAYED))
        q = q->next;
    return q;
}

/* --- bodies -------------------------------------------------------------------------------- */

/* Sends of the bodies what the socket takes; the rest when it has. */
static void send_bodies(struct store *store)
{
    struct store_conn *conn = &store->relay.conn;
    for (struct db_query *q = store->queries; q != NULL; q = q->next) {
        if (q->state != STORE_RELAYED || q->stop.code != ERR_OK)
            continue;
        while (q->body_sent < q->body_len && conn->queued < CONN_QUEUE_LOW) {
            size_t left = q->body_len - q->body_sent, n = left < WIRE_PIECE ? left : WIRE_PIECE;
            store_conn_send(conn, WIRE_BODY, q->id, q->body + q->body_sent, n);
            q->body_sent += n;
        }
    }
}

static void on_drain(struct store_conn *conn)
{
    send_bodies(store_of(conn));
}

/* --- statements ---------------------------------------------------------------------------- */

void store_relay_start(struct db_query *q)
{
    q->state = STORE_RELAYED;
    q->body_sent = 0;
    store_conn_send(&q->store->relay.conn, WIRE_START, q->id, q->start.data, q->start.len);
    send_bodies(q->store);
}

void store_relay_stop(struct db_query *q)
{
    q->stop_ticks = 0;
    store_conn_send(&q->store->relay.conn, WIRE_CANCEL, q->id, NULL, 0);
}

static void take_rows(struct db_query *q, const struct wire_frame *frame)
{
    if (q->stop.code != ERR_OK || q->on_data == NULL)
        return;
    q->has_rows = true;
    if (q->on_data(q->user, frame->payload, frame->len) >= 0 || q->stop.code != ERR_OK)
        return;
    err_set(&q->stop, ERR_LIMIT, NULL, "stopped by the reader");
    store_relay_stop(q);
}

static int take_progress(struct db_query *q, const struct wire_frame *frame)
{
    struct db_stats stats;
    if (wire_get_stats(frame->payload, frame->len, &stats) < 0)
        return -1;
    if (q->stop.code == ERR_OK && q->on_progress != NULL)
        q->on_progress(q->user, &stats);
    return 0;
}

/* What was stopped ends as stopped, however far the owner had come: as in the engine. */
static int take_end(struct db_query *q, const struct wire_frame *frame)
{
    struct db_stats stats;
    struct err err;
    if (wire_get_end(frame->payload, frame->len, &err, &stats) < 0)
        return -1;
    if (q->stop.code != ERR_OK)
        err = q->stop;
    store_end_query(q, err.code != ERR_OK ? &err : NULL, &stats);
    return 0;
}

/* The owner leaves: what it has not begun waits for the next one, as does what comes now. */
static void take_later(struct store *store, uint32_t id, struct db_query *q)
{
    if (q != NULL)
        store_postpone(q);
    if (id != 0)
        return;
    store->relay.is_leaving = true;
    store_conn_send(&store->relay.conn, WIRE_LATER, 0, NULL, 0);
}

/* --- the connection ------------------------------------------------------------------------ */

static int take_hello(struct store *store, const struct wire_frame *frame)
{
    struct wire_hello hello;
    struct err err;
    if (store->state != STORE_CONNECTING || wire_get_hello(frame->payload, frame->len, &hello) < 0)
        return -1;
    store->owner.pid = hello.pid;
    memcpy(store->owner.holder, hello.holder, sizeof(store->owner.holder));
    if (hello.protocol == WIRE_PROTOCOL) {
        store_relay_is_ready(store, &hello);
        return 0;
    }
    store_lock_refuse(store->directory, &store->owner,
                      "a version of Sextant that this one cannot share it with", &err);
    store_relay_has_failed(store, &err);
    return 0;
}

static int on_frame(struct store_conn *conn, const struct wire_frame *frame)
{
    struct store *store = store_of(conn);
    if (frame->kind == WIRE_HELLO)
        return take_hello(store, frame);
    if (frame->kind == WIRE_PONG)
        return 0;
    if (store->state != STORE_RELAYING)
        return -1;
    struct db_query *q = find(store, frame->id);
    switch (frame->kind) {
    case WIRE_ROWS:
        if (q != NULL)
            take_rows(q, frame);
        return 0;
    case WIRE_PROGRESS:
        return q != NULL ? take_progress(q, frame) : 0;
    case WIRE_END:
        return q != NULL ? take_end(q, frame) : 0;
    case WIRE_LATER:
        take_later(store, frame->id, q);
        return 0;
    default:
        return -1;
    }
}

static void on_lost(struct store_conn *conn)
{
    struct store *store = store_of(conn);
    store_conn_close(conn);
    store_relay_is_lost(store);
}

static void on_closed(struct store_conn *conn)
{
    struct store *store = store_of(conn);
    store->relay.is_used = false;
    store_finish_when_closed(store);
}

static void send_hello(struct store *store)
{
    struct wire_hello hello = {.protocol = WIRE_PROTOCOL, .pid = getpid()};
    struct buf payload = {0};
    snprintf(hello.holder, sizeof(hello.holder), "%s", store->holder);
    hello.info.pid = getpid();
    wire_put_hello(&payload, &hello);
    store_conn_send_buf(&store->relay.conn, WIRE_HELLO, 0, &payload);
}

int store_relay_connect(struct store *store, struct err *ret_err)
{
    struct store_relay *relay = &store->relay;
    pid_t pid;
    int fd = -1;
    if (relay->is_used) /* the last one is being closed */
        return 1;
    int rc = store_socket_connect(store->directory, &fd);
    if (rc == -ENOENT || rc == -ECONNREFUSED || rc == -EAGAIN)
        return 1;
    if (rc < 0)
        return store_lock_refuse(store->directory, &store->owner, strerror(-rc), ret_err);
    if (!store_socket_is_own(fd, &pid)) {
        close(fd);
        return store_lock_refuse(store->directory, &store->owner, "of another user", ret_err);
    }
    *relay = (struct store_relay){.is_used = true};
    relay->conn.on_frame = on_frame;
    relay->conn.on_drain = on_drain;
    relay->conn.on_lost = on_lost;
    relay->conn.on_closed = on_closed;
    if (store_conn_open(&relay->conn, store->db.loop, fd) < 0) {
        store_conn_close(&relay->conn);
        return store_lock_refuse(store->directory, &store->owner, "out of memory", ret_err);
    }
    send_hello(store);
    return 0;
}

void store_relay_close(struct store *store)
{
    store_conn_close(&store->relay.conn);
}

/* Counts beats of the loop and not the clock: this process may have been stopped itself. */
static void tick(struct store *store)
{
    struct store_relay *relay = &store->relay;
    struct db_query *next;
    for (struct db_query *q = store->queries; q != NULL; q = next) {
        next = q->next;
        const struct db_stats none = {0};
        if (q->state == STORE_RELAYED && q->stop.code != ERR_OK && ++q->stop_ticks > STOP_TICKS) {
            struct err err = q->stop;
            store_end_query(q, &err, &none);
            return; /* on_done may have changed everything: the others in the next tick */
        }
    }
    bool is_silent = relay->conn.frames == relay->seen_frames;
    relay->seen_frames = relay->conn.frames;
    relay->silent_ticks = is_silent ? relay->silent_ticks + 1 : 0;
    if (relay->silent_ticks >= PING_TICKS)
        store_conn_send(&relay->conn, WIRE_PING, 0, NULL, 0);
    int most = store->state == STORE_CONNECTING ? HELLO_TICKS : SILENCE_TICKS;
    if (relay->silent_ticks <= most)
        return;
    struct err err;
    store_lock_refuse(store->directory, &store->owner, "which does not answer", &err);
    store_relay_has_failed(store, &err);
}

static void on_tick(uv_timer_t *timer)
{
    tick(timer->data);
}

void store_relay_mind(struct store *store)
{
    struct store_relay *relay = &store->relay;
    bool is_open = relay->is_used && relay->conn.is_open;
    bool is_wanted = store->state == STORE_CONNECTING || store_has_query(store, STORE_RELAYED) ||
                     store_has_query(store, STORE_WAITING);
    if (!is_open || !is_wanted) {
        uv_timer_stop(&store->tick);
        if (is_open)
            uv_unref((uv_handle_t *)&relay->conn.pipe);
        return;
    }
    uv_ref((uv_handle_t *)&relay->conn.pipe);
    if (uv_is_active((uv_handle_t *)&store->tick))
        return;
    relay->silent_ticks = 0;
    uv_timer_start(&store->tick, on_tick, TICK_MS, TICK_MS);
    uv_unref((uv_handle_t *)&store->tick);
}
