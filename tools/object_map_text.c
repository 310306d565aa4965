#include "json.h"
#include "object_map.h"
#include "text.h"

enum { SHOWN = 10 };

/* The hand-off that keeps work waiting longest in all: count times the median. NULL = none does. */
static const json_t *slowest(const struct run *run)
{
    const json_t *best = NULL, *item;
    double most = 0;
    size_t i;
    json_array_foreach (json_object_get(run->result, "handoffs"), i, item) {
        double waited = json_get_number(item, "count", 0) * json_get_number(item, "median_s", 0);
        if (waited > most) {
            best = item;
            most = waited;
        }
    }
    return best;
}

static void write_finding(struct run *run, const json_t *types)
{
    const json_t *worst = slowest(run), *item;
    char some[48], time[64];
    double objects = 0;
    size_t i;
    json_array_foreach (types, i, item)
        objects += json_get_number(item, "objects", 0);
    buf_printf(&run->text, "%s of ", text_things(some, sizeof some, objects, "object"));
    buf_printf(&run->text, "%s.",
               text_things(some, sizeof some, (double)json_array_size(types), "type"));
    if (worst != NULL)
        buf_printf(
            &run->text,
            " Work waits longest where %.100s hands over to %.100s: %s, after a median of %s.",
            json_get_string(worst, "from", ""), json_get_string(worst, "to", ""),
            text_things(some, sizeof some, json_get_number(worst, "count", 0), "hand-off"),
            text_duration(time, sizeof time, json_get_number(worst, "median_s", 0)));
    buf_putc(&run->text, '\n');
}

static void write_types(struct run *run, const json_t *types)
{
    const json_t *item;
    size_t i;
    text_table(&run->text, (const char *const[]){"type", "objects", "variants", "most frequent",
                                                 "objects so", NULL});
    json_array_foreach (types, i, item) {
        const json_t *variant = json_array_get(json_object_get(item, "variants"), 0);
        struct buf path = {0};
        const json_t *activity;
        size_t k;
        char objects[32], variants[32], so[32], fit[200];
        json_array_foreach (json_object_get(variant, "activities"), k, activity)
            buf_printf(&path, "%s%.80s", k > 0 ? " → " : "", json_string_value(activity));
        text_row(&run->text,
                 (const char *const[]){
                     json_get_string(item, "type", ""),
                     text_count(objects, sizeof objects, json_get_number(item, "objects", 0)),
                     text_count(variants, sizeof variants,
                                json_get_number(item, "distinct_variants", 0)),
                     text_line(text_fit(fit, sizeof fit, buf_text(&path))),
                     text_count(so, sizeof so, json_get_number(variant, "objects", 0))},
                 5);
        buf_done(&path);
    }
}

static void write_handoffs(struct run *run)
{
    const json_t *list = json_object_get(run->result, "handoffs"), *item;
    size_t i, shown = 0;
    if (json_array_size(list) == 0)
        return;
    text_table(&run->text, (const char *const[]){"from", "to", "hand-offs", "median", "p95", NULL});
    json_array_foreach (list, i, item) {
        char count[32], median[64], p95[64];
        if (shown == SHOWN)
            break;
        shown++;
        text_row(&run->text,
                 (const char *const[]){
                     json_get_string(item, "from", ""), json_get_string(item, "to", ""),
                     text_count(count, sizeof count, json_get_number(item, "count", 0)),
                     text_duration(median, sizeof median, json_get_number(item, "median_s", 0)),
                     text_duration(p95, sizeof p95, json_get_number(item, "p95_s", 0))},
                 5);
    }
    text_more(&run->text, json_array_size(list), shown);
}

/* The most frequent edge of the first type that has one. */
static void suggest(struct run *run, const json_t *types)
{
    const json_t *item, *worst = slowest(run);
    size_t i;
    json_array_foreach (types, i, item) {
        const json_t *edge = json_array_get(json_object_get(item, "edges"), 0);
        if (edge == NULL)
            continue;
        run_suggest(run, "list_actors",
                    json_pack("{s:s, s:o, s:{s:O, s:O, s:O}}", "of", "object_map", "arguments",
                              run_same_arguments(run), "cell", "type",
                              json_object_get(item, "type"), "from", json_object_get(edge, "from"),
                              "to", json_object_get(edge, "to")),
                    "which objects go this way");
        break;
    }
    if (worst != NULL)
        run_suggest(run, "object_contention",
                    json_pack("{s:s, s:O}", "source", run->source->name, "type",
                              json_object_get(worst, "to")),
                    "whether others have to wait for the same object");
}

void object_map_write(struct run *run)
{
    const json_t *types = json_object_get(run->result, "types");
    write_finding(run, types);
    write_types(run, types);
    write_handoffs(run);
    suggest(run, types);
}
