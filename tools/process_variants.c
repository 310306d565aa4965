/* process_variants: the distinct sequences of activities, most frequent first. */
#include "process_variants.h"

#include <stdlib.h>

#include "args.h"
#include "json.h"

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
    {"p90_s", "90th percentile.", VALUE_NUMBER},
    {"example_case", "One of them.", VALUE_STRING},
    {"previous", "Cases in the period before.", VALUE_INTEGER, .is_optional = true},
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

/* --- the rows --------------------------------------------------------------------------------- */

json_int_t variants_count(const json_t *rows, size_t which)
{
    return json_at_integer(json_array_get(json_array_get(rows, 0), VARIANT_COUNTS), which);
}

const json_t *variants_names(const json_t *rows)
{
    return json_array_get(json_array_get(rows, 0), VARIANT_NAMES);
}

json_int_t variants_cases(const json_t *row)
{
    return json_at_integer(row, VARIANT_CASES);
}

json_t *variants_index(const json_t *rows)
{
    json_t *index = json_object();
    for (size_t i = 1; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        json_t *trace = process_names(variants_names(rows), json_array_get(row, VARIANT_TRACE));
        char *key = json_text(trace);
        if (key != NULL)
            json_object_set(index, key, row);
        free(key);
        json_decref(trace);
    }
    return index;
}

const json_t *variants_find(const json_t *index, const json_t *trace)
{
    char *key = json_text(trace);
    const json_t *row = key != NULL ? json_object_get(index, key) : NULL;
    free(key);
    return row;
}

bool variants_are_whole(const json_t *rows)
{
    return json_array_size(rows) == 0 ||
           (json_int_t)json_array_size(rows) > variants_count(rows, VARIANT_DISTINCT);
}

/* --- the questions ---------------------------------------------------------------------------- */

static int plan_rows(struct run *run, struct process_ask ask, struct err *ret_err)
{
    int64_t limit, offset;
    int rc = run_page(run, 20, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    /* What is compared is looked for among all of both periods. */
    bool is_whole = process_is_compared(run) && offset + limit < PROCESS_MAX_COMPARED;
    return process_plan_variants(
        run, ask, ask.is_previous || is_whole ? PROCESS_MAX_COMPARED : offset + limit, ret_err);
}

static int plan(struct run *run, struct err *ret_err)
{
    return process_start_periods(run, plan_rows, ret_err);
}

/* The rows of the page: from *ret_first to before *ret_end. Row 0 tells of all cases. */
static int page_of(const struct run *run, size_t *ret_first, size_t *ret_end, struct err *ret_err)
{
    const struct process_periods *v = run->state;
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
    const struct process_periods *v = run->state;
    size_t first, end;
    int rc = page_of(run, &first, &end, ret_err);
    if (rc < 0)
        return rc;
    if (variants_count(v->now, VARIANT_ALL_CASES) == 0)
        return process_plan_empty(run, ret_err);
    json_t *numbers = json_array();
    for (size_t i = first; i < end; i++)
        json_array_append(numbers, json_array_get(json_array_get(v->now, i), VARIANT_EXAMPLE));
    rc = process_plan_texts(run, numbers, ret_err);
    json_decref(numbers);
    return rc < 0 ? rc : 0;
}

/* --- the result ------------------------------------------------------------------------------- */

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
    const json_t *example = json_array_get(row, VARIANT_EXAMPLE);
    const char *text = json_get_string(texts, json_string_value(example), NULL);
    return json_pack("{s:o, s:I, s:f, s:f, s:O, s:O, s:o}", "activities",
                     process_names(variants_names(rows), json_array_get(row, VARIANT_TRACE)),
                     "cases", variants_cases(row), "share", (double)variants_cases(row) / cases,
                     "cumulative_share", sum / cases, "median_s",
                     json_array_get(row, VARIANT_MEDIAN), "p90_s", json_array_get(row, VARIANT_P90),
                     "example_case",
                     text != NULL ? json_string(text) : json_incref((json_t *)example));
}

static void write_totals(struct run *run, const json_t *rows)
{
    double cases = (double)variants_count(rows, VARIANT_ALL_CASES),
           events = (double)variants_count(rows, VARIANT_EVENTS);
    json_t *r = run->result;
    json_object_set_new(r, "cases", json_integer(variants_count(rows, VARIANT_ALL_CASES)));
    json_object_set_new(r, "events", json_integer(variants_count(rows, VARIANT_EVENTS)));
    json_object_set_new(r, "distinct_variants",
                        json_integer(variants_count(rows, VARIANT_DISTINCT)));
    json_t *median = json_array_get(json_array_get(rows, 0), VARIANT_LENGTH);
    json_object_set_new(r, "case_length",
                        json_pack("{s:f, s:I, s:I, s:f}", "mean", cases > 0 ? events / cases : 0.0,
                                  "min", variants_count(rows, VARIANT_SHORTEST), "max",
                                  variants_count(rows, VARIANT_LONGEST), "median",
                                  cases > 0 ? json_number_value(median) : 0.0));
}

static void write_variants(struct run *run, size_t first, size_t end, const json_t *before)
{
    const struct process_periods *v = run->state;
    double cases = (double)variants_count(v->now, VARIANT_ALL_CASES), sum = 0;
    json_t *list = json_array(), *texts = process_read_texts(run);
    for (size_t i = 1; i < end; i++) {
        const json_t *row = json_array_get(v->now, i);
        sum += (double)variants_cases(row);
        if (i < first)
            continue;
        json_t *item = variant_item(v->now, row, cases, sum, texts);
        const json_t *then =
            v->before != NULL ? variants_find(before, json_object_get(item, "activities")) : NULL;
        if (v->before != NULL && (then != NULL || variants_are_whole(v->before)))
            process_set_change(item, variants_cases(row), variants_cases(then));
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
    const struct process_periods *v = run->state;
    size_t first, end;
    int rc = page_of(run, &first, &end, ret_err);
    if (rc < 0)
        return rc;
    json_int_t cases = variants_count(v->now, VARIANT_ALL_CASES),
               distinct = variants_count(v->now, VARIANT_DISTINCT);
    json_t *before = v->before != NULL ? variants_index(v->before) : NULL;
    write_totals(run, v->now);
    write_variants(run, first, end, before);
    const json_t *list = json_object_get(run->result, "variants");
    if (cases == 0) {
        process_shape_empty(run);
    } else if (json_array_size(list) == 0) {
        buf_puts(&run->text, "No more variants.\n");
    } else {
        variants_write_text(run, before);
        suggest(run, list);
        process_link_log(run);
    }
    process_warn(run, cases, variants_count(v->now, VARIANT_UNFINISHED), variants_names(v->now));
    if ((json_int_t)end <= distinct && json_array_size(list) > 0) {
        run_set_cursor(run, (int64_t)end - 1);
        run_truncated(run, "rows", (int64_t)(end - first), "continue with the cursor");
    }
    json_decref(before);
    return 0;
}

static const struct step steps[] = {
    {plan, process_keep}, {process_plan_wide, process_keep}, {plan_texts, shape}, {0}};

const struct tool tool_process_variants = {
    .name = "process_variants",
    .title = "Variants of a process",
    .description = "The distinct sequences of activities that cases take, how many follow each and "
                   "how long they take.",
    .toolset = "core",
    .flags = TOOL_CORE | TOOL_WHOLE_PERIOD,
    .params = params,
    .fields = fields,
    .steps = steps,
    .plan_actors = process_plan_actors,
};
