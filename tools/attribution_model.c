#include "attribution_model.h"

#include <math.h>
#include <stdlib.h>

/* Solves m · x = r for several right sides at once, Gauss-Jordan with partial pivots. Both are by
 * rows; `r` becomes the solution. */
static void solve(double *m, double *r, size_t n, size_t sides)
{
    for (size_t k = 0; k < n; k++) {
        size_t pivot = k;
        for (size_t i = k + 1; i < n; i++)
            pivot = fabs(m[i * n + k]) > fabs(m[pivot * n + k]) ? i : pivot;
        for (size_t j = 0; j < n; j++) {
            double swap = m[k * n + j];
            m[k * n + j] = m[pivot * n + j];
            m[pivot * n + j] = swap;
        }
        for (size_t j = 0; j < sides; j++) {
            double swap = r[k * sides + j];
            r[k * sides + j] = r[pivot * sides + j];
            r[pivot * sides + j] = swap;
        }
        double by = m[k * n + k];
        for (size_t j = 0; j < n; j++)
            m[k * n + j] /= by;
        for (size_t j = 0; j < sides; j++)
            r[k * sides + j] /= by;
        for (size_t i = 0; i < n; i++) {
            double factor = m[i * n + k];
            if (i == k || factor == 0)
                continue;
            for (size_t j = 0; j < n; j++)
                m[i * n + j] -= factor * m[k * n + j];
            for (size_t j = 0; j < sides; j++)
                r[i * sides + j] -= factor * r[k * sides + j];
        }
    }
}

/* I - Q over the channels and the start; on the right the identity, and the way to a conversion. A
 * state that is never left has a row of its own: it leads nowhere, and the matrix stays regular. */
static void fill(const double *steps, size_t count, double *m, double *r)
{
    size_t n = count + 1, states = count + MARKOV_EXTRA, sides = n + 1;
    for (size_t i = 0; i < n; i++) {
        double leaving = 0;
        for (size_t j = 0; j < states; j++)
            leaving += steps[i * states + j];
        for (size_t j = 0; j < n; j++) {
            double share = leaving > 0 ? steps[i * states + j] / leaving : 0;
            m[i * n + j] = (i == j ? 1 : 0) - share;
            r[i * sides + j] = i == j ? 1 : 0;
        }
        r[i * sides + n] =
            leaving > 0 ? steps[i * states + count + MARKOV_CONVERSION] / leaving : 0;
    }
}

int markov_shares(const double *steps, size_t count, double *ret_shares)
{
    size_t n = count + 1, sides = n + 1;
    double *m = calloc(n * n, sizeof *m), *r = calloc(n * sides, sizeof *r), sum = 0;
    if (m == NULL || r == NULL) {
        free(m);
        free(r);
        return -1;
    }
    fill(steps, count, m, r);
    solve(m, r, n, sides);
    for (size_t i = 0; i < count; i++) {
        double visits = r[count * sides + i] / r[i * sides + i]; /* of the walks from the start */
        ret_shares[i] = visits * r[i * sides + n];
        sum += ret_shares[i];
    }
    for (size_t i = 0; i < count; i++)
        ret_shares[i] = sum > 0 ? ret_shares[i] / sum : 0;
    free(m);
    free(r);
    return 0;
}

static double share_won(const double *won, const double *lost, size_t at)
{
    double all = won[at] + lost[at];
    return all > 0 ? won[at] / all : 0;
}

void probabilistic_strengths(const double *won, const double *lost, size_t count,
                             double *ret_strengths)
{
    for (size_t i = 0; i < count; i++) {
        double own = share_won(won, lost, i * count + i), together = 0;
        for (size_t j = 0; j < count; j++) {
            size_t pair = i < j ? i * count + j : j * count + i;
            if (j != i && won[pair] + lost[pair] > 0)
                together += share_won(won, lost, pair) - own - share_won(won, lost, j * count + j);
        }
        if (count > 1)
            own += together / (2 * (double)(count - 1));
        ret_strengths[i] = fmax(0, own);
    }
}
