#pragma once
/* The properties of a source as pairs of name and value, and which of them tell groups of actors
 * apart. */
#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "buf.h"
#include "err.h"
#include "events.h"
#include "run.h"
#include "source.h"

/* Every (name, value) of a row's containers, Array(Tuple(String, String)); empty where there is
 * none: false. */
bool fields_pairs(const struct source *s, struct buf *out);

/* The same of one container. */
void fields_container_pairs(const struct source *s, const struct place *container, struct buf *out);

/* Adds the query that finds the useful fields of the period: with at most 100 values, and not the
 * same one in every event. Up to a million events are looked at. */
enum { FIELDS_MAX = 40 };
int fields_plan_useful(struct run *run, struct err *ret_err);

/* At most FIELDS_MAX names from the rows of that query: `event`, then those with several values,
 * then those that only some events have; of each those that most events have first. New reference.
 */
json_t *fields_useful(const json_t *rows);

/* Adds the column _fields Array(Tuple(UInt16, String)): the number among `names`, from 1, and the
 * value of each field that a row has a value of, as source_text() tells it. Errors carry `path`. */
int fields_values(struct events *e, const json_t *names, const char *path, struct err *ret_err);
