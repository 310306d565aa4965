#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    bool is_retryable;
} codes[ERR_CODES] = {
    [ERR_OK] = {"ok", false},
    [ERR_ARGUMENT] = {"bad_argument", false},
    [ERR_NOT_FOUND] = {"not_found", false},
    [ERR_LIMIT] = {"limit", false},
    [ERR_BUSY] = {"busy", true},
    [ERR_TIMEOUT] = {"timeout", false},
    [ERR_CANCELLED] = {"cancelled", false},
    [ERR_ACCESS] = {"access", false},
    [ERR_UNAVAILABLE] = {"unavailable", true},
    [ERR_ENGINE] = {"engine", false},
    [ERR_MEMORY] = {"memory", true},
    [ERR_INTERNAL] = {"internal", false},
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

bool err_is_retryable(enum err_code code)
{
    return codes[code].is_retryable;
}
