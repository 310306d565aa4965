#pragma once
/* Text → unix microseconds, the way event files write times: ISO 8601 with or without a zone, a
 * space for the T, any number of fraction digits, or seconds, milliseconds, microseconds or
 * nanoseconds since 1970. Pure functions. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum when_unit { WHEN_GUESS, WHEN_SECONDS, WHEN_MILLIS, WHEN_MICROS, WHEN_NANOS };

/* Times that the table's DateTime64(6) and every time function can hold: the years 1900 to 2299. */
#define WHEN_MIN_US (INT64_C(-2208988800) * 1000000)
#define WHEN_MAX_US (INT64_C(10413792000) * 1000000 - 1)

/* Offsets of a time zone: offset_s[i] holds from at_s[i] (UTC) on. */
struct when_zone {
    int64_t *at_s;
    int32_t *offset_s;
    size_t count;
};

struct when {
    const struct when_zone *zone; /* of times that name none; NULL = UTC */
    enum when_unit unit;          /* of plain numbers; WHEN_GUESS = each by its size */
    const char *format;           /* %Y-%m-%d %H:%M:%S.%f …; NULL = the forms above */
};

enum when_result {
    WHEN_OK,
    WHEN_BAD,   /* no time in a form that is understood */
    WHEN_RANGE, /* a time outside WHEN_MIN_US … WHEN_MAX_US */
};

enum when_result when_parse(const struct when *w, const char *text, size_t len, int64_t *ret_us);

/* What `when->format` may hold; NULL = fine, else the directive that is unknown. */
const char *when_check_format(const char *format);

/* Collects the numbers of a column's first rows and says which unit they are in. Each number is
 * read by its size (WHEN_GUESS), unless that mixes units and puts some near 1970: then the largest
 * number decides, so that milliseconds of January 1970 are not taken for seconds. */
struct when_sample {
    double largest;
    bool has_unit[5];
    bool has_early;
    size_t numbers;
};
void when_sample_add(struct when_sample *sample, const char *text, size_t len);
enum when_unit when_sample_unit(const struct when_sample *sample);
