#include "rows_where.h"

#include "segment.h"

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
