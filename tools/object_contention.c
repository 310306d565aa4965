#include <stdio.h>
#include <string.h>

#include "args.h"
#include "json.h"
#include "objects.h"
#include "sql_text.h"
#include "text.h"

enum { SHOWN = 20 };

static const struct param params[] = {
    {.name = "type",
     .role = "field",
     .is_required = true,
     .description = "Type of the objects that are shared, as trucks or clerks are; or a field."},
    {.name = "case",
     .role = "field",
     .description = "Who waits: a case field; default: the only one, else the objects of other "
                    "types in the same event."},
    ARG_PERIOD,
    ARG_SCOPE,
    ARG_LIMIT("20"),
    ARG_CURSOR,
    ARG_OUTPUT,
    {0},
};

static const struct field object_fields[] = {
    {"object", "Which one.", VALUE_STRING},
    {"waiting_cases", "Cases that waited for it while it served others.", VALUE_INTEGER},
    {"wait_median_s", "Seconds from the case's last event before, over all its waits.",
     VALUE_NUMBER},
    {"wait_p95_s", "Their 95th percentile.", VALUE_NUMBER},
    {"busiest_at", "When most cases waited for it at once.", VALUE_STRING},
    {0},
};

static const struct field fields[] = {
    {"objects", "Those that most cases waited for first.", VALUE_OBJECT, .is_list = true,
     .fields = object_fields},
    {0},
};

/* The case field that waits, or NULL: the objects of other types do. */
static const char *case_of(const struct run *run)
{
    const char *name = json_get_string(run->arguments, "case", NULL);
    const struct source *s = run->source;
    return name == NULL && s->case_count == 1 ? s->cases[0].name : name;
}

static int plan(struct run *run, struct err *ret_err)
{
    struct objects o;
    struct query q;
    char wanted[120], cases[120];
    int64_t limit, offset;
    const char *type = json_get_string(run->arguments, "type", ""), *waiting = case_of(run);
    query_init(&q);
    int rc = objects_init(&o, run, NULL, type, "type", ret_err);
    if (rc == 0)
        rc = run_page(run, 20, &limit, &offset, ret_err);
    if (rc == 0)
        rc = objects_keep(run, &o, ret_err);
    if (rc == 0)
        rc = objects_rows(run->state, run, &q, waiting, ret_err);
    if (rc == 0) {
        int number = objects_find(&o, type);
        snprintf(wanted, sizeof wanted,
                 "arrayMap(_o -> _o.2, arrayFilter(_o -> _o.1 = %d, _objects))", number);
        snprintf(cases, sizeof cases,
                 "arrayMap(_o -> sipHash64(_o), arrayFilter(_o -> _o.1 != %d, _objects))", number);
        if (waiting != NULL)
            snprintf(cases, sizeof cases, "if(_case = '', emptyArrayUInt64(), [sipHash64(_case)])");
        query_set_integer(&q, "limit", limit);
        query_set_integer(&q, "offset", offset);
        rc = objects_query(
            run->state, run, &q, &sql_object_contention,
            (const struct query_fragment[]){{"wanted", wanted}, {"cases", cases}, {0}},
            (size_t)limit + 1, ret_err);
    }
    query_done(&q);
    return rc;
}

static void write_finding(struct run *run, const json_t *row, json_int_t count)
{
    char cases[48], times[48], median[64], all[64];
    const json_t *seconds = json_array_get(row, 3);
    buf_printf(
        &run->text,
        "The queue is longest for %.100s %.100s: %s waited %s while it served others, median "
        "%s, %s in all.",
        json_get_string(run->arguments, "type", ""), json_at_string(row, 0),
        text_things(cases, sizeof cases, json_at_number(row, 1),
                    case_of(run) != NULL ? "case" : "object"),
        text_things(times, sizeof times, json_at_number(row, 2), "time"),
        text_duration(median, sizeof median, json_at_number(seconds, 0)),
        text_duration(all, sizeof all, json_at_number(row, 4)));
    if (count > 1)
        buf_printf(&run->text, " %s of the type were waited for.",
                   text_things(cases, sizeof cases, (double)count, "object"));
    buf_putc(&run->text, '\n');
}

static json_t *object_item(const struct run *run, const json_t *row)
{
    const json_t *seconds = json_array_get(row, 3);
    return json_pack("{s:O, s:O, s:f, s:f, s:o}", "object", json_array_get(row, 0), "waiting_cases",
                     json_array_get(row, 1), "wait_median_s", json_at_number(seconds, 0),
                     "wait_p95_s", json_at_number(seconds, 1), "busiest_at",
                     run_time(run, json_at_integer(row, 5)));
}

static void write_objects(struct run *run, const json_t *objects)
{
    const json_t *item;
    size_t i, shown = 0;
    text_table(&run->text, (const char *const[]){"object", "waiting", "median wait", "p95",
                                                 "busiest at", NULL});
    json_array_foreach (objects, i, item) {
        char cases[32], median[64], p95[64];
        if (shown == SHOWN)
            break;
        shown++;
        text_row(
            &run->text,
            (const char *const[]){
                json_get_string(item, "object", ""),
                text_count(cases, sizeof cases, json_get_number(item, "waiting_cases", 0)),
                text_duration(median, sizeof median, json_get_number(item, "wait_median_s", 0)),
                text_duration(p95, sizeof p95, json_get_number(item, "wait_p95_s", 0)),
                json_get_string(item, "busiest_at", "")},
            5);
    }
    text_more(&run->text, json_array_size(objects), shown);
}

static int shape(struct run *run, struct err *ret_err)
{
    const json_t *rows = run_rows(run, 0), *row;
    json_t *objects = json_array();
    int64_t limit = 20, offset = 0;
    size_t i;
    int rc = run_page(run, 20, &limit, &offset, ret_err);
    json_array_foreach (rows, i, row)
        json_array_append_new(objects, object_item(run, row));
    json_object_set_new(run->result, "objects", objects);
    if (json_array_size(rows) == 0) {
        buf_printf(&run->text,
                   "Nothing waited for an object of type '%.100s' while it served others.\n",
                   json_get_string(run->arguments, "type", ""));
        return rc;
    }
    const json_t *first = json_array_get(rows, 0);
    json_int_t count = json_at_integer(first, 6);
    write_finding(run, first, count);
    write_objects(run, objects);
    if (count > offset + (json_int_t)json_array_size(objects))
        run_set_cursor(run, offset + (int64_t)json_array_size(objects));
    run_suggest(run, "object_map",
                json_pack("{s:s, s:s}", "source", run->source->name, "type",
                          json_get_string(run->arguments, "type", "")),
                "what these objects go through");
    return rc;
}

static const struct step steps[] = {{plan, shape}, {0}};

const struct tool tool_object_contention = {
    .name = "object_contention",
    .title = "Object contention",
    .description = "Which shared objects (trucks, rooms, clerks) others queue for: who waited "
                   "while the object served somebody else, how long, and when it was worst.",
    .toolset = "process",
    .flags = TOOL_WHOLE_PERIOD,
    .params = params,
    .fields = fields,
    .steps = steps,
};
