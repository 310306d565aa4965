/* The server that the conformance suite is run against: libmcp and our HTTP transport, with
 * sessions for the revisions that have them.
 *   fixture-server --listen 127.0.0.1:PORT        (0 = any free port; the endpoint is /mcp)
 * It writes {"listening": PORT} on stdout, and ends on SIGTERM or SIGINT. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "http.h"
#include "log.h"

static struct {
    uv_loop_t loop;
    uv_signal_t on_signal[2];
    struct server *server;
    struct http *http;
} app;

static void on_closed(void *user)
{
    (void)user;
    app.http = NULL;
    for (size_t i = 0; i < sizeof app.on_signal / sizeof *app.on_signal; i++)
        uv_close((uv_handle_t *)&app.on_signal[i], NULL);
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)signal;
    (void)number;
    http_close(app.http, on_closed, NULL);
}

static int add_fixtures(struct err *ret_err)
{
    int (*const add[])(struct server * server, struct err * ret_err) = {
        fixture_add_tools,     fixture_add_asking_tools, fixture_add_task_tools,
        fixture_add_resources, fixture_add_prompts,
    };
    for (size_t i = 0; i < sizeof add / sizeof *add; i++)
        if (add[i](app.server, ret_err) < 0)
            return -1;
    return 0;
}

static int listen_on(const char *host, int port, struct err *ret_err)
{
    struct http_options options = {.loop = &app.loop,
                                   .server = app.server,
                                   .host = host,
                                   .port = port,
                                   .sessions = true,
                                   .drain_timeout_ms = 1000};
    app.http = http_start(&options, ret_err);
    if (app.http == NULL)
        return -1;
    const int numbers[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uv_signal_init(&app.loop, &app.on_signal[i]);
        uv_signal_start(&app.on_signal[i], on_signal, numbers[i]);
    }
    printf("{\"listening\": %d}\n", http_port(app.http));
    fflush(stdout);
    return 0;
}

int main(int argc, char **argv)
{
    char *colon = argc == 3 ? strrchr(argv[2], ':') : NULL;
    if (colon == NULL || strcmp(argv[1], "--listen") != 0) {
        fprintf(stderr, "usage: %s --listen HOST:PORT\n", argv[0]);
        return 2;
    }
    *colon = '\0';
    struct server_options options = {
        .name = "conformance-fixture",
        .title = "Conformance fixture",
        .version = "1.0.0",
        .instructions = "For the conformance suite.",
        .has_logging = true,
        .task_poll_ms = 100,
    };
    struct err err = {0};
    log_set_level(LOG_WARNING);
    app.server = server_new(&options);
    if (app.server == NULL || uv_loop_init(&app.loop) < 0)
        return EXIT_FAILURE;
    script_use(&app.loop, app.server);
    int rc = EXIT_SUCCESS;
    if (add_fixtures(&err) < 0 || listen_on(argv[2], (int)strtol(colon + 1, NULL, 10), &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        rc = EXIT_FAILURE;
    }
    uv_run(&app.loop, UV_RUN_DEFAULT);
    server_free(app.server);
    return uv_loop_close(&app.loop) < 0 ? 3 : rc; /* 3: something was left behind */
}
