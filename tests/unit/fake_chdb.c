/* A library with libchdb's C interface and no engine behind it: what a statement does is told by a
 * word in it. It lets the threads of the embedded engine run under the sanitizers, which the real
 * library does not; the real one is tested in engines/test_chdb.c.
 *
 *   ROWS   streams many chunks      BLOCK  runs until it is killed      STUCK  sleeps, kill or not
 *   FAIL   fails                    BREAK  fails after some chunks */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define ARGUMENTS                                                                                  \
    void *connection, const char *sql, size_t sql_len, const char *format, size_t format_len,      \
        const char *const *names, const size_t *name_lens, const char *const *values,              \
        const size_t *value_lens, size_t count

enum { CHUNKS = 40, CHUNK_BYTES = 500000 };

struct result {
    char *bytes;
    size_t len;
    const char *error;
    char sql[256];
    int chunks;
};

static atomic_int kill_count, connection_count, thread_count;
static pthread_key_t thread_key;
static pthread_once_t thread_key_once = PTHREAD_ONCE_INIT;

EXPORT void **chdb_connect(int argc, char **argv);
EXPORT void chdb_close_conn(void **connection);
EXPORT struct result *chdb_query_with_params_n(ARGUMENTS);
EXPORT struct result *chdb_stream_query_with_params_n(ARGUMENTS);
EXPORT struct result *chdb_stream_fetch_result(void *connection, struct result *stream);
EXPORT void chdb_stream_cancel_query(void *connection, struct result *stream);
EXPORT void chdb_destroy_query_result(struct result *result);
EXPORT char *chdb_result_buffer(struct result *result);
EXPORT size_t chdb_result_length(struct result *result);
EXPORT const char *chdb_result_error(struct result *result);
EXPORT uint64_t chdb_result_storage_rows_read(struct result *result);
EXPORT uint64_t chdb_result_storage_bytes_read(struct result *result);
EXPORT struct result *chdb_stream_insert_with_params_n(ARGUMENTS);
EXPORT int chdb_stream_append(struct result *insert, const void *bytes, size_t len);
EXPORT struct result *chdb_stream_done(struct result *insert);
EXPORT void chdb_stream_cancel_insert(struct result *insert);
EXPORT const char *chdb_stream_insert_error(struct result *insert);
EXPORT void chdb_destroy_insert_stream(struct result *insert);
EXPORT const char *chdb_version(void);
EXPORT void chdb_set_signal_handlers_enabled(int is_enabled);

/* As the real one does, this library keeps something of each thread until that thread ends, and it
 * needs the engine for that. */
static void forget_thread(void *value)
{
    usleep(5000);
    atomic_fetch_sub(&thread_count, 1);
}

static void make_thread_key(void)
{
    pthread_key_create(&thread_key, forget_thread);
}

static void remember_thread(void)
{
    pthread_once(&thread_key_once, make_thread_key);
    if (pthread_getspecific(thread_key) != NULL)
        return;
    pthread_setspecific(thread_key, &thread_key);
    atomic_fetch_add(&thread_count, 1);
}

void **chdb_connect(int argc, char **argv)
{
    void **connection = malloc(sizeof(*connection));
    remember_thread();
    atomic_fetch_add(&connection_count, 1);
    *connection = connection;
    return connection;
}

void chdb_close_conn(void **connection)
{
    bool is_last = atomic_fetch_sub(&connection_count, 1) == 1;
    if (is_last && atomic_load(&thread_count) > 1) {
        fputs("the engine ends before a thread that used it\n", stderr);
        abort();
    }
    free(connection);
}

static struct result *make_result(const char *bytes, size_t len)
{
    struct result *r = calloc(1, sizeof(*r));
    r->bytes = malloc(len + 1);
    memcpy(r->bytes, bytes, len);
    r->len = len;
    return r;
}

static struct result *make_error(const char *error)
{
    struct result *r = calloc(1, sizeof(*r));
    r->error = error;
    return r;
}

struct result *chdb_query_with_params_n(ARGUMENTS)
{
    if (strncmp(sql, "KILL", 4) == 0)
        atomic_fetch_add(&kill_count, 1);
    if (strstr(sql, "version()") != NULL)
        return make_result("26.7.2.1\n", 9);
    if (strstr(sql, "FAIL") != NULL)
        return make_error("Code: 60. DB::Exception: Table x.y does not exist.");
    return make_result("", 0);
}

struct result *chdb_stream_query_with_params_n(ARGUMENTS)
{
    if (strstr(sql, "FAIL") != NULL)
        return make_error("Code: 60. DB::Exception: Table x.y does not exist.");
    struct result *stream = calloc(1, sizeof(*stream));
    memcpy(stream->sql, sql, sql_len < sizeof(stream->sql) ? sql_len : sizeof(stream->sql) - 1);
    return stream;
}

struct result *chdb_stream_fetch_result(void *connection, struct result *stream)
{
    static const char rows[CHUNK_BYTES];
    int chunk = stream->chunks++;
    if (strstr(stream->sql, "STUCK") != NULL)
        sleep(3);
    if (strstr(stream->sql, "BLOCK") != NULL) {
        int before = atomic_load(&kill_count);
        while (atomic_load(&kill_count) == before)
            usleep(500);
        return make_error("Code: 394. DB::Exception: Query was cancelled.");
    }
    if (strstr(stream->sql, "BREAK") != NULL && chunk == CHUNKS / 2)
        return make_error("Code: 395. DB::Exception: Value passed to 'throwIf'.");
    if (strstr(stream->sql, "ROWS") != NULL || strstr(stream->sql, "BREAK") != NULL)
        return make_result(rows, chunk < CHUNKS ? CHUNK_BYTES : 0);
    return make_result("[1]\n", chunk == 0 ? 4 : 0);
}

void chdb_stream_cancel_query(void *connection, struct result *stream)
{
}

void chdb_destroy_query_result(struct result *result)
{
    free(result->bytes);
    free(result);
}

char *chdb_result_buffer(struct result *result)
{
    return result->bytes;
}

size_t chdb_result_length(struct result *result)
{
    return result->len;
}

const char *chdb_result_error(struct result *result)
{
    return result->error;
}

uint64_t chdb_result_storage_rows_read(struct result *result)
{
    return result->len;
}

uint64_t chdb_result_storage_bytes_read(struct result *result)
{
    return result->len;
}

struct result *chdb_stream_insert_with_params_n(ARGUMENTS)
{
    return calloc(1, sizeof(struct result));
}

int chdb_stream_append(struct result *insert, const void *bytes, size_t len)
{
    usleep(1000);
    insert->len += len;
    return memchr(bytes, '!', len) != NULL;
}

struct result *chdb_stream_done(struct result *insert)
{
    return insert->len % 2 == 1 ? make_error("Code: 27. DB::Exception: Cannot parse input")
                                : make_result("", 0);
}

void chdb_stream_cancel_insert(struct result *insert)
{
}

const char *chdb_stream_insert_error(struct result *insert)
{
    return insert->error;
}

void chdb_destroy_insert_stream(struct result *insert)
{
    free(insert);
}

const char *chdb_version(void)
{
    return "26.7.3";
}

void chdb_set_signal_handlers_enabled(int is_enabled)
{
}
