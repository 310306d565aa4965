#include "store_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "json.h"

enum { OWNER_TEXT_MAX = 512, OWNER_TRIES = 20 };

/* mkdir -p; what is created is private. */
static int make_directory(const char *dir, struct err *ret_err)
{
    char path[PATH_MAX];
    size_t len = strlen(dir);
    if (len == 0 || len >= sizeof(path))
        return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                       "the path of the store is empty or too long");
    memcpy(path, dir, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        char kept = path[i];
        path[i] = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            return err_set(ret_err, ERR_UNAVAILABLE, NULL, "cannot create the store %s: %s", path,
                           strerror(errno));
        path[i] = kept;
    }
    return 0;
}

static bool is_empty(const char *dir)
{
    DIR *entries = opendir(dir);
    size_t count = 0;
    while (entries != NULL && readdir(entries) != NULL)
        count++;
    if (entries != NULL)
        closedir(entries);
    return count == 2; /* . and .. */
}

/* A store that others could change is none. An empty directory of ours becomes private; one with
 * something in it may be more than a store, so its mode stays. */
static int keep_private(const char *dir, struct err *ret_err)
{
    struct stat st;
    if (stat(dir, &st) < 0)
        return err_set(ret_err, ERR_UNAVAILABLE, NULL, "cannot use the store %.500s: %s", dir,
                       strerror(errno));
    if (st.st_uid != geteuid() && st.st_uid != 0 && geteuid() != 0)
        return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                       "the store %.500s belongs to another user; name another with --data", dir);
    if (st.st_uid == geteuid() && (st.st_mode & 077) != 0 && is_empty(dir) && chmod(dir, 0700) == 0)
        return 0;
    if ((st.st_mode & 022) == 0)
        return 0; /* others may at most look: `doctor` says so */
    return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                   "other users can change the store %.500s (mode %03o); run: chmod 700 %.500s, "
                   "or name another store with --data",
                   dir, (unsigned)st.st_mode & 0777, dir);
}

/* What the file says; nothing when the owner has not written its line yet. */
static void read_owner(int fd, struct store_owner *ret_owner)
{
    char text[OWNER_TEXT_MAX];
    ssize_t n = pread(fd, text, sizeof(text), 0);
    json_t *line = n > 0 ? json_parse(text, (size_t)n, NULL) : NULL;
    *ret_owner = (struct store_owner){
        .pid = (int)json_get_integer(line, "pid", 0),
        .is_sharing = json_get_bool(line, "is_sharing", false),
    };
    snprintf(ret_owner->holder, sizeof(ret_owner->holder), "%s",
             json_get_string(line, "holder", ""));
    json_decref(line);
}

int store_lock_describe(const struct store_lock *lock, const char *holder, bool is_sharing)
{
    json_t *line = json_pack("{s:i, s:s, s:b}", "pid", (int)getpid(), "holder",
                             holder != NULL ? holder : "sextant", "is_sharing", is_sharing);
    char *text = line != NULL ? json_text(line) : NULL;
    json_decref(line);
    if (text == NULL)
        return -ERR_MEMORY;
    size_t len = strlen(text);
    bool is_written = ftruncate(lock->fd, 0) == 0 && pwrite(lock->fd, text, len, 0) == (ssize_t)len;
    free(text);
    return is_written ? 0 : -ERR_UNAVAILABLE;
}

int store_lock_refuse(const char *dir, const struct store_owner *owner, const char *why,
                      struct err *ret_err)
{
    char who[160];
    const char *holder = owner->holder[0] != '\0' ? owner->holder : "another process";
    if (owner->pid > 0)
        snprintf(who, sizeof(who), "%.100s (pid %d)", holder, owner->pid);
    else
        snprintf(who, sizeof(who), "%.100s", holder);
    return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                   "the store %.500s is in use by %s%s%s; stop it, or name another store with "
                   "--data",
                   dir, who, why != NULL ? ", " : "", why != NULL ? why : "");
}

int store_lock_try(struct store_lock *lock, const char *dir, const char *name, const char *holder,
                   bool is_sharing, struct store_owner *ret_owner, struct err *ret_err)
{
    int rc = make_directory(dir, ret_err);
    if (rc == 0)
        rc = keep_private(dir, ret_err);
    if (rc < 0)
        return rc;
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
        return err_set(ret_err, ERR_UNAVAILABLE, NULL, "the path of the store is too long");
    const struct store_lock taken = {
        .fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (taken.fd < 0)
        return err_set(ret_err, ERR_UNAVAILABLE, NULL, "cannot open %s: %s", path, strerror(errno));
    if (flock(taken.fd, LOCK_EX | LOCK_NB) < 0) {
        rc = 1;
        if (errno == EWOULDBLOCK)
            read_owner(taken.fd, ret_owner);
        else
            rc = err_set(ret_err, ERR_UNAVAILABLE, NULL, "cannot lock %s: %s", path,
                         strerror(errno));
    } else if (store_lock_describe(&taken, holder, is_sharing) < 0) {
        rc = err_set(ret_err, ERR_UNAVAILABLE, NULL, "cannot write %s: is the disk full?", path);
    }
    if (rc != 0)
        close(taken.fd);
    else
        *lock = taken;
    return rc;
}

int store_lock_take(struct store_lock *lock, const char *dir, const char *holder,
                    struct err *ret_err)
{
    struct store_owner owner = {0};
    for (int i = 0; i < OWNER_TRIES; i++) {
        int rc = store_lock_try(lock, dir, STORE_LOCK, holder, false, &owner, ret_err);
        if (rc <= 0)
            return rc;
        if (owner.pid > 0)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL); /* it is about to write its line */
    }
    return store_lock_refuse(dir, &owner, NULL, ret_err);
}

void store_lock_release(struct store_lock *lock)
{
    if (lock->fd < 0)
        return;
    /* The file stays: removing it could take the lock away from a process that just opened it. */
    if (ftruncate(lock->fd, 0) < 0)
        errno = 0; /* the next owner overwrites what is there */
    close(lock->fd);
    lock->fd = -1;
}
