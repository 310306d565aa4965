#include <stdio.h>
#include <string.h>

#include "args.h"
#include "fields.h"
#include "json.h"
#include "nameless.h"
#include "rows_where.h"
#include "run.h"
#include "sql_text.h"
#include "text.h"
#include "utf8.h"

/* Values are looked at in so many events of the period at most; coverage is a share of those. */
enum { SAMPLE_ROWS = 1000000, MAX_PROPERTIES = 500 };

static const struct param params[] = {
    ARG_PERIOD,
    {.name = "search",
     .max_length = 256,
     .fallback = "\"\"",
     .description =
         "Only fields whose name (or the team's words for it) contains this, case ignored."},
    ARG_SEGMENT,
    ARG_LIMIT("100"),
    ARG_CURSOR,
    ARG_OUTPUT,
    {0},
};

static const struct field top_fields[] = {
    {"value", "One of the most frequent values.", VALUE_STRING},
    {"count", "Events with it.", VALUE_INTEGER},
    {0},
};

static const struct field field_fields[] = {
    {"field", "Name, as filters and breakdowns take it.", VALUE_STRING},
    {"type", "text, number, boolean or time, judged from the values.", VALUE_STRING},
    {"description", "What it stands for.", VALUE_STRING, .is_optional = true},
    {"coverage", "Share of events that have a value.", VALUE_NUMBER},
    {"distinct", "Different values.", VALUE_INTEGER},
    {"top", "The most frequent values.", VALUE_OBJECT, .is_list = true, .fields = top_fields},
    {0},
};

static const struct field identity_fields[] = {
    {"actor_coverage", "Share of events that name an actor.", VALUE_NUMBER},
    {"session_coverage", "Share of events that name a session.", VALUE_NUMBER},
    {0},
};

static const struct field fields[] = {
    {"fields", "Logical fields first, then properties by coverage.", VALUE_OBJECT, .is_list = true,
     .fields = field_fields},
    {"identity", "How far events can be told apart by actor and session.", VALUE_OBJECT,
     .fields = identity_fields},
    {"cursor", "Where the next page begins.", VALUE_STRING, .is_optional = true},
    {0},
};

static int in_period(const struct run *run, struct query *q, struct buf *out, struct err *ret_err)
{
    return rows_where(run, q, run->period.from_us, run->period.to_us, NULL, out, ret_err);
}

/* A name once: a case field may be an object type too. */
static void add_name(json_t *names, const char *name)
{
    if (!json_list_has(names, name))
        json_array_append_new(names, json_string(name));
}

/* ('event', <expression>), … for every logical field, case and object, and for the plain columns of
 * a table without containers. */
static int column_pairs(const struct source *s, struct query *q, struct buf *out,
                        struct err *ret_err)
{
    json_t *names = json_array();
    for (int i = 0; i < SOURCE_FIELDS; i++)
        if (s->fields[i].count > 0 && i != SOURCE_START_TIME)
            add_name(names, source_field_names[i]);
    for (size_t i = 0; i < s->case_count; i++)
        add_name(names, s->cases[i].name);
    for (size_t i = 0; i < s->object_count; i++)
        add_name(names, s->objects[i].name);
    const char *column;
    json_t *type;
    if (s->property_count == 0) /* then the columns are the properties */
        json_object_foreach (s->columns, column, type)
            if (source_is_plain_column(s, column))
                add_name(names, column);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(names); i++) {
        const char *name = json_at_string(names, i);
        buf_puts(out, i > 0 ? ", (" : "(");
        query_bind_text(q, out, name);
        buf_puts(out, ", toString(");
        rc = source_text(s, q, name, out, ret_err);
        buf_puts(out, "))");
    }
    json_decref(names);
    return rc;
}

static int plan_columns(struct run *run, struct err *ret_err)
{
    struct query q;
    struct buf pairs = {0}, where = {0}, from = {0};
    query_init(&q);
    query_set_integer(&q, "sample", SAMPLE_ROWS);
    int rc = column_pairs(run->source, &q, &pairs, ret_err);
    if (rc == 0)
        rc = in_period(run, &q, &where, ret_err);
    source_from(run->source, &q, &from);
    if (rc == 0)
        rc = run_query(run, &q, &sql_describe_columns,
                       (const struct query_fragment[]){{"pairs", buf_text(&pairs)},
                                                       {"in_period", buf_text(&where)},
                                                       {"from", buf_text(&from)},
                                                       {0}},
                       200, ret_err);
    query_done(&q);
    buf_done(&pairs);
    buf_done(&where);
    buf_done(&from);
    return rc;
}

static int plan_properties(struct run *run, struct err *ret_err)
{
    struct query q;
    struct buf pairs = {0}, where = {0}, from = {0};
    query_init(&q);
    query_set_integer(&q, "sample", SAMPLE_ROWS);
    const char *search = json_get_string(run->arguments, "search", "");
    json_t *also = knowledge_search(&run->source->knowledge, KNOWLEDGE_FIELD, search);
    json_t *hidden = knowledge_hidden(&run->source->knowledge, KNOWLEDGE_FIELD, search);
    query_set_text(&q, "search", search);
    query_set_texts(&q, "also", also);
    query_set_texts(&q, "hidden", hidden);
    json_decref(also);
    json_decref(hidden);
    query_set_integer(&q, "limit", MAX_PROPERTIES + 1);
    if (!fields_pairs(run->source, &pairs))
        buf_puts(&pairs, "CAST([], 'Array(Tuple(String, String))')");
    int rc = in_period(run, &q, &where, ret_err);
    source_from(run->source, &q, &from);
    if (rc == 0)
        rc = run_query(run, &q, &sql_describe_properties,
                       (const struct query_fragment[]){{"pairs", buf_text(&pairs)},
                                                       {"in_period", buf_text(&where)},
                                                       {"from", buf_text(&from)},
                                                       {0}},
                       MAX_PROPERTIES, ret_err);
    query_done(&q);
    buf_done(&pairs);
    buf_done(&where);
    buf_done(&from);
    return rc;
}

static int plan_identity(struct run *run, struct err *ret_err)
{
    const struct source *s = run->source;
    struct query q;
    struct buf actor = {0}, session = {0}, where = {0}, from = {0};
    query_init(&q);
    rows_logical(run, &q, SOURCE_ACTOR, &actor);
    rows_logical(run, &q, SOURCE_SESSION, &session);
    int rc = in_period(run, &q, &where, ret_err);
    source_from(s, &q, &from);
    if (rc == 0)
        rc = run_query(run, &q, &sql_describe_identity,
                       (const struct query_fragment[]){{"actor", buf_text(&actor)},
                                                       {"session", buf_text(&session)},
                                                       {"in_period", buf_text(&where)},
                                                       {"from", buf_text(&from)},
                                                       {0}},
                       1, ret_err);
    query_done(&q);
    buf_done(&actor);
    buf_done(&session);
    buf_done(&where);
    buf_done(&from);
    return rc;
}

static int plan(struct run *run, struct err *ret_err)
{
    int rc = plan_columns(run, ret_err);
    if (rc >= 0)
        rc = plan_properties(run, ret_err);
    if (rc >= 0)
        rc = plan_identity(run, ret_err);
    return rc < 0 ? rc : 0;
}

static const char *type_of(const json_t *row)
{
    bool is_number = json_at_integer(row, 4) != 0;
    bool is_time = json_at_integer(row, 5) != 0;
    bool is_boolean = json_at_integer(row, 6) != 0;
    return is_boolean ? "boolean" : is_number ? "number" : is_time ? "time" : "text";
}

static json_t *field_item(const struct run *run, const json_t *row, double sampled)
{
    const struct knowledge *k = &run->source->knowledge;
    const char *field = json_at_string(row, 0);
    bool is_event = strcmp(field, source_field_names[SOURCE_EVENT]) == 0;
    json_t *top = json_array();
    const json_t *pairs = json_array_get(row, 3);
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *pair = json_array_get(pairs, i);
        if (is_event && knowledge_is_hidden(k, KNOWLEDGE_EVENT, json_at_string(pair, 0)))
            continue;
        json_array_append_new(top, json_pack("{s:O, s:O}", "value", json_array_get(pair, 0),
                                             "count", json_array_get(pair, 1)));
    }
    double with_value = json_at_number(row, 1);
    double coverage = sampled > 0 ? with_value / sampled : 0;
    json_t *item = json_pack("{s:O, s:s, s:f, s:O, s:o}", "field", json_array_get(row, 0), "type",
                             type_of(row), "coverage", coverage < 1 ? coverage : 1.0, "distinct",
                             json_array_get(row, 2), "top", top);
    const char *description = knowledge_description(k, KNOWLEDGE_FIELD, field);
    if (description != NULL)
        json_object_set_new(item, "description", json_string(description));
    return item;
}

static void write_row(struct run *run, const json_t *item)
{
    char coverage[32], distinct[32], values[256] = "";
    const json_t *top = json_object_get(item, "top");
    for (size_t i = 0; i < json_array_size(top) && i < 3; i++) {
        char value[64];
        snprintf(value, sizeof value, "%s%.40s", i > 0 ? ", " : "",
                 json_get_string(json_array_get(top, i), "value", ""));
        strncat(values, value, sizeof values - strlen(values) - 1);
    }
    text_row(
        &run->text,
        (const char *const[]){
            json_get_string(item, "field", ""), json_get_string(item, "type", ""),
            text_percent(coverage, sizeof coverage, json_get_number(item, "coverage", 0)),
            text_count(distinct, sizeof distinct, (double)json_get_integer(item, "distinct", 0)),
            values, json_get_string(item, "description", "")},
        json_object_size(run->source->knowledge.fields) > 0 ? 6 : 5);
}

/* Cuts a long value, so that one page text cannot fill the result. */
static void shorten(json_t *item)
{
    json_t *top = json_object_get(item, "top");
    for (size_t i = 0; i < json_array_size(top); i++) {
        json_t *entry = json_array_get(top, i);
        const char *value = json_get_string(entry, "value", "");
        size_t shown = utf8_cut(value, 200);
        if (value[shown] != '\0')
            json_object_set_new(entry, "value", json_sprintf("%.*s…", (int)shown, value));
    }
}

/* Of the logical fields, what the SQL asks of the others. */
static bool is_searched(const struct run *run, const char *field, const char *search)
{
    const struct knowledge *k = &run->source->knowledge;
    if (knowledge_is_hidden(k, KNOWLEDGE_FIELD, field))
        return strcmp(field, search) == 0;
    if (strcasestr(field, search) != NULL)
        return true;
    json_t *also = knowledge_search(k, KNOWLEDGE_FIELD, search);
    bool is_found = json_list_has(also, field);
    json_decref(also);
    return is_found;
}

static int shape(struct run *run, struct err *ret_err)
{
    int64_t limit, offset;
    int rc = run_page(run, 100, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    const json_t *identity = json_array_get(run_rows(run, 2), 0);
    double total = json_at_number(identity, 0);
    double sampled = total < SAMPLE_ROWS ? total : SAMPLE_ROWS;
    const char *search = json_get_string(run->arguments, "search", "");
    json_t *list = json_array();
    size_t seen = 0;
    bool more = false;
    for (int query = 0; query < 2; query++) {
        const json_t *rows = run_rows(run, query);
        for (size_t i = 0; i < json_array_size(rows); i++) {
            const json_t *row = json_array_get(rows, i);
            if (query == 0 && !is_searched(run, json_at_string(row, 0), search))
                continue;
            if ((int64_t)seen++ < offset)
                continue;
            if ((int64_t)json_array_size(list) == limit) {
                more = true;
                continue;
            }
            json_t *item = field_item(run, row, sampled);
            shorten(item);
            json_array_append_new(list, item);
        }
    }
    char found[48];
    char events[48];
    buf_printf(&run->text, "%s with values on %s%s in source '%s'.\n",
               text_things(found, sizeof found, (double)seen, "field"),
               text_things(events, sizeof events, total, "event"), nameless_restriction(run),
               run->source->name);
    bool is_described = json_object_size(run->source->knowledge.fields) > 0;
    text_table(&run->text,
               (const char *const[]){"field", "type", "coverage", "distinct", "top values",
                                     is_described ? "description" : NULL, NULL});
    for (size_t i = 0; i < json_array_size(list); i++)
        write_row(run, json_array_get(list, i));
    if (more) {
        run_set_cursor(run, offset + limit);
        run_truncated(run, "rows", limit, "continue with the cursor, or use search");
    }
    if (run_rows_truncated(run, 1))
        run_warn(run, "there are more than %d properties: use search to find others",
                 MAX_PROPERTIES);
    if (total > SAMPLE_ROWS)
        run_warn(run, "values were looked at in %d of the period's events", SAMPLE_ROWS);
    double divisor = total > 0 ? total : 1;
    json_object_set_new(run->result, "fields", list);
    json_object_set_new(run->result, "identity",
                        json_pack("{s:f, s:f}", "actor_coverage",
                                  json_at_number(identity, 1) / divisor, "session_coverage",
                                  json_at_number(identity, 2) / divisor));
    return 0;
}

static const struct step steps[] = {{plan, shape}, {0}};

const struct tool tool_describe_source = {
    .name = "describe_source",
    .title = "Describe a source",
    .description =
        "Fields and properties of a source with type, coverage, number of values and the "
        "most frequent ones, for filters and breakdowns.",
    .toolset = "core",
    .flags = TOOL_CORE,
    .params = params,
    .fields = fields,
    .steps = steps,
};
