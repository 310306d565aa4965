#pragma once
/* One JSON object a line → cells: nested objects are flattened with dots, lists keep their JSON
 * text, strings are decoded, numbers and booleans stay as written, null is missing. A line may also
 * be the list of an object's values, when the names of all come before. */
#include "buf.h"
#include "csv_rows.h"
#include "names.h"

struct jsonl_member {
    char *json; /* the name as it is written */
    char *name;
    size_t json_len, len;
    int64_t column; /* -1 = not known yet */
};

struct jsonl {
    struct names columns; /* every flattened name seen so far; a cell's column is its number */
    struct cell *cells;
    size_t count;
    const char *reason;           /* why a line is no row */
    struct jsonl_member *members; /* of lists; NULL = lines are objects */
    size_t member_count;
    /* private */
    size_t size;
    char *scratch; /* decoded strings */
    size_t scratch_size, scratch_used;
    char *path;        /* of the current member */
    uint64_t *seen_at; /* row number in which a column was seen last */
    size_t seen_size;
    uint64_t row;
    char reason_text[160];
};

void jsonl_done(struct jsonl *j);

/* The list of names: from now on lines are lists. CSV_ROW, CSV_BAD or CSV_NO_MEMORY. */
enum csv_result jsonl_read_names(struct jsonl *j, const char *line, size_t len);

/* Appends the list that was read last as the object that it stands for; false if it is broken.
 * Cells are no longer valid. */
bool jsonl_add_object(struct jsonl *j, const char *line, size_t len, struct buf *out);

/* One line without its end: CSV_ROW, CSV_BLANK, CSV_BAD or CSV_NO_MEMORY. */
enum csv_result jsonl_read(struct jsonl *j, const char *line, size_t len);
