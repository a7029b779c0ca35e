/* SPDX-License-Identifier: MIT */
/*
 * Control channels over UNIX stream sockets, with descriptors as SCM_RIGHTS. Owns the socket.
 */
#include "lib/chan_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct socket_listener {
    struct chan_listener base;
    struct loop_source *source;
    int fd;
    int spare; /* given up for a moment to take a connection that there is no descriptor for */
    bool full; /* ... which was the case the last time */
    struct sockaddr_un address;
};

union control {
    char bytes[CMSG_SPACE(sizeof(int) * CHAN_MAX_FDS)];
    struct cmsghdr align;
};

static ssize_t socket_send(struct chan_transport *t, const void *data, size_t size, const int *fds,
                           unsigned nfds)
{
    union control control = {{0}};
    struct iovec iov = {.iov_base = (void *)data, .iov_len = size};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    struct cmsghdr *cmsg;
    ssize_t n;

    if (nfds) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
        memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * nfds);
    }
    n = sendmsg(t->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n < 0 ? -errno : n;
}

/* Keep up to room descriptors, close the others. How many there were. */
static unsigned take_fds(struct msghdr *msg, int *fds, unsigned room)
{
    unsigned total = 0, n;
    int fd;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        n = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (unsigned i = 0; i < n; i++, total++) {
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
            if (total < room)
                fds[total] = fd;
            else
                close(fd);
        }
    }
    return total;
}

static ssize_t socket_recv(struct chan_transport *t, void *data, size_t size, int *fds,
                           unsigned *nfds)
{
    union control control;
    struct iovec iov = {.iov_base = data, .iov_len = size};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof(control.bytes)};
    unsigned room = *nfds, got;
    ssize_t n;

    *nfds = 0;
    n = recvmsg(t->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return -errno;
    got = take_fds(&msg, fds, room);
    /* MSG_CTRUNC: we may open no more. What is missing shows by the message's own count. */
    if (got > room) {
        for (unsigned i = 0; i < got && i < room; i++)
            close(fds[i]);
        return -EPROTO;
    }
    *nfds = got;
    return n;
}

static void socket_close(struct chan_transport *t)
{
    close(t->fd);
    free(t);
}

static const struct chan_transport_ops socket_ops = {
    .send = socket_send,
    .recv = socket_recv,
    .close = socket_close,
};

int chan_socket_adopt(int fd, struct chan_transport **t)
{
    struct chan_transport *s = calloc(1, sizeof(*s));
    struct ucred cred = {.pid = 0, .uid = UINT32_MAX};
    socklen_t size = sizeof(cred);
    int err = s ? 0 : -ENOMEM;

    if (!err && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size))
        err = -errno;
    if (err) {
        close(fd);
        free(s);
        return err;
    }
    s->ops = &socket_ops;
    s->fd = fd;
    s->sockets = true;
    s->peer = (struct chan_peer){.domid = 0, .uid = cred.uid, .pid = cred.pid};
    *t = s;
    return 0;
}

static int make_socket(const char *path, struct sockaddr_un *address)
{
    int fd;

    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    if (!*path || strlen(path) >= sizeof(address->sun_path))
        return -ENAMETOOLONG;
    memcpy(address->sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 ? -errno : fd;
}

int chan_socket_connect(const char *path, struct chan_transport **t)
{
    struct sockaddr_un address;
    int fd = make_socket(path, &address), err;

    if (fd < 0)
        return fd;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
        err = -errno;
        close(fd);
        return err;
    }
    return chan_socket_adopt(fd, t);
}

/* One that nobody takes would wake the loop for ever: it is taken and closed. */
static void turn_away(struct socket_listener *l)
{
    int fd;

    if (!l->full)
        log_write(l->base.user->log, LOG_ERR, "a connection was closed", "at=%s why=\"%s\"",
                  l->address.sun_path, strerror(errno));
    l->full = true;
    close(l->spare);
    fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        close(fd);
    l->spare = fcntl(l->fd, F_DUPFD_CLOEXEC, 3);
}

static void on_connection(void *data, uint32_t events)
{
    struct socket_listener *l = data;
    struct chan_transport *t;
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
        turn_away(l);
        return;
    }
    l->full = false;
    if (fd >= 0 && !chan_socket_adopt(fd, &t))
        chan_accept(&l->base, t);
}

static int socket_allow(struct chan_listener *listener, uint32_t domid)
{
    (void)listener;
    return domid ? -EOPNOTSUPP : 0;
}

static void listener_close(struct chan_listener *listener)
{
    struct socket_listener *l = (struct socket_listener *)listener;

    loop_remove(l->source);
    unlink(l->address.sun_path);
    close(l->fd);
    if (l->spare >= 0)
        close(l->spare);
    free(l);
}

static const struct chan_listener_ops listener_ops = {
    .allow = socket_allow,
    .close = listener_close,
};

/* A socket left behind by a predecessor is in the way; a file of any other kind is not ours. */
static int bind_and_listen(int fd, const struct sockaddr_un *address)
{
    struct stat st;

    if (!lstat(address->sun_path, &st) && S_ISSOCK(st.st_mode))
        unlink(address->sun_path);
    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)))
        return -errno;
    if (chmod(address->sun_path, 0660))
        return -errno;
    return listen(fd, 16) ? -errno : 0;
}

int chan_socket_listen(const char *path, struct chan_listener *template,
                       struct chan_listener **listener)
{
    struct socket_listener *l = calloc(1, sizeof(*l));
    int err;

    if (!l)
        return -ENOMEM;
    l->base = *template;
    l->base.ops = &listener_ops;
    l->fd = make_socket(path, &l->address);
    err = l->fd < 0 ? l->fd : bind_and_listen(l->fd, &l->address);
    l->spare = err ? -1 : fcntl(l->fd, F_DUPFD_CLOEXEC, 3);
    if (!err && l->spare < 0)
        err = -errno;
    if (!err)
        err = loop_fd(l->base.loop, l->fd, EPOLLIN, on_connection, l, &l->source);
    if (err) {
        if (l->fd >= 0)
            close(l->fd);
        if (l->spare >= 0)
            close(l->spare);
        free(l);
        return err;
    }
    *listener = &l->base;
    return 0;
}
