#include "numbering.h"

#include <stdlib.h>
#include <string.h>

void numbering_init(struct numbering *n, size_t max_bytes)
{
    *n = (struct numbering){.max_bytes = max_bytes};
}

void numbering_done(struct numbering *n)
{
    free(n->texts);
    free(n->offsets);
    free(n->slots);
    *n = (struct numbering){.max_bytes = n->max_bytes, .has_given_up = n->has_given_up};
}

static uint32_t give_up(struct numbering *n)
{
    n->has_given_up = true;
    numbering_done(n);
    return 0;
}

/* Eight bytes a step, the last ones overlapping; murmur's finalizer. */
static uint32_t hash_of(const char *text, size_t len)
{
    uint64_t h = len * UINT64_C(0x9e3779b97f4a7c15);
    uint64_t word;
    size_t i = 0;
    for (; i + sizeof word <= len; i += sizeof word) {
        memcpy(&word, text + i, sizeof word);
        h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 32;
    }
    word = 0;
    memcpy(&word, text + i, len - i);
    h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return (uint32_t)(h ^ h >> 33);
}

static bool is_text(const struct numbering *n, uint32_t number, const char *text, size_t len)
{
    const char *at = n->texts + n->offsets[number - 1];
    uint32_t known;
    memcpy(&known, at, sizeof known);
    return known == len && memcmp(at + sizeof known, text, len) == 0;
}

static size_t bytes_of(size_t text_size, size_t offset_size, size_t slot_count)
{
    return text_size + offset_size * sizeof(uint64_t) + slot_count * sizeof(struct numbering_slot);
}

static bool grow_slots(struct numbering *n)
{
    size_t count = n->slot_count == 0 ? 1024 : n->slot_count * 2;
    if (bytes_of(n->size, n->offset_size, count) > n->max_bytes)
        return false;
    struct numbering_slot *slots = calloc(count, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < n->slot_count; i++) {
        if (n->slots[i].number == 0)
            continue;
        size_t at = n->slots[i].hash & (count - 1);
        while (slots[at].number != 0)
            at = (at + 1) & (count - 1);
        slots[at] = n->slots[i];
    }
    free(n->slots);
    n->slots = slots;
    n->slot_count = count;
    return true;
}

/* Room for one more text of this length. */
static bool grow_texts(struct numbering *n, size_t len)
{
    size_t size = n->size, offset_size = n->offset_size;
    while (size - n->len < len + sizeof(uint32_t))
        size = size == 0 ? 16384 : size + size / 2;
    if (n->count == offset_size)
        offset_size = offset_size == 0 ? 1024 : offset_size + offset_size / 2;
    if (bytes_of(size, offset_size, n->slot_count) > n->max_bytes)
        return false;
    if (size != n->size) {
        char *texts = realloc(n->texts, size);
        if (texts == NULL)
            return false;
        n->texts = texts;
        n->size = size;
    }
    if (offset_size != n->offset_size) {
        uint64_t *offsets = realloc(n->offsets, offset_size * sizeof *offsets);
        if (offsets == NULL)
            return false;
        n->offsets = offsets;
        n->offset_size = offset_size;
    }
    return true;
}

uint32_t numbering_add(struct numbering *n, const char *text, size_t len)
{
    if (len == 0 || n->has_given_up)
        return 0;
    /* At most three slots of four are taken. */
    if (n->count / 3 >= n->slot_count / 4 && !grow_slots(n))
        return give_up(n);
    uint32_t hash = hash_of(text, len);
    size_t at = hash & (n->slot_count - 1);
    for (; n->slots[at].number != 0; at = (at + 1) & (n->slot_count - 1))
        if (n->slots[at].hash == hash && is_text(n, n->slots[at].number, text, len))
            return n->slots[at].number;
    if (n->count >= UINT32_MAX - 1 || len > UINT32_MAX || !grow_texts(n, len))
        return give_up(n);
    uint32_t text_len = (uint32_t)len;
    n->offsets[n->count++] = n->len;
    memcpy(n->texts + n->len, &text_len, sizeof text_len);
    memcpy(n->texts + n->len + sizeof text_len, text, len);
    n->len += sizeof text_len + len;
    n->slots[at] = (struct numbering_slot){hash, (uint32_t)n->count};
    return (uint32_t)n->count;
}
