#include "rpc.h"

#include <math.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "utf8.h"

bool rpc_is_id(const json_t *value)
{
    double number = json_is_real(value) ? json_real_value(value) : 0.5;
    return json_is_string(value) || json_is_integer(value) ||
           (number == floor(number) && fabs(number) < 9007199254740992.0);
}

static enum rpc_kind invalid(struct rpc_message *message, const char *fault)
{
    message->kind = RPC_INVALID;
    message->fault = fault;
    return RPC_INVALID;
}

static enum rpc_kind classify_response(const json_t *body, struct rpc_message *message)
{
    const json_t *result = json_object_get(body, "result");
    const json_t *error = json_object_get(body, "error");
    if (result == NULL && error == NULL)
        return invalid(message, "neither a method nor a result or an error");
    if (result != NULL && error != NULL)
        return invalid(message, "a response has a result or an error, not both");
    if (error != NULL && !json_is_object(error))
        return invalid(message, "error must be an object");
    if (result != NULL && message->id == NULL)
        return invalid(message, "the id of a result must be a string or an integer");
    /* An error without id answers something of ours that the client could not read. */
    const json_t *id = json_object_get(body, "id");
    if (id != NULL && message->id == NULL && !json_is_null(id))
        return invalid(message, "the id of an error must be a string, an integer or null");
    message->kind = RPC_RESPONSE;
    return RPC_RESPONSE;
}

/* A NUL in what is compared as a C string would hide the rest. Deeper values are checked by whoever
 * takes them. */
static bool has_nul(const json_t *value)
{
    if (json_is_string(value))
        return json_plain_string(value) == NULL;
    const char *key;
    json_t *member;
    json_object_foreach ((json_t *)value, key, member)
        if (json_is_string(member) && has_nul(member))
            return true;
    return false;
}

enum rpc_kind rpc_classify(const json_t *body, struct rpc_message *ret_message)
{
    struct rpc_message *message = ret_message;
    *message = (struct rpc_message){.body = body};
    if (json_is_array(body)) {
        if (json_array_size(body) == 0)
            return invalid(message, "an empty batch");
        message->kind = RPC_BATCH;
        return RPC_BATCH;
    }
    if (!json_is_object(body))
        return invalid(message, "a message must be a JSON object");

    const json_t *id = json_object_get(body, "id");
    const json_t *method = json_object_get(body, "method");
    const json_t *version = json_object_get(body, "jsonrpc");
    if (rpc_is_id(id))
        message->id = id;
    if (!json_is_string(version) || strcmp(json_string_value(version), "2.0") != 0)
        return invalid(message, "jsonrpc must be \"2.0\"");
    if (method == NULL)
        return classify_response(body, message);
    if (!json_is_string(method))
        return invalid(message, "method must be a string");
    if (json_object_get(body, "result") != NULL || json_object_get(body, "error") != NULL)
        return invalid(message, "a message has a method, or a result or an error, not both");
    if (id != NULL && !rpc_is_id(id))
        return invalid(message, "id must be a string or an integer");

    const json_t *params = json_object_get(body, "params");
    const json_t *meta = json_object_get(params, "_meta");
    if (params != NULL && !json_is_object(params))
        return invalid(message, "params must be an object");
    if (meta != NULL && !json_is_object(meta))
        return invalid(message, "params._meta must be an object");
    if (has_nul(method) || has_nul(params) || has_nul(meta))
        return invalid(message, "a text of the message holds a NUL character");
    message->method = json_string_value(method);
    message->params = params;
    message->meta = meta;
    message->kind = id != NULL ? RPC_REQUEST : RPC_NOTIFICATION;
    return message->kind;
}

/* The packer of jansson wants a reference of its own. */
static json_t *hold(const json_t *value)
{
    return json_incref((json_t *)value);
}

json_t *rpc_result(const json_t *id, json_t *result)
{
    json_t *message = json_object();
    int rc = json_object_set_new(message, "jsonrpc", json_string("2.0"));
    rc |= json_object_set_new(message, "id", hold(id));
    rc |= json_object_set_new(message, "result", result);
    if (rc == 0)
        return message;
    json_decref(message);
    return NULL;
}

json_t *rpc_error(const json_t *id, enum rpc_code code, const char *text, json_t *data)
{
    json_t *error = json_object();
    int rc = json_object_set_new(error, "code", json_integer(code));
    rc |= json_object_set_new(error, "message", rpc_text(text));
    if (data != NULL)
        rc |= json_object_set_new(error, "data", data);

    json_t *message = json_object();
    rc |= json_object_set_new(message, "jsonrpc", json_string("2.0"));
    if (id != NULL)
        rc |= json_object_set_new(message, "id", hold(id));
    rc |= json_object_set_new(message, "error", error);
    if (rc == 0)
        return message;
    json_decref(message);
    return NULL;
}

json_t *rpc_notification(const char *method, json_t *params)
{
    json_t *message = json_object();
    int rc = json_object_set_new(message, "jsonrpc", json_string("2.0"));
    rc |= json_object_set_new(message, "method", json_string(method));
    rc |= json_object_set_new(message, "params", params);
    if (rc == 0)
        return message;
    json_decref(message);
    return NULL;
}

json_t *rpc_text(const char *text)
{
    json_t *value = json_string(text);
    if (value != NULL)
        return value;
    struct buf clean;
    buf_init(&clean, 0);
    const char *end = text + strlen(text);
    for (const char *s = text; s < end;) {
        size_t len = utf8_length(s, (size_t)(end - s));
        if (len > 0)
            buf_add(&clean, s, len);
        else
            buf_puts(&clean, "\xef\xbf\xbd");
        s += len > 0 ? len : 1;
    }
    if (!buf_failed(&clean))
        value = json_string(buf_text(&clean));
    buf_done(&clean);
    return value;
}
