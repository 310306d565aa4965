/* Thousands of actors share one sorted array of numbers, so that neither a state for each actor nor
 * a text is ever made: actor | time | step. The passes are those of funnel_match.c; they need no
 * care where one actor ends, because the next one's times lie further away than any window. */
#include "funnel_plain.h"

#include <stdio.h>

#include "events.h"
#include "funnel_internal.h"
#include "segment.h"
#include "sql_text.h"

/* How a number is made up: (actor & mask) + 1, time since the start of the period, step. */
struct layout {
    int actor_bits, time_bits, step_bits;
};

static int bits_of(uint64_t value)
{
    return value == 0 ? 0 : 64 - __builtin_clzll(value);
}

/* False when the period is too long for a useful number of actors to share an array. */
static bool read_layout(const struct run *run, const struct funnel *f, struct layout *ret_layout)
{
    enum { ACTOR_BITS_MIN = 4, ACTOR_BITS_MAX = 12 };
    const struct period *p = &run->period;
    if (p->to_us <= p->from_us || (p->from_us < 0 && p->to_us > INT64_MAX + p->from_us))
        return false;
    uint64_t range = (uint64_t)(p->to_us - p->from_us);
    struct layout l = {.time_bits = bits_of(range + (uint64_t)f->within_us),
                       .step_bits = bits_of(f->step_count)};
    l.actor_bits = 63 - l.time_bits - l.step_bits;
    if (l.actor_bits > ACTOR_BITS_MAX)
        l.actor_bits = ACTOR_BITS_MAX;
    if (l.actor_bits >= ACTOR_BITS_MIN)
        *ret_layout = l;
    return l.actor_bits >= ACTOR_BITS_MIN;
}

bool funnel_is_plain(const struct run *run, const struct funnel *f)
{
    struct layout layout;
    struct buf number = {0};
    bool has_options = f->optional != 0 || f->has_gaps || f->exclusion_count > 0 ||
                       json_array_size(f->hold) > 0 || json_array_size(f->breakdown) > 0;
    bool is_plain = f->step_count > 1 && f->order == FUNNEL_ORDERED && f->is_disjoint &&
                    !has_options && f->class_count == f->step_count && read_layout(run, f, &layout);
    is_plain = is_plain && source_actor_number(run->source, scope_counted(run), NULL, &number);
    buf_done(&number);
    return is_plain;
}

/* --- the arrays ------------------------------------------------------------------------------ */

/* One sorted array for 2^actor_bits actors. */
static int gather(struct match *m, const struct layout *l, struct err *ret_err)
{
    const struct period *p = &m->run->period;
    struct events e;
    struct buf any = {0}, step = {0}, from = {0};
    int rc = events_begin(&e, m->run, m->q, p->from_us, p->to_us, ret_err);
    if (rc < 0)
        return rc;
    for (int i = 1; rc == 0 && i <= m->n; i++) {
        char name[16], path[32];
        snprintf(name, sizeof name, "_is_%d", i);
        snprintf(path, sizeof path, "steps[%d]", i - 1);
        rc = events_match(&e, name, json_array_get(m->f->steps, (size_t)i - 1), path, ret_err);
        buf_printf(&any, "%s%s", i > 1 ? " OR " : "", name);
        buf_printf(&step, "%s, %d, ", name, i);
    }
    if (rc < 0) {
        events_drop(&e);
    } else {
        query_bind_integer(m->q, &from, p->from_us);
        events_where(&e, "%s", buf_text(&any));
        events_column(&e, "_packed",
                      "bitShiftLeft(toUInt64(bitAnd(_key, %d) + 1), %d) + "
                      "bitShiftLeft(toUInt64(_us - %s), %d) + multiIf(%s0)",
                      (1 << l->actor_bits) - 1, l->time_bits + l->step_bits, buf_text(&from),
                      l->step_bits, buf_text(&step));
        events_end(&e, &m->sql);
        funnel_wrap(m,
                    "SELECT arraySort(groupArray(_packed)) AS g FROM (@) "
                    "GROUP BY bitShiftRight(_key, %d)",
                    l->actor_bits);
    }
    m->sql.failed |= any.failed || step.failed || from.failed;
    buf_done(&any);
    buf_done(&step);
    buf_done(&from);
    return rc;
}

/* s1, s2, …: at every position the latest start that has reached the step there. Position 1 is a
 * sentinel, because arrayFill keeps the first element as it is. */
static void fill_starts(struct match *m, const struct layout *l)
{
    funnel_wrap(m, "SELECT arrayPushFront(g, toUInt64(0)) AS p FROM (@)");
    funnel_wrap(m,
                "SELECT p, arrayMap(x -> bitShiftRight(x, %d), p) AS q, "
                "arrayMap(x -> toUInt8(bitAnd(x, %d)), p) AS k FROM (@)",
                l->step_bits, (1 << l->step_bits) - 1);
    funnel_wrap(m, "SELECT *, arrayFill((x, y) -> y = 1, q, k) AS s1 FROM (@)");
    for (int j = 2; j <= m->n; j++)
        funnel_wrap(m,
                    "SELECT *, arrayFill((x, y, z) -> y = %d AND z - x <= %s, s%d, k, q) AS s%d "
                    "FROM (@)",
                    j, buf_text(&m->window), j - 1, j);
}

/* c1, c2, …: how many actors reach each step; w: the packed events of those who reach the second
 * one, from the latest start of their deepest run to its first end. */
static void cut_runs(struct match *m, const struct layout *l)
{
    const int t = l->time_bits;
    struct buf counts = {0}, names = {0}, depth = {0}, pick = {0}, passed = {0};
    for (int j = 1; j <= m->n; j++) {
        buf_printf(&counts, "%slength(arrayCompact(x -> bitShiftRight(x, %d), s%d)) - 1 AS c%d",
                   j > 1 ? ", " : "", t, j, j);
        buf_printf(&passed, "%sc%d", j > 1 ? ", " : "", j);
        if (j > 1)
            buf_printf(&names, ", s%d", j);
    }
    for (int j = m->n; j > 1; j--) {
        buf_printf(&depth, "bitShiftRight(s%d, %d) = bitShiftRight(x, %d), %d, ", j, t, t, j);
        buf_printf(&pick, "d = %d, s%d, ", j, j);
    }
    /* d: the actor's depth, from its last position on all before; 1 stands for 0 as well */
    funnel_wrap(m,
                "SELECT %s, p, q, k%s, arrayReverseFill(x -> x > 0, arrayMap((x, y%s) -> "
                "if(bitShiftRight(x, %d) = bitShiftRight(y, %d), 0, multiIf(%s1)), q, "
                "arrayPushBack(arrayPopFront(q), toUInt64(0))%s)) AS ds FROM (@)",
                buf_text(&counts), buf_text(&names), buf_text(&names), t, t, buf_text(&depth),
                buf_text(&names));
    funnel_wrap(m,
                "SELECT %s, p, q, k, arrayMap((d%s) -> multiIf(%stoUInt64(0)), ds%s) AS s FROM (@)",
                buf_text(&passed), buf_text(&names), buf_text(&pick), buf_text(&names));
    /* b: at the run's end and before it, its start; elsewhere one that is yet to come */
    funnel_wrap(m,
                "SELECT %s, p, q, k, arrayReverseFill((x, y, z) -> bitShiftRight(x, %d) = "
                "bitShiftRight(y, %d) AND bitShiftRight(z, %d) != bitShiftRight(y, %d), "
                "arrayPushBack(s, bitShiftLeft(toUInt64(1), 63)), "
                "arrayPushBack(q, bitShiftLeft(toUInt64(1), 63)), "
                "arrayPushFront(s, toUInt64(0))) AS b FROM (@)",
                buf_text(&passed), t, t, t, t);
    funnel_wrap(
        m,
        "SELECT %s, arrayPushFront(arrayFilter((x, y, z, b) -> y >= b AND (z != 1 OR y = b), "
        "p, q, k, arrayPopBack(b)), toUInt64(0)) AS w FROM (@)",
        buf_text(&passed));
    struct buf *all[] = {&counts, &names, &depth, &pick, &passed};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        m->sql.failed |= all[i]->failed;
        buf_done(all[i]);
    }
}

/* t2, t3, …: from the start each step takes the first event that it can; e2, e3, …: how long after
 * the step before, for each actor who reached it; e0: the whole way. */
static void take_times(struct match *m, const struct layout *l)
{
    struct buf counts = {0}, times = {0};
    for (int j = 1; j <= m->n; j++)
        buf_printf(&counts, "c%d, ", j);
    funnel_wrap(m,
                "SELECT %sarrayMap(x -> bitShiftRight(x, %d), w) AS q, "
                "arrayMap(x -> toUInt8(bitAnd(x, %d)), w) AS k FROM (@)",
                buf_text(&counts), l->step_bits, (1 << l->step_bits) - 1);
    funnel_wrap(m,
                "SELECT *, arrayFill((x, y) -> y = 1, q, k) AS t1, arrayMap((x, y) -> x > 0 AND "
                "bitShiftRight(x, %d) != bitShiftRight(y, %d), q, arrayPushBack(arrayPopFront(q), "
                "toUInt64(0))) AS l FROM (@)",
                l->time_bits, l->time_bits);
    for (int j = 2; j <= m->n; j++) {
        /* a: the last event that could be the step, which shows the first of them */
        funnel_wrap(m,
                    "SELECT *, arrayFill((x, y, z, b) -> y = %d AND z >= b, q, k, t%d, t1) AS a%d "
                    "FROM (@)",
                    j, j - 1, j);
        funnel_wrap(m,
                    "SELECT *, arrayFill((x, y, z, b, a) -> y = %d AND z >= b AND a < b, q, k, "
                    "t%d, t1, arrayPushFront(arrayPopBack(a%d), toUInt64(0))) AS t%d FROM (@)",
                    j, j - 1, j, j);
        buf_printf(&times,
                   "arrayFilter((x, y, b, z) -> z AND y >= b, arrayMap((x, y) -> toInt64(x - y), "
                   "t%d, t%d), t%d, t1, l) AS e%d, ",
                   j, j - 1, j, j);
    }
    funnel_wrap(m,
                "SELECT %s%sarrayFilter((x, y, b, z) -> z AND y >= b, arrayMap((x, y) -> "
                "toInt64(x - y), t%d, t1), t%d, t1, l) AS e0 FROM (@)",
                buf_text(&counts), buf_text(&times), m->n, m->n);
    m->sql.failed |= counts.failed || times.failed;
    buf_done(&counts);
    buf_done(&times);
}

/* --- the figures ----------------------------------------------------------------------------- */

/* One aggregation over the arrays, then a row for each step: (step, n, mean, median, p90). */
static void measure(struct match *m, struct buf *ret_steps)
{
    struct buf sums = {0};
    buf_puts(ret_steps, "(toInt64(1), toInt64(n1), toFloat64(0), toFloat64(0), toFloat64(0))");
    buf_puts(&sums, "sum(c1) AS n1");
    for (int j = 2; j <= m->n + 1; j++) {
        int step = j > m->n ? 0 : j, count = j > m->n ? m->n : j;
        if (step > 0)
            buf_printf(&sums, ", sum(c%d) AS n%d", step, step);
        buf_printf(&sums,
                   ", avgArray(e%d) AS m%d, quantilesExactInclusiveArray(0.5, 0.9)(e%d) AS q%d",
                   step, step, step, step);
        buf_printf(ret_steps,
                   ", (toInt64(%d), toInt64(n%d), toFloat64(m%d), toFloat64(q%d[1]), "
                   "toFloat64(q%d[2]))",
                   step, count, step, step, step);
    }
    funnel_wrap(m, "SELECT %s FROM (@)", buf_text(&sums));
    m->sql.failed |= sums.failed;
    buf_done(&sums);
}

int funnel_plain_plan(struct run *run, const struct funnel *f, struct err *ret_err)
{
    struct query q;
    struct buf steps = {0};
    struct layout layout = {0};
    read_layout(run, f, &layout);
    query_init(&q);
    struct match m = {.run = run, .f = f, .q = &q, .n = (int)f->step_count};
    query_bind_integer(&q, &m.window, f->within_us);
    int rc = gather(&m, &layout, ret_err);
    if (rc == 0) {
        fill_starts(&m, &layout);
        cut_runs(&m, &layout);
        take_times(&m, &layout);
        measure(&m, &steps);
        q.failed |= buf_failed(&m.sql) || buf_failed(&m.window) || buf_failed(&steps);
        rc = run_query(run, &q, &sql_run_funnel_plain,
                       (const struct query_fragment[]){
                           {"steps", buf_text(&steps)}, {"sums", buf_text(&m.sql)}, {0}},
                       FUNNEL_MAX_STEPS + 1, ret_err);
    }
    buf_done(&steps);
    buf_done(&m.sql);
    buf_done(&m.window);
    query_done(&q);
    return rc < 0 ? rc : 0;
}
