/* Sets of actors or sessions, by value. One for each value and interval costs its making, and the
 * total of a value the merging of all its sets. Here each value has one array of integers, actor |
 * interval: sorted and without what repeats, it holds an actor of an interval once, the actors are
 * the places where the upper bits change, and how often each of the lower bits stands there are the
 * points. Nobody would be actor 0 and is left out: the array's first element has none before it,
 * which reads as 0.
 *
 * Actors who are texts are numbered inside the array, by 64 bits of a hash. Two of a value's n
 * actors are taken for one with probability n^2 / 2^65: 3e-8 for a million. uniqExact tells texts
 * apart by a hash too. To read texts is most of the work: the values that are not shown become one
 * array in the same statement. Numbers are read so fast that a second one is cheaper, of sets. */
#include <stdio.h>
#include <string.h>

#include "segment.h"
#include "sql_text.h"
#include "trend.h"

/* Their starts stand in the statement, those of two periods. */
enum { MAX_INTERVALS = 4000 };
/* What a row takes while its array is made, sorted and counted: 25 to 30 bytes were measured of
 * numbers, of texts 53 to 76: most where none is there twice and few values are shown. Tables and
 * arrays double, so just above a power of two it is a fifth more. */
enum { NUMBER_BYTES = 32, TEXT_BYTES = 100 };
/* Items that the engine reads back of an array that was spilled: 0xFFFFFF. */
enum { ARRAY_MAX = (1 << 24) - 1 };
enum { BUCKETS = 16 };

/* Whether a series counts each actor or session once. */
static bool is_of_sets(enum math_name math)
{
    return !maths[math].is_per_actor &&
           (maths[math].argument == 'a' || maths[math].argument == 's');
}

/* The column of whom a series counts. */
static const char *column_of(enum math_name math)
{
    return maths[math].argument == 'a' ? "_key" : "_visit";
}

static bool is_of_numbers(const struct run *run, enum math_name math)
{
    return maths[math].argument == 'a' ? scope_has_number(run)
                                       : source_actor_number(run->source, "session", NULL, NULL);
}

bool trend_is_of_texts(const struct run *run, const struct trend *t)
{
    bool is_of_texts = false;
    for (size_t i = 0; i < t->series_count; i++)
        is_of_texts = is_of_texts || !is_of_numbers(run, t->series[i].math);
    return is_of_texts;
}

/* The arrays of a value are cut into buckets by a hash of whom they count: threads share them, and
 * each is shorter than the engine allows. Numbers that all fit into one array are counted faster
 * that way. Series that count others need other buckets. */
static bool has_buckets(const struct run *run, const struct trend *t)
{
    if (!trend_is_of_texts(run, t) && run->source->rows <= ARRAY_MAX)
        return false;
    const char *column = column_of(t->series[0].math);
    for (size_t i = 1; i < t->series_count; i++)
        if (strcmp(column_of(t->series[i].math), column) != 0)
            return false;
    return true;
}

/* Sets grow with those who are counted, arrays with the rows: few actors may have a billion. Where
 * nobody knows how many rows there are, sets it is. */
static bool fits(const struct run *run, const struct trend *t)
{
    bool is_of_texts = trend_is_of_texts(run, t);
    size_t bytes = is_of_texts ? TEXT_BYTES : NUMBER_BYTES;
    uint64_t most = db_limits_default.memory_bytes / bytes / t->series_count;
    if (!has_buckets(run, t) && most > ARRAY_MAX)
        most = ARRAY_MAX;
    return run->source->rows > 0 && (uint64_t)run->source->rows <= most;
}

bool trend_is_packed(const struct run *run, const struct trend *t)
{
    bool is_packed = t->field_count > 0 && t->width <= MAX_INTERVALS && fits(run, t);
    for (size_t i = 0; i < t->series_count && is_packed; i++)
        is_packed = is_of_sets(t->series[i].math);
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
        buf_puts(out, "toUInt16(intDiv(_at - ");
        query_bind_integer(q, out, c->start_us[0]);
        buf_printf(out, ", %lld) + %zu)", (long long)step_us, first);
        return;
    }
    buf_puts(out, "transform(_at, CAST([");
    for (size_t i = 0; i < c->count; i++)
        buf_printf(out, "%s%lld", i > 0 ? ", " : "", (long long)c->start_us[i]);
    buf_printf(out, "], 'Array(Int64)'), CAST(range(%zu, %zu), 'Array(UInt16)'), toUInt16(0))",
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
    buf_puts(out, ", toUInt16(0))");
}

struct packed {
    const struct trend *t;
    struct layout layout;
    struct buf rows, index, values, keys, bucket, gathered, weight, arrays, from;
    struct buf sets, totals, figures, sums;
};

static void packed_done(struct packed *p)
{
    struct buf *all[] = {&p->rows,     &p->index,   &p->values, &p->keys, &p->bucket,
                         &p->gathered, &p->weight,  &p->arrays, &p->from, &p->sets,
                         &p->totals,   &p->figures, &p->sums};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
}

/* groupArray(…) of the rows of a series that name somebody: most rows may be nobody's. */
static void add_group(const struct trend *t, size_t series, bool is_number, const char *argument,
                      struct buf *out)
{
    buf_printf(out, ", groupArrayIf(%s, %s != %s", argument, column_of(t->series[series].math),
               is_number ? "0" : "''");
    if (t->series_count > 1)
        buf_printf(out, " AND _m%zu", series);
    buf_puts(out, ")");
}

/* The array of a series of numbers: _p<n>. */
static void add_packed(struct packed *p, size_t series)
{
    char number[64];
    snprintf(number, sizeof number, "bitShiftLeft(toUInt64(%s), %d) + _i",
             column_of(p->t->series[series].math), p->layout.bits);
    add_group(p->t, series, true, number, &p->arrays);
    buf_printf(&p->arrays, " AS _p%zu", series);
}

/* The same in two steps: _w<n> whom the rows of a value count, _i<n> when; then, of one value or
 * of several together, who of them it is. */
static void add_merged(struct packed *p, size_t series, bool is_number)
{
    const char *column = column_of(p->t->series[series].math);
    char who[32];
    snprintf(who, sizeof who, is_number ? "%s" : "cityHash64(%s)", column);
    add_group(p->t, series, is_number, who, &p->gathered);
    buf_printf(&p->gathered, " AS _w%zu", series);
    add_group(p->t, series, is_number, "_i", &p->gathered);
    buf_printf(&p->gathered, " AS _i%zu", series);
    if (series == 0)
        buf_printf(&p->weight, "arrayUniq(arrayFilter((w, i) -> i BETWEEN 1 AND %zu, _w0, _i0))",
                   p->t->width);
    buf_printf(&p->arrays,
               ", arrayMap((a, i) -> bitShiftLeft(toUInt64(a), %d) + i, "
               "arrayEnumerateDense(groupArrayArray(_w%zu)), groupArrayArray(_i%zu)) AS _p%zu",
               p->layout.bits, series, series, series);
}

/* _n<n>: the rows of a series in a period. */
static void add_count(struct packed *p, size_t series, enum trend_period period, size_t n)
{
    struct buf *out = p->t->is_of_texts ? &p->gathered : &p->arrays;
    const char *name = p->t->is_of_texts ? "_c" : "_n";
    if (p->t->series_count == 1 && !p->layout.has_more)
        buf_printf(out, ", count() AS %s0", name);
    else
        buf_printf(out, ", countIf(_m%zu AND _before = %d) AS %s%zu", series, (int)period, name, n);
    if (p->t->is_of_texts)
        buf_printf(&p->arrays, ", sum(_c%zu) AS _n%zu", n, n);
}

/* Figure n, of a series in a period: its set _s<n>, how many it is of t<n>, its events _n<n>. */
static void add_figure(struct packed *p, enum trend_period period, size_t series)
{
    const struct trend *t = p->t;
    const struct layout *l = &p->layout;
    size_t n = (size_t)period * t->series_count + series;
    size_t first = 1 + (size_t)period * t->width, end = first + t->width;
    add_count(p, series, period, n);
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
               ", toInt64(t%zu) AS total%zu, CAST(arrayReduce('countResample(%zu, %zu, 1)', "
               "arrayMap(x -> bitAnd(x, %llu), _s%zu)), 'Array(Int64)') AS points%zu, "
               "toInt64(_n%zu) AS events%zu",
               n, n, first, end, l->mask, n, n, n, n);
    buf_printf(&p->sums, ", sum(total%zu) AS t%zu, sumForEach(points%zu), sum(events%zu)", n, n, n,
               n);
}

/* Who is in which bucket. */
static void add_bucket(const struct run *run, const struct trend *t, struct buf *out)
{
    if (has_buckets(run, t))
        buf_printf(out, "bitAnd(cityHash64(%s), %d)", column_of(t->series[0].math), BUCKETS - 1);
    else
        buf_puts(out, "bitAnd(_i, 0)"); /* a 0 would be the number of a column */
}

static void add_figures(const struct run *run, struct packed *p)
{
    add_bucket(run, p->t, &p->bucket);
    for (size_t i = 0; i < p->t->series_count; i++)
        if (p->t->is_of_texts)
            add_merged(p, i, is_of_numbers(run, p->t->series[i].math));
        else
            add_packed(p, i);
    for (size_t period = 0; period < p->layout.periods; period++)
        for (size_t i = 0; i < p->t->series_count; i++)
            add_figure(p, (enum trend_period)period, i);
}

static int render_arrays(struct packed *p, struct query *q, struct err *ret_err)
{
    const struct query_fragment of_numbers[] = {{"rows", buf_text(&p->rows)},
                                                {"index", buf_text(&p->index)},
                                                {"values", buf_text(&p->values)},
                                                {"keys", buf_text(&p->keys)},
                                                {"arrays", buf_text(&p->arrays)},
                                                {"bucket", buf_text(&p->bucket)},
                                                {0}};
    const struct query_fragment of_texts[] = {{"rows", buf_text(&p->rows)},
                                              {"index", buf_text(&p->index)},
                                              {"values", buf_text(&p->values)},
                                              {"keys", buf_text(&p->keys)},
                                              {"arrays", buf_text(&p->arrays)},
                                              {"gathered", buf_text(&p->gathered)},
                                              {"weight", buf_text(&p->weight)},
                                              {"bucket", buf_text(&p->bucket)},
                                              {0}};
    int rc = p->t->is_of_texts ? query_render(q, &sql_run_trend_merged, of_texts, ret_err)
                               : query_render(q, &sql_run_trend_arrays, of_numbers, ret_err);
    if (rc == 0)
        buf_puts(&p->from, buf_text(&q->sql));
    buf_reset(&q->sql);
    return rc;
}

int trend_plan_packed(struct run *run, const struct trend *t, struct err *ret_err)
{
    struct query q;
    struct packed p = {.t = t, .layout = layout_of(t)};
    query_init(&q);
    query_set_integer(&q, "kept", t->breakdown_limit);
    int rc = trend_scan_rows(run, t, &q, SIZE_MAX, &p.rows, ret_err);
    if (rc == 0) {
        add_index(t, &p.layout, &q, &p.index);
        trend_add_value(t, &p.values);
        trend_add_keys(t, &p.keys);
        add_figures(run, &p);
        rc = render_arrays(&p, &q, ret_err);
    }
    if (rc == 0)
        rc = run_query(run, &q, &sql_run_trend_packed,
                       (const struct query_fragment[]){{"arrays", buf_text(&p.from)},
                                                       {"sets", buf_text(&p.sets)},
                                                       {"totals", buf_text(&p.totals)},
                                                       {"figures", buf_text(&p.figures)},
                                                       {"sums", buf_text(&p.sums)},
                                                       {0}},
                       TREND_MAX_ROWS, ret_err);
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
