/* Prompts as a client sees them, in both eras. */
#include "server_harness.h"

/* ---- a server with prompts ---- */

static void get_echo(struct call *call, const json_t *arguments, void *user)
{
    char *text = json_text(arguments);
    call_answer(call, json_pack("{s:s, s:[{s:s, s:{s:s, s:s}}]}", "description", user, "messages",
                                "role", "user", "content", "type", "text", "text", text));
    free(text);
}

static void get_mixed(struct call *call, const json_t *arguments, void *user)
{
    call_answer(
        call,
        parse("{'messages':["
              "{'role':'user','content':{'type':'audio','data':'AA==','mimeType':'audio/wav'}},"
              "{'role':'assistant','content':{'type':'resource_link','name':'n','uri':'x://y'}},"
              "{'role':'user','content':{'type':'text','text':'t'}}]}"));
}

static void get_asking(struct call *call, const json_t *arguments, void *user)
{
    const char *name = take_name(call);
    if (name != NULL)
        call_answer(call, json_pack("{s:[{s:s, s:{s:s, s:s}}]}", "messages", "role", "user",
                                    "content", "type", "text", "text", name));
}

static void get_failing(struct call *call, const json_t *arguments, void *user)
{
    struct err err;
    err_set(&err, ERR_NOT_FOUND, "event", "no event is named x");
    call_fail(call, &err);
}

static const struct server_prompt prompts[] = {
    {.name = "investigate_drop",
     .title = "Investigate a drop",
     .description = "Finds why fewer do it.",
     .arguments = drop_arguments,
     .get = get_echo,
     .user = "described"},
    {.name = "mixed", .get = get_mixed},
    {.name = "asking", .get = get_asking},
    {.name = "failing", .arguments = drop_arguments + 1, .get = get_failing},
};

static int setup_prompts(void **state)
{
    *state = server_with(&options, NULL, 0, prompts, sizeof prompts / sizeof prompts[0]);
    return 0;
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_prompts, teardown)

/* ---- prompts ---- */

static void test_registration(void **state)
{
    static const struct server_prompt bad[] = {
        {.name = "mixed", .get = get_echo},
        {.name = "n"},
        {.get = get_echo},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = {0};
        assert_int_equal(server_add_prompt(*state, &bad[i], &err), -ERR_INTERNAL);
        assert_true(err.text[0] != '\0');
    }
}

#define DROP(title, source)                                                                        \
    "{'name':'investigate_drop'," title "'description':'Finds why fewer do it.','arguments':["     \
    "{'name':'source'," source "'description':'Which data.','required':true},{'name':'event',"     \
    "'description':'Which event.','required':false}]},{'name':'mixed'},{'name':'asking'},"         \
    "{'name':'failing','arguments':[{'name':'event','description':'Which event.','required':"      \
    "false}]}"

static void test_list(void **state)
{
    static const char *const legacy[] = {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"};
    struct wire wire;
    wire_open(&wire, *state);
    for (size_t i = 0; i < 4; i++) {
        wire_greet(&wire, legacy[i], "{}");
        wire_ask(&wire, "prompts/list", "");
        expect(&wire, 200,
               i < 2 ? "{'jsonrpc':'2.0','id':1,'result':{'prompts':[" DROP("", "") "]}}"
                     : "{'jsonrpc':'2.0','id':1,'result':{'prompts':[" DROP(
                           "'title':'Investigate a drop',", "'title':'Source',") "]}}");
    }
    wire.revision = V;
    wire_ask(&wire, "prompts/list", META);
    expect(&wire, 200,
           "{'jsonrpc':'2.0','id':1,'result':{'prompts':[" DROP(
               "'title':'Investigate a drop',",
               "'title':'Source',") "],'ttlMs':300000,'cacheScope':'public'," MARK "}}");
    wire_ask(&wire, "prompts/list", "'cursor':''," META);
    expect_part(&wire, 200, "'prompts':[{'name':'investigate_drop'");
    wire_ask(&wire, "prompts/list", "'cursor':'x'," META);
    expect_part(&wire, 200, "-32602");
    wire_close(&wire);
}

static void test_get(void **state)
{
    struct wire wire;
    wire_open(&wire, *state);
    wire_ask(&wire, "prompts/get", "'name':'investigate_drop','arguments':{'source':'demo'}");
    expect(&wire, 200,
           "{'jsonrpc':'2.0','id':1,'result':{'description':'described','messages':[{'role':'user',"
           "'content':{'type':'text','text':'{\\'source\\':\\'demo\\'}'}}]}}");
    wire_ask(&wire, "prompts/get", "'name':'mixed'");
    expect_part(&wire, 200, "'type':'audio'");
    wire_ask(&wire, "prompts/get", "'name':'mixed','arguments':null");
    expect_part(&wire, 200, "'type':'resource_link'");
    wire.revision = V;
    wire_ask(&wire, "prompts/get",
             "'name':'investigate_drop','arguments':{'source':'demo','event':''}," META);
    expect(&wire, 200,
           "{'jsonrpc':'2.0','id':1,'result':{'description':'described','messages':[{'role':'user',"
           "'content':{'type':'text','text':'{\\'source\\':\\'demo\\',\\'event\\':\\'\\'}'}}]," MARK
           "}}");
    wire_close(&wire);
}

/* Content that a revision does not know is told in words. */
static void test_old_content(void **state)
{
    struct wire wire;
    wire_open(&wire, *state);
    wire_greet(&wire, "2024-11-05", "{}");
    wire_ask(&wire, "prompts/get", "'name':'mixed'");
    expect(&wire, 200,
           "{'jsonrpc':'2.0','id':1,'result':{'messages':[{'role':'user','content':{'type':'text',"
           "'text':'(audio, which this client cannot receive)'}},{'role':'assistant','content':"
           "{'type':'text','text':'n: x://y'}},{'role':'user','content':{'type':'text','text':'t'}}"
           "]}}");
    wire_greet(&wire, "2025-03-26", "{}");
    wire_ask(&wire, "prompts/get", "'name':'mixed'");
    expect_part(&wire, 200, "'type':'audio','data':'AA=='");
    wire_close(&wire);
}

static void test_get_refused(void **state)
{
    static const struct {
        const char *params, *part;
    } rows[] = {
        {"", "name must be the name of a prompt"},
        {"'name':5", "name must be the name of a prompt"},
        {"'name':'investigate_drops'",
         "Unknown prompt: investigate_drops; did you mean investigate_drop? (there are: "
         "investigate_drop, mixed, asking, failing)"},
        {"'name':''", "Unknown prompt:  (there are: investigate_drop,"},
        {"'name':'investigate_drop'", "arguments.source is missing: Which data."},
        {"'name':'investigate_drop','arguments':{}", "arguments.source is missing: Which data."},
        {"'name':'investigate_drop','arguments':{'source':'a','evnt':'b'}",
         "unknown argument: evnt; did you mean event? (there are: source, event)"},
        {"'name':'mixed','arguments':{'a':'b'}", "unknown argument: a (there is none)"},
        {"'name':'investigate_drop','arguments':{'source':5}", "arguments.source must be a string"},
        {"'name':'investigate_drop','arguments':{'source':null}",
         "arguments.source must be a string"},
        {"'name':'investigate_drop','arguments':{'source':'a\\u0000b'}",
         "arguments.source must be a string"},
        {"'name':'investigate_drop','arguments':[]", "arguments must be an object of strings"},
        {"'name':'investigate_drop','arguments':'a'", "arguments must be an object of strings"},
        {"'name':'failing'", "'message':'event: no event is named x'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        wire_refused(*state, "prompts/get", rows[i].params, rows[i].part);
}

static void test_get_asks(void **state)
{
    wire_asked(*state, "prompts/get", "'name':'asking'", "'text':'Ann'}}],'resultType':'complete'");
}

int main(void)
{
    forget_emitted();
    const struct CMUnitTest tests[] = {
        TEST(test_registration), TEST(test_list),        TEST(test_get),
        TEST(test_old_content),  TEST(test_get_refused), TEST(test_get_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
