#include <stdio.h>
#include <string.h>

#include "bottlenecks.h"
#include "json.h"
#include "process_map.h"
#include "text.h"

enum { SHOWN = 15, SHOWN_TIMES = 8 };

static double number(const json_t *item, const char *name)
{
    return json_get_number(item, name, 0);
}

static double total_of(const json_t *list, const char *name)
{
    double total = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        total += number(json_array_get(list, i), name);
    return total;
}

/* The edge that is first by another figure. */
static const json_t *most_of(const json_t *edges, const char *name)
{
    const json_t *most = json_array_get(edges, 0);
    for (size_t i = 1; i < json_array_size(edges); i++)
        if (number(json_array_get(edges, i), name) > number(most, name))
            most = json_array_get(edges, i);
    return most;
}

static const char *claim_of(const struct run *run)
{
    const char *rank = json_get_string(run->arguments, "rank", "mean");
    return strcmp(rank, "total") == 0 ? "Most time is lost between"
           : strcmp(rank, "p95") == 0 ? "The longest tail is"
                                      : "The slowest step is";
}

static void write_worst(struct run *run, const json_t *edge)
{
    char some[48], mean[48], median[48], p95[48], total[48], saving[48];
    struct buf *out = &run->text;
    buf_printf(out, "%s ", claim_of(run));
    map_write_edge_name(out, edge);
    buf_printf(out, ": %s, mean %s, median %s, p95 %s",
               text_things(some, sizeof some, number(edge, "count"), "time"),
               text_duration(mean, sizeof mean, number(edge, "mean_s")),
               text_duration(median, sizeof median, number(edge, "median_s")),
               text_duration(p95, sizeof p95, number(edge, "p95_s")));
    if (number(edge, "median_s") > 0 && number(edge, "p95_s") >= 3 * number(edge, "median_s"))
        buf_printf(out, " (%.1f times the median: unpredictable)",
                   number(edge, "p95_s") / number(edge, "median_s"));
    buf_printf(out, ", %s in all. Were none slower than the median, %s would be saved.\n",
               text_duration(total, sizeof total, number(edge, "total_s")),
               text_duration(saving, sizeof saving, number(edge, "saving_if_median_s")));
}

/* Where another edge than the first one costs most, or could save most. */
static void write_others(struct run *run, const json_t *edges, double all_s)
{
    const json_t *costly = most_of(edges, "total_s"),
                 *saving = most_of(edges, "saving_if_median_s");
    const json_t *worst = json_array_get(edges, 0);
    char share[32], total[48], saved[48];
    if (costly != worst && all_s > 0) {
        buf_puts(&run->text, "Most costly in all: ");
        map_write_edge_name(&run->text, costly);
        buf_printf(&run->text, ", %s, %s of the time between activities.\n",
                   text_duration(total, sizeof total, number(costly, "total_s")),
                   text_percent(share, sizeof share, number(costly, "total_s") / all_s));
    }
    if (saving != worst && number(saving, "saving_if_median_s") > 0) {
        buf_puts(&run->text, "Most to save: ");
        map_write_edge_name(&run->text, saving);
        buf_printf(&run->text, ", %s if none were slower than its median.\n",
                   text_duration(saved, sizeof saved, number(saving, "saving_if_median_s")));
    }
}

/* How much of the time is work, and which activity is most of it. */
static void write_work(struct run *run)
{
    const json_t *service = json_object_get(run->result, "service");
    const json_t *longest = json_array_get(service, 0);
    const json_t *queue = json_array_get(json_object_get(run->result, "waiting"), 0);
    char mean[48], median[48], waits[48];
    if (longest == NULL)
        return;
    buf_printf(&run->text, "Inside activities, %.100s takes most time: mean %s, median %s.",
               json_get_string(longest, "activity", ""),
               text_duration(mean, sizeof mean, number(longest, "mean_s")),
               text_duration(median, sizeof median, number(longest, "median_s")));
    if (queue != NULL) {
        buf_puts(&run->text, " Between them, most waiting is ");
        map_write_edge_name(&run->text, queue);
        buf_printf(&run->text, ": mean %s.",
                   text_duration(waits, sizeof waits, number(queue, "mean_s")));
    }
    buf_putc(&run->text, '\n');
}

void bottlenecks_write_text(struct run *run, json_int_t cases, const json_t *all)
{
    const json_t *edges = json_object_get(run->result, "edges");
    char some[48];
    if (json_array_size(edges) == 0) {
        buf_printf(&run->text, "No edge is passed often enough, in %s: min_count 1 shows all.\n",
                   text_things(some, sizeof some, (double)cases, "case"));
        return;
    }
    write_worst(run, json_array_get(edges, 0));
    write_others(run, edges, total_of(all, "total_s"));
    write_work(run);
    buf_printf(&run->text, "%s, %zu of %zu edges.\n",
               text_things(some, sizeof some, (double)cases, "case"), json_array_size(edges),
               json_array_size(all));
}

/* --- tables ----------------------------------------------------------------------------------- */

static void write_edges(struct run *run, bool is_long)
{
    const json_t *edges = json_object_get(run->result, "edges");
    bool is_compared = process_is_compared(run);
    size_t count = json_array_size(edges), shown = is_long || count < SHOWN ? count : SHOWN;
    if (count == 0)
        return;
    text_table(&run->text,
               (const char *const[]){"from", "to", "count", "mean", "median", "p95", "total",
                                     "saving", is_compared ? "previous" : NULL, NULL});
    for (size_t i = 0; i < shown; i++) {
        const json_t *e = json_array_get(edges, i);
        char n[32], mean[48], median[48], p95[48], total[48], saving[48], previous[32];
        text_row(&run->text,
                 (const char *const[]){
                     json_get_string(e, "from", ""), json_get_string(e, "to", ""),
                     text_count(n, sizeof n, number(e, "count")),
                     text_duration(mean, sizeof mean, number(e, "mean_s")),
                     text_duration(median, sizeof median, number(e, "median_s")),
                     text_duration(p95, sizeof p95, number(e, "p95_s")),
                     text_duration(total, sizeof total, number(e, "total_s")),
                     text_duration(saving, sizeof saving, number(e, "saving_if_median_s")),
                     text_count(previous, sizeof previous, number(e, "previous"))},
                 is_compared ? 9 : 8);
    }
    text_more(&run->text, count, shown);
}

/* Of service, whose rows have an activity, or of waiting. */
static void write_times(struct run *run, const char *name, bool is_long)
{
    const json_t *list = json_object_get(run->result, name);
    size_t count = json_array_size(list);
    size_t shown = is_long || count < SHOWN_TIMES ? count : SHOWN_TIMES;
    if (count == 0)
        return;
    text_table(&run->text, (const char *const[]){name, "count", "mean", "median", "p95", NULL});
    for (size_t i = 0; i < shown; i++) {
        const json_t *item = json_array_get(list, i);
        struct buf what = {0};
        char n[32], mean[48], median[48], p95[48];
        if (json_object_get(item, "activity") != NULL)
            buf_puts(&what, json_get_string(item, "activity", ""));
        else
            map_write_edge_name(&what, item);
        text_row(
            &run->text,
            (const char *const[]){buf_text(&what), text_count(n, sizeof n, number(item, "count")),
                                  text_duration(mean, sizeof mean, number(item, "mean_s")),
                                  text_duration(median, sizeof median, number(item, "median_s")),
                                  text_duration(p95, sizeof p95, number(item, "p95_s"))},
            5);
        buf_done(&what);
    }
    text_more(&run->text, count, shown);
}

void bottlenecks_write_tables(struct run *run)
{
    bool is_long = strcmp(json_get_string(run->arguments, "format", "concise"), "detailed") == 0;
    write_edges(run, is_long);
    write_times(run, "service", is_long);
    write_times(run, "waiting", is_long);
}
