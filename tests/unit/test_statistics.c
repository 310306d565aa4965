/* The formulas shared by tools, against closed forms of special cases. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "statistics.h"

/* None of n: from 0 to z² / (n + z²). Half of n: 1/2 ± z / 2 / sqrt(n + z²). */
static void test_wilson(void **state)
{
    static const struct {
        double part, whole, low, high;
    } rows[] = {
        {5, 10, 0.2365931, 0.7634069},
        {0, 10, 0, 0.2775328},
        {10, 10, 0.7224672, 1},
        {1, 1, 0.2065493, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double low = -1, high = -1;
        statistics_wilson(rows[i].part, rows[i].whole, &low, &high);
        assert_true(fabs(low - rows[i].low) < 1e-6);
        assert_true(fabs(high - rows[i].high) < 1e-6);
    }
}

static bool is_close(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fmax(1, fabs(b));
}

/* The last one has a 0: every count is half more. */
static void test_odds_ratio(void **state)
{
    static const struct {
        struct two_by_two t;
        double ratio, low, high;
    } rows[] = {
        {{60, 40, 30, 70}, 3.5, 1.9486010631358683, 6.286561283245002},
        {{20, 30, 40, 10}, 0.16666666666666669, 0.06812871188575645, 0.4077249812730604},
        {{5, 0, 3, 7}, 23.571428571428573, 0.9991625570507072, 556.0779284383872},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double ratio = -1, low = -1, high = -1;
        statistics_odds_ratio(&rows[i].t, &ratio, &low, &high);
        assert_true(is_close(ratio, rows[i].ratio));
        assert_true(is_close(low, rows[i].low));
        assert_true(is_close(high, rows[i].high));
    }
}

/* Fisher's values as exact fractions; the first is his lady who tasted tea, two-sided. */
static void test_independence(void **state)
{
    static const struct {
        struct two_by_two t;
        double p;
    } rows[] = {
        {{3, 1, 1, 3}, 34.0 / 70},
        {{0, 5, 5, 0}, 2.0 / 252},
        {{1, 10, 9, 3}, 0.0027594561852200836},
        {{8, 2, 1, 5}, 0.03496503496503497},
        {{2, 998, 3, 97}, 0.006373695440689809},
        {{60, 40, 30, 70}, 2.007865612426481e-05}, /* chi-square 18.18 */
        {{20, 30, 40, 10}, 4.455709060405608e-05}, /* chi-square 16.67 */
        {{50, 50, 50, 50}, 1},
        {{7, 0, 9, 0}, 1}, /* nobody failed */
        {{0, 0, 0, 0}, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_true(is_close(statistics_independence(&rows[i].t), rows[i].p));
}

/* The fifteen p-values of the method's own paper; adjusted as R's p.adjust() does. */
static void test_adjust(void **state)
{
    double p[] = {0.0459, 0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298,
                  0.0344, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1};
    const double adjusted[] = {0.0765, 0.0015,    0.003,     0.0095, 0.035625,
                               0.0603, 0.447 / 7, 0.447 / 7, 0.0645, 0.486};
    assert_int_equal(statistics_adjust(p, sizeof p / sizeof p[0]), 0);
    for (size_t i = 0; i < 10; i++)
        assert_true(is_close(p[i], adjusted[i]));
    assert_true(is_close(p[10], 0.4262 * 15 / 11));
    assert_true(is_close(p[14], 1));
    assert_int_equal(statistics_adjust(NULL, 0), 0);
}

static void test_cohen_h(void **state)
{
    assert_true(is_close(statistics_cohen_h(0.5, 0.25), acos(-1) / 6));
    assert_true(is_close(statistics_cohen_h(0, 1), -acos(-1)));
    assert_true(is_close(statistics_cohen_h(0.3, 0.3), 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wilson),       cmocka_unit_test(test_odds_ratio),
        cmocka_unit_test(test_independence), cmocka_unit_test(test_adjust),
        cmocka_unit_test(test_cohen_h),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
