#include "gunzip.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <zlib.h>

#include "library.h"

struct zlib_library {
    __typeof__(inflateInit2_) *inflateInit2_;
    __typeof__(inflate) *inflate;
    __typeof__(inflateReset) *inflateReset;
    __typeof__(inflateEnd) *inflateEnd;
};

struct gunzip {
    const struct zlib_library *library;
    z_stream stream;
    bool is_between; /* members: the file may end here */
    unsigned char packed[64 << 10];
};

static const char *const files[] = {"libz.so.1", "libz.1.dylib", NULL};

#define SYMBOL(member) LIBRARY_SYMBOL(zlib_library, #member, member)
static const struct library_symbol symbols[] = {
    SYMBOL(inflateInit2_), SYMBOL(inflate), SYMBOL(inflateReset), SYMBOL(inflateEnd), {0},
};

static const struct zlib_library *load(struct err *ret_err)
{
    static struct library library = {
        .files = files,
        .need = "XES in gzip needs, cannot be loaded: install the package zlib1g",
        .version = "1.2",
        .symbols = symbols,
    };
    static struct zlib_library loaded;

    return library_load(&library, &loaded, ret_err) == 0 ? &loaded : NULL;
}

int gunzip_open(struct gunzip **ret_gunzip, struct err *ret_err)
{
    enum { GZIP_HEADER = 16 };
    const struct zlib_library *library = load(ret_err);
    if (library == NULL)
        return -ERR_UNAVAILABLE;
    struct gunzip *g = calloc(1, sizeof *g);
    if (g == NULL || library->inflateInit2_(&g->stream, MAX_WBITS + GZIP_HEADER, ZLIB_VERSION,
                                            (int)sizeof g->stream) != Z_OK) {
        free(g);
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    }
    g->library = library;
    *ret_gunzip = g;
    return 0;
}

void gunzip_close(struct gunzip *g)
{
    if (g != NULL)
        g->library->inflateEnd(&g->stream);
    free(g);
}

/* One step: false when `errno` says why there is none. */
static bool step(struct gunzip *g)
{
    int result = Z_OK;
    if (g->is_between)
        result = g->library->inflateReset(&g->stream);
    g->is_between = false;
    if (result == Z_OK)
        result = g->library->inflate(&g->stream, Z_NO_FLUSH);
    g->is_between = result == Z_STREAM_END;
    if (result == Z_MEM_ERROR)
        errno = ENOMEM;
    else if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
        errno = EBADMSG;
    else
        return true;
    return false;
}

/* Zeros that fill a file up behind a member, as tapes have them, are nothing: gzip(1) has it so. */
static void skip_zeros(struct gunzip *g)
{
    while (g->is_between && g->stream.avail_in > 0 && *g->stream.next_in == 0) {
        g->stream.next_in++;
        g->stream.avail_in--;
    }
}

ssize_t gunzip_read(struct gunzip *g, int fd, char *out, size_t size)
{
    g->stream.next_out = (unsigned char *)out;
    g->stream.avail_out = (unsigned)size;
    for (;;) {
        skip_zeros(g);
        /* Without input too: what did not fit into the last `out` comes first. */
        if ((!g->is_between || g->stream.avail_in > 0) && !step(g))
            return -1;
        if (g->stream.avail_out < size)
            break;
        if (g->stream.avail_in > 0)
            continue;
        ssize_t n = read(fd, g->packed, sizeof g->packed);
        if (n == 0 && !g->is_between)
            errno = EBADMSG;
        if (n <= 0)
            return g->is_between ? n : -1;
        g->stream.next_in = g->packed;
        g->stream.avail_in = (unsigned)n;
    }
    return (ssize_t)(size - g->stream.avail_out);
}
