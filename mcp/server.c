#include "server.h"

#include <stdlib.h>
#include <string.h>

#include "server_impl.h"

/* What a client can ask for. Another primitive of the protocol is another few lines here. */
static const struct method methods[] = {
    {"initialize", ERA_LEGACY, NULL, handle_initialize},
    {"ping", ERA_LEGACY, NULL, handle_ping},
    {"server/discover", ERA_MODERN, NULL, handle_discover},
    {"tools/list", ERA_LEGACY | ERA_MODERN, has_tools, handle_tools_list},
    {"tools/call", ERA_LEGACY | ERA_MODERN, has_tools, handle_tools_call},
    {"resources/list", ERA_LEGACY | ERA_MODERN, has_resources, handle_resources_list},
    {"resources/templates/list", ERA_LEGACY | ERA_MODERN, has_resources,
     handle_resource_templates_list},
    {"resources/read", ERA_LEGACY | ERA_MODERN, has_resources, handle_resources_read},
    {"resources/subscribe", ERA_LEGACY, has_subscriptions, handle_resources_subscribe},
    {"resources/unsubscribe", ERA_LEGACY, has_subscriptions, handle_resources_unsubscribe},
    {"prompts/list", ERA_LEGACY | ERA_MODERN, has_prompts, handle_prompts_list},
    {"prompts/get", ERA_LEGACY | ERA_MODERN, has_prompts, handle_prompts_get},
    {"completion/complete", ERA_LEGACY | ERA_MODERN, has_completions, handle_complete},
    {"subscriptions/listen", ERA_MODERN, NULL, handle_listen},
    {"logging/setLevel", ERA_LEGACY, has_logging, handle_set_level},
    {"tasks/get", ERA_MODERN, has_tasks, handle_tasks_get},
    {"tasks/update", ERA_MODERN, has_tasks, handle_tasks_update},
    {"tasks/cancel", ERA_MODERN, has_tasks, handle_tasks_cancel},
};

/* What a client can tell; what is not here is accepted and ignored. */
static const struct method notifications[] = {
    {"notifications/cancelled", ERA_LEGACY | ERA_MODERN, NULL, handle_cancelled},
};

/* The transports ask again after at most this long: a change or a call that comes before they do
 * has no other way to set their timer. */
enum { SWEEP_MAX_MS = 1000 };

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
    if (server == NULL)
        return NULL;
    server->options = *options;
    if (state_init(server) == 0)
        return server;
    free(server);
    return NULL;
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    peer_orphan_all(server);
    tasks_free(server);
    tools_free(server);
    resources_free(server);
    prompts_free(server);
    watchers_free(server);
    free(server);
}

/* ---- what comes in ---- */

/* Where a message came from; the same for every element of a batch. */
struct origin {
    struct server *server;
    struct peer *peer;
    struct channel *channel;
    struct batch *batch;
    const struct message_headers *headers;
    const char *principal;
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
        data = json_pack("{s:o, s:o}", "supported", answer_versions(), "requested",
                         rpc_text(verdict->requested));
    }
    answer_error(answer, verdict->code, verdict->status, data, "%s", verdict->text);
}

static void dispatch_request(struct request *request)
{
    const struct answer *answer = &request->answer;
    const char *name = request->message->method;
    const struct method *method = find_method(methods, COUNT(methods), name, answer->era);
    if (method == NULL || (method->is_offered != NULL && !method->is_offered(request))) {
        answer_error(answer, RPC_METHOD_NOT_FOUND, answer->era == ERA_MODERN ? 404 : 200, NULL,
                     "Method not found: %.100s", name);
        return;
    }
    if (call_is_open(answer->server, answer->channel, request->peer, answer->id) ||
        listen_is_open(answer->server, answer->channel, request->peer, answer->id)) {
        answer_error(answer, RPC_INVALID_REQUEST, 400, NULL,
                     "Invalid request: a request with this id is still running");
        return;
    }
    request->method = method->name;
    method->handle(request);
}

/* A request, a notification or a response whose envelope is in order. */
static enum receive_result dispatch(const struct origin *origin, const struct rpc_message *message,
                                    const struct era_verdict *verdict)
{
    const struct message_headers *headers = origin->headers;
    struct request request = {
        .answer = answer_to(origin, message, verdict),
        .message = message,
        .peer = origin->peer,
        .headers = headers,
        .principal = origin->principal,
        .may_stream = headers == NULL || headers->accepts_stream,
    };
    if (message->kind == RPC_REQUEST) {
        dispatch_request(&request);
    } else if (message->kind == RPC_NOTIFICATION) {
        const struct method *method =
            find_method(notifications, COUNT(notifications), message->method, verdict->era);
        if (method != NULL)
            method->handle(&request);
    } else {
        ask_take_response(origin->server, origin->peer, message);
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
        answer_no_memory(&answer);
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

static const char *principal_of(const struct peer *peer, const struct message_headers *headers)
{
    if (headers != NULL && headers->principal != NULL)
        return headers->principal;
    return peer != NULL ? peer->principal : "";
}

enum receive_result server_receive(struct server *server, struct peer *peer,
                                   struct channel *channel, const json_t *message,
                                   const struct message_headers *headers)
{
    struct origin origin = {
        .server = server,
        .peer = peer,
        .channel = channel,
        .headers = headers,
        .principal = principal_of(peer, headers),
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

void server_receive_garbage(struct server *server, struct channel *channel,
                            const struct message_headers *headers, const struct err *err)
{
    /* Only the headers can tell the era, which says how an answer without an id is written. */
    const struct rpc_message nothing = {.kind = RPC_INVALID, .fault = ""};
    struct era_verdict verdict;
    era_decide(&nothing, headers, NULL, &verdict);
    struct answer answer = {
        .server = server,
        .channel = channel,
        .era = verdict.era,
        .version = verdict.version,
    };
    answer_error(&answer, RPC_PARSE_ERROR, 400, NULL, "Parse error: %.300s", err->text);
}

uint64_t server_sweep(struct server *server)
{
    const uint64_t due[] = {SWEEP_MAX_MS, ask_sweep(server), task_sweep(server),
                            watch_sweep(server)};
    uint64_t next = due[0];
    for (size_t i = 1; i < COUNT(due); i++)
        next = due[i] < next ? due[i] : next;
    return next;
}
