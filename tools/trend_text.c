/* The words of a trend: what is found first, then a table of the latest points. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cell.h"
#include "json.h"
#include "nameless.h"
#include "text.h"
#include "trend.h"

enum { SHOWN_POINTS = 30, SHOWN_LINES = 8, SHOWN_TOTALS = 26 };

static void number(char *out, size_t size, double value)
{
    out[0] = '\0';
    if (!isnan(value))
        text_number(out, size, value);
}

/* "+12.0 %" against what was before; "" where it cannot be said. */
static void change(char *out, size_t size, double now, double before)
{
    char share[32];
    out[0] = '\0';
    if (isnan(now) || isnan(before) || before == 0)
        return;
    double ratio = (now - before) / fabs(before);
    text_percent(share, sizeof share, fabs(ratio));
    snprintf(out, size, "%s%s", ratio < 0 ? "−" : "+", share);
}

static void line_name(const struct trend *t, const struct trend_line *line, bool has_series,
                      char *out, size_t size)
{
    const json_t *values = json_array_get(t->values, line->value);
    char value[300], series[104];
    if (t->field_count == 0)
        text_line(text_fit(out, size, line->name));
    else if (has_series)
        snprintf(out, size, "%s: %s", text_line(text_fit(series, sizeof series, line->name)),
                 cell_value_text(values, value, sizeof value));
    else
        cell_value_text(values, out, size);
}

static void write_time(struct run *run, const struct trend *t, size_t i)
{
    int64_t at_us = t->calendar[TREND_CURRENT].start_us[i];
    json_t *time = t->interval < INTERVAL_DAY ? run_time(run, at_us) : run_date(run, at_us);
    buf_puts(&run->text, json_string_value(time));
    json_decref(time);
}

/* --- the headline ------------------------------------------------------------------------------
 */

static void write_period(struct run *run, const struct trend *t)
{
    const struct trend_calendar *c = &t->calendar[TREND_PREVIOUS];
    double days = (double)(c->to_us - c->from_us) / 86400e6;
    char length[48];
    if (days >= 2)
        snprintf(length, sizeof length, "%.0f days", days);
    else
        text_duration(length, sizeof length, days * 86400);
    buf_printf(&run->text, " against the %s before", length);
}

static void write_peak(struct run *run, const struct trend *t, const struct trend_line *line)
{
    size_t peak = SIZE_MAX, count = t->calendar[TREND_CURRENT].count;
    const double *points = line->points[TREND_CURRENT];
    char value[48];
    for (size_t i = 0; i < count; i++)
        if (!isnan(points[i]) && (peak == SIZE_MAX || points[i] > points[peak]))
            peak = i;
    if (peak == SIZE_MAX || count < 2)
        return;
    number(value, sizeof value, points[peak]);
    buf_printf(&run->text, "; peak %s on ", value);
    write_time(run, t, peak);
}

/* "purchase: 1,234 in total, −12.0 % against the 30 days before" */
static void write_line(struct run *run, const struct trend *t, const struct trend_line *line)
{
    char value[48], more[48], name[160];
    const char *what = line->is_formula ? "over the whole period" : maths[line->math].phrase;
    size_t shown = strlen(what);
    if (line->total[TREND_CURRENT] == 1 && what[shown - 1] == 's') /* actors, sessions */
        shown--;
    number(value, sizeof value, line->total[TREND_CURRENT]);
    buf_printf(&run->text, "%s: ", text_line(text_fit(name, sizeof name, line->name)));
    if (value[0] == '\0')
        buf_puts(&run->text, "no value");
    else
        buf_printf(&run->text, "%s %.*s", value, (int)shown, what);
    if (!t->has_previous)
        return;
    change(more, sizeof more, line->total[TREND_CURRENT], line->total[TREND_PREVIOUS]);
    if (more[0] != '\0') {
        buf_printf(&run->text, ", %s", more);
        write_period(run, t);
    } else {
        number(value, sizeof value, line->total[TREND_PREVIOUS]);
        buf_printf(&run->text, ", %s before", value[0] != '\0' ? value : "no value");
    }
}

static void write_incomplete(struct run *run, const struct trend *t)
{
    const struct trend_calendar *c = &t->calendar[TREND_CURRENT];
    char last[48];
    if (interval_open(t->interval, c->start_us, c->count, run->period.complete_until_us, last,
                      sizeof last) > 0)
        buf_printf(&run->text, "; %s incomplete", last);
    buf_puts(&run->text, ".\n");
}

/* Of one series over several values: who leads, and by how much where values add up. */
static void write_leader(struct run *run, const struct trend *t, const struct trend_line *lines,
                         size_t values)
{
    char name[300], series[160], value[48], share[32];
    double sum = 0;
    const struct trend_line *best = lines; /* the values are ordered by the first series alone */
    for (size_t i = 0; i < values; i++) {
        double total = lines[i].total[TREND_CURRENT];
        sum += isnan(total) ? 0 : total;
        bool is_value = !cell_is_other(json_array_get(t->values, lines[i].value));
        if (is_value && (total > best->total[TREND_CURRENT] || isnan(best->total[TREND_CURRENT])))
            best = &lines[i];
    }
    bool adds_up = best->math == MATH_TOTAL || best->math == MATH_SUM;
    line_name(t, best, false, name, sizeof name);
    number(value, sizeof value, best->total[TREND_CURRENT]);
    text_line(text_fit(series, sizeof series, best->name));
    if (isnan(best->total[TREND_CURRENT]) || best->total[TREND_CURRENT] == 0) {
        buf_printf(&run->text, "%s: %s", series, value[0] != '\0' ? value : "no value");
        number(value, sizeof value, t->has_other ? lines[values - 1].total[TREND_CURRENT] : 0);
        if (value[0] == '\0' || strcmp(value, "0") == 0)
            buf_puts(&run->text, " everywhere");
        else
            buf_printf(&run->text, " in the values shown, %s in %s", value, cell_other);
        return;
    }
    buf_printf(&run->text, "%s: %s leads with %s", series, name, value);
    if (adds_up && !best->is_formula && sum > 0) {
        char all[48];
        number(all, sizeof all, sum);
        buf_printf(&run->text, ", %s of %s",
                   text_percent(share, sizeof share, best->total[TREND_CURRENT] / sum), all);
    }
    if (t->has_previous) {
        change(share, sizeof share, best->total[TREND_CURRENT], best->total[TREND_PREVIOUS]);
        buf_printf(&run->text, "%s%s", share[0] != '\0' ? ", " : "", share);
        if (share[0] != '\0')
            write_period(run, t);
    }
}

static bool is_nothing(const struct trend *t)
{
    for (size_t i = 0; i < t->series_count; i++)
        for (size_t v = 0; v < json_array_size(t->values); v++)
            if (t->figures.events[trend_total(t, i, v, TREND_CURRENT)] > 0)
                return false;
    return true;
}

static void write_headline(struct run *run, const struct trend *t, const struct trend_line *lines,
                           size_t count)
{
    size_t values = json_array_size(t->values);
    if (is_nothing(t)) {
        const char *field = t->series[0].field;
        char name[160];
        buf_printf(&run->text, "Nothing to measure: no event%s of this period is %s%s",
                   nameless_restriction(run), t->series_count > 1 ? "one of the series, e.g. " : "",
                   text_line(text_fit(name, sizeof name, t->series[0].name)));
        if (field != NULL)
            buf_printf(&run->text, " with a number in '%.100s'", field);
        buf_puts(&run->text, ".\n");
        return;
    }
    if (t->field_count > 0) {
        for (size_t i = 0; i < count && i < values * 3; i += values) {
            buf_puts(&run->text, i > 0 ? "; " : "");
            write_leader(run, t, &lines[i], values);
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            buf_puts(&run->text, i > 0 ? "; " : "");
            write_line(run, t, &lines[i]);
        }
        if (count == 1)
            write_peak(run, t, &lines[0]);
    }
    write_incomplete(run, t);
}

/* --- the tables --------------------------------------------------------------------------------
 */

static void write_totals(struct run *run, const struct trend *t, const struct trend_line *lines,
                         size_t count)
{
    const char *columns[] = {"series", "over the period", t->has_previous ? "before" : NULL,
                             "change", NULL};
    size_t most = strcmp(json_get_string(run->arguments, "format", ""), "detailed") == 0
                      ? count
                      : SHOWN_TOTALS;
    text_table(&run->text, columns);
    for (size_t i = 0; i < count && i < most; i++) {
        char name[500], now[48], before[48], more[48];
        line_name(t, &lines[i], true, name, sizeof name);
        number(now, sizeof now, lines[i].total[TREND_CURRENT]);
        number(before, sizeof before, lines[i].total[TREND_PREVIOUS]);
        change(more, sizeof more, lines[i].total[TREND_CURRENT], lines[i].total[TREND_PREVIOUS]);
        text_row(&run->text, (const char *const[]){name, now, before, more},
                 t->has_previous ? 4 : 2);
    }
    if (count > most)
        buf_printf(&run->text, "… and %zu more in totals\n", count - most);
}

static void write_points(struct run *run, const struct trend *t, const struct trend_line *lines,
                         size_t count)
{
    size_t points = t->calendar[TREND_CURRENT].count;
    bool is_detailed = strcmp(json_get_string(run->arguments, "format", ""), "detailed") == 0;
    size_t first = points > SHOWN_POINTS && !is_detailed ? points - SHOWN_POINTS : 0;
    size_t shown = count < SHOWN_LINES ? count : SHOWN_LINES;
    bool has_series = t->formula_text == NULL && t->series_count > 1;
    bool has_before = t->has_previous && count == 1;
    char names[SHOWN_LINES][300];
    const char *columns[SHOWN_LINES + 3] = {"time"};
    for (size_t i = 0; i < shown; i++) {
        line_name(t, &lines[i], has_series, names[i], sizeof names[i]);
        columns[i + 1] = names[i];
    }
    if (has_before)
        columns[shown + 1] = "before";
    text_table(&run->text, columns);
    for (size_t k = first; k < points; k++) {
        char cells[SHOWN_LINES + 2][48], time[64];
        const char *row[SHOWN_LINES + 2] = {time};
        int64_t at_us = t->calendar[TREND_CURRENT].start_us[k];
        bool is_complete =
            t->calendar[TREND_CURRENT].start_us[k + 1] <= run->period.complete_until_us;
        json_t *text = t->interval < INTERVAL_DAY ? run_time(run, at_us) : run_date(run, at_us);
        snprintf(time, sizeof time, "%s%s", json_string_value(text), is_complete ? "" : "*");
        json_decref(text);
        for (size_t i = 0; i < shown; i++) {
            number(cells[i], sizeof cells[i], lines[i].points[TREND_CURRENT][k]);
            row[i + 1] = cells[i];
        }
        if (has_before) {
            double before =
                k < t->calendar[TREND_PREVIOUS].count ? lines[0].points[TREND_PREVIOUS][k] : NAN;
            number(cells[shown], sizeof cells[shown], before);
            row[shown + 1] = cells[shown];
        }
        text_row(&run->text, row, shown + 1 + (has_before ? 1 : 0));
    }
    if (first > 0)
        buf_printf(&run->text, "The last %d of %zu intervals; all are in points.\n", SHOWN_POINTS,
                   points);
}

void trend_write_text(struct run *run, const struct trend *t, const struct trend_line *lines,
                      size_t count)
{
    const struct trend_calendar *c = &t->calendar[TREND_CURRENT];
    write_headline(run, t, lines, count);
    if (is_nothing(t) || count == 0)
        return;
    if (count > 1)
        write_totals(run, t, lines, count);
    write_points(run, t, lines, count);
    if (c->start_us[c->count] > run->period.complete_until_us)
        buf_puts(&run->text, "* not complete yet\n");
    if (t->smoothing > 1)
        buf_printf(&run->text,
                   "Points are means of up to %lld intervals, the last of them the "
                   "point's own; totals are not smoothed.\n",
                   (long long)t->smoothing);
}
