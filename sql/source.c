#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "place.h"
#include "source_join.h"
#include "json.h"

/* The names agents use for the logical fields; docs and mapping JSON use the same. */
const char *const source_field_names[SOURCE_FIELDS] = {
    [SOURCE_EVENT] = "event",           [SOURCE_ACTOR] = "actor",
    [SOURCE_SESSION] = "session",       [SOURCE_RESOURCE] = "resource",
    [SOURCE_SERVICE] = "service",       [SOURCE_STATUS] = "status",
    [SOURCE_DURATION] = "duration_ms",  [SOURCE_URL] = "url",
    [SOURCE_START_TIME] = "start_time",
};

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* --- places ------------------------------------------------------------------------------- */

static bool is_nullable(const char *type)
{
    return has_prefix(type, "Nullable(") || has_prefix(type, "LowCardinality(Nullable(");
}

/* A path of a JSON text column: 'a', 'b' bound one by one. */
static void json_path(struct query *q, struct buf *out, const char *column, const char *key)
{
    struct buf part = {0};
    sql_identifier(out, column);
    for (const char *s = key; *s != '\0';) {
        size_t len = strcspn(s, ".");
        buf_reset(&part);
        buf_add(&part, s, len);
        buf_puts(out, ", ");
        query_bind_text(q, out, buf_text(&part));
        s += len + (s[len] == '.' ? 1 : 0);
    }
    buf_done(&part);
}

/* The column that holds the values of one key of a Map, or NULL. */
static const char *copy_of(const struct place *p, const char *key)
{
    return json_string_value(json_object_get(p->copies, key));
}

static void map_item(const struct place *p, struct query *q, const char *key, struct buf *out)
{
    sql_identifier(out, p->column);
    buf_putc(out, '[');
    query_bind_text(q, out, key);
    buf_putc(out, ']');
}

/* An array as JSON, its items as texts; an empty one is missing. */
static void list_text(const struct place *p, struct buf *out)
{
    struct buf column = {0};
    sql_identifier(&column, p->column);
    buf_printf(
        out, "if(empty(%s), '', toJSONString(arrayMap(_i -> ifNull(toString(_i%s), ''), %s)))",
        buf_text(&column), strstr(p->type, "DateTime") != NULL ? ", 'UTC'" : "", buf_text(&column));
    buf_done(&column);
}

/* A path of a JSON column. A missing one casts to '', as a missing key of a Map does; a list is
 * written as JSON, which a text that looks like one is not. */
static void place_json(const struct place *p, struct query *q, const char *key, struct buf *out)
{
    struct buf value = {0};
    buf_puts(&value, "getSubcolumn(");
    sql_identifier(&value, p->column);
    buf_puts(&value, ", ");
    query_bind_text(q, &value, key);
    buf_putc(&value, ')');
    const char *v = buf_text(&value);
    buf_printf(out,
               "if(startsWith(CAST(%s, 'String'), '[') AND "
               "startsWith(ifNull(toJSONString(%s), ''), '['), ifNull(toJSONString(%s), ''), "
               "CAST(%s, 'String'))",
               v, v, v, v);
    buf_done(&value);
}

void place_text(const struct place *p, struct query *q, const char *key, struct buf *out)
{
    switch (p->kind) {
    case PLACE_COLUMN:
        if (place_is_text(p->type)) {
            sql_identifier(out, p->column);
        } else if (has_prefix(p->type, "Array(")) {
            list_text(p, out);
        } else {
            /* A time without a zone of its own is written in the server's otherwise. */
            buf_puts(out, "ifNull(toString(");
            sql_identifier(out, p->column);
            buf_puts(out, strstr(p->type, "DateTime") != NULL ? ", 'UTC'), '')" : "), '')");
        }
        break;
    case PLACE_MAP:
        if (copy_of(p, key) != NULL) {
            sql_identifier(out, copy_of(p, key));
            break;
        }
        if (place_has_text_values(p->type)) {
            map_item(p, q, key, out);
            break;
        }
        /* A missing number would read as 0. */
        buf_puts(out, "if(mapContains(");
        sql_identifier(out, p->column);
        buf_puts(out, ", ");
        query_bind_text(q, out, key);
        buf_puts(out, place_has_list_values(p->type) ? "), toJSONString(" : "), ifNull(toString(");
        map_item(p, q, key, out);
        buf_puts(out, place_has_list_values(p->type) ? "), '')" : "), ''), '')");
        break;
    case PLACE_JSON:
        place_json(p, q, key, out);
        break;
    case PLACE_JSON_TEXT:
        /* Strings without their quotes, everything else as it is written; null is missing. */
        buf_puts(out, "if(JSONType(");
        json_path(q, out, p->column, key);
        buf_puts(out, ") = 'String', JSONExtractString(");
        json_path(q, out, p->column, key);
        buf_puts(out, "), replaceRegexpOne(JSONExtractRaw(");
        json_path(q, out, p->column, key);
        buf_puts(out, "), '^null$', ''))");
        break;
    }
}

/* A key that no row has leaves the statement, and so may its Map, which is most of what there is to
 * read. */
static bool probe(const struct place *p, struct query *q, const char *key, struct buf *out)
{
    if (p->kind != PLACE_MAP || !p->is_indexed || q->within.len == 0 || copy_of(p, key) != NULL)
        return false;
    buf_puts(out, "if(");
    query_bind_key(q, out, p->column, key);
    buf_puts(out, " = 0, '', ");
    return true;
}

/* The first of several texts that is not empty; `key` where a place has none of its own. As
 * if(a != '', a, if(b != '', b, c)), which takes less time than coalesce(nullIf(a, ''), …): no
 * NULLs are made of texts, and what no row has is not looked at. */
static void first_text(const struct place *places, size_t count, struct query *q, const char *key,
                       struct buf *out)
{
    struct buf text = {0};
    for (size_t i = 0; i < count; i++) {
        const struct place *p = &places[i];
        const char *name = key != NULL ? key : p->key;
        buf_reset(&text);
        bool is_probed = probe(p, q, name, &text);
        place_text(p, q, name, &text);
        buf_puts(&text, is_probed ? ")" : "");
        if (i + 1 < count)
            buf_printf(out, "if(%s != '', ", buf_text(&text));
        buf_printf(out, "%s%s", buf_text(&text), i + 1 < count ? ", " : "");
    }
    for (size_t i = 1; i < count; i++)
        buf_putc(out, ')');
    buf_done(&text);
}

void source_places_text(const struct places *places, struct query *q, struct buf *out)
{
    if (places->count == 1) {
        place_text(&places->items[0], q, places->items[0].key, out);
        return;
    }
    first_text(places->items, places->count, q, NULL, out);
}

/* --- table, time -------------------------------------------------------------------------- */

const char *source_distinct_if(const struct source *s)
{
    enum { EXACT_ROWS = 20000000 };
    return s->rows > EXACT_ROWS ? "uniqCombined64If" : "uniqExactIf";
}

uint64_t source_unpacked_bytes(const struct source *s)
{
    const struct places *actor = &s->fields[SOURCE_ACTOR];
    double row = 0;
    /* Half of a row: that Map, the time, the event and the session, not the ids and other Maps. */
    for (size_t i = 0; i < actor->count; i++)
        row = actor->items[i].kind == PLACE_MAP ? s->bytes_per_row / 2 : row;
    return (uint64_t)(row * (double)s->rows);
}

void source_table(const struct source *s, struct buf *out)
{
    sql_identifier(out, s->database);
    buf_putc(out, '.');
    sql_identifier(out, s->table);
}

void source_from(const struct source *s, struct query *q, struct buf *out)
{
    source_table(s, out);
    buf_puts(out, buf_text(&q->joins));
}

/* The time column as unix microseconds; NULL where it is NULL. */
static void column_us(const struct source *s, struct buf *out)
{
    bool has_fraction = strstr(s->time.type, "DateTime64") != NULL;
    buf_puts(out, has_fraction ? "toUnixTimestamp64Micro(" : "(toInt64(toUnixTimestamp(");
    sql_identifier(out, s->time.column);
    buf_puts(out, has_fraction ? ")" : ")) * 1000000)");
}

void source_time_us(const struct source *s, struct buf *out)
{
    /* A row without a time is in no period: what is left of its NULL is never looked at. */
    bool may_lack = is_nullable(s->time.type);
    buf_puts(out, may_lack ? "assumeNotNull(" : "");
    column_us(s, out);
    buf_puts(out, may_lack ? ")" : "");
}

/* Of integers: min() and max() of a DateTime64, once the engine has compiled them, order the times
 * before 1970 after all others (seen in 26.7). */
void source_first_last(const struct source *s, struct buf *ret_first_us, struct buf *ret_last_us)
{
    struct buf time = {0};
    column_us(s, &time);
    const char *format = is_nullable(s->time.type) ? "ifNull(%s(%s), 0)" : "%s(%s)";
    buf_printf(ret_first_us, format, "min", buf_text(&time));
    buf_printf(ret_last_us, format, "max", buf_text(&time));
    buf_done(&time);
}

/* A column of nanoseconds ends in 2262 and cannot be compared with what lies beyond; all columns
 * begin in 1900. A bound outside of that leaves its side open. */
static const int64_t first_us = INT64_C(-2208988800000000);
static const int64_t end_us = INT64_C(9214646400000000);

void source_time_between(const struct source *s, struct query *q, int64_t from_us, int64_t to_us,
                         struct buf *out)
{
    bool has_from = from_us > first_us, has_to = to_us < end_us;
    if (!has_from && !has_to && is_nullable(s->time.type)) {
        buf_puts(out, "isNotNull(");
        sql_identifier(out, s->time.column);
        buf_putc(out, ')');
        return;
    }
    if (!has_from && !has_to) {
        buf_putc(out, '1');
        return;
    }
    if (has_from) {
        sql_identifier(out, s->time.column);
        buf_puts(out, " >= ");
        query_bind_time(q, out, from_us < end_us ? from_us : end_us);
    }
    if (has_to) {
        buf_puts(out, has_from ? " AND " : "");
        sql_identifier(out, s->time.column);
        buf_puts(out, " < ");
        query_bind_time(q, out, to_us > first_us ? to_us : first_us);
    }
}

/* --- fields ------------------------------------------------------------------------------- */

static const struct source_key *find_key(const struct source_key *keys, size_t count,
                                         const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

/* An event that was renamed counts under its present name. */
static void present_name(const struct source *s, struct query *q, struct buf *out)
{
    struct buf name = {0};
    source_places_text(&s->fields[SOURCE_EVENT], q, &name);
    buf_printf(out, "transform(toString(%s), ", buf_text(&name));
    query_bind_texts(q, out, s->knowledge.old_names);
    buf_puts(out, ", ");
    query_bind_texts(q, out, s->knowledge.new_names);
    buf_printf(out, ", toString(%s))", buf_text(&name));
    buf_done(&name);
}

void source_event_name(const struct source *s, struct query *q, struct buf *out)
{
    if (s->knowledge.old_names != NULL)
        present_name(s, q, out);
    else
        source_places_text(&s->fields[SOURCE_EVENT], q, out);
}

/* What stands in a name before the first of these; all of one without, or that begins with it. */
static void category(const struct source *s, struct query *q, struct buf *out)
{
    struct buf name = {0}, at = {0};
    source_event_name(s, q, &name);
    buf_printf(&at, "position(toString(%s), ", buf_text(&name));
    query_bind_text(q, &at, s->category_end);
    buf_putc(&at, ')');
    buf_printf(out, "if(%s > 1, substring(toString(%s), 1, %s - 1), toString(%s))", buf_text(&at),
               buf_text(&name), buf_text(&at), buf_text(&name));
    buf_done(&name);
    buf_done(&at);
}

/* The name that an event has now. */
static const char *renamed(const struct knowledge *k, const char *name)
{
    for (size_t i = 0; i < json_array_size(k->old_names); i++)
        if (strcmp(json_at_string(k->old_names, i), name) == 0)
            return json_at_string(k->new_names, i);
    return name;
}

void source_event_is(const struct source *s, struct query *q, const char *name, struct buf *out)
{
    if (s->category_end != NULL) {
        category(s, q, out);
        buf_puts(out, " = ");
        query_bind_text(q, out, name);
        return;
    }
    name = renamed(&s->knowledge, name);
    json_t *old = json_object_get(json_object_get(s->knowledge.events, name), "renamed_from");
    source_places_text(&s->fields[SOURCE_EVENT], q, out);
    if (json_array_size(old) == 0) {
        buf_puts(out, " = ");
        query_bind_text(q, out, name);
        return;
    }
    json_t *names = json_pack("[s]", name);
    if (json_array_extend(names, old) < 0)
        q->failed = true;
    buf_puts(out, " IN ");
    query_bind_texts(q, out, names);
    json_decref(names);
}

int source_logical(const struct source *s, struct query *q, enum source_field field,
                   struct buf *out, struct err *ret_err)
{
    if (s->fields[field].count == 0)
        return err_set(ret_err, ERR_ARGUMENT, NULL,
                       "source '%s' has no field '%s'; map one in its configuration", s->name,
                       source_field_names[field]);
    if (field == SOURCE_ACTOR && s->stitch)
        return source_stitched_actor(s, q, out, ret_err);
    if (field == SOURCE_DURATION) {
        struct buf number = {0};
        int rc = source_number(s, q, "duration_ms", &number, ret_err);
        if (rc == 0)
            buf_printf(out, "ifNull(toString(%s), '')", buf_text(&number));
        buf_done(&number);
        return rc;
    }
    if (field == SOURCE_EVENT && s->category_end != NULL)
        category(s, q, out);
    else if (field == SOURCE_EVENT)
        source_event_name(s, q, out);
    else
        source_places_text(&s->fields[field], q, out);
    return 0;
}

void source_user(const struct source *s, struct query *q, struct buf *out)
{
    source_places_text(&s->fields[SOURCE_ACTOR], q, out);
}

static bool is_scalar_type(const char *type)
{
    static const char *const others[] = {"Map(", "Array(", "Tuple(", "Nested(", "JSON", "Object("};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (has_prefix(type, others[i]))
            return false;
    return true;
}

/* Arrays of plain values are properties as scalars are. */
static bool is_value_type(const char *type)
{
    return is_scalar_type(has_prefix(type, "Array(") ? type + strlen("Array(") : type);
}

static bool is_place_of(const struct places *places, const char *column)
{
    for (size_t i = 0; i < places->count; i++)
        if (places->items[i].kind == PLACE_COLUMN && strcmp(places->items[i].column, column) == 0)
            return true;
    return false;
}

bool source_is_plain_column(const struct source *s, const char *column)
{
    const char *type = json_string_value(json_object_get(s->columns, column));
    bool is_taken = type == NULL || !is_value_type(type) || strcmp(column, s->time.column) == 0;
    for (int i = 0; i < SOURCE_FIELDS; i++)
        is_taken = is_taken || is_place_of(&s->fields[i], column);
    for (size_t i = 0; i < s->case_count; i++)
        is_taken = is_taken || is_place_of(&s->cases[i].places, column);
    for (size_t i = 0; i < s->object_count; i++)
        is_taken = is_taken || is_place_of(&s->objects[i].places, column);
    const char *name;
    json_t *number;
    json_object_foreach (s->numbers, name, number)
        is_taken = is_taken || strcmp(json_string_value(number), column) == 0;
    return !is_taken;
}

/* A property by its key, wherever it is. */
static bool may_hold_list(const struct source *s, const char *key)
{
    const char *type = json_string_value(json_object_get(s->columns, key));
    if (type != NULL && is_value_type(type))
        return has_prefix(type, "Array(") || strstr(type, "String") != NULL;
    return s->property_count > 0;
}

int source_bare_property(const struct source *s, struct query *q, const char *key, struct buf *out,
                         struct err *ret_err)
{
    const char *type = json_string_value(json_object_get(s->columns, key));
    if (type != NULL && is_value_type(type)) {
        struct place column = {.kind = PLACE_COLUMN, .column = (char *)key, .type = (char *)type};
        place_text(&column, q, NULL, out);
        return 0;
    }
    if (s->property_count == 0)
        return err_set(ret_err, ERR_ARGUMENT, NULL, "source '%s' has no field '%s'", s->name, key);
    if (s->property_count == 1) {
        place_text(&s->properties[0], q, key, out);
        return 0;
    }
    first_text(s->properties, s->property_count, q, key, out);
    return 0;
}

static int property_of(const struct source *s, struct query *q, int container, const char *prefix,
                       const char *key, struct buf *out, struct err *ret_err)
{
    /* In a table without containers the columns are the properties. */
    if (container < 0 && s->property_count == 0 && strcmp(prefix, "event.") == 0)
        return source_bare_property(s, q, key, out, ret_err);
    if (container < 0)
        return err_set(ret_err, ERR_ARGUMENT, NULL, "source '%s' has no %s<key> properties",
                       s->name, prefix);
    place_text(&s->properties[container], q, key, out);
    return 0;
}

/* hour and weekday (1 = Monday) of the event, UTC: derived, they need no column of their own. */
static bool time_field(const struct source *s, const char *field, struct buf *out)
{
    bool is_hour = strcmp(field, "hour") == 0;
    if (!is_hour && strcmp(field, "weekday") != 0)
        return false;
    buf_puts(out, is_hour ? "toString(toHour(" : "toString(toDayOfWeek(");
    sql_identifier(out, s->time.column);
    buf_puts(out, is_hour ? ", 'UTC'))" : ", 0, 'UTC'))");
    return true;
}

/* These are never meant as the key of a property: without a mapping they are an error. */
static bool is_identity(enum source_field field)
{
    return field == SOURCE_EVENT || field == SOURCE_ACTOR || field == SOURCE_SESSION;
}

/* The places of a case id, an object type, or "case"; NULL = the field is something else. */
static const struct source_key *named_key(const struct source *s, const char *field)
{
    const struct source_key *key = find_key(s->cases, s->case_count, field);
    if (key == NULL)
        key = find_key(s->objects, s->object_count, field);
    return key == NULL && strcmp(field, "case") == 0 && s->case_count > 0 ? &s->cases[0] : key;
}

/* The logical field of this name that the source has, or SOURCE_FIELDS. */
static enum source_field named_field(const struct source *s, const char *field)
{
    for (int i = 0; i < SOURCE_FIELDS; i++)
        if (strcmp(field, source_field_names[i]) == 0 &&
            (s->fields[i].count > 0 || is_identity((enum source_field)i)))
            return (enum source_field)i;
    return SOURCE_FIELDS;
}

/* The key behind one of the prefixes of properties, or NULL. */
static const char *key_after(const char *field, const char *prefix)
{
    size_t len = strlen(prefix);
    return has_prefix(field, prefix) && field[len] != '\0' ? field + len : NULL;
}

/* The prefix of the events, dot included, that a type of objects holds for; 0 = all events. */
size_t source_category_len(const char *type)
{
    size_t len = strlen(type);
    return len > 2 && strcmp(type + len - 2, ".*") == 0 ? len - 1 : 0;
}

const struct places *source_object_places(const struct source *s, const char *type)
{
    const struct source_key *key = find_key(s->objects, s->object_count, type);
    return key != NULL ? &key->places : NULL;
}

bool source_may_be_list(const struct source *s, const char *field)
{
    if (source_object_places(s, field) != NULL)
        return true;
    static const char *const prefixes[] = {"actor.", "event.", "resource.", "session."};
    struct buf unused = {0};
    bool is_mapped = named_field(s, field) != SOURCE_FIELDS || named_key(s, field) != NULL ||
                     time_field(s, field, &unused);
    buf_done(&unused);
    if (is_mapped)
        return false;
    const char *key = NULL;
    for (size_t i = 0; key == NULL && i < sizeof prefixes / sizeof prefixes[0]; i++)
        key = key_after(field, prefixes[i]);
    return may_hold_list(s, key != NULL ? key : field);
}

int source_text(const struct source *s, struct query *q, const char *field, struct buf *out,
                struct err *ret_err)
{
    if (field[0] == '\0')
        return err_set(ret_err, ERR_ARGUMENT, NULL, "a field name must not be empty");
    enum source_field logical = named_field(s, field);
    if (logical != SOURCE_FIELDS)
        return source_logical(s, q, logical, out, ret_err);
    if (time_field(s, field, out))
        return 0;
    const struct source_key *named = named_key(s, field);
    if (named != NULL && source_object_places(s, field) == &named->places &&
        source_has_many_objects(s, field))
        return source_objects_text(s, q, field, out, ret_err);
    if (named != NULL) {
        source_places_text(&named->places, q, out);
        return 0;
    }
    if (strcmp(field, "case") == 0)
        return err_set(ret_err, ERR_ARGUMENT, NULL,
                       "source '%s' has no case field; %s%.100s%smap one in its configuration",
                       s->name, s->object_count > 0 ? "name one of its object types, as '" : "",
                       s->object_count > 0 ? s->objects[0].name : "",
                       s->object_count > 0 ? "', or " : "");
    const char *key;
    if ((key = key_after(field, "actor.")) != NULL)
        return source_owned(s, q, SOURCE_ACTOR, key, out, ret_err);
    if ((key = key_after(field, "event.")) != NULL)
        return property_of(s, q, s->event_properties, "event.", key, out, ret_err);
    if ((key = key_after(field, "resource.")) != NULL)
        return property_of(s, q, s->resource_properties, "resource.", key, out, ret_err);
    if ((key = key_after(field, "session.")) != NULL)
        return source_owned(s, q, SOURCE_SESSION, key, out, ret_err);
    return source_bare_property(s, q, field, out, ret_err);
}

void source_finite(const char *text, struct buf *out)
{
    buf_printf(out, "if(isFinite(toFloat64OrNull(%s)), toFloat64OrNull(%s), NULL)", text, text);
}

int source_number(const struct source *s, struct query *q, const char *field, struct buf *out,
                  struct err *ret_err)
{
    const struct places *duration = &s->fields[SOURCE_DURATION];
    bool is_duration = strcmp(field, "duration_ms") == 0 && duration->count > 0;
    struct buf text = {0};
    int rc = 0;
    if (is_duration)
        source_places_text(duration, q, &text);
    else
        rc = source_text(s, q, field, &text, ret_err);
    if (rc == 0) {
        buf_puts(out, is_duration ? "(" : "");
        source_finite(buf_text(&text), out);
        if (is_duration)
            buf_printf(out, " * %.17g)", s->duration_unit_ms);
    }
    buf_done(&text);
    return rc;
}

static int refuse_many_cases(const struct source *s, const char *field, const char *advice,
                             struct err *ret_err)
{
    struct buf names = {0};
    for (size_t i = 0; i < s->case_count; i++)
        buf_printf(&names, "%s%s", i > 0 ? ", " : "", s->cases[i].name);
    int rc = err_set(ret_err, ERR_ARGUMENT, field, "source '%s' has several case fields%s: %s",
                     s->name, advice, buf_text(&names));
    buf_done(&names);
    return rc;
}

/* The one who counts cases names the field as the actor: there is no argument `case` beside it. */
static int actor_case(const struct source *s, struct query *q, const char *name, struct buf *out,
                      struct err *ret_err)
{
    if (name == NULL && s->case_count > 1)
        return refuse_many_cases(s, "actor", "; name one as actor", ret_err);
    return source_case(s, q, name, out, ret_err);
}

int source_actor(const struct source *s, struct query *q, const char *actor, const char *case_name,
                 struct buf *out, struct err *ret_err)
{
    int rc = 0;
    if (strcmp(actor, "user") == 0) {
        rc = source_logical(s, q, SOURCE_ACTOR, out, ret_err);
    } else if (strcmp(actor, "session") == 0) {
        rc = source_logical(s, q, SOURCE_SESSION, out, ret_err);
    } else if (strcmp(actor, "case") == 0) {
        rc = actor_case(s, q, case_name, out, ret_err);
    } else {
        rc = source_text(s, q, actor, out, ret_err);
    }
    if (rc < 0 && ret_err->field[0] == '\0')
        snprintf(ret_err->field, sizeof ret_err->field, "actor");
    return rc;
}

int source_case(const struct source *s, struct query *q, const char *name, struct buf *out,
                struct err *ret_err)
{
    if (name == NULL && s->case_count > 1)
        return refuse_many_cases(s, "case", "", ret_err);
    return source_text(s, q, name != NULL ? name : "case", out, ret_err);
}
