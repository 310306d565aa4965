/* Resources as a client sees them: lists in pages, and templates, in both eras. */
#include "server_harness.h"

static const char *const legacy[] = {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"};

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_resources, teardown)

/* ---- registration ---- */

static void test_registration(void **state)
{
    static const struct server_resource bad[] = {
        {.uri = "x://fixed", .name = "again", .read = read_text},
        {.uri = "x://t/{id}/data", .name = "again", .read = read_text},
        {.uri = "x://{a}{b}", .name = "n", .read = read_text},
        {.uri = "x://{+a}", .name = "n", .read = read_text},
        {.uri = "x://none", .name = "n"},
        {.uri = "x://none", .read = read_text},
        {.name = "n", .read = read_text},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = {0};
        assert_int_equal(server_add_resource(*state, &bad[i], &err), -ERR_INTERNAL);
        assert_true(err.text[0] != '\0');
    }
}

/* ---- lists ---- */

#define FIXED_OLD                                                                                  \
    "'description':'Always the same.','mimeType':'text/plain','annotations':{'priority':0.5}}"
#define REST                                                                                       \
    "{'uri':'x://t/7/data','name':'seven'},{'uri':'x://busy','name':'busy'},"                      \
    "{'uri':'x://slow','name':'slow'},{'uri':'x://asks','name':'asks'}"

static void test_lists(void **state)
{
    for (size_t i = 0; i < 4; i++) {
        struct wire wire;
        wire_open(&wire, *state);
        wire_greet(&wire, legacy[i], "{}");
        wire_ask(&wire, "resources/list", "");
        expect(&wire, 200,
               i < 2 ? "{'jsonrpc':'2.0','id':1,'result':{'resources':[{'uri':'x://fixed','name':"
                       "'fixed'," FIXED_OLD "," REST "]}}"
                     : "{'jsonrpc':'2.0','id':1,'result':{'resources':[{'uri':'x://fixed','name':"
                       "'fixed','title':'Fixed'," FIXED_OLD "," REST "]}}");
        wire_ask(&wire, "resources/templates/list", "");
        expect(&wire, 200,
               i < 2 ? "{'jsonrpc':'2.0','id':1,'result':{'resourceTemplates':[{'uriTemplate':"
                       "'x://t/{id}/data','name':'data'},{'uriTemplate':'x://t/{id}/{part}','name'"
                       ":'part'},{'uriTemplate':'x://s/{id}','name':'session'}]}}"
                     : "{'jsonrpc':'2.0','id':1,'result':{'resourceTemplates':[{'uriTemplate':"
                       "'x://t/{id}/data','name':'data','title':'Data'},{'uriTemplate':"
                       "'x://t/{id}/{part}','name':'part'},{'uriTemplate':'x://s/{id}','name':"
                       "'session'}]}}");
        wire_close(&wire);
    }
    struct wire wire;
    wire_open_modern(&wire, *state);
    wire_ask(&wire, "resources/list", META);
    expect(&wire, 200,
           "{'jsonrpc':'2.0','id':1,'result':{'resources':[{'uri':'x://fixed','name':"
           "'fixed','title':'Fixed'," FIXED_OLD "," REST
           "],'ttlMs':300000,'cacheScope':'public'," MARK "}}");
    wire_ask(&wire, "resources/templates/list", META);
    expect_part(&wire, 200, "'name':'session'}],'ttlMs':300000,'cacheScope':'public'," MARK "}}");
    wire_close(&wire);
}

static void test_capabilities(void **state)
{
    struct wire wire;
    wire_open(&wire, *state);
    wire_ask(&wire, "initialize", "'protocolVersion':'2025-03-26'");
    expect_part(&wire, 200, "'capabilities':{'resources':{'listChanged':true,'subscribe':true}},");
    wire.revision = V;
    wire_ask(&wire, "server/discover", META);
    expect_part(&wire, 200, "'capabilities':{'resources':{'listChanged':true,'subscribe':true}},");
    /* Without a peer there is no way to tell a legacy client of anything. */
    struct peer *peer = wire.peer;
    wire.peer = NULL;
    wire.revision = "2025-11-25";
    wire_ask(&wire, "initialize", "'protocolVersion':'2025-11-25'");
    expect_part(&wire, 200, "'capabilities':{'resources':{}},");
    wire_ask(&wire, "resources/subscribe", "'uri':'x://fixed'");
    expect_part(&wire, 200, "-32601");
    wire.peer = peer;
    wire_ask(&wire, "prompts/list", "");
    expect_part(&wire, 200, "-32601");
    wire_ask(&wire, "completion/complete", "");
    expect_part(&wire, 200, "-32601");
    wire_close(&wire);
}

/* ---- pages ---- */

/* The cursor of the page just read, or "" after the last. */
static void take_cursor(const char *page, char *ret_cursor, size_t size)
{
    const char *at = strstr(page, "'nextCursor':'");
    ret_cursor[0] = '\0';
    if (at != NULL) {
        at += strlen("'nextCursor':'");
        snprintf(ret_cursor, size, "%.*s", (int)strcspn(at, "'"), at);
    }
}

static void walk_pages(struct wire *wire, const char *method, const char *meta,
                       const char *const *pages, size_t count)
{
    char cursor[64] = "", params[512];
    for (size_t i = 0; i < count; i++) {
        snprintf(params, sizeof params, "'cursor':'%s'%s%s", cursor, meta[0] != '\0' ? "," : "",
                 meta);
        wire_ask(wire, method, params); /* the empty cursor is the beginning */
        const char *page = next(wire, 200, true);
        if (strstr(page, pages[i]) == NULL)
            fail_msg("page %zu: %s\nwithout %s", i, page, pages[i]);
        take_cursor(page, cursor, sizeof cursor);
        assert_int_equal(cursor[0] == '\0', i + 1 == count);
    }
}

static void test_pages(void **state)
{
    struct server_options paged = options;
    paged.page_size = 2;
    struct server *server = server_with_resources(&paged);
    struct wire wire;
    wire_open(&wire, server);
    static const char *const lists[] = {
        "'resources':[{'uri':'x://fixed','name':'fixed',",
        "'resources':[{'uri':'x://busy','name':'busy'},{'uri':'x://slow','name':'slow'}],",
        "'resources':[{'uri':'x://asks','name':'asks'}]",
    };
    static const char *const templates[] = {
        "'name':'part'}],",
        "'resourceTemplates':[{'uriTemplate':'x://s/{id}','name':'session'}]",
    };
    walk_pages(&wire, "resources/list", "", lists, 3);
    walk_pages(&wire, "resources/templates/list", "", templates, 2);
    wire.revision = V;
    walk_pages(&wire, "resources/list", META, lists, 3);
    walk_pages(&wire, "resources/templates/list", META, templates, 2);
    wire_close(&wire);
    server_free(server);
}

static void test_bad_cursors(void **state)
{
    struct server_options paged = options;
    paged.page_size = 2;
    struct server *server = server_with_resources(&paged);
    struct wire wire;
    char cursor[64], params[512], last;
    wire_open(&wire, server);
    wire_ask(&wire, "resources/list", "");
    take_cursor(next(&wire, 200, true), cursor, sizeof cursor);
    /* Another list's. */
    snprintf(params, sizeof params, "'cursor':'%s'", cursor);
    wire_ask(&wire, "resources/templates/list", params);
    expect_part(&wire, 200, "'code':-32602,'message':'Invalid params: cursor");
    /* One that nobody gave out. */
    last = cursor[strlen(cursor) - 1];
    cursor[strlen(cursor) - 1] = last == '1' ? '2' : '1';
    static const char *const bad[] = {"'cursor':5",
                                      "'cursor':null",
                                      "'cursor':'x'",
                                      "'cursor':' '",
                                      "'cursor':[]",
                                      "'cursor':'2'",
                                      "'cursor':'00000000ffffffffffffffff'"};
    snprintf(params, sizeof params, "'cursor':'%s'", cursor);
    wire_ask(&wire, "resources/list", params);
    expect_part(&wire, 200, "-32602");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        wire_ask(&wire, "resources/list", bad[i]);
        expect_part(&wire, 200, "-32602");
        wire_ask_modern(&wire, "resources/list", bad[i]);
        expect_part(&wire, 200, "-32602");
    }
    wire_close(&wire);
    server_free(server);
}

/* ---- what the program lists ---- */

static void list_held(struct call *call, void *user)
{
    assert_string_equal(user, "the user");
    hold(call);
}

static void test_listed(void **state)
{
    struct server_options listing = options;
    listing.list_resources = list_held;
    listing.user = "the user";
    struct server *server = server_with_resources(&listing);
    struct wire wire;
    wire_open_modern(&wire, server);
    wire_ask(&wire, "resources/list", META);
    expect_silence(&wire);
    assert_int_equal(server_running(server), 1);
    json_t *listed = parse("{'resources':[{'uri':'x://l','name':'l','icons':[],'size':5}]}");
    call_answer(held, json_incref(listed));
    expect_part(&wire, 200,
                REST ",{'uri':'x://l','name':'l','icons':[],'size':5}],'ttlMs':30000,"
                     "'cacheScope':'private'," MARK);
    /* The members that came later go, and what the program may hold on to stays as it is. */
    wire.revision = "2025-06-18";
    wire_greet(&wire, "2025-06-18", "{}");
    wire_ask(&wire, "resources/list", "");
    call_answer(held, json_incref(listed));
    expect_part(&wire, 200, REST ",{'uri':'x://l','name':'l','size':5}]}}");
    assert_non_null(
        json_object_get(json_array_get(json_object_get(listed, "resources"), 0), "icons"));
    json_decref(listed);
    /* What goes wrong is an error of the protocol. */
    wire_ask(&wire, "resources/list", "");
    struct err err;
    err_set(&err, ERR_UNAVAILABLE, NULL, "the database cannot be reached");
    call_fail(held, &err);
    expect_part(&wire, 200, "'error':{'code':-32603,'message':'the database cannot be reached");
    wire_close(&wire);
    wire_cancelled(server, "resources/list", "");
    server_free(server);
}

/* A server whose only resources are those that the program lists. */
static void list_nothing(struct call *call, void *user)
{
    call_answer(call, parse("{'resources':[]}"));
}

static void test_only_listed(void **state)
{
    struct server_options listing = options;
    listing.list_resources = list_nothing;
    struct server *server = server_new(&listing);
    struct wire wire;
    wire_open(&wire, server);
    wire_ask(&wire, "resources/list", "");
    expect(&wire, 200, "{'jsonrpc':'2.0','id':1,'result':{'resources':[]}}");
    wire_ask(&wire, "resources/templates/list", "");
    expect(&wire, 200, "{'jsonrpc':'2.0','id':1,'result':{'resourceTemplates':[]}}");
    wire_ask(&wire, "resources/read", "'uri':'x://y'");
    expect_part(&wire, 200, "-32002");
    wire_close(&wire);
    server_free(server);
}

int main(void)
{
    forget_emitted();
    const struct CMUnitTest tests[] = {
        TEST(test_registration), TEST(test_lists),  TEST(test_capabilities), TEST(test_pages),
        TEST(test_bad_cursors),  TEST(test_listed), TEST(test_only_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
