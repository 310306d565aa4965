#include "store_lock.h"

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

/* mkdir -p; what is created is private, what exists stays as it is. */
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

/* The owner writes its line just after locking; a reader that comes in between looks again. */
static json_t *read_owner(int fd)
{
    for (int i = 0; i < OWNER_TRIES; i++) {
        char text[OWNER_TEXT_MAX];
        ssize_t n = pread(fd, text, sizeof(text), 0);
        json_t *owner = n > 0 ? json_parse(text, (size_t)n, NULL) : NULL;
        if (owner != NULL)
            return owner;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    return NULL;
}

static int fail_owned(int fd, const char *dir, struct err *ret_err)
{
    json_t *owner = read_owner(fd);
    const char *holder = json_get_string(owner, "holder", "another process");
    json_int_t pid = json_get_integer(owner, "pid", 0);
    char who[160];
    if (pid > 0)
        snprintf(who, sizeof(who), "%.100s (pid %lld)", holder, (long long)pid);
    else
        snprintf(who, sizeof(who), "%.100s", holder);
    int rc = err_set(ret_err, ERR_UNAVAILABLE, NULL,
                     "the store %.500s is in use by %s; stop it, or name another store with --data",
                     dir, who);
    json_decref(owner);
    return rc;
}

static int write_owner(int fd, const char *holder)
{
    json_t *owner = json_pack("{s:I, s:s}", "pid", (json_int_t)getpid(), "holder",
                              holder != NULL ? holder : "sextant");
    char *text = owner != NULL ? json_text(owner) : NULL;
    json_decref(owner);
    if (text == NULL)
        return -ERR_MEMORY;
    size_t len = strlen(text);
    bool is_written = ftruncate(fd, 0) == 0 && pwrite(fd, text, len, 0) == (ssize_t)len;
    free(text);
    return is_written ? 0 : -ERR_UNAVAILABLE;
}

int store_lock_take(struct store_lock *lock, const char *dir, const char *holder,
                    struct err *ret_err)
{
    int rc = make_directory(dir, ret_err);
    if (rc < 0)
        return rc;
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/lock", dir) >= (int)sizeof(path))
        return err_set(ret_err, ERR_UNAVAILABLE, NULL, "the path of the store is too long");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(ret_err, ERR_UNAVAILABLE, NULL, "cannot open %s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        rc = errno == EWOULDBLOCK ? fail_owned(fd, dir, ret_err)
                                  : err_set(ret_err, ERR_UNAVAILABLE, NULL, "cannot lock %s: %s",
                                            path, strerror(errno));
        close(fd);
        return rc;
    }
    if (write_owner(fd, holder) < 0) {
        rc = err_set(ret_err, ERR_UNAVAILABLE, NULL, "cannot write %s: is the disk full?", path);
        close(fd);
        return rc;
    }
    lock->fd = fd;
    return 0;
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
