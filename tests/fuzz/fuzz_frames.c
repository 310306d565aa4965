/* Any bytes as a compressed file; the first byte chooses the format. Steps must go on and end, must
 * not depend on more bytes than were promised, and a file that was followed to some byte must be
 * called cut off, not damaged, when it ends before that byte, except at the ends of frames. */
#include <stdbool.h>
#include <string.h>

#include "frames.h"
#include "fuzz.h"

static const char *const formats[] = {"zstd", "lz4"};

/* Notes in `ret_ends`, unless NULL, where frames end. */
static enum frames_result follow(struct frames *f, const char *format, const uint8_t *data,
                                 size_t size, bool *ret_ends)
{
    check(frames_init(f, format), "a format");
    f->size = size;
    for (;;) {
        uint64_t before = f->at;
        size_t left = size - (size_t)before;
        size_t len = left < FRAMES_HEADER_MAX ? left : FRAMES_HEADER_MAX;
        uint8_t *copy = malloc(len + 1);
        check(copy != NULL, "memory");
        memcpy(copy, data + before, len);
        struct frames other = *f;
        enum frames_result result = frames_step(f, copy, len);
        free(copy);
        check(frames_step(&other, data + before, left) == result && other.at == f->at,
              "more bytes than promised matter");
        check((result == FRAMES_DAMAGED) == (f->reason != NULL), "damage without why");
        check(result != FRAMES_CUT || f->need > size, "cut off before its end");
        if (result != FRAMES_MORE)
            return result;
        check(f->at > before && f->at <= size, "steps go on and stay inside");
        if (ret_ends != NULL && !f->is_in_frame)
            ret_ends[f->at] = true;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MAX = 512 };
    if (size < 1 || size > MAX)
        return 0;
    const char *format = formats[data[0] & 1];
    bool ends[MAX] = {false};
    struct frames f, cut;
    data++;
    size--;
    enum frames_result result = follow(&f, format, data, size, ends);
    check((result == FRAMES_WHOLE) == ends[size], "whole at the end of a frame");
    for (size_t less = 0; less < f.at; less++)
        check(follow(&cut, format, data, less, NULL) == (ends[less] ? FRAMES_WHOLE : FRAMES_CUT),
              "cut off");
    return 0;
}
