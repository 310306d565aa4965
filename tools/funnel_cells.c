/* Who stands in a cell of a funnel: list_actors. */
#include <stdio.h>
#include <string.h>

#include "cell.h"
#include "funnel_result.h"
#include "json.h"
#include "period.h"
#include "sql_text.h"

struct cell {
    char reached[96];     /* SQL over nn */
    struct buf inside;    /* SQL: which interval */
    const json_t *values; /* of the breakdown, or NULL */
};

/* reached at k; dropped at k = reached the required step before, not k (nobody at step 1). In a
 * trend, without a step: converted, or entered and not converted. */
static int read_step(const struct funnel *f, const json_t *cell, struct cell *c,
                     struct err *ret_err)
{
    bool is_trend = f->view == FUNNEL_TREND, has_step = json_object_get(cell, "step") != NULL;
    json_int_t step = json_get_integer(cell, "step", is_trend ? (json_int_t)f->to_step : 0);
    const char *outcome = json_get_string(cell, "outcome", "reached");
    bool is_dropped = strcmp(outcome, "dropped") == 0;
    size_t last = is_trend ? f->to_step : f->step_count;
    if (step < 1 || step > (json_int_t)last)
        return err_set(ret_err, ERR_ARGUMENT, "cell.step", "a step from 1 to %zu", last);
    if (!is_dropped && strcmp(outcome, "reached") != 0)
        return err_set(ret_err, ERR_ARGUMENT, "cell.outcome", "reached or dropped");
    size_t before = is_trend && !has_step ? f->from_step : funnel_required_before(f, (size_t)step);
    if (is_dropped)
        snprintf(c->reached, sizeof c->reached, "(has(nn, %zu) AND NOT has(nn, %lld))", before,
                 (long long)step);
    else
        snprintf(c->reached, sizeof c->reached, "has(nn, %lld)", (long long)step);
    return 0;
}

/* The interval that begins at `time`. */
static int read_time(const struct run *run, const struct funnel *f, const json_t *cell,
                     struct query *q, struct cell *c, struct err *ret_err)
{
    if (f->view != FUNNEL_TREND) {
        buf_putc(&c->inside, '1');
        return 0;
    }
    const char *text = json_get_string(cell, "time", NULL);
    int64_t us = 0;
    if (text == NULL)
        return err_set(ret_err, ERR_ARGUMENT, "cell.time", "the time of a point of the trend");
    int rc = period_parse(text, "cell.time", false, run->period.complete_until_us, run->period.zone,
                          &us, ret_err);
    if (rc < 0)
        return rc;
    if (interval_start_us(run->period.zone, f->interval, f->sunday_weeks, us) != us)
        return err_set(ret_err, ERR_ARGUMENT, "cell.time", "no %s begins then",
                       json_get_string(run->arguments, "interval", "day"));
    buf_puts(&c->inside, "entry = ");
    query_bind_integer(q, &c->inside, us);
    return 0;
}

static int add_query(struct run *run, const struct funnel *f, struct query *q, struct cell *c,
                     struct err *ret_err)
{
    struct buf journeys = {0}, rank = {0};
    bool has_values = c->values != NULL;
    int rc = funnel_journeys(run, f, FUNNEL_PLACES | (has_values ? FUNNEL_VALUES : 0), q, &journeys,
                             ret_err);
    funnel_rank(f, &rank);
    if (rc == 0 && (buf_failed(&journeys) || buf_failed(&rank) || buf_failed(&c->inside)))
        rc = err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    struct query_fragment fragments[] = {{"journeys", buf_text(&journeys)},
                                         {"inside", buf_text(&c->inside)},
                                         {"reached", c->reached},
                                         {has_values ? "rank" : NULL, buf_text(&rank)},
                                         {0}};
    if (rc == 0)
        rc = cell_plan_actors(run, q,
                              has_values ? &sql_run_funnel_value_actors : &sql_run_funnel_actors,
                              fragments, ret_err);
    buf_done(&journeys);
    buf_done(&rank);
    return rc;
}

int funnel_plan_actors(struct run *run, const json_t *cell, struct err *ret_err)
{
    struct funnel f;
    struct cell c = {0};
    struct query q;
    json_t *values = NULL;
    query_init(&q);
    int rc = funnel_read(run->arguments, &f, ret_err);
    if (rc == 0)
        rc = read_step(&f, cell, &c, ret_err);
    if (rc == 0)
        rc = read_time(run, &f, cell, &q, &c, ret_err);
    if (rc == 0)
        rc = cell_values(cell, json_array_size(f.breakdown), &values, ret_err);
    c.values = values;
    if (rc == 0 && values != NULL) {
        query_set_integer(&q, "breakdown_limit", f.breakdown_limit);
        query_set_texts(&q, "values", values);
        query_set_integer(&q, "is_other", cell_is_other(values));
    }
    if (rc == 0)
        rc = add_query(run, &f, &q, &c, ret_err);
    buf_done(&c.inside);
    query_done(&q);
    return rc;
}
