/* The tools of the suite's core: every kind of content, logging, progress, a failure, a stream that
 * breaks, schemas as they are. http-header-validation calls the first one without arguments. */
#include "fixture.h"
#include "json.h"

/* JSON is laid out by hand. */
/* clang-format off */
#define NO_ARGUMENTS JSON({"type": "object", "additionalProperties": false})

static const struct step simple_text[] = {SAY("This is a simple text response for testing.")};
static const struct step image_content[] = {{STEP_ANSWER, JSON({"content": [{"type": "image",
    "data": "${png}", "mimeType": "image/png"}]})}};
static const struct step audio_content[] = {{STEP_ANSWER, JSON({"content": [{"type": "audio",
    "data": "${wav}", "mimeType": "audio/wav"}]})}};
static const struct step embedded_resource[] = {{STEP_ANSWER, JSON({"content": [{"type": "resource",
    "resource": {"uri": "test://embedded-resource", "mimeType": "text/plain",
        "text": "This is an embedded resource content."}}]})}};
static const struct step multiple_content_types[] = {{STEP_ANSWER, JSON({"content": [
    {"type": "text", "text": "Multiple content types test:"},
    {"type": "image", "data": "${png}", "mimeType": "image/png"},
    {"type": "resource",
        "resource": {"uri": "test://mixed-content-resource", "mimeType": "application/json",
            "text": "{\"test\":\"data\",\"value\":123}"}}]})}};
static const struct step with_logging[] = {
    {STEP_LOG, "Tool execution started"},
    {STEP_WAIT, NULL, 50},
    {STEP_LOG, "Tool processing data"},
    {STEP_WAIT, NULL, 50},
    {STEP_LOG, "Tool execution completed"},
    SAY("Three messages were logged."),
};
static const struct step logging[] = {
    {STEP_LOG, "The tool was called"},
    SAY("One message was logged."),
};
static const struct step with_progress[] = {
    {STEP_PROGRESS, NULL, 0},
    {STEP_WAIT, NULL, 50},
    {STEP_PROGRESS, NULL, 50},
    {STEP_WAIT, NULL, 50},
    {STEP_PROGRESS, NULL, 100},
    SAY("Done."),
};
static const struct step error_handling[] = {
    {STEP_FAIL, "This tool intentionally returns an error for testing"}};
static const struct step reconnection[] = {
    {STEP_LET_GO, NULL, 500},
    {STEP_WAIT, NULL, 100},
    SAY("The connection was closed and resumed."),
};
static const struct step json_schema[] = {SAY("The schema is what this tool is about.")};
static const struct step mirrored_header[] = {SAY("The region is ${arguments.region}.")};
static const struct step missing_capability[] = {SAY("The client can sample.")};
static const struct step trigger_tool_change[] = {
    {STEP_CHANGED, NULL, CHANGED_TOOLS},
    SAY("The tools have changed."),
};
static const struct step trigger_prompt_change[] = {
    {STEP_CHANGED, NULL, CHANGED_PROMPTS},
    SAY("The prompts have changed."),
};

static const char schema_2020_12[] = JSON({"$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {"address": {"$anchor": "addressDef", "type": "object",
        "properties": {"street": {"type": "string"}, "city": {"type": "string"}}}},
    "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"}, "email": {"type": "string"}},
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]}, "else": {"required": ["email"]},
    "additionalProperties": false});

static const char region[] = JSON({"type": "object",
    "properties": {"region": {"type": "string", "description": "Mirrored in a header.",
        "x-mcp-header": "Region"}}, "required": ["region"]});

static const struct fixture_tool tools[] = {
    {"test_simple_text", "Answers with a text.", NULL, simple_text},
    {"test_image_content", "Answers with a picture.", NULL, image_content},
    {"test_audio_content", "Answers with a sound.", NULL, audio_content},
    {"test_embedded_resource", "Answers with a resource.", NULL, embedded_resource},
    {"test_multiple_content_types", "Answers with several kinds of content.", NULL,
     multiple_content_types},
    {"test_tool_with_logging", "Logs three messages.", NULL, with_logging},
    {"test_logging_tool", "Logs, if the request has a log level.", NULL, logging},
    {"test_tool_with_progress", "Tells how far it is.", NULL, with_progress},
    {"test_error_handling", "Fails.", NULL, error_handling},
    {"test_reconnection", "Lets the client's connection go, and answers when it is back.", NULL,
     reconnection},
    {"json_schema_2020_12_tool", "Has a schema with the words of JSON Schema 2020-12.",
     schema_2020_12, json_schema},
    {"test_x_mcp_header", "Has an argument that is mirrored in a header.", region, mirrored_header},
    {"test_missing_capability", "Needs a client that can sample.", NULL, missing_capability,
     JSON({"sampling": {}})},
    {"test_trigger_tool_change", "Says that the tools have changed.", NULL, trigger_tool_change},
    {"test_trigger_prompt_change", "Says that the prompts have changed.", NULL,
     trigger_prompt_change},
};
/* clang-format on */

int fixture_add(struct server *server, const struct fixture_tool *tool, struct err *ret_err)
{
    struct server_tool definition = {
        .name = tool->name,
        .title = tool->name,
        .description = tool->description,
        .input_schema = fixture_json(tool->input != NULL ? tool->input : NO_ARGUMENTS),
        .client_capabilities = tool->requires != NULL ? fixture_json(tool->requires) : NULL,
        .task_mode = tool->task_mode,
        .start = script_start,
        .user = (void *)tool->steps,
    };
    return server_add_tool(server, &definition, ret_err);
}

int fixture_add_tools(struct server *server, struct err *ret_err)
{
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
        if (fixture_add(server, &tools[i], ret_err) < 0)
            return -1;
    return 0;
}
