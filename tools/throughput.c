/* How long cases take. A case takes from its first to its last event. One is in progress when its
 * last event is nearer to the end of the data than the median case is long; it may still go on, so
 * it has not finished, and the survival curve (Kaplan and Meier 1958) knows of it no more than that
 * it takes longer than from its first event to the end of the data. */
#include "throughput.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "json.h"
#include "process.h"
#include "sql_text.h"
#include "text.h"

static const struct param params[] = {
    {.name = "sla_s",
     .type = VALUE_NUMBER,
     .min = 0,
     .max = 1e11,
     .description = "Seconds that a case may take."},
    {.name = "interval",
     .choices = arg_intervals,
     .fallback = "\"month\"",
     .description = "Of started and finished."},
    ARG_WEEK_START,
    ARG_PERIOD,
    ARG_SCOPE,
    ARG_CASE,
    ARG_OUTPUT,
    {0},
};

static const struct field duration_fields[] = {
    {"mean_s", "From the first to the last event of a case.", VALUE_NUMBER},
    {"min_s", "The same.", VALUE_NUMBER},
    {"max_s", "The same.", VALUE_NUMBER},
    {"p5_s", "Percentile.", VALUE_NUMBER},
    {"p25_s", "Percentile.", VALUE_NUMBER},
    {"p50_s", "The median.", VALUE_NUMBER},
    {"p75_s", "Percentile.", VALUE_NUMBER},
    {"p90_s", "Percentile.", VALUE_NUMBER},
    {"p95_s", "Percentile.", VALUE_NUMBER},
    {"p99_s", "Percentile.", VALUE_NUMBER},
    {0},
};

static const struct field started_fields[] = {
    {"time", "Start of the interval.", VALUE_STRING},
    {"cases", "Cases whose first event is in it.", VALUE_INTEGER},
    {0},
};

static const struct field finished_fields[] = {
    {"time", "Start of the interval.", VALUE_STRING},
    {"cases", "Cases whose last event is in it, without those in progress.", VALUE_INTEGER},
    {0},
};

static const struct field survival_fields[] = {
    {"s", "Seconds from the first event.", VALUE_NUMBER},
    {"share", "Of the cases that take longer, as estimated.", VALUE_NUMBER},
    {0},
};

static const struct field fields[] = {
    {"duration", "Of all cases, those in progress up to their last event.", VALUE_OBJECT,
     .fields = duration_fields},
    {"started", "One for each interval, also without cases; at most the last 800.", VALUE_OBJECT,
     .is_list = true, .fields = started_fields},
    {"finished", "The same intervals.", VALUE_OBJECT, .is_list = true, .fields = finished_fields},
    {"in_progress",
     "Cases whose last event is nearer to the end of the data than the median case is long.",
     VALUE_INTEGER},
    {"breaches", "Cases that take longer than sla_s, with sla_s.", VALUE_INTEGER,
     .is_optional = true},
    {"survival",
     "Kaplan-Meier: share of cases that take longer than s; those in progress take longer than up "
     "to the end of the data. At most 100 of its steps.",
     VALUE_OBJECT, .is_list = true, .fields = survival_fields},
    {0},
};

/* Columns of sql/throughput.sql. Counts of intervals go up: those that began in it or before. */
enum {
    CASES,
    OPEN,
    TOOK,
    QUANTILES,
    SLOW,
    FIRST,
    LAST,
    TYPICAL,
    BREACHES,
    OPEN_BREACHES,
    BEGUN_AT,
    BEGUN,
    ENDED_AT,
    ENDED,
    STEPS,
    STEP_S,
    STEP_SHARE,
};

/* The intervals that a case may begin or end in; those behind the last one share one more. */
static void set_calendar(const struct run *run, struct calendar *c)
{
    const struct period *p = &run->period;
    int64_t from_us = p->from_given && p->from_us > p->data_from_us ? p->from_us : p->data_from_us;
    int64_t end_us = p->data_to_us + 1 > from_us ? p->data_to_us + 1 : from_us + 1;
    c->interval = interval_parse(json_get_string(run->arguments, "interval", "month"));
    c->sunday_weeks = interval_sunday_weeks(run->arguments);
    c->count = (json_int_t)interval_list(p->zone, c->interval, c->sunday_weeks, from_us, end_us,
                                         CALENDAR_MAX, c->at);
}

static int64_t sla_us(const struct run *run)
{
    const json_t *sla = json_object_get(run->arguments, "sla_s");
    return sla != NULL ? llround(json_number_value(sla) * 1e6) : INT64_MAX;
}

static int plan(struct run *run, struct err *ret_err)
{
    struct query q;
    struct process_log l;
    struct buf starts = {0};
    struct calendar *c = calloc(1, sizeof *c);
    run->state = c;
    run->state_free = free;
    if (c == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    set_calendar(run, c);
    for (json_int_t i = 0; i <= c->count; i++)
        buf_printf(&starts, "%s%lld", i > 0 ? ", " : "CAST([", (long long)c->at[i]);
    buf_puts(&starts, "], 'Array(Int64)')");
    query_init(&q);
    int rc = process_log_init(&l, run, &q, (struct process_ask){.is_wide = true}, ret_err);
    if (rc == 0) {
        query_set_integer(&q, "until_us", run->period.complete_until_us);
        query_set_integer(&q, "sla_us", sla_us(run));
        query_set_integer(&q, "points", THROUGHPUT_POINTS);
        rc = run_query(run, &q, &sql_throughput,
                       (const struct query_fragment[]){
                           {"rows", buf_text(&l.rows)}, {"starts", buf_text(&starts)}, {0}},
                       1, ret_err);
    }
    process_log_done(&l);
    query_done(&q);
    buf_done(&starts);
    return rc;
}

/* --- the result ------------------------------------------------------------------------------- */

static void write_duration(struct run *run, const json_t *row)
{
    static const char *const names[] = {"min_s", "p5_s",  "p25_s", "p50_s", "p75_s",
                                        "p90_s", "p95_s", "p99_s", "max_s"};
    const json_t *quantiles = json_array_get(row, QUANTILES);
    double cases = json_at_number(row, CASES);
    json_t *duration =
        json_pack("{s:f}", "mean_s", cases > 0 ? json_at_number(row, TOOK) / cases : 0.0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        json_object_set_new(duration, names[i],
                            json_real(cases > 0 ? json_at_number(quantiles, i) : 0.0));
    json_object_set_new(run->result, "duration", duration);
}

/* What of a list is in interval i; the lists name intervals that have any, in order. */
static json_int_t count_in(const json_t *starts, const json_t *sums, int64_t at_us, size_t *place)
{
    if (*place >= json_array_size(starts) || json_at_integer(starts, *place) != at_us)
        return 0;
    json_int_t before = *place > 0 ? json_at_integer(sums, *place - 1) : 0;
    (*place)++;
    return json_at_integer(sums, *place - 1) - before;
}

/* Returns how many cases began before `first` and had not ended by then. */
static json_int_t write_intervals(struct run *run, const json_t *row, const struct calendar *c,
                                  json_int_t first, json_int_t end)
{
    static const struct {
        const char *name;
        size_t at, sums;
        int sign;
    } lists[] = {{"started", BEGUN_AT, BEGUN, 1}, {"finished", ENDED_AT, ENDED, -1}};
    json_int_t open = 0;
    for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++) {
        json_t *list = json_array();
        size_t place = 0;
        for (json_int_t i = 0; i < end; i++) {
            json_int_t cases = count_in(json_array_get(row, lists[k].at),
                                        json_array_get(row, lists[k].sums), c->at[i], &place);
            if (i < first)
                open += lists[k].sign * cases;
            else
                json_array_append_new(list, json_pack("{s:o, s:I}", "time",
                                                      calendar_name(run, c, i), "cases", cases));
        }
        json_object_set_new(run->result, lists[k].name, list);
    }
    return open;
}

static void write_survival(struct run *run, const json_t *row)
{
    const json_t *times = json_array_get(row, STEP_S), *shares = json_array_get(row, STEP_SHARE);
    json_t *survival = json_array();
    for (size_t i = 0; i < json_array_size(times); i++)
        json_array_append_new(survival, json_pack("{s:f, s:f}", "s", json_at_number(times, i),
                                                  "share", json_at_number(shares, i)));
    json_object_set_new(run->result, "survival", survival);
    if (json_at_integer(row, STEPS) > THROUGHPUT_POINTS) {
        char steps[48];
        run_warn(run, "survival has %d of the %s of the curve, evenly spread over them",
                 THROUGHPUT_POINTS,
                 text_things(steps, sizeof steps, json_at_number(row, STEPS), "step"));
    }
}

/* From the period's begin, or else the first case's, to the end of the period or of the last case.
 * More than there is room for is an error. */
static int set_bounds(const struct run *run, const json_t *row, const struct calendar *c,
                      json_int_t *ret_first, json_int_t *ret_end, struct err *ret_err)
{
    const struct period *p = &run->period;
    int64_t last_us = json_at_integer(row, LAST);
    if (p->to_given && p->to_us - 1 > last_us && p->to_us - 1 <= p->data_to_us)
        last_us = p->to_us - 1;
    if (json_at_integer(row, CASES) == 0) {
        *ret_first = *ret_end = 0;
        return 0;
    }
    json_int_t first = p->from_given ? 0 : calendar_holding(c, json_at_integer(row, FIRST));
    json_int_t last = calendar_holding(c, last_us);
    if (first < 0 || last < 0 || last >= c->count)
        return err_set(ret_err, ERR_ARGUMENT, "interval",
                       "more than %d intervals: take a longer one, or a later from", CALENDAR_MAX);
    *ret_first = first;
    *ret_end = last + 1;
    return 0;
}

static void suggest(struct run *run, json_int_t breaches)
{
    const char *const cells[] = {"breach", "in_progress"};
    size_t cell = breaches > 0 ? 0 : 1;
    if (breaches > 0 || json_get_integer(run->result, "in_progress", 0) > 0)
        run_suggest(run, "list_actors",
                    json_pack("{s:s, s:o, s:{s:b}}", "of", "throughput", "arguments",
                              run_same_arguments(run), "cell", cells[cell], 1),
                    cell == 0 ? "the cases that take longer than sla_s" : "the cases in progress");
    json_t *same = run_same_arguments(run);
    const char *const own[] = {"sla_s", "interval", "week_start"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        json_object_del(same, own[i]);
    run_suggest(run, "process_map", same, "between which activities the time passes");
}

static void write_totals(struct run *run, const json_t *row, const struct calendar *c,
                         json_int_t first, json_int_t open)
{
    char some[48];
    const struct throughput_totals totals = {.cases = json_at_number(row, CASES),
                                             .took_s = json_at_number(row, TOOK),
                                             .slow_s = json_at_number(row, SLOW),
                                             .typical_s = json_at_number(row, TYPICAL) / 1e6,
                                             .calendar = c,
                                             .skipped = first,
                                             .open = open};
    throughput_write_text(run, &totals);
    suggest(run, sla_us(run) < INT64_MAX ? json_at_integer(row, BREACHES) : 0);
    process_link_log(run);
    if (json_at_number(row, OPEN_BREACHES) > 0)
        run_warn(run,
                 "%s in progress %s older than sla_s, not counted as breaches: from first to last "
                 "event they took less so far",
                 text_things(some, sizeof some, json_at_number(row, OPEN_BREACHES), "case"),
                 text_verb(json_at_number(row, OPEN_BREACHES), "is", "are"));
}

static int keep(struct run *run, struct err *ret_err)
{
    const struct calendar *c = run->state;
    const json_t *row = json_array_get(run_rows(run, 0), 0);
    json_int_t first = 0, end = 0;
    int rc = set_bounds(run, row, c, &first, &end, ret_err);
    if (rc < 0)
        return rc;
    write_duration(run, row);
    if (end - first > THROUGHPUT_INTERVALS) {
        run_truncated(run, "intervals", THROUGHPUT_INTERVALS,
                      "the older ones are left out: take a longer interval, or an earlier to");
        first = end - THROUGHPUT_INTERVALS;
    }
    json_int_t open = write_intervals(run, row, c, first, end);
    json_object_set_new(run->result, "in_progress", json_integer(json_at_integer(row, OPEN)));
    if (sla_us(run) < INT64_MAX)
        json_object_set_new(run->result, "breaches", json_integer(json_at_integer(row, BREACHES)));
    write_survival(run, row);
    process_warn_unfinished(run, json_at_integer(row, CASES), json_at_integer(row, OPEN));
    if (json_at_integer(row, CASES) > 0)
        write_totals(run, row, c, first, open);
    return 0;
}

static int plan_empty(struct run *run, struct err *ret_err)
{
    return run->text.len == 0 ? process_plan_empty(run, ret_err) : 0;
}

static int shape_empty(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    if (run_has_asked(run))
        process_shape_empty(run);
    return 0;
}

/* --- down to cases ---------------------------------------------------------------------------- */

static int read_cell(const struct run *run, const json_t *cell, bool *ret_breach,
                     struct err *ret_err)
{
    bool is_breach = json_is_true(json_object_get(cell, "breach"));
    bool is_open = json_is_true(json_object_get(cell, "in_progress"));
    if (is_breach == is_open)
        return err_set(ret_err, ERR_ARGUMENT, "cell",
                       "either {breach: true} or {in_progress: true}");
    if (is_breach && json_object_get(run->arguments, "sla_s") == NULL)
        return err_set(ret_err, ERR_ARGUMENT, "arguments.sla_s",
                       "missing: a breach is a case that takes longer");
    *ret_breach = is_breach;
    return 0;
}

static int plan_actors(struct run *run, const json_t *cell, struct err *ret_err)
{
    struct query q;
    struct process_log l = {0};
    struct buf keys = {0}, condition = {0};
    bool is_breach = false;
    query_init(&q);
    int rc = read_cell(run, cell, &is_breach, ret_err);
    if (rc == 0)
        rc = process_log_init(&l, run, &q, (struct process_ask){.is_wide = true}, ret_err);
    if (rc == 0) {
        buf_puts(&condition, is_breach ? "_last - _first > " : "_last + _typical > ");
        query_bind_integer(&q, &condition, is_breach ? sla_us(run) : run->period.complete_until_us);
        rc = query_render_to(
            &q, &sql_throughput_keys,
            (const struct query_fragment[]){
                {"typical", is_breach ? "0"
                                      : "toInt64(quantileExactInclusive(0.5)(_last - _first) OVER "
                                        "())"},
                {"rows", buf_text(&l.rows)},
                {"condition", buf_text(&condition)},
                {0}},
            &keys, ret_err);
    }
    if (rc == 0)
        rc = process_plan_members(run, &l, buf_text(&keys), "1", "length(events)", ret_err);
    process_log_done(&l);
    buf_done(&keys);
    buf_done(&condition);
    query_done(&q);
    return rc;
}

static const struct step steps[] = {{plan, keep}, {plan_empty, shape_empty}, {0}};

const struct tool tool_throughput = {
    .name = "throughput",
    .title = "Throughput",
    .description = "How long cases take from begin to end, how many take longer than they may, how "
                   "many begin and finish in each interval, and how many are in progress.",
    .toolset = "process",
    .flags = TOOL_WHOLE_PERIOD,
    .params = params,
    .fields = fields,
    .tables = (const char *const[]){"started", NULL},
    .steps = steps,
    .plan_actors = plan_actors,
};
