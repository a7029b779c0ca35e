/* SPDX-License-Identifier: MIT */
/*
 * owner_chan.c: see owner_chan.h. Lines go out in bursts of WINDOW and their replies are awaited
 * before the next burst: one round trip per line would take seconds for a fragmented domain, and
 * no waiting at all could fill both directions and block both ends.
 */
#include "tests/xen/owner_chan.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW     64u
#define LINE       512u   /* longest sent */
#define REPLY      65536u /* longest received: the status lists unknown registers */
#define SILENCE_MS 20000

struct owner_chan {
    int fd;
    unsigned lines; /* queued and not yet answered */
    size_t out_len, in_len;
    char out[WINDOW * LINE];
    char in[REPLY];
    char reply[REPLY];
};

int owner_chan_open(const char *path, struct owner_chan **out)
{
    struct owner_chan *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    c->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (c->fd < 0) {
        int rc = -errno;
        free(c);
        return rc;
    }
    *out = c;
    return 0;
}

void owner_chan_close(struct owner_chan *c)
{
    close(c->fd);
    free(c);
}

static int await_fd(struct owner_chan *c, short events)
{
    struct pollfd p = {.fd = c->fd, .events = events};
    int n = poll(&p, 1, SILENCE_MS);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    if (!n)
        return -ETIMEDOUT;
    return p.revents & events ? 0 : -EPIPE;
}

static int write_all(struct owner_chan *c)
{
    size_t done = 0;
    while (done < c->out_len) {
        ssize_t n = write(c->fd, c->out + done, c->out_len - done);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        if (n > 0)
            done += (size_t)n;
        int rc = n > 0 ? 0 : await_fd(c, POLLOUT);
        if (rc)
            return rc;
    }
    c->out_len = 0;
    return 0;
}

/* Take whole lines out of the input. */
static int take_replies(struct owner_chan *c)
{
    char *end;
    while ((end = memchr(c->in, '\n', c->in_len))) {
        size_t len = (size_t)(end - c->in);
        memcpy(c->reply, c->in, len);
        c->reply[len] = 0;
        c->in_len -= len + 1;
        memmove(c->in, end + 1, c->in_len);
        if (!c->lines)
            return -EPROTO;
        c->lines--;
        if (strstr(c->reply, "\"error\""))
            return -EPROTO;
    }
    return c->in_len < sizeof c->in ? 0 : -EPROTO;
}

int owner_chan_flush(struct owner_chan *c)
{
    int rc = write_all(c);
    while (!rc && c->lines) {
        rc = await_fd(c, POLLIN);
        if (rc)
            break;
        ssize_t n = read(c->fd, c->in + c->in_len, sizeof c->in - c->in_len);
        if (n > 0) {
            c->in_len += (size_t)n;
            rc = take_replies(c);
        } else if (!n) {
            rc = -EPIPE;
        } else if (errno != EAGAIN && errno != EINTR) {
            rc = -errno;
        }
    }
    return rc;
}

int owner_chan_send(struct owner_chan *c, const char *fmt, ...)
{
    if (c->lines == WINDOW) {
        int rc = owner_chan_flush(c);
        if (rc)
            return rc;
    }
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(c->out + c->out_len, LINE - 1, fmt, ap);
    va_end(ap);
    if (n < 0 || n >= (int)LINE - 1)
        return -EINVAL;
    c->out_len += (size_t)n;
    c->out[c->out_len++] = '\n';
    c->lines++;
    return 0;
}

const char *owner_chan_reply(const struct owner_chan *c)
{
    return c->reply;
}
