#include <stdio.h>
#include <string.h>

#include "args.h"
#include "cell.h"
#include "json.h"
#include "object_map.h"
#include "objects.h"
#include "sql_text.h"
#include "text.h"

/* Per type; what lies beyond stays out, and the result says so. */
enum { VARIANTS = 10, ACTIVITIES_MAX = 200, EDGES_MAX = 200, ROWS_MAX = 20000 };
enum { EDGE, START, END, SEQUENCE }; /* kinds of object_lives.sql */

static const struct param params[] = {
    {.name = "type",
     .role = "field",
     .description = "Only this object type, or field that holds ids; default: all types."},
    ARG_PERIOD,
    ARG_SCOPE,
    ARG_OUTPUT,
    {0},
};

static const struct field variant_fields[] = {
    {"activities", "What they go through, in order; the first 200.", VALUE_STRING, .is_list = true},
    {"length", "Activities in all.", VALUE_INTEGER},
    {"objects", "Objects that go so.", VALUE_INTEGER},
    {"share", "Of the type's objects.", VALUE_NUMBER},
    {"example", "One of them.", VALUE_STRING},
    {0},
};

static const struct field edge_fields[] = {
    {"from", "Activity.", VALUE_STRING},
    {"to", "What directly follows in the life of an object.", VALUE_STRING},
    {"count", "How often.", VALUE_INTEGER},
    {0},
};

static const struct field end_fields[] = {
    {"activity", "Event name.", VALUE_STRING},
    {"objects", "Objects that begin, or end, with it.", VALUE_INTEGER},
    {0},
};

static const struct field type_fields[] = {
    {"type", "Object type.", VALUE_STRING},
    {"objects", "Objects with at least one event.", VALUE_INTEGER},
    {"distinct_variants", "Different sequences of activities.", VALUE_INTEGER},
    {"variants", "The 10 most frequent.", VALUE_OBJECT, .is_list = true, .fields = variant_fields},
    {"edges", "Most frequent first.", VALUE_OBJECT, .is_list = true, .fields = edge_fields},
    {"starts", "First activities.", VALUE_OBJECT, .is_list = true, .fields = end_fields},
    {"ends", "Last activities.", VALUE_OBJECT, .is_list = true, .fields = end_fields},
    {0},
};

static const struct field interaction_fields[] = {
    {"a", "Object type.", VALUE_STRING},
    {"b", "Object type, the same or a later one by name.", VALUE_STRING},
    {"count", "Pairs of distinct objects that share at least one event.", VALUE_INTEGER},
    {0},
};

static const struct field handoff_fields[] = {
    {"from", "Object type.", VALUE_STRING},
    {"to", "Type of the object that begins in an event with an older one of type from.",
     VALUE_STRING},
    {"count", "How often.", VALUE_INTEGER},
    {"median_s", "Seconds since the older object's last event before.", VALUE_NUMBER},
    {"p95_s", "Its 95th percentile.", VALUE_NUMBER},
    {0},
};

static const struct field fields[] = {
    {"types", "In name order.", VALUE_OBJECT, .is_list = true, .fields = type_fields},
    {"interactions", "How objects are tied.", VALUE_OBJECT, .is_list = true,
     .fields = interaction_fields},
    {"handoffs", "How work passes between types.", VALUE_OBJECT, .is_list = true,
     .fields = handoff_fields},
    {0},
};

/* --- plan ------------------------------------------------------------------------------------ */

/* For each type the first that has the same objects: its own number, unless it is a category of
 * events whose ids another one has too. */
static json_t *families(const struct run *run, const struct objects *o)
{
    json_t *list = json_array();
    for (size_t i = 0; i < o->count; i++) {
        size_t first = 0;
        while (first < i && !source_is_same_object(run->source, o->types[i], o->types[first]))
            first++;
        char number[16];
        snprintf(number, sizeof number, "%zu", first);
        json_array_append_new(list, json_string(number));
    }
    return list;
}

static void bind_families(const struct run *run, const struct objects *o, struct query *q)
{
    json_t *list = families(run, o);
    query_set_texts(q, "families", list);
    json_decref(list);
}

/* One query for what each type goes through, as the lives of all objects are most of the work. */
static int plan(struct run *run, struct err *ret_err)
{
    const char *type = json_get_string(run->arguments, "type", NULL);
    struct objects o;
    struct query q;
    int rc = objects_init(&o, run, NULL, type, "type", ret_err);
    if (rc == 0)
        rc = objects_keep(run, &o, ret_err);
    if (rc < 0)
        return rc;
    query_init(&q);
    query_set_integer(&q, "only", type != NULL ? objects_find(&o, type) : -1);
    query_set_integer(&q, "activities", ACTIVITIES_MAX);
    query_set_integer(&q, "variants", VARIANTS);
    query_set_integer(&q, "edges", EDGES_MAX);
    query_set_integer(&q, "limit", ROWS_MAX + 1);
    rc = objects_rows(run->state, run, &q, NULL, ret_err);
    if (rc == 0)
        rc = objects_query(run->state, run, &q, &sql_object_lives, NULL, ROWS_MAX, ret_err);
    query_done(&q);
    return rc;
}

/* The only query of its round, as memory is what these take. */
static int plan_pairs(struct run *run, const struct sql_text *text, struct err *ret_err)
{
    struct query q;
    query_init(&q);
    query_set_integer(&q, "most", OBJECTS_PAIRED_MAX);
    if (text == &sql_object_handoffs)
        bind_families(run, run->state, &q);
    int rc = objects_rows(run->state, run, &q, NULL, ret_err);
    if (rc == 0)
        rc = objects_query(run->state, run, &q, text, NULL, ROWS_MAX, ret_err);
    query_done(&q);
    return rc;
}

static int plan_interactions(struct run *run, struct err *ret_err)
{
    return plan_pairs(run, &sql_object_interactions, ret_err);
}

static int plan_handoffs(struct run *run, struct err *ret_err)
{
    return plan_pairs(run, &sql_object_handoffs, ret_err);
}

/* --- shape ----------------------------------------------------------------------------------- */

static json_t *new_type(const char *name)
{
    return json_pack("{s:s, s:i, s:i, s:[], s:[], s:[], s:[]}", "type", name, "objects", 0,
                     "distinct_variants", 0, "variants", "edges", "starts", "ends");
}

static void add_variant(json_t *item, const json_t *row)
{
    const json_t *count = json_array_get(row, 6), *all = json_array_get(row, 7);
    json_object_set(item, "objects", json_array_get(row, 7));
    json_object_set(item, "distinct_variants", json_array_get(row, 8));
    json_array_append_new(json_object_get(item, "variants"),
                          json_pack("{s:O, s:O, s:O, s:f, s:O}", "length", json_array_get(row, 5),
                                    "activities", json_array_get(row, 4), "objects", count, "share",
                                    json_number_value(count) / json_number_value(all), "example",
                                    json_array_get(row, 9)));
}

/* Returns how many rows of its list were left out, if it is the last one that is not. */
static json_int_t add_edge(json_t *item, json_int_t kind, const json_t *row)
{
    static const char *const lists[] = {[EDGE] = "edges", [START] = "starts", [END] = "ends"};
    json_t *list = json_object_get(item, lists[kind]), *count = json_array_get(row, 6);
    json_array_append_new(list, kind == EDGE
                                    ? json_pack("{s:O, s:O, s:O}", "from", json_array_get(row, 2),
                                                "to", json_array_get(row, 3), "count", count)
                                    : json_pack("{s:O, s:O}", "activity",
                                                json_array_get(row, kind == START ? 3 : 2),
                                                "objects", count));
    json_int_t all = json_at_integer(row, 8);
    return json_array_size(list) == EDGES_MAX ? all - EDGES_MAX : 0;
}

/* Returns how many rows of edges, starts and ends were left out. */
static json_int_t read_lives(struct run *run, json_t *types)
{
    json_int_t left_out = 0;
    const json_t *row;
    size_t i;
    json_array_foreach (run_rows(run, 0), i, row) {
        json_t *item = json_array_get(types, (size_t)json_at_integer(row, 0));
        json_int_t kind = json_at_integer(row, 1);
        if (kind == SEQUENCE)
            add_variant(item, row);
        else
            left_out += add_edge(item, kind, row);
    }
    return left_out;
}

/* Whether a row between two types is asked for. */
static bool is_wanted(const struct run *run, const char *a, const char *b)
{
    const char *type = json_get_string(run->arguments, "type", NULL);
    return type == NULL || strcmp(type, a) == 0 || strcmp(type, b) == 0;
}

static const char *type_of(const struct objects *o, const json_t *row, size_t i)
{
    return o->types[json_at_integer(row, i)];
}

static void warn_crowds(struct run *run, json_int_t events)
{
    char some[48];
    if (events > 0)
        run_warn(run, "%s with more than %d objects: these are not paired with one another",
                 text_things(some, sizeof some, (double)events, "event"), OBJECTS_PAIRED_MAX);
}

static int shape_interactions(struct run *run, struct err *ret_err)
{
    const struct objects *o = run->state;
    json_t *interactions = json_array();
    const json_t *row;
    size_t i;
    (void)ret_err;
    json_array_foreach (run_rows(run, 0), i, row) {
        if (json_at_integer(row, 0) < 0) {
            warn_crowds(run, json_at_integer(row, 2));
            continue;
        }
        const char *a = type_of(o, row, 0), *b = type_of(o, row, 1);
        if (is_wanted(run, a, b))
            json_array_append_new(interactions, json_pack("{s:s, s:s, s:O}", "a", a, "b", b,
                                                          "count", json_array_get(row, 2)));
    }
    json_object_set_new(run->result, "interactions", interactions);
    return 0;
}

static void read_handoffs(struct run *run)
{
    const struct objects *o = run->state;
    json_t *handoffs = json_array();
    const json_t *row;
    size_t i;
    json_array_foreach (run_rows(run, 0), i, row) {
        const char *from = type_of(o, row, 0), *to = type_of(o, row, 1);
        const json_t *seconds = json_array_get(row, 3);
        if (is_wanted(run, from, to))
            json_array_append_new(handoffs, json_pack("{s:s, s:s, s:O, s:f, s:f}", "from", from,
                                                      "to", to, "count", json_array_get(row, 2),
                                                      "median_s", json_at_number(seconds, 0),
                                                      "p95_s", json_at_number(seconds, 1)));
    }
    json_object_set_new(run->result, "handoffs", handoffs);
}

static int shape_lives(struct run *run, struct err *ret_err)
{
    const struct objects *o = run->state;
    const char *only = json_get_string(run->arguments, "type", NULL);
    json_t *all = json_array(), *types = json_array();
    (void)ret_err;
    for (size_t i = 0; i < o->count; i++)
        json_array_append_new(all, new_type(o->types[i]));
    json_int_t left_out = read_lives(run, all);
    for (size_t i = 0; i < o->count; i++)
        if (only == NULL || strcmp(o->types[i], only) == 0)
            json_array_append(types, json_array_get(all, i));
    json_decref(all);
    if (left_out > 0 || run_rows_truncated(run, 0))
        run_truncated(run, "edges", EDGES_MAX, "ask for one type, or use filters");
    json_object_set_new(run->result, "types", types);
    return 0;
}

static int shape(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    const json_t *types = json_object_get(run->result, "types"), *item;
    size_t i, empty = 0;
    read_handoffs(run);
    json_array_foreach (types, i, item)
        empty += json_get_integer(item, "objects", 0) == 0;
    if (empty == json_array_size(types)) {
        objects_shape_none(run, run->state);
        return 0;
    }
    object_map_write(run);
    return 0;
}

/* --- who stands in a cell -------------------------------------------------------------------- */

/* Whether the map of the call can have it; without object types it may be any field. */
static bool is_mapped(const struct run *run, const char *type)
{
    const char *only = json_get_string(run->arguments, "type", NULL);
    if (only != NULL)
        return strcmp(type, only) == 0;
    for (size_t i = 0; i < run->source->object_count; i++)
        if (strcmp(type, run->source->objects[i].name) == 0)
            return true;
    return run->source->object_count == 0;
}

static int plan_actors(struct run *run, const json_t *cell, struct err *ret_err)
{
    const char *type = json_get_string(cell, "type", NULL);
    const char *from = json_get_string(cell, "from", NULL), *to = json_get_string(cell, "to", NULL);
    if (type == NULL || (from == NULL && to == NULL))
        return err_set(ret_err, ERR_ARGUMENT, "cell",
                       "expected {type, from, to} of an edge; {type, to}: those that begin with "
                       "it; {type, from}: those that end with it");
    if (!is_mapped(run, type))
        return err_set(ret_err, ERR_NOT_FOUND, "cell.type",
                       "the map has no object type '%.100s': see its types", type);
    struct objects o;
    struct query q;
    json_t *only = json_pack("[s]", type);
    query_init(&q);
    int rc = objects_init(&o, run, only, NULL, "cell.type", ret_err);
    if (rc == 0)
        rc = objects_rows(&o, run, &q, NULL, ret_err);
    query_set_integer(&q, "kind", from == NULL ? START : to == NULL ? END : EDGE);
    query_set_text(&q, "from", from != NULL ? from : "");
    query_set_text(&q, "to", to != NULL ? to : "");
    if (rc == 0)
        rc = cell_plan_actors(run, &q, &sql_object_actors,
                              (const struct query_fragment[]){{"rows", buf_text(&o.rows)}, {0}},
                              ret_err);
    query_done(&q);
    objects_done(&o);
    json_decref(only);
    return rc;
}

static const struct step steps[] = {
    {plan, shape_lives}, {plan_interactions, shape_interactions}, {plan_handoffs, shape}, {0}};

const struct tool tool_object_map = {
    .name = "object_map",
    .title = "Object map",
    .description = "What the objects of each type go through (variants, what follows what), how "
                   "objects of different types are tied, and how work passes between them.",
    .toolset = "process",
    .flags = TOOL_WHOLE_PERIOD,
    .params = params,
    .fields = fields,
    .tables = (const char *const[]){"types.edges", NULL},
    .steps = steps,
    .plan_actors = plan_actors,
};
