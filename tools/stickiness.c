#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activity.h"
#include "cell.h"
#include "json.h"
#include "run.h"
#include "sql_text.h"
#include "text.h"

/* Intervals of a period: with the one before it they fill a calendar. */
enum { MAX_INTERVALS = CALENDAR_MAX / 2, SHOWN_BUCKETS = 40, MONTH_DAYS = 30 };

static const struct param params[] = {
    ARG_ACTIVITY,
    ARG_ACTIVITY_INTERVAL,
    {.name = "min_times",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = 1000000,
     .fallback = "1",
     .description = "Events that make an interval an active one."},
    {.name = "cumulative",
     .type = VALUE_BOOLEAN,
     .fallback = "false",
     .description = "Count actors of at least, not exactly, so many intervals."},
    {.name = "compare",
     .choices = (const char *const[]){"none", "previous", NULL},
     .fallback = "\"none\"",
     .description = "previous: as many intervals just before."},
    ARG_PERIOD,
    ARG_WEEK_START,
    ARG_SCOPE,
    ARG_ACTOR,
    ARG_OUTPUT,
    {0},
};

static const struct field bucket_fields[] = {
    {"intervals", "In how many intervals of the period they were active.", VALUE_INTEGER},
    {"count", "Actors: exactly so many intervals, or at least with cumulative.", VALUE_INTEGER},
    {"share", "Of all actors active in the period.", VALUE_NUMBER, .is_optional = true},
    {"previous", "The count of the period before, with compare.", VALUE_INTEGER,
     .is_optional = true},
    {0},
};

static const struct field fields[] = {
    {"buckets", "From 1 to the number of intervals.", VALUE_OBJECT, .is_list = true,
     .fields = bucket_fields},
    {"dau_wau",
     "Over the complete days of the period: the sum of the actors active on each day, to the sum "
     "of those active in the 7 days that end with it, days before the period included. One "
     "matching event makes a day active, whatever min_times is. Absent without a complete day.",
     VALUE_NUMBER, .is_optional = true},
    {"dau_mau", "The same with 30 days.", VALUE_NUMBER, .is_optional = true},
    {0},
};

/* --- plan ------------------------------------------------------------------------------------ */

struct stickiness {
    struct calendar calendar; /* with compare, first the intervals of the period before */
    json_int_t first;         /* interval of the period; count of those before it */
    json_int_t min_times;
    bool is_cumulative;
    /* The complete days of the period, numbered from day0_us, 29 days before the first. */
    int64_t day0_us;
    json_int_t lo, hi; /* lo > hi: there is none */
};

static const int64_t day_us = (int64_t)86400 * 1000000;

static int64_t day_of(const struct run *run, int64_t us, int64_t moved)
{
    const struct zone *zone = run->period.zone;
    int64_t start_us = interval_start_us(zone, INTERVAL_DAY, false, us);
    return interval_start_us(zone, INTERVAL_DAY, false,
                             interval_add_us(zone, INTERVAL_DAY, start_us, moved));
}

/* Midnights lie whole days apart but for a change of offset, which is less than half a day. */
static json_int_t day_number(const struct stickiness *s, int64_t midnight_us)
{
    return (midnight_us - s->day0_us + day_us / 2) / day_us;
}

static void read_days(const struct run *run, struct stickiness *s)
{
    const struct calendar *c = &s->calendar;
    int64_t from_us = c->at[s->first], end_us = c->at[c->count];
    if (end_us > run->period.complete_until_us)
        end_us = run->period.complete_until_us;
    int64_t first_us = day_of(run, from_us, 0) < from_us ? day_of(run, from_us, 1) : from_us;
    int64_t last_us = day_of(run, end_us, -1); /* the last that ends by then */
    s->day0_us = day_of(run, first_us, 1 - MONTH_DAYS);
    s->lo = day_number(s, first_us);
    s->hi = last_us < first_us ? s->lo - 1 : day_number(s, last_us);
}

static int stickiness_read(const struct run *run, struct stickiness *s, struct err *ret_err)
{
    const struct period *p = &run->period;
    s->min_times = json_get_integer(run->arguments, "min_times", 1);
    s->is_cumulative = json_get_bool(run->arguments, "cumulative", false);
    int rc = calendar_read(run, p->from_us, p->to_us, 0, MAX_INTERVALS, &s->calendar, ret_err);
    if (rc == 0 && strcmp(json_get_string(run->arguments, "compare", "none"), "previous") == 0) {
        s->first = s->calendar.count;
        rc =
            calendar_read(run, p->from_us, p->to_us, s->first, CALENDAR_MAX, &s->calendar, ret_err);
    }
    if (rc == 0)
        read_days(run, s);
    return rc;
}

static int remember(struct run *run, struct err *ret_err)
{
    struct stickiness *s = calloc(1, sizeof *s);
    if (s == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    int rc = stickiness_read(run, s, ret_err);
    if (rc < 0) {
        free(s);
        return rc;
    }
    run->state = s;
    run->state_free = free;
    return 0;
}

/* Adds _d, the number of the row's day; -1 before them. */
static void add_day(struct events *e, const struct stickiness *s)
{
    events_interval(e, "_midnight", INTERVAL_DAY, false);
    events_column(e, "_d", "if(_midnight < %lld, -1, toInt32(intDiv(_midnight - %lld, %lld)))",
                  (long long)s->day0_us, (long long)(s->day0_us - day_us / 2), (long long)day_us);
}

/* One row per actor: came, the intervals with enough events, and days, ascending. */
static void add_actors(const struct stickiness *s, const char *rows, struct query *q,
                       struct buf *out)
{
    if (s->min_times == 1) {
        buf_printf(out,
                   "SELECT groupUniqArray(_i) AS came, arraySort(groupUniqArray(_d)) AS days FROM "
                   "(%s) GROUP BY _key",
                   rows);
        return;
    }
    buf_puts(out, "SELECT groupArrayIf(i, times >= ");
    query_bind_integer(q, out, s->min_times);
    buf_printf(out,
               ") AS came, arraySort(groupUniqArrayArray(active)) AS days FROM (SELECT _key AS "
               "key, _i AS i, count() AS times, groupUniqArray(_d) AS active FROM (%s) GROUP BY "
               "_key, _i) GROUP BY key",
               rows);
}

static int plan_buckets(struct run *run, const struct stickiness *s, struct query *q,
                        struct err *ret_err)
{
    struct events e;
    struct buf rows = {0}, actors = {0};
    const struct calendar *c = &s->calendar;
    int64_t from_us = s->lo <= s->hi && s->day0_us < c->at[0] ? s->day0_us : c->at[0];
    int rc = activity_begin(&e, run, q, c, from_us, ret_err);
    if (rc < 0)
        return rc;
    add_day(&e, s);
    events_end(&e, &rows);
    add_actors(s, buf_text(&rows), q, &actors);
    rc = run_query(run, q, &sql_stickiness,
                   (const struct query_fragment[]){{"actors", buf_text(&actors)}, {0}},
                   (size_t)2 * CALENDAR_MAX, ret_err);
    buf_done(&rows);
    buf_done(&actors);
    return rc < 0 ? rc : 0;
}

static int plan(struct run *run, struct err *ret_err)
{
    int rc = remember(run, ret_err);
    if (rc < 0)
        return rc;
    const struct stickiness *s = run->state;
    struct query q;
    query_init(&q);
    query_set_integer(&q, "first", s->first);
    query_set_integer(&q, "lo", s->lo);
    query_set_integer(&q, "hi", s->hi);
    rc = plan_buckets(run, s, &q, ret_err);
    query_done(&q);
    calendar_set_period(&s->calendar, s->first, run);
    return rc;
}

/* --- shape ----------------------------------------------------------------------------------- */

/* Actors by the number of intervals (0 = active only on days before the period). */
struct counts {
    json_int_t now[MAX_INTERVALS + 1], before[MAX_INTERVALS + 1];
    json_int_t active; /* in the period */
    double intervals;  /* all of theirs together */
    double day, week, month;
};

static void read_counts(const struct run *run, const struct stickiness *s, struct counts *ret)
{
    json_int_t most = s->calendar.count - s->first;
    const json_t *rows = run_rows(run, 0), *row;
    size_t i;
    json_array_foreach (rows, i, row) {
        bool is_now = json_at_integer(row, 0) == 1;
        json_int_t k = json_at_integer(row, 1);
        json_int_t count = json_at_integer(row, 2);
        if (k < 0 || k > most)
            continue;
        (is_now ? ret->now : ret->before)[k] = count;
        if (is_now && k > 0) {
            ret->active += count;
            ret->intervals += (double)count * (double)k;
        }
        ret->day += json_at_number(row, 3);
        ret->week += json_at_number(row, 4);
        ret->month += json_at_number(row, 5);
    }
    for (json_int_t k = most - 1; s->is_cumulative && k > 0; k--) {
        ret->now[k] += ret->now[k + 1];
        ret->before[k] += ret->before[k + 1];
    }
}

static json_t *bucket_items(const struct stickiness *s, const struct counts *counts)
{
    json_t *items = json_array();
    for (json_int_t k = 1; k <= s->calendar.count - s->first; k++) {
        json_t *item = json_pack("{s:I, s:I}", "intervals", k, "count", counts->now[k]);
        if (counts->active > 0)
            json_object_set_new(item, "share",
                                json_real((double)counts->now[k] / (double)counts->active));
        if (s->first > 0)
            json_object_set_new(item, "previous", json_integer(counts->before[k]));
        json_array_append_new(items, item);
    }
    return items;
}

static void write_headline(struct run *run, const struct stickiness *s, const struct counts *counts)
{
    const char *interval = json_get_string(run->arguments, "interval", "day");
    char number[48], intervals[48];
    buf_printf(&run->text, "%s",
               text_things(number, sizeof number, (double)counts->active, "active actor"));
    buf_printf(
        &run->text, ", on average in %s of %s",
        text_number(number, sizeof number, counts->intervals / (double)counts->active),
        text_things(intervals, sizeof intervals, (double)(s->calendar.count - s->first), interval));
    if (counts->week > 0)
        buf_printf(&run->text, "; DAU/WAU %s",
                   text_percent(number, sizeof number, counts->day / counts->week));
    if (counts->month > 0)
        buf_printf(&run->text, ", DAU/MAU %s",
                   text_percent(number, sizeof number, counts->day / counts->month));
    buf_puts(&run->text, ".\n");
}

/* What nobody reaches says nothing. */
static bool is_reached(const json_t *bucket)
{
    return json_get_integer(bucket, "count", 0) > 0 || json_get_integer(bucket, "previous", 0) > 0;
}

static void write_text(struct run *run, const struct stickiness *s, const json_t *buckets)
{
    bool is_long = strcmp(json_get_string(run->arguments, "format", "concise"), "detailed") == 0;
    size_t columns = s->first > 0 ? 4 : 3, shown = json_array_size(buckets);
    while (shown > 0 && !is_reached(json_array_get(buckets, shown - 1)))
        shown--;
    if (!is_long && shown > SHOWN_BUCKETS)
        shown = SHOWN_BUCKETS;
    text_table(&run->text,
               (const char *const[]){s->is_cumulative ? "at least" : "intervals", "actors", "share",
                                     s->first > 0 ? "previous" : NULL, NULL});
    for (size_t i = 0; i < shown; i++) {
        const json_t *item = json_array_get(buckets, i);
        char number[32], count[32], share[32], previous[32];
        snprintf(number, sizeof number, "%zu", i + 1);
        const char *row[] = {
            number, text_count(count, sizeof count, (double)json_get_integer(item, "count", 0)),
            text_percent(share, sizeof share, json_get_number(item, "share", 0)),
            text_count(previous, sizeof previous, (double)json_get_integer(item, "previous", 0))};
        text_row(&run->text, row, columns);
    }
    if (shown < json_array_size(buckets) && shown == SHOWN_BUCKETS)
        buf_printf(&run->text, "… up to %zu: format detailed shows them\n",
                   json_array_size(buckets));
    char open[64];
    if (calendar_not_over(run, &s->calendar, open, sizeof open)[0] != '\0')
        buf_printf(&run->text, "The %s not over yet.\n", open);
}

/* The highest bucket that anybody reaches. */
static void suggest(struct run *run, const json_t *buckets)
{
    json_int_t best = 0;
    const json_t *item;
    size_t i;
    json_array_foreach (buckets, i, item)
        if (json_get_integer(item, "count", 0) > 0)
            best = json_get_integer(item, "intervals", 0);
    if (best == 0)
        return;
    run_suggest(run, "list_actors",
                json_pack("{s:s, s:o, s:{s:I}}", "of", "stickiness", "arguments",
                          run_same_arguments(run), "cell", "intervals", best),
                "who comes most often");
}

static void warn_short(struct run *run, const struct stickiness *s)
{
    if (s->lo > s->hi || run->period.data_from_us <= s->day0_us)
        return;
    json_t *date = run_date(run, run->period.data_from_us);
    run_warn(run,
             "the data begin on %s: for the first days of the period dau_mau, and maybe dau_wau, "
             "look back on fewer days than 30 and 7",
             json_string_value(date));
    json_decref(date);
}

static int shape(struct run *run, struct err *ret_err)
{
    const struct stickiness *s = run->state;
    struct counts *counts = calloc(1, sizeof *counts);
    if (counts == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    read_counts(run, s, counts);
    json_t *buckets = bucket_items(s, counts);
    json_object_set_new(run->result, "buckets", buckets);
    if (counts->week > 0)
        json_object_set_new(run->result, "dau_wau", json_real(counts->day / counts->week));
    if (counts->month > 0)
        json_object_set_new(run->result, "dau_mau", json_real(counts->day / counts->month));
    if (counts->active > 0) {
        write_headline(run, s, counts);
        write_text(run, s, buckets);
        warn_short(run, s);
    }
    suggest(run, buckets);
    free(counts);
    return 0;
}

/* Whether nobody was active: the headline is then left to activity_shape_nobody(). */
static bool is_empty(const struct run *run)
{
    const json_t *buckets = json_object_get(run->result, "buckets"), *item;
    size_t i;
    json_array_foreach (buckets, i, item)
        if (json_get_integer(item, "count", 0) > 0)
            return false;
    return true;
}

static int plan_empty(struct run *run, struct err *ret_err)
{
    return is_empty(run) ? activity_plan_nobody(run, ret_err) : 0;
}

/* --- who stands in a cell -------------------------------------------------------------------- */

static int plan_rows(struct run *run, struct query *q, struct err *ret_err)
{
    const struct stickiness *s = run->state;
    struct events e;
    struct buf rows = {0};
    int rc = activity_begin(&e, run, q, &s->calendar, s->calendar.at[s->first], ret_err);
    if (rc < 0)
        return rc;
    events_end(&e, &rows);
    rc = cell_plan_actors(run, q, &sql_stickiness_actors,
                          (const struct query_fragment[]){{"rows", buf_text(&rows)}, {0}}, ret_err);
    buf_done(&rows);
    return rc;
}

static int plan_actors(struct run *run, const json_t *cell, struct err *ret_err)
{
    int rc = remember(run, ret_err);
    if (rc < 0)
        return rc;
    const struct stickiness *s = run->state;
    json_int_t most = s->calendar.count - s->first, k = json_get_integer(cell, "intervals", 0);
    if (k < 1 || k > most)
        return err_set(ret_err, ERR_ARGUMENT, "cell.intervals", "a number from 1 to %lld",
                       (long long)most);
    struct query q;
    query_init(&q);
    query_set_integer(&q, "min_times", s->min_times);
    query_set_integer(&q, "least", k);
    query_set_integer(&q, "most", s->is_cumulative ? most : k);
    rc = plan_rows(run, &q, ret_err);
    query_done(&q);
    calendar_set_period(&s->calendar, s->first, run);
    return rc;
}

static const struct step steps[] = {{plan, shape}, {plan_empty, activity_shape_nobody}, {0}};

const struct tool tool_stickiness = {
    .name = "stickiness",
    .title = "Stickiness",
    .description = "How often actors come: how many were active in 1, 2, 3 … intervals of the "
                   "period, and the daily to the weekly and monthly ones.",
    .toolset = "analytics",
    .params = params,
    .fields = fields,
    .steps = steps,
    .plan_actors = plan_actors,
};
