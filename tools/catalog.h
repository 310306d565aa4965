#pragma once
/* The list of tools, in name order, NULL-terminated. */
#include "run.h"

extern const struct tool *const catalog[];

const struct tool *catalog_find(const char *name); /* NULL if there is none */
