#pragma once
/* OCEL 2.0 as an SQLite database → events, in the order of its table `event`. The file is only
 * read, nothing in it is run, and libsqlite3 is loaded when the first such file is opened. */
#include "err.h"
#include "ocel.h"

struct ocel_sqlite;

/* The database behind a descriptor of a regular file; `name` is for people, `path` the file's own,
 * or NULL. Objects go into `objects`. ERR_UNAVAILABLE without the library; ERR_ARGUMENT when it is
 * none, or another database than OCEL. Loop thread only. */
int ocel_sqlite_open(struct ocel_sqlite **ret_sqlite, int fd, const char *name, const char *path,
                     struct ocel_objects *objects, struct err *ret_err);
void ocel_sqlite_close(struct ocel_sqlite *s); /* accepts NULL */

/* Some more objects: CSV_BLANK there are more, CSV_END, CSV_BROKEN, CSV_NO_MEMORY. */
enum csv_result ocel_sqlite_read_objects(struct ocel_sqlite *s);
/* The next event: CSV_ROW, CSV_BAD, CSV_END, CSV_BROKEN, CSV_NO_MEMORY. */
enum csv_result ocel_sqlite_read(struct ocel_sqlite *s);
/* Back to the first event. */
void ocel_sqlite_rewind(struct ocel_sqlite *s);

const struct ocel_event *ocel_sqlite_event(const struct ocel_sqlite *s);
const char *ocel_sqlite_reason(const struct ocel_sqlite *s); /* of CSV_BROKEN and CSV_BAD */
