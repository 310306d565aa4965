/* The part that every result shares, and the cap on what leaves. */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "run_internal.h"
#include "schema.h"

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
    json_object_set_new(meta, "elapsed_ms",
                        json_real((double)((uv_hrtime() - r->started_ns) / 1000) / 1000.0));
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

/* The list that carries the bulk: the longest list of the result. */
static const char *longest_list(const json_t *result)
{
    const char *key, *longest = NULL;
    json_t *value;
    size_t most = 1;
    json_object_foreach ((json_t *)result, key, value) {
        if (json_is_array(value) && json_array_size(value) > most) {
            most = json_array_size(value);
            longest = key;
        }
    }
    return longest;
}

static size_t dumped_size(const json_t *value)
{
    return json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
}

static bool has_cursor(const struct tool *tool)
{
    for (const struct param *p = tool->params; p->name != NULL; p++)
        if (strcmp(p->name, "cursor") == 0)
            return true;
    return false;
}

void meta_cap(struct run_state *r)
{
    json_t *result = r->run.result;
    size_t size = dumped_size(result);
    while (size > STRUCTURED_MAX) {
        const char *key = longest_list(result);
        if (key == NULL)
            return;
        json_t *list = json_object_get(result, key);
        size_t count = json_array_size(list), keep = 0, used = 0;
        size_t rest = size - dumped_size(list);
        size_t budget = STRUCTURED_MAX > rest + 1000 ? STRUCTURED_MAX - rest - 1000 : 0;
        while (keep < count) {
            used += dumped_size(json_array_get(list, keep)) + 1;
            if (used > budget && keep > 0)
                break;
            keep++;
        }
        if (keep == count)
            return;
        for (size_t i = count; i > keep; i--)
            json_array_remove(list, i - 1);
        int64_t limit, offset;
        const char *hint = "narrow the period, filter, or ask for fewer rows";
        if (has_cursor(r->run.tool) && run_page(&r->run, 0, &limit, &offset, NULL) == 0) {
            run_set_cursor(&r->run, offset + (int64_t)keep);
            hint = "continue with the cursor, or narrow the question";
        }
        run_truncated(&r->run, "bytes", STRUCTURED_MAX, hint);
        json_object_set(json_object_get(result, "meta"), "truncated", r->truncated);
        size = dumped_size(result);
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
