/* case_timeline: what happened in one case, in order, and where its time went. */
#include <string.h>

#include "args.h"
#include "bind.h"
#include "json.h"
#include "rows_where.h"
#include "run.h"
#include "session_link.h"
#include "sql_text.h"
#include "text.h"

enum { SHOWN = 50, SHOWN_REPEATS = 3, NEAR_IDS = 1000, NEAR_SHOWN = 6 };

static const struct param params[] = {
    {.name = "case_id",
     .is_required = true,
     .max_length = 1024,
     .description = "Id of the case, as other results name it."},
    ARG_SOURCE,
    ARG_CASE,
    ARG_TZ,
    ARG_LIMIT("100"),
    ARG_CURSOR,
    ARG_FORMAT,
    ARG_EXPLAIN,
    {0},
};

static const struct field entry_fields[] = {
    {"at", "When.", VALUE_STRING},
    {"activity", "What was done.", VALUE_STRING},
    {"resource", "Who did it.", VALUE_STRING, .is_optional = true},
    {"gap_s", "Since the entry before; 0 for the first.", VALUE_NUMBER},
    SESSION_LINK_FIELDS,
    {0},
};

static const struct field fields[] = {
    {"entries", "By time, then in the order of import.", VALUE_OBJECT, .is_list = true,
     .fields = entry_fields},
    {"duration_s", "From the first to the last event of the case.", VALUE_NUMBER},
    {"cursor", "Where the next page begins.", VALUE_STRING, .is_optional = true},
    {0},
};

/* --- the questions ---------------------------------------------------------------------------- */

static const char *case_id(const struct run *run)
{
    return json_get_string(run->arguments, "case_id", "");
}

static int add_case(const struct run *run, struct query *q, struct buf *out, struct err *ret_err)
{
    int rc =
        source_case(run->source, q, json_get_string(run->arguments, "case", NULL), out, ret_err);
    if (rc < 0 && ret_err->field[0] == '\0')
        err_prefix(ret_err, "case");
    return rc;
}

struct parts {
    struct buf time_us, order, event, resource, session, who, from;
};

static void parts_done(struct parts *p)
{
    struct buf *all[] = {&p->time_us, &p->order, &p->event, &p->resource,
                         &p->session, &p->who,   &p->from};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
}

static int fill_parts(const struct run *run, struct query *q, struct parts *p, struct err *ret_err)
{
    const struct source *s = run->source;
    int rc = add_case(run, q, &p->who, ret_err);
    buf_puts(&p->who, " = ");
    query_bind_text(q, &p->who, case_id(run));
    if (rc == 0)
        rc = source_logical(s, q, SOURCE_EVENT, &p->event, ret_err);
    source_time_us(s, &p->time_us);
    if (s->order != NULL)
        sql_identifier(&p->order, s->order);
    else
        buf_putc(&p->order, '0');
    rows_logical(run, q, SOURCE_RESOURCE, &p->resource);
    rows_logical(run, q, SOURCE_SESSION, &p->session);
    source_from(s, q, &p->from);
    return rc;
}

/* SELECT of the events of the case. */
static int add_events(const struct run *run, struct query *q, struct buf *out, struct err *ret_err)
{
    struct parts p = {0};
    int rc = fill_parts(run, q, &p, ret_err);
    if (rc == 0)
        rc = query_render_to(q, &sql_case_timeline_events,
                             (const struct query_fragment[]){{"time_us", buf_text(&p.time_us)},
                                                             {"order", buf_text(&p.order)},
                                                             {"event", buf_text(&p.event)},
                                                             {"resource", buf_text(&p.resource)},
                                                             {"session", buf_text(&p.session)},
                                                             {"from", buf_text(&p.from)},
                                                             {"who", buf_text(&p.who)},
                                                             {0}},
                             out, ret_err);
    parts_done(&p);
    return rc;
}

static int plan_one(struct run *run, const struct sql_text *text, const char *size, int64_t rows,
                    struct query *q, struct err *ret_err)
{
    struct buf events = {0};
    query_set_integer(q, size, rows);
    int rc = add_events(run, q, &events, ret_err);
    if (rc == 0)
        rc = run_query(run, q, text,
                       (const struct query_fragment[]){{"rows", buf_text(&events)}, {0}},
                       (size_t)rows, ret_err);
    buf_done(&events);
    return rc;
}

static int plan(struct run *run, struct err *ret_err)
{
    int64_t limit = 0, offset = 0;
    struct query all, page;
    if (case_id(run)[0] == '\0') /* what events without a case have */
        return err_set(ret_err, ERR_ARGUMENT, "case_id", "must not be empty: name a case");
    query_init(&all);
    query_init(&page);
    int rc = run_page(run, 100, &limit, &offset, ret_err);
    query_set_integer(&page, "offset", offset);
    if (rc == 0)
        rc = plan_one(run, &sql_case_timeline_all, "repeats", SHOWN_REPEATS, &all, ret_err);
    if (rc >= 0)
        rc = plan_one(run, &sql_case_timeline, "limit", limit, &page, ret_err);
    query_done(&all);
    query_done(&page);
    return rc < 0 ? rc : 0;
}

/* --- the text --------------------------------------------------------------------------------- */

enum all { ALL_EVENTS, ALL_FIRST, ALL_LAST, ALL_GAP, ALL_BEFORE, ALL_AFTER, ALL_SESSIONS, REPEATS };
enum entry { ENTRY_AT, ENTRY_ACTIVITY, ENTRY_BY, ENTRY_SESSION, ENTRY_GAP };

static const char *text_of(const json_t *all, enum all column, char *out, size_t size)
{
    return text_line(text_fit(out, size, json_at_string(all, column)));
}

static void write_repeats(struct run *run, const json_t *repeats)
{
    for (size_t i = 0; i < json_array_size(repeats); i++) {
        const json_t *one = json_array_get(repeats, i);
        char name[120];
        text_line(text_fit(name, sizeof name, json_at_string(one, 0)));
        buf_printf(&run->text, "%s%s %lld times", i == 0 ? " Again: " : ", ", name,
                   (long long)json_at_integer(one, 1));
    }
    if (json_array_size(repeats) > 0)
        buf_putc(&run->text, '.');
}

static void write_headline(struct run *run, const json_t *all)
{
    char id[200], events[48], sessions[48], took[48], gap[48], share[32], before[120], after[120];
    double took_s =
        (double)(json_at_integer(all, ALL_LAST) - json_at_integer(all, ALL_FIRST)) / 1e6;
    double gap_s = (double)json_at_integer(all, ALL_GAP) / 1e6;
    json_t *first = run_time(run, json_at_integer(all, ALL_FIRST));
    json_t *last = run_time(run, json_at_integer(all, ALL_LAST));
    bool is_one = json_at_integer(all, ALL_EVENTS) == 1;
    text_things(events, sizeof events, (double)json_at_integer(all, ALL_EVENTS), "event");
    buf_puts(&run->text, text_line(text_fit(id, sizeof id, case_id(run))));
    if (is_one)
        buf_printf(&run->text, " has %s (", events);
    else
        buf_printf(&run->text, " took %s (%s, ", text_duration(took, sizeof took, took_s), events);
    if (json_at_integer(all, ALL_SESSIONS) > 0)
        buf_printf(&run->text, "%s, ",
                   text_things(sessions, sizeof sessions,
                               (double)json_at_integer(all, ALL_SESSIONS), "session"));
    buf_puts(&run->text, json_string_value(first));
    if (!is_one)
        buf_printf(&run->text, " to %s", json_string_value(last));
    buf_puts(&run->text, ").");
    if (gap_s > 0)
        buf_printf(&run->text, " Longest gap: %s (%s) between %s and %s.",
                   text_duration(gap, sizeof gap, gap_s),
                   text_percent(share, sizeof share, gap_s / took_s),
                   text_of(all, ALL_BEFORE, before, sizeof before),
                   text_of(all, ALL_AFTER, after, sizeof after));
    write_repeats(run, json_array_get(all, REPEATS));
    buf_putc(&run->text, '\n');
    json_decref(first);
    json_decref(last);
}

static void write_table(struct run *run, const json_t *entries)
{
    bool is_long = strcmp(json_get_string(run->arguments, "format", "concise"), "detailed") == 0;
    size_t count = json_array_size(entries), shown = is_long || count < SHOWN ? count : SHOWN;
    if (count == 0) {
        buf_puts(&run->text, "No more entries.\n");
        return;
    }
    text_table(&run->text,
               (const char *const[]){"at", "gap", "activity", "resource", "session", NULL});
    for (size_t i = 0; i < shown; i++) {
        const json_t *e = json_array_get(entries, i);
        char gap[48] = "";
        double gap_s = json_get_number(e, "gap_s", 0);
        if (gap_s > 0)
            text_duration(gap, sizeof gap, gap_s);
        text_row(&run->text,
                 (const char *const[]){
                     json_get_string(e, "at", ""), gap, json_get_string(e, "activity", ""),
                     json_get_string(e, "resource", ""), json_get_string(e, "session", "")},
                 5);
    }
    text_more(&run->text, count, shown);
}

/* --- the result ------------------------------------------------------------------------------- */

static json_t *entry_item(const struct run *run, const json_t *row)
{
    int64_t at_us = json_at_integer(row, ENTRY_AT);
    double gap_s = (double)json_at_integer(row, ENTRY_GAP) / 1e6;
    json_t *item = json_pack("{s:o, s:O, s:f}", "at", run_time(run, at_us), "activity",
                             json_array_get(row, ENTRY_ACTIVITY), "gap_s", gap_s);
    json_t *by = json_array_get(row, ENTRY_BY);
    if (json_string_length(by) > 0)
        json_object_set(item, "resource", by);
    session_link(run, item, json_array_get(row, ENTRY_SESSION), at_us);
    return item;
}

/* The replay of what came after the longest gap, or of the first entry that has one. */
static void suggest(struct run *run, const json_t *entries, const json_t *all)
{
    const json_t *chosen = NULL;
    double gap_s = (double)json_at_integer(all, ALL_GAP) / 1e6;
    bool is_slow = false;
    for (size_t i = 0; i < json_array_size(entries) && !is_slow; i++) {
        const json_t *e = json_array_get(entries, i);
        bool is_opened = json_object_get(e, "replay_at") != NULL;
        is_slow = is_opened && gap_s > 0 && json_get_number(e, "gap_s", 0) >= gap_s;
        if (is_slow || (is_opened && chosen == NULL))
            chosen = e;
    }
    session_link_suggest(run, chosen,
                         is_slow ? "what was seen when the longest gap ended"
                                 : "what was seen at the first of these entries with a session");
}

static int shape(struct run *run, struct err *ret_err)
{
    const json_t *all = json_array_get(run_rows(run, 0), 0), *rows = run_rows(run, 1);
    json_int_t count = json_at_integer(all, ALL_EVENTS);
    int64_t limit, offset;
    int rc = run_page(run, 100, &limit, &offset, ret_err);
    if (rc < 0 || count == 0)
        return rc;
    json_t *entries = json_array();
    for (size_t i = 0; i < json_array_size(rows); i++)
        json_array_append_new(entries, entry_item(run, json_array_get(rows, i)));
    json_object_set_new(run->result, "entries", entries);
    json_object_set_new(
        run->result, "duration_s",
        json_real((double)(json_at_integer(all, ALL_LAST) - json_at_integer(all, ALL_FIRST)) /
                  1e6));
    write_headline(run, all);
    write_table(run, entries);
    suggest(run, entries, all);
    int64_t end = offset + (int64_t)json_array_size(entries);
    if (end < count && json_array_size(entries) > 0) {
        run_set_cursor(run, end);
        run_truncated(run, "rows", limit, "continue with the cursor");
    }
    return 0;
}

/* --- no such case ----------------------------------------------------------------------------- */

static int plan_near(struct run *run, struct err *ret_err)
{
    struct query q;
    struct buf id = {0}, from = {0};
    if (json_object_get(run->result, "entries") != NULL)
        return 0;
    query_init(&q);
    query_set_text(&q, "case_id", case_id(run));
    query_set_integer(&q, "limit", NEAR_IDS);
    int rc = add_case(run, &q, &id, ret_err);
    source_from(run->source, &q, &from);
    if (rc == 0)
        rc = run_query(run, &q, &sql_case_timeline_near,
                       (const struct query_fragment[]){
                           {"case", buf_text(&id)}, {"from", buf_text(&from)}, {0}},
                       NEAR_IDS, ret_err);
    buf_done(&id);
    buf_done(&from);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

static int shape_near(struct run *run, struct err *ret_err)
{
    if (!run_has_asked(run))
        return 0;
    const char *names[NEAR_IDS];
    const json_t *rows = run_rows(run, 0);
    size_t count = json_array_size(rows);
    for (size_t i = 0; i < count; i++)
        names[i] = json_at_string(json_array_get(rows, i), 0);
    struct buf near = {0};
    text_names(&near, "Cases are called", bind_nearest(case_id(run), names, count), names, count,
               NEAR_SHOWN);
    int rc =
        err_set(ret_err, ERR_NOT_FOUND, "case_id", "source '%s' has no events of case '%.100s'; %s",
                run->source->name, case_id(run), buf_text(&near));
    buf_done(&near);
    return rc;
}

static const struct step steps[] = {{plan, shape}, {plan_near, shape_near}, {0}};

const struct tool tool_case_timeline = {
    .name = "case_timeline",
    .title = "Timeline of a case",
    .description = "Everything that happened in one case, in order: activity, resource, the time "
                   "since the one before, and the session to open in the replay.",
    .toolset = "process",
    .flags = TOOL_WHOLE_PERIOD,
    .params = params,
    .fields = fields,
    .steps = steps,
};
