/* Resources: what the tools find, under names that last. Reading one is running a tool. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "json.h"
#include "log.h"
#include "pages.h"
#include "primitives.h"
#include "serve_impl.h"
#include "uri_template.h"

enum {
    LIST_LIMIT_MS = 10000, /* clients ask for the list when they start */
    DATA_TTL_MS = 5000,
    FIXED_TTL_MS = 3600000,
};

#define JSON     "application/json"
#define MARKDOWN "text/markdown"
#define CSV      "text/csv"
#define XML      "application/xml"

/* One resource being read. */
struct reading {
    struct serve_tools *serving;
    struct call *call;
    char *uri;
    /* of a session: which, in which of the sources it is looked for now, and the first failure that
     * was no "not there" */
    const struct tool *tool;
    json_t *arguments, *sources;
    size_t at, absent_count;
    uint64_t started_ms;
    struct err failure;
};

static void reading_free(struct reading *r)
{
    json_decref(r->arguments);
    json_decref(r->sources);
    free(r->uri);
    free(r);
}

/* NULL: the call has been failed. */
static struct reading *reading_new(struct serve_tools *serving, struct call *call, const char *uri)
{
    struct reading *r = calloc(1, sizeof *r);
    char *copy = strdup(uri);
    if (r == NULL || copy == NULL) {
        free(r);
        free(copy);
        serve_fail_memory(call);
        return NULL;
    }
    *r = (struct reading){
        .serving = serving,
        .call = call,
        .uri = copy,
        .started_ms = uv_now(serving->app->loop),
    };
    return r;
}

static void answer_text(struct call *call, const char *uri, const char *mime, const char *text)
{
    json_t *result = text != NULL ? json_pack("{s:[{s:s, s:s, s:s}]}", "contents", "uri", uri,
                                              "mimeType", mime, "text", text)
                                  : NULL;
    if (result == NULL)
        serve_fail_memory(call);
    else
        call_answer(call, result);
}

static void fail_reading(struct reading *r, const struct err *err)
{
    struct call *call = r->call;
    log_event(LOG_DEBUG, "resource", "uri", r->uri, "result", err_name(err->code), "text",
              err->text, "engine", err->raw, NULL);
    reading_free(r);
    call_fail(call, err);
}

/* The result of a tool as it is. */
static void on_result(void *user, const struct run_result *result)
{
    struct reading *r = user;
    if (result->err.code != ERR_OK) {
        fail_reading(r, &result->err);
        return;
    }
    char *text = json_text(result->structured);
    answer_text(r->call, r->uri, JSON, text);
    free(text);
    reading_free(r);
}

static void read_by_tool(struct serve_tools *serving, struct call *call, const char *uri,
                         const char *tool, json_t *arguments)
{
    struct reading *r = reading_new(serving, call, uri);
    if (r == NULL) {
        json_decref(arguments);
        return;
    }
    serve_run(serving, call, catalog_find(tool), arguments, 0, on_result, r);
}

static void read_sources(struct call *call, const char *uri, const json_t *variables, void *user)
{
    (void)variables;
    read_by_tool(user, call, uri, "list_sources", json_object());
}

/* As many rows as fit; what does not is said in meta.truncated. */
static json_t *whole(const json_t *variables)
{
    return json_pack("{s:O, s:i}", "source", json_object_get(variables, "source"), "limit", 1000);
}

static void read_schema(struct call *call, const char *uri, const json_t *variables, void *user)
{
    read_by_tool(user, call, uri, "describe_source", whole(variables));
}

static void read_events(struct call *call, const char *uri, const json_t *variables, void *user)
{
    read_by_tool(user, call, uri, "list_events", whole(variables));
}

/* ---- sessions: a session's id does not say in which source it is ---- */

static void answer_session(struct reading *r, const struct run_result *result)
{
    const json_t *blob = json_object_get(result->structured, "blob");
    if (blob == NULL) {
        on_result(r, result);
        return;
    }
    json_t *answer = json_pack("{s:[{s:s, s:s, s:O}]}", "contents", "uri", r->uri, "mimeType", JSON,
                               "blob", blob);
    struct call *call = r->call;
    reading_free(r);
    if (answer == NULL)
        serve_fail_memory(call);
    else
        call_answer(call, answer);
}

static void try_next(struct reading *r);

static void on_session(void *user, const struct run_result *result)
{
    struct reading *r = user;
    const struct err *err = &result->err;
    if (err->code == ERR_OK) {
        answer_session(r, result);
        return;
    }
    /* What is wrong with the session itself is the answer; other failures are this source's. */
    bool is_absent = err->code == ERR_NOT_FOUND && strcmp(err->field, "session") == 0;
    /* Another source may have the recording of a session that this one knows the events of. */
    bool is_silent = err->code == ERR_NOT_FOUND && strcmp(err->field, "recording") == 0;
    bool is_final = err->code == ERR_CANCELLED || err->code == ERR_LIMIT ||
                    (err->code == ERR_NOT_FOUND && strcmp(err->field, "part") == 0);
    if (is_final) {
        fail_reading(r, err);
        return;
    }
    if (is_absent)
        r->absent_count++;
    else if (r->failure.code == ERR_OK || is_silent)
        r->failure = *err;
    try_next(r);
}

/* All sources together may take what one call may. */
static void try_next(struct reading *r)
{
    uint64_t limit_ms = serve_call_limit_ms(r->serving->app);
    uint64_t spent_ms = uv_now(r->serving->app->loop) - r->started_ms;
    while (spent_ms < limit_ms && r->at < json_array_size(r->sources)) {
        const json_t *source = json_array_get(r->sources, r->at++);
        if (!json_get_bool(source, "has_sessions", false))
            continue;
        json_t *arguments = json_copy(r->arguments);
        if (arguments != NULL)
            json_object_set(arguments, "source", json_object_get(source, "name"));
        serve_run(r->serving, r->call, r->tool, arguments, limit_ms - spent_ms, on_session, r);
        return;
    }
    if (r->failure.code == ERR_OK && r->at < json_array_size(r->sources))
        err_set(&r->failure, ERR_TIMEOUT, "session",
                "the time was over before every source was searched");
    else if (r->failure.code == ERR_OK && r->absent_count == 0)
        err_set(&r->failure, ERR_NOT_FOUND, "session", "no source has sessions");
    else if (r->failure.code == ERR_OK)
        err_set(&r->failure, ERR_NOT_FOUND, "session",
                "no source has session '%.80s'; ids come from list_actors with actor session, or "
                "from the session field of other results",
                json_get_string(r->arguments, "session", ""));
    struct err err = r->failure;
    fail_reading(r, &err);
}

static void on_sources(void *user, const struct run_result *result)
{
    struct reading *r = user;
    if (result->err.code != ERR_OK) {
        fail_reading(r, &result->err);
        return;
    }
    r->sources = json_incref(json_object_get(result->structured, "sources"));
    try_next(r);
}

/* Takes the reference of `arguments`. */
static void find_session(struct serve_tools *serving, struct call *call, const char *uri,
                         const struct tool *tool, json_t *arguments)
{
    struct reading *r = reading_new(serving, call, uri);
    if (r == NULL) {
        json_decref(arguments);
        return;
    }
    r->tool = tool;
    r->arguments = arguments;
    serve_run(serving, call, &tool_source_names, json_object(), 0, on_sources, r);
}

static void read_session(struct call *call, const char *uri, const json_t *variables, void *user)
{
    find_session(user, call, uri, catalog_find("open_session"),
                 json_pack("{s:O}", "session", json_object_get(variables, "id")));
}

static void read_replay(struct call *call, const char *uri, const json_t *variables, void *user)
{
    find_session(user, call, uri, &tool_export_replay,
                 json_pack("{s:O, s:O*}", "session", json_object_get(variables, "id"), "part",
                           json_object_get(variables, "part")));
}

/* ---- logs ---- */

static void on_log(void *user, const struct run_result *result)
{
    struct reading *r = user;
    if (result->err.code != ERR_OK) {
        fail_reading(r, &result->err);
        return;
    }
    bool is_csv = strcmp(json_get_string(r->arguments, "format", ""), "csv") == 0;
    json_t *answer =
        json_pack("{s:[{s:s, s:s, s:O}]}", "contents", "uri", r->uri, "mimeType",
                  is_csv ? CSV : XML, "text", json_object_get(result->structured, "text"));
    struct call *call = r->call;
    reading_free(r);
    if (answer == NULL)
        serve_fail_memory(call);
    else
        call_answer(call, answer);
}

/* Which log it is, the link says: an object of the arguments that select cases. */
static int read_log_arguments(const json_t *variables, json_t **ret_arguments, struct err *ret_err)
{
    static const char *const known[] = {"source", "case",    "from",    "to",
                                        "tz",     "filters", "segment", NULL};
    const char *text = json_get_string(variables, "arguments", "");
    json_t *given = json_parse(text, strlen(text), ret_err);
    if (given == NULL || !json_is_object(given)) {
        json_decref(given);
        return err_set(ret_err, ERR_ARGUMENT, "arguments",
                       "expected an object like {\"source\": \"…\", \"case\": \"…\"}, "
                       "percent-encoded; process_variants links to such a log");
    }
    int rc = 0;
    const char *name;
    json_t *value;
    json_object_foreach (given, name, value) {
        size_t i = 0;
        while (known[i] != NULL && strcmp(known[i], name) != 0)
            i++;
        if (rc == 0 && known[i] == NULL)
            rc = err_set(ret_err, ERR_ARGUMENT, "arguments",
                         "there is no argument '%.60s' here; these are: source, case, from, to, "
                         "tz, filters, segment",
                         name);
    }
    static const char *const own[] = {"format", "part"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        value = json_object_get(variables, own[i]);
        if (value != NULL)
            json_object_set(given, own[i], value);
    }
    if (rc == 0)
        *ret_arguments = given;
    else
        json_decref(given);
    return rc;
}

static void read_log(struct call *call, const char *uri, const json_t *variables, void *user)
{
    struct err err = {0};
    json_t *arguments = NULL;
    if (read_log_arguments(variables, &arguments, &err) < 0) {
        call_fail(call, &err);
        return;
    }
    struct reading *r = reading_new(user, call, uri);
    if (r == NULL) {
        json_decref(arguments);
        return;
    }
    r->arguments = arguments;
    serve_run(user, call, &tool_export_log, json_incref(arguments), 0, on_log, r);
}

/* ---- what is the same for everyone ---- */

static void read_guide(struct call *call, const char *uri, const json_t *variables, void *user)
{
    (void)user;
    const char *topic = json_get_string(variables, "topic", "");
    for (const struct page *page = page_guides; page->name != NULL; page++)
        if (strcmp(page->name, topic) == 0) {
            answer_text(call, uri, MARKDOWN, page->text);
            return;
        }
    struct err err = {0};
    struct buf names = {0};
    for (const struct page *page = page_guides; page->name != NULL; page++)
        buf_printf(&names, "%s%s", page == page_guides ? "" : ", ", page->name);
    err_set(&err, ERR_NOT_FOUND, "topic", "there is no guide '%.80s'; there are: %s", topic,
            buf_text(&names));
    buf_done(&names);
    call_fail(call, &err);
}

static void read_primitives(struct call *call, const char *uri, const json_t *variables, void *user)
{
    (void)variables;
    (void)user;
    json_t *all = primitives_json();
    char *text = all != NULL ? json_text(all) : NULL;
    answer_text(call, uri, JSON, text);
    free(text);
    json_decref(all);
}

/* ---- the table ---- */

static void complete(struct call *call, const char *variable, const char *value,
                     const json_t *chosen, void *user)
{
    (void)chosen;
    struct completion completion = {.value = value};
    if (strcmp(variable, "id") == 0)
        completion.role = "session";
    else if (strcmp(variable, "source") == 0 || strcmp(variable, "topic") == 0)
        completion.role = variable;
    serve_complete(user, call, &completion);
}

static const struct server_resource resources[] = {
    {.uri = "sextant://sources",
     .name = "sources",
     .title = "Sources",
     .description =
         "What data is here: every source with its period, size, case fields and whether "
         "it has recordings.",
     .mime_type = JSON,
     .priority = 1,
     .ttl_ms = DATA_TTL_MS,
     .read = read_sources},
    {.uri = "sextant://primitives",
     .name = "primitives",
     .title = "ClickHouse functions used",
     .description = "Every ClickHouse function behind the tools: which tool uses it for what, with "
                    "an example to run.",
     .mime_type = JSON,
     .priority = 0.2,
     .ttl_ms = FIXED_TTL_MS,
     .is_public = true,
     .read = read_primitives},
    {.uri = "sextant://schema/{source}",
     .name = "schema",
     .title = "Fields of a source",
     .description = "Fields and properties with type, coverage, number of values and the most "
                    "frequent ones.",
     .mime_type = JSON,
     .priority = 0.8,
     .ttl_ms = DATA_TTL_MS,
     .read = read_schema,
     .complete = complete},
    {.uri = "sextant://events/{source}",
     .name = "events",
     .title = "Events of a source",
     .description = "The event catalogue: names, volume, actors, trend, new and gone events.",
     .mime_type = JSON,
     .priority = 0.8,
     .ttl_ms = DATA_TTL_MS,
     .read = read_events,
     .complete = complete},
    {.uri = "sextant://session/{id}",
     .name = "session",
     .title = "A session",
     .description = "What one person did in one session: pages, highlights, errors, signs of "
                    "frustration.",
     .mime_type = JSON,
     .priority = 0.5,
     .ttl_ms = DATA_TTL_MS,
     .read = read_session,
     .complete = complete},
    {.uri = "sextant://session/{id}/replay",
     .name = "replay",
     .title = "Recording of a session",
     .description = "The ordered rrweb events of a session as a JSON array, for a player. A long "
                    "recording is read in parts.",
     .mime_type = JSON,
     .priority = 0.3,
     .ttl_ms = DATA_TTL_MS,
     .read = read_replay,
     .complete = complete},
    {.uri = "sextant://session/{id}/replay/{part}",
     .name = "replay_part",
     .title = "Part of a recording",
     .description =
         "One part of a recording that is too long for one resource; parts count from 1.",
     .mime_type = JSON,
     .priority = 0.1,
     .ttl_ms = DATA_TTL_MS,
     .read = read_replay,
     .complete = complete},
    {.uri = "sextant://log/{format}/{arguments}",
     .name = "log",
     .title = "Log of a process",
     .description = "The events of the selected cases as a file for other tools: csv or xes. "
                    "Results of process tools link to it. A long log is read in parts.",
     .priority = 0.3,
     .ttl_ms = DATA_TTL_MS,
     .read = read_log},
    {.uri = "sextant://log/{format}/{arguments}/{part}",
     .name = "log_part",
     .title = "Part of a log",
     .description = "Some of the cases of a log that is too long for one resource, like 2-of-5; "
                    "each part is a log of its own.",
     .priority = 0.1,
     .ttl_ms = DATA_TTL_MS,
     .read = read_log},
    {.uri = "sextant://guide/{topic}",
     .name = "guide",
     .title = "Guides",
     .description = "How to work with the tools, written for agents.",
     .mime_type = MARKDOWN,
     .priority = 0.9,
     .ttl_ms = FIXED_TTL_MS,
     .is_public = true,
     .read = read_guide,
     .complete = complete},
    {0},
};

int serve_add_resources(struct serve_tools *serving, struct err *ret_err)
{
    int rc = 0;
    for (const struct server_resource *r = resources; rc == 0 && r->uri != NULL; r++) {
        struct server_resource own = *r;
        own.user = serving;
        rc = server_add_resource(serving->server, &own, ret_err);
    }
    return rc;
}

/* ---- the list ---- */

static void add_listed(json_t *list, const struct server_resource *r, const char *uri,
                       const char *name, const char *title, const char *description)
{
    json_array_append_new(list,
                          json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:f}}", "uri", uri, "name", name,
                                    "title", title, "description", description, "mimeType",
                                    r->mime_type, "annotations", "priority", r->priority));
}

static const struct server_resource *resource_named(const char *name)
{
    const struct server_resource *r = resources;
    while (r->uri != NULL && strcmp(r->name, name) != 0)
        r++;
    return r;
}

/* "sextant://schema/demo", with the title "Fields of demo". */
static void add_of_source(json_t *list, const char *kind, const char *what, const char *source)
{
    const struct server_resource *r = resource_named(kind);
    struct buf uri = {0}, name = {0}, title = {0};
    buf_printf(&uri, "sextant://%s/", kind);
    uri_add_encoded(&uri, source);
    buf_printf(&name, "%s/%s", kind, source);
    buf_printf(&title, "%s of %s", what, source);
    add_listed(list, r, buf_text(&uri), buf_text(&name), buf_text(&title), r->description);
    buf_done(&uri);
    buf_done(&name);
    buf_done(&title);
}

static void on_listed(void *user, const struct run_result *result)
{
    struct call *call = user;
    json_t *list = json_array();
    size_t i;
    json_t *source;
    if (result->err.code == ERR_CANCELLED) {
        json_decref(list);
        call_fail(call, &result->err);
        return;
    }
    if (result->err.code != ERR_OK)
        log_event(LOG_WARNING, "resources are listed without the sources", "text", result->err.text,
                  "engine", result->err.raw, NULL);
    json_array_foreach (json_object_get(result->structured, "sources"), i, source) {
        const char *name = json_get_string(source, "name", "");
        add_of_source(list, "schema", "Fields", name);
        add_of_source(list, "events", "Events", name);
    }
    for (const struct page *page = page_guides; page->name != NULL; page++) {
        char uri[96], name[64];
        snprintf(uri, sizeof uri, "sextant://guide/%s", page->name);
        snprintf(name, sizeof name, "guide/%s", page->name);
        add_listed(list, resource_named("guide"), uri, name, page->title, page->summary);
    }
    json_t *answer = json_pack("{s:o}", "resources", list);
    if (answer == NULL)
        serve_fail_memory(call);
    else
        call_answer(call, answer);
}

/* A database that does not answer must not hide what needs none. */
void serve_list_resources(struct call *call, void *user)
{
    serve_run(user, call, &tool_source_names, json_object(), LIST_LIMIT_MS, on_listed, call);
}

/* ---- the reference page ---- */

void serve_reference_resources(struct buf *out)
{
    buf_puts(out, "## Resources\n\n| resource | type | what it holds |\n|---|---|---|\n");
    for (const struct server_resource *r = resources; r->uri != NULL; r++)
        buf_printf(out, "| `%s` | %s | %s |\n", r->uri,
                   r->mime_type != NULL ? r->mime_type : "as its format", r->description);
    buf_puts(out, "\nSchema and events are listed for each source, guides one by one:\n\n"
                  "| guide | what it is about |\n|---|---|\n");
    for (const struct page *page = page_guides; page->name != NULL; page++)
        buf_printf(out, "| `sextant://guide/%s` | %s |\n", page->name, page->summary);
    buf_putc(out, '\n');
}
