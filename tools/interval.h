#pragma once
/* Calendar intervals in the run's time zone: in SQL for grouping, in C for stepping. */
#include <stdbool.h>
#include <stdint.h>

#include "run.h"

enum interval { INTERVAL_MINUTE, INTERVAL_HOUR, INTERVAL_DAY, INTERVAL_WEEK, INTERVAL_MONTH };

/* From the argument's text; `name` is one of arg_intervals. */
enum interval interval_parse(const char *name);

bool interval_sunday_weeks(const json_t *arguments); /* what the argument week_start says */

/* The start of the interval that a row's time lies in, unix microseconds (Int64), as SQL. */
void interval_start_sql(const struct run *run, struct query *q, enum interval interval,
                        bool sunday_weeks, struct buf *out);

/* The same in C, and the start of the interval that is `steps` later. Hours later are elapsed time:
 * where clocks change by half an hour (Australia/Lord_Howe) they may end inside an interval. */
int64_t interval_start_us(const struct zone *zone, enum interval interval, bool sunday_weeks,
                          int64_t unix_us);
int64_t interval_add_us(const struct zone *zone, enum interval interval, int64_t start_us,
                        int64_t steps);

/* Where the interval that begins at `start_us` ends and the next one begins. */
int64_t interval_next_us(const struct zone *zone, enum interval interval, bool sunday_weeks,
                         int64_t start_us);

/* The calendar of a period: the starts of its intervals, from the one that holds from_us to the one
 * that holds the instant before to_us, and as the last entry where that one ends. `ret_at` has room
 * for max + 1. Returns how many intervals; max with ret_at[max] < to_us: there are more. */
size_t interval_list(const struct zone *zone, enum interval interval, bool sunday_weeks,
                     int64_t from_us, int64_t to_us, size_t max, int64_t *ret_at);

/* How many intervals at the end of such a calendar were not over at `until_us`, and "last day",
 * "last 5 days" for them; "" = there are none. */
size_t interval_open(enum interval interval, const int64_t *at, size_t count, int64_t until_us,
                     char *ret_text, size_t size);
