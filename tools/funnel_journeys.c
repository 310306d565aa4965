/* From the runs of an actor to the one that counts, with its value and the place of its end. */
#include <stdio.h>

#include "funnel_internal.h"

/* The time of a step (0 = not reached), as SQL over tt and nn. */
static void add_time_at(const struct match *m, size_t step, struct buf *out)
{
    buf_printf(out, m->f->optional != 0 ? "tt[indexOf(nn, %zu)]" : "tt[%zu]", step);
}

void funnel_rank(const struct funnel *f, struct buf *out)
{
    if (f->optional != 0)
        buf_printf(out, "(arrayCount(x -> NOT bitTest(toUInt32(%lu), x - 1), nn), ",
                   (unsigned long)f->optional);
    else
        buf_puts(out, "(");
    buf_puts(out, "length(tt), -tt[-1], tt[1])");
}

/* --- several runs of one actor -------------------------------------------------------------- */

/* Of the runs of an actor (and value, and interval) the best that is not spoilt, unless a spoilt
 * one is deeper. */
static void choose(struct match *m)
{
    const struct funnel *f = m->f;
    if (m->is_tagged)
        funnel_wrap(m,
                    "SELECT *, arrayEnumerate(tt) AS nn, length(tt) AS deepest, "
                    "if(whole AND deepest = %d, 0, deepest) AS depth FROM (@)",
                    m->n);
    else if (!m->is_hard)
        funnel_wrap(m,
                    "SELECT *, arrayEnumerate(tt) AS nn, length(tt) AS deepest, deepest AS depth "
                    "FROM (@)");
    bool has_values = m->has_values;
    bool is_value_key = has_values && (m->by_value || f->attribution == FUNNEL_ALL_EVENTS);
    struct buf rank = {0}, keys = {0};
    /* Of equal times the earlier steps, in strict funnels the later ones. */
    buf_puts(&rank, "(depth, length(tt), -tt[-1], tt[1], ");
    if (f->order == FUNNEL_STRICT)
        buf_printf(&rank, "arrayReverse(arrayMap(x -> tt[indexOf(nn, x)], range(1, %d)))",
                   m->n + 1);
    else
        buf_printf(&rank,
                   "arrayMap(x -> if(has(nn, x), -tt[indexOf(nn, x)], "
                   "toInt64(-9223372036854775807)), range(1, %d))",
                   m->n + 1);
    buf_printf(&rank, "%s)", f->hold != NULL && json_array_size(f->hold) > 0 ? ", held" : "");
    buf_printf(&keys, "who%s%s", is_value_key ? ", v" : "", m->is_trend ? ", entry" : "");
    bool carries_value = has_values && !is_value_key;
    funnel_wrap(m,
                "SELECT %s, argMax((tt, nn, depth%s%s), %s) AS best, max(deepest) AS most "
                "FROM (@) GROUP BY %s",
                buf_text(&keys), carries_value ? ", v" : "", m->has_places ? ", places" : "",
                buf_text(&rank), buf_text(&keys));
    funnel_wrap(m, "SELECT %s, best.1 AS tt, best.2 AS nn%s%s FROM (@) WHERE best.3 = most",
                buf_text(&keys), carries_value ? ", best.4 AS v" : "",
                !m->has_places  ? ""
                : carries_value ? ", best.5 AS places"
                                : ", best.4 AS places");
    buf_done(&rank);
    buf_done(&keys);
}

/* --- what the run carries --------------------------------------------------------------------- */

/* Which of the events at the attribution step's time it is: equal steps before it took others. */
static void pick_value(struct match *m)
{
    size_t step = m->f->attribution_step;
    struct buf at = {0}, same = {0};
    add_time_at(m, step, &at);
    buf_puts(&same, "1");
    for (size_t j = 1; j < step; j++)
        if (m->f->classes[j - 1] == m->f->classes[step - 1]) {
            buf_puts(&same, " + (");
            add_time_at(m, j, &same);
            buf_printf(&same, " = %s)", buf_text(&at));
        }
    funnel_wrap(m, "SELECT * REPLACE(arrayFilter(x -> x.1 = %s, v) AS v) FROM (@) WHERE %s > 0",
                buf_text(&at), buf_text(&at));
    funnel_wrap(m, "SELECT * REPLACE(v[least(length(v), %s)].3 AS v) FROM (@)", buf_text(&same));
    buf_done(&at);
    buf_done(&same);
}

static void finish(struct match *m)
{
    if (m->by_value) { /* who reaches the attribution step under no value is left out */
        funnel_wrap(m, "SELECT *, max(length(tt)) OVER (PARTITION BY who) AS reached FROM (@)");
        funnel_wrap(m, "SELECT * FROM (@) WHERE reached >= %zu AND notEmpty(tt)",
                    m->f->attribution_step);
    } else if (m->has_values && m->f->attribution == FUNNEL_STEP) {
        pick_value(m);
    }
    bool has_numbers = m->is_hard || m->is_tagged || json_array_size(m->f->hold) > 0;
    if (!has_numbers)
        funnel_wrap(m, "SELECT *, arrayEnumerate(tt) AS nn FROM (@)");
    if (m->is_trend) {
        funnel_wrap(m, "SELECT * FROM (@) WHERE has(nn, %zu)", m->f->from_step);
        funnel_wrap(m,
                    "SELECT * REPLACE(arrayFilter((x, i) -> i <= %zu, tt, nn) AS tt, "
                    "arrayFilter(i -> i <= %zu, nn) AS nn) FROM (@)",
                    m->f->to_step, m->f->to_step);
    }
    struct buf columns = {0};
    if (m->has_values)
        buf_printf(&columns, "if(empty(v), arrayResize(CAST([], 'Array(String)'), %zu), v) AS v, ",
                   json_array_size(m->f->breakdown));
    if (m->has_places) {
        funnel_wrap(m, "SELECT *, arrayFilter(x -> x.1 = tt[-1], places)[-1].3 AS place FROM (@)");
        buf_puts(&columns, "place, ");
    }
    if (m->is_trend)
        buf_puts(&columns, "entry, ");
    funnel_wrap(m, "SELECT who, %snn, arrayMap(x -> x + %s, tt) AS tt FROM (@)", buf_text(&columns),
                buf_text(&m->shift));
    buf_done(&columns);
}

/* --- the whole ----------------------------------------------------------------------------------
 */

/* Strict funnels look at all events, so that a number for each would not do. */
static bool is_single(const struct funnel *f)
{
    return f->is_disjoint && f->order != FUNNEL_STRICT &&
           (f->order == FUNNEL_UNORDERED || f->class_count == f->step_count);
}

static void decide(struct match *m, unsigned columns)
{
    const struct funnel *f = m->f;
    bool holds = json_array_size(f->hold) > 0;
    m->n = (int)f->step_count;
    m->has_values = (columns & FUNNEL_VALUES) && json_array_size(f->breakdown) > 0;
    m->has_places = columns & FUNNEL_PLACES;
    m->is_trend = f->view == FUNNEL_TREND;
    m->is_hard =
        f->order != FUNNEL_UNORDERED && (f->optional != 0 || f->has_gaps || f->exclusion_count > 0);
    m->by_value = m->has_values && f->attribution == FUNNEL_STEP && f->order == FUNNEL_UNORDERED;
    m->is_tagged = f->order == FUNNEL_UNORDERED && f->exclusion_count > 0;
    bool is_touch = f->attribution == FUNNEL_FIRST_TOUCH || f->attribution == FUNNEL_LAST_TOUCH;
    m->has_key = holds || (m->has_values && f->attribution == FUNNEL_ALL_EVENTS);
    m->is_split = m->has_key && (f->order == FUNNEL_STRICT || f->exclusion_count > 0 ||
                                 (holds && m->has_values && (is_touch || m->by_value)));
    m->is_single = is_single(f);
    m->is_packed =
        m->is_single && !m->is_hard && !m->is_split && !m->by_value && f->exclusion_count == 0;
}

static void build(struct match *m)
{
    if (m->is_hard)
        funnel_search(m);
    else if (m->f->order == FUNNEL_UNORDERED)
        funnel_unordered(m);
    else
        funnel_match(m);
    if (json_array_size(m->f->hold) > 0 || m->is_tagged)
        choose(m);
    else if (m->is_hard)
        funnel_wrap(m, "SELECT * FROM (@) WHERE depth = deepest");
    finish(m);
}

int funnel_journeys(const struct run *run, const struct funnel *f, unsigned columns,
                    struct query *q, struct buf *out, struct err *ret_err)
{
    struct match m = {.run = run, .f = f, .q = q};
    decide(&m, columns);
    query_bind_integer(q, &m.window, f->within_us);
    query_bind_integer(q, &m.shift, run->period.from_us - f->within_us - 1);
    int rc = funnel_events(&m, ret_err);
    if (rc == 0) {
        build(&m);
        buf_puts(out, buf_text(&m.sql));
    }
    buf_done(&m.window);
    buf_done(&m.shift);
    buf_done(&m.sql);
    return rc;
}
