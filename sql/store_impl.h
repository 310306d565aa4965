#pragma once
/* What the files of a shared store have in common: store.c is the struct db, store_query.c its
 * statements; store_attach.c decides who carries them out, this process's engine or the owner's;
 * store_relay.c is the way to the owner. */
#include <uv.h>

#include "store_conn.h"
#include "store_lock.h"
#include "store_share.h"

enum store_query_state {
    STORE_WAITING, /* for it to be clear who has the store */
    STORE_LOCAL,   /* in this process's engine */
    STORE_RELAYED, /* at the owner */
    STORE_ENDED,   /* with `err`: on_done follows */
};

struct db_query {
    struct store *store;
    struct db_query *next;
    enum store_query_state state;
    uint32_t id;
    struct buf start; /* the request as a WIRE_START payload: to be sent, or read back */
    const char *body;
    size_t body_len, body_sent;
    bool is_write;
    int (*on_data)(void *user, const char *bytes, size_t len);
    void (*on_progress)(void *user, const struct db_stats *so_far);
    void (*on_done)(void *user, const struct err *err, const struct db_stats *stats);
    void *user;

    struct db_query *local; /* in the engine */
    bool has_rows;          /* some were delivered: it cannot be started again */
    int restarts;
    int stop_ticks;  /* since `stop` was sent to the owner */
    struct err stop; /* why it is not wanted any more; code ERR_OK = it is */
    struct err err;
};

enum store_state {
    STORE_IDLE,       /* nobody's, as far as we know */
    STORE_TRYING,     /* somebody has it and does not listen yet: again soon */
    STORE_CONNECTING, /* to the owner, which has not said hello */
    STORE_RELAYING,
    STORE_OWNING,
};

struct store_relay {
    struct store_conn conn;
    bool is_used;    /* until it is closed */
    bool is_leaving; /* the owner takes no more statements */
    uint64_t seen_frames;
    int silent_ticks;
};

struct store {
    struct db db; /* first: the interface sees this */
    char *directory, *library, *holder;
    uint64_t memory_bytes;
    bool is_brief; /* as in chdb_options, should this process have to open the engine */

    enum store_state state;
    struct store_owner owner; /* the other process, as far as it is known */
    int attempts;             /* to find out */
    struct db *engine;        /* NULL until this process first owned the store */
    struct store_share *share;
    struct store_relay relay;

    struct db_query *queries, **queries_end; /* in order of their start, until they end */
    struct db_query *ended, **ended_end;     /* until on_done, in the loop's next turn */
    uint32_t next_id;
    uv_timer_t retry, tick, soon;

    bool is_closing, is_finishing;
    int open_parts; /* handles, engine, shares: what must be closed before the end */
    void (*closed)(void *user);
    void *closed_user;
};

/* --- store.c ------------------------------------------------------------------------------- */

void store_finish_when_closed(struct store *store);
void store_part_closed(void *store); /* the engine, or a share */

/* --- store_query.c ------------------------------------------------------------------------- */

/* With a copy of what is needed of the request; whether that was possible, buf_failed() of `start`
 * tells. */
struct db_query *store_query_new(struct store *store, const struct db_request *request);
void store_query_free(struct db_query *q);
void store_link_query(struct store *store, struct db_query *q);
void store_unlink_query(struct store *store, struct db_query *q);
bool store_has_query(const struct store *store, enum store_query_state state);

/* on_done, and the end of `q`. */
void store_end_query(struct db_query *q, const struct err *err, const struct db_stats *stats);
/* The same from the loop: the caller may be in the middle of something. */
void store_end_soon(struct db_query *q, const struct err *err);
void store_fail_all(struct store *store, enum store_query_state state, const struct err *err);
void store_on_soon(uv_timer_t *timer);

/* --- store_attach.c ------------------------------------------------------------------------ */

/* Finds out who has the store: this process from now on, or one that is to be asked. What waits
 * goes there or fails. */
void store_attach(struct store *store);
int store_start_local(struct db_query *q, struct err *ret_err);
void store_close_share(struct store *store);

/* The owner leaves and has not begun `q`: the next one will. */
void store_postpone(struct db_query *q);
/* The owner said hello: what waits can be sent. */
void store_relay_is_ready(struct store *store, const struct wire_hello *hello);
/* The owner closed the connection or talked nonsense. */
void store_relay_is_lost(struct store *store);
/* The owner cannot be used; `err` ends every statement. */
void store_relay_has_failed(struct store *store, const struct err *err);

/* --- store_relay.c ------------------------------------------------------------------------- */

/* 0 when hello is on its way, 1 when nobody listens (yet), negative when it cannot be. */
int store_relay_connect(struct store *store, struct err *ret_err);
void store_relay_start(struct db_query *q);
/* Tells the owner that the statement is not wanted: q->stop says why. */
void store_relay_stop(struct db_query *q);
/* The connection keeps the loop alive, and is watched, while something is expected from it. */
void store_relay_mind(struct store *store);
void store_relay_close(struct store *store);
