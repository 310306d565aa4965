#pragma once
/* Retention as its arguments describe it: the calendar of cohorts, and the SQL of who came when. */
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "buf.h"
#include "err.h"
#include "interval.h"
#include "query.h"
#include "run.h"

enum { RETENTION_MAX_COHORTS = 500 };

struct calendar {
    enum interval interval;
    bool sunday_weeks;
    int64_t first_us; /* start of the first interval */
    json_int_t count; /* of intervals = cohorts */
    json_int_t periods;
};

/* Whole intervals: from the one that holds `from` to the one that holds `to`. */
int calendar_read(const struct run *run, struct calendar *ret_calendar, struct err *ret_err);

/* The start of interval `i`, and its name in results and cells. */
int64_t calendar_at(const struct run *run, const struct calendar *c, json_int_t i);
json_t *calendar_name(const struct run *run, const struct calendar *c, json_int_t i);

/* A SELECT with one row per actor and cohort: who String, v Array(String) the breakdown values,
 * cohort Int32, came Array(Int32) the intervals of the returns; with `has_places` also entered
 * Int64, entered_event, entered_session, and visits: (us, event, session) of the first return in
 * each interval of `came`. */
int retention_visits(const struct run *run, const struct calendar *c, bool has_places,
                     struct query *q, struct buf *out, struct err *ret_err);
