#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "log.h"

static int saved = -1, reader = -1;

/* A pipe in the place of standard error. */
static int set_up_pipe(void **state)
{
    int ends[2];
    saved = dup(STDERR_FILENO);
    if (saved < 0 || pipe(ends) != 0)
        return -1;
    reader = ends[0];
    fcntl(reader, F_SETFL, O_NONBLOCK);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    return 0;
}

static int tear_down_pipe(void **state)
{
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(reader);
    return 0;
}

static char *read_all(void)
{
    enum { MOST = 1 << 20 };
    char *text = calloc(1, MOST + 1);
    size_t len = 0;
    for (ssize_t n; text != NULL && (n = read(reader, text + len, MOST - len)) > 0;)
        len += (size_t)n;
    return text;
}

static json_t *parse_line(const char *text)
{
    json_t *line = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
    assert_non_null(line);
    return line;
}

static void test_line_is_json(void **state)
{
    log_event(LOG_INFO, "hello", "name", "a \"b\"\n", NULL);
    char *text = read_all();
    json_t *line = parse_line(text);
    assert_string_equal(json_string_value(json_object_get(line, "message")), "hello");
    assert_string_equal(json_string_value(json_object_get(line, "name")), "a \"b\"\n");
    assert_string_equal(json_string_value(json_object_get(line, "level")), "info");
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    json_decref(line);
    free(text);
}

static void test_any_bytes_are_told(void **state)
{
    log_event(LOG_INFO, "hello", "name",
              "a\xff"
              "b",
              NULL);
    char *text = read_all();
    json_t *line = parse_line(text);
    assert_string_equal(json_string_value(json_object_get(line, "name")), "a\xef\xbf\xbd"
                                                                          "b");
    json_decref(line);
    free(text);
}

static void test_levels(void **state)
{
    log_set_level(LOG_WARNING);
    log_event(LOG_INFO, "quiet", NULL);
    log_set_level(LOG_INFO);
    char *text = read_all();
    assert_string_equal(text, "");
    free(text);
}

/* Nobody reads: the call must return all the same. Afterwards lines come through whole again. */
static void test_full_pipe_does_not_block(void **state)
{
    char large[20000];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    for (int i = 0; i < 100; i++)
        log_event(LOG_INFO, "flood", "text", large, NULL);
    free(read_all());
    log_event(LOG_INFO, "after", NULL);
    char *text = read_all();
    char *line = strchr(text, '{');
    assert_non_null(line);
    assert_true(line - text <= 1); /* at most the end of the line that was cut */
    json_decref(parse_line(line));
    assert_non_null(strstr(line, "after"));
    free(text);
}

int main(void)
{
    alarm(20); /* a log that blocks must fail, not hang */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_line_is_json, set_up_pipe, tear_down_pipe),
        cmocka_unit_test_setup_teardown(test_any_bytes_are_told, set_up_pipe, tear_down_pipe),
        cmocka_unit_test_setup_teardown(test_levels, set_up_pipe, tear_down_pipe),
        cmocka_unit_test_setup_teardown(test_full_pipe_does_not_block, set_up_pipe, tear_down_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
