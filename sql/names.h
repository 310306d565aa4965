#pragma once
/* Strings ↔ small numbers, in order of first sight: column names, property keys, the dictionary
 * of a block. */
#include <stddef.h>
#include <stdint.h>

struct name {
    char *text; /* NUL-terminated; may hold NUL bytes too */
    size_t len;
};

struct names {
    struct name *items;
    size_t count, size;
    uint32_t *slots; /* open addressing: index + 1, 0 = free */
    size_t slot_count;
};

enum { NAMES_NONE = -1, NAMES_NO_MEMORY = -2 };

/* The number of a name; adds it if it is new. NAMES_NO_MEMORY on failure. */
int64_t names_add(struct names *names, const char *text, size_t len);
/* The number, or NAMES_NONE. */
int64_t names_find(const struct names *names, const char *text, size_t len);
void names_done(struct names *names); /* leaves it empty and usable */
