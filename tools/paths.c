/* The SQL of path runs. An event becomes one number, so that sorting an array of them puts the
 * events of many actors in order, and neighbours are one pass over it:
 *     actor within its group << 118 | microseconds since `from` << 64 | import order << 18
 *     | code of the node << 2 | is an end << 1 | is a start
 * A path is one number, too: the codes of its first nodes, 16 bits each, the first one highest. */
#include "paths.h"

#include <stdio.h>

#include "args.h"
#include "json.h"
#include "segment.h"
#include "sql_text.h"

const struct param paths_node_fields[] = {
    {.name = "node", .role = "node", .max_length = 4096, .description = "Its name."},
    ARG_MATCHER,
    {0},
};

const struct param paths_clean_fields[] = {
    {.name = "regex", .is_required = true, .max_length = 1024, .description = "RE2."},
    {.name = "alias",
     .max_length = 1024,
     .fallback = "\"\"",
     .description = "What stands for each match; \\1 is its first group."},
    {0},
};

void paths_done(struct paths *p)
{
    buf_done(&p->rows);
    buf_done(&p->names);
    buf_done(&p->edges);
}

/* Fills the slots of a text that is part of another statement. */
static int render(struct query *q, const struct sql_text *text,
                  const struct query_fragment *fragments, struct buf *out, struct err *ret_err)
{
    int rc = query_render(q, text, fragments, ret_err);
    if (rc == 0)
        buf_puts(out, buf_text(&q->sql));
    buf_reset(&q->sql);
    q->failed |= buf_failed(out);
    return rc;
}

/* --- nodes ----------------------------------------------------------------------------------- */

/* The text of a node. Few values make up many rows: what cleans them looks at each value once in a
 * block of rows. */
static int add_node(struct paths *p, struct events *e, struct err *ret_err)
{
    const json_t *clean = json_object_get(p->run->arguments, "clean");
    size_t count = json_array_size(clean);
    struct buf node = {0};
    for (size_t i = 0; i < count; i++)
        buf_puts(&node, "replaceRegexpAll(");
    buf_puts(&node, "toLowCardinality(");
    int rc = source_text(p->run->source, p->q, json_get_string(p->run->arguments, "node", "event"),
                         &node, ret_err);
    buf_putc(&node, ')');
    for (size_t i = 0; i < count; i++) {
        const json_t *rule = json_array_get(clean, i);
        buf_puts(&node, ", ");
        query_bind_text(p->q, &node, json_get_string(rule, "regex", ""));
        buf_puts(&node, ", ");
        query_bind_text(p->q, &node, json_get_string(rule, "alias", ""));
        buf_putc(&node, ')');
    }
    if (rc < 0 && ret_err->field[0] == '\0')
        err_prefix(ret_err, "node");
    events_column(e, "_node", "%s", buf_text(&node));
    events_where(e, "_node != ''");
    p->q->failed |= buf_failed(&node);
    buf_done(&node);
    return rc;
}

/* Adds the column `name` UInt8: whether a row is what `item` (one of paths_node_fields) means. */
static int add_flag(struct paths *p, struct events *e, const char *name, const json_t *item,
                    const char *path, struct err *ret_err)
{
    const char *node = json_get_string(item, "node", NULL);
    char matched[48];
    struct buf value = {0};
    snprintf(matched, sizeof matched, "%s_event", name);
    int rc = events_match(e, matched, item, path, ret_err);
    if (node != NULL) {
        buf_puts(&value, " AND _node = ");
        query_bind_text(p->q, &value, node);
    }
    events_column(e, name, "%s%s", matched, buf_text(&value));
    p->q->failed |= buf_failed(&value);
    buf_done(&value);
    return rc;
}

/* `include` keeps the rows that are any of it, `exclude` those that are none. */
static int add_choice(struct paths *p, struct events *e, const char *member, bool is_wanted,
                      struct err *ret_err)
{
    const json_t *items = json_object_get(p->run->arguments, member);
    struct buf any = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(items); i++) {
        char name[32], path[32];
        snprintf(name, sizeof name, "_%s%zu", member, i);
        snprintf(path, sizeof path, "%s[%zu]", member, i);
        rc = add_flag(p, e, name, json_array_get(items, i), path, ret_err);
        buf_printf(&any, "%s%s", i > 0 ? " OR " : "", name);
    }
    if (json_array_size(items) > 0)
        events_where(e, "%s(%s)", is_wanted ? "" : "NOT ", buf_text(&any));
    p->q->failed |= buf_failed(&any);
    buf_done(&any);
    return rc;
}

static int build_rows(struct paths *p, struct err *ret_err)
{
    const json_t *arguments = p->run->arguments;
    const struct period *period = &p->run->period;
    struct events e;
    int rc = events_begin(&e, p->run, p->q, period->from_us, period->to_us, ret_err);
    if (rc < 0)
        return rc;
    rc = add_node(p, &e, ret_err);
    if (rc == 0)
        rc = add_choice(p, &e, "include", true, ret_err);
    if (rc == 0)
        rc = add_choice(p, &e, "exclude", false, ret_err);
    if (rc == 0 && p->has_start)
        rc = add_flag(p, &e, "_start", json_object_get(arguments, "start"), "start", ret_err);
    if (rc == 0 && p->has_end)
        rc = add_flag(p, &e, "_end", json_object_get(arguments, "end"), "end", ret_err);
    if (rc < 0)
        events_drop(&e);
    else
        events_end(&e, &p->rows);
    return rc;
}

/* --- runs ------------------------------------------------------------------------------------ */

/* `within`: which of the actors of one array it is, "" = there is only one. */
static void event_number(const struct paths *p, const char *within, struct buf *out)
{
    buf_printf(out, "bitShiftLeft(toUInt128(%stoUInt64(_us - ", within);
    query_bind_integer(p->q, out, p->zero_us);
    buf_puts(out, ")), 64) + bitShiftLeft(toUInt64(_order), 18) + bitShiftLeft(toUInt64("
                  "transform(_node, names, arrayEnumerate(names), 65535)), 2)");
    buf_printf(out, "%s%s", p->has_end ? " + 2 * _end" : "", p->has_start ? " + _start" : "");
}

/* The runs as far as they are looked at: `carried` columns and r. */
static int add_runs(const struct paths *p, const char *carried, const char *runs, struct buf *out,
                    struct err *ret_err)
{
    static const char first_start[] = "arrayFirstIndex(x -> bitAnd(toUInt64(x), 1) = 1, run)";
    const char *ended = "started", *merged = "ended";
    char started[256] = "run";
    if (p->has_start)
        snprintf(started, sizeof started, "arraySlice(run, if(%s = 0, length(run) + 1, %s))",
                 first_start, first_start);
    if (p->has_end && p->has_start)
        ended = "arraySlice(started, 1, arrayFirstIndex((x, i) -> bitAnd(toUInt64(x), 2) = 2 AND "
                "i > 1, started, arrayEnumerate(started)))";
    else if (p->has_end)
        ended = "arraySlice(started, 1, arrayFirstIndex(x -> bitAnd(toUInt64(x), 2) = 2, started))";
    /* The last of the repeats stays. Nodes without a code of their own may differ. */
    if (json_get_bool(p->run->arguments, "collapse_repeats", false))
        merged = "arrayFilter((x, y) -> bitAnd(toUInt64(x), 262140) != bitAnd(toUInt64(y), 262140) "
                 "OR bitAnd(toUInt64(x), 262140) = 262140, ended, "
                 "arrayPushBack(arrayPopFront(ended), toUInt128(0)))";
    return render(
        p->q, &sql_run_paths_runs,
        (const struct query_fragment[]){{"carried", carried},
                                        {"kept", p->has_end && !p->has_start
                                                     ? "arraySlice(merged, -{steps:UInt8})"
                                                     : "arraySlice(merged, 1, {steps:UInt8})"},
                                        {"merged", merged},
                                        {"ended", ended},
                                        {"started", started},
                                        {"runs", runs},
                                        {0}},
        out, ret_err);
}

int paths_placed_runs(struct paths *p, struct buf *out, struct err *ret_err)
{
    struct buf event = {0}, runs = {0};
    event_number(p, "", &event);
    int rc = render(p->q, &sql_run_paths_placed,
                    (const struct query_fragment[]){
                        {"event", buf_text(&event)}, {"rows", buf_text(&p->rows)}, {0}},
                    &runs, ret_err);
    if (rc == 0)
        rc = add_runs(p, "who, a, ", buf_text(&runs), out, ret_err);
    p->q->failed |= buf_failed(&event);
    buf_done(&event);
    buf_done(&runs);
    return rc;
}

/* --- edges ----------------------------------------------------------------------------------- */

static json_int_t width(const struct paths *p)
{
    return p->steps <= 8 ? 8 : 16;
}

static int build_edges(struct paths *p, const char *runs, struct err *ret_err)
{
    struct buf path = {0}, times = {0};
    const char *type = width(p) == 8 ? "toUInt128" : "toUInt256";
    for (json_int_t i = 1; i <= p->steps; i++)
        buf_printf(&path, "%sbitShiftLeft(%s(c[%lld]), %lld)", i > 1 ? " + " : "", type,
                   (long long)i, (long long)(16 * (width(p) - i)));
    for (json_int_t i = 1; i < p->steps; i++)
        buf_printf(&times, "%ssum(toFloat64(at[%lld] - at[%lld]))", i > 1 ? ", " : "",
                   (long long)i + 1, (long long)i);
    int rc =
        render(p->q, &sql_run_paths_edges,
               (const struct query_fragment[]){
                   {"path", buf_text(&path)}, {"times", buf_text(&times)}, {"runs", runs}, {0}},
               &p->edges, ret_err);
    p->q->failed |= buf_failed(&path) || buf_failed(&times);
    buf_done(&path);
    buf_done(&times);
    return rc;
}

static int build_packed(struct paths *p, struct err *ret_err)
{
    struct buf event = {0}, runs = {0}, kept = {0}, number = {0};
    /* Where actors have numbers, 1024 of them share an array: a few large groups cost far less than
     * one for each actor. */
    bool has_number =
        source_actor_number(p->run->source, scope_counted(p->run),
                            json_get_string(p->run->arguments, "case", NULL), &number);
    event_number(p, has_number ? "bitShiftLeft(toUInt64(bitAnd(_key, 1023)), 54) + " : "", &event);
    int rc = render(
        p->q, &sql_run_paths_packed,
        (const struct query_fragment[]){{"event", buf_text(&event)},
                                        {"rows", buf_text(&p->rows)},
                                        {"bucket", has_number ? "bitShiftRight(_key, 10)" : "_key"},
                                        {0}},
        &runs, ret_err);
    if (rc == 0)
        rc = add_runs(p, "", buf_text(&runs), &kept, ret_err);
    if (rc == 0)
        rc = build_edges(p, buf_text(&kept), ret_err);
    p->q->failed |= buf_failed(&event);
    struct buf *all[] = {&event, &runs, &kept, &number};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
    return rc;
}

/* Where the columns of times begin: 400 years from here fit into 54 bits. */
static const int64_t year_1900_us = INT64_C(-2208988800000000);

int paths_init(struct paths *p, const struct run *run, struct query *q, struct err *ret_err)
{
    const json_t *arguments = run->arguments;
    *p = (struct paths){.run = run,
                        .q = q,
                        .steps = json_get_integer(arguments, "steps", 5),
                        .zero_us =
                            run->period.from_us > year_1900_us ? run->period.from_us : year_1900_us,
                        .has_start = json_object_get(arguments, "start") != NULL,
                        .has_end = json_object_get(arguments, "end") != NULL};
    query_set_integer(q, "steps", p->steps);
    query_set_integer(q, "width", width(p));
    query_set_integer(q, "has_end", p->has_end);
    query_set_integer(q, "journeys", PATHS_JOURNEYS);
    query_set_integer(q, "edge_limit", json_get_integer(arguments, "edge_limit", 50));
    query_set_integer(q, "gap_us", json_get_integer(arguments, "session_gap_s", 1800) * 1000000);
    int rc = build_rows(p, ret_err);
    if (rc == 0)
        rc = render(q, &sql_run_paths_names,
                    (const struct query_fragment[]){{"rows", buf_text(&p->rows)}, {0}}, &p->names,
                    ret_err);
    if (rc == 0)
        rc = build_packed(p, ret_err);
    return rc;
}
