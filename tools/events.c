#include "events.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cell.h"
#include "json.h"
#include "rows_where.h"
#include "segment.h"
#include "sql_text.h"

static void add_optional(struct events *e, enum source_field field, const char *name)
{
    buf_puts(&e->columns, ", ");
    rows_logical(e->run, e->q, field, &e->columns);
    buf_printf(&e->columns, " AS %s", name);
}

static int add_breakdown(struct events *e, struct err *ret_err)
{
    const json_t *breakdown = json_object_get(e->run->arguments, "breakdown");
    buf_puts(&e->columns, ", CAST([");
    for (size_t i = 0; i < json_array_size(breakdown); i++) {
        const char *field = json_at_string(breakdown, i);
        buf_puts(&e->columns, i > 0 ? ", " : "");
        int rc = source_text(e->run->source, e->q, field, &e->columns, ret_err);
        if (rc < 0) {
            if (ret_err->field[0] == '\0')
                snprintf(ret_err->field, sizeof ret_err->field, "breakdown[%zu]", i);
            return rc;
        }
    }
    buf_puts(&e->columns, "], 'Array(String)') AS _value");
    return 0;
}

/* The session as it is counted: by number where there is one. */
static void add_session(struct events *e)
{
    struct buf number = {0};
    bool has_number = source_actor_number(e->run->source, "session", NULL, &number);
    add_optional(e, SOURCE_SESSION, "_session");
    buf_printf(&e->columns, ", %s AS _visit, _visit != %s AS _in_visit",
               has_number ? buf_text(&number) : "_session", has_number ? "0" : "''");
    buf_done(&number);
}

/* What is counted, '' where a row does not say it: of users only when the source has none. */
static int add_actor(struct events *e, bool is_all, struct buf *out, struct err *ret_err)
{
    const struct source *s = e->run->source;
    const char *counted = scope_counted(e->run);
    buf_puts(out, "CAST(");
    int rc = 0;
    if (is_all && strcmp(counted, "user") == 0 && s->fields[SOURCE_ACTOR].count == 0)
        buf_puts(out, "''");
    else
        rc = source_actor(s, e->q, counted, json_get_string(e->run->arguments, "case", NULL), out,
                          ret_err);
    buf_puts(out, ", 'String')");
    return rc;
}

static int begin(struct events *e, const struct run *run, struct query *q, int64_t from_us,
                 int64_t to_us, bool is_all, struct err *ret_err)
{
    const struct source *s = run->source;
    const char *case_name = json_get_string(run->arguments, "case", NULL);
    struct buf actor = {0}, number = {0};
    *e = (struct events){.run = run, .q = q};
    source_time_between(s, q, from_us, to_us, &e->where);
    source_table(s, &q->within);
    buf_printf(&q->within, " WHERE %s", buf_text(&e->where));
    int rc = add_actor(e, is_all, &actor, ret_err);
    bool has_number = source_actor_number(s, scope_counted(run), case_name, &number);
    buf_printf(&e->columns, "%s AS _who, %s AS _key, _key != %s AS _named, ", buf_text(&actor),
               has_number ? buf_text(&number) : "_who", has_number ? "0" : "''");
    source_time_us(s, &e->columns);
    buf_puts(&e->columns, " AS _us, ");
    if (s->order != NULL)
        sql_identifier(&e->columns, s->order);
    else
        buf_putc(&e->columns, '0');
    buf_puts(&e->columns, " AS _order");
    add_optional(e, SOURCE_EVENT, "_event");
    add_session(e);
    if (rc == 0)
        rc = add_breakdown(e, ret_err);
    buf_puts(&e->where, is_all ? " AND " : " AND _named AND ");
    if (rc == 0)
        rc = scope_condition(run, q, scope_counted(run), buf_text(&actor), &e->where, ret_err);
    buf_done(&actor);
    buf_done(&number);
    if (rc < 0)
        events_drop(e);
    return rc;
}

int events_begin(struct events *e, const struct run *run, struct query *q, int64_t from_us,
                 int64_t to_us, struct err *ret_err)
{
    return begin(e, run, q, from_us, to_us, false, ret_err);
}

int events_begin_all(struct events *e, const struct run *run, struct query *q, int64_t from_us,
                     int64_t to_us, struct err *ret_err)
{
    return begin(e, run, q, from_us, to_us, true, ret_err);
}

void events_drop(struct events *e)
{
    buf_done(&e->q->within);
    buf_done(&e->columns);
    buf_done(&e->where);
}

int events_match(struct events *e, const char *name, const json_t *matcher, const char *path,
                 struct err *ret_err)
{
    buf_puts(&e->columns, ", ");
    int rc = source_matcher(e->run->source, e->q, matcher, &e->columns, ret_err);
    buf_printf(&e->columns, " AS %s", name);
    if (rc < 0)
        err_prefix(ret_err, path);
    return rc;
}

typedef int read_field_fn(const struct source *s, struct query *q, const char *field,
                          struct buf *out, struct err *ret_err);

/* Of a `type` that it must have, or (NULL) of that in which it is stored. */
static int add_field(struct events *e, read_field_fn *read, const char *type, const char *name,
                     const char *field, const char *path, struct err *ret_err)
{
    buf_puts(&e->columns, type != NULL ? ", CAST(" : ", ");
    int rc = read(e->run->source, e->q, field, &e->columns, ret_err);
    if (type != NULL)
        buf_printf(&e->columns, ", '%s')", type);
    buf_printf(&e->columns, " AS %s", name);
    if (rc < 0 && ret_err->field[0] == '\0')
        err_prefix(ret_err, path);
    return rc;
}

int events_field(struct events *e, const char *name, const char *field, const char *path,
                 struct err *ret_err)
{
    return add_field(e, source_text, "String", name, field, path, ret_err);
}

int events_key(struct events *e, const char *name, const char *field, const char *path,
               struct err *ret_err)
{
    return add_field(e, source_text, NULL, name, field, path, ret_err);
}

int events_number(struct events *e, const char *name, const char *field, const char *path,
                  struct err *ret_err)
{
    return add_field(e, source_number, NULL, name, field, path, ret_err);
}

void events_interval(struct events *e, const char *name, enum interval interval, bool sunday_weeks)
{
    buf_puts(&e->columns, ", ");
    interval_start_sql(e->run, e->q, interval, sunday_weeks, &e->columns);
    buf_printf(&e->columns, " AS %s", name);
}

void events_column(struct events *e, const char *name, const char *fmt, ...)
{
    va_list ap;
    buf_puts(&e->columns, ", ");
    va_start(ap, fmt);
    buf_vprintf(&e->columns, fmt, ap);
    va_end(ap);
    buf_printf(&e->columns, " AS %s", name);
}

void events_where(struct events *e, const char *fmt, ...)
{
    va_list ap;
    buf_puts(&e->where, " AND (");
    va_start(ap, fmt);
    buf_vprintf(&e->where, fmt, ap);
    va_end(ap);
    buf_putc(&e->where, ')');
}

void events_end(struct events *e, struct buf *out)
{
    struct buf from = {0};
    source_from(e->run->source, e->q, &from);
    buf_printf(out, "SELECT %s FROM %s WHERE %s", buf_text(&e->columns), buf_text(&from),
               buf_text(&e->where));
    buf_done(&from);
    events_drop(e);
}

int events_plan_actors(struct events *e, struct run *run, struct err *ret_err)
{
    struct query *q = e->q;
    struct buf rows = {0};
    events_end(e, &rows);
    int rc =
        cell_plan_actors(run, q, &sql_run_actors,
                         (const struct query_fragment[]){{"rows", buf_text(&rows)}, {0}}, ret_err);
    buf_done(&rows);
    return rc;
}
