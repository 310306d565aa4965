#pragma once
/* The life of one request as its implementation sees it: a tool called, a resource read, a prompt
 * fetched, a value completed. It begins with a start function; exactly one of the functions under
 * "ending" ends it and frees the call. Cancelling runs the implementation's cancel function, and
 * whatever it still sends is dropped; it ends the call all the same. */
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct call;

/* ---- while it runs ---- */

/* Runs at most once, on the loop: stop all work. The implementation still ends the call with
 * call_fail(ERR_CANCELLED) when its work has stopped, which frees it. */
void call_on_cancel(struct call *call, void (*cancel)(void *user), void *user);

/* Done of total (0 = unknown); throttled here, sent only if the client gave a progress token. */
void call_progress(struct call *call, double done, double total, const char *message);

/* The severities of the protocol, as syslog orders them. */
enum mcp_level {
    MCP_DEBUG,
    MCP_INFO,
    MCP_NOTICE,
    MCP_WARNING,
    MCP_ERROR,
    MCP_CRITICAL,
    MCP_ALERT,
    MCP_EMERGENCY,
};

/* One notifications/message, if the client wants this level: the modern era by the request's
 * logLevel (without it nothing is sent), the legacy one by logging/setLevel (info until then).
 * `logger` may be NULL. Takes the reference of `data`, any JSON value. */
void call_log(struct call *call, enum mcp_level level, const char *logger, json_t *data);

/* A legacy client over HTTP whose session allows it may now lose its connection: it is told to come
 * back for the answer after `retry_ms`. Elsewhere this does nothing. */
void call_let_go(struct call *call, unsigned retry_ms);

/* A short id for logs and query tags, unique in this process. */
const char *call_id(const struct call *call);
/* Who asks, as the transport authenticated it; "" = nobody in particular. */
const char *call_principal(const struct call *call);

/* ---- asking the client ---- */

/* Whether the client can be asked this: "elicitation/create" with the mode "form" or "url",
 * "sampling/createMessage", "roots/list" (`mode` NULL). False also where no answer could find its
 * way back (a legacy client over HTTP without a session). */
bool call_can_ask(const struct call *call, const char *method, const char *mode);

/* Asks, and ends this round of the call: the implementation forgets `call`. Once the client has
 * answered, the start function runs again with the same arguments, and finds the answers with
 * call_response(). In the modern era that is another request (`state` travels with the client,
 * signed, and bound to the caller, the method, the arguments and an hour); in the legacy era, and
 * inside a task, the requests are sent and the answers awaited. The same code serves all.
 * `requests`: {key: {"method": …, "params": {…}}}; those the client cannot answer are left out, and
 * when none is left the call fails with what the client lacks. `state`: any JSON, or NULL; the
 * client can read it, and change nothing of it. Takes both references. */
void call_ask(struct call *call, json_t *requests, json_t *state);

/* The client's answer ({"action": "accept", "content": {…}} and the like) to what was asked last,
 * or NULL when that key was not answered. Borrowed. An object, of which nothing else has been
 * checked; in the modern era a client can send it unasked. A legacy client's error arrives as
 * {"error": {…}}.
 */
const json_t *call_response(const struct call *call, const char *key);
/* What call_ask() was given, verified; NULL in the first round. Borrowed. */
const json_t *call_state(const struct call *call);

/* ---- long work ---- */

/* Whether the client understands tasks and may turn this call into one. */
bool call_takes_task(const struct call *call);
/* Answers the client with a task now; it polls from then on, and the call goes on, and ends, as
 * before. True also when it is one already. False: the client takes none, or too many exist. */
bool call_into_task(struct call *call);
/* One sentence for tasks/get while it runs; nothing unless it is a task. */
void call_task_status(struct call *call, const char *text);

/* ---- ending: each frees the call ---- */

/* Of a tool. `content`: array of content blocks, or NULL for one text block holding `structured`.
 * `structured`: the structuredContent, or NULL. Takes both references. */
void call_finish(struct call *call, json_t *content, json_t *structured);

/* Of anything: the members of the result as the protocol defines them ({"contents": […]},
 * {"description": …, "messages": […]}, {"content": […], "isError": true}); what an era adds is
 * added here. Takes the reference; NULL = memory ran out. */
void call_answer(struct call *call, json_t *result);

/* Of completion/complete: an array of strings, of which the first 100 are sent; `total` when known,
 * else 0. Takes the reference. */
void call_complete(struct call *call, json_t *values, size_t total);

/* Of anything: a tool answers isError with err's text, the field, whether a retry can help; the
 * others a JSON-RPC error (ERR_NOT_FOUND of a resource: "resource not found" as the era says it).
 */
void call_fail(struct call *call, const struct err *err);

/* A JSON-RPC error of the protocol itself, for the rare implementation that needs one. Takes `data`
 * (may be NULL). `code` as in rpc.h. */
void call_refuse(struct call *call, int code, json_t *data, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#ifdef __cplusplus
}
#endif
