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
 * one run per value then, whose event at this place must carry it.
 *
 * Options that a run must heed:
 *   optional:      the step may be missed; the depth is the number of the last required step. Of
 * the deepest runs those with most optional steps come first, before the end decides. step_gaps:
 * the time from the previous step of the run, bounds included. exclusions:    a run that has both
 * steps is spoilt by an event x with t(from) < t(x) <= t(to): inside one time exclusions come
 * first. Spoilt runs count for the depth; an actor of whom no other run is as deep is left out. In
 * unordered funnels the steps are the first and the last of all. hold_constant: a run per tuple of
 * values, none of them empty, of the events that carry it; the best one is the actor's. Events of
 * other values spoil and stand between all the same. Of equal runs a missed step counts as coming
 * last. In a trend an actor has one run per calendar interval: the best of those that begin in it,
 * told up to `to_step`. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "buf.h"
#include "err.h"
#include "interval.h"
#include "query.h"
#include "run.h"

enum { FUNNEL_MAX_STEPS = 32, FUNNEL_MAX_EXCLUSIONS = 16, FUNNEL_MAX_INTERVALS = 2000 };
enum { FUNNEL_MAX_FREE_STEPS = 12 }; /* unordered with attribution `step`: all sets of steps */

enum funnel_order { FUNNEL_ORDERED, FUNNEL_STRICT, FUNNEL_UNORDERED };

enum funnel_attribution {
    FUNNEL_FIRST_TOUCH,
    FUNNEL_LAST_TOUCH,
    FUNNEL_ALL_EVENTS,
    FUNNEL_STEP,
};

enum funnel_view { FUNNEL_STEPS, FUNNEL_TREND, FUNNEL_TIME_TO_CONVERT };

struct funnel_exclusion {
    const json_t *matcher;
    size_t from_step, to_step; /* 1-based, from < to */
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
    uint32_t optional; /* bit i: step i + 1 may be missed */
    bool has_gaps;
    int64_t gap_min_us[FUNNEL_MAX_STEPS], gap_max_us[FUNNEL_MAX_STEPS]; /* -1 = no bound */
    struct funnel_exclusion exclusions[FUNNEL_MAX_EXCLUSIONS];
    size_t exclusion_count;
    const json_t *hold; /* array of field names; NULL or empty = none */
    enum funnel_view view;
    size_t from_step, to_step; /* 1-based; of trend and time_to_convert */
    enum interval interval;    /* of a trend */
    bool sunday_weeks;
    /* Steps with equal matchers share a class, 1.. in order of appearance. */
    unsigned char classes[FUNNEL_MAX_STEPS];
    size_t class_count;
    bool is_disjoint; /* no event can belong to two classes */
};

/* Reads and checks the arguments of run_funnel. */
int funnel_read(const json_t *arguments, struct funnel *ret_funnel, struct err *ret_err);

/* The name of a step: its `name`, or what its matcher says. At most `size` bytes with the NUL. */
void funnel_step_name(const struct funnel *f, size_t step, char *out, size_t size);

/* The last required step before `step` (1-based; 0 = none), and the last one of all. */
size_t funnel_required_before(const struct funnel *f, size_t step);
size_t funnel_last_required(const struct funnel *f);

/* Whether one actor may stand under several breakdown values. */
bool funnel_has_many_values(const struct funnel *f);

/* The intervals of a trend: ret_starts (of FUNNEL_MAX_INTERVALS + 1) takes their starts and, last,
 * the end of the last one. Too many: ERR_ARGUMENT. */
int funnel_intervals(const struct run *run, const struct funnel *f, int64_t *ret_starts,
                     size_t *ret_count, struct err *ret_err);

/* What a row of journeys carries beside the actor and the times. */
enum funnel_columns {
    FUNNEL_VALUES = 1, /* v Array(String): the breakdown values */
    FUNNEL_PLACES = 2, /* place Tuple(String, String): event and session of the last step reached */
};

/* A SELECT with one row per actor (and value, and in a trend interval) that reached step 1 (in a
 * trend: from_step too):
 *   who    String
 *   tt     Array(Int64): the times of the steps reached, unix microseconds
 *   nn     Array(Integer): their numbers, 1-based; 1, 2, 3 … without optional steps
 *   entry  Int64, in a trend: the start of the interval, unix microseconds
 * and the `columns`. */
int funnel_journeys(const struct run *run, const struct funnel *f, unsigned columns,
                    struct query *q, struct buf *out, struct err *ret_err);

/* SQL over tt and nn: the greater, the better a run. */
void funnel_rank(const struct funnel *f, struct buf *out);
