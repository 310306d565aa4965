/* The answer of process_variants in words. */
#include <string.h>

#include "json.h"
#include "process_variants.h"
#include "text.h"

enum { SHOWN = 10, SHOWN_CHANGES = 3, TRACE_TEXT = 400 };

static void trace_text(const json_t *trace, char *out, size_t size)
{
    struct buf all = {0};
    char name[104];
    for (size_t i = 0; i < json_array_size(trace); i++)
        buf_printf(&all, "%s%s", i > 0 ? " → " : "",
                   text_fit(name, sizeof name, json_at_string(trace, i)));
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
    double all = (double)json_get_integer(run->result, "cases", 0);
    text_things(cases, sizeof cases, all, "case");
    text_things(events, sizeof events, (double)json_get_integer(run->result, "events", 0), "event");
    buf_printf(&run->text, "%s of %s (%s) %s%s %s, in %s at the median.",
               text_percent(share, sizeof share, json_get_number(top, "share", 0)), cases, events,
               offset == 0 ? "" : "(further down the list) ", text_verb(all, "goes", "go"), trace,
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
        json_t *trace = process_names(variants_names(rows), json_array_get(row, VARIANT_TRACE));
        if (variants_find(others, trace) == NULL) {
            char text[TRACE_TEXT], cases[48];
            trace_text(trace, text, sizeof text);
            buf_printf(&run->text, "%s%s (%s)", shown == 0 ? words : "; ", text,
                       text_things(cases, sizeof cases, (double)variants_cases(row), "case"));
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
        json_t *trace = process_names(variants_names(rows), json_array_get(row, VARIANT_TRACE));
        const json_t *then = variants_find(before, trace);
        double now_s = json_at_number(row, VARIANT_MEDIAN);
        double then_s = json_at_number(then, VARIANT_MEDIAN);
        double cost = (now_s - then_s) * (double)variants_cases(row);
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
    const struct process_periods *v = run->state;
    char now[48], then[48];
    buf_printf(
        &run->text, "Period before: %s in %s; now %s.\n",
        text_things(then, sizeof then, (double)variants_count(v->before, VARIANT_ALL_CASES),
                    "case"),
        text_things((char[48]){0}, 48, (double)variants_count(v->before, VARIANT_DISTINCT),
                    "variant"),
        text_things(now, sizeof now, (double)variants_count(v->now, VARIANT_DISTINCT), "variant"));
    if (variants_count(v->before, VARIANT_ALL_CASES) == 0)
        return;
    size_t len = run->text.len;
    bool is_whole = variants_are_whole(v->before) && variants_are_whole(v->now);
    if (is_whole) {
        json_t *index = variants_index(v->now);
        write_missing(run, "Appeared: ", v->now, before);
        write_missing(run, "Vanished: ", v->before, index);
        json_decref(index);
    } else {
        run_warn(run, "only the %d most frequent variants of each period are compared",
                 PROCESS_MAX_COMPARED);
    }
    write_slowed(run, v->now, before);
    process_write_unchanged(run, len,
                            is_whole ? "no variant appeared or vanished, and none slowed by more "
                                       "than a tenth"
                                     : "none of those compared slowed by more than a tenth");
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

void variants_write_text(struct run *run, const json_t *before)
{
    const json_t *list = json_object_get(run->result, "variants");
    write_headline(run, list);
    if (before != NULL)
        write_changes(run, before);
    write_table(run, list);
}
