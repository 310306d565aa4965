/* sextant call: one tool, once, for scripts and people. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bind.h"
#include "catalog.h"
#include "commands.h"
#include "json.h"
#include "result_csv.h"

enum {
    ARGUMENT_BYTES_MAX = 4 << 20,
    TOOLS_MAX = 128,
};

const struct flag call_flags[] = {
    {"--format", "FORMAT", "json (default): the structured result; text; csv: its main list"},
    {0},
};

/* --- arguments ----------------------------------------------------------------------------- */

struct calling {
    struct app *app;
    const struct tool *tool;
    const char *format;
    struct run *run;
    struct buf output;
    struct err err;
    bool is_done;
};

static int refuse_tool(const char *name, struct err *ret_err)
{
    const char *names[TOOLS_MAX];
    size_t count = 0;
    for (; catalog[count] != NULL && count < TOOLS_MAX; count++)
        names[count] = catalog[count]->name;
    const char *nearest = bind_nearest(name, names, count);
    return err_set(ret_err, ERR_NOT_FOUND, "tool",
                   "there is no tool \"%.60s\"%s%s%s; see: sextant "
                   "tools",
                   name, nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "?" : "");
}

static int read_all(FILE *file, const char *name, struct buf *out, struct err *ret_err)
{
    char chunk[16 << 10];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0)
        buf_add(out, chunk, n);
    if (ferror(file) != 0)
        return err_set(ret_err, ERR_ARGUMENT, NULL, "%.200s: %s", name, strerror(errno));
    if (buf_failed(out))
        return err_set(ret_err, ERR_LIMIT, NULL, "the arguments are longer than %d bytes",
                       ARGUMENT_BYTES_MAX);
    return 0;
}

int command_arguments(const char *given, json_t **ret_arguments, struct err *ret_err)
{
    struct buf text;
    buf_init(&text, ARGUMENT_BYTES_MAX);
    int rc = 0;
    if (given == NULL || given[0] == '\0') {
        buf_puts(&text, "{}");
    } else if (strcmp(given, "-") == 0) {
        rc = read_all(stdin, "standard input", &text, ret_err);
    } else if (given[0] == '@') {
        FILE *file = fopen(given + 1, "re");
        rc = file != NULL
                 ? read_all(file, given + 1, &text, ret_err)
                 : err_set(ret_err, ERR_ARGUMENT, NULL, "%.200s: %s", given + 1, strerror(errno));
        if (file != NULL)
            fclose(file);
    } else {
        buf_puts(&text, given);
        if (buf_failed(&text))
            rc = err_set(ret_err, ERR_LIMIT, NULL, "the arguments are longer than %d bytes",
                         ARGUMENT_BYTES_MAX);
    }
    if (rc == 0) {
        json_t *arguments = json_parse(buf_text(&text), text.len, ret_err);
        if (arguments == NULL)
            rc = -ERR_ARGUMENT;
        else
            *ret_arguments = arguments;
    }
    buf_done(&text);
    return rc;
}

/* --- the call ------------------------------------------------------------------------------ */

static void add_json(struct buf *out, const json_t *value, bool for_people)
{
    json_add(out, value, for_people ? JSON_INDENT(2) | JSON_REAL_PRECISION(15) : JSON_PLAIN);
    buf_putc(out, '\n');
}

static void on_done(void *user, const struct run_result *result)
{
    struct calling *calling = user;
    calling->is_done = true;
    calling->run = NULL;
    calling->err = result->err;
    if (result->err.code != ERR_OK)
        return;
    if (strcmp(calling->format, "text") == 0) {
        buf_puts(&calling->output, json_string_value(result->text));
        buf_putc(&calling->output, '\n');
    } else if (strcmp(calling->format, "csv") == 0) {
        result_csv_write(calling->tool, result->structured, &calling->output);
    } else {
        add_json(&calling->output, result->structured, isatty(calling->app->output) == 1);
    }
}

static void on_signal(void *user)
{
    struct calling *calling = user;
    if (calling->run != NULL)
        run_cancel(calling->run);
}

static int run(struct calling *calling, const json_t *arguments, struct err *ret_err)
{
    struct app *app = calling->app;
    int rc = app_open_workspace(app, ret_err);
    if (rc < 0)
        return rc;
    calling->run =
        run_start(app->workspace, calling->tool, arguments, "call", NULL, on_done, calling);
    if (calling->run == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    rc = app_await(app, &calling->is_done, &calling->err, on_signal, calling, ret_err);
    if (rc == 0 && buf_failed(&calling->output))
        rc = err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    return rc;
}

static int run_and_print(struct calling *calling, const char *given)
{
    struct err err = {0};
    json_t *arguments = NULL;
    int rc = command_arguments(given, &arguments, &err);
    if (rc == 0)
        rc = run(calling, arguments, &err);
    json_decref(arguments);
    int code = rc < 0 ? command_fail(&err) : command_print(calling->app, &calling->output);
    buf_done(&calling->output);
    return code;
}

int call_command(struct app *app, int argc, char **argv)
{
    struct calling calling = {.app = app, .format = "json"};
    const char *name = NULL, *given = NULL;
    bool only_positionals = false;
    for (int i = 0; i < argc; i++) {
        if (!only_positionals && strcmp(argv[i], "--") == 0)
            only_positionals = true;
        else if (!only_positionals && strcmp(argv[i], "--format") == 0)
            calling.format = argv[++i];
        else if (name == NULL)
            name = argv[i];
        else if (given == NULL)
            given = argv[i];
        else
            return command_usage_error(app, "unexpected \"%.60s\"; quote the JSON for the shell",
                                       argv[i]);
    }
    if (name == NULL)
        return command_usage_error(app, "which tool?");
    if (strcmp(calling.format, "json") != 0 && strcmp(calling.format, "text") != 0 &&
        strcmp(calling.format, "csv") != 0)
        return command_usage_error(app, "--format: expected json, text or csv, got \"%.40s\"",
                                   calling.format);
    struct err err = {0};
    calling.tool = catalog_find(name);
    if (calling.tool == NULL) {
        refuse_tool(name, &err);
        return command_fail(&err);
    }
    if (strcmp(calling.format, "csv") == 0 && !result_csv_has_table(calling.tool))
        return command_usage_error(app, "%s has no list to print as csv", name);
    return run_and_print(&calling, given);
}
