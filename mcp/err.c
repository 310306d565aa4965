#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int http_status;
    bool is_retryable;
} codes[ERR_CODES] = {
    [ERR_OK] = {"ok", 200, false},
    [ERR_ARGUMENT] = {"bad_argument", 400, false},
    [ERR_NOT_FOUND] = {"not_found", 404, false},
    [ERR_LIMIT] = {"limit", 413, false},
    [ERR_BUSY] = {"busy", 503, true},
    [ERR_TIMEOUT] = {"timeout", 504, false},
    [ERR_CANCELLED] = {"cancelled", 499, false},
    [ERR_ACCESS] = {"access", 403, false},
    [ERR_UNAVAILABLE] = {"unavailable", 503, true},
    [ERR_ENGINE] = {"engine", 502, false},
    [ERR_MEMORY] = {"memory", 500, true},
    [ERR_INTERNAL] = {"internal", 500, false},
};

int err_set(struct err *ret_err, enum err_code code, const char *field, const char *fmt, ...)
{
    if (ret_err == NULL)
        return -(int)code;
    ret_err->code = code;
    ret_err->engine_code = 0;
    ret_err->raw[0] = '\0';
    snprintf(ret_err->field, sizeof ret_err->field, "%s", field != NULL ? field : "");
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(ret_err->text, sizeof ret_err->text, fmt, ap);
    va_end(ap);
    return -(int)code;
}

void err_prefix(struct err *err, const char *prefix)
{
    char field[sizeof err->field];
    const char *separator = err->field[0] == '\0' || err->field[0] == '[' ? "" : ".";
    /* The path is cut rather than refused: its front is the useful part. */
    int n = snprintf(field, sizeof field, "%s%s%s", prefix, separator, err->field);
    (void)n;
    memcpy(err->field, field, sizeof field);
}

const char *err_name(enum err_code code)
{
    return codes[code].name;
}

int err_http_status(enum err_code code)
{
    return codes[code].http_status;
}

bool err_is_retryable(enum err_code code)
{
    return codes[code].is_retryable;
}
