#pragma once
/* The log behind a result as a file: where it can be read. */
#include "run.h"

extern const char *const export_log_formats[]; /* "csv", "xes"; NULL-terminated */

/* "sextant://log/xes/{arguments}": the events of the cases that this call selects. New reference;
 * NULL when it
 * would be too long, or out of memory. */
json_t *export_log_uri(const struct run *run, const char *format);
