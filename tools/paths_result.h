#pragma once
/* From the rows of run_paths.sql to the result of run_paths and its words. Internal to run_paths.
 */
#include "run.h"

enum { PATHS_MAX_ROWS = 20000 };

/* What an edge has instead of a node: it leads to nowhere, or the node is a rarer one. */
extern const char paths_drop_off[], paths_other[];

/* Query 0: run_paths.sql. Tells nothing where there are no paths. */
int paths_shape(struct run *run, struct err *ret_err);

bool paths_is_empty(const struct run *run);
