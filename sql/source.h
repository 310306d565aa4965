#pragma once
/* Sources: what the logical fields (time, event, actor, session, case, …) are in a physical table.
 *
 * A source comes from a preset that recognises the table's columns, from the JSON in the table's
 * comment (import and demo write it), and from the configuration, the later overriding the earlier.
 * The mapping JSON, all members optional:
 *   { "kind": "clickstack" | "telemetry" | "events", "database": "…", "table": "…" or "db.table",
 *     "description": "…", "time": "Timestamp", "event": "SpanName",
 *     "event_category": "." (an event is called by what stands before it: email of email.sent),
 *     "session": "ResourceAttributes['rum.sessionId']",
 *     "actor": ["SpanAttributes['user.id']", "SpanAttributes['userEmail']"],
 *     "stitch": true (a row that names no user counts for the first one that its session names),
 *     "resource": …, "service": …, "status": …, "duration_ms": …, "url": …, "start_time": …,
 *     "cases": {"order": "SpanAttributes['order.id']"},
 *     "objects": {"item": ["SpanAttributes['item.id']", "item_ids"] (all of them count, and arrays
 *     and lists for each item), "email.*": … (only of events called email.…)},
 *     "properties": ["SpanAttributes", "ResourceAttributes"], "actor_properties": "…",
 *     "replay_table": "hyperdx_sessions", "logs_table": "otel_logs",
 *     "replay_url": "…{session}…{at}…" }
 *     "numbers": {"actor_id": "actor_number"},
 * and what the team knows about events and fields: see knowledge.h.
 * A place is a column, or a key of a Map or JSON column, or of a String column holding JSON. A list
 * of places means the first that is not empty. A key of a Map for which the table has a column
 * MATERIALIZED Map['key'] is read from that column. Of several places those are left out that no
 * row of the question has, where an index of the Map's keys tells. `numbers` names, for a column,
 * the UInt32 one that numbers its values one to one, 0 for '' alone: what is counted and grouped by
 * is cheap then.
 */
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "buf.h"
#include "db.h"
#include "err.h"
#include "knowledge.h"
#include "query.h"

enum place_kind {
    PLACE_COLUMN,    /* a plain column */
    PLACE_MAP,       /* column[key] */
    PLACE_JSON,      /* a path of a JSON column */
    PLACE_JSON_TEXT, /* a path of a String column that holds JSON */
};

struct place {
    enum place_kind kind;
    char *column;
    char *key;            /* NULL for PLACE_COLUMN */
    char *type;           /* of the column, as system.columns says */
    const json_t *copies; /* of a Map: {key: column that holds its value}; the source's, or NULL */
    bool is_indexed;      /* of a Map: its keys have an index */
};

struct places {
    struct place *items;
    size_t count;
};

/* The logical fields that map to places. */
enum source_field {
    SOURCE_EVENT,
    SOURCE_ACTOR,
    SOURCE_SESSION,
    SOURCE_RESOURCE,
    SOURCE_SERVICE,
    SOURCE_STATUS,
    SOURCE_DURATION,
    SOURCE_URL,
    SOURCE_START_TIME,
    SOURCE_FIELDS
};

/* Their names, as agents and mappings use them. */
extern const char *const source_field_names[SOURCE_FIELDS];

struct source_key { /* a case id or an object type */
    char *name;
    struct places places;
};

struct source {
    char *name;
    char *kind; /* "clickstack", "telemetry", "events" */
    char *database, *table;
    char *description;
    struct place time; /* DateTime or DateTime64 */
    struct places fields[SOURCE_FIELDS];
    bool stitch; /* the places of the actor name users only; a session without any is its own */
    double duration_unit_ms;  /* what one unit of the duration column is: 1e-6 for ns */
    char *category_end;       /* events are called by what stands before it; NULL = by all */
    char *order;              /* column that breaks ties of time (import order), or NULL */
    struct place *properties; /* containers: Map, JSON or JSON-text columns, in look-up order */
    size_t property_count;
    int event_properties;    /* index of the container of event.<key>, or -1 */
    int resource_properties; /* of resource.<key> */
    int actor_properties;    /* of actor.<key> when rows carry them; -1: from event properties */
    struct source_key *cases, *objects;
    size_t case_count, object_count;
    struct knowledge knowledge; /* of the team: descriptions, names, matchers */
    json_t *columns;            /* {column: type} of the table */
    json_t *copies;             /* {Map column: {key: column MATERIALIZED from it}} */
    json_t *numbers; /* {column: UInt32 column that numbers its values}; only those there are */
    char *replay_table, *logs_table, *replay_url; /* or NULL */
    bool has_replay;                              /* the replay table exists */
    int64_t rows; /* of the table when it was looked at; 0 = unknown (a view, Distributed) */
    double bytes_per_row; /* all columns, uncompressed; 0 = unknown */
    bool has_json_values; /* the engine has JSONAllValues() */
};

struct source_problem { /* a configured source that cannot be used */
    char *name;
    struct err err; /* its field is the configuration's key: "sources.shop.table" */
};

struct sources {
    struct source **items;
    size_t count;
    struct source_problem *problems; /* they do not spoil the others */
    size_t problem_count;
    unsigned refs; /* sources_load() gives one; sources_free() drops one */
};

/* Reads system.tables and system.columns and builds the list; asynchronous. On success the sources
 * belong to the callee's user (sources_free). `config` is the "sources" object of the
 * configuration, or NULL; what it says of tables that are not so becomes a problem of the list. */
int sources_load(struct db *db, const json_t *config,
                 void (*done)(void *user, struct sources *sources, const struct err *err),
                 void *user, struct err *ret_err);
struct sources *sources_free(struct sources *sources);
/* The databases that the configuration names beside the connection's own. New reference. */
json_t *sources_databases(const json_t *config);
/* NULL as a name is the only source there is. A problem is the error when it is the one named, or
 * when there is nothing else. */
const struct source *sources_find(const struct sources *sources, const char *name,
                                  struct err *ret_err);

/* The aggregate that counts distinct values over this source: exact up to 20 million rows,
 * estimated beyond (error about 1 %), where an exact count would cost more than it tells. */
const char *source_distinct_if(const struct source *s);

/* What questions can unpack of the table, in bytes, where that takes most of their time: it is a
 * key of a Map who acted. 0 = little, or unknown. See docs/decisions/clickstack-speed.md. */
uint64_t source_unpacked_bytes(const struct source *s);

/* `database`.`table`, quoted. */
void source_table(const struct source *s, struct buf *out);

/* What stands after FROM: the table, and a join for every actor.<key> and session.<key> that the
 * fragments built so far in this scope of `q` use (query_scope_begin() opens one for a subquery).
 * So build all fragments first, then this one. */
void source_from(const struct source *s, struct query *q, struct buf *out);

/* Unix microseconds of a row's time, Int64. */
void source_time_us(const struct source *s, struct buf *out);

/* How a row tells how long its work took: */
enum source_service {
    SOURCE_NO_SERVICE,
    SOURCE_STARTED, /* its time is the end, and the field start_time the begin */
    SOURCE_LASTING, /* its time is the begin, and the field duration_ms how long: a span */
};

/* That in microseconds, Nullable(Int64): below 0 where it ended before it began. ERR_ARGUMENT where
 * the source has no such field. */
int source_service_us(const struct source *s, struct query *q, enum source_service service,
                      struct buf *out, struct err *ret_err);

/* The first and the last time of a group as aggregates, unix microseconds. */
void source_first_last(const struct source *s, struct buf *ret_first_us, struct buf *ret_last_us);

/* `time` >= from and < to, in a form that prunes parts; either may be INT64_MIN/MAX = open. */
void source_time_between(const struct source *s, struct query *q, int64_t from_us, int64_t to_us,
                         struct buf *out);

/* A logical or property field as a String expression of one row ('' = missing), keys bound. Names:
 * event, actor, session, case, a case or object name, resource, service, status, duration_ms, url,
 * hour, weekday, a column, event.<key>, session.<key> (the first non-empty value in the row's
 * session), actor.<key> (the actor's last non-empty value), resource.<key>; a bare key is looked up
 * in the containers of the row in their order. */
int source_text(const struct source *s, struct query *q, const char *field, struct buf *out,
                struct err *ret_err);

/* The expression of one logical field; ERR_ARGUMENT where the source has none. */
int source_logical(const struct source *s, struct query *q, enum source_field field,
                   struct buf *out, struct err *ret_err);

/* The user that a row of a source with an actor names itself, '' = none: SOURCE_ACTOR without what
 * `stitch` adds, so it needs no join. */
void source_user(const struct source *s, struct query *q, struct buf *out);

/* The same as Nullable(Float64): a number, or NULL where the text is none. */
int source_number(const struct source *s, struct query *q, const char *field, struct buf *out,
                  struct err *ret_err);

/* Whether a column stands for a property of its own: one value per row, no field of the mapping. */
bool source_is_plain_column(const struct source *s, const char *column);

/* The case id: `name` is a case field of the source, NULL = the only one. */
int source_case(const struct source *s, struct query *q, const char *name, struct buf *out,
                struct err *ret_err);

/* The ids of a row's objects of one type, as Array(String): distinct, none empty. All places of the
 * type count, a list in any of them for each of its items (source_text() of such a type is an id
 * alone, or several as a JSON list). A type called "<prefix>.*" holds for
 * events called "<prefix>.…" alone. A name that is no object type is read as a field. */
int source_object_ids(const struct source *s, struct query *q, const char *type, struct buf *out,
                      struct err *ret_err);

/* Whether two types are categories ("<prefix>.*") of the same places, so that an id is the same
 * thing in both. */
bool source_is_same_object(const struct source *s, const char *type, const char *other);

/* What is counted: "user", "session", "case" or a field → String expression. */
int source_actor(const struct source *s, struct query *q, const char *actor, const char *case_name,
                 struct buf *out, struct err *ret_err);

/* The operators of filters, NULL-terminated. */
extern const char *const source_operators[];

/* The column that numbers what source_actor() gives, UInt32, 0 for '' alone, appended to `out`
 * unless that is NULL; false where the table has none. Numbers mean something inside one table
 * only. */
bool source_actor_number(const struct source *s, const char *actor, const char *case_name,
                         struct buf *out);

/* One of CONTRACT.md's filters {field, op, value, values} as a condition on one row. */
int source_filter(const struct source *s, struct query *q, const json_t *filter, struct buf *out,
                  struct err *ret_err);

/* All of `filters` (array or NULL), joined by AND; "1" when there is none. */
int source_filters(const struct source *s, struct query *q, const json_t *filters, struct buf *out,
                   struct err *ret_err);

/* A matcher {event, any_of, where} as a condition on one row. */
int source_matcher(const struct source *s, struct query *q, const json_t *matcher, struct buf *out,
                   struct err *ret_err);
