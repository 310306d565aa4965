#include "log_rows.h"

#include <string.h>

#include "fields.h"
#include "json.h"
#include "log_text.h"
#include "process.h"
#include "rows_where.h"
#include "sql_text.h"

/* A pair of a name that is bound and an expression of text. */
static void add_pair(struct query *q, const char *name, const struct buf *text, struct buf *out)
{
    buf_puts(out, out->len > 0 ? ", [(" : "[(");
    query_bind_text(q, out, name);
    buf_printf(out, ", CAST(%s, 'String'))]", buf_text(text));
}

static void add_logical_pairs(const struct run *run, struct query *q, struct buf *out)
{
    static const enum source_field mapped[] = {SOURCE_SERVICE, SOURCE_STATUS, SOURCE_DURATION,
                                               SOURCE_URL};
    for (size_t i = 0; i < sizeof mapped / sizeof mapped[0]; i++) {
        struct buf text = {0};
        if (run->source->fields[mapped[i]].count == 0)
            continue;
        rows_logical(run, q, mapped[i], &text);
        add_pair(q, source_field_names[mapped[i]], &text, out);
        buf_done(&text);
    }
}

/* Resource, start, actor and session, as process tools call them. Import writes `all` where a file
 * names no actor. */
static void add_own_pairs(const struct run *run, struct query *q, struct buf *out)
{
    static const struct {
        enum source_field field;
        const char *key, *before, *behind;
    } own[] = {
        {SOURCE_RESOURCE, LOG_RESOURCE, "", ""},
        {SOURCE_START_TIME, LOG_START,
         "ifNull(concat(replaceOne(toString(parseDateTime64BestEffortOrNull(",
         ", 6, 'UTC')), ' ', 'T'), 'Z'), '')"},
        {SOURCE_ACTOR, "actor", "arrayFilter(x -> x != 'all', [", "])[1]"},
        {SOURCE_SESSION, "session", "", ""},
    };
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        struct buf text = {0};
        if (run->source->fields[own[i].field].count == 0)
            continue;
        buf_printf(&text, "%sCAST(", own[i].before);
        rows_logical(run, q, own[i].field, &text);
        buf_printf(&text, ", 'String')%s", own[i].behind);
        add_pair(q, own[i].key, &text, out);
        buf_done(&text);
    }
}

/* The order of import is that of the file; a copy of a property is the property. */
static bool is_told(const struct source *s, const char *column)
{
    const char *container, *key;
    json_t *copies, *copy;
    bool is_copy = false;
    json_object_foreach (s->copies, container, copies)
        json_object_foreach (copies, key, copy)
            is_copy = is_copy || strcmp(json_string_value(copy), column) == 0;
    return is_copy || (s->order != NULL && strcmp(s->order, column) == 0);
}

/* The case fields that the log is not about, and the columns that are no field. */
static int add_column_pairs(const struct run *run, struct query *q, struct buf *out,
                            struct err *ret_err)
{
    const struct source *s = run->source;
    const char *chosen = json_get_string(run->arguments, "case", s->cases[0].name), *column;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->case_count; i++) {
        struct buf text = {0};
        if (strcmp(s->cases[i].name, chosen) != 0) {
            rc = source_case(s, q, s->cases[i].name, &text, ret_err);
            add_pair(q, s->cases[i].name, &text, out);
        }
        buf_done(&text);
    }
    json_t *type;
    json_object_foreach (s->columns, column, type) {
        struct buf text = {0};
        if (rc == 0 && source_is_plain_column(s, column) && !is_told(s, column)) {
            rc = source_text(s, q, column, &text, ret_err);
            add_pair(q, column, &text, out);
        }
        buf_done(&text);
    }
    return rc;
}

/* Properties of the actor and of the resource are called as fields are, and those that share a name
 * with what every log has. */
static void add_container_pairs(const struct source *s, struct buf *out)
{
    for (size_t i = 0; i < s->property_count; i++) {
        const char *prefix = (int)i == s->actor_properties      ? "actor."
                             : (int)i == s->resource_properties ? "resource."
                                                                : NULL;
        buf_puts(out, out->len > 0 ? ", " : "");
        if (prefix != NULL)
            buf_printf(out, "arrayMap(x -> (concat('%s', x.1), x.2), ", prefix);
        else
            buf_puts(out, "arrayMap(x -> (if(x.1 IN ('" LOG_CASE "', '" LOG_ACTIVITY "', '" LOG_TIME
                          "', '" LOG_RESOURCE "', '" LOG_START
                          "', 'actor', 'session'), concat('event.', x.1), x.1), x.2), ");
        fields_container_pairs(s, &s->properties[i], out);
        buf_putc(out, ')');
    }
}

static int add_pairs(const struct run *run, struct query *q, struct buf *out, struct err *ret_err)
{
    struct buf all = {0};
    add_own_pairs(run, q, &all);
    add_container_pairs(run->source, &all);
    add_logical_pairs(run, q, &all);
    int rc = add_column_pairs(run, q, &all, ret_err);
    if (all.len == 0)
        buf_puts(out, "CAST([], 'Array(Tuple(String, String))')");
    else
        buf_printf(out, "arrayConcat(%s)", buf_text(&all));
    buf_done(&all);
    return rc;
}

/* Appends which cases: those that process tools select, and those of the part. */
static int add_cases(const struct run *run, struct query *q, const char *who, struct log_part part,
                     struct buf *out, struct err *ret_err)
{
    struct process_log l = {0};
    int rc = process_log_init(&l, run, q, (struct process_ask){.is_wide = true}, ret_err);
    if (rc == 0)
        buf_printf(out, "%s GLOBAL IN (SELECT _who FROM (%s))", who, buf_text(&l.rows));
    if (rc == 0 && part.parts > 0) {
        buf_printf(out, " AND cityHash64(%s) %% ", who);
        query_bind_integer(q, out, part.parts);
        buf_puts(out, " = ");
        query_bind_integer(q, out, part.part - 1);
    }
    process_log_done(&l);
    return rc;
}

struct parts {
    struct buf who, time_us, order, event, pairs, where, from;
};

static void parts_done(struct parts *p)
{
    struct buf *all[] = {&p->who,   &p->time_us, &p->order, &p->event,
                         &p->pairs, &p->where,   &p->from};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
}

static int fill_parts(const struct run *run, struct query *q, struct log_part part, struct parts *p,
                      struct err *ret_err)
{
    const struct source *s = run->source;
    const char *name = json_get_string(run->arguments, "case", NULL);
    buf_puts(&p->who, "CAST(");
    int rc = source_case(s, q, name, &p->who, ret_err);
    buf_puts(&p->who, ", 'String')");
    if (rc < 0 && ret_err->field[0] == '\0')
        err_prefix(ret_err, "case");
    source_time_us(s, &p->time_us);
    if (s->order != NULL)
        sql_identifier(&p->order, s->order);
    else
        buf_putc(&p->order, '0');
    if (rc == 0)
        rc = source_logical(s, q, SOURCE_EVENT, &p->event, ret_err);
    if (rc == 0)
        rc = add_pairs(run, q, &p->pairs, ret_err);
    if (rc == 0) {
        struct query_scope outer = query_scope_begin(q);
        rc = add_cases(run, q, buf_text(&p->who), part, &p->where, ret_err);
        query_scope_end(q, outer);
    }
    source_from(s, q, &p->from);
    return rc;
}

int log_plan_rows(struct run *run, const struct sql_text *text, struct log_part part, int64_t limit,
                  size_t max_rows, struct err *ret_err)
{
    struct query q;
    struct parts p = {0};
    struct buf rows = {0};
    query_init(&q);
    if (limit > 0)
        query_set_integer(&q, "limit", limit);
    int rc = fill_parts(run, &q, part, &p, ret_err);
    if (rc == 0)
        rc = query_render_to(&q, &sql_export_log_events,
                             (const struct query_fragment[]){{"who", buf_text(&p.who)},
                                                             {"time_us", buf_text(&p.time_us)},
                                                             {"order", buf_text(&p.order)},
                                                             {"event", buf_text(&p.event)},
                                                             {"pairs", buf_text(&p.pairs)},
                                                             {"from", buf_text(&p.from)},
                                                             {"where", buf_text(&p.where)},
                                                             {0}},
                             &rows, ret_err);
    if (rc == 0)
        rc = run_query(run, &q, text,
                       (const struct query_fragment[]){{"rows", buf_text(&rows)}, {0}}, max_rows,
                       ret_err);
    parts_done(&p);
    buf_done(&rows);
    query_done(&q);
    return rc;
}
