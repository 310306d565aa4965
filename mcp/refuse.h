#pragma once
/* The words with which bind.c refuses an argument: where it stands, what was expected, what came
 * instead, and the nearest name. */
#include <stddef.h>

#include <jansson.h>

#include "bind.h"
#include "err.h"
#include "tool.h"

enum { REFUSE_SHOWN_BYTES = 60 /* of a value or a key */ };

#define WHOLE_MAX 9007199254740991.0 /* 2^53 - 1 */

/* Where we are in the arguments, as a chain up the stack: steps, [2], where, … */
struct at {
    const struct at *up;
    const char *name; /* NULL: the item `index` of a list */
    size_t index;
    int depth; /* objects around */
};

/* All return a negative code and fill *ret_err. `at` NULL is the arguments themselves. */
int refuse(struct err *ret_err, const struct at *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int refuse_value(struct err *ret_err, const struct at *at, const struct param *row,
                 const json_t *value, const char *hint);
int refuse_missing(struct err *ret_err, const struct at *at, const struct param *row);
int refuse_unknown(struct err *ret_err, const struct at *at, const struct param *fields,
                   const char *key);
