#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "anomaly.h"
#include "anomaly_series.h"
#include "args.h"
#include "json.h"
#include "maths.h"
#include "run.h"
#include "sql_text.h"
#include "text.h"

enum { MAX_POINTS = 500000, MAX_SEGMENTS = 25, SHOWN = 20 };

static const struct param series_fields[] = {
    ARG_MATCHER,
    {.name = "math",
     .choices = math_interval_names,
     .fallback = "\"total\"",
     .description = "Per interval; sum to p99 need field."},
    {.name = "field", .role = "field", .max_length = 256, .description = "Numeric field."},
    {0},
};

static const struct param params[] = {
    ARG_PERIOD,
    ARG_WEEK_START,
    ARG_SCOPE,
    {.name = "metric",
     .choices = anomaly_metrics,
     .is_required = true,
     .description = "What is watched."},
    {.name = "series",
     .type = VALUE_OBJECT,
     .fields = series_fields,
     .shorthand = "event",
     .description = "For metric series."},
    {.name = "interval",
     .choices = (const char *const[]){"raw", "minute", "hour", "day", "week", "month", NULL},
     .fallback = "\"hour\"",
     .description = "Width of a point; raw: each row is a point."},
    {.name = "by",
     .role = "field",
     .max_length = 256,
     .description = "Scan each value of this field on its own."},
    {.name = "method",
     .choices = (const char *const[]){"auto", "z", NULL},
     .fallback = "\"auto\"",
     .description = "z: expanding z-score; auto chooses."},
    {.name = "sensitivity",
     .type = VALUE_NUMBER,
     .min = 0.5,
     .max = 100,
     .fallback = "3.5",
     .description = "Standard deviations from which a point is anomalous."},
    {.name = "min_volume",
     .type = VALUE_INTEGER,
     .min = 0,
     .max = 1e12,
     .description = "Leave out points with fewer events."},
    {.name = "direction",
     .choices = (const char *const[]){"both", "up", "down", NULL},
     .fallback = "\"both\"",
     .description = "Which way is anomalous."},
    {.name = "points",
     .type = VALUE_BOOLEAN,
     .fallback = "false",
     .description = "Return every point with its score, in pages."},
    ARG_LIMIT("1000"),
    ARG_CURSOR,
    ARG_OUTPUT,
    {0},
};

static const struct field anomaly_fields[] = {
    {"from", "Start of the first anomalous point.", VALUE_STRING},
    {"to", "End of the last one; with raw its time.", VALUE_STRING},
    {"segment", "Value of `by`.", VALUE_STRING, .is_optional = true},
    {"actual", "Value where the score is highest.", VALUE_NUMBER},
    {"expected", "What the points before it suggest.", VALUE_NUMBER},
    {"score", "Standard deviations.", VALUE_NUMBER},
    {"direction", "up or down.", VALUE_STRING},
    {0},
};

static const struct field point_fields[] = {
    {"time", "Start of the interval, or the row's time.", VALUE_STRING},
    {"segment", "Value of `by`.", VALUE_STRING, .is_optional = true},
    {"value", "Measured.", VALUE_NUMBER},
    {"expected", "What the points before it suggest.", VALUE_NUMBER},
    {"score", "Standard deviations; 0 within a tenth of the series after a higher score.",
     VALUE_NUMBER},
    {"anomalous", "score >= sensitivity.", VALUE_BOOLEAN},
    {0},
};

static const struct field fields[] = {
    {"anomalies", "Highest score first; neighbours are merged.", VALUE_OBJECT, .is_list = true,
     .fields = anomaly_fields},
    {"series", "With points: every point in time order, per segment.", VALUE_OBJECT,
     .is_list = true, .is_optional = true, .fields = point_fields},
    {"method_used", "z: expanding z-score with floor and refractory rule.", VALUE_STRING},
    {"period_s", "Width of a point in seconds; 0 for raw, months vary.", VALUE_NUMBER},
    {"cursor", "Where the next page of points begins.", VALUE_STRING, .is_optional = true},
    {0},
};

static int plan(struct run *run, struct err *ret_err)
{
    return anomaly_series_plan(run, MAX_SEGMENTS, MAX_POINTS, ret_err);
}

static enum anomaly_direction direction_of(const struct run *run)
{
    const char *direction = json_get_string(run->arguments, "direction", "both");
    return strcmp(direction, "up") == 0     ? ANOMALY_UP
           : strcmp(direction, "down") == 0 ? ANOMALY_DOWN
                                            : ANOMALY_BOTH;
}

/* --- anomalies ------------------------------------------------------------------------------- */

struct found {
    size_t series, first, last, peak;
    double score;
};

static int by_score(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* Anomalous points with at most one point between them are one anomaly. */
static size_t collect(const struct anomaly_series *list, size_t count, double sensitivity,
                      struct found *out)
{
    size_t n = 0;
    for (size_t s = 0; s < count; s++) {
        struct found *open = NULL;
        for (size_t i = 0; i < list[s].count; i++) {
            double score = list[s].points[i].score;
            if (score < sensitivity)
                continue;
            if (open == NULL || i > open->last + 2) {
                open = &out[n++];
                *open = (struct found){s, i, i, i, score};
            }
            open->last = i;
            if (score > open->score) {
                open->score = score;
                open->peak = i;
            }
        }
    }
    qsort(out, n, sizeof *out, by_score);
    return n;
}

static json_t *anomaly_item(const struct run *run, const struct anomaly_series *list,
                            const struct found *f)
{
    const struct anomaly_series *s = &list[f->series];
    const struct anomaly_point *peak = &s->points[f->peak];
    json_t *item =
        json_pack("{s:o, s:o, s:f, s:f, s:f, s:s}", "from", run_time(run, s->at_us[f->first]), "to",
                  run_time(run, anomaly_series_end(run, s, f->last)), "actual", peak->value,
                  "expected", peak->expected, "score", peak->score, "direction",
                  peak->value >= peak->expected ? "up" : "down");
    if (s->segment != NULL)
        json_object_set_new(item, "segment", json_string(s->segment));
    return item;
}

/* Why no point of the series could be anomalous, or NULL. */
static const char *why_unjudged(const struct run *run, size_t points, size_t with_value,
                                size_t errors, char *out, size_t size)
{
    const char *metric = json_get_string(run->arguments, "metric", "");
    const char *field = json_get_string(json_object_get(run->arguments, "series"), "field", NULL);
    if (strcmp(metric, "latency_p95") == 0)
        field = "duration_ms";
    if (points == 0)
        return "there are no events in this period";
    if (with_value == 0) {
        snprintf(out, size,
                 "each point lacks a value%s%.100s, has fewer events than min_volume or "
                 "is cut by the period",
                 field != NULL ? " of " : "", field != NULL ? field : "");
        return out;
    }
    if (anomaly_series_noise(run) == ANOMALY_NOISE_SHARE && errors == 0)
        return "no event has an error status, the rate is 0 throughout; check what the field "
               "status holds";
    return NULL;
}

static void write_text(struct run *run, size_t found, const json_t *items, size_t points,
                       const char *what)
{
    char n[48], many[48], actual[32], expected[32], score[32];
    text_things(n, sizeof n, (double)points, "point");
    if (found == 0) {
        buf_printf(&run->text, "No anomaly in %s of %s.\n", n, what);
        return;
    }
    const json_t *top = json_array_get(items, 0);
    const char *segment = json_get_string(top, "segment", NULL);
    buf_printf(&run->text, "%s in %s of %s; the strongest at %s%s%s%s: %s, expected %s.\n",
               text_things(many, sizeof many, (double)found, "anomaly"), n, what,
               json_get_string(top, "from", ""), segment != NULL ? " in '" : "",
               segment != NULL ? segment : "", segment != NULL ? "'" : "",
               text_number(actual, sizeof actual, json_get_number(top, "actual", 0)),
               text_number(expected, sizeof expected, json_get_number(top, "expected", 0)));
    text_table(&run->text,
               (const char *const[]){"from", "to", "segment", "actual", "expected", "score", NULL});
    for (size_t i = 0; i < json_array_size(items) && i < SHOWN; i++) {
        const json_t *item = json_array_get(items, i);
        text_row(&run->text,
                 (const char *const[]){
                     json_get_string(item, "from", ""), json_get_string(item, "to", ""),
                     json_get_string(item, "segment", ""),
                     text_number(actual, sizeof actual, json_get_number(item, "actual", 0)),
                     text_number(expected, sizeof expected, json_get_number(item, "expected", 0)),
                     text_number(score, sizeof score, json_get_number(item, "score", 0))},
                 6);
    }
    text_more(&run->text, json_array_size(items), SHOWN);
}

/* --- points ---------------------------------------------------------------------------------- */

static json_t *point_item(const struct run *run, const struct anomaly_series *s, size_t i,
                          double sensitivity)
{
    const struct anomaly_point *p = &s->points[i];
    json_t *item = json_pack("{s:o, s:f, s:f, s:f, s:b}", "time", run_time(run, s->at_us[i]),
                             "value", p->value, "expected", p->expected, "score", p->score,
                             "anomalous", p->score >= sensitivity);
    if (s->segment != NULL)
        json_object_set_new(item, "segment", json_string(s->segment));
    return item;
}

static int write_points(struct run *run, const struct anomaly_series *list, size_t count,
                        double sensitivity, struct err *ret_err)
{
    int64_t limit, offset, at = 0;
    int rc = run_page(run, 1000, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    json_t *points = json_array();
    for (size_t s = 0; s < count; s++) {
        for (size_t i = 0; i < list[s].count; i++, at++)
            if (at >= offset && at < offset + limit)
                json_array_append_new(points, point_item(run, &list[s], i, sensitivity));
    }
    if (at > offset + limit)
        run_set_cursor(run, offset + limit);
    json_object_set_new(run->result, "series", points);
    return 0;
}

static void suggest(struct run *run, const json_t *items)
{
    const json_t *top = json_array_get(items, 0);
    if (top == NULL || json_object_get(run->arguments, "by") != NULL)
        return;
    json_t *again = run_same_arguments(run);
    json_object_set_new(again, "by", json_string("service"));
    if (run->source->fields[SOURCE_SERVICE].count > 0)
        run_suggest(run, "anomaly_scan", again, "which service is behind it");
    else
        json_decref(again);
}

static int shape(struct run *run, struct err *ret_err)
{
    const json_t *rows = run_rows(run, 0);
    double sensitivity = json_get_number(run->arguments, "sensitivity", 3.5);
    struct anomaly_series *list;
    size_t count, points = 0;
    int rc = anomaly_series_read(run, rows, &list, &count, ret_err);
    if (rc < 0)
        return rc;
    size_t with_value = 0, errors = 0;
    for (size_t s = 0; rc == 0 && s < count; s++) {
        points += list[s].count;
        for (size_t i = 0; i < list[s].count; i++) {
            with_value += list[s].points[i].is_left_out ? 0 : 1;
            errors += list[s].points[i].value > 0;
        }
        if (anomaly_score(list[s].points, list[s].count, anomaly_series_noise(run),
                          direction_of(run)) < 0)
            rc = err_set(ret_err, ERR_MEMORY, NULL, "out of memory while scoring");
    }
    struct found *found = calloc(points + 1, sizeof *found);
    if (found == NULL) {
        rc = err_set(ret_err, ERR_MEMORY, NULL, "out of memory while scoring");
    } else if (rc == 0) {
        size_t n = collect(list, count, sensitivity, found);
        json_t *items = json_array();
        for (size_t i = 0; i < n && i < 100; i++)
            json_array_append_new(items, anomaly_item(run, list, &found[i]));
        if (n > 100)
            run_truncated(run, "anomalies", 100, "raise sensitivity to keep the strongest only");
        char words[256];
        const char *why = why_unjudged(run, points, with_value, errors, words, sizeof words);
        if (why != NULL)
            buf_printf(&run->text, "Nothing could be judged: %s.\n", why);
        else
            write_text(run, n, items, points, json_get_string(run->arguments, "metric", ""));
        if (why != NULL && points > 0)
            run_warn(run, "no point could be judged: %s", why);
        suggest(run, items);
        json_object_set_new(run->result, "anomalies", items);
        if (json_get_bool(run->arguments, "points", false))
            rc = write_points(run, list, count, sensitivity, ret_err);
        json_object_set_new(run->result, "method_used", json_string("z"));
        json_object_set_new(run->result, "period_s", json_real(anomaly_series_period_s(run)));
    }
    if (rc == 0 && run_rows_truncated(run, 0)) {
        run_truncated(run, "points", MAX_POINTS, "choose a wider interval or a shorter period");
        run_warn(run, "only the first %d points were read", MAX_POINTS);
    }
    free(found);
    anomaly_series_free(list, count);
    return rc;
}

static const struct step steps[] = {{plan, shape}, {0}};

const struct tool tool_anomaly_scan = {
    .name = "anomaly_scan",
    .title = "Scan for anomalies",
    .description = "When was a metric unusual, and how sure is that? Counts, actors, error rate, "
                   "latency or any numeric series, per segment if wanted.",
    .toolset = "core",
    .flags = TOOL_CORE | TOOL_WHOLE_PERIOD,
    .params = params,
    .fields = fields,
    .tables = (const char *const[]){"series", "anomalies", NULL},
    .steps = steps,
};
