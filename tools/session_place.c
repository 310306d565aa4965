#include "session_place.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "sql_text.h"

/* A session lasts no longer than four hours. */
static const int64_t around_session_us = INT64_C(4) * 3600 * 1000000;

void session_place_done(struct session_place *place)
{
    struct recordings *r = &place->recordings;
    struct buf *all[] = {&r->table,  &r->session, &r->instance, &r->event,
                         &r->offset, &r->chunk,   &r->chunks};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
    json_decref(place->services);
    free(place->actor);
}

/* --- the table of recordings --------------------------------------------------------------- */

/* A constant key of an attribute column as String, '' where it is missing. */
static void attribute(struct buf *out, const char *column, const char *type, const char *key)
{
    struct buf name = {0};
    sql_identifier(&name, column);
    if (strncmp(type, "Map(", 4) == 0)
        buf_printf(out, "%s['%s']", buf_text(&name), key);
    else if (strncmp(type, "JSON", 4) == 0 || strncmp(type, "Object(", 7) == 0)
        buf_printf(out, "CAST(getSubcolumn(%s, '%s'), 'String')", buf_text(&name), key);
    else
        buf_printf(out, "JSONExtractString(%s, '%s')", buf_text(&name), key);
    buf_done(&name);
}

static const char *type_of(const json_t *rows, const char *column)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *name = json_at_string(row, 0);
        if (name != NULL && strcmp(name, column) == 0)
            return json_at_string(row, 1);
    }
    return NULL;
}

/* False when the table does not look like one of recordings. */
static bool read_columns(const struct source *s, const json_t *rows, struct recordings *r)
{
    const char *resource = type_of(rows, "ResourceAttributes");
    const char *log = type_of(rows, "LogAttributes");
    if (resource == NULL || log == NULL || type_of(rows, "Body") == NULL ||
        type_of(rows, "Timestamp") == NULL || type_of(rows, "ServiceName") == NULL)
        return false;
    sql_identifier(&r->table, s->database);
    buf_putc(&r->table, '.');
    sql_identifier(&r->table, s->replay_table);
    if (type_of(rows, "__hdx_materialized_rum.sessionId") != NULL)
        sql_identifier(&r->session, "__hdx_materialized_rum.sessionId");
    else
        attribute(&r->session, "ResourceAttributes", resource, "rum.sessionId");
    attribute(&r->instance, "ResourceAttributes", resource, "rum.scriptInstance");
    attribute(&r->event, "LogAttributes", log, "rr-web.event");
    attribute(&r->offset, "LogAttributes", log, "rr-web.offset");
    attribute(&r->chunk, "LogAttributes", log, "rr-web.chunk");
    attribute(&r->chunks, "LogAttributes", log, "rr-web.total-chunks");
    r->has_time = type_of(rows, "TimestampTime") != NULL;
    return true;
}

/* --- first round: where its events lie ----------------------------------------------------- */

static int plan_bounds(struct run *run, const struct session_place *place, struct err *ret_err)
{
    const struct source *s = run->source;
    struct query q;
    struct buf column = {0}, first = {0}, last = {0}, actor = {0}, session = {0}, table = {0};
    query_init(&q);
    int rc = source_logical(s, &q, SOURCE_SESSION, &session, ret_err);
    if (s->fields[SOURCE_ACTOR].count > 0)
        source_user(s, &q, &actor); /* of one session: nothing to join */
    else
        buf_puts(&actor, "''");
    sql_identifier(&column, s->time.column);
    source_first_last(s, &first, &last);
    source_table(s, &table);
    query_set_text(&q, "session", place->id);
    if (rc == 0)
        rc = run_query(run, &q, &sql_session_bounds,
                       (const struct query_fragment[]){{"first_us", buf_text(&first)},
                                                       {"last_us", buf_text(&last)},
                                                       {"actor", buf_text(&actor)},
                                                       {"time", buf_text(&column)},
                                                       {"table", buf_text(&table)},
                                                       {"session", buf_text(&session)},
                                                       {0}},
                       1, ret_err);
    struct buf *all[] = {&column, &first, &last, &actor, &session, &table};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
    query_done(&q);
    return rc;
}

static int plan_columns(struct run *run, struct err *ret_err)
{
    struct query q;
    query_init(&q);
    query_set_text(&q, "database", run->source->database);
    query_set_text(&q, "table", run->source->replay_table);
    int rc = run_query(run, &q, &sql_session_columns, NULL, 1000, ret_err);
    query_done(&q);
    return rc;
}

int session_place_plan(struct run *run, struct session_place *place, struct err *ret_err)
{
    place->id = json_get_string(run->arguments, "session", "");
    if (place->id[0] == '\0')
        return err_set(ret_err, ERR_ARGUMENT, "session", "a session id must not be empty");
    int rc = plan_bounds(run, place, ret_err);
    if (rc >= 0 && run->source->has_replay)
        rc = plan_columns(run, ret_err);
    return rc < 0 ? rc : 0;
}

int session_place_shape(struct run *run, struct session_place *place, struct err *ret_err)
{
    const json_t *row = json_array_get(run_rows(run, 0), 0);
    place->has_spans = json_at_integer(row, 0) > 0;
    place->spans_first_us = json_at_integer(row, 1);
    place->spans_last_us = json_at_integer(row, 2);
    const char *actor = json_at_string(row, 3);
    if (run->source->stitch && place->has_spans && (actor == NULL || actor[0] == '\0'))
        actor = place->id;
    place->actor = strdup(actor != NULL ? actor : "");
    if (place->actor == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    if (run->source->has_replay) {
        place->has_table = read_columns(run->source, run_rows(run, 1), &place->recordings);
        if (!place->has_table)
            run_warn(run,
                     "table %s lacks the columns of recordings; the session is told from its "
                     "events alone",
                     run->source->replay_table);
    }
    return 0;
}

/* --- second round: where its recording lies ------------------------------------------------- */

/* A condition that keeps to the parts around the session. */
static void in_time(const struct session_place *place, struct query *q, int64_t from_us,
                    int64_t to_us, struct buf *out)
{
    buf_puts(out, place->recordings.has_time ? "TimestampTime >= toDateTime(" : "Timestamp >= (");
    query_bind_time(q, out, from_us);
    buf_puts(out, place->recordings.has_time ? ") AND TimestampTime <= toDateTime("
                                             : ") AND Timestamp <= (");
    query_bind_time(q, out, to_us);
    buf_putc(out, ')');
    if (json_array_size(place->services) > 0) {
        buf_puts(out, " AND ServiceName IN ");
        query_bind_texts(q, out, place->services);
    }
}

int session_place_plan_recording(struct run *run, struct session_place *place, struct err *ret_err)
{
    if (!place->has_table)
        return 0;
    struct query q;
    struct buf when = {0};
    query_init(&q);
    if (place->has_spans)
        in_time(place, &q, place->spans_first_us - around_session_us,
                place->spans_last_us + around_session_us, &when);
    else
        buf_putc(&when, '1');
    query_set_text(&q, "session", place->id);
    int rc =
        run_query(run, &q, &sql_session_replay_bounds,
                  (const struct query_fragment[]){{"table", buf_text(&place->recordings.table)},
                                                  {"session", buf_text(&place->recordings.session)},
                                                  {"in_time", buf_text(&when)},
                                                  {0}},
                  1, ret_err);
    buf_done(&when);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

int session_place_shape_recording(struct run *run, struct session_place *place, struct err *ret_err)
{
    if (place->has_table) {
        const json_t *row = json_array_get(run_rows(run, 0), 0);
        place->has_recording = json_at_integer(row, 0) > 0;
        place->replay_first_us = json_at_integer(row, 1);
        place->replay_last_us = json_at_integer(row, 2);
        place->services = json_incref(json_array_get(row, 3));
        place->replay_bytes = json_at_integer(row, 4);
    }
    if (!place->has_spans && !place->has_recording)
        return err_set(ret_err, ERR_NOT_FOUND, "session",
                       "source '%s' has no session '%.80s'; ids come from list_actors with "
                       "actor session, or from the session field of other results",
                       run->source->name, place->id);
    return 0;
}

/* --- its rows -------------------------------------------------------------------------------- */

static bool is_among(const char *name, const char *const *names)
{
    while (*names != NULL && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

int session_place_query(struct run *run, const struct session_place *place,
                        const struct sql_text *text, size_t max_rows, int64_t max_bytes,
                        struct err *ret_err)
{
    const struct recordings *r = &place->recordings;
    const struct query_fragment optional[] = {{"offset", buf_text(&r->offset)},
                                              {"chunk", buf_text(&r->chunk)},
                                              {"chunks", buf_text(&r->chunks)}};
    struct query q;
    struct buf when = {0};
    query_init(&q);
    in_time(place, &q, place->replay_first_us, place->replay_last_us, &when);
    query_set_text(&q, "session", place->id);
    query_set_integer(&q, "limit", (int64_t)max_rows + 1);
    if (is_among("max_bytes:UInt64", text->placeholders))
        query_set_integer(&q, "max_bytes", max_bytes);
    struct query_fragment fragments[9] = {{"table", buf_text(&r->table)},
                                          {"session", buf_text(&r->session)},
                                          {"in_time", buf_text(&when)},
                                          {"instance", buf_text(&r->instance)},
                                          {"event", buf_text(&r->event)}};
    size_t count = 5;
    for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++)
        if (is_among(optional[i].slot, text->slots))
            fragments[count++] = optional[i];
    int rc = run_query(run, &q, text, fragments, max_rows, ret_err);
    buf_done(&when);
    query_done(&q);
    return rc;
}
