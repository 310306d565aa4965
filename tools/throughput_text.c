/* The answer of throughput in words. */
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "text.h"
#include "throughput.h"

enum { SHOWN = 12, FLOW = 3 /* intervals that arrivals and finishes are compared over */ };

static json_int_t cases_in(const struct run *run, const char *list, size_t i)
{
    return json_get_integer(json_array_get(json_object_get(run->result, list), i), "cases", 0);
}

static const char *name_of(const struct run *run, size_t i)
{
    const json_t *started = json_object_get(run->result, "started");
    return json_get_string(json_array_get(started, i), "time", "");
}

static double duration(const struct run *run, const char *member)
{
    return json_get_number(json_object_get(run->result, "duration"), member, 0);
}

static void write_tail(struct run *run, const struct throughput_totals *t)
{
    double median = duration(run, "p50_s"), p95 = duration(run, "p95_s");
    char cases[48], typical[64], slow[64], times[32], share[32];
    if (t->cases == 1) {
        buf_printf(&run->text, "1 case, which takes %s.",
                   text_duration(typical, sizeof typical, median));
        return;
    }
    text_things(cases, sizeof cases, t->cases, "case");
    if (p95 <= 0) { /* nor can half of them take longer than that */
        buf_printf(&run->text, "Nearly all of %s begin and end at one moment.", cases);
        return;
    }
    if (median <= 0)
        buf_printf(&run->text, "Half of %s begin and end at one moment", cases);
    else
        buf_printf(&run->text, "Half of %s take longer than %s", cases,
                   text_duration(typical, sizeof typical, median));
    buf_printf(&run->text, ", one in twenty%s longer than %s", median <= 0 ? " takes" : "",
               text_duration(slow, sizeof slow, p95));
    if (median > 0 && p95 >= 2 * median)
        buf_printf(&run->text, ", %s times as long",
                   text_number(times, sizeof times, p95 / median));
    if (t->took_s > 0 && t->slow_s > 0)
        buf_printf(&run->text, " (those take %s of all time)",
                   text_percent(share, sizeof share, t->slow_s / t->took_s));
    buf_putc(&run->text, '.');
}

static void write_breaches(struct run *run, const struct throughput_totals *t)
{
    const json_t *breaches = json_object_get(run->result, "breaches");
    char some[48], share[32], limit[64];
    if (breaches == NULL)
        return;
    double count = json_number_value(breaches);
    buf_printf(&run->text, " %s (%s) %s longer than the %s that sla_s allows.",
               text_things(some, sizeof some, count, "case"),
               text_percent(share, sizeof share, count / t->cases),
               text_verb(count, "takes", "take"),
               text_duration(limit, sizeof limit, json_get_number(run->arguments, "sla_s", 0)));
}

/* Whether what began and ended in an interval is known: all cases of it are of the period, and so
 * are nearly all that were open at its begin; those that ended in it do not look unfinished. */
static bool is_known(const struct run *run, const struct throughput_totals *t, json_int_t i)
{
    const struct period *p = &run->period;
    const int64_t *at = t->calendar->at;
    double begin = (double)at[i] / 1e6, end = (double)at[i + 1] / 1e6;
    return end <= (double)p->complete_until_us / 1e6 - t->typical_s &&
           begin >= (double)p->from_us / 1e6 + duration(run, "p90_s") &&
           (!p->to_given || at[i + 1] <= p->to_us);
}

/* Whether more begins than ends, in the last intervals that tell. */
static void write_flow(struct run *run, const struct throughput_totals *t)
{
    size_t count = json_array_size(json_object_get(run->result, "started")), found = 0;
    size_t first = 0, last = 0;
    double started = 0, finished = 0;
    for (size_t i = count; i > 0 && found < FLOW; i--) {
        if (!is_known(run, t, (json_int_t)(i - 1) + t->skipped))
            continue;
        started += (double)cases_in(run, "started", i - 1);
        finished += (double)cases_in(run, "finished", i - 1);
        last = found++ == 0 ? i - 1 : last;
        first = i - 1;
    }
    if (found == 0 || started + finished == 0)
        return;
    char begun[48], ended[48], some[48];
    const char *verdict = "as many finish as begin";
    if (started > 1.05 * finished)
        verdict = "arrivals outpace finishes";
    else if (finished > 1.05 * started)
        verdict = "finishes outpace arrivals";
    char thing[32];
    snprintf(thing, sizeof thing, "complete %s",
             json_get_string(run->arguments, "interval", "month"));
    buf_printf(&run->text, " In the last %s (",
               found > 1 ? text_things(some, sizeof some, (double)found, thing) : thing);
    if (found > 1)
        buf_printf(&run->text, "%s to ", name_of(run, first));
    buf_printf(&run->text, "%s) %s: %s began, %s finished.", name_of(run, last), verdict,
               text_count(begun, sizeof begun, started), text_count(ended, sizeof ended, finished));
}

/* What half of the cases take when those in progress are not taken for finished. */
static void write_open(struct run *run)
{
    const json_t *survival = json_object_get(run->result, "survival"), *point;
    double open = json_get_number(run->result, "in_progress", 0);
    char some[48], half[64];
    size_t i;
    if (open == 0)
        return;
    buf_printf(&run->text, " %s %s in progress", text_things(some, sizeof some, open, "case"),
               text_verb(open, "is", "are"));
    json_array_foreach (survival, i, point) {
        if (json_get_number(point, "share", 1) <= 0.5) {
            buf_printf(&run->text, "; when they count as not over, half take longer than about %s",
                       text_duration(half, sizeof half, json_get_number(point, "s", 0)));
            break;
        }
    }
    buf_putc(&run->text, '.');
}

/* The last intervals. */
static void write_table(struct run *run, json_int_t open)
{
    const json_t *started = json_object_get(run->result, "started");
    bool is_long = strcmp(json_get_string(run->arguments, "format", "concise"), "detailed") == 0;
    size_t count = json_array_size(started), shown = is_long || count < SHOWN ? count : SHOWN;
    text_table(&run->text,
               (const char *const[]){"interval", "started", "finished", "open at its end", NULL});
    for (size_t i = 0; i < count; i++) {
        char begun[32], ended[32], rest[32];
        open += cases_in(run, "started", i) - cases_in(run, "finished", i);
        if (i + shown < count)
            continue;
        text_row(&run->text,
                 (const char *const[]){
                     json_get_string(json_array_get(started, i), "time", ""),
                     text_count(begun, sizeof begun, (double)cases_in(run, "started", i)),
                     text_count(ended, sizeof ended, (double)cases_in(run, "finished", i)),
                     text_count(rest, sizeof rest, (double)open)},
                 4);
    }
    text_more(&run->text, count, shown);
}

void throughput_write_text(struct run *run, const struct throughput_totals *totals)
{
    write_tail(run, totals);
    write_breaches(run, totals);
    write_flow(run, totals);
    write_open(run);
    buf_putc(&run->text, '\n');
    write_table(run, totals->open);
}
