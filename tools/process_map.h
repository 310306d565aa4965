#pragma once
/* The edges of a process, as process_map and bottlenecks tell them: what changed between two
 * periods, the answer as text and as a picture. */
#include "process.h"

enum { MAP_MAX_EDGES = 1000, MAP_DRAWN = 50 };

/* Columns of process_plan_edges(). */
enum {
    EDGE_FROM,
    EDGE_TO,
    EDGE_COUNT,
    EDGE_CASES,
    EDGE_TO_CASES,
    EDGE_TOTAL,
    EDGE_MIN,
    EDGE_MEDIAN,
    EDGE_P95,
    EDGE_MAX,
    EDGE_NAMES,
    EDGE_UNFINISHED,
    EDGE_SAVING,
};

/* The row that tells of all cases, and the names of the codes. Borrowed. */
const json_t *map_first(const json_t *rows);
const json_t *map_names(const json_t *rows);

/* What a tool tells of an edge of those rows. New reference. */
typedef json_t *map_item(const json_t *names, const json_t *row);
/* Those of at least so much in `column`. New reference. */
json_t *map_edges(const json_t *rows, size_t column, double least, map_item *item);

/* `result` as Mermaid: the most frequent edges, beginnings and ends. New reference. */
json_t *map_mermaid(const json_t *result);

/* Edges by their ends: {from: {to: edge}}; shares the edges. New reference. */
json_t *map_index(const json_t *edges);
/* The edge of the same ends. Borrowed. */
const json_t *map_find(const json_t *index, const json_t *edge);

/* With compare: `edges_before`, those of the period before that could be in the result; `before`
 * and `now`, all of the two periods by their ends; where `is_cut`, one of these has only its most
 * frequent ones, so that one that is not there may have been. */
struct map_changes {
    json_t *edges_before, *before, *now;
    bool is_cut;
};
bool map_is_cut(const struct process_periods *p);
void map_changes_done(struct map_changes *changes);
/* Every edge gets its `previous` and `change`, as far as they are known. */
void map_set_changes(json_t *edges, const struct map_changes *changes);
/* What appeared, vanished and slowed among the result's edges. */
void map_write_changes(struct run *run, const struct map_changes *changes);
/* `all`: the edges of the period, those that are not listed, too. `changes` NULL without compare.
 */
void map_write_text(struct run *run, json_int_t cases, const json_t *all,
                    const struct map_changes *changes);
void map_write_edge_name(struct buf *out, const json_t *edge);
