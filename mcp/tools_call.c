/* tools/call: which tool, whether this client may call it, and what a tool's result looks like. */
#include <stdlib.h>

#include "json.h"
#include "server_impl.h"

static json_t *content_of(const json_t *structured)
{
    char *text = json_text(structured);
    json_t *content = text != NULL ? json_pack("[{s:s, s:s}]", "type", "text", "text", text) : NULL;
    free(text);
    return content;
}

void call_finish(struct call *call, json_t *content, json_t *structured)
{
    if (content == NULL)
        content = structured != NULL ? content_of(structured) : json_array();
    call_answer(call,
                json_pack("{s:o, s:o*}", "content", content, "structuredContent", structured));
}

/* What the client's revision cannot receive goes. */
static json_t *shape_result(struct call *call, json_t *result)
{
    const struct answer *answer = call_answer_of(call);
    if (answer->era != ERA_LEGACY)
        return result;
    json_t *content = json_object_get(result, "content");
    if (content != NULL)
        answer_content(content, answer->version);
    /* The eras differ in what structuredContent may be; absent is right in both. */
    json_t *structured = json_object_get(result, "structuredContent");
    if (structured != NULL && !json_is_object(structured))
        json_object_del(result, "structuredContent");
    return result;
}

static void begin(struct call *call)
{
    const struct server_tool *tool = call_target(call);
    tool->start(call, call_arguments(call), tool->user);
}

static const struct call_kind tool_kind = {
    .is_tool = true,
    .may_ask = true,
    .begin = begin,
    .shape = shape_result,
};

/* ---- who may call what ---- */

static bool check_capabilities(struct request *request, const struct server_tool *tool)
{
    const struct answer *answer = &request->answer;
    if (tool->client_capabilities == NULL ||
        client_offers(request_capabilities(request), tool->client_capabilities))
        return true;
    if (answer->era == ERA_MODERN)
        answer_error(answer, RPC_MISSING_CAPABILITY, 400,
                     json_pack("{s:O}", "requiredCapabilities", tool->client_capabilities),
                     "Missing client capability: %s needs one that the client did not declare",
                     tool->name);
    else
        answer_error(answer, RPC_INVALID_PARAMS, 200, NULL,
                     "%s needs a capability that the client did not declare", tool->name);
    return false;
}

/* Whether the client takes tasks where the tool gives nothing else. */
static bool check_task_mode(const struct request *request, const struct server_tool *tool)
{
    if (tool->task_mode != TASK_REQUIRED)
        return true;
    if (request->answer.era == ERA_MODERN)
        return check_takes_tasks(request, tool->name);
    answer_error(&request->answer, RPC_INVALID_PARAMS, 200, NULL,
                 "%s only runs as a task, which this revision of the protocol does not have",
                 tool->name);
    return false;
}

/* The arguments as an object (new reference), or NULL when they are not one. Absent and null both
 * mean none. */
static json_t *arguments_of(const struct request *request)
{
    json_t *arguments = json_object_get(request->message->params, "arguments");
    if (arguments == NULL || json_is_null(arguments))
        return json_object();
    return json_is_object(arguments) ? json_incref(arguments) : NULL;
}

/* Says which tools there are for this client. */
static void refuse_unknown(const struct request *request, const char *name)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (const struct tool_entry *e = request->answer.server->tools; e != NULL; e = e->next) {
        if (count < NAMES_MAX && is_tool_offered(request, &e->tool))
            names[count++] = e->tool.name;
    }
    answer_unknown(&request->answer, "Unknown tool", name, names, count);
}

void handle_tools_call(struct request *request)
{
    const struct answer *answer = &request->answer;
    const char *name = json_string_value(json_object_get(request->message->params, "name"));
    if (name == NULL) {
        answer_invalid(answer, "name must be the name of a tool");
        return;
    }
    const struct server_tool *tool = find_tool(answer->server, name);
    if (tool == NULL || !is_tool_offered(request, tool)) {
        refuse_unknown(request, name);
        return;
    }
    if (!check_capabilities(request, tool) || !check_task_mode(request, tool))
        return;
    json_t *arguments = arguments_of(request);
    if (arguments == NULL)
        answer_invalid(answer, "arguments must be an object");
    else if (check_param_headers(request, tool, arguments))
        call_begin(request, &tool_kind, tool, arguments);
    else
        json_decref(arguments);
}
