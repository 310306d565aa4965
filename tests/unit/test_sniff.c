/* What import does before the engine sees a byte: telling what a file is, cutting rows, flattening
 * JSON, reading times, writing blocks. Pure functions, also under the sanitizers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "csv_rows.h"
#include "jsonl.h"
#include "names.h"
#include "native.h"
#include "sniff.h"
#include "utf8.h"
#include "when.h"

/* --- what a file is ----------------------------------------------------------------------- */

static void test_content(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum sniff_format format;
    } cases[] = {
        {"", 0, SNIFF_UNKNOWN},
        {" \r\n\t", 4, SNIFF_UNKNOWN},
        {"\xef\xbb\xbf", 3, SNIFF_UNKNOWN},
        {"a,b\n", 4, SNIFF_CSV},
        {"\xef\xbb\xbf{\"a\":1}", 10, SNIFF_JSONL},
        {"\n\n {", 4, SNIFF_JSONL},
        {"PAR1xx", 6, SNIFF_PARQUET},
        {"[{\"a\":1}]", 9, SNIFF_JSON_ARRAY},
        {"[ \n {", 5, SNIFF_JSON_ARRAY},
        {"[]", 2, SNIFF_JSON_ARRAY},
        {"[id],name", 9, SNIFF_CSV},
        {"\xef\xbb\xbf<?xml ", 9, SNIFF_XES},
        {"\n<log>", 6, SNIFF_XES},
        {"{ \n \"eventTypes\" : [", 20, SNIFF_OCEL},
        {"{\"objectTypes\":[]", 17, SNIFF_OCEL},
        {"{\"objectTypes\":", 15, SNIFF_JSONL},
        {"{\"objectTypes\":{}", 17, SNIFF_JSONL},
        {"{\"objectTypes\"", 14, SNIFF_JSONL},
        {"{\"events\":[{", 12, SNIFF_JSON},
        {"{\"objects\": []}", 15, SNIFF_JSON},
        {"{\"events\":1}", 12, SNIFF_JSONL},
        {"{\"ocel:events\":{}", 17, SNIFF_OCEL1},
        {"SQLite format 3\0", 16, SNIFF_OCEL_SQLITE},
        {"SQLite format 3,b", 17, SNIFF_CSV},
        {"<log", 4, SNIFF_CSV},
        {"<log\0", 5, SNIFF_CSV},
        {"<logged>,<a>", 12, SNIFF_CSV},
        {"\xff\xfe"
         "a\0",
         4, SNIFF_UTF16},
        {"\xfe\xff\0a", 4, SNIFF_UTF16},
        {"PK\x03\x04", 4, SNIFF_ZIP},
        {"\0\0", 2, SNIFF_CSV},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(sniff_content(cases[i].bytes, cases[i].len), cases[i].format);
    assert_string_equal(sniff_compression("\x1f\x8b\x08", 3), "gzip");
    assert_string_equal(sniff_compression("\x50\x2a\x4d\x18\1\0\0\0-\x28\xb5\x2f\xfd", 13), "zstd");
    assert_string_equal(sniff_compression("\x5f\x2a\x4d\x18\0\0\0\0\x04\x22\x4d\x18", 12), "lz4");
    assert_null(sniff_compression("\x50\x2a\x4d\x18\xff\xff\xff\xff\x28\xb5\x2f\xfd", 12));
    assert_null(sniff_compression("\x50\x2a\x4d\x18\0\0\0", 7));
    assert_string_equal(sniff_compression("\x28\xb5\x2f\xfd", 4), "zstd");
    assert_string_equal(sniff_compression("\xfd"
                                          "7zXZ\0",
                                          6),
                        "xz");
    assert_null(sniff_compression("\x1f", 1));
    assert_int_equal(sniff_name("/a/b.CSV.gz"), SNIFF_CSV);
    assert_int_equal(sniff_name("x.ndjson.zst"), SNIFF_JSONL);
    assert_int_equal(sniff_name("x.parquet"), SNIFF_PARQUET);
    assert_int_equal(sniff_name("a.xes.gz"), SNIFF_XES);
    assert_int_equal(sniff_name("a.json.gz"), SNIFF_JSON);
    assert_int_equal(sniff_name("a.jsonocel"), SNIFF_OCEL);
    assert_int_equal(sniff_name("a.sqlite"), SNIFF_OCEL_SQLITE);
    assert_int_equal(sniff_name(".csv"), SNIFF_UNKNOWN);
    assert_int_equal(sniff_name("x.gz"), SNIFF_UNKNOWN);
}

static void test_delimiter(void **state)
{
    static const struct {
        const char *text;
        char delimiter;
    } cases[] = {
        {"", ','},
        {"one\ntwo\n", ','},
        {"a,b\n1,2\n", ','},
        {"a;b;c\n1,5;2,5;3,5\n", ';'},
        {"a\tb\n1,2\t3,4\n", '\t'},
        {"a|b|c\nx, y|2|3\n", '|'},
        {"time;event\n2024-01-01 10:00;\"a,b,c,d\"\n", ';'},
        {"time,event,note\n1,a,x;y;z\n2,b,u;v;w\n", ','},
        {"a;b\n1;2", ';'},
        {"a,b;c,d\n1,2;3,4\n1,2;3,4,5\n", ';'},
        {"\"a,b\"|\"c,d\"\n\"x,y\"|\"z\"\n", '|'},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (sniff_delimiter(cases[i].text, strlen(cases[i].text), CSV_QUOTES) != cases[i].delimiter)
            fail_msg("%s", cases[i].text);
    assert_int_equal(sniff_newline("a\rb\r", 4), '\r');
    assert_int_equal(sniff_newline("a\r\nb", 4), '\n');
    assert_int_equal(sniff_newline("a", 1), '\n');
}

static void test_columns(void **state)
{
    static const struct {
        const char *columns[5];
        enum sniff_role role;
        const char *expected;
        enum sniff_format format;
    } cases[] = {
        {{"a", "Time Stamp", "date"}, SNIFF_TIME, "Time Stamp"},
        {{"date", "ts"}, SNIFF_TIME, "ts"},
        {{"start_time"}, SNIFF_TIME, NULL},
        {{"start_time"}, SNIFF_START, "start_time"},
        {{"name", "Event-Name"}, SNIFF_EVENT, "Event-Name"},
        {{"concept:name", "case:concept:name"}, SNIFF_EVENT, "concept:name"},
        {{"concept:name", "case:concept:name"}, SNIFF_CASE, "case:concept:name"},
        {{"properties.distinct_id", "x"}, SNIFF_ACTOR, "properties.distinct_id"},
        {{"properties.user_id", "customer_id"}, SNIFF_ACTOR, "customer_id"},
        {{"timestamps", "at"}, SNIFF_TIME, NULL},
        {{""}, SNIFF_TIME, NULL},
        {{"activity", "concept:name"}, SNIFF_EVENT, "activity"},
        {{"activity", "concept:name"}, SNIFF_EVENT, "concept:name", SNIFF_XES},
        {{"case_id", "case:concept:name"}, SNIFF_CASE, "case:concept:name", SNIFF_XES},
        {{"user", "date"}, SNIFF_TIME, "date", SNIFF_XES},
        {{"timestamp", "ocel:timestamp"}, SNIFF_TIME, "ocel:timestamp", SNIFF_OCEL},
        {{"event", "ocel:activity"}, SNIFF_EVENT, "ocel:activity", SNIFF_OCEL_SQLITE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct names columns = {0};
        const bool taken[5] = {false};
        for (size_t c = 0; c < 5 && cases[i].columns[c] != NULL; c++)
            assert_int_equal(names_add(&columns, cases[i].columns[c], strlen(cases[i].columns[c])),
                             c);
        int found = sniff_column(&columns, cases[i].format, cases[i].role, taken);
        if (cases[i].expected == NULL)
            assert_int_equal(found, -1);
        else
            assert_string_equal(columns.items[found].text, cases[i].expected);
        names_done(&columns);
    }
}

static void test_names(void **state)
{
    struct names names = {0};
    char text[32];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 10000; i++) {
            int len = snprintf(text, sizeof text, "name %d", i);
            assert_int_equal(names_add(&names, text, (size_t)len), i);
        }
    assert_int_equal(names_find(&names, "name 10000", 10), NAMES_NONE);
    assert_int_equal(names_add(&names, "a\0b", 3), 10000);
    assert_int_equal(names_add(&names, "a\0c", 3), 10001);
    assert_int_equal(names_add(&names, "", 0), 10002);
    names_done(&names);
    assert_int_equal(names_find(&names, "name 1", 6), NAMES_NONE);
}

static void test_utf8(void **state)
{
    static const struct {
        const char *bytes;
        bool is_valid;
    } cases[] = {
        {"", true},
        {"plain text of some length", true},
        {"\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\xf4\x90\x80\x80", false},
        {"\xc0\x80", false},
        {"\xe0\x80\x80", false},
        {"\xed\xa0\x80", false},
        {"\xc3", false},
        {"12345678\xff", false},
        {"1234567\xc3\xa9", true},
        {"\x80", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(utf8_is_valid(cases[i].bytes, strlen(cases[i].bytes)), cases[i].is_valid);
    char out[4];
    static const unsigned codes[] = {0x24, 0xe9, 0x6f22, 0x1f600, 0x10ffff};
    for (size_t i = 0; i < 5; i++)
        assert_true(utf8_is_valid(out, utf8_encode(codes[i], out)));
    static const size_t fit[] = {0, 0, 2, 2, 2, 5, 5, 5, 5, 9, 9}; /* of é, 漢, 😀 */
    for (size_t max = 0; max < 11; max++)
        assert_int_equal(utf8_cut("\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80", max), fit[max]);
}

/* --- delimited rows ----------------------------------------------------------------------- */

/* Every row as [a|b], a bad one as !line, all rows of the text one after the other; `step` bytes
 * more at a time while a row is not complete. */
static void read_all(const char *text, size_t len, enum csv_quoting quoting, char newline,
                     size_t step, struct buf *out)
{
    struct csv c;
    csv_init(&c, ',', quoting);
    c.newline = newline;
    unsigned long long line = 1;
    size_t start = 0, end = 0;
    buf_reset(out);
    for (;;) {
        /* An exact copy, so that reading past the end is seen. */
        char *copy = malloc(end - start + 1);
        assert_non_null(copy);
        memcpy(copy, text + start, end - start);
        enum csv_result result = csv_read(&c, copy, end - start, end == len);
        if (result == CSV_ROW) {
            buf_putc(out, '[');
            for (size_t i = 0; i < c.count; i++) {
                assert_int_equal(c.cells[i].column, i);
                buf_puts(out, i > 0 ? "|" : "");
                buf_add(out, c.cells[i].text, c.cells[i].len);
            }
            buf_putc(out, ']');
        } else if (result == CSV_BAD) {
            buf_printf(out, "!%llu", line);
        }
        free(copy);
        if (result == CSV_END)
            break;
        if (result == CSV_MORE) {
            assert_true(end < len);
            end = end + step < len ? end + step : len;
            continue;
        }
        assert_true(c.used > 0);
        start += c.used;
        line += c.lines;
    }
    csv_done(&c);
}

static void test_csv(void **state)
{
    static const struct {
        const char *text, *expected;
        enum csv_quoting quoting;
    } cases[] = {
        {"", "", CSV_QUOTES},
        {"a,b\n1,2\n", "[a|b][1|2]", CSV_QUOTES},
        {"a,b\r\n1,2", "[a|b][1|2]", CSV_QUOTES},
        {"\n\r\na\n\n", "[a]", CSV_QUOTES},
        {"a,\n,b\n,\n", "[a|][|b][|]", CSV_QUOTES},
        {"a,", "[a|]", CSV_QUOTES},
        {"\"\"\n", "[]", CSV_QUOTES},
        {"\"a\",\"b,c\",\"d\"\"e\",\"\"\"\",\"x\ny\"\n", "[a|b,c|d\"e|\"|x\ny]", CSV_QUOTES},
        {"\"a\" , b \r\n", "[a| b ]", CSV_QUOTES},
        {"a\"b,c\"\n", "[a\"b|c\"]", CSV_QUOTES},
        {"a\rb,c\r\n", "[a\rb|c]", CSV_QUOTES},
        {"\"a\nb\",\"c\"d\nx,y\n", "!1[x|y]", CSV_QUOTES},
        {"1\n2,\"x\n3\n4\n", "[1]!2[3][4]", CSV_QUOTES},
        {"\"", "!1", CSV_QUOTES},
        {"\"a\"b", "!1", CSV_QUOTES},
        {"a\n\"x\ny\n\"z\n", "[a]!2[z]", CSV_QUOTES},
        {"\"a,\"b\"\n", "[\"a|\"b\"]", CSV_PLAIN},
        {"a\\tb,\\N,\\\\,c\\,d\\\ne\nx\n", "[a\tb||\\|c,d\ne][x]", CSV_BACKSLASH},
        {"a\\", "[a\\]", CSV_BACKSLASH},
    };
    struct buf whole = {0}, pieces = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = strlen(cases[i].text);
        read_all(cases[i].text, len, cases[i].quoting, '\n', len + 1, &whole);
        for (size_t step = 1; step < 4; step++) {
            read_all(cases[i].text, len, cases[i].quoting, '\n', step, &pieces);
            assert_string_equal(buf_text(&pieces), buf_text(&whole));
        }
        if (strcmp(cases[i].text, "a\n\"x\ny\n\"z\n") == 0)
            assert_string_equal(buf_text(&whole),
                                "[a]!2"); /* one row of lines 2 to 4, then the end */
        else
            assert_string_equal(buf_text(&whole), cases[i].expected);
    }
    static const char old_mac[] = "a,b\r1,\"x\ry\"\r";
    read_all(old_mac, sizeof old_mac - 1, CSV_QUOTES, '\r', 1, &whole);
    assert_string_equal(buf_text(&whole), "[a|b][1|x\ry]");
    buf_done(&whole);
    buf_done(&pieces);
}

static void test_unclosed_quotes_stay_linear(void **state)
{
    /* Each line would swallow the rest: after some the reader gives up instead of trying again. */
    enum { LINES = 200000 };
    struct buf text = {0};
    for (size_t i = 0; i < LINES; i++)
        buf_puts(&text, i % 2 == 0 ? "\"a\n" : "b,\n");
    struct csv c;
    csv_init(&c, ',', CSV_QUOTES);
    size_t start = 0, reads = 0;
    while (csv_read(&c, text.data + start, text.len - start, true) != CSV_END) {
        start += c.used;
        reads++;
    }
    assert_int_equal(start, text.len);
    assert_true(reads <= LINES);
    csv_done(&c);
    buf_done(&text);
}

/* --- JSON lines --------------------------------------------------------------------------- */

static void test_jsonl(void **state)
{
    static const struct {
        const char *line, *expected; /* "name=value;" of each member; "!reason" */
    } cases[] = {
        {"{}", ""},
        {" \t\r", "blank"},
        {"{\"a\":1,\"b\":\"x\",\"c\":null,\"d\":true}", "a=1;b=x;c=;d=true;"},
        {"{\"a\":{\"b\":{\"c\":-1.50e+3}},\"d\":{}}", "a.b.c=-1.50e+3;"},
        {"{\"a\":[1, {\"b\":\"\\u00e9\"}, []]}", "a=[1, {\"b\":\"\\u00e9\"}, []];"},
        {"{\"\\u0061b\":\"\\ud83d\\ude00\\t\\\"\"}", "ab=\xf0\x9f\x98\x80\t\";"},
        {"{\"x\":\"\\\\\",\"y\":[\"\\n\"],\"z\":\"\\/\"}", "x=\\;y=[\"\\n\"];z=/;"},
        {" { \"a\" : 1 } \r", "a=1;"},
        {"{\"\":{\"\":1}}", ".=1;"},
        {"{\"a\":1", "!the JSON ends too early"},
        {"{\"a\":", "!the JSON ends too early"},
        {"{", "!the JSON ends too early"},
        {"{\"a", "!a string is not closed"},
        {"{\"a\\", "!a string is not closed"},
        {"{\"a\":\"\\u12", "!\\u without four hex digits"},
        {"{\"a\":\"\\ud800x\"}", "!half of a surrogate pair"},
        {"{\"a\":\"\\udc00\"}", "!half of a surrogate pair"},
        {"{\"a\":\"\\q\"}", "!an unknown escape in a string"},
        {"{\"a\":-}", "!a number is malformed"},
        {"{\"a\":1.}", "!a number is malformed"},
        {"{\"a\":1e}", "!a number is malformed"},
        {"{\"a\":00}", "!a number is malformed"},
        {"{\"a\":tru}", "!a word that is not JSON"},
        {"{\"a\":[1,]}", "!a number is malformed"},
        {"{\"a\":[1 2]}", "!a comma is missing"},
        {"{\"a\":1,}", "!a member name is missing"},
        {"{\"a\" 1}", "!a colon is missing"},
        {"{\"a\":1}{", "!text after the JSON object"},
        {"[1]", "!the line is not a JSON object"},
        {"{\"a\":1,\"a\":2}", "!two values for 'a'"},
        {"{\"a.b\":1,\"a\":{\"b\":2}}", "!two values for 'a.b'"},
        {"{\"a\":\"\x01\"}", "!a control character in a string"},
    };
    struct jsonl j = {0};
    char seen[512];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = strlen(cases[i].line);
        char *copy = malloc(len); /* exact, so that reading past the end is seen */
        assert_non_null(copy);
        memcpy(copy, cases[i].line, len);
        enum csv_result result = jsonl_read(&j, copy, len);
        seen[0] = '\0';
        if (result == CSV_BLANK)
            strcpy(seen, "blank");
        else if (result == CSV_BAD)
            sprintf(seen, "!%s", j.reason);
        for (size_t c = 0; result == CSV_ROW && c < j.count; c++)
            sprintf(seen + strlen(seen), "%s=%.*s;", j.columns.items[j.cells[c].column].text,
                    (int)j.cells[c].len, j.cells[c].text);
        assert_string_equal(seen, cases[i].expected);
        free(copy);
    }
    struct buf lists = {0}, objects = {0};
    buf_puts(&lists, "{\"a\":");
    for (int i = 0; i < 100; i++) {
        buf_puts(&lists, "[");
        buf_puts(&objects, "{\"a\":");
    }
    assert_int_equal(jsonl_read(&j, lists.data, lists.len), CSV_BAD);
    assert_string_equal(j.reason, "nested deeper than 64 levels");
    assert_int_equal(jsonl_read(&j, objects.data, objects.len), CSV_BAD);
    assert_string_equal(j.reason, "nested deeper than 64 levels");
    buf_done(&lists);
    buf_done(&objects);
    jsonl_done(&j);
}

/* Lists of values mean what objects mean, and can be told as such. */
static void test_jsonl_lists(void **state)
{
    static const char names[] = "[\"a\", \"b \\\"c\\\"\"]";
    static const struct {
        const char *line, *expected, *object;
    } cases[] = {
        {"[1, \"x\\n\"]", "a=1;b \"c\"=x\n;", "{\"a\":1,\"b \\\"c\\\"\":\"x\\n\"}"},
        {" [ {\"a\":{\"b\":2},\"\":3} , [1,{}] ] ", "a.a.b=2;a.=3;b \"c\"=[1,{}];",
         "{\"a\":{\"a\":{\"b\":2},\"\":3},\"b \\\"c\\\"\":[1,{}]}"},
        {"[null, true]", "a=;b \"c\"=true;", "{\"a\":null,\"b \\\"c\\\"\":true}"},
        {"", "blank", NULL},
        {"[1]", "!a comma is missing", NULL},
        {"[1, 2, 3]", "!more values than names", "{\"a\":1,\"b \\\"c\\\"\":2}"},
        {"[1, 2", "!the JSON ends too early", "{\"a\":1,\"b \\\"c\\\"\":2}"},
        {"[1, 2] 3", "!text after the JSON object", "{\"a\":1,\"b \\\"c\\\"\":2}"},
        {"{\"a\":1}", "!the line is not a JSON list", NULL},
    };
    struct jsonl j = {0};
    assert_int_equal(jsonl_read_names(&j, names, sizeof names - 1), CSV_ROW);
    assert_int_equal(j.columns.count, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf seen = {0}, object = {0};
        size_t len = strlen(cases[i].line);
        enum csv_result result = jsonl_read(&j, cases[i].line, len);
        if (result == CSV_BLANK)
            buf_puts(&seen, "blank");
        else if (result == CSV_BAD)
            buf_printf(&seen, "!%s", j.reason);
        for (size_t c = 0; result == CSV_ROW && c < j.count; c++)
            buf_printf(&seen, "%s=%.*s;", j.columns.items[j.cells[c].column].text,
                       (int)j.cells[c].len, j.cells[c].text);
        assert_string_equal(buf_text(&seen), cases[i].expected);
        bool is_list = jsonl_add_object(&j, cases[i].line, len, &object);
        assert_int_equal(is_list, cases[i].object != NULL);
        if (is_list)
            assert_string_equal(buf_text(&object), cases[i].object);
        buf_done(&seen);
        buf_done(&object);
    }
    jsonl_done(&j);

    assert_int_equal(jsonl_read_names(&j, "[1]", 3), CSV_BAD);
    assert_int_equal(jsonl_read_names(&j, "[\"a\"", 4), CSV_BAD);
    jsonl_done(&j);
}

/* --- times -------------------------------------------------------------------------------- */

static void test_when(void **state)
{
    static const struct {
        const char *text;
        enum when_result result;
        int64_t us;
    } cases[] = {
        {"1970-01-01T00:00:00Z", WHEN_OK, 0},
        {"1970-01-01", WHEN_OK, 0},
        {"1969-12-31 23:59:59.5", WHEN_OK, -500000},
        {"2000-02-29T12:00:00.123456789+01:00", WHEN_OK, INT64_C(951822000123456)},
        {"2000-2-9 1:02", WHEN_OK, INT64_C(950058120000000)},
        {"20000229T120000Z", WHEN_OK, INT64_C(951825600000000)},
        {" 1970-01-01 00:00:01 ", WHEN_OK, 1000000},
        {"1970-01-01 00:00:01,25 -01", WHEN_OK, INT64_C(3601250000)},
        {"1900-01-01", WHEN_OK, WHEN_MIN_US},
        {"2299-12-31T23:59:59.999999Z", WHEN_OK, WHEN_MAX_US},
        {"1899-12-31", WHEN_RANGE, 0},
        {"2300-01-01", WHEN_RANGE, 0},
        {"9999-12-31", WHEN_RANGE, 0},
        {"-1", WHEN_OK, -1000000},
        {"10413791999", WHEN_OK, INT64_C(10413791999000000)},
        {"10413792001", WHEN_OK, INT64_C(10413792001000)},
        {"1.0000015", WHEN_OK, 1000001},
        {"1700000000123456789", WHEN_OK, INT64_C(1700000000123456)},
        {"99999999999999999999", WHEN_BAD, 0},
        {"1900-02-29", WHEN_BAD, 0},
        {"2024-13-01", WHEN_BAD, 0},
        {"2024-00-10", WHEN_BAD, 0},
        {"2024-01-01 25:00:00", WHEN_BAD, 0},
        {"2024-01-01 10:00:61", WHEN_BAD, 0},
        {"2024-01-01 10:00:00 Europe/Berlin", WHEN_BAD, 0},
        {"2024-01-01T", WHEN_BAD, 0},
        {"2024-01-01 10:00:00+", WHEN_BAD, 0},
        {"2024-01-01 10:00:00+25:00", WHEN_BAD, 0},
        {"01/02/2024", WHEN_BAD, 0},
        {"", WHEN_BAD, 0},
        {"-", WHEN_BAD, 0},
        {"1.", WHEN_BAD, 0},
        {"1e9", WHEN_BAD, 0},
        {"now", WHEN_BAD, 0},
    };
    const struct when w = {.unit = WHEN_GUESS};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = 0;
        enum when_result result = when_parse(&w, cases[i].text, strlen(cases[i].text), &us);
        if (result != cases[i].result || us != cases[i].us)
            fail_msg("'%s': %d, %lld", cases[i].text, (int)result, (long long)us);
    }
}

static void test_when_formats_and_units(void **state)
{
    static const struct {
        const char *format, *text;
        enum when_result result;
        int64_t us;
    } cases[] = {
        {"%d-%m-%Y:%H.%M", "30-12-2010:11.02", WHEN_OK, INT64_C(1293706920000000)},
        {"%d/%b/%Y:%T %z", "10/Oct/2000:13:55:36 -0700", WHEN_OK, INT64_C(971211336000000)},
        {"%m/%d/%y %I:%M %p", "1/2/70 12:05 am", WHEN_OK, INT64_C(86700000000)},
        {"%m/%d/%y %I:%M %p", "1/2/70 13:05 pm", WHEN_BAD, 0},
        {"%s", "1700000000", WHEN_OK, INT64_C(1700000000000000)},
        {"%B %d, %Y", "May 3, 2021", WHEN_OK, INT64_C(1620000000000000)},
        {"%Y%%", "2021%", WHEN_OK, INT64_C(1609459200000000)},
        {"%d.%m.%Y", "30.12.2010 ", WHEN_OK, INT64_C(1293667200000000)},
        {"%d.%m.%Y", "30.12.2010x", WHEN_BAD, 0},
        {"%d.%m.%Y", "31.11.2010", WHEN_BAD, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct when w = {.format = cases[i].format};
        int64_t us = 0;
        assert_null(when_check_format(cases[i].format));
        enum when_result result = when_parse(&w, cases[i].text, strlen(cases[i].text), &us);
        if (result != cases[i].result || us != cases[i].us)
            fail_msg("'%s': %d, %lld", cases[i].text, (int)result, (long long)us);
    }
    assert_string_equal(when_check_format("%Y-%Q"), "%Q");
    assert_string_equal(when_check_format("%"), "%");

    struct when_sample early = {0}, late = {0};
    static const char *const early_ms[] = {"0", "86400000", "15000000000", "x"};
    static const char *const mixed[] = {"1700000000", "1700000000000"};
    for (size_t i = 0; i < 4; i++)
        when_sample_add(&early, early_ms[i], strlen(early_ms[i]));
    for (size_t i = 0; i < 2; i++)
        when_sample_add(&late, mixed[i], strlen(mixed[i]));
    assert_int_equal(when_sample_unit(&early), WHEN_MILLIS);
    assert_int_equal(when_sample_unit(&late), WHEN_GUESS);
    const struct when seconds = {.unit = WHEN_SECONDS};
    int64_t us = 0;
    assert_int_equal(when_parse(&seconds, "1700000000000", 13, &us), WHEN_RANGE);
}

static void test_when_zone(void **state)
{
    /* +1 h, from 1000000 on +2 h, from 2000000 on +1 h again. */
    int64_t at_s[] = {-2208988800, 1000000, 2000000};
    int32_t offset_s[] = {3600, 7200, 3600};
    const struct when_zone zone = {at_s, offset_s, 3};
    const struct when w = {.zone = &zone};
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"1970-01-01 01:00:00", 0},
        {"1970-01-01 01:00:00Z", INT64_C(3600000000)},
        {"1970-01-12 14:46:39", INT64_C(999999000000)},  /* the last second before */
        {"1970-01-12 15:00:00", INT64_C(1000800000000)}, /* left out: forward */
        {"1970-01-12 15:46:40", INT64_C(1000000000000)}, /* the first after */
        {"1970-01-24 05:00:00", INT64_C(1998000000000)}, /* comes twice: the first */
        {"1970-01-24 04:33:20", INT64_C(1996400000000)},
        {"1970-01-24 05:33:20", INT64_C(2003600000000)}, /* the second time is over */
        {"2100-01-01 00:00:00", INT64_C(4102441200000000)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = 0;
        assert_int_equal(when_parse(&w, cases[i].text, strlen(cases[i].text), &us), WHEN_OK);
        if (us != cases[i].us)
            fail_msg("'%s': %lld", cases[i].text, (long long)us);
    }
}

/* --- blocks ------------------------------------------------------------------------------- */

static const char *find_bytes(const struct buf *b, const void *bytes, size_t len)
{
    return memmem(b->data, b->len, bytes, len);
}

static void test_native(void **state)
{
    static const struct bytes actors[] = {{"anna", 4}, {"", 0}, {"anna", 4}};
    struct names properties = {0}, of_actor = {0};
    struct numbering numberings[NATIVE_NUMBERS];
    struct native n;
    struct buf out;
    buf_init(&out, 0);
    for (int i = 0; i < NATIVE_NUMBERS; i++)
        numbering_init(&numberings[i], 1 << 20);
    native_init(&n, &properties, &of_actor, numberings);
    native_flush(&n, &out);
    assert_int_equal(out.len, 0);
    names_add(&properties, "unused", 6);
    names_add(&properties, "a", 1);
    names_add(&properties, "b", 1);
    for (int i = 0; i < 3; i++) {
        native_add_property(&n, NATIVE_PROPERTIES, 1, "x", 1);
        native_add_property(&n, NATIVE_PROPERTIES, 2, "y", 1);
        native_add_row(&n, &(struct native_row){.time_us = i, .texts = {{"ev", 2}, actors[i]}});
    }
    native_flush(&n, &out);
    assert_false(n.failed || buf_failed(&out));
    assert_memory_equal(out.data,
                        "\x0d\x03\x04time\x14"
                        "DateTime64(6, 'UTC')",
                        28);
    /* What the engine itself writes for such a Map, see native.h. */
    static const char map[] = "\x01\0\0\0\0\0\0\0"
                              "\x02\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0"
                              "\0\x06\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\0\x01"
                              "a\x01"
                              "b\x06\0\0\0\0\0\0\0\x01\x02\x01\x02\x01\x02"
                              "\x01x\x01y\x01x\x01y\x01x\x01y";
    assert_non_null(find_bytes(&out, map, sizeof map - 1));
    static const char numbers[] = "\x0c"
                                  "actor_number\x06UInt32\x01\0\0\0\0\0\0\0\x01\0\0\0\x0e";
    assert_non_null(find_bytes(&out, numbers, sizeof numbers - 1));

    /* Many keys need wider indexes; the next block begins with a dictionary of its own. */
    char name[16];
    for (int i = 0; i < 70000; i++) {
        int len = snprintf(name, sizeof name, "k%d", i);
        int64_t key = names_add(&properties, name, (size_t)len);
        native_add_property(&n, NATIVE_PROPERTIES, (uint32_t)key, "v", 1);
    }
    native_add_row(&n, &(struct native_row){.has_start = true, .start_us = 7});
    buf_reset(&out);
    native_flush(&n, &out);
    static const char wide[] = "\x02\x06\0\0\0\0\0\0\x71\x11\x01\0\0\0\0\0";
    assert_non_null(find_bytes(&out, wide, sizeof wide - 1));
    assert_int_equal(n.seq, 4);
    native_done(&n);
    for (int i = 0; i < NATIVE_NUMBERS; i++)
        numbering_done(&numberings[i]);
    names_done(&properties);
    names_done(&of_actor);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content),
        cmocka_unit_test(test_delimiter),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_unclosed_quotes_stay_linear),
        cmocka_unit_test(test_jsonl),
        cmocka_unit_test(test_jsonl_lists),
        cmocka_unit_test(test_when),
        cmocka_unit_test(test_when_formats_and_units),
        cmocka_unit_test(test_when_zone),
        cmocka_unit_test(test_native),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
