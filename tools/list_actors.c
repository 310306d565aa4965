#include <string.h>

#include "args.h"
#include "bind.h"
#include "catalog.h"
#include "cell_why.h"
#include "json.h"
#include "nameless.h"
#include "run.h"
#include "session_link.h"
#include "text.h"

static const struct param params[] = {
    {.name = "of",
     .is_required = true,
     .max_length = 64,
     .description = "The tool whose result has the cell."},
    {.name = "arguments",
     .type = VALUE_OBJECT,
     .is_required = true,
     .description = "The arguments of that call."},
    {.name = "cell",
     .type = VALUE_OBJECT,
     .is_required = true,
     .description = "run_funnel {step, outcome: reached or dropped}, run_trend {time, series}, "
                    "retention_matrix {cohort, period}, run_paths {step, from, to}, lifecycle "
                    "{time, status}, stickiness {intervals}, process_variants {activities}, "
                    "process_map {from, to} or {activity}, conformance_check {conforming} or "
                    "{deviation: index}; with a breakdown also breakdown: "
                    "[values]."},
    ARG_LIMIT("50"),
    ARG_CURSOR,
    ARG_FORMAT,
    ARG_EXPLAIN,
    {0},
};

static const struct field actor_fields[] = {
    {"actor", "Id.", VALUE_STRING},
    {"entered_at", "When the actor entered: first step, or start of the cohort.", VALUE_STRING},
    {"last_step_at", "Last step reached, or first return in the cell's interval.", VALUE_STRING},
    {"last_event", "The event of last_step_at.", VALUE_STRING},
    SESSION_LINK_FIELDS,
    {0},
};

static const struct field fields[] = {
    {"actors", "By id.", VALUE_OBJECT, .is_list = true, .fields = actor_fields},
    {"total", "All actors of the cell.", VALUE_INTEGER},
    {"cursor", "Where the next page begins.", VALUE_STRING, .is_optional = true},
    {0},
};

/* The run is planned with the other tool's arguments; those of this call stay beside them. */
static int delegate(const json_t *bound, const struct tool **ret_subject, json_t **ret_arguments,
                    struct err *ret_err)
{
    const char *of = json_get_string(bound, "of", "");
    const struct tool *subject = catalog_find(of);
    if (subject == NULL || subject->plan_actors == NULL) {
        struct buf names = {0};
        for (size_t i = 0; catalog[i] != NULL; i++)
            if (catalog[i]->plan_actors != NULL)
                buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", catalog[i]->name);
        int rc = err_set(ret_err, ERR_ARGUMENT, "of", "'%.60s' has no cells; these tools do: %s",
                         of, buf_text(&names));
        buf_done(&names);
        return rc;
    }
    json_t *arguments;
    int rc =
        bind_arguments(subject->params, json_object_get(bound, "arguments"), &arguments, ret_err);
    if (rc < 0) {
        err_prefix(ret_err, "arguments");
        return rc;
    }
    json_object_del(arguments, "limit");
    json_object_del(arguments, "cursor");
    const struct param *p;
    for (p = params; p->name != NULL; p++) {
        json_t *value = json_object_get(bound, p->name);
        if (value != NULL)
            json_object_set(arguments, p->name, value);
    }
    *ret_subject = subject;
    *ret_arguments = arguments;
    return 0;
}

/* What is an argument of the other tool stands in `arguments`. */
static void refused(const json_t *given, struct err *err)
{
    const struct tool *of = catalog_find(json_get_string(given, "of", ""));
    if (err->code != ERR_ARGUMENT || of == NULL || of->plan_actors == NULL ||
        !run_takes(of, err->field))
        return;
    char name[sizeof err->field];
    memcpy(name, err->field, sizeof name);
    err_set(err, ERR_ARGUMENT, name,
            "this belongs inside arguments, with what %s was called with: "
            "{\"of\": \"%s\", \"arguments\": {\"%s\": …}, \"cell\": …}",
            of->name, of->name, name);
}

static int plan_before(struct run *run, struct err *ret_err)
{
    const struct step *before = &run->subject->before_actors;
    return before->plan != NULL ? before->plan(run, ret_err) : 0;
}

static int shape_before(struct run *run, struct err *ret_err)
{
    const struct step *before = &run->subject->before_actors;
    return before->shape != NULL ? before->shape(run, ret_err) : 0;
}

static int plan(struct run *run, struct err *ret_err)
{
    return run->subject->plan_actors(run, json_object_get(run->arguments, "cell"), ret_err);
}

static json_t *actor_item(const struct run *run, const json_t *row)
{
    int64_t at_us = json_at_integer(row, 2);
    json_t *item = json_pack("{s:O, s:o, s:o, s:O}", "actor", json_array_get(row, 0), "entered_at",
                             run_time(run, json_at_integer(row, 1)), "last_step_at",
                             run_time(run, at_us), "last_event", json_array_get(row, 3));
    session_link(run, item, json_array_get(row, 4), at_us);
    return item;
}

static bool counts_cases(const struct run *run)
{
    return strcmp(json_get_string(run->arguments, "actor", ""), "case") == 0;
}

/* Cases of a process have a timeline of their own. */
static void suggest(struct run *run, const json_t *actors)
{
    const json_t *first = json_array_get(actors, 0);
    session_link_suggest(run, first, "what the first of them saw at that moment");
    if (first == NULL || !counts_cases(run))
        return;
    json_t *arguments = json_pack("{s:s, s:O}", "source", run->source->name, "case_id",
                                  json_object_get(first, "actor"));
    json_t *name = json_object_get(run->arguments, "case");
    if (name != NULL)
        json_object_set(arguments, "case", name);
    run_suggest(run, "case_timeline", arguments, "what happened in the first of these cases");
}

static const char *thing_of(const struct run *run)
{
    return counts_cases(run) ? "case" : "actor";
}

static int shape(struct run *run, struct err *ret_err)
{
    int64_t limit, offset;
    int rc = run_page(run, 50, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    const json_t *rows = run_rows(run, 0);
    size_t count = json_array_size(rows);
    json_int_t total = json_at_integer(json_array_get(rows, 0), 5);
    const char *thing = thing_of(run);
    char number[48];
    if (total > 0)
        buf_printf(&run->text, "%s in this cell.\n",
                   text_things(number, sizeof number, (double)total, thing));
    if (count > 0)
        text_table(&run->text,
                   (const char *const[]){thing, "entered", "last step", "event", "session", NULL});
    json_t *actors = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *item = actor_item(run, json_array_get(rows, i));
        text_row(&run->text,
                 (const char *const[]){
                     json_get_string(item, "actor", ""), json_get_string(item, "entered_at", ""),
                     json_get_string(item, "last_step_at", ""),
                     json_get_string(item, "last_event", ""), json_get_string(item, "session", "")},
                 5);
        json_array_append_new(actors, item);
    }
    json_object_set_new(run->result, "actors", actors);
    json_object_set_new(run->result, "total", json_integer(total));
    if (offset + (int64_t)count < total) {
        run_set_cursor(run, offset + (int64_t)count);
        run_truncated(run, "rows", limit, "continue with the cursor");
    }
    suggest(run, actors);
    return 0;
}

/* --- nobody ---------------------------------------------------------------------------------- */

/* What an actor enters with, in the arguments of any tool: a funnel's first step, the start of a
 * cohort, the first series; NULL = any event. */
static const json_t *entering(const struct run *run)
{
    static const char *const members[] = {"steps", "start", "series", "event", "conversion"};
    const json_t *value = NULL;
    for (size_t i = 0; value == NULL && i < sizeof members / sizeof members[0]; i++)
        value = json_object_get(run->arguments, members[i]);
    value = json_is_array(value) ? json_array_get(value, 0) : value;
    return json_is_object(value) ? value : NULL;
}

static bool is_empty(const struct run *run)
{
    return json_get_integer(run->result, "total", 0) == 0 &&
           json_object_get(run->result, "cursor") == NULL;
}

static int plan_empty(struct run *run, struct err *ret_err)
{
    if (!is_empty(run))
        return 0;
    int rc = nameless_plan(run, entering(run), ret_err);
    return rc < 0 ? rc : cell_why_plan(run, ret_err);
}

static int shape_empty(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    if (is_empty(run) &&
        !nameless_shape(run, json_get_string(entering(run), "event", "any event")) &&
        !cell_why_shape(run, 1))
        buf_printf(&run->text, "0 %ss in this cell.\n", thing_of(run));
    return 0;
}

static const struct step steps[] = {
    {plan_before, shape_before}, {plan, shape}, {plan_empty, shape_empty}, {0}};

const struct tool tool_list_actors = {
    .name = "list_actors",
    .title = "List the actors of a cell",
    .description = "Who is behind a number: the actors of one cell of another tool's result, with "
                   "sessions and the moment to open in the replay.",
    .toolset = "core",
    .flags = TOOL_CORE,
    .params = params,
    .fields = fields,
    .steps = steps,
    .delegate = delegate,
    .refused = refused,
};
