#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "json.h"
#include "nameless.h"
#include "retention_visits.h"
#include "run.h"
#include "sql_text.h"
#include "statistics.h"
#include "text.h"

enum { MAX_ROWS = 200000 };

static const struct param params[] = {
    {.name = "start",
     .type = VALUE_OBJECT,
     .is_required = true,
     .fields = arg_matcher_fields,
     .shorthand = "event",
     .description = "What puts an actor in a cohort: an event name or a matcher."},
    {.name = "returning",
     .type = VALUE_OBJECT,
     .fields = arg_matcher_fields,
     .shorthand = "event",
     .description = "What counts as coming back; default: start."},
    {.name = "kind",
     .choices = (const char *const[]){"recurring", "first_time", "first_ever", NULL},
     .fallback = "\"recurring\"",
     .description = "recurring: each interval with a start; first_time: only the first start ever; "
                    "first_ever: the first event of that name, if it passes where."},
    {.name = "interval",
     .choices = (const char *const[]){"hour", "day", "week", "month", NULL},
     .fallback = "\"week\"",
     .description = "Length of a period."},
    {.name = "periods",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = RETENTION_MAX_COHORTS,
     .fallback = "11",
     .description = "How many periods; without from also how many cohorts, the last holding to."},
    ARG_PERIOD,
    ARG_WEEK_START,
    ARG_SCOPE,
    ARG_ACTOR,
    ARG_BREAKDOWN,
    ARG_BREAKDOWN_LIMIT,
    ARG_OUTPUT,
    {0},
};

static const struct field cell_fields[] = {
    {"period", "Intervals after the cohort's; 0 is the cohort's own.", VALUE_INTEGER},
    {"count", "Actors who came back then.", VALUE_INTEGER},
    {"rate", "Of the cohort.", VALUE_NUMBER, .is_optional = true},
    {"complete", "Whether the interval was over when the data ended.", VALUE_BOOLEAN},
    {0},
};

static const struct field cohort_fields[] = {
    {"cohort", "Start of the interval.", VALUE_STRING},
    {"breakdown", "The values, in the order of the argument.", VALUE_STRING, .is_list = true,
     .is_optional = true},
    {"size", "Actors.", VALUE_INTEGER},
    {"cells", "By period.", VALUE_OBJECT, .is_list = true, .fields = cell_fields},
    {0},
};

static const struct field average_fields[] = {
    {"period", "Intervals after the cohort's.", VALUE_INTEGER},
    {"rate", "Complete cells only, weighted by size.", VALUE_NUMBER},
    {"ci_low", "95 % Wilson interval.", VALUE_NUMBER},
    {"ci_high", "95 % Wilson interval.", VALUE_NUMBER},
    {"cohorts", "Complete cells with actors.", VALUE_INTEGER},
    {0},
};

static const struct field fields[] = {
    {"cohorts", "By time; with a breakdown by value, empty cohorts left out.", VALUE_OBJECT,
     .is_list = true, .fields = cohort_fields},
    {"average", "Over all cohorts and values.", VALUE_OBJECT, .is_list = true,
     .fields = average_fields},
    {0},
};

/* --- plan ------------------------------------------------------------------------------------ */

static int plan(struct run *run, struct err *ret_err)
{
    struct calendar c;
    int rc = calendar_read(run, &c, ret_err);
    if (rc < 0)
        return rc;
    struct query q;
    struct buf visits = {0};
    query_init(&q);
    query_set_integer(&q, "periods", c.periods);
    query_set_integer(&q, "breakdown_limit",
                      json_get_integer(run->arguments, "breakdown_limit", 25));
    rc = retention_visits(run, &c, false, &q, &visits, ret_err);
    if (rc == 0)
        rc = run_query(run, &q, &sql_retention_matrix,
                       (const struct query_fragment[]){{"visits", buf_text(&visits)}, {0}},
                       MAX_ROWS, ret_err);
    buf_done(&visits);
    query_done(&q);
    /* The result is about whole intervals. */
    run->period.from_us = c.first_us;
    run->period.to_us = calendar_at(run, &c, c.count);
    return rc < 0 ? rc : 0;
}

/* --- shape ----------------------------------------------------------------------------------- */

struct tally {
    double size, count;
    json_int_t cohorts;
};

static json_t *cohort_item(const struct run *run, const struct calendar *c, json_int_t cohort,
                           const json_t *values, const json_int_t *counts, struct tally *tallies)
{
    json_t *cells = json_array();
    for (json_int_t p = 0; p < c->periods && cohort + p < c->count; p++) {
        bool is_complete = calendar_at(run, c, cohort + p + 1) <= run->period.complete_until_us;
        json_t *cell = json_pack("{s:I, s:I}", "period", p, "count", counts[p]);
        if (counts[0] > 0)
            json_object_set_new(cell, "rate", json_real((double)counts[p] / (double)counts[0]));
        json_object_set_new(cell, "complete", json_boolean(is_complete));
        json_array_append_new(cells, cell);
        if (is_complete && counts[0] > 0) {
            tallies[p].size += (double)counts[0];
            tallies[p].count += (double)counts[p];
            tallies[p].cohorts++;
        }
    }
    json_t *item = json_pack("{s:o}", "cohort", calendar_name(run, c, cohort));
    if (values != NULL)
        json_object_set(item, "breakdown", (json_t *)values);
    json_object_set_new(item, "size", json_integer(counts[0]));
    json_object_set_new(item, "cells", cells);
    return item;
}

static json_t *average_items(const struct calendar *c, const struct tally *tallies)
{
    json_t *items = json_array();
    for (json_int_t p = 0; p < c->periods; p++) {
        if (tallies[p].size <= 0)
            continue;
        double low, high;
        statistics_wilson(tallies[p].count, tallies[p].size, &low, &high);
        json_array_append_new(items, json_pack("{s:I, s:f, s:f, s:f, s:I}", "period", p, "rate",
                                               tallies[p].count / tallies[p].size, "ci_low", low,
                                               "ci_high", high, "cohorts", tallies[p].cohorts));
    }
    return items;
}

static json_t *value_names(const json_t *row, size_t count)
{
    if (json_integer_value(json_array_get(row, 0)) == 0)
        return json_incref(json_array_get(row, 1));
    json_t *names = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(names, json_string("(other)"));
    return names;
}

/* The rows of one value from *i on, as counts[cohort][period]. */
static void read_value(const struct calendar *c, const json_t *rows, size_t *i, json_int_t *counts)
{
    const json_t *first = json_array_get(rows, *i);
    memset(counts, 0, sizeof *counts * (size_t)(c->count * c->periods));
    for (; *i < json_array_size(rows); (*i)++) {
        const json_t *row = json_array_get(rows, *i);
        if (!json_equal(json_array_get(row, 0), json_array_get(first, 0)) ||
            !json_equal(json_array_get(row, 1), json_array_get(first, 1)))
            return;
        json_int_t cohort = json_integer_value(json_array_get(row, 2));
        json_int_t period = json_integer_value(json_array_get(row, 3));
        if (cohort >= 0 && cohort < c->count && period >= 0 && period < c->periods)
            counts[cohort * c->periods + period] = json_integer_value(json_array_get(row, 4));
    }
}

static void write_text(struct run *run, const struct calendar *c, const struct tally *tallies)
{
    const json_t *cohorts = json_object_get(run->result, "cohorts");
    const char *interval = json_get_string(run->arguments, "interval", "week");
    char share[32], size[32], name[300];
    if (c->periods > 1 && tallies[1].size > 0)
        buf_printf(&run->text,
                   "On average %s come back after one %s (%lld complete cohorts, %s "
                   "actors).\n",
                   text_percent(share, sizeof share, tallies[1].count / tallies[1].size), interval,
                   (long long)tallies[1].cohorts, text_count(size, sizeof size, tallies[1].size));
    else
        buf_printf(&run->text, "No cohort is complete one %s later yet.\n", interval);
    enum { SHOWN = 12 };
    const char *columns[SHOWN + 4] = {"cohort", "size"};
    char labels[SHOWN][16];
    size_t shown = (size_t)(c->periods - 1 < SHOWN ? c->periods - 1 : SHOWN);
    for (size_t p = 0; p < shown; p++) {
        snprintf(labels[p], sizeof labels[p], "+%zu", p + 1);
        columns[p + 2] = labels[p];
    }
    text_table(&run->text, columns);
    for (size_t i = 0; i < json_array_size(cohorts); i++) {
        const json_t *item = json_array_get(cohorts, i), *cells = json_object_get(item, "cells");
        const json_t *values = json_object_get(item, "breakdown");
        char rates[SHOWN][32];
        const char *row[SHOWN + 2] = {name, size};
        int used = snprintf(name, sizeof name, "%s", json_get_string(item, "cohort", ""));
        for (size_t k = 0; k < json_array_size(values) && used < (int)sizeof name; k++)
            used += snprintf(name + used, sizeof name - (size_t)used, " %.80s",
                             json_string_value(json_array_get(values, k)));
        text_count(size, sizeof size, (double)json_get_integer(item, "size", 0));
        for (size_t p = 0; p < shown; p++) {
            const json_t *cell = json_array_get(cells, p + 1);
            rates[p][0] = '\0';
            if (json_object_get(cell, "rate") != NULL) {
                char rate[24];
                snprintf(rates[p], sizeof rates[p], "%s%s",
                         text_percent(rate, sizeof rate, json_get_number(cell, "rate", 0)),
                         json_get_bool(cell, "complete", true) ? "" : "*");
            }
            row[p + 2] = rates[p];
        }
        text_row(&run->text, row, shown + 2);
    }
    buf_puts(&run->text, "* not complete yet\n");
}

static void suggest(struct run *run, const struct calendar *c)
{
    const json_t *cohorts = json_object_get(run->result, "cohorts");
    const json_t *largest = NULL;
    json_int_t most = 0;
    for (size_t i = 0; i < json_array_size(cohorts); i++) {
        const json_t *item = json_array_get(cohorts, i);
        if (json_array_size(json_object_get(item, "cells")) > 1 &&
            json_get_integer(item, "size", 0) > most) {
            most = json_get_integer(item, "size", 0);
            largest = item;
        }
    }
    if (largest == NULL || c->periods < 2)
        return;
    json_t *cell =
        json_pack("{s:O, s:i}", "cohort", json_object_get(largest, "cohort"), "period", 1);
    if (json_object_get(largest, "breakdown") != NULL)
        json_object_set(cell, "breakdown", json_object_get(largest, "breakdown"));
    run_suggest(run, "list_actors",
                json_pack("{s:s, s:o, s:o}", "of", "retention_matrix", "arguments",
                          run_same_arguments(run), "cell", cell),
                "who of the largest cohort came back, with sessions to look at");
}

/* Whether nobody started: the headline is then left to shape_empty(). */
static bool is_empty(const struct run *run)
{
    const json_t *cohorts = json_object_get(run->result, "cohorts");
    size_t i = 0;
    while (i < json_array_size(cohorts) &&
           json_get_integer(json_array_get(cohorts, i), "size", 0) == 0)
        i++;
    return i == json_array_size(cohorts);
}

static int plan_empty(struct run *run, struct err *ret_err)
{
    return is_empty(run) ? nameless_plan(run, json_object_get(run->arguments, "start"), ret_err)
                         : 0;
}

static int shape_empty(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    const char *start =
        json_get_string(json_object_get(run->arguments, "start"), "event", "any event");
    if (is_empty(run) && !nameless_shape(run, start))
        buf_printf(&run->text, "Nobody started (%.100s) in this period.\n", start);
    return 0;
}

static int shape(struct run *run, struct err *ret_err)
{
    struct calendar c;
    int rc = calendar_read(run, &c, ret_err);
    if (rc < 0)
        return rc;
    size_t fields_count = json_array_size(json_object_get(run->arguments, "breakdown"));
    const json_t *rows = run_rows(run, 0);
    json_int_t *counts = calloc((size_t)(c.count * c.periods), sizeof *counts);
    struct tally *tallies = calloc((size_t)c.periods, sizeof *tallies);
    if (counts == NULL || tallies == NULL) {
        free(counts);
        free(tallies);
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    }
    json_t *cohorts = json_array();
    size_t i = 0;
    do {
        json_t *values = NULL;
        if (fields_count > 0 && i < json_array_size(rows))
            values = value_names(json_array_get(rows, i), fields_count);
        read_value(&c, rows, &i, counts);
        for (json_int_t k = 0; k < c.count; k++)
            if (fields_count == 0 || counts[k * c.periods] > 0)
                json_array_append_new(
                    cohorts, cohort_item(run, &c, k, values, counts + k * c.periods, tallies));
        json_decref(values);
    } while (i < json_array_size(rows));
    json_object_set_new(run->result, "cohorts", cohorts);
    json_object_set_new(run->result, "average", average_items(&c, tallies));
    if (!is_empty(run))
        write_text(run, &c, tallies);
    suggest(run, &c);
    if (run_rows_truncated(run, 0))
        run_truncated(run, "rows", MAX_ROWS, "ask for fewer periods or values");
    free(counts);
    free(tallies);
    return 0;
}

/* --- who stands in a cell -------------------------------------------------------------------- */

static int find_cohort(const struct run *run, const struct calendar *c, const json_t *cell,
                       json_int_t *ret_cohort, struct err *ret_err)
{
    const char *wanted = json_get_string(cell, "cohort", NULL);
    for (json_int_t i = 0; wanted != NULL && i < c->count; i++) {
        json_t *name = calendar_name(run, c, i);
        bool is_it = strcmp(json_string_value(name), wanted) == 0;
        json_decref(name);
        if (is_it) {
            *ret_cohort = i;
            return 0;
        }
    }
    return err_set(ret_err, ERR_ARGUMENT, "cell.cohort", "a cohort as the matrix names it");
}

static int plan_actors(struct run *run, const json_t *cell, struct err *ret_err)
{
    struct calendar c = {0};
    json_int_t cohort = 0, period = json_get_integer(cell, "period", 0);
    int64_t limit = 0, offset = 0;
    int rc = calendar_read(run, &c, ret_err);
    if (rc == 0)
        rc = find_cohort(run, &c, cell, &cohort, ret_err);
    if (rc == 0)
        rc = run_page(run, 100, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    if (period < 0 || period >= c.periods)
        return err_set(ret_err, ERR_ARGUMENT, "cell.period", "a period from 0 to %lld",
                       (long long)c.periods - 1);
    json_t *none = json_array(), *values = NULL;
    size_t count = json_array_size(json_object_get(run->arguments, "breakdown"));
    rc = run_cell_values(cell, count, &values, ret_err);
    const char *first = json_string_value(json_array_get(values, 0));
    struct query q;
    struct buf visits = {0};
    query_init(&q);
    query_set_integer(&q, "limit", limit);
    query_set_integer(&q, "offset", offset);
    query_set_integer(&q, "cohort", cohort);
    query_set_integer(&q, "period", period);
    query_set_integer(&q, "any_value", values == NULL);
    query_set_integer(&q, "is_other", first != NULL && strcmp(first, "(other)") == 0);
    query_set_texts(&q, "values", values != NULL ? values : none);
    query_set_integer(&q, "breakdown_limit",
                      json_get_integer(run->arguments, "breakdown_limit", 25));
    if (rc == 0)
        rc = retention_visits(run, &c, true, &q, &visits, ret_err);
    if (rc == 0)
        rc = run_query(run, &q, &sql_retention_actors,
                       (const struct query_fragment[]){{"visits", buf_text(&visits)}, {0}},
                       (size_t)limit + 1, ret_err);
    buf_done(&visits);
    query_done(&q);
    json_decref(none);
    return rc < 0 ? rc : 0;
}

static const struct step steps[] = {{plan, shape}, {plan_empty, shape_empty}, {0}};

const struct tool tool_retention_matrix = {
    .name = "retention_matrix",
    .title = "Retention matrix",
    .description = "Do actors come back: cohorts by when they started, and the share that returns "
                   "in each later hour, day, week or month.",
    .toolset = "core",
    .flags = TOOL_CORE | TOOL_OPEN_PERIOD,
    .params = params,
    .fields = fields,
    .steps = steps,
    .plan_actors = plan_actors,
};
