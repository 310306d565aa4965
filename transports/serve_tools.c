#include "serve_tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"
#include "catalog.h"
#include "serve_impl.h"

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
    "they come back), process_variants (which ways do cases take), conformance_check (do they "
    "follow the rule), anomaly_scan (what went wrong, and when), open_session (what did this "
    "person see).\n"
    "4. list_actors: who is behind a number. Give it the tool (`of`), its `arguments` and the "
    "`cell`; it returns ids and sessions for open_session.\n"
    "\n"
    "Arguments: an event matcher is {event, where: [{field, op, value}]}; a bare string is an "
    "event "
    "name. Times are ISO 8601, dates, or relative to the newest data (-7d, -12h); the default is "
    "the last 30 days of the data, all of it where a tool says so. Fields: event, actor, session, "
    "case, resource, service, status, "
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
        .task_mode = TASK_OPTIONAL,
        .start = serve_call_start,
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
        return serve_selects(item->serving->app->config.toolsets, item->tool);
    char name[NAME_BYTES];
    while (next_name(&toolsets, name, sizeof name))
        if (selects(name, item->tool))
            return true;
    return false;
}

static int add_tools(struct serve_tools *serving, struct err *ret_err)
{
    for (size_t i = 0; catalog[i] != NULL; i++) {
        struct served *item = &serving->items[serving->count++];
        *item = (struct served){.serving = serving, .tool = catalog[i]};
        int rc = add_tool(serving->server, item, ret_err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* A task has at least this long to be fetched after its call has ended. */
enum { RESULT_KEPT_MS = 15 * 60 * 1000 };

int serve_new(struct app *app, struct server **ret_server, struct serve_tools **ret_tools,
              struct err *ret_err)
{
    int rc = serve_check_toolsets(app->config.toolsets, ret_err);
    if (rc < 0)
        return rc;
    size_t count = 0;
    while (catalog[count] != NULL)
        count++;
    struct serve_tools *serving = calloc(1, sizeof *serving + count * sizeof *serving->items);
    if (serving == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    serving->app = app;
    serving->server = server_new(&(struct server_options){
        .name = "sextant",
        .title = "Sextant",
        .version = SEXTANT_VERSION,
        .instructions = instructions,
        .offers = offers,
        .list_resources = serve_list_resources,
        .user = serving,
        .has_logging = true,
        .task_ttl_ms = (uint64_t)app->config.task_s * 1000 + RESULT_KEPT_MS,
    });
    rc = serving->server != NULL ? add_tools(serving, ret_err)
                                 : err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    if (rc == 0)
        rc = serve_add_resources(serving, ret_err);
    if (rc == 0)
        rc = serve_add_prompts(serving, ret_err);
    if (rc < 0) {
        server_free(serving->server);
        serve_tools_free(serving);
        return rc;
    }
    *ret_server = serving->server;
    *ret_tools = serving;
    return 0;
}

void serve_tools_free(struct serve_tools *serving)
{
    if (serving == NULL)
        return;
    serve_free_prompts(serving);
    free(serving);
}

/* --- the clock ----------------------------------------------------------------------------- */

enum { TICK_MS = 1000 };

static void on_tick(uv_timer_t *clock)
{
    struct serve_tools *serving = clock->data;
    uint64_t now_ms = uv_now(serving->app->loop);
    serve_call_tick(serving, now_ms);
    serve_watch_tick(serving, now_ms);
}

void serve_begin(struct serve_tools *serving)
{
    uv_timer_init(serving->app->loop, &serving->clock); /* cannot fail */
    serving->clock.data = serving;
    serving->has_clock = true;
    uv_timer_start(&serving->clock, on_tick, TICK_MS, TICK_MS);
    uv_unref((uv_handle_t *)&serving->clock);
}

void serve_stop(struct serve_tools *serving)
{
    if (serving->has_clock)
        uv_close((uv_handle_t *)&serving->clock, NULL);
    serving->has_clock = false;
}
