#include "scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

void scan_init(struct scan *s, const char *text, size_t len)
{
    *s = (struct scan){.at = text, .end = text + len};
}

static void skip_blanks(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
        s->at++;
}

enum scan_kind scan_peek(struct scan *s)
{
    skip_blanks(s);
    if (s->at == s->end)
        return SCAN_ERROR;
    switch (*s->at) {
    case '{':
        return SCAN_OBJECT;
    case '[':
        return SCAN_ARRAY;
    case '"':
        return SCAN_STRING;
    case 't':
    case 'f':
    case 'n':
        return SCAN_LITERAL;
    default:
        return *s->at == '-' || (*s->at >= '0' && *s->at <= '9') ? SCAN_NUMBER : SCAN_ERROR;
    }
}

bool scan_enter(struct scan *s)
{
    enum scan_kind kind = scan_peek(s);
    if (kind != SCAN_OBJECT && kind != SCAN_ARRAY)
        return false;
    s->at++;
    return true;
}

/* At the opening quote. */
static bool read_string(struct scan *s, struct span *ret_string)
{
    const char *from = ++s->at;
    while (s->at < s->end) {
        char c = *s->at++;
        if (c == '"') {
            *ret_string = (struct span){from, (size_t)(s->at - 1 - from)};
            return true;
        }
        if (c == '\\' && s->at < s->end)
            s->at++;
    }
    return false;
}

/* Numbers and literals: everything up to a byte that ends one. */
static bool read_word(struct scan *s, struct span *ret_word)
{
    const char *from = s->at;
    while (s->at < s->end && strchr(" \n\r\t,:]}[{\"", *s->at) == NULL)
        s->at++;
    *ret_word = (struct span){from, (size_t)(s->at - from)};
    return s->at > from;
}

/* Between items: blanks and one comma. Returns false at the end of the text. */
static bool next_item(struct scan *s)
{
    skip_blanks(s);
    if (s->at < s->end && *s->at == ',') {
        s->at++;
        skip_blanks(s);
    }
    return s->at < s->end;
}

int scan_member(struct scan *s, struct span *ret_key)
{
    if (!next_item(s))
        return -1;
    if (*s->at == '}') {
        s->at++;
        return 0;
    }
    if (*s->at != '"' || !read_string(s, ret_key))
        return -1;
    skip_blanks(s);
    if (s->at == s->end || *s->at != ':')
        return -1;
    s->at++;
    return 1;
}

int scan_item(struct scan *s)
{
    if (!next_item(s))
        return -1;
    if (*s->at != ']')
        return 1;
    s->at++;
    return 0;
}

/* Counts brackets instead of following them, so that no depth is too much. */
bool scan_skip(struct scan *s)
{
    size_t depth = 0;
    struct span ignored;
    do {
        skip_blanks(s);
        if (s->at == s->end)
            return false;
        char c = *s->at;
        bool is_fine = true;
        if (c == '"') {
            is_fine = read_string(s, &ignored);
        } else if (c == '{' || c == '[') {
            depth++;
            s->at++;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
            s->at++;
        } else if ((c == ',' || c == ':') && depth > 0) {
            s->at++;
        } else {
            is_fine = scan_peek(s) != SCAN_ERROR && read_word(s, &ignored);
        }
        if (!is_fine)
            return false;
    } while (depth > 0);
    return true;
}

bool scan_string(struct scan *s, struct span *ret_string)
{
    *ret_string = (struct span){"", 0};
    return scan_peek(s) == SCAN_STRING ? read_string(s, ret_string) : scan_skip(s);
}

bool scan_integer(struct scan *s, int64_t fallback, int64_t *ret_value)
{
    *ret_value = fallback;
    struct span word;
    if (scan_peek(s) != SCAN_NUMBER)
        return scan_skip(s);
    if (!read_word(s, &word))
        return false;
    char text[64], *end;
    if (word.len >= sizeof text)
        return true;
    memcpy(text, word.text, word.len);
    text[word.len] = '\0';
    double value = strtod(text, &end);
    if (*end == '\0' && fabs(value) <= 9007199254740992.0)
        *ret_value = (int64_t)value;
    return true;
}

bool scan_boolean(struct scan *s, bool *ret_value)
{
    *ret_value = scan_peek(s) == SCAN_LITERAL && *s->at == 't';
    return scan_skip(s);
}

bool scan_raw(struct scan *s, struct span *ret_value)
{
    skip_blanks(s);
    const char *from = s->at;
    if (!scan_skip(s))
        return false;
    *ret_value = (struct span){from, (size_t)(s->at - from)};
    return true;
}

bool span_is(struct span span, const char *text)
{
    return span.len == strlen(text) && memcmp(span.text, text, span.len) == 0;
}

/* --- text ---------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits, or -1. */
static int32_t hex4(struct span in, size_t at)
{
    if (in.len - at < 4)
        return -1;
    int32_t value = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_digit(in.text[at + i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

enum { REPLACEMENT = 0xfffd };

/* The character after a backslash; *at stands behind the backslash and moves past it. */
static int32_t unescape(struct span in, size_t *at)
{
    if (*at == in.len)
        return REPLACEMENT;
    char c = in.text[(*at)++];
    if (c != 'u')
        return c == 'n' || c == 't' || c == 'r' || c == 'b' || c == 'f' ? ' ' : (unsigned char)c;
    int32_t high = hex4(in, *at);
    if (high < 0)
        return REPLACEMENT;
    *at += 4;
    if (high < 0xd800 || high > 0xdfff)
        return high;
    int32_t low = in.len - *at >= 6 && in.text[*at] == '\\' && in.text[*at + 1] == 'u'
                      ? hex4(in, *at + 2)
                      : -1;
    if (high > 0xdbff || low < 0xdc00 || low > 0xdfff)
        return REPLACEMENT; /* half of a pair */
    *at += 6;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* One character; U+FFFD for a byte that begins none. */
static int32_t decode_utf8(struct span in, size_t *at)
{
    const unsigned char *b = (const unsigned char *)in.text + *at;
    size_t len = utf8_length(in.text + *at, in.len - *at);
    *at += len > 0 ? len : 1;
    if (len <= 1)
        return len == 1 ? b[0] : REPLACEMENT;
    int32_t c = b[0] & (0xff >> (len + 1));
    for (size_t i = 1; i < len; i++)
        c = (c << 6) | (b[i] & 0x3f);
    return c;
}

size_t span_text(struct span span, char *out, size_t size)
{
    size_t len = 0;
    for (size_t at = 0; at < span.len;) {
        bool is_escape = span.text[at] == '\\';
        at += is_escape ? 1 : 0;
        int32_t c = is_escape ? unescape(span, &at) : decode_utf8(span, &at);
        if (c <= ' ' || c == 0x7f || c == 0xa0)
            c = ' ';
        if (c == ' ' && (len == 0 || out[len - 1] == ' '))
            continue;
        char bytes[4];
        size_t n = utf8_encode((unsigned)c, bytes);
        if (len + n >= size)
            break;
        memcpy(out + len, bytes, n);
        len += n;
    }
    while (len > 0 && out[len - 1] == ' ')
        len--;
    out[len] = '\0';
    return len;
}
