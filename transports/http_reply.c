#include "http_conn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "log.h"
#include "rpc.h"
#include "sse.h"

/* What each status is called, and the name of the error in plain JSON. */
static const struct {
    int status;
    const char *reason, *name;
} statuses[] = {
    {200, "OK", ""},
    {202, "Accepted", ""},
    {204, "No Content", ""},
    {400, "Bad Request", "bad_request"},
    {401, "Unauthorized", "unauthorized"},
    {403, "Forbidden", "forbidden"},
    {404, "Not Found", "not_found"},
    {405, "Method Not Allowed", "method_not_allowed"},
    {406, "Not Acceptable", "not_acceptable"},
    {408, "Request Timeout", "timeout"},
    {413, "Content Too Large", "too_large"},
    {414, "URI Too Long", "too_large"},
    {415, "Unsupported Media Type", "unsupported_media_type"},
    {417, "Expectation Failed", "expectation_failed"},
    {429, "Too Many Requests", "busy"},
    {431, "Request Header Fields Too Large", "too_large"},
    {500, "Internal Server Error", "internal"},
    {501, "Not Implemented", "not_implemented"},
    {503, "Service Unavailable", "unavailable"},
    {505, "HTTP Version Not Supported", "bad_request"},
};
enum { STATUSES = sizeof statuses / sizeof *statuses };

static size_t status_index(int status)
{
    for (size_t i = 0; i < STATUSES; i++)
        if (statuses[i].status == status)
            return i;
    /* One of a class that is not in the table is answered as the first of its class that is. */
    return status >= 500 ? status_index(500) : status >= 400 ? status_index(400) : 0;
}

/* ---- raw bytes ---- */

struct write {
    uv_write_t request;
    struct http_conn *conn;
    size_t len;
    char bytes[];
};

static void on_written(uv_write_t *request, int status)
{
    struct write *write = request->data;
    write->conn->http->waiting_bytes -= write->len;
    if (status < 0 && status != UV_ECANCELED)
        http_conn_drop(write->conn);
    free(write);
}

void http_write(struct http_conn *conn, const char *bytes, size_t len)
{
    if (conn->is_closing)
        return;
    const struct http_options *options = &conn->http->options;
    uv_stream_t *stream = (uv_stream_t *)&conn->tcp;
    size_t queued = uv_stream_get_write_queue_size(stream);
    conn->written_at = uv_now(conn->http->options.loop);
    if (queued == 0) {
        uv_buf_t direct = uv_buf_init((char *)bytes, (unsigned)len);
        int n = uv_try_write(stream, &direct, 1);
        if (n == (int)len)
            return;
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
        /* Another failure than a full socket comes back from uv_write too. */
    } else if (queued + len > options->max_output_bytes ||
               conn->http->waiting_bytes + len > options->max_waiting_bytes) {
        /* Only who already has something to read can be too slow. */
        log_event(LOG_WARNING, "a client that does not read its answers was dropped", NULL);
        http_conn_drop(conn);
        return;
    }
    struct write *write = malloc(sizeof *write + len);
    if (write == NULL) {
        http_conn_drop(conn);
        return;
    }
    memcpy(write->bytes, bytes, len);
    write->conn = conn;
    write->len = len;
    write->request.data = write;
    uv_buf_t rest = uv_buf_init(write->bytes, (unsigned)len);
    if (uv_write(&write->request, stream, &rest, 1, on_written) < 0) {
        free(write);
        http_conn_drop(conn);
        return;
    }
    conn->http->waiting_bytes += write->len;
}

static void write_out(struct http_conn *conn, struct buf *out)
{
    if (buf_failed(out))
        http_conn_drop(conn);
    else
        http_write(conn, buf_text(out), out->len);
    buf_done(out);
}

/* ---- heads ---- */

static const char *date(struct http *http)
{
    uv_timeval64_t now;
    if (uv_gettimeofday(&now) == 0 && now.tv_sec != http->date_at) {
        time_t seconds = (time_t)now.tv_sec;
        struct tm tm;
        gmtime_r(&seconds, &tm);
        strftime(http->date, sizeof http->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        http->date_at = now.tv_sec;
    }
    return http->date;
}

/* The status line and what every answer carries. The caller ends the head with CR LF. */
static void put_head(struct http_conn *conn, int status, const char *headers, struct buf *out)
{
    const struct http_options *options = &conn->http->options;
    size_t i = status_index(status);
    buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", statuses[i].status, statuses[i].reason,
               date(conn->http));
    if (http_conn_is_last(conn))
        buf_puts(out, "Connection: close\r\n");
    else if (conn->parser.minor_version == 0)
        buf_puts(out, "Connection: keep-alive\r\n");
    /* Told how long we wait, a client does not send into a connection that is just being closed. */
    if (!http_conn_is_last(conn) && options->idle_timeout_ms >= 1000)
        buf_printf(out, "Keep-Alive: timeout=%" PRIu64 "\r\n", options->idle_timeout_ms / 1000);
    if (conn->origin != NULL)
        buf_printf(out,
                   "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n"
                   "Access-Control-Expose-Headers: Mcp-Session-Id, WWW-Authenticate\r\n",
                   conn->origin);
    buf_puts(out, "X-Content-Type-Options: nosniff\r\n");
    buf_puts(out, headers);
    if (conn->path != NULL)
        log_event(LOG_DEBUG, "request", "method", conn->parser.method, "path", conn->path, "status",
                  statuses[i].reason, NULL);
}

void http_reply(struct http_conn *conn, int status, const char *headers, const char *type,
                const char *body, size_t len)
{
    if (conn->is_closing)
        return;
    struct buf out;
    buf_init(&out, len + HTTP1_MAX_HEAD);
    put_head(conn, status, headers, &out);
    if (type != NULL)
        buf_printf(&out, "Content-Type: %s\r\nCache-Control: no-store\r\n", type);
    if (status != 204)
        buf_printf(&out, "Content-Length: %zu\r\n", len);
    buf_puts(&out, "\r\n");
    if (!conn->is_head_method)
        buf_add(&out, body, len);
    write_out(conn, &out);
    http_conn_done(conn);
}

void http_reply_json(struct http_conn *conn, int status, const char *headers, json_t *value)
{
    char *text = value != NULL ? json_text(value) : NULL;
    json_decref(value);
    if (text == NULL) {
        http_conn_drop(conn);
        return;
    }
    http_reply(conn, status, headers, "application/json", text, strlen(text));
    free(text);
}

void http_reply_error(struct http_conn *conn, int status, const char *text)
{
    char headers[sizeof conn->challenge + 32] = "";
    /* Another status may have overtaken the one that the head was refused with. */
    if (conn->challenge[0] != '\0' && (status == 401 || status == 403))
        snprintf(headers, sizeof headers, "WWW-Authenticate: %s\r\n", conn->challenge);
    else if (status == 405)
        http_route_allow(conn, headers, sizeof headers);
    else if (status == 503)
        memcpy(headers, "Retry-After: 5\r\n", sizeof "Retry-After: 5\r\n");
    json_t *value;
    if (conn->path == NULL || http_route_is_endpoint(conn))
        /* Clients take an answer without a JSON-RPC body for a server of another kind, and go on to
         * try older transports. */
        value = rpc_error(json_null(), status >= 500 ? RPC_INTERNAL_ERROR : RPC_INVALID_REQUEST,
                          text, NULL);
    else
        value = json_pack("{s:s, s:s}", "error", statuses[status_index(status)].name,
                          "error_description", text);
    http_reply_json(conn, status, headers, value);
}

/* ---- event streams ---- */

void http_stream_begin(struct http_conn *conn, const char *headers)
{
    struct buf out;
    buf_init(&out, HTTP1_MAX_HEAD);
    conn->is_streaming = true;
    conn->is_chunking = conn->parser.minor_version == 1;
    if (!conn->is_chunking)
        conn->must_close = true; /* the end of the connection is the end of the body */
    put_head(conn, 200, headers, &out);
    buf_puts(&out, "Content-Type: text/event-stream\r\nCache-Control: no-cache, no-transform\r\n"
                   "X-Accel-Buffering: no\r\n");
    buf_puts(&out, conn->is_chunking ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
    write_out(conn, &out);
    if (!conn->is_closing)
        http_conn_watch(conn);
}

void http_stream_events(struct http_conn *conn, struct buf *events)
{
    if (conn->is_chunking && !buf_failed(events)) {
        struct buf out;
        buf_init(&out, events->len + 32);
        buf_printf(&out, "%zx\r\n", events->len);
        buf_add(&out, events->data, events->len);
        buf_puts(&out, "\r\n");
        buf_done(events);
        write_out(conn, &out);
    } else {
        write_out(conn, events);
    }
}

void http_stream_message(struct http_conn *conn, const char *id, unsigned retry_ms,
                         const char *text, size_t len)
{
    struct buf event;
    buf_init(&event, SIZE_MAX);
    sse_message(&event, id, retry_ms, text, len);
    http_stream_events(conn, &event);
}

void http_stream_keepalive(struct http_conn *conn)
{
    struct buf events;
    buf_init(&events, 0);
    sse_keepalive(&events);
    http_stream_events(conn, &events);
}

void http_stream_end(struct http_conn *conn)
{
    if (conn->is_chunking)
        http_write(conn, "0\r\n\r\n", 5);
    http_conn_done(conn);
}
