#pragma once
/* What tools share that count when actors were active: which events count (the argument `event`),
 * the rows of them, and the words where there is nobody. */
#include "args.h"
#include "calendar.h"
#include "events.h"

#define ARG_ACTIVITY                                                                               \
    {                                                                                              \
        .name = "event", .type = VALUE_OBJECT, .fields = arg_matcher_fields, .shorthand = "event", \
        .description = "What counts as activity: an event name or a matcher; default any event."   \
    }
#define ARG_ACTIVITY_INTERVAL                                                                      \
    {                                                                                              \
        .name = "interval",                                                                        \
        .choices = (const char *const[]){"hour", "day", "week", "month", NULL},                    \
        .fallback = "\"day\"",                                                                     \
        .description = "Counted as a whole, also where from and to cut one."                       \
    }

/* The active rows from from_us (see events_begin()) to the end of `c`, with _i, the number of their
 * interval. */
int activity_begin(struct events *e, const struct run *run, struct query *q,
                   const struct calendar *c, int64_t from_us, struct err *ret_err);

/* A round for a result in which nobody was active: it tells whether that is because no event says
 * who it was. The second says nothing unless the first was called in its round. */
int activity_plan_nobody(struct run *run, struct err *ret_err);
int activity_shape_nobody(struct run *run, struct err *ret_err);
