#include "text.h"
#include "trend.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "segment.h"

/* --- series ---------------------------------------------------------------------------------- */

/* "view", "view or add", "any event". */
static void describe(const json_t *matcher, char *out, size_t size)
{
    const char *event = json_get_string(matcher, "event", NULL);
    const json_t *any_of = json_object_get(matcher, "any_of");
    if (event != NULL || json_array_size(any_of) == 0) {
        text_fit(out, size, event != NULL ? event : "any event");
        return;
    }
    struct buf all = {0};
    for (size_t i = 0; i < json_array_size(any_of) && all.len < size; i++) {
        char part[100];
        describe(json_array_get(any_of, i), part, sizeof part);
        buf_printf(&all, "%s%s", i > 0 ? " or " : "", part);
    }
    text_fit(out, size, buf_text(&all));
    buf_done(&all);
}

static int read_series(const struct run *run, const json_t *item, size_t i, struct trend_series *s,
                       struct err *ret_err)
{
    char path[32];
    const char *name = json_get_string(item, "name", NULL);
    *s = (struct trend_series){.matcher = item,
                               .math = math_parse(json_get_string(item, "math", "total")),
                               .field = json_get_string(item, "field", NULL)};
    if (name != NULL && name[0] != '\0')
        text_fit(s->name, sizeof s->name, name);
    else
        describe(item, s->name, sizeof s->name);
    bool needs_field = maths[s->math].argument == 'v';
    snprintf(path, sizeof path, "series[%zu].field", i);
    if (needs_field && s->field == NULL)
        return err_set(ret_err, ERR_ARGUMENT, path,
                       "math %s needs a numeric field (describe_source lists them)",
                       math_names[s->math]);
    if (!needs_field && s->field != NULL)
        return err_set(ret_err, ERR_ARGUMENT, path,
                       "math %s reads no field; with one: sum, average, min, max, median, p75, "
                       "p90, p95, p99",
                       math_names[s->math]);
    enum source_field identity = maths[s->math].argument == 's' ? SOURCE_SESSION : SOURCE_ACTOR;
    bool is_user = strcmp(json_get_string(run->arguments, "actor", "user"), "user") == 0;
    bool needs_identity =
        maths[s->math].argument == 's' || (maths[s->math].argument == 'a' && is_user);
    snprintf(path, sizeof path, "series[%zu].math", i);
    if (needs_identity && run->source->fields[identity].count == 0)
        return err_set(ret_err, ERR_ARGUMENT, path,
                       "source '%s' has no field '%s' to count; map one in its configuration",
                       run->source->name, source_field_names[identity]);
    /* Quantiles of a large source must wait until it is known of how many values. */
    bool is_large = run->source->rows > TREND_EXACT_VALUES || run->source->rows == 0;
    s->is_later = (math_is_quantile(s->math) && is_large) || s->math == MATH_FIRST_TIME ||
                  maths[s->math].window_days > 0;
    return 0;
}

static bool is_name_taken(const struct trend *t, size_t i)
{
    for (size_t k = 0; k < t->series_count; k++)
        if (k != i && strcmp(t->series[k].name, t->series[i].name) == 0)
            return true;
    return false;
}

static void append(char name[TREND_NAME], const char *text)
{
    char before[TREND_NAME];
    memcpy(before, name, sizeof before);
    text_fit_tail(name, TREND_NAME, before, text);
}

/* Names of series are different, so that a result says which is which. */
static void tell_apart(struct trend *t)
{
    bool is_taken[TREND_MAX_SERIES] = {false};
    for (size_t i = 0; i < t->series_count; i++)
        is_taken[i] = is_name_taken(t, i);
    for (size_t i = 0; i < t->series_count; i++) {
        struct trend_series *s = &t->series[i];
        char more[80], field[51];
        if (!is_taken[i])
            continue;
        text_fit(field, sizeof field, s->field != NULL ? s->field : "");
        snprintf(more, sizeof more, " (%s%s%s)", math_names[s->math], s->field != NULL ? " " : "",
                 field);
        append(s->name, more);
    }
    for (size_t i = 0; i < t->series_count; i++) {
        char letter[8];
        snprintf(letter, sizeof letter, " %c", (int)('A' + i));
        if (is_name_taken(t, i))
            append(t->series[i].name, letter);
    }
}

/* --- calendar -------------------------------------------------------------------------------- */

static int fill_calendar(const struct run *run, const struct trend *t, struct trend_calendar *c,
                         struct err *ret_err)
{
    int64_t step_us = trend_step_us(t);
    c->start_us = calloc(TREND_MAX_POINTS + 1, sizeof *c->start_us);
    if (c->start_us == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    c->count = interval_list(run->period.zone, t->interval, t->sunday_weeks, c->from_us, c->to_us,
                             step_us > 0 ? 0 : TREND_MAX_POINTS, c->start_us);
    /* Minutes and hours as the statements count them: see trend_step_us(). */
    for (; step_us > 0 && c->count < TREND_MAX_POINTS && c->start_us[c->count] < c->to_us;
         c->count++)
        c->start_us[c->count + 1] = c->start_us[c->count] + step_us;
    if (c->start_us[c->count] < c->to_us)
        return err_set(ret_err, ERR_ARGUMENT, "interval",
                       "more than %d intervals: choose a wider one or a shorter period",
                       TREND_MAX_POINTS);
    return 0;
}

static bool is_boundary(const struct run *run, const struct trend *t, enum interval interval,
                        int64_t us)
{
    return interval_start_us(run->period.zone, interval, t->sunday_weeks, us) == us;
}

static int64_t steps_between(const struct zone *zone, enum interval interval, int64_t from_us,
                             int64_t to_us)
{
    int64_t steps = 0;
    while (interval_add_us(zone, interval, from_us, steps) < to_us)
        steps++;
    return steps;
}

/* Where the period before it begins: whole intervals before whole intervals, else whole days
 * before whole days (days of a zone differ in length), else as much time. */
static int64_t previous_start(const struct run *run, const struct trend *t)
{
    const struct zone *zone = run->period.zone;
    const enum interval units[] = {t->interval, INTERVAL_DAY};
    int64_t from_us = run->period.from_us, to_us = run->period.to_us;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (is_boundary(run, t, units[i], from_us) && is_boundary(run, t, units[i], to_us))
            return interval_add_us(zone, units[i], from_us,
                                   -steps_between(zone, units[i], from_us, to_us));
    return from_us - (to_us - from_us);
}

/* A bitmap is small and quick to fill and to merge where it holds many actors. Thousands of small
 * ones are slower than sets, so that is for few intervals and no values. */
bool trend_is_of_bitmaps(const struct run *run, const struct trend *t)
{
    enum { MAX_INTERVALS = 400 };
    return t->field_count == 0 && t->width <= MAX_INTERVALS && scope_has_number(run);
}

static int read_calendar(struct run *run, struct trend *t, struct err *ret_err)
{
    struct period *p = &run->period;
    /* The last 30 days begin with a whole interval. */
    if (!p->from_given)
        p->from_us = interval_start_us(p->zone, t->interval, t->sunday_weeks, p->from_us);
    t->calendar[TREND_CURRENT] = (struct trend_calendar){.from_us = p->from_us, .to_us = p->to_us};
    int rc = fill_calendar(run, t, &t->calendar[TREND_CURRENT], ret_err);
    if (rc == 0 && t->has_previous) {
        t->calendar[TREND_PREVIOUS] =
            (struct trend_calendar){.from_us = previous_start(run, t), .to_us = p->from_us};
        rc = fill_calendar(run, t, &t->calendar[TREND_PREVIOUS], ret_err);
    }
    size_t now = t->calendar[TREND_CURRENT].count, before = t->calendar[TREND_PREVIOUS].count;
    t->width = now > before ? now : before;
    if (rc == 0 && t->field_count > 0 &&
        (int64_t)t->width * (t->breakdown_limit + 1) > TREND_MAX_CELLS)
        rc = err_set(ret_err, ERR_ARGUMENT, "breakdown_limit",
                     "%zu intervals of %lld values are too many points: choose a wider interval, "
                     "a shorter period or fewer values",
                     t->width, (long long)t->breakdown_limit);
    return rc;
}

int trend_read(struct run *run, struct trend *ret_trend, struct err *ret_err)
{
    const json_t *arguments = run->arguments, *series = json_object_get(arguments, "series");
    struct trend t = {.series_count = json_array_size(series),
                      .formula_text = json_get_string(arguments, "formula", NULL),
                      .breakdown = json_object_get(arguments, "breakdown"),
                      .breakdown_limit = json_get_integer(arguments, "breakdown_limit", 25),
                      .smoothing = json_get_integer(arguments, "smoothing", 1),
                      .interval = interval_parse(json_get_string(arguments, "interval", "day")),
                      .sunday_weeks = interval_sunday_weeks(arguments),
                      .has_previous =
                          strcmp(json_get_string(arguments, "compare", "none"), "previous") == 0};
    t.field_count = json_array_size(t.breakdown);
    int rc = 0;
    for (size_t i = 0; i < t.series_count && rc == 0; i++)
        rc = read_series(run, json_array_get(series, i), i, &t.series[i], ret_err);
    if (rc == 0 && t.formula_text != NULL)
        rc = formula_parse(t.formula_text, t.series_count, &t.formula, ret_err);
    if (rc == 0) {
        tell_apart(&t);
        rc = read_calendar(run, &t, ret_err);
    }
    t.has_bitmaps = rc == 0 && trend_is_of_bitmaps(run, &t);
    t.is_packed = rc == 0 && trend_is_packed(run, &t);
    t.is_of_texts = t.is_packed && trend_is_of_texts(run, &t);
    if (rc < 0)
        trend_done(&t);
    else
        *ret_trend = t;
    return rc;
}

void trend_done(struct trend *t)
{
    for (size_t i = 0; i < TREND_PERIODS; i++)
        free(t->calendar[i].start_us);
    json_decref(t->values);
    free(t->figures.points);
    free(t->figures.totals);
    free(t->figures.events);
    *t = (struct trend){.series_count = 0};
}

size_t trend_total(const struct trend *t, size_t series, size_t value, enum trend_period period)
{
    return (series * json_array_size(t->values) + value) * TREND_PERIODS + (size_t)period;
}

double *trend_point(const struct trend *t, size_t series, size_t value, enum trend_period period,
                    size_t interval)
{
    return &t->figures.points[trend_total(t, series, value, period) * t->width + interval];
}
