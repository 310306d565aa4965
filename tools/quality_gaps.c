/* Intervals with few events or none, where the same hours of other days have many. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "interval.h"
#include "quality.h"
#include "rows_where.h"
#include "sql_text.h"
#include "text.h"
#include "json.h"

/* Hours up to so many, then days; names by day. In a gap each interval has at most a tenth of what
 * is expected, and all of them together lie so many deviations below it; where less than
 * MIN_EXPECTED is usual, few say nothing. */
enum { MAX_HOURS = 2400, MAX_INTERVALS = 5000, MAX_ROWS = 50000, MIN_EXPECTED = 10, MIN_PEERS = 3 };
static const double gap_share = 0.1, gap_score = 3;

static enum interval total_interval(const struct run *run)
{
    const struct period *p = &run->period;
    return (p->to_us - p->from_us) / 3600000000 <= MAX_HOURS ? INTERVAL_HOUR : INTERVAL_DAY;
}

static int plan_one(struct run *run, const char *name, bool is_by_event, enum interval interval,
                    struct err *ret_err)
{
    struct query q;
    struct buf event = {0}, start = {0};
    query_init(&q);
    query_set_integer(&q, "limit", MAX_ROWS + 1);
    query_set_integer(&q, "least", is_by_event ? 2 * MIN_EXPECTED : 0);
    if (is_by_event)
        rows_logical(run, &q, SOURCE_EVENT, &event);
    else
        buf_puts(&event, "''");
    interval_start_sql(run, &q, interval, false, &start);
    int rc = quality_plan_rows(run, name, &sql_quality_gaps, false, &q,
                               (const struct query_fragment[]){
                                   {"name", buf_text(&event)}, {"start", buf_text(&start)}, {0}},
                               MAX_ROWS, ret_err);
    query_done(&q);
    buf_done(&event);
    buf_done(&start);
    return rc;
}

int quality_gaps_plan(struct run *run, struct err *ret_err)
{
    int rc = plan_one(run, "gaps", false, total_interval(run), ret_err);
    return rc < 0 ? rc : plan_one(run, "event_gaps", true, INTERVAL_DAY, ret_err);
}

/* --- one series ------------------------------------------------------------------------------ */

/* Lists of `count`, of one name: where its intervals start (one more: the end), how many events
 * each has, how many it would have where it may be a gap or part of one, else 0, and the variance
 * of that. */
struct series {
    enum interval interval;
    size_t count;
    const int64_t *start_us;
    const double *counts;
    double *expected, *variances;
    double *sorted, *deviations, *residuals; /* room */
    size_t residual_count;
};

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The median of the others, if `value`, which is one of `count` sorted ones, is left out. */
static double median_without(const double *sorted, size_t count, double value)
{
    size_t low = 0, high = count, middle = (count - 1) / 2;
    while (low < high) {
        size_t half = (low + high) / 2;
        if (sorted[half] < value)
            low = half + 1;
        else
            high = half;
    }
    double upper = sorted[middle < low ? middle : middle + 1];
    if (count % 2 == 0) /* the others are an odd number */
        return upper;
    return (sorted[middle - 1 < low ? middle - 1 : middle] + upper) / 2;
}

/* The same hour of the same weekday, any day at that hour, all. */
enum { SEASONS = 3 };

static size_t season_length(const struct series *s, size_t k)
{
    size_t day = s->interval == INTERVAL_HOUR ? 24 : 1;
    return k == 0 ? day * 7 : k == 1 ? day : 1;
}

/* The season whose others are held against interval i; 0 = none has enough of them. */
static size_t season_of(const struct series *s, size_t i)
{
    for (size_t k = 0; k < SEASONS; k++) {
        size_t season = season_length(s, k);
        if ((s->count - 1 - i % season) / season >= MIN_PEERS)
            return season;
    }
    return 0;
}

/* 1.4826 median deviations are a standard deviation of normal values. */
static double squared_deviation(double median)
{
    return 1.4826 * median * 1.4826 * median;
}

/* All at one place of a season, each held against the others. Those that may be gaps lie below the
 * median, so that it and the deviations from it are the same for all of them. */
static void judge_place(struct series *s, size_t first, size_t season)
{
    size_t count = 0;
    double center = -1;
    bool is_used = false;
    for (size_t i = first; i < s->count; i += season) {
        is_used |= season_of(s, i) == season;
        s->sorted[count++] = s->counts[i];
    }
    if (!is_used)
        return;
    qsort(s->sorted, count, sizeof *s->sorted, ascending);
    for (size_t i = first; i < s->count; i += season) {
        if (season_of(s, i) != season)
            continue;
        double middle = median_without(s->sorted, count, s->counts[i]);
        if (middle > 0)
            s->residuals[s->residual_count++] = fabs(s->counts[i] - middle) / sqrt(middle);
        if (middle < MIN_EXPECTED || s->counts[i] > gap_share * middle)
            continue;
        if (fabs(middle - center) > 0) {
            for (size_t k = 0; k < count; k++)
                s->deviations[k] = fabs(s->sorted[k] - middle);
            qsort(s->deviations, count, sizeof *s->deviations, ascending);
            center = middle;
        }
        s->expected[i] = middle;
        s->variances[i] =
            squared_deviation(median_without(s->deviations, count, fabs(s->counts[i] - middle)));
    }
}

/* The variance of a count is its mean times this: 1 for events that come one by one, as many as
 * come together else (those of a session). From the Pearson residuals of all intervals, since a
 * place of the season has but a few. */
static double dispersion(struct series *s)
{
    if (s->residual_count == 0)
        return 1;
    qsort(s->residuals, s->residual_count, sizeof *s->residuals, ascending);
    return fmax(squared_deviation(s->residuals[s->residual_count / 2]), 1);
}

static void find_gaps(struct series *s)
{
    memset(s->expected, 0, s->count * sizeof *s->expected);
    s->residual_count = 0;
    for (size_t k = 0, done = 0; k < SEASONS; k++) {
        size_t season = season_length(s, k);
        for (size_t i = 0; season != done && i < season && i < s->count; i++)
            judge_place(s, i, season);
        done = season;
    }
    double factor = dispersion(s);
    for (size_t i = 0; i < s->count; i++)
        if (s->expected[i] > 0)
            s->variances[i] = fmax(s->variances[i], factor * s->expected[i]);
}

/* Where everything is missing: no event of its own is then. */
enum { MAX_SPANS = 64 };
struct spans {
    int64_t from_us[MAX_SPANS], to_us[MAX_SPANS];
    size_t count;
};

static bool is_known(struct spans *spans, const char *name, int64_t from_us, int64_t to_us)
{
    for (size_t i = 0; name[0] != '\0' && i < spans->count; i++)
        if (from_us < spans->to_us[i] && to_us > spans->from_us[i])
            return true;
    if (name[0] == '\0' && spans->count < MAX_SPANS) {
        spans->from_us[spans->count] = from_us;
        spans->to_us[spans->count++] = to_us;
    }
    return false;
}

static void add_gap(struct run *run, const struct series *s, const char *name, int64_t from_us,
                    int64_t to_us, double has, double missing)
{
    json_t *begin = run_time(run, from_us), *end = run_time(run, to_us);
    double whole = 0;
    for (size_t i = 0; i < s->count; i++)
        whole += s->counts[i];
    char count[48], expected[32];
    text_things(count, sizeof count, has, "event");
    text_count(expected, sizeof expected, round(missing + has));
    bool is_large = name[0] == '\0' && missing > whole / 100;
    const char *quote = name[0] != '\0' ? "'" : "";
    quality_add(run, "gaps", is_large ? QUALITY_HIGH : QUALITY_MEDIUM,
                name[0] != '\0' ? name : "time", missing,
                "Check the collection in that time; leave it out of comparisons or load what is "
                "missing.",
                "%s%s%s%.100s%s from %s to %s, where about %s are usual.", count,
                name[0] != '\0' ? " " : "", quote, name, quote, json_string_value(begin),
                json_string_value(end), expected);
    json_decref(begin);
    json_decref(end);
}

/* Intervals that follow each other are one gap. */
static void judge(struct run *run, struct series *s, const char *name, struct spans *spans)
{
    double has = 0, missing = 0, variance = 0;
    size_t begin = s->count;
    find_gaps(s);
    for (size_t i = 0; i <= s->count; i++) {
        bool is_gap = i < s->count && s->expected[i] > 0;
        if (is_gap && begin == s->count) {
            begin = i;
            has = missing = variance = 0;
        }
        if (is_gap) {
            has += s->counts[i];
            missing += s->expected[i] - s->counts[i];
            variance += s->variances[i];
        } else if (begin != s->count) {
            int64_t from_us = s->start_us[begin], to_us = s->start_us[i];
            /* What begins with a gap is only on its way. */
            if (begin > 0 && missing >= gap_score * sqrt(variance) &&
                !is_known(spans, name, from_us, to_us))
                add_gap(run, s, name, from_us, to_us, has, missing);
            begin = s->count;
        }
    }
}

/* --- all of them ----------------------------------------------------------------------------- */

/* The whole intervals of the period that the data covers, and the counts of one name in them. */
struct grid {
    enum interval interval;
    size_t count;
    const int64_t *start_us; /* in `list` */
    int64_t list[MAX_INTERVALS + 3];
    double counts[MAX_INTERVALS], room[5 * MAX_INTERVALS];
};

static void grid_init(struct run *run, enum interval interval, struct grid *g)
{
    const struct period *p = &run->period;
    int64_t end_us = p->to_us < p->complete_until_us ? p->to_us : p->complete_until_us;
    int64_t from_us = p->from_us > p->data_from_us ? p->from_us : p->data_from_us;
    size_t count =
        interval_list(p->zone, interval, false, from_us, end_us, MAX_INTERVALS + 2, g->list);
    bool is_cut_at_start = count > 0 && g->list[0] < p->from_us;
    g->interval = interval;
    g->start_us = g->list + (is_cut_at_start ? 1 : 0);
    g->count = count - (is_cut_at_start ? 1 : 0);
    if (g->count > 0 && g->start_us[g->count] > end_us)
        g->count--;
    if (g->count > MAX_INTERVALS) {
        g->count = MAX_INTERVALS;
        quality_say_cut(run, MAX_INTERVALS, "days were looked at for gaps");
    }
}

/* The interval that starts then; SIZE_MAX = none. */
static size_t find_start(const struct grid *g, int64_t start_us)
{
    size_t low = 0, high = g->count;
    while (low < high) {
        size_t half = (low + high) / 2;
        if (g->start_us[half] < start_us)
            low = half + 1;
        else
            high = half;
    }
    return low < g->count && g->start_us[low] == start_us ? low : SIZE_MAX;
}

/* Whether rows that are so few can show a gap in what is from their first one on: half of those at
 * a place of the season must have events. Else the work would grow with the names, not the rows. */
static bool is_worth(const struct grid *g, size_t rows, size_t length)
{
    size_t season = g->interval == INTERVAL_HOUR ? 7 * 24 : 7;
    return 2 * rows + 2 >= length / season;
}

/* The rows [first, last) of one name, by time. */
static void judge_name(struct run *run, struct grid *g, const json_t *rows, size_t first,
                       size_t last, struct spans *spans)
{
    size_t begin = SIZE_MAX, found = 0; /* what is before the first event is no gap */
    const char *name = json_at_string(json_array_get(rows, first), 0);
    for (size_t i = first; i < last; i++) {
        const json_t *row = json_array_get(rows, i);
        size_t at = find_start(g, json_at_integer(row, 1));
        if (at == SIZE_MAX)
            continue;
        g->counts[at] = json_at_number(row, 2);
        begin = begin == SIZE_MAX ? at : begin;
        found++;
    }
    if (begin != SIZE_MAX && is_worth(g, found, g->count - begin)) {
        struct series s = {.interval = g->interval,
                           .count = g->count - begin,
                           .start_us = g->start_us + begin,
                           .counts = g->counts + begin,
                           .expected = g->room,
                           .variances = g->room + MAX_INTERVALS,
                           .sorted = g->room + (size_t)2 * MAX_INTERVALS,
                           .deviations = g->room + (size_t)3 * MAX_INTERVALS,
                           .residuals = g->room + (size_t)4 * MAX_INTERVALS};
        judge(run, &s, name, spans);
    }
    for (size_t i = first; i < last; i++) {
        size_t at = find_start(g, json_at_integer(json_array_get(rows, i), 1));
        if (at != SIZE_MAX)
            g->counts[at] = 0;
    }
}

/* Rows come by name and time. Of the last name of a cut list some are missing: that is no gap. */
static void judge_all(struct run *run, const char *query, enum interval interval,
                      struct spans *spans)
{
    const json_t *rows = run_rows(run, quality_query(run, query));
    size_t count = json_array_size(rows);
    bool is_cut =
        quality_cut(run, query, MAX_ROWS, "intervals with events were looked at for gaps");
    struct grid *g = calloc(1, sizeof *g);
    if (g != NULL)
        grid_init(run, interval, g);
    for (size_t i = 0, end; g != NULL && i < count; i = end) {
        const char *name = json_at_string(json_array_get(rows, i), 0);
        for (end = i + 1; end < count; end++)
            if (strcmp(json_at_string(json_array_get(rows, end), 0), name) != 0)
                break;
        if (end < count || !is_cut)
            judge_name(run, g, rows, i, end, spans);
    }
    free(g);
}

void quality_gaps_shape(struct run *run)
{
    struct spans spans = {.count = 0};
    judge_all(run, "gaps", total_interval(run), &spans);
    judge_all(run, "event_gaps", INTERVAL_DAY, &spans);
}
