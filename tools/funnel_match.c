/* The SQL that finds every actor's run. Per actor the events become one sorted array, and each step
 * is one pass over it: arrayFill carries, for every position, the latest start of a run that has
 * reached the step there. That is as fast as windowFunnel, and exact: it keeps the times, never
 * uses an event twice, and takes events of one time in step order.
 *
 * Inside, a time is `t` = microseconds since the start of the period, plus the window, plus 1: so 0
 * can stand for "no start" and is always out of the window.
 */
#include <stdio.h>
#include <string.h>

#include "funnel_internal.h"

/* --- ordered and strict: the order of the scan --------------------------------------------- */

/* Position 1 is a sentinel, because arrayFill keeps the first element as it is. */
void funnel_unpack(struct match *m)
{
    funnel_wrap(
        m,
        "SELECT %s, arrayPushFront(arrayMap(x -> toInt64(bitShiftRight(x, 6)), p), toInt64(0)) "
        "AS t, arrayPushFront(arrayMap(x -> toUInt8(bitAnd(x, 63)), p), toUInt8(0)) AS k "
        "FROM (@)",
        m->keep);
}

/* Tuples (t, mask) → positions that serve one step each, in an order in which one simple pass per
 * step is exact: every position may continue only what lies before it.
 *   - An event alone at its time appears once per step, the highest first: so it continues runs
 *     from before, never its own.
 *   - Events of one time with one step each appear in step order.
 *   - Otherwise (`hard`) who serves which step is a matching. For every b, `reach` is the deepest
 *     step m such that b+1..m find distinct events; the chains b+1..m follow each other, b
 *     falling. By Hall's theorem the steps of a chain find distinct events if, for every union u of
 *     step sets, enough events have a step outside u; steps that have an event of their own are
 *     left out first, so that there are few unions.
 * Packed as t << 11 | block << 6 | step. For strict funnels `r` holds, as bits, the steps whose
 * runs end at this position unless it continues them. */
static void lay_out(struct match *m)
{
    const int n = m->n;
    const unsigned full = (unsigned)((1ULL << n) - 1);
    const bool is_strict = m->f->order == FUNNEL_STRICT;
    funnel_wrap(m,
                "SELECT %s, arraySplit((x, y) -> y, e, arrayMap((x, y) -> x.1 != y.1, e, "
                "arrayPopBack(arrayPushFront(e, e[1])))) AS g FROM (@)",
                m->keep);
    funnel_wrap(
        m,
        "SELECT %s, arrayMap(x -> x[1], arrayFilter(x -> length(x) = 1, g)) AS ones, "
        "arrayFilter(x -> length(x) > 1, g) AS many, "
        "arrayFlatten(arrayFilter(x -> arrayAll(y -> bitCount(y.2) < 2, x), many)) AS ties, "
        "arrayFilter(x -> arrayExists(y -> bitCount(y.2) > 1, x), many) AS hard FROM (@)",
        m->keep);
    struct buf easy = {0};
    buf_printf(&easy,
               "arrayFlatten(arrayMap(x -> arrayMap(j -> "
               "(bitShiftLeft(toUInt64(x.1), 11) + toUInt64((%d - j) * 64 + j), "
               "toUInt32(bitOr(bitShiftLeft(toUInt64(1), j - 1), "
               "if(bitAnd(x.2, bitShiftLeft(toUInt64(1), j - 1) - 1) = 0, bitAnd(%u, bitNot(x.2)), "
               "0)))), arrayFilter(j -> bitTest(x.2, j - 1), range(1, %d))), ones))",
               n, full, n + 1);
    buf_puts(&easy, ", arrayMap(x -> (bitShiftLeft(toUInt64(x.1), 11) + toUInt64(log2(x.2)) + 1, "
                    "toUInt32(0)), arrayFilter(x -> x.2 != 0, ties))");
    if (is_strict)
        buf_printf(&easy,
                   ", arrayMap(x -> (bitShiftLeft(toUInt64(x.1), 11), toUInt32(%u)), "
                   "arrayFilter(x -> x.2 = 0, ones))",
                   full);
    /* hard → (t, steps with an event of their own, the other events' steps, unions of those) */
    funnel_wrap(m,
                "SELECT %s, arrayConcat(%s) AS easy, arrayMap(x -> (x[1].1, "
                "arrayFold((a, y) -> bitOr(a, if(bitCount(y.2) = 1, y.2, 0)), x, toUInt32(0)), "
                "arrayMap(y -> y.2, arrayFilter(y -> bitCount(y.2) > 1, x))), hard) AS h FROM (@)",
                m->keep, buf_text(&easy));
    buf_done(&easy);
    funnel_wrap(
        m,
        "SELECT %s, easy, arrayMap(x -> (x.1, x.2, x.3, arrayFold((a, y) -> "
        "arrayDistinct(arrayConcat(a, arrayMap(u -> bitOr(u, y), a))), "
        "arrayDistinct(arrayMap(y -> bitAnd(y, bitNot(x.2)), x.3)), [toUInt32(0)])), h) AS h "
        "FROM (@)",
        m->keep);
    funnel_wrap(
        m,
        "SELECT %s, easy, arrayMap(x -> (x.1, arrayMap(b -> (toUInt8(b), toUInt8(b - 1 + "
        "arrayFirstIndex(s -> NOT arrayAll(u -> arrayCount(y -> bitAnd(bitAnd(y, "
        "bitShiftLeft(toUInt64(1), s) - bitShiftLeft(toUInt64(1), b)), bitNot(bitOr(u, x.2))) "
        "!= 0, x.3) >= bitCount(bitAnd(bitShiftLeft(toUInt64(1), s) - "
        "bitShiftLeft(toUInt64(1), b), bitNot(bitOr(u, x.2)))), x.4), "
        "range(b + 1, %d)))), range(0, %d))), h) AS h FROM (@)",
        m->keep, n + 2, n);
    funnel_wrap(
        m,
        "SELECT %s, arraySort(arrayConcat(easy, arrayFlatten(arrayMap(x -> arrayMap(c -> "
        "arrayMap(j -> (bitShiftLeft(toUInt64(x.1), 11) + toUInt64((%d - c.1) * 64 + j), "
        "toUInt32(0)), range(toUInt8(c.1 + 1), toUInt8(c.2 + 1))), x.2), h)))) AS l FROM (@)",
        m->keep, n - 1);
    struct buf reset = {0};
    if (is_strict)
        buf_printf(&reset, ", arrayPushFront(arrayMap(x -> x.2, l), toUInt32(%u)) AS r", full);
    funnel_wrap(m,
                "SELECT %s, arrayPushFront(arrayMap(x -> toInt64(bitShiftRight(x.1, 11)), l), "
                "toInt64(0)) AS t, arrayPushFront(arrayMap(x -> toUInt8(bitAnd(x.1, 63)), l), "
                "toUInt8(0)) AS k%s FROM (@)",
                m->keep, buf_text(&reset));
    buf_done(&reset);
}

/* --- the passes ---------------------------------------------------------------------------- */

/* `done`: when the deepest step is first reached; `began`: the latest start that does so. */
static void find_ends(struct match *m, const char *columns)
{
    funnel_wrap(m,
                "SELECT %s, %s, depth, s, t[arrayFirstIndex(x -> x > 0, s)] AS done FROM (@) "
                "WHERE depth > 0",
                m->keep, columns);
    funnel_wrap(
        m,
        "SELECT %s, %s, depth, s, done, arrayMax((x, y) -> if(y = done, x, 0), s, t) AS began "
        "FROM (@)",
        m->keep, columns);
}

static void scan_ordered(struct match *m)
{
    struct buf depth = {0}, pick = {0};
    funnel_wrap(m, "SELECT *, arrayFill((x, y) -> y = 1, t, k) AS s1 FROM (@)");
    for (int j = 2; j <= m->n; j++)
        funnel_wrap(m,
                    "SELECT *, arrayFill((x, y, z) -> y = %d AND z - x <= %s, s%d, k, t) AS s%d "
                    "FROM (@)",
                    j, buf_text(&m->window), j - 1, j);
    for (int j = 1; j <= m->n; j++)
        buf_printf(&depth, "%s(s%d[-1] > 0)", j > 1 ? " + " : "", j);
    buf_puts(&pick, m->n > 1 ? "multiIf(" : "");
    for (int j = m->n; j > 1; j--)
        buf_printf(&pick, "depth = %d, s%d, ", j, j);
    buf_puts(&pick, m->n > 1 ? "s1)" : "s1");
    funnel_wrap(m, "SELECT %s, t, k, toUInt8(%s) AS depth, %s AS s FROM (@)", m->keep,
                buf_text(&depth), buf_text(&pick));
    buf_done(&depth);
    buf_done(&pick);
    find_ends(m, "t, k");
    /* From the start each step takes the first event that it can. */
    funnel_wrap(m,
                "SELECT %s, t, arrayFold((a, j) -> arrayPushBack(a, toUInt32(arrayFirstIndex("
                "(x, i) -> x = j AND i > a[-1], k, arrayEnumerate(k)))), range(2, depth + 1), "
                "[toUInt32(arrayLastIndex((x, y) -> x = 1 AND y = began, k, t))]) AS i FROM (@)",
                m->keep);
    funnel_wrap(m, "SELECT %s, arrayMap(x -> t[x], i) AS tt FROM (@)", m->keep);
}

static void scan_strict(struct match *m)
{
    struct buf depth = {0}, starts = {0};
    funnel_wrap(m, "SELECT *, arrayMap((x, y) -> if(y = 1, x, 0), t, k) AS c1, "
                   "arrayFill((x, y) -> x > 0 OR bitTest(y, 0), c1, r) AS s1 FROM (@)");
    for (int j = 2; j <= m->n; j++)
        funnel_wrap(m,
                    "SELECT *, arrayMap((x, y, z) -> if(y = %d AND z - x <= %s, x, 0), "
                    "arrayPushFront(arrayPopBack(s%d), toInt64(0)), k, t) AS c%d, "
                    "arrayFill((x, y) -> x > 0 OR bitTest(y, %d), c%d, r) AS s%d FROM (@)",
                    j, buf_text(&m->window), j - 1, j, j - 1, j, j);
    for (int j = 1; j <= m->n; j++) {
        buf_printf(&depth, "%sarrayExists(x -> x > 0, c%d)", j > 1 ? " + " : "", j);
        buf_printf(&starts, "%sc%d", j > 1 ? ", " : "", j);
    }
    funnel_wrap(m, "SELECT %s, t, [%s] AS c, toUInt8(%s) AS depth, c[depth] AS s FROM (@)", m->keep,
                buf_text(&starts), buf_text(&depth));
    buf_done(&depth);
    buf_done(&starts);
    find_ends(m, "t, c");
    /* Backwards from the end: the last position that could be continued. */
    funnel_wrap(m,
                "SELECT %s, t, arrayFold((a, j) -> arrayPushFront(a, toUInt32(arrayLastIndex("
                "(x, i) -> x > 0 AND i < a[1], c[j], arrayEnumerate(t)))), "
                "arrayReverse(range(1, depth)), "
                "[toUInt32(arrayLastIndex((x, y) -> x = began AND y = done, s, t))]) AS i FROM (@)",
                m->keep);
    funnel_wrap(m, "SELECT %s, arrayMap(x -> t[x], i) AS tt FROM (@)", m->keep);
}

void funnel_match(struct match *m)
{
    if (m->is_packed)
        funnel_unpack(m);
    else
        lay_out(m);
    if (m->f->order == FUNNEL_STRICT)
        scan_strict(m);
    else
        scan_ordered(m);
}
