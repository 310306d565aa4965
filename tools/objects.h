#pragma once
/* What the object tools share: which types of objects a call is about, and its events with their
 * objects. The figures are those of docs/decisions/object-centric.md. */
#include "run.h"

enum {
    OBJECTS_TYPES_MAX = 100,   /* types in one call */
    OBJECTS_PAIRED_MAX = 1000, /* objects of one event that are paired with one another */
};

struct objects {
    const char *types[OBJECTS_TYPES_MAX]; /* in order of their names; borrowed */
    size_t count;
    /* A SELECT of one row an event: _us Int64, _order, _event String, _objects Array(Tuple(number
     * of the type UInt16, id String)), distinct; and _case String where it was asked for. */
    struct buf rows;
};

/* The types: `more`, or NULL, and those of the list `names` (NULL = the source's own), the first
 * OBJECTS_TYPES_MAX of which count. Errors name the argument `field`. */
int objects_init(struct objects *o, struct run *run, const json_t *names, const char *more,
                 const char *field, struct err *ret_err);
void objects_done(struct objects *o);

/* The number of a type, or -1. */
int objects_find(const struct objects *o, const char *type);

/* Fills `rows` for `q`; `case_name`: see source_case(), NULL = without _case. With a period,
 * filters or a segment an object counts whole or not at all: by its first event, by having one that
 * passes, by what it did. */
int objects_rows(struct objects *o, const struct run *run, struct query *q, const char *case_name,
                 struct err *ret_err);

/* Adds a query over them whose slots are $rows and those of `more` (ends with {0}, NULL = none). */
int objects_query(struct objects *o, struct run *run, struct query *q, const struct sql_text *text,
                  const struct query_fragment *more, size_t max_rows, struct err *ret_err);

/* Writes that there is no object. */
void objects_shape_none(struct run *run, const struct objects *o);

/* Makes it the state of the run, which frees it: `run->state` is a struct objects from then on. */
int objects_keep(struct run *run, const struct objects *o, struct err *ret_err);
