#include "uri_template.h"

#include <ctype.h>
#include <string.h>

#include "json.h"

/* What ends a segment, and so a variable. */
#define ENDS "/?#"

/* What a URI may hold beside letters and digits (RFC 3986): in a name, and anywhere. */
#define UNRESERVED "-._~"
#define PLAIN      UNRESERVED ":/?#[]@!$&'()*+,;=%"

static bool is_one_of(char c, const char *others)
{
    return c != '\0' && (isalnum((unsigned char)c) || strchr(others, c) != NULL);
}

/* The name after an opening brace. Returns what follows the closing one, or NULL when it is not a
 * plain name. */
static const char *read_name(const char *text, char ret_name[URI_VARIABLE_SIZE])
{
    size_t len = 0;
    while (isalnum((unsigned char)text[len]) || text[len] == '_')
        len++;
    if (len == 0 || len >= URI_VARIABLE_SIZE || text[len] != '}')
        return NULL;
    memcpy(ret_name, text, len);
    ret_name[len] = '\0';
    return text + len + 1;
}

static bool has_variable_named(const char *uri_template, const char *variable)
{
    char name[URI_VARIABLE_SIZE];
    for (const char *c = strchr(uri_template, '{'); c != NULL; c = strchr(c + 1, '{')) {
        if (read_name(c + 1, name) != NULL && strcmp(name, variable) == 0)
            return true;
    }
    return false;
}

bool uri_template_is(const char *uri)
{
    return strpbrk(uri, "{}") != NULL;
}

int uri_template_check(const char *uri_template, struct err *ret_err)
{
    bool has_variable = false; /* this segment */
    char name[URI_VARIABLE_SIZE];
    for (const char *c = uri_template; *c != '\0';) {
        if (strchr(ENDS, *c) != NULL)
            has_variable = false;
        if (is_one_of(*c, PLAIN)) {
            c++;
            continue;
        }
        const char *after = *c == '{' ? read_name(c + 1, name) : NULL;
        if (after == NULL)
            return err_set(
                ret_err, ERR_INTERNAL, NULL,
                "%s: only what a URI may hold stands in a template, and {name} of letters, "
                "digits and _",
                uri_template);
        if (has_variable)
            return err_set(ret_err, ERR_INTERNAL, NULL, "%s: two variables in one segment",
                           uri_template);
        if (has_variable_named(after, name))
            return err_set(ret_err, ERR_INTERNAL, NULL, "%s: {%s} stands there twice", uri_template,
                           name);
        has_variable = true;
        c = after;
    }
    return 0;
}

size_t uri_template_variables(const char *uri_template, char ret_names[][URI_VARIABLE_SIZE],
                              size_t max)
{
    size_t count = 0;
    for (const char *c = strchr(uri_template, '{'); c != NULL && count < max;
         c = strchr(c + 1, '{'))
        count += read_name(c + 1, ret_names[count]) != NULL;
    return count;
}

/* The value of a hexadecimal digit, or -1. */
static int digit_of(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, tolower((unsigned char)c)) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* The decoded text, or NULL when it is malformed, no UTF-8, or has a NUL. */
static json_t *decode(const char *text, size_t len)
{
    struct buf out;
    buf_init(&out, 0);
    bool is_good = true;
    for (size_t i = 0; is_good && i < len; i++) {
        char c = text[i];
        if (c == '%') {
            int high = i + 2 < len ? digit_of(text[i + 1]) : -1;
            int low = i + 2 < len ? digit_of(text[i + 2]) : -1;
            c = high < 0 || low < 0 ? '\0' : (char)(high * 16 + low);
            i += 2;
        }
        is_good = c != '\0';
        buf_putc(&out, c);
    }
    json_t *value = is_good && !buf_failed(&out) ? json_stringn(buf_text(&out), out.len) : NULL;
    buf_done(&out);
    return value;
}

json_t *uri_template_match(const char *uri_template, const char *uri)
{
    char name[URI_VARIABLE_SIZE];
    json_t *values = json_object();
    const char *t = uri_template, *u = uri;
    while (*t != '\0' && values != NULL) {
        const char *after = *t == '{' ? read_name(t + 1, name) : NULL;
        if (after == NULL) {
            if (*t != *u)
                break;
            t++;
            u++;
            continue;
        }
        size_t segment = strcspn(u, ENDS), rest = strcspn(after, ENDS);
        if (segment <= rest || json_object_set_new(values, name, decode(u, segment - rest)) != 0)
            break;
        u += segment - rest;
        t = after;
    }
    if (*t == '\0' && *u == '\0')
        return values;
    json_decref(values);
    return NULL;
}

static void add_encoded(struct buf *out, const char *text, const char *kept)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (is_one_of(*c, kept))
            buf_putc(out, *c);
        else
            buf_printf(out, "%%%02X", (unsigned char)*c);
    }
}

void uri_add_encoded(struct buf *out, const char *text)
{
    add_encoded(out, text, UNRESERVED);
}

bool uri_is_plain(const char *text)
{
    while (is_one_of(*text, PLAIN))
        text++;
    return *text == '\0';
}

char *uri_plain(const char *text)
{
    struct buf out;
    buf_init(&out, 0);
    add_encoded(&out, text, PLAIN);
    return buf_take(&out);
}

char *uri_template_expand(const char *uri_template, const json_t *values)
{
    char name[URI_VARIABLE_SIZE];
    struct buf out;
    buf_init(&out, 0);
    for (const char *c = uri_template; *c != '\0';) {
        const char *after = *c == '{' ? read_name(c + 1, name) : NULL;
        if (after == NULL) {
            buf_putc(&out, *c++);
            continue;
        }
        const char *value = json_get_string(values, name, "");
        if (value[0] == '\0') {
            buf_done(&out);
            return NULL;
        }
        uri_add_encoded(&out, value);
        c = after;
    }
    return buf_take(&out);
}
