#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "process.h"
#include "process_map.h"
#include "text.h"

enum { SHOWN = 15, SHOWN_CHANGES = 3, LABEL = 120 };

static const char *end_of(const json_t *edge, const char *end)
{
    return json_get_string(edge, end, "");
}

/* --- the picture ------------------------------------------------------------------------------ */

/* A label between quotes: what ends it, or means something to Mermaid or HTML, as an entity. */
static void add_label(struct buf *out, const char *name)
{
    char label[LABEL];
    for (const char *c = text_line(text_fit(label, sizeof label, name)); *c != '\0'; c++) {
        if (strchr("\"#&<>;`", *c) != NULL)
            buf_printf(out, "#%d;", *c);
        else
            buf_putc(out, *c);
    }
}

static size_t place_of(const json_t *activities, const char *name)
{
    size_t i = 0;
    while (i < json_array_size(activities) &&
           strcmp(json_get_string(json_array_get(activities, i), "activity", ""), name) != 0)
        i++;
    return i;
}

static void draw_count(struct buf *out, json_int_t count)
{
    char text[32];
    buf_printf(out, " -->|\"%s", text_count(text, sizeof text, (double)count));
}

static void draw_edges(struct buf *out, const json_t *activities, const json_t *edges, bool *drawn)
{
    for (size_t i = 0; i < json_array_size(edges) && i < MAP_DRAWN; i++) {
        const json_t *edge = json_array_get(edges, i);
        size_t from = place_of(activities, end_of(edge, "from"));
        size_t to = place_of(activities, end_of(edge, "to"));
        char median[48];
        drawn[from] = drawn[to] = true;
        buf_printf(out, "  a%zu", from);
        draw_count(out, json_get_integer(edge, "count", 0));
        buf_printf(out, "<br>%s\"| a%zu\n",
                   text_duration(median, sizeof median, json_get_number(edge, "median_s", 0)), to);
    }
}

/* Where at least one of a hundred cases begins or ends; a log without edges has no other lines. */
static void draw_ends(struct buf *out, const json_t *activities, bool *drawn)
{
    json_int_t cases = 0;
    for (size_t i = 0; i < json_array_size(activities); i++)
        cases += json_get_integer(json_array_get(activities, i), "starts", 0);
    for (size_t i = 0; i < json_array_size(activities); i++) {
        const json_t *item = json_array_get(activities, i);
        json_int_t starts = json_get_integer(item, "starts", 0);
        json_int_t ends = json_get_integer(item, "ends", 0);
        if (starts > 0 && 100 * starts >= cases) {
            drawn[i] = true;
            buf_puts(out, "  begin");
            draw_count(out, starts);
            buf_printf(out, "\"| a%zu\n", i);
        }
        if (ends > 0 && 100 * ends >= cases) {
            drawn[i] = true;
            buf_printf(out, "  a%zu", i);
            draw_count(out, ends);
            buf_puts(out, "\"| finish\n");
        }
    }
}

json_t *map_mermaid(const json_t *result)
{
    const json_t *activities = json_object_get(result, "activities");
    size_t count = json_array_size(activities);
    bool *drawn = calloc(count + 1, sizeof *drawn);
    struct buf lines = {0}, all = {0};
    if (drawn != NULL) {
        draw_edges(&lines, activities, json_object_get(result, "edges"), drawn);
        draw_ends(&lines, activities, drawn);
        buf_puts(&all, "flowchart TD\n  begin([\"Begin\"])\n  finish([\"End\"])\n");
    }
    for (size_t i = 0; drawn != NULL && i < count; i++) {
        const json_t *item = json_array_get(activities, i);
        char events[32];
        if (!drawn[i])
            continue;
        buf_printf(&all, "  a%zu[\"", i);
        add_label(&all, json_get_string(item, "activity", ""));
        buf_printf(&all, "<br>%s\"]\n",
                   text_count(events, sizeof events, (double)json_get_integer(item, "events", 0)));
    }
    buf_puts(&all, buf_text(&lines));
    json_t *text = json_string(buf_text(&all));
    buf_done(&lines);
    buf_done(&all);
    free(drawn);
    return text;
}

/* --- the words -------------------------------------------------------------------------------- */

static const json_t *longest(const json_t *edges, double *ret_all_s)
{
    const json_t *best = NULL;
    *ret_all_s = 0;
    for (size_t i = 0; i < json_array_size(edges); i++) {
        const json_t *edge = json_array_get(edges, i);
        double total = json_get_number(edge, "total_s", 0);
        *ret_all_s += total;
        if (best == NULL || total > json_get_number(best, "total_s", 0))
            best = edge;
    }
    return best;
}

void map_write_edge_name(struct buf *out, const json_t *edge)
{
    char from[LABEL], to[LABEL];
    buf_printf(out, "%s → %s", text_line(text_fit(from, sizeof from, end_of(edge, "from"))),
               text_line(text_fit(to, sizeof to, end_of(edge, "to"))));
}

/* Where the time goes, before how many of what there are. */
static void write_headline(struct run *run, json_int_t cases, const json_t *all)
{
    const json_t *edges = json_object_get(run->result, "edges");
    double all_s;
    const json_t *slow = longest(all, &all_s);
    double share = json_get_number(run->arguments, "min_share", 0);
    char of_all[32], least[32], median[48], p95[48], some[48], count[48];
    if (slow != NULL && all_s > 0) {
        buf_puts(&run->text, "Most time passes between ");
        map_write_edge_name(&run->text, slow);
        buf_printf(
            &run->text, ": %s of all, median %s, p95 %s, %s.",
            text_percent(of_all, sizeof of_all, json_get_number(slow, "total_s", 0) / all_s),
            text_duration(median, sizeof median, json_get_number(slow, "median_s", 0)),
            text_duration(p95, sizeof p95, json_get_number(slow, "p95_s", 0)),
            text_things(some, sizeof some, (double)json_get_integer(slow, "count", 0), "time"));
    }
    if (json_array_size(edges) == 0 && share > 0)
        buf_printf(&run->text, "%sNo edge is in %s of the cases, as min_share asks.",
                   run->text.len > 0 ? " " : "", text_percent(least, sizeof least, share));
    size_t activities = json_array_size(json_object_get(run->result, "activities"));
    buf_printf(&run->text, "%s%s, %zu %s, %zu %s.\n", run->text.len > 0 ? " " : "",
               text_things(count, sizeof count, (double)cases, "case"), activities,
               text_verb((double)activities, "activity", "activities"), json_array_size(edges),
               text_verb((double)json_array_size(edges), "edge", "edges"));
}

static void write_table(struct run *run)
{
    const json_t *edges = json_object_get(run->result, "edges");
    bool is_long = strcmp(json_get_string(run->arguments, "format", "concise"), "detailed") == 0;
    bool is_compared = process_is_compared(run);
    size_t count = json_array_size(edges), shown = is_long || count < SHOWN ? count : SHOWN;
    if (count == 0)
        return;
    text_table(&run->text, (const char *const[]){"from", "to", "count", "cases", "median", "p95",
                                                 "total", is_compared ? "previous" : NULL, NULL});
    for (size_t i = 0; i < shown; i++) {
        const json_t *edge = json_array_get(edges, i);
        const json_t *then = json_object_get(edge, "previous");
        char n[32], cases[32], median[48], p95[48], total[48], previous[32] = "";
        if (then != NULL)
            text_count(previous, sizeof previous, json_number_value(then));
        text_row(&run->text,
                 (const char *const[]){
                     end_of(edge, "from"), end_of(edge, "to"),
                     text_count(n, sizeof n, (double)json_get_integer(edge, "count", 0)),
                     text_count(cases, sizeof cases, (double)json_get_integer(edge, "cases", 0)),
                     text_duration(median, sizeof median, json_get_number(edge, "median_s", 0)),
                     text_duration(p95, sizeof p95, json_get_number(edge, "p95_s", 0)),
                     text_duration(total, sizeof total, json_get_number(edge, "total_s", 0)),
                     previous},
                 is_compared ? 8 : 7);
    }
    text_more(&run->text, count, shown);
    if (is_long)
        buf_printf(&run->text, "\n```mermaid\n%s```\n",
                   json_get_string(run->result, "mermaid", ""));
}

/* The most frequent edges that the other list does not have. */
static void write_missing(struct run *run, const char *words, const json_t *edges,
                          const json_t *others)
{
    size_t shown = 0;
    for (size_t i = 0; i < json_array_size(edges) && shown < SHOWN_CHANGES; i++) {
        const json_t *edge = json_array_get(edges, i);
        char count[32];
        if (map_find(others, edge) != NULL)
            continue;
        buf_puts(&run->text, shown == 0 ? words : "; ");
        map_write_edge_name(&run->text, edge);
        buf_printf(&run->text, " (%s)",
                   text_count(count, sizeof count, (double)json_get_integer(edge, "count", 0)));
        shown++;
    }
    if (shown > 0)
        buf_puts(&run->text, ".\n");
}

/* By the time that it takes more in all than it would have before. */
static void write_slowed(struct run *run, const json_t *edges, const json_t *before)
{
    const json_t *worst = NULL, *then = NULL;
    double most = 0;
    for (size_t i = 0; i < json_array_size(edges); i++) {
        const json_t *edge = json_array_get(edges, i), *was = map_find(before, edge);
        double now_s = json_get_number(edge, "median_s", 0);
        double was_s = json_get_number(was, "median_s", 0);
        double cost = (now_s - was_s) * (double)json_get_integer(edge, "count", 0);
        if (was != NULL && cost > most && now_s > 1.1 * was_s) {
            most = cost;
            worst = edge;
            then = was;
        }
    }
    if (worst == NULL)
        return;
    char now_text[48], then_text[48];
    buf_puts(&run->text, "Slowed most: ");
    map_write_edge_name(&run->text, worst);
    buf_printf(&run->text, " (median %s, before %s).\n",
               text_duration(now_text, sizeof now_text, json_get_number(worst, "median_s", 0)),
               text_duration(then_text, sizeof then_text, json_get_number(then, "median_s", 0)));
}

void map_write_changes(struct run *run, const struct map_changes *changes)
{
    const json_t *edges = json_object_get(run->result, "edges");
    if (json_array_size(changes->edges_before) == 0) {
        buf_puts(&run->text, "The period before has no edges to compare with.\n");
        return;
    }
    size_t len = run->text.len;
    if (!changes->is_cut) {
        write_missing(run, "Appeared: ", edges, changes->before);
        write_missing(run, "Vanished: ", changes->edges_before, changes->now);
    }
    write_slowed(run, edges, changes->before);
    process_write_unchanged(run, len,
                            changes->is_cut
                                ? "nothing in this list slowed by more than a tenth"
                                : "nothing in this list appeared or vanished, and nothing "
                                  "slowed by more than a tenth");
}

void map_write_text(struct run *run, json_int_t cases, const json_t *all,
                    const struct map_changes *changes)
{
    write_headline(run, cases, all);
    if (changes != NULL)
        map_write_changes(run, changes);
    write_table(run);
}
