#include "attribution.h"

#include <stdio.h>
#include <string.h>

#include "events.h"
#include "json.h"
#include "within.h"

int attribution_read(const struct run *run, struct attribution *ret_attribution,
                     struct err *ret_err)
{
    static const char *const names[] = {
        [ATTRIBUTE_FIRST] = "first",   [ATTRIBUTE_LAST] = "last",
        [ATTRIBUTE_LINEAR] = "linear", [ATTRIBUTE_POSITION] = "position",
        [ATTRIBUTE_DECAY] = "decay",   [ATTRIBUTE_NEAREST] = "nearest",
        [ATTRIBUTE_MARKOV] = "markov", [ATTRIBUTE_PROBABILISTIC] = "probabilistic",
    };
    const char *model = json_get_string(run->arguments, "model", "last");
    struct attribution a = {0};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], model) == 0)
            a.model = (enum attribution_model)i;
    int rc = within_read(run->arguments, &a.within_us, ret_err);
    if (rc == 0)
        *ret_attribution = a;
    return rc;
}

/* Without a matcher a touch is any event with a value of the field. */
static int add_touch(struct events *e, struct err *ret_err)
{
    const json_t *arguments = e->run->arguments, *touch = json_object_get(arguments, "touch");
    int rc = events_field(e, "_field", json_get_string(arguments, "field", ""), "field", ret_err);
    if (rc == 0 && touch != NULL)
        rc = events_match(e, "_touch", touch, "touch", ret_err);
    else if (rc == 0)
        events_column(e, "_touch", "_field != ''");
    return rc;
}

int attribution_touches(const struct run *run, struct query *q, struct buf *out,
                        struct err *ret_err)
{
    struct events e;
    int rc = events_begin(&e, run, q, run->period.from_us, run->period.to_us, ret_err);
    if (rc < 0)
        return rc;
    rc = add_touch(&e, ret_err);
    events_column(&e, "_channel", "_field");
    events_where(&e, "_touch");
    if (rc < 0)
        events_drop(&e);
    else
        events_end(&e, out);
    return rc;
}

/* Conversions of the period, and touches since a window before it. */
static int add_rows(const struct run *run, const struct attribution *a, struct query *q,
                    struct buf *out, struct err *ret_err)
{
    struct events e;
    struct buf from = {0};
    int64_t from_us = run->period.from_us;
    int rc = events_begin(&e, run, q, from_us - a->within_us, run->period.to_us, ret_err);
    if (rc < 0)
        return rc;
    rc = add_touch(&e, ret_err);
    if (rc == 0)
        rc = events_match(&e, "_match", json_object_get(run->arguments, "conversion"), "conversion",
                          ret_err);
    query_bind_integer(q, &from, from_us);
    events_column(&e, "_conversion", "toUInt8(_match AND _us >= %s)", buf_text(&from));
    events_column(&e, "_channel", "if(_touch, _field, '')");
    events_where(&e, "_touch OR _conversion");
    buf_done(&from);
    if (rc < 0)
        events_drop(&e);
    else
        events_end(&e, out);
    return rc;
}

/* What stands in a statement of journeys. */
struct parts {
    const char *rows, *window, *from; /* SQL */
    const char *kept;                 /* NULL = all channels */
    const char *taken;                /* of the touches in the window */
    bool has_lost, has_places;
};

/* A channel, or its number among those kept. */
static void add_channel(const struct parts *p, const char *value, struct buf *out)
{
    if (p->kept == NULL)
        buf_puts(out, value);
    else
        buf_printf(out, "toString(indexOf(%s, %s))", p->kept, value);
}

/* The touch nearest before each conversion. Events are numbered in their order, since times alone
 * would leave open which of one time comes first. */
static void join_nearest(const struct parts *p, struct buf *out)
{
    struct buf events = {0};
    buf_printf(&events,
               "SELECT *, row_number() OVER (PARTITION BY _who ORDER BY _us, _order, _conversion, "
               "_touch, _channel) AS _n FROM (%s)",
               p->rows);
    buf_printf(out,
               "SELECT _conversions._who AS who, toUInt8(0) AS is_lost, _conversions._us AS at, "
               "%sif(ifNull(_touches._n, 0) > 0 AND "
               "ifNull(_touches._us, 0) >= _conversions._us - %s, "
               "[(ifNull(_touches._us, 0), ",
               p->has_places ? "(_conversions._event, _conversions._session) AS place, " : "",
               p->window);
    add_channel(p, "ifNull(_touches._channel, '')", out);
    buf_printf(out,
               ")], []) AS path FROM (SELECT * FROM (%s) WHERE _conversion) AS _conversions "
               "ASOF LEFT JOIN (SELECT _who, _us, _channel, _n FROM (%s) WHERE _touch) AS _touches "
               "ON _conversions._who = _touches._who AND _conversions._n > _touches._n",
               buf_text(&events), buf_text(&events));
    buf_done(&events);
}

/* Per actor all events in one sorted array `e`, with a row for each conversion. `next` is the time
 * of the first conversion after each event, to find the touches that none follows. */
static void sort_events(const struct parts *p, struct buf *out)
{
    const char *next = ", arrayPopFront(arrayReverseFill((x, y) -> y, "
                       "arrayPushBack(arrayMap(x -> x.1, e), toInt64(4611686018427387904)), "
                       "arrayPushBack(arrayMap(x -> x.3, e), toUInt8(0)))) AS next";
    buf_printf(out,
               "SELECT _who, e%s, arrayJoin(arrayConcat(arrayFilter(y -> y.2 > 0, "
               "arrayMap((x, i) -> (x.1, toUInt64(if(x.3, i, 0))), e, arrayEnumerate(e))), %s)) "
               "AS end FROM (SELECT _who, arraySort(groupArray((_us, _order, _conversion, "
               "toUInt8(_touch), _channel%s))) AS e FROM (%s) GROUP BY _who%s)",
               p->has_lost ? next : "",
               p->has_lost ? "[(toInt64(0), toUInt64(0))]"
                           : "CAST([], 'Array(Tuple(Int64, UInt64))')",
               p->has_places ? ", (_event, _session)" : "", p->rows,
               p->has_lost ? "" : " HAVING max(_conversion)");
}

/* The touches that lie before each conversion: at its own time those that come first in the import.
 */
static void gather(const struct parts *p, struct buf *out)
{
    struct buf events = {0}, lost = {0};
    sort_events(p, &events);
    if (p->has_lost)
        buf_printf(&lost, "arrayFilter((x, y) -> x.4 AND x.1 >= %s AND y - x.1 > %s, e, next)",
                   p->from, p->window);
    buf_printf(out, "SELECT who, is_lost, at, %s%s AS path FROM (SELECT _who AS who, ",
               p->has_places ? "place, " : "", p->taken);
    buf_printf(out, "toUInt8(end.2 = 0) AS is_lost, end.1 AS at, %sarrayMap(x -> (x.1, ",
               p->has_places ? "e[greatest(end.2, 1)].6 AS place, " : "");
    add_channel(p, "x.5", out);
    buf_printf(out,
               "), if(end.2 > 0, arrayFilter((x, i) -> x.4 AND i < end.2 AND x.1 >= end.1 - %s, e, "
               "arrayEnumerate(e)), %s)) AS touched FROM (%s))",
               p->window, p->has_lost ? buf_text(&lost) : "[]", buf_text(&events));
    buf_done(&events);
    buf_done(&lost);
}

int attribution_journeys(const struct run *run, const struct attribution *a, unsigned flags,
                         const json_t *kept, struct query *q, struct buf *out, struct err *ret_err)
{
    struct buf rows = {0}, window = {0}, from = {0}, names = {0};
    int rc = add_rows(run, a, q, &rows, ret_err);
    query_bind_integer(q, &window, a->within_us);
    query_bind_integer(q, &from, run->period.from_us);
    if (kept != NULL)
        query_bind_texts(q, &names, kept);
    struct parts p = {.rows = buf_text(&rows),
                      .window = buf_text(&window),
                      .from = buf_text(&from),
                      .kept = kept != NULL ? buf_text(&names) : NULL,
                      .taken = a->model == ATTRIBUTE_FIRST  ? "arraySlice(touched, 1, 1)"
                               : a->model == ATTRIBUTE_LAST ? "arraySlice(touched, -1, 1)"
                                                            : "touched",
                      .has_lost = flags & JOURNEYS_LOST,
                      .has_places = flags & JOURNEYS_PLACES};
    if (rc == 0 && a->model == ATTRIBUTE_NEAREST)
        join_nearest(&p, out);
    else if (rc == 0)
        gather(&p, out);
    struct buf *all[] = {&rows, &window, &from, &names};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_done(all[i]);
    return rc;
}
