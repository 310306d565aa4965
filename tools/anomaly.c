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

static double scale(const struct moments *m)
{
    double deviation = sqrt(m->m2 / (double)m->count);
    double floor =
        fmax(ANOMALY_FLOOR_RANGE * (m->high - m->low), ANOMALY_FLOOR_MEAN * fabs(m->mean));
    return fmax(fmax(deviation, floor), 1e-9);
}

static double surprise(const struct moments *m, double x, enum anomaly_direction direction)
{
    double z = (x - m->mean) / scale(m);
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

int anomaly_score(struct anomaly_point *points, size_t count, enum anomaly_direction direction)
{
    struct moments m = {0};
    for (size_t i = 0; i < count; i++) {
        struct anomaly_point *p = &points[i];
        bool is_scored = m.count >= ANOMALY_WARM_UP && !p->is_left_out;
        p->expected = m.count >= ANOMALY_WARM_UP ? m.mean : p->value;
        p->score = is_scored ? surprise(&m, p->value, direction) : 0;
        if (!p->is_left_out)
            learn(&m, p->value);
    }
    return suppress(points, count);
}
