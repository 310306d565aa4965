#pragma once
/* Sessions of the legacy era, and the event streams in them that a client can come back to.
 *
 * A feed is what the client sees as one stream, whichever connection it reads it on: the answer to
 * one POST with what is said on the way to it, or what the server says unasked (GET). Its events
 * carry ids "FEED.NUMBER" and are kept, within bounds, after they were sent. */
#include "http_conn.h"
#include "server.h"

enum { HTTP_SESSION_ID_BYTES = 24 /* random ones; the id is their hex digits */ };

struct http_event {
    struct http_event *next;
    struct http_feed *feed;
    unsigned long long number;
    bool is_last; /* of its feed */
    size_t len;
    char text[];
};

struct http_feed {
    struct channel channel; /* first. Only of the unasked one: what the peer listens on */
    struct http_session *session;
    struct http_feed *next;
    struct http_conn *conn;       /* who reads it now; NULL = nobody */
    unsigned long long number;    /* in the ids */
    unsigned long long last;      /* number of its last event; 0 = none yet */
    unsigned long long forgotten; /* up to this number its events are no longer kept */
    size_t kept;
    bool is_listening; /* the unasked one, which has no end */
    bool is_done;
};

struct http_session {
    struct http *http;
    struct http_session *next; /* in its bucket */
    char id[2 * HTTP_SESSION_ID_BYTES + 1];
    struct http_caller caller;
    struct peer *peer;
    struct http_post *posts;     /* being answered */
    struct http_feed *feeds;     /* newest first */
    struct http_feed *listening; /* the unasked one that is in use, or NULL */
    unsigned long long last_feed;
    struct http_event *first, **end; /* oldest first */
    size_t event_count, event_bytes;
    uint64_t used_at; /* loop time */
};

/* ---- http_session.c ---- */

/* NULL when memory is out or all sessions are busy. */
struct http_session *http_session_new(struct http *http, const struct http_caller *caller);
/* Cancels its calls, ends its streams, frees it. */
void http_session_end(struct http_session *session);
/* The one that the request names and its caller owns; else NULL with the status that answers. */
struct http_session *http_session_find(const struct http_conn *conn, int *ret_status,
                                       const char **ret_text);
/* It is in use now. */
void http_session_touch(struct http_session *session);
/* The header line that tells the client. */
void http_session_header(const struct http_session *session, char *line, size_t size);
/* Whether its revision has events without data, which make a client able to come back. */
bool http_session_primes(const struct http_session *session);

/* Ends those idle for too long and those whose caller is no longer let in. */
void http_sessions_tidy(struct http *http);
void http_sessions_end(struct http *http);

void http_session_handle_get(struct http_conn *conn);
void http_session_handle_delete(struct http_conn *conn);

/* ---- http_feed.c ---- */

/* Begins a stream on the connection. NULL when out of memory: the connection was dropped then. */
struct http_feed *http_feed_new(struct http_session *session, struct http_conn *conn,
                                bool is_listening);
/* Keeps the message and sends it to whoever reads. Takes the reference; NULL only with `is_last`:
 * the feed ends without an answer. Afterwards a feed that is done may be gone. */
void http_feed_send(struct http_feed *feed, json_t *message, bool is_last);
/* The reader may go and come back after that time. */
void http_feed_let_go(struct http_feed *feed, unsigned retry_ms);
/* Its reader left. */
void http_feed_leave(struct http_feed *feed);
/* Ends what the reader sees; the feed stays. */
void http_feed_hang_up(struct http_feed *feed);
/* Goes on after the event that Last-Event-ID names, on this connection; answers with what is wrong
 * when that cannot be. */
void http_feed_resume(struct http_session *session, struct http_conn *conn, const char *event_id);
void http_feeds_free(struct http_session *session);

/* ---- http_post.c ---- */

/* The session ends: cancels the call. */
void http_post_abandon(struct http_post *post);
