#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "conformance.h"
#include "json.h"
#include "text.h"

#define ARG_ACTIVITY(name_text, needed, words)                                                     \
    {                                                                                              \
        .name = (name_text), .is_required = (needed), .role = "event", .description = (words)      \
    }

static const struct param edge_params[] = {
    ARG_ACTIVITY("from", true, "First."),
    ARG_ACTIVITY("to", true, "Next."),
    {0},
};

static const struct param rule_params[] = {
    {.name = "kind",
     .is_required = true,
     .choices = conformance_rule_kinds,
     .description = "Declare's; four_eyes: nobody does both."},
    ARG_ACTIVITY("a", true, "First."),
    ARG_ACTIVITY("b", false, "Second, of response and later kinds."),
    {.name = "n",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = 1000,
     .description = "exists: at least; absent: fewer than; exactly. Default 1."},
    {0},
};

static const struct param pair_params[] = {
    ARG_ACTIVITY("from", true, "First."),
    ARG_ACTIVITY("to", true, "Any later one."),
    {.name = "mean_s",
     .type = VALUE_NUMBER,
     .is_required = true,
     .min = 0,
     .max = 1e12,
     .description = "Mean time."},
    {.name = "std_s",
     .type = VALUE_NUMBER,
     .is_required = true,
     .min = 0,
     .max = 1e12,
     .description = "Standard deviation."},
    {0},
};

static const struct param temporal_params[] = {
    {.name = "learn", .type = VALUE_BOOLEAN, .description = "From these cases."},
    {.name = "pairs",
     .type = VALUE_OBJECT,
     .is_list = true,
     .fields = pair_params,
     .max_items = 1000,
     .description = "A profile given."},
    {.name = "zeta",
     .type = VALUE_NUMBER,
     .min = 0,
     .max = 1e6,
     .fallback = "3",
     .description = "Usual deviations."},
    {0},
};

static const struct param params[] = {
    ARG_PERIOD,
    ARG_SCOPE,
    ARG_CASE,
    {.name = "sequence",
     .is_list = true,
     .role = "event",
     .min_items = 1,
     .max_items = 100,
     .description = "Activities in the order expected."},
    {.name = "match",
     .choices = conformance_matches,
     .fallback = "\"alignment\"",
     .description = "alignment: how far from it; exact: equal; eventually_follows: others may lie "
                    "between; directly_follows: one block."},
    {.name = "edges",
     .type = VALUE_OBJECT,
     .is_list = true,
     .fields = edge_params,
     .min_items = 1,
     .max_items = 1000,
     .description = "Instead: what may follow what directly."},
    {.name = "rules",
     .type = VALUE_OBJECT,
     .is_list = true,
     .fields = rule_params,
     .min_items = 1,
     .max_items = 50,
     .description = "Instead: rules."},
    {.name = "temporal",
     .type = VALUE_OBJECT,
     .fields = temporal_params,
     .is_brief = true,
     .description =
         "Instead: {learn: true} or {pairs: [{from, to, mean_s, std_s}]}, zeta (3) deviations."},
    ARG_LIMIT("20"),
    ARG_OUTPUT,
    {0},
};

static const struct conformance_model *const models[] = {&conformance_sequence, &conformance_edges,
                                                         &conformance_rules, &conformance_temporal};

const struct conformance_model *conformance_model_of(const struct run *run, struct err *ret_err)
{
    const struct conformance_model *model = NULL;
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        if (json_object_get(run->arguments, models[i]->argument) == NULL)
            continue;
        if (model != NULL) {
            err_set(ret_err, ERR_ARGUMENT, models[i]->argument,
                    "there is %s already: give one of sequence, edges, rules, temporal",
                    model->argument);
            return NULL;
        }
        model = models[i];
    }
    if (model == NULL)
        err_set(ret_err, ERR_ARGUMENT, "sequence",
                "missing: give one of sequence, edges, rules, temporal");
    return model;
}

/* --- the questions ---------------------------------------------------------------------------- */

struct checked {
    json_t *rows; /* the groups */
    int64_t cases, unfinished;
    bool is_truncated;
    struct conformance conformance; /* of the rows, once its model is there */
};

static void checked_free(void *state)
{
    struct checked *k = state;
    if (k->conformance.model != NULL)
        conformance_done(&k->conformance);
    json_decref(k->rows);
    free(k);
}

static int plan(struct run *run, struct err *ret_err)
{
    run->state = calloc(1, sizeof(struct checked));
    if (run->state == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    run->state_free = checked_free;
    int rc = conformance_plan(run, 0, !process_may_be_narrow(run), ret_err);
    if (rc >= 0 && !conformance_is_of_traces(run))
        rc = process_plan_cases(run, ret_err);
    return rc < 0 ? rc : 0;
}

static int keep(struct run *run, struct err *ret_err)
{
    struct checked *k = run->state;
    (void)ret_err;
    if (!run_has_asked(run))
        return 0;
    json_decref(k->rows);
    k->rows = json_incref((json_t *)run_rows(run, 0));
    k->is_truncated = run_rows_truncated(run, 0);
    if (!conformance_is_of_traces(run)) {
        k->cases = process_shape_cases(run, 1);
        return 0;
    }
    const json_t *counts = json_array_get(json_array_get(k->rows, 0), GROUP_COUNTS);
    k->cases = json_at_integer(counts, 0);
    k->unfinished = json_at_integer(counts, 1);
    return 0;
}

/* Where the narrow statement does not tell, the wide one does. */
static int plan_wide(struct run *run, struct err *ret_err)
{
    const struct checked *k = run->state;
    bool is_asked = conformance_is_of_traces(run) && process_may_be_narrow(run);
    return is_asked && !process_is_told(k->rows) ? conformance_plan(run, 0, true, ret_err) : 0;
}

/* --- the check -------------------------------------------------------------------------------- */

/* Takes the first groups as variants. */
static int keep_variant(void *user, json_t *row, const struct conformance_group *group,
                        const struct verdict *verdict)
{
    struct conformance *c = user;
    json_int_t limit = json_get_integer(c->arguments, "limit", 20);
    if (!c->model->has_variants || (json_int_t)json_array_size(c->variants) >= limit)
        return 0;
    json_t *activities = json_array();
    for (size_t i = 0; i < group->len; i++)
        json_array_append_new(activities, json_string(conformance_name(c, group->trace[i])));
    json_array_append_new(c->variants,
                          json_pack("{s:o, s:O, s:I, s:f}", "activities", activities, "cases",
                                    json_array_get(row, GROUP_CASES), "cost",
                                    (json_int_t)verdict->cost, "fitness", verdict->fitness));
    return 0;
}

static void warn_long(struct run *run, const struct conformance *c, const json_t *row)
{
    char count[48];
    double cases = (double)json_at_integer(row, GROUP_CASES);
    run_warn(run, "%s with more than %zu events %s left out",
             text_things(count, sizeof count, cases, "case"), c->model->max_events,
             text_verb(cases, "is", "are"));
}

/* A slice of the groups; RUN_AGAIN where there are more. */
static int check_rows(struct run *run, struct checked *k, struct err *ret_err)
{
    struct conformance *c = &k->conformance;
    int rc = 0;
    if (c->model == NULL) {
        rc = conformance_init(c, run, k->rows);
        c->variants = json_array();
    }
    if (rc == 0)
        rc = conformance_check_rows(c, k->rows, keep_variant, c);
    return rc < 0 ? err_set(ret_err, ERR_MEMORY, NULL, "out of memory while checking") : rc;
}

static void warn_rows(struct run *run, const struct conformance *c, const json_t *rows)
{
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (conformance_status(json_array_get(rows, i)) == STATUS_TOO_LONG)
            warn_long(run, c, json_array_get(rows, i));
}

/* The examples are numbers where cases have some. */
static int plan_texts(struct run *run, struct err *ret_err)
{
    struct checked *k = run->state;
    struct conformance *c = &k->conformance;
    int rc = check_rows(run, k, ret_err);
    if (rc != 0)
        return rc;
    deviations_sort(&c->deviations);
    warn_rows(run, c, k->rows);
    if (c->cases == 0)
        return process_plan_empty(run, ret_err);
    if (!conformance_is_of_traces(run))
        return 0;
    json_t *numbers = json_array();
    for (size_t i = 0; i < deviations_told(&c->deviations); i++)
        json_array_append_new(numbers, json_string(c->deviations.items[i].example));
    rc = process_plan_texts(run, numbers, ret_err);
    json_decref(numbers);
    return rc < 0 ? rc : 0;
}

static int shape(struct run *run, struct err *ret_err)
{
    struct checked *k = run->state;
    (void)ret_err;
    if (k->conformance.cases == 0) {
        conformance_write(run, &k->conformance, NULL);
        process_shape_empty(run);
        return 0;
    }
    json_t *texts = process_read_texts(run);
    conformance_write(run, &k->conformance, texts);
    json_decref(texts);
    process_link_log(run);
    if (conformance_is_of_traces(run))
        process_warn(run, k->cases, k->unfinished, k->conformance.names);
    if (k->is_truncated) {
        run_truncated(run, "variants", CONFORMANCE_MAX_GROUPS,
                      "narrow the period or filter the cases");
        run_warn(run, "only %lld of %lld cases are checked: there are too many distinct sequences",
                 (long long)k->conformance.cases, (long long)k->cases);
    }
    return 0;
}

static const struct step steps[] = {{plan, keep}, {plan_wide, keep}, {plan_texts, shape}, {0}};

const struct tool tool_conformance_check = {
    .name = "conformance_check",
    .title = "Check conformance",
    .description = "Compares every case with a sequence of activities, allowed edges, rules (four "
                   "eyes) or usual times: how many conform, what deviates, the time it costs.",
    .toolset = "core",
    .flags = TOOL_CORE | TOOL_WHOLE_PERIOD,
    .params = params,
    .fields = conformance_fields,
    .tables = (const char *const[]){"deviations", NULL},
    .steps = steps,
    .before_actors = {conformance_plan_cell, conformance_shape_cell},
    .plan_actors = conformance_plan_actors,
};
