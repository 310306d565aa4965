/* What a name that someone is typing may become: sources, fields, values and sessions that begin
 * with it. Tools like the others in all but that no agent is offered them. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "args.h"
#include "catalog.h"
#include "json.h"
#include "run_internal.h"
#include "sql_text.h"

enum { SAMPLE_ROWS = 2000000, SAMPLE_SESSION_ROWS = 500000, KEYS_MAX = 2000 };

#define ARG_PREFIX                                                                                 \
    {                                                                                              \
        .name = "prefix", .max_length = 1024, .fallback = "\"\"", .description = "Its beginning."  \
    }
#define ARG_COUNT                                                                                  \
    {                                                                                              \
        .name = "limit", .type = VALUE_INTEGER, .min = 1, .max = 100, .fallback = "100",           \
        .description = "Values."                                                                   \
    }

static const struct field value_result[] = {
    {"values", "Those that begin with it.", VALUE_STRING, .is_list = true},
    {"total", "How many there are, as far as was looked.", VALUE_INTEGER},
    {0},
};

static void set_query(struct run *run, struct query *q, int64_t sample)
{
    query_set_text(q, "prefix", json_get_string(run->arguments, "prefix", ""));
    query_set_integer(q, "sample", sample);
    query_set_integer(q, "limit", json_get_integer(run->arguments, "limit", 100));
}

/* First column of the rows: the values; third: how many there are. */
static int shape_rows(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    const json_t *rows = run_rows(run, 0);
    json_t *values = json_array();
    for (size_t i = 0; i < json_array_size(rows); i++)
        json_array_append(values, json_array_get(json_array_get(rows, i), 0));
    json_int_t total = json_at_integer(json_array_get(rows, 0), 2);
    json_object_set_new(run->result, "values", values);
    json_object_set_new(run->result, "total", json_integer(total));
    return 0;
}

/* --- values of a field ----------------------------------------------------------------------- */

static const struct param value_params[] = {
    ARG_SOURCE,
    {.name = "field", .is_required = true, .max_length = 256, .description = "Of which field."},
    ARG_PREFIX,
    ARG_COUNT,
    {0},
};

/* What the team does not want listed: events that are not asked for by their whole name. */
static void hide_events(const struct run *run, struct query *q)
{
    bool is_event = strcmp(json_get_string(run->arguments, "field", ""), "event") == 0;
    json_t *hidden = is_event ? knowledge_hidden(&run->source->knowledge, KNOWLEDGE_EVENT,
                                                 json_get_string(run->arguments, "prefix", ""))
                              : NULL;
    query_set_texts(q, "hidden", hidden);
    json_decref(hidden);
}

static int plan_values(struct run *run, struct err *ret_err)
{
    const struct source *s = run->source;
    struct query q;
    struct buf value = {0}, period = {0}, from = {0};
    query_init(&q);
    set_query(run, &q, SAMPLE_ROWS);
    hide_events(run, &q);
    int rc = source_text(s, &q, json_get_string(run->arguments, "field", ""), &value, ret_err);
    source_time_between(s, &q, run->period.from_us, run->period.to_us, &period);
    source_from(s, &q, &from);
    if (rc == 0)
        rc = run_query(run, &q, &sql_complete_values,
                       (const struct query_fragment[]){{"value", buf_text(&value)},
                                                       {"in_period", buf_text(&period)},
                                                       {"from", buf_text(&from)},
                                                       {0}},
                       100, ret_err);
    buf_done(&value);
    buf_done(&period);
    buf_done(&from);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

const struct tool tool_complete_values = {
    .name = "complete_values",
    .title = "Complete a value",
    .description = "The values of a field that begin with a text, most frequent first.",
    .flags = TOOL_WHOLE_PERIOD,
    .params = value_params,
    .fields = value_result,
    .steps = (const struct step[]){{plan_values, shape_rows}, {0}},
};

/* --- sessions -------------------------------------------------------------------------------- */

static const struct param name_params[] = {ARG_SOURCE, ARG_PREFIX, ARG_COUNT, {0}};

static int plan_sessions(struct run *run, struct err *ret_err)
{
    const struct source *s = run->source;
    struct query q;
    struct buf session = {0}, period = {0}, time = {0}, table = {0};
    query_init(&q);
    set_query(run, &q, SAMPLE_SESSION_ROWS);
    int rc = source_logical(s, &q, SOURCE_SESSION, &session, ret_err);
    source_time_between(s, &q, run->period.from_us, run->period.to_us, &period);
    source_time_us(s, &time);
    source_table(s, &table);
    if (rc == 0)
        rc = run_query(run, &q, &sql_complete_sessions,
                       (const struct query_fragment[]){{"session", buf_text(&session)},
                                                       {"in_period", buf_text(&period)},
                                                       {"time_us", buf_text(&time)},
                                                       {"table", buf_text(&table)},
                                                       {0}},
                       100, ret_err);
    struct buf *all[] = {&session, &period, &time, &table};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

const struct tool tool_complete_sessions = {
    .name = "complete_sessions",
    .title = "Complete a session",
    .description = "The sessions whose id begins with a text, latest first.",
    .params = name_params,
    .fields = value_result,
    .steps = (const struct step[]){{plan_sessions, shape_rows}, {0}},
};

/* --- fields ---------------------------------------------------------------------------------- */

static int plan_fields(struct run *run, struct err *ret_err)
{
    struct query q;
    struct buf keys = {0}, table = {0};
    query_init(&q);
    source_table(run->source, &table);
    int rc = 0;
    if (prelude_keys(run->source, &keys))
        rc = run_query(run, &q, &sql_run_property_keys,
                       (const struct query_fragment[]){
                           {"keys", buf_text(&keys)}, {"table", buf_text(&table)}, {0}},
                       KEYS_MAX, ret_err);
    buf_done(&keys);
    buf_done(&table);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

static int shape_fields(struct run *run, struct err *ret_err)
{
    const char *prefix = json_get_string(run->arguments, "prefix", "");
    size_t limit = (size_t)json_get_integer(run->arguments, "limit", 100), count = 0, total = 0;
    const json_t *rows = run_state_of(run)->query_count > 0 ? run_rows(run, 0) : NULL;
    const char **names = prelude_candidates(run->source, true, rows, &count);
    json_t *values = json_array();
    if (names == NULL || values == NULL) {
        free(names);
        json_decref(values);
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        if (strncasecmp(names[i], prefix, strlen(prefix)) != 0)
            continue;
        if (total++ < limit)
            json_array_append_new(values, json_string(names[i]));
    }
    free(names);
    json_object_set_new(run->result, "values", values);
    json_object_set_new(run->result, "total", json_integer((json_int_t)total));
    return 0;
}

const struct tool tool_complete_fields = {
    .name = "complete_fields",
    .title = "Complete a field",
    .description = "The fields of a source that begin with a text, those of every source first.",
    .params = name_params,
    .fields = value_result,
    .steps = (const struct step[]){{plan_fields, shape_fields}, {0}},
};

/* --- sources --------------------------------------------------------------------------------- */

static const struct param no_params[] = {{0}};

static const struct field source_fields[] = {
    {"name", "What tools take as `source`.", VALUE_STRING},
    {"description", "What the team says about it, or its table.", VALUE_STRING},
    {"has_sessions", "Whether its events name sessions, or there are recordings.", VALUE_BOOLEAN},
    {"case_fields", "Fields that can be the case of a process.", VALUE_STRING, .is_list = true},
    {0},
};

static const struct field source_result[] = {
    {"sources", "In name order of their tables.", VALUE_OBJECT, .is_list = true,
     .fields = source_fields},
    {0},
};

/* All that is asked for is loaded before any tool runs. */
static int plan_nothing(struct run *run, struct err *ret_err)
{
    (void)run;
    (void)ret_err;
    return 0;
}

static int shape_sources(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    json_t *list = json_array();
    for (size_t i = 0; i < run->sources->count; i++) {
        const struct source *s = run->sources->items[i];
        json_t *about = s->description != NULL && s->description[0] != '\0'
                            ? json_string(s->description)
                            : json_sprintf("%s.%s", s->database, s->table);
        json_t *cases = json_array();
        for (size_t k = 0; k < s->case_count; k++)
            json_array_append_new(cases, json_string(s->cases[k].name));
        json_array_append_new(list, json_pack("{s:s, s:o, s:b, s:o}", "name", s->name,
                                              "description", about, "has_sessions",
                                              s->fields[SOURCE_SESSION].count > 0 || s->has_replay,
                                              "case_fields", cases));
    }
    json_object_set_new(run->result, "sources", list);
    return 0;
}

const struct tool tool_source_names = {
    .name = "source_names",
    .title = "Name the sources",
    .description = "Which sources there are, without counting what they hold.",
    .flags = TOOL_NO_SOURCE,
    .params = no_params,
    .fields = source_result,
    .steps = (const struct step[]){{plan_nothing, shape_sources}, {0}},
};
