/* How the table is laid out: what it is sorted by, and which keys get a column of their own. Why,
 * and what it costs, is in docs/decisions/native-table.md. */
#include "import_impl.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "sql_text.h"

enum {
    COPIES_MAX = 12,
    SAMPLE_MIN = 200, /* rows; fewer say nothing, and need nothing */
    COVERAGE = 20,    /* one row of so many has the key */
    REPEATS = 8,      /* a value comes so many times on average, rows without one included */
};

static const char *order_of(const struct import *im)
{
    static const struct {
        enum sniff_role role;
        const char *order;
    } orders[] = {{SNIFF_ACTOR, "actor_number, time, seq"},
                  {SNIFF_CASE, "case_number, time, seq"},
                  {SNIFF_SESSION, "session_number, time, seq"}};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
        if (im->roles[orders[i].role].column != NULL)
            return orders[i].order;
    return "time, seq";
}

/* The mapping as a literal. -1 = out of memory. */
static int add_comment(const struct import *im, struct buf *out)
{
    json_t *mapping = map_comment(im);
    char *text = mapping != NULL ? json_text(mapping) : NULL;
    if (text != NULL)
        sql_escape_item(out, text, strlen(text));
    int rc = text == NULL || buf_failed(out) ? -1 : 0;
    json_decref(mapping);
    free(text);
    return rc;
}

/* --- keys -------------------------------------------------------------------------------- */

bool layout_sample(struct import *im, const struct input *in, const struct cell *cells,
                   size_t count)
{
    struct key_samples *samples = &im->samples;
    if (samples->size < im->properties.count) {
        size_t size = im->properties.count + 64;
        struct key_sample *keys = realloc(samples->keys, size * sizeof *keys);
        if (keys == NULL)
            return false;
        memset(keys + samples->size, 0, (size - samples->size) * sizeof *keys);
        samples->keys = keys;
        samples->size = size;
    }
    samples->rows++;
    for (size_t i = 0; i < count; i++) {
        const struct target *t = &in->targets[cells[i].column];
        if (t->map != NATIVE_PROPERTIES || cells[i].len == 0)
            continue;
        struct key_sample *key = &samples->keys[t->key];
        key->rows++;
        if (names_add(&key->values, cells[i].text, cells[i].len) < 0)
            return false;
    }
    return true;
}

void layout_done(struct import *im)
{
    for (size_t i = 0; i < im->samples.size; i++)
        names_done(&im->samples.keys[i].values);
    free(im->samples.keys);
    im->samples = (struct key_samples){0};
}

/* A name that place_parse_item() reads back, and that needs no escape. */
static bool is_plain(const struct name *name)
{
    return name->len > 0 && name->len <= 100 && strlen(name->text) == name->len &&
           strcspn(name->text, "'\\`") == name->len;
}

/* The key that most rows have of those that were not taken, or -1. */
static int next_key(const struct key_samples *samples, const struct names *names,
                    const bool *is_taken)
{
    int best = -1;
    for (size_t i = 0; i < samples->size && i < names->count; i++) {
        const struct key_sample *key = &samples->keys[i];
        bool is_worth = !is_taken[i] && key->rows * COVERAGE >= samples->rows &&
                        key->values.count * REPEATS <= samples->rows && is_plain(&names->items[i]);
        if (is_worth && (best < 0 || key->rows > samples->keys[best].rows))
            best = (int)i;
    }
    return best;
}

static void add_copy(const struct name *name, struct buf *columns, struct buf *list)
{
    struct buf place = {0}, column = {0};
    buf_printf(&place, "properties['%s']", name->text);
    sql_identifier(&column, buf_text(&place));
    buf_printf(columns, ",\n    %s LowCardinality(String) MATERIALIZED %s", buf_text(&column),
               buf_text(&place));
    buf_printf(list, ", %s", buf_text(&column));
    buf_done(&place);
    buf_done(&column);
}

/* The columns that copy keys, and the rows by event, with those and the numbers only. Within a day
 * they are sorted by actor, so that bitmaps grow at their ends. */
static int add_copies(struct import *im, struct buf *out)
{
    const struct key_samples *samples = &im->samples;
    if (im->native.has_objects)
        buf_puts(out, ",\n    objects Map(LowCardinality(String), Array(String)),"
                      "\n    object_qualifiers Map(LowCardinality(String), Array(String))");
    if (samples->rows < SAMPLE_MIN)
        return 0;
    bool *is_taken = calloc(samples->size + 1, sizeof *is_taken);
    struct buf list = {0};
    for (int n = 0; is_taken != NULL && n < COPIES_MAX; n++) {
        int key = next_key(samples, &im->properties, is_taken);
        if (key < 0)
            break;
        is_taken[key] = true;
        add_copy(&im->properties.items[key], out, &list);
    }
    buf_printf(out,
               ",\n    PROJECTION by_event (SELECT event, time, actor_number, session_number, "
               "case_number%s ORDER BY event, intDiv(toUnixTimestamp64Micro(time), "
               "86400000000), actor_number)",
               buf_text(&list));
    int rc = is_taken == NULL || buf_failed(out) || buf_failed(&list) ? -1 : 0;
    free(is_taken);
    buf_done(&list);
    return rc;
}

/* --- statements ---------------------------------------------------------------------------- */

void layout_create(struct import *im, void (*next)(struct import *im))
{
    struct buf comment = {0}, copies = {0};
    im->native.has_objects = input_has_objects(&im->inputs[im->input]);
    im->native.objects.types.keys = &im->objects.types;
    if (add_comment(im, &comment) < 0 || add_copies(im, &copies) < 0)
        import_fail_memory(im);
    else
        import_run_on_table(im, &sql_import_table,
                            (const struct query_fragment[]){{"order", order_of(im)},
                                                            {"copies", buf_text(&copies)},
                                                            {"comment", buf_text(&comment)},
                                                            {0}},
                            next);
    buf_done(&comment);
    buf_done(&copies);
    layout_done(im);
}

void layout_finish(struct import *im, void (*next)(struct import *im))
{
    static const char *const names[NATIVE_NUMBERS] = {"actors", "sessions", "cases"};
    bool is_as_told = im->actor_properties.count > 0 && !im->native.has_objects;
    im->is_read = true;
    for (int i = 0; i < NATIVE_NUMBERS; i++) {
        if (!im->numberings[i].has_given_up)
            continue;
        is_as_told = false;
        import_warn(im, "there are too many %s to number them: questions about them take longer",
                    names[i]);
    }
    struct buf comment = {0};
    if (is_as_told)
        next(im);
    else if (add_comment(im, &comment) < 0)
        import_fail_memory(im);
    else
        import_run_on_table(im, &sql_import_comment,
                            (const struct query_fragment[]){{"comment", buf_text(&comment)}, {0}},
                            next);
    buf_done(&comment);
}
