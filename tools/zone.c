#include "zone.h"

#include <stdio.h>
#include <stdlib.h>

#include "json.h"

const struct zone zone_utc = {.name = "UTC"};

struct zone *zone_new(const char *name, const json_t *rows)
{
    size_t count = json_array_size(rows);
    struct zone *zone = calloc(1, sizeof *zone);
    if (zone == NULL)
        return NULL;
    snprintf(zone->name, sizeof zone->name, "%s", name);
    zone->from_us = calloc(count + 1, sizeof *zone->from_us);
    zone->offset_s = calloc(count + 1, sizeof *zone->offset_s);
    if (zone->from_us == NULL || zone->offset_s == NULL)
        return zone_free(zone);
    for (size_t i = 0; i < count; i++) {
        const json_t *row = json_array_get(rows, i);
        zone->from_us[i] = json_at_integer(row, 0) * 1000000;
        zone->offset_s[i] = (int32_t)json_at_integer(row, 1);
    }
    zone->count = count;
    return zone;
}

struct zone *zone_free(struct zone *zone)
{
    if (zone != NULL) {
        free(zone->from_us);
        free(zone->offset_s);
        free(zone);
    }
    return NULL;
}

int32_t zone_offset_s(const struct zone *zone, int64_t unix_us)
{
    if (zone->count == 0)
        return 0;
    size_t low = 0, high = zone->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (zone->from_us[middle] <= unix_us)
            low = middle;
        else
            high = middle;
    }
    return zone->offset_s[low];
}

int64_t zone_to_unix(const struct zone *zone, int64_t local_us)
{
    /* The offset at a moment that is certainly before any change decides, unless it proves wrong.
     */
    int64_t before = local_us - (int64_t)zone_offset_s(zone, local_us - 86400000000) * 1000000;
    int64_t after = local_us - (int64_t)zone_offset_s(zone, local_us + 86400000000) * 1000000;
    int64_t first = before < after ? before : after, second = before < after ? after : before;
    if (first + (int64_t)zone_offset_s(zone, first) * 1000000 == local_us)
        return first;
    return second;
}
