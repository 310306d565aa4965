#pragma once
/* What the process tools share: which cases a call selects, and the order of events inside one. */
#include "run.h"

/* SQL fragments on one query; all bound to its parameters. */
struct process {
    struct buf case_id;  /* String */
    struct buf event;    /* the activity */
    struct buf time_us;  /* Int64 */
    struct buf order;    /* breaks ties of time: import order, or the activity */
    struct buf selected; /* HAVING: first event in the period, filters matched by some event */
    struct buf segment;  /* WHERE: the argument `segment`, of cases */
    struct buf from;     /* after FROM */
};

int process_init(struct process *p, const struct run *run, struct query *q, struct err *ret_err);
void process_done(struct process *p);

/* Adds process_cases.sql as a query of the round; returns its index. */
int process_plan_cases(struct run *run, struct err *ret_err);

/* Reads it: writes `cases` to the result where asked, warns of unfinished ones. */
int64_t process_shape_cases(struct run *run, int query);
