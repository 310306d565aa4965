#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "align.h"
#include "args.h"
#include "json.h"
#include "process.h"
#include "run.h"
#include "sql_text.h"
#include "text.h"

/* Distinct sequences beyond this many stay out, the rarest first; the result says so. */
enum { MAX_VARIANTS = 500000, MAX_DEVIATIONS = 50, SHOWN = 15 };

static const char *const matches[] = {"alignment", "exact", "eventually_follows",
                                      "directly_follows", NULL};

/* What each match forgives: see align.h. */
static const struct align_costs match_costs[] = {{1, 1}, {1, 1}, {0, 0}, {0, 1}};

static const struct param params[] = {
    ARG_PERIOD,
    ARG_SCOPE,
    ARG_CASE,
    {.name = "sequence",
     .is_list = true,
     .is_required = true,
     .role = "event",
     .min_items = 1,
     .max_items = 100,
     .max_length = 1024,
     .description = "The activities in the order they should happen."},
    {.name = "match",
     .choices = matches,
     .fallback = "\"alignment\"",
     .description = "alignment: how far each case is from the sequence; exact: equal; "
                    "eventually_follows: others may lie between; directly_follows: as one block."},
    ARG_LIMIT("20"),
    ARG_OUTPUT,
    {0},
};

static const struct field histogram_fields[] = {
    {"cost", "Steps skipped plus events inserted in a case.", VALUE_INTEGER},
    {"cases", "Cases with this cost.", VALUE_INTEGER},
    {0},
};

static const struct field deviation_fields[] = {
    {"kind", "skipped, inserted or swapped.", VALUE_STRING},
    {"activity", "The activity at fault.", VALUE_STRING},
    {"expected", "What should have come there; of swapped: what it should have preceded.",
     VALUE_STRING, .is_optional = true},
    {"cases", "Cases with this deviation.", VALUE_INTEGER},
    {"share", "Of all cases.", VALUE_NUMBER},
    {"example_case", "One of them.", VALUE_STRING},
    {0},
};

static const struct field variant_fields[] = {
    {"activities", "The sequence as it happened.", VALUE_STRING, .is_list = true},
    {"cases", "Cases that follow it.", VALUE_INTEGER},
    {"cost", "Its distance from the model.", VALUE_INTEGER},
    {"fitness", "1 - cost / worst possible cost.", VALUE_NUMBER},
    {0},
};

static const struct field fields[] = {
    {"cases", "Cases checked.", VALUE_INTEGER},
    {"conforming", "Cases without a deviation.", VALUE_INTEGER},
    {"conformance", "conforming / cases.", VALUE_NUMBER},
    {"fitness", "Mean over cases.", VALUE_NUMBER},
    {"total_cost", "Sum over cases.", VALUE_INTEGER},
    {"cost_histogram", "By rising cost.", VALUE_OBJECT, .is_list = true,
     .fields = histogram_fields},
    {"deviations", "Most frequent first.", VALUE_OBJECT, .is_list = true,
     .fields = deviation_fields},
    {"variants", "Distinct sequences, most frequent first.", VALUE_OBJECT, .is_list = true,
     .fields = variant_fields},
    {0},
};

static int plan(struct run *run, struct err *ret_err)
{
    struct query q;
    struct process p;
    query_init(&q);
    int rc = process_init(&p, run, &q, ret_err);
    if (rc == 0) {
        query_set_integer(&q, "limit", MAX_VARIANTS + 1);
        query_set_integer(&q, "max_events", ALIGN_MAX_TRACE + 1);
        rc = run_query(run, &q, &sql_conformance_variants,
                       (const struct query_fragment[]){{"case", buf_text(&p.case_id)},
                                                       {"time_us", buf_text(&p.time_us)},
                                                       {"order", buf_text(&p.order)},
                                                       {"event", buf_text(&p.event)},
                                                       {"from", buf_text(&p.from)},
                                                       {"selected", buf_text(&p.selected)},
                                                       {"segment", buf_text(&p.segment)},
                                                       {0}},
                       MAX_VARIANTS, ret_err);
        process_done(&p);
    }
    query_done(&q);
    if (rc >= 0)
        rc = process_plan_cases(run, ret_err);
    return rc < 0 ? rc : 0;
}

/* --- the check ------------------------------------------------------------------------------ */

struct deviation {
    const char *kind;
    uint32_t activity, expected;
    int64_t cases;
    const char *example;
    size_t last_variant; /* counts a variant once, however often it deviates so */
};

struct check {
    size_t match;       /* index into matches */
    json_t *codes;      /* {activity: code} */
    const char **names; /* code → activity, borrowed from the rows and arguments */
    size_t name_count, name_size;
    uint32_t *reference, *trace;
    size_t reference_len, trace_size;
    struct align_move *moves;
    struct deviation *deviations;
    size_t deviation_count, deviation_size;
    json_t *deviation_index; /* {"kind activity expected": index} */
    int64_t *histogram;
    size_t histogram_size;
    int64_t cases, conforming, total_cost;
    double fitness_sum;
};

static void check_done(struct check *c)
{
    json_decref(c->codes);
    json_decref(c->deviation_index);
    free(c->names);
    free(c->reference);
    free(c->trace);
    free(c->moves);
    free(c->deviations);
    free(c->histogram);
}

static const uint32_t no_activity = UINT32_MAX;

/* The small integer of an activity; no_activity when out of memory. */
static uint32_t code_of(struct check *c, const char *name)
{
    const json_t *known = json_object_get(c->codes, name);
    if (known != NULL)
        return (uint32_t)json_integer_value(known);
    if (c->name_count == c->name_size) {
        size_t size = c->name_size == 0 ? 64 : c->name_size * 2;
        const char **names = realloc(c->names, size * sizeof *names);
        if (names == NULL)
            return no_activity;
        c->names = names;
        c->name_size = size;
    }
    c->names[c->name_count] = name;
    json_object_set_new(c->codes, name, json_integer((json_int_t)c->name_count));
    return (uint32_t)c->name_count++;
}

static int grow_trace(struct check *c, size_t len)
{
    if (len <= c->trace_size && c->trace != NULL)
        return 0;
    size_t size = len < 256 ? 256 : len * 2;
    uint32_t *trace = realloc(c->trace, size * sizeof *trace);
    if (trace == NULL)
        return -1;
    c->trace = trace;
    struct align_move *moves =
        realloc(c->moves, align_max_moves(size, c->reference_len) * sizeof *moves);
    if (moves == NULL)
        return -1;
    c->moves = moves;
    c->trace_size = size;
    return 0;
}

static int count_cost(struct check *c, int cost, int64_t cases)
{
    if ((size_t)cost >= c->histogram_size) {
        size_t size = (size_t)cost + 64;
        int64_t *histogram = realloc(c->histogram, size * sizeof *histogram);
        if (histogram == NULL)
            return -1;
        memset(histogram + c->histogram_size, 0, (size - c->histogram_size) * sizeof *histogram);
        c->histogram = histogram;
        c->histogram_size = size;
    }
    c->histogram[cost] += cases;
    return 0;
}

static int note_deviation(struct check *c, const char *kind, uint32_t activity, uint32_t expected,
                          size_t variant, int64_t cases, const char *example)
{
    char key[64];
    snprintf(key, sizeof key, "%s %u %u", kind, activity, expected);
    const json_t *known = json_object_get(c->deviation_index, key);
    size_t at = known != NULL ? (size_t)json_integer_value(known) : c->deviation_count;
    if (at >= c->deviation_count) {
        if (c->deviation_count == c->deviation_size) {
            size_t size = c->deviation_size == 0 ? 64 : c->deviation_size * 2;
            struct deviation *grown = realloc(c->deviations, size * sizeof *grown);
            if (grown == NULL)
                return -1;
            c->deviations = grown;
            c->deviation_size = size;
        }
        json_object_set_new(c->deviation_index, key, json_integer((json_int_t)c->deviation_count));
        c->deviations[c->deviation_count++] = (struct deviation){.kind = kind,
                                                                 .activity = activity,
                                                                 .expected = expected,
                                                                 .cases = cases,
                                                                 .example = example,
                                                                 .last_variant = variant};
        return 0;
    }
    struct deviation *d = &c->deviations[at];
    if (d->last_variant != variant) {
        d->cases += cases;
        d->last_variant = variant;
    }
    return 0;
}

/* A skipped activity that the trace has elsewhere was not skipped but came at the wrong moment:
 * finds the insert of the same activity and, between the two, the reference activity that
 * overtook it. */
static bool find_swap(const struct check *c, size_t count, size_t skip, size_t *ret_insert,
                      uint32_t *ret_other)
{
    uint32_t activity = c->reference[c->moves[skip].reference_at];
    for (size_t i = 0; i < count; i++) {
        if (c->moves[i].kind != ALIGN_INSERT || c->trace[c->moves[i].trace_at] != activity)
            continue;
        size_t low = i < skip ? i : skip, high = i < skip ? skip : i;
        for (size_t k = low + 1; k < high; k++) {
            if (c->moves[k].kind == ALIGN_MATCH) {
                *ret_insert = i;
                *ret_other = c->reference[c->moves[k].reference_at];
                return true;
            }
        }
    }
    return false;
}

/* Skips first: an insert that is the other half of a swap must not be counted again. */
static int note_skips(struct check *c, size_t count, size_t variant, int64_t cases,
                      const char *example)
{
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        if (c->moves[i].kind != ALIGN_SKIP)
            continue;
        uint32_t activity = c->reference[c->moves[i].reference_at], other = no_activity;
        size_t insert;
        bool is_swap = find_swap(c, count, i, &insert, &other);
        if (is_swap)
            c->moves[insert].kind = ALIGN_SWAPPED;
        rc = note_deviation(c, is_swap ? "swapped" : "skipped", activity, other, variant, cases,
                            example);
    }
    return rc;
}

static int note_inserts(struct check *c, size_t count, size_t variant, int64_t cases,
                        const char *example)
{
    struct align_costs costs = match_costs[c->match];
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        size_t next = c->moves[i].reference_at;
        bool is_inner = next > 0 && next < c->reference_len;
        if (c->moves[i].kind != ALIGN_INSERT ||
            (is_inner ? costs.inner_insert : costs.edge_insert) == 0)
            continue;
        rc = note_deviation(c, "inserted", c->trace[c->moves[i].trace_at],
                            next < c->reference_len ? c->reference[next] : no_activity, variant,
                            cases, example);
    }
    return rc;
}

static int note_deviations(struct check *c, size_t count, size_t variant, int64_t cases,
                           const char *example)
{
    int rc = note_skips(c, count, variant, cases, example);
    return rc < 0 ? rc : note_inserts(c, count, variant, cases, example);
}

/* One variant; returns its cost, or negative when out of memory. */
static int check_variant(struct check *c, const json_t *row, size_t variant)
{
    const json_t *activities = json_array_get(row, 0);
    int64_t cases = json_integer_value(json_array_get(row, 1));
    size_t len = json_array_size(activities), moves = 0;
    if (grow_trace(c, len) < 0)
        return -1;
    for (size_t i = 0; i < len; i++) {
        c->trace[i] = code_of(c, json_string_value(json_array_get(activities, i)));
        if (c->trace[i] == no_activity)
            return -1;
    }
    int cost = align(c->trace, len, c->reference, c->reference_len, match_costs[c->match], c->moves,
                     &moves);
    if (cost < 0 || count_cost(c, cost, cases) < 0)
        return -1;
    if (cost > 0 &&
        note_deviations(c, moves, variant, cases, json_string_value(json_array_get(row, 2))) < 0)
        return -1;
    c->cases += cases;
    c->conforming += cost == 0 ? cases : 0;
    c->total_cost += (int64_t)cost * cases;
    return cost;
}

/* Skipping the whole reference and inserting the whole trace is the worst; where inserting is free
 * at the edges, only the reference counts. */
static double variant_fitness(const struct check *c, int cost, size_t trace_len)
{
    size_t worst = c->reference_len + (match_costs[c->match].edge_insert > 0 ? trace_len : 0);
    return worst > 0 ? 1 - (double)cost / (double)worst : 1;
}

static int check_init(struct check *c, const struct run *run)
{
    const json_t *sequence = json_object_get(run->arguments, "sequence");
    const char *match = json_get_string(run->arguments, "match", matches[0]);
    while (strcmp(matches[c->match], match) != 0)
        c->match++;
    c->codes = json_object();
    c->deviation_index = json_object();
    c->reference_len = json_array_size(sequence);
    c->reference = calloc(c->reference_len, sizeof *c->reference);
    if (c->codes == NULL || c->deviation_index == NULL || c->reference == NULL)
        return -1;
    for (size_t i = 0; i < c->reference_len; i++) {
        c->reference[i] = code_of(c, json_string_value(json_array_get(sequence, i)));
        if (c->reference[i] == no_activity)
            return -1;
    }
    return 0;
}

/* --- the result ------------------------------------------------------------------------------ */

static int by_cases(const void *a, const void *b)
{
    const struct deviation *x = a, *y = b;
    if (x->cases != y->cases)
        return x->cases < y->cases ? 1 : -1;
    int kind = strcmp(x->kind, y->kind);
    if (kind != 0)
        return kind;
    return x->activity != y->activity ? (x->activity < y->activity ? -1 : 1)
                                      : (x->expected < y->expected ? -1 : 1);
}

static json_t *deviation_list(struct check *c)
{
    if (c->deviation_count > 0)
        qsort(c->deviations, c->deviation_count, sizeof *c->deviations, by_cases);
    json_t *list = json_array();
    for (size_t i = 0; i < c->deviation_count && i < MAX_DEVIATIONS; i++) {
        const struct deviation *d = &c->deviations[i];
        json_t *item = json_pack("{s:s, s:s, s:I, s:f, s:s}", "kind", d->kind, "activity",
                                 c->names[d->activity], "cases", (json_int_t)d->cases, "share",
                                 (double)d->cases / (double)c->cases, "example_case", d->example);
        if (d->expected != no_activity)
            json_object_set_new(item, "expected", json_string(c->names[d->expected]));
        json_array_append_new(list, item);
    }
    return list;
}

static void deviation_words(const struct check *c, const struct deviation *d, char *out,
                            size_t size)
{
    const char *activity = c->names[d->activity];
    const char *expected = d->expected != no_activity ? c->names[d->expected] : NULL;
    if (strcmp(d->kind, "swapped") == 0)
        snprintf(out, size, "'%.80s' on the wrong side of '%.80s'", activity, expected);
    else if (strcmp(d->kind, "skipped") == 0)
        snprintf(out, size, "'%.80s' skipped", activity);
    else if (d->expected == d->activity)
        snprintf(out, size, "'%.80s' repeated", activity);
    else if (expected != NULL)
        snprintf(out, size, "'%.80s' where '%.80s' was expected", activity, expected);
    else
        snprintf(out, size, "'%.80s' after the end", activity);
}

static void write_text(struct run *run, const struct check *c)
{
    char cases[48], share[32], some[48];
    buf_printf(&run->text, "%s of %s %s the model (%s)",
               text_percent(share, sizeof share, (double)c->conforming / (double)c->cases),
               text_things(cases, sizeof cases, (double)c->cases, "case"),
               text_verb((double)c->cases, "follows", "follow"), matches[c->match]);
    if (c->deviation_count == 0) {
        buf_puts(&run->text, ".\n");
        return;
    }
    char words[256];
    deviation_words(c, &c->deviations[0], words, sizeof words);
    buf_printf(
        &run->text, "; the most frequent deviation is %s, in %s (%s).\n", words,
        text_things(some, sizeof some, (double)c->deviations[0].cases, "case"),
        text_percent(share, sizeof share, (double)c->deviations[0].cases / (double)c->cases));
    text_table(&run->text, (const char *const[]){"deviation", "cases", "share", "example", NULL});
    for (size_t i = 0; i < c->deviation_count && i < SHOWN; i++) {
        const struct deviation *d = &c->deviations[i];
        deviation_words(c, d, words, sizeof words);
        text_row(&run->text,
                 (const char *const[]){
                     words, text_count(some, sizeof some, (double)d->cases),
                     text_percent(share, sizeof share, (double)d->cases / (double)c->cases),
                     d->example},
                 4);
    }
    text_more(&run->text, c->deviation_count < MAX_DEVIATIONS ? c->deviation_count : MAX_DEVIATIONS,
              SHOWN);
}

static void write_result(struct run *run, struct check *c, json_t *variants)
{
    json_t *histogram = json_array();
    for (size_t cost = 0; cost < c->histogram_size; cost++)
        if (c->histogram[cost] > 0)
            json_array_append_new(histogram, json_pack("{s:I, s:I}", "cost", (json_int_t)cost,
                                                       "cases", (json_int_t)c->histogram[cost]));
    double cases = c->cases > 0 ? (double)c->cases : 1;
    json_t *r = run->result;
    json_object_set_new(r, "cases", json_integer(c->cases));
    json_object_set_new(r, "conforming", json_integer(c->conforming));
    json_object_set_new(r, "conformance", json_real((double)c->conforming / cases));
    json_object_set_new(r, "fitness", json_real(c->fitness_sum / cases));
    json_object_set_new(r, "total_cost", json_integer(c->total_cost));
    json_object_set_new(r, "cost_histogram", histogram);
    json_object_set_new(r, "deviations", deviation_list(c));
    json_object_set_new(r, "variants", variants);
    if (c->deviation_count > MAX_DEVIATIONS)
        run_truncated(run, "deviations", MAX_DEVIATIONS, "the rarest deviations are left out");
}

static int shape(struct run *run, struct err *ret_err)
{
    const json_t *rows = run_rows(run, 0);
    int64_t all_cases = process_shape_cases(run, 1);
    json_int_t limit = json_get_integer(run->arguments, "limit", 20);
    struct check c = {0};
    json_t *variants = json_array();
    size_t left_out = 0; /* each is a sequence of its own: longer ones were cut */
    const char *example = NULL;
    int rc = check_init(&c, run);
    for (size_t i = 0; rc >= 0 && i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const json_t *activities = json_array_get(row, 0);
        if (json_array_size(activities) > ALIGN_MAX_TRACE) {
            if (left_out++ == 0)
                example = json_string_value(json_array_get(row, 2));
            continue;
        }
        int cost = rc = check_variant(&c, row, i);
        if (rc < 0)
            break;
        double fitness = variant_fitness(&c, cost, json_array_size(activities));
        c.fitness_sum += fitness * (double)json_integer_value(json_array_get(row, 1));
        if ((json_int_t)i < limit)
            json_array_append_new(variants, json_pack("{s:O, s:O, s:i, s:f}", "activities",
                                                      activities, "cases", json_array_get(row, 1),
                                                      "cost", cost, "fitness", fitness));
    }
    if (rc < 0) {
        check_done(&c);
        json_decref(variants);
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory while aligning");
    }
    write_result(run, &c, variants);
    char count[48];
    if (left_out > 0)
        run_warn(run, "%s with more than %d events, like '%.80s', %s left out",
                 text_things(count, sizeof count, (double)left_out, "case"), ALIGN_MAX_TRACE,
                 example, text_verb((double)left_out, "is", "are"));
    if (c.cases == 0)
        buf_puts(&run->text, "No case in this selection.");
    else
        write_text(run, &c);
    if (run_rows_truncated(run, 0)) {
        run_truncated(run, "variants", MAX_VARIANTS, "narrow the period or filter the cases");
        run_warn(run, "only %lld of %lld cases are checked: there are too many distinct sequences",
                 (long long)c.cases, (long long)all_cases);
    }
    check_done(&c);
    return 0;
}

static const struct step steps[] = {{plan, shape}, {0}};

const struct tool tool_conformance_check = {
    .name = "conformance_check",
    .title = "Check conformance",
    .description =
        "Does reality follow the model? Aligns every case with a sequence of activities: "
        "how many conform, how far the others are, and which steps are skipped, inserted "
        "or swapped.",
    .toolset = "core",
    .flags = TOOL_CORE | TOOL_WHOLE_PERIOD,
    .params = params,
    .fields = fields,
    .tables = (const char *const[]){"deviations", NULL},
    .steps = steps,
};
