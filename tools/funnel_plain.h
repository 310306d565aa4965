#pragma once
/* The fast plan of a plain funnel: ordered steps that no event shares, no values to tell apart,
 * over a table that numbers its actors, or whose size is known. Its times are those of funnel.h,
 * actor by actor; see docs/decisions/native-table.md and clickstack-speed.md. */
#include "funnel.h"

/* Whether run_funnel's steps can be counted this way. */
bool funnel_is_plain(const struct run *run, const struct funnel *f);

/* Adds the query, whose rows are those of run_funnel_steps.sql. */
int funnel_plain_plan(struct run *run, const struct funnel *f, struct err *ret_err);
