/* Completion: what a name that is being typed may become, out of the data. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "catalog.h"
#include "json.h"
#include "pages.h"
#include "prompt.h"
#include "serve_impl.h"

enum {
    LIMIT_MS = 3000, /* somebody is typing */
    VALUES_MAX = 100,
    SOURCES_MAX = 4, /* looked at when none was chosen */
};

struct completing {
    struct serve_tools *serving;
    struct call *call;
    const struct tool *tool;
    char *head;        /* what stands before the name that is typed: "view, " */
    json_t *arguments; /* of the tool, without the source */
    json_t *sources;
    size_t at;
    json_t *values; /* found so far */
    size_t total;
    uint64_t started_ms;
};

static void finish(struct completing *c)
{
    struct call *call = c->call;
    json_t *values = c->values;
    size_t total = c->total;
    json_decref(c->arguments);
    json_decref(c->sources);
    free(c->head);
    free(c);
    if (values == NULL)
        serve_fail_memory(call);
    else
        call_complete(call, values, total);
}

/* Once, and with what stands before it. */
static void add_value(struct completing *c, const char *value)
{
    json_t *whole = json_sprintf("%s%s", c->head, value);
    bool is_there = false;
    for (size_t i = 0; i < json_array_size(c->values); i++)
        is_there = is_there || json_equal(json_array_get(c->values, i), whole);
    if (is_there || json_array_size(c->values) >= VALUES_MAX)
        json_decref(whole);
    else
        json_array_append_new(c->values, whole);
}

/* ---- names that stand in the list of sources, or nowhere ---- */

static const char *prefix_of(const struct completing *c)
{
    return json_get_string(c->arguments, "prefix", "");
}

static void add_if_begins(struct completing *c, const char *value)
{
    const char *prefix = prefix_of(c);
    if (strncasecmp(value, prefix, strlen(prefix)) != 0)
        return;
    c->total++;
    add_value(c, value);
}

static void on_source_names(void *user, const struct run_result *result)
{
    struct completing *c = user;
    size_t i;
    json_t *source;
    json_array_foreach (json_object_get(result->structured, "sources"), i, source)
        add_if_begins(c, json_get_string(source, "name", ""));
    finish(c);
}

static void on_cases(void *user, const struct run_result *result)
{
    struct completing *c = user;
    const char *wanted = json_get_string(c->arguments, "source", "");
    size_t i, k;
    json_t *source, *name;
    json_array_foreach (json_object_get(result->structured, "sources"), i, source) {
        if (wanted[0] != '\0' && strcmp(json_get_string(source, "name", ""), wanted) != 0)
            continue;
        json_array_foreach (json_object_get(source, "case_fields"), k, name)
            add_if_begins(c, json_string_value(name));
    }
    finish(c);
}

/* ---- names that stand in the data ---- */

static void ask_next(struct completing *c);

/* A source that fails, or lacks what is looked for, has nothing to offer. */
static void on_values(void *user, const struct run_result *result)
{
    struct completing *c = user;
    size_t i;
    json_t *value;
    json_array_foreach (json_object_get(result->structured, "values"), i, value)
        add_value(c, json_string_value(value));
    c->total += (size_t)json_get_integer(result->structured, "total", 0);
    if (result->err.code == ERR_CANCELLED)
        c->at = json_array_size(c->sources);
    ask_next(c);
}

static void ask_next(struct completing *c)
{
    uint64_t spent_ms = uv_now(c->serving->app->loop) - c->started_ms;
    if (c->at >= json_array_size(c->sources) || c->at >= SOURCES_MAX || spent_ms >= LIMIT_MS) {
        finish(c);
        return;
    }
    json_t *arguments = json_copy(c->arguments);
    if (arguments != NULL)
        json_object_set(arguments, "source", json_array_get(c->sources, c->at++));
    serve_run(c->serving, c->call, c->tool, arguments, LIMIT_MS - spent_ms, on_values, c);
}

static void on_sources(void *user, const struct run_result *result)
{
    struct completing *c = user;
    bool needs_sessions = c->tool == &tool_complete_sessions;
    size_t i;
    json_t *source;
    json_array_foreach (json_object_get(result->structured, "sources"), i, source)
        if (!needs_sessions || json_get_bool(source, "has_sessions", false))
            json_array_append(c->sources, json_object_get(source, "name"));
    ask_next(c);
}

/* ---- what is asked for ---- */

/* Of "view, add" the name that is typed is "add". */
static const char *last_name(const char *value)
{
    const char *comma = strrchr(value, ',');
    if (comma == NULL)
        return value;
    return comma + 1 + strspn(comma + 1, " ");
}

static struct completing *completing_new(struct serve_tools *serving, struct call *call,
                                         const struct completion *what)
{
    bool is_list = what->role != NULL && strcmp(what->role, "events") == 0;
    const char *prefix = is_list ? last_name(what->value) : what->value;
    const char *source = what->source != NULL ? what->source : "";
    struct completing *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    *c = (struct completing){
        .serving = serving,
        .call = call,
        .head = strndup(what->value, (size_t)(prefix - what->value)),
        .arguments = json_pack("{s:s}", "prefix", prefix),
        .sources = source[0] != '\0' ? json_pack("[s]", source) : json_array(),
        .values = json_array(),
        .started_ms = uv_now(serving->app->loop),
    };
    if (c->head != NULL && c->arguments != NULL && c->sources != NULL && c->values != NULL)
        return c;
    json_decref(c->values);
    c->values = NULL;
    return c;
}

static void complete_from_data(struct completing *c, const struct tool *tool, const char *field)
{
    c->tool = tool;
    if (field != NULL)
        json_object_set_new(c->arguments, "field", json_string(field));
    if (json_array_size(c->sources) > 0)
        ask_next(c);
    else
        serve_run(c->serving, c->call, &tool_source_names, json_object(), LIMIT_MS, on_sources, c);
}

static void complete_from_sources(struct completing *c, const char *source,
                                  void (*done)(void *, const struct run_result *))
{
    if (source != NULL)
        json_object_set_new(c->arguments, "source", json_string(source));
    serve_run(c->serving, c->call, &tool_source_names, json_object(), LIMIT_MS, done, c);
}

static void complete_fixed(struct completing *c, const char *role)
{
    for (const struct page *p = page_guides; strcmp(role, "topic") == 0 && p->name != NULL; p++)
        add_if_begins(c, p->name);
    for (size_t i = 0; strcmp(role, "metric") == 0 && prompt_metrics[i] != NULL; i++)
        add_if_begins(c, prompt_metrics[i]);
    finish(c);
}

void serve_complete(struct serve_tools *serving, struct call *call, const struct completion *what)
{
    const char *role = what->role != NULL ? what->role : "";
    struct completing *c = completing_new(serving, call, what);
    if (c == NULL)
        serve_fail_memory(call);
    else if (c->values == NULL)
        finish(c);
    else if (strcmp(role, "source") == 0)
        complete_from_sources(c, NULL, on_source_names);
    else if (strcmp(role, "case") == 0)
        complete_from_sources(c, what->source, on_cases);
    else if (strcmp(role, "event") == 0 || strcmp(role, "events") == 0)
        complete_from_data(c, &tool_complete_values, "event");
    else if (strcmp(role, "session") == 0)
        complete_from_data(c, &tool_complete_sessions, NULL);
    else if (strcmp(role, "field") == 0)
        complete_from_data(c, &tool_complete_fields, NULL);
    else if (strcmp(role, "value") == 0 && what->field != NULL && what->field[0] != '\0')
        complete_from_data(c, &tool_complete_values, what->field);
    else
        complete_fixed(c, role);
}
