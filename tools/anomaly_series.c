#include "anomaly_series.h"

#include <stdlib.h>
#include <string.h>

#include "interval.h"
#include "json.h"
#include "maths.h"
#include "segment.h"
#include "sql_text.h"

/* Gaps count as points too: two events a century apart have 50 million minutes between them. */
enum { MAX_SERIES_POINTS = 2000000 };

const char *const anomaly_metrics[] = {"event_count", "actors", "error_rate",
                                       "latency_p95", "series", NULL};
/* The metrics in terms of maths.h; error_rate is a share of the events of its own. */
static const struct metric {
    const char *name;
    enum math_name math;
    bool is_error_rate;
    int min_volume;
    enum anomaly_noise noise;
} metrics[] = {
    {"event_count", MATH_TOTAL, .noise = ANOMALY_NOISE_COUNT},
    {"actors", MATH_ACTORS, .noise = ANOMALY_NOISE_COUNT},
    {"error_rate", MATH_AVERAGE, .is_error_rate = true, 20, ANOMALY_NOISE_SHARE},
    {"latency_p95", MATH_P95, .min_volume = 20},
};

static bool is_raw(const struct run *run)
{
    return strcmp(json_get_string(run->arguments, "interval", ""), "raw") == 0;
}

static const json_t *series_argument(const struct run *run)
{
    return json_object_get(run->arguments, "series");
}

/* What is watched: a metric, or a series' math. */
static struct metric metric_of(const struct run *run)
{
    const char *name = json_get_string(run->arguments, "metric", "");
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++)
        if (strcmp(metrics[i].name, name) == 0)
            return metrics[i];
    enum math_name math = math_parse(json_get_string(series_argument(run), "math", "total"));
    bool is_count = maths[math].is_counting && maths[math].argument != 'v';
    return (struct metric){name, math,
                           .noise = is_count ? ANOMALY_NOISE_COUNT : ANOMALY_NOISE_NONE};
}

/* --- the query ------------------------------------------------------------------------------- */

/* A row counts as an error by its status: a word, or an HTTP status from 500. */
static int error_condition(const struct source *s, struct query *q, struct buf *out,
                           struct err *ret_err)
{
    struct buf status = {0};
    int rc = source_logical(s, q, SOURCE_STATUS, &status, ret_err);
    if (rc == 0)
        buf_printf(out,
                   "(match(lower(%s), '(^|_)(error|fail|failed|failure|exception|fatal)') OR "
                   "ifNull(toFloat64OrNull(%s), 0) >= 500)",
                   buf_text(&status), buf_text(&status));
    buf_done(&status);
    return rc;
}

/* The numeric field, Nullable(Float64). */
static int number(const struct run *run, struct query *q, struct buf *out, struct err *ret_err)
{
    const char *field = json_get_string(series_argument(run), "field", NULL);
    const struct source *s = run->source;
    if (strcmp(json_get_string(run->arguments, "metric", ""), "latency_p95") == 0) {
        if (s->fields[SOURCE_DURATION].count == 0) /* never the key of a property here */
            return source_logical(s, q, SOURCE_DURATION, out, ret_err);
        field = "duration_ms";
    }
    if (field == NULL)
        return err_set(ret_err, ERR_ARGUMENT, "series.field",
                       "this math needs a numeric field (describe_source lists them)");
    return source_number(run->source, q, field, out, ret_err);
}

static int measure_sql(const struct run *run, struct query *q, struct buf *out, struct err *ret_err)
{
    const struct metric metric = metric_of(run);
    struct buf column = {0}, has_actor = {0};
    int rc = 0;
    if (metric.is_error_rate) {
        buf_puts(out, "countIf(");
        rc = error_condition(run->source, q, out, ret_err);
        buf_puts(out, ") / count()");
        return rc;
    }
    switch (maths[metric.math].argument) {
    case 'a':
        rc = source_logical(run->source, q, SOURCE_ACTOR, &column, ret_err);
        break;
    case 's':
        rc = source_logical(run->source, q, SOURCE_SESSION, &column, ret_err);
        break;
    case 'v':
        rc = number(run, q, &column, ret_err);
        break;
    default:
        break;
    }
    buf_printf(&has_actor, "%s != ''", buf_text(&column));
    const struct math_columns columns = {.actor = buf_text(&column),
                                         .has_actor = buf_text(&has_actor),
                                         .session = buf_text(&column),
                                         .has_session = buf_text(&has_actor),
                                         .value = buf_text(&column)};
    if (rc == 0)
        math_value(metric.math, &columns, out);
    buf_done(&column);
    buf_done(&has_actor);
    return rc;
}

static int where_sql(const struct run *run, struct query *q, struct buf *out, struct err *ret_err)
{
    source_time_between(run->source, q, run->period.from_us, run->period.to_us, out);
    buf_puts(out, " AND ");
    struct buf actor = {0};
    int rc = 0;
    if (json_object_get(run->arguments, "segment") != NULL)
        rc = source_logical(run->source, q, SOURCE_ACTOR, &actor, ret_err);
    if (rc == 0)
        rc = scope_condition(run, q, "user", buf_text(&actor), out, ret_err);
    buf_done(&actor);
    if (rc < 0)
        return rc;
    if (strcmp(json_get_string(run->arguments, "metric", ""), "series") != 0)
        return 0;
    buf_puts(out, " AND ");
    rc = source_matcher(run->source, q, series_argument(run), out, ret_err);
    if (rc < 0)
        err_prefix(ret_err, "series");
    return rc;
}

struct plan {
    struct buf segment, where, value, time_us, order, from, bucket;
};

static void plan_done(struct plan *p)
{
    buf_done(&p->segment);
    buf_done(&p->where);
    buf_done(&p->value);
    buf_done(&p->time_us);
    buf_done(&p->order);
    buf_done(&p->from);
    buf_done(&p->bucket);
}

static int plan_common(struct run *run, struct query *q, struct plan *p, struct err *ret_err)
{
    const char *by = json_get_string(run->arguments, "by", NULL);
    int rc = 0;
    if (by != NULL)
        rc = source_text(run->source, q, by, &p->segment, ret_err);
    else
        buf_puts(&p->segment, "''");
    if (rc == 0)
        rc = where_sql(run, q, &p->where, ret_err);
    if (rc < 0)
        return rc;
    if (is_raw(run))
        rc = number(run, q, &p->value, ret_err);
    else
        rc = measure_sql(run, q, &p->value, ret_err);
    if (rc < 0 && ret_err->field[0] == '\0')
        err_prefix(ret_err, series_argument(run) != NULL ? "series" : "metric");
    return rc;
}

int anomaly_series_plan(struct run *run, int max_segments, int max_points, struct err *ret_err)
{
    bool is_series = strcmp(json_get_string(run->arguments, "metric", ""), "series") == 0;
    if (is_series && series_argument(run) == NULL)
        return err_set(ret_err, ERR_ARGUMENT, "series",
                       "metric series needs series: {event, math, field}");
    if (is_raw(run) && !is_series)
        return err_set(ret_err, ERR_ARGUMENT, "interval",
                       "raw points are rows with a value: use metric series with a numeric field");
    struct query q;
    struct plan p = {0};
    query_init(&q);
    query_set_integer(&q, "segments", max_segments);
    query_set_integer(&q, "limit", (int64_t)max_points + 1);
    int rc = plan_common(run, &q, &p, ret_err);
    source_time_us(run->source, &p.time_us);
    if (run->source->order != NULL)
        sql_identifier(&p.order, run->source->order);
    else
        buf_puts(&p.order, "_value");
    if (!is_raw(run))
        interval_start_sql(run, &q, interval_parse(json_get_string(run->arguments, "interval", "")),
                           interval_sunday_weeks(run->arguments), &p.bucket);
    source_from(run->source, &q, &p.from);
    if (rc == 0 && is_raw(run))
        rc = run_query(run, &q, &sql_anomaly_rows,
                       (const struct query_fragment[]){{"segment", buf_text(&p.segment)},
                                                       {"from", buf_text(&p.from)},
                                                       {"where", buf_text(&p.where)},
                                                       {"time_us", buf_text(&p.time_us)},
                                                       {"value", buf_text(&p.value)},
                                                       {"order", buf_text(&p.order)},
                                                       {0}},
                       (size_t)max_points, ret_err);
    else if (rc == 0)
        rc = run_query(run, &q, &sql_anomaly_buckets,
                       (const struct query_fragment[]){{"segment", buf_text(&p.segment)},
                                                       {"from", buf_text(&p.from)},
                                                       {"where", buf_text(&p.where)},
                                                       {"bucket", buf_text(&p.bucket)},
                                                       {"value", buf_text(&p.value)},
                                                       {0}},
                       (size_t)max_points, ret_err);
    plan_done(&p);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

/* --- the rows -------------------------------------------------------------------------------- */

static int add_point(struct anomaly_series *s, int64_t at_us, double value, int64_t volume,
                     bool is_left_out)
{
    if (s->count == s->size) {
        size_t size = s->size == 0 ? 256 : s->size * 2;
        struct anomaly_point *points = realloc(s->points, size * sizeof *points);
        if (points == NULL)
            return -1;
        s->points = points;
        int64_t *at = realloc(s->at_us, size * sizeof *at);
        if (at == NULL)
            return -1;
        s->at_us = at;
        s->size = size;
    }
    s->at_us[s->count] = at_us;
    s->points[s->count++] = (struct anomaly_point){
        .value = value, .volume = (double)volume, .is_left_out = is_left_out};
    return 0;
}

struct reader {
    const struct run *run;
    enum interval interval;
    bool sunday_weeks, is_raw, is_counting;
    int64_t min_volume, first_us, last_us; /* starts of the first and the last interval */
    size_t filled;                         /* points of all gaps so far */
};

static int64_t next_us(const struct reader *r, int64_t at_us)
{
    return interval_next_us(r->run->period.zone, r->interval, r->sunday_weeks, at_us);
}

/* Cut short by the period, or still being filled. */
static bool is_partial(const struct reader *r, int64_t at_us)
{
    const struct period *p = &r->run->period;
    int64_t end = next_us(r, at_us);
    return (p->from_given && at_us < p->from_us) || end > p->to_us ||
           (p->is_live && end > p->complete_until_us);
}

/* Zeros for the intervals in [from, to) in which nothing was counted. */
static int fill_gap(struct reader *r, struct anomaly_series *s, int64_t from_us, int64_t to_us)
{
    for (int64_t at = from_us; at < to_us; at = next_us(r, at)) {
        if (++r->filled > MAX_SERIES_POINTS)
            return -2;
        if (add_point(s, at, 0, 0, is_partial(r, at)) < 0)
            return -1;
    }
    return 0;
}

static int64_t next_of(const struct reader *r, const struct anomaly_series *s)
{
    return s->count == 0 ? r->first_us : next_us(r, s->at_us[s->count - 1]);
}

static int read_row(struct reader *r, struct anomaly_series *s, const json_t *row)
{
    int64_t at = json_at_integer(row, 1);
    const json_t *value = json_array_get(row, 2);
    int64_t volume = json_at_integer(row, 3);
    if (r->is_raw)
        return add_point(s, at, json_number_value(value), 1, !json_is_number(value));
    int rc = r->is_counting ? fill_gap(r, s, next_of(r, s), at) : 0;
    return rc < 0
               ? rc
               : add_point(s, at, json_number_value(value), volume,
                           !json_is_number(value) || volume < r->min_volume || is_partial(r, at));
}

static struct reader reader_of(const struct run *run, const json_t *rows)
{
    const struct metric metric = metric_of(run);
    struct reader r = {.run = run, .is_raw = is_raw(run)};
    if (r.is_raw)
        return r;
    r.interval = interval_parse(json_get_string(run->arguments, "interval", ""));
    r.sunday_weeks = interval_sunday_weeks(run->arguments);
    r.is_counting = maths[metric.math].is_counting;
    r.min_volume = json_get_integer(run->arguments, "min_volume", metric.min_volume);
    r.first_us = INT64_MAX;
    r.last_us = INT64_MIN;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        int64_t at = json_at_integer(json_array_get(rows, i), 1);
        r.first_us = at < r.first_us ? at : r.first_us;
        r.last_us = at > r.last_us ? at : r.last_us;
    }
    /* What fell silent counts as 0 up to the end of the period: that is news. */
    const struct period *p = &run->period;
    int64_t end_us = p->to_us - 1 < p->complete_until_us ? p->to_us - 1 : p->complete_until_us;
    int64_t final_us = interval_start_us(p->zone, r.interval, r.sunday_weeks, end_us);
    if (json_array_size(rows) > 0 && !run_rows_truncated(run, 0) && final_us > r.last_us)
        r.last_us = final_us;
    return r;
}

int anomaly_series_read(const struct run *run, const json_t *rows, struct anomaly_series **ret_list,
                        size_t *ret_count, struct err *ret_err)
{
    bool has_segments = json_object_get(run->arguments, "by") != NULL;
    size_t rows_count = json_array_size(rows), count = 0;
    struct anomaly_series *list = NULL;
    struct reader r = reader_of(run, rows);
    int rc = 0;
    for (size_t i = 0; i < rows_count && rc == 0; i++) {
        const json_t *row = json_array_get(rows, i);
        const char *segment = json_at_string(row, 0);
        if (count == 0 || (has_segments && strcmp(list[count - 1].segment, segment) != 0)) {
            if (count > 0 && r.is_counting)
                rc = fill_gap(&r, &list[count - 1], next_of(&r, &list[count - 1]), r.last_us + 1);
            struct anomaly_series *grown = realloc(list, (count + 1) * sizeof *grown);
            if (rc < 0 || grown == NULL) {
                list = grown != NULL ? grown : list;
                rc = rc < 0 ? rc : -1;
                break;
            }
            list = grown;
            list[count++] = (struct anomaly_series){.segment = has_segments ? segment : NULL};
        }
        rc = read_row(&r, &list[count - 1], row);
    }
    if (rc == 0 && count > 0 && r.is_counting && !run_rows_truncated(run, 0))
        rc = fill_gap(&r, &list[count - 1], next_of(&r, &list[count - 1]), r.last_us + 1);
    if (rc < 0) {
        anomaly_series_free(list, count);
        if (rc == -2)
            return err_set(ret_err, ERR_ARGUMENT, "interval",
                           "more than %d points of this width lie between the first and the last "
                           "event: choose a wider interval or a shorter period",
                           MAX_SERIES_POINTS);
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory while reading the series");
    }
    *ret_list = list;
    *ret_count = count;
    return 0;
}

void anomaly_series_free(struct anomaly_series *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].points);
        free(list[i].at_us);
    }
    free(list);
}

int64_t anomaly_series_end(const struct run *run, const struct anomaly_series *s, size_t i)
{
    if (is_raw(run))
        return s->at_us[i];
    enum interval interval = interval_parse(json_get_string(run->arguments, "interval", ""));
    return interval_next_us(run->period.zone, interval, interval_sunday_weeks(run->arguments),
                            s->at_us[i]);
}

double anomaly_series_period_s(const struct run *run)
{
    static const double seconds[] = {60, 3600, 86400, 604800, 2629746};
    return is_raw(run) ? 0
                       : seconds[interval_parse(json_get_string(run->arguments, "interval", ""))];
}

enum anomaly_noise anomaly_series_noise(const struct run *run)
{
    return is_raw(run) ? ANOMALY_NOISE_NONE : metric_of(run).noise;
}
