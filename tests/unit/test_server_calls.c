/* Calls that take time: cancelling, shutdown, progress, batches, and memory that runs out. */
#include "server_harness.h"

/* ---- running calls ---- */

#define HOLD(id, extra)                                                                            \
    "{'jsonrpc':'2.0','id':" id ",'method':'tools/call','params':{'name':'fake','arguments':"      \
    "{'do':'hold'}" extra "}}"

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
    post.peer = other.peer = peer_new(*state, NULL);
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

static void test_shutdown(void **state)
{
    struct wire wire;
    int stopped = 0;
    wire_open(&wire, *state);
    ends_on_cancel = false;
    say(&wire, HOLD("1", ",'_meta':{'progressToken':'t'}"));
    struct call *first = held;
    say(&wire, HOLD("2", ""));
    server_shutdown(*state, count_one, &stopped);
    assert_int_equal(cancel_count, 2);
    assert_int_equal(stopped, 0);
    call_progress(first, 1, 2, "late");
    expect_silence(&wire);
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
    server_shutdown(*state, count_one, &stopped);
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
    server_shutdown(*state, count_one, &stopped);
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

/* ---- logging ---- */

#define SET_LEVEL(level)                                                                           \
    "{'jsonrpc':'2.0','id':'l','method':'logging/setLevel','params':{'level':" level "}}"
#define MODERN(level)                                                                              \
    ",'_meta':{'io.modelcontextprotocol/protocolVersion':'" V "'," CAPS "{}" level "}"

static struct server *server_with_logging(void)
{
    struct server_options own = options;
    own.has_logging = true;
    struct server *server = server_new(&own);
    struct server_tool fake = {
        .name = "fake",
        .description = "Does what it is told.",
        .input_schema = parse("{'type':'object'}"),
        .start = start_fake,
    };
    assert_int_equal(server_add_tool(server, &fake, NULL), 0);
    return server;
}

/* Says something at every level; how much of it the client hears. */
static int hears(struct wire *wire)
{
    int count = 0;
    for (int level = MCP_DEBUG; level <= MCP_EMERGENCY; level++)
        call_log(held, (enum mcp_level)level, "test", json_pack("{s:i}", "n", level));
    for (; wire->seen < wire->count; count++) {
        const char *sent = next(wire, 200, false);
        assert_non_null(strstr(sent, "'method':'notifications/message','params':{'level':'"));
        assert_non_null(strstr(sent, "','logger':'test','data':{'n':"));
    }
    return count;
}

static void test_log(void **state)
{
    static const struct {
        const char *level; /* of logging/setLevel, or NULL */
        const char *call;
        int heard;
        bool is_http, has_no_peer, is_json_only;
    } rows[] = {
        {NULL, HOLD("1", ""), 7},
        {SET_LEVEL("'debug'"), HOLD("1", ""), 8},
        {SET_LEVEL("'warning'"), HOLD("1", ""), 5},
        {SET_LEVEL("'emergency'"), HOLD("1", ""), 1},
        {NULL, HOLD("1", ""), 7, .is_http = true},
        {NULL, HOLD("1", ""), 7, .is_http = true, .has_no_peer = true},
        {SET_LEVEL("'debug'"), HOLD("1", ""), 7, .is_http = true, .has_no_peer = true},
        {NULL, HOLD("1", ""), 0, .is_http = true, .is_json_only = true},
        /* In the modern era the request alone says it. */
        {NULL, HOLD("1", MODERN("")), 0},
        {SET_LEVEL("'debug'"), HOLD("1", MODERN("")), 0},
        {NULL, HOLD("1", MODERN(",'io.modelcontextprotocol/logLevel':'debug'")), 8},
        {SET_LEVEL("'error'"), HOLD("1", MODERN(",'io.modelcontextprotocol/logLevel':'notice'")),
         6},
    };
    struct server *server = server_with_logging();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct message_headers headers = {.protocol_version = "2025-11-25",
                                          .accepts_json = true,
                                          .accepts_stream = !rows[i].is_json_only};
        struct wire wire;
        wire_open(&wire, server);
        struct peer *peer = wire.peer;
        if (rows[i].is_http)
            wire.headers = &headers;
        if (rows[i].has_no_peer)
            wire.peer = NULL;
        if (rows[i].level != NULL) {
            say(&wire, rows[i].level);
            expect(&wire, 200, "{'jsonrpc':'2.0','id':'l','result':{}}");
        }
        if (strstr(rows[i].call, V) != NULL)
            wire.revision = V;
        say(&wire, rows[i].call);
        assert_int_equal(hears(&wire), rows[i].heard);
        /* Not a word to who has cancelled. */
        ends_on_cancel = false;
        say(&wire, CANCEL("1"));
        assert_int_equal(hears(&wire), 0);
        call_finish(held, json_array(), NULL);
        assert_null(next(&wire, 202, true));
        wire.peer = peer;
        wire_close(&wire);
    }
    server_free(server);
}

static void test_log_details(void **state)
{
    struct server *server = server_with_logging();
    struct wire wire;
    wire_open(&wire, server);
    say(&wire, HOLD("1", ""));
    call_log(held, MCP_NOTICE, NULL, json_string("said"));
    assert_string_equal(progress(&wire), "{'jsonrpc':'2.0','method':'notifications/message',"
                                         "'params':{'level':'notice','data':'said'}}");
    call_log(held, MCP_NOTICE, NULL, NULL); /* memory ran out before */
    call_finish(held, json_array(), NULL);
    expect_part(&wire, 200, "'id':1");
    static const char *const bad[] = {SET_LEVEL("'loud'"), SET_LEVEL("5"), SET_LEVEL("null"),
                                      "{'jsonrpc':'2.0','id':1,'method':'logging/setLevel'}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        say(&wire, bad[i]);
        expect_part(&wire, 200, "'error':{'code':-32602");
    }
    wire.revision = V;
    say(&wire,
        "{'jsonrpc':'2.0','id':1,'method':'logging/setLevel','params':{'level':'info'," META "}}");
    expect_part(&wire, 404, "'error':{'code':-32601");
    wire_close(&wire);
    server_free(server);
    /* Who does not declare it does not do it. */
    wire_open(&wire, *state);
    say(&wire, SET_LEVEL("'debug'"));
    expect_part(&wire, 200, "'error':{'code':-32601");
    say(&wire, HOLD("1", ""));
    assert_int_equal(hears(&wire), 0);
    call_finish(held, json_array(), NULL);
    expect_part(&wire, 200, "'id':1");
    wire_close(&wire);
}

/* ---- letting go ---- */

static int let_go_count;

static void let_go(struct channel *channel, unsigned retry_ms)
{
    assert_int_equal(retry_ms, 250);
    let_go_count++;
}

static void test_let_go(void **state)
{
    static const struct channel_ops ops = {.send = wire_send, .let_go = let_go};
    static const struct {
        const char *version, *extra;
        bool can, has_no_peer;
        int count;
    } rows[] = {
        {"2025-11-25", "", true, false, 1}, {"2025-11-25", "", false, false, 0},
        {"2025-11-25", "", true, true, 0},  {"2025-06-18", "", true, false, 0},
        {V, MODERN(""), true, false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct message_headers headers = {.protocol_version = rows[i].version,
                                          .method = "tools/call",
                                          .name = "fake",
                                          .accepts_json = true,
                                          .accepts_stream = true};
        char text[512];
        struct wire wire;
        wire_open(&wire, *state);
        struct peer *peer = wire.peer;
        wire.revision = rows[i].version;
        wire.headers = &headers;
        if (rows[i].can)
            wire.channel.ops = &ops;
        if (rows[i].has_no_peer)
            wire.peer = NULL;
        snprintf(text, sizeof text,
                 "{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'fake',"
                 "'arguments':{'do':'hold'}%s}}",
                 rows[i].extra);
        say(&wire, text);
        let_go_count = 0;
        call_let_go(held, 250);
        assert_int_equal(let_go_count, rows[i].count);
        call_finish(held, json_array(), NULL);
        expect_part(&wire, 200, "'id':1");
        wire.peer = peer;
        wire_close(&wire);
    }
}

/* ---- batches ---- */

#define PING(id) "{'jsonrpc':'2.0','id':" id ",'method':'ping'}"

static void test_batch(void **state)
{
    struct wire wire;
    wire_open(&wire, *state);
    wire_greet(&wire, "2025-03-26", "{}");
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
            was_short = receive_scarce(&wire, message, n);
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
    forget_emitted();
    const struct CMUnitTest tests[] = {
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
        TEST(test_log),
        TEST(test_log_details),
        TEST(test_let_go),
        TEST(test_batch),
        TEST(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
