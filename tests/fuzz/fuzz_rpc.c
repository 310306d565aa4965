/* Any messages into the server: over stdio (one client, one channel), over HTTP without a session,
 * and over HTTP with one. Beside not crashing, whatever asks is answered exactly once under its own
 * id, whatever only tells is not, nothing is left when the clients are gone, and every message can
 * be framed. The input is a conversation as fake_server.h says; what the implementations do follows
 * from what they are called and asked. */
#include <string.h>

#include "fake_server.h"
#include "fuzz.h"
#include "json.h"
#include "rpc.h"
#include "server.h"

/* ---- clients ---- */

struct wire {
    struct channel channel; /* first */
    json_t *open;           /* ids of requests that wait; null for what had none */
    bool is_shared;         /* stdio: one for all messages */
    bool may_stream;
    size_t awaited, answered;
};

static void check_framing(const json_t *message)
{
    char *text = json_text(message);
    check(text != NULL && strchr(text, '\n') == NULL, "a message that cannot be framed");
    free(text);
}

static void check_answer(struct wire *wire, const json_t *message)
{
    struct rpc_message sent;
    rpc_classify(message, &sent);
    if (sent.kind == RPC_BATCH)
        return;
    check(sent.kind == RPC_RESPONSE, "an answer that is none");
    for (size_t i = 0; i < json_array_size(wire->open); i++) {
        const json_t *id = json_array_get(wire->open, i);
        if (sent.id != NULL ? json_equal(id, sent.id) : json_is_null(id)) {
            json_array_remove(wire->open, i);
            return;
        }
    }
    check(0, "an answer to nothing");
}

static void on_send(struct channel *channel, json_t *message, int status, bool is_last)
{
    struct wire *wire = (struct wire *)channel;
    struct rpc_message sent;
    check(status == 200 || status == 400 || status == 404 || status == 202 || status == 500,
          "the status");
    check(wire->is_shared || wire->answered == 0, "words after the last one");
    wire->answered += is_last;
    if (message == NULL) {
        check(is_last, "nothing, in the middle");
        return;
    }
    check_framing(message);
    fake_learn(message);
    rpc_classify(message, &sent);
    if (is_last)
        check_answer(wire, message);
    else
        check((sent.kind == RPC_NOTIFICATION || sent.kind == RPC_REQUEST) && wire->may_stream,
              "a message before the answer that is none");
    json_decref(message);
}

static const struct channel_ops ops = {.send = on_send};

static struct wire new_wire(bool is_shared, bool may_stream)
{
    return (struct wire){.channel.ops = &ops,
                         .open = json_array(),
                         .is_shared = is_shared,
                         .may_stream = may_stream};
}

/* ---- sessions ---- */

static struct server *new_server(void)
{
    struct server *server = fake_server_new();
    check(server != NULL, "the server");
    return server;
}

static void receive(struct server *server, struct peer *peer, struct wire *wire, const json_t *said,
                    const struct message_headers *headers)
{
    json_t *message = json_deep_copy(said);
    struct rpc_message asked;
    fake_substitute(message);
    rpc_classify(message, &asked);
    size_t answered = wire->answered;
    json_array_append(wire->open, asked.id != NULL ? (json_t *)asked.id : json_null());
    enum receive_result result = server_receive(server, peer, &wire->channel, message, headers);
    json_decref(message);
    if (result == RECEIVE_ANSWERING) {
        wire->awaited++;
        return;
    }
    /* On a shared channel it may have ended another. */
    check(wire->is_shared || wire->answered == answered, "an answer where none is wanted");
    json_array_remove(wire->open, json_array_size(wire->open) - 1);
}

/* The clients are gone; nothing may be left. */
static void finish(struct server *server, struct peer *peer, struct wire *wires, size_t count,
                   bool is_shutdown)
{
    if (is_shutdown)
        server_shutdown(server, NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        server_channel_gone(server, &wires[i].channel);
        check(wires[i].answered == wires[i].awaited, "not one answer for each request");
        json_decref(wires[i].open);
    }
    peer_free(peer);
    server_shutdown(server, NULL, NULL); /* what became a task lives on until now */
    check(server_running(server) == 0 && fake_held() == 0, "a call left behind");
    server_free(server);
    fake_forget();
}

static void run_stdio(const struct fake_conversation *c)
{
    struct server *server = new_server();
    struct peer *peer = peer_new(server, NULL);
    struct wire wire = new_wire(true, true);
    check(peer != NULL, "memory");
    peer_listen(peer, &wire.channel);
    for (size_t i = 0; i < c->count; i++) {
        receive(server, peer, &wire, c->messages[i], NULL);
        fake_release(i);
        server_changed(server, CHANGED_TOOLS | CHANGED_RESOURCES);
        server_resource_updated(server, "x://one/a");
        server_sweep(server);
    }
    peer_listen(peer, NULL);
    finish(server, peer, &wire, 1, c->count % 2 == 0);
}

static void run_http(const struct fake_conversation *c, bool has_session)
{
    const struct message_headers *headers = &c->headers;
    size_t count = c->count;
    struct server *server = new_server();
    struct peer *peer = has_session ? peer_new(server, headers->principal) : NULL;
    struct wire wires[FAKE_MESSAGES_MAX + 1];
    size_t extra = has_session ? 1 : 0;
    bool may_stream = headers->accepts_stream;
    if (has_session) {
        wires[count] = new_wire(true, true); /* the stream of what answers nothing */
        peer_listen(peer, &wires[count].channel);
    }
    for (size_t i = 0; i < count; i++) {
        wires[i] = new_wire(false, may_stream);
        receive(server, peer, &wires[i], c->messages[i], headers);
        if (i % 4 == 3) {
            server_channel_gone(server, &wires[i - 1].channel);
            check(wires[i - 1].answered == wires[i - 1].awaited, "not one answer");
        }
        fake_release(i);
        server_changed(server, CHANGED_PROMPTS);
        server_resource_updated(server, "x://all");
    }
    if (peer != NULL)
        peer_listen(peer, NULL);
    finish(server, peer, wires, count + extra, count % 2 != 0);
}

static const char *find_header(void *user, const char *name)
{
    return strcmp(name, "mcp-param-region") == 0 ? user : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = calloc(1, size + 1);
    check(copy != NULL, "memory");
    memcpy(copy, data, size);
    struct fake_conversation c;
    fake_conversation_init(&c, copy);
    c.headers.accepts_json = true;
    c.headers.find = find_header;
    c.headers.user = (char *)c.headers.name;
    if (c.count > 0) {
        run_stdio(&c);
        run_http(&c, false);
        c.headers.accepts_stream = true;
        c.headers.principal = "ann";
        run_http(&c, false);
        run_http(&c, true);
    }
    fake_conversation_done(&c);
    free(copy);
    return 0;
}
