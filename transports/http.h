#pragma once
/* The protocol over HTTP/1.1: one endpoint that takes a message per POST and answers with JSON, or
 * with an event stream as soon as something other than the final answer must go out. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "err.h"
#include "server.h"

struct http;

/* Zero means the default, unless said otherwise. Everything pointed to must outlive the listener.
 */
struct http_options {
    uv_loop_t *loop;
    struct server *server;
    const char *host;       /* loopback only: "127.0.0.1" (default), "localhost", "::1" */
    int port;               /* 0 = any free one: see http_port() */
    const char *endpoint;   /* "/mcp" */
    size_t max_body;        /* bytes; 4 MiB */
    size_t max_connections; /* 1024 */
    size_t max_connections_per_address; /* 0 = no limit of its own */
    size_t max_output_bytes;   /* waiting to be read by one client; beyond it is dropped; 4 MiB */
    uint64_t head_timeout_ms;  /* from the first byte of a request to the end of its head; 10 s */
    uint64_t body_timeout_ms;  /* for the whole body; 30 s */
    uint64_t idle_timeout_ms;  /* between two requests; also for a reader that stands still; 60 s */
    uint64_t keepalive_ms;     /* between comments on a silent event stream; 15 s */
    uint64_t drain_timeout_ms; /* how long http_close() waits for running requests; 10 s */
    /* NULL-terminated, or NULL. Beside these, the names of the loopback are always allowed, with
     * any port. Origins are compared whole ("https://app.example.com"); a host without a port
     * stands for every port. */
    const char *const *allowed_origins, *const *allowed_hosts;
    /* Whether ?toolsets=… of the endpoint's address (decoded) makes sense; else *ret_err says what
     * is allowed. NULL = the query is ignored. */
    int (*check_toolsets)(const char *toolsets, struct err *ret_err);
    /* Whether work can be done, for GET /readyz; says why not. NULL = always. */
    bool (*ready)(void *user, char *why, size_t size);
    void *user;
};

/* Begins to listen; NULL with *ret_err when the address is taken, or not a loopback one. */
struct http *http_start(const struct http_options *options, struct err *ret_err);

int http_port(const struct http *http);

size_t http_connections(const struct http *http);

/* Stops listening, closes idle connections, lets running requests end (at most drain_timeout_ms:
 * then they are dropped as if their clients had left), then calls `closed` and frees. The loop
 * must go on running until then. A second call hurries: what still runs is dropped at once. */
void http_close(struct http *http, void (*closed)(void *user), void *user);
