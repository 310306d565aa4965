#include "funnel_result.h"

#include <stdio.h>
#include <string.h>

#include "bind.h"
#include "cell.h"
#include "json.h"
#include "nameless.h"
#include "segment.h"
#include "statistics.h"
#include "text.h"

/* One row of the steps: actors and times. */
struct level {
    json_int_t count;
    double average_s, median_s, p90_s;
};

static struct level read_level(const json_t *row, size_t first)
{
    return (struct level){json_at_integer(row, first), json_at_number(row, first + 1),
                          json_at_number(row, first + 2), json_at_number(row, first + 3)};
}

static void set_share(json_t *object, const char *name, json_int_t part, json_int_t whole)
{
    if (whole > 0)
        json_object_set_new(object, name, json_real((double)part / (double)whole));
}

/* The required step before `step` (0-based); of the first step itself. */
static const struct level *level_before(const struct funnel *f, const struct level *levels,
                                        size_t step)
{
    return &levels[step > 0 ? funnel_required_before(f, step + 1) - 1 : 0];
}

static json_t *step_item(const struct funnel *f, const struct level *levels, size_t step)
{
    char name[4 * BIND_MAX_STRING + 32]; /* of the longest characters */
    const struct level *l = &levels[step], *before = level_before(f, levels, step);
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

static bool is_optional(const struct funnel *f, size_t step)
{
    return (f->optional >> step & 1) != 0;
}

/* The required step that loses most actors, 0 = nobody is lost. */
static size_t biggest_drop(const struct funnel *f, const struct level *levels)
{
    size_t worst = 0;
    json_int_t most = 0;
    for (size_t i = 1; i < f->step_count; i++) {
        json_int_t lost = level_before(f, levels, i)->count - levels[i].count;
        if (!is_optional(f, i) && lost > most) {
            most = lost;
            worst = i + 1;
        }
    }
    return worst;
}

/* The required step that loses the largest share, by the lower end of its interval, so that a few
 * actors do not decide; 0 = nobody is lost. */
static size_t steepest_drop(const struct funnel *f, const struct level *levels)
{
    size_t worst = 0;
    double most = 0;
    for (size_t i = 1; i < f->step_count; i++) {
        double before = (double)level_before(f, levels, i)->count, low = 0, high;
        double lost = before - (double)levels[i].count;
        if (is_optional(f, i) || lost <= 0)
            continue;
        statistics_wilson(lost, before, &low, &high);
        if (worst == 0 || low > most) {
            most = low;
            worst = i + 1;
        }
    }
    return worst;
}

static void shape_overall(struct run *run, const struct funnel *f, const struct level *levels,
                          const struct level *whole)
{
    size_t drop = biggest_drop(f, levels);
    json_int_t converted = levels[funnel_last_required(f) - 1].count;
    json_t *overall = json_pack("{s:I, s:I}", "entered", levels[0].count, "converted", converted);
    set_share(overall, "conversion", converted, levels[0].count);
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
        bool is_other = json_at_integer(first, 0) != 0;
        struct level levels[FUNNEL_MAX_STEPS] = {0};
        for (; i < json_array_size(rows); i++) {
            const json_t *row = json_array_get(rows, i);
            size_t step = (size_t)json_at_integer(row, 2);
            if ((json_at_integer(row, 0) != 0) != is_other ||
                !json_equal(json_array_get(row, 1), value))
                break;
            if (step >= 1 && step <= f->step_count)
                levels[step - 1] = read_level(row, 3);
        }
        json_array_append_new(
            items, json_pack("{s:o, s:o}", "breakdown",
                             cell_value_names(is_other, value, json_array_size(f->breakdown)),
                             "steps", step_items(f, levels)));
    }
    json_object_set_new(run->result, "breakdowns", items);
    if (run_rows_truncated(run, 1))
        run_truncated(run, "rows", FUNNEL_MAX_ROWS, "ask for fewer values with breakdown_limit");
}

void funnel_step_label(const struct funnel *f, size_t step, char *out, size_t size)
{
    if (f->order == FUNNEL_UNORDERED)
        snprintf(out, size, "any %zu of %zu", step + 1, f->step_count);
    else
        funnel_step_name(f, step, out, size);
}

static void write_steps(struct run *run, const struct funnel *f, const struct level *levels)
{
    text_table(&run->text, (const char *const[]){"step", "name", "count", "of all", "of previous",
                                                 "dropped", "median time", NULL});
    for (size_t i = 0; i < f->step_count; i++) {
        char number[32], name[200], count[32], all[32] = "", previous[32] = "", dropped[32],
                                               median[48] = "";
        const struct level *l = &levels[i], *before = level_before(f, levels, i);
        snprintf(number, sizeof number, "%zu%s", i + 1, is_optional(f, i) ? " (optional)" : "");
        funnel_step_label(f, i, name, sizeof name);
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

/* --- the finding --------------------------------------------------------------------------------
 */

/* How many of those before a step a breakdown value loses there, with its interval. */
struct loss {
    const json_t *value;
    double share, low, high;
};

static struct loss read_loss(const struct funnel *f, const json_t *item, size_t step)
{
    const json_t *steps = json_object_get(item, "steps");
    double before = (double)json_get_integer(
        json_array_get(steps, funnel_required_before(f, step) - 1), "count", 0);
    double lost = (double)json_get_integer(json_array_get(steps, step - 1), "dropped", 0);
    struct loss loss = {.value = json_object_get(item, "breakdown"), .high = 1};
    if (before > 0) {
        loss.share = lost / before;
        statistics_wilson(lost, before, &loss.low, &loss.high);
    }
    return loss;
}

/* Where two breakdown values differ: the step, and who loses clearly most and least there. */
struct contrast {
    size_t step; /* 1-based, 0 = nowhere */
    struct loss worst, best;
};

static struct contrast contrast_at(const struct run *run, const struct funnel *f, size_t step)
{
    const json_t *items = json_object_get(run->result, "breakdowns");
    struct contrast c = {.step = step, .best = {.high = 2}};
    for (size_t i = 0; i < json_array_size(items); i++) {
        struct loss loss = read_loss(f, json_array_get(items, i), step);
        c.worst = loss.low > c.worst.low ? loss : c.worst;
        c.best = loss.high < c.best.high ? loss : c.best;
    }
    return c;
}

/* How far the intervals of the two lie apart. */
static double distance(const struct contrast *c)
{
    return c->worst.value != NULL && c->best.value != NULL ? c->worst.low - c->best.high : -1;
}

/* The step at which the values differ most. */
static void write_contrast(struct run *run, const struct funnel *f, size_t drop)
{
    struct contrast most = {0};
    for (size_t step = 2; step <= f->step_count; step++) {
        struct contrast c = contrast_at(run, f, step);
        if (!is_optional(f, step - 1) && distance(&c) > (most.step > 0 ? distance(&most) : 0))
            most = c;
    }
    if (most.step == 0) {
        buf_puts(&run->text, "; no value loses clearly more than another");
        return;
    }
    char name[300], other[300], share[32], least[32];
    cell_value_text(most.worst.value, name, sizeof name);
    cell_value_text(most.best.value, other, sizeof other);
    buf_puts(&run->text, "; ");
    if (most.step != drop)
        buf_printf(&run->text, "at step %zu → %zu ", funnel_required_before(f, most.step),
                   most.step);
    buf_printf(&run->text, "%s loses ", name);
    if (most.best.share > 0)
        buf_printf(&run->text, "%.1f× as many as %s", most.worst.share / most.best.share, other);
    else
        buf_printf(&run->text, "more than %s", other);
    buf_printf(&run->text, " (%s against %s)", text_percent(share, sizeof share, most.worst.share),
               text_percent(least, sizeof least, most.best.share));
}

/* "loses 88.2 %, 2,242 of 2,542" */
static void write_loss(struct run *run, const struct funnel *f, const struct level *levels,
                       size_t step)
{
    char whole[32], part[32], share[32];
    json_int_t all = levels[funnel_required_before(f, step) - 1].count;
    json_int_t lost = all - levels[step - 1].count;
    buf_printf(&run->text, "loses %s, %s of %s",
               text_percent(share, sizeof share, (double)lost / (double)all),
               text_count(part, sizeof part, (double)lost),
               text_count(whole, sizeof whole, (double)all));
}

static void write_drops(struct run *run, const struct funnel *f, const struct level *levels)
{
    size_t drop = steepest_drop(f, levels), biggest = biggest_drop(f, levels);
    if (drop == 0)
        return;
    char from[200], to[200];
    size_t before = funnel_required_before(f, drop);
    funnel_step_label(f, before - 1, from, sizeof from);
    funnel_step_label(f, drop - 1, to, sizeof to);
    buf_printf(&run->text, "Step %zu → %zu (%s → %s) ", before, drop, from, to);
    write_loss(run, f, levels, drop);
    if (json_array_size(f->breakdown) > 0)
        write_contrast(run, f, drop);
    if (biggest != drop) {
        buf_printf(&run->text, ". Most are lost at step %zu → %zu, which ",
                   funnel_required_before(f, biggest), biggest);
        write_loss(run, f, levels, biggest);
    }
    buf_puts(&run->text, ". ");
}

static void write_headline(struct run *run, const struct funnel *f, const struct level *levels)
{
    json_int_t converted = levels[funnel_last_required(f) - 1].count;
    char whole[32], part[32], share[32];
    write_drops(run, f, levels);
    buf_printf(&run->text, "%s of %s converted (%s)%s.\n",
               text_count(part, sizeof part, (double)converted),
               text_count(whole, sizeof whole, (double)levels[0].count),
               text_percent(share, sizeof share, (double)converted / (double)levels[0].count),
               biggest_drop(f, levels) == 0 && f->step_count > 1 ? ": nobody was lost" : "");
}

static const json_t *last_required(const struct funnel *f, const json_t *item)
{
    return json_array_get(json_object_get(item, "steps"), funnel_last_required(f) - 1);
}

static void write_breakdowns(struct run *run, const struct funnel *f)
{
    const json_t *items = json_object_get(run->result, "breakdowns");
    char name[400], share[32];
    buf_putc(&run->text, '\n');
    text_table(&run->text, (const char *const[]){"breakdown", "entered", "converted", "conversion",
                                                 "median last step", NULL});
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i), *last = last_required(f, item);
        const json_t *first = json_array_get(json_object_get(item, "steps"), 0);
        char entered[32], converted[32], median[48] = "";
        cell_value_text(json_object_get(item, "breakdown"), name, sizeof name);
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
    size_t drop = biggest_drop(f, levels);
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
        size_t step = (size_t)json_at_integer(row, 0);
        if (step == 0)
            whole = read_level(row, 1);
        else if (step <= f->step_count)
            levels[step - 1] = read_level(row, 1);
    }
    json_object_set_new(run->result, "steps", step_items(f, levels));
    shape_overall(run, f, levels, &whole);
    bool has_breakdown = json_array_size(f->breakdown) > 0;
    if (has_breakdown)
        shape_breakdowns(run, f);
    if (levels[0].count > 0) {
        write_headline(run, f, levels);
        write_steps(run, f, levels);
    }
    if (has_breakdown && levels[0].count > 0)
        write_breakdowns(run, f);
    suggest(run, f, levels);
}

static bool is_empty(const struct run *run)
{
    return json_get_integer(json_object_get(run->result, "overall"), "entered", 0) == 0;
}

size_t funnel_unreached(const struct run *run)
{
    const json_t *items = json_object_get(run->result, "steps");
    const char *order = json_get_string(run->arguments, "order", "");
    if (is_empty(run))
        return 1;
    for (size_t i = 0; i < json_array_size(items) && strcmp(order, "unordered") != 0; i++)
        if (json_get_integer(json_array_get(items, i), "count", 0) == 0)
            return i + 1;
    return 0;
}

/* Some came in, nobody to this step. */
static void tell_unreached(struct run *run, size_t step, const char *name)
{
    char count[48];
    if (nameless_warn(run, name) || nameless_events(run) == 0)
        return;
    text_things(count, sizeof count, (double)nameless_events(run), "event");
    run_warn(run,
             "none of the %s '%.100s' of the period comes after step %zu of the same %.100s as "
             "this funnel asks",
             count, name, step - 1, scope_counted(run));
}

void funnel_shape_empty(struct run *run, const struct funnel *f)
{
    char name[200];
    size_t step = funnel_unreached(run);
    funnel_step_name(f, step - 1, name, sizeof name);
    if (!is_empty(run)) {
        tell_unreached(run, step, name);
        return;
    }
    if (nameless_shape(run, name))
        return;
    if (f->view != FUNNEL_STEPS && f->from_step > 1)
        buf_printf(&run->text, "Nobody reached step %zu in this period%s.\n", f->from_step,
                   nameless_among(run));
    else
        buf_printf(&run->text, "Nobody did the first step (%s) in this period%s.\n", name,
                   nameless_among(run));
}
