/* Actors with numbers, by value. A set of them for each value and interval costs its making, and
 * the total of a value the merging of all its sets. Here each value has one array of integers,
 * actor | interval: sorted and without what repeats, it holds an actor of an interval once, the
 * actors are the places where the upper bits change, and how often each of the lower bits stands
 * there are the points. Nobody is actor 0: the array's first element has none before it, which
 * reads as 0, so that nobody is no change. */
#include <stdio.h>

#include "segment.h"
#include "sql_text.h"
#include "trend.h"

/* Their starts stand in the statement, those of two periods. */
enum { MAX_INTERVALS = 4000 };
/* What a row takes while its array is made, sorted and counted: 25 to 30 bytes were measured. */
enum { ROW_BYTES = 32 };

/* Whether a series counts each actor or session once. */
static bool is_of_sets(const struct run *run, enum math_name math)
{
    return !maths[math].is_per_actor && ((maths[math].argument == 'a' && scope_has_number(run)) ||
                                         (maths[math].argument == 's' &&
                                          source_actor_number(run->source, "session", NULL, NULL)));
}

/* Sets grow with those who are counted, arrays with the rows: few actors may have a billion. */
static bool fits(const struct run *run, const struct trend *t)
{
    uint64_t most = db_limits_default.memory_bytes / ROW_BYTES / t->series_count;
    return (uint64_t)run->source->rows <= most;
}

bool trend_is_packed(const struct run *run, const struct trend *t)
{
    bool is_packed = t->field_count > 0 && t->width <= MAX_INTERVALS && fits(run, t);
    for (size_t i = 0; i < t->series_count && is_packed; i++)
        is_packed = is_of_sets(run, t->series[i].math);
    return is_packed;
}

/* --- the statement --------------------------------------------------------------------------- */

/* The lower part: the interval from 1 on, those of the period before behind those of the period; 0
 * = in neither. */
struct layout {
    int bits;
    unsigned long long mask;
    size_t periods;
    bool has_more; /* rows of the period before, or ahead of both */
};

static struct layout layout_of(const struct trend *t)
{
    struct layout l = {.periods = t->has_previous ? 2 : 1, .has_more = t->has_previous};
    for (size_t i = 0; i < t->series_count; i++)
        l.has_more = l.has_more || maths[t->series[i].math].window_days > 0;
    l.bits = 64 - __builtin_clzll(t->width * l.periods);
    l.mask = (1ULL << l.bits) - 1;
    return l;
}

static void add_index_in(const struct trend *t, enum trend_period period, struct query *q,
                         struct buf *out)
{
    const struct trend_calendar *c = &t->calendar[period];
    size_t first = 1 + (period == TREND_PREVIOUS ? t->width : 0);
    int64_t step_us = trend_step_us(t);
    if (step_us > 0) {
        buf_puts(out, "toUInt32(intDiv(_at - ");
        query_bind_integer(q, out, c->start_us[0]);
        buf_printf(out, ", %lld) + %zu)", (long long)step_us, first);
        return;
    }
    buf_puts(out, "transform(_at, CAST([");
    for (size_t i = 0; i < c->count; i++)
        buf_printf(out, "%s%lld", i > 0 ? ", " : "", (long long)c->start_us[i]);
    buf_printf(out, "], 'Array(Int64)'), CAST(range(%zu, %zu), 'Array(UInt32)'), toUInt32(0))",
               first, first + c->count);
}

static void add_index(const struct trend *t, const struct layout *l, struct query *q,
                      struct buf *out)
{
    if (!l->has_more) {
        add_index_in(t, TREND_CURRENT, q, out);
        return;
    }
    buf_puts(out, "multiIf(_before = 0, ");
    add_index_in(t, TREND_CURRENT, q, out);
    if (t->has_previous) {
        buf_puts(out, ", _before = 1, ");
        add_index_in(t, TREND_PREVIOUS, q, out);
    }
    buf_puts(out, ", toUInt32(0))");
}

struct packed {
    struct buf rows, index, values, keys, packed, sets, totals, figures;
};

static void packed_done(struct packed *p)
{
    struct buf *all[] = {&p->rows,   &p->index, &p->values, &p->keys,
                         &p->packed, &p->sets,  &p->totals, &p->figures};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
}

/* The array of a series: _p<n>. */
static void add_array(const struct trend *t, const struct layout *l, size_t series,
                      struct packed *p)
{
    bool is_single = t->series_count == 1;
    buf_printf(&p->packed, ", groupArray%s(bitShiftLeft(toUInt64(%s), %d) + _i",
               is_single ? "" : "If",
               maths[t->series[series].math].argument == 'a' ? "_key" : "_visit", l->bits);
    if (!is_single)
        buf_printf(&p->packed, ", _m%zu", series);
    buf_printf(&p->packed, ") AS _p%zu", series);
}

/* Figure n, of a series in a period: its set _s<n>, how many it is of t<n>, its events _n<n>. */
static void add_figure(const struct trend *t, const struct layout *l, enum trend_period period,
                       size_t series, struct packed *p)
{
    size_t n = (size_t)period * t->series_count + series;
    size_t first = 1 + (size_t)period * t->width, end = first + t->width;
    if (t->series_count == 1 && !l->has_more)
        buf_puts(&p->packed, ", count() AS _n0");
    else
        buf_printf(&p->packed, ", countIf(_m%zu AND _before = %d) AS _n%zu", series, (int)period,
                   n);
    buf_puts(&p->sets, ", ");
    if (l->has_more)
        buf_printf(&p->sets, "arrayFilter(x -> bitAnd(x, %llu) BETWEEN %zu AND %zu, ", l->mask,
                   first, end - 1);
    buf_printf(&p->sets, "arrayCompact(arraySort(_p%zu))%s AS _s%zu, _n%zu", series,
               l->has_more ? ")" : "", n, n);
    buf_printf(&p->totals,
               ", _s%zu, arrayCount((x, y) -> bitXor(x, y) > %llu, _s%zu, "
               "arrayShiftRight(_s%zu, 1)) AS t%zu, _n%zu",
               n, l->mask, n, n, n, n);
    buf_printf(&p->figures,
               ", toInt64(t%zu), CAST(arrayReduce('countResample(%zu, %zu, 1)', arrayMap(x -> "
               "bitAnd(x, %llu) * (x > %llu), _s%zu)), 'Array(Int64)'), toInt64(_n%zu)",
               n, first, end, l->mask, l->mask, n, n);
}

static void add_figures(const struct trend *t, const struct layout *l, struct packed *p)
{
    for (size_t i = 0; i < t->series_count; i++)
        add_array(t, l, i, p);
    for (size_t period = 0; period < l->periods; period++)
        for (size_t i = 0; i < t->series_count; i++)
            add_figure(t, l, (enum trend_period)period, i, p);
    trend_add_keys(t, &p->keys);
}

int trend_plan_packed(struct run *run, const struct trend *t, struct err *ret_err)
{
    const struct layout layout = layout_of(t);
    struct query q;
    struct packed p = {0};
    query_init(&q);
    query_set_integer(&q, "kept", t->breakdown_limit);
    int rc = trend_scan_rows(run, t, &q, SIZE_MAX, &p.rows, ret_err);
    if (rc == 0) {
        add_index(t, &layout, &q, &p.index);
        trend_add_value(t, &p.values);
        add_figures(t, &layout, &p);
        rc = run_query(run, &q, &sql_run_trend_packed,
                       (const struct query_fragment[]){{"rows", buf_text(&p.rows)},
                                                       {"index", buf_text(&p.index)},
                                                       {"values", buf_text(&p.values)},
                                                       {"packed", buf_text(&p.packed)},
                                                       {"keys", buf_text(&p.keys)},
                                                       {"sets", buf_text(&p.sets)},
                                                       {"totals", buf_text(&p.totals)},
                                                       {"figures", buf_text(&p.figures)},
                                                       {0}},
                       TREND_MAX_ROWS, ret_err);
    }
    packed_done(&p);
    query_done(&q);
    return rc;
}

int trend_plan_rest(struct run *run, const struct trend *t, struct err *ret_err)
{
    struct trend rest = *t;
    rest.rest_of = t;
    rest.field_count = 0;
    rest.is_packed = false;
    rest.has_bitmaps = trend_is_of_bitmaps(run, &rest);
    return trend_plan_scan(run, &rest, SIZE_MAX, ret_err);
}
