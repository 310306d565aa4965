#include "activity.h"

#include "json.h"
#include "nameless.h"

int activity_begin(struct events *e, const struct run *run, struct query *q,
                   const struct calendar *c, int64_t from_us, struct err *ret_err)
{
    int rc = events_begin(e, run, q, from_us, c->at[c->count], ret_err);
    if (rc < 0)
        return rc;
    rc = events_match(e, "_active", json_object_get(run->arguments, "event"), "event", ret_err);
    if (rc < 0) {
        events_drop(e);
        return rc;
    }
    events_where(e, "_active");
    calendar_column(c, e, "_i");
    return 0;
}

int activity_plan_nobody(struct run *run, struct err *ret_err)
{
    return nameless_plan(run, json_object_get(run->arguments, "event"), ret_err);
}

int activity_shape_nobody(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    const json_t *event = json_object_get(run->arguments, "event");
    const char *name = json_get_string(event, "event", "any event");
    if (!run_has_asked(run) || nameless_shape(run, name))
        return 0;
    buf_printf(&run->text, "Nobody was active (%.100s)", name);
    json_int_t times = json_get_integer(run->arguments, "min_times", 1);
    if (times > 1)
        buf_printf(&run->text, " at least %lld times an interval", (long long)times);
    buf_printf(&run->text, " in this period%s.\n", nameless_among(run));
    return 0;
}
