#pragma once
/* Files of events → the table sextant.<source>, atomically: the rows go into a table of their own,
 * which takes the place of the old one when every file has been read. docs/decisions/import.md
 * tells why the rows are cut here and not by the engine's readers. */
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "csv_rows.h"
#include "db.h"
#include "err.h"
#include "sniff.h"
#include "when.h"

enum { IMPORT_CASES_MAX = 16 };

struct import_options {
    const char *source;       /* [A-Za-z0-9_.-]{1,64} */
    const char *const *files; /* paths; "-" = standard input */
    size_t file_count;
    const char *columns[SNIFF_ROLES]; /* of the roles; NULL = guess. The case's is cases[0] */
    const char *cases[IMPORT_CASES_MAX];
    size_t case_count;
    const char *event_name;   /* of rows without one; NULL = "event" when no column holds events */
    const char *description;  /* NULL = says which files and columns it came from */
    enum sniff_format format; /* SNIFF_UNKNOWN = by name and content */
    char delimiter;           /* '\0' = by content */
    enum csv_quoting quoting;
    bool has_no_header; /* the columns are called c1, c2, … */
    const char *tz;     /* IANA zone of times that name none; NULL = UTC */
    enum when_unit unit;
    const char *time_format; /* see when.h; NULL = the usual forms */
    bool is_strict;          /* a rejected row fails the import */
    /* What the numbers of actors, of sessions and of cases may take each; 0 = 1 GB. Beyond it they
     * have none. */
    size_t numbering_bytes;
};

/* One row, or the lines of one, that is no event. The texts are borrowed during the call. */
struct import_reject {
    const char *file;
    uint64_t line, last_line; /* counted from 1; rows of a Parquet file */
    const char *reason;
    const char *text; /* as read; cut at IMPORT_REJECT_TEXT bytes */
    size_t len;
};

enum { IMPORT_REJECT_TEXT = 1 << 20 };

struct import_events {
    void (*rejected)(void *user, const struct import_reject *reject); /* may be NULL */
    /* Bytes of all files read so far and in total (0 = unknown), rows so far. May be NULL. */
    void (*progress)(void *user, uint64_t bytes, uint64_t bytes_total, uint64_t rows);
    /* Once, at the end. `report` (borrowed; on failure as far as it came, or NULL) has
     * {source, table, replaced, files: [{file, format, compression, delimiter, rows_read,
     * rows_imported, rows_rejected}], mapping: [{role, column | value, why}],
     * properties: [name…], actor_properties: [name…], property_count, rows_read, rows_imported,
     * rows_rejected, rejected_by_reason: {reason: count}, from, to, actors, events, cases,
     * objects and object_types: [name…] of OCEL, warnings: [text…], elapsed_ms}. */
    void (*done)(void *user, const struct err *err, const json_t *report);
    void *user;
};

struct import;

/* What can be said before anything is opened or touched. */
int import_check(const struct import_options *options, struct err *ret_err);

/* Opens the files, then everything else happens on the db's loop. `db` must be embedded. Strings
 * of `options` must live until done. The staging tables are the store's: one import at a time. */
int import_start(struct db *db, const struct import_options *options,
                 const struct import_events *events, struct import **ret_import,
                 struct err *ret_err);

/* Stops; done follows with ERR_CANCELLED, the source is as before. */
void import_cancel(struct import *import);
