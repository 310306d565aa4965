#include "chdb_library.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "library.h"

#ifndef SEXTANT_LIBCHDB_DEFAULT
#define SEXTANT_LIBCHDB_DEFAULT ""
#endif

#if defined(__APPLE__) && defined(__aarch64__)
#define PACKAGE "lib-darwin-arm64"
#elif defined(__APPLE__)
#define PACKAGE "lib-darwin-x64"
#elif defined(__aarch64__)
#define PACKAGE "lib-linux-arm64-gnu"
#else
#define PACKAGE "lib-linux-x64-gnu"
#endif

#define LIBRARY "libchdb.so"

#define HOW_TO_GET_IT                                                                              \
    "fetch it with `./dev setup` in the source folder, or with `npm install @chdb/" PACKAGE        \
    "` and give its path with --libchdb PATH"

enum { PARENTS_MAX = 4, MAJOR_VERSION_MIN = 26 };

#define SYMBOL(member, symbol) LIBRARY_SYMBOL(chdb_library, symbol, member)
static const struct library_symbol symbols[] = {
    SYMBOL(connect, "chdb_connect"),
    SYMBOL(close_conn, "chdb_close_conn"),
    SYMBOL(query, "chdb_query_with_params_n"),
    SYMBOL(stream_query, "chdb_stream_query_with_params_n"),
    SYMBOL(stream_fetch, "chdb_stream_fetch_result"),
    SYMBOL(stream_cancel, "chdb_stream_cancel_query"),
    SYMBOL(destroy_result, "chdb_destroy_query_result"),
    SYMBOL(result_buffer, "chdb_result_buffer"),
    SYMBOL(result_length, "chdb_result_length"),
    SYMBOL(result_error, "chdb_result_error"),
    SYMBOL(result_storage_rows, "chdb_result_storage_rows_read"),
    SYMBOL(result_storage_bytes, "chdb_result_storage_bytes_read"),
    SYMBOL(insert_start, "chdb_stream_insert_with_params_n"),
    SYMBOL(insert_append, "chdb_stream_append"),
    SYMBOL(insert_finish, "chdb_stream_done"),
    SYMBOL(insert_cancel, "chdb_stream_cancel_insert"),
    SYMBOL(insert_error, "chdb_stream_insert_error"),
    SYMBOL(insert_destroy, "chdb_destroy_insert_stream"),
    SYMBOL(get_version, "chdb_version"),
    SYMBOL(set_signal_handlers, "chdb_set_signal_handlers_enabled"),
};

/* The signals that the library resets to their default when told to install no handlers. */
static const int reset_signals[] = {SIGABRT, SIGSEGV, SIGILL,  SIGBUS,
                                    SIGSYS,  SIGFPE,  SIGTSTP, SIGTRAP};
enum { RESET_SIGNALS = sizeof(reset_signals) / sizeof(reset_signals[0]) };

/* One engine per process: its library is process-wide state by nature. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct chdb_library loaded;
static bool is_loaded;

static bool try_file(char *out, size_t size, const char *directory, const char *rest)
{
    return snprintf(out, size, "%s%s", directory, rest) < (int)size && access(out, R_OK) == 0;
}

/* Looks beside the executable, then upwards for a node_modules that has the package. */
static bool find_near_executable(char *out, size_t size)
{
    char directory[PATH_MAX];
    size_t len = sizeof(directory);
    if (uv_exepath(directory, &len) < 0)
        return false;
    for (int i = -1; i <= PARENTS_MAX; i++) {
        char *slash = strrchr(directory, '/');
        if (slash == NULL)
            return false;
        *slash = '\0';
        if (i < 0 && (try_file(out, size, directory, "/libchdb.so") ||
                      try_file(out, size, directory, "/../lib/libchdb.so")))
            return true;
        if (try_file(out, size, directory, "/node_modules/@chdb/" PACKAGE "/libchdb.so"))
            return true;
    }
    return false;
}

/* A path that somebody named is used as it is, so that a mistake in it is told. */
static const char *find_library(const char *path, char *buffer, size_t size)
{
    if (path != NULL && path[0] != '\0')
        return path;
    const char *named = getenv("SEXTANT_LIBCHDB");
    if (named != NULL && named[0] != '\0')
        return named;
    if (SEXTANT_LIBCHDB_DEFAULT[0] != '\0' && try_file(buffer, size, SEXTANT_LIBCHDB_DEFAULT, ""))
        return buffer;
    if (find_near_executable(buffer, size))
        return buffer;
    return LIBRARY;
}

static int resolve_symbols(void *library, const char *file, struct chdb_library *table,
                           struct err *ret_err)
{
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        void *symbol = dlsym(library, symbols[i].name);
        if (symbol == NULL)
            return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                           "the ClickHouse library %.300s is too old (it lacks %s); " HOW_TO_GET_IT,
                           file, symbols[i].name);
        /* Data and function pointers have the same form wherever dlsym() exists. */
        memcpy((char *)table + symbols[i].offset, (const void *)&symbol, sizeof(symbol));
    }
    const char *version = table->get_version();
    snprintf(table->version, sizeof(table->version), "%s", version != NULL ? version : "");
    if (strtol(table->version, NULL, 10) < MAJOR_VERSION_MIN)
        return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                       "the ClickHouse library %.300s is too old (version %s); " HOW_TO_GET_IT,
                       file, table->version);
    return 0;
}

static void save_signals(struct sigaction *saved)
{
    for (size_t i = 0; i < RESET_SIGNALS; i++)
        sigaction(reset_signals[i], NULL, &saved[i]);
}

static void restore_signals(const struct sigaction *saved)
{
    for (size_t i = 0; i < RESET_SIGNALS; i++)
        sigaction(reset_signals[i], &saved[i], NULL);
}

/* A file that somebody named or we found is at fault; else the answer is where we looked. */
static int refuse(const char *file, struct err *ret_err)
{
    char directory[PATH_MAX];
    size_t len = sizeof(directory);
    char *slash = uv_exepath(directory, &len) < 0 ? NULL : strrchr(directory, '/');
    if (slash == NULL || strcmp(file, LIBRARY) != 0)
        return err_set(
            ret_err, ERR_UNAVAILABLE, NULL,
            "the embedded ClickHouse needs libchdb.so, and %.300s cannot be loaded; " HOW_TO_GET_IT,
            file);
    *slash = '\0';
    return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                   "the embedded ClickHouse needs libchdb.so, which was not found: not %.300s%s"
                   "%.300s/libchdb.so, not %.300s/../lib/libchdb.so, not "
                   "node_modules/@chdb/" PACKAGE
                   "/libchdb.so in that folder or in the %d above it, "
                   "and not among the libraries of the system. If it is elsewhere, name it with "
                   "--libchdb PATH or SEXTANT_LIBCHDB, or build with -Dlibchdb=PATH; else run "
                   "`./dev setup` in the source folder, or `npm install @chdb/" PACKAGE "`",
                   SEXTANT_LIBCHDB_DEFAULT, SEXTANT_LIBCHDB_DEFAULT[0] != '\0' ? ", not " : "",
                   directory, directory, PARENTS_MAX);
}

/* Calls come seconds apart, and a question needs some hundred megabytes. Given back in between, as
 * the library would, every page has to be asked for again: a fifth of the time of a call. Half a
 * minute later they are given back, and then in large pages; a process that asks once would wait
 * for the parts of those that it does not use. docs/decisions/engine-memory.md */
void chdb_library_prepare(bool is_brief)
{
    const char *lasting = "dirty_decay_ms:30000,thp:always", *brief = "dirty_decay_ms:30000";
    setenv("JE_MALLOC_CONF", is_brief ? brief : lasting, 0);
}

static int load(const char *path, struct err *ret_err)
{
    char buffer[PATH_MAX];
    const char *file = find_library(path, buffer, sizeof(buffer));
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        const char *reason = dlerror();
        int rc = refuse(file, ret_err);
        if (ret_err != NULL && reason != NULL)
            snprintf(ret_err->raw, sizeof(ret_err->raw), "%s", reason);
        return rc;
    }
    struct chdb_library table = {0};
    int rc = resolve_symbols(library, file, &table, ret_err);
    if (rc < 0) {
        dlclose(library);
        return rc;
    }
    struct sigaction saved[RESET_SIGNALS];
    save_signals(saved);
    if (table.set_signal_handlers != NULL) /* it is: every symbol was found */
        table.set_signal_handlers(0);
    restore_signals(saved);
    loaded = table;
    is_loaded = true;
    return 0;
}

int chdb_library_load(const char *path, const struct chdb_library **ret_library,
                      struct err *ret_err)
{
    pthread_mutex_lock(&mutex);
    int rc = is_loaded ? 0 : load(path, ret_err);
    pthread_mutex_unlock(&mutex);
    if (rc == 0)
        *ret_library = &loaded;
    return rc;
}

chdb_handle chdb_library_connect(const struct chdb_library *library, int argc, char **argv)
{
    /* One at a time: else one thread would save what the other's connect() has just reset. */
    pthread_mutex_lock(&mutex);
    struct sigaction saved[RESET_SIGNALS];
    save_signals(saved);
    chdb_handle connection = library->connect(argc, argv);
    restore_signals(saved);
    pthread_mutex_unlock(&mutex);
    if (connection != NULL && *connection == NULL)
        return NULL;
    return connection;
}

void chdb_library_exit(int status)
{
    pthread_mutex_lock(&mutex);
    bool is_engine_here = is_loaded;
    pthread_mutex_unlock(&mutex);
    if (!is_engine_here)
        exit(status);
    fflush(NULL);
    _exit(status);
}
