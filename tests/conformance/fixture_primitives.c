/* The suite's resources and prompts. caching reads the first resource. */
#include <string.h>

#include "fixture.h"
#include "json.h"

/* JSON is laid out by hand. */
/* clang-format off */
static const struct step static_text[] = {{STEP_ANSWER, JSON({"contents": [{"uri": "${uri}",
    "mimeType": "text/plain", "text": "This is the content of the static text resource."}]})}};
static const struct step static_binary[] = {{STEP_ANSWER, JSON({"contents": [{"uri": "${uri}",
    "mimeType": "image/png", "blob": "${png}"}]})}};
static const struct step watched[] = {{STEP_ANSWER, JSON({"contents": [{"uri": "${uri}",
    "mimeType": "text/plain", "text": "This is watched."}]})}};
static const struct step template_data[] = {{STEP_ANSWER, JSON({"contents": [{"uri": "${uri}",
    "mimeType": "application/json",
    "text": "{\"id\":\"${arguments.id}\",\"templateTest\":true,\"data\":\"Data for ID: ${arguments.id}\"}"}]})}};

static const struct {
    const char *uri, *name, *description, *mime_type;
    const struct step *steps;
} resources[] = {
    {"test://static-text", "static-text", "A text that never changes.", "text/plain", static_text},
    {"test://static-binary", "static-binary", "A picture that never changes.", "image/png",
     static_binary},
    {"test://watched-resource", "watched-resource", "A text that can be watched.", "text/plain",
     watched},
    {"test://template/{id}/data", "template-data", "The data of one id.", "application/json",
     template_data},
};

static const struct step simple_prompt[] = {{STEP_ANSWER, JSON({"messages": [{"role": "user",
    "content": {"type": "text", "text": "This is a simple prompt for testing."}}]})}};
static const struct step prompt_with_arguments[] = {{STEP_ANSWER, JSON({"messages": [{"role": "user",
    "content": {"type": "text",
        "text": "Prompt with arguments: arg1='${arguments.arg1}', arg2='${arguments.arg2}'"}}]})}};
static const struct step prompt_with_resource[] = {{STEP_ANSWER, JSON({"messages": [
    {"role": "user",
        "content": {"type": "resource",
            "resource": {"uri": "${arguments.resourceUri}", "mimeType": "text/plain",
                "text": "Embedded resource content for testing."}}},
    {"role": "user",
        "content": {"type": "text", "text": "Please process the embedded resource above."}}]})}};
static const struct step prompt_with_image[] = {{STEP_ANSWER, JSON({"messages": [
    {"role": "user", "content": {"type": "image", "data": "${png}", "mimeType": "image/png"}},
    {"role": "user", "content": {"type": "text", "text": "Please analyze the image above."}}]})}};
static const struct step prompt_that_asks[] = {
    FORM("user_context", "What context should the prompt use?",
        JSON({"context": {"type": "string"}}), JSON(["context"])),
    {STEP_ANSWER, JSON({"messages": [{"role": "user",
        "content": {"type": "text",
            "text": "In the context of ${answers.user_context.content.context}."}}]})},
};

static const struct server_prompt_argument two_arguments[] = {
    {"arg1", NULL, "The first argument.", true}, {"arg2", NULL, "The second argument.", true}, {0}};
static const struct server_prompt_argument resource_uri[] = {
    {"resourceUri", NULL, "The resource to embed.", true}, {0}};

static const struct {
    const char *name, *description;
    const struct server_prompt_argument *arguments;
    const struct step *steps;
} prompts[] = {
    {"test_simple_prompt", "A prompt without arguments.", NULL, simple_prompt},
    {"test_prompt_with_arguments", "A prompt with two arguments.", two_arguments,
     prompt_with_arguments},
    {"test_prompt_with_embedded_resource", "A prompt with a resource in it.", resource_uri,
     prompt_with_resource},
    {"test_prompt_with_image", "A prompt with a picture in it.", NULL, prompt_with_image},
    {"test_input_required_result_prompt", "A prompt that asks first.", NULL, prompt_that_asks},
};
/* clang-format on */

/* The same few values for everything. */
static void complete(struct call *call, const char *name, const char *value, const json_t *chosen,
                     void *user)
{
    (void)name;
    (void)chosen;
    (void)user;
    static const char *const known[] = {"123", "testValue1", "testValue2", "test://static-text"};
    json_t *values = json_array();
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strncmp(known[i], value, strlen(value)) == 0)
            json_array_append_new(values, json_string(known[i]));
    call_complete(call, values, json_array_size(values));
}

int fixture_add_resources(struct server *server, struct err *ret_err)
{
    for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
        struct server_resource resource = {
            .uri = resources[i].uri,
            .name = resources[i].name,
            .description = resources[i].description,
            .mime_type = resources[i].mime_type,
            .read = script_read,
            .complete = strchr(resources[i].uri, '{') != NULL ? complete : NULL,
            .ttl_ms = 60000,
            .is_public = true,
            .user = (void *)resources[i].steps,
        };
        if (server_add_resource(server, &resource, ret_err) < 0)
            return -1;
    }
    return 0;
}

int fixture_add_prompts(struct server *server, struct err *ret_err)
{
    for (size_t i = 0; i < sizeof prompts / sizeof *prompts; i++) {
        struct server_prompt prompt = {
            .name = prompts[i].name,
            .title = prompts[i].name,
            .description = prompts[i].description,
            .arguments = prompts[i].arguments,
            .get = script_start,
            .complete = prompts[i].arguments != NULL ? complete : NULL,
            .user = (void *)prompts[i].steps,
        };
        if (server_add_prompt(server, &prompt, ret_err) < 0)
            return -1;
    }
    return 0;
}
