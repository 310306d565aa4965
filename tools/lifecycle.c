#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activity.h"
#include "cell.h"
#include "json.h"
#include "period.h"
#include "run.h"
#include "sql_text.h"
#include "text.h"

enum { STATUSES = 4, DORMANT = 3, SHOWN_POINTS = 60 };

/* As the numbers of lifecycle.sql. */
static const char *const statuses[] = {"new", "returning", "resurrecting", "dormant"};

static const struct param params[] = {
    ARG_ACTIVITY, ARG_ACTIVITY_INTERVAL,
    ARG_PERIOD,   ARG_WEEK_START,
    ARG_SCOPE,    ARG_ACTOR,
    ARG_OUTPUT,   {0},
};

static const struct field point_fields[] = {
    {"time", "Start of the interval.", VALUE_STRING},
    {"new", "Actors whose first matching event ever is in it.", VALUE_INTEGER},
    {"returning", "Active in it and in the interval before.", VALUE_INTEGER},
    {"resurrecting", "Active in it, not in the one before, but earlier.", VALUE_INTEGER},
    {"dormant", "Active in the one before, not in it: a negative number.", VALUE_INTEGER},
    {0},
};

static const struct field fields[] = {
    {"points", "One for each interval.", VALUE_OBJECT, .is_list = true, .fields = point_fields},
    {0},
};

/* --- plan ------------------------------------------------------------------------------------ */

/* The intervals of the period, after the one before it. */
static int remember(struct run *run, struct err *ret_err)
{
    struct calendar *c = malloc(sizeof *c);
    if (c == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    int rc =
        calendar_read(run, run->period.from_us, run->period.to_us, 1, CALENDAR_MAX, c, ret_err);
    if (rc < 0) {
        free(c);
        return rc;
    }
    run->state = c;
    run->state_free = free;
    return 0;
}

static int plan(struct run *run, struct err *ret_err)
{
    int rc = remember(run, ret_err);
    if (rc < 0)
        return rc;
    const struct calendar *c = run->state;
    struct events e;
    struct query q;
    struct buf rows = {0};
    query_init(&q);
    query_set_integer(&q, "last", c->count - 1);
    rc = activity_begin(&e, run, &q, c, INT64_MIN, ret_err);
    if (rc == 0) {
        events_end(&e, &rows);
        rc = run_query(run, &q, &sql_lifecycle,
                       (const struct query_fragment[]){{"rows", buf_text(&rows)}, {0}},
                       (size_t)STATUSES * CALENDAR_MAX, ret_err);
    }
    buf_done(&rows);
    query_done(&q);
    calendar_set_period(c, 1, run);
    return rc < 0 ? rc : 0;
}

/* --- shape ----------------------------------------------------------------------------------- */

/* Actors by status. */
struct point {
    json_int_t of[STATUSES];
};

static void read_counts(const struct run *run, const struct calendar *c, struct point *counts)
{
    const json_t *rows = run_rows(run, 0), *row;
    size_t i;
    json_array_foreach (rows, i, row) {
        json_int_t at = json_at_integer(row, 0);
        json_int_t status = json_at_integer(row, 1);
        if (at > 0 && at < c->count && status >= 0 && status < STATUSES)
            counts[at].of[status] = json_at_integer(row, 2);
    }
}

static json_t *point_item(const struct run *run, const struct calendar *c, json_int_t i,
                          const json_int_t *counts)
{
    json_t *item = json_pack("{s:o}", "time", run_time(run, c->at[i]));
    for (int s = 0; s < STATUSES; s++)
        json_object_set_new(item, statuses[s], json_integer(s == DORMANT ? -counts[s] : counts[s]));
    return item;
}

/* Ends the headline with those who came after the `over` intervals that are over. */
static void write_open(struct run *run, const struct calendar *c, const struct point *counts,
                       json_int_t over)
{
    json_int_t fresh = 0, back = 0;
    char open[64], texts[3][32];
    for (json_int_t i = over + 1; i < c->count; i++) {
        fresh += counts[i].of[0];
        back += counts[i].of[2];
    }
    calendar_not_over(run, c, open, sizeof open);
    if (over > 0 && open[0] != '\0')
        buf_printf(&run->text, "; the %s not over yet", open);
    if (open[0] != '\0')
        buf_printf(&run->text, ": so far %s came (%s new, %s resurrecting)",
                   text_count(texts[0], sizeof texts[0], (double)(fresh + back)),
                   text_count(texts[1], sizeof texts[1], (double)fresh),
                   text_count(texts[2], sizeof texts[2], (double)back));
    buf_puts(&run->text, ".\n");
}

/* Over the intervals that are over: a dormant actor may still come in the last one. */
static void write_headline(struct run *run, const struct calendar *c, const struct point *counts)
{
    json_int_t sums[STATUSES] = {0}, over = 0;
    for (json_int_t i = 1; i < c->count && calendar_is_over(run, c, i); i++, over++)
        for (int s = 0; s < STATUSES; s++)
            sums[s] += counts[i].of[s];
    const char *interval = json_get_string(run->arguments, "interval", "day");
    if (over == 0) {
        buf_printf(&run->text, "No %s of this period is over yet", interval);
        write_open(run, c, counts, over);
        return;
    }
    json_int_t gained = sums[0] + sums[2], net = gained - sums[DORMANT];
    char texts[5][32], actors[48], intervals[48], complete[32];
    snprintf(complete, sizeof complete, "complete %s", interval);
    buf_printf(&run->text,
               "Net %s%s over %s: %s came (%s new, %s resurrecting), "
               "%s went dormant",
               net > 0 ? "+" : "", text_things(actors, sizeof actors, (double)net, "active actor"),
               text_things(intervals, sizeof intervals, (double)over, complete),
               text_count(texts[1], sizeof texts[1], (double)gained),
               text_count(texts[2], sizeof texts[2], (double)sums[0]),
               text_count(texts[3], sizeof texts[3], (double)sums[2]),
               text_count(texts[4], sizeof texts[4], (double)sums[DORMANT]));
    if (sums[DORMANT] > 0)
        buf_printf(&run->text, "; quick ratio %s",
                   text_number(texts[0], sizeof texts[0], (double)gained / (double)sums[DORMANT]));
    write_open(run, c, counts, over);
}

static void write_row(struct run *run, const struct calendar *c, json_int_t i,
                      const json_int_t *counts)
{
    char texts[STATUSES][32], name[64];
    const char *row[STATUSES + 1] = {name};
    json_t *time = calendar_name(run, c, i);
    snprintf(name, sizeof name, "%s%s", time != NULL ? json_string_value(time) : "",
             calendar_is_over(run, c, i) ? "" : "*");
    json_decref(time);
    for (int s = 0; s < STATUSES; s++)
        row[s + 1] =
            text_count(texts[s], sizeof texts[s], (double)(s == DORMANT ? -counts[s] : counts[s]));
    text_row(&run->text, row, STATUSES + 1);
}

static void write_text(struct run *run, const struct calendar *c, const struct point *counts)
{
    bool is_long = strcmp(json_get_string(run->arguments, "format", "concise"), "detailed") == 0;
    char earlier[48];
    json_int_t first = is_long || c->count - 1 <= SHOWN_POINTS ? 1 : c->count - SHOWN_POINTS;
    write_headline(run, c, counts);
    text_table(&run->text, (const char *const[]){"time", statuses[0], statuses[1], statuses[2],
                                                 statuses[3], NULL});
    for (json_int_t i = first; i < c->count; i++)
        write_row(run, c, i, counts[i].of);
    if (first > 1)
        buf_printf(&run->text, "… and %s: format detailed shows them\n",
                   text_things(earlier, sizeof earlier, (double)(first - 1), "earlier point"));
    if (!calendar_is_over(run, c, c->count - 1))
        buf_puts(&run->text,
                 "* not over yet: its actors may still come, and are not dormant then\n");
}

/* The interval that most went dormant in, of those that are over. */
static void suggest(struct run *run, const struct calendar *c, const struct point *counts)
{
    json_int_t worst = 0, most = 0;
    for (json_int_t i = 1; i < c->count && calendar_is_over(run, c, i); i++) {
        if (counts[i].of[DORMANT] > most) {
            most = counts[i].of[DORMANT];
            worst = i;
        }
    }
    if (worst == 0)
        return;
    run_suggest(run, "list_actors",
                json_pack("{s:s, s:o, s:{s:o, s:s}}", "of", "lifecycle", "arguments",
                          run_same_arguments(run), "cell", "time", run_time(run, c->at[worst]),
                          "status", "dormant"),
                "who went dormant where most did, with their last session");
}

/* Whether nobody was active: the headline is then left to activity_shape_nobody(). */
static bool is_empty(const struct run *run)
{
    const json_t *points = json_object_get(run->result, "points"), *point;
    size_t i;
    json_array_foreach (points, i, point)
        for (int s = 0; s < DORMANT; s++)
            if (json_get_integer(point, statuses[s], 0) != 0)
                return false;
    return true;
}

static int shape(struct run *run, struct err *ret_err)
{
    const struct calendar *c = run->state;
    struct point *counts = calloc((size_t)c->count, sizeof *counts);
    if (counts == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    read_counts(run, c, counts);
    json_t *points = json_array();
    for (json_int_t i = 1; i < c->count; i++)
        json_array_append_new(points, point_item(run, c, i, counts[i].of));
    json_object_set_new(run->result, "points", points);
    if (!is_empty(run))
        write_text(run, c, counts);
    if (!is_empty(run) && run->period.data_from_us >= c->at[1])
        run_warn(run, "the data begin inside the period: who comes first there is new, whatever "
                      "went before");
    suggest(run, c, counts);
    free(counts);
    return 0;
}

static int plan_empty(struct run *run, struct err *ret_err)
{
    return is_empty(run) ? activity_plan_nobody(run, ret_err) : 0;
}

/* --- who stands in a cell -------------------------------------------------------------------- */

/* The interval of a cell as a calendar of two: the one before, and it. */
static int read_cell(const struct run *run, const struct calendar *c, const json_t *cell,
                     struct calendar *ret_pair, struct err *ret_err)
{
    const char *time = json_get_string(cell, "time", NULL);
    int64_t us = 0;
    if (time == NULL)
        return err_set(ret_err, ERR_ARGUMENT, "cell.time", "the time of a point is required");
    int rc = period_parse(time, "cell.time", false, run->period.complete_until_us, run->period.zone,
                          &us, ret_err);
    if (rc < 0)
        return rc;
    json_int_t i = calendar_holding(c, us);
    if (i < 1)
        return err_set(ret_err, ERR_ARGUMENT, "cell.time", "a time inside the period");
    *ret_pair = (struct calendar){.interval = c->interval,
                                  .sunday_weeks = c->sunday_weeks,
                                  .count = 2,
                                  .at = {c->at[i - 1], c->at[i], c->at[i + 1]}};
    return 0;
}

static int read_status(const json_t *cell, struct query *q, struct err *ret_err)
{
    const char *wanted = json_get_string(cell, "status", "");
    for (int s = 0; s < STATUSES; s++) {
        if (strcmp(wanted, statuses[s]) == 0) {
            query_set_integer(q, "status", s);
            return 0;
        }
    }
    return err_set(ret_err, ERR_ARGUMENT, "cell.status",
                   "one of new, returning, resurrecting, dormant");
}

static int plan_rows(struct run *run, struct query *q, const struct calendar *pair,
                     struct err *ret_err)
{
    struct events e;
    struct buf rows = {0};
    int rc = activity_begin(&e, run, q, pair, INT64_MIN, ret_err);
    if (rc < 0)
        return rc;
    events_end(&e, &rows);
    rc = cell_plan_actors(run, q, &sql_lifecycle_actors,
                          (const struct query_fragment[]){{"rows", buf_text(&rows)}, {0}}, ret_err);
    buf_done(&rows);
    return rc;
}

static int plan_actors(struct run *run, const json_t *cell, struct err *ret_err)
{
    struct calendar pair;
    struct query q;
    int rc = remember(run, ret_err);
    if (rc == 0)
        rc = read_cell(run, run->state, cell, &pair, ret_err);
    if (rc < 0)
        return rc;
    query_init(&q);
    rc = read_status(cell, &q, ret_err);
    if (rc == 0)
        rc = plan_rows(run, &q, &pair, ret_err);
    query_done(&q);
    calendar_set_period(run->state, 1, run);
    return rc;
}

static const struct step steps[] = {{plan, shape}, {plan_empty, activity_shape_nobody}, {0}};

const struct tool tool_lifecycle = {
    .name = "lifecycle",
    .title = "Lifecycle",
    .description = "Is the active base growing: actors that are new, returning, resurrecting and "
                   "gone dormant in each interval.",
    .toolset = "analytics",
    .params = params,
    .fields = fields,
    .steps = steps,
    .plan_actors = plan_actors,
};
