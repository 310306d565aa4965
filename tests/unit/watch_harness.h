#pragma once
/* What the tests of changes share: a server that has something to change, clients that listen. */
#include "server_harness.h"

#define ID(id)       "'_meta':{'io.modelcontextprotocol/subscriptionId':" id "}"
#define ACK(id, has) NOTE("subscriptions/acknowledged", ID(id) ",'notifications':" has)
#define NOTE(what, params)                                                                         \
    "{'jsonrpc':'2.0','method':'notifications/" what "','params':{" params "}}"
#define ALL_LISTS "{'toolsListChanged':true,'promptsListChanged':true,'resourcesListChanged':true}"

/* With one tool (which may become a task), the resource x://a and the template x://e/{id}. */
struct server *server_to_watch(bool has_tasks);
int setup_watch(void **state);                         /* without tasks */
void expect_note(struct wire *wire, const char *text); /* the next message is this notification */
/* Opens a subscriptions/listen with this id (as JSON). */
void listen_to(struct wire *wire, const char *id, const char *wishes);
void stop_listening(struct wire *wire, const char *id);

/* A client that counts. With `leaves` it goes away when something is sent to it. */
struct counter {
    struct channel channel; /* first */
    struct server *server;
    struct peer *peer; /* NULL: nothing is remembered of it */
    int notes, ends;
    bool leaves;
};
extern const struct channel_ops count_ops;
void count_listen(struct counter *counter, int id, const char *wishes);
