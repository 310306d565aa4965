/* Duplicates, names that are nearly the same, events without an actor or a session, the clock. */
#include <string.h>

#include "json.h"
#include "quality.h"
#include "rows_where.h"
#include "sql_text.h"
#include "text.h"

enum { HASHED_ROWS = 2000000, ORDERED_ROWS = 5000000, MAX_NAMED = 5, FRAGMENTS = 5 };
enum { MAX_DUPLICATES = 20, MAX_COMPARED = 500, MAX_SIMILAR = 50, MAX_NAMES = 5000 }; /* rows */

int quality_plan_rows(struct run *run, const char *name, const struct sql_text *text, bool is_whole,
                      struct query *q, const struct query_fragment *parts, size_t most,
                      struct err *ret_err)
{
    const struct period *p = &run->period;
    struct buf where = {0}, from = {0};
    struct query_fragment all[FRAGMENTS + 3];
    size_t count = 0;
    for (; parts[count].slot != NULL; count++)
        all[count] = parts[count];
    int rc = rows_where(run, q, is_whole ? INT64_MIN : p->from_us, is_whole ? INT64_MAX : p->to_us,
                        NULL, &where, ret_err);
    source_from(run->source, q, &from);
    all[count++] = (struct query_fragment){"where", buf_text(&where)};
    all[count++] = (struct query_fragment){"from", buf_text(&from)};
    all[count] = (struct query_fragment){0};
    if (rc == 0)
        rc = run_query(run, q, text, all, most, ret_err);
    if (rc >= 0)
        quality_note(run, name, rc);
    buf_done(&where);
    buf_done(&from);
    return rc < 0 ? rc : 0;
}

static const json_t *rows_of(const struct run *run, const char *name)
{
    int query = quality_query(run, name);
    return query >= 0 ? run_rows(run, query) : NULL;
}

static const char *text_at(const json_t *row, size_t i)
{
    const char *text = json_at_string(row, i);
    return text != NULL ? text : "";
}

/* --- duplicates ----------------------------------------------------------------------------- */

static void add_columns(const struct run *run, struct query *q, struct buf *out)
{
    const struct source *s = run->source;
    rows_logical(run, q, SOURCE_ACTOR, out);
    buf_puts(out, ", ");
    rows_logical(run, q, SOURCE_EVENT, out);
    buf_puts(out, ", ");
    rows_logical(run, q, SOURCE_SESSION, out);
    buf_puts(out, ", ");
    rows_logical(run, q, SOURCE_DURATION, out);
    buf_puts(out, ", ");
    sql_identifier(out, s->time.column);
    for (size_t i = 0; i < s->property_count; i++) {
        const struct place *p = &s->properties[i];
        struct buf container = {0};
        sql_identifier(&container, p->column);
        buf_printf(out, p->kind == PLACE_MAP ? ", mapKeys(%s), mapValues(%s)" : ", toString(%s)",
                   buf_text(&container), buf_text(&container));
        buf_done(&container);
    }
    const char *column;
    json_t *type;
    if (s->property_count > 0)
        return;
    json_object_foreach (s->columns, column, type) /* then these are the properties */
        if (source_is_plain_column(s, column) &&
            (s->order == NULL || strcmp(s->order, column) != 0)) {
            buf_puts(out, ", ifNull(toString(");
            sql_identifier(out, column);
            buf_puts(out, "), '')");
        }
}

int quality_duplicates_plan(struct run *run, struct err *ret_err)
{
    struct query q;
    struct buf event = {0}, columns = {0}, sample = {0};
    query_init(&q);
    query_set_integer(&q, "limit", MAX_DUPLICATES + 1);
    quality_sample(run, &q, HASHED_ROWS, &sample);
    rows_logical(run, &q, SOURCE_EVENT, &event);
    add_columns(run, &q, &columns);
    int rc = quality_plan_rows(run, "duplicates", &sql_quality_duplicates, false, &q,
                               (const struct query_fragment[]){{"event", buf_text(&event)},
                                                               {"columns", buf_text(&columns)},
                                                               {"sample", buf_text(&sample)},
                                                               {0}},
                               MAX_DUPLICATES, ret_err);
    query_done(&q);
    buf_done(&event);
    buf_done(&columns);
    buf_done(&sample);
    return rc;
}

void quality_duplicates_shape(struct run *run)
{
    const json_t *rows = rows_of(run, "duplicates");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        double extra = json_at_number(row, 1), share = extra / json_at_number(row, 3);
        char count[32], percent[32], most[32];
        quality_add(run, "duplicates",
                    share >= 0.01    ? QUALITY_HIGH
                    : share >= 0.001 ? QUALITY_MEDIUM
                                     : QUALITY_LOW,
                    text_at(row, 0), extra,
                    "Send events once, or drop repeated rows when loading; counts of events are "
                    "too high until then.",
                    "%s of the events '%.100s' (%s) %s another one in actor, time, session and "
                    "all properties, up to %s of a kind.",
                    text_count(count, sizeof count, extra), text_at(row, 0),
                    text_percent(percent, sizeof percent, share),
                    text_verb(extra, "repeats", "repeat"),
                    text_count(most, sizeof most, json_at_number(row, 2)));
    }
    quality_cut(run, "duplicates", MAX_DUPLICATES, "event names with duplicates are listed");
    if (rows != NULL && quality_every(run, HASHED_ROWS) > 1)
        run_warn(run, "duplicates were looked for in one of %lld events",
                 (long long)quality_every(run, HASHED_ROWS));
}

/* --- similar names --------------------------------------------------------------------------- */

int quality_names_plan(struct run *run, struct err *ret_err)
{
    struct query q;
    struct buf event = {0};
    query_init(&q);
    query_set_integer(&q, "names", MAX_COMPARED + 1);
    query_set_integer(&q, "limit", MAX_SIMILAR + 1);
    rows_logical(run, &q, SOURCE_EVENT, &event);
    int rc = quality_plan_rows(run, "names", &sql_quality_names, false, &q,
                               (const struct query_fragment[]){{"event", buf_text(&event)}, {0}},
                               MAX_SIMILAR + 2, ret_err);
    query_done(&q);
    buf_done(&event);
    return rc;
}

/* The row without a name says how many were compared. */
void quality_names_shape(struct run *run)
{
    const json_t *rows = rows_of(run, "names");
    size_t shown = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (text_at(row, 0)[0] == '\0') {
            if (json_at_number(row, 1) > MAX_COMPARED)
                quality_say_cut(run, MAX_COMPARED, "event names, the most frequent, were compared");
            continue;
        }
        if (++shown > MAX_SIMILAR) {
            quality_say_cut(run, MAX_SIMILAR, "similar names are listed");
            continue;
        }
        bool is_spelling = json_at_number(row, 4) > 0;
        char more[48], fewer[32];
        quality_add(run, "similar_names", is_spelling ? QUALITY_MEDIUM : QUALITY_LOW,
                    text_at(row, 2), json_at_number(row, 3),
                    is_spelling ? "Use one spelling; until then name the other one in renamed_from "
                                  "of the source's configuration."
                                : "If they mean the same, name the rarer one in renamed_from of "
                                  "the source's configuration.",
                    "'%.100s' (%s) and '%.100s' (%s) differ %s.", text_at(row, 0),
                    text_things(more, sizeof more, json_at_number(row, 1), "event"),
                    text_at(row, 2), text_count(fewer, sizeof fewer, json_at_number(row, 3)),
                    is_spelling ? "only in case and punctuation" : "in a letter or two");
    }
}

/* --- without actor or session ----------------------------------------------------------------- */

int quality_nulls_plan(struct run *run, struct err *ret_err)
{
    struct query q;
    struct buf event = {0}, actor = {0}, session = {0};
    query_init(&q);
    query_set_integer(&q, "limit", MAX_NAMES + 1);
    rows_logical(run, &q, SOURCE_EVENT, &event);
    rows_logical(run, &q, SOURCE_ACTOR, &actor);
    rows_logical(run, &q, SOURCE_SESSION, &session);
    int rc = quality_plan_rows(run, "nulls", &sql_quality_nulls, false, &q,
                               (const struct query_fragment[]){{"event", buf_text(&event)},
                                                               {"actor", buf_text(&actor)},
                                                               {"session", buf_text(&session)},
                                                               {0}},
                               MAX_NAMES, ret_err);
    query_done(&q);
    buf_done(&event);
    buf_done(&actor);
    buf_done(&session);
    return rc;
}

/* Names of which some events lack what others have, and those that lack it altogether. */
struct lack {
    double events, missing, partly, names, whole_names;
    struct buf examples;
};

static struct lack count_lack(const json_t *rows, size_t column)
{
    struct lack l = {0};
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        double events = json_at_number(row, 1), missing = json_at_number(row, column);
        l.events += events;
        l.missing += missing;
        l.whole_names += missing >= events;
        if (missing <= 0 || missing >= events)
            continue;
        char share[32];
        l.partly += missing;
        if (++l.names <= MAX_NAMED)
            buf_printf(&l.examples, "%s'%.60s' %s", l.names > 1 ? ", " : "", text_at(row, 0),
                       text_percent(share, sizeof share, missing / events));
    }
    return l;
}

static void judge_lack(struct run *run, const char *field, struct lack *l)
{
    char count[48], whole[48], names[48];
    text_things(count, sizeof count, l->partly, "event");
    text_things(whole, sizeof whole, l->missing - l->partly, "event");
    text_things(names, sizeof names, l->whole_names, "event name");
    double share = l->events > 0 ? l->partly / l->events : 0;
    bool is_actor = strcmp(field, "actor") == 0;
    if (l->events > 0 && l->missing >= l->events)
        quality_add(run, "nulls", is_actor ? QUALITY_HIGH : QUALITY_MEDIUM, field, l->missing,
                    "Map the column that names it in the source's configuration.",
                    "None of the events of the period names its %s.", field);
    else if (l->partly > 0)
        quality_add(run, "nulls",
                    share >= 0.05 && is_actor ? QUALITY_HIGH
                    : share >= 0.01           ? QUALITY_MEDIUM
                                              : QUALITY_LOW,
                    field, l->partly,
                    "Send it with every event, or map a fallback; what somebody did before the "
                    "login can be stitched to the user (stitch).",
                    "%s %s the %s that others of the same name have: %s.", count,
                    text_verb(l->partly, "lacks", "lack"), field, buf_text(&l->examples));
    if (l->missing < l->events && l->whole_names > 0)
        quality_add(run, "nulls", QUALITY_LOW, field, l->missing - l->partly,
                    "Nothing, if these are events of machines; else send it with them.",
                    "%s never %s the %s (%s).", names,
                    text_verb(l->whole_names, "carries", "carry"), field, whole);
    buf_done(&l->examples);
}

void quality_nulls_shape(struct run *run)
{
    const json_t *rows = rows_of(run, "nulls");
    const struct source *s = run->source;
    quality_cut(run, "nulls", MAX_NAMES,
                "event names were looked at for missing actors and sessions");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        char count[48];
        if (text_at(row, 0)[0] == '\0')
            quality_add(run, "nulls", QUALITY_HIGH, "event", json_at_number(row, 1),
                        "Send a name with every event; without one no tool can mean it.",
                        "%s %s no name.",
                        text_things(count, sizeof count, json_at_number(row, 1), "event"),
                        text_verb(json_at_number(row, 1), "has", "have"));
    }
    struct lack actors = count_lack(rows, 2), sessions = count_lack(rows, 3);
    if (s->fields[SOURCE_ACTOR].count > 0)
        judge_lack(run, "actor", &actors);
    if (s->fields[SOURCE_SESSION].count > 0)
        judge_lack(run, "session", &sessions);
    buf_done(&actors.examples);
    buf_done(&sessions.examples);
}

/* --- the clock -------------------------------------------------------------------------------- */

static int plan_sessions(struct run *run, struct err *ret_err)
{
    struct query q;
    struct buf session = {0}, time = {0};
    query_init(&q);
    rows_logical(run, &q, SOURCE_SESSION, &session);
    source_time_us(run->source, &time);
    int rc =
        quality_plan_rows(run, "sessions", &sql_quality_sessions, false, &q,
                          (const struct query_fragment[]){
                              {"session", buf_text(&session)}, {"time_us", buf_text(&time)}, {0}},
                          1, ret_err);
    query_done(&q);
    buf_done(&session);
    buf_done(&time);
    return rc;
}

static int plan_order(struct run *run, struct err *ret_err)
{
    struct query q;
    struct buf order = {0}, time = {0};
    query_init(&q);
    sql_identifier(&order, run->source->order);
    source_time_us(run->source, &time);
    int rc = quality_plan_rows(run, "order", &sql_quality_order, false, &q,
                               (const struct query_fragment[]){
                                   {"order", buf_text(&order)}, {"time_us", buf_text(&time)}, {0}},
                               1, ret_err);
    query_done(&q);
    buf_done(&order);
    buf_done(&time);
    return rc;
}

int quality_clock_plan(struct run *run, struct err *ret_err)
{
    const struct source *s = run->source;
    struct query q;
    struct buf time = {0}, is_null = {0};
    query_init(&q);
    source_time_us(s, &time);
    buf_puts(&is_null, "isNull(");
    sql_identifier(&is_null, s->time.column);
    buf_putc(&is_null, ')');
    int rc =
        quality_plan_rows(run, "clock", &sql_quality_clock, true, &q,
                          (const struct query_fragment[]){
                              {"is_null", buf_text(&is_null)}, {"time_us", buf_text(&time)}, {0}},
                          1, ret_err);
    query_done(&q);
    buf_done(&time);
    buf_done(&is_null);
    if (rc == 0 && s->fields[SOURCE_SESSION].count > 0)
        rc = plan_sessions(run, ret_err);
    if (rc == 0 && s->order != NULL && s->rows <= ORDERED_ROWS)
        rc = plan_order(run, ret_err);
    return rc;
}

static void judge_times(struct run *run, const json_t *row)
{
    char count[48];
    json_t *last = run_time(run, json_at_integer(row, 3));
    json_t *first = run_time(run, json_at_integer(row, 5));
    if (json_at_number(row, 1) > 0)
        quality_add(run, "clock", QUALITY_HIGH, "time", json_at_number(row, 1),
                    "Send a time with every event; without one it is in no period.",
                    "%s %s no time.",
                    text_things(count, sizeof count, json_at_number(row, 1), "event"),
                    text_verb(json_at_number(row, 1), "has", "have"));
    if (json_at_number(row, 2) > 0)
        quality_add(run, "clock", QUALITY_HIGH, "time", json_at_number(row, 2),
                    "Correct the senders' clocks or the unit of the time; periods that end with "
                    "the data end in the future.",
                    "%s %s in the future, the last at %s.",
                    text_things(count, sizeof count, json_at_number(row, 2), "event"),
                    text_verb(json_at_number(row, 2), "lies", "lie"), json_string_value(last));
    if (json_at_number(row, 4) > 0)
        quality_add(run, "clock", QUALITY_HIGH, "time", json_at_number(row, 4),
                    "Correct the unit or the default of the time: seconds read as milliseconds and "
                    "missing times end there.",
                    "%s %s before 2000, the first at %s.",
                    text_things(count, sizeof count, json_at_number(row, 4), "event"),
                    text_verb(json_at_number(row, 4), "lies", "lie"), json_string_value(first));
    json_decref(last);
    json_decref(first);
}

void quality_clock_shape(struct run *run)
{
    const json_t *row = json_array_get(rows_of(run, "clock"), 0);
    char count[32], whole[48], length[48];
    if (row != NULL)
        judge_times(run, row);
    row = json_array_get(rows_of(run, "sessions"), 0);
    if (row != NULL && json_at_number(row, 1) > 0)
        quality_add(run, "clock",
                    json_at_number(row, 1) > json_at_number(row, 0) / 100 ? QUALITY_MEDIUM
                                                                          : QUALITY_LOW,
                    "session", json_at_number(row, 1),
                    "End a session after a time without events; check whether ids are used again.",
                    "%s of %s %s longer than a day; '%.100s' lasts %s.",
                    text_count(count, sizeof count, json_at_number(row, 1)),
                    text_things(whole, sizeof whole, json_at_number(row, 0), "session"),
                    text_verb(json_at_number(row, 1), "lasts", "last"), text_at(row, 3),
                    text_duration(length, sizeof length, json_at_number(row, 2) / 1e6));
    row = json_array_get(rows_of(run, "order"), 0);
    if (row != NULL && json_at_number(row, 1) > 0)
        quality_add(run, "clock", QUALITY_LOW, "time", json_at_number(row, 1),
                    "Nothing, if the file was sorted otherwise; else check the senders' clocks, "
                    "since the import order decides between equal times.",
                    "%s of %s %s imported after others that are more than an hour "
                    "younger, up to %s.",
                    text_count(count, sizeof count, json_at_number(row, 1)),
                    text_things(whole, sizeof whole, json_at_number(row, 0), "event"),
                    text_verb(json_at_number(row, 1), "was", "were"),
                    text_duration(length, sizeof length, json_at_number(row, 2) / 1e6));
}
