#pragma once
/* XES (IEEE 1849), the XML of event logs → one JSON object an event, without I/O: what its trace
 * knows as "case:<key>", then its own attributes. A trace without a name is called "trace
 * <number>". Attributes of attributes are called "<key>.<key>", lists become lists of {"<key>":
 * "<value>"}. Every value is text as written. Extensions, globals, classifiers and attributes of
 * the log are skipped. docs/decisions/xes.md has the rules and the limits. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "csv_rows.h"
#include "err.h"

struct expat_library;
struct XML_ParserStruct;

enum { XES_DEPTH_MAX = 64 };

struct xes_level {
    int kind;        /* of element */
    bool has_brace;  /* an object of a list that is to be closed */
    size_t path_len; /* of the path before it */
};

struct xes {
    /* of the last event */
    struct buf json;
    uint64_t line, lines; /* where it begins, and how many it touches */
    size_t used;          /* bytes that the last call took; rows may follow without any */
    const char *reason;   /* why there is no row; CSV_BROKEN: at `line` */
    /* private */
    const struct expat_library *library;
    struct XML_ParserStruct *parser; /* expat's XML_Parser */
    struct buf trace, path;          /* members of the trace; name of the attribute that is open */
    struct xes_level levels[XES_DEPTH_MAX];
    int depth;
    uint64_t fed, traces;
    size_t pending; /* bytes of a token whose end has not come */
    bool has_name, has_events, in_event, has_row, is_suspended, is_final, is_broken, is_lost;
    const char *bad; /* why the event is none */
    char reason_text[200];
};

/* A zeroed struct, made ready for the first byte of a file; again after a look at its beginning. */
int xes_start(struct xes *x, struct err *ret_err);
void xes_done(struct xes *x); /* accepts a zeroed one */

/* Goes on with the next bytes. CSV_ROW: `json`. CSV_BAD: an event that is no row. CSV_BLANK: bytes
 * taken, no row yet. CSV_MORE: more bytes are wanted than these. CSV_BROKEN: nothing can be read
 * from here on. `is_end`: the file ends with these bytes. */
enum csv_result xes_read(struct xes *x, const char *bytes, size_t len, bool is_end);
