#pragma once
/* Bytes of JSONCompactEachRow → checked, capped rows. */
#include <stdbool.h>

#include <jansson.h>

#include "buf.h"
#include "err.h"

struct rows {
    json_t *items; /* array of arrays */
    size_t max_rows;
    size_t max_bytes;
    size_t bytes;
    bool is_truncated; /* a cap was hit (rows, bytes, one row of 16 MB): the rest is not here */
    bool failed;       /* out of memory, or a line that is no JSON array */
    struct buf line;   /* the beginning of a line whose end has not come yet */
};

void rows_init(struct rows *rows, size_t max_rows, size_t max_bytes);
void rows_done(struct rows *rows);

/* Bytes cut anywhere. Returns 0, or negative when a cap is hit or a row is broken: stop reading. */
int rows_feed(struct rows *rows, const char *bytes, size_t len);

/* The last line, which may lack its newline. Fails if a row could not be read. */
int rows_end(struct rows *rows, struct err *ret_err);
