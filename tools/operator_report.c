/* operator_report: what each resource does, and which activities are worth automating.
 *
 * How long an event takes is its service time where events tell it (start_time, or duration_ms as
 * of a span), else the time since the event before it in its case: then the first event of a case
 * has none, and waiting counts as work. An event is rework if its case had its activity before.
 * The automation score is daily volume × mean duration in seconds × (1 + rework rate): the seconds
 * that a day spends on it, of an activity by everybody, of an operator on all activities. Daily
 * volume is events for each day from the first to the last event of the selected cases, of which
 * there is one at least. */
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "json.h"
#include "process.h"
#include "sql_text.h"
#include "text.h"

enum { MAX_ROWS = 20000 /* of each list */, MAX_TOLD = 1000, SHOWN = 12 };

static const double day_s = 86400;

static const struct param params[] = {ARG_PERIOD, ARG_SCOPE, ARG_CASE, ARG_OUTPUT, {0}};

static const struct field operator_fields[] = {
    {"operator", "Resource.", VALUE_STRING},
    {"events", "Events it did.", VALUE_INTEGER},
    {"cases", "Cases it took part in.", VALUE_INTEGER},
    {"activities", "Different ones it did.", VALUE_INTEGER},
    {"median_s", "How long an event takes; absent where that is not known.", VALUE_NUMBER,
     .is_optional = true},
    {"rework_share", "Of its events, those whose case had the activity before.", VALUE_NUMBER},
    {"automation_score", "Its events a day × mean duration in seconds × (1 + rework_share).",
     VALUE_NUMBER, .is_optional = true},
    {0},
};

static const struct field automation_fields[] = {
    {"activity", "Name.", VALUE_STRING},
    {"daily_volume", "Events a day, from the first to the last one of the cases.", VALUE_NUMBER},
    {"mean_s", "How long one takes; absent where that is not known.", VALUE_NUMBER,
     .is_optional = true},
    {"rework_rate", "Of its events, those whose case had it before.", VALUE_NUMBER},
    {"score", "daily_volume × mean_s × (1 + rework_rate).", VALUE_NUMBER, .is_optional = true},
    {0},
};

static const struct field fields[] = {
    {"operators", "Busiest first.", VALUE_OBJECT, .is_list = true, .fields = operator_fields},
    {"automation", "Highest score first.", VALUE_OBJECT, .is_list = true,
     .fields = automation_fields},
    {0},
};

/* Columns of process_operators.sql. */
enum {
    ACTIVITY,
    RESOURCE,
    COUNT,
    KNOWN,
    TOTAL,
    MEDIAN,
    REPEATS,
    CASES,
    ACTIVITIES,
    NAMES,
    UNFINISHED,
    SPAN,
};

struct report {
    int services_at;
    enum source_service service;
    json_t *rows;
};

static double number(const json_t *item, const char *name)
{
    return json_get_number(item, name, 0);
}

/* --- the questions ---------------------------------------------------------------------------- */

static void state_free(void *state)
{
    struct report *r = state;
    json_decref(r->rows);
    free(r);
}

static int plan_services(struct run *run, struct err *ret_err)
{
    struct report *r = run->state = calloc(1, sizeof *r);
    if (r == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    run->state_free = state_free;
    r->services_at = process_plan_services(run, ret_err);
    return r->services_at < 0 ? r->services_at : 0;
}

static int keep_service(struct run *run, struct err *ret_err)
{
    struct report *r = run->state;
    (void)ret_err;
    r->service = process_service_of(run, r->services_at);
    return 0;
}

static int plan(struct run *run, struct err *ret_err)
{
    static const char since[] =
        "arrayMap((x, y, n) -> if(n, " PROCESS_UNKNOWN ", toInt64(x - y)), t, before, begins)";
    const struct report *r = run->state;
    struct query q;
    struct process_log l;
    struct buf percentiles_if = {0};
    query_init(&q);
    int rc = process_log_init(
        &l, run, &q, (struct process_ask){.has_resources = true, .service = r->service}, ret_err);
    if (rc == 0) {
        buf_printf(&percentiles_if, "%sIf", process_quantiles(run));
        query_set_integer(&q, "until", run->period.complete_until_us - l.zero_us);
        query_set_integer(&q, "limit", MAX_ROWS);
        rc = run_query(run, &q, &sql_process_operators,
                       (const struct query_fragment[]){
                           {"codes", buf_text(&l.codes)},
                           {"percentiles_if", buf_text(&percentiles_if)},
                           {"unknown", PROCESS_UNKNOWN},
                           {"times", r->service != SOURCE_NO_SERVICE ? "s" : since},
                           {"arrays", buf_text(&l.arrays)},
                           {0}},
                       (size_t)2 * MAX_ROWS + 2, ret_err);
    }
    buf_done(&percentiles_if);
    process_log_done(&l);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

static int keep(struct run *run, struct err *ret_err)
{
    struct report *r = run->state;
    (void)ret_err;
    r->rows = json_incref((json_t *)run_rows(run, 0));
    return 0;
}

static int plan_empty(struct run *run, struct err *ret_err)
{
    const struct report *r = run->state;
    return json_array_size(r->rows) == 0 ? process_plan_empty(run, ret_err) : 0;
}

/* --- the result ------------------------------------------------------------------------------- */

/* What both kinds of rows have: share of rework, events a day and the score. */
struct figures {
    double rework, daily, mean_s, score;
    bool is_known;
};

static struct figures figures_of(const json_t *row, double days)
{
    double events = (double)json_at_integer(row, COUNT),
           known = (double)json_at_integer(row, KNOWN);
    struct figures f = {.rework = (double)json_at_integer(row, REPEATS) / events,
                        .daily = events / days,
                        .is_known = known > 0};
    f.mean_s = f.is_known ? json_at_number(row, TOTAL) / known : 0;
    f.score = f.daily * f.mean_s * (1 + f.rework);
    return f;
}

static json_t *operator_item(const json_t *row, const char *name, double days)
{
    struct figures f = figures_of(row, days);
    json_t *item =
        json_pack("{s:s, s:I, s:I, s:I, s:f}", "operator", name, "events",
                  json_at_integer(row, COUNT), "cases", json_at_integer(row, CASES), "activities",
                  json_at_integer(row, ACTIVITIES), "rework_share", f.rework);
    if (f.is_known) {
        json_object_set_new(item, "median_s", json_real(json_at_number(row, MEDIAN)));
        json_object_set_new(item, "automation_score", json_real(f.score));
    }
    return item;
}

static json_t *automation_item(const json_t *row, const char *name, double days)
{
    struct figures f = figures_of(row, days);
    json_t *item = json_pack("{s:s, s:f, s:f}", "activity", name, "daily_volume", f.daily,
                             "rework_rate", f.rework);
    if (f.is_known) {
        json_object_set_new(item, "mean_s", json_real(f.mean_s));
        json_object_set_new(item, "score", json_real(f.score));
    }
    return item;
}

struct scored {
    double score, volume;
    const char *name;
    json_t *item;
};

static int best_first(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    if (x->volume != y->volume)
        return x->volume < y->volume ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* Takes the list; the sorted one is a new reference. */
static json_t *sorted_by_score(json_t *items)
{
    size_t count = json_array_size(items);
    struct scored *list = calloc(count + 1, sizeof *list);
    json_t *sorted = json_array();
    for (size_t i = 0; list != NULL && i < count; i++) {
        json_t *item = json_array_get(items, i);
        list[i] = (struct scored){.score = json_get_number(item, "score", -1),
                                  .volume = number(item, "daily_volume"),
                                  .name = json_get_string(item, "activity", ""),
                                  .item = item};
    }
    if (list != NULL)
        qsort(list, count, sizeof *list, best_first);
    for (size_t i = 0; list != NULL && i < count; i++)
        json_array_append(sorted, list[i].item);
    free(list);
    json_decref(items);
    return sorted;
}

static void cap(struct run *run, json_t *list, const char *name)
{
    if (json_array_size(list) > MAX_TOLD)
        run_truncated(run, name, MAX_TOLD, "filter the cases or shorten the period");
    while (json_array_size(list) > MAX_TOLD)
        json_array_remove(list, json_array_size(list) - 1);
}

static void write_lists(struct run *run)
{
    const struct report *r = run->state;
    const json_t *first = json_array_get(r->rows, 0), *names = json_array_get(first, NAMES);
    double days = json_at_number(first, SPAN) / day_s;
    json_t *operators = json_array(), *automation = json_array();
    for (size_t i = 1; i < json_array_size(r->rows); i++) {
        const json_t *row = json_array_get(r->rows, i);
        json_int_t activity = json_at_integer(row, ACTIVITY);
        json_int_t code = activity > 0 ? activity : json_at_integer(row, RESOURCE);
        const char *name = process_name(json_array_get(names, activity > 0 ? 0 : 1), code);
        if (activity > 0)
            json_array_append_new(automation, automation_item(row, name, days > 1 ? days : 1));
        else
            json_array_append_new(operators, operator_item(row, name, days > 1 ? days : 1));
    }
    automation = sorted_by_score(automation);
    cap(run, operators, "operators");
    cap(run, automation, "automation");
    json_object_set_new(run->result, "operators", operators);
    json_object_set_new(run->result, "automation", automation);
}

/* --- words ------------------------------------------------------------------------------------ */

static void write_headline(struct run *run)
{
    const struct report *r = run->state;
    const json_t *best = json_array_get(json_object_get(run->result, "automation"), 0);
    const json_t *operators = json_object_get(run->result, "operators");
    const json_t *busiest = json_array_get(operators, 0);
    char volume[32], mean[48], share[32], some[48], cost[48];
    struct buf *out = &run->text;
    if (number(best, "score") > 0)
        buf_printf(
            out, "Most worth automating: %.100s, %s a day × mean %s × (1 + %s rework) = %s a day. ",
            json_get_string(best, "activity", ""),
            text_number(volume, sizeof volume, number(best, "daily_volume")),
            text_duration(mean, sizeof mean, number(best, "mean_s")),
            text_percent(share, sizeof share, number(best, "rework_rate")),
            text_duration(cost, sizeof cost, number(best, "score")));
    if (busiest != NULL)
        buf_printf(out, "Busiest: %.100s with %s in %s.", json_get_string(busiest, "operator", ""),
                   text_things(some, sizeof some, number(busiest, "events"), "event"),
                   text_things(cost, sizeof cost, number(busiest, "cases"), "case"));
    else
        buf_puts(out, "No event names who did it.");
    buf_printf(out, " Durations are %s.\n",
               r->service != SOURCE_NO_SERVICE
                   ? "service times"
                   : "times since the event before in the case, waiting included");
}

static void write_operators(struct run *run, bool is_long)
{
    const json_t *list = json_object_get(run->result, "operators");
    size_t count = json_array_size(list), shown = is_long || count < SHOWN ? count : SHOWN;
    if (count > 0)
        text_table(&run->text, (const char *const[]){"operator", "events", "cases", "activities",
                                                     "median", "rework", "score (s a day)", NULL});
    for (size_t i = 0; i < shown; i++) {
        const json_t *o = json_array_get(list, i);
        bool is_known = json_object_get(o, "median_s") != NULL;
        char n[32], cases[32], kinds[32], median[48], share[32], score[32];
        text_row(
            &run->text,
            (const char *const[]){
                json_get_string(o, "operator", ""), text_count(n, sizeof n, number(o, "events")),
                text_count(cases, sizeof cases, number(o, "cases")),
                text_count(kinds, sizeof kinds, number(o, "activities")),
                is_known ? text_duration(median, sizeof median, number(o, "median_s")) : "",
                text_percent(share, sizeof share, number(o, "rework_share")),
                is_known ? text_number(score, sizeof score, number(o, "automation_score")) : ""},
            7);
    }
    text_more(&run->text, count, shown);
}

static void write_automation(struct run *run, bool is_long)
{
    const json_t *list = json_object_get(run->result, "automation");
    size_t count = json_array_size(list), shown = is_long || count < SHOWN ? count : SHOWN;
    if (count > 0)
        text_table(&run->text, (const char *const[]){"activity", "events a day", "mean", "rework",
                                                     "score (s a day)", NULL});
    for (size_t i = 0; i < shown; i++) {
        const json_t *a = json_array_get(list, i);
        bool is_known = json_object_get(a, "mean_s") != NULL;
        char daily[32], mean[48], rate[32], score[32];
        text_row(&run->text,
                 (const char *const[]){
                     json_get_string(a, "activity", ""),
                     text_number(daily, sizeof daily, number(a, "daily_volume")),
                     is_known ? text_duration(mean, sizeof mean, number(a, "mean_s")) : "",
                     text_percent(rate, sizeof rate, number(a, "rework_rate")),
                     is_known ? text_number(score, sizeof score, number(a, "score")) : ""},
                 5);
    }
    text_more(&run->text, count, shown);
}

static int shape(struct run *run, struct err *ret_err)
{
    const struct report *r = run->state;
    const json_t *first = json_array_get(r->rows, 0);
    bool is_long = strcmp(json_get_string(run->arguments, "format", "concise"), "detailed") == 0;
    (void)ret_err;
    write_lists(run);
    if (json_array_size(r->rows) == 0) {
        process_shape_empty(run);
        return 0;
    }
    write_headline(run);
    write_automation(run, is_long);
    write_operators(run, is_long);
    run_suggest(run, "handover_network", run_same_arguments(run), "who hands over to whom");
    process_link_log(run);
    process_warn(run, json_at_integer(first, COUNT), json_at_integer(first, UNFINISHED),
                 json_array_get(json_array_get(first, NAMES), 0));
    return 0;
}

static const struct step steps[] = {
    {plan_services, keep_service}, {plan, keep}, {plan_empty, shape}, {0}};

const struct tool tool_operator_report = {
    .name = "operator_report",
    .title = "Operators of a process",
    .description = "What each resource does, how fast and with how much rework, and which "
                   "activities are worth automating: daily volume × mean duration × (1 + rework "
                   "rate).",
    .toolset = "process",
    .flags = TOOL_WHOLE_PERIOD,
    .params = params,
    .fields = fields,
    .tables = (const char *const[]){"automation", NULL},
    .steps = steps,
};
