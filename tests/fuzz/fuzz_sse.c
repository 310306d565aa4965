/* Any data as events of one stream: a reader written from the standard alone must get the same data
 * out, event by event, with the ids that were given, and nothing that was not sent. The first byte
 * of the input cuts the rest: wherever it comes again, an event ends. */
#include <string.h>

#include "fuzz.h"
#include "sse.h"

enum { EVENTS_MAX = 16 };

/* ---- a reader: WHATWG HTML §9.2.6, "interpreting an event stream" ---- */

struct reader {
    struct buf data, id, type;
    unsigned long retry; /* of this event; 0 = none */
    size_t count;        /* events dispatched */
    struct buf seen_data[EVENTS_MAX], seen_id[EVENTS_MAX];
    unsigned long seen_retry[EVENTS_MAX];
};

static void take_field(struct reader *r, const char *name, size_t name_len, const char *value,
                       size_t len)
{
    if (name_len == 4 && memcmp(name, "data", 4) == 0) {
        buf_add(&r->data, value, len);
        buf_putc(&r->data, '\n');
    } else if (name_len == 5 && memcmp(name, "event", 5) == 0) {
        buf_reset(&r->type);
        buf_add(&r->type, value, len);
    } else if (name_len == 2 && memcmp(name, "id", 2) == 0) {
        if (len > 0 && memchr(value, '\0', len) != NULL)
            return;
        buf_reset(&r->id);
        buf_add(&r->id, value, len);
    } else if (name_len == 5 && memcmp(name, "retry", 5) == 0) {
        r->retry = strtoul(value, NULL, 10);
    } else {
        check(0, "a field of no standard");
    }
}

static void dispatch(struct reader *r)
{
    if (r->data.len > 0) {
        check(r->count < EVENTS_MAX, "an event that was not sent");
        check(r->type.len == 7 && memcmp(r->type.data, "message", 7) == 0, "the type");
        buf_add(&r->seen_data[r->count], r->data.data, r->data.len - 1); /* but the last LF */
        buf_add(&r->seen_id[r->count], buf_text(&r->id), r->id.len);
        r->seen_retry[r->count++] = r->retry;
    }
    r->retry = 0;
    buf_reset(&r->data);
    buf_reset(&r->type);
}

static void take_line(struct reader *r, const char *line, size_t len)
{
    if (len == 0) {
        dispatch(r);
        return;
    }
    if (line[0] == ':')
        return;
    const char *colon = memchr(line, ':', len);
    size_t name_len = colon != NULL ? (size_t)(colon - line) : len;
    size_t skip = colon == NULL ? len : name_len + 1;
    if (skip < len && line[skip] == ' ')
        skip++;
    take_field(r, line, name_len, line + skip, len - skip);
}

static void read_stream(struct reader *r, const char *bytes, size_t len)
{
    for (size_t start = 0; start < len;) {
        size_t end = start;
        while (end < len && bytes[end] != '\n' && bytes[end] != '\r')
            end++;
        check(end < len, "a stream that ends within a line");
        take_line(r, bytes + start, end - start);
        start = end + (bytes[end] == '\r' && end + 1 < len && bytes[end + 1] == '\n' ? 2 : 1);
    }
    check(r->data.len == 0 && r->type.len == 0, "an event without an end");
}

/* ---- what must come out ---- */

/* An event stream knows one line end only. */
static void normalise(struct buf *out, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] != '\r')
            buf_putc(out, data[i]);
        else if (i + 1 == len || data[i + 1] != '\n')
            buf_putc(out, '\n');
    }
}

static int is_same(const struct buf *a, const struct buf *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* Sends one piece of the input as an event; its first bytes are also its id, if they can be one,
 * and its length says when to come again. The last id stays until another comes. */
static void send(struct buf *out, const char *data, size_t len, struct buf *expected,
                 struct buf *last_id)
{
    char id[9];
    size_t id_len = len < sizeof id - 1 ? len : sizeof id - 1;
    memcpy(id, data, id_len);
    id[id_len] = '\0';
    sse_message(out, id[0] != '\0' ? id : NULL, (unsigned)len, data, len);
    normalise(expected, data, len);
    if (id[0] == '\0' || strpbrk(id, "\r\n") != NULL)
        return;
    buf_reset(last_id);
    buf_puts(last_id, id);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    struct reader reader = {.count = 0};
    struct buf out = {0}, expected[EVENTS_MAX] = {{0}}, ids[EVENTS_MAX] = {{0}}, id = {0};
    const char *data = (const char *)input;
    size_t count = 0, lengths[EVENTS_MAX];
    for (size_t start = 1; start < size && count < EVENTS_MAX; count++) {
        const char *cut = memchr(data + start, data[0], size - start);
        size_t end = cut != NULL ? (size_t)(cut - data) : size;
        sse_keepalive(&out);
        send(&out, data + start, end - start, &expected[count], &id);
        buf_add(&ids[count], buf_text(&id), id.len);
        lengths[count] = end - start;
        start = end + 1;
    }
    check(!buf_failed(&out), "memory");
    read_stream(&reader, buf_text(&out), out.len);
    check(reader.count == count, "not the events that were sent");
    for (size_t i = 0; i < count; i++) {
        check(is_same(&reader.seen_data[i], &expected[i]), "other data");
        check(is_same(&reader.seen_id[i], &ids[i]), "another id");
        check(reader.seen_retry[i] == lengths[i], "another time to come again");
        buf_done(&expected[i]);
        buf_done(&ids[i]);
        buf_done(&reader.seen_data[i]);
        buf_done(&reader.seen_id[i]);
    }
    buf_done(&reader.data);
    buf_done(&reader.id);
    buf_done(&reader.type);
    buf_done(&out);
    buf_done(&id);
    return 0;
}
