#pragma once
/* What funnel_events.c and funnel_match.c share: the statement while it is built. */
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
    struct buf conditions[FUNNEL_MAX_STEPS];
    struct buf window; /* placeholder of within_us */
    struct buf shift;  /* placeholder of what must be added to `t` to get unix microseconds */
    char keep[64];     /* columns that pass through all stages: "who, v, places" */
    bool is_packed; /* events are numbers (t << 6 | class) in `p`, else tuples (t, mask) in `e` */
};

/* The statement grows from inside out: the template's `@` stands for the SELECT so far. */
void funnel_wrap(struct match *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* One row per actor (and value): the events of the funnel, as `p` or `e`, in m->sql. */
int funnel_events(struct match *m, struct err *ret_err);
