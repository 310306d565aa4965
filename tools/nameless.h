#pragma once
/* Nobody is counted: because nothing happened, because the events do not say who it was, or because
 * it was nobody of the segment? */
#include "run.h"

/* What narrows the call beside the period, so that a zero does not deny what the data have: behind
 * "no event" and behind "nobody ... in this period". "" for a call without filters and segment. */
const char *nameless_restriction(const struct run *run);
const char *nameless_among(const struct run *run);

/* Adds the question, for the events of the period that pass the filters and `matcher`. What is
 * counted and the segment are those of the arguments. */
int nameless_plan(struct run *run, const json_t *matcher, struct err *ret_err);

/* Whether there are such events and none names an actor, of the segment if there is one: a warning
 * and the headline say which. */
bool nameless_shape(struct run *run, const char *what);
/* The same where the headline tells of others, who are counted: a warning alone. */
bool nameless_warn(struct run *run, const char *what);
/* How many such events there are. */
json_int_t nameless_events(const struct run *run);
