#include "http_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "sse.h"

enum { ID_SIZE = 48 };

static void write_id(const struct http_feed *feed, unsigned long long number, char *id)
{
    snprintf(id, ID_SIZE, "%llu.%llu", feed->number, number);
}

/* ---- what is kept ---- */

static void free_feed(struct http_feed *feed)
{
    struct http_feed **link = &feed->session->feeds;
    while (*link != feed)
        link = &(*link)->next;
    *link = feed->next;
    free(feed);
}

/* Frees a feed that nobody can have any more of. */
static void free_if_spent(struct http_feed *feed)
{
    if (feed->is_done && feed->kept == 0 && feed->conn == NULL)
        free_feed(feed);
}

/* Forgets the oldest event, answers last: one is worth more than what was said on the way to it.
 * False when nothing is kept. */
static bool forget_one(struct http_session *session)
{
    struct http_event **link = &session->first;
    while (*link != NULL && (*link)->is_last)
        link = &(*link)->next;
    if (*link == NULL)
        link = &session->first;
    struct http_event *event = *link;
    if (event == NULL)
        return false;
    *link = event->next;
    if (session->end == &event->next)
        session->end = link;
    session->event_count--;
    session->event_bytes -= event->len;
    session->http->kept_bytes -= event->len;
    event->feed->kept--;
    event->feed->forgotten = event->number;
    free_if_spent(event->feed);
    free(event);
    return true;
}

/* Among all sessions, the one used least recently that keeps anything. */
static struct http_session *find_stalest(const struct http *http)
{
    struct http_session *stalest = NULL;
    for (size_t i = 0; i < HTTP_SESSION_BUCKETS; i++) {
        for (struct http_session *s = http->sessions[i]; s != NULL; s = s->next) {
            if (s->first != NULL && (stalest == NULL || s->used_at < stalest->used_at))
                stalest = s;
        }
    }
    return stalest;
}

/* The newest event of all is kept however long it is: it may be an answer that somebody waits for.
 */
static void keep_bounds(struct http_session *session)
{
    struct http *http = session->http;
    const struct http_options *options = &http->options;
    while (session->event_count > 1 && (session->event_count > options->session_max_events ||
                                        session->event_bytes > options->session_max_bytes))
        forget_one(session);
    while (http->kept_bytes > options->sessions_max_bytes) {
        struct http_session *stalest = find_stalest(http);
        if (stalest == NULL || (stalest == session && session->event_count == 1))
            return;
        forget_one(stalest);
    }
}

static struct http_event *event_new(struct http_feed *feed, const char *text, size_t len)
{
    struct http_event *event = malloc(sizeof *event + len);
    if (event == NULL)
        return NULL;
    event->next = NULL;
    event->feed = feed;
    event->number = ++feed->last;
    event->is_last = false;
    event->len = len;
    memcpy(event->text, text, len);
    return event;
}

static void keep(struct http_session *session, struct http_event *event)
{
    *session->end = event;
    session->end = &event->next;
    session->event_count++;
    session->event_bytes += event->len;
    session->http->kept_bytes += event->len;
    event->feed->kept++;
}

void http_feeds_free(struct http_session *session)
{
    while (forget_one(session))
        ;
    while (session->feeds != NULL)
        free_feed(session->feeds);
}

/* ---- readers ---- */

/* Lets go of the reader and returns it. */
static struct http_conn *detach(struct http_feed *feed)
{
    struct http_conn *conn = feed->conn;
    feed->conn = NULL;
    if (conn != NULL) {
        conn->feed = NULL;
        conn->is_endless = false;
    }
    return conn;
}

static void attach(struct http_feed *feed, struct http_conn *conn)
{
    feed->conn = conn;
    conn->feed = feed;
    conn->is_endless = feed->is_listening;
}

static void end_stream(struct http_conn *conn)
{
    if (conn != NULL && !conn->is_closing)
        http_stream_end(conn);
}

void http_feed_hang_up(struct http_feed *feed)
{
    end_stream(detach(feed));
}

static void send_unasked(struct channel *channel, json_t *message, int status, bool is_last)
{
    (void)status;
    (void)is_last;
    if (message != NULL)
        http_feed_send((struct http_feed *)channel, message, false);
}

static const struct channel_ops unasked_ops = {.send = send_unasked};

/* An event that says nothing but its id, from which the client can go on. */
static void prime(struct http_feed *feed)
{
    char id[ID_SIZE];
    write_id(feed, feed->last, id);
    http_stream_message(feed->conn, id, 0, "", 0);
}

struct http_feed *http_feed_new(struct http_session *session, struct http_conn *conn,
                                bool is_listening)
{
    struct http_feed *feed = calloc(1, sizeof *feed);
    if (feed == NULL) {
        http_conn_drop(conn);
        return NULL;
    }
    feed->channel.ops = &unasked_ops;
    feed->session = session;
    feed->number = ++session->last_feed;
    feed->is_listening = is_listening;
    feed->next = session->feeds;
    session->feeds = feed;
    attach(feed, conn);
    http_stream_begin(conn, "");
    if (http_session_primes(session))
        prime(feed);
    return feed;
}

/* Whether the reader has an id to come back with. */
static bool can_resume(const struct http_feed *feed)
{
    return feed->last > 0 || http_session_primes(feed->session);
}

void http_feed_leave(struct http_feed *feed)
{
    struct http_session *session = feed->session;
    http_session_touch(session);
    feed->conn = NULL;
    if (feed->is_listening && !can_resume(feed)) {
        feed->is_done = true;
        if (session->listening == feed) {
            session->listening = NULL;
            peer_listen(session->peer, NULL);
        }
    }
    free_if_spent(feed);
}

void http_feed_send(struct http_feed *feed, json_t *message, bool is_last)
{
    struct http_session *session = feed->session;
    char *text = message != NULL ? json_text(message) : NULL;
    struct http_event *event = text != NULL ? event_new(feed, text, strlen(text)) : NULL;
    bool is_lost = message != NULL && event == NULL;
    free(text);
    json_decref(message);
    struct http_conn *reader = feed->conn;
    if (is_lost && reader != NULL) {
        http_conn_drop(reader); /* better to be seen to fail than to skip one */
    } else if (event != NULL && reader != NULL) {
        char id[ID_SIZE];
        write_id(feed, event->number, id);
        http_stream_message(reader, id, 0, event->text, event->len);
    }
    if (is_last) {
        feed->is_done = true;
        reader = detach(feed);
    }
    if (event != NULL) {
        event->is_last = is_last;
        keep(session, event);
        keep_bounds(session);
    } else {
        free_if_spent(feed);
    }
    if (is_last)
        end_stream(reader);
}

void http_feed_let_go(struct http_feed *feed, unsigned retry_ms)
{
    if (feed->conn == NULL || !http_session_primes(feed->session))
        return;
    http_stream_message(feed->conn, NULL, retry_ms, "", 0);
    http_feed_hang_up(feed);
}

/* ---- coming back ---- */

static bool read_number(const char **text, char end, unsigned long long *ret_number)
{
    char *rest;
    if (**text < '0' || **text > '9')
        return false;
    *ret_number = strtoull(*text, &rest, 10);
    if (*rest != end)
        return false;
    *text = rest + (end != '\0');
    return true;
}

/* The feed that the event is of, and its number in it; NULL when it cannot be gone on with. */
static struct http_feed *find_feed(const struct http_session *session, const char *event_id,
                                   unsigned long long *ret_number, const char **ret_why)
{
    unsigned long long number = 0;
    *ret_why = "Last-Event-ID is not the id of an event of this session";
    if (!read_number(&event_id, '.', &number) || !read_number(&event_id, '\0', ret_number) ||
        number == 0 || number > session->last_feed)
        return NULL;
    struct http_feed *feed = session->feeds;
    while (feed != NULL && feed->number != number)
        feed = feed->next;
    if (feed == NULL)
        *ret_why = "what followed the event that Last-Event-ID names is no longer kept";
    else if (*ret_number <= feed->last && feed->is_done && *ret_number == feed->last)
        *ret_why = "the stream ended with the event that Last-Event-ID names";
    else if (*ret_number <= feed->last && !(feed->is_done && feed->kept == 0))
        return feed;
    return NULL;
}

void http_feed_resume(struct http_session *session, struct http_conn *conn, const char *event_id)
{
    unsigned long long after = 0;
    const char *why;
    struct http_feed *feed = find_feed(session, event_id, &after, &why);
    if (feed == NULL) {
        http_reply_error(conn, 400, why);
        return;
    }
    struct http_conn *before = detach(feed);
    struct buf out;
    buf_init(&out, SIZE_MAX);
    if (after < feed->forgotten)
        buf_printf(&out, ": %llu earlier events are no longer kept\n\n", feed->forgotten - after);
    for (struct http_event *event = session->first; event != NULL; event = event->next) {
        char id[ID_SIZE];
        if (event->feed != feed || event->number <= after)
            continue;
        write_id(feed, event->number, id);
        sse_message(&out, id, 0, event->text, event->len);
    }
    bool is_done = feed->is_done;
    attach(feed, conn);
    http_stream_begin(conn, "");
    if (out.len > 0)
        http_stream_events(conn, &out);
    buf_done(&out);
    if (is_done)
        detach(feed);
    end_stream(before);
    if (is_done)
        end_stream(conn);
}
