#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "interval.h"
#include "json.h"
#include "nameless.h"
#include "run.h"
#include "text.h"
#include "usage.h"

enum { MAX_DAYS = 1000, SHOWN_ITEMS = 5 };

static const struct param params[] = {
    ARG_PERIOD, ARG_SCOPE, ARG_ACTOR, ARG_LIMIT("10"), ARG_OUTPUT, {0},
};

/* --- the result ----------------------------------------------------------------------------------
 */

static const struct field day_fields[] = {
    {"time", "Start of the day.", VALUE_STRING},
    {"count", "Events.", VALUE_INTEGER},
    {"actors", "Distinct actors.", VALUE_INTEGER},
    {0},
};

#define ITEM_FIELDS(counted)                                                                       \
    {"count", counted, VALUE_INTEGER}, {"actors", "Distinct actors.", VALUE_INTEGER},              \
    {                                                                                              \
        "share", "Of all that the section counts.", VALUE_NUMBER                                   \
    }

static const struct field page_fields[] = {
    {"value", "Path, without query.", VALUE_STRING},
    ITEM_FIELDS("Page views."),
    {"sessions", "Distinct sessions.", VALUE_INTEGER},
    {0},
};

static const struct field visit_fields[] = {
    {"value", "Page, host, or name; browser, system and device may be told by the user agent.",
     VALUE_STRING},
    ITEM_FIELDS("Sessions; of a source without sessions, actors."),
    {0},
};

static const struct field feature_fields[] = {
    {"value", "Feature.", VALUE_STRING},
    {"surface", "Where.", VALUE_STRING},
    ITEM_FIELDS("Views."),
    {"sessions", "Distinct sessions.", VALUE_INTEGER},
    {0},
};

static const struct field filter_fields[] = {
    {"value", "Filter key.", VALUE_STRING},
    {"view", "Of which view.", VALUE_STRING},
    ITEM_FIELDS("Changes."),
    {"sessions", "Distinct sessions.", VALUE_INTEGER},
    {0},
};

static const struct field chart_fields[] = {
    {"value", "Chart.", VALUE_STRING},
    {"action", "What was done.", VALUE_STRING},
    {"surface", "Where.", VALUE_STRING},
    ITEM_FIELDS("Interactions."),
    {"sessions", "Distinct sessions.", VALUE_INTEGER},
    {0},
};

static const struct field error_fields[] = {
    {"value", "Class of the error, or its message.", VALUE_STRING},
    {"boundary", "Where it was caught.", VALUE_STRING},
    {"route", "Route pattern.", VALUE_STRING},
    ITEM_FIELDS("Errors."),
    {"sessions", "Distinct sessions.", VALUE_INTEGER},
    {0},
};

static const struct field duration_fields[] = {
    {"p50", "Median.", VALUE_NUMBER},
    {"p75", "75th percentile.", VALUE_NUMBER},
    {"p90", "90th percentile.", VALUE_NUMBER},
    {"p95", "95th percentile.", VALUE_NUMBER},
    {0},
};

static const struct field session_fields[] = {
    {"duration_ms", "As the session's last event says, else from its first to its last event.",
     VALUE_OBJECT, .is_optional = true, .fields = duration_fields},
    {"average_pages", "Page views of a session.", VALUE_NUMBER, .is_optional = true},
    {"average_interactions", "Clicks, inputs and the like of a session.", VALUE_NUMBER,
     .is_optional = true},
    {0},
};

#define SECTION(name, what, of)                                                                    \
    {                                                                                              \
        name, what, VALUE_OBJECT, .is_list = true, .is_optional = true, .fields = (of)             \
    }

static const struct field fields[] = {
    SECTION("pages", "Most viewed; like every section absent where the source cannot tell.",
            page_fields),
    SECTION("entries", "First pages of sessions.", visit_fields),
    SECTION("exits", "Last pages of sessions.", visit_fields),
    SECTION("referrers", "Hosts from outside, or campaign sources.", visit_fields),
    SECTION("browsers", "By session.", visit_fields),
    SECTION("systems", "By session.", visit_fields),
    SECTION("devices", "By session.", visit_fields),
    SECTION("countries", "By session.", visit_fields),
    SECTION("daily_actors", "Each day of the period.", day_fields),
    SECTION("routes", "Most viewed route patterns.", page_fields),
    SECTION("features", "Most viewed features by surface.", feature_fields),
    SECTION("filters", "Most changed filters by view.", filter_fields),
    SECTION("charts", "Chart actions by chart and surface.", chart_fields),
    SECTION("errors", "Client errors by route, boundary and class.", error_fields),
    {"sessions", "Length of sessions.", VALUE_OBJECT, .is_optional = true,
     .fields = session_fields},
    {0},
};

/* --- plan
 * ----------------------------------------------------------------------------------------- */

struct state {
    json_t *names; /* the row that says which names there are */
    int queries[USAGE_QUERIES];
};

static void state_free(void *user)
{
    struct state *state = user;
    json_decref(state->names);
    free(state);
}

static int shape_names(struct run *run, struct err *ret_err)
{
    struct state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    state->names = json_incref(json_array_get(run_rows(run, 0), 0));
    run->state = state;
    run->state_free = state_free;
    return 0;
}

static int plan(struct run *run, struct err *ret_err)
{
    struct state *state = run->state;
    return usage_plan_report(run, state->names, state->queries, ret_err);
}

/* --- shape
 * ---------------------------------------------------------------------------------------- */

static void set_counts(json_t *item, const json_t *row, size_t count, size_t actors, size_t share)
{
    json_object_set(item, "count", json_array_get(row, count));
    json_object_set(item, "actors", json_array_get(row, actors));
    json_object_set(item, "share", json_array_get(row, share));
}

static json_t *list_of(struct run *run, const char *name)
{
    json_t *list = json_object_get(run->result, name);
    if (list == NULL) {
        list = json_array();
        json_object_set_new(run->result, name, list);
    }
    return list;
}

/* Rows: (section, keys, n, sessions, actors, share). */
static void shape_events(struct run *run, const json_t *rows)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i), *keys = json_array_get(row, 1);
        size_t section = (size_t)json_at_integer(row, 0);
        if (section >= USAGE_EVENT_SECTIONS)
            continue;
        const struct usage_section *s = &usage_of_events[section];
        json_t *item = json_object();
        for (size_t k = 0; k < USAGE_KEYS && s->keys[k].member != NULL; k++)
            json_object_set(item, s->keys[k].member, json_array_get(keys, k));
        set_counts(item, row, 2, 4, 5);
        json_object_set(item, "sessions", json_array_get(row, 3));
        json_array_append_new(list_of(run, s->name), item);
    }
}

/* Rows: (section, value, n, actors, share). */
static void shape_visits(struct run *run, const json_t *rows)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        size_t section = (size_t)json_at_integer(row, 0);
        if (section >= USAGE_VISIT_SECTIONS)
            continue;
        json_t *item = json_pack("{s:O}", "value", json_array_get(row, 1));
        set_counts(item, row, 2, 3, 4);
        json_array_append_new(list_of(run, usage_of_visits[section].name), item);
    }
}

/* Rows: (is_whole, at, events, actors, sessions); days without events are days with 0. */
static void shape_days(struct run *run, const json_t *rows)
{
    const struct zone *zone = run->period.zone;
    int64_t at_us = interval_start_us(zone, INTERVAL_DAY, false, run->period.from_us);
    json_t *days = list_of(run, "daily_actors");
    size_t next = 0;
    while (at_us < run->period.to_us && json_array_size(days) < MAX_DAYS) {
        const json_t *row = json_array_get(rows, next);
        int64_t end_us = interval_next_us(zone, INTERVAL_DAY, false, at_us);
        int64_t row_us = json_at_integer(row, 1);
        bool is_here = row != NULL && json_at_integer(row, 0) == 0 && row_us < end_us;
        json_array_append_new(days, json_pack("{s:o, s:I, s:I}", "time", run_time(run, at_us),
                                              "count", is_here ? json_at_integer(row, 2) : 0,
                                              "actors", is_here ? json_at_integer(row, 3) : 0));
        next += is_here ? 1 : 0;
        at_us = end_us;
    }
    if (at_us < run->period.to_us)
        run_truncated(run, "daily_actors", MAX_DAYS, "take a shorter period");
}

static void set_number(json_t *object, const char *name, const json_t *value)
{
    if (json_is_number(value))
        json_object_set(object, name, (json_t *)value);
}

/* Row: ([p50, p75, p90, p95], pages, interactions, sessions). */
static void shape_sessions(struct run *run, const json_t *row)
{
    static const char *const names[] = {"p50", "p75", "p90", "p95"};
    json_t *sessions = json_object(), *duration = json_object();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        set_number(duration, names[i], json_array_get(json_array_get(row, 0), i));
    if (json_object_size(duration) == sizeof names / sizeof names[0])
        json_object_set(sessions, "duration_ms", duration);
    set_number(sessions, "average_pages", json_array_get(row, 1));
    set_number(sessions, "average_interactions", json_array_get(row, 2));
    if (json_object_size(sessions) > 0)
        json_object_set(run->result, "sessions", sessions);
    json_decref(sessions);
    json_decref(duration);
}

static void warn_absent(struct run *run)
{
    struct buf names = {0};
    for (const struct field *f = fields; f->name != NULL; f++)
        if (json_object_get(run->result, f->name) == NULL)
            buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", f->name);
    if (names.len > 0)
        run_warn(run,
                 "not in this report, because the events of the period bear no field for it: %s",
                 buf_text(&names));
    buf_done(&names);
}

/* --- text ------------------------------------------------------------------------------------ */

static void write_headline(struct run *run, const json_t *days)
{
    const json_t *whole = json_array_get(days, json_array_size(days) - 1);
    const json_t *page = json_array_get(json_object_get(run->result, "pages"), 0);
    const json_t *sessions = json_object_get(run->result, "sessions");
    const json_t *error = json_array_get(json_object_get(run->result, "errors"), 0);
    double median = json_get_number(json_object_get(sessions, "duration_ms"), "p50", NAN);
    char count[48], actors[48], more[64];
    if (json_at_integer(whole, 2) == 0) {
        buf_printf(&run->text, "No event%s in this period.\n", nameless_restriction(run));
        return;
    }
    buf_printf(&run->text, "%s, %s, %s",
               text_things(actors, sizeof actors, json_at_number(whole, 3), "actor"),
               text_things(more, sizeof more, json_at_number(whole, 4), "session"),
               text_things(count, sizeof count, json_at_number(whole, 2), "event"));
    if (page != NULL)
        buf_printf(&run->text, "; most viewed is %.100s with %s of the views",
                   json_get_string(page, "value", ""),
                   text_percent(more, sizeof more, json_get_number(page, "share", 0)));
    if (!isnan(median))
        buf_printf(&run->text, "; half of the sessions take at most %s",
                   text_duration(more, sizeof more, median / 1000));
    if (error != NULL)
        buf_printf(&run->text, "; most frequent error: %.100s (%s)",
                   json_get_string(error, "value", ""),
                   text_count(count, sizeof count, json_get_number(error, "count", 0)));
    buf_puts(&run->text, ".\n");
}

static void write_section(struct run *run, const struct field *section)
{
    const json_t *items = json_object_get(run->result, section->name);
    bool is_detailed = strcmp(json_get_string(run->arguments, "format", ""), "detailed") == 0;
    bool is_days = strcmp(section->name, "daily_actors") == 0;
    size_t count = json_array_size(items), most = is_days ? 14 : SHOWN_ITEMS;
    size_t shown = is_detailed || count < most ? count : most;
    if (count == 0)
        return;
    text_table(&run->text, (const char *const[]){section->name, "count", "actors",
                                                 is_days ? NULL : "share", NULL});
    for (size_t i = is_days ? count - shown : 0; i < (is_days ? count : shown); i++) {
        const json_t *item = json_array_get(items, i);
        char name[400], n[32], actors[32], share[32];
        const char *key;
        json_t *value;
        size_t used = 0;
        name[0] = '\0';
        json_object_foreach ((json_t *)item, key, value) {
            bool is_shown = json_is_string(value) && json_string_length(value) > 0;
            if (!is_shown || used + 1 >= sizeof name)
                continue;
            int added = snprintf(name + used, sizeof name - used, "%s%.*s", used > 0 ? ", " : "",
                                 is_days ? 10 : 100, json_string_value(value));
            used += added > 0 ? (size_t)added : 0;
        }
        text_row(&run->text,
                 (const char *const[]){
                     name, text_count(n, sizeof n, json_get_number(item, "count", 0)),
                     text_count(actors, sizeof actors, json_get_number(item, "actors", 0)),
                     text_percent(share, sizeof share, json_get_number(item, "share", 0))},
                 is_days ? 3 : 4);
    }
    text_more(&run->text, count, shown);
}

static void write_sessions(struct run *run)
{
    const json_t *sessions = json_object_get(run->result, "sessions");
    const json_t *duration = json_object_get(sessions, "duration_ms");
    if (duration == NULL)
        return;
    char p50[48], p75[48], p90[48], p95[48], pages[32], interactions[32];
    text_table(&run->text, (const char *const[]){"session p50", "p75", "p90", "p95",
                                                 "average pages", "average interactions", NULL});
    double average_pages = json_get_number(sessions, "average_pages", NAN);
    double average_interactions = json_get_number(sessions, "average_interactions", NAN);
    text_number(pages, sizeof pages, average_pages);
    text_number(interactions, sizeof interactions, average_interactions);
    text_row(&run->text,
             (const char *const[]){
                 text_duration(p50, sizeof p50, json_get_number(duration, "p50", 0) / 1000),
                 text_duration(p75, sizeof p75, json_get_number(duration, "p75", 0) / 1000),
                 text_duration(p90, sizeof p90, json_get_number(duration, "p90", 0) / 1000),
                 text_duration(p95, sizeof p95, json_get_number(duration, "p95", 0) / 1000),
                 isnan(average_pages) ? "" : pages,
                 isnan(average_interactions) ? "" : interactions},
             6);
}

static int shape(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    const struct state *state = run->state;
    const json_t *days = run_rows(run, state->queries[USAGE_DAYS]);
    if (run->source->fields[SOURCE_ACTOR].count > 0)
        shape_days(run, days);
    shape_events(run, run_rows(run, state->queries[USAGE_EVENTS]));
    shape_visits(run, run_rows(run, state->queries[USAGE_VISITS]));
    shape_sessions(run, json_array_get(run_rows(run, state->queries[USAGE_SESSIONS]), 0));
    warn_absent(run);
    write_headline(run, days);
    for (const struct field *f = fields; f->name != NULL; f++)
        if (f->is_list)
            write_section(run, f);
    write_sessions(run);
    json_t *again = run_same_arguments(run);
    json_object_del(again, "actor");
    json_object_set_new(again, "series",
                        json_pack("[{s:s}, {s:s}]", "math", "actors", "math", "sessions"));
    run_suggest(run, "run_trend", again, "how actors and sessions went over time");
    return 0;
}

static const struct step steps[] = {{usage_plan_names, shape_names}, {plan, shape}, {0}};

const struct tool tool_usage_report = {
    .name = "usage_report",
    .title = "Usage report",
    .description = "How a product or site is used, in one call: pages, entries, exits, referrers, "
                   "devices, countries; daily actors, routes, features, filters, charts, errors, "
                   "session lengths.",
    .toolset = "analytics",
    .params = params,
    .fields = fields,
    .steps = steps,
};
