/* handover_network: who hands cases over to whom, and how long they lie in between. */
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "json.h"
#include "process.h"
#include "sql_text.h"
#include "text.h"

enum { MAX_PAIRS = 20000, MAX_RESOURCES = 1000, SHOWN = 15, SHOWN_RESOURCES = 10 };

static const struct param params[] = {
    ARG_PERIOD, ARG_SCOPE, ARG_CASE, ARG_LIMIT("100"), ARG_CURSOR, ARG_OUTPUT, {0},
};

static const struct field handover_fields[] = {
    {"from", "Resource.", VALUE_STRING},
    {"to", "The one of the next event of the same case; may be the same.", VALUE_STRING},
    {"count", "How often.", VALUE_INTEGER},
    {"median_s", "Time between the two events.", VALUE_NUMBER},
    {"p95_s", "The same.", VALUE_NUMBER},
    {"total_s", "Summed over all.", VALUE_NUMBER},
    {0},
};

static const struct field resource_fields[] = {
    {"resource", "Name.", VALUE_STRING},
    {"events", "Events it did.", VALUE_INTEGER},
    {"cases", "Cases it took part in.", VALUE_INTEGER},
    {"activities", "Different ones it did.", VALUE_INTEGER},
    {0},
};

static const struct field fields[] = {
    {"handovers", "Most frequent first. Pairs with an event that names no resource are left out.",
     VALUE_OBJECT, .is_list = true, .fields = handover_fields},
    {"resources", "Busiest first.", VALUE_OBJECT, .is_list = true, .fields = resource_fields},
    {"total", "All handovers, to oneself included.", VALUE_INTEGER},
    {"distinct_pairs", "Different pairs of resources.", VALUE_INTEGER},
    {"cursor", "Where the next page begins.", VALUE_STRING, .is_optional = true},
    {0},
};

/* Columns of process_handover.sql. */
enum {
    FROM,
    TO,
    COUNT,
    TOTAL,
    MEDIAN,
    P95,
    CASES,
    ACTIVITIES,
    NAMES,
    UNFINISHED,
    DISTINCT,
    HANDOVERS,
};

static double number(const json_t *item, const char *name)
{
    return json_get_number(item, name, 0);
}

/* --- the question ----------------------------------------------------------------------------- */

static void state_free(void *state)
{
    json_decref(state);
}

static int plan(struct run *run, struct err *ret_err)
{
    struct query q;
    struct process_log l;
    query_init(&q);
    int rc = process_log_init(&l, run, &q, (struct process_ask){.has_resources = true}, ret_err);
    if (rc == 0) {
        query_set_integer(&q, "until", run->period.complete_until_us - l.zero_us);
        query_set_integer(&q, "limit", PROCESS_MAX_ACTIVITIES + MAX_PAIRS);
        rc = run_query(run, &q, &sql_process_handover,
                       (const struct query_fragment[]){{"codes", buf_text(&l.codes)},
                                                       {"percentiles", process_quantiles(run)},
                                                       {"arrays", buf_text(&l.arrays)},
                                                       {0}},
                       PROCESS_MAX_ACTIVITIES + MAX_PAIRS + 1, ret_err);
    }
    process_log_done(&l);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

static int keep(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    run->state = json_incref((json_t *)run_rows(run, 0));
    run->state_free = state_free;
    return 0;
}

static int plan_empty(struct run *run, struct err *ret_err)
{
    return json_array_size(run->state) == 0 ? process_plan_empty(run, ret_err) : 0;
}

/* --- the result ------------------------------------------------------------------------------- */

static json_t *resource_item(const json_t *names, const json_t *row)
{
    return json_pack("{s:s, s:I, s:I, s:I}", "resource",
                     process_name(names, json_at_integer(row, TO)), "events",
                     json_at_integer(row, COUNT), "cases", json_at_integer(row, CASES),
                     "activities", json_at_integer(row, ACTIVITIES));
}

static json_t *handover_item(const json_t *names, const json_t *row)
{
    return json_pack("{s:s, s:s, s:I, s:f, s:f, s:f}", "from",
                     process_name(names, json_at_integer(row, FROM)), "to",
                     process_name(names, json_at_integer(row, TO)), "count",
                     json_at_integer(row, COUNT), "median_s", json_at_number(row, MEDIAN), "p95_s",
                     json_at_number(row, P95), "total_s", json_at_number(row, TOTAL));
}

/* All resources, and all pairs that were read. */
static void read_rows(const json_t *rows, json_t **ret_resources, json_t **ret_pairs)
{
    const json_t *names = json_array_get(json_array_get(rows, 0), NAMES);
    *ret_resources = json_array();
    *ret_pairs = json_array();
    for (size_t i = 1; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        bool is_pair = json_at_integer(row, FROM) > 0;
        json_array_append_new(is_pair ? *ret_pairs : *ret_resources,
                              is_pair ? handover_item(names, row) : resource_item(names, row));
    }
}

/* The pair between two different resources that has most of a figure, or NULL. */
static const json_t *most_of(const json_t *pairs, const char *name)
{
    const json_t *most = NULL;
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *pair = json_array_get(pairs, i);
        if (strcmp(json_get_string(pair, "from", ""), json_get_string(pair, "to", "")) != 0 &&
            (most == NULL || number(pair, name) > number(most, name)))
            most = pair;
    }
    return most;
}

static json_int_t own_count(const json_t *pairs)
{
    json_int_t count = 0;
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *pair = json_array_get(pairs, i);
        if (strcmp(json_get_string(pair, "from", ""), json_get_string(pair, "to", "")) == 0)
            count += json_get_integer(pair, "count", 0);
    }
    return count;
}

static void write_pair(struct buf *out, const json_t *pair)
{
    buf_printf(out, "%.100s → %.100s", json_get_string(pair, "from", ""),
               json_get_string(pair, "to", ""));
}

static void write_headline(struct run *run, const json_t *pairs, json_int_t total)
{
    const json_t *most = most_of(pairs, "count"), *queue = most_of(pairs, "total_s");
    char some[48], median[48], p95[48], all[48], share[32], people[48];
    struct buf *out = &run->text;
    size_t count = json_array_size(json_object_get(run->result, "resources"));
    if (count == 0) {
        buf_puts(out, "No event names who did it, so nothing is handed over; import --resource "
                      "says which column does");
    } else if (most == NULL) {
        buf_puts(out, total > 0 ? "Nobody hands a case over to somebody else"
                                : "No two events in a row name who did them");
    } else {
        buf_puts(out, "Most handovers to somebody else: ");
        write_pair(out, most);
        buf_printf(out, ", %s, median %s",
                   text_things(some, sizeof some, number(most, "count"), "time"),
                   text_duration(median, sizeof median, number(most, "median_s")));
    }
    if (queue != NULL && number(queue, "total_s") > 0) {
        buf_puts(out, ". Most time is queued between ");
        write_pair(out, queue);
        buf_printf(out, ": %s in all, median %s, p95 %s",
                   text_duration(all, sizeof all, number(queue, "total_s")),
                   text_duration(median, sizeof median, number(queue, "median_s")),
                   text_duration(p95, sizeof p95, number(queue, "p95_s")));
    }
    if (total > 0)
        buf_printf(out, ". %s of %s stay with the same resource",
                   text_percent(share, sizeof share, (double)own_count(pairs) / (double)total),
                   text_things(some, sizeof some, (double)total, "handover"));
    buf_printf(out, ". %s.\n", text_things(people, sizeof people, (double)count, "resource"));
}

static void write_tables(struct run *run)
{
    const json_t *pairs = json_object_get(run->result, "handovers");
    const json_t *resources = json_object_get(run->result, "resources");
    bool is_long = strcmp(json_get_string(run->arguments, "format", "concise"), "detailed") == 0;
    size_t count = json_array_size(pairs), shown = is_long || count < SHOWN ? count : SHOWN;
    char n[32], median[48], p95[48], total[48], cases[32], kinds[32];
    if (count > 0)
        text_table(&run->text,
                   (const char *const[]){"from", "to", "count", "median", "p95", "total", NULL});
    for (size_t i = 0; i < shown; i++) {
        const json_t *pair = json_array_get(pairs, i);
        text_row(&run->text,
                 (const char *const[]){
                     json_get_string(pair, "from", ""), json_get_string(pair, "to", ""),
                     text_count(n, sizeof n, number(pair, "count")),
                     text_duration(median, sizeof median, number(pair, "median_s")),
                     text_duration(p95, sizeof p95, number(pair, "p95_s")),
                     text_duration(total, sizeof total, number(pair, "total_s"))},
                 6);
    }
    text_more(&run->text, count, shown);
    count = json_array_size(resources);
    shown = is_long || count < SHOWN_RESOURCES ? count : SHOWN_RESOURCES;
    if (count > 0)
        text_table(&run->text,
                   (const char *const[]){"resource", "events", "cases", "activities", NULL});
    for (size_t i = 0; i < shown; i++) {
        const json_t *item = json_array_get(resources, i);
        text_row(&run->text,
                 (const char *const[]){json_get_string(item, "resource", ""),
                                       text_count(n, sizeof n, number(item, "events")),
                                       text_count(cases, sizeof cases, number(item, "cases")),
                                       text_count(kinds, sizeof kinds, number(item, "activities"))},
                 4);
    }
    text_more(&run->text, count, shown);
}

static void suggest(struct run *run, const json_t *pairs)
{
    const json_t *queue = most_of(pairs, "total_s");
    json_t *same = run_same_arguments(run);
    if (queue != NULL)
        run_suggest(run, "list_actors",
                    json_pack("{s:s, s:O, s:{s:O, s:O}}", "of", "handover_network", "arguments",
                              same, "cell", "from", json_object_get(queue, "from"), "to",
                              json_object_get(queue, "to")),
                    "the cases that lie longest between two resources");
    run_suggest(run, "bottlenecks", same, "which activities the time lies between");
}

/* Takes the page that the call asks for. */
static int write_page(struct run *run, const json_t *pairs, json_int_t distinct,
                      struct err *ret_err)
{
    int64_t limit, offset;
    int rc = run_page(run, 100, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    json_t *page = json_array();
    size_t count = json_array_size(pairs), end = (size_t)(offset + limit);
    for (size_t i = (size_t)offset; i < count && i < end; i++)
        json_array_append(page, json_array_get(pairs, i));
    if (end < count) {
        run_set_cursor(run, (int64_t)end);
        run_truncated(run, "rows", limit, "continue with the cursor");
    } else if ((json_int_t)count < distinct) {
        run_truncated(run, "handovers", (int64_t)count, "filter the cases or shorten the period");
    }
    json_object_set_new(run->result, "handovers", page);
    return 0;
}

static int shape(struct run *run, struct err *ret_err)
{
    const json_t *rows = run->state, *first = json_array_get(rows, 0);
    json_int_t total = json_at_integer(first, HANDOVERS),
               distinct = json_at_integer(first, DISTINCT);
    json_t *resources, *pairs;
    read_rows(rows, &resources, &pairs);
    if (json_array_size(resources) > MAX_RESOURCES)
        run_truncated(run, "resources", MAX_RESOURCES, "only the busiest are listed");
    while (json_array_size(resources) > MAX_RESOURCES)
        json_array_remove(resources, json_array_size(resources) - 1);
    json_object_set_new(run->result, "resources", resources);
    json_object_set_new(run->result, "total", json_integer(total));
    json_object_set_new(run->result, "distinct_pairs", json_integer(distinct));
    int rc = write_page(run, pairs, distinct, ret_err);
    if (rc == 0 && json_array_size(rows) > 0) {
        write_headline(run, pairs, total);
        write_tables(run);
        suggest(run, pairs);
        process_link_log(run);
        process_warn(run, json_at_integer(first, COUNT), json_at_integer(first, UNFINISHED), NULL);
    } else if (rc == 0) {
        process_shape_empty(run);
    }
    json_decref(pairs);
    return rc;
}

static const struct step steps[] = {{plan, keep}, {plan_empty, shape}, {0}};

const struct tool tool_handover_network = {
    .name = "handover_network",
    .title = "Handovers between resources",
    .description = "Who hands cases over to whom from one event to the next, how often and after "
                   "what time, and how busy each resource is. Cells for list_actors: {from, to}.",
    .toolset = "process",
    .flags = TOOL_WHOLE_PERIOD,
    .params = params,
    .fields = fields,
    .tables = (const char *const[]){"handovers", NULL},
    .steps = steps,
    .plan_actors = process_plan_actors,
};
