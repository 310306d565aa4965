#include "statistics.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

void statistics_wilson(double part, double whole, double *ret_low, double *ret_high)
{
    const double z = 1.959963984540054;
    double share = part / whole, z2 = z * z;
    double center = (share + z2 / (2 * whole)) / (1 + z2 / whole);
    double half =
        z / (1 + z2 / whole) * sqrt(share * (1 - share) / whole + z2 / (4 * whole * whole));
    /* At 0 and 1 the bounds are exact; rounding must not say otherwise. */
    *ret_low = part <= 0 ? 0 : fmax(0, center - half);
    *ret_high = part >= whole ? 1 : fmin(1, center + half);
}

void statistics_odds_ratio(const struct two_by_two *t, double *ret_ratio, double *ret_low,
                           double *ret_high)
{
    const double z = 1.959963984540054;
    double a = t->with_yes, b = t->with_no, c = t->without_yes, d = t->without_no;
    double correction = a > 0 && b > 0 && c > 0 && d > 0 ? 0 : 0.5;
    a += correction;
    b += correction;
    c += correction;
    d += correction;
    double log_ratio = log(a) + log(d) - log(b) - log(c);
    double error = sqrt(1 / a + 1 / b + 1 / c + 1 / d);
    *ret_ratio = exp(log_ratio);
    *ret_low = exp(log_ratio - z * error);
    *ret_high = exp(log_ratio + z * error);
}

static double log_choose(double n, double k)
{
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

/* Probabilities that differ by rounding alone count as equal, as in R's fisher.test(). */
static double fisher(double with_yes, double with, double yes, double all)
{
    double low = fmax(0, with + yes - all), high = fmin(with, yes);
    double whole = log_choose(all, yes), sum = 0;
    double limit =
        log_choose(with, with_yes) + log_choose(all - with, yes - with_yes) - whole + 1e-7;
    for (int64_t i = 0; i <= (int64_t)(high - low); i++) {
        double x = low + (double)i;
        double p = log_choose(with, x) + log_choose(all - with, yes - x) - whole;
        sum += p <= limit ? exp(p) : 0;
    }
    return fmin(1, sum);
}

double statistics_independence(const struct two_by_two *t)
{
    double with = t->with_yes + t->with_no, without = t->without_yes + t->without_no;
    double yes = t->with_yes + t->without_yes, no = t->with_no + t->without_no, all = yes + no;
    if (with <= 0 || without <= 0 || yes <= 0 || no <= 0)
        return 1;
    if (fmin(with, without) * fmin(yes, no) / all < 5)
        return fisher(t->with_yes, with, yes, all);
    double off = t->with_yes - with * yes / all; /* the same for all four, but for the sign */
    double chi2 = off * off * (all / with) * (all / without) * (all / yes) / no;
    return erfc(sqrt(chi2 / 2)); /* one degree of freedom */
}

static int by_p(const void *a, const void *b)
{
    double x = **(double *const *)a, y = **(double *const *)b;
    return (x > y) - (x < y);
}

int statistics_adjust(double *p, size_t count)
{
    double **order = calloc(count > 0 ? count : 1, sizeof *order);
    if (order == NULL)
        return -1;
    for (size_t i = 0; i < count; i++)
        order[i] = &p[i];
    qsort(order, count, sizeof *order, by_p);
    double least = 1;
    for (size_t i = count; i > 0; i--) {
        least = fmin(least, *order[i - 1] * (double)count / (double)i);
        *order[i - 1] = least;
    }
    free(order);
    return 0;
}

double statistics_cohen_h(double a, double b)
{
    return 2 * asin(sqrt(a)) - 2 * asin(sqrt(b));
}
