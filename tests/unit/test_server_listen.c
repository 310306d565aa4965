/* subscriptions/listen: what a client is told, how it ends, and how many there may be. */
#include "watch_harness.h"

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_watch, teardown)

static void test_listen(void **state)
{
    struct server *server = *state;
    struct wire wire;
    wire_open(&wire, server);
    /* There are no prompts: what nobody serves is not promised. */
    listen_to(&wire, "'l'", ALL_LISTS);
    expect_note(&wire, ACK("'l'", "{'toolsListChanged':true,'resourcesListChanged':true}"));
    listen_to(&wire, "7",
              "{'toolsListChanged':false,'resourceSubscriptions':['x://a','x://none','x://e/1'],"
              "'taskIds':['t'],'unknown':[1]}");
    expect_note(&wire, ACK("7", "{'resourceSubscriptions':['x://a','x://e/1']}"));
    listen_to(&wire, "8", "{}");
    expect_note(&wire, ACK("8", "{}"));
    server_changed(server, CHANGED_TOOLS | CHANGED_PROMPTS);
    expect_note(&wire, NOTE("tools/list_changed", ID("'l'")));
    server_changed(server, CHANGED_RESOURCES);
    expect_note(&wire, NOTE("resources/list_changed", ID("'l'")));
    server_resource_updated(server, "x://e/1");
    expect_note(&wire, NOTE("resources/updated", "'uri':'x://e/1'," ID("7")));
    server_resource_updated(server, "x://e/2");
    server_resource_updated(server, "x://none");
    expect_silence(&wire);
    /* The same once more is told once more, to those who asked. */
    listen_to(&wire, "9", "{'resourceSubscriptions':['x://a']}");
    expect_note(&wire, ACK("9", "{'resourceSubscriptions':['x://a']}"));
    server_resource_updated(server, "x://a");
    expect_note(&wire, NOTE("resources/updated", "'uri':'x://a'," ID("9")));
    expect_note(&wire, NOTE("resources/updated", "'uri':'x://a'," ID("7")));
    /* An open id is taken; a closed one is free. */
    listen_to(&wire, "7", "{}");
    expect_part(&wire, 400, "'id':7,'error':{'code':-32600");
    stop_listening(&wire, "7");
    assert_null(next(&wire, 202, true));
    stop_listening(&wire, "7");
    expect_silence(&wire);
    listen_to(&wire, "7", "{}");
    expect_note(&wire, ACK("7", "{}"));
    clock_ms += 1000;
    server_resource_updated(server, "x://a");
    expect_note(&wire, NOTE("resources/updated", "'uri':'x://a'," ID("9")));
    /* The end of the client. */
    server_channel_gone(server, &wire.channel);
    for (int i = 0; i < 4; i++)
        assert_null(next(&wire, 202, true));
    server_changed(server, CHANGED_TOOLS);
    expect_silence(&wire);
    wire_close(&wire);
}

static void test_shutdown(void **state)
{
    struct wire wire;
    int stopped = 0;
    wire_open(&wire, *state);
    listen_to(&wire, "'l'", "{'toolsListChanged':true}");
    expect_note(&wire, ACK("'l'", "{'toolsListChanged':true}"));
    server_shutdown(*state, count_one, &stopped);
    assert_int_equal(stopped, 1);
    expect(&wire, 200,
           "{'jsonrpc':'2.0','id':'l','result':{'_meta':{'io.modelcontextprotocol/subscriptionId':"
           "'l','io.modelcontextprotocol/serverInfo':" INFO "},'resultType':'complete'}}");
    listen_to(&wire, "2", "{}");
    expect_part(&wire, 200, "'code':-32603,'message':'The server is shutting down'");
    wire_close(&wire);
}

static void test_listen_refused(void **state)
{
    static const struct {
        const char *params, *part;
    } rows[] = {
        {"", "notifications must be an object"},
        {"'notifications':[]", "notifications must be an object"},
        {"'notifications':{'toolsListChanged':1}", "must be booleans"},
        {"'notifications':{'promptsListChanged':'true'}", "must be booleans"},
        {"'notifications':{'resourcesListChanged':null}", "must be booleans"},
        {"'notifications':{'resourceSubscriptions':'x://a'}", "must be lists"},
        {"'notifications':{'resourceSubscriptions':[5]}", "must be lists"},
        {"'notifications':{'resourceSubscriptions':['x://a\\u0000']}", "must be lists"},
        {"'notifications':{'resourceSubscriptions':null}", "must be lists"},
        {"'notifications':{'taskIds':{}}", "must be lists"},
    };
    struct wire wire;
    wire_open_modern(&wire, *state);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char params[512];
        snprintf(params, sizeof params, "%s%s" META, rows[i].params,
                 rows[i].params[0] != '\0' ? "," : "");
        wire_ask(&wire, "subscriptions/listen", params);
        expect_part(&wire, 200, "-32602");
        wire_ask(&wire, "subscriptions/listen", params);
        expect_part(&wire, 200, rows[i].part);
    }
    /* The older revisions know no such method, and this one not theirs. */
    wire_ask(&wire, "resources/subscribe", "'uri':'x://a'," META);
    expect_part(&wire, 404, "-32601");
    wire_ask(&wire, "resources/unsubscribe", "'uri':'x://a'," META);
    expect_part(&wire, 404, "-32601");
    wire.revision = "2025-11-25";
    wire_ask(&wire, "subscriptions/listen", "'notifications':{}");
    expect_part(&wire, 200, "-32601");
    wire_close(&wire);
}

/* Over HTTP the answer is a stream, which the client must be able to take. */
static void test_listen_over_http(void **state)
{
    struct message_headers headers = {
        .protocol_version = V,
        .method = "subscriptions/listen",
        .accepts_json = true,
    };
    struct wire wire;
    wire_open(&wire, *state);
    struct peer *peer = wire.peer;
    wire.peer = NULL;
    wire.headers = &headers;
    listen_to(&wire, "1", ALL_LISTS);
    expect_part(&wire, 400, "'id':1,'error':{'code':-32600");
    headers.accepts_stream = true;
    listen_to(&wire, "1", ALL_LISTS);
    expect_note(&wire, ACK("1", "{'toolsListChanged':true,'resourcesListChanged':true}"));
    server_changed(*state, CHANGED_TOOLS);
    expect_note(&wire, NOTE("tools/list_changed", ID("1")));
    server_channel_gone(*state, &wire.channel);
    assert_null(next(&wire, 202, true));
    wire.peer = peer;
    wire_close(&wire);
}

/* ---- many ---- */

static void test_too_many(void **state)
{
    enum { MOST = 1024 };
    struct counter counter = {.channel.ops = &count_ops, .server = *state};
    for (int i = 0; i < MOST; i++)
        count_listen(&counter, i, "{'toolsListChanged':true}");
    assert_int_equal(counter.notes, MOST);
    assert_int_equal(counter.ends, 0);
    struct wire wire;
    wire_open(&wire, *state);
    listen_to(&wire, "1", "{}");
    expect_part(&wire, 200, "'error':{'code':-32603,'message':'Too many subscriptions");
    server_changed(*state, CHANGED_TOOLS);
    assert_int_equal(counter.notes, 2 * MOST);
    server_channel_gone(*state, &counter.channel);
    assert_int_equal(counter.ends, MOST);
    listen_to(&wire, "1", "{}");
    expect_note(&wire, ACK("1", "{}"));
    stop_listening(&wire, "1");
    assert_null(next(&wire, 202, true));
    /* As many things as one may watch. */
    json_t *list = json_array();
    for (int i = 0; i < 257; i++)
        json_array_append_new(list, json_sprintf("x://e/%d", i));
    json_t *params = parse("{" META "}");
    json_object_set_new(params, "notifications", json_pack("{s:O}", "resourceSubscriptions", list));
    json_t *message = json_pack("{s:s, s:i, s:s, s:O}", "jsonrpc", "2.0", "id", 1, "method",
                                "subscriptions/listen", "params", params);
    server_receive(*state, NULL, &wire.channel, message, NULL);
    expect_part(&wire, 200, "-32602");
    json_array_remove(list, 256);
    server_receive(*state, NULL, &counter.channel, message, NULL);
    assert_int_equal(counter.notes, 2 * MOST + 1);
    server_resource_updated(*state, "x://e/255");
    assert_int_equal(counter.notes, 2 * MOST + 2);
    server_channel_gone(*state, &counter.channel);
    json_decref(message);
    json_decref(params);
    json_decref(list);
    wire_close(&wire);
}

/* One caller leaves room for the others. */
static void test_shares(void **state)
{
    enum { SHARE = 256 };
    struct counter counter = {.channel.ops = &count_ops, .server = *state};
    struct peer *greedy = peer_new(*state, "greedy"), *modest = peer_new(*state, "modest");
    counter.peer = greedy;
    for (int i = 0; i < SHARE; i++)
        count_listen(&counter, i, "{'toolsListChanged':true}");
    assert_int_equal(counter.notes, SHARE);
    struct wire wire;
    wire_open(&wire, *state);
    struct peer *own = wire.peer;
    wire.peer = greedy;
    listen_to(&wire, "'g'", "{}");
    expect_part(&wire, 200, "'error':{'code':-32603,'message':'Too many subscriptions");
    wire.peer = modest;
    listen_to(&wire, "'m'", "{}");
    expect_note(&wire, ACK("'m'", "{}"));
    stop_listening(&wire, "'m'");
    assert_null(next(&wire, 202, true));
    server_channel_gone(*state, &counter.channel);
    listen_to(&wire, "'m'", "{}");
    expect_note(&wire, ACK("'m'", "{}"));
    stop_listening(&wire, "'m'");
    assert_null(next(&wire, 202, true));
    wire.peer = own;
    peer_free(greedy);
    peer_free(modest);
    wire_close(&wire);
}

/* A burst of changes is told at once, and once more when it is over. */
static void test_burst(void **state)
{
    struct server *server = *state;
    struct counter counter = {.channel.ops = &count_ops, .server = server};
    assert_true(server_sweep(server) <= 1000); /* as late may the end of the burst be told */
    count_listen(&counter, 1, "{'toolsListChanged':true,'resourceSubscriptions':['x://a']}");
    assert_int_equal(counter.notes, 1);
    for (int i = 0; i < 1000; i++) {
        server_changed(server, CHANGED_TOOLS);
        server_resource_updated(server, "x://a");
    }
    assert_int_equal(counter.notes, 3);
    assert_int_equal(server_sweep(server), 100);
    assert_int_equal(counter.notes, 3);
    clock_ms += 100;
    server_sweep(server);
    assert_int_equal(counter.notes, 5);
    clock_ms += 1000;
    server_sweep(server);
    assert_int_equal(counter.notes, 5);
    server_channel_gone(server, &counter.channel);
    assert_int_equal(counter.ends, 1);
}

/* A transport may notice only while it sends that its client is gone. */
static void test_gone_while_sending(void **state)
{
    struct server *server = *state;
    struct counter leaving = {.channel.ops = &count_ops, .server = server};
    struct counter staying = {.channel.ops = &count_ops, .server = server};
    for (int i = 0; i < 3; i++) {
        count_listen(&staying, 2 * i, ALL_LISTS);
        count_listen(&leaving, 2 * i + 1, ALL_LISTS);
    }
    leaving.leaves = true;
    server_changed(server, CHANGED_TOOLS | CHANGED_RESOURCES);
    assert_int_equal(leaving.notes, 3 + 1);
    assert_int_equal(leaving.ends, 3);
    assert_int_equal(staying.notes, 3 + 6);
    server_channel_gone(server, &staying.channel);
}

/* ---- tasks ---- */

#define TAKES_TASKS MODERN_META("{'extensions':{'io.modelcontextprotocol/tasks':{}}}")

static void start_task(struct call *call, const json_t *arguments, void *user)
{
    held = call;
    assert_true(call_into_task(call));
}

static void test_tasks(void **state)
{
    struct server *server = server_to_watch(true);
    struct err err;
    struct server_tool tool = {
        .name = "task",
        .input_schema = parse("{'type':'object'}"),
        .task_mode = TASK_OPTIONAL,
        .start = start_task,
    };
    assert_int_equal(server_add_tool(server, &tool, &err), 0);
    struct wire wire;
    wire_open_modern(&wire, server);
    wire_ask(&wire, "server/discover", META);
    expect_part(&wire, 200, "'extensions':{'io.modelcontextprotocol/tasks':{}}}");
    wire.revision = "2025-11-25";
    wire_ask(&wire, "initialize", "'protocolVersion':'2025-11-25'");
    assert_null(strstr(next(&wire, 200, true), "extensions"));
    /* Who does not understand tasks cannot listen to one. */
    listen_to(&wire, "1", "{'taskIds':['x']}");
    expect_part(&wire, 400, "'error':{'code':-32021,");
    wire_ask(&wire, "tools/call", "'name':'task'," TAKES_TASKS);
    const char *created = next(&wire, 200, true);
    char id[64] = "", params[512];
    const char *at = strstr(created, "'taskId':'");
    assert_non_null(at);
    at += strlen("'taskId':'");
    snprintf(id, sizeof id, "%.*s", (int)strcspn(at, "'"), at);
    snprintf(params, sizeof params, "'notifications':{'taskIds':['%s','none']}," TAKES_TASKS, id);
    wire_ask(&wire, "subscriptions/listen", params);
    const char *ack = next(&wire, 200, false);
    assert_non_null(strstr(ack, "'notifications':{'taskIds':['"));
    assert_non_null(strstr(ack, id));
    assert_null(strstr(ack, "none"));
    /* Somebody else's task is none. */
    struct message_headers headers = {
        .protocol_version = V,
        .method = "subscriptions/listen",
        .principal = "somebody",
        .accepts_json = true,
        .accepts_stream = true,
    };
    struct wire other;
    wire_open(&other, server);
    other.revision = V;
    other.headers = &headers;
    wire_ask(&other, "subscriptions/listen", params);
    expect_note(&other, ACK("1", "{}"));
    call_task_status(held, "counting");
    const char *note = next(&wire, 200, false);
    assert_non_null(strstr(note, "'method':'notifications/tasks'"));
    assert_non_null(strstr(note, "'statusMessage':'counting'"));
    assert_non_null(strstr(note, ID("1")));
    assert_null(strstr(note, "resultType"));
    /* The end is told at once, whatever was told just before. */
    call_finish(held, NULL, parse("{'a':1}"));
    note = next(&wire, 200, false);
    assert_non_null(strstr(note, "'status':'completed'"));
    assert_non_null(strstr(note, "'structuredContent':{'a':1}"));
    expect_silence(&other);
    server_channel_gone(server, &wire.channel);
    assert_null(next(&wire, 202, true));
    server_channel_gone(server, &other.channel);
    assert_null(next(&other, 202, true));
    wire_close(&wire);
    wire_close(&other);
    server_free(server);
}

int main(void)
{
    forget_emitted();
    const struct CMUnitTest tests[] = {
        TEST(test_listen),         TEST(test_shutdown),
        TEST(test_listen_refused), TEST(test_listen_over_http),
        TEST(test_too_many),       TEST(test_shares),
        TEST(test_burst),          TEST(test_gone_while_sending),
        TEST(test_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
