/* JSON with places to fill in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "fixture.h"
#include "json.h"

json_t *fixture_json(const char *text)
{
    struct err err;
    json_t *value = json_parse(text, strlen(text), &err);
    if (value == NULL) {
        fprintf(stderr, "%s\nin %s\n", err.text, text);
        exit(EXIT_FAILURE);
    }
    return value;
}

/* The member that a path of `len` bytes names, "arguments.prompt"; NULL when there is none. */
static const json_t *member_at(const json_t *values, const char *path, size_t len)
{
    const char *end = path + len;
    while (values != NULL && path < end) {
        const char *dot = memchr(path, '.', (size_t)(end - path));
        int name_len = (int)((dot != NULL ? dot : end) - path);
        char name[64];
        snprintf(name, sizeof name, "%.*s", name_len, path);
        values = json_object_get(values, name);
        path += name_len + 1;
    }
    return values;
}

static void add_value(struct buf *out, const json_t *value)
{
    if (json_is_string(value)) {
        buf_puts(out, json_string_value(value));
        return;
    }
    char *text = value != NULL ? json_text(value) : NULL;
    buf_puts(out, text != NULL ? text : "(nothing)");
    free(text);
}

static json_t *fill_text(const char *text, const json_t *values)
{
    struct buf out;
    buf_init(&out, 0);
    const char *place = NULL;
    while ((place = strstr(text, "${")) != NULL) {
        const char *end = strchr(place, '}');
        if (end == NULL)
            break;
        buf_add(&out, text, (size_t)(place - text));
        add_value(&out, member_at(values, place + 2, (size_t)(end - place - 2)));
        text = end + 1;
    }
    buf_puts(&out, text);
    json_t *filled = buf_failed(&out) ? NULL : json_string(buf_text(&out));
    buf_done(&out);
    return filled;
}

static json_t *fill_array(const json_t *template, const json_t *values)
{
    json_t *filled = json_array();
    size_t i = 0;
    json_t *element = NULL;
    json_array_foreach (template, i, element) {
        if (json_array_append_new(filled, fixture_fill(element, values)) < 0) {
            json_decref(filled);
            return NULL;
        }
    }
    return filled;
}

static json_t *fill_object(const json_t *template, const json_t *values)
{
    json_t *filled = json_object();
    const char *name = NULL;
    json_t *member = NULL;
    json_object_foreach ((json_t *)template, name, member) {
        if (json_object_set_new(filled, name, fixture_fill(member, values)) < 0) {
            json_decref(filled);
            return NULL;
        }
    }
    return filled;
}

json_t *fixture_fill(const json_t *template, const json_t *values)
{
    switch (json_typeof(template)) {
    case JSON_STRING:
        return fill_text(json_string_value(template), values);
    case JSON_ARRAY:
        return fill_array(template, values);
    case JSON_OBJECT:
        return fill_object(template, values);
    default:
        return json_deep_copy(template);
    }
}
