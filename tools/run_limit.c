/* How long a run may take: one timer for all runs of the workspace. */
#include <stdio.h>

#include "period.h"
#include "run_internal.h"

static uint64_t deadline_ns(const struct run_state *r)
{
    return r->started_ns + r->total_ms * 1000000;
}

static void on_time(uv_timer_t *timer);

static void set_timer(struct workspace *w)
{
    uv_timer_stop(&w->limit);
    uint64_t first = UINT64_MAX, now = uv_hrtime();
    for (const struct run_state *r = w->limited; r != NULL; r = r->limited_next)
        first = deadline_ns(r) < first ? deadline_ns(r) : first;
    if (first == UINT64_MAX)
        return;
    uv_update_time(w->db->loop);
    uv_timer_start(&w->limit, on_time, first > now ? (first - now) / 1000000 + 1 : 0, 0);
}

static void on_time(uv_timer_t *timer)
{
    struct workspace *w = timer->data;
    uint64_t now = uv_hrtime();
    /* Whoever hears of an end may end others: begin again after each. */
    for (struct run_state *r = w->limited; r != NULL;) {
        if (deadline_ns(r) > now) {
            r = r->limited_next;
            continue;
        }
        run_expire(r);
        r = w->limited;
    }
    set_timer(w);
}

void limit_forget(struct run_state *r)
{
    struct workspace *w = r->run.workspace;
    if (r->limited_next != NULL)
        r->limited_next->limited_prev = r->limited_prev;
    if (r->limited_prev != NULL)
        r->limited_prev->limited_next = r->limited_next;
    else if (w->limited == r)
        w->limited = r->limited_next;
    r->limited_next = r->limited_prev = NULL;
    if (w->limited == NULL)
        uv_timer_stop(&w->limit);
}

void run_limit(struct run *run, uint64_t total_ms, uint64_t query_ms)
{
    struct run_state *r = run_state_of(run);
    struct workspace *w = run->workspace;
    limit_forget(r);
    r->total_ms = total_ms;
    r->query_ms = query_ms;
    if (total_ms != 0) {
        r->limited_next = w->limited;
        if (w->limited != NULL)
            w->limited->limited_prev = r;
        w->limited = r;
    }
    set_timer(w);
}

/* What would make this call smaller, by the arguments that its tool has and that it was given. */
static void add_advice(const struct run_state *r, struct buf *out)
{
    static const struct {
        const char *param, *advice;
        bool if_given;
    } others[] = {
        {"filters", "add filters", false},
        {"breakdown", "split by fewer fields", true},
        {"by", "leave out by", true},
        {"periods", "ask for fewer periods", false},
        {"limit", "ask for fewer rows (limit)", false},
    };
    const struct tool *tool = r->run.subject;
    const struct period *p = &r->run.period;
    const char *comma = "";
    if (run_takes(tool, "from")) {
        buf_puts(out, "ask for a shorter period (from, to");
        if (p->to_us > p->from_us) {
            char from[48], to[48];
            period_format_date(p->from_us, p->zone, from, sizeof from);
            period_format_date(p->to_us - 1, p->zone, to, sizeof to);
            buf_printf(out, "; this one is %s to %s", from, to);
        }
        buf_putc(out, ')');
        comma = ", ";
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (!run_takes(tool, others[i].param) ||
            (others[i].if_given && json_object_get(r->run.arguments, others[i].param) == NULL))
            continue;
        buf_printf(out, "%s%s", comma, others[i].advice);
        comma = ", ";
    }
    if (comma[0] == '\0')
        buf_puts(out, "try again when the database has less to do");
}

void limit_advise(struct run_state *r)
{
    struct err *err = &r->failure;
    struct buf text = {0};
    uint64_t ms = err->engine_code == 0 ? r->total_ms
                  : r->query_ms != 0    ? r->query_ms
                                        : db_limits_default.time_ms;
    buf_printf(&text,
               "%s ran longer than the %.15g s that it may take, and was stopped; to get an "
               "answer: ",
               err->engine_code == 0 ? "the call" : "a query", (double)ms / 1000);
    add_advice(r, &text);
    if (!buf_failed(&text))
        snprintf(err->text, sizeof err->text, "%s", buf_text(&text));
    buf_done(&text);
}
