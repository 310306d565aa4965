#pragma once
/* URI templates (RFC 6570, level 1): "x://event/{source}/{name}". A variable stands for a whole
 * path segment or for a part of one between fixed letters; a segment has at most one, so that there
 * is only one way to read a URI. */
#include <stdbool.h>

#include <jansson.h>

#include "buf.h"
#include "err.h"

#ifdef __cplusplus
extern "C" {
#endif

bool uri_template_is(const char *uri); /* whether it has variables */

/* Whether the template can be matched without a doubt. */
int uri_template_check(const char *uri_template, struct err *ret_err);

enum { URI_VARIABLE_SIZE = 64 }; /* bytes of a name, with its end */

/* The names of the first `max` variables, in order. Returns how many there are among them. */
size_t uri_template_variables(const char *uri_template, char ret_names[][URI_VARIABLE_SIZE],
                              size_t max);

/* The variables of a URI, percent-decoded: {"source": "demo"}. A new object, or NULL when the URI
 * is not of this template. */
json_t *uri_template_match(const char *uri_template, const char *uri);

/* A text as one segment or value of a URI: percent-encoded but for letters, digits and -._~ */
void uri_add_encoded(struct buf *out, const char *text);

/* Whether a text has only what a URI may hold. */
bool uri_is_plain(const char *text);

/* A text that somebody wrote for a URI, as one: what none may hold (spaces, letters beyond ASCII)
 * percent-encoded, the rest as it is. The caller frees; NULL when out of memory. */
char *uri_plain(const char *text);

/* The URI with these values, encoded so; the caller frees. NULL when one is missing or empty,
 * or out of memory. */
char *uri_template_expand(const char *uri_template, const json_t *values);

#ifdef __cplusplus
}
#endif
