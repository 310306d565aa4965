/* Calls that ask their client in the legacy era: requests to the client, its answers, and what
 * happens when none come. */
#include "asker.h"

#define INIT(version, caps)                                                                        \
    "{'jsonrpc':'2.0','id':'init','method':'initialize','params':{'protocolVersion':'" version     \
    "','clientInfo':{'name':'t','version':'1'},'capabilities':" caps "}}"
#define LEGACY(id, arguments)                                                                      \
    "{'jsonrpc':'2.0','id':" id ",'method':'tools/call','params':{'name':'asker','arguments':{"    \
    "" arguments "}}}"

static void open_legacy(struct wire *wire, struct server *server, const char *init,
                        const char *revision)
{
    wire_open(wire, server);
    wire->revision = revision;
    say(wire, init);
    next(wire, 200, true);
}

/* The id of the last request that was sent. */
static const char *question_id(const struct wire *wire)
{
    const json_t *sent = wire->sent[wire->count - 1];
    assert_non_null(json_object_get(sent, "method"));
    const char *id = json_get_string(sent, "id", NULL);
    assert_non_null(id);
    return id;
}

static void respond(struct wire *wire, const char *id, const char *body)
{
    char text[1024];
    snprintf(text, sizeof text, "{'jsonrpc':'2.0','id':'%s',%s}", id, body);
    assert_int_equal(say(wire, text), RECEIVE_ACCEPTED);
}

static void test_legacy(void **state)
{
    struct wire wire;
    open_legacy(&wire, *state, INIT("2025-11-25", FORMS), "2025-11-25");
    say(&wire, LEGACY("1", ASK_NAME ",'rounds':2"));
    char id[64], part[512];
    snprintf(id, sizeof id, "%s", question_id(&wire));
    snprintf(part, sizeof part, "{'jsonrpc':'2.0','id':'%s',%.*s", id, (int)strlen(NAME_FORM) - 1,
             &NAME_FORM[1]);
    assert_string_equal(next(&wire, 200, false), part);
    assert_int_equal(server_running(*state), 1);
    assert_int_equal(started, 1);
    respond(&wire, "ask-0", "'result':{}");
    respond(&wire, "1", "'result':{}");
    expect_silence(&wire);
    respond(&wire, id, "'result':" ACCEPT("a"));
    assert_int_equal(started, 2);
    assert_string_not_equal(question_id(&wire), id);
    next(&wire, 200, false);
    respond(&wire, id, "'result':" ACCEPT("late"));
    expect_silence(&wire);
    respond(&wire, question_id(&wire), "'result':" ACCEPT("b"));
    expect_part(&wire, 200,
                "{'jsonrpc':'2.0','id':1,'result':{'content':[],'structuredContent':{'round':2,"
                "'told':{'name':" ACCEPT("b") "}}}}");
    assert_int_equal(started, 3);
    wire_close(&wire);
}

static void test_legacy_errors(void **state)
{
    static const struct {
        const char *body, *told;
    } rows[] = {
        {"'error':{'code':-1,'message':'no'}", "{'error':{'code':-1,'message':'no'}}"},
        {"'result':5", "{'error':{'code':-32602,'message':'the client\\'s result is not an"},
        {"'result':{'action':'cancel'}", "{'action':'cancel'}"},
        {"'result':{}", "{'name':{}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wire wire;
        open_legacy(&wire, *state, INIT("2025-11-25", FORMS), "2025-11-25");
        say(&wire, LEGACY("1", ASK_NAME));
        next(&wire, 200, false);
        respond(&wire, question_id(&wire), rows[i].body);
        char told[256];
        size_t len = 0;
        for (const char *c = rows[i].told; *c != '\0'; c++) {
            if (*c != '\\')
                told[len++] = *c;
        }
        told[len] = '\0';
        expect_part(&wire, 200, told);
        wire_close(&wire);
    }
}

/* An answer counts when it comes from the client that was asked. */
static void test_legacy_other_peer(void **state)
{
    struct wire wire, other;
    open_legacy(&wire, *state, INIT("2025-11-25", FORMS), "2025-11-25");
    open_legacy(&other, *state, INIT("2025-11-25", FORMS), "2025-11-25");
    say(&wire, LEGACY("1", ASK_NAME));
    next(&wire, 200, false);
    const char *id = question_id(&wire);
    respond(&other, id, "'result':" ACCEPT("Eve"));
    struct peer *peer = other.peer;
    other.peer = NULL;
    respond(&other, id, "'result':" ACCEPT("Eve"));
    other.peer = peer;
    expect_silence(&wire);
    /* Over HTTP it comes with a POST of its own. */
    struct wire post;
    wire_open(&post, *state);
    peer_free(post.peer);
    post.peer = wire.peer;
    respond(&post, id, "'result':" ACCEPT("Ada"));
    post.peer = NULL;
    expect_part(&wire, 200, ACCEPT("Ada"));
    wire_close(&post);
    wire_close(&wire);
    wire_close(&other);
}

static void test_legacy_many(void **state)
{
    struct wire wire;
    open_legacy(&wire, *state, INIT("2025-11-25", "{'elicitation':{},'roots':{},'sampling':{}}"),
                "2025-11-25");
    say(&wire, LEGACY("1", "'ask':{'n':" NAME_FORM ",'r':" ROOTS ",'s':" SAMPLE "}"));
    char ids[3][64];
    for (size_t i = 0; i < 3; i++) {
        snprintf(ids[i], sizeof ids[i], "%s", json_get_string(wire.sent[i + 1], "id", ""));
        next(&wire, 200, false);
    }
    assert_string_not_equal(ids[0], ids[1]);
    respond(&wire, ids[2],
            "'result':{'role':'assistant','content':{'type':'text','text':'hm'},"
            "'model':'m'}");
    respond(&wire, ids[0], "'result':" ACCEPT("a"));
    respond(&wire, ids[0], "'result':" ACCEPT("twice"));
    expect_silence(&wire);
    respond(&wire, ids[1], "'result':{'roots':[]}");
    const char *sent = next(&wire, 200, true);
    assert_non_null(strstr(sent, "'n':" ACCEPT("a") ",'r':{'roots':[]},'s':{'role'"));
    wire_close(&wire);
}

/* Which revision and transport can be asked what, and in which words. */
static void test_legacy_reach(void **state)
{
    static const struct {
        const char *version, *caps, *ask;
        const char *part; /* of the request; NULL: the call fails */
        bool is_http, has_no_peer, is_json_only;
    } rows[] = {
        {"2025-11-25", FORMS, NAME_FORM, "'mode':'form'"},
        {"2025-11-25", "{'elicitation':{'url':{}}}", LINK, "'elicitationId':'ask-"},
        {"2025-11-25", FORMS, LINK, NULL},
        {"2025-11-25", "{}", NAME_FORM, NULL},
        {"2025-06-18", FORMS, NAME_FORM, "'params':{'message':'Who?'"},
        {"2025-06-18", "{'elicitation':{'url':{}}}", LINK, NULL},
        {"2025-03-26", FORMS, NAME_FORM, NULL},
        {"2025-03-26", "{'sampling':{}}", SAMPLE, "'method':'sampling/createMessage'"},
        {"2024-11-05", "{'roots':{'listChanged':true}}", ROOTS,
         "'method':'roots/list','params':{}"},
        {"2025-11-25", FORMS, NAME_FORM, "'mode':'form'", .is_http = true},
        {"2025-11-25", FORMS, NAME_FORM, NULL, .is_http = true, .is_json_only = true},
        {"2025-11-25", FORMS, NAME_FORM, NULL, .is_http = true, .has_no_peer = true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[2048];
        struct wire wire;
        wire_open(&wire, *state);
        wire.revision = rows[i].version;
        snprintf(text, sizeof text,
                 "{'jsonrpc':'2.0','id':0,'method':'initialize','params':{'protocolVersion':'%s',"
                 "'clientInfo':{'name':'t','version':'1'},'capabilities':%s}}",
                 rows[i].version, rows[i].caps);
        say(&wire, text);
        next(&wire, 200, true);
        struct peer *peer = wire.peer;
        struct message_headers headers = {.protocol_version = rows[i].version,
                                          .accepts_json = true,
                                          .accepts_stream = !rows[i].is_json_only};
        if (rows[i].is_http)
            wire.headers = &headers;
        if (rows[i].has_no_peer)
            wire.peer = NULL;
        snprintf(text, sizeof text,
                 "{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'asker',"
                 "'arguments':{'ask':{'k':%s}}}}",
                 rows[i].ask);
        say(&wire, text);
        if (rows[i].part == NULL) {
            expect_part(&wire, 200, "'isError':true");
        } else {
            const char *sent = next(&wire, 200, false);
            if (strstr(sent, rows[i].part) == NULL)
                fail_msg("%s without %s", sent, rows[i].part);
            respond(&wire, question_id(&wire), "'result':{'action':'cancel'}");
            expect_part(&wire, 200, "'told':{'k':{'action':'cancel'}}");
        }
        wire.peer = peer;
        wire_close(&wire);
    }
}

static void test_can_ask(void **state)
{
    struct wire wire;
    open_legacy(&wire, *state, INIT("2025-11-25", "{'elicitation':{},'sampling':{}}"),
                "2025-11-25");
    say(&wire, "{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'fake','arguments':"
               "{'do':'hold'}}}");
    assert_true(call_can_ask(held, "elicitation/create", "form"));
    assert_true(call_can_ask(held, "elicitation/create", NULL));
    assert_false(call_can_ask(held, "elicitation/create", "url"));
    assert_false(call_can_ask(held, "elicitation/create", "x"));
    assert_true(call_can_ask(held, "sampling/createMessage", NULL));
    assert_false(call_can_ask(held, "roots/list", NULL));
    assert_false(call_can_ask(held, "no/such", NULL));
    ends_on_cancel = false;
    say(&wire, CANCEL("1"));
    assert_false(call_can_ask(held, "elicitation/create", "form"));
    /* Asked all the same, it ends. */
    call_ask(held, parse("{'name':" NAME_FORM "}"), NULL);
    assert_null(next(&wire, 202, true));
    wire_close(&wire);
}

/* ---- when nobody answers ---- */

static void expect_withdrawn(struct wire *wire, const char *id)
{
    char part[256];
    snprintf(part, sizeof part,
             "{'jsonrpc':'2.0','method':'notifications/cancelled','params':{'requestId':'%s',", id);
    const char *sent = next(wire, 200, false);
    assert_int_equal(strncmp(sent, part, strlen(part)), 0);
}

static void test_cancelled_while_asking(void **state)
{
    struct wire wire;
    open_legacy(&wire, *state, INIT("2025-11-25", FORMS), "2025-11-25");
    say(&wire, LEGACY("1", ASK_NAME));
    const char *id = question_id(&wire);
    next(&wire, 200, false);
    say(&wire, CANCEL("1"));
    expect_withdrawn(&wire, id);
    assert_null(next(&wire, 202, true));
    respond(&wire, id, "'result':" ACCEPT("late"));
    expect_silence(&wire);
    assert_int_equal(started, 1);
    wire_close(&wire);
}

static void test_gone_while_asking(void **state)
{
    struct wire wire;
    open_legacy(&wire, *state, INIT("2025-11-25", FORMS), "2025-11-25");
    say(&wire, LEGACY("1", ASK_NAME));
    say(&wire, LEGACY("2", ASK_NAME));
    next(&wire, 200, false);
    next(&wire, 200, false);
    server_channel_gone(*state, &wire.channel);
    assert_null(next(&wire, 202, true));
    assert_null(next(&wire, 202, true));
    /* The session ends while its POST still waits. */
    say(&wire, LEGACY("3", ASK_NAME));
    const char *id = question_id(&wire);
    next(&wire, 200, false);
    peer_free(wire.peer);
    wire.peer = NULL;
    expect_withdrawn(&wire, id);
    expect_part(&wire, 200, "'isError':true");
    assert_int_equal(server_running(*state), 0);
    wire_close(&wire);
}

static void test_shutdown_while_asking(void **state)
{
    struct wire wire;
    int stopped = 0;
    open_legacy(&wire, *state, INIT("2025-11-25", FORMS), "2025-11-25");
    say(&wire, LEGACY("1", ASK_NAME));
    const char *id = question_id(&wire);
    next(&wire, 200, false);
    server_shutdown(*state, count_one, &stopped);
    assert_int_equal(stopped, 1);
    expect_withdrawn(&wire, id);
    expect_part(&wire, 200, "'isError':true");
    wire_close(&wire);
}

static void test_unanswered(void **state)
{
    struct wire wire;
    open_legacy(&wire, *state, INIT("2025-11-25", FORMS), "2025-11-25");
    uint64_t idle = server_sweep(*state);
    assert_true(idle > 0 && idle <= 1000);
    say(&wire, LEGACY("1", ASK_NAME));
    const char *id = question_id(&wire);
    next(&wire, 200, false);
    clock_ms += 10 * 60 * 1000 - 500;
    assert_int_equal(server_sweep(*state), 500);
    expect_silence(&wire);
    clock_ms += 500;
    server_sweep(*state);
    expect_withdrawn(&wire, id);
    const char *sent = next(&wire, 200, true);
    assert_non_null(strstr(sent, "did not answer within 10 minutes"));
    assert_non_null(strstr(sent, "'error':{'code':'timeout'"));
    wire_close(&wire);
}

/* ---- a client that answers while it is still being asked ---- */

static enum { ANSWERS, CANCELS, LEAVES } how;

static void send_at_once(struct channel *channel, json_t *message, int status, bool is_last)
{
    struct wire *wire = (struct wire *)channel;
    wire_send(channel, message, status, is_last);
    if (json_object_get(message, "method") == NULL || json_object_get(message, "id") == NULL)
        return;
    char id[64];
    snprintf(id, sizeof id, "%s", json_get_string(message, "id", ""));
    if (how == ANSWERS)
        respond(wire, id, "'result':" ACCEPT("quick"));
    else if (how == CANCELS)
        say(wire, CANCEL("1"));
    else
        server_channel_gone(wire->server, channel);
}

static void test_at_once(void **state)
{
    static const struct channel_ops ops = {.send = send_at_once};
    const char *two = LEGACY("1", "'rounds':3,'ask':{'a':" NAME_FORM ",'b':" NAME_FORM "}");
    struct wire wire;
    open_legacy(&wire, *state, INIT("2025-11-25", FORMS), "2025-11-25");
    wire.channel.ops = &ops;
    how = ANSWERS;
    say(&wire, two);
    for (int i = 0; i < 6; i++)
        next(&wire, 200, false);
    expect_part(&wire, 200, "{'round':3,'told':{'a':" ACCEPT("quick") ",'b':" ACCEPT("quick"));
    how = CANCELS;
    say(&wire, two);
    const char *id = json_get_string(wire.sent[wire.seen], "id", "");
    next(&wire, 200, false);
    expect_withdrawn(&wire, id);
    next(&wire, 200, false);
    assert_null(next(&wire, 202, true));
    how = LEAVES;
    say(&wire, two);
    next(&wire, 200, false);
    assert_null(next(&wire, 202, true));
    wire_close(&wire);
}

/* ---- a batch ---- */

static void test_batch(void **state)
{
    struct wire wire;
    open_legacy(&wire, *state, INIT("2025-03-26", "{'sampling':{}}"), "2025-03-26");
    say(&wire, "[" LEGACY("1", "'ask':{'s':" SAMPLE "}") ",{'jsonrpc':'2.0','id':2,"
                                                         "'method':'ping'}]");
    const char *id = question_id(&wire);
    next(&wire, 200, false);
    char text[512];
    snprintf(text, sizeof text, "[{'jsonrpc':'2.0','id':'%s','result':{}}]", id);
    assert_int_equal(say(&wire, text), RECEIVE_ACCEPTED);
    expect_part(&wire, 200, "[{'jsonrpc':'2.0','id':2,'result':{}},{'jsonrpc':'2.0','id':1,'resu");
    wire_close(&wire);
}

/* ---- memory ---- */

/* Whichever allocation fails, of the question or of its answer: there is one answer in the end,
 * which at worst is silence, and nothing is left behind. */
static void test_out_of_memory(void **state)
{
    bool was_short = true;
    for (long n = 0; was_short; n++) {
        struct wire wire;
        open_legacy(&wire, *state, INIT("2025-11-25", FORMS), "2025-11-25");
        json_t *message = parse(LEGACY("1", ASK_NAME));
        was_short = receive_scarce(&wire, message, n);
        json_decref(message);
        if (answers(&wire, 1) == 0 && server_running(*state) == 1 && wire.count > 1) {
            char text[256];
            snprintf(text, sizeof text, "{'jsonrpc':'2.0','id':'%s','result':{}}",
                     question_id(&wire));
            message = parse(text);
            was_short = receive_scarce(&wire, message, n) || was_short;
            json_decref(message);
        }
        /* An answer for which there was no memory is one that never came. */
        if (server_running(*state) == 1)
            server_channel_gone(*state, &wire.channel);
        assert_int_equal(answers(&wire, 1), 1);
        assert_int_equal(server_running(*state), 0);
        wire.seen = wire.count;
        wire_close(&wire);
        assert_true(n < 500);
    }
}

int main(void)
{
    forget_emitted();
    const struct CMUnitTest tests[] = {
        ASK_TEST(test_legacy),
        ASK_TEST(test_legacy_errors),
        ASK_TEST(test_legacy_other_peer),
        ASK_TEST(test_legacy_many),
        ASK_TEST(test_legacy_reach),
        ASK_TEST(test_can_ask),
        ASK_TEST(test_cancelled_while_asking),
        ASK_TEST(test_gone_while_asking),
        ASK_TEST(test_shutdown_while_asking),
        ASK_TEST(test_unanswered),
        ASK_TEST(test_at_once),
        ASK_TEST(test_batch),
        ASK_TEST(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
