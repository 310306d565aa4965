#include "compare_empty.h"

#include <stdio.h>
#include <string.h>

#include "json.h"
#include "segment.h"
#include "sql_text.h"
#include "text.h"

int compare_add_group(struct events *e, const char *name, const json_t *segment, const char *path,
                      struct err *ret_err)
{
    struct buf condition = {0};
    int rc = segment_condition(e->run, e->q, segment, scope_counted(e->run), "_who", &condition,
                               ret_err);
    if (rc < 0)
        err_prefix(ret_err, path);
    else
        events_column(e, name, "toUInt8(%s)", buf_text(&condition));
    buf_done(&condition);
    return rc;
}

/* Calls `add` for each condition of a group alone. */
static int each_condition(const json_t *segment,
                          int (*add)(void *user, json_t *alone, struct err *ret_err), void *user,
                          struct err *ret_err)
{
    static const char *const members[] = {"did", "did_not", NULL};
    int rc = 0;
    for (const char *const *name = members; *name != NULL; name++) {
        const json_t *deeds = json_object_get(segment, *name);
        for (size_t i = 0; rc == 0 && i < json_array_size(deeds); i++)
            rc = add(user, json_pack("{s:[O]}", *name, json_array_get(deeds, i)), ret_err);
    }
    json_t *filters = json_object_get(segment, "filters");
    if (rc == 0 && json_array_size(filters) > 0)
        rc = add(user, json_pack("{s:O}", "filters", filters), ret_err);
    return rc;
}

struct counting {
    struct events *e;
    struct buf counts; /* SQL of the columns */
    size_t count;
};

static int count_condition(void *user, json_t *alone, struct err *ret_err)
{
    struct counting *c = user;
    char name[24];
    snprintf(name, sizeof name, "_g%zu", c->count++);
    int rc = compare_add_group(c->e, name, alone, "", ret_err);
    buf_printf(&c->counts, ", toInt64(uniqExactIf(_who, %s))", name);
    json_decref(alone);
    return rc;
}

int compare_plan_empty(struct run *run, const char *group, struct err *ret_err)
{
    struct query q;
    struct events e;
    struct buf rows = {0};
    struct counting c = {.e = &e};
    query_init(&q);
    int rc = events_begin(&e, run, &q, run->period.from_us, run->period.to_us, ret_err);
    if (rc < 0) {
        query_done(&q);
        return rc;
    }
    rc = each_condition(json_object_get(run->arguments, group), count_condition, &c, ret_err);
    if (rc < 0)
        events_drop(&e);
    else
        events_end(&e, &rows);
    if (rc == 0)
        rc = run_query(run, &q, &sql_compare_groups_empty,
                       (const struct query_fragment[]){
                           {"rows", buf_text(&rows)}, {"counts", buf_text(&c.counts)}, {0}},
                       1, ret_err);
    buf_done(&c.counts);
    buf_done(&rows);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

struct telling {
    struct run *run;
    const json_t *row;
    size_t count;
};

static int tell_condition(void *user, json_t *alone, struct err *ret_err)
{
    (void)ret_err;
    struct telling *t = user;
    char number[32], often[48] = "";
    const char *member = json_object_iter_key(json_object_iter(alone));
    const json_t *deed = json_array_get(json_object_get(alone, member), 0);
    text_count(number, sizeof number, json_at_number(t->row, ++t->count));
    buf_printf(&t->run->text, "%s %s ", t->count > 1 ? ";" : ":", number);
    const char *event = json_get_string(deed, "event", "such an event");
    json_int_t times = json_get_integer(deed, "min_times", 1);
    bool is_did = strcmp(member, "did") == 0;
    if (times > 1)
        snprintf(often, sizeof often, " %s %lld times", is_did ? "at least" : "fewer than",
                 (long long)times);
    if (strcmp(member, "filters") == 0)
        buf_puts(&t->run->text, "have an event that passes its filters");
    else
        buf_printf(&t->run->text, "%s '%.100s'%s", is_did || times > 1 ? "did" : "never did", event,
                   often);
    json_decref(alone);
    return 0;
}

void compare_tell_empty(struct run *run, const char *group)
{
    const json_t *row = json_array_get(run_rows(run, 0), 0);
    char all[48];
    struct telling t = {.run = run, .row = row};
    text_things(all, sizeof all, json_at_number(row, 0), "actor");
    buf_printf(&run->text, "Group %s is empty. Of the %s with events in the period", group, all);
    each_condition(json_object_get(run->arguments, group), tell_condition, &t, NULL);
    buf_puts(&run->text, ".\n");
    run_warn(run, "group %s has no actor with events in the period", group);
}
