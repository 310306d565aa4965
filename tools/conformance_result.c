/* What conformance_check answers. */
#include <string.h>

#include "conformance.h"
#include "json.h"
#include "text.h"

enum { SHOWN = 15 };

static const struct field histogram_fields[] = {
    {"cost",
     "Steps skipped plus events inserted; edges not allowed; rules broken; pairs of events "
     "that are late.",
     VALUE_INTEGER},
    {"cases", "Cases with this cost.", VALUE_INTEGER},
    {0},
};

static const struct field deviation_fields[] = {
    {"kind", "skipped, inserted, swapped, edge, rule or late.", VALUE_STRING},
    {"activity", "The activity at fault; of a rule its a.", VALUE_STRING},
    {"expected",
     "What should have come there; of swapped what it should have preceded; of a rule its b; of "
     "late the usual time.",
     VALUE_STRING, .is_optional = true},
    {"from", "Of edge and late: the activity before.", VALUE_STRING, .is_optional = true},
    {"rule", "Of a rule its kind.", VALUE_STRING, .is_optional = true},
    {"cases", "Cases with this deviation.", VALUE_INTEGER},
    {"share", "Of all cases.", VALUE_NUMBER},
    {"extra_s", "How much longer they take than the other cases, mean.", VALUE_NUMBER,
     .is_optional = true},
    {"example_case", "One of them.", VALUE_STRING},
    {0},
};

static const struct field rule_fields[] = {
    {"kind", "As given.", VALUE_STRING},
    {"a", "As given.", VALUE_STRING},
    {"b", "As given.", VALUE_STRING, .is_optional = true},
    {"n", "Of exists, absent, exactly.", VALUE_INTEGER, .is_optional = true},
    {"activated", "Cases that it says something about.", VALUE_INTEGER},
    {"satisfied", "Those of them that keep it.", VALUE_INTEGER},
    {0},
};

static const struct field variant_fields[] = {
    {"activities", "The sequence as it happened.", VALUE_STRING, .is_list = true},
    {"cases", "Cases that follow it; apart by who did what where a rule asks.", VALUE_INTEGER},
    {"cost", "Its distance from the model.", VALUE_INTEGER},
    {"fitness", "1 - cost / worst possible cost.", VALUE_NUMBER},
    {0},
};

const struct field conformance_fields[] = {
    {"cases", "Cases checked.", VALUE_INTEGER},
    {"conforming", "Cases without a deviation.", VALUE_INTEGER},
    {"conformance", "conforming / cases.", VALUE_NUMBER},
    {"fitness", "Mean over cases.", VALUE_NUMBER},
    {"total_cost", "Sum over cases.", VALUE_INTEGER},
    {"cost_histogram", "By rising cost.", VALUE_OBJECT, .is_list = true,
     .fields = histogram_fields},
    {"deviations", "Most frequent first.", VALUE_OBJECT, .is_list = true,
     .fields = deviation_fields},
    {"rules", "In the order given.", VALUE_OBJECT, .is_list = true, .is_optional = true,
     .fields = rule_fields},
    {"variants", "Distinct sequences, most frequent first; none of temporal.", VALUE_OBJECT,
     .is_list = true, .fields = variant_fields},
    {0},
};

/* The name of the example of a deviation: `texts` has those that are numbers. */
static const char *example_of(const struct deviation *d, const json_t *texts)
{
    return json_get_string(texts, d->example, d->example);
}

static json_t *deviation_list(const struct conformance *c, const json_t *texts)
{
    static const char *const kinds[] = {"skipped", "inserted", "swapped", "edge", "rule", "late"};
    json_t *list = json_array();
    for (size_t i = 0; i < deviations_told(&c->deviations); i++) {
        const struct deviation *d = &c->deviations.items[i];
        double extra_s;
        json_t *item =
            json_pack("{s:s, s:s}", "kind", kinds[d->kind], "activity", c->model->activity(c, d));
        c->model->describe(c, d, item);
        json_object_set_new(item, "cases", json_integer(d->cases));
        json_object_set_new(item, "share", json_real((double)d->cases / (double)c->cases));
        if (deviation_extra_s(c, d, &extra_s))
            json_object_set_new(item, "extra_s", json_real(extra_s));
        json_object_set_new(item, "example_case", json_string(example_of(d, texts)));
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *histogram(const struct conformance *c)
{
    json_t *list = json_array();
    for (size_t cost = 0; cost < c->histogram_size; cost++)
        if (c->histogram[cost] > 0)
            json_array_append_new(list, json_pack("{s:I, s:I}", "cost", (json_int_t)cost, "cases",
                                                  (json_int_t)c->histogram[cost]));
    return list;
}

/* --- text ------------------------------------------------------------------------------------ */

/* The one whose cases lose most time in all, NULL where none takes longer. */
static const struct deviation *costliest(const struct conformance *c, double *ret_extra_s)
{
    const struct deviation *worst = NULL;
    double most = 0, extra_s;
    for (size_t i = 0; i < deviations_told(&c->deviations); i++) {
        const struct deviation *d = &c->deviations.items[i];
        if (!deviation_extra_s(c, d, &extra_s) || extra_s * (double)d->cases <= most)
            continue;
        most = extra_s * (double)d->cases;
        *ret_extra_s = extra_s;
        worst = d;
    }
    return worst;
}

static void write_finding(const struct conformance *c, struct buf *out)
{
    char words[CONFORMANCE_WORDS], some[48], share[32], extra[40];
    double extra_s = 0;
    const struct deviation *d = costliest(c, &extra_s), *first = &c->deviations.items[0];
    if (d != NULL) {
        c->model->words(c, d, words);
        buf_printf(out, "Most time goes with %s: %s %s %s longer than the others on average.\n",
                   words, text_things(some, sizeof some, (double)d->cases, "case"),
                   text_verb((double)d->cases, "takes", "take"),
                   text_duration(extra, sizeof extra, extra_s));
    }
    if (d != first) {
        c->model->words(c, first, words);
        buf_printf(out, "Most frequent is %s, in %s (%s).\n", words,
                   text_things(some, sizeof some, (double)first->cases, "case"),
                   text_percent(share, sizeof share, (double)first->cases / (double)c->cases));
    }
}

static char *extra_text(const struct conformance *c, const struct deviation *d, char *out,
                        size_t size)
{
    double extra_s;
    if (!deviation_extra_s(c, d, &extra_s)) {
        out[0] = '\0';
        return out;
    }
    char duration[40];
    text_duration(duration, sizeof duration, extra_s < 0 ? -extra_s : extra_s);
    snprintf(out, size, "%s%s", extra_s < 0 ? "-" : "+", duration);
    return out;
}

static void write_text(struct run *run, const struct conformance *c, const json_t *texts)
{
    char cases[48], share[32], some[48], words[CONFORMANCE_WORDS], extra[48];
    const char *match = strcmp(c->model->argument, "sequence") == 0
                            ? json_get_string(run->arguments, "match", "")
                            : c->model->argument;
    struct buf *out = &run->text;
    if (c->deviations.count > 0)
        write_finding(c, out);
    buf_printf(out, "%s of %s (%s) %s the model (%s).\n",
               text_count((char[48]){0}, 48, (double)c->conforming),
               text_things(cases, sizeof cases, (double)c->cases, "case"),
               text_percent(share, sizeof share, (double)c->conforming / (double)c->cases),
               text_verb((double)c->conforming, "follows", "follow"), match);
    if (c->deviations.count == 0)
        return;
    text_table(out, (const char *const[]){"deviation", "cases", "share", "takes", "example", NULL});
    for (size_t i = 0; i < deviations_told(&c->deviations) && i < SHOWN; i++) {
        const struct deviation *d = &c->deviations.items[i];
        c->model->words(c, d, words);
        text_row(out,
                 (const char *const[]){
                     words, text_count(some, sizeof some, (double)d->cases),
                     text_percent(share, sizeof share, (double)d->cases / (double)c->cases),
                     extra_text(c, d, extra, sizeof extra), example_of(d, texts)},
                 5);
    }
    text_more(out, deviations_told(&c->deviations), SHOWN);
}

/* Whose cases to look at: of what costs most, or is most frequent. */
static void suggest(struct run *run, const struct conformance *c)
{
    double extra_s;
    const struct deviation *worst = costliest(c, &extra_s);
    if (c->deviations.count == 0)
        return;
    size_t index = worst != NULL ? (size_t)(worst - c->deviations.items) : 0;
    run_suggest(run, "list_actors",
                json_pack("{s:s, s:o, s:{s:i}}", "of", "conformance_check", "arguments",
                          run_same_arguments(run), "cell", "deviation", (int)index),
                worst != NULL ? "the cases with the deviation that costs most time"
                              : "the cases with the most frequent deviation");
}

void conformance_write(struct run *run, const struct conformance *c, const json_t *texts)
{
    double cases = c->cases > 0 ? (double)c->cases : 1;
    json_t *r = run->result;
    json_object_set_new(r, "cases", json_integer(c->cases));
    json_object_set_new(r, "conforming", json_integer(c->conforming));
    json_object_set_new(r, "conformance", json_real((double)c->conforming / cases));
    json_object_set_new(r, "fitness", json_real(c->fitness_sum / cases));
    json_object_set_new(r, "total_cost", json_integer(c->total_cost));
    json_object_set_new(r, "cost_histogram", histogram(c));
    json_object_set_new(r, "deviations", deviation_list(c, texts));
    if (c->model->result != NULL)
        c->model->result(run, c);
    json_object_set(r, "variants", c->variants);
    if (c->deviations.count > CONFORMANCE_MAX_DEVIATIONS)
        run_truncated(run, "deviations", CONFORMANCE_MAX_DEVIATIONS,
                      "the rarest deviations are left out");
    if (c->cases > 0)
        write_text(run, c, texts);
    suggest(run, c);
}
