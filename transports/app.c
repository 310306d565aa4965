#include "app.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "rows.h"

enum {
    ROWS_MAX = 1000000,
    ROWS_BYTES_MAX = 256 << 20,
};

/* --- the deadline -------------------------------------------------------------------------- */

/* Written before the alarm is set, read in its handler. */
static volatile sig_atomic_t deadline_code;
static bool has_deadline;

static void on_deadline(int number)
{
    (void)number;
    _exit(deadline_code);
}

void app_set_deadline(int ms, int exit_code)
{
    if (has_deadline)
        return;
    has_deadline = true;
    deadline_code = exit_code;
    /* A real alarm, not a loop timer: it also ends a process whose loop hangs in a library. */
    struct sigaction action = {.sa_handler = on_deadline};
    struct itimerval when = {.it_value = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000L}};
    sigset_t alarm_only;
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    if (sigaction(SIGALRM, &action, NULL) != 0 || setitimer(ITIMER_REAL, &when, NULL) != 0)
        _exit(exit_code);
    pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL);
}

void app_obeyed(struct app *app)
{
    if (app->signal != SIGTERM)
        return;
    app->has_obeyed = true;
    deadline_code = EXIT_OK;
}

/* --- opening ------------------------------------------------------------------------------- */

int app_open(struct app *app, struct err *ret_err)
{
    int rc = uv_loop_init(&app->loop_memory);
    if (rc != 0)
        return err_set(ret_err, ERR_INTERNAL, NULL, "the event loop: %s", uv_strerror(rc));
    app->loop = &app->loop_memory;
    app->has_loop = true;
    return 0;
}

static void receive_signal(uv_signal_t *handle, int number)
{
    struct app *app = handle->data;
    if (app->signal != 0)
        return;
    app->signal = number;
    app_set_deadline(EXIT_DEADLINE_MS, 128 + number);
    if (app->on_signal != NULL)
        app->on_signal(app->on_signal_user);
}

int app_catch_signals(struct app *app, struct err *ret_err)
{
    static const int numbers[APP_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < APP_SIGNALS; i++) {
        uv_signal_t *handle = &app->signals[i];
        struct sigaction action;
        if (numbers[i] == SIGHUP && sigaction(SIGHUP, NULL, &action) == 0 &&
            action.sa_handler == SIG_IGN)
            continue; /* started by nohup */
        int rc = uv_signal_init(app->loop, handle);
        if (rc == 0)
            handle->data = app;
        if (rc == 0)
            rc = uv_signal_start(handle, receive_signal, numbers[i]);
        if (rc != 0)
            return err_set(ret_err, ERR_INTERNAL, NULL, "signals: %s", uv_strerror(rc));
        uv_unref((uv_handle_t *)handle);
    }
    return 0;
}

void app_on_signal(struct app *app, void (*on_signal)(void *user), void *user)
{
    app->on_signal = on_signal;
    app->on_signal_user = user;
    if (on_signal != NULL && app->signal != 0)
        on_signal(user);
}

static struct db *open_clickhouse(struct app *app, struct err *ret_err)
{
    const struct config *c = &app->config;
    struct clickhouse_options options = {
        .host = c->host,
        .port = (int)c->port,
        .user = c->user,
        .password = c->password != NULL ? c->password : "",
        .database = c->database,
        .role = c->role,
        .ca_file = c->ca_file,
        .proxy_path = c->proxy_path,
        .is_secure = c->is_secure,
        .skip_verify = !c->is_verified,
        .connect_timeout_ms = (uint64_t)c->connect_timeout_s * 1000,
    };
    return clickhouse_new(app->loop, &options, ret_err);
}

int app_open_db(struct app *app, struct err *ret_err)
{
    if (app->db != NULL)
        return 0;
    const struct config *c = &app->config;
    bool is_remote = config_is_remote(c);
    long long query_s = c->query_s;
    if (is_remote && c->send_receive_timeout_s < query_s)
        query_s = c->send_receive_timeout_s;
    db_limits_default.time_ms = (uint64_t)query_s * 1000;
    db_limits_default.memory_bytes = (uint64_t)c->memory_mb * 1000 * 1000;
    struct err err = {0};
    app->db = is_remote ? open_clickhouse(app, &err) : app_open_store(app, &err);
    if (app->db != NULL)
        return 0;
    if (ret_err != NULL)
        *ret_err = err;
    return -(int)err.code;
}

int app_open_workspace(struct app *app, struct err *ret_err)
{
    int rc = app_open_db(app, ret_err);
    if (rc < 0 || app->workspace != NULL)
        return rc;
    struct workspace_options options = {.db = app->db, .config_sources = app->config.sources};
    app->workspace = workspace_new(&options);
    return app->workspace != NULL ? 0 : err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
}

/* --- closing ------------------------------------------------------------------------------- */

static void on_closed(void *user)
{
    *(bool *)user = true;
}

int app_close(struct app *app, int code)
{
    if (app->is_closed)
        return app->exit_code;
    if (app->signal == 0)
        app_leave_store(app, has_deadline);
    int exit_code = app->signal != 0 && !app->has_obeyed ? 128 + app->signal : code;
    app->is_closed = true;
    app->exit_code = exit_code;
    bool is_closed = app->db == NULL;
    app_set_deadline(EXIT_DEADLINE_MS, exit_code);
    workspace_free(app->workspace);
    app->workspace = NULL;
    if (app->db != NULL)
        app->db->ops->close(app->db, on_closed, &is_closed);
    app->db = NULL;
    for (size_t i = 0; i < APP_SIGNALS; i++)
        if (app->signals[i].data != NULL)
            uv_close((uv_handle_t *)&app->signals[i], NULL);
    if (app->has_loop) {
        uv_run(app->loop, UV_RUN_DEFAULT);
        is_closed = is_closed && uv_loop_close(app->loop) == 0;
    }
    if (app->has_turn)
        store_lock_release(&app->turn);
    config_done(&app->config);
    if (!is_closed)
        _exit(exit_code);
    return exit_code;
}

/* --- waiting ------------------------------------------------------------------------------- */

bool app_run_until(struct app *app, const bool *done)
{
    while (!*done)
        if (uv_run(app->loop, UV_RUN_ONCE) == 0 && !*done)
            return false;
    return true;
}

int app_await(struct app *app, const bool *is_done, const struct err *err,
              void (*cancel)(void *user), void *user, struct err *ret_err)
{
    app_on_signal(app, cancel, user);
    bool has_ended = app_run_until(app, is_done);
    app_on_signal(app, NULL, NULL);
    if (!has_ended)
        return err_set(ret_err, ERR_INTERNAL, NULL, "the engine forgot what it was asked");
    if (err->code == ERR_OK)
        return 0;
    *ret_err = *err;
    return -(int)err->code;
}

struct wait {
    struct app *app;
    struct db_query *query;
    struct rows rows;
    struct err err;
    bool is_done;
};

static int wait_data(void *user, const char *bytes, size_t len)
{
    struct wait *wait = user;
    return rows_feed(&wait->rows, bytes, len);
}

static void wait_done(void *user, const struct err *err, const struct db_stats *stats)
{
    (void)stats;
    struct wait *wait = user;
    if (err != NULL)
        wait->err = *err;
    wait->is_done = true;
}

static void wait_cancel(void *user)
{
    struct wait *wait = user;
    if (!wait->is_done)
        db_cancel(wait->app->db, wait->query);
}

int app_rows(struct app *app, const char *sql, const struct db_param *params, size_t param_count,
             json_t **ret_rows, struct err *ret_err)
{
    if (app->signal != 0)
        return err_set(ret_err, ERR_CANCELLED, NULL, "cancelled");
    int rc = app_open_db(app, ret_err);
    if (rc < 0)
        return rc;
    struct wait wait = {.app = app};
    struct db_request request = {
        .sql = sql,
        .params = params,
        .param_count = param_count,
        .format = "JSONCompactEachRow",
        .tag = app->command,
        .on_data = wait_data,
        .on_done = wait_done,
        .user = &wait,
    };
    rows_init(&wait.rows, ROWS_MAX, ROWS_BYTES_MAX);
    rc = db_start(app->db, &request, &wait.query, ret_err);
    if (rc == 0)
        rc = app_await(app, &wait.is_done, &wait.err, wait_cancel, &wait, ret_err);
    if (rc == 0)
        rc = rows_end(&wait.rows, ret_err);
    if (rc == 0)
        *ret_rows = json_incref(wait.rows.items);
    rows_done(&wait.rows);
    return rc;
}

bool app_write(struct app *app, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(app->output, text, len);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        }
    }
    return true;
}
