#include "interval.h"

#include <stdio.h>
#include <string.h>

#include "args.h"
#include "json.h"
#include "period.h"
#include "text.h"

static const int64_t second_us = 1000000;
static const int64_t day_us = 86400 * (int64_t)1000000;

enum interval interval_parse(const char *name)
{
    int i = 0;
    while (arg_intervals[i + 1] != NULL && strcmp(arg_intervals[i], name) != 0)
        i++;
    return (enum interval)i;
}

bool interval_sunday_weeks(const json_t *arguments)
{
    return strcmp(json_get_string(arguments, "week_start", "monday"), "sunday") == 0;
}

void interval_start_sql(const struct run *run, struct query *q, enum interval interval,
                        bool sunday_weeks, struct buf *out)
{
    static const char *const functions[] = {
        [INTERVAL_MINUTE] = "toStartOfMinute", [INTERVAL_HOUR] = "toStartOfHour",
        [INTERVAL_DAY] = "toStartOfDay",       [INTERVAL_WEEK] = "toStartOfWeek",
        [INTERVAL_MONTH] = "toStartOfMonth",
    };
    struct buf zone = {0};
    query_bind_text(q, &zone, run->period.zone->name);
    /* Weeks and months start on a Date: it becomes the zone's midnight of that day. */
    bool is_date = interval >= INTERVAL_WEEK;
    buf_puts(out, "toInt64(toUnixTimestamp(");
    buf_printf(out, is_date ? "toDateTime(%s(" : "%s(", functions[interval]);
    sql_identifier(out, run->source->time.column);
    if (interval == INTERVAL_WEEK)
        buf_puts(out, sunday_weeks ? ", 0" : ", 1");
    buf_printf(out, ", %s)", buf_text(&zone));
    if (is_date)
        buf_printf(out, ", %s)", buf_text(&zone));
    buf_puts(out, ")) * 1000000");
    buf_done(&zone);
}

static int64_t floor_to(int64_t value, int64_t unit)
{
    int64_t rest = value % unit;
    return value - rest - (rest < 0 ? unit : 0);
}

int64_t interval_start_us(const struct zone *zone, enum interval interval, bool sunday_weeks,
                          int64_t unix_us)
{
    int64_t local = unix_us + zone_offset_s(zone, unix_us) * second_us, year;
    int month, day;
    switch (interval) {
    case INTERVAL_MINUTE:
        return floor_to(unix_us, 60 * second_us);
    case INTERVAL_HOUR: {
        /* As the database does it: from midnight on, also where a day has half an hour more. */
        int64_t midnight_us = zone_to_unix(zone, floor_to(local, day_us));
        return midnight_us + floor_to(unix_us - midnight_us, 3600 * second_us);
    }
    case INTERVAL_DAY:
        return zone_to_unix(zone, floor_to(local, day_us));
    case INTERVAL_WEEK: {
        /* 1970-01-01 was a Thursday. */
        int64_t days = floor_to(local, day_us) / day_us;
        int64_t weekday = ((days + (sunday_weeks ? 4 : 3)) % 7 + 7) % 7;
        return zone_to_unix(zone, (days - weekday) * day_us);
    }
    case INTERVAL_MONTH:
        period_civil(floor_to(local, day_us) / day_us, &year, &month, &day);
        return zone_to_unix(zone, period_days(year, month, 1) * day_us);
    }
    return unix_us;
}

int64_t interval_add_us(const struct zone *zone, enum interval interval, int64_t start_us,
                        int64_t steps)
{
    int64_t local = start_us + zone_offset_s(zone, start_us) * second_us, year;
    int month, day;
    switch (interval) {
    case INTERVAL_MINUTE:
        return start_us + steps * 60 * second_us;
    case INTERVAL_HOUR:
        return start_us + steps * 3600 * second_us;
    case INTERVAL_DAY:
        return zone_to_unix(zone, local + steps * day_us);
    case INTERVAL_WEEK:
        return zone_to_unix(zone, local + steps * 7 * day_us);
    case INTERVAL_MONTH: {
        period_civil(floor_to(local, day_us) / day_us, &year, &month, &day);
        int64_t months = year * 12 + month - 1 + steps;
        return zone_to_unix(zone, period_days(floor_to(months, 12) / 12,
                                              (int)(months - floor_to(months, 12)) + 1, 1) *
                                      day_us);
    }
    }
    return start_us;
}

int64_t interval_next_us(const struct zone *zone, enum interval interval, bool sunday_weeks,
                         int64_t start_us)
{
    /* A step may end inside the interval: where clocks change at midnight, a day begins at one. */
    int64_t next_us = start_us;
    for (int64_t steps = 1; next_us <= start_us; steps++)
        next_us = interval_start_us(zone, interval, sunday_weeks,
                                    interval_add_us(zone, interval, start_us, steps));
    return next_us;
}

size_t interval_list(const struct zone *zone, enum interval interval, bool sunday_weeks,
                     int64_t from_us, int64_t to_us, size_t max, int64_t *ret_at)
{
    size_t count = 0;
    ret_at[0] = interval_start_us(zone, interval, sunday_weeks, from_us);
    for (; count < max && ret_at[count] < to_us; count++)
        ret_at[count + 1] = interval_next_us(zone, interval, sunday_weeks, ret_at[count]);
    return count;
}

size_t interval_open(enum interval interval, const int64_t *at, size_t count, int64_t until_us,
                     char *ret_text, size_t size)
{
    size_t open = 0;
    char some[32];
    while (open < count && at[count - open] > until_us)
        open++;
    ret_text[0] = '\0';
    if (open > 0)
        snprintf(ret_text, size, "last %s",
                 open == 1 ? arg_intervals[interval]
                           : text_things(some, sizeof some, (double)open, arg_intervals[interval]));
    return open;
}
