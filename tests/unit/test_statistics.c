/* The formulas shared by tools, against closed forms of special cases. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_wilson)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
