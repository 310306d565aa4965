#pragma once
/* Errors as values. A function that can fail returns 0 or a negative error code and fills a
 * caller-owned struct err, its last argument. Library floors return errors, they never log. */
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum err_code {
    ERR_OK,
    ERR_ARGUMENT,  /* the caller's input: `field` names it, `text` says what is allowed */
    ERR_NOT_FOUND, /* unknown source, event, field, session, …: `text` lists the nearest names */
    ERR_LIMIT,     /* a cap was hit: rows, bytes, memory, size of a message */
    ERR_BUSY,      /* too many queries are running and waiting: retry later */
    ERR_TIMEOUT,   /* the deadline passed */
    ERR_CANCELLED, /* the client left, cancelled, or the process is ending */
    ERR_ACCESS,    /* the database refuses this user */
    ERR_UNAVAILABLE, /* the database cannot be reached, loaded or is too old */
    ERR_ENGINE,      /* the database failed in another way */
    ERR_MEMORY,
    ERR_INTERNAL, /* our own mistake */
    ERR_CODES
};

struct err {
    enum err_code code;
    int engine_code; /* ClickHouse's numeric code, 0 if none */
    char field[96];  /* path of the argument at fault ("steps[2].event"), or "" */
    char text[2048]; /* one sentence or two for the caller; never raw engine text with SQL in it */
    char raw[2048];  /* what the engine really said, for the log only; or "" */
};

/* Fills ret_err (may be NULL) and returns -code. `field` may be NULL. */
int err_set(struct err *ret_err, enum err_code code, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "prefix." or "prefix" + "[i]" in front of err->field; for nested arguments. */
void err_prefix(struct err *err, const char *prefix);

/* The table of codes: a stable lower-case name, whether a retry can help. */
const char *err_name(enum err_code code);
bool err_is_retryable(enum err_code code);

#ifdef __cplusplus
}
#endif
