/* The life of a tool call between the protocol and its run: its limits of time, what the client
 * hears of it while it lasts, and the question for a source that was left out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "json.h"
#include "log.h"
#include "serve_impl.h"
#include "text.h"

enum {
    HEARTBEAT_MS = 9000, /* with a tick of a second: at least every 10 s */
    SLOW_MS = 10000,     /* the end of a call that took longer is worth an info */
};

struct served_call {
    struct served_call *next, *prev;
    struct serve_tools *serving;
    struct call *call;
    struct run *run;
    const struct tool *tool;
    json_t *arguments; /* of this run: with the source that the client chose */
    uint64_t started_ns;
    double rows, rows_total, told; /* read so far; the progress last told */
    uint64_t told_ms;
    bool may_be_task, is_task;
};

static void link_call(struct served_call *served)
{
    struct serve_tools *serving = served->serving;
    served->next = serving->calls;
    if (served->next != NULL)
        served->next->prev = served;
    serving->calls = served;
}

static void served_free(struct served_call *served)
{
    if (served->next != NULL)
        served->next->prev = served->prev;
    if (served->prev != NULL)
        served->prev->next = served->next;
    else if (served->serving->calls == served)
        served->serving->calls = served->next;
    json_decref(served->arguments);
    free(served);
}

static uint64_t elapsed_ms(const struct served_call *served)
{
    return (uv_hrtime() - served->started_ns) / 1000000;
}

/* ---- what is told while it runs ---- */

static void describe_progress(const struct served_call *served, char *text, size_t size)
{
    char rows[32], total[32];
    text_count(rows, sizeof rows, served->rows);
    text_count(total, sizeof total, served->rows_total);
    if (served->rows <= 0)
        snprintf(text, size, "waiting for the database, %llu s",
                 (unsigned long long)(elapsed_ms(served) / 1000));
    else if (served->rows_total > served->rows)
        snprintf(text, size, "%s of %s rows read", rows, total);
    else
        snprintf(text, size, "%s rows read", rows);
}

/* Progress goes forward whatever the engine counts. */
static void tell_progress(struct served_call *served, double done)
{
    char text[128];
    describe_progress(served, text, sizeof text);
    served->told = done > served->told ? done : served->told + 1;
    served->told_ms = uv_now(served->serving->app->loop);
    double total = served->rows_total >= served->told ? served->rows_total : 0;
    if (served->is_task)
        call_task_status(served->call, text);
    else
        call_progress(served->call, served->told, total, text);
}

static void on_progress(void *user, double done, double total)
{
    struct served_call *served = user;
    served->rows = done;
    served->rows_total = total;
    if (done > served->told)
        tell_progress(served, done);
}

/* Nothing of the arguments or the data: logs go further than results. */
static void log_to_client(const struct served_call *served, const struct run_result *result)
{
    struct call *call = served->call;
    const char *tool = served->tool->name, *id = call_id(call);
    if (result == NULL) {
        call_log(call, MCP_DEBUG, "sextant",
                 json_pack("{s:s, s:s, s:s}", "message", "call started", "tool", tool, "call", id));
        return;
    }
    uint64_t ms = elapsed_ms(served);
    const json_t *meta = json_object_get(result->structured, "meta");
    size_t warnings = json_array_size(json_object_get(meta, "warnings"));
    enum err_code code = result->err.code;
    if (warnings > 0)
        call_log(call, MCP_WARNING, "sextant",
                 json_pack("{s:s, s:s, s:s, s:I}", "message", "the result has warnings", "tool",
                           tool, "call", id, "warnings", (json_int_t)warnings));
    /* What the caller did wrong the result says; to speak of it here would make a stream of every
     * answer over HTTP to a client that has set no level. */
    enum mcp_level level = code >= ERR_UNAVAILABLE ? MCP_ERROR
                           : code == ERR_TIMEOUT   ? MCP_WARNING
                           : ms >= SLOW_MS         ? MCP_INFO
                                                   : MCP_DEBUG;
    call_log(call, level, "sextant",
             json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "message", "call ended", "tool", tool,
                       "call", id, "ms", (json_int_t)ms, "rows_read",
                       json_get_integer(meta, "rows_read", (json_int_t)served->rows), "result",
                       err_name(code)));
}

static void log_end(const struct served_call *served, const struct err *err)
{
    char ms[32];
    snprintf(ms, sizeof ms, "%.1f", (double)(uv_hrtime() - served->started_ns) / 1e6);
    bool is_ours = err->code >= ERR_UNAVAILABLE;
    log_event(err->code == ERR_OK ? LOG_DEBUG
              : is_ours           ? LOG_WARNING
                                  : LOG_INFO,
              "tool call", "tool", served->tool->name, "call", call_id(served->call), "ms", ms,
              "result", err_name(err->code), "field", err->field, "text", err->text, "engine",
              err->raw, NULL);
}

/* ---- the end ---- */

static void finish(struct served_call *served, const struct run_result *result)
{
    struct call *call = served->call;
    log_end(served, &result->err);
    log_to_client(served, result);
    served_free(served);
    if (result->err.code != ERR_OK) {
        call_fail(call, &result->err);
        return;
    }
    json_t *content = json_pack("[{s:s, s:O}]", "type", "text", "text", result->text);
    if (json_array_extend(content, result->links) == 0) {
        call_finish(call, content, json_incref(result->structured));
        return;
    }
    json_decref(content);
    serve_fail_memory(call);
}

static void fail(struct served_call *served, const struct err *err)
{
    struct run_result result = {.err = *err};
    finish(served, &result);
}

/* ---- a source that was left out ---- */

/* The object of the arguments that names the source: those of the tool, or of the call that the
 * tool speaks for. NULL: they are something else, or name one. */
static const json_t *sourceless(const struct tool *tool, const json_t *arguments)
{
    for (const struct param *p = tool->params; p->name != NULL; p++)
        if (p->role != NULL && strcmp(p->role, "source") == 0)
            return json_object_get(arguments, p->name) == NULL ? arguments : NULL;
    const json_t *inner = json_object_get(arguments, "arguments");
    return json_is_object(inner) && json_object_get(inner, "source") == NULL ? inner : NULL;
}

/* Where several sources exist and none was named the client is asked, if it can be, once. */
static bool may_ask_for_source(const struct served_call *served, const struct err *err)
{
    return err->code == ERR_ARGUMENT && strcmp(err->field, "source") == 0 &&
           sourceless(served->tool, served->arguments) != NULL &&
           call_response(served->call, "source") == NULL &&
           call_can_ask(served->call, "elicitation/create", "form");
}

static json_t *question(const json_t *sources)
{
    json_t *names = json_array(), *titles = json_array();
    size_t i;
    json_t *source;
    json_array_foreach (sources, i, source) {
        json_array_append(names, json_object_get(source, "name"));
        json_array_append_new(titles, json_sprintf("%s: %s", json_get_string(source, "name", ""),
                                                   json_get_string(source, "description", "")));
    }
    return json_pack("{s:{s:s, s:{s:s, s:s, s:{s:s, s:{s:{s:s, s:s, s:s, s:o, s:o}}, s:[s]}}}}",
                     "source", "method", "elicitation/create", "params", "mode", "form", "message",
                     "There are several sources of data. Which one is meant?", "requestedSchema",
                     "type", "object", "properties", "source", "type", "string", "title", "Source",
                     "description", "The data that the question is about.", "enum", names,
                     "enumNames", titles, "required", "source");
}

static void on_sources(void *user, const struct run_result *result)
{
    struct served_call *served = user;
    struct call *call = served->call;
    if (result->err.code != ERR_OK) {
        fail(served, &result->err);
        return;
    }
    json_t *requests = question(json_object_get(result->structured, "sources"));
    served_free(served);
    if (requests == NULL)
        serve_fail_memory(call);
    else
        call_ask(call, requests, NULL);
}

/* The arguments with the source that the client's answer chose, if it did. New reference. */
static json_t *with_choice(struct call *call, const struct tool *tool, const json_t *arguments)
{
    const json_t *response = call_response(call, "source");
    const char *chosen = json_get_string(json_object_get(response, "content"), "source", NULL);
    const json_t *target = sourceless(tool, arguments);
    if (chosen == NULL || target == NULL ||
        strcmp(json_get_string(response, "action", ""), "accept") != 0)
        return json_incref((json_t *)arguments);
    json_t *own = json_copy((json_t *)arguments);
    json_t *inner = target == arguments ? json_incref(own) : json_copy((json_t *)target);
    int rc = json_object_set_new(inner, "source", json_string(chosen));
    if (rc == 0 && target != arguments)
        rc = json_object_set(own, "arguments", inner);
    json_decref(inner);
    if (rc == 0)
        return own;
    json_decref(own);
    return NULL;
}

/* ---- the run ---- */

static void on_cancel(void *user)
{
    struct served_call *served = user;
    run_cancel(served->run);
}

static void on_done(void *user, const struct run_result *result)
{
    struct served_call *served = user;
    uint64_t limit_ms = serve_call_limit_ms(served->serving->app), spent_ms = elapsed_ms(served);
    served->run = NULL;
    if (spent_ms < limit_ms && may_ask_for_source(served, &result->err))
        serve_run(served->serving, served->call, &tool_source_names, json_object(),
                  limit_ms - spent_ms, on_sources, served);
    else
        finish(served, result);
}

/* A call that may become a task may take as long as one; if in the end it cannot, serve_call_tick()
 * takes that back. */
static void set_limit(struct served_call *served)
{
    const struct app *app = served->serving->app;
    uint64_t task_ms = (uint64_t)app->config.task_s * 1000;
    served->may_be_task = call_takes_task(served->call);
    if (served->may_be_task)
        run_limit(served->run, task_ms, task_ms);
    else
        run_limit(served->run, serve_call_limit_ms(app), 0);
}

void serve_call_start(struct call *call, const json_t *arguments, void *user)
{
    const struct served *item = user;
    struct app *app = item->serving->app;
    struct err err = {0};
    struct served_call *served = calloc(1, sizeof *served);
    if (served == NULL) {
        serve_fail_memory(call);
        return;
    }
    *served = (struct served_call){.serving = item->serving,
                                   .call = call,
                                   .tool = item->tool,
                                   .arguments = with_choice(call, item->tool, arguments),
                                   .started_ns = uv_hrtime(),
                                   .told_ms = uv_now(app->loop)};
    link_call(served);
    log_to_client(served, NULL);
    if (served->arguments == NULL)
        err_set(&err, ERR_MEMORY, NULL, "out of memory");
    else if (app_open_workspace(app, &err) == 0)
        served->run = run_start(app->workspace, item->tool, served->arguments, call_id(call),
                                on_progress, on_done, served);
    if (served->run == NULL) {
        if (err.code == ERR_OK)
            err_set(&err, ERR_MEMORY, NULL, "out of memory");
        fail(served, &err);
        return;
    }
    set_limit(served);
    call_on_cancel(call, on_cancel, served);
}

/* ---- calls that last ---- */

static void become_task(struct served_call *served)
{
    served->is_task = call_into_task(served->call);
    if (served->is_task) {
        tell_progress(served, served->rows);
        return;
    }
    served->may_be_task = false;
    run_limit(served->run, serve_call_limit_ms(served->serving->app), 0);
}

void serve_call_tick(struct serve_tools *serving, uint64_t now_ms)
{
    uint64_t task_after_ms = (uint64_t)serving->app->config.task_after_s * 1000;
    for (struct served_call *served = serving->calls, *next; served != NULL; served = next) {
        next = served->next;
        if (served->run == NULL)
            continue;
        if (served->may_be_task && !served->is_task && elapsed_ms(served) >= task_after_ms)
            become_task(served);
        else if (now_ms - served->told_ms >= HEARTBEAT_MS)
            tell_progress(served, served->rows);
    }
}
