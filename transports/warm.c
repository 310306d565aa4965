#include "warm.h"

#include <stdio.h>

#include "log.h"

enum {
    FRESH_MS = 5000, /* how long a good answer is believed */
    RETRY_MS = 500,  /* between probes of an engine that does not answer */
};

static void on_done(void *user, const struct err *err, const struct db_stats *stats)
{
    (void)stats;
    struct warm *warm = user;
    bool was_ready = warm->is_ready;
    warm->is_running = false;
    warm->is_ready = err == NULL;
    warm->ended_ms = uv_now(warm->app->loop);
    warm->err = err != NULL ? *err : (struct err){0};
    if (err == NULL && !was_ready)
        log_event(LOG_INFO, "the engine is ready", "engine", warm->app->db->info.engine, "version",
                  warm->app->db->info.version, "target", warm->app->db->info.target, NULL);
    else if (err != NULL && err->code != ERR_CANCELLED)
        log_event(LOG_WARNING, "the engine does not answer", "text", err->text, "engine", err->raw,
                  NULL);
}

void warm_probe(struct warm *warm)
{
    if (warm->is_running)
        return;
    struct db_request request = {
        .sql = "SELECT 1",
        .format = "JSONCompactEachRow",
        .tag = "ready",
        .on_done = on_done,
        .user = warm,
    };
    struct db_query *query = NULL;
    struct err err = {0};
    if (app_open_workspace(warm->app, &err) < 0 ||
        db_start(warm->app->db, &request, &query, &err) < 0) {
        warm->is_ready = false;
        warm->err = err;
        warm->ended_ms = uv_now(warm->app->loop);
        log_event(LOG_WARNING, "the engine cannot be asked", "text", err.text, NULL);
        return;
    }
    warm->is_running = true;
}

bool warm_is_ready(void *user, char *why, size_t size)
{
    struct warm *warm = user;
    uint64_t age_ms = uv_now(warm->app->loop) - warm->ended_ms;
    if (age_ms > (warm->is_ready ? FRESH_MS : RETRY_MS))
        warm_probe(warm);
    if (!warm->is_ready)
        snprintf(why, size, "%s",
                 warm->err.code != ERR_OK ? warm->err.text : "the engine is starting");
    return warm->is_ready;
}
