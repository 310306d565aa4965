#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <jansson.h>

static enum log_level threshold = LOG_INFO;
static const char *const level_names[] = {"debug", "info", "warning", "error"};

void log_set_level(enum log_level level)
{
    threshold = level;
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

    json_t *line = json_pack("{s:s, s:s, s:s}", "time", stamp, "level", level_names[level],
                             "message", message);
    va_list ap;
    va_start(ap, message);
    for (const char *name; (name = va_arg(ap, const char *)) != NULL;) {
        const char *text = va_arg(ap, const char *);
        /* Data may hold invalid UTF-8; such a field is left out rather than breaking the line. */
        json_object_set_new(line, name, json_string(text != NULL ? text : ""));
    }
    va_end(ap);
    char *text = json_dumps(line, JSON_COMPACT);
    if (text != NULL)
        fprintf(stderr, "%s\n", text);
    free(text);
    json_decref(line);
}
