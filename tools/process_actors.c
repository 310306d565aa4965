/* The cases behind a cell of a process tool: a variant, an edge, an activity. */
#include <string.h>

#include "cell.h"
#include "json.h"
#include "process.h"
#include "sql_text.h"

void process_place_done(struct process_place *p)
{
    buf_done(&p->trace);
    buf_done(&p->first);
    buf_done(&p->last);
}

int process_check_activity(const json_t *value, const char *path, struct err *ret_err)
{
    return json_is_string(value)
               ? 0
               : err_set(ret_err, ERR_ARGUMENT, path, "expected the name of an activity");
}

void process_add_codes(struct query *q, const json_t *activities, struct buf *out)
{
    buf_puts(out, "arrayMap(x -> toUInt16(if(x = 0, rare, x)), arrayMap(x -> indexOf(names, x), ");
    query_bind_texts(q, out, activities);
    buf_puts(out, "))");
}

static int read_variant(struct query *q, const json_t *activities, struct process_place *p,
                        struct err *ret_err)
{
    int rc = json_is_array(activities) && json_array_size(activities) > 0
                 ? 0
                 : err_set(ret_err, ERR_ARGUMENT, "cell.activities",
                           "expected the activities of a variant, in order");
    for (size_t i = 0; rc == 0 && i < json_array_size(activities); i++)
        rc = process_check_activity(json_array_get(activities, i), "cell.activities", ret_err);
    if (rc < 0)
        return rc;
    buf_puts(&p->trace, "_trace = ");
    process_add_codes(q, activities, &p->trace);
    buf_puts(&p->first, "1");
    buf_puts(&p->last, "length(events)");
    return 0;
}

/* The codes of resources: of none at all, one that no event has. */
static void add_resource_codes(struct query *q, const json_t *resources, struct buf *out)
{
    buf_puts(out, "arrayMap(x -> toUInt16(if(x = 0, 65535, x)), arrayMap(x -> indexOf(resources, "
                  "x), ");
    query_bind_texts(q, out, resources);
    buf_puts(out, "))");
}

static int check_end(const struct process_place *p, const json_t *name, const char *path,
                     struct err *ret_err)
{
    if (p->is_of_resources && !json_is_string(name))
        return err_set(ret_err, ERR_ARGUMENT, path, "expected the name of a resource");
    return process_check_activity(name, path, ret_err);
}

static int read_edge(struct query *q, const json_t *from, const json_t *to, struct process_place *p,
                     struct err *ret_err)
{
    int rc = check_end(p, from, "cell.from", ret_err);
    if (rc == 0)
        rc = check_end(p, to, "cell.to", ret_err);
    if (rc < 0)
        return rc;
    json_t *both = json_pack("[O, O]", from, to);
    buf_puts(&p->trace, "hasSubstr(_trace, ");
    if (p->is_of_resources)
        add_resource_codes(q, both, &p->trace);
    else
        process_add_codes(q, both, &p->trace);
    buf_putc(&p->trace, ')');
    json_decref(both);
    int part = p->is_of_resources ? 5 : 3;
    buf_printf(&p->last, "greatest(2, arrayFirstIndex((x, y, i) -> i > 1 AND x.%d = ", part);
    query_bind_text(q, &p->last, json_string_value(to));
    buf_printf(&p->last, " AND y.%d = ", part);
    query_bind_text(q, &p->last, json_string_value(from));
    buf_puts(&p->last, ", events, arrayPushFront(arrayPopBack(events), events[1]), "
                       "arrayEnumerate(events)))");
    buf_puts(&p->first, "last - 1");
    return 0;
}

static int read_activity(struct query *q, const json_t *activity, struct process_place *p,
                         struct err *ret_err)
{
    int rc = process_check_activity(activity, "cell.activity", ret_err);
    if (rc < 0)
        return rc;
    json_t *one = json_pack("[O]", activity);
    buf_puts(&p->trace, "hasSubstr(_trace, ");
    process_add_codes(q, one, &p->trace);
    buf_putc(&p->trace, ')');
    json_decref(one);
    buf_puts(&p->last, "greatest(1, arrayFirstIndex(x -> x.3 = ");
    query_bind_text(q, &p->last, json_string_value(activity));
    buf_puts(&p->last, ", events))");
    buf_puts(&p->first, "1");
    return 0;
}

static int read_cell(const struct run *run, struct query *q, const json_t *cell,
                     struct process_place *p, struct err *ret_err)
{
    bool is_variants = strcmp(run->subject->name, "process_variants") == 0;
    const json_t *activity = json_object_get(cell, "activity");
    if (is_variants)
        return read_variant(q, json_object_get(cell, "activities"), p, ret_err);
    if (activity != NULL && !p->is_of_resources)
        return read_activity(q, activity, p, ret_err);
    return read_edge(q, json_object_get(cell, "from"), json_object_get(cell, "to"), p, ret_err);
}

/* SELECT of the keys of the cases whose trace it is. */
static int add_keys(struct process_log *l, const struct process_place *p, struct buf *out,
                    struct err *ret_err)
{
    buf_puts(out, l->has_number ? "SELECT toUInt32(" : "SELECT (");
    process_case_of(l, "_first", out);
    buf_puts(out, ") FROM (");
    int rc = process_add_traces(l, p->is_of_resources ? "r" : "c", out, ret_err);
    buf_printf(out, ") WHERE notEmpty(_trace) AND %s", buf_text(&p->trace));
    return rc;
}

int process_plan_members(struct run *run, struct process_log *l, const char *keys,
                         const char *first, const char *last, struct err *ret_err)
{
    const char *resource = l->ask.has_resources ? ", toString(_resource)" : "";
    struct buf rows = {0};
    int rc = process_add_rows(l, keys, &rows, ret_err);
    /* What stands in the cell is a case, also where an empty one is told why. */
    run_set_argument(run, "actor", json_string("case"));
    if (rc == 0)
        rc = cell_plan_actors(run, l->q, &sql_process_actors,
                              (const struct query_fragment[]){{"codes", buf_text(&l->codes)},
                                                              {"first", first},
                                                              {"last", last},
                                                              {"resource", resource},
                                                              {"rows", buf_text(&rows)},
                                                              {0}},
                              ret_err);
    buf_done(&rows);
    return rc;
}

int process_plan_place(struct run *run, struct query *q, const struct process_place *p,
                       struct err *ret_err)
{
    struct process_log l;
    struct buf keys = {0};
    struct process_ask ask = {.is_wide = true, .has_resources = p->is_of_resources};
    int rc = process_log_init(&l, run, q, ask, ret_err);
    if (rc == 0)
        rc = add_keys(&l, p, &keys, ret_err);
    if (rc == 0)
        rc = process_plan_members(run, &l, buf_text(&keys), buf_text(&p->first), buf_text(&p->last),
                                  ret_err);
    process_log_done(&l);
    buf_done(&keys);
    return rc;
}

int process_plan_actors(struct run *run, const json_t *cell, struct err *ret_err)
{
    struct query q;
    struct process_place place = {.is_of_resources =
                                      strcmp(run->subject->name, "handover_network") == 0};
    query_init(&q);
    int rc = read_cell(run, &q, cell, &place, ret_err);
    if (rc == 0)
        rc = process_plan_place(run, &q, &place, ret_err);
    process_place_done(&place);
    query_done(&q);
    return rc;
}
