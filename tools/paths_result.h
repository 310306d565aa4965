#pragma once
/* From the rows of run_paths.sql to the result of run_paths and its words. Internal to run_paths.
 */
#include "run.h"

enum { PATHS_MAX_ROWS = 20000 };

/* Query 0: run_paths.sql. Tells nothing where there are no paths. */
int paths_shape(struct run *run, struct err *ret_err);

bool paths_is_empty(const struct run *run);
