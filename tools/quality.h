#pragma once
/* The checks of data_quality. Each plans its queries and reads them when they have come. */
#include "run.h"

enum quality_severity { QUALITY_HIGH, QUALITY_MEDIUM, QUALITY_LOW };

/* Adds a finding. `weight` orders those of one severity: how many events it concerns. `fix` is a
 * constant sentence; the rest says the evidence, with its figures. */
void quality_add(struct run *run, const char *kind, enum quality_severity severity,
                 const char *field, double weight, const char *fix, const char *fmt, ...)
    __attribute__((format(printf, 7, 8)));

/* The index of the query that a plan added as `name`; -1 = none. */
void quality_note(struct run *run, const char *name, int query);
int quality_query(const struct run *run, const char *name);

/* Plans a query over the rows of the call, noted as `name`: its fragments are `parts` (ends with an
 * empty slot) and $from, $where; at most `most` rows of it are read. `is_whole`: of all times, and
 * of none, not of the period. */
int quality_plan_rows(struct run *run, const char *name, const struct sql_text *text, bool is_whole,
                      struct query *q, const struct query_fragment *parts, size_t most,
                      struct err *ret_err);

/* Says that a check stopped: "only the first `most` …", which `what` completes. */
void quality_say_cut(struct run *run, int64_t most, const char *what);

/* Whether that query has more than `most` rows, which alone were read: says so, too. */
bool quality_cut(struct run *run, const char *name, int64_t most, const char *what);

/* One of each of how many rows is looked at, so that about `rows` are. */
int64_t quality_every(const struct run *run, int64_t rows);

/* That as a condition on a row: by a hash of its time, so that events of one time are taken or left
 * together, and the same ones each time. */
void quality_sample(const struct run *run, struct query *q, int64_t rows, struct buf *out);

int quality_gaps_plan(struct run *run, struct err *ret_err);
void quality_gaps_shape(struct run *run);
int quality_duplicates_plan(struct run *run, struct err *ret_err);
void quality_duplicates_shape(struct run *run);
int quality_names_plan(struct run *run, struct err *ret_err);
void quality_names_shape(struct run *run);
int quality_nulls_plan(struct run *run, struct err *ret_err);
void quality_nulls_shape(struct run *run);
int quality_clock_plan(struct run *run, struct err *ret_err);
void quality_clock_shape(struct run *run);
/* Of nulls and schema: how properties are filled and typed. */
int quality_properties_plan(struct run *run, struct err *ret_err);
void quality_coverage_shape(struct run *run);
void quality_types_shape(struct run *run);
