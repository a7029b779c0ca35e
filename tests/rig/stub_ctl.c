/* SPDX-License-Identifier: MIT */
/*
 * stub_ctl.c: the control socket, for those who make guests and for tests: a line of words, a line
 * of JSON as answer, as softgpu's. A descriptor sent with a line belongs to it.
 *
 *   memory DOMID [PATH]        the domain's memory is this file, or the descriptor sent along
 *   forget DOMID               the domain is gone; its memory goes with its last pin
 *   hole DOMID GFN COUNT       frames that have no memory (any more): they cannot be pinned
 *   fill DOMID GFN COUNT       they have again
 *   status                     nodes, blocks, pins, domains
 *   frames                     who owns which frame: [first, count, domid] each, 0 our own
 */
#include "tests/rig/stub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE_MAX_ 512
#define WORDS     5
#define CONNS     8

struct conn {
    struct stub_ctl *ctl;
    int fd, passed; /* passed: came with the line, -1 none */
    char line[LINE_MAX_];
    size_t len;
    struct loop_source *source;
};

struct stub_ctl {
    struct softstub *s;
    int fd;
    struct loop_source *source;
    struct conn conn[CONNS]; /* fd -1: free */
};

/* ---- commands: each writes its answer, without the newline, or returns -errno */

static bool number(const char *text, uint64_t most, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 0);
    return *text >= '0' && *text <= '9' && !*end && !errno && *out <= most;
}

static int cmd_memory(struct conn *c, char **w, unsigned n, FILE *out)
{
    struct softstub *s = c->ctl->s;
    uint64_t domid, base;
    int fd, r;

    if (n > 3 || n < 2 || !number(w[1], STUB_MAX_DOMID, &domid) || (n == 2) != (c->passed >= 0))
        return -EINVAL;
    fd = n == 3 ? open(w[2], O_RDWR | O_CLOEXEC) : c->passed;
    if (fd < 0)
        return -errno;
    c->passed = -1;
    r = stub_domain_memory(s, (uint16_t)domid, fd, &base);
    if (!r)
        fprintf(out, "{\"ok\":true,\"base\":\"0x%llx\",\"frames\":%llu}", (unsigned long long)base,
                (unsigned long long)stub_domain_find(s, (uint16_t)domid)->frames);
    return r;
}

static int cmd_forget(struct conn *c, char **w, unsigned n, FILE *out)
{
    uint64_t domid;
    int r;

    if (n != 2 || !number(w[1], STUB_MAX_DOMID, &domid))
        return -EINVAL;
    r = stub_domain_forget(c->ctl->s, (uint16_t)domid);
    if (!r)
        fputs("{\"ok\":true}", out);
    return r;
}

static int cmd_holes(struct conn *c, char **w, unsigned n, FILE *out)
{
    uint64_t domid, gfn, count;
    int r;

    if (n != 4 || !number(w[1], STUB_MAX_DOMID, &domid) || !number(w[2], UINT64_MAX, &gfn) ||
        !number(w[3], UINT64_MAX, &count))
        return -EINVAL;
    r = stub_domain_holes(c->ctl->s, (uint16_t)domid, gfn, count, !strcmp(w[0], "hole"));
    if (!r)
        fputs("{\"ok\":true}", out);
    return r;
}

static void put_node(const struct stub_node *n, FILE *out)
{
    static const char *const names[SOFT_NODES] = {"gtt", "sched", "display", "broker"};
    const struct stub_block *b;
    unsigned blocks = 0;

    LIST_FOREACH(b, &n->blocks, link)
    blocks++;
    fprintf(out,
            "%s{\"name\":\"%s\",\"holders\":%u,\"generation\":%llu,\"blocks\":%u,\"pages\":%u}",
            n->index ? "," : "", names[n->index], n->holders, (unsigned long long)n->generation,
            blocks, n->pages);
}

static int cmd_status(struct conn *c, char **w, unsigned n, FILE *out)
{
    struct softstub *s = c->ctl->s;
    const struct stub_block *b;
    const struct stub_domain *d;
    unsigned limbo = 0;

    (void)w;
    if (n != 1)
        return -EINVAL;
    fputs("{\"ok\":true,\"nodes\":[", out);
    for (unsigned i = 0; i < SOFT_NODES; i++)
        put_node(&s->node[i], out);
    LIST_FOREACH(b, &s->limbo, link)
    limbo++;
    fprintf(out, "],\"limbo\":%u,\"pins\":%u,\"domains\":[", limbo, s->pins);
    LIST_FOREACH(d, &s->domains, link)
    fprintf(out, "%s{\"domid\":%u,\"attached\":%s,\"frames\":%llu,\"pins\":%u,\"forgotten\":%s}",
            d == LIST_FIRST(&s->domains) ? "" : ",", d->domid, d->attached ? "true" : "false",
            (unsigned long long)d->frames, d->pins, d->forgotten ? "true" : "false");
    fputs("]}", out);
    return 0;
}

static void put_range(FILE *out, uint64_t bus, uint64_t pages, unsigned domid)
{
    fprintf(out, ",[%llu,%llu,%u]", (unsigned long long)(bus / STUB_PAGE),
            (unsigned long long)pages, domid);
}

static int cmd_frames(struct conn *c, char **w, unsigned n, FILE *out)
{
    const struct stub_block *b;
    const struct stub_domain *d;

    (void)w;
    if (n != 1)
        return -EINVAL;
    fprintf(out, "{\"ok\":true,\"frames\":[[%llu,1,0]", STUB_SCRATCH / STUB_PAGE);
    LIST_FOREACH(b, &c->ctl->s->all, all)
    put_range(out, b->bus, b->count, 0);
    LIST_FOREACH(d, &c->ctl->s->domains, link)
    if (d->fd >= 0)
        put_range(out, d->base, d->frames, d->domid);
    fputs("]}", out);
    return 0;
}

static const struct command {
    const char *name;
    int (*fn)(struct conn *c, char **w, unsigned n, FILE *out);
} commands[] = {{"memory", cmd_memory}, {"forget", cmd_forget}, {"hole", cmd_holes},
                {"fill", cmd_holes},    {"status", cmd_status}, {"frames", cmd_frames}};

static int dispatch(struct conn *c, FILE *out)
{
    char *w[WORDS], *save = NULL;
    unsigned n = 0;

    for (char *t = strtok_r(c->line, " ", &save); t; t = strtok_r(NULL, " ", &save)) {
        if (n == WORDS)
            return -EINVAL;
        w[n++] = t;
    }
    for (size_t i = 0; n && i < sizeof(commands) / sizeof(commands[0]); i++)
        if (!strcmp(commands[i].name, w[0]))
            return commands[i].fn(c, w, n, out);
    return -ENOTTY;
}

/* ---- connections */

static void conn_close(struct conn *c)
{
    loop_remove(c->source);
    if (c->passed >= 0)
        close(c->passed);
    close(c->fd);
    c->fd = c->passed = -1;
    c->source = NULL;
}

/* The line in c->line is whole. -errno: the answer could not be sent. */
static int answer(struct conn *c)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int r;

    if (!out)
        return -ENOMEM;
    r = dispatch(c, out);
    if (r)
        fprintf(out, "{\"ok\":false,\"error\":\"%s\"}", strerror(-r));
    fputc('\n', out);
    if (fclose(out))
        r = -ENOMEM;
    else
        r = send(c->fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size ? 0 : -EPIPE;
    free(text);
    if (c->passed >= 0)
        close(c->passed);
    c->passed = -1;
    return r;
}

static void take_fd(struct conn *c, struct msghdr *msg)
{
    struct cmsghdr *h = CMSG_FIRSTHDR(msg);
    int fd;

    if (!h || h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS ||
        h->cmsg_len < CMSG_LEN(sizeof(int)))
        return;
    memcpy(&fd, CMSG_DATA(h), sizeof(int));
    if (c->passed >= 0)
        close(c->passed);
    c->passed = fd;
}

/* Bytes received, 0 at the end, -errno. */
static ssize_t receive(struct conn *c)
{
    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {c->line + c->len, sizeof(c->line) - c->len};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.buf,
                         .msg_controllen = sizeof(control.buf)};
    ssize_t n = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

    if (n < 0)
        return -errno;
    take_fd(c, &msg);
    c->len += (size_t)n;
    return n;
}

static void on_conn(void *data, uint32_t events)
{
    struct conn *c = data;
    ssize_t n = receive(c);
    char *end;

    (void)events;
    if (n == -EAGAIN || n == -EINTR)
        return;
    while (n > 0 && (end = memchr(c->line, '\n', c->len))) {
        size_t used = (size_t)(end - c->line) + 1;

        *end = 0;
        if (answer(c))
            n = -1;
        memmove(c->line, c->line + used, c->len - used);
        c->len -= used;
    }
    if (n <= 0 || c->len == sizeof(c->line))
        conn_close(c);
}

static void on_listener(void *data, uint32_t events)
{
    struct stub_ctl *ctl = data;
    int fd = accept4(ctl->fd, NULL, NULL, SOCK_CLOEXEC);

    (void)events;
    if (fd < 0)
        return;
    for (unsigned i = 0; i < CONNS; i++) {
        struct conn *c = &ctl->conn[i];

        if (c->fd >= 0)
            continue;
        *c = (struct conn){.ctl = ctl, .fd = fd, .passed = -1};
        if (!loop_fd(ctl->s->loop, fd, EPOLLIN, on_conn, c, &c->source))
            return;
        c->fd = -1;
        break;
    }
    close(fd);
}

int stub_listen_ctl(struct softstub *s, const char *path)
{
    struct stub_ctl *ctl = calloc(1, sizeof(*ctl));
    int r;

    if (!ctl)
        return -ENOMEM;
    ctl->s = s;
    for (unsigned i = 0; i < CONNS; i++)
        ctl->conn[i].fd = ctl->conn[i].passed = -1;
    ctl->fd = stub_listen(path, SOCK_STREAM);
    r = ctl->fd < 0 ? ctl->fd : loop_fd(s->loop, ctl->fd, EPOLLIN, on_listener, ctl, &ctl->source);
    if (!r) {
        s->ctl = ctl;
        return 0;
    }
    if (ctl->fd >= 0)
        close(ctl->fd);
    free(ctl);
    return r;
}

void stub_ctl_end(struct softstub *s)
{
    if (!s->ctl)
        return;
    for (unsigned i = 0; i < CONNS; i++)
        if (s->ctl->conn[i].fd >= 0)
            conn_close(&s->ctl->conn[i]);
    loop_remove(s->ctl->source);
    close(s->ctl->fd);
    free(s->ctl);
    s->ctl = NULL;
}
