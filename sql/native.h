#pragma once
/* Event rows → blocks of ClickHouse's Native format, column by column, for the table that import
 * makes. The engine takes such blocks without parsing: the layout was read off what the engine
 * itself writes with FORMAT Native, and tests/wire/import.test.mjs reads the rows back. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "names.h"
#include "numbering.h"

enum native_text {
    NATIVE_EVENT,
    NATIVE_ACTOR,
    NATIVE_SESSION,
    NATIVE_CASE,
    NATIVE_RESOURCE,
    NATIVE_TEXTS
};
/* The texts that are numbered: actor, session, case. */
enum { NATIVE_FIRST_NUMBER = NATIVE_ACTOR, NATIVE_NUMBERS = 3 };
enum native_map { NATIVE_PROPERTIES, NATIVE_ACTOR_PROPERTIES, NATIVE_MAPS };

struct native_row {
    int64_t time_us;
    struct bytes texts[NATIVE_TEXTS];
    bool has_start;
    int64_t start_us;
};

struct native_vec {
    char *data;
    size_t len, size;
};

struct native_map_column {
    const struct names *keys; /* all keys there are; borrowed */
    uint64_t count;           /* pairs in this block */
    struct native_vec offsets, ids, values;
    /* the block's own dictionary */
    uint32_t *local; /* of a key: its place in `used` + 1, valid if stamp says so */
    uint32_t *stamp;
    size_t local_size;
    struct native_vec used;
    bool is_packed; /* ids are in as few bytes as they need */
};

/* Type → ids of its objects, and the same with the qualifiers in place of the ids. */
struct native_objects {
    struct native_map_column types; /* its values are unused */
    struct native_vec offsets;      /* of a type's list, over the block */
    struct native_vec ids, qualifiers;
    uint64_t count; /* of ids */
};

/* One object of a row. */
struct native_object {
    uint32_t type; /* number of the type's name */
    struct bytes id, qualifier;
};

struct native {
    size_t rows;
    uint64_t seq; /* of the next row: import order */
    struct native_vec time, texts[NATIVE_TEXTS], start_null, start, seqs;
    struct native_map_column maps[NATIVE_MAPS];
    bool has_objects; /* the table has the two columns for them */
    struct native_objects objects;
    struct numbering *numberings; /* NATIVE_NUMBERS of them; borrowed */
    uint32_t block;               /* stamps of this block */
    bool failed;                  /* out of memory */
};

/* `numberings` are of the texts from NATIVE_FIRST_NUMBER on. */
void native_init(struct native *n, const struct names *properties,
                 const struct names *actor_properties, struct numbering *numberings);
void native_done(struct native *n);

/* The properties of the next row, then the row itself. */
void native_add_property(struct native *n, enum native_map map, uint32_t key, const char *text,
                         size_t len);
void native_add_row(struct native *n, const struct native_row *row);

/* All objects of the next row, those of one type one after the other. Before any row with objects,
 * has_objects and objects.types.keys are set. */
void native_add_objects(struct native *n, const struct native_object *objects, size_t count);

/* Bytes the block would take, about. */
size_t native_size(const struct native *n);

/* Appends the block to `out` and begins the next one. Nothing happens without rows. */
void native_flush(struct native *n, struct buf *out);
