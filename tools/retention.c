#include "retention.h"

#include <string.h>

#include "json.h"

static int read_columns(const struct run *run, struct retention *r, struct err *ret_err)
{
    json_int_t periods = json_get_integer(run->arguments, "periods", 11), last = 0;
    r->brackets = json_object_get(run->arguments, "brackets");
    if (json_array_size(r->brackets) == 0)
        r->brackets = NULL;
    r->columns = r->brackets == NULL ? periods : (json_int_t)json_array_size(r->brackets) + 1;
    for (size_t i = 0; i < json_array_size(r->brackets); i++)
        last += json_at_integer(r->brackets, i);
    if (last >= RETENTION_MAX_COHORTS)
        return err_set(ret_err, ERR_ARGUMENT, "brackets", "together fewer than %d periods",
                       RETENTION_MAX_COHORTS);
    return 0;
}

/* How many cohorts there are when `from` does not say. */
static json_int_t cohorts_wanted(const struct run *run, const struct retention *r)
{
    json_int_t first, last;
    retention_periods(r, r->columns - 1, &first, &last);
    return json_get_integer(run->arguments, "periods", last + 1);
}

static int read_calendar(const struct run *run, struct retention *r, struct err *ret_err)
{
    const struct period *p = &run->period;
    struct calendar *c = &r->calendar;
    json_int_t before = p->from_given ? 0 : cohorts_wanted(run, r) - 1;
    int rc = calendar_read(run, p->from_given ? p->from_us : p->to_us - 1, p->to_us, before,
                           RETENTION_MAX_COHORTS, c, ret_err);
    if (rc < 0 || p->from_given || p->to_given ||
        json_object_get(run->arguments, "periods") != NULL)
        return rc;
    /* Nobody asked for what lies before the data. */
    json_int_t empty = 0;
    while (empty + 1 < c->count && c->at[empty + 1] <= p->data_from_us)
        empty++;
    calendar_drop(c, empty);
    return rc;
}

int retention_read(const struct run *run, struct retention *ret_retention, struct err *ret_err)
{
    static const int64_t hour_us = (int64_t)3600 * 1000000;
    static const int64_t hours[] = {
        [INTERVAL_HOUR] = 1, [INTERVAL_DAY] = 24, [INTERVAL_WEEK] = 168, [INTERVAL_MONTH] = 720};
    const json_t *arguments = run->arguments;
    const char *kind = json_get_string(arguments, "kind", "recurring");
    struct retention r = {
        .min_times = json_get_integer(arguments, "min_times", 1),
        .is_first = strcmp(kind, "recurring") != 0,
        .is_first_ever = strcmp(kind, "first_ever") == 0,
        .is_rolling = strcmp(json_get_string(arguments, "clock", "calendar"), "rolling") == 0,
        .is_after = strcmp(json_get_string(arguments, "mode", "on"), "on_or_after") == 0};
    int rc = read_columns(run, &r, ret_err);
    if (rc == 0)
        rc = read_calendar(run, &r, ret_err);
    if (rc < 0)
        return rc;
    r.length_us = hours[r.calendar.interval] * hour_us;
    *ret_retention = r;
    return 0;
}

void retention_periods(const struct retention *r, json_int_t column, json_int_t *ret_first,
                       json_int_t *ret_last)
{
    *ret_first = *ret_last = column;
    if (r->brackets == NULL || column == 0)
        return;
    *ret_last = 0;
    for (json_int_t i = 0; i < column; i++) {
        *ret_first = *ret_last + 1;
        *ret_last += json_at_integer(r->brackets, (size_t)i);
    }
}

bool retention_has_cell(const struct retention *r, json_int_t cohort, json_int_t column)
{
    const struct calendar *c = &r->calendar;
    json_int_t first, last;
    retention_periods(r, column, &first, &last);
    return r->is_rolling ? c->at[cohort] + first * r->length_us < c->at[c->count]
                         : cohort + first < c->count;
}

bool retention_is_complete(const struct run *run, const struct retention *r, json_int_t cohort,
                           json_int_t column)
{
    const struct calendar *c = &r->calendar;
    json_int_t first, last;
    retention_periods(r, column, &first, &last);
    if (!r->is_rolling)
        return cohort + last < c->count &&
               c->at[cohort + last + 1] <= run->period.complete_until_us;
    int64_t over_us = c->at[cohort + 1] + (last + 1) * r->length_us;
    return over_us <= run->period.complete_until_us && over_us <= c->at[c->count];
}
