#pragma once
/* A time zone as its offsets from UTC. They come from the database, which carries the IANA rules
 * itself: no zoneinfo files are needed and both sides agree. */
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct zone {
    char name[64];
    size_t count;
    int64_t *from_us; /* ascending; an offset holds from here to the next */
    int32_t *offset_s;
};

extern const struct zone zone_utc;

/* From the rows of zone.sql: (unix seconds, offset). NULL when out of memory. */
struct zone *zone_new(const char *name, const json_t *rows);
struct zone *zone_free(struct zone *zone);

int32_t zone_offset_s(const struct zone *zone, int64_t unix_us);

/* Wall-clock microseconds (as if UTC) → unix. In a gap the later reading, in an overlap the
 * earlier. */
int64_t zone_to_unix(const struct zone *zone, int64_t local_us);
