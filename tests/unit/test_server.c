/* The server as a transport sees it: messages in, messages out. With SEXTANT_EMITTED set to a path,
 * every message sent is also appended there, one JSON line each, for an independent check against
 * the official schemas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <math.h>

#include <cmocka.h>

#include "json.h"
#include "server.h"

#define V       "2026-07-28"
#define CAPS    "'io.modelcontextprotocol/clientCapabilities':"
#define VERSION "'io.modelcontextprotocol/protocolVersion':"
#define META    "'_meta':{" VERSION "'" V "'," CAPS "{}}"

/* Apostrophes stand for quotation marks, to keep the tables readable. */
static json_t *parse(const char *text)
{
    char *copy = strdup(text);
    for (char *c = copy; *c != '\0'; c++) {
        if (*c == '\'')
            *c = '"';
    }
    struct err err = {0};
    json_t *value = json_parse(copy, strlen(copy), &err);
    if (value == NULL)
        fail_msg("%s: %s", copy, err.text);
    free(copy);
    return value;
}

/* ---- a clock that only moves when told ---- */

static time_t clock_ms = 1000000;

int __wrap_clock_gettime(clockid_t id, struct timespec *ret_now);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret_now)
{
    ret_now->tv_sec = clock_ms / 1000;
    ret_now->tv_nsec = clock_ms % 1000 * 1000000;
    return 0;
}

/* ---- a tool that does what its arguments say ---- */

static struct call *held; /* the last call that is still running */
static int held_count, cancel_count;
static bool ends_on_cancel; /* the tool ends its call inside the cancel function */

static void end_cancelled(struct call *call)
{
    struct err err;
    err_set(&err, ERR_CANCELLED, NULL, "the call was cancelled");
    call_fail(call, &err);
}

static void on_cancel(void *user)
{
    cancel_count++;
    if (ends_on_cancel)
        end_cancelled(user);
}

static void start_fake(struct call *call, const json_t *arguments, void *user)
{
    const char *what = json_get_string(arguments, "do", "echo");
    struct err err;
    if (strcmp(what, "echo") == 0) {
        call_finish(call, NULL, json_incref((json_t *)arguments));
    } else if (strcmp(what, "content") == 0) {
        call_finish(call,
                    parse("[{'type':'text','text':'a'},"
                          "{'type':'resource_link','name':'n','uri':'x://y'},"
                          "{'type':'audio','data':'AA==','mimeType':'audio/wav'}]"),
                    parse("{'a':1}"));
    } else if (strcmp(what, "list") == 0) {
        call_finish(call, json_array(), parse("[1,2]"));
    } else if (strcmp(what, "nothing") == 0) {
        call_finish(call, NULL, NULL);
    } else if (strcmp(what, "fail") == 0) {
        err_set(&err, ERR_ARGUMENT, "steps[2].event", "no event is named \"caf\xc3");
        call_fail(call, &err);
    } else if (strcmp(what, "busy") == 0) {
        err_set(&err, ERR_BUSY, NULL, "too many queries are running");
        call_fail(call, &err);
    } else {
        held = call;
        held_count++;
        if (strcmp(what, "deaf") != 0)
            call_on_cancel(call, on_cancel, call);
    }
}

/* ---- a client ---- */

enum { SENT_MAX = 64 };

struct wire {
    struct channel channel; /* first */
    struct server *server;
    struct peer *peer;
    const struct message_headers *headers; /* NULL: stdio */
    const char *revision;                  /* of what is sent now, for the schema check */
    json_t *sent[SENT_MAX];
    int status[SENT_MAX];
    bool is_last[SENT_MAX];
    size_t count, seen;
    json_t *methods; /* id as JSON → method */
};

static bool is_recording = true;

static void record(struct wire *wire, const json_t *message)
{
    const char *path = getenv("SEXTANT_EMITTED");
    if (path == NULL || !is_recording)
        return;
    const char *kind = "error";
    char *id = json_text(json_object_get(message, "id"));
    if (json_is_array(message))
        kind = "batch";
    else if (json_object_get(message, "method") != NULL)
        kind = json_get_string(message, "method", "");
    else if (json_object_get(message, "result") != NULL)
        kind = json_get_string(wire->methods, id, "unknown");
    json_t *line = json_pack("{s:s, s:s, s:s, s:O}", "revision", wire->revision, "direction",
                             "server", "kind", kind, "message", message);
    char *text = json_text(line);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fprintf(file, "%s\n", text);
    assert_int_equal(fclose(file), 0);
    free(text);
    free(id);
    json_decref(line);
}

static void wire_send(struct channel *channel, json_t *message, int status, bool is_last)
{
    struct wire *wire = (struct wire *)channel;
    assert_true(wire->count < SENT_MAX);
    if (message != NULL)
        record(wire, message);
    wire->sent[wire->count] = message;
    wire->status[wire->count] = status;
    wire->is_last[wire->count++] = is_last;
}

static const struct channel_ops wire_ops = {.send = wire_send};

static void wire_open(struct wire *wire, struct server *server)
{
    *wire = (struct wire){
        .channel.ops = &wire_ops,
        .server = server,
        .peer = peer_new(),
        .revision = "2025-11-25",
        .methods = json_object(),
    };
}

static void wire_close(struct wire *wire)
{
    assert_int_equal(wire->seen, wire->count); /* nothing that no test looked at */
    for (size_t i = 0; i < wire->count; i++)
        json_decref(wire->sent[i]);
    json_decref(wire->methods);
    peer_free(wire->peer);
}

static enum receive_result say(struct wire *wire, const char *text)
{
    json_t *message = parse(text);
    char *id = json_text(json_object_get(message, "id"));
    if (id != NULL)
        json_object_set(wire->methods, id, json_object_get(message, "method"));
    enum receive_result result =
        server_receive(wire->server, wire->peer, &wire->channel, message, wire->headers);
    free(id);
    json_decref(message);
    return result;
}

/* The next message sent, as text with apostrophes; NULL for the end of a cancelled request. */
static char *next(struct wire *wire, int status, bool is_last)
{
    static char text[8192];
    if (wire->seen == wire->count)
        fail_msg("nothing was sent");
    size_t i = wire->seen++;
    assert_int_equal(wire->status[i], status);
    assert_int_equal(wire->is_last[i], is_last);
    char *dump = json_text(wire->sent[i]);
    if (dump == NULL)
        return NULL;
    snprintf(text, sizeof text, "%s", dump);
    free(dump);
    for (char *c = text; *c != '\0'; c++) {
        if (*c == '"')
            *c = '\'';
    }
    return text;
}

static void expect(struct wire *wire, int status, const char *text)
{
    const char *have = next(wire, status, true);
    if (have == NULL || strcmp(have, text) != 0)
        fail_msg("sent %s\nnot  %s", have, text);
}

static void expect_part(struct wire *wire, int status, const char *part)
{
    const char *have = next(wire, status, true);
    if (have == NULL || strstr(have, part) == NULL)
        fail_msg("sent %s\nwithout %s", have, part);
}

static void expect_silence(struct wire *wire)
{
    assert_int_equal(wire->seen, wire->count);
}

/* ---- fixture ---- */

static const struct server_options options = {
    .name = "test",
    .title = "Test",
    .version = "1.2.3",
    .instructions = "Begin with fake.",
    .website = "https://example.com/",
};

static struct server *server_with_tools(void)
{
    struct server *server = server_new(&options);
    struct err err;
    struct server_tool fake = {
        .name = "fake",
        .title = "Fake",
        .description = "Does what it is told.",
        .input_schema = parse("{'type':'object','properties':{'do':{'type':'string'}}}"),
        .output_schema = parse("{'type':'object'}"),
        .is_read_only = true,
        .start = start_fake,
    };
    assert_int_equal(server_add_tool(server, &fake, &err), 0);
    struct server_tool sampler = {
        .name = "sampler",
        .description = "Needs sampling with tools.",
        .input_schema = parse("{'type':'object'}"),
        .client_capabilities = parse("{'sampling':{'tools':{}}}"),
        .start = start_fake,
    };
    assert_int_equal(server_add_tool(server, &sampler, &err), 0);
    return server;
}

static int setup(void **state)
{
    held = NULL;
    held_count = cancel_count = 0;
    ends_on_cancel = true;
    *state = server_with_tools();
    return 0;
}

static int teardown(void **state)
{
    assert_int_equal(server_running(*state), 0);
    server_free(*state);
    return 0;
}

/* ---- legacy ---- */

#define TOOLS                                                                                      \
    "[{'name':'fake','title':'Fake','description':'Does what it is told.','inputSchema':"          \
    "{'type':'object','properties':{'do':{'type':'string'}}},'outputSchema':{'type':'object'},"    \
    "'annotations':{'readOnlyHint':true,'openWorldHint':false}},"                                  \
    "{'name':'sampler','description':'Needs sampling with tools.','inputSchema':"                  \
    "{'type':'object'},'annotations':{'readOnlyHint':false,'openWorldHint':false}}]"

static void test_initialize(void **state)
{
    static const struct {
        const char *asked, *agreed, *info;
    } rows[] = {
        {"2024-11-05", "2024-11-05", "{'name':'test','version':'1.2.3'}"},
        {"2025-03-26", "2025-03-26", "{'name':'test','version':'1.2.3'}"},
        {"2025-06-18", "2025-06-18", "{'name':'test','title':'Test','version':'1.2.3'}"},
        {"2025-11-25", "2025-11-25",
         "{'name':'test','title':'Test','version':'1.2.3','websiteUrl':'https://example.com/'}"},
        {V, "2025-11-25",
         "{'name':'test','title':'Test','version':'1.2.3','websiteUrl':'https://example.com/'}"},
        {"1999-01-01", "2025-11-25",
         "{'name':'test','title':'Test','version':'1.2.3','websiteUrl':'https://example.com/'}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire wire;
        wire_open(&wire, *state);
        wire.revision = rows[i].agreed;
        char request[512], answer[512];
        snprintf(request, sizeof request,
                 "{'jsonrpc':'2.0','id':0,'method':'initialize','params':{'protocolVersion':'%s',"
                 "'capabilities':{},'clientInfo':{'name':'c','version':'1'}}}",
                 rows[i].asked);
        snprintf(answer, sizeof answer,
                 "{'jsonrpc':'2.0','id':0,'result':{'protocolVersion':'%s','capabilities':{'tools'"
                 ":{}},'serverInfo':%s,'instructions':'Begin with fake.'}}",
                 rows[i].agreed, rows[i].info);
        assert_int_equal(say(&wire, request), RECEIVE_ANSWERING);
        expect(&wire, 200, answer);
        assert_int_equal(say(&wire, "{'jsonrpc':'2.0','method':'notifications/initialized'}"),
                         RECEIVE_ACCEPTED);
        say(&wire, "{'jsonrpc':'2.0','id':'p','method':'ping'}");
        expect(&wire, 200, "{'jsonrpc':'2.0','id':'p','result':{}}");
        say(&wire, "{'jsonrpc':'2.0','id':1,'method':'tools/list'}");
        expect(&wire, 200, "{'jsonrpc':'2.0','id':1,'result':{'tools':" TOOLS "}}");
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
         "'code':-32602,'message':'Unknown tool: no_such'"},
        {"{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'fake','arguments':[]}}",
         200, "-32602"},
        {"{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'sampler'}}", 200,
         "-32602"},
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
    server_receive_garbage(*state, &wire.channel, &err);
    expect_part(&wire, 400, "'id':null,'error':{'code':-32700,'message':'Parse error");
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

#define INFO "{'name':'test','title':'Test','version':'1.2.3','websiteUrl':'https://example.com/'}"
#define MARK "'resultType':'complete','_meta':{'io.modelcontextprotocol/serverInfo':" INFO "}"

static void test_modern(void **state)
{
    static const struct {
        const char *method, *params, *result;
    } rows[] = {
        {"server/discover", META,
         "{'supportedVersions':['" V "'],'capabilities':{'tools':{}},'serverInfo':" INFO
         ",'instructions':'Begin with fake.','ttlMs':3600000,'cacheScope':'public'," MARK "}"},
        {"tools/list", META, "{'tools':" TOOLS ",'ttlMs':300000,'cacheScope':'public'," MARK "}"},
        {"tools/list", "'cursor':''," META,
         "{'tools':" TOOLS ",'ttlMs':300000,'cacheScope':'public'," MARK "}"},
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
    wire_open(&wire, *state);
    wire.revision = V;
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
        wire_open(&wire, *state);
        wire.revision = V;
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
    wire_open(&wire, *state);
    wire.revision = V;
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
    struct err err;
    struct server_tool again = {.name = "fake", .input_schema = parse("{'type':'object'}")};
    assert_int_equal(server_add_tool(*state, &again, &err), -ERR_INTERNAL);
    struct server_tool scalar = {.name = "scalar", .input_schema = parse("{'type':'string'}")};
    assert_int_equal(server_add_tool(*state, &scalar, &err), -ERR_INTERNAL);
}

/* ---- running calls ---- */

#define HOLD(id, extra)                                                                            \
    "{'jsonrpc':'2.0','id':" id ",'method':'tools/call','params':{'name':'fake','arguments':"      \
    "{'do':'hold'}" extra "}}"
#define CANCEL(id)                                                                                 \
    "{'jsonrpc':'2.0','method':'notifications/cancelled','params':{'requestId':" id "}}"

static void test_later(void **state)
{
    struct wire wire;
    wire_open(&wire, *state);
    assert_int_equal(say(&wire, HOLD("1", "")), RECEIVE_ANSWERING);
    struct call *first = held;
    say(&wire, HOLD("'1'", "")); /* another id: a string */
    struct call *second = held;
    expect_silence(&wire);
    assert_int_equal(server_running(*state), 2);
    assert_string_not_equal(call_id(first), call_id(second));
    call_finish(second, json_array(), NULL);
    expect(&wire, 200, "{'jsonrpc':'2.0','id':'1','result':{'content':[]}}");
    call_finish(first, json_array(), NULL);
    expect(&wire, 200, "{'jsonrpc':'2.0','id':1,'result':{'content':[]}}");
    wire_close(&wire);
}

static void test_duplicate_id(void **state)
{
    struct wire wire, other;
    wire_open(&wire, *state);
    wire_open(&other, *state);
    say(&wire, HOLD("1", ""));
    struct call *first = held;
    say(&wire, HOLD("1", ""));
    expect_part(&wire, 400, "'id':1,'error':{'code':-32600");
    say(&wire, "{'jsonrpc':'2.0','id':1,'method':'ping'}");
    expect_part(&wire, 400, "-32600");
    assert_int_equal(held_count, 1);
    /* Of another client it is another id. */
    say(&other, HOLD("1", ""));
    assert_int_equal(held_count, 2);
    say(&other, CANCEL("1"));
    assert_null(next(&other, 202, true));
    call_finish(first, json_array(), NULL);
    expect_part(&wire, 200, "'id':1,'result'");
    /* Answered: free again. */
    say(&wire, "{'jsonrpc':'2.0','id':1,'method':'ping'}");
    expect_part(&wire, 200, "'id':1,'result'");
    wire_close(&wire);
    wire_close(&other);
}

static void test_cancel(void **state)
{
    struct wire wire;
    wire_open(&wire, *state);
    say(&wire, HOLD("1", ",'_meta':{'progressToken':'t'}"));
    say(&wire, CANCEL("'1'"));
    say(&wire, CANCEL("2"));
    assert_int_equal(cancel_count, 0);

    /* The work stops a little later; whatever it still says is dropped. */
    ends_on_cancel = false;
    assert_int_equal(say(&wire, CANCEL("1")), RECEIVE_ACCEPTED);
    say(&wire, CANCEL("1"));
    assert_int_equal(cancel_count, 1);
    call_progress(held, 1, 2, "late");
    expect_silence(&wire);
    call_finish(held, json_array(), NULL);
    assert_null(next(&wire, 202, true));

    /* It stops at once. */
    ends_on_cancel = true;
    say(&wire, HOLD("1", ""));
    say(&wire, CANCEL("1"));
    assert_int_equal(cancel_count, 2);
    assert_null(next(&wire, 202, true));

    /* A tool that does not care when it is told, or asks to be told too late. */
    say(&wire, "{'jsonrpc':'2.0','id':3,'method':'tools/call','params':{'name':'fake',"
               "'arguments':{'do':'deaf'}}}");
    say(&wire, CANCEL("3"));
    expect_silence(&wire);
    call_on_cancel(held, on_cancel, held);
    assert_int_equal(cancel_count, 3);
    assert_null(next(&wire, 202, true));

    say(&wire, CANCEL("3"));
    expect_silence(&wire);
    wire_close(&wire);
}

/* Over stateless HTTP an id says nothing about whose it is. */
static void test_cancel_from_elsewhere(void **state)
{
    struct message_headers headers = {.accepts_json = true, .accepts_stream = true};
    struct wire post, other;
    wire_open(&post, *state);
    wire_open(&other, *state);
    post.headers = other.headers = &headers;
    peer_free(post.peer);
    peer_free(other.peer);
    post.peer = other.peer = NULL;
    say(&post, HOLD("1", ""));
    assert_int_equal(say(&other, CANCEL("1")), RECEIVE_ACCEPTED);
    assert_int_equal(cancel_count, 0);
    /* With a session they would share a peer. */
    post.peer = other.peer = peer_new();
    call_finish(held, json_array(), NULL);
    expect_part(&post, 200, "'id':1");
    say(&post, HOLD("2", ""));
    say(&other, CANCEL("2"));
    assert_int_equal(cancel_count, 1);
    assert_null(next(&post, 202, true));
    other.peer = NULL;
    wire_close(&post);
    wire_close(&other);
}

static void test_channel_gone(void **state)
{
    struct wire wire, other;
    wire_open(&wire, *state);
    wire_open(&other, *state);
    say(&wire, HOLD("1", ""));
    say(&wire, HOLD("2", ""));
    say(&other, HOLD("1", ""));
    server_channel_gone(*state, &wire.channel);
    assert_int_equal(cancel_count, 2);
    assert_null(next(&wire, 202, true));
    assert_null(next(&wire, 202, true));
    assert_int_equal(server_running(*state), 1);
    call_finish(held, json_array(), NULL);
    expect_part(&other, 200, "'id':1");

    /* Work that takes a while to stop keeps the channel until it has. */
    ends_on_cancel = false;
    say(&wire, HOLD("3", ""));
    server_channel_gone(*state, &wire.channel);
    server_channel_gone(*state, &wire.channel);
    assert_int_equal(cancel_count, 3);
    expect_silence(&wire);
    end_cancelled(held);
    assert_null(next(&wire, 202, true));
    wire_close(&wire);
    wire_close(&other);
}

static void count(void *user)
{
    ++*(int *)user;
}

static void test_shutdown(void **state)
{
    struct wire wire;
    int stopped = 0;
    wire_open(&wire, *state);
    ends_on_cancel = false;
    say(&wire, HOLD("1", ""));
    struct call *first = held;
    say(&wire, HOLD("2", ""));
    server_shutdown(*state, count, &stopped);
    assert_int_equal(cancel_count, 2);
    assert_int_equal(stopped, 0);
    /* The client is still there: it learns what became of its calls. */
    end_cancelled(first);
    expect_part(&wire, 200, "'id':1,'result':{'content':[{'type':'text','text':'the call was");
    assert_int_equal(stopped, 0);
    say(&wire, HOLD("3", ""));
    expect_part(&wire, 200, "'id':3,'error':{'code':-32603,'message':'The server is shutting");
    /* It leaves after all. */
    server_channel_gone(*state, &wire.channel);
    end_cancelled(held);
    assert_null(next(&wire, 202, true));
    assert_int_equal(stopped, 1);
    server_shutdown(*state, count, &stopped);
    assert_int_equal(stopped, 2);
    wire_close(&wire);
}

static void test_shutdown_at_once(void **state)
{
    struct wire wire;
    int stopped = 0;
    wire_open(&wire, *state);
    say(&wire, HOLD("1", ""));
    say(&wire, HOLD("2", ""));
    server_shutdown(*state, count, &stopped);
    assert_int_equal(stopped, 1);
    expect_part(&wire, 200, "'isError':true");
    expect_part(&wire, 200, "'isError':true");
    wire_close(&wire);
}

/* ---- progress ---- */

static const char *progress(struct wire *wire)
{
    return next(wire, 200, false);
}

static void test_progress(void **state)
{
    struct wire wire;
    wire_open(&wire, *state);
    say(&wire, HOLD("1", ",'_meta':{'progressToken':'t\xc3\xa9'}"));
    call_progress(held, 0, 100, NULL);
    assert_string_equal(progress(&wire),
                        "{'jsonrpc':'2.0','method':'notifications/progress','params':"
                        "{'progressToken':'t\xc3\xa9','progress':0,'total':100}}");
    call_progress(held, 50.5, 100, "half");
    assert_non_null(strstr(progress(&wire), "'progress':50.5,'total':100,'message':'half'}"));
    /* It only ever goes forward. */
    call_progress(held, 50.5, 100, NULL);
    call_progress(held, 3, 100, NULL);
    expect_silence(&wire);
    call_progress(held, 60, 0, "cut \xc3");
    assert_non_null(strstr(progress(&wire), "'progress':60,'message':'cut \xef\xbf\xbd'}"));
    call_progress(held, 100, 100, NULL);
    progress(&wire);
    /* Four in a second are enough. */
    call_progress(held, 101, 0, NULL);
    clock_ms += 999;
    call_progress(held, 102, 0, NULL);
    expect_silence(&wire);
    clock_ms += 1;
    for (int i = 103; i < 110; i++)
        call_progress(held, i, 0, NULL);
    for (int i = 103; i < 107; i++)
        progress(&wire);
    expect_silence(&wire);
    clock_ms += 60000;
    call_progress(held, (double)NAN, 0, NULL);
    call_progress(held, (double)INFINITY, 0, NULL);
    expect_silence(&wire);
    call_progress(held, 1e300, 0, NULL);
    assert_non_null(strstr(progress(&wire), "'progress':1e300}"));
    call_finish(held, json_array(), NULL);
    expect_part(&wire, 200, "'id':1");
    wire_close(&wire);
}

static void test_no_progress(void **state)
{
    static const struct {
        const char *request;
        bool accepts_stream, is_told;
    } rows[] = {
        {HOLD("1", ""), true, false},
        {HOLD("1", ",'_meta':{'progressToken':1.5}"), true, false},
        {HOLD("1", ",'_meta':{'progressToken':null}"), true, false},
        {HOLD("1", ",'_meta':{'progressToken':7}"), false, false},
        {HOLD("1", ",'_meta':{'progressToken':7}"), true, true},
        {HOLD("1", ",'_meta':{'progressToken':''}"), true, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct message_headers headers = {
            .accepts_json = true,
            .accepts_stream = rows[i].accepts_stream,
        };
        struct wire wire;
        wire_open(&wire, *state);
        wire.headers = &headers;
        wire.revision = "2025-03-26";
        say(&wire, rows[i].request);
        call_progress(held, 1, 2, "m");
        if (rows[i].is_told)
            assert_non_null(strstr(progress(&wire), "'message':'m'"));
        call_finish(held, json_array(), NULL);
        expect_part(&wire, 200, "'id':1");
        wire_close(&wire);
    }
}

/* The first revision has no message in it; the modern one is told like the others. */
static void test_progress_by_revision(void **state)
{
    struct wire wire;
    wire_open(&wire, *state);
    wire.revision = "2024-11-05";
    say(&wire, "{'jsonrpc':'2.0','id':0,'method':'initialize','params':{'protocolVersion':"
               "'2024-11-05'}}");
    next(&wire, 200, true);
    say(&wire, HOLD("1", ",'_meta':{'progressToken':7}"));
    call_progress(held, 1, 2, "m");
    assert_non_null(strstr(progress(&wire), "'progress':1,'total':2}"));
    call_finish(held, json_array(), NULL);
    expect_part(&wire, 200, "'id':1");
    wire.revision = V;
    say(&wire, HOLD("2", ",'_meta':{'progressToken':8,"
                         "'io.modelcontextprotocol/protocolVersion':'" V "'," CAPS "{}}"));
    call_progress(held, 1, 2, "m");
    assert_non_null(strstr(progress(&wire), "'progressToken':8,'progress':1,'total':2,'message'"));
    call_finish(held, json_array(), NULL);
    expect_part(&wire, 200, "'id':2");
    wire_close(&wire);
}

/* ---- batches ---- */

#define PING(id) "{'jsonrpc':'2.0','id':" id ",'method':'ping'}"

static void test_batch(void **state)
{
    struct wire wire;
    wire_open(&wire, *state);
    wire.revision = "2025-03-26";
    say(&wire, "[" PING("1") ",{'jsonrpc':'2.0','method':'notifications/x'}," PING("'b'") "]");
    expect(&wire, 200,
           "[{'jsonrpc':'2.0','id':1,'result':{}},{'jsonrpc':'2.0','id':'b','result':{}}]");
    /* Answers wait for the slowest; errors are answers. */
    say(&wire, "[" HOLD("1", ",'_meta':{'progressToken':1}") "," PING("2") ",{'jsonrpc':'2.0',"
                                                                           "'id':3,'method':'x'}]");
    expect_silence(&wire);
    call_progress(held, 1, 0, NULL);
    progress(&wire);
    call_finish(held, json_array(), NULL);
    expect(&wire, 200,
           "[{'jsonrpc':'2.0','id':2,'result':{}},{'jsonrpc':'2.0','id':3,'error':{'code':-32601,"
           "'message':'Method not found: x'}},{'jsonrpc':'2.0','id':1,'result':{'content':[]}}]");
    /* A cancelled element has no answer. */
    say(&wire, "[" HOLD("1", "") "," PING("2") "]");
    say(&wire, CANCEL("1"));
    expect(&wire, 200, "[{'jsonrpc':'2.0','id':2,'result':{}}]");
    say(&wire, "[" HOLD("1", "") "]");
    say(&wire, CANCEL("1"));
    assert_null(next(&wire, 202, true));
    /* Two elements with one id: the second is refused. */
    say(&wire, "[" HOLD("1", "") "," PING("1") "]");
    call_finish(held, json_array(), NULL);
    expect_part(&wire, 200, "[{'jsonrpc':'2.0','id':1,'error':{'code':-32600");
    /* The client leaves: no array, only the end. */
    say(&wire, "[" HOLD("1", "") "," PING("2") "]");
    server_channel_gone(*state, &wire.channel);
    assert_null(next(&wire, 202, true));
    wire_close(&wire);
}

/* ---- memory ---- */

static long allocations_left;

static void *scarce_malloc(size_t size)
{
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* Whichever allocation of a message fails: it is still answered once, at worst with silence. */
static void test_out_of_memory(void **state)
{
    static const char *const requests[] = {
        "{'jsonrpc':'2.0','id':'i','method':'initialize','params':{'protocolVersion':'2025-06-18',"
        "'capabilities':{}}}",
        "{'jsonrpc':'2.0','id':'i','method':'tools/list','params':{" META "}}",
        "{'jsonrpc':'2.0','id':'i','method':'server/discover','params':{" META "}}",
        "{'jsonrpc':'2.0','id':'i','method':'tools/call','params':{'name':'fake'}}",
        "{'jsonrpc':'2.0','id':'i','method':'tools/call','params':{'name':'fake','arguments':"
        "{'do':'fail'}," META "}}",
        "{'jsonrpc':'2.0','id':'i','method':'tools/call','params':{'name':'sampler'," META "}}",
        "{'jsonrpc':'2.0','id':'i','method':'no/such'}",
        "[{'jsonrpc':'2.0','id':1,'method':'ping'},{'jsonrpc':'2.0','id':2,'method':'x'}]",
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        json_t *message = parse(requests[i]);
        bool was_short = true;
        for (long n = 0; was_short; n++) {
            struct wire wire;
            wire_open(&wire, *state);
            is_recording = false; /* takes memory itself */
            json_set_alloc_funcs(scarce_malloc, free);
            allocations_left = n;
            enum receive_result result =
                server_receive(wire.server, wire.peer, &wire.channel, message, NULL);
            was_short = allocations_left < 0;
            json_set_alloc_funcs(malloc, free);
            is_recording = true;
            assert_int_equal(result, RECEIVE_ANSWERING);
            assert_int_equal(wire.count, 1);
            assert_true(wire.is_last[0]);
            wire.seen = wire.count;
            wire_close(&wire);
            assert_true(n < 500);
        }
        json_decref(message);
    }
}

int main(void)
{
    const char *emitted = getenv("SEXTANT_EMITTED");
    if (emitted != NULL)
        remove(emitted);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
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
        TEST(test_later),
        TEST(test_duplicate_id),
        TEST(test_cancel),
        TEST(test_cancel_from_elsewhere),
        TEST(test_channel_gone),
        TEST(test_shutdown),
        TEST(test_shutdown_at_once),
        TEST(test_progress),
        TEST(test_no_progress),
        TEST(test_progress_by_revision),
        TEST(test_batch),
        TEST(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
