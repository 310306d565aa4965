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

int nameless_plan(struct run *run, const json_t *matcher, struct err *ret_err)
{
    struct query q;
    struct buf actor = {0}, from = {0}, where = {0};
    query_init(&q);
    buf_puts(&actor, "CAST(");
    int rc = source_actor(run->source, &q, scope_counted(run), NULL, &actor, ret_err);
    buf_puts(&actor, ", 'String')");
    if (rc == 0)
        rc = where_sql(run, matcher, &q, &where, ret_err);
    source_from(run->source, &q, &from);
    if (rc == 0 && (buf_failed(&actor) || buf_failed(&from) || buf_failed(&where)))
        rc = err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    if (rc == 0)
        rc = run_query(run, &q, &sql_run_nameless,
                       (const struct query_fragment[]){{"actor", buf_text(&actor)},
                                                       {"from", buf_text(&from)},
                                                       {"where", buf_text(&where)},
                                                       {0}},
                       1, ret_err);
    buf_done(&actor);
    buf_done(&from);
    buf_done(&where);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

bool nameless_shape(struct run *run, const char *what)
{
    const json_t *row = json_array_get(run_rows(run, 0), 0);
    json_int_t events = json_integer_value(json_array_get(row, 0));
    if (events == 0 || json_integer_value(json_array_get(row, 1)) > 0)
        return false;
    const char *actor = scope_counted(run);
    char count[48];
    text_things(count, sizeof count, (double)events, "event");
    buf_printf(&run->text,
               "Nobody could be counted: none of the %s '%.100s' of this period names its "
               "%.100s. Count another actor.\n",
               count, what, actor);
    run_warn(run, "none of the %s '%.100s' of the period names its %.100s: count another actor",
             count, what, actor);
    return true;
}
