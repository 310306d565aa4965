#include <string.h>

#include "args.h"
#include "cell.h"
#include "json.h"
#include "nameless.h"
#include "paths.h"
#include "run.h"
#include "segment.h"
#include "sql_text.h"
#include "text.h"

enum { MAX_ROWS = 20000, SHOWN = 25, SHOWN_JOURNEYS = 8 };

static const char drop_off[] = "(drop-off)", other[] = "(other)";

static const struct param params[] = {
    {.name = "node",
     .role = "field",
     .max_length = 256,
     .fallback = "\"event\"",
     .description = "What a step is: event, or a field like url."},
    {.name = "start",
     .type = VALUE_OBJECT,
     .fields = paths_node_fields,
     .shorthand = "node",
     .is_brief = true,
     .description = "Begin at its first occurrence: a node's name, or a matcher {event, where}."},
    {.name = "end",
     .type = VALUE_OBJECT,
     .fields = paths_node_fields,
     .shorthand = "node",
     .is_brief = true,
     .description = "The last steps up to its first occurrence; like start."},
    {.name = "include",
     .type = VALUE_OBJECT,
     .is_list = true,
     .fields = paths_node_fields,
     .shorthand = "node",
     .is_brief = true,
     .max_items = 50,
     .description = "Only these nodes; each like start."},
    {.name = "exclude",
     .type = VALUE_OBJECT,
     .is_list = true,
     .fields = paths_node_fields,
     .shorthand = "node",
     .is_brief = true,
     .max_items = 50,
     .description = "Without these nodes; each like start."},
    {.name = "clean",
     .type = VALUE_OBJECT,
     .is_list = true,
     .fields = paths_clean_fields,
     .max_items = 20,
     .description = "Replaces in the names of nodes, in this order, before all else."},
    {.name = "steps",
     .type = VALUE_INTEGER,
     .min = 2,
     .max = PATHS_MAX_STEPS,
     .fallback = "5",
     .description = "Nodes of a path that are looked at."},
    {.name = "edge_limit",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = 1000,
     .fallback = "50",
     .description = "Edges between named nodes; rarer nodes are (other)."},
    {.name = "session_gap_s",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = 31536000,
     .fallback = "1800",
     .description = "A pause so long begins a new path."},
    {.name = "collapse_repeats",
     .type = VALUE_BOOLEAN,
     .fallback = "false",
     .description = "Count A A B as A B."},
    ARG_PERIOD,
    ARG_SCOPE,
    {.name = "actor",
     .role = "field",
     .max_length = 256,
     .description = "Whose events make a path: session (default), user, case or a field."},
    ARG_OUTPUT,
    {0},
};

static const struct field edge_fields[] = {
    {"step", "Place of `from` in the path, from 1.", VALUE_INTEGER},
    {"from", "Node; (other) = the rarer ones.", VALUE_STRING},
    {"to", "Node, (other), or (drop-off): the path ends at `from`.", VALUE_STRING},
    {"count", "Path runs with this edge at this step.", VALUE_INTEGER},
    {"share", "Of the runs that are at `from` at this step.", VALUE_NUMBER},
    {"average_s", "Mean time from one to the other.", VALUE_NUMBER, .is_optional = true},
    {0},
};

static const struct field journey_fields[] = {
    {"path", "Its nodes, cut at `steps`.", VALUE_STRING, .is_list = true},
    {"count", "Path runs.", VALUE_INTEGER},
    {"share", "Of all path runs.", VALUE_NUMBER},
    {0},
};

static const struct field fields[] = {
    {"edges", "Most frequent first; the shares of one step and `from` add up to 1.", VALUE_OBJECT,
     .is_list = true, .fields = edge_fields},
    {"journeys", "The 20 commonest whole paths.", VALUE_OBJECT, .is_list = true,
     .fields = journey_fields},
    {0},
};

/* --- plan ------------------------------------------------------------------------------------ */

static int plan_as(struct run *run, bool is_packed, struct err *ret_err)
{
    struct query q;
    struct paths p;
    query_init(&q);
    int rc = paths_init(&p, run, &q, is_packed, ret_err);
    if (rc == 0)
        rc = run_query(run, &q, &sql_run_paths,
                       (const struct query_fragment[]){
                           {"codes", buf_text(&p.codes)}, {"edges", buf_text(&p.edges)}, {0}},
                       MAX_ROWS, ret_err);
    paths_done(&p);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

static int plan(struct run *run, struct err *ret_err)
{
    return plan_as(run, paths_can_pack(run), ret_err);
}

/* --- shape ----------------------------------------------------------------------------------- */

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

static double number_of(const json_t *row, enum column column)
{
    return json_number_value(json_array_get(row, column));
}

static const char *text_of(const json_t *row, enum column column)
{
    const char *text = json_string_value(json_array_get(row, column));
    return text != NULL ? text : "";
}

static bool is_same_source(const json_t *a, const json_t *b)
{
    return number_of(a, COLUMN_STEP) == number_of(b, COLUMN_STEP) &&
           strcmp(text_of(a, COLUMN_FROM), text_of(b, COLUMN_FROM)) == 0;
}

/* The runs that are at the node of `row` at its step. */
static double outflow(const json_t *rows, const json_t *row)
{
    double sum = 0;
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (is_same_source(json_array_get(rows, i), row))
            sum += number_of(json_array_get(rows, i), COLUMN_COUNT);
    return sum;
}

static json_t *edge_item(const json_t *rows, const json_t *row)
{
    json_t *item =
        json_pack("{s:O, s:O, s:O, s:O, s:f}", "step", json_array_get(row, COLUMN_STEP), "from",
                  json_array_get(row, COLUMN_FROM), "to", json_array_get(row, COLUMN_TO), "count",
                  json_array_get(row, COLUMN_COUNT), "share",
                  number_of(row, COLUMN_COUNT) / outflow(rows, row));
    if (strcmp(text_of(row, COLUMN_TO), drop_off) != 0)
        json_object_set(item, "average_s", json_array_get(row, COLUMN_AVERAGE));
    return item;
}

static json_t *journey_item(const json_t *row)
{
    return json_pack("{s:O, s:O, s:f}", "path", json_array_get(row, COLUMN_PATH), "count",
                     json_array_get(row, COLUMN_COUNT), "share",
                     number_of(row, COLUMN_COUNT) / number_of(row, COLUMN_RUNS));
}

static void read_rows(struct run *run)
{
    const json_t *rows = run_rows(run, 0);
    json_t *edges = json_array(), *journeys = json_array();
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (number_of(row, COLUMN_STEP) > 0)
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
            (strcmp(json_get_string(edge, "to", ""), drop_off) == 0) == is_drop_off)
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
        if (json_get_integer(edge, "step", 0) == 1 && strcmp(from, other) != 0 &&
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
        buf_printf(out, "%s%.100s", i > 0 ? " → " : "", json_string_value(json_array_get(path, i)));
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
    double runs = number_of(row, COLUMN_RUNS);
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
    if (count > shown)
        buf_printf(&run->text, "… and %zu rarer edges\n", count - shown);
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
    bool is_gone = strcmp(json_get_string(edge, "to", ""), drop_off) == 0;
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
        const char *first = json_string_value(json_array_get(path, 0));
        const char *last = json_string_value(json_array_get(path, json_array_size(path) - 1));
        if (json_array_size(path) < 3 || strcmp(first, last) == 0 || strcmp(first, other) == 0 ||
            strcmp(last, other) == 0)
            continue;
        json_t *arguments = json_pack("{s:[s, s]}", "steps", first, last);
        if (source != NULL)
            json_object_set_new(arguments, "source", json_string(source));
        run_suggest(run, "run_funnel", arguments, "how many get from one to the other at all");
        return;
    }
}

/* --- nobody ---------------------------------------------------------------------------------- */

static bool is_empty(const struct run *run)
{
    return json_array_size(json_object_get(run->result, "journeys")) == 0;
}

static int shape(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    read_rows(run);
    if (is_empty(run))
        return 0;
    bool is_detailed =
        strcmp(json_get_string(run->arguments, "format", "concise"), "detailed") == 0;
    write_headline(run);
    write_edges(run, is_detailed ? MAX_ROWS : SHOWN);
    write_journeys(run, is_detailed ? PATHS_JOURNEYS : SHOWN_JOURNEYS);
    if (number_of(json_array_get(run_rows(run, 0), 0), COLUMN_NODES) >= PATHS_MAX_NODES)
        run_warn(run,
                 "more than %d distinct nodes: the rarest are (other); group them with clean, "
                 "include or exclude",
                 PATHS_MAX_NODES);
    if (run_rows_truncated(run, 0))
        run_truncated(run, "rows", MAX_ROWS, "ask for fewer steps or a lower edge_limit");
    suggest_actors(run);
    suggest_funnel(run);
    return 0;
}

static const json_t *entering(const struct run *run)
{
    const json_t *start = json_object_get(run->arguments, "start");
    return json_object_get(start, "node") == NULL ? start : NULL;
}

/* A packed statement that answers nothing may not have been exact. */
static int plan_whole(struct run *run, struct err *ret_err)
{
    return is_empty(run) && paths_can_pack(run) ? plan_as(run, false, ret_err) : 0;
}

static int shape_whole(struct run *run, struct err *ret_err)
{
    return run_has_asked(run) ? shape(run, ret_err) : 0;
}

/* Whether the runs are to be those of users instead: the table has a column for sessions, but
 * nothing in it that makes a path, and nobody asked for sessions. */
static bool wants_users(const struct run *run)
{
    return is_empty(run) && json_object_get(run->arguments, "actor") == NULL &&
           strcmp(scope_counted(run), "session") == 0 &&
           run->source->fields[SOURCE_ACTOR].count > 0;
}

static int plan_users(struct run *run, struct err *ret_err)
{
    if (!wants_users(run))
        return 0;
    /* From here on it is as if the caller had said so, in what the result suggests, too. */
    run_set_argument(run, "actor", json_string("user"));
    return plan_as(run, false, ret_err);
}

static int shape_users(struct run *run, struct err *ret_err)
{
    if (!run_has_asked(run))
        return 0;
    int rc = shape(run, ret_err);
    if (rc == 0 && !is_empty(run))
        run_warn(run, "no session has such a path: these are the paths of users");
    return rc;
}

static int plan_empty(struct run *run, struct err *ret_err)
{
    return is_empty(run) ? nameless_plan(run, entering(run), ret_err) : 0;
}

static int shape_empty(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    const json_t *start = entering(run);
    if (!is_empty(run) || nameless_shape(run, json_get_string(start, "event", "any event")))
        return 0;
    bool is_cut = json_object_get(run->arguments, "start") != NULL ||
                  json_object_get(run->arguments, "end") != NULL;
    const char *why = is_cut ? "no path run of this period has its start and end"
                             : "no event of this period is a node of a path";
    buf_printf(&run->text, "No paths: %s.\n", why);
    run_warn(run, "%s", why);
    return 0;
}

/* --- who stands in a cell -------------------------------------------------------------------- */

/* Whether the code `column` of a run is the node that the cell names. */
static void add_end(struct paths *p, const char *column, const char *name, struct buf *out)
{
    const char *kept = strcmp(column, "f") == 0 ? "source" : "target";
    if (strcmp(name, other) == 0) {
        buf_printf(out,
                   "%s != 0 AND %s NOT IN (SELECT %s FROM (%s) WHERE step = {step:UInt8} AND %s "
                   "!= 65535)",
                   column, column, kept, buf_text(&p->edges), kept);
    } else if (strcmp(name, drop_off) == 0 && column[0] == 't') {
        buf_printf(out, "%s = 0", column);
    } else {
        buf_printf(out, "%s != 0 AND %s = indexOf(names, ", column, column);
        query_bind_text(p->q, out, name);
        buf_putc(out, ')');
    }
    p->q->failed |= buf_failed(out);
}

static int read_cell(const struct run *run, const json_t *cell, struct err *ret_err)
{
    json_int_t steps = json_get_integer(run->arguments, "steps", 5);
    json_int_t step = json_get_integer(cell, "step", 0);
    if (step < 1 || step >= steps)
        return err_set(ret_err, ERR_ARGUMENT, "cell.step", "a step from 1 to %lld",
                       (long long)steps - 1);
    static const char *const ends[] = {"from", "to"};
    for (size_t i = 0; i < 2; i++) {
        if (json_get_string(cell, ends[i], NULL) != NULL)
            continue;
        err_set(ret_err, ERR_ARGUMENT, ends[i], "the name of a node as an edge has it");
        err_prefix(ret_err, "cell");
        return -ERR_ARGUMENT;
    }
    return 0;
}

static int plan_actors(struct run *run, const json_t *cell, struct err *ret_err)
{
    struct query q;
    struct paths p = {0};
    struct buf runs = {0}, source = {0}, target = {0};
    query_init(&q);
    int rc = read_cell(run, cell, ret_err);
    if (rc == 0)
        rc = paths_init(&p, run, &q, false, ret_err);
    if (rc == 0)
        rc = paths_placed_runs(&p, &runs, ret_err);
    query_set_integer(&q, "step", json_get_integer(cell, "step", 0));
    query_set_integer(&q, "zero_us", p.zero_us);
    if (rc == 0) {
        add_end(&p, "f", json_get_string(cell, "from", ""), &source);
        add_end(&p, "t", json_get_string(cell, "to", ""), &target);
        rc = cell_plan_actors(run, &q, &sql_run_paths_actors,
                              (const struct query_fragment[]){{"codes", buf_text(&p.codes)},
                                                              {"runs", buf_text(&runs)},
                                                              {"source", buf_text(&source)},
                                                              {"target", buf_text(&target)},
                                                              {0}},
                              ret_err);
    }
    struct buf *all[] = {&runs, &source, &target};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
    paths_done(&p);
    query_done(&q);
    return rc;
}

static const struct step steps[] = {{plan, shape},
                                    {plan_whole, shape_whole},
                                    {plan_users, shape_users},
                                    {plan_empty, shape_empty},
                                    {0}};

const struct tool tool_run_paths = {
    .name = "run_paths",
    .title = "Run paths",
    .description = "Which ways people take: the edges between events or pages, step by step, from "
                   "a start or to an end, with those who leave, and the commonest whole paths.",
    .toolset = "core",
    .flags = TOOL_CORE | TOOL_BY_SESSION,
    .params = params,
    .fields = fields,
    .steps = steps,
    .plan_actors = plan_actors,
};
