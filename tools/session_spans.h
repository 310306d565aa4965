#pragma once
/* The spans (events) of a session → what happened. Internal to the tools that tell
 * what somebody did. */
#include <jansson.h>

#include "run.h"
#include "session.h"

/* The columns of a row that the functions below read, as a SELECT list; the first is _at_us. */
void session_span_columns(const struct source *s, struct query *q, struct buf *out);

/* Adds the entry of one row: none where the recorder speaks of itself. */
void session_add_span(struct session *s, const json_t *row);

/* Adds session_spans.sql to the round for [from_us, to_us]. Returns its index or negative. */
int session_plan_spans(struct run *run, const char *session, int64_t from_us, int64_t to_us,
                       size_t max_rows, struct err *ret_err);

/* What spans say about the person; borrowed from the rows, "" = unknown. */
struct session_person {
    const char *device, *browser, *country;
};

/* `ret_traces`: array of trace ids, those with failures first. */
void session_read_spans(struct session *s, const json_t *rows, struct session_person *ret_person,
                        json_t *ret_traces);
