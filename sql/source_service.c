/* How long the work of a row took. */
#include <string.h>

#include "source_join.h"

/* When it began: of a column of times as it is, else read from text. */
static int start_us(const struct source *s, struct query *q, struct buf *out, struct err *ret_err)
{
    const struct places *places = &s->fields[SOURCE_START_TIME];
    bool is_time = places->count == 1 && places->items[0].kind == PLACE_COLUMN &&
                   strstr(places->items[0].type, "DateTime") != NULL;
    int rc = 0;
    buf_puts(out, "toUnixTimestamp64Micro(");
    if (is_time) {
        buf_puts(out, "toDateTime64(");
        sql_identifier(out, places->items[0].column);
    } else {
        buf_puts(out, "parseDateTime64BestEffortOrNull(");
        rc = source_logical(s, q, SOURCE_START_TIME, out, ret_err);
    }
    buf_puts(out, ", 6, 'UTC'))");
    return rc;
}

int source_service_us(const struct source *s, struct query *q, enum source_service service,
                      struct buf *out, struct err *ret_err)
{
    int rc;
    if (service == SOURCE_STARTED) {
        source_time_us(s, out);
        buf_puts(out, " - ");
        return start_us(s, q, out, ret_err);
    }
    if (s->fields[SOURCE_DURATION].count == 0)
        return source_logical(s, q, SOURCE_DURATION, out, ret_err);
    buf_puts(out, "toInt64(round(1000 * ");
    rc = source_number(s, q, "duration_ms", out, ret_err);
    buf_puts(out, "))");
    return rc;
}
