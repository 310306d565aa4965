/* sextant stdio, sextant serve: the protocol until the client leaves or a signal comes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "commands.h"
#include "http.h"
#include "log.h"
#include "serve_tools.h"
#include "stdio_conn.h"
#include "warm.h"

enum {
    PORT_DEFAULT = 8765,
    DRAIN_MS = 300,           /* for answers under way when told to end */
    FILES_SPARE = 2048,       /* beside connections: engine files, pipes */
    STDIO_WARM_AFTER_MS = 50, /* the first answer goes before */
};

struct serving {
    struct app *app;
    struct server *server;
    struct serve_tools *tools;
    struct stdio *stdio;
    struct http *http;
    struct auth *auth; /* NULL: whoever reaches us may ask */
    struct warm warm;
    uv_timer_t timer;
    char host[128];
    bool has_timer, is_done;
};

static int open_server(struct serving *s, struct app *app, int argc)
{
    struct err err = {0};
    *s = (struct serving){.app = app, .warm = {.app = app}};
    if (argc > 0)
        return command_usage_error(app, "takes no arguments");
    if (serve_new(app, &s->server, &s->tools, &err) < 0)
        return command_usage_error(app, "%s", err.text);
    serve_begin(s->tools);
    return EXIT_OK;
}

/* No call runs any more, but a probe may: the engine is closed while `s` is still there. */
static int end(struct serving *s, int code)
{
    serve_stop(s->tools);
    code = app_close(s->app, code);
    server_free(s->server);
    serve_tools_free(s->tools);
    auth_close(s->auth);
    return code;
}

/* --- stdio --------------------------------------------------------------------------------- */

static void close_timer(struct serving *s)
{
    if (s->has_timer)
        uv_close((uv_handle_t *)&s->timer, NULL);
    s->has_timer = false;
}

static void on_stdio_stopped(void *user)
{
    struct serving *s = user;
    stdio_close(s->stdio);
    close_timer(s);
    s->is_done = true;
}

static void on_stdio_ended(void *user, const char *why)
{
    struct serving *s = user;
    log_event(LOG_DEBUG, "ending", "why", why, NULL);
    /* stdio caught it; the exit code tells which one it was. */
    s->app->signal = strcmp(why, "SIGINT") == 0    ? SIGINT
                     : strcmp(why, "SIGTERM") == 0 ? SIGTERM
                     : strcmp(why, "SIGHUP") == 0  ? SIGHUP
                                                   : 0;
    int left_ms = stdio_time_left_ms(s->stdio);
    app_set_deadline(left_ms > 0 ? left_ms : 1, s->app->signal != 0 ? 128 + s->app->signal : 0);
    server_shutdown(s->server, on_stdio_stopped, s);
}

static void on_warm_timer(uv_timer_t *timer)
{
    struct serving *s = timer->data;
    close_timer(s);
    warm_probe(&s->warm);
}

/* A server is connected to ahead of the first call. The embedded store is not: opening it takes its
 * lock, which a client that only asks what we can do must not hold, and clients start throw-away
 * processes to ask just that. */
static void warm_later(struct serving *s)
{
    if (!config_is_remote(&s->app->config) || uv_timer_init(s->app->loop, &s->timer) != 0)
        return;
    s->timer.data = s;
    s->has_timer = true;
    uv_timer_start(&s->timer, on_warm_timer, STDIO_WARM_AFTER_MS, 0);
    uv_unref((uv_handle_t *)&s->timer);
}

int stdio_command(struct app *app, int argc, char **argv)
{
    (void)argv;
    struct serving s;
    int code = open_server(&s, app, argc);
    if (code != EXIT_OK)
        return code;
    struct stdio_options options = {
        .loop = app->loop, .server = s.server, .ended = on_stdio_ended, .user = &s};
    struct err err = {0};
    s.stdio = stdio_start(&options, app->output, &err);
    if (s.stdio == NULL)
        return end(&s, command_fail(&err));
    warm_later(&s);
    app_run_until(app, &s.is_done);
    return end(&s, EXIT_OK);
}

/* --- HTTP ---------------------------------------------------------------------------------- */

/* The colon before the port, or NULL: "::1" and "[::1]" have none. */
static const char *port_colon(const char *listen)
{
    const char *colon = strrchr(listen, ':');
    bool is_bracketed = listen[0] == '[';
    if (colon == NULL || (is_bracketed ? colon[-1] != ']' : strchr(listen, ':') != colon))
        return NULL;
    return colon;
}

/* "127.0.0.1:8765", "[::1]:8765", "8765", "localhost", "::1" → host and port. */
static int parse_listen(const char *listen, char *host, size_t size, int *ret_port,
                        struct err *ret_err)
{
    const char *colon = port_colon(listen);
    const char *port = colon != NULL ? colon + 1 : listen;
    size_t host_len = colon != NULL ? (size_t)(colon - listen) : 0;
    char *end_of_port = NULL;
    long number = strtol(port, &end_of_port, 10);
    bool is_number = port[0] >= '0' && port[0] <= '9' && *end_of_port == '\0';
    if (!is_number && colon == NULL) {
        host_len = strlen(listen);
        number = PORT_DEFAULT;
    }
    if ((!is_number && colon != NULL) || number < 0 || number > 65535 || host_len >= size)
        return err_set(ret_err, ERR_ARGUMENT, "http.listen",
                       "--listen: expected HOST:PORT, got \"%.60s\"", listen);
    if (host_len > 1 && listen[0] == '[' && listen[host_len - 1] == ']') {
        listen++;
        host_len -= 2;
    }
    snprintf(host, size, "%.*s", (int)host_len, listen);
    if (host_len == 0)
        snprintf(host, size, "127.0.0.1");
    *ret_port = (int)number;
    return 0;
}

static void on_http_closed(void *user)
{
    struct serving *s = user;
    app_obeyed(s->app);
    s->is_done = true;
}

static void on_signal(void *user)
{
    struct serving *s = user;
    log_event(LOG_INFO, "ending", "why", "a signal", NULL);
    http_close(s->http, on_http_closed, s);
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

static int start_http(struct serving *s, struct err *ret_err)
{
    const struct config *c = &s->app->config;
    struct http_options options = {
        .loop = s->app->loop,
        .server = s->server,
        .host = s->host,
        .drain_timeout_ms = DRAIN_MS,
        .sessions = c->sessions,
        .allowed_origins = (const char *const *)c->allowed_origins,
        .allowed_hosts = (const char *const *)c->allowed_hosts,
        .check_toolsets = serve_check_toolset_names,
        .ready = warm_is_ready,
        .user = &s->warm,
    };
    int rc = parse_listen(c->listen, s->host, sizeof s->host, &options.port, ret_err);
    if (rc == 0)
        rc = auth_open_configured(c, &s->auth, ret_err);
    if (rc < 0)
        return rc;
    if (s->auth != NULL) {
        if (auth_count(s->auth) == 0)
            log_event(LOG_WARNING, "no token exists, so nobody is let in", NULL);
        options.authorise = authorise;
        options.is_valid = is_valid;
        options.authorise_user = s->auth;
    }
    http_raise_file_limit(FILES_SPARE);
    s->http = http_start(&options, ret_err);
    if (s->http == NULL) {
        size_t len = strlen(ret_err->text);
        if (ret_err->code == ERR_ACCESS)
            snprintf(ret_err->text + len, sizeof ret_err->text - len,
                     "; to serve others make a token for each: sextant token create NAME");
        snprintf(ret_err->field, sizeof ret_err->field, "http.listen");
        return -1;
    }
    char url[192];
    snprintf(url, sizeof url,
             strchr(s->host, ':') != NULL ? "http://[%s]:%d/mcp" : "http://%s:%d/mcp", s->host,
             http_port(s->http));
    log_event(LOG_INFO, "listening", "url", url, NULL);
    return 0;
}

int serve_command(struct app *app, int argc, char **argv)
{
    (void)argv;
    struct serving s;
    int code = open_server(&s, app, argc);
    if (code != EXIT_OK)
        return code;
    struct err err = {0};
    if (start_http(&s, &err) < 0)
        return end(&s, command_fail(&err));
    warm_probe(&s.warm);
    app_on_signal(app, on_signal, &s);
    app_run_until(app, &s.is_done);
    return end(&s, EXIT_OK);
}
