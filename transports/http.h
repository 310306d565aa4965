#pragma once
/* The protocol over HTTP/1.1: one endpoint that takes a message per POST and answers with JSON, or
 * with an event stream as soon as something other than the final answer must go out. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "err.h"
#include "server.h"

#ifdef __cplusplus
extern "C" {
#endif

struct http;

/* Who sent a request, as http_options.authorise found it. */
struct http_caller {
    char principal[128]; /* "" = nobody in particular */
    uint64_t credential; /* what let the caller in: for is_valid */
};

/* Zero means the default, unless said otherwise. Everything pointed to must outlive the listener.
 */
struct http_options {
    uv_loop_t *loop;
    struct server *server;
    const char *host;       /* an IP address or "localhost"; "127.0.0.1" is the default. Beyond the
                             * loopback only with `authorise` */
    int port;               /* 0 = any free one: see http_port() */
    const char *endpoint;   /* "/mcp" */
    size_t max_body;        /* bytes; 4 MiB */
    size_t max_connections; /* 2048 */
    size_t max_connections_per_address; /* 0 = no limit of its own */
    size_t max_output_bytes;   /* waiting to be read by one client; beyond it is dropped; 4 MiB */
    size_t max_waiting_bytes;  /* the same of all clients together; 256 MiB */
    uint64_t head_timeout_ms;  /* from the first byte of a request to the end of its head; 10 s */
    uint64_t body_timeout_ms;  /* for the whole body; 30 s */
    uint64_t idle_timeout_ms;  /* between two requests; also for a reader that stands still; 60 s */
    uint64_t keepalive_ms;     /* between comments on a silent event stream; 15 s */
    uint64_t drain_timeout_ms; /* how long http_close() waits for running requests; 10 s */
    /* Sessions for the revisions that have them (Mcp-Session-Id, GET, DELETE); a restart loses
     * them. Without them every message stands alone. */
    bool sessions;
    size_t max_sessions;       /* 1000; the one idle for longest makes room */
    uint64_t session_idle_ms;  /* without a request or an open stream; 30 min */
    size_t session_max_bytes;  /* of events kept for a client that comes back; 2 MiB */
    size_t session_max_events; /* the same, counted; 1000 */
    size_t sessions_max_bytes; /* kept for all sessions together; 64 MiB */
    /* NULL-terminated, or NULL. Beside these, the names of the loopback are always allowed, with
     * any port, and as hosts the IP address that is listened on; when that is a wildcard, any IP
     * address. Origins are compared whole ("https://app.example.com"); a host without a port stands
     * for every port. */
    const char *const *allowed_origins, *const *allowed_hosts;
    /* Whether ?toolsets=… of the endpoint's address (decoded) makes sense; else *ret_err says what
     * is allowed. NULL = the query is ignored. */
    int (*check_toolsets)(const char *toolsets, struct err *ret_err);
    /* Whether work can be done, for GET /readyz; says why not. NULL = always. */
    bool (*ready)(void *user, char *why, size_t size);
    void *user;
    /* Who may use the endpoint, by the value of the Authorization header (NULL = it has none).
     * Returns 0 and fills *ret_caller, or the status to refuse with, 401 or 403, and what the
     * WWW-Authenticate header says. NULL = everyone on this machine may. */
    int (*authorise)(void *user, const char *authorization, struct http_caller *ret_caller,
                     char *challenge, size_t size);
    /* Whether a caller who was let in still would be: asked every second for whoever has a session
     * or waits for an answer. NULL = always. */
    bool (*is_valid)(void *user, const struct http_caller *caller);
    void *authorise_user;
};

/* Begins to listen; NULL with *ret_err when the address is taken (ERR_BUSY), or can be reached from
 * other machines and nobody authorises (ERR_ACCESS). SIGPIPE is ignored from then on. */
struct http *http_start(const struct http_options *options, struct err *ret_err);

/* Raises the process's own limit of open files, as far as it may, to what the default number of
 * connections and `spare` others need: 1,024, as usual, is too few. */
void http_raise_file_limit(size_t spare);

int http_port(const struct http *http);

size_t http_connections(const struct http *http);
size_t http_sessions(const struct http *http);

/* Stops listening, closes idle connections, lets running requests end (at most drain_timeout_ms; a
 * subscription is not waited for), then shuts the server down, so that what still runs ends with an
 * answer; calls `closed` when no connection and no call is left, and frees. The loop must go on
 * running until then. A second call hurries: what still runs is dropped at once. */
void http_close(struct http *http, void (*closed)(void *user), void *user);

#ifdef __cplusplus
}
#endif
