/* sextant demo: fills the store with the generated data set and says what to ask it. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "config.h"
#include "demo.h"
#include "json.h"

const struct flag demo_flags[] = {{0}};

struct fill {
    struct demo *demo;
    bool is_done;
    struct err err;
};

static void on_progress(void *user, const char *what, double seconds, size_t done, size_t total)
{
    (void)user;
    fprintf(stderr, "[%2zu/%zu] %-34s %6.2f s\n", done, total, what, seconds);
}

static void on_done(void *user, const struct err *err)
{
    struct fill *fill = user;
    fill->is_done = true;
    fill->demo = NULL;
    if (err != NULL)
        fill->err = *err;
}

static void on_signal(void *user)
{
    struct fill *fill = user;
    if (fill->demo != NULL)
        demo_cancel(fill->demo);
}

static int run_fill(struct app *app, struct err *ret_err)
{
    struct fill fill = {0};
    const struct demo_events events = {.progress = on_progress, .done = on_done, .user = &fill};
    int rc = demo_start(app->db, &events, &fill.demo, ret_err);
    return rc < 0 ? rc : app_await(app, &fill.is_done, &fill.err, on_signal, &fill, ret_err);
}

static int print_made(struct app *app, struct err *ret_err)
{
    static const char sql[] =
        "SELECT toInt64((SELECT count() FROM demo.otel_traces)), "
        "toInt64((SELECT uniqExact(`__hdx_materialized_rum.sessionId`) FROM demo.otel_traces "
        "WHERE `__hdx_materialized_rum.sessionId` != '')), "
        "toInt64((SELECT uniqExact(SpanAttributes['order.id']) FROM demo.otel_traces "
        "WHERE SpanName = 'order_placed')), "
        "toInt64((SELECT count() FROM demo.otel_logs)), "
        "toInt64((SELECT count() FROM demo.hyperdx_sessions)), "
        "toInt64((SELECT uniqExact(ResourceAttributes['rum.sessionId']) FROM "
        "demo.hyperdx_sessions))";
    json_t *rows = NULL;
    int rc = app_rows(app, sql, NULL, 0, &rows, ret_err);
    if (rc < 0)
        return rc;
    const json_t *row = json_array_get(rows, 0);
    long long n[6];
    for (size_t i = 0; i < 6; i++)
        n[i] = (long long)json_at_integer(row, i);
    json_decref(rows);
    printf("The source `demo` is ready: %lld spans of %lld sessions, %lld orders, %lld log lines, "
           "%lld replay rows of %lld recorded sessions, 2026-03-01 to 2026-03-31 UTC.\n",
           n[0], n[1], n[2], n[3], n[4], n[5]);
    return 0;
}

/* The calls of examples/demo.md, ready to paste into a shell. */
static const struct {
    const char *what, *tool, *arguments;
} stories[] = {
    {"A checkout step lost mobile users after a release", "run_funnel",
     "{\"source\":\"demo\",\"steps\":[\"checkout_started\",\"shipping_entered\","
     "\"payment_submitted\",\"order_placed\"],\"actor\":\"session\",\"within\":{\"value\":1,"
     "\"unit\":\"hour\"},\"breakdown\":[\"device.type\",\"resource.service.version\"]}"},
    {"An hour of errors, one guilty service", "anomaly_scan",
     "{\"source\":\"demo\",\"metric\":\"error_rate\",\"interval\":\"hour\",\"by\":\"service\"}"},
    {"Orders released without approval", "conformance_check",
     "{\"source\":\"demo\",\"case\":\"order\",\"sequence\":[\"order_placed\",\"order_received\","
     "\"credit_checked\",\"order_approved\",\"items_picked\",\"order_packed\",\"order_shipped\","
     "\"invoice_sent\",\"order_delivered\"],\"match\":\"alignment\"}"},
    {"Parcels wait for one batch a day", "run_funnel",
     "{\"source\":\"demo\",\"actor\":\"case\",\"steps\":[\"items_picked\",\"order_packed\","
     "\"order_shipped\",\"invoice_sent\"],\"within\":{\"value\":7,\"unit\":\"day\"}}"},
    {"A button that does nothing", "open_session",
     "{\"source\":\"demo\",\"session\":\"0a9e5e55104a9ec11c4b0770a0000001\"}"},
    {"Who comes back", "retention_matrix",
     "{\"source\":\"demo\",\"start\":\"documentLoad\",\"kind\":\"first_time\",\"interval\":"
     "\"week\"}"},
};

static void print_stories(const struct app *app)
{
    puts("\nIt holds planted stories (examples/demo.md). Try:");
    /* The same store must be named again if it was named here. */
    bool is_named = !config_is_remote(&app->config) && app->config.data_dir != NULL &&
                    strcmp(config_origin(&app->config, "data"), "default") != 0;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++)
        printf("\n# %s\nsextant call%s%s%s %s '%s'\n", stories[i].what, is_named ? " --data '" : "",
               is_named ? app->config.data_dir : "", is_named ? "'" : "", stories[i].tool,
               stories[i].arguments);
}

int demo_command(struct app *app, int argc, char **argv)
{
    (void)argv;
    if (argc > 0)
        return command_usage_error(app, "takes no arguments");
    struct err err = {0};
    if (app_open_db(app, &err) < 0 || app_take_turn(app, &err) < 0 || run_fill(app, &err) < 0 ||
        print_made(app, &err) < 0)
        return command_fail(&err);
    print_stories(app);
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}
