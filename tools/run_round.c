/* The queries of a round: they are added while a step is planned, run together and end together. */
#include "run_internal.h"
#include "json.h"

static void query_release(struct run_query *q)
{
    query_done(&q->query);
    rows_done(&q->rows);
    q->started = NULL;
}

void round_release(struct run_state *r)
{
    keys_release(r);
    for (size_t i = 0; i < r->query_count; i++)
        query_release(&r->queries[i]);
    r->query_count = 0;
}

int run_query(struct run *run, struct query *q, const struct sql_text *text,
              const struct query_fragment *fragments, size_t max_rows, struct err *ret_err)
{
    struct run_state *r = run_state_of(run);
    if (r->query_count == RUN_MAX_QUERIES)
        return err_set(ret_err, ERR_INTERNAL, NULL, "too many queries in one round");
    int rc = query_render(q, text, fragments, ret_err);
    if (rc < 0)
        return rc;
    struct run_query *slot = &r->queries[r->query_count];
    *slot = (struct run_query){.run = run, .name = text->name, .query = *q};
    query_init(q);
    rows_init(&slot->rows, max_rows != 0 ? max_rows : 10000, RUN_MAX_BYTES);
    return (int)r->query_count++;
}

bool run_has_asked(const struct run *run)
{
    return run_state_of_const(run)->query_count > 0;
}

const json_t *run_rows(const struct run *run, int index)
{
    return run_state_of_const(run)->queries[index].rows.items;
}

bool run_rows_truncated(const struct run *run, int index)
{
    return run_state_of_const(run)->queries[index].rows.is_truncated;
}

static int on_data(void *user, const char *bytes, size_t len)
{
    struct run_query *q = user;
    return run_state_of(q->run)->is_answered ? -1 : rows_feed(&q->rows, bytes, len);
}

void round_cancel(struct run_state *r)
{
    keys_cancel(r);
    for (size_t i = 0; i < r->query_count; i++)
        if (r->queries[i].started != NULL)
            db_cancel(r->run.workspace->db, r->queries[i].started);
}

static void note_failure(struct run_state *r, const struct err *err)
{
    if (r->failure.code == ERR_OK)
        r->failure = *err;
    round_cancel(r);
}

static int start_query(struct run_state *r, struct run_query *q, struct err *ret_err);

/* A database may bound how long a query of this user may take: then that is how long it takes. */
static bool start_again(struct run_state *r, struct run_query *q, const struct err *err)
{
    enum { SETTING_CONSTRAINT_VIOLATION = 452 }; /* of ClickHouse's error codes */
    if (err == NULL || err->engine_code != SETTING_CONSTRAINT_VIOLATION || q->time_ms == 0 ||
        r->is_cancelled || r->failure.code != ERR_OK)
        return false;
    r->query_ms = q->time_ms = 0;
    return start_query(r, q, NULL) == 0;
}

static void on_done(void *user, const struct err *err, const struct db_stats *stats)
{
    struct run_query *q = user;
    struct run_state *r = run_state_of(q->run);
    if (run_forget_answered(r))
        return;
    q->started = NULL;
    if (start_again(r, q, err))
        return;
    q->stats = *stats;
    r->stats.rows_read += stats->rows_read;
    r->stats.bytes_read += stats->bytes_read;
    struct err failure = {0};
    /* Reading stops when a cap is hit, which is a result and not an error, or at a broken row. */
    bool is_own_stop =
        err != NULL && err->code == ERR_LIMIT && (q->rows.is_truncated || q->rows.failed);
    if (err != NULL && !is_own_stop)
        note_failure(r, err);
    else if (rows_end(&q->rows, &failure) < 0)
        note_failure(r, &failure);
    if (--r->running == 0 && !r->is_starting)
        run_advance(r);
}

/* What has ended counts as read in full. */
static void on_progress(void *user, const struct db_stats *so_far)
{
    struct run_query *q = user;
    struct run_state *r = run_state_of(q->run);
    if (r->progress == NULL || r->is_answered)
        return;
    q->stats = *so_far;
    uint64_t done = r->stats.rows_read, total = done;
    for (size_t i = 0; i < r->query_count; i++) {
        const struct db_stats *stats = &r->queries[i].stats;
        if (r->queries[i].started == NULL)
            continue;
        done += stats->rows_read;
        total += stats->rows_total > stats->rows_read ? stats->rows_total : stats->rows_read;
    }
    r->progress(r->user, (double)done, total > done ? (double)total : 0);
}

struct db_request round_request(const struct run_state *r, uint64_t time_ms)
{
    const struct source *source = r->run.source;
    return (struct db_request){
        .format = "JSONCompactEachRow",
        /* The reader's own cap comes first: it keeps what came. */
        .limits = {.result_bytes = (uint64_t)2 * RUN_MAX_BYTES,
                   .time_ms = time_ms,
                   .unpacked_bytes = source != NULL ? source_unpacked_bytes(source) : 0},
        .tag = r->run.tool->name};
}

static int start_query(struct run_state *r, struct run_query *q, struct err *ret_err)
{
    struct db_request request = round_request(r, q->time_ms);
    request.on_data = on_data;
    request.on_progress = r->progress != NULL ? on_progress : NULL;
    request.on_done = on_done;
    request.user = q;
    return query_start(r->run.workspace->db, &q->query, &request, &q->started, ret_err);
}

void round_start(struct run_state *r)
{
    r->is_starting = true;
    keys_start(r);
    r->is_starting = false;
    if (r->running == 0)
        round_start_queries(r);
}

void round_start_queries(struct run_state *r)
{
    keys_release(r);
    r->is_starting = true;
    for (size_t i = 0; i < r->query_count && r->failure.code == ERR_OK && !r->is_cancelled; i++) {
        struct err err = {0};
        r->queries[i].time_ms = r->query_ms;
        if (start_query(r, &r->queries[i], &err) < 0)
            note_failure(r, &err);
        else
            r->running++;
    }
    r->is_starting = false;
    /* Nothing could be started: move on from the loop, never from inside the caller. */
    if (r->running == 0)
        workspace_push(r->run.workspace, r);
}

/* --- explain --------------------------------------------------------------------------------- */

void round_keep_explained(struct run_state *r)
{
    for (size_t i = 0; i < r->query_count; i++)
        json_array_append_new(r->explained, meta_query(&r->queries[i]));
}

/* Turns the round's queries into EXPLAIN ESTIMATE of themselves. */
void round_explain(struct run_state *r)
{
    for (size_t i = 0; i < r->query_count; i++) {
        struct buf sql = {0};
        buf_printf(&sql, "EXPLAIN ESTIMATE %s", buf_text(&r->queries[i].query.sql));
        buf_done(&r->queries[i].query.sql);
        r->queries[i].query.sql = sql;
    }
}

/* EXPLAIN ESTIMATE gives (database, table, parts, rows, marks); bytes are those of whole rows, an
 * upper bound. */
void round_keep_estimates(struct run_state *r)
{
    for (size_t i = 0; i < r->query_count; i++) {
        json_int_t rows = 0;
        double bytes_per_row = r->run.source != NULL ? r->run.source->bytes_per_row : 0;
        const json_t *items = r->queries[i].rows.items;
        for (size_t k = 0; k < json_array_size(items); k++)
            rows += json_at_integer(json_array_get(items, k), 3);
        json_object_set_new(json_array_get(r->explained, i), "estimate",
                            json_pack("{s:I, s:I}", "rows", rows, "bytes",
                                      (json_int_t)((double)rows * bytes_per_row)));
    }
}
