#pragma once
/* The protocol, both eras, without I/O: messages in, messages out. Transports feed it; tools are
 * registered with it. One server object serves every connection of the process. */
#include <stdbool.h>

#include <jansson.h>

#include "call.h"
#include "err.h"

struct server;
struct server_tool;

struct server_options {
    const char *name; /* "sextant" */
    const char *title;
    const char *version;
    const char *instructions; /* below 2,000 characters */
    const char *website;      /* or NULL */
    /* Whether a tool is offered to a request whose address chose `toolsets` (a text for this
     * function alone; NULL = it chose nothing). NULL = all tools are. */
    bool (*offers)(const struct server_tool *tool, const char *toolsets);
};

/* What a tool is to the protocol. */
struct server_tool {
    const char *name;
    const char *title;
    const char *description;
    json_t *input_schema;  /* reference taken */
    json_t *output_schema; /* reference taken; may be NULL */
    bool is_read_only;
    /* What the client must be able to do, {"sampling": {}}; NULL = nothing. Reference taken. */
    json_t *client_capabilities;
    /* Begins the call; `arguments` is borrowed and is {} when the client sent none. It may end the
     * call before returning. */
    void (*start)(struct call *call, const json_t *arguments, void *user);
    void *user;
};

/* The strings of options and tools must outlive the server. NULL when out of memory. */
struct server *server_new(const struct server_options *options);
void server_free(struct server *server); /* no call may be running */

/* Tools are listed in the order of registration. The references are taken on failure too. */
int server_add_tool(struct server *server, const struct server_tool *tool, struct err *ret_err);

/* Where the messages that answer one incoming message go: the stdio pipe, or one POST's response.
 * A transport embeds it in its own object. */
struct channel;
struct channel_ops {
    /* One message for the client; takes the reference. `status` is the HTTP status the answer
     * deserves (200, 400, 404). With `is_last` the answer to the incoming message is complete and
     * the channel will not be used again for it; `message` is NULL, and the status 202, when a
     * cancelled request gets none. A batch is answered by one array. */
    void (*send)(struct channel *channel, json_t *message, int status, bool is_last);
};
struct channel {
    const struct channel_ops *ops;
};

/* What the protocol looks at beside the message; values as received, NULL when absent. */
struct message_headers {
    const char *protocol_version; /* MCP-Protocol-Version */
    const char *method;           /* Mcp-Method */
    const char *name;             /* Mcp-Name */
    const char *toolsets;         /* no header: of the address, ?toolsets= */
    bool accepts_json, accepts_stream;
};

/* What one connection of the stdio kind remembers (the log level set by a legacy client, its
 * capabilities). HTTP passes NULL: nothing is remembered between POSTs. */
struct peer;
struct peer *peer_new(void);
void peer_free(struct peer *peer);

/* What became of an incoming message. */
enum receive_result {
    RECEIVE_ANSWERING, /* send() has been or will be called, the last time with is_last */
    RECEIVE_ACCEPTED,  /* a notification or a posted response: HTTP answers 202, no body */
};

/* One parsed message, or a batch where the revision allows it. `headers` is NULL on stdio.
 * Every RECEIVE_ANSWERING is followed (or was preceded, during the call) by exactly one send() with
 * is_last, also where many messages share a channel. */
enum receive_result server_receive(struct server *server, struct peer *peer,
                                   struct channel *channel, const json_t *message,
                                   const struct message_headers *headers);

/* The answer to bytes that are not JSON: sends -32700 with status 400. */
void server_receive_garbage(struct server *server, struct channel *channel, const struct err *err);

/* Cancels everything that runs for this channel: its client left. No message follows, only the
 * sends with message NULL and is_last, each when the work behind it has stopped. */
void server_channel_gone(struct server *server, struct channel *channel);

/* Cancels every call of the server; `all_stopped` runs once none is left, perhaps before this
 * returns. The clients are still there, so what the calls end with is sent to them. Later calls are
 * refused. */
void server_shutdown(struct server *server, void (*all_stopped)(void *user), void *user);

size_t server_running(const struct server *server);
