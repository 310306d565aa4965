#include "http_conn.h"

#include <stdlib.h>
#include <string.h>

#include "era.h"
#include "http_match.h"
#include "json.h"
#include "rpc.h"

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

static void receive(struct http_post *post, const struct http1 *request, const struct buf *body)
{
    struct message_headers headers = {
        .protocol_version = http1_header(request, "mcp-protocol-version"),
        .method = http1_header(request, "mcp-method"),
        .name = http1_header(request, "mcp-name"),
        .session_id = http1_header(request, "mcp-session-id"),
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

void http_post_handle(struct http_conn *conn)
{
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
    receive(post, &conn->parser, &conn->body);
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
