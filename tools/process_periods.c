/* One question about two periods of equal length: the one asked for and, with compare, the one
 * before. */
#include <stdlib.h>

#include "process.h"

static int plan(struct run *run, struct process_periods *p, bool is_wide, bool asks_now,
                bool asks_before, struct err *ret_err)
{
    struct process_ask ask = p->ask;
    int rc = 0;
    ask.is_wide = is_wide;
    p->now_at = p->before_at = -1;
    if (asks_now)
        p->now_at = rc = p->question(run, ask, ret_err);
    ask.is_previous = true;
    if (rc >= 0 && asks_before)
        p->before_at = rc = p->question(run, ask, ret_err);
    return rc < 0 ? rc : 0;
}

int process_plan_periods(struct run *run, struct process_periods *p, struct err *ret_err)
{
    return plan(run, p, !process_may_be_narrow(run), true, process_is_compared(run), ret_err);
}

int process_plan_periods_wide(struct run *run, struct process_periods *p, struct err *ret_err)
{
    bool is_asked = process_may_be_narrow(run);
    bool asks_now = is_asked && !process_is_told(p->now);
    bool asks_before = is_asked && p->before != NULL && !process_is_told(p->before);
    return plan(run, p, true, asks_now, asks_before, ret_err);
}

static void keep_rows(const struct run *run, int at, json_t **rows)
{
    if (at < 0)
        return;
    json_decref(*rows);
    *rows = json_incref((json_t *)run_rows(run, at));
}

void process_keep_periods(const struct run *run, struct process_periods *p)
{
    keep_rows(run, p->now_at, &p->now);
    keep_rows(run, p->before_at, &p->before);
}

void process_periods_done(struct process_periods *p)
{
    json_decref(p->now);
    json_decref(p->before);
}

/* --- as steps --------------------------------------------------------------------------------- */

static void periods_free(void *state)
{
    process_periods_done(state);
    free(state);
}

int process_start_periods(struct run *run, process_question *question, struct err *ret_err)
{
    struct process_periods *p = run->state = calloc(1, sizeof *p);
    if (p == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    run->state_free = periods_free;
    p->question = question;
    return process_plan_periods(run, p, ret_err);
}

int process_plan_wide(struct run *run, struct err *ret_err)
{
    return process_plan_periods_wide(run, run->state, ret_err);
}

int process_keep(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    process_keep_periods(run, run->state);
    return 0;
}
