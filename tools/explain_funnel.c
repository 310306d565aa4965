#include <math.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "events.h"
#include "factors.h"
#include "fields.h"
#include "funnel.h"
#include "funnel_args.h"
#include "json.h"
#include "nameless.h"
#include "run.h"
#include "sql_text.h"
#include "text.h"

enum { MAX_ROWS = 50000 };

/* What one who drops does later than this has nothing to do with the step, unless those who take it
 * need longer. */
static const int64_t patience_us = (int64_t)1800 * 1000000;

static const struct param params[] = {
    FUNNEL_ARGS,
    {.name = "step",
     .type = VALUE_INTEGER,
     .min = 2,
     .max = FUNNEL_MAX_STEPS,
     .is_required = true,
     .description = "The step that some take and others drop at."},
    ARG_PERIOD,
    ARG_SCOPE,
    ARG_ACTOR,
    ARG_LIMIT("50"),
    ARG_CURSOR,
    ARG_OUTPUT,
    {0},
};

static const struct field factor_fields[] = {
    {"field",
     "A property at the required step before, or event: done between that and the step; by those "
     "who drop as long after as 95 % of the others take, at least 30 min, in the funnel's window.",
     VALUE_STRING},
    {"value", "One of its values.", VALUE_STRING},
    {"converted_share", "Of those who took the step, how many have it.", VALUE_NUMBER},
    {"dropped_share", "Of those who did not, within the funnel's window.", VALUE_NUMBER},
    {"lift", "Conversion of those who have it / conversion of all.", VALUE_NUMBER},
    {"odds_ratio", "Of converting, with against without; 0.5 is added to all counts if one is 0.",
     VALUE_NUMBER},
    {"ci_low", "95 % interval of odds_ratio (Wald on the logarithm).", VALUE_NUMBER},
    {"ci_high", "95 % interval of odds_ratio.", VALUE_NUMBER},
    {"p_adjusted", "Chi-square, or Fisher where counts are small; Benjamini-Hochberg.",
     VALUE_NUMBER},
    {"count", "Actors who have it: at least 10, or 2 if fewer than 200 came to the step.",
     VALUE_INTEGER},
    {0},
};

static const struct field fields[] = {
    {"factors", "By p_adjusted, then by the size of lift.", VALUE_OBJECT, .is_list = true,
     .fields = factor_fields},
    {"cursor", "Where the next page begins.", VALUE_STRING, .is_optional = true},
    {0},
};

/* --- which fields ---------------------------------------------------------------------------- */

static size_t step_of(const struct run *run)
{
    return (size_t)json_get_integer(run->arguments, "step", 2);
}

static int plan_fields(struct run *run, struct err *ret_err)
{
    struct funnel f;
    int rc = funnel_read(run->arguments, &f, ret_err);
    if (rc < 0)
        return rc;
    if (step_of(run) > f.step_count)
        return err_set(ret_err, ERR_ARGUMENT, "step", "a step from 2 to %zu", f.step_count);
    rc = factors_init(run, ret_err);
    return rc < 0 ? rc : fields_plan_useful(run, ret_err);
}

static int shape_fields(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    json_t *names = fields_useful(run_rows(run, 0));
    json_array_remove(names, 0); /* which event the step before was, the funnel itself says */
    factors_of(run)->fields = names;
    return 0;
}

/* --- who had and did what -------------------------------------------------------------------- */

/* Adds the column `name`: whether a row is one of the steps from `first` to `last`, 0-based. */
static int add_steps(struct events *e, const struct funnel *f, const char *name, size_t first,
                     size_t last, struct err *ret_err)
{
    struct buf any = {0};
    int rc = 0;
    buf_puts(&any, "toUInt8(");
    for (size_t i = first; rc == 0 && i <= last; i++) {
        buf_puts(&any, i > first ? " OR " : "");
        rc = source_matcher(e->run->source, e->q, json_array_get(f->steps, i), &any, ret_err);
        if (rc < 0) {
            char at[32];
            snprintf(at, sizeof at, "steps[%zu]", i);
            err_prefix(ret_err, at);
        }
    }
    buf_putc(&any, ')');
    events_column(e, name, "%s", buf_text(&any));
    buf_done(&any);
    return rc;
}

static int add_rows(const struct run *run, const struct funnel *f, struct query *q, struct buf *out,
                    struct err *ret_err)
{
    struct events e;
    size_t before = funnel_required_before(f, step_of(run)) - 1; /* 0-based */
    bool is_unordered = f->order == FUNNEL_UNORDERED;
    int rc = events_begin(&e, run, q, run->period.from_us, run->period.to_us, ret_err);
    if (rc < 0)
        return rc;
    rc = add_steps(&e, f, "_is_step", 0, f->step_count - 1, ret_err);
    if (rc == 0)
        rc = add_steps(&e, f, "_is_before", is_unordered ? 0 : before,
                       is_unordered ? f->step_count - 1 : before, ret_err);
    if (rc == 0)
        rc = fields_values(&e, factors_of(run)->fields, "", ret_err);
    if (rc < 0)
        events_drop(&e);
    else
        events_end(&e, out);
    return rc;
}

/* Where the step and the required one before it stand in a journey. */
struct journey_places {
    char began[64], reached[64], won[64], came[64];
};

static void read_places(const struct funnel *f, size_t step, struct journey_places *ret)
{
    size_t before = funnel_required_before(f, step);
    snprintf(ret->began, sizeof ret->began, "tt[indexOf(nn, %zu)]", before);
    snprintf(ret->reached, sizeof ret->reached, "tt[indexOf(nn, %zu)]", step);
    snprintf(ret->won, sizeof ret->won, "has(nn, %zu)", step);
    snprintf(ret->came, sizeof ret->came, "has(nn, %zu)", before);
}

static int plan(struct run *run, struct err *ret_err)
{
    struct funnel f;
    struct journey_places places;
    int rc = funnel_read(run->arguments, &f, ret_err);
    if (rc < 0)
        return rc;
    struct query q;
    struct buf rows = {0}, journeys = {0};
    query_init(&q);
    query_set_integer(&q, "within", f.within_us);
    query_set_integer(&q, "patience", patience_us);
    query_set_integer(&q, "event", (int64_t)json_array_size(factors_of(run)->fields) + 1);
    query_set_integer(&q, "limit", MAX_ROWS + 1);
    read_places(&f, step_of(run), &places);
    rc = add_rows(run, &f, &q, &rows, ret_err);
    if (rc == 0)
        rc = funnel_journeys(run, &f, 0, &q, &journeys, ret_err);
    if (rc == 0)
        rc = run_query(run, &q, &sql_explain_funnel,
                       (const struct query_fragment[]){{"rows", buf_text(&rows)},
                                                       {"journeys", buf_text(&journeys)},
                                                       {"began", places.began},
                                                       {"reached", places.reached},
                                                       {"won", places.won},
                                                       {"came", places.came},
                                                       {0}},
                       MAX_ROWS, ret_err);
    buf_done(&rows);
    buf_done(&journeys);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

/* How far a lift is from 1, as a factor in either direction. */
static double size_of(double lift)
{
    return lift > 0 ? fabs(log(lift)) : INFINITY;
}

/* What too few have, or all, tells nothing. */
static bool is_kept(const struct factors *f, const struct factor *factor)
{
    double came = f->yes + f->no, with = factor->t.with_yes + factor->t.with_no;
    return with >= (came < 200 ? 2 : 10) && with < came;
}

static int shape(struct run *run, struct err *ret_err)
{
    struct factors *f = factors_of(run);
    int rc = factors_read(f, run_rows(run, 0), is_kept, ret_err);
    for (size_t i = 0; rc == 0 && i < f->count; i++) {
        struct factor *factor = &f->items[i];
        double with = factor->t.with_yes + factor->t.with_no;
        factor->score = factor->t.with_yes / with / (f->yes / (f->yes + f->no));
        factor->rank[0] = -factor->p;
        factor->rank[1] = size_of(factor->score);
    }
    factors_sort(f);
    if (run_rows_truncated(run, 0))
        run_truncated(run, "rows", MAX_ROWS, "filter, or ask for a shorter period");
    return rc;
}

/* --- the result ------------------------------------------------------------------------------ */

/* The step that nobody took, when that leaves nothing to tell apart; else 0. */
static size_t missing(const struct run *run)
{
    const struct factors *f = factors_of(run);
    return f->yes > 0 ? 0 : f->no > 0 ? step_of(run) : 1;
}

/* The rows of journeys do not say why. */
static int plan_empty(struct run *run, struct err *ret_err)
{
    const json_t *matchers = json_object_get(run->arguments, "steps");
    size_t step = missing(run);
    return step > 0 ? nameless_plan(run, json_array_get(matchers, step - 1), ret_err) : 0;
}

static void write_nothing(struct run *run, const struct factors *f, const struct funnel *funnel)
{
    size_t step = step_of(run);
    char came[32], name[128] = "";
    if (missing(run) > 0)
        funnel_step_name(funnel, missing(run) - 1, name, sizeof name);
    text_count(came, sizeof came, f->yes + f->no);
    if (f->yes + f->no <= 0) {
        if (!nameless_shape(run, name))
            buf_printf(&run->text,
                       "Nobody came to the step before step %zu: there is nothing to explain.\n",
                       step);
    } else {
        buf_printf(
            &run->text,
            "All %s who came to the step before %s step %zu: there is nothing to tell apart.\n",
            came, f->no <= 0 ? "took" : "dropped at", step);
        if (f->yes <= 0)
            nameless_warn(run, name);
    }
}

/* "device 'iOS': 2.4 times as likely to drop at step 3 (pay), 60 % of the 40 do, 25 % of the
 * others." */
static void write_headline(struct run *run, const struct factors *f, const char *name)
{
    const struct factor *top = &f->items[0];
    char came[32], share[32], with[32], others[32], many[48], times[32];
    size_t step = step_of(run);
    double all = f->yes + f->no;
    text_count(came, sizeof came, all);
    text_percent(share, sizeof share, f->yes / all);
    if (f->count == 0 || top->p >= factors_alpha) {
        buf_printf(&run->text,
                   "Nothing tells apart beyond chance who takes step %zu (%.100s): %s of %s %s; "
                   "%s tried.\n",
                   step, name, share, came, text_verb(all, "does", "do"),
                   text_things(many, sizeof many, (double)f->count, "value"));
        return;
    }
    double all_with = top->t.with_yes + top->t.with_no;
    double all_without = top->t.without_yes + top->t.without_no;
    bool is_drop = top->score < 1;
    double a = (is_drop ? top->t.with_no : top->t.with_yes) / all_with;
    double b = (is_drop ? top->t.without_no : top->t.without_yes) / all_without;
    snprintf(times, sizeof times, "%.3g times as likely", b > 0 ? a / b : 0);
    buf_printf(&run->text,
               "%.100s '%.100s': %s to %s step %zu (%.100s), %s of the %s %s, %s of the others. "
               "%s of %s %s the step.\n",
               top->field, top->value, b > 0 ? times : "the only ones",
               is_drop ? "drop at" : "take", step, name, text_percent(with, sizeof with, a),
               text_count(many, sizeof many, all_with), text_verb(all_with, "does", "do"),
               text_percent(others, sizeof others, b), share, came,
               text_verb(all, "takes", "take"));
}

static json_t *factor_item(const struct factors *all, const struct factor *f)
{
    double ratio, low, high;
    statistics_odds_ratio(&f->t, &ratio, &low, &high);
    return json_pack("{s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:I}", "field", f->field,
                     "value", f->value, "converted_share", f->t.with_yes / all->yes,
                     "dropped_share", f->t.with_no / all->no, "lift", f->score, "odds_ratio", ratio,
                     "ci_low", low, "ci_high", high, "p_adjusted", f->p, "count",
                     (json_int_t)(f->t.with_yes + f->t.with_no));
}

static void write_factor(struct run *run, const struct factors *all, const struct factor *f)
{
    char converted[32], dropped[32], lift[32], odds[32], p[32], count[32];
    double ratio, low, high;
    statistics_odds_ratio(&f->t, &ratio, &low, &high);
    text_row(
        &run->text,
        (const char *const[]){f->field, f->value,
                              text_percent(converted, sizeof converted, f->t.with_yes / all->yes),
                              text_percent(dropped, sizeof dropped, f->t.with_no / all->no),
                              text_number(lift, sizeof lift, f->score),
                              text_number(odds, sizeof odds, ratio), text_number(p, sizeof p, f->p),
                              text_count(count, sizeof count, f->t.with_yes + f->t.with_no)},
        8);
}

static const struct factor_list list = {
    .name = "factors",
    .columns = (const char *const[]){"field", "value", "of converted", "of dropped", "lift",
                                     "odds ratio", "p", "actors", NULL},
    .item = factor_item,
    .write = write_factor,
};

static void suggest(struct run *run, const struct factors *f)
{
    json_t *funnel = run_same_arguments(run);
    json_int_t step = (json_int_t)step_of(run);
    json_object_del(funnel, "step");
    if (f->count > 0 && strcmp(f->items[0].field, "event") != 0) {
        json_t *arguments = json_copy(funnel);
        json_object_set_new(arguments, "breakdown", json_pack("[s]", f->items[0].field));
        run_suggest(run, "run_funnel", arguments, "the whole funnel by this field");
    }
    if (f->no > 0)
        run_suggest(run, "list_actors",
                    json_pack("{s:s, s:O, s:{s:I, s:s}}", "of", "run_funnel", "arguments", funnel,
                              "cell", "step", step, "outcome", "dropped"),
                    "who dropped at this step, with sessions to look at");
    json_decref(funnel);
}

static int shape_result(struct run *run, struct err *ret_err)
{
    const struct factors *factors = factors_of(run);
    struct funnel f;
    char name[128];
    int rc = funnel_read(run->arguments, &f, ret_err);
    if (rc < 0)
        return rc;
    if (factors->yes <= 0 || factors->no <= 0) {
        write_nothing(run, factors, &f);
    } else {
        funnel_step_name(&f, step_of(run) - 1, name, sizeof name);
        write_headline(run, factors, name);
    }
    suggest(run, factors);
    return factors_list(run, factors, &list, ret_err);
}

static const struct step steps[] = {
    {plan_fields, shape_fields}, {plan, shape}, {plan_empty, shape_result}, {0}};

const struct tool tool_explain_funnel = {
    .name = "explain_funnel",
    .title = "Explain a funnel's step",
    .description = "What those who take a step of a funnel have and do that those who drop there "
                   "do not: properties and other events, with odds ratios.",
    .toolset = "analytics",
    .params = params,
    .fields = fields,
    .steps = steps,
};
