#pragma once
/* Texts ↔ dense numbers, for tens of millions of them: 1, 2, … in order of first sight, 0 for the
 * empty text. About 25 bytes a text beside its own. (names.h is for the few that are read back.) */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    const char *text;
    size_t len;
};

struct numbering_slot {
    uint32_t hash;
    uint32_t at; /* of the text's record, in words; 0 = free */
};

struct numbering {
    uint32_t *records; /* one after the other: number, length, text, padded to whole words */
    size_t len, size;  /* of records, in words; the first one is unused */
    size_t count;
    struct numbering_slot *slots; /* open addressing; a power of two */
    size_t slot_count;
    size_t max_bytes; /* of both */
    bool has_given_up;
};

void numbering_init(struct numbering *n, size_t max_bytes);
void numbering_done(struct numbering *n);

/* The numbers of texts. When memory or max_bytes is used up it gives up: everything is freed, and
 * all numbers are 0 from then on. Many texts at a time take a third of the time of one by one. */
void numbering_add(struct numbering *n, const struct bytes *texts, size_t count,
                   uint32_t *ret_numbers);
