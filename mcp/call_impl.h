#pragma once
/* What the files about calls share: the call itself, and how it ends. */
#include <stdint.h>

#include "server_impl.h"

/* At most so many progress notifications in any second: a few steps in quick succession all arrive,
 * a busy loop does not flood the client. */
enum { PROGRESS_PER_SECOND = 4 };

struct task;

struct call {
    struct call *next, *prev;
    struct answer answer; /* channel NULL: the request was answered, the rest is for the task */
    struct peer *peer;    /* NULL: nothing is remembered of the client, or it is gone */
    const struct call_kind *kind;
    const void *target;
    const char *method; /* static */
    json_t *arguments;
    json_t *capabilities; /* of the client, as this request knows them; may be NULL */
    json_t *params;       /* of the request; for what a retry must repeat */
    char name[24];
    struct task *task; /* NULL: it is none */

    void (*cancel)(void *user);
    void *cancel_user;
    bool is_cancelled;
    bool is_stopped; /* it ends because it was cancelled */
    bool is_silent;  /* nothing more is sent in answer */
    bool is_gone;    /* so is the client at the end of the channel */
    bool may_stream; /* messages may precede the answer */

    /* Asking (ask.c). */
    bool is_asking;      /* nothing runs: the client has to answer first */
    bool is_sending;     /* the questions are on their way at this moment */
    bool has_input;      /* the client was asked before */
    json_t *open;        /* what is not answered: {id or key for the client: key} */
    json_t *questions;   /* in a task: {key for the client: request} */
    json_t *responses;   /* {key: answer}; NULL = none */
    json_t *state;       /* NULL = none */
    uint64_t give_up_ms; /* when nobody waits for the answers any longer */

    int log_level;          /* enum mcp_level; -1: the client wants nothing, or its peer decides */
    json_t *progress_token; /* NULL: the client wants no progress */
    bool has_progress;
    double last_progress;
    uint64_t progress_ms[PROGRESS_PER_SECOND]; /* when the last ones went out, a ring */
    unsigned progress_sent;

    char principal[]; /* "" = nobody in particular */
};

/* ---- call.c ---- */

uint64_t call_now_ms(void);  /* of the clock that timeouts go by */
uint64_t call_wall_ms(void); /* since 1970 */

/* Stops the work. The implementation may end the call inside its cancel function, and so may this:
 * `call` is gone afterwards. */
void call_cancel(struct call *call, bool is_silent);

/* Sends the one answer and frees the call. `result` is taken; NULL = memory ran out. */
void call_end(struct call *call, json_t *result);

/* ---- notify.c ---- */

/* Whether notifications about this call may go to its client now. */
bool call_may_notify(const struct call *call);
/* One message on the way to the answer; takes the reference, NULL = memory ran out. */
void call_send(struct call *call, json_t *message);

/* ---- ask.c ---- */

/* Ends a call that waits for answers. */
void ask_cancel(struct call *call);

/* ---- ask_answers.c ---- */

/* Reads what a retry brings along. False when the request was answered with what is wrong. */
bool ask_take_input(struct call *call, const struct request *request);
/* Whether `responses` is an object of objects. */
bool ask_are_responses(const json_t *responses);
/* Answers by keys for the client, of a task; when the last one is there the call runs again. */
void ask_take_responses(struct call *call, const json_t *responses);
/* All is answered: starts the call once more. It may end inside. */
void ask_run_again(struct call *call);

/* ---- state.c ---- */

bool random_bytes(void *ret_bytes, size_t size);
/* A token (a JSON string) for the client of this call; takes the reference. NULL = no memory. */
json_t *state_seal(const struct call *call, json_t *state);
/* What was sealed (a new reference), or NULL when the token is no good for this call. */
json_t *state_open(const struct call *call, const char *token);

/* ---- task.c ---- */

/* The call waits for the client, or runs again. */
void task_asks(struct call *call, bool is_asking);
/* A key that no question of this task had: a new JSON string. */
json_t *task_key(struct call *call, const char *key);
/* The end of a call that is a task; takes `result`, or `data`. */
void task_finish(struct call *call, json_t *result);
void task_fail(struct call *call, enum rpc_code code, json_t *data, const char *text);
