#include "era.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server.h"

const char *const era_modern_versions[] = {"2026-07-28", NULL};
const char *const era_legacy_versions[] = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05",
                                           NULL};

/* Messages in a batch: each may begin a call, which all run at once. */
enum { BATCH_MAX = 100 };

/* What a client without a handshake and without the header is taken to speak over HTTP. */
static const char version_without_header[] = "2025-03-26";

/* The methods whose target is mirrored in the Mcp-Name header, and the parameter that names it. */
static const struct {
    const char *method, *param;
} named_methods[] = {
    {"tools/call", "name"},  {"prompts/get", "name"},    {"resources/read", "uri"},
    {"tasks/get", "taskId"}, {"tasks/update", "taskId"}, {"tasks/cancel", "taskId"},
};

const char *const era_log_levels[] = {"debug",    "info",  "notice",    "warning", "error",
                                      "critical", "alert", "emergency", NULL};

/* The entry of a NULL-terminated table that equals `text`, or NULL. */
static const char *lookup(const char *const *table, const char *text)
{
    for (; text != NULL && *table != NULL; table++) {
        if (strcmp(*table, text) == 0)
            return *table;
    }
    return NULL;
}

int era_log_level(const char *name)
{
    for (int i = 0; name != NULL && era_log_levels[i] != NULL; i++) {
        if (strcmp(era_log_levels[i], name) == 0)
            return i;
    }
    return -1;
}

bool era_is_since(const char *version, const char *revision)
{
    return strcmp(version, revision) >= 0; /* they are dates */
}

const char *era_negotiate(const char *requested)
{
    const char *version = lookup(era_legacy_versions, requested);
    return version != NULL ? version : era_legacy_versions[0];
}

/* One of the three reserved keys is enough: a client that sends any of them means to be modern, and
 * is better served by being told what is missing than by an answer of the other era. */
static bool has_claim(const struct rpc_message *message)
{
    return json_object_get(message->meta, ERA_META_VERSION) != NULL ||
           json_object_get(message->meta, ERA_META_CAPABILITIES) != NULL ||
           json_object_get(message->meta, ERA_META_CLIENT_INFO) != NULL;
}

static void reject(struct era_verdict *verdict, enum rpc_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void reject(struct era_verdict *verdict, enum rpc_code code, const char *fmt, ...)
{
    verdict->code = code;
    verdict->status = 400;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(verdict->text, sizeof verdict->text, fmt, ap);
    va_end(ap);
}

/* Compares without decoding: the expected text is encoded as we go, so that there is no buffer and
 * no decoder to attack. A form that is not canonical base64 therefore does not match. */
static bool equals_base64(const char *encoded, size_t len, const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *s = (const unsigned char *)text;
    size_t left = strlen(text);
    if (len != (left + 2) / 3 * 4)
        return false;
    for (; left > 0; encoded += 4) {
        size_t n = left < 3 ? left : 3;
        unsigned bits = (unsigned)s[0] << 16;
        bits |= n > 1 ? (unsigned)s[1] << 8 : 0;
        bits |= n > 2 ? s[2] : 0;
        const char quad[4] = {
            digits[bits >> 18],
            digits[bits >> 12 & 63],
            n > 1 ? digits[bits >> 6 & 63] : '=',
            n > 2 ? digits[bits & 63] : '=',
        };
        if (memcmp(quad, encoded, sizeof quad) != 0)
            return false;
        s += n;
        left -= n;
    }
    return true;
}

bool era_header_equals(const char *header, const char *text)
{
    static const char prefix[] = "=?base64?", suffix[] = "?=";
    size_t before = sizeof prefix - 1, after = sizeof suffix - 1, len = strlen(header);
    if (len >= before + after && memcmp(header, prefix, before) == 0 &&
        memcmp(header + len - after, suffix, after) == 0)
        return equals_base64(header + before, len - before - after, text);
    return strcmp(header, text) == 0;
}

/* Rung 2 of the ladder: the members of _meta. */
static bool check_meta(const struct rpc_message *message, struct era_verdict *verdict)
{
    const json_t *version = json_object_get(message->meta, ERA_META_VERSION);
    const json_t *capabilities = json_object_get(message->meta, ERA_META_CAPABILITIES);
    const json_t *info = json_object_get(message->meta, ERA_META_CLIENT_INFO);
    const json_t *level = json_object_get(message->meta, ERA_META_LOG_LEVEL);
    const char *key = NULL, *must = "is missing";

    if (!json_is_string(version)) {
        key = ERA_META_VERSION;
        must = version != NULL ? "must be a string" : must;
    } else if (!json_is_object(capabilities)) {
        key = ERA_META_CAPABILITIES;
        must = capabilities != NULL ? "must be an object" : must;
    } else if (info != NULL && (!json_is_string(json_object_get(info, "name")) ||
                                !json_is_string(json_object_get(info, "version")))) {
        key = ERA_META_CLIENT_INFO;
        must = "must be an object with the strings name and version";
    } else if (level != NULL && era_log_level(json_string_value(level)) < 0) {
        key = ERA_META_LOG_LEVEL;
        must = "must be debug, info, notice, warning, error, critical, alert or emergency";
    }
    if (key == NULL)
        return true;
    reject(verdict, RPC_INVALID_PARAMS, "Invalid params: _meta[\"%s\"] %s", key, must);
    return false;
}

/* Rung 4: the headers that mirror the body. */
static bool check_mirrors(const struct rpc_message *message, const struct message_headers *headers,
                          struct era_verdict *verdict)
{
    bool is_request = message->kind == RPC_REQUEST;
    if (headers->protocol_version == NULL) {
        reject(verdict, RPC_HEADER_MISMATCH, "the MCP-Protocol-Version header is missing");
        return false;
    }
    if (headers->method == NULL && is_request) {
        reject(verdict, RPC_HEADER_MISMATCH, "the Mcp-Method header is missing");
        return false;
    }
    if (headers->method != NULL && strcmp(headers->method, message->method) != 0) {
        reject(verdict, RPC_HEADER_MISMATCH,
               "the Mcp-Method header is \"%.60s\", the method in the body \"%.60s\"",
               headers->method, message->method);
        return false;
    }
    for (size_t i = 0; is_request && i < sizeof named_methods / sizeof named_methods[0]; i++) {
        if (strcmp(named_methods[i].method, message->method) != 0)
            continue;
        const char *param = named_methods[i].param;
        const char *target = json_string_value(json_object_get(message->params, param));
        /* Without a target there is nothing to mirror: the method says what is wrong. */
        if (target == NULL)
            return true;
        if (headers->name != NULL && era_header_equals(headers->name, target))
            return true;
        reject(verdict, RPC_HEADER_MISMATCH,
               headers->name == NULL ? "the Mcp-Name header is missing; it must carry params.%s"
                                     : "the Mcp-Name header differs from params.%s",
               param);
        return false;
    }
    return true;
}

/* The ladder of the modern era: the first rung that fails answers. */
static void decide_modern(const struct rpc_message *message, const struct message_headers *headers,
                          struct era_verdict *verdict)
{
    verdict->era = ERA_MODERN;
    verdict->version = era_modern_versions[0];

    const json_t *meta_version = json_object_get(message->meta, ERA_META_VERSION);
    const char *version = json_string_value(meta_version);
    const char *header = headers != NULL ? headers->protocol_version : NULL;
    if (version != NULL && header != NULL && strcmp(version, header) != 0) {
        reject(verdict, RPC_HEADER_MISMATCH,
               "the MCP-Protocol-Version header is \"%.40s\", the version in _meta \"%.40s\"",
               header, version);
        return;
    }
    /* A notification needs no _meta: nothing answers it. */
    if (message->kind == RPC_REQUEST && !check_meta(message, verdict))
        return;
    if (version == NULL)
        version = header;
    if (version != NULL && lookup(era_modern_versions, version) == NULL) {
        reject(verdict, RPC_UNSUPPORTED_VERSION, "Unsupported protocol version: %.60s", version);
        verdict->requested = version;
        return;
    }
    if (headers != NULL)
        check_mirrors(message, headers, verdict);
}

/* An array: a batch of a revision that has them, or nothing. The first one says that its messages
 * are those of JSON-RPC, which has batches. */
static void decide_batch(const struct rpc_message *message, bool is_modern_header,
                         struct era_verdict *verdict)
{
    bool is_modern = is_modern_header;
    bool is_too_long = json_array_size(message->body) > BATCH_MAX;
    const char *fault = is_too_long ? "more than 100 messages" : NULL;
    size_t i;
    const json_t *element;
    json_array_foreach (message->body, i, element) {
        struct rpc_message part;
        enum rpc_kind kind = rpc_classify(element, &part);
        if (kind == RPC_INVALID || kind == RPC_BATCH)
            fault = part.fault != NULL ? part.fault : "a batch inside a batch";
        else if (kind != RPC_RESPONSE && has_claim(&part))
            is_modern = true;
        else if (kind == RPC_REQUEST && strcmp(part.method, "initialize") == 0)
            fault = "initialize may not be part of a batch";
    }
    if (is_modern) {
        verdict->era = ERA_MODERN;
        verdict->version = era_modern_versions[0];
    }
    if (era_is_since(verdict->version, "2025-06-18")) {
        reject(verdict, RPC_INVALID_REQUEST,
               "Invalid request: revision %s has no batches, send each message by itself",
               verdict->version);
    } else if (fault != NULL) {
        reject(verdict, RPC_INVALID_REQUEST, "Invalid request in a batch: %s", fault);
    }
}

void era_decide(const struct rpc_message *message, const struct message_headers *headers,
                const char *negotiated, struct era_verdict *ret_verdict)
{
    struct era_verdict *verdict = ret_verdict;
    const char *header = headers != NULL ? headers->protocol_version : NULL;
    const char *legacy = lookup(era_legacy_versions, header);
    bool is_modern_header = header != NULL && legacy == NULL; /* modern or unknown */
    if (legacy == NULL)
        legacy = negotiated;
    if (legacy == NULL)
        legacy = headers != NULL ? version_without_header : era_legacy_versions[0];
    *verdict = (struct era_verdict){.era = ERA_LEGACY, .version = legacy, .status = 200};

    switch (message->kind) {
    case RPC_BATCH:
        decide_batch(message, is_modern_header, verdict);
        return;
    case RPC_REQUEST:
    case RPC_NOTIFICATION:
        if (is_modern_header || has_claim(message))
            decide_modern(message, headers, verdict);
        return;
    case RPC_RESPONSE:
    case RPC_INVALID:
        break;
    }
    if (is_modern_header) {
        verdict->era = ERA_MODERN;
        verdict->version = era_modern_versions[0];
    }
    if (message->kind == RPC_INVALID)
        reject(verdict, RPC_INVALID_REQUEST, "Invalid request: %s", message->fault);
    else if (is_modern_header)
        reject(verdict, RPC_INVALID_REQUEST,
               "Invalid request: revision %s has no requests of the "
               "server that could be answered",
               verdict->version);
}
