#include <math.h>
#include <string.h>

#include "args.h"
#include "compare_empty.h"
#include "events.h"
#include "factors.h"
#include "fields.h"
#include "json.h"
#include "run.h"
#include "sql_text.h"
#include "text.h"

enum { MAX_ROWS = 50000, MAX_FIELDS = 20 };

static const struct param params[] = {
    {.name = "a",
     .type = VALUE_OBJECT,
     .is_required = true,
     .fields = arg_segment_fields,
     .is_brief = true,
     .shorthand = "name",
     .description = "A group: those who {did: [{event, where, min_times, within_days}], did_not, "
                    "filters}, or the name of a segment."},
    {.name = "b",
     .type = VALUE_OBJECT,
     .is_required = true,
     .fields = arg_segment_fields,
     .is_brief = true,
     .shorthand = "name",
     .description = "The other group, like a."},
    {.name = "fields",
     .is_list = true,
     .min_items = 1,
     .max_items = MAX_FIELDS,
     .max_length = 256,
     .role = "field",
     .description = "Default: event and the properties with at most 100 values."},
    ARG_PERIOD,
    ARG_SCOPE,
    ARG_ACTOR,
    ARG_LIMIT("50"),
    ARG_CURSOR,
    ARG_OUTPUT,
    {0},
};

static const struct field difference_fields[] = {
    {"field", "A property, or event: what the actor did.", VALUE_STRING},
    {"value", "One of its values.", VALUE_STRING},
    {"a_share", "Share of the actors of a that have it at any time in the period.", VALUE_NUMBER},
    {"b_share", "The same of b.", VALUE_NUMBER},
    {"difference", "a_share - b_share.", VALUE_NUMBER},
    {"score",
     "Size of the difference, Cohen's h (0.2 small, 0.5 medium, 0.8 large); 0 where it may be "
     "chance (chi-square or Fisher, Benjamini-Hochberg at 5 %).",
     VALUE_NUMBER},
    {0},
};

static const struct field fields[] = {
    {"size_a", "Actors of a with events in the period.", VALUE_INTEGER},
    {"size_b", "The same of b.", VALUE_INTEGER},
    {"overlap", "Actors in both.", VALUE_INTEGER},
    {"differences", "By score, then by difference.", VALUE_OBJECT, .is_list = true,
     .fields = difference_fields},
    {"cursor", "Where the next page begins.", VALUE_STRING, .is_optional = true},
    {0},
};

/* --- which fields ---------------------------------------------------------------------------- */

static int plan_fields(struct run *run, struct err *ret_err)
{
    int rc = factors_init(run, ret_err);
    if (rc < 0 || json_object_get(run->arguments, "fields") != NULL)
        return rc;
    return fields_plan_useful(run, ret_err);
}

static int shape_fields(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    json_t *given = json_object_get(run->arguments, "fields");
    factors_of(run)->fields = given != NULL ? json_incref(given) : fields_useful(run_rows(run, 0));
    return 0;
}

/* --- the comparison -------------------------------------------------------------------------- */

static double share_a(const struct factors *f, const struct factor *factor)
{
    return factor->t.with_yes / f->yes;
}

static double share_b(const struct factors *f, const struct factor *factor)
{
    return factor->t.with_no / f->no;
}

static int add_rows(const struct run *run, struct query *q, struct buf *out, struct err *ret_err)
{
    struct events e;
    int rc = events_begin(&e, run, q, run->period.from_us, run->period.to_us, ret_err);
    if (rc < 0)
        return rc;
    rc = compare_add_group(&e, "_a", json_object_get(run->arguments, "a"), "a", ret_err);
    if (rc == 0)
        rc = compare_add_group(&e, "_b", json_object_get(run->arguments, "b"), "b", ret_err);
    if (rc == 0)
        rc = fields_values(&e, factors_of(run)->fields, "fields", ret_err);
    events_where(&e, "_a OR _b");
    if (rc < 0)
        events_drop(&e);
    else
        events_end(&e, out);
    return rc;
}

static int plan(struct run *run, struct err *ret_err)
{
    struct query q;
    struct buf rows = {0};
    query_init(&q);
    query_set_integer(&q, "limit", MAX_ROWS + 1);
    int rc = add_rows(run, &q, &rows, ret_err);
    if (rc == 0)
        rc = run_query(
            run, &q, &sql_compare_groups,
            (const struct query_fragment[]){
                {"rows", buf_text(&rows)}, {"distinct_if", source_distinct_if(run->source)}, {0}},
            MAX_ROWS, ret_err);
    buf_done(&rows);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

/* Where it may be chance, no size of the difference is told. */
static double size_of(const struct factors *f, const struct factor *factor)
{
    return factor->p < factors_alpha
               ? fabs(statistics_cohen_h(share_a(f, factor), share_b(f, factor)))
               : 0;
}

static int shape(struct run *run, struct err *ret_err)
{
    struct factors *f = factors_of(run);
    int rc = factors_read(f, run_rows(run, 0), NULL, ret_err);
    for (size_t i = 0; rc == 0 && i < f->count; i++) {
        struct factor *factor = &f->items[i];
        factor->score = size_of(f, factor);
        factor->rank[0] = factor->score;
        factor->rank[1] = fabs(share_a(f, factor) - share_b(f, factor));
    }
    factors_sort(f);
    if (f->count > 0 && run_rows_truncated(run, 0))
        run_truncated(run, "rows", MAX_ROWS, "name fewer fields, or fields with fewer values");
    return rc;
}

static const char *empty_group(const struct factors *f)
{
    return f->yes <= 0 ? "a" : f->no <= 0 ? "b" : NULL;
}

static int plan_empty(struct run *run, struct err *ret_err)
{
    const char *name = empty_group(factors_of(run));
    return name != NULL ? compare_plan_empty(run, name, ret_err) : 0;
}

/* --- the result ------------------------------------------------------------------------------ */

/* Whether a difference only repeats what a group is made of. */
static bool is_made_of(const json_t *value, const struct factor *d)
{
    const char *key;
    json_t *item;
    size_t i;
    if (json_is_array(value)) {
        json_array_foreach (value, i, item)
            if (is_made_of(item, d))
                return true;
        return false;
    }
    bool is_event = strcmp(d->field, "event") == 0;
    if (is_event && strcmp(json_get_string(value, "event", ""), d->value) == 0)
        return true;
    if (strcmp(json_get_string(value, "field", ""), d->field) == 0)
        return true;
    json_object_foreach ((json_t *)value, key, item)
        if (is_made_of(item, d))
            return true;
    return false;
}

static const struct factor *find_news(const struct run *run, const struct factors *f)
{
    for (size_t i = 0; i < f->count && f->items[i].score > 0; i++)
        if (!is_made_of(json_object_get(run->arguments, "a"), &f->items[i]) &&
            !is_made_of(json_object_get(run->arguments, "b"), &f->items[i]))
            return &f->items[i];
    return NULL;
}

static json_int_t overlap_of(const struct factors *f)
{
    return json_at_integer(json_array_get(f->rows, 0), 4);
}

static void write_headline(struct run *run, const struct factors *f, const struct factor *news)
{
    char size_a[48], size_b[32], overlap[32], a[32], b[32], values[48];
    text_things(size_a, sizeof size_a, f->yes, "actor");
    text_count(size_b, sizeof size_b, f->no);
    text_count(overlap, sizeof overlap, (double)overlap_of(f));
    size_t certain = 0;
    while (certain < f->count && f->items[certain].score > 0)
        certain++;
    if (news != NULL)
        buf_printf(&run->text, "%.100s '%.100s' sets the groups apart most: %s of a, %s of b. ",
                   news->field, news->value, text_percent(a, sizeof a, share_a(f, news)),
                   text_percent(b, sizeof b, share_b(f, news)));
    else
        buf_puts(&run->text, certain > 0 ? "Nothing but what defines them sets the groups apart. "
                                         : "Nothing sets the groups apart beyond chance. ");
    buf_printf(&run->text, "a: %s, b: %s, both: %s; %zu of %s %s by more than chance.\n", size_a,
               size_b, overlap, certain,
               text_things(values, sizeof values, (double)f->count, "value"),
               text_verb((double)certain, "differs", "differ"));
}

static void suggest(struct run *run, const struct factors *f, const struct factor *d)
{
    if (d == NULL)
        return;
    run_suggest(run, "list_actors",
                json_pack("{s:s, s:o, s:{s:s, s:s, s:s}}", "of", "compare_groups", "arguments",
                          run_same_arguments(run), "cell", "field", d->field, "value", d->value,
                          "group", share_a(f, d) > share_b(f, d) ? "a" : "b"),
                "who they are, with sessions to look at");
}

static json_t *difference_item(const struct factors *f, const struct factor *d)
{
    double a = share_a(f, d), b = share_b(f, d);
    return json_pack("{s:s, s:s, s:f, s:f, s:f, s:f}", "field", d->field, "value", d->value,
                     "a_share", a, "b_share", b, "difference", a - b, "score", d->score);
}

static void write_difference(struct run *run, const struct factors *f, const struct factor *d)
{
    char a[32], b[32], score[32];
    text_row(&run->text,
             (const char *const[]){d->field, d->value, text_percent(a, sizeof a, share_a(f, d)),
                                   text_percent(b, sizeof b, share_b(f, d)),
                                   text_number(score, sizeof score, d->score)},
             5);
}

static const struct factor_list list = {
    .name = "differences",
    .columns = (const char *const[]){"field", "value", "a", "b", "score", NULL},
    .item = difference_item,
    .write = write_difference,
};

static int shape_result(struct run *run, struct err *ret_err)
{
    const struct factors *f = factors_of(run);
    json_object_set_new(run->result, "size_a", json_integer((json_int_t)f->yes));
    json_object_set_new(run->result, "size_b", json_integer((json_int_t)f->no));
    json_object_set_new(run->result, "overlap", json_integer(overlap_of(f)));
    const char *empty = empty_group(f);
    if (empty != NULL) {
        compare_tell_empty(run, empty);
    } else {
        const struct factor *news = find_news(run, f);
        write_headline(run, f, news);
        suggest(run, f, news);
    }
    return factors_list(run, f, &list, ret_err);
}

/* --- who stands in a cell -------------------------------------------------------------------- */

static int plan_actors(struct run *run, const json_t *cell, struct err *ret_err)
{
    const char *field = json_get_string(cell, "field", NULL);
    const char *value = json_get_string(cell, "value", NULL);
    const char *group = json_get_string(cell, "group", "");
    if (field == NULL || value == NULL)
        return err_set(ret_err, ERR_ARGUMENT, field == NULL ? "cell.field" : "cell.value",
                       "a field and a value as the result names them");
    if (strcmp(group, "a") != 0 && strcmp(group, "b") != 0)
        return err_set(ret_err, ERR_ARGUMENT, "cell.group", "a or b");
    struct query q;
    struct events e;
    struct buf bound = {0};
    query_init(&q);
    int rc = events_begin(&e, run, &q, run->period.from_us, run->period.to_us, ret_err);
    if (rc < 0) {
        query_done(&q);
        return rc;
    }
    rc = compare_add_group(&e, "_group", json_object_get(run->arguments, group), group, ret_err);
    if (rc == 0)
        rc = events_field(&e, "_field", field, "cell.field", ret_err);
    query_bind_text(&q, &bound, value);
    events_where(&e, "_group AND _field = %s", buf_text(&bound));
    buf_done(&bound);
    if (rc < 0)
        events_drop(&e);
    else
        rc = events_plan_actors(&e, run, ret_err);
    query_done(&q);
    return rc;
}

static const struct step steps[] = {
    {plan_fields, shape_fields}, {plan, shape}, {plan_empty, shape_result}, {0}};

const struct tool tool_compare_groups = {
    .name = "compare_groups",
    .title = "Compare two groups",
    .description = "What sets two groups of actors apart: which properties they have and what they "
                   "do, over all their events, by the size of the difference.",
    .toolset = "analytics",
    .params = params,
    .fields = fields,
    .steps = steps,
    .plan_actors = plan_actors,
};
