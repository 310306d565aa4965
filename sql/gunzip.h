#pragma once
/* A gzip file, read like a plain one: members one after the other are one text. zlib is loaded with
 * the first such file. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <zlib.h>

#include "err.h"

struct zlib_library {
    __typeof__(inflateInit2_) *inflateInit2_;
    __typeof__(inflate) *inflate;
    __typeof__(inflateReset) *inflateReset;
    __typeof__(inflateEnd) *inflateEnd;
};

struct gunzip {
    const struct zlib_library *library; /* NULL = not open */
    z_stream stream;
    bool is_between; /* members: the file may end here */
    unsigned char packed[64 << 10];
};

/* NULL with ERR_UNAVAILABLE or ERR_MEMORY. Loop thread only. */
struct gunzip *gunzip_open(struct err *ret_err);
void gunzip_close(struct gunzip *g); /* accepts NULL */

/* The next bytes of the file behind `fd`, as read() does: 0 at the end, -1 with errno; EBADMSG when
 * the data are damaged or cut off. */
ssize_t gunzip_read(struct gunzip *g, int fd, char *out, size_t size);
