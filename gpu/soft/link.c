/* SPDX-License-Identifier: MIT */
/* link.c: see link.h. Descriptors never wait unseen: whatever comes with a message is taken or
 * closed. */
#include "gpu/soft/link.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

union control {
    char buf[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

static int gone(int err)
{
    return err == EPIPE || err == ECONNRESET || err == ENOTCONN ? -ENODEV : -err;
}

int soft_send(int fd, const struct soft_message *m, int pass)
{
    union control control = {0};
    struct iovec iov = {(void *)m, SOFT_HEADER + 8 * (size_t)m->words};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n;

    assert(m->words <= SOFT_MAX_WORDS);
    if (pass >= 0) {
        msg.msg_control = control.buf;
        msg.msg_controllen = sizeof(control.buf);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &pass, sizeof(int));
    }
    do
        n = sendmsg(fd, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? gone(errno) : 0;
}

/* The control buffer has room for one, so the kernel itself drops any beyond. */
static int taken_fd(struct msghdr *msg)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(msg);
    int fd = -1;

    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len >= CMSG_LEN(sizeof(int)))
        memcpy(&fd, CMSG_DATA(c), sizeof(int));
    return fd;
}

int soft_receive(int fd, struct soft_message *m, int *got)
{
    union control control;
    struct iovec iov = {m, sizeof(*m)};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.buf,
                         .msg_controllen = sizeof(control.buf)};
    ssize_t n;

    do
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    *got = -1;
    if (n < 0)
        return gone(errno);
    *got = taken_fd(&msg);
    if (n == 0)
        return -ENODEV;
    if ((size_t)n >= SOFT_HEADER && !(msg.msg_flags & MSG_TRUNC) && m->words <= SOFT_MAX_WORDS &&
        (size_t)n == SOFT_HEADER + 8 * (size_t)m->words)
        return 0;
    if (*got >= 0)
        close(*got);
    *got = -1;
    return -EPROTO;
}

int soft_link_open(struct soft_link *l, int node)
{
    int pair[2], r;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return -errno;
    memset(&l->m, 0, SOFT_HEADER);
    l->m.command = SOFT_SESSION;
    r = soft_send(node, &l->m, pair[1]);
    close(pair[1]);
    if (r != 0) {
        close(pair[0]);
        return r;
    }
    pthread_mutex_init(&l->lock, NULL);
    l->fd = pair[0];
    l->seq = 0;
    l->broken = false;
    return 0;
}

void soft_link_close(struct soft_link *l)
{
    close(l->fd);
    pthread_mutex_destroy(&l->lock);
}

static int ask(struct soft_link *l, uint32_t command, const void *arg, size_t size,
               const struct soft_call *c)
{
    assert(size <= sizeof(l->m.arg));
    memset(&l->m, 0, SOFT_HEADER);
    l->m.command = command;
    l->m.seq = ++l->seq;
    memcpy(&l->m.arg, arg, size);
    if (c != NULL && c->out_words != 0) {
        assert(c->out_words <= SOFT_MAX_WORDS);
        l->m.words = c->out_words;
        memcpy(l->m.payload, c->out, 8 * (size_t)c->out_words);
    }
    return soft_send(l->fd, &l->m, c != NULL && c->send_fd ? c->fd : -1);
}

static int take_answer(struct soft_link *l, uint32_t command, void *arg, size_t size,
                       struct soft_call *c)
{
    int got, r = soft_receive(l->fd, &l->m, &got);

    if (r == 0 && (l->m.seq != l->seq || l->m.command != command))
        r = -EPROTO;
    if (r != 0) {
        l->broken = true;
    } else if (l->m.result >= 0) {
        memcpy(arg, &l->m.arg, size);
        if (c != NULL && c->in != NULL) {
            c->in_words = l->m.words < c->in_room ? l->m.words : c->in_room;
            memcpy(c->in, l->m.payload, 8 * (size_t)c->in_words);
        }
    }
    if (c != NULL && c->got_fd != NULL && r == 0)
        *c->got_fd = got;
    else if (got >= 0)
        close(got);
    return r != 0 ? r : l->m.result;
}

int soft_link_call(struct soft_link *l, uint32_t command, void *arg, size_t size,
                   struct soft_call *c)
{
    int r = -ENODEV;

    pthread_mutex_lock(&l->lock);
    if (!l->broken)
        r = ask(l, command, arg, size, c);
    if (r == -ENODEV)
        l->broken = true;
    if (r == 0)
        r = take_answer(l, command, arg, size, c);
    pthread_mutex_unlock(&l->lock);
    return r;
}

int soft_link_post(struct soft_link *l, uint32_t command, const void *arg, size_t size)
{
    int r = -ENODEV;

    pthread_mutex_lock(&l->lock);
    if (!l->broken)
        r = ask(l, command, arg, size, NULL);
    if (r == -ENODEV)
        l->broken = true;
    pthread_mutex_unlock(&l->lock);
    return r;
}
