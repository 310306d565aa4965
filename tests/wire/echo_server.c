/* A server with a few simple tools, for the tests of the transports: no database behind it.
 *   echo {…}     returns its arguments
 *   slow {ms}    ends after so long, with progress every 50 ms; says on stderr when it is cancelled
 *   fail         fails
 *   big {bytes}  returns a text of that size
 *   noise {…}    prints on standard output first, which must not reach the client
 *   change {}    says that the list of tools changed
 *   linger {}    becomes a task that runs until it is cancelled, and says so on stderr */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "json.h"
#include "server.h"
#include "stdio_conn.h"

enum { TICK_MS = 50, TASK_TTL_MS = 1000 };

static uv_loop_t *loop;
static struct server *server;
static struct stdio *client;
static uv_timer_t deadline;

static void echo(struct call *call, const json_t *arguments, void *user)
{
    call_finish(call, NULL, json_incref((json_t *)arguments));
}

static void fail(struct call *call, const json_t *arguments, void *user)
{
    struct err err;
    err_set(&err, ERR_NOT_FOUND, "event", "no event is named \"%.40s\"",
            json_get_string(arguments, "event", "checkout"));
    call_fail(call, &err);
}

static void big(struct call *call, const json_t *arguments, void *user)
{
    size_t bytes = (size_t)json_get_integer(arguments, "bytes", 1000);
    char *text = malloc(bytes + 1);
    if (text == NULL)
        abort();
    memset(text, 'x', bytes);
    text[bytes] = '\0';
    call_finish(call, json_pack("[{s:s, s:s}]", "type", "text", "text", text), NULL);
    free(text);
}

static void noise(struct call *call, const json_t *arguments, void *user)
{
    puts("noise on standard output");
    fflush(stdout);
    if (write(STDOUT_FILENO, "more noise\n", 11) < 0)
        perror("write");
    echo(call, arguments, user);
}

static void change(struct call *call, const json_t *arguments, void *user)
{
    server_changed(server, CHANGED_TOOLS);
    echo(call, arguments, user);
}

static void on_linger_cancelled(void *user)
{
    struct err err;
    err_set(&err, ERR_CANCELLED, NULL, "cancelled");
    fprintf(stderr, "cancelled linger\n");
    call_fail(user, &err);
}

static void linger(struct call *call, const json_t *arguments, void *user)
{
    call_on_cancel(call, on_linger_cancelled, call);
    call_into_task(call);
}

/* ---- slow ---- */

struct slow {
    uv_timer_t timer;
    struct call *call;
    uint64_t until_ms, start_ms;
    bool is_cancelled;
};

static void on_slow_closed(uv_handle_t *handle)
{
    struct slow *slow = handle->data;
    if (slow->is_cancelled) {
        struct err err;
        err_set(&err, ERR_CANCELLED, NULL, "cancelled");
        call_fail(slow->call, &err);
    } else {
        call_finish(slow->call, NULL,
                    json_pack("{s:I}", "ms", (json_int_t)(slow->until_ms - slow->start_ms)));
    }
    free(slow);
}

static void on_slow_tick(uv_timer_t *timer)
{
    struct slow *slow = timer->data;
    uint64_t now = uv_now(loop);
    if (now >= slow->until_ms) {
        uv_close((uv_handle_t *)timer, on_slow_closed);
        return;
    }
    call_progress(slow->call, (double)(now - slow->start_ms),
                  (double)(slow->until_ms - slow->start_ms), "waiting");
}

static void on_slow_cancelled(void *user)
{
    struct slow *slow = user;
    fprintf(stderr, "cancelled %s\n", call_id(slow->call));
    slow->is_cancelled = true;
    if (!uv_is_closing((uv_handle_t *)&slow->timer))
        uv_close((uv_handle_t *)&slow->timer, on_slow_closed);
}

static void start_slow(struct call *call, const json_t *arguments, void *user)
{
    struct slow *slow = calloc(1, sizeof *slow);
    if (slow == NULL)
        abort();
    slow->call = call;
    slow->start_ms = uv_now(loop);
    slow->until_ms = slow->start_ms + (uint64_t)json_get_integer(arguments, "ms", 100);
    uv_timer_init(loop, &slow->timer);
    slow->timer.data = slow;
    call_on_cancel(call, on_slow_cancelled, slow);
    uint64_t first =
        slow->until_ms - slow->start_ms < TICK_MS ? slow->until_ms - slow->start_ms : TICK_MS;
    uv_timer_start(&slow->timer, on_slow_tick, first, TICK_MS);
}

/* ---- main ---- */

static const struct {
    const char *name, *description, *argument, *type;
    void (*start)(struct call *call, const json_t *arguments, void *user);
} tools[] = {
    {"echo", "Returns its arguments.", "text", "string", echo},
    {"slow", "Ends after a while.", "ms", "integer", start_slow},
    {"fail", "Fails.", "event", "string", fail},
    {"big", "Returns a long text.", "bytes", "integer", big},
    {"noise", "Prints where it should not.", "text", "string", noise},
    {"change", "Changes the tools.", "text", "string", change},
    {"linger", "Runs until it is cancelled.", "text", "string", linger},
};

static void add_tools(void)
{
    struct err err;
    for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++) {
        struct server_tool tool = {
            .name = tools[i].name,
            .title = tools[i].name,
            .description = tools[i].description,
            .input_schema = json_pack("{s:s, s:{s:{s:s}}}", "type", "object", "properties",
                                      tools[i].argument, "type", tools[i].type),
            .is_read_only = true,
            .task_mode = tools[i].start == linger ? TASK_OPTIONAL : TASK_NEVER,
            .start = tools[i].start,
        };
        if (server_add_tool(server, &tool, &err) < 0) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
    }
}

static void on_deadline(uv_timer_t *timer)
{
    fprintf(stderr, "deadline\n");
    _exit(1);
}

static void on_all_stopped(void *user)
{
    stdio_close(client);
    uv_close((uv_handle_t *)&deadline, NULL);
}

static void on_ended(void *user, const char *why)
{
    fprintf(stderr, "ended: %s\n", why);
    uv_timer_start(&deadline, on_deadline, (uint64_t)stdio_time_left_ms(client), 0);
    server_shutdown(server, on_all_stopped, NULL);
}

int main(int argc, char **argv)
{
    struct err err;
    int output = stdio_guard_stdout();
    static const struct server_options options = {
        .name = "echo",
        .title = "Echo",
        .version = "1.0.0",
        .instructions = "Call echo to see your arguments again.",
        .task_ttl_ms = TASK_TTL_MS,
    };
    loop = uv_default_loop();
    server = server_new(&options);
    if (output < 0 || server == NULL)
        return 1;
    add_tools();
    if (argc != 2 || strcmp(argv[1], "--stdio") != 0) {
        fprintf(stderr, "usage: echo_server --stdio\n");
        return 2;
    }
    uv_timer_init(loop, &deadline);
    struct stdio_options stdio = {.loop = loop, .server = server, .ended = on_ended};
    client = stdio_start(&stdio, output, &err);
    if (client == NULL) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    uv_run(loop, UV_RUN_DEFAULT);
    server_free(server);
    return uv_loop_close(loop) == 0 ? 0 : 3;
}
