/* The life of a tool call: from tools/call to its one answer, or to silence. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "server_impl.h"

/* At most so many progress notifications in any second: a few steps in quick succession all arrive,
 * a busy loop does not flood the client. */
enum { PROGRESS_PER_SECOND = 4 };

struct call {
    struct call *next, *prev;
    struct answer answer;
    const struct peer *peer; /* only compared, never followed */
    json_t *arguments;
    char name[24];
    void (*cancel)(void *user);
    void *cancel_user;
    bool is_cancelled;
    bool is_silent;         /* nothing more is sent */
    json_t *progress_token; /* NULL: the client wants no progress */
    bool has_progress;
    double last_progress;
    uint64_t progress_ms[PROGRESS_PER_SECOND]; /* when the last ones went out, a ring */
    unsigned progress_sent;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

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

static void link_call(struct server *server, struct call *call)
{
    call->next = server->calls;
    if (call->next != NULL)
        call->next->prev = call;
    server->calls = call;
    server->running++;
}

static void notify_if_stopped(struct server *server)
{
    void (*all_stopped)(void *user) = server->all_stopped;
    if (all_stopped == NULL || server->running > 0)
        return;
    server->all_stopped = NULL;
    all_stopped(server->all_stopped_user);
}

/* Sends the one answer and frees the call. `result` is taken; NULL = memory ran out. */
static void end_call(struct call *call, json_t *result)
{
    struct server *server = call->answer.server;
    unlink_call(server, call);
    if (call->is_silent) {
        json_decref(result);
        answer_nothing(&call->answer);
    } else {
        answer_result(&call->answer, result);
    }
    answer_done(&call->answer);
    json_decref(call->arguments);
    json_decref(call->progress_token);
    free(call);
    notify_if_stopped(server);
}

static json_t *content_of(const json_t *structured)
{
    char *text = json_text(structured);
    json_t *content = text != NULL ? json_pack("[{s:s, s:s}]", "type", "text", "text", text) : NULL;
    free(text);
    return content;
}

void call_finish(struct call *call, json_t *content, json_t *structured)
{
    if (content == NULL)
        content = structured != NULL ? content_of(structured) : json_array();
    if (call->answer.era == ERA_LEGACY)
        content = answer_content(content, call->answer.version);
    /* The eras differ in what structuredContent may be; absent is right in both. */
    if (call->answer.era == ERA_LEGACY && !json_is_object(structured)) {
        json_decref(structured);
        structured = NULL;
    }
    end_call(call, json_pack("{s:o, s:o*}", "content", content, "structuredContent", structured));
}

void call_fail(struct call *call, const struct err *err)
{
    char text[sizeof err->field + sizeof err->text + 64];
    snprintf(text, sizeof text, "%s%s%s%s", err->field, err->field[0] != '\0' ? ": " : "",
             err->text, err_is_retryable(err->code) ? " (a later try may succeed)" : "");
    json_t *error = json_pack("{s:s, s:o*, s:b}", "code", err_name(err->code), "field",
                              err->field[0] != '\0' ? rpc_text(err->field) : NULL, "retryable",
                              err_is_retryable(err->code));
    end_call(call, json_pack("{s:[{s:s, s:o}], s:b, s:{s:o}}", "content", "type", "text", "text",
                             rpc_text(text), "isError", 1, "_meta", "error", error));
}

const char *call_id(const struct call *call)
{
    return call->name;
}

void call_on_cancel(struct call *call, void (*cancel)(void *user), void *user)
{
    if (call->is_cancelled) {
        cancel(user);
        return;
    }
    call->cancel = cancel;
    call->cancel_user = user;
}

/* The implementation may end the call inside its cancel function: `call` is gone afterwards. */
static void cancel_call(struct call *call, bool is_silent)
{
    if (is_silent)
        call->is_silent = true;
    if (call->is_cancelled)
        return;
    call->is_cancelled = true;
    if (call->cancel != NULL)
        call->cancel(call->cancel_user);
}

/* ---- progress ---- */

static json_t *number(double value)
{
    if (floor(value) == value && fabs(value) < 9007199254740992.0)
        return json_integer((json_int_t)value);
    return json_real(value);
}

/* Whether the client may be told now: the step goes forward and there is room in this second. */
static bool takes_progress(struct call *call, double done)
{
    if (call->progress_token == NULL || call->is_cancelled || !isfinite(done))
        return false;
    if (call->has_progress && done <= call->last_progress)
        return false;
    uint64_t now = now_ms();
    uint64_t *slot = &call->progress_ms[call->progress_sent % PROGRESS_PER_SECOND];
    if (call->progress_sent >= PROGRESS_PER_SECOND && now - *slot < 1000)
        return false;
    *slot = now;
    call->progress_sent++;
    call->has_progress = true;
    call->last_progress = done;
    return true;
}

void call_progress(struct call *call, double done, double total, const char *message)
{
    if (!takes_progress(call, done))
        return;
    const struct answer *answer = &call->answer;
    bool has_message = message != NULL && era_is_since(answer->version, "2025-03-26");
    bool has_total = isfinite(total) && total > 0;
    json_t *params = json_pack("{s:O, s:o, s:o*, s:o*}", "progressToken", call->progress_token,
                               "progress", number(done), "total", has_total ? number(total) : NULL,
                               "message", has_message ? rpc_text(message) : NULL);
    json_t *notification = rpc_notification("notifications/progress", params);
    if (notification != NULL)
        answer->channel->ops->send(answer->channel, notification, 200, false);
}

/* ---- starting ---- */

/* Whether `offered` has every member of `needed`, at every level. */
static bool offers(const json_t *offered, const json_t *needed)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)needed, key, value) {
        const json_t *own = json_object_get(offered, key);
        if (own == NULL || json_is_false(own) || json_is_null(own) || !offers(own, value))
            return false;
    }
    return true;
}

static bool check_capabilities(struct request *request, const struct server_tool *tool)
{
    const struct answer *answer = &request->answer;
    const json_t *offered = request->peer != NULL ? request->peer->capabilities : NULL;
    if (answer->era == ERA_MODERN)
        offered = json_object_get(request->message->meta, ERA_META_CAPABILITIES);
    if (tool->client_capabilities == NULL || offers(offered, tool->client_capabilities))
        return true;
    if (answer->era == ERA_MODERN)
        answer_error(answer, RPC_MISSING_CAPABILITY, 400,
                     json_pack("{s:O}", "requiredCapabilities", tool->client_capabilities),
                     "Missing client capability: %s needs one that the client did not declare",
                     tool->name);
    else
        answer_error(answer, RPC_INVALID_PARAMS, 200, NULL,
                     "%s needs a capability that the client did not declare", tool->name);
    return false;
}

/* The arguments as an object (new reference), or NULL when they are not one. Absent and null both
 * mean none. */
static json_t *arguments_of(const struct request *request)
{
    json_t *arguments = json_object_get(request->message->params, "arguments");
    if (arguments == NULL || json_is_null(arguments))
        return json_object();
    return json_is_object(arguments) ? json_incref(arguments) : NULL;
}

static json_t *progress_token_of(const struct request *request)
{
    json_t *token = json_object_get(request->message->meta, "progressToken");
    if (!request->may_stream || (!json_is_string(token) && !json_is_integer(token)))
        return NULL;
    return json_incref(token);
}

static void start_call(struct request *request, const struct server_tool *tool, json_t *arguments)
{
    struct server *server = request->answer.server;
    struct call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        json_decref(arguments);
        answer_error(&request->answer, RPC_INTERNAL_ERROR, 500, NULL,
                     "Internal error: out of memory");
        return;
    }
    call->answer = answer_copy(&request->answer);
    call->peer = request->peer;
    call->arguments = arguments;
    call->progress_token = progress_token_of(request);
    snprintf(call->name, sizeof call->name, "c%llu", ++server->last_call);
    link_call(server, call);
    tool->start(call, arguments, tool->user);
}

void handle_tools_call(struct request *request)
{
    const struct answer *answer = &request->answer;
    const char *name = json_string_value(json_object_get(request->message->params, "name"));
    if (name == NULL) {
        answer_error(answer, RPC_INVALID_PARAMS, 200, NULL,
                     "Invalid params: name must be the name of a tool");
        return;
    }
    const struct server_tool *tool = find_tool(answer->server, name);
    if (tool == NULL || !is_tool_offered(request, tool)) {
        answer_error(answer, RPC_INVALID_PARAMS, 200, NULL, "Unknown tool: %.100s", name);
        return;
    }
    if (!check_capabilities(request, tool))
        return;
    if (answer->server->is_ending) {
        answer_error(answer, RPC_INTERNAL_ERROR, 200, NULL, "The server is shutting down");
        return;
    }
    json_t *arguments = arguments_of(request);
    if (arguments != NULL)
        start_call(request, tool, arguments);
    else
        answer_error(answer, RPC_INVALID_PARAMS, 200, NULL,
                     "Invalid params: arguments must be an object");
}

/* ---- cancelling ---- */

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
    const json_t *id = json_object_get(request->message->params, "requestId");
    struct call *call =
        find_call(request->answer.server, request->answer.channel, request->peer, id);
    /* Unknown and finished ids are normal: the answer and the cancellation crossed. */
    if (id != NULL && call != NULL)
        cancel_call(call, true);
}

void server_channel_gone(struct server *server, struct channel *channel)
{
    for (struct call *call = server->calls; call != NULL; call = call->next) {
        if (call->answer.channel != channel)
            continue;
        call->is_silent = true;
        if (call->answer.batch != NULL)
            batch_silence(call->answer.batch);
    }
    /* A cancel function may end its call and others: look again from the front after each. */
    for (struct call *call = server->calls; call != NULL;) {
        bool is_due = call->answer.channel == channel && !call->is_cancelled;
        if (is_due)
            cancel_call(call, true);
        call = is_due ? server->calls : call->next;
    }
}

void server_shutdown(struct server *server, void (*all_stopped)(void *user), void *user)
{
    server->is_ending = true;
    for (struct call *call = server->calls; call != NULL;) {
        bool is_due = !call->is_cancelled;
        if (is_due)
            cancel_call(call, false);
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
