#pragma once
/* The whole calendar intervals of a period, numbered from 0: as instants, as names in results, and
 * as a column of the rows. */
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "err.h"
#include "events.h"
#include "interval.h"
#include "run.h"

enum { CALENDAR_MAX = 2000 };

struct calendar {
    enum interval interval;
    bool sunday_weeks;
    json_int_t count;
    int64_t at[CALENDAR_MAX + 1]; /* the start of each, unix microseconds; at[count] is the end */
};

/* From `before` intervals before the one that holds from_us to the one that ends with to_us
 * (exclusive) or holds it, of the run's arguments `interval` and `week_start`. More than `max`
 * (<= CALENDAR_MAX) are an error of `from`. */
int calendar_read(const struct run *run, int64_t from_us, int64_t to_us, json_int_t before,
                  json_int_t max, struct calendar *ret_calendar, struct err *ret_err);

/* Drops intervals at the beginning. */
void calendar_drop(struct calendar *c, json_int_t count);

/* The result is about whole intervals, those from `first` on: so its period says. Not before all of
 * the round is planned. */
void calendar_set_period(const struct calendar *c, json_int_t first, struct run *run);

/* How interval `i` is called in results and cells: its day, or its time where it is an hour. */
json_t *calendar_name(const struct run *run, const struct calendar *c, json_int_t i);

/* The number of the interval that is called so, or -1. */
json_int_t calendar_find(const struct run *run, const struct calendar *c, const char *name);

/* The number of the interval that holds a time, or -1. */
json_int_t calendar_holding(const struct calendar *c, int64_t us);

/* Whether interval `i` was over when the data ended. */
bool calendar_is_over(const struct run *run, const struct calendar *c, json_int_t i);

/* "last day is", "last 5 days are": those at the end that were not; "" = there are none. */
char *calendar_not_over(const struct run *run, const struct calendar *c, char *out, size_t size);

/* Adds the column `name` Int32: the number of the row's interval, -1 outside of them all. */
void calendar_column(const struct calendar *c, struct events *e, const char *name);
