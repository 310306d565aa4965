#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "json.h"
#include "process.h"
#include "text.h"

enum { SHOWN = 10, SHOWN_CHANGES = 3, TRACE_TEXT = 400 };

static const struct param params[] = {
    {.name = "collapse_repeats",
     .type = VALUE_BOOLEAN,
     .fallback = "false",
     .description = "Count A A B as A B."},
    ARG_PERIOD,
    ARG_SCOPE,
    ARG_CASE,
    ARG_COMPARE,
    ARG_LIMIT("20"),
    ARG_CURSOR,
    ARG_OUTPUT,
    {0},
};

static const struct field variant_fields[] = {
    {"activities", "The sequence.", VALUE_STRING, .is_list = true},
    {"cases", "Cases that follow it.", VALUE_INTEGER},
    {"share", "Of all cases.", VALUE_NUMBER},
    {"cumulative_share", "Of this and all more frequent ones.", VALUE_NUMBER},
    {"median_s", "From the first to the last event of a case.", VALUE_NUMBER},
    {"p90_s", "The same, 90th percentile.", VALUE_NUMBER},
    {"example_case", "One of them.", VALUE_STRING},
    {"previous", "Its cases in the period before, with compare.", VALUE_INTEGER,
     .is_optional = true},
    {"change", "(cases - previous) / previous.", VALUE_NUMBER, .is_optional = true},
    {0},
};

static const struct field length_fields[] = {
    {"mean", "Events of a case.", VALUE_NUMBER},
    {"min", "Of the shortest.", VALUE_INTEGER},
    {"max", "Of the longest.", VALUE_INTEGER},
    {"median", "Of the typical one.", VALUE_NUMBER},
    {0},
};

static const struct field fields[] = {
    {"variants", "Most frequent first.", VALUE_OBJECT, .is_list = true, .fields = variant_fields},
    {"cases", "All selected cases.", VALUE_INTEGER},
    {"events", "Their events.", VALUE_INTEGER},
    {"distinct_variants", "Different sequences.", VALUE_INTEGER},
    {"case_length", "Events in a case, repeats included.", VALUE_OBJECT, .fields = length_fields},
    {"cursor", "Where the next page begins.", VALUE_STRING, .is_optional = true},
    {0},
};

/* Columns of process_plan_variants(), and of the counts in its first row. */
enum { TRACE, CASES, MEDIAN, P90, EXAMPLE, NAMES, COUNTS, LENGTH };
enum { ALL_CASES, EVENTS, VARIANTS, SHORTEST, LONGEST, UNFINISHED };

struct variants {
    json_t *now, *before;  /* rows of the two periods; the second NULL without compare */
    int now_at, before_at; /* their queries of the round, -1 = not asked */
};

static void variants_free(void *state)
{
    struct variants *v = state;
    json_decref(v->now);
    json_decref(v->before);
    free(v);
}

static json_int_t count_of(const json_t *rows, size_t which)
{
    return json_integer_value(
        json_array_get(json_array_get(json_array_get(rows, 0), COUNTS), which));
}

static const json_t *names_of(const json_t *rows)
{
    return json_array_get(json_array_get(rows, 0), NAMES);
}

static json_int_t cases_of(const json_t *row)
{
    return json_integer_value(json_array_get(row, CASES));
}

/* --- the questions ---------------------------------------------------------------------------- */

static int plan_periods(struct run *run, bool is_wide, bool asks_now, bool asks_before,
                        struct err *ret_err)
{
    struct variants *v = run->state;
    int64_t limit, offset;
    int rc = run_page(run, 20, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    bool is_more = process_is_compared(run) && offset + limit < PROCESS_MAX_COMPARED;
    v->now_at = v->before_at = -1;
    if (asks_now)
        v->now_at = rc =
            process_plan_variants(run, (struct process_ask){.is_wide = is_wide},
                                  is_more ? PROCESS_MAX_COMPARED : offset + limit, ret_err);
    if (rc >= 0 && asks_before)
        v->before_at = rc = process_plan_variants(
            run, (struct process_ask){.is_previous = true, .is_wide = is_wide},
            PROCESS_MAX_COMPARED, ret_err);
    return rc < 0 ? rc : 0;
}

static int plan(struct run *run, struct err *ret_err)
{
    run->state = calloc(1, sizeof(struct variants));
    if (run->state == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    run->state_free = variants_free;
    return plan_periods(run, !process_may_be_narrow(run), true, process_is_compared(run), ret_err);
}

static void keep_rows(const struct run *run, int at, json_t **rows)
{
    if (at < 0)
        return;
    json_decref(*rows);
    *rows = json_incref((json_t *)run_rows(run, at));
}

static int keep(struct run *run, struct err *ret_err)
{
    struct variants *v = run->state;
    (void)ret_err;
    if (run_has_asked(run)) {
        keep_rows(run, v->now_at, &v->now);
        keep_rows(run, v->before_at, &v->before);
    }
    return 0;
}

/* Where a narrow statement does not tell, the wide one does. */
static int plan_wide(struct run *run, struct err *ret_err)
{
    const struct variants *v = run->state;
    bool asks_now = !process_is_told(v->now);
    bool asks_before = v->before != NULL && !process_is_told(v->before);
    if (!process_may_be_narrow(run) || (!asks_now && !asks_before))
        return 0;
    return plan_periods(run, true, asks_now, asks_before, ret_err);
}

/* The rows of the page: from *ret_first to before *ret_end. Row 0 tells of all cases. */
static int page_of(const struct run *run, size_t *ret_first, size_t *ret_end, struct err *ret_err)
{
    const struct variants *v = run->state;
    int64_t limit, offset;
    int rc = run_page(run, 20, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    size_t count = json_array_size(v->now), first = (size_t)offset + 1;
    *ret_first = first < count ? first : count;
    *ret_end = *ret_first + (size_t)limit < count ? *ret_first + (size_t)limit : count;
    return 0;
}

static int plan_texts(struct run *run, struct err *ret_err)
{
    const struct variants *v = run->state;
    size_t first, end;
    int rc = page_of(run, &first, &end, ret_err);
    if (rc < 0)
        return rc;
    if (count_of(v->now, ALL_CASES) == 0)
        return process_plan_empty(run, ret_err);
    json_t *numbers = json_array();
    for (size_t i = first; i < end; i++)
        json_array_append(numbers, json_array_get(json_array_get(v->now, i), EXAMPLE));
    rc = process_plan_texts(run, numbers, ret_err);
    json_decref(numbers);
    return rc < 0 ? rc : 0;
}

/* --- the result ------------------------------------------------------------------------------- */

/* {activities as JSON: row} */
static json_t *index_of(const json_t *rows)
{
    json_t *index = json_object();
    for (size_t i = 1; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        json_t *trace = process_names(names_of(rows), json_array_get(row, TRACE));
        char *key = json_text(trace);
        if (key != NULL)
            json_object_set(index, key, row);
        free(key);
        json_decref(trace);
    }
    return index;
}

static const json_t *find(const json_t *index, const json_t *trace)
{
    char *key = json_text(trace);
    const json_t *row = key != NULL ? json_object_get(index, key) : NULL;
    free(key);
    return row;
}

/* Whether all variants of a period are known: else one that is not among them may be a rare one. */
static bool is_whole(const json_t *rows)
{
    return json_array_size(rows) == 0 ||
           (json_int_t)json_array_size(rows) > count_of(rows, VARIANTS);
}

/* Cuts a longer one, whose last activity only says that there are more. */
static bool cut(json_t *trace)
{
    bool is_long = json_array_size(trace) > PROCESS_MAX_TRACE;
    if (is_long)
        json_array_remove(trace, PROCESS_MAX_TRACE);
    return is_long;
}

static json_t *variant_item(const json_t *rows, const json_t *row, double cases, double sum,
                            const json_t *texts)
{
    const json_t *example = json_array_get(row, EXAMPLE);
    const char *text = json_get_string(texts, json_string_value(example), NULL);
    return json_pack("{s:o, s:I, s:f, s:f, s:O, s:O, s:o}", "activities",
                     process_names(names_of(rows), json_array_get(row, TRACE)), "cases",
                     cases_of(row), "share", (double)cases_of(row) / cases, "cumulative_share",
                     sum / cases, "median_s", json_array_get(row, MEDIAN), "p90_s",
                     json_array_get(row, P90), "example_case",
                     text != NULL ? json_string(text) : json_incref((json_t *)example));
}

static void write_totals(struct run *run, const json_t *rows)
{
    double cases = (double)count_of(rows, ALL_CASES), events = (double)count_of(rows, EVENTS);
    json_t *r = run->result;
    json_object_set_new(r, "cases", json_integer(count_of(rows, ALL_CASES)));
    json_object_set_new(r, "events", json_integer(count_of(rows, EVENTS)));
    json_object_set_new(r, "distinct_variants", json_integer(count_of(rows, VARIANTS)));
    json_t *median = json_array_get(json_array_get(rows, 0), LENGTH);
    json_object_set_new(r, "case_length",
                        json_pack("{s:f, s:I, s:I, s:f}", "mean", cases > 0 ? events / cases : 0.0,
                                  "min", count_of(rows, SHORTEST), "max", count_of(rows, LONGEST),
                                  "median", cases > 0 ? json_number_value(median) : 0.0));
}

/* {number: case}, of the round that asked for them. */
static json_t *read_texts(const struct run *run)
{
    json_t *texts = json_object();
    for (size_t i = 0; run_has_asked(run) && i < json_array_size(run_rows(run, 0)); i++) {
        const json_t *row = json_array_get(run_rows(run, 0), i);
        json_object_set(texts, json_string_value(json_array_get(row, 0)), json_array_get(row, 1));
    }
    return texts;
}

static void write_variants(struct run *run, size_t first, size_t end, const json_t *before)
{
    const struct variants *v = run->state;
    double cases = (double)count_of(v->now, ALL_CASES), sum = 0;
    json_t *list = json_array(), *texts = read_texts(run);
    for (size_t i = 1; i < end; i++) {
        const json_t *row = json_array_get(v->now, i);
        sum += (double)cases_of(row);
        if (i < first)
            continue;
        json_t *item = variant_item(v->now, row, cases, sum, texts);
        const json_t *then =
            v->before != NULL ? find(before, json_object_get(item, "activities")) : NULL;
        if (v->before != NULL && (then != NULL || is_whole(v->before)))
            process_set_change(item, cases_of(row), cases_of(then));
        if (cut(json_object_get(item, "activities")))
            run_warn(run,
                     "variants of more than %d activities are cut; the cell of such a one has "
                     "no cases",
                     PROCESS_MAX_TRACE);
        json_array_append_new(list, item);
    }
    json_decref(texts);
    json_object_set_new(run->result, "variants", list);
}

/* --- the text --------------------------------------------------------------------------------- */

static void trace_text(const json_t *trace, char *out, size_t size)
{
    struct buf all = {0};
    char name[104];
    for (size_t i = 0; i < json_array_size(trace); i++)
        buf_printf(&all, "%s%s", i > 0 ? " → " : "",
                   text_fit(name, sizeof name, json_string_value(json_array_get(trace, i))));
    text_line(text_fit(out, size, buf_text(&all)));
    buf_done(&all);
}

/* How many of the most frequent variants have four cases of five. */
static void write_concentration(struct run *run, const json_t *list, double distinct)
{
    char count[48], share[32];
    size_t i = 0, n = json_array_size(list);
    while (i < n && json_get_number(json_array_get(list, i), "cumulative_share", 0) < 0.8)
        i++;
    if (n < 2)
        return;
    size_t shown = i < n ? i + 1 : n;
    buf_printf(
        &run->text, " The %s most frequent of %s variants have %s.",
        text_count(count, sizeof count, (double)shown), text_count(share, sizeof share, distinct),
        text_percent((char[32]){0}, 32,
                     json_get_number(json_array_get(list, shown - 1), "cumulative_share", 0)));
}

static void write_headline(struct run *run, const json_t *list)
{
    const json_t *top = json_array_get(list, 0);
    char trace[TRACE_TEXT], share[32], cases[48], events[48], median[48];
    int64_t limit, offset;
    run_page(run, 20, &limit, &offset, NULL);
    trace_text(json_object_get(top, "activities"), trace, sizeof trace);
    text_things(cases, sizeof cases, (double)json_get_integer(run->result, "cases", 0), "case");
    text_things(events, sizeof events, (double)json_get_integer(run->result, "events", 0), "event");
    buf_printf(&run->text, "%s of %s (%s) %s %s, in %s at the median.",
               text_percent(share, sizeof share, json_get_number(top, "share", 0)), cases, events,
               offset == 0 ? "go" : "(further down the list) go", trace,
               text_duration(median, sizeof median, json_get_number(top, "median_s", 0)));
    if (offset == 0)
        write_concentration(run, list,
                            (double)json_get_integer(run->result, "distinct_variants", 0));
    buf_putc(&run->text, '\n');
}

/* The most frequent variants of one period that the other one does not have. */
static void write_missing(struct run *run, const char *words, const json_t *rows,
                          const json_t *others)
{
    size_t shown = 0;
    for (size_t i = 1; i < json_array_size(rows) && shown < SHOWN_CHANGES; i++) {
        const json_t *row = json_array_get(rows, i);
        json_t *trace = process_names(names_of(rows), json_array_get(row, TRACE));
        if (find(others, trace) == NULL) {
            char text[TRACE_TEXT], cases[48];
            trace_text(trace, text, sizeof text);
            buf_printf(&run->text, "%s%s (%s)", shown == 0 ? words : "; ", text,
                       text_things(cases, sizeof cases, (double)cases_of(row), "case"));
            shown++;
        }
        json_decref(trace);
    }
    if (shown > 0)
        buf_puts(&run->text, ".\n");
}

/* Which of the variants of both periods costs most time that it did not cost before. */
static void write_slowed(struct run *run, const json_t *rows, const json_t *before)
{
    double most = 0, was = 0, is = 0;
    char text[TRACE_TEXT] = "", from[48], to[48];
    for (size_t i = 1; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        json_t *trace = process_names(names_of(rows), json_array_get(row, TRACE));
        const json_t *then = find(before, trace);
        double now_s = json_number_value(json_array_get(row, MEDIAN));
        double then_s = json_number_value(json_array_get(then, MEDIAN));
        double cost = (now_s - then_s) * (double)cases_of(row);
        if (then != NULL && cost > most && now_s > 1.1 * then_s) {
            most = cost;
            was = then_s;
            is = now_s;
            trace_text(trace, text, sizeof text);
        }
        json_decref(trace);
    }
    if (most > 0)
        buf_printf(&run->text, "Slowed most: %s (median %s, before %s).\n", text,
                   text_duration(to, sizeof to, is), text_duration(from, sizeof from, was));
}

static void write_changes(struct run *run, const json_t *before)
{
    const struct variants *v = run->state;
    char now[48], then[48];
    buf_printf(&run->text, "Period before: %s in %s; now %s.\n",
               text_things(then, sizeof then, (double)count_of(v->before, ALL_CASES), "case"),
               text_things((char[48]){0}, 48, (double)count_of(v->before, VARIANTS), "variant"),
               text_things(now, sizeof now, (double)count_of(v->now, VARIANTS), "variant"));
    if (count_of(v->before, ALL_CASES) == 0)
        return;
    if (is_whole(v->before) && is_whole(v->now)) {
        json_t *index = index_of(v->now);
        write_missing(run, "Appeared: ", v->now, before);
        write_missing(run, "Vanished: ", v->before, index);
        json_decref(index);
    } else {
        run_warn(run, "only the %d most frequent variants of each period are compared",
                 PROCESS_MAX_COMPARED);
    }
    write_slowed(run, v->now, before);
}

static void write_table(struct run *run, const json_t *list)
{
    bool is_long = strcmp(json_get_string(run->arguments, "format", "concise"), "detailed") == 0;
    bool is_compared = process_is_compared(run);
    size_t count = json_array_size(list), shown = is_long || count < SHOWN ? count : SHOWN;
    text_table(&run->text, (const char *const[]){"activities", "cases", "share", "median", "p90",
                                                 "example", is_compared ? "previous" : NULL, NULL});
    for (size_t i = 0; i < shown; i++) {
        const json_t *item = json_array_get(list, i);
        char trace[TRACE_TEXT], cases[32], share[32], median[48], p90[48], previous[32] = "";
        const json_t *then = json_object_get(item, "previous");
        trace_text(json_object_get(item, "activities"), trace, sizeof trace);
        if (then != NULL)
            text_count(previous, sizeof previous, (double)json_integer_value(then));
        text_row(&run->text,
                 (const char *const[]){
                     trace,
                     text_count(cases, sizeof cases, (double)json_get_integer(item, "cases", 0)),
                     text_percent(share, sizeof share, json_get_number(item, "share", 0)),
                     text_duration(median, sizeof median, json_get_number(item, "median_s", 0)),
                     text_duration(p90, sizeof p90, json_get_number(item, "p90_s", 0)),
                     json_get_string(item, "example_case", ""), previous},
                 is_compared ? 7 : 6);
    }
    text_more(&run->text, count, shown);
}

static void suggest(struct run *run, const json_t *list)
{
    json_t *top = json_object_get(json_array_get(list, 0), "activities");
    run_suggest(run, "list_actors",
                json_pack("{s:s, s:o, s:{s:O}}", "of", "process_variants", "arguments",
                          run_same_arguments(run), "cell", "activities", top),
                "the cases of the most frequent variant; any other one goes as well");
    json_t *same = run_same_arguments(run);
    json_object_del(same, "collapse_repeats");
    run_suggest(run, "process_map", same, "where cases wait between two activities");
    if (json_array_size(top) > 100 || json_list_has(top, process_other))
        return;
    json_t *model = json_copy(same);
    json_object_del(model, "compare");
    json_object_set(model, "sequence", top);
    run_suggest(run, "conformance_check", model,
                "how far the other cases are from the most frequent way");
}

static int shape(struct run *run, struct err *ret_err)
{
    const struct variants *v = run->state;
    size_t first, end;
    int rc = page_of(run, &first, &end, ret_err);
    if (rc < 0)
        return rc;
    json_int_t cases = count_of(v->now, ALL_CASES), distinct = count_of(v->now, VARIANTS);
    json_t *before = v->before != NULL ? index_of(v->before) : NULL;
    write_totals(run, v->now);
    write_variants(run, first, end, before);
    const json_t *list = json_object_get(run->result, "variants");
    if (cases == 0) {
        process_shape_empty(run);
    } else if (json_array_size(list) == 0) {
        buf_puts(&run->text, "No more variants.\n");
    } else {
        write_headline(run, list);
        if (before != NULL)
            write_changes(run, before);
        write_table(run, list);
        suggest(run, list);
        process_link_log(run);
    }
    process_warn(run, cases, count_of(v->now, UNFINISHED), names_of(v->now));
    if ((json_int_t)end <= distinct && json_array_size(list) > 0) {
        run_set_cursor(run, (int64_t)end - 1);
        run_truncated(run, "rows", (int64_t)(end - first), "continue with the cursor");
    }
    json_decref(before);
    return 0;
}

static const struct step steps[] = {{plan, keep}, {plan_wide, keep}, {plan_texts, shape}, {0}};

const struct tool tool_process_variants = {
    .name = "process_variants",
    .title = "Variants of a process",
    .description = "Which ways cases really take: the distinct sequences of activities, how many "
                   "cases follow each and how long they take; compared with the period before.",
    .toolset = "core",
    .flags = TOOL_CORE | TOOL_WHOLE_PERIOD,
    .params = params,
    .fields = fields,
    .steps = steps,
    .plan_actors = process_plan_actors,
};
