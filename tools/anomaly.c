#include "anomaly.h"

#include <math.h>
#include <stdlib.h>

struct moments {
    size_t count;
    double mean, m2, low, high;
};

static void learn(struct moments *m, double x)
{
    m->low = m->count == 0 ? x : fmin(m->low, x);
    m->high = m->count == 0 ? x : fmax(m->high, x);
    m->count++;
    double delta = x - m->mean;
    m->mean += delta / (double)m->count;
    m->m2 += delta * (x - m->mean);
}

static double counting_noise(const struct moments *m, double volume, enum anomaly_noise noise)
{
    if (noise == ANOMALY_NOISE_COUNT)
        return sqrt(fmax(m->mean, 1));
    if (noise == ANOMALY_NOISE_NONE || volume <= 0)
        return 0;
    double share = (m->mean * volume + 1) / (volume + 2);
    return sqrt(share * (1 - share) / volume);
}

static double scale(const struct moments *m, const struct anomaly_point *p,
                    enum anomaly_noise noise)
{
    double deviation = sqrt(m->m2 / (double)m->count);
    double range = fmax(m->high, p->value) - fmin(m->low, p->value);
    double floor = fmax(ANOMALY_FLOOR_RANGE * range, ANOMALY_FLOOR_MEAN * fabs(m->mean));
    floor = fmax(floor, counting_noise(m, p->volume, noise));
    return fmax(fmax(deviation, floor), 1e-9);
}

static double surprise(const struct moments *m, const struct anomaly_point *p,
                       enum anomaly_noise noise, enum anomaly_direction direction)
{
    double z = (p->value - m->mean) / scale(m, p, noise);
    if (direction == ANOMALY_UP)
        return fmax(z, 0);
    if (direction == ANOMALY_DOWN)
        return fmax(-z, 0);
    return fabs(z);
}

/* Keeps a score only if it exceeds every score of the window before it. The window's maxima stand
 * in a monotone queue: indices whose scores fall. */
static int suppress(struct anomaly_point *points, size_t count)
{
    size_t window = count / ANOMALY_REFRACTORY_SHARE;
    if (window < ANOMALY_REFRACTORY_MIN)
        window = ANOMALY_REFRACTORY_MIN;
    size_t *queue = calloc(count + 1, sizeof *queue), head = 0, tail = 0;
    double *raw = calloc(count + 1, sizeof *raw);
    int rc = queue == NULL || raw == NULL ? -1 : 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        raw[i] = points[i].score;
        while (head < tail && queue[head] + window < i)
            head++;
        if (head < tail && raw[i] <= raw[queue[head]])
            points[i].score = 0;
        while (head < tail && raw[queue[tail - 1]] <= raw[i])
            tail--;
        queue[tail++] = i;
    }
    free(queue);
    free(raw);
    return rc;
}

int anomaly_score(struct anomaly_point *points, size_t count, enum anomaly_noise noise,
                  enum anomaly_direction direction)
{
    struct moments m = {0};
    for (size_t i = 0; i < count; i++) {
        struct anomaly_point *p = &points[i];
        bool is_scored = m.count >= ANOMALY_WARM_UP && !p->is_left_out;
        p->expected = m.count >= ANOMALY_WARM_UP ? m.mean : p->value;
        p->score = is_scored ? surprise(&m, p, noise, direction) : 0;
        if (!p->is_left_out)
            learn(&m, p->value);
    }
    return suppress(points, count);
}
