#include "http1.h"

#include <string.h>

/* What a byte may be part of: RFC 9110 §5.6.2 token, RFC 9112 §3.2 request target (a little wider:
 * brackets are common in queries), RFC 9110 §5.5 field value (beside space and tab), RFC 9110 §7.2
 * Host. Bytes above 0x7E are allowed in field values only. */
enum { TOKEN = 1, TARGET = 2, VALUE = 4, HOST = 8, HEX = 16 };
#define ____ 0
#define V___ VALUE
#define TV__ (TOKEN | VALUE)
#define UV__ (TARGET | VALUE)
#define UVH_ (TARGET | VALUE | HOST)
#define TUV_ (TOKEN | TARGET | VALUE)
#define ALL_ (TOKEN | TARGET | VALUE | HOST)
#define AHEX (TOKEN | TARGET | VALUE | HOST | HEX)

static const unsigned char classes[128] = {
    /* clang-format off */
    ____, ____, ____, ____, ____, ____, ____, ____, ____, ____, ____, ____, ____, ____, ____, ____,
    ____, ____, ____, ____, ____, ____, ____, ____, ____, ____, ____, ____, ____, ____, ____, ____,
    /*      !     "     #     $     %     &     '     (     )     *     +     ,     -     .     / */
    ____, TUV_, V___, TV__, TUV_, ALL_, TUV_, TUV_, UV__, UV__, TUV_, TUV_, UV__, ALL_, ALL_, UV__,
    /*0   1     2     3     4     5     6     7     8     9     :     ;     <     =     >     ? */
    AHEX, AHEX, AHEX, AHEX, AHEX, AHEX, AHEX, AHEX, AHEX, AHEX, UVH_, UV__, V___, UV__, V___, UV__,
    /*@   A     B     C     D     E     F     G … */
    UV__, AHEX, AHEX, AHEX, AHEX, AHEX, AHEX, ALL_, ALL_, ALL_, ALL_, ALL_, ALL_, ALL_, ALL_, ALL_,
    /*                                                                [     \     ]     ^     _ */
    ALL_, ALL_, ALL_, ALL_, ALL_, ALL_, ALL_, ALL_, ALL_, ALL_, ALL_, UVH_, V___, UVH_, TV__, ALL_,
    /*`   a     b     c     d     e     f     g … */
    TV__, AHEX, AHEX, AHEX, AHEX, AHEX, AHEX, ALL_, ALL_, ALL_, ALL_, ALL_, ALL_, ALL_, ALL_, ALL_,
    /*                                                                {     |     }     ~    DEL */
    ALL_, ALL_, ALL_, ALL_, ALL_, ALL_, ALL_, ALL_, ALL_, ALL_, ALL_, V___, TV__, V___, ALL_, ____,
    /* clang-format on */
};

enum state {
    START,    /* before the first byte of a request; one empty line is passed over */
    START_LF, /* in that empty line */
    METHOD,
    REQUEST_TARGET,
    VERSION,
    LINE_LF,
    FIELD_START,
    FIELD_NAME,
    FIELD_SPACE, /* between the colon and the value */
    FIELD_VALUE,
    FIELD_LF,
    HEAD_LF,
    BODY_FIXED, /* from here on the head is complete */
    CHUNK_SIZE,
    CHUNK_EXT_NAME,
    CHUNK_EXT_VALUE,
    CHUNK_QUOTED,
    CHUNK_ESCAPED,
    CHUNK_EXT_END,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_CR,
    CHUNK_LF,
    LAST_CR,
    LAST_LF,
    FINISHED,
    BETWEEN, /* END was reported: the next feed begins anew */
    DEAD,
};

enum { MAX_LENGTH_DIGITS = 10, MAX_CHUNK_DIGITS = 8 };

/* Headers that may come only once: two of them would mean two things to two readers. */
enum only_once { ONCE_HOST, ONCE_LENGTH, ONCE_ENCODING, ONCE_EXPECT };
static const char *const once_names[] = {
    [ONCE_HOST] = "host",
    [ONCE_LENGTH] = "content-length",
    [ONCE_ENCODING] = "transfer-encoding",
    [ONCE_EXPECT] = "expect",
    "content-type",
    "content-encoding",
    "authorization",
    "origin",
    "mcp-protocol-version",
    "mcp-method",
    "mcp-name",
    "mcp-session-id",
    "last-event-id",
};

static bool is_of(unsigned char c, int class)
{
    return c < 128 && (classes[c] & class) != 0;
}

static bool is_field_byte(unsigned char c)
{
    return c >= 128 || c == ' ' || c == '\t' || (classes[c] & VALUE) != 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool equal_nocase(const char *text, size_t len, const char *lower)
{
    for (size_t i = 0; i < len; i++)
        if (lower[i] == '\0' || to_lower(text[i]) != lower[i])
            return false;
    return lower[len] == '\0';
}

void http1_init(struct http1 *p, uint64_t max_body)
{
    /* The head is not cleared: nothing reads beyond head_len. */
    memset(p, 0, offsetof(struct http1, head));
    p->max_body = max_body;
    p->state = START;
}

static enum http1_event reject(struct http1 *p, int status, const char *reason)
{
    p->state = DEAD;
    p->status = status;
    p->reason = reason;
    p->keep_alive = false;
    return HTTP1_REJECT;
}

const char *http1_header(const struct http1 *p, const char *name)
{
    for (size_t i = 0; i < p->header_count; i++)
        if (strcmp(p->headers[i].name, name) == 0)
            return p->headers[i].value;
    return NULL;
}

/* ---- what the complete head means ---- */

static enum http1_event check_target(struct http1 *p)
{
    if (strcmp(p->method, "CONNECT") == 0)
        return reject(p, 501, "CONNECT is not supported");
    const char *target = p->target;
    if (target[0] == '/')
        return HTTP1_NEED_MORE;
    if (strcmp(target, "*") == 0 && strcmp(p->method, "OPTIONS") == 0)
        return HTTP1_NEED_MORE;
    /* Absolute form, for a server that is taken for a proxy (RFC 9112 §3.2.2). */
    for (size_t i = 0; i < 2; i++) {
        const char *scheme = i == 0 ? "http://" : "https://";
        size_t len = strlen(scheme);
        if (strlen(target) > len && equal_nocase(target, len, scheme) && target[len] != '/')
            return HTTP1_NEED_MORE;
    }
    return reject(p, 400, "the request target is neither a path nor an http URL");
}

static enum http1_event check_version(struct http1 *p, const char *version)
{
    if (strncmp(version, "HTTP/", 5) != 0 || !is_digit(version[5]) || version[6] != '.' ||
        !is_digit(version[7]) || version[8] != '\0')
        return reject(p, 400, "the request line does not end with an HTTP version");
    if (version[5] != '1' || version[7] > '1')
        return reject(p, 505, "only HTTP/1.0 and HTTP/1.1 are spoken");
    p->minor_version = version[7] - '0';
    return HTTP1_NEED_MORE;
}

static enum http1_event take_host(struct http1 *p, const char *value)
{
    for (const char *c = value; *c != '\0'; c++)
        if (!is_of((unsigned char)*c, HOST))
            return reject(p, 400, "Host holds a byte that no host name has");
    return HTTP1_NEED_MORE;
}

static enum http1_event take_length(struct http1 *p, const char *value)
{
    size_t digits = strspn(value, "0123456789");
    if (digits == 0 || value[digits] != '\0')
        return reject(p, 400, "Content-Length is not a number");
    if (digits > MAX_LENGTH_DIGITS)
        return reject(p, 413, "the body is too large");
    p->content_length = 0;
    for (size_t i = 0; i < digits; i++)
        p->content_length = p->content_length * 10 + (uint64_t)(value[i] - '0');
    if (p->content_length > p->max_body)
        return reject(p, 413, "the body is too large");
    p->has_body = p->content_length > 0;
    return HTTP1_NEED_MORE;
}

static enum http1_event take_encoding(struct http1 *p, const char *value)
{
    if (p->minor_version == 0)
        return reject(p, 400, "Transfer-Encoding does not exist in HTTP/1.0");
    if (!equal_nocase(value, strlen(value), "chunked"))
        return reject(p, 501, "the only Transfer-Encoding understood is chunked");
    p->is_chunked = true;
    p->has_body = true;
    return HTTP1_NEED_MORE;
}

static enum http1_event take_expect(struct http1 *p, const char *value)
{
    if (p->minor_version == 0)
        return HTTP1_NEED_MORE;
    if (!equal_nocase(value, strlen(value), "100-continue"))
        return reject(p, 417, "the only expectation understood is 100-continue");
    p->expects_continue = true;
    return HTTP1_NEED_MORE;
}

/* Notes "close" and "keep-alive" in a Connection list; "close" wins over everything. */
static void take_connection(const char *value, bool *ret_close, bool *ret_keep)
{
    for (const char *c = value; *c != '\0';) {
        size_t len = strcspn(c, ",");
        size_t skip = strspn(c, " \t");
        size_t end = len;
        while (end > skip && (c[end - 1] == ' ' || c[end - 1] == '\t'))
            end--;
        if (end > skip && equal_nocase(c + skip, end - skip, "close"))
            *ret_close = true;
        if (end > skip && equal_nocase(c + skip, end - skip, "keep-alive"))
            *ret_keep = true;
        c += len + (c[len] == ',');
    }
}

/* The head is complete and well formed: what does it announce? */
static enum http1_event finish_head(struct http1 *p)
{
    static enum http1_event (*const takers[])(struct http1 *, const char *) = {
        [ONCE_HOST] = take_host,
        [ONCE_LENGTH] = take_length,
        [ONCE_ENCODING] = take_encoding,
        [ONCE_EXPECT] = take_expect,
    };
    if ((p->seen & 1U << ONCE_LENGTH) != 0 && (p->seen & 1U << ONCE_ENCODING) != 0)
        return reject(p, 400, "Content-Length and Transfer-Encoding exclude each other");
    if ((p->seen & 1U << ONCE_HOST) == 0 && p->minor_version == 1)
        return reject(p, 400, "Host is missing");
    bool close = false, keep = false;
    for (size_t i = 0; i < p->header_count; i++) {
        const struct http1_header *header = &p->headers[i];
        if (strcmp(header->name, "connection") == 0)
            take_connection(header->value, &close, &keep);
        for (size_t k = 0; k < sizeof takers / sizeof *takers; k++)
            if (strcmp(header->name, once_names[k]) == 0 &&
                takers[k](p, header->value) == HTTP1_REJECT)
                return HTTP1_REJECT;
    }
    p->keep_alive = !close && (p->minor_version == 1 || keep);
    p->body_left = p->content_length;
    if (p->is_chunked)
        p->state = CHUNK_SIZE;
    else
        p->state = p->has_body ? BODY_FIXED : FINISHED;
    return HTTP1_HEAD;
}

/* ---- the head, byte by byte; every byte read is kept at head[head_len - 1] ---- */

/* Ends the text that began at mark in place of the byte just read. */
static const char *end_text(struct http1 *p)
{
    p->head[p->head_len - 1] = '\0';
    return p->head + p->mark;
}

static enum http1_event end_field(struct http1 *p)
{
    struct http1_header *header = &p->headers[p->header_count];
    size_t end = p->head_len - 1;
    while (end > p->mark && (p->head[end - 1] == ' ' || p->head[end - 1] == '\t'))
        end--;
    p->head[end] = '\0';
    header->value = p->head + p->mark;
    p->header_count++;
    for (size_t k = 0; k < sizeof once_names / sizeof *once_names; k++) {
        if (strcmp(header->name, once_names[k]) != 0)
            continue;
        if ((p->seen & 1U << k) != 0)
            return reject(p, 400, "a header that may come only once came twice");
        p->seen |= 1U << k;
    }
    p->state = FIELD_LF;
    return HTTP1_NEED_MORE;
}

static enum http1_event step_request_line(struct http1 *p, char c)
{
    switch (p->state) {
    case START:
        p->mark = 0;
        if (c == '\r' && !p->is_blank_skipped) {
            p->state = START_LF;
            return HTTP1_NEED_MORE;
        }
        p->state = METHOD;
        __attribute__((fallthrough));
    case METHOD:
        if (c == ' ' && p->head_len - 1 > p->mark) {
            p->method = end_text(p);
            p->mark = p->head_len;
            p->state = REQUEST_TARGET;
        } else if (!is_of((unsigned char)c, TOKEN)) {
            return reject(p, 400, "the request does not begin with a method");
        }
        return HTTP1_NEED_MORE;
    case START_LF:
        if (c != '\n')
            return reject(p, 400, "a line does not end with CR LF");
        p->is_blank_skipped = true;
        p->head_len = 0;
        p->state = START;
        return HTTP1_NEED_MORE;
    case REQUEST_TARGET:
        if (c == ' ' && p->head_len - 1 > p->mark) {
            p->target = end_text(p);
            p->mark = p->head_len;
            p->state = VERSION;
            return check_target(p);
        }
        if (!is_of((unsigned char)c, TARGET))
            return reject(p, 400, "the request target holds a byte that belongs in no URL");
        return HTTP1_NEED_MORE;
    case VERSION:
        if (c == '\r') {
            p->state = LINE_LF;
            return check_version(p, end_text(p));
        }
        if (!is_of((unsigned char)c, TARGET))
            return reject(p, 400, "the request line does not end with an HTTP version");
        return HTTP1_NEED_MORE;
    default: /* LINE_LF */
        p->state = FIELD_START;
        return c == '\n' ? HTTP1_NEED_MORE : reject(p, 400, "a line does not end with CR LF");
    }
}

static enum http1_event step_field(struct http1 *p, char c)
{
    switch (p->state) {
    case FIELD_START:
        if (c == '\r') {
            p->state = HEAD_LF;
            return HTTP1_NEED_MORE;
        }
        if (c == ' ' || c == '\t')
            return reject(p, 400, "a header line begins with white space");
        if (p->header_count == HTTP1_MAX_HEADERS)
            return reject(p, 431, "too many headers");
        p->mark = p->head_len - 1;
        p->state = FIELD_NAME;
        __attribute__((fallthrough));
    case FIELD_NAME:
        if (c == ':' && p->head_len - 1 > p->mark) {
            p->headers[p->header_count].name = end_text(p);
            p->state = FIELD_SPACE;
        } else if (is_of((unsigned char)c, TOKEN)) {
            p->head[p->head_len - 1] = to_lower(c);
        } else {
            return reject(p, 400, "a header name holds a byte that belongs in no name");
        }
        return HTTP1_NEED_MORE;
    case FIELD_SPACE:
        if (c == ' ' || c == '\t')
            return HTTP1_NEED_MORE;
        p->mark = p->head_len - 1;
        p->state = FIELD_VALUE;
        __attribute__((fallthrough));
    case FIELD_VALUE:
        if (c == '\r')
            return end_field(p);
        if (!is_field_byte((unsigned char)c))
            return reject(p, 400, "a header value holds a control byte");
        return HTTP1_NEED_MORE;
    case FIELD_LF:
        p->state = FIELD_START;
        return c == '\n' ? HTTP1_NEED_MORE : reject(p, 400, "a line does not end with CR LF");
    default: /* HEAD_LF */
        return c == '\n' ? finish_head(p) : reject(p, 400, "a line does not end with CR LF");
    }
}

static enum http1_event feed_head(struct http1 *p, const char **bytes, size_t *len)
{
    while (*len > 0) {
        bool is_line = p->state < FIELD_START;
        if (is_line && p->head_len == HTTP1_MAX_LINE)
            return reject(p, 414, "the request line is too long");
        if (p->head_len == HTTP1_MAX_HEAD)
            return reject(p, 431, "the headers are too large");
        char c = **bytes;
        (*bytes)++;
        (*len)--;
        p->head[p->head_len++] = c;
        enum http1_event event = is_line ? step_request_line(p, c) : step_field(p, c);
        if (event != HTTP1_NEED_MORE)
            return event;
    }
    return HTTP1_NEED_MORE;
}

/* ---- the body ---- */

/* The size line is complete: a chunk of data, or the end. */
static enum http1_event begin_chunk(struct http1 *p)
{
    if (p->body_left > p->max_body - p->body_seen)
        return reject(p, 413, "the body is too large");
    p->body_seen += p->body_left;
    p->state = p->body_left > 0 ? CHUNK_DATA : LAST_CR;
    return HTTP1_NEED_MORE;
}

static enum http1_event step_chunk_size(struct http1 *p, char c)
{
    if (is_of((unsigned char)c, HEX)) {
        if (++p->chunk_digits > MAX_CHUNK_DIGITS)
            return reject(p, 413, "a chunk size is too long");
        char lower = to_lower(c);
        unsigned digit = (unsigned)(is_digit(c) ? c - '0' : lower - 'a' + 10);
        p->body_left = p->body_left * 16 + digit;
        return HTTP1_NEED_MORE;
    }
    if (p->chunk_digits == 0 || (c != '\r' && c != ';'))
        return reject(p, 400, "a chunk size is not a hexadecimal number");
    p->state = c == '\r' ? CHUNK_SIZE_LF : CHUNK_EXT_NAME;
    p->mark = 0;
    return HTTP1_NEED_MORE;
}

/* Extensions are checked and passed over: ;name, ;name=token, ;name="quoted" (RFC 9112 §7.1.1,
 * without its optional white space). The mark counts the bytes of the current name or token. */
static enum http1_event step_extension(struct http1 *p, char c)
{
    if (++p->extra > HTTP1_MAX_EXTENSIONS)
        return reject(p, 413, "the chunk extensions are too long");
    if (p->state == CHUNK_ESCAPED || (p->state == CHUNK_QUOTED && c != '"')) {
        p->state = p->state == CHUNK_QUOTED && c == '\\' ? CHUNK_ESCAPED : CHUNK_QUOTED;
        if (is_field_byte((unsigned char)c))
            return HTTP1_NEED_MORE;
    } else if (p->state == CHUNK_QUOTED) {
        p->state = CHUNK_EXT_END;
        return HTTP1_NEED_MORE;
    } else if (p->state != CHUNK_EXT_END && is_of((unsigned char)c, TOKEN)) {
        p->mark++;
        return HTTP1_NEED_MORE;
    } else if (p->state == CHUNK_EXT_NAME && c == '=' && p->mark > 0) {
        p->state = CHUNK_EXT_VALUE;
        p->mark = 0;
        return HTTP1_NEED_MORE;
    } else if (p->state == CHUNK_EXT_VALUE && c == '"' && p->mark == 0) {
        p->state = CHUNK_QUOTED;
        return HTTP1_NEED_MORE;
    } else if ((c == '\r' || c == ';') && (p->state == CHUNK_EXT_END || p->mark > 0)) {
        p->state = c == '\r' ? CHUNK_SIZE_LF : CHUNK_EXT_NAME;
        p->mark = 0;
        return HTTP1_NEED_MORE;
    }
    return reject(p, 400, "a chunk extension is malformed");
}

static enum http1_event step_chunk(struct http1 *p, char c)
{
    static const struct {
        char want;
        int next;
    } line_ends[] = {
        [CHUNK_CR] = {'\r', CHUNK_LF},
        [CHUNK_LF] = {'\n', CHUNK_SIZE},
        [LAST_CR] = {'\r', LAST_LF},
        [LAST_LF] = {'\n', FINISHED},
    };
    switch (p->state) {
    case CHUNK_SIZE:
        return step_chunk_size(p, c);
    case CHUNK_EXT_NAME:
    case CHUNK_EXT_VALUE:
    case CHUNK_QUOTED:
    case CHUNK_ESCAPED:
    case CHUNK_EXT_END:
        return step_extension(p, c);
    case CHUNK_SIZE_LF:
        if (c != '\n')
            return reject(p, 400, "a chunk size line does not end with CR LF");
        return begin_chunk(p);
    default:
        if (c != line_ends[p->state].want)
            return reject(p, 400,
                          p->state == LAST_CR ? "trailers are not accepted"
                                              : "a chunk does not end with CR LF");
        p->state = line_ends[p->state].next;
        if (p->state == CHUNK_SIZE) {
            p->chunk_digits = 0;
            p->body_left = 0;
        }
        return HTTP1_NEED_MORE;
    }
}

static enum http1_event hand_body(struct http1 *p, const char **bytes, size_t *len,
                                  const char **ret_body, size_t *ret_body_len)
{
    size_t n = *len < p->body_left ? *len : (size_t)p->body_left;
    *ret_body = *bytes;
    *ret_body_len = n;
    *bytes += n;
    *len -= n;
    p->body_left -= n;
    if (p->body_left == 0)
        p->state = p->state == BODY_FIXED ? FINISHED : CHUNK_CR;
    return HTTP1_BODY;
}

enum http1_event http1_feed(struct http1 *p, const char **bytes, size_t *len, const char **ret_body,
                            size_t *ret_body_len)
{
    for (;;) {
        if (p->state == DEAD)
            return HTTP1_REJECT;
        if (p->state == FINISHED) {
            p->state = BETWEEN;
            return HTTP1_END;
        }
        if (*len == 0)
            return HTTP1_NEED_MORE;
        if (p->state == BETWEEN)
            http1_init(p, p->max_body);
        if (p->state == BODY_FIXED || p->state == CHUNK_DATA)
            return hand_body(p, bytes, len, ret_body, ret_body_len);
        enum http1_event event;
        if (p->state < BODY_FIXED) {
            event = feed_head(p, bytes, len);
        } else {
            char c = **bytes;
            (*bytes)++;
            (*len)--;
            event = step_chunk(p, c);
        }
        if (event != HTTP1_NEED_MORE)
            return event;
    }
}
