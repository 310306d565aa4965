#include "retention_fast.h"

#include "json.h"
#include "segment.h"
#include "sql_text.h"

enum { MAX_ROWS = 200000 };

bool retention_is_fast(const struct run *run, const struct retention *r)
{
    return json_array_size(json_object_get(run->arguments, "breakdown")) == 0 &&
           !r->is_first_ever && !r->is_rolling && !r->is_after && r->min_times == 1 &&
           r->brackets == NULL && scope_has_number(run);
}

int retention_fast_plan(struct run *run, const struct retention *r, struct err *ret_err)
{
    struct query q;
    struct buf rows = {0};
    query_init(&q);
    query_set_integer(&q, "periods", r->columns);
    query_set_integer(&q, "is_first", r->is_first);
    int rc = retention_rows(run, r, &q, &rows, ret_err);
    if (rc == 0)
        rc = run_query(run, &q, &sql_retention_fast,
                       (const struct query_fragment[]){{"rows", buf_text(&rows)}, {0}}, MAX_ROWS,
                       ret_err);
    buf_done(&rows);
    query_done(&q);
    return rc < 0 ? rc : 0;
}
