#pragma once
/* The protocol, both eras, without I/O: messages in, messages out. Transports feed it; tools are
 * registered with it. One server object serves every connection of the process. */
#include <stdbool.h>

#include <jansson.h>

#include "call.h"
#include "err.h"

#ifdef __cplusplus
extern "C" {
#endif

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
    /* Resources that exist beside the registered ones: ends with call_answer() of
     * {"resources": [Resource…]}, all of them; pages are cut by the server. NULL = none. */
    void (*list_resources)(struct call *call, void *user);
    void *user;
    size_t page_size; /* of resources and their templates; 0 = 100 */
    bool has_logging; /* declares it: the implementations use call_log() */
    /* Signs what travels with a client (call_ask). NULL = random, so good for this process alone;
     * instances behind a balancer share one. At least 32 bytes. */
    const void *state_key;
    size_t state_key_len;
    /* Tasks: how many may exist, how long a result is kept, how often to ask. 0 = 64, 15 min, 1 s.
     * Offered when a tool allows them. */
    size_t tasks_max;
    uint64_t task_ttl_ms, task_poll_ms;
};

/* Whether a call of a tool may become a task (call_into_task). */
enum task_mode { TASK_NEVER, TASK_OPTIONAL, TASK_REQUIRED };

/* What a tool is to the protocol. */
struct server_tool {
    const char *name;
    const char *title;
    const char *description;
    json_t *input_schema;  /* reference taken */
    json_t *output_schema; /* reference taken; may be NULL */
    json_t *meta;          /* _meta of the definition; reference taken; may be NULL */
    bool is_read_only;
    enum task_mode task_mode; /* TASK_REQUIRED: only clients that take tasks may call it */
    /* What the client must be able to do, {"sampling": {}}; NULL = nothing. Reference taken. */
    json_t *client_capabilities;
    /* Begins the call; `arguments` is borrowed, valid until the call ends, and is {} when the
     * client sent none. It may end the call before returning. */
    void (*start)(struct call *call, const json_t *arguments, void *user);
    void *user;
};

/* A resource, or a family of them: a `uri` with variables ("x://event/{source}/{name}", each one
 * path segment, percent-decoded) is a template. */
struct server_resource {
    const char *uri;
    const char *name, *title, *description, *mime_type; /* title may be NULL */
    double priority;                                    /* 0..1 for annotations; 0 = not said */
    /* Ends with call_answer() of {"contents": [{"uri", "mimeType", "text" or "blob"}]}.
     * `variables`: those of the template, {} without; borrowed until the call ends. */
    void (*read)(struct call *call, const char *uri, const json_t *variables, void *user);
    /* Values for a variable that begin with `value`; `chosen` has those that are already known.
     * Ends with call_complete(). NULL = none are offered. */
    void (*complete)(struct call *call, const char *variable, const char *value,
                     const json_t *chosen, void *user);
    unsigned ttl_ms; /* how long what was read stays good; 0 = ask again each time */
    bool is_public;  /* the same for everyone */
    void *user;
};

struct server_prompt_argument {
    const char *name, *title, *description;
    bool is_required;
};

struct server_prompt {
    const char *name, *title, *description;
    const struct server_prompt_argument *arguments; /* ends with {0}; NULL = none */
    /* Ends with call_answer() of {"description", "messages": [{"role", "content"}]}. Required
     * arguments are there; all values are strings. */
    void (*get)(struct call *call, const json_t *arguments, void *user);
    void (*complete)(struct call *call, const char *argument, const char *value,
                     const json_t *chosen, void *user); /* as of a resource; may be NULL */
    void *user;
};

/* The strings of options and tools must outlive the server. NULL when out of memory, or when the
 * state_key is shorter than it must be. */
struct server *server_new(const struct server_options *options);
void server_free(struct server *server); /* no call may be running */

/* Tools are listed in the order of registration. The references are taken on failure too. */
int server_add_tool(struct server *server, const struct server_tool *tool, struct err *ret_err);
int server_add_resource(struct server *server, const struct server_resource *resource,
                        struct err *ret_err);
int server_add_prompt(struct server *server, const struct server_prompt *prompt,
                      struct err *ret_err);

/* ---- change ---- */

enum server_change { CHANGED_TOOLS = 1, CHANGED_PROMPTS = 2, CHANGED_RESOURCES = 4 };

/* Tells whoever listens that lists are no longer what they were (a mask). */
void server_changed(struct server *server, unsigned what);
/* Tells whoever watches this resource that it says something else now. */
void server_resource_updated(struct server *server, const char *uri);
/* Whether anyone would hear of changes to resources: else there is no need to look for them. */
bool server_is_watched(const struct server *server);

/* Ends what has outlived its time (tasks, unanswered questions) and tells what waited for its turn
 * (changes). Returns in how many ms it wants to be called again, a second at most; the transport
 * sets a timer. */
uint64_t server_sweep(struct server *server);

/* ---- messages ---- */

/* Where the messages that answer one incoming message go: the stdio pipe, or one POST's response.
 * A transport embeds it in its own object. */
struct channel;
struct channel_ops {
    /* One message for the client; takes the reference. `status` is the HTTP status the answer
     * deserves (200, 400, 404, 500). With `is_last` the answer to the incoming message is complete
     * and the channel will not be used again for it; `message` is NULL, and the status 202, when a
     * cancelled request gets none. A batch is answered by one array. */
    void (*send)(struct channel *channel, json_t *message, int status, bool is_last);
    /* The client's connection may close and the client come back for the rest; NULL = no such
     * thing here. */
    void (*let_go)(struct channel *channel, unsigned retry_ms);
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
    const char *principal;        /* no header: who the transport found it to be; NULL = nobody */
    bool accepts_json, accepts_stream;
    /* Any other header by its lower-case name, or NULL; for Mcp-Param-*. NULL = there are none. */
    const char *(*find)(void *user, const char *name);
    void *user;
};

/* What is remembered of one client: a process on stdio, a session over HTTP (log level,
 * capabilities, subscriptions, questions it has yet to answer). HTTP without sessions passes NULL
 * with each message: nothing is remembered. */
struct peer;
/* `principal` is who the client is, as the transport authenticated it; copied; NULL = nobody. */
struct peer *peer_new(struct server *server, const char *principal);
/* The calls that it began go on, but those that wait for its answer end. */
void peer_free(struct peer *peer);
/* Where messages go that answer nothing (changes): one channel at a time; NULL = nowhere now. */
void peer_listen(struct peer *peer, struct channel *channel);
const char *peer_version(const struct peer *peer); /* agreed on by initialize; NULL before */

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

/* The answer to bytes that are not JSON: sends -32700 with status 400. `headers` is NULL on stdio.
 */
void server_receive_garbage(struct server *server, struct channel *channel,
                            const struct message_headers *headers, const struct err *err);

/* Cancels everything that runs for this channel, but no task: its client left. No message follows,
 * only the sends with message NULL and is_last, each when the work behind it has stopped. */
void server_channel_gone(struct server *server, struct channel *channel);

/* Cancels every call of the server; `all_stopped` runs once none is left, perhaps before this
 * returns. The clients are still there, so what the calls end with is sent to them. Later calls are
 * refused. */
void server_shutdown(struct server *server, void (*all_stopped)(void *user), void *user);

size_t server_running(const struct server *server);

#ifdef __cplusplus
}
#endif
