#include "align.h"

#include <stdlib.h>

static int insert_cost(struct align_costs costs, size_t matched, size_t reference_len)
{
    return matched > 0 && matched < reference_len ? costs.inner_insert : costs.edge_insert;
}

/* Steps taken to reach a cell, one byte each; the costs themselves need two rows only. */
static int fill(const uint32_t *trace, size_t n, const uint32_t *reference, size_t m,
                struct align_costs costs, unsigned char *steps, int *row)
{
    /* row[i] = cost with the first i reference activities and the trace so far. */
    for (size_t i = 0; i <= m; i++) {
        row[i] = (int)i;
        steps[i] = ALIGN_SKIP;
    }
    for (size_t j = 1; j <= n; j++) {
        unsigned char *step = steps + j * (m + 1);
        int diagonal = row[0];
        row[0] += insert_cost(costs, 0, m);
        step[0] = ALIGN_INSERT;
        for (size_t i = 1; i <= m; i++) {
            int insert = row[i] + insert_cost(costs, i, m);
            int skip = row[i - 1] + 1;
            int best = insert;
            step[i] = ALIGN_INSERT;
            if (skip < best) {
                best = skip;
                step[i] = ALIGN_SKIP;
            }
            if (trace[j - 1] == reference[i - 1] && diagonal <= best) {
                best = diagonal;
                step[i] = ALIGN_MATCH;
            }
            diagonal = row[i];
            row[i] = best;
        }
    }
    return row[m];
}

static size_t trace_back(const unsigned char *steps, size_t n, size_t m, struct align_move *moves)
{
    size_t count = 0, i = m, j = n;
    while (i > 0 || j > 0) {
        enum align_kind kind = j == 0 ? ALIGN_SKIP : (enum align_kind)steps[j * (m + 1) + i];
        if (kind != ALIGN_INSERT)
            i--;
        if (kind != ALIGN_SKIP)
            j--;
        moves[count++] = (struct align_move){.kind = kind, .reference_at = i, .trace_at = j};
    }
    for (size_t a = 0; a < count / 2; a++) {
        struct align_move other = moves[a];
        moves[a] = moves[count - 1 - a];
        moves[count - 1 - a] = other;
    }
    return count;
}

int align(const uint32_t *trace, size_t trace_len, const uint32_t *reference, size_t reference_len,
          struct align_costs costs, struct align_move *ret_moves, size_t *ret_count)
{
    if (trace_len > ALIGN_MAX_TRACE || reference_len > ALIGN_MAX_REFERENCE)
        return -1;
    unsigned char *steps = malloc((trace_len + 1) * (reference_len + 1));
    int *row = malloc((reference_len + 1) * sizeof *row);
    int cost = -1;
    if (steps != NULL && row != NULL) {
        cost = fill(trace, trace_len, reference, reference_len, costs, steps, row);
        if (ret_moves != NULL)
            *ret_count = trace_back(steps, trace_len, reference_len, ret_moves);
    }
    free(steps);
    free(row);
    return cost;
}
