#pragma once
/* The query builder: the only place that assembles SQL text.
 *
 * A statement is a fixed text from a *.sql file whose `$slots` are filled with fragments, plus
 * bound parameters. Fragments are built here and in source.c from constants, from identifiers of
 * the source mapping (quoted by sql_identifier()) and from placeholders; a value of the caller
 * never becomes SQL text, it is bound: query_bind_*() appends `{p7:String}` to the fragment and
 * remembers the value. */
#include <stdint.h>

#include <jansson.h>

#include "buf.h"
#include "db.h"
#include "err.h"

/* One *.sql file, embedded at build time by embed.py. */
struct sql_text {
    const char *name;
    const char *text;
    const char *const *slots;        /* names of its $slots, NULL-terminated */
    const char *const *placeholders; /* "name:Type" of its {name:Type}, NULL-terminated */
};

struct query_param {
    char name[24];
    const char *type; /* a constant: "String", "Array(String)", "Int64", … */
    char *value;      /* escaped text, owned */
};

/* A key of a Map that rows may not have: query_bind_key(). */
struct query_key {
    char param[24];
    char *within, *column, *key; /* owned */
};

struct query {
    struct buf sql;
    struct query_param *params;
    size_t param_count, param_size;
    struct buf joins;  /* what source_from() must add to the table; see source_join.h */
    json_t *joined;    /* {what it is for: number of the join} of this scope, or NULL */
    size_t join_count; /* of all scopes: the numbers differ between them */
    struct buf within; /* "<table> WHERE <condition>" of all rows of this scope; empty = unknown */
    struct query_key *keys;
    size_t key_count;
    bool failed; /* out of memory at a parameter or a join; told by query_render() */
};

void query_init(struct query *q);
void query_done(struct query *q);

/* A subquery has a FROM of its own: what source_from() must add is collected apart between these
 * two, and of its rows nothing is known. `outer` is what begin returned. Scopes nest; placeholders
 * are numbered through. */
struct query_scope {
    struct buf joins, within;
    json_t *joined;
};
struct query_scope query_scope_begin(struct query *q);
void query_scope_end(struct query *q, struct query_scope outer);

/* The number of the join that this scope has for `what`, 0 = none yet. */
size_t query_joined(const struct query *q, const char *what);
void query_note_joined(struct query *q, const char *what, size_t number);

/* Append a placeholder to `out` and bind the value to it. */
void query_bind_text(struct query *q, struct buf *out, const char *value);
void query_bind_texts(struct query *q, struct buf *out, const json_t *strings);
void query_bind_integer(struct query *q, struct buf *out, int64_t value);
void query_bind_number(struct query *q, struct buf *out, double value);
/* fromUnixTimestamp64Micro({p3:Int64}) */
void query_bind_time(struct query *q, struct buf *out, int64_t unix_us);

/* {k1:UInt8}: 0 where no row of q->within has `key` in the Map `column`. It is 1 until
 * query_lacks_key() says otherwise. */
void query_bind_key(struct query *q, struct buf *out, const char *column, const char *key);
void query_lacks_key(struct query *q, const struct query_key *key);

/* Binds what `text` names of the parameters of `from` in `q`, too. */
void query_bind_same(struct query *q, const struct query *from, const char *text);

/* Bind a placeholder that stands in the *.sql text itself: {limit:UInt64}. */
void query_set_text(struct query *q, const char *name, const char *value);
void query_set_texts(struct query *q, const char *name, const json_t *strings);
void query_set_integer(struct query *q, const char *name, int64_t value); /* any integer type */

struct query_fragment {
    const char *slot;
    const char *text;
};

/* Bytes of a statement, without the values that are bound. An engine reads 256 KiB of one
 * (max_query_size), and not every user may raise that; 1 KiB is left for the EXPLAIN ESTIMATE that
 * may be put before it. */
enum { QUERY_TEXT_MAX = (256 << 10) - 1024 };

/* Fills q->sql: `text` with every $slot replaced. `fragments` ends with {0}. A slot without a
 * fragment, a fragment without a slot and an unbound placeholder are our own mistakes:
 * ERR_INTERNAL. A parameter or a join that could not be kept: ERR_MEMORY. A statement longer than
 * QUERY_TEXT_MAX: ERR_LIMIT. That of a fragment with the text of a failed buffer is one that
 * db_start() refuses, so no builder of fragments needs to look. */
int query_render(struct query *q, const struct sql_text *text,
                 const struct query_fragment *fragments, struct err *ret_err);

/* The same for a text that is part of another statement: appends it to `out`. */
int query_render_to(struct query *q, const struct sql_text *text,
                    const struct query_fragment *fragments, struct buf *out, struct err *ret_err);

/* Starts a rendered statement: `request` says all but sql and parameters, which come from `q`. */
int query_start(struct db *db, const struct query *q, const struct db_request *request,
                struct db_query **ret_query, struct err *ret_err);

/* `name` in backticks, with what must be escaped. For identifiers of the mapping and the engine. */
void sql_identifier(struct buf *out, const char *name);

/* A value in ClickHouse's escaped text: as a whole scalar parameter, and as a quoted item inside
 * Array(…) text. Both engines take the same text. */
void sql_escape_scalar(struct buf *out, const char *value, size_t len);
void sql_escape_item(struct buf *out, const char *value, size_t len);
