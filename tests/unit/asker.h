#pragma once
/* What the tests of asking share: a server with a tool, a prompt and a resource that ask. */
#include "server_harness.h"

/* ---- a tool that asks what its arguments say ---- */

#define NAME_FORM                                                                                  \
    "{'method':'elicitation/create','params':{'mode':'form','message':'Who?','requestedSchema':"   \
    "{'type':'object','properties':{'name':{'type':'string'}}}}}"
#define LINK                                                                                       \
    "{'method':'elicitation/create','params':{'mode':'url','message':'Sign in','url':"             \
    "'https://example.com/x'}}"
#define SAMPLE                                                                                     \
    "{'method':'sampling/createMessage','params':{'messages':[{'role':'user','content':"           \
    "{'type':'text','text':'hi'}}],'maxTokens':100}}"
#define SAMPLE_TOOLS                                                                               \
    "{'method':'sampling/createMessage','params':{'messages':[{'role':'user','content':"           \
    "{'type':'text','text':'hi'}}],'maxTokens':100,'tools':[]}}"
#define ROOTS     "{'method':'roots/list'}"
#define ASK_NAME  "'ask':{'name':" NAME_FORM "}"
#define FORMS     "{'elicitation':{}}"
#define ACCEPT(x) "{'action':'accept','content':{'name':'" x "'}}"

static int started;

/* Asks `rounds` times (1), then finishes with what it was told. With `plain` it sends no state. */
static void start_asker(struct call *call, const json_t *arguments, void *user)
{
    json_t *ask = json_incref(json_object_get(arguments, "ask"));
    if (ask == NULL)
        ask = parse("{'name':" NAME_FORM "}");
    json_t *answers = json_object();
    const char *key;
    json_t *request;
    started++;
    json_object_foreach (ask, key, request) {
        const json_t *answer = call_response(call, key);
        if (answer != NULL)
            json_object_set(answers, key, (json_t *)answer);
    }
    assert_null(call_response(call, "never asked"));
    json_int_t round = json_get_integer(call_state(call), "round", 0);
    if (json_object_size(answers) > 0)
        round++;
    if (round >= json_get_integer(arguments, "rounds", 1)) {
        call_finish(call, json_array(), json_pack("{s:I, s:o}", "round", round, "told", answers));
        json_decref(ask);
        return;
    }
    json_decref(answers);
    bool is_plain = json_get_bool(arguments, "plain", false);
    call_ask(call, ask, is_plain ? NULL : json_pack("{s:I}", "round", round));
}

static void get_prompt(struct call *call, const json_t *arguments, void *user)
{
    const json_t *answer = call_response(call, "name");
    if (answer == NULL)
        call_ask(call, parse("{'name':" NAME_FORM "}"), NULL);
    else
        call_answer(call, parse("{'messages':[{'role':'user','content':{'type':'text','text':"
                                "'told'}}]}"));
}

static void read_resource(struct call *call, const char *uri, const json_t *variables, void *user)
{
    if (call_response(call, "name") == NULL)
        call_ask(call, parse("{'name':" NAME_FORM "}"), NULL);
    else
        call_answer(call, parse("{'contents':[{'uri':'x://y','text':'told'}]}"));
}

static struct server *new_server(const char *state_key)
{
    static const struct server_prompt prompt = {
        .name = "asker",
        .description = "Asks.",
        .get = get_prompt,
    };
    static const struct server_resource resource = {
        .uri = "x://y",
        .name = "y",
        .description = "Asks.",
        .mime_type = "text/plain",
        .read = read_resource,
        .ttl_ms = 60000,
        .is_public = true,
    };
    struct server_options own = options;
    own.state_key = state_key;
    own.state_key_len = state_key != NULL ? strlen(state_key) : 0;
    struct server *server = server_new(&own);
    struct server_tool tool = {
        .name = "asker",
        .description = "Asks what it is told to.",
        .input_schema = parse("{'type':'object'}"),
        .start = start_asker,
    };
    assert_int_equal(server_add_tool(server, &tool, NULL), 0);
    tool.name = "fake";
    tool.input_schema = parse("{'type':'object'}");
    tool.start = start_fake;
    assert_int_equal(server_add_tool(server, &tool, NULL), 0);
    assert_int_equal(server_add_prompt(server, &prompt, NULL), 0);
    assert_int_equal(server_add_resource(server, &resource, NULL), 0);
    return server;
}

static int set_up(void **state)
{
    begin_anew();
    *state = new_server(NULL);
    started = 0;
    return 0;
}

static size_t answers(const struct wire *wire, size_t from)
{
    size_t n = 0;
    for (size_t i = from; i < wire->count; i++)
        n += wire->is_last[i];
    return n;
}

#define ASK_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, teardown)
