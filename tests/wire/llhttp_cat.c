/* llhttp as a filter, speaking as http1_cat does, for the comparison with another parser:
 *   {"requests":[{"method":"POST","target":"/","body":"7b7d"}], "error":"HPE_OK", "closed":false}
 * A request counts when it is complete; a server that makes no upgrade reads on behind one. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <llhttp.h>

#include "buf.h"

enum { MAX_CASE = 1 << 20 };

struct reading {
    llhttp_t parser; /* first */
    struct buf target, body;
    json_t *requests;
    int is_closed;
};

static int on_begin(llhttp_t *parser)
{
    struct reading *r = (struct reading *)parser;
    buf_reset(&r->target);
    buf_reset(&r->body);
    return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct reading *r = (struct reading *)parser;
    for (size_t i = 0; i < len; i++) { /* any byte, as the character of that number */
        unsigned char byte = (unsigned char)at[i];
        if (byte >= 0x80)
            buf_putc(&r->target, (char)(0xc0 | byte >> 6));
        buf_putc(&r->target, (char)(byte >= 0x80 ? 0x80 | (byte & 0x3f) : byte));
    }
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct reading *r = (struct reading *)parser;
    for (size_t i = 0; i < len; i++)
        buf_printf(&r->body, "%02x", (unsigned char)at[i]);
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    parser->upgrade = 0;
    return 0;
}

static int on_complete(llhttp_t *parser)
{
    struct reading *r = (struct reading *)parser;
    json_t *target = json_stringn_nocheck(buf_text(&r->target), r->target.len);
    json_array_append_new(r->requests,
                          json_pack("{s:s, s:o, s:s}", "method",
                                    llhttp_method_name((llhttp_method_t)parser->method), "target",
                                    target, "body", buf_text(&r->body)));
    r->is_closed = !llhttp_should_keep_alive(parser);
    return r->is_closed ? HPE_PAUSED : 0;
}

static json_t *run(const char *bytes, size_t len)
{
    llhttp_settings_t settings;
    struct reading r = {.requests = json_array()};
    llhttp_settings_init(&settings);
    settings.on_message_begin = on_begin;
    settings.on_url = on_url;
    settings.on_body = on_body;
    settings.on_headers_complete = on_headers_complete;
    settings.on_message_complete = on_complete;
    llhttp_init(&r.parser, HTTP_REQUEST, &settings);
    llhttp_errno_t error = llhttp_execute(&r.parser, bytes, len);
    buf_done(&r.target);
    buf_done(&r.body);
    if (r.is_closed)
        error = HPE_OK;
    return json_pack("{s:o, s:s, s:b}", "requests", r.requests, "error", llhttp_errno_name(error),
                     "closed", r.is_closed);
}

int main(void)
{
    uint8_t prefix[4];
    while (fread(prefix, 1, sizeof prefix, stdin) == sizeof prefix) {
        size_t len =
            (size_t)prefix[0] << 24 | (size_t)prefix[1] << 16 | (size_t)prefix[2] << 8 | prefix[3];
        char *bytes = len <= MAX_CASE ? malloc(len + 1) : NULL;
        if (bytes == NULL || fread(bytes, 1, len, stdin) != len)
            return 1;
        json_t *result = run(bytes, len);
        free(bytes);
        if (result == NULL || json_dumpf(result, stdout, JSON_COMPACT) < 0)
            return 1;
        putchar('\n');
        json_decref(result);
    }
    return 0;
}
