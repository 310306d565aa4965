#pragma once
/* Running a tool: bind → resolve source, period and names → queries → shape → result. A tool is a
 * table (struct tool) plus plan and shape functions; it never blocks and never sees the protocol.
 */
#include <stdint.h>

#include <jansson.h>

#include "buf.h"
#include "db.h"
#include "err.h"
#include "query.h"
#include "source.h"
#include "tool.h"
#include "zone.h"

struct run;

/* What plan() returns, having added no query, to be called again in another turn of the loop: work
 * that takes long goes in slices, so that others are served between them, and ends where the run is
 * cancelled or its time is over. No index of a query is as high. */
enum { RUN_AGAIN = 1 << 20, RUN_SLICE_MS = 10 };

/* One round of queries. plan() adds them with run_query(); they run together; shape() reads their
 * rows with run_rows() when the last one has ended. shape may be NULL. */
struct step {
    int (*plan)(struct run *run, struct err *ret_err);
    int (*shape)(struct run *run, struct err *ret_err);
};

enum tool_flags {
    TOOL_CORE = 1,         /* in the default toolset */
    TOOL_NO_SOURCE = 2,    /* does not work on one source (list_sources) */
    TOOL_WHOLE_PERIOD = 4, /* default period is all data, not the last 30 days of it */
    TOOL_OPEN_PERIOD = 8,  /* sets its own default period in plan: period.from_given tells */
    TOOL_WHOLE_RESULT =
        16,               /* the result is not for a model: its own caps hold, not those of meta */
    TOOL_BY_SESSION = 32, /* without `actor` it counts sessions, where the source has them */
};

struct tool {
    const char *name, *title, *description;
    const char *toolset; /* "core", "analytics", "process", "replay", "monitoring", … */
    unsigned flags;
    const struct param *params; /* its own and the shared ones it takes: see args.h */
    const struct field *fields; /* domain fields; meta is added */
    /* Which list a table of the result shows: the first of these that it has, "list", or
     * "list.inner" for a row of each item in the items' lists. NULL = the first list of objects. */
    const char *const *tables;
    const struct step *steps; /* ends with {0} */
    /* For list_actors: a round that plan_actors needs before its own; {0} = none. */
    struct step before_actors;
    /* For list_actors: adds one query whose rows are (actor String, entered_us Int64, last_step_us
     * Int64, last_event String, session String, total Int64), ordered by actor, for `cell`: the
     * page that run_page() asks for, total = all rows. NULL = no cells. */
    int (*plan_actors)(struct run *run, const json_t *cell, struct err *ret_err);
    /* For a tool that speaks for another one (list_actors): which, and the arguments of the run.
     * NULL = itself. */
    int (*delegate)(const json_t *bound, const struct tool **ret_subject, json_t **ret_arguments,
                    struct err *ret_err);
    /* May say better why `given` is wrong, which binding refused with `err`, whose field is not one
     * of the tool's own arguments. NULL = cannot. */
    void (*refused)(const json_t *given, struct err *err);
};

struct period {
    int64_t from_us, to_us; /* [from, to) in unix microseconds */
    int64_t complete_until_us;
    int64_t data_from_us, data_to_us; /* the source's first and last event */
    bool is_live;                     /* events within the last hour */
    bool from_given, to_given;
    const struct zone *zone; /* of the tz argument; UTC by default */
};

/* What tools are run against; shared by all runs of the process. */
struct workspace;

struct run {
    const struct tool *tool;
    const struct tool *subject; /* whose arguments these are: the tool itself, but for delegates */
    struct workspace *workspace;
    const json_t *arguments; /* normalised by bind: every declared default is there */
    const struct source *source;
    const struct sources *sources;
    struct period period;
    json_t *result;  /* shape() fills the domain members */
    struct buf text; /* shape() writes headline and table: see text.h */
    void *state;     /* a tool's own, between its steps */
    void (*state_free)(void *state);
};

/* --- for tools --------------------------------------------------------------------------- */

/* Adds a query to the round being planned: `text` rendered with `fragments`, the values of `q`
 * moved out of it. Rows above max_rows (0 = 10,000) end the query and mark it truncated.
 * Returns its index for run_rows(), or negative. */
int run_query(struct run *run, struct query *q, const struct sql_text *text,
              const struct query_fragment *fragments, size_t max_rows, struct err *ret_err);

/* Rows of query `index` of the round that just ended: array of arrays, columns in SELECT order.
 * 64-bit integers come as JSON integers. Borrowed. */
const json_t *run_rows(const struct run *run, int index);
bool run_rows_truncated(const struct run *run, int index);

/* Whether that round had queries: plan() need not add any. */
bool run_has_asked(const struct run *run);

/* Goes on as if the caller had given this argument, in what the result suggests, too. Takes the
 * reference. */
void run_set_argument(struct run *run, const char *name, json_t *value);

/* Notes for meta. Arguments of `next`: a new reference, taken. */
void run_warn(struct run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void run_suggest(struct run *run, const char *tool, json_t *arguments, const char *why);
/* A resource that belongs to the result. The address: a new reference, taken; NULL = none. */
void run_link(struct run *run, json_t *uri, const char *name, const char *mime_type,
              const char *description);
void run_truncated(struct run *run, const char *reason, int64_t limit, const char *hint);

/* Whether it is one of the tool's arguments. */
bool run_takes(const struct tool *tool, const char *param);

/* Arguments of this call without paging and format, for a `next` that refines it. New reference. */
json_t *run_same_arguments(const struct run *run);

/* Main-list paging: `limit` and `cursor` of the arguments as rows and offset; the next cursor. */
int run_page(const struct run *run, int64_t fallback_limit, int64_t *ret_limit, int64_t *ret_offset,
             struct err *ret_err);
void run_set_cursor(struct run *run, int64_t next_offset);

/* ISO 8601 in the run's time zone ("2026-03-02T10:00:00.123+01:00", UTC as "Z"). New reference. */
json_t *run_time(const struct run *run, int64_t unix_us);
json_t *run_date(const struct run *run, int64_t unix_us); /* "2026-03-02" */

/* --- for transports ------------------------------------------------------------------------ */

/* The schemas of a tool, meta and shared rules included. New references. */
json_t *tool_input_schema(const struct tool *tool);
json_t *tool_output_schema(const struct tool *tool);

struct workspace_options {
    struct db *db;
    const json_t *config_sources; /* "sources" of the configuration, or NULL; borrowed */
};
struct workspace *workspace_new(const struct workspace_options *options);
void workspace_free(struct workspace *workspace); /* after the last run has ended */

struct run_result {
    json_t *structured; /* domain fields and meta; NULL on error */
    json_t *text;       /* JSON string: the text that stands alone; NULL on error */
    json_t *links;      /* array of resource_link blocks, often empty; NULL on error */
    struct err err;     /* ERR_OK on success */
};

/* Starts a call; `arguments` borrowed (NULL = none). `done` runs once on the loop, never before
 * run_start() returns; result's references are borrowed during the call. `progress` (or NULL): rows
 * read and the estimate of all, 0 = unknown, over all queries so far. */
struct run *run_start(struct workspace *workspace, const struct tool *tool, const json_t *arguments,
                      const char *call_id, void (*progress)(void *user, double done, double total),
                      void (*done)(void *user, const struct run_result *result), void *user);
void run_cancel(struct run *run); /* done follows with ERR_CANCELLED */

/* The time that the run may take in all, waiting for the engine included, and what each of its
 * queries may (0 = the engine's default). From the start of the run; may be called again, before
 * done, and holds for queries that begin later. A run that is over its time ends at once with
 * ERR_TIMEOUT and advice on how to ask for less. */
void run_limit(struct run *run, uint64_t total_ms, uint64_t query_ms);
