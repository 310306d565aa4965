#pragma once
/* What the files of the server share: a request on its way to a handler, the answer on its way
 * back, the method table. Only server.c, answer.c, catalogue.c and call.c include this. */
#include "era.h"
#include "server.h"

struct batch;
struct call;

/* Whom to answer and how. A call keeps one while it runs. */
struct answer {
    struct server *server;
    struct channel *channel;
    struct batch *batch; /* NULL: the message stands alone */
    json_t *id;          /* owned */
    enum era era;
    const char *version; /* static */
};

/* One request or notification, valid while its handler runs. */
struct request {
    struct answer answer; /* a handler that answers later takes a copy: answer_copy() */
    const struct rpc_message *message;
    struct peer *peer;    /* NULL: nothing is remembered */
    const char *toolsets; /* what struct message_headers says */
    bool may_stream;      /* notifications may precede the answer */
};

struct method {
    const char *name;
    unsigned eras; /* mask of enum era */
    /* NULL, or whether the server has what the method is about */
    bool (*is_offered)(const struct request *request);
    /* Answers exactly once, now or later. Of a notification: does something, answers nothing. */
    void (*handle)(struct request *request);
};

/* What a client remembers of itself through us, between its messages. */
struct peer {
    struct server *server;
    struct peer *next, *prev;
    char *principal;         /* "" = nobody */
    const char *version;     /* what `initialize` agreed on; static; NULL before */
    json_t *capabilities;    /* what the client said there; NULL before */
    struct channel *channel; /* for what answers nothing; NULL = nowhere now */
    enum mcp_level level;    /* logging/setLevel */
    json_t *watched;         /* resources/subscribe: {uri: true}; NULL = none */
};

/* What is alike in all calls of one kind (call.c). */
struct call_kind {
    bool is_tool; /* call_fail() makes a tool result */
    bool may_ask; /* tools/call, prompts/get, resources/read */
    /* The implementation's start function, on call_target(), with call_arguments(). Runs again
     * after call_ask(). */
    void (*begin)(struct call *call);
    /* Finishes the result that call_answer() brought (pages, cache hints); NULL = as it is. Takes
     * and returns the reference. */
    json_t *(*shape)(struct call *call, json_t *result);
};

struct tool_entry {
    struct server_tool tool;
    json_t *definition; /* as tools/list shows it */
};

struct server {
    struct server_options options;
    struct tool_entry *tools;
    size_t tool_count, tool_size;
    struct call *calls; /* running, newest first */
    size_t running;
    unsigned long long last_call;
    bool is_ending;
    void (*all_stopped)(void *user);
    void *all_stopped_user;
};

/* ---- answer.c ---- */

/* Each is the last thing said to the request; `result` and `data` are taken, a NULL `result` means
 * that memory ran out while building it. */
void answer_result(const struct answer *answer, json_t *result);
void answer_error(const struct answer *answer, enum rpc_code code, int status, json_t *data,
                  const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void answer_nothing(const struct answer *answer); /* cancelled: the client expects silence */

struct answer answer_copy(const struct answer *answer);
void answer_done(struct answer *answer);

/* Marks a complete modern result as cacheable by anyone; leaves legacy results alone. */
void answer_cacheable(const struct answer *answer, json_t *result, json_int_t ttl_ms);

/* Who we are, with the members that `version` knows. New reference. */
json_t *answer_server_info(const struct server *server, const char *version);

/* Turns content blocks that `version` does not know into text. Takes and returns a reference. */
json_t *answer_content(json_t *content, const char *version);

/* A batch collects the answers to its elements and sends them as one array once `open` of them, and
 * the hold that batch_new() takes for itself, are gone. */
struct batch *batch_new(struct channel *channel);
void batch_hold(struct batch *batch);
void batch_release(struct batch *batch, json_t *message /* taken; NULL = none */);
void batch_silence(struct batch *batch); /* its client left */

/* ---- catalogue.c ---- */
void handle_initialize(struct request *request);
void handle_discover(struct request *request);
void handle_ping(struct request *request);
void handle_tools_list(struct request *request);
bool has_tools(const struct request *request);
const struct server_tool *find_tool(const struct server *server, const char *name);
bool is_tool_offered(const struct request *request, const struct server_tool *tool);

/* ---- call.c ---- */

/* Begins a call that answers `request`, now or later. `target` is for the kind (a tool, a
 * resource); takes the reference of `arguments`. Answers with an error when memory is out or the
 * server ends. */
void call_begin(struct request *request, const struct call_kind *kind, const void *target,
                json_t *arguments);
const void *call_target(const struct call *call);
json_t *call_arguments(const struct call *call);              /* borrowed */
const struct answer *call_answer_of(const struct call *call); /* era, version, server */

void handle_tools_call(struct request *request);
void handle_cancelled(struct request *request);
bool call_is_open(const struct server *server, const struct channel *channel,
                  const struct peer *peer, const json_t *id);
