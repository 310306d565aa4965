#include "auth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <nettle/memops.h>
#include <nettle/sha2.h>

#include "auth_file.h"
#include "log.h"

static const char scheme[] = "Bearer";

/* One token, ready to be compared. */
struct entry {
    uint8_t hash[SHA256_DIGEST_SIZE];
    char name[AUTH_NAME_MAX + 1];
};

struct auth {
    char *path;
    struct auth_stamp stamp; /* of the file as it was read */
    struct entry *entries;
    size_t count;
    bool is_broken; /* the file, when it was looked at last */
};

static void hash_of(const char *token, size_t len, uint8_t *ret_hash)
{
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, len, (const uint8_t *)token);
    sha256_digest(&context, SHA256_DIGEST_SIZE, ret_hash);
}

void auth_hash_text(const char *token, char text[AUTH_HASH_SIZE])
{
    uint8_t hash[SHA256_DIGEST_SIZE];
    hash_of(token, strlen(token), hash);
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
}

/* ---- the entries in memory ---- */

static int take_entries(struct auth *auth, const json_t *tokens, struct err *ret_err)
{
    size_t i;
    const json_t *token;
    struct entry *entries = calloc(json_array_size(tokens) + 1, sizeof *entries);
    if (entries == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    json_array_foreach (tokens, i, token) {
        const char *hex = json_string_value(json_object_get(token, "sha256"));
        for (size_t byte = 0; byte < SHA256_DIGEST_SIZE; byte++) {
            char digits[3] = {hex[2 * byte], hex[2 * byte + 1], '\0'};
            entries[i].hash[byte] = (uint8_t)strtoul(digits, NULL, 16);
        }
        snprintf(entries[i].name, sizeof entries[i].name, "%s",
                 json_string_value(json_object_get(token, "name")));
    }
    free(auth->entries);
    auth->entries = entries;
    auth->count = json_array_size(tokens);
    return 0;
}

static int load(struct auth *auth, struct err *ret_err)
{
    json_t *tokens = auth_file_read(auth->path, &auth->stamp, ret_err);
    int rc = tokens != NULL ? take_entries(auth, tokens, ret_err) : -1;
    json_decref(tokens);
    return rc;
}

/* A file that went bad lets nobody in: it is how an operator shuts the door in a hurry. */
static void refresh(struct auth *auth)
{
    if (auth_file_is_same(auth->path, &auth->stamp))
        return;
    struct err err;
    bool was_broken = auth->is_broken;
    auth->is_broken = load(auth, &err) < 0;
    if (!auth->is_broken) {
        if (was_broken)
            log_event(LOG_INFO, "the tokens can be read again", NULL);
        return;
    }
    auth->count = 0;
    log_event(LOG_ERROR, "the tokens cannot be read: nobody is let in", "why", err.text, NULL);
}

struct auth *auth_open(const char *path, struct err *ret_err)
{
    struct auth *auth = calloc(1, sizeof *auth);
    if (auth == NULL || (auth->path = strdup(path)) == NULL) {
        err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    } else if (load(auth, ret_err) == 0) {
        return auth;
    }
    auth_close(auth);
    return NULL;
}

int auth_open_configured(const struct config *config, struct auth **ret_auth, struct err *ret_err)
{
    const char *path = config->tokens;
    bool is_named = strcmp(config_origin(config, "http.tokens"), "default") != 0;
    struct auth *auth = NULL;
    bool is_there =
        path != NULL && (access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR));
    if (path != NULL && (is_named || is_there)) {
        auth = auth_open(path, ret_err);
        if (auth == NULL)
            return -1;
    }
    *ret_auth = auth;
    return 0;
}

void auth_close(struct auth *auth)
{
    if (auth == NULL)
        return;
    free(auth->entries);
    free(auth->path);
    free(auth);
}

size_t auth_count(const struct auth *auth)
{
    return auth->count;
}

/* ---- checking ---- */

/* What tells a token from all others, also from a later one of the same name. */
static uint64_t credential_of(const struct entry *entry)
{
    uint64_t credential;
    memcpy(&credential, entry->hash, sizeof credential);
    return credential;
}

/* The token in an Authorization header, or NULL. */
static const char *find_token(const char *authorization)
{
    size_t len = sizeof scheme - 1;
    if (authorization == NULL || strncasecmp(authorization, scheme, len) != 0 ||
        authorization[len] != ' ')
        return NULL;
    return authorization + len + strspn(authorization + len, " ");
}

int auth_check(struct auth *auth, const char *authorization, char *name, size_t name_size,
               uint64_t *ret_credential, char *challenge, size_t challenge_size)
{
    refresh(auth);
    const char *token = find_token(authorization);
    const struct entry *found = NULL;
    uint8_t hash[SHA256_DIGEST_SIZE];
    hash_of(token != NULL ? token : "", token != NULL ? strlen(token) : 0, hash);
    /* All are compared, each in the same time: how long it takes tells nothing of how close a guess
     * was. */
    for (size_t i = 0; i < auth->count; i++)
        if (memeql_sec(auth->entries[i].hash, hash, sizeof hash))
            found = &auth->entries[i];
    if (token == NULL || found == NULL) {
        snprintf(challenge, challenge_size, "%s realm=\"sextant\"%s", scheme,
                 token != NULL ? ", error=\"invalid_token\"" : "");
        return 401;
    }
    snprintf(name, name_size, "%s", found->name);
    *ret_credential = credential_of(found);
    return 0;
}

bool auth_holds(struct auth *auth, uint64_t credential)
{
    refresh(auth);
    for (size_t i = 0; i < auth->count; i++)
        if (credential_of(&auth->entries[i]) == credential)
            return true;
    return false;
}
