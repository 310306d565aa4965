/* The life of a call: from the request that begins it to its one answer, or to silence. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "call_impl.h"

enum { COMPLETE_MAX = 100 /* values, says the protocol */ };

static uint64_t read_clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t call_now_ms(void)
{
    return read_clock_ms(CLOCK_MONOTONIC);
}

uint64_t call_wall_ms(void)
{
    return read_clock_ms(CLOCK_REALTIME);
}

/* ---- beginning ---- */

static void link_call(struct server *server, struct call *call)
{
    call->next = server->calls;
    if (call->next != NULL)
        call->next->prev = call;
    server->calls = call;
    server->running++;
}

const json_t *request_capabilities(const struct request *request)
{
    if (request->answer.era == ERA_MODERN)
        return json_object_get(request->message->meta, ERA_META_CAPABILITIES);
    return request->peer != NULL ? request->peer->capabilities : NULL;
}

static json_t *progress_token_of(const struct request *request)
{
    json_t *token = json_object_get(request->message->meta, "progressToken");
    if (!request->may_stream || !rpc_is_id(token))
        return NULL;
    return json_incref(token);
}

static struct call *call_new(const struct request *request, const struct call_kind *kind,
                             const void *target)
{
    size_t principal_size = strlen(request->principal) + 1;
    struct call *call = calloc(1, sizeof *call + principal_size);
    if (call == NULL)
        return NULL;
    memcpy(call->principal, request->principal, principal_size);
    call->answer = answer_copy(&request->answer);
    call->peer = request->peer;
    call->kind = kind;
    call->target = target;
    call->method = request->method;
    call->may_stream = request->may_stream;
    call->capabilities = json_incref((json_t *)request_capabilities(request));
    call->progress_token = progress_token_of(request);
    call->log_level = era_log_level(
        json_string_value(json_object_get(request->message->meta, ERA_META_LOG_LEVEL)));
    snprintf(call->name, sizeof call->name, "c%llu", ++request->answer.server->last_call);
    return call;
}

static void free_call(struct call *call)
{
    answer_done(&call->answer);
    json_decref(call->arguments);
    json_decref(call->capabilities);
    json_decref(call->params);
    json_decref(call->open);
    json_decref(call->questions);
    json_decref(call->responses);
    json_decref(call->state);
    json_decref(call->progress_token);
    free(call);
}

void call_begin(struct request *request, const struct call_kind *kind, const void *target,
                json_t *arguments)
{
    const struct answer *answer = &request->answer;
    struct call *call = NULL;
    if (answer->server->is_ending)
        answer_error(answer, RPC_INTERNAL_ERROR, 200, NULL, "The server is shutting down");
    else if (arguments == NULL || (call = call_new(request, kind, target)) == NULL)
        answer_no_memory(answer);
    if (call == NULL) {
        json_decref(arguments);
        return;
    }
    call->arguments = arguments;
    if (!ask_take_input(call, request)) {
        free_call(call);
        return;
    }
    link_call(answer->server, call);
    kind->begin(call);
}

const void *call_target(const struct call *call)
{
    return call->target;
}

json_t *call_arguments(const struct call *call)
{
    return call->arguments;
}

const struct answer *call_answer_of(const struct call *call)
{
    return &call->answer;
}

const char *call_id(const struct call *call)
{
    return call->name;
}

const char *call_principal(const struct call *call)
{
    return call->principal;
}

/* ---- ending ---- */

static void unlink_call(struct server *server, struct call *call)
{
    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        server->calls = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
    server->running--;
}

static void notify_if_stopped(struct server *server)
{
    void (*all_stopped)(void *user) = server->all_stopped;
    if (all_stopped == NULL || server->running > 0)
        return;
    server->all_stopped = NULL;
    all_stopped(server->all_stopped_user);
}

/* The call is answered, or what it ended with is kept elsewhere. */
static void leave(struct call *call)
{
    struct server *server = call->answer.server;
    free_call(call);
    notify_if_stopped(server);
}

/* What somebody was asked for is for this one request: nobody may keep it for another. */
static void forbid_caching(json_t *result)
{
    if (json_object_get(result, "ttlMs") == NULL)
        return;
    json_object_set_new(result, "ttlMs", json_integer(0));
    json_object_set_new(result, "cacheScope", json_string("private"));
}

void call_end(struct call *call, json_t *result)
{
    unlink_call(call->answer.server, call);
    if (call->has_input)
        forbid_caching(result);
    if (call->task != NULL) {
        task_finish(call, result);
    } else if (call->is_silent) {
        json_decref(result);
        if (call->answer.channel != NULL)
            answer_nothing(&call->answer);
    } else {
        answer_result(&call->answer, result);
    }
    leave(call);
}

/* The HTTP status that a code deserves when it is the answer of a method. */
static int status_of(enum rpc_code code)
{
    return code == RPC_MISSING_CAPABILITY || code == RPC_HEADER_MISMATCH ? 400 : 200;
}

/* The same with an error of the protocol. `data` is taken, may be NULL. */
static void end_error(struct call *call, enum rpc_code code, json_t *data, const char *text)
{
    unlink_call(call->answer.server, call);
    if (call->task != NULL) {
        task_fail(call, code, data, text);
    } else if (call->is_silent) {
        json_decref(data);
        if (call->answer.channel != NULL)
            answer_nothing(&call->answer);
    } else {
        answer_error(&call->answer, code, status_of(code), data, "%s", text);
    }
    leave(call);
}

void call_answer(struct call *call, json_t *result)
{
    if (result != NULL && call->kind->shape != NULL)
        result = call->kind->shape(call, result);
    call_end(call, result);
}

void call_complete(struct call *call, json_t *values, size_t total)
{
    size_t count = json_array_size(values);
    json_t *sent = json_array();
    int rc = sent != NULL && json_is_array(values) ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < count && i < COMPLETE_MAX; i++)
        rc = json_array_append(sent, json_array_get(values, i));
    json_decref(values);
    if (rc != 0) {
        json_decref(sent);
        sent = NULL;
    }
    bool has_more = count > COMPLETE_MAX || total > count;
    call_answer(call,
                json_pack("{s:{s:o, s:o*, s:b}}", "completion", "values", sent, "total",
                          total > 0 ? json_integer((json_int_t)total) : NULL, "hasMore", has_more));
}

static json_t *describe(const struct err *err)
{
    return json_pack("{s:s, s:o*, s:b}", "code", err_name(err->code), "field",
                     err->field[0] != '\0' ? rpc_text(err->field) : NULL, "retryable",
                     err_is_retryable(err->code));
}

/* What went wrong with something that is no tool. The eras tell differently that there is no such
 * resource. */
static void fail_protocol(struct call *call, const struct err *err, const char *text)
{
    json_t *data = describe(err);
    enum rpc_code code = RPC_INTERNAL_ERROR;
    if (err->code == ERR_ARGUMENT || err->code == ERR_NOT_FOUND)
        code = RPC_INVALID_PARAMS;
    if (err->code == ERR_NOT_FOUND && call->kind->is_resource) {
        json_object_set(data, "uri", json_object_get(call->arguments, "uri"));
        if (call->answer.era == ERA_LEGACY)
            code = RPC_RESOURCE_NOT_FOUND;
    }
    end_error(call, code, data, text);
}

void call_fail(struct call *call, const struct err *err)
{
    char text[sizeof err->field + sizeof err->text + 64];
    call->is_stopped = call->is_cancelled && err->code == ERR_CANCELLED;
    snprintf(text, sizeof text, "%s%s%s%s", err->field, err->field[0] != '\0' ? ": " : "",
             err->text, err_is_retryable(err->code) ? " (a later try may succeed)" : "");
    if (!call->kind->is_tool)
        fail_protocol(call, err, text);
    else
        call_end(call,
                 json_pack("{s:[{s:s, s:o}], s:b, s:{s:o}}", "content", "type", "text", "text",
                           rpc_text(text), "isError", 1, "_meta", "error", describe(err)));
}

void call_refuse(struct call *call, int code, json_t *data, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    end_error(call, (enum rpc_code)code, data, text);
}

/* ---- cancelling ---- */

void call_on_cancel(struct call *call, void (*cancel)(void *user), void *user)
{
    if (call->is_cancelled) {
        cancel(user);
        return;
    }
    call->cancel = cancel;
    call->cancel_user = user;
}

void call_cancel(struct call *call, bool is_silent)
{
    if (is_silent)
        call->is_silent = true;
    if (call->is_cancelled)
        return;
    call->is_cancelled = true;
    if (call->is_asking)
        ask_cancel(call);
    else if (call->cancel != NULL)
        call->cancel(call->cancel_user);
}

/* The call that a client knows by this id and still expects an answer from.
 * Ids are the client's own. Two messages come from one client if they share a channel or what is
 * remembered of it; of a stateless HTTP request nothing tells whose it is. */
static struct call *find_call(const struct server *server, const struct channel *channel,
                              const struct peer *peer, const json_t *id)
{
    for (struct call *call = server->calls; call != NULL; call = call->next) {
        bool is_same_client =
            call->answer.channel == channel || (peer != NULL && call->peer == peer);
        if (is_same_client && !call->is_silent && json_equal(call->answer.id, id))
            return call;
    }
    return NULL;
}

bool call_is_open(const struct server *server, const struct channel *channel,
                  const struct peer *peer, const json_t *id)
{
    return find_call(server, channel, peer, id) != NULL;
}

void handle_cancelled(struct request *request)
{
    struct server *server = request->answer.server;
    struct channel *channel = request->answer.channel;
    const json_t *id = json_object_get(request->message->params, "requestId");
    if (id == NULL)
        return;
    struct call *call = find_call(server, channel, request->peer, id);
    /* Unknown and finished ids are normal: the answer and the cancellation crossed. */
    if (call != NULL)
        call_cancel(call, true);
    else
        listen_cancel(server, channel, request->peer, id);
}

void server_channel_gone(struct server *server, struct channel *channel)
{
    listen_channel_gone(server, channel);
    for (struct call *call = server->calls; call != NULL; call = call->next) {
        if (call->answer.channel != channel)
            continue;
        call->is_silent = call->is_gone = true;
        if (call->answer.batch != NULL)
            batch_silence(call->answer.batch);
    }
    /* A cancel function may end its call and others: look again from the front after each. */
    for (struct call *call = server->calls; call != NULL;) {
        bool is_due = call->answer.channel == channel && !call->is_cancelled;
        if (is_due)
            call_cancel(call, true);
        call = is_due ? server->calls : call->next;
    }
}

void call_peer_gone(struct peer *peer)
{
    struct server *server = peer->server;
    for (struct call *call = server->calls; call != NULL;) {
        bool is_its = call->peer == peer;
        /* Nobody can answer any longer. */
        bool is_due = is_its && call->is_asking;
        if (is_its)
            call->peer = NULL;
        if (is_due)
            call_cancel(call, false);
        call = is_due ? server->calls : call->next;
    }
}

void server_shutdown(struct server *server, void (*all_stopped)(void *user), void *user)
{
    server->is_ending = true;
    listen_end_all(server);
    for (struct call *call = server->calls; call != NULL;) {
        bool is_due = !call->is_cancelled;
        if (is_due)
            call_cancel(call, false);
        call = is_due ? server->calls : call->next;
    }
    /* Only now, since the callback may free the server. */
    server->all_stopped = all_stopped;
    server->all_stopped_user = user;
    notify_if_stopped(server);
}

size_t server_running(const struct server *server)
{
    return server->running;
}
