/* The rows of process_plan_edges() as lists of edges, and those of two periods side by side. */
#include "json.h"
#include "process.h"
#include "process_map.h"

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
        if (json_at_integer(row, EDGE_FROM) > 0 && (double)json_at_integer(row, column) >= least)
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

bool map_is_cut(const struct process_periods *p)
{
    return json_array_size(p->now) > PROCESS_MAX_EDGES ||
           json_array_size(p->before) > PROCESS_MAX_EDGES;
}

void map_set_changes(json_t *edges, const struct map_changes *changes)
{
    size_t i;
    json_t *edge;
    json_array_foreach (edges, i, edge) {
        const json_t *then = map_find(changes->before, edge);
        if (then != NULL || !changes->is_cut)
            process_set_change(edge, json_get_integer(edge, "count", 0),
                               json_get_integer(then, "count", 0));
    }
}
