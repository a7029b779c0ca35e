/* SPDX-License-Identifier: MIT */
/*
 * stub_node.c: the sockets of nodes and sessions (gpu/soft/wire.h), and what the last close of a
 * node does. A node is held by its connection, of which any process may have a copy, and by its
 * sessions.
 */
#include "tests/rig/stub.h"

#include "gpu/soft/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BURST 64   /* messages of one peer before others get their turn */
#define QUEUE 4096 /* more than a socket holds */

enum peer_kind { PEER_NEW, PEER_NODE, PEER_SESSION };

struct stub_peer {
    LIST_ENTRY(stub_peer) link;
    struct softstub *s;
    int fd;
    enum peer_kind kind;
    struct stub_node *node; /* NULL: new */
    struct loop_source *source;
};

/* ---- nodes */

/* Page tables are row gtt's, contexts row sched's: the GPU has stopped before a page of theirs
 * goes. What the others leave waits until the GTT was cleared. */
static void close_row(struct stub_node *n)
{
    struct softstub *s = n->s;

    stub_irq_node_close(n);
    if (n->index != VGT_ROW_DISPLAY)
        stub_gpu_reset(s);
    stub_dma_node_close(n);
    if (n->index == VGT_ROW_GTT) {
        stub_gtt_scratch(s);
        stub_unpin_all(s);
    }
    if (!s->node[VGT_ROW_GTT].holders)
        stub_dma_release_limbo(s);
}

static void node_put(struct stub_node *n)
{
    if (--n->holders)
        return;
    log_write(n->s->log, LOG_INFO, "closed", "node=%u", n->index);
    if (n->index == SOFT_BROKER)
        stub_detach_all(n->s);
    else
        close_row(n);
}

void stub_nodes_init(struct softstub *s)
{
    LIST_INIT(&s->peers);
    LIST_INIT(&s->all);
    LIST_INIT(&s->limbo);
    LIST_INIT(&s->domains);
    for (unsigned i = 0; i < SOFT_NODES; i++) {
        s->node[i] = (struct stub_node){.s = s, .index = i, .event = -1};
        LIST_INIT(&s->node[i].blocks);
    }
}

/* ---- peers */

static void peer_free(struct stub_peer *p)
{
    loop_remove(p->source);
    close(p->fd);
    LIST_REMOVE(p, link);
    if (p->node)
        node_put(p->node);
    free(p);
}

static void on_peer(void *data, uint32_t events);
static bool drain(struct stub_peer *p, unsigned burst);

/* fd is the peer's, closed if there is none. */
static struct stub_peer *peer_new(struct softstub *s, int fd, enum peer_kind kind)
{
    struct stub_peer *p = calloc(1, sizeof(*p));

    if (p) {
        *p = (struct stub_peer){.s = s, .fd = fd, .kind = kind};
        if (!fcntl(fd, F_SETFL, O_NONBLOCK) &&
            !loop_fd(s->loop, fd, EPOLLIN, on_peer, p, &p->source)) {
            LIST_INSERT_HEAD(&s->peers, p, link);
            return p;
        }
    }
    free(p);
    close(fd);
    return NULL;
}

/* A holder that closed its end before the other knocked has let go, whatever order we hear of it.
 */
static void hear_holders(struct stub_node *n)
{
    struct stub_peer *p, *next;

    for (p = LIST_FIRST(&n->s->peers); p; p = next) {
        next = LIST_NEXT(p, link);
        if (p->node == n)
            drain(p, QUEUE);
    }
}

static int hello(struct stub_peer *p, const struct soft_message *m)
{
    struct stub_node *n;

    if (m->command != SOFT_HELLO || m->arg.word[0] != SOFT_MAGIC)
        return -EPROTO;
    if (m->arg.word[1] != SOFT_VERSION || m->arg.word[2] >= SOFT_NODES)
        return -EINVAL;
    n = &p->s->node[m->arg.word[2]];
    if (n->holders)
        hear_holders(n);
    if (n->holders)
        return -EBUSY;
    n->holders = 1;
    n->generation++;
    p->node = n;
    p->kind = PEER_NODE;
    log_write(p->s->log, LOG_INFO, "opened", "node=%u generation=%llu", n->index,
              (unsigned long long)n->generation);
    return 0;
}

/* A session needs its socket to be one of messages; another kind ends at once. */
static int session(struct stub_peer *p, const struct soft_message *m, int fd)
{
    int type = 0;
    socklen_t len = sizeof(type);
    struct stub_peer *made;

    if (m->command != SOFT_SESSION || fd < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) ||
        type != SOCK_SEQPACKET) {
        if (fd >= 0)
            close(fd);
        return -EPROTO;
    }
    made = peer_new(p->s, fd, PEER_SESSION);
    if (made) {
        made->node = p->node;
        p->node->holders++;
    }
    return 0;
}

static int call(struct stub_peer *p, struct soft_message *m, int fd)
{
    struct stub_call c = {.s = p->s, .node = p->node, .m = m, .in = fd, .out = -1};
    int r = stub_call_run(&c) ? soft_send(p->fd, m, c.out) : 0;

    if (c.close_out && c.out >= 0)
        close(c.out);
    if (fd >= 0)
        close(fd);
    return r;
}

static int greet(struct stub_peer *p, struct soft_message *m, int fd)
{
    int r = hello(p, m);

    if (fd >= 0)
        close(fd);
    if (r == -EPROTO)
        return r;
    m->result = r;
    m->words = 0;
    return soft_send(p->fd, m, -1) ? -EPROTO : r;
}

/* One message. Not 0: the peer is finished with. */
static int one(struct stub_peer *p, struct soft_message *m)
{
    int fd, r = soft_receive(p->fd, m, &fd);

    if (r)
        return r;
    switch (p->kind) {
    case PEER_NEW:
        return greet(p, m, fd);
    case PEER_NODE:
        if (p->node->index == SOFT_BROKER && m->command != SOFT_SESSION)
            return call(p, m, fd);
        return session(p, m, fd);
    case PEER_SESSION:
        return call(p, m, fd);
    }
    return -EPROTO;
}

/* Handles what is there; false: the peer has ended and is gone. */
static bool drain(struct stub_peer *p, unsigned burst)
{
    static const char *const names[] = {"connection", "node", "session"};
    struct soft_message m;
    int r = 0;

    while (!r && burst--)
        r = one(p, &m);
    vfu_client_push(p->s->gpu); /* no write waits longer than this turn */
    if (!r || r == -EAGAIN)
        return true;
    if (r == -EPROTO)
        log_write(p->s->log, LOG_WARNING, "a peer breaks the protocol", "kind=%s", names[p->kind]);
    peer_free(p);
    return false;
}

static void on_peer(void *data, uint32_t events)
{
    (void)events;
    drain(data, BURST);
}

/* ---- listening */

static void on_listener(void *data, uint32_t events)
{
    struct stub_peer *l = data;
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);

    (void)events;
    if (fd >= 0)
        peer_new(l->s, fd, PEER_NEW);
}

int stub_listen(const char *path, int type)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd, r = 0;

    if (strlen(path) >= sizeof(addr.sun_path))
        return -ENAMETOOLONG;
    strcpy(addr.sun_path, path);
    fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 16))
        r = -errno;
    if (r)
        close(fd);
    return r ? r : fd;
}

int stub_listen_nodes(struct softstub *s, const char *path)
{
    struct stub_peer *l = calloc(1, sizeof(*l));
    int r;

    if (!l)
        return -ENOMEM;
    l->s = s;
    l->fd = stub_listen(path, SOCK_SEQPACKET);
    r = l->fd < 0 ? l->fd : loop_fd(s->loop, l->fd, EPOLLIN, on_listener, l, &l->source);
    if (!r) {
        s->listener = l;
        return 0;
    }
    if (l->fd >= 0)
        close(l->fd);
    free(l);
    return r;
}

void stub_nodes_end(struct softstub *s)
{
    struct stub_peer *p;

    while ((p = LIST_FIRST(&s->peers)))
        peer_free(p);
    if (s->listener) {
        loop_remove(s->listener->source);
        close(s->listener->fd);
        free(s->listener);
    }
}
