#pragma once
/* Tables → JSON Schema, in the small vocabulary that every client accepts: one `type` per property,
 * `items` on every array, string enums, no $ref, no composition. Inputs are closed
 * (additionalProperties false); results are only described, two levels deep.
 *
 * What the input schema accepts, bind_arguments() accepts too; only the default length of a string
 * (BIND_MAX_STRING) stays unpublished, it would stand on every line. */
#include <jansson.h>

#include "tool.h"

#ifdef __cplusplus
extern "C" {
#endif

/* New references; NULL when out of memory. */
json_t *schema_input(const struct param *params);
json_t *schema_output(const struct field *fields);

#ifdef __cplusplus
}
#endif
