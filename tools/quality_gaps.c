/* Intervals with few events or none, where the same hours of other days have many. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "interval.h"
#include "quality.h"
#include "rows_where.h"
#include "sql_text.h"
#include "text.h"

/* Hours up to so many, then days; names by day. A gap has at most a tenth of what is expected, and
 * lies so many deviations below it; less than MIN_EXPECTED says nothing. */
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
    struct buf event = {0}, start = {0}, where = {0}, from = {0};
    query_init(&q);
    query_set_integer(&q, "limit", MAX_ROWS + 1);
    query_set_integer(&q, "least", is_by_event ? 2 * MIN_EXPECTED : 0);
    if (is_by_event)
        rows_logical(run, &q, SOURCE_EVENT, &event);
    else
        buf_puts(&event, "''");
    interval_start_sql(run, &q, interval, false, &start);
    int rc = rows_where(run, &q, run->period.from_us, run->period.to_us, NULL, &where, ret_err);
    source_from(run->source, &q, &from);
    if (rc == 0)
        rc = run_query(run, &q, &sql_quality_gaps,
                       (const struct query_fragment[]){{"name", buf_text(&event)},
                                                       {"start", buf_text(&start)},
                                                       {"from", buf_text(&from)},
                                                       {"where", buf_text(&where)},
                                                       {0}},
                       MAX_ROWS, ret_err);
    if (rc >= 0)
        quality_note(run, name, rc);
    query_done(&q);
    buf_done(&event);
    buf_done(&start);
    buf_done(&where);
    buf_done(&from);
    return rc;
}

int quality_gaps_plan(struct run *run, struct err *ret_err)
{
    int rc = plan_one(run, "gaps", false, total_interval(run), ret_err);
    return rc < 0 ? rc : plan_one(run, "event_gaps", true, INTERVAL_DAY, ret_err);
}

/* --- one series ------------------------------------------------------------------------------ */

struct series {
    enum interval interval;
    const int64_t *at_us; /* the start of each whole interval, and the end of the last */
    size_t count;
    double *counts, *peers;
};

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, ascending);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* The others at the same place of a season. */
static size_t gather_peers(const struct series *s, size_t i, size_t season)
{
    size_t count = 0;
    for (size_t k = i % season; k < s->count; k += season)
        if (k != i)
            s->peers[count++] = s->counts[k];
    return count;
}

/* What interval i would have, and by how many deviations it has less; 0 = it cannot be said. */
static double expected_at(const struct series *s, size_t i, double *ret_score)
{
    size_t day = s->interval == INTERVAL_HOUR ? 24 : 1;
    size_t count = gather_peers(s, i, day * 7);
    if (count < MIN_PEERS)
        count = gather_peers(s, i, day);
    if (count < MIN_PEERS)
        count = gather_peers(s, i, 1);
    if (count < MIN_PEERS)
        return 0;
    double middle = median(s->peers, count);
    for (size_t k = 0; k < count; k++)
        s->peers[k] = fabs(s->peers[k] - middle);
    /* 1.4826 median deviations are a standard deviation of normal values; counts have their own. */
    double deviation = fmax(1.4826 * median(s->peers, count), sqrt(middle));
    *ret_score = deviation > 0 ? (middle - s->counts[i]) / deviation : 0;
    return middle;
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
static void judge(struct run *run, const struct series *s, const char *name, struct spans *spans)
{
    double has = 0, missing = 0;
    size_t begin = s->count;
    for (size_t i = 0; i <= s->count; i++) {
        double score = 0, expected = i < s->count ? expected_at(s, i, &score) : 0;
        bool is_gap =
            expected >= MIN_EXPECTED && s->counts[i] <= gap_share * expected && score >= gap_score;
        if (is_gap && begin == s->count) {
            begin = i;
            has = missing = 0;
        }
        if (is_gap) {
            has += s->counts[i];
            missing += expected - s->counts[i];
        } else if (begin != s->count) {
            int64_t from_us = s->at_us[begin], to_us = s->at_us[i];
            /* What begins with a gap is only on its way. */
            if (begin > 0 && !is_known(spans, name, from_us, to_us))
                add_gap(run, s, name, from_us, to_us, has, missing);
            begin = s->count;
        }
    }
}

/* What is before the first event is no gap. */
static void skip_start(struct series *s)
{
    size_t empty = 0;
    while (empty < s->count && s->counts[empty] <= 0)
        empty++;
    s->at_us += empty;
    s->counts += empty;
    s->count -= empty;
}

/* --- all of them ----------------------------------------------------------------------------- */

/* The starts of the whole intervals of the period that the data covers, and the end of the last;
 * how many in *ret_count. NULL = out of memory. To be freed from ret_memory. */
static const int64_t *whole_intervals(const struct run *run, enum interval interval,
                                      int64_t **ret_memory, size_t *ret_count)
{
    const struct period *p = &run->period;
    int64_t end_us = p->to_us < p->complete_until_us ? p->to_us : p->complete_until_us;
    int64_t *at_us = calloc(MAX_INTERVALS + 2, sizeof *at_us);
    *ret_memory = at_us;
    if (at_us == NULL)
        return NULL;
    size_t count =
        interval_list(p->zone, interval, false, p->from_us, end_us, MAX_INTERVALS + 1, at_us);
    bool is_cut_at_start = count > 0 && at_us[0] < p->from_us;
    count -= is_cut_at_start ? 1 : 0;
    at_us += is_cut_at_start ? 1 : 0;
    *ret_count = count - (count > 0 && at_us[count] > end_us ? 1 : 0);
    return at_us;
}

static bool series_init(enum interval interval, const int64_t *at_us, size_t count,
                        struct series *ret)
{
    double *counts = calloc(2 * count + 1, sizeof *counts);
    if (counts == NULL)
        return false;
    *ret = (struct series){.interval = interval,
                           .at_us = at_us,
                           .count = count,
                           .counts = counts,
                           .peers = counts + count};
    return true;
}

/* Rows come by name and time. Of the last name of a cut list some are missing: that is no gap. */
static void judge_rows(struct run *run, int query, enum interval interval, const int64_t *at_us,
                       size_t whole, struct spans *spans)
{
    const json_t *rows = run_rows(run, query);
    size_t count = json_array_size(rows);
    for (size_t i = 0; i < count;) {
        const char *name = json_string_value(json_array_get(json_array_get(rows, i), 0));
        struct series s;
        if (!series_init(interval, at_us, whole, &s))
            return;
        size_t at = 0;
        for (; i < count; i++) {
            const json_t *row = json_array_get(rows, i);
            if (strcmp(json_string_value(json_array_get(row, 0)), name) != 0)
                break;
            int64_t start_us = json_integer_value(json_array_get(row, 1));
            while (at < s.count && s.at_us[at] < start_us)
                at++;
            if (at < s.count && s.at_us[at] == start_us)
                s.counts[at] = json_number_value(json_array_get(row, 2));
        }
        double *memory = s.counts;
        skip_start(&s);
        if (i < count || !run_rows_truncated(run, query))
            judge(run, &s, name, spans);
        free(memory);
    }
}

static void judge_all(struct run *run, int query, enum interval interval, struct spans *spans)
{
    int64_t *memory;
    size_t whole = 0;
    const int64_t *at_us = whole_intervals(run, interval, &memory, &whole);
    if (at_us != NULL && whole > 0)
        judge_rows(run, query, interval, at_us, whole, spans);
    free(memory);
    if (run_rows_truncated(run, query))
        run_truncated(run, "rows", MAX_ROWS, "take a shorter period, or filter by event");
}

void quality_gaps_shape(struct run *run)
{
    struct spans spans = {.count = 0};
    judge_all(run, quality_query(run, "gaps"), total_interval(run), &spans);
    judge_all(run, quality_query(run, "event_gaps"), INTERVAL_DAY, &spans);
}
