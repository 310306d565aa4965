/* The statements of maths that look beyond an interval: first times, and windows of days. */
#include "sql_text.h"
#include "trend.h"

/* --- first_time ------------------------------------------------------------------------------ */

int trend_plan_first(struct run *run, const struct trend *t, size_t series, struct err *ret_err)
{
    const struct trend_calendar *now = &t->calendar[TREND_CURRENT];
    struct query q;
    struct events e;
    struct buf rows = {0}, other = {0};
    query_init(&q);
    query_set_integer(&q, "from", now->from_us);
    query_set_integer(&q, "first",
                      t->has_previous ? t->calendar[TREND_PREVIOUS].from_us : now->from_us);
    int rc = trend_begin_rows(run, t, &q, INT64_MIN, now->to_us, series, &e, ret_err);
    if (rc == 0) {
        events_where(&e, "_named");
        events_end(&e, &rows);
        buf_puts(&other, t->field_count > 0 ? "v NOT IN " : "0");
        if (t->field_count > 0)
            trend_add_kept(t, &q, &other);
        rc = run_query(run, &q, &sql_run_trend_first,
                       (const struct query_fragment[]){
                           {"rows", buf_text(&rows)},
                           {"value", t->field_count > 0 ? "argMin(_value, (_us, _order, _value))"
                                                        : "CAST([], 'Array(String)')"},
                           {"other", buf_text(&other)},
                           {0}},
                       TREND_MAX_ROWS, ret_err);
    }
    buf_done(&rows);
    buf_done(&other);
    query_done(&q);
    return rc;
}

/* --- weekly and monthly actors --------------------------------------------------------------- */

/* Which points a row reaches: those that end after it and whose window has begun. */
static void add_span_of_step(const struct run *run, const struct trend *t, size_t series,
                             const struct trend_calendar *c, struct events *e)
{
    struct buf start = {0}, first = {0};
    query_bind_integer(e->q, &start, c->start_us[0]);
    query_bind_integer(e->q, &first, trend_window_start(run, t, series, c, 0));
    events_column(e, "_span",
                  "greatest(0, intDiv(_us - %s, %lld)) * 100000 + least(%zu, intDiv(_us - %s, "
                  "%lld))",
                  buf_text(&start), (long long)trend_step_us(t), c->count - 1, buf_text(&first),
                  (long long)trend_step_us(t));
    buf_done(&start);
    buf_done(&first);
}

/* The same by the day that it lies in, with which windows begin. */
static int add_span_of_day(const struct run *run, const struct trend *t, size_t series,
                           const struct trend_calendar *c, struct events *e, struct err *ret_err)
{
    enum { MAX_DAYS = 8000 }; /* a server refuses statements of more than 256 KiB */
    const struct zone *zone = run->period.zone;
    int64_t first_us = trend_window_start(run, t, series, c, 0);
    size_t first = 0, last = 0; /* the first point that has not ended; windows that have begun */
    struct buf starts = {0}, spans = {0};
    int64_t i = 0;
    for (int64_t at_us = first_us; at_us < c->to_us && i <= MAX_DAYS;
         at_us = interval_next_us(zone, INTERVAL_DAY, false, at_us), i++) {
        while (first < c->count && c->start_us[first + 1] <= at_us)
            first++;
        while (last < c->count && trend_window_start(run, t, series, c, last) <= at_us)
            last++;
        buf_printf(&starts, "%s%lld", i > 0 ? ", " : "", (long long)at_us);
        buf_printf(&spans, "%s%zu", i > 0 ? ", " : "", first * 100000 + last - 1);
    }
    events_interval(e, "_day", INTERVAL_DAY, false);
    events_column(e, "_span", "transform(_day, [%s], [%s], toInt64(-1))", buf_text(&starts),
                  buf_text(&spans));
    buf_done(&starts);
    buf_done(&spans);
    return i <= MAX_DAYS
               ? 0
               : err_set(ret_err, ERR_ARGUMENT, "from", "%s is for periods of up to %d days",
                         math_names[t->series[series].math], MAX_DAYS);
}

int trend_plan_window(struct run *run, const struct trend *t, size_t series,
                      enum trend_period period, struct err *ret_err)
{
    const struct trend_calendar *c = &t->calendar[period];
    struct query q;
    struct events e;
    struct buf rows = {0}, other = {0};
    query_init(&q);
    int rc = trend_begin_rows(run, t, &q, trend_window_start(run, t, series, c, 0), c->to_us,
                              series, &e, ret_err);
    if (rc == 0 && trend_step_us(t) > 0)
        add_span_of_step(run, t, series, c, &e);
    else if (rc == 0 && (rc = add_span_of_day(run, t, series, c, &e, ret_err)) < 0)
        events_drop(&e);
    if (rc == 0) {
        events_where(&e, "_named AND _span >= 0");
        events_end(&e, &rows);
        buf_puts(&other, t->field_count > 0 ? "_value NOT IN " : "0");
        if (t->field_count > 0)
            trend_add_kept(t, &q, &other);
        rc = run_query(run, &q, &sql_run_trend_window,
                       (const struct query_fragment[]){{"rows", buf_text(&rows)},
                                                       {"value", t->field_count > 0
                                                                     ? "if(other, [], _value)"
                                                                     : "CAST([], 'Array(String)')"},
                                                       {"other", buf_text(&other)},
                                                       {0}},
                       TREND_MAX_ROWS, ret_err);
    }
    buf_done(&rows);
    buf_done(&other);
    query_done(&q);
    return rc;
}
