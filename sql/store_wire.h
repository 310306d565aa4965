#pragma once
/* What the processes that share an embedded store say to each other, as bytes. A frame is a header
 * of 12 bytes (length of the payload, kind, number of the statement; little-endian) and a payload.
 * Reading trusts nothing: lengths are capped by kind, texts end where they say they end. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "db.h"

enum {
    WIRE_PROTOCOL = 2, /* another number: the two cannot share */
    WIRE_HEADER = 12,
    WIRE_PIECE = 256 << 10,    /* rows or body in one frame */
    WIRE_START_MAX = 32 << 20, /* a statement with its parameters */
    WIRE_BODY_MAX = 256 << 20, /* the whole body of an INSERT */
    WIRE_SMALL_MAX = 16 << 10, /* any other payload */
};

enum wire_kind {
    WIRE_HELLO = 1, /* both, first: who they are */
    WIRE_START,     /* to the owner: a statement */
    WIRE_BODY,      /* to the owner: a piece of the body that the statement announced */
    WIRE_CANCEL,    /* to the owner */
    WIRE_ROWS,      /* from the owner */
    WIRE_PROGRESS,  /* from the owner */
    WIRE_END,       /* from the owner: how the statement ended */
    WIRE_LATER, /* from an owner that is leaving: the statement was not begun; with the number 0:
                 * send no more, to which the same is the answer */
    WIRE_PING,  /* to the owner, which answers at once */
    WIRE_PONG,
    WIRE_KINDS
};

struct wire_frame {
    enum wire_kind kind;
    uint32_t id; /* of the statement, 0 = none */
    const char *payload;
    size_t len;
};

void wire_put_header(char header[WIRE_HEADER], enum wire_kind kind, uint32_t id, size_t len);

/* The first frame of the bytes: 1 when it is whole (its payload points into them), 0 when more are
 * needed, -1 when this is no frame. `ret_used` is filled with 1. */
int wire_take(const char *bytes, size_t len, struct wire_frame *ret_frame, size_t *ret_used);

/* The first fields are the same in every version: they are what an error can tell. */
struct wire_hello {
    uint32_t protocol;
    int pid;
    char holder[64];
    /* only of the same protocol; the owner's: */
    struct db_info info; /* `pid` is the other side's as the owner knows it */
};

void wire_put_hello(struct buf *out, const struct wire_hello *hello);
int wire_get_hello(const char *payload, size_t len, struct wire_hello *ret_hello);

/* A request without its functions and its body; their places say whether they are wanted. */
struct wire_start {
    struct db_request request; /* points into the payload and `params` */
    bool wants_rows, wants_progress;
    struct db_param *params;
};

void wire_put_start(struct buf *out, const struct db_request *request);
/* `ret_start` is the caller's to free with wire_start_done(), on success only. */
int wire_get_start(const char *payload, size_t len, struct wire_start *ret_start);
void wire_start_done(struct wire_start *start);

void wire_put_stats(struct buf *out, const struct db_stats *stats);
int wire_get_stats(const char *payload, size_t len, struct db_stats *ret_stats);

/* `err` is NULL on success; so is the code of *ret_err ERR_OK. */
void wire_put_end(struct buf *out, const struct err *err, const struct db_stats *stats);
int wire_get_end(const char *payload, size_t len, struct err *ret_err, struct db_stats *ret_stats);
