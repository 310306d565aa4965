/* bottlenecks: where cases lose time between two activities, and inside of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "bottlenecks.h"
#include "json.h"
#include "process.h"
#include "process_map.h"

enum { FEW_CASES = 200, MIN_COUNT = 10, MIN_COUNT_OF_FEW = 2 };

static const struct param params[] = {
    {.name = "rank",
     .choices = (const char *const[]){"mean", "total", "p95", NULL},
     .fallback = "\"mean\"",
     .description = "By which time the worst edge is first."},
    {.name = "min_count",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = 1e15,
     .description = "Only edges that are passed so often; 10, or 2 below 200 cases."},
    ARG_PERIOD,
    ARG_SCOPE,
    ARG_CASE,
    ARG_COMPARE,
    ARG_OUTPUT,
    {0},
};

static const struct field edge_fields[] = {
    {"from", "Activity.", VALUE_STRING},
    {"to", "The next one of the same case.", VALUE_STRING},
    {"count", "How often it follows.", VALUE_INTEGER},
    {"mean_s", "Time between the two.", VALUE_NUMBER},
    {"median_s", "The same.", VALUE_NUMBER},
    {"p95_s", "The same.", VALUE_NUMBER},
    {"total_s", "Summed over all.", VALUE_NUMBER},
    {"saving_if_median_s",
     "What all passages slower than the median take beyond it: the sum of max(0, time - median_s).",
     VALUE_NUMBER},
    {"previous", "Its count in the period before, with compare.", VALUE_INTEGER,
     .is_optional = true},
    {"change", "(count - previous) / previous.", VALUE_NUMBER, .is_optional = true},
    {0},
};

static const struct field service_fields[] = {
    {"activity", "Name.", VALUE_STRING},
    {"count", "Events whose begin and end are known.", VALUE_INTEGER},
    {"mean_s", "From begin to end.", VALUE_NUMBER},
    {"median_s", "The same.", VALUE_NUMBER},
    {"p95_s", "The same.", VALUE_NUMBER},
    {0},
};

static const struct field waiting_fields[] = {
    {"from", "Activity.", VALUE_STRING},
    {"to", "The next one of the same case.", VALUE_STRING},
    {"count", "How often it follows, where both moments are known.", VALUE_INTEGER},
    {"mean_s", "From the end of the one to the begin of the other; below 0 where they overlap.",
     VALUE_NUMBER},
    {"median_s", "The same.", VALUE_NUMBER},
    {"p95_s", "The same.", VALUE_NUMBER},
    {0},
};

static const struct field fields[] = {
    {"edges", "Worst first.", VALUE_OBJECT, .is_list = true, .fields = edge_fields},
    {"service", "Work inside activities, where begin and end are known; most time first.",
     VALUE_OBJECT, .is_list = true, .is_optional = true, .fields = service_fields},
    {"waiting", "Between them, the work left out; most time first.", VALUE_OBJECT, .is_list = true,
     .is_optional = true, .fields = waiting_fields},
    {0},
};

/* --- the questions ---------------------------------------------------------------------------- */

static void state_free(void *state)
{
    struct bottlenecks *b = state;
    process_periods_done(&b->periods);
    json_decref(b->times);
    free(b);
}

static int plan(struct run *run, struct err *ret_err)
{
    struct bottlenecks *b = run->state = calloc(1, sizeof *b);
    if (b == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    run->state_free = state_free;
    b->periods.question = process_plan_edges;
    b->periods.ask.is_uncounted = true;
    b->times_at = -1;
    int rc = process_plan_periods(run, &b->periods, ret_err);
    if (rc == 0)
        b->services_at = rc = process_plan_services(run, ret_err);
    return rc < 0 ? rc : 0;
}

static int keep(struct run *run, struct err *ret_err)
{
    struct bottlenecks *b = run->state;
    (void)ret_err;
    process_keep_periods(run, &b->periods);
    b->service = process_service_of(run, b->services_at);
    return 0;
}

/* What the first round could not tell, and what it told to ask. */
static int plan_more(struct run *run, struct err *ret_err)
{
    struct bottlenecks *b = run->state;
    int rc = process_plan_periods_wide(run, &b->periods, ret_err);
    if (rc == 0 && b->service != SOURCE_NO_SERVICE)
        b->times_at = rc = process_plan_times(run, b->service, ret_err);
    return rc < 0 ? rc : 0;
}

static int keep_more(struct run *run, struct err *ret_err)
{
    struct bottlenecks *b = run->state;
    (void)ret_err;
    process_keep_periods(run, &b->periods);
    if (b->times_at >= 0)
        b->times = json_incref((json_t *)run_rows(run, b->times_at));
    return 0;
}

static int plan_empty(struct run *run, struct err *ret_err)
{
    const struct bottlenecks *b = run->state;
    return json_at_integer(map_first(b->periods.now), EDGE_COUNT) == 0
               ? process_plan_empty(run, ret_err)
               : 0;
}

/* --- the result ------------------------------------------------------------------------------- */

static json_t *edge_item(const json_t *names, const json_t *row)
{
    double count = (double)json_at_integer(row, EDGE_COUNT);
    return json_pack("{s:s, s:s, s:I, s:f, s:f, s:f, s:f, s:f}", "from",
                     process_name(names, json_at_integer(row, EDGE_FROM)), "to",
                     process_name(names, json_at_integer(row, EDGE_TO)), "count",
                     json_at_integer(row, EDGE_COUNT), "mean_s",
                     json_at_number(row, EDGE_TOTAL) / count, "median_s",
                     json_at_number(row, EDGE_MEDIAN), "p95_s", json_at_number(row, EDGE_P95),
                     "total_s", json_at_number(row, EDGE_TOTAL), "saving_if_median_s",
                     json_at_number(row, EDGE_SAVING));
}

/* Of the service of an activity, or the waiting of an edge. */
static json_t *time_item(const json_t *names, const json_t *row)
{
    json_int_t from = json_at_integer(row, TIME_FROM), count = json_at_integer(row, TIME_COUNT);
    json_t *item = json_object();
    if (from > 0)
        json_object_set_new(item, "from", json_string(process_name(names, from)));
    json_object_set_new(item, from > 0 ? "to" : "activity",
                        json_string(process_name(names, json_at_integer(row, TIME_TO))));
    json_object_set_new(item, "count", json_integer(count));
    json_object_set_new(item, "mean_s", json_real(json_at_number(row, TIME_TOTAL) / (double)count));
    json_object_set_new(item, "median_s", json_real(json_at_number(row, TIME_MEDIAN)));
    json_object_set_new(item, "p95_s", json_real(json_at_number(row, TIME_P95)));
    return item;
}

static void write_times(struct run *run)
{
    const struct bottlenecks *b = run->state;
    json_t *service = json_array(), *waiting = json_array();
    for (size_t i = 0; i < json_array_size(b->times); i++) {
        const json_t *row = json_array_get(b->times, i);
        json_t *list = json_at_integer(row, TIME_FROM) > 0 ? waiting : service;
        if (json_array_size(list) < MAP_MAX_EDGES)
            json_array_append_new(list, time_item(map_names(b->periods.now), row));
        else
            run_truncated(run, list == waiting ? "waiting" : "service", MAP_MAX_EDGES,
                          "filter the cases or shorten the period");
    }
    json_object_set_new(run->result, "service", service);
    json_object_set_new(run->result, "waiting", waiting);
}

static const char *rank_of(const struct run *run)
{
    const char *rank = json_get_string(run->arguments, "rank", "mean");
    return strcmp(rank, "total") == 0 ? "total_s" : strcmp(rank, "p95") == 0 ? "p95_s" : "mean_s";
}

struct ranked {
    double by, total_s;
    json_t *edge;
};

static int worst_first(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->by != y->by)
        return x->by < y->by ? 1 : -1;
    if (x->total_s != y->total_s)
        return x->total_s < y->total_s ? 1 : -1;
    int order = strcmp(json_get_string(x->edge, "from", ""), json_get_string(y->edge, "from", ""));
    return order != 0
               ? order
               : strcmp(json_get_string(x->edge, "to", ""), json_get_string(y->edge, "to", ""));
}

/* The edges of a period in the order of `rank`. New reference. */
static json_t *ranked_edges(const struct run *run, const json_t *rows)
{
    json_int_t cases = json_at_integer(map_first(rows), EDGE_COUNT);
    json_int_t least = json_get_integer(run->arguments, "min_count",
                                        cases < FEW_CASES ? MIN_COUNT_OF_FEW : MIN_COUNT);
    json_t *edges = map_edges(rows, EDGE_COUNT, (double)least, edge_item), *sorted = json_array();
    size_t count = json_array_size(edges);
    struct ranked *list = calloc(count + 1, sizeof *list);
    for (size_t i = 0; list != NULL && i < count; i++) {
        json_t *edge = json_array_get(edges, i);
        list[i] = (struct ranked){.by = json_get_number(edge, rank_of(run), 0),
                                  .total_s = json_get_number(edge, "total_s", 0),
                                  .edge = edge};
    }
    if (list != NULL)
        qsort(list, count, sizeof *list, worst_first);
    for (size_t i = 0; list != NULL && i < count; i++)
        json_array_append(sorted, list[i].edge);
    free(list);
    json_decref(edges);
    return sorted;
}

static void cap_edges(struct run *run, json_t *edges)
{
    const struct bottlenecks *b = run->state;
    if (json_array_size(edges) > MAP_MAX_EDGES)
        run_truncated(run, "edges", MAP_MAX_EDGES, "a higher min_count leaves the rarest out");
    while (json_array_size(edges) > MAP_MAX_EDGES)
        json_array_remove(edges, json_array_size(edges) - 1);
    if (json_array_size(b->periods.now) > PROCESS_MAX_EDGES)
        run_truncated(run, "edges", PROCESS_MAX_EDGES,
                      "only the most frequent ones are looked at: filter the cases");
}

static void suggest(struct run *run)
{
    const json_t *worst = json_array_get(json_object_get(run->result, "edges"), 0);
    json_t *same = run_same_arguments(run);
    json_object_del(same, "rank");
    json_object_del(same, "min_count");
    if (worst != NULL)
        run_suggest(run, "list_actors",
                    json_pack("{s:s, s:O, s:{s:O, s:O}}", "of", "bottlenecks", "arguments", same,
                              "cell", "from", json_object_get(worst, "from"), "to",
                              json_object_get(worst, "to")),
                    "the cases that pass the worst edge");
    run_suggest(run, "process_map", same, "the whole map around it");
}

/* Writes the edges and the text, with what changed where the call asks for it. */
static void write_edges(struct run *run, json_int_t cases)
{
    const struct process_periods *p = &((const struct bottlenecks *)run->state)->periods;
    json_t *edges = ranked_edges(run, p->now);
    json_t *all = map_edges(p->now, EDGE_COUNT, 0, edge_item);
    json_t *all_before = map_edges(p->before, EDGE_COUNT, 0, edge_item);
    struct map_changes changes = {.edges_before = ranked_edges(run, p->before),
                                  .before = map_index(all_before),
                                  .now = map_index(all),
                                  .is_cut = map_is_cut(p)};
    cap_edges(run, edges);
    if (p->before != NULL)
        map_set_changes(edges, &changes);
    json_object_set_new(run->result, "edges", edges);
    if (cases > 0) {
        bottlenecks_write_text(run, cases, all);
        if (p->before != NULL)
            map_write_changes(run, &changes);
        bottlenecks_write_tables(run);
    }
    map_changes_done(&changes);
    json_decref(all);
    json_decref(all_before);
}

static int shape(struct run *run, struct err *ret_err)
{
    const struct bottlenecks *b = run->state;
    const json_t *first = map_first(b->periods.now);
    json_int_t cases = json_at_integer(first, EDGE_COUNT);
    (void)ret_err;
    if (b->times != NULL)
        write_times(run);
    write_edges(run, cases);
    if (cases > 0) {
        suggest(run);
        process_link_log(run);
    } else {
        process_shape_empty(run);
    }
    process_warn(run, cases, json_at_integer(first, EDGE_UNFINISHED), map_names(b->periods.now));
    return 0;
}

static const struct step steps[] = {{plan, keep}, {plan_more, keep_more}, {plan_empty, shape}, {0}};

const struct tool tool_bottlenecks = {
    .name = "bottlenecks",
    .title = "Bottlenecks of a process",
    .description = "Between which activities cases lose time, and what would be saved if none took "
                   "longer than the median; where begin and end are known, also service and "
                   "waiting times; compared with the period before. Cells for list_actors: {from, "
                   "to}.",
    .toolset = "process",
    .flags = TOOL_WHOLE_PERIOD,
    .params = params,
    .fields = fields,
    .tables = (const char *const[]){"edges", NULL},
    .steps = steps,
    .plan_actors = process_plan_actors,
};
