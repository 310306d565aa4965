#include "server.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "server_impl.h"

/* What a client can ask for. Another primitive of the protocol is another few lines here. */
static const struct method methods[] = {
    {"initialize", ERA_LEGACY, NULL, handle_initialize},
    {"ping", ERA_LEGACY, NULL, handle_ping},
    {"server/discover", ERA_MODERN, NULL, handle_discover},
    {"tools/list", ERA_LEGACY | ERA_MODERN, has_tools, handle_tools_list},
    {"tools/call", ERA_LEGACY | ERA_MODERN, has_tools, handle_tools_call},
};

/* What a client can tell; what is not here is accepted and ignored. */
static const struct method notifications[] = {
    {"notifications/cancelled", ERA_LEGACY | ERA_MODERN, NULL, handle_cancelled},
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static const struct method *find_method(const struct method *table, size_t count, const char *name,
                                        enum era era)
{
    for (size_t i = 0; i < count; i++) {
        if ((table[i].eras & (unsigned)era) != 0 && strcmp(table[i].name, name) == 0)
            return &table[i];
    }
    return NULL;
}

/* ---- what is served ---- */

struct server *server_new(const struct server_options *options)
{
    struct server *server = calloc(1, sizeof *server);
    if (server != NULL)
        server->options = *options;
    return server;
}

static void tool_done(struct tool_entry *entry)
{
    json_decref(entry->tool.input_schema);
    json_decref(entry->tool.output_schema);
    json_decref(entry->tool.client_capabilities);
    json_decref(entry->definition);
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    for (size_t i = 0; i < server->tool_count; i++)
        tool_done(&server->tools[i]);
    free(server->tools);
    free(server);
}

/* The hints are spelled out where the protocol's default would say something else. */
static json_t *define_tool(const struct server_tool *tool)
{
    return json_pack("{s:s, s:s*, s:s*, s:O, s:O*, s:{s:b, s:b}}", "name", tool->name, "title",
                     tool->title, "description", tool->description, "inputSchema",
                     tool->input_schema, "outputSchema", tool->output_schema, "annotations",
                     "readOnlyHint", tool->is_read_only, "openWorldHint", 0);
}

static bool grow_tools(struct server *server)
{
    if (server->tool_count < server->tool_size)
        return true;
    size_t size = server->tool_size > 0 ? server->tool_size * 2 : 16;
    struct tool_entry *tools = realloc(server->tools, size * sizeof *tools);
    if (tools == NULL)
        return false;
    server->tools = tools;
    server->tool_size = size;
    return true;
}

int server_add_tool(struct server *server, const struct server_tool *tool, struct err *ret_err)
{
    struct tool_entry entry = {.tool = *tool};
    int rc = 0;
    if (find_tool(server, tool->name) != NULL)
        rc = err_set(ret_err, ERR_INTERNAL, NULL, "tool %s is registered twice", tool->name);
    else if (strcmp(json_get_string(tool->input_schema, "type", ""), "object") != 0)
        rc = err_set(ret_err, ERR_INTERNAL, NULL, "tool %s has no object as its input", tool->name);
    else if ((entry.definition = define_tool(tool)) == NULL || !grow_tools(server))
        rc = err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    if (rc < 0)
        tool_done(&entry);
    else
        server->tools[server->tool_count++] = entry;
    return rc;
}

struct peer *peer_new(struct server *server, const char *principal)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return NULL;
    peer->server = server;
    peer->level = MCP_INFO;
    peer->principal = strdup(principal != NULL ? principal : "");
    if (peer->principal == NULL) {
        free(peer);
        return NULL;
    }
    return peer;
}

void peer_free(struct peer *peer)
{
    if (peer == NULL)
        return;
    json_decref(peer->capabilities);
    json_decref(peer->watched);
    free(peer->principal);
    free(peer);
}

/* ---- what comes in ---- */

/* Where a message came from; the same for every element of a batch. */
struct origin {
    struct server *server;
    struct peer *peer;
    struct channel *channel;
    struct batch *batch;
    const char *toolsets;
    bool may_stream;
};

static struct answer answer_to(const struct origin *origin, const struct rpc_message *message,
                               const struct era_verdict *verdict)
{
    return (struct answer){
        .server = origin->server,
        .channel = origin->channel,
        .batch = origin->batch,
        .id = json_incref((json_t *)message->id),
        .era = verdict->era,
        .version = verdict->version,
    };
}

static void refuse(const struct answer *answer, const struct era_verdict *verdict)
{
    json_t *data = NULL;
    if (verdict->code == RPC_UNSUPPORTED_VERSION) {
        json_t *supported = json_array();
        for (const char *const *v = era_modern_versions; *v != NULL; v++)
            json_array_append_new(supported, json_string(*v));
        data = json_pack("{s:o, s:o}", "supported", supported, "requested",
                         rpc_text(verdict->requested));
    }
    answer_error(answer, verdict->code, verdict->status, data, "%s", verdict->text);
}

static void dispatch_request(struct request *request)
{
    const struct answer *answer = &request->answer;
    const char *name = request->message->method;
    const struct method *method = find_method(methods, COUNT(methods), name, answer->era);
    if (method == NULL || (method->is_offered != NULL && !method->is_offered(request)))
        answer_error(answer, RPC_METHOD_NOT_FOUND, answer->era == ERA_MODERN ? 404 : 200, NULL,
                     "Method not found: %.100s", name);
    else if (call_is_open(answer->server, answer->channel, request->peer, answer->id))
        answer_error(answer, RPC_INVALID_REQUEST, 400, NULL,
                     "Invalid request: a request with this id is still running");
    else
        method->handle(request);
}

/* A request, a notification or a response whose envelope is in order. */
static enum receive_result dispatch(const struct origin *origin, const struct rpc_message *message,
                                    const struct era_verdict *verdict)
{
    struct request request = {
        .answer = answer_to(origin, message, verdict),
        .message = message,
        .peer = origin->peer,
        .toolsets = origin->toolsets,
        .may_stream = origin->may_stream,
    };
    if (message->kind == RPC_REQUEST) {
        dispatch_request(&request);
    } else if (message->kind == RPC_NOTIFICATION) {
        const struct method *method =
            find_method(notifications, COUNT(notifications), message->method, verdict->era);
        if (method != NULL)
            method->handle(&request);
    }
    answer_done(&request.answer);
    return message->kind == RPC_REQUEST ? RECEIVE_ANSWERING : RECEIVE_ACCEPTED;
}

static enum receive_result dispatch_batch(struct origin *origin, const struct rpc_message *message,
                                          const struct era_verdict *verdict)
{
    struct rpc_message part;
    size_t i, requests = 0;
    const json_t *element;
    json_array_foreach (message->body, i, element)
        requests += rpc_classify(element, &part) == RPC_REQUEST;
    if (requests > 0 && (origin->batch = batch_new(origin->channel)) == NULL) {
        struct answer answer = answer_to(origin, message, verdict);
        answer_error(&answer, RPC_INTERNAL_ERROR, 500, NULL, "Internal error: out of memory");
        return RECEIVE_ANSWERING;
    }
    json_array_foreach (message->body, i, element) {
        if (rpc_classify(element, &part) == RPC_REQUEST)
            batch_hold(origin->batch);
        dispatch(origin, &part, verdict);
    }
    if (origin->batch == NULL)
        return RECEIVE_ACCEPTED;
    batch_release(origin->batch, NULL);
    return RECEIVE_ANSWERING;
}

enum receive_result server_receive(struct server *server, struct peer *peer,
                                   struct channel *channel, const json_t *message,
                                   const struct message_headers *headers)
{
    struct origin origin = {
        .server = server,
        .peer = peer,
        .channel = channel,
        .toolsets = headers != NULL ? headers->toolsets : NULL,
        .may_stream = headers == NULL || headers->accepts_stream,
    };
    struct rpc_message parsed;
    struct era_verdict verdict;
    rpc_classify(message, &parsed);
    era_decide(&parsed, headers, peer != NULL ? peer->version : NULL, &verdict);
    if (verdict.code == 0)
        return parsed.kind == RPC_BATCH ? dispatch_batch(&origin, &parsed, &verdict)
                                        : dispatch(&origin, &parsed, &verdict);
    /* Without headers there is no response to a POST that an error could travel in. */
    if (parsed.kind == RPC_NOTIFICATION && headers == NULL)
        return RECEIVE_ACCEPTED;
    struct answer answer = answer_to(&origin, &parsed, &verdict);
    refuse(&answer, &verdict);
    answer_done(&answer);
    return RECEIVE_ANSWERING;
}

void server_receive_garbage(struct server *server, struct channel *channel, const struct err *err)
{
    struct answer answer = {
        .server = server,
        .channel = channel,
        .era = ERA_LEGACY,
        .version = era_legacy_versions[0],
    };
    answer_error(&answer, RPC_PARSE_ERROR, 400, NULL, "Parse error: %.300s", err->text);
}
