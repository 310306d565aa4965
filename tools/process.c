#include "process.h"

#include "json.h"
#include "segment.h"
#include "sql_text.h"
#include "text.h"

void process_done(struct process *p)
{
    buf_done(&p->case_id);
    buf_done(&p->event);
    buf_done(&p->time_us);
    buf_done(&p->order);
    buf_done(&p->selected);
    buf_done(&p->segment);
    buf_done(&p->from);
}

/* Whole cases are selected: by their first event, and by having an event that passes the filters.
 */
static int selection(struct process *p, const struct run *run, struct query *q, struct err *ret_err)
{
    const struct period *period = &run->period;
    const json_t *filters = json_object_get(run->arguments, "filters");
    bool has_filters = json_array_size(filters) > 0;
    if (period->from_given || period->to_given) {
        buf_printf(&p->selected, "min(%s) >= ", buf_text(&p->time_us));
        query_bind_integer(q, &p->selected, period->from_us);
        buf_printf(&p->selected, " AND min(%s) < ", buf_text(&p->time_us));
        query_bind_integer(q, &p->selected, period->to_us);
    } else if (!has_filters) {
        buf_puts(&p->selected, "1");
    }
    if (!has_filters)
        return 0;
    buf_puts(&p->selected, p->selected.len > 0 ? " AND countIf(" : "countIf(");
    int rc = source_filters(run->source, q, filters, &p->selected, ret_err);
    buf_puts(&p->selected, ") > 0");
    if (rc < 0)
        err_prefix(ret_err, "filters");
    return rc;
}

static int segment(struct process *p, const struct run *run, struct query *q, struct err *ret_err)
{
    const json_t *segment = json_object_get(run->arguments, "segment");
    if (segment == NULL) {
        buf_putc(&p->segment, '1');
        return 0;
    }
    int rc =
        segment_condition(run, q, segment, "case", buf_text(&p->case_id), &p->segment, ret_err);
    if (rc < 0)
        err_prefix(ret_err, "segment");
    return rc;
}

int process_init(struct process *p, const struct run *run, struct query *q, struct err *ret_err)
{
    const struct source *s = run->source;
    *p = (struct process){0};
    int rc = source_case(s, q, json_get_string(run->arguments, "case", NULL), &p->case_id, ret_err);
    if (rc < 0 && ret_err->field[0] == '\0')
        err_prefix(ret_err, "case");
    if (rc == 0)
        rc = source_logical(s, q, SOURCE_EVENT, &p->event, ret_err);
    source_time_us(s, &p->time_us);
    if (s->order != NULL)
        sql_identifier(&p->order, s->order);
    else if (rc == 0)
        buf_puts(&p->order, buf_text(&p->event));
    if (rc == 0)
        rc = selection(p, run, q, ret_err);
    if (rc == 0)
        rc = segment(p, run, q, ret_err);
    source_from(s, q, &p->from);
    if (rc < 0)
        process_done(p);
    return rc;
}

int process_plan_cases(struct run *run, struct err *ret_err)
{
    struct query q;
    struct process p;
    query_init(&q);
    int rc = process_init(&p, run, &q, ret_err);
    if (rc == 0) {
        query_set_integer(&q, "until_us", run->period.complete_until_us);
        rc = run_query(run, &q, &sql_process_cases,
                       (const struct query_fragment[]){{"case", buf_text(&p.case_id)},
                                                       {"time_us", buf_text(&p.time_us)},
                                                       {"from", buf_text(&p.from)},
                                                       {"selected", buf_text(&p.selected)},
                                                       {"segment", buf_text(&p.segment)},
                                                       {0}},
                       1, ret_err);
        process_done(&p);
    }
    query_done(&q);
    return rc;
}

int64_t process_shape_cases(struct run *run, int query)
{
    const json_t *row = json_array_get(run_rows(run, query), 0);
    int64_t cases = json_at_integer(row, 0);
    int64_t open = json_at_integer(row, 2);
    char some[48];
    if (open > 0 && open < cases)
        run_warn(run,
                 "%s %s unfinished: the last event is nearer to the end of the data than a typical "
                 "case is long",
                 text_things(some, sizeof some, (double)open, "case"),
                 text_verb((double)open, "looks", "look"));
    return cases;
}
