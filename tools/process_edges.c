/* The rows of process_plan_edges() as lists of edges, and those of two periods side by side. */
#include "json.h"
#include "process.h"
#include "process_map.h"

json_int_t map_whole(const json_t *row, size_t column)
{
    return json_integer_value(json_array_get(row, column));
}

double map_number(const json_t *row, size_t column)
{
    return json_number_value(json_array_get(row, column));
}

const json_t *map_first(const json_t *rows)
{
    return json_array_get(rows, 0);
}

const json_t *map_names(const json_t *rows)
{
    return json_array_get(map_first(rows), EDGE_NAMES);
}

json_t *map_edges(const json_t *rows, size_t column, double least, map_item *item)
{
    json_t *items = json_array();
    for (size_t i = 1; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (map_whole(row, EDGE_FROM) > 0 && (double)map_whole(row, column) >= least)
            json_array_append_new(items, item(map_names(rows), row));
    }
    return items;
}

/* --- two periods ------------------------------------------------------------------------------ */

static const char *end_of(const json_t *edge, const char *end)
{
    return json_get_string(edge, end, "");
}

json_t *map_index(const json_t *edges)
{
    json_t *index = json_object(), *edge;
    size_t i;
    json_array_foreach (edges, i, edge) {
        json_t *targets = json_object_get(index, end_of(edge, "from"));
        if (targets == NULL) {
            targets = json_object();
            json_object_set_new(index, end_of(edge, "from"), targets);
        }
        json_object_set(targets, end_of(edge, "to"), edge);
    }
    return index;
}

const json_t *map_find(const json_t *index, const json_t *edge)
{
    return json_object_get(json_object_get(index, end_of(edge, "from")), end_of(edge, "to"));
}

void map_changes_done(struct map_changes *changes)
{
    json_decref(changes->edges_before);
    json_decref(changes->before);
    json_decref(changes->now);
}

void map_set_changes(json_t *edges, const struct map_changes *changes)
{
    size_t i;
    json_t *edge;
    json_array_foreach (edges, i, edge) {
        const json_t *then = map_find(changes->before, edge);
        process_set_change(edge, json_get_integer(edge, "count", 0),
                           json_get_integer(then, "count", 0));
    }
}

/* --- asking for both ---------------------------------------------------------------------------
 */

static int plan(struct run *run, struct process_periods *p, bool is_wide, bool asks_now,
                bool asks_before, struct err *ret_err)
{
    struct process_ask ask = p->ask;
    int rc = 0;
    ask.is_wide = is_wide;
    p->now_at = p->before_at = -1;
    if (asks_now)
        p->now_at = rc = process_plan_edges(run, ask, ret_err);
    ask.is_previous = true;
    if (rc >= 0 && asks_before)
        p->before_at = rc = process_plan_edges(run, ask, ret_err);
    return rc < 0 ? rc : 0;
}

int process_plan_periods(struct run *run, struct process_periods *p, struct err *ret_err)
{
    return plan(run, p, !process_may_be_narrow(run), true, process_is_compared(run), ret_err);
}

int process_plan_periods_wide(struct run *run, struct process_periods *p, struct err *ret_err)
{
    bool asks_now = !process_is_told(p->now);
    bool asks_before = p->before != NULL && !process_is_told(p->before);
    if (!process_may_be_narrow(run) || (!asks_now && !asks_before)) {
        p->now_at = p->before_at = -1;
        return 0;
    }
    return plan(run, p, true, asks_now, asks_before, ret_err);
}

static bool has_null(const json_t *rows)
{
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (json_is_null(json_array_get(json_array_get(rows, i), EDGE_SAVING)))
            return true;
    return false;
}

int process_plan_periods_whole(struct run *run, struct process_periods *p, struct err *ret_err)
{
    p->ask.is_whole = true;
    return plan(run, p, true, has_null(p->now), has_null(p->before), ret_err);
}

static void keep_rows(const struct run *run, int at, json_t **rows)
{
    if (at < 0)
        return;
    json_decref(*rows);
    *rows = json_incref((json_t *)run_rows(run, at));
}

void process_keep_periods(const struct run *run, struct process_periods *p)
{
    keep_rows(run, p->now_at, &p->now);
    keep_rows(run, p->before_at, &p->before);
}

void process_periods_done(struct process_periods *p)
{
    json_decref(p->now);
    json_decref(p->before);
}
