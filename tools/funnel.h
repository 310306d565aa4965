#pragma once
/* A funnel as its arguments describe it, and the SQL that finds every actor's run.
 *
 * A run is a choice of distinct events, one for each step from the first up to its depth, whose
 * times do not fall and lie within `within_us` of the first; events with the same time may be taken
 * in any order. An actor's run is the deepest one; of those the one that ends first; of those the
 * one that begins last; of those the one whose steps come earliest.
 *   strict:    every other event of the actor between two of its steps ends a run, unless it shares
 *              its time with a further event (inside one time strictness is not applied); where
 *              that leaves a choice, the steps come latest.
 *   unordered: the events may serve any steps; the depth is the number of distinct steps served.
 * Under `all_events` an actor has one run per value, of the events that carry it. Under `step` the
 * value is that of the event which serves the attribution step; in unordered funnels the actor has
 * one run per value then, whose event at this place must carry it. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "buf.h"
#include "err.h"
#include "query.h"
#include "run.h"

enum { FUNNEL_MAX_STEPS = 32 };

enum funnel_order { FUNNEL_ORDERED, FUNNEL_STRICT, FUNNEL_UNORDERED };

enum funnel_attribution {
    FUNNEL_FIRST_TOUCH,
    FUNNEL_LAST_TOUCH,
    FUNNEL_ALL_EVENTS,
    FUNNEL_STEP,
};

struct funnel {
    const json_t *steps; /* array of matchers, of the arguments */
    size_t step_count;
    enum funnel_order order;
    int64_t within_us;
    const json_t *breakdown; /* array of field names; NULL or empty = none */
    enum funnel_attribution attribution;
    size_t attribution_step; /* 1-based */
    int64_t breakdown_limit;
    /* Steps with equal matchers share a class, 1.. in order of appearance. */
    unsigned char classes[FUNNEL_MAX_STEPS];
    size_t class_count;
    bool is_disjoint; /* no event can belong to two classes */
};

/* Reads and checks the arguments of run_funnel. */
int funnel_read(const json_t *arguments, struct funnel *ret_funnel, struct err *ret_err);

/* The name of a step: its `name`, or what its matcher says. At most `size` bytes with the NUL. */
void funnel_step_name(const struct funnel *f, size_t step, char *out, size_t size);

/* Whether one actor may stand under several breakdown values. */
bool funnel_has_many_values(const struct funnel *f);

/* What a row of journeys carries beside the actor and the times. */
enum funnel_columns {
    FUNNEL_VALUES = 1, /* v Array(String): the breakdown values */
    FUNNEL_PLACES = 2, /* place Tuple(String, String): event and session of the last step reached */
};

/* A SELECT with one row per actor (and value) that reached step 1: who String, tt Array(Int64) the
 * times of the steps reached in unix microseconds, and the `columns`. */
int funnel_journeys(const struct run *run, const struct funnel *f, unsigned columns,
                    struct query *q, struct buf *out, struct err *ret_err);
