#pragma once
/* What the files of the server share: a request on its way to a handler, the answer on its way
 * back, the method table. Only the files of the server include this. */
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
    const char *method;                    /* of a request: as the table spells it; static */
    struct peer *peer;                     /* NULL: nothing is remembered */
    const struct message_headers *headers; /* NULL on stdio */
    const char *principal;                 /* who asks; "" = nobody in particular */
    bool may_stream;                       /* notifications may precede the answer */
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
    struct watcher *watcher; /* hears of changes; NULL before `initialize` */
};

/* What is alike in all calls of one kind (call.c). */
struct call_kind {
    bool is_tool;     /* call_fail() makes a tool result */
    bool is_resource; /* the arguments have its "uri", which call_fail(ERR_NOT_FOUND) names */
    bool may_ask;     /* tools/call, prompts/get, resources/read */
    /* The implementation's start function, on call_target(), with call_arguments(). Runs again
     * after call_ask(). */
    void (*begin)(struct call *call);
    /* Finishes the result that call_answer() brought (pages, cache hints); NULL = as it is. Takes
     * and returns the reference. */
    json_t *(*shape)(struct call *call, json_t *result);
};

struct tool_entry {
    struct server_tool tool; /* first */
    struct tool_entry *next;
    json_t *definition;    /* as tools/list shows it */
    json_t *param_headers; /* {"mcp-param-region": ["region"]}: path of the argument; or NULL */
};

struct resource_entry {
    struct resource_entry *next;
    struct server_resource resource;
    bool is_template;
    json_t *definition; /* as resources/list or resources/templates/list shows it */
};

struct prompt_entry {
    struct prompt_entry *next;
    struct server_prompt prompt;
    json_t *definition; /* as prompts/list shows it */
};

struct server {
    struct server_options options;
    struct tool_entry *tools; /* each in the order of registration */
    struct resource_entry *resources;
    struct prompt_entry *prompts;
    struct watcher *watchers;
    size_t listens; /* how many of them are subscriptions/listen */
    unsigned long long watchers_gone;
    struct peer *peers;
    struct call *calls; /* running, newest first */
    size_t running;
    unsigned long long last_call, last_question;
    struct task *tasks;
    unsigned char state_key[32];
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
void answer_invalid(const struct answer *answer, const char *fmt, ...) /* -32602 */
    __attribute__((format(printf, 2, 3)));
void answer_no_memory(const struct answer *answer);
void answer_nothing(const struct answer *answer); /* cancelled: the client expects silence */
/* -32602 for a name that is not among `names`: says the nearest and what there is. */
void answer_unknown(const struct answer *answer, const char *what, const char *name,
                    const char *const *names, size_t count);
enum { NAMES_MAX = 64 /* of which it speaks */ };

struct answer answer_copy(const struct answer *answer);
void answer_done(struct answer *answer);

/* Says how long a complete modern result stays good, and whether for everyone; leaves legacy
 * results alone. */
void answer_cacheable(const struct answer *answer, json_t *result, json_int_t ttl_ms,
                      bool is_public);

/* Who we are, with the members that `version` knows. New reference. */
json_t *answer_server_info(const struct server *server, const char *version);

/* The revisions of the modern era, newest first. New reference; NULL when out of memory. */
json_t *answer_versions(void);

/* Turns those content blocks of an array that `version` does not know into text. */
void answer_content(json_t *content, const char *version);
/* The same for one. Takes and returns a reference. */
json_t *answer_block(json_t *block, const char *version);

/* A definition (of a tool, a resource, a prompt, an argument) or an item of contents with the
 * members that `version` knows. New reference, perhaps to the same; NULL when out of memory. */
json_t *answer_known(json_t *object, const char *version);
json_t *answer_all_known(const json_t *objects, const char *version); /* of an array */

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

/* ---- tool_list.c ---- */
void tools_free(struct server *server);
void handle_tools_list(struct request *request);
bool has_tools(const struct request *request);
const struct server_tool *find_tool(const struct server *server, const char *name);
bool is_tool_offered(const struct request *request, const struct server_tool *tool);

/* ---- page.c ---- */

/* Where the page that the request asks for begins. False when it was answered with what is wrong.
 * `list` names the list in the result and keeps the cursors of lists apart. */
bool page_take_cursor(const struct request *request, const char *list, size_t *ret_from);
enum { LIST_TTL_MS = 300 * 1000 }; /* of what is registered: the same for everyone */
/* Answers with a page of what is registered. Takes the reference of `items`; NULL = memory ran out.
 */
void page_answer(const struct request *request, const char *list, json_t *items, size_t from,
                 size_t size);
/* {list: the page, "nextCursor": …} as `version` knows the items. Takes the reference of `items`;
 * NULL when out of memory. */
json_t *page_cut(const char *list, json_t *items, size_t from, size_t size, const char *version);

/* ---- resource.c ---- */
void handle_resources_list(struct request *request);
void handle_resource_templates_list(struct request *request);
void handle_resources_read(struct request *request);
bool has_resources(const struct request *request);
/* What answers a read of `uri`, or NULL; *ret_variables is a new reference. */
const struct resource_entry *find_resource(const struct server *server, const char *uri,
                                           json_t **ret_variables);
void resources_free(struct server *server);

/* ---- prompt.c ---- */
void handle_prompts_list(struct request *request);
void handle_prompts_get(struct request *request);
bool has_prompts(const struct request *request);
/* NULL when the request was answered with what is wrong. */
const struct prompt_entry *find_prompt(const struct request *request, const json_t *value);
/* Whether an argument is among `names`. False when the request was answered that it is not. */
bool check_argument_name(const struct request *request, const char *name, const char *const *names,
                         size_t count);
size_t prompt_arguments(const struct server_prompt *prompt, const char *ret_names[], size_t max);
void prompts_free(struct server *server);

/* ---- complete.c ---- */
void handle_complete(struct request *request);
bool has_completions(const struct request *request);

/* ---- watch.c: legacy clients and those of subscriptions/listen alike ---- */
void handle_resources_subscribe(struct request *request);
void handle_resources_unsubscribe(struct request *request);
bool has_subscriptions(const struct request *request); /* legacy: needs a peer */
/* Lets a legacy client hear of changes to the lists from now on. -1 when out of memory. */
int watch_peer(const struct request *request);
void watch_peer_listens(struct peer *peer); /* it has a channel now: what waited for it goes */
void watch_peer_gone(struct peer *peer);
/* Sends what waited for its turn. Returns in how many ms the next is due; UINT64_MAX = none is. */
uint64_t watch_sweep(struct server *server);
void watchers_free(struct server *server);

/* ---- listen.c ---- */
void handle_listen(struct request *request);
bool listen_cancel(struct server *server, const struct channel *channel, const struct peer *peer,
                   const json_t *id); /* false: there is no such */
bool listen_is_open(const struct server *server, const struct channel *channel,
                    const struct peer *peer, const json_t *id);
void listen_channel_gone(struct server *server, const struct channel *channel);
void listen_end_all(struct server *server); /* each with its result */
/* `task`: as tasks/get shows it, with its taskId. Borrowed. */
void listen_task_changed(struct server *server, const char *principal, const json_t *task);

/* ---- param_headers.c ---- */

/* The arguments that a client repeats in headers (x-mcp-header). *ret_headers: a new object as in
 * struct tool_entry, or NULL when there are none. */
int param_headers_find(const struct server_tool *tool, json_t **ret_headers, struct err *ret_err);
/* Whether the headers of a modern request repeat the arguments. False when it was answered with
 * what is wrong. */
bool check_param_headers(const struct request *request, const struct server_tool *tool,
                         const json_t *arguments);

/* ---- call.c ---- */

/* Begins a call that answers `request`, now or later. `target` is for the kind (a tool, a
 * resource); takes the reference of `arguments`. Answers with an error when memory is out or the
 * server ends. */
void call_begin(struct request *request, const struct call_kind *kind, const void *target,
                json_t *arguments);
const void *call_target(const struct call *call);
json_t *call_arguments(const struct call *call);              /* borrowed */
const struct answer *call_answer_of(const struct call *call); /* era, version, server */
/* What the client of a request said it can do: an object, or NULL. Borrowed. */
const json_t *request_capabilities(const struct request *request);

void handle_cancelled(struct request *request);
bool call_is_open(const struct server *server, const struct channel *channel,
                  const struct peer *peer, const json_t *id);
/* The calls forget this peer, which goes. */
void call_peer_gone(struct peer *peer);

/* ---- ask.c ---- */

/* Whether `offered` (client capabilities) has every member of `needed`, at every level. */
bool client_offers(const json_t *offered, const json_t *needed);
/* Ends the calls whose questions no one answers. Returns in how many ms the next is due; UINT64_MAX
 * = none is. */
uint64_t ask_sweep(struct server *server);

/* ---- ask_answers.c ---- */

/* The client's answer to a request of ours. */
void ask_take_response(struct server *server, const struct peer *peer,
                       const struct rpc_message *message);

/* ---- state.c ---- */

/* The key that signs what travels with clients. -1: the one given is too short, or there is no
 * randomness. */
int state_init(struct server *server);

/* ---- task.c ---- */
#define EXTENSION_TASKS "io.modelcontextprotocol/tasks"
void handle_tasks_get(struct request *request);
void handle_tasks_update(struct request *request);
void handle_tasks_cancel(struct request *request);
bool server_has_tasks(const struct server *server); /* some tool may become one */
bool has_tasks(const struct request *request);
/* Whether the client of a modern request takes tasks. False when it was answered that it must. */
bool check_takes_tasks(const struct request *request, const char *what);
/* Whether there is such a task of this principal: of others it is not said. */
bool task_exists(const struct server *server, const char *principal, const char *id);
/* Ends the tasks that have outlived their time. Returns as ask_sweep(). */
uint64_t task_sweep(struct server *server);
void tasks_free(struct server *server);

/* ---- tools_call.c ---- */
void handle_tools_call(struct request *request);

/* ---- peer.c ---- */
void handle_set_level(struct request *request);
bool has_logging(const struct request *request);
void peer_orphan_all(struct server *server); /* the server goes before its clients */
