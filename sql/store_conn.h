#pragma once
/* One connection between two processes that share a store: frames in, frames out, on the loop. */
#include <uv.h>

#include "store_wire.h"

enum {
    CONN_READ = 64 << 10,
    CONN_QUEUE_HIGH = 4 << 20, /* bytes waiting to be written: the sender should pause */
    CONN_QUEUE_LOW = 1 << 20,  /* and may go on */
};

struct store_conn {
    uv_pipe_t pipe;
    struct buf in;    /* the beginning of a frame */
    size_t queued;    /* bytes waiting to be written */
    uint64_t written; /* bytes that the other side's socket has taken */
    uint64_t frames;  /* that came */
    bool is_open, is_lost;
    char bytes[CONN_READ];

    /* Negative: the frame makes no sense, the connection is lost. May close the connection. */
    int (*on_frame)(struct store_conn *conn, const struct wire_frame *frame);
    void (*on_drain)(struct store_conn *conn); /* something was written; may be NULL */
    /* Once: the other side is gone or talks nonsense. Nothing arrives after that. */
    void (*on_lost)(struct store_conn *conn);
    void (*on_closed)(struct store_conn *conn);
};

/* The functions are set before. `fd` becomes the connection's. After a failure too, the connection
 * is to be closed. */
int store_conn_open(struct store_conn *conn, uv_loop_t *loop, int fd);

/* The same with what waits at a listener; returns its descriptor, which stays the connection's. */
int store_conn_accept(struct store_conn *conn, uv_stream_t *listener);

/* What cannot be sent, for lack of memory or because the other side left, makes on_lost follow. */
void store_conn_send(struct store_conn *conn, enum wire_kind kind, uint32_t id, const void *payload,
                     size_t len);

/* Sends what was built; a buffer that has failed counts as out of memory. Empties the buffer. */
void store_conn_send_buf(struct store_conn *conn, enum wire_kind kind, uint32_t id,
                         struct buf *payload);

/* on_closed follows. A second time changes nothing. */
void store_conn_close(struct store_conn *conn);
