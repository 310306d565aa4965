/* sextant export: the events of a process's cases into a file, however many there are. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "catalog.h"
#include "commands.h"
#include "json.h"
#include "text.h"

enum { PIECE_BYTES = 12000000 }; /* of the file that are in memory at a time */

const struct flag export_flags[] = {
    {"--format", "FORMAT", "xes or csv; default: by the name of the file, else xes"},
    {"--output", "FILE", "where to; default: standard output"},
    {0},
};

struct exporting {
    struct app *app;
    const char *format, *file; /* file NULL = standard output */
    int fd;
    json_t *arguments; /* of the next piece */
    struct run *run;
    json_int_t part, parts, events, cases;
    struct err err;
    bool is_done;
};

static int write_all(struct exporting *e, const char *text, size_t len, struct err *ret_err)
{
    while (len > 0) {
        ssize_t n = write(e->fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(ret_err, ERR_ARGUMENT, NULL, "%.200s: %s",
                           e->file != NULL ? e->file : "standard output", strerror(errno));
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

/* All pieces are cut as the first one says, and have its columns. */
static void on_done(void *user, const struct run_result *result)
{
    struct exporting *e = user;
    const json_t *r = result->structured, *text = json_object_get(r, "text");
    e->is_done = true;
    e->run = NULL;
    e->err = result->err;
    if (e->err.code != ERR_OK ||
        write_all(e, json_string_value(text), json_string_length(text), &e->err) < 0)
        return;
    e->part = json_get_integer(r, "part", 1);
    e->parts = json_get_integer(r, "parts", 1);
    e->events += json_get_integer(r, "events", 0);
    e->cases += json_get_integer(r, "cases", 0);
    json_object_set(e->arguments, "keys", json_object_get(r, "keys"));
}

static void on_signal(void *user)
{
    struct exporting *e = user;
    if (e->run != NULL)
        run_cancel(e->run);
}

static int export_piece(struct exporting *e, struct err *ret_err)
{
    e->is_done = false;
    e->run =
        run_start(e->app->workspace, &tool_export_log, e->arguments, "export", NULL, on_done, e);
    if (e->run == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    return app_await(e->app, &e->is_done, &e->err, on_signal, e, ret_err);
}

static int export_all(struct exporting *e, struct err *ret_err)
{
    int rc = app_open_workspace(e->app, ret_err);
    json_object_set_new(e->arguments, "format", json_string(e->format));
    json_object_set_new(e->arguments, "part_bytes", json_integer(PIECE_BYTES));
    json_object_set_new(e->arguments, "is_piece", json_true());
    while (rc == 0 && (e->part == 0 || e->part < e->parts)) {
        if (e->part > 0)
            json_object_set_new(
                e->arguments, "part",
                json_sprintf("%lld-of-%lld", (long long)e->part + 1, (long long)e->parts));
        rc = export_piece(e, ret_err);
    }
    return rc;
}

static int open_output(struct exporting *e, struct err *ret_err)
{
    e->fd = e->app->output;
    if (e->file == NULL)
        return 0;
    e->fd = open(e->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return e->fd >= 0
               ? 0
               : err_set(ret_err, ERR_ARGUMENT, NULL, "%.200s: %s", e->file, strerror(errno));
}

/* What is not whole is not left behind. */
static int close_output(struct exporting *e, int rc, struct err *ret_err)
{
    if (e->file == NULL || e->fd < 0)
        return rc;
    if (close(e->fd) != 0 && rc == 0)
        rc = err_set(ret_err, ERR_ARGUMENT, NULL, "%.200s: %s", e->file, strerror(errno));
    if (rc < 0)
        unlink(e->file);
    return rc;
}

static int run_export(struct exporting *e, const char *given)
{
    struct err err = {0};
    int rc = command_arguments(given, &e->arguments, &err);
    if (rc == 0 && !json_is_object(e->arguments))
        rc = err_set(&err, ERR_ARGUMENT, NULL, "the arguments are no JSON object");
    if (rc == 0)
        rc = open_output(e, &err);
    if (rc == 0)
        rc = close_output(e, export_all(e, &err), &err);
    json_decref(e->arguments);
    if (rc < 0)
        return command_fail(&err);
    char cases[48], events[48];
    fprintf(stderr, "%s of %s written%s%s.\n",
            text_things(events, sizeof events, (double)e->events, "event"),
            text_things(cases, sizeof cases, (double)e->cases, "case"),
            e->file != NULL ? " to " : "", e->file != NULL ? e->file : "");
    return EXIT_SUCCESS;
}

static const char *format_of(const char *file)
{
    size_t len = file != NULL ? strlen(file) : 0;
    return len >= 4 && strcmp(file + len - 4, ".csv") == 0 ? "csv" : "xes";
}

int export_command(struct app *app, int argc, char **argv)
{
    struct exporting e = {.app = app, .fd = -1};
    const char *given = NULL;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--format") == 0)
            e.format = argv[++i];
        else if (strcmp(argv[i], "--output") == 0)
            e.file = argv[++i];
        else if (given == NULL)
            given = argv[i];
        else
            return command_usage_error(app, "unexpected \"%.60s\"; quote the JSON for the shell",
                                       argv[i]);
    }
    e.format = e.format != NULL ? e.format : format_of(e.file);
    if (strcmp(e.format, "xes") != 0 && strcmp(e.format, "csv") != 0)
        return command_usage_error(app, "--format: expected xes or csv, got \"%.40s\"", e.format);
    return run_export(&e, given);
}
