#pragma once
/* Server-sent events, the bytes of them. */
#include <stddef.h>

#include "buf.h"

#ifdef __cplusplus
extern "C" {
#endif

/* event: message, one data line per line of `data` (JSON text has one), a blank line.
 * `id` and `retry_ms` are left out when NULL and 0. */
void sse_message(struct buf *out, const char *id, unsigned retry_ms, const char *data, size_t len);

/* A comment line that keeps proxies and clients from giving up. */
void sse_keepalive(struct buf *out);

#ifdef __cplusplus
}
#endif
