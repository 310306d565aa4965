#include "stdio_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "json.h"
#include "lines.h"
#include "outbox.h"
#include "sweep.h"

enum {
    READ_BYTES = 64 << 10,
    PARENT_CHECK_MS = 250,
    /* The parent-death signal comes when the thread that started us ends, too. So it must be one
     * that nobody means as a request to stop, and is only a hint to look at who the parent is. */
    PARENT_SIGNAL = SIGPWR,
};

static const struct {
    int number;
    const char *why; /* NULL: only a hint */
} signals[] = {
    {SIGTERM, "SIGTERM"},
    {SIGINT, "SIGINT"},
    {SIGHUP, "SIGHUP"},
    {PARENT_SIGNAL, NULL},
};
enum { SIGNALS = sizeof signals / sizeof signals[0] };

enum state {
    OPEN,
    INPUT_ENDED, /* calls in flight may still be answered */
    ENDED,       /* `ended` was called */
    CLOSING,     /* by the owner: only the queue is written */
    CLOSED,
};

struct stdio {
    struct channel channel; /* first: send() gets back from it */
    struct stdio_options options;
    struct peer *peer;
    enum state state;
    const char *why;     /* of an end that is due; the timer brings it about; NULL = none */
    uint64_t due_ms;     /* when, in loop time */
    uint64_t cause_ns;   /* when the end was caused; 0 = not yet */
    size_t pending;      /* messages that wait for their answer */
    bool has_failed;     /* the client reads no more */
    bool is_half_closed; /* the client writes no more on the socket that we write to */
    bool is_input_file, is_output_file; /* the kinds that cannot be polled and never block */
    int input_flags, output_flags;      /* to put back: the descriptors are shared with others */
    struct lines lines;
    struct outbox outbox;
    bool is_reading;   /* the input is being polled */
    int output_events; /* what the output is being polled for */
    size_t handles;    /* open ones */
    uv_poll_t input, output;
    uv_idle_t input_file;
    uv_timer_t timer, parent_timer;
    struct sweep sweep;
    uv_signal_t signals[SIGNALS];
    char chunk[READ_BYTES];
};

static pid_t parent; /* of the process; as it was at the start */

int stdio_guard_stdout(void)
{
    parent = getppid();
    int null = fcntl(STDERR_FILENO, F_GETFD) < 0 ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
    if (null >= 0 && null != STDERR_FILENO) {
        dup2(null, STDERR_FILENO);
        close(null);
    }
    int private = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (private < 0)
        return -errno;
    if (dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
        return private;
    int rc = -errno;
    close(private);
    return rc;
}

int stdio_time_left_ms(const struct stdio *stdio)
{
    if (stdio->cause_ns == 0)
        return STDIO_END_MS;
    uint64_t spent_ms = (uv_hrtime() - stdio->cause_ns) / 1000000;
    return spent_ms < STDIO_END_MS ? (int)(STDIO_END_MS - spent_ms) : 0;
}

/* ---- the end ---- */

static void on_timer(uv_timer_t *timer);

/* Notes the end and leaves it to the loop: the caller may be in the middle of the server. Of two
 * causes the one that is due first counts. */
static void end_soon(struct stdio *stdio, const char *why, uint64_t after_ms)
{
    uint64_t due_ms = uv_now(stdio->options.loop) + after_ms;
    if (stdio->state >= ENDED || (stdio->why != NULL && stdio->due_ms <= due_ms))
        return;
    if (stdio->cause_ns == 0)
        stdio->cause_ns = uv_hrtime();
    stdio->why = why;
    stdio->due_ms = due_ms;
    uv_timer_start(&stdio->timer, on_timer, after_ms, 0);
}

static void on_input(uv_poll_t *handle, int status, int events);

/* Files have no poll handle: their idle handle runs while the loop does, and looks for itself. */
static void poll_input(struct stdio *stdio, bool is_on)
{
    if (stdio->is_input_file || stdio->is_reading == is_on)
        return;
    stdio->is_reading = is_on;
    if (is_on)
        uv_poll_start(&stdio->input, UV_READABLE, on_input);
    else
        uv_poll_stop(&stdio->input);
}

static void stop_input(struct stdio *stdio)
{
    poll_input(stdio, false);
    uv_idle_stop(&stdio->input_file);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct stdio *stdio = handle->data;
    if (--stdio->handles > 0)
        return;
    if (stdio->input_flags >= 0)
        fcntl(STDIN_FILENO, F_SETFL, stdio->input_flags);
    if (stdio->output_flags >= 0)
        fcntl(stdio->outbox.fd, F_SETFL, stdio->output_flags);
    close(stdio->outbox.fd);
    outbox_done(&stdio->outbox);
    lines_done(&stdio->lines);
    peer_free(stdio->peer);
    free(stdio);
}

static void release(struct stdio *stdio)
{
    if (stdio->state == CLOSED)
        return;
    stdio->state = CLOSED;
    peer_listen(stdio->peer, NULL);
    uv_handle_t *all[] = {
        (uv_handle_t *)&stdio->input,      (uv_handle_t *)&stdio->output,
        (uv_handle_t *)&stdio->timer,      (uv_handle_t *)&stdio->parent_timer,
        (uv_handle_t *)&stdio->input_file, (uv_handle_t *)&stdio->sweep.timer,
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i]->data != NULL)
            uv_close(all[i], on_handle_closed);
    }
    for (size_t i = 0; i < SIGNALS; i++) {
        if (stdio->signals[i].data != NULL)
            uv_close((uv_handle_t *)&stdio->signals[i], on_handle_closed);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct stdio *stdio = timer->data;
    if (stdio->state == CLOSING) { /* the client did not take the rest in time */
        release(stdio);
        return;
    }
    if (stdio->state >= ENDED)
        return;
    stdio->state = ENDED;
    stop_input(stdio);
    if (stdio->has_failed)
        server_channel_gone(stdio->options.server, &stdio->channel);
    stdio->options.ended(stdio->options.user, stdio->why);
}

void stdio_close(struct stdio *stdio)
{
    if (stdio == NULL || stdio->state >= CLOSING)
        return;
    stdio->state = CLOSING;
    stop_input(stdio);
    peer_listen(stdio->peer, NULL); /* from here on the queue only shrinks */
    if (stdio->cause_ns == 0)
        stdio->cause_ns = uv_hrtime();
    if (stdio->has_failed || stdio->outbox.bytes == 0)
        release(stdio);
    else
        uv_timer_start(&stdio->timer, on_timer, (uint64_t)stdio_time_left_ms(stdio), 0);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct stdio *stdio = handle->data;
    for (size_t i = 0; i < SIGNALS; i++) {
        if (signals[i].number == number && signals[i].why != NULL)
            end_soon(stdio, signals[i].why, 0);
    }
    if (number == PARENT_SIGNAL && getppid() != parent)
        end_soon(stdio, "the parent process ended", 0);
}

static void on_parent_timer(uv_timer_t *timer)
{
    if (getppid() != parent)
        end_soon(timer->data, "the parent process ended", 0);
}

/* ---- output ---- */

static void on_output(uv_poll_t *handle, int status, int events);

/* Also without anything to write we want to hear that the client closed its end. */
static void poll_output(struct stdio *stdio)
{
    int events = stdio->outbox.bytes > 0 ? UV_WRITABLE : 0;
    if (!stdio->is_half_closed)
        events |= UV_DISCONNECT;
    if (stdio->has_failed)
        events = 0;
    if (stdio->is_output_file || events == stdio->output_events)
        return;
    stdio->output_events = events;
    if (events == 0)
        uv_poll_stop(&stdio->output);
    else
        uv_poll_start(&stdio->output, events, on_output);
}

/* Whether an answer is on its way. A client that only listens for changes waits for none. */
static bool is_working(const struct stdio *stdio)
{
    return stdio->pending > 0 && server_running(stdio->options.server) > 0;
}

static void write_queued(struct stdio *stdio)
{
    int rc = stdio->has_failed ? -EPIPE : outbox_write(&stdio->outbox);
    if (rc < 0) {
        stdio->has_failed = true;
        outbox_done(&stdio->outbox);
        end_soon(stdio, rc == -EPIPE ? "the client closed its end" : "cannot write to the client",
                 0);
    }
    poll_output(stdio);
    if (stdio->state == OPEN && stdio->outbox.bytes < STDIO_QUEUE_MAX / 2)
        poll_input(stdio, true);
    if (stdio->outbox.bytes > 0)
        return;
    if (stdio->state == INPUT_ENDED && !is_working(stdio))
        end_soon(stdio, "end of input", 0);
    else if (stdio->state == CLOSING)
        release(stdio);
}

static void on_output(uv_poll_t *handle, int status, int events)
{
    struct stdio *stdio = handle->data;
    struct pollfd now = {.fd = stdio->outbox.fd, .events = POLLOUT};
    bool is_gone = status < 0;
    if (!is_gone && (events & UV_DISCONNECT) != 0) {
        /* On a socket this may also mean that only the other direction ended. */
        is_gone = poll(&now, 1, 0) > 0 && (now.revents & (POLLERR | POLLHUP)) != 0;
        stdio->is_half_closed = !is_gone;
    }
    if (is_gone)
        stdio->has_failed = true;
    write_queued(stdio);
}

static void send_message(struct channel *channel, json_t *message, int status, bool is_last)
{
    struct stdio *stdio = (struct stdio *)channel;
    (void)status;
    if (is_last)
        stdio->pending--;
    if (message != NULL && !stdio->has_failed) {
        char *text = json_text(message);
        /* A client that misses one answer would wait for ever: better to end in the open. */
        if (text == NULL || outbox_add(&stdio->outbox, text) < 0)
            end_soon(stdio, "out of memory", 0);
    }
    json_decref(message);
    write_queued(stdio);
}

static const struct channel_ops channel_ops = {.send = send_message};

/* ---- input ---- */

static void on_line(void *user, const char *text, size_t len)
{
    struct stdio *stdio = user;
    struct err err;
    json_t *message = NULL;
    if (text == NULL)
        err_set(&err, ERR_LIMIT, NULL, "a message may have at most %d bytes", STDIO_LINE_MAX);
    else
        message = json_parse(text, len, &err);
    stdio->pending++;
    if (message == NULL)
        server_receive_garbage(stdio->options.server, &stdio->channel, NULL, &err);
    else if (server_receive(stdio->options.server, stdio->peer, &stdio->channel, message, NULL) ==
             RECEIVE_ACCEPTED)
        stdio->pending--;
    json_decref(message);
}

static void on_end_of_input(struct stdio *stdio, const char *why)
{
    stop_input(stdio);
    lines_end(&stdio->lines);
    if (stdio->state != OPEN)
        return;
    stdio->state = INPUT_ENDED;
    bool is_idle = !is_working(stdio) && stdio->outbox.bytes == 0;
    end_soon(stdio, why, is_idle ? 0 : STDIO_EOF_GRACE_MS);
}

static void read_some(struct stdio *stdio)
{
    ssize_t n = read(STDIN_FILENO, stdio->chunk, sizeof stdio->chunk);
    if (n > 0) {
        lines_feed(&stdio->lines, stdio->chunk, (size_t)n);
        /* A client that sends but does not read must not fill our memory. */
        if (stdio->outbox.bytes > STDIO_QUEUE_MAX)
            poll_input(stdio, false);
    } else if (n == 0) {
        on_end_of_input(stdio, "end of input");
    } else if (errno != EAGAIN && errno != EINTR) {
        on_end_of_input(stdio, "cannot read the input");
    }
}

static void on_input(uv_poll_t *handle, int status, int events)
{
    (void)events;
    struct stdio *stdio = handle->data;
    if (status < 0)
        on_end_of_input(stdio, "cannot read the input");
    else
        read_some(stdio);
}

static void on_input_file(uv_idle_t *idle)
{
    struct stdio *stdio = idle->data;
    if (stdio->outbox.bytes <= STDIO_QUEUE_MAX)
        read_some(stdio);
}

/* ---- the start ---- */

static void adopt(struct stdio *stdio, void *handle)
{
    ((uv_handle_t *)handle)->data = stdio;
    stdio->handles++;
}

/* Makes a descriptor pollable. Plain files cannot be, and need not. */
static int init_poll(struct stdio *stdio, uv_poll_t *poll, int fd, bool *ret_is_file)
{
    int rc = uv_poll_init(stdio->options.loop, poll, fd);
    if (rc == 0)
        adopt(stdio, poll);
    else if (rc == UV_EPERM)
        *ret_is_file = true;
    return rc == UV_EPERM ? 0 : rc;
}

static int start_signals(struct stdio *stdio)
{
    for (size_t i = 0; i < SIGNALS; i++) {
        struct sigaction action;
        if (signals[i].number == SIGHUP && sigaction(SIGHUP, NULL, &action) == 0 &&
            action.sa_handler == SIG_IGN)
            continue; /* started by nohup */
        int rc = uv_signal_init(stdio->options.loop, &stdio->signals[i]);
        if (rc == 0) {
            adopt(stdio, &stdio->signals[i]);
            rc = uv_signal_start(&stdio->signals[i], on_signal, signals[i].number);
        }
        if (rc < 0)
            return rc;
    }
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, PARENT_SIGNAL);
    return 0;
}

static int start(struct stdio *stdio, int output)
{
    uv_loop_t *loop = stdio->options.loop;
    uv_timer_init(loop, &stdio->timer);
    adopt(stdio, &stdio->timer);
    uv_timer_init(loop, &stdio->parent_timer);
    adopt(stdio, &stdio->parent_timer);
    uv_idle_init(loop, &stdio->input_file);
    adopt(stdio, &stdio->input_file);
    sweep_start(&stdio->sweep, loop, stdio->options.server);
    adopt(stdio, &stdio->sweep.timer);
    int rc = init_poll(stdio, &stdio->input, STDIN_FILENO, &stdio->is_input_file);
    if (rc == 0)
        rc = init_poll(stdio, &stdio->output, output, &stdio->is_output_file);
    if (rc == 0)
        rc = start_signals(stdio);
    if (rc < 0)
        return rc;
    uv_timer_start(&stdio->parent_timer, on_parent_timer, PARENT_CHECK_MS, PARENT_CHECK_MS);
    poll_output(stdio);
    poll_input(stdio, true);
    peer_listen(stdio->peer, &stdio->channel);
    return stdio->is_input_file ? uv_idle_start(&stdio->input_file, on_input_file) : 0;
}

struct stdio *stdio_start(const struct stdio_options *options, int output, struct err *ret_err)
{
    struct stdio *stdio = calloc(1, sizeof *stdio);
    struct peer *peer = peer_new(options->server, NULL);
    if (stdio == NULL || peer == NULL) {
        free(stdio);
        peer_free(peer);
        err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        return NULL;
    }
    stdio->channel.ops = &channel_ops;
    stdio->options = *options;
    stdio->peer = peer;
    /* Both before either changes: they may be one terminal. */
    stdio->input_flags = fcntl(STDIN_FILENO, F_GETFL);
    stdio->output_flags = fcntl(output, F_GETFL);
    lines_init(&stdio->lines, STDIO_LINE_MAX, on_line, stdio);
    outbox_init(&stdio->outbox, output);
    int rc = start(stdio, output);
    if (rc == 0)
        return stdio;
    err_set(ret_err, ERR_UNAVAILABLE, NULL, "cannot use standard input and output: %s",
            uv_strerror(rc));
    release(stdio); /* the loop frees it */
    return NULL;
}
