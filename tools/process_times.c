/* How long work takes, and how long it waits to begin: where a source knows more of an event than
 * one moment. */
#include "process.h"
#include "sql_text.h"
#include "json.h"

/* Whether any row has it, as a condition; 0 where the source has no such field. */
static int add_known(const struct run *run, struct query *q, enum source_service service,
                     struct buf *out, struct err *ret_err)
{
    enum source_field field = service == SOURCE_STARTED ? SOURCE_START_TIME : SOURCE_DURATION;
    if (run->source->fields[field].count == 0) {
        buf_putc(out, '0');
        return 0;
    }
    buf_putc(out, '(');
    int rc = source_service_us(run->source, q, service, out, ret_err);
    buf_puts(out, ") IS NOT NULL");
    return rc;
}

int process_plan_services(struct run *run, struct err *ret_err)
{
    struct query q;
    struct buf started = {0}, lasting = {0}, from = {0};
    query_init(&q);
    int rc = add_known(run, &q, SOURCE_STARTED, &started, ret_err);
    if (rc == 0)
        rc = add_known(run, &q, SOURCE_LASTING, &lasting, ret_err);
    source_from(run->source, &q, &from);
    if (rc == 0)
        rc = run_query(run, &q, &sql_process_services,
                       (const struct query_fragment[]){{"from", buf_text(&from)},
                                                       {"started", buf_text(&started)},
                                                       {"lasting", buf_text(&lasting)},
                                                       {0}},
                       1, ret_err);
    buf_done(&started);
    buf_done(&lasting);
    buf_done(&from);
    query_done(&q);
    return rc;
}

enum source_service process_service_of(const struct run *run, int query)
{
    const json_t *row = json_array_get(run_rows(run, query), 0);
    if (json_at_integer(row, 0) > 0)
        return SOURCE_STARTED;
    return json_at_integer(row, 1) > 0 ? SOURCE_LASTING : SOURCE_NO_SERVICE;
}

int process_plan_times(struct run *run, enum source_service service, struct err *ret_err)
{
    /* An event that tells when it began ends at its time; one that tells how long it lasts begins
     * then, so that what comes before the next one is its own. */
    const char *between =
        service == SOURCE_STARTED ? "s" : "arrayPushFront(arrayPopBack(s), " PROCESS_UNKNOWN ")";
    struct query q;
    struct process_log l;
    query_init(&q);
    int rc = process_log_init(&l, run, &q, (struct process_ask){.service = service}, ret_err);
    if (rc == 0) {
        query_set_integer(&q, "limit", PROCESS_MAX_EDGES);
        rc = run_query(run, &q, &sql_process_times,
                       (const struct query_fragment[]){{"codes", buf_text(&l.codes)},
                                                       {"percentiles", process_quantiles(run)},
                                                       {"between", between},
                                                       {"unknown", PROCESS_UNKNOWN},
                                                       {"arrays", buf_text(&l.arrays)},
                                                       {0}},
                       (size_t)2 * PROCESS_MAX_EDGES + 1, ret_err);
    }
    process_log_done(&l);
    query_done(&q);
    return rc;
}
