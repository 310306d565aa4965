#pragma once
/* Rows that a call looks at, whether they name an actor or not: of discovery, where events.h is of
 * analysis. */
#include "run.h"

/* The condition on one row: its time in [from_us, to_us) (INT64_MIN, INT64_MAX: any, or none), the
 * call's filters and segment, and `matcher` (NULL = any event; errors carry "event"). */
int rows_where(const struct run *run, struct query *q, int64_t from_us, int64_t to_us,
               const json_t *matcher, struct buf *out, struct err *ret_err);

/* A logical field as String, '' where the source has none. */
void rows_logical(const struct run *run, struct query *q, enum source_field field, struct buf *out);

/* Adds property_values.sql as a query of the round: the values of `field` that begin with `prefix`,
 * on events of `matcher` (NULL = any); errors carry "field" or "event". */
int rows_plan_values(struct run *run, const char *field, const char *prefix, const json_t *matcher,
                     int64_t limit, int64_t offset, struct err *ret_err);
