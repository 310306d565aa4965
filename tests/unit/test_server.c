/* The server as a transport sees it: what each message is answered, in both eras. */
#include "server_harness.h"

/* ---- legacy ---- */

/* tools/list with the members that came later. */
#define TOOLS(title, output, fake_hints, sampler_hints)                                            \
    "[{'name':'fake'," title "'description':'Does what it is told.','inputSchema':"                \
    "{'type':'object','properties':{'do':{'type':'string'}}}" output fake_hints "},"               \
    "{'name':'sampler','description':'Needs sampling with tools.','inputSchema':"                  \
    "{'type':'object'}" sampler_hints "}]"
#define HINTS(read_only) ",'annotations':{'readOnlyHint':" read_only ",'openWorldHint':false}"
#define TOOLS_2024_11    TOOLS("", "", "", "")
#define TOOLS_2025_03    TOOLS("", "", HINTS("true"), HINTS("false"))
#define TOOLS_2025_06                                                                              \
    TOOLS("'title':'Fake',", ",'outputSchema':{'type':'object'}", HINTS("true"), HINTS("false"))

static void test_initialize(void **state)
{
    static const struct {
        const char *asked, *agreed, *info, *tools;
    } rows[] = {
        {"2024-11-05", "2024-11-05", "{'name':'test','version':'1.2.3'}", TOOLS_2024_11},
        {"2025-03-26", "2025-03-26", "{'name':'test','version':'1.2.3'}", TOOLS_2025_03},
        {"2025-06-18", "2025-06-18", "{'name':'test','title':'Test','version':'1.2.3'}",
         TOOLS_2025_06},
        {"2025-11-25", "2025-11-25",
         "{'name':'test','title':'Test','version':'1.2.3','websiteUrl':'https://example.com/'}",
         TOOLS_2025_06},
        {V, "2025-11-25",
         "{'name':'test','title':'Test','version':'1.2.3','websiteUrl':'https://example.com/'}",
         TOOLS_2025_06},
        {"1999-01-01", "2025-11-25",
         "{'name':'test','title':'Test','version':'1.2.3','websiteUrl':'https://example.com/'}",
         TOOLS_2025_06},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire wire;
        wire_open(&wire, *state);
        wire.revision = rows[i].agreed;
        char request[512], answer[1024];
        snprintf(request, sizeof request,
                 "{'jsonrpc':'2.0','id':0,'method':'initialize','params':{'protocolVersion':'%s',"
                 "'capabilities':{},'clientInfo':{'name':'c','version':'1'}}}",
                 rows[i].asked);
        snprintf(answer, sizeof answer,
                 "{'jsonrpc':'2.0','id':0,'result':{'protocolVersion':'%s','capabilities':{'tools'"
                 ":{'listChanged':true}},'serverInfo':%s,'instructions':'Begin with fake.'}}",
                 rows[i].agreed, rows[i].info);
        assert_int_equal(say(&wire, request), RECEIVE_ANSWERING);
        expect(&wire, 200, answer);
        assert_int_equal(say(&wire, "{'jsonrpc':'2.0','method':'notifications/initialized'}"),
                         RECEIVE_ACCEPTED);
        say(&wire, "{'jsonrpc':'2.0','id':'p','method':'ping'}");
        expect(&wire, 200, "{'jsonrpc':'2.0','id':'p','result':{}}");
        say(&wire, "{'jsonrpc':'2.0','id':1,'method':'tools/list'}");
        snprintf(answer, sizeof answer, "{'jsonrpc':'2.0','id':1,'result':{'tools':%s}}",
                 rows[i].tools);
        expect(&wire, 200, answer);
        say(&wire, "{'jsonrpc':'2.0','id':2,'method':'tools/call','params':{'name':'fake',"
                   "'arguments':{'x':'1'}}}");
        expect(&wire, 200,
               "{'jsonrpc':'2.0','id':2,'result':{'content':[{'type':'text',"
               "'text':'{\\'x\\':\\'1\\'}'}],'structuredContent':{'x':'1'}}}");
        wire_close(&wire);
    }
}

static void test_legacy_errors(void **state)
{
    static const struct {
        const char *request;
        int status;
        const char *part;
    } rows[] = {
        {"{'jsonrpc':'2.0','id':1,'method':'initialize'}", 200, "'id':1,'error':{'code':-32602"},
        {"{'jsonrpc':'2.0','id':1,'method':'initialize','params':{'protocolVersion':1}}", 200,
         "-32602"},
        {"{'jsonrpc':'2.0','id':'a','method':'no/such'}", 200, "'id':'a','error':{'code':-32601"},
        {"{'jsonrpc':'2.0','id':1,'method':'server/discover'}", 200, "-32601"},
        {"{'jsonrpc':'2.0','id':1,'method':'resources/list'}", 200, "-32601"},
        {"{'jsonrpc':'2.0','id':1,'method':'logging/setLevel','params':{'level':'info'}}", 200,
         "-32601"},
        {"{'jsonrpc':'2.0','id':1,'method':'tools/list','params':{'cursor':'x'}}", 200, "-32602"},
        {"{'jsonrpc':'2.0','id':1,'method':'tools/list','params':{'cursor':5}}", 200, "-32602"},
        {"{'jsonrpc':'2.0','id':1,'method':'tools/call'}", 200, "-32602"},
        {"{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':7}}", 200, "-32602"},
        {"{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'no_such'}}", 200,
         "'code':-32602,'message':'Unknown tool: no_such (there are: fake, sampler)'"},
        {"{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'fake','arguments':[]}}",
         200, "-32602"},
        {"{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'sampler'}}", 200,
         "-32602"},
        {"{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'sampl'}}", 200,
         "'code':-32602,'message':'Unknown tool: sampl; did you mean sampler?"},
        {"{'jsonrpc':'2.0','id':1,'method':'initialize','params':{'protocolVersion':5}}", 200,
         "'code':-32602,'message':'Invalid params: protocolVersion must be a string'"},
        {"{'jsonrpc':'2.0','id':1,'method':'initialize','params':{'protocolVersion':'2025-11-25',"
         "'capabilities':[]}}",
         200, "'code':-32602,'message':'Invalid params: capabilities must be an object'"},
        /* A number that no 64 bits hold is answered under the id of its request. */
        {"{'jsonrpc':'2.0','id':1,'method':'tools/list','params':{'cursor':18446744073709551615}}",
         200, "'id':1,'error':{'code':-32602"},
        {"{'a':1}", 400, "'id':null,'error':{'code':-32600"},
        {"5", 400, "'id':null,'error':{'code':-32600"},
        {"[]", 400, "'id':null,'error':{'code':-32600"},
        {"{'jsonrpc':'2.0','id':null,'method':'ping'}", 400, "'id':null,'error':{'code':-32600"},
        {"{'jsonrpc':'2.0','id':8,'method':'ping','params':[]}", 400,
         "'id':8,'error':{'code':-32600"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire wire;
        wire_open(&wire, *state);
        assert_int_equal(say(&wire, rows[i].request), RECEIVE_ANSWERING);
        expect_part(&wire, rows[i].status, rows[i].part);
        wire_close(&wire);
    }
}

static void test_tool_results(void **state)
{
    static const struct {
        const char *revision, *what, *result;
    } rows[] = {
        {"2025-11-25", "content",
         "{'content':[{'type':'text','text':'a'},{'type':'resource_link','name':'n',"
         "'uri':'x://y'},{'type':'audio','data':'AA==','mimeType':'audio/wav'}],"
         "'structuredContent':{'a':1}}"},
        {"2025-03-26", "content",
         "{'content':[{'type':'text','text':'a'},{'type':'text','text':'n: x://y'},"
         "{'type':'audio','data':'AA==','mimeType':'audio/wav'}],'structuredContent':{'a':1}}"},
        {"2024-11-05", "content",
         "{'content':[{'type':'text','text':'a'},{'type':'text','text':'n: x://y'},"
         "{'type':'text','text':'(audio, which this client cannot receive)'}],"
         "'structuredContent':{'a':1}}"},
        {"2025-11-25", "list", "{'content':[]}"},
        {"2025-11-25", "nothing", "{'content':[]}"},
        {"2025-11-25", "fail",
         "{'content':[{'type':'text','text':'steps[2].event: no event is named \\'caf\xef\xbf\xbd"
         "'}],'isError':true,'_meta':{'error':{'code':'bad_argument','field':'steps[2].event',"
         "'retryable':false}}}"},
        {"2025-11-25", "busy",
         "{'content':[{'type':'text','text':'too many queries are running (a later try may "
         "succeed)'}],'isError':true,'_meta':{'error':{'code':'busy','retryable':true}}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire wire;
        wire_open(&wire, *state);
        wire.revision = rows[i].revision;
        char text[1024];
        snprintf(text, sizeof text,
                 "{'jsonrpc':'2.0','id':0,'method':'initialize','params':"
                 "{'protocolVersion':'%s'}}",
                 rows[i].revision);
        say(&wire, text);
        next(&wire, 200, true);
        snprintf(text, sizeof text,
                 "{'jsonrpc':'2.0','id':'r','method':'tools/call','params':{'name':'fake',"
                 "'arguments':{'do':'%s'}}}",
                 rows[i].what);
        say(&wire, text);
        snprintf(text, sizeof text, "{'jsonrpc':'2.0','id':'r','result':%s}", rows[i].result);
        expect(&wire, 200, text);
        wire_close(&wire);
    }
}

static void test_without_arguments(void **state)
{
    struct wire wire;
    wire_open(&wire, *state);
    say(&wire, "{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'fake'}}");
    expect_part(&wire, 200, "'structuredContent':{}");
    say(&wire, "{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'fake',"
               "'arguments':null}}");
    expect_part(&wire, 200, "'structuredContent':{}");
    wire_close(&wire);
}

/* Ids come back as they were: type, digits and all. */
static void test_ids(void **state)
{
    static const char *const ids[] = {"0",
                                      "-1",
                                      "9223372036854775807",
                                      "-9223372036854775808",
                                      "'0'",
                                      "'\xc3\xa9 \xf0\x9f\x98\x80'",
                                      "''"};
    struct wire wire;
    wire_open(&wire, *state);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char request[256], answer[256];
        snprintf(request, sizeof request, "{'jsonrpc':'2.0','id':%s,'method':'ping'}", ids[i]);
        snprintf(answer, sizeof answer, "{'jsonrpc':'2.0','id':%s,'result':{}}", ids[i]);
        say(&wire, request);
        expect(&wire, 200, answer);
    }
    wire_close(&wire);
}

static void test_garbage(void **state)
{
    struct wire wire;
    wire_open(&wire, *state);
    struct err err;
    json_parse("{", 1, &err);
    server_receive_garbage(*state, &wire.channel, NULL, &err);
    expect_part(&wire, 400, "'id':null,'error':{'code':-32700,'message':'Parse error");
    const struct message_headers old = {.protocol_version = "2025-06-18"};
    server_receive_garbage(*state, &wire.channel, &old, &err);
    expect_part(&wire, 400, "'id':null,'error':{'code':-32700,'message':'Parse error");
    /* The new revision has no null for an id. */
    const struct message_headers modern = {.protocol_version = V};
    wire.revision = V;
    server_receive_garbage(*state, &wire.channel, &modern, &err);
    expect_part(&wire, 400, "{'jsonrpc':'2.0','error':{'code':-32700,'message':'Parse error");
    wire_close(&wire);
}

/* Nothing that a client tells without asking is ever answered. */
static void test_notifications(void **state)
{
    static const char *const rows[] = {
        "{'jsonrpc':'2.0','method':'notifications/initialized'}",
        "{'jsonrpc':'2.0','method':'notifications/no_such','params':{}}",
        "{'jsonrpc':'2.0','method':'tools/call','params':{'name':'fake'}}",
        "{'jsonrpc':'2.0','method':'notifications/cancelled','params':{'requestId':77}}",
        "{'jsonrpc':'2.0','method':'notifications/cancelled'}",
        "{'jsonrpc':'2.0','method':'notifications/cancelled','params':{'requestId':[]}}",
        "{'jsonrpc':'2.0','method':'x','params':{'_meta':{'progressToken':[]}}}",
        "{'jsonrpc':'2.0','id':5,'result':{}}",
        "{'jsonrpc':'2.0','id':null,'error':{'code':-32700,'message':'x'}}",
        "[{'jsonrpc':'2.0','method':'notifications/initialized'}]",
    };
    struct wire wire;
    wire_open(&wire, *state);
    wire_greet(&wire, "2025-03-26", "{}");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(say(&wire, rows[i]), RECEIVE_ACCEPTED);
        expect_silence(&wire);
    }
    /* Without headers there is nothing that an error could be the answer to. */
    say(&wire, "{'jsonrpc':'2.0','method':'x','params':{'_meta':{" VERSION "'v999'}}}");
    expect_silence(&wire);
    assert_int_equal(held_count, 0);
    wire_close(&wire);
}

/* ---- modern ---- */

static void test_modern(void **state)
{
    static const struct {
        const char *method, *params, *result;
    } rows[] = {
        {"server/discover", META,
         "{'supportedVersions':['" V
         "'],'capabilities':{'tools':{'listChanged':true}},'serverInfo':" INFO
         ",'instructions':'Begin with fake.','ttlMs':3600000,'cacheScope':'public'," MARK "}"},
        {"tools/list", META,
         "{'tools':" TOOLS_2025_06 ",'ttlMs':300000,'cacheScope':'public'," MARK "}"},
        {"tools/list", "'cursor':''," META,
         "{'tools':" TOOLS_2025_06 ",'ttlMs':300000,'cacheScope':'public'," MARK "}"},
        {"tools/call", "'name':'fake','arguments':{'x':1}," META,
         "{'content':[{'type':'text','text':'{\\'x\\':1}'}],'structuredContent':{'x':1}," MARK "}"},
        {"tools/call", "'name':'fake','arguments':{'do':'list'}," META,
         "{'content':[],'structuredContent':[1,2]," MARK "}"},
        {"tools/call", "'name':'fake','arguments':{'do':'busy'}," META,
         "{'content':[{'type':'text','text':'too many queries are running (a later try may "
         "succeed)'}],'isError':true,'_meta':{'error':{'code':'busy','retryable':true},"
         "'io.modelcontextprotocol/serverInfo':" INFO "},'resultType':'complete'}"},
        {"tools/call",
         "'name':'sampler','_meta':{'io.modelcontextprotocol/protocolVersion':'" V "'," CAPS
         "{'sampling':{'context':{},'tools':{}}}}",
         "{'content':[{'type':'text','text':'{}'}],'structuredContent':{}," MARK "}"},
    };
    struct wire wire;
    wire_open_modern(&wire, *state);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char request[512], answer[2048];
        snprintf(request, sizeof request, "{'jsonrpc':'2.0','id':4,'method':'%s','params':{%s}}",
                 rows[i].method, rows[i].params);
        snprintf(answer, sizeof answer, "{'jsonrpc':'2.0','id':4,'result':%s}", rows[i].result);
        say(&wire, request);
        expect(&wire, 200, answer);
    }
    wire_close(&wire);
}

/* Over HTTP, with the headers as they should be: what the rest of the ladder answers. */
static void test_modern_errors(void **state)
{
    static const struct {
        const char *method, *name, *params;
        int status;
        const char *part;
    } rows[] = {
        {"initialize", NULL, META, 404, "-32601"},
        {"ping", NULL, META, 404, "-32601"},
        {"logging/setLevel", NULL, META, 404, "-32601"},
        {"resources/subscribe", NULL, META, 404, "-32601"},
        {"resources/unsubscribe", NULL, META, 404, "-32601"},
        {"unknown/method", NULL, META, 404, "'id':'e','error':{'code':-32601"},
        {"prompts/list", NULL, META, 404, "-32601"},
        {"tools/list", NULL, "", 400, "'id':'e','error':{'code':-32602"},
        {"tools/list", NULL, "'cursor':'next'," META, 200, "-32602"},
        {"tools/call", NULL, META, 200, "-32602"},
        {"tools/call", "x", "'name':'x'," META, 200, "Unknown tool: x"},
        {"tools/call", "fake", "'name':'fake','arguments':7," META, 200, "-32602"},
        {"tools/call", "other", "'name':'fake'," META, 400, "-32020"},
        {"tools/call", "sampler", "'name':'sampler'," META, 400,
         "'code':-32021,'message':'Missing client capability: sampler needs one that the client "
         "did not declare','data':{'requiredCapabilities':{'sampling':{'tools':{}}}}"},
        {"tools/call", "sampler",
         "'name':'sampler','_meta':{'io.modelcontextprotocol/protocolVersion':'" V "'," CAPS
         "{'sampling':{}}}",
         400, "-32021"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct message_headers headers = {
            .protocol_version = V,
            .method = rows[i].method,
            .name = rows[i].name,
            .accepts_json = true,
            .accepts_stream = true,
        };
        struct wire wire;
        wire_open_modern(&wire, *state);
        wire.headers = &headers;
        char request[512];
        snprintf(request, sizeof request, "{'jsonrpc':'2.0','id':'e','method':'%s','params':{%s}}",
                 rows[i].method, rows[i].params);
        assert_int_equal(say(&wire, request), RECEIVE_ANSWERING);
        expect_part(&wire, rows[i].status, rows[i].part);
        wire_close(&wire);
    }
}

static void test_unsupported_version(void **state)
{
    struct wire wire;
    wire_open_modern(&wire, *state);
    say(&wire, "{'jsonrpc':'2.0','id':1,'method':'tools/list','params':{'_meta':"
               "{'io.modelcontextprotocol/protocolVersion':'v999.0.0'," CAPS "{}}}}");
    expect(&wire, 400,
           "{'jsonrpc':'2.0','id':1,'error':{'code':-32022,'message':'Unsupported protocol "
           "version: v999.0.0','data':{'supported':['" V "'],'requested':'v999.0.0'}}}");
    wire_close(&wire);
}

/* A modern error without an id to echo leaves the member out. */
static void test_modern_without_id(void **state)
{
    struct message_headers headers = {.protocol_version = V, .accepts_stream = true};
    struct wire wire;
    wire_open(&wire, *state);
    wire.headers = &headers;
    wire.revision = V;
    say(&wire, "{'a':1}");
    expect_part(&wire, 400, "{'jsonrpc':'2.0','error':{'code':-32600");
    say(&wire, "[{'jsonrpc':'2.0','id':1,'method':'ping'}]");
    expect_part(&wire, 400, "{'jsonrpc':'2.0','error':{'code':-32600");
    headers.protocol_version = "v9";
    assert_int_equal(say(&wire, "{'jsonrpc':'2.0','method':'notifications/x'}"), RECEIVE_ANSWERING);
    expect_part(&wire, 400, "{'jsonrpc':'2.0','error':{'code':-32022");
    wire_close(&wire);
}

/* Both eras on one connection, message by message. */
static void test_mixed(void **state)
{
    struct wire wire;
    wire_open(&wire, *state);
    say(&wire, "{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'fake'}}");
    expect(&wire, 200,
           "{'jsonrpc':'2.0','id':1,'result':{'content':[{'type':'text','text':'{}'}],"
           "'structuredContent':{}}}");
    wire.revision = V;
    say(&wire, "{'jsonrpc':'2.0','id':2,'method':'server/discover','params':{" META "}}");
    expect_part(&wire, 200, "'supportedVersions'");
    wire.revision = "2025-06-18";
    say(&wire, "{'jsonrpc':'2.0','id':3,'method':'initialize','params':{'protocolVersion':"
               "'2025-06-18','capabilities':{'sampling':{'tools':{}}}}}");
    expect_part(&wire, 200, "'protocolVersion':'2025-06-18'");
    say(&wire, "{'jsonrpc':'2.0','id':4,'method':'tools/call','params':{'name':'sampler'}}");
    expect_part(&wire, 200, "'structuredContent':{}"); /* what initialize declared counts */
    wire.revision = V;
    say(&wire,
        "{'jsonrpc':'2.0','id':5,'method':'tools/call','params':{'name':'sampler'," META "}}");
    expect_part(&wire, 400, "-32021"); /* and here only what this request declares */
    wire_close(&wire);
}

/* A server without tools declares none and knows no method about them. */
static void test_no_tools(void **state)
{
    struct server *bare = server_new(&(struct server_options){.name = "bare", .version = "0"});
    struct wire wire;
    wire_open(&wire, bare);
    say(&wire, "{'jsonrpc':'2.0','id':1,'method':'initialize','params':{'protocolVersion':"
               "'2025-11-25'}}");
    expect(&wire, 200,
           "{'jsonrpc':'2.0','id':1,'result':{'protocolVersion':'2025-11-25','capabilities':{},"
           "'serverInfo':{'name':'bare','version':'0'}}}");
    say(&wire, "{'jsonrpc':'2.0','id':2,'method':'tools/list'}");
    expect_part(&wire, 200, "-32601");
    wire.revision = V;
    say(&wire, "{'jsonrpc':'2.0','id':3,'method':'tools/call','params':{'name':'x'," META "}}");
    expect_part(&wire, 404, "-32601");
    wire_close(&wire);
    server_free(bare);
}

static void test_registration(void **state)
{
    static const struct {
        const char *name, *schema;
        void (*start)(struct call *call, const json_t *arguments, void *user);
        const char *fault;
    } rows[] = {
        {"fake", "{'type':'object'}", start_fake, "tool fake is registered twice"},
        {"scalar", "{'type':'string'}", start_fake, "tool scalar has no object as its input"},
        {"idle", "{'type':'object'}", NULL, "a tool needs a name and a start"},
        {NULL, "{'type':'object'}", start_fake, "a tool needs a name and a start"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err;
        struct server_tool tool = {
            .name = rows[i].name,
            .input_schema = parse(rows[i].schema),
            .start = rows[i].start,
        };
        assert_int_equal(server_add_tool(*state, &tool, &err), -ERR_INTERNAL);
        assert_string_equal(err.text, rows[i].fault);
    }
}

int main(void)
{
    forget_emitted();
    const struct CMUnitTest tests[] = {
        TEST(test_initialize),
        TEST(test_legacy_errors),
        TEST(test_tool_results),
        TEST(test_without_arguments),
        TEST(test_ids),
        TEST(test_garbage),
        TEST(test_notifications),
        TEST(test_modern),
        TEST(test_modern_errors),
        TEST(test_unsupported_version),
        TEST(test_modern_without_id),
        TEST(test_mixed),
        TEST(test_no_tools),
        TEST(test_registration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
