/* Arguments that are repeated in headers: which tools may ask for it, and what a client must send.
 */
#include "server_harness.h"

/* ---- registration ---- */

static void test_annotations(void **state)
{
    static const struct {
        const char *schema, *fault; /* NULL: it is in order */
    } rows[] = {
        {"{'type':'object'}", NULL},
        {"{'type':'object','properties':{'r':{'type':'string','x-mcp-header':'Region'}}}", NULL},
        {"{'type':'object','properties':{'o':{'type':'object','properties':{'n':{'type':'integer',"
         "'x-mcp-header':'N'}}},'b':{'type':'boolean','x-mcp-header':'B'}}}",
         NULL},
        /* A property of that name, and data that only looks like an annotation. */
        {"{'type':'object','properties':{'x-mcp-header':{'type':'string'}}}", NULL},
        {"{'type':'object','properties':{'o':{'type':'object','default':{'x-mcp-header':'A'},"
         "'enum':[{'x-mcp-header':'A'}]}}}",
         NULL},
        {"{'type':'object','properties':{'l':{'type':'array','items':{'type':'object','properties':"
         "{'x-mcp-header':{'type':'string'}}}}}}",
         NULL},
        {"{'type':'object','x-mcp-header':'A'}", "no chain of properties"},
        {"{'type':'object','properties':{'l':{'type':'array','items':{'type':'string',"
         "'x-mcp-header':'A'}}}}",
         "no chain of properties"},
        {"{'type':'object','anyOf':[{'properties':{'a':{'type':'string','x-mcp-header':'A'}}}]}",
         "no chain of properties"},
        {"{'type':'object','properties':{'a':{'type':'string'}},'then':{'properties':{'a':{"
         "'x-mcp-header':'A'}}}}",
         "no chain of properties"},
        {"{'type':'object','$defs':{'d':{'type':'string','x-mcp-header':'A'}}}",
         "no chain of properties"},
        {"{'type':'object','properties':{'a':{'type':'number','x-mcp-header':'A'}}}",
         "string, an integer or a boolean"},
        {"{'type':'object','properties':{'a':{'x-mcp-header':'A'}}}",
         "string, an integer or a boolean"},
        {"{'type':'object','properties':{'a':{'type':'object','x-mcp-header':'A'}}}",
         "string, an integer or a boolean"},
        {"{'type':'object','properties':{'a':{'type':'string','x-mcp-header':''}}}", "a token"},
        {"{'type':'object','properties':{'a':{'type':'string','x-mcp-header':'A B'}}}", "a token"},
        {"{'type':'object','properties':{'a':{'type':'string','x-mcp-header':'A:'}}}", "a token"},
        {"{'type':'object','properties':{'a':{'type':'string','x-mcp-header':5}}}", "a token"},
        {"{'type':'object','properties':{'a':{'type':'string','x-mcp-header':'"
         "aaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}}}",
         "a token"},
        {"{'type':'object','properties':{'a':{'type':'string','x-mcp-header':'Same'},'b':{'type':"
         "'string','x-mcp-header':'sAME'}}}",
         "the same header twice"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {0};
        char name[16];
        snprintf(name, sizeof name, "t%zu", i);
        struct server *server = server_new(&options);
        struct server_tool tool = {
            .name = name,
            .input_schema = parse(rows[i].schema),
            .start = start_fake,
        };
        int rc = server_add_tool(server, &tool, &err);
        assert_int_equal(rc, rows[i].fault == NULL ? 0 : -ERR_INTERNAL);
        if (rc != 0 && (strstr(err.text, rows[i].fault) == NULL || strstr(err.text, name) == NULL))
            fail_msg("%s: %s", rows[i].schema, err.text);
        server_free(server);
    }
}

/* ---- calls ---- */

static void add_mirrored(struct server *server)
{
    struct err err;
    struct server_tool tool = {
        .name = "mirrored",
        .input_schema = parse(
            "{'type':'object','properties':{'region':{'type':'string','x-mcp-header':'Region'},"
            "'o':{'type':'object','properties':{'n':{'type':'integer','x-mcp-header':'N'}}},"
            "'b':{'type':'boolean','x-mcp-header':'B'}}}"),
        .start = start_fake,
    };
    assert_int_equal(server_add_tool(server, &tool, &err), 0);
}

struct sent_headers {
    const char *region, *n, *b;
};

static const char *find_header(void *user, const char *name)
{
    const struct sent_headers *sent = user;
    if (strcmp(name, "mcp-param-region") == 0)
        return sent->region;
    if (strcmp(name, "mcp-param-n") == 0)
        return sent->n;
    return strcmp(name, "mcp-param-b") == 0 ? sent->b : NULL;
}

static void test_headers(void **state)
{
    static const struct {
        const char *arguments;
        struct sent_headers sent;
        bool is_good;
    } rows[] = {
        {"{}", {0}, true},
        {"{'region':null,'o':null,'b':null}", {0}, true},
        {"{'region':'eu'}", {.region = "eu"}, true},
        {"{'region':'eu'}", {.region = "EU"}, false},
        {"{'region':'eu'}", {0}, false},
        {"{}", {.region = "eu"}, false},
        {"{'region':null}", {.region = ""}, false},
        {"{'region':''}", {.region = ""}, true},
        {"{'region':'Hello'}", {.region = "=?base64?SGVsbG8=?="}, true},
        {"{'region':'Hello'}", {.region = "=?base64?SGVsbG8?="}, false},     /* no padding */
        {"{'region':'Hello'}", {.region = "=?base64?SGVs!!!bG8=?="}, false}, /* no base64 */
        {"{'region':'Hello'}", {.region = "=?BASE64?SGVsbG8=?="}, false},
        {"{'region':'SGVsbG8='}", {.region = "SGVsbG8="}, true}, /* not meant to be decoded */
        {"{'region':'=?base64?SGVsbG8='}", {.region = "=?base64?SGVsbG8="}, true},
        {"{'region':'a\\u0000b'}", {.region = "a"}, false},
        {"{'region':5}", {.region = "5"}, true}, /* whether that is a region, the tool says */
        {"{'region':['eu']}", {.region = "eu"}, false},
        {"{'o':{'n':5}}", {.n = "5"}, true},
        {"{'o':{'n':5}}", {.n = "+5"}, true},
        {"{'o':{'n':5}}", {.n = "005"}, true},
        {"{'o':{'n':5}}", {.n = "5.0"}, true},
        {"{'o':{'n':5.0}}", {.n = "5"}, true},
        {"{'o':{'n':-5}}", {.n = "-5"}, true},
        {"{'o':{'n':5}}", {.n = "=?base64?NQ==?="}, true},
        {"{'o':{'n':9007199254740993}}", {.n = "9007199254740993"}, true},
        {"{'o':{'n':9007199254740993}}", {.n = "9007199254740992"}, false},
        {"{'o':{'n':5}}", {.n = "6"}, false},
        {"{'o':{'n':5}}", {.n = ""}, false},
        {"{'o':{'n':5}}", {.n = "5x"}, false},
        {"{'o':{'n':5}}", {.n = "0x5"}, false},
        {"{'o':{'n':0}}", {.n = "nan"}, false},
        {"{'o':{'n':5}}", {0}, false},
        {"{'o':{}}", {.n = "5"}, false},
        {"{'o':5}", {.n = "5"}, false},
        {"{'b':true}", {.b = "true"}, true},
        {"{'b':false}", {.b = "false"}, true},
        {"{'b':true}", {.b = "True"}, false},
        {"{'b':true}", {.b = "1"}, false},
        {"{'region':'eu','o':{'n':1},'b':false}", {"eu", "1", "false"}, true},
        {"{'region':'eu','o':{'n':1},'b':false}", {"eu", "1", "true"}, false},
    };
    add_mirrored(*state);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sent_headers sent = rows[i].sent;
        struct message_headers headers = {
            .protocol_version = V,
            .method = "tools/call",
            .name = "mirrored",
            .accepts_json = true,
            .accepts_stream = true,
            .find = find_header,
            .user = &sent,
        };
        struct wire wire;
        char params[512];
        wire_open_modern(&wire, *state);
        wire.headers = &headers;
        snprintf(params, sizeof params, "'name':'mirrored','arguments':%s," META,
                 rows[i].arguments);
        wire_ask(&wire, "tools/call", params);
        const char *have = next(&wire, rows[i].is_good ? 200 : 400, true);
        if (strstr(have, rows[i].is_good
                             ? "'resultType':'complete'"
                             : "'error':{'code':-32020,'message':'the header mcp-") == NULL)
            fail_msg("%s: %s", rows[i].arguments, have);
        wire_close(&wire);
    }
}

/* Only where there are headers, and only in the revision that knows of them. */
static void test_elsewhere(void **state)
{
    add_mirrored(*state);
    struct wire wire;
    wire_open(&wire, *state);
    wire_ask(&wire, "tools/call", "'name':'mirrored','arguments':{'region':'eu'}");
    expect_part(&wire, 200, "'structuredContent':{'region':'eu'}");
    wire.revision = V;
    wire_ask(&wire, "tools/call", "'name':'mirrored','arguments':{'region':'eu'}," META);
    expect_part(&wire, 200, "'structuredContent':{'region':'eu'}");
    struct message_headers headers = {.accepts_json = true, .accepts_stream = true};
    wire.headers = &headers;
    wire.revision = "2025-11-25";
    wire_ask(&wire, "tools/call", "'name':'mirrored','arguments':{'region':'eu'}");
    expect_part(&wire, 200, "'structuredContent':{'region':'eu'}");
    /* A transport that hands on no headers has none. */
    headers.protocol_version = V;
    headers.method = "tools/call";
    headers.name = "mirrored";
    wire.revision = V;
    wire_ask(&wire, "tools/call", "'name':'mirrored','arguments':{'region':'eu'}," META);
    expect_part(&wire, 400, "-32020");
    wire_ask(&wire, "tools/call", "'name':'mirrored'," META);
    expect_part(&wire, 200, "'structuredContent':{}");
    wire_close(&wire);
}

int main(void)
{
    forget_emitted();
    const struct CMUnitTest tests[] = {
        TEST(test_annotations),
        TEST(test_headers),
        TEST(test_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
