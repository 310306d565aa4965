/* Any JSON message into the server, with and without headers. Beside not crashing, whatever asks is
 * answered exactly once, whatever only tells is not, and every answer echoes the id it was asked
 * with. The first three lines of the input are headers (empty = absent), the rest is the body. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "rpc.h"
#include "server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

struct wire {
    struct channel channel; /* first */
    const json_t *asked;
    bool may_stream;
    int answers;
};

static void on_send(struct channel *channel, json_t *message, int status, bool is_last)
{
    struct wire *wire = (struct wire *)channel;
    check(status == 200 || status == 400 || status == 404 || status == 202, "the status");
    check(is_last || wire->may_stream, "more than an answer");
    wire->answers += is_last;
    if (message == NULL)
        return;
    struct rpc_message asked, sent;
    rpc_classify(wire->asked, &asked);
    rpc_classify(message, &sent);
    check(!is_last ? sent.kind == RPC_NOTIFICATION
                   : sent.kind == RPC_RESPONSE || sent.kind == RPC_BATCH,
          "an answer that is none");
    check(sent.kind != RPC_RESPONSE ||
              (asked.id == NULL ? sent.id == NULL : json_equal(asked.id, sent.id)),
          "another id");
    char *text = json_text(message);
    check(text != NULL && strchr(text, '\n') == NULL, "an answer that cannot be framed");
    free(text);
    json_decref(message);
}

static void start_echo(struct call *call, const json_t *arguments, void *user)
{
    (void)user;
    call_progress(call, 1, 2, "half");
    call_finish(call, NULL, json_incref((json_t *)arguments));
}

static struct server *new_server(void)
{
    static const struct server_options options = {.name = "fuzz", .version = "0"};
    struct server *server = server_new(&options);
    struct server_tool echo = {
        .name = "echo",
        .input_schema = json_pack("{s:s}", "type", "object"),
        .start = start_echo,
    };
    struct server_tool picky = echo;
    picky.name = "picky";
    picky.input_schema = json_pack("{s:s}", "type", "object");
    picky.client_capabilities = json_pack("{s:{}}", "sampling");
    check(server != NULL && server_add_tool(server, &echo, NULL) == 0 &&
              server_add_tool(server, &picky, NULL) == 0,
          "the server");
    return server;
}

static void receive(struct server *server, const json_t *message,
                    const struct message_headers *headers)
{
    static const struct channel_ops ops = {.send = on_send};
    struct wire wire = {.channel.ops = &ops, .asked = message, .may_stream = headers == NULL};
    struct peer *peer = headers == NULL ? peer_new(NULL, NULL) : NULL;
    enum receive_result result = server_receive(server, peer, &wire.channel, message, headers);
    check(wire.answers == (result == RECEIVE_ANSWERING ? 1 : 0), "not one answer");
    check(server_running(server) == 0, "a call left behind");
    peer_free(peer);
}

/* Cuts a line off the front of the input; NULL when it is empty. */
static const char *take_line(char **text)
{
    char *line = *text, *end = strchr(line, '\n');
    if (end == NULL)
        return NULL;
    *end = '\0';
    *text = end + 1;
    return *line != '\0' ? line : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = calloc(1, size + 1);
    check(copy != NULL, "memory");
    memcpy(copy, data, size);
    char *body = copy;
    struct message_headers headers = {0}; /* no stream: so no progress is sent */
    headers.protocol_version = take_line(&body);
    headers.method = take_line(&body);
    headers.name = take_line(&body);
    json_t *message = json_parse(body, size - (size_t)(body - copy), NULL);
    if (message != NULL) {
        struct server *server = new_server();
        receive(server, message, &headers);
        receive(server, message, NULL);
        server_free(server);
        json_decref(message);
    }
    free(copy);
    return 0;
}
