/* OCEL 2.0 in JSON → events: what becomes of a log however its bytes arrive, and memory that runs
 * out anywhere. Files that are damaged are in tests/wire/ocel.test.mjs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"
#include "ocel_json.h"

#include "fail_realloc.h"

#define OBJECTS                                                                                    \
    "\"objects\":[{\"id\":\"o1\",\"type\":\"order\"},\n{\"type\":\"it\\u0065m\",\"id\":\"i\\n1\"}" \
    "]"
#define EVENTS                                                                                     \
    "\"events\":[{\"id\":\"e1\",\"type\":\"pay\",\"time\":\"now\",\"attributes\":[{\"name\":"      \
    "\"a\\t\",\"value\":\"b\\\"\"},{\"name\":\"n\",\"value\":-1.50}],\"relationships\":[{"         \
    "\"objectId\":\"i\\u000a1\",\"qualifier\":\"\\u0071\"},{\"objectId\":\"o1\"},{\"objectId\":"   \
    "\"?\"}]}\n,{\"id\":1}]"

/* One line an event: its values, its objects, how many it names that there are not. */
static void put_event(const struct ocel_json *o, const struct ocel_objects *objects,
                      struct buf *out)
{
    const struct ocel_event *e = &o->event;
    buf_printf(out, "%d:", (int)o->line);
    for (size_t i = 0; i < e->count; i++) {
        const struct cell *c = &e->cells[i];
        if (c->column >= OCEL_FIXED)
            buf_printf(out, " %s=", e->columns.items[c->column].text);
        else
            buf_puts(out, " ");
        buf_add(out, c->text, c->len);
    }
    for (size_t i = 0; i < e->relation_count; i++) {
        const struct ocel_relation *r = &e->relations[i];
        buf_printf(out, " %s:", objects->types.items[r->type].text);
        buf_add(out, r->id.text, r->id.len);
        buf_puts(out, "(");
        buf_add(out, r->qualifier.text, r->qualifier.len);
        buf_puts(out, ")");
    }
    if (e->relation_count > 0)
        buf_printf(out, " unknown %d", (int)e->unknown);
    buf_puts(out, "\n");
}

/* One pass, `step` more bytes at a time; how it ends, and behind how many bytes. */
static enum csv_result read_pass(struct ocel_json *o, const struct ocel_objects *objects,
                                 const char *bytes, size_t len, size_t step, struct buf *out,
                                 size_t *ret_used)
{
    size_t start = 0, end = 0, countdown;
    for (;;) {
        enum csv_result result = ocel_json_read(o, bytes + start, end - start, end == len);
        countdown = realloc_countdown;
        realloc_countdown = 0; /* not for the text that is made here */
        assert_true(o->used <= end - start);
        start += o->used;
        if (result == CSV_ROW)
            put_event(o, objects, out);
        else if (result == CSV_BAD)
            buf_printf(out, "bad: %s\n", o->reason);
        else if (result == CSV_MORE)
            end = end + step < len ? end + step : len;
        realloc_countdown = countdown;
        *ret_used = start;
        if (result == CSV_END || result == CSV_BROKEN || result == CSV_NO_MEMORY)
            return result;
    }
}

/* The whole log; how it ends. */
static enum csv_result read_log(const char *bytes, size_t step, struct buf *out)
{
    struct ocel_objects objects;
    struct ocel_json o = {.can_rewind = true};
    size_t len = strlen(bytes), used = 0;
    enum csv_result result = CSV_NO_MEMORY;
    buf_init(out, 0);
    ocel_objects_init(&objects, 1 << 20);
    if (ocel_json_start(&o, &objects) == 0)
        result = read_pass(&o, &objects, bytes, len, step, out, &used);
    if (result == CSV_END) {
        ocel_json_start_events(&o);
        used = o.is_in_place ? used : 0;
        result = read_pass(&o, &objects, bytes + used, len - used, step, out, &used);
    }
    ocel_json_done(&o);
    ocel_objects_done(&objects);
    return result;
}

static const struct {
    const char *text;
    int line; /* of the first event */
} logs[] = {
    {"{" OBJECTS "," EVENTS "}", 2},
    {"{" EVENTS "," OBJECTS "}", 1},
    {"{\"x\":[{\"]\":\"\\\"}\"}],\"y\":null," EVENTS ",\"z\":-1e5 ," OBJECTS "} \n", 1},
};

static void test_order_and_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++) {
        struct buf expected = {0};
        buf_printf(&expected,
                   "%d: e1 pay now a\t=b\" n=-1.50 item:i\n1(q) order:o1() unknown 1\n%d: 1\n",
                   logs[i].line, logs[i].line + 1);
        for (size_t step = 1; step < 2000; step = step * 2 + 1) {
            struct buf out;
            assert_int_equal(read_log(logs[i].text, step, &out), CSV_END);
            assert_string_equal(buf_text(&out), buf_text(&expected));
            buf_done(&out);
        }
        buf_done(&expected);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++) {
        size_t failed = 0;
        for (size_t countdown = 1;; countdown++) {
            struct buf out;
            realloc_countdown = countdown;
            enum csv_result result = read_log(logs[i].text, 7, &out);
            bool is_over = realloc_countdown > 0;
            realloc_countdown = 0;
            buf_done(&out);
            if (is_over) {
                assert_int_equal(result, CSV_END);
                break;
            }
            /* The table of ids says so in its own words. */
            assert_true(result == CSV_NO_MEMORY || result == CSV_BROKEN);
            failed++;
        }
        assert_true(failed > 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_pieces),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
