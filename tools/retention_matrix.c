#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "interval.h"
#include "json.h"
#include "run.h"
#include "sql_text.h"
#include "statistics.h"
#include "text.h"

enum { MAX_COHORTS = 500, MAX_ROWS = 200000 };

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
     .max = MAX_COHORTS,
     .fallback = "11",
     .description = "How many periods; without from also how many cohorts, the last holding to."},
    ARG_PERIOD,
    ARG_WEEK_START,
    ARG_FILTERS,
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

/* --- the intervals -------------------------------------------------------------------------- */

struct calendar {
    enum interval interval;
    bool sunday_weeks;
    int64_t first_us; /* start of the first interval */
    json_int_t count; /* of intervals = cohorts */
    json_int_t periods;
};

static int64_t interval_at(const struct run *run, const struct calendar *c, json_int_t i)
{
    return interval_add_us(run->period.zone, c->interval, c->first_us, i);
}

/* Whole intervals: from the one that holds `from` to the one that holds `to`. */
static int read_calendar(const struct run *run, struct calendar *ret, struct err *ret_err)
{
    const struct zone *zone = run->period.zone;
    struct calendar c = {
        .interval = interval_parse(json_get_string(run->arguments, "interval", "week")),
        .sunday_weeks =
            strcmp(json_get_string(run->arguments, "week_start", "monday"), "sunday") == 0,
        .periods = json_get_integer(run->arguments, "periods", 11)};
    int64_t last_us = interval_start_us(zone, c.interval, c.sunday_weeks, run->period.to_us - 1);
    if (!run->period.from_given) {
        c.count = c.periods;
        c.first_us = interval_add_us(zone, c.interval, last_us, -(c.periods - 1));
    } else {
        c.first_us = interval_start_us(zone, c.interval, c.sunday_weeks, run->period.from_us);
        while (c.count <= MAX_COHORTS && interval_at(run, &c, c.count) <= last_us)
            c.count++;
    }
    if (c.count > MAX_COHORTS)
        return err_set(ret_err, ERR_ARGUMENT, "from",
                       "more than %d cohorts: take a longer interval or a later from", MAX_COHORTS);
    *ret = c;
    return 0;
}

/* The number of a row's interval, -1 before the first. */
static void add_index(const struct run *run, const struct calendar *c, struct query *q,
                      struct buf *out)
{
    buf_puts(out, "transform(");
    interval_start_sql(run, q, c->interval, c->sunday_weeks, out);
    buf_puts(out, ", [");
    for (json_int_t i = 0; i < c->count; i++)
        buf_printf(out, "%s%lld", i > 0 ? ", " : "", (long long)interval_at(run, c, i));
    buf_printf(out, "], CAST(range(%lld), 'Array(Int32)'), toInt32(-1))", (long long)c->count);
}

/* --- plan ------------------------------------------------------------------------------------ */

/* A matcher without its conditions: only the names. */
static json_t *names_only(const json_t *matcher)
{
    json_t *copy = json_deep_copy(matcher);
    json_object_del(copy, "where");
    json_t *any_of = json_object_get(copy, "any_of");
    for (size_t i = 0; i < json_array_size(any_of); i++)
        json_array_set_new(any_of, i, names_only(json_array_get(any_of, i)));
    return copy;
}

struct visits {
    struct buf who, value, start, back, ok, index, between, filters, from, order, event, session;
};

static void visits_done(struct visits *v)
{
    struct buf *all[] = {&v->who,  &v->value,   &v->start,   &v->back,  &v->ok,    &v->index,
                         &v->from, &v->between, &v->filters, &v->order, &v->event, &v->session};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
}

static int add_values(const struct run *run, struct query *q, struct buf *out, struct err *ret_err)
{
    const json_t *breakdown = json_object_get(run->arguments, "breakdown");
    buf_puts(out, "CAST([");
    for (size_t i = 0; i < json_array_size(breakdown); i++) {
        buf_puts(out, i > 0 ? ", " : "");
        int rc = source_text(run->source, q, json_string_value(json_array_get(breakdown, i)), out,
                             ret_err);
        if (rc < 0) {
            if (ret_err->field[0] == '\0')
                snprintf(ret_err->field, sizeof ret_err->field, "breakdown[%zu]", i);
            return rc;
        }
    }
    buf_puts(out, "], 'Array(String)')");
    return 0;
}

static int add_matchers(const struct run *run, struct query *q, bool is_first_ever,
                        struct visits *v, struct err *ret_err)
{
    const json_t *start = json_object_get(run->arguments, "start");
    const json_t *returning = json_object_get(run->arguments, "returning");
    json_t *names = names_only(start);
    int rc = source_matcher(run->source, q, is_first_ever ? names : start, &v->start, ret_err);
    if (rc == 0)
        rc = source_matcher(run->source, q, start, &v->ok, ret_err);
    if (rc < 0)
        err_prefix(ret_err, "start");
    if (rc == 0) {
        rc = source_matcher(run->source, q, returning != NULL ? returning : start, &v->back,
                            ret_err);
        if (rc < 0)
            err_prefix(ret_err, "returning");
    }
    json_decref(names);
    return rc;
}

static void add_optional(const struct source *s, struct query *q, enum source_field field,
                         struct buf *out)
{
    buf_puts(out, "CAST(");
    if (s->fields[field].count == 0)
        buf_puts(out, "''");
    else
        source_logical(s, q, field, out, NULL);
    buf_puts(out, ", 'String')");
}

static int gather(const struct run *run, const struct calendar *c, struct query *q,
                  bool has_history, bool is_first_ever, struct visits *v, struct err *ret_err)
{
    const struct source *s = run->source;
    int rc = source_actor(s, q, json_get_string(run->arguments, "actor", "user"), NULL, &v->who,
                          ret_err);
    if (rc == 0)
        rc = add_values(run, q, &v->value, ret_err);
    if (rc == 0)
        rc = add_matchers(run, q, is_first_ever, v, ret_err);
    if (rc == 0) {
        rc = source_filters(s, q, json_object_get(run->arguments, "filters"), &v->filters, ret_err);
        if (rc < 0)
            err_prefix(ret_err, "filters");
    }
    if (rc < 0)
        return rc;
    add_index(run, c, q, &v->index);
    source_time_between(s, q, has_history ? INT64_MIN : c->first_us, interval_at(run, c, c->count),
                        &v->between);
    if (s->order != NULL)
        sql_identifier(&v->order, s->order);
    else
        buf_putc(&v->order, '0');
    add_optional(s, q, SOURCE_EVENT, &v->event);
    add_optional(s, q, SOURCE_SESSION, &v->session);
    source_from(s, q, &v->from);
    return 0;
}

/* One row per actor and cohort: who, v, cohort, came Array(Int32) the intervals of the returns, and
 * with `places` when and where: entered, entered_event, entered_session, visits. */
static int build_visits(const struct run *run, const struct calendar *c, bool has_places,
                        struct query *q, struct buf *out, struct err *ret_err)
{
    const char *kind = json_get_string(run->arguments, "kind", "recurring");
    bool is_first = strcmp(kind, "recurring") != 0;
    bool is_first_ever = strcmp(kind, "first_ever") == 0;
    struct visits v = {0};
    int rc = gather(run, c, q, is_first, is_first_ever, &v, ret_err);
    if (rc == 0) {
        struct buf us = {0};
        source_time_us(run->source, &us);
        const char *place = has_places ? ", _event, _session" : "";
        buf_printf(out, "SELECT who, start.2.1 AS v, start.1 AS cohort, came");
        if (has_places)
            buf_puts(out, ", start.2.3 AS entered, start.2.4 AS entered_event, "
                          "start.2.5 AS entered_session, visits");
        buf_puts(out, " FROM (SELECT who, came");
        buf_printf(out,
                   "%s, arrayJoin(%s) AS start FROM (SELECT who, "
                   "arraySort(x -> x.1, groupArrayIf((i, first), starts > 0)) AS begins, "
                   "arraySort(groupArrayIf(i, returns > 0)) AS came%s FROM (SELECT _who AS who, "
                   "_i AS i, countIf(_start) AS starts, countIf(_back) AS returns, "
                   "argMinIf((_value, _ok, _us%s), (_us, _order), _start) AS first%s",
                   has_places ? ", visits" : "", is_first ? "arraySlice(begins, 1, 1)" : "begins",
                   has_places ? ", arrayMap(x -> x.2, arraySort(x -> x.1, groupArrayIf((i, back), "
                                "returns > 0))) AS visits"
                              : "",
                   place,
                   has_places ? ", argMinIf((_us, _event, _session), (_us, _order), _back) AS back"
                              : "");
        buf_printf(out,
                   " FROM (SELECT CAST(%s, 'String') AS _who, %s AS _i, %s AS _us, %s AS _start, "
                   "%s AS _back, %s AS _ok, %s AS _value, %s AS _order",
                   buf_text(&v.who), buf_text(&v.index), buf_text(&us), buf_text(&v.start),
                   buf_text(&v.back), buf_text(&v.ok), buf_text(&v.value), buf_text(&v.order));
        if (has_places)
            buf_printf(out, ", %s AS _event, %s AS _session", buf_text(&v.event),
                       buf_text(&v.session));
        buf_printf(out,
                   " FROM %s WHERE %s AND %s AND (%s OR %s)) WHERE _who != '' GROUP BY _who, _i) "
                   "GROUP BY who)) WHERE start.1 >= 0 AND start.2.2",
                   buf_text(&v.from), buf_text(&v.between), buf_text(&v.filters),
                   buf_text(&v.start), buf_text(&v.back));
        out->failed |= us.failed;
        buf_done(&us);
    }
    visits_done(&v);
    return rc;
}

static int plan(struct run *run, struct err *ret_err)
{
    struct calendar c;
    int rc = read_calendar(run, &c, ret_err);
    if (rc < 0)
        return rc;
    struct query q;
    struct buf visits = {0};
    query_init(&q);
    query_set_integer(&q, "periods", c.periods);
    query_set_integer(&q, "breakdown_limit",
                      json_get_integer(run->arguments, "breakdown_limit", 25));
    rc = build_visits(run, &c, false, &q, &visits, ret_err);
    if (rc == 0)
        rc = run_query(run, &q, &sql_retention_matrix,
                       (const struct query_fragment[]){{"visits", buf_text(&visits)}, {0}},
                       MAX_ROWS, ret_err);
    buf_done(&visits);
    query_done(&q);
    /* The result is about whole intervals. */
    run->period.from_us = c.first_us;
    run->period.to_us = interval_at(run, &c, c.count);
    return rc < 0 ? rc : 0;
}

/* --- shape ----------------------------------------------------------------------------------- */

struct tally {
    double size, count;
    json_int_t cohorts;
};

static json_t *cohort_name(const struct run *run, const struct calendar *c, json_int_t i)
{
    int64_t us = interval_at(run, c, i);
    return c->interval == INTERVAL_HOUR ? run_time(run, us) : run_date(run, us);
}

static json_t *cohort_item(const struct run *run, const struct calendar *c, json_int_t cohort,
                           const json_t *values, const json_int_t *counts, struct tally *tallies)
{
    json_t *cells = json_array();
    for (json_int_t p = 0; p < c->periods && cohort + p < c->count; p++) {
        bool is_complete = interval_at(run, c, cohort + p + 1) <= run->period.complete_until_us;
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
    json_t *item = json_pack("{s:o}", "cohort", cohort_name(run, c, cohort));
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

static int shape(struct run *run, struct err *ret_err)
{
    struct calendar c;
    int rc = read_calendar(run, &c, ret_err);
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
        json_t *name = cohort_name(run, c, i);
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
    int rc = read_calendar(run, &c, ret_err);
    if (rc == 0)
        rc = find_cohort(run, &c, cell, &cohort, ret_err);
    if (rc == 0)
        rc = run_page(run, 100, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    if (period < 0 || period >= c.periods)
        return err_set(ret_err, ERR_ARGUMENT, "cell.period", "a period from 0 to %lld",
                       (long long)c.periods - 1);
    json_t *none = json_array(), *values = json_object_get(cell, "breakdown");
    size_t count = json_array_size(json_object_get(run->arguments, "breakdown"));
    if (values != NULL && json_array_size(values) != count)
        rc = err_set(ret_err, ERR_ARGUMENT, "cell.breakdown",
                     "a list of %zu values, one for each breakdown field", count);
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
        rc = build_visits(run, &c, true, &q, &visits, ret_err);
    if (rc == 0)
        rc = run_query(run, &q, &sql_retention_actors,
                       (const struct query_fragment[]){{"visits", buf_text(&visits)}, {0}},
                       (size_t)limit + 1, ret_err);
    buf_done(&visits);
    query_done(&q);
    json_decref(none);
    return rc < 0 ? rc : 0;
}

static const struct step steps[] = {{plan, shape}, {0}};

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
