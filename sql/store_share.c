#include "store_share.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_conn.h"
#include "store_socket.h"

enum {
    PEERS_MAX = 64,
    PEER_STATEMENTS_MAX = DB_MAX_RUNNING + DB_MAX_WAITING,
    BODIES_MAX = 2 * WIRE_BODY_MAX, /* bytes of all bodies at a time */
    TICK_MS = 1000,
    HELLO_TICKS = 5,  /* a peer that does not say who it is */
    STALL_TICKS = 15, /* a peer that takes none of what is sent to it */
    LEAVE_TICKS = 2,  /* a peer that does not confirm that this process leaves */
};

struct peer;

/* A statement of a peer, from its START frame to its end in the engine. */
struct statement {
    struct statement *next;
    struct store_share *share;
    struct peer *peer; /* NULL = gone */
    uint32_t id;
    bool is_write, has_rows;
    struct db_query *query; /* NULL until it is started: its body is on its way */
    char *start;            /* the frame, until then */
    size_t start_len;
    char *body;
    size_t body_len, body_got;
};

struct peer {
    struct store_conn conn; /* first: the callbacks get this */
    struct store_share *share;
    struct peer *next;
    pid_t pid; /* 0 = not visible from here */
    bool has_hello, is_refused, is_paused;
    bool has_finished; /* this process leaves, and the peer will not start anything more */
    uint64_t seen_written;
    int ticks; /* without what is waited for */
    int leave_ticks;
};

struct store_share {
    uv_loop_t *loop;
    struct db *engine;
    char *dir;
    struct store_socket_file file;
    struct wire_hello hello;
    bool is_ready, is_closing, has_listener;
    uv_pipe_t listener;
    uv_timer_t tick;
    int open_handles; /* of those two */
    struct peer *peers;
    int peer_count;
    struct statement *statements;
    size_t body_bytes;
    bool is_leaving;
    void (*left)(void *user);
    void *left_user;
    void (*closed)(void *user);
    void *user;
};

/* --- the end ------------------------------------------------------------------------------- */

static void free_when_done(struct store_share *share)
{
    if (!share->is_closing || share->open_handles > 0 || share->peers != NULL ||
        share->statements != NULL)
        return;
    void (*closed)(void *user) = share->closed;
    void *user = share->user;
    free(share->dir);
    free(share);
    if (closed != NULL)
        closed(user);
}

static void statement_free(struct statement *statement)
{
    struct store_share *share = statement->share;
    struct statement **link = &share->statements;
    while (*link != statement)
        link = &(*link)->next;
    *link = statement->next;
    share->body_bytes -= statement->body_len;
    free(statement->body);
    free(statement->start);
    free(statement);
    free_when_done(share);
}

/* What the engine runs of a peer that is gone is cancelled, the rest forgotten. Ending one
 * statement never ends another inside this call: the engine calls back later. */
static void forget_peer(struct peer *peer)
{
    struct store_share *share = peer->share;
    struct statement *next;
    for (struct statement *s = share->statements; s != NULL; s = next) {
        next = s->next;
        if (s->peer != peer)
            continue;
        s->peer = NULL;
        if (s->query != NULL)
            db_cancel(share->engine, s->query);
        else
            statement_free(s);
    }
}

static void drop_peer(struct peer *peer)
{
    forget_peer(peer);
    store_conn_close(&peer->conn);
}

static void on_peer_lost(struct store_conn *conn)
{
    drop_peer((struct peer *)conn);
}

static void tell_left(struct store_share *share)
{
    void (*left)(void *user) = share->left;
    if (share->peers != NULL || left == NULL)
        return;
    share->left = NULL;
    left(share->left_user);
}

static void on_peer_closed(struct store_conn *conn)
{
    struct peer *peer = (struct peer *)conn;
    struct store_share *share = peer->share;
    struct peer **link = &share->peers;
    while (*link != peer)
        link = &(*link)->next;
    *link = peer->next;
    share->peer_count--;
    free(peer);
    tell_left(share);
    free_when_done(share);
}

/* When this process leaves: as soon as nothing of the peer runs that must end here, and it has been
 * told all. */
static void let_go(struct peer *peer)
{
    if (!peer->has_finished || peer->conn.queued > 0)
        return;
    for (const struct statement *s = peer->share->statements; s != NULL; s = s->next)
        if (s->peer == peer && (s->is_write || s->has_rows))
            return;
    drop_peer(peer);
}

/* --- a statement in the engine ------------------------------------------------------------- */

static void pause_peer(struct peer *peer, bool is_paused)
{
    peer->is_paused = is_paused;
    for (struct statement *s = peer->share->statements; s != NULL; s = s->next)
        if (s->peer == peer && s->query != NULL)
            chdb_pause(s->query, is_paused);
}

static int on_data(void *user, const char *bytes, size_t len)
{
    struct statement *statement = user;
    struct peer *peer = statement->peer;
    if (peer == NULL)
        return -1;
    statement->has_rows = true;
    for (size_t at = 0; at < len; at += WIRE_PIECE) {
        size_t n = len - at < WIRE_PIECE ? len - at : WIRE_PIECE;
        store_conn_send(&peer->conn, WIRE_ROWS, statement->id, bytes + at, n);
    }
    if (!peer->is_paused && peer->conn.queued > CONN_QUEUE_HIGH)
        pause_peer(peer, true);
    return 0;
}

static void on_progress(void *user, const struct db_stats *so_far)
{
    const struct statement *statement = user;
    struct buf payload = {0};
    if (statement->peer == NULL)
        return;
    wire_put_stats(&payload, so_far);
    store_conn_send_buf(&statement->peer->conn, WIRE_PROGRESS, statement->id, &payload);
}

static void send_end(struct peer *peer, uint32_t id, const struct err *err,
                     const struct db_stats *stats)
{
    struct buf payload = {0};
    wire_put_end(&payload, err, stats);
    store_conn_send_buf(&peer->conn, WIRE_END, id, &payload);
}

static void on_done(void *user, const struct err *err, const struct db_stats *stats)
{
    struct statement *statement = user;
    struct peer *peer = statement->peer;
    if (peer != NULL)
        send_end(peer, statement->id, err, stats);
    statement_free(statement);
    if (peer != NULL)
        let_go(peer);
}

static int run(struct statement *statement, const struct wire_start *start, struct err *ret_err)
{
    struct store_share *share = statement->share;
    struct db_request request = start->request;
    if (request.body != NULL && statement->body != NULL)
        request.body = statement->body;
    request.on_data = start->wants_rows ? on_data : NULL;
    request.on_progress = start->wants_progress ? on_progress : NULL;
    request.on_done = on_done;
    request.user = statement;
    statement->is_write = request.is_write;
    int rc = db_start(share->engine, &request, &statement->query, ret_err);
    if (rc == 0 && statement->peer->is_paused)
        chdb_pause(statement->query, true);
    return rc;
}

/* Tells the peer of a statement that did not come to run. */
static void refuse(struct statement *statement, const struct err *err)
{
    const struct db_stats none = {0};
    send_end(statement->peer, statement->id, err, &none);
    statement_free(statement);
}

/* --- frames -------------------------------------------------------------------------------- */

static struct statement *find(const struct peer *peer, uint32_t id)
{
    for (struct statement *s = peer->share->statements; s != NULL; s = s->next)
        if (s->peer == peer && s->id == id)
            return s;
    return NULL;
}

static int count_statements(const struct peer *peer)
{
    int count = 0;
    for (const struct statement *s = peer->share->statements; s != NULL; s = s->next)
        count += s->peer == peer;
    return count;
}

static struct statement *statement_new(struct peer *peer, uint32_t id)
{
    struct statement *statement = calloc(1, sizeof(*statement));
    if (statement == NULL)
        return NULL;
    statement->share = peer->share;
    statement->peer = peer;
    statement->id = id;
    statement->next = peer->share->statements;
    peer->share->statements = statement;
    return statement;
}

/* Keeps the statement until its body is here. */
static int await_body(struct statement *statement, const struct wire_frame *frame, size_t body_len,
                      struct err *ret_err)
{
    struct store_share *share = statement->share;
    if (share->body_bytes + body_len > BODIES_MAX)
        return err_set(ret_err, ERR_BUSY, NULL,
                       "busy: others write as much as fits into the memory; retry after 5 s");
    statement->start = malloc(frame->len);
    statement->body = malloc(body_len);
    if (statement->start == NULL || statement->body == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    memcpy(statement->start, frame->payload, frame->len);
    statement->start_len = frame->len;
    statement->body_len = body_len;
    share->body_bytes += body_len;
    return 0;
}

static int take_start(struct peer *peer, const struct wire_frame *frame)
{
    struct wire_start start;
    struct err err;
    if (find(peer, frame->id) != NULL || wire_get_start(frame->payload, frame->len, &start) < 0)
        return -1;
    struct statement *statement =
        count_statements(peer) < PEER_STATEMENTS_MAX ? statement_new(peer, frame->id) : NULL;
    int rc = -1;
    if (statement == NULL)
        err_set(&err, ERR_BUSY, NULL, "busy: too many statements; retry after 1 s");
    else if (start.request.body_len > 0)
        rc = await_body(statement, frame, start.request.body_len, &err);
    else
        rc = run(statement, &start, &err);
    wire_start_done(&start);
    const struct db_stats none = {0};
    if (rc < 0 && statement != NULL)
        refuse(statement, &err);
    else if (rc < 0)
        send_end(peer, frame->id, &err, &none);
    return 0;
}

/* A body may go on for a while after its statement was refused or cancelled. */
static int take_body(struct peer *peer, const struct wire_frame *frame)
{
    struct statement *statement = find(peer, frame->id);
    if (statement == NULL)
        return 0;
    if (statement->query != NULL || frame->len > statement->body_len - statement->body_got)
        return -1;
    memcpy(statement->body + statement->body_got, frame->payload, frame->len);
    statement->body_got += frame->len;
    if (statement->body_got < statement->body_len)
        return 0;
    struct wire_start start;
    struct err err;
    if (wire_get_start(statement->start, statement->start_len, &start) < 0) /* out of memory */
        return -1;
    int rc = run(statement, &start, &err);
    wire_start_done(&start);
    free(statement->start);
    statement->start = NULL;
    if (rc < 0)
        refuse(statement, &err);
    return 0;
}

static void take_cancel(struct peer *peer, uint32_t id)
{
    struct statement *statement = find(peer, id);
    struct err err;
    if (statement == NULL)
        return;
    if (statement->query != NULL) {
        db_cancel(peer->share->engine, statement->query);
        return;
    }
    err_set(&err, ERR_CANCELLED, NULL, "the query was cancelled");
    refuse(statement, &err);
}

static void send_hello(struct peer *peer)
{
    struct buf payload = {0};
    struct wire_hello hello = peer->share->hello;
    hello.info.pid = peer->pid;
    wire_put_hello(&payload, &hello);
    store_conn_send_buf(&peer->conn, WIRE_HELLO, 0, &payload);
}

static int take_hello(struct peer *peer, const struct wire_frame *frame)
{
    struct wire_hello hello;
    if (peer->has_hello || wire_get_hello(frame->payload, frame->len, &hello) < 0)
        return -1;
    peer->has_hello = true;
    /* One of another version reads in our answer why it cannot go on, and leaves. */
    peer->is_refused = hello.protocol != WIRE_PROTOCOL;
    if (hello.pid != peer->pid)
        peer->pid = 0; /* in a container of its own: its descriptors have no path here */
    if (peer->is_refused || peer->share->is_ready)
        send_hello(peer);
    return 0;
}

static int on_frame(struct store_conn *conn, const struct wire_frame *frame)
{
    struct peer *peer = (struct peer *)conn;
    if (peer->is_refused)
        return 0;
    if (frame->kind == WIRE_HELLO)
        return take_hello(peer, frame);
    if (!peer->has_hello)
        return -1;
    switch (frame->kind) {
    case WIRE_PING:
        store_conn_send(conn, WIRE_PONG, 0, NULL, 0);
        return 0;
    case WIRE_START:
        if (!peer->share->is_leaving)
            return peer->share->is_ready ? take_start(peer, frame) : -1;
        store_conn_send(conn, WIRE_LATER, frame->id, NULL, 0);
        return 0;
    case WIRE_LATER:
        peer->has_finished = peer->share->is_leaving;
        let_go(peer);
        return 0;
    case WIRE_BODY:
        return take_body(peer, frame);
    case WIRE_CANCEL:
        take_cancel(peer, frame->id);
        return 0;
    default:
        return -1;
    }
}

static void on_drain(struct store_conn *conn)
{
    struct peer *peer = (struct peer *)conn;
    if (peer->is_paused && conn->queued < CONN_QUEUE_LOW)
        pause_peer(peer, false);
    let_go(peer);
}

/* --- peers --------------------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
    struct store_share *share = timer->data;
    struct peer *next;
    for (struct peer *peer = share->peers; peer != NULL; peer = next) {
        next = peer->next;
        bool is_stalled = peer->conn.queued > 0 && peer->conn.written == peer->seen_written;
        bool is_silent = !peer->has_hello || peer->is_refused;
        peer->seen_written = peer->conn.written;
        peer->ticks = is_stalled || is_silent ? peer->ticks + 1 : 0;
        bool is_late =
            share->is_leaving && !peer->has_finished && ++peer->leave_ticks > LEAVE_TICKS;
        if (is_late || peer->ticks > (is_silent ? HELLO_TICKS : STALL_TICKS))
            drop_peer(peer);
    }
    if (share->peers == NULL)
        uv_timer_stop(timer);
}

/* A connection of another user is closed without a word. */
static void on_connection(uv_stream_t *listener, int status)
{
    struct store_share *share = listener->data;
    struct peer *peer = status == 0 ? calloc(1, sizeof(*peer)) : NULL;
    if (peer == NULL)
        return;
    peer->share = share;
    peer->conn.on_frame = on_frame;
    peer->conn.on_drain = on_drain;
    peer->conn.on_lost = on_peer_lost;
    peer->conn.on_closed = on_peer_closed;
    peer->next = share->peers;
    share->peers = peer;
    share->peer_count++;
    int fd = store_conn_accept(&peer->conn, listener);
    if (fd < 0 || !store_socket_is_own(fd, &peer->pid) || share->peer_count > PEERS_MAX)
        store_conn_close(&peer->conn);
    uv_unref((uv_handle_t *)&peer->conn.pipe);
    if (!uv_is_active((uv_handle_t *)&share->tick))
        uv_timer_start(&share->tick, on_tick, TICK_MS, TICK_MS);
}

/* --- opening and closing ------------------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct store_share *share = handle->data;
    share->open_handles--;
    free_when_done(share);
}

/* Once there are handles. */
static void close_listener(struct store_share *share)
{
    if (share->has_listener)
        uv_close((uv_handle_t *)&share->listener, on_handle_closed);
    share->has_listener = false;
}

static void close_handles(struct store_share *share)
{
    share->is_closing = true;
    close_listener(share);
    uv_close((uv_handle_t *)&share->tick, on_handle_closed);
}

struct store_share *store_share_new(uv_loop_t *loop, const char *dir, const char *holder,
                                    struct db *engine, struct err *ret_err)
{
    struct store_share *share = calloc(1, sizeof(*share));
    int fd = -1;
    if (share == NULL || (share->dir = strdup(dir)) == NULL) {
        free(share);
        err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        return NULL;
    }
    if (store_socket_listen(dir, &fd, &share->file, ret_err) < 0) {
        free(share->dir);
        free(share);
        return NULL;
    }
    share->loop = loop;
    share->engine = engine;
    share->hello = (struct wire_hello){.protocol = WIRE_PROTOCOL, .pid = getpid()};
    snprintf(share->hello.holder, sizeof(share->hello.holder), "%s", holder);
    uv_timer_init(loop, &share->tick);
    uv_pipe_init(loop, &share->listener, 0);
    uv_unref((uv_handle_t *)&share->tick);
    uv_unref((uv_handle_t *)&share->listener);
    share->listener.data = share->tick.data = share;
    share->open_handles = 2;
    share->has_listener = true;
    int rc = uv_pipe_open(&share->listener, fd);
    if (rc < 0)
        close(fd);
    else
        rc = uv_listen((uv_stream_t *)&share->listener, STORE_BACKLOG, on_connection);
    if (rc < 0) {
        err_set(ret_err, ERR_UNAVAILABLE, NULL, "cannot listen: %s", uv_strerror(rc));
        store_socket_remove(dir, &share->file);
        close_handles(share);
        return NULL;
    }
    return share;
}

void store_share_ready(struct store_share *share, const struct db_info *info)
{
    share->is_ready = true;
    share->hello.info = *info;
    for (struct peer *peer = share->peers; peer != NULL; peer = peer->next)
        if (peer->has_hello && !peer->is_refused)
            send_hello(peer);
}

/* Whose body is still on its way has not begun. */
static void postpone(struct store_share *share)
{
    struct statement *next;
    for (struct statement *s = share->statements; s != NULL; s = next) {
        next = s->next;
        if (s->query != NULL || s->peer == NULL)
            continue;
        store_conn_send(&s->peer->conn, WIRE_LATER, s->id, NULL, 0);
        statement_free(s);
    }
}

void store_share_leave(struct store_share *share, void (*left)(void *user), void *user)
{
    share->is_leaving = true;
    share->left = left;
    share->left_user = user;
    store_socket_remove(share->dir, &share->file);
    close_listener(share);
    postpone(share);
    for (struct peer *peer = share->peers; peer != NULL; peer = peer->next) {
        if (share->is_ready && peer->has_hello && !peer->is_refused)
            store_conn_send(&peer->conn, WIRE_LATER, 0, NULL, 0);
        else
            drop_peer(peer); /* has nothing here */
    }
    tell_left(share);
}

void store_share_close(struct store_share *share, void (*closed)(void *user), void *user)
{
    share->left = NULL;
    share->closed = closed;
    share->user = user;
    store_socket_remove(share->dir, &share->file);
    for (struct peer *peer = share->peers; peer != NULL; peer = peer->next)
        drop_peer(peer);
    close_handles(share);
}
