#pragma once
/* What every subcommand works with: the configuration, the loop, the database, the workspace. It
 * also owns the end of the process: SIGINT, SIGTERM and SIGHUP cancel what runs, and whatever
 * happens the engine is closed or the process leaves with _exit() within EXIT_DEADLINE_MS, because
 * leaving with an open embedded engine crashes. */
#include <stdbool.h>

#include <jansson.h>
#include <uv.h>

#include "config.h"
#include "db.h"
#include "err.h"
#include "run.h"
#include "store_lock.h"

enum { EXIT_DEADLINE_MS = 900, APP_SIGNALS = 3 };

/* Exit codes of the program; after a signal it is 128 + its number, but see app_obeyed(). */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct app {
    struct config config;
    const char *command; /* "serve" */
    char holder[32];     /* "sextant serve": for the store's lock */
    bool is_brief;       /* asks once and ends (commands.h) */
    int output;          /* where results go: descriptor 1, or a private one (commands.h) */
    uv_loop_t *loop;
    struct db *db;               /* after app_open_db() */
    struct workspace *workspace; /* after app_open_workspace() */
    int signal;                  /* SIGINT, SIGTERM or SIGHUP once one came, else 0 */
    /* private */
    void (*on_signal)(void *user);
    void *on_signal_user;
    uv_loop_t loop_memory;
    uv_signal_t signals[APP_SIGNALS];
    bool has_loop, is_closed, has_turn, has_obeyed;
    struct store_lock turn;
    int exit_code;
};

/* The loop; nothing else is touched. */
int app_open(struct app *app, struct err *ret_err);

/* SIGINT, SIGTERM and SIGHUP from here on: sets app->signal, cancels what app_rows() runs, calls
 * app_on_signal()'s function and starts the deadline. */
int app_catch_signals(struct app *app, struct err *ret_err);
void app_on_signal(struct app *app, void (*on_signal)(void *user), void *user);

/* The engine that the configuration names; cheap, connects with the first statement. */
int app_open_db(struct app *app, struct err *ret_err);

/* The database if it is not open yet, and what tools run against. */
int app_open_workspace(struct app *app, struct err *ret_err);

/* Before a command fills the embedded store: waits until no other one does, which standard error
 * then says. A signal ends it (ERR_CANCELLED). The turn lasts until app_close(). */
int app_take_turn(struct app *app, struct err *ret_err);

/* The embedded store that the configuration names; for app_open_db(). */
struct db *app_open_store(struct app *app, struct err *ret_err);

/* Before closing without a signal: lets end what others have running in this process's engine and
 * could not repeat, so that an import does not fail because a call beside it ended. */
void app_leave_store(struct app *app, bool is_hurried);

/* What a SIGTERM asked for is done, so the exit code is app_close()'s `code` (or 0 at the
 * deadline): a service manager takes any other for a failure. */
void app_obeyed(struct app *app);

/* Starts the deadline: EXIT_DEADLINE_MS (or less) from now the process is gone, whatever it does.
 * The first caller's deadline stays. */
void app_set_deadline(int ms, int exit_code);

/* Closes everything, waiting for the engine at most until the deadline. Returns the exit code:
 * `code`, or 128 + signal after one that was not obeyed; a second call returns the same. */
int app_close(struct app *app, int code);

/* Runs the loop until *done is true; false when the loop ran out of work before. */
bool app_run_until(struct app *app, const bool *done);

/* The same for work that a signal cancels by cancel(user). Returns what *err says once it is done,
 * ERR_INTERNAL when it never was. */
int app_await(struct app *app, const bool *is_done, const struct err *err,
              void (*cancel)(void *user), void *user, struct err *ret_err);

/* Runs one SELECT and waits for its end on the loop; a signal cancels it (ERR_CANCELLED). The rows
 * as an array of arrays, a new reference. */
int app_rows(struct app *app, const char *sql, const struct db_param *params, size_t param_count,
             json_t **ret_rows, struct err *ret_err);

/* Writes all of it to app->output. False when the reader is gone or the disk is full. */
bool app_write(struct app *app, const char *text, size_t len);
