/* The answer of rework_report in words. */
#include <string.h>

#include "json.h"
#include "process.h"
#include "rework.h"
#include "text.h"

enum { SHOWN = 10, SHOWN_CHANGES = 3 };

static const json_t *list_of(const struct run *run, const char *name)
{
    return json_object_get(run->result, name);
}

/* The one with the largest `member`. */
static const json_t *most_of(const json_t *list, const char *member)
{
    const json_t *most = json_array_get(list, 0);
    for (size_t i = 1; i < json_array_size(list); i++)
        if (json_get_number(json_array_get(list, i), member, 0) > json_get_number(most, member, 0))
            most = json_array_get(list, i);
    return most;
}

static void write_name(struct buf *out, const json_t *item)
{
    char text[128];
    const char *from = json_get_string(item, "from", NULL);
    if (from != NULL)
        buf_printf(out, "%s → ", text_line(text_fit(text, sizeof text, from)));
    const char *name = json_get_string(item, from != NULL ? "to" : "activity", "");
    buf_puts(out, text_line(text_fit(text, sizeof text, name)));
}

static void write_activity(struct run *run, const json_t *activity, double events)
{
    char extra[48], share[32], took[64];
    double count = json_get_number(activity, "extra_occurrences", 0);
    buf_puts(&run->text, "Most repeats are of ");
    write_name(&run->text, activity);
    buf_printf(&run->text, ": %s (%s), %s.", text_things(extra, sizeof extra, count, "event"),
               text_percent(share, sizeof share, count / events),
               text_duration(took, sizeof took, json_get_number(activity, "extra_s", 0)));
    const json_t *longest = most_of(list_of(run, "activities"), "extra_s");
    if (longest != activity) {
        buf_puts(&run->text, " Most time goes to repeats of ");
        write_name(&run->text, longest);
        buf_printf(&run->text, " (%s).",
                   text_duration(took, sizeof took, json_get_number(longest, "extra_s", 0)));
    }
}

static void write_loop(struct run *run, const json_t *loop)
{
    char count[48], cases[48], took[64];
    if (loop == NULL)
        return;
    buf_puts(&run->text, " The loop that costs most time is ");
    write_name(&run->text, loop);
    buf_printf(&run->text, ": %s in %s, %s.",
               text_things(count, sizeof count, json_get_number(loop, "count", 0), "time"),
               text_things(cases, sizeof cases, json_get_number(loop, "cases", 0), "case"),
               text_duration(took, sizeof took, json_get_number(loop, "extra_s", 0)));
}

static void write_headline(struct run *run, json_int_t cases, double took_s)
{
    const json_t *overall = json_object_get(run->result, "overall");
    double events = json_get_number(overall, "extra_events", 0);
    double extra_s = json_get_number(overall, "extra_s", 0);
    char share[32], all[48], extra[48], took[64], time_share[32];
    text_things(all, sizeof all, (double)cases, "case");
    if (events == 0) {
        buf_printf(&run->text, "No activity is repeated in %s%s.\n", cases > 1 ? "any of " : "",
                   all);
        return;
    }
    buf_printf(&run->text, "%s of %s %s an activity: %s",
               text_percent(share, sizeof share, json_get_number(overall, "share", 0)), all,
               text_verb((double)cases, "repeats", "repeat"),
               text_things(extra, sizeof extra, events, "repeat"));
    if (took_s > 0)
        buf_printf(&run->text, ", which %s %s, %s of the time of all cases",
                   text_verb(events, "takes", "take"), text_duration(took, sizeof took, extra_s),
                   text_percent(time_share, sizeof time_share, extra_s / took_s));
    buf_puts(&run->text, ". ");
    write_activity(run, json_array_get(list_of(run, "activities"), 0), events);
    write_loop(run, most_of(list_of(run, "loops"), "extra_s"));
    buf_putc(&run->text, '\n');
}

/* --- the period before ------------------------------------------------------------------------ */

/* Loops that the period before did not have. */
static void write_appeared(struct run *run)
{
    const json_t *loops = list_of(run, "loops");
    size_t shown = 0;
    for (size_t i = 0; i < json_array_size(loops) && shown < SHOWN_CHANGES; i++) {
        const json_t *loop = json_array_get(loops, i);
        char count[32];
        if (json_get_integer(loop, "previous", 0) > 0)
            continue;
        buf_puts(&run->text, shown == 0 ? "Appeared: " : "; ");
        write_name(&run->text, loop);
        buf_printf(&run->text, " (%s)",
                   text_count(count, sizeof count, json_get_number(loop, "count", 0)));
        shown++;
    }
    if (shown > 0)
        buf_puts(&run->text, ".\n");
}

static bool has_loop(const json_t *loops, const char *from, const char *to)
{
    size_t i;
    const json_t *loop;
    json_array_foreach (loops, i, loop)
        if (strcmp(json_get_string(loop, "from", ""), from) == 0 &&
            strcmp(json_get_string(loop, "to", ""), to) == 0)
            return true;
    return false;
}

/* The most frequent loops of the period before that are gone. */
static void write_vanished(struct run *run, const json_t *before)
{
    size_t shown = 0;
    const char *from, *to;
    json_t *ends, *count;
    json_object_foreach ((json_t *)before, from, ends) {
        json_object_foreach (ends, to, count) {
            char text[32];
            if (shown == SHOWN_CHANGES || has_loop(list_of(run, "loops"), from, to))
                continue;
            json_t *item = json_pack("{s:s, s:s}", "from", from, "to", to);
            buf_puts(&run->text, shown == 0 ? "Vanished: " : "; ");
            write_name(&run->text, item);
            buf_printf(&run->text, " (%s)",
                       text_count(text, sizeof text, json_number_value(count)));
            json_decref(item);
            shown++;
        }
    }
    if (shown > 0)
        buf_puts(&run->text, ".\n");
}

static json_int_t sum_of(const json_t *counts)
{
    json_int_t sum = 0;
    const char *name;
    json_t *count;
    json_object_foreach ((json_t *)counts, name, count)
        sum += json_integer_value(count);
    return sum;
}

static void write_changes(struct run *run, const struct rework_before *before)
{
    char then[48], now[48];
    if (json_object_size(before->activities) == 0) {
        buf_puts(&run->text, "The period before has no cases to compare with.\n");
        return;
    }
    buf_printf(
        &run->text, "Period before: %s; now %s.\n",
        text_things(then, sizeof then, (double)sum_of(before->activities), "repeat"),
        text_count(now, sizeof now,
                   json_get_number(json_object_get(run->result, "overall"), "extra_events", 0)));
    if (!before->is_whole || json_array_size(list_of(run, "loops")) == REWORK_MAX)
        return;
    size_t len = run->text.len;
    write_appeared(run);
    write_vanished(run, before->loops);
    process_write_unchanged(run, len, "no loop appeared or vanished");
}

/* --- tables ----------------------------------------------------------------------------------- */

static size_t shown_of(const struct run *run, const json_t *list)
{
    bool is_long = strcmp(json_get_string(run->arguments, "format", "concise"), "detailed") == 0;
    return is_long || json_array_size(list) < SHOWN ? json_array_size(list) : SHOWN;
}

static void write_activities(struct run *run)
{
    const json_t *list = list_of(run, "activities");
    bool is_compared = process_is_compared(run);
    size_t shown = shown_of(run, list);
    if (json_array_size(list) == 0)
        return;
    text_table(&run->text,
               (const char *const[]){"activity", "cases", "repeating", "repeats", "self-loops",
                                     "time", is_compared ? "previous" : NULL, NULL});
    for (size_t i = 0; i < shown; i++) {
        const json_t *item = json_array_get(list, i);
        char cases[32], again[32], extra[32], selves[32], took[64], previous[32];
        text_row(&run->text,
                 (const char *const[]){
                     json_get_string(item, "activity", ""),
                     text_count(cases, sizeof cases, json_get_number(item, "cases", 0)),
                     text_count(again, sizeof again, json_get_number(item, "cases_with_repeat", 0)),
                     text_count(extra, sizeof extra, json_get_number(item, "extra_occurrences", 0)),
                     text_count(selves, sizeof selves, json_get_number(item, "self_loops", 0)),
                     text_duration(took, sizeof took, json_get_number(item, "extra_s", 0)),
                     text_count(previous, sizeof previous, json_get_number(item, "previous", 0))},
                 is_compared ? 7 : 6);
    }
    text_more(&run->text, json_array_size(list), shown);
}

static void write_loops(struct run *run)
{
    const json_t *list = list_of(run, "loops");
    bool is_compared = process_is_compared(run);
    size_t shown = shown_of(run, list);
    if (json_array_size(list) == 0)
        return;
    text_table(&run->text, (const char *const[]){"back from", "to", "count", "cases", "time",
                                                 is_compared ? "previous" : NULL, NULL});
    for (size_t i = 0; i < shown; i++) {
        const json_t *item = json_array_get(list, i);
        char count[32], cases[32], took[64], previous[32];
        text_row(&run->text,
                 (const char *const[]){
                     json_get_string(item, "from", ""), json_get_string(item, "to", ""),
                     text_count(count, sizeof count, json_get_number(item, "count", 0)),
                     text_count(cases, sizeof cases, json_get_number(item, "cases", 0)),
                     text_duration(took, sizeof took, json_get_number(item, "extra_s", 0)),
                     text_count(previous, sizeof previous, json_get_number(item, "previous", 0))},
                 is_compared ? 6 : 5);
    }
    text_more(&run->text, json_array_size(list), shown);
}

void rework_write_text(struct run *run, json_int_t cases, double took_s,
                       const struct rework_before *before)
{
    write_headline(run, cases, took_s);
    if (before->activities != NULL)
        write_changes(run, before);
    write_activities(run);
    write_loops(run);
}
