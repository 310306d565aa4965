/* The questions that most process tools ask, and how their answers are read. */
#include <stdio.h>
#include <stdlib.h>

#include "export_log.h"
#include "json.h"
#include "process.h"
#include "segment.h"
#include "sql_text.h"
#include "text.h"

/* --- the questions --------------------------------------------------------------------------- */

static bool is_exact(const struct run *run)
{
    return run->source->rows <= PROCESS_EXACT_ROWS;
}

const char *process_quantiles(const struct run *run)
{
    return is_exact(run) ? "quantilesExactInclusive" : "quantilesTDigest";
}

/* What both questions bind beside the log. */
static void bind_limits(const struct process_log *l, int64_t limit)
{
    query_set_integer(l->q, "until", l->run->period.complete_until_us - l->zero_us);
    query_set_integer(l->q, "limit", limit);
}

int process_plan_variants(struct run *run, struct process_ask ask, int64_t limit,
                          struct err *ret_err)
{
    struct query q;
    struct process_log l;
    struct buf traces = {0}, example = {0};
    query_init(&q);
    int rc = process_log_init(&l, run, &q, ask, ret_err);
    if (rc == 0)
        rc = process_add_traces(&l, "c", &traces, ret_err);
    if (rc == 0) {
        bind_limits(&l, limit + 1);
        query_set_integer(&q, "max_trace",
                          (ask.max_trace > 0 ? ask.max_trace : PROCESS_MAX_TRACE) + 1);
        process_case_of(&l, "_first", &example);
        rc = run_query(run, &q, &sql_process_variants,
                       (const struct query_fragment[]){{"codes", buf_text(&l.codes)},
                                                       {"percentiles", process_quantiles(run)},
                                                       {"example", buf_text(&example)},
                                                       {"traces", buf_text(&traces)},
                                                       {0}},
                       (size_t)limit + 2, ret_err);
    }
    process_log_done(&l);
    buf_done(&traces);
    buf_done(&example);
    query_done(&q);
    return rc;
}

/* What process_edges.sql gathers of the delays of an edge, and makes of it: `figures` are least,
 * median, 95th percentile and most; `saving`, what the delays above the median have beyond it. */
struct delays {
    const char *took, *figures, *saving;
};

static const struct delays exact = {
    "groupArray(toInt64(_took))",
    "arrayReduce('quantilesExactInclusive(0, 0.5, 0.95, 1)', took)",
    "arraySum(x -> greatest(toFloat64(x) - middle, 0), took)",
};

/* The same of estimates: the upper half of the quantiles in hundredths. */
static struct delays estimated(struct buf *took)
{
    buf_puts(took, "quantilesTDigest(0, 0.5, 0.95, 1");
    for (int i = 50; i < 100; i++)
        buf_printf(took, ", 0.%d5", i);
    buf_puts(took, ")(toInt64(_took))");
    return (struct delays){
        buf_text(took), "took",
        "n * arraySum(x -> greatest(x - middle, 0), arraySlice(figures, 5)) / 100"};
}

/* Of every event whether it is the first of its edge, and of its activity, in its case; of each
 * edge, how many are. */
static const char marks[] = "arrayMap((x, y) -> toUInt64((x = 1) + 2 * (y = 1)),\n"
                            "arrayEnumerateUniq(arrayMap((x, e) -> bitShiftLeft(bitShiftRight(x, "
                            "{time_bits:UInt8}), 32) + e, t, edges)),\n"
                            "arrayEnumerateUniq(arrayMap((x, e) -> bitShiftLeft(bitShiftRight(x, "
                            "{time_bits:UInt8}), 16) + e, t, c)))";

static const char case_counts[] = "countIf(bitAnd(_mark, 1) = 1) AS cases, "
                                  "countIf(bitAnd(_mark, 2) = 2) AS target_cases";

int process_plan_edges(struct run *run, struct process_ask ask, struct err *ret_err)
{
    struct query q;
    struct process_log l;
    struct buf took = {0};
    struct delays d = is_exact(run) ? exact : estimated(&took);
    query_init(&q);
    int rc = process_log_init(&l, run, &q, ask, ret_err);
    if (rc == 0) {
        bind_limits(&l, PROCESS_MAX_EDGES + 1);
        rc = run_query(
            run, &q, &sql_process_edges,
            (const struct query_fragment[]){
                {"codes", buf_text(&l.codes)},
                {"cases", ask.is_uncounted ? "0 AS cases, 0 AS target_cases" : case_counts},
                {"took", d.took},
                {"figures", d.figures},
                {"saving", d.saving},
                {"marks", ask.is_uncounted ? "arrayWithConstant(length(t), toUInt64(0))" : marks},
                {"arrays", buf_text(&l.arrays)},
                {0}},
            PROCESS_MAX_EDGES + 2, ret_err);
    }
    buf_done(&took);
    process_log_done(&l);
    query_done(&q);
    return rc;
}

/* --- their answers ---------------------------------------------------------------------------- */

/* What is not exact stands first, or right behind the row of all cases. */
bool process_is_told(const json_t *rows)
{
    const json_t *second = json_array_get(rows, 1), *trace = json_array_get(second, 0);
    if (json_array_size(rows) == 0)
        return false;
    if (json_is_array(trace))
        return json_at_integer(trace, 0) != 0;
    return second == NULL || json_at_integer(second, 1) != 0;
}

const char *process_name(const json_t *names, json_int_t code)
{
    const char *name = code > 0 ? json_at_string(names, (size_t)code - 1) : NULL;
    return name != NULL ? name : process_other;
}

json_t *process_names(const json_t *names, const json_t *codes)
{
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(codes); i++)
        json_array_append_new(list, json_string(process_name(names, json_at_integer(codes, i))));
    return list;
}

int process_plan_texts(struct run *run, const json_t *numbers, struct err *ret_err)
{
    const char *name = json_get_string(run->arguments, "case", NULL);
    struct query q;
    struct buf number = {0}, text = {0}, from = {0};
    if (json_array_size(numbers) == 0 || !source_actor_number(run->source, "case", name, &number)) {
        buf_done(&number);
        return 0;
    }
    query_init(&q);
    query_set_texts(&q, "numbers", numbers);
    int rc = source_case(run->source, &q, name, &text, ret_err);
    source_from(run->source, &q, &from);
    if (rc == 0)
        rc = run_query(run, &q, &sql_process_texts,
                       (const struct query_fragment[]){{"number", buf_text(&number)},
                                                       {"case", buf_text(&text)},
                                                       {"from", buf_text(&from)},
                                                       {0}},
                       json_array_size(numbers) + 1, ret_err);
    buf_done(&number);
    buf_done(&text);
    buf_done(&from);
    query_done(&q);
    return rc < 0 ? rc : 1;
}

json_t *process_read_texts(const struct run *run)
{
    json_t *texts = json_object();
    for (size_t i = 0; run_has_asked(run) && i < json_array_size(run_rows(run, 0)); i++) {
        const json_t *row = json_array_get(run_rows(run, 0), i);
        json_object_set(texts, json_at_string(row, 0), json_array_get(row, 1));
    }
    return texts;
}

void process_set_change(json_t *item, json_int_t now, json_int_t before)
{
    json_object_set_new(item, "previous", json_integer(before));
    if (before > 0)
        json_object_set_new(item, "change", json_real((double)(now - before) / (double)before));
}

void process_write_unchanged(struct run *run, size_t len, const char *what)
{
    if (run->text.len == len)
        buf_printf(&run->text, "Against the period before %s.\n", what);
}

void process_warn_unfinished(struct run *run, int64_t cases, int64_t unfinished)
{
    char some[48];
    if (unfinished > 0 && unfinished < cases)
        run_warn(run,
                 "%s %s unfinished: the last event is nearer to the end of the data than a typical "
                 "case is long",
                 text_things(some, sizeof some, (double)unfinished, "case"),
                 text_verb((double)unfinished, "looks", "look"));
}

void process_warn_names(struct run *run, const json_t *names)
{
    if (json_array_size(names) >= PROCESS_MAX_ACTIVITIES)
        run_warn(run, "more than %d distinct activities: the rarest are (other)",
                 PROCESS_MAX_ACTIVITIES);
}

void process_warn(struct run *run, int64_t cases, int64_t unfinished, const json_t *names)
{
    process_warn_unfinished(run, cases, unfinished);
    process_warn_names(run, names);
    if (!is_exact(run))
        run_warn(run, "medians and percentiles are approximate (t-digest): more than %d rows",
                 PROCESS_EXACT_ROWS);
}

void process_link_log(struct run *run)
{
    run_link(run, export_log_uri(run, "csv"), "log.csv", "text/csv",
             "The events of these cases as CSV.");
    run_link(run, export_log_uri(run, "xes"), "log.xes", "application/xml", "The same as XES.");
}

/* --- nothing ---------------------------------------------------------------------------------- */

static int empty_conditions(struct run *run, struct query *q, const char *who, struct buf *filters,
                            struct buf *segment, struct err *ret_err)
{
    const json_t *wanted = json_object_get(run->arguments, "segment");
    int rc = source_filters(run->source, q, json_object_get(run->arguments, "filters"), filters,
                            ret_err);
    if (rc == 0 && wanted != NULL)
        rc = segment_condition(run, q, wanted, "case", who, segment, ret_err);
    else
        buf_putc(segment, '1');
    return rc;
}

int process_plan_empty(struct run *run, struct err *ret_err)
{
    const char *name = json_get_string(run->arguments, "case", NULL);
    struct query q;
    struct buf who = {0}, number = {0}, period = {0}, filters = {0}, segment = {0}, from = {0};
    query_init(&q);
    buf_puts(&who, "CAST(");
    int rc = source_case(run->source, &q, name, &who, ret_err);
    buf_puts(&who, ", 'String')");
    bool has_number = source_actor_number(run->source, "case", name, &number);
    source_time_between(run->source, &q, run->period.from_us, run->period.to_us, &period);
    if (rc == 0)
        rc = empty_conditions(run, &q, buf_text(&who), &filters, &segment, ret_err);
    source_from(run->source, &q, &from);
    if (rc == 0)
        rc = run_query(
            run, &q, &sql_process_empty,
            (const struct query_fragment[]){{"key", buf_text(has_number ? &number : &who)},
                                            {"nobody", has_number ? "0" : "''"},
                                            {"period", buf_text(&period)},
                                            {"filters", buf_text(&filters)},
                                            {"segment", buf_text(&segment)},
                                            {"from", buf_text(&from)},
                                            {0}},
            1, ret_err);
    struct buf *all[] = {&who, &number, &period, &filters, &segment, &from};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

void process_shape_empty(struct run *run)
{
    static const struct {
        int column;
        const char *why;
    } reasons[] = {
        {0, "the source has no events"},
        {1, "no event names its case"},
        {2, "no case has an event in this period"},
        {3, "no case has an event that passes the filters"},
        {4, "no case is of the segment"},
    };
    const json_t *row = json_array_get(run_rows(run, 0), 0);
    const char *why = "no case begins in this period and passes filters and segment: each alone "
                      "leaves some (a case belongs to the period of its first event)";
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (json_at_integer(row, (size_t)reasons[i].column) == 0) {
            why = reasons[i].why;
            break;
        }
    }
    buf_printf(&run->text, "0 cases: %s.\n", why);
    run_warn(run, "%s", why);
}
