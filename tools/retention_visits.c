#include "retention.h"

#include "events.h"
#include "json.h"

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

/* _start, _ok: a start that also passes its conditions, _back. */
static int add_matchers(const struct run *run, const struct retention *r, struct events *e,
                        struct err *ret_err)
{
    const json_t *start = json_object_get(run->arguments, "start");
    const json_t *returning = json_object_get(run->arguments, "returning");
    json_t *names = names_only(start);
    int rc = events_match(e, "_start", r->is_first_ever ? names : start, "start", ret_err);
    if (rc == 0 && r->is_first_ever)
        rc = events_match(e, "_ok", start, "start", ret_err);
    if (rc == 0)
        rc = events_match(e, "_back", returning != NULL ? returning : start, "returning", ret_err);
    json_decref(names);
    return rc;
}

int retention_rows(const struct run *run, const struct retention *r, struct query *q,
                   struct buf *out, struct err *ret_err)
{
    const struct calendar *c = &r->calendar;
    struct events e;
    int rc = events_begin(&e, run, q, r->is_first ? INT64_MIN : c->at[0], c->at[c->count], ret_err);
    if (rc < 0)
        return rc;
    rc = add_matchers(run, r, &e, ret_err);
    if (rc < 0) {
        events_drop(&e);
        return rc;
    }
    calendar_column(c, &e, "_i");
    events_where(&e, "_start OR _back");
    events_end(&e, out);
    return 0;
}

/* Intervals as bits of 64-bit words: the bits of the rows that are `flag`, as columns <name>0, …;
 * and the intervals of such columns. */
static void add_masks(json_int_t words, const char *flag, const char *name, struct buf *out)
{
    for (int i = 0; i < (int)words; i++)
        buf_printf(
            out,
            "groupBitOr(bitShiftLeft(toUInt64(%s AND _i >= %d AND _i < %d), bitAnd(_i, 63))) "
            "AS %s%d, ",
            flag, i * 64, i * 64 + 64, name, i);
}

static void add_positions(json_int_t words, const char *name, struct buf *out)
{
    buf_puts(out, "arrayConcat(CAST([], 'Array(Int32)')");
    for (int i = 0; i < (int)words; i++)
        buf_printf(out, ", arrayMap(x -> toInt32(x + %d), bitPositionsToArray(%s%d))", i * 64, name,
                   i);
    buf_puts(out, ")");
}

/* Nothing but the intervals matters: actors who were there in the same ones are counted together.
 * Whose first start was before all of them is in none. */
static void add_plain(const char *rows, const struct retention *r, struct buf *out)
{
    json_int_t words = (r->calendar.count + 63) / 64;
    struct buf starts = {0}, backs = {0}, masks = {0};
    add_masks(words, "_start", "s", &masks);
    add_masks(words, "_back", "b", &masks);
    add_positions(words, "s", &starts);
    add_positions(words, "b", &backs);
    buf_puts(out, "SELECT CAST([], 'Array(String)') AS v, n, cohort, "
                  "arrayFilter(x -> x > 0, arrayMap(x -> toInt32(x - cohort), seen)) AS came FROM "
                  "(SELECT n, seen, arrayJoin(begins) AS cohort FROM (SELECT n, ");
    buf_printf(out, r->is_first ? "if(late, arraySlice(%s, 1, 1), [])" : "%s", buf_text(&starts));
    buf_printf(out, " AS begins, %s AS seen FROM (SELECT *, count() AS n FROM (SELECT ",
               buf_text(&backs));
    buf_printf(out, "%scountIf(_start AND _i < 0) = 0 AS late FROM (%s) GROUP BY _key) GROUP BY ",
               buf_text(&masks), rows);
    for (int i = 0; i < (int)words; i++)
        buf_printf(out, "s%d, b%d, ", i, i);
    buf_puts(out, "late)))");
    buf_done(&starts);
    buf_done(&backs);
    buf_done(&masks);
}

/* What a detailed SELECT has to carry. */
struct detail {
    bool has_values, has_places;
};

/* Per actor and interval: how often, the first start (us, order, value, ok, event, session), and
 * of the returns what the clock needs. */
static void add_intervals(const struct retention *r, struct detail d, const char *rows,
                          struct buf *out)
{
    const char *place = "(_us, _order, _event, _session)";
    buf_puts(out, d.has_places ? "SELECT any(_who) AS actor, " : "SELECT ");
    buf_printf(out,
               "_key AS key, _i AS i, countIf(_start) AS starts, countIf(_back) AS "
               "returns, minIf((_us, _order, %s, %s, %s), _start) AS began, ",
               d.has_values ? "_value" : "CAST([], 'Array(String)')",
               r->is_first_ever ? "_ok" : "1", d.has_places ? "_event, _session" : "'', ''");
    if (r->is_rolling)
        buf_printf(out, "groupArrayIf(%s, _back)", d.has_places ? place : "tuple(_us)");
    else if (d.has_places)
        buf_printf(out, "minIf(%s, _back)", place);
    else
        buf_puts(out, "0");
    buf_printf(out, " AS back FROM (%s) GROUP BY _key, _i", rows);
}

/* Per actor and cohort: start (cohort, (us, order, value, ok, event, session)), and seen: all
 * returns, by the calendar as (interval, first return), else as returns. */
static void add_starts(const struct retention *r, struct detail d, const char *rows,
                       struct query *q, struct buf *out)
{
    buf_printf(out, "SELECT %sseen, arrayJoin(%s) AS start FROM (SELECT ",
               d.has_places ? "who, " : "", r->is_first ? "arraySlice(begins, 1, 1)" : "begins");
    if (d.has_places)
        buf_puts(out, "any(actor) AS who, ");
    buf_puts(out, "arraySort(x -> x.1, groupArrayIf((i, began), starts > 0)) AS begins, ");
    if (r->is_rolling) {
        buf_puts(out, "arraySort(groupArrayArray(back))");
    } else {
        buf_puts(out, "arraySort(x -> x.1, groupArrayIf((i, back), returns >= ");
        query_bind_integer(q, out, r->min_times);
        buf_puts(out, "))");
    }
    buf_puts(out, " AS seen FROM (");
    add_intervals(r, d, rows, out);
    buf_puts(out, ") GROUP BY key)");
}

/* By the calendar: the intervals after the cohort's. */
static void add_calendar_returns(struct detail d, struct buf *out)
{
    buf_puts(out, "arrayFilter(x -> x.1 > start.1, seen) AS later, "
                  "arrayMap(x -> x.1 - start.1, later) AS came");
    if (d.has_places)
        buf_puts(out, ", arrayMap(x -> x.2, later) AS visits");
}

/* From the start on: `passed` is the period of each return, ascending. A period counts at its
 * first return, if min_times - 1 places further on there is still one of it. */
static void add_rolling_returns(const struct retention *r, struct detail d, struct query *q,
                                struct buf *out)
{
    buf_puts(out, "arrayFilter(x -> x.1 - start.2.1 >= ");
    query_bind_integer(q, out, r->length_us);
    buf_puts(out, ", seen) AS later, arrayMap(x -> toInt32(intDiv(x.1 - start.2.1, ");
    query_bind_integer(q, out, r->length_us);
    buf_puts(out, ")), later) AS passed, arrayShiftRight(passed, 1, toInt32(-1)) AS before, "
                  "arrayShiftLeft(passed, ");
    query_bind_integer(q, out, r->min_times - 1);
    buf_puts(out, ", toInt32(-1)) AS often, arrayFilter((x, y, z) -> x != y AND x = z, passed, "
                  "before, often) AS came");
    if (d.has_places)
        buf_puts(out, ", arrayFilter((x, y, z, w) -> y != z AND y = w, later, passed, before, "
                      "often) AS visits");
}

static void add_detailed(const struct retention *r, struct detail d, const char *rows,
                         struct query *q, struct buf *out)
{
    buf_puts(out, "SELECT start.2.3 AS v, 1 AS n, start.1 AS cohort, ");
    if (d.has_places)
        buf_puts(out, "who, start.2.1 AS entered, start.2.2 AS entered_order, "
                      "start.2.5 AS entered_event, start.2.6 AS entered_session, ");
    if (r->is_rolling)
        add_rolling_returns(r, d, q, out);
    else
        add_calendar_returns(d, out);
    buf_puts(out, " FROM (");
    add_starts(r, d, rows, q, out);
    buf_puts(out, ") WHERE start.1 >= 0 AND start.2.4");
}

int retention_visits(const struct run *run, const struct retention *r, bool has_places,
                     struct query *q, struct buf *out, struct err *ret_err)
{
    struct detail d = {.has_values =
                           json_array_size(json_object_get(run->arguments, "breakdown")) > 0,
                       .has_places = has_places};
    struct buf rows = {0};
    int rc = retention_rows(run, r, q, &rows, ret_err);
    if (rc == 0) {
        if (d.has_values || d.has_places || r->is_first_ever || r->is_rolling || r->min_times > 1)
            add_detailed(r, d, buf_text(&rows), q, out);
        else
            add_plain(buf_text(&rows), r, out);
    }
    buf_done(&rows);
    return rc;
}

/* How many brackets end before each period, and the one it lies in. */
static void add_brackets(const struct retention *r, struct query *q, struct buf *out)
{
    buf_puts(out, "arrayDistinct(arrayMap(x -> toInt32(1 + arrayCount(y -> y < x, [");
    for (json_int_t i = 1; i < r->columns; i++) {
        json_int_t first, last;
        retention_periods(r, i, &first, &last);
        buf_puts(out, i > 1 ? ", " : "");
        query_bind_integer(q, out, last);
    }
    buf_puts(out, "])), came))");
}

void retention_columns(const struct retention *r, struct query *q, struct buf *out)
{
    struct buf columns = {0};
    if (r->brackets != NULL)
        add_brackets(r, q, &columns);
    else
        buf_puts(&columns, "came");
    if (r->is_after) {
        buf_printf(out, "range(1, toUInt32(least(1 + arrayMax(%s), ", buf_text(&columns));
        query_bind_integer(q, out, r->columns);
        buf_puts(out, ")))");
    } else {
        buf_puts(out, "arrayFilter(x -> x < ");
        query_bind_integer(q, out, r->columns);
        buf_printf(out, ", %s)", buf_text(&columns));
    }
    buf_done(&columns);
}
