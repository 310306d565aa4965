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

/* A function of the library and the member of the table that points to it. */
#define LIBRARY_SYMBOL(table, symbol, member)                                                      \
    {                                                                                              \
        (symbol), offsetof(struct table, member)                                                   \
    }

struct library {
    const char *const *files; /* tried in turn; ends with NULL */
    const char *need;         /* what for, and the package: ends the sentence of an error */
    const char *version;      /* that has every function */
    const struct library_symbol *symbols; /* ends with {0} */
    bool is_loaded;                       /* private */
};

/* Fills `table` at the first call; the library stays until the process ends. ERR_UNAVAILABLE when
 * it is missing or lacks a function; the table is then as it was. Loop thread only. */
int library_load(struct library *library, void *table, struct err *ret_err);
