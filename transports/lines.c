#include "lines.h"

#include <string.h>

enum { KEEP_BYTES = 256 << 10 }; /* of memory, after a long line */

void lines_init(struct lines *lines, size_t max_bytes,
                void (*line)(void *user, const char *text, size_t len), void *user)
{
    *lines = (struct lines){.line = line, .user = user};
    buf_init(&lines->partial, max_bytes);
}

void lines_done(struct lines *lines)
{
    buf_done(&lines->partial);
}

static void emit(struct lines *lines, const char *text, size_t len)
{
    while (len > 0 && (text[len - 1] == '\r' || text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    if (len > 0)
        lines->line(lines->user, text, len);
}

static void reset(struct lines *lines)
{
    if (lines->partial.size > KEEP_BYTES)
        buf_done(&lines->partial);
    buf_reset(&lines->partial);
}

/* Keeps the beginning of a line. Beyond the cap it is reported once, then skipped up to its end. */
static void keep(struct lines *lines, const char *bytes, size_t len)
{
    if (lines->is_skipping)
        return;
    buf_add(&lines->partial, bytes, len);
    if (!buf_failed(&lines->partial))
        return;
    lines->is_skipping = true;
    reset(lines);
    lines->line(lines->user, NULL, 0);
}

static void end_line(struct lines *lines)
{
    if (!lines->is_skipping)
        emit(lines, buf_text(&lines->partial), lines->partial.len);
    lines->is_skipping = false;
    reset(lines);
}

void lines_feed(struct lines *lines, const char *bytes, size_t len)
{
    while (len > 0) {
        const char *lf = memchr(bytes, '\n', len);
        size_t n = lf != NULL ? (size_t)(lf - bytes) : len;
        if (lf != NULL && lines->partial.len == 0 && !lines->is_skipping &&
            n <= lines->partial.max) { /* whole: needs no copy */
            emit(lines, bytes, n);
        } else {
            keep(lines, bytes, n);
            if (lf != NULL)
                end_line(lines);
        }
        if (lf == NULL)
            return;
        bytes += n + 1;
        len -= n + 1;
    }
}

void lines_end(struct lines *lines)
{
    end_line(lines);
}
