#pragma once
/* Who owns the embedded store. The engine allows one process per store, so the owner holds
 * DIR/lock with flock(): the kernel releases it when the process ends, however it ends. The file
 * says who the owner is, for the error that others get. */
#include "err.h"

struct store_lock {
    int fd; /* -1 = not held */
};

/* Creates DIR (private to the user) and takes its lock without waiting. `holder` is what to call
 * this process. ERR_UNAVAILABLE names the owner when there is one. */
int store_lock_take(struct store_lock *lock, const char *dir, const char *holder,
                    struct err *ret_err);

/* Accepts a lock that is not held. */
void store_lock_release(struct store_lock *lock);
