/* The view `trend`: conversion by the interval of entry. */
#include <stdlib.h>
#include <string.h>

#include "cell.h"
#include "funnel_result.h"
#include "json.h"
#include "text.h"

/* The points of one value, one for each interval, and how they stand in all. */
struct line {
    const json_t *value;             /* of the breakdown, or NULL; borrowed */
    json_int_t *entered, *converted; /* by interval */
    json_int_t all_entered, all_converted;
};

struct calendar {
    int64_t *starts;
    size_t count;
};

/* Reads the rows (is_other, value, entry, entered, converted) of one value from *i on. */
static void read_line(const struct calendar *c, const json_t *rows, size_t *i, struct line *line)
{
    const json_t *first = json_array_get(rows, *i);
    size_t at = 0;
    for (; *i < json_array_size(rows); (*i)++) {
        const json_t *row = json_array_get(rows, *i);
        if (!json_equal(json_array_get(row, 0), json_array_get(first, 0)) ||
            !json_equal(json_array_get(row, 1), json_array_get(first, 1)))
            return;
        int64_t entry = json_at_integer(row, 2);
        if (at == c->count || c->starts[at] > entry) /* the rest comes by its largest values */
            at = 0;
        while (at < c->count && c->starts[at] < entry)
            at++;
        if (at == c->count || c->starts[at] != entry)
            continue;
        line->entered[at] = json_at_integer(row, 3);
        line->converted[at] = json_at_integer(row, 4);
        line->all_entered += line->entered[at];
        line->all_converted += line->converted[at];
    }
}

static void add_points(const struct run *run, const struct calendar *c, const struct line *line,
                       json_t *points)
{
    for (size_t i = 0; i < c->count; i++) {
        json_t *point = json_pack("{s:o, s:I, s:I}", "time", run_time(run, c->starts[i]), "entered",
                                  line->entered[i], "converted", line->converted[i]);
        if (line->value != NULL)
            json_object_set(point, "breakdown", (json_t *)line->value);
        if (line->entered[i] > 0)
            json_object_set_new(point, "conversion",
                                json_real((double)line->converted[i] / (double)line->entered[i]));
        json_array_append_new(points, point);
    }
}

/* --- words
 * ---------------------------------------------------------------------------------------- */

static double share(const struct line *line, size_t i)
{
    return (double)line->converted[i] / (double)line->entered[i];
}

/* The intervals with the highest and the lowest conversion. */
static void write_range(struct run *run, const struct calendar *c, const struct line *line)
{
    size_t high = c->count, low = c->count;
    for (size_t i = 0; i < c->count; i++) {
        if (line->entered[i] == 0)
            continue;
        high = high == c->count || share(line, i) > share(line, high) ? i : high;
        low = low == c->count || share(line, i) < share(line, low) ? i : low;
    }
    if (high == low || share(line, high) <= share(line, low))
        return;
    char most[32], least[32];
    json_t *high_name = run_time(run, c->starts[high]), *low_name = run_time(run, c->starts[low]);
    buf_printf(&run->text, "; highest %s (%s), lowest %s (%s)",
               text_percent(most, sizeof most, share(line, high)), json_string_value(high_name),
               text_percent(least, sizeof least, share(line, low)), json_string_value(low_name));
    json_decref(high_name);
    json_decref(low_name);
}

static void write_headline(struct run *run, const struct funnel *f, const struct calendar *c,
                           const struct line *line)
{
    char from[200], to[200], part[32], whole[32], of_all[32];
    funnel_step_name(f, f->from_step - 1, from, sizeof from);
    funnel_step_name(f, f->to_step - 1, to, sizeof to);
    buf_printf(&run->text, "Step %zu → %zu", f->from_step, f->to_step);
    if (f->order != FUNNEL_UNORDERED)
        buf_printf(&run->text, " (%s → %s)", from, to);
    buf_printf(&run->text, ": %s of %s entries converted (%s)",
               text_count(part, sizeof part, (double)line->all_converted),
               text_count(whole, sizeof whole, (double)line->all_entered),
               text_percent(of_all, sizeof of_all,
                            (double)line->all_converted / (double)line->all_entered));
    write_range(run, c, line);
    buf_puts(&run->text, ".\n");
}

static void write_points(struct run *run, const json_t *points, bool has_values)
{
    text_table(&run->text, has_values ? (const char *const[]){"breakdown", "time", "entered",
                                                              "converted", "conversion", NULL}
                                      : (const char *const[]){"time", "entered", "converted",
                                                              "conversion", NULL});
    for (size_t i = 0; i < json_array_size(points); i++) {
        const json_t *point = json_array_get(points, i);
        json_int_t entered = json_get_integer(point, "entered", 0);
        if (has_values && entered == 0)
            continue;
        char name[400], n[32], k[32], rate[32] = "";
        cell_value_text(json_object_get(point, "breakdown"), name, sizeof name);
        if (entered > 0)
            text_percent(rate, sizeof rate, json_get_number(point, "conversion", 0));
        const char *cells[] = {
            name, json_get_string(point, "time", ""), text_count(n, sizeof n, (double)entered),
            text_count(k, sizeof k, (double)json_get_integer(point, "converted", 0)), rate};
        text_row(&run->text, has_values ? cells : cells + 1, has_values ? 5 : 4);
    }
}

static void suggest(struct run *run, const struct calendar *c, const struct line *line)
{
    size_t worst = c->count;
    json_int_t most = 0;
    for (size_t i = 0; i < c->count; i++)
        if (line->entered[i] - line->converted[i] > most) {
            most = line->entered[i] - line->converted[i];
            worst = i;
        }
    if (worst < c->count)
        run_suggest(run, "list_actors",
                    json_pack("{s:s, s:o, s:{s:o, s:s}}", "of", "run_funnel", "arguments",
                              run_same_arguments(run), "cell", "time",
                              run_time(run, c->starts[worst]), "outcome", "dropped"),
                    "who came in the interval that loses most and did not convert");
}

/* --- the whole
 * -------------------------------------------------------------------------------------- */

static void shape_values(struct run *run, const struct funnel *f, const struct calendar *c,
                         struct line *line, json_t *points)
{
    const json_t *rows = run_rows(run, 1);
    for (size_t i = 0; i < json_array_size(rows);) {
        const json_t *row = json_array_get(rows, i);
        json_t *value = cell_value_names(json_at_integer(row, 0) != 0, json_array_get(row, 1),
                                         json_array_size(f->breakdown));
        memset(line->entered, 0, sizeof *line->entered * c->count);
        memset(line->converted, 0, sizeof *line->converted * c->count);
        line->value = value;
        read_line(c, rows, &i, line);
        add_points(run, c, line, points);
        json_decref(value);
    }
    if (run_rows_truncated(run, 1))
        run_truncated(run, "rows", FUNNEL_MAX_ROWS, "ask for fewer values with breakdown_limit");
}

static void shape_lines(struct run *run, const struct funnel *f, const struct calendar *c,
                        struct line *line)
{
    size_t first = 0;
    bool has_values = json_array_size(f->breakdown) > 0;
    json_t *points = json_array();
    read_line(c, run_rows(run, 0), &first, line);
    json_t *overall =
        json_pack("{s:I, s:I}", "entered", line->all_entered, "converted", line->all_converted);
    if (line->all_entered > 0) {
        json_object_set_new(overall, "conversion",
                            json_real((double)line->all_converted / (double)line->all_entered));
        write_headline(run, f, c, line);
        suggest(run, c, line);
    }
    json_object_set_new(run->result, "overall", overall);
    if (has_values)
        shape_values(run, f, c, line, points);
    else
        add_points(run, c, line, points);
    json_object_set_new(run->result, "trend", points);
    if (json_get_integer(overall, "entered", 0) > 0)
        write_points(run, points, has_values);
}

int funnel_shape_trend(struct run *run, const struct funnel *f, struct err *ret_err)
{
    enum { COUNT = FUNNEL_MAX_INTERVALS + 1 };
    struct calendar c = {.starts = calloc(COUNT, sizeof *c.starts)};
    struct line line = {.entered = calloc(COUNT, sizeof *line.entered),
                        .converted = calloc(COUNT, sizeof *line.converted)};
    int rc = -ERR_MEMORY;
    if (c.starts != NULL && line.entered != NULL && line.converted != NULL)
        rc = funnel_intervals(run, f, c.starts, &c.count, ret_err);
    else
        err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    if (rc == 0)
        shape_lines(run, f, &c, &line);
    free(c.starts);
    free(line.entered);
    free(line.converted);
    return rc;
}
