#pragma once
/* The series that anomaly_scan scores: its queries, and its rows as gap-free points. */
#include "anomaly.h"
#include "run.h"

extern const char *const anomaly_metrics[]; /* event_count actors error_rate latency_p95 series */

struct anomaly_series {
    const char *segment; /* value of `by`, borrowed from the rows; NULL without `by` */
    struct anomaly_point *points;
    int64_t *at_us;
    size_t count, size;
};

int anomaly_series_plan(struct run *run, int max_segments, int max_points, struct err *ret_err);

/* Rows → series. Intervals without events count 0 in counting metrics and are absent in others;
 * intervals that the period or the data cut short are left out of the scoring. */
int anomaly_series_read(const struct run *run, const json_t *rows, struct anomaly_series **ret_list,
                        size_t *ret_count, struct err *ret_err);
void anomaly_series_free(struct anomaly_series *list, size_t count);

/* Where a point ends: the start of the next interval; of raw points their own time. */
int64_t anomaly_series_end(const struct run *run, const struct anomaly_series *s, size_t i);
double anomaly_series_period_s(const struct run *run);
enum anomaly_noise anomaly_series_noise(const struct run *run);
