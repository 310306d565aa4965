#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Whether the bytes are UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool utf8_is_valid(const char *bytes, size_t len);

/* Writes the code point (not a surrogate, at most 0x10ffff) into out[4]; returns its length. */
size_t utf8_encode(unsigned code, char *out);
