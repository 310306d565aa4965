#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cell.h"
#include "json.h"
#include "nameless.h"
#include "retention.h"
#include "retention_fast.h"
#include "retention_text.h"
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
     .description = "Default 11. How many; without from also of cohorts, the last holding to."},
    {.name = "brackets",
     .type = VALUE_INTEGER,
     .is_list = true,
     .min = 1,
     .max = RETENTION_MAX_COHORTS,
     .max_items = 50,
     .description = "Groups periods after the first: [1, 3, 7] = 1, 2-4, 5-11."},
    {.name = "mode",
     .choices = (const char *const[]){"on", "on_or_after", NULL},
     .fallback = "\"on\"",
     .description = "on_or_after: came back in that period or later."},
    {.name = "clock",
     .choices = (const char *const[]){"calendar", "rolling", NULL},
     .fallback = "\"calendar\"",
     .description = "rolling: periods of 1 h, 24 h, 7 d, 30 d from the actor's own start."},
    {.name = "min_times",
     .type = VALUE_INTEGER,
     .min = 1,
     .max = 1000000,
     .fallback = "1",
     .description = "Returns that a period needs."},
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
    {"period", "Periods after the start; with brackets the bracket, from 1. 0 is the start itself.",
     VALUE_INTEGER},
    {"count", "Actors who came back then.", VALUE_INTEGER},
    {"rate", "Of the cohort.", VALUE_NUMBER, .is_optional = true},
    {"complete", "Whether it was over for the whole cohort when the data ended.", VALUE_BOOLEAN},
    {0},
};

static const struct field cohort_fields[] = {
    {"cohort", "Start of the calendar interval in which they started.", VALUE_STRING},
    {"breakdown", "The values of the event that put the actor in the cohort.", VALUE_STRING,
     .is_list = true, .is_optional = true},
    {"size", "Actors.", VALUE_INTEGER},
    {"cells", "By period.", VALUE_OBJECT, .is_list = true, .fields = cell_fields},
    {0},
};

static const struct field average_fields[] = {
    {"period", "As in cells.", VALUE_INTEGER},
    {"rate", "Complete cells only, weighted by size.", VALUE_NUMBER},
    {"ci_low", "95 % Wilson interval.", VALUE_NUMBER},
    {"ci_high", "95 % Wilson interval.", VALUE_NUMBER},
    {"cohorts", "Complete cells with actors.", VALUE_INTEGER},
    {0},
};

static const struct field fields[] = {
    {"cohorts",
     "By time; with a breakdown by value, empty cohorts left out. Those before the data are listed "
     "only when from, to or periods ask for them.",
     VALUE_OBJECT, .is_list = true, .fields = cohort_fields},
    {"average", "Over all cohorts and values.", VALUE_OBJECT, .is_list = true,
     .fields = average_fields},
    {0},
};

/* --- plan ------------------------------------------------------------------------------------ */

/* What the arguments say, kept for shape(). */
static int remember(struct run *run, struct err *ret_err)
{
    struct retention *r = malloc(sizeof *r);
    if (r == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    int rc = retention_read(run, r, ret_err);
    if (rc < 0) {
        free(r);
        return rc;
    }
    run->state = r;
    run->state_free = free;
    return 0;
}

static int plan_matrix(struct run *run, const struct retention *r, struct err *ret_err)
{
    struct query q;
    struct buf visits = {0}, columns = {0};
    query_init(&q);
    query_set_integer(&q, "breakdown_limit",
                      json_get_integer(run->arguments, "breakdown_limit", 25));
    int rc = retention_visits(run, r, false, &q, &visits, ret_err);
    if (rc == 0) {
        retention_columns(r, &q, &columns);
        rc = run_query(run, &q, &sql_retention_matrix,
                       (const struct query_fragment[]){
                           {"visits", buf_text(&visits)}, {"columns", buf_text(&columns)}, {0}},
                       MAX_ROWS, ret_err);
    }
    buf_done(&visits);
    buf_done(&columns);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

static int plan(struct run *run, struct err *ret_err)
{
    int rc = remember(run, ret_err);
    if (rc < 0)
        return rc;
    const struct retention *r = run->state;
    rc = retention_is_fast(run, r) ? retention_fast_plan(run, r, ret_err)
                                   : plan_matrix(run, r, ret_err);
    calendar_set_period(&r->calendar, 0, run);
    return rc;
}

/* --- shape ----------------------------------------------------------------------------------- */

struct tally {
    double size, count;
    json_int_t cohorts;
};

/* `counts` by column. */
static json_t *cohort_item(const struct run *run, const struct retention *r, json_int_t cohort,
                           const json_t *values, const json_int_t *counts, struct tally *tallies)
{
    json_t *cells = json_array();
    for (json_int_t p = 0; p < r->columns && retention_has_cell(r, cohort, p); p++) {
        bool is_complete = retention_is_complete(run, r, cohort, p);
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
    json_t *item = json_pack("{s:o}", "cohort", calendar_name(run, &r->calendar, cohort));
    if (values != NULL)
        json_object_set(item, "breakdown", (json_t *)values);
    json_object_set_new(item, "size", json_integer(counts[0]));
    json_object_set_new(item, "cells", cells);
    return item;
}

static json_t *average_items(const struct retention *r, const struct tally *tallies)
{
    json_t *items = json_array();
    for (json_int_t p = 0; p < r->columns; p++) {
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

/* The rows of one value from *i on, as counts[cohort][column]. */
static void read_value(const struct retention *r, const json_t *rows, size_t *i, json_int_t *counts)
{
    json_int_t cohorts = r->calendar.count;
    const json_t *first = json_array_get(rows, *i);
    memset(counts, 0, sizeof *counts * (size_t)(cohorts * r->columns));
    for (; *i < json_array_size(rows); (*i)++) {
        const json_t *row = json_array_get(rows, *i);
        if (!json_equal(json_array_get(row, 0), json_array_get(first, 0)) ||
            !json_equal(json_array_get(row, 1), json_array_get(first, 1)))
            return;
        json_int_t cohort = json_at_integer(row, 2);
        json_int_t column = json_at_integer(row, 3);
        if (cohort >= 0 && cohort < cohorts && column >= 0 && column < r->columns)
            counts[cohort * r->columns + column] = json_at_integer(row, 4);
    }
}

/* Whether nobody came back. */
static bool is_lost(const struct run *run)
{
    const json_t *cohorts = json_object_get(run->result, "cohorts"), *cohort, *cell;
    bool has_cells = false;
    size_t i, k;
    json_array_foreach (cohorts, i, cohort) {
        json_array_foreach (json_object_get(cohort, "cells"), k, cell) {
            if (json_get_integer(cell, "period", 0) == 0)
                continue;
            if (json_get_integer(cell, "count", 0) > 0)
                return false;
            has_cells = true;
        }
    }
    return has_cells;
}

static void suggest(struct run *run)
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
    if (largest == NULL || is_lost(run))
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

/* The matcher that nobody did; NULL = each was done, or none was asked for. */
static const json_t *missing(const struct run *run)
{
    if (is_empty(run))
        return json_object_get(run->arguments, "start");
    return is_lost(run) ? json_object_get(run->arguments, "returning") : NULL;
}

static int plan_empty(struct run *run, struct err *ret_err)
{
    const json_t *matcher = missing(run);
    return matcher != NULL ? nameless_plan(run, matcher, ret_err) : 0;
}

static int shape_empty(struct run *run, struct err *ret_err)
{
    (void)ret_err;
    if (!run_has_asked(run))
        return 0;
    const char *start = json_get_string(missing(run), "event", "any event");
    bool is_first = strcmp(json_get_string(run->arguments, "kind", "recurring"), "recurring") != 0;
    if (!is_empty(run))
        nameless_warn(run, start);
    else if (!nameless_shape(run, start))
        buf_printf(&run->text, "Nobody started (%.100s)%s in this period%s.\n", start,
                   is_first ? " for the first time" : "", nameless_among(run));
    return 0;
}

/* The result's lists; counts and tallies have room for one value and for all columns. */
static void shape_lists(struct run *run, const struct retention *r, json_int_t *counts,
                        struct tally *tallies)
{
    size_t fields_count = json_array_size(json_object_get(run->arguments, "breakdown"));
    const json_t *rows = run_rows(run, 0);
    json_t *cohorts = json_array();
    size_t i = 0;
    do {
        json_t *values = NULL;
        if (fields_count > 0 && i < json_array_size(rows))
            values = cell_value_names(json_at_integer(json_array_get(rows, i), 0) != 0,
                                      json_array_get(json_array_get(rows, i), 1), fields_count);
        read_value(r, rows, &i, counts);
        for (json_int_t k = 0; k < r->calendar.count; k++)
            if (fields_count == 0 || counts[k * r->columns] > 0)
                json_array_append_new(
                    cohorts, cohort_item(run, r, k, values, counts + k * r->columns, tallies));
        json_decref(values);
    } while (i < json_array_size(rows));
    json_object_set_new(run->result, "cohorts", cohorts);
    json_object_set_new(run->result, "average", average_items(r, tallies));
}

static int shape(struct run *run, struct err *ret_err)
{
    const struct retention *r = run->state;
    json_int_t *counts = calloc((size_t)(r->calendar.count * r->columns), sizeof *counts);
    struct tally *tallies = calloc((size_t)r->columns, sizeof *tallies);
    int rc = 0;
    if (counts == NULL || tallies == NULL) {
        rc = err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    } else {
        shape_lists(run, r, counts, tallies);
        if (!is_empty(run))
            retention_text(run, r);
        suggest(run);
        if (run_rows_truncated(run, 0))
            run_truncated(run, "rows", MAX_ROWS, "ask for fewer periods or values");
    }
    free(counts);
    free(tallies);
    return rc;
}

/* --- who stands in a cell -------------------------------------------------------------------- */

static int refuse_cohort(const struct run *run, const struct retention *r, struct err *ret_err)
{
    json_t *first = calendar_name(run, &r->calendar, 0);
    json_t *last = calendar_name(run, &r->calendar, r->calendar.count - 1);
    err_set(ret_err, ERR_ARGUMENT, "cell.cohort",
            "a cohort as the matrix names it, from %s to %s for these arguments",
            first != NULL ? json_string_value(first) : "",
            last != NULL ? json_string_value(last) : "");
    json_decref(first);
    json_decref(last);
    return -ERR_ARGUMENT;
}

/* The cohort of a cell, and the periods that put an actor in it. */
static int read_cell(const struct run *run, const struct retention *r, const json_t *cell,
                     struct query *q, struct err *ret_err)
{
    const char *name = json_get_string(cell, "cohort", NULL);
    json_int_t cohort = name != NULL ? calendar_find(run, &r->calendar, name) : -1;
    json_int_t column = json_get_integer(cell, "period", 0), first, last;
    if (cohort < 0)
        return refuse_cohort(run, r, ret_err);
    if (column < 0 || column >= r->columns)
        return err_set(ret_err, ERR_ARGUMENT, "cell.period", "a period from 0 to %lld",
                       (long long)r->columns - 1);
    retention_periods(r, column, &first, &last);
    query_set_integer(q, "cohort", cohort);
    query_set_integer(q, "first", first);
    query_set_integer(q, "last", r->is_after ? INT32_MAX : last);
    return 0;
}

static int read_values(const struct run *run, const json_t *cell, struct query *q,
                       struct err *ret_err)
{
    json_t *none = json_array(), *values = NULL;
    size_t count = json_array_size(json_object_get(run->arguments, "breakdown"));
    int rc = cell_values(cell, count, &values, ret_err);
    query_set_integer(q, "any_value", values == NULL);
    query_set_integer(q, "is_other", cell_is_other(values));
    query_set_texts(q, "values", values != NULL ? values : none);
    query_set_integer(q, "breakdown_limit",
                      json_get_integer(run->arguments, "breakdown_limit", 25));
    json_decref(none);
    return rc;
}

static int plan_actors(struct run *run, const json_t *cell, struct err *ret_err)
{
    int rc = remember(run, ret_err);
    if (rc < 0)
        return rc;
    const struct retention *r = run->state;
    struct query q;
    struct buf visits = {0};
    query_init(&q);
    rc = read_cell(run, r, cell, &q, ret_err);
    if (rc == 0)
        rc = read_values(run, cell, &q, ret_err);
    if (rc == 0)
        rc = retention_visits(run, r, true, &q, &visits, ret_err);
    if (rc == 0)
        rc = cell_plan_actors(run, &q, &sql_retention_actors,
                              (const struct query_fragment[]){{"visits", buf_text(&visits)}, {0}},
                              ret_err);
    buf_done(&visits);
    query_done(&q);
    calendar_set_period(&r->calendar, 0, run);
    return rc;
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
    .tables = (const char *const[]){"cohorts.cells", NULL},
    .steps = steps,
    .plan_actors = plan_actors,
};
