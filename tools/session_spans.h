#pragma once
/* The spans (events) of a session → what happened. Internal to open_session. */
#include <jansson.h>

#include "run.h"
#include "session.h"

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
