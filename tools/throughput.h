#pragma once
/* The answer of throughput as text; internal to it. */
#include "calendar.h"

enum {
    THROUGHPUT_POINTS = 100,    /* of the survival curve */
    THROUGHPUT_INTERVALS = 800, /* the last ones that are told: both lists fit into a result */
};

/* What stands beside the result. */
struct throughput_totals {
    double cases, took_s;            /* all, and what they take together */
    double slow_s;                   /* of it, what those beyond the 95th percentile take */
    double typical_s;                /* the median */
    const struct calendar *calendar; /* of started and finished, `skipped` intervals before them */
    json_int_t skipped;
    json_int_t open; /* cases that began in those and did not end there */
};
void throughput_write_text(struct run *run, const struct throughput_totals *totals);
