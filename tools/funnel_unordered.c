/* The SQL that finds the runs of unordered funnels: the depth is the number of distinct steps that
 * events can serve, each event one. In a trend a run begins before `hi`; all events lie after the
 * start of the interval already. Any event can begin a run as deep as the events from there on
 * allow (a matroid: it can be exchanged for one of them), so the deepest run to an end begins with
 * the first event that the window allows, and the latest start is the last event before `hi` or,
 * where that is earlier, where the depth is still reached. */
#include <stdio.h>

#include "funnel_internal.h"

/* In a trend a run to an end at `at` needs an event to begin with: before `hi`, in the window. */
static void add_fits(const struct match *m, const char *at, struct buf *out)
{
    if (m->is_trend)
        buf_printf(out, " AND %s - early <= %s", at, buf_text(&m->window));
}

/* Equal or disjoint steps: slot j holds the time of the latest event that serves step j, the second
 * of two equal steps the one before that. The d-th newest slot is the latest start for d steps. */
static void scan_unordered(struct match *m)
{
    int last[FUNNEL_MAX_STEPS + 1] = {0}, size[FUNNEL_MAX_STEPS + 1] = {0};
    struct buf names = {0}, slots = {0}, firsts = {0};
    for (int j = 1; j <= m->n; j++) {
        unsigned c = m->f->classes[j - 1];
        if (last[c] == 0)
            funnel_wrap(m, "SELECT *, arrayFill((x, y) -> y = %u, t, k) AS s%d FROM (@)", c, j);
        else
            funnel_wrap(m,
                        "SELECT *, arrayFill((x, y) -> y = %u, arrayPushFront(arrayPopBack(s%d), "
                        "toInt64(0)), k) AS s%d FROM (@)",
                        c, last[c], j);
        last[c] = j;
        size[c]++;
        buf_printf(&names, "%sx%d", j > 1 ? ", " : "", j);
        buf_printf(&slots, "%ss%d", j > 1 ? ", " : "", j);
    }
    for (int c = 1; c <= (int)m->f->class_count; c++)
        buf_printf(&firsts,
                   "%sarraySlice(arrayFilter((x, y) -> y = %d AND x >= began, t, k), 1, %d)",
                   c > 1 ? ", " : "", c, size[c]);
    funnel_wrap(m, "SELECT %s, t, k, arrayMap((%s) -> arrayReverseSort([%s]), %s) AS l%s FROM (@)",
                m->keep, buf_text(&names), buf_text(&names), buf_text(&slots),
                m->is_trend ? ", arrayMax(arrayFilter(x -> x < hi, t)) AS early" : "");
    const char *early = m->is_trend ? ", early" : "";
    struct buf fits = {0};
    add_fits(m, "y", &fits);
    funnel_wrap(m,
                "SELECT %s, t, k, l%s, arrayMap((x, y) -> arrayCount(z -> z > 0 AND y - z <= %s%s, "
                "x), l, t) AS d, arrayMax(d) AS depth FROM (@)",
                m->keep, early, buf_text(&m->window), buf_text(&fits));
    funnel_wrap(m,
                "SELECT %s, t, k, l%s, d, depth, t[indexOf(d, depth)] AS done FROM (@) "
                "WHERE depth > 0",
                m->keep, early);
    funnel_wrap(m,
                "SELECT %s, t, k, depth, arrayMax((x, y, z) -> if(z = done AND y = depth, %s, 0), "
                "l, d, t) AS began FROM (@)",
                m->keep, m->is_trend ? "least(x[depth], early)" : "x[depth]");
    funnel_wrap(m, "SELECT %s, arraySlice(arraySort(arrayConcat(%s)), 1, depth) AS tt FROM (@)",
                m->keep, buf_text(&firsts));
    buf_done(&fits);
    buf_done(&names);
    buf_done(&slots);
    buf_done(&firsts);
}

/* Whether the events of an array can serve distinct steps: Hall's theorem, over the unions. */
static const char *const independent =
    "arrayAll(u -> arrayCount(x -> bitAnd(x.2, bitNot(u)) = 0, %s) <= bitCount(u), unions)";

/* Overlapping steps: sets of events that can serve distinct steps form a matroid. `l` keeps the
 * newest maximal set at every event: a new event comes in, and the oldest one that makes room for
 * it goes. Its d-th newest member is the latest start for d steps. */
static void scan_overlapping(struct match *m)
{
    char of_b[160], of_grown[160];
    snprintf(of_b, sizeof of_b, independent, "b");
    snprintf(of_grown, sizeof of_grown, independent, "arrayPushBack(a, y)");
    funnel_wrap(m,
                "SELECT %s, e, arrayFold((a, y) -> arrayDistinct(arrayConcat(a, arrayMap(u -> "
                "bitOr(u, y), a))), arrayDistinct(arrayMap(x -> x.2, e)), [toUInt32(0)]) AS unions "
                "FROM (@)",
                m->keep);
    funnel_wrap(
        m,
        "SELECT %s, e, unions, arrayPopFront(arrayFold((a, y) -> arrayPushBack(a, arrayFirst("
        "b -> %s, arrayMap(i -> arrayFilter((x, k) -> k != i, arrayPushFront(a[-1], y), "
        "arrayEnumerate(arrayPushFront(a[-1], y))), arrayReverse(range(2, length(a[-1]) + 3)))"
        ")), e, [CAST([], 'Array(Tuple(Int64, UInt32))')])) AS l FROM (@)",
        m->keep, of_b);
    if (m->is_trend)
        funnel_wrap(m,
                    "SELECT %s, e, unions, l, arrayMax(arrayPushFront(arrayMap(x -> x.1, "
                    "arrayFilter(x -> x.1 < hi, e)), toInt64(0))) AS early FROM (@)",
                    m->keep);
    const char *early = m->is_trend ? ", early" : "";
    struct buf fits = {0};
    add_fits(m, "y.1", &fits);
    funnel_wrap(m,
                "SELECT %s, e, unions, l%s, arrayMap((x, y) -> arrayCount(z -> y.1 - z.1 <= %s%s, "
                "x), l, e) AS d, arrayMax(d) AS depth FROM (@)",
                m->keep, early, buf_text(&m->window), buf_text(&fits));
    buf_done(&fits);
    funnel_wrap(m,
                "SELECT %s, e, unions, l%s, d, depth, e[indexOf(d, depth)].1 AS done FROM (@) "
                "WHERE depth > 0",
                m->keep, early);
    funnel_wrap(m,
                "SELECT %s, e, unions, depth, arrayMax((x, y, z) -> if(z.1 = done AND y = depth, "
                "%s, 0), l, d, e) AS began FROM (@)",
                m->keep, m->is_trend ? "least(x[depth].1, early)" : "x[depth].1");
    funnel_wrap(m,
                "SELECT %s, arrayMap(x -> x.1, arrayFold((a, y) -> if(length(a) < depth AND %s, "
                "arrayPushBack(a, y), a), arrayFilter(x -> x.1 >= began, e), "
                "CAST([], 'Array(Tuple(Int64, UInt32))'))) AS tt FROM (@)",
                m->keep, of_grown);
}

/* Unordered with attribution `step`: per value, of every set of steps the partial run that began
 * last: (steps served, start, times). The event at the attribution step carries the value; who does
 * not come so far stands under every value. */
static void scan_by_value(struct match *m)
{
    struct buf grown = {0};
    buf_printf(&grown,
               "arrayFlatten(arrayMap(r -> arrayMap(j -> (toUInt32(bitOr(r.1, bitShiftLeft("
               "toUInt64(1), j))), r.2, arrayPushBack(r.3, y.1)), arrayFilter(j -> bitTest(bitAnd("
               "y.2, bitNot(r.1)), j), range(%d))), arrayFilter(r -> y.1 - r.2 <= %s AND "
               "(bitCount(r.1) != %zu OR y.3 = v)%s, arrayPushBack(a.1, (toUInt32(0), y.1, "
               "CAST([], 'Array(Int64)'))))))",
               m->n, buf_text(&m->window), m->f->attribution_step - 1,
               m->is_trend ? " AND (r.1 != 0 OR y.1 < hi)" : "");
    funnel_wrap(m, "SELECT *, arrayJoin(carried) AS v FROM (@)");
    /* g: the runs that the event ends; s: with those of before, the best of each set first */
    funnel_wrap(
        m,
        "SELECT %s, v, arrayFold((a, y) -> arrayMap(g -> (arrayMap(s -> arrayFilter((r, p, i) -> "
        "i = 1 OR r.1 != p.1, s, arrayPopBack(arrayPushFront(s, s[1])), arrayEnumerate(s)), "
        "[arraySort(r -> (r.1, -r.2, r.3), arrayConcat(g, arrayFilter(r -> y.1 - r.2 <= %s, a.1)))"
        "])[1], arraySort(x -> (-length(x), x[-1], -x[1], x), arrayPushBack(arrayMap(r -> r.3, g), "
        "a.2))[1]), [%s])[1], e, (CAST([], 'Array(Tuple(UInt32, Int64, Array(Int64)))'), "
        "CAST([], 'Array(Int64)'))).2 AS tt FROM (@)",
        m->keep, buf_text(&m->window), buf_text(&grown));
    buf_done(&grown);
}

void funnel_unordered(struct match *m)
{
    if (m->by_value) {
        funnel_by_length(m, "e");
        scan_by_value(m);
    } else if (!m->is_packed) {
        funnel_by_length(m, "e");
        scan_overlapping(m);
    } else {
        funnel_unpack(m);
        scan_unordered(m);
    }
}
