/* Memory that runs out at any moment. Conversations with a server that has every primitive (the
 * corpus of the rpc fuzzer) are repeated with the 1st, the 2nd, … allocation failing, until one
 * runs to its end without reaching the allocation that should fail: once that one alone, once all
 * of the same message from there on. Each request must still be answered once (or ended in
 * silence), nothing may leak, and the server must answer the next message as if nothing had
 * happened. test_oom FILE… malloc() and its kin are wrapped by the linker (tests/meson.build). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bind.h"
#include "fake_server.h"
#include "json.h"
#include "rpc.h"
#include "schema.h"
#include "wrap.h"

#include "../unit/bind_table.h"

/* ---- allocations ---- */

static struct {
    bool is_armed;
    bool is_lasting;        /* all from the chosen one on fail, not it alone */
    size_t chosen;          /* the one that fails */
    size_t countdown;       /* to it; 0 = it has failed */
    size_t live, done;      /* not yet freed; in total while armed */
    size_t tries, messages; /* figures */
} memory;

void __real_free(void *old);
void __wrap_free(void *old);

static bool is_refused(void)
{
    if (!memory.is_armed)
        return false;
    memory.done++;
    if (memory.countdown == 0)
        return memory.is_lasting;
    return --memory.countdown == 0;
}

void *__wrap_malloc(size_t size)
{
    void *got = is_refused() ? NULL : __real_malloc(size);
    memory.live += got != NULL;
    return got;
}

void *__wrap_calloc(size_t count, size_t size)
{
    void *got = is_refused() ? NULL : __real_calloc(count, size);
    memory.live += got != NULL;
    return got;
}

void *__wrap_realloc(void *old, size_t size)
{
    void *got = is_refused() ? NULL : __real_realloc(old, size);
    memory.live += old == NULL && got != NULL;
    return got;
}

void __wrap_free(void *old)
{
    memory.live -= old != NULL;
    __real_free(old);
}

/* ---- a client ---- */

struct wire {
    struct channel channel; /* first */
    bool may_fail;          /* an answer may be lost: then its end comes without it */
    size_t awaited, answered;
    json_t *last;
};

static void on_send(struct channel *channel, json_t *message, int status, bool is_last)
{
    struct wire *wire = (struct wire *)channel;
    wire->answered += is_last;
    assert_true(message != NULL || is_last);
    if (message == NULL)
        return;
    struct rpc_message sent;
    assert_int_not_equal(rpc_classify(message, &sent), RPC_INVALID);
    fake_learn(message);
    json_decref(wire->last);
    wire->last = message;
}

static const struct channel_ops ops = {.send = on_send};

/* A client, its channels and the server. */
struct run {
    struct server *server;
    struct peer *peer;
    struct wire wires[FAKE_MESSAGES_MAX + 1];
    size_t wire_count;
    bool is_stdio;
    const char *name; /* for the report */
};

static void say(struct run *run, const struct fake_conversation *c, size_t i)
{
    json_t *message = json_deep_copy(c->messages[i]);
    struct wire *wire = &run->wires[run->is_stdio ? 0 : i + 1];
    fake_substitute(message);
    memory.is_armed = true;
    enum receive_result result = server_receive(run->server, run->peer, &wire->channel, message,
                                                run->is_stdio ? NULL : &c->headers);
    fake_release(i);
    server_changed(run->server, CHANGED_TOOLS | CHANGED_RESOURCES | CHANGED_PROMPTS);
    server_resource_updated(run->server, "x://one/a");
    server_sweep(run->server);
    memory.is_armed = false;
    wire->awaited += result == RECEIVE_ANSWERING;
    json_decref(message);
    /* What failed is over with this message. */
    if (memory.countdown == 0)
        memory.is_lasting = false;
    memory.messages++;
}

/* Whatever happened, the server goes on. */
static void expect_answer(struct server *server)
{
    static const char text[] =
        "{\"jsonrpc\":\"2.0\",\"id\":\"next\",\"method\":\"tools/"
        "call\",\"params\":{\"name\":\"echo\","
        "\"arguments\":{\"a\":1},\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":"
        "\"2026-07-28\",\"io.modelcontextprotocol/clientCapabilities\":{}}}}";
    struct wire wire = {.channel.ops = &ops};
    json_t *message = json_parse(text, sizeof text - 1, NULL);
    assert_int_equal(server_receive(server, NULL, &wire.channel, message, NULL), RECEIVE_ANSWERING);
    const json_t *result = json_object_get(wire.last, "result");
    assert_int_equal(json_get_integer(json_object_get(result, "structuredContent"), "a", 0), 1);
    assert_int_equal(wire.answered, 1);
    json_decref(wire.last);
    json_decref(message);
}

static void finish(struct run *run, bool has_memory)
{
    expect_answer(run->server);
    if (run->peer != NULL)
        peer_listen(run->peer, NULL);
    memory.is_armed = !has_memory;
    for (size_t i = 0; i < run->wire_count; i++)
        server_channel_gone(run->server, &run->wires[i].channel);
    peer_free(run->peer);
    server_shutdown(run->server, NULL, NULL);
    memory.is_armed = false;
    for (size_t i = 0; i < run->wire_count; i++) {
        if (run->wires[i].answered != run->wires[i].awaited)
            fail_msg("%s, allocation %zu: channel %zu: %zu answers to %zu requests", run->name,
                     memory.chosen, i, run->wires[i].answered, run->wires[i].awaited);
        json_decref(run->wires[i].last);
    }
    assert_int_equal(server_running(run->server), 0);
    server_free(run->server);
    fake_forget();
}

/* One conversation with the n-th allocation failing. False when it has fewer. */
static bool converse(const char *name, const struct fake_conversation *c, bool is_stdio,
                     bool is_lasting, size_t n)
{
    size_t before = memory.live;
    struct run run = {.server = fake_server_new(),
                      .is_stdio = is_stdio,
                      .name = name,
                      .wire_count = is_stdio ? 1 : c->count + 1};
    assert_non_null(run.server);
    for (size_t i = 0; i < run.wire_count; i++)
        run.wires[i].channel.ops = &ops;
    memory.chosen = memory.countdown = n;
    memory.is_lasting = is_lasting;
    memory.is_armed = true;
    run.peer = peer_new(run.server, "ann");
    memory.is_armed = false;
    if (run.peer == NULL && memory.countdown == 0)
        memory.is_lasting = false;
    if (run.peer != NULL)
        peer_listen(run.peer, &run.wires[0].channel);
    for (size_t i = 0; i < c->count; i++)
        say(&run, c, i);
    memory.tries++;
    bool has_failed = memory.countdown == 0;
    finish(&run, has_failed);
    has_failed = memory.countdown == 0;
    memory.countdown = 0;
    memory.is_lasting = false;
    if (memory.live != before)
        fail_msg("%s, allocation %zu: %zd are left", name, n, (ssize_t)(memory.live - before));
    return has_failed;
}

/* ---- conversations from files ---- */

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = calloc(1, 1 << 16);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 16) - 1, file) > 0);
    fclose(file);
    return text;
}

static int argument_count;
static char **arguments;

static void test_conversations(void **state)
{
    (void)state;
    for (int i = 1; i < argument_count; i++) {
        char *text = read_file(arguments[i]);
        struct fake_conversation c;
        fake_conversation_init(&c, text);
        c.headers.principal = "ann";
        c.headers.accepts_json = c.headers.accepts_stream = true;
        for (int mode = 0; mode < 4; mode++) {
            size_t n = 1;
            while (converse(arguments[i], &c, (mode & 1) != 0, (mode & 2) != 0, n))
                n++;
        }
        fake_conversation_done(&c);
        free(text);
    }
    printf("# %zu conversations, %zu messages\n", memory.tries, memory.messages);
    assert_true(memory.tries > 1000);
}

/* ---- the pieces ---- */

/* Runs `step` with its first, second, … allocation failing; it says whether it succeeded. */
static void exhaust(const char *name, bool (*step)(void))
{
    for (int is_lasting = 0; is_lasting < 2; is_lasting++) {
        for (size_t n = 1;; n++) {
            size_t before = memory.live;
            memory.chosen = memory.countdown = n;
            memory.is_lasting = is_lasting != 0;
            memory.is_armed = true;
            bool is_good = step();
            memory.is_armed = false;
            bool has_failed = memory.countdown == 0;
            memory.countdown = 0;
            memory.is_lasting = false;
            if (memory.live != before)
                fail_msg("%s, allocation %zu: %zd are left", name, n,
                         (ssize_t)(memory.live - before));
            if (!has_failed) {
                assert_true(is_good);
                break;
            }
        }
    }
}

static bool set_up(void)
{
    struct server *server = fake_server_new();
    server_free(server);
    return server != NULL;
}

static bool make_schemas(void)
{
    json_t *schema = schema_input(table_funnel);
    json_decref(schema);
    return schema != NULL;
}

static const char rich_funnel[] =
    "{\"steps\":[\"a\",{\"event\":\"b\",\"where\":[{\"field\":\"x\",\"op\":\"IN\",\"values\":[1,2."
    "5,"
    "true,\"t\"]}]}],\"within\":{\"value\":\"3\"},\"cell\":{\"a\":[1,{}]},\"bins\":\"7\"}";
static const char *const funnels[] = {
    rich_funnel,
    "{\"steps\":\"[{\\\"event\\\":\\\"a\\\"}]\",\"hold_constant\":\"x\"}",
    "{\"steps\":[],\"tpyo\":1}",
    "{\"steps\":[{\"event\":5}]}",
    "{\"steps\":[\"a\"],\"order\":\"orderd\"}",
    "{}",
};
static const json_t *funnel;

static bool bind_funnel(void)
{
    struct err err = {.code = ERR_OK};
    json_t *values = NULL;
    int rc = bind_arguments(table_funnel, funnel, &values, &err);
    assert_true((rc == 0) == (values != NULL));
    assert_true(rc == 0 || err.text[0] != '\0');
    json_decref(values);
    return rc == 0 || err.code == ERR_ARGUMENT;
}

/* (A reader short of memory may lose a byte of a text: jansson does not look there.) */
static const char document[] = "{\"a long name of a member, longer than any first buffer is\":"
                               "[99999999999999999999,1.5,\"\\u00e4\",true]}";
static const json_t *printed;

static bool parse_text(void)
{
    json_t *value = json_parse(document, sizeof document - 1, NULL);
    json_decref(value);
    return value != NULL;
}

/* A text is whole, or there is none. */
static bool print_text(void)
{
    char *text = json_text(printed);
    bool is_good = text != NULL;
    if (is_good)
        assert_string_equal(text, "{\"a long name of a member, longer than any first buffer is\":"
                                  "[\"99999999999999999999\",1.5,\"\u00e4\",true]}");
    free(text);
    return is_good;
}

static bool build_messages(void)
{
    json_t *id = json_integer(1);
    json_t *all[] = {rpc_result(id, json_object()), rpc_error(id, RPC_PARSE_ERROR, "\xff", NULL),
                     rpc_error(NULL, RPC_PARSE_ERROR, "x", json_object()),
                     rpc_notification("x", json_object()), rpc_text("\xc3\xa4\xc3")};
    bool is_good = id != NULL;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        is_good = is_good && all[i] != NULL;
        json_decref(all[i]);
    }
    json_decref(id);
    return is_good;
}

static void test_pieces(void **state)
{
    (void)state;
    exhaust("a server", set_up);
    exhaust("schemas", make_schemas);
    exhaust("JSON in", parse_text);
    json_t *value = json_parse(document, sizeof document - 1, NULL);
    printed = value;
    exhaust("JSON out", print_text);
    json_decref(value);
    exhaust("messages", build_messages);
    for (size_t i = 0; i < sizeof funnels / sizeof funnels[0]; i++) {
        json_t *sent = json_parse(funnels[i], strlen(funnels[i]), NULL);
        assert_non_null(sent);
        funnel = sent;
        exhaust(funnels[i], bind_funnel);
        json_decref(sent);
    }
}

int main(int argc, char **argv)
{
    json_set_alloc_funcs(malloc, free);
    argument_count = argc;
    arguments = argv;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_conversations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
