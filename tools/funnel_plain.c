/* Thousands of actors share one sorted array of numbers, so that no state for each actor is ever
 * made: actor | time | step. The passes are those of funnel_match.c; they need no care where one
 * actor ends, because the next one's times lie further away than any window. Where actors are texts
 * their hashes decide which array they share, and number them inside it. */
#include "funnel_plain.h"

#include <stdio.h>

#include "events.h"
#include "funnel_internal.h"
#include "segment.h"
#include "sql_text.h"

/* How a number is made up: the actor, from 1, time since the start of the period, step. */
struct layout {
    int actor_bits, time_bits, step_bits;
    bool has_number;
    int bucket_bits; /* without numbers: of the hash that says which array */
};

static int bits_of(uint64_t value)
{
    return value == 0 ? 0 : 64 - __builtin_clzll(value);
}

/* False when the period is too long for a useful number of actors to share an array. */
static bool fit_numbers(struct layout *l)
{
    enum { ACTOR_BITS_MIN = 4, ACTOR_BITS_MAX = 12 };
    if (l->actor_bits > ACTOR_BITS_MAX)
        l->actor_bits = ACTOR_BITS_MAX;
    return l->actor_bits >= ACTOR_BITS_MIN;
}

/* As many arrays that each can number eight times the actors that its share of the rows could name,
 * and all of them together 67 million, should the table have grown since its size was read. False
 * where that would be too many, or where nobody knows how large the table is. */
static bool fit_texts(const struct source *s, struct layout *l)
{
    enum {
        ACTOR_BITS_MAX = 16,
        ROWS_BITS = 12,
        SPARE_BITS = 3,
        ALL_BITS = 26,
        BUCKET_BITS_MAX = 18
    };
    if (l->actor_bits > ACTOR_BITS_MAX)
        l->actor_bits = ACTOR_BITS_MAX;
    int rows_bits = l->actor_bits - SPARE_BITS;
    if (s->rows == 0 || rows_bits < 0)
        return false;
    if (rows_bits > ROWS_BITS)
        rows_bits = ROWS_BITS;
    l->bucket_bits = bits_of((uint64_t)s->rows >> rows_bits);
    if (l->bucket_bits < ALL_BITS - l->actor_bits)
        l->bucket_bits = ALL_BITS - l->actor_bits;
    return l->bucket_bits <= BUCKET_BITS_MAX;
}

static bool read_layout(const struct run *run, const struct funnel *f, struct layout *ret_layout)
{
    const struct period *p = &run->period;
    if (p->to_us <= p->from_us || (p->from_us < 0 && p->to_us > INT64_MAX + p->from_us))
        return false;
    uint64_t range = (uint64_t)(p->to_us - p->from_us);
    struct layout l = {.time_bits = bits_of(range + (uint64_t)f->within_us),
                       .step_bits = bits_of(f->step_count),
                       .has_number = scope_has_number(run)};
    l.actor_bits = 63 - l.time_bits - l.step_bits;
    bool is_fit = l.has_number ? fit_numbers(&l) : fit_texts(run->source, &l);
    if (is_fit)
        *ret_layout = l;
    return is_fit;
}

bool funnel_is_plain(const struct run *run, const struct funnel *f)
{
    struct layout layout;
    bool has_options = f->optional != 0 || f->has_gaps || f->exclusion_count > 0 ||
                       json_array_size(f->hold) > 0 || json_array_size(f->breakdown) > 0;
    return f->step_count > 1 && f->order == FUNNEL_ORDERED && f->is_disjoint && !has_options &&
           f->class_count == f->step_count && read_layout(run, f, &layout);
}

/* --- the arrays ------------------------------------------------------------------------------ */

/* What of a number tells the actors that share an array apart. */
static unsigned long long actor_mask(const struct layout *l)
{
    return ~((1ULL << (l->time_bits + l->step_bits)) - 1);
}

/* _at: the number of an event without its actor. */
static int add_at(const struct match *m, const struct layout *l, struct events *e,
                  struct err *ret_err)
{
    struct buf any = {0}, step = {0}, from = {0};
    int rc = 0;
    for (int i = 1; rc == 0 && i <= m->n; i++) {
        char name[16], path[32];
        snprintf(name, sizeof name, "_is_%d", i);
        snprintf(path, sizeof path, "steps[%d]", i - 1);
        rc = events_match(e, name, json_array_get(m->f->steps, (size_t)i - 1), path, ret_err);
        buf_printf(&any, "%s%s", i > 1 ? " OR " : "", name);
        buf_printf(&step, "%s, %d, ", name, i);
    }
    if (rc == 0) {
        query_bind_integer(m->q, &from, m->run->period.from_us);
        events_where(e, "%s", buf_text(&any));
        events_column(e, "_at", "bitShiftLeft(toUInt64(_us - %s), %d) + multiIf(%s0)",
                      buf_text(&from), l->step_bits, buf_text(&step));
    }
    buf_done(&any);
    buf_done(&step);
    buf_done(&from);
    return rc;
}

/* u: the numbers of 2^actor_bits actors. */
static void gather_numbers(struct match *m, const struct layout *l)
{
    funnel_wrap(m,
                "SELECT groupArray(bitShiftLeft(toUInt64(bitAnd(_key, %d) + 1), %d) + _at) AS u "
                "FROM (@) GROUP BY bitShiftRight(_key, %d)",
                (1 << l->actor_bits) - 1, l->time_bits + l->step_bits, l->actor_bits);
}

/* u: the numbers of the actors whose hashes say so. Actors are told apart by these bits and all of
 * a second hash, which stays beside the event until it is known who shares the array. */
static void gather_texts(struct match *m, const struct layout *l)
{
    funnel_wrap(m,
                "SELECT groupArray(bitShiftLeft(toUInt128(cityHash64(_who)), 64) + _at) AS w "
                "FROM (@) GROUP BY toUInt32(bitAnd(xxh3(_who), %d))",
                (1 << l->bucket_bits) - 1);
    funnel_wrap(m,
                "SELECT arrayMap((x, a) -> bitShiftLeft(toUInt64(a), %d) + toUInt64(x), w, "
                "arrayEnumerateDense(arrayMap(x -> toUInt64(bitShiftRight(x, 64)), w))) AS u "
                "FROM (@)",
                l->time_bits + l->step_bits);
}

/* p: one sorted array for many actors, between two sentinels: 0, because arrayFill keeps the first
 * element as it is, and a start of an actor who comes after all. */
static int gather(struct match *m, const struct layout *l, struct err *ret_err)
{
    const struct period *p = &m->run->period;
    struct events e;
    int rc = events_begin(&e, m->run, m->q, p->from_us, p->to_us, ret_err);
    if (rc < 0)
        return rc;
    rc = add_at(m, l, &e, ret_err);
    if (rc < 0) {
        events_drop(&e);
        return rc;
    }
    events_end(&e, &m->sql);
    if (l->has_number)
        gather_numbers(m, l);
    else
        gather_texts(m, l);
    funnel_wrap(m,
                "SELECT arrayConcat([toUInt64(0)], arraySort(u), [toUInt64(%llu)]) AS p FROM (@)",
                actor_mask(l) + 1);
    return 0;
}

/* k: the steps in p. s1, s2, …: at every position the latest start that has reached the step there;
 * several in one SELECT, since each names only the one before. */
static void fill_starts(struct match *m, const struct layout *l)
{
    enum { AT_ONCE = 4 };
    struct buf fills = {0};
    funnel_wrap(m, "SELECT p, arrayMap(x -> toUInt8(bitAnd(x, %d)), p) AS k FROM (@)",
                (1 << l->step_bits) - 1);
    for (int j = 1; j <= m->n; j++) {
        if (j == 1)
            buf_puts(&fills, ", arrayFill((x, y) -> y = 1, p, k) AS s1");
        else /* a packed number of step j is j - 1 more than one of step 1 at the same time */
            buf_printf(&fills,
                       ", arrayFill((x, y, z) -> y = %d AND z - x <= bitShiftLeft(toUInt64(%s), "
                       "%d) + %d, s%d, k, p) AS s%d",
                       j, buf_text(&m->window), l->step_bits, j - 1, j - 1, j);
        if (j % AT_ONCE != 0 && j != m->n)
            continue;
        funnel_wrap(m, "SELECT *%s FROM (@)", buf_text(&fills));
        buf_reset(&fills);
    }
    buf_done(&fills);
}

/* w: the runs, one after the other, step by step. An event is its run's step k when the latest
 * start that has reached k comes to be the run's or a later one with it: `lo` is that start before
 * the event, `hi` after it. */
static void take_runs(struct match *m, const struct layout *l)
{
    const unsigned long long mask = actor_mask(l);
    struct buf starts = {0}, pick = {0};
    for (int j = m->n; j > 1; j--) {
        buf_printf(&starts, "s%d, ", j);
        buf_printf(&pick, "k = %d, s%d, ", j, j);
    }
    buf_puts(&starts, "s1");
    funnel_wrap(m,
                "SELECT p, arrayMap((k, %s) -> multiIf(%ss1), k, %s) AS hi, "
                "arrayPushFront(arrayPopBack(arrayMap((k, %s) -> multiIf(%ss1), "
                "arrayPushBack(arrayPopFront(k), toUInt8(0)), %s)), toUInt64(0)) AS lo FROM (@)",
                buf_text(&starts), buf_text(&pick), buf_text(&starts), buf_text(&starts),
                buf_text(&pick), buf_text(&starts));
    /* next: the next event, or this one, with which its actor reaches a step for the first time */
    funnel_wrap(m,
                "SELECT p, lo, hi, arrayReverseFill((x, l, h) -> l < bitAnd(x, toUInt64(%llu)) AND "
                "h >= bitAnd(x, toUInt64(%llu)), p, lo, hi) AS next FROM (@)",
                mask, mask);
    /* began: the start of the run that ends there, with the actor's last such event, or later */
    funnel_wrap(m,
                "SELECT p, lo, hi, arrayReverseFill((h, x, y, z) -> x = y AND bitXor(x, z) >= "
                "%llu, hi, p, next, arrayPushBack(arrayPopFront(next), toUInt64(0))) AS began "
                "FROM (@)",
                1ULL << (l->time_bits + l->step_bits));
    funnel_wrap(m, "SELECT arrayPopBack(arrayFilter((x, l, h, b) -> l < b AND b <= h, p, lo, hi, "
                   "began)) AS w FROM (@)");
    buf_done(&starts);
    buf_done(&pick);
}

/* taken: (step, how long after the step before) for every step of every run; step 0: the whole way
 * of those who went it. Where nobody has a run `w` is empty, and so must be what it is compared to.
 */
static void take_times(struct match *m, const struct layout *l)
{
    const int bits = l->step_bits, steps = (1 << bits) - 1;
    struct buf zeros = {0};
    for (int j = 1; j < m->n; j++)
        buf_printf(&zeros, "%stoUInt64(0)", j > 1 ? ", " : "");
    funnel_wrap(m,
                "SELECT arrayJoin(arrayConcat(arrayMap((x, y) -> (toUInt8(bitAnd(x, %d)), "
                "if(bitAnd(x, %d) = 1, 0, bitShiftRight(x, %d) - bitShiftRight(y, %d))), w, "
                "arrayResize(arrayConcat([toUInt64(0)], w), length(w))), "
                "arrayMap((x, y) -> (toUInt8(0), bitShiftRight(x, %d) - bitShiftRight(y, %d)), "
                "arrayFilter(x -> bitAnd(x, %d) = %d, w), arrayFilter((x, y) -> bitAnd(y, %d) = "
                "%d, arrayResize(arrayConcat([%s], w), length(w)), w)))) AS taken FROM (@)",
                steps, steps, bits, bits, bits, bits, steps, m->n, steps, m->n, buf_text(&zeros));
    buf_done(&zeros);
}

int funnel_plain_plan(struct run *run, const struct funnel *f, struct err *ret_err)
{
    struct query q;
    struct layout layout = {0};
    read_layout(run, f, &layout);
    query_init(&q);
    struct match m = {.run = run, .f = f, .q = &q, .n = (int)f->step_count};
    query_bind_integer(&q, &m.window, f->within_us);
    int rc = gather(&m, &layout, ret_err);
    if (rc == 0) {
        fill_starts(&m, &layout);
        take_runs(&m, &layout);
        take_times(&m, &layout);
        rc = run_query(run, &q, &sql_run_funnel_plain,
                       (const struct query_fragment[]){{"taken", buf_text(&m.sql)}, {0}},
                       FUNNEL_MAX_STEPS + 1, ret_err);
    }
    buf_done(&m.sql);
    buf_done(&m.window);
    query_done(&q);
    return rc < 0 ? rc : 0;
}
