#pragma once
/* The JSON-RPC 2.0 envelope: what kind of message a JSON value is, and the messages we send. It
 * knows nothing of revisions and methods. */
#include <stdbool.h>

#include <jansson.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rpc_kind {
    RPC_INVALID, /* not JSON-RPC: `fault` says why, `id` is kept when it could be read */
    RPC_REQUEST,
    RPC_NOTIFICATION,
    RPC_RESPONSE, /* the answer to a request of ours */
    RPC_BATCH,    /* a non-empty array; the elements are not looked at */
};

enum rpc_code {
    RPC_PARSE_ERROR = -32700,
    RPC_INVALID_REQUEST = -32600,
    RPC_METHOD_NOT_FOUND = -32601,
    RPC_INVALID_PARAMS = -32602,
    RPC_INTERNAL_ERROR = -32603,
    RPC_RESOURCE_NOT_FOUND = -32002, /* of MCP, only in the legacy era */
    /* From here on: of MCP, only in the modern era. */
    RPC_HEADER_MISMATCH = -32020,
    RPC_MISSING_CAPABILITY = -32021,
    RPC_UNSUPPORTED_VERSION = -32022,
};

/* Everything is borrowed from the message. */
struct rpc_message {
    enum rpc_kind kind;
    const json_t *body;
    const json_t *id;     /* as rpc_is_id(); NULL when absent or of another type */
    const char *method;   /* requests and notifications */
    const json_t *params; /* an object, or NULL */
    const json_t *meta;   /* params._meta: an object, or NULL */
    const char *fault;    /* RPC_INVALID: one sentence */
};

/* Whether a value may be an id, or a progress token: a string or a whole number. Languages without
 * integers write 1 as 1.0. */
bool rpc_is_id(const json_t *value);

/* Unknown members are let through: a later revision may have a use for them. */
enum rpc_kind rpc_classify(const json_t *body, struct rpc_message *ret_message);

/* What to send; each takes the references of `result`, `data` and `params`, borrows `id`, and
 * returns NULL when out of memory or when one of them is NULL where it must not be. */
json_t *rpc_result(const json_t *id, json_t *result);
/* An `id` of NULL leaves the member out; pass json_null() for the classic form. `data` may be
 * NULL. `text` may hold any bytes. */
json_t *rpc_error(const json_t *id, enum rpc_code code, const char *text, json_t *data);
json_t *rpc_notification(const char *method, json_t *params);

/* A JSON string of any bytes: what is not UTF-8 (a text cut in the middle of a character) becomes
 * U+FFFD instead of an error. */
json_t *rpc_text(const char *text);

#ifdef __cplusplus
}
#endif
