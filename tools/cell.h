#pragma once
/* Cells: parts of a result that stand for actors, and the page of those behind one. */
#include "run.h"

/* What results and cells call what is not kept, "(other)", what has no value, "(none)", and where a
 * path ends, "(drop-off)". */
extern const char cell_other[], cell_none[], cell_drop_off[];

/* The breakdown values that a cell names, one text for each of `count` fields; *ret_values stays
 * NULL when it names none. Borrowed from the cell. */
int cell_values(const json_t *cell, size_t count, json_t **ret_values, struct err *ret_err);

/* Whether they are those of what is not kept. NULL is not. */
bool cell_is_other(const json_t *values);

/* How results and cells name the values of a row: `values` itself, or cell_other for each of
 * `count` fields. New reference. */
json_t *cell_value_names(bool is_other, const json_t *values, size_t count);

/* The values of a row in one line of text: "mobile, DE", a missing one as "(none)". Returns `out`.
 */
char *cell_value_text(const json_t *values, char *out, size_t size);

/* Adds the query of plan_actors() (see run.h): `text` with its {limit} and {offset} bound to the
 * page that the call asks for. */
int cell_plan_actors(struct run *run, struct query *q, const struct sql_text *text,
                     const struct query_fragment *fragments, struct err *ret_err);
