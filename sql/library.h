#pragma once
/* A shared library that is loaded when it is first needed, as a table of its functions
 * (docs/decisions/lazy-libraries.md). */
#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct library_symbol {
    const char *name;
    size_t offset; /* of its pointer in the table */
};

struct library {
    const char *const *files; /* tried in turn; ends with NULL */
    const char *need;         /* what for, and the package: ends the sentence of an error */
    const char *version;      /* that has every function */
    const struct library_symbol *symbols; /* ends with {0} */
};

/* Fills `table`; the library stays until the process ends. ERR_UNAVAILABLE when it is missing or
 * lacks a function; the table is then as it was. */
int library_load(const struct library *library, void *table, struct err *ret_err);
