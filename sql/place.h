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

/* Whether a column of this type, or the values of a Map of this type, are plain texts. */
bool place_is_text(const char *type);
bool place_has_text_values(const char *map_type);
bool place_has_list_values(const char *map_type); /* or arrays */

/* Reads Column['key'], as the engine writes the expression of a materialised column. 0, or
 * -ERR_NOT_FOUND where it is another one. The texts are owned by the caller. */
int place_parse_item(const char *expression, char **ret_column, char **ret_key);

/* A string or a list of strings. With `is_strict` an unknown column is an error, otherwise it is
 * left out (presets name columns that only some versions of a table have). */
int places_parse(const json_t *value, const json_t *columns, bool is_strict,
                 struct places *ret_places, struct err *ret_err);
void places_done(struct places *places);

/* Of a list of [column, type, expression of a materialised column or ""]: which of them hold a key
 * of a Map, as source.copies. `columns` is {column: type}. New reference. */
json_t *source_find_copies(const json_t *list, const json_t *columns);
/* The pairs of a mapping's `numbers` whose columns the table has. New reference. */
json_t *source_find_numbers(const json_t *mapping, const json_t *columns);
/* Every place of a Map learns which of its keys have a column, and, of the Maps in the list
 * `indexed`, that an index tells which keys there are. */
void source_link_columns(const struct source *s, const json_t *indexed);
