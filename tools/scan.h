#pragma once
/* A reader of JSON text that builds no tree and keeps no stack: the caller walks, value by value.
 * It is lenient where recordings are (lone surrogates, NUL, bytes that are no UTF-8, any depth) and
 * never reads past the end; what it cannot read is an error, never a guess. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scan {
    const char *at, *end;
};

enum scan_kind {
    SCAN_ERROR, /* the text ends or is no JSON here */
    SCAN_OBJECT,
    SCAN_ARRAY,
    SCAN_STRING,
    SCAN_NUMBER,
    SCAN_LITERAL, /* true, false, null */
};

/* Bytes of the text being read; of a string what stands between the quotes, still escaped. */
struct span {
    const char *text;
    size_t len;
};

void scan_init(struct scan *s, const char *text, size_t len);

/* The kind of the value that comes next; nothing is consumed. */
enum scan_kind scan_peek(struct scan *s);

/* Goes into the object or array that comes next. */
bool scan_enter(struct scan *s);

/* Inside an object: 1 = *ret_key is the next key and its value comes next, 0 = the object ended
 * (and is behind), -1 = error. scan_item() is the same for an array. */
int scan_member(struct scan *s, struct span *ret_key);
int scan_item(struct scan *s);

/* Reads past one value of any kind. */
bool scan_skip(struct scan *s);

/* Scalars: the value is always read past; a value of another kind gives the fallback (or an empty
 * span), numbers beyond +-2^53 and NaN too. False only when the text is broken. */
bool scan_string(struct scan *s, struct span *ret_string);
bool scan_integer(struct scan *s, int64_t fallback, int64_t *ret_value);
bool scan_boolean(struct scan *s, bool *ret_value);

/* The text of the value that comes next, whole. */
bool scan_raw(struct scan *s, struct span *ret_value);

bool span_is(struct span span, const char *text);

/* Unescapes a string into `out` (NUL-terminated, cut at a character when it is too long): white
 * space and control bytes become one blank each run, what is no UTF-8 becomes U+FFFD. Returns the
 * length. */
size_t span_text(struct span span, char *out, size_t size);
