#include "http_conn.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http_match.h"
#include "http_session.h"
#include "rpc.h"

static void handle_health(struct http_conn *conn)
{
    static const char body[] = "{\"status\":\"ok\"}";
    http_reply(conn, 200, "", "application/json", body, sizeof body - 1);
}

static void handle_ready(struct http_conn *conn)
{
    const struct http_options *options = &conn->http->options;
    char why[512] = "";
    bool is_ready = !conn->http->is_closing;
    if (!is_ready)
        snprintf(why, sizeof why, "the server is shutting down");
    else if (options->ready != NULL)
        is_ready = options->ready(options->user, why, sizeof why);
    /* The reason may hold the name of a database: not for everyone who can reach us. */
    if (is_ready)
        http_reply_json(conn, 200, "", json_pack("{s:s}", "status", "ready"));
    else
        http_reply_json(conn, 503, "Retry-After: 5\r\n",
                        json_pack("{s:s, s:o*}", "status", "not ready", "reason",
                                  conn->is_trusted ? rpc_text(why) : NULL));
}

/* What a page of an allowed origin may send (RFC 9110 §7.1 and the Fetch standard's CORS protocol).
 * Mcp-Param-* has no end of names, so those asked for are named back. */
static void handle_preflight(struct http_conn *conn)
{
    char allow[128];
    struct buf headers;
    buf_init(&headers, HTTP1_MAX_HEAD);
    http_route_allow(conn, allow, sizeof allow);
    buf_puts(&headers, allow);
    if (conn->origin != NULL) {
        buf_printf(&headers, "Access-Control-Allow-Methods: %s\r\n",
                   conn->http->options.sessions ? "POST, GET, DELETE" : "POST");
        buf_puts(&headers, "Access-Control-Max-Age: 600\r\n"
                           "Access-Control-Allow-Headers: Authorization, Content-Type, Accept, "
                           "Mcp-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, "
                           "Last-Event-ID");
        const char *asked = http1_header(&conn->parser, "access-control-request-headers");
        for (const char *c = asked != NULL ? asked : ""; *c != '\0';) {
            size_t len = strcspn(c, ", \t");
            if (len < 100 && strncasecmp(c, "mcp-param-", 10) == 0)
                buf_printf(&headers, ", %.*s", (int)len, c);
            c += len;
            c += strspn(c, ", \t");
        }
        buf_puts(&headers, "\r\n");
        if (http1_header(&conn->parser, "access-control-request-private-network") != NULL)
            buf_puts(&headers, "Access-Control-Allow-Private-Network: true\r\n");
    }
    if (buf_failed(&headers))
        http_reply_error(conn, 503, "out of memory");
    else
        http_reply(conn, 204, buf_text(&headers), NULL, NULL, 0);
    buf_done(&headers);
}

static const struct http_route routes[] = {
    {NULL, "POST", .check = http_post_check, .handle = http_post_handle},
    {NULL, "GET", .of_sessions = true, .handle = http_session_handle_get},
    {NULL, "DELETE", .of_sessions = true, .handle = http_session_handle_delete},
    {NULL, "OPTIONS", .handle = handle_preflight},
    {"/healthz", "GET", .is_open = true, .handle = handle_health},
    {"/readyz", "GET", .is_open = true, .handle = handle_ready},
};
enum { ROUTES = sizeof routes / sizeof *routes };

static bool is_path(const struct http_conn *conn, const struct http_route *route)
{
    const char *path = route->path != NULL ? route->path : conn->http->options.endpoint;
    if (route->of_sessions && !conn->http->options.sessions)
        return false;
    size_t len = strcspn(conn->path, "?");
    return strlen(path) == len && memcmp(path, conn->path, len) == 0;
}

bool http_route_is_endpoint(const struct http_conn *conn)
{
    return is_path(conn, &routes[0]);
}

/* HEAD is GET without its body. */
static bool is_method(const struct http_conn *conn, const struct http_route *route)
{
    return strcmp(conn->is_head_method ? "GET" : conn->parser.method, route->method) == 0;
}

void http_route_allow(const struct http_conn *conn, char *line, size_t size)
{
    size_t at = (size_t)snprintf(line, size, "Allow: ");
    const char *separator = "";
    for (size_t i = 0; i < ROUTES; i++) {
        if (!is_path(conn, &routes[i]) || at >= size)
            continue;
        at += (size_t)snprintf(line + at, size - at, "%s%s", separator, routes[i].method);
        separator = ", ";
    }
    if (at < size)
        snprintf(line + at, size - at, "\r\n");
}

static void refuse(struct http_conn *conn, int status, const char *text)
{
    conn->refused_status = status;
    conn->refused_text = text;
}

static bool is_our_name(const struct http_conn *conn, const char *host)
{
    return http_is_host_allowed(host, conn->http->options.allowed_hosts) ||
           http_is_host_address(host, (const struct sockaddr *)&conn->http->address);
}

/* Finds the path, and whether the host in an absolute target, if it is one, is ours: it counts for
 * more than the Host header (RFC 9112 §3.2.2). */
static bool split_target(struct http_conn *conn)
{
    const char *target = conn->parser.target;
    if (target[0] == '/' || target[0] == '*') {
        conn->path = target;
        return true;
    }
    char authority[256];
    const char *host = strstr(target, "://") + 3;
    size_t len = strcspn(host, "/?");
    conn->path = host[len] == '/' ? host + len : "/";
    if (len >= sizeof authority)
        return false;
    memcpy(authority, host, len);
    authority[len] = '\0';
    return is_our_name(conn, authority);
}

/* Whether the caller may use the endpoint; else it is refused. */
static bool is_authorised(struct http_conn *conn)
{
    const struct http_options *options = &conn->http->options;
    if (options->authorise == NULL)
        return true;
    int status =
        options->authorise(options->authorise_user, http1_header(&conn->parser, "authorization"),
                           &conn->caller, conn->challenge, sizeof conn->challenge);
    if (status == 0)
        return true;
    refuse(conn, status,
           status == 401 ? "this needs a valid token: Authorization: Bearer …"
                         : "the token does not allow this");
    return false;
}

/* Whether the request comes under a name and from a page that we know; else it is refused. */
static bool check_origin(struct http_conn *conn, bool is_our_target, bool is_open)
{
    bool is_host_fine = is_our_target && is_our_name(conn, http1_header(&conn->parser, "host"));
    const char *origin = http1_header(&conn->parser, "origin");
    if (!is_host_fine && !is_open) {
        refuse(conn, 403, "this Host is not allowed");
        return false;
    }
    if (origin != NULL && !http_is_origin_allowed(origin, conn->http->options.allowed_origins)) {
        refuse(conn, 403, "this Origin is not allowed");
        return false;
    }
    conn->origin = origin;
    conn->is_trusted = is_host_fine && conn->http->options.authorise == NULL;
    return true;
}

void http_route_find(struct http_conn *conn)
{
    const struct http_route *found = NULL;
    bool has_path = false, is_our_target = split_target(conn);
    for (size_t i = 0; i < ROUTES; i++) {
        if (!is_path(conn, &routes[i]))
            continue;
        has_path = true;
        if (is_method(conn, &routes[i]))
            found = &routes[i];
    }
    if (!check_origin(conn, is_our_target, found != NULL && found->is_open))
        return;
    /* A preflight comes without credentials. */
    if (http_route_is_endpoint(conn) && strcmp(conn->parser.method, "OPTIONS") != 0 &&
        !is_authorised(conn))
        return;
    conn->route = found;
    if (found == NULL) {
        refuse(conn, has_path ? 405 : 404,
               has_path ? "this method is not allowed here" : "there is nothing at this path");
        return;
    }
    const char *text = NULL;
    int status = found->check != NULL ? found->check(conn, &text) : 0;
    if (status != 0)
        refuse(conn, status, text);
}
