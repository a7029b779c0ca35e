/* SPDX-License-Identifier: MIT */
/*
 * conn.c: a connection of the control protocol (conn.h). Loop's thread.
 */
#include "softgpu/conn.h"

#include "softgpu/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 4096

struct conn {
    int fd;
    struct ctl *ctl;
    bool walker;
    bool quit;
    bool skipping; /* the rest of a line that was too long */
    char line[CTL_LINE_MAX + 1];
    size_t len;
    char chunk[CHUNK]; /* received, not yet looked at */
    size_t chunk_at, chunk_len;
    char *out; /* answer being sent */
    size_t out_at, out_len;
};

struct conn *conn_new(int fd, struct ctl *ctl, bool walker)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (!c || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)) {
        free(c);
        close(fd);
        return NULL;
    }
    c->fd = fd;
    c->ctl = ctl;
    c->walker = walker;
    return c;
}

struct conn *conn_free(struct conn *c)
{
    if (!c)
        return NULL;
    close(c->fd);
    free(c->out);
    free(c);
    return NULL;
}

int conn_fd(const struct conn *c)
{
    return c->fd;
}

short conn_events(const struct conn *c)
{
    return c->out ? POLLOUT : POLLIN;
}

/* 0: all sent or the peer is slow (then c->out stays). */
static int flush(struct conn *c)
{
    while (c->out_at < c->out_len) {
        ssize_t n = send(c->fd, c->out + c->out_at, c->out_len - c->out_at, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return 0;
        if (n < 0)
            return -EPIPE;
        c->out_at += (size_t)n;
    }
    free(c->out);
    c->out = NULL;
    return c->quit ? CTL_QUIT : 0;
}

/* Runs the line that is complete. */
static int run(struct conn *c)
{
    FILE *out = open_memstream(&c->out, &c->out_len);
    char too_long[CTL_LINE_MAX + 2];

    if (!out)
        return -ENOMEM;
    c->out_at = 0;
    memset(too_long, 'x', sizeof(too_long) - 1);
    too_long[sizeof(too_long) - 1] = 0;
    c->line[c->len] = 0;
    /* A NUL would hide the rest of the line: such a line is no command. */
    if (strlen(c->line) != c->len)
        c->line[0] = 0;
    c->quit = ctl_line(c->ctl, c->skipping ? too_long : c->line, c->walker, out) == CTL_QUIT;
    c->len = 0;
    c->skipping = false;
    if (fclose(out))
        return -ENOMEM;
    return flush(c);
}

static int take(struct conn *c, char ch)
{
    if (ch == '\n')
        return run(c);
    if (c->len < CTL_LINE_MAX)
        c->line[c->len++] = ch;
    else
        c->skipping = true;
    return 0;
}

static int receive(struct conn *c)
{
    ssize_t n = recv(c->fd, c->chunk, sizeof(c->chunk), 0);

    if (!n)
        return -EPIPE;
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -EPIPE;
    c->chunk_at = 0;
    c->chunk_len = (size_t)n;
    return 0;
}

int conn_ready(struct conn *c)
{
    int ret = c->out ? flush(c) : 0;

    if (!ret && !c->out && c->chunk_at == c->chunk_len)
        ret = receive(c);
    while (!ret && !c->out && c->chunk_at < c->chunk_len)
        ret = take(c, c->chunk[c->chunk_at++]);
    return ret;
}
