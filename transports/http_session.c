#include "http_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "era.h"
#include "http_match.h"

/* ---- the table ---- */

static struct http_session **bucket_of(struct http *http, const char *id)
{
    char digits[3] = {id[0], id[0] != '\0' ? id[1] : '\0', '\0'};
    return &http->sessions[strtoul(digits, NULL, 16) % HTTP_SESSION_BUCKETS];
}

/* Takes the same time wherever they differ. */
static bool is_same_id(const char *a, const char *b)
{
    unsigned char difference = 0;
    size_t len = strlen(a);
    if (strlen(b) != len)
        return false;
    for (size_t i = 0; i < len; i++)
        difference |= (unsigned char)(a[i] ^ b[i]);
    return difference == 0;
}

void http_session_touch(struct http_session *session)
{
    session->used_at = uv_now(session->http->options.loop);
}

/* Whether nobody waits for anything of it. */
static bool is_idle(const struct http_session *session)
{
    if (session->posts != NULL)
        return false;
    for (const struct http_feed *feed = session->feeds; feed != NULL; feed = feed->next)
        if (feed->conn != NULL)
            return false;
    return true;
}

static struct http_session *find_idlest(const struct http *http)
{
    struct http_session *idlest = NULL;
    for (size_t i = 0; i < HTTP_SESSION_BUCKETS; i++) {
        for (struct http_session *s = http->sessions[i]; s != NULL; s = s->next) {
            if ((idlest == NULL || s->used_at < idlest->used_at) && is_idle(s))
                idlest = s;
        }
    }
    return idlest;
}

static int make_id(char *id)
{
    unsigned char bytes[HTTP_SESSION_ID_BYTES];
    if (uv_random(NULL, NULL, bytes, sizeof bytes, 0, NULL) < 0)
        return -1;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

struct http_session *http_session_new(struct http *http, const struct http_caller *caller)
{
    if (http->session_count >= http->options.max_sessions) {
        struct http_session *idlest = find_idlest(http);
        if (idlest == NULL)
            return NULL;
        http_session_end(idlest);
    }
    struct http_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return NULL;
    session->http = http;
    session->caller = *caller;
    session->end = &session->first;
    session->peer = peer_new(http->options.server, caller->principal);
    if (session->peer == NULL || make_id(session->id) < 0) {
        peer_free(session->peer);
        free(session);
        return NULL;
    }
    http_session_touch(session);
    struct http_session **bucket = bucket_of(http, session->id);
    session->next = *bucket;
    *bucket = session;
    http->session_count++;
    return session;
}

void http_session_end(struct http_session *session)
{
    struct http *http = session->http;
    struct http_session **link = bucket_of(http, session->id);
    while (*link != session)
        link = &(*link)->next;
    *link = session->next;
    http->session_count--;
    peer_listen(session->peer, NULL);
    while (session->posts != NULL)
        http_post_abandon(session->posts);
    for (struct http_feed *feed = session->feeds; feed != NULL; feed = feed->next)
        if (feed->conn != NULL)
            http_feed_hang_up(feed);
    http_feeds_free(session);
    peer_free(session->peer);
    free(session);
}

struct http_session *http_session_find(const struct http_conn *conn, int *ret_status,
                                       const char **ret_text)
{
    const char *id = http1_header(&conn->parser, "mcp-session-id");
    if (id == NULL) {
        *ret_status = 400;
        *ret_text = "the Mcp-Session-Id header is missing: begin with initialize";
        return NULL;
    }
    struct http_session *session = *bucket_of(conn->http, id);
    while (session != NULL && !is_same_id(session->id, id))
        session = session->next;
    if (session == NULL || strcmp(session->caller.principal, conn->caller.principal) != 0) {
        *ret_status = 404;
        *ret_text = "there is no such session: begin again with initialize";
        return NULL;
    }
    http_session_touch(session);
    return session;
}

void http_session_header(const struct http_session *session, char *line, size_t size)
{
    snprintf(line, size, "Mcp-Session-Id: %s\r\n", session->id);
}

bool http_session_primes(const struct http_session *session)
{
    const char *version = peer_version(session->peer);
    return version != NULL && era_is_since(version, "2025-11-25");
}

/* ---- their end ---- */

static bool is_over(struct http_session *session, uint64_t now)
{
    const struct http_options *options = &session->http->options;
    if (options->is_valid != NULL && !options->is_valid(options->authorise_user, &session->caller))
        return true;
    if (!is_idle(session))
        http_session_touch(session);
    return now - session->used_at >= options->session_idle_ms;
}

void http_sessions_tidy(struct http *http)
{
    uint64_t now = uv_now(http->options.loop);
    for (size_t i = 0; i < HTTP_SESSION_BUCKETS; i++) {
        struct http_session *next;
        for (struct http_session *s = http->sessions[i]; s != NULL; s = next) {
            next = s->next;
            if (is_over(s, now))
                http_session_end(s);
        }
    }
}

void http_sessions_end(struct http *http)
{
    for (size_t i = 0; i < HTTP_SESSION_BUCKETS; i++)
        while (http->sessions[i] != NULL)
            http_session_end(http->sessions[i]);
}

/* ---- GET and DELETE ---- */

/* A second stream of the same kind takes the place of the first: a client that opens one has lost
 * the other, whether or not the network has told us yet. */
static void listen_anew(struct http_session *session, struct http_conn *conn)
{
    struct http_feed *former = session->listening;
    session->listening = http_feed_new(session, conn, true);
    peer_listen(session->peer, session->listening != NULL ? &session->listening->channel : NULL);
    if (former != NULL)
        http_feed_send(former, NULL, true);
}

void http_session_handle_get(struct http_conn *conn)
{
    int status = 0;
    const char *text = NULL;
    const char *event_id = http1_header(&conn->parser, "last-event-id");
    struct http_session *session = NULL;
    if (conn->is_head_method) {
        status = 405;
        text = "HEAD is not answered here";
    } else if (!http_accepts(&conn->parser, "text/event-stream")) {
        status = 406;
        text = "Accept must let text/event-stream through";
    } else {
        session = http_session_find(conn, &status, &text);
    }
    if (session == NULL)
        http_reply_error(conn, status, text);
    else if (event_id != NULL)
        http_feed_resume(session, conn, event_id);
    else
        listen_anew(session, conn);
}

void http_session_handle_delete(struct http_conn *conn)
{
    int status;
    const char *text;
    struct http_session *session = http_session_find(conn, &status, &text);
    if (session == NULL) {
        http_reply_error(conn, status, text);
        return;
    }
    http_session_end(session);
    http_reply(conn, 204, "", NULL, NULL, 0);
}
