#pragma once
/* Event logs as files that other process tools read: XES 1.0 (the XML of IEEE 1849) and CSV (RFC
 * 4180). Texts are UTF-8; what XML cannot hold at all (control characters, U+FFFE, U+FFFF) becomes
 * U+FFFD there. Lines of CSV end in \n, cells with quotes, commas or line ends are quoted. */
#include <stddef.h>

#include "buf.h"

enum log_type { LOG_STRING, LOG_DATE, LOG_INT, LOG_FLOAT, LOG_BOOLEAN };

/* The elements of XES, in the order of the types. */
extern const char *const log_type_names[];

struct log_attribute {
    const char *key, *value; /* borrowed; no value (NULL or none of it) is not written */
    size_t len;              /* bytes of the value */
    enum log_type type;
};

/* How XES and pm4py call what every log has. */
#define LOG_CASE     "case:concept:name"
#define LOG_ACTIVITY "concept:name"
#define LOG_TIME     "time:timestamp"
#define LOG_RESOURCE "org:resource"
#define LOG_START    "start_timestamp"

/* The head with extensions, globals and classifier; `name` of the log. */
void log_xes_begin(struct buf *out, const char *name);
void log_xes_end(struct buf *out);

/* <trace> with its attributes; events follow. */
void log_xes_trace(struct buf *out, const struct log_attribute *attributes, size_t count);
void log_xes_trace_end(struct buf *out);
void log_xes_event(struct buf *out, const struct log_attribute *attributes, size_t count);

/* One line; an attribute without a value is an empty cell. */
void log_csv_header(struct buf *out, const struct log_attribute *columns, size_t count);
void log_csv_row(struct buf *out, const struct log_attribute *cells, size_t count);
