#pragma once
/* The main table of a result as CSV (RFC 4180): flat, one value in a cell. */
#include <stdbool.h>

#include <jansson.h>

#include "buf.h"
#include "run.h"

/* Whether the tool's results have a table: see tool->tables. */
bool result_csv_has_table(const struct tool *tool);

/* Header and rows, nothing without a table; an absent member is nothing, one that all rows lack is
 * no column. A row of a list inside the list carries the members of the item that holds it. Values
 * of a breakdown have a column each: breakdown, or breakdown_1, breakdown_2. Other lists are one
 * text: "a; b". */
void result_csv_write(const struct tool *tool, const json_t *result, struct buf *out);
