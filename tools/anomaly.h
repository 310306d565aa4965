#pragma once
/* Scoring of a time series: how surprising is each point, given the ones before it.
 *
 * Expanding z-score: |x - mean| / scale of all earlier points, causal, one pass (Welford). The
 * scale is the standard deviation with a floor, or a flat series would call every ripple an
 * anomaly: at least ANOMALY_FLOOR_RANGE of the range up to and with x (so no score exceeds 20), at
 * least ANOMALY_FLOOR_MEAN of the mean, and at least the noise that counting alone makes.
 * Refractory rule: a score stands only if it exceeds all scores of the preceding tenth of the
 * series (at least 10 points), so that one incident is reported at its onset and its peak, not at
 * every point. On the NAB series the rule is worth a third of the score (docs/benchmarks.md). */
#include <stdbool.h>
#include <stddef.h>

enum { ANOMALY_WARM_UP = 10, ANOMALY_REFRACTORY_MIN = 10, ANOMALY_REFRACTORY_SHARE = 10 };

#define ANOMALY_FLOOR_RANGE 0.05
#define ANOMALY_FLOOR_MEAN  0.01

/* The noise of counting: a count of mean m scatters by sqrt(m), a share p of n events by
 * sqrt(p (1 - p) / n), with p smoothed by one hit and one miss (Laplace). */
enum anomaly_noise { ANOMALY_NOISE_NONE, ANOMALY_NOISE_COUNT, ANOMALY_NOISE_SHARE };

enum anomaly_direction { ANOMALY_BOTH, ANOMALY_UP, ANOMALY_DOWN };

struct anomaly_point {
    double value;
    double volume;    /* events behind it; used with ANOMALY_NOISE_SHARE */
    bool is_left_out; /* not scored and not learnt from: too little volume, incomplete */
    /* filled in */
    double expected; /* mean of the earlier points; the value itself during warm-up */
    double score;    /* 0 = not surprising, or suppressed by the refractory rule */
};

/* Returns 0, or -1 when out of memory. */
int anomaly_score(struct anomaly_point *points, size_t count, enum anomaly_noise noise,
                  enum anomaly_direction direction);
