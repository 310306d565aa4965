#pragma once
/* Where a session lies in a source: between which times, whose it was, how its recording is read.
 * These are the first two rounds of every tool about one session. Internal to them. */
#include <jansson.h>

#include "run.h"

/* The columns of the table of recordings as SQL; the attributes are Map, JSON or JSON text. */
struct recordings {
    struct buf table, session, instance, event, offset, chunk, chunks;
    bool has_time; /* TimestampTime, which the table is ordered by */
};

struct session_place {
    const char *id; /* of the session, borrowed from the arguments */
    char *actor;    /* "" = unknown */
    json_t *services;
    struct recordings recordings;
    bool has_table, has_spans, has_recording;
    int64_t spans_first_us, spans_last_us, replay_first_us, replay_last_us;
    int64_t replay_bytes; /* of the recording's texts */
};

/* First round: when its events begin and end, and what the table of recordings looks like. */
int session_place_plan(struct run *run, struct session_place *place, struct err *ret_err);
int session_place_shape(struct run *run, struct session_place *place, struct err *ret_err);

/* Second round: the same of its recording. ERR_NOT_FOUND when there is neither. */
int session_place_plan_recording(struct run *run, struct session_place *place, struct err *ret_err);
int session_place_shape_recording(struct run *run, struct session_place *place,
                                  struct err *ret_err);

/* Adds a query over the rows of the recording. Those of the slots and placeholders offset, chunk,
 * chunks, max_bytes that `text` has are filled. Returns its index or negative. */
int session_place_query(struct run *run, const struct session_place *place,
                        const struct sql_text *text, size_t max_rows, int64_t max_bytes,
                        struct err *ret_err);

void session_place_done(struct session_place *place);
