#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "json.h"
#include "process.h"
#include "rework.h"
#include "sql_text.h"

static const struct param params[] = {
    ARG_PERIOD, ARG_SCOPE, ARG_CASE, ARG_COMPARE, ARG_OUTPUT, {0},
};

static const struct field activity_fields[] = {
    {"activity", "Name.", VALUE_STRING},
    {"cases", "Cases that have it.", VALUE_INTEGER},
    {"cases_with_repeat", "Cases that have it more than once.", VALUE_INTEGER},
    {"extra_occurrences", "Its repeats: events beyond the first one of each case.", VALUE_INTEGER},
    {"self_loops", "Repeats right behind itself; the others end a loop.", VALUE_INTEGER},
    {"extra_s", "Time from the event before to the repeat, summed.", VALUE_NUMBER},
    {"previous", "Its repeats in the period before, with compare.", VALUE_INTEGER,
     .is_optional = true},
    {"change", "(extra_occurrences - previous) / previous.", VALUE_NUMBER, .is_optional = true},
    {0},
};

static const struct field overall_fields[] = {
    {"cases_with_any_repeat", "Cases that repeat an activity.", VALUE_INTEGER},
    {"share", "Of all cases.", VALUE_NUMBER},
    {"extra_events", "All repeats.", VALUE_INTEGER},
    {"extra_s", "Time from the event before to the repeat, over all.", VALUE_NUMBER},
    {0},
};

static const struct field loop_fields[] = {
    {"from", "Activity that the case goes back from.", VALUE_STRING},
    {"to", "The next one, which the case has had before.", VALUE_STRING},
    {"cases", "Cases that do.", VALUE_INTEGER},
    {"count", "How often.", VALUE_INTEGER},
    {"extra_s", "Time from the one to the other, summed.", VALUE_NUMBER},
    {"previous", "Its count in the period before, with compare.", VALUE_INTEGER,
     .is_optional = true},
    {"change", "(count - previous) / previous.", VALUE_NUMBER, .is_optional = true},
    {0},
};

static const struct field fields[] = {
    {"activities", "Those that are repeated, most repeats first.", VALUE_OBJECT, .is_list = true,
     .fields = activity_fields},
    {"overall", "Over all activities.", VALUE_OBJECT, .fields = overall_fields},
    {"loops", "Steps back to an activity, most frequent first.", VALUE_OBJECT, .is_list = true,
     .fields = loop_fields},
    {0},
};

static const json_t *first_of(const json_t *rows)
{
    return json_array_get(rows, 0);
}

/* --- the questions ---------------------------------------------------------------------------- */

static int plan_rows(struct run *run, struct process_ask ask, struct err *ret_err)
{
    struct query q;
    struct process_log l;
    query_init(&q);
    int rc = process_log_init(&l, run, &q, ask, ret_err);
    if (rc == 0) {
        query_set_integer(&q, "until", run->period.complete_until_us - l.zero_us);
        query_set_integer(&q, "limit", REWORK_MAX_ASKED + 1);
        rc = run_query(run, &q, &sql_rework,
                       (const struct query_fragment[]){
                           {"codes", buf_text(&l.codes)}, {"arrays", buf_text(&l.arrays)}, {0}},
                       (size_t)2 * (REWORK_MAX_ASKED + 1), ret_err);
    }
    process_log_done(&l);
    query_done(&q);
    return rc;
}

static int plan(struct run *run, struct err *ret_err)
{
    return process_start_periods(run, plan_rows, ret_err);
}

static int plan_empty(struct run *run, struct err *ret_err)
{
    const struct process_periods *w = run->state;
    return json_at_integer(first_of(w->now), REWORK_COUNT) == 0 ? process_plan_empty(run, ret_err)
                                                                : 0;
}

/* --- the result ------------------------------------------------------------------------------- */

static bool is_loop(const json_t *row)
{
    return json_at_integer(row, REWORK_FROM) > 0 &&
           json_at_integer(row, REWORK_FROM) != json_at_integer(row, REWORK_TO);
}

/* Of the period before, or NULL. */
static struct rework_before read_before(const json_t *rows)
{
    struct rework_before before = {0};
    const json_t *names = json_array_get(first_of(rows), REWORK_NAMES);
    if (rows == NULL)
        return before;
    before.activities = json_object();
    before.loops = json_object();
    before.is_whole = json_array_size(rows) <= REWORK_MAX_ASKED;
    for (size_t i = 1; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *from = process_name(names, json_at_integer(row, REWORK_FROM));
        const char *to = process_name(names, json_at_integer(row, REWORK_TO));
        if (json_at_integer(row, REWORK_FROM) == 0) {
            json_object_set_new(before.activities, to,
                                json_integer(json_at_integer(row, REWORK_EXTRA)));
        } else if (is_loop(row)) {
            if (json_object_get(before.loops, from) == NULL)
                json_object_set_new(before.loops, from, json_object());
            json_object_set_new(json_object_get(before.loops, from), to,
                                json_integer(json_at_integer(row, REWORK_COUNT)));
        }
    }
    return before;
}

static json_t *activity_item(const json_t *names, const json_t *row)
{
    return json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:f}", "activity",
        process_name(names, json_at_integer(row, REWORK_TO)), "cases",
        json_at_integer(row, REWORK_CASES), "cases_with_repeat", json_at_integer(row, REWORK_AGAIN),
        "extra_occurrences", json_at_integer(row, REWORK_EXTRA), "self_loops",
        json_at_integer(row, REWORK_SELF_LOOPS), "extra_s", json_at_number(row, REWORK_EXTRA_TOOK));
}

static json_t *loop_item(const json_t *names, const json_t *row)
{
    return json_pack(
        "{s:s, s:s, s:I, s:I, s:f}", "from", process_name(names, json_at_integer(row, REWORK_FROM)),
        "to", process_name(names, json_at_integer(row, REWORK_TO)), "cases",
        json_at_integer(row, REWORK_CASES), "count", json_at_integer(row, REWORK_COUNT), "extra_s",
        json_at_number(row, REWORK_TOOK));
}

/* Appends, and says once that there are more. */
static void append(struct run *run, json_t *list, json_t *item, const char *name)
{
    if (json_array_size(list) < REWORK_MAX) {
        json_array_append_new(list, item);
        return;
    }
    json_decref(item);
    run_truncated(run, name, REWORK_MAX, "filter the cases or shorten the period");
}

static void write_lists(struct run *run, const struct rework_before *before)
{
    const json_t *rows = ((const struct process_periods *)run->state)->now;
    const json_t *names = json_array_get(first_of(rows), REWORK_NAMES);
    json_t *activities = json_array(), *loops = json_array();
    for (size_t i = 1; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i), *then = NULL;
        json_t *item = NULL;
        bool is_edge = is_loop(row);
        if (json_at_integer(row, REWORK_FROM) == 0 && json_at_integer(row, REWORK_EXTRA) > 0) {
            item = activity_item(names, row);
            then = json_object_get(before->activities, json_get_string(item, "activity", ""));
        } else if (is_edge) {
            item = loop_item(names, row);
            then =
                json_object_get(json_object_get(before->loops, json_get_string(item, "from", "")),
                                json_get_string(item, "to", ""));
        }
        if (item != NULL && before->activities != NULL && (then != NULL || before->is_whole))
            process_set_change(item, json_at_integer(row, is_edge ? REWORK_COUNT : REWORK_EXTRA),
                               json_integer_value(then));
        if (item != NULL)
            append(run, is_edge ? loops : activities, item, is_edge ? "loops" : "activities");
    }
    json_object_set_new(run->result, "activities", activities);
    json_object_set_new(run->result, "loops", loops);
}

static void write_overall(struct run *run)
{
    const json_t *rows = ((const struct process_periods *)run->state)->now, *all = first_of(rows);
    json_int_t cases = json_at_integer(all, REWORK_COUNT), extra = 0;
    double extra_s = 0;
    for (size_t i = 1; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (json_at_integer(row, REWORK_FROM) == 0) {
            extra += json_at_integer(row, REWORK_EXTRA);
            extra_s += json_at_number(row, REWORK_EXTRA_TOOK);
        }
    }
    double share = cases > 0 ? (double)json_at_integer(all, REWORK_REPEATING) / (double)cases : 0.0;
    json_object_set_new(run->result, "overall",
                        json_pack("{s:I, s:f, s:I, s:f}", "cases_with_any_repeat",
                                  json_at_integer(all, REWORK_REPEATING), "share", share,
                                  "extra_events", extra, "extra_s", extra_s));
}

static void suggest(struct run *run)
{
    const json_t *loop = json_array_get(json_object_get(run->result, "loops"), 0);
    const json_t *activity = json_array_get(json_object_get(run->result, "activities"), 0);
    json_t *cell = NULL;
    if (loop != NULL)
        cell = json_pack("{s:O, s:O}", "from", json_object_get(loop, "from"), "to",
                         json_object_get(loop, "to"));
    else if (activity != NULL)
        cell = json_pack("{s:O}", "activity", json_object_get(activity, "activity"));
    if (cell != NULL)
        run_suggest(run, "list_actors",
                    json_pack("{s:s, s:o, s:o}", "of", "rework_report", "arguments",
                              run_same_arguments(run), "cell", cell),
                    loop != NULL ? "the cases that go back there; any other loop or activity goes "
                                   "as well"
                                 : "the cases that repeat it");
    json_t *same = run_same_arguments(run);
    json_object_set_new(same, "collapse_repeats", json_true());
    run_suggest(run, "process_variants", same, "the whole ways, A A B as A B");
}

static int shape(struct run *run, struct err *ret_err)
{
    const struct process_periods *w = run->state;
    const json_t *all = first_of(w->now);
    json_int_t cases = json_at_integer(all, REWORK_COUNT);
    struct rework_before before = read_before(w->before);
    (void)ret_err;
    write_lists(run, &before);
    write_overall(run);
    if (cases > 0) {
        rework_write_text(run, cases, json_at_number(all, REWORK_TOOK), &before);
        suggest(run);
        process_link_log(run);
    } else {
        process_shape_empty(run);
    }
    process_warn_unfinished(run, cases, json_at_integer(all, REWORK_UNFINISHED));
    process_warn_names(run, json_array_get(all, REWORK_NAMES));
    json_decref(before.activities);
    json_decref(before.loops);
    return 0;
}

/* --- down to cases ---------------------------------------------------------------------------- */

/* From the first event of `to` to the first repeat that is behind `from`, or behind any. */
static void add_places(struct query *q, const char *from, const char *to, struct process_place *p)
{
    buf_puts(&p->first, "greatest(1, arrayFirstIndex(x -> x.3 = ");
    query_bind_text(q, &p->first, to);
    buf_puts(&p->first, ", events))");
    buf_puts(&p->last, "greatest(1, arrayFirstIndex((x, y, i) -> i > first AND x.3 = ");
    query_bind_text(q, &p->last, to);
    if (from != NULL) {
        buf_puts(&p->last, " AND y.3 = ");
        query_bind_text(q, &p->last, from);
    }
    buf_puts(&p->last, ", events, arrayPushFront(arrayPopBack(events), events[1]), "
                       "arrayEnumerate(events)))");
}

static int read_cell(struct query *q, const json_t *cell, struct process_place *p,
                     struct err *ret_err)
{
    json_t *activity = json_object_get(cell, "activity"), *from = json_object_get(cell, "from");
    json_t *to = activity != NULL ? activity : json_object_get(cell, "to");
    int rc = 0;
    if (activity != NULL && from != NULL)
        return err_set(ret_err, ERR_ARGUMENT, "cell.activity",
                       "either activity, or from and to of a loop");
    if (activity == NULL)
        rc = process_check_activity(from, "cell.from", ret_err);
    if (rc == 0)
        rc = process_check_activity(to, activity != NULL ? "cell.activity" : "cell.to", ret_err);
    if (rc < 0)
        return rc;
    json_t *one = json_pack("[O]", to),
           *both = json_pack(from != NULL ? "[O, O]" : "[O]", from != NULL ? from : to, to);
    struct buf code = {0};
    process_add_codes(q, one, &code);
    /* Behind the first one of them. */
    buf_printf(&p->trace, "hasSubstr(arraySlice(_trace, indexOf(_trace, (%s)[1]) + %d), ",
               buf_text(&code), from == NULL || json_equal(from, to) ? (from == NULL) : 1);
    process_add_codes(q, both, &p->trace);
    buf_printf(&p->trace, ") AND hasSubstr(_trace, %s)", buf_text(&code));
    add_places(q, json_string_value(from), json_string_value(to), p);
    buf_done(&code);
    json_decref(one);
    json_decref(both);
    return 0;
}

static int plan_actors(struct run *run, const json_t *cell, struct err *ret_err)
{
    struct query q;
    struct process_place place = {0};
    query_init(&q);
    int rc = read_cell(&q, cell, &place, ret_err);
    if (rc == 0)
        rc = process_plan_place(run, &q, &place, ret_err);
    process_place_done(&place);
    query_done(&q);
    return rc;
}

static const struct step steps[] = {
    {plan, process_keep}, {process_plan_wide, process_keep}, {plan_empty, shape}, {0}};

const struct tool tool_rework_report = {
    .name = "rework_report",
    .title = "Rework",
    .description = "What cases do more than once: repeats of each activity, by which step cases "
                   "go back to one, and what events and time it costs; compared with the period "
                   "before.",
    .toolset = "process",
    .flags = TOOL_WHOLE_PERIOD,
    .params = params,
    .fields = fields,
    .steps = steps,
    .plan_actors = plan_actors,
};
