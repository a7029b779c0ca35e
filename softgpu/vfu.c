/* SPDX-License-Identifier: MIT */
/*
 * vfu.c: messages of the vfio-user protocol: receives them piece by piece, pairs file descriptors
 * with their message, sends the answer. Called on the transport thread.
 */
#include "softgpu/vfu_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BURST           256 /* messages handled before other work gets its turn */
#define SEND_TIMEOUT_MS 5000

struct vfu *vfu_new(int fd, const struct vfu_ops *ops, void *opaque)
{
    struct vfu *v = calloc(1, sizeof(*v));

    if (!v) {
        close(fd);
        return NULL;
    }
    v->fd = fd;
    v->ops = ops;
    v->opaque = opaque;
    v->send_timeout_ms = SEND_TIMEOUT_MS;
    v->body = malloc(VFU_MAX_BODY);
    v->reply = malloc(VFU_MAX_BODY);
    if (!v->body || !v->reply || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK))
        return vfu_free(v);
    return v;
}

static void close_fds(struct vfu *v)
{
    for (unsigned i = 0; i < v->nfds; i++)
        if (v->fds[i] >= 0)
            close(v->fds[i]);
    v->nfds = 0;
}

struct vfu *vfu_free(struct vfu *v)
{
    if (!v)
        return NULL;
    close_fds(v);
    close(v->fd);
    free(v->body);
    free(v->reply);
    free(v);
    return NULL;
}

void vfu_get_stats(const struct vfu *v, struct vfu_stats *out)
{
    *out = v->stats;
}

const char *vfu_problem(const struct vfu *v)
{
    return v->problem;
}

__attribute__((format(printf, 3, 4))) static int broke(struct vfu *v, int error, const char *format,
                                                       ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(v->problem, sizeof(v->problem), format, list);
    va_end(list);
    return error;
}

/* Keeps descriptors that came with a header; false when there are too many, also over the pieces
 * that the header came in. */
static bool take_fds(struct vfu *v, struct msghdr *msg)
{
    bool fit = !(msg->msg_flags & MSG_CTRUNC);

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < n; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (v->nfds < VFU_MAX_FDS) {
                v->fds[v->nfds++] = fd;
            } else {
                close(fd);
                fit = false;
            }
        }
    }
    return fit;
}

static ssize_t recv_header(struct vfu *v)
{
    union {
        char buf[CMSG_SPACE(sizeof(int) * VFU_MAX_FDS)];
        struct cmsghdr align;
    } control;
    struct iovec iov = {(uint8_t *)&v->header + v->have, sizeof(v->header) - v->have};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.buf,
                         .msg_controllen = sizeof(control.buf)};
    ssize_t n = recvmsg(v->fd, &msg, MSG_CMSG_CLOEXEC);

    if (n > 0 && !take_fds(v, &msg)) {
        errno = EMSGSIZE;
        return -1;
    }
    return n;
}

static int check_header(struct vfu *v)
{
    const struct vfu_header *h = &v->header;

    if (h->size < sizeof(*h))
        return broke(v, -EPROTO, "sent a message of %u bytes, less than its header", h->size);
    if (h->size - sizeof(*h) > VFU_MAX_BODY)
        return broke(v, -EPROTO,
                     "sent a message of %u bytes (command %u), more than the %zu allowed", h->size,
                     h->command, VFU_MAX_BODY + sizeof(*h));
    if ((h->flags & VFU_TYPE_MASK) > VFU_TYPE_REPLY)
        return broke(v, -EPROTO, "sent a message of type %u, neither request nor reply",
                     h->flags & VFU_TYPE_MASK);
    return 0;
}

/* No more comes. */
static int ended(struct vfu *v)
{
    if (!v->have)
        return -EPIPE;
    if (v->have < sizeof(v->header))
        return broke(v, -EPIPE, "went after %zu bytes of a message's header", v->have);
    return broke(v, -EPIPE, "went after %zu of a message's %u bytes (command %u)", v->have,
                 v->header.size, v->header.command);
}

static int not_received(struct vfu *v, int error)
{
    if (error == EAGAIN || error == EWOULDBLOCK)
        return 0;
    if (error == ECONNRESET)
        return ended(v);
    if (error == EMSGSIZE)
        return broke(v, -EPROTO, "sent more file descriptors with a message than the %d allowed",
                     VFU_MAX_FDS);
    return broke(v, -error, "cannot be read from: %s", strerror(error));
}

/* Reads the next piece. 1: the message is whole; 0: nothing there yet; -errno. */
static int receive(struct vfu *v)
{
    for (;;) {
        size_t body;
        ssize_t n;
        int ret;

        if (v->have < sizeof(v->header)) {
            n = recv_header(v);
        } else {
            ret = check_header(v);
            if (ret)
                return ret;
            if (v->have == v->header.size)
                return 1;
            body = v->have - sizeof(v->header);
            n = recv(v->fd, v->body + body, v->header.size - v->have, 0);
        }
        if (!n)
            return ended(v);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return not_received(v, errno);
        v->have += (size_t)n;
    }
}

static int not_sent(struct vfu *v, int error)
{
    if (error == EPIPE || error == ECONNRESET)
        return -EPIPE;
    return broke(v, -error, "cannot be answered: %s", strerror(error));
}

static int send_all(struct vfu *v, struct iovec *iov, int count)
{
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (size_t)count};

    while (msg.msg_iovlen) {
        ssize_t n = sendmsg(v->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        struct pollfd p = {.fd = v->fd, .events = POLLOUT};

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            return not_sent(v, errno);
        if (n < 0 && poll(&p, 1, v->send_timeout_ms) == 0)
            return broke(v, -ETIMEDOUT, "took no answers for %d ms", v->send_timeout_ms);
        while (n > 0 && (size_t)n >= msg.msg_iov->iov_len) {
            n -= (ssize_t)msg.msg_iov->iov_len;
            msg.msg_iov++;
            msg.msg_iovlen--;
            if (!msg.msg_iovlen)
                return 0;
        }
        if (n > 0) {
            msg.msg_iov->iov_base = (uint8_t *)msg.msg_iov->iov_base + n;
            msg.msg_iov->iov_len -= (size_t)n;
        }
    }
    return 0;
}

static int answer(struct vfu *v, int result, uint32_t reply_len)
{
    struct vfu_header h = {.id = v->header.id, .command = v->header.command};
    struct iovec iov[2] = {{&h, sizeof(h)}, {v->reply, reply_len}};

    h.flags = VFU_TYPE_REPLY;
    if (result) {
        h.flags |= VFU_ERROR;
        h.error = (uint32_t)-result;
        reply_len = 0;
    }
    h.size = (uint32_t)(sizeof(h) + reply_len);
    return send_all(v, iov, reply_len ? 2 : 1);
}

/* One whole message. We send no requests, so a reply from the client answers nothing. */
static int handle(struct vfu *v)
{
    struct vfu_request req = {.body = v->body,
                              .len = (uint32_t)(v->header.size - sizeof(v->header)),
                              .fds = v->fds,
                              .nfds = v->nfds,
                              .reply = v->reply};
    int ret;

    v->stats.messages++;
    if ((v->header.flags & VFU_TYPE_MASK) != 0) {
        v->stats.errors++;
        return 0;
    }
    ret = vfu_command(v, v->header.command, &req);
    if (ret)
        v->stats.errors++;
    if (v->header.flags & VFU_NO_REPLY)
        return 0;
    return answer(v, ret, req.reply_len);
}

int vfu_input(struct vfu *v)
{
    for (int i = 0; i < BURST; i++) {
        int ret = receive(v);

        if (ret <= 0)
            return ret;
        ret = handle(v);
        close_fds(v);
        v->have = 0;
        if (ret)
            return ret;
    }
    return 1;
}
