#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "attribution.h"
#include "attribution_model.h"
#include "cell.h"
#include "json.h"
#include "nameless.h"
#include "sql_text.h"
#include "within.h"

/* Different channels that are looked at; those beyond have fewest conversions. */
enum { MAX_ROWS = 100000 };

static const struct param params[] = {
    {.name = "conversion",
     .type = VALUE_OBJECT,
     .is_required = true,
     .fields = arg_matcher_fields,
     .shorthand = "event",
     .description = "What counts as a conversion, each time: an event name or a matcher."},
    {.name = "touch",
     .type = VALUE_OBJECT,
     .fields = arg_matcher_fields,
     .shorthand = "event",
     .description = "What counts as a touch; default: any event with a value of field."},
    {.name = "field",
     .role = "field",
     .is_required = true,
     .max_length = 256,
     .description = "Its value is the touch's channel, like utm_source."},
    {.name = "model",
     .choices = (const char *const[]){"first", "last", "linear", "position", "decay", "nearest",
                                      "markov", "probabilistic", NULL},
     .fallback = "\"last\"",
     .description = "position: 40/20/40; decay: half after 7 days; nearest: by ASOF JOIN; markov: "
                    "removal effect; probabilistic: how touched journeys convert."},
    {.name = "within",
     .type = VALUE_OBJECT,
     .fields = within_fields,
     .fallback = "{\"value\": 30, \"unit\": \"day\"}",
     .description = "How long before a conversion a touch counts. Default 30 days."},
    ARG_PERIOD,
    ARG_SCOPE,
    ARG_ACTOR,
    {.name = "breakdown_limit",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = ATTRIBUTION_MAX_CHANNELS,
     .fallback = "25",
     .description = "Channels kept, by conversions; rest is (other)."},
    ARG_OUTPUT,
    {0},
};

static const struct field channel_fields[] = {
    {"value", "The field's value, '' = missing; (none) = no touch in the window.", VALUE_STRING},
    {"touches", "Touches in the period, credited or not.", VALUE_INTEGER},
    {"conversions", "Conversions that give it credit.", VALUE_INTEGER},
    {"credit", "Its part of the conversions; all of them add up to all conversions.", VALUE_NUMBER},
    {"share", "credit / all conversions.", VALUE_NUMBER, .is_optional = true},
    {0},
};

static const struct field fields[] = {
    {"channels", "By credit; (other) and (none) last.", VALUE_OBJECT, .is_list = true,
     .fields = channel_fields},
    {0},
};

static void state_free(void *p)
{
    struct attribution_state *state = p;
    json_decref(state->names);
    free(state->channels);
    free(state->strengths);
    free(state);
}

static struct attribution_state *state_of(const struct run *run)
{
    return run->state;
}

/* --- what all models need: which channels there are ------------------------------------------ */

static const char *claims_of(enum attribution_model model)
{
    switch (model) {
    case ATTRIBUTE_POSITION:
        return "arrayMap(i -> multiIf(n = 1, 1, n = 2, 0.5, i = 1 OR i = n, 0.4, 0.2 / (n - 2)), "
               "arrayEnumerate(path))";
    case ATTRIBUTE_DECAY: /* 7 days; counted from the last touch, so that none vanishes */
        return "arrayMap(x -> exp2((x.1 - latest) / 604800000000), path)";
    case ATTRIBUTE_FIRST:
    case ATTRIBUTE_LAST:
    case ATTRIBUTE_LINEAR:
    case ATTRIBUTE_NEAREST:
    case ATTRIBUTE_MARKOV:
    case ATTRIBUTE_PROBABILISTIC:
        break;
    }
    return "arrayMap(i -> 1, places)";
}

static int add_query(struct run *run, struct query *q, const struct sql_text *text,
                     const struct attribution *a, unsigned flags, const json_t *kept,
                     const char *claims, struct err *ret_err)
{
    struct buf journeys = {0};
    int rc = attribution_journeys(run, a, flags, kept, q, &journeys, ret_err);
    if (rc == 0)
        rc = run_query(run, q, text,
                       (const struct query_fragment[]){{"journeys", buf_text(&journeys)},
                                                       {claims != NULL ? "claims" : NULL, claims},
                                                       {0}},
                       MAX_ROWS, ret_err);
    buf_done(&journeys);
    query_done(q);
    return rc < 0 ? rc : 0;
}

static int add_credits(struct run *run, const struct attribution *a, const json_t *kept,
                       const char *claims, struct err *ret_err)
{
    struct query q;
    query_init(&q);
    query_set_integer(&q, "limit", MAX_ROWS);
    return add_query(run, &q, &sql_attribution_credits, a, 0, kept, claims, ret_err);
}

static int add_touches(struct run *run, struct err *ret_err)
{
    struct query q;
    struct buf rows = {0};
    query_init(&q);
    query_set_integer(&q, "limit", MAX_ROWS);
    int rc = attribution_touches(run, &q, &rows, ret_err);
    if (rc == 0)
        rc = run_query(run, &q, &sql_attribution_touches,
                       (const struct query_fragment[]){{"rows", buf_text(&rows)}, {0}}, MAX_ROWS,
                       ret_err);
    buf_done(&rows);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

static int plan(struct run *run, struct err *ret_err)
{
    struct attribution_state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    run->state = state;
    run->state_free = state_free;
    int rc = attribution_read(run, &state->a, ret_err);
    if (rc == 0)
        rc = add_credits(run, &state->a, NULL, claims_of(state->a.model), ret_err);
    if (rc == 0)
        rc = add_touches(run, ret_err);
    return rc;
}

/* The channels of both lists, those with most conversions first. */
static json_t *all_names(const json_t *credits, const json_t *touches)
{
    json_t *names = json_array(), *seen = json_object();
    for (int list = 0; list < 2; list++) {
        const json_t *rows = list == 0 ? credits : touches;
        for (size_t i = 0; i < json_array_size(rows); i++) {
            const json_t *row = json_array_get(rows, i);
            json_t *name = json_array_get(row, list == 0 ? 1 : 0);
            bool is_none = list == 0 && json_at_integer(row, 0) != 0;
            if (is_none || json_object_get(seen, json_string_value(name)) != NULL)
                continue;
            json_object_set_new(seen, json_string_value(name), json_true());
            json_array_append(names, name);
        }
    }
    json_decref(seen);
    return names;
}

static struct channel *find(struct attribution_state *state, const char *value)
{
    for (size_t i = 0; i < state->kept; i++)
        if (strcmp(state->channels[i].value, value) == 0)
            return &state->channels[i];
    return &state->channels[state->kept]; /* (other) */
}

static void read_touches(struct attribution_state *state, const json_t *rows)
{
    state->touches = json_at_integer(json_array_get(rows, 0), 2);
    json_int_t left = state->touches;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        struct channel *c = find(state, json_at_string(row, 0));
        if (c == &state->channels[state->kept])
            continue;
        c->touches = json_at_integer(row, 1);
        left -= c->touches;
    }
    state->channels[state->kept].touches = left;
}

/* Rows of attribution_credits.sql; `is_numbered`: a channel is its number among those kept. */
static void read_credits(struct attribution_state *state, const json_t *rows, bool is_numbered)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *value = json_at_string(row, 1);
        json_int_t conversions = json_at_integer(row, 2);
        state->total = json_at_integer(row, 4);
        if (json_at_integer(row, 0) != 0) {
            state->unattributed = conversions;
            continue;
        }
        struct channel *c =
            is_numbered
                ? &state->channels[(strtoul(value, NULL, 10) + state->kept) % (state->kept + 1)]
                : find(state, value);
        c->conversions = conversions;
        c->credit = json_at_number(row, 3);
    }
}

static int shape(struct run *run, struct err *ret_err)
{
    struct attribution_state *state = state_of(run);
    const json_t *credits = run_rows(run, 0), *touches = run_rows(run, 1);
    size_t limit = (size_t)json_get_integer(run->arguments, "breakdown_limit", 25);
    state->names = all_names(credits, touches);
    state->has_other = json_array_size(state->names) > limit;
    while (json_array_size(state->names) > limit)
        json_array_remove(state->names, json_array_size(state->names) - 1);
    state->kept = json_array_size(state->names);
    state->channels = calloc(state->kept + 1, sizeof *state->channels);
    if (state->channels == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    for (size_t i = 0; i < state->kept; i++)
        state->channels[i].value = json_at_string(state->names, i);
    state->channels[state->kept].value = cell_other;
    read_touches(state, touches);
    read_credits(state, credits, false);
    return 0;
}

/* --- the models of all journeys, and the rest taken together --------------------------------- */

static int add_steps(struct run *run, const struct attribution_state *state, struct err *ret_err)
{
    struct query q;
    query_init(&q);
    int count = (int)state->kept + 1; /* (other) is number 0 */
    query_set_integer(&q, "start", count + MARKOV_START);
    query_set_integer(&q, "conversion", count + MARKOV_CONVERSION);
    query_set_integer(&q, "nothing", count + MARKOV_NOTHING);
    return add_query(run, &q, &sql_attribution_steps, &state->a, JOURNEYS_LOST, state->names, NULL,
                     ret_err);
}

static int add_pairs(struct run *run, const struct attribution_state *state, struct err *ret_err)
{
    struct query q;
    query_init(&q);
    return add_query(run, &q, &sql_attribution_pairs, &state->a, JOURNEYS_LOST, state->names, NULL,
                     ret_err);
}

static int plan_model(struct run *run, struct err *ret_err)
{
    struct attribution_state *state = state_of(run);
    int rc = 0;
    if (state->total == state->unattributed)
        return 0;
    if (state->a.model == ATTRIBUTE_MARKOV)
        rc = add_steps(run, state, ret_err);
    else if (state->a.model == ATTRIBUTE_PROBABILISTIC)
        rc = add_pairs(run, state, ret_err);
    if (rc == 0 && state->has_other && state->a.model != ATTRIBUTE_PROBABILISTIC)
        rc = add_credits(run, &state->a, state->names, claims_of(state->a.model), ret_err);
    return rc;
}

/* Where the state or channel of a number of the rows stands in the matrix of `count` channels, of
 * which (other) is the last: 1 is 0, 2 is 1, … and 0 is count - 1. */
static size_t place_of(const json_t *number, size_t count)
{
    size_t n = (size_t)json_integer_value(number);
    return n >= count ? n : (n + count - 1) % count;
}

static int shape_markov(struct attribution_state *state, const json_t *rows, struct err *ret_err)
{
    size_t count = state->kept + 1, states = count + MARKOV_EXTRA;
    double *steps = calloc(states * states, sizeof *steps);
    double *shares = calloc(count, sizeof *shares);
    int rc = steps != NULL && shares != NULL ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        size_t from = place_of(json_array_get(row, 0), count);
        size_t to = place_of(json_array_get(row, 1), count);
        steps[from * states + to] = json_at_number(row, 2);
    }
    if (rc == 0)
        rc = markov_shares(steps, count, shares);
    for (size_t i = 0; rc == 0 && i < count; i++)
        state->channels[i].credit = shares[i] * (double)(state->total - state->unattributed);
    free(steps);
    free(shares);
    return rc == 0 ? 0 : err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
}

static int shape_pairs(struct attribution_state *state, const json_t *rows, struct err *ret_err)
{
    /* (other) counts as a channel only where it is one. */
    size_t count = state->kept + (state->has_other ? 1 : 0), size = state->kept + 1;
    double *won = calloc(size * size, sizeof *won), *lost = calloc(size * size, sizeof *lost);
    state->strengths = calloc(size, sizeof *state->strengths);
    int rc = won != NULL && lost != NULL && state->strengths != NULL ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        size_t a = place_of(json_array_get(row, 0), size);
        size_t b = place_of(json_array_get(row, 1), size);
        size_t at = a < b ? a * count + b : b * count + a;
        won[at] = json_at_number(row, 2);
        lost[at] = json_at_number(row, 3);
    }
    if (rc == 0)
        probabilistic_strengths(won, lost, count, state->strengths);
    free(won);
    free(lost);
    return rc == 0 ? 0 : err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
}

static int shape_model(struct run *run, struct err *ret_err)
{
    struct attribution_state *state = state_of(run);
    if (state->total == state->unattributed)
        return 0;
    bool is_markov = state->a.model == ATTRIBUTE_MARKOV;
    if (state->a.model == ATTRIBUTE_PROBABILISTIC)
        return shape_pairs(state, run_rows(run, 0), ret_err);
    if (state->has_other)
        read_credits(state, run_rows(run, is_markov ? 1 : 0), true);
    return is_markov ? shape_markov(state, run_rows(run, 0), ret_err) : 0;
}

/* --- probabilistic: each conversion is shared by the strengths of its channels --------------- */

static int plan_shares(struct run *run, struct err *ret_err)
{
    struct attribution_state *state = state_of(run);
    if (state->strengths == NULL)
        return 0;
    json_t *strengths = json_array();
    for (size_t i = 0; i <= state->kept; i++) /* by number: (other), which is last, is 0 */
        json_array_append_new(
            strengths,
            json_sprintf("%.17g", state->strengths[(i + state->kept) % (state->kept + 1)]));
    struct query q;
    struct buf claims = {0}, values = {0};
    query_init(&q);
    query_set_integer(&q, "limit", MAX_ROWS);
    query_bind_texts(&q, &values, strengths);
    buf_printf(&claims,
               "arrayMap((x, i) -> if(i = 1, toFloat64(%s[toUInt32(x) + 1]), 0), channels, places)",
               buf_text(&values));
    int rc = add_query(run, &q, &sql_attribution_credits, &state->a, 0, state->names,
                       buf_text(&claims), ret_err);
    json_decref(strengths);
    buf_done(&claims);
    buf_done(&values);
    return rc;
}

static int shape_shares(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    struct attribution_state *state = state_of(run);
    if (state->strengths != NULL)
        read_credits(state, run_rows(run, 0), true);
    return 0;
}

/* --- the result, and why it may be empty ----------------------------------------------------- */

static int plan_empty(struct run *run, struct err *ret_err)
{
    const struct attribution_state *state = state_of(run);
    const char *missing = state->total == 0                     ? "conversion"
                          : state->total == state->unattributed ? "touch"
                                                                : "";
    const json_t *matcher = json_object_get(run->arguments, missing);
    return matcher != NULL ? nameless_plan(run, matcher, ret_err) : 0;
}

static int shape_result(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    attribution_shape(run, state_of(run));
    return 0;
}

/* --- who stands in a cell -------------------------------------------------------------------- */

/* Which rows of attribution_actors.sql credit the channel; (other) is all that the result does not
 * list by name. */
static void add_condition(const struct run *run, const char *value, const char *journeys,
                          struct query *q, struct buf *out)
{
    buf_puts(out, "touch.2 = ");
    query_bind_text(q, out, value);
    if (strcmp(value, cell_other) != 0)
        return;
    buf_printf(out,
               " OR (notEmpty(path) AND touch.2 NOT IN (SELECT channel FROM (SELECT arrayJoin("
               "arrayDistinct(arrayMap(x -> x.2, path))) AS channel FROM (%s)) GROUP BY channel "
               "ORDER BY count() DESC, channel LIMIT ",
               journeys);
    query_bind_integer(q, out, json_get_integer(run->arguments, "breakdown_limit", 25));
    buf_puts(out, "))");
}

static int plan_actors(struct run *run, const json_t *cell, struct err *ret_err)
{
    struct attribution a;
    const char *value = json_get_string(cell, "value", NULL);
    int rc = attribution_read(run, &a, ret_err);
    if (value == NULL)
        return err_set(ret_err, ERR_ARGUMENT, "cell.value", "a channel as the result names it");
    if (rc < 0)
        return rc;
    struct query q;
    struct buf journeys = {0}, in_cell = {0};
    query_init(&q);
    query_set_text(&q, "none", cell_none);
    rc = attribution_journeys(run, &a, JOURNEYS_PLACES, NULL, &q, &journeys, ret_err);
    add_condition(run, value, buf_text(&journeys), &q, &in_cell);
    if (rc == 0)
        rc = cell_plan_actors(run, &q, &sql_attribution_actors,
                              (const struct query_fragment[]){{"journeys", buf_text(&journeys)},
                                                              {"in_cell", buf_text(&in_cell)},
                                                              {0}},
                              ret_err);
    buf_done(&journeys);
    buf_done(&in_cell);
    query_done(&q);
    return rc;
}

static const struct step steps[] = {{plan, shape},
                                    {plan_model, shape_model},
                                    {plan_shares, shape_shares},
                                    {plan_empty, shape_result},
                                    {0}};

const struct tool tool_attribute_conversions = {
    .name = "attribute_conversions",
    .title = "Attribute conversions to channels",
    .description = "Which touches get the credit for conversions: every conversion of the period "
                   "is shared among the channels touched in the window before it.",
    .toolset = "analytics",
    .params = params,
    .fields = fields,
    .steps = steps,
    .plan_actors = plan_actors,
};
