#pragma once
/* Rows of delimited text, one at a time, without I/O. What a field holds stays exactly as written:
 * nothing is trimmed, no word means NULL, no number is read. Rows end with LF, CRLF, or with CR
 * where the whole file has no LF. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One value of a row: of a column, or of a flattened JSON member. */
struct cell {
    const char *text; /* into the input or into the reader; valid until the next row */
    size_t len;
    uint32_t column;
};

enum csv_quoting {
    CSV_QUOTES,    /* "a field", a quote in it doubled (RFC 4180) */
    CSV_PLAIN,     /* a quote is a character like others */
    CSV_BACKSLASH, /* \t \n \\ … are decoded, \N is missing (ClickHouse's and MySQL's TSV) */
};

enum csv_result {
    CSV_ROW,    /* cells, count */
    CSV_BLANK,  /* an empty line */
    CSV_MORE,   /* the row's end is not in these bytes: call again with more of them */
    CSV_END,    /* no bytes left */
    CSV_BAD,    /* reason; `used` and `lines` tell what to skip */
    CSV_BROKEN, /* reason; of formats that cannot go on behind an error */
    CSV_NO_MEMORY,
};

struct csv {
    char delimiter, newline;
    enum csv_quoting quoting;
    /* of the last row */
    struct cell *cells;
    size_t count;
    size_t used;    /* bytes it took, its end included */
    uint64_t lines; /* line ends among them */
    const char *reason;
    /* private */
    size_t size;
    char *scratch; /* decoded fields */
    size_t scratch_size, scratch_used;
    int unclosed;
};

void csv_init(struct csv *c, char delimiter, enum csv_quoting quoting);
void csv_done(struct csv *c);

/* Reads the row that begins at `bytes`. `is_end`: the file ends with these bytes. */
enum csv_result csv_read(struct csv *c, const char *bytes, size_t len, bool is_end);
