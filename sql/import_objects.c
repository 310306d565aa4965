/* What is particular to importing object-centric logs: their objects are read before their events,
 * and each event has any number of them. docs/decisions/object-centric.md tells why. */
#include "import_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int objects_start(struct import *im, struct input *in, struct err *ret_err)
{
    if (in->format == SNIFF_OCEL_SQLITE) {
        const char *path = strcmp(in->path, "-") == 0 ? NULL : in->path;
        return ocel_sqlite_open(&in->sqlite, in->fd, input_name(in), path, &im->objects, ret_err);
    }
    in->ocel.can_rewind = input_can_rewind(in);
    return ocel_json_start(&in->ocel, &im->objects) < 0
               ? err_set(ret_err, ERR_MEMORY, NULL, "out of memory")
               : 0;
}

static enum load_result failed(const struct input *in, enum csv_result result, struct err *ret_err)
{
    bool is_json = in->format == SNIFF_OCEL;
    if (result == CSV_NO_MEMORY)
        err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    else
        input_broken(in, is_json ? in->ocel.line : 0,
                     is_json ? in->ocel.reason : ocel_sqlite_reason(in->sqlite), ret_err);
    return LOAD_FAILED;
}

static enum load_result read_json(struct input *in, struct err *ret_err)
{
    enum csv_result result;
    size_t unused = in->len - in->start;
    if (unused < in->wanted && !in->is_at_end)
        return LOAD_MORE;
    do {
        const char *bytes = in->data != NULL ? in->data + in->start : "";
        result = ocel_json_read(&in->ocel, bytes, in->len - in->start, in->is_at_end);
        in->start += in->ocel.used;
    } while (result == CSV_BLANK);
    unused = in->len - in->start;
    in->wanted = 0;
    if (result == CSV_MORE && unused >= ROW_MAX) {
        err_set(ret_err, ERR_LIMIT, "FILE", "line %" PRIu64 " of %s: an object longer than %d MB",
                in->ocel.at.line, input_name(in), ROW_MAX >> 20);
        return LOAD_FAILED;
    }
    if (result == CSV_MORE) {
        in->wanted = unused * 2;
        return LOAD_MORE;
    }
    if (result != CSV_END)
        return failed(in, result, ret_err);
    if (!in->ocel.is_in_place && input_rewind(in, ret_err) < 0)
        return LOAD_FAILED;
    ocel_json_start_events(&in->ocel);
    return LOAD_END;
}

enum load_result objects_read(struct import *im, struct input *in, struct err *ret_err)
{
    (void)im;
    if (in->format == SNIFF_OCEL)
        return read_json(in, ret_err);
    enum csv_result result = ocel_sqlite_read_objects(in->sqlite);
    return result == CSV_END     ? LOAD_END
           : result == CSV_BLANK ? LOAD_FULL
                                 : failed(in, result, ret_err);
}

/* --- events ------------------------------------------------------------------------------- */

const struct ocel_event *objects_event(const struct input *in)
{
    return in->format == SNIFF_OCEL ? &in->ocel.event : ocel_sqlite_event(in->sqlite);
}

enum csv_result objects_next(struct input *in, const char *bytes, size_t len, bool is_end,
                             size_t *ret_used)
{
    *ret_used = 0;
    if (in->format == SNIFF_OCEL_SQLITE)
        return ocel_sqlite_read(in->sqlite);
    enum csv_result result = ocel_json_read(&in->ocel, bytes, len, is_end);
    *ret_used = in->ocel.used;
    if (result == CSV_ROW || result == CSV_BAD)
        in->line = in->ocel.line;
    return result;
}

struct objects_at objects_mark(const struct input *in)
{
    return (struct objects_at){.json = in->ocel.at};
}

void objects_go_back(struct input *in, const struct objects_at *at)
{
    in->ocel.at = at->json;
    in->ocel.event.unknown = 0;
    if (in->sqlite != NULL)
        ocel_sqlite_rewind(in->sqlite);
}

int objects_sniff(struct input *in, struct err *ret_err)
{
    const struct objects_at at = objects_mark(in);
    const char *bytes = in->data != NULL ? in->data + in->start : "";
    size_t len = in->len - in->start, used;
    enum csv_result result;
    if (in->format == SNIFF_OCEL_SQLITE)
        return 0; /* the columns of its tables are known */
    do {
        result = objects_next(in, bytes, len, in->is_at_end, &used);
        bytes += used;
        len -= used;
    } while (result == CSV_ROW || result == CSV_BAD || result == CSV_BLANK);
    objects_go_back(in, &at);
    if (result == CSV_NO_MEMORY)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    return result == CSV_BROKEN ? input_broken(in, in->ocel.line, in->ocel.reason, ret_err) : 0;
}

/* By type, and within one by id. */
static int by_type(const void *a, const void *b)
{
    const struct native_object *x = a, *y = b;
    if (x->type != y->type)
        return x->type < y->type ? -1 : 1;
    size_t len = x->id.len < y->id.len ? x->id.len : y->id.len;
    int order = memcmp(x->id.text, y->id.text, len);
    return order != 0 ? order : (x->id.len > y->id.len) - (x->id.len < y->id.len);
}

bool objects_add(struct import *im, const struct ocel_event *event)
{
    size_t count = event->relation_count;
    if (count > im->sorted_size) {
        struct native_object *sorted = realloc(im->sorted, count * 2 * sizeof *sorted);
        if (sorted == NULL)
            return false;
        im->sorted = sorted;
        im->sorted_size = count * 2;
    }
    for (size_t i = 0; i < count; i++) {
        const struct ocel_relation *r = &event->relations[i];
        im->sorted[i] = (struct native_object){r->type, r->id, r->qualifier};
    }
    if (count > 1)
        qsort(im->sorted, count, sizeof *im->sorted, by_type);
    native_add_objects(&im->native, im->sorted, count);
    return true;
}

/* Types of objects that the mapping cannot name. */
static void warn_types(struct import *im)
{
    const struct names *types = &im->objects.types;
    for (size_t i = 0; i < types->count; i++)
        if (!map_is_object_type(&types->items[i]))
            import_warn(im,
                        "no tool can ask for objects of type '%.100s': its name has '] or a zero "
                        "byte in it",
                        types->items[i].text);
}

void objects_warn(struct import *im, const struct input *in)
{
    if (!in->is_prepared)
        return;
    uint64_t unknown = objects_event(in)->unknown;
    if (unknown > 0)
        import_warn(im,
                    "%s: %" PRIu64 " relation%s to objects that are not in the file %s left out",
                    input_name(in), unknown, unknown == 1 ? "" : "s", unknown == 1 ? "is" : "are");
    if (im->input + 1 < im->options.file_count)
        return;
    warn_types(im);
    if (im->objects.conflicts > 0)
        import_warn(im, "%s: %" PRIu64 " object%s again with another type: the first one counts",
                    input_name(in), im->objects.conflicts,
                    im->objects.conflicts == 1 ? " comes" : "s come");
}
