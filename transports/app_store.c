/* The embedded store of a command, and its manners towards the other processes that share it. */
#include <stdio.h>
#include <sys/stat.h>

#include "app.h"

enum {
    TURN_MS = 200,       /* between two looks whether it is this command's turn */
    LEAVE_MS = 10000,    /* for what others have running in this process's engine */
    LEAVE_SOON_MS = 400, /* the same when the process has been told to end */
};

/* Ends a uv_run() now and then, or once. */
struct beat {
    uv_timer_t timer;
    bool has_come, is_closed;
};

static void on_beat(uv_timer_t *timer)
{
    struct beat *beat = timer->data;
    beat->has_come = true;
}

static void on_beat_closed(uv_handle_t *handle)
{
    struct beat *beat = handle->data;
    beat->is_closed = true;
}

static void beat_start(struct beat *beat, uv_loop_t *loop, uint64_t ms)
{
    *beat = (struct beat){.has_come = false};
    uv_timer_init(loop, &beat->timer);
    beat->timer.data = beat;
    uv_timer_start(&beat->timer, on_beat, ms, ms);
}

static void beat_end(struct beat *beat, uv_loop_t *loop)
{
    uv_close((uv_handle_t *)&beat->timer, on_beat_closed);
    while (!beat->is_closed)
        uv_run(loop, UV_RUN_ONCE);
}

struct db *app_open_store(struct app *app, struct err *ret_err)
{
    const struct config *c = &app->config;
    if (c->data_dir == NULL) {
        err_set(ret_err, ERR_ARGUMENT, "data",
                "no place for the embedded store: HOME is not set; name one with --data DIR");
        return NULL;
    }
    umask(077); /* the engine makes files; the folder they lie in may be open to readers */
    struct chdb_options options = {
        .store = c->data_dir,
        .library = c->libchdb,
        .holder = app->holder,
        .is_brief = app->is_brief,
    };
    return store_new(app->loop, &options, ret_err);
}

int app_take_turn(struct app *app, struct err *ret_err)
{
    const char *dir = app->config.data_dir;
    struct store_owner owner;
    struct beat beat;
    bool is_told = false;
    int rc = 1;
    if (app->has_turn || config_is_remote(&app->config) || dir == NULL)
        return 0;
    beat_start(&beat, app->loop, TURN_MS);
    while (app->signal == 0) {
        rc = store_lock_try(&app->turn, dir, STORE_TURN_LOCK, app->holder, false, &owner, ret_err);
        if (rc <= 0)
            break;
        if (!is_told && owner.pid > 0)
            fprintf(stderr, "waiting for %s (pid %d), which fills the same store\n", owner.holder,
                    owner.pid);
        is_told = is_told || owner.pid > 0;
        uv_run(app->loop, UV_RUN_ONCE);
    }
    beat_end(&beat, app->loop);
    app->has_turn = rc == 0;
    return rc <= 0 ? rc : err_set(ret_err, ERR_CANCELLED, NULL, "interrupted");
}

static void on_left(void *user)
{
    *(bool *)user = true;
}

void app_leave_store(struct app *app, bool is_hurried)
{
    bool has_left = false;
    struct beat beat;
    if (app->db == NULL || config_is_remote(&app->config))
        return;
    beat_start(&beat, app->loop, is_hurried ? LEAVE_SOON_MS : LEAVE_MS);
    store_leave(app->db, on_left, &has_left);
    while (!has_left && !beat.has_come && app->signal == 0)
        uv_run(app->loop, UV_RUN_ONCE);
    beat_end(&beat, app->loop);
}
