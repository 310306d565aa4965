#pragma once
/* Texts ↔ dense numbers, for tens of millions of them: 1, 2, … in order of first sight, 0 for the
 * empty text. About 25 bytes a text beside its own. (names.h is for the few that are read back.) */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct numbering_slot {
    uint32_t hash;
    uint32_t number; /* 0 = free */
};

struct numbering {
    char *texts;       /* one after the other, each with its length before it */
    size_t len, size;  /* of texts */
    uint64_t *offsets; /* of number i + 1 in texts */
    size_t count, offset_size;
    struct numbering_slot *slots; /* open addressing; a power of two */
    size_t slot_count;
    size_t max_bytes; /* of all three */
    bool has_given_up;
};

void numbering_init(struct numbering *n, size_t max_bytes);
void numbering_done(struct numbering *n);

/* The number of a text. When memory or max_bytes is used up it gives up: everything is freed, and
 * all numbers are 0 from then on. */
uint32_t numbering_add(struct numbering *n, const char *text, size_t len);
