/* Recordings: one event's text, the names of elements, chunks, and what follows from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rrweb.h"
#include "scan.h"
#include "session.h"
#include "session_replay.h"

#define SNAPSHOT                                                                                   \
    "{\"type\":2,\"data\":{\"node\":{\"type\":0,\"childNodes\":[{\"type\":2,\"tagName\":\"main\"," \
    "\"attributes\":{\"id\":\"shop\"},\"childNodes\":["                                            \
    "{\"type\":2,\"tagName\":\"button\",\"attributes\":{\"class\":\"big red\"},\"childNodes\":["   \
    "{\"type\":2,\"tagName\":\"b\",\"attributes\":{},\"childNodes\":["                             \
    "{\"type\":3,\"textContent\":\" Pay \\n now \",\"id\":5}],\"id\":4}],\"id\":3},"               \
    "{\"type\":2,\"tagName\":\"input\",\"attributes\":{\"name\":\"card\",\"value\":\"4111\"},"     \
    "\"childNodes\":[],\"id\":6},"                                                                 \
    "{\"type\":2,\"tagName\":\"div\",\"attributes\":{\"class\":\"box wide\"},\"childNodes\":[],"   \
    "\"id\":7}],\"id\":2}],\"id\":1},\"initialOffset\":{\"left\":0,\"top\":0}},\"timestamp\":"     \
    "1000}"

static struct rrweb_event read_text(struct rrweb_page *page, const char *text, int want)
{
    struct rrweb_event event;
    /* Of exact size, so that a sanitizer sees any read beyond it. */
    size_t len = strlen(text);
    char *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    for (size_t i = 0; i < len; i++)
        copy[i] = text[i];
    assert_int_equal(rrweb_read(page, copy, len, &event), want);
    free(copy);
    return event;
}

static void assert_label(const struct rrweb_page *page, int64_t node, const char *want)
{
    char label[RRWEB_LABEL_MAX];
    assert_string_equal(rrweb_label(page, node, label, sizeof label), want);
}

/* --- text ------------------------------------------------------------------------------------- */

static void strings_are_cleaned(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain", "plain"},
        {"  two \\n\\t words ", "two words"},
        {"\\u0041\\u00e9", "A\xc3\xa9"},
        {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
        {"\\ud83d x", "\xef\xbf\xbd x"}, /* half a pair */
        {"\\udE00", "\xef\xbf\xbd"},     /* the other half */
        {"a\\u0000b", "a b"},            /* NUL */
        {"\\u12", "\xef\xbf\xbd"
                  "12"}, /* cut short */
        {"end\\", "end\xef\xbf\xbd"},
        {"\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* no UTF-8 */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate in UTF-8 */
        {"\\\"q\\\\", "\"q\\"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[64];
        span_text((struct span){cases[i].in, strlen(cases[i].in)}, out, sizeof out);
        assert_string_equal(out, cases[i].out);
    }
    char narrow[4];
    span_text((struct span){"ab\xc3\xa9z", 5}, narrow, sizeof narrow);
    assert_string_equal(narrow, "ab"); /* never half a character */
}

static void numbers_are_bounded(void **state)
{
    static const struct {
        const char *in;
        int64_t want;
    } cases[] = {
        {"12", 12},   {"-3", -3},     {"1.9", 1},   {"1e400", -7}, {"1e15", 1000000000000000},
        {"1e17", -7}, {"\"12\"", -7}, {"null", -7}, {"[1]", -7},   {"{\"a\":1}", -7},
        {"true", -7}, {"-", -7},      {"1x", -7}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scan s;
        int64_t value = 0;
        scan_init(&s, cases[i].in, strlen(cases[i].in));
        assert_true(scan_integer(&s, -7, &value));
        assert_int_equal(value, cases[i].want);
        assert_ptr_equal(s.at, s.end);
    }
}

/* --- events ----------------------------------------------------------------------------------- */

static void events_are_told_apart(void **state)
{
    struct rrweb_event e =
        read_text(NULL,
                  "{\"type\":4,\"data\":{\"href\":\"https://a/b\",\"width\":10,\"height\":20},"
                  "\"timestamp\":5}",
                  0);
    assert_int_equal(e.type, RRWEB_META);
    assert_string_equal(e.text, "https://a/b");
    assert_int_equal(e.width, 10);
    assert_int_equal(e.time_ms, 5);
    /* any order of keys */
    e = read_text(NULL,
                  "{\"timestamp\":5,\"data\":{\"y\":2,\"x\":1,\"id\":9,\"type\":2,\"source\":2},"
                  "\"type\":3}",
                  0);
    assert_int_equal(e.type, RRWEB_INCREMENT);
    assert_int_equal(e.source, RRWEB_MOUSE);
    assert_int_equal(e.mouse, RRWEB_CLICK);
    assert_int_equal(e.node, 9);
    e = read_text(
        NULL, "{\"type\":3,\"data\":{\"source\":5,\"id\":6,\"text\":\"***\",\"isChecked\":true}}",
        0);
    assert_string_equal(e.text, "***");
    assert_true(e.is_checked);
    e = read_text(NULL, "{\"type\":5,\"data\":{\"tag\":\"buy\",\"payload\":{\"n\":1}}}", 0);
    assert_string_equal(e.name, "buy");
    assert_string_equal(e.text, "{\"n\":1}");
    e = read_text(NULL,
                  "{\"type\":6,\"data\":{\"plugin\":\"rrweb/console@1\",\"payload\":{\"level\":"
                  "\"error\",\"trace\":[],\"payload\":[\"\\\"it \\\\\\\"broke\\\"\",\"7\"]}}}",
                  0);
    assert_int_equal(e.source, RRWEB_LOG);
    assert_string_equal(e.name, "error");
    assert_string_equal(e.text, "it \"broke 7");
}

/* Rows that others write into the same table. */
static void other_bodies_are_words(void **state)
{
    struct rrweb_event e = read_text(NULL, "{\"type\":1,\"data\":\"page_view\"}", 0);
    assert_int_equal(e.type, RRWEB_LOAD);
    assert_string_equal(e.text, "page_view");
    e = read_text(NULL, "smoke test", 0);
    assert_int_equal(e.type, RRWEB_NONE);
    assert_string_equal(e.text, "smoke test");
    static const char *const others[] = {"",
                                         "[]",
                                         "17",
                                         "{}",
                                         "{\"type\":\"2\"}",
                                         "{\"type\":99}",
                                         "{\"type\":-1}",
                                         "{\"type\":1e9}",
                                         "{\"data\":{}}"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(read_text(NULL, others[i], 0).type, RRWEB_NONE);
}

static void broken_bodies_are_errors(void **state)
{
    static const char *const broken[] = {
        "{",
        "{\"type\"",
        "{\"type\":",
        "{\"type\":3,\"data\":{\"source\":2",
        "{\"type\":3,\"data\":",
        "{\"type\":2,\"data\":{\"node\":{\"type\":0,\"childNodes\":[{\"id\":}]}}}",
        "{\"type\":3} x",
        "{type:3}",
        "{\"type\":3,\"data\":{\"source\":0,\"adds\":[{]}}",
        "{\"type\":3,\"data\":\"open",
        "{\"a\" 1}",
        "{\"type\":2,\"data\":{\"node\":{\"childNodes\":[{",
    };
    struct rrweb_page *page = rrweb_page_new();
    assert_non_null(page);
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_int_equal(read_text(page, broken[i], -1).type, RRWEB_NONE);
    rrweb_page_free(page);
}

static void wrong_types_are_missing(void **state)
{
    struct rrweb_page *page = rrweb_page_new();
    struct rrweb_event e = read_text(
        page, "{\"type\":3,\"data\":{\"source\":\"2\",\"id\":{},\"x\":[],\"text\":7}}", 0);
    assert_int_equal(e.source, -1);
    assert_int_equal(e.node, -1);
    read_text(page, "{\"type\":2,\"data\":{\"node\":[1,2]}}", 0);
    read_text(page,
              "{\"type\":2,\"data\":{\"node\":{\"childNodes\":[1,\"a\",null,[{}],{\"id\":\"x\","
              "\"tagName\":3,\"attributes\":[],\"textContent\":{}}],\"id\":1e300}}}",
              0);
    e = read_text(page,
                  "{\"type\":3,\"data\":{\"source\":0,\"adds\":{},\"removes\":7,\"texts\":null,"
                  "\"attributes\":[1,{\"id\":[]}]}}",
                  0);
    assert_int_equal(e.source, RRWEB_MUTATION);
    e = read_text(page, "{\"type\":3,\"data\":{\"source\":99999999999,\"type\":99999999999}}", 0);
    assert_int_equal(e.source, -1);
    rrweb_page_free(page);
}

/* --- names of elements --------------------------------------------------------------------------
 */

static void elements_have_names(void **state)
{
    struct rrweb_page *page = rrweb_page_new();
    assert_label(NULL, 3, "node 3");
    assert_label(page, 3, "node 3");
    assert_false(rrweb_page_is_known(page));
    read_text(page, SNAPSHOT, 0);
    assert_true(rrweb_page_is_known(page));
    assert_label(page, 3, "button \"Pay now\"");
    assert_label(page, 5, "button \"Pay now\""); /* its text was hit */
    assert_label(page, 6, "input \"card\"");     /* never what it holds */
    assert_label(page, 7, "div.box");
    assert_label(page, 1, "document \"Pay now\"");
    assert_label(page, 99, "node 99");
    assert_true(rrweb_is_field(page, 6));
    assert_false(rrweb_is_field(page, 3));
    assert_false(rrweb_is_field(page, 99));
    rrweb_page_free(page);
}

static void mutations_change_names(void **state)
{
    struct rrweb_page *page = rrweb_page_new();
    read_text(page, SNAPSHOT, 0);
    struct rrweb_event e =
        read_text(page,
                  "{\"type\":3,\"data\":{\"source\":0,\"texts\":[{\"id\":5,\"value\":\"Wait\"}],"
                  "\"attributes\":[{\"id\":7,\"attributes\":{\"aria-label\":\"Basket\",\"style\":{"
                  "\"a\":1}}}],"
                  "\"removes\":[{\"parentId\":2,\"id\":6},{\"parentId\":2,\"id\":77}],\"adds\":[{"
                  "\"parentId\":7,"
                  "\"nextId\":null,\"node\":{\"type\":2,\"tagName\":\"a\",\"attributes\":{},"
                  "\"childNodes\":[{\"type\":3,\"textContent\":\"Back\",\"id\":21}],\"id\":20}},"
                  "{\"parentId\":1234,\"node\":{\"type\":3,\"textContent\":\"lost\",\"id\":22}}]}}",
                  0);
    assert_int_equal(e.changes, 6);
    assert_label(page, 3, "button \"Wait\"");
    assert_label(page, 7, "div \"Basket\"");
    assert_label(page, 20, "a \"Back\"");
    assert_label(page, 22, "text \"lost\"");
    read_text(page, SNAPSHOT, 0); /* begins anew */
    assert_label(page, 3, "button \"Pay now\"");
    assert_label(page, 20, "node 20");
    rrweb_page_free(page);
}

static void deep_pages_are_read(void **state)
{
    enum { DEPTH = 20000 };
    char *text = malloc(DEPTH * 64 + 256), *at = text;
    assert_non_null(text);
    at += sprintf(at, "{\"type\":2,\"data\":{\"node\":{\"id\":1,\"childNodes\":[");
    for (int i = 0; i < DEPTH; i++)
        at += sprintf(at, "{\"tagName\":\"p\",\"id\":%d,\"childNodes\":[", i + 2);
    for (int i = 0; i < DEPTH; i++)
        at += sprintf(at, "]}");
    sprintf(at, "]}},\"timestamp\":1}");
    struct rrweb_page *page = rrweb_page_new();
    read_text(page, text, 0);
    assert_label(page, 1000, "p");
    assert_label(page, DEPTH, "node 20000"); /* deeper than is followed */
    memset(text, '[', DEPTH);
    text[DEPTH] = '\0';
    read_text(page, text, 0);
    memcpy(text, "{\"a\":", 5);
    read_text(page, text, -1);
    rrweb_page_free(page);
    free(text);
}

/* --- chunks ----------------------------------------------------------------------------------- */

static void add_row(json_t *rows, const char *instance, json_int_t at_ms, json_int_t event,
                    json_int_t position, json_int_t chunk, json_int_t chunks, const char *body)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[4096];
    size_t len = strlen(body), out = 0;
    for (size_t i = 0; i < len; i += 3) {
        unsigned bits = (unsigned char)body[i] << 16;
        bits |= i + 1 < len ? (unsigned)(unsigned char)body[i + 1] << 8 : 0;
        bits |= i + 2 < len ? (unsigned char)body[i + 2] : 0;
        for (size_t k = 0; k < 4; k++)
            text[out++] = i + k > len ? '=' : digits[bits >> (18 - 6 * k) & 63];
    }
    text[out] = '\0';
    json_array_append_new(rows, json_pack("[s,I,I,I,I,I,i,i,i,s]", instance, at_ms * 1000, event,
                                          position, chunk, chunks, -1, -1, 0, text));
}

static const char click_text[] =
    "{\"type\":3,\"data\":{\"source\":2,\"type\":2,\"id\":3,\"x\":1,\"y\":1},\"timestamp\":1}";

static void cut(const char *text, size_t at, char a[2000], char b[2000])
{
    snprintf(a, 2000, "%.*s", (int)at, text);
    snprintf(b, 2000, "%s", text + at);
}

static void chunks_are_joined(void **state)
{
    char a[2000], b[2000];
    struct session s;
    struct err err;
    json_t *rows = json_array();
    session_init(&s);
    s.has_recording = true;
    cut(SNAPSHOT, 333, a, b);
    add_row(rows, "i", 1000, 1, 1, 1, 2, a);
    add_row(rows, "i", 1000, 1, 1, 1, 2, a); /* delivered twice */
    add_row(rows, "i", 1000, 1, 2, 2, 2, b);
    add_row(rows, "i", 2000, 2, 3, 1, 1, click_text);
    cut(click_text, 40, a, b);
    add_row(rows, "i", 2500, 3, 4, 1, 2, a);          /* the rest never came */
    add_row(rows, "j", 3000, 1, 1, 1, 1, click_text); /* a page load without a snapshot */
    assert_int_equal(session_read_rows(&s, rows, &err), 0);
    assert_int_equal(s.counts.events, 4);
    assert_int_equal(s.counts.chunks, 5);
    assert_int_equal(s.counts.repeated_rows, 1);
    assert_int_equal(s.counts.clicks, 2);
    assert_int_equal(s.counts.snapshots, 1);
    assert_int_equal(s.instances, 2);
    assert_int_equal(s.incomplete_count, 1);
    assert_string_equal(s.incomplete[0].reason, "incomplete-event");
    assert_int_equal(s.entry_count, 2);
    assert_string_equal(s.entries[0].target, "button \"Pay now\"");
    assert_string_equal(s.entries[1].target, "button \"Pay now\"");
    session_done(&s);
    json_decref(rows);
}

static void tabs_that_collide_are_told(void **state)
{
    struct session s;
    struct err err;
    json_t *rows = json_array();
    session_init(&s);
    add_row(rows, "", 1, 1, 1, 1, 2, "{\"type\":3,");
    add_row(rows, "", 1, 1, 1, 1, 2, "{\"type\":4,");
    add_row(rows, "", 1, 1, 2, 2, 2, "\"data\":{}}");
    add_row(rows, "", 2, 2, 3, 1, 1, click_text); /* whole ones can be told apart */
    add_row(rows, "", 2, 2, 3, 1, 1, "{\"type\":3,\"data\":{\"source\":3,\"id\":1,\"y\":5}}");
    add_row(rows, "", 3, 0, 0, 1, 1, click_text); /* rows without attributes, equal or not */
    add_row(rows, "", 3, 0, 0, 1, 1, click_text);
    assert_int_equal(session_read_rows(&s, rows, &err), 0);
    assert_int_equal(s.counts.events, 5);
    assert_int_equal(s.counts.clicks, 3);
    assert_int_equal(s.counts.scrolls, 1);
    assert_int_equal(s.incomplete_count, 1);
    assert_string_equal(s.incomplete[0].reason, "duplicate-chunk");
    session_done(&s);
    json_decref(rows);
}

/* For a player: by their own clocks, equal ones as they came, and nothing that it does not take. */
static void recordings_are_ordered(void **state)
{
    static const char late[] = "{\"type\":4,\"timestamp\":1e300}",
                      early[] = "{\"type\":3,\"timestamp\":5}",
                      same[] = "{\"type\":2,\"timestamp\":5.0}",
                      later[] = "{\"type\":3,\"timestamp\":6}";
    static const char *const expected[] = {early, same, later, late};
    struct session s;
    struct recorded out = {0};
    struct err err;
    json_t *rows = json_array();
    session_init(&s);
    add_row(rows, "i", 1, 1, 1, 1, 1, late);
    add_row(rows, "i", 2, 2, 2, 1, 1, early);
    add_row(rows, "i", 3, 3, 3, 1, 1, "{\"type\":3}"); /* at no time */
    add_row(rows, "i", 4, 4, 4, 1, 1, "[1]");
    add_row(rows, "i", 5, 5, 5, 1, 1, same);
    add_row(rows, "i", 6, 6, 6, 1, 1, "{\"type\":");
    add_row(rows, "i", 7, 7, 7, 1, 1, later);
    assert_int_equal(session_keep_rows(&s, rows, &out, &err), 0);
    assert_int_equal(s.incomplete_count, 3);
    assert_string_equal(s.incomplete[0].reason, "parse-error");
    assert_int_equal(out.count, 4);
    for (size_t i = 0; i < out.count; i++) {
        assert_int_equal(out.items[i].len, strlen(expected[i]));
        assert_memory_equal(out.text.data + out.items[i].offset, expected[i], out.items[i].len);
    }
    recorded_done(&out);
    session_done(&s);
    json_decref(rows);
}

/* --- what follows -------------------------------------------------------------------------------
 */

static void add_click(struct session *s, int64_t ms, const char *target, bool is_recorded)
{
    struct entry *e = session_add(s, ms * 1000, ENTRY_CLICK);
    e->is_recorded = is_recorded;
    session_text(s, &e->target, target);
}

static void add_page(struct session *s, int64_t ms, const char *url)
{
    session_text(s, &session_add(s, ms * 1000, ENTRY_NAVIGATION)->url, url);
}

static void frustration_is_found(void **state)
{
    struct session s;
    struct err err;
    session_init(&s);
    s.has_recording = true;
    s.replay_last_us = 100000000;
    add_page(&s, 0, "/a");
    for (int i = 0; i < 6; i++)
        add_click(&s, 1000 + i * 600, "button", true); /* four of them lie within 1.8 s */
    for (int i = 0; i < 4; i++)
        add_click(&s, 20000 + i * 700, "slow", true); /* four in 2.1 s are no rage */
    add_click(&s, 30000, "works", true);
    session_note(&s, 30400000, MOMENT_EFFECT, 1);
    add_page(&s, 40000, "/b");
    add_page(&s, 55000, "/a");
    add_page(&s, 56000, "/b");
    add_page(&s, 72000, "/a"); /* 16 s are no quick back */
    assert_int_equal(session_finish(&s, &err), 0);
    size_t kinds[3] = {0};
    for (size_t i = 0; i < s.frustration_count; i++)
        kinds[s.frustrations[i].kind]++;
    assert_int_equal(kinds[RAGE_CLICK], 1);
    assert_int_equal(s.frustrations[0].kind, RAGE_CLICK);
    assert_int_equal(s.frustrations[0].times, 6);
    assert_int_equal(kinds[DEAD_CLICK], 4); /* the slow ones */
    assert_int_equal(kinds[QUICK_BACK], 2); /* /a again after 15 s, /b again after 1 s */
    assert_int_equal(s.page_count, 5);
    session_done(&s);
}

static void both_accounts_are_one(void **state)
{
    struct session s;
    struct err err;
    session_init(&s);
    add_click(&s, 1000, "button \"Pay\"", true);
    add_click(&s, 1300, "BUTTON //main", false); /* the span of the same click */
    add_click(&s, 1400, "BUTTON //main", false); /* of another, which was not recorded */
    add_page(&s, 5000, "/x");
    struct entry *meta = session_add(&s, 5900000, ENTRY_NAVIGATION);
    meta->is_recorded = true;
    session_text(&s, &meta->url, "/x");
    for (int i = 0; i < 3; i++) {
        struct entry *e = session_add(&s, 6000000 + i * INT64_C(1000000), ENTRY_SCROLL);
        e->is_recorded = true;
        e->node = 1;
    }
    assert_int_equal(session_finish(&s, &err), 0);
    assert_int_equal(s.entry_count, 4);
    assert_string_equal(s.entries[0].target, "button \"Pay\"");
    assert_false(s.entries[1].is_recorded);
    assert_int_equal(s.entries[3].times, 3);
    session_done(&s);
}

static void idle_time_collapses(void **state)
{
    struct session s;
    struct err err;
    session_init(&s);
    add_page(&s, 0, "/a");
    session_note(&s, 4000000, MOMENT_ACTIVITY, 1);
    session_note(&s, 9000000, MOMENT_EFFECT, 1); /* the page alone is no activity */
    add_page(&s, 16000, "/b");
    assert_int_equal(session_finish(&s, &err), 0);
    assert_int_equal(s.entry_count, 3);
    assert_int_equal(s.entries[1].kind, ENTRY_IDLE);
    assert_int_equal(s.entries[1].at_us, 4000000);
    assert_string_equal(s.entries[1].text, "\xe2\x80\xa6 12 s idle");
    session_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_cleaned),        cmocka_unit_test(numbers_are_bounded),
        cmocka_unit_test(events_are_told_apart),      cmocka_unit_test(other_bodies_are_words),
        cmocka_unit_test(broken_bodies_are_errors),   cmocka_unit_test(wrong_types_are_missing),
        cmocka_unit_test(elements_have_names),        cmocka_unit_test(mutations_change_names),
        cmocka_unit_test(deep_pages_are_read),        cmocka_unit_test(chunks_are_joined),
        cmocka_unit_test(tabs_that_collide_are_told), cmocka_unit_test(recordings_are_ordered),
        cmocka_unit_test(frustration_is_found),       cmocka_unit_test(both_accounts_are_one),
        cmocka_unit_test(idle_time_collapses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
