#include <stdlib.h>
#include <string.h>

#include "era.h"
#include "http_match.h"
#include "http_session.h"
#include "json.h"
#include "rpc.h"

enum {
    TOOLSETS_MAX = 1024, /* bytes of ?toolsets= */
    HEADERS_MAX = 128,   /* of header lines of our own */
};

/* One message on its way through the server. It lives until the server's last word on it, which may
 * be after its connection. */
struct http_post {
    struct channel channel; /* first: the server hands back its address */
    struct server *server;
    struct http_conn *conn;       /* NULL: the client has left, or reads the feed */
    struct http_session *session; /* NULL: none, or it has ended */
    struct http_post *next;       /* of the session */
    struct http_feed *feed;       /* what the answer became, once something went out; or NULL */
    bool is_modern, is_initialize;
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

/* ---- out ---- */

/* The header lines of the answer: a client learns its session from the one to initialize. */
static void put_headers(const struct http_post *post, const json_t *message, char *lines,
                        size_t size)
{
    lines[0] = '\0';
    if (post->is_initialize && post->session != NULL && json_object_get(message, "result") != NULL)
        http_session_header(post->session, lines, size);
}

/* Takes the reference. */
static void stream_message(struct http_post *post, json_t *message)
{
    struct http_conn *conn = post->conn;
    char headers[HEADERS_MAX];
    put_headers(post, message, headers, sizeof headers);
    char *text = json_text(message);
    json_decref(message);
    if (!conn->is_streaming)
        http_stream_begin(conn, headers);
    if (text != NULL)
        http_stream_message(conn, NULL, 0, text, strlen(text));
    else
        http_conn_drop(conn);
    free(text);
}

static void send_last(struct http_post *post, json_t *message, int status)
{
    struct http_conn *conn = post->conn;
    char headers[HEADERS_MAX];
    if (conn->is_streaming || (post->accepts_stream && message == NULL) ||
        (!post->accepts_json && status == 200)) {
        /* A cancelled request has no answer; a stream that ends without one says so. */
        if (message != NULL)
            stream_message(post, message);
        else if (!conn->is_streaming)
            http_stream_begin(conn, "");
        http_stream_end(conn);
    } else if (message != NULL) {
        put_headers(post, message, headers, sizeof headers);
        http_reply_json(conn, status, headers, message);
    } else {
        http_reply(conn, 204, "", NULL, NULL, 0);
    }
}

/* From here on the answer is a stream of the session, which outlives the connection. */
static void become_feed(struct http_post *post)
{
    struct http_conn *conn = post->conn;
    post->conn = NULL;
    conn->post = NULL;
    post->feed = http_feed_new(post->session, conn, false);
}

/* Whether the next thing to be said makes a feed of the answer. */
static bool may_become_feed(const struct http_post *post)
{
    return post->session != NULL && !post->is_initialize && post->feed == NULL &&
           post->conn != NULL && !post->conn->is_closing && post->accepts_stream;
}

static void forget(struct http_post *post)
{
    if (post->session == NULL)
        return;
    struct http_post **link = &post->session->posts;
    while (*link != post)
        link = &(*link)->next;
    *link = post->next;
    http_session_touch(post->session);
    post->session = NULL;
}

static void channel_send(struct channel *channel, json_t *message, int status, bool is_last)
{
    struct http_post *post = (struct http_post *)channel;
    bool is_stream = !is_last || (message != NULL && status == 200 && !post->accepts_json);
    if (is_stream && may_become_feed(post))
        become_feed(post);
    struct http_feed *feed = post->feed;
    if (is_last) {
        post->feed = NULL;
        if (!post->is_initialize)
            forget(post);
        if (post->conn != NULL)
            post->conn->post = NULL;
    }
    bool is_open = post->conn != NULL && !post->conn->is_closing;
    if (feed != NULL)
        http_feed_send(feed, message, is_last);
    else if (is_open && is_last)
        send_last(post, message, status);
    else if (is_open && message != NULL && post->accepts_stream)
        stream_message(post, message);
    else
        json_decref(message); /* nobody is there, or nobody who can receive a notification */
    if (!is_last)
        return;
    post->is_done = true;
    if (!post->is_receiving)
        free(post);
}

static void channel_let_go(struct channel *channel, unsigned retry_ms)
{
    struct http_post *post = (struct http_post *)channel;
    if (may_become_feed(post) && http_session_primes(post->session))
        become_feed(post);
    if (post->feed != NULL)
        http_feed_let_go(post->feed, retry_ms);
}

static const struct channel_ops channel_ops = {.send = channel_send, .let_go = channel_let_go};

void http_post_abandon(struct http_post *post)
{
    struct http_conn *conn = post->conn;
    forget(post);
    post->feed = NULL;
    post->conn = NULL;
    if (conn != NULL)
        conn->post = NULL;
    server_channel_gone(post->server, &post->channel); /* `post` may be gone now */
    if (conn != NULL && !conn->is_closing)
        http_reply_error(conn, 404, "the session has ended");
}

/* ---- in ---- */

/* Finds the session of a legacy message, or makes one; false when it was answered. */
static bool take_session(struct http_post *post)
{
    struct http_conn *conn = post->conn;
    int status = 503;
    const char *text = "no further session can be opened now";
    post->session = post->is_initialize ? http_session_new(conn->http, &conn->caller)
                                        : http_session_find(conn, &status, &text);
    if (post->session == NULL) {
        conn->post = NULL;
        post->is_done = true;
        http_reply_error(conn, status, text);
        return false;
    }
    post->next = post->session->posts;
    post->session->posts = post;
    return true;
}

/* What the envelope says of where the message belongs. */
static void look_at(struct http_post *post, const json_t *message,
                    const struct message_headers *headers, bool *ret_needs_session)
{
    struct rpc_message envelope;
    struct era_verdict verdict;
    rpc_classify(message, &envelope);
    era_decide(&envelope, headers, NULL, &verdict);
    const char *method = envelope.method != NULL ? envelope.method : "";
    post->is_modern = verdict.era == ERA_MODERN;
    *ret_needs_session =
        post->conn->http->options.sessions && verdict.era == ERA_LEGACY && verdict.code == 0;
    post->is_initialize =
        *ret_needs_session && envelope.kind == RPC_REQUEST && strcmp(method, "initialize") == 0;
    /* A subscription has no end of its own. */
    post->conn->is_endless = post->is_modern && strcmp(method, "subscriptions/listen") == 0;
}

/* The session that `initialize` was to begin, if it did not: the client does not know it. */
static void settle_initialize(struct http_post *post)
{
    struct http_session *session = post->session;
    forget(post);
    if (session != NULL && peer_version(session->peer) == NULL)
        http_session_end(session);
}

static void receive_message(struct http_post *post, const json_t *message,
                            const struct message_headers *headers)
{
    struct http_conn *conn = post->conn;
    bool needs_session;
    look_at(post, message, headers, &needs_session);
    if (needs_session && !take_session(post))
        return;
    struct peer *peer = post->session != NULL ? post->session->peer : NULL;
    if (server_receive(post->server, peer, &post->channel, message, headers) == RECEIVE_ACCEPTED) {
        post->is_done = true;
        forget(post);
        conn->post = NULL;
        http_reply(conn, 202, "", NULL, NULL, 0);
    } else if (post->is_initialize) {
        settle_initialize(post);
    } else if (!post->is_done && may_become_feed(post) && http_session_primes(post->session)) {
        /* It takes time, so the client gets what it can come back with. */
        become_feed(post);
    }
}

static const char *find_header(void *user, const char *name)
{
    return http1_header(user, name);
}

static void receive(struct http_post *post, struct http_conn *conn, const char *toolsets)
{
    struct http1 *request = &conn->parser;
    struct message_headers headers = {
        .protocol_version = http1_header(request, "mcp-protocol-version"),
        .method = http1_header(request, "mcp-method"),
        .name = http1_header(request, "mcp-name"),
        .toolsets = toolsets,
        .principal = conn->caller.principal[0] != '\0' ? conn->caller.principal : NULL,
        .accepts_json = post->accepts_json,
        .accepts_stream = post->accepts_stream,
        .find = find_header,
        .user = request,
    };
    struct err err;
    json_t *message = json_parse(buf_text(&conn->body), conn->body.len, &err);
    if (message != NULL)
        receive_message(post, message, &headers);
    else
        server_receive_garbage(post->server, &post->channel, &headers, &err);
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
    receive(post, conn, toolsets);
    post->is_receiving = false;
    if (post->is_done)
        free(post);
    else
        buf_done(&conn->body); /* parsed: no need to hold it while the call runs */
}

void http_post_orphan(struct http_post *post)
{
    post->conn = NULL; /* a feed's connection is not here */
    /* In the modern era leaving is how a client cancels. In the legacy one it is not: the call runs
     * on, and its answer is dropped. */
    if (post->is_modern)
        server_channel_gone(post->server, &post->channel);
}
