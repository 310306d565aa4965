#include <string.h>

#include "args.h"
#include "json.h"
#include "nameless.h"
#include "rows_where.h"
#include "run.h"
#include "sql_text.h"
#include "text.h"

/* An event is new when it was first seen within the last quarter of the period, gone when it was
 * not seen in it any more. */
static const int64_t recent_share = 4;

static const struct param params[] = {
    ARG_PERIOD,
    {.name = "search",
     .max_length = 256,
     .fallback = "\"\"",
     .description = "Only names (or the team's words for them) that contain this, case ignored."},
    {.name = "min_count",
     .type = VALUE_INTEGER,
     .min = 0,
     .max = 1e12,
     .fallback = "0",
     .description = "Only events seen at least so often in the period."},
    ARG_SEGMENT,
    ARG_LIMIT("100"),
    ARG_CURSOR,
    ARG_OUTPUT,
    {0},
};

static const struct field event_fields[] = {
    {"event", "Name, as matchers take it.", VALUE_STRING},
    {"description", "What the team says about it.", VALUE_STRING, .is_optional = true},
    {"count", "Events in the period.", VALUE_INTEGER},
    {"actors", "Distinct actors in the period.", VALUE_INTEGER},
    {"sessions", "Distinct sessions in the period.", VALUE_INTEGER},
    {"first_seen", "First event ever.", VALUE_STRING},
    {"last_seen", "Last event ever.", VALUE_STRING},
    {"trend", "Change of the count from the first to the second half of the period (0.25 = +25 %).",
     VALUE_NUMBER, .is_optional = true},
    {"is_new", "First seen in the last quarter of the period.", VALUE_BOOLEAN},
    {"is_gone", "Not seen in the last quarter of the period.", VALUE_BOOLEAN},
    {0},
};

static const struct field fields[] = {
    {"events", "Most frequent first.", VALUE_OBJECT, .is_list = true, .fields = event_fields},
    {"cursor", "Where the next page begins.", VALUE_STRING, .is_optional = true},
    {0},
};

/* The team's words for an event find it too, and what it hid is found by its exact name. */
static void set_search(const struct run *run, struct query *q)
{
    const struct knowledge *k = &run->source->knowledge;
    const char *search = json_get_string(run->arguments, "search", "");
    json_t *also = knowledge_search(k, KNOWLEDGE_EVENT, search);
    json_t *hidden = knowledge_hidden(k, KNOWLEDGE_EVENT, search);
    query_set_text(q, "search", search);
    query_set_texts(q, "also", also);
    query_set_texts(q, "hidden", hidden);
    json_decref(also);
    json_decref(hidden);
}

static int plan(struct run *run, struct err *ret_err)
{
    const struct source *s = run->source;
    const struct period *p = &run->period;
    int64_t limit, offset;
    int rc = run_page(run, 100, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    struct query q;
    struct buf event = {0}, actor = {0}, session = {0}, first = {0}, last = {0}, in_period = {0},
               late = {0}, from = {0};
    query_init(&q);
    set_search(run, &q);
    query_set_integer(&q, "min_count", json_get_integer(run->arguments, "min_count", 0));
    query_set_integer(&q, "limit", limit + 1);
    query_set_integer(&q, "offset", offset);
    source_logical(s, &q, SOURCE_EVENT, &event, NULL);
    rows_logical(run, &q, SOURCE_ACTOR, &actor);
    rows_logical(run, &q, SOURCE_SESSION, &session);
    source_first_last(s, &first, &last);
    rc = rows_where(run, &q, p->from_us, p->to_us, NULL, &in_period, ret_err);
    source_time_between(s, &q, p->from_us + (p->to_us - p->from_us) / 2, p->to_us, &late);
    buf_printf(&late, " AND %s", buf_text(&in_period));
    source_from(s, &q, &from);
    if (rc == 0)
        rc = run_query(run, &q, &sql_list_events,
                       (const struct query_fragment[]){{"event", buf_text(&event)},
                                                       {"distinct_if", source_distinct_if(s)},
                                                       {"actor", buf_text(&actor)},
                                                       {"session", buf_text(&session)},
                                                       {"in_period", buf_text(&in_period)},
                                                       {"in_late_half", buf_text(&late)},
                                                       {"first_us", buf_text(&first)},
                                                       {"last_us", buf_text(&last)},
                                                       {"from", buf_text(&from)},
                                                       {0}},
                       (size_t)limit + 1, ret_err);
    query_done(&q);
    struct buf *all[] = {&event, &actor, &session, &first, &last, &in_period, &late, &from};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
    return rc < 0 ? rc : 0;
}

static json_t *event_item(const struct run *run, const json_t *row)
{
    json_int_t v[9];
    for (size_t i = 1; i < 9; i++)
        v[i] = json_at_integer(row, i);
    const struct period *p = &run->period;
    int64_t recent = p->to_us - (p->to_us - p->from_us) / recent_share;
    /* Where the source itself is as young, nothing is new in it. */
    bool is_new = v[4] >= recent && v[4] < p->to_us && v[8] < recent;
    json_t *item = json_pack("{s:O, s:I, s:I, s:I}", "event", json_array_get(row, 0), "count", v[1],
                             "actors", v[2], "sessions", v[3]);
    const char *description =
        knowledge_description(&run->source->knowledge, KNOWLEDGE_EVENT, json_at_string(row, 0));
    if (description != NULL)
        json_object_set_new(item, "description", json_string(description));
    json_object_set_new(item, "first_seen", run_time(run, v[4]));
    json_object_set_new(item, "last_seen", run_time(run, v[5]));
    if (v[1] > v[6])
        json_object_set_new(item, "trend",
                            json_real((double)(2 * v[6] - v[1]) / (double)(v[1] - v[6])));
    json_object_set_new(item, "is_new", json_boolean(is_new));
    json_object_set_new(item, "is_gone", json_boolean(v[5] < recent));
    return item;
}

static void write_row(struct run *run, const json_t *item)
{
    char count[32], actors[32], trend[32] = "";
    const json_t *change = json_object_get(item, "trend");
    if (change != NULL)
        text_percent(trend, sizeof trend, json_number_value(change));
    const char *state = json_is_true(json_object_get(item, "is_new"))    ? "new"
                        : json_is_true(json_object_get(item, "is_gone")) ? "gone"
                                                                         : "";
    text_row(&run->text,
             (const char *const[]){
                 json_get_string(item, "event", ""),
                 text_count(count, sizeof count, (double)json_get_integer(item, "count", 0)),
                 text_count(actors, sizeof actors, (double)json_get_integer(item, "actors", 0)),
                 trend, json_get_string(item, "last_seen", ""), state,
                 json_get_string(item, "description", "")},
             json_object_size(run->source->knowledge.events) > 0 ? 7 : 6);
}

/* They stand where events do, so here is where they are looked for. */
static void write_matchers(struct run *run)
{
    const char *name;
    json_t *definition;
    bool is_first = true;
    json_object_foreach (run->source->knowledge.matchers, name, definition) {
        buf_printf(&run->text, "%s%.100s", is_first ? "Named matchers, used like events: " : ", ",
                   name);
        is_first = false;
    }
    buf_puts(&run->text, is_first ? "" : ".\n");
}

static int shape(struct run *run, struct err *ret_err)
{
    int64_t limit, offset;
    int rc = run_page(run, 100, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    const json_t *rows = run_rows(run, 0);
    size_t count = json_array_size(rows);
    json_int_t total = count > 0 ? json_at_integer(json_array_get(rows, 0), 7) : 0;
    if ((int64_t)count > limit) {
        count = (size_t)limit;
        run_set_cursor(run, offset + limit);
        run_truncated(run, "rows", limit, "continue with the cursor, or use search");
    }
    char names[48];
    buf_puts(&run->text, text_things(names, sizeof names, (double)total, "event name"));
    if (count > 0) {
        const json_t *top = json_array_get(rows, 0);
        char n[32];
        text_count(n, sizeof n, json_at_number(top, 1));
        if (strcmp(n, "0") == 0)
            buf_printf(&run->text, "; no event%s in this period.\n", nameless_restriction(run));
        else
            buf_printf(&run->text, "; the most frequent%s is '%.100s' (%s in the period).\n",
                       nameless_restriction(run), json_at_string(top, 0), n);
        bool is_described = json_object_size(run->source->knowledge.events) > 0;
        text_table(&run->text,
                   (const char *const[]){"event", "count", "actors", "trend", "last seen", "",
                                         is_described ? "description" : NULL, NULL});
    }
    json_t *events = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *item = event_item(run, json_array_get(rows, i));
        write_row(run, item);
        json_array_append_new(events, item);
    }
    json_object_set_new(run->result, "events", events);
    write_matchers(run);
    if (count > 1)
        run_suggest(run, "run_funnel",
                    json_pack("{s:s, s:[O,O]}", "source", run->source->name, "steps",
                              json_array_get(json_array_get(rows, 0), 0),
                              json_array_get(json_array_get(rows, 1), 0)),
                    "conversion between two events; replace them with the steps you care about");
    return 0;
}

static const struct step steps[] = {{plan, shape}, {0}};

const struct tool tool_list_events = {
    .name = "list_events",
    .title = "List events",
    .description = "The event catalogue of a source: names, volume, actors, trend, new and gone "
                   "events. Call before naming events in other tools.",
    .toolset = "core",
    .flags = TOOL_CORE,
    .params = params,
    .fields = fields,
    .steps = steps,
};
