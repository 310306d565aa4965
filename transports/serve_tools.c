#include "serve_tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"
#include "catalog.h"
#include "log.h"

/* What initialize and server/discover tell an agent: how to start. */
static const char instructions[] =
    "Sextant answers questions about products and processes from event data in ClickHouse: "
    "funnels, "
    "retention, process conformance, anomalies, session replay. Every tool is read-only, bounded "
    "and exact; none needs SQL.\n"
    "\n"
    "How to start:\n"
    "1. list_sources: what data there is. `source` may be left out of later calls when there is "
    "one.\n"
    "2. list_events: the event names, exactly as they must be written; describe_source: the fields "
    "for filters and breakdowns, with their common values.\n"
    "3. Then the tool of the question: run_funnel (where do they drop off), retention_matrix (do "
    "they come back), conformance_check (does the process follow the rule), anomaly_scan (what "
    "went wrong, and when), open_session (what did this person see).\n"
    "4. list_actors: who is behind a number. Give it the tool (`of`), its `arguments` and the "
    "`cell`; it returns ids and sessions for open_session.\n"
    "\n"
    "Arguments: an event matcher is {event, where: [{field, op, value}]}; a bare string is an "
    "event "
    "name. Times are ISO 8601, dates, or relative to the newest data (-7d, -12h); the default is "
    "the last 30 days of the data. Fields: event, actor, session, case, resource, service, status, "
    "duration_ms, url, or a property by its name.\n"
    "\n"
    "Results: the text says the finding, structuredContent holds the figures. meta.next proposes "
    "the calls an expert would make now, arguments filled in; follow them. meta.warnings and "
    "meta.truncated tell what to be careful with: pass them on. Shares are 0..1, durations are in "
    "seconds (_s) or milliseconds (_ms).\n"
    "\n"
    "Errors name the argument at fault and what is allowed, with the nearest existing names: "
    "correct it and call again. explain=with adds the SQL behind a result. Start with few rows "
    "(limit) and narrow with filters.";

/* --- which tools --------------------------------------------------------------------------- */

static bool selects(const char *name, const struct tool *tool)
{
    if (strcmp(name, "core") == 0)
        return (tool->flags & TOOL_CORE) != 0;
    return strcmp(name, "all") == 0 || strcmp(name, tool->toolset) == 0 ||
           strcmp(name, tool->name) == 0;
}

/* The next of the names in "a, b,c", cut to `size`; *text moves behind it. False at the end. */
static bool next_name(const char **text, char *name, size_t size)
{
    const char *begin = *text + strspn(*text, ", \t");
    size_t len = strcspn(begin, ", \t");
    *text = begin + len;
    snprintf(name, size, "%.*s", (int)len, begin);
    return len > 0;
}

bool serve_selects(char *const *toolsets, const struct tool *tool)
{
    for (size_t i = 0; toolsets != NULL && toolsets[i] != NULL; i++)
        if (selects(toolsets[i], tool))
            return true;
    return false;
}

enum { NAMES_MAX = 128, NAME_BYTES = 64 };

/* "core", "all" and the sets, each once; then the tools. */
static size_t collect_names(const char **names, size_t *ret_sets)
{
    size_t count = 0;
    names[count++] = "core";
    names[count++] = "all";
    for (size_t i = 0; catalog[i] != NULL && count < NAMES_MAX / 2; i++) {
        size_t j = 0;
        while (j < count && strcmp(names[j], catalog[i]->toolset) != 0)
            j++;
        if (j == count)
            names[count++] = catalog[i]->toolset;
    }
    *ret_sets = count;
    for (size_t i = 0; catalog[i] != NULL && count < NAMES_MAX; i++)
        names[count++] = catalog[i]->name;
    return count;
}

static int refuse_toolset(const char *name, struct err *ret_err)
{
    const char *names[NAMES_MAX];
    size_t sets = 0;
    size_t count = collect_names(names, &sets);
    const char *nearest = bind_nearest(name, names, count);
    struct buf text = {0};
    for (size_t i = 0; i < sets; i++)
        buf_printf(&text, i == 0 ? "%s" : ", %s", names[i]);
    int rc = err_set(ret_err, ERR_ARGUMENT, "toolsets",
                     "toolsets: there is no \"%.40s\"%s%s%s; sets are %s, and every tool's name",
                     name, nearest != NULL ? " (did you mean " : "", nearest != NULL ? nearest : "",
                     nearest != NULL ? "?)" : "", buf_text(&text));
    buf_done(&text);
    return rc;
}

static int check_toolset(const char *name, struct err *ret_err)
{
    size_t i = 0;
    while (catalog[i] != NULL && !selects(name, catalog[i]))
        i++;
    return catalog[i] != NULL || strcmp(name, "core") == 0 ? 0 : refuse_toolset(name, ret_err);
}

static int refuse_none(struct err *ret_err)
{
    return err_set(ret_err, ERR_ARGUMENT, "toolsets", "toolsets: expected at least one name");
}

int serve_check_toolsets(char *const *toolsets, struct err *ret_err)
{
    if (toolsets == NULL || toolsets[0] == NULL)
        return refuse_none(ret_err);
    int rc = 0;
    for (size_t i = 0; rc == 0 && toolsets[i] != NULL; i++)
        rc = check_toolset(toolsets[i], ret_err);
    return rc;
}

int serve_check_toolset_names(const char *toolsets, struct err *ret_err)
{
    char name[NAME_BYTES];
    size_t count = 0;
    int rc = 0;
    for (; rc == 0 && next_name(&toolsets, name, sizeof name); count++)
        rc = check_toolset(name, ret_err);
    return count > 0 ? rc : refuse_none(ret_err);
}

/* --- one call ------------------------------------------------------------------------------ */

struct served {
    struct app *app;
    const struct tool *tool;
};

struct serve_tools {
    size_t count;
    struct served items[];
};

struct served_call {
    struct call *call;
    struct run *run;
    const struct tool *tool;
    uint64_t started_ns;
};

static void on_cancel(void *user)
{
    struct served_call *served = user;
    run_cancel(served->run);
}

static void on_progress(void *user, double done, double total)
{
    struct served_call *served = user;
    call_progress(served->call, done, total, NULL);
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

static void on_done(void *user, const struct run_result *result)
{
    struct served_call *served = user;
    struct call *call = served->call;
    log_end(served, &result->err);
    free(served);
    if (result->err.code != ERR_OK) {
        call_fail(call, &result->err);
        return;
    }
    json_t *content = json_pack("[{s:s, s:O}]", "type", "text", "text", result->text);
    if (content == NULL) {
        struct err err = {0};
        err_set(&err, ERR_MEMORY, NULL, "out of memory");
        call_fail(call, &err);
        return;
    }
    call_finish(call, content, json_incref(result->structured));
}

static void fail(struct call *call, struct served_call *served, const struct err *err)
{
    if (served != NULL)
        log_end(served, err);
    free(served);
    call_fail(call, err);
}

static void start_call(struct call *call, const json_t *arguments, void *user)
{
    const struct served *item = user;
    struct err err = {0};
    struct served_call *served = calloc(1, sizeof *served);
    if (served == NULL) {
        err_set(&err, ERR_MEMORY, NULL, "out of memory");
        fail(call, NULL, &err);
        return;
    }
    *served = (struct served_call){.call = call, .tool = item->tool, .started_ns = uv_hrtime()};
    if (app_open_workspace(item->app, &err) < 0) {
        fail(call, served, &err);
        return;
    }
    served->run = run_start(item->app->workspace, item->tool, arguments, call_id(call), on_progress,
                            on_done, served);
    if (served->run == NULL) {
        err_set(&err, ERR_MEMORY, NULL, "out of memory");
        fail(call, served, &err);
        return;
    }
    call_on_cancel(call, on_cancel, served);
}

/* --- registration -------------------------------------------------------------------------- */

static int add_tool(struct server *server, struct served *item, struct err *ret_err)
{
    const struct tool *tool = item->tool;
    struct server_tool registered = {
        .name = tool->name,
        .title = tool->title,
        .description = tool->description,
        .input_schema = tool_input_schema(tool),
        .output_schema = tool_output_schema(tool),
        .is_read_only = true,
        .start = start_call,
        .user = item,
    };
    if (registered.input_schema == NULL || registered.output_schema == NULL) {
        json_decref(registered.input_schema);
        json_decref(registered.output_schema);
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    }
    return server_add_tool(server, &registered, ret_err);
}

/* Every tool is registered; which ones a request sees is decided for each. */
static bool offers(const struct server_tool *registered, const char *toolsets)
{
    const struct served *item = registered->user;
    if (toolsets == NULL)
        return serve_selects(item->app->config.toolsets, item->tool);
    char name[NAME_BYTES];
    while (next_name(&toolsets, name, sizeof name))
        if (selects(name, item->tool))
            return true;
    return false;
}

static int add_tools(struct app *app, struct server *server, struct serve_tools *tools,
                     struct err *ret_err)
{
    for (size_t i = 0; catalog[i] != NULL; i++) {
        struct served *item = &tools->items[tools->count++];
        *item = (struct served){.app = app, .tool = catalog[i]};
        int rc = add_tool(server, item, ret_err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int serve_new(struct app *app, struct server **ret_server, struct serve_tools **ret_tools,
              struct err *ret_err)
{
    static const struct server_options options = {
        .name = "sextant",
        .title = "Sextant",
        .version = SEXTANT_VERSION,
        .instructions = instructions,
        .offers = offers,
    };
    int rc = serve_check_toolsets(app->config.toolsets, ret_err);
    if (rc < 0)
        return rc;
    size_t count = 0;
    while (catalog[count] != NULL)
        count++;
    struct serve_tools *tools = calloc(1, sizeof *tools + count * sizeof *tools->items);
    struct server *server = server_new(&options);
    rc = tools != NULL && server != NULL ? add_tools(app, server, tools, ret_err)
                                         : err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    if (rc < 0) {
        server_free(server);
        free(tools);
        return rc;
    }
    *ret_server = server;
    *ret_tools = tools;
    return 0;
}

void serve_tools_free(struct serve_tools *tools)
{
    free(tools);
}
