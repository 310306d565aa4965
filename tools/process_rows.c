/* Which rows a process tool looks at: all events of the cases that the call selects. */
#include "json.h"
#include "process.h"
#include "rows_where.h"
#include "segment.h"

/* A row's case as text and as what is counted, in the scope that `q` is in. */
static int add_case(const struct run *run, struct query *q, struct buf *who, struct buf *key,
                    struct err *ret_err)
{
    const struct source *s = run->source;
    const char *name = json_get_string(run->arguments, "case", NULL);
    buf_puts(who, "CAST(");
    int rc = source_case(s, q, name, who, ret_err);
    buf_puts(who, ", 'String')");
    if (rc < 0 && ret_err->field[0] == '\0')
        err_prefix(ret_err, "case");
    if (!source_actor_number(s, "case", name, key))
        buf_puts(key, buf_text(who));
    return rc;
}

static const char *nobody(const struct process_log *l)
{
    return l->has_number ? "0" : "''";
}

/* Appends that a row's case is, or is not, among those with a row from `from_us` to `to_us` that
 * passes `filters`. GLOBAL: of a Distributed table they are asked for once, not on every shard. */
static int add_members(struct process_log *l, bool is_wanted, int64_t from_us, int64_t to_us,
                       const json_t *filters, struct buf *out, struct err *ret_err)
{
    const struct source *s = l->run->source;
    struct query_scope outer = query_scope_begin(l->q);
    struct buf who = {0}, key = {0}, where = {0}, from = {0};
    int rc = add_case(l->run, l->q, &who, &key, ret_err);
    source_time_between(s, l->q, from_us, to_us, &where);
    buf_puts(&where, " AND ");
    if (rc == 0)
        rc = source_filters(s, l->q, filters, &where, ret_err);
    source_from(s, l->q, &from);
    buf_printf(out, " AND %s GLOBAL %s (SELECT %s FROM %s WHERE %s)", buf_text(&l->key),
               is_wanted ? "IN" : "NOT IN", buf_text(&key), buf_text(&from), buf_text(&where));
    struct buf *all[] = {&who, &key, &where, &from};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
    query_scope_end(l->q, outer);
    return rc;
}

/* Where a period has a beginning, the cases that began before it are not of it. */
static int add_period(struct process_log *l, struct buf *out, struct err *ret_err)
{
    const struct period *p = &l->run->period;
    bool has_from = p->from_given || l->ask.is_previous;
    int rc = 0;
    if (has_from && l->from_us > p->data_from_us)
        rc = add_members(l, false, INT64_MIN, l->from_us, NULL, out, ret_err);
    if (rc == 0 && (p->to_given || l->ask.is_previous))
        rc = add_members(l, true, has_from ? l->from_us : INT64_MIN, l->to_us, NULL, out, ret_err);
    return rc;
}

static int add_scope(struct process_log *l, struct buf *out, struct err *ret_err)
{
    const json_t *filters = json_object_get(l->run->arguments, "filters");
    const json_t *segment = json_object_get(l->run->arguments, "segment");
    int rc = 0;
    if (json_array_size(filters) > 0) {
        rc = add_members(l, true, INT64_MIN, INT64_MAX, filters, out, ret_err);
        if (rc < 0)
            err_prefix(ret_err, "filters");
    }
    if (rc == 0 && segment != NULL) {
        buf_puts(out, " AND ");
        rc = segment_condition(l->run, l->q, segment, "case", buf_text(&l->who), out, ret_err);
        if (rc < 0)
            err_prefix(ret_err, "segment");
    }
    return rc;
}

/* The engine reads those that the statement uses. */
static int add_columns(struct process_log *l, struct buf *out, struct err *ret_err)
{
    const struct source *s = l->run->source;
    buf_printf(out, "%s AS _key, %s AS _who, ", buf_text(&l->key), buf_text(&l->who));
    source_time_us(s, out);
    buf_puts(out, " AS _us, ");
    if (s->order != NULL)
        sql_identifier(out, s->order);
    else
        buf_putc(out, '0');
    buf_puts(out, " AS _order, ");
    int rc = source_logical(s, l->q, SOURCE_EVENT, out, ret_err);
    buf_puts(out, " AS _label, ");
    rows_logical(l->run, l->q, SOURCE_SESSION, out);
    buf_puts(out, " AS _session");
    if (rc == 0 && l->ask.has_resources) {
        buf_puts(out, ", ");
        rc = source_logical(s, l->q, SOURCE_RESOURCE, out, ret_err);
        buf_puts(out, " AS _resource");
    }
    if (rc == 0 && l->ask.service != SOURCE_NO_SERVICE) {
        buf_puts(out, ", ifNull(");
        rc = source_service_us(s, l->q, l->ask.service, out, ret_err);
        buf_puts(out, ", " PROCESS_UNKNOWN ") AS _service");
    }
    return rc;
}

int process_add_rows(struct process_log *l, const char *among, struct buf *out, struct err *ret_err)
{
    struct query_scope outer = query_scope_begin(l->q);
    struct buf all = {0}, where = {0}, from = {0};
    buf_reset(&l->who);
    buf_reset(&l->key);
    int rc = add_case(l->run, l->q, &l->who, &l->key, ret_err);
    if (rc == 0)
        rc = add_columns(l, &all, ret_err);
    source_time_between(l->run->source, l->q, l->zero_us, l->zero_us + (INT64_C(1) << l->time_bits),
                        &where);
    buf_printf(&where, " AND %s != %s", buf_text(&l->key), nobody(l));
    if (rc == 0)
        rc = add_period(l, &where, ret_err);
    if (rc == 0)
        rc = add_scope(l, &where, ret_err);
    if (among != NULL)
        buf_printf(&where, " AND %s GLOBAL IN (%s)", buf_text(&l->key), among);
    source_from(l->run->source, l->q, &from);
    buf_printf(out, "SELECT %s FROM %s WHERE %s", buf_text(&all), buf_text(&from),
               buf_text(&where));
    buf_done(&all);
    buf_done(&where);
    buf_done(&from);
    query_scope_end(l->q, outer);
    return rc;
}
