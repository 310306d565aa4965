#pragma once
/* Path runs: the events of one actor, cut where it paused for session_gap_s, seen as a row of nodes
 * (the event's name or a field). Here are the arguments that say so, and the SQL of the runs and of
 * the edges between their nodes. Internal to run_paths. */
#include "events.h"
#include "run.h"

enum {
    PATHS_MAX_STEPS = 16, /* nodes of a run that are looked at: as many 16-bit codes fill a key */
    PATHS_JOURNEYS = 20,  /* whole paths that are told */
    PATHS_MAX_NODES = 65534, /* distinct nodes that are told apart, the most frequent ones */
};

extern const struct param paths_node_fields[];  /* of start, end, include, exclude */
extern const struct param paths_clean_fields[]; /* of clean */

struct paths {
    const struct run *run;
    struct query *q;
    json_int_t steps;
    int64_t zero_us; /* what the times in r count from */
    bool is_packed;  /* events are numbers of 64 bits, see paths.c */
    bool has_number; /* _key is one */
    bool has_start, has_end;
    struct buf rows;  /* $rows: the events that are nodes, _node and their flags */
    struct buf codes; /* $codes: run_paths_codes.sql */
    struct buf edges; /* $edges: run_paths_edges.sql */
};

/* Appends the rows that are nodes: _node and, where they are asked for, _start and _end. */
int paths_add_rows(struct paths *p, struct buf *out, struct err *ret_err);

/* Appends rows that have all nodes of those above, and maybe more, which does no harm where each
 * has a code. */
int paths_add_all_rows(struct paths *p, struct buf *out, struct err *ret_err);

/* Reads the arguments and builds rows, codes and edges on `q`; its other placeholders are bound,
 * too. Where actors have numbers the statement may be packed, which costs much less, and answers
 * nothing where it turns out not to be exact. paths_done() after either outcome. */
int paths_init(struct paths *p, const struct run *run, struct query *q, bool is_packed,
               struct err *ret_err);
void paths_done(struct paths *p);

/* The runs with their owners and the event and session of each number: who String, a, and r. */
int paths_placed_runs(struct paths *p, struct buf *out, struct err *ret_err);
