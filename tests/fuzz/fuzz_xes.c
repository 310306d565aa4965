/* Any bytes as an XES file. Beside not crashing, events must be the same however the bytes arrive,
 * and each must be a JSON object in UTF-8 that the reader of JSON lines takes or refuses for a
 * reason. The first two bytes say after how many of the others the parser's first slice ends. */
#include <string.h>

#include "fuzz.h"
#include "jsonl.h"
#include "utf8.h"
#include "xes.h"

enum { SLICE = 64 << 10 };

static uint64_t mix(uint64_t hash, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
    return (hash ^ len) * UINT64_C(1099511628211);
}

static uint64_t take_event(const struct xes *x, struct jsonl *j)
{
    const char *json = buf_text(&x->json);
    check(utf8_is_valid(json, x->json.len), "an event that is not UTF-8");
    enum csv_result result = jsonl_read(j, json, x->json.len);
    check(result == CSV_ROW || result == CSV_BAD, "an event that is no JSON line");
    check(result == CSV_ROW || strncmp(j->reason, "two values", 10) == 0 ||
              strstr(j->reason, "nested") != NULL || strstr(j->reason, "4,096") != NULL,
          "an event that is no JSON object");
    check(x->lines > 0 && x->line > 0, "where an event is");
    return mix(x->line * 31 + x->lines, json, x->json.len);
}

/* All events as a number; `step` more bytes at a time. */
static uint64_t read_events(struct xes *x, const char *bytes, size_t len, size_t step)
{
    struct jsonl j = {0};
    uint64_t hash = 0;
    size_t start = 0, end = 0;
    check(xes_start(x, NULL) == 0, "libexpat");
    for (;;) {
        char *copy = malloc(end - start + 1);
        check(copy != NULL, "memory");
        memcpy(copy, bytes + start, end - start);
        enum csv_result result = xes_read(x, copy, end - start, end == len);
        free(copy);
        check(x->used <= end - start, "the count of bytes used");
        start += x->used;
        if (result == CSV_MORE) {
            check(end < len, "more wanted at the end");
            end = end + step < len ? end + step : len;
        } else if (result == CSV_ROW) {
            hash = mix(hash, "", 0) ^ take_event(x, &j);
        } else if (result == CSV_BAD) {
            hash = mix(hash, x->reason, strlen(x->reason)) ^ x->line;
        } else if (result == CSV_BROKEN) {
            hash = mix(hash, x->reason, strlen(x->reason)) ^ x->line;
            break;
        } else if (result == CSV_END) {
            check(start == len, "bytes left over");
            break;
        } else {
            check(result == CSV_BLANK, "a result");
        }
    }
    jsonl_done(&j);
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 8192)
        return 0;
    static char padded[SLICE + 8192];
    const char *bytes = (const char *)data + 2;
    size_t len = size - 2, cut = ((size_t)data[0] << 8 | data[1]) % (len + 1);
    struct xes x = {0};
    uint64_t whole = read_events(&x, bytes, len, len + 1);
    check(read_events(&x, bytes, len, 1) == whole, "events differ with how bytes arrive");
    /* Blanks before the log move the end of the slice. An XML declaration has to come first. */
    memset(padded, ' ', SLICE - cut);
    memcpy(padded + SLICE - cut, bytes, len);
    uint64_t moved = read_events(&x, padded, SLICE - cut + len, SLICE + len);
    if (len > 1 && bytes[0] == '<' && bytes[1] != '?' && bytes[1] != '\0')
        check(moved == whole, "events differ with where the slice ends");
    xes_done(&x);
    return 0;
}
