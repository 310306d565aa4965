/* Reading resources, in both eras. */
#include "server_harness.h"

/* ---- a server with resources ---- */

static void read_text(struct call *call, const char *uri, const json_t *variables, void *user)
{
    char *text = json_text(variables);
    call_answer(call, json_pack("{s:[{s:s, s:s, s:s, s:{s:s}}]}", "contents", "uri", uri,
                                "mimeType", "text/plain", "text", text, "_meta", "by", user));
    free(text);
}

static void read_missing(struct call *call, const char *uri, const json_t *variables, void *user)
{
    struct err err;
    err_set(&err, ERR_NOT_FOUND, NULL, "no session is named %s",
            json_get_string(variables, "id", ""));
    call_fail(call, &err);
}

static void read_failing(struct call *call, const char *uri, const json_t *variables, void *user)
{
    struct err err;
    err_set(&err, ERR_BUSY, NULL, "too many queries are running");
    call_fail(call, &err);
}

static void read_held(struct call *call, const char *uri, const json_t *variables, void *user)
{
    held = call;
    held_count++;
    call_on_cancel(call, on_cancel, call);
}

static void read_asking(struct call *call, const char *uri, const json_t *variables, void *user)
{
    const json_t *answer = call_response(call, "who");
    if (answer != NULL)
        call_answer(
            call, json_pack("{s:[{s:s, s:s}]}", "contents", "uri", uri, "text",
                            json_get_string(json_object_get(answer, "content"), "name", "nobody")));
    else
        call_ask(call,
                 parse("{'who':{'method':'elicitation/create','params':{'message':'Who?',"
                       "'requestedSchema':{'type':'object','properties':{'name':{'type':'string'}"
                       "}}}}}"),
                 NULL);
}

static const struct server_resource resources[] = {
    {.uri = "x://fixed",
     .name = "fixed",
     .title = "Fixed",
     .description = "Always the same.",
     .mime_type = "text/plain",
     .priority = 0.5,
     .read = read_text,
     .ttl_ms = 60000,
     .is_public = true,
     .user = "fixed"},
    {.uri = "x://t/{id}/data", .name = "data", .title = "Data", .read = read_text, .user = "one"},
    {.uri = "x://t/{id}/{part}", .name = "part", .read = read_text, .user = "two"},
    {.uri = "x://t/7/data", .name = "seven", .read = read_text, .user = "seven"},
    {.uri = "x://s/{id}", .name = "session", .read = read_missing},
    {.uri = "x://busy", .name = "busy", .read = read_failing},
    {.uri = "x://slow", .name = "slow", .read = read_held},
    {.uri = "x://asks", .name = "asks", .read = read_asking, .ttl_ms = 5000, .is_public = true},
};

static int setup_read(void **state)
{
    *state = server_with(&options, resources, sizeof resources / sizeof resources[0], NULL, 0);
    return 0;
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_read, teardown)

#define MARK                                                                                       \
    "'resultType':'complete','_meta':{'io.modelcontextprotocol/serverInfo':{'name':'test','title'" \
    ":'Test','version':'1.2.3','websiteUrl':'https://example.com/'}}"

static void test_read(void **state)
{
    static const struct {
        const char *uri, *contents, *hints;
    } rows[] = {
        {"x://fixed", "'text':'{}','_meta':{'by':'fixed'}}]",
         "'ttlMs':60000,'cacheScope':'public'"},
        {"x://t/8/data", "'text':'{\\'id\\':\\'8\\'}','_meta':{'by':'one'}}]",
         "'ttlMs':0,'cacheScope':'private'"},
        {"x://t/8/other",
         "'text':'{\\'id\\':\\'8\\',\\'part\\':\\'other\\'}','_meta':{'by':'two'}}]",
         "'ttlMs':0,'cacheScope':'private'"},
        {"x://t/a%20b/data", "'text':'{\\'id\\':\\'a b\\'}','_meta':{'by':'one'}}]",
         "'ttlMs':0,'cacheScope':'private'"},
        /* What is registered as such goes before what matches. */
        {"x://t/7/data", "'text':'{}','_meta':{'by':'seven'}}]",
         "'ttlMs':0,'cacheScope':'private'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire wire;
        char params[512], answer[1024];
        wire_open(&wire, *state);
        snprintf(params, sizeof params, "'uri':'%s'", rows[i].uri);
        snprintf(answer, sizeof answer,
                 "{'jsonrpc':'2.0','id':1,'result':{'contents':[{'uri':'%s','mimeType':"
                 "'text/plain',%s}}",
                 rows[i].uri, rows[i].contents);
        wire_ask(&wire, "resources/read", params);
        expect(&wire, 200, answer);
        wire_greet(&wire, "2024-11-05", "{}");
        wire_ask(&wire, "resources/read", params);
        assert_null(strstr(next(&wire, 200, true), "_meta")); /* came later */
        wire.revision = V;
        snprintf(params, sizeof params, "'uri':'%s'," META, rows[i].uri);
        snprintf(answer, sizeof answer,
                 "{'jsonrpc':'2.0','id':1,'result':{'contents':[{'uri':'%s','mimeType':"
                 "'text/plain',%s,%s," MARK "}}",
                 rows[i].uri, rows[i].contents, rows[i].hints);
        wire_ask(&wire, "resources/read", params);
        expect(&wire, 200, answer);
        wire_close(&wire);
    }
}

/* Names are often written into a URI as they are; what comes back is a URI all the same. */
static void test_read_unescaped(void **state)
{
    struct wire wire;
    wire_open(&wire, *state);
    wire_ask(&wire, "resources/read", "'uri':'x://t/große bäume/data'");
    expect_part(&wire, 200,
                "'uri':'x://t/gro%C3%9Fe%20b%C3%A4ume/data','mimeType':'text/plain',"
                "'text':'{\\'id\\':\\'große bäume\\'}'");
    wire_ask(&wire, "resources/read", "'uri':'x://t/{id}/data'");
    expect_part(&wire, 200, "'uri':'x://t/%7Bid%7D/data'");
    wire_ask(&wire, "resources/read", "'uri':'x://no ne'");
    expect_part(&wire, 200, "'code':-32002,'message':'Resource not found: x://no%20ne'");
    wire_close(&wire);
}

static void test_read_refused(void **state)
{
    static const struct {
        const char *params, *old, *modern;
    } rows[] = {
        {"'uri':'x://none'", "'error':{'code':-32002,'message':'Resource not found: x://none'",
         "'error':{'code':-32602,'message':'Resource not found: x://none'"},
        {"'uri':''", "-32002", "-32602"},
        {"'uri':'x://t/8'", "-32002", "-32602"},
        {"'uri':'x://t//data'", "-32002", "-32602"},
        {"'uri':'x://t/{id}/'", "-32002", "-32602"},
        {"'uri':'x://s/9'", "'code':-32002,'message':'no session is named 9'",
         "'code':-32602,'message':'no session is named 9'"},
        {"'uri':'x://none'", "'uri':'x://none'}", "'uri':'x://none'}"}, /* the data */
        {"'uri':'x://s/9'", "'uri':'x://s/9'}", "'uri':'x://s/9'}"},
        {"'uri':'x://busy'", "'code':-32603,'message':'too many",
         "'code':-32603,'message':'too many"},
        {"'uri':5", "-32602", "-32602"},
        {"'uri':null", "-32602", "-32602"},
        {"'x':1", "-32602", "-32602"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire wire;
        char params[512];
        wire_open(&wire, *state);
        wire_ask(&wire, "resources/read", rows[i].params);
        expect_part(&wire, 200, rows[i].old);
        wire.revision = V;
        snprintf(params, sizeof params, "%s," META, rows[i].params);
        wire_ask(&wire, "resources/read", params);
        expect_part(&wire, 200, rows[i].modern);
        wire_close(&wire);
    }
    struct wire wire;
    wire_open(&wire, *state);
    static const char head[] =
        "{'jsonrpc':'2.0','id':1,'method':'resources/read','params':{'uri':'x://";
    char text[8192];
    snprintf(text, sizeof text, "%s%08000d'}}", head, 0);
    say(&wire, text);
    expect_part(&wire, 200, "'code':-32602,'message':'Invalid params: uri must be");
    wire_close(&wire);
}

static void test_read_cancelled(void **state)
{
    struct wire wire;
    wire_open(&wire, *state);
    wire_ask(&wire, "resources/read", "'uri':'x://slow'");
    expect_silence(&wire);
    say(&wire, "{'jsonrpc':'2.0','method':'notifications/cancelled','params':{'requestId':1}}");
    assert_int_equal(cancel_count, 1);
    assert_null(next(&wire, 202, true));
    wire_close(&wire);
}

/* A read that asks: what the answers led to is nobody else's. */
static void test_read_asks(void **state)
{
    struct wire wire;
    wire_open(&wire, *state);
    wire.revision = V;
#define CAN_ASK "'_meta':{" VERSION "'" V "'," CAPS "{'elicitation':{}}}"
    wire_ask(&wire, "resources/read", "'uri':'x://asks'," CAN_ASK);
    const char *question = next(&wire, 200, true);
    assert_non_null(strstr(question, "'resultType':'input_required'"));
    assert_null(strstr(question, "ttlMs"));
    assert_null(strstr(question, "cacheScope"));
    char params[2048], state_text[1024] = "";
    const char *at = strstr(question, "'requestState':'");
    if (at != NULL) {
        at += strlen("'requestState':'");
        snprintf(state_text, sizeof state_text, "'requestState':'%.*s',", (int)strcspn(at, "'"),
                 at);
    }
    snprintf(params, sizeof params,
             "'uri':'x://asks',%s'inputResponses':{'who':{'action':'accept','content':{'name':"
             "'Ann'}}}," CAN_ASK,
             state_text);
    wire_ask(&wire, "resources/read", params);
    expect_part(&wire, 200,
                "'text':'Ann'}],'ttlMs':0,'cacheScope':'private','resultType':'complete'");
    wire_close(&wire);
}

int main(void)
{
    forget_emitted();
    const struct CMUnitTest tests[] = {
        TEST(test_read),           TEST(test_read_unescaped), TEST(test_read_refused),
        TEST(test_read_cancelled), TEST(test_read_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
