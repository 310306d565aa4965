#include "retention_visits.h"

#include <stdio.h>
#include <string.h>

#include "json.h"

int64_t calendar_at(const struct run *run, const struct calendar *c, json_int_t i)
{
    return interval_add_us(run->period.zone, c->interval, c->first_us, i);
}

int calendar_read(const struct run *run, struct calendar *ret_calendar, struct err *ret_err)
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
        while (c.count <= RETENTION_MAX_COHORTS && calendar_at(run, &c, c.count) <= last_us)
            c.count++;
    }
    if (c.count > RETENTION_MAX_COHORTS)
        return err_set(ret_err, ERR_ARGUMENT, "from",
                       "more than %d cohorts: take a longer interval or a later from",
                       RETENTION_MAX_COHORTS);
    *ret_calendar = c;
    return 0;
}

json_t *calendar_name(const struct run *run, const struct calendar *c, json_int_t i)
{
    int64_t us = calendar_at(run, c, i);
    return c->interval == INTERVAL_HOUR ? run_time(run, us) : run_date(run, us);
}

/* The number of a row's interval, -1 before the first. */
static void add_index(const struct run *run, const struct calendar *c, struct query *q,
                      struct buf *out)
{
    buf_puts(out, "transform(");
    interval_start_sql(run, q, c->interval, c->sunday_weeks, out);
    buf_puts(out, ", [");
    for (json_int_t i = 0; i < c->count; i++)
        buf_printf(out, "%s%lld", i > 0 ? ", " : "", (long long)calendar_at(run, c, i));
    buf_printf(out, "], CAST(range(%lld), 'Array(Int32)'), toInt32(-1))", (long long)c->count);
}

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
    source_time_between(s, q, has_history ? INT64_MIN : c->first_us, calendar_at(run, c, c->count),
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

/* The rows that count, as the underscored columns that the grouping reads. */
static void add_rows(const struct run *run, const struct visits *v, bool has_places,
                     struct buf *out)
{
    buf_printf(out, "SELECT CAST(%s, 'String') AS _who, %s AS _i, ", buf_text(&v->who),
               buf_text(&v->index));
    source_time_us(run->source, out);
    buf_printf(out, " AS _us, %s AS _start, %s AS _back, %s AS _ok, %s AS _value, %s AS _order",
               buf_text(&v->start), buf_text(&v->back), buf_text(&v->ok), buf_text(&v->value),
               buf_text(&v->order));
    if (has_places)
        buf_printf(out, ", (_us, %s, %s) AS _place", buf_text(&v->event), buf_text(&v->session));
    buf_printf(out, " FROM %s WHERE %s AND %s AND (%s OR %s)", buf_text(&v->from),
               buf_text(&v->between), buf_text(&v->filters), buf_text(&v->start),
               buf_text(&v->back));
}

/* Nothing but the intervals matters: one aggregation by actor. */
static void add_plain(const char *rows, bool is_first, struct buf *out)
{
    buf_printf(out,
               "SELECT who, CAST([], 'Array(String)') AS v, cohort, came FROM (SELECT who, came, "
               "arrayJoin(begins) AS cohort FROM (SELECT _who AS who, %s AS begins, "
               "groupUniqArrayIf(_i, _back) AS came FROM (%s) WHERE _who != '' GROUP BY _who)) "
               "WHERE cohort >= 0",
               is_first ? "if(countIf(_start) = 0, [], [minIf(_i, _start)])"
                        : "groupUniqArrayIf(_i, _start)",
               rows);
}

/* What the event carries that put the actor in the cohort: first by actor and interval. */
static void add_detailed(const char *rows, bool is_first, bool is_first_ever, bool has_values,
                         bool has_places, struct buf *out)
{
    buf_puts(out, "SELECT who, start.2 AS v, start.1 AS cohort, came");
    if (has_places)
        buf_puts(out, ", start.4.1 AS entered, start.4.2 AS entered_event, "
                      "start.4.3 AS entered_session, visits");
    buf_printf(out, " FROM (SELECT who, came%s, arrayJoin(%s) AS start FROM (SELECT who, ",
               has_places ? ", visits" : "", is_first ? "arraySlice(begins, 1, 1)" : "begins");
    buf_printf(out,
               "arraySort(x -> x.1, groupArrayIf((i, %s, %s, %s), starts > 0)) AS begins, "
               "arraySort(groupArrayIf(i, returns > 0)) AS came",
               has_values ? "value" : "CAST([], 'Array(String)')", is_first_ever ? "ok" : "1",
               has_places ? "place" : "0");
    if (has_places)
        buf_puts(out, ", arrayMap(x -> x.2, arraySort(x -> x.1, groupArrayIf((i, back), "
                      "returns > 0))) AS visits");
    buf_puts(out, " FROM (SELECT _who AS who, _i AS i, countIf(_start) AS starts, "
                  "countIf(_back) AS returns");
    if (has_values)
        buf_puts(out, ", argMinIf(_value, (_us, _order), _start) AS value");
    if (is_first_ever)
        buf_puts(out, ", argMinIf(_ok, (_us, _order), _start) AS ok");
    if (has_places)
        buf_puts(out, ", argMinIf(_place, (_us, _order), _start) AS place, "
                      "argMinIf(_place, (_us, _order), _back) AS back");
    buf_printf(out,
               " FROM (%s) WHERE _who != '' GROUP BY _who, _i) GROUP BY who)) "
               "WHERE start.1 >= 0 AND start.3",
               rows);
}

int retention_visits(const struct run *run, const struct calendar *c, bool has_places,
                     struct query *q, struct buf *out, struct err *ret_err)
{
    const char *kind = json_get_string(run->arguments, "kind", "recurring");
    bool is_first = strcmp(kind, "recurring") != 0;
    bool is_first_ever = strcmp(kind, "first_ever") == 0;
    bool has_values = json_array_size(json_object_get(run->arguments, "breakdown")) > 0;
    struct visits v = {0};
    struct buf rows = {0};
    int rc = gather(run, c, q, is_first, is_first_ever, &v, ret_err);
    if (rc == 0) {
        add_rows(run, &v, has_places, &rows);
        if (has_values || has_places || is_first_ever)
            add_detailed(buf_text(&rows), is_first, is_first_ever, has_values, has_places, out);
        else
            add_plain(buf_text(&rows), is_first, out);
        out->failed |= rows.failed;
    }
    buf_done(&rows);
    visits_done(&v);
    return rc;
}
