#include <string.h>

#include "args.h"
#include "json.h"
#include "rpc.h"
#include "run.h"
#include "sql_text.h"
#include "text.h"

static const struct param params[] = {ARG_OUTPUT, {0}};

static const struct field source_fields[] = {
    {"name", "What tools take as `source`.", VALUE_STRING},
    {"kind", "Preset: clickstack, telemetry or events.", VALUE_STRING},
    {"table", "Database and table.", VALUE_STRING},
    {"description", "What the team says about it.", VALUE_STRING, .is_optional = true},
    {"events", "Rows.", VALUE_INTEGER},
    {"actors", "Distinct actors; estimated above 20 million rows.", VALUE_INTEGER},
    {"from", "First event.", VALUE_STRING, .is_optional = true},
    {"to", "Last event.", VALUE_STRING, .is_optional = true},
    {"has_replay", "Whether session recordings are there.", VALUE_BOOLEAN},
    {"case_fields", "Fields that can be the case of a process.", VALUE_STRING, .is_list = true},
    {"object_fields", "Object types.", VALUE_STRING, .is_list = true},
    {0},
};

static const struct field fields[] = {
    {"sources", "The sources, in name order of their tables.", VALUE_OBJECT, .is_list = true,
     .fields = source_fields},
    {0},
};

/* The framework runs at most 16 queries in a round; more sources than that are listed uncounted. */
enum { MAX_COUNTED = 16 };

static int count_source(struct run *run, const struct source *s, struct err *ret_err)
{
    struct query q;
    struct buf actor = {0}, first = {0}, last = {0}, from = {0};
    query_init(&q);
    if (s->fields[SOURCE_ACTOR].count == 0)
        buf_puts(&actor, "''");
    else
        source_logical(s, &q, SOURCE_ACTOR, &actor, NULL);
    source_first_last(s, &first, &last);
    source_from(s, &q, &from);
    int rc = run_query(run, &q, &sql_list_sources,
                       (const struct query_fragment[]){{"distinct_if", source_distinct_if(s)},
                                                       {"actor", buf_text(&actor)},
                                                       {"first_us", buf_text(&first)},
                                                       {"last_us", buf_text(&last)},
                                                       {"from", buf_text(&from)},
                                                       {0}},
                       1, ret_err);
    query_done(&q);
    buf_done(&actor);
    buf_done(&first);
    buf_done(&last);
    buf_done(&from);
    return rc;
}

static int plan(struct run *run, struct err *ret_err)
{
    for (size_t i = 0; i < run->sources->count && i < MAX_COUNTED; i++) {
        int rc = count_source(run, run->sources->items[i], ret_err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static json_t *key_names(const struct source_key *keys, size_t count)
{
    json_t *names = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(names, json_string(keys[i].name));
    return names;
}

static void add_names(struct buf *out, const char *what, const json_t *named)
{
    const char *name;
    json_t *definition;
    bool is_first = true;
    json_object_foreach ((json_t *)named, name, definition) {
        buf_printf(out, "%s%s%.100s", is_first && out->len > 0 ? " " : "", is_first ? what : ", ",
                   name);
        is_first = false;
    }
    buf_puts(out, is_first ? "" : ".");
}

/* What the team says about it, and the names it has given. NULL = nothing. */
static json_t *description_of(const struct source *s)
{
    struct buf out = {0};
    buf_puts(&out, s->description != NULL ? s->description : "");
    add_names(&out, "Named matchers: ", s->knowledge.matchers);
    add_names(&out, "Named segments: ", s->knowledge.segments);
    json_t *text = out.len > 0 ? rpc_text(buf_text(&out)) : NULL;
    buf_done(&out);
    return text;
}

static json_t *describe(struct run *run, const struct source *s, const json_t *row)
{
    json_t *item = json_pack("{s:s, s:s, s:o}", "name", s->name, "kind", s->kind, "table",
                             json_sprintf("%s.%s", s->database, s->table));
    json_int_t events = row != NULL ? json_at_integer(row, 0) : s->rows;
    json_t *description = description_of(s);
    if (description != NULL)
        json_object_set_new(item, "description", description);
    json_object_set_new(item, "events", json_integer(events));
    json_object_set_new(item, "actors", json_integer(json_at_integer(row, 1)));
    if (row != NULL && events > 0) {
        json_object_set_new(item, "from", run_time(run, json_at_integer(row, 2)));
        json_object_set_new(item, "to", run_time(run, json_at_integer(row, 3)));
    }
    json_object_set_new(item, "has_replay", json_boolean(s->has_replay));
    json_object_set_new(item, "case_fields", key_names(s->cases, s->case_count));
    json_object_set_new(item, "object_fields", key_names(s->objects, s->object_count));
    return item;
}

/* A configuration may be long, and wrong in every entry. */
enum { MAX_PROBLEMS = 10 };

static void warn_of_problems(struct run *run)
{
    const struct sources *sources = run->sources;
    size_t count = sources->problem_count;
    char more[64];
    for (size_t i = 0; i < count && i < MAX_PROBLEMS; i++)
        run_warn(run, "source '%.100s' cannot be used: %s: %.400s", sources->problems[i].name,
                 sources->problems[i].err.field, sources->problems[i].err.text);
    if (count > MAX_PROBLEMS)
        run_warn(run, "%s cannot be used",
                 text_things(more, sizeof more, (double)(count - MAX_PROBLEMS),
                             "more configured source"));
}

static int shape(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    json_t *list = json_array();
    size_t count = run->sources->count;
    char number[48];
    if (count == 0 && run->sources->problem_count > 0)
        buf_puts(&run->text, "No source can be used: correct the configuration.\n");
    else if (count == 0)
        buf_puts(&run->text, "No source yet. Load data with `sextant import FILE` or `sextant "
                             "demo`, or point CLICKHOUSE_HOST to a server with event tables.");
    else
        buf_printf(&run->text, "%s.\n",
                   text_things(number, sizeof number, (double)count, "source"));
    if (count > 0)
        text_table(&run->text, (const char *const[]){"source", "kind", "events", "actors", "from",
                                                     "to", "case fields", NULL});
    for (size_t i = 0; i < count; i++) {
        const struct source *s = run->sources->items[i];
        const json_t *row = i < MAX_COUNTED ? json_array_get(run_rows(run, (int)i), 0) : NULL;
        json_t *item = describe(run, s, row);
        json_array_append_new(list, item);
        char events[32], actors[32], cases[256] = "";
        for (size_t k = 0; k < s->case_count; k++) {
            strncat(cases, k > 0 ? ", " : "", sizeof cases - strlen(cases) - 1);
            strncat(cases, s->cases[k].name, sizeof cases - strlen(cases) - 1);
        }
        text_row(&run->text,
                 (const char *const[]){
                     s->name, s->kind,
                     text_count(events, sizeof events,
                                json_number_value(json_object_get(item, "events"))),
                     text_count(actors, sizeof actors,
                                json_number_value(json_object_get(item, "actors"))),
                     json_get_string(item, "from", ""), json_get_string(item, "to", ""), cases},
                 7);
        if (i == 0)
            run_suggest(run, "list_events", json_pack("{s:s}", "source", s->name),
                        "see which events there are before asking about them");
    }
    for (size_t i = 0; i < count; i++)
        if (json_object_get(json_array_get(list, i), "description") != NULL)
            buf_printf(&run->text, "%s: %.2000s\n", run->sources->items[i]->name,
                       json_get_string(json_array_get(list, i), "description", ""));
    if (count > MAX_COUNTED)
        run_warn(run, "only the first %d sources are counted", MAX_COUNTED);
    warn_of_problems(run);
    json_object_set_new(run->result, "sources", list);
    return 0;
}

static const struct step steps[] = {{plan, shape}, {0}};

const struct tool tool_list_sources = {
    .name = "list_sources",
    .title = "List sources",
    .description = "What data is here: every source with its period, size, case fields and whether "
                   "it has session replays. Start here.",
    .toolset = "core",
    .flags = TOOL_CORE | TOOL_NO_SOURCE,
    .params = params,
    .fields = fields,
    .steps = steps,
};
