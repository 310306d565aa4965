#pragma once
/* The groups of compare_groups, and why one of them is empty: how many actors pass each of its
 * conditions alone. */
#include <jansson.h>

#include "err.h"
#include "events.h"
#include "run.h"

/* Adds the column `name` UInt8: whether the row's actor is in the group. Errors carry `path`. */
int compare_add_group(struct events *e, const char *name, const json_t *segment, const char *path,
                      struct err *ret_err);

/* `group` is the argument that holds it, a or b. The second tells what the first has asked. */
int compare_plan_empty(struct run *run, const char *group, struct err *ret_err);
void compare_tell_empty(struct run *run, const char *group);
