#include "store_conn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct sending {
    uv_write_t request;
    struct store_conn *conn;
    size_t len;
    char bytes[];
};

static void on_closed(uv_handle_t *handle)
{
    struct store_conn *conn = handle->data;
    buf_done(&conn->in);
    conn->on_closed(conn);
}

void store_conn_close(struct store_conn *conn)
{
    if (!conn->is_open)
        return;
    conn->is_open = false;
    uv_close((uv_handle_t *)&conn->pipe, on_closed);
}

static void lose(struct store_conn *conn)
{
    if (conn->is_lost || !conn->is_open)
        return;
    conn->is_lost = true;
    uv_read_stop((uv_stream_t *)&conn->pipe);
    conn->on_lost(conn);
}

/* From a place that may not call back: the end arrives as if the other side had closed. */
static void lose_later(struct store_conn *conn)
{
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)&conn->pipe, &fd) == 0)
        shutdown(fd, SHUT_RDWR);
}

/* --- in ------------------------------------------------------------------------------------ */

/* Takes the whole frames; returns how many bytes they were. Negative when one makes no sense. */
static ssize_t take_frames(struct store_conn *conn, const char *bytes, size_t len)
{
    size_t at = 0;
    while (conn->is_open && !conn->is_lost) {
        struct wire_frame frame;
        size_t used;
        int rc = wire_take(bytes + at, len - at, &frame, &used);
        if (rc == 0)
            break;
        if (rc < 0)
            return -1;
        conn->frames++;
        if (conn->on_frame(conn, &frame) < 0)
            return -1;
        at += used;
    }
    return (ssize_t)at;
}

static void take_bytes(struct store_conn *conn, const char *bytes, size_t len)
{
    bool is_direct = conn->in.len == 0;
    if (!is_direct) {
        buf_add(&conn->in, bytes, len);
        bytes = conn->in.data;
        len = conn->in.len;
    }
    ssize_t used = buf_failed(&conn->in) ? -1 : take_frames(conn, bytes, len);
    if (used >= 0 && is_direct)
        buf_add(&conn->in, bytes + used, len - (size_t)used);
    else if (used >= 0)
        buf_drop(&conn->in, (size_t)used);
    if (used < 0 || buf_failed(&conn->in))
        lose(conn);
    else if (conn->in.len == 0 && conn->in.size > 4 * (size_t)CONN_READ)
        buf_done(&conn->in); /* of a large frame */
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    (void)suggested;
    struct store_conn *conn = handle->data;
    *ret_buf = uv_buf_init(conn->bytes, sizeof(conn->bytes));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct store_conn *conn = stream->data;
    if (n < 0)
        lose(conn);
    else if (n > 0)
        take_bytes(conn, buf->base, (size_t)n);
}

/* --- out ----------------------------------------------------------------------------------- */

static void on_written(uv_write_t *request, int status)
{
    struct sending *sending = request->data;
    struct store_conn *conn = sending->conn;
    conn->queued -= sending->len;
    conn->written += status == 0 ? sending->len : 0;
    free(sending);
    if (!conn->is_open || conn->is_lost)
        return;
    if (status < 0)
        lose_later(conn);
    else if (conn->on_drain != NULL)
        conn->on_drain(conn);
}

void store_conn_send(struct store_conn *conn, enum wire_kind kind, uint32_t id, const void *payload,
                     size_t len)
{
    if (!conn->is_open || conn->is_lost)
        return;
    struct sending *sending = malloc(sizeof(*sending) + WIRE_HEADER + len);
    if (sending == NULL) {
        lose_later(conn);
        return;
    }
    sending->request.data = sending;
    sending->conn = conn;
    sending->len = WIRE_HEADER + len;
    wire_put_header(sending->bytes, kind, id, len);
    if (len > 0)
        memcpy(sending->bytes + WIRE_HEADER, payload, len);
    uv_buf_t buf = uv_buf_init(sending->bytes, (unsigned)sending->len);
    conn->queued += sending->len;
    if (uv_write(&sending->request, (uv_stream_t *)&conn->pipe, &buf, 1, on_written) < 0) {
        conn->queued -= sending->len;
        free(sending);
        lose_later(conn);
    }
}

void store_conn_send_buf(struct store_conn *conn, enum wire_kind kind, uint32_t id,
                         struct buf *payload)
{
    if (buf_failed(payload))
        lose_later(conn);
    else
        store_conn_send(conn, kind, id, payload->data, payload->len);
    buf_done(payload);
}

/* --- opening ------------------------------------------------------------------------------- */

static void init(struct store_conn *conn, uv_loop_t *loop)
{
    uv_pipe_init(loop, &conn->pipe, 0);
    conn->pipe.data = conn;
    buf_init(&conn->in, WIRE_HEADER + WIRE_START_MAX + CONN_READ);
    conn->is_open = true;
}

int store_conn_open(struct store_conn *conn, uv_loop_t *loop, int fd)
{
    init(conn, loop);
    int rc = uv_pipe_open(&conn->pipe, fd);
    if (rc < 0)
        close(fd);
    else
        rc = uv_read_start((uv_stream_t *)&conn->pipe, on_alloc, on_read);
    return rc;
}

int store_conn_accept(struct store_conn *conn, uv_stream_t *listener)
{
    uv_os_fd_t fd = -1;
    init(conn, listener->loop);
    int rc = uv_accept(listener, (uv_stream_t *)&conn->pipe);
    if (rc == 0)
        rc = uv_read_start((uv_stream_t *)&conn->pipe, on_alloc, on_read);
    if (rc == 0)
        rc = uv_fileno((uv_handle_t *)&conn->pipe, &fd);
    return rc < 0 ? rc : fd;
}
