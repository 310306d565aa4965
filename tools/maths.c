#include "maths.h"

#include <string.h>

const char *const math_names[] = {
    [MATH_TOTAL] = "total",
    [MATH_ACTORS] = "actors",
    [MATH_SESSIONS] = "sessions",
    [MATH_WEEKLY_ACTORS] = "weekly_actors",
    [MATH_MONTHLY_ACTORS] = "monthly_actors",
    [MATH_FIRST_TIME] = "first_time",
    [MATH_PER_ACTOR] = "per_actor",
    [MATH_SUM] = "sum",
    [MATH_AVERAGE] = "average",
    [MATH_MIN] = "min",
    [MATH_MAX] = "max",
    [MATH_MEDIAN] = "median",
    [MATH_P75] = "p75",
    [MATH_P90] = "p90",
    [MATH_P95] = "p95",
    [MATH_P99] = "p99",
    [MATHS] = NULL,
};

const char *const math_interval_names[] = {"total",   "actors", "sessions", "per_actor", "sum",
                                           "average", "min",    "max",      "median",    "p75",
                                           "p90",     "p95",    "p99",      NULL};

#define QUANTILE(level, what)                                                                      \
    {                                                                                              \
        "quantileExactInclusive", "(" level ")", 'v', what, .is_counting = false                   \
    }

/* What windows and first times add to this is in run_trend's own statements: these are the actors
 * of the period. */
const struct math maths[MATHS] = {
    [MATH_TOTAL] = {"count", "", 'r', "in total", .is_counting = true},
    [MATH_ACTORS] = {"uniqExact", "", 'a', "actors", .is_counting = true},
    [MATH_SESSIONS] = {"uniqExact", "", 's', "sessions", .is_counting = true},
    [MATH_WEEKLY_ACTORS] = {"uniqExact", "", 'a', "actors", .is_counting = true, .window_days = 7},
    [MATH_MONTHLY_ACTORS] = {"uniqExact", "", 'a', "actors", .is_counting = true,
                             .window_days = 30},
    [MATH_FIRST_TIME] = {"uniqExact", "", 'a', "first-time actors", .is_counting = true},
    [MATH_PER_ACTOR] = {"uniqExact", "", 'a', "per actor", .is_per_actor = true},
    [MATH_SUM] = {"sum", "", 'v', "in sum", .is_counting = true},
    [MATH_AVERAGE] = {"avg", "", 'v', "on average"},
    [MATH_MIN] = {"min", "", 'v', "at least"},
    [MATH_MAX] = {"max", "", 'v', "at most"},
    [MATH_MEDIAN] = QUANTILE("0.5", "in the median"),
    [MATH_P75] = QUANTILE("0.75", "at p75"),
    [MATH_P90] = QUANTILE("0.9", "at p90"),
    [MATH_P95] = QUANTILE("0.95", "at p95"),
    [MATH_P99] = QUANTILE("0.99", "at p99"),
};

enum math_name math_parse(const char *name)
{
    int i = 0;
    while (i + 1 < MATHS && strcmp(math_names[i], name) != 0)
        i++;
    return (enum math_name)i;
}

bool math_is_quantile(enum math_name math)
{
    return math >= MATH_MEDIAN;
}

static const char *function_of(enum math_name math, struct math_way way)
{
    return way.is_approximate && math_is_quantile(math)     ? "quantileTDigest"
           : way.has_bitmaps && maths[math].argument == 'a' ? "groupBitmap"
                                                            : maths[math].function;
}

/* "If(argument, condition)": which rows count. */
static void add_arguments(char argument, const struct math_columns *c, const char *parameter,
                          struct buf *out)
{
    const char *value = argument == 'a'   ? c->actor
                        : argument == 's' ? c->session
                        : argument == 'v' ? c->value
                                          : "";
    bool has_value = argument == 'a' || argument == 's';
    bool is_conditional = has_value || c->condition != NULL;
    buf_printf(out, "%s%s(%s", is_conditional ? "If" : "", parameter, value);
    buf_puts(out, is_conditional && value[0] != '\0' ? ", " : "");
    if (argument == 'a')
        buf_puts(out, c->has_actor);
    else if (argument == 's')
        buf_puts(out, c->has_session);
    buf_puts(out, has_value && c->condition != NULL ? " AND " : "");
    buf_printf(out, "%s)", c->condition != NULL ? c->condition : "");
}

/* The events that name an actor, as a condition. */
static struct math_columns named(const struct math_columns *c, struct buf *condition)
{
    struct math_columns rows = *c;
    buf_printf(condition, "%s%s%s", c->has_actor, c->condition != NULL ? " AND " : "",
               c->condition != NULL ? c->condition : "");
    rows.condition = buf_text(condition);
    return rows;
}

void math_value(enum math_name math, const struct math_columns *columns, struct buf *out)
{
    const struct math *m = &maths[math];
    struct buf condition = {0};
    if (m->is_per_actor) {
        struct math_columns rows = named(columns, &condition);
        buf_puts(out, "count");
        add_arguments('r', &rows, "", out);
        buf_puts(out, " / ");
    }
    buf_puts(out, m->function);
    add_arguments(m->argument, columns, m->parameter, out);
    buf_done(&condition);
}

void math_states(enum math_name math, const struct math_columns *columns, struct math_way way,
                 size_t n, struct buf *out)
{
    const struct math *m = &maths[math];
    struct buf condition = {0};
    buf_printf(out, ", %sState", function_of(math, way));
    add_arguments(m->argument, columns, m->parameter, out);
    buf_printf(out, " AS _s%zu", n);
    if (m->is_per_actor) {
        struct math_columns rows = named(columns, &condition);
        buf_puts(out, ", countState");
        add_arguments('r', &rows, "", out);
        buf_printf(out, " AS _t%zu", n);
    }
    buf_done(&condition);
}

void math_final(enum math_name math, size_t n, struct buf *out)
{
    if (maths[math].is_per_actor)
        buf_printf(out, "finalizeAggregation(_t%zu) / ", n);
    buf_printf(out, "finalizeAggregation(_s%zu)", n);
}

static void add_merge(const char *function, const char *parameter, char column, size_t n,
                      const char *condition, const char *window, struct buf *out)
{
    buf_printf(out, "%sMerge%s%s(_%c%zu%s%s)%s", function, condition != NULL ? "If" : "", parameter,
               column, n, condition != NULL ? ", " : "", condition != NULL ? condition : "",
               window);
}

void math_merged(enum math_name math, struct math_way way, size_t n, const char *condition,
                 const char *window, struct buf *out)
{
    const struct math *m = &maths[math];
    if (m->is_per_actor) {
        add_merge("count", "", 't', n, condition, window, out);
        buf_puts(out, " / ");
    }
    add_merge(function_of(math, way), m->parameter, 's', n, condition, window, out);
}
