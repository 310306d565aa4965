#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apostrophes.h"
#include "rpc.h"

static const struct {
    const char *text;
    enum rpc_kind kind;
    const char *id; /* as JSON; NULL = none was read */
} messages[] = {
    {"{'jsonrpc':'2.0','id':1,'method':'ping'}", RPC_REQUEST, "1"},
    {"{'jsonrpc':'2.0','id':0,'method':'ping','params':{}}", RPC_REQUEST, "0"},
    {"{'jsonrpc':'2.0','id':-7,'method':'ping'}", RPC_REQUEST, "-7"},
    {"{'jsonrpc':'2.0','id':9223372036854775807,'method':'ping'}", RPC_REQUEST,
     "9223372036854775807"},
    {"{'jsonrpc':'2.0','id':1.0,'method':'ping'}", RPC_REQUEST, "1.0"},
    {"{'jsonrpc':'2.0','id':'','method':'ping'}", RPC_REQUEST, "''"},
    {"{'jsonrpc':'2.0','id':'1','method':'ping'}", RPC_REQUEST, "'1'"},
    {"{'jsonrpc':'2.0','id':1,'method':'','params':{'_meta':{}}}", RPC_REQUEST, "1"},
    {"{'jsonrpc':'2.0','id':1,'method':'ping','extra':true}", RPC_REQUEST, "1"},
    {"{'jsonrpc':'2.0','method':'notifications/initialized'}", RPC_NOTIFICATION, NULL},
    {"{'jsonrpc':'2.0','method':'ping','params':{}}", RPC_NOTIFICATION, NULL},
    {"{'jsonrpc':'2.0','id':1,'result':{}}", RPC_RESPONSE, "1"},
    {"{'jsonrpc':'2.0','id':'x','error':{'code':1,'message':'m'}}", RPC_RESPONSE, "'x'"},
    {"{'jsonrpc':'2.0','error':{'code':-32700,'message':'m'}}", RPC_RESPONSE, NULL},
    {"{'jsonrpc':'2.0','id':null,'error':{'code':-32700,'message':'m'}}", RPC_RESPONSE, NULL},
    {"[{'jsonrpc':'2.0','id':1,'method':'ping'}]", RPC_BATCH, NULL},
    {"[1]", RPC_BATCH, NULL},
    /* not JSON-RPC; the id is kept where there is one to echo */
    {"[]", RPC_INVALID, NULL},
    {"5", RPC_INVALID, NULL},
    {"'text'", RPC_INVALID, NULL},
    {"null", RPC_INVALID, NULL},
    {"{}", RPC_INVALID, NULL},
    {"{'id':3,'method':'ping'}", RPC_INVALID, "3"},
    {"{'jsonrpc':'1.0','id':3,'method':'ping'}", RPC_INVALID, "3"},
    {"{'jsonrpc':2.0,'id':3,'method':'ping'}", RPC_INVALID, "3"},
    {"{'jsonrpc':'2.0','id':3}", RPC_INVALID, "3"},
    {"{'jsonrpc':'2.0','id':3,'method':5}", RPC_INVALID, "3"},
    {"{'jsonrpc':'2.0','id':3,'method':null}", RPC_INVALID, "3"},
    {"{'jsonrpc':'2.0','id':null,'method':'ping'}", RPC_INVALID, NULL},
    {"{'jsonrpc':'2.0','id':1.5,'method':'ping'}", RPC_INVALID, NULL},
    {"{'jsonrpc':'2.0','id':1e300,'method':'ping'}", RPC_INVALID, NULL},
    {"{'jsonrpc':'2.0','id':true,'method':'ping'}", RPC_INVALID, NULL},
    {"{'jsonrpc':'2.0','id':[1],'method':'ping'}", RPC_INVALID, NULL},
    {"{'jsonrpc':'2.0','id':{},'method':'ping'}", RPC_INVALID, NULL},
    {"{'jsonrpc':'2.0','id':4,'method':'ping','params':[]}", RPC_INVALID, "4"},
    {"{'jsonrpc':'2.0','id':4,'method':'ping','params':null}", RPC_INVALID, "4"},
    {"{'jsonrpc':'2.0','id':4,'method':'ping','params':'x'}", RPC_INVALID, "4"},
    {"{'jsonrpc':'2.0','id':4,'method':'ping','params':{'_meta':5}}", RPC_INVALID, "4"},
    {"{'jsonrpc':'2.0','id':4,'method':'ping','result':{}}", RPC_INVALID, "4"},
    {"{'jsonrpc':'2.0','id':4,'method':'ping','error':{}}", RPC_INVALID, "4"},
    {"{'jsonrpc':'2.0','id':4,'result':{},'error':{}}", RPC_INVALID, "4"},
    /* a NUL would hide the rest of what is compared; arguments are the tool's to check */
    {"{'jsonrpc':'2.0','id':4,'method':'ping\\u0000'}", RPC_INVALID, "4"},
    {"{'jsonrpc':'2.0','id':4,'method':'ping','params':{'name':'x\\u0000'}}", RPC_INVALID, "4"},
    {"{'jsonrpc':'2.0','id':4,'method':'x','params':{'_meta':{'k':'\\u0000'}}}", RPC_INVALID, "4"},
    {"{'jsonrpc':'2.0','id':4,'method':'x','params':{'arguments':{'a':'\\u0000'}}}", RPC_REQUEST,
     "4"},
    {"{'jsonrpc':'2.0','result':{}}", RPC_INVALID, NULL},
    {"{'jsonrpc':'2.0','id':null,'result':{}}", RPC_INVALID, NULL},
    {"{'jsonrpc':'2.0','id':4,'error':'boom'}", RPC_INVALID, "4"},
    {"{'jsonrpc':'2.0','id':2.5,'error':{}}", RPC_INVALID, NULL},
};

static void test_classify(void **state)
{
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        json_t *body = parse(messages[i].text);
        struct rpc_message message;
        enum rpc_kind kind = rpc_classify(body, &message);
        if (kind != messages[i].kind || message.kind != kind)
            fail_msg("%s is %d", messages[i].text, kind);
        json_t *id = messages[i].id != NULL ? parse(messages[i].id) : NULL;
        if ((id == NULL) != (message.id == NULL) || (id != NULL && !json_equal(id, message.id)))
            fail_msg("%s: wrong id", messages[i].text);
        assert_int_equal(kind == RPC_INVALID, message.fault != NULL);
        assert_int_equal(kind == RPC_REQUEST || kind == RPC_NOTIFICATION, message.method != NULL);
        assert_ptr_equal(message.body, body);
        json_decref(id);
        json_decref(body);
    }
}

static void test_members(void **state)
{
    json_t *body = parse("{'jsonrpc':'2.0','id':1,'method':'tools/call',"
                         "'params':{'name':'x','_meta':{'progressToken':5}}}");
    struct rpc_message message;
    assert_int_equal(rpc_classify(body, &message), RPC_REQUEST);
    assert_string_equal(message.method, "tools/call");
    assert_string_equal(json_string_value(json_object_get(message.params, "name")), "x");
    assert_int_equal(json_integer_value(json_object_get(message.meta, "progressToken")), 5);
    json_decref(body);
}

static void expect(json_t *message, const char *text)
{
    char *have = json_text(message);
    for (char *c = have; *c != '\0'; c++) {
        if (*c == '"')
            *c = '\'';
    }
    assert_string_equal(have, text);
    free(have);
    json_decref(message);
}

static void test_build(void **state)
{
    json_t *id = json_string("a\"b");
    expect(rpc_result(id, json_object()), "{'jsonrpc':'2.0','id':'a\\'b','result':{}}");
    json_decref(id);
    expect(rpc_error(json_null(), RPC_PARSE_ERROR, "bad", NULL),
           "{'jsonrpc':'2.0','id':null,'error':{'code':-32700,'message':'bad'}}");
    expect(rpc_error(NULL, RPC_INVALID_REQUEST, "bad", json_pack("{s:i}", "n", 1)),
           "{'jsonrpc':'2.0','error':{'code':-32600,'message':'bad','data':{'n':1}}}");
    expect(rpc_notification("notifications/x", json_object()),
           "{'jsonrpc':'2.0','method':'notifications/x','params':{}}");
    /* Missing parts make no message rather than half of one. */
    assert_null(rpc_result(NULL, json_object()));
    assert_null(rpc_result(json_true(), NULL));
    assert_null(rpc_notification("notifications/x", NULL));
}

#define BAD "\xef\xbf\xbd"

static void test_text(void **state)
{
    static const struct {
        const char *bytes, *text;
    } texts[] = {
        {"", ""},
        {"plain", "plain"},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"cut \xe2\x82", "cut " BAD BAD},
        {"cut \xc3", "cut " BAD},
        {"\xff\xfe", BAD BAD},
        {"\xc0\xaf", BAD BAD},                 /* overlong */
        {"\xed\xa0\x80", BAD BAD BAD},         /* a surrogate */
        {"\xf4\x90\x80\x80", BAD BAD BAD BAD}, /* beyond U+10FFFF */
        {"\xf0\x9f\x98 x", BAD BAD BAD " x"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *value = rpc_text(texts[i].bytes);
        assert_non_null(value);
        assert_string_equal(json_string_value(value), texts[i].text);
        json_decref(value);
    }
}

/* What 64 bits cannot hold keeps its digits; what is no JSON stays none. */
static void test_big_integers(void **state)
{
    static const struct {
        const char *text, *want; /* NULL: refused */
    } rows[] = {
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"9223372036854775808", "'9223372036854775808'"},
        {"-9223372036854775809", "'-9223372036854775809'"},
        {"[18446744073709551615,1,'a',18446744073709551615]",
         "['18446744073709551615',1,'a','18446744073709551615']"},
        {"{'a':99999999999999999999 ,'99999999999999999999':'99999999999999999999'}",
         "{'a':'99999999999999999999','99999999999999999999':'99999999999999999999'}"},
        {"['\\'99999999999999999999\\\\',99999999999999999999]",
         "['\\'99999999999999999999\\\\','99999999999999999999']"},
        {"[99999999999999999999.5]", "[1e20]"},
        {"[99999999999999999999,1e400]", NULL},
        {"[99999999999999999999,]", NULL},
        {"[99999999999999999999", NULL},
        {"{99999999999999999999:1}", NULL},
        {"{99999999999999999999 :1}", NULL},
        {"[099999999999999999999]", NULL},
        {"[+99999999999999999999]", NULL},
        {"[99999999999999999999-1]", NULL},
        {"[99999999999999999999x]", NULL},
        {"[99999999999999999999'x']", NULL},
        {"{'a':99999999999999999999,'a':1}", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[128], want[128];
        snprintf(text, sizeof text, "%s", rows[i].text);
        snprintf(want, sizeof want, "%s", rows[i].want != NULL ? rows[i].want : "");
        for (size_t k = 0; k < sizeof text; k++) {
            text[k] = text[k] == '\'' ? '"' : text[k];
            want[k] = want[k] == '\'' ? '"' : want[k];
        }
        struct err err = {0};
        json_t *value = json_parse(text, strlen(text), &err);
        char *got = value != NULL ? json_text(value) : NULL;
        if (strcmp(got != NULL ? got : "", want) != 0)
            fail_msg("%s: %s, not %s", text, got != NULL ? got : err.text, want);
        assert_true(value != NULL || err.code == ERR_ARGUMENT);
        free(got);
        json_decref(value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classify),     cmocka_unit_test(test_members),
        cmocka_unit_test(test_build),        cmocka_unit_test(test_text),
        cmocka_unit_test(test_big_integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
