#include "demo.h"

#include <stdbool.h>
#include <stdlib.h>

#include "sql_text.h"

/* The statements in their order. Those of one stage have no need of each other and run together. */
struct statement {
    int stage;
    const char *what;            /* for people; NULL = not worth a line */
    const struct sql_text *file; /* or */
    const char *sql;             /* a line that needs no file */
};

static const struct statement statements[] = {
    {0, NULL, &sql_demo_guard, NULL},
    {1, NULL, NULL, "DROP DATABASE IF EXISTS demo_new SYNC"},
    {2, NULL, NULL, "CREATE DATABASE demo_new"},
    {3, NULL, &sql_demo_table_traces, NULL},
    {3, NULL, &sql_demo_table_logs, NULL},
    {3, NULL, &sql_demo_table_sessions, NULL},
    {3, "people and their visits", &sql_demo_visits, NULL},
    {4, "what they did", &sql_demo_actions, NULL},
    {5, "orders and their steps", &sql_demo_orders, NULL},
    {6, "browser spans", &sql_demo_spans_portal, NULL},
    {6, "spans of the services", &sql_demo_spans_services, NULL},
    {6, "spans of the order process", &sql_demo_spans_orders, NULL},
    {6, "logs", &sql_demo_logs, NULL},
    {6, "replays", &sql_demo_replays, NULL},
    {6, "one session with a broken button", &sql_demo_rage_spans, NULL},
    {6, "its replay", &sql_demo_rage_replay, NULL},
    {7, NULL, NULL, "DROP TABLE demo_new.visits SYNC"},
    {7, NULL, NULL, "DROP TABLE demo_new.actions SYNC"},
    {7, NULL, NULL, "DROP TABLE demo_new.order_steps SYNC"},
    {7, NULL, NULL, "CREATE DATABASE IF NOT EXISTS demo"},
    {8, NULL, NULL, "CREATE TABLE IF NOT EXISTS demo.otel_traces AS demo_new.otel_traces"},
    {8, NULL, NULL, "CREATE TABLE IF NOT EXISTS demo.otel_logs AS demo_new.otel_logs"},
    {8, NULL, NULL,
     "CREATE TABLE IF NOT EXISTS demo.hyperdx_sessions AS demo_new.hyperdx_sessions"},
    {9, NULL, NULL, "EXCHANGE TABLES demo.otel_traces AND demo_new.otel_traces"},
    {9, NULL, NULL, "EXCHANGE TABLES demo.otel_logs AND demo_new.otel_logs"},
    {9, NULL, NULL, "EXCHANGE TABLES demo.hyperdx_sessions AND demo_new.hyperdx_sessions"},
    {10, "put in place", NULL, "DROP DATABASE demo_new SYNC"},
};

enum {
    STATEMENTS = sizeof(statements) / sizeof(statements[0]),
    THROW_IF = 395,        /* ClickHouse's code of throwIf() */
    STATEMENT_MS = 600000, /* a slow disk is no reason to give up */
    RUNNING_MAX = 2,       /* more inserts at once than cores only compete */
};

struct task {
    struct demo *demo;
    size_t index;
    uint64_t started_ns;
    struct db_query *query; /* while it runs */
};

struct demo {
    struct db *db;
    struct demo_events events;
    struct task tasks[STATEMENTS];
    size_t next, running, done;
    bool is_cancelled, has_failed;
    struct err err; /* the first failure */
};

static void advance(struct demo *d);

static void fail(struct demo *d, const struct err *err)
{
    if (!d->has_failed)
        d->err = *err;
    d->has_failed = true;
}

static void on_done(void *user, const struct err *err, const struct db_stats *stats)
{
    (void)stats;
    struct task *task = user;
    struct demo *d = task->demo;
    const struct statement *s = &statements[task->index];
    task->query = NULL;
    d->running--;
    d->done++;
    if (err != NULL && s->file == &sql_demo_guard && err->engine_code == THROW_IF) {
        struct err own;
        err_set(&own, ERR_ARGUMENT, NULL,
                "the database holds a table demo.otel_traces that sextant did not make; rename it "
                "or use another store");
        fail(d, &own);
    } else if (err != NULL) {
        fail(d, err);
    } else if (s->what != NULL && d->events.progress != NULL) {
        double seconds = (double)(uv_hrtime() - task->started_ns) / 1e9;
        d->events.progress(d->events.user, s->what, seconds, d->done, STATEMENTS);
    }
    advance(d);
}

static int start_next(struct demo *d, struct err *ret_err)
{
    struct task *task = &d->tasks[d->next];
    const struct statement *s = &statements[d->next];
    *task = (struct task){.demo = d, .index = d->next, .started_ns = uv_hrtime()};
    struct db_request request = {
        .sql = s->file != NULL ? s->file->text : s->sql,
        .format = s->file == &sql_demo_guard ? "JSONCompactEachRow" : NULL,
        .limits = {.time_ms = STATEMENT_MS},
        .tag = "demo",
        .is_write = s->file != &sql_demo_guard,
        .on_done = on_done,
        .user = task,
    };
    int rc = db_start(d->db, &request, &task->query, ret_err);
    if (rc < 0)
        return rc;
    d->next++;
    d->running++;
    return 0;
}

/* Starts what may run now; ends the work when nothing runs and nothing is left or allowed. */
static void advance(struct demo *d)
{
    while (!d->has_failed && d->next < STATEMENTS && d->running < RUNNING_MAX) {
        /* a stage begins when the one before has ended */
        if (d->running > 0 && statements[d->next].stage != statements[d->next - 1].stage)
            break;
        struct err err;
        if (start_next(d, &err) < 0)
            fail(d, &err);
    }
    if (d->running > 0)
        return;
    struct err err = d->err;
    struct demo_events events = d->events;
    bool has_failed = d->has_failed;
    free(d);
    events.done(events.user, has_failed ? &err : NULL);
}

int demo_start(struct db *db, const struct demo_events *events, struct demo **ret_demo,
               struct err *ret_err)
{
    struct demo *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    d->db = db;
    d->events = *events;
    int rc = start_next(d, ret_err);
    if (rc < 0) {
        free(d);
        return rc;
    }
    *ret_demo = d;
    return 0;
}

void demo_cancel(struct demo *d)
{
    if (d->is_cancelled)
        return;
    d->is_cancelled = true;
    struct err err;
    err_set(&err, ERR_CANCELLED, NULL, "cancelled");
    fail(d, &err);
    d->running++; /* keeps d while statements end below */
    for (size_t i = 0; i < STATEMENTS; i++)
        if (d->tasks[i].query != NULL)
            db_cancel(d->db, d->tasks[i].query);
    d->running--;
    if (d->running == 0)
        advance(d);
}
