#include "segment.h"

#include <stdio.h>

#include "json.h"

/* The subquery while it is built. */
struct members {
    const struct run *run;
    struct query *q;
    struct buf flags;  /* columns _c0, _c1, …: which deeds a row is one of */
    struct buf rows;   /* WHERE: rows that matter */
    struct buf having; /* of one actor */
    const char *until; /* " AND …" of each flag: the rows that may count */
    size_t count;
    bool has_all; /* an actor may belong to it without any such row */
};

static void add_flag(struct members *m, const char *condition)
{
    buf_printf(&m->flags, ", %s%s AS _c%zu", condition, m->until, m->count);
    buf_printf(&m->rows, "%s%s", m->count > 0 ? " OR " : "", condition);
    m->count++;
}

/* One of did or did_not. */
static int add_deed(struct members *m, const json_t *deed, bool is_wanted, struct err *ret_err)
{
    struct buf condition = {0};
    const json_t *days = json_object_get(deed, "within_days");
    buf_putc(&condition, '(');
    int rc = source_matcher(m->run->source, m->q, deed, &condition, ret_err);
    if (rc == 0 && days != NULL) {
        int64_t to_us = m->run->period.to_us;
        int64_t length_us = (int64_t)(json_number_value(days) * 86400e6);
        buf_puts(&condition, " AND ");
        source_time_between(m->run->source, m->q, to_us - length_us, to_us, &condition);
    }
    buf_putc(&condition, ')');
    if (rc == 0) {
        buf_printf(&m->having, "%scountIf(_c%zu) %s ", m->count > 0 ? " AND " : "", m->count,
                   is_wanted ? ">=" : "<");
        query_bind_integer(m->q, &m->having, json_get_integer(deed, "min_times", 1));
        add_flag(m, buf_text(&condition));
        m->has_all = m->has_all && !is_wanted;
    }
    buf_done(&condition);
    return rc;
}

static int add_deeds(struct members *m, const json_t *segment, const char *member, bool is_wanted,
                     struct err *ret_err)
{
    const json_t *deeds = json_object_get(segment, member);
    for (size_t i = 0; i < json_array_size(deeds); i++) {
        int rc = add_deed(m, json_array_get(deeds, i), is_wanted, ret_err);
        if (rc < 0) {
            char at[32];
            snprintf(at, sizeof at, "%s[%zu]", member, i);
            err_prefix(ret_err, at);
            return rc;
        }
    }
    return 0;
}

static int add_filters(struct members *m, const json_t *filters, struct err *ret_err)
{
    if (json_array_size(filters) == 0)
        return 0;
    struct buf condition = {0};
    buf_putc(&condition, '(');
    int rc = source_filters(m->run->source, m->q, filters, &condition, ret_err);
    buf_putc(&condition, ')');
    if (rc < 0) {
        err_prefix(ret_err, "filters");
    } else {
        buf_printf(&m->having, "%scountIf(_c%zu) > 0", m->count > 0 ? " AND " : "", m->count);
        add_flag(m, buf_text(&condition));
        m->has_all = false;
    }
    buf_done(&condition);
    return rc;
}

static int gather(struct members *m, const json_t *segment, struct err *ret_err)
{
    int rc = add_deeds(m, segment, "did", true, ret_err);
    if (rc == 0)
        rc = add_deeds(m, segment, "did_not", false, ret_err);
    if (rc == 0)
        rc = add_filters(m, json_object_get(segment, "filters"), ret_err);
    if (rc == 0 && m->count == 0)
        rc = err_set(ret_err, ERR_ARGUMENT, NULL, "a segment needs did, did_not or filters");
    return rc;
}

int segment_condition(const struct run *run, struct query *q, const json_t *segment,
                      const char *counted, const char *actor, struct buf *out, struct err *ret_err)
{
    struct query_scope outer = query_scope_begin(q);
    struct buf who = {0}, from = {0}, between = {0};
    struct members m = {.run = run, .q = q, .until = "", .has_all = true};
    int rc = source_actor(run->source, q, counted, json_get_string(run->arguments, "case", NULL),
                          &who, ret_err);
    if (rc == 0)
        rc = gather(&m, segment, ret_err);
    if (rc == 0) {
        source_time_between(run->source, q, INT64_MIN, run->period.to_us, &between);
        source_from(run->source, q, &from);
        /* GLOBAL: of a Distributed table the members are asked for once, not on every shard. */
        buf_printf(out,
                   "%s GLOBAL IN (SELECT _member FROM (SELECT CAST(%s, 'String') AS _member%s "
                   "FROM %s WHERE %s AND (%s)) GROUP BY _member HAVING %s)",
                   actor, buf_text(&who), buf_text(&m.flags), buf_text(&from), buf_text(&between),
                   m.has_all ? "1" : buf_text(&m.rows), buf_text(&m.having));
    }
    struct buf *all[] = {&who, &from, &between, &m.flags, &m.rows, &m.having};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
    query_scope_end(q, outer);
    return rc;
}

int segment_columns(const struct run *run, struct query *q, const json_t *segment,
                    struct buf *columns, struct buf *having, struct err *ret_err)
{
    struct buf until = {0};
    buf_puts(&until, " AND ");
    source_time_between(run->source, q, INT64_MIN, run->period.to_us, &until);
    struct members m = {.run = run, .q = q, .until = buf_text(&until), .has_all = true};
    int rc = gather(&m, segment, ret_err);
    if (rc == 0) {
        buf_puts(columns, buf_text(&m.flags));
        buf_puts(having, buf_text(&m.having));
    }
    struct buf *all[] = {&until, &m.flags, &m.rows, &m.having};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
    return rc;
}

const char *scope_counted(const struct run *run)
{
    bool is_by_session = (run->subject->flags & TOOL_BY_SESSION) != 0 &&
                         run->source->fields[SOURCE_SESSION].count > 0;
    return json_get_string(run->arguments, "actor", is_by_session ? "session" : "user");
}

bool scope_has_number(const struct run *run)
{
    return source_actor_number(run->source, scope_counted(run),
                               json_get_string(run->arguments, "case", NULL), NULL);
}

int scope_condition(const struct run *run, struct query *q, const char *counted, const char *actor,
                    struct buf *out, struct err *ret_err)
{
    const json_t *segment = json_object_get(run->arguments, "segment");
    int rc =
        source_filters(run->source, q, json_object_get(run->arguments, "filters"), out, ret_err);
    if (rc < 0) {
        err_prefix(ret_err, "filters");
        return rc;
    }
    if (segment == NULL)
        return 0;
    buf_puts(out, " AND ");
    rc = segment_condition(run, q, segment, counted, actor, out, ret_err);
    if (rc < 0)
        err_prefix(ret_err, "segment");
    return rc;
}
