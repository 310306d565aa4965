#include "calendar.h"

#include <stdio.h>
#include <string.h>

#include "json.h"
#include "text.h"

int calendar_read(const struct run *run, int64_t from_us, int64_t to_us, json_int_t before,
                  json_int_t max, struct calendar *ret_calendar, struct err *ret_err)
{
    const struct zone *zone = run->period.zone;
    struct calendar c = {.interval =
                             interval_parse(json_get_string(run->arguments, "interval", "day")),
                         .sunday_weeks = interval_sunday_weeks(run->arguments)};
    int64_t first_us = interval_start_us(zone, c.interval, c.sunday_weeks, from_us);
    c.count = (json_int_t)interval_list(zone, c.interval, c.sunday_weeks,
                                        interval_add_us(zone, c.interval, first_us, -before), to_us,
                                        (size_t)max, c.at);
    if (c.at[c.count] < to_us)
        return err_set(ret_err, ERR_ARGUMENT, "from",
                       "more than %lld intervals: take a longer interval or a later from",
                       (long long)(max - before));
    /* A change of offset may have made more intervals of the same time. */
    json_int_t extra = calendar_holding(&c, first_us) - before;
    if (extra > 0)
        calendar_drop(&c, extra);
    *ret_calendar = c;
    return 0;
}

json_int_t calendar_holding(const struct calendar *c, int64_t us)
{
    json_int_t i = 0;
    while (i <= c->count && c->at[i] <= us)
        i++;
    return i <= c->count ? i - 1 : -1;
}

bool calendar_is_over(const struct run *run, const struct calendar *c, json_int_t i)
{
    return c->at[i + 1] <= run->period.complete_until_us;
}

void calendar_drop(struct calendar *c, json_int_t count)
{
    c->count -= count;
    memmove(c->at, c->at + count, sizeof c->at[0] * (size_t)(c->count + 1));
}

json_t *calendar_name(const struct run *run, const struct calendar *c, json_int_t i)
{
    return c->interval <= INTERVAL_HOUR ? run_time(run, c->at[i]) : run_date(run, c->at[i]);
}

json_int_t calendar_find(const struct run *run, const struct calendar *c, const char *name)
{
    for (json_int_t i = 0; i < c->count; i++) {
        json_t *text = calendar_name(run, c, i);
        bool is_it = text != NULL && strcmp(json_string_value(text), name) == 0;
        json_decref(text);
        if (is_it)
            return i;
    }
    return -1;
}

void calendar_set_period(const struct calendar *c, json_int_t first, struct run *run)
{
    run->period.from_us = c->at[first];
    run->period.to_us = c->at[c->count];
}

void calendar_column(const struct calendar *c, struct events *e, const char *name)
{
    struct buf starts = {0};
    for (json_int_t i = 0; i < c->count; i++)
        buf_printf(&starts, "%s%lld", i > 0 ? ", " : "", (long long)c->at[i]);
    events_interval(e, "_interval", c->interval, c->sunday_weeks);
    events_column(e, name,
                  "transform(_interval, CAST([%s], 'Array(Int64)'), "
                  "CAST(range(%lld), 'Array(Int32)'), toInt32(-1))",
                  buf_text(&starts), (long long)c->count);
    buf_done(&starts);
}

char *calendar_not_over(const struct run *run, const struct calendar *c, char *out, size_t size)
{
    char last[48];
    size_t open = interval_open(c->interval, c->at, (size_t)c->count, run->period.complete_until_us,
                                last, sizeof last);
    snprintf(out, size, "%s%s", last, open > 0 ? text_verb((double)open, " is", " are") : "");
    return out;
}
