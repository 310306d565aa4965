#include <stdio.h>
#include <string.h>

#include "json.h"
#include "period.h"
#include "sql_text.h"
#include "trend.h"

/* --- the rows -------------------------------------------------------------------------------- */

bool trend_is_in_scan(const struct trend *t, size_t series, size_t only)
{
    return only == SIZE_MAX
               ? !(t->series[series].is_later && math_is_quantile(t->series[series].math))
               : series == only;
}

static bool is_asked(size_t series, size_t only)
{
    return only == SIZE_MAX || series == only;
}

static int add_number(const struct trend *t, struct events *e, size_t i, struct err *ret_err)
{
    char name[32], path[32];
    if (t->series[i].field == NULL)
        return 0;
    snprintf(name, sizeof name, "_x%zu", i);
    snprintf(path, sizeof path, "series[%zu].field", i);
    return events_number(e, name, t->series[i].field, path, ret_err);
}

/* The columns _m<n> (the row is one of series n) and _x<n> (its number), and only such rows. */
static int add_series(const struct trend *t, struct events *e, size_t only, struct err *ret_err)
{
    struct buf any = {0};
    int rc = 0;
    for (size_t i = 0; i < t->series_count && rc == 0; i++) {
        char name[32], path[32];
        if (!is_asked(i, only))
            continue;
        snprintf(name, sizeof name, "_m%zu", i);
        snprintf(path, sizeof path, "series[%zu]", i);
        rc = events_match(e, name, t->series[i].matcher, path, ret_err);
        if (rc == 0)
            rc = add_number(t, e, i, ret_err);
        buf_printf(&any, "%s%s", any.len > 0 ? " OR " : "", name);
    }
    events_where(e, "%s", buf_text(&any));
    buf_done(&any);
    return rc;
}

static int add_values(const struct trend *t, struct events *e, struct err *ret_err)
{
    int rc = 0;
    for (size_t i = 0; i < t->field_count && rc == 0; i++) {
        char name[32], path[32];
        snprintf(name, sizeof name, "_v%zu", i);
        snprintf(path, sizeof path, "breakdown[%zu]", i);
        rc = events_key(e, name, json_at_string(t->breakdown, i), path, ret_err);
    }
    return rc;
}

void trend_add_keys(const struct trend *t, struct buf *out)
{
    for (size_t i = 0; i < t->field_count; i++)
        buf_printf(out, "%s_v%zu", i > 0 ? ", " : "", i);
}

void trend_add_value(const struct trend *t, struct buf *out)
{
    buf_puts(out, "CAST([");
    trend_add_keys(t, out);
    buf_puts(out, "], 'Array(String)')");
}

/* Minutes and hours are counted from the first one of a period: where clocks change by half an
 * hour, those of the clock would lie across each other. */
int64_t trend_step_us(const struct trend *t)
{
    return t->interval == INTERVAL_MINUTE ? 60000000
           : t->interval == INTERVAL_HOUR ? 3600000000
                                          : 0;
}

static void add_step(const struct trend *t, struct query *q, enum trend_period period,
                     struct buf *out)
{
    const int64_t start_us = t->calendar[period].start_us[0], step = trend_step_us(t);
    struct buf start = {0};
    query_bind_integer(q, &start, start_us);
    buf_printf(out, "intDiv(_us - %s, %lld) * %lld + %s", buf_text(&start), (long long)step,
               (long long)step, buf_text(&start));
    buf_done(&start);
}

static void add_interval(const struct trend *t, struct events *e)
{
    struct buf now = {0}, before = {0}, from = {0};
    if (trend_step_us(t) == 0) {
        events_interval(e, "_at", t->interval, t->sunday_weeks);
        return;
    }
    add_step(t, e->q, TREND_CURRENT, &now);
    if (t->has_previous) {
        query_bind_integer(e->q, &from, t->calendar[TREND_CURRENT].from_us);
        add_step(t, e->q, TREND_PREVIOUS, &before);
        events_column(e, "_at", "if(_us < %s, %s, %s)", buf_text(&from), buf_text(&before),
                      buf_text(&now));
    } else {
        events_column(e, "_at", "%s", buf_text(&now));
    }
    buf_done(&now);
    buf_done(&before);
    buf_done(&from);
}

int trend_begin_rows(const struct run *run, const struct trend *t, struct query *q, int64_t from_us,
                     int64_t to_us, size_t only, struct events *e, struct err *ret_err)
{
    int rc = events_begin_all(e, run, q, from_us, to_us, ret_err);
    if (rc < 0)
        return rc;
    add_interval(t, e);
    rc = add_series(t, e, only, ret_err);
    if (rc == 0)
        rc = add_values(t, e, ret_err);
    if (rc < 0)
        events_drop(e);
    return rc;
}

/* The values kept, as a set for IN. */
void trend_add_kept(const struct trend *t, struct query *q, struct buf *out)
{
    json_t *flat = json_array();
    size_t count = json_array_size(t->values) - (t->has_other ? 1 : 0);
    for (size_t i = 0; i < count; i++)
        json_array_extend(flat, json_array_get(t->values, i));
    buf_puts(out, "(SELECT arrayJoin(arrayMap(i -> arraySlice(");
    query_bind_texts(q, out, flat);
    buf_printf(out, ", i + 1, %zu), range(0, %zu, %zu))))", t->field_count, count * t->field_count,
               t->field_count);
    json_decref(flat);
}

/* The condition that a row has another value than those. */
static void add_not_kept(const struct trend *t, struct events *e)
{
    struct buf columns = {0}, values = {0};
    size_t count = json_array_size(t->values) - (t->has_other ? 1 : 0);
    trend_add_keys(t, &columns);
    for (size_t i = 0; i < t->field_count; i++) {
        json_t *texts = json_array();
        for (size_t v = 0; v < count; v++)
            json_array_append(texts, json_array_get(json_array_get(t->values, v), i));
        buf_puts(&values, i > 0 ? ", " : "");
        query_bind_texts(e->q, &values, texts);
        json_decref(texts);
    }
    events_where(e, "(%s) NOT IN (SELECT arrayJoin(%s(%s)))", buf_text(&columns),
                 t->field_count > 1 ? "arrayZip" : "", buf_text(&values));
    buf_done(&columns);
    buf_done(&values);
}

/* --- one scan for all ------------------------------------------------------------------------ */

struct scan {
    struct buf rows, values, keys, states, parts, figures, weight, other;
};

static void scan_done(struct scan *s)
{
    struct buf *all[] = {&s->rows,  &s->values,  &s->keys,   &s->states,
                         &s->parts, &s->figures, &s->weight, &s->other};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
}

/* Whether the quantile of a series must be an estimate: known in a later round. */
static bool is_approximate(const struct trend *t, size_t series)
{
    double most = 0;
    for (size_t v = 0; t->figures.events != NULL && v < json_array_size(t->values); v++)
        most += t->figures.events[trend_total(t, series, v, TREND_CURRENT)];
    return math_is_quantile(t->series[series].math) && most > TREND_EXACT_VALUES;
}

static struct math_way way_of(const struct trend *t, size_t series)
{
    return (struct math_way){.is_approximate = is_approximate(t, series),
                             .has_bitmaps = t->has_bitmaps};
}

/* The rows that are equal in some columns. PARTITION BY means the same, but deals the rows out to
 * streams, and where those meet again each state is copied. */
#define OVER_EQUAL(columns) " OVER (ORDER BY " columns " RANGE BETWEEN CURRENT ROW AND CURRENT ROW)"

/* p<n> the value of an interval, t<n> of its period, and which of them a row of the result is. */
static void add_figures(const struct trend *t, size_t i, struct scan *s)
{
    enum math_name math = t->series[i].math;
    buf_puts(&s->parts, ", toFloat64(");
    math_final(math, i, &s->parts);
    buf_printf(&s->parts, ") AS p%zu, toFloat64(", i);
    math_merged(math, way_of(t, i), i, NULL, OVER_EQUAL("v, previous"), &s->parts);
    buf_printf(&s->parts, ") AS t%zu", i);
    buf_puts(&s->figures, ", ");
    if (t->field_count > 0) {
        buf_puts(&s->figures, "if(other, toFloat64(");
        math_merged(math, way_of(t, i), i, "other", "", &s->figures);
        buf_puts(&s->figures, "), ");
    }
    buf_printf(&s->figures, "if(grouping(at) > 0, any(t%zu), any(p%zu))%s", i, i,
               t->field_count > 0 ? ")" : "");
}

/* _n<n>: the events behind a value; with a field, those with a number. */
static void add_count(const struct trend *t, size_t i, bool is_single, struct buf *out)
{
    bool has_field = t->series[i].field != NULL;
    buf_puts(out, is_single && !has_field ? ", count(" : ", countIf(");
    if (has_field)
        buf_printf(out, "_x%zu IS NOT NULL", i);
    if (!is_single)
        buf_printf(out, "%s_m%zu", has_field ? " AND " : "", i);
    buf_printf(out, ") AS _n%zu", i);
}

static void add_states(const struct trend *t, size_t only, struct scan *s)
{
    bool is_single = t->series_count == 1 || only != SIZE_MAX;
    for (size_t i = 0; i < t->series_count; i++) {
        char condition[32], value[32];
        snprintf(condition, sizeof condition, "_m%zu", i);
        snprintf(value, sizeof value, "_x%zu", i);
        const struct math_columns columns = {.actor = "_key",
                                             .has_actor = "_named",
                                             .session = "_visit",
                                             .has_session = "_in_visit",
                                             .value = value,
                                             .condition = is_single ? NULL : condition};
        if (!is_asked(i, only))
            continue;
        if (trend_is_in_scan(t, i, only)) {
            math_states(t->series[i].math, &columns, way_of(t, i), i, &s->states);
            add_figures(t, i, s);
        } else {
            buf_puts(&s->figures, ", NULL");
        }
        add_count(t, i, is_single, &s->states);
        buf_printf(&s->figures, ", toInt64(sum(_n%zu))", i);
    }
}

/* What values are ranked by: how much there is of the first series in the period. */
static void add_weight(const struct trend *t, struct buf *out)
{
    const char *amount = maths[t->series[0].math].is_counting ? "max(if(previous, 0, t0))"
                                                              : "sum(if(previous, 0, _n0))";
    buf_printf(out, "%s" OVER_EQUAL("v"), amount);
}

static void add_ranks(const struct trend *t, struct query *q, size_t only, struct scan *s)
{
    bool is_first = only == SIZE_MAX;
    trend_add_value(t, &s->values);
    buf_puts(&s->keys, t->field_count > 0 ? ", " : "");
    trend_add_keys(t, &s->keys);
    if (t->field_count > 0 && is_first)
        add_weight(t, &s->weight);
    else
        buf_puts(&s->weight, "0");
    if (t->field_count > 0 && is_first) {
        buf_puts(&s->other, "dense_rank() OVER (ORDER BY weight DESC, v) > ");
        query_bind_integer(q, &s->other, t->breakdown_limit);
    } else if (t->field_count > 0) {
        buf_puts(&s->other, "v NOT IN ");
        trend_add_kept(t, q, &s->other);
    } else {
        buf_puts(&s->other, "0");
    }
}

int64_t trend_window_start(const struct run *run, const struct trend *t, size_t series,
                           const struct trend_calendar *c, size_t point)
{
    int days = maths[t->series[series].math].window_days;
    int64_t end_us = c->start_us[point + 1];
    return trend_step_us(t) > 0 ? end_us - days * INT64_C(86400000000)
                                : interval_add_us(run->period.zone, INTERVAL_DAY, end_us, -days);
}

/* Where the rows begin: with windows over several values earlier than what is counted, or a value
 * that only a window sees would be unknown. */
static int64_t scan_start(const struct run *run, const struct trend *t, int64_t first_us)
{
    const struct trend_calendar *c = &t->calendar[t->has_previous ? TREND_PREVIOUS : TREND_CURRENT];
    int64_t from_us = first_us;
    for (size_t i = 0; t->field_count > 0 && i < t->series_count; i++) {
        if (maths[t->series[i].math].window_days == 0)
            continue;
        int64_t window_us = trend_window_start(run, t, i, c, 0);
        from_us = window_us < from_us ? window_us : from_us;
    }
    return from_us;
}

/* The column _before: 0 in the period, 1 in the one before, 2 ahead of both. */
int trend_scan_rows(const struct run *run, const struct trend *t, struct query *q, size_t only,
                    struct buf *out, struct err *ret_err)
{
    const struct trend_calendar *now = &t->calendar[TREND_CURRENT];
    int64_t first_us = t->has_previous ? t->calendar[TREND_PREVIOUS].from_us : now->from_us;
    int64_t start_us = scan_start(run, t, first_us);
    struct events e;
    struct buf first = {0}, from = {0};
    int rc = trend_begin_rows(run, t, q, start_us, now->to_us, only, &e, ret_err);
    if (rc < 0)
        return rc;
    query_bind_integer(q, &first, first_us);
    query_bind_integer(q, &from, now->from_us);
    if (start_us < now->from_us)
        events_column(&e, "_before", "multiIf(_us < %s, 2, _us < %s, 1, 0)", buf_text(&first),
                      buf_text(&from));
    else
        events_column(&e, "_before", "0");
    if (t->rest_of != NULL) {
        rc = add_values(t->rest_of, &e, ret_err);
        add_not_kept(t->rest_of, &e);
    }
    if (rc == 0)
        events_end(&e, out);
    else
        events_drop(&e);
    buf_done(&first);
    buf_done(&from);
    return rc;
}

int trend_plan_scan(struct run *run, const struct trend *t, size_t only, struct err *ret_err)
{
    struct query q;
    struct scan s = {0};
    query_init(&q);
    int rc = trend_scan_rows(run, t, &q, only, &s.rows, ret_err);
    if (rc == 0) {
        add_states(t, only, &s);
        add_ranks(t, &q, only, &s);
        rc = run_query(run, &q, &sql_run_trend,
                       (const struct query_fragment[]){{"rows", buf_text(&s.rows)},
                                                       {"values", buf_text(&s.values)},
                                                       {"keys", buf_text(&s.keys)},
                                                       {"states", buf_text(&s.states)},
                                                       {"parts", buf_text(&s.parts)},
                                                       {"figures", buf_text(&s.figures)},
                                                       {"weight", buf_text(&s.weight)},
                                                       {"other", buf_text(&s.other)},
                                                       {0}},
                       TREND_MAX_ROWS, ret_err);
    }
    scan_done(&s);
    query_done(&q);
    return rc;
}
