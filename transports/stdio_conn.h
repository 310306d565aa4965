#pragma once
/* One client on standard input and output: a JSON message per line, both ways. Requests run
 * concurrently, answers come in the order in which they are ready. (The file cannot be named
 * stdio.h: it would hide the C library's.) */
#include <uv.h>

#include "err.h"
#include "server.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    STDIO_LINE_MAX = 16 << 20,  /* bytes; a longer message is answered with an error, skipped */
    STDIO_QUEUE_MAX = 32 << 20, /* bytes not yet read by the client; above, we stop listening */
    STDIO_EOF_GRACE_MS = 900,   /* for calls that still run when the input ends */
    STDIO_END_MS = 1000,        /* from the cause of the end to the last byte */
};

struct stdio_options {
    uv_loop_t *loop;
    struct server *server;
    /* Called once, on the loop, when the client is gone or the process was told to end: shut the
     * server down, then stdio_close(). `why` is a static text for the log. */
    void (*ended)(void *user, const char *why);
    void *user;
};

struct stdio;

/* Call first thing in main(): moves standard output to a private descriptor, which it returns, and
 * points descriptor 1 at standard error, so that no library's stray print can reach the client.
 * Negative when that fails. Also remembers who our parent is. */
int stdio_guard_stdout(void);

/* Starts reading standard input. Takes over SIGINT, SIGTERM, SIGHUP and the parent-death signal;
 * SIGPIPE is ignored from then on. `output` is what stdio_guard_stdout() returned. */
struct stdio *stdio_start(const struct stdio_options *options, int output, struct err *ret_err);

/* What is left of the second within which the process has promised to be gone. */
int stdio_time_left_ms(const struct stdio *stdio);

/* Stops reading, writes what is queued as far as the client takes it in the time left, then lets go
 * of the loop and frees itself. No call may be running in the server. */
void stdio_close(struct stdio *stdio);

#ifdef __cplusplus
}
#endif
