#include "http_session.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "log.h"

enum {
    MAX_CONNECTIONS = 2048,
    BACKLOG = 511,
    HANDLES = 4, /* of the listener's own */
    TIDY_MS = 1000,
    FLUSH_MS = 2000, /* for the last answers to be read, once the server has ended its calls */
};

static struct http_options with_defaults(const struct http_options *given)
{
    struct http_options o = *given;
    o.host = o.host != NULL ? o.host : "127.0.0.1";
    o.endpoint = o.endpoint != NULL ? o.endpoint : "/mcp";
    o.max_body = o.max_body != 0 ? o.max_body : 4 << 20;
    o.max_connections = o.max_connections != 0 ? o.max_connections : MAX_CONNECTIONS;
    o.max_output_bytes = o.max_output_bytes != 0 ? o.max_output_bytes : 4 << 20;
    o.max_waiting_bytes = o.max_waiting_bytes != 0 ? o.max_waiting_bytes : 256 << 20;
    o.max_sessions = o.max_sessions != 0 ? o.max_sessions : 1000;
    o.session_idle_ms = o.session_idle_ms != 0 ? o.session_idle_ms : (uint64_t)30 * 60 * 1000;
    o.session_max_bytes = o.session_max_bytes != 0 ? o.session_max_bytes : 2 << 20;
    o.session_max_events = o.session_max_events != 0 ? o.session_max_events : 1000;
    o.sessions_max_bytes = o.sessions_max_bytes != 0 ? o.sessions_max_bytes : 64 << 20;
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
    bool is_local;
    memset(ret_address, 0, sizeof *ret_address);
    if (uv_ip4_addr(host, options->port, &v4) == 0) {
        memcpy(ret_address, &v4, sizeof v4);
        is_local = ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    } else if (uv_ip6_addr(host, options->port, &v6) == 0) {
        memcpy(ret_address, &v6, sizeof v6);
        is_local = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    } else {
        return err_set(ret_err, ERR_ARGUMENT, "host",
                       "\"%.100s\" is not an IP address, nor localhost", options->host);
    }
    if (is_local || options->authorise != NULL)
        return 0;
    return err_set(ret_err, ERR_ACCESS, "host",
                   "%.100s can be reached from other machines: without authorisation only "
                   "127.0.0.1, ::1 and localhost are allowed",
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
    if (!http->is_stopped || http->open_handles > 0 || http->conn_count > 0)
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

/* The last answers did not find their readers. */
static void on_flush_timeout(uv_timer_t *timer)
{
    drop_all(timer->data);
}

/* No call runs any more: what is left are streams on which nothing more will be said. */
static void on_stopped(void *user)
{
    struct http *http = user;
    http->is_stopped = true;
    http_sessions_end(http);
    finish_if_empty(http);
}

/* Every call still running ends with an answer, a subscription with its last word. */
static void stop(struct http *http)
{
    if (http->is_stopping)
        return;
    http->is_stopping = true;
    if (!uv_is_closing((uv_handle_t *)&http->timer))
        uv_timer_start(&http->timer, on_flush_timeout, FLUSH_MS, 0);
    server_shutdown(http->options.server, on_stopped, http);
}

static bool is_awaited(const struct http_conn *conn)
{
    return conn->phase == PHASE_ANSWERING && !conn->is_endless && !conn->is_closing;
}

static void on_drain_timer(uv_timer_t *timer)
{
    struct http *http = timer->data;
    for (struct http_conn *conn = http->conns; conn != NULL; conn = conn->next) {
        if (!is_awaited(conn))
            continue;
        log_event(LOG_WARNING, "requests still ran when the time to drain was over", NULL);
        break;
    }
    stop(http);
}

void http_check_drained(struct http *http)
{
    if (!http->is_closing || http->is_stopping || uv_is_closing((uv_handle_t *)&http->timer))
        return;
    for (struct http_conn *conn = http->conns; conn != NULL; conn = conn->next)
        if (is_awaited(conn))
            return;
    /* Not from in here, where the server may be in the middle of ending the call. */
    uv_timer_start(&http->timer, on_drain_timer, 0, 0);
}

/* ---- once a second ---- */

static void on_tidy(uv_timer_t *timer)
{
    struct http *http = timer->data;
    const struct http_options *options = &http->options;
    http_sessions_tidy(http);
    for (struct http_conn *conn = http->conns; conn != NULL; conn = conn->next) {
        /* A caller that has been let in stays one until shut out. */
        if (conn->phase == PHASE_ANSWERING && conn->caller.principal[0] != '\0' &&
            options->is_valid != NULL && !options->is_valid(options->authorise_user, &conn->caller))
            http_conn_drop(conn);
    }
}

/* The timer of draining lives until the last connection is gone. */
static void close_timers_if_empty(struct http *http)
{
    if (!http->is_closing || http->conn_count > 0 || uv_is_closing((uv_handle_t *)&http->timer))
        return;
    uv_close((uv_handle_t *)&http->timer, on_handle_closed);
    uv_close((uv_handle_t *)&http->tidy, on_handle_closed);
    uv_close((uv_handle_t *)&http->sweep.timer, on_handle_closed);
    stop(http);
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
    http_check_drained(http);
    close_timers_if_empty(http);
}

void http_close(struct http *http, void (*closed)(void *user), void *user)
{
    if (http->is_closing) {
        drop_all(http);
        stop(http);
        return;
    }
    http->is_closing = true;
    http->closed = closed;
    http->closed_user = user;
    uv_close((uv_handle_t *)&http->listener, on_handle_closed);
    for (struct http_conn *conn = http->conns; conn != NULL; conn = conn->next)
        http_conn_retire(conn);
    /* A retry of an accept that this replaces has no listener any more. */
    uv_timer_start(&http->timer, on_drain_timer, http->options.drain_timeout_ms, 0);
    http_check_drained(http);
    close_timers_if_empty(http);
}

/* ---- starting ---- */

/* After a failure to bind or listen: no connection exists yet. */
static void on_start_failed(uv_handle_t *handle)
{
    struct http *http = handle->data;
    if (--http->open_handles == 0)
        free(http);
}

static void start_timers(struct http *http)
{
    uv_loop_t *loop = http->options.loop;
    uv_timer_init(loop, &http->timer);
    uv_timer_init(loop, &http->tidy);
    uv_timer_start(&http->tidy, on_tidy, TIDY_MS, TIDY_MS);
    sweep_start(&http->sweep, loop, http->options.server);
    http->listener.data = http->timer.data = http->tidy.data = http->sweep.timer.data = http;
    http->open_handles = HANDLES;
}

/* Unwinds a start that failed. */
static void close_start(struct http *http)
{
    uv_handle_t *const handles[HANDLES] = {
        (uv_handle_t *)&http->listener,
        (uv_handle_t *)&http->timer,
        (uv_handle_t *)&http->tidy,
        (uv_handle_t *)&http->sweep.timer,
    };
    for (size_t i = 0; i < HANDLES; i++)
        uv_close(handles[i], on_start_failed);
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
    /* A client that has left must not take the process with it. */
    signal(SIGPIPE, SIG_IGN);
    http->options = filled;
    http->address = address;
    int rc = uv_tcp_init(filled.loop, &http->listener);
    if (rc < 0) {
        free(http);
        err_set(ret_err, ERR_UNAVAILABLE, NULL, "cannot make a socket: %s", uv_strerror(rc));
        return NULL;
    }
    start_timers(http);
    rc = uv_tcp_bind(&http->listener, (struct sockaddr *)&address, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&http->listener, BACKLOG, on_connection);
    if (rc == 0 && (http->port = read_port(&http->listener)) < 0)
        rc = UV_EIO;
    if (rc < 0) {
        err_set(ret_err, rc == UV_EADDRINUSE ? ERR_BUSY : ERR_UNAVAILABLE, "port",
                "cannot listen on %.100s port %d: %s", filled.host, filled.port, uv_strerror(rc));
        close_start(http);
        return NULL;
    }
    return http;
}

void http_raise_file_limit(size_t spare)
{
    struct rlimit limit;
    rlim_t wanted = MAX_CONNECTIONS + spare;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int http_port(const struct http *http)
{
    return http->port;
}

size_t http_connections(const struct http *http)
{
    return http->conn_count;
}

size_t http_sessions(const struct http *http)
{
    return http->session_count;
}
