#include "buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The control character keeps it apart from any text that is meant. */
static const char lost[] = "\x1a(out of memory)";
enum { SMALLEST = 64 }; /* bytes of the first allocation */
static_assert(sizeof lost <= SMALLEST, "the mark fits");

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_done(struct buf *b)
{
    free(b->data);
    *b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data != NULL)
        b->data[0] = '\0';
}

/* What was built so far gives way to the mark; the smallest allocation holds it. */
void buf_fail(struct buf *b)
{
    b->failed = true;
    if (b->data == NULL)
        return;
    memcpy(b->data, lost, sizeof lost);
    b->len = sizeof lost - 1;
}

/* Makes room for `more` bytes and a NUL. */
static bool grow(struct buf *b, size_t more)
{
    size_t max = b->max != 0 ? b->max : BUF_MAX_DEFAULT;
    if (b->failed)
        return false;
    if (more > max || b->len > max - more) {
        buf_fail(b);
        return false;
    }
    size_t need = b->len + more + 1;
    if (need <= b->size)
        return true;
    size_t size = b->size < SMALLEST ? SMALLEST : b->size;
    while (size < need)
        size *= 2;
    char *data = realloc(b->data, size);
    if (data == NULL) {
        buf_fail(b);
        return false;
    }
    b->data = data;
    b->size = size;
    return true;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (len == 0 || !grow(b, len))
        return;
    memcpy(b->data + b->len, bytes, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_putc(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0) {
        buf_fail(b);
    } else if (n > 0 && grow(b, (size_t)n)) {
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

void buf_drop(struct buf *b, size_t n)
{
    if (n == 0)
        return;
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
    b->data[b->len] = '\0';
}

bool buf_failed(const struct buf *b)
{
    return b->failed;
}

const char *buf_text(const struct buf *b)
{
    if (b->failed && b->data == NULL)
        return lost;
    return b->len > 0 ? b->data : "";
}

bool buf_is_whole(const char *text)
{
    return strstr(text, lost) == NULL;
}

char *buf_take(struct buf *b)
{
    char *data = b->data;
    if (b->failed) {
        free(data);
        data = NULL;
    } else if (data == NULL) {
        data = calloc(1, 1);
    }
    *b = (struct buf){.max = b->max};
    return data;
}
