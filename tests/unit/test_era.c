#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apostrophes.h"
#include "era.h"
#include "server.h"

#define V    "2026-07-28"
#define P(v) "'io.modelcontextprotocol/protocolVersion':" v
#define C    "'io.modelcontextprotocol/clientCapabilities':{}"
#define I(i) "'io.modelcontextprotocol/clientInfo':" i
#define L(l) "'io.modelcontextprotocol/logLevel':" l
#define FULL P("'" V "'") "," C
/* a request and a notification with these params; the same with this _meta */
#define REQ(method, params) "{'jsonrpc':'2.0','id':1,'method':'" method "','params':{" params "}}"
#define NTF(method, params) "{'jsonrpc':'2.0','method':'" method "','params':{" params "}}"
#define META(meta)          "'_meta':{" meta "}"
#define LIST(meta)          REQ("tools/list", META(meta))
#define CALL(name, meta)    REQ("tools/call", "'name':" name "," META(meta))

static const struct {
    const char *what, *body;
    const char *version, *method, *name; /* headers */
    enum era era;
    int code;
} posts[] = {
    /* in order */
    {"a modern list", LIST(FULL), V, "tools/list", NULL, ERA_MODERN, 0},
    {"a modern call", CALL("'echo'", FULL), V, "tools/call", "echo", ERA_MODERN, 0},
    {"with clientInfo", LIST(FULL "," I("{'name':'a','version':'1'}")), V, "tools/list", NULL,
     ERA_MODERN, 0},
    {"with a log level", LIST(FULL "," L("'debug'")), V, "tools/list", NULL, ERA_MODERN, 0},
    {"the last log level", LIST(FULL "," L("'emergency'")), V, "tools/list", NULL, ERA_MODERN, 0},
    {"a name where none is needed", LIST(FULL), V, "tools/list", "zzz", ERA_MODERN, 0},
    {"a modern initialize is the method table's to refuse", REQ("initialize", META(FULL)), V,
     "initialize", NULL, ERA_MODERN, 0},
    {"an unknown method too", REQ("foo/bar", META(FULL)), V, "foo/bar", NULL, ERA_MODERN, 0},
    {"a call without a name is the method's to refuse", REQ("tools/call", META(FULL)), V,
     "tools/call", NULL, ERA_MODERN, 0},
    {"a name that is a number too", CALL("5", FULL), V, "tools/call", "5", ERA_MODERN, 0},

    /* rung 1: the versions differ */
    {"body modern, header legacy", LIST(FULL), "2025-11-25", "tools/list", NULL, ERA_MODERN,
     RPC_HEADER_MISMATCH},
    {"body legacy, header modern", LIST(P("'2025-11-25'") "," C), V, "tools/list", NULL, ERA_MODERN,
     RPC_HEADER_MISMATCH},
    {"body unknown, header modern", LIST(P("'v999.0.0'") "," C), V, "tools/list", NULL, ERA_MODERN,
     RPC_HEADER_MISMATCH},
    {"rung 1 comes before 2", LIST(P("'" V "'")), "2025-11-25", "tools/list", NULL, ERA_MODERN,
     RPC_HEADER_MISMATCH},

    /* rung 2: _meta */
    {"header modern, no _meta", REQ("tools/list", ""), V, "tools/list", NULL, ERA_MODERN,
     RPC_INVALID_PARAMS},
    {"header modern, no params", "{'jsonrpc':'2.0','id':1,'method':'tools/list'}", V, "tools/list",
     NULL, ERA_MODERN, RPC_INVALID_PARAMS},
    {"header modern, bare initialize", REQ("initialize", "'protocolVersion':'2025-11-25'"), V, NULL,
     NULL, ERA_MODERN, RPC_INVALID_PARAMS},
    {"header unknown, no _meta", REQ("tools/list", ""), "nonsense", NULL, NULL, ERA_MODERN,
     RPC_INVALID_PARAMS},
    {"header empty, no _meta", REQ("tools/list", ""), "", NULL, NULL, ERA_MODERN,
     RPC_INVALID_PARAMS},
    {"no protocolVersion", LIST(C), V, "tools/list", NULL, ERA_MODERN, RPC_INVALID_PARAMS},
    {"only clientCapabilities, no header", LIST(C), NULL, NULL, NULL, ERA_MODERN,
     RPC_INVALID_PARAMS},
    {"only clientInfo, no header", LIST(I("{'name':'a','version':'1'}")), NULL, NULL, NULL,
     ERA_MODERN, RPC_INVALID_PARAMS},
    {"version a number", LIST(P("5") "," C), V, "tools/list", NULL, ERA_MODERN, RPC_INVALID_PARAMS},
    {"version null", LIST(P("null") "," C), V, "tools/list", NULL, ERA_MODERN, RPC_INVALID_PARAMS},
    {"no capabilities", LIST(P("'" V "'")), V, "tools/list", NULL, ERA_MODERN, RPC_INVALID_PARAMS},
    {"no capabilities, no header", LIST(P("'" V "'")), NULL, NULL, NULL, ERA_MODERN,
     RPC_INVALID_PARAMS},
    {"capabilities an array", LIST(P("'" V "'") ",'io.modelcontextprotocol/clientCapabilities':[]"),
     V, "tools/list", NULL, ERA_MODERN, RPC_INVALID_PARAMS},
    {"clientInfo a number", LIST(FULL "," I("5")), V, "tools/list", NULL, ERA_MODERN,
     RPC_INVALID_PARAMS},
    {"clientInfo without version", LIST(FULL "," I("{'name':'a'}")), V, "tools/list", NULL,
     ERA_MODERN, RPC_INVALID_PARAMS},
    {"log level unknown", LIST(FULL "," L("'loud'")), V, "tools/list", NULL, ERA_MODERN,
     RPC_INVALID_PARAMS},
    {"log level a number", LIST(FULL "," L("3")), V, "tools/list", NULL, ERA_MODERN,
     RPC_INVALID_PARAMS},
    {"rung 2 comes before 3", LIST(P("'v999'")), "v999", "tools/list", NULL, ERA_MODERN,
     RPC_INVALID_PARAMS},
    {"rung 2 comes before 4", LIST(P("'" V "'")), V, NULL, NULL, ERA_MODERN, RPC_INVALID_PARAMS},

    /* rung 3: the version is not served */
    {"unknown in both", LIST(P("'v999.0.0'") "," C), "v999.0.0", "tools/list", NULL, ERA_MODERN,
     RPC_UNSUPPORTED_VERSION},
    {"legacy in both", LIST(P("'2025-11-25'") "," C), "2025-11-25", "tools/list", NULL, ERA_MODERN,
     RPC_UNSUPPORTED_VERSION},
    {"unknown, no header", LIST(P("'v999'") "," C), NULL, "tools/list", NULL, ERA_MODERN,
     RPC_UNSUPPORTED_VERSION},
    {"legacy, no header", LIST(P("'2025-11-25'") "," C), NULL, NULL, NULL, ERA_MODERN,
     RPC_UNSUPPORTED_VERSION},
    {"rung 3 comes before 4", LIST(P("'v999'") "," C), "v999", NULL, NULL, ERA_MODERN,
     RPC_UNSUPPORTED_VERSION},

    /* rung 4: the headers that mirror the body */
    {"no version header", LIST(FULL), NULL, "tools/list", NULL, ERA_MODERN, RPC_HEADER_MISMATCH},
    {"no Mcp-Method", LIST(FULL), V, NULL, NULL, ERA_MODERN, RPC_HEADER_MISMATCH},
    {"no Mcp-Method on an unknown method", REQ("foo/bar", META(FULL)), V, NULL, NULL, ERA_MODERN,
     RPC_HEADER_MISMATCH},
    {"another Mcp-Method", LIST(FULL), V, "tools/call", NULL, ERA_MODERN, RPC_HEADER_MISMATCH},
    {"Mcp-Method in another case", LIST(FULL), V, "Tools/List", NULL, ERA_MODERN,
     RPC_HEADER_MISMATCH},
    {"no Mcp-Name", CALL("'echo'", FULL), V, "tools/call", NULL, ERA_MODERN, RPC_HEADER_MISMATCH},
    {"another Mcp-Name", CALL("'echo'", FULL), V, "tools/call", "other", ERA_MODERN,
     RPC_HEADER_MISMATCH},
    {"Mcp-Name in another case", CALL("'echo'", FULL), V, "tools/call", "Echo", ERA_MODERN,
     RPC_HEADER_MISMATCH},
    {"a prompt without Mcp-Name", REQ("prompts/get", "'name':'p'," META(FULL)), V, "prompts/get",
     NULL, ERA_MODERN, RPC_HEADER_MISMATCH},
    {"a resource with it", REQ("resources/read", "'uri':'a://b'," META(FULL)), V, "resources/read",
     "a://b", ERA_MODERN, 0},
    {"a resource with another", REQ("resources/read", "'uri':'a://b'," META(FULL)), V,
     "resources/read", "a://c", ERA_MODERN, RPC_HEADER_MISMATCH},
    {"a task with it", REQ("tasks/cancel", "'taskId':'t'," META(FULL)), V, "tasks/cancel", "t",
     ERA_MODERN, 0},
    {"a task without it", REQ("tasks/get", "'taskId':'t'," META(FULL)), V, "tasks/get", NULL,
     ERA_MODERN, RPC_HEADER_MISMATCH},
    /* the base64 form of a header */
    {"encoded, 1 left over", CALL("'echo'", FULL), V, "tools/call",
     "=?base64?ZWNobw==?=", ERA_MODERN, 0},
    {"encoded, 2 left over", CALL("'ab'", FULL), V, "tools/call", "=?base64?YWI=?=", ERA_MODERN, 0},
    {"encoded, none left over", CALL("'abc'", FULL), V, "tools/call", "=?base64?YWJj?=", ERA_MODERN,
     0},
    {"encoded, not ASCII", CALL("'\xc3\xa9\xf0\x9f\x98\x80'", FULL), V, "tools/call",
     "=?base64?w6nwn5iA?=", ERA_MODERN, 0},
    {"encoded, empty", CALL("''", FULL), V, "tools/call",
     "=?base64?"
     "?=",
     ERA_MODERN, 0},
    {"encoded, both odd digits", CALL("'\xc3\xbb\xc3\xbf\xc3\xbf'", FULL), V, "tools/call",
     "=?base64?w7vDv8O/?=", ERA_MODERN, 0},
    {"encoded, bad digit", CALL("'echo'", FULL), V, "tools/call", "=?base64?ZWNob#==?=", ERA_MODERN,
     RPC_HEADER_MISMATCH},
    {"encoded, no padding", CALL("'ab'", FULL), V, "tools/call", "=?base64?YWI?=", ERA_MODERN,
     RPC_HEADER_MISMATCH},
    {"encoded, another name", CALL("'echo'", FULL), V, "tools/call",
     "=?base64?ZWNoYQ==?=", ERA_MODERN, RPC_HEADER_MISMATCH},
    {"upper case is no marker", CALL("'echo'", FULL), V, "tools/call",
     "=?BASE64?ZWNobw==?=", ERA_MODERN, RPC_HEADER_MISMATCH},
    {"without the end it is literal", CALL("'=?base64?YWI='", FULL), V, "tools/call",
     "=?base64?YWI=", ERA_MODERN, 0},
    {"overlapping ends are literal", CALL("'=?base64?='", FULL), V, "tools/call",
     "=?base64?=", ERA_MODERN, 0},

    /* notifications */
    {"a modern notification", NTF("notifications/cancelled", META(FULL)), V, NULL, NULL, ERA_MODERN,
     0},
    {"without _meta", NTF("notifications/cancelled", "'requestId':1"), V, NULL, NULL, ERA_MODERN,
     0},
    {"without capabilities", NTF("notifications/x", META(P("'" V "'"))), V, NULL, NULL, ERA_MODERN,
     0},
    {"with another version", NTF("notifications/x", META(FULL)), "2025-11-25", NULL, NULL,
     ERA_MODERN, RPC_HEADER_MISMATCH},
    {"with no version header", NTF("notifications/x", META(FULL)), NULL, NULL, NULL, ERA_MODERN,
     RPC_HEADER_MISMATCH},
    {"with another method", NTF("notifications/x", META(FULL)), V, "notifications/y", NULL,
     ERA_MODERN, RPC_HEADER_MISMATCH},
    {"unknown in both", NTF("notifications/x", META(P("'v999'") "," C)), "v999", NULL, NULL,
     ERA_MODERN, RPC_UNSUPPORTED_VERSION},
    {"unknown header", NTF("notifications/x", ""), "nonsense", NULL, NULL, ERA_MODERN,
     RPC_UNSUPPORTED_VERSION},
    {"a legacy one", NTF("notifications/initialized", ""), NULL, NULL, NULL, ERA_LEGACY, 0},

    /* legacy */
    {"initialize", REQ("initialize", "'protocolVersion':'2025-11-25'"), NULL, NULL, NULL,
     ERA_LEGACY, 0},
    {"initialize asking for the modern version", REQ("initialize", "'protocolVersion':'" V "'"),
     NULL, NULL, NULL, ERA_LEGACY, 0},
    {"a list", REQ("tools/list", ""), "2025-06-18", NULL, NULL, ERA_LEGACY, 0},
    {"no header", REQ("tools/list", ""), NULL, NULL, NULL, ERA_LEGACY, 0},
    {"Mcp-Method alone means nothing", REQ("tools/list", ""), NULL, "tools/list", NULL, ERA_LEGACY,
     0},
    {"not even a wrong one", REQ("tools/list", ""), "2025-11-25", "tools/call", "x", ERA_LEGACY, 0},
    {"progressToken is no claim", LIST("'progressToken':1"), NULL, NULL, NULL, ERA_LEGACY, 0},
    {"nor is a log level", LIST(L("'debug'")), NULL, NULL, NULL, ERA_LEGACY, 0},

    /* posted responses */
    {"a result", "{'jsonrpc':'2.0','id':1,'result':{}}", NULL, NULL, NULL, ERA_LEGACY, 0},
    {"an error", "{'jsonrpc':'2.0','id':1,'error':{}}", "2025-11-25", NULL, NULL, ERA_LEGACY, 0},
    {"a result, modern", "{'jsonrpc':'2.0','id':1,'result':{}}", V, NULL, NULL, ERA_MODERN,
     RPC_INVALID_REQUEST},
    {"a result, unknown", "{'jsonrpc':'2.0','id':1,'result':{}}", "nonsense", NULL, NULL,
     ERA_MODERN, RPC_INVALID_REQUEST},

    /* not JSON-RPC */
    {"an object", "{'a':1}", NULL, NULL, NULL, ERA_LEGACY, RPC_INVALID_REQUEST},
    {"an object, modern", "{'a':1}", V, NULL, NULL, ERA_MODERN, RPC_INVALID_REQUEST},
    {"a scalar", "5", NULL, NULL, NULL, ERA_LEGACY, RPC_INVALID_REQUEST},
    {"id null", "{'jsonrpc':'2.0','id':null,'method':'ping'}", NULL, NULL, NULL, ERA_LEGACY,
     RPC_INVALID_REQUEST},

    /* batches */
    {"requests", "[" REQ("ping", "") "," REQ("tools/list", "") "]", NULL, NULL, NULL, ERA_LEGACY,
     0},
    {"before there was a word for it", "[" REQ("ping", "") "]", "2024-11-05", NULL, NULL,
     ERA_LEGACY, 0},
    {"after it was removed", "[" REQ("ping", "") "]", "2025-06-18", NULL, NULL, ERA_LEGACY,
     RPC_INVALID_REQUEST},
    {"long after", "[" REQ("ping", "") "]", "2025-11-25", NULL, NULL, ERA_LEGACY,
     RPC_INVALID_REQUEST},
    {"notifications", "[" NTF("notifications/x", "") "]", "2025-03-26", NULL, NULL, ERA_LEGACY, 0},
    {"responses", "[{'jsonrpc':'2.0','id':1,'result':{}}]", NULL, NULL, NULL, ERA_LEGACY, 0},
    {"modern header", "[" REQ("ping", "") "]", V, NULL, NULL, ERA_MODERN, RPC_INVALID_REQUEST},
    {"unknown header", "[" REQ("ping", "") "]", "nonsense", NULL, NULL, ERA_MODERN,
     RPC_INVALID_REQUEST},
    {"one modern element", "[" REQ("ping", "") "," LIST(FULL) "]", NULL, NULL, NULL, ERA_MODERN,
     RPC_INVALID_REQUEST},
    {"one modern notification", "[" NTF("notifications/x", META(FULL)) "]", NULL, NULL, NULL,
     ERA_MODERN, RPC_INVALID_REQUEST},
    {"with initialize", "[" REQ("initialize", "'protocolVersion':'2025-03-26'") "]", NULL, NULL,
     NULL, ERA_LEGACY, RPC_INVALID_REQUEST},
    {"with garbage", "[1," REQ("ping", "") "]", NULL, NULL, NULL, ERA_LEGACY, RPC_INVALID_REQUEST},
    {"nested", "[[" REQ("ping", "") "]]", NULL, NULL, NULL, ERA_LEGACY, RPC_INVALID_REQUEST},
    {"empty", "[]", NULL, NULL, NULL, ERA_LEGACY, RPC_INVALID_REQUEST},
};

static void test_posts(void **state)
{
    for (size_t i = 0; i < sizeof posts / sizeof posts[0]; i++) {
        json_t *body = parse(posts[i].body);
        struct message_headers headers = {
            .protocol_version = posts[i].version,
            .method = posts[i].method,
            .name = posts[i].name,
        };
        struct rpc_message message;
        struct era_verdict verdict;
        rpc_classify(body, &message);
        era_decide(&message, &headers, NULL, &verdict);
        if (verdict.era != posts[i].era || verdict.code != posts[i].code)
            fail_msg("row %zu, %s: era %d, code %d: %s", i, posts[i].what, verdict.era,
                     verdict.code, verdict.text);
        assert_int_equal(verdict.status, verdict.code != 0 ? 400 : 200);
        assert_int_equal(verdict.code != 0, verdict.text[0] != '\0');
        assert_int_equal(verdict.code == RPC_UNSUPPORTED_VERSION, verdict.requested != NULL);
        if (verdict.era == ERA_MODERN)
            assert_string_equal(verdict.version, V);
        json_decref(body);
    }
}

/* On stdio there are no headers: only the claim in the body counts. */
static const struct {
    const char *what, *body, *negotiated;
    enum era era;
    int code;
    const char *version;
} lines[] = {
    {"no claim, no handshake", REQ("tools/list", ""), NULL, ERA_LEGACY, 0, "2025-11-25"},
    {"no claim after a handshake", REQ("tools/list", ""), "2024-11-05", ERA_LEGACY, 0,
     "2024-11-05"},
    {"a claim", LIST(FULL), NULL, ERA_MODERN, 0, V},
    {"a claim after a handshake", LIST(FULL), "2025-11-25", ERA_MODERN, 0, V},
    {"a claimed call needs no headers", CALL("'echo'", FULL), NULL, ERA_MODERN, 0, V},
    {"discover", REQ("server/discover", META(FULL)), NULL, ERA_MODERN, 0, V},
    {"only capabilities", LIST(C), NULL, ERA_MODERN, RPC_INVALID_PARAMS, V},
    {"no capabilities", LIST(P("'" V "'")), NULL, ERA_MODERN, RPC_INVALID_PARAMS, V},
    {"log level unknown", LIST(FULL "," L("'loud'")), NULL, ERA_MODERN, RPC_INVALID_PARAMS, V},
    {"unknown version", LIST(P("'v999'") "," C), NULL, ERA_MODERN, RPC_UNSUPPORTED_VERSION, V},
    {"legacy version", LIST(P("'2025-11-25'") "," C), NULL, ERA_MODERN, RPC_UNSUPPORTED_VERSION, V},
    {"a cancellation with a claim", NTF("notifications/cancelled", META(FULL)), NULL, ERA_MODERN, 0,
     V},
    {"a cancellation", NTF("notifications/cancelled", ""), NULL, ERA_LEGACY, 0, "2025-11-25"},
    {"a batch", "[" REQ("ping", "") "]", "2025-03-26", ERA_LEGACY, 0, "2025-03-26"},
    {"a batch after a newer handshake", "[" REQ("ping", "") "]", "2025-06-18", ERA_LEGACY,
     RPC_INVALID_REQUEST, "2025-06-18"},
    {"a modern batch", "[" LIST(FULL) "]", NULL, ERA_MODERN, RPC_INVALID_REQUEST, V},
    {"garbage", "{'a':1}", NULL, ERA_LEGACY, RPC_INVALID_REQUEST, "2025-11-25"},
    {"a response", "{'jsonrpc':'2.0','id':1,'result':{}}", NULL, ERA_LEGACY, 0, "2025-11-25"},
};

static void test_lines(void **state)
{
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        json_t *body = parse(lines[i].body);
        struct rpc_message message;
        struct era_verdict verdict;
        rpc_classify(body, &message);
        era_decide(&message, NULL, lines[i].negotiated, &verdict);
        if (verdict.era != lines[i].era || verdict.code != lines[i].code ||
            strcmp(verdict.version, lines[i].version) != 0)
            fail_msg("row %zu, %s: era %d, code %d, version %s", i, lines[i].what, verdict.era,
                     verdict.code, verdict.version);
        json_decref(body);
    }
}

static const char *legacy_version(const char *header, const char *negotiated)
{
    json_t *body = parse(REQ("ping", ""));
    struct message_headers headers = {.protocol_version = header};
    struct rpc_message message;
    struct era_verdict verdict;
    rpc_classify(body, &message);
    era_decide(&message, &headers, negotiated, &verdict);
    json_decref(body);
    return verdict.version;
}

static void test_versions(void **state)
{
    assert_string_equal(legacy_version(NULL, NULL), "2025-03-26");
    assert_string_equal(legacy_version(NULL, "2025-06-18"), "2025-06-18");
    assert_string_equal(legacy_version("2025-11-25", "2025-06-18"), "2025-11-25");
    for (const char *const *v = era_legacy_versions; *v != NULL; v++) {
        assert_string_equal(legacy_version(*v, NULL), *v);
        assert_ptr_equal(era_negotiate(*v), *v);
    }
    assert_string_equal(era_negotiate(V), "2025-11-25");
    assert_string_equal(era_negotiate("1999-01-01"), "2025-11-25");
    assert_string_equal(era_negotiate(""), "2025-11-25");
    assert_true(era_is_since("2025-06-18", "2025-06-18"));
    assert_true(era_is_since(V, "2025-06-18"));
    assert_false(era_is_since("2025-03-26", "2025-06-18"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posts),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
