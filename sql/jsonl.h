#pragma once
/* One JSON object a line → cells: nested objects are flattened with dots, lists keep their JSON
 * text, strings are decoded, numbers and booleans stay as written, null is missing. */
#include "csv_rows.h"
#include "names.h"

struct jsonl {
    struct names columns; /* every flattened name seen so far; a cell's column is its number */
    struct cell *cells;
    size_t count;
    const char *reason; /* why a line is no row */
    /* private */
    size_t size;
    char *scratch; /* decoded strings and the path of the current member */
    size_t scratch_size, scratch_used;
    char *path;
    size_t path_size;
    uint64_t *seen_at; /* row number in which a column was seen last */
    size_t seen_size;
    uint64_t row;
    char reason_text[160];
};

void jsonl_done(struct jsonl *j);

/* One line without its end: CSV_ROW, CSV_BLANK, CSV_BAD or CSV_NO_MEMORY. */
enum csv_result jsonl_read(struct jsonl *j, const char *line, size_t len);
