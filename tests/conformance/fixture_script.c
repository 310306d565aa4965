/* The interpreter of scripts: one step after the other, with pauses that the loop keeps. */
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "json.h"
#include "rpc.h"

/* The smallest picture and the smallest sound. */
static const char png[] =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAE"
    "lFTkSuQmCC";
static const char wav[] = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQIAAACAgA==";

static struct {
    uv_loop_t *loop;
    struct server *server;
} home;

struct script {
    uv_timer_t timer;
    struct call *call;
    const struct step *step;
    json_t *values; /* what ${…} can name */
    bool is_cancelled, is_over;
};

static void run(struct script *script);

void script_use(uv_loop_t *loop, struct server *server)
{
    home.loop = loop;
    home.server = server;
}

/* ---- ending ---- */

static void on_closed(uv_handle_t *handle)
{
    struct script *script = handle->data;
    if (script->is_cancelled) {
        struct err err;
        err_set(&err, ERR_CANCELLED, NULL, "cancelled");
        call_fail(script->call, &err);
    }
    json_decref(script->values);
    free(script);
}

/* The call is over, and with it the script. */
static void end(struct script *script)
{
    script->is_over = true;
    uv_close((uv_handle_t *)&script->timer, on_closed);
}

static void on_cancel(void *user)
{
    struct script *script = user;
    if (script->is_over)
        return;
    script->is_cancelled = true;
    end(script);
}

static void fail(struct script *script, const char *text)
{
    struct err err;
    err_set(&err, ERR_ENGINE, NULL, "%s", text);
    struct call *call = script->call;
    end(script);
    call_fail(call, &err);
}

/* ---- asking ---- */

/* What may go on: an object, and of a form one that says what the user did. */
static bool is_answer(const json_t *response, const json_t *request)
{
    const char *method = json_get_string(request, "method", "");
    if (!json_is_object(response))
        return false;
    return json_object_get(response, "error") != NULL ||
           strcmp(method, "elicitation/create") != 0 ||
           json_get_string(response, "action", NULL) != NULL;
}

static bool can_ask(const struct call *call, const json_t *request)
{
    const char *method = json_get_string(request, "method", "");
    bool is_form = strcmp(method, "elicitation/create") == 0;
    return call_can_ask(call, method, is_form ? "form" : NULL);
}

/* Collects what has been answered, in this round and, from the state, before. Whether that is all
 * that the client can be asked, and something at least. */
static bool collect(struct script *script, json_t *requests)
{
    json_t *answers = json_object_get(script->values, "answers");
    json_object_update_missing(answers, (json_t *)call_state(script->call));
    size_t answered = 0, open = 0;
    const char *key = NULL;
    json_t *request = NULL;
    json_object_foreach (requests, key, request) {
        const json_t *response = call_response(script->call, key);
        if (is_answer(response, request))
            json_object_set(answers, key, (json_t *)response);
        if (json_object_get(answers, key) != NULL)
            answered++;
        else if (can_ask(script->call, request))
            open++;
    }
    return answered > 0 && open == 0;
}

/* The first error among the answers, or NULL. */
static const char *refused(const json_t *answers)
{
    const char *key = NULL;
    json_t *answer = NULL;
    json_object_foreach ((json_t *)answers, key, answer) {
        const json_t *error = json_object_get(answer, "error");
        if (error != NULL)
            return json_get_string(error, "message", "the client refused");
    }
    return NULL;
}

/* Whether the script goes on; else the call was handed over or has failed. */
static bool ask(struct script *script, const char *text)
{
    json_t *template = fixture_json(text);
    json_t *requests = fixture_fill(template, script->values);
    json_decref(template);
    const json_t *answers = json_object_get(script->values, "answers");
    bool is_answered = collect(script, requests);
    const char *why = refused(answers);
    if (is_answered && why == NULL) {
        json_decref(requests);
        return true;
    }
    if (why != NULL) {
        json_decref(requests);
        fail(script, why);
        return false;
    }
    struct call *call = script->call;
    json_t *state = json_deep_copy(answers);
    end(script);
    call_ask(call, requests, state);
    return false;
}

/* ---- the other steps ---- */

static void answer(struct script *script, const char *text)
{
    json_t *template = fixture_json(text);
    json_t *result = fixture_fill(template, script->values);
    json_decref(template);
    struct call *call = script->call;
    end(script);
    call_answer(call, result);
}

static void refuse(struct script *script, const char *text)
{
    struct call *call = script->call;
    end(script);
    call_refuse(call, RPC_INTERNAL_ERROR, NULL, "%s", text);
}

static void on_time(uv_timer_t *timer)
{
    run(timer->data);
}

/* How long a pause is; 0 = none. */
static uint64_t wait_ms(const struct script *script, const struct step *step)
{
    if (step->text == NULL)
        return (uint64_t)step->number;
    const json_t *arguments = json_object_get(script->values, "arguments");
    double seconds = json_get_number(arguments, step->text, 0);
    return seconds > 0 && seconds < 3600 ? (uint64_t)(seconds * 1000) : 0;
}

/* One step. Whether the next one follows at once. */
static bool take(struct script *script, const struct step *step)
{
    switch (step->kind) {
    case STEP_ANSWER:
        answer(script, step->text);
        return false;
    case STEP_FAIL:
        fail(script, step->text);
        return false;
    case STEP_REFUSE:
        refuse(script, step->text);
        return false;
    case STEP_LOG:
        call_log(script->call, MCP_INFO, "fixture", json_string(step->text));
        return true;
    case STEP_PROGRESS:
        call_progress(script->call, step->number, 100, NULL);
        return true;
    case STEP_WAIT: {
        uint64_t ms = wait_ms(script, step);
        if (ms > 0)
            uv_timer_start(&script->timer, on_time, ms, 0);
        return ms == 0;
    }
    case STEP_LET_GO:
        call_let_go(script->call, (unsigned)step->number);
        return true;
    case STEP_CHANGED:
        server_changed(home.server, (unsigned)step->number);
        return true;
    case STEP_TASK:
        call_into_task(script->call);
        return true;
    case STEP_ASK:
        return ask(script, step->text);
    }
    return false;
}

static void run(struct script *script)
{
    const struct step *step = NULL;
    do
        step = script->step++;
    while (take(script, step) && !script->is_over);
}

/* ---- starting ---- */

static void start(struct call *call, json_t *values, const struct step *steps)
{
    struct script *script = calloc(1, sizeof *script);
    if (script == NULL || values == NULL || uv_timer_init(home.loop, &script->timer) < 0)
        abort();
    script->timer.data = script;
    script->call = call;
    script->values = values;
    script->step = steps;
    call_on_cancel(call, on_cancel, script);
    run(script);
}

void script_start(struct call *call, const json_t *arguments, void *user)
{
    start(call,
          json_pack("{s:O, s:{}, s:s, s:s}", "arguments", arguments, "answers", "png", png, "wav",
                    wav),
          user);
}

void script_read(struct call *call, const char *uri, const json_t *variables, void *user)
{
    start(call,
          json_pack("{s:O, s:{}, s:s, s:s, s:s}", "arguments", variables, "answers", "png", png,
                    "wav", wav, "uri", uri),
          user);
}
