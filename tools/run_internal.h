#pragma once
/* What the files of the framework share; tools include run.h only. */
#include "rows.h"
#include "run.h"

/* One query of a run. It lives from planning to the end of the round. */
struct run_query {
    struct run *run;
    const char *name; /* of its sql_text */
    struct query query;
    struct rows rows;
    struct db_query *started; /* NULL before the start and after the end */
    struct db_stats stats;
    uint64_t time_ms; /* it may take; 0 = the engine's default */
};

enum { RUN_MAX_QUERIES = 16, RUN_MAX_BYTES = 64 << 20 };

enum run_phase {
    RUN_SOURCES, /* which sources are there */
    RUN_ZONE,    /* the offsets of a time zone not seen yet */
    RUN_BOUNDS,  /* first and last event of the source */
    RUN_NAMES,   /* do the named events and fields exist */
    RUN_NEAREST, /* the catalogue, to find what was meant */
    RUN_STEPS,
    RUN_ENDED,
};

/* A run with what only the framework needs. `run` is first: tools hold a pointer to it. */
struct run_state {
    struct run run;
    char call_id[48];
    void (*progress)(void *user, double done, double total);
    void (*done)(void *user, const struct run_result *result);
    void *user;
    json_t *bound; /* owns run.arguments */
    struct sources *sources;
    enum run_phase phase;
    size_t step;
    struct run_query queries[RUN_MAX_QUERIES];
    size_t query_count, running;
    struct run_ask *asks; /* of run_keys.c: what is asked before the queries of the round */
    bool is_starting;     /* inside the loop that starts a round: an end must wait */
    bool is_cancelled;
    struct err failure;
    /* names to look for */
    json_t *events; /* array of event names used in the arguments */
    json_t *fields; /* array of field names */
    json_t *paths;  /* {"events" | "fields": {name: path of the argument}} for error messages */
    char missing[256], missing_path[96];
    bool missing_is_field;
    /* meta */
    json_t *warnings, *next, *explained, *truncated;
    json_t *links; /* as run_result has them */
    struct db_stats stats;
    uint64_t started_ns;
    int64_t next_offset;
    struct run_state *pending;                     /* in the workspace's list of runs to move on */
    struct run_state *limited_next, *limited_prev; /* in its list of runs with a limit of time */
    uint64_t total_ms, query_ms;                   /* as run_limit() said; 0 = none */
    bool is_answered; /* done was called ahead of the last query's end, which frees the run */
};

static inline struct run_state *run_state_of(struct run *run)
{
    return (struct run_state *)run;
}

static inline const struct run_state *run_state_of_const(const struct run *run)
{
    return (const struct run_state *)run;
}

struct bounds {
    int64_t first_us, last_us, rows, now_us;
};

struct zone_entry {
    struct zone *zone;
    struct zone_entry *next;
};

struct workspace {
    struct db *db;
    const json_t *config_sources;
    struct sources *sources;
    uint64_t sources_at_ns;
    json_t *seen;   /* {"source\n e:name": [first_us, last_us, at_s]}: names known to exist */
    json_t *keys;   /* {"source\n`Map` key": null}: keys that rows had */
    json_t *bounds; /* {source: [first, last, rows, now, at_s]} */
    struct zone_entry *zones;
    uv_idle_t idle; /* moves pending runs on, so that run_start() returns first */
    struct run_state *pending_first, *pending_last;
    uv_timer_t limit; /* of the runs that may take only so long */
    struct run_state *limited;
    unsigned open_handles;
    /* of look.c: the look on its way, and what the last one saw (NULL: there was none) */
    struct look *look;
    json_t *seen_tables, *seen_sources;
};

/* workspace.c */
struct sources *workspace_sources(struct workspace *w); /* a reference, or NULL when stale */
void workspace_keep_sources(struct workspace *w, struct sources *sources);
void workspace_forget_sources(struct workspace *w);
const struct zone *workspace_zone(const struct workspace *w, const char *name);
const struct zone *workspace_keep_zone(struct workspace *w, struct zone *zone);
bool workspace_bounds(const struct workspace *w, const char *source, struct bounds *ret);
void workspace_keep_bounds(struct workspace *w, const char *source, const struct bounds *bounds);
/* `kind` is 'e' or 'f'. */
bool workspace_seen(const struct workspace *w, const char *source, char kind, const char *name,
                    int64_t *ret_first_us, int64_t *ret_last_us);
void workspace_keep_seen(struct workspace *w, const char *source, char kind, const char *name,
                         int64_t first_us, int64_t last_us);
/* Whether rows of the source had a key of a Map at some time. */
bool workspace_has_key(const struct workspace *w, const char *source, const char *column,
                       const char *key);
void workspace_keep_key(struct workspace *w, const char *source, const char *column,
                        const char *key);
void workspace_push(struct workspace *w, struct run_state *r);

/* prelude.c: each phase returns 0 when it needs no query, 1 when queries were added, negative on
 * error; the _rows functions read what came. */
int prelude_source(struct run_state *r, struct err *ret_err);
int prelude_zone(struct run_state *r, struct err *ret_err);
int prelude_zone_rows(struct run_state *r, struct err *ret_err);
int prelude_bounds(struct run_state *r, struct err *ret_err);
int prelude_bounds_rows(struct run_state *r, struct err *ret_err);
int prelude_names(struct run_state *r, struct err *ret_err);
int prelude_names_rows(struct run_state *r, struct err *ret_err);
int prelude_nearest(struct run_state *r, struct err *ret_err);
int prelude_nearest_rows(struct run_state *r, struct err *ret_err);
/* All keys of all property containers as one array expression; false: there are none. */
bool prelude_keys(const struct source *s, struct buf *out);
/* The names that a source has: of fields, those of the mapping first, and then what the first
 * column of `rows` (NULL = none) adds. Borrowed names; the caller frees the array. NULL = no
 * memory.
 */
const char **prelude_candidates(const struct source *s, bool is_field, const json_t *rows,
                                size_t *ret_count);

/* named.c: what the team's names in r->bound stand for, once the source is known. */
int named_read(struct run_state *r, struct err *ret_err);

/* run.c */
void run_advance(struct run_state *r); /* called by the workspace's idle handle */

/* run_keys.c: asks what the queries of the round want to know of keys, and has their end start the
 * queries. It counts in r->running what it started, which may be nothing. */
void keys_start(struct run_state *r);
void keys_cancel(struct run_state *r);
void keys_release(struct run_state *r);

/* run_round.c */
void round_start_queries(struct run_state *r); /* of run_keys.c, once it has its answers */
/* What a query of the round asks for; the reader is to be added. */
struct db_request round_request(const struct run_state *r, uint64_t time_ms);
void round_start(struct run_state *r); /* run_advance() follows when the last query has ended */
void round_cancel(struct run_state *r);
void round_release(struct run_state *r); /* after its last query has ended */
/* The queries as they stand, for meta; then as EXPLAIN ESTIMATE of themselves; what these said. */
void round_keep_explained(struct run_state *r);
void round_explain(struct run_state *r);
void round_keep_estimates(struct run_state *r);

/* run_answer.c */
void run_end(struct run_state *r);    /* answers, frees */
void run_expire(struct run_state *r); /* its time is over */
/* Of a run that has been answered before: counts the end of a query, frees after the last one. */
bool run_forget_answered(struct run_state *r);
/* Says r->failure in the words of the call: the argument at fault, what to do. */
void run_translate_failure(struct run_state *r);

/* run_limit.c */
void limit_forget(struct run_state *r);
/* Says in r->failure, a timeout, how long was waited and how to ask for less. */
void limit_advise(struct run_state *r);

/* meta.c */
json_t *meta_build(struct run_state *r);
/* Caps the structured result to its byte limit, dropping from the end of the main list. */
void meta_cap(struct run_state *r);
/* meta.queries of one query: SQL, parameters. New reference. */
json_t *meta_query(const struct run_query *q);
