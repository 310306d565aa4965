/* The parts of the ClickHouse client that need no connection: answers cut at every byte, forms with
 * long parameters, and the rewriting of quoted integers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clickhouse.h"

static struct buf received;

static int on_data(void *user, const char *bytes, size_t len)
{
    (void)user;
    buf_add(&received, bytes, len);
    return 0;
}

/* --- answers --------------------------------------------------------------------------------- */

static const struct answer {
    const char *name, *tag, *body;
    const char *format;
    bool is_complete;
    int rc;            /* 0 or -1 */
    const char *rows;  /* what the reader gets */
    const char *error; /* what the engine said */
} answers[] = {
    {"rows", "", "[1,\"a\"]\n[2,\"b\"]\n", "JSONCompactEachRow", true, 0, "[1,\"a\"]\n[2,\"b\"]\n",
     ""},
    {"no rows", "abcdefghijklmnop", "", "JSONCompactEachRow", true, 0, "", ""},
    {"no last newline", "", "[1]\n[2]", "JSONCompactEachRow", true, 0, "[1]\n[2]", ""},
    {"objects", "", "{\"a\":1}\n{\"a\":2}\n", "JSONEachRow", true, 0, "{\"a\":1}\n{\"a\":2}\n", ""},
    {"rows that quote exceptions", "",
     "[\"Code: 1. DB::Exception: x\"]\n[\"__exception__\\r\\n\"]\n", "JSONCompactEachRow", true, 0,
     "[\"Code: 1. DB::Exception: x\"]\n[\"__exception__\\r\\n\"]\n", ""},
    {"plain", "", "[1]\n[2]\nCode: 395. DB::Exception: no (version 24.8)\n", "JSONCompactEachRow",
     true, -1, "[1]\n[2]\n", "Code: 395. DB::Exception: no (version 24.8)\n"},
    {"plain, in a row", "", "[1]\n[\"Code: 1. DB::Ex[Code: 395. DB::Exception: no\n",
     "JSONCompactEachRow", true, -1, "[1]\n", "Code: 395. DB::Exception: no\n"},
    {"plain, of two lines", "", "[1]\nCode: 395. DB::Exception: no\nmore\n", "JSONCompactEachRow",
     true, -1, "[1]\n", "Code: 395. DB::Exception: no\nmore\n"},
    {"marker", "", "[1]\n__exception__\r\nCode: 395. DB::Exception: no\n", "JSONCompactEachRow",
     false, -1, "[1]\n", "Code: 395. DB::Exception: no\n"},
    {"marker, in a row", "", "[1]\n[\"a__exception__\r\nCode: 395. DB::Exception: no\n",
     "JSONCompactEachRow", false, -1, "[1]\n", "Code: 395. DB::Exception: no\n"},
    {"block", "abcdefghijklmnop",
     "[1]\n\r\n__exception__\r\nabcdefghijklmnop\r\nCode: 395. DB::Exception: no\n"
     "30 abcdefghijklmnop\r\n__exception__\r\n",
     "JSONCompactEachRow", false, -1, "[1]\n", "Code: 395. DB::Exception: no\n"},
    {"block, in a row", "abcdefghijklmnop",
     "[1]\n[\"Code: 7. DB::Exception: \r\n__exception__\r\nabcdefghijklmnop\r\n"
     "Code: 395. DB::Exception: no\n30 abcdefghijklmnop\r\n__exception__\r\n",
     "JSONCompactEachRow", false, -1, "[1]\n", "Code: 395. DB::Exception: no\n"},
    {"block without rows", "abcdefghijklmnop",
     "\r\n__exception__\r\nabcdefghijklmnop\r\nCode: 395. DB::Exception: no\n"
     "30 abcdefghijklmnop\r\n__exception__\r\n",
     "TabSeparated", false, -1, "", "Code: 395. DB::Exception: no\n"},
    {"cut in a row", "abcdefghijklmnop", "[1]\n[\"Code: 7. DB::Exception: a\", [",
     "JSONCompactEachRow", false, -1, "[1]\n", ""},
    {"cut behind what looks like a row", "abcdefghijklmnop", "[1]\n[[2]", "JSONCompactEachRow",
     false, -1, "[1]\n", ""},
    {"text", "", "a\tb\n__exception__\tc\n", "TabSeparated", true, 0, "a\tb\n__exception__\tc\n",
     ""},
};

static void feed(struct clickhouse_reply *r, const struct answer *a, size_t first, size_t step)
{
    const struct db_request request = {.format = a->format, .on_data = on_data};
    char line[80];
    clickhouse_reply_init(r, &request);
    clickhouse_reply_header(r, "HTTP/1.1 200 OK\r\n", 17);
    if (a->tag[0] != '\0') {
        int n = snprintf(line, sizeof line, "x-clickhouse-exception-tag: %s\r\n", a->tag);
        clickhouse_reply_header(r, line, (size_t)n);
    }
    buf_reset(&received);
    size_t len = strlen(a->body);
    for (size_t at = 0; at < len;) {
        size_t n = at == 0 && first > 0 ? first : step;
        n = n < len - at ? n : len - at;
        /* A copy of its own, so that reading beyond it is noticed. */
        char *piece = malloc(n);
        assert_non_null(piece);
        memcpy(piece, a->body + at, n);
        assert_int_equal(clickhouse_reply_body(r, piece, n), 0);
        free(piece);
        at += n;
    }
}

static void check(const struct answer *a, size_t first, size_t step)
{
    struct clickhouse_reply r;
    feed(&r, a, first, step);
    int rc = clickhouse_reply_end(&r, a->is_complete);
    if (rc != a->rc || strcmp(buf_text(&received), a->rows) != 0 ||
        strcmp(buf_text(&r.error), a->error) != 0)
        fail_msg("%s (%zu, %zu): rc %d, rows <%s>, error <%s>", a->name, first, step, rc,
                 buf_text(&received), buf_text(&r.error));
    clickhouse_reply_done(&r);
}

static void answers_cut_anywhere(void **state)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        size_t len = strlen(answers[i].body);
        check(&answers[i], 0, 1);
        check(&answers[i], 0, 3);
        for (size_t first = 0; first <= len; first++)
            check(&answers[i], first, len);
    }
}

static void headers_are_read(void **state)
{
    static const char *const lines[] = {
        "HTTP/1.1 100 Continue\r\n",
        "HTTP/1.1 500 Internal Server Error\r\n",
        "X-ClickHouse-Exception-Code: 241\r\n",
        ("x-clickhouse-summary: {\"read_rows\":\"12\",\"read_bytes\":34, \"total_rows_to_read\" "
         ": \"56\",\"elapsed_ns\":\"78\"}\r\n"),
        "X-ClickHouse-Progress\r\n",
        "\r\n",
    };
    const struct db_request request = {.format = "JSONCompactEachRow", .on_data = on_data};
    struct clickhouse_reply r;
    clickhouse_reply_init(&r, &request);
    buf_reset(&received);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        clickhouse_reply_header(&r, lines[i], strlen(lines[i]));
    assert_int_equal(r.status, 500);
    assert_int_equal(r.exception_code, 241);
    assert_true(r.is_clickhouse);
    assert_int_equal(r.stats.rows_read, 12);
    assert_int_equal(r.stats.bytes_read, 34);
    assert_int_equal(r.stats.rows_total, 56);
    assert_int_equal(r.stats.elapsed_ns, 78);
    const char body[] = "[1]\nCode: 241. DB::Exception: memory\n";
    assert_int_equal(clickhouse_reply_body(&r, body, strlen(body)), 0);
    assert_int_equal(clickhouse_reply_end(&r, true), -1);
    assert_string_equal(buf_text(&received), "");
    assert_string_equal(buf_text(&r.error), "Code: 241. DB::Exception: memory\n");
    clickhouse_reply_done(&r);
}

static void caps_of_the_reader(void **state)
{
    const struct answer a = {"caps", "", "[1]\n[2]\n[3]\n", "JSONCompactEachRow", true, 0, "", ""};
    struct clickhouse_reply r;
    const struct db_request request = {
        .format = a.format, .on_data = on_data, .limits = {.result_rows = 2}};
    clickhouse_reply_init(&r, &request);
    r.status = 200;
    assert_true(clickhouse_reply_body(&r, a.body, strlen(a.body)) < 0);
    assert_true(r.is_over_limit);
    assert_int_equal(r.limit_err.code, ERR_LIMIT);
    clickhouse_reply_done(&r);
    clickhouse_reply_init(&r, &request);
    r.limit = (struct db_limits){.result_bytes = 11};
    r.status = 200;
    assert_true(clickhouse_reply_body(&r, a.body, strlen(a.body)) < 0);
    clickhouse_reply_done(&r);
}

/* --- requests -------------------------------------------------------------------------------- */

/* The value of form field `name`, borrowed. */
static const char *field(const struct clickhouse_request *r, const char *name, size_t *ret_len)
{
    char head[200], tail[80];
    snprintf(head, sizeof head, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n",
             r->boundary, name);
    snprintf(tail, sizeof tail, "\r\n--%s", r->boundary);
    const char *at = strstr(buf_text(&r->body), head);
    if (at == NULL)
        return NULL;
    at += strlen(head);
    const char *end = strstr(at, tail);
    assert_non_null(end);
    *ret_len = (size_t)(end - at);
    return at;
}

static void short_parameters_stand_in_the_url(void **state)
{
    const struct db_param params[] = {{"a", "x y&=\\t%"}, {"b", "\xc3\xa9"}};
    const struct db_request request = {
        .sql = "SELECT {a:String}", .params = params, .param_count = 2};
    struct clickhouse_request r;
    struct err err;
    assert_int_equal(clickhouse_request_init(&r, &request, &err), 0);
    assert_false(r.is_multipart);
    assert_string_equal(buf_text(&r.url_params), "&param_a=x%20y%26%3D%5Ct%25&param_b=%C3%A9");
    assert_string_equal(buf_text(&r.body), "SELECT {a:String}");
    clickhouse_request_done(&r);
}

static void texts_are_cut_between_characters(void **state)
{
    /* Escapes and two-byte characters, shifted so that each kind meets the cut. */
    for (size_t shift = 0; shift < 5; shift++) {
        struct buf value, sum;
        struct err err;
        struct clickhouse_request r;
        buf_init(&value, 0);
        buf_init(&sum, 0);
        for (size_t i = 0; i < shift; i++)
            buf_putc(&value, 'x');
        while (value.len < 300000)
            buf_puts(&value, "\\\\\xc3\xa9\\n");
        const struct db_param param = {"v", buf_text(&value)};
        const struct db_request request = {
            .sql = "SELECT {v:String}, {v:String}, {w:String}", .params = &param, .param_count = 1};
        assert_int_equal(clickhouse_request_init(&r, &request, &err), 0);
        size_t len;
        const char *sql = field(&r, "query", &len);
        const char expected[] = "SELECT concat({v__0:String},{v__1:String},{v__2:String},''), "
                                "concat({v__0:String},{v__1:String},{v__2:String},''), {w:String}";
        assert_int_equal(len, strlen(expected));
        assert_memory_equal(sql, expected, len);
        for (int i = 0; i < 3; i++) {
            char name[32];
            snprintf(name, sizeof name, "param_v__%d", i);
            const char *part = field(&r, name, &len);
            assert_non_null(part);
            assert_true(len <= CLICKHOUSE_FIELD_MAX);
            assert_true(((unsigned char)part[0] & 0xC0) != 0x80);
            size_t slashes = 0;
            while (slashes < len && part[len - 1 - slashes] == '\\')
                slashes++;
            assert_int_equal(slashes % 2, 0);
            buf_add(&sum, part, len);
        }
        assert_string_equal(buf_text(&sum), buf_text(&value));
        clickhouse_request_done(&r);
        buf_done(&value);
        buf_done(&sum);
    }
}

static void lists_are_cut_between_items(void **state)
{
    struct buf value;
    struct err err;
    struct clickhouse_request r;
    buf_init(&value, 0);
    buf_putc(&value, '[');
    while (value.len < 200000)
        buf_puts(&value, "'a,\\'b]',");
    buf_puts(&value, "'c']");
    const struct db_param param = {"v", buf_text(&value)};
    const struct db_request request = {
        .sql = "SELECT {v:Array(String)}", .params = &param, .param_count = 1};
    assert_int_equal(clickhouse_request_init(&r, &request, &err), 0);
    size_t len0, len1;
    const char *first = field(&r, "param_v__0", &len0);
    const char *second = field(&r, "param_v__1", &len1);
    assert_non_null(first);
    assert_non_null(second);
    assert_memory_equal(first, "['a,\\'b]','a", 12);
    assert_memory_equal(first + len0 - 9, "'a,\\'b]']", 9);
    assert_memory_equal(second, "['a,\\'b]','a", 12);
    assert_memory_equal(second + len1 - 5, ",'c']", 5);
    /* Nothing is lost: one comma became "][". */
    assert_int_equal(len0 + len1, value.len + 1);
    clickhouse_request_done(&r);
    buf_done(&value);
}

static void what_cannot_be_cut_is_refused(void **state)
{
    struct err err;
    struct clickhouse_request r;
    char *big = malloc(200001);
    assert_non_null(big);
    memset(big, '7', 200000);
    big[200000] = '\0';
    const struct db_param param = {"v", big};
    struct db_request request = {.sql = "SELECT {v:UInt64}", .params = &param, .param_count = 1};
    assert_int_equal(clickhouse_request_init(&r, &request, &err), -(int)ERR_LIMIT);
    big[0] = '[';
    big[199999] = ']';
    request.sql = "SELECT {v:Array(UInt64)}";
    assert_int_equal(clickhouse_request_init(&r, &request, &err), -(int)ERR_LIMIT);
    request.body = "1\n";
    request.body_len = 2;
    assert_int_equal(clickhouse_request_init(&r, &request, &err), -(int)ERR_LIMIT);
    free(big);
}

/* --- integers -------------------------------------------------------------------------------- */

static void integers_lose_their_quotes(void **state)
{
    static const struct {
        const char *type, *in, *out;
    } cases[] = {
        {"UInt64", "\"18446744073709551615\"", "18446744073709551615"},
        {"String", "\"1\"", "\"1\""},
        {"Int8", "1", "1"},
        {"Nullable(Int64)", "null", "null"},
        {"LowCardinality(Nullable(UInt64))", "\"-1\"", "-1"},
        {"Array(UInt64)", "[\"1\",\"2\"]", "[1,2]"},
        {"Array(Array(Int64))", "[[], [\"1\", \"2\"]]", "[[], [1, 2]]"},
        {"Tuple(UInt64, String, Int128)", "[\"1\",\"2\",\"3\"]", "[1,\"2\",3]"},
        {"Tuple(a UInt64, `b, c` String, d Array(Int64))",
         "{\"a\":\"1\",\"b, c\":\"2\",\"d\":[\"3\"]}", "{\"a\":1,\"b, c\":\"2\",\"d\":[3]}"},
        {"Map(UInt64, Int64)", "{\"1\":\"2\",\"3\":\"4\"}", "{\"1\":2,\"3\":4}"},
        {"SimpleAggregateFunction(sum, UInt64)", "\"9\"", "9"},
        {"AggregateFunction(sum, UInt64)", "\"9\"", "\"9\""},
        {"Enum8('UInt64' = 1, 'a)' = 2)", "\"a)\"", "\"a)\""},
        {"DateTime64(6, 'UTC')", "\"2026-01-01 00:00:00\"", "\"2026-01-01 00:00:00\""},
        {"String", "\"q\\\"u,]}\\\\\"", "\"q\\\"u,]}\\\\\""},
        {"JSON", "{\"a\":[\"1\",{\"b\":null}]}", "{\"a\":[\"1\",{\"b\":null}]}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[400], expected[400];
        struct err err;
        struct unquote *u = unquote_new();
        assert_non_null(u);
        snprintf(text, sizeof text, "[\"x\", \"y\"]\n[\"%s\", \"Int64\"]\n[%s, \"5\"]\n",
                 cases[i].type, cases[i].in);
        snprintf(expected, sizeof expected, "[%s, 5]\n", cases[i].out);
        struct buf *out = unquote_rows(u, text, strlen(text), &err);
        assert_non_null(out);
        assert_string_equal(buf_text(out), expected);
        unquote_free(u);
    }
}

static void broken_rows_are_refused(void **state)
{
    static const char *const rows[] = {"[", "[1", "[1 2]", "[\"a", "[{\"a\" 1}]", "[{1:2}]", ""};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[100];
        struct err err;
        struct unquote *u = unquote_new();
        assert_non_null(u);
        snprintf(text, sizeof text, "[\"x\"]\n[\"UInt64\"]\n%s\n", rows[i]);
        assert_null(unquote_rows(u, text, strlen(text), &err));
        assert_int_equal(err.code, ERR_ENGINE);
        unquote_free(u);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_cut_anywhere),
        cmocka_unit_test(headers_are_read),
        cmocka_unit_test(caps_of_the_reader),
        cmocka_unit_test(short_parameters_stand_in_the_url),
        cmocka_unit_test(texts_are_cut_between_characters),
        cmocka_unit_test(lists_are_cut_between_items),
        cmocka_unit_test(what_cannot_be_cut_is_refused),
        cmocka_unit_test(integers_lose_their_quotes),
        cmocka_unit_test(broken_rows_are_refused),
    };
    buf_init(&received, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_done(&received);
    return failed;
}
