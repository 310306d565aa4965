#include "http_conn.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "http_session.h"
#include "log.h"

enum {
    MAX_REFUSING = 64,           /* connections beyond the limit that are told so, at a time */
    REFUSE_TIMEOUT_MS = 2000,    /* how long such a one may take to ask */
    MAX_PIPELINED = 64 << 10,    /* pipelined bytes kept before reading pauses */
    MAX_REFUSED_BODY = 64 << 10, /* read and thrown away to keep the connection, if not above */
    LINGER_MS = 2000,
    ACCEPT_RETRY_MS = 100,
    HANGUP_CHECK_MS = 1000,
};

static void read_on(struct http_conn *conn);
static void resume(struct http_conn *conn);
static void set_timer(struct http_conn *conn, uint64_t ms);

/* ---- closing ---- */

static void on_closed(uv_handle_t *handle)
{
    struct http_conn *conn = handle->data;
    if (--conn->open_handles > 0)
        return;
    if (conn->post != NULL)
        http_post_orphan(conn->post);
    if (conn->feed != NULL)
        http_feed_leave(conn->feed);
    http_forget(conn);
    buf_done(&conn->body);
    buf_done(&conn->input);
    free(conn);
}

void http_conn_drop(struct http_conn *conn)
{
    if (conn->is_closing)
        return;
    conn->is_closing = true;
    uv_close((uv_handle_t *)&conn->tcp, on_closed);
    uv_close((uv_handle_t *)&conn->timer, on_closed);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct http_conn *conn = request->data;
    if (conn->is_closing)
        return;
    if (status < 0 || !conn->has_unread || conn->http->is_closing) {
        http_conn_drop(conn);
        return;
    }
    conn->phase = PHASE_LINGERING;
    set_timer(conn, LINGER_MS);
    read_on(conn);
}

/* Sends what is queued, then closes. */
static void flush_and_close(struct http_conn *conn)
{
    conn->phase = PHASE_FLUSHING;
    conn->shutdown.data = conn;
    if (uv_shutdown(&conn->shutdown, (uv_stream_t *)&conn->tcp, on_shutdown) < 0)
        http_conn_drop(conn);
    else
        set_timer(conn, conn->http->options.idle_timeout_ms);
}

void http_conn_retire(struct http_conn *conn)
{
    switch (conn->phase) {
    case PHASE_ANSWERING:
        conn->must_close = true;
        break;
    case PHASE_FLUSHING:
        break;
    case PHASE_LINGERING:
        http_conn_drop(conn);
        break;
    default:
        if (!conn->is_closing)
            flush_and_close(conn);
    }
}

/* ---- time ---- */

/* A reader that is slow but moves is given more time; one that stands still is not. */
static bool has_moved(const struct http_conn *conn)
{
    return uv_stream_get_write_queue_size((const uv_stream_t *)&conn->tcp) < conn->queued_before;
}

/* While reading is paused nothing tells that the client left, so the socket is asked. */
static bool has_hung_up(const struct http_conn *conn)
{
    struct pollfd fd = {.events = POLLRDHUP};
    if (uv_fileno((const uv_handle_t *)&conn->tcp, &fd.fd) < 0)
        return true;
    return poll(&fd, 1, 0) > 0 && (fd.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void http_conn_watch(struct http_conn *conn)
{
    uint64_t ms = conn->is_streaming ? conn->http->options.keepalive_ms : 0;
    if (ms != 0) {
        uint64_t quiet_ms = uv_now(conn->http->options.loop) - conn->written_at;
        ms = quiet_ms < ms ? ms - quiet_ms : 1;
    }
    if (conn->is_paused && (ms == 0 || ms > HANGUP_CHECK_MS))
        ms = HANGUP_CHECK_MS;
    if (ms != 0)
        set_timer(conn, ms);
    else
        uv_timer_stop(&conn->timer);
}

static void tick_answering(struct http_conn *conn)
{
    if (conn->is_paused && has_hung_up(conn)) {
        http_conn_drop(conn);
        return;
    }
    uint64_t quiet_ms = uv_now(conn->http->options.loop) - conn->written_at;
    if (conn->is_streaming && quiet_ms >= conn->http->options.keepalive_ms)
        http_stream_keepalive(conn);
    if (!conn->is_closing)
        http_conn_watch(conn);
}

static void reply_and_close(struct http_conn *conn, int status, const char *text)
{
    conn->phase = PHASE_ANSWERING;
    conn->must_close = true;
    conn->has_unread = true;
    http_reply_error(conn, status, text);
}

static bool has_input(const struct http_conn *conn)
{
    return conn->input.len > conn->input_used;
}

static void on_timer(uv_timer_t *timer)
{
    struct http_conn *conn = timer->data;
    if (conn->phase == PHASE_IDLE && has_input(conn)) {
        resume(conn);
        return;
    }
    switch (conn->phase) {
    case PHASE_ANSWERING:
        tick_answering(conn);
        break;
    case PHASE_HEAD:
        reply_and_close(conn, 408, "the request head took too long");
        break;
    case PHASE_BODY:
        reply_and_close(conn, 408, "the request body took too long");
        break;
    case PHASE_IDLE:
    case PHASE_FLUSHING:
        if (has_moved(conn))
            set_timer(conn, conn->http->options.idle_timeout_ms);
        else
            http_conn_drop(conn);
        break;
    case PHASE_LINGERING:
        http_conn_drop(conn);
    }
}

static void set_timer(struct http_conn *conn, uint64_t ms)
{
    conn->queued_before = uv_stream_get_write_queue_size((uv_stream_t *)&conn->tcp);
    /* The loop's clock stands still while an answer is made; a large one takes its time. */
    uv_update_time(conn->http->options.loop);
    uv_timer_start(&conn->timer, on_timer, ms, 0);
}

/* ---- requests ---- */

/* The head is complete: who answers, and is it worth reading the body? */
static void on_head(struct http_conn *conn)
{
    const struct http1 *request = &conn->parser;
    conn->phase = PHASE_BODY;
    conn->is_head_method = strcmp(request->method, "HEAD") == 0;
    http_route_find(conn);
    if (conn->is_refusing) {
        conn->refused_status = 503;
        conn->refused_text = "too many connections";
    }
    if (!request->has_body)
        return;
    if (conn->refused_status == 0) {
        set_timer(conn, conn->http->options.body_timeout_ms);
        if (request->expects_continue)
            http_write(conn, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    } else if (conn->is_refusing || request->expects_continue || request->is_chunked ||
               request->content_length > MAX_REFUSED_BODY) {
        reply_and_close(conn, conn->refused_status, conn->refused_text);
    } else {
        set_timer(conn, conn->http->options.body_timeout_ms);
    }
}

static void on_end(struct http_conn *conn)
{
    conn->phase = PHASE_ANSWERING;
    uv_timer_stop(&conn->timer);
    if (conn->refused_status != 0) {
        conn->must_close |= conn->is_refusing;
        http_reply_error(conn, conn->refused_status, conn->refused_text);
    } else if (buf_failed(&conn->body)) {
        http_reply_error(conn, 503, "out of memory");
    } else {
        conn->route->handle(conn);
    }
}

static void begin_request(struct http_conn *conn)
{
    conn->phase = PHASE_HEAD;
    conn->route = NULL;
    conn->path = NULL;
    conn->origin = NULL;
    conn->is_head_method = conn->is_trusted = false;
    conn->refused_status = 0;
    conn->challenge[0] = '\0';
    memset(&conn->caller, 0, sizeof conn->caller);
    set_timer(conn, conn->is_refusing ? REFUSE_TIMEOUT_MS : conn->http->options.head_timeout_ms);
}

/* Feeds the parser until the bytes are used up or a request is being answered. Handlers that
 * answer at once do so in here, and the loop goes on: no recursion, however much is pipelined. A
 * request behind one that was answered later waits for the loop: the answer comes out of the middle
 * of the server, where no other message may be handled. */
static void parse(struct http_conn *conn, const char **bytes, size_t *len)
{
    conn->is_feeding = true;
    while (*len > 0 && !conn->is_closing && conn->phase < PHASE_ANSWERING) {
        if (conn->phase == PHASE_IDLE)
            begin_request(conn);
        enum http1_event event;
        do {
            const char *piece;
            size_t piece_len;
            event = http1_feed(&conn->parser, bytes, len, &piece, &piece_len);
            if (event == HTTP1_HEAD)
                on_head(conn);
            else if (event == HTTP1_BODY && conn->refused_status == 0)
                buf_add(&conn->body, piece, piece_len);
            else if (event == HTTP1_END)
                on_end(conn);
            else if (event == HTTP1_REJECT)
                reply_and_close(conn, conn->parser.status, conn->parser.reason);
        } while (event != HTTP1_NEED_MORE && !conn->is_closing && conn->phase < PHASE_ANSWERING &&
                 conn->phase != PHASE_IDLE);
    }
    conn->is_feeding = false;
}

/* Goes on with what was pipelined behind the request that was just answered. */
static void resume(struct http_conn *conn)
{
    const char *bytes = conn->input.data + conn->input_used;
    size_t len = conn->input.len - conn->input_used;
    parse(conn, &bytes, &len);
    conn->input_used = conn->input.len - len;
    if (len == 0) {
        buf_done(&conn->input);
        conn->input_used = 0;
    }
    if (conn->is_closing || !conn->is_paused)
        return;
    if (len < MAX_PIPELINED)
        read_on(conn);
    else if (conn->phase == PHASE_ANSWERING)
        http_conn_watch(conn);
}

bool http_conn_is_last(const struct http_conn *conn)
{
    return conn->must_close || !conn->parser.keep_alive || conn->http->is_closing;
}

void http_conn_done(struct http_conn *conn)
{
    conn->is_streaming = conn->is_chunking = conn->is_endless = false;
    buf_done(&conn->body);
    if (conn->is_closing)
        return;
    if (http_conn_is_last(conn)) {
        flush_and_close(conn);
        http_check_drained(conn->http);
        return;
    }
    conn->phase = PHASE_IDLE;
    bool is_next_here = !conn->is_feeding && has_input(conn);
    set_timer(conn, is_next_here ? 0 : conn->http->options.idle_timeout_ms);
}

/* ---- bytes ---- */

static void keep_input(struct http_conn *conn, const char *bytes, size_t len)
{
    buf_drop(&conn->input, conn->input_used);
    conn->input_used = 0;
    buf_add(&conn->input, bytes, len);
    if (buf_failed(&conn->input)) {
        http_conn_drop(conn);
    } else if (conn->input.len >= MAX_PIPELINED) {
        uv_read_stop((uv_stream_t *)&conn->tcp);
        conn->is_paused = true;
        http_conn_watch(conn);
    }
}

static void on_data(struct http_conn *conn, const char *bytes, size_t len)
{
    if (conn->phase < PHASE_ANSWERING && !has_input(conn))
        parse(conn, &bytes, &len);
    if (len > 0 && !conn->is_closing && conn->phase <= PHASE_ANSWERING)
        keep_input(conn, bytes, len);
}

/* The client sends no more. Its answer would still reach it if it only closed its sending half, but
 * that cannot be told from having left, and leaving cancels: so it counts as gone. */
static void on_eof(struct http_conn *conn)
{
    if (conn->phase == PHASE_ANSWERING || conn->phase == PHASE_LINGERING)
        http_conn_drop(conn);
    else if (conn->phase == PHASE_FLUSHING)
        conn->has_unread = false;
    else
        flush_and_close(conn);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct http_conn *conn = stream->data;
    if (conn->is_closing || count == 0)
        return;
    if (count > 0)
        on_data(conn, buf->base, (size_t)count);
    else if (count == UV_EOF)
        on_eof(conn);
    else
        http_conn_drop(conn);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    (void)suggested;
    struct http_conn *conn = handle->data;
    *ret_buf = uv_buf_init(conn->http->read_buffer, sizeof conn->http->read_buffer);
}

/* Reading goes on at all times, also while a request is answered: it is how a client that leaves is
 * noticed. */
static void read_on(struct http_conn *conn)
{
    int rc = uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
    conn->is_paused = false;
    if (rc < 0 && rc != UV_EALREADY)
        http_conn_drop(conn);
}

/* ---- accepting ---- */

/* The peer's address in the IPv6 form that covers both families. */
static void note_address(struct http_conn *conn)
{
    struct sockaddr_storage peer;
    int len = sizeof peer;
    memset(&peer, 0, sizeof peer);
    if (uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)&peer, &len) < 0)
        return;
    if (peer.ss_family == AF_INET6) {
        memcpy(conn->address, &((struct sockaddr_in6 *)&peer)->sin6_addr, 16);
    } else {
        memcpy(conn->address, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
        memcpy(conn->address + 12, &((struct sockaddr_in *)&peer)->sin_addr, 4);
    }
}

static bool is_over_limit(const struct http_conn *conn)
{
    const struct http *http = conn->http;
    if (http->conn_count - http->refusing >= http->options.max_connections)
        return true;
    size_t limit = http->options.max_connections_per_address, count = 0;
    if (limit == 0)
        return false;
    for (const struct http_conn *other = http->conns; other != NULL; other = other->next)
        if (!other->is_refusing && memcmp(other->address, conn->address, 16) == 0)
            count++;
    return count >= limit;
}

static void on_accept_retry(uv_timer_t *timer)
{
    http_conn_accept(timer->data);
}

void http_conn_accept(struct http *http)
{
    struct http_conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL) {
        /* Until it is taken the loop offers no other connection; so try again. */
        uv_timer_start(&http->timer, on_accept_retry, ACCEPT_RETRY_MS, 0);
        return;
    }
    conn->http = http;
    uv_tcp_init(http->options.loop, &conn->tcp);
    uv_timer_init(http->options.loop, &conn->timer);
    conn->tcp.data = conn->timer.data = conn;
    conn->open_handles = 2;
    http1_init(&conn->parser, http->options.max_body);
    buf_init(&conn->body, http->options.max_body);
    buf_init(&conn->input, 2 * sizeof http->read_buffer + MAX_PIPELINED);

    int rc = uv_accept((uv_stream_t *)&http->listener, (uv_stream_t *)&conn->tcp);
    if (rc == 0) {
        note_address(conn);
        conn->is_refusing = is_over_limit(conn);
    }
    conn->next = http->conns;
    if (http->conns != NULL)
        http->conns->prev = conn;
    http->conns = conn;
    http->conn_count++;
    http->refusing += conn->is_refusing;
    if (rc < 0 || http->refusing > MAX_REFUSING) {
        http_conn_drop(conn);
        return;
    }
    if (conn->is_refusing && http->refusing == 1)
        log_event(LOG_WARNING, "too many connections: refusing some", NULL);
    uv_tcp_nodelay(&conn->tcp, 1);
    set_timer(conn, conn->is_refusing ? REFUSE_TIMEOUT_MS : http->options.head_timeout_ms);
    read_on(conn);
}
