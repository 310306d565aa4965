/* Who stands behind a point: the cell {time, series, breakdown}. */
#include <string.h>

#include "cell.h"
#include "json.h"
#include "period.h"
#include "trend.h"

struct cell {
    size_t series;
    int64_t from_us, to_us; /* of the rows */
    json_t *value;          /* borrowed; NULL = any */
    bool is_other;
};

static int find_series(const struct trend *t, const json_t *cell, size_t *ret_series,
                       struct err *ret_err)
{
    const char *wanted = json_get_string(cell, "series", NULL);
    if (wanted == NULL && t->series_count == 1) {
        *ret_series = 0;
        return 0;
    }
    for (size_t i = 0; wanted != NULL && i < t->series_count; i++) {
        if (strcmp(t->series[i].name, wanted) == 0) {
            *ret_series = i;
            return 0;
        }
    }
    if (wanted != NULL && strlen(wanted) == 1 && wanted[0] >= 'A' &&
        wanted[0] < 'A' + (int)t->series_count) {
        *ret_series = (size_t)(wanted[0] - 'A');
        return 0;
    }
    return err_set(ret_err, ERR_ARGUMENT, "cell.series",
                   "one of the series by its name ('%.60s', …) or letter, A to %c",
                   t->series[0].name, (int)('A' + t->series_count - 1));
}

/* The interval that holds the time. */
static int find_time(const struct run *run, const struct trend *t, const char *time, struct cell *c,
                     struct err *ret_err)
{
    const struct trend_calendar *now = &t->calendar[TREND_CURRENT];
    int64_t at_us;
    size_t i = 0;
    int rc = period_parse(time, "cell.time", false, run->period.complete_until_us, run->period.zone,
                          &at_us, ret_err);
    if (rc < 0)
        return rc;
    while (i < now->count && now->start_us[i + 1] <= at_us)
        i++;
    if (i == now->count || at_us < now->start_us[0])
        return err_set(ret_err, ERR_ARGUMENT, "cell.time",
                       "the time of a point of the trend, which lies in its period");
    c->to_us = now->start_us[i + 1] < now->to_us ? now->start_us[i + 1] : now->to_us;
    c->from_us = now->start_us[i] > now->from_us ? now->start_us[i] : now->from_us;
    if (maths[t->series[c->series].math].window_days > 0)
        c->from_us = trend_window_start(run, t, c->series, now, i);
    return 0;
}

static int read_cell(const struct run *run, const struct trend *t, const json_t *cell,
                     struct cell *ret_cell, struct err *ret_err)
{
    const char *time = json_get_string(cell, "time", NULL);
    struct cell c = {.from_us = t->calendar[TREND_CURRENT].from_us,
                     .to_us = t->calendar[TREND_CURRENT].to_us};
    int rc = find_series(t, cell, &c.series, ret_err);
    if (rc == 0 && time != NULL)
        rc = find_time(run, t, time, &c, ret_err);
    if (rc == 0)
        rc = cell_values(cell, t->field_count, &c.value, ret_err);
    if (rc < 0)
        return rc;
    c.is_other = cell_is_other(c.value);
    *ret_cell = c;
    return 0;
}

/* "NOT IN (the values that the result shows)": ranked as the scan ranks them. */
static int add_not_shown(const struct run *run, const struct trend *t, struct query *q,
                         struct buf *out, struct err *ret_err)
{
    struct query_scope outer = query_scope_begin(q);
    struct buf rows = {0}, value = {0}, weight = {0};
    const struct math_columns columns = {.actor = "_key",
                                         .has_actor = "_named",
                                         .session = "_visit",
                                         .has_session = "_in_visit",
                                         .value = "_x0",
                                         .condition = "_m0 AND NOT _before"};
    bool is_counting = maths[t->series[0].math].is_counting;
    int rc = trend_scan_rows(run, t, q, SIZE_MAX, &rows, ret_err);
    trend_add_value(t, &value);
    if (!is_counting && t->series[0].field != NULL)
        buf_puts(&weight, "countIf(_m0 AND NOT _before AND _x0 IS NOT NULL)");
    else
        math_value(is_counting ? t->series[0].math : MATH_TOTAL, &columns, &weight);
    buf_printf(out,
               "GLOBAL NOT IN (SELECT v FROM (SELECT %s AS v, %s AS weight FROM (%s) GROUP BY v) "
               "ORDER BY weight DESC, v LIMIT ",
               buf_text(&value), buf_text(&weight), buf_text(&rows));
    query_bind_integer(q, out, t->breakdown_limit);
    buf_putc(out, ')');
    struct buf *all[] = {&rows, &value, &weight};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
    query_scope_end(q, outer);
    return rc;
}

/* The condition on the values, of the column that holds them. */
static int add_value_condition(const struct run *run, const struct trend *t, const struct cell *c,
                               struct query *q, const char *column, struct buf *out,
                               struct err *ret_err)
{
    if (c->value == NULL) {
        buf_putc(out, '1');
        return 0;
    }
    buf_printf(out, "%s ", column);
    if (c->is_other)
        return add_not_shown(run, t, q, out, ret_err);
    buf_puts(out, "= ");
    query_bind_texts(q, out, c->value);
    return 0;
}

/* Those whose first event of all lies in the cell. */
static int add_newcomers(const struct run *run, const struct trend *t, const struct cell *c,
                         struct query *q, struct buf *out, struct err *ret_err)
{
    struct query_scope outer = query_scope_begin(q);
    struct buf rows = {0}, value = {0};
    struct events e;
    int rc = trend_begin_rows(run, t, q, INT64_MIN, c->to_us, c->series, &e, ret_err);
    if (rc == 0) {
        events_where(&e, "_named");
        events_end(&e, &rows);
    }
    query_scope_end(q, outer);
    if (rc == 0)
        rc = add_value_condition(run, t, c, q, "argMin(_value, (_us, _order, _value))", &value,
                                 ret_err);
    buf_printf(out, "_key GLOBAL IN (SELECT _key FROM (%s) GROUP BY _key HAVING min(_us) >= ",
               buf_text(&rows));
    query_bind_integer(q, out, c->from_us);
    buf_printf(out, " AND %s)", buf_text(&value));
    buf_done(&rows);
    buf_done(&value);
    return rc;
}

int trend_plan_actors(struct run *run, const struct trend *t, const json_t *cell,
                      struct err *ret_err)
{
    struct cell c;
    struct query q;
    struct events e;
    struct buf condition = {0};
    int rc = read_cell(run, t, cell, &c, ret_err);
    if (rc < 0)
        return rc;
    query_init(&q);
    rc = trend_begin_rows(run, t, &q, c.from_us, c.to_us, c.series, &e, ret_err);
    if (rc == 0) {
        const struct trend_series *s = &t->series[c.series];
        if (s->math == MATH_FIRST_TIME)
            rc = add_newcomers(run, t, &c, &q, &condition, ret_err);
        else
            rc = add_value_condition(run, t, &c, &q, "_value", &condition, ret_err);
        events_where(&e, "_named");
        events_where(&e, "%s", buf_text(&condition));
        if (s->field != NULL)
            events_where(&e, "_x%zu IS NOT NULL", c.series);
        if (rc == 0)
            rc = events_plan_actors(&e, run, ret_err);
        else
            events_drop(&e);
    }
    buf_done(&condition);
    query_done(&q);
    return rc;
}
