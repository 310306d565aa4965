#pragma once
/* The subcommands. Each gets an open app (loop and signals; the database on request, app.h), its
 * own flags as "--name" "value" pairs mixed with the positionals, and returns the exit code after
 * having said on stderr what went wrong. */
#include <jansson.h>

#include "app.h"

struct command {
    const char *name;
    const char *usage;        /* what follows the name: "TOOL ['{json}'|-|@FILE]" */
    const char *summary;      /* one line */
    const char *details;      /* paragraphs for its --help, or NULL */
    const struct flag *flags; /* its own, ends with {0}; NULL = none */
    unsigned groups;          /* of the options it takes: enum option_group */
    /* Results go to a private descriptor (app->output), and what libraries print to stderr. */
    bool is_guarded;
    bool has_own_signals; /* does not want app_catch_signals() */
    bool is_brief;        /* asks once and ends: its engine does nothing for later */
    int (*run)(struct app *app, int argc, char **argv);
    /* Help on one thing it can be asked to do ("call run_funnel --help"); false: there is none. */
    bool (*help)(const char *topic, struct buf *out);
};

extern const struct command command_list[]; /* ends with {0} */

/* Runs the subcommand that argv names and returns the exit code of the program. */
int command_main(int argc, char **argv);

int call_command(struct app *app, int argc, char **argv);
int demo_command(struct app *app, int argc, char **argv);
int doctor_command(struct app *app, int argc, char **argv);
int export_command(struct app *app, int argc, char **argv);
int import_command(struct app *app, int argc, char **argv);
int serve_command(struct app *app, int argc, char **argv);
int stdio_command(struct app *app, int argc, char **argv);
int token_command(struct app *app, int argc, char **argv);
int tools_command(struct app *app, int argc, char **argv);

/* What a tool does and takes, for a terminal. */
bool tools_help(const char *name, struct buf *out);

extern const struct flag call_flags[];
extern const struct flag demo_flags[];
extern const struct flag doctor_flags[];
extern const struct flag export_flags[];
extern const struct flag import_flags[];
extern const struct flag tools_flags[];

/* Arguments of a tool as people give them: '{json}', "-" for standard input, "@FILE"; nothing means
 * {}. A new reference. */
int command_arguments(const char *given, json_t **ret_arguments, struct err *ret_err);

/* Prints and empties the text. A reader that left gets no words, only the exit code. */
int command_print(struct app *app, struct buf *out);

/* Prints {"error":{code, field, message}} on stderr, what scripts read. Returns EXIT_FAILED. */
int command_fail(const struct err *err);

/* "sextant NAME: message" and how to get help, on stderr. Returns EXIT_USAGE. */
int command_usage_error(const struct app *app, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
