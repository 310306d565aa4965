#include "place.h"

#include <stdlib.h>
#include <string.h>

void place_done(struct place *place)
{
    free(place->column);
    free(place->key);
    free(place->type);
    *place = (struct place){0};
}

void places_done(struct places *places)
{
    for (size_t i = 0; i < places->count; i++)
        place_done(&places->items[i]);
    free(places->items);
    *places = (struct places){0};
}

enum place_kind place_container(const char *type)
{
    if (strncmp(type, "Map(", 4) == 0)
        return PLACE_MAP;
    if (strncmp(type, "JSON", 4) == 0 || strncmp(type, "Object(", 7) == 0)
        return PLACE_JSON;
    return PLACE_JSON_TEXT;
}

bool place_is_text(const char *type)
{
    return strcmp(type, "String") == 0 || strcmp(type, "LowCardinality(String)") == 0;
}

/* The value's part of a Map(key, value) type: "String)". */
static const char *value_type(const char *map_type)
{
    int depth = 0;
    for (const char *s = map_type; *s != '\0'; s++) {
        depth += *s == '(' ? 1 : *s == ')' ? -1 : 0;
        if (*s == ',' && depth == 1)
            return s + strspn(s, ", ");
    }
    return "";
}

bool place_has_text_values(const char *map_type)
{
    const char *type = value_type(map_type);
    return strcmp(type, "String)") == 0 || strcmp(type, "LowCardinality(String))") == 0;
}

bool place_has_list_values(const char *map_type)
{
    return strncmp(value_type(map_type), "Array(", strlen("Array(")) == 0;
}

/* A name or text between quotes, or a plain name; what follows it, or NULL. Escaped ones, which
 * nobody writes by hand, are left alone. */
static const char *read_part(const char *s, char quote, char **ret_text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    bool is_quoted = *s == quote;
    s += is_quoted;
    size_t len = is_quoted ? strcspn(s, quote == '`' ? "`\\" : "'\\") : strspn(s, plain);
    if (len == 0 || (is_quoted ? s[len] != quote : quote != '`'))
        return NULL;
    *ret_text = strndup(s, len);
    return *ret_text != NULL ? s + len + is_quoted : NULL;
}

int place_parse_item(const char *expression, char **ret_column, char **ret_key)
{
    char *column = NULL, *key = NULL;
    const char *rest = read_part(expression, '`', &column);
    if (rest != NULL && *rest == '[')
        rest = read_part(rest + 1, '\'', &key);
    if (rest == NULL || key == NULL || strcmp(rest, "]") != 0) {
        free(column);
        free(key);
        return -ERR_NOT_FOUND;
    }
    *ret_column = column;
    *ret_key = key;
    return 0;
}

/* One alternative: column, or column['key']. */
static int parse_one(const char *text, size_t len, const json_t *columns, struct place *ret_place,
                     struct err *ret_err)
{
    bool is_column = text[len] == '\0' && json_object_get(columns, text) != NULL;
    const char *bracket = is_column ? NULL : memchr(text, '[', len);
    size_t column_len = bracket != NULL ? (size_t)(bracket - text) : len;
    char *column = strndup(text, column_len), *key = NULL;
    if (column == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    if (bracket != NULL) {
        size_t left = len - column_len;
        if (left < 5 || bracket[1] != '\'' || strncmp(text + len - 2, "']", 2) != 0) {
            free(column);
            return err_set(ret_err, ERR_ARGUMENT, NULL,
                           "'%.*s' is no place: write Column or Column['key']", (int)len, text);
        }
        key = strndup(bracket + 2, left - 4);
    }
    const char *type = json_string_value(json_object_get(columns, column));
    if (type == NULL) {
        int rc = err_set(ret_err, ERR_NOT_FOUND, NULL, "the table has no column '%s'", column);
        free(column);
        free(key);
        return rc;
    }
    struct place place = {.kind = key != NULL ? place_container(type) : PLACE_COLUMN,
                          .column = column,
                          .key = key,
                          .type = strdup(type)};
    if (place.type == NULL || (bracket != NULL && key == NULL)) {
        place_done(&place);
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    }
    *ret_place = place;
    return 0;
}

/* Up to the bar before the next alternative; one in a key, between [' and '], is part of it. */
static size_t alternative_len(const char *text)
{
    size_t len = strcspn(text, "|");
    const char *key = strstr(text, "['"), *end = key != NULL ? strstr(key, "']") : NULL;
    if (end == NULL || (size_t)(key - text) > len)
        return len;
    return (size_t)(end + 2 - text) + strcspn(end + 2, "|");
}

int place_parse(const char *text, const json_t *columns, struct place *ret_place,
                struct err *ret_err)
{
    /* A column may be called anything: its plain name comes first. */
    for (const char *s = text;;) {
        size_t len = json_object_get(columns, s) != NULL ? strlen(s) : alternative_len(s);
        int rc = parse_one(s, len, columns, ret_place, ret_err);
        if (rc != -ERR_NOT_FOUND || s[len] == '\0')
            return rc;
        s += len + 1;
    }
}

int places_parse(const json_t *value, const json_t *columns, bool is_strict,
                 struct places *ret_places, struct err *ret_err)
{
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    struct places places = {.items = calloc(count > 0 ? count : 1, sizeof(struct place))};
    if (places.items == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const char *text =
            json_string_value(json_is_array(value) ? json_array_get(value, i) : value);
        int rc = text == NULL ? err_set(ret_err, ERR_ARGUMENT, NULL, "expected a place or a list")
                              : place_parse(text, columns, &places.items[places.count], ret_err);
        if (rc == 0) {
            places.count++;
        } else if (rc != -ERR_NOT_FOUND || is_strict) {
            places_done(&places);
            return rc;
        }
    }
    *ret_places = places;
    return 0;
}
