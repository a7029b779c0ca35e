/* SPDX-License-Identifier: MIT */
/*
 * Control channel: framed protobuf-c messages over a UNIX socket or libxenvchan. One thread, that
 * of the loop. A peer that breaks the protocol (magic, length, type, payload that does not unpack,
 * descriptors where none may be) loses its connection and nothing else happens.
 * uris: "unix:/run/vgt/ctl.sock"; "vchan:/local/domain/0/vgt/ctl", the base in xenstore below
 * which clients ask for a channel of their own (requests/ID, answered at clients/ID).
 */
#pragma once
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/store.h"

#include <assert.h>
#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#define CHAN_MAGIC       0x56475401u /* "VGT", version 1 */
#define CHAN_MAX_PAYLOAD (256u * 1024)
#define CHAN_MAX_FDS     32u
#define CHAN_MAX_QUEUE   (4u * 1024 * 1024) /* unsent bytes */
#define CHAN_MAX_UNPACK  (2u * 1024 * 1024) /* memory one message may unpack to */

/* In front of each payload; native byte order, both ends are on one machine. */
struct chan_header {
    uint32_t magic;
    uint32_t length; /* of the payload */
    uint32_t id;     /* of the request; a reply repeats it */
    uint32_t type;
};
static_assert(sizeof(struct chan_header) == 16, "frame header");

enum { CHAN_FULL = 1 }; /* CHAN_MAX_QUEUE would be passed: wait for drained() */

struct chan;
struct chan_listener;

/* Lives as long as the handler runs. A handler keeps a descriptor by setting its entry to -1. */
struct chan_message {
    uint32_t id, type;
    const ProtobufCMessage *body;
    int *fds;
    unsigned nfds; /* fewer than were sent where this process may have no more open */
};

typedef void chan_handler(struct chan *chan, const struct chan_message *message, void *data);

/* One message type an end accepts. */
struct chan_type {
    uint32_t type;
    const ProtobufCMessageDescriptor *descriptor;
    chan_handler *handle;
};

/* What one end does with its channel. Borrowed by the channel. */
struct chan_user {
    const struct chan_type *types;
    unsigned count;
    /* Once, from the loop: peer left (err 0) or was cut off (-errno). Call chan_close() here. */
    void (*closed)(struct chan *chan, int err, void *data);
    void (*drained)(struct chan *chan, void *data); /* queue empty again; may be NULL */
    const struct log *log;                          /* may be NULL */
    struct log_limit *limit; /* of what is logged about peers; NULL: all of it */
    bool no_fds;             /* a peer that sends descriptors is cut off */
};

/* Who is at the other end, as the kernel or Xen says. */
struct chan_peer {
    uint32_t domid; /* 0 over sockets */
    uint32_t uid;   /* UINT32_MAX over vchan */
    int32_t pid;    /* 0 over vchan */
};

/* Connect. Messages may be sent at once and go out when the peer is there. 0 or -errno. */
int chan_connect(struct loop *loop, struct store *store, const char *uri,
                 const struct chan_user *user, void *data, struct chan **chan);

/* Speak over a connected socket one was handed; fd is the channel's from now on, error or not. */
int chan_adopt(struct loop *loop, int fd, const struct chan_user *user, void *data,
               struct chan **chan);

/* Allowed anywhere, in handlers too. Unsent messages are lost. NULL is fine. */
void chan_close(struct chan *chan);

/*
 * Queue one message, with copies of nfds descriptors (sockets only: -EOPNOTSUPP on vchan).
 * 0, CHAN_FULL, -EMSGSIZE, -EPIPE (closing), -errno.
 */
int chan_send(struct chan *chan, uint32_t type, uint32_t id, const ProtobufCMessage *body,
              const int *fds, unsigned nfds);

/* A request id not used on this channel lately, nor (most likely) on an earlier one; never 0. */
uint32_t chan_next_id(struct chan *chan);
void chan_set_data(struct chan *chan, void *data);
struct chan_peer chan_peer(const struct chan *chan);

/* accepted: the new channel's data pointer is that of the listener until chan_set_data(). */
typedef void chan_accepted(struct chan *chan, void *data);

/*
 * Serve clients. store is needed for vchan only. On vchan, domain 0 may always ask; let others
 * with chan_listen_allow(). 0 or -errno.
 */
int chan_listen(struct loop *loop, struct store *store, const char *uri,
                const struct chan_user *user, chan_accepted *accepted, void *data,
                struct chan_listener **listener);
int chan_listen_allow(struct chan_listener *listener, uint32_t domid);
/* Its channels live on. NULL is fine. */
void chan_unlisten(struct chan_listener *listener);
