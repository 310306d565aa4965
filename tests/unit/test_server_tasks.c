/* Calls that become tasks: what is shown of them, what clients do with them, how they end, and when
 * they are forgotten. */
#include "server_harness.h"

#define TASKS "{'extensions':{'io.modelcontextprotocol/tasks':{}}}"
#define ASKED "{'extensions':{'io.modelcontextprotocol/tasks':{}},'elicitation':{},'roots':{}}"
#define CALL(id, tool, what, caps)                                                                 \
    "{'jsonrpc':'2.0','id':" id ",'method':'tools/call','params':{'name':'" tool                   \
    "','arguments':{'do':'" what "'}," MODERN_META(caps) "}}"
#define NAME_FORM                                                                                  \
    "{'method':'elicitation/create','params':{'message':'Who?','requestedSchema':{'type':"         \
    "'object','properties':{}}}}"
#define ROOTS "{'method':'roots/list'}"

enum { TTL_MS = 15 * 60 * 1000 };

/* ---- a tool that becomes a task ---- */

static struct call *running; /* the last one that became a task */
static bool was_taken;       /* whether it could */

static void start_worker(struct call *call, const json_t *arguments, void *user)
{
    const char *what = json_get_string(arguments, "do", "");
    struct err err;
    bool takes = call_takes_task(call);
    was_taken = call_into_task(call);
    assert_true(takes || !was_taken);
    assert_int_equal(call_into_task(call), was_taken); /* once more changes nothing */
    running = call;
    if (strcmp(what, "fail") == 0) {
        err_set(&err, ERR_BUSY, NULL, "too many queries are running");
        call_fail(call, &err);
    } else if (strcmp(what, "refuse") == 0) {
        call_refuse(call, -32603, json_string("why"), "it broke at %d", 7);
    } else if (strcmp(what, "ask") == 0 && call_response(call, "name") == NULL) {
        call_ask(call, parse("{'name':" NAME_FORM ",'roots':" ROOTS "}"), parse("{'n':1}"));
    } else if (strcmp(what, "again") == 0 && json_get_integer(call_state(call), "n", 0) < 2) {
        json_int_t n = json_get_integer(call_state(call), "n", 0);
        call_ask(call, parse("{'name':" NAME_FORM "}"), json_pack("{s:I}", "n", n + 1));
    } else if (strcmp(what, "ask") == 0 || strcmp(what, "again") == 0) {
        assert_non_null(call_state(call));
        call_finish(call, json_array(),
                    json_pack("{s:O*, s:O*}", "name", call_response(call, "name"), "roots",
                              call_response(call, "roots")));
    } else {
        call_on_cancel(call, on_cancel, call);
    }
}

static struct server *new_server(const struct server_options *own)
{
    static const struct {
        const char *name;
        enum task_mode mode;
    } tools[] = {{"plain", TASK_NEVER}, {"work", TASK_OPTIONAL}, {"must", TASK_REQUIRED}};
    struct server *server = server_new(own);
    for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++) {
        struct server_tool tool = {
            .name = tools[i].name,
            .description = "Works.",
            .input_schema = parse("{'type':'object'}"),
            .task_mode = tools[i].mode,
            .start = start_worker,
        };
        assert_int_equal(server_add_tool(server, &tool, NULL), 0);
    }
    return server;
}

static int set_up(void **state)
{
    begin_anew();
    struct server_options own = options;
    own.has_logging = true;
    *state = new_server(&own);
    running = NULL;
    return 0;
}

/* Begins a task; its id. */
static const char *begin(struct wire *wire, const char *call)
{
    say(wire, call);
    const json_t *result = json_object_get(wire->sent[wire->count - 1], "result");
    assert_string_equal(json_get_string(result, "resultType", ""), "task");
    const char *id = json_get_string(result, "taskId", "");
    assert_int_equal(strlen(id), 32);
    next(wire, 200, true);
    return id;
}

static void ask_for(struct wire *wire, const char *method, const char *id, const char *caps,
                    const char *extra)
{
    char text[2048];
    snprintf(text, sizeof text,
             "{'jsonrpc':'2.0','id':'q','method':'tasks/%s','params':{'taskId':'%s'%s,"
             "'_meta':{" VERSION "'" V "'," CAPS "%s}}}",
             method, id, extra, caps);
    assert_int_equal(say(wire, text), RECEIVE_ANSWERING);
}

/* The task as it is now has `part` in it. */
static void expect_task(struct wire *wire, const char *id, const char *part)
{
    ask_for(wire, "get", id, TASKS, "");
    const char *sent = next(wire, 200, true);
    assert_non_null(strstr(sent, "'resultType':'complete'"));
    assert_non_null(strstr(sent, id));
    if (strstr(sent, part) == NULL)
        fail_msg("%s without %s", sent, part);
}

static void expect_ack(struct wire *wire)
{
    expect(wire, 200, "{'jsonrpc':'2.0','id':'q','result':{" MARK "}}");
}

static void expect_unknown(struct wire *wire, const char *id, const char *caps)
{
    static const char *const methods[] = {"get", "update", "cancel"};
    for (size_t i = 0; i < 3; i++) {
        ask_for(wire, methods[i], id, caps, ",'inputResponses':{}");
        expect_part(wire, 200, "'error':{'code':-32602,'message':'Unknown task");
    }
}

/* ---- its life ---- */

static void test_completes(void **state)
{
    struct wire wire;
    wire_open_modern(&wire, *state);
    clock_ms = 1000000;
    say(&wire, CALL("1", "work", "hold", TASKS));
    assert_true(was_taken);
    const json_t *result = json_object_get(wire.sent[0], "result");
    const char *id = json_get_string(result, "taskId", "");
    const char *sent = next(&wire, 200, true);
    assert_non_null(strstr(sent, "{'jsonrpc':'2.0','id':1,'result':{'taskId':'"));
    assert_non_null(strstr(sent, "','status':'working','createdAt':'1970-01-01T00:16:40.000Z',"
                                 "'lastUpdatedAt':'1970-01-01T00:16:40.000Z','ttlMs':900000,"
                                 "'pollIntervalMs':1000,'resultType':'task','_meta':{"));
    assert_int_equal(server_running(*state), 1);
    /* The id of the request is free again, and means nothing to the task. */
    say(&wire, CANCEL("1"));
    assert_int_equal(cancel_count, 0);
    expect_task(&wire, id, "'status':'working','createdAt'");

    clock_ms += 2500;
    call_task_status(running, "half of it is \xc3");
    call_progress(running, 1, 2, "not for tasks");
    call_log(running, MCP_ERROR, NULL, json_string("neither"));
    call_let_go(running, 100);
    expect_silence(&wire);
    expect_task(&wire, id,
                "'statusMessage':'half of it is \xef\xbf\xbd','createdAt':'1970-01-01T"
                "00:16:40.000Z','lastUpdatedAt':'1970-01-01T00:16:42.500Z'");
    call_finish(running, NULL, parse("{'rows':[1]}"));
    expect_silence(&wire);
    assert_int_equal(server_running(*state), 0);
    for (int i = 0; i < 2; i++)
        expect_task(&wire, id,
                    "'result':{'content':[{'type':'text','text':'{\\'rows\\':[1]}'}],"
                    "'structuredContent':{'rows':[1]},'resultType':'complete'}");
    wire_close(&wire);
}

static void test_ends(void **state)
{
    static const struct {
        const char *call, *status, *payload;
    } rows[] = {
        {CALL("1", "work", "fail", TASKS), "'status':'completed'", "'isError':true"},
        {CALL("1", "must", "refuse", TASKS), "'status':'failed','statusMessage':'it broke at 7'",
         "'error':{'code':-32603,'message':'it broke at 7','data':'why'}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire wire;
        wire_open_modern(&wire, *state);
        const char *id = begin(&wire, rows[i].call);
        expect_task(&wire, id, rows[i].status);
        expect_task(&wire, id, rows[i].payload);
        wire_close(&wire);
    }
}

static void test_who_takes_tasks(void **state)
{
    static const struct {
        const char *call;
        int status;
        const char *part;
    } rows[] = {
        {CALL("1", "work", "fail", "{}"), 200, "'isError':true"},
        {CALL("1", "work", "fail", "{'extensions':{}}"), 200, "'isError':true"},
        {CALL("1", "work", "fail", "{'extensions':{'io.modelcontextprotocol/tasks':false}}"), 200,
         "'isError':true"},
        {CALL("1", "work", "fail", "{'tasks':{}}"), 200, "'isError':true"},
        {CALL("1", "plain", "fail", TASKS), 200, "'isError':true"},
        {CALL("1", "must", "fail", "{}"), 400,
         "'error':{'code':-32021,'message':'Missing client capability: must needs the extension "
         "io.modelcontextprotocol/tasks','data':{'requiredCapabilities':{'extensions':{"
         "'io.modelcontextprotocol/tasks':{}}}}}"},
        {"{'jsonrpc':'2.0','id':1,'method':'tasks/get','params':{'taskId':'x'," META "}}", 400,
         "'error':{'code':-32021"},
        {"{'jsonrpc':'2.0','id':1,'method':'tasks/update','params':{'taskId':'x'," META "}}", 400,
         "'error':{'code':-32021"},
        {"{'jsonrpc':'2.0','id':1,'method':'tasks/cancel','params':{'taskId':'x'," META "}}", 400,
         "'requiredCapabilities':{'extensions':{'io.modelcontextprotocol/tasks':{}}}"},
        {"{'jsonrpc':'2.0','id':1,'method':'tasks/list','params':{" MODERN_META(TASKS) "}}", 404,
         "'error':{'code':-32601"},
        {"{'jsonrpc':'2.0','id':1,'method':'tasks/result','params':{" MODERN_META(TASKS) "}}", 404,
         "'error':{'code':-32601"},
        {"{'jsonrpc':'2.0','id':1,'method':'tasks/get','params':{" MODERN_META(TASKS) "}}", 200,
         "'error':{'code':-32602,'message':'Invalid params: taskId"},
        {"{'jsonrpc':'2.0','id':1,'method':'tasks/get','params':{'taskId':5," MODERN_META(
             TASKS) "}}",
         200, "'error':{'code':-32602,'message':'Invalid params: taskId"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire wire;
        wire_open_modern(&wire, *state);
        was_taken = false;
        say(&wire, rows[i].call);
        assert_false(was_taken);
        expect_part(&wire, rows[i].status, rows[i].part);
        wire_close(&wire);
    }
    /* The legacy era has none. */
    struct wire wire;
    wire_open(&wire, *state);
    say(&wire, "{'jsonrpc':'2.0','id':0,'method':'initialize','params':{'protocolVersion':"
               "'2025-11-25','clientInfo':{'name':'t','version':'1'},'capabilities':" TASKS "}}");
    next(&wire, 200, true);
    say(&wire, "{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'work','task':{},"
               "'arguments':{'do':'fail'}}}");
    assert_false(was_taken);
    expect_part(&wire, 200, "'isError':true");
    say(&wire, "{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'must'}}");
    expect_part(&wire, 200, "'error':{'code':-32602,'message':'must only runs as a task");
    say(&wire, "{'jsonrpc':'2.0','id':1,'method':'tasks/get','params':{'taskId':'x'}}");
    expect_part(&wire, 200, "'error':{'code':-32601");
    wire_close(&wire);
}

/* Without a tool that becomes one there are no tasks. */
static void test_not_offered(void **state)
{
    struct server *server = server_with_tools();
    struct wire wire;
    wire_open_modern(&wire, server);
    ask_for(&wire, "get", "x", TASKS, "");
    expect_part(&wire, 404, "'error':{'code':-32601");
    wire_close(&wire);
    server_free(server);
}

/* ---- questions ---- */

static void test_asks(void **state)
{
    struct wire wire;
    wire_open_modern(&wire, *state);
    const char *id = begin(&wire, CALL("1", "work", "ask", ASKED));
    expect_task(&wire, id, "'status':'input_required'");
    expect_task(&wire, id, "'inputRequests':{'name':" NAME_FORM ",'roots':" ROOTS "}");
    /* What is no answer. */
    static const char *const bad[] = {"", ",'inputResponses':null", ",'inputResponses':[]",
                                      ",'inputResponses':{'name':5,'roots':{}}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ask_for(&wire, "update", id, TASKS, bad[i]);
        expect_part(&wire, 200, "'error':{'code':-32602,'message':'Invalid params: inputResponses");
    }
    ask_for(&wire, "update", id, TASKS, ",'inputResponses':{'other':{}}");
    expect_ack(&wire);
    expect_task(&wire, id, "'inputRequests':{'name':" NAME_FORM ",'roots':" ROOTS "}");
    /* Nor is a response, to a request that there never was. */
    struct peer *peer = wire.peer;
    wire.peer = NULL;
    assert_int_equal(say(&wire, "{'jsonrpc':'2.0','id':'name','result':{}}"), RECEIVE_ACCEPTED);
    wire.peer = peer;
    expect_task(&wire, id, "'inputRequests':{'name':" NAME_FORM ",'roots':" ROOTS "}");
    /* Some, then the rest; what was answered stays answered. */
    ask_for(&wire, "update", id, TASKS, ",'inputResponses':{'name':{'action':'decline'}}");
    expect_ack(&wire);
    expect_task(&wire, id, "'inputRequests':{'roots':" ROOTS "}");
    ask_for(&wire, "update", id, TASKS,
            ",'inputResponses':{'name':{'action':'cancel'},'roots':{'roots':[]}}");
    expect_ack(&wire);
    expect_task(&wire, id, "'structuredContent':{'name':{'action':'decline'},'roots':{'roots':[]}");
    ask_for(&wire, "update", id, TASKS, ",'inputResponses':{'roots':{'roots':[]}}");
    expect_ack(&wire);
    wire_close(&wire);
}

/* Asked twice by one key, the client sees two. */
static void test_asks_again(void **state)
{
    struct wire wire;
    wire_open_modern(&wire, *state);
    const char *id = begin(&wire, CALL("1", "work", "again", ASKED));
    ask_for(&wire, "update", id, TASKS, ",'inputResponses':{'name':{'action':'decline'}}");
    expect_ack(&wire);
    expect_task(&wire, id, "'inputRequests':{'name-2':" NAME_FORM "}");
    ask_for(&wire, "update", id, TASKS, ",'inputResponses':{'name':{'action':'accept'}}");
    expect_ack(&wire);
    expect_task(&wire, id, "'status':'input_required'");
    ask_for(&wire, "update", id, TASKS, ",'inputResponses':{'name-2':{'action':'accept'}}");
    expect_ack(&wire);
    expect_task(&wire, id, "'structuredContent':{'name':{'action':'accept'}}");
    wire_close(&wire);
}

/* A client that cannot be asked: the task says what it lacks. */
static void test_cannot_ask(void **state)
{
    struct wire wire;
    wire_open_modern(&wire, *state);
    const char *id = begin(&wire, CALL("1", "work", "ask", TASKS));
    expect_task(&wire, id,
                "'error':{'code':-32021,'message':'Missing client capability: this has a question "
                "that the client did not declare to answer','data':{'requiredCapabilities':{"
                "'elicitation':{'form':{}},'roots':{}}}}");
    wire_close(&wire);
}

/* Who listens for a task hears of every change. */
static void test_is_heard_of(void **state)
{
    struct wire wire;
    wire_open_modern(&wire, *state);
    char id[64], text[1024];
    snprintf(id, sizeof id, "%s", begin(&wire, CALL("1", "work", "hold", ASKED)));
    snprintf(text, sizeof text,
             "{'jsonrpc':'2.0','id':'l','method':'subscriptions/listen','params':{'notifications':"
             "{'taskIds':['%s','00000000000000000000000000000000']}," MODERN_META(TASKS) "}}",
             id);
    say(&wire, text);
    snprintf(text, sizeof text, "'notifications':{'taskIds':['%s']}", id);
    const char *sent = next(&wire, 200, false);
    if (strstr(sent, text) == NULL)
        fail_msg("%s without %s", sent, text);
    call_ask(running, parse("{'name':" NAME_FORM "}"), NULL);
    sent = next(&wire, 200, false);
    assert_non_null(strstr(sent, "'method':'notifications/tasks','params':{'taskId':'"));
    assert_non_null(strstr(sent, "'status':'input_required'"));
    assert_non_null(strstr(sent, "'inputRequests':{'name':" NAME_FORM "}"));
    assert_null(strstr(sent, "resultType"));
    clock_ms += 10000; /* what comes too soon after another waits for its turn */
    ask_for(&wire, "update", id, TASKS, ",'inputResponses':{'name':{'action':'decline'}}");
    assert_non_null(strstr(next(&wire, 200, false), "'status':'working'"));
    expect_ack(&wire);
    call_finish(running, json_array(), NULL);
    sent = next(&wire, 200, false);
    assert_non_null(strstr(sent, "'status':'completed'"));
    assert_non_null(strstr(sent, "'result':{'content':[]"));
    say(&wire, CANCEL("'l'"));
    assert_null(next(&wire, 202, true));
    wire_close(&wire);
}

/* A client that does not take tasks cannot listen for them either. */
static void test_is_not_heard_of(void **state)
{
    struct wire wire;
    wire_open_modern(&wire, *state);
    say(&wire, "{'jsonrpc':'2.0','id':'l','method':'subscriptions/listen','params':{"
               "'notifications':{'taskIds':['x']}," META "}}");
    expect_part(&wire, 400, "'error':{'code':-32021");
    wire_close(&wire);
}

/* ---- cancelling ---- */

static void test_cancel(void **state)
{
    struct wire wire;
    wire_open_modern(&wire, *state);
    const char *id = begin(&wire, CALL("1", "work", "hold", TASKS));
    ask_for(&wire, "cancel", id, TASKS, "");
    expect_ack(&wire);
    assert_int_equal(cancel_count, 1);
    expect_task(&wire, id, "'status':'cancelled'");
    ask_for(&wire, "cancel", id, TASKS, "");
    expect_ack(&wire);
    assert_int_equal(cancel_count, 1);
    /* It takes a while; it was done before it heard. */
    ends_on_cancel = false;
    id = begin(&wire, CALL("2", "work", "hold", TASKS));
    ask_for(&wire, "cancel", id, TASKS, "");
    expect_ack(&wire);
    expect_task(&wire, id, "'status':'working'");
    ask_for(&wire, "cancel", id, TASKS, "");
    expect_ack(&wire);
    assert_int_equal(cancel_count, 2);
    call_finish(running, json_array(), NULL);
    expect_task(&wire, id, "'status':'completed'");
    ask_for(&wire, "cancel", id, TASKS, "");
    expect_ack(&wire);
    /* It waits for its client. */
    id = begin(&wire, CALL("3", "work", "ask", ASKED));
    ask_for(&wire, "cancel", id, TASKS, "");
    expect_ack(&wire);
    expect_task(&wire, id, "'status':'cancelled'");
    assert_int_equal(server_running(*state), 0);
    wire_close(&wire);
}

/* ---- who may see it, and where ---- */

static void test_owner(void **state)
{
    struct message_headers ada = {.protocol_version = V, .accepts_json = true};
    struct message_headers bob = ada;
    ada.method = bob.method = "tools/call";
    ada.name = bob.name = "work";
    ada.principal = "ada";
    bob.principal = "bob";
    struct wire wire;
    wire_open_modern(&wire, *state);
    wire.headers = &ada;
    const char *id = begin(&wire, CALL("1", "work", "hold", TASKS));
    wire.headers = NULL; /* nobody in particular */
    expect_unknown(&wire, id, TASKS);
    wire.headers = &bob;
    static const char *const methods[] = {"get", "update", "cancel"};
    for (size_t i = 0; i < 3; i++) {
        char method[32];
        snprintf(method, sizeof method, "tasks/%s", methods[i]);
        bob.method = ada.method = method;
        bob.name = ada.name = id;
        wire.headers = &bob;
        ask_for(&wire, methods[i], id, TASKS, ",'inputResponses':{}");
        expect_part(&wire, 200, "'error':{'code':-32602,'message':'Unknown task");
        wire.headers = &ada;
        ask_for(&wire, methods[i], id, TASKS, ",'inputResponses':{}");
        expect_part(&wire, 200, "'resultType':'complete'");
    }
    assert_int_equal(cancel_count, 1);
    wire_close(&wire);
}

static void test_survives_its_channel(void **state)
{
    struct wire wire, other;
    wire_open_modern(&wire, *state);
    wire_open_modern(&other, *state);
    const char *sent = begin(&wire, CALL("1", "work", "hold", TASKS));
    char id[64];
    snprintf(id, sizeof id, "%s", sent);
    server_channel_gone(*state, &wire.channel);
    wire_close(&wire);
    assert_int_equal(cancel_count, 0);
    expect_task(&other, id, "'status':'working'");
    call_finish(running, json_array(), NULL);
    expect_task(&other, id, "'status':'completed'");
    expect_unknown(&other, "00000000000000000000000000000000", TASKS);
    expect_unknown(&other, "", TASKS);
    wire_close(&other);
}

/* ---- the end of its time ---- */

static void test_expiry(void **state)
{
    struct wire wire;
    wire_open_modern(&wire, *state);
    char done[64], runs[64], asks[64];
    snprintf(done, sizeof done, "%s", begin(&wire, CALL("1", "work", "fail", TASKS)));
    clock_ms += 1000;
    snprintf(runs, sizeof runs, "%s", begin(&wire, CALL("2", "work", "hold", TASKS)));
    snprintf(asks, sizeof asks, "%s", begin(&wire, CALL("3", "work", "ask", ASKED)));
    assert_int_equal(server_sweep(*state), 1000);
    clock_ms += TTL_MS - 1500;
    assert_int_equal(server_sweep(*state), 500);
    expect_task(&wire, done, "'status':'completed'");
    /* Nobody sees what is over, swept or not. */
    clock_ms += 500;
    expect_unknown(&wire, done, TASKS);
    expect_task(&wire, runs, "'status':'working'");
    expect_task(&wire, asks, "'status':'input_required'");
    server_sweep(*state);
    expect_unknown(&wire, done, TASKS);
    assert_int_equal(cancel_count, 0);
    clock_ms += 1000;
    server_sweep(*state);
    assert_int_equal(cancel_count, 1);
    assert_int_equal(server_running(*state), 0);
    expect_unknown(&wire, runs, TASKS);
    expect_unknown(&wire, asks, TASKS);
    expect_silence(&wire);
    /* What stops later than that ends in silence, and cannot do anything more. */
    ends_on_cancel = false;
    begin(&wire, CALL("4", "work", "hold", TASKS));
    clock_ms += TTL_MS;
    server_sweep(*state);
    assert_int_equal(cancel_count, 2);
    assert_false(call_into_task(held = running));
    assert_false(call_can_ask(running, "elicitation/create", "form"));
    call_task_status(running, "late");
    call_finish(running, json_array(), NULL);
    expect_silence(&wire);
    wire_close(&wire);
}

static void test_shutdown(void **state)
{
    struct wire wire;
    int stopped = 0;
    wire_open_modern(&wire, *state);
    ends_on_cancel = false;
    char runs[64], asks[64];
    snprintf(asks, sizeof asks, "%s", begin(&wire, CALL("1", "work", "ask", ASKED)));
    snprintf(runs, sizeof runs, "%s", begin(&wire, CALL("2", "work", "hold", TASKS)));
    server_shutdown(*state, count_one, &stopped);
    assert_int_equal(cancel_count, 1);
    assert_int_equal(stopped, 0);
    end_cancelled(running);
    assert_int_equal(stopped, 1);
    expect_task(&wire, runs, "'status':'cancelled'");
    expect_task(&wire, asks, "'status':'cancelled'");
    wire_close(&wire);
}

/* ---- how many ---- */

static void test_limits(void **state)
{
    struct server_options own = options;
    own.tasks_max = 8;
    own.task_ttl_ms = 5000;
    own.task_poll_ms = 250;
    struct server *server = new_server(&own);
    struct message_headers headers = {.protocol_version = V,
                                      .method = "tools/call",
                                      .name = "work",
                                      .principal = "ada",
                                      .accepts_json = true};
    struct wire wire;
    wire_open_modern(&wire, server);
    wire.headers = &headers;
    /* A quarter is for one caller, also of what has ended. */
    for (int i = 0; i < 2; i++)
        begin(&wire, CALL("1", "work", "fail", TASKS));
    say(&wire, CALL("1", "work", "fail", TASKS));
    assert_false(was_taken);
    expect_part(&wire, 200, "'isError':true");
    headers.principal = "bob";
    begin(&wire, CALL("1", "work", "fail", TASKS));
    /* Where nobody is known there are no shares. */
    headers.principal = NULL;
    for (int i = 0; i < 5; i++)
        begin(&wire, CALL("1", "work", "fail", TASKS));
    say(&wire, CALL("1", "work", "fail", TASKS));
    assert_false(was_taken);
    expect_part(&wire, 200, "'isError':true");
    clock_ms += 5000;
    server_sweep(server);
    say(&wire, CALL("1", "work", "fail", TASKS));
    assert_true(was_taken);
    const char *sent = next(&wire, 200, true);
    assert_non_null(strstr(sent, "'ttlMs':5000,'pollIntervalMs':250"));
    wire_close(&wire);
    server_free(server); /* with tasks that nobody fetched */
}

/* Ids do not repeat and are nothing that one could count. */
static void test_ids(void **state)
{
    char ids[16][64];
    struct wire wire;
    wire_open_modern(&wire, *state);
    for (size_t i = 0; i < 16; i++) {
        snprintf(ids[i], sizeof ids[i], "%s", begin(&wire, CALL("1", "work", "fail", TASKS)));
        assert_int_equal(strspn(ids[i], "0123456789abcdef"), 32);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(ids[i], ids[k], 8);
    }
    wire_close(&wire);
}

/* ---- memory ---- */

/* Whichever allocation fails: every request has one answer, and no task is left half made. */
static void test_out_of_memory(void **state)
{
    static const char *const calls[] = {
        CALL("1", "work", "fail", TASKS),
        CALL("1", "work", "refuse", TASKS),
        CALL("1", "work", "hold", TASKS),
    };
    struct server_options own = options;
    own.tasks_max = 10000;
    struct server *server = new_server(&own);
    is_recording = false; /* what ends a call later is not asked for by any message here */
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        json_t *message = parse(calls[i]);
        bool was_short = true;
        for (long n = 0; was_short; n++) {
            struct wire wire;
            wire_open_modern(&wire, server);
            running = NULL;
            was_short = receive_scarce(&wire, message, n);
            if (server_running(server) == 1)
                end_cancelled(running);
            assert_int_equal(wire.count, 1);
            assert_true(wire.is_last[0]);
            assert_int_equal(server_running(server), 0);
            wire.seen = wire.count;
            wire_close(&wire);
            assert_true(n < 500);
        }
        json_decref(message);
    }
    is_recording = true;
    server_free(server);
}

#define TASK_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, teardown)

int main(void)
{
    forget_emitted();
    const struct CMUnitTest tests[] = {
        TASK_TEST(test_completes),
        TASK_TEST(test_ends),
        TASK_TEST(test_who_takes_tasks),
        TASK_TEST(test_not_offered),
        TASK_TEST(test_asks),
        TASK_TEST(test_asks_again),
        TASK_TEST(test_cannot_ask),
        TASK_TEST(test_is_heard_of),
        TASK_TEST(test_is_not_heard_of),
        TASK_TEST(test_cancel),
        TASK_TEST(test_owner),
        TASK_TEST(test_survives_its_channel),
        TASK_TEST(test_expiry),
        TASK_TEST(test_shutdown),
        TASK_TEST(test_limits),
        TASK_TEST(test_ids),
        TASK_TEST(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
