/* The model of conformance_check that is a set of allowed edges: which activity may follow which
 * directly. A case of one event has none. */
#include <stdio.h>
#include <stdlib.h>

#include "align.h"
#include "conformance.h"
#include "json.h"

enum { MAX_EXPECTED = 10 };

struct edges {
    uint64_t *allowed; /* sorted: the first activity above the second */
    size_t count;
};

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static int init(struct conformance *c)
{
    const json_t *list = json_object_get(c->arguments, "edges");
    struct edges *e = c->state = calloc(1, sizeof *e);
    if (e == NULL)
        return -1;
    e->allowed = calloc(json_array_size(list), sizeof *e->allowed);
    if (e->allowed == NULL)
        return -1;
    for (; e->count < json_array_size(list); e->count++) {
        const json_t *item = json_array_get(list, e->count);
        uint32_t from = conformance_code(c, json_get_string(item, "from", ""));
        uint32_t to = conformance_code(c, json_get_string(item, "to", ""));
        if (from == no_activity || to == no_activity)
            return -1;
        e->allowed[e->count] = (uint64_t)from << 32 | to;
    }
    qsort(e->allowed, e->count, sizeof *e->allowed, by_number);
    return 0;
}

static void done(struct conformance *c)
{
    struct edges *e = c->state;
    free(e->allowed);
    free(e);
}

/* What a case costs is how many of its edges are not allowed, its fitness the share that is. */
static int check(struct conformance *c, const struct conformance_group *g,
                 struct verdict *ret_verdict)
{
    const struct edges *e = c->state;
    int64_t cost = 0;
    for (size_t i = 1; i < g->len; i++) {
        uint64_t edge = (uint64_t)g->trace[i - 1] << 32 | g->trace[i];
        if (bsearch(&edge, e->allowed, e->count, sizeof edge, by_number) != NULL)
            continue;
        cost++;
        if (deviations_note(c, DEVIATION_EDGE, g->trace[i], g->trace[i - 1], g) < 0)
            return -1;
    }
    double edges = g->len > 1 ? (double)(g->len - 1) : 1;
    *ret_verdict = (struct verdict){.cost = cost, .fitness = 1 - (double)cost / edges};
    return 0;
}

/* What may follow instead: "a or b", the first few of them. */
static void add_allowed(const struct conformance *c, uint32_t from, json_t *item)
{
    const struct edges *e = c->state;
    struct buf names = {0};
    size_t count = 0;
    for (size_t i = 0; i < e->count; i++) {
        if (e->allowed[i] >> 32 != from || (i > 0 && e->allowed[i] == e->allowed[i - 1]))
            continue;
        if (count++ < MAX_EXPECTED)
            buf_printf(&names, "%s%s", names.len > 0 ? " or " : "",
                       conformance_name(c, (uint32_t)e->allowed[i]));
    }
    if (count > MAX_EXPECTED)
        buf_printf(&names, " or %zu more", count - MAX_EXPECTED);
    if (names.len > 0)
        json_object_set_new(item, "expected", json_string(buf_text(&names)));
    buf_done(&names);
}

static const char *activity(const struct conformance *c, const struct deviation *d)
{
    return conformance_name(c, d->a);
}

static void describe(const struct conformance *c, const struct deviation *d, json_t *item)
{
    json_object_set_new(item, "from", json_string(conformance_name(c, d->b)));
    add_allowed(c, d->b, item);
}

static void words(const struct conformance *c, const struct deviation *d,
                  char out[static CONFORMANCE_WORDS])
{
    char activity[CONFORMANCE_LABEL], before[CONFORMANCE_LABEL];
    snprintf(out, CONFORMANCE_WORDS, "'%s' straight after '%s'",
             conformance_label(c, d->a, activity), conformance_label(c, d->b, before));
}

const struct conformance_model conformance_edges = {
    .argument = "edges",
    .init = init,
    .check = check,
    .done = done,
    .activity = activity,
    .describe = describe,
    .words = words,
    .max_events = ALIGN_MAX_TRACE,
    .has_variants = true,
};
