#include "paths_result.h"

#include <string.h>

#include "cell.h"
#include "json.h"
#include "paths.h"
#include "segment.h"
#include "text.h"

enum { SHOWN = 25, SHOWN_JOURNEYS = 8 };

/* --- rows ------------------------------------------------------------------------------------ */

/* Columns of run_paths.sql. */
enum column {
    COLUMN_STEP,
    COLUMN_FROM,
    COLUMN_TO,
    COLUMN_COUNT,
    COLUMN_AVERAGE,
    COLUMN_PATH,
    COLUMN_RUNS,
    COLUMN_NODES,
};

static const char *text_of(const json_t *row, enum column column)
{
    const char *text = json_at_string(row, column);
    return text != NULL ? text : "";
}

static bool is_same_source(const json_t *a, const json_t *b)
{
    return json_at_number(a, COLUMN_STEP) == json_at_number(b, COLUMN_STEP) &&
           strcmp(text_of(a, COLUMN_FROM), text_of(b, COLUMN_FROM)) == 0;
}

/* The runs that are at the node of `row` at its step. */
static double outflow(const json_t *rows, const json_t *row)
{
    double sum = 0;
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (is_same_source(json_array_get(rows, i), row))
            sum += json_at_number(json_array_get(rows, i), COLUMN_COUNT);
    return sum;
}

static json_t *edge_item(const json_t *rows, const json_t *row)
{
    json_t *item =
        json_pack("{s:O, s:O, s:O, s:O, s:f}", "step", json_array_get(row, COLUMN_STEP), "from",
                  json_array_get(row, COLUMN_FROM), "to", json_array_get(row, COLUMN_TO), "count",
                  json_array_get(row, COLUMN_COUNT), "share",
                  json_at_number(row, COLUMN_COUNT) / outflow(rows, row));
    if (strcmp(text_of(row, COLUMN_TO), cell_drop_off) != 0)
        json_object_set(item, "average_s", json_array_get(row, COLUMN_AVERAGE));
    return item;
}

static json_t *journey_item(const json_t *row)
{
    return json_pack("{s:O, s:O, s:f}", "path", json_array_get(row, COLUMN_PATH), "count",
                     json_array_get(row, COLUMN_COUNT), "share",
                     json_at_number(row, COLUMN_COUNT) / json_at_number(row, COLUMN_RUNS));
}

static void read_rows(struct run *run)
{
    const json_t *rows = run_rows(run, 0);
    json_t *edges = json_array(), *journeys = json_array();
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (json_at_number(row, COLUMN_STEP) > 0)
            json_array_append_new(edges, edge_item(rows, row));
        else
            json_array_append_new(journeys, journey_item(row));
    }
    json_object_set_new(run->result, "edges", edges);
    json_object_set_new(run->result, "journeys", journeys);
}

/* --- text ------------------------------------------------------------------------------------ */

/* The most frequent edge from (step 1, `from`) that is, or is not, a drop-off. */
static const json_t *top_edge(const json_t *edges, const char *from, bool is_drop_off)
{
    for (size_t i = 0; i < json_array_size(edges); i++) {
        const json_t *edge = json_array_get(edges, i);
        if (json_get_integer(edge, "step", 0) == 1 &&
            (from == NULL || strcmp(json_get_string(edge, "from", ""), from) == 0) &&
            (strcmp(json_get_string(edge, "to", ""), cell_drop_off) == 0) == is_drop_off)
            return edge;
    }
    return NULL;
}

/* The node at which most runs begin, and how many. */
static const char *top_source(const json_t *edges, double *ret_count)
{
    const char *best = NULL;
    *ret_count = 0;
    for (size_t i = 0; i < json_array_size(edges); i++) {
        const json_t *edge = json_array_get(edges, i);
        const char *from = json_get_string(edge, "from", "");
        double share = json_get_number(edge, "share", 0);
        double count = share > 0 ? (double)json_get_integer(edge, "count", 0) / share : 0;
        if (json_get_integer(edge, "step", 0) == 1 && strcmp(from, cell_other) != 0 &&
            count > *ret_count + 0.5) {
            best = from;
            *ret_count = count;
        }
    }
    return best;
}

static void write_path(struct buf *out, const json_t *path)
{
    for (size_t i = 0; i < json_array_size(path); i++)
        buf_printf(out, "%s%.100s", i > 0 ? " → " : "", json_at_string(path, i));
}

/* Where most runs begin, and what comes of them. */
static void write_beginning(struct run *run, double runs)
{
    const json_t *edges = json_object_get(run->result, "edges");
    char share[32], left[32], next[32];
    double count;
    const char *from = top_source(edges, &count);
    if (from == NULL)
        return;
    const json_t *gone = top_edge(edges, from, true), *on = top_edge(edges, from, false);
    buf_printf(&run->text, " %s begin at %.100s; of these",
               text_percent(share, sizeof share, count / runs), from);
    if (gone != NULL)
        buf_printf(&run->text, " %s leave at once%s",
                   text_percent(left, sizeof left, json_get_number(gone, "share", 0)),
                   on != NULL ? " and" : "");
    if (on != NULL)
        buf_printf(&run->text, " %s go on to %.100s",
                   text_percent(next, sizeof next, json_get_number(on, "share", 0)),
                   json_get_string(on, "to", ""));
    buf_putc(&run->text, '.');
}

static void write_node(struct run *run, const char *words, const json_t *node)
{
    if (node != NULL)
        buf_printf(&run->text, "%s%.100s", words,
                   json_get_string(node, "node", json_get_string(node, "event", "a match")));
}

static void write_headline(struct run *run)
{
    const json_t *row = json_array_get(run_rows(run, 0), 0);
    const json_t *journey = json_array_get(json_object_get(run->result, "journeys"), 0);
    double runs = json_at_number(row, COLUMN_RUNS);
    char count[48], share[32];
    const json_t *end = json_object_get(run->arguments, "end");
    buf_printf(&run->text, "%s by %.100s", text_things(count, sizeof count, runs, "path run"),
               scope_counted(run));
    write_node(run, " from ", json_object_get(run->arguments, "start"));
    write_node(run, " to ", end);
    buf_putc(&run->text, '.');
    if (end == NULL)
        write_beginning(run, runs);
    buf_puts(&run->text, " The commonest path is ");
    write_path(&run->text, json_object_get(journey, "path"));
    buf_printf(&run->text, " (%s).\n",
               text_percent(share, sizeof share, json_get_number(journey, "share", 0)));
}

static void write_edges(struct run *run, size_t shown)
{
    const json_t *edges = json_object_get(run->result, "edges");
    size_t count = json_array_size(edges);
    if (count == 0)
        return;
    text_table(&run->text,
               (const char *const[]){"step", "from", "to", "count", "share", "average", NULL});
    for (size_t i = 0; i < count && i < shown; i++) {
        const json_t *edge = json_array_get(edges, i);
        const json_t *average = json_object_get(edge, "average_s");
        char step[32], n[32], share[32], time[48] = "";
        if (average != NULL)
            text_duration(time, sizeof time, json_number_value(average));
        text_row(&run->text,
                 (const char *const[]){
                     text_count(step, sizeof step, (double)json_get_integer(edge, "step", 0)),
                     json_get_string(edge, "from", ""), json_get_string(edge, "to", ""),
                     text_count(n, sizeof n, (double)json_get_integer(edge, "count", 0)),
                     text_percent(share, sizeof share, json_get_number(edge, "share", 0)), time},
                 6);
    }
    text_more(&run->text, count, shown);
}

static void write_journeys(struct run *run, size_t shown)
{
    const json_t *journeys = json_object_get(run->result, "journeys");
    text_table(&run->text, (const char *const[]){"whole path", "count", "share", NULL});
    for (size_t i = 0; i < json_array_size(journeys) && i < shown; i++) {
        const json_t *journey = json_array_get(journeys, i);
        struct buf path = {0};
        char n[32], share[32];
        write_path(&path, json_object_get(journey, "path"));
        text_row(&run->text,
                 (const char *const[]){
                     buf_text(&path),
                     text_count(n, sizeof n, (double)json_get_integer(journey, "count", 0)),
                     text_percent(share, sizeof share, json_get_number(journey, "share", 0))},
                 3);
        buf_done(&path);
    }
    text_more(&run->text, json_array_size(journeys), shown);
}

/* --- what next ------------------------------------------------------------------------------- */

static void suggest_actors(struct run *run)
{
    const json_t *edges = json_object_get(run->result, "edges");
    const json_t *edge = top_edge(edges, NULL, true);
    if (edge == NULL)
        edge = json_array_get(edges, 0);
    if (edge == NULL)
        return;
    bool is_gone = strcmp(json_get_string(edge, "to", ""), cell_drop_off) == 0;
    run_suggest(run, "list_actors",
                json_pack("{s:s, s:o, s:{s:O, s:O, s:O}}", "of", "run_paths", "arguments",
                          run_same_arguments(run), "cell", "step", json_object_get(edge, "step"),
                          "from", json_object_get(edge, "from"), "to", json_object_get(edge, "to")),
                is_gone ? "who left there, with sessions to look at"
                        : "who took this edge, with sessions to look at");
}

/* The commonest path of different events as a funnel. */
static void suggest_funnel(struct run *run)
{
    const json_t *journeys = json_object_get(run->result, "journeys");
    const char *source = json_get_string(run->arguments, "source", NULL);
    if (strcmp(json_get_string(run->arguments, "node", "event"), "event") != 0 ||
        json_object_get(run->arguments, "clean") != NULL)
        return;
    for (size_t i = 0; i < json_array_size(journeys); i++) {
        json_t *path = json_object_get(json_array_get(journeys, i), "path");
        const char *first = json_at_string(path, 0);
        const char *last = json_at_string(path, json_array_size(path) - 1);
        if (json_array_size(path) < 3 || strcmp(first, last) == 0 ||
            strcmp(first, cell_other) == 0 || strcmp(last, cell_other) == 0)
            continue;
        json_t *arguments = json_pack("{s:[s, s]}", "steps", first, last);
        if (source != NULL)
            json_object_set_new(arguments, "source", json_string(source));
        run_suggest(run, "run_funnel", arguments, "how many get from one to the other at all");
        return;
    }
}

/* --- all of it ------------------------------------------------------------------------------- */

bool paths_is_empty(const struct run *run)
{
    return json_array_size(json_object_get(run->result, "journeys")) == 0;
}

int paths_shape(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    read_rows(run);
    if (paths_is_empty(run))
        return 0;
    bool is_detailed =
        strcmp(json_get_string(run->arguments, "format", "concise"), "detailed") == 0;
    write_headline(run);
    write_edges(run, is_detailed ? PATHS_MAX_ROWS : SHOWN);
    write_journeys(run, is_detailed ? PATHS_JOURNEYS : SHOWN_JOURNEYS);
    if (json_at_number(json_array_get(run_rows(run, 0), 0), COLUMN_NODES) >= PATHS_MAX_NODES)
        run_warn(run,
                 "more than %d distinct nodes: the rarest are (other); group them with clean, "
                 "include or exclude",
                 PATHS_MAX_NODES);
    if (run_rows_truncated(run, 0))
        run_truncated(run, "rows", PATHS_MAX_ROWS, "ask for fewer steps or a lower edge_limit");
    suggest_actors(run);
    suggest_funnel(run);
    return 0;
}
