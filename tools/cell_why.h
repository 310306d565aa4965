#pragma once
/* Why a cell of list_actors has nobody: the value that it names may never occur. */
#include "run.h"

/* Asks for the values of the fields of which the cell names one: a breakdown, the node of a path, a
 * channel. Its queries are the last of the round. */
int cell_why_plan(struct run *run, struct err *ret_err);

/* Says which of them no event of the period has, with the nearest and the most frequent values
 * that there are; `query` is the first that cell_why_plan() added. Returns whether there was one.
 */
bool cell_why_shape(struct run *run, int query);
