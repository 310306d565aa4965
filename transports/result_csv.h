#pragma once
/* The main list of a result as CSV (RFC 4180). */
#include <jansson.h>

#include "buf.h"
#include "run.h"

/* The first list of objects among the tool's result fields, or NULL. */
const struct field *result_csv_list(const struct tool *tool);

/* Header and rows; nested values as JSON text, an absent member as nothing. A member that all rows
 * lack is no column. */
void result_csv_write(const struct field *list, const json_t *result, struct buf *out);
