/* Any bytes as what another process says over a shared store's socket. The first byte chooses: a
 * stream of frames, or one payload. Nothing may be read beyond its end (inputs are of exact size),
 * what was understood must say the same after it is written and read again, and a stream must fall
 * into the same frames however its bytes arrive. */
#include <string.h>

#include "fuzz.h"
#include "store_wire.h"

static int on_data(void *user, const char *bytes, size_t len)
{
    (void)user;
    (void)bytes;
    return len == 0;
}

static void on_progress(void *user, const struct db_stats *stats)
{
    (void)user;
    (void)stats;
}

static int is_text(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static void try_hello(const char *payload, size_t len)
{
    struct wire_hello hello, again;
    if (wire_get_hello(payload, len, &hello) < 0 || hello.protocol != WIRE_PROTOCOL)
        return;
    struct buf out = {0};
    wire_put_hello(&out, &hello);
    check(out.len == len && memcmp(out.data, payload, len) == 0, "another hello");
    check(wire_get_hello(out.data, out.len, &again) == 0, "our own hello is refused");
    buf_done(&out);
}

static void try_start(const char *payload, size_t len)
{
    struct wire_start start, again;
    if (wire_get_start(payload, len, &start) < 0)
        return;
    struct db_request *a = &start.request;
    check(a->body_len <= WIRE_BODY_MAX, "a body above the limit");
    check(a->param_count <= len, "more parameters than bytes");
    a->on_data = start.wants_rows ? on_data : NULL;
    a->on_progress = start.wants_progress ? on_progress : NULL;
    struct buf out = {0};
    wire_put_start(&out, a);
    check(wire_get_start(out.data, out.len, &again) == 0, "our own statement is refused");
    const struct db_request *b = &again.request;
    check(is_text(a->sql, b->sql) && is_text(a->tag, b->tag) && is_text(a->format, b->format) &&
              a->is_write == b->is_write && a->body_len == b->body_len &&
              (a->body == NULL) == (b->body == NULL) && a->param_count == b->param_count &&
              start.wants_rows == again.wants_rows &&
              start.wants_progress == again.wants_progress &&
              memcmp(&a->limits, &b->limits, sizeof a->limits) == 0,
          "another statement");
    for (size_t i = 0; i < a->param_count; i++)
        check(is_text(a->params[i].name, b->params[i].name) &&
                  is_text(a->params[i].value, b->params[i].value),
              "another parameter");
    wire_start_done(&again);
    wire_start_done(&start);
    buf_done(&out);
}

static void try_end(const char *payload, size_t len)
{
    struct err err;
    struct db_stats stats;
    if (wire_get_end(payload, len, &err, &stats) < 0)
        return;
    check(err.code < ERR_CODES, "an error that there is not");
    struct buf out = {0};
    wire_put_end(&out, &err, &stats);
    check(out.len == len && memcmp(out.data, payload, len) == 0, "another end");
    buf_done(&out);
}

static void try_stats(const char *payload, size_t len)
{
    struct db_stats stats;
    if (wire_get_stats(payload, len, &stats) < 0)
        return;
    struct buf out = {0};
    wire_put_stats(&out, &stats);
    check(out.len == len && memcmp(out.data, payload, len) == 0, "other figures");
    buf_done(&out);
}

static void try_payload(enum wire_kind kind, const char *payload, size_t len)
{
    /* In memory of its own, so that a sanitizer sees its end. */
    char *copy = malloc(len > 0 ? len : 1);
    check(copy != NULL, "memory");
    if (len > 0)
        memcpy(copy, payload, len);
    if (kind == WIRE_HELLO)
        try_hello(copy, len);
    else if (kind == WIRE_START)
        try_start(copy, len);
    else if (kind == WIRE_PROGRESS)
        try_stats(copy, len);
    else if (kind == WIRE_END)
        try_end(copy, len);
    free(copy);
}

/* The frames of a stream that arrives in pieces, as a number; *ret_left: the bytes not used. */
static uint64_t read_frames(const char *bytes, size_t len, size_t piece, size_t *ret_left)
{
    uint64_t hash = 14695981039346656037U;
    size_t at = 0, arrived = 0;
    for (;;) {
        struct wire_frame frame;
        size_t used = 0;
        int rc = wire_take(bytes + at, arrived - at, &frame, &used);
        if (rc < 0 || (rc == 0 && arrived == len)) {
            *ret_left = rc < 0 ? SIZE_MAX : len - at;
            return hash;
        }
        if (rc == 0) {
            arrived = arrived + piece < len ? arrived + piece : len;
            continue;
        }
        check(used == WIRE_HEADER + frame.len && used <= arrived - at, "the count of bytes");
        check(frame.payload == bytes + at + WIRE_HEADER, "a payload elsewhere");
        check(frame.kind > 0 && frame.kind < WIRE_KINDS, "the kind");
        hash = (hash ^ frame.kind ^ (uint64_t)frame.id << 8 ^ frame.len << 40) * 1099511628211U;
        try_payload(frame.kind, frame.payload, frame.len);
        at += used;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *bytes = (const char *)data + 1;
    size_t left = 0, left_single = 0;
    if (data[0] % (WIRE_KINDS + 1) != 0) {
        try_payload((enum wire_kind)(data[0] % (WIRE_KINDS + 1)), bytes, size - 1);
        return 0;
    }
    uint64_t whole = read_frames(bytes, size - 1, size, &left);
    uint64_t single = read_frames(bytes, size - 1, 1, &left_single);
    check(whole == single && left == left_single, "other frames byte by byte");
    return 0;
}
