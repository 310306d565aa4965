#pragma once
/* OCEL 2.0 as JSON → events, without I/O and in bounded memory: of a log only one object or one
 * event is looked at at a time. Events name objects by their ids alone, so all objects are read
 * first: where the events stand before them, the file is read twice. */
#include "jsonl.h"
#include "ocel.h"

/* The brackets that are open in a value that is read past. */
struct ocel_skip {
    uint64_t braces; /* bit i: level i is an object */
    int depth;
    bool in_string, is_escaped, is_scalar;
};

/* Where a reader stands: it can go back to a copy, when the bytes from there on come again. */
struct ocel_json_at {
    int state; /* see ocel_json.c */
    struct ocel_skip skip;
    uint64_t line; /* of the next byte */
    unsigned seen; /* top-level lists */
    bool is_reading_events, has_item;
};

struct ocel_json {
    struct ocel_json_at at;
    struct ocel_event event; /* the last one */
    size_t used;             /* bytes that the last call took */
    uint64_t line, lines;    /* where the last event begins, and how many it touches */
    const char *reason;      /* why there is no row; CSV_BROKEN: at `line` */
    bool can_rewind;         /* set by the caller: the bytes can be read twice */
    bool is_in_place;        /* behind CSV_END of the objects: events come next */
    /* private */
    struct ocel_objects *objects;
    struct jsonl outer, inner; /* of an object or event, of an item in its lists */
    char *texts;               /* decoded ones of `inner` */
    size_t text_size, text_used;
};

/* A zeroed struct, for the first byte of a file: objects are read, into `objects`. -1 = out of
 * memory. */
int ocel_json_start(struct ocel_json *o, struct ocel_objects *objects);
/* The objects are read. Unless is_in_place the first byte of the file comes next. */
void ocel_json_start_events(struct ocel_json *o);
void ocel_json_done(struct ocel_json *o); /* accepts a zeroed one */

/* Goes on with the next bytes. CSV_ROW: `event`. CSV_BAD: an event that is no row. CSV_BLANK: bytes
 * taken, no event yet. CSV_MORE: more bytes are wanted than these. CSV_END: of the objects or of
 * the file. CSV_BROKEN: nothing can be read from here on. `is_end`: the file ends with these
 * bytes. */
enum csv_result ocel_json_read(struct ocel_json *o, const char *bytes, size_t len, bool is_end);
