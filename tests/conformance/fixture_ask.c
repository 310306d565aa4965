/* The tools that ask: for a form to be filled in, for a text of the model, for the roots; in one
 * round or several. In the legacy era they send requests, in the modern one they answer with
 * them. */
#include "fixture.h"

/* JSON is laid out by hand. */
/* clang-format off */
#define NAME JSON({"name": {"type": "string"}})

static const struct step sampling[] = {
    {STEP_ASK, JSON({"sample": {"method": "sampling/createMessage",
        "params": {
            "messages": [{"role": "user",
                "content": {"type": "text", "text": "${arguments.prompt}"}}],
            "maxTokens": 100}}})},
    SAY("LLM response: ${answers.sample.content.text}"),
};
static const struct step elicitation[] = {
    FORM("user", "${arguments.message}",
        JSON({"username": {"type": "string", "description": "User's response"},
            "email": {"type": "string", "description": "User's email address"}}),
        JSON(["username", "email"])),
    SAY("User response: action=${answers.user.action}, content=${answers.user.content}"),
};
static const struct step defaults[] = {
    FORM("form", "Please check the values that are already there.",
        JSON({"name": {"type": "string", "default": "John Doe"},
            "age": {"type": "integer", "default": 30},
            "score": {"type": "number", "default": 95.5},
            "status": {"type": "string", "enum": ["active", "inactive", "pending"],
                "default": "active"}, "verified": {"type": "boolean", "default": true}}),
        JSON([])),
    SAY("Elicitation completed: action=${answers.form.action}, content=${answers.form.content}"),
};
static const struct step enums[] = {
    FORM("form", "Please choose.",
        JSON({"untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
            "titledSingle": {"type": "string",
                "oneOf": [{"const": "value1", "title": "First Option"},
                    {"const": "value2", "title": "Second Option"},
                    {"const": "value3", "title": "Third Option"}]},
            "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"],
                "enumNames": ["Option One", "Option Two", "Option Three"]},
            "untitledMulti": {"type": "array",
                "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
            "titledMulti": {"type": "array",
                "items": {"anyOf": [{"const": "value1", "title": "First Choice"},
                    {"const": "value2", "title": "Second Choice"},
                    {"const": "value3", "title": "Third Choice"}]}}}),
        JSON([])),
    SAY("Elicitation completed: action=${answers.form.action}, content=${answers.form.content}"),
};
static const struct step streaming[] = {
    FORM("confirm", "Go on?", JSON({"ok": {"type": "boolean"}}), JSON(["ok"])),
    SAY("Done."),
};

/* ---- input_required ---- */

static const struct step name_form[] = {
    FORM("user_name", "What is your name?", NAME, JSON(["name"])),
    SAY("Hello, ${answers.user_name.content.name}!"),
};
static const struct step capital[] = {
    {STEP_ASK, JSON({"capital_question": {"method": "sampling/createMessage",
        "params": {
            "messages": [{"role": "user",
                "content": {"type": "text", "text": "What is the capital of France?"}}],
            "maxTokens": 100}}})},
    SAY("${answers.capital_question.content.text}"),
};
static const struct step list_roots[] = {
    {STEP_ASK, JSON({"client_roots": {"method": "roots/list", "params": {}}})},
    SAY("The roots are ${answers.client_roots.roots}"),
};
static const struct step confirm_with_state[] = {
    FORM("confirm", "Please confirm.", JSON({"ok": {"type": "boolean"}}), JSON(["ok"])),
    SAY("state-ok: ${answers.confirm.content}"),
};
static const struct step several[] = {
    {STEP_ASK, "{"
        FORM_OF("user_name", "What is your name?", NAME, JSON(["name"])) ","
        "\"greeting\":" JSON({"method": "sampling/createMessage", "params": {
            "messages": [{"role": "user",
                "content": {"type": "text", "text": "Generate a greeting"}}],
            "maxTokens": 50}}) ","
        "\"client_roots\":" JSON({"method": "roots/list", "params": {}})
        "}"},
    SAY("${answers.greeting.content.text} ${answers.user_name.content.name}, at "
        "${answers.client_roots.roots}"),
};
static const struct step rounds[] = {
    FORM("step1", "Step 1: What is your name?", NAME, JSON(["name"])),
    FORM("step2", "Step 2: What is your favorite color?", JSON({"color": {"type": "string"}}),
        JSON(["color"])),
    SAY("${answers.step1.content.name} likes ${answers.step2.content.color}."),
};

static const char prompt[] = JSON({"type": "object",
    "properties": {"prompt": {"type": "string", "description": "What to say to the model."}},
    "required": ["prompt"]});
static const char message[] = JSON({"type": "object",
    "properties": {"message": {"type": "string", "description": "What to ask the user."}},
    "required": ["message"]});

static const struct fixture_tool tools[] = {
    {"test_sampling", "Has the client's model say something.", prompt, sampling},
    {"test_elicitation", "Asks the user.", message, elicitation},
    {"test_elicitation_sep1034_defaults", "Asks with default values.", NULL, defaults},
    {"test_elicitation_sep1330_enums", "Asks for choices.", NULL, enums},
    {"test_streaming_elicitation", "Asks for a confirmation.", NULL, streaming},
    {"test_input_required_result_elicitation", "Asks for a name.", NULL, name_form},
    {"test_input_required_result_sampling", "Asks the model for a capital.", NULL, capital},
    {"test_input_required_result_list_roots", "Asks for the roots.", NULL, list_roots},
    {"test_input_required_result_request_state", "Asks, and remembers.", NULL, confirm_with_state},
    {"test_input_required_result_tampered_state", "Asks, and trusts nothing that comes back.", NULL,
     confirm_with_state},
    {"test_input_required_result_multiple_inputs", "Asks three things at once.", NULL, several},
    {"test_input_required_result_capabilities", "Asks what the client can answer.", NULL, several},
    {"test_input_required_result_multi_round", "Asks twice.", NULL, rounds},
};
/* clang-format on */

int fixture_add_asking_tools(struct server *server, struct err *ret_err)
{
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
        if (fixture_add(server, &tools[i], ret_err) < 0)
            return -1;
    return 0;
}
