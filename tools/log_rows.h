#pragma once
/* The events of the cases that a call selects, with everything that is known of each. Internal to
 * the export of logs. */
#include "run.h"

/* One of `parts` (0 = all cases): from 1, chosen by a hash of the case. */
struct log_part {
    int64_t part, parts;
};

/* Adds a query of the round: `text` with the events as $rows, which have the columns _who String,
 * _us Int64, _order, _label String, _pairs Array(Tuple(key String, value String)) without empty
 * ones. Resource, start, actor and session are among the pairs, under the names in log_text.h;
 * properties of such a name are called event.<name>. `limit` is bound where it is not 0. Returns
 * its index or negative. */
int log_plan_rows(struct run *run, const struct sql_text *text, struct log_part part, int64_t limit,
                  size_t max_rows, struct err *ret_err);
