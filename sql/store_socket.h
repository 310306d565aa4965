#pragma once
/* The socket beside an embedded store: DIR/socket, for the owner's user only. The file may be a
 * leftover of an owner that was killed; only who holds the store's lock may replace it. */
#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

enum { STORE_BACKLOG = 128 };

struct store_socket_file {
    dev_t device;
    ino_t inode;
};

/* Listens, without blocking. Replaces what is there. */
int store_socket_listen(const char *dir, int *ret_fd, struct store_socket_file *ret_file,
                        struct err *ret_err);

/* Removes DIR/socket if it is still that file: the directory may have been deleted, and made anew
 * by somebody else. */
void store_socket_remove(const char *dir, const struct store_socket_file *file);

/* Connects: 0 or -errno. -ENOENT, -ECONNREFUSED and -EAGAIN mean that nobody listens yet. */
int store_socket_connect(const char *dir, int *ret_fd);

/* Whether the other side is of this process's user; fills in its process, 0 = not visible here. */
bool store_socket_is_own(int fd, pid_t *ret_pid);
