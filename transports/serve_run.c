/* Runs behind resources, prompts and completion. */
#include <stdlib.h>

#include "serve_impl.h"

struct serve_run {
    struct call *call;
    struct run *run; /* NULL: it could not be started */
    uv_timer_t failed;
    struct err err;
    void (*done)(void *user, const struct run_result *result);
    void *user;
};

uint64_t serve_call_limit_ms(const struct app *app)
{
    enum { AFTER_QUERY_S = 3 }; /* for what comes before and after the longest query */
    const struct config *c = &app->config;
    return (uint64_t)(c->call_s > 0 ? c->call_s : c->query_s + AFTER_QUERY_S) * 1000;
}

void serve_fail_memory(struct call *call)
{
    struct err err = {0};
    err_set(&err, ERR_MEMORY, NULL, "out of memory");
    call_fail(call, &err);
}

static void on_done(void *user, const struct run_result *result)
{
    struct serve_run *run = user;
    void (*done)(void *, const struct run_result *) = run->done;
    void *done_user = run->user;
    free(run);
    done(done_user, result);
}

static void on_progress(void *user, double done, double total)
{
    struct serve_run *run = user;
    call_progress(run->call, done, total, "rows read");
}

static void on_cancel(void *user)
{
    struct serve_run *run = user;
    if (run->run != NULL)
        run_cancel(run->run);
}

static void on_closed(uv_handle_t *handle)
{
    struct serve_run *run = handle->data;
    struct run_result result = {.err = run->err};
    on_done(run, &result);
}

/* Never from inside the caller: closing a handle ends on the next turn of the loop. */
static void fail_later(struct serve_tools *serving, struct serve_run *run)
{
    uv_timer_init(serving->app->loop, &run->failed);
    run->failed.data = run;
    uv_close((uv_handle_t *)&run->failed, on_closed);
}

void serve_run(struct serve_tools *serving, struct call *call, const struct tool *tool,
               json_t *arguments, uint64_t limit_ms,
               void (*done)(void *user, const struct run_result *result), void *user)
{
    struct app *app = serving->app;
    struct serve_run *run = calloc(1, sizeof *run);
    if (run == NULL) {
        struct run_result result = {0};
        err_set(&result.err, ERR_MEMORY, NULL, "out of memory");
        json_decref(arguments);
        done(user, &result);
        return;
    }
    *run = (struct serve_run){.call = call, .done = done, .user = user};
    if (arguments == NULL)
        err_set(&run->err, ERR_MEMORY, NULL, "out of memory");
    else if (app_open_workspace(app, &run->err) == 0)
        run->run =
            run_start(app->workspace, tool, arguments, call_id(call), on_progress, on_done, run);
    json_decref(arguments);
    if (run->run == NULL) {
        if (run->err.code == ERR_OK)
            err_set(&run->err, ERR_MEMORY, NULL, "out of memory");
        fail_later(serving, run);
    } else {
        run_limit(run->run, limit_ms != 0 ? limit_ms : serve_call_limit_ms(app), 0);
    }
    call_on_cancel(call, on_cancel, run);
}
