/* XES → JSON lines, and gzip under it: what an event becomes, how bytes may arrive, and what is
 * refused with which line. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gunzip.h"
#include "xes.h"

#include "fail_realloc.h"

enum { SLICE = 64 << 10 };

static size_t countdown; /* to the growth that fails; 0 = none does */

/* --- reading --------------------------------------------------------------------------------- */

/* Everything that comes of a file as text: "line+lines json", "line bad: reason", and how it ends.
 * `step` more bytes at a time. */
static void read_all(struct xes *x, const char *bytes, size_t len, size_t step, struct buf *out)
{
    struct err err;
    size_t start = 0, end = 0;
    buf_init(out, 0);
    assert_int_equal(xes_start(x, &err), 0);
    for (;;) {
        realloc_countdown = countdown; /* not for the text that is made here */
        enum csv_result result = xes_read(x, bytes + start, end - start, end == len);
        countdown = realloc_countdown;
        realloc_countdown = 0;
        assert_true(x->used <= end - start);
        start += x->used;
        if (result == CSV_MORE) {
            assert_true(end < len);
            end = end + step < len ? end + step : len;
        } else if (result == CSV_ROW) {
            buf_printf(out, "%d+%d %s\n", (int)x->line, (int)x->lines, buf_text(&x->json));
        } else if (result == CSV_BAD) {
            buf_printf(out, "%d bad: %s\n", (int)x->line, x->reason);
        } else if (result == CSV_BROKEN) {
            buf_printf(out, "%d broken: %s\n", (int)x->line, x->reason);
            break;
        } else if (result == CSV_NO_MEMORY) {
            buf_puts(out, "no memory\n");
            break;
        } else if (result != CSV_BLANK) {
            assert_int_equal(result, CSV_END);
            assert_int_equal(start, len);
            buf_puts(out, "end\n");
            break;
        }
    }
    assert_false(buf_failed(out));
}

static void expect_bytes(const char *bytes, size_t len, const char *expected)
{
    struct xes x = {0};
    struct buf out;
    read_all(&x, bytes, len, len + 1, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_done(&out);
    xes_done(&x);
}

static void expect(const char *text, const char *expected)
{
    expect_bytes(text, strlen(text), expected);
}

static const char log_text[] =
    "<?xml version='1.0' encoding='UTF-8'?>\r\n"
    "<log xes.version='2.0' xmlns='http://www.xes-standard.org/'>\n"
    "<extension name='Concept' prefix='concept' uri='u'/>\n"
    "<global scope='event'><string key='concept:name' value='?'/></global>\n"
    "<classifier name='Event Name' keys='concept:name'/>\n"
    "<string key='concept:name' value='the log'/><list key='l'><values/></list>\n"
    "<trace>\n"
    "  <string key='concept:name' value='c1'/><float key='cost' value='1.50'/>\n"
    "  <event><string key='concept:name' value='a &amp; &quot;b&quot; \\ é😀'/>\n"
    "    <date key='time:timestamp' value='2024-01-01T00:00:00.000+01:00'/></event>\n"
    "  <event/>\n"
    "</trace>\n"
    "<trace><event><!-- nothing --></event></trace>\n"
    "</log>\n";

static const char log_rows[] =
    "9+2 {\"case:concept:name\":\"c1\",\"case:cost\":\"1.50\",\"concept:name\":\"a & \\\"b\\\" "
    "\\\\ é😀\",\"time:timestamp\":\"2024-01-01T00:00:00.000+01:00\"}\n"
    "11+1 {\"case:concept:name\":\"c1\",\"case:cost\":\"1.50\"}\n"
    "13+1 {\"case:concept:name\":\"trace 2\"}\n"
    "end\n";

#define IN_EVENT(xml) "<log><trace><event>" xml "</event></trace></log>"
#define ROW(members)  "1+1 {\"case:concept:name\":\"trace 1\"" members "}\nend\n"

static void test_events(void **state)
{
    expect(log_text, log_rows);
    expect("<x:log xmlns:x='u'><x:trace><x:event><x:id key='i' value='1'/></x:event></x:trace>"
           "</x:log>",
           "1+1 {\"case:concept:name\":\"trace 1\",\"i\":\"1\"}\nend\n");
    expect("<log><trace><string key='concept:name' value=''/><event/></trace></log>", ROW(""));
    expect("<log/>", "end\n");
    expect("<log><trace/></log>", "end\n");
}

static void test_attributes(void **state)
{
    static const char *const cases[][2] = {
        {"<int key='i' value='007'/><boolean key='b' value='true'/><float key='f' value='NaN'/>",
         ",\"i\":\"007\",\"b\":\"true\",\"f\":\"NaN\""},
        {"<string key='a' value=''/><string key='b'/>", ",\"a\":\"\",\"b\":\"\""},
        {"<string key='a' value='x&#10;y&#9;z&#13;'/>", ",\"a\":\"x\\ny\\tz\\r\""},
        {"<string key='a' value='1'><string key='b' value='2'><int key='c' value='3'/></string>"
         "</string><string key='d' value='4'/>",
         ",\"a\":\"1\",\"a.b\":\"2\",\"a.b.c\":\"3\",\"d\":\"4\""},
        {"<container key='at'><float key='x' value='1'/><float key='y' value='2'/></container>",
         ",\"at.x\":\"1\",\"at.y\":\"2\""},
        {"<list key='l'><string key='m' value='n'/><values><string key='a' value='1'/>"
         "<string key='a' value='2'/></values></list>",
         ",\"l\":[{\"m\":\"n\"},{\"a\":\"1\"},{\"a\":\"2\"}]"},
        {"<list key='l'><values/></list>", ",\"l\":[]"},
        {"<list key='l'><values><string key='a' value='1'><int key='b' value='2'/>"
         "<list key='c'/></string><container key='d'><id key='e' value='3'/></container></values>"
         "</list><id key='f' value='4'/>",
         ",\"l\":[{\"a\":\"1\",\"b\":\"2\",\"c\":[]},{\"d\":[{\"e\":\"3\"}]}],\"f\":\"4\""},
        {"<unknown key='a' value='1'><string key='b' value='2'/></unknown><values/>text", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char xml[600], rows[600];
        snprintf(xml, sizeof xml, IN_EVENT("%s"), cases[i][0]);
        snprintf(rows, sizeof rows, ROW("%s"), cases[i][1]);
        expect(xml, rows);
    }
    /* What the attributes of a trace are called, in each of its events. */
    expect("<log><trace><container key='a'><int key='b' value='1'/></container><list key='l'>"
           "<values><id key='i' value='2'/></values></list><event/><event/></trace></log>",
           "1+1 {\"case:a.b\":\"1\",\"case:l\":[{\"i\":\"2\"}],\"case:concept:name\":\"trace 1\"}\n"
           "1+1 {\"case:a.b\":\"1\",\"case:l\":[{\"i\":\"2\"}],\"case:concept:name\":\"trace 1\"}\n"
           "end\n");
}

static void test_rejects(void **state)
{
    expect("<log>\n<event><string key='a' value='b'/></event>\n<trace><event/></trace></log>",
           "2 bad: an event outside a trace\n3+1 {\"case:concept:name\":\"trace 1\"}\nend\n");
    expect(
        "<log><trace>\n<event><string value='b'/><string key='a'/></event><event/></trace></log>",
        "2 bad: an attribute without a key\n2+1 {\"case:concept:name\":\"trace 1\"}\nend\n");
}

static void test_broken(void **state)
{
    static const char *const cases[][2] = {
        {"<?xml version='1.0'?>\n<!DOCTYPE log [<!ENTITY a 'b'>]>\n<log/>",
         "2 broken: a document type declaration (<!DOCTYPE>), which could declare entities, is not "
         "read: take it out\n"},
        {"\n<html/>", "2 broken: no XES: its outermost element is <html>, not <log>\n"},
        {"<log>\n<trace><string value='b'/></trace></log>",
         "2 broken: an attribute without a key\n"},
        {"<log><trace>\n<trace/></trace></log>", "2 broken: a <trace> where XES has none\n"},
        {"<log><trace><event>\n<event/></event></trace></log>",
         "2 broken: a <event> where XES has none\n"},
        {"<log><trace>\n", "2 broken: the XML ends too early: the file is cut off\n"},
        {"<log><trace>\n<event", "2 broken: the XML ends too early: the file is cut off\n"},
        {"", "1 broken: the XML ends too early: the file is cut off\n"},
        {"<log>\n</trace></log>", "2 broken: the XML is malformed: mismatched tag\n"},
        {"<log>\n&a;</log>", "2 broken: the XML is malformed: undefined entity\n"},
        {"<log>\n&#0;</log>",
         "2 broken: the XML is malformed: reference to invalid character number\n"},
        {"<log a='1'\na='2'/>", "2 broken: the XML is malformed: duplicate attribute\n"},
        {"<log>\n\xe9</log>",
         "2 broken: text that is not in the encoding of the file, which is UTF-8 unless its first "
         "line says another: iconv may help\n"},
        {"<log>\n\x01</log>", "2 broken: a control byte, which XML cannot have\n"},
        {"<?xml version='1.0' encoding='x-none'?><log/>",
         "1 broken: unknown encoding: import takes UTF-8, UTF-16 and ISO-8859-1; iconv may help\n"},
        {"<log/>\n<log/>", "2 broken: the XML is malformed: junk after document element\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect(cases[i][0], cases[i][1]);
    expect("<log><trace><event/>\n<string key='a' value='b'/></trace></log>",
           "1+1 {\"case:concept:name\":\"trace 1\"}\n"
           "2 broken: an attribute of the trace after its events: XES has them before\n");
    static const char nul[] = "<log>\n\0</log>";
    expect_bytes(nul, sizeof nul - 1, "2 broken: a NUL byte, which XML cannot have\n");
}

static void test_encodings(void **state)
{
    static const char latin[] = "<?xml version='1.0' encoding='ISO-8859-1'?><log><trace><event>"
                                "<string key='a' value='\xe9'/></event></trace></log>";
    expect(latin, "1+1 {\"case:concept:name\":\"trace 1\",\"a\":\"é\"}\nend\n");
    static const char plain[] = IN_EVENT("<string key='a' value='b'/>");
    char wide[2 * sizeof plain + 2] = "\xff\xfe";
    for (size_t i = 0; i + 1 < sizeof plain; i++) {
        wide[2 + 2 * i] = plain[i];
        wide[3 + 2 * i] = '\0';
    }
    expect_bytes(wide, 2 * (sizeof plain - 1) + 2, ROW(",\"a\":\"b\""));
}

/* --- how bytes arrive ------------------------------------------------------------------------ */

/* The parser is given SLICE bytes at a time: blanks before the log put the end of the first slice
 * behind each byte of it. */
static void test_every_cut(void **state)
{
    const size_t head = 40, len = sizeof log_text - 1; /* behind the XML declaration */
    char *text = malloc(SLICE + len);
    struct xes x = {0};
    assert_non_null(text);
    for (size_t cut = head; cut <= len; cut++) {
        struct buf out;
        memcpy(text, log_text, head);
        memset(text + head, ' ', SLICE - cut);
        memcpy(text + head + SLICE - cut, log_text + head, len - head);
        read_all(&x, text, SLICE - cut + len, SLICE + len, &out);
        if (strcmp(buf_text(&out), log_rows) != 0)
            fail_msg("cut at %zu: %s", cut, buf_text(&out));
        buf_done(&out);
    }
    xes_done(&x);
    free(text);
}

static void test_every_step(void **state)
{
    struct xes x = {0};
    for (size_t step = 1; step < sizeof log_text; step++) {
        struct buf out;
        read_all(&x, log_text, sizeof log_text - 1, step, &out);
        assert_string_equal(buf_text(&out), log_rows);
        buf_done(&out);
    }
    xes_done(&x);
}

/* Begins again, in the middle of a file and after an error too. */
static void test_start_again(void **state)
{
    struct err err;
    struct xes x = {0};
    struct buf out;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(xes_start(&x, &err), 0);
        assert_int_equal(xes_read(&x, log_text, sizeof log_text - 1, true), CSV_ROW);
        read_all(&x, "<log><x>", 8, 8, &out);
        buf_done(&out);
    }
    read_all(&x, log_text, sizeof log_text - 1, 7, &out);
    assert_string_equal(buf_text(&out), log_rows);
    buf_done(&out);
    xes_done(&x);
    xes_done(&x);
}

/* --- limits ---------------------------------------------------------------------------------- */

/* `count` times `piece` between `before` and `after`; owned by the caller. */
static char *repeated(const char *before, const char *piece, size_t count, const char *after)
{
    struct buf all;
    buf_init(&all, 256 << 20);
    buf_puts(&all, before);
    for (size_t i = 0; i < count; i++)
        buf_puts(&all, piece);
    buf_puts(&all, after);
    char *text = buf_take(&all);
    assert_non_null(text);
    return text;
}

static void test_depth(void **state)
{
    char *text = repeated("<log><trace><event>", "<string key='a' value='b'>", 62, "");
    expect(text, "1 broken: elements are nested deeper than 64 levels\n");
    free(text);
    text = repeated("<log>", "<x>", 100000, "");
    expect(text, "1 broken: elements are nested deeper than 64 levels\n");
    free(text);
}

static void test_sizes(void **state)
{
    const size_t mb = 1 << 20;
    char *text =
        repeated("<log><trace><string key='a' value='", "x", mb, "'/><event/></trace></log>");
    expect(text, "1 broken: the attributes of the trace are longer than 1 MB\n");
    free(text);
    /* 65 tags of a megabyte are an event too long; one of 65 MB is not read at all. */
    char *value = repeated("<string key='a' value='", "x", mb, "'/>");
    text = repeated("<log><trace><event>", value, 65, "</event><event/></trace></log>");
    expect(text, "1 bad: the event is longer than 64 MB\n1+1 {\"case:concept:name\":\"trace 1\"}\n"
                 "end\n");
    free(text);
    free(value);
    text = repeated("<log><trace><event><string key='a' value='", "x", 130 * mb, "");
    struct xes x = {0};
    struct buf out;
    read_all(&x, text, strlen(text), 200 * mb, &out);
    assert_string_equal(buf_text(&out), "1 broken: a tag or comment is longer than 64 MB\n");
    buf_done(&out);
    xes_done(&x);
    free(text);
}

/* Whichever growth fails, what came before is whole and what follows is not invented. */
static void test_out_of_memory(void **state)
{
    static const char failed[] = "no memory\n";
    const size_t mark = sizeof failed - 1;
    size_t n = 0;
    do {
        struct xes x = {0};
        struct buf out;
        countdown = ++n;
        read_all(&x, log_text, sizeof log_text - 1, sizeof log_text, &out);
        const char *text = buf_text(&out);
        if (countdown > 0)
            assert_string_equal(text, log_rows);
        else
            assert_true(out.len >= mark && strcmp(text + out.len - mark, failed) == 0 &&
                        strncmp(text, log_rows, out.len - mark) == 0);
        buf_done(&out);
        xes_done(&x);
    } while (countdown == 0);
    assert_true(n > 5);
    countdown = 0;
}

/* --- gzip ------------------------------------------------------------------------------------ */

/* Reads the file of these bytes; the text, or -1 with errno. */
static ssize_t unpack(const unsigned char *bytes, size_t len, size_t step, char *out, size_t size)
{
    struct err err;
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    rewind(file);
    struct gunzip *g = NULL;
    assert_int_equal(gunzip_open(&g, &err), 0);
    ssize_t n = 0, total = 0;
    do {
        n = gunzip_read(g, fileno(file), out + total, step < size ? step : size);
        total += n > 0 ? n : 0;
    } while (n > 0);
    int e = errno;
    gunzip_close(g);
    fclose(file);
    errno = e;
    return n < 0 ? -1 : total;
}

/* printf 'hello hello hello hello hello\n' | gzip -n */
static const unsigned char hello[] = {0x1f, 0x8b, 0x08, 0,    0,    0,    0,    0,    0,    0x03,
                                      0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0xc0, 0x4e, 0x72,
                                      0x01, 0,    0x68, 0x02, 0x31, 0x66, 0x1e, 0,    0,    0};
static const char hello_text[] = "hello hello hello hello hello\n";

static void test_gunzip(void **state)
{
    const size_t len = sizeof hello_text - 1;
    unsigned char twice[2 * sizeof hello];
    char out[256];
    memcpy(twice, hello, sizeof hello);
    memcpy(twice + sizeof hello, hello, sizeof hello);
    for (size_t step = 1; step < 2 * len + 2; step++) {
        assert_int_equal(unpack(hello, sizeof hello, step, out, sizeof out - len), len);
        assert_memory_equal(out, hello_text, len);
        assert_int_equal(unpack(twice, sizeof twice, step, out, sizeof out - 2 * len), 2 * len);
        assert_memory_equal(out + len, hello_text, len);
    }
    for (size_t cut = 1; cut < sizeof hello; cut++) {
        assert_int_equal(unpack(hello, cut, 64, out, sizeof out), -1);
        assert_int_equal(errno, EBADMSG);
        assert_int_equal(unpack(twice, sizeof hello + cut, 64, out, sizeof out), -1);
        assert_int_equal(errno, EBADMSG);
    }
    twice[sizeof hello - 8] ^= 1; /* the checksum */
    assert_int_equal(unpack(twice, sizeof hello, 64, out, sizeof out), -1);
    assert_int_equal(errno, EBADMSG);
}

static void test_gunzip_padding(void **state)
{
    enum { BYTES = 200000 }; /* more than is read at once */
    const ssize_t len = sizeof hello_text - 1;
    unsigned char *bytes = calloc(1, BYTES);
    char out[256];
    assert_non_null(bytes);
    memcpy(bytes, hello, sizeof hello);
    assert_int_equal(unpack(bytes, sizeof hello + 1, 64, out, sizeof out), len);
    assert_int_equal(unpack(bytes, BYTES, 64, out, sizeof out), len);
    memcpy(bytes + BYTES - sizeof hello, hello, sizeof hello);
    assert_int_equal(unpack(bytes, BYTES, 64, out, sizeof out), 2 * len);
    bytes[BYTES / 2] = 1;
    assert_int_equal(unpack(bytes, BYTES, 64, out, sizeof out), -1);
    assert_int_equal(errno, EBADMSG);
    assert_int_equal(unpack(bytes + 1 + sizeof hello, 512, 64, out, sizeof out), -1);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),         cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_rejects),        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_encodings),      cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_every_step),     cmocka_unit_test(test_start_again),
        cmocka_unit_test(test_depth),          cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_out_of_memory),  cmocka_unit_test(test_gunzip),
        cmocka_unit_test(test_gunzip_padding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
