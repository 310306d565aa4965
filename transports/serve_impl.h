#pragma once
/* What the files of the serving side share: the server, what runs for it, its clock. */
#include "app.h"
#include "run.h"
#include "serve_tools.h"
#include "server.h"

/* A tool as the server knows it. */
struct served {
    struct serve_tools *serving;
    const struct tool *tool;
};

struct served_call;
struct served_prompt;

struct serve_tools {
    struct app *app;
    struct server *server;
    uv_timer_t clock; /* ticks while the program serves */
    bool has_clock;
    struct served_call *calls; /* tool calls that run */
    struct served_prompt *prompts;
    uint64_t look_at_ms; /* when to look for changes again; 0 = nobody listened */
    size_t count;
    struct served items[];
};

/* ---- serve_call.c: tool calls ---- */
void serve_call_start(struct call *call, const json_t *arguments, void *user /* struct served */);
/* Heartbeats, and calls that have become long. */
void serve_call_tick(struct serve_tools *serving, uint64_t now_ms);

/* ---- serve_run.c: runs for requests that are no tool calls ---- */

/* Takes the reference of `arguments`. `done` runs once, on the loop, also when the call was
 * cancelled (ERR_CANCELLED) and when the run could not be started; touch nothing of `user` after
 * this. `limit_ms` bounds the run; 0 = as tool calls. */
void serve_run(struct serve_tools *serving, struct call *call, const struct tool *tool,
               json_t *arguments, uint64_t limit_ms,
               void (*done)(void *user, const struct run_result *result), void *user);

/* Milliseconds that a call may take in all. */
uint64_t serve_call_limit_ms(const struct app *app);

void serve_fail_memory(struct call *call);

/* ---- registration ---- */
int serve_add_resources(struct serve_tools *serving, struct err *ret_err);
int serve_add_prompts(struct serve_tools *serving, struct err *ret_err);
void serve_free_prompts(struct serve_tools *serving);
void serve_list_resources(struct call *call, void *user /* struct serve_tools */);

/* ---- serve_complete.c ---- */

/* What is completed: a name of the role (prompt.h), or "topic". */
struct completion {
    const char *role;   /* NULL = nothing is known */
    const char *value;  /* what was typed */
    const char *source; /* NULL or "" = not chosen */
    const char *field;  /* of the role "value" */
};
void serve_complete(struct serve_tools *serving, struct call *call,
                    const struct completion *completion);

/* ---- serve_watch.c ---- */
void serve_watch_tick(struct serve_tools *serving, uint64_t now_ms);
