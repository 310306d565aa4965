#include "ocel_json.h"

#include <stdlib.h>
#include <string.h>

#include "utf8.h"

enum { DEPTH_MAX = 64, NAME_MAX_BYTES = 4096 };

/* What comes next. */
enum state {
    DOCUMENT, /* the brace that opens it */
    FIRST,    /* a member or the brace that closes it */
    MEMBER,   /* the comma behind a member, or that brace */
    NEXT,     /* a member, behind a comma */
    ITEM,     /* of the list that is read, or its end */
    SKIPPED,  /* the rest of a value that is read past */
    REST,     /* nothing but blanks */
};

/* The lists of the standard; bits of `seen`. */
enum list { EVENTS = 1, OBJECTS = 2, EVENT_TYPES = 4, OBJECT_TYPES = 8 };

/* Columns of the readers: members of an object or an event, members of an item in their lists. */
enum { ID, TYPE, TIME, ATTRIBUTES, RELATIONSHIPS, OUTER };
static const char *const outer_names[OUTER] = {"id", "type", "time", "attributes", "relationships"};
enum { NAME, VALUE, OBJECT_ID, QUALIFIER, INNER };
static const char *const inner_names[INNER] = {"name", "value", "objectId", "qualifier"};

static const char cut_off[] = "the JSON ends too early: the file is cut off";
static const char too_deep[] = "nested deeper than 64 levels";

static enum csv_result broken(struct ocel_json *o, const char *reason)
{
    o->reason = reason;
    o->line = o->at.line;
    return CSV_BROKEN;
}

/* --- reading past ------------------------------------------------------------------------- */

enum skip_result { SKIP_MORE, SKIP_DONE, SKIP_UNPAIRED, SKIP_TOO_DEEP };

static size_t skip_string(struct ocel_skip *s, const char *bytes, size_t len, size_t i)
{
    for (; i < len; i++) {
        if (s->is_escaped) {
            s->is_escaped = false;
        } else if (bytes[i] == '\\') {
            s->is_escaped = true;
        } else if (bytes[i] == '"') {
            s->in_string = false;
            return i + 1;
        }
    }
    return i;
}

static enum skip_result skip_bracket(struct ocel_skip *s, char c)
{
    bool is_brace = c == '{' || c == '}';
    if (c == '{' || c == '[') {
        if (s->depth == DEPTH_MAX)
            return SKIP_TOO_DEEP;
        uint64_t bit = UINT64_C(1) << s->depth++;
        s->braces = is_brace ? s->braces | bit : s->braces & ~bit;
        return SKIP_MORE;
    }
    if (s->depth == 0 || (s->braces >> --s->depth & 1) != is_brace)
        return SKIP_UNPAIRED;
    return s->depth == 0 ? SKIP_DONE : SKIP_MORE;
}

/* Goes on to the end of a value whose first byte came before or comes first. Looks at brackets and
 * quotes alone; *ret_used is behind the value, or len. A number or a word ends before the byte that
 * ends it. */
static enum skip_result skip(struct ocel_skip *s, const char *bytes, size_t len, size_t *ret_used)
{
    enum skip_result result = SKIP_MORE;
    size_t i = 0;
    while (i < len && result == SKIP_MORE) {
        if (s->in_string) {
            i = skip_string(s, bytes, len, i);
            if (!s->in_string && s->depth == 0)
                result = SKIP_DONE;
            continue;
        }
        char c = bytes[i];
        if (s->depth == 0 && s->is_scalar && strchr(",]} \t\r\n", c) != NULL) {
            result = SKIP_DONE;
            break;
        }
        i++;
        if (c == '"')
            s->in_string = true;
        else if (c == '{' || c == '[' || c == '}' || c == ']')
            result = skip_bracket(s, c);
        else if (s->depth == 0)
            s->is_scalar = true;
    }
    *ret_used = i;
    return result;
}

static enum csv_result skip_broken(struct ocel_json *o, enum skip_result result)
{
    return broken(o, result == SKIP_TOO_DEEP ? too_deep : "a bracket that closes none");
}

static uint64_t count_lines(const char *bytes, size_t len)
{
    uint64_t lines = 0;
    const char *end = bytes + len;
    for (const char *p = bytes; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
        lines++;
    return lines;
}

/* The bytes are taken. */
static enum csv_result take(struct ocel_json *o, const char *bytes, size_t len)
{
    o->used += len;
    o->at.line += count_lines(bytes, len);
    return CSV_BLANK;
}

static enum csv_result read_skipped(struct ocel_json *o, const char *bytes, size_t len)
{
    size_t used;
    enum skip_result result = skip(&o->at.skip, bytes, len, &used);
    take(o, bytes, used);
    if (result == SKIP_DONE)
        o->at.state = MEMBER;
    return result == SKIP_MORE || result == SKIP_DONE ? CSV_BLANK : skip_broken(o, result);
}

/* --- objects and events ------------------------------------------------------------------- */

/* The value of a column among cells; empty where there is none. */
static struct bytes cell_of(const struct jsonl *j, uint32_t column)
{
    for (size_t i = 0; i < j->count; i++)
        if (j->cells[i].column == column)
            return (struct bytes){j->cells[i].text, j->cells[i].len};
    return (struct bytes){"", 0};
}

/* What the next item of the list would overwrite, kept. There is room: decoded texts are never
 * longer than what they were written as. */
static struct bytes keep(struct ocel_json *o, struct bytes text)
{
    const struct jsonl *j = &o->inner;
    if (text.len == 0 || j->scratch == NULL || text.text < j->scratch ||
        text.text >= j->scratch + j->scratch_size)
        return text;
    char *copy = o->texts + o->text_used;
    memcpy(copy, text.text, text.len);
    o->text_used += text.len;
    return (struct bytes){copy, text.len};
}

static bool make_text_room(struct ocel_json *o, size_t len)
{
    o->text_used = 0;
    if (len <= o->text_size && o->texts != NULL)
        return true;
    char *texts = realloc(o->texts, len * 2);
    if (texts == NULL)
        return false;
    o->texts = texts;
    o->text_size = len * 2;
    return true;
}

static enum csv_result bad(struct ocel_json *o, const char *reason)
{
    o->event.reason = reason;
    return CSV_BAD;
}

static enum csv_result take_item(struct ocel_json *o, int list)
{
    if (list == ATTRIBUTES)
        return ocel_event_attribute(&o->event, keep(o, cell_of(&o->inner, NAME)),
                                    keep(o, cell_of(&o->inner, VALUE)));
    struct bytes id = keep(o, cell_of(&o->inner, OBJECT_ID));
    if (id.len == 0)
        return bad(o, "a relationship without an objectId");
    return ocel_event_relate(&o->event, o->objects, id, keep(o, cell_of(&o->inner, QUALIFIER)));
}

/* The items of a list whose JSON has been checked. */
static enum csv_result read_list(struct ocel_json *o, int list)
{
    struct bytes text = cell_of(&o->outer, (uint32_t)list);
    const char *p = text.text, *end = p + text.len;
    enum csv_result result = CSV_ROW;
    if (text.len == 0)
        return CSV_ROW;
    if (*p != '[')
        return bad(o, list == ATTRIBUTES ? "its attributes are no list"
                                         : "its relationships are no list");
    for (p++; result == CSV_ROW;) {
        size_t used;
        while (p < end && strchr(" \t\r\n,", *p) != NULL)
            p++;
        if (p == end || *p == ']')
            break;
        struct ocel_skip item = {0};
        skip(&item, p, (size_t)(end - p), &used);
        result = jsonl_read(&o->inner, p, used);
        if (result == CSV_ROW)
            result = take_item(o, list);
        else if (result != CSV_NO_MEMORY)
            return bad(o, *p == '{' ? o->inner.reason : "an item of a list that is no object");
        p += used;
    }
    return result;
}

static enum csv_result read_event(struct ocel_json *o, struct bytes text)
{
    static const int columns[OCEL_FIXED] = {
        [OCEL_EID] = ID, [OCEL_ACTIVITY] = TYPE, [OCEL_TIMESTAMP] = TIME};
    struct ocel_event *e = &o->event;
    ocel_event_begin(e);
    e->raw = text;
    if (!utf8_is_valid(text.text, text.len))
        return bad(o, "invalid UTF-8");
    enum csv_result result = jsonl_read(&o->outer, text.text, text.len);
    if (result == CSV_BAD)
        return bad(o, o->outer.reason);
    if (result != CSV_ROW || !make_text_room(o, text.len))
        return CSV_NO_MEMORY;
    for (uint32_t i = 0; result == CSV_ROW && i < OCEL_FIXED; i++)
        result = ocel_event_set(e, i, cell_of(&o->outer, (uint32_t)columns[i]));
    if (result == CSV_ROW)
        result = read_list(o, ATTRIBUTES);
    return result == CSV_ROW ? read_list(o, RELATIONSHIPS) : result;
}

static enum csv_result read_object(struct ocel_json *o, struct bytes text)
{
    if (!utf8_is_valid(text.text, text.len))
        return broken(o, "an object that is not UTF-8");
    enum csv_result result = jsonl_read(&o->outer, text.text, text.len);
    if (result == CSV_NO_MEMORY)
        return result;
    if (result != CSV_ROW)
        return broken(o, o->outer.reason);
    const char *reason = NULL;
    result = ocel_add_object(o->objects, cell_of(&o->outer, ID), cell_of(&o->outer, TYPE), &reason);
    return result == CSV_BROKEN ? broken(o, reason) : result == CSV_ROW ? CSV_BLANK : result;
}

/* --- the document --------------------------------------------------------------------------- */

static size_t blanks(const char *bytes, size_t len, size_t i)
{
    while (i < len && (bytes[i] == ' ' || bytes[i] == '\n' || bytes[i] == '\r' || bytes[i] == '\t'))
        i++;
    return i;
}

/* An object or an event, or the end of their list. Blanks and commas before it are taken. */
static enum csv_result read_item(struct ocel_json *o, const char *bytes, size_t len)
{
    bool is_first = !o->at.has_item;
    if (bytes[0] == ',' && !is_first) {
        o->at.has_item = false; /* one comma between two */
        return take(o, bytes, 1);
    }
    if (bytes[0] == ']') {
        o->at.state = MEMBER;
        return take(o, bytes, 1);
    }
    if (bytes[0] != '{' || !is_first)
        return broken(o, is_first ? "an item of the list is no object" : "a comma is missing");
    struct ocel_skip item = {0};
    size_t used;
    enum skip_result skipped = skip(&item, bytes, len, &used);
    if (skipped == SKIP_MORE)
        return CSV_MORE;
    if (skipped != SKIP_DONE)
        return skip_broken(o, skipped);
    struct bytes text = {bytes, used};
    o->line = o->at.line;
    enum csv_result result = o->at.is_reading_events ? read_event(o, text) : read_object(o, text);
    o->reason = result == CSV_BROKEN ? o->reason : o->event.reason;
    o->at.has_item = true;
    take(o, bytes, used);
    o->lines = o->at.line - o->line + 1;
    return result;
}

static unsigned list_of(const char *name, size_t len)
{
    static const struct {
        const char *name;
        enum list list;
    } lists[] = {{"events", EVENTS},
                 {"objects", OBJECTS},
                 {"eventTypes", EVENT_TYPES},
                 {"objectTypes", OBJECT_TYPES}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        if (strlen(lists[i].name) == len && memcmp(lists[i].name, name, len) == 0)
            return lists[i].list;
    return 0;
}

/* The value of a top-level member comes next: its list is read now or past. */
static enum csv_result begin_value(struct ocel_json *o, unsigned list, char first)
{
    struct ocel_json_at *at = &o->at;
    if ((at->seen & list) != 0)
        return broken(o, "the same list a second time");
    if ((list == EVENTS || list == OBJECTS) && first != '[')
        return broken(o, "events and objects must be lists");
    at->seen |= list;
    bool is_read = list == (at->is_reading_events ? EVENTS : OBJECTS);
    if (is_read || (list == EVENTS && (at->seen & OBJECTS) != 0)) {
        at->state = ITEM;
        at->has_item = false;
        o->is_in_place = !is_read;
        return is_read ? CSV_BLANK : CSV_END;
    }
    if (list == EVENTS && !at->is_reading_events && !o->can_rewind)
        return broken(o, "its events stand before its objects, so it must be read twice: give the "
                         "name of the file, plain or in gzip");
    at->state = SKIPPED;
    at->skip = (struct ocel_skip){0};
    return CSV_BLANK;
}

/* `"name":` and the first byte of the value. */
static enum csv_result read_member(struct ocel_json *o, const char *bytes, size_t len)
{
    bool is_behind = o->at.state == MEMBER;
    if (bytes[0] == '}' && o->at.state != NEXT) {
        o->at.state = REST;
        return take(o, bytes, 1);
    }
    if (is_behind && bytes[0] == ',') {
        o->at.state = NEXT;
        return take(o, bytes, 1);
    }
    if (is_behind || bytes[0] != '"')
        return broken(o, is_behind ? "a comma is missing" : "a member name is missing");
    struct ocel_skip name = {0};
    size_t used = 0;
    enum skip_result skipped = skip(&name, bytes, len, &used);
    if (used > NAME_MAX_BYTES)
        return broken(o, "a member name is longer than 4,096 bytes");
    size_t colon = blanks(bytes, len, used);
    if (skipped == SKIP_MORE || colon == len)
        return CSV_MORE;
    if (bytes[colon] != ':')
        return broken(o, "a colon is missing");
    size_t value = blanks(bytes, len, colon + 1);
    if (value == len)
        return CSV_MORE;
    unsigned list = list_of(bytes + 1, used - 2);
    enum csv_result result = begin_value(o, list, bytes[value]);
    if (result != CSV_BROKEN) /* the list's bracket is taken with it */
        take(o, bytes, value + (o->at.state == ITEM));
    return result;
}

static enum csv_result read_end(struct ocel_json *o)
{
    if (o->at.state != REST)
        return broken(o, cut_off);
    if ((o->at.seen & OBJECTS) == 0)
        return broken(o, "no OCEL 2.0: it has no list \"objects\"");
    return (o->at.seen & EVENTS) == 0 ? broken(o, "no OCEL 2.0: it has no list \"events\"")
                                      : CSV_END;
}

static enum csv_result read_state(struct ocel_json *o, const char *bytes, size_t len)
{
    switch (o->at.state) {
    case DOCUMENT:
        if (len < 3 && bytes[0] == '\xef')
            return CSV_MORE;
        if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) /* a byte order mark */
            return take(o, bytes, 3);
        if (bytes[0] != '{')
            return broken(o, "no JSON object");
        o->at.state = FIRST;
        return take(o, bytes, 1);
    case FIRST:
    case MEMBER:
    case NEXT:
        return read_member(o, bytes, len);
    case ITEM:
        return read_item(o, bytes, len);
    default:
        return broken(o, "text after the JSON object");
    }
}

enum csv_result ocel_json_read(struct ocel_json *o, const char *bytes, size_t len, bool is_end)
{
    o->used = 0;
    if (o->at.state == SKIPPED && len > 0)
        return read_skipped(o, bytes, len);
    size_t first = o->at.state == SKIPPED ? 0 : blanks(bytes, len, 0);
    take(o, bytes, first);
    if (first == len)
        return is_end ? read_end(o) : first > 0 ? CSV_BLANK : CSV_MORE;
    enum csv_result result = read_state(o, bytes + first, len - first);
    if (result == CSV_MORE && is_end)
        return broken(o, cut_off);
    if (result == CSV_MORE && o->used > 0)
        return CSV_BLANK;
    return result;
}

/* --- life ----------------------------------------------------------------------------------- */

static int add_names(struct jsonl *j, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (names_add(&j->columns, names[i], strlen(names[i])) != i)
            return -1;
    return 0;
}

int ocel_json_start(struct ocel_json *o, struct ocel_objects *objects)
{
    o->objects = objects;
    o->at = (struct ocel_json_at){.line = 1};
    if (ocel_event_init(&o->event) < 0 || add_names(&o->outer, outer_names, OUTER) < 0)
        return -1;
    return add_names(&o->inner, inner_names, INNER);
}

void ocel_json_start_events(struct ocel_json *o)
{
    if (!o->is_in_place)
        o->at = (struct ocel_json_at){.line = 1};
    o->at.is_reading_events = true;
}

void ocel_json_done(struct ocel_json *o)
{
    ocel_event_done(&o->event);
    jsonl_done(&o->outer);
    jsonl_done(&o->inner);
    free(o->texts);
    *o = (struct ocel_json){0};
}
