#pragma once
/* A gzip file, read like a plain one: members one after the other are one text, and zeros behind a
 * member are skipped. zlib is loaded with the first such file. */
#include <stddef.h>
#include <sys/types.h>

#include "err.h"

struct gunzip;

/* ERR_UNAVAILABLE when there is no zlib. Loop thread only. */
int gunzip_open(struct gunzip **ret_gunzip, struct err *ret_err);
void gunzip_close(struct gunzip *g); /* accepts NULL */

/* The next bytes of the file behind `fd`, as read() does: 0 at the end, -1 with errno; EBADMSG when
 * the data are damaged or cut off. */
ssize_t gunzip_read(struct gunzip *g, int fd, char *out, size_t size);
