#pragma once
/* Arguments → validated, normalised values: unknown keys refused with the nearest name, numbers
 * sent as strings and arrays or objects sent as JSON text accepted, a bare string where an object
 * with a shorthand is meant expanded, defaults filled in, lists of one given as a bare item
 * wrapped, null taken as absent. The error names the path of the field and what is allowed. */
#include <jansson.h>

#include "err.h"
#include "tool.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    BIND_MAX_DEPTH = 8,           /* objects within objects */
    BIND_MAX_JSON_TEXT = 64 << 10 /* bytes of a list or object sent as JSON text */
};

/* `arguments` may be NULL (none). *ret_values: a new object holding only declared keys. */
int bind_arguments(const struct param *params, const json_t *arguments, json_t **ret_values,
                   struct err *ret_err);

/* The entry of `names` nearest to `name` by edit distance ignoring case, or NULL if none is near.
 */
const char *bind_nearest(const char *name, const char *const *names, size_t count);

/* The range of a numeric row, open ends as ±BIND_ANY_NUMBER; false for other types. Whole numbers
 * are bounded by ±(2^53 - 1), beyond which JSON readers disagree. */
#define BIND_ANY_NUMBER 1e308
bool bind_number_range(const struct param *row, double *ret_min, double *ret_max);

#ifdef __cplusplus
}
#endif
