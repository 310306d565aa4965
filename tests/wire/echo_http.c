/* A server with a few small tools behind the HTTP transport, for the tests in *.test.mjs:
 *   echo {text}                        says it back
 *   sleep {ms, steps?, note_bytes?, let_go?, let_go_step?}
 *                                      ends after a while, with progress on the way; lets the
 *                                      client go after so many steps, to be back after let_go ms
 *   big {bytes}                        a long text
 *   ask {question}                     asks the user, says back what the client answers
 *   change {}                          says that the list of tools changed
 *   linger {}                          becomes a task that runs until it is cancelled
 *   stats {}                           what became of the calls so far, and the process's memory
 * It writes {"listening": PORT} on stdout, and ends on SIGTERM after draining. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <uv.h>

#include "auth.h"
#include "call.h"
#include "http.h"
#include "json.h"
#include "log.h"

enum { MAX_LIST = 8, TASK_TTL_MS = 1000 };

static struct {
    uv_loop_t loop;
    uv_signal_t on_term;
    struct server *server;
    struct http *http;
    const char *origins[MAX_LIST + 1], *hosts[MAX_LIST + 1];
    const char *not_ready;
    struct auth *auth;
    json_int_t started, finished, cancelled;
} app;

/* ---- tools ---- */

static void start_echo(struct call *call, const json_t *arguments, void *user)
{
    (void)user;
    call_finish(call, NULL, json_pack("{s:s}", "text", json_get_string(arguments, "text", "")));
}

static void start_big(struct call *call, const json_t *arguments, void *user)
{
    (void)user;
    size_t bytes = (size_t)json_get_integer(arguments, "bytes", 0);
    char *text = malloc(bytes + 1);
    if (text == NULL) {
        struct err err;
        err_set(&err, ERR_MEMORY, "bytes", "out of memory");
        call_fail(call, &err);
        return;
    }
    memset(text, 'b', bytes);
    call_finish(call, NULL, json_pack("{s:s#}", "text", text, bytes));
    free(text);
}

static void start_stats(struct call *call, const json_t *arguments, void *user)
{
    (void)arguments;
    (void)user;
    size_t rss = 0;
    uv_resident_set_memory(&rss);
    call_finish(call, NULL,
                json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "started", app.started, "finished",
                          app.finished, "cancelled", app.cancelled, "connections",
                          (json_int_t)http_connections(app.http), "sessions",
                          (json_int_t)http_sessions(app.http), "rss", (json_int_t)rss, "principal",
                          call_principal(call)));
}

static void start_ask(struct call *call, const json_t *arguments, void *user)
{
    (void)user;
    const json_t *answer = call_response(call, "name");
    if (answer != NULL) {
        call_finish(call, NULL, json_pack("{s:O}", "answer", answer));
        return;
    }
    json_t *params =
        json_pack("{s:s, s:s, s:{s:s, s:{s:{s:s}}}}", "mode", "form", "message",
                  json_get_string(arguments, "question", "Who are you?"), "requestedSchema", "type",
                  "object", "properties", "name", "type", "string");
    call_ask(call,
             json_pack("{s:{s:s, s:o}}", "name", "method", "elicitation/create", "params", params),
             NULL);
}

static void start_change(struct call *call, const json_t *arguments, void *user)
{
    (void)arguments;
    (void)user;
    server_changed(app.server, CHANGED_TOOLS);
    call_finish(call, NULL, json_object());
}

static void on_linger_cancelled(void *user)
{
    struct err err;
    err_set(&err, ERR_CANCELLED, NULL, "cancelled");
    fprintf(stderr, "cancelled linger\n");
    call_fail(user, &err);
}

static void start_linger(struct call *call, const json_t *arguments, void *user)
{
    (void)arguments;
    (void)user;
    call_on_cancel(call, on_linger_cancelled, call);
    call_into_task(call);
}

struct nap {
    uv_timer_t timer;
    struct call *call;
    json_int_t steps, done, let_go_step;
    unsigned let_go_ms;
    char *note;
    bool is_cancelled;
};

static void on_nap_closed(uv_handle_t *handle)
{
    struct nap *nap = handle->data;
    if (nap->is_cancelled) {
        struct err err;
        app.cancelled++;
        err_set(&err, ERR_CANCELLED, NULL, "cancelled");
        call_fail(nap->call, &err);
    } else {
        app.finished++;
        call_finish(nap->call, NULL, json_pack("{s:I}", "steps", nap->steps));
    }
    free(nap->note);
    free(nap);
}

static void on_nap_cancelled(void *user)
{
    struct nap *nap = user;
    nap->is_cancelled = true;
    if (!uv_is_closing((uv_handle_t *)&nap->timer))
        uv_close((uv_handle_t *)&nap->timer, on_nap_closed);
}

static void let_go_if_due(const struct nap *nap)
{
    if (nap->let_go_ms != 0 && nap->done == nap->let_go_step)
        call_let_go(nap->call, nap->let_go_ms);
}

static void on_nap_step(uv_timer_t *timer)
{
    struct nap *nap = timer->data;
    if (++nap->done < nap->steps) {
        call_progress(nap->call, (double)nap->done, (double)nap->steps, nap->note);
        let_go_if_due(nap);
    } else
        uv_close((uv_handle_t *)timer, on_nap_closed);
}

static void start_sleep(struct call *call, const json_t *arguments, void *user)
{
    (void)user;
    struct nap *nap = calloc(1, sizeof *nap);
    size_t note_bytes = (size_t)json_get_integer(arguments, "note_bytes", 4);
    char *note = malloc(note_bytes + 1);
    if (nap == NULL || note == NULL)
        abort();
    memset(note, 'n', note_bytes);
    note[note_bytes] = '\0';
    nap->call = call;
    nap->note = note;
    nap->steps = json_get_integer(arguments, "steps", 1);
    nap->let_go_ms = (unsigned)json_get_integer(arguments, "let_go", 0);
    nap->let_go_step = json_get_integer(arguments, "let_go_step", 0);
    nap->timer.data = nap;
    uint64_t ms = (uint64_t)json_get_integer(arguments, "ms", 100) / (uint64_t)nap->steps;
    app.started++;
    uv_timer_init(&app.loop, &nap->timer);
    uv_timer_start(&nap->timer, on_nap_step, ms, ms > 0 ? ms : 1);
    call_on_cancel(call, on_nap_cancelled, nap);
    let_go_if_due(nap);
}

static int add_tool(const char *name,
                    void (*start)(struct call *call, const json_t *arguments, void *user))
{
    struct err err;
    struct server_tool tool = {
        .name = name,
        .title = name,
        .description = "A tool for tests.",
        .input_schema = json_pack("{s:s}", "type", "object"),
        .output_schema = json_pack("{s:s}", "type", "object"),
        .is_read_only = true,
        .task_mode = start == start_linger ? TASK_OPTIONAL : TASK_NEVER,
        .start = start,
    };
    if (server_add_tool(app.server, &tool, &err) == 0)
        return 0;
    fprintf(stderr, "%s: %s\n", name, err.text);
    return -1;
}

/* ---- the process ---- */

static bool is_ready(void *user, char *why, size_t size)
{
    (void)user;
    if (app.not_ready != NULL)
        snprintf(why, size, "%s", app.not_ready);
    return app.not_ready == NULL;
}

static void on_http_closed(void *user)
{
    (void)user;
    app.http = NULL;
    uv_close((uv_handle_t *)&app.on_term, NULL);
}

static void on_term(uv_signal_t *signal, int number)
{
    (void)signal;
    (void)number;
    http_close(app.http, on_http_closed, NULL);
}

static int authorise(void *user, const char *authorization, struct http_caller *ret_caller,
                     char *challenge, size_t size)
{
    return auth_check(user, authorization, ret_caller->principal, sizeof ret_caller->principal,
                      &ret_caller->credential, challenge, size);
}

static bool is_valid(void *user, const struct http_caller *caller)
{
    return auth_holds(user, caller->credential);
}

static void append(const char **list, const char *text)
{
    size_t n = 0;
    while (list[n] != NULL)
        n++;
    if (n < MAX_LIST)
        list[n] = text;
}

/* Flags come in pairs: --name value. */
static bool read_flag(struct http_options *options, const char *name, char *value)
{
    static char host[256];
    const struct {
        const char *name;
        size_t *size;
        uint64_t *ms;
    } numbers[] = {
        {"--max-body", &options->max_body, NULL},
        {"--max-connections", &options->max_connections, NULL},
        {"--max-per-address", &options->max_connections_per_address, NULL},
        {"--max-output", &options->max_output_bytes, NULL},
        {"--max-waiting", &options->max_waiting_bytes, NULL},
        {"--max-sessions", &options->max_sessions, NULL},
        {"--session-bytes", &options->session_max_bytes, NULL},
        {"--session-events", &options->session_max_events, NULL},
        {"--sessions-bytes", &options->sessions_max_bytes, NULL},
        {"--session-idle-ms", NULL, &options->session_idle_ms},
        {"--head-ms", NULL, &options->head_timeout_ms},
        {"--body-ms", NULL, &options->body_timeout_ms},
        {"--idle-ms", NULL, &options->idle_timeout_ms},
        {"--keepalive-ms", NULL, &options->keepalive_ms},
        {"--drain-ms", NULL, &options->drain_timeout_ms},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(name, numbers[i].name) != 0)
            continue;
        unsigned long long number = strtoull(value, NULL, 10);
        if (numbers[i].size != NULL)
            *numbers[i].size = number;
        else
            *numbers[i].ms = number;
        return true;
    }
    char *colon = strrchr(value, ':');
    if (strcmp(name, "--listen") == 0 && colon != NULL) {
        snprintf(host, sizeof host, "%.*s", (int)(colon - value), value);
        options->host = host;
        options->port = (int)strtol(colon + 1, NULL, 10);
    } else if (strcmp(name, "--origin") == 0) {
        append(app.origins, value);
    } else if (strcmp(name, "--host") == 0) {
        append(app.hosts, value);
    } else if (strcmp(name, "--not-ready") == 0) {
        app.not_ready = value;
    } else if (strcmp(name, "--sessions") == 0) {
        options->sessions = strcmp(value, "true") == 0;
    } else if (strcmp(name, "--tokens") == 0) {
        struct err err;
        if ((app.auth = auth_open(value, &err)) == NULL)
            fprintf(stderr, "%s\n", err.text);
        options->authorise_user = app.auth;
        options->authorise = authorise;
        options->is_valid = is_valid;
        return app.auth != NULL;
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct http_options options = {
        .loop = &app.loop,
        .allowed_origins = app.origins,
        .allowed_hosts = app.hosts,
        .ready = is_ready,
    };
    for (int i = 1; i < argc; i += 2)
        if (i + 1 == argc || !read_flag(&options, argv[i], argv[i + 1])) {
            fprintf(stderr, "unknown flag or no value: %s\n", argv[i]);
            return 2;
        }
    struct server_options server_options = {.name = "echo",
                                            .title = "Echo",
                                            .version = "1",
                                            .instructions = "For tests.",
                                            .task_ttl_ms = TASK_TTL_MS};
    struct err err;
    log_set_level(LOG_WARNING);
    app.server = server_new(&server_options);
    if (app.server == NULL || uv_loop_init(&app.loop) < 0 || add_tool("big", start_big) < 0 ||
        add_tool("echo", start_echo) < 0 || add_tool("sleep", start_sleep) < 0 ||
        add_tool("ask", start_ask) < 0 || add_tool("change", start_change) < 0 ||
        add_tool("linger", start_linger) < 0 || add_tool("stats", start_stats) < 0)
        return 1;
    options.server = app.server;
    int rc = 1;
    http_raise_file_limit(100);
    app.http = http_start(&options, &err);
    if (app.http == NULL) {
        fprintf(stderr, "%s\n", err.text);
    } else {
        uv_signal_init(&app.loop, &app.on_term);
        uv_signal_start(&app.on_term, on_term, SIGTERM);
        printf("{\"listening\": %d}\n", http_port(app.http));
        fflush(stdout);
        rc = 0;
    }
    uv_run(&app.loop, UV_RUN_DEFAULT);
    server_free(app.server);
    auth_close(app.auth);
    if (uv_loop_close(&app.loop) < 0)
        rc = 3; /* something was left behind */
    return rc;
}
