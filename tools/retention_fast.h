#pragma once
/* The fast plan of a plain retention matrix over a source that numbers its actors: a bitmap of
 * actors for each interval, and what the bitmaps have in common. */
#include "retention.h"

/* Whether only the intervals of starts and returns matter, and actors are numbers. */
bool retention_is_fast(const struct run *run, const struct retention *r);

/* Adds the query, whose rows are those of retention_matrix.sql. */
int retention_fast_plan(struct run *run, const struct retention *r, struct err *ret_err);
