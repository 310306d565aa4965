#include "json.h"

#include <string.h>

/* Depth is checked before parsing, so that no parser ever recurses on hostile input. */
static bool is_too_deep(const char *text, size_t len)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > JSON_DEPTH_MAX)
                return true;
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return false;
}

json_t *json_parse(const char *text, size_t len, struct err *ret_err)
{
    if (is_too_deep(text, len)) {
        err_set(ret_err, ERR_ARGUMENT, NULL, "JSON is nested deeper than %d levels",
                JSON_DEPTH_MAX);
        return NULL;
    }
    /* jansson skips a NUL between tokens as if it were white space. */
    if (memchr(text, '\0', len) != NULL) {
        err_set(ret_err, ERR_ARGUMENT, NULL, "not valid JSON: a NUL byte");
        return NULL;
    }
    json_error_t error;
    json_t *value =
        json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (value == NULL)
        err_set(ret_err, ERR_ARGUMENT, NULL, "not valid JSON: %s at byte %d", error.text,
                error.position);
    return value;
}

char *json_text(const json_t *value)
{
    return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
}

const char *json_get_string(const json_t *object, const char *key, const char *fallback)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : fallback;
}

json_int_t json_get_integer(const json_t *object, const char *key, json_int_t fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

double json_get_number(const json_t *object, const char *key, double fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

bool json_get_bool(const json_t *object, const char *key, bool fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}
