#include "sse.h"

#include <string.h>

/* A line of an event stream ends at CR LF, LF or CR, so data is cut at each of them. */
static void put_data(struct buf *out, const char *data, size_t len)
{
    size_t start = 0;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && data[i] != '\n' && data[i] != '\r')
            continue;
        buf_puts(out, "data: ");
        buf_add(out, data + start, i - start);
        buf_putc(out, '\n');
        if (i + 1 < len && data[i] == '\r' && data[i + 1] == '\n')
            i++;
        start = i + 1;
    }
}

void sse_message(struct buf *out, const char *id, unsigned retry_ms, const char *data, size_t len)
{
    /* An id with a line end or NUL in it would forge fields; such an event goes without its id. */
    if (id != NULL && strpbrk(id, "\r\n") == NULL)
        buf_printf(out, "id: %s\n", id);
    if (retry_ms != 0)
        buf_printf(out, "retry: %u\n", retry_ms);
    buf_puts(out, "event: message\n");
    put_data(out, data, len);
    buf_putc(out, '\n');
}

void sse_keepalive(struct buf *out)
{
    buf_puts(out, ": keepalive\n\n");
}
