/* The rows of a funnel, gathered into one sorted array per actor. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "funnel_internal.h"
#include "json.h"

void funnel_wrap(struct match *m, const char *fmt, ...)
{
    struct buf text = {0}, out = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    const char *at = strchr(buf_text(&text), '@');
    if (at != NULL) {
        buf_add(&out, text.data, (size_t)(at - text.data));
        buf_add(&out, m->sql.data, m->sql.len);
        buf_puts(&out, at + 1);
    }
    out.failed |= at == NULL || text.failed || m->sql.failed;
    buf_done(&text);
    buf_done(&m->sql);
    m->sql = out;
}

/* --- the events ---------------------------------------------------------------------------- */

static int build_conditions(struct match *m, struct err *ret_err)
{
    for (int i = 0; i < m->n; i++) {
        int rc = source_matcher(m->run->source, m->q, json_array_get(m->f->steps, (size_t)i),
                                &m->conditions[i], ret_err);
        if (rc < 0) {
            char at[32];
            snprintf(at, sizeof at, "steps[%d]", i);
            err_prefix(ret_err, at);
            return rc;
        }
    }
    return 0;
}

/* Which class (packed) or which steps, as bits, an event belongs to. */
static void add_membership(const struct match *m, struct buf *out)
{
    if (!m->is_packed) {
        buf_puts(out, "toUInt32(");
        for (int i = 0; i < m->n; i++)
            buf_printf(out, "%s%s * %llu", i > 0 ? " + " : "", buf_text(&m->conditions[i]),
                       1ULL << i);
        buf_puts(out, ") AS _m");
        return;
    }
    unsigned seen = 0;
    buf_puts(out, "multiIf(");
    for (int i = 0; i < m->n; i++)
        if (m->f->classes[i] > seen) {
            seen = m->f->classes[i];
            buf_printf(out, "%s, %u, ", buf_text(&m->conditions[i]), seen);
        }
    buf_puts(out, "0) AS _m");
}

static int add_values(struct match *m, struct buf *out, struct err *ret_err)
{
    buf_puts(out, ", [");
    size_t count = json_array_size(m->f->breakdown);
    for (size_t i = 0; i < count; i++) {
        buf_puts(out, i > 0 ? ", CAST(" : "CAST(");
        const char *field = json_string_value(json_array_get(m->f->breakdown, i));
        int rc = source_text(m->run->source, m->q, field, out, ret_err);
        if (rc < 0) {
            if (ret_err->field[0] == '\0')
                snprintf(ret_err->field, sizeof ret_err->field, "breakdown[%zu]", i);
            return rc;
        }
        buf_puts(out, ", 'String')");
    }
    buf_puts(out, "] AS _value");
    return 0;
}

static void add_optional(const struct source *s, struct query *q, enum source_field field,
                         struct buf *out)
{
    if (s->fields[field].count == 0) {
        buf_puts(out, "''");
        return;
    }
    buf_puts(out, "CAST(");
    source_logical(s, q, field, out, NULL);
    buf_puts(out, ", 'String')");
}

/* Rows of the period that belong to the funnel, or all of them in strict funnels. */
static int build_events(struct match *m, struct err *ret_err)
{
    const struct source *s = m->run->source;
    const struct period *p = &m->run->period;
    const json_t *arguments = m->run->arguments;
    struct buf out = {0}, from = {0};
    buf_puts(&out, "SELECT CAST(");
    int rc =
        source_actor(s, m->q, json_get_string(arguments, "actor", "user"), NULL, &out, ret_err);
    buf_puts(&out, ", 'String') AS _who, ");
    source_time_us(s, &out);
    buf_printf(&out, " - %s AS _t, ", buf_text(&m->shift));
    if (rc == 0)
        rc = build_conditions(m, ret_err);
    add_membership(m, &out);
    if (rc == 0 && m->has_values)
        rc = add_values(m, &out, ret_err);
    if (m->has_values || m->has_places) {
        buf_puts(&out, ", ");
        if (s->order != NULL)
            sql_identifier(&out, s->order);
        else
            buf_putc(&out, '0');
        buf_puts(&out, " AS _o");
    }
    if (m->has_places) {
        buf_puts(&out, ", (");
        add_optional(s, m->q, SOURCE_EVENT, &out);
        buf_puts(&out, ", ");
        add_optional(s, m->q, SOURCE_SESSION, &out);
        buf_puts(&out, ") AS _place");
    }
    struct buf where = {0};
    source_time_between(s, m->q, p->from_us, p->to_us, &where);
    buf_puts(&where, " AND ");
    if (rc == 0) {
        rc = source_filters(s, m->q, json_object_get(arguments, "filters"), &where, ret_err);
        if (rc < 0)
            err_prefix(ret_err, "filters");
    }
    for (int i = 0; i < m->n && m->f->order != FUNNEL_STRICT; i++)
        buf_printf(&where, "%s%s%s", i == 0 ? " AND (" : " OR ", buf_text(&m->conditions[i]),
                   i == m->n - 1 ? ")" : "");
    source_from(s, m->q, &from);
    buf_printf(&out, " FROM %s WHERE %s", buf_text(&from), buf_text(&where));
    m->sql = out;
    m->sql.failed |= from.failed || where.failed;
    buf_done(&from);
    buf_done(&where);
    return rc;
}

/* --- one row per actor --------------------------------------------------------------------- */

/* The breakdown value, as far as it is known before the run is. */
static void add_value_column(const struct match *m, struct buf *out)
{
    const char *reached = "_m != 0 AND arrayExists(x -> x != '', _value)";
    switch (m->f->attribution) {
    case FUNNEL_FIRST_TOUCH:
        buf_printf(out, ", argMinIf(_value, (_t, _o), %s) AS v", reached);
        break;
    case FUNNEL_LAST_TOUCH:
        buf_printf(out, ", argMaxIf(_value, (_t, _o), %s) AS v", reached);
        break;
    case FUNNEL_ALL_EVENTS:
        if (m->f->order != FUNNEL_STRICT)
            buf_puts(out, ", _value AS v");
        break;
    case FUNNEL_STEP:
        /* What the attribution step may take its value from; the run decides. */
        if (m->f->order == FUNNEL_UNORDERED)
            break;
        if (m->is_packed)
            buf_printf(out, ", arraySort(groupArrayIf((_t, _o, _value), _m = %u)) AS v",
                       m->f->classes[m->f->attribution_step - 1]);
        else
            buf_printf(out, ", arraySort(groupArrayIf((_t, _o, _value), bitTest(_m, %zu))) AS v",
                       m->f->attribution_step - 1);
        break;
    }
}

/* A run per value: the events of the others no longer match, but still stand between. */
static void split_values(struct match *m)
{
    funnel_wrap(m,
                "SELECT %s, e, arrayJoin(arrayDistinct(arrayMap(x -> x.3, "
                "arrayFilter(x -> x.2 != 0, e)))) AS v FROM (@)",
                m->has_places ? "who, places" : "who");
    funnel_wrap(m, "SELECT %s, arrayMap(x -> (x.1, if(x.3 = v, x.2, 0)), e) AS e FROM (@)",
                m->keep);
}

static void group_actors(struct match *m)
{
    bool is_unordered_step =
        m->has_values && m->f->attribution == FUNNEL_STEP && m->f->order == FUNNEL_UNORDERED;
    bool is_split =
        m->has_values && m->f->attribution == FUNNEL_ALL_EVENTS && m->f->order == FUNNEL_STRICT;
    struct buf out = {0};
    buf_puts(&out, "SELECT _who AS who");
    if (m->has_values)
        add_value_column(m, &out);
    if (m->has_places)
        buf_puts(&out, ", arraySort(groupArrayIf((_t, _o, _place), _m != 0)) AS places");
    if (m->is_packed)
        buf_puts(&out, ", arraySort(groupArray(bitShiftLeft(toUInt64(_t), 6) + _m)) AS p");
    else if (is_unordered_step)
        buf_puts(&out, ", arrayMap(x -> (x.1, x.3, x.4), arraySort(x -> (x.1, x.2), "
                       "groupArray((_t, _o, _m, _value)))) AS e");
    else
        buf_printf(&out, ", arraySort(groupArray((_t, _m%s))) AS e", is_split ? ", _value" : "");
    bool is_by_value = m->has_values && m->f->attribution == FUNNEL_ALL_EVENTS && !is_split;
    buf_printf(&out, " FROM (@) WHERE _who != '' GROUP BY _who%s", is_by_value ? ", _value" : "");
    funnel_wrap(m, "%s", buf_text(&out));
    m->sql.failed |= out.failed;
    buf_done(&out);
    if (is_split)
        split_values(m);
}

int funnel_events(struct match *m, struct err *ret_err)
{
    int rc = build_events(m, ret_err);
    if (rc == 0)
        group_actors(m);
    return rc;
}
