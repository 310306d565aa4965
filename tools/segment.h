#pragma once
/* What a call is restricted to: its filters, and its segment, the actors told by what they did. */
#include <jansson.h>

#include "buf.h"
#include "err.h"
#include "query.h"
#include "run.h"

/* What the argument `actor` says is counted; without it the user, or the session: see
 * TOOL_BY_SESSION. */
const char *scope_counted(const struct run *run);

/* Whether the source numbers what is counted: see source_actor_number(). */
bool scope_has_number(const struct run *run);

/* The arguments `filters` and `segment` as a condition on one row. The segment is one of `counted`
 * ("user", "case", a field), which is the expression `actor` (String) of a row: it is in the
 * segment if up to the end of the run's period it has done each of `did` (min_times, within_days),
 * none of `did_not`, and has an event for which all its `filters` hold. */
int scope_condition(const struct run *run, struct query *q, const char *counted, const char *actor,
                    struct buf *out, struct err *ret_err);

/* The same for a segment alone; errors name the path inside it. */
int segment_condition(const struct run *run, struct query *q, const json_t *segment,
                      const char *counted, const char *actor, struct buf *out, struct err *ret_err);

/* The same for rows that are grouped by more than an expression: what to add to the columns of a
 * row (", … AS _c0"), and the condition on a group of such rows. */
int segment_columns(const struct run *run, struct query *q, const json_t *segment,
                    struct buf *columns, struct buf *having, struct err *ret_err);
