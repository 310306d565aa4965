/* The model of conformance_check that is a sequence of activities. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "align.h"
#include "conformance.h"
#include "json.h"

const char *const conformance_matches[] = {"alignment", "exact", "eventually_follows",
                                           "directly_follows", NULL};

/* What each match forgives: see align.h. */
static const struct align_costs match_costs[] = {{1, 1}, {1, 1}, {0, 0}, {0, 1}};

struct sequence {
    struct align_costs costs;
    uint32_t *reference;
    size_t reference_len;
    struct align_move *moves;
    size_t moves_size;
};

static int init(struct conformance *c)
{
    const json_t *activities = json_object_get(c->arguments, "sequence");
    const char *match = json_get_string(c->arguments, "match", conformance_matches[0]);
    size_t which = 0;
    while (strcmp(conformance_matches[which], match) != 0)
        which++;
    struct sequence *s = c->state = calloc(1, sizeof *s);
    if (s == NULL)
        return -1;
    s->costs = match_costs[which];
    s->reference_len = json_array_size(activities);
    s->reference = calloc(s->reference_len, sizeof *s->reference);
    for (size_t i = 0; s->reference != NULL && i < s->reference_len; i++) {
        s->reference[i] = conformance_code(c, json_at_string(activities, i));
        if (s->reference[i] == no_activity)
            return -1;
    }
    return s->reference != NULL ? 0 : -1;
}

static void done(struct conformance *c)
{
    struct sequence *s = c->state;
    free(s->reference);
    free(s->moves);
    free(s);
}

/* --- what an alignment says ------------------------------------------------------------------ */

/* A skipped activity that the trace has elsewhere was not skipped but came at the wrong moment:
 * finds the insert of the same activity and, between the two, the reference activity that
 * overtook it. */
static bool find_swap(const struct sequence *s, const struct conformance_group *g, size_t count,
                      size_t skip, size_t *ret_insert, uint32_t *ret_other)
{
    const struct align_move *moves = s->moves;
    uint32_t activity = s->reference[moves[skip].reference_at];
    /* Behind the nearest match before, and at the nearest one after. */
    size_t before = skip, after = skip;
    while (before > 0 && moves[before - 1].kind != ALIGN_MATCH)
        before--;
    while (after < count && moves[after].kind != ALIGN_MATCH)
        after++;
    for (size_t i = 0; i < count; i++) {
        if (moves[i].kind != ALIGN_INSERT || g->trace[moves[i].trace_at] != activity ||
            (i >= before && i <= after))
            continue;
        size_t match = i < before ? i : after;
        while (moves[match].kind != ALIGN_MATCH)
            match++;
        *ret_insert = i;
        *ret_other = s->reference[moves[match].reference_at];
        return true;
    }
    return false;
}

/* Skips first: an insert that is the other half of a swap must not be counted again. */
static int note_skips(struct conformance *c, const struct conformance_group *g, size_t count)
{
    struct sequence *s = c->state;
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        if (s->moves[i].kind != ALIGN_SKIP)
            continue;
        uint32_t activity = s->reference[s->moves[i].reference_at], other = no_activity;
        size_t insert;
        bool is_swap = find_swap(s, g, count, i, &insert, &other);
        if (is_swap)
            s->moves[insert].kind = ALIGN_SWAPPED;
        rc =
            deviations_note(c, is_swap ? DEVIATION_SWAPPED : DEVIATION_SKIPPED, activity, other, g);
    }
    return rc;
}

static int note_inserts(struct conformance *c, const struct conformance_group *g, size_t count)
{
    const struct sequence *s = c->state;
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        size_t next = s->moves[i].reference_at;
        bool is_inner = next > 0 && next < s->reference_len;
        if (s->moves[i].kind != ALIGN_INSERT ||
            (is_inner ? s->costs.inner_insert : s->costs.edge_insert) == 0)
            continue;
        rc = deviations_note(c, DEVIATION_INSERTED, g->trace[s->moves[i].trace_at],
                             next < s->reference_len ? s->reference[next] : no_activity, g);
    }
    return rc;
}

/* Skipping the whole reference and inserting the whole trace is the worst; where inserting is free
 * at the edges, only the reference counts. */
static double fitness(const struct sequence *s, int cost, size_t trace_len)
{
    size_t worst = s->reference_len + (s->costs.edge_insert > 0 ? trace_len : 0);
    return worst > 0 ? 1 - (double)cost / (double)worst : 1;
}

static int check(struct conformance *c, const struct conformance_group *g,
                 struct verdict *ret_verdict)
{
    struct sequence *s = c->state;
    size_t size = align_max_moves(g->len, s->reference_len), count = 0;
    if (size > s->moves_size) {
        struct align_move *moves = realloc(s->moves, size * 2 * sizeof *moves);
        if (moves == NULL)
            return -1;
        s->moves = moves;
        s->moves_size = size * 2;
    }
    int cost = align(g->trace, g->len, s->reference, s->reference_len, s->costs, s->moves, &count);
    if (cost < 0)
        return -1;
    *ret_verdict = (struct verdict){.cost = cost, .fitness = fitness(s, cost, g->len)};
    if (cost == 0)
        return 0;
    return note_skips(c, g, count) < 0 || note_inserts(c, g, count) < 0 ? -1 : 0;
}

/* --- words ----------------------------------------------------------------------------------- */

static const char *activity(const struct conformance *c, const struct deviation *d)
{
    return conformance_name(c, d->a);
}

static void describe(const struct conformance *c, const struct deviation *d, json_t *item)
{
    if (d->b != no_activity)
        json_object_set_new(item, "expected", json_string(conformance_name(c, d->b)));
}

static void words(const struct conformance *c, const struct deviation *d,
                  char out[static CONFORMANCE_WORDS])
{
    char activity[CONFORMANCE_LABEL], expected[CONFORMANCE_LABEL];
    conformance_label(c, d->a, activity);
    conformance_label(c, d->b, expected);
    if (d->kind == DEVIATION_SWAPPED)
        snprintf(out, CONFORMANCE_WORDS, "'%s' on the wrong side of '%s'", activity, expected);
    else if (d->kind == DEVIATION_SKIPPED)
        snprintf(out, CONFORMANCE_WORDS, "'%s' skipped", activity);
    else if (d->a == d->b)
        snprintf(out, CONFORMANCE_WORDS, "'%s' repeated", activity);
    else if (d->b != no_activity)
        snprintf(out, CONFORMANCE_WORDS, "'%s' where '%s' was expected", activity, expected);
    else
        snprintf(out, CONFORMANCE_WORDS, "'%s' after the end", activity);
}

const struct conformance_model conformance_sequence = {
    .argument = "sequence",
    .init = init,
    .check = check,
    .done = done,
    .activity = activity,
    .describe = describe,
    .words = words,
    .max_events = ALIGN_MAX_TRACE,
    .has_variants = true,
};
