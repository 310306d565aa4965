/* Asking the client in the middle of a call. The modern era ends the request with the questions,
 * and the client repeats it with the answers; the legacy era sends requests of its own and waits; a
 * task shows them to whoever polls it. The implementation sees one thing: it is started again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call_impl.h"
#include "json.h"

enum { GIVE_UP_AFTER_MS = 10 * 60 * 1000 };

/* What can be asked, and since when. */
static const struct {
    const char *method, *mode, *since;
} askable[] = {
    {"elicitation/create", "form", "2025-06-18"},
    {"elicitation/create", "url", "2025-11-25"},
    {"sampling/createMessage", NULL, "2024-11-05"},
    {"roots/list", NULL, "2024-11-05"},
};

bool client_offers(const json_t *offered, const json_t *needed)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)needed, key, value) {
        const json_t *own = json_object_get(offered, key);
        /* An elicitation that says nothing of its modes has forms. */
        if (own == NULL && strcmp(key, "form") == 0 && json_object_size(offered) == 0)
            continue;
        /* An object says that there is it; so does `true`, as some clients write. */
        if ((!json_is_object(own) && !json_is_true(own)) || !client_offers(own, value))
            return false;
    }
    return true;
}

/* ---- what may be asked ---- */

/* The capabilities that a question needs: a new object, or NULL when no client can be asked it (or
 * memory is out). */
static json_t *needs(const char *method, const char *mode, const json_t *params)
{
    if (strcmp(method, "elicitation/create") == 0)
        return json_pack("{s:{s:{}}}", "elicitation", mode);
    if (strcmp(method, "roots/list") == 0)
        return json_pack("{s:{}}", "roots");
    if (json_object_get(params, "tools") != NULL)
        return json_pack("{s:{s:{}}}", "sampling", "tools");
    return json_pack("{s:{}}", "sampling");
}

/* Whether an answer could find its way back. */
static bool has_way_back(const struct call *call)
{
    if (call->is_cancelled || !call->kind->may_ask)
        return false;
    if (call->task != NULL || call->answer.era == ERA_MODERN)
        return true;
    return call->peer != NULL && call_may_notify(call);
}

static bool can_ask(const struct call *call, const char *method, const char *mode,
                    const json_t *needed)
{
    for (size_t i = 0; i < sizeof askable / sizeof askable[0]; i++) {
        if (strcmp(askable[i].method, method) != 0)
            continue;
        if (askable[i].mode != NULL && strcmp(askable[i].mode, mode) != 0)
            continue;
        return has_way_back(call) && era_is_since(call->answer.version, askable[i].since) &&
               client_offers(call->capabilities, needed);
    }
    return false;
}

bool call_can_ask(const struct call *call, const char *method, const char *mode)
{
    if (mode == NULL)
        mode = "form";
    json_t *needed = needs(method, mode, NULL);
    bool can = needed != NULL && can_ask(call, method, mode, needed);
    json_decref(needed);
    return can;
}

/* The questions that this client can answer: a new object, or NULL when out of memory. What it
 * lacks for the others is added to `missing`. */
static json_t *askable_of(const struct call *call, const json_t *requests, json_t *missing)
{
    json_t *asked = json_object();
    int rc = asked != NULL && missing != NULL ? 0 : -1;
    const char *key;
    json_t *request;
    json_object_foreach ((json_t *)requests, key, request) {
        const char *method = json_get_string(request, "method", "");
        const json_t *params = json_object_get(request, "params");
        const char *mode = json_get_string(params, "mode", "form");
        json_t *needed = needs(method, mode, params);
        if (needed == NULL)
            rc = -1;
        else if (can_ask(call, method, mode, needed))
            rc |= json_object_set(asked, key, request);
        else
            rc |= json_object_update_recursive(missing, needed);
        json_decref(needed);
    }
    if (rc == 0)
        return asked;
    json_decref(asked);
    return NULL;
}

/* ---- asking ---- */

static void refuse_to_ask(struct call *call, const json_t *missing)
{
    if (call->answer.era == ERA_MODERN) {
        call_refuse(call, RPC_MISSING_CAPABILITY,
                    json_pack("{s:O}", "requiredCapabilities", missing),
                    "Missing client capability: this has a question that the client did not "
                    "declare to answer");
        return;
    }
    char *names = json_text(missing);
    struct err err;
    err_set(&err, ERR_ARGUMENT, NULL,
            "this has a question that the client cannot be asked here; it needs %s",
            names != NULL ? names : "more capabilities");
    free(names);
    call_fail(call, &err);
}

/* The modern way: the questions are the answer. */
static void ask_by_result(struct call *call, json_t *asked, json_t *state)
{
    json_t *result =
        json_pack("{s:s, s:O}", "resultType", "input_required", "inputRequests", asked);
    if (result != NULL && state != NULL &&
        json_object_set_new(result, "requestState", state_seal(call, json_incref(state))) != 0) {
        json_decref(result);
        result = NULL;
    }
    call_end(call, result);
}

/* The call becomes one that waits. */
static void wait_for_answers(struct call *call, json_t *state)
{
    json_decref(call->responses);
    call->responses = json_object();
    json_decref(call->state);
    call->state = json_incref(state);
    json_decref(call->open);
    call->open = json_object();
    call->cancel = NULL;
    call->is_asking = true;
    call->give_up_ms = call_now_ms() + GIVE_UP_AFTER_MS;
}

/* The parameters of a question in the words of the client's revision: forms had no mode before
 * there was another, and an address had an id while clients were told of its completion. */
static json_t *legacy_params(const struct call *call, const json_t *params, const char *id)
{
    json_t *own = params != NULL ? json_copy((json_t *)params) : json_object();
    const char *mode = json_get_string(own, "mode", "");
    int rc = 0;
    if (strcmp(mode, "form") == 0 && !era_is_since(call->answer.version, "2025-11-25"))
        rc = json_object_del(own, "mode");
    else if (strcmp(mode, "url") == 0 && json_object_get(own, "elicitationId") == NULL)
        rc = json_object_set_new(own, "elicitationId", json_string(id));
    if (rc == 0)
        return own;
    json_decref(own);
    return NULL;
}

/* The requests to send, as an array; the call waits for them from here on. NULL when out of memory.
 */
static json_t *legacy_requests(struct call *call, const json_t *asked)
{
    json_t *messages = json_array();
    int rc = messages != NULL && call->open != NULL ? 0 : -1;
    const char *key;
    json_t *request;
    json_object_foreach ((json_t *)asked, key, request) {
        char id[32];
        snprintf(id, sizeof id, "ask-%llu", ++call->answer.server->last_question);
        json_t *params = legacy_params(call, json_object_get(request, "params"), id);
        json_t *message = json_pack("{s:s, s:s, s:O, s:o}", "jsonrpc", "2.0", "id", id, "method",
                                    json_object_get(request, "method"), "params", params);
        rc |= json_array_append_new(messages, message);
        rc |= json_object_set_new(call->open, id, json_string(key));
    }
    if (rc == 0)
        return messages;
    json_decref(messages);
    return NULL;
}

/* The legacy way. While the questions go out the client may already answer, leave or cancel: all of
 * that is only noted, and seen to afterwards. */
static void ask_by_request(struct call *call, const json_t *asked, json_t *state)
{
    wait_for_answers(call, state);
    json_t *messages = legacy_requests(call, asked);
    if (messages == NULL) {
        call_end(call, NULL);
        return;
    }
    call->is_sending = true;
    size_t i;
    json_t *message;
    json_array_foreach (messages, i, message) {
        if (call_may_notify(call))
            call_send(call, json_incref(message));
    }
    json_decref(messages);
    call->is_sending = false;
    if (call->is_cancelled)
        ask_cancel(call);
    else if (json_object_size(call->open) == 0)
        ask_run_again(call);
}

/* The way of a task: whoever polls it sees the questions. */
static void ask_in_task(struct call *call, const json_t *asked, json_t *state)
{
    wait_for_answers(call, state);
    call->questions = json_object();
    int rc = 0;
    const char *key;
    json_t *request;
    json_object_foreach ((json_t *)asked, key, request) {
        json_t *own = task_key(call, key);
        const char *name = own != NULL ? json_string_value(own) : "";
        rc |= own != NULL ? 0 : -1;
        rc |= json_object_set(call->questions, name, request);
        rc |= json_object_set_new(call->open, name, json_string(key));
        json_decref(own);
    }
    if (rc == 0)
        task_asks(call, true);
    else
        call_end(call, NULL);
}

void call_ask(struct call *call, json_t *requests, json_t *state)
{
    json_t *missing = json_object();
    json_t *asked = requests != NULL ? askable_of(call, requests, missing) : NULL;
    struct err err;
    if (call->is_cancelled) {
        err_set(&err, ERR_CANCELLED, NULL, "the call was cancelled");
        call_fail(call, &err);
    } else if (asked == NULL) {
        call_end(call, NULL);
    } else if (json_object_size(asked) == 0) {
        refuse_to_ask(call, missing);
    } else if (call->task != NULL) {
        ask_in_task(call, asked, state);
    } else if (call->answer.era == ERA_MODERN) {
        ask_by_result(call, asked, state);
    } else {
        ask_by_request(call, asked, state);
    }
    json_decref(asked);
    json_decref(missing);
    json_decref(requests);
    json_decref(state);
}

/* ---- giving up ---- */

/* Tells a legacy client which questions need no answer any longer. */
static void withdraw(struct call *call, const char *reason)
{
    struct channel *channel = call->answer.channel;
    const char *id;
    json_t *key;
    json_object_foreach (call->open, id, key) {
        json_t *message = rpc_notification(
            "notifications/cancelled", json_pack("{s:s, s:s}", "requestId", id, "reason", reason));
        if (message != NULL && channel != NULL && !call->is_gone)
            channel->ops->send(channel, message, 200, false);
        else
            json_decref(message);
    }
}

static void give_up(struct call *call, enum err_code code, const char *text)
{
    call->is_asking = false; /* late answers find nothing */
    if (call->task == NULL)
        withdraw(call, text);
    struct err err;
    err_set(&err, code, NULL, "%s", text);
    call_fail(call, &err);
}

void ask_cancel(struct call *call)
{
    if (!call->is_sending)
        give_up(call, ERR_CANCELLED, "the call was cancelled");
}

uint64_t ask_sweep(struct server *server)
{
    uint64_t now = call_now_ms(), next = UINT64_MAX;
    for (struct call *call = server->calls; call != NULL;) {
        bool is_waiting = call->is_asking && call->task == NULL && !call->is_sending;
        if (is_waiting && call->give_up_ms <= now) {
            give_up(call, ERR_TIMEOUT, "the client did not answer within 10 minutes");
            call = server->calls; /* what it ended with may have ended others */
            continue;
        }
        if (is_waiting && call->give_up_ms - now < next)
            next = call->give_up_ms - now;
        call = call->next;
    }
    return next;
}
