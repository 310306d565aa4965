#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "config.h"

static char folder[] = "sextant-config-XXXXXX";
static char file_path[sizeof folder + 32], secret_path[sizeof folder + 32];

static const struct flag own_flags[] = {
    {"--source", "NAME", "its source"},
    {"--json", NULL, "as JSON"},
    {0},
};

static int set_up_folder(void **state)
{
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(file_path, sizeof file_path, "%s/my.json", folder);
    snprintf(secret_path, sizeof secret_path, "%s/secret", folder);
    return 0;
}

static int tear_down_folder(void **state)
{
    unlink(file_path);
    unlink(secret_path);
    return rmdir(folder);
}

/* No test sees the configuration of whoever runs it. */
static int clear_environment(void **state)
{
    for (const struct option *o = config_options; o->key != NULL; o++) {
        unsetenv(o->env);
        if (o->env_also != NULL)
            unsetenv(o->env_also);
    }
    unsetenv("SEXTANT_CONFIG");
    setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    unsetenv("XDG_DATA_HOME");
    setenv("HOME", "/home/someone", 1);
    return 0;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

enum { ARGUMENTS_MAX = 16 };

struct outcome {
    int rc, count;
    char **rest;
    struct config config;
    struct err err;
    char texts[ARGUMENTS_MAX][80];
};

/* Splits `line` at blanks into writable arguments, as main() would have them. */
static void load(struct outcome *out, unsigned groups, const char *line)
{
    char *argv[ARGUMENTS_MAX + 1] = {0};
    int argc = 0;
    *out = (struct outcome){0};
    while (*line != '\0' && argc < ARGUMENTS_MAX) {
        size_t len = strcspn(line, " ");
        snprintf(out->texts[argc], sizeof out->texts[argc], "%.*s", (int)len, line);
        argv[argc] = out->texts[argc];
        argc++;
        line += len + strspn(line + len, " ");
    }
    out->rc = config_load(&out->config, groups, own_flags, argc, argv, &out->count, &out->rest,
                          &out->err);
}

static void done(struct outcome *out)
{
    if (out->rc == 0) {
        config_done(&out->config);
        free(out->rest);
    }
}

static const unsigned all_groups =
    OPTION_ENGINE | OPTION_TOOLS | OPTION_HTTP | OPTION_TOKENS | OPTION_SERVING;

static void test_defaults(void **state)
{
    struct outcome out;
    load(&out, all_groups, "");
    assert_int_equal(out.rc, 0);
    assert_string_equal(out.config.data_dir, "/home/someone/.local/share/sextant");
    assert_string_equal(out.config.listen, "127.0.0.1:8765");
    assert_string_equal(out.config.user, "default");
    assert_string_equal(out.config.database, "default");
    assert_string_equal(out.config.log_level, "info");
    assert_string_equal(out.config.toolsets[0], "core");
    assert_null(out.config.toolsets[1]);
    assert_null(out.config.host);
    assert_null(out.config.config_path);
    assert_null(out.config.sources);
    assert_true(out.config.is_secure && out.config.is_verified);
    assert_int_equal(out.config.query_s, 45);
    assert_int_equal(out.config.port, 0);
    assert_false(config_is_remote(&out.config));
    assert_string_equal(config_origin(&out.config, "data"), "default");
    done(&out);

    setenv("XDG_DATA_HOME", "/data", 1);
    load(&out, all_groups, "");
    assert_string_equal(out.config.data_dir, "/data/sextant");
    done(&out);
    unsetenv("XDG_DATA_HOME");
    unsetenv("HOME");
    load(&out, all_groups, "");
    assert_int_equal(out.rc, 0);
    assert_null(out.config.data_dir);
    done(&out);
}

static void test_precedence(void **state)
{
    struct outcome out;
    write_file(file_path, "{\"clickhouse\":{\"host\":\"f\",\"port\":1111,\"user\":\"f\","
                          "\"secure\":false},\"toolsets\":[\"core\",\"process\"],"
                          "\"sources\":{\"shop\":{\"table\":\"t\"}}}");
    setenv("CLICKHOUSE_PORT", "2222", 1);
    setenv("CLICKHOUSE_USER", "e", 1);
    setenv("CLICKHOUSE_ROLE", "", 1);
    char line[160];
    snprintf(line, sizeof line, "--clickhouse-user flag --config %s", file_path);
    load(&out, all_groups, line);
    assert_int_equal(out.rc, 0);
    assert_string_equal(out.config.host, "f");
    assert_int_equal(out.config.port, 2222);
    assert_string_equal(out.config.user, "flag");
    assert_null(out.config.role);
    assert_false(out.config.is_secure);
    assert_string_equal(out.config.toolsets[1], "process");
    assert_string_equal(out.config.config_path, file_path);
    assert_non_null(json_object_get(out.config.sources, "shop"));
    assert_string_equal(config_origin(&out.config, "clickhouse.host"), "configuration file");
    assert_string_equal(config_origin(&out.config, "clickhouse.port"), "CLICKHOUSE_PORT");
    assert_string_equal(config_origin(&out.config, "clickhouse.user"), "--clickhouse-user");
    assert_true(config_is_remote(&out.config));
    done(&out);

    setenv("SEXTANT_CONFIG", file_path, 1);
    load(&out, all_groups, "");
    assert_string_equal(out.config.host, "f");
    done(&out);
}

static void test_xdg_file(void **state)
{
    struct outcome out;
    char home[] = "sextant-xdg-XXXXXX";
    assert_non_null(mkdtemp(home));
    char absolute[PATH_MAX], sub[PATH_MAX + 16], file[PATH_MAX + 32];
    assert_non_null(realpath(home, absolute));
    snprintf(sub, sizeof sub, "%s/sextant", absolute);
    snprintf(file, sizeof file, "%s/config.json", sub);
    assert_int_equal(mkdir(sub, 0700), 0);
    write_file(file, "{\"log_level\":\"debug\"}");
    setenv("XDG_CONFIG_HOME", absolute, 1);
    load(&out, all_groups, "");
    assert_int_equal(out.rc, 0);
    assert_string_equal(out.config.log_level, "debug");
    done(&out);
    unlink(file);
    rmdir(sub);
    rmdir(absolute);
}

/* The store named by a flag beats the server of the environment, and only then. */
static void test_engine(void **state)
{
    struct outcome out;
    setenv("CLICKHOUSE_HOST", "ch.example.com", 1);
    load(&out, all_groups, "");
    assert_true(config_is_remote(&out.config));
    done(&out);
    load(&out, all_groups, "--data /store");
    assert_false(config_is_remote(&out.config));
    done(&out);
    load(&out, all_groups, "--data /store --clickhouse-host other");
    assert_true(config_is_remote(&out.config));
    done(&out);
    setenv("SEXTANT_DATA", "/store", 1);
    load(&out, all_groups, "");
    assert_true(config_is_remote(&out.config));
    done(&out);
    load(&out, all_groups, "--clickhouse-enabled=false");
    assert_false(config_is_remote(&out.config));
    done(&out);
    /* One that is true or false needs no value to be true. */
    load(&out, all_groups, "--clickhouse-enabled no --sessions --data /store");
    assert_true(out.config.sessions);
    assert_false(out.config.is_enabled);
    assert_string_equal(out.config.data_dir, "/store");
    done(&out);
    load(&out, all_groups, "--sessions off --data /store --clickhouse-enabled");
    assert_false(out.config.sessions);
    assert_true(out.config.is_enabled);
    done(&out);
}

static void test_arguments(void **state)
{
    struct outcome out;
    load(&out, OPTION_ENGINE, "run_trend --source=a=b --data ~/s --json - -- --data x");
    assert_int_equal(out.rc, 0);
    assert_string_equal(out.config.data_dir, "/home/someone/s");
    static const char *const want[] = {"run_trend", "--source", "a=b",    "--json",
                                       "-",         "--",       "--data", "x"};
    assert_int_equal(out.count, 8);
    for (int i = 0; i < out.count; i++)
        assert_string_equal(out.rest[i], want[i]);
    assert_null(out.rest[8]);
    done(&out);

    load(&out, OPTION_ENGINE, "--clickhouse-password hunter2");
    assert_string_equal(out.config.password, "hunter2");
    assert_string_equal(out.texts[1], "xxxxxxx");
    done(&out);
    load(&out, OPTION_TOOLS, "--toolsets=core,process,,replay");
    assert_string_equal(out.config.toolsets[2], "replay");
    assert_null(out.config.toolsets[3]);
    done(&out);
}

static void test_password_file(void **state)
{
    struct outcome out;
    char line[160];
    write_file(secret_path, "from file\nsecond line\n");
    setenv("CLICKHOUSE_PASSWORD", "from environment", 1);
    snprintf(line, sizeof line, "--clickhouse-password-file %s", secret_path);
    load(&out, OPTION_ENGINE, line);
    assert_string_equal(out.config.password, "from file");
    done(&out);
    setenv("CLICKHOUSE_PASSWORD_FILE", secret_path, 1);
    load(&out, OPTION_ENGINE, "--clickhouse-password flag");
    assert_string_equal(out.config.password, "flag");
    done(&out);
    setenv("CLICKHOUSE_PASSWORD_FILE", "/nonexistent/secret", 1);
    load(&out, OPTION_ENGINE, "");
    assert_true(out.rc < 0);
    assert_non_null(strstr(out.err.text, "/nonexistent/secret: No such file"));
}

static const struct {
    const char *line, *words;
} bad_flags[] = {
    {"--dta /x", "--dta: unknown option; did you mean --data?"},
    {"--sauce x", "--sauce: unknown option; did you mean --source?"},
    {"--zzzzzzzz", "--zzzzzzzz: unknown option"},
    {"-x", "-x: unknown option"},
    {"--data", "--data: a value must follow"},
    {"--source", "--source: a value must follow"},
    {"--json=yes", "--json: takes no value"},
    {"--listen :1", "--listen: not an option of this subcommand"},
    {"--clickhouse-port x", "--clickhouse-port: expected a number 1..65535, got \"x\""},
    {"--clickhouse-port 0", "expected a number 1..65535, got \"0\""},
    {"--clickhouse-port 80x", "got \"80x\""},
    {"--query-seconds 99999999999999999999", "expected a number 1..3600"},
    {"--clickhouse-secure perhaps", "--clickhouse-secure: expected true or false, got \"perhaps\""},
    {"--log-level loud", "expected one of debug, info, warning, error, got \"loud\""},
    {"--clickhouse-host https://x",
     "clickhouse.host (--clickhouse-host): expected a host name alone;"},
    {"--config /nonexistent/c.json", "/nonexistent/c.json: No such file"},
};

static void test_bad_flags(void **state)
{
    for (size_t i = 0; i < sizeof bad_flags / sizeof *bad_flags; i++) {
        struct outcome out;
        load(&out, OPTION_ENGINE, bad_flags[i].line);
        if (out.rc != -ERR_ARGUMENT || strstr(out.err.text, bad_flags[i].words) == NULL)
            fail_msg("%s: got %d %s", bad_flags[i].line, out.rc, out.err.text);
    }
}

static const struct {
    const char *file, *words;
} bad_files[] = {
    {"{", "not valid JSON"},
    {"[]", "expected a JSON object"},
    {"{\"clickhouse\":{\"port\":\"x\"}}",
     "my.json: clickhouse.port: expected a number 1..65535, got \"x\""},
    {"{\"clickhouse\":{\"port\":true}}", "my.json: clickhouse.port: expected a number"},
    {"{\"clickhouse\":{\"prt\":1}}", "clickhouse.prt: unknown key; did you mean clickhouse.port?"},
    {"{\"clickhouse\":5}", "my.json: clickhouse: unknown key"},
    {"{\"log_levle\":\"info\"}", "log_levle: unknown key; did you mean log_level?"},
    {"{\"a\":{\"b\":{}}}", "a.b: unknown key"},
    {"{\"foo\":{}}", "my.json: foo: unknown key"},
    {"{\"clickhouse\":{\"host\":\"u:p@h\"}}",
     "clickhouse.host (configuration file): expected a host name alone; port"},
    {"{\"toolsets\":[1]}", "my.json: toolsets: expected a list of strings"},
    {"{\"sources\":[]}", "my.json: sources: expected an object"},
    {"{\"data\":1}", "my.json: data: expected a string"},
    {"{\"data\":\"a\",\"data\":\"b\"}", "not valid JSON"},
};

static void test_bad_files(void **state)
{
    char line[160];
    snprintf(line, sizeof line, "--config %s", file_path);
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        struct outcome out;
        write_file(file_path, bad_files[i].file);
        load(&out, OPTION_ENGINE, line);
        if (out.rc != -ERR_ARGUMENT || strstr(out.err.text, bad_files[i].words) == NULL)
            fail_msg("%s: got %d %s", bad_files[i].file, out.rc, out.err.text);
    }
}

static void test_bad_environment(void **state)
{
    struct outcome out;
    setenv("CLICKHOUSE_PORT", "http", 1);
    load(&out, OPTION_ENGINE, "");
    assert_string_equal(out.err.text, "CLICKHOUSE_PORT: expected a number 1..65535, got \"http\"");
    unsetenv("CLICKHOUSE_PORT");
    setenv("CLICKHOUSE_MCP_QUERY_TIMEOUT", "20", 1);
    load(&out, OPTION_ENGINE, "");
    assert_int_equal(out.config.query_s, 20);
    assert_string_equal(config_origin(&out.config, "limits.query_seconds"),
                        "CLICKHOUSE_MCP_QUERY_TIMEOUT");
    done(&out);
    setenv("SEXTANT_QUERY_SECONDS", "30", 1);
    load(&out, OPTION_ENGINE, "");
    assert_int_equal(out.config.query_s, 30);
    done(&out);
}

/* Every row is complete, its names are unique, and the help shows it. */
static void test_table(void **state)
{
    struct buf help = {0};
    config_help(all_groups | OPTION_ALWAYS, &help);
    size_t count = 0;
    for (const struct option *o = config_options; o->key != NULL; o++, count++) {
        assert_true(o->flag != NULL && o->env != NULL && o->value != NULL && o->help != NULL);
        assert_int_equal(strncmp(o->flag, "--", 2), 0);
        assert_non_null(strstr(buf_text(&help), o->flag));
        assert_non_null(strstr(buf_text(&help), o->env));
        for (const struct option *p = o + 1; p->key != NULL; p++) {
            assert_string_not_equal(o->key, p->key);
            assert_string_not_equal(o->flag, p->flag);
            assert_string_not_equal(o->env, p->env);
            assert_int_not_equal(o->offset, p->offset);
        }
    }
    assert_true(count <= CONFIG_MAX_OPTIONS);
    buf_done(&help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_defaults, clear_environment),
        cmocka_unit_test_setup(test_precedence, clear_environment),
        cmocka_unit_test_setup(test_xdg_file, clear_environment),
        cmocka_unit_test_setup(test_engine, clear_environment),
        cmocka_unit_test_setup(test_arguments, clear_environment),
        cmocka_unit_test_setup(test_password_file, clear_environment),
        cmocka_unit_test_setup(test_bad_flags, clear_environment),
        cmocka_unit_test_setup(test_bad_files, clear_environment),
        cmocka_unit_test_setup(test_bad_environment, clear_environment),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, set_up_folder, tear_down_folder);
}
