/* Runs statements through sql/db.h and prints what came of them, for the engine tests.
 *
 * stdin: {"engine": "clickhouse" | "chdb" | "store" (a shared chdb), "options": {…as the members of
 * the options struct…}, "together": bool, "close_after_ms": n, "statements": [{"sql", "params":
 * {name: escaped text}, "format", "tag", "is_write", "body", "limits": {time_ms, memory_bytes,
 * result_rows, result_bytes}, "progress": bool, "cancel_after_ms": n, "stop_after_bytes": n,
 * "cancel_in_data": bool}]} stdout: {"info": {…}, "results": [{"rows", "bytes", "err": {…},
 * "stats": {…}, "elapsed_ms", "progress": [rows_read…]}]}, or {"open_error": {…}}. Statements
 * run one after the other, or all at once with "together". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <uv.h>

#include "buf.h"
#include "chdb_library.h"
#include "db.h"

struct job;

struct statement {
    struct job *job;
    const json_t *spec;
    struct db_query *query;
    struct buf rows;
    uv_timer_t cancel_timer;
    size_t stop_after_bytes;
    uint64_t started_ns;
    bool is_started, is_done, has_timer;
    json_t *progress;
    json_t *result;
};

struct job {
    uv_loop_t loop;
    struct db *db;
    struct statement *statements;
    size_t count, done_count;
    bool is_together, is_closing;
    uv_timer_t close_timer;
    bool has_close_timer;
    json_t *info;
};

static void start_next(struct job *job, size_t from);

static json_t *err_json(const struct err *err)
{
    return json_pack("{s:s, s:i, s:s, s:s, s:s}", "code", err_name(err->code), "engine_code",
                     err->engine_code, "field", err->field, "text", err->text, "raw", err->raw);
}

static json_t *info_json(const struct db_info *info)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:i}", "engine", info->engine, "version",
                     info->version, "target", info->target, "database", info->database,
                     "may_set_limits", info->may_set_limits, "may_kill", info->may_kill,
                     "is_embedded", info->is_embedded, "owner_pid", info->owner_pid);
}

static void on_closed(void *user)
{
    struct job *job = user;
    job->db = NULL;
}

static void close_db(struct job *job)
{
    if (job->is_closing)
        return;
    job->is_closing = true;
    job->info = info_json(&job->db->info);
    if (job->has_close_timer)
        uv_close((uv_handle_t *)&job->close_timer, NULL);
    job->db->ops->close(job->db, on_closed, job);
}

static void on_close_timer(uv_timer_t *timer)
{
    close_db(timer->data);
}

static int on_data(void *user, const char *bytes, size_t len)
{
    struct statement *s = user;
    buf_add(&s->rows, bytes, len);
    if (json_is_true(json_object_get(s->spec, "cancel_in_data")))
        db_cancel(s->job->db, s->query);
    return s->stop_after_bytes > 0 && s->rows.len >= s->stop_after_bytes ? -1 : 0;
}

static void on_progress(void *user, const struct db_stats *so_far)
{
    struct statement *s = user;
    json_array_append_new(s->progress, json_integer((json_int_t)so_far->rows_read));
}

static void finish(struct statement *s, const struct err *err, const struct db_stats *stats)
{
    if (s->is_done) {
        fprintf(stderr, "on_done was called twice\n");
        abort();
    }
    s->is_done = true;
    s->query = NULL;
    json_t *rows = json_stringn(buf_text(&s->rows), s->rows.len);
    s->result = json_pack(
        "{s:o*, s:I, s:o*, s:f, s:o, s:{s:I, s:I, s:I, s:I}}", "rows", rows, "bytes",
        (json_int_t)s->rows.len, "err", err != NULL ? err_json(err) : NULL, "elapsed_ms",
        (double)(uv_hrtime() - s->started_ns) / 1e6, "progress", json_incref(s->progress), "stats",
        "rows_read", (json_int_t)stats->rows_read, "bytes_read", (json_int_t)stats->bytes_read,
        "rows_total", (json_int_t)stats->rows_total, "elapsed_ns", (json_int_t)stats->elapsed_ns);
    if (s->has_timer)
        uv_close((uv_handle_t *)&s->cancel_timer, NULL);
    buf_done(&s->rows);
    struct job *job = s->job;
    job->done_count++;
    if (job->done_count == job->count)
        close_db(job);
    else if (!job->is_together && !job->is_closing)
        start_next(job, (size_t)(s - job->statements) + 1);
}

static void on_done(void *user, const struct err *err, const struct db_stats *stats)
{
    finish(user, err, stats);
}

static void on_cancel_timer(uv_timer_t *timer)
{
    struct statement *s = timer->data;
    if (s->query != NULL)
        db_cancel(s->job->db, s->query);
}

static uint64_t number(const json_t *object, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

static void start(struct statement *s)
{
    const json_t *limits = json_object_get(s->spec, "limits");
    json_t *params = json_object_get(s->spec, "params");
    size_t count = json_object_size(params), i = 0;
    struct db_param *list = calloc(count + 1, sizeof *list);
    const char *name;
    json_t *value;
    json_object_foreach (params, name, value) {
        list[i++] = (struct db_param){name, json_string_value(value)};
    }
    const json_t *body = json_object_get(s->spec, "body");
    struct db_request request = {
        .sql = json_string_value(json_object_get(s->spec, "sql")),
        .params = list,
        .param_count = count,
        .format = json_string_value(json_object_get(s->spec, "format")),
        .limits = {number(limits, "time_ms"), number(limits, "memory_bytes"),
                   number(limits, "result_rows"), number(limits, "result_bytes")},
        .tag = json_string_value(json_object_get(s->spec, "tag")),
        .is_write = json_is_true(json_object_get(s->spec, "is_write")),
        .body = json_string_value(body),
        .body_len = json_string_length(body),
        .on_data = on_data,
        .on_progress = json_is_true(json_object_get(s->spec, "progress")) ? on_progress : NULL,
        .on_done = on_done,
        .user = s,
    };
    struct err err;
    s->is_started = true;
    s->stop_after_bytes = number(s->spec, "stop_after_bytes");
    s->started_ns = uv_hrtime();
    s->progress = json_array();
    buf_init(&s->rows, (size_t)1 << 30);
    int rc = db_start(s->job->db, &request, &s->query, &err);
    free(list);
    if (rc < 0) {
        const struct db_stats none = {0};
        finish(s, &err, &none);
        return;
    }
    if (s->is_done)
        abort(); /* on_done must not come from inside db_start */
    const json_t *cancel = json_object_get(s->spec, "cancel_after_ms");
    if (cancel != NULL) {
        s->has_timer = true;
        uv_timer_init(&s->job->loop, &s->cancel_timer);
        s->cancel_timer.data = s;
        uv_timer_start(&s->cancel_timer, on_cancel_timer, number(s->spec, "cancel_after_ms"), 0);
    }
}

static void start_next(struct job *job, size_t from)
{
    size_t to = job->is_together ? job->count : from + 1;
    for (size_t i = from; i < to && i < job->count; i++)
        start(&job->statements[i]);
}

static const char *text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static struct db *open_db(struct job *job, const json_t *spec, struct err *ret_err)
{
    const json_t *o = json_object_get(spec, "options");
    if (strcmp(text(spec, "engine"), "clickhouse") != 0) {
        const struct chdb_options options = {
            .store = text(o, "store"),
            .library = text(o, "library"),
            .holder = "db_cli",
            .memory_bytes = number(o, "memory_bytes"),
        };
        return strcmp(text(spec, "engine"), "chdb") == 0 ? chdb_new(&job->loop, &options, ret_err)
                                                         : store_new(&job->loop, &options, ret_err);
    }
    const struct clickhouse_options options = {
        .host = text(o, "host"),
        .port = (int)number(o, "port"),
        .user = text(o, "user"),
        .password = text(o, "password"),
        .database = text(o, "database"),
        .role = text(o, "role"),
        .ca_file = text(o, "ca_file"),
        .proxy_path = text(o, "proxy_path"),
        .is_secure = json_is_true(json_object_get(o, "is_secure")),
        .skip_verify = json_is_true(json_object_get(o, "skip_verify")),
        .connect_timeout_ms = number(o, "connect_timeout_ms"),
    };
    return clickhouse_new(&job->loop, &options, ret_err);
}

static void print_results(struct job *job)
{
    json_t *results = json_array();
    for (size_t i = 0; i < job->count; i++) {
        json_t *result = job->statements[i].result;
        json_array_append_new(results, result != NULL ? result : json_null());
        json_decref(job->statements[i].progress);
    }
    json_t *answer = json_pack("{s:o, s:o}", "info", job->info, "results", results);
    json_dumpf(answer, stdout, JSON_COMPACT);
    json_decref(answer);
}

int main(void)
{
    struct job job = {0};
    struct err err;
    json_error_t problem;
    json_t *spec = json_loadf(stdin, 0, &problem);
    if (spec == NULL) {
        fprintf(stderr, "stdin: %s\n", problem.text);
        return 2;
    }
    uv_loop_init(&job.loop);
    const json_t *statements = json_object_get(spec, "statements");
    job.count = json_array_size(statements);
    job.is_together = json_is_true(json_object_get(spec, "together"));
    job.statements = calloc(job.count + 1, sizeof *job.statements);
    job.db = open_db(&job, spec, &err);
    if (job.db == NULL) {
        json_t *answer = json_pack("{s:o}", "open_error", err_json(&err));
        json_dumpf(answer, stdout, JSON_COMPACT);
        json_decref(answer);
    } else {
        for (size_t i = 0; i < job.count; i++)
            job.statements[i] =
                (struct statement){.job = &job, .spec = json_array_get(statements, i)};
        if (json_object_get(spec, "close_after_ms") != NULL) {
            job.has_close_timer = true;
            uv_timer_init(&job.loop, &job.close_timer);
            job.close_timer.data = &job;
            uv_timer_start(&job.close_timer, on_close_timer, number(spec, "close_after_ms"), 0);
        }
        start_next(&job, 0);
        uv_run(&job.loop, UV_RUN_DEFAULT);
        print_results(&job);
    }
    free(job.statements);
    json_decref(spec);
    chdb_library_exit(uv_loop_close(&job.loop) == 0 ? 0 : 3);
}
