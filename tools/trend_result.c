#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "text.h"
#include "trend.h"

/* --- the lines of the result ------------------------------------------------------------------ */

/* Each series and value, or the formula and each value. */
struct lines {
    struct trend_line *items;
    size_t count;
    double *points; /* of all lines: formula and smoothing need room of their own */
    bool divided_by_zero;
};

static void lines_done(struct lines *l)
{
    free(l->items);
    free(l->points);
}

/* The mean of a point and the N - 1 before it, as far as they are there. */
static void smooth(const double *points, size_t count, size_t width, double *out)
{
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        size_t n = 0;
        for (size_t k = i + 1 > width ? i + 1 - width : 0; k <= i; k++) {
            if (!isnan(points[k])) {
                sum += points[k];
                n++;
            }
        }
        out[i] = isnan(points[i]) || n == 0 ? NAN : sum / (double)n;
    }
}

static void combine(struct lines *l, const struct trend *t, size_t value, enum trend_period period,
                    double *out)
{
    double figures[TREND_MAX_SERIES];
    for (size_t k = 0; k < t->calendar[period].count; k++) {
        for (size_t s = 0; s < t->series_count; s++)
            figures[s] = *trend_point(t, s, value, period, k);
        out[k] = formula_value(&t->formula, figures, &l->divided_by_zero);
    }
}

static double combined_total(struct lines *l, const struct trend *t, size_t value,
                             enum trend_period period)
{
    double figures[TREND_MAX_SERIES];
    for (size_t s = 0; s < t->series_count; s++)
        figures[s] = t->figures.totals[trend_total(t, s, value, period)];
    return formula_value(&t->formula, figures, &l->divided_by_zero);
}

static void fill_line(struct lines *l, const struct trend *t, size_t series, size_t value,
                      double *room)
{
    bool is_formula = series == SIZE_MAX;
    struct trend_line *line = &l->items[l->count++];
    *line = (struct trend_line){.name = is_formula ? t->formula_text : t->series[series].name,
                                .value = value,
                                .math = is_formula ? MATH_AVERAGE : t->series[series].math,
                                .is_formula = is_formula};
    for (size_t p = 0; p < TREND_PERIODS; p++) {
        enum trend_period period = (enum trend_period)p;
        double *raw = room + p * 2 * t->width, *smoothed = raw + t->width;
        line->total[p] = NAN;
        if (p == TREND_PREVIOUS && !t->has_previous)
            continue;
        if (is_formula) {
            combine(l, t, value, period, raw);
            line->total[p] = combined_total(l, t, value, period);
        } else {
            memcpy(raw, trend_point(t, series, value, period, 0), t->width * sizeof *raw);
            line->total[p] = t->figures.totals[trend_total(t, series, value, period)];
        }
        smooth(raw, t->calendar[p].count, (size_t)t->smoothing, smoothed);
        line->points[p] = t->smoothing > 1 ? smoothed : raw;
    }
}

static int make_lines(const struct trend *t, struct lines *ret_lines, struct err *ret_err)
{
    size_t values = json_array_size(t->values);
    size_t series = t->formula_text != NULL ? 1 : t->series_count;
    size_t room = (size_t)TREND_PERIODS * 2 * t->width;
    struct lines l = {.items = calloc(series * values + 1, sizeof *l.items),
                      .points = calloc(series * values * room + 1, sizeof *l.points)};
    if (l.items == NULL || l.points == NULL) {
        lines_done(&l);
        err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        return -ERR_MEMORY;
    }
    for (size_t s = 0; s < series; s++)
        for (size_t v = 0; v < values; v++)
            fill_line(&l, t, t->formula_text != NULL ? SIZE_MAX : s, v, l.points + l.count * room);
    *ret_lines = l;
    return 0;
}

/* --- structured --------------------------------------------------------------------------------
 */

static void set_number(json_t *object, const char *name, double value)
{
    if (isnan(value))
        return;
    bool is_whole = value == floor(value) && fabs(value) < 9e15;
    json_object_set_new(object, name,
                        is_whole ? json_integer((json_int_t)value) : json_real(value));
}

/* A period that is not asked for has no points. */
static double value_at(const struct trend_line *line, enum trend_period period, size_t i)
{
    return line->points[period] != NULL ? line->points[period][i] : NAN;
}

static json_t *point_item(const struct run *run, const struct trend *t,
                          const struct trend_line *line, size_t i)
{
    const struct trend_calendar *c = &t->calendar[TREND_CURRENT];
    json_t *item =
        json_pack("{s:o, s:s}", "time", run_time(run, c->start_us[i]), "series", line->name);
    if (t->field_count > 0)
        json_object_set(item, "breakdown", json_array_get(t->values, line->value));
    set_number(item, "value", value_at(line, TREND_CURRENT, i));
    if (i < t->calendar[TREND_PREVIOUS].count)
        set_number(item, "previous", value_at(line, TREND_PREVIOUS, i));
    json_object_set_new(item, "complete",
                        json_boolean(c->start_us[i + 1] <= run->period.complete_until_us));
    return item;
}

static int shape_points(struct run *run, const struct trend *t, const struct lines *l,
                        struct err *ret_err)
{
    int64_t limit, offset;
    size_t count = t->calendar[TREND_CURRENT].count;
    int rc = run_page(run, 1000, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    int64_t all = (int64_t)(l->count * count);
    json_t *points = json_array();
    for (int64_t at = offset; at < all && at < offset + limit; at++)
        json_array_append_new(
            points, point_item(run, t, &l->items[(size_t)at / count], (size_t)at % count));
    if (offset + limit < all) {
        run_set_cursor(run, offset + limit);
        run_truncated(run, "points", limit,
                      "continue with the cursor, or take a wider interval or fewer values");
    }
    json_object_set_new(run->result, "points", points);
    return 0;
}

static json_t *total_item(const struct trend *t, const char *name, size_t value, double now,
                          double before)
{
    json_t *item = json_pack("{s:s}", "series", name);
    if (t->field_count > 0)
        json_object_set(item, "breakdown", json_array_get(t->values, value));
    set_number(item, "value", now);
    if (t->has_previous) {
        set_number(item, "previous", before);
        if (before != 0 && !isnan(before) && !isnan(now))
            set_number(item, "change", (now - before) / fabs(before));
    }
    return item;
}

/* Every page of points repeats the totals: they must leave room for them. */
enum { MAX_TOTALS = 300 };

static void add_total(json_t *totals, json_t *item)
{
    if (json_array_size(totals) < MAX_TOTALS)
        json_array_append_new(totals, item);
    else
        json_decref(item);
}

/* With a formula: first its own, then those of what it is made of. */
static void shape_totals(struct run *run, const struct trend *t, const struct lines *l)
{
    json_t *totals = json_array();
    size_t values = json_array_size(t->values), all = l->count;
    for (size_t i = 0; i < l->count; i++) {
        const struct trend_line *line = &l->items[i];
        add_total(totals, total_item(t, line->name, line->value, line->total[TREND_CURRENT],
                                     line->total[TREND_PREVIOUS]));
    }
    for (size_t s = 0; t->formula_text != NULL && s < t->series_count; s++) {
        all += values;
        for (size_t v = 0; v < values; v++)
            add_total(totals, total_item(t, t->series[s].name, v,
                                         t->figures.totals[trend_total(t, s, v, TREND_CURRENT)],
                                         t->figures.totals[trend_total(t, s, v, TREND_PREVIOUS)]));
    }
    if (all > MAX_TOTALS)
        run_truncated(run, "totals", MAX_TOTALS, "ask for fewer values with breakdown_limit");
    json_object_set_new(run->result, "totals", totals);
}

/* --- warnings ----------------------------------------------------------------------------------
 */

static double sum_of(const struct trend *t, const double *figures, size_t series)
{
    double sum = 0;
    for (size_t v = 0; v < json_array_size(t->values); v++) {
        double figure = figures[trend_total(t, series, v, TREND_CURRENT)];
        sum += isnan(figure) ? 0 : figure;
    }
    return sum;
}

static void warn_series(struct run *run, const struct trend *t, size_t i)
{
    const struct trend_series *s = &t->series[i];
    double events = sum_of(t, t->figures.events, i);
    char count[32];
    text_count(count, sizeof count, events);
    if (s->field != NULL && events == 0)
        run_warn(run, "no event of '%.100s' in this period has a number in '%.100s'", s->name,
                 s->field);
    else if (maths[s->math].argument == 'a' && events > 0 && s->math != MATH_FIRST_TIME &&
             sum_of(t, t->figures.totals, i) == 0)
        run_warn(run,
                 "none of the %s events '%.100s' of the period names its %.100s: count "
                 "another actor",
                 count, s->name, json_get_string(run->arguments, "actor", "user"));
    else if (maths[s->math].argument == 's' && events > 0 && sum_of(t, t->figures.totals, i) == 0)
        run_warn(run, "none of the %s events '%.100s' of the period names its session", count,
                 s->name);
    if (math_is_quantile(s->math) && events > TREND_EXACT_VALUES)
        run_warn(run, "%s of '%.100s' is approximate (t-digest): more than %d values",
                 math_names[s->math], s->name, TREND_EXACT_VALUES);
}

static void warn(struct run *run, const struct trend *t, const struct lines *l)
{
    const struct trend_calendar *c = &t->calendar[TREND_CURRENT];
    for (size_t i = 0; i < t->series_count; i++)
        warn_series(run, t, i);
    if (l->divided_by_zero)
        run_warn(run, "the formula divides by zero in places: there it has no value");
    const char *interval = json_get_string(run->arguments, "interval", "day");
    if (c->start_us[0] < c->from_us)
        run_warn(run, "the first %s begins before `from`: its point counts a part of it", interval);
    if (c->start_us[c->count] > c->to_us && c->to_us <= run->period.complete_until_us)
        run_warn(run, "the last %s ends after `to`: its point counts a part of it", interval);
}

/* --- next --------------------------------------------------------------------------------------
 */

static void suggest(struct run *run, const struct trend *t, const struct lines *l)
{
    const struct trend_line *first = &l->items[0];
    size_t peak = SIZE_MAX, count = t->calendar[TREND_CURRENT].count;
    for (size_t i = 0; l->count > 0 && i < count; i++)
        if (!isnan(first->points[0][i]) &&
            (peak == SIZE_MAX || first->points[0][i] > first->points[0][peak]))
            peak = i;
    bool has_actors = run->source->fields[SOURCE_ACTOR].count > 0 ||
                      strcmp(json_get_string(run->arguments, "actor", "user"), "user") != 0;
    if (peak != SIZE_MAX && first->points[0][peak] > 0 && has_actors) {
        json_t *cell = json_pack("{s:o, s:s}", "time",
                                 run_time(run, t->calendar[TREND_CURRENT].start_us[peak]), "series",
                                 first->is_formula ? t->series[0].name : first->name);
        if (t->field_count > 0)
            json_object_set(cell, "breakdown", json_array_get(t->values, first->value));
        run_suggest(run, "list_actors",
                    json_pack("{s:s, s:o, s:o}", "of", "run_trend", "arguments",
                              run_same_arguments(run), "cell", cell),
                    "who is behind the highest point, with sessions to look at");
    }
    if (!t->has_previous && peak != SIZE_MAX) {
        json_t *again = run_same_arguments(run);
        json_object_set_new(again, "compare", json_string("previous"));
        run_suggest(run, "run_trend", again, "is that more or less than before?");
    } else if (t->field_count == 0 && peak != SIZE_MAX) {
        run_suggest(run, "describe_source", json_pack("{s:s}", "source", run->source->name),
                    "fields to split this by: call run_trend again with breakdown");
    }
}

int trend_shape(struct run *run, struct trend *t, struct err *ret_err)
{
    struct lines l = {.count = 0};
    int rc = make_lines(t, &l, ret_err);
    if (rc < 0)
        return rc;
    rc = shape_points(run, t, &l, ret_err);
    if (rc == 0) {
        shape_totals(run, t, &l);
        warn(run, t, &l);
        trend_write_text(run, t, l.items, l.count);
        suggest(run, t, &l);
    }
    lines_done(&l);
    return rc;
}
