/* How a run moves on: from its source to its period, its names and the steps of its tool. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"
#include "json.h"
#include "run_internal.h"

static bool wants(const struct run_state *r, const char *explain)
{
    return strcmp(json_get_string(r->run.arguments, "explain", "none"), explain) == 0;
}

static int plan_step(struct run_state *r, struct err *ret_err)
{
    const struct step *step = &r->run.tool->steps[r->step];
    if (step->plan == NULL) {
        if (wants(r, "only"))
            buf_puts(&r->run.text, "Nothing to explain: this call needs no query.");
        return 0;
    }
    int rc = step->plan(&r->run, ret_err);
    if (rc < 0 || rc == RUN_AGAIN)
        return rc;
    if (!wants(r, "none"))
        round_keep_explained(r);
    if (wants(r, "only"))
        round_explain(r);
    return 1;
}

static int shape_step(struct run_state *r, struct err *ret_err)
{
    if (wants(r, "only")) {
        round_keep_estimates(r);
        buf_puts(&r->run.text, "Not run. The queries, their parameters and the rows they would "
                               "read are in meta.queries.");
        r->step = SIZE_MAX;
        return 0;
    }
    const struct step *step = &r->run.tool->steps[r->step];
    int rc = step->shape != NULL ? step->shape(&r->run, ret_err) : 0;
    r->step++;
    return rc;
}

/* Plans the phase; 1 = its queries run, 0 = go on to the next phase, RUN_AGAIN = not yet planned,
 * negative = failed. */
static int enter_phase(struct run_state *r, struct err *ret_err)
{
    switch (r->phase) {
    case RUN_SOURCES:
        return prelude_source(r, ret_err);
    case RUN_ZONE:
        return r->run.source != NULL ? prelude_zone(r, ret_err) : 0;
    case RUN_BOUNDS:
        return r->run.source != NULL ? prelude_bounds(r, ret_err) : 0;
    case RUN_NAMES:
        return r->run.source != NULL ? prelude_names(r, ret_err) : 0;
    case RUN_NEAREST:
        return prelude_nearest(r, ret_err);
    case RUN_STEPS:
        return r->step == SIZE_MAX ? 0 : plan_step(r, ret_err);
    case RUN_ENDED:
        return 0;
    }
    return 0;
}

static int read_phase(struct run_state *r, struct err *ret_err)
{
    switch (r->phase) {
    case RUN_ZONE:
        return prelude_zone_rows(r, ret_err);
    case RUN_BOUNDS:
        return prelude_bounds_rows(r, ret_err);
    case RUN_NAMES:
        return prelude_names_rows(r, ret_err);
    case RUN_NEAREST:
        return prelude_nearest_rows(r, ret_err);
    case RUN_STEPS:
        return shape_step(r, ret_err);
    case RUN_SOURCES:
    case RUN_ENDED:
        return 0;
    }
    return 0;
}

static void sources_arrived(void *user, struct sources *sources, const struct err *err)
{
    struct run_state *r = user;
    if (r->is_answered && sources != NULL)
        sources_free(sources);
    if (run_forget_answered(r))
        return;
    r->running = 0;
    if (err != NULL) {
        r->failure = *err;
    } else {
        r->sources = sources;
        workspace_keep_sources(r->run.workspace, sources);
    }
    run_advance(r);
}

static int want_sources(struct run_state *r, struct err *ret_err)
{
    if (r->sources != NULL)
        return 0;
    r->sources = workspace_sources(r->run.workspace);
    /* A name that is not in the cached list may be new. */
    const char *name = json_get_string(r->run.arguments, "source", NULL);
    if (r->sources != NULL && name != NULL && sources_find(r->sources, name, NULL) == NULL) {
        sources_free(r->sources);
        r->sources = NULL;
    }
    if (r->sources != NULL && !(r->run.tool->flags & TOOL_NO_SOURCE))
        return 0;
    if (r->sources != NULL)
        sources_free(r->sources);
    r->sources = NULL;
    int rc = sources_load(r->run.workspace->db, r->run.workspace->config_sources, sources_arrived,
                          r, ret_err);
    r->running = rc == 0 ? 1 : 0;
    return rc < 0 ? rc : 1;
}

/* A plan or shape function said that it failed; the next turn of run_advance() ends the run. */
static void fail_run(struct run_state *r)
{
    if (r->failure.code == ERR_OK)
        err_set(&r->failure, ERR_INTERNAL, NULL, "%s failed without a reason", r->run.tool->name);
    round_release(r);
}

/* Moves on as far as possible without waiting: called when a round has ended, or at the start. */
void run_advance(struct run_state *r)
{
    while (true) {
        if (r->running > 0)
            return;
        if (r->is_cancelled || r->failure.code != ERR_OK) {
            run_translate_failure(r);
            run_end(r);
            return;
        }
        int rc = 0;
        if (r->query_count > 0) {
            enum run_phase phase = r->phase;
            rc = read_phase(r, &r->failure);
            round_release(r);
            if (rc >= 0 && phase != RUN_STEPS)
                r->phase++;
        }
        if (rc >= 0 && r->phase == RUN_SOURCES) {
            rc = want_sources(r, &r->failure);
            if (rc == 1)
                return;
        }
        if (rc >= 0)
            rc = enter_phase(r, &r->failure);
        if (rc == RUN_AGAIN) {
            workspace_push(r->run.workspace, r);
            return;
        }
        if (rc >= 0 && r->query_count > 0) {
            round_start(r);
            return;
        }
        if (rc == 0 && r->phase == RUN_STEPS) {
            run_end(r);
            return;
        }
        if (rc > 0 && r->phase == RUN_STEPS)
            rc = shape_step(r, &r->failure); /* a plan that needed no query */
        else if (rc >= 0)
            r->phase++;
        if (rc < 0)
            fail_run(r);
    }
}

struct run *run_start(struct workspace *workspace, const struct tool *tool, const json_t *arguments,
                      const char *call_id, void (*progress)(void *user, double done, double total),
                      void (*done)(void *user, const struct run_result *result), void *user)
{
    struct run_state *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->run = (struct run){.tool = tool, .workspace = workspace, .result = json_object()};
    r->run.period.zone = &zone_utc;
    snprintf(r->call_id, sizeof r->call_id, "%s", call_id);
    r->progress = progress;
    r->done = done;
    r->user = user;
    r->started_ns = uv_hrtime();
    r->next_offset = -1;
    r->events = json_array();
    r->fields = json_array();
    r->paths = json_object();
    r->warnings = json_array();
    r->next = json_array();
    r->links = json_array();
    r->explained = json_array();
    r->run.subject = tool;
    if (bind_arguments(tool->params, arguments, &r->bound, &r->failure) == 0)
        r->run.arguments = r->bound;
    else if (tool->refused != NULL && !run_takes(tool, r->failure.field))
        tool->refused(arguments, &r->failure);
    json_t *delegated;
    if (r->run.arguments != NULL && tool->delegate != NULL &&
        tool->delegate(r->bound, &r->run.subject, &delegated, &r->failure) == 0) {
        json_decref(r->bound);
        r->bound = delegated;
        r->run.arguments = delegated;
    }
    workspace_push(workspace, r);
    return &r->run;
}

void run_set_argument(struct run *run, const char *name, json_t *value)
{
    json_object_set_new(run_state_of(run)->bound, name, value);
}

void run_cancel(struct run *run)
{
    struct run_state *r = run_state_of(run);
    r->is_cancelled = true;
    round_cancel(r);
}
