/* What is wrong with the cases, counted. */
#include <stdlib.h>
#include <string.h>

#include "conformance.h"

static size_t slot_of(const struct deviations *d, enum conformance_kind kind, uint32_t a,
                      uint32_t b)
{
    uint64_t hash = ((uint64_t)a << 32 | b) * 0x9e3779b97f4a7c15U + (uint64_t)kind;
    hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9U;
    size_t slot = (size_t)(hash >> 32) & (d->slot_count - 1);
    while (d->slots[slot] != 0) {
        const struct deviation *known = &d->items[d->slots[slot] - 1];
        if (known->kind == kind && known->a == a && known->b == b)
            break;
        slot = (slot + 1) & (d->slot_count - 1);
    }
    return slot;
}

/* Room for one more, the table of slots at most half full. */
static int grow(struct deviations *d)
{
    if (d->count < d->size)
        return 0;
    size_t size = d->size == 0 ? 64 : d->size * 2;
    struct deviation *items = realloc(d->items, size * sizeof *items);
    if (items == NULL)
        return -1;
    d->items = items;
    uint32_t *slots = calloc(size * 2, sizeof *slots);
    if (slots == NULL)
        return -1;
    free(d->slots);
    d->slots = slots;
    d->slot_count = size * 2;
    d->size = size;
    for (size_t i = 0; i < d->count; i++)
        d->slots[slot_of(d, items[i].kind, items[i].a, items[i].b)] = (uint32_t)i + 1;
    return 0;
}

int deviations_note(struct conformance *c, enum conformance_kind kind, uint32_t a, uint32_t b,
                    const struct conformance_group *group)
{
    struct deviations *d = &c->deviations;
    if (grow(d) < 0)
        return -1;
    size_t slot = slot_of(d, kind, a, b);
    if (d->slots[slot] == 0) {
        d->items[d->count++] = (struct deviation){.kind = kind,
                                                  .a = a,
                                                  .b = b,
                                                  .cases = group->cases,
                                                  .duration_ms = group->duration_ms,
                                                  .example = group->example,
                                                  .last_group = group->number};
        d->slots[slot] = (uint32_t)d->count;
        return 0;
    }
    struct deviation *known = &d->items[d->slots[slot] - 1];
    if (known->last_group != group->number) {
        known->cases += group->cases;
        known->duration_ms += group->duration_ms;
        known->last_group = group->number;
    }
    return 0;
}

bool deviations_has(const struct deviations *d, const struct deviation *wanted, size_t group)
{
    if (d->slot_count == 0)
        return false;
    uint32_t place = d->slots[slot_of(d, wanted->kind, wanted->a, wanted->b)];
    return place > 0 && d->items[place - 1].last_group == group;
}

void deviations_done(struct deviations *d)
{
    free(d->items);
    free(d->slots);
}

static int by_cases(const void *a, const void *b)
{
    const struct deviation *x = a, *y = b;
    if (x->cases != y->cases)
        return x->cases < y->cases ? 1 : -1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    return x->b < y->b ? -1 : x->b > y->b;
}

void deviations_sort(struct deviations *d)
{
    if (d->count > 0)
        qsort(d->items, d->count, sizeof *d->items, by_cases);
}

size_t deviations_told(const struct deviations *d)
{
    return d->count < CONFORMANCE_MAX_DEVIATIONS ? d->count : CONFORMANCE_MAX_DEVIATIONS;
}

bool deviation_extra_s(const struct conformance *c, const struct deviation *d, double *ret_s)
{
    if (d->cases == 0 || d->cases >= c->cases)
        return false;
    double with = (double)d->duration_ms / (double)d->cases;
    double without = (double)(c->duration_ms - d->duration_ms) / (double)(c->cases - d->cases);
    *ret_s = (with - without) / 1000;
    return true;
}
