#include "ocel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- objects ------------------------------------------------------------------------------ */

void ocel_objects_init(struct ocel_objects *o, size_t max_bytes)
{
    *o = (struct ocel_objects){0};
    numbering_init(&o->ids, max_bytes);
}

void ocel_objects_done(struct ocel_objects *o)
{
    names_done(&o->types);
    numbering_done(&o->ids);
    free(o->type_of);
    o->type_of = NULL;
    o->size = 0;
}

static bool grow_types(struct ocel_objects *o, uint32_t number)
{
    if (number < o->size)
        return true;
    size_t size = (size_t)number * 2 + 1024;
    uint32_t *type_of = realloc(o->type_of, size * sizeof *type_of);
    if (type_of == NULL)
        return false;
    memset(type_of + o->size, 0, (size - o->size) * sizeof *type_of);
    o->type_of = type_of;
    o->size = size;
    return true;
}

enum csv_result ocel_add_object(struct ocel_objects *o, struct bytes id, struct bytes type,
                                const char **ret_reason)
{
    uint32_t number = 0;
    if (id.len == 0 || type.len == 0) {
        *ret_reason = id.len == 0 ? "an object without an id" : "an object without a type";
        return CSV_BROKEN;
    }
    int64_t name = names_add(&o->types, type.text, type.len);
    if (o->types.count > OCEL_TYPES_MAX) {
        *ret_reason = "more than 1,000 types of objects";
        return CSV_BROKEN;
    }
    numbering_add(&o->ids, &id, 1, &number);
    if (number == 0) {
        *ret_reason = "there are more objects than 1 GB of memory can hold";
        return CSV_BROKEN;
    }
    if (name < 0 || !grow_types(o, number))
        return CSV_NO_MEMORY;
    uint32_t *known = &o->type_of[number];
    o->count += *known == 0;
    o->conflicts += *known != 0 && *known != (uint32_t)name + 1;
    if (*known == 0)
        *known = (uint32_t)name + 1;
    return CSV_ROW;
}

/* --- events ------------------------------------------------------------------------------- */

int ocel_event_init(struct ocel_event *e)
{
    static const char *const fixed[OCEL_FIXED] = {[OCEL_EID] = "ocel:eid",
                                                  [OCEL_ACTIVITY] = "ocel:activity",
                                                  [OCEL_TIMESTAMP] = "ocel:timestamp"};
    *e = (struct ocel_event){0};
    for (int i = 0; i < OCEL_FIXED; i++)
        if (names_add(&e->columns, fixed[i], strlen(fixed[i])) != i)
            return -1;
    return 0;
}

void ocel_event_done(struct ocel_event *e)
{
    names_done(&e->columns);
    free(e->cells);
    free(e->relations);
    free(e->seen_at);
    *e = (struct ocel_event){0};
}

void ocel_event_begin(struct ocel_event *e)
{
    e->count = e->relation_count = 0;
    e->reason = NULL;
    e->row++;
}

/* Room for one more item of `item_size` bytes in a list of `count`; NULL = out of memory. */
static void *grow_list(void *list, size_t count, size_t *size, size_t item_size)
{
    if (count < *size)
        return list;
    size_t next = *size == 0 ? 32 : *size * 2;
    void *grown = realloc(list, next * item_size);
    if (grown != NULL)
        *size = next;
    return grown;
}

static bool grow_seen(struct ocel_event *e, uint32_t column)
{
    if (column < e->seen_size)
        return true;
    size_t size = (size_t)column * 2 + 64;
    uint64_t *seen = realloc(e->seen_at, size * sizeof *seen);
    if (seen == NULL)
        return false;
    memset(seen + e->seen_size, 0, (size - e->seen_size) * sizeof *seen);
    e->seen_at = seen;
    e->seen_size = size;
    return true;
}

enum csv_result ocel_event_set(struct ocel_event *e, uint32_t column, struct bytes value)
{
    struct cell *cells = grow_list(e->cells, e->count, &e->size, sizeof *cells);
    if (cells == NULL)
        return CSV_NO_MEMORY;
    e->cells = cells;
    if (!grow_seen(e, column))
        return CSV_NO_MEMORY;
    if (e->seen_at[column] == e->row) {
        snprintf(e->reason_text, sizeof e->reason_text, "two values for '%.100s'",
                 e->columns.items[column].text);
        e->reason = e->reason_text;
        return CSV_BAD;
    }
    e->seen_at[column] = e->row;
    if (value.len > 0)
        e->cells[e->count++] = (struct cell){value.text, value.len, column};
    return CSV_ROW;
}

enum csv_result ocel_event_attribute(struct ocel_event *e, struct bytes name, struct bytes value)
{
    if (name.len == 0) {
        e->reason = "an attribute without a name";
        return CSV_BAD;
    }
    int64_t column = names_add(&e->columns, name.text, name.len);
    return column < 0 ? CSV_NO_MEMORY : ocel_event_set(e, (uint32_t)column, value);
}

enum csv_result ocel_event_relate(struct ocel_event *e, struct ocel_objects *objects,
                                  struct bytes id, struct bytes qualifier)
{
    uint32_t number = 0;
    if (e->relation_count == OCEL_RELATIONS_MAX) {
        e->reason = "the event names more than 100,000 objects";
        return CSV_BAD;
    }
    struct ocel_relation *relations =
        grow_list(e->relations, e->relation_count, &e->relation_size, sizeof *relations);
    if (relations == NULL)
        return CSV_NO_MEMORY;
    e->relations = relations;
    numbering_add(&objects->ids, &id, 1, &number);
    if (objects->ids.has_given_up)
        return CSV_NO_MEMORY;
    uint32_t type = number < objects->size ? objects->type_of[number] : 0;
    if (type == 0)
        e->unknown++;
    else
        e->relations[e->relation_count++] = (struct ocel_relation){type - 1, id, qualifier};
    return CSV_ROW;
}
