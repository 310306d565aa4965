/* The pure parts of the tools: alignment, anomaly scores, periods, zones, intervals. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "align.h"
#include "anomaly.h"
#include "formula.h"
#include "interval.h"
#include "period.h"
#include "text.h"

/* --- formulas -------------------------------------------------------------------------------- */

static void test_formula_values(void **state)
{
    const double values[] = {6, 4, NAN, 0};
    static const struct {
        const char *text;
        double value; /* NAN: none */
        bool divides_by_zero;
    } cases[] = {
        {"A/B*100", 150},     {"a - b", 2},           {"A-B-1", 1},           {"A-(B-1)", 3},
        {"2+A*B", 26},        {"(2+A)*B", 32},        {"-A+B", -2},           {"A*-B", -24},
        {"--A", 6},           {"+A/.5", 12},          {"A/B/2", 0.75},        {"1e2*A", 600},
        {"A*1.5E-1+2.", 2.9}, {"C+1", NAN},           {"C/D", NAN},           {"A/D", NAN, true},
        {"D/A", 0},           {"A/(B-4)", NAN, true}, {"A/D + 1", NAN, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct formula f;
        struct err err = {0};
        bool divided = false;
        assert_int_equal(formula_parse(cases[i].text, 4, &f, &err), 0);
        double value = formula_value(&f, values, &divided);
        assert_true(isnan(cases[i].value) ? isnan(value) : fabs(value - cases[i].value) < 1e-9);
        assert_int_equal(divided, cases[i].divides_by_zero);
    }
}

static void test_formula_refuses(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "missing at position 1"},
        {"A+", "missing at position 3"},
        {"A B", "operator"},
        {"(A", ") is missing"},
        {"A)", "too many"},
        {"E", "no such series"},
        {"A/Z", "no such series"},
        {"1+2", "no series"},
        {"A^2", "operator"},
        {"A+*B", "letter"},
        {"1.2.3*A", "no decimal number at position 1"},
        {"A*0x1F", "no decimal number at position 3"},
        {"A+0x1p3", "no decimal number at position 3"},
        {"A*2B", "no decimal number at position 3"},
        {".*A", "no decimal number at position 1"},
        {"A*1e999", "too large at position 3"},
        {"A*2e", "no decimal number at position 3"},
        {"inf*A", "no such series"},
        {"A*nan", "no such series at position 3"},
        {"()", "letter"},
        {"A/B; DROP TABLE", "operator"},
        {"Ä", "letter"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct formula f = {.count = 7};
        struct err err = {0};
        assert_true(formula_parse(cases[i].text, 4, &f, &err) < 0);
        assert_string_equal(err.field, "formula");
        assert_non_null(strstr(err.text, cases[i].says));
        assert_int_equal(f.count, 7);
    }
    char deep[400];
    memset(deep, '(', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    struct formula f;
    struct err err = {0};
    assert_true(formula_parse(deep, 1, &f, &err) < 0);
    assert_non_null(strstr(err.text, "too long"));
}

/* --- alignment ----------------------------------------------------------------------------- */

static size_t codes(const char *letters, uint32_t *out)
{
    size_t n = strlen(letters);
    for (size_t i = 0; i < n; i++)
        out[i] = (uint32_t)letters[i];
    return n;
}

static int cost_of(const char *trace, const char *reference, struct align_costs costs)
{
    uint32_t t[64], r[64];
    struct align_move moves[128];
    size_t n = codes(trace, t), m = codes(reference, r), count = 0;
    int cost = align(t, n, r, m, costs, moves, &count), sum = 0;
    size_t i = 0, j = 0;
    /* The moves must walk through both sequences, and cost what was said. */
    for (size_t k = 0; k < count; k++) {
        assert_int_equal(moves[k].reference_at, i);
        assert_int_equal(moves[k].trace_at, j);
        bool is_inner = i > 0 && i < m;
        if (moves[k].kind == ALIGN_MATCH)
            assert_int_equal(t[j], r[i]);
        else
            sum += moves[k].kind == ALIGN_SKIP ? 1
                   : is_inner                  ? costs.inner_insert
                                               : costs.edge_insert;
        i += moves[k].kind != ALIGN_INSERT;
        j += moves[k].kind != ALIGN_SKIP;
    }
    assert_int_equal(i, m);
    assert_int_equal(j, n);
    assert_int_equal(sum, cost);
    return cost;
}

static void test_align_by_hand(void **state)
{
    const struct align_costs linear = {1, 1}, eventually = {0, 0}, directly = {0, 1};
    static const struct {
        const char *trace, *reference;
        int linear, eventually, directly;
    } cases[] = {
        {"abc", "abc", 0, 0, 0},    {"", "abc", 3, 3, 3},        {"abc", "", 3, 0, 0},
        {"axbxc", "abc", 2, 0, 2},  {"xxabcxx", "abc", 4, 0, 0}, {"acb", "abc", 2, 1, 1},
        {"cba", "abc", 4, 2, 2},    {"ababc", "abc", 2, 0, 0},   {"aab", "abc", 2, 1, 1},
        {"abxabc", "abc", 3, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(cost_of(cases[i].trace, cases[i].reference, linear), cases[i].linear);
        assert_int_equal(cost_of(cases[i].trace, cases[i].reference, eventually),
                         cases[i].eventually);
        assert_int_equal(cost_of(cases[i].trace, cases[i].reference, directly), cases[i].directly);
    }
}

static int lcs(const char *a, const char *b)
{
    if (*a == '\0' || *b == '\0')
        return 0;
    if (*a == *b)
        return 1 + lcs(a + 1, b + 1);
    int x = lcs(a + 1, b), y = lcs(a, b + 1);
    return x > y ? x : y;
}

static bool is_subsequence(const char *trace, const char *reference)
{
    for (; *trace != '\0'; trace++)
        reference += *reference == *trace && *reference != '\0';
    return *reference == '\0';
}

/* Random words against the definitions: |trace| + |reference| - 2 LCS, subsequence, block. */
static void test_align_at_random(void **state)
{
    unsigned seed = 7;
    for (int round = 0; round < 3000; round++) {
        char trace[12], reference[8];
        int n = (seed = seed * 1103515245 + 12345) >> 16 & 7, m = (seed >> 20) & 3;
        for (int i = 0; i < n; i++)
            trace[i] = (char)('a' + ((seed = seed * 1103515245 + 12345) >> 16) % 4);
        for (int i = 0; i <= m; i++)
            reference[i] = (char)('a' + ((seed = seed * 1103515245 + 12345) >> 16) % 4);
        trace[n] = reference[m + 1] = '\0';
        assert_int_equal(cost_of(trace, reference, (struct align_costs){1, 1}),
                         n + m + 1 - 2 * lcs(trace, reference));
        assert_int_equal(cost_of(trace, reference, (struct align_costs){0, 0}) == 0,
                         is_subsequence(trace, reference));
        assert_int_equal(cost_of(trace, reference, (struct align_costs){0, 1}) == 0,
                         strstr(trace, reference) != NULL);
    }
}

/* --- anomalies ------------------------------------------------------------------------------- */

static void test_anomaly_scores_a_spike(void **state)
{
    struct anomaly_point p[60] = {0};
    for (int i = 0; i < 60; i++)
        p[i].value = 100 + (i % 2 == 0 ? 1 : -1);
    p[40].value = 130;
    p[41].value = 131;
    assert_int_equal(anomaly_score(p, 60, ANOMALY_NOISE_NONE, ANOMALY_BOTH), 0);
    for (int i = 0; i < 10; i++)
        assert_true(p[i].score == 0); /* warm-up */
    /* Earlier points: mean 100, deviation 1; the range with the point is 31, its floor 1.55. */
    assert_true(fabs(p[40].score - 30 / 1.55) < 0.01);
    assert_true(fabs(p[40].expected - 100) < 1e-9);
    /* The next one is less surprising now, and suppressed. */
    assert_true(p[41].score == 0);
}

static void test_anomaly_flat_series_has_a_floor(void **state)
{
    struct anomaly_point p[40] = {0};
    for (int i = 0; i < 40; i++)
        p[i].value = 1000;
    p[30].value = 1005;
    assert_int_equal(anomaly_score(p, 40, ANOMALY_NOISE_NONE, ANOMALY_BOTH), 0);
    assert_true(fabs(p[30].score - 0.5) < 1e-9); /* 5 of a floor of 10 */
}

static void test_anomaly_direction_and_left_out(void **state)
{
    struct anomaly_point p[40] = {0}, q[40];
    for (int i = 0; i < 40; i++)
        p[i].value = 50 + i % 3;
    p[30].value = 10;
    memcpy(q, p, sizeof p);
    assert_int_equal(anomaly_score(p, 40, ANOMALY_NOISE_NONE, ANOMALY_UP), 0);
    assert_true(p[30].score == 0);
    assert_int_equal(anomaly_score(q, 40, ANOMALY_NOISE_NONE, ANOMALY_DOWN), 0);
    assert_true(q[30].score > 10);
    q[30].is_left_out = true;
    assert_int_equal(anomaly_score(q, 40, ANOMALY_NOISE_NONE, ANOMALY_DOWN), 0);
    assert_true(q[30].score == 0);
    assert_true(q[31].expected > 50); /* not learnt from */
    assert_int_equal(anomaly_score(NULL, 0, ANOMALY_NOISE_NONE, ANOMALY_BOTH), 0);
}

/* One error among 20 events after none is no news; 15 of 20 are. */
static void test_anomaly_noise_of_counting(void **state)
{
    struct anomaly_point p[40] = {0};
    for (int i = 0; i < 40; i++)
        p[i].volume = 20;
    p[20].value = 1 / 20.0;
    p[30].value = 15 / 20.0;
    assert_int_equal(anomaly_score(p, 40, ANOMALY_NOISE_SHARE, ANOMALY_BOTH), 0);
    assert_true(p[20].score > 1 && p[20].score < 1.2);
    assert_true(p[30].score > 10 && p[30].score <= 20);
    struct anomaly_point q[40] = {0};
    for (int i = 0; i < 40; i++)
        q[i].value = 100;
    q[30].value = 130;
    assert_int_equal(anomaly_score(q, 40, ANOMALY_NOISE_COUNT, ANOMALY_BOTH), 0);
    assert_true(fabs(q[30].score - 3) < 1e-9); /* sqrt(100) = 10 */
}

/* --- periods ---------------------------------------------------------------------------------- */

static struct zone *berlin(void)
{
    /* 2025-10-26 01:00 UTC: +01:00; 2026-03-29 01:00 UTC: +02:00 */
    json_t *rows = json_loads("[[0,7200],[1761440400,3600],[1774746000,7200]]", 0, NULL);
    struct zone *zone = zone_new("Europe/Berlin", rows);
    json_decref(rows);
    return zone;
}

static void test_period_texts(void **state)
{
    struct zone *zone = berlin();
    const int64_t now = 1774915200000000; /* 2026-03-31T00:00:00Z */
    static const struct {
        const char *text;
        bool is_end, in_berlin;
        const char *expected; /* in UTC; NULL = refused */
    } cases[] = {
        {"2026-03-01", false, false, "2026-03-01T00:00:00Z"},
        {"2026-03-01", true, false, "2026-03-02T00:00:00Z"},
        {"2026-03-01", false, true, "2026-02-28T23:00:00Z"},
        {"2026-03-29", true, true, "2026-03-29T22:00:00Z"}, /* a day of 23 hours */
        {"2026-03-01T10:00:00Z", false, true, "2026-03-01T10:00:00Z"},
        {"2026-03-01T10:00:00Z", true, false, "2026-03-01T10:00:00.000001Z"},
        {"2026-03-01 10:00", false, true, "2026-03-01T09:00:00Z"},
        {"2026-03-01T10:00:00.25+02:00", false, false, "2026-03-01T08:00:00.250Z"},
        {"2026-03-01T10:00:00-0530", false, false, "2026-03-01T15:30:00Z"},
        {"0001-01-01", false, false, "0001-01-01T00:00:00Z"},
        {"-7d", false, false, "2026-03-24T00:00:00Z"},
        {"-12h", false, false, "2026-03-30T12:00:00Z"},
        {"-2w", false, false, "2026-03-17T00:00:00Z"},
        {"now", false, false, "2026-03-31T00:00:00Z"},
        {"", false, false, NULL},
        {"2026-02-29", false, false, NULL},
        {"2024-02-30", false, false, NULL},
        {"2026-13-01", false, false, NULL},
        {"2026-3-1", false, false, NULL},
        {"2026-03-01T25:00", false, false, NULL},
        {"2026-03-01T10:00:00X", false, false, NULL},
        {"2026-03-01T10:00:00+99", false, false, NULL},
        {"-7", false, false, NULL},
        {"-7q", false, false, NULL},
        {"-99999999999d", false, false, NULL},
        {"yesterday", false, false, NULL},
        {"'; DROP TABLE x", false, false, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = 0;
        struct err err = {0};
        char text[48];
        int rc = period_parse(cases[i].text, "from", cases[i].is_end, now,
                              cases[i].in_berlin ? zone : &zone_utc, &us, &err);
        assert_int_equal(rc == 0, cases[i].expected != NULL);
        if (rc == 0) {
            period_format(us, &zone_utc, text, sizeof text);
            assert_string_equal(text, cases[i].expected);
        } else {
            assert_string_equal(err.field, "from");
        }
    }
    zone_free(zone);
}

static void test_formats_in_a_zone(void **state)
{
    struct zone *zone = berlin();
    char text[48];
    period_format(1774745999999999, zone, text, sizeof text);
    assert_string_equal(text, "2026-03-29T01:59:59.999999+01:00");
    period_format(1774746000000000, zone, text, sizeof text);
    assert_string_equal(text, "2026-03-29T03:00:00+02:00");
    period_format_date(1774738800000000, zone, text, sizeof text);
    assert_string_equal(text, "2026-03-29");
    period_format(-1, &zone_utc, text, sizeof text);
    assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
    zone_free(zone);
}

static void test_counted_things(void **state)
{
    static const struct {
        double n;
        const char *thing, *expected;
    } cases[] = {
        {1, "actor", "1 actor"},
        {0, "actor", "0 actors"},
        {1234, "path run", "1,234 path runs"},
        {1, "anomaly", "1 anomaly"},
        {2, "anomaly", "2 anomalies"},
        {2, "day", "2 days"},
        {-1, "actor", "-1 actors"},
        {2, "touch", "2 touches"},
        {3, "month", "3 months"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[48];
        assert_string_equal(text_things(text, sizeof text, cases[i].n, cases[i].thing),
                            cases[i].expected);
    }
    assert_string_equal(text_verb(1, "lies", "lie"), "lies");
}

static void test_periods_in_words(void **state)
{
    static const int64_t hour = 3600000000, march = 1772323200000000; /* 2026-03-01 UTC */
    struct zone *zone = berlin();
    const struct {
        int64_t from_us, to_us;
        const struct zone *zone;
        const char *expected;
    } cases[] = {
        {march, march + 168 * hour, &zone_utc, "2026-03-01 to 2026-03-07"},
        {march, march + 24 * hour, &zone_utc, "2026-03-01"},
        {march, march + 24 * hour + 1, &zone_utc, "2026-03-01 00:00 to 2026-03-02 00:00"},
        {march - hour, march + 23 * hour, zone, "2026-03-01 (Europe/Berlin)"},
        {march, march + 24 * hour, zone, "2026-03-01 01:00 to 2026-03-02 00:59 (Europe/Berlin)"},
        {march, march + hour, &zone_utc, "2026-03-01 00:00:00 to 2026-03-01 00:59:59"},
        {march + 1, march + 2, &zone_utc, "2026-03-01 00:00:00"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128];
        period_text(cases[i].from_us, cases[i].to_us, cases[i].zone, text, sizeof text);
        assert_string_equal(text, cases[i].expected);
    }
    zone_free(zone);
}

static void test_civil_days_round_trip(void **state)
{
    for (int64_t days = -800000; days < 800000; days += 37) {
        int64_t year;
        int month, day;
        period_civil(days, &year, &month, &day);
        assert_int_equal(period_days(year, month, day), days);
    }
}

static void check_interval(const struct zone *zone, enum interval interval, bool sunday,
                           const char *at, const char *start, const char *next)
{
    int64_t us;
    char text[48];
    assert_int_equal(period_parse(at, "at", false, 0, zone, &us, NULL), 0);
    int64_t begin = interval_start_us(zone, interval, sunday, us);
    period_format(begin, zone, text, sizeof text);
    assert_string_equal(text, start);
    period_format(interval_add_us(zone, interval, begin, 1), zone, text, sizeof text);
    assert_string_equal(text, next);
}

static void test_intervals(void **state)
{
    struct zone *zone = berlin();
    const struct zone *utc = &zone_utc;
    check_interval(utc, INTERVAL_HOUR, false, "2026-03-05T10:59:59Z", "2026-03-05T10:00:00Z",
                   "2026-03-05T11:00:00Z");
    check_interval(utc, INTERVAL_DAY, false, "2026-02-28T23:00:00Z", "2026-02-28T00:00:00Z",
                   "2026-03-01T00:00:00Z");
    check_interval(utc, INTERVAL_WEEK, false, "2026-03-01", "2026-02-23T00:00:00Z",
                   "2026-03-02T00:00:00Z"); /* a Sunday */
    check_interval(utc, INTERVAL_WEEK, true, "2026-03-01", "2026-03-01T00:00:00Z",
                   "2026-03-08T00:00:00Z");
    check_interval(utc, INTERVAL_MONTH, false, "2026-12-31", "2026-12-01T00:00:00Z",
                   "2027-01-01T00:00:00Z");
    check_interval(zone, INTERVAL_DAY, false, "2026-03-29T12:00:00Z", "2026-03-29T00:00:00+01:00",
                   "2026-03-30T00:00:00+02:00");
    check_interval(zone, INTERVAL_MONTH, false, "2026-03-31T22:30:00Z", "2026-04-01T00:00:00+02:00",
                   "2026-05-01T00:00:00+02:00");
    check_interval(utc, INTERVAL_MINUTE, false, "1969-12-31T23:59:30Z", "1969-12-31T23:59:00Z",
                   "1970-01-01T00:00:00Z");
    zone_free(zone);
}

static void check_list(const struct zone *zone, enum interval interval, const char *from,
                       const char *to, const char *const *expected)
{
    int64_t from_us, to_us, at[8];
    char text[48];
    assert_int_equal(period_parse(from, "from", false, 0, zone, &from_us, NULL), 0);
    assert_int_equal(period_parse(to, "to", false, 0, zone, &to_us, NULL), 0);
    size_t count = interval_list(zone, interval, false, from_us, to_us, 7, at);
    for (size_t i = 0; i <= count; i++) {
        assert_non_null(expected[i]);
        period_format(at[i], zone, text, sizeof text);
        assert_string_equal(text, expected[i]);
    }
    assert_null(expected[count + 1]);
}

/* In São Paulo summer began at midnight, which that day has not. */
static void test_list_of_intervals(void **state)
{
    json_t *rows = json_pack("[[i,i],[I,i]]", 0, -10800, (json_int_t)1541300400, -7200);
    struct zone *zone = zone_new("America/Sao_Paulo", rows);
    json_decref(rows);
    check_list(zone, INTERVAL_DAY, "2018-11-04", "2018-11-06",
               (const char *const[]){"2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00",
                                     "2018-11-06T00:00:00-02:00", NULL});
    check_list(zone, INTERVAL_WEEK, "2018-11-01", "2018-11-06",
               (const char *const[]){"2018-10-29T00:00:00-03:00", "2018-11-05T00:00:00-02:00",
                                     "2018-11-12T00:00:00-02:00", NULL});
    check_list(&zone_utc, INTERVAL_MONTH, "2026-01-31", "2026-02-01",
               (const char *const[]){"2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", NULL});
    int64_t at[3];
    const int64_t day_us = INT64_C(86400000000);
    assert_int_equal(interval_list(&zone_utc, INTERVAL_DAY, false, 0, 9 * day_us, 2, at), 2);
    assert_true(at[2] < 9 * day_us);
    zone_free(zone);
}

/* A day of 24.5 hours: its hours count from midnight, and the last is half a one. */
static void test_hours_of_a_half_hour_change(void **state)
{
    json_t *rows = json_pack("[[i,i],[I,i]]", 0, 39600, (json_int_t)1775314800, 37800);
    struct zone *zone = zone_new("Australia/Lord_Howe", rows);
    json_decref(rows);
    check_interval(zone, INTERVAL_HOUR, false, "2026-04-04T14:30:00Z", "2026-04-05T01:00:00+11:00",
                   "2026-04-05T01:30:00+10:30");
    check_interval(zone, INTERVAL_HOUR, false, "2026-04-04T15:30:00Z", "2026-04-05T01:30:00+10:30",
                   "2026-04-05T02:30:00+10:30");
    check_interval(zone, INTERVAL_HOUR, false, "2026-04-05T13:20:00Z", "2026-04-05T23:30:00+10:30",
                   "2026-04-06T00:30:00+10:30"); /* inside the first hour of that day */
    zone_free(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula_values),
        cmocka_unit_test(test_formula_refuses),
        cmocka_unit_test(test_align_by_hand),
        cmocka_unit_test(test_align_at_random),
        cmocka_unit_test(test_anomaly_scores_a_spike),
        cmocka_unit_test(test_anomaly_flat_series_has_a_floor),
        cmocka_unit_test(test_anomaly_direction_and_left_out),
        cmocka_unit_test(test_anomaly_noise_of_counting),
        cmocka_unit_test(test_period_texts),
        cmocka_unit_test(test_periods_in_words),
        cmocka_unit_test(test_counted_things),
        cmocka_unit_test(test_formats_in_a_zone),
        cmocka_unit_test(test_civil_days_round_trip),
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_list_of_intervals),
        cmocka_unit_test(test_hours_of_a_half_hour_change),
    };
    return cmocka_run_group_tests_name("analysis", tests, NULL, NULL);
}
