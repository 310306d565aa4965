#pragma once
/* The texts of `from` and `to`: ISO 8601, a date, or relative to the newest data. */
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "zone.h"

/* `now_us` is what relative texts count from. With `is_end` the result is exclusive: a date means
 * the end of that day, an instant is included. Errors carry `field`. */
int period_parse(const char *text, const char *field, bool is_end, int64_t now_us,
                 const struct zone *zone, int64_t *ret_us, struct err *ret_err);

/* "2026-03-02T10:00:00.123Z" or with the zone's offset; fractions only where there are any. */
void period_format(int64_t unix_us, const struct zone *zone, char *out, size_t size);
/* "2026-03-02" */
void period_format_date(int64_t unix_us, const struct zone *zone, char *out, size_t size);

/* A period [from, to) for a reader, its last day or moment included: "2026-03-01 to 2026-03-31",
 * "2026-03-01 23:58 to 2026-03-31 23:58 (Europe/Berlin)". */
void period_text(int64_t from_us, int64_t to_us, const struct zone *zone, char *out, size_t size);

/* Days since 1970-01-01 of a civil date, proleptic Gregorian. */
int64_t period_days(int64_t year, int month, int day);
void period_civil(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day);
