#pragma once
/* Calendar intervals in the run's time zone: in SQL for grouping, in C for stepping. */
#include <stdbool.h>
#include <stdint.h>

#include "run.h"

enum interval { INTERVAL_MINUTE, INTERVAL_HOUR, INTERVAL_DAY, INTERVAL_WEEK, INTERVAL_MONTH };

/* From the argument's text; `name` is one of arg_intervals. */
enum interval interval_parse(const char *name);

/* The start of the interval that a row's time lies in, unix microseconds (Int64), as SQL. */
void interval_start_sql(const struct run *run, struct query *q, enum interval interval,
                        bool sunday_weeks, struct buf *out);

/* The same in C, and the start of the interval that is `steps` later. Hours later are elapsed time:
 * where clocks change by half an hour (Australia/Lord_Howe) they may end inside an interval. */
int64_t interval_start_us(const struct zone *zone, enum interval interval, bool sunday_weeks,
                          int64_t unix_us);
int64_t interval_add_us(const struct zone *zone, enum interval interval, int64_t start_us,
                        int64_t steps);
