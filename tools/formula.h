#pragma once
/* A formula over series: letters (A = the first), decimal numbers, + - * / and parentheses. It is
 * compiled into reverse Polish notation, so that evaluating takes one pass and no recursion. */
#include <stdbool.h>
#include <stddef.h>

#include "err.h"

enum { FORMULA_MAX_OPS = 128 };

struct formula_op {
    char kind;     /* 'n' number, 's' series, '~' minus sign, or one of + - * / */
    double number; /* 'n' */
    size_t series; /* 's' */
};

struct formula {
    struct formula_op ops[FORMULA_MAX_OPS];
    size_t count;
};

/* Letters beyond `series_count` and anything else that is not meant are errors of `formula`. */
int formula_parse(const char *text, size_t series_count, struct formula *ret_formula,
                  struct err *ret_err);

/* The value for one of each series; NaN where one of them has none, and where something is divided
 * by zero: that sets *divided_by_zero, which is left alone otherwise. */
double formula_value(const struct formula *formula, const double *values, bool *divided_by_zero);
