/* SPDX-License-Identifier: MIT */
/* listen.c: UNIX stream sockets by path (listen.h). */
#include "softgpu/listen.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int address(const char *path, struct sockaddr_un *sa)
{
    memset(sa, 0, sizeof(*sa));
    sa->sun_family = AF_UNIX;
    if (!*path)
        return -EINVAL;
    if (strlen(path) >= sizeof(sa->sun_path))
        return -ENAMETOOLONG;
    strcpy(sa->sun_path, path);
    return 0;
}

int connect_unix(const char *path)
{
    struct sockaddr_un sa;
    int ret = address(path, &sa);
    int fd;

    if (ret)
        return ret;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
        ret = -errno;
        close(fd);
        return ret;
    }
    return fd;
}

static int remove_stale(const char *path)
{
    struct stat st;
    int fd;

    if (lstat(path, &st))
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EEXIST;
    fd = connect_unix(path);
    if (fd >= 0) {
        close(fd);
        return -EADDRINUSE;
    }
    if (fd != -ECONNREFUSED)
        return fd;
    return unlink(path) ? -errno : 0;
}

int listen_unix(const char *path)
{
    struct sockaddr_un sa;
    int ret = address(path, &sa);
    mode_t old;
    int fd;

    if (!ret)
        ret = remove_stale(path);
    if (ret)
        return ret;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    old = umask(0177);
    ret = bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 8) ? -errno : 0;
    umask(old);
    if (ret) {
        close(fd);
        return ret;
    }
    return fd;
}
