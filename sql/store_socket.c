#include "store_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A socket's address holds 107 bytes of a path. A longer one goes through a descriptor of its
 * directory: `ret_dir_fd`, or -1, is open while the address is used. */
static int make_address(const char *dir, struct sockaddr_un *ret_address, int *ret_dir_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int dir_fd = -1;
    int len = snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", dir);
    if (len >= (int)sizeof(address.sun_path)) {
        dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0)
            return -errno;
        snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/socket", dir_fd);
    }
    *ret_address = address;
    *ret_dir_fd = dir_fd;
    return 0;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

static int open_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 ? -errno : fd;
}

/* Nobody can connect before listen(), so that the mode is right in time. */
static int bind_socket(int fd, const struct sockaddr_un *address)
{
    if (unlink(address->sun_path) < 0 && errno != ENOENT)
        return -errno;
    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
        chmod(address->sun_path, 0600) < 0 || listen(fd, STORE_BACKLOG) < 0)
        return -errno;
    return 0;
}

int store_socket_listen(const char *dir, int *ret_fd, struct store_socket_file *ret_file,
                        struct err *ret_err)
{
    struct sockaddr_un address;
    struct stat st;
    int dir_fd = -1, fd = -1;
    int rc = make_address(dir, &address, &dir_fd);
    if (rc == 0)
        rc = fd = open_socket();
    if (rc >= 0)
        rc = bind_socket(fd, &address);
    if (rc == 0 && lstat(address.sun_path, &st) < 0)
        rc = -errno;
    close_fd(dir_fd);
    if (rc < 0) {
        close_fd(fd);
        return err_set(ret_err, ERR_UNAVAILABLE, NULL, "cannot listen on %.500s/socket: %s", dir,
                       strerror(-rc));
    }
    *ret_fd = fd;
    *ret_file = (struct store_socket_file){.device = st.st_dev, .inode = st.st_ino};
    return 0;
}

void store_socket_remove(const char *dir, const struct store_socket_file *file)
{
    struct sockaddr_un address;
    struct stat st;
    int dir_fd = -1;
    if (make_address(dir, &address, &dir_fd) < 0)
        return;
    if (lstat(address.sun_path, &st) == 0 && st.st_dev == file->device && st.st_ino == file->inode)
        unlink(address.sun_path);
    close_fd(dir_fd);
}

int store_socket_connect(const char *dir, int *ret_fd)
{
    struct sockaddr_un address;
    int dir_fd = -1, fd = -1;
    int rc = make_address(dir, &address, &dir_fd);
    if (rc == 0)
        rc = fd = open_socket();
    if (rc >= 0)
        rc = connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
    close_fd(dir_fd);
    if (rc < 0)
        close_fd(fd);
    else
        *ret_fd = fd;
    return rc;
}

bool store_socket_is_own(int fd, pid_t *ret_pid)
{
    struct ucred other;
    socklen_t len = sizeof(other);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &other, &len) < 0 || other.uid != geteuid())
        return false;
    *ret_pid = other.pid;
    return true;
}
