#pragma once
/* What the tests of the server share: a server with a tool that does what its arguments say, and a
 * client that keeps what it is sent. With SEXTANT_EMITTED set to a path, every message sent is also
 * appended there, one JSON line each, for an independent check against the official schemas. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "apostrophes.h"
#include "json.h"
#include "server.h"

#define V                 "2026-07-28"
#define CAPS              "'io.modelcontextprotocol/clientCapabilities':"
#define VERSION           "'io.modelcontextprotocol/protocolVersion':"
#define MODERN_META(caps) "'_meta':{" VERSION "'" V "'," CAPS caps "}"
#define META              MODERN_META("{}")
#define INFO              "{'name':'test','title':'Test','version':'1.2.3','websiteUrl':'https://example.com/'}"
/* What the modern era adds to a result. */
#define MARK "'resultType':'complete','_meta':{'io.modelcontextprotocol/serverInfo':" INFO "}"
#define CANCEL(id)                                                                                 \
    "{'jsonrpc':'2.0','method':'notifications/cancelled','params':{'requestId':" id "}}"

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

enum { SENT_MAX = 64 };

struct wire {
    struct channel channel; /* first */
    struct server *server;
    struct peer *peer;
    const struct message_headers *headers; /* NULL: stdio */
    const char *revision;                  /* of what is sent now, for the schema check */
    json_t *sent[SENT_MAX];
    int status[SENT_MAX];
    bool is_last[SENT_MAX];
    size_t count, seen;
    json_t *methods; /* id as JSON → method */
};

extern time_t clock_ms;   /* a clock that only moves when told */
extern struct call *held; /* the last call that is still running */
extern int held_count, cancel_count;
extern bool ends_on_cancel; /* the tool ends its call inside the cancel function */
extern bool is_recording;
extern const struct server_options options;
extern const struct server_prompt_argument drop_arguments[]; /* "source", and perhaps "event" */

void end_cancelled(struct call *call);
void on_cancel(void *user);
void hold(struct call *call); /* it goes on until it is cancelled */
void count_one(void *user);   /* an int */
/* The name that the client gave; NULL: it is asked for one, and the call is gone. */
const char *take_name(struct call *call);
/* A resource: its variables, and who the registration says it is. */
void read_text(struct call *call, const char *uri, const json_t *variables, void *user);
void start_fake(struct call *call, const json_t *arguments, void *user);
void wire_open(struct wire *wire, struct server *server);
void wire_open_modern(struct wire *wire, struct server *server);
void wire_close(struct wire *wire);
enum receive_result say(struct wire *wire, const char *text);
/* A request with the id 1 and these members of params. */
void wire_ask(struct wire *wire, const char *method, const char *params);
/* The same from a modern client: its _meta is added. */
void wire_ask_modern(struct wire *wire, const char *method, const char *params);
/* `initialize`, with the capabilities as a JSON object; its answer is read. */
void wire_greet(struct wire *wire, const char *version, const char *capabilities);
/* Over a client of its own: the request is -32602 with `part` in it, in both eras. */
void wire_refused(struct server *server, const char *method, const char *params, const char *part);
/* Likewise: the request goes on until it is cancelled, and has no answer then. */
void wire_cancelled(struct server *server, const char *method, const char *params);
/* Likewise, in the modern era: the request uses take_name(); with Ann its result has `part`. */
void wire_asked(struct server *server, const char *method, const char *params, const char *part);
/* One message while memory runs out at the n-th allocation. False: there was enough. */
bool receive_scarce(struct wire *wire, const json_t *message, long n);
/* The resources and prompts of a test file on a new server; the counters begin anew. */
struct server *server_with(const struct server_options *with,
                           const struct server_resource *resources, size_t resource_count,
                           const struct server_prompt *prompts, size_t prompt_count);
/* With x://fixed, x://t/{id}/data and what else the tests of resources need. */
struct server *server_with_resources(const struct server_options *with);
int setup_resources(void **state);
char *next(struct wire *wire, int status, bool is_last);
void expect(struct wire *wire, int status, const char *text);
void expect_part(struct wire *wire, int status, const char *part);
void expect_silence(struct wire *wire);
struct server *server_with_tools(void);
void begin_anew(void); /* the counters */
int setup(void **state);
int teardown(void **state);
void wire_send(struct channel *channel, json_t *message, int status, bool is_last);

/* Begins a group of tests: what an earlier run emitted goes. */
void forget_emitted(void);
