/* The SQL that finds the runs of ordered and strict funnels whose options a pass per step cannot
 * follow: optional steps, gaps, exclusions. One fold over an actor's events keeps every partial run
 * that no other one replaces.
 *
 * Slots. The events of one time may be taken in any order, but steps come in order; so the fold
 * goes over pairs of event and step: those of one time by step, and with one event alone the
 * highest step first, so that it continues runs from before, never its own. Where several events of
 * one time fit several steps each, every event has a bit, and a run remembers which it used at its
 * last time; equal events are used one after the other, as many as they have steps.
 *
 * A partial run is (last step, optional steps, 1 = not spoilt, start, end, bits used, times), with
 * exclusions between inner steps also when it did what opens them. Of
 * the runs at one step another one replaces it if it has no fewer optional steps, is not spoilt,
 * began no earlier, used no other bits, did what opens an exclusion no earlier, ended where the
 * gaps that follow allow it no less, and of two equals has the better times. Spoilt runs are kept
 * for their depth alone.
 *
 * The times are kept so that the less array is the better run: in ordered funnels as they come, in
 * strict ones backwards and negative; `never` where an optional step was missed. */
#include <stdio.h>

#include "funnel_internal.h"

/* INT64_MAX: later than all. */
static const char *const never = "toInt64(9223372036854775807)";

static bool is_optional(const struct match *m, size_t step)
{
    return (m->f->optional >> (step - 1) & 1) != 0;
}

/* The last step that may follow `step` directly. */
static size_t last_successor(const struct match *m, size_t step)
{
    size_t next = step + 1;
    while (next < m->f->step_count && is_optional(m, next))
        next++;
    return next < m->f->step_count ? next : m->f->step_count;
}

/* A constant for every step, picked by the SQL `step`. */
static void add_pick(struct buf *out, const int64_t *values, size_t count, const char *step)
{
    buf_puts(out, "CAST([");
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s%lld", i > 0 ? ", " : "", (long long)values[i]);
    buf_printf(out, "], 'Array(Int64)')[%s]", step);
}

struct tables {
    int64_t before[FUNNEL_MAX_STEPS];   /* the last required step before it */
    int64_t depth[FUNNEL_MAX_STEPS];    /* the last required step up to it */
    int64_t optional[FUNNEL_MAX_STEPS]; /* 1 = optional */
    int64_t gap_min[FUNNEL_MAX_STEPS], gap_max[FUNNEL_MAX_STEPS]; /* us */
    int64_t reach[FUNNEL_MAX_STEPS]; /* how long after it a step can still follow, us */
    int64_t late[FUNNEL_MAX_STEPS];  /* 1 = the later it ended the better for what follows */
    int64_t soon[FUNNEL_MAX_STEPS];  /* 1 = the earlier */
};

/* Longer than any data: 2^61 us. */
static const int64_t unbounded_us = INT64_C(1) << 61;

static void follow_up(const struct match *m, size_t step, struct tables *t)
{
    size_t i = step - 1;
    t->late[i] = m->f->order == FUNNEL_STRICT;
    for (size_t k = step + 1; k <= last_successor(m, step); k++) {
        if (t->gap_max[k - 1] < unbounded_us)
            t->late[i] = 1;
        if (t->gap_min[k - 1] > 0)
            t->soon[i] = 1;
        if (t->gap_max[k - 1] > t->reach[i])
            t->reach[i] = t->gap_max[k - 1];
    }
    for (size_t x = 0; x < m->f->exclusion_count; x++)
        if (m->f->exclusions[x].from_step == step)
            t->late[i] = 1;
}

static void fill_tables(const struct match *m, struct tables *ret)
{
    struct tables t = {0};
    for (size_t i = 0; i < m->f->step_count; i++) {
        t.before[i] = (int64_t)funnel_required_before(m->f, i + 1);
        t.depth[i] = (int64_t)funnel_required_before(m->f, i + 2);
        t.optional[i] = is_optional(m, i + 1);
        t.gap_min[i] = m->f->gap_min_us[i] > 0 ? m->f->gap_min_us[i] : 0;
        t.gap_max[i] = m->f->gap_max_us[i] >= 0 ? m->f->gap_max_us[i] : unbounded_us;
    }
    for (size_t step = 1; step <= m->f->step_count; step++)
        follow_up(m, step, &t);
    *ret = t;
}

/* --- slots ------------------------------------------------------------------------------------ */

/* Groups of one time → gt (time), ms (masks of the events that serve a step, sorted), lone (the
 * latest time before with one event alone, which ends strict runs), lx (the latest time of each
 * exclusion up to this one). */
static void group_times(struct match *m)
{
    funnel_wrap(m,
                "SELECT %s, arraySplit((x, y) -> y, e, arrayMap((x, y) -> x.1 != y.1, e, "
                "arrayPopBack(arrayPushFront(e, e[1])))) AS g FROM (@)",
                m->keep);
    struct buf out = {0}, names = {0};
    for (size_t i = 0; i < m->f->exclusion_count; i++) {
        buf_printf(&out,
                   ", arrayFill(x -> x > 0, arrayMap(x -> if(arrayExists(y -> bitTest(y.3, %zu), "
                   "x), x[1].1, toInt64(0)), g)) AS x%zu",
                   i, i);
        buf_printf(&names, "%sx%zu", i > 0 ? ", " : "", i);
    }
    const char *lone = m->f->order == FUNNEL_STRICT
                           ? "arrayFill(x -> x > 0, arrayPopBack(arrayPushFront(arrayMap(x -> "
                             "if(length(x) = 1, x[1].1, toInt64(0)), g), toInt64(0))))"
                           : "arrayMap(x -> toInt64(0), g)";
    funnel_wrap(m,
                "SELECT %s, arrayMap(x -> x[1].1, g) AS gt, arrayMap(x -> arraySort(arrayFilter("
                "y -> y != 0, arrayMap(y -> y.2, x))), g) AS ms, %s AS lone%s FROM (@)",
                m->keep, lone, buf_text(&out));
    if (m->f->exclusion_count > 0)
        funnel_wrap(m, "SELECT %s, gt, ms, lone, arrayMap((%s) -> [%s], %s) AS lx FROM (@)",
                    m->keep, buf_text(&names), buf_text(&names), buf_text(&names));
    else
        funnel_wrap(m,
                    "SELECT %s, gt, ms, lone, arrayMap(x -> CAST([], 'Array(Int64)'), gt) AS lx "
                    "FROM (@)",
                    m->keep);
    buf_done(&out);
    buf_done(&names);
}

/* ms → us: (mask, its bit, the bit of the equal event that must be used before), bits only where
 * they decide; then the slots y = (time, step, bit, bit before, earliest end, latest end, earliest
 * start, lone, lx). */
static void lay_slots(struct match *m, const struct tables *t)
{
    funnel_wrap(m,
                "SELECT %s, gt, lone, lx, arrayMap(m -> if(length(m) > 1 AND arrayExists(x -> "
                "bitCount(x) > 1, m), arrayFilter((x, i) -> i - indexOf(m, x) < bitCount(x), m, "
                "arrayEnumerate(m)), arrayDistinct(m)), ms) AS ms, arrayMap(m -> length(m) > 1 "
                "AND arrayExists(x -> bitCount(x) > 1, m), ms) AS hard FROM (@)",
                m->keep);
    funnel_wrap(
        m,
        "SELECT %s, gt, lone, lx, arrayMap((m, h) -> arrayMap((x, p, i) -> (x, "
        "if(h AND bitCount(x) > 1, bitShiftLeft(toUInt64(1), toUInt8(i - 1)), toUInt64(0)), "
        "if(h AND i > 1 AND x = p, bitShiftLeft(toUInt64(1), toUInt8(greatest(i, 2) - 2)), "
        "toUInt64(0))), m, arrayPopBack(arrayPushFront(m, toUInt32(0))), arrayEnumerate(m)), ms, "
        "hard) AS us FROM (@)",
        m->keep);
    struct buf earliest = {0}, latest = {0};
    buf_puts(&earliest, m->f->has_gaps ? "greatest(b, x - " : "b");
    if (m->f->has_gaps) {
        add_pick(&earliest, t->gap_max, m->f->step_count, "j");
        buf_puts(&earliest, ")");
    }
    buf_puts(&latest, "x");
    if (m->f->has_gaps) {
        buf_puts(&latest, " - ");
        add_pick(&latest, t->gap_min, m->f->step_count, "j");
    }
    funnel_wrap(m,
                "SELECT %s, arrayFlatten(arrayMap((x, b, l, u) -> arrayFlatten(arrayMap(j -> "
                "arrayMap(w -> (x, j, w.2, w.3, %s, %s, x - %s, b, l), arrayFilter(w -> "
                "bitTest(w.1, j - 1), u)), arrayMap(j -> toUInt8(if(length(u) = 1, %d - j, j)), "
                "range(1, %d)))), gt, lone, lx, us)) AS slots FROM (@)",
                m->keep, buf_text(&earliest), buf_text(&latest), buf_text(&m->window), m->n + 1,
                m->n + 1);
    buf_done(&earliest);
    buf_done(&latest);
}

/* --- one step of the fold --------------------------------------------------------------------- */

/* Whether an event may fit several steps, so that bits are needed. */
static bool has_bits(const struct match *m)
{
    return !m->f->is_disjoint || m->f->class_count < m->f->step_count;
}

/* The bits that the run `r` has used at the slot's time. */
static void add_used(struct buf *out, const char *r)
{
    buf_printf(out, "if(%s.5 = y.1, %s.6, toUInt64(0))", r, r);
}

/* Whether the run `r` may go on with the slot. */
static void add_may_follow(const struct match *m, const struct tables *t, struct buf *out)
{
    buf_puts(out, "r.1 < y.2 AND r.1 >= ");
    add_pick(out, t->before, m->f->step_count, "y.2");
    buf_puts(out, " AND r.4 >= y.7 AND r.5 >= y.5 AND r.5 <= y.6");
    if (has_bits(m)) {
        buf_puts(out, " AND bitAnd(");
        add_used(out, "r");
        buf_puts(out, ", bitOr(y.3, y.4)) = y.4");
    }
}

/* Whether the run `r` stays unspoilt when it takes the slot. */
static void add_clean(const struct match *m, struct buf *out)
{
    buf_puts(out, "toUInt8(r.3");
    for (size_t i = 0; i < m->f->exclusion_count; i++) {
        int from = (int)m->f->exclusions[i].from_step, to = (int)m->f->exclusions[i].to_step;
        buf_printf(out, " AND (y.2 != %d OR r.1 < %d OR ", to, from);
        if (m->f->order == FUNNEL_STRICT)
            buf_printf(out, "r.7[-%d] > 0 OR y.9[%zu] <= -r.7[-%d])", from, i + 1, from);
        else
            buf_printf(out, "y.9[%zu] <= r.7[%d])", i + 1, from);
    }
    buf_puts(out, ")");
}

/* The run `r` with the slot; `c` says whether it is unspoilt. */
static void add_grown(const struct match *m, const struct tables *t, struct buf *out)
{
    struct buf times = {0};
    if (m->f->order == FUNNEL_STRICT)
        buf_printf(&times,
                   "arrayPushFront(arrayConcat(arrayResize(CAST([], 'Array(Int64)'), y.2 - 1 - "
                   "r.1, %s), r.7), -y.1)",
                   never);
    else
        buf_printf(&times, "arrayPushBack(arrayResize(r.7, y.2 - 1, %s), y.1)", never);
    struct buf optional = {0};
    buf_puts(&optional, "toUInt8(r.2 + ");
    add_pick(&optional, t->optional, m->f->step_count, "y.2");
    buf_puts(&optional, ")");
    const char *used = "bitOr(if(r.5 = y.1, r.6, toUInt64(0)), y.3)";
    if (m->f->exclusion_count == 0)
        buf_printf(out, "(y.2, %s, r.3, r.4, y.1, %s, %s)", buf_text(&optional), used,
                   buf_text(&times));
    else
        buf_printf(out,
                   "(y.2, if(c, %s, toUInt8(0)), c, r.4, y.1, %s, if(c, %s, CAST([], "
                   "'Array(Int64)')))",
                   buf_text(&optional), used, buf_text(&times));
    buf_done(&times);
    buf_done(&optional);
}

/* Until when an exclusion that step `from` opens stays open, if neither a run's start nor its end
 * opens it: the last step that closes one; 0 = never. */
static size_t open_until(const struct match *m, size_t from)
{
    size_t until = 0;
    for (size_t i = 0; i < m->f->exclusion_count; i++) {
        const struct funnel_exclusion *x = &m->f->exclusions[i];
        if (x->from_step == from && from > 1 && x->to_step > from + 1 && x->to_step > until)
            until = x->to_step;
    }
    return until;
}

static bool has_opened(const struct match *m)
{
    for (size_t from = 2; from < m->f->step_count; from++)
        if (open_until(m, from) > 0)
            return true;
    return false;
}

/* When the run `r`, which ends with the slot, did each step that has exclusions open there: 0 where
 * there are none. */
static void add_opened(const struct match *m, struct buf *out)
{
    const char *separator = "";
    buf_puts(out, "[");
    for (size_t from = 2; from < m->f->step_count; from++) {
        size_t until = open_until(m, from);
        if (until == 0)
            continue;
        buf_printf(out, "%sif(r.3 AND y.2 > %zu AND y.2 < %zu, ", separator, from, until);
        if (m->f->order == FUNNEL_STRICT)
            buf_printf(out, "if(r.7[-%zu] > 0, %s, -r.7[-%zu])", from, never, from);
        else
            buf_printf(out, "r.7[%zu]", from);
        buf_puts(out, ", toInt64(0))");
        separator = ", ";
    }
    buf_puts(out, "]");
}

/* The runs that end with the slot. */
static void add_new_runs(const struct match *m, const struct tables *t, struct buf *out)
{
    const char *first = m->f->order == FUNNEL_STRICT ? "[-y.1]" : "[y.1]";
    if (has_opened(m)) {
        buf_puts(out, "arrayMap(r -> (r.1, r.2, r.3, r.4, r.5, r.6, r.7, ");
        add_opened(m, out);
        buf_puts(out, "), ");
    }
    buf_printf(out,
               "arrayConcat(arrayFilter(z -> y.2 = 1 AND y.4 = 0, [(y.2, toUInt8(0), toUInt8(1), "
               "y.1, y.1, y.3, %s)]), ",
               first);
    if (m->f->exclusion_count > 0) {
        buf_puts(out, "arrayMap((r, c) -> ");
        add_grown(m, t, out);
        buf_puts(out, ", arrayFilter(r -> ");
        add_may_follow(m, t, out);
        buf_puts(out, ", a.1), arrayMap(r -> ");
        add_clean(m, out);
        buf_puts(out, ", arrayFilter(r -> ");
        add_may_follow(m, t, out);
        buf_puts(out, ", a.1)))");
    } else {
        buf_puts(out, "arrayMap(r -> ");
        add_grown(m, t, out);
        buf_puts(out, ", arrayFilter(r -> ");
        add_may_follow(m, t, out);
        buf_puts(out, ", a.1))");
    }
    buf_puts(out, has_opened(m) ? "))" : ")");
}

/* Whether the run `p` replaces the run `r` at the same step, whatever follows; ends apart. */
static void add_replaces(const struct match *m, struct buf *out)
{
    buf_puts(out, "p.4 >= r.4 AND (p.4 > r.4 OR p.7 <= r.7");
    buf_puts(out, m->f->optional != 0 ? " OR p.2 > r.2" : "");
    buf_puts(out, m->f->exclusion_count > 0 ? " OR r.3 = 0) AND p.3 >= r.3" : ")");
    if (m->f->optional != 0)
        buf_puts(out, " AND (r.3 = 0 OR p.2 >= r.2)");
    if (has_bits(m)) {
        buf_puts(out, " AND bitAnd(");
        add_used(out, "p");
        buf_puts(out, ", bitNot(");
        add_used(out, "r");
        buf_puts(out, ")) = 0");
    }
    if (has_opened(m))
        buf_puts(out, " AND (r.3 = 0 OR arrayAll((i, j) -> i >= j, p.8, r.8))");
}

/* What new runs must share to be compared by start and times alone; false = nothing. */
static bool add_kind(const struct match *m, const char *r, struct buf *out)
{
    bool has_exclusions = m->f->exclusion_count > 0;
    if (!has_exclusions && m->f->optional == 0 && !has_bits(m))
        return false;
    buf_printf(out, has_exclusions ? "(1 - %s.3" : "(0", r);
    if (m->f->optional != 0)
        buf_printf(out, ", 255 - %s.2", r);
    if (has_bits(m))
        buf_printf(out, ", %s.6", r);
    if (has_opened(m))
        buf_printf(out, ", %s.8)", r);
    else
        buf_puts(out, ", 0)");
    return true;
}

/* new runs → the best of each kind → those of them that none of the others replaces */
static void add_best_runs(const struct match *m, const struct tables *t, struct buf *out)
{
    struct buf kind = {0}, before = {0};
    if (!add_kind(m, "r", &kind)) {
        buf_puts(out, "arraySlice(arraySort(r -> (-r.4, r.7), ");
        add_new_runs(m, t, out);
        buf_puts(out, "), 1, 1)");
        return;
    }
    add_kind(m, "p", &before);
    buf_puts(out, "arrayMap(n -> arrayFilter((r, i) -> NOT arrayExists((p, k) -> k != i AND ");
    add_replaces(m, out);
    buf_printf(out,
               ", n, arrayEnumerate(n)), n, arrayEnumerate(n)), [arrayMap(n -> arrayFilter((r, p, "
               "i) -> i = 1 OR %s != %s, n, arrayPopBack(arrayPushFront(n, n[1])), "
               "arrayEnumerate(n)), [arraySort(r -> (%s, -r.4, r.7), ",
               buf_text(&kind), buf_text(&before), buf_text(&kind));
    add_new_runs(m, t, out);
    buf_puts(out, ")])[1]])[1]");
    buf_done(&kind);
    buf_done(&before);
}

/* Those of the new runs `n` that no former one replaces: it ended earlier. */
static void add_fresh(const struct match *m, const struct tables *t, struct buf *out)
{
    buf_puts(out, "arrayFilter(r -> NOT arrayExists(p -> p.1 = y.2 AND (p.5 = r.5 OR ");
    add_pick(out, t->late, m->f->step_count, "y.2");
    buf_puts(out, " = 0) AND ");
    add_replaces(m, out);
    buf_puts(out, ", a.1), n)");
}

/* The partial runs after the slot: what can still go on, and `n`, its new ones. */
static void add_kept(const struct match *m, const struct tables *t, struct buf *out)
{
    buf_puts(out, "arrayConcat(arrayFilter(r -> r.4 >= y.7 AND r.5 >= y.8");
    if (m->f->has_gaps) {
        buf_puts(out, " AND r.5 >= y.1 - ");
        add_pick(out, t->reach, m->f->step_count, "r.1");
    }
    buf_puts(out, " AND NOT (r.1 = y.2 AND arrayExists(p -> (p.5 = r.5 OR ");
    add_pick(out, t->soon, m->f->step_count, "y.2");
    buf_puts(out, " = 0) AND ");
    add_replaces(m, out);
    buf_printf(out, ", n)), a.1), arrayFilter(r -> y.2 < %d, n))", m->n);
}

/* The best whole run (depth, optional steps, end, start, times): the new one `r`, or the former. */
static void add_choice(const struct match *m, const struct tables *t, struct buf *out)
{
    struct buf times = {0}, depth = {0};
    if (m->f->order == FUNNEL_STRICT)
        buf_printf(&times, "arrayConcat(arrayResize(CAST([], 'Array(Int64)'), %d - r.1, %s), r.7)",
                   m->n, never);
    else
        buf_printf(&times, "arrayResize(r.7, %d, %s)", m->n, never);
    buf_puts(&depth, "toUInt8(");
    add_pick(&depth, t->depth, m->f->step_count, "y.2");
    buf_puts(&depth, ")");
    buf_printf(out,
               "arraySort(r -> (-toInt16(r.1), -toInt16(r.2), r.3, -r.4, r.5), "
               "arrayPushBack(arrayMap(r -> "
               "(%s, r.2, r.5, r.4, %s), arrayFilter(r -> r.3 = 1, n)), a.3))[1]",
               buf_text(&depth), buf_text(&times));
    buf_done(&times);
    buf_done(&depth);
}

static void fold(struct match *m, const struct tables *t)
{
    struct buf step = {0};
    buf_puts(&step, "arrayMap(n -> (");
    add_kept(m, t, &step);
    buf_puts(&step, ", greatest(a.2, if(empty(n), toUInt8(0), toUInt8(");
    add_pick(&step, t->depth, m->f->step_count, "y.2");
    buf_puts(&step, "))), ");
    add_choice(m, t, &step);
    buf_puts(&step, "), [arrayMap(n -> ");
    add_fresh(m, t, &step);
    buf_puts(&step, ", [");
    add_best_runs(m, t, &step);
    buf_puts(&step, "])[1]])[1]");
    funnel_wrap(m,
                "SELECT %s, arrayFold((a, y) -> %s, slots, CAST(([], 0, (0, 0, 0, 0, [])), "
                "'Tuple(Array(Tuple(UInt8, UInt8, UInt8, Int64, Int64, UInt64, Array(Int64)%s)), "
                "UInt8, Tuple(UInt8, UInt8, Int64, Int64, Array(Int64)))')) AS found FROM (@)",
                m->keep, buf_text(&step), has_opened(m) ? ", Array(Int64)" : "");
    buf_done(&step);
}

void funnel_search(struct match *m)
{
    struct tables t;
    fill_tables(m, &t);
    group_times(m);
    lay_slots(m, &t);
    funnel_by_length(m, "slots");
    fold(m, &t);
    funnel_wrap(m,
                "SELECT %s, found.2 AS deepest, found.3.1 AS depth, found.3.5 AS z FROM (@) "
                "WHERE deepest > 0",
                m->keep);
    if (m->f->order == FUNNEL_STRICT)
        funnel_wrap(m, "SELECT * REPLACE(arrayMap(x -> if(x > 0, x, -x), arrayReverse(z)) AS z) "
                       "FROM (@)");
    funnel_wrap(m,
                "SELECT %s, deepest, depth, arrayFilter(x -> x != %s, z) AS tt, arrayFilter((i, x) "
                "-> x != %s, arrayEnumerate(z), z) AS nn FROM (@)",
                m->keep, never, never);
}
