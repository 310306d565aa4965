#pragma once
/* The rows of process_plan_variants() and the answer of process_variants as text; internal to it.
 */
#include "process.h"

/* Columns of process_plan_variants(), and of the counts in its first row. */
enum {
    VARIANT_TRACE,
    VARIANT_CASES,
    VARIANT_MEDIAN,
    VARIANT_P90,
    VARIANT_EXAMPLE,
    VARIANT_NAMES,
    VARIANT_COUNTS,
    VARIANT_LENGTH
};
enum {
    VARIANT_ALL_CASES,
    VARIANT_EVENTS,
    VARIANT_DISTINCT,
    VARIANT_SHORTEST,
    VARIANT_LONGEST,
    VARIANT_UNFINISHED
};

/* A count of all cases, from the first row, and the names of the codes. Borrowed. */
json_int_t variants_count(const json_t *rows, size_t which);
const json_t *variants_names(const json_t *rows);
json_int_t variants_cases(const json_t *row);

/* {activities as JSON: row}. New reference. */
json_t *variants_index(const json_t *rows);
/* The row of these activities. Borrowed. */
const json_t *variants_find(const json_t *index, const json_t *trace);
/* Whether all variants of a period are known: else one that is not among them may be a rare one. */
bool variants_are_whole(const json_t *rows);

/* `before`: the index of the period before, NULL without compare. */
void variants_write_text(struct run *run, const json_t *before);
