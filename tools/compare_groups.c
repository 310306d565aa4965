#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "events.h"
#include "fields.h"
#include "json.h"
#include "run.h"
#include "segment.h"
#include "sql_text.h"
#include "statistics.h"
#include "text.h"

enum { MAX_ROWS = 50000, MAX_FIELDS = 20, SHOWN = 25 };

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

struct difference {
    const char *field, *value; /* borrowed: state->fields, rows */
    double a, b, score;
};

struct state {
    json_t *fields; /* array of names */
    json_t *rows;   /* keeps the values alive */
    double size_a, size_b, overlap;
    struct difference *items;
    size_t count;
};

static void state_free(void *p)
{
    struct state *state = p;
    json_decref(state->fields);
    json_decref(state->rows);
    free(state->items);
    free(state);
}

static struct state *state_of(const struct run *run)
{
    return run->state;
}

/* --- which fields ---------------------------------------------------------------------------- */

static int plan_fields(struct run *run, struct err *ret_err)
{
    struct state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    run->state = state;
    run->state_free = state_free;
    return json_object_get(run->arguments, "fields") != NULL ? 0 : fields_plan_useful(run, ret_err);
}

static int shape_fields(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    json_t *given = json_object_get(run->arguments, "fields");
    state_of(run)->fields = given != NULL ? json_incref(given) : fields_useful(run_rows(run, 0));
    return 0;
}

/* --- the comparison -------------------------------------------------------------------------- */

/* Adds the column `name`: whether the row's actor is in the group. */
static int add_group(struct events *e, const char *name, const json_t *segment, const char *path,
                     struct err *ret_err)
{
    struct buf condition = {0};
    int rc = segment_condition(e->run, e->q, segment, scope_counted(e->run), "_who", &condition,
                               ret_err);
    if (rc < 0)
        err_prefix(ret_err, path);
    else
        events_column(e, name, "toUInt8(%s)", buf_text(&condition));
    buf_done(&condition);
    return rc;
}

static int add_rows(const struct run *run, struct query *q, struct buf *out, struct err *ret_err)
{
    struct events e;
    int rc = events_begin(&e, run, q, run->period.from_us, run->period.to_us, ret_err);
    if (rc < 0)
        return rc;
    rc = add_group(&e, "_a", json_object_get(run->arguments, "a"), "a", ret_err);
    if (rc == 0)
        rc = add_group(&e, "_b", json_object_get(run->arguments, "b"), "b", ret_err);
    if (rc == 0)
        rc = fields_values(&e, state_of(run)->fields, "fields", ret_err);
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

static int by_score(const void *a, const void *b)
{
    const struct difference *x = a, *y = b;
    double by_difference = fabs(y->a - y->b) - fabs(x->a - x->b);
    if (x->score < y->score || x->score > y->score)
        return x->score < y->score ? 1 : -1;
    if (by_difference < 0 || by_difference > 0)
        return by_difference > 0 ? 1 : -1;
    int order = strcmp(x->field, y->field);
    return order != 0 ? order : strcmp(x->value, y->value);
}

/* Counts become shares; of the p-values only the verdict is kept. */
static int weigh(struct state *state, struct err *ret_err)
{
    double *p = calloc(state->count + 1, sizeof *p);
    int rc = p != NULL ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < state->count; i++) {
        struct difference *d = &state->items[i];
        /* Counts of very many actors are estimates. */
        double a = fmin(d->a, state->size_a), b = fmin(d->b, state->size_b);
        p[i] = statistics_independence(
            &(struct two_by_two){a, state->size_a - a, b, state->size_b - b});
        d->a = a / state->size_a;
        d->b = b / state->size_b;
    }
    if (rc == 0)
        rc = statistics_adjust(p, state->count);
    for (size_t i = 0; rc == 0 && i < state->count; i++)
        if (p[i] < 0.05)
            state->items[i].score = fabs(statistics_cohen_h(state->items[i].a, state->items[i].b));
    free(p);
    return rc == 0 ? 0 : err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
}

static int shape(struct run *run, struct err *ret_err)
{
    struct state *state = state_of(run);
    state->rows = json_incref((json_t *)run_rows(run, 0));
    size_t count = json_array_size(state->rows);
    state->items = calloc(count + 1, sizeof *state->items);
    if (state->items == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const json_t *row = json_array_get(state->rows, i);
        size_t field = (size_t)json_integer_value(json_array_get(row, 0));
        double a = json_number_value(json_array_get(row, 2));
        double b = json_number_value(json_array_get(row, 3));
        if (field == 0) {
            state->size_a = a;
            state->size_b = b;
            state->overlap = json_number_value(json_array_get(row, 4));
            continue;
        }
        state->items[state->count++] = (struct difference){
            .field = json_string_value(json_array_get(state->fields, field - 1)),
            .value = json_string_value(json_array_get(row, 1)),
            .a = a,
            .b = b};
    }
    if (state->size_a <= 0 || state->size_b <= 0) {
        state->count = 0;
        return 0;
    }
    if (run_rows_truncated(run, 0))
        run_truncated(run, "rows", MAX_ROWS, "name fewer fields, or fields with fewer values");
    int rc = weigh(state, ret_err);
    qsort(state->items, state->count, sizeof *state->items, by_score);
    return rc;
}

/* --- why a group is empty -------------------------------------------------------------------- */

/* Calls `add` for each condition of a group alone. */
static int each_condition(const json_t *segment,
                          int (*add)(void *user, json_t *alone, struct err *ret_err), void *user,
                          struct err *ret_err)
{
    static const char *const members[] = {"did", "did_not", NULL};
    int rc = 0;
    for (const char *const *name = members; *name != NULL; name++) {
        const json_t *deeds = json_object_get(segment, *name);
        for (size_t i = 0; rc == 0 && i < json_array_size(deeds); i++)
            rc = add(user, json_pack("{s:[O]}", *name, json_array_get(deeds, i)), ret_err);
    }
    json_t *filters = json_object_get(segment, "filters");
    if (rc == 0 && json_array_size(filters) > 0)
        rc = add(user, json_pack("{s:O}", "filters", filters), ret_err);
    return rc;
}

struct counting {
    struct events *e;
    struct buf counts; /* SQL of the columns */
    size_t count;
};

static int count_condition(void *user, json_t *alone, struct err *ret_err)
{
    struct counting *c = user;
    char name[24];
    snprintf(name, sizeof name, "_g%zu", c->count++);
    int rc = add_group(c->e, name, alone, "", ret_err);
    buf_printf(&c->counts, ", toInt64(uniqExactIf(_who, %s))", name);
    json_decref(alone);
    return rc;
}

static const char *empty_group(const struct state *state)
{
    return state->size_a <= 0 ? "a" : state->size_b <= 0 ? "b" : NULL;
}

static int plan_empty(struct run *run, struct err *ret_err)
{
    const char *name = empty_group(state_of(run));
    if (name == NULL)
        return 0;
    struct query q;
    struct events e;
    struct buf rows = {0};
    struct counting c = {.e = &e};
    query_init(&q);
    int rc = events_begin(&e, run, &q, run->period.from_us, run->period.to_us, ret_err);
    if (rc < 0) {
        query_done(&q);
        return rc;
    }
    rc = each_condition(json_object_get(run->arguments, name), count_condition, &c, ret_err);
    if (rc < 0)
        events_drop(&e);
    else
        events_end(&e, &rows);
    if (rc == 0)
        rc = run_query(run, &q, &sql_compare_groups_empty,
                       (const struct query_fragment[]){
                           {"rows", buf_text(&rows)}, {"counts", buf_text(&c.counts)}, {0}},
                       1, ret_err);
    buf_done(&c.counts);
    buf_done(&rows);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

struct telling {
    struct run *run;
    const json_t *row;
    size_t count;
};

static int tell_condition(void *user, json_t *alone, struct err *ret_err)
{
    (void)ret_err;
    struct telling *t = user;
    char number[32], often[48] = "";
    const char *member = json_object_iter_key(json_object_iter(alone));
    const json_t *deed = json_array_get(json_object_get(alone, member), 0);
    text_count(number, sizeof number, json_number_value(json_array_get(t->row, ++t->count)));
    buf_printf(&t->run->text, "%s %s ", t->count > 1 ? ";" : ":", number);
    const char *event = json_get_string(deed, "event", "such an event");
    json_int_t times = json_get_integer(deed, "min_times", 1);
    bool is_did = strcmp(member, "did") == 0;
    if (times > 1)
        snprintf(often, sizeof often, " %s %lld times", is_did ? "at least" : "fewer than",
                 (long long)times);
    if (strcmp(member, "filters") == 0)
        buf_puts(&t->run->text, "have an event that passes its filters");
    else
        buf_printf(&t->run->text, "%s '%.100s'%s", is_did || times > 1 ? "did" : "never did", event,
                   often);
    json_decref(alone);
    return 0;
}

static void tell_empty(struct run *run)
{
    const char *name = empty_group(state_of(run));
    const json_t *row = json_array_get(run_rows(run, 0), 0);
    char all[48];
    struct telling t = {.run = run, .row = row};
    text_things(all, sizeof all, json_number_value(json_array_get(row, 0)), "actor");
    buf_printf(&run->text, "Group %s is empty. Of the %s with events in the period", name, all);
    each_condition(json_object_get(run->arguments, name), tell_condition, &t, NULL);
    buf_puts(&run->text, ".\n");
    run_warn(run, "group %s has no actor with events in the period", name);
}

/* --- the result ------------------------------------------------------------------------------ */

/* Whether a difference only repeats what a group is made of. */
static bool is_made_of(const json_t *value, const struct difference *d)
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

static const struct difference *find_news(const struct run *run, const struct state *state)
{
    for (size_t i = 0; i < state->count && state->items[i].score > 0; i++)
        if (!is_made_of(json_object_get(run->arguments, "a"), &state->items[i]) &&
            !is_made_of(json_object_get(run->arguments, "b"), &state->items[i]))
            return &state->items[i];
    return NULL;
}

static void write_headline(struct run *run, const struct state *state)
{
    char size_a[48], size_b[32], overlap[32], a[32], b[32], values[48];
    const struct difference *news = find_news(run, state);
    text_things(size_a, sizeof size_a, state->size_a, "actor");
    text_count(size_b, sizeof size_b, state->size_b);
    text_count(overlap, sizeof overlap, state->overlap);
    size_t certain = 0;
    while (certain < state->count && state->items[certain].score > 0)
        certain++;
    if (news != NULL)
        buf_printf(&run->text, "%.100s '%.100s' sets the groups apart most: %s of a, %s of b. ",
                   news->field, news->value, text_percent(a, sizeof a, news->a),
                   text_percent(b, sizeof b, news->b));
    else
        buf_puts(&run->text, certain > 0 ? "Nothing but what defines them sets the groups apart. "
                                         : "Nothing sets the groups apart beyond chance. ");
    buf_printf(&run->text, "a: %s, b: %s, both: %s; %zu of %s %s by more than chance.\n", size_a,
               size_b, overlap, certain,
               text_things(values, sizeof values, (double)state->count, "value"),
               text_verb((double)certain, "differs", "differ"));
}

static void suggest(struct run *run, const struct difference *d)
{
    if (d == NULL)
        return;
    run_suggest(run, "list_actors",
                json_pack("{s:s, s:o, s:{s:s, s:s, s:s}}", "of", "compare_groups", "arguments",
                          run_same_arguments(run), "cell", "field", d->field, "value", d->value,
                          "group", d->a > d->b ? "a" : "b"),
                "who they are, with sessions to look at");
}

static void add_items(struct run *run, const struct state *state, size_t from, size_t to)
{
    json_t *list = json_array();
    text_table(&run->text, (const char *const[]){"field", "value", "a", "b", "score", NULL});
    for (size_t i = from; i < to; i++) {
        const struct difference *d = &state->items[i];
        char a[32], b[32], score[32];
        json_array_append_new(list, json_pack("{s:s, s:s, s:f, s:f, s:f, s:f}", "field", d->field,
                                              "value", d->value, "a_share", d->a, "b_share", d->b,
                                              "difference", d->a - d->b, "score", d->score));
        if (i - from < SHOWN)
            text_row(&run->text,
                     (const char *const[]){d->field, d->value, text_percent(a, sizeof a, d->a),
                                           text_percent(b, sizeof b, d->b),
                                           text_number(score, sizeof score, d->score)},
                     5);
    }
    json_object_set_new(run->result, "differences", list);
}

static int shape_result(struct run *run, struct err *ret_err)
{
    struct state *state = state_of(run);
    int64_t limit, offset;
    int rc = run_page(run, 50, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    size_t from = (size_t)offset < state->count ? (size_t)offset : state->count;
    size_t to = state->count - from > (size_t)limit ? from + (size_t)limit : state->count;
    json_object_set_new(run->result, "size_a", json_integer((json_int_t)state->size_a));
    json_object_set_new(run->result, "size_b", json_integer((json_int_t)state->size_b));
    json_object_set_new(run->result, "overlap", json_integer((json_int_t)state->overlap));
    if (empty_group(state) != NULL) {
        tell_empty(run);
        json_object_set_new(run->result, "differences", json_array());
        return 0;
    }
    write_headline(run, state);
    add_items(run, state, from, to);
    suggest(run, find_news(run, state));
    if (to < state->count) {
        run_set_cursor(run, (int64_t)to);
        run_truncated(run, "rows", limit, "continue with the cursor");
    }
    return 0;
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
    rc = add_group(&e, "_group", json_object_get(run->arguments, group), group, ret_err);
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
