#pragma once
/* Whether a file in zstd (RFC 8878) or in LZ4's frame format (lz4_Frame_format.md, 1.6.4) is whole.
 * Every block says how long it is: the sizes are followed from frame to frame to the end of the
 * file, and nothing is decoded. The engine's decoders take such a file that is cut off for whole.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAMES_HEADER_MAX = 19 }; /* bytes that tell what follows them: LZ4's longest header */

enum frames_result {
    FRAMES_MORE, /* not yet at the end */
    FRAMES_WHOLE,
    FRAMES_CUT,     /* `need` bytes are the fewest that the file would have */
    FRAMES_DAMAGED, /* `reason` says what is wrong at byte `at` */
    FRAMES_FAILED,  /* the file cannot be read: errno */
};

struct frames_format;

struct frames {
    const struct frames_format *format;
    uint64_t size; /* of the file, bytes: for the caller to set */
    uint64_t at;   /* the byte that comes next */
    uint64_t need;
    const char *reason;
    /* of the frame that `at` is in */
    bool is_in_frame;
    uint32_t block_max, block_tail, frame_tail; /* bytes: of data, of checksums behind them */
};

/* False when files of that compression ("zstd", "lz4", "gzip", … as sniff_compression() says)
 * need not be followed: the engine tells when one is cut off. */
bool frames_init(struct frames *f, const char *compression);

/* One step: reads what stands at byte `at`, of which `bytes` are the first `len`: at least
 * FRAMES_HEADER_MAX, or all that are left. Each FRAMES_MORE moves `at` on. */
enum frames_result frames_step(struct frames *f, const unsigned char *bytes, size_t len);

/* Goes on with the file behind `fd`, whose offset stays where it is: as far as `reads` reads of 4
 * kB get. */
enum frames_result frames_walk(struct frames *f, int fd, unsigned reads);
