#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lines.h"

enum { MAX = 16 };

/* Every line between brackets, in order; "[!]" for one that was too long. */
static void note(void *user, const char *text, size_t len)
{
    struct buf *seen = user;
    buf_putc(seen, '[');
    buf_add(seen, text != NULL ? text : "!", text != NULL ? len : 1);
    buf_putc(seen, ']');
}

static const struct {
    const char *input, *seen;
} inputs[] = {
    {"", ""},
    {"a\n", "[a]"},
    {"a", "[a]"},
    {"a\nb\n", "[a][b]"},
    {"a\r\nb\r\n", "[a][b]"},
    {"\n\r\n  \t\n\na\n\n", "[a]"},
    {"  a b \t\n", "[  a b]"},
    {"a\rb\n", "[a\rb]"},
    {"1234567890123456\n", "[1234567890123456]"},
    {"12345678901234567\n", "[!]"},
    {"12345678901234567", "[!]"},
    {"a\n12345678901234567890123456789012345678901234567890\nb\n", "[a][!][b]"},
    {"12345678901234567\n12345678901234567\n\nb", "[!][!][b]"},
    {"\xff\xfe\n\xc3\xa9\n", "[\xff\xfe][\xc3\xa9]"},
};

/* The same lines come out however the bytes arrive. */
static void test_splits(void **state)
{
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        size_t len = strlen(inputs[i].input);
        for (size_t at = 0; at <= len; at++) {
            for (size_t step = 1; step <= 3; step++) {
                struct buf seen = {0};
                struct lines lines;
                lines_init(&lines, MAX, note, &seen);
                lines_feed(&lines, inputs[i].input, at);
                for (size_t k = at; k < len; k += step)
                    lines_feed(&lines, inputs[i].input + k, len - k < step ? len - k : step);
                lines_end(&lines);
                if (strcmp(buf_text(&seen), inputs[i].seen) != 0)
                    fail_msg("input %zu split at %zu: %s", i, at, buf_text(&seen));
                lines_done(&lines);
                buf_done(&seen);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_splits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
