/* user_journey: what one actor did, in order, over all sessions. */
#include <string.h>

#include "args.h"
#include "json.h"
#include "rpc.h"
#include "rows_where.h"
#include "run.h"
#include "session_result.h"
#include "session_spans.h"
#include "sql_text.h"
#include "text.h"

static const int64_t idle_us = INT64_C(300) * 1000000;   /* a pause that is worth a line */
static const int64_t visit_us = INT64_C(1800) * 1000000; /* of events without a session */

static const struct param params[] = {
    {.name = "actor_id",
     .is_required = true,
     .max_length = 1024,
     .description = "Id of the actor, as other results name it."},
    ARG_PERIOD,
    ARG_LIMIT("100"),
    ARG_CURSOR,
    ARG_FORMAT,
    ARG_EXPLAIN,
    {0},
};

static const struct field entry_fields[] = {
    {"at", "When; of repeats the first.", VALUE_STRING},
    {"event", "Name; idle = nothing happened for a while.", VALUE_STRING},
    {"url", "The page.", VALUE_STRING, .is_optional = true},
    {"text", "In words; repeats are counted.", VALUE_STRING},
    {0},
};

static const struct field session_fields[] = {
    {"session", "Id for open_session; absent where events have none.", VALUE_STRING,
     .is_optional = true},
    {"started_at", "First event in the period.", VALUE_STRING},
    {"duration_s", "To its last event in the period.", VALUE_NUMBER},
    {"entries", "Oldest first.", VALUE_OBJECT, .is_list = true, .fields = entry_fields},
    {0},
};

static const struct field fields[] = {
    {"sessions", "Oldest first; a page may begin or end inside one.", VALUE_OBJECT, .is_list = true,
     .fields = session_fields},
    {"first_seen", "First event ever.", VALUE_STRING},
    {"last_seen", "Last event ever.", VALUE_STRING},
    {"cursor", "Where the next page begins.", VALUE_STRING, .is_optional = true},
    {0},
};

/* --- plan ------------------------------------------------------------------------------------ */

struct parts {
    struct buf who, in_time, session, from, columns, order, first_us, last_us;
};

static void parts_done(struct parts *p)
{
    struct buf *all[] = {&p->who,     &p->in_time, &p->session,  &p->from,
                         &p->columns, &p->order,   &p->first_us, &p->last_us};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
}

static int fill_parts(const struct run *run, struct query *q, struct parts *p, struct err *ret_err)
{
    const struct source *s = run->source;
    int rc = source_actor(s, q, "user", NULL, &p->who, ret_err);
    if (rc < 0)
        return rc;
    buf_puts(&p->who, " = ");
    query_bind_text(q, &p->who, json_get_string(run->arguments, "actor_id", ""));
    source_time_between(s, q, run->period.from_us, run->period.to_us, &p->in_time);
    rows_logical(run, q, SOURCE_SESSION, &p->session);
    if (s->order != NULL)
        sql_identifier(&p->order, s->order);
    else
        buf_putc(&p->order, '1');
    source_first_last(s, &p->first_us, &p->last_us);
    session_span_columns(s, q, &p->columns);
    source_from(s, q, &p->from);
    return 0;
}

static int plan_seen(struct run *run, struct parts *p, struct query *q, struct err *ret_err)
{
    return run_query(run, q, &sql_user_journey_seen,
                     (const struct query_fragment[]){{"first_us", buf_text(&p->first_us)},
                                                     {"last_us", buf_text(&p->last_us)},
                                                     {"in_time", buf_text(&p->in_time)},
                                                     {"session", buf_text(&p->session)},
                                                     {"from", buf_text(&p->from)},
                                                     {"who", buf_text(&p->who)},
                                                     {0}},
                     1, ret_err);
}

static int plan_page(struct run *run, struct parts *p, struct query *q, struct err *ret_err)
{
    int64_t limit = 0, offset = 0;
    int rc = run_page(run, 100, &limit, &offset, ret_err);
    query_set_integer(q, "limit", limit + 1);
    query_set_integer(q, "offset", offset);
    if (rc == 0)
        rc = run_query(run, q, &sql_user_journey,
                       (const struct query_fragment[]){{"columns", buf_text(&p->columns)},
                                                       {"session", buf_text(&p->session)},
                                                       {"from", buf_text(&p->from)},
                                                       {"who", buf_text(&p->who)},
                                                       {"in_time", buf_text(&p->in_time)},
                                                       {"order", buf_text(&p->order)},
                                                       {0}},
                       (size_t)limit + 1, ret_err);
    return rc;
}

static int plan(struct run *run, struct err *ret_err)
{
    static int (*const plans[])(struct run *, struct parts *, struct query *,
                                struct err *) = {plan_seen, plan_page};
    int rc = 0;
    for (size_t i = 0; rc >= 0 && i < sizeof plans / sizeof plans[0]; i++) {
        struct query q;
        struct parts p = {0};
        query_init(&q);
        rc = fill_parts(run, &q, &p, ret_err);
        if (rc == 0)
            rc = plans[i](run, &p, &q, ret_err);
        parts_done(&p);
        query_done(&q);
    }
    return rc < 0 ? rc : 0;
}

/* --- shape ----------------------------------------------------------------------------------- */

enum seen { SEEN_EVENTS, SEEN_FIRST, SEEN_LAST, SEEN_IN_PERIOD, SEEN_SESSIONS };

/* After the columns of a row that session_span_columns() adds. */
enum row_end { ROW_ENDED = 1, ROW_BEGAN, ROW_SESSION };

/* The journey while it is told. */
struct journey {
    struct run *run;
    json_t *sessions;
    json_t *session, *entry; /* the last ones; borrowed */
    const char *id;          /* of the session; borrowed from the rows */
    char line[1400];         /* of the entry, without its count */
    int64_t at_us;           /* of the last event */
    int64_t began_us;        /* of what has no session */
    size_t times;            /* events that the entry stands for */
};

static const json_t *from_end(const json_t *row, enum row_end column)
{
    return json_array_get(row, json_array_size(row) - (size_t)column);
}

static void begin_session(struct journey *j, const json_t *row, int64_t at_us)
{
    int64_t began_us = json_integer_value(from_end(row, ROW_BEGAN));
    int64_t ended_us = json_integer_value(from_end(row, ROW_ENDED));
    j->session = json_object();
    if (j->id[0] != '\0')
        json_object_set_new(j->session, "session", json_string(j->id));
    json_object_set_new(j->session, "started_at", run_time(j->run, began_us));
    json_object_set_new(j->session, "duration_s", json_real((double)(ended_us - began_us) / 1e6));
    json_object_set_new(j->session, "entries", json_array());
    json_array_append_new(j->sessions, j->session);
    j->entry = NULL;
    j->at_us = j->began_us = at_us;
}

static void add_entry(struct journey *j, int64_t at_us, const char *event, const char *url,
                      const char *text)
{
    j->entry = json_pack("{s:o, s:s}", "at", run_time(j->run, at_us), "event", event);
    if (url[0] != '\0')
        json_object_set_new(j->entry, "url", json_string(url));
    json_object_set_new(j->entry, "text", rpc_text(text)); /* may be cut in a character */
    json_array_append_new(json_object_get(j->session, "entries"), j->entry);
}

static void add_idle(struct journey *j, int64_t at_us)
{
    char pause[64], text[80];
    text_duration(pause, sizeof pause, (double)(at_us - j->at_us) / 1e6);
    snprintf(text, sizeof text, "idle %s", pause);
    add_entry(j, j->at_us, "idle", "", text);
    j->entry = NULL;
}

/* Whether the event says what the entry before it said. */
static bool is_repeat(const struct journey *j, const char *event, const char *url, const char *line)
{
    return j->entry != NULL && strcmp(j->line, line) == 0 &&
           strcmp(json_get_string(j->entry, "event", ""), event) == 0 &&
           strcmp(json_get_string(j->entry, "url", ""), url) == 0;
}

static void add_event(struct journey *j, int64_t at_us, const char *event, const char *url,
                      const struct entry *e)
{
    char line[sizeof j->line], text[sizeof j->line + 32];
    session_entry_line(e, line, sizeof line);
    if (j->at_us + idle_us <= at_us)
        add_idle(j, at_us);
    if (is_repeat(j, event, url, line)) {
        snprintf(text, sizeof text, "%s ×%zu", line, ++j->times);
        json_object_set_new(j->entry, "text", rpc_text(text));
        return;
    }
    memcpy(j->line, line, sizeof line);
    j->times = 1;
    add_entry(j, at_us, event, url, line);
}

static void add_row(struct journey *j, const json_t *row)
{
    const char *id = json_string_value(from_end(row, ROW_SESSION));
    int64_t at_us = json_at_integer(row, 0);
    const char *event = json_at_string(row, 1);
    const char *url = json_at_string(row, 2);
    id = id != NULL ? id : "";
    if (j->session == NULL || strcmp(j->id, id) != 0 ||
        (id[0] == '\0' && j->at_us + visit_us <= at_us)) {
        j->id = id;
        begin_session(j, row, at_us);
    }
    struct session told;
    session_init(&told);
    session_add_span(&told, row);
    if (told.entry_count > 0)
        add_event(j, at_us, event != NULL ? event : "", url != NULL ? url : "", &told.entries[0]);
    session_done(&told);
    j->at_us = at_us;
    if (id[0] == '\0')
        json_object_set_new(j->session, "duration_s",
                            json_real((double)(at_us - j->began_us) / 1e6));
}

static void write_entries(struct run *run, const json_t *session)
{
    const json_t *entries = json_object_get(session, "entries");
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *e = json_array_get(entries, i);
        text_row(&run->text,
                 (const char *const[]){i == 0 ? json_get_string(session, "session", "") : "",
                                       json_get_string(e, "at", ""),
                                       json_get_string(e, "event", ""),
                                       json_get_string(e, "text", "")},
                 4);
    }
}

static void write_text(struct run *run, const json_t *sessions, const json_t *seen)
{
    char events[48], count[48];
    json_int_t visits = json_at_integer(seen, SEEN_SESSIONS);
    json_int_t n = json_at_integer(seen, SEEN_IN_PERIOD);
    buf_printf(&run->text, "%.200s: %s", json_get_string(run->arguments, "actor_id", ""),
               text_things(events, sizeof events, (double)n, "event"));
    if (visits > 0)
        buf_printf(&run->text, " in %s",
                   text_things(count, sizeof count, (double)visits, "session"));
    buf_printf(&run->text, "; seen from %s to %s.\n",
               json_get_string(run->result, "first_seen", ""),
               json_get_string(run->result, "last_seen", ""));
    if (json_array_size(sessions) == 0)
        return;
    text_table(&run->text, (const char *const[]){"session", "at", "event", "what", NULL});
    for (size_t i = 0; i < json_array_size(sessions); i++)
        write_entries(run, json_array_get(sessions, i));
}

static void suggest(struct run *run, const json_t *sessions)
{
    const json_t *last = json_array_get(sessions, json_array_size(sessions) - 1);
    const json_t *session = json_object_get(last, "session");
    if (session != NULL)
        run_suggest(run, "open_session",
                    json_pack("{s:s, s:O}", "source", run->source->name, "session", session),
                    "the last of these sessions in full");
}

static int shape(struct run *run, struct err *ret_err)
{
    const json_t *seen = json_array_get(run_rows(run, 0), 0), *rows = run_rows(run, 1);
    int64_t limit, offset;
    int rc = run_page(run, 100, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    if (json_at_integer(seen, SEEN_EVENTS) == 0)
        return err_set(ret_err, ERR_NOT_FOUND, "actor_id", "source '%s' has no events of '%.100s'",
                       run->source->name, json_get_string(run->arguments, "actor_id", ""));
    struct journey j = {.run = run, .sessions = json_array()};
    size_t count = json_array_size(rows);
    for (size_t i = 0; i < count && i < (size_t)limit; i++)
        add_row(&j, json_array_get(rows, i));
    json_object_set_new(run->result, "sessions", j.sessions);
    json_object_set_new(run->result, "first_seen",
                        run_time(run, json_at_integer(seen, SEEN_FIRST)));
    json_object_set_new(run->result, "last_seen", run_time(run, json_at_integer(seen, SEEN_LAST)));
    if (count > (size_t)limit) {
        run_set_cursor(run, offset + limit);
        run_truncated(run, "rows", limit, "continue with the cursor, or name a period");
    }
    if (json_at_integer(seen, SEEN_IN_PERIOD) == 0)
        run_warn(run, "'%.100s' has no events in this period",
                 json_get_string(run->arguments, "actor_id", ""));
    write_text(run, j.sessions, seen);
    suggest(run, j.sessions);
    return 0;
}

static const struct step steps[] = {{plan, shape}, {0}};

const struct tool tool_user_journey = {
    .name = "user_journey",
    .title = "User journey",
    .description = "Everything one actor did, in order, session after session; repeats and idle "
                   "time in one line.",
    .toolset = "analytics",
    .flags = TOOL_WHOLE_PERIOD,
    .params = params,
    .fields = fields,
    .tables = (const char *const[]){"sessions.entries", NULL},
    .steps = steps,
};
