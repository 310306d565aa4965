/* Reading resources, in both eras. */
#include "server_harness.h"

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_resources, teardown)

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
        wire_open(&wire, *state);
        wire_ask(&wire, "resources/read", rows[i].params);
        expect_part(&wire, 200, rows[i].old);
        wire_ask_modern(&wire, "resources/read", rows[i].params);
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
    wire_cancelled(*state, "resources/read", "'uri':'x://slow'");
}

/* A read that asks: what the answers led to is nobody else's. */
static void test_read_asks(void **state)
{
    wire_asked(*state, "resources/read", "'uri':'x://asks'",
               "'text':'Ann'}],'ttlMs':0,'cacheScope':'private','resultType':'complete'");
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
