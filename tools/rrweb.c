#include "rrweb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rrweb_page.h"
#include "scan.h"

/* --- one event ------------------------------------------------------------------------------ */

/* The members of an event's data that any type uses; spans of raw JSON are read in a second pass,
 * when the type is known, so that the order of keys does not matter. */
struct data {
    int64_t source, type, id, x, y, width, height;
    bool is_checked;
    struct span href, text, tag, plugin, payload, level, node, adds, removes, texts, attributes;
};

static bool read_member(struct scan *s, struct span key, struct data *d)
{
    const struct {
        const char *name;
        int64_t *value;
    } integers[] = {{"source", &d->source}, {"type", &d->type}, {"id", &d->id},
                    {"x", &d->x},           {"y", &d->y},       {"width", &d->width},
                    {"height", &d->height}};
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++)
        if (span_is(key, integers[i].name))
            return scan_integer(s, -1, integers[i].value);
    const struct {
        const char *name;
        struct span *value;
    } strings[] = {{"href", &d->href},
                   {"text", &d->text},
                   {"tag", &d->tag},
                   {"plugin", &d->plugin},
                   {"level", &d->level}};
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++)
        if (span_is(key, strings[i].name))
            return scan_string(s, strings[i].value);
    const struct {
        const char *name;
        struct span *value;
    } raws[] = {{"payload", &d->payload}, {"node", &d->node},   {"adds", &d->adds},
                {"removes", &d->removes}, {"texts", &d->texts}, {"attributes", &d->attributes}};
    for (size_t i = 0; i < sizeof raws / sizeof raws[0]; i++)
        if (span_is(key, raws[i].name))
            return scan_raw(s, raws[i].value);
    if (span_is(key, "isChecked"))
        return scan_boolean(s, &d->is_checked);
    return scan_skip(s);
}

static bool read_data(struct span raw, struct data *d)
{
    static const struct span none = {"", 0};
    *d = (struct data){-1, -1, -1, -1, -1, -1, -1};
    struct span *spans[] = {&d->href, &d->text, &d->tag,     &d->plugin, &d->payload,   &d->level,
                            &d->node, &d->adds, &d->removes, &d->texts,  &d->attributes};
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++)
        *spans[i] = none;
    struct scan s;
    struct span key;
    int rc = 0;
    scan_init(&s, raw.text, raw.len);
    if (scan_peek(&s) != SCAN_OBJECT)
        return true; /* a string or nothing: an event without members */
    scan_enter(&s);
    while ((rc = scan_member(&s, &key)) == 1)
        if (!read_member(&s, key, d))
            return false;
    return rc == 0;
}

/* The recorder stringifies each argument of console.error(…): "\"text\"". One level of quotes is
 * taken off here, the other by span_text() below. */
static void add_argument(struct span argument, char *out, size_t size)
{
    char once[RRWEB_TEXT_MAX];
    size_t len = span_text(argument, once, sizeof once);
    struct span inner = {once, len};
    if (len > 0 && once[0] == '"') {
        inner.text++;
        inner.len -= len > 1 && once[len - 1] == '"' ? 2 : 1;
    }
    size_t at = strlen(out);
    if (at > 0 && at + 1 < size)
        out[at++] = ' ';
    if (at < size)
        span_text(inner, out + at, size - at);
}

static void join_arguments(struct span raw, char *out, size_t size)
{
    struct scan s;
    struct span item;
    out[0] = '\0';
    scan_init(&s, raw.text, raw.len);
    if (scan_peek(&s) != SCAN_ARRAY || !scan_enter(&s))
        return;
    while (scan_item(&s) == 1) {
        bool is_string = scan_peek(&s) == SCAN_STRING;
        if (!(is_string ? scan_string(&s, &item) : scan_raw(&s, &item)))
            return;
        add_argument(item, out, size);
    }
}

/* {level, trace, payload} of the console plugin, or of the older Log source. */
static void read_log(struct span level, struct span payload, struct rrweb_event *e)
{
    span_text(level, e->name, sizeof e->name);
    join_arguments(payload, e->text, sizeof e->text);
}

static void read_plugin(const struct data *d, struct rrweb_event *e)
{
    struct data log;
    if (d->plugin.len >= 13 && memcmp(d->plugin.text, "rrweb/console", 13) == 0 &&
        read_data(d->payload, &log)) {
        e->source = RRWEB_LOG;
        read_log(log.level, log.payload, e);
        return;
    }
    span_text(d->plugin, e->name, sizeof e->name);
    span_text(d->payload, e->text, sizeof e->text);
}

static bool read_increment(struct rrweb_page *page, const struct data *d, struct rrweb_event *e)
{
    e->source = d->source >= 0 && d->source <= INT16_MAX ? (int)d->source : -1;
    e->mouse = (e->source == RRWEB_MOUSE || e->source == RRWEB_MEDIA) && d->type <= INT16_MAX
                   ? (int)d->type
                   : -1;
    e->node = d->id;
    if (e->source == RRWEB_INPUT)
        span_text(d->text, e->text, sizeof e->text);
    if (e->source == RRWEB_LOG)
        read_log(d->level, d->payload, e);
    if (e->source == RRWEB_MUTATION) {
        struct mutation m = {d->adds, d->removes, d->texts, d->attributes};
        return page_mutate(page, &m, &e->changes);
    }
    return true;
}

static bool read_typed(struct rrweb_page *page, struct span raw, struct rrweb_event *e)
{
    struct data d;
    if (!read_data(raw, &d))
        return false;
    struct scan s;
    struct span words;
    scan_init(&s, raw.text, raw.len);
    if (scan_peek(&s) == SCAN_STRING && scan_string(&s, &words))
        span_text(words, e->text, sizeof e->text);
    e->x = d.x;
    e->y = d.y;
    e->width = d.width;
    e->height = d.height;
    e->is_checked = d.is_checked;
    switch (e->type) {
    case RRWEB_SNAPSHOT:
        return d.node.len == 0 || page_snapshot(page, d.node);
    case RRWEB_INCREMENT:
        return read_increment(page, &d, e);
    case RRWEB_META:
        span_text(d.href, e->text, sizeof e->text);
        return true;
    case RRWEB_CUSTOM:
        span_text(d.tag, e->name, sizeof e->name);
        span_text(d.payload, e->text, sizeof e->text);
        return true;
    case RRWEB_PLUGIN:
        read_plugin(&d, e);
        return true;
    default:
        return true;
    }
}

static bool is_blank(const struct scan *s)
{
    for (const char *c = s->at; c < s->end; c++)
        if (*c != ' ' && *c != '\n' && *c != '\r' && *c != '\t')
            return false;
    return true;
}

/* type, timestamp and where the data lie, in any order. */
static bool read_envelope(struct span body, int64_t *ret_type, int64_t *ret_time,
                          struct span *ret_data)
{
    struct scan s;
    struct span key;
    int rc = 0;
    scan_init(&s, body.text, body.len);
    if (!scan_enter(&s))
        return false;
    while ((rc = scan_member(&s, &key)) == 1) {
        bool is_fine = span_is(key, "type")        ? scan_integer(&s, -1, ret_type)
                       : span_is(key, "timestamp") ? scan_integer(&s, -1, ret_time)
                       : span_is(key, "data")      ? scan_raw(&s, ret_data)
                                                   : scan_skip(&s);
        if (!is_fine)
            return false;
    }
    return rc == 0 && is_blank(&s);
}

int rrweb_read(struct rrweb_page *page, const char *body, size_t len, struct rrweb_event *ret_event)
{
    struct rrweb_event e = {.type = RRWEB_NONE,
                            .source = -1,
                            .mouse = -1,
                            .time_ms = -1,
                            .node = -1,
                            .x = -1,
                            .y = -1,
                            .width = -1,
                            .height = -1};
    int64_t type = -1;
    struct span data = {"", 0};
    struct scan s;
    scan_init(&s, body, len);
    bool is_object = scan_peek(&s) == SCAN_OBJECT;
    bool is_fine = !is_object || read_envelope((struct span){body, len}, &type, &e.time_ms, &data);
    if (is_object && is_fine && type >= RRWEB_DOM_LOADED && type <= RRWEB_PLUGIN) {
        e.type = (int)type;
        is_fine = read_typed(page, data, &e);
    }
    if (!is_fine || e.type == RRWEB_NONE) {
        e.type = RRWEB_NONE;
        e.source = e.mouse = -1;
        span_text((struct span){body, len}, e.text, sizeof e.text);
    }
    *ret_event = e;
    return is_fine ? 0 : -1;
}
