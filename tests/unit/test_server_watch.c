/* Changes as clients of the older revisions hear of them, and those of both eras. */
#include "watch_harness.h"

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_watch, teardown)

static void test_legacy_lists(void **state)
{
    struct server *server = *state;
    struct wire wire;
    wire_open(&wire, server);
    assert_false(server_is_watched(server));
    peer_listen(wire.peer, &wire.channel);
    server_changed(server, CHANGED_TOOLS | CHANGED_RESOURCES); /* no handshake, no notifications */
    expect_silence(&wire);
    wire_greet(&wire, "2025-03-26", "{}");
    assert_true(server_is_watched(server));
    server_changed(server, CHANGED_TOOLS | CHANGED_PROMPTS | CHANGED_RESOURCES);
    expect_note(&wire, NOTE("tools/list_changed", ""));
    expect_note(&wire, NOTE("resources/list_changed", ""));
    expect_silence(&wire);
    /* Nowhere to tell it now: it waits. */
    peer_listen(wire.peer, NULL);
    assert_false(server_is_watched(server));
    clock_ms += 1000;
    for (int i = 0; i < 10; i++)
        server_changed(server, CHANGED_TOOLS);
    expect_silence(&wire);
    peer_listen(wire.peer, &wire.channel);
    expect_note(&wire, NOTE("tools/list_changed", ""));
    /* A second handshake makes nothing double. */
    wire_greet(&wire, "2025-11-25", "{}");
    clock_ms += 1000;
    server_changed(server, CHANGED_TOOLS);
    expect_note(&wire, NOTE("tools/list_changed", ""));
    expect_silence(&wire);
    wire_close(&wire);
    server_changed(server, CHANGED_TOOLS); /* the client is gone */
}

static void test_legacy_resources(void **state)
{
    struct server *server = *state;
    struct wire wire, other;
    wire_open(&wire, server);
    wire_open(&other, server);
    wire_greet(&wire, "2024-11-05", "{}");
    wire_greet(&other, "2025-11-25", "{}");
    peer_listen(wire.peer, &wire.channel);
    peer_listen(other.peer, &other.channel);
    wire_ask(&wire, "resources/subscribe", "'uri':'x://a'");
    expect(&wire, 200, "{'jsonrpc':'2.0','id':1,'result':{}}");
    wire_ask(&wire, "resources/subscribe", "'uri':'x://a'");
    expect(&wire, 200, "{'jsonrpc':'2.0','id':1,'result':{}}");
    wire_ask(&wire, "resources/subscribe", "'uri':'x://e/1'");
    expect(&wire, 200, "{'jsonrpc':'2.0','id':1,'result':{}}");
    server_resource_updated(server, "x://a");
    expect_note(&wire, NOTE("resources/updated", "'uri':'x://a'"));
    /* A part of it changed; then several did, and so the whole. */
    server_resource_updated(server, "x://e/1/part");
    expect_note(&wire, NOTE("resources/updated", "'uri':'x://e/1/part'"));
    server_resource_updated(server, "x://e/1/p");
    server_resource_updated(server, "x://e/1/q");
    server_resource_updated(server, "x://e/10");
    clock_ms += 100;
    server_sweep(server);
    expect_note(&wire, NOTE("resources/updated", "'uri':'x://e/1'"));
    wire_ask(&wire, "resources/unsubscribe", "'uri':'x://a'");
    expect(&wire, 200, "{'jsonrpc':'2.0','id':1,'result':{}}");
    wire_ask(&wire, "resources/unsubscribe", "'uri':'x://a'");
    expect(&wire, 200, "{'jsonrpc':'2.0','id':1,'result':{}}");
    clock_ms += 1000;
    server_resource_updated(server, "x://a");
    expect_silence(&wire);
    expect_silence(&other);
    wire_close(&wire);
    wire_close(&other);
}

static void test_legacy_refused(void **state)
{
    struct wire wire;
    wire_open(&wire, *state);
    static const struct {
        const char *params, *part;
    } rows[] = {
        {"'uri':'x://none'", "'error':{'code':-32002,'message':'Resource not found: "
                             "x://none','data':{'uri':'x://none'}"},
        {"'uri':'x://e/'", "-32002"},
        {"'uri':5", "-32602"},
        {"", "-32602"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_ask(&wire, "resources/subscribe", rows[i].params);
        expect_part(&wire, 200, rows[i].part);
    }
    wire_ask(&wire, "resources/unsubscribe", "'uri':5");
    expect_part(&wire, 200, "-32602");
    wire_ask(&wire, "resources/unsubscribe", "'uri':'x://none'");
    expect_part(&wire, 200, "'result':{}");
    wire_close(&wire);
}

/* As many as it may have, and more. */
static void subscribe_to_many(struct counter *counter, struct peer *peer)
{
    for (int i = 0; i < 300; i++) {
        json_t *message =
            json_pack("{s:s, s:i, s:s, s:{s:o}}", "jsonrpc", "2.0", "id", 1, "method",
                      "resources/subscribe", "params", "uri", json_sprintf("x://e/%d", i));
        counter->ends = 0;
        server_receive(counter->server, peer, &counter->channel, message, NULL);
        assert_int_equal(counter->ends, 1);
        json_decref(message);
    }
}

static void test_legacy_too_many(void **state)
{
    struct counter counter = {.channel.ops = &count_ops, .server = *state};
    struct peer *peer = peer_new(*state, NULL);
    struct wire wire;
    wire_open(&wire, *state);
    int accepted = 0;
    subscribe_to_many(&counter, peer);
    peer_listen(peer, &counter.channel);
    for (int i = 0; i < 300; i++) {
        char uri[32];
        snprintf(uri, sizeof uri, "x://e/%d", i);
        counter.notes = 0;
        server_resource_updated(*state, uri);
        accepted += counter.notes;
    }
    assert_in_range(accepted, 250, 256);
    struct peer *own = wire.peer;
    wire.peer = peer;
    wire_ask(&wire, "resources/subscribe", "'uri':'x://e/299'");
    expect_part(&wire, 200, "'error':{'code':-32603");
    wire_ask(&wire, "resources/subscribe", "'uri':'x://e/0'"); /* it is */
    expect_part(&wire, 200, "'result':{}");
    wire.peer = own;
    wire_close(&wire);
    peer_free(peer);
}

/* One caller with many sessions leaves room for the others. */
static void test_legacy_shares(void **state)
{
    enum { SESSIONS = 17 };
    struct counter counter = {.channel.ops = &count_ops, .server = *state};
    struct peer *greedy[SESSIONS], *modest = peer_new(*state, "modest");
    for (int i = 0; i < SESSIONS; i++) {
        greedy[i] = peer_new(*state, "greedy");
        subscribe_to_many(&counter, greedy[i]);
    }
    struct wire wire;
    wire_open(&wire, *state);
    struct peer *own = wire.peer;
    wire.peer = greedy[SESSIONS - 1];
    wire_ask(&wire, "resources/subscribe", "'uri':'x://a'");
    expect_part(&wire, 200, "'error':{'code':-32603,'message':'Too many resources are watched");
    wire_ask(&wire, "resources/subscribe", "'uri':'x://e/0'"); /* it is */
    expect_part(&wire, 200, "'result':{}");
    wire.peer = modest;
    wire_ask(&wire, "resources/subscribe", "'uri':'x://a'");
    expect_part(&wire, 200, "'result':{}");
    wire.peer = greedy[SESSIONS - 1];
    peer_free(greedy[0]);
    wire_ask(&wire, "resources/subscribe", "'uri':'x://a'");
    expect_part(&wire, 200, "'result':{}");
    wire.peer = own;
    for (int i = 1; i < SESSIONS; i++)
        peer_free(greedy[i]);
    peer_free(modest);
    wire_close(&wire);
}

/* A client of both eras hears as it asked in each. */
static void test_both_eras(void **state)
{
    struct server *server = *state;
    struct wire wire;
    wire_open(&wire, server);
    peer_listen(wire.peer, &wire.channel);
    listen_to(&wire, "'l'", "{'toolsListChanged':true}");
    expect_note(&wire, ACK("'l'", "{'toolsListChanged':true}"));
    server_changed(server, CHANGED_TOOLS);
    expect_note(&wire, NOTE("tools/list_changed", ID("'l'")));
    assert_false(server_is_watched(server)); /* tools are no resources */
    listen_to(&wire, "'m'", "{'resourcesListChanged':true}");
    expect_note(&wire, ACK("'m'", "{'resourcesListChanged':true}"));
    assert_true(server_is_watched(server));
    wire_greet(&wire, "2025-11-25", "{}");
    clock_ms += 1000;
    server_changed(server, CHANGED_TOOLS);
    expect_note(&wire, NOTE("tools/list_changed", ""));
    expect_note(&wire, NOTE("tools/list_changed", ID("'l'")));
    peer_listen(wire.peer, NULL);
    assert_true(server_is_watched(server)); /* through the listen */
    stop_listening(&wire, "'m'");
    assert_null(next(&wire, 202, true));
    assert_false(server_is_watched(server));
    /* A peer that goes takes what it heard of along; the channel is a matter of its own. */
    struct peer *peer = wire.peer;
    wire.peer = NULL;
    peer_free(peer);
    clock_ms += 1000;
    server_changed(server, CHANGED_TOOLS);
    expect_note(&wire, NOTE("tools/list_changed", ID("'l'")));
    server_channel_gone(server, &wire.channel);
    assert_null(next(&wire, 202, true));
    wire_close(&wire);
}

/* The server may go before those who listened to it. */
static void test_server_goes_first(void **state)
{
    struct server *server = server_to_watch(false);
    struct wire wire;
    wire_open(&wire, server);
    wire_greet(&wire, "2025-11-25", "{}");
    peer_listen(wire.peer, &wire.channel);
    server_free(server);
    peer_listen(wire.peer, &wire.channel);
    wire_close(&wire);
}

int main(void)
{
    forget_emitted();
    const struct CMUnitTest tests[] = {
        TEST(test_legacy_lists),      TEST(test_legacy_resources), TEST(test_legacy_refused),
        TEST(test_legacy_too_many),   TEST(test_legacy_shares),    TEST(test_both_eras),
        TEST(test_server_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
