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
static void unpack(struct match *m)
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
                "arrayPushFront(arrayPopBack(e), (toInt64(-1), toUInt32(0))))) AS g FROM (@)",
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
    m->sql.failed |= easy.failed;
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
    m->sql.failed |= reset.failed;
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
    m->sql.failed |= depth.failed || pick.failed;
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
    m->sql.failed |= depth.failed || starts.failed;
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

/* --- unordered ------------------------------------------------------------------------------ */

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
    funnel_wrap(m, "SELECT %s, t, k, arrayMap((%s) -> arrayReverseSort([%s]), %s) AS l FROM (@)",
                m->keep, buf_text(&names), buf_text(&names), buf_text(&slots));
    funnel_wrap(
        m,
        "SELECT %s, t, k, l, arrayMap((x, y) -> arrayCount(z -> z > 0 AND y - z <= %s, x), l, "
        "t) AS d, arrayMax(d) AS depth FROM (@)",
        m->keep, buf_text(&m->window));
    funnel_wrap(
        m, "SELECT %s, t, k, l, d, depth, t[indexOf(d, depth)] AS done FROM (@) WHERE depth > 0",
        m->keep);
    funnel_wrap(
        m,
        "SELECT %s, t, k, depth, arrayMax((x, y, z) -> if(z = done AND y = depth, x[depth], 0), "
        "l, d, t) AS began FROM (@)",
        m->keep);
    funnel_wrap(m, "SELECT %s, arraySlice(arraySort(arrayConcat(%s)), 1, depth) AS tt FROM (@)",
                m->keep, buf_text(&firsts));
    m->sql.failed |= names.failed || slots.failed || firsts.failed;
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
    funnel_wrap(
        m,
        "SELECT %s, e, unions, l, arrayMap((x, y) -> arrayCount(z -> y.1 - z.1 <= %s, x), l, e) "
        "AS d, arrayMax(d) AS depth FROM (@)",
        m->keep, buf_text(&m->window));
    funnel_wrap(m,
                "SELECT %s, e, unions, l, d, depth, e[indexOf(d, depth)].1 AS done FROM (@) "
                "WHERE depth > 0",
                m->keep);
    funnel_wrap(m,
                "SELECT %s, e, unions, depth, arrayMax((x, y, z) -> if(z.1 = done AND y = depth, "
                "x[depth].1, 0), l, d, e) AS began FROM (@)",
                m->keep);
    funnel_wrap(m,
                "SELECT %s, arrayMap(x -> x.1, arrayFold((a, y) -> if(length(a) < depth AND %s, "
                "arrayPushBack(a, y), a), arrayFilter(x -> x.1 >= began, e), "
                "CAST([], 'Array(Tuple(Int64, UInt32))'))) AS tt FROM (@)",
                m->keep, of_grown);
}

/* Unordered with attribution `step`: per value, one candidate run for every depth (the one that
 * began last), as (start, steps served, times); the event at the attribution step carries the
 * value. An actor who reaches the attribution step under no value is left out. */
static void scan_unordered_step(struct match *m)
{
    const char *keep = m->has_places ? "who, places" : "who";
    struct buf grown = {0};
    /* Candidate i is of depth i - 1; it may grow from the one before it. */
    const char *left = "bitAnd(y.2, bitNot(a.1[greatest(i - 1, 1)].2))";
    const char *start = "if(i = 2, y.1, a.1[greatest(i - 1, 1)].1)";
    buf_printf(&grown,
               "arrayMap((c, i) -> if(i > 1 AND %s != 0 AND y.1 - %s <= %s AND (i != %zu OR y.3 = "
               "v) AND %s > c.1, (%s, toUInt32(bitOr(a.1[greatest(i - 1, 1)].2, bitAnd(%s, "
               "bitNot(%s - 1)))), arrayPushBack(a.1[greatest(i - 1, 1)].3, y.1)), c), a.1, "
               "range(1, %d))",
               left, start, buf_text(&m->window), m->f->attribution_step + 1, start, start, left,
               left, m->n + 2);
    funnel_wrap(m, "SELECT %s, e, arrayJoin(arrayDistinct(arrayMap(x -> x.3, e))) AS v FROM (@)",
                keep);
    /* a.1: the candidates; a.2: the times of the best run so far */
    funnel_wrap(
        m,
        "SELECT %s, arrayFold((a, y) -> arrayMap(g -> (g, arrayFirst(z -> notEmpty(z), [arrayFirst("
        "(x, c) -> x.1 > c.1 AND (length(x.3) > length(a.2) OR (length(x.3) = length(a.2) AND "
        "x.3[-1] = a.2[-1] AND x.1 > a.2[1])), arrayReverse(g), arrayReverse(a.1)).3, a.2])), "
        "[%s])[1], e, "
        "(arrayMap(i -> (toInt64(0), toUInt32(0), CAST([], 'Array(Int64)')), range(%d)), "
        "CAST([], 'Array(Int64)'))).2 AS tt FROM (@)",
        m->keep, buf_text(&grown), m->n + 1);
    m->sql.failed |= grown.failed;
    buf_done(&grown);
    funnel_wrap(m, "SELECT *, max(length(tt)) OVER (PARTITION BY who) AS deepest FROM (@)");
    funnel_wrap(m, "SELECT %s, tt FROM (@) WHERE deepest >= %zu AND notEmpty(tt)", m->keep,
                m->f->attribution_step);
}

/* --- the result ------------------------------------------------------------------------------ */

/* Which of the events at the attribution step's time it is: equal steps before it took others. */
static void pick_value(struct match *m)
{
    size_t step = m->f->attribution_step;
    struct buf same = {0};
    buf_puts(&same, "1");
    for (size_t j = 1; j < step; j++)
        if (m->f->classes[j - 1] == m->f->classes[step - 1])
            buf_printf(&same, " + (tt[%zu] = tt[%zu])", j, step);
    funnel_wrap(m,
                "SELECT * REPLACE(arrayFilter(x -> x.1 = tt[%zu], v) AS v) FROM (@) "
                "WHERE length(tt) >= %zu",
                step, step);
    funnel_wrap(m, "SELECT * REPLACE(v[least(length(v), %s)].3 AS v) FROM (@)", buf_text(&same));
    m->sql.failed |= same.failed;
    buf_done(&same);
}

static void finish(struct match *m)
{
    if (m->has_values && m->f->attribution == FUNNEL_STEP && m->f->order != FUNNEL_UNORDERED)
        pick_value(m);
    struct buf columns = {0};
    if (m->has_values)
        buf_printf(&columns, "if(empty(v), arrayResize(CAST([], 'Array(String)'), %zu), v) AS v, ",
                   json_array_size(m->f->breakdown));
    if (m->has_places) {
        funnel_wrap(m, "SELECT *, arrayFilter(x -> x.1 = tt[-1], places)[-1].3 AS place FROM (@)");
        buf_puts(&columns, "place, ");
    }
    funnel_wrap(m, "SELECT who, %sarrayMap(x -> x + %s, tt) AS tt FROM (@)", buf_text(&columns),
                buf_text(&m->shift));
    m->sql.failed |= columns.failed;
    buf_done(&columns);
}

static void build_scan(struct match *m)
{
    bool is_unordered = m->f->order == FUNNEL_UNORDERED;
    if (is_unordered && m->has_values && m->f->attribution == FUNNEL_STEP) {
        scan_unordered_step(m);
    } else if (is_unordered && !m->is_packed) {
        scan_overlapping(m);
    } else if (is_unordered) {
        unpack(m);
        scan_unordered(m);
    } else {
        if (m->is_packed)
            unpack(m);
        else
            lay_out(m);
        if (m->f->order == FUNNEL_STRICT)
            scan_strict(m);
        else
            scan_ordered(m);
    }
}

/* Numbers suffice where an event has one class, and a class one step or no order. */
static bool can_pack(const struct match *m)
{
    const struct funnel *f = m->f;
    if (!f->is_disjoint || f->order == FUNNEL_STRICT)
        return false;
    if (f->order == FUNNEL_UNORDERED)
        return !m->has_values || f->attribution != FUNNEL_STEP;
    return f->class_count == f->step_count;
}

int funnel_journeys(const struct run *run, const struct funnel *f, unsigned columns,
                    struct query *q, struct buf *out, struct err *ret_err)
{
    struct match m = {.run = run,
                      .f = f,
                      .q = q,
                      .n = (int)f->step_count,
                      .has_values = (columns & FUNNEL_VALUES) && json_array_size(f->breakdown) > 0,
                      .has_places = columns & FUNNEL_PLACES};
    snprintf(m.keep, sizeof m.keep, "who%s%s", m.has_values ? ", v" : "",
             m.has_places ? ", places" : "");
    m.is_packed = can_pack(&m);
    query_bind_integer(q, &m.window, f->within_us);
    query_bind_integer(q, &m.shift, run->period.from_us - f->within_us - 1);
    int rc = funnel_events(&m, ret_err);
    if (rc == 0) {
        build_scan(&m);
        finish(&m);
        buf_add(out, m.sql.data, m.sql.len);
        out->failed |= m.sql.failed || m.window.failed || m.shift.failed;
    }
    for (int i = 0; i < m.n; i++) {
        out->failed |= m.conditions[i].failed;
        buf_done(&m.conditions[i]);
    }
    buf_done(&m.window);
    buf_done(&m.shift);
    buf_done(&m.sql);
    return rc;
}
