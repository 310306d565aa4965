#pragma once
/* Bytes in, whole lines out. Ends at LF or CRLF, skips blank lines, caps the length. */
#include "buf.h"

struct lines {
    struct buf partial; /* the beginning of a line whose end has not come */
    bool is_skipping;   /* the rest of a line that was too long */
    /* `text` is not NUL-terminated; NULL stands for a line that was too long. */
    void (*line)(void *user, const char *text, size_t len);
    void *user;
};

void lines_init(struct lines *lines, size_t max_bytes,
                void (*line)(void *user, const char *text, size_t len), void *user);
void lines_done(struct lines *lines);
void lines_feed(struct lines *lines, const char *bytes, size_t len);
void lines_end(struct lines *lines); /* the input is over: a last line without LF counts */
