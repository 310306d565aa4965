#pragma once
/* One connection to the embedded engine, and running one statement on it. Everything here blocks
 * and belongs to one thread at a time; chdb.c owns the threads.
 *
 * A connection carries its role's settings and its limits from the start: readonly=1 refuses to
 * change them later. A statement with other limits gets a new connection, which costs 0.3 ms. */
#include <stdatomic.h>

#include "buf.h"
#include "chdb_store.h"
#include "db.h"

enum chdb_role {
    CHDB_READER,  /* readonly=1 */
    CHDB_WRITER,  /* DDL, INSERT */
    CHDB_CONTROL, /* KILL QUERY and system tables; keeps the engine running */
};

struct chdb_conn {
    const struct chdb_store *store;
    enum chdb_role role;
    struct db_limits limits;
    chdb_handle handle; /* NULL = closed */
};

struct chdb_statement {
    const char *sql;
    const char *format; /* NULL: no rows wanted */
    const char *const *names, *const *values;
    size_t param_count;
    const char *body; /* of an INSERT, or NULL */
    size_t body_len;
};

/* Where the rows go. `take` owns the result from then on; negative ends the statement. */
struct chdb_sink {
    int (*take)(void *user, struct chdb_result *result);
    void *user;
    const atomic_bool *is_stopped; /* set from outside: the statement is not wanted any more */
};

/* Opens the connection, or opens another one when role or limits differ. */
int chdb_conn_open(struct chdb_conn *conn, enum chdb_role role, const struct db_limits *limits,
                   struct err *ret_err);
void chdb_conn_close(struct chdb_conn *conn); /* accepts a closed one */

/* Runs a statement to its end. `stats` is filled with what is known, also on failure. A refusal by
 * the sink and a stop from outside come back as ERR_CANCELLED. */
int chdb_conn_run(struct chdb_conn *conn, const struct chdb_statement *statement,
                  const struct chdb_sink *sink, struct db_stats *stats, struct err *ret_err);

/* A short statement whose rows come back as tab-separated text. */
int chdb_conn_ask(struct chdb_conn *conn, const char *sql, struct buf *out, struct err *ret_err);
