/* Tasks (io.modelcontextprotocol/tasks): calls that answer before they are done. A task outlives
 * the request and the connection it began with; its owner polls it by an id that nobody can guess.
 * It is kept until its time is over, whatever became of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "call_impl.h"

enum {
    TASKS_MAX = 64,
    TASKS_SHARE = 4, /* one caller has at most this fraction of them */
    TASK_TTL_MS = 15 * 60 * 1000,
    TASK_POLL_MS = 1000,
    TASK_ID_BYTES = 16,
    TASK_TEXT_MAX = 256,
};

enum task_status { TASK_WORKING, TASK_INPUT_REQUIRED, TASK_COMPLETED, TASK_FAILED, TASK_CANCELLED };

static const char *const status_names[] = {
    [TASK_WORKING] = "working",     [TASK_INPUT_REQUIRED] = "input_required",
    [TASK_COMPLETED] = "completed", [TASK_FAILED] = "failed",
    [TASK_CANCELLED] = "cancelled",
};

/* What a status shows beside the task itself. */
static const char *const payload_names[] = {
    [TASK_WORKING] = NULL,       [TASK_INPUT_REQUIRED] = "inputRequests",
    [TASK_COMPLETED] = "result", [TASK_FAILED] = "error",
    [TASK_CANCELLED] = NULL,
};

struct task {
    struct task *next;
    struct server *server;
    struct call *call; /* NULL once it has ended */
    enum task_status status;
    json_t *outcome; /* result or error of the ended call */
    json_t *keys;    /* of all questions so far: {key: true} */
    char id[2 * TASK_ID_BYTES + 1];
    char text[TASK_TEXT_MAX]; /* "" = none */
    uint64_t created_ms, updated_ms;
    uint64_t expires_ms; /* on the clock of call_now_ms() */
    char principal[];
};

/* ---- what a task looks like ---- */

static json_t *iso_time(uint64_t ms)
{
    time_t s = (time_t)(ms / 1000);
    struct tm utc;
    char date[32];
    if (gmtime_r(&s, &utc) == NULL || strftime(date, sizeof date, "%FT%T", &utc) == 0)
        return NULL;
    return json_sprintf("%s.%03uZ", date, (unsigned)(ms % 1000));
}

static uint64_t option(uint64_t value, uint64_t fallback)
{
    return value != 0 ? value : fallback;
}

static uint64_t ttl_ms(const struct server *server)
{
    return option(server->options.task_ttl_ms, TASK_TTL_MS);
}

/* The task as tasks/get and notifications/tasks show it. */
static json_t *show(const struct task *task)
{
    const struct server *server = task->server;
    json_t *shown =
        json_pack("{s:s, s:s, s:o*, s:o, s:o, s:I, s:I}", "taskId", task->id, "status",
                  status_names[task->status], "statusMessage",
                  task->text[0] != '\0' ? rpc_text(task->text) : NULL, "createdAt",
                  iso_time(task->created_ms), "lastUpdatedAt", iso_time(task->updated_ms), "ttlMs",
                  (json_int_t)ttl_ms(server), "pollIntervalMs",
                  (json_int_t)option(server->options.task_poll_ms, TASK_POLL_MS));
    const char *name = payload_names[task->status];
    json_t *payload = task->call != NULL ? task->call->questions : task->outcome;
    if (shown == NULL || name == NULL || json_object_set(shown, name, payload) == 0)
        return shown;
    json_decref(shown);
    return NULL;
}

static void set_status(struct task *task, enum task_status status)
{
    task->status = status;
    task->updated_ms = call_wall_ms();
    json_t *shown = show(task);
    if (shown != NULL)
        listen_task_changed(task->server, task->principal, shown);
    json_decref(shown);
}

/* ---- who takes tasks ---- */

bool server_has_tasks(const struct server *server)
{
    for (const struct tool_entry *entry = server->tools; entry != NULL; entry = entry->next) {
        if (entry->tool.task_mode != TASK_NEVER)
            return true;
    }
    return false;
}

bool has_tasks(const struct request *request)
{
    return server_has_tasks(request->answer.server);
}

static bool understands_tasks(const json_t *capabilities)
{
    const json_t *extensions = json_object_get(capabilities, "extensions");
    return json_is_object(json_object_get(extensions, EXTENSION_TASKS));
}

bool check_takes_tasks(const struct request *request, const char *what)
{
    if (understands_tasks(request_capabilities(request)))
        return true;
    answer_error(&request->answer, RPC_MISSING_CAPABILITY, 400,
                 json_pack("{s:{s:{s:{}}}}", "requiredCapabilities", "extensions", EXTENSION_TASKS),
                 "Missing client capability: %.100s needs the extension " EXTENSION_TASKS, what);
    return false;
}

bool call_takes_task(const struct call *call)
{
    if (call->task != NULL)
        return true;
    if (!call->kind->is_tool || call->answer.era != ERA_MODERN || call->answer.channel == NULL ||
        call->is_silent || call->is_cancelled)
        return false;
    const struct server_tool *tool = call->target;
    return tool->task_mode != TASK_NEVER && understands_tasks(call->capabilities);
}

/* ---- from call to task and to its end ---- */

/* Whether there is room for another task of this caller. Where all callers are nobody in
 * particular, there are no shares. */
static bool has_room(const struct server *server, const char *principal)
{
    size_t max = option(server->options.tasks_max, TASKS_MAX);
    size_t share = max / TASKS_SHARE > 0 ? max / TASKS_SHARE : 1;
    size_t count = 0, own = 0;
    for (const struct task *task = server->tasks; task != NULL; task = task->next) {
        count++;
        own += strcmp(task->principal, principal) == 0;
    }
    return count < max && (principal[0] == '\0' || own < share);
}

static struct task *task_new(struct call *call)
{
    size_t principal_size = strlen(call->principal) + 1;
    struct task *task = calloc(1, sizeof *task + principal_size);
    unsigned char id[TASK_ID_BYTES];
    if (task == NULL || !random_bytes(id, sizeof id)) {
        free(task);
        return NULL;
    }
    for (size_t i = 0; i < sizeof id; i++)
        snprintf(task->id + 2 * i, 3, "%02x", id[i]);
    memcpy(task->principal, call->principal, principal_size);
    task->server = call->answer.server;
    task->created_ms = task->updated_ms = call_wall_ms();
    task->expires_ms = call_now_ms() + ttl_ms(task->server);
    return task;
}

static void task_free(struct task *task)
{
    json_decref(task->outcome);
    json_decref(task->keys);
    free(task);
}

bool call_into_task(struct call *call)
{
    if (call->task != NULL)
        return true;
    struct server *server = call->answer.server;
    if (!call_takes_task(call) || !has_room(server, call->principal))
        return false;
    struct task *task = task_new(call);
    if (task == NULL)
        return false;
    json_t *result = show(task);
    if (result == NULL || json_object_set_new(result, "resultType", json_string("task")) != 0) {
        json_decref(result);
        task_free(task);
        return false;
    }
    task->next = server->tasks;
    server->tasks = task;
    task->call = call;
    call->task = task;
    struct answer answer = call->answer;
    call->answer.channel = NULL;
    call->peer = NULL;
    answer_result(&answer, result);
    return true;
}

static void set_text(struct task *task, const char *text)
{
    snprintf(task->text, sizeof task->text, "%s", text);
}

void call_task_status(struct call *call, const char *text)
{
    struct task *task = call->task;
    if (task == NULL)
        return;
    set_text(task, text);
    set_status(task, task->status);
}

json_t *task_key(struct call *call, const char *key)
{
    struct task *task = call->task;
    if (task->keys == NULL)
        task->keys = json_object();
    json_t *own = json_string(key);
    for (unsigned n = 2; own != NULL && json_object_get(task->keys, json_string_value(own)) != NULL;
         n++) {
        json_decref(own);
        own = json_sprintf("%s-%u", key, n);
    }
    if (own != NULL && json_object_set_new(task->keys, json_string_value(own), json_true()) == 0)
        return own;
    json_decref(own);
    return NULL;
}

void task_asks(struct call *call, bool is_asking)
{
    set_status(call->task, is_asking ? TASK_INPUT_REQUIRED : TASK_WORKING);
}

/* Takes the reference of `outcome`. */
static void end_task(struct call *call, enum task_status status, json_t *outcome)
{
    struct task *task = call->task;
    task->call = NULL;
    task->outcome = outcome;
    set_status(task, status);
}

void task_fail(struct call *call, enum rpc_code code, json_t *data, const char *text)
{
    set_text(call->task, text);
    end_task(call, TASK_FAILED,
             json_pack("{s:i, s:o, s:o*}", "code", code, "message", rpc_text(text), "data", data));
}

void task_finish(struct call *call, json_t *result)
{
    if (call->is_stopped) {
        json_decref(result);
        end_task(call, TASK_CANCELLED, NULL);
    } else if (result == NULL ||
               (json_object_get(result, "resultType") == NULL &&
                json_object_set_new(result, "resultType", json_string("complete")) != 0)) {
        json_decref(result);
        task_fail(call, RPC_INTERNAL_ERROR, NULL, "Internal error: out of memory");
    } else {
        call->task->text[0] = '\0'; /* the result says it */
        end_task(call, TASK_COMPLETED, result);
    }
}

/* ---- what clients do with tasks ---- */

/* An id of another caller is as unknown as any. */
static struct task *find_task(const struct server *server, const char *principal, const char *id)
{
    uint64_t now = call_now_ms();
    for (struct task *task = server->tasks; task != NULL; task = task->next) {
        if (strcmp(task->id, id) == 0 && strcmp(task->principal, principal) == 0 &&
            now < task->expires_ms)
            return task;
    }
    return NULL;
}

bool task_exists(const struct server *server, const char *principal, const char *id)
{
    return find_task(server, principal, id) != NULL;
}

/* The task that the request names, or NULL when it was answered with what is wrong. */
static struct task *task_of(const struct request *request)
{
    const struct answer *answer = &request->answer;
    if (!check_takes_tasks(request, request->method))
        return NULL;
    const char *id = json_string_value(json_object_get(request->message->params, "taskId"));
    if (id == NULL) {
        answer_invalid(answer, "taskId must be a string");
        return NULL;
    }
    struct task *task = find_task(answer->server, request->principal, id);
    if (task != NULL)
        return task;
    answer_error(answer, RPC_INVALID_PARAMS, 200, NULL,
                 "Unknown task: %.100s. It may have expired; tasks are kept for %" PRIu64 " s", id,
                 ttl_ms(answer->server) / 1000);
    return NULL;
}

void handle_tasks_get(struct request *request)
{
    const struct task *task = task_of(request);
    if (task != NULL)
        answer_result(&request->answer, show(task));
}

void handle_tasks_update(struct request *request)
{
    struct task *task = task_of(request);
    if (task == NULL)
        return;
    const json_t *responses = json_object_get(request->message->params, "inputResponses");
    if (!ask_are_responses(responses)) {
        answer_invalid(&request->answer, "inputResponses must be an object of objects");
        return;
    }
    /* First the call: it may not be there any longer when the answer is on its way. */
    if (task->call != NULL && task->call->is_asking)
        ask_take_responses(task->call, responses);
    answer_result(&request->answer, json_object());
}

void handle_tasks_cancel(struct request *request)
{
    struct task *task = task_of(request);
    if (task == NULL)
        return;
    if (task->call != NULL)
        call_cancel(task->call, false);
    answer_result(&request->answer, json_object());
}

/* ---- the end of their time ---- */

uint64_t task_sweep(struct server *server)
{
    uint64_t now = call_now_ms(), next = UINT64_MAX;
    struct task **at = &server->tasks;
    while (*at != NULL) {
        struct task *task = *at;
        if (now < task->expires_ms) {
            if (task->expires_ms - now < next)
                next = task->expires_ms - now;
            at = &task->next;
            continue;
        }
        *at = task->next;
        struct call *call = task->call;
        task_free(task);
        if (call == NULL)
            continue;
        /* The work stops, and ends in silence. What it ends with may end others. */
        call->task = NULL;
        call_cancel(call, true);
        at = &server->tasks;
    }
    return next;
}

void tasks_free(struct server *server)
{
    struct task *next;
    for (struct task *task = server->tasks; task != NULL; task = next) {
        next = task->next;
        task_free(task);
    }
}
