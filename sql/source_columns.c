/* Columns of a table that stand for others: copies of a Map's key, numbers of a text's values. */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "place.h"

json_t *source_find_copies(const json_t *list, const json_t *columns)
{
    json_t *copies = json_object();
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *expression = json_at_string(item, 2);
        char *column = NULL, *key = NULL;
        if (expression == NULL || !place_is_text(json_at_string(item, 1)) ||
            place_parse_item(expression, &column, &key) < 0)
            continue;
        const char *type = json_string_value(json_object_get(columns, column));
        if (type != NULL && place_container(type) == PLACE_MAP && place_has_text_values(type)) {
            json_t *keys = json_object_get(copies, column);
            if (keys == NULL) {
                keys = json_object();
                json_object_set_new(copies, column, keys);
            }
            json_object_set(keys, key, json_array_get(item, 0));
        }
        free(column);
        free(key);
    }
    return copies;
}

json_t *source_find_numbers(const json_t *mapping, const json_t *columns)
{
    json_t *numbers = json_object();
    const char *column;
    json_t *number;
    json_object_foreach (json_object_get(mapping, "numbers"), column, number) {
        const char *name = json_string_value(number);
        const char *type = name != NULL ? json_string_value(json_object_get(columns, name)) : NULL;
        if (type != NULL && strcmp(type, "UInt32") == 0)
            json_object_set(numbers, column, number);
    }
    return numbers;
}

static void link_places(const struct source *s, const json_t *indexed, const struct places *places)
{
    for (size_t i = 0; i < places->count; i++) {
        struct place *p = &places->items[i];
        p->copies = json_object_get(s->copies, p->column);
        p->is_indexed = json_list_has(indexed, p->column);
    }
}

void source_link_columns(const struct source *s, const json_t *indexed)
{
    for (int i = 0; i < SOURCE_FIELDS; i++)
        link_places(s, indexed, &s->fields[i]);
    for (size_t i = 0; i < s->case_count; i++)
        link_places(s, indexed, &s->cases[i].places);
    for (size_t i = 0; i < s->object_count; i++)
        link_places(s, indexed, &s->objects[i].places);
    link_places(s, indexed, &(struct places){s->properties, s->property_count});
}

/* --- numbers ------------------------------------------------------------------------------ */

static const struct source_key *find_case(const struct source *s, const char *name)
{
    for (size_t i = 0; i < s->case_count; i++)
        if (strcmp(s->cases[i].name, name) == 0)
            return &s->cases[i];
    return NULL;
}

/* The places of what source_actor() counts, where they are those of a field or a case. */
static const struct places *actor_places(const struct source *s, const char *actor,
                                         const char *case_name)
{
    static const char *const names[SOURCE_FIELDS] = {
        [SOURCE_ACTOR] = "user", [SOURCE_SESSION] = "session"};
    for (int i = 0; i < SOURCE_FIELDS; i++)
        if (names[i] != NULL && strcmp(actor, names[i]) == 0)
            return &s->fields[i];
    bool is_case = strcmp(actor, "case") == 0;
    if (is_case && case_name == NULL)
        return s->case_count == 1 ? &s->cases[0].places : NULL;
    const struct source_key *key = find_case(s, is_case ? case_name : actor);
    return key != NULL ? &key->places : NULL;
}

bool source_actor_number(const struct source *s, const char *actor, const char *case_name,
                         struct buf *out)
{
    if (s->stitch && strcmp(actor, "user") == 0)
        return false; /* the user may come from another row of the session */
    if (s->rows == 0)
        return false; /* behind a Distributed table or a view may be several, numbered apart */
    const struct places *places = actor_places(s, actor, case_name);
    if (places == NULL || places->count != 1 || places->items[0].kind != PLACE_COLUMN)
        return false;
    const char *number = json_string_value(json_object_get(s->numbers, places->items[0].column));
    if (number != NULL && out != NULL)
        sql_identifier(out, number);
    return number != NULL;
}
