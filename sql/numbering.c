#include "numbering.h"

#include <stdlib.h>
#include <string.h>

void numbering_init(struct numbering *n, size_t max_bytes)
{
    *n = (struct numbering){.len = 1, .max_bytes = max_bytes};
}

void numbering_done(struct numbering *n)
{
    free(n->records);
    free(n->slots);
    *n = (struct numbering){.len = 1, .max_bytes = n->max_bytes, .has_given_up = n->has_given_up};
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
    uint64_t word = 0;
    for (size_t i = 0; i + sizeof word < len; i += sizeof word) {
        memcpy(&word, text + i, sizeof word);
        h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 32;
    }
    if (len >= sizeof word)
        memcpy(&word, text + len - sizeof word, sizeof word);
    else
        memcpy(&word, text, len);
    h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return (uint32_t)(h ^ h >> 33);
}

enum { WORD = sizeof(uint32_t), HEAD_WORDS = 2 };

static bool is_text(const uint32_t *record, const struct bytes *text)
{
    return record[1] == text->len && memcmp(record + HEAD_WORDS, text->text, text->len) == 0;
}

static size_t bytes_of(size_t size, size_t slot_count)
{
    return size * WORD + slot_count * sizeof(struct numbering_slot);
}

static bool grow_slots(struct numbering *n)
{
    size_t count = n->slot_count == 0 ? 1024 : n->slot_count * 2;
    if (bytes_of(n->size, count) > n->max_bytes)
        return false;
    struct numbering_slot *slots = calloc(count, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < n->slot_count; i++) {
        if (n->slots[i].at == 0)
            continue;
        size_t at = n->slots[i].hash & (count - 1);
        while (slots[at].at != 0)
            at = (at + 1) & (count - 1);
        slots[at] = n->slots[i];
    }
    free(n->slots);
    n->slots = slots;
    n->slot_count = count;
    return true;
}

/* Room for so many more words. */
static bool grow_records(struct numbering *n, size_t words)
{
    size_t size = n->size;
    while (size < n->len + words)
        size = size == 0 ? 4096 : size + size / 2;
    if (size == n->size)
        return true;
    if (size > UINT32_MAX || bytes_of(size, n->slot_count) > n->max_bytes)
        return false;
    uint32_t *records = realloc(n->records, size * WORD);
    if (records == NULL)
        return false;
    n->records = records;
    n->size = size;
    return true;
}

static uint32_t add_record(struct numbering *n, struct numbering_slot *slot, uint32_t hash,
                           const struct bytes *text)
{
    size_t words = HEAD_WORDS + (text->len + WORD - 1) / WORD;
    if (text->len > UINT32_MAX || !grow_records(n, words))
        return give_up(n);
    *slot = (struct numbering_slot){hash, (uint32_t)n->len};
    uint32_t *record = n->records + n->len;
    record[0] = (uint32_t)++n->count;
    record[1] = (uint32_t)text->len;
    memcpy(record + HEAD_WORDS, text->text, text->len);
    n->len += words;
    return record[0];
}

static uint32_t number_of(struct numbering *n, uint32_t hash, const struct bytes *text)
{
    if (text->len == 0 || n->has_given_up)
        return 0;
    /* At most three slots of four are taken. */
    if (n->count / 3 >= n->slot_count / 4 && !grow_slots(n))
        return give_up(n);
    size_t at = hash & (n->slot_count - 1);
    for (; n->slots[at].at != 0; at = (at + 1) & (n->slot_count - 1)) {
        const uint32_t *record = n->records + n->slots[at].at;
        if (n->slots[at].hash == hash && is_text(record, text))
            return record[0];
    }
    return add_record(n, &n->slots[at], hash, text);
}

/* Slots and records are anywhere in memory, so a lookup is two waits for it. Those of a group are
 * asked for together. */
enum { GROUP = 32 };

static void add_group(struct numbering *n, const struct bytes *texts, size_t count,
                      uint32_t *ret_numbers)
{
    uint32_t hashes[GROUP];
    for (size_t i = 0; i < count; i++) {
        hashes[i] = hash_of(texts[i].text, texts[i].len);
        if (n->slot_count > 0)
            __builtin_prefetch(&n->slots[hashes[i] & (n->slot_count - 1)]);
    }
    for (size_t i = 0; i < count && n->slot_count > 0; i++)
        __builtin_prefetch(n->records + n->slots[hashes[i] & (n->slot_count - 1)].at);
    for (size_t i = 0; i < count; i++)
        ret_numbers[i] = number_of(n, hashes[i], &texts[i]);
}

void numbering_add(struct numbering *n, const struct bytes *texts, size_t count,
                   uint32_t *ret_numbers)
{
    for (size_t i = 0; i < count; i += GROUP)
        add_group(n, texts + i, count - i < GROUP ? count - i : GROUP, ret_numbers + i);
}
