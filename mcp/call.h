#pragma once
/* The life of one tool call as its implementation sees it: arguments come with the start, exactly
 * one of call_finish() and call_fail() ends it, unless it was cancelled first: then the
 * implementation's cancel function has run and whatever it still sends is dropped. */
#include <stdint.h>

#include <jansson.h>

#include "err.h"

struct call;

/* Runs at most once, on the loop: stop all work. The implementation still ends the call with
 * call_fail(ERR_CANCELLED) when its work has stopped, which frees it. */
void call_on_cancel(struct call *call, void (*cancel)(void *user), void *user);

/* Done of total (0 = unknown); throttled here, sent only if the client gave a progress token. */
void call_progress(struct call *call, double done, double total, const char *message);

/* `content`: array of content blocks, or NULL for one text block holding `structured`.
 * `structured`: the structuredContent, or NULL. Takes both references. Frees the call. */
void call_finish(struct call *call, json_t *content, json_t *structured);

/* A tool error: isError with err's text, the field, whether a retry can help. Frees the call. */
void call_fail(struct call *call, const struct err *err);

/* A short id for logs and query tags, unique in this process. */
const char *call_id(const struct call *call);
