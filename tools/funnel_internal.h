#pragma once
/* What the parts of the matcher share: the statement while it is built. funnel_events.c gathers one
 * row per actor and splits it where an actor has several runs (by value, by what is held constant,
 * by interval); funnel_match.c or, with options that a pass cannot follow, funnel_search.c or
 * funnel_unordered.c finds each row's run; funnel_journeys.c chooses among the rows of an actor. */
#include <stdbool.h>

#include "buf.h"
#include "funnel.h"

struct match {
    const struct run *run;
    const struct funnel *f;
    struct query *q;
    struct buf sql;
    int n; /* steps */
    bool has_values, has_places;
    bool is_trend;
    bool by_value;     /* unordered funnel with attribution `step` */
    bool is_single;    /* an event has one class, and a class one step or no order */
    bool is_hard;      /* ordered or strict, with optional steps, gaps or exclusions */
    bool is_packed;    /* events are numbers (t << 6 | class) in `p`, else tuples in `e` */
    bool has_key;      /* a run per key: values of all_events, then those held constant */
    bool is_split;     /* the key splits the rows of an actor after they are gathered */
    bool is_tagged;    /* unordered funnel with exclusions: `whole` tells spoilt runs */
    struct buf window; /* placeholder of within_us */
    struct buf shift;  /* placeholder of what must be added to `t` to get unix microseconds */
    char keep[96];     /* columns that pass through all stages: "who, v, places, …" */
};

/* The statement grows from inside out: the template's `@` stands for the SELECT so far. */
void funnel_wrap(struct match *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Rows by the length of an array, before a fold over it: the fold takes as many rounds for a block
 * of rows as its longest array has items. The limit, which is none, keeps the order from being
 * dropped as redundant. */
void funnel_by_length(struct match *m, const char *column);

/* One row per run to find, in m->sql: m->keep and the events, sorted by time, as `p` or `e`: tuples
 * (t, mask of steps), with is_hard (t, mask, mask of exclusions), with by_value (t, mask, value).
 * The columns of m->keep:
 *   v       the breakdown value, as far as it is known before the run is; under `step` the events
 *           that it may come from: (t, order, value)
 *   carried instead of v with by_value: all values of the actor
 *   places  (t, order, (event, session)) of the events that serve a step
 *   held    the key, with hold_constant
 *   entry   of a trend; hi (unordered): its end as a `t`
 *   whole   with is_tagged: 0 = a part between exclusions, 1 = all events of an actor who has some
 */
int funnel_events(struct match *m, struct err *ret_err);

/* From these rows to m->keep and the run's times `tt` (as t), one row per run. */
void funnel_match(struct match *m);
void funnel_unordered(struct match *m);
/* Also nn, the numbers of its steps, its `depth`, and the `deepest` of all runs; a row without a
 * run that is not spoilt has depth 0. */
void funnel_search(struct match *m);

/* p → t and k (classes), after a sentinel: arrayFill keeps the first element as it is. */
void funnel_unpack(struct match *m);
