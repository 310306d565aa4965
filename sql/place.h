#pragma once
/* Places in mapping text: `Column`, `Column['key']`, alternatives `A|B` (the first whose column
 * exists). Internal to the sql floor; used by source_load.c. */
#include <jansson.h>

#include "err.h"
#include "source.h"

/* Reads one place against the table's columns {name: type}. *ret_place is owned (place_done).
 * Returns 0, or -ERR_NOT_FOUND when no alternative's column exists. */
int place_parse(const char *text, const json_t *columns, struct place *ret_place,
                struct err *ret_err);
void place_done(struct place *place);

/* How the keys of a column of this type are read: Map, JSON, or text that holds JSON. */
enum place_kind place_container(const char *type);

/* A string or a list of strings. With `is_strict` an unknown column is an error, otherwise it is
 * left out (presets name columns that only some versions of a table have). */
int places_parse(const json_t *value, const json_t *columns, bool is_strict,
                 struct places *ret_places, struct err *ret_err);
void places_done(struct places *places);
