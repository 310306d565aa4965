#include "process_map.h"

#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "json.h"
#include "process.h"

static const struct param params[] = {
    {.name = "min_share",
     .type = VALUE_NUMBER,
     .min = 0,
     .max = 1,
     .fallback = "0",
     .description = "Only edges of this share of cases."},
    ARG_PERIOD,
    ARG_SCOPE,
    ARG_CASE,
    ARG_COMPARE,
    ARG_OUTPUT,
    {0},
};

static const struct field activity_fields[] = {
    {"activity", "Name.", VALUE_STRING},
    {"events", "How often it happens.", VALUE_INTEGER},
    {"cases", "Cases that have it.", VALUE_INTEGER},
    {"starts", "Cases that begin with it.", VALUE_INTEGER},
    {"ends", "Cases that end with it.", VALUE_INTEGER},
    {"previous", "Events in the period before.", VALUE_INTEGER, .is_optional = true},
    {"change", "(events - previous) / previous.", VALUE_NUMBER, .is_optional = true},
    {0},
};

static const struct field edge_fields[] = {
    {"from", "Activity.", VALUE_STRING},
    {"to", "The next one of the case.", VALUE_STRING},
    {"count", "How often it follows.", VALUE_INTEGER},
    {"cases", "Cases in which it does.", VALUE_INTEGER},
    {"mean_s", "Time between the two.", VALUE_NUMBER},
    {"median_s", "The same.", VALUE_NUMBER},
    {"p95_s", "The same.", VALUE_NUMBER},
    {"min_s", "The same.", VALUE_NUMBER},
    {"max_s", "The same.", VALUE_NUMBER},
    {"total_s", "Summed over all.", VALUE_NUMBER},
    {"previous", "Count in the period before.", VALUE_INTEGER, .is_optional = true},
    {"change", "(count - previous) / previous.", VALUE_NUMBER, .is_optional = true},
    {0},
};

static const struct field fields[] = {
    {"activities", "Most frequent first.", VALUE_OBJECT, .is_list = true,
     .fields = activity_fields},
    {"edges", "Most frequent first.", VALUE_OBJECT, .is_list = true, .fields = edge_fields},
    {"mermaid", "A flowchart of the most frequent edges.", VALUE_STRING},
    {0},
};

/* --- the questions ---------------------------------------------------------------------------- */

static int plan(struct run *run, struct err *ret_err)
{
    return process_start_periods(run, process_plan_edges, ret_err);
}

/* --- activities ------------------------------------------------------------------------------- */

struct activity {
    const char *name;
    json_int_t events, cases, starts, left;
};

static int by_events(const void *a, const void *b)
{
    const struct activity *x = a, *y = b;
    if (x->events != y->events)
        return x->events < y->events ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* One for each name, and one more for those that are not told apart, which may have no events. */
static struct activity *read_activities(const json_t *rows, size_t *ret_count)
{
    const json_t *names = map_names(rows);
    size_t count = json_array_size(names) + 1;
    struct activity *list = calloc(count, sizeof *list);
    for (size_t i = 0; list != NULL && i < count; i++)
        list[i].name = process_name(names, (json_int_t)i + 1);
    for (size_t i = 1; list != NULL && i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        json_int_t from = json_at_integer(row, EDGE_FROM), to = json_at_integer(row, EDGE_TO);
        struct activity *target = &list[(size_t)to < count ? (size_t)to - 1 : count - 1];
        target->events += json_at_integer(row, EDGE_COUNT);
        target->cases += json_at_integer(row, EDGE_TO_CASES);
        target->starts += from == 0 ? json_at_integer(row, EDGE_COUNT) : 0;
        if (from > 0)
            list[(size_t)from < count ? (size_t)from - 1 : count - 1].left +=
                json_at_integer(row, EDGE_COUNT);
    }
    *ret_count = count;
    return list;
}

/* {activity: events} */
static json_t *events_of(const json_t *rows)
{
    size_t count;
    struct activity *list = read_activities(rows, &count);
    json_t *events = json_object();
    for (size_t i = 0; list != NULL && i < count; i++)
        json_object_set_new(events, list[i].name, json_integer(list[i].events));
    free(list);
    return events;
}

/* What an activity does not leave, it ends. */
static json_t *activity_list(const struct process_periods *m)
{
    size_t count;
    struct activity *list = read_activities(m->now, &count);
    json_t *before = m->before != NULL ? events_of(m->before) : NULL, *items = json_array();
    if (list != NULL)
        qsort(list, count, sizeof *list, by_events);
    for (size_t i = 0; list != NULL && i < count; i++) {
        const struct activity *a = &list[i];
        if (a->events == 0)
            continue;
        json_t *item =
            json_pack("{s:s, s:I, s:I, s:I, s:I}", "activity", a->name, "events", a->events,
                      "cases", a->cases, "starts", a->starts, "ends", a->events - a->left);
        if (before != NULL)
            process_set_change(item, a->events, json_get_integer(before, a->name, 0));
        json_array_append_new(items, item);
    }
    free(list);
    json_decref(before);
    return items;
}

/* --- edges ------------------------------------------------------------------------------------ */

static json_t *edge_item(const json_t *names, const json_t *row)
{
    double count = (double)json_at_integer(row, EDGE_COUNT),
           total = json_at_number(row, EDGE_TOTAL);
    return json_pack("{s:s, s:s, s:I, s:I, s:f, s:O, s:O, s:O, s:O, s:O}", "from",
                     process_name(names, json_at_integer(row, EDGE_FROM)), "to",
                     process_name(names, json_at_integer(row, EDGE_TO)), "count",
                     json_at_integer(row, EDGE_COUNT), "cases", json_at_integer(row, EDGE_CASES),
                     "mean_s", total / count, "median_s", json_array_get(row, EDGE_MEDIAN), "p95_s",
                     json_array_get(row, EDGE_P95), "min_s", json_array_get(row, EDGE_MIN), "max_s",
                     json_array_get(row, EDGE_MAX), "total_s", json_array_get(row, EDGE_TOTAL));
}

/* --- all of it -------------------------------------------------------------------------------- */

static int plan_empty(struct run *run, struct err *ret_err)
{
    const struct process_periods *m = run->state;
    return json_at_integer(map_first(m->now), EDGE_COUNT) == 0 ? process_plan_empty(run, ret_err)
                                                               : 0;
}

static void cap_edges(struct run *run, json_t *edges)
{
    const struct process_periods *m = run->state;
    if (json_array_size(edges) > MAP_MAX_EDGES) {
        run_truncated(run, "edges", MAP_MAX_EDGES, "a higher min_share leaves the rarest out");
        while (json_array_size(edges) > MAP_MAX_EDGES)
            json_array_remove(edges, json_array_size(edges) - 1);
    }
    if (json_array_size(m->now) > PROCESS_MAX_EDGES) {
        run_truncated(run, "edges", PROCESS_MAX_EDGES, "filter the cases or shorten the period");
        run_warn(run,
                 "only the %d most frequent edges are counted: events, cases and ends of "
                 "activities lack the others",
                 PROCESS_MAX_EDGES);
    }
}

static void suggest(struct run *run)
{
    const json_t *edges = json_object_get(run->result, "edges"), *slow = json_array_get(edges, 0);
    for (size_t i = 1; i < json_array_size(edges); i++)
        if (json_get_number(json_array_get(edges, i), "total_s", 0) >
            json_get_number(slow, "total_s", 0))
            slow = json_array_get(edges, i);
    if (slow != NULL)
        run_suggest(run, "list_actors",
                    json_pack("{s:s, s:o, s:{s:O, s:O}}", "of", "process_map", "arguments",
                              run_same_arguments(run), "cell", "from",
                              json_object_get(slow, "from"), "to", json_object_get(slow, "to")),
                    "the cases that go where most time passes");
    json_t *same = run_same_arguments(run);
    json_object_del(same, "min_share");
    run_suggest(run, "process_variants", same, "which whole ways these edges make up");
}

static json_t *edges_of(const json_t *rows, double least_cases)
{
    return map_edges(rows, EDGE_CASES, least_cases, edge_item);
}

/* Writes the edges, and tells what changed where the call asks for it. */
static void write_edges(struct run *run, json_t *edges, json_int_t cases)
{
    const struct process_periods *m = run->state;
    double share = json_get_number(run->arguments, "min_share", 0);
    json_t *all = edges_of(m->now, 0), *all_before = edges_of(m->before, 0);
    struct map_changes changes = {
        .edges_before =
            edges_of(m->before, share * (double)json_at_integer(map_first(m->before), EDGE_COUNT)),
        .before = map_index(all_before),
        .now = map_index(all),
        .is_cut = map_is_cut(m)};
    if (m->before != NULL)
        map_set_changes(edges, &changes);
    json_object_set_new(run->result, "edges", edges);
    json_object_set_new(run->result, "mermaid", map_mermaid(run->result));
    if (cases > 0)
        map_write_text(run, cases, all, m->before != NULL ? &changes : NULL);
    map_changes_done(&changes);
    json_decref(all);
    json_decref(all_before);
}

static int shape(struct run *run, struct err *ret_err)
{
    const struct process_periods *m = run->state;
    (void)ret_err;
    json_int_t cases = json_at_integer(map_first(m->now), EDGE_COUNT);
    json_t *edges =
        edges_of(m->now, json_get_number(run->arguments, "min_share", 0) * (double)cases);
    cap_edges(run, edges);
    json_object_set_new(run->result, "activities", activity_list(m));
    write_edges(run, edges, cases);
    if (cases > 0) {
        suggest(run);
        process_link_log(run);
    } else {
        process_shape_empty(run);
    }
    process_warn(run, cases, json_at_integer(map_first(m->now), EDGE_UNFINISHED),
                 map_names(m->now));
    return 0;
}

static const struct step steps[] = {
    {plan, process_keep}, {process_plan_wide, process_keep}, {plan_empty, shape}, {0}};

const struct tool tool_process_map = {
    .name = "process_map",
    .title = "Map of a process",
    .description = "Which activity directly follows which, how often and after what time, where "
                   "cases begin and end; as Mermaid.",
    .toolset = "core",
    .flags = TOOL_CORE | TOOL_WHOLE_PERIOD,
    .params = params,
    .fields = fields,
    .tables = (const char *const[]){"edges", NULL},
    .steps = steps,
    .plan_actors = process_plan_actors,
};
