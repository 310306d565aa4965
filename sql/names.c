#include "names.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a, eight bytes a step: names are short, and nobody but the file's owner chooses them. */
static uint64_t hash_of(const char *text, size_t len)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ len;
    for (; len >= 8; text += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, text, sizeof word);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    for (; len > 0; text++, len--)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    h *= UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

/* The slot that holds the name, or the free one where it belongs. */
static size_t slot_of(const struct names *names, const char *text, size_t len)
{
    size_t i = hash_of(text, len) & (names->slot_count - 1);
    for (; names->slots[i] != 0; i = (i + 1) & (names->slot_count - 1)) {
        const struct name *name = &names->items[names->slots[i] - 1];
        if (name->len == len && memcmp(name->text, text, len) == 0)
            break;
    }
    return i;
}

static int grow_slots(struct names *names)
{
    size_t count = names->slot_count == 0 ? 64 : names->slot_count * 2;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (slots == NULL)
        return NAMES_NO_MEMORY;
    free(names->slots);
    names->slots = slots;
    names->slot_count = count;
    for (size_t i = 0; i < names->count; i++)
        slots[slot_of(names, names->items[i].text, names->items[i].len)] = (uint32_t)i + 1;
    return 0;
}

int64_t names_find(const struct names *names, const char *text, size_t len)
{
    if (names->slot_count == 0)
        return NAMES_NONE;
    return (int64_t)names->slots[slot_of(names, text, len)] - 1;
}

int64_t names_add(struct names *names, const char *text, size_t len)
{
    if (names->slot_count > 0) {
        uint32_t known = names->slots[slot_of(names, text, len)];
        if (known != 0)
            return known - 1;
    }
    if (names->count * 2 >= names->slot_count && grow_slots(names) < 0)
        return NAMES_NO_MEMORY;
    if (names->count == names->size) {
        size_t size = names->size == 0 ? 32 : names->size * 2;
        struct name *items = realloc(names->items, size * sizeof *items);
        if (items == NULL)
            return NAMES_NO_MEMORY;
        names->items = items;
        names->size = size;
    }
    char *copy = malloc(len + 1);
    if (copy == NULL)
        return NAMES_NO_MEMORY;
    if (len > 0)
        memcpy(copy, text, len);
    copy[len] = '\0';
    names->items[names->count] = (struct name){copy, len};
    names->slots[slot_of(names, text, len)] = (uint32_t)++names->count;
    return (int64_t)names->count - 1;
}

void names_done(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i].text);
    free(names->items);
    free(names->slots);
    *names = (struct names){0};
}
