#include "fields.h"

#include "events.h"
#include "sql_text.h"

enum { SAMPLE_ROWS = 1000000, MAX_ROWS = 1000 };

/* --- pairs ----------------------------------------------------------------------------------- */

/* Every (path, value) of a JSON column; older engines walk to each value of its text. */
static void json_pairs(const struct source *s, const char *column, struct buf *out)
{
    if (s->has_json_values)
        buf_printf(out, "arrayZip(JSONAllPaths(%s), JSONAllValues(%s))", column, column);
    else
        buf_printf(out,
                   "arrayMap((p, x) -> (p, if(startsWith(x, '\"'), JSONExtractString(x), x)), "
                   "JSONAllPaths(%s), "
                   "arrayMap((p, j) -> arrayFold((x, k) -> JSONExtractRaw(x, k), "
                   "splitByChar('.', p), j), JSONAllPaths(%s), "
                   "arrayWithConstant(length(JSONAllPaths(%s)), toJSONString(%s))))",
                   column, column, column, column);
}

static void container_pairs(const struct source *s, const struct place *p, struct buf *out)
{
    struct buf column = {0};
    sql_identifier(&column, p->column);
    const char *c = buf_text(&column);
    if (p->kind == PLACE_MAP)
        buf_printf(out,
                   "arrayMap((k, v) -> (toString(k), toString(v)), mapKeys(%s), mapValues(%s))", c,
                   c);
    else if (p->kind == PLACE_JSON)
        json_pairs(s, c, out);
    else
        buf_printf(out, "JSONExtractKeysAndValues(%s, 'String')", c);
    buf_done(&column);
}

bool fields_pairs(const struct source *s, struct buf *out)
{
    for (size_t i = 0; i < s->property_count; i++) {
        buf_puts(out, i == 0 ? "arrayConcat(" : ", ");
        container_pairs(s, &s->properties[i], out);
    }
    buf_puts(out, s->property_count > 0 ? ")" : "");
    return s->property_count > 0;
}

/* --- useful fields --------------------------------------------------------------------------- */

/* The fields of the mapping that groups may differ by, and a table's plain columns where these are
 * the properties. New reference. */
static json_t *column_names(const struct source *s)
{
    static const enum source_field mapped[] = {SOURCE_SERVICE, SOURCE_STATUS, SOURCE_RESOURCE,
                                               SOURCE_URL};
    json_t *names = json_array();
    for (size_t i = 0; i < sizeof mapped / sizeof mapped[0]; i++)
        if (s->fields[mapped[i]].count > 0)
            json_array_append_new(names, json_string(source_field_names[mapped[i]]));
    const char *column;
    json_t *type;
    if (s->property_count == 0)
        json_object_foreach (s->columns, column, type)
            if (source_is_plain_column(s, column))
                json_array_append_new(names, json_string(column));
    return names;
}

/* Names as source_text() takes them; of properties that rows carry for their actor the last value
 * counts. */
static void useful_pairs(const struct source *s, struct query *q, struct buf *out)
{
    json_t *names = column_names(s);
    buf_puts(out, "arrayConcat(CAST([], 'Array(Tuple(String, String))')");
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        buf_puts(out, ", [(");
        query_bind_text(q, out, name);
        buf_puts(out, ", toString(");
        source_text(s, q, name, out, NULL);
        buf_puts(out, "))]");
    }
    for (size_t i = 0; i < s->property_count; i++) {
        bool is_actor = (int)i == s->actor_properties;
        buf_puts(out, is_actor ? ", arrayMap(x -> ('actor.' || x.1, x.2), " : ", ");
        container_pairs(s, &s->properties[i], out);
        buf_puts(out, is_actor ? ")" : "");
    }
    buf_putc(out, ')');
    json_decref(names);
}

int fields_plan_useful(struct run *run, struct err *ret_err)
{
    struct query q;
    struct events e;
    struct buf pairs = {0}, rows = {0};
    query_init(&q);
    query_set_integer(&q, "sample", SAMPLE_ROWS);
    query_set_integer(&q, "limit", MAX_ROWS);
    int rc = events_begin(&e, run, &q, run->period.from_us, run->period.to_us, ret_err);
    if (rc == 0) {
        useful_pairs(run->source, &q, &pairs);
        events_column(&e, "_pairs", "%s", buf_text(&pairs));
        events_end(&e, &rows);
        rc = run_query(run, &q, &sql_useful_fields,
                       (const struct query_fragment[]){{"rows", buf_text(&rows)}, {0}}, MAX_ROWS,
                       ret_err);
    }
    buf_done(&pairs);
    buf_done(&rows);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

json_t *fields_useful(const json_t *rows)
{
    json_t *names = json_array();
    json_int_t all = 0;
    json_array_append_new(names, json_string("event"));
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (json_string_length(json_array_get(json_array_get(rows, i), 0)) == 0)
            all = json_integer_value(json_array_get(json_array_get(rows, i), 1));
    for (size_t i = 0; i < json_array_size(rows) && json_array_size(names) < FIELDS_MAX; i++) {
        const json_t *row = json_array_get(rows, i);
        json_t *name = json_array_get(row, 0);
        bool is_everywhere = json_integer_value(json_array_get(row, 1)) == all;
        bool is_constant = json_integer_value(json_array_get(row, 2)) < 2;
        if (json_string_length(name) > 0 && !(is_constant && is_everywhere))
            json_array_append(names, name);
    }
    return names;
}
