/* The tools that become tasks. */
#include "fixture.h"

/* JSON is laid out by hand. */
/* clang-format off */

static const struct step greet[] = {SAY("Hello, ${arguments.name}!")};
static const struct step slow_compute[] = {
    {STEP_TASK},
    {STEP_WAIT, "seconds", 0},
    SAY("Computed ${arguments.label} in ${arguments.seconds} s."),
};
static const struct step failing_job[] = {
    {STEP_TASK},
    {STEP_WAIT, NULL, 1000},
    {STEP_FAIL, "This job always fails."},
};
static const struct step protocol_error_job[] = {
    {STEP_TASK},
    {STEP_WAIT, NULL, 100},
    {STEP_REFUSE, "This job breaks the protocol."},
};
static const struct step confirm_delete[] = {
    {STEP_TASK},
    FORM("confirm", "Delete ${arguments.filename}?", JSON({"confirm": {"type": "boolean"}}),
        JSON(["confirm"])),
    SAY("${arguments.filename}: ${answers.confirm.action}"),
};
static const struct step multi_input[] = {
    {STEP_TASK},
    {STEP_ASK, "{"
        FORM_OF("name", "What is your name?", JSON({"name": {"type": "string"}}), JSON(["name"])) ","
        FORM_OF("confirm", "Go on?", JSON({"confirm": {"type": "boolean"}}), JSON(["confirm"]))
        "}"},
    SAY("${answers.name.content.name}: ${answers.confirm.action}"),
};
static const struct step name_then_task[] = {
    FORM("user_name", "What is your name?", JSON({"name": {"type": "string"}}), JSON(["name"])),
    {STEP_TASK},
    {STEP_WAIT, NULL, 100},
    SAY("Hello, ${answers.user_name.content.name}!"),
};

static const char name[] = JSON({"type": "object",
    "properties": {"name": {"type": "string", "description": "Whom to greet."}},
    "required": ["name"]});
static const char seconds[] = JSON({"type": "object",
    "properties": {"seconds": {"type": "number", "description": "How long it takes."},
        "label": {"type": "string", "description": "What it is called."}},
    "required": ["seconds"]});
static const char filename[] = JSON({"type": "object",
    "properties": {"filename": {"type": "string", "description": "What to delete."}},
    "required": ["filename"]});

static const struct fixture_tool tools[] = {
    {"greet", "Says hello.", name, greet},
    {"slow_compute", "Takes its time.", seconds, slow_compute, NULL, TASK_OPTIONAL},
    {"failing_job", "Fails after a second.", NULL, failing_job, NULL, TASK_REQUIRED},
    {"protocol_error_job", "Ends with an error of the protocol.", NULL, protocol_error_job, NULL,
     TASK_REQUIRED},
    {"confirm_delete", "Asks before it deletes nothing.", filename, confirm_delete, NULL,
     TASK_OPTIONAL},
    {"multi_input", "Asks two things at once.", NULL, multi_input, NULL, TASK_OPTIONAL},
    {"test_tool_with_task", "Asks for a name, then takes its time.", NULL, name_then_task, NULL,
     TASK_REQUIRED},
};
/* clang-format on */

int fixture_add_task_tools(struct server *server, struct err *ret_err)
{
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
        if (fixture_add(server, &tools[i], ret_err) < 0)
            return -1;
    return 0;
}
