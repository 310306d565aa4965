/* The request parser as a filter, for the comparison with other parsers. On stdin: cases, each a
 * length of four bytes (big endian) and so many bytes of one connection. On stdout: one line of
 * JSON per case with the requests that were complete, the status it was rejected with or 0, and
 * whether the last request asked to close:
 *   {"requests":[{"method":"POST","target":"/","body":"7b7d"}],
 *    "status":400,"closed":false,"reason":"…"} */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "buf.h"
#include "http1.h"

enum { MAX_CASE = 1 << 20, MAX_BODY = 1 << 20 };

static void die(const char *why)
{
    fprintf(stderr, "http1_cat: %s\n", why);
    exit(1);
}

static void put_hex(struct buf *out, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buf_printf(out, "%02x", (unsigned char)bytes[i]);
}

/* Reads as a server does: up to the first reject, or the request after which it would close. */
static json_t *run(const char *bytes, size_t len)
{
    static struct http1 parser;
    json_t *requests = json_array();
    struct buf body;
    int status = 0;
    bool is_closed = false;
    buf_init(&body, (size_t)4 * MAX_BODY);
    http1_init(&parser, MAX_BODY);
    for (bool is_open = true; is_open;) {
        const char *piece = NULL;
        size_t piece_len = 0;
        switch (http1_feed(&parser, &bytes, &len, &piece, &piece_len)) {
        case HTTP1_NEED_MORE:
            is_open = false;
            break;
        case HTTP1_HEAD:
            buf_reset(&body);
            break;
        case HTTP1_BODY:
            put_hex(&body, piece, piece_len);
            break;
        case HTTP1_END:
            json_array_append_new(requests,
                                  json_pack("{s:s, s:s, s:s}", "method", parser.method, "target",
                                            parser.target, "body", buf_text(&body)));
            is_open = parser.keep_alive;
            is_closed = !is_open;
            break;
        case HTTP1_REJECT:
            status = parser.status;
            is_open = false;
        }
    }
    buf_done(&body);
    return json_pack("{s:o, s:i, s:b, s:s}", "requests", requests, "status", status, "closed",
                     is_closed, "reason", status != 0 ? parser.reason : "");
}

int main(void)
{
    uint8_t prefix[4];
    while (fread(prefix, 1, sizeof prefix, stdin) == sizeof prefix) {
        size_t len =
            (size_t)prefix[0] << 24 | (size_t)prefix[1] << 16 | (size_t)prefix[2] << 8 | prefix[3];
        char *bytes = len <= MAX_CASE ? malloc(len + 1) : NULL;
        if (bytes == NULL || fread(bytes, 1, len, stdin) != len)
            die("a case is too long, or cut short");
        json_t *result = run(bytes, len);
        free(bytes);
        if (result == NULL || json_dumpf(result, stdout, JSON_COMPACT) < 0)
            die("out of memory");
        putchar('\n');
        json_decref(result);
    }
    return 0;
}
