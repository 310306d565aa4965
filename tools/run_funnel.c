#include <stdio.h>
#include <string.h>

#include "args.h"
#include "funnel.h"
#include "funnel_plain.h"
#include "funnel_result.h"
#include "json.h"
#include "nameless.h"
#include "run.h"
#include "sql_text.h"
#include "within.h"

static const struct param step_params[] = {
    {.name = "event", .role = "event", .max_length = 1024, .description = "Event name."},
    {.name = "where",
     .type = VALUE_OBJECT,
     .is_list = true,
     .fields = arg_filter_fields,
     .is_brief = true,
     .max_items = 32,
     .description = "Conditions, like filters."},
    {.name = "any_of",
     .type = VALUE_OBJECT,
     .is_list = true,
     .fields = arg_matcher_fields,
     .shorthand = "event",
     .max_items = 50,
     .is_hidden = true, /* keeps the schema small; the description of steps names it */
     .description = "Alternative matchers."},
    {.name = "name", .max_length = 256, .description = "Label."},
    {0},
};

static const struct param params[] = {
    {.name = "steps",
     .type = VALUE_OBJECT,
     .is_list = true,
     .is_required = true,
     .min_items = 1,
     .max_items = FUNNEL_MAX_STEPS,
     .fields = step_params,
     .shorthand = "event",
     .description = "In order: event names or {event, where, name}; any_of: [matchers] too."},
    {.name = "order",
     .choices = (const char *const[]){"ordered", "strict", "unordered", NULL},
     .fallback = "\"ordered\"",
     .description = "ordered: other events may lie between; strict: none; unordered."},
    {.name = "within",
     .type = VALUE_OBJECT,
     .fields = within_fields,
     .fallback = "{\"value\": 14, \"unit\": \"day\"}",
     .description = "From the first step to each later one. Default 14 days."},
    ARG_PERIOD,
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
     .description = "The step, from 1."},
    {.name = "view",
     .choices = (const char *const[]){"steps", "time_to_convert", NULL},
     .fallback = "\"steps\"",
     .description = "time_to_convert: histogram of the time between two steps."},
    {.name = "from_step",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = FUNNEL_MAX_STEPS,
     .description = "time_to_convert: default 1."},
    {.name = "to_step",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = FUNNEL_MAX_STEPS,
     .description = "time_to_convert: default the last step."},
    {.name = "bins",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = 1000,
     .description = "time_to_convert: default automatic."},
    ARG_OUTPUT,
    {0},
};

static const struct field step_fields[] = {
    {"step", "From 1.", VALUE_INTEGER},
    {"name", "Name of the step.", VALUE_STRING},
    {"count", "Actors who reached it.", VALUE_INTEGER},
    {"conversion", "Of those who entered.", VALUE_NUMBER, .is_optional = true},
    {"conversion_previous", "Of those who reached the step before.", VALUE_NUMBER,
     .is_optional = true},
    {"ci_low", "95 % Wilson interval of conversion.", VALUE_NUMBER, .is_optional = true},
    {"ci_high", "95 % Wilson interval of conversion.", VALUE_NUMBER, .is_optional = true},
    {"dropped", "Reached the step before, not this one.", VALUE_INTEGER},
    {"average_s", "Mean time from the step before.", VALUE_NUMBER, .is_optional = true},
    {"median_s", "Median time from the step before.", VALUE_NUMBER, .is_optional = true},
    {"p90_s", "90th percentile of it.", VALUE_NUMBER, .is_optional = true},
    {0},
};

static const struct field overall_fields[] = {
    {"entered", "Actors who reached the first step.", VALUE_INTEGER},
    {"converted", "Actors who reached the last step.", VALUE_INTEGER},
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
    {"bins", "With view time_to_convert.", VALUE_OBJECT, .is_list = true, .is_optional = true,
     .fields = bin_fields},
    {0},
};

/* --- plan ----------------------------------------------------------------------------------- */

static bool is_histogram(const struct run *run)
{
    return strcmp(json_get_string(run->arguments, "view", "steps"), "time_to_convert") == 0;
}

static int add_journeys(struct run *run, const struct funnel *f, struct query *q, unsigned columns,
                        const struct sql_text *text, struct err *ret_err)
{
    struct buf journeys = {0};
    int rc = funnel_journeys(run, f, columns, q, &journeys, ret_err);
    if (rc == 0 && buf_failed(&journeys))
        rc = err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    if (rc == 0)
        rc = run_query(run, q, text,
                       (const struct query_fragment[]){{"journeys", buf_text(&journeys)}, {0}},
                       100000, ret_err);
    buf_done(&journeys);
    query_done(q);
    return rc < 0 ? rc : 0;
}

static int read_range(const struct run *run, const struct funnel *f, json_int_t *ret_from,
                      json_int_t *ret_to, struct err *ret_err)
{
    json_int_t count = (json_int_t)f->step_count;
    *ret_from = json_get_integer(run->arguments, "from_step", 1);
    *ret_to = json_get_integer(run->arguments, "to_step", count);
    if (count < 2)
        return err_set(ret_err, ERR_ARGUMENT, "steps", "time_to_convert needs at least 2 steps");
    if (*ret_to > count || *ret_from >= *ret_to)
        return err_set(ret_err, ERR_ARGUMENT, *ret_to > count ? "to_step" : "from_step",
                       "from_step < to_step <= %lld, the number of steps", (long long)count);
    return 0;
}

static int plan_histogram(struct run *run, const struct funnel *f, struct err *ret_err)
{
    json_int_t from, to;
    int rc = read_range(run, f, &from, &to, ret_err);
    if (rc < 0)
        return rc;
    if (json_array_size(f->breakdown) > 0)
        return err_set(ret_err, ERR_ARGUMENT, "breakdown",
                       "not with view time_to_convert; filter by a value instead");
    struct query q;
    query_init(&q);
    query_set_integer(&q, "from_step", from);
    query_set_integer(&q, "to_step", to);
    query_set_integer(&q, "bins", json_get_integer(run->arguments, "bins", 0));
    return add_journeys(run, f, &q, 0, &sql_run_funnel_bins, ret_err);
}

static int plan(struct run *run, struct err *ret_err)
{
    struct funnel f;
    int rc = funnel_read(run->arguments, &f, ret_err);
    if (rc < 0)
        return rc;
    if (is_histogram(run))
        return plan_histogram(run, &f, ret_err);
    if (funnel_is_plain(run, &f))
        return funnel_plain_plan(run, &f, ret_err);
    struct query q;
    query_init(&q);
    query_set_integer(&q, "steps", (int64_t)f.step_count);
    rc = add_journeys(run, &f, &q, 0, &sql_run_funnel_steps, ret_err);
    if (rc < 0 || json_array_size(f.breakdown) == 0)
        return rc;
    query_init(&q);
    query_set_integer(&q, "breakdown_limit", f.breakdown_limit);
    return add_journeys(run, &f, &q, FUNNEL_VALUES,
                        funnel_has_many_values(&f) ? &sql_run_funnel_breakdown_many
                                                   : &sql_run_funnel_breakdown,
                        ret_err);
}

/* --- shape ---------------------------------------------------------------------------------- */

static int shape(struct run *run, struct err *ret_err)
{
    struct funnel f;
    int rc = funnel_read(run->arguments, &f, ret_err);
    if (rc < 0)
        return rc;
    if (is_histogram(run))
        funnel_shape_histogram(run);
    else
        funnel_shape_steps(run, &f);
    return 0;
}

/* --- nobody ---------------------------------------------------------------------------------- */

static int plan_empty(struct run *run, struct err *ret_err)
{
    const json_t *first = json_array_get(json_object_get(run->arguments, "steps"), 0);
    return funnel_is_empty(run) ? nameless_plan(run, first, ret_err) : 0;
}

static int shape_empty(struct run *run, struct err *ret_err)
{
    struct funnel f;
    int rc = funnel_is_empty(run) ? funnel_read(run->arguments, &f, ret_err) : 0;
    if (rc == 0 && funnel_is_empty(run))
        funnel_shape_empty(run, &f);
    return rc;
}

/* --- who stands in a cell ------------------------------------------------------------------- */

static int read_cell(const struct funnel *f, const json_t *cell, char *reached, size_t size,
                     struct err *ret_err)
{
    json_int_t step = json_get_integer(cell, "step", 0);
    const char *outcome = json_get_string(cell, "outcome", "reached");
    bool is_dropped = strcmp(outcome, "dropped") == 0;
    if (step < 1 || step > (json_int_t)f->step_count)
        return err_set(ret_err, ERR_ARGUMENT, "cell.step", "a step from 1 to %zu", f->step_count);
    if (!is_dropped && strcmp(outcome, "reached") != 0)
        return err_set(ret_err, ERR_ARGUMENT, "cell.outcome", "reached or dropped");
    /* dropped at k = reached k-1, not k; nobody at step 1 */
    snprintf(reached, size, is_dropped ? "= %lld" : ">= %lld",
             (long long)(is_dropped ? step - 1 : step));
    return 0;
}

static int plan_actors(struct run *run, const json_t *cell, struct err *ret_err)
{
    struct funnel f;
    char reached[32] = "";
    int64_t limit = 0, offset = 0;
    int rc = funnel_read(run->arguments, &f, ret_err);
    if (rc == 0)
        rc = read_cell(&f, cell, reached, sizeof reached, ret_err);
    if (rc == 0)
        rc = run_page(run, 100, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    json_t *values = NULL;
    rc = run_cell_values(cell, json_array_size(f.breakdown), &values, ret_err);
    if (rc < 0)
        return rc;
    bool has_values = values != NULL;
    struct query q;
    struct buf journeys = {0};
    query_init(&q);
    query_set_integer(&q, "limit", limit);
    query_set_integer(&q, "offset", offset);
    if (has_values) {
        query_set_integer(&q, "breakdown_limit", f.breakdown_limit);
        query_set_texts(&q, "values", values);
        query_set_integer(&q, "is_other",
                          strcmp(json_string_value(json_array_get(values, 0)), "(other)") == 0);
    }
    rc = funnel_journeys(run, &f, FUNNEL_PLACES | (has_values ? FUNNEL_VALUES : 0), &q, &journeys,
                         ret_err);
    if (rc == 0)
        rc = run_query(run, &q, has_values ? &sql_run_funnel_value_actors : &sql_run_funnel_actors,
                       (const struct query_fragment[]){
                           {"journeys", buf_text(&journeys)}, {"reached", reached}, {0}},
                       (size_t)limit + 1, ret_err);
    buf_done(&journeys);
    query_done(&q);
    return rc < 0 ? rc : 0;
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
    .steps = steps,
    .plan_actors = plan_actors,
};
