#pragma once
/* The rows of a recording → what happened, or the recording itself. Internal to the tools about one
 * session. */
#include <jansson.h>

#include "buf.h"
#include "err.h"
#include "session.h"

/* Rows of session_rows.sql: chunks are put together, events read in the order of recording. */
int session_read_rows(struct session *s, const json_t *rows, struct err *ret_err);

/* Rows of session_moves.sql. */
void session_read_moves(struct session *s, const json_t *rows);

/* One event as it was recorded: where its text lies. */
struct recorded_event {
    double at_ms; /* by its own clock, which may say anything */
    size_t order, offset, len;
};

struct recorded {
    struct buf text;
    struct recorded_event *items;
    size_t count, size;
};

/* Rows of session_export.sql: whole events in the order in which a player takes them. What could
 * not be put together or read is left out, and noted in `s`. */
int session_keep_rows(struct session *s, const json_t *rows, struct recorded *out,
                      struct err *ret_err);
void recorded_done(struct recorded *recorded);
