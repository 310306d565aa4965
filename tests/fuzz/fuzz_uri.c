/* Any URI against any template: what is matched must be what a slow matcher written for this test
 * finds, in one way only; the values must lead back to a URI of the template with the same values.
 * The first line of the input is a template (or, as "0" to "5", one of ours), the rest the URI. */
#include <string.h>

#include "fuzz.h"
#include "json.h"
#include "uri_template.h"

enum { TEXT_MAX = 300, VARIABLES_MAX = 16 };

static const char *const templates[] = {
    "x://event/{source}/{name}", "sextant://schema/{source}",
    "sextant://sources",         "a:{b}",
    "test://template/{id}/data", "x://{a}.{b}",
};

/* ---- a matcher that tries every length ---- */

struct found {
    json_t *values;
    int ways;
};

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* NULL when it is malformed: a broken escape, a NUL, no UTF-8. */
static json_t *decoded(const char *text, size_t len)
{
    char out[TEXT_MAX + 1];
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        int c = (unsigned char)text[i];
        if (c == '%') {
            if (i + 2 >= len)
                return NULL;
            if (hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0)
                return NULL;
            c = hex(text[i + 1]) * 16 + hex(text[i + 2]);
            i += 2;
        }
        if (c == 0)
            return NULL;
        out[n++] = (char)c;
    }
    return json_stringn(out, n);
}

static void match(const char *t, const char *u, json_t *so_far, struct found *found)
{
    if (*t == '\0' && *u == '\0') {
        found->ways++;
        json_decref(found->values);
        found->values = json_deep_copy(so_far);
    }
    if (*t == '\0')
        return;
    if (*t != '{') {
        if (*t == *u)
            match(t + 1, u + 1, so_far, found);
        return;
    }
    const char *end = strchr(t, '}');
    char name[TEXT_MAX];
    memcpy(name, t + 1, (size_t)(end - t - 1));
    name[end - t - 1] = '\0';
    for (size_t len = 1; u[len - 1] != '\0' && strchr("/?#", u[len - 1]) == NULL; len++) {
        json_t *value = decoded(u, len);
        if (value == NULL)
            continue;
        json_object_set_new(so_far, name, value);
        match(end + 1, u + len, so_far, found);
        json_object_del(so_far, name);
    }
}

/* ---- one input ---- */

static void check_way_back(const char *uri_template, const json_t *values)
{
    char *uri = uri_template_expand(uri_template, values);
    check(uri != NULL, "values that were matched cannot be put back");
    check(strpbrk(uri_template, " \r\n") != NULL || strpbrk(uri, "{} \r\n") == NULL,
          "a URI with what is none in it");
    json_t *again = uri_template_match(uri_template, uri);
    check(again != NULL && json_equal(again, (json_t *)values), "other values come back");
    json_decref(again);
    free(uri);
}

static void try_template(const char *uri_template, const char *uri)
{
    struct found found = {0};
    json_t *so_far = json_object();
    match(uri_template, uri, so_far, &found);
    json_decref(so_far);
    json_t *values = uri_template_match(uri_template, uri);
    check(found.ways <= 1, "two ways to read a URI");
    check((values != NULL) == (found.ways == 1), "another verdict");
    if (values != NULL) {
        char names[VARIABLES_MAX][URI_VARIABLE_SIZE];
        size_t count = uri_template_variables(uri_template, names, VARIABLES_MAX);
        check(json_equal(values, found.values), "other values");
        for (size_t i = 0; i < count; i++)
            check(json_object_get(values, names[i]) != NULL, "a variable without a value");
        check(count == VARIABLES_MAX || json_object_size(values) == count, "the variables");
        check_way_back(uri_template, values);
    }
    json_decref(values);
    json_decref(found.values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT_MAX + 1];
    if (size > TEXT_MAX)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    char *uri = strchr(text, '\n');
    if (uri == NULL)
        return 0;
    *uri++ = '\0';
    const char *uri_template = text;
    if (text[0] >= '0' && text[0] <= '5' && text[1] == '\0')
        uri_template = templates[text[0] - '0'];
    struct err err = {.code = ERR_OK};
    if (uri_template_check(uri_template, &err) == 0)
        try_template(uri_template, uri);
    else
        check(err.text[0] != '\0', "a refusal without a word");
    return 0;
}
