#pragma once
/* Running statements from a test and waiting for them, on whatever engine. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "db.h"

struct outcome {
    struct buf rows;
    struct err err;
    struct db_stats stats, progress;
    int done_count, progress_count, data_count;
    size_t stop_after; /* bytes; 0 = never */
    struct db_query *query;
};

static inline int outcome_data(void *user, const char *bytes, size_t len)
{
    struct outcome *o = user;
    o->data_count++;
    buf_add(&o->rows, bytes, len);
    return o->stop_after != 0 && o->rows.len >= o->stop_after ? -1 : 0;
}

static inline void outcome_progress(void *user, const struct db_stats *so_far)
{
    struct outcome *o = user;
    o->progress = *so_far;
    o->progress_count++;
}

static inline void outcome_done(void *user, const struct err *err, const struct db_stats *stats)
{
    struct outcome *o = user;
    o->done_count++;
    if (err != NULL)
        o->err = *err;
    o->stats = *stats;
}

/* The request of a read; callers change what they need. */
static inline struct db_request outcome_request(struct outcome *o, const char *sql)
{
    *o = (struct outcome){0};
    buf_init(&o->rows, 256 << 20);
    return (struct db_request){
        .sql = sql,
        .format = "JSONCompactEachRow",
        .tag = "test",
        .on_data = outcome_data,
        .on_done = outcome_done,
        .user = o,
    };
}

static inline void outcome_free(struct outcome *o)
{
    buf_done(&o->rows);
}

/* Runs the loop until `o` is done or the time is up. */
static inline bool wait_done(struct db *db, const struct outcome *o, uint64_t max_ms)
{
    uint64_t until = uv_hrtime() + max_ms * 1000000;
    while (o->done_count == 0 && uv_hrtime() < until) {
        if (uv_run(db->loop, UV_RUN_NOWAIT) == 0 && o->done_count == 0)
            return false;
        uv_sleep(1);
    }
    return o->done_count == 1;
}

/* The whole life of one statement; the outcome is the caller's to free. */
static inline void run_request(struct db *db, struct outcome *o, const struct db_request *request)
{
    struct err err = {0};
    if (db_start(db, request, &o->query, &err) < 0) {
        o->err = err;
        o->done_count = 1;
        return;
    }
    if (o->done_count != 0)
        abort(); /* never from inside db_start() */
    while (o->done_count == 0)
        uv_run(db->loop, UV_RUN_ONCE);
}

static inline void run_read(struct db *db, struct outcome *o, const char *sql)
{
    struct db_request request = outcome_request(o, sql);
    run_request(db, o, &request);
}

static inline void run_write(struct db *db, struct outcome *o, const char *sql)
{
    struct db_request request = outcome_request(o, sql);
    request.is_write = true;
    request.format = NULL;
    request.on_data = NULL;
    run_request(db, o, &request);
}
