/* sql/db.c: what ClickHouse's errors become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db.h"

static void test_code_is_found_in_text(void **state)
{
    assert_int_equal(db_parse_error_code("Code: 241. DB::Exception: (total) memory limit"), 241);
    assert_int_equal(db_parse_error_code("Error: Code: 60. DB::Exception: x Code: 47."), 60);
    assert_int_equal(db_parse_error_code("Code: 516, e.displayText() = DB::Exception: x"), 516);
    assert_int_equal(db_parse_error_code("Code: x"), 0);
    assert_int_equal(db_parse_error_code("Code: -5."), 0);
    assert_int_equal(db_parse_error_code("Code: 99999999999999999999."), 0);
    assert_int_equal(db_parse_error_code("no code here"), 0);
    assert_int_equal(db_parse_error_code(""), 0);
    assert_int_equal(db_parse_error_code(NULL), 0);
}

static void test_codes_are_translated(void **state)
{
    static const struct {
        int engine_code;
        enum err_code code;
    } cases[] = {
        {159, ERR_TIMEOUT},  {241, ERR_LIMIT},       {128, ERR_LIMIT},       {394, ERR_CANCELLED},
        {396, ERR_LIMIT},    {158, ERR_LIMIT},       {307, ERR_LIMIT},       {60, ERR_NOT_FOUND},
        {81, ERR_NOT_FOUND}, {47, ERR_NOT_FOUND},    {497, ERR_ACCESS},      {516, ERR_ACCESS},
        {192, ERR_ACCESS},   {164, ERR_ACCESS},      {202, ERR_BUSY},        {62, ERR_ENGINE},
        {6, ERR_ARGUMENT},   {41, ERR_ARGUMENT},     {27, ERR_ARGUMENT},     {38, ERR_ARGUMENT},
        {457, ERR_ARGUMENT}, {210, ERR_UNAVAILABLE}, {279, ERR_UNAVAILABLE}, {54321, ERR_ENGINE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        int rc = db_translate_error(cases[i].engine_code, "secret detail", &err);
        assert_int_equal(rc, -(int)cases[i].code);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(err.engine_code, cases[i].engine_code);
        assert_string_equal(err.raw, "secret detail");
        assert_true(strlen(err.text) > 10);
        assert_null(strstr(err.text, "secret"));
    }
}

static void test_some_texts_tell_more_than_the_code(void **state)
{
    static const struct {
        const char *raw, *says;
        int engine_code;
        enum err_code code;
    } cases[] = {
        {"Code: 62. DB::Exception: Max query size exceeded (can be increased with the "
         "`max_query_size` setting): Syntax error: failed at position 262139",
         "too large", 62, ERR_LIMIT},
        {"Code: 1001. DB::Exception: std::__1::filesystem::filesystem_error: filesystem error: in "
         "file_size: No such file or directory [\"data.cmrk4\"]. (STD_EXCEPTION)",
         "files of the database are missing", 1001, ERR_UNAVAILABLE},
        {"Code: 1001. DB::Exception: std::length_error", "error 1001", 1001, ERR_ENGINE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        assert_int_equal(db_translate_error(0, cases[i].raw, &err), -(int)cases[i].code);
        assert_int_equal(err.engine_code, cases[i].engine_code);
        assert_non_null(strstr(err.text, cases[i].says));
    }
}

static void test_code_comes_from_text_when_not_given(void **state)
{
    struct err err = {0};
    assert_int_equal(db_translate_error(0, "Code: 159. DB::Exception: Timeout exceeded", &err),
                     -ERR_TIMEOUT);
    assert_int_equal(err.engine_code, 159);
    assert_int_equal(db_translate_error(0, "Something else went wrong", &err), -ERR_ENGINE);
    assert_int_equal(err.engine_code, 0);
    assert_string_equal(err.raw, "Something else went wrong");
    assert_int_equal(db_translate_error(0, NULL, &err), -ERR_ENGINE);
    assert_string_equal(err.raw, "");
    assert_int_equal(db_translate_error(60, "x", NULL), -ERR_NOT_FOUND);
}

static void test_plain_names_are_told(void **state)
{
    static const struct {
        const char *raw, *text;
    } cases[] = {
        {"Code: 60. DB::Exception: Unknown table expression identifier 'shop.orders' in scope "
         "SELECT secret FROM shop.orders. (UNKNOWN_TABLE)",
         "the table does not exist: shop.orders"},
        {"Code: 60. DB::Exception: Table sextant.orders does not exist. (UNKNOWN_TABLE)",
         "the table does not exist: sextant.orders"},
        {"Code: 81. DB::Exception: Database `shop` does not exist. (UNKNOWN_DATABASE)",
         "the database does not exist: shop"},
        {"Code: 47. DB::Exception: Unknown expression identifier `SpanNme` in scope SELECT 'x'",
         "a column does not exist in the table: SpanNme"},
        /* Anything but a plain name stays out: it could be SQL, data or an instruction. */
        {"Code: 47. DB::Exception: Unknown identifier `x'; DROP` in scope SELECT `y`",
         "a column does not exist in the table"},
        {"Code: 60. DB::Exception: Unknown table `unclosed", "the table does not exist"},
        {"Code: 60. DB::Exception: ``", "the table does not exist"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        db_translate_error(0, cases[i].raw, &err);
        assert_string_equal(err.text, cases[i].text);
        assert_string_equal(err.raw, cases[i].raw);
    }
}

static void test_a_long_name_is_left_out(void **state)
{
    char raw[600] = "Code: 60. DB::Exception: Unknown table `";
    size_t len = strlen(raw);
    memset(raw + len, 'a', 500);
    raw[len + 500] = '`';
    struct err err = {0};
    db_translate_error(0, raw, &err);
    assert_string_equal(err.text, "the table does not exist");
}

static void test_raw_text_is_cut_between_characters(void **state)
{
    char *text = malloc(6001);
    assert_non_null(text);
    for (size_t i = 0; i < 6000; i += 3)
        memcpy(text + i, "\xe2\x82\xac", 3);
    text[6000] = '\0';
    struct err err = {0};
    db_translate_error(1, text, &err);
    size_t len = strlen(err.raw);
    assert_int_equal(len, (sizeof(err.raw) - 1) / 3 * 3);
    assert_memory_equal(err.raw, text, len);
    free(text);
}

static void test_default_limits(void **state)
{
    assert_int_equal(db_limits_default.time_ms, 45000);
    assert_true(db_limits_default.memory_bytes == UINT64_C(4294967296));
    assert_int_equal(db_limits_default.result_rows, 1000000);
    assert_int_equal(db_limits_default.result_bytes, 67108864);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_is_found_in_text),
        cmocka_unit_test(test_codes_are_translated),
        cmocka_unit_test(test_some_texts_tell_more_than_the_code),
        cmocka_unit_test(test_code_comes_from_text_when_not_given),
        cmocka_unit_test(test_plain_names_are_told),
        cmocka_unit_test(test_a_long_name_is_left_out),
        cmocka_unit_test(test_raw_text_is_cut_between_characters),
        cmocka_unit_test(test_default_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
