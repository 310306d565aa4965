/* The model of conformance_check that is a temporal profile, as pm4py has it: for every two events
 * of a case, whatever lies between them, the time from one to the other should lie within `zeta`
 * standard deviations of the mean of that pair of activities. It is learnt from the cases
 * themselves (the sample standard deviation, 0 of a single time), or given. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance.h"
#include "json.h"
#include "sql_text.h"
#include "text.h"

/* The pairs of a case grow with the square of its events. */
enum { MAX_EVENTS = 1000 };

static const char *const members[] = {"from", "to"};

static bool learns(const json_t *temporal)
{
    bool has_pairs = json_array_size(json_object_get(temporal, "pairs")) > 0;
    return json_get_bool(temporal, "learn", !has_pairs);
}

static int validate(const struct run *run, struct err *ret_err)
{
    const json_t *temporal = json_object_get(run->arguments, "temporal");
    const json_t *pairs = json_object_get(temporal, "pairs");
    bool has_pairs = json_array_size(pairs) > 0;
    if (learns(temporal) == has_pairs)
        return err_set(ret_err, ERR_ARGUMENT, "temporal",
                       has_pairs ? "either learn the profile or give its pairs, not both"
                                 : "learn the profile or give its pairs");
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        for (size_t k = 0; k < i; k++) {
            const json_t *a = json_array_get(pairs, i), *b = json_array_get(pairs, k);
            char field[48];
            if (!json_equal(json_object_get(a, members[0]), json_object_get(b, members[0])) ||
                !json_equal(json_object_get(a, members[1]), json_object_get(b, members[1])))
                continue;
            snprintf(field, sizeof field, "temporal.pairs[%zu]", i);
            return err_set(ret_err, ERR_ARGUMENT, field, "the same pair as pairs[%zu]", k);
        }
    }
    return 0;
}

/* --- the query ------------------------------------------------------------------------------- */

/* The profile that the caller gives, bound. */
static int add_given(struct query *q, const json_t *pairs, struct buf *out, struct err *ret_err)
{
    static const struct {
        const char *member, *name;
    } lists[] = {
        {"from", "from_names"}, {"to", "to_names"}, {"mean_s", "means"}, {"std_s", "deviations"}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        json_t *texts = json_array();
        for (size_t k = 0; k < json_array_size(pairs); k++) {
            const json_t *value = json_object_get(json_array_get(pairs, k), lists[i].member);
            char number[40];
            snprintf(number, sizeof number, "%.17g", json_number_value(value));
            json_array_append_new(texts, json_is_string(value) ? json_incref((json_t *)value)
                                                               : json_string(number));
        }
        query_set_texts(q, lists[i].name, texts);
        json_decref(texts);
    }
    return query_render_to(q, &sql_conformance_given, NULL, out, ret_err);
}

static int add_learnt(struct query *q, const char *pairs, struct buf *out, struct err *ret_err)
{
    buf_putc(out, '(');
    int rc = query_render_to(q, &sql_conformance_learn,
                             (const struct query_fragment[]){{"pairs", pairs}, {0}}, out, ret_err);
    buf_putc(out, ')');
    return rc;
}

static int plan(struct run *run, int64_t ids, struct err *ret_err)
{
    const json_t *temporal = json_object_get(run->arguments, "temporal");
    struct query q;
    struct conformance_parts p;
    struct buf pairs = {0}, profile = {0}, zeta = {0};
    query_init(&q);
    int rc = conformance_parts_init(&p, run, &q, NULL, MAX_EVENTS, ids, ret_err);
    if (rc < 0) {
        query_done(&q);
        return rc;
    }
    query_bind_number(&q, &zeta, json_get_number(temporal, "zeta", 3));
    rc = query_render_to(&q, &sql_conformance_pairs,
                         (const struct query_fragment[]){{"cases", buf_text(&p.cases)}, {0}},
                         &pairs, ret_err);
    if (rc == 0)
        rc = learns(temporal)
                 ? add_learnt(&q, buf_text(&pairs), &profile, ret_err)
                 : add_given(&q, json_object_get(temporal, "pairs"), &profile, ret_err);
    if (rc == 0)
        rc = run_query(run, &q, &sql_conformance_temporal,
                       (const struct query_fragment[]){{"names", buf_text(&p.names)},
                                                       {"profile", buf_text(&profile)},
                                                       {"zeta", buf_text(&zeta)},
                                                       {"pairs", buf_text(&pairs)},
                                                       {"ids", p.ids},
                                                       {0}},
                       CONFORMANCE_MAX_GROUPS, ret_err);
    conformance_parts_done(&p);
    buf_done(&pairs);
    buf_done(&profile);
    buf_done(&zeta);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

/* --- the check ------------------------------------------------------------------------------- */

static int init(struct conformance *c)
{
    (void)c;
    return 0;
}

/* What a case costs is how many of its pairs of events are late or early, its fitness the share of
 * those in the profile that are not. */
static int check(struct conformance *c, const struct conformance_group *g,
                 struct verdict *ret_verdict)
{
    const json_t *extra = json_array_get(g->row, GROUP_EXTRA);
    for (size_t i = 0; i < g->len; i++)
        if (deviations_note(c, DEVIATION_LATE, g->trace[i], 0, g) < 0)
            return -1;
    *ret_verdict = (struct verdict){.cost = (int64_t)json_at_number(extra, 0),
                                    .fitness = json_at_number(extra, 1) / (double)g->cases};
    return 0;
}

/* --- words ----------------------------------------------------------------------------------- */

/* A number of a pair: its two activities, and its mean and deviation. */
static double of_profile(const struct conformance *c, const struct deviation *d, size_t column)
{
    return json_at_number(json_array_get(c->profile, column), (size_t)d->a - 1);
}

static uint32_t code_of(const struct conformance *c, const struct deviation *d, bool is_second)
{
    uint64_t base = c->name_count + 1, pair = (uint64_t)of_profile(c, d, 0);
    return (uint32_t)(is_second ? pair % base : pair / base);
}

static const char *activity(const struct conformance *c, const struct deviation *d)
{
    return conformance_name(c, code_of(c, d, true));
}

/* "2 d ± 3 h" */
static void usual(const struct conformance *c, const struct deviation *d, char *out, size_t size)
{
    char mean[40], std[40];
    snprintf(out, size, "%s ± %s", text_duration(mean, sizeof mean, of_profile(c, d, 1) / 1e6),
             text_duration(std, sizeof std, of_profile(c, d, 2) / 1e6));
}

static void describe(const struct conformance *c, const struct deviation *d, json_t *item)
{
    char text[96];
    usual(c, d, text, sizeof text);
    json_object_set_new(item, "from", json_string(conformance_name(c, code_of(c, d, false))));
    json_object_set_new(item, "expected", json_string(text));
}

static void words(const struct conformance *c, const struct deviation *d,
                  char out[static CONFORMANCE_WORDS])
{
    char text[96], activity[CONFORMANCE_LABEL], before[CONFORMANCE_LABEL];
    usual(c, d, text, sizeof text);
    snprintf(out, CONFORMANCE_WORDS, "'%s' late or early after '%s' (usual: %s)",
             conformance_label(c, code_of(c, d, true), activity),
             conformance_label(c, code_of(c, d, false), before), text);
}

const struct conformance_model conformance_temporal = {
    .argument = "temporal",
    .validate = validate,
    .plan = plan,
    .init = init,
    .check = check,
    .activity = activity,
    .describe = describe,
    .words = words,
    .max_events = MAX_EVENTS,
};
