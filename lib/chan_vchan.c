/* SPDX-License-Identifier: MIT */
/*
 * Control channels over libxenvchan, one vchan per client. Rendezvous in xenstore: the client
 * writes BASE/requests/ID and watches BASE/clients/ID; the server makes a vchan there for the
 * domain that owns the request node (kept by xenstored, not forgeable) and removes the request.
 * A client that does not connect in time, or a domain with too many channels, is dropped.
 */
#include "lib/chan_priv.h"

#include <errno.h>
#include <libxenvchan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define RING_BYTES     65536
#define MAX_CLIENTS    64
#define MAX_PER_DOMAIN 8
#define CONNECT_NS     10000000000ull
/* libxenvchan builds node names in 64 bytes: "/event-channel" must fit behind our path. */
#define VCHAN_PATH 49

struct vchan_listener {
    struct chan_listener base;
    struct store_watch *watch;
    char path[STORE_PATH];     /* base */
    struct vchan_end *clients; /* servers' ends */
};

/* Either end. A client's has no ctrl until the server has answered. */
struct vchan_end {
    struct chan_transport transport;
    struct libxenvchan *ctrl;
    struct store *store;
    struct store_watch *watch;
    struct loop_source *deadline;
    struct vchan_listener *listener; /* server: whose list we are in, or NULL */
    struct vchan_end *next;
    char request[STORE_PATH]; /* client: our node, while it stands */
    char path[STORE_PATH];    /* of the vchan */
    bool server;
};

static struct vchan_end *end_of(struct chan_transport *t)
{
    return (struct vchan_end *)t;
}

static ssize_t vchan_send(struct chan_transport *t, const void *data, size_t size, const int *fds,
                          unsigned nfds)
{
    struct vchan_end *end = end_of(t);
    int n;

    (void)fds;
    (void)nfds;
    if (end->server && libxenvchan_is_open(end->ctrl) == 2)
        return -EAGAIN;
    n = libxenvchan_write(end->ctrl, data, size);
    if (n < 0)
        return -EPIPE;
    return n ? n : -EAGAIN;
}

static ssize_t vchan_recv(struct chan_transport *t, void *data, size_t size, int *fds,
                          unsigned *nfds)
{
    int n = libxenvchan_read(end_of(t)->ctrl, data, size);

    (void)fds;
    *nfds = 0;
    if (n < 0)
        return 0;
    return n ? n : -EAGAIN;
}

static void vchan_acknowledge(struct chan_transport *t)
{
    /* The event fd was readable, so this does not block. */
    libxenvchan_wait(end_of(t)->ctrl);
}

static void withdraw_request(struct vchan_end *end)
{
    store_unwatch(end->watch);
    end->watch = NULL;
    loop_remove(end->deadline);
    end->deadline = NULL;
    if (*end->request)
        store_remove(end->store, end->request);
    *end->request = 0;
}

static void leave_listener(struct vchan_end *end)
{
    struct vchan_end **link;

    if (!end->listener)
        return;
    for (link = &end->listener->clients; *link != end; link = &(*link)->next)
        ;
    *link = end->next;
    end->listener = NULL;
}

/* libxenvchan talks to xenstored itself: it does so where nobody waits for ever. */
struct opening {
    struct libxenvchan *ctrl;
    int domid;
    char path[STORE_PATH];
};

static int run_close(void *arg)
{
    libxenvchan_close(*(struct libxenvchan **)arg); /* the server's removes its nodes */
    return 0;
}

static void close_late(void *arg)
{
    struct opening *o = arg;

    if (o->ctrl)
        libxenvchan_close(o->ctrl);
}

static int run_client(void *arg)
{
    struct opening *o = arg;

    o->ctrl = libxenvchan_client_init(NULL, o->domid, o->path);
    return o->ctrl ? 0 : -ECONNREFUSED;
}

static int run_server(void *arg)
{
    struct opening *o = arg;

    errno = 0;
    o->ctrl = libxenvchan_server_init(NULL, o->domid, o->path, RING_BYTES, RING_BYTES);
    return o->ctrl ? 0 : errno ? -errno : -EIO;
}

static int open_ctrl(struct vchan_end *end, int (*run)(void *arg))
{
    struct opening o = {.domid = (int)end->transport.peer.domid};
    int err;

    snprintf(o.path, sizeof(o.path), "%s", end->path);
    err = store_call(end->store, run, &o, sizeof(o), close_late);
    if (err)
        return err;
    end->ctrl = o.ctrl;
    end->ctrl->blocking = 0; /* libxenvchan leaves it uninitialised */
    end->transport.fd = libxenvchan_fd_for_select(end->ctrl);
    return 0;
}

static void vchan_close(struct chan_transport *t)
{
    struct vchan_end *end = end_of(t);

    withdraw_request(end);
    leave_listener(end);
    if (end->ctrl)
        store_post(end->store, run_close, &end->ctrl, sizeof(end->ctrl));
    free(end);
}

static const struct chan_transport_ops vchan_ops = {
    .send = vchan_send,
    .recv = vchan_recv,
    .acknowledge = vchan_acknowledge,
    .close = vchan_close,
};

static struct vchan_end *new_end(struct store *store, uint32_t domid)
{
    struct vchan_end *end = calloc(1, sizeof(*end));

    if (!end)
        return NULL;
    end->transport.ops = &vchan_ops;
    end->transport.fd = -1;
    end->transport.peer = (struct chan_peer){.domid = domid, .uid = UINT32_MAX};
    end->store = store;
    return end;
}

static int join(char *out, const char *base, const char *middle, const char *id, size_t limit)
{
    int n = snprintf(out, STORE_PATH, "%s/%s%s%s", base, middle, *id ? "/" : "", id);

    return n < 0 || (size_t)n >= limit ? -ENAMETOOLONG : 0;
}

static void on_deadline(void *data, uint32_t events)
{
    struct vchan_end *end = data;

    (void)events;
    if (!end->server || libxenvchan_is_open(end->ctrl) == 2)
        chan_fail(end->transport.chan, -ETIMEDOUT,
                  end->server ? "client did not connect" : "server did not answer");
    loop_remove(end->deadline);
    end->deadline = NULL;
}

static int start_deadline(struct loop *loop, struct vchan_end *end)
{
    int err = loop_timer(loop, on_deadline, end, &end->deadline);

    return err ? err : loop_timer_arm(end->deadline, CONNECT_NS, 0);
}

/* "/local/domain/N/..." belongs to domain N; anything else to dom0. */
static uint32_t server_domain(const char *base)
{
    unsigned domid = 0;

    return sscanf(base, "/local/domain/%u/", &domid) == 1 ? domid : 0;
}

/* The server may have answered: libxenvchan writes event-channel and ring-ref in one transaction.
 */
static void on_answer(void *data, const char *path)
{
    struct vchan_end *end = data;
    char node[STORE_PATH], value[32];

    (void)path;
    if (end->ctrl || join(node, end->path, "event-channel", "", STORE_PATH) ||
        store_read(end->store, node, value, sizeof(value)) < 0)
        return;
    if (open_ctrl(end, run_client)) {
        chan_fail(end->transport.chan, -ECONNREFUSED, "cannot open the vchan");
        return;
    }
    withdraw_request(end);
    chan_connected(end->transport.chan);
}

static int ask(struct loop *loop, struct vchan_end *end, const char *base)
{
    char id[9];
    uint32_t random;
    int err;

    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return -EIO;
    snprintf(id, sizeof(id), "%08x", random);
    err = join(end->path, base, "clients", id, VCHAN_PATH);
    if (!err)
        err = join(end->request, base, "requests", id, STORE_PATH);
    if (!err)
        err = start_deadline(loop, end);
    if (!err)
        err = store_watch(end->store, end->path, on_answer, end, &end->watch);
    if (!err)
        err = store_write(end->store, end->request, "1");
    return err;
}

int chan_vchan_connect(struct loop *loop, struct store *store, const char *base,
                       struct chan_transport **t)
{
    struct vchan_end *end = new_end(store, server_domain(base));
    int err = end ? ask(loop, end, base) : -ENOMEM;

    if (err) {
        if (end)
            vchan_close(&end->transport);
        return err;
    }
    *t = &end->transport;
    return 0;
}

static bool room_for(const struct vchan_listener *l, uint32_t domid)
{
    unsigned total = 0, same = 0;

    for (const struct vchan_end *end = l->clients; end; end = end->next) {
        total++;
        same += end->transport.peer.domid == domid;
    }
    return total < MAX_CLIENTS && (!domid || same < MAX_PER_DOMAIN);
}

/* Ids come from clients and become part of paths. */
static bool valid_id(const char *id)
{
    return strlen(id) == 8 && strspn(id, "0123456789abcdef") == 8;
}

static int open_server(struct vchan_listener *l, struct vchan_end *end, const char *id)
{
    char value[32];
    int err = join(end->path, l->path, "clients", id, VCHAN_PATH);

    if (err)
        return err;
    if (store_read(l->base.store, end->path, value, sizeof(value)) != -ENOENT)
        return -EEXIST;
    end->server = true;
    err = open_ctrl(end, run_server);
    return err ? err : start_deadline(l->base.loop, end);
}

static void serve(struct vchan_listener *l, const char *id, uint32_t domid)
{
    struct vchan_end *end = room_for(l, domid) ? new_end(l->base.store, domid) : NULL;
    int err = end ? open_server(l, end, id) : -EBUSY;

    if (err) {
        log_write(l->base.user->log, LOG_WARNING, "control client refused", "domid=%u error=%d",
                  domid, err);
        if (end)
            vchan_close(&end->transport);
        return;
    }
    end->listener = l;
    end->next = l->clients;
    l->clients = end;
    chan_accept(&l->base, &end->transport);
}

static void on_request(void *data, const char *path)
{
    struct vchan_listener *l = data;
    char node[STORE_PATH];
    const char *id = strrchr(path, '/') + 1;
    size_t prefix = strlen(l->path) + strlen("/requests/");
    uint32_t domid;

    /* Events come for requests itself and for its removal too. */
    if ((size_t)(id - path) != prefix || !valid_id(id) ||
        join(node, l->path, "requests", id, STORE_PATH) || store_owner(l->base.store, node, &domid))
        return;
    store_remove(l->base.store, node);
    serve(l, id, domid);
}

static int vchan_allow(struct chan_listener *listener, uint32_t domid)
{
    struct vchan_listener *l = (struct vchan_listener *)listener;
    char node[STORE_PATH];
    int err = join(node, l->path, "requests", "", STORE_PATH);

    if (!err)
        err = store_allow(l->base.store, node, domid, STORE_READ | STORE_WRITE);
    if (!err)
        err = join(node, l->path, "clients", "", STORE_PATH);
    return err ? err : store_allow(l->base.store, node, domid, STORE_READ);
}

static void vchan_unlisten(struct chan_listener *listener)
{
    struct vchan_listener *l = (struct vchan_listener *)listener;

    store_unwatch(l->watch);
    while (l->clients)
        leave_listener(l->clients);
    free(l);
}

static const struct chan_listener_ops listener_ops = {
    .allow = vchan_allow,
    .close = vchan_unlisten,
};

/* Nodes of a predecessor name grants that are gone: start clean, so that its clients ask again. */
static int prepare(struct vchan_listener *l, const char *base)
{
    char node[STORE_PATH];
    int err = join(node, base, "clients", "", VCHAN_PATH - 9);

    if (!err)
        err = store_remove(l->base.store, node);
    if (!err)
        err = store_write(l->base.store, node, "");
    if (!err)
        err = join(node, base, "requests", "", STORE_PATH);
    if (!err)
        err = store_write(l->base.store, node, "");
    snprintf(l->path, sizeof(l->path), "%s", base);
    return err ? err : store_watch(l->base.store, node, on_request, l, &l->watch);
}

int chan_vchan_listen(const char *base, struct chan_listener *template,
                      struct chan_listener **listener)
{
    struct vchan_listener *l = calloc(1, sizeof(*l));
    int err;

    if (!l)
        return -ENOMEM;
    l->base = *template;
    l->base.ops = &listener_ops;
    err = prepare(l, base);
    if (err) {
        vchan_unlisten(&l->base);
        return err;
    }
    *listener = &l->base;
    return 0;
}
