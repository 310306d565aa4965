#pragma once
/* A tool as data: a parameter table and a result table. From them come the input and output JSON
 * Schemas (schema.h), the validation of arguments (bind.h) and the generated reference. */
#include <stdbool.h>
#include <stddef.h>

enum value_type {
    VALUE_STRING,
    VALUE_INTEGER,
    VALUE_NUMBER,
    VALUE_BOOLEAN,
    VALUE_OBJECT, /* `fields` describes the members; NULL = any object */
};

/* One argument, or one member of an argument. Tables end with {0}. */
struct param {
    const char *name;
    const char *description; /* one short sentence for an agent: units, default, example */
    enum value_type type;    /* of the value, or of each item of a list */
    bool is_list;
    bool is_required;
    const char *const *choices;  /* allowed strings, NULL-terminated; NULL = free */
    const char *fallback;        /* JSON text of the default; NULL = stays absent */
    double min, max;             /* numbers; both 0 = unbounded, min alone = open end */
    size_t min_items, max_items; /* lists; max_items 0 = BIND_MAX_ITEMS */
    size_t max_length;           /* strings, in characters; 0 = BIND_MAX_STRING */
    const struct param *fields;  /* members of an object */
    /* A bare string stands for {shorthand: string} (a matcher: "event"). Objects only. */
    const char *shorthand;
    /* Accept numbers and booleans too, and turn them into text (a filter's value). Strings only. */
    bool is_scalar_text;
    /* What a string names in the data: "event", "field", "source", "session". The floors above
     * check it against what exists and complete it; this floor only carries it. NULL = nothing. */
    const char *role;
    /* Left out of the published schema of nested levels, so that recursive tables end. */
    bool is_hidden;
    /* Published as a plain object, whose description tells the members: keeps the schema small.
     * The arguments are held to `fields` all the same. Objects only. */
    bool is_brief;
};

/* One member of a result. Tables end with {0}. An optional member may be absent; null is never
 * used, so that every schema has one plain type. */
struct field {
    const char *name;
    const char *description; /* for the reference; not published in outputSchema */
    enum value_type type;
    bool is_list;
    bool is_optional;
    const struct field *fields; /* members; NULL with VALUE_OBJECT = any object */
};

enum { BIND_MAX_ITEMS = 100, BIND_MAX_STRING = 4096 };
