#include <stdio.h>
#include <string.h>

#include "args.h"
#include "json.h"
#include "objects.h"
#include "sql_text.h"
#include "text.h"

/* Activities beyond these, and rows of a list beyond so many, stay out; the result says so. */
enum { ACTIVITIES_MAX = 2000, DIVERGENCE_MAX = 500, SHOWN = 12 };

static const struct param params[] = {
    {.name = "object_fields",
     .is_list = true,
     .max_items = OBJECTS_TYPES_MAX,
     .role = "field",
     .description = "Object types, or fields that hold ids; default: the source's object types."},
    ARG_PERIOD,
    ARG_SCOPE,
    ARG_OUTPUT,
    {0},
};

static const struct field type_fields[] = {
    {"type", "Object type.", VALUE_STRING},
    {"objects", "Distinct objects.", VALUE_INTEGER},
    {"relations", "Events and objects of the type that belong together, as pairs.", VALUE_INTEGER},
    {"events", "Events with at least one.", VALUE_INTEGER},
    {0},
};

static const struct field activity_fields[] = {
    {"activity", "Event name.", VALUE_STRING},
    {"type", "Object type.", VALUE_STRING},
    {"events", "Events of the activity.", VALUE_INTEGER},
    {"events_with", "Those with at least one object of the type.", VALUE_INTEGER},
    {"min", "Fewest objects of the type in one event.", VALUE_INTEGER},
    {"max", "Most.", VALUE_INTEGER},
    {"mean", "On average, events without one included.", VALUE_NUMBER},
    {0},
};

static const struct field convergence_fields[] = {
    {"activity", "Event name.", VALUE_STRING},
    {"type", "Object type.", VALUE_STRING},
    {"events", "Events with more than one object of the type.", VALUE_INTEGER},
    {0},
};

static const struct field divergence_fields[] = {
    {"activity", "Event name.", VALUE_STRING},
    {"type", "Object type.", VALUE_STRING},
    {"objects", "Objects that have the activity more than once.", VALUE_INTEGER},
    {0},
};

static const struct field fields[] = {
    {"objects", "Distinct objects of all types.", VALUE_INTEGER},
    {"relations", "Pairs of an event and an object.", VALUE_INTEGER},
    {"types", "In name order.", VALUE_OBJECT, .is_list = true, .fields = type_fields},
    {"activity_objects", "How many objects events have, where they have any.", VALUE_OBJECT,
     .is_list = true, .fields = activity_fields},
    {"convergence",
     "Where one event stands for several objects: counted by the object it is "
     "counted several times.",
     VALUE_OBJECT, .is_list = true, .fields = convergence_fields},
    {"divergence", "Where one object has an activity several times, as parts of it may.",
     VALUE_OBJECT, .is_list = true, .fields = divergence_fields},
    {0},
};

/* Adds a query of at most `max_rows` rows, one more of which tells that there are more. */
static int add_query(struct run *run, const struct sql_text *text, size_t max_rows,
                     struct err *ret_err)
{
    struct objects *o = run->state;
    struct query q;
    query_init(&q);
    int rc = objects_rows(o, run, &q, NULL, ret_err);
    if (text == &sql_object_activities)
        query_set_integer(&q, "types", (int64_t)o->count);
    if (text != &sql_object_counts)
        query_set_integer(&q, "limit", (int64_t)max_rows + 1);
    if (rc == 0)
        rc = objects_query(o, run, &q, text, NULL, max_rows, ret_err);
    query_done(&q);
    return rc;
}

static int plan(struct run *run, struct err *ret_err)
{
    struct objects o;
    int rc = objects_init(&o, run, json_object_get(run->arguments, "object_fields"), NULL,
                          "object_fields", ret_err);
    if (rc == 0)
        rc = objects_keep(run, &o, ret_err);
    if (rc == 0)
        rc = add_query(run, &sql_object_activities, ACTIVITIES_MAX, ret_err);
    return rc < 0 ? rc : add_query(run, &sql_object_counts, OBJECTS_TYPES_MAX, ret_err);
}

/* The only query of its round, as memory is what it takes. */
static int plan_divergence(struct run *run, struct err *ret_err)
{
    return add_query(run, &sql_object_divergence, DIVERGENCE_MAX, ret_err);
}

/* --- shape ----------------------------------------------------------------------------------- */

struct sums {
    json_int_t relations, events, objects;
};

/* Item `type` of list `column` of a row of object_activities.sql. */
static json_int_t at(const json_t *row, size_t column, size_t type)
{
    return json_at_integer(json_array_get(row, column), type);
}

static void add_activity(const struct objects *o, const json_t *row, size_t type,
                         json_t *activities, json_t *convergence)
{
    const json_t *event = json_array_get(row, 0);
    json_int_t events = json_at_integer(row, 1), several = at(row, 6, type);
    if (at(row, 3, type) == 0)
        return;
    json_array_append_new(activities, json_pack("{s:O, s:s, s:I, s:I, s:I, s:I, s:f}", "activity",
                                                event, "type", o->types[type], "events", events,
                                                "events_with", at(row, 3, type), "min",
                                                at(row, 4, type), "max", at(row, 5, type), "mean",
                                                (double)at(row, 2, type) / (double)events));
    if (several > 0)
        json_array_append_new(convergence, json_pack("{s:O, s:s, s:I}", "activity", event, "type",
                                                     o->types[type], "events", several));
}

static void read_activities(struct run *run, struct sums *sums)
{
    const struct objects *o = run->state;
    json_t *activities = json_array(), *convergence = json_array(), *row;
    size_t i;
    json_array_foreach ((json_t *)run_rows(run, 0), i, row) {
        for (size_t type = 0; type < o->count; type++) {
            sums[type].relations += at(row, 2, type);
            sums[type].events += at(row, 3, type);
            add_activity(o, row, type, activities, convergence);
        }
    }
    json_object_set_new(run->result, "activity_objects", activities);
    json_object_set_new(run->result, "convergence", convergence);
}

static void read_types(struct run *run, struct sums *sums)
{
    const struct objects *o = run->state;
    json_t *types = json_array(), *row;
    struct sums all = {0};
    size_t i;
    json_array_foreach ((json_t *)run_rows(run, 1), i, row)
        sums[json_at_integer(row, 0)].objects = json_at_integer(row, 1);
    for (size_t type = 0; type < o->count; type++) {
        json_array_append_new(types, json_pack("{s:s, s:I, s:I, s:I}", "type", o->types[type],
                                               "objects", sums[type].objects, "relations",
                                               sums[type].relations, "events", sums[type].events));
        all.objects += sums[type].objects;
        all.relations += sums[type].relations;
    }
    json_object_set_new(run->result, "objects", json_integer(all.objects));
    json_object_set_new(run->result, "relations", json_integer(all.relations));
    json_object_set_new(run->result, "types", types);
}

static int shape_types(struct run *run, struct err *ret_err)
{
    struct sums sums[OBJECTS_TYPES_MAX] = {{0}};
    (void)ret_err;
    read_activities(run, sums);
    read_types(run, sums);
    if (run_rows_truncated(run, 0))
        run_truncated(run, "activities", ACTIVITIES_MAX, "use filters");
    return 0;
}

static void read_divergence(struct run *run)
{
    const struct objects *o = run->state;
    json_t *divergence = json_array(), *row;
    size_t i;
    json_array_foreach ((json_t *)run_rows(run, 0), i, row)
        json_array_append_new(divergence,
                              json_pack("{s:O, s:s, s:O}", "activity", json_array_get(row, 1),
                                        "type", o->types[json_at_integer(row, 0)], "objects",
                                        json_array_get(row, 2)));
    json_object_set_new(run->result, "divergence", divergence);
}

/* The item of a list whose member is largest, or NULL. */
static const json_t *largest(const json_t *list, const char *member)
{
    const json_t *best = NULL, *item;
    size_t i;
    json_array_foreach (list, i, item)
        if (best == NULL || json_get_integer(item, member, 0) > json_get_integer(best, member, 0))
            best = item;
    return best;
}

static void write_finding(struct run *run)
{
    char objects[48], relations[48], types[48], some[48];
    const json_t *result = run->result;
    const json_t *converging = largest(json_object_get(result, "convergence"), "events");
    const json_t *diverging = largest(json_object_get(result, "divergence"), "objects");
    buf_printf(&run->text, "%s of %s in %s.",
               text_things(objects, sizeof objects, (double)json_get_integer(result, "objects", 0),
                           "object"),
               text_things(types, sizeof types,
                           (double)json_array_size(json_object_get(result, "types")), "type"),
               text_things(relations, sizeof relations,
                           (double)json_get_integer(result, "relations", 0), "relation"));
    if (converging != NULL) {
        double events = (double)json_get_integer(converging, "events", 0);
        buf_printf(&run->text,
                   " %s of '%.100s' %s several objects of type %.100s, and %s once for each.",
                   text_things(some, sizeof some, events, "event"),
                   json_get_string(converging, "activity", ""), text_verb(events, "has", "have"),
                   json_get_string(converging, "type", ""), text_verb(events, "counts", "count"));
    }
    if (diverging != NULL)
        buf_printf(&run->text, " %s of type %.100s %s '%.100s' more than once.",
                   text_things(some, sizeof some, (double)json_get_integer(diverging, "objects", 0),
                               "object"),
                   json_get_string(diverging, "type", ""),
                   text_verb((double)json_get_integer(diverging, "objects", 0), "has", "have"),
                   json_get_string(diverging, "activity", ""));
    buf_putc(&run->text, '\n');
}

static void write_types(struct run *run)
{
    const json_t *item;
    size_t i;
    text_table(&run->text, (const char *const[]){"type", "objects", "relations", "events", NULL});
    json_array_foreach (json_object_get(run->result, "types"), i, item) {
        static const char *const members[] = {"objects", "relations", "events"};
        char counts[3][32];
        const char *cells[4] = {json_get_string(item, "type", "")};
        for (int k = 0; k < 3; k++)
            cells[k + 1] = text_count(counts[k], sizeof counts[k],
                                      (double)json_get_integer(item, members[k], 0));
        text_row(&run->text, cells, 4);
    }
}

static void write_activities(struct run *run)
{
    const json_t *list = json_object_get(run->result, "activity_objects"), *item;
    bool is_long = strcmp(json_get_string(run->arguments, "format", "concise"), "detailed") == 0;
    size_t i, shown = 0;
    text_table(&run->text, (const char *const[]){"activity", "type", "events", "with one", "fewest",
                                                 "most", "mean", NULL});
    json_array_foreach (list, i, item) {
        char events[32], with[32], min[32], max[32], mean[32];
        if (!is_long && shown == SHOWN)
            break;
        shown++;
        text_row(&run->text,
                 (const char *const[]){
                     json_get_string(item, "activity", ""), json_get_string(item, "type", ""),
                     text_count(events, sizeof events, json_get_number(item, "events", 0)),
                     text_count(with, sizeof with, json_get_number(item, "events_with", 0)),
                     text_count(min, sizeof min, json_get_number(item, "min", 0)),
                     text_count(max, sizeof max, json_get_number(item, "max", 0)),
                     text_number(mean, sizeof mean, json_get_number(item, "mean", 0))},
                 7);
    }
    text_more(&run->text, json_array_size(list), shown);
}

static int shape(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    read_divergence(run);
    if (run_rows_truncated(run, 0))
        run_truncated(run, "divergence", DIVERGENCE_MAX, "ask for fewer object_fields");
    if (json_get_integer(run->result, "objects", 0) == 0) {
        objects_shape_none(run, run->state);
        return 0;
    }
    write_finding(run);
    write_types(run);
    write_activities(run);
    run_suggest(run, "object_map", json_pack("{s:s}", "source", run->source->name),
                "what the objects of each type go through, and how they are tied");
    return 0;
}

static const struct step steps[] = {{plan, shape_types}, {plan_divergence, shape}, {0}};

const struct tool tool_object_summary = {
    .name = "object_summary",
    .title = "Object summary",
    .description = "Which objects (orders, items, trucks) the events are about: how many of each "
                   "type, how many in one event, and where counting by one type counts twice.",
    .toolset = "process",
    .flags = TOOL_WHOLE_PERIOD,
    .params = params,
    .fields = fields,
    .tables = (const char *const[]){"activity_objects", NULL},
    .steps = steps,
};
