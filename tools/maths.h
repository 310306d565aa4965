#pragma once
/* What can be measured of the events of an interval: the one table behind run_trend and
 * anomaly_scan. Names, and the aggregates that they mean; whoever asks supplies the columns. */
#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

enum math_name {
    MATH_TOTAL,
    MATH_ACTORS,
    MATH_SESSIONS,
    MATH_WEEKLY_ACTORS,
    MATH_MONTHLY_ACTORS,
    MATH_FIRST_TIME,
    MATH_PER_ACTOR,
    MATH_SUM,
    MATH_AVERAGE,
    MATH_MIN,
    MATH_MAX,
    MATH_MEDIAN,
    MATH_P75,
    MATH_P90,
    MATH_P95,
    MATH_P99,
    MATHS
};

struct math {
    const char *function;  /* the aggregate */
    const char *parameter; /* of the aggregate: "(0.95)", or "" */
    char argument;         /* 'r' rows, 'a' actors, 's' sessions, 'v' the numeric field */
    const char *phrase;    /* what a value is: "12 actors" */
    bool is_counting;      /* 0 where nothing happened; the others are absent there */
    bool is_per_actor;     /* events divided by it */
    int window_days;       /* actors of so many days up to the end of the interval; 0 = of it */
};

extern const char *const math_names[]; /* for choices, NULL-terminated */
extern const struct math maths[MATHS];
/* Those that the events of an interval alone tell. */
extern const char *const math_interval_names[];

enum math_name math_parse(const char *name);
bool math_is_quantile(enum math_name math);

/* The columns that an aggregate reads: SQL of a row. `condition` NULL = every row. */
struct math_columns {
    const char *actor;     /* what is counted */
    const char *has_actor; /* whether the row names one */
    const char *session;
    const char *has_session;
    const char *value; /* Nullable(Float64) */
    const char *condition;
};

/* Which aggregate stands for a math where several answer the same question. */
struct math_way {
    bool is_approximate; /* quantiles: of very many values */
    bool has_bitmaps;    /* actors: numbered, and a set of them is a bitmap */
};

/* The value of a group of rows. */
void math_value(enum math_name math, const struct math_columns *columns, struct buf *out);

/* The same in two levels: ", … AS _s<n>" of the rows of a group; of one such group its value, of
 * several groups together theirs: a number, NULL or NaN where there is no value. The way is the
 * same for all three. `condition` NULL = every group; `window` is what stands behind each
 * aggregate, "" or " OVER (…)". */
void math_states(enum math_name math, const struct math_columns *columns, struct math_way way,
                 size_t n, struct buf *out);
void math_final(enum math_name math, size_t n, struct buf *out);
void math_merged(enum math_name math, struct math_way way, size_t n, const char *condition,
                 const char *window, struct buf *out);
