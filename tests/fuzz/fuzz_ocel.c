/* Any bytes as an OCEL 2.0 log in JSON. Beside not crashing, objects and events must be the same
 * however the bytes arrive, texts must be whole and valid, and each relation must name an object
 * that there is. */
#include <string.h>

#include "fuzz.h"
#include "ocel_json.h"
#include "utf8.h"

static uint64_t mix(uint64_t hash, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
    return (hash ^ len) * UINT64_C(1099511628211);
}

static uint64_t take_event(const struct ocel_json *o, const struct ocel_objects *objects)
{
    const struct ocel_event *e = &o->event;
    uint64_t hash = o->line * 31 + o->lines;
    check(o->line > 0 && o->lines > 0, "where an event is");
    check(utf8_is_valid(e->raw.text, e->raw.len), "an event that is not UTF-8");
    for (size_t i = 0; i < e->count; i++) {
        const struct cell *c = &e->cells[i];
        check(c->column < e->columns.count && c->len > 0, "a column");
        check(utf8_is_valid(c->text, c->len), "a value that is not UTF-8");
        hash = mix(hash * 31 + c->column, c->text, c->len);
    }
    for (size_t i = 0; i < e->relation_count; i++) {
        const struct ocel_relation *r = &e->relations[i];
        check(r->type < objects->types.count && r->id.len > 0, "an object");
        hash = mix(hash * 31 + r->type, r->id.text, r->id.len);
        hash = mix(hash, r->qualifier.text, r->qualifier.len);
    }
    return hash;
}

/* All of one pass as a number; `step` more bytes at a time. Whether it ended well in *ret_is_whole,
 * what it did not take in *ret_left. */
static uint64_t read_pass(struct ocel_json *o, const struct ocel_objects *objects,
                          const char *bytes, size_t len, size_t step, bool *ret_is_whole,
                          size_t *ret_left)
{
    uint64_t hash = 0;
    size_t start = 0, end = 0;
    for (;;) {
        char *copy = malloc(end - start + 1);
        check(copy != NULL, "memory");
        memcpy(copy, bytes + start, end - start);
        enum csv_result result = ocel_json_read(o, copy, end - start, end == len);
        check(o->used <= end - start, "the count of bytes used");
        start += o->used;
        if (result == CSV_ROW)
            hash = mix(hash, "", 0) ^ take_event(o, objects);
        else if (result == CSV_BAD || result == CSV_BROKEN)
            hash = mix(hash, o->reason, strlen(o->reason)) ^ o->line;
        free(copy);
        if (result == CSV_MORE) {
            check(end < len, "more wanted at the end");
            end = end + step < len ? end + step : len;
        } else if (result == CSV_BROKEN || result == CSV_END) {
            *ret_is_whole = result == CSV_END;
            *ret_left = len - start;
            return hash;
        }
    }
}

static uint64_t read_log(const char *bytes, size_t len, size_t step)
{
    struct ocel_objects objects;
    struct ocel_json o = {.can_rewind = true};
    bool is_whole;
    size_t left;
    ocel_objects_init(&objects, 1 << 20);
    check(ocel_json_start(&o, &objects) == 0, "memory");
    uint64_t hash = read_pass(&o, &objects, bytes, len, step, &is_whole, &left);
    if (is_whole) {
        size_t skipped = o.is_in_place ? len - left : 0;
        ocel_json_start_events(&o);
        hash ^= read_pass(&o, &objects, bytes + skipped, len - skipped, step, &is_whole, &left);
        check(!is_whole || left == 0, "bytes left over");
    }
    for (size_t i = 0; i < objects.types.count; i++)
        hash = mix(hash, objects.types.items[i].text, objects.types.items[i].len);
    hash += objects.count * 7 + objects.conflicts;
    ocel_json_done(&o);
    ocel_objects_done(&objects);
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 8192)
        return 0;
    uint64_t whole = read_log((const char *)data, size, size + 1);
    check(read_log((const char *)data, size, 1) == whole, "events differ with how bytes arrive");
    check(read_log((const char *)data, size, 7) == whole, "events differ with how bytes arrive");
    return 0;
}
