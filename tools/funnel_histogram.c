/* View time_to_convert: the bins, and in the text what they say. */
#include "funnel_result.h"
#include "json.h"
#include "text.h"

/* The histogram's only row that is always there: (-1, converted, entered, converted, mean, median,
 * from_s, width_s, bins). */
struct histogram {
    json_int_t entered, total, from_s, width_s, count;
    double average_s, median_s;
};

static struct histogram read_histogram(const json_t *row)
{
    return (struct histogram){.entered = json_at_integer(row, 2),
                              .total = json_at_integer(row, 3),
                              .average_s = json_at_number(row, 4),
                              .median_s = json_at_number(row, 5),
                              .from_s = json_at_integer(row, 6),
                              .width_s = json_at_integer(row, 7),
                              .count = json_at_integer(row, 8)};
}

/* All bins; the rows lack empty ones. New reference. */
static json_t *bin_items(const struct histogram *h, const json_t *rows)
{
    json_t *bins = json_array();
    size_t row = 1;
    for (json_int_t bin = 0; h->total > 0 && bin < h->count; bin++) {
        const json_t *at = json_array_get(rows, row);
        bool is_here = at != NULL && json_at_integer(at, 0) == bin;
        json_int_t low = h->from_s + bin * h->width_s;
        json_array_append_new(bins,
                              json_pack("{s:I, s:I, s:I}", "from_s", low, "to_s", low + h->width_s,
                                        "count", is_here ? json_at_integer(at, 1) : (json_int_t)0));
        row += is_here;
    }
    return bins;
}

static json_int_t bin_value(const json_t *bins, size_t i, const char *name)
{
    return json_get_integer(json_array_get(bins, i), name, 0);
}

static void write_pace(struct run *run, const struct funnel *f, const struct histogram *h,
                       const json_t *bins)
{
    char from[200], to[200], n[32], whole[32], share[32], median[48], mean[48], low[48], high[48];
    size_t fullest = 0;
    for (size_t i = 1; i < json_array_size(bins); i++)
        if (bin_value(bins, i, "count") > bin_value(bins, fullest, "count"))
            fullest = i;
    funnel_step_label(f, f->from_step - 1, from, sizeof from);
    funnel_step_label(f, f->to_step - 1, to, sizeof to);
    buf_printf(&run->text, "Half of the %s who converted (%s → %s) took at most %s; the mean is %s",
               text_count(n, sizeof n, (double)h->total), from, to,
               text_duration(median, sizeof median, h->median_s),
               text_duration(mean, sizeof mean, h->average_s));
    json_int_t most = bin_value(bins, fullest, "count");
    if (json_array_size(bins) > 1)
        buf_printf(&run->text, ", and %s to %s is the most common (%s)",
                   text_duration(low, sizeof low, (double)bin_value(bins, fullest, "from_s")),
                   text_duration(high, sizeof high, (double)bin_value(bins, fullest, "to_s")),
                   text_percent(share, sizeof share, (double)most / (double)h->total));
    buf_printf(&run->text, ". %s of %s converted (%s).\n",
               text_count(n, sizeof n, (double)h->total),
               text_count(whole, sizeof whole, (double)h->entered),
               text_percent(share, sizeof share, (double)h->total / (double)h->entered));
}

/* Neighbouring bins together, so that the table stays short. */
static void write_bins(struct run *run, const struct histogram *h, const json_t *bins)
{
    enum { ROWS_MAX = 12 };
    size_t count = json_array_size(bins), each = (count + ROWS_MAX - 1) / ROWS_MAX;
    json_int_t so_far = 0;
    text_table(&run->text, (const char *const[]){"from", "to", "count", "of all", "so far", NULL});
    for (size_t i = 0; i < count; i += each) {
        size_t end = count - i > each ? i + each : count;
        json_int_t here = 0;
        for (size_t k = i; k < end; k++)
            here += bin_value(bins, k, "count");
        so_far += here;
        if (here == 0)
            continue;
        char from[48], to[48], n[32], share[32], sum[32];
        text_row(&run->text,
                 (const char *const[]){
                     text_duration(from, sizeof from, (double)bin_value(bins, i, "from_s")),
                     text_duration(to, sizeof to, (double)bin_value(bins, end - 1, "to_s")),
                     text_count(n, sizeof n, (double)here),
                     text_percent(share, sizeof share, (double)here / (double)h->total),
                     text_percent(sum, sizeof sum, (double)so_far / (double)h->total)},
                 5);
    }
}

void funnel_shape_histogram(struct run *run, const struct funnel *f)
{
    const json_t *rows = run_rows(run, 0);
    struct histogram h = read_histogram(json_array_get(rows, 0));
    json_t *bins = bin_items(&h, rows);
    json_t *overall = json_pack("{s:I, s:I}", "entered", h.entered, "converted", h.total);
    if (h.entered > 0)
        json_object_set_new(overall, "conversion", json_real((double)h.total / (double)h.entered));
    if (h.total > 0) {
        json_object_set_new(overall, "average_s", json_real(h.average_s));
        json_object_set_new(overall, "median_s", json_real(h.median_s));
        write_pace(run, f, &h, bins);
        write_bins(run, &h, bins);
    } else if (h.entered > 0) {
        buf_puts(&run->text, "Nobody went this way in this period.\n");
    }
    json_object_set_new(run->result, "overall", overall);
    json_object_set_new(run->result, "bins", bins);
}
