#pragma once
/* Strict JSON on top of jansson: bounded depth and size in, compact text out. */
#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "buf.h"
#include "err.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { JSON_DEPTH_MAX = 32 };

/* Parses one whole document. Refuses duplicate keys, depth above JSON_DEPTH_MAX, trailing bytes,
 * invalid UTF-8. Scalars are allowed at the root. \u0000 in a value is kept, so that a request with
 * one is answered under its id: rpc_classify() and bind refuse it. An integer beyond 64 bits
 * becomes a string of its digits, so that nothing of it is lost. Returns a new reference, or NULL
 * with *ret_err. */
json_t *json_parse(const char *text, size_t len, struct err *ret_err);

/* Compact text, keys in insertion order, doubles in at most 15 significant digits.
 * NULL when out of memory; the caller frees. */
char *json_text(const json_t *value);
/* The same in a form of jansson's flags. (Its json_dumps() leaves bytes out when memory runs out
 * while it writes a key, and does not say so.) */
char *json_text_as(const json_t *value, size_t flags);
/* The same, appended. */
void json_add(struct buf *out, const json_t *value, size_t flags);
#define JSON_PLAIN (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) /* json_text()'s */

/* The text of a string, or NULL when it is none or when a NUL would hide the rest of it. */
const char *json_plain_string(const json_t *value);

/* Whether the text is an item of the list; false of no list, too. */
bool json_list_has(const json_t *list, const char *text);

/* Member access that says what it expects: borrowed, or the fallback when absent or of another
 * type. */
const char *json_get_string(const json_t *object, const char *key, const char *fallback);
json_int_t json_get_integer(const json_t *object, const char *key, json_int_t fallback);
double json_get_number(const json_t *object, const char *key, double fallback);
bool json_get_bool(const json_t *object, const char *key, bool fallback);

/* The same of an item of an array, as of a row: 0 or NULL where there is none of that type. */
json_int_t json_at_integer(const json_t *array, size_t index);
double json_at_number(const json_t *array, size_t index);
const char *json_at_string(const json_t *array, size_t index);

#ifdef __cplusplus
}
#endif
