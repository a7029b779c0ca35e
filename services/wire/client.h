/* SPDX-License-Identifier: MIT */
/*
 * client.h: a service's end of the wiring. It connects to the broker's wiring socket, says who it
 * is, takes the descriptors of Wire messages, and serves the control messages a broker sends. The
 * control channel is another one (vchan) where the service is told so, else the same socket. A lost
 * broker is connected to again; guests known by then stay. One thread, that of the loop.
 */
#pragma once
#include "lib/chan.h"
#include "proto/vgt.pb-c.h"
#include "services/wire/fds.h"

#define WIRE_MAX_GUESTS 64u
#define WIRE_DEFAULT    "unix:/run/vgt/wire.sock"

struct wire_client;

/* What the service does. Handlers that answer later keep the id and call wire_reply() then. A
 * request that fails is answered with wire_error(). */
struct wire_ops {
    /* The service's own descriptors, once (a broker that comes back is not asked again). Takes
     * fds. Negative: the service cannot go on; the loop is stopped with it soon, unless a layout
     * was the reason (wire_note_refusal()): then the service stays, serves nothing and says why.
     * NULL: it has none. */
    int (*device)(void *ctx, struct wire_fds *fds, const Vgt__Device *device);
    /* Takes fds, error or not. Never twice for one domid without guest_remove(final) between. */
    void (*guest_add)(void *ctx, const Vgt__GuestAdd *add, struct wire_fds *fds, uint32_t id);
    void (*guest_remove)(void *ctx, uint32_t domid, bool final, uint32_t id);
    /* Removal of a guest that was never taken, or was refused. NULL: answered at once. */
    void (*guest_stale)(void *ctx, uint32_t domid, bool final, uint32_t id);
    void (*stats)(void *ctx, uint32_t id);
    /* NULL: a message of any other type the service declared cuts the broker off. */
    void (*other)(void *ctx, const struct chan_message *message);
    /* Just before guest_remove(): these (WIRE_UNSEEN_*) never had the guest. NULL: all the same. */
    void (*unseen)(void *ctx, uint32_t domid, uint32_t who);
};

struct wire_config {
    const char *role;              /* "vgt-gtt" */
    uint32_t domid;                /* vgt-mmio; else 0 */
    const char *socket;            /* uri of the wiring socket */
    const char *control;           /* uri of the control channel, NULL: the wiring socket */
    const struct chan_type *types; /* further types taken, for other(); handle is ignored */
    unsigned type_count;
    const struct wire_ops *ops;
    const struct log *log;
};

/* store is needed for vchan. config and what it points to are borrowed. 0, -ENOMEM or -errno; a
 * broker that is not there yet is no error. */
int wire_client_new(struct loop *loop, struct store *store, const struct wire_config *config,
                    void *ctx, struct wire_client **client);
void wire_client_free(struct wire_client *client);

/* Answer request id. Errors of sending are those of a lost broker: it asks again. */
void wire_reply(struct wire_client *client, uint32_t id, uint32_t type,
                const ProtobufCMessage *body);
void wire_error(struct wire_client *client, uint32_t id, int err, const char *text);
/* A request or notice to the broker over the control channel; its reply comes to other(). id 0 on
 * failure. */
uint32_t wire_request(struct wire_client *client, uint32_t type, const ProtobufCMessage *body);
/* guest_remove(final) was carried out, or guest_add failed: the domid may be added again. */
void wire_forget(struct wire_client *client, uint32_t domid);
/* In guest_add(): something of this guest cannot be mapped, now or later; wire_error() says what.
 */
bool wire_refused(const struct wire_client *client);
/* The process cannot go on just now: it ends with this result, but not so fast that systemd, which
 * starts it again, loses its patience. Nothing may be asked of the service meanwhile. */
void wire_end_later(struct wire_client *client, int err);
