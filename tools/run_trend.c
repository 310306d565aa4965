#include <stdlib.h>

#include "args.h"
#include "json.h"
#include "run.h"
#include "trend.h"

static const struct param series_fields[] = {
    ARG_MATCHER,
    {.name = "math",
     .choices = math_names,
     .fallback = "\"total\"",
     .description = "total to per_actor count; sum to p99 measure field."},
    {.name = "field", .role = "field", .max_length = 256, .description = "Numeric field."},
    {.name = "name", .max_length = 150, .description = "Label."},
    {0},
};

static const struct param params[] = {
    {.name = "series",
     .type = VALUE_OBJECT,
     .is_list = true,
     .is_required = true,
     .min_items = 1,
     .max_items = TREND_MAX_SERIES,
     .fields = series_fields,
     .shorthand = "event",
     .description = "What is measured: event names or matchers with math."},
    {.name = "interval",
     .choices = arg_intervals,
     .fallback = "\"day\"",
     .description = "Width of a point."},
    {.name = "formula",
     .max_length = 300,
     .description = "Over the series by letter: A/B*100. Points are of it then."},
    {.name = "smoothing",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = 1000,
     .description = "Moving average: each point and those before it, so many in all."},
    ARG_PERIOD,
    ARG_WEEK_START,
    ARG_SCOPE,
    ARG_ACTOR,
    ARG_BREAKDOWN,
    ARG_BREAKDOWN_LIMIT,
    ARG_COMPARE,
    ARG_LIMIT("1000"),
    ARG_CURSOR,
    ARG_OUTPUT,
    {0},
};

static const struct field point_fields[] = {
    {"time", "Start of the interval.", VALUE_STRING},
    {"series", "Its name, or the formula.", VALUE_STRING},
    {"breakdown", "The values, in the order of the argument.", VALUE_STRING, .is_list = true,
     .is_optional = true},
    {"value", "Absent where there is nothing to average or to divide by; counts are 0 then.",
     VALUE_NUMBER, .is_optional = true},
    {"previous", "The point at the same position of the period before.", VALUE_NUMBER,
     .is_optional = true},
    {"complete", "Whether the interval had ended when the data did.", VALUE_BOOLEAN},
    {0},
};

static const struct field total_fields[] = {
    {"series", "Its name, or the formula; the series of a formula follow it.", VALUE_STRING},
    {"breakdown", "The values, in the order of the argument.", VALUE_STRING, .is_list = true,
     .is_optional = true},
    {"value", "Over the whole period: distinct actors of it, not the sum of points.", VALUE_NUMBER,
     .is_optional = true},
    {"previous", "Over the period before.", VALUE_NUMBER, .is_optional = true},
    {"change", "(value - previous) / previous.", VALUE_NUMBER, .is_optional = true},
    {0},
};

static const struct field fields[] = {
    {"points", "By series, value (largest first, (other) last) and time.", VALUE_OBJECT,
     .is_list = true, .fields = point_fields},
    {"totals", "By series and value.", VALUE_OBJECT, .is_list = true, .fields = total_fields},
    {"cursor", "Where the next page of points begins.", VALUE_STRING, .is_optional = true},
    {0},
};

/* --- first round: what one scan tells --------------------------------------------------------- */

static void state_free(void *state)
{
    trend_done(state);
    free(state);
}

static int plan(struct run *run, struct err *ret_err)
{
    struct trend *t = calloc(1, sizeof *t);
    if (t == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    run->state = t;
    run->state_free = state_free;
    int rc = trend_read(run, t, ret_err);
    if (rc == 0)
        rc = t->is_packed ? trend_plan_packed(run, t, ret_err)
                          : trend_plan_scan(run, t, SIZE_MAX, ret_err);
    return rc < 0 ? rc : 0;
}

static int shape(struct run *run, struct err *ret_err)
{
    struct trend *t = run->state;
    if (run_rows_truncated(run, 0))
        return err_set(ret_err, ERR_LIMIT, "interval",
                       "these are too many points: choose a wider interval, a shorter period or "
                       "fewer values");
    return t->is_packed ? trend_read_packed(t, run_rows(run, 0), ret_err)
                        : trend_read_scan(t, run_rows(run, 0), SIZE_MAX, ret_err);
}

/* --- second round: the values that are not shown --------------------------------------------- */

static bool has_rest(const struct trend *t)
{
    return t->is_packed && t->has_other && !t->is_of_texts;
}

static int plan_rest(struct run *run, struct err *ret_err)
{
    int rc = has_rest(run->state) ? trend_plan_rest(run, run->state, ret_err) : 0;
    return rc < 0 ? rc : 0;
}

static int shape_rest(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    if (has_rest(run->state))
        trend_read_rest(run->state, run_rows(run, 0));
    return 0;
}

/* --- third round: series with statements of their own ---------------------------------------- */

static int plan_later(struct run *run, struct err *ret_err)
{
    struct trend *t = run->state;
    int rc = 0;
    for (size_t i = 0; i < t->series_count && rc >= 0; i++) {
        const struct trend_series *s = &t->series[i];
        if (!s->is_later)
            continue;
        if (s->math == MATH_FIRST_TIME)
            rc = trend_plan_first(run, t, i, ret_err);
        else if (math_is_quantile(s->math))
            rc = trend_plan_scan(run, t, i, ret_err);
        else
            rc = trend_plan_window(run, t, i, TREND_CURRENT, ret_err);
        if (rc >= 0 && maths[s->math].window_days > 0 && t->has_previous)
            rc = trend_plan_window(run, t, i, TREND_PREVIOUS, ret_err);
    }
    return rc < 0 ? rc : 0;
}

static int shape_later(struct run *run, struct err *ret_err)
{
    struct trend *t = run->state;
    int query = 0, rc = 0;
    for (size_t i = 0; i < t->series_count && rc == 0; i++) {
        const struct trend_series *s = &t->series[i];
        if (!s->is_later)
            continue;
        const json_t *rows = run_rows(run, query++);
        if (s->math == MATH_FIRST_TIME)
            trend_read_first(t, rows, i);
        else if (math_is_quantile(s->math))
            rc = trend_read_scan(t, rows, i, ret_err);
        else
            trend_read_window(t, rows, i, TREND_CURRENT);
        if (maths[s->math].window_days > 0 && t->has_previous)
            trend_read_window(t, run_rows(run, query++), i, TREND_PREVIOUS);
    }
    return rc < 0 ? rc : trend_shape(run, t, ret_err);
}

/* --- who stands behind a point -----------------------------------------------------------------
 */

static int plan_actors(struct run *run, const json_t *cell, struct err *ret_err)
{
    struct trend t;
    int rc = trend_read(run, &t, ret_err);
    if (rc < 0)
        return rc;
    rc = trend_plan_actors(run, &t, cell, ret_err);
    trend_done(&t);
    return rc;
}

static const struct step steps[] = {
    {plan, shape}, {plan_rest, shape_rest}, {plan_later, shape_later}, {0}};

const struct tool tool_run_trend = {
    .name = "run_trend",
    .title = "Run a trend",
    .description = "How much of something there is over time: counts, actors, sessions, sums and "
                   "quantiles of fields, formulas over them, split by up to 3 fields, compared "
                   "with the period before.",
    .toolset = "core",
    .flags = TOOL_CORE,
    .params = params,
    .fields = fields,
    .steps = steps,
    .plan_actors = plan_actors,
};
