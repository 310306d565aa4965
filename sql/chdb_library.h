#pragma once
/* libchdb.so, loaded when it is first needed: the functions of its C interface that are used here,
 * declared in our own words because the package brings no header. */
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "err.h"

/* What the library hands out; only ever seen through pointers. */
struct chdb_result;         /* a whole result, one chunk of a stream, or the stream itself */
struct chdb_insert;         /* a streaming INSERT */
typedef void **chdb_handle; /* of chdb_connect; calls take what it points to */

/* Statement, format and parameters as the library takes them: text with lengths, lists of equal
 * length. `name_lens` and `value_lens` may be NULL for NUL-terminated text. */
#define CHDB_STATEMENT_ARGUMENTS                                                                   \
    void *connection, const char *sql, size_t sql_len, const char *format, size_t format_len,      \
        const char *const *names, const size_t *name_lens, const char *const *values,              \
        const size_t *value_lens, size_t count

struct chdb_library {
    char version[32]; /* of the library, "26.7.3" */

    chdb_handle (*connect)(int argc, char **argv);
    void (*close_conn)(chdb_handle connection);

    struct chdb_result *(*query)(CHDB_STATEMENT_ARGUMENTS);
    struct chdb_result *(*stream_query)(CHDB_STATEMENT_ARGUMENTS);
    struct chdb_result *(*stream_fetch)(void *connection, struct chdb_result *stream);
    void (*stream_cancel)(void *connection, struct chdb_result *stream);
    void (*destroy_result)(struct chdb_result *result);

    char *(*result_buffer)(struct chdb_result *result);
    size_t (*result_length)(struct chdb_result *result);
    const char *(*result_error)(struct chdb_result *result); /* NULL = none */
    uint64_t (*result_storage_rows)(struct chdb_result *result);
    uint64_t (*result_storage_bytes)(struct chdb_result *result);

    struct chdb_insert *(*insert_start)(CHDB_STATEMENT_ARGUMENTS); /* never NULL */
    int (*insert_append)(struct chdb_insert *insert, const void *bytes, size_t len); /* 0 = taken */
    struct chdb_result *(*insert_finish)(struct chdb_insert *insert);
    void (*insert_cancel)(struct chdb_insert *insert);
    const char *(*insert_error)(struct chdb_insert *insert);
    void (*insert_destroy)(struct chdb_insert *insert);

    const char *(*get_version)(void);
    void (*set_signal_handlers)(int is_enabled);
};

/* Says how the library's allocator is to treat memory that was used, which it reads when it is
 * loaded; what the environment says already stays. `is_brief`: for one question only. Once, before
 * there are threads. */
void chdb_library_prepare(bool is_brief);

/* Finds and loads the library, once per process; it is never unloaded. `path` NULL searches:
 * environment SEXTANT_LIBCHDB, the build's default, beside the executable and in ../lib, in the
 * node_modules of its directory and of four parents, then the loader's own search.
 * Missing or too old: ERR_UNAVAILABLE with the command that fetches it. Any thread. */
int chdb_library_load(const char *path, const struct chdb_library **ret_library,
                      struct err *ret_err);

/* connect() that leaves the process's signal handlers as they were: the library resets some to the
 * default each time. NULL on failure; the library gives no reason. */
chdb_handle chdb_library_connect(const struct chdb_library *library, int argc, char **argv);

/* Ends the process with this status, in place of returning from main(). Once the library is loaded,
 * exit() is not safe: threads of the engine outlive its last connection, and exit() destroys what
 * they use. So standard output and error are flushed and nothing else is run; without the library
 * this is exit(). */
noreturn void chdb_library_exit(int status);
