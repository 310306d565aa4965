#pragma once
/* What a file is, from its first bytes and its name; pure functions. */
#include <stdbool.h>
#include <stddef.h>

#include "csv_rows.h"
#include "names.h"

enum sniff_format {
    SNIFF_UNKNOWN,
    SNIFF_CSV,
    SNIFF_JSONL,
    SNIFF_PARQUET,
    SNIFF_XES,
    SNIFF_OCEL,        /* OCEL 2.0 in JSON */
    SNIFF_OCEL_SQLITE, /* or any other SQLite database */
    SNIFF_JSON,        /* lines or OCEL: by its name, or with a list first as both may have */
    SNIFF_JSON_ARRAY,  /* one JSON array: not read, but named in the error */
    SNIFF_OCEL1,       /* likewise, as the next ones: OCEL 1.0 */
    SNIFF_UTF16,
    SNIFF_ZIP,
};

/* "gzip", "zstd", "bz2", "xz", "lz4" in the engine's words, or NULL for plain bytes. Frames that
 * decoders skip may come first. */
const char *sniff_compression(const char *bytes, size_t len);

/* Of uncompressed bytes. */
enum sniff_format sniff_content(const char *bytes, size_t len);

/* From the name's ending, what a compressed file is called included (x.csv.gz). */
enum sniff_format sniff_name(const char *path);

/* The delimiter of delimited text among comma, semicolon, tab and bar: the one that cuts the first
 * rows into the same number of fields, more than one. Comma if none does; '\0' when out of memory.
 */
char sniff_delimiter(const char *bytes, size_t len, enum csv_quoting quoting);

/* LF, or CR when the bytes have CR but no LF. */
char sniff_newline(const char *bytes, size_t len);

enum sniff_role {
    SNIFF_TIME,
    SNIFF_EVENT,
    SNIFF_ACTOR,
    SNIFF_SESSION,
    SNIFF_CASE,
    SNIFF_RESOURCE,
    SNIFF_START,
    SNIFF_ROLES
};
extern const char *const sniff_role_names[]; /* "time", "event", … as the flags are called */

/* The column whose name says that it plays the role, or -1. `taken[i]`: column i has another role
 * already. Case, blanks, _ and - do not matter; a leading "properties." does not either when no
 * plain name fits. In XES the name of the standard comes before all others. */
int sniff_column(const struct names *columns, enum sniff_format format, enum sniff_role role,
                 const bool *taken);
