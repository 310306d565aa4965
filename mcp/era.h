#pragma once
/* Which protocol era a message belongs to, and whether its envelope is in order.
 *
 * "Modern" is the stateless protocol (2026-07-28): every request carries its version and its
 * client's capabilities. "Legacy" are the revisions with a handshake. Both are served by one
 * process at one address; the choice is made for each message from its body, with the HTTP headers
 * as a cross-check. This is one pure function over both. */
#include <stdbool.h>

#include "rpc.h"

struct message_headers; /* server.h */

enum era { ERA_LEGACY = 1, ERA_MODERN = 2 }; /* bits of a mask */

/* Newest first, NULL-terminated. */
extern const char *const era_modern_versions[];
extern const char *const era_legacy_versions[];

#define ERA_META_VERSION      "io.modelcontextprotocol/protocolVersion"
#define ERA_META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"
#define ERA_META_CLIENT_INFO  "io.modelcontextprotocol/clientInfo"
#define ERA_META_LOG_LEVEL    "io.modelcontextprotocol/logLevel"
#define ERA_META_SERVER_INFO  "io.modelcontextprotocol/serverInfo"

struct era_verdict {
    enum era era;
    const char *version; /* the revision to answer in: one of the tables above */
    /* 0: the envelope is in order; else the error that answers the message. */
    int code;              /* enum rpc_code */
    int status;            /* of the HTTP answer that carries the error */
    const char *requested; /* RPC_UNSUPPORTED_VERSION: what was asked for; borrowed */
    char text[256];
};

/* `headers` is NULL where the transport has none. `negotiated` is the revision that an earlier
 * handshake on this connection or session agreed on, or NULL. */
void era_decide(const struct rpc_message *message, const struct message_headers *headers,
                const char *negotiated, struct era_verdict *ret_verdict);

/* The answer to an `initialize` that asks for `requested`: that revision if it has a handshake and
 * is served, otherwise the newest one. */
const char *era_negotiate(const char *requested);

/* Whether a header that mirrors a part of the body carries `text`, plainly or as =?base64?…?=. */
bool era_header_equals(const char *header, const char *text);

/* The severities of logging, in the order of enum mcp_level, then NULL. */
extern const char *const era_log_levels[];
/* Which of them `name` is; -1 = none, also for NULL. */
int era_log_level(const char *name);

/* Whether `version` is `revision` or a later one. */
bool era_is_since(const char *version, const char *revision);
