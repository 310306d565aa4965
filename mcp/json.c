#include "json.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

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

/* Whether the number of `len` bytes is an integer beyond 64 bits that stands for a value. */
static bool is_big_integer(const char *number, size_t len, const char *end)
{
    const char *digits = number + (number[0] == '-');
    const char *after = number + len;
    if (strspn(digits, "0123456789") < (size_t)(after - digits) || digits[0] == '0')
        return false;
    while (after < end && strchr(" \t\r\n", *after) != NULL)
        after++;
    if (after < end && *after == ':')
        return false;
    errno = 0;
    strtoll(number, NULL, 10);
    return errno == ERANGE;
}

/* The document with its integers beyond 64 bits in quotes; NULL when out of memory. The caller
 * frees. `text` ends with a NUL. */
static char *quote_big_integers(const char *text, size_t len, size_t *ret_len)
{
    struct buf out;
    buf_init(&out, SIZE_MAX);
    const char *end = text + len;
    for (const char *c = text; c < end;) {
        const char *from = c;
        size_t number = strspn(c, "+-.0123456789eE");
        if (*c == '"') {
            for (c++; c < end && *c != '"'; c++)
                c += *c == '\\' && c + 1 < end;
            c += c < end;
        } else {
            c += number > 0 ? number : 1;
        }
        bool is_big = number > 0 && is_big_integer(from, number, end);
        buf_puts(&out, is_big ? "\"" : "");
        buf_add(&out, from, (size_t)(c - from));
        buf_puts(&out, is_big ? "\"" : "");
    }
    *ret_len = out.len;
    return buf_take(&out);
}

/* An id of 64 bits without a sign is no mistake of whoever sends it: refusing the whole message
 * would leave its request without an answer. */
static json_t *load(const char *text, size_t len, json_error_t *ret_error)
{
    const size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
    json_t *value = json_loadb(text, len, flags, ret_error);
    if (value != NULL || json_error_code(ret_error) != json_error_numeric_overflow)
        return value;
    /* The bytes need not end with a NUL, which reading numbers relies on. */
    char *copy = strndup(text, len);
    size_t quoted_len = 0;
    char *quoted = copy != NULL ? quote_big_integers(copy, len, &quoted_len) : NULL;
    if (quoted != NULL)
        value = json_loadb(quoted, quoted_len, flags, ret_error);
    free(quoted);
    free(copy);
    return value;
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
    json_t *value = load(text, len, &error);
    if (value == NULL)
        err_set(ret_err, ERR_ARGUMENT, NULL, "not valid JSON: %s at byte %d", error.text,
                error.position);
    return value;
}

static int add_piece(const char *bytes, size_t len, void *user)
{
    buf_add(user, bytes, len);
    return buf_failed(user) ? -1 : 0;
}

void json_add(struct buf *out, const json_t *value, size_t flags)
{
    if (json_dump_callback(value, add_piece, out, flags) != 0)
        buf_fail(out);
}

char *json_text_as(const json_t *value, size_t flags)
{
    struct buf out;
    buf_init(&out, SIZE_MAX);
    json_add(&out, value, flags);
    return buf_take(&out);
}

char *json_text(const json_t *value)
{
    return json_text_as(value, JSON_PLAIN);
}

const char *json_plain_string(const json_t *value)
{
    const char *text = json_string_value(value);
    return text != NULL && strlen(text) == json_string_length(value) ? text : NULL;
}

bool json_list_has(const json_t *list, const char *text)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *item = json_at_string(list, i);
        if (item != NULL && strcmp(item, text) == 0)
            return true;
    }
    return false;
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

json_int_t json_at_integer(const json_t *array, size_t index)
{
    return json_integer_value(json_array_get(array, index));
}

double json_at_number(const json_t *array, size_t index)
{
    return json_number_value(json_array_get(array, index));
}

const char *json_at_string(const json_t *array, size_t index)
{
    return json_string_value(json_array_get(array, index));
}
