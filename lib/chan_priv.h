/* SPDX-License-Identifier: MIT */
/*
 * The seam between the framing (chan.c) and what carries the bytes (chan_socket.c, chan_vchan.c).
 */
#pragma once
#include "lib/chan.h"

#include <sys/types.h>

struct chan_transport;

struct chan_transport_ops {
    /* Bytes taken, -EAGAIN, -errno. fds go with the first byte. */
    ssize_t (*send)(struct chan_transport *t, const void *data, size_t size, const int *fds,
                    unsigned nfds);
    /* Bytes, 0 at the end, -EAGAIN, -errno. Fills fds, *nfds in: room, out: received. */
    ssize_t (*recv)(struct chan_transport *t, void *data, size_t size, int *fds, unsigned *nfds);
    void (*acknowledge)(struct chan_transport *t); /* fd was readable; may be NULL */
    void (*close)(struct chan_transport *t);
};

/* fd: to poll; -1 until the transport calls chan_connected(). */
struct chan_transport {
    const struct chan_transport_ops *ops;
    struct chan *chan;
    struct chan_peer peer;
    int fd;
    bool sockets; /* fd tells when it is writable, and descriptors may be passed */
};

struct chan_listener_ops {
    int (*allow)(struct chan_listener *listener, uint32_t domid);
    void (*close)(struct chan_listener *listener);
};

struct chan_listener {
    const struct chan_listener_ops *ops;
    struct loop *loop;
    struct store *store;
    const struct chan_user *user;
    chan_accepted *accepted;
    void *data;
};

/* Wrap a transport, which is closed on error. */
int chan_new(struct loop *loop, struct chan_transport *t, const struct chan_user *user, void *data,
             struct chan **chan);
/* The transport has its fd now. */
void chan_connected(struct chan *chan);
/* The connection is over: err 0 or -errno, why for the log. closed() follows from the loop. */
void chan_fail(struct chan *chan, int err, const char *why);
/* A listener has a new connection; the transport is closed if it cannot be served. */
void chan_accept(struct chan_listener *listener, struct chan_transport *t);

int chan_socket_connect(const char *path, struct chan_transport **t);
int chan_socket_adopt(int fd, struct chan_transport **t);
int chan_socket_listen(const char *path, struct chan_listener *template,
                       struct chan_listener **listener);
int chan_vchan_connect(struct loop *loop, struct store *store, const char *base,
                       struct chan_transport **t);
int chan_vchan_listen(const char *base, struct chan_listener *template,
                      struct chan_listener **listener);
