#include "chdb_conn.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    APPEND_BYTES = 1 << 20, /* of an INSERT's body at a time, so that a stop is seen in between */
    ARGUMENTS_MAX = 48,
    ARGUMENT_BYTES = 4096 + 32,
};

/* What is kept unpacked is told by unpacked_bytes, not by the rows of one statement. */
#define ANY_ROWS (UINT64_C(1) << 50)

#define ANY       7u
#define BIT(role) (1u << (role))

/* Settings of a connection by role. They are given at connect, where unknown names are accepted
 * silently: tests/engines/test_chdb.c reads them back. */
static const struct {
    unsigned roles;
    const char *argument;
} settings[] = {
    {BIT(CHDB_READER), "--readonly=1"},
    {ANY, "--implicit_select=0"},
    {ANY, "--session_timezone=UTC"},
    {ANY, "--output_format_json_quote_64bit_integers=0"},
    {ANY, "--output_format_json_quote_denormals=0"},
    {ANY, "--output_format_json_quote_decimals=0"},
    {ANY, "--output_format_json_escape_forward_slashes=0"},
    {ANY, "--output_format_json_validate_utf8=1"},
    {ANY, "--date_time_output_format=simple"},
    /* A query that once ran without a limit would size its hash table by that, and fail. */
    {ANY, "--collect_hash_table_stats_during_aggregation=0"},
    /* The names of events are part of a key and cheap; the Map that names the actor is neither. */
    {ANY, "--move_primary_key_columns_to_end_of_prewhere=0"},
    /* The profiler's timers send signals to the whole process. */
    {ANY, "--query_profiler_real_time_period_ns=0"},
    {ANY, "--query_profiler_cpu_time_period_ns=0"},
    {ANY, "--log_queries=0"},
    /* The default ratio is reached only when it is too late to spill. */
    {ANY, "--max_bytes_ratio_before_external_group_by=0"},
    {ANY, "--max_bytes_ratio_before_external_sort=0"},
    {ANY, "--result_overflow_mode=throw"},
    {ANY, "--timeout_overflow_mode=throw"},
    {BIT(CHDB_WRITER), "--async_insert=0"},
};

struct arguments {
    int count;
    char *list[ARGUMENTS_MAX];
    char text[ARGUMENTS_MAX][128];
    char path[ARGUMENT_BYTES], config[ARGUMENT_BYTES];
};

static void add_number(struct arguments *a, const char *name, uint64_t value)
{
    char *text = a->text[a->count];
    snprintf(text, sizeof(a->text[0]), "--%s=%llu", name, (unsigned long long)value);
    a->list[a->count++] = text;
}

static void add_limits(struct arguments *a, const struct chdb_store *store,
                       const struct db_limits *limits)
{
    uint64_t memory = limits->memory_bytes;
    uint64_t cache = chdb_store_cache_bytes(store);
    /* One statement leaves something to the others, and the whole cache. */
    uint64_t share = store->memory_bytes / CHDB_CACHE_SHARE * (CHDB_CACHE_SHARE - 1);
    if (memory == 0 || (share != 0 && memory > share))
        memory = share;
    /* What stays in the cache counts as memory of the statement that unpacked it. */
    uint64_t kept = limits->unpacked_bytes <= cache ? limits->unpacked_bytes : 0;
    char *text = a->text[a->count];
    snprintf(text, sizeof(a->text[0]), "--max_execution_time=%llu.%03llu",
             (unsigned long long)(limits->time_ms / 1000),
             (unsigned long long)(limits->time_ms % 1000));
    a->list[a->count++] = text;
    add_number(a, "max_memory_usage", memory + kept);
    add_number(a, "max_bytes_before_external_group_by", memory / DB_SPILL_SHARE + kept);
    add_number(a, "max_bytes_before_external_sort", memory / DB_SPILL_SHARE + kept);
    add_number(a, "use_uncompressed_cache", kept != 0);
    add_number(a, "merge_tree_max_rows_to_use_cache", ANY_ROWS);
    add_number(a, "group_by_two_level_threshold_bytes", DB_TWO_LEVEL_BYTES);
    add_number(a, "max_result_rows", limits->result_rows);
    add_number(a, "max_result_bytes", limits->result_bytes);
}

/* The settings of the process are read by the first connection only. The configuration file is our
 * own: without one the engine would read config.xml from the working directory. */
static void fill_arguments(struct arguments *a, const struct chdb_conn *conn)
{
    const struct chdb_store *store = conn->store;
    static char name[] = "sextant", progress[] = "--progress=off";
    a->count = 0;
    a->list[a->count++] = name;
    a->list[a->count++] = progress;
    if (store->directory != NULL) {
        snprintf(a->path, sizeof(a->path), "--path=%s/engine", store->directory);
        snprintf(a->config, sizeof(a->config), "--config-file=%s/engine.xml", store->directory);
        a->list[a->count++] = a->path;
    } else {
        snprintf(a->config, sizeof(a->config), "--config-file=/nonexistent/engine.xml");
    }
    a->list[a->count++] = a->config;
    add_number(a, "max_server_memory_usage", store->memory_bytes);
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if ((settings[i].roles & BIT(conn->role)) == 0)
            continue;
        char *text = a->text[a->count];
        snprintf(text, sizeof(a->text[0]), "%s", settings[i].argument);
        a->list[a->count++] = text;
    }
    add_limits(a, store, &conn->limits);
    a->list[a->count] = NULL;
}

static bool has_limits(const struct db_limits *a, const struct db_limits *b)
{
    return a->time_ms == b->time_ms && a->memory_bytes == b->memory_bytes &&
           a->result_rows == b->result_rows && a->result_bytes == b->result_bytes &&
           a->unpacked_bytes == b->unpacked_bytes;
}

static int connect_engine(struct chdb_conn *conn, chdb_handle *ret_handle, struct err *ret_err)
{
    struct arguments *arguments = calloc(1, sizeof(*arguments));
    if (arguments == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    fill_arguments(arguments, conn);
    chdb_handle handle =
        chdb_library_connect(conn->store->library, arguments->count, arguments->list);
    free(arguments);
    if (handle == NULL)
        return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                       "the embedded ClickHouse cannot open the store %.500s: is it writable, is "
                       "there room on the disk, was it written by a newer version?",
                       conn->store->directory != NULL ? conn->store->directory : "in memory");
    *ret_handle = handle;
    return 0;
}

static int run_whole(struct chdb_conn *conn, const struct chdb_statement *s,
                     const struct chdb_sink *sink, struct db_stats *stats, struct err *ret_err);

static int use_database(struct chdb_conn *conn, struct err *ret_err)
{
    static const struct chdb_statement create = {
        .sql = "CREATE DATABASE IF NOT EXISTS sextant ENGINE = Atomic"};
    static const struct chdb_statement use = {.sql = "USE sextant"};
    const struct chdb_sink sink = {0};
    struct db_stats stats = {0};
    int rc = 0;
    if (conn->role == CHDB_CONTROL)
        rc = run_whole(conn, &create, &sink, &stats, ret_err);
    return rc < 0 ? rc : run_whole(conn, &use, &sink, &stats, ret_err);
}

int chdb_conn_open(struct chdb_conn *conn, enum chdb_role role, const struct db_limits *limits,
                   struct err *ret_err)
{
    if (conn->handle != NULL && conn->role == role && has_limits(&conn->limits, limits))
        return 0;
    chdb_conn_close(conn);
    conn->role = role;
    conn->limits = *limits;
    int rc = connect_engine(conn, &conn->handle, ret_err);
    if (rc < 0)
        return rc;
    rc = use_database(conn, ret_err);
    if (rc < 0)
        chdb_conn_close(conn);
    return rc;
}

void chdb_conn_close(struct chdb_conn *conn)
{
    if (conn->handle != NULL)
        conn->store->library->close_conn(conn->handle);
    conn->handle = NULL;
}

static bool is_stopped(const struct chdb_sink *sink)
{
    return sink->is_stopped != NULL && atomic_load(sink->is_stopped);
}

static int fail_stopped(struct err *ret_err)
{
    return err_set(ret_err, ERR_CANCELLED, NULL, "the query was stopped");
}

static int fail_engine(const char *text, struct err *ret_err)
{
    return db_translate_error(0, text, ret_err);
}

static void count_read(const struct chdb_library *library, struct chdb_result *result,
                       struct db_stats *stats)
{
    stats->rows_read += library->result_storage_rows(result);
    stats->bytes_read += library->result_storage_bytes(result);
}

/* Hands the result to the sink, or drops it when it is empty or not wanted. */
static int deliver(const struct chdb_library *library, struct chdb_result *result,
                   const struct chdb_sink *sink)
{
    if (sink->take == NULL || library->result_length(result) == 0) {
        library->destroy_result(result);
        return 0;
    }
    return sink->take(sink->user, result);
}

static int run_whole(struct chdb_conn *conn, const struct chdb_statement *s,
                     const struct chdb_sink *sink, struct db_stats *stats, struct err *ret_err)
{
    const struct chdb_library *library = conn->store->library;
    const char *format = s->format != NULL ? s->format : "TSV";
    if (conn->handle == NULL)
        return err_set(ret_err, ERR_UNAVAILABLE, NULL, "the embedded ClickHouse is not open");
    struct chdb_result *result =
        library->query(*conn->handle, s->sql, strlen(s->sql), format, strlen(format), s->names,
                       NULL, s->values, NULL, s->param_count);
    if (result == NULL)
        return err_set(ret_err, ERR_ENGINE, NULL, "the embedded ClickHouse gave no answer");
    const char *error = library->result_error(result);
    if (error != NULL) {
        int rc = fail_engine(error, ret_err);
        library->destroy_result(result);
        return rc;
    }
    count_read(library, result, stats);
    return deliver(library, result, sink) < 0 ? fail_stopped(ret_err) : 0;
}

static int fetch_chunks(struct chdb_conn *conn, struct chdb_result *stream,
                        const struct chdb_sink *sink, struct db_stats *stats, struct err *ret_err)
{
    const struct chdb_library *library = conn->store->library;
    for (;;) {
        if (is_stopped(sink))
            return fail_stopped(ret_err);
        struct chdb_result *chunk = library->stream_fetch(*conn->handle, stream);
        if (chunk == NULL)
            return err_set(ret_err, ERR_ENGINE, NULL, "the embedded ClickHouse gave no answer");
        const char *error = library->result_error(chunk);
        if (error != NULL) {
            int rc = fail_engine(error, ret_err);
            library->destroy_result(chunk);
            return rc;
        }
        count_read(library, chunk, stats);
        bool is_end = library->result_length(chunk) == 0;
        if (deliver(library, chunk, sink) < 0)
            return fail_stopped(ret_err);
        if (is_end)
            return 0;
    }
}

static int run_stream(struct chdb_conn *conn, const struct chdb_statement *s,
                      const struct chdb_sink *sink, struct db_stats *stats, struct err *ret_err)
{
    const struct chdb_library *library = conn->store->library;
    struct chdb_result *stream =
        library->stream_query(*conn->handle, s->sql, strlen(s->sql), s->format, strlen(s->format),
                              s->names, NULL, s->values, NULL, s->param_count);
    if (stream == NULL)
        return err_set(ret_err, ERR_ENGINE, NULL, "the embedded ClickHouse gave no answer");
    const char *error = library->result_error(stream);
    int rc = 0;
    if (error != NULL) {
        rc = fail_engine(error, ret_err);
    } else {
        rc = fetch_chunks(conn, stream, sink, stats, ret_err);
        if (rc < 0)
            library->stream_cancel(*conn->handle, stream);
    }
    library->destroy_result(stream);
    return rc;
}

/* Cuts "… FORMAT Name" into the statement before it and the name: the library wants them apart, and
 * would read the body as Values otherwise. */
static bool split_format(const char *sql, size_t *ret_len, char *ret_format, size_t size)
{
    static const char keyword[] = "FORMAT";
    size_t end = strlen(sql);
    while (end > 0 && (isspace((unsigned char)sql[end - 1]) || sql[end - 1] == ';'))
        end--;
    size_t start = end;
    while (start > 0 && isalnum((unsigned char)sql[start - 1]))
        start--;
    size_t len = end - start, cut = start;
    while (cut > 0 && isspace((unsigned char)sql[cut - 1]))
        cut--;
    size_t keyword_len = sizeof(keyword) - 1;
    if (len == 0 || len >= size || cut == start || cut < keyword_len ||
        strncasecmp(sql + cut - keyword_len, keyword, keyword_len) != 0)
        return false;
    memcpy(ret_format, sql + start, len);
    ret_format[len] = '\0';
    *ret_len = cut - keyword_len;
    return true;
}

static int append_body(const struct chdb_library *library, struct chdb_insert *insert,
                       const struct chdb_statement *s, const struct chdb_sink *sink,
                       struct err *ret_err)
{
    for (size_t at = 0; at < s->body_len; at += APPEND_BYTES) {
        if (is_stopped(sink))
            return fail_stopped(ret_err);
        size_t len = s->body_len - at < APPEND_BYTES ? s->body_len - at : APPEND_BYTES;
        if (library->insert_append(insert, s->body + at, len) != 0)
            break; /* finishing tells why */
    }
    return is_stopped(sink) ? fail_stopped(ret_err) : 0;
}

static int run_insert(struct chdb_conn *conn, const struct chdb_statement *s,
                      const struct chdb_sink *sink, struct err *ret_err)
{
    const struct chdb_library *library = conn->store->library;
    char format[64];
    size_t sql_len = 0;
    if (!split_format(s->sql, &sql_len, format, sizeof(format)))
        return err_set(ret_err, ERR_INTERNAL, NULL, "an INSERT with a body must end with FORMAT");
    struct chdb_insert *insert =
        library->insert_start(*conn->handle, s->sql, sql_len, format, strlen(format), s->names,
                              NULL, s->values, NULL, s->param_count);
    if (insert == NULL)
        return err_set(ret_err, ERR_ENGINE, NULL, "the embedded ClickHouse gave no answer");
    const char *error = library->insert_error(insert);
    int rc = error != NULL ? fail_engine(error, ret_err)
                           : append_body(library, insert, s, sink, ret_err);
    if (error == NULL && rc < 0) {
        library->insert_cancel(insert);
    } else if (error == NULL) {
        struct chdb_result *end = library->insert_finish(insert);
        error = end != NULL ? library->result_error(end) : "no answer";
        if (error != NULL)
            rc = fail_engine(error, ret_err);
        if (end != NULL)
            library->destroy_result(end);
    }
    library->insert_destroy(insert);
    return rc;
}

/* A failed whole-result call leaves bytes that the engine puts in front of the connection's next
 * result, and a failed INSERT holds the table until the connection's next statement: the end of a
 * DROP DATABASE … SYNC of another one waits for that. A new connection is cheaper than draining
 * the bytes; it is opened before the old one goes, because closing the last connection shuts the
 * engine down. */
static void replace_connection(struct chdb_conn *conn)
{
    struct chdb_conn fresh = {.store = conn->store};
    int rc = chdb_conn_open(&fresh, conn->role, &conn->limits, NULL);
    chdb_handle spoiled = conn->handle;
    conn->handle = rc < 0 ? NULL : fresh.handle;
    conn->store->library->close_conn(spoiled);
}

/* What is not streamed. */
static int run_safely(struct chdb_conn *conn, const struct chdb_statement *s,
                      const struct chdb_sink *sink, struct db_stats *stats, struct err *ret_err)
{
    int rc = s->body != NULL ? run_insert(conn, s, sink, ret_err)
                             : run_whole(conn, s, sink, stats, ret_err);
    if (rc < 0)
        replace_connection(conn);
    return rc;
}

/* Only queries can be streamed; SHOW, DESCRIBE, EXPLAIN and the like come as a whole. */
static bool is_query(const char *sql)
{
    for (;;) {
        sql += strspn(sql, " \t\r\n\v\f(");
        if (strncmp(sql, "/*", 2) == 0) {
            const char *end = strstr(sql + 2, "*/");
            if (end == NULL)
                return false;
            sql = end + 2;
        } else if (strncmp(sql, "--", 2) == 0) {
            sql += strcspn(sql, "\n");
        } else {
            break;
        }
    }
    size_t word = 0;
    while (isalpha((unsigned char)sql[word]))
        word++;
    return (word == 6 && strncasecmp(sql, "SELECT", 6) == 0) ||
           (word == 4 && strncasecmp(sql, "WITH", 4) == 0);
}

int chdb_conn_run(struct chdb_conn *conn, const struct chdb_statement *statement,
                  const struct chdb_sink *sink, struct db_stats *stats, struct err *ret_err)
{
    uint64_t started = uv_hrtime();
    bool is_stream =
        statement->body == NULL && statement->format != NULL && is_query(statement->sql);
    int rc = is_stream ? run_stream(conn, statement, sink, stats, ret_err)
                       : run_safely(conn, statement, sink, stats, ret_err);
    stats->elapsed_ns = uv_hrtime() - started;
    return rc;
}

struct answer {
    const struct chdb_library *library;
    struct buf *out;
};

static int take_answer(void *user, struct chdb_result *result)
{
    struct answer *answer = user;
    buf_add(answer->out, answer->library->result_buffer(result),
            answer->library->result_length(result));
    answer->library->destroy_result(result);
    return 0;
}

int chdb_conn_ask(struct chdb_conn *conn, const char *sql, struct buf *out, struct err *ret_err)
{
    struct answer answer = {conn->store->library, out};
    struct chdb_sink sink = {.take = out != NULL ? take_answer : NULL, .user = &answer};
    struct chdb_statement statement = {.sql = sql, .format = "TSV"};
    struct db_stats stats = {0};
    /* It may be closed: replacing it after a failure can fail too. */
    const struct db_limits limits = conn->limits;
    int rc = chdb_conn_open(conn, conn->role, &limits, ret_err);
    if (rc == 0)
        rc = run_safely(conn, &statement, &sink, &stats, ret_err);
    if (rc == 0 && out != NULL && buf_failed(out))
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    return rc;
}
