#pragma once
/* The file of tokens: {"tokens": [{"name", "sha256", "created"}…]}. What is read from it has been
 * checked; what is written replaces it whole. */
#include <stdbool.h>
#include <sys/stat.h>

#include <jansson.h>

#include "err.h"

/* What a file looked like when it was read; all zero = it was not there. */
struct auth_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

/* The array of tokens, new reference; NULL with *ret_err. *ret_stamp is filled in any case. */
json_t *auth_file_read(const char *path, struct auth_stamp *ret_stamp, struct err *ret_err);

bool auth_is_name(const char *name);

/* Whether the file looks as it did. */
bool auth_file_is_same(const char *path, const struct auth_stamp *stamp);

/* Reads (a file that is not there has no tokens), lets `change` alter the array, writes it; nobody
 * else changes the file meanwhile. Makes the folders above it. */
int auth_file_change(const char *path,
                     int (*change)(json_t *tokens, void *user, struct err *ret_err), void *user,
                     struct err *ret_err);
