#pragma once
/* JSON rows in which 64-bit integers are quoted → rows in which they are not.
 *
 * A user who may set nothing gets rows as the server's profile has them, and until version 25.8
 * that means "9007199254740993" for a UInt64. So that every reader sees the same rows, such a
 * user's rows are asked for as JSONCompactEachRowWithNamesAndTypes and rewritten with the types at
 * hand. */
#include <stddef.h>

#include "buf.h"
#include "err.h"

struct unquote;

struct unquote *unquote_new(void); /* NULL when out of memory */
struct unquote *unquote_free(struct unquote *u);

/* Whole lines, the first two of which are the names and the types. Returns the rows as
 * JSONCompactEachRow, valid until the next call; NULL with *ret_err on failure. */
struct buf *unquote_rows(struct unquote *u, const char *bytes, size_t len, struct err *ret_err);
