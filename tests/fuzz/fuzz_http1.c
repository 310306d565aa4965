/* Any bytes into the request parser. Beside not crashing, it must say the same however the bytes
 * are cut, keep what it reports inside its own buffer, and stay dead after a reject. */
#include <string.h>

#include "fuzz.h"
#include "http1.h"

enum { MAX_BODY = 1 << 16 };

/* What the parser said, as a number: FNV-1a over the events and their texts. */
struct digest {
    uint64_t hash;
    uint64_t body;
    int is_dead;
};

static void mix(struct digest *digest, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        digest->hash = (digest->hash ^ (unsigned char)bytes[i]) * 1099511628211U;
}

static void mix_text(const struct http1 *p, struct digest *digest, const char *text)
{
    check(text >= p->head && text < p->head + sizeof p->head, "a text outside of the head");
    size_t left = (size_t)(p->head + sizeof p->head - text);
    check(memchr(text, '\0', left) != NULL, "a text without an end");
    mix(digest, text, strlen(text) + 1);
}

static void take_head(const struct http1 *p, struct digest *digest)
{
    mix(digest, "H", 1);
    mix_text(p, digest, p->method);
    mix_text(p, digest, p->target);
    check(p->header_count <= HTTP1_MAX_HEADERS, "too many headers");
    for (size_t i = 0; i < p->header_count; i++) {
        mix_text(p, digest, p->headers[i].name);
        mix_text(p, digest, p->headers[i].value);
        check(strpbrk(p->headers[i].value, "\r\n") == NULL, "a line end in a value");
        check(strpbrk(p->headers[i].name, "\r\n: \t") == NULL, "a separator in a name");
    }
    check(!p->has_body || p->is_chunked || p->content_length <= MAX_BODY, "a body above the limit");
    check(p->minor_version == 0 || http1_header(p, "host") != NULL, "1.1 without Host");
    digest->body = 0;
}

static void feed(struct http1 *p, const char *bytes, size_t len, struct digest *digest)
{
    for (;;) {
        const char *body = NULL, *before = bytes;
        size_t body_len = 0, len_before = len;
        enum http1_event event = http1_feed(p, &bytes, &len, &body, &body_len);
        check(bytes - before == (ptrdiff_t)(len_before - len), "the count of bytes used");
        switch (event) {
        case HTTP1_NEED_MORE:
            check(len == 0, "bytes left over");
            return;
        case HTTP1_HEAD:
            take_head(p, digest);
            break;
        case HTTP1_BODY:
            check(body >= before && body + body_len <= bytes && body_len > 0, "a body elsewhere");
            mix(digest, body, body_len);
            digest->body += body_len;
            check(digest->body <= MAX_BODY, "more body than allowed");
            break;
        case HTTP1_END:
            mix(digest, "E", 1);
            check(p->is_chunked || digest->body == p->content_length, "a body of another length");
            break;
        case HTTP1_REJECT:
            check(p->status >= 400 && p->status < 600 && p->reason != NULL, "a reject without why");
            if (!digest->is_dead)
                mix(digest, p->reason, strlen(p->reason));
            digest->is_dead = 1;
            return;
        }
    }
}

/* Feeds in pieces whose sizes come from `sizes`, or of 1. */
static struct digest run(const char *bytes, size_t len, const uint8_t *sizes, size_t size_count)
{
    static struct http1 parser;
    struct digest digest = {.hash = 14695981039346656037U};
    http1_init(&parser, MAX_BODY);
    size_t turn = 0;
    for (size_t at = 0; at < len;) {
        size_t n = size_count > 0 ? (size_t)sizes[turn++ % size_count] + 1 : 1;
        n = n < len - at ? n : len - at;
        feed(&parser, bytes + at, n, &digest);
        at += n;
    }
    return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http1 parser;
    struct digest whole = {.hash = 14695981039346656037U};
    const char *bytes = size > 0 ? (const char *)data : "";
    http1_init(&parser, MAX_BODY);
    feed(&parser, bytes, size, &whole);
    struct digest single = run(bytes, size, NULL, 0);
    struct digest pieces = run(bytes, size, data, size < 16 ? size : 16);
    check(whole.hash == single.hash, "another verdict byte by byte");
    check(whole.hash == pieces.hash, "another verdict in pieces");
    return 0;
}
