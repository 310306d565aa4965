#pragma once
/* Who may use the endpoint: static bearer tokens, of which a file holds names and hashes. What
 * decides is behind auth_check() alone, so that another kind of token (OAuth's) can join. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "err.h"

enum {
    AUTH_NAME_MAX = 64, /* characters of a name: letters, digits, . _ - @ */
    AUTH_TOKENS_MAX = 10000,
    AUTH_HASH_SIZE = 65, /* of a buffer for a hash as text */
};

struct auth;

/* Reads the file. It must exist, and be readable and writable by its owner alone. */
struct auth *auth_open(const char *path, struct err *ret_err);
/* The file that is configured: one that was named must be there; without one where it is looked for
 * otherwise *ret_auth is NULL, and nobody needs a token. */
int auth_open_configured(const struct config *config, struct auth **ret_auth, struct err *ret_err);
void auth_close(struct auth *auth); /* NULL is fine */
size_t auth_count(const struct auth *auth);

/* By the value of an Authorization header (NULL = it has none): 0 with the name of the token and
 * what tells it from all others, or the HTTP status to refuse with and what WWW-Authenticate says.
 * The file is read again when it has changed; while it cannot be read, nobody is let in. */
int auth_check(struct auth *auth, const char *authorization, char *name, size_t name_size,
               uint64_t *ret_credential, char *challenge, size_t challenge_size);
/* Whether a token that was let in is still there. */
bool auth_holds(struct auth *auth, uint64_t credential);

/* What the file holds of a token: its SHA-256, in hex digits. */
void auth_hash_text(const char *token, char text[AUTH_HASH_SIZE]);
