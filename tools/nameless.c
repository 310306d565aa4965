#include "nameless.h"

#include "json.h"
#include "segment.h"
#include "sql_text.h"
#include "text.h"

static size_t restriction(const struct run *run)
{
    return (json_array_size(json_object_get(run->arguments, "filters")) > 0 ? 1U : 0U) +
           (json_object_get(run->arguments, "segment") != NULL ? 2U : 0U);
}

const char *nameless_restriction(const struct run *run)
{
    static const char *const phrases[] = {"", " that passes the filters", " of the segment",
                                          " that passes filters and segment"};
    return phrases[restriction(run)];
}

const char *nameless_among(const struct run *run)
{
    static const char *const phrases[] = {"", ", among what passes the filters",
                                          ", among the actors of the segment",
                                          ", among what passes filters and segment"};
    return phrases[restriction(run)];
}

static int where_sql(const struct run *run, const json_t *matcher, struct query *q, struct buf *out,
                     struct err *ret_err)
{
    source_time_between(run->source, q, run->period.from_us, run->period.to_us, out);
    buf_puts(out, " AND ");
    int rc =
        source_filters(run->source, q, json_object_get(run->arguments, "filters"), out, ret_err);
    if (rc < 0)
        return rc;
    buf_puts(out, " AND ");
    return source_matcher(run->source, q, matcher, out, ret_err);
}

/* Whether a row's actor is of the call's segment; without one, all are. */
static int member_sql(const struct run *run, struct query *q, const char *actor, struct buf *out,
                      struct err *ret_err)
{
    const json_t *segment = json_object_get(run->arguments, "segment");
    if (segment == NULL) {
        buf_putc(out, '1');
        return 0;
    }
    int rc = segment_condition(run, q, segment, scope_counted(run), actor, out, ret_err);
    if (rc < 0)
        err_prefix(ret_err, "segment");
    return rc;
}

int nameless_plan(struct run *run, const json_t *matcher, struct err *ret_err)
{
    struct query q;
    struct buf actor = {0}, member = {0}, from = {0}, where = {0};
    query_init(&q);
    buf_puts(&actor, "CAST(");
    int rc = source_actor(run->source, &q, scope_counted(run),
                          json_get_string(run->arguments, "case", NULL), &actor, ret_err);
    buf_puts(&actor, ", 'String')");
    if (rc == 0)
        rc = member_sql(run, &q, buf_text(&actor), &member, ret_err);
    if (rc == 0)
        rc = where_sql(run, matcher, &q, &where, ret_err);
    source_from(run->source, &q, &from);
    if (rc == 0)
        rc = run_query(run, &q, &sql_run_nameless,
                       (const struct query_fragment[]){{"actor", buf_text(&actor)},
                                                       {"member", buf_text(&member)},
                                                       {"from", buf_text(&from)},
                                                       {"where", buf_text(&where)},
                                                       {0}},
                       1, ret_err);
    buf_done(&actor);
    buf_done(&member);
    buf_done(&from);
    buf_done(&where);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

enum found { FOUND_MEMBERS, FOUND_OTHERS, FOUND_UNNAMED };

json_int_t nameless_events(const struct run *run)
{
    return json_at_integer(json_array_get(run_rows(run, 0), 0), 0);
}

/* Whom the events name. */
static enum found find(const struct run *run)
{
    const json_t *row = json_array_get(run_rows(run, 0), 0);
    bool has_names = json_at_integer(row, 1) > 0;
    bool has_members = json_at_integer(row, 2) > 0;
    if (nameless_events(run) == 0 || has_members)
        return FOUND_MEMBERS;
    return has_names ? FOUND_OTHERS : FOUND_UNNAMED;
}

bool nameless_warn(struct run *run, const char *what)
{
    char count[48];
    enum found found = find(run);
    text_things(count, sizeof count, (double)nameless_events(run), "event");
    if (found == FOUND_UNNAMED)
        run_warn(run, "none of the %s '%.100s' of the period names its %.100s: count another actor",
                 count, what, scope_counted(run));
    else if (found == FOUND_OTHERS)
        run_warn(run, "none of the %s '%.100s' of the period is of the segment", count, what);
    return found != FOUND_MEMBERS;
}

bool nameless_shape(struct run *run, const char *what)
{
    char count[48];
    enum found found = find(run);
    double events = (double)nameless_events(run);
    text_things(count, sizeof count, events, "event");
    if (found == FOUND_UNNAMED)
        buf_printf(&run->text,
                   "Nobody could be counted: none of the %s '%.100s' of this period names its "
                   "%.100s. Count another actor.\n",
                   count, what, scope_counted(run));
    else if (found == FOUND_OTHERS)
        buf_printf(
            &run->text,
            "Nobody of the segment is counted: the %s '%.100s' of this period %s of others.\n",
            count, what, text_verb(events, "is", "are all"));
    return nameless_warn(run, what);
}
