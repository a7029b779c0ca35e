/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A session of the wire protocol, client side: one call at a time, asked and answered. Used by
 * soft.c; any thread.
 */
#include "gpu/soft/wire.h"

#include <pthread.h>
#include <stdbool.h>

struct soft_link {
    pthread_mutex_t lock; /* all of this */
    int fd;
    uint32_t seq;
    bool broken; /* the server has gone, or breaks the protocol: no more calls */
    struct soft_message m;
};

/* What goes with a call. All may be left out. */
struct soft_call {
    const uint64_t *out; /* payload to send, out_words of it */
    uint32_t out_words;
    uint64_t *in;      /* room for in_room words of payload */
    uint32_t in_room;  /* an answer with more is cut */
    uint32_t in_words; /* out: how many came */
    int fd;            /* descriptor to send, borrowed; send_fd says whether */
    bool send_fd;
    int *got_fd; /* takes the descriptor that came with the answer, or -1; the caller's */
};

/* Opens a session of the node. -ENODEV: the server has gone. */
int soft_link_open(struct soft_link *l, int node);
void soft_link_close(struct soft_link *l);

/* Sends command with arg (size bytes, at most a union soft_arg), waits for the answer and puts
 * its argument back into arg unless it is an error. The server's result. c may be NULL. */
int soft_link_call(struct soft_link *l, uint32_t command, void *arg, size_t size,
                   struct soft_call *c);
/* Sends without waiting; the server answers nothing. */
int soft_link_post(struct soft_link *l, uint32_t command, const void *arg, size_t size);

/* One message on a socket, for both ends of a connection. -ENODEV when the other end has gone. */
int soft_send(int fd, const struct soft_message *m, int pass);
/* Waits for one. *got gets the descriptor that came, or -1. -EPROTO: not a message of ours. */
int soft_receive(int fd, struct soft_message *m, int *got);
