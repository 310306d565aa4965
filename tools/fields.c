#include "fields.h"

#include <stdio.h>
#include <string.h>

#include "events.h"
#include "sql_text.h"
#include "json.h"

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

void fields_container_pairs(const struct source *s, const struct place *p, struct buf *out)
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
        fields_container_pairs(s, &s->properties[i], out);
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
        const char *name = json_at_string(names, i);
        buf_puts(out, ", [(");
        query_bind_text(q, out, name);
        buf_puts(out, ", toString(");
        source_text(s, q, name, out, NULL);
        buf_puts(out, "))]");
    }
    for (size_t i = 0; i < s->property_count; i++) {
        bool is_actor = (int)i == s->actor_properties;
        buf_puts(out, is_actor ? ", arrayMap(x -> ('actor.' || x.1, x.2), " : ", ");
        fields_container_pairs(s, &s->properties[i], out);
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
            all = json_at_integer(json_array_get(rows, i), 1);
    for (size_t i = 0; i < json_array_size(rows) && json_array_size(names) < FIELDS_MAX; i++) {
        const json_t *row = json_array_get(rows, i);
        json_t *name = json_array_get(row, 0);
        bool is_everywhere = json_at_integer(row, 1) == all;
        bool is_constant = json_at_integer(row, 2) < 2;
        if (json_string_length(name) > 0 && !(is_constant && is_everywhere))
            json_array_append(names, name);
    }
    return names;
}

/* --- the values of chosen fields ---------------------------------------------------------------
 */

static bool is_key(const struct source_key *keys, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i].name, name) == 0)
            return true;
    return false;
}

/* Whether source_text() looks a name up in the containers alone. */
static bool is_bare(const struct source *s, const char *name)
{
    static const char *const others[] = {"hour", "weekday", "case", NULL};
    static const char *const prefixes[] = {"actor.", "event.", "session.", "resource.", NULL};
    for (int i = 0; i < SOURCE_FIELDS; i++)
        if (strcmp(name, source_field_names[i]) == 0)
            return false;
    for (const char *const *other = others; *other != NULL; other++)
        if (strcmp(name, *other) == 0)
            return false;
    for (const char *const *prefix = prefixes; *prefix != NULL; prefix++)
        if (strncmp(name, *prefix, strlen(*prefix)) == 0)
            return false;
    return !is_key(s->cases, s->case_count, name) && !is_key(s->objects, s->object_count, name) &&
           json_object_get(s->columns, name) == NULL;
}

/* Maps are walked through once for all names; of the keys of other containers a path says more. */
static bool has_maps_alone(const struct source *s)
{
    for (size_t i = 0; i < s->property_count; i++)
        if (s->properties[i].kind != PLACE_MAP)
            return false;
    return s->property_count > 0;
}

/* (number, value) of the keys of all maps that are asked for; of one in several maps the first that
 * is not empty counts. */
static void add_walk(struct events *e, const json_t *names, const char *numbers)
{
    struct buf pairs = {0}, bound = {0};
    fields_pairs(e->run->source, &pairs);
    query_bind_texts(e->q, &bound, names);
    events_column(e, "_walk",
                  "arrayFilter(x -> x.1 > 0 AND x.2 != '', arrayMap(x -> (transform(x.1, %s, %s, "
                  "toUInt16(0)), x.2), %s))",
                  buf_text(&bound), numbers, buf_text(&pairs));
    buf_done(&pairs);
    buf_done(&bound);
}

int fields_values(struct events *e, const json_t *names, const char *path, struct err *ret_err)
{
    bool is_walked = has_maps_alone(e->run->source);
    struct buf numbers = {0}, list = {0};
    json_t *walked = json_array();
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(names); i++) {
        const char *name = json_at_string(names, i);
        if (is_walked && is_bare(e->run->source, name)) {
            json_array_append_new(walked, json_string(name));
            buf_printf(&numbers, "%stoUInt16(%zu)", numbers.len > 0 ? ", " : "[", i + 1);
            continue;
        }
        char column[24], at[64];
        snprintf(column, sizeof column, "_f%zu", i);
        snprintf(at, sizeof at, "%s[%zu]", path, i);
        rc = events_field(e, column, name, at, ret_err);
        buf_printf(&list, ", (toUInt16(%zu), %s)", i + 1, column);
    }
    buf_puts(&numbers, "]");
    if (json_array_size(walked) > 0)
        add_walk(e, walked, buf_text(&numbers));
    events_column(
        e, "_fields", "arrayConcat(%s, arrayFilter(x -> x.2 != '', [(toUInt16(0), '')%s]))",
        json_array_size(walked) > 0
            ? "arrayFilter((x, i) -> i = 1, _walk, arrayEnumerateUniq(arrayMap(x -> x.1, _walk)))"
            : "CAST([], 'Array(Tuple(UInt16, String))')",
        buf_text(&list));
    json_decref(walked);
    buf_done(&numbers);
    buf_done(&list);
    return rc;
}
