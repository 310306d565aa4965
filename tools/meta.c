/* The part that every result shares, and the cap on what leaves. */
#include "json.h"
#include "run_internal.h"
#include "schema.h"
#include "utf8.h"

enum { STRUCTURED_MAX = 100000 };

json_t *meta_query(const struct run_query *q)
{
    json_t *parameters = json_object();
    for (size_t i = 0; i < q->query.param_count; i++)
        json_object_set_new(parameters, q->query.params[i].name,
                            json_string(q->query.params[i].value));
    return json_pack("{s:s, s:s, s:o}", "name", q->name, "sql", buf_text(&q->query.sql),
                     "parameters", parameters);
}

json_t *meta_build(struct run_state *r)
{
    const struct run *run = &r->run;
    json_t *meta = json_object();
    if (run->source != NULL) {
        json_object_set_new(meta, "source", json_string(run->source->name));
        json_object_set_new(
            meta, "period",
            json_pack("{s:o, s:o, s:s, s:o}", "from", run_time(run, run->period.from_us), "to",
                      run_time(run, run->period.to_us - 1), "tz", run->period.zone->name,
                      "complete_until", run_time(run, run->period.complete_until_us)));
    }
    json_object_set_new(meta, "rows_read", json_integer((json_int_t)r->stats.rows_read));
    json_object_set_new(meta, "bytes_read", json_integer((json_int_t)r->stats.bytes_read));
    json_object_set_new(meta, "elapsed_ms", json_real((double)(uv_hrtime() - r->started_ns) / 1e6));
    if (r->truncated != NULL)
        json_object_set(meta, "truncated", r->truncated);
    if (json_array_size(r->warnings) > 0)
        json_object_set(meta, "warnings", r->warnings);
    if (json_array_size(r->next) > 0)
        json_object_set(meta, "next", r->next);
    if (json_array_size(r->explained) > 0)
        json_object_set(meta, "queries", r->explained);
    return meta;
}

static size_t dumped_size(const json_t *value)
{
    return json_dumpb(value, NULL, 0, JSON_PLAIN);
}

/* The list that carries the bulk: the heaviest one from which an item can be dropped. */
static const char *heaviest_list(const json_t *result)
{
    const char *key, *heaviest = NULL;
    json_t *value;
    size_t most = 0;
    json_object_foreach ((json_t *)result, key, value) {
        size_t size = json_array_size(value) > 1 ? dumped_size(value) : 0;
        if (size > most) {
            most = size;
            heaviest = key;
        }
    }
    return heaviest;
}

static void note_cap(struct run_state *r, const char *hint)
{
    run_truncated(&r->run, "bytes", STRUCTURED_MAX, hint);
    json_object_set(json_object_get(r->run.result, "meta"), "truncated", r->truncated);
}

/* Drops items from the end of a list until the result fits, but for the first. */
static void trim_list(struct run_state *r, const char *key, size_t size)
{
    json_t *list = json_object_get(r->run.result, key);
    size_t count = json_array_size(list), keep = 0, used = 0;
    size_t rest = size - dumped_size(list);
    size_t budget = STRUCTURED_MAX > rest + 1000 ? STRUCTURED_MAX - rest - 1000 : 0;
    while (keep < count) {
        used += dumped_size(json_array_get(list, keep)) + 1;
        if (used > budget && keep > 0)
            break;
        keep++;
    }
    for (size_t i = count; i > keep; i--)
        json_array_remove(list, i - 1);
    int64_t limit, offset;
    const char *hint = "narrow the period, filter, or ask for fewer rows";
    if (run_takes(r->run.tool, "cursor") && run_page(&r->run, 0, &limit, &offset, NULL) == 0) {
        run_set_cursor(&r->run, offset + (int64_t)keep);
        hint = "continue with the cursor, or narrow the question";
    }
    note_cap(r, hint);
}

static json_t *cut_string(const json_t *text, size_t max)
{
    const char *bytes = json_string_value(text);
    return json_sprintf("%.*s…", (int)utf8_cut(bytes, max), bytes);
}

/* Cuts every longer text and every longer list below `value`. */
static void shorten(json_t *value, size_t max_text, size_t max_items)
{
    while (json_array_size(value) > max_items)
        json_array_remove(value, json_array_size(value) - 1);
    for (size_t i = 0; i < json_array_size(value); i++) {
        json_t *item = json_array_get(value, i);
        if (json_is_string(item) && json_string_length(item) > max_text)
            json_array_set_new(value, i, cut_string(item, max_text));
        else
            shorten(item, max_text, max_items);
    }
    const char *key;
    void *tmp;
    json_t *member;
    json_object_foreach_safe (value, tmp, key, member) {
        if (json_is_string(member) && json_string_length(member) > max_text)
            json_object_set_new(value, key, cut_string(member, max_text));
        else
            shorten(member, max_text, max_items);
    }
}

/* Bytes of the heaviest member, or item of a list, that dropping items could not make lighter. */
static size_t heaviest_item(const json_t *result)
{
    const char *key;
    json_t *value;
    size_t most = 0;
    json_object_foreach ((json_t *)result, key, value) {
        if (!json_is_array(value)) {
            size_t size = dumped_size(value);
            most = size > most ? size : most;
        }
        for (size_t i = 0; i < json_array_size(value); i++) {
            size_t size = dumped_size(json_array_get(value, i));
            most = size > most ? size : most;
        }
    }
    return most;
}

/* For data of absurd names: whatever it is, it must not leave. */
static size_t cut_items(struct run_state *r)
{
    static const size_t texts[] = {4000, 500, 60}, items[] = {1000, 100, 10};
    for (size_t pass = 0; pass < sizeof texts / sizeof texts[0]; pass++) {
        if (heaviest_item(r->run.result) <= STRUCTURED_MAX / 2)
            break;
        /* What is shared with the arguments or the rows is cut in a copy. */
        json_t *copy = json_deep_copy(r->run.result);
        if (copy == NULL)
            break;
        json_decref(r->run.result);
        r->run.result = copy;
        shorten(copy, texts[pass], items[pass]);
        note_cap(r, "long texts and lists are cut; narrow the question");
    }
    return dumped_size(r->run.result);
}

void meta_cap(struct run_state *r)
{
    size_t size = dumped_size(r->run.result);
    if (size > STRUCTURED_MAX)
        size = cut_items(r);
    while (size > STRUCTURED_MAX) {
        const char *key = heaviest_list(r->run.result);
        if (key == NULL)
            return;
        size_t before = size;
        trim_list(r, key, size);
        size = dumped_size(r->run.result);
        if (size >= before)
            return;
    }
}

json_t *tool_input_schema(const struct tool *tool)
{
    return schema_input(tool->params);
}

json_t *tool_output_schema(const struct tool *tool)
{
    json_t *schema = schema_output(tool->fields);
    /* With explain: only, nothing but meta is there. */
    json_object_set_new(schema, "required", json_pack("[s]", "meta"));
    json_object_set_new(json_object_get(schema, "properties"), "meta",
                        json_pack("{s:s}", "type", "object"));
    return schema;
}
