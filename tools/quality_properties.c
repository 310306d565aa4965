/* How properties are filled and typed, by event and over time. */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "fields.h"
#include "quality.h"
#include "rows_where.h"
#include "sql_text.h"
#include "text.h"

/* The last part of the period is compared with what is before it. Shares of fewer events or values
 * than these say nothing. */
enum { SAMPLED_ROWS = 500000, MIN_EVENTS = 30, MIN_VALUES = 20, MAX_FOUND = 20 };
enum { MAX_PAIRS = 20000, MAX_NAMES = 5000 }; /* rows */
static const int64_t recent_share = 4;
static const double mostly = 0.95, rarely = 0.05;

/* --- what is asked --------------------------------------------------------------------------- */

/* The columns of a table without containers are its properties. */
static int column_pairs(const struct source *s, struct query *q, struct buf *out,
                        struct err *ret_err)
{
    const char *column;
    json_t *type;
    size_t count = 0;
    buf_puts(out, "CAST([");
    json_object_foreach (s->columns, column, type) {
        if (!source_is_plain_column(s, column))
            continue;
        buf_puts(out, count++ > 0 ? ", (" : "(");
        query_bind_text(q, out, column);
        buf_puts(out, ", toString(");
        int rc = source_text(s, q, column, out, ret_err);
        if (rc < 0)
            return rc;
        buf_puts(out, "))");
    }
    buf_puts(out, "], 'Array(Tuple(String, String))')");
    return 0;
}

static int plan_one(struct run *run, const char *name, const struct sql_text *text, bool has_pairs,
                    int64_t most, struct err *ret_err)
{
    const struct source *s = run->source;
    int64_t from_us = run->period.from_us, to_us = run->period.to_us;
    struct query q;
    struct buf event = {0}, late = {0}, sample = {0}, pairs = {0};
    query_init(&q);
    query_set_integer(&q, "limit", most + 1);
    rows_logical(run, &q, SOURCE_EVENT, &event);
    source_time_between(s, &q, to_us - (to_us - from_us) / recent_share, INT64_MAX, &late);
    quality_sample(run, &q, SAMPLED_ROWS, &sample);
    int rc = has_pairs && !fields_pairs(s, &pairs) ? column_pairs(s, &q, &pairs, ret_err) : 0;
    if (rc == 0)
        rc = quality_plan_rows(
            run, name, text, false, &q,
            (const struct query_fragment[]){{"event", buf_text(&event)},
                                            {"late", buf_text(&late)},
                                            {"sample", buf_text(&sample)},
                                            {has_pairs ? "pairs" : NULL, buf_text(&pairs)},
                                            {0}},
            (size_t)most, ret_err);
    query_done(&q);
    struct buf *all[] = {&event, &late, &sample, &pairs};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
    return rc;
}

int quality_properties_plan(struct run *run, struct err *ret_err)
{
    if (quality_query(run, "properties") >= 0)
        return 0;
    int rc = plan_one(run, "properties", &sql_quality_properties, true, MAX_PAIRS, ret_err);
    if (rc == 0)
        rc = plan_one(run, "sample", &sql_quality_sample, false, MAX_NAMES, ret_err);
    return rc;
}

/* --- what came ------------------------------------------------------------------------------- */

/* One property of one event: before, and in the last part. */
struct filled {
    const char *event, *key, *example; /* a value that is no number */
    double events[2], values[2], numbers[2];
};

static json_t *events_by_name(const struct run *run)
{
    const json_t *rows = run_rows(run, quality_query(run, "sample"));
    json_t *by_name = json_object();
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        json_object_set(by_name, json_at_string(row, 0), row);
    }
    return by_name;
}

/* The rows as they came. The caller frees. */
static struct filled *read_filled(struct run *run, size_t *ret_count)
{
    const json_t *rows = run_rows(run, quality_query(run, "properties"));
    quality_cut(run, "properties", MAX_PAIRS, "pairs of event and property were looked at");
    quality_cut(run, "sample", MAX_NAMES, "event names were looked at for their properties");
    size_t count = json_array_size(rows);
    struct filled *all = calloc(count + 1, sizeof *all);
    json_t *events = events_by_name(run);
    for (size_t i = 0; all != NULL && i < count; i++) {
        const json_t *row = json_array_get(rows, i);
        const char *event = json_at_string(row, 0);
        const json_t *of = json_object_get(events, event);
        all[i] = (struct filled){.event = event,
                                 .key = json_at_string(row, 1),
                                 .example = json_at_string(row, 6),
                                 .events = {json_at_number(of, 1), json_at_number(of, 2)},
                                 .values = {json_at_number(row, 2), json_at_number(row, 3)},
                                 .numbers = {json_at_number(row, 4), json_at_number(row, 5)}};
    }
    json_decref(events);
    *ret_count = all != NULL ? count : 0;
    return all;
}

/* --- coverage --------------------------------------------------------------------------------- */

struct drop {
    const struct filled *f;
    double missing; /* values that the last part would have */
};

static int by_missing(const void *a, const void *b)
{
    double x = ((const struct drop *)a)->missing, y = ((const struct drop *)b)->missing;
    return x < y ? 1 : x > y ? -1 : 0;
}

static bool has_dropped(const struct filled *f, double *ret_missing)
{
    if (f->events[0] < MIN_EVENTS || f->events[1] < MIN_EVENTS)
        return false;
    double before = f->values[0] / f->events[0], now = f->values[1] / f->events[1];
    *ret_missing = (before - now) * f->events[1];
    return before >= 0.3 && now <= before / 2;
}

static void add_drop(struct run *run, const struct filled *f, double missing)
{
    char before[32], now[32];
    json_t *since =
        run_time(run, run->period.to_us - (run->period.to_us - run->period.from_us) / recent_share);
    quality_add(run, "nulls", f->values[1] > 0 ? QUALITY_MEDIUM : QUALITY_HIGH, f->key,
                missing * (double)quality_every(run, SAMPLED_ROWS),
                "Look at what was released then; breakdowns and filters by it miss these events.",
                "'%.100s' is on %s of the events '%.100s' since %s, before on %s.", f->key,
                text_percent(now, sizeof now, f->values[1] / f->events[1]), f->event,
                json_string_value(since),
                text_percent(before, sizeof before, f->values[0] / f->events[0]));
    json_decref(since);
}

void quality_coverage_shape(struct run *run)
{
    size_t count = 0, found = 0;
    struct filled *all = read_filled(run, &count);
    struct drop *drops = calloc(count + 1, sizeof *drops);
    for (size_t i = 0; drops != NULL && i < count; i++)
        if (has_dropped(&all[i], &drops[found].missing))
            drops[found++].f = &all[i];
    if (drops != NULL)
        qsort(drops, found, sizeof *drops, by_missing);
    for (size_t i = 0; i < found && i < MAX_FOUND; i++)
        add_drop(run, drops[i].f, drops[i].missing);
    if (found > MAX_FOUND)
        quality_say_cut(run, MAX_FOUND, "properties that went missing are listed");
    free(drops);
    free(all);
    if (quality_every(run, SAMPLED_ROWS) > 1)
        run_warn(run, "properties were looked at in one of %lld events",
                 (long long)quality_every(run, SAMPLED_ROWS));
}

/* --- types ------------------------------------------------------------------------------------ */

static double number_share(const struct filled *f)
{
    return (f->numbers[0] + f->numbers[1]) / (f->values[0] + f->values[1]);
}

static bool has_changed(const struct filled *f)
{
    if (f->values[0] < MIN_VALUES || f->values[1] < MIN_VALUES)
        return false;
    double before = f->numbers[0] / f->values[0], now = f->numbers[1] / f->values[1];
    return (before >= mostly && now < 0.5) || (before <= rarely && now > 0.5);
}

static void add_change(struct run *run, const struct filled *f)
{
    bool was_number = f->numbers[0] >= mostly * f->values[0];
    quality_add(run, "schema", QUALITY_HIGH, f->key, f->values[1],
                "Send one type; sums and comparisons with numbers leave the texts out.",
                "'%.100s' of '%.100s' was %s and is %s in the last quarter of the period, like "
                "'%.60s'.",
                f->key, f->event, was_number ? "a number" : "a text",
                was_number ? "a text" : "a number", f->example);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct filled *)a)->key, ((const struct filled *)b)->key);
}

/* All events with one key. */
static void judge_key(struct run *run, const struct filled *all, size_t count)
{
    const struct filled *number = NULL, *text = NULL;
    double values = 0, numbers = 0;
    const char *example = "";
    for (size_t i = 0; i < count; i++) {
        const struct filled *f = &all[i];
        double n = f->values[0] + f->values[1];
        if (has_changed(f)) {
            add_change(run, f);
            return;
        }
        values += n;
        numbers += f->numbers[0] + f->numbers[1];
        if (f->example[0] != '\0')
            example = f->example;
        if (n >= MIN_VALUES && number_share(f) >= mostly)
            number = f;
        if (n >= MIN_VALUES && number_share(f) <= rarely)
            text = f;
    }
    char texts[32], whole[32];
    if (number != NULL && text != NULL)
        quality_add(run, "schema", QUALITY_MEDIUM, all[0].key, values,
                    "Give one of the two another name, or filter by the event where it matters.",
                    "'%.100s' is a number on '%.100s' and a text on '%.100s', like '%.60s'.",
                    all[0].key, number->event, text->event, text->example);
    else if (values >= MIN_VALUES && numbers < values && numbers >= 0.9 * values)
        quality_add(run, "schema", QUALITY_LOW, all[0].key, values - numbers,
                    "Leave it away where there is no number; sums skip these values.",
                    "%s of %s values of '%.100s' %s no %s as the others are, like '%.60s'.",
                    text_count(texts, sizeof texts, values - numbers),
                    text_count(whole, sizeof whole, values), all[0].key,
                    text_verb(values - numbers, "is", "are"),
                    text_verb(values - numbers, "number", "numbers"), example);
}

void quality_types_shape(struct run *run)
{
    size_t count = 0;
    struct filled *all = read_filled(run, &count);
    if (all == NULL)
        return;
    qsort(all, count, sizeof *all, by_key);
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && strcmp(all[end].key, all[i].key) == 0;)
            end++;
        judge_key(run, &all[i], end - i);
    }
    free(all);
}
