#include "funnel_result.h"

#include <stdio.h>
#include <string.h>

#include "bind.h"
#include "json.h"
#include "nameless.h"
#include "statistics.h"
#include "text.h"

/* One row of the steps: actors and times. */
struct level {
    json_int_t count;
    double average_s, median_s, p90_s;
};

static struct level read_level(const json_t *row, size_t first)
{
    return (struct level){json_integer_value(json_array_get(row, first)),
                          json_number_value(json_array_get(row, first + 1)),
                          json_number_value(json_array_get(row, first + 2)),
                          json_number_value(json_array_get(row, first + 3))};
}

static void set_share(json_t *object, const char *name, json_int_t part, json_int_t whole)
{
    if (whole > 0)
        json_object_set_new(object, name, json_real((double)part / (double)whole));
}

static json_t *step_item(const struct funnel *f, const struct level *levels, size_t step)
{
    char name[BIND_MAX_STRING + 32];
    const struct level *l = &levels[step], *before = step > 0 ? &levels[step - 1] : l;
    funnel_step_name(f, step, name, sizeof name);
    json_t *item =
        json_pack("{s:i, s:s, s:I}", "step", (int)step + 1, "name", name, "count", l->count);
    set_share(item, "conversion", l->count, levels[0].count);
    set_share(item, "conversion_previous", l->count, before->count);
    double low, high;
    if (levels[0].count > 0) {
        statistics_wilson((double)l->count, (double)levels[0].count, &low, &high);
        json_object_set_new(item, "ci_low", json_real(low));
        json_object_set_new(item, "ci_high", json_real(high));
    }
    json_object_set_new(item, "dropped", json_integer(before->count - l->count));
    if (step > 0 && l->count > 0) {
        json_object_set_new(item, "average_s", json_real(l->average_s));
        json_object_set_new(item, "median_s", json_real(l->median_s));
        json_object_set_new(item, "p90_s", json_real(l->p90_s));
    }
    return item;
}

static json_t *step_items(const struct funnel *f, const struct level *levels)
{
    json_t *items = json_array();
    for (size_t i = 0; i < f->step_count; i++)
        json_array_append_new(items, step_item(f, levels, i));
    return items;
}

/* The step that loses most actors, 0 = nobody is lost. */
static size_t biggest_drop(const struct level *levels, size_t count)
{
    size_t worst = 0;
    json_int_t most = 0;
    for (size_t i = 1; i < count; i++) {
        if (levels[i - 1].count - levels[i].count > most) {
            most = levels[i - 1].count - levels[i].count;
            worst = i + 1;
        }
    }
    return worst;
}

static void shape_overall(struct run *run, const struct funnel *f, const struct level *levels,
                          const struct level *whole)
{
    size_t drop = biggest_drop(levels, f->step_count);
    json_t *overall = json_pack("{s:I, s:I}", "entered", levels[0].count, "converted",
                                levels[f->step_count - 1].count);
    set_share(overall, "conversion", levels[f->step_count - 1].count, levels[0].count);
    if (whole->count > 0 && f->step_count > 1) {
        json_object_set_new(overall, "average_s", json_real(whole->average_s));
        json_object_set_new(overall, "median_s", json_real(whole->median_s));
    }
    if (drop > 0)
        json_object_set_new(overall, "biggest_drop_step", json_integer((json_int_t)drop));
    json_object_set_new(run->result, "overall", overall);
}

/* Groups the rows (is_other, value, step, …) into one item per value. */
static void shape_breakdowns(struct run *run, const struct funnel *f)
{
    const json_t *rows = run_rows(run, 1);
    json_t *items = json_array();
    for (size_t i = 0; i < json_array_size(rows);) {
        const json_t *first = json_array_get(rows, i);
        const json_t *value = json_array_get(first, 1);
        bool is_other = json_integer_value(json_array_get(first, 0)) != 0;
        struct level levels[FUNNEL_MAX_STEPS] = {0};
        for (; i < json_array_size(rows); i++) {
            const json_t *row = json_array_get(rows, i);
            size_t step = (size_t)json_integer_value(json_array_get(row, 2));
            if ((json_integer_value(json_array_get(row, 0)) != 0) != is_other ||
                !json_equal(json_array_get(row, 1), value))
                break;
            if (step >= 1 && step <= f->step_count)
                levels[step - 1] = read_level(row, 3);
        }
        json_t *names = is_other ? json_array() : json_copy((json_t *)value);
        for (size_t k = 0; is_other && k < json_array_size(f->breakdown); k++)
            json_array_append_new(names, json_string("(other)"));
        json_array_append_new(
            items, json_pack("{s:o, s:o}", "breakdown", names, "steps", step_items(f, levels)));
    }
    json_object_set_new(run->result, "breakdowns", items);
    if (run_rows_truncated(run, 1))
        run_truncated(run, "rows", FUNNEL_MAX_ROWS, "ask for fewer values with breakdown_limit");
}

static void write_steps(struct run *run, const struct funnel *f, const struct level *levels)
{
    text_table(&run->text, (const char *const[]){"step", "name", "count", "of all", "of previous",
                                                 "dropped", "median time", NULL});
    for (size_t i = 0; i < f->step_count; i++) {
        char number[16], name[200], count[32], all[32] = "", previous[32] = "", dropped[32],
                                               median[48] = "";
        const struct level *l = &levels[i], *before = i > 0 ? &levels[i - 1] : l;
        snprintf(number, sizeof number, "%zu", i + 1);
        if (f->order == FUNNEL_UNORDERED)
            snprintf(name, sizeof name, "any %zu of %zu", i + 1, f->step_count);
        else
            funnel_step_name(f, i, name, sizeof name);
        if (levels[0].count > 0)
            text_percent(all, sizeof all, (double)l->count / (double)levels[0].count);
        if (before->count > 0)
            text_percent(previous, sizeof previous, (double)l->count / (double)before->count);
        if (i > 0 && l->count > 0)
            text_duration(median, sizeof median, l->median_s);
        text_row(&run->text,
                 (const char *const[]){
                     number, name, text_count(count, sizeof count, (double)l->count), all, previous,
                     text_count(dropped, sizeof dropped, (double)(before->count - l->count)),
                     median},
                 7);
    }
}

static void write_headline(struct run *run, const struct funnel *f, const struct level *levels)
{
    size_t last = f->step_count - 1, drop = biggest_drop(levels, f->step_count);
    char entered[32], converted[32], share[32], lost[32], name[200];
    buf_printf(
        &run->text, "%s of %s converted (%s)",
        text_count(converted, sizeof converted, (double)levels[last].count),
        text_count(entered, sizeof entered, (double)levels[0].count),
        text_percent(share, sizeof share, (double)levels[last].count / (double)levels[0].count));
    if (drop > 0) {
        if (f->order == FUNNEL_UNORDERED)
            snprintf(name, sizeof name, "any %zu of %zu", drop, f->step_count);
        else
            funnel_step_name(f, drop - 1, name, sizeof name);
        json_int_t gone = levels[drop - 2].count - levels[drop - 1].count;
        buf_printf(
            &run->text, "; most are lost at step %zu (%s): %s, %s of those who came that far", drop,
            name, text_count(lost, sizeof lost, (double)gone),
            text_percent(share, sizeof share, (double)gone / (double)levels[drop - 2].count));
    }
    buf_puts(&run->text, ".\n");
}

static void join_values(const json_t *values, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < json_array_size(values) && used + 1 < size; i++) {
        const char *value = json_string_value(json_array_get(values, i));
        int n = snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "",
                         value[0] != '\0' ? value : "(none)");
        used += n > 0 ? (size_t)n : 0;
    }
}

static const json_t *last_step(const json_t *item)
{
    const json_t *steps = json_object_get(item, "steps");
    return json_array_get(steps, json_array_size(steps) - 1);
}

/* The value that converts clearly worse than the whole: its interval lies below. */
static const json_t *worst_value(const json_t *items, double conversion)
{
    const json_t *worst = NULL;
    double most = 0;
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i), *last = last_step(item);
        double missing =
            (conversion - json_get_number(last, "conversion", conversion)) *
            (double)json_get_integer(json_array_get(json_object_get(item, "steps"), 0), "count", 0);
        if (json_get_number(last, "ci_high", 1) < conversion && missing > most) {
            most = missing;
            worst = item;
        }
    }
    return worst;
}

static void write_breakdowns(struct run *run, double conversion)
{
    const json_t *items = json_object_get(run->result, "breakdowns");
    const json_t *worst = worst_value(items, conversion);
    char name[400], share[32], whole[32];
    if (worst != NULL) {
        join_values(json_object_get(worst, "breakdown"), name, sizeof name);
        buf_printf(
            &run->text, "\nWorst: %s converts at %s against %s overall.\n", name,
            text_percent(share, sizeof share, json_get_number(last_step(worst), "conversion", 0)),
            text_percent(whole, sizeof whole, conversion));
    } else {
        buf_puts(&run->text, "\nNo value converts clearly worse than the whole.\n");
    }
    text_table(&run->text, (const char *const[]){"breakdown", "entered", "converted", "conversion",
                                                 "median last step", NULL});
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i), *last = last_step(item);
        const json_t *first = json_array_get(json_object_get(item, "steps"), 0);
        char entered[32], converted[32], median[48] = "";
        join_values(json_object_get(item, "breakdown"), name, sizeof name);
        if (json_object_get(last, "median_s") != NULL)
            text_duration(median, sizeof median, json_get_number(last, "median_s", 0));
        text_row(
            &run->text,
            (const char *const[]){
                name,
                text_count(entered, sizeof entered, (double)json_get_integer(first, "count", 0)),
                text_count(converted, sizeof converted, (double)json_get_integer(last, "count", 0)),
                text_percent(share, sizeof share, json_get_number(last, "conversion", 0)), median},
            5);
    }
}

static void suggest(struct run *run, const struct funnel *f, const struct level *levels)
{
    size_t drop = biggest_drop(levels, f->step_count);
    if (drop > 0)
        run_suggest(run, "list_actors",
                    json_pack("{s:s, s:o, s:{s:i, s:s}}", "of", "run_funnel", "arguments",
                              run_same_arguments(run), "cell", "step", (int)drop, "outcome",
                              "dropped"),
                    "who was lost at the step that loses most, with sessions to look at");
    if (json_array_size(f->breakdown) == 0 && levels[0].count > 0) {
        json_t *arguments = json_pack("{s:s}", "source", run->source->name);
        run_suggest(run, "describe_source", arguments,
                    "fields to split this funnel by: call run_funnel again with breakdown");
    }
}

void funnel_shape_steps(struct run *run, const struct funnel *f)
{
    struct level levels[FUNNEL_MAX_STEPS] = {0}, whole = {0};
    const json_t *rows = run_rows(run, 0);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        size_t step = (size_t)json_integer_value(json_array_get(row, 0));
        if (step == 0)
            whole = read_level(row, 1);
        else if (step <= f->step_count)
            levels[step - 1] = read_level(row, 1);
    }
    json_object_set_new(run->result, "steps", step_items(f, levels));
    shape_overall(run, f, levels, &whole);
    if (levels[0].count > 0) {
        write_headline(run, f, levels);
        write_steps(run, f, levels);
    }
    if (json_array_size(f->breakdown) > 0) {
        shape_breakdowns(run, f);
        if (levels[0].count > 0)
            write_breakdowns(run,
                             (double)levels[f->step_count - 1].count / (double)levels[0].count);
    }
    suggest(run, f, levels);
}

bool funnel_is_empty(const struct run *run)
{
    return json_get_integer(json_object_get(run->result, "overall"), "entered", 0) == 0;
}

void funnel_shape_empty(struct run *run, const struct funnel *f)
{
    char name[200];
    funnel_step_name(f, 0, name, sizeof name);
    json_int_t from = json_get_integer(run->arguments, "from_step", 1);
    if (nameless_shape(run, name))
        return;
    if (from > 1 && json_object_get(run->result, "bins") != NULL)
        buf_printf(&run->text, "Nobody reached step %lld in this period.\n", (long long)from);
    else
        buf_printf(&run->text, "Nobody did the first step (%s) in this period.\n", name);
}

/* Rows: (bin, n, entered, total, mean, median, from_s, width_s, bins); bin -1 has the totals only.
 */
void funnel_shape_histogram(struct run *run)
{
    const json_t *rows = run_rows(run, 0), *totals = json_array_get(rows, 0);
    json_int_t v[9];
    for (size_t i = 0; i < 9; i++)
        v[i] = json_integer_value(json_array_get(totals, i));
    json_int_t entered = v[2], total = v[3], from_s = v[6], width_s = v[7], count = v[8];
    json_t *bins = json_array(),
           *overall = json_pack("{s:I, s:I}", "entered", entered, "converted", total);
    set_share(overall, "conversion", total, entered);
    char n[32], median[48];
    if (total == 0 && entered > 0) {
        buf_puts(&run->text, "Nobody went this way in this period.\n");
    } else if (total > 0) {
        double median_s = json_number_value(json_array_get(totals, 5));
        json_object_set_new(overall, "average_s",
                            json_real(json_number_value(json_array_get(totals, 4))));
        json_object_set_new(overall, "median_s", json_real(median_s));
        buf_printf(&run->text, "Half of the %s who converted took at most %s.\n",
                   text_count(n, sizeof n, (double)total),
                   text_duration(median, sizeof median, median_s));
        text_table(&run->text, (const char *const[]){"from", "to", "count", NULL});
    }
    for (json_int_t bin = 0, row = 1; total > 0 && bin < count; bin++) {
        const json_t *at = json_array_get(rows, (size_t)row);
        json_int_t here = 0;
        if (at != NULL && json_integer_value(json_array_get(at, 0)) == bin) {
            here = json_integer_value(json_array_get(at, 1));
            row++;
        }
        json_int_t low = from_s + bin * width_s;
        json_array_append_new(bins, json_pack("{s:I, s:I, s:I}", "from_s", low, "to_s",
                                              low + width_s, "count", here));
        char from[48], to[48];
        text_row(&run->text,
                 (const char *const[]){text_duration(from, sizeof from, (double)low),
                                       text_duration(to, sizeof to, (double)(low + width_s)),
                                       text_count(n, sizeof n, (double)here)},
                 3);
    }
    json_object_set_new(run->result, "overall", overall);
    json_object_set_new(run->result, "bins", bins);
}
