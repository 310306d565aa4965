#include "http_conn.h"

#include <stdlib.h>
#include <string.h>

#include "era.h"
#include "http_match.h"
#include "json.h"
#include "rpc.h"

enum { TOOLSETS_MAX = 1024 /* bytes of ?toolsets= */ };

/* One message on its way through the server. It lives until the server's last word on it, which may
 * be after its connection. */
struct http_post {
    struct channel channel; /* first: the server hands back its address */
    struct server *server;
    struct http_conn *conn; /* NULL once the client has left */
    bool is_modern;
    bool accepts_json, accepts_stream;
    bool is_receiving, is_done; /* inside server_receive(); the last word has come */
};

int http_post_check(struct http_conn *conn, const char **ret_text)
{
    const struct http1 *request = &conn->parser;
    if (!http_is_type(http1_header(request, "content-type"), "application/json")) {
        *ret_text = "Content-Type must be application/json";
        return 415;
    }
    const char *encoding = http1_header(request, "content-encoding");
    if (encoding != NULL && !http_is_type(encoding, "identity")) {
        *ret_text = "a Content-Encoding is not understood here: send plain JSON";
        return 415;
    }
    if (!http_accepts(request, "application/json") && !http_accepts(request, "text/event-stream")) {
        *ret_text = "Accept must let application/json or text/event-stream through";
        return 406;
    }
    return 0;
}

/* Takes the reference. */
static void stream_message(struct http_conn *conn, json_t *message)
{
    char *text = json_text(message);
    json_decref(message);
    if (!conn->is_streaming)
        http_stream_begin(conn);
    if (text != NULL)
        http_stream_message(conn, text, strlen(text));
    else
        http_conn_drop(conn);
    free(text);
}

static void send_last(struct http_post *post, json_t *message, int status)
{
    struct http_conn *conn = post->conn;
    if (conn->is_streaming || (post->accepts_stream && message == NULL) ||
        (!post->accepts_json && status == 200)) {
        /* A cancelled request has no answer; a stream that ends without one says so. */
        if (message != NULL)
            stream_message(conn, message);
        else if (!conn->is_streaming)
            http_stream_begin(conn);
        http_stream_end(conn);
    } else if (message != NULL) {
        http_reply_json(conn, status, "", message);
    } else {
        http_reply(conn, 204, "", NULL, NULL, 0);
    }
}

static void channel_send(struct channel *channel, json_t *message, int status, bool is_last)
{
    struct http_post *post = (struct http_post *)channel;
    /* Before the answer: the next request on the connection may begin inside send_last(). */
    if (is_last && post->conn != NULL)
        post->conn->post = NULL;
    bool is_open = post->conn != NULL && !post->conn->is_closing;
    if (is_open && is_last)
        send_last(post, message, status);
    else if (is_open && message != NULL && post->accepts_stream)
        stream_message(post->conn, message);
    else
        json_decref(message); /* nobody is there, or nobody who can receive a notification */
    if (!is_last)
        return;
    post->is_done = true;
    if (!post->is_receiving)
        free(post);
}

static const struct channel_ops channel_ops = {.send = channel_send};

static bool is_modern(const json_t *message, const struct message_headers *headers)
{
    struct rpc_message envelope;
    struct era_verdict verdict;
    rpc_classify(message, &envelope);
    era_decide(&envelope, headers, NULL, &verdict);
    return verdict.era == ERA_MODERN;
}

static void receive(struct http_post *post, const struct http1 *request, const struct buf *body,
                    const char *toolsets)
{
    struct message_headers headers = {
        .protocol_version = http1_header(request, "mcp-protocol-version"),
        .method = http1_header(request, "mcp-method"),
        .name = http1_header(request, "mcp-name"),
        .toolsets = toolsets,
        .accepts_json = post->accepts_json,
        .accepts_stream = post->accepts_stream,
    };
    struct err err;
    json_t *message = json_parse(buf_text(body), body->len, &err);
    if (message == NULL) {
        server_receive_garbage(post->server, &post->channel, &err);
        return;
    }
    post->is_modern = is_modern(message, &headers);
    struct http_conn *conn = post->conn;
    if (server_receive(post->server, NULL, &post->channel, message, &headers) == RECEIVE_ACCEPTED) {
        post->is_done = true;
        conn->post = NULL;
        http_reply(conn, 202, "", NULL, NULL, 0);
    }
    json_decref(message);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

/* The value of ?toolsets= in the address, percent-decoded, or "" when it has none. The first
 * counts. -1 when it is malformed or too long. */
static int find_toolsets(const char *path, char *ret_value, size_t size)
{
    static const char name[] = "toolsets=";
    const char *pair = strchr(path, '?');
    ret_value[0] = '\0';
    while (pair != NULL && strncmp(pair + 1, name, sizeof name - 1) != 0)
        pair = strchr(pair + 1, '&');
    size_t len = 0;
    for (const char *c = pair != NULL ? pair + sizeof name : ""; *c != '\0' && *c != '&'; c++) {
        int high = *c == '%' ? hex_digit(c[1]) : 0;
        int low = *c == '%' && high >= 0 ? hex_digit(c[2]) : 0;
        char decoded = *c == '%' ? (char)(high * 16 + low) : *c == '+' ? ' ' : *c;
        if (high < 0 || low < 0 || decoded == '\0' || len + 1 >= size)
            return -1;
        ret_value[len++] = decoded;
        c += *c == '%' ? 2 : 0;
    }
    ret_value[len] = '\0';
    return 0;
}

/* Fills *ret_value, NULL when the address chooses nothing; false when it was answered with what is
 * wrong. */
static bool take_toolsets(struct http_conn *conn, char *memory, size_t size, const char **ret_value)
{
    const struct http_options *options = &conn->http->options;
    struct err err;
    *ret_value = NULL;
    if (options->check_toolsets == NULL)
        return true;
    if (find_toolsets(conn->path, memory, size) < 0)
        err_set(&err, ERR_ARGUMENT, "toolsets", "toolsets in the address is malformed or too long");
    else if (memory[0] == '\0' || options->check_toolsets(memory, &err) == 0) {
        *ret_value = memory[0] != '\0' ? memory : NULL;
        return true;
    }
    http_reply_error(conn, 400, err.text);
    return false;
}

void http_post_handle(struct http_conn *conn)
{
    char memory[TOOLSETS_MAX];
    const char *toolsets;
    if (!take_toolsets(conn, memory, sizeof memory, &toolsets))
        return;
    struct http_post *post = calloc(1, sizeof *post);
    if (post == NULL) {
        http_reply_error(conn, 503, "out of memory");
        return;
    }
    post->channel.ops = &channel_ops;
    post->server = conn->http->options.server;
    post->conn = conn;
    post->accepts_json = http_accepts(&conn->parser, "application/json");
    post->accepts_stream = http_accepts(&conn->parser, "text/event-stream");
    post->is_receiving = true;
    conn->post = post;
    receive(post, &conn->parser, &conn->body, toolsets);
    post->is_receiving = false;
    if (post->is_done)
        free(post);
    else
        buf_done(&conn->body); /* parsed: no need to hold it while the call runs */
}

void http_post_orphan(struct http_post *post)
{
    post->conn = NULL;
    /* In the modern era leaving is how a client cancels. In the legacy one it is not: the call runs
     * on, and its answer is dropped. */
    if (post->is_modern)
        server_channel_gone(post->server, &post->channel);
}
