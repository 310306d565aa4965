#include "source_join.h"

#include <stdio.h>
#include <string.h>

/* Whose value it is, and which of several: the owner's rows in order of time. */
static const struct {
    const char *prefix, *pick;
} owners[SOURCE_FIELDS] = {
    [SOURCE_ACTOR] = {"actor", "argMax"},
    [SOURCE_SESSION] = {"session", "argMin"},
};

/* A key that only the containers of actors hold, where the source has one. */
static int owned_value(const struct source *s, struct query *q, enum source_field owner,
                       const char *key, struct buf *out, struct err *ret_err)
{
    if (owner == SOURCE_ACTOR && s->actor_properties >= 0) {
        place_text(&s->properties[s->actor_properties], q, key, out);
        return 0;
    }
    return source_bare_property(s, q, key, out, ret_err);
}

/* Adds the join of `value`, one of the rows of `from` for each `inner_key`; it is _joined_<n>. */
static size_t add_join(const struct source *s, struct query *q, const char *pick, const char *key,
                       const char *inner_key, const char *value, const char *from)
{
    struct buf *out = &q->joins;
    size_t n = ++q->join_count;
    /* GLOBAL: on a Distributed table a shard knows only its own rows of an owner. */
    buf_printf(out, " GLOBAL ANY LEFT JOIN (SELECT %s AS _key_%zu, %s(%s AS _value_%zu, (",
               inner_key, n, pick, value, n);
    sql_identifier(out, s->time.column);
    buf_puts(out, ", ");
    if (s->order != NULL)
        sql_identifier(out, s->order);
    else
        buf_printf(out, "_value_%zu", n); /* ties: always the same one */
    /* Events without an owner are nobody's, and those without a value have none to give. */
    buf_printf(out,
               ")) AS _joined_%zu FROM %s WHERE _key_%zu != '' AND _value_%zu != '' "
               "GROUP BY _key_%zu) AS _join_%zu ON %s = _join_%zu._key_%zu",
               n, from, n, n, n, n, key, n, n);
    return n;
}

static int join_owned(const struct source *s, struct query *q, enum source_field owner,
                      const char *key, size_t *ret_n, struct err *ret_err)
{
    struct buf outer = {0}, inner = {0}, value = {0}, from = {0};
    int rc = source_logical(s, q, owner, &outer, ret_err);
    /* The grouped rows are a FROM of their own: what their fragments join stays there. */
    struct query_scope outside = query_scope_begin(q);
    if (rc == 0)
        rc = source_logical(s, q, owner, &inner, ret_err);
    if (rc == 0)
        rc = owned_value(s, q, owner, key, &value, ret_err);
    source_from(s, q, &from);
    query_scope_end(q, outside);
    if (rc == 0) {
        *ret_n = add_join(s, q, owners[owner].pick, buf_text(&outer), buf_text(&inner),
                          buf_text(&value), buf_text(&from));
    }
    buf_done(&outer);
    buf_done(&inner);
    buf_done(&value);
    buf_done(&from);
    return rc;
}

int source_owned(const struct source *s, struct query *q, enum source_field owner, const char *key,
                 struct buf *out, struct err *ret_err)
{
    struct buf name = {0};
    buf_printf(&name, "%s.%s", owners[owner].prefix, key);
    size_t n = query_joined(q, buf_text(&name));
    int rc = n > 0 ? 0 : join_owned(s, q, owner, key, &n, ret_err);
    if (rc == 0) {
        query_note_joined(q, buf_text(&name), n);
        /* A server may have join_use_nulls on. */
        buf_printf(out, "ifNull(_joined_%zu, '')", n);
    }
    buf_done(&name);
    return rc;
}

int source_stitched_actor(const struct source *s, struct query *q, struct buf *out,
                          struct err *ret_err)
{
    static const char name[] = "actor"; /* no field of an owner is called so */
    struct buf session = {0}, user = {0}, table = {0}, within = q->within;
    /* The same texts are of the joined rows, which are all there are. */
    q->within = (struct buf){0};
    int rc = source_logical(s, q, SOURCE_SESSION, &session, ret_err);
    source_user(s, q, &user);
    q->within = within;
    if (rc == 0) {
        size_t n = query_joined(q, name);
        if (n == 0) {
            source_table(s, &table);
            n = add_join(s, q, "argMin", buf_text(&session), buf_text(&session), buf_text(&user),
                         buf_text(&table));
            query_note_joined(q, name, n);
        }
        buf_printf(out, "coalesce(nullIf(%s, ''), nullIf(_joined_%zu, ''), %s)", buf_text(&user), n,
                   buf_text(&session));
    }
    buf_done(&session);
    buf_done(&user);
    buf_done(&table);
    return rc;
}
