#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sse.h"

static void expect(const char *id, unsigned retry_ms, const char *data, const char *bytes)
{
    struct buf out;
    buf_init(&out, 0);
    sse_message(&out, id, retry_ms, data, strlen(data));
    assert_false(buf_failed(&out));
    assert_string_equal(buf_text(&out), bytes);
    buf_done(&out);
}

static void test_messages(void **state)
{
    (void)state;
    expect(NULL, 0, "{\"a\":1}", "event: message\ndata: {\"a\":1}\n\n");
    expect(NULL, 0, "", "event: message\ndata: \n\n");
    expect("s-7", 0, "{}", "id: s-7\nevent: message\ndata: {}\n\n");
    expect("s-7", 2500, "{}", "id: s-7\nretry: 2500\nevent: message\ndata: {}\n\n");
}

/* Whatever ends a line for a reader of event streams also ends one here: nothing in the data can
 * begin a field of its own. */
static void test_lines(void **state)
{
    (void)state;
    expect(NULL, 0, "a\nb", "event: message\ndata: a\ndata: b\n\n");
    expect(NULL, 0, "a\r\nb", "event: message\ndata: a\ndata: b\n\n");
    expect(NULL, 0, "a\rid: 1", "event: message\ndata: a\ndata: id: 1\n\n");
    expect(NULL, 0, "a\n", "event: message\ndata: a\ndata: \n\n");
    expect(NULL, 0, "\n\r", "event: message\ndata: \ndata: \ndata: \n\n");
    expect("1\ndata: forged", 0, "x", "event: message\ndata: x\n\n");
}

static void test_keepalive(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 0);
    sse_keepalive(&out);
    assert_string_equal(buf_text(&out), ": keepalive\n\n");
    buf_done(&out);
}

static void test_cap(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 16);
    sse_message(&out, NULL, 0, "0123456789", 10);
    assert_true(buf_failed(&out));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_keepalive),
        cmocka_unit_test(test_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
