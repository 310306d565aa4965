/* The request parser: every vector is fed whole, byte by byte and split at every offset, and must
 * give the same transcript each time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "buf.h"
#include "http1.h"

enum { MAX_BODY = 4096 };

/* One parser with what it has said so far: "METHOD target version keep|close [100]{body}" for each
 * request, "!status" for a reject. */
struct reader {
    struct http1 parser;
    struct buf said;
    bool is_inside; /* a request has begun and not ended */
    bool is_dead;
};

static void reader_open(struct reader *r)
{
    http1_init(&r->parser, MAX_BODY);
    buf_init(&r->said, 0);
    r->is_inside = r->is_dead = false;
}

static void note_head(struct reader *r)
{
    const struct http1 *p = &r->parser;
    buf_printf(&r->said, "%s %s %d %s%s{", p->method, p->target, p->minor_version,
               p->keep_alive ? "keep" : "close", p->expects_continue ? " 100" : "");
    r->is_inside = true;
}

static void reader_feed(struct reader *r, const char *bytes, size_t len)
{
    const char *body = NULL;
    size_t body_len = 0;
    for (;;) {
        switch (http1_feed(&r->parser, &bytes, &len, &body, &body_len)) {
        case HTTP1_NEED_MORE:
            assert_int_equal(len, 0);
            return;
        case HTTP1_HEAD:
            note_head(r);
            break;
        case HTTP1_BODY:
            assert_true(body_len > 0);
            buf_add(&r->said, body, body_len);
            break;
        case HTTP1_END:
            buf_putc(&r->said, '}');
            r->is_inside = false;
            break;
        case HTTP1_REJECT:
            if (!r->is_dead)
                buf_printf(&r->said, "!%d", r->parser.status);
            assert_non_null(r->parser.reason);
            assert_false(r->parser.keep_alive);
            r->is_dead = true;
            return;
        }
    }
}

/* The transcript of `bytes` fed in pieces of `step` after a first piece of `first`. The pieces are
 * copies of exact size, so that a sanitizer sees any read beyond them. The caller frees. */
static char *transcript(const char *bytes, size_t len, size_t first, size_t step)
{
    struct reader *r = malloc(sizeof *r);
    assert_non_null(r);
    reader_open(r);
    for (size_t at = 0; at < len;) {
        size_t n = at == 0 && first > 0 ? first : step;
        n = n < len - at ? n : len - at;
        char *piece = malloc(n);
        assert_non_null(piece);
        memcpy(piece, bytes + at, n);
        reader_feed(r, piece, n);
        free(piece);
        at += n;
    }
    char *said = buf_take(&r->said);
    assert_non_null(said);
    free(r);
    return said;
}

/* Feeds in every way; returns the one transcript. */
static char *transcript_of_all(const char *name, const char *bytes, size_t len)
{
    char *whole = transcript(bytes, len, 0, len);
    for (size_t split = 0; split < len; split++) {
        /* split 0 stands for byte by byte */
        char *other =
            split == 0 ? transcript(bytes, len, 1, 1) : transcript(bytes, len, split, len - split);
        if (strcmp(whole, other) != 0)
            fail_msg("%s: split at %zu gives %s instead of %s", name, split, other, whole);
        free(other);
    }
    return whole;
}

static json_t *document; /* of the shared vectors */

static void test_shared_vectors(void **state)
{
    (void)state;
    size_t i, count = 0;
    json_t *vector;
    json_array_foreach (json_object_get(document, "vectors"), i, vector) {
        const json_t *request = json_object_get(vector, "request");
        const char *name = json_string_value(json_object_get(vector, "name"));
        const char *expect = json_string_value(json_object_get(vector, "expect"));
        char *said =
            transcript_of_all(name, json_string_value(request), json_string_length(request));
        bool is_rejected = strchr(said, '!') != NULL;
        bool is_complete = said[0] != '\0' && said[strlen(said) - 1] == '}';
        if (strcmp(expect, "reject") == 0 ? !is_rejected : is_rejected || !is_complete)
            fail_msg("%s: expected %s, got %s", name, expect, said);
        /* Nothing after a reject is a request. */
        if (is_rejected && strchr(strchr(said, '!'), '{') != NULL)
            fail_msg("%s: a request after the reject: %s", name, said);
        free(said);
        count++;
    }
    assert_true(count > 0);
}

/* Skips (77) without the data, which is no part of the repository. */
static int run_shared_vectors(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shared_vectors)};
    const char *data = getenv("SEXTANT_TEST_DATA");
    char path[4096];
    snprintf(path, sizeof path, "%s/http/framing_vectors.json",
             data != NULL ? data : "../shared/data");
    document = json_load_file(path, 0, NULL);
    if (document == NULL) {
        printf("skipped: %s is missing; SEXTANT_TEST_DATA names the folder\n", path);
        return 77;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(document);
    return failed;
}

#define HEAD    "POST /mcp HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"

#define V(name, request, said)                                                                     \
    {                                                                                              \
        name, request, sizeof(request) - 1, said                                                   \
    }

static const struct {
    const char *name;
    const char *request;
    size_t len; /* NULs may be inside */
    const char *said;
} vectors[] = {
    V("no body", "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", "GET /healthz 1 keep{}"),
    V("length 0", HEAD "Content-Length: 0\r\n\r\n", "POST /mcp 1 keep{}"),
    V("length with zeros", HEAD "Content-Length: 002\r\n\r\n{}", "POST /mcp 1 keep{{}}"),
    V("body short of its length", HEAD "Content-Length: 3\r\n\r\n{}", "POST /mcp 1 keep{{}"),
    V("two requests", HEAD "Content-Length: 2\r\n\r\n{}GET / HTTP/1.1\r\nHost: b\r\n\r\n",
      "POST /mcp 1 keep{{}}GET / 1 keep{}"),
    V("three after chunks",
      CHUNKED
      "1\r\nx\r\n0\r\n\r\nGET /1 HTTP/1.1\r\nHost: b\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\n\r\n",
      "POST /mcp 1 keep{x}GET /1 1 keep{}GET /2 1 keep{}"),
    V("an empty line first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1 keep{}"),
    V("two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
    V("LF first", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
    V("CR alone first", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
    V("space first", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),

    V("1.0 closes", "GET / HTTP/1.0\r\n\r\n", "GET / 0 close{}"),
    V("1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / 0 keep{}"),
    V("1.0 keep-alive and close", "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
      "GET / 0 close{}"),
    V("1.1 close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET / 1 close{}"),
    V("1.1 close in a list", "GET / HTTP/1.1\r\nHost: a\r\nConnection: x , ,Close\t\r\n\r\n",
      "GET / 1 close{}"),
    V("1.1 close in a second header",
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
      "GET / 1 close{}"),
    V("closed is not close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n",
      "GET / 1 keep{}"),
    V("1.0 with two Hosts", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "!400"),

    V("absolute form", "GET http://a:1/x?y HTTP/1.1\r\nHost: a:1\r\n\r\n",
      "GET http://a:1/x?y 1 keep{}"),
    V("absolute form, other case", "GET HTTPS://a HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET HTTPS://a 1 keep{}"),
    V("absolute form without host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
    V("another scheme", "GET ftp://a/x HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
    V("relative path", "GET x HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
    V("asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * 1 keep{}"),
    V("asterisk with GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
    V("CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "!501"),
    V("fragment", "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
    V("byte above ASCII in the target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
    V("two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
    V("tab for space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
    V("space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "!400"),
    V("HTTP/0.9", "GET /\r\n\r\n", "!400"),
    V("lower case version", "GET / http/1.1\r\nHost: a\r\n\r\n", "!400"),
    V("long version", "GET / HTTP/1.11\r\nHost: a\r\n\r\n", "!400"),
    V("HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "!505"),
    V("HTTP/0.9 as a number", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", "!505"),
    V("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "!400"),
    V("TLS hello", "\x16\x03\x01\x02\x00\x01", "!400"),

    V("NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", "!400"),
    V("NUL in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\0: a\r\n\r\n", "!400"),
    V("NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", "!400"),
    V("DEL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", "!400"),
    V("UTF-8 in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa4\r\n\r\n", "GET / 1 keep{}"),
    V("bare LF after a header", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "!400"),
    V("bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", "!400"),
    V("CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", "!400"),
    V("fold", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", "!400"),
    V("fold with a tab", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n", "!400"),
    V("empty name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", "!400"),
    V("no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", "!400"),
    V("tab before colon", "GET / HTTP/1.1\r\nHost: a\r\nX\t: b\r\n\r\n", "!400"),
    V("empty value", "GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY: \t \r\n\r\n", "GET / 1 keep{}"),
    V("Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "!400"),
    V("Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "!400"),
    V("two in one Host", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "!400"),
    V("two Hosts in other case", "GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n", "!400"),
    V("two Origins", "GET / HTTP/1.1\r\nHost: a\r\nOrigin: x\r\nOrigin: y\r\n\r\n", "!400"),
    V("two Accepts", "GET / HTTP/1.1\r\nHost: a\r\nAccept: x\r\nAccept: y\r\n\r\n",
      "GET / 1 keep{}"),

    V("empty length", HEAD "Content-Length:\r\n\r\n", "!400"),
    V("negative length", HEAD "Content-Length: -1\r\n\r\n", "!400"),
    V("length list", HEAD "Content-Length: 2, 2\r\n\r\n{}", "!400"),
    V("hexadecimal length", HEAD "Content-Length: 0x2\r\n\r\n{}", "!400"),
    V("length above the limit", HEAD "Content-Length: 4097\r\n\r\n", "!413"),
    V("length of 11 digits", HEAD "Content-Length: 10000000000\r\n\r\n", "!413"),
    V("length and chunked, chunked first",
      HEAD "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "!400"),
    V("gzip", HEAD "Transfer-Encoding: gzip\r\n\r\n", "!501"),
    V("gzip, chunked", HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "!501"),
    V("chunked twice in one", HEAD "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "!501"),
    V("chunked with a parameter", HEAD "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", "!501"),
    V("Chunked", HEAD "Transfer-Encoding: \tChunked \r\n\r\n0\r\n\r\n", "POST /mcp 1 keep{}"),
    V("empty encoding", HEAD "Transfer-Encoding:\r\n\r\n0\r\n\r\n", "!501"),
    V("chunked with vertical tab",
      HEAD "Transfer-Encoding: \x0b"
           "chunked\r\n\r\n0\r\n\r\n",
      "!400"),

    V("chunks", CHUNKED "2\r\n{}\r\n0A\r\n0123456789\r\n0\r\n\r\n",
      "POST /mcp 1 keep{{}0123456789}"),
    V("zeros in a chunk size", CHUNKED "00000002\r\n{}\r\n00000000\r\n\r\n",
      "POST /mcp 1 keep{{}}"),
    V("nine digits of chunk size", CHUNKED "000000002\r\n{}\r\n0\r\n\r\n", "POST /mcp 1 keep{!413"),
    V("chunk above the limit", CHUNKED "1001\r\n", "POST /mcp 1 keep{!413"),
    V("largest chunk size", CHUNKED "ffffffff\r\n", "POST /mcp 1 keep{!413"),
    V("empty chunk size", CHUNKED "\r\n{}\r\n0\r\n\r\n", "POST /mcp 1 keep{!400"),
    V("negative chunk size", CHUNKED "-1\r\n", "POST /mcp 1 keep{!400"),
    V("space after the chunk size", CHUNKED "2 \r\n{}\r\n0\r\n\r\n", "POST /mcp 1 keep{!400"),
    V("extensions", CHUNKED "2;a;b=c;d=\"e \\\" ;\r\n{}\r\n0\r\n\r\n", "POST /mcp 1 keep{!400"),
    V("extensions, whole", CHUNKED "2;a;b=c;d=\"e \\\" ;\"\r\n{}\r\n0;z\r\n\r\n",
      "POST /mcp 1 keep{{}}"),
    V("extension without a name", CHUNKED "2;\r\n{}\r\n0\r\n\r\n", "POST /mcp 1 keep{!400"),
    V("extension without a value", CHUNKED "2;a=\r\n{}\r\n0\r\n\r\n", "POST /mcp 1 keep{!400"),
    V("text after a quoted value", CHUNKED "2;a=\"b\"c\r\n{}\r\n0\r\n\r\n",
      "POST /mcp 1 keep{!400"),
    V("chunk data too long", CHUNKED "2\r\n{}x\r\n0\r\n\r\n", "POST /mcp 1 keep{{}!400"),
    V("chunk ended by LF", CHUNKED "2\r\n{}\n0\r\n\r\n", "POST /mcp 1 keep{{}!400"),
    V("trailer", CHUNKED "0\r\nX: y\r\n\r\n", "POST /mcp 1 keep{!400"),
    V("last chunk ended by LF", CHUNKED "0\r\n\n", "POST /mcp 1 keep{!400"),

    V("expects continue", HEAD "Content-Length: 2\r\nExpect: 100-Continue\r\n\r\n{}",
      "POST /mcp 1 keep 100{{}}"),
    V("expects something else", HEAD "Content-Length: 2\r\nExpect: wonders\r\n\r\n{}", "!417"),
    V("1.0 cannot expect", "POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}",
      "POST / 0 close{{}}"),
};

static void test_own_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char *said = transcript_of_all(vectors[i].name, vectors[i].request, vectors[i].len);
        if (strcmp(said, vectors[i].said) != 0)
            fail_msg("%s: expected %s, got %s", vectors[i].name, vectors[i].said, said);
        free(said);
    }
}

static char *repeat(const char *before, char c, size_t count, const char *after)
{
    struct buf text;
    buf_init(&text, 0);
    buf_puts(&text, before);
    for (size_t i = 0; i < count; i++)
        buf_putc(&text, c);
    buf_puts(&text, after);
    char *taken = buf_take(&text);
    assert_non_null(taken);
    return taken;
}

static void expect(char *request, const char *said)
{
    char *whole = transcript(request, strlen(request), 0, strlen(request));
    char *bytewise = transcript(request, strlen(request), 1, 1);
    assert_string_equal(whole, said);
    assert_string_equal(bytewise, said);
    free(whole);
    free(bytewise);
    free(request);
}

static void test_limits(void **state)
{
    (void)state;
    /* "GET /" and " HTTP/1.1\r\n" leave the rest of the longest line to the target. */
    size_t fits = HTTP1_MAX_LINE - strlen("GET /") - strlen(" HTTP/1.1\r\n");
    char *line = repeat("GET /", 'a', fits, " HTTP/1.1\r\nHost: a\r\n\r\n");
    char *said = transcript(line, strlen(line), 0, strlen(line));
    assert_int_equal(said[strlen(said) - 1], '}');
    free(said);
    free(line);
    expect(repeat("GET /", 'a', fits + 1, " HTTP/1.1\r\nHost: a\r\n\r\n"), "!414");
    expect(repeat("", 'G', HTTP1_MAX_LINE + 1, ""), "!414");

    const char *start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    fits = HTTP1_MAX_HEAD - strlen(start) - strlen("\r\n\r\n");
    expect(repeat(start, 'a', fits, "\r\n\r\n"), "GET / 1 keep{}");
    expect(repeat(start, 'a', fits + 1, "\r\n\r\n"), "!431");
    expect(repeat(start, ' ', fits + 1, "\r\n\r\n"), "!431");

    for (int count = HTTP1_MAX_HEADERS; count <= HTTP1_MAX_HEADERS + 1; count++) {
        struct buf text;
        buf_init(&text, 0);
        buf_puts(&text, "GET / HTTP/1.1\r\nHost: a\r\n");
        for (int i = 1; i < count; i++)
            buf_printf(&text, "X-%d: %d\r\n", i, i);
        buf_puts(&text, "\r\n");
        expect(buf_take(&text), count > HTTP1_MAX_HEADERS ? "!431" : "GET / 1 keep{}");
    }

    expect(repeat(CHUNKED "1;", 'a', HTTP1_MAX_EXTENSIONS + 1, ""), "POST /mcp 1 keep{!413");

    /* Many chunks together above the limit. */
    struct buf text;
    buf_init(&text, 0);
    buf_puts(&text, CHUNKED);
    for (int i = 0; i < MAX_BODY / 4; i++)
        buf_puts(&text, "4\r\n1234\r\n");
    buf_puts(&text, "1\r\n");
    char *many = buf_take(&text);
    said = transcript(many, strlen(many), 0, strlen(many));
    assert_non_null(strstr(said, "1234!413"));
    free(said);
    free(many);
}

static void test_headers(void **state)
{
    (void)state;
    const char *request =
        "POST /mcp?a=1 HTTP/1.1\r\nHOST:localhost:80\r\nMCP-Method: \t tools/call "
        "\t\r\nAccept: a\r\nACCEPT: b\r\nEmpty:\r\nContent-Length: 5\r\n\r\n";
    struct http1 *p = malloc(sizeof *p);
    assert_non_null(p);
    http1_init(p, MAX_BODY);
    size_t len = strlen(request), body_len;
    const char *body;
    assert_int_equal(http1_feed(p, &request, &len, &body, &body_len), HTTP1_HEAD);
    assert_int_equal(len, 0);
    assert_string_equal(p->method, "POST");
    assert_string_equal(p->target, "/mcp?a=1");
    assert_string_equal(http1_header(p, "host"), "localhost:80");
    assert_string_equal(http1_header(p, "mcp-method"), "tools/call");
    assert_string_equal(http1_header(p, "accept"), "a");
    assert_string_equal(http1_header(p, "empty"), "");
    assert_null(http1_header(p, "mcp-name"));
    assert_int_equal(p->header_count, 6);
    assert_true(p->has_body);
    assert_false(p->is_chunked);
    assert_int_equal(p->content_length, 5);
    assert_int_equal(http1_feed(p, &request, &len, &body, &body_len), HTTP1_NEED_MORE);

    /* The head stays readable until the byte after END, and the next request starts clean. */
    const char *more = "12345GET / HTTP/1.1\r\nHost: b\r\n\r\n";
    len = strlen(more);
    assert_int_equal(http1_feed(p, &more, &len, &body, &body_len), HTTP1_BODY);
    assert_int_equal(body_len, 5);
    assert_memory_equal(body, "12345", 5);
    assert_int_equal(http1_feed(p, &more, &len, &body, &body_len), HTTP1_END);
    assert_string_equal(p->target, "/mcp?a=1");
    assert_int_equal(http1_feed(p, &more, &len, &body, &body_len), HTTP1_HEAD);
    assert_string_equal(p->target, "/");
    assert_string_equal(http1_header(p, "host"), "b");
    assert_null(http1_header(p, "mcp-method"));
    assert_false(p->has_body);
    assert_int_equal(p->content_length, 0);
    assert_int_equal(http1_feed(p, &more, &len, &body, &body_len), HTTP1_END);
    assert_int_equal(http1_feed(p, &more, &len, &body, &body_len), HTTP1_NEED_MORE);
    free(p);
}

/* Every one of the 256 bytes at every place of a request: no crash, and the same verdict however
 * it is cut. */
static void test_every_byte_everywhere(void **state)
{
    (void)state;
    const char *base = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n"
                       "2;a=\"b\"\r\n{}\r\n0\r\n\r\n";
    size_t len = strlen(base);
    char request[256];
    for (size_t at = 0; at < len; at++)
        for (int byte = 0; byte < 256; byte++) {
            memcpy(request, base, len + 1);
            request[at] = (char)byte;
            char *whole = transcript(request, len, 0, len);
            char *bytewise = transcript(request, len, 1, 1);
            assert_string_equal(whole, bytewise);
            free(whole);
            free(bytewise);
        }
}

/* With the argument "vectors": the shared ones; without: our own. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_vectors),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_every_byte_everywhere),
    };
    if (argc > 1 && strcmp(argv[1], "vectors") == 0)
        return run_shared_vectors();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
