/* The events that are nodes of paths. */
#include <stdio.h>

#include "args.h"
#include "json.h"
#include "paths.h"

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
    buf_done(&any);
    return rc;
}

int paths_add_rows(struct paths *p, struct buf *out, struct err *ret_err)
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
        events_end(&e, out);
    return rc;
}

int paths_add_all_rows(struct paths *p, struct buf *out, struct err *ret_err)
{
    const struct period *period = &p->run->period;
    /* Where the period is most of the data, not to look at the times costs the least. */
    bool is_most = period->from_us - period->data_from_us <= period->to_us - period->from_us;
    struct events e;
    int rc = events_begin_all(&e, p->run, p->q, is_most ? INT64_MIN : period->from_us,
                              is_most ? INT64_MAX : period->to_us, ret_err);
    if (rc < 0)
        return rc;
    rc = add_node(p, &e, ret_err);
    if (rc < 0)
        events_drop(&e);
    else
        events_end(&e, out);
    return rc;
}
