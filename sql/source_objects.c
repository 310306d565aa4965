/* The objects of a row: what a source maps as object types, read as lists of ids. */
#include <string.h>

#include "place.h"
#include "source_join.h"

void source_list_items(const char *text, struct buf *out)
{
    buf_printf(out,
               "arrayMap(_r -> if(startsWith(_r, '\"'), JSONExtractString(_r), _r), "
               "arrayFilter(_r -> _r != 'null', JSONExtractArrayRaw(%s)))",
               text);
}

/* A text, or the items of the list that it is. */
static void text_ids(const char *text, struct buf *out)
{
    buf_printf(out, "if(startsWith(%s, '['), ", text);
    source_list_items(text, out);
    buf_printf(out, ", [toString(%s)])", text);
}

static bool is_text_list(const char *type)
{
    static const char *const types[] = {"Array(String)", "Array(LowCardinality(String))"};
    return strcmp(type, types[0]) == 0 || strcmp(type, types[1]) == 0;
}

/* An array of texts is taken as it is; everything else is text first, as everywhere. */
static void place_ids(const struct place *p, struct query *q, struct buf *out)
{
    static const char map_of_lists[] = "Array(String))";
    size_t len = strlen(p->type), tail = sizeof map_of_lists - 1;
    if (p->kind == PLACE_COLUMN && is_text_list(p->type)) {
        buf_puts(out, "arrayMap(_i -> toString(_i), ");
        sql_identifier(out, p->column);
        buf_puts(out, ")");
        return;
    }
    if (p->kind == PLACE_MAP && len > tail && strcmp(p->type + len - tail, map_of_lists) == 0) {
        sql_identifier(out, p->column);
        buf_puts(out, "[");
        query_bind_text(q, out, p->key);
        buf_puts(out, "]");
        return;
    }
    struct buf text = {0};
    place_text(p, q, p->key, &text);
    text_ids(buf_text(&text), out);
    buf_done(&text);
}

/* event LIKE 'email.%', of a type called "email.*". */
static void is_of_category(const struct source *s, struct query *q, const char *type,
                           struct buf *out)
{
    struct buf prefix = {0};
    buf_add(&prefix, type, source_category_len(type));
    buf_puts(out, "startsWith(toString(");
    source_event_name(s, q, out);
    buf_puts(out, "), ");
    query_bind_text(q, out, buf_text(&prefix));
    buf_puts(out, ")");
    buf_done(&prefix);
}

/* All ids, those of several places one after the other. */
static int all_ids(const struct source *s, struct query *q, const char *type, struct buf *out,
                   struct err *ret_err)
{
    const struct places *places = source_object_places(s, type);
    if (places == NULL) {
        struct buf text = {0};
        int rc = source_text(s, q, type, &text, ret_err);
        text_ids(buf_text(&text), out);
        buf_done(&text);
        return rc;
    }
    buf_puts(out, places->count > 1 ? "arrayConcat(" : "");
    for (size_t i = 0; i < places->count; i++) {
        buf_puts(out, i > 0 ? ", " : "");
        place_ids(&places->items[i], q, out);
    }
    buf_puts(out, places->count > 1 ? ")" : "");
    return 0;
}

int source_object_ids(const struct source *s, struct query *q, const char *type, struct buf *out,
                      struct err *ret_err)
{
    bool is_category = source_category_len(type) > 0 && source_object_places(s, type) != NULL;
    buf_puts(out, "arrayDistinct(arrayFilter(_i -> _i != '', ");
    if (is_category) {
        buf_puts(out, "if(");
        is_of_category(s, q, type, out);
        buf_puts(out, ", ");
    }
    int rc = all_ids(s, q, type, out, ret_err);
    buf_puts(out, is_category ? ", emptyArrayString())))" : "))");
    return rc;
}

bool source_has_many_objects(const struct source *s, const char *type)
{
    const struct places *places = source_object_places(s, type);
    if (places == NULL || places->count == 0)
        return false;
    const char *first = places->items[0].type;
    return places->count > 1 || source_category_len(type) > 0 ||
           strncmp(first, "Array(", strlen("Array(")) == 0 || place_has_list_values(first);
}

int source_objects_text(const struct source *s, struct query *q, const char *type, struct buf *out,
                        struct err *ret_err)
{
    buf_puts(out, "arrayMap(_l -> if(length(_l) > 1, toJSONString(_l), _l[1]), [");
    int rc = source_object_ids(s, q, type, out, ret_err);
    buf_puts(out, "])[1]");
    return rc;
}

static bool is_same_place(const struct place *a, const struct place *b)
{
    return strcmp(a->column, b->column) == 0 && (a->key == NULL) == (b->key == NULL) &&
           (a->key == NULL || strcmp(a->key, b->key) == 0);
}

bool source_is_same_object(const struct source *s, const char *type, const char *other)
{
    const struct places *a = source_object_places(s, type), *b = source_object_places(s, other);
    if (a == NULL || b == NULL || a->count != b->count || source_category_len(type) == 0 ||
        source_category_len(other) == 0)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!is_same_place(&a->items[i], &b->items[i]))
            return false;
    return true;
}
