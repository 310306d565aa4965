/* The answers to what a call asked (ask.c), by whichever way they come, and the call that runs
 * again with them. */
#include "call_impl.h"

void ask_run_again(struct call *call)
{
    call->is_asking = false;
    call->has_input = true;
    json_decref(call->questions);
    call->questions = NULL;
    if (call->task != NULL)
        task_asks(call, false);
    call->kind->begin(call);
}

const json_t *call_response(const struct call *call, const char *key)
{
    return json_object_get(call->responses, key);
}

const json_t *call_state(const struct call *call)
{
    return call->state;
}

bool ask_are_responses(const json_t *responses)
{
    if (!json_is_object(responses))
        return false;
    const char *key;
    json_t *response;
    json_object_foreach ((json_t *)responses, key, response) {
        if (!json_is_object(response))
            return false;
    }
    return true;
}

bool ask_take_input(struct call *call, const struct request *request)
{
    if (call->answer.era != ERA_MODERN || !call->kind->may_ask)
        return true;
    json_t *params = (json_t *)request->message->params;
    json_t *responses = json_object_get(params, "inputResponses");
    const json_t *token = json_object_get(params, "requestState");
    const char *fault = NULL;
    call->params = json_incref(params);
    if (responses != NULL && !ask_are_responses(responses))
        fault = "inputResponses must be an object of objects";
    else if (token != NULL && !json_is_string(token))
        fault = "requestState must be a string";
    else if (token != NULL && (call->state = state_open(call, json_string_value(token))) == NULL)
        fault = "requestState is not what this server gave out for this request, or has expired";
    if (fault != NULL) {
        answer_invalid(&request->answer, "%s", fault);
        return false;
    }
    call->responses = json_incref(responses);
    call->has_input = responses != NULL || token != NULL;
    return true;
}

/* Takes the reference of `answer`. */
static void take_answer(struct call *call, const char *own_key, json_t *answer)
{
    const char *key = json_string_value(json_object_get(call->open, own_key));
    json_object_set_new(call->responses, key, answer);
    json_object_del(call->questions, own_key);
    json_object_del(call->open, own_key); /* last: own_key may be its own */
}

static json_t *answer_of(const struct rpc_message *message)
{
    json_t *result = json_object_get(message->body, "result");
    if (json_is_object(result))
        return json_incref(result);
    json_t *error = json_object_get(message->body, "error");
    if (error != NULL)
        return json_pack("{s:O}", "error", error);
    return json_pack("{s:{s:i, s:s}}", "error", "code", RPC_INVALID_PARAMS, "message",
                     "the client's result is not an object");
}

void ask_take_response(struct server *server, const struct peer *peer,
                       const struct rpc_message *message)
{
    const char *id = json_string_value(message->id);
    if (peer == NULL || id == NULL)
        return;
    for (struct call *call = server->calls; call != NULL; call = call->next) {
        if (call->peer != peer || !call->is_asking || json_object_get(call->open, id) == NULL)
            continue;
        take_answer(call, id, answer_of(message));
        if (json_object_size(call->open) == 0 && !call->is_sending)
            ask_run_again(call);
        return;
    }
}

void ask_take_responses(struct call *call, const json_t *responses)
{
    const char *own_key;
    void *next;
    json_t *key;
    bool is_new = false;
    json_object_foreach_safe (call->open, next, own_key, key) {
        json_t *response = json_object_get(responses, own_key);
        if (response == NULL)
            continue;
        take_answer(call, own_key, json_incref(response));
        is_new = true;
    }
    if (json_object_size(call->open) == 0)
        ask_run_again(call);
    else if (is_new)
        task_asks(call, true);
}
