#pragma once
/* What the parts of import share: import.c the order of events and the statements, import_read.c
 * reading and inserting, import_file.c the bytes, import_map.c which column is what, import_load.c
 * rows → blocks, import_objects.c what object-centric logs need, import_layout.c the table. */
#include <uv.h>

#include "frames.h"
#include "gunzip.h"
#include "import.h"
#include "jsonl.h"
#include "native.h"
#include "ocel_json.h"
#include "ocel_sqlite.h"
#include "query.h"
#include "xes.h"

enum {
    ROW_MAX = 64 << 20,     /* bytes of one row */
    SAMPLE_BYTES = 1 << 20, /* looked at before columns are decided */
    READ_BYTES = 4 << 20,
    BLOCK_ROWS = 65536,
    BLOCK_BYTES = 16 << 20,
    BODY_BYTES = 32 << 20,             /* of one INSERT: one part of the table */
    FIRST_BODY_BYTES = BODY_BYTES / 8, /* soon full, so that the engine has work; then twice that */
    BODIES = 3,                        /* one is filled while the others are inserted */
    STATEMENT_MS = 24 * 3600 * 1000,
    NUMBERING_BYTES = 1 << 30,
};

/* What becomes of a column's value. */
struct target {
    uint32_t roles; /* bit i = enum sniff_role i */
    int map;        /* enum native_map, or -1: no property */
    uint32_t key;
    bool is_known; /* decided */
};

enum input_state {
    INPUT_OPEN,
    INPUT_UNCHECKED,
    INPUT_PREPARING, /* of OCEL the objects are read, which come before its events */
    INPUT_SAMPLED,
    INPUT_ENDED
};

struct input {
    const char *path;      /* as given */
    int fd;                /* of the file; -1 = closed */
    int pipe_in, pipe_out; /* from and to the engine, when it decodes the file; -1 = unused */
    struct gunzip *gunzip; /* decodes it here, or NULL */
    const char *compression;
    struct frames frames; /* while it is INPUT_UNCHECKED */
    enum sniff_format format;
    enum input_state state;
    uint64_t size; /* bytes, 0 = unknown */
    uint64_t bytes_read;
    bool is_regular;
    int saved_flags; /* of a descriptor that others may share */
    bool is_at_end;
    /* bytes not yet used: data[start..len) */
    char *data;
    size_t start, len, data_size;
    size_t wanted; /* unused bytes needed before the next try: a row is longer than what is here */
    uint64_t line; /* of the next row */
    struct csv csv;
    struct names columns; /* CSV; the others have theirs in `jsonl` */
    struct xes xes;       /* XES → JSON lines */
    struct jsonl jsonl;
    struct ocel_json ocel;      /* OCEL in JSON */
    struct ocel_sqlite *sqlite; /* or in a database */
    bool is_prepared;           /* OCEL: its objects are known */
    struct target *targets;
    size_t target_size;
    uint64_t rows_read, rows_imported, rows_rejected;
};

struct role {
    const char *column; /* asked for or guessed; NULL = none */
    char *guessed;      /* owned; what `column` points to when it was guessed */
    bool is_guess;
    bool is_seen; /* some file has it */
};

enum reject_kind {
    REJECT_TIME,
    REJECT_RANGE,
    REJECT_COLUMNS,
    REJECT_QUOTE,
    REJECT_JSON,
    REJECT_XES,
    REJECT_OCEL,
    REJECT_UTF8,
    REJECT_EVENT,
    REJECT_KINDS
};

/* What the first rows say about one key of the properties. */
struct key_sample {
    size_t rows; /* that have it */
    struct names values;
};

struct key_samples {
    size_t rows; /* looked at */
    struct key_sample *keys;
    size_t size;
};

/* Blocks for one INSERT. */
struct body {
    struct import *im;
    struct buf bytes;
    struct query query;
    struct db_query *inserting; /* NULL = it is not */
};

struct import {
    struct db *db;
    struct import_options options;
    struct import_events events;
    struct err err; /* the first failure */
    json_t *report, *report_files, *warnings;
    uint64_t started_ns;

    struct input *inputs;
    size_t input; /* the one being read */
    struct role roles[SNIFF_ROLES];
    bool cases_seen[IMPORT_CASES_MAX];
    bool has_roles; /* decided by the first file */
    struct names properties, actor_properties;
    struct ocel_objects objects;  /* of OCEL: of all files */
    struct native_object *sorted; /* those of one event */
    size_t sorted_size;
    struct key_samples samples;
    struct when_zone zone;
    struct when when;
    uint64_t rejected[REJECT_KINDS], start_times_kept;

    struct numbering numberings[NATIVE_NUMBERS];
    struct native native;
    struct body bodies[BODIES];
    struct body *filling; /* one that is not inserted */
    size_t body_bytes;    /* from which on it is full */

    /* statements */
    struct query query; /* the one of the sequence */
    struct db_query *running, *decoding;
    void (*next)(struct import *im);
    json_t *rows; /* of the sequence's last statement */
    struct buf row_text;
    struct query decode;
    bool is_reading; /* between the first file and the last */
    bool has_table, is_asking_zone, is_cleaning, is_replacing, is_read; /* all of it */

    /* For what comes in the next turn of the loop, behind its signals and pipes, most of all going
     * on with reading: a timer of 0 ms that starts itself again leaves them no turn. Freed when
     * closed. */
    uv_idle_t *soon;
    uv_poll_t *poll; /* waits for a pipe, or NULL */
};

/* --- import_file.c ---------------------------------------------------------------------------- */

int input_open(struct input *in, const char *path, struct err *ret_err);
void input_close(struct input *in);
/* Looks at the first bytes of the file: compression and, where they show, the format. */
int input_detect(struct import *im, struct input *in, struct err *ret_err);
/* Makes the pipe through which the engine hands over what it decodes. */
int input_make_pipe(struct input *in, struct err *ret_err);
/* Goes on with looking whether an INPUT_UNCHECKED file is whole: 1 it is, 2 not yet known. */
int input_check(struct input *in, struct err *ret_err);
/* Tells that it cannot be decoded. */
int input_damaged(const struct input *in, struct err *ret_err);
/* Reads more: 1 bytes came, 0 the end, 2 nothing there yet, negative on failure. */
int input_read(struct input *in, struct err *ret_err);
/* The error of a file that cannot be read to its end: `line` 0 = it has none. */
int input_broken(const struct input *in, uint64_t line, const char *reason, struct err *ret_err);
/* Begins anew with the first byte, where the file allows it. */
int input_rewind(struct input *in, struct err *ret_err);
bool input_can_rewind(const struct input *in);
/* Decides format, delimiter and columns from the bytes that are there. */
int input_sniff(struct import *im, struct input *in, struct err *ret_err);
const struct names *input_columns(const struct input *in);
const char *input_name(const struct input *in); /* for people: "-" is "standard input" */
const char *input_format_name(const struct input *in);
bool input_has_objects(const struct input *in); /* it is OCEL */

/* --- import_map.c ----------------------------------------------------------------------------- */

/* The roles, from the options and the first file's columns; checks later files against them. */
int map_roles(struct import *im, struct input *in, struct err *ret_err);
/* What becomes of a column, deciding it at first sight. NULL = out of memory. */
const struct target *map_target(struct import *im, struct input *in, uint32_t column);
/* Columns that were asked for and never seen. */
int map_check_seen(struct import *im, struct err *ret_err);
/* Whether the name of a type of objects can be written as the key of a place. */
bool map_is_object_type(const struct name *name);
/* The mapping JSON for the table's comment. New reference. */
json_t *map_comment(const struct import *im);
int map_report(struct import *im); /* fills the report; -1 = out of memory */

/* --- import_load.c ---------------------------------------------------------------------------- */

enum load_result {
    LOAD_MORE /* needs bytes */,
    LOAD_FULL /* a body is full */,
    LOAD_END,
    LOAD_FAILED
};
/* Rows of the bytes that are there into the native block, blocks into `filling`. */
enum load_result load_rows(struct import *im, struct input *in, struct err *ret_err);
/* Looks at the first rows: what unit numbers of time are in, and which keys there are. False = out
 * of memory. */
bool load_sample(struct import *im, struct input *in);
const char *load_reason_name(enum reject_kind kind);

/* --- import_objects.c ------------------------------------------------------------------------ */

/* Begins with the objects of an OCEL file. */
int objects_start(struct import *im, struct input *in, struct err *ret_err);
/* Reads some: LOAD_END when all are known, LOAD_FULL when there is more to do. */
enum load_result objects_read(struct import *im, struct input *in, struct err *ret_err);
/* The attributes that the first events show. */
int objects_sniff(struct input *in, struct err *ret_err);
/* The event that was read last, of either format. */
const struct ocel_event *objects_event(const struct input *in);
/* The next event, as csv_read() gives a row: what it takes of `bytes` in *ret_used. */
enum csv_result objects_next(struct input *in, const char *bytes, size_t len, bool is_end,
                             size_t *ret_used);
/* Adds the event's objects to the next row. False = out of memory. */
bool objects_add(struct import *im, const struct ocel_event *event);
/* Where the reader stands, to look at some events and go back. */
struct objects_at {
    struct ocel_json_at json;
};
struct objects_at objects_mark(const struct input *in);
void objects_go_back(struct input *in, const struct objects_at *at);
/* What there is to say at the end of a file. */
void objects_warn(struct import *im, const struct input *in);

/* --- import_layout.c -------------------------------------------------------------------------- */

/* One row of the sample that decides which keys get a column. False = out of memory. */
bool layout_sample(struct import *im, const struct input *in, const struct cell *cells,
                   size_t count);
void layout_done(struct import *im); /* frees the sample */
/* Makes the table, then goes on with `next`. */
void layout_create(struct import *im, void (*next)(struct import *im));
/* Every row is inserted: takes back what did not come true, then goes on with `next`. */
void layout_finish(struct import *im, void (*next)(struct import *im));

/* --- import_read.c ---------------------------------------------------------------------------- */

/* Begins with the next file; after the last one import_count_rows() follows. */
void import_open_input(struct import *im);
/* Another body than the one that is filled, or NULL: one that is inserted or one that is not. */
struct body *import_find_body(struct import *im, bool is_inserting);
/* Before the descriptor it waits for is closed. */
void import_close_poll(struct import *im);

/* --- import.c --------------------------------------------------------------------------------- */

/* The first failure ends the import: stops what runs, then import_wind_up(). */
void import_fail(struct import *im, const struct err *err);
void import_fail_memory(struct import *im);
/* After a failure: once nothing runs any more, removes the unfinished table and ends. */
void import_wind_up(struct import *im);
/* Runs one statement of the sequence, parameters bound in im->query, and goes on with `next`: a
 * text with a $table and the slots of `more` (ends with {0}; NULL = none). */
void import_run_on_table(struct import *im, const struct sql_text *text,
                         const struct query_fragment *more, void (*next)(struct import *im));
/* Every row is inserted: counts them and puts the table in its place. */
void import_count_rows(struct import *im);
void import_free_handle(uv_handle_t *handle);
void import_warn(struct import *im, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
