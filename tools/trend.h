#pragma once
/* A trend as its arguments describe it, the statements that measure it, and what they measured. */
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "err.h"
#include "events.h"
#include "formula.h"
#include "interval.h"
#include "maths.h"
#include "query.h"
#include "run.h"

enum {
    TREND_MAX_SERIES = 8,     /* each may need two statements of its own in a round of 16 */
    TREND_MAX_POINTS = 10000, /* intervals */
    TREND_MAX_CELLS = 200000, /* intervals and values */
    TREND_MAX_ROWS = 2 * TREND_MAX_CELLS + 4000, /* of two periods, and their totals */
    TREND_EXACT_VALUES = 10000000,               /* beyond, quantiles are approximate */
};

/* Bytes of a series' name: of 150 characters as the caller wrote it, and what tells two apart. */
enum { TREND_NAME = 4 * 150 + 100 };

/* The figures are kept for two periods: the one asked for, and the one before it. */
enum trend_period { TREND_CURRENT, TREND_PREVIOUS, TREND_PERIODS };

struct trend_series {
    const json_t *matcher; /* borrowed from the arguments */
    char name[TREND_NAME];
    enum math_name math;
    const char *field; /* NULL = none */
    bool is_later;     /* measured by a statement of its own, once the values are known */
};

struct trend_calendar {
    int64_t from_us, to_us;
    int64_t *start_us; /* of each interval, and the end of the last: count + 1 */
    size_t count;
};

/* What was measured; NaN = no value. */
struct trend_figures {
    double *points; /* by series, value, period, interval: see trend_point() */
    double *totals; /* by series, value, period */
    double *events; /* likewise: events behind the total; with a field, those with a number */
};

struct trend {
    struct trend_series series[TREND_MAX_SERIES];
    size_t series_count;
    const char *formula_text; /* NULL = none */
    struct formula formula;
    const json_t *breakdown;
    size_t field_count;
    int64_t breakdown_limit, smoothing;
    enum interval interval;
    bool sunday_weeks, has_previous;
    bool has_bitmaps;            /* sets of actors are bitmaps: see math_way */
    bool is_packed;              /* the first round is trend_plan_packed() */
    bool is_of_texts;            /* it counts the values that are not shown as well */
    const struct trend *rest_of; /* NULL, or this is what the values shown there leave, as one */
    struct trend_calendar calendar[TREND_PERIODS];
    size_t width; /* intervals of the longer period */
    /* with the rows of the first round */
    json_t *values; /* [[value of each field]…], largest first, (other) last; [[]] = no breakdown */
    bool has_other;
    struct trend_figures figures;
};

/* `run->period` is set to whole intervals where the caller gave no `from`. */
int trend_read(struct run *run, struct trend *ret_trend, struct err *ret_err);
/* Whether sets of actors are best kept as bitmaps. */
bool trend_is_of_bitmaps(const struct run *run, const struct trend *t);
void trend_done(struct trend *t);

double *trend_point(const struct trend *t, size_t series, size_t value, enum trend_period period,
                    size_t interval);
size_t trend_total(const struct trend *t, size_t series, size_t value, enum trend_period period);

/* --- trend_plan.c ---------------------------------------------------------------------------- */

/* All series that one scan can measure. With `only` ≠ SIZE_MAX that series alone, now that its
 * number of values is known. Returns the number of the query. */
int trend_plan_scan(struct run *run, const struct trend *t, size_t only, struct err *ret_err);
bool trend_is_in_scan(const struct trend *t, size_t series, size_t only);

/* The rows of one series (or of all: SIZE_MAX) as a SELECT: what events.h gives, _at, _m<n> the
 * matchers, _x<n> the numbers of the fields, _v<n> the breakdown. */
int trend_begin_rows(const struct run *run, const struct trend *t, struct query *q, int64_t from_us,
                     int64_t to_us, size_t only, struct events *e, struct err *ret_err);
/* Those of the scan, with the column _before: 0 in the period, 1 in the one before, 2 ahead. */
int trend_scan_rows(const struct run *run, const struct trend *t, struct query *q, size_t only,
                    struct buf *out, struct err *ret_err);
/* The breakdown as what to group by, "_v0, _v1", and as one value, a list. */
void trend_add_keys(const struct trend *t, struct buf *out);
void trend_add_value(const struct trend *t, struct buf *out);
/* The values shown, as a set behind IN. */
void trend_add_kept(const struct trend *t, struct query *q, struct buf *out);
/* The width of minutes and hours; 0 = intervals of a calendar. */
int64_t trend_step_us(const struct trend *t);
/* Where the window of a point begins that counts the actors of several days. */
int64_t trend_window_start(const struct run *run, const struct trend *t, size_t series,
                           const struct trend_calendar *c, size_t point);

/* --- trend_packed.c -------------------------------------------------------------------------- */

/* Whether all series are of sets, by value, and their rows fit into memory. */
bool trend_is_packed(const struct run *run, const struct trend *t);
/* Whether one of them is of texts: then the values that are not shown are counted as well. */
bool trend_is_of_texts(const struct run *run, const struct trend *t);
/* All series, of the values that are shown. */
int trend_plan_packed(struct run *run, const struct trend *t, struct err *ret_err);
/* Of those that are not, where they are not counted yet, once it is known which: the query of a
 * trend without values. */
int trend_plan_rest(struct run *run, const struct trend *t, struct err *ret_err);

/* --- trend_later.c --------------------------------------------------------------------------- */

/* weekly_actors, monthly_actors, first_time: of one series. */
int trend_plan_window(struct run *run, const struct trend *t, size_t series,
                      enum trend_period period, struct err *ret_err);
int trend_plan_first(struct run *run, const struct trend *t, size_t series, struct err *ret_err);

/* --- trend_actors.c -------------------------------------------------------------------------- */

/* Those behind a point; see plan_actors of struct tool. */
int trend_plan_actors(struct run *run, const struct trend *t, const json_t *cell,
                      struct err *ret_err);

/* --- trend_rows.c ---------------------------------------------------------------------------- */

/* Into the figures; those of the first round also say which values there are. */
int trend_read_scan(struct trend *t, const json_t *rows, size_t only, struct err *ret_err);
int trend_read_packed(struct trend *t, const json_t *rows, struct err *ret_err);
void trend_read_rest(struct trend *t, const json_t *rows);
void trend_read_window(struct trend *t, const json_t *rows, size_t series,
                       enum trend_period period);
void trend_read_first(struct trend *t, const json_t *rows, size_t series);

/* --- trend_result.c -------------------------------------------------------------------------- */

int trend_shape(struct run *run, struct trend *t, struct err *ret_err);

/* --- trend_text.c ---------------------------------------------------------------------------- */

/* What a result is made of: the series, or the formula over them. */
struct trend_line {
    const char *name;
    size_t value;                        /* index into t->values */
    const double *points[TREND_PERIODS]; /* as shown: smoothed */
    double total[TREND_PERIODS];
    enum math_name math;
    bool is_formula;
};

void trend_write_text(struct run *run, const struct trend *t, const struct trend_line *lines,
                      size_t count);
