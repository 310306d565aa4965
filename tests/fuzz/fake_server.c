#include "fake_server.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"

enum { HELD_MAX = 64 };

/* ---- implementations ---- */

static struct call *held[HELD_MAX];
static size_t held_count;

size_t fake_held(void)
{
    return held_count;
}

static void on_cancel(void *user)
{
    struct err err;
    for (size_t i = 0; i < held_count; i++) {
        if (held[i] != user)
            continue;
        held[i] = held[--held_count];
        err_set(&err, ERR_CANCELLED, NULL, "cancelled");
        call_fail(user, &err);
        return;
    }
    abort(); /* a call that had ended was cancelled */
}

static void hold(struct call *call)
{
    struct err err;
    if (held_count == HELD_MAX) {
        err_set(&err, ERR_BUSY, NULL, "too many");
        call_fail(call, &err);
        return;
    }
    held[held_count++] = call;
    call_on_cancel(call, on_cancel, call);
}

/* Ends some of what is held. */
void fake_release(size_t turn)
{
    struct err err;
    if (held_count == 0 || turn % 3 == 0)
        return;
    struct call *call = held[--held_count];
    if (turn % 3 == 1) {
        call_finish(call, NULL, json_pack("{s:i}", "turn", (int)turn));
    } else {
        err_set(&err, ERR_ENGINE, NULL, "it broke");
        call_fail(call, &err);
    }
}

static void ask(struct call *call)
{
    if (call_response(call, "name") != NULL || call_state(call) != NULL) {
        call_finish(call, NULL,
                    json_pack("{s:O?, s:O?}", "response", call_response(call, "name"), "state",
                              call_state(call)));
        return;
    }
    call_ask(call,
             json_pack("{s:{s:s, s:{s:s, s:{s:s, s:{}}}}, s:{s:s, s:{}}, s:{s:s, s:{s:[], s:i}}}",
                       "name", "method", "elicitation/create", "params", "message", "Who?",
                       "requestedSchema", "type", "object", "properties", "roots", "method",
                       "roots/list", "params", "sample", "method", "sampling/createMessage",
                       "params", "messages", "maxTokens", 1),
             json_pack("{s:i}", "round", 1));
}

static void start_tool(struct call *call, const json_t *arguments, void *user)
{
    struct err err;
    const char *what = user;
    call_progress(call, 1, 2, "half");
    call_log(call, MCP_WARNING, "fuzz", json_string("a word"));
    if (strcmp(what, "echo") == 0) {
        call_finish(call, NULL, json_incref((json_t *)arguments));
    } else if (strcmp(what, "ask") == 0) {
        ask(call);
    } else if (strcmp(what, "fail") == 0) {
        err_set(&err, ERR_ARGUMENT, "x", "no");
        call_fail(call, &err);
    } else {
        if (strcmp(what, "task") == 0 && call_into_task(call))
            call_task_status(call, "on it");
        call_let_go(call, 10);
        hold(call);
    }
}

static void read_resource(struct call *call, const char *uri, const json_t *variables, void *user)
{
    struct err err;
    (void)user;
    const char *name = json_get_string(variables, "name", "");
    if (strcmp(name, "ask") == 0) {
        ask(call);
    } else if (strcmp(name, "hold") == 0) {
        hold(call);
    } else if (strcmp(name, "none") == 0) {
        err_set(&err, ERR_NOT_FOUND, NULL, "there is no \"%s\"", uri);
        call_fail(call, &err);
    } else {
        call_answer(call, json_pack("{s:[{s:s, s:s, s:O}]}", "contents", "uri", uri, "text", name,
                                    "_meta", variables));
    }
}

static void get_prompt(struct call *call, const json_t *arguments, void *user)
{
    (void)user;
    call_answer(call, json_pack("{s:[{s:s, s:{s:s, s:s}}]}", "messages", "role", "user", "content",
                                "type", "text", "text", json_get_string(arguments, "who", "?")));
}

static void complete(struct call *call, const char *name, const char *value, const json_t *chosen,
                     void *user)
{
    (void)user;
    call_complete(call, json_pack("[s, s, i]", name, value, (int)json_object_size(chosen)), 0);
}

static void list_resources(struct call *call, void *user)
{
    (void)user;
    call_answer(call, json_pack("{s:[{s:s, s:s}, {s:s, s:s}]}", "resources", "uri", "x://one/a",
                                "name", "a", "uri", "x://one/b", "name", "b"));
}

struct server *fake_server_new(void)
{
    static const struct server_options options = {
        .name = "fuzz",
        .version = "0",
        .list_resources = list_resources,
        .page_size = 2,
        .has_logging = true,
        .state_key = "a key that is long enough for it.",
        .state_key_len = 32,
        .tasks_max = 3,
    };
    static char names[][8] = {"echo", "ask", "hold", "task", "fail", "picky"};
    static const struct server_prompt_argument arguments[] = {
        {"who", "Who", "Whom to greet.", true}, {"how", NULL, "How.", false}, {0}};
    static const struct server_prompt prompt = {"greet",    "Greet",  "Greets.", arguments,
                                                get_prompt, complete, NULL};
    const struct server_resource resources[] = {
        {"x://all", "all", NULL, "All.", "text/plain", .read = read_resource, .ttl_ms = 5},
        {"x://one/{name}", "one", "One", "One.", NULL, 0.5, read_resource, complete},
        {"x://two/{kind}/{name}.txt", "two", "Two", "Two.", NULL, .read = read_resource},
    };
    struct server *server = server_new(&options);
    int rc = server != NULL ? 0 : -1;
    for (size_t i = 0; rc >= 0 && i < sizeof names / sizeof names[0]; i++) {
        bool is_picky = strcmp(names[i], "picky") == 0;
        struct server_tool tool = {
            .name = names[i],
            .description = "A tool.",
            .input_schema = json_pack("{s:s, s:{s:{s:s, s:s}}}", "type", "object", "properties",
                                      "region", "type", "string", "x-mcp-header", "Region"),
            .client_capabilities = is_picky ? json_pack("{s:{}}", "sampling") : NULL,
            .task_mode = strcmp(names[i], "task") == 0 ? TASK_OPTIONAL : TASK_NEVER,
            .start = start_tool,
            .user = names[i],
        };
        rc = server_add_tool(server, &tool, NULL);
    }
    for (size_t i = 0; rc >= 0 && i < sizeof resources / sizeof resources[0]; i++)
        rc = server_add_resource(server, &resources[i], NULL);
    if (rc >= 0)
        rc = server_add_prompt(server, &prompt, NULL);
    if (rc >= 0)
        return server;
    server_free(server);
    return NULL;
}

/* ---- what a client says ---- */

static const char *take_line(char **text)
{
    char *line = *text, *end = strchr(line, '\n');
    *text = end != NULL ? end + 1 : line + strlen(line);
    if (end != NULL)
        *end = '\0';
    return line;
}

static const char *take_header(char **text)
{
    const char *line = take_line(text);
    return line[0] != '\0' ? line : NULL;
}

void fake_conversation_init(struct fake_conversation *c, char *text)
{
    *c = (struct fake_conversation){.count = 0};
    c->headers.protocol_version = take_header(&text);
    c->headers.method = take_header(&text);
    c->headers.name = take_header(&text);
    while (*text != '\0' && c->count < FAKE_MESSAGES_MAX) {
        const char *line = take_line(&text);
        c->messages[c->count] = json_parse(line, strlen(line), NULL);
        c->count += c->messages[c->count] != NULL;
    }
}

void fake_conversation_done(struct fake_conversation *c)
{
    for (size_t i = 0; i < c->count; i++)
        json_decref(c->messages[i]);
}

/* ---- what only the server can know ---- */

static json_t *given_task, *given_state, *given_id;

static void keep(json_t **place, json_t *value)
{
    if (value == NULL)
        return;
    json_decref(*place);
    *place = json_incref(value);
}

void fake_learn(const json_t *message)
{
    const json_t *result = json_object_get(message, "result");
    keep(&given_task, json_object_get(result, "taskId"));
    keep(&given_state, json_object_get(result, "requestState"));
    if (json_object_get(message, "method") != NULL)
        keep(&given_id, json_object_get(message, "id"));
}

void fake_forget(void)
{
    json_decref(given_task);
    json_decref(given_state);
    json_decref(given_id);
    given_task = given_state = given_id = NULL;
}

static json_t *stands_for(const json_t *value)
{
    const char *text = json_string_value(value);
    if (text == NULL || text[0] != '$')
        return NULL;
    return strcmp(text, "$task") == 0    ? given_task
           : strcmp(text, "$state") == 0 ? given_state
           : strcmp(text, "$id") == 0    ? given_id
                                         : NULL;
}

void fake_substitute(json_t *value)
{
    const char *key;
    json_t *member;
    size_t i;
    json_object_foreach (value, key, member) {
        if (stands_for(member) != NULL)
            json_object_set(value, key, stands_for(member));
        else
            fake_substitute(member);
    }
    json_array_foreach (value, i, member) {
        if (stands_for(member) != NULL)
            json_array_set(value, i, stands_for(member));
        else
            fake_substitute(member);
    }
}
