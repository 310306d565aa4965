#include "log.h"

#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "buf.h"
#include "rpc.h"

const char *const log_level_names[] = {"debug", "info", "warning", "error", NULL};

static enum log_level threshold = LOG_INFO;

void log_set_level(enum log_level level)
{
    threshold = level;
}

/* Writes without ever waiting: many programs that start a server give it a pipe as stderr and read
 * it seldom or never, and a full pipe must not stop the loop. A writable pipe takes PIPE_BUF bytes
 * at once; what it does not take is lost, and the next line begins on a line of its own. */
static void write_line(const char *text, size_t len)
{
    static bool is_cut;
    struct pollfd stderr_now = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (is_cut && poll(&stderr_now, 1, 0) > 0)
        is_cut = write(STDERR_FILENO, "\n", 1) != 1;
    for (bool is_begun = false; len > 0 && !is_cut;) {
        size_t part = len < PIPE_BUF ? len : PIPE_BUF;
        ssize_t n = poll(&stderr_now, 1, 0) > 0 ? write(STDERR_FILENO, text, part) : -1;
        if (n < 0) {
            is_cut = is_begun;
            return;
        }
        is_begun = true;
        text += n;
        len -= (size_t)n;
    }
}

void log_event(enum log_level level, const char *message, ...)
{
    if (level < threshold)
        return;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm tm;
    gmtime_r(&now.tv_sec, &tm);
    char time[32], stamp[48];
    strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(stamp, sizeof stamp, "%s.%03ldZ", time, now.tv_nsec / 1000000);

    json_t *line = json_pack("{s:s, s:s, s:s}", "time", stamp, "level", log_level_names[level],
                             "message", message);
    va_list ap;
    va_start(ap, message);
    for (const char *name; (name = va_arg(ap, const char *)) != NULL;) {
        const char *text = va_arg(ap, const char *);
        json_object_set_new(line, name, rpc_text(text != NULL ? text : ""));
    }
    va_end(ap);
    char *text = json_dumps(line, JSON_COMPACT);
    struct buf bytes = {0};
    if (text != NULL)
        buf_printf(&bytes, "%s\n", text);
    if (!buf_failed(&bytes))
        write_line(buf_text(&bytes), bytes.len);
    buf_done(&bytes);
    free(text);
    json_decref(line);
}
