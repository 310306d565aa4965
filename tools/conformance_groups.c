/* The queries of conformance_check: cases that have the same in common. */
#include "align.h"
#include "conformance.h"
#include "sql_text.h"

static bool needs_plan(const struct run *run, const struct conformance_model *model)
{
    return model->plan != NULL && (model->needs_plan == NULL || model->needs_plan(run));
}

bool conformance_is_of_traces(const struct run *run)
{
    const struct conformance_model *model = conformance_model_of(run, &(struct err){0});
    return model != NULL && !needs_plan(run, model);
}

static int add_names(const struct run *run, struct query *q, struct buf *out, struct err *ret_err)
{
    struct query_scope outer = query_scope_begin(q);
    struct buf event = {0}, from = {0};
    int rc = source_logical(run->source, q, SOURCE_EVENT, &event, ret_err);
    source_from(run->source, q, &from);
    buf_putc(out, '(');
    if (rc == 0)
        rc = query_render_to(q, &sql_conformance_names,
                             (const struct query_fragment[]){
                                 {"event", buf_text(&event)}, {"from", buf_text(&from)}, {0}},
                             out, ret_err);
    buf_putc(out, ')');
    buf_done(&event);
    buf_done(&from);
    query_scope_end(q, outer);
    return rc;
}

static int add_cases(const struct run *run, struct query *q, const char *extra, struct buf *out,
                     struct err *ret_err)
{
    struct process p;
    int rc = process_init(&p, run, q, ret_err);
    if (rc < 0)
        return rc;
    rc = query_render_to(q, &sql_conformance_cases,
                         (const struct query_fragment[]){{"case", buf_text(&p.case_id)},
                                                         {"time_us", buf_text(&p.time_us)},
                                                         {"order", buf_text(&p.order)},
                                                         {"event", buf_text(&p.event)},
                                                         {"extra", extra},
                                                         {"from", buf_text(&p.from)},
                                                         {"selected", buf_text(&p.selected)},
                                                         {"segment", buf_text(&p.segment)},
                                                         {0}},
                         out, ret_err);
    process_done(&p);
    return rc;
}

int conformance_parts_init(struct conformance_parts *p, const struct run *run, struct query *q,
                           const char *extra, size_t max_events, int64_t ids, struct err *ret_err)
{
    *p = (struct conformance_parts){
        .ids = ids > 0 ? "arraySlice(arraySort(groupArray(_case)), 1, {ids:UInt64})"
                       : "CAST([], 'Array(String)')"};
    query_set_integer(q, "limit", CONFORMANCE_MAX_GROUPS + 1);
    query_set_integer(q, "max_events", (int64_t)max_events);
    query_set_integer(q, "read_events", (int64_t)max_events + 1);
    if (ids > 0)
        query_set_integer(q, "ids", ids);
    int rc = add_cases(run, q, extra != NULL ? extra : "toUInt8(0)", &p->cases, ret_err);
    if (rc == 0)
        rc = add_names(run, q, &p->names, ret_err);
    if (rc < 0)
        conformance_parts_done(p);
    return rc;
}

void conformance_parts_done(struct conformance_parts *p)
{
    buf_done(&p->names);
    buf_done(&p->cases);
}

int conformance_plan_sequences(struct run *run, struct query *q, const char *extra, int64_t ids,
                               struct err *ret_err)
{
    struct conformance_parts p;
    int rc = conformance_parts_init(&p, run, q, extra, ALIGN_MAX_TRACE, ids, ret_err);
    if (rc < 0)
        return rc;
    rc = run_query(
        run, q, &sql_conformance_groups,
        (const struct query_fragment[]){
            {"names", buf_text(&p.names)}, {"cases", buf_text(&p.cases)}, {"ids", p.ids}, {0}},
        CONFORMANCE_MAX_GROUPS, ret_err);
    conformance_parts_done(&p);
    return rc < 0 ? rc : 0;
}

/* Where nothing but the sequence counts, and nobody asks for cases. */
static int plan_traces(struct run *run, struct query *q, bool is_wide, struct err *ret_err)
{
    struct process_log l;
    struct buf traces = {0}, example = {0};
    int rc = process_log_init(&l, run, q, (struct process_ask){.is_wide = is_wide}, ret_err);
    if (rc == 0)
        rc = process_add_traces(&l, "c", &traces, ret_err);
    if (rc == 0) {
        query_set_integer(q, "until", run->period.complete_until_us - l.zero_us);
        query_set_integer(q, "limit", CONFORMANCE_MAX_GROUPS + 2);
        query_set_integer(q, "max_events", ALIGN_MAX_TRACE);
        process_case_of(&l, "_first", &example);
        rc = run_query(run, q, &sql_conformance_traces,
                       (const struct query_fragment[]){{"codes", buf_text(&l.codes)},
                                                       {"example", buf_text(&example)},
                                                       {"traces", buf_text(&traces)},
                                                       {0}},
                       CONFORMANCE_MAX_GROUPS + 1, ret_err);
    }
    process_log_done(&l);
    buf_done(&traces);
    buf_done(&example);
    return rc < 0 ? rc : 0;
}

int conformance_plan(struct run *run, int64_t ids, bool is_wide, struct err *ret_err)
{
    const struct conformance_model *model = conformance_model_of(run, ret_err);
    if (model == NULL)
        return -ERR_ARGUMENT;
    int rc = model->validate != NULL ? model->validate(run, ret_err) : 0;
    if (rc < 0)
        return rc;
    if (needs_plan(run, model))
        return model->plan(run, ids, ret_err);
    struct query q;
    query_init(&q);
    rc = ids > 0 ? conformance_plan_sequences(run, &q, NULL, ids, ret_err)
                 : plan_traces(run, &q, is_wide, ret_err);
    query_done(&q);
    return rc;
}
