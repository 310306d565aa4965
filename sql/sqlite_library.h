#pragma once
/* libsqlite3, loaded when the first SQLite database is imported (docs/decisions/object-centric.md).
 * Nothing links it. */
#include <sqlite3.h>

#include "err.h"

struct sqlite_library {
    __typeof__(sqlite3_open_v2) *open_v2;
    __typeof__(sqlite3_close) *close;
    __typeof__(sqlite3_db_config) *db_config;
    __typeof__(sqlite3_limit) *limit;
    __typeof__(sqlite3_set_authorizer) *set_authorizer;
    __typeof__(sqlite3_exec) *exec;
    __typeof__(sqlite3_errmsg) *errmsg;
    __typeof__(sqlite3_prepare_v2) *prepare_v2;
    __typeof__(sqlite3_bind_text) *bind_text;
    __typeof__(sqlite3_step) *step;
    __typeof__(sqlite3_reset) *reset;
    __typeof__(sqlite3_finalize) *finalize;
    __typeof__(sqlite3_column_count) *column_count;
    __typeof__(sqlite3_column_name) *column_name;
    __typeof__(sqlite3_column_int64) *column_int64;
    __typeof__(sqlite3_column_text) *column_text;
    __typeof__(sqlite3_column_bytes) *column_bytes;
};

/* Loads the library at the first call and keeps it for the life of the process. NULL with
 * ERR_UNAVAILABLE when it is missing or lacks a function. Loop thread only. */
const struct sqlite_library *sqlite_library_load(struct err *ret_err);
