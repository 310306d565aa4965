#pragma once
/* The rows that a call counts, as a SELECT: those of a period that pass its filters and its
 * segment and name an actor. A tool begins it, adds columns and conditions of its own, ends it, and
 * puts the text into the $rows slot of its *.sql file.
 *
 * Columns that are always there (the engine reads only those that the statement uses):
 *   _who      String: what is counted (the argument `actor`), never ''
 *   _key      the same to count and to group by: a UInt32 where the source numbers its actors,
 *             which is much cheaper, else _who. It means nothing outside of the statement
 *   _named    UInt8: whether _who is not ''
 *   _us       Int64: the time, unix microseconds
 *   _order    breaks ties of time: the import order, or 0
 *   _event    String
 *   _session  String, '' where the source has none
 *   _visit    stands for _session as _key does for _who
 *   _in_visit UInt8: whether _session is not ''
 *   _value    Array(String): the values of the argument `breakdown`, one for each field */
#include <stdint.h>

#include <jansson.h>

#include "buf.h"
#include "err.h"
#include "interval.h"
#include "query.h"
#include "run.h"

struct events {
    const struct run *run;
    struct query *q;
    struct buf columns, where;
};

/* From `from_us` (INT64_MIN = all that is before) to `to_us`, exclusive. On an error nothing is
 * left to free. */
int events_begin(struct events *e, const struct run *run, struct query *q, int64_t from_us,
                 int64_t to_us, struct err *ret_err);

/* The same with the rows that name no actor: `_who` is '' and `_named` 0 there. A source without
 * actors has such rows only. */
int events_begin_all(struct events *e, const struct run *run, struct query *q, int64_t from_us,
                     int64_t to_us, struct err *ret_err);

/* Adds the column `name` UInt8: whether a row is what `matcher` (NULL = any event) means. Errors
 * carry `path`. */
int events_match(struct events *e, const char *name, const json_t *matcher, const char *path,
                 struct err *ret_err);

/* Adds the column `name` String ('' = missing): the text of a field. */
int events_field(struct events *e, const char *name, const char *field, const char *path,
                 struct err *ret_err);

/* The same to group by: LowCardinality(String) where it is stored so, which is half the work. */
int events_key(struct events *e, const char *name, const char *field, const char *path,
               struct err *ret_err);

/* Adds the column `name` Nullable(Float64): the number of a field. */
int events_number(struct events *e, const char *name, const char *field, const char *path,
                  struct err *ret_err);

/* Adds the column `name` Int64: the start of the calendar interval, unix microseconds. */
void events_interval(struct events *e, const char *name, enum interval interval, bool sunday_weeks);

/* Adds a column, and a condition on the rows: SQL in which the columns so far may be used. */
void events_column(struct events *e, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void events_where(struct events *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The SELECT, into `out`; ends `e`. */
void events_end(struct events *e, struct buf *out);
void events_drop(struct events *e); /* the end after an error */

/* Plans the query of plan_actors() (see run.h) for a cell that is a set of rows: `e` holds the rows
 * of the cell. Ends `e`, and `q` as run_query() does. */
int events_plan_actors(struct events *e, struct run *run, struct err *ret_err);
