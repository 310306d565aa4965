#include "http_conn.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

enum { BACKLOG = 511 };

static struct http_options with_defaults(const struct http_options *given)
{
    struct http_options o = *given;
    o.host = o.host != NULL ? o.host : "127.0.0.1";
    o.endpoint = o.endpoint != NULL ? o.endpoint : "/mcp";
    o.max_body = o.max_body != 0 ? o.max_body : 4 << 20;
    o.max_connections = o.max_connections != 0 ? o.max_connections : 1024;
    o.max_output_bytes = o.max_output_bytes != 0 ? o.max_output_bytes : 4 << 20;
    o.head_timeout_ms = o.head_timeout_ms != 0 ? o.head_timeout_ms : 10000;
    o.body_timeout_ms = o.body_timeout_ms != 0 ? o.body_timeout_ms : 30000;
    o.idle_timeout_ms = o.idle_timeout_ms != 0 ? o.idle_timeout_ms : 60000;
    o.keepalive_ms = o.keepalive_ms != 0 ? o.keepalive_ms : 15000;
    o.drain_timeout_ms = o.drain_timeout_ms != 0 ? o.drain_timeout_ms : 10000;
    return o;
}

/* The address to bind; a name other than localhost is not looked up, since where it leads could
 * change under us. */
static int parse_address(const struct http_options *options, struct sockaddr_storage *ret_address,
                         struct err *ret_err)
{
    const char *host = options->host;
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    else if (strcmp(host, "[::1]") == 0)
        host = "::1";
    if (options->port < 0 || options->port > 65535)
        return err_set(ret_err, ERR_ARGUMENT, "port", "port %d is not between 0 and 65535",
                       options->port);
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    memset(ret_address, 0, sizeof *ret_address);
    if (uv_ip4_addr(host, options->port, &v4) == 0) {
        if (ntohl(v4.sin_addr.s_addr) >> 24 == 127) {
            memcpy(ret_address, &v4, sizeof v4);
            return 0;
        }
    } else if (uv_ip6_addr(host, options->port, &v6) == 0) {
        if (IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr)) {
            memcpy(ret_address, &v6, sizeof v6);
            return 0;
        }
    } else {
        return err_set(ret_err, ERR_ARGUMENT, "host",
                       "\"%.100s\" is not an IP address; 127.0.0.1, ::1 and localhost are allowed",
                       options->host);
    }
    return err_set(ret_err, ERR_ARGUMENT, "host",
                   "%.100s can be reached from other machines, and there is no authorisation yet: "
                   "only 127.0.0.1, ::1 and localhost are allowed (put an authenticating reverse "
                   "proxy in front to serve others)",
                   options->host);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct http *http = listener->data;
    if (status < 0)
        log_event(LOG_WARNING, "a connection could not be accepted", "error", uv_strerror(status),
                  NULL);
    else
        http_conn_accept(http);
}

static int read_port(const uv_tcp_t *listener)
{
    struct sockaddr_storage bound;
    int len = sizeof bound;
    if (uv_tcp_getsockname(listener, (struct sockaddr *)&bound, &len) < 0)
        return -1;
    return ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                             : ((struct sockaddr_in *)&bound)->sin_port);
}

/* ---- closing ---- */

static void finish_if_empty(struct http *http)
{
    if (!http->is_closing || http->open_handles > 0 || http->conn_count > 0)
        return;
    void (*closed)(void *) = http->closed;
    void *user = http->closed_user;
    free(http);
    if (closed != NULL)
        closed(user);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct http *http = handle->data;
    http->open_handles--;
    finish_if_empty(http);
}

static void drop_all(struct http *http)
{
    for (struct http_conn *conn = http->conns; conn != NULL; conn = conn->next)
        http_conn_drop(conn);
}

static void on_drain_timeout(uv_timer_t *timer)
{
    struct http *http = timer->data;
    if (http->conn_count > 0)
        log_event(LOG_WARNING, "requests still ran when the time to drain was over", NULL);
    drop_all(http);
}

/* The timer lives until the last connection is gone. */
static void close_timer_if_empty(struct http *http)
{
    if (http->is_closing && http->conn_count == 0 && !uv_is_closing((uv_handle_t *)&http->timer))
        uv_close((uv_handle_t *)&http->timer, on_handle_closed);
}

void http_forget(struct http_conn *conn)
{
    struct http *http = conn->http;
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        http->conns = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    http->conn_count--;
    if (conn->is_refusing)
        http->refusing--;
    close_timer_if_empty(http);
}

void http_close(struct http *http, void (*closed)(void *user), void *user)
{
    if (http->is_closing) {
        drop_all(http);
        return;
    }
    http->is_closing = true;
    http->closed = closed;
    http->closed_user = user;
    uv_close((uv_handle_t *)&http->listener, on_handle_closed);
    for (struct http_conn *conn = http->conns; conn != NULL; conn = conn->next)
        http_conn_retire(conn);
    /* A retry of an accept that this replaces has no listener any more. */
    uv_timer_start(&http->timer, on_drain_timeout, http->options.drain_timeout_ms, 0);
    close_timer_if_empty(http);
}

/* ---- starting ---- */

/* After a failure to bind or listen: no connection exists yet. */
static void on_start_failed(uv_handle_t *handle)
{
    struct http *http = handle->data;
    if (--http->open_handles == 0)
        free(http);
}

struct http *http_start(const struct http_options *options, struct err *ret_err)
{
    struct http_options filled = with_defaults(options);
    struct sockaddr_storage address;
    if (parse_address(&filled, &address, ret_err) < 0)
        return NULL;
    struct http *http = calloc(1, sizeof *http);
    if (http == NULL) {
        err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        return NULL;
    }
    http->options = filled;
    int rc = uv_tcp_init(filled.loop, &http->listener);
    if (rc < 0) {
        free(http);
        err_set(ret_err, ERR_UNAVAILABLE, NULL, "cannot make a socket: %s", uv_strerror(rc));
        return NULL;
    }
    uv_timer_init(filled.loop, &http->timer);
    http->listener.data = http->timer.data = http;
    http->open_handles = 2;
    rc = uv_tcp_bind(&http->listener, (struct sockaddr *)&address, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&http->listener, BACKLOG, on_connection);
    if (rc == 0 && (http->port = read_port(&http->listener)) < 0)
        rc = UV_EIO;
    if (rc < 0) {
        err_set(ret_err, rc == UV_EADDRINUSE ? ERR_BUSY : ERR_UNAVAILABLE, "port",
                "cannot listen on %.100s port %d: %s", filled.host, filled.port, uv_strerror(rc));
        uv_close((uv_handle_t *)&http->listener, on_start_failed);
        uv_close((uv_handle_t *)&http->timer, on_start_failed);
        return NULL;
    }
    return http;
}

int http_port(const struct http *http)
{
    return http->port;
}

size_t http_connections(const struct http *http)
{
    return http->conn_count;
}
