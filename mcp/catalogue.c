/* The methods that tell a client who we are and what we offer: initialize, server/discover, ping,
 * tools/list. All of them answer at once. */
#include <stdlib.h>
#include <string.h>

#include "server_impl.h"

enum { TOOLS_TTL_MS = 300 * 1000, DISCOVER_TTL_MS = 3600 * 1000 };

bool is_tool_offered(const struct request *request, const struct server_tool *tool)
{
    const struct server_options *options = &request->answer.server->options;
    return options->offers == NULL || options->offers(tool, request->toolsets);
}

bool has_tools(const struct request *request)
{
    const struct server *server = request->answer.server;
    for (size_t i = 0; i < server->tool_count; i++) {
        if (is_tool_offered(request, &server->tools[i].tool))
            return true;
    }
    return false;
}

const struct server_tool *find_tool(const struct server *server, const char *name)
{
    for (size_t i = 0; i < server->tool_count; i++) {
        if (strcmp(server->tools[i].tool.name, name) == 0)
            return &server->tools[i].tool;
    }
    return NULL;
}

/* Only what exists is declared, so that no client calls into the void. */
static json_t *capabilities(const struct request *request)
{
    json_t *declared = json_object();
    if (has_tools(request))
        json_object_set_new(declared, "tools", json_object());
    return declared;
}

void handle_initialize(struct request *request)
{
    const struct answer *answer = &request->answer;
    const json_t *params = request->message->params;
    const char *asked = json_string_value(json_object_get(params, "protocolVersion"));
    if (asked == NULL) {
        answer_error(answer, RPC_INVALID_PARAMS, 200, NULL,
                     "Invalid params: protocolVersion must be a string");
        return;
    }
    const char *version = era_negotiate(asked);
    if (request->peer != NULL) {
        request->peer->version = version;
        json_decref(request->peer->capabilities);
        request->peer->capabilities = json_incref(json_object_get(params, "capabilities"));
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
    json_t *versions = json_array();
    for (const char *const *v = era_modern_versions; *v != NULL; v++)
        json_array_append_new(versions, json_string(*v));
    /* The revision wants serverInfo in _meta, where answer_result() puts it; clients written before
     * it moved look for it here. */
    json_t *result =
        json_pack("{s:o, s:o, s:o, s:s*}", "supportedVersions", versions, "capabilities",
                  capabilities(request), "serverInfo", answer_server_info(server, answer->version),
                  "instructions", server->options.instructions);
    answer_cacheable(answer, result, DISCOVER_TTL_MS);
    answer_result(answer, result);
}

void handle_ping(struct request *request)
{
    answer_result(&request->answer, json_object());
}

static json_t *definitions(const struct request *request)
{
    const struct server *server = request->answer.server;
    json_t *list = json_array();
    for (size_t i = 0; i < server->tool_count; i++) {
        const struct tool_entry *entry = &server->tools[i];
        if (is_tool_offered(request, &entry->tool) &&
            json_array_append(list, entry->definition) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

void handle_tools_list(struct request *request)
{
    const struct answer *answer = &request->answer;
    const json_t *cursor = json_object_get(request->message->params, "cursor");
    /* There is one page, since many clients read no more: no cursor can be one of ours. */
    if (cursor != NULL && (!json_is_string(cursor) || json_string_length(cursor) > 0)) {
        answer_error(answer, RPC_INVALID_PARAMS, 200, NULL,
                     "Invalid params: cursor is not one that this server gave out");
        return;
    }
    json_t *result = json_pack("{s:o}", "tools", definitions(request));
    answer_cacheable(answer, result, TOOLS_TTL_MS);
    answer_result(answer, result);
}
