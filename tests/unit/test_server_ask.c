/* Calls that ask their client in the modern era: rounds, what travels with the client, and
 * everything that can be wrong with it. */
#include "asker.h"

#define CALL(id, arguments, caps, extra)                                                           \
    "{'jsonrpc':'2.0','id':" id ",'method':'tools/call','params':{'name':'asker','arguments':{"    \
    "" arguments "}," MODERN_META(caps) extra "}}"

/* The state that came with the last message. */
static const char *token_of(const struct wire *wire)
{
    const json_t *result = json_object_get(wire->sent[wire->count - 1], "result");
    assert_string_equal(json_get_string(result, "resultType", ""), "input_required");
    const char *token = json_get_string(result, "requestState", NULL);
    assert_non_null(token);
    return token;
}

/* Says CALL with what a retry adds. */
static void retry(struct wire *wire, const char *call, const char *responses, const char *token)
{
    char text[8192];
    size_t len = strlen(call);
    assert_int_equal(strcmp(call + len - 2, "}}"), 0);
    snprintf(text, sizeof text, "%.*s%s%s%s%s%s}}", (int)len - 2, call,
             responses != NULL ? ",'inputResponses':" : "", responses != NULL ? responses : "",
             token != NULL ? ",'requestState':'" : "", token != NULL ? token : "",
             token != NULL ? "'" : "");
    say(wire, text);
}

static void test_modern(void **state)
{
    struct wire wire;
    wire_open_modern(&wire, *state);
    say(&wire, CALL("1", ASK_NAME, FORMS, ""));
    char *token = strdup(token_of(&wire));
    expect_part(&wire, 200,
                "{'jsonrpc':'2.0','id':1,'result':{'resultType':'input_required','inputRequests':"
                "{'name':" NAME_FORM "},'requestState':'");
    assert_int_equal(server_running(*state), 0);
    /* Unknown keys do not matter. */
    retry(&wire, CALL("2", ASK_NAME, FORMS, ""), "{'name':" ACCEPT("Ada") ",'more':{}}", token);
    expect_part(&wire, 200, "'structuredContent':{'round':1,'told':{'name':" ACCEPT("Ada") "}}");
    /* The same state serves another time: nothing is kept here. A refusal is an answer too. */
    retry(&wire, CALL("3", ASK_NAME, FORMS, ""), "{'name':{'action':'decline'}}", token);
    expect_part(&wire, 200, "'told':{'name':{'action':'decline'}}");
    assert_int_equal(started, 3);
    free(token);
    wire_close(&wire);
}

/* Without a state of its own a tool sends none, and needs none back. */
static void test_modern_plain(void **state)
{
    struct wire wire;
    wire_open_modern(&wire, *state);
    say(&wire, CALL("1", ASK_NAME ",'plain':true", FORMS, ""));
    const char *sent = next(&wire, 200, true);
    assert_non_null(strstr(sent, "'resultType':'input_required'"));
    assert_null(strstr(sent, "requestState"));
    retry(&wire, CALL("2", ASK_NAME ",'plain':true", FORMS, ""), "{'name':" ACCEPT("Ada") "}",
          NULL);
    expect_part(&wire, 200, "'round':1");
    wire_close(&wire);
}

static void test_modern_rounds(void **state)
{
    struct wire wire;
    wire_open_modern(&wire, *state);
    const char *call = CALL("1", ASK_NAME ",'rounds':3", FORMS, "");
    say(&wire, call);
    char *first = strdup(token_of(&wire));
    next(&wire, 200, true);
    retry(&wire, call, "{'name':" ACCEPT("a") "}", first);
    char *second = strdup(token_of(&wire));
    next(&wire, 200, true);
    assert_string_not_equal(first, second);
    /* What does not answer the question is asked again, with what is known so far. */
    retry(&wire, call, "{'wrong':" ACCEPT("a") "}", second);
    expect_part(&wire, 200, "'resultType':'input_required'");
    retry(&wire, call, NULL, second);
    expect_part(&wire, 200, "'resultType':'input_required'");
    retry(&wire, call, "{'name':" ACCEPT("b") "}", second);
    char *third = strdup(token_of(&wire));
    next(&wire, 200, true);
    retry(&wire, call, "{'name':" ACCEPT("c") "}", third);
    expect_part(&wire, 200, "'structuredContent':{'round':3,'told':{'name':" ACCEPT("c") "}}");
    free(first);
    free(second);
    free(third);
    wire_close(&wire);
}

#define REFUSED "'error':{'code':-32602,'message':'Invalid params: requestState is not what"

static void test_tampered(void **state)
{
    struct wire wire;
    wire_open_modern(&wire, *state);
    const char *call = CALL("1", ASK_NAME, FORMS, "");
    const char *answer = "{'name':" ACCEPT("Ada") "}";
    say(&wire, call);
    char *token = strdup(token_of(&wire));
    next(&wire, 200, true);
    char changed[1024];
    for (size_t i = 0; token[i] != '\0'; i += 3) {
        snprintf(changed, sizeof changed, "%s", token);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        retry(&wire, call, answer, changed);
        expect_part(&wire, 200, REFUSED);
        wire_close(&wire); /* it holds only so many */
        wire_open_modern(&wire, *state);
    }
    static const char *const others[] = {"", ".", "x", "x.", ".x"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        retry(&wire, call, answer, others[i]);
        expect_part(&wire, 200, REFUSED);
    }
    snprintf(changed, sizeof changed, "%s-TAMPERED", token);
    retry(&wire, call, answer, changed);
    expect_part(&wire, 200, REFUSED);
    /* Cut off anywhere. */
    for (size_t i = 1; i < strlen(token); i += 9) {
        snprintf(changed, sizeof changed, "%.*s", (int)i, token);
        retry(&wire, call, answer, changed);
        expect_part(&wire, 200, REFUSED);
        wire_close(&wire);
        wire_open_modern(&wire, *state);
    }
    assert_int_equal(started, 1);
    free(token);
    wire_close(&wire);
}

/* A state is good for one caller, one request and an hour. */
static void test_state_is_bound(void **state)
{
    struct message_headers ada = {.protocol_version = V,
                                  .method = "tools/call",
                                  .name = "asker",
                                  .principal = "ada",
                                  .accepts_json = true};
    struct message_headers bob = ada;
    bob.principal = "bob";
    struct wire wire;
    wire_open_modern(&wire, *state);
    wire.headers = &ada;
    const char *call = CALL("1", ASK_NAME ",'plain':false", FORMS, "");
    const char *answer = "{'name':" ACCEPT("Ada") "}";
    say(&wire, call);
    char *token = strdup(token_of(&wire));
    next(&wire, 200, true);

    wire.headers = &bob;
    retry(&wire, call, answer, token);
    expect_part(&wire, 200, REFUSED);
    wire.headers = &ada;
    retry(&wire, CALL("1", ASK_NAME ",'rounds':1", FORMS, ""), answer, token);
    expect_part(&wire, 200, REFUSED);
    ada.name = "fake";
    retry(&wire,
          "{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'fake','arguments':{"
          "" ASK_NAME "}," MODERN_META(FORMS) "}}",
          answer, token);
    expect_part(&wire, 200, REFUSED);
    /* What a tool kept is nothing to a prompt of the same name. */
    ada.name = "asker";
    say(&wire, CALL("1", "", FORMS, ""));
    char *other = strdup(token_of(&wire));
    next(&wire, 200, true);
    ada.method = "prompts/get";
    retry(&wire,
          "{'jsonrpc':'2.0','id':1,'method':'prompts/get','params':{'name':'asker','arguments':{"
          "}," MODERN_META(FORMS) "}}",
          answer, other);
    expect_part(&wire, 200, REFUSED);
    free(other);
    /* Another id, other capabilities, another order of the arguments: still the same request. */
    ada.method = "tools/call";
    clock_ms += 3600 * 1000 - 1000;
    retry(&wire,
          CALL("'x'", "'plain':false," ASK_NAME, "{'elicitation':{'form':{}},'roots':{}}", ""),
          answer, token);
    expect_part(&wire, 200, "'round':1");
    clock_ms += 1000;
    retry(&wire, call, answer, token);
    expect_part(&wire, 200, REFUSED);
    free(token);
    wire_close(&wire);
}

static const char key[] = "0123456789abcdef0123456789abcdef";

/* Servers that share a key take each other's states, others do not. */
static void test_state_key(void **state)
{
    struct server *servers[] = {new_server(key), new_server(key), new_server(NULL)};
    static const bool is_good[] = {true, true, false};
    const char *call = CALL("1", ASK_NAME, FORMS, "");
    struct wire wire;
    wire_open_modern(&wire, servers[0]);
    say(&wire, call);
    char *token = strdup(token_of(&wire));
    next(&wire, 200, true);
    wire_close(&wire);
    for (size_t i = 0; i < 3; i++) {
        wire_open_modern(&wire, servers[i]);
        retry(&wire, call, "{'name':" ACCEPT("Ada") "}", token);
        expect_part(&wire, 200, is_good[i] ? "'round':1" : REFUSED);
        wire_close(&wire);
    }
    for (size_t i = 0; i < 3; i++)
        server_free(servers[i]);
    free(token);
    struct server_options own = options;
    own.state_key = key;
    own.state_key_len = sizeof key - 2;
    assert_null(server_new(&own));
}

static void test_bad_input(void **state)
{
    static const char *const extras[] = {
        ",'inputResponses':null",
        ",'inputResponses':[]",
        ",'inputResponses':'x'",
        ",'inputResponses':{'name':5}",
        ",'inputResponses':{'name':null}",
        ",'inputResponses':{'name':{},'more':[]}",
        ",'requestState':null",
        ",'requestState':5",
        ",'requestState':{}",
    };
    for (size_t i = 0; i < sizeof extras / sizeof extras[0]; i++) {
        char text[2048];
        snprintf(text, sizeof text,
                 "{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'asker',"
                 "'arguments':{" ASK_NAME "}," MODERN_META(FORMS) "%s}}",
                 extras[i]);
        struct wire wire;
        wire_open_modern(&wire, *state);
        say(&wire, text);
        expect_part(&wire, 200, "{'jsonrpc':'2.0','id':1,'error':{'code':-32602");
        wire_close(&wire);
    }
    assert_int_equal(started, 0);
    /* Where nothing can be asked, nothing is looked at: other members are let through. */
    struct wire wire;
    wire_open_modern(&wire, *state);
    say(&wire, "{'jsonrpc':'2.0','id':1,'method':'tools/list','params':{'inputResponses':5,"
               "" META "}}");
    expect_part(&wire, 200, "'tools':[");
    wire_close(&wire);
}

/* What a client can be asked is what it said in this request. */
static void test_capabilities(void **state)
{
    static const struct {
        const char *caps, *asks;
        const char *asked;   /* the keys of inputRequests, or NULL */
        const char *missing; /* requiredCapabilities */
    } rows[] = {
        {"{'sampling':{}}", "'ask':{'s':" SAMPLE ",'n':" NAME_FORM "}", "{'s':" SAMPLE "}", NULL},
        {"{'elicitation':{},'roots':{}}", "'ask':{'s':" SAMPLE ",'n':" NAME_FORM ",'r':" ROOTS "}",
         "{'n':" NAME_FORM ",'r':" ROOTS "}", NULL},
        {"{'elicitation':{'form':{}}}", "'ask':{'u':" LINK ",'n':" NAME_FORM "}",
         "{'n':" NAME_FORM "}", NULL},
        {"{'elicitation':{'url':{}}}", "'ask':{'u':" LINK ",'n':" NAME_FORM "}", "{'u':" LINK "}",
         NULL},
        {"{'elicitation':{'url':{},'form':{}}}", "'ask':{'u':" LINK ",'n':" NAME_FORM "}",
         "{'u':" LINK ",'n':" NAME_FORM "}", NULL},
        {"{'sampling':{'tools':{}}}", "'ask':{'t':" SAMPLE_TOOLS "}", "{'t':" SAMPLE_TOOLS "}",
         NULL},
        {"{}", "'ask':{'n':" NAME_FORM "}", NULL, "{'elicitation':{'form':{}}}"},
        {"{'elicitation':false}", "'ask':{'n':" NAME_FORM "}", NULL, "{'elicitation':{'form':{}}}"},
        {"{'elicitation':{}}", "'ask':{'u':" LINK ",'r':" ROOTS "}", NULL,
         "{'elicitation':{'url':{}},'roots':{}}"},
        {"{}", "'ask':{'u':" LINK ",'n':" NAME_FORM "}", NULL,
         "{'elicitation':{'url':{},'form':{}}}"},
        {"{'sampling':{}}", "'ask':{'t':" SAMPLE_TOOLS "}", NULL, "{'sampling':{'tools':{}}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[4096], part[2048];
        snprintf(text, sizeof text,
                 "{'jsonrpc':'2.0','id':1,'method':'tools/call','params':{'name':'asker',"
                 "'arguments':{%s},'_meta':{" VERSION "'" V "'," CAPS "%s}}}",
                 rows[i].asks, rows[i].caps);
        struct wire wire;
        wire_open_modern(&wire, *state);
        say(&wire, text);
        if (rows[i].asked != NULL) {
            snprintf(part, sizeof part, "'inputRequests':%s,'requestState'", rows[i].asked);
            expect_part(&wire, 200, part);
        } else {
            snprintf(part, sizeof part, "'data':{'requiredCapabilities':%s}}}", rows[i].missing);
            const char *sent = next(&wire, 400, true);
            assert_non_null(strstr(sent, "'error':{'code':-32021"));
            if (strstr(sent, part) == NULL)
                fail_msg("%s without %s", sent, part);
        }
        wire_close(&wire);
    }
}

/* A prompt and a resource may ask too; what was read with answers is nobody else's. */
static void test_other_kinds(void **state)
{
    struct wire wire;
    wire_open_modern(&wire, *state);
    const char *get = "{'jsonrpc':'2.0','id':1,'method':'prompts/get','params':{'name':'asker',"
                      "" MODERN_META(FORMS) "}}";
    say(&wire, get);
    expect_part(&wire, 200, "'inputRequests':{'name':" NAME_FORM "}");
    retry(&wire, get, "{'name':" ACCEPT("Ada") "}", NULL);
    expect_part(&wire, 200, "'text':'told'");
    const char *read = "{'jsonrpc':'2.0','id':1,'method':'resources/read','params':{'uri':'x://y',"
                       "" MODERN_META(FORMS) "}}";
    say(&wire, read);
    const char *sent = next(&wire, 200, true);
    assert_non_null(strstr(sent, "'resultType':'input_required'"));
    assert_null(strstr(sent, "ttlMs"));
    retry(&wire, read, "{'name':" ACCEPT("Ada") "}", NULL);
    expect_part(&wire, 200, "'ttlMs':0,'cacheScope':'private'");
    wire_close(&wire);
}

/* ---- memory ---- */

/* Whichever allocation fails, of the question or of its answer: there is one answer in the end,
 * which at worst is silence, and nothing is left behind. */
static void test_out_of_memory(void **state)
{
    struct wire wire;
    wire_open_modern(&wire, *state);
    say(&wire, CALL("1", ASK_NAME, FORMS, ""));
    json_t *retried = parse(CALL("2", ASK_NAME, FORMS, ",'inputResponses':{'name':{}}"));
    json_object_set_new(json_object_get(retried, "params"), "requestState",
                        json_string(token_of(&wire)));
    json_t *messages[] = {parse(CALL("1", ASK_NAME, FORMS, "")), retried};
    next(&wire, 200, true);
    wire_close(&wire);
    for (size_t i = 0; i < 2; i++) {
        bool was_short = true;
        for (long n = 0; was_short; n++) {
            wire_open_modern(&wire, *state);
            was_short = receive_scarce(&wire, messages[i], n);
            assert_int_equal(answers(&wire, 0), 1);
            wire.seen = wire.count;
            wire_close(&wire);
            assert_true(n < 500);
        }
        json_decref(messages[i]);
    }
}

int main(void)
{
    forget_emitted();
    const struct CMUnitTest tests[] = {
        ASK_TEST(test_modern),        ASK_TEST(test_modern_plain),   ASK_TEST(test_modern_rounds),
        ASK_TEST(test_tampered),      ASK_TEST(test_state_is_bound), ASK_TEST(test_state_key),
        ASK_TEST(test_bad_input),     ASK_TEST(test_capabilities),   ASK_TEST(test_other_kinds),
        ASK_TEST(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
