#include "xes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "expat_library.h"

enum {
    SLICE = 64 << 10,           /* bytes given to the parser at once */
    TOKEN_MAX = 64 << 20,       /* of one tag, comment, … */
    EVENT_MAX = 64 << 20,       /* as JSON */
    TRACE_MAX = 1 << 20,        /* likewise: every event of the trace repeats it */
    BUFFER_MAX = 3 * EVENT_MAX, /* with escapes, never reached */
};

/* What an element is, which decides what can be in it. */
enum element {
    DOCUMENT,
    LOG,
    TRACE,
    EVENT,
    STRAY,  /* an event outside a trace */
    VALUE,  /* an attribute or a container: attributes in it are called <its key>.<key> */
    LIST,   /* a list, or a container in one */
    VALUES, /* of a list */
    ITEM,   /* an attribute in a list */
    SKIPPED,
};

static void fail(struct xes *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Nothing can be read from here on. */
static void fail(struct xes *x, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(x->reason_text, sizeof x->reason_text, fmt, ap);
    va_end(ap);
    x->reason = x->reason_text;
    x->is_broken = true;
    x->line = x->library->GetCurrentLineNumber(x->parser);
    x->library->StopParser(x->parser, XML_FALSE);
}

/* A member or a name that memory did not suffice for. */
static void note_memory(struct xes *x)
{
    x->is_lost = x->is_lost || x->json.failed || x->trace.failed || x->path.failed;
}

/* --- members ------------------------------------------------------------------------------ */

static void put_string(struct buf *out, const char *text)
{
    static const char special[] = "\"\\\n\r\t", letters[] = "\"\\nrt";
    buf_putc(out, '"');
    for (;;) {
        size_t n = strcspn(text, special);
        buf_add(out, text, n);
        if (text[n] == '\0')
            break;
        buf_putc(out, '\\');
        buf_putc(out, letters[strchr(special, text[n]) - special]);
        text += n + 1;
    }
    buf_putc(out, '"');
}

static void put_comma(struct buf *out)
{
    char last = out->len > 0 ? out->data[out->len - 1] : '{';
    if (last != '{' && last != '[')
        buf_putc(out, ',');
}

static const char *find(const XML_Char **attributes, const char *name)
{
    for (; attributes[0] != NULL; attributes += 2)
        if (strcmp(attributes[0], name) == 0)
            return attributes[1];
    return NULL;
}

/* Whether the attribute can be taken. If not, either the event is none or nothing is read on. */
static bool is_usable(struct xes *x, enum element parent, const char *key, const char *value)
{
    const struct buf *out = x->in_event ? &x->json : &x->trace;
    const size_t max = x->in_event ? EVENT_MAX : TRACE_MAX;
    if (x->bad != NULL)
        return false;
    if (parent == TRACE && x->has_events) {
        fail(x, "an attribute of the trace after its events: XES has them before");
        return false;
    }
    size_t len = key != NULL ? strlen(key) + (value != NULL ? strlen(value) : 0) : 0;
    const char *bad = NULL;
    if (key == NULL)
        bad = "an attribute without a key";
    else if (out->len + x->path.len + len > max)
        bad = x->in_event ? "the event is longer than 64 MB"
                          : "the attributes of the trace are longer than 1 MB";
    if (bad != NULL && x->in_event)
        x->bad = bad;
    else if (bad != NULL)
        fail(x, "%s", bad);
    return bad == NULL;
}

static void begin_attribute(struct xes *x, enum element parent, bool is_list, bool is_container,
                            const XML_Char **attributes)
{
    struct xes_level *level = &x->levels[x->depth - 1];
    struct buf *out = x->in_event ? &x->json : &x->trace;
    const char *key = find(attributes, "key"), *value = find(attributes, "value");
    bool is_in_list = parent == LIST || parent == VALUES || parent == ITEM;
    if (!is_usable(x, parent, key, value) || key == NULL)
        return; /* the level is SKIPPED */
    bool is_name = parent == TRACE && strcmp(key, "concept:name") == 0;
    if (is_name && (value == NULL || value[0] == '\0'))
        return;
    x->has_name |= is_name;
    level->kind = is_list || (is_container && is_in_list) ? LIST : is_in_list ? ITEM : VALUE;
    if (!is_in_list) {
        if (parent == VALUE)
            buf_putc(&x->path, '.');
        buf_puts(&x->path, key);
        key = buf_text(&x->path);
        if (is_container)
            return;
    }
    put_comma(out);
    level->has_brace = parent == LIST || parent == VALUES;
    if (level->has_brace)
        buf_putc(out, '{');
    put_string(out, key);
    buf_putc(out, ':');
    if (level->kind == LIST)
        buf_putc(out, '[');
    else
        put_string(out, value != NULL ? value : "");
}

/* --- elements ----------------------------------------------------------------------------- */

static void begin_trace(struct xes *x)
{
    buf_reset(&x->trace);
    buf_reset(&x->path);
    buf_puts(&x->path, "case:");
    x->has_name = x->has_events = false;
    x->traces++;
}

static void begin_event(struct xes *x, enum element is)
{
    if (is == EVENT && !x->has_name) {
        put_comma(&x->trace);
        buf_printf(&x->trace, "\"case:concept:name\":\"trace %" PRIu64 "\"", x->traces);
    }
    x->has_name = x->has_events = x->in_event = true;
    buf_reset(&x->path);
    buf_reset(&x->json);
    buf_putc(&x->json, '{');
    if (is == EVENT)
        buf_puts(&x->json, buf_text(&x->trace));
    x->line = x->library->GetCurrentLineNumber(x->parser);
}

/* What an element of this name is there. */
static enum element element_of(const char *name, enum element parent)
{
    static const struct {
        const char *name;
        enum element parent, is;
    } elements[] = {{"log", DOCUMENT, LOG},
                    {"trace", LOG, TRACE},
                    {"event", TRACE, EVENT},
                    {"event", LOG, STRAY},
                    {"values", LIST, VALUES}};
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++)
        if (elements[i].parent == parent && strcmp(elements[i].name, name) == 0)
            return elements[i].is;
    return SKIPPED;
}

static bool is_attribute(const char *name)
{
    static const char *const types[] = {"string",  "date", "int",  "float",
                                        "boolean", "id",   "list", "container"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i], name) == 0)
            return true;
    return false;
}

/* What a log of OCEL has below its outermost element, which is called the same. */
static bool is_of_objects(const char *name)
{
    static const char *const parts[] = {"object-types", "event-types", "objects", "events"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strcmp(parts[i], name) == 0)
            return true;
    return false;
}

static bool holds_attributes(enum element element)
{
    return element >= TRACE && element <= ITEM;
}

static void on_start(void *user, const XML_Char *qualified, const XML_Char **attributes)
{
    struct xes *x = user;
    const char *colon = strchr(qualified, ':'), *name = colon != NULL ? colon + 1 : qualified;
    enum element parent =
        x->depth > 0 ? (enum element)x->levels[x->depth - 1].kind : (enum element)DOCUMENT;
    if (x->is_broken)
        return;
    note_memory(x); /* before a buffer begins anew */
    if (x->depth == XES_DEPTH_MAX) {
        fail(x, "elements are nested deeper than %d levels", XES_DEPTH_MAX);
        return;
    }
    enum element is = element_of(name, parent);
    x->levels[x->depth++] = (struct xes_level){.kind = is, .path_len = x->path.len};
    if (is == TRACE)
        begin_trace(x);
    else if (is == EVENT || is == STRAY)
        begin_event(x, is);
    else if (parent == DOCUMENT && is != LOG)
        fail(x, "no XES: its outermost element is <%.60s>, not <log>", name);
    else if (parent == LOG && is_of_objects(name))
        fail(x, "OCEL in XML, not XES; import takes OCEL 2.0 as JSON or SQLite: pm4py converts it "
                "(read_ocel2_xml, of OCEL 1.0 read_ocel_xml, then write_ocel2_json)");
    else if (holds_attributes(parent) && is_attribute(name))
        begin_attribute(x, parent, strcmp(name, "list") == 0, strcmp(name, "container") == 0,
                        attributes);
    else if (parent != SKIPPED && is == SKIPPED &&
             (strcmp(name, "trace") == 0 || strcmp(name, "event") == 0))
        fail(x, "a <%s> where XES has none", name);
}

static void end_row(struct xes *x, const char *bad)
{
    if (bad != NULL)
        x->bad = bad;
    buf_putc(&x->json, '}');
    x->lines = x->library->GetCurrentLineNumber(x->parser) - x->line + 1;
    x->in_event = false;
    x->has_row = true;
    x->library->StopParser(x->parser, XML_TRUE); /* xes_read() goes on */
}

static void on_end(void *user, const XML_Char *name)
{
    struct xes *x = user;
    (void)name;
    if (x->is_broken)
        return;
    const struct xes_level *level = &x->levels[--x->depth];
    struct buf *out = x->in_event ? &x->json : &x->trace;
    if (level->kind == EVENT)
        end_row(x, NULL);
    else if (level->kind == STRAY)
        end_row(x, "an event outside a trace");
    if (level->kind == LIST)
        buf_putc(out, ']');
    if (level->has_brace)
        buf_putc(out, '}');
    if (x->path.len > level->path_len) {
        x->path.len = level->path_len;
        x->path.data[x->path.len] = '\0';
    }
}

/* Entities could be declared there, which XES has no use for. */
static void on_doctype(void *user, const XML_Char *name, const XML_Char *system_id,
                       const XML_Char *public_id, int has_internal)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal;
    fail(user, "a document type declaration (<!DOCTYPE>), which could declare entities, is not "
               "read: take it out");
}

/* --- reading ------------------------------------------------------------------------------ */

int xes_start(struct xes *x, struct err *ret_err)
{
    struct xes next = {.library = x->library, .parser = x->parser};
    if (next.library == NULL)
        next.library = expat_library_load(ret_err);
    if (next.library == NULL)
        return -ERR_UNAVAILABLE;
    if (next.parser == NULL)
        next.parser = next.library->ParserCreate(NULL);
    else if (!next.library->ParserReset(next.parser, NULL))
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    if (next.parser == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    buf_done(&x->json);
    buf_done(&x->trace);
    buf_done(&x->path);
    *x = next;
    buf_init(&x->json, BUFFER_MAX);
    buf_init(&x->trace, BUFFER_MAX);
    buf_init(&x->path, BUFFER_MAX);
    x->library->SetUserData(x->parser, x);
    x->library->SetElementHandler(x->parser, on_start, on_end);
    x->library->SetStartDoctypeDeclHandler(x->parser, on_doctype);
    return 0;
}

void xes_done(struct xes *x)
{
    if (x->parser != NULL)
        x->library->ParserFree(x->parser);
    buf_done(&x->json);
    buf_done(&x->trace);
    buf_done(&x->path);
    *x = (struct xes){0};
}

/* The byte at which the parser stopped, -1 when that cannot be told. */
static int byte_at_error(const struct xes *x)
{
    int at = 0, len = 0;
    const char *bytes = x->library->GetInputContext(x->parser, &at, &len);
    return bytes != NULL && at >= 0 && at < len ? (unsigned char)bytes[at] : -1;
}

/* The parser's errors in the words of somebody who has a file. */
static enum csv_result explain(struct xes *x)
{
    enum XML_Error error = x->library->GetErrorCode(x->parser);
    if (error == XML_ERROR_NO_MEMORY)
        return CSV_NO_MEMORY;
    if (x->is_broken) /* by one of our rules */
        return CSV_BROKEN;
    switch (error) {
    case XML_ERROR_NO_ELEMENTS:
    case XML_ERROR_UNCLOSED_TOKEN:
    case XML_ERROR_UNCLOSED_CDATA_SECTION:
        fail(x, "the XML ends too early: the file is cut off");
        break;
    case XML_ERROR_UNKNOWN_ENCODING:
    case XML_ERROR_INCORRECT_ENCODING:
        fail(x, "%s: import takes UTF-8, UTF-16 and ISO-8859-1; iconv may help",
             x->library->ErrorString(error));
        break;
    case XML_ERROR_INVALID_TOKEN:
    case XML_ERROR_PARTIAL_CHAR: {
        int byte = byte_at_error(x);
        if (byte >= 0x80)
            fail(x, "text that is not in the encoding of the file, which is UTF-8 unless its first "
                    "line says another: iconv may help");
        else if (byte >= 0 && byte < ' ')
            fail(x, "a %s byte, which XML cannot have", byte == 0 ? "NUL" : "control");
        else
            fail(x, "the XML is malformed: %s", x->library->ErrorString(error));
        break;
    }
    default:
        fail(x, "the XML is malformed: %s", x->library->ErrorString(error));
    }
    return CSV_BROKEN;
}

/* What came of the bytes that the parser has seen. */
static enum csv_result take(struct xes *x, enum XML_Status status)
{
    XML_Index at = x->library->GetCurrentByteIndex(x->parser);
    x->is_suspended = status == XML_STATUS_SUSPENDED;
    if (at < 0) /* the parser waits for more before it looks again */
        x->pending += x->used;
    else
        x->pending = (uint64_t)at < x->fed ? (size_t)(x->fed - (uint64_t)at) : 0;
    note_memory(x);
    if (x->is_lost)
        return CSV_NO_MEMORY;
    if (status == XML_STATUS_ERROR)
        return explain(x);
    if (!x->has_row)
        return x->is_final ? CSV_END : CSV_BLANK;
    x->has_row = false;
    x->reason = x->bad;
    x->bad = NULL;
    return x->reason != NULL ? CSV_BAD : CSV_ROW;
}

enum csv_result xes_read(struct xes *x, const char *bytes, size_t len, bool is_end)
{
    x->used = 0;
    if (x->is_suspended)
        return take(x, x->library->ResumeParser(x->parser));
    if (x->is_final)
        return CSV_END;
    if (x->pending > TOKEN_MAX) {
        fail(x, "a tag or comment is longer than %d MB", TOKEN_MAX >> 20);
        return CSV_BROKEN;
    }
    /* A token that is not complete is read again from its first byte: so as many bytes more. */
    size_t wanted = x->pending > SLICE ? x->pending : SLICE;
    if (len < wanted && !is_end)
        return CSV_MORE;
    x->used = len < wanted ? len : wanted;
    x->is_final = x->used == 0;
    x->fed += x->used;
    return take(x, x->library->Parse(x->parser, bytes, (int)x->used, x->is_final));
}
