#include "frames.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define SKIPPABLE UINT32_C(0x184D2A50) /* … 0x184D2A5F, in both formats */

/* What stands at a place. */
struct part {
    uint64_t len; /* of the header and of what it announces; of what is missing of the header */
    bool is_frame_end;
    const char *reason; /* why it cannot be what it should, or NULL */
};

/* Both are given what there is of FRAMES_HEADER_MAX bytes. */
typedef struct part read_part(struct frames *f, const unsigned char *p, size_t len);

struct frames_format {
    const char *name;
    uint32_t magic;
    read_part *frame, *block;
};

static const char not_known[] = "the header of a frame is of no known kind";
static const char too_large[] = "a block is larger than it may be";

/* The first `len` <= 4 bytes, little-endian. */
static uint32_t little_endian(const unsigned char *p, size_t len)
{
    uint32_t value = 0;
    for (size_t i = 0; i < len; i++)
        value |= (uint32_t)p[i] << (8 * i);
    return value;
}

/* --- zstd --------------------------------------------------------------------------------- */

static struct part zstd_frame(struct frames *f, const unsigned char *p, size_t len)
{
    enum { IS_SINGLE = 0x20, IS_RESERVED = 0x08, HAS_CHECKSUM = 0x04 };
    static const unsigned char size_of_dictionary_id[] = {0, 1, 2, 4};
    static const unsigned char size_of_content_size[] = {0, 2, 4, 8};
    if (len < 5)
        return (struct part){.len = 5};
    unsigned flags = p[4];
    if ((flags & IS_RESERVED) != 0)
        return (struct part){.reason = not_known};
    bool is_single = (flags & IS_SINGLE) != 0; /* then it has its size for the window's */
    unsigned content_size = size_of_content_size[flags >> 6];
    if (is_single && content_size == 0)
        content_size = 1;
    f->block_max = 128 << 10;
    f->block_tail = 0;
    f->frame_tail = (flags & HAS_CHECKSUM) != 0 ? 4 : 0;
    return (struct part){.len = 5 + (is_single ? 0u : 1u) + size_of_dictionary_id[flags & 3] +
                                content_size};
}

static struct part zstd_block(struct frames *f, const unsigned char *p, size_t len)
{
    enum { RAW, RLE, COMPRESSED, RESERVED };
    if (len < 3)
        return (struct part){.len = 3};
    uint32_t header = little_endian(p, 3), type = header >> 1 & 3;
    uint32_t size = type == RLE ? 1 : header >> 3; /* one byte is repeated */
    bool is_last = (header & 1) != 0;
    if (type == RESERVED)
        return (struct part){.reason = "a block is of no known type"};
    if (size > f->block_max)
        return (struct part){.reason = too_large};
    return (struct part){.len = 3 + size + (is_last ? f->frame_tail : 0), .is_frame_end = is_last};
}

/* --- LZ4 ---------------------------------------------------------------------------------- */

static struct part lz4_frame(struct frames *f, const unsigned char *p, size_t len)
{
    enum { HAS_BLOCK_CHECKSUM = 0x10, HAS_SIZE = 0x08, HAS_CHECKSUM = 0x04, HAS_DICTIONARY = 0x01 };
    if (len < 6)
        return (struct part){.len = 7};
    unsigned flags = p[4], block = p[5];
    bool is_known = (flags & 0xc2) == 0x40 && (block & 0x8f) == 0 && block >= 0x40;
    if (!is_known)
        return (struct part){.reason = not_known};
    f->block_max = UINT32_C(1) << (8 + 2 * (block >> 4)); /* 64 kB, 256 kB, 1 MB, 4 MB */
    f->block_tail = (flags & HAS_BLOCK_CHECKSUM) != 0 ? 4 : 0;
    f->frame_tail = (flags & HAS_CHECKSUM) != 0 ? 4 : 0;
    return (struct part){.len = 7 + ((flags & HAS_SIZE) != 0 ? 8u : 0u) +
                                ((flags & HAS_DICTIONARY) != 0 ? 4u : 0u)};
}

static struct part lz4_block(struct frames *f, const unsigned char *p, size_t len)
{
    if (len < 4)
        return (struct part){.len = 4};
    uint32_t header = little_endian(p, 4);
    uint32_t size = header & 0x7fffffff; /* the bit says that they are not compressed */
    if (header == 0)                     /* the end mark */
        return (struct part){.len = 4 + f->frame_tail, .is_frame_end = true};
    if (size > f->block_max)
        return (struct part){.reason = too_large};
    return (struct part){.len = UINT64_C(4) + size + f->block_tail};
}

/* --- both --------------------------------------------------------------------------------- */

static const struct frames_format formats[] = {
    {"zstd", 0xFD2FB528, zstd_frame, zstd_block},
    {"lz4", 0x184D2204, lz4_frame, lz4_block},
};

bool frames_init(struct frames *f, const char *compression)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (strcmp(compression, formats[i].name) == 0) {
            *f = (struct frames){.format = &formats[i]};
            return true;
        }
    return false;
}

/* Between frames: the next one, or one that decoders skip. Sets is_in_frame. */
static struct part read_start(struct frames *f, const unsigned char *p, size_t len)
{
    size_t known = len < 4 ? len : 4; /* bytes of the magic number */
    uint32_t mask = (uint32_t)((UINT64_C(1) << (8 * known)) - 1);
    uint32_t magic = little_endian(p, known);
    if (((magic ^ f->format->magic) & mask) == 0) {
        f->is_in_frame = true;
        return f->format->frame(f, p, len);
    }
    if (((magic ^ SKIPPABLE) & mask & ~UINT32_C(15)) != 0)
        return (struct part){.reason = "no frame begins there"};
    return (struct part){.len = UINT64_C(8) + (len < 8 ? 0 : little_endian(p + 4, 4))};
}

enum frames_result frames_step(struct frames *f, const unsigned char *bytes, size_t len)
{
    if (f->at == f->size && f->at > 0 && !f->is_in_frame)
        return FRAMES_WHOLE;
    struct part part = f->is_in_frame ? f->format->block(f, bytes, len) : read_start(f, bytes, len);
    f->reason = part.reason;
    if (part.reason != NULL)
        return FRAMES_DAMAGED;
    f->need = f->at + part.len;
    if (part.len > f->size - f->at) /* also when the header is not all there */
        return FRAMES_CUT;
    f->at = f->need;
    if (part.is_frame_end)
        f->is_in_frame = false;
    return FRAMES_MORE;
}

/* As many bytes as there are at that place; -1 with errno. */
static ssize_t read_at(int fd, uint64_t at, unsigned char *bytes, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = pread(fd, bytes + len, size - len, (off_t)(at + len));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

enum frames_result frames_walk(struct frames *f, int fd, unsigned reads)
{
    unsigned char window[4096];
    for (unsigned i = 0; i < reads; i++) {
        uint64_t start = f->at;
        ssize_t n = read_at(fd, start, window, sizeof window);
        if (n < 0)
            return FRAMES_FAILED;
        uint64_t end = start + (uint64_t)n;
        if ((size_t)n < sizeof window && end < f->size)
            f->size = end; /* it has become shorter */
        enum frames_result result;
        do
            result = frames_step(f, window + (f->at - start), (size_t)(end - f->at));
        while (result == FRAMES_MORE && f->at <= end &&
               (end - f->at >= FRAMES_HEADER_MAX || end == f->size));
        if (result != FRAMES_MORE)
            return result;
    }
    return FRAMES_MORE;
}
