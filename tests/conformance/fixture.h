#pragma once
/* The fixture server of the conformance suite: what it offers is written down as scripts, tables of
 * steps, that one small interpreter runs against libmcp. */
#include <uv.h>

#include "call.h"
#include "server.h"

/* JSON written as JSON. */
#define JSON(...) #__VA_ARGS__

enum step_kind {
    STEP_ANSWER,   /* the last: `text` is the result, JSON */
    STEP_FAIL,     /* the last: the tool says that it failed, with `text` */
    STEP_REFUSE,   /* the last: a JSON-RPC error with `text` */
    STEP_LOG,      /* `text` at level info */
    STEP_PROGRESS, /* `number` of 100 */
    STEP_WAIT,     /* `number` ms; with `text`, so many seconds as the argument of that name says */
    STEP_LET_GO,   /* the client may lose its connection; back after `number` ms */
    STEP_CHANGED,  /* `number`: the lists that changed */
    STEP_TASK,     /* from here on the call is a task, if the client takes tasks */
    STEP_ASK,      /* `text`: the requests to the client, JSON; goes on when they are answered */
};

/* In JSON, "${a.b}" stands for a member of {"arguments": …, "answers": …, "png": …, "wav": …,
 * "uri": …}: a text as it is, anything else as JSON. */
struct step {
    enum step_kind kind;
    const char *text;
    double number;
};

/* clang-format off */
/* The answer that is one text. */
#define SAY(text) {STEP_ANSWER, "{\"content\": [{\"type\": \"text\", \"text\": \"" text "\"}]}"}
/* One form to be filled in, and how it is asked for among others; the last two are JSON. */
#define FORM(key, question, properties, required) \
    {STEP_ASK, "{" FORM_OF(key, question, properties, required) "}"}
#define FORM_OF(key, question, properties, required) \
    "\"" key "\": {\"method\": \"elicitation/create\", \"params\": {\"message\": \"" question "\", " \
    "\"requestedSchema\": {\"type\": \"object\", \"properties\": " properties ", " \
    "\"required\": " required "}}}"
/* clang-format on */

/* Runs the steps. `user` is the first of them. */
void script_start(struct call *call, const json_t *arguments, void *user);
/* The same for a resource. */
void script_read(struct call *call, const char *uri, const json_t *variables, void *user);
/* Where scripts live. */
void script_use(uv_loop_t *loop, struct server *server);

/* JSON of this program; ends it when it is none. */
json_t *fixture_json(const char *text);
/* A copy of `template` with every ${…} in its strings replaced; NULL when out of memory. */
json_t *fixture_fill(const json_t *template, const json_t *values);

int fixture_add_tools(struct server *server, struct err *ret_err);
int fixture_add_asking_tools(struct server *server, struct err *ret_err);
int fixture_add_task_tools(struct server *server, struct err *ret_err);
int fixture_add_resources(struct server *server, struct err *ret_err);
int fixture_add_prompts(struct server *server, struct err *ret_err);

/* What a tool is here. */
struct fixture_tool {
    const char *name, *description;
    const char *input; /* JSON schema; NULL = no arguments */
    const struct step *steps;
    const char *requires; /* client capabilities, JSON; NULL = none */
    enum task_mode task_mode;
};
int fixture_add(struct server *server, const struct fixture_tool *tool, struct err *ret_err);
