#pragma once
/* The alignment of a trace with a reference sequence, both as small integers.
 *
 * A reference activity that the trace lacks costs 1 (skipped); an event that the reference lacks
 * costs `inner_insert` between the first and the last matched activity and `edge_insert` outside
 * (inserted). With costs 1 and 1 the total is |trace| + |reference| - 2 * LCS, the linear alignment
 * of data/oracles/DEFINITIONS.json; with edge 0 and inner 1 it is 0 exactly when the reference is a
 * contiguous block of the trace; with 0 and 0 exactly when it is a subsequence. */
#include <stddef.h>
#include <stdint.h>

struct align_costs {
    int edge_insert, inner_insert;
};

enum align_kind {
    ALIGN_MATCH,
    ALIGN_SKIP,
    ALIGN_INSERT,
    ALIGN_SWAPPED, /* never from align(): for callers that pair an insert with a skip */
};

struct align_move {
    enum align_kind kind;
    size_t reference_at; /* index into the reference; of an insert: the next one expected */
    size_t trace_at;     /* index into the trace; of a skip: where it was missed */
};

/* Room for the moves of any alignment of these lengths. */
static inline size_t align_max_moves(size_t trace_len, size_t reference_len)
{
    return trace_len + reference_len;
}

enum { ALIGN_MAX_TRACE = 100000, ALIGN_MAX_REFERENCE = 200 };

/* Returns the cost, or -1 when out of memory or a length is above its limit. `ret_moves` may be
 * NULL; else it holds align_max_moves() and *ret_count says how many were written, in order. */
int align(const uint32_t *trace, size_t trace_len, const uint32_t *reference, size_t reference_len,
          struct align_costs costs, struct align_move *ret_moves, size_t *ret_count);
