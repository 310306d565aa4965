#include <math.h>
#include <stdlib.h>

#include "cell.h"
#include "trend.h"
#include "json.h"

/* --- where a row belongs --------------------------------------------------------------------- */

/* The interval that begins last up to `at_us`. */
static size_t position(const struct trend_calendar *c, int64_t at_us)
{
    size_t low = 0, high = c->count;
    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;
        if (c->start_us[middle] <= at_us)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool is_same_value(const json_t *a, const json_t *b)
{
    return json_equal((json_t *)a, (json_t *)b);
}

/* SIZE_MAX: a value that the first round did not see, for it came since. */
static size_t find_value(const struct trend *t, bool is_other, const json_t *value)
{
    size_t count = json_array_size(t->values), kept = count - (t->has_other ? 1 : 0);
    if (is_other)
        return t->has_other ? count - 1 : SIZE_MAX;
    for (size_t v = 0; v < kept; v++)
        if (is_same_value(json_array_get(t->values, v), value))
            return v;
    return SIZE_MAX;
}

/* Rows of one value follow each other: it is looked for once. Begins empty. */
struct found {
    const json_t *name; /* borrowed from the rows */
    bool is_other;
    size_t value;
};

static size_t value_of(const struct trend *t, struct found *last, bool is_other, const json_t *name)
{
    if (last->name == NULL || last->is_other != is_other || !is_same_value(last->name, name))
        *last = (struct found){name, is_other, find_value(t, is_other, name)};
    return last->value;
}

/* --- the scan -------------------------------------------------------------------------------- */

enum { COLUMN_WHOLE, COLUMN_PREVIOUS, COLUMN_OTHER, COLUMN_VALUE, COLUMN_AT, COLUMN_FIRST };

static bool is_set(const json_t *row, size_t column)
{
    return json_at_integer(row, column) != 0;
}

/* Rows come by value: each that differs from the one before is the next. */
static void collect_values(struct trend *t, const json_t *rows)
{
    t->values = json_array();
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        json_t *value = json_array_get(row, COLUMN_VALUE);
        size_t count = json_array_size(t->values);
        if (is_set(row, COLUMN_OTHER)) {
            json_array_append_new(t->values, cell_value_names(true, NULL, t->field_count));
            t->has_other = true;
            break;
        }
        if (count == 0 || !is_same_value(json_array_get(t->values, count - 1), value))
            json_array_append(t->values, value);
    }
    if (t->field_count == 0 && json_array_size(t->values) == 0)
        json_array_append_new(t->values, json_array());
}

/* Nothing happened, until a row says otherwise. */
static int allocate(struct trend *t, struct err *ret_err)
{
    size_t values = json_array_size(t->values);
    size_t totals = t->series_count * values * TREND_PERIODS;
    t->figures = (struct trend_figures){.points = calloc(totals * t->width + 1, sizeof(double)),
                                        .totals = calloc(totals + 1, sizeof(double)),
                                        .events = calloc(totals + 1, sizeof(double))};
    if (t->figures.points == NULL || t->figures.totals == NULL || t->figures.events == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    for (size_t i = 0; i < totals; i++) {
        bool is_counting = maths[t->series[i / (values * TREND_PERIODS)].math].is_counting;
        t->figures.totals[i] = is_counting ? 0 : NAN;
        for (size_t k = 0; k < t->width; k++)
            t->figures.points[i * t->width + k] = is_counting ? 0 : NAN;
    }
    return 0;
}

static void read_row(struct trend *t, const json_t *row, size_t value, size_t only)
{
    json_int_t before = json_at_integer(row, COLUMN_PREVIOUS);
    if (before >= TREND_PERIODS)
        return; /* ahead of both: it only tells that there is such a value */
    enum trend_period period = (enum trend_period)before;
    bool is_whole = is_set(row, COLUMN_WHOLE);
    int64_t at_us = json_at_integer(row, COLUMN_AT);
    size_t column = COLUMN_FIRST;
    for (size_t s = 0; s < t->series_count; s++) {
        if (only != SIZE_MAX && s != only)
            continue;
        const json_t *figure = json_array_get(row, column++);
        double events = json_at_number(row, column++);
        size_t total = trend_total(t, s, value, period);
        double *at = is_whole
                         ? &t->figures.totals[total]
                         : trend_point(t, s, value, period, position(&t->calendar[period], at_us));
        /* Of no numbers at all the merged states of min() and max() say 0. */
        bool is_nothing = t->series[s].field != NULL && events <= 0;
        if (json_is_number(figure) && !is_nothing)
            *at = json_number_value(figure);
        if (is_whole)
            t->figures.events[total] = events;
    }
}

int trend_read_scan(struct trend *t, const json_t *rows, size_t only, struct err *ret_err)
{
    if (only == SIZE_MAX) {
        collect_values(t, rows);
        int rc = allocate(t, ret_err);
        if (rc < 0)
            return rc;
    }
    struct found last = {.name = NULL};
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        size_t value =
            value_of(t, &last, is_set(row, COLUMN_OTHER), json_array_get(row, COLUMN_VALUE));
        if (value != SIZE_MAX)
            read_row(t, row, value, only);
    }
    return 0;
}

/* --- the packed scan ------------------------------------------------------------------------- */

/* Rows: (value, whether it is all others, of each period by series: total, [points], events), the
 * largest values first, and one more where others are left: of texts all of them, else any. */
static void collect_packed_values(struct trend *t, const json_t *rows)
{
    size_t count = json_array_size(rows), kept = (size_t)t->breakdown_limit;
    t->values = json_array();
    t->has_other = count > kept;
    for (size_t i = 0; i < count && i < kept; i++)
        json_array_append(t->values, json_array_get(json_array_get(rows, i), 0));
    if (t->has_other)
        json_array_append_new(t->values, cell_value_names(true, NULL, t->field_count));
}

static void read_packed_row(struct trend *t, const json_t *row, size_t value,
                            enum trend_period period)
{
    size_t column = 2 + 3 * t->series_count * (size_t)period;
    for (size_t s = 0; s < t->series_count; s++) {
        size_t total = trend_total(t, s, value, period);
        t->figures.totals[total] = json_at_number(row, column++);
        const json_t *points = json_array_get(row, column++);
        for (size_t i = 0; i < json_array_size(points); i++)
            *trend_point(t, s, value, period, i) = json_at_number(points, i);
        t->figures.events[total] = json_at_number(row, column++);
    }
}

int trend_read_packed(struct trend *t, const json_t *rows, struct err *ret_err)
{
    collect_packed_values(t, rows);
    int rc = allocate(t, ret_err);
    size_t periods = t->has_previous ? TREND_PERIODS : 1;
    size_t count = json_array_size(rows) - (t->has_other && !t->is_of_texts ? 1 : 0);
    for (size_t i = 0; i < count && rc == 0; i++)
        for (size_t p = 0; p < periods; p++)
            read_packed_row(t, json_array_get(rows, i), i, (enum trend_period)p);
    return rc;
}

void trend_read_rest(struct trend *t, const json_t *rows)
{
    for (size_t i = 0; i < json_array_size(rows); i++)
        read_row(t, json_array_get(rows, i), json_array_size(t->values) - 1, SIZE_MAX);
}

/* --- statements of one series ---------------------------------------------------------------- */

/* The scan left what it counts for totals and ranks: the actors of each interval alone. */
static void clear_points(struct trend *t, size_t series, enum trend_period period)
{
    for (size_t v = 0; v < json_array_size(t->values); v++)
        for (size_t k = 0; k < t->width; k++)
            *trend_point(t, series, v, period, k) = 0;
}

/* Rows: (other, value, point, how many more than at the point before). */
void trend_read_window(struct trend *t, const json_t *rows, size_t series, enum trend_period period)
{
    size_t count = t->calendar[period].count;
    struct found last = {.name = NULL};
    clear_points(t, series, period);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        size_t value = value_of(t, &last, is_set(row, 0), json_array_get(row, 1));
        size_t point = (size_t)json_at_integer(row, 2);
        if (value != SIZE_MAX && point < count)
            *trend_point(t, series, value, period, point) += json_at_number(row, 3);
    }
    for (size_t v = 0; v < json_array_size(t->values); v++)
        for (size_t k = 1; k < count; k++)
            *trend_point(t, series, v, period, k) += *trend_point(t, series, v, period, k - 1);
}

/* Rows: (previous, other, value, at, actors). Each actor stands once: totals are sums. */
void trend_read_first(struct trend *t, const json_t *rows, size_t series)
{
    struct found last = {.name = NULL};
    for (size_t p = 0; p < TREND_PERIODS; p++) {
        clear_points(t, series, (enum trend_period)p);
        for (size_t v = 0; v < json_array_size(t->values); v++)
            t->figures.totals[trend_total(t, series, v, (enum trend_period)p)] = 0;
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        enum trend_period period = is_set(row, 0) ? TREND_PREVIOUS : TREND_CURRENT;
        size_t value = value_of(t, &last, is_set(row, 1), json_array_get(row, 2));
        int64_t at_us = json_at_integer(row, 3);
        double actors = json_at_number(row, 4);
        if (value == SIZE_MAX)
            continue;
        *trend_point(t, series, value, period, position(&t->calendar[period], at_us)) += actors;
        t->figures.totals[trend_total(t, series, value, period)] += actors;
    }
}
