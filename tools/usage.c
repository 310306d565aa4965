#include "usage.h"

#include <stdio.h>
#include <string.h>

#include "events.h"
#include "json.h"
#include "run_internal.h"
#include "sql_text.h"

/* --- which names there are -------------------------------------------------------------------- */

static void add_names(json_t *out, const char *const *names)
{
    for (; names != NULL && *names != NULL; names++)
        json_array_append_new(out, json_string(*names));
}

/* Of a.b a text that holds JSON may have a. */
static void add_keys(json_t *out, const char *const *fields)
{
    add_names(out, fields);
    for (; fields != NULL && *fields != NULL; fields++)
        if (strchr(*fields, '.') != NULL)
            json_array_append_new(out, json_stringn(*fields, strcspn(*fields, ".")));
}

static void add_section(json_t *keys, json_t *events, const struct usage_section *s)
{
    add_names(events, s->events);
    for (size_t k = 0; k < USAGE_KEYS; k++)
        add_keys(keys, s->keys[k].fields);
}

int usage_plan_names(struct run *run, struct err *ret_err)
{
    struct query q;
    struct events e;
    struct buf rows = {0}, all = {0};
    json_t *keys = json_array(), *events = json_array();
    /* The last 30 days begin with a whole day. */
    if (!run->period.from_given)
        run->period.from_us =
            interval_start_us(run->period.zone, INTERVAL_DAY, false, run->period.from_us);
    for (size_t i = 0; i < USAGE_EVENT_SECTIONS; i++)
        add_section(keys, events, &usage_of_events[i]);
    for (size_t i = 0; i < USAGE_VISIT_SECTIONS; i++)
        add_section(keys, events, &usage_of_visits[i]);
    add_names(events, usage_session_ends);
    add_names(events, usage_interactions);
    const char *const *const fields[] = {usage_agents, usage_session_durations, usage_session_pages,
                                         usage_session_interactions};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        add_keys(keys, fields[i]);
    query_init(&q);
    query_set_texts(&q, "keys", keys);
    query_set_texts(&q, "events", events);
    int rc = events_begin_all(&e, run, &q, run->period.from_us, run->period.to_us, ret_err);
    if (rc == 0) {
        bool has_keys = prelude_keys(run->source, &all);
        events_column(&e, "_keys", "%s", has_keys ? buf_text(&all) : "CAST([], 'Array(String)')");
        events_end(&e, &rows);
        rc = run_query(run, &q, &sql_usage_report_fields,
                       (const struct query_fragment[]){{"rows", buf_text(&rows)}, {0}}, 1, ret_err);
    }
    buf_done(&rows);
    buf_done(&all);
    query_done(&q);
    json_decref(keys);
    json_decref(events);
    return rc < 0 ? rc : 0;
}

/* --- expressions ------------------------------------------------------------------------------ */

struct report {
    struct run *run;
    const json_t *keys, *events; /* those found */
};

static bool is_in(const json_t *list, const char *name, size_t len)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_at_string(list, i);
        if (strlen(text) == len && strncmp(text, name, len) == 0)
            return true;
    }
    return false;
}

static bool has_field(const struct report *r, const char *field)
{
    const struct source *s = r->run->source;
    if (strcmp(field, "url") == 0 && s->fields[SOURCE_URL].count > 0)
        return true;
    if (json_object_get(s->columns, field) != NULL || is_in(r->keys, field, strlen(field)))
        return true;
    /* A text that holds JSON tells its outermost keys only. */
    bool has_texts = false;
    for (size_t i = 0; i < s->property_count; i++)
        has_texts = has_texts || s->properties[i].kind == PLACE_JSON_TEXT;
    size_t first = strcspn(field, ".");
    return has_texts && field[first] == '.' && is_in(r->keys, field, first);
}

/* The first of the fields that is not empty, String; whether there is any. */
static bool add_first(const struct report *r, struct query *q, const char *const *fields,
                      struct buf *out)
{
    size_t count = 0;
    struct buf list = {0};
    for (; fields != NULL && *fields != NULL; fields++) {
        struct buf text = {0};
        struct err ignored = {0};
        if (has_field(r, *fields) &&
            source_text(r->run->source, q, *fields, &text, &ignored) == 0) {
            buf_printf(&list, "%snullIf(%s, '')", count > 0 ? ", " : "", buf_text(&text));
            count++;
        }
        buf_done(&text);
    }
    if (count > 0)
        buf_printf(out, "CAST(coalesce(%s, ''), 'String')", buf_text(&list));
    buf_done(&list);
    return count > 0;
}

/* Whether a row is one of these events; "1" where none of them occurs in the period. */
static bool add_events(const struct report *r, struct query *q, const char *const *names,
                       struct buf *out)
{
    json_t *found = json_array();
    for (; names != NULL && *names != NULL; names++)
        if (is_in(r->events, *names, strlen(*names)))
            json_array_append_new(found, json_string(*names));
    bool is_any = json_array_size(found) == 0;
    if (is_any) {
        buf_putc(out, '1');
    } else {
        buf_puts(out, "has(");
        query_bind_texts(q, out, found);
        buf_puts(out, ", _event)");
    }
    json_decref(found);
    return !is_any;
}

/* What the form of a section makes of the text. */
static void add_form(enum usage_form form, const char *t, struct buf *out)
{
    if (form == USAGE_PAGE)
        buf_printf(out,
                   "if(%s = '', '', if(position(%s, '://') > 0, if(path(%s) = '', '/', path(%s)), "
                   "cutQueryStringAndFragment(%s)))",
                   t, t, t, t, t);
    else if (form == USAGE_HOST)
        buf_printf(out, "if(position(%s, '://') > 0, domainWithoutWWW(%s), %s)", t, t, t);
    else
        buf_puts(out, t);
}

/* The section's value, told by the user agent where no field holds it; false where the source has
 * neither. */
static bool add_value(const struct report *r, struct query *q, const struct usage_section *s,
                      struct buf *out)
{
    struct buf text = {0}, agent = {0};
    bool is_there = add_first(r, q, s->keys[0].fields, &text);
    bool has_agent = s->from_agent != NULL && add_first(r, q, usage_agents, &agent);
    if (is_there && has_agent)
        buf_printf(out, "if(%s != '', %s, %s)", buf_text(&text), buf_text(&text), s->from_agent);
    else if (is_there)
        add_form(s->form, buf_text(&text), out);
    else if (has_agent)
        buf_puts(out, s->from_agent);
    buf_done(&text);
    buf_done(&agent);
    return is_there || has_agent;
}

static int begin(const struct report *r, struct query *q, struct events *e, struct err *ret_err)
{
    struct buf agent = {0};
    int rc = events_begin_all(e, r->run, q, r->run->period.from_us, r->run->period.to_us, ret_err);
    if (rc == 0 && add_first(r, q, usage_agents, &agent))
        events_column(e, "_agent", "%s", buf_text(&agent));
    buf_done(&agent);
    return rc;
}

/* --- the statements ----------------------------------------------------------------------------
 */

static int plan_days(const struct report *r, struct err *ret_err)
{
    struct query q;
    struct events e;
    struct buf rows = {0};
    query_init(&q);
    int rc = begin(r, &q, &e, ret_err);
    if (rc == 0) {
        events_interval(&e, "_at", INTERVAL_DAY, false);
        events_end(&e, &rows);
        rc = run_query(r->run, &q, &sql_usage_report_days,
                       (const struct query_fragment[]){{"rows", buf_text(&rows)}, {0}}, 40000,
                       ret_err);
    }
    buf_done(&rows);
    query_done(&q);
    return rc;
}

/* One of the sections as the columns that the statement joins: (number, [value, …]). */
static bool add_event_section(const struct report *r, struct query *q, size_t i, struct events *e,
                              struct buf *sections)
{
    const struct usage_section *s = &usage_of_events[i];
    struct buf value = {0}, keys = {0}, condition = {0};
    char name[32];
    bool is_there = add_value(r, q, s, &value);
    if (is_there) {
        snprintf(name, sizeof name, "_value%zu", i);
        for (size_t k = 1; k < USAGE_KEYS && s->keys[k].member != NULL; k++) {
            buf_puts(&keys, ", ");
            if (!add_first(r, q, s->keys[k].fields, &keys))
                buf_puts(&keys, "''");
        }
        add_events(r, q, s->events, &condition);
        events_column(e, name, "%s", buf_text(&value));
        buf_printf(sections, "%s(%zu, _keys%zu)", sections->len > 0 ? ", " : "", i, i);
        snprintf(name, sizeof name, "_keys%zu", i);
        events_column(e, name,
                      "CAST(if(%s AND _value%zu != '', [_value%zu%s], []), 'Array(String)')",
                      buf_text(&condition), i, i, buf_text(&keys));
    }
    buf_done(&value);
    buf_done(&keys);
    buf_done(&condition);
    return is_there;
}

static int plan_events(const struct report *r, struct err *ret_err)
{
    struct query q;
    struct events e;
    struct buf rows = {0}, sections = {0};
    query_init(&q);
    query_set_integer(&q, "limit", json_get_integer(r->run->arguments, "limit", 10));
    int rc = begin(r, &q, &e, ret_err);
    if (rc == 0) {
        size_t count = 0;
        for (size_t i = 0; i < USAGE_EVENT_SECTIONS; i++)
            count += add_event_section(r, &q, i, &e, &sections) ? 1 : 0;
        if (count == 0)
            buf_puts(&sections, "(0, CAST([], 'Array(String)'))");
        events_end(&e, &rows);
        rc = run_query(r->run, &q, &sql_usage_report_events,
                       (const struct query_fragment[]){
                           {"rows", buf_text(&rows)}, {"sections", buf_text(&sections)}, {0}},
                       0, ret_err);
    }
    buf_done(&rows);
    buf_done(&sections);
    query_done(&q);
    return rc;
}

static bool add_visit_section(const struct report *r, struct query *q, size_t i, struct events *e,
                              struct buf *values, struct buf *sections)
{
    const struct usage_section *s = &usage_of_visits[i];
    struct buf value = {0}, condition = {0}, own = {0};
    char name[32];
    bool is_there = add_value(r, q, s, &value);
    if (is_there) {
        add_events(r, q, s->events, &condition);
        /* A page of the same site refers to the next one: that is no visit from outside. */
        if (s->form == USAGE_HOST && add_first(r, q, usage_pages, &own))
            buf_printf(&condition, " AND %s != domainWithoutWWW(%s)", buf_text(&value),
                       buf_text(&own));
        snprintf(name, sizeof name, "_value%zu", i);
        events_column(e, name, "if(%s, %s, '')", buf_text(&condition), buf_text(&value));
        buf_printf(values, ", %sIf(_value%zu, _place", s->is_last ? "argMax" : "argMin", i);
        if (r->run->source->order == NULL) /* ties: always the same one */
            buf_printf(values, " + cityHash64(_value%zu)", i);
        buf_printf(values, ", _value%zu != '') AS v%zu", i, i);
        buf_printf(sections, "%s(%zu, v%zu)", sections->len > 0 ? ", " : "", i, i);
    }
    buf_done(&value);
    buf_done(&condition);
    buf_done(&own);
    return is_there;
}

static int plan_visits(const struct report *r, struct err *ret_err)
{
    struct query q;
    struct events e;
    struct buf rows = {0}, values = {0}, sections = {0};
    bool has_sessions = r->run->source->fields[SOURCE_SESSION].count > 0;
    query_init(&q);
    query_set_integer(&q, "limit", json_get_integer(r->run->arguments, "limit", 10));
    int rc = begin(r, &q, &e, ret_err);
    if (rc == 0) {
        size_t count = 0;
        for (size_t i = 0; i < USAGE_VISIT_SECTIONS; i++)
            count += add_visit_section(r, &q, i, &e, &values, &sections) ? 1 : 0;
        /* One number to order by: a tuple would be compared member by member, ten times as slow. */
        events_column(&e, "_place", "bitShiftLeft(toInt128(_us), 64) + %s",
                      r->run->source->order != NULL ? "toUInt64(_order)" : "0");
        if (count == 0)
            buf_puts(&sections, "(0, '')");
        events_where(&e, has_sessions ? "_in_visit" : "_named");
        events_end(&e, &rows);
        rc = run_query(r->run, &q, &sql_usage_report_visits,
                       (const struct query_fragment[]){{"rows", buf_text(&rows)},
                                                       {"values", buf_text(&values)},
                                                       {"sections", buf_text(&sections)},
                                                       {"visit", has_sessions ? "_visit" : "_key"},
                                                       {0}},
                       0, ret_err);
    }
    buf_done(&rows);
    buf_done(&values);
    buf_done(&sections);
    query_done(&q);
    return rc;
}

/* The number of the first such field, NULL where there is none. */
static void add_number(const struct report *r, struct query *q, const char *const *fields,
                       struct buf *out)
{
    struct buf text = {0};
    if (add_first(r, q, fields, &text))
        buf_printf(out, "toFloat64OrNull(%s)", buf_text(&text));
    else
        buf_puts(out, "CAST(NULL, 'Nullable(Float64)')");
    buf_done(&text);
}

/* What the last event of a session says of it; where no event does, from the first to the last
 * event of each, with the pages and interactions in it. */
static void add_sessions(const struct report *r, struct query *q, struct events *e,
                         struct buf *sessions)
{
    struct buf ends = {0}, views = {0}, clicks = {0}, numbers[3] = {{0}}, rows = {0};
    bool has_ends = add_events(r, q, usage_session_ends, &ends);
    if (has_ends) {
        const char *const *const fields[] = {usage_session_durations, usage_session_pages,
                                             usage_session_interactions};
        static const char *const names[] = {"_duration", "_pages", "_interactions"};
        for (size_t i = 0; i < 3; i++) {
            add_number(r, q, fields[i], &numbers[i]);
            events_column(e, names[i], "%s", buf_text(&numbers[i]));
        }
        events_where(e, "%s", buf_text(&ends));
        events_end(e, &rows);
        buf_printf(sessions,
                   "SELECT _duration AS duration, _pages AS pages, _interactions AS interactions "
                   "FROM (%s)",
                   buf_text(&rows));
    } else {
        bool has_views = add_events(r, q, usage_views, &views);
        bool has_clicks = add_events(r, q, usage_interactions, &clicks);
        events_column(e, "_view", "%s", buf_text(&views));
        events_column(e, "_click", "%s", buf_text(&clicks));
        events_where(e, "_in_visit");
        events_end(e, &rows);
        buf_printf(sessions,
                   "SELECT (max(_us) - min(_us)) / 1000 AS duration, %s AS pages, %s AS "
                   "interactions FROM (%s) GROUP BY _visit",
                   has_views ? "countIf(_view)" : "CAST(NULL, 'Nullable(Float64)')",
                   has_clicks ? "countIf(_click)" : "CAST(NULL, 'Nullable(Float64)')",
                   buf_text(&rows));
    }
    struct buf *all[] = {&ends, &views, &clicks, &numbers[0], &numbers[1], &numbers[2], &rows};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
}

static int plan_sessions(const struct report *r, struct err *ret_err)
{
    struct query q;
    struct events e;
    struct buf sessions = {0};
    query_init(&q);
    int rc = begin(r, &q, &e, ret_err);
    if (rc == 0) {
        add_sessions(r, &q, &e, &sessions);
        rc = run_query(r->run, &q, &sql_usage_report_sessions,
                       (const struct query_fragment[]){{"sessions", buf_text(&sessions)}, {0}}, 1,
                       ret_err);
    }
    buf_done(&sessions);
    query_done(&q);
    return rc;
}

int usage_plan_report(struct run *run, const json_t *names, int ret_queries[USAGE_QUERIES],
                      struct err *ret_err)
{
    static int (*const plans[USAGE_QUERIES])(const struct report *,
                                             struct err *) = {[USAGE_DAYS] = plan_days,
                                                              [USAGE_EVENTS] = plan_events,
                                                              [USAGE_VISITS] = plan_visits,
                                                              [USAGE_SESSIONS] = plan_sessions};
    const struct report r = {
        .run = run, .keys = json_array_get(names, 0), .events = json_array_get(names, 1)};
    int queries[USAGE_QUERIES];
    for (size_t i = 0; i < USAGE_QUERIES; i++) {
        queries[i] = plans[i](&r, ret_err);
        if (queries[i] < 0)
            return queries[i];
    }
    memcpy(ret_queries, queries, sizeof queries);
    return 0;
}
