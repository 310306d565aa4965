#pragma once
/* The argument `within`: a length of time as {value, unit}. */
#include <stdint.h>

#include <jansson.h>

#include "err.h"
#include "tool.h"

extern const struct param within_fields[]; /* members of it */

/* Reads `within` of the arguments, which must have it. Errors name its value. */
int within_read(const json_t *arguments, int64_t *ret_us, struct err *ret_err);
