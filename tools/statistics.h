#pragma once
/* Small formulas shared by tools. */
#include <stddef.h>

/* 95 % Wilson score interval of a share: E. B. Wilson, JASA 22 (1927), 209-212. `whole` > 0. */
void statistics_wilson(double part, double whole, double *ret_low, double *ret_high);

/* A 2×2 table of counts: who has a trait and who has not, by outcome. */
struct two_by_two {
    double with_yes, with_no, without_yes, without_no;
};

/* Odds ratio with its 95 % interval by Wald on the logarithm: B. Woolf, Annals of Human Genetics 19
 * (1955), 251-253. Where a count is 0, 0.5 is added to all four: J. B. S. Haldane, ibid. 20 (1956),
 * 309-311; F. J. Anscombe, Biometrika 43 (1956), 461-464. */
void statistics_odds_ratio(const struct two_by_two *t, double *ret_ratio, double *ret_low,
                           double *ret_high);

/* Two-sided p-value that trait and outcome are independent. Pearson's chi-square without a
 * correction where all four expected counts are at least 5 (W. G. Cochran, Biometrics 10 (1954),
 * 417-451), else Fisher's exact test: the sum of all tables of the same margins that are no
 * likelier. 1 where a margin is 0. */
double statistics_independence(const struct two_by_two *t);

/* Turns p-values into adjusted ones, which control the share of false discoveries: Y. Benjamini, Y.
 * Hochberg, JRSS B 57 (1995), 289-300. -1: out of memory. */
int statistics_adjust(double *p, size_t count);

/* Cohen's h, the difference of two shares in a measure that is as sharp near 0 and 1 as between:
 * 2 asin √a - 2 asin √b. J. Cohen, Statistical Power Analysis (1988), chapter 6. */
double statistics_cohen_h(double a, double b);
