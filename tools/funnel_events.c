/* The rows of a funnel, gathered into one sorted array per actor, and split into one per run. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "funnel_internal.h"
#include "json.h"

void funnel_wrap(struct match *m, const char *fmt, ...)
{
    struct buf text = {0}, out = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    const char *whole = buf_text(&text), *at = strchr(whole, '@');
    if (at != NULL) {
        buf_add(&out, whole, (size_t)(at - whole));
        buf_puts(&out, buf_text(&m->sql));
        buf_puts(&out, at + 1);
    } else {
        buf_fail(&out);
    }
    buf_done(&text);
    buf_done(&m->sql);
    m->sql = out;
}

void funnel_by_length(struct match *m, const char *column)
{
    funnel_wrap(m, "SELECT * FROM (@) ORDER BY length(%s) LIMIT 1000000000000", column);
}

static void add_keep(struct match *m, const char *column)
{
    size_t used = strlen(m->keep);
    snprintf(m->keep + used, sizeof m->keep - used, "%s%s", used > 0 ? ", " : "", column);
}

/* --- the events ---------------------------------------------------------------------------- */

/* The columns _c1, _c2, …: one for each class of equal matchers; _x1, …: for each exclusion. */
static int match_classes(struct match *m, struct events *e, struct err *ret_err)
{
    unsigned seen = 0;
    int rc = 0;
    char name[16], path[32];
    for (int i = 0; rc == 0 && i < m->n; i++) {
        if (m->f->classes[i] <= seen)
            continue;
        snprintf(name, sizeof name, "_c%u", ++seen);
        snprintf(path, sizeof path, "steps[%d]", i);
        rc = events_match(e, name, json_array_get(m->f->steps, (size_t)i), path, ret_err);
    }
    for (size_t i = 0; rc == 0 && i < m->f->exclusion_count; i++) {
        snprintf(name, sizeof name, "_x%zu", i + 1);
        snprintf(path, sizeof path, "exclusions[%zu]", i);
        rc = events_match(e, name, m->f->exclusions[i].matcher, path, ret_err);
    }
    return rc;
}

static unsigned long class_steps(const struct match *m, unsigned class)
{
    unsigned long mask = 0;
    for (int i = 0; i < m->n; i++)
        if (m->f->classes[i] == class)
            mask |= 1UL << i;
    return mask;
}

/* _m: which class (packed) or which steps, as bits, an event belongs to; _x: which exclusions. */
static void add_membership(const struct match *m, struct events *e)
{
    struct buf out = {0}, any = {0};
    buf_puts(&out, m->is_packed ? "multiIf(" : "toUInt32(");
    for (unsigned c = 1; c <= m->f->class_count; c++) {
        if (m->is_packed)
            buf_printf(&out, "_c%u, %u, ", c, c);
        else
            buf_printf(&out, "%s_c%u * %lu", c > 1 ? " + " : "", c, class_steps(m, c));
        buf_printf(&any, "%s_c%u", c > 1 ? " OR " : "", c);
    }
    events_column(e, "_m", "%s%s", buf_text(&out), m->is_packed ? "0)" : ")");
    buf_reset(&out);
    for (size_t i = 1; i <= m->f->exclusion_count; i++) {
        buf_printf(&out, "%s_x%zu * %lu", i > 1 ? " + " : "", i, 1UL << (i - 1));
        buf_printf(&any, " OR _x%zu", i);
    }
    if (m->f->exclusion_count > 0)
        events_column(e, "_x", "toUInt32(%s)", buf_text(&out));
    if (m->f->order != FUNNEL_STRICT)
        events_where(e, "%s", buf_text(&any));
    buf_done(&out);
    buf_done(&any);
}

/* _k: the values of all_events, then those held constant. */
static int add_key(const struct match *m, struct events *e, struct err *ret_err)
{
    struct buf out = {0};
    int rc = 0;
    size_t count = json_array_size(m->f->hold);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        char name[16], path[32];
        snprintf(name, sizeof name, "_h%zu", i + 1);
        snprintf(path, sizeof path, "hold_constant[%zu]", i);
        rc = events_field(e, name, json_at_string(m->f->hold, i), path, ret_err);
        buf_printf(&out, "%s%s", i > 0 ? ", " : "", name);
    }
    bool has_values = m->has_values && m->f->attribution == FUNNEL_ALL_EVENTS;
    if (has_values && count > 0)
        events_column(e, "_k", "arrayConcat(_value, [%s])", buf_text(&out));
    else if (m->has_key)
        events_column(e, "_k", has_values ? "_value" : "[%s]", buf_text(&out));
    buf_done(&out);
    return rc;
}

/* Rows of the period that belong to the funnel, or all of them in strict funnels. */
static int build_events(struct match *m, struct err *ret_err)
{
    const struct period *p = &m->run->period;
    struct events e;
    int rc = events_begin(&e, m->run, m->q, p->from_us, p->to_us, ret_err);
    if (rc < 0)
        return rc;
    events_column(&e, "_t", "_us - %s", buf_text(&m->shift));
    rc = match_classes(m, &e, ret_err);
    if (rc == 0)
        rc = add_key(m, &e, ret_err);
    if (rc < 0) {
        events_drop(&e);
        return rc;
    }
    add_membership(m, &e);
    if (m->has_key && !m->is_split && json_array_size(m->f->hold) > 0)
        for (size_t i = 1; i <= json_array_size(m->f->hold); i++)
            events_where(&e, "_h%zu != ''", i);
    if (m->is_trend)
        events_interval(&e, "_entry", m->f->interval, m->f->sunday_weeks);
    events_end(&e, &m->sql);
    return 0;
}

/* --- one row per actor --------------------------------------------------------------------- */

/* Whether an event can serve `step` (1-based), as SQL over _m. */
static void add_serves(const struct match *m, size_t step, struct buf *out)
{
    if (m->is_packed)
        buf_printf(out, "_m = %u", m->f->classes[step - 1]);
    else
        buf_printf(out, "bitTest(_m, %zu)", step - 1);
}

/* The breakdown value, as far as it is known before the run is. */
static void add_value_column(const struct match *m, struct buf *out)
{
    const char *reached = "_m != 0 AND arrayExists(x -> x != '', _value)";
    switch (m->f->attribution) {
    case FUNNEL_FIRST_TOUCH:
        buf_printf(out, ", argMinIf(_value, (_t, _order), %s) AS v", reached);
        break;
    case FUNNEL_LAST_TOUCH:
        buf_printf(out, ", argMaxIf(_value, (_t, _order), %s) AS v", reached);
        break;
    case FUNNEL_ALL_EVENTS:
        if (!m->is_split)
            buf_printf(out, ", arraySlice(_k, 1, %zu) AS v", json_array_size(m->f->breakdown));
        break;
    case FUNNEL_STEP:
        /* What the attribution step may take its value from; the run decides. */
        if (m->by_value) {
            buf_puts(out, ", groupUniqArrayIf(_value, _m != 0) AS carried");
            break;
        }
        buf_printf(out, ", arraySort(groupArrayIf((_t, _order, _value%s), ",
                   m->is_split ? ", _k" : "");
        add_serves(m, m->f->attribution_step, out);
        buf_puts(out, ")) AS v");
        break;
    }
}

/* Tuples that tell exclusions and keys apart are (t, mask, exclusions, key, value). */
static bool is_rich(const struct match *m)
{
    return m->is_split || m->f->exclusion_count > 0;
}

static void add_events_column(const struct match *m, struct buf *out)
{
    if (m->is_packed) {
        buf_puts(out, ", arraySort(groupArray(bitShiftLeft(toUInt64(_t), 6) + _m)) AS p");
        return;
    }
    char tail[64] = "";
    if (is_rich(m))
        snprintf(tail, sizeof tail, ", %s, %s", m->f->exclusion_count > 0 ? "_x" : "toUInt32(0)",
                 m->is_split ? "_k" : "0");
    if (m->by_value) /* ties in the order of the events: they carry different values */
        buf_printf(out,
                   ", arrayMap(x -> x.3, arraySort(x -> (x.1, x.2), groupArray((_t, _order, "
                   "(_t, _m%s, _value))))) AS e",
                   tail);
    else
        buf_printf(out, ", arraySort(groupArray((_t, _m%s))) AS e", tail);
}

static void group_actors(struct match *m)
{
    struct buf out = {0};
    buf_puts(&out, "SELECT any(_who) AS who");
    if (m->has_values)
        add_value_column(m, &out);
    if (m->has_places)
        buf_printf(&out,
                   ", arraySort(groupArrayIf((_t, _order, (_event, _session)%s), _m != 0)) "
                   "AS places",
                   m->is_split ? ", _k" : "");
    if (m->is_trend) {
        buf_puts(&out, ", groupUniqArrayIf(_entry, ");
        if (m->f->order == FUNNEL_UNORDERED)
            buf_puts(&out, "_m != 0");
        else
            add_serves(m, 1, &out);
        buf_puts(&out, ") AS entries");
    }
    bool is_by_key = m->has_key && !m->is_split;
    if (is_by_key && json_array_size(m->f->hold) > 0)
        buf_puts(&out, ", _k AS held");
    add_events_column(m, &out);
    buf_printf(&out, " FROM (@) GROUP BY _key%s", is_by_key ? ", _k" : "");
    funnel_wrap(m, "%s", buf_text(&out));
    buf_done(&out);
}

/* --- one row per run ------------------------------------------------------------------------- */

/* A run per key: the events of the others no longer match, but still stand between and spoil. */
static void split_keys(struct match *m)
{
    bool has_values = m->has_values && m->f->attribution == FUNNEL_ALL_EVENTS;
    size_t values = has_values ? json_array_size(m->f->breakdown) : 0;
    funnel_wrap(m,
                "SELECT *, arrayJoin(arrayDistinct(arrayMap(x -> x.4, arrayFilter(x -> x.2 != 0 "
                "AND arrayAll(y -> y != '', arraySlice(x.4, %zu)), e)))) AS held FROM (@)",
                values + 1);
    struct buf more = {0};
    if (m->has_places)
        buf_puts(&more, ", arrayFilter(x -> x.4 = held, places) AS places");
    if (m->has_values && m->f->attribution == FUNNEL_STEP && !m->by_value)
        buf_puts(&more, ", arrayFilter(x -> x.4 = held, v) AS v");
    const char *value = m->by_value ? ", x.5" : "";
    if (m->f->order == FUNNEL_STRICT)
        funnel_wrap(m,
                    "SELECT * REPLACE(arrayMap(x -> (x.1, if(x.4 = held, x.2, 0), x.3, x.4%s), e) "
                    "AS e%s) FROM (@)",
                    value, buf_text(&more));
    else
        funnel_wrap(m,
                    "SELECT * REPLACE(arrayFilter(x -> x.2 != 0 OR x.3 != 0, arrayMap(x -> (x.1, "
                    "if(x.4 = held, x.2, 0), x.3, x.4%s), e)) AS e%s) FROM (@)",
                    value, buf_text(&more));
    if (has_values)
        funnel_wrap(m, "SELECT *, arraySlice(held, 1, %zu) AS v FROM (@)", values);
    buf_done(&more);
}

/* A run per interval that it may begin in: `lo` ≤ t < `hi`. */
static int split_intervals(struct match *m, struct err *ret_err)
{
    int64_t *starts = calloc(FUNNEL_MAX_INTERVALS + 1, sizeof *starts);
    size_t count = 0;
    if (starts == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    int rc = funnel_intervals(m->run, m->f, starts, &count, ret_err);
    struct buf from = {0}, to = {0};
    for (size_t i = 0; rc == 0 && i < count; i++) {
        buf_printf(&from, "%s%lld", i > 0 ? ", " : "", (long long)starts[i]);
        buf_printf(&to, "%s%lld", i > 0 ? ", " : "", (long long)starts[i + 1]);
    }
    if (rc == 0) {
        const char *shift = buf_text(&m->shift);
        funnel_wrap(m, "SELECT *, arrayJoin(entries) AS entry FROM (@)");
        funnel_wrap(m,
                    "SELECT *, entry - %s AS lo, transform(entry, [%s], [%s], toInt64(0)) - %s "
                    "AS hi FROM (@)",
                    shift, buf_text(&from), buf_text(&to), shift);
    }
    buf_done(&from);
    buf_done(&to);
    free(starts);
    return rc;
}

/* Elsewhere no run begins; what none from there can reach is left out. */
static void cut_interval(struct match *m)
{
    const char *window = buf_text(&m->window);
    if (m->f->order == FUNNEL_UNORDERED) {
        const char *at = m->is_packed ? "toInt64(bitShiftRight(x, 6))" : "x.1";
        char name = m->is_packed ? 'p' : 'e';
        funnel_wrap(m,
                    "SELECT * REPLACE(arrayFilter(x -> %s >= lo AND %s < hi + %s, %c) AS %c) "
                    "FROM (@)",
                    at, at, window, name, name);
        return;
    }
    if (m->is_packed) {
        const char *at = "toInt64(bitShiftRight(x, 6))";
        funnel_wrap(m,
                    "SELECT * REPLACE(arrayFilter(x -> %s >= lo AND %s < if(bitAnd(x, 63) = %u, "
                    "hi, hi + %s), p) AS p) FROM (@)",
                    at, at, m->f->classes[0], window);
        return;
    }
    funnel_wrap(
        m,
        "SELECT * REPLACE(arrayMap(x -> (x.1, if(x.1 < hi, x.2, bitAnd(x.2, "
        "toUInt32(4294967294)))%s), arrayFilter(x -> x.1 >= lo AND x.1 < hi + %s, e)) AS e) "
        "FROM (@)",
        is_rich(m) ? ", x.3, x.4" : "", window);
}

/* Between the first and the last event of a run that is not spoilt lies no exclusion: it lies in
 * one part. An exclusion comes before what shares its time. */
static void split_parts(struct match *m)
{
    funnel_wrap(m, "SELECT *, arrayDistinct(arrayMap(x -> x.1, arrayFilter(x -> x.3 != 0, e))) "
                   "AS cuts FROM (@)");
    funnel_wrap(m, "SELECT *, arrayJoin(arrayConcat(arrayFilter(x -> notEmpty(cuts), "
                   "[(toUInt8(1), e)]), arrayMap(x -> (toUInt8(0), x), arraySplit((x, y) -> "
                   "x.1 != y.1 AND has(cuts, x.1), e, arrayPopBack(arrayPushFront(e, e[1])))))) "
                   "AS part FROM (@)");
    funnel_wrap(m, "SELECT * REPLACE(arrayFilter(x -> x.2 != 0, part.2) AS e), part.1 AS whole "
                   "FROM (@)");
}

/* Where an event has one class after all, numbers are what the matcher is fast with. */
static void pack(struct match *m)
{
    struct buf masks = {0}, classes = {0};
    for (unsigned c = 1; c <= m->f->class_count; c++) {
        buf_printf(&masks, "%s%lu", c > 1 ? ", " : "", class_steps(m, c));
        buf_printf(&classes, "%s%u", c > 1 ? ", " : "", c);
    }
    funnel_wrap(m,
                "SELECT %s, arrayMap(x -> bitShiftLeft(toUInt64(x.1), 6) + transform(x.2, [%s], "
                "[%s], 0), e) AS p FROM (@)",
                m->keep, buf_text(&masks), buf_text(&classes));
    buf_done(&masks);
    buf_done(&classes);
    m->is_packed = true;
}

/* What the matcher reads. */
static void project(struct match *m)
{
    if (m->is_packed) {
        funnel_wrap(m, "SELECT %s, p FROM (@)", m->keep);
        return;
    }
    if (m->is_single && !m->is_hard && !m->by_value) {
        pack(m);
        return;
    }
    const char *tuple = "(x.1, x.2)";
    if (m->is_hard)
        tuple = m->f->exclusion_count > 0 ? "(x.1, x.2, x.3)" : "(x.1, x.2, toUInt32(0))";
    else if (m->by_value)
        tuple = is_rich(m) ? "(x.1, x.2, x.5)" : "(x.1, x.2, x.3)";
    funnel_wrap(m, "SELECT %s, arrayMap(x -> %s, e) AS e FROM (@)", m->keep, tuple);
}

static void list_columns(struct match *m)
{
    add_keep(m, "who");
    if (m->has_values)
        add_keep(m, m->by_value ? "carried" : "v");
    if (m->has_places)
        add_keep(m, "places");
    if (json_array_size(m->f->hold) > 0)
        add_keep(m, "held");
    if (m->is_trend)
        add_keep(m, "entry");
    if (m->is_trend && m->f->order == FUNNEL_UNORDERED)
        add_keep(m, "hi");
    if (m->is_tagged)
        add_keep(m, "whole");
}

int funnel_events(struct match *m, struct err *ret_err)
{
    int rc = build_events(m, ret_err);
    if (rc < 0)
        return rc;
    list_columns(m);
    group_actors(m);
    if (m->is_split)
        split_keys(m);
    if (m->is_trend) {
        rc = split_intervals(m, ret_err);
        cut_interval(m);
    }
    if (m->is_tagged)
        split_parts(m);
    if (is_rich(m) || m->is_trend || m->is_hard)
        project(m);
    return rc;
}
