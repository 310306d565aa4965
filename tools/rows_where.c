#include "rows_where.h"

#include "segment.h"
#include "sql_text.h"

void rows_logical(const struct run *run, struct query *q, enum source_field field, struct buf *out)
{
    buf_puts(out, "CAST(");
    if (run->source->fields[field].count == 0)
        buf_puts(out, "''");
    else
        source_logical(run->source, q, field, out, NULL);
    buf_puts(out, ", 'String')");
}

int rows_where(const struct run *run, struct query *q, int64_t from_us, int64_t to_us,
               const json_t *matcher, struct buf *out, struct err *ret_err)
{
    struct buf actor = {0};
    rows_logical(run, q, SOURCE_ACTOR, &actor);
    if (from_us == INT64_MIN && to_us == INT64_MAX)
        buf_putc(out, '1');
    else
        source_time_between(run->source, q, from_us, to_us, out);
    buf_puts(out, " AND ");
    int rc = scope_condition(run, q, scope_counted(run), buf_text(&actor), out, ret_err);
    if (rc == 0 && matcher != NULL) {
        buf_puts(out, " AND ");
        rc = source_matcher(run->source, q, matcher, out, ret_err);
        if (rc < 0)
            err_prefix(ret_err, "event");
    }
    buf_done(&actor);
    return rc;
}

int rows_plan_values(struct run *run, const char *field, const char *prefix, const json_t *matcher,
                     int64_t limit, int64_t offset, struct err *ret_err)
{
    const struct source *s = run->source;
    struct query q;
    struct buf value = {0}, actor = {0}, where = {0}, from = {0};
    query_init(&q);
    query_set_text(&q, "prefix", prefix);
    query_set_integer(&q, "limit", limit);
    query_set_integer(&q, "offset", offset);
    int rc = source_text(s, &q, field, &value, ret_err);
    if (rc < 0 && ret_err->field[0] == '\0')
        err_prefix(ret_err, "field");
    rows_logical(run, &q, SOURCE_ACTOR, &actor);
    if (rc == 0)
        rc = rows_where(run, &q, run->period.from_us, run->period.to_us, matcher, &where, ret_err);
    source_from(s, &q, &from);
    if (rc == 0)
        rc = run_query(run, &q, &sql_property_values,
                       (const struct query_fragment[]){{"distinct_if", source_distinct_if(s)},
                                                       {"value", buf_text(&value)},
                                                       {"actor", buf_text(&actor)},
                                                       {"where", buf_text(&where)},
                                                       {"from", buf_text(&from)},
                                                       {0}},
                       (size_t)limit, ret_err);
    query_done(&q);
    struct buf *all[] = {&value, &actor, &where, &from};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
    return rc < 0 ? rc : 0;
}
