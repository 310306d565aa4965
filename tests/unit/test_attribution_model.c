/* The models of attribution that look at all journeys, against figures worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "attribution_model.h"

enum { A, B, C, CHANNELS, STATES = CHANNELS + MARKOV_EXTRA };

static void walk(double steps[STATES][STATES], const int *channels, int end)
{
    int at = CHANNELS + MARKOV_START;
    for (; *channels >= 0; at = *channels++)
        steps[at][*channels]++;
    steps[at][CHANNELS + end]++;
}

/* The journeys C A B → yes, C A → no, B → no and B A → yes, the example that many texts give:
 * without A 0 of all conversions are left, without B half of them, without C half. */
static void test_markov_by_hand(void **state)
{
    double steps[STATES][STATES] = {{0}}, shares[CHANNELS];
    walk(steps, (const int[]){C, A, B, -1}, MARKOV_CONVERSION);
    walk(steps, (const int[]){C, A, -1}, MARKOV_NOTHING);
    walk(steps, (const int[]){B, -1}, MARKOV_NOTHING);
    walk(steps, (const int[]){B, A, -1}, MARKOV_CONVERSION);
    assert_int_equal(markov_shares(&steps[0][0], CHANNELS, shares), 0);
    /* From A: to B, to nothing, to the conversion, 1/3 each; from B: to A, to nothing, to the
     * conversion, 1/3 each; from C always to A. So h(A) = h(B) = 1/2 and h(start) = 1/2.
     * Without A: start → B → yes, 1/2 · 1/3 = 1/6, a loss of 2/3. Without B: start → C → A → yes,
     * 1/6, a loss of 2/3. Without C: 1/2 · 1/2 = 1/4, a loss of 1/2. */
    double sum = 2 / 3. + 2 / 3. + 1 / 2.;
    assert_true(fabs(shares[A] - 2 / 3. / sum) < 1e-12);
    assert_true(fabs(shares[B] - 2 / 3. / sum) < 1e-12);
    assert_true(fabs(shares[C] - 1 / 2. / sum) < 1e-12);
}

/* Steps from a channel to itself change nothing; a channel without touches has no share. */
static void test_markov_repeats(void **state)
{
    double once[STATES][STATES] = {{0}}, often[STATES][STATES] = {{0}};
    double shares[CHANNELS], others[CHANNELS];
    walk(once, (const int[]){A, B, -1}, MARKOV_CONVERSION);
    walk(once, (const int[]){A, -1}, MARKOV_NOTHING);
    walk(often, (const int[]){A, A, A, B, B, -1}, MARKOV_CONVERSION);
    walk(often, (const int[]){A, -1}, MARKOV_NOTHING);
    assert_int_equal(markov_shares(&once[0][0], CHANNELS, shares), 0);
    assert_int_equal(markov_shares(&often[0][0], CHANNELS, others), 0);
    for (int i = 0; i < CHANNELS; i++)
        assert_true(fabs(shares[i] - others[i]) < 1e-12);
    assert_true(fabs(shares[A] - 0.5) < 1e-12 && shares[C] == 0);
}

static void test_markov_nothing(void **state)
{
    double steps[STATES][STATES] = {{0}}, shares[CHANNELS] = {1, 1, 1};
    assert_int_equal(markov_shares(&steps[0][0], CHANNELS, shares), 0);
    assert_true(shares[A] == 0 && shares[B] == 0 && shares[C] == 0);
    walk(steps, (const int[]){A, -1}, MARKOV_NOTHING);
    assert_int_equal(markov_shares(&steps[0][0], CHANNELS, shares), 0);
    assert_true(shares[A] == 0);
    assert_int_equal(markov_shares((const double[MARKOV_EXTRA *MARKOV_EXTRA]){0}, 0, shares), 0);
}

/* p(A) = 3/4, p(B) = 1/2, p(C) = 0, p(A, B) = 1; A and C, B and C never together:
 * C(A) = 3/4 + (1 - 3/4 - 1/2) / 4, C(B) = 1/2 + the same, C(C) = 0. */
static void test_probabilistic_by_hand(void **state)
{
    double won[CHANNELS][CHANNELS] = {{3, 2, 0}, {0, 2, 0}, {0, 0, 0}};
    double lost[CHANNELS][CHANNELS] = {{1, 0, 0}, {0, 2, 0}, {0, 0, 5}};
    double strengths[CHANNELS];
    probabilistic_strengths(&won[0][0], &lost[0][0], CHANNELS, strengths);
    assert_true(fabs(strengths[A] - (0.75 - 0.0625)) < 1e-12);
    assert_true(fabs(strengths[B] - (0.5 - 0.0625)) < 1e-12);
    assert_true(strengths[C] == 0);
    probabilistic_strengths(&won[0][0], &lost[0][0], 1, strengths);
    assert_true(fabs(strengths[A] - 0.75) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_markov_by_hand),
        cmocka_unit_test(test_markov_repeats),
        cmocka_unit_test(test_markov_nothing),
        cmocka_unit_test(test_probabilistic_by_hand),
    };
    return cmocka_run_group_tests_name("attribution", tests, NULL, NULL);
}
