#include "funnel.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "text.h"
#include "within.h"

/* Two matchers select the same events: equal but for the step's own members. */
static bool is_same_matcher(const json_t *a, const json_t *b)
{
    static const char *const members[] = {"event", "any_of", "where", NULL};
    for (const char *const *name = members; *name != NULL; name++) {
        const json_t *x = json_object_get(a, *name), *y = json_object_get(b, *name);
        if ((x != NULL || y != NULL) && !json_equal(x, y))
            return false;
    }
    return true;
}

/* One event name and nothing else decides, beside conditions. */
static const char *single_event(const json_t *matcher)
{
    if (json_array_size(json_object_get(matcher, "any_of")) > 0)
        return NULL;
    return json_get_string(matcher, "event", NULL);
}

static void classify(struct funnel *f)
{
    f->is_disjoint = true;
    f->class_count = 0;
    for (size_t i = 0; i < f->step_count; i++) {
        const json_t *step = json_array_get(f->steps, i);
        const char *event = single_event(step);
        f->classes[i] = 0;
        for (size_t k = 0; k < i; k++) {
            const json_t *other = json_array_get(f->steps, k);
            const char *name = single_event(other);
            if (is_same_matcher(step, other))
                f->classes[i] = f->classes[k];
            else if (event == NULL || name == NULL || strcmp(event, name) == 0)
                f->is_disjoint = false;
        }
        if (f->classes[i] == 0)
            f->classes[i] = (unsigned char)++f->class_count;
    }
}

static int choice(const json_t *arguments, const char *name, const char *const *names)
{
    const char *value = json_get_string(arguments, name, names[0]);
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], value) == 0)
            return i;
    return 0;
}

/* --- options ---------------------------------------------------------------------------------- */

static int read_optional(struct funnel *f, struct err *ret_err)
{
    for (size_t i = 0; i < f->step_count; i++) {
        if (!json_is_true(json_object_get(json_array_get(f->steps, i), "optional")))
            continue;
        char at[48];
        snprintf(at, sizeof at, "steps[%zu].optional", i);
        if (f->order == FUNNEL_UNORDERED)
            return err_set(ret_err, ERR_ARGUMENT, at,
                           "in an unordered funnel step k means any k steps: none is optional");
        if (i == 0)
            return err_set(ret_err, ERR_ARGUMENT, at,
                           "the first step cannot be optional: the clock starts with it");
        f->optional |= (uint32_t)1 << i;
    }
    return 0;
}

/* What serves a step would spoil each run that comes by it. */
static int check_exclusion(const struct funnel *f, const struct funnel_exclusion *x, size_t i,
                           struct err *ret_err)
{
    char at[48];
    snprintf(at, sizeof at, "exclusions[%zu].event", i);
    for (size_t step = x->from_step + 1; step <= x->to_step; step++) {
        bool may_be_missed = (f->optional >> (step - 1) & 1) != 0;
        if (f->order != FUNNEL_UNORDERED && (step == x->to_step || !may_be_missed) &&
            is_same_matcher(x->matcher, json_array_get(f->steps, step - 1)))
            return err_set(ret_err, ERR_ARGUMENT, at,
                           "the same as step %zu: it would remove everyone who comes to step %zu; "
                           "name another event, or end it before with to_step",
                           step, x->to_step);
    }
    return 0;
}

/* A matcher's members are the step's own: the rest says where it must not happen. */
static int read_exclusion(const struct funnel *f, const json_t *item, size_t i,
                          struct funnel_exclusion *ret_exclusion, struct err *ret_err)
{
    json_int_t count = (json_int_t)f->step_count;
    json_int_t from = json_get_integer(item, "from_step", 1);
    json_int_t to = json_get_integer(item, "to_step", count);
    char at[48];
    snprintf(at, sizeof at, "exclusions[%zu].%s", i, to > count ? "to_step" : "from_step");
    if (to > count || from >= to)
        return err_set(ret_err, ERR_ARGUMENT, at,
                       "from_step < to_step <= %lld, the number of steps", (long long)count);
    if (f->order == FUNNEL_UNORDERED && (from != 1 || to != count))
        return err_set(ret_err, ERR_ARGUMENT, at,
                       "in an unordered funnel an exclusion lies between the first and the last of "
                       "all steps: leave from_step and to_step out");
    struct funnel_exclusion exclusion = {item, (size_t)from, (size_t)to};
    int rc = check_exclusion(f, &exclusion, i, ret_err);
    if (rc == 0)
        *ret_exclusion = exclusion;
    return rc;
}

static int read_exclusions(struct funnel *f, const json_t *items, struct err *ret_err)
{
    f->exclusion_count = json_array_size(items);
    if (f->exclusion_count > FUNNEL_MAX_EXCLUSIONS)
        return err_set(ret_err, ERR_ARGUMENT, "exclusions", "at most %d", FUNNEL_MAX_EXCLUSIONS);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < f->exclusion_count; i++)
        rc = read_exclusion(f, json_array_get(items, i), i, &f->exclusions[i], ret_err);
    return rc;
}

static int64_t gap_us(const json_t *item, const char *name)
{
    const json_t *value = json_object_get(item, name);
    return value != NULL ? (int64_t)llround(json_number_value(value) * 1e6) : -1;
}

static int read_gap(struct funnel *f, const json_t *item, size_t i, struct err *ret_err)
{
    json_int_t step = json_get_integer(item, "step", 0);
    int64_t min_us = gap_us(item, "min_s"), max_us = gap_us(item, "max_s");
    char at[48];
    snprintf(at, sizeof at, "step_gaps[%zu].%s", i, step < 2 ? "step" : "max_s");
    if (step < 2 || step > (json_int_t)f->step_count)
        return err_set(ret_err, ERR_ARGUMENT, at,
                       "a step from 2 to %zu: the time from the previous", f->step_count);
    if (f->gap_min_us[step - 1] >= 0 || f->gap_max_us[step - 1] >= 0)
        return err_set(ret_err, ERR_ARGUMENT, at, "step %lld has a gap already", (long long)step);
    if (min_us < 0 && max_us < 0)
        return err_set(ret_err, ERR_ARGUMENT, at, "give min_s, max_s or both");
    if (max_us >= 0 && min_us > max_us)
        return err_set(ret_err, ERR_ARGUMENT, at, "less than min_s");
    f->gap_min_us[step - 1] = min_us;
    f->gap_max_us[step - 1] = max_us;
    f->has_gaps = true;
    return 0;
}

static int read_gaps(struct funnel *f, const json_t *items, struct err *ret_err)
{
    for (size_t i = 0; i < FUNNEL_MAX_STEPS; i++)
        f->gap_min_us[i] = f->gap_max_us[i] = -1;
    if (json_array_size(items) > 0 && f->order == FUNNEL_UNORDERED)
        return err_set(ret_err, ERR_ARGUMENT, "step_gaps",
                       "an unordered funnel has no previous step; limit it with within");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(items); i++)
        rc = read_gap(f, json_array_get(items, i), i, ret_err);
    return rc;
}

/* --- views --------------------------------------------------------------------------------------
 */

static int read_view(struct funnel *f, const json_t *arguments, struct err *ret_err)
{
    static const char *const views[] = {"steps", "trend", "time_to_convert", NULL};
    f->view = (enum funnel_view)choice(arguments, "view", views);
    f->interval = interval_parse(json_get_string(arguments, "interval", "day"));
    f->sunday_weeks = interval_sunday_weeks(arguments);
    json_int_t count = (json_int_t)f->step_count;
    json_int_t from = json_get_integer(arguments, "from_step", 1);
    json_int_t to = json_get_integer(arguments, "to_step", count);
    f->from_step = (size_t)from;
    f->to_step = (size_t)to;
    bool is_whole = from == 1 && to == count; /* a trend of one step tells who enters */
    if (f->view == FUNNEL_STEPS || (f->view == FUNNEL_TREND && is_whole))
        return 0;
    if (count < 2)
        return err_set(ret_err, ERR_ARGUMENT, "steps", "view '%s' needs at least 2 steps",
                       views[f->view]);
    if (to > count || from >= to)
        return err_set(ret_err, ERR_ARGUMENT, to > count ? "to_step" : "from_step",
                       "from_step < to_step <= %lld, the number of steps", (long long)count);
    return 0;
}

int funnel_intervals(const struct run *run, const struct funnel *f, int64_t *ret_starts,
                     size_t *ret_count, struct err *ret_err)
{
    const struct period *p = &run->period;
    size_t count = interval_list(p->zone, f->interval, f->sunday_weeks, p->from_us, p->to_us,
                                 FUNNEL_MAX_INTERVALS, ret_starts);
    if (ret_starts[count] < p->to_us)
        return err_set(ret_err, ERR_ARGUMENT, "interval",
                       "more than %d intervals: take a longer interval or a later from",
                       FUNNEL_MAX_INTERVALS);
    *ret_count = count;
    return 0;
}

int funnel_read(const json_t *arguments, struct funnel *ret_funnel, struct err *ret_err)
{
    static const char *const orders[] = {"ordered", "strict", "unordered", NULL};
    static const char *const attributions[] = {"first_touch", "last_touch", "all_events", "step",
                                               NULL};
    struct funnel f = {.steps = json_object_get(arguments, "steps"),
                       .breakdown = json_object_get(arguments, "breakdown"),
                       .hold = json_object_get(arguments, "hold_constant"),
                       .order = (enum funnel_order)choice(arguments, "order", orders),
                       .attribution =
                           (enum funnel_attribution)choice(arguments, "attribution", attributions)};
    f.step_count = json_array_size(f.steps);
    if (f.step_count == 0 || f.step_count > FUNNEL_MAX_STEPS)
        return err_set(ret_err, ERR_ARGUMENT, "steps", "from 1 to %d steps", FUNNEL_MAX_STEPS);
    int rc = within_read(arguments, &f.within_us, ret_err);
    if (rc == 0)
        rc = read_optional(&f, ret_err);
    if (rc == 0)
        rc = read_exclusions(&f, json_object_get(arguments, "exclusions"), ret_err);
    if (rc == 0)
        rc = read_gaps(&f, json_object_get(arguments, "step_gaps"), ret_err);
    if (rc == 0)
        rc = read_view(&f, arguments, ret_err);
    if (rc < 0)
        return rc;
    json_int_t step = json_get_integer(arguments, "attribution_step", 0);
    if (f.attribution == FUNNEL_STEP && (step < 1 || step > (json_int_t)f.step_count))
        return err_set(ret_err, ERR_ARGUMENT, "attribution_step",
                       "attribution 'step' needs attribution_step: 1 to %zu", f.step_count);
    if (f.attribution == FUNNEL_STEP && f.order == FUNNEL_UNORDERED &&
        f.step_count > FUNNEL_MAX_FREE_STEPS)
        return err_set(ret_err, ERR_ARGUMENT, "attribution",
                       "'step' in an unordered funnel: at most %d steps", FUNNEL_MAX_FREE_STEPS);
    f.attribution_step = step > 0 ? (size_t)step : 1;
    f.breakdown_limit = json_get_integer(arguments, "breakdown_limit", 25);
    classify(&f);
    *ret_funnel = f;
    return 0;
}

size_t funnel_required_before(const struct funnel *f, size_t step)
{
    do
        step--;
    while (step > 0 && (f->optional >> (step - 1) & 1) != 0);
    return step;
}

size_t funnel_last_required(const struct funnel *f)
{
    return funnel_required_before(f, f->step_count + 1);
}

void funnel_step_name(const struct funnel *f, size_t step, char *out, size_t size)
{
    const json_t *matcher = json_array_get(f->steps, step);
    const json_t *any_of = json_object_get(matcher, "any_of");
    const char *event = json_get_string(matcher, "event", NULL);
    const char *name = json_get_string(matcher, "name", event);
    if (name == NULL && json_array_size(any_of) > 0)
        name = json_get_string(json_array_get(any_of, 0), "event", "any event");
    bool has_others = name != NULL && json_object_get(matcher, "name") == NULL &&
                      json_array_size(any_of) > (event == NULL ? 1 : 0);
    text_line(text_fit_tail(out, size, name != NULL ? name : "any event",
                            has_others ? " or others" : ""));
}

bool funnel_has_many_values(const struct funnel *f)
{
    return json_array_size(f->breakdown) > 0 &&
           (f->attribution == FUNNEL_ALL_EVENTS ||
            (f->attribution == FUNNEL_STEP && f->order == FUNNEL_UNORDERED));
}
