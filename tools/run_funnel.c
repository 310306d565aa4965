#include "args.h"
#include "funnel.h"
#include "funnel_args.h"
#include "funnel_plain.h"
#include "funnel_result.h"
#include "json.h"
#include "nameless.h"
#include "run.h"
#include "sql_text.h"

static const struct param params[] = {
    FUNNEL_ARGS,
    ARG_PERIOD,
    ARG_WEEK_START,
    ARG_SCOPE,
    ARG_ACTOR,
    ARG_BREAKDOWN,
    ARG_BREAKDOWN_LIMIT,
    {.name = "attribution",
     .choices = (const char *const[]){"first_touch", "last_touch", "all_events", "step", NULL},
     .fallback = "\"first_touch\"",
     .description = "Which event gives the breakdown value; all_events: all agree."},
    {.name = "attribution_step",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = FUNNEL_MAX_STEPS,
     .description = "From 1."},
    {.name = "view",
     .choices = (const char *const[]){"steps", "trend", "time_to_convert", NULL},
     .fallback = "\"steps\"",
     .description = "trend: conversion by interval of entry; time_to_convert: histogram."},
    {.name = "from_step",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = FUNNEL_MAX_STEPS,
     .description = "Default 1."},
    {.name = "to_step",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = FUNNEL_MAX_STEPS,
     .description = "Default the last."},
    {.name = "interval",
     .choices = arg_intervals,
     .fallback = "\"day\"",
     .description = "Of trend."},
    {.name = "bins",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = 1000,
     .description = "Of time_to_convert; default automatic."},
    ARG_OUTPUT,
    {0},
};

static const struct field step_fields[] = {
    {"step", "From 1.", VALUE_INTEGER},
    {"name", "Name of the step.", VALUE_STRING},
    {"count", "Actors who reached it.", VALUE_INTEGER},
    {"conversion", "Of those who entered.", VALUE_NUMBER, .is_optional = true},
    {"conversion_previous", "Of those who reached the required step before.", VALUE_NUMBER,
     .is_optional = true},
    {"ci_low", "95 % Wilson interval of conversion.", VALUE_NUMBER, .is_optional = true},
    {"ci_high", "95 % Wilson interval of conversion.", VALUE_NUMBER, .is_optional = true},
    {"dropped", "Reached the required step before, not this one.", VALUE_INTEGER},
    {"average_s", "Mean time from the step before in the run.", VALUE_NUMBER, .is_optional = true},
    {"median_s", "Median time from the step before.", VALUE_NUMBER, .is_optional = true},
    {"p90_s", "90th percentile of it.", VALUE_NUMBER, .is_optional = true},
    {0},
};

static const struct field overall_fields[] = {
    {"entered", "Actors who reached the first step; view trend: the sum of the points.",
     VALUE_INTEGER},
    {"converted", "Of them, those who reached the last required step, or to_step.", VALUE_INTEGER},
    {"conversion", "converted / entered.", VALUE_NUMBER, .is_optional = true},
    {"average_s", "Mean time from the first to the last step.", VALUE_NUMBER, .is_optional = true},
    {"median_s", "Median of it.", VALUE_NUMBER, .is_optional = true},
    {"biggest_drop_step", "The step that loses most actors.", VALUE_INTEGER, .is_optional = true},
    {0},
};

static const struct field breakdown_fields[] = {
    {"breakdown", "The values, in the order of the argument.", VALUE_STRING, .is_list = true},
    {"steps", "As in steps.", VALUE_OBJECT, .is_list = true, .fields = step_fields},
    {0},
};

static const struct field point_fields[] = {
    {"time", "Start of the interval.", VALUE_STRING},
    {"breakdown", "The values, in the order of the argument.", VALUE_STRING, .is_list = true,
     .is_optional = true},
    {"entered", "Actors whose run began in it and came to from_step.", VALUE_INTEGER},
    {"converted", "Of them, those whose run came to to_step.", VALUE_INTEGER},
    {"conversion", "converted / entered.", VALUE_NUMBER, .is_optional = true},
    {0},
};

static const struct field bin_fields[] = {
    {"from_s", "Inclusive.", VALUE_INTEGER},
    {"to_s", "Exclusive, but for the last bin.", VALUE_INTEGER},
    {"count", "Actors.", VALUE_INTEGER},
    {0},
};

static const struct field fields[] = {
    {"steps", "With view steps.", VALUE_OBJECT, .is_list = true, .is_optional = true,
     .fields = step_fields},
    {"overall", "The whole way, or from from_step to to_step.", VALUE_OBJECT,
     .fields = overall_fields},
    {"breakdowns", "Largest first; (other) is last.", VALUE_OBJECT, .is_list = true,
     .is_optional = true, .fields = breakdown_fields},
    {"trend", "With view trend: by value, then by time.", VALUE_OBJECT, .is_list = true,
     .is_optional = true, .fields = point_fields},
    {"bins", "With view time_to_convert.", VALUE_OBJECT, .is_list = true, .is_optional = true,
     .fields = bin_fields},
    {0},
};

/* --- plan ----------------------------------------------------------------------------------- */

static int add_journeys(struct run *run, const struct funnel *f, struct query *q, unsigned columns,
                        const struct sql_text *text, struct err *ret_err)
{
    struct buf journeys = {0}, rank = {0};
    int rc = funnel_journeys(run, f, columns, q, &journeys, ret_err);
    funnel_rank(f, &rank);
    if (rc == 0 && (buf_failed(&journeys) || buf_failed(&rank)))
        rc = err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    bool has_rank =
        text == &sql_run_funnel_breakdown_many || text == &sql_run_funnel_trend_breakdown;
    struct query_fragment fragments[] = {
        {"journeys", buf_text(&journeys)}, {has_rank ? "rank" : NULL, buf_text(&rank)}, {0}};
    if (rc == 0)
        rc = run_query(run, q, text, fragments, FUNNEL_MAX_ROWS, ret_err);
    buf_done(&journeys);
    buf_done(&rank);
    query_done(q);
    return rc < 0 ? rc : 0;
}

static int plan_histogram(struct run *run, const struct funnel *f, struct err *ret_err)
{
    if (json_array_size(f->breakdown) > 0)
        return err_set(ret_err, ERR_ARGUMENT, "breakdown",
                       "not with view time_to_convert; filter by a value instead");
    struct query q;
    query_init(&q);
    query_set_integer(&q, "from_step", (int64_t)f->from_step);
    query_set_integer(&q, "to_step", (int64_t)f->to_step);
    query_set_integer(&q, "bins", json_get_integer(run->arguments, "bins", 0));
    return add_journeys(run, f, &q, 0, &sql_run_funnel_bins, ret_err);
}

static int plan_trend(struct run *run, const struct funnel *f, struct err *ret_err)
{
    struct query q;
    query_init(&q);
    query_set_integer(&q, "to_step", (int64_t)f->to_step);
    int rc = add_journeys(run, f, &q, 0, &sql_run_funnel_trend, ret_err);
    if (rc < 0 || json_array_size(f->breakdown) == 0)
        return rc;
    query_init(&q);
    query_set_integer(&q, "to_step", (int64_t)f->to_step);
    query_set_integer(&q, "breakdown_limit", f->breakdown_limit);
    return add_journeys(run, f, &q, FUNNEL_VALUES, &sql_run_funnel_trend_breakdown, ret_err);
}

static int plan_steps(struct run *run, const struct funnel *f, struct err *ret_err)
{
    if (funnel_is_plain(run, f))
        return funnel_plain_plan(run, f, ret_err);
    struct query q;
    query_init(&q);
    query_set_integer(&q, "last", (int64_t)funnel_last_required(f));
    int rc = add_journeys(run, f, &q, 0, &sql_run_funnel_steps, ret_err);
    if (rc < 0 || json_array_size(f->breakdown) == 0)
        return rc;
    query_init(&q);
    query_set_integer(&q, "breakdown_limit", f->breakdown_limit);
    return add_journeys(run, f, &q, FUNNEL_VALUES,
                        funnel_has_many_values(f) ? &sql_run_funnel_breakdown_many
                                                  : &sql_run_funnel_breakdown,
                        ret_err);
}

static int plan(struct run *run, struct err *ret_err)
{
    static int (*const views[])(struct run *, const struct funnel *, struct err *) = {
        [FUNNEL_STEPS] = plan_steps,
        [FUNNEL_TREND] = plan_trend,
        [FUNNEL_TIME_TO_CONVERT] = plan_histogram,
    };
    struct funnel f;
    int rc = funnel_read(run->arguments, &f, ret_err);
    return rc < 0 ? rc : views[f.view](run, &f, ret_err);
}

/* --- shape ---------------------------------------------------------------------------------- */

static int shape(struct run *run, struct err *ret_err)
{
    struct funnel f;
    int rc = funnel_read(run->arguments, &f, ret_err);
    if (rc < 0)
        return rc;
    if (f.view == FUNNEL_TIME_TO_CONVERT)
        funnel_shape_histogram(run, &f);
    else if (f.view == FUNNEL_TREND)
        rc = funnel_shape_trend(run, &f, ret_err);
    else
        funnel_shape_steps(run, &f);
    return rc;
}

/* --- nobody ---------------------------------------------------------------------------------- */

static int plan_empty(struct run *run, struct err *ret_err)
{
    const json_t *matchers = json_object_get(run->arguments, "steps");
    size_t step = funnel_unreached(run);
    return step > 0 ? nameless_plan(run, json_array_get(matchers, step - 1), ret_err) : 0;
}

static int shape_empty(struct run *run, struct err *ret_err)
{
    struct funnel f;
    if (!run_has_asked(run))
        return 0;
    int rc = funnel_read(run->arguments, &f, ret_err);
    if (rc == 0)
        funnel_shape_empty(run, &f);
    return rc;
}

static const struct step steps[] = {{plan, shape}, {plan_empty, shape_empty}, {0}};

const struct tool tool_run_funnel = {
    .name = "run_funnel",
    .title = "Run a funnel",
    .description = "How many actors go through a sequence of steps, where they are lost, how long "
                   "it takes, split by up to 3 fields.",
    .toolset = "core",
    .flags = TOOL_CORE,
    .params = params,
    .fields = fields,
    .tables = (const char *const[]){"trend", "bins", "breakdowns.steps", "steps", NULL},
    .steps = steps,
    .plan_actors = funnel_plan_actors,
};
