/* The command line: which subcommand, its options, its help, and the end of it. */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bind.h"
#include "chdb_library.h"
#include "commands.h"
#include "json.h"
#include "log.h"
#include "rpc.h"
#include "stdio_conn.h"

enum { COMMANDS_MAX = 16, HELP_WIDTH = 24 };

static void add_commands(struct buf *out)
{
    for (const struct command *c = command_list; c->name != NULL; c++)
        buf_printf(out, "  %-9s %s\n", c->name, c->summary);
}

static void add_help(struct buf *out)
{
    buf_puts(out, "Sextant: analytics tools on ClickHouse for AI agents, over the Model Context "
                  "Protocol.\n\n"
                  "usage: sextant COMMAND [ARGUMENTS] [OPTIONS]\n\n");
    add_commands(out);
    buf_puts(out, "\n  sextant COMMAND --help   says more\n"
                  "  sextant --version        prints the version\n\n"
                  "A server is used when CLICKHOUSE_HOST is set, else an embedded store. Options "
                  "come from flags,\nthe environment and a JSON file, in this order.\n");
}

static void add_command_help(const struct command *command, struct buf *out)
{
    buf_printf(out, "usage: sextant %s%s%s [OPTIONS]\n\n%s\n", command->name,
               command->usage[0] != '\0' ? " " : "", command->usage, command->summary);
    if (command->details != NULL)
        buf_printf(out, "\n%s", command->details);
    if (command->flags != NULL && command->flags->name != NULL)
        buf_puts(out, "\n");
    for (const struct flag *f = command->flags; f != NULL && f->name != NULL; f++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", f->name, f->value != NULL ? " " : "",
                 f->value != NULL ? f->value : "");
        buf_printf(out, "  %-*s %s\n", HELP_WIDTH, left, f->help);
    }
    buf_puts(out, "\nOptions, each also by the environment variable named below it:\n");
    config_help(command->groups | OPTION_ALWAYS, out);
}

int command_print(struct app *app, struct buf *out)
{
    bool is_written = !buf_failed(out) && app_write(app, buf_text(out), out->len);
    buf_done(out);
    return is_written ? EXIT_OK : EXIT_FAILED;
}

/* Before there is an app. */
static int print(struct buf *out)
{
    struct app app = {.output = STDOUT_FILENO};
    return command_print(&app, out);
}

int command_fail(const struct err *err)
{
    json_t *error = json_pack("{s:{s:s, s:o, s:o}}", "error", "code", err_name(err->code), "field",
                              rpc_text(err->field), "message", rpc_text(err->text));
    char *text = error != NULL ? json_text(error) : NULL;
    if (text != NULL)
        fprintf(stderr, "%s\n", text);
    free(text);
    json_decref(error);
    if (err->raw[0] != '\0')
        log_event(LOG_DEBUG, "the engine said", "engine", err->raw, NULL);
    return EXIT_FAILED;
}

int command_usage_error(const struct app *app, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "sextant %s: ", app->command);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\nTry: sextant %s --help\n", app->command);
    return EXIT_USAGE;
}

static const struct command *find_command(const char *name)
{
    for (const struct command *c = command_list; c->name != NULL; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static int refuse_command(const char *name)
{
    const char *names[COMMANDS_MAX] = {0};
    size_t count = 0;
    for (const struct command *c = command_list; c->name != NULL && count < COMMANDS_MAX; c++)
        names[count++] = c->name;
    const char *nearest = bind_nearest(name, names, count);
    struct buf text = {0};
    add_commands(&text);
    fprintf(stderr, "sextant: there is no command \"%.40s\"%s%s%s\n%s", name,
            nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
            nearest != NULL ? "?" : "", buf_text(&text));
    buf_done(&text);
    return EXIT_USAGE;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* The help of a subcommand, or of what its first argument names. */
static int print_help(const struct command *command, const char *topic)
{
    struct buf out = {0};
    if (topic == NULL || command->help == NULL || !command->help(topic, &out))
        add_command_help(command, &out);
    return print(&out);
}

static void set_log_level(const char *name)
{
    for (int i = LOG_DEBUG; i <= LOG_ERROR; i++)
        if (strcmp(log_level_names[i], name) == 0)
            log_set_level((enum log_level)i);
}

static int open_and_run(const struct command *command, struct app *app, int argc, char **argv)
{
    struct err err = {0};
    set_log_level(app->config.log_level);
    int flags = fcntl(STDOUT_FILENO, F_GETFL);
    bool is_usable = flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
    if (is_usable && command->is_guarded)
        is_usable = (app->output = stdio_guard_stdout()) >= 0;
    if (!is_usable) {
        fprintf(stderr, "sextant: standard output cannot be used\n");
        config_done(&app->config);
        return EXIT_FAILED;
    }
    if (app_open(app, &err) < 0 || (!command->has_own_signals && app_catch_signals(app, &err) < 0))
        return command_fail(&err);
    int code = command->run(app, argc, argv);
    return app_close(app, code);
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct app app = {
        .command = command->name, .is_brief = command->is_brief, .output = STDOUT_FILENO};
    snprintf(app.holder, sizeof app.holder, "sextant %s", command->name);
    struct err err = {0};
    chdb_library_prepare(command->is_brief);
    char **rest = NULL;
    int count = 0;
    if (config_load(&app.config, command->groups, command->flags, argc, argv, &count, &rest, &err) <
        0)
        return command_usage_error(&app, "%s", err.text);
    int code = open_and_run(command, &app, count, rest);
    free(rest);
    return code;
}

int command_main(int argc, char **argv)
{
    struct buf out = {0};
    /* A reader or client that leaves is told by the failing write. */
    signal(SIGPIPE, SIG_IGN);
    const char *name = argc > 1 ? argv[1] : "--help";
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        buf_puts(&out, "sextant " SEXTANT_VERSION "\n");
        return print(&out);
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        if (argc > 2) {
            const struct command *about = find_command(argv[2]);
            if (about == NULL)
                return refuse_command(argv[2]);
            return print_help(about, argc > 3 ? argv[3] : NULL);
        }
        add_help(&out);
        int code = print(&out);
        return argc > 1 ? code : EXIT_USAGE;
    }
    const struct command *command = find_command(name);
    if (command == NULL)
        return refuse_command(name);
    if (wants_help(argc - 2, argv + 2))
        return print_help(command, argv[2]);
    return run_command(command, argc - 2, argv + 2);
}
