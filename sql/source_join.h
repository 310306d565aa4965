#pragma once
/* What the files of a source's expressions share (source.c, source_join.c, filter.c); internal to
 * the sql floor. */
#include "source.h"

/* One place as String, '' where it is missing; `key` of a container, NULL for a column. */
void place_text(const struct place *p, struct query *q, const char *key, struct buf *out);

/* Whether the text of a field may be a list, '["a","b"]': a property, in text or in an array. */
bool source_may_be_list(const struct source *s, const char *field);

/* The places of an object type, or NULL. */
const struct places *source_object_places(const struct source *s, const char *type);

/* The whole name of a row's event as String, also where the source calls it by its category; one
 * that was renamed under its present name. */
void source_event_name(const struct source *s, struct query *q, struct buf *out);

/* The length of "email." in a type called "email.*"; 0 = the type is no category of events. */
size_t source_category_len(const char *type);

/* Whether a row may have several objects of a type, or none where its places have a value; and the
 * text of those: an id alone, several as a JSON list. */
bool source_has_many_objects(const struct source *s, const char *type);
int source_objects_text(const struct source *s, struct query *q, const char *type, struct buf *out,
                        struct err *ret_err);

/* The first of several places that is not empty, String. */
void source_places_text(const struct places *places, struct query *q, struct buf *out);

/* The items of a list that is written as JSON, Array(String), without its nulls. */
void source_list_items(const char *text, struct buf *out);

/* The finite number that a text expression holds, Nullable(Float64). */
void source_finite(const char *text, struct buf *out);

/* Whether a row is the event `name`, as a condition that reads the column as it is: an event that
 * was renamed is any of its names. */
void source_event_is(const struct source *s, struct query *q, const char *name, struct buf *out);

/* A property by its bare key: a column, else the containers in look-up order. */
int source_bare_property(const struct source *s, struct query *q, const char *key, struct buf *out,
                         struct err *ret_err);

/* actor.<key>: the actor's last non-empty value; session.<key>: the first of the row's session.
 * Both over all rows of the source, joined once however often a statement names them. `owner` is
 * SOURCE_ACTOR or SOURCE_SESSION. */
int source_owned(const struct source *s, struct query *q, enum source_field owner, const char *key,
                 struct buf *out, struct err *ret_err);

/* The actor of a source with `stitch`: the row's own user, else the first user that its session
 * has, else the session. */
int source_stitched_actor(const struct source *s, struct query *q, struct buf *out,
                          struct err *ret_err);
