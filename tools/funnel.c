#include "funnel.h"

#include <stdio.h>
#include <string.h>

#include "json.h"
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

int funnel_read(const json_t *arguments, struct funnel *ret_funnel, struct err *ret_err)
{
    static const char *const orders[] = {"ordered", "strict", "unordered", NULL};
    static const char *const attributions[] = {"first_touch", "last_touch", "all_events", "step",
                                               NULL};
    struct funnel f = {.steps = json_object_get(arguments, "steps"),
                       .breakdown = json_object_get(arguments, "breakdown"),
                       .order = (enum funnel_order)choice(arguments, "order", orders),
                       .attribution =
                           (enum funnel_attribution)choice(arguments, "attribution", attributions)};
    f.step_count = json_array_size(f.steps);
    if (f.step_count == 0 || f.step_count > FUNNEL_MAX_STEPS)
        return err_set(ret_err, ERR_ARGUMENT, "steps", "from 1 to %d steps", FUNNEL_MAX_STEPS);
    int rc = within_read(arguments, &f.within_us, ret_err);
    if (rc < 0)
        return rc;
    json_int_t step = json_get_integer(arguments, "attribution_step", 0);
    if (f.attribution == FUNNEL_STEP && (step < 1 || step > (json_int_t)f.step_count))
        return err_set(ret_err, ERR_ARGUMENT, "attribution_step",
                       "attribution 'step' needs attribution_step: 1 to %zu", f.step_count);
    f.attribution_step = step > 0 ? (size_t)step : 1;
    f.breakdown_limit = json_get_integer(arguments, "breakdown_limit", 25);
    classify(&f);
    *ret_funnel = f;
    return 0;
}

void funnel_step_name(const struct funnel *f, size_t step, char *out, size_t size)
{
    const json_t *matcher = json_array_get(f->steps, step);
    const json_t *any_of = json_object_get(matcher, "any_of");
    const char *event = json_get_string(matcher, "event", NULL);
    const char *name = json_get_string(matcher, "name", event);
    if (name == NULL && json_array_size(any_of) > 0)
        name = json_get_string(json_array_get(any_of, 0), "event", "any event");
    snprintf(out, size, "%s%s", name != NULL ? name : "any event",
             name != NULL && json_object_get(matcher, "name") == NULL &&
                     json_array_size(any_of) > (event == NULL ? 1 : 0)
                 ? " or others"
                 : "");
}

bool funnel_has_many_values(const struct funnel *f)
{
    return json_array_size(f->breakdown) > 0 &&
           (f->attribution == FUNNEL_ALL_EVENTS ||
            (f->attribution == FUNNEL_STEP && f->order == FUNNEL_UNORDERED));
}
