#include <string.h>

#include "args.h"
#include "cell.h"
#include "json.h"
#include "nameless.h"
#include "paths.h"
#include "paths_result.h"
#include "run.h"
#include "segment.h"
#include "sql_text.h"

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
                       PATHS_MAX_ROWS, ret_err);
    paths_done(&p);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

static int plan(struct run *run, struct err *ret_err)
{
    return plan_as(run, scope_has_number(run), ret_err);
}

/* --- nobody ---------------------------------------------------------------------------------- */

/* The matcher of the events that paths begin at, {} where that is any: new reference. */
static json_t *entering(const struct run *run)
{
    json_t *start = json_object_get(run->arguments, "start");
    const json_t *node = json_object_get(start, "node");
    bool is_event = strcmp(json_get_string(run->arguments, "node", "event"), "event") == 0 &&
                    json_array_size(json_object_get(run->arguments, "clean")) == 0;
    if (node == NULL)
        return start != NULL ? json_incref(start) : json_object();
    return is_event ? json_pack("{s:O}", "event", node) : json_object();
}

/* A packed statement that answers nothing may not have been exact. */
static int plan_whole(struct run *run, struct err *ret_err)
{
    return paths_is_empty(run) && scope_has_number(run) ? plan_as(run, false, ret_err) : 0;
}

static int shape_whole(struct run *run, struct err *ret_err)
{
    return run_has_asked(run) ? paths_shape(run, ret_err) : 0;
}

/* Whether the runs are to be those of users instead: the table has a column for sessions, but
 * nothing in it that makes a path, and nobody asked for sessions. */
static bool wants_users(const struct run *run)
{
    return paths_is_empty(run) && json_object_get(run->arguments, "actor") == NULL &&
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
    int rc = paths_shape(run, ret_err);
    if (rc == 0 && !paths_is_empty(run))
        run_warn(run, "no session has such a path: these are the paths of users");
    return rc;
}

static int plan_empty(struct run *run, struct err *ret_err)
{
    if (!paths_is_empty(run))
        return 0;
    json_t *start = entering(run);
    int rc = nameless_plan(run, start, ret_err);
    json_decref(start);
    return rc;
}

static int shape_empty(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    if (!paths_is_empty(run))
        return 0;
    json_t *start = entering(run);
    bool is_nameless = nameless_shape(run, json_get_string(start, "event", "any event"));
    json_decref(start);
    if (is_nameless)
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
    if (strcmp(name, cell_other) == 0) {
        buf_printf(out,
                   "%s != 0 AND %s NOT IN (SELECT %s FROM (%s) WHERE step = {step:UInt8} AND %s "
                   "!= 65535)",
                   column, column, kept, buf_text(&p->edges), kept);
    } else if (strcmp(name, cell_drop_off) == 0 && column[0] == 't') {
        buf_printf(out, "%s = 0", column);
    } else {
        buf_printf(out, "%s != 0 AND %s = indexOf(names, ", column, column);
        query_bind_text(p->q, out, name);
        buf_putc(out, ')');
    }
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

static const struct step steps[] = {{plan, paths_shape},
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
