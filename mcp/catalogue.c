/* The methods that tell a client who we are and what we offer. All of them answer at once. */
#include "server_impl.h"

enum { DISCOVER_TTL_MS = 3600 * 1000 };

static int declare(json_t *declared, const char *name, bool can_tell)
{
    return json_object_set_new(declared, name,
                               can_tell ? json_pack("{s:b}", "listChanged", 1) : json_object());
}

/* Only what exists is declared, so that no client calls into the void. NULL when out of memory. */
static json_t *capabilities(const struct request *request)
{
    const struct answer *answer = &request->answer;
    bool is_modern = answer->era == ERA_MODERN;
    /* Of a legacy client nothing else remembers where to tell it. */
    bool can_tell = is_modern || request->peer != NULL;
    json_t *declared = json_object();
    int rc = declared != NULL ? 0 : -1;
    if (has_tools(request))
        rc |= declare(declared, "tools", can_tell);
    if (has_resources(request))
        rc |= declare(declared, "resources", can_tell);
    if (has_resources(request) && can_tell)
        rc |= json_object_set_new(json_object_get(declared, "resources"), "subscribe", json_true());
    if (has_prompts(request))
        rc |= declare(declared, "prompts", can_tell);
    if (has_completions(request) && era_is_since(answer->version, "2025-03-26"))
        rc |= declare(declared, "completions", false);
    if (answer->server->options.has_logging)
        rc |= declare(declared, "logging", false);
    if (is_modern && server_has_tasks(answer->server))
        rc |= json_object_set_new(declared, "extensions", json_pack("{s:{}}", EXTENSION_TASKS));
    if (rc == 0)
        return declared;
    json_decref(declared);
    return NULL;
}

void handle_initialize(struct request *request)
{
    const struct answer *answer = &request->answer;
    const json_t *params = request->message->params;
    const char *asked = json_string_value(json_object_get(params, "protocolVersion"));
    json_t *offered = json_object_get(params, "capabilities"); /* NULL: none */
    if (asked == NULL || (offered != NULL && !json_is_object(offered))) {
        answer_invalid(answer, "%s",
                       asked == NULL ? "protocolVersion must be a string"
                                     : "capabilities must be an object");
        return;
    }
    const char *version = era_negotiate(asked);
    request->answer.version = version; /* what is agreed on counts from here */
    if (request->peer != NULL) {
        if (watch_peer(request) != 0) {
            answer_no_memory(answer);
            return;
        }
        request->peer->version = version;
        json_decref(request->peer->capabilities);
        request->peer->capabilities = json_incref(offered);
    }
    const struct server *server = answer->server;
    answer_result(answer, json_pack("{s:s, s:o, s:o, s:s*}", "protocolVersion", version,
                                    "capabilities", capabilities(request), "serverInfo",
                                    answer_server_info(server, version), "instructions",
                                    server->options.instructions));
}

void handle_discover(struct request *request)
{
    const struct answer *answer = &request->answer;
    const struct server *server = answer->server;
    /* The revision wants serverInfo in _meta, where answer_result() puts it; clients written before
     * it moved look for it here. */
    json_t *result =
        json_pack("{s:o, s:o, s:o, s:s*}", "supportedVersions", answer_versions(), "capabilities",
                  capabilities(request), "serverInfo", answer_server_info(server, answer->version),
                  "instructions", server->options.instructions);
    answer_cacheable(answer, result, DISCOVER_TTL_MS, true);
    answer_result(answer, result);
}

void handle_ping(struct request *request)
{
    answer_result(&request->answer, json_object());
}
