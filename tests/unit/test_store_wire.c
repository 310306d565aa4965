/* sql/store_wire.c: what is put is what is got, and nothing else is taken for a frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store_wire.h"

static int ignore_data(void *user, const char *bytes, size_t len)
{
    return 0;
}

static void ignore_progress(void *user, const struct db_stats *so_far)
{
}

static const struct db_param params[] = {{"p1", ""},
                                         {"p2", "it's \\t {p1:String}"},
                                         {"", "\xff\xfe"},
                                         {"list", "['a','\xf0\x9f\xa6\x8a']"}};

static const struct db_request full = {
    .sql = "SELECT {p1:String} /* \n */",
    .params = params,
    .param_count = 4,
    .format = "JSONCompactEachRow",
    .limits = {1, UINT64_MAX, UINT64_C(1) << 40, 4, 5},
    .tag = "run_funnel",
    .is_write = true,
    .body = "rows",
    .body_len = 4,
    .on_data = ignore_data,
    .on_progress = ignore_progress,
};

static void assert_same_request(const struct wire_start *start, const struct db_request *sent)
{
    const struct db_request *got = &start->request;
    assert_string_equal(got->sql, sent->sql);
    assert_string_equal(got->tag, sent->tag != NULL ? sent->tag : "");
    assert_int_equal(got->format != NULL, sent->format != NULL);
    if (sent->format != NULL)
        assert_string_equal(got->format, sent->format);
    assert_memory_equal(&got->limits, &sent->limits, sizeof(got->limits));
    assert_int_equal(got->is_write, sent->is_write);
    assert_int_equal(got->body != NULL, sent->body != NULL);
    assert_int_equal(got->body_len, sent->body_len);
    assert_int_equal(start->wants_rows, sent->on_data != NULL);
    assert_int_equal(start->wants_progress, sent->on_progress != NULL);
    assert_int_equal(got->param_count, sent->param_count);
    for (size_t i = 0; i < sent->param_count; i++) {
        assert_string_equal(got->params[i].name, sent->params[i].name);
        assert_string_equal(got->params[i].value, sent->params[i].value);
    }
}

static void test_a_statement_arrives_whole(void **state)
{
    const struct db_request requests[] = {full,
                                          {.sql = "DROP TABLE t", .is_write = true},
                                          {.sql = "", .body = "", .on_data = ignore_data}};
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct buf payload = {0};
        struct wire_start start;
        wire_put_start(&payload, &requests[i]);
        assert_false(buf_failed(&payload));
        assert_int_equal(wire_get_start(payload.data, payload.len, &start), 0);
        assert_same_request(&start, &requests[i]);
        wire_start_done(&start);
        /* Cut or followed by something, it is no statement. */
        for (size_t len = 0; len < payload.len; len++)
            assert_int_equal(wire_get_start(payload.data, len, &start), -1);
        buf_putc(&payload, '\0');
        assert_int_equal(wire_get_start(payload.data, payload.len, &start), -1);
        buf_done(&payload);
    }
}

static void test_impossible_statements_are_refused(void **state)
{
    struct wire_start start;
    struct buf payload = {0};
    struct db_request request = full;
    request.body_len = (size_t)WIRE_BODY_MAX + 1;
    wire_put_start(&payload, &request);
    assert_int_equal(wire_get_start(payload.data, payload.len, &start), -1);
    buf_reset(&payload);
    wire_put_start(&payload, &full);
    payload.data[3] = 0; /* a length without a body */
    assert_int_equal(wire_get_start(payload.data, payload.len, &start), -1);
    payload.data[3] = 1;
    char *sql = memchr(payload.data + 40, 'S', payload.len - 40);
    assert_non_null(sql);
    sql[2] = '\0'; /* a text that ends before its end */
    assert_int_equal(wire_get_start(payload.data, payload.len, &start), -1);
    buf_done(&payload);
}

static void fill(char *out, size_t size, char with)
{
    memset(out, with, size - 1);
    out[size - 1] = '\0';
}

static void test_ends_and_hellos_arrive_whole(void **state)
{
    struct err err = {.code = ERR_NOT_FOUND, .engine_code = -60}, got;
    struct db_stats stats = {1, UINT64_MAX, 3, 4}, got_stats;
    struct buf payload = {0};
    fill(err.field, sizeof(err.field), 'f');
    fill(err.text, sizeof(err.text), 't');
    fill(err.raw, sizeof(err.raw), 'r');
    wire_put_end(&payload, &err, &stats);
    assert_true(payload.len <= WIRE_SMALL_MAX);
    assert_int_equal(wire_get_end(payload.data, payload.len, &got, &got_stats), 0);
    assert_memory_equal(&got, &err, sizeof(err));
    assert_memory_equal(&got_stats, &stats, sizeof(stats));
    payload.data[32] = (char)ERR_CODES;
    assert_int_equal(wire_get_end(payload.data, payload.len, &got, &got_stats), -1);
    buf_reset(&payload);
    wire_put_end(&payload, NULL, &stats);
    assert_int_equal(wire_get_end(payload.data, payload.len, &got, &got_stats), 0);
    assert_int_equal(got.code, ERR_OK);
    buf_reset(&payload);

    struct wire_hello hello = {.protocol = WIRE_PROTOCOL, .pid = 4711}, got_hello;
    fill(hello.holder, sizeof(hello.holder), 'h');
    fill(hello.info.engine, sizeof(hello.info.engine), 'e');
    fill(hello.info.version, sizeof(hello.info.version), 'v');
    fill(hello.info.target, sizeof(hello.info.target), 't');
    fill(hello.info.database, sizeof(hello.info.database), 'd');
    hello.info.may_kill = true;
    hello.info.pid = 815;
    wire_put_hello(&payload, &hello);
    assert_true(payload.len <= WIRE_SMALL_MAX);
    assert_int_equal(wire_get_hello(payload.data, payload.len, &got_hello), 0);
    assert_memory_equal(&got_hello, &hello, sizeof(hello));
    for (size_t len = 0; len < payload.len; len++)
        assert_int_equal(wire_get_hello(payload.data, len, &got_hello), -1);
    buf_done(&payload);
}

/* Of another version only the first fields are read, whatever follows them. */
static void test_another_version_can_be_named(void **state)
{
    struct wire_hello hello = {.protocol = 77, .pid = 12, .holder = "sextant serve"}, got;
    struct buf payload = {0};
    wire_put_hello(&payload, &hello);
    buf_puts(&payload, "and more");
    assert_int_equal(wire_get_hello(payload.data, payload.len, &got), 0);
    assert_int_equal(got.protocol, 77);
    assert_int_equal(got.pid, 12);
    assert_string_equal(got.holder, "sextant serve");
    payload.data[0] = 'X';
    assert_int_equal(wire_get_hello(payload.data, payload.len, &got), -1);
    buf_done(&payload);
}

static void test_frames_are_cut_anywhere(void **state)
{
    char bytes[WIRE_HEADER + 5];
    struct wire_frame frame;
    size_t used = 99;
    wire_put_header(bytes, WIRE_ROWS, 0xfffefdfc, 5);
    memcpy(bytes + WIRE_HEADER, (const char[]){'[', '1', ']', '\n', ','}, 5);
    for (size_t len = 0; len < sizeof(bytes); len++)
        assert_int_equal(wire_take(bytes, len, &frame, &used), 0);
    assert_int_equal(used, 99);
    assert_int_equal(wire_take(bytes, sizeof(bytes), &frame, &used), 1);
    assert_int_equal(used, sizeof(bytes));
    assert_int_equal(frame.kind, WIRE_ROWS);
    assert_int_equal(frame.id, 0xfffefdfc);
    assert_int_equal(frame.len, 5);
    assert_memory_equal(frame.payload, "[1]\n,", 5);
}

static void test_lengths_are_capped_by_kind(void **state)
{
    static const struct {
        uint32_t kind;
        size_t most;
    } cases[] = {{WIRE_HELLO, WIRE_SMALL_MAX},
                 {WIRE_START, WIRE_START_MAX},
                 {WIRE_BODY, WIRE_PIECE},
                 {WIRE_CANCEL, 0},
                 {WIRE_ROWS, WIRE_PIECE},
                 {WIRE_PROGRESS, WIRE_SMALL_MAX},
                 {WIRE_END, WIRE_SMALL_MAX},
                 {WIRE_PING, 0},
                 {WIRE_PONG, 0},
                 {WIRE_LATER, 0}};
    char header[WIRE_HEADER];
    struct wire_frame frame;
    size_t used;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        wire_put_header(header, cases[i].kind, 1, cases[i].most);
        assert_int_equal(wire_take(header, sizeof(header), &frame, &used), cases[i].most == 0);
        wire_put_header(header, cases[i].kind, 1, cases[i].most + 1);
        assert_int_equal(wire_take(header, sizeof(header), &frame, &used), -1);
    }
    wire_put_header(header, (enum wire_kind)0, 1, 0);
    assert_int_equal(wire_take(header, sizeof(header), &frame, &used), -1);
    wire_put_header(header, WIRE_KINDS, 1, 0);
    assert_int_equal(wire_take(header, sizeof(header), &frame, &used), -1);
}

/* --- bytes that somebody else wrote -------------------------------------------------------- */

static uint32_t random_state = 20261122;

static uint32_t pick(uint32_t n)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)random_state * n) >> 32);
}

static void read_payload(const char *payload, size_t len)
{
    struct wire_start start;
    struct wire_hello hello;
    struct db_stats stats;
    struct err err;
    if (wire_get_start(payload, len, &start) == 0) {
        size_t sum = strlen(start.request.sql) + strlen(start.request.tag);
        for (size_t i = 0; i < start.request.param_count; i++)
            sum += strlen(start.params[i].name) + strlen(start.params[i].value);
        assert_true(sum <= len);
        wire_start_done(&start);
    }
    if (wire_get_hello(payload, len, &hello) == 0)
        assert_true(strlen(hello.holder) < sizeof(hello.holder) && hello.pid >= 0);
    if (wire_get_end(payload, len, &err, &stats) == 0)
        assert_true(err.code < ERR_CODES && strlen(err.text) < sizeof(err.text));
    if (wire_get_stats(payload, len, &stats) == 0)
        assert_int_equal(len, 32);
}

static void mutate(char *bytes, size_t *len)
{
    static const unsigned char edges[] = {0, 1, 4, 0x7f, 0x80, 0xff};
    for (uint32_t n = 1 + pick(4); n > 0 && *len > 0; n--) {
        size_t at = pick((uint32_t)*len);
        switch (pick(4)) {
        case 0:
            bytes[at] = (char)(bytes[at] ^ (1 << pick(8)));
            break;
        case 1:
            bytes[at] = (char)edges[pick(sizeof(edges))];
            break;
        case 2:
            *len = at;
            break;
        default:
            memmove(bytes, bytes + at / 2, *len - at / 2);
            *len -= at / 2;
        }
    }
}

/* The bytes lie at the end of a block of their own, so that a sanitizer sees a read beyond them. */
static void read_mutated(const struct buf *payload)
{
    size_t len = payload->len;
    char *bytes = malloc(len + 1);
    assert_non_null(bytes);
    memcpy(bytes, payload->data, len);
    mutate(bytes, &len);
    char *exact = malloc(len > 0 ? len : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, len);
    read_payload(exact, len);
    struct wire_frame frame;
    size_t used;
    if (wire_take(exact, len, &frame, &used) == 1)
        assert_true(used <= len && frame.payload + frame.len == exact + used);
    free(exact);
    free(bytes);
}

static void test_mutated_bytes(void **state)
{
    enum { ROUNDS = 40000 };
    const struct wire_hello hello = {.protocol = WIRE_PROTOCOL, .pid = 1, .holder = "sextant"};
    const struct err err = {.code = ERR_ENGINE, .text = "some", .raw = "Code: 1"};
    const struct db_stats stats = {1, 2, 3, 4};
    struct buf payloads[5] = {{0}};
    wire_put_start(&payloads[0], &full);
    wire_put_hello(&payloads[1], &hello);
    wire_put_end(&payloads[2], &err, &stats);
    wire_put_stats(&payloads[3], &stats);
    char header[WIRE_HEADER];
    wire_put_header(header, WIRE_START, 1, payloads[0].len);
    buf_add(&payloads[4], header, sizeof(header));
    buf_add(&payloads[4], payloads[0].data, payloads[0].len);
    for (int i = 0; i < ROUNDS; i++)
        read_mutated(&payloads[i % 5]);
    for (int i = 0; i < 5; i++)
        buf_done(&payloads[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_statement_arrives_whole),
        cmocka_unit_test(test_impossible_statements_are_refused),
        cmocka_unit_test(test_ends_and_hellos_arrive_whole),
        cmocka_unit_test(test_another_version_can_be_named),
        cmocka_unit_test(test_frames_are_cut_anywhere),
        cmocka_unit_test(test_lengths_are_capped_by_kind),
        cmocka_unit_test(test_mutated_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
