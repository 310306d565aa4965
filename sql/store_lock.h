#pragma once
/* Who owns the embedded store. The engine allows one process per store, so the owner holds
 * DIR/lock with flock(): the kernel releases it when the process ends, however it ends. The file
 * says who the owner is, for the error that others get. */
#include <stdbool.h>

#include "err.h"

struct store_lock {
    int fd; /* -1 = not held */
};

/* Creates DIR (private to the user) and takes its lock without waiting. `holder` is what to call
 * this process. ERR_UNAVAILABLE names the owner when there is one. A DIR that belongs to another
 * user than this one or root, or that others can write to, is refused (ERR_UNAVAILABLE). */
int store_lock_take(struct store_lock *lock, const char *dir, const char *holder,
                    struct err *ret_err);

/* What the file says about an owner; pid 0 and "" while it has not said it. */
struct store_owner {
    int pid;
    char holder[64];
    bool is_sharing; /* others of its user reach the store through its socket */
};

/* The lock of the store, and the one of a command that fills staging tables in it (import, demo):
 * one at a time, whoever owns the store. */
#define STORE_LOCK      "lock"
#define STORE_TURN_LOCK "import.lock"

/* Takes DIR/name without any wait: 0 when taken, 1 when another process has it. */
int store_lock_try(struct store_lock *lock, const char *dir, const char *name, const char *holder,
                   bool is_sharing, struct store_owner *ret_owner, struct err *ret_err);

/* Writes the owner's line anew. */
int store_lock_describe(const struct store_lock *lock, const char *holder, bool is_sharing);

/* The error that names the owner. `why` says what is wrong with it, or is NULL. */
int store_lock_refuse(const char *dir, const struct store_owner *owner, const char *why,
                      struct err *ret_err);

/* Accepts a lock that is not held. */
void store_lock_release(struct store_lock *lock);
