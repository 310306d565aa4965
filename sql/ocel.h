#pragma once
/* What object-centric event logs (OCEL 2.0) have in common, whether they come as JSON or as an
 * SQLite database: objects with a type each, and events that name any number of them.
 * docs/decisions/object-centric.md has the rules and the limits. */
#include "csv_rows.h"
#include "names.h"
#include "numbering.h"

enum {
    OCEL_TYPES_MAX = 1000,       /* types of objects, and of events */
    OCEL_RELATIONS_MAX = 100000, /* objects of one event */
};

/* The objects of all files of an import: which type each id is of. */
struct ocel_objects {
    struct names types;
    struct numbering ids;
    uint32_t *type_of; /* by number of the id: the type's + 1, 0 = no such object */
    size_t size;
    uint64_t count, conflicts; /* conflicts: ids that came again with another type */
};

void ocel_objects_init(struct ocel_objects *o, size_t max_bytes);
void ocel_objects_done(struct ocel_objects *o);

/* The first type that an id comes with is its type. CSV_ROW; CSV_BROKEN with *ret_reason;
 * CSV_NO_MEMORY. */
enum csv_result ocel_add_object(struct ocel_objects *o, struct bytes id, struct bytes type,
                                const char **ret_reason);

struct ocel_relation {
    uint32_t type; /* number in ocel_objects.types */
    struct bytes id, qualifier;
};

/* One event, as both readers give it. The texts are borrowed until the next one is read. */
struct ocel_event {
    struct names columns; /* the first OCEL_FIXED are ocel:eid, ocel:activity, ocel:timestamp; then
                             attributes */
    struct cell *cells;
    size_t count;
    struct ocel_relation *relations;
    size_t relation_count;
    struct bytes raw;   /* as read, or as much of it as tells which event it is */
    const char *reason; /* why it is none */
    /* over all events */
    uint64_t unknown; /* relations to objects that no file has, which are left out */
    /* private */
    size_t size, relation_size;
    uint64_t *seen_at, row;
    size_t seen_size;
    char reason_text[160];
};

enum { OCEL_EID, OCEL_ACTIVITY, OCEL_TIMESTAMP, OCEL_FIXED };

int ocel_event_init(struct ocel_event *e);  /* -1 = out of memory */
void ocel_event_done(struct ocel_event *e); /* accepts a zeroed one */
void ocel_event_begin(struct ocel_event *e);

/* These give CSV_ROW; CSV_BAD with e->reason: the event is none; CSV_NO_MEMORY. An empty value is
 * missing. */
enum csv_result ocel_event_set(struct ocel_event *e, uint32_t column, struct bytes value);
enum csv_result ocel_event_attribute(struct ocel_event *e, struct bytes name, struct bytes value);
enum csv_result ocel_event_relate(struct ocel_event *e, struct ocel_objects *objects,
                                  struct bytes id, struct bytes qualifier);
