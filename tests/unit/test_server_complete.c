/* Completion as a client sees it, in both eras. */
#include "server_harness.h"

/* ---- a server that completes ---- */

/* Answers what it was asked, then as many numbers as the value says. */
static void complete(struct call *call, const char *argument, const char *value,
                     const json_t *chosen, void *user)
{
    char *known = json_text(chosen);
    json_t *values = json_array();
    json_array_append_new(values, json_sprintf("%s=%s %s", argument, value, known));
    long count = strtol(value, NULL, 10);
    for (long i = 1; i < count; i++)
        json_array_append_new(values, json_sprintf("%ld", i));
    free(known);
    call_complete(call, values, strcmp(value, "7") == 0 ? 900 : 0);
}

static void complete_held(struct call *call, const char *argument, const char *value,
                          const json_t *chosen, void *user)
{
    hold(call);
}

static void get_nothing(struct call *call, const json_t *arguments, void *user)
{
    call_answer(call, parse("{'messages':[]}"));
}

static const struct server_prompt prompts[] = {
    {.name = "investigate_drop",
     .arguments = drop_arguments,
     .get = get_nothing,
     .complete = complete},
    {.name = "mixed", .get = get_nothing},
    {.name = "silent", .arguments = drop_arguments + 1, .get = get_nothing},
};

static const struct server_resource resources[] = {
    {.uri = "x://e/{source}/{event}", .name = "event", .read = read_text, .complete = complete},
    {.uri = "x://h/{held}", .name = "held", .read = read_text, .complete = complete_held},
    {.uri = "x://fixed", .name = "fixed", .read = read_text},
    {.uri = "x://silent/{a}", .name = "silent", .read = read_text},
};

static int setup_complete(void **state)
{
    *state = server_with(&options, resources, sizeof resources / sizeof resources[0], prompts,
                         sizeof prompts / sizeof prompts[0]);
    return 0;
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_complete, teardown)

static void test_capabilities(void **state)
{
    static const struct {
        const char *version, *capabilities;
    } rows[] = {
        {"2024-11-05", "'resources':{'listChanged':true,'subscribe':true},'prompts':{'listChanged':"
                       "true}},"}, /* completion, but no word for it */
        {"2025-03-26", "'prompts':{'listChanged':true},'completions':{}},"},
        {"2025-11-25", "'prompts':{'listChanged':true},'completions':{}},"},
    };
    struct wire wire;
    wire_open(&wire, *state);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char params[128];
        wire.revision = rows[i].version;
        snprintf(params, sizeof params, "'protocolVersion':'%s'", rows[i].version);
        wire_ask(&wire, "initialize", params);
        expect_part(&wire, 200, rows[i].capabilities);
    }
    wire.revision = V;
    wire_ask(&wire, "server/discover", META);
    expect_part(&wire, 200, "'prompts':{'listChanged':true},'completions':{}},");
    wire_close(&wire);
}

#define OF_PROMPT "'ref':{'type':'ref/prompt','name':'investigate_drop'}"
#define OF_EVENT  "'ref':{'type':'ref/resource','uri':'x://e/{source}/{event}'}"

static void test_complete(void **state)
{
    static const struct {
        const char *params, *result;
    } rows[] = {
        {OF_PROMPT ",'argument':{'name':'event','value':'1'}",
         "{'completion':{'values':['event=1 {}'],'hasMore':false}"},
        {OF_PROMPT ",'argument':{'name':'event','value':''}",
         "{'completion':{'values':['event= {}'],'hasMore':false}"},
        {OF_EVENT ",'argument':{'name':'event','value':'2'},'context':{'arguments':{'source':'d'}}",
         "{'completion':{'values':['event=2 {\\'source\\':\\'d\\'}','1'],'hasMore':false}"},
        {OF_EVENT ",'argument':{'name':'source','value':'1'},'context':{}",
         "{'completion':{'values':['source=1 {}'],'hasMore':false}"},
        {OF_EVENT ",'argument':{'name':'source','value':'7'}", "'total':900,'hasMore':true}"},
        {OF_EVENT ",'argument':{'name':'source','value':'101'}", "'98','99'],'hasMore':true}"},
        {OF_EVENT ",'argument':{'name':'source','value':'100'}", "'98','99'],'hasMore':false}"},
        {"'ref':{'type':'ref/prompt','name':'silent'},'argument':{'name':'event','value':'a'}",
         "{'completion':{'values':[],'hasMore':false}"},
        {"'ref':{'type':'ref/resource','uri':'x://silent/{a}'},'argument':{'name':'a','value':''}",
         "{'completion':{'values':[],'hasMore':false}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire wire;
        wire_open(&wire, *state);
        wire_ask(&wire, "completion/complete", rows[i].params);
        expect_part(&wire, 200, rows[i].result);
        wire_ask_modern(&wire, "completion/complete", rows[i].params);
        expect_part(&wire, 200, rows[i].result);
        wire_close(&wire);
    }
}

/* The first revisions have completion without a context. */
static void test_complete_old(void **state)
{
    static const char *const old[] = {"2024-11-05", "2025-03-26"};
    struct wire wire;
    wire_open(&wire, *state);
    for (size_t i = 0; i < 2; i++) {
        wire_greet(&wire, old[i], "{}");
        wire_ask(&wire, "completion/complete",
                 OF_EVENT
                 ",'argument':{'name':'event','value':'1'},'context':{'arguments':{'source':'d'}}");
        expect(&wire, 200,
               "{'jsonrpc':'2.0','id':1,'result':{'completion':{'values':['event=1 {}'],"
               "'hasMore':false}}}");
    }
    wire_close(&wire);
}

static void test_complete_refused(void **state)
{
    static const struct {
        const char *params, *part;
    } rows[] = {
        {"", "ref must be an object"},
        {"'ref':'x'", "ref must be an object"},
        {"'ref':{'type':'ref/tool','name':'x'}", "ref must be an object"},
        {"'ref':{'type':'ref/prompt'}", "name must be the name of a prompt"},
        {"'ref':{'type':'ref/prompt','name':'mixd'}", "Unknown prompt: mixd; did you mean mixed?"},
        {"'ref':{'type':'ref/prompt','name':'mixed\\u0000'},'argument':{'name':'x','value':''}",
         "name must be the name of a prompt"},
        {"'ref':{'type':'ref/resource'}", "ref.uri must be"},
        {"'ref':{'type':'ref/resource','uri':'x://\\u0000'}", "ref.uri must be"},
        {"'ref':{'type':'ref/resource','uri':'x://e/{source}'}",
         "Unknown resource template: x://e/{source}"},
        {OF_PROMPT, "argument must be an object"},
        {OF_PROMPT ",'argument':{'name':'event'}", "argument must be an object"},
        {OF_PROMPT ",'argument':{'name':'event','value':5}", "argument must be an object"},
        {OF_PROMPT ",'argument':{'name':'event','value':'a\\u0000'}", "argument must be an object"},
        {OF_PROMPT ",'argument':{'name':'evnt','value':''}",
         "unknown argument: evnt; did you mean event? (there are: source, event)"},
        {OF_EVENT ",'argument':{'name':'x','value':''}",
         "unknown argument: x (there are: source, event)"},
        {"'ref':{'type':'ref/resource','uri':'x://fixed'},'argument':{'name':'x','value':''}",
         "unknown argument: x (there is none)"},
        {OF_EVENT ",'argument':{'name':'event','value':''},'context':5", "context.arguments must"},
        {OF_EVENT ",'argument':{'name':'event','value':''},'context':{'arguments':[]}",
         "context.arguments must"},
        {OF_EVENT ",'argument':{'name':'event','value':''},'context':{'arguments':{'a':1}}",
         "context.arguments must"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        wire_refused(*state, "completion/complete", rows[i].params, rows[i].part);
}

static void test_complete_later(void **state)
{
    static const char params[] =
        "'ref':{'type':'ref/resource','uri':'x://h/{held}'},'argument':{'name':'held','value':''}";
    wire_cancelled(*state, "completion/complete", params);
    struct wire wire;
    wire_open(&wire, *state);
    wire_ask(&wire, "completion/complete", params);
    struct err err;
    err_set(&err, ERR_TIMEOUT, NULL, "it took too long");
    call_fail(held, &err);
    expect_part(&wire, 200, "'error':{'code':-32603,'message':'it took too long");
    wire_close(&wire);
}

int main(void)
{
    forget_emitted();
    const struct CMUnitTest tests[] = {
        TEST(test_capabilities),     TEST(test_complete),       TEST(test_complete_old),
        TEST(test_complete_refused), TEST(test_complete_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
