#pragma once
/* The state of bottlenecks and its answer as text; internal to it. */
#include "process.h"

struct bottlenecks {
    struct process_periods periods; /* of the edges */
    int services_at, times_at;      /* queries of a round, -1 = not asked */
    enum source_service service;
    json_t *times; /* rows of process_plan_times(), or NULL */
};

/* The finding in words; `all` are the edges of the period, those that are not listed, too. */
void bottlenecks_write_text(struct run *run, json_int_t cases, const json_t *all);
void bottlenecks_write_tables(struct run *run);
