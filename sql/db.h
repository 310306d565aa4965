#pragma once
/* A ClickHouse, embedded or remote: the one interface that tools, import and doctor see.
 *
 * Everything here is called on the loop thread, and every callback arrives there. A statement is
 * started, its rows arrive as bytes that may be cut anywhere, and `on_done` ends it: exactly once,
 * never from inside db_start(). The same SQL, parameters and rows go through both engines. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "err.h"

/* A bound parameter {name:Type}: `value` is in ClickHouse's escaped text form (see query.h). */
struct db_param {
    const char *name;
    const char *value;
};

/* 0 = the engine's default (db_limits_default). */
struct db_limits {
    uint64_t time_ms;
    uint64_t memory_bytes;
    uint64_t result_rows;
    uint64_t result_bytes;
    /* What the statement can unpack of its tables at most, where the next one will want the same
     * again: the embedded engine keeps it if its cache holds that much. 0 = not to be kept. */
    uint64_t unpacked_bytes;
};

struct db_stats {
    uint64_t rows_read; /* read from storage */
    uint64_t bytes_read;
    uint64_t rows_total; /* estimate of rows to read, 0 if unknown (progress) */
    uint64_t elapsed_ns; /* in the engine */
};

struct db_request {
    const char *sql; /* one statement, NUL-terminated, without FORMAT */
    const struct db_param *params;
    size_t param_count;
    const char *format; /* "JSONCompactEachRow"; NULL for statements without rows */
    struct db_limits limits;
    const char *tag; /* tool name or purpose, [a-z0-9_]; appears in log_comment and query markers */
    bool is_write;   /* DDL, INSERT: sent without readonly, never retried */
    /* Optional body of an INSERT (FORMAT … is part of sql then): borrowed until on_done. */
    const char *body;
    size_t body_len;

    /* Rows; return 0 to go on, negative to stop: the statement is then cancelled and ends with
     * ERR_LIMIT "stopped by the reader". May be NULL. */
    int (*on_data)(void *user, const char *bytes, size_t len);
    void (*on_progress)(void *user, const struct db_stats *so_far); /* may be NULL */
    /* `err` is NULL on success. `stats` is never NULL. */
    void (*on_done)(void *user, const struct err *err, const struct db_stats *stats);
    void *user;
};

struct db;
struct db_query; /* a started statement; belongs to the engine, gone after on_done */

struct db_ops {
    /* Copies whatever it needs of the request. */
    int (*start)(struct db *db, const struct db_request *request, struct db_query **ret_query,
                 struct err *ret_err);
    /* Stops the statement in the engine too. on_done follows with ERR_CANCELLED, or with the
     * result if that was faster. */
    void (*cancel)(struct db_query *query);
    /* Cancels what runs, frees the engine, then calls `closed` from the loop. */
    void (*close)(struct db *db, void (*closed)(void *user), void *user);
};

/* What the engine turned out to allow; filled at connect, read by doctor and tools. */
struct db_info {
    char engine[16];  /* "chdb" or "clickhouse" */
    char version[32]; /* "26.7.2.1"; "" before the first connect */
    char target[256]; /* store path or http(s)://host:port, for people */
    char database[128];
    bool may_set_limits; /* false for a readonly=1 user: caps are enforced in the reader */
    bool may_kill;
    bool is_embedded;
    int pid;        /* ours, as the engine's process knows it, for /proc/PID/fd; 0 = it does not */
    int owner_pid;  /* of the process whose engine this is, when it is another one; else 0 */
    char owner[64]; /* and what that calls itself: "sextant serve" */
};

struct db {
    const struct db_ops *ops;
    uv_loop_t *loop;
    struct db_info info;
};

/* What an engine queues or runs at a time beyond which it answers ERR_BUSY at once. */
enum { DB_MAX_RUNNING = 4, DB_MAX_WAITING = 64 };

/* What both engines are told beside the limits: from which share of the memory on groups and sorts
 * go to disk instead of failing, and how large a table of groups is cut into pieces, which can go
 * there one by one and leave in small blocks. */
enum { DB_SPILL_SHARE = 10, DB_TWO_LEVEL_BYTES = 4000000 };

extern struct db_limits db_limits_default; /* 45 s, 4 GB, 1 M rows, 64 MB; set before any use */

/* The limits with the default in place of each 0. */
struct db_limits db_limits_or_default(const struct db_limits *limits);

/* A statement that holds the text of a failed buffer is refused: ERR_MEMORY. */
int db_start(struct db *db, const struct db_request *request, struct db_query **ret_query,
             struct err *ret_err);

static inline void db_cancel(struct db *db, struct db_query *query)
{
    db->ops->cancel(query);
}

/* Translates what an engine said ("Code: 60. DB::Exception: …") into our words and code: unknown
 * table, timeout, memory, access, read-only, …; keeps the engine's text in err->raw. */
int db_translate_error(int engine_code, const char *engine_text, struct err *ret_err);

/* The first number in "Code: 241. DB::Exception", or 0. */
int db_parse_error_code(const char *engine_text);

/* --- constructors ------------------------------------------------------------------------- */

struct chdb_options {
    const char *store;     /* directory of the store; created if missing. NULL = in memory */
    const char *library;   /* path of libchdb.so; NULL = search (see chdb_library.h) */
    const char *holder;    /* what to call this process in the lock ("sextant serve"), for others */
    uint64_t memory_bytes; /* whole engine; 0 = 60 % of RAM */
    bool is_brief;         /* one question and the engine closes: it merges no parts */

    /* What came of opening the engine, before the statements that asked for it end; NULL = open.
     * From the loop; after a failure it may come again. May be NULL. */
    void (*opened)(void *user, const struct err *err);
    void *user;
};

/* Cheap: loads nothing. The library, the lock and the connections come with the first statement,
 * on a thread of their own, so that the protocol answers at once. */
struct db *chdb_new(uv_loop_t *loop, const struct chdb_options *options, struct err *ret_err);

/* Lets the rows of a statement wait in the engine, which then waits too, or go on. */
void chdb_pause(struct db_query *query, bool is_paused);

/* Before a statement is started while the engine is not open: the store's lock, taken already.
 * It is the engine's from then on, which releases it when it is closed or failed to open. */
struct store_lock;
void chdb_give_lock(struct db *db, struct store_lock *lock);

/* The embedded store, shared by the processes of one user: the first to run a statement opens the
 * engine (chdb_new) and carries out the statements of the others, which reach it through a socket
 * beside the store. When it ends, the next statement of another takes over: a statement that only
 * reads and has delivered nothing is started again, any other one ends with ERR_UNAVAILABLE.
 * `store` must not be NULL; `opened` and `user` are not used. Cheap: touches nothing. */
struct db *store_new(uv_loop_t *loop, const struct chdb_options *options, struct err *ret_err);

/* Before a close that nobody hurries: as the owner, takes no more statements of others and lets end
 * what could not be carried out again elsewhere: writes, and what has delivered rows. `left`
 * follows when that is done, perhaps from inside this call; it does not when the store is closed
 * before. */
void store_leave(struct db *store, void (*left)(void *user), void *user);

struct clickhouse_options {
    const char *host;       /* CLICKHOUSE_HOST */
    int port;               /* 0 = 8443 with secure, else 8123 */
    const char *user;       /* "default" */
    const char *password;   /* "" */
    const char *database;   /* "default" */
    const char *role;       /* or NULL */
    const char *ca_file;    /* or NULL */
    const char *proxy_path; /* path prefix of the endpoint, or NULL */
    bool is_secure;
    bool skip_verify;
    uint64_t connect_timeout_ms; /* 0 = 10,000 */
};

/* Cheap: connects with the first statement. */
struct db *clickhouse_new(uv_loop_t *loop, const struct clickhouse_options *options,
                          struct err *ret_err);
