#pragma once
/* A growable byte buffer with a hard cap. The first failure (memory, cap) sticks: later appends do
 * nothing, and buf_failed() tells once at the end, so that builders need no check per line. The
 * text of a failed buffer is a mark in place of what there was, so that a text made from it is
 * never taken for a whole one: buf_is_whole() tells, however often it was copied as a text (not by
 * `len`, which may be 0 then). */
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct buf {
    char *data; /* NUL-terminated whenever len > 0; NULL while empty */
    size_t len;
    size_t size;
    size_t max; /* bytes; 0 = BUF_MAX_DEFAULT */
    bool failed;
};

enum { BUF_MAX_DEFAULT = 64 << 20 };

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);  /* accepts a zeroed buffer; leaves it empty and usable */
void buf_reset(struct buf *b); /* empties, keeps the memory */
void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_puts(struct buf *b, const char *text);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap);
void buf_drop(struct buf *b, size_t n); /* removes n bytes from the front */
bool buf_failed(const struct buf *b);
void buf_fail(struct buf *b); /* what should have been added could not be made */
/* Never NULL: "" while empty, the mark when failed. */
const char *buf_text(const struct buf *b);
bool buf_is_whole(const char *text); /* no text of a failed buffer is in it */
/* Moves the text out (caller frees); NULL when failed or out of memory. Leaves the buffer empty. */
char *buf_take(struct buf *b);

#ifdef __cplusplus
}
#endif
