#pragma once
/* Inside the HTTP transport: the listener, its connections, and what the pieces offer each other.
 *   http.c        listens, counts, drains
 *   http_conn.c   one connection: bytes in, requests out one at a time; time limits; closing
 *   http_reply.c  bytes out: heads, bodies, event streams
 *   http_route.c  path and method to handler; who may ask (Host, Origin); small handlers
 *   http_match.c  header values against what is allowed
 *   http_post.c   a message posted to the endpoint, and its answer
 *   http_session.c, http_feed.c   sessions and their event streams: http_session.h */
#include <jansson.h>

#include "buf.h"
#include "http.h"
#include "http1.h"
#include "sweep.h"

struct http_conn;
struct http_feed;
struct http_post;
struct http_session;

enum { HTTP_SESSION_BUCKETS = 256 };

struct http {
    struct http_options options; /* defaults filled in */
    uv_tcp_t listener;
    uv_timer_t timer; /* of draining; before that, of trying again to accept */
    uv_timer_t tidy;  /* every second: sessions that idle, callers that were shut out */
    struct sweep sweep;
    struct sockaddr_storage address; /* as it was bound */
    int port;
    int open_handles; /* of the listener's own */
    bool is_closing;
    bool is_stopping, is_stopped; /* the server was told to end its calls; none is left */
    struct http_conn *conns;      /* doubly linked */
    size_t conn_count;
    size_t refusing;      /* those among them that are only being told 503 */
    size_t waiting_bytes; /* written, not yet taken by the kernel, of all connections */
    struct http_session *sessions[HTTP_SESSION_BUCKETS]; /* by the first byte of their ids */
    size_t session_count;
    size_t kept_bytes; /* of events, in all sessions */
    void (*closed)(void *user);
    void *closed_user;
    char date[40]; /* the Date header of second date_at */
    int64_t date_at;
    char read_buffer[64 << 10]; /* reads are used up before the next one: one for all */
};

enum http_phase {
    PHASE_IDLE,      /* between requests */
    PHASE_HEAD,      /* a request has begun */
    PHASE_BODY,      /* its head is complete */
    PHASE_ANSWERING, /* it is complete, and its handler has the word */
    PHASE_FLUSHING,  /* the last answer is on its way out */
    PHASE_LINGERING, /* it is out; what the client still sends is thrown away, so that the kernel
                      * does not answer it with a reset that would eat our answer */
};

/* One entry of the routing table. */
struct http_route {
    const char *path; /* NULL = the endpoint */
    const char *method;
    bool is_open;     /* whoever asks, under whatever Host */
    bool of_sessions; /* there only when sessions are */
    /* Looks at the head, before the body is read; refuses with a status above 0 and *ret_text. */
    int (*check)(struct http_conn *conn, const char **ret_text);
    /* The whole request is there: answers now or later, with http_reply_* or the stream ones. */
    void (*handle)(struct http_conn *conn);
};

struct http_conn {
    struct http *http;
    struct http_conn *next, *prev;
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_shutdown_t shutdown;
    int open_handles;
    enum http_phase phase;
    bool is_closing;  /* uv_close was called: nothing goes in or out any more */
    bool is_feeding;  /* inside the parser loop */
    bool is_paused;   /* reading stopped because `input` is full */
    bool is_refusing; /* beyond the limit: answered 503 */
    bool has_unread;  /* the client may still be sending what nobody will read */
    bool must_close;  /* after this answer, whatever the request said */
    bool is_streaming, is_chunking;
    bool is_endless; /* what is being answered has no end of its own: nobody waits for it */
    bool is_trusted; /* asks under one of our names, and may: for /readyz */
    bool is_head_method;
    unsigned char address[16]; /* IPv6, or IPv4 mapped into it */
    uint64_t written_at;       /* loop time of the last write */
    size_t queued_before;      /* bytes waiting when the timer was set: has the client read? */
    /* the current request */
    struct http1 parser;
    const struct http_route *route;
    const char *path;   /* into parser.head, or "/" */
    const char *origin; /* an allowed Origin, or NULL */
    int refused_status; /* above 0: decided at the head, sent when the body has passed */
    const char *refused_text;
    char challenge[256];       /* of the WWW-Authenticate header, with 401 and 403; else "" */
    struct http_caller caller; /* at the endpoint */
    struct buf body;
    struct http_post *post; /* a message being answered, or NULL */
    struct http_feed *feed; /* a stream of a session that is being read here, or NULL */
    /* bytes of later requests, while this one is answered */
    struct buf input;
    size_t input_used;
};

/* ---- http.c ---- */

void http_forget(struct http_conn *conn); /* the connection is closed and about to be freed */
/* While the listener closes: an answer was completed; perhaps it was the last that is waited for.
 */
void http_check_drained(struct http *http);

/* ---- http_conn.c ---- */

/* Takes one connection from the listener. */
void http_conn_accept(struct http *http);
/* Closes at once. Memory goes in a later turn of the loop, where a running message also learns that
 * its client is gone: so this may be called from anywhere. */
void http_conn_drop(struct http_conn *conn);
/* For draining: closes now unless an answer is being made. */
void http_conn_retire(struct http_conn *conn);
/* The answer is complete: on to the next request, or close. */
void http_conn_done(struct http_conn *conn);
/* Sets the timer that an answer in the making needs: comments on its stream, a look whether the
 * client is still there. */
void http_conn_watch(struct http_conn *conn);
/* Whether the connection ends with the answer to the current request. */
bool http_conn_is_last(const struct http_conn *conn);

/* ---- http_reply.c ---- */

/* Bytes as they are; drops the connection when too many wait already. */
void http_write(struct http_conn *conn, const char *bytes, size_t len);
/* A whole answer. `headers` are further header lines with CR LF each, or "". */
void http_reply(struct http_conn *conn, int status, const char *headers, const char *type,
                const char *body, size_t len);
/* An answer that explains itself: in JSON-RPC's shape at the endpoint, plain JSON elsewhere. */
void http_reply_error(struct http_conn *conn, int status, const char *text);
/* `value` as JSON; takes the reference, NULL = no memory for it. */
void http_reply_json(struct http_conn *conn, int status, const char *headers, json_t *value);
/* An event stream: begin, any number of events as sse.h writes them (takes the buffer) or by what
 * they say (`id` and `retry_ms` are left out when NULL and 0), end. */
void http_stream_begin(struct http_conn *conn, const char *headers);
void http_stream_events(struct http_conn *conn, struct buf *events);
void http_stream_message(struct http_conn *conn, const char *id, unsigned retry_ms,
                         const char *text, size_t len);
void http_stream_keepalive(struct http_conn *conn);
void http_stream_end(struct http_conn *conn);

/* ---- http_route.c ---- */

/* Whether the current request, as far as it was read, is for the endpoint. */
bool http_route_is_endpoint(const struct http_conn *conn);
/* At the head: fills route, path, origin, or refused_status and refused_text. */
void http_route_find(struct http_conn *conn);
/* The Allow header line for the path of the current request. */
void http_route_allow(const struct http_conn *conn, char *line, size_t size);

/* ---- http_post.c ---- */

int http_post_check(struct http_conn *conn, const char **ret_text);
void http_post_handle(struct http_conn *conn);
/* The connection is closed and will be freed: whatever still runs for it goes on alone. */
void http_post_orphan(struct http_post *post);
