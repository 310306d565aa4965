#include "auth_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "auth.h"
#include "json.h"

enum { FILE_MAX = 4 << 20, HASH_DIGITS = AUTH_HASH_SIZE - 1, PRIVATE_FOLDER = 0700 };

/* ---- reading ---- */

static struct auth_stamp stamp_of(const struct stat *st)
{
    struct auth_stamp stamp;
    memset(&stamp, 0, sizeof stamp);
    stamp.device = st->st_dev;
    stamp.inode = st->st_ino;
    stamp.size = st->st_size;
    stamp.modified = st->st_mtim;
    stamp.changed = st->st_ctim;
    return stamp;
}

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool auth_file_is_same(const char *path, const struct auth_stamp *stamp)
{
    struct stat st;
    struct auth_stamp now;
    memset(&now, 0, sizeof now);
    if (stat(path, &st) == 0)
        now = stamp_of(&st);
    return now.device == stamp->device && now.inode == stamp->inode && now.size == stamp->size &&
           is_same_time(now.modified, stamp->modified) && is_same_time(now.changed, stamp->changed);
}

static int check_access(const char *path, const struct stat *st, struct err *ret_err)
{
    if (!S_ISREG(st->st_mode))
        return err_set(ret_err, ERR_ACCESS, "http.tokens", "%.200s: not a file", path);
    if (st->st_uid != geteuid() && st->st_uid != 0)
        return err_set(ret_err, ERR_ACCESS, "http.tokens", "%.200s: belongs to another user", path);
    if ((st->st_mode & 077) != 0)
        return err_set(ret_err, ERR_ACCESS, "http.tokens",
                       "%.200s: other users can read or change it (mode %03o); run: chmod 600 "
                       "%.200s",
                       path, (unsigned)st->st_mode & 0777, path);
    if (st->st_size > FILE_MAX)
        return err_set(ret_err, ERR_LIMIT, "http.tokens", "%.200s: too large", path);
    return 0;
}

static char *read_all(int fd, size_t *ret_len)
{
    char *text = malloc(FILE_MAX + 1);
    size_t len = 0;
    ssize_t n = text != NULL ? 1 : -1;
    while (n > 0 && len <= FILE_MAX) {
        n = read(fd, text + len, FILE_MAX + 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    if (n == 0) {
        *ret_len = len;
        return text;
    }
    free(text);
    return NULL;
}

bool auth_is_name(const char *name)
{
    size_t len = name != NULL ? strlen(name) : 0;
    return len > 0 && len <= AUTH_NAME_MAX &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@") ==
               len;
}

static bool is_hash(const char *text)
{
    return text != NULL && strlen(text) == HASH_DIGITS &&
           strspn(text, "0123456789abcdef") == HASH_DIGITS;
}

/* The array of tokens in the document, or NULL when it is not as we write it. */
static json_t *find_tokens(const json_t *document)
{
    size_t i;
    const json_t *token;
    json_t *tokens = json_object_get(document, "tokens");
    if (!json_is_array(tokens) || json_array_size(tokens) > AUTH_TOKENS_MAX)
        return NULL;
    json_array_foreach (tokens, i, token) {
        if (!auth_is_name(json_string_value(json_object_get(token, "name"))) ||
            !is_hash(json_string_value(json_object_get(token, "sha256"))) ||
            !json_is_string(json_object_get(token, "created")))
            return NULL;
    }
    return tokens;
}

static json_t *parse(const char *path, int fd, struct err *ret_err)
{
    size_t len = 0;
    struct err why;
    char *text = read_all(fd, &len);
    json_t *document = text != NULL ? json_parse(text, len, &why) : NULL;
    json_t *tokens = json_incref(find_tokens(document));
    free(text);
    json_decref(document);
    if (tokens == NULL)
        err_set(ret_err, ERR_ARGUMENT, "http.tokens", "%.200s: not a file of tokens", path);
    return tokens;
}

json_t *auth_file_read(const char *path, struct auth_stamp *ret_stamp, struct err *ret_err)
{
    struct stat st;
    json_t *tokens = NULL;
    memset(ret_stamp, 0, sizeof *ret_stamp);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) {
        err_set(ret_err, errno == ENOENT ? ERR_NOT_FOUND : ERR_ACCESS, "http.tokens", "%.200s: %s",
                path, strerror(errno));
        /* One that is there, but shut: its stamp tells when that changes. */
        if (stat(path, &st) == 0)
            *ret_stamp = stamp_of(&st);
    } else {
        *ret_stamp = stamp_of(&st);
        if (check_access(path, &st, ret_err) == 0)
            tokens = parse(path, fd, ret_err);
    }
    if (fd >= 0)
        close(fd);
    return tokens;
}

/* ---- writing ---- */

static int fail(struct err *ret_err, const char *path)
{
    return err_set(ret_err, ERR_ACCESS, "http.tokens", "%.200s: %s", path, strerror(errno));
}

/* The folder that `path` is in; the caller frees. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? strdup(".") : strndup(path, slash > path ? (size_t)(slash - path) : 1);
}

static int make_folders(char *folder, struct err *ret_err)
{
    for (char *c = folder + 1; *c != '\0'; c++) {
        if (*c != '/')
            continue;
        *c = '\0';
        int rc = mkdir(folder, PRIVATE_FOLDER);
        *c = '/';
        if (rc < 0 && errno != EEXIST)
            return fail(ret_err, folder);
    }
    return mkdir(folder, PRIVATE_FOLDER) < 0 && errno != EEXIST ? fail(ret_err, folder) : 0;
}

static int write_all(int fd, const char *text, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, text + done, len - done);
        if (n < 0 && errno != EINTR)
            return -1;
        done += n > 0 ? (size_t)n : 0;
    }
    return fsync(fd);
}

/* A reader sees the old file or the new one, also if the machine stops in between. */
static int replace(const char *path, int folder, const json_t *tokens, struct err *ret_err)
{
    char *temporary = NULL;
    json_t *document = json_pack("{s:O}", "tokens", tokens);
    char *text = document != NULL ? json_text_as(document, JSON_INDENT(2)) : NULL;
    json_decref(document);
    if (text == NULL || asprintf(&temporary, "%s.XXXXXX", path) < 0) {
        free(text);
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    }
    int fd = mkostemp(temporary, O_CLOEXEC); /* which makes it 0600 */
    int rc = fd < 0 ? -1 : write_all(fd, text, strlen(text));
    if (fd >= 0 && close(fd) < 0)
        rc = -1;
    if (rc == 0 && (rc = rename(temporary, path)) == 0)
        fsync(folder);
    if (rc < 0) {
        fail(ret_err, path);
        if (fd >= 0)
            unlink(temporary);
    }
    free(temporary);
    free(text);
    return rc < 0 ? -ERR_ACCESS : 0;
}

static int change_locked(const char *path, int folder,
                         int (*change)(json_t *tokens, void *user, struct err *ret_err), void *user,
                         struct err *ret_err)
{
    struct auth_stamp stamp;
    struct err err;
    json_t *tokens = auth_file_read(path, &stamp, &err);
    if (tokens == NULL && err.code == ERR_NOT_FOUND)
        tokens = json_array();
    else if (tokens == NULL)
        *ret_err = err;
    if (tokens == NULL)
        return -1;
    int rc = change(tokens, user, ret_err);
    if (rc == 0)
        rc = replace(path, folder, tokens, ret_err);
    json_decref(tokens);
    return rc;
}

int auth_file_change(const char *path,
                     int (*change)(json_t *tokens, void *user, struct err *ret_err), void *user,
                     struct err *ret_err)
{
    char *name = folder_of(path);
    if (name == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    int rc = make_folders(name, ret_err);
    int folder = -1;
    if (rc == 0 && ((folder = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
                    flock(folder, LOCK_EX) < 0))
        rc = fail(ret_err, name);
    if (rc == 0)
        rc = change_locked(path, folder, change, user, ret_err);
    if (folder >= 0)
        close(folder);
    free(name);
    return rc;
}
