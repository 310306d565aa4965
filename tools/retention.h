#pragma once
/* Retention as its arguments describe it: cohorts by calendar interval, the columns of a cohort,
 * and the SQL of who came when. Periods count from 0, the cohort's own. */
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "buf.h"
#include "calendar.h"
#include "err.h"
#include "query.h"
#include "run.h"

enum { RETENTION_MAX_COHORTS = 500 };

struct retention {
    struct calendar calendar; /* an interval for each cohort */
    json_int_t columns;       /* of a cohort: its start, then each period or bracket */
    const json_t *brackets;   /* lengths in periods from 1 on; NULL = every period is a column */
    json_int_t min_times;     /* returns that a period needs */
    bool is_first;            /* one cohort per actor: the first start ever */
    bool is_first_ever;       /* … the first event of that name, if it passes `where` */
    bool is_rolling;          /* periods count from the actor's own start, each length_us */
    bool is_after;            /* returned in the column or later */
    int64_t length_us;
};

int retention_read(const struct run *run, struct retention *ret_retention, struct err *ret_err);

/* The first and the last period of a column. */
void retention_periods(const struct retention *r, json_int_t column, json_int_t *ret_first,
                       json_int_t *ret_last);

/* Whether the column begins before the end of the period for any actor of the cohort; and whether
 * it was over for all of them when the data ended. */
bool retention_has_cell(const struct retention *r, json_int_t cohort, json_int_t column);
bool retention_is_complete(const struct run *run, const struct retention *r, json_int_t cohort,
                           json_int_t column);

/* The rows that count, starts and returns: those of events.h with _start, _back, _ok (first_ever:
 * whether it passes the conditions of the start) and _i, the number of their interval, -1 before
 * the first. */
int retention_rows(const struct run *run, const struct retention *r, struct query *q,
                   struct buf *out, struct err *ret_err);

/* A SELECT with one row per actor and cohort, or for n of them who are alike: v Array(String) the
 * breakdown values, cohort, n, came: an array of the periods from 1 on in which the actor returned
 * often enough, each once; with `has_places`, where n is 1, also who String, the start (entered
 * Int64, entered_order, entered_event, entered_session) and visits: for each of came (us, order,
 * event, session) of the first return in it. */
int retention_visits(const struct run *run, const struct retention *r, bool has_places,
                     struct query *q, struct buf *out, struct err *ret_err);

/* The columns from 1 on in which the actor of a row of retention_visits() stands, as SQL. */
void retention_columns(const struct retention *r, struct query *q, struct buf *out);
