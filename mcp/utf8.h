#pragma once
#include <stdbool.h>
#include <stddef.h>

/* UTF-8 as Table 3-7 of the Unicode Standard has it: no overlong forms, no surrogates, nothing
 * above U+10FFFF. */

/* The length of the character that `bytes` begin with; 0 if they do not begin with one. `len` > 0.
 */
size_t utf8_length(const char *bytes, size_t len);

/* Whether the bytes are UTF-8. */
bool utf8_is_valid(const char *bytes, size_t len);

/* How many bytes of `text` to show where `max` fit: all, or those before the character that the end
 * would cut. */
size_t utf8_cut(const char *text, size_t max);

/* Writes the code point (not a surrogate, at most 0x10ffff) into out[4]; returns its length. */
size_t utf8_encode(unsigned code, char *out);
