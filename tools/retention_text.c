#include "retention_text.h"

#include <stdio.h>
#include <string.h>

#include "cell.h"
#include "json.h"
#include "text.h"

enum { SHOWN_COLUMNS = 12, SHOWN_COHORTS = 40 };

/* "one week later", "30 days later", "in weeks 2 to 4", each "or after that". */
static void when_text(const struct retention *r, json_int_t column, char *out, size_t size)
{
    static const char *const calendar[] = {[INTERVAL_HOUR] = "hour",
                                           [INTERVAL_DAY] = "day",
                                           [INTERVAL_WEEK] = "week",
                                           [INTERVAL_MONTH] = "month"};
    static const char *const rolling[] = {[INTERVAL_HOUR] = "60 minutes",
                                          [INTERVAL_DAY] = "24 hours",
                                          [INTERVAL_WEEK] = "7 days",
                                          [INTERVAL_MONTH] = "30 days"};
    enum interval interval = r->calendar.interval;
    json_int_t first, last;
    retention_periods(r, column, &first, &last);
    const char *after = r->is_after ? ", or after that" : "";
    if (first != last)
        snprintf(out, size, "in %ss %lld to %lld%s", calendar[interval], (long long)first,
                 (long long)last, after);
    else if (r->is_rolling)
        snprintf(out, size, "%s later%s", rolling[interval], after);
    else
        snprintf(out, size, "one %s later%s", calendar[interval], after);
}

/* "2026-03-09 mobile, pro" */
static void cohort_text(const json_t *item, char *out, size_t size)
{
    char values[260];
    cell_value_text(json_object_get(item, "breakdown"), values, sizeof values);
    snprintf(out, size, "%s%s%s", json_get_string(item, "cohort", ""), values[0] != '\0' ? " " : "",
             values);
}

/* The cell of a column where it is complete, NULL where it is not or nobody started. */
static const json_t *complete_cell(const json_t *item, json_int_t column)
{
    const json_t *cell = json_array_get(json_object_get(item, "cells"), (size_t)column);
    return json_get_bool(cell, "complete", false) && json_object_get(cell, "rate") != NULL ? cell
                                                                                           : NULL;
}

/* Best and worst of the cohorts that are no tenth of the largest one: chance speaks in those. */
static void write_extremes(struct run *run)
{
    const json_t *cohorts = json_object_get(run->result, "cohorts"), *item;
    const json_t *best = NULL, *worst = NULL;
    json_int_t largest = 0;
    size_t i;
    json_array_foreach (cohorts, i, item)
        if (complete_cell(item, 1) != NULL && json_get_integer(item, "size", 0) > largest)
            largest = json_get_integer(item, "size", 0);
    double low = 2, high = -1;
    json_array_foreach (cohorts, i, item) {
        const json_t *cell = complete_cell(item, 1);
        if (cell == NULL || json_get_integer(item, "size", 0) * 10 < largest)
            continue;
        double rate = json_get_number(cell, "rate", 0);
        if (rate < low) {
            low = rate;
            worst = item;
        }
        if (rate > high) {
            high = rate;
            best = item;
        }
    }
    if (worst == NULL || high <= low)
        return;
    char name[300], rate[32];
    cohort_text(worst, name, sizeof name);
    buf_printf(&run->text, "; worst cohort %s: %s", name, text_percent(rate, sizeof rate, low));
    cohort_text(best, name, sizeof name);
    buf_printf(&run->text, ", best %s: %s", name, text_percent(rate, sizeof rate, high));
}

/* The item of `average` for a column, or NULL. */
static const json_t *average_of(const struct run *run, json_int_t column)
{
    const json_t *items = json_object_get(run->result, "average"), *item;
    size_t i;
    json_array_foreach (items, i, item)
        if (json_get_integer(item, "period", -1) == column)
            return item;
    return NULL;
}

static void write_headline(struct run *run, const struct retention *r)
{
    const json_t *average = average_of(run, 1);
    char when[80], share[32], complete[48];
    if (r->columns < 2) {
        buf_puts(&run->text, "Only the starts were asked for.\n");
        return;
    }
    when_text(r, 1, when, sizeof when);
    if (average == NULL) {
        buf_printf(&run->text, "No cohort is complete %s yet.\n", when);
        return;
    }
    json_int_t cohorts = json_get_integer(average, "cohorts", 0);
    text_percent(share, sizeof share, json_get_number(average, "rate", 0));
    buf_printf(&run->text, "Of those who start, %s come back %s (%s)", share, when,
               text_things(complete, sizeof complete, (double)cohorts, "complete cohort"));
    write_extremes(run);
    buf_puts(&run->text, ".\n");
}

/* "+1", or "+2-4" for a bracket. */
static void label_text(const struct retention *r, json_int_t column, char *out, size_t size)
{
    json_int_t first, last;
    retention_periods(r, column, &first, &last);
    if (first == last)
        snprintf(out, size, "+%lld", (long long)first);
    else
        snprintf(out, size, "+%lld-%lld", (long long)first, (long long)last);
}

static void write_row(struct run *run, const json_t *item, size_t shown)
{
    const json_t *cells = json_object_get(item, "cells");
    char name[300], size[32], rates[SHOWN_COLUMNS][32], rate[24];
    const char *row[SHOWN_COLUMNS + 2] = {name, size};
    cohort_text(item, name, sizeof name);
    text_count(size, sizeof size, (double)json_get_integer(item, "size", 0));
    for (size_t p = 0; p < shown; p++) {
        const json_t *cell = json_array_get(cells, p + 1);
        rates[p][0] = '\0';
        if (json_object_get(cell, "rate") != NULL)
            snprintf(rates[p], sizeof rates[p], "%s%s",
                     text_percent(rate, sizeof rate, json_get_number(cell, "rate", 0)),
                     json_get_bool(cell, "complete", true) ? "" : "*");
        row[p + 2] = rates[p];
    }
    text_row(&run->text, row, shown + 2);
}

static void write_average(struct run *run, size_t shown)
{
    char rates[SHOWN_COLUMNS][32], size[32] = "";
    const char *row[SHOWN_COLUMNS + 2] = {"average", size};
    for (size_t p = 0; p < shown; p++) {
        const json_t *item = average_of(run, (json_int_t)p + 1);
        rates[p][0] = '\0';
        if (item != NULL)
            text_percent(rates[p], sizeof rates[p], json_get_number(item, "rate", 0));
        row[p + 2] = rates[p];
    }
    text_row(&run->text, row, shown + 2);
}

/* The periods after the first that have begun for any cohort: one not begun has no cell. */
static size_t begun_columns(const json_t *cohorts)
{
    size_t begun = 0;
    for (size_t i = 0; i < json_array_size(cohorts); i++) {
        size_t cells = json_array_size(json_object_get(json_array_get(cohorts, i), "cells"));
        begun = cells > begun + 1 ? cells - 1 : begun;
    }
    return begun;
}

void retention_text(struct run *run, const struct retention *r)
{
    const json_t *cohorts = json_object_get(run->result, "cohorts");
    bool is_long = strcmp(json_get_string(run->arguments, "format", "concise"), "detailed") == 0;
    size_t count = json_array_size(cohorts);
    size_t rows = is_long || count <= SHOWN_COHORTS ? count : SHOWN_COHORTS;
    size_t begun = begun_columns(cohorts), shown = begun < SHOWN_COLUMNS ? begun : SHOWN_COLUMNS;
    const char *columns[SHOWN_COLUMNS + 3] = {"cohort", "size"};
    char labels[SHOWN_COLUMNS][32], more[48];
    write_headline(run, r);
    for (size_t p = 0; p < shown; p++) {
        label_text(r, (json_int_t)p + 1, labels[p], sizeof labels[p]);
        columns[p + 2] = labels[p];
    }
    text_table(&run->text, columns);
    write_average(run, shown);
    for (size_t i = 0; i < rows; i++)
        write_row(run, json_array_get(cohorts, i), shown);
    if (rows < count)
        buf_printf(&run->text, "… and %s: format detailed shows them\n",
                   text_things(more, sizeof more, (double)(count - rows), "more cohort"));
    if (shown < begun)
        buf_printf(&run->text, "The table ends at %s; the structured result has %s\n",
                   labels[shown - 1],
                   text_things(more, sizeof more, (double)(begun - shown), "more column"));
    buf_puts(&run->text, "* not over yet for the whole cohort; not in the average\n");
}
