/* SPDX-License-Identifier: MIT */
/*
 * client.c: see client.h. Descriptors (Wire) and the request they belong to (GuestAdd) may come
 * over two channels in any order: whichever is first waits here for the other.
 */
#include "services/wire/client.h"

#include "lib/crash.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_NS  (200u * 1000 * 1000)
#define MAX_TYPES 24u

/* One guest on its way in (fds or add are there, the other is missing) or known. */
struct guest {
    bool used, known, have_fds;
    uint32_t domid;
    uint64_t generation;
    struct wire_fds fds;
    Vgt__GuestAdd *add;
    uint32_t id;
};

struct wire_client {
    struct loop *loop;
    struct store *store;
    const struct wire_config *config;
    void *ctx;
    struct chan_type types[MAX_TYPES];
    struct chan_user user;
    struct chan *socket, *control; /* the same one without a control uri */
    struct loop_source *again;
    struct guest guest[WIRE_MAX_GUESTS];
    bool device_known, complained;
};

/* ---- what comes with a message */

/* Takes the message's descriptors. False: they do not fit the names. */
static bool take_fds(const Vgt__Wire *wire, const struct chan_message *m, struct wire_fds *fds)
{
    fds->count = 0;
    if (wire->n_fd_names != m->nfds || m->nfds > CHAN_MAX_FDS)
        return false;
    for (unsigned i = 0; i < m->nfds; i++) {
        if (strlen(wire->fd_names[i]) >= sizeof(fds->item[i].name))
            return false;
        strcpy(fds->item[i].name, wire->fd_names[i]);
    }
    for (unsigned i = 0; i < m->nfds; i++) {
        fds->item[i].fd = m->fds[i];
        m->fds[i] = -1;
    }
    fds->count = m->nfds;
    return true;
}

/* ---- guests */

static struct guest *find(struct wire_client *c, uint32_t domid)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        if (c->guest[i].used && c->guest[i].domid == domid)
            return &c->guest[i];
    return NULL;
}

static void drop(struct guest *g)
{
    wire_fds_close(&g->fds);
    if (g->add)
        vgt__guest_add__free_unpacked(g->add, NULL);
    *g = (struct guest){0};
}

/* Forget a guest that is not known yet; whoever asked for it is told. */
static void cancel(struct wire_client *c, struct guest *g)
{
    if (g->add)
        wire_error(c, g->id, ECANCELED, "the guest was taken back before it was attached");
    drop(g);
}

/*
 * The record of this attach of domid; one of an earlier attach that never finished goes. It is of a
 * later attach where a Wire of an earlier one arrives late.
 */
static struct guest *obtain(struct wire_client *c, uint32_t domid, uint64_t generation)
{
    struct guest *g = find(c, domid);

    if (g && !g->known && g->generation < generation)
        cancel(c, g);
    for (unsigned i = 0; (!g || !g->used) && i < WIRE_MAX_GUESTS; i++)
        if (!c->guest[i].used)
            g = &c->guest[i];
    if (g && !g->used)
        *g = (struct guest){.used = true, .domid = domid, .generation = generation};
    return g;
}

static void try_add(struct wire_client *c, struct guest *g)
{
    Vgt__GuestAdd *add = g->add;
    struct wire_fds fds = g->fds;

    if (!g->have_fds || !add)
        return;
    g->known = true;
    g->add = NULL;
    g->have_fds = false;
    g->fds.count = 0; /* the service's from here on, also if it forgets the guest at once */
    crash_point("wire.guest.whole");
    c->config->ops->guest_add(c->ctx, add, &fds, g->id);
    crash_point("wire.guest.added");
    vgt__guest_add__free_unpacked(add, NULL);
}

static Vgt__GuestAdd *copy_of(const Vgt__GuestAdd *add)
{
    size_t size = vgt__guest_add__get_packed_size(add);
    uint8_t *packed = malloc(size ? size : 1);
    Vgt__GuestAdd *copy;

    if (!packed)
        return NULL;
    vgt__guest_add__pack(add, packed);
    copy = vgt__guest_add__unpack(NULL, size, packed);
    free(packed);
    return copy;
}

/* A broker that came back asks again about guests we never lost. */
static void still_here(struct wire_client *c, const Vgt__GuestAdd *add, uint32_t id)
{
    Vgt__GuestReady ready = VGT__GUEST_READY__INIT;

    ready.domid = add->domid;
    ready.resources = add->resources;
    ready.edid = add->edid;
    crash_point("wire.guest.still");
    wire_reply(c, id, VGT__TYPE__TYPE_GUEST_READY, &ready.base);
}

static void on_guest_add(struct chan *chan, const struct chan_message *m, void *data)
{
    struct wire_client *c = data;
    const Vgt__GuestAdd *add = (const Vgt__GuestAdd *)m->body;
    struct guest *g;

    (void)chan;
    g = obtain(c, add->domid, add->generation);
    if (g && g->known) {
        if (g->generation == add->generation)
            still_here(c, add, m->id);
        else
            wire_error(c, m->id, EEXIST, "this domain is still attached from before");
        return;
    }
    if (g && g->generation != add->generation) {
        wire_error(c, m->id, ESTALE, "this domain was attached anew since");
        return;
    }
    if (g && g->add)
        vgt__guest_add__free_unpacked(g->add, NULL);
    if (g)
        g->add = copy_of(add);
    if (!g || !g->add) {
        wire_error(c, m->id, ENOSPC, "no room for another guest");
        return;
    }
    g->id = m->id;
    try_add(c, g);
}

static void on_guest_remove(struct chan *chan, const struct chan_message *m, void *data)
{
    struct wire_client *c = data;
    const Vgt__GuestRemove *r = (const Vgt__GuestRemove *)m->body;
    struct guest *g = find(c, r->domid);
    Vgt__GuestRemoved removed = VGT__GUEST_REMOVED__INIT;

    (void)chan;
    if (g && g->known) {
        if (r->unseen && c->config->ops->unseen)
            c->config->ops->unseen(c->ctx, r->domid, r->unseen);
        c->config->ops->guest_remove(c->ctx, r->domid, r->final, m->id);
        crash_point("wire.guest.removing");
        return;
    }
    if (g)
        cancel(c, g);
    removed.domid = r->domid;
    wire_reply(c, m->id, VGT__TYPE__TYPE_GUEST_REMOVED, &removed.base);
}

void wire_forget(struct wire_client *client, uint32_t domid)
{
    struct guest *g = find(client, domid);

    if (g)
        drop(g);
}

static void on_stats(struct chan *chan, const struct chan_message *m, void *data)
{
    struct wire_client *c = data;

    (void)chan;
    c->config->ops->stats(c->ctx, m->id);
}

/* ---- the service's own descriptors */

static void own_fds(struct wire_client *c, struct wire_fds *fds, const Vgt__Device *device)
{
    int rc;

    if (c->device_known || !c->config->ops->device || !device) {
        wire_fds_close(fds);
        return;
    }
    c->device_known = true;
    crash_point("wire.device.came");
    rc = c->config->ops->device(c->ctx, fds, device);
    if (rc < 0)
        loop_stop(c->loop, rc);
}

static void on_wire(struct chan *chan, const struct chan_message *m, void *data)
{
    struct wire_client *c = data;
    const Vgt__Wire *wire = (const Vgt__Wire *)m->body;
    struct wire_fds fds;
    struct guest *g;

    (void)chan;
    if (!take_fds(wire, m, &fds)) {
        log_write(c->config->log, LOG_ERR, "descriptors without fitting names", "count=%u",
                  m->nfds);
        return;
    }
    if (!wire->domid) {
        own_fds(c, &fds, wire->device);
        return;
    }
    g = obtain(c, wire->domid, wire->generation);
    if (!g || g->known || g->generation != wire->generation) {
        wire_fds_close(&fds);
        return;
    }
    wire_fds_close(&g->fds);
    g->fds = fds;
    g->have_fds = true;
    crash_point("wire.guest.fds");
    try_add(c, g);
}

/* ---- the channels */

static void on_hello_reply(struct chan *chan, const struct chan_message *m, void *data)
{
    struct wire_client *c = data;

    (void)chan;
    (void)m;
    c->complained = false;
}

static void on_error(struct chan *chan, const struct chan_message *m, void *data)
{
    struct wire_client *c = data;
    const Vgt__Error *e = (const Vgt__Error *)m->body;
    char text[200];

    (void)chan;
    log_clean(text, sizeof(text), e->text);
    log_write(c->config->log, LOG_WARNING, "the broker refused", "error=%u text=\"%s\"", e->code,
              text);
    if (c->config->ops->other)
        c->config->ops->other(c->ctx, m);
}

static void on_other(struct chan *chan, const struct chan_message *m, void *data)
{
    struct wire_client *c = data;

    (void)chan;
    c->config->ops->other(c->ctx, m);
}

/* Halves of guests and ids of their requests are of this connection: the next one brings both. */
static void lose(struct wire_client *c)
{
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        if (c->guest[i].used && !c->guest[i].known)
            drop(&c->guest[i]);
    if (c->control != c->socket)
        chan_close(c->control);
    chan_close(c->socket);
    c->control = c->socket = NULL;
    crash_point("wire.lost");
    loop_timer_arm(c->again, AGAIN_NS, 0);
}

static void on_closed(struct chan *chan, int err, void *data)
{
    struct wire_client *c = data;

    if (chan != c->socket && chan != c->control) {
        chan_close(chan);
        return;
    }
    if (!c->complained)
        log_write(c->config->log, LOG_WARNING, "lost the broker; connecting again", "error=%d",
                  err);
    c->complained = true;
    lose(c);
}

static int hello(struct wire_client *c, struct chan *chan)
{
    Vgt__Hello h = VGT__HELLO__INIT;

    h.version = 1;
    h.role = (char *)c->config->role;
    h.domid = c->config->domid;
    return chan_send(chan, VGT__TYPE__TYPE_HELLO, chan_next_id(chan), &h.base, NULL, 0);
}

static int connect_all(struct wire_client *c)
{
    int rc = chan_connect(c->loop, c->store, c->config->socket, &c->user, c, &c->socket);

    if (rc)
        return rc;
    c->control = c->socket;
    crash_point("wire.connected");
    rc = hello(c, c->socket);
    crash_point("wire.hello");
    if (rc || !c->config->control)
        return rc;
    rc = chan_connect(c->loop, c->store, c->config->control, &c->user, c, &c->control);
    if (rc) {
        c->control = c->socket;
        return rc;
    }
    return hello(c, c->control);
}

static void try_connect(void *data, uint32_t events)
{
    struct wire_client *c = data;
    int rc;

    (void)events;
    if (c->socket)
        return;
    rc = connect_all(c);
    if (!rc)
        return;
    if (!c->complained)
        log_write(c->config->log, LOG_NOTICE, "no broker yet", "socket=%s error=%d",
                  c->config->socket, rc);
    c->complained = true;
    lose(c);
}

static void add_type(struct wire_client *c, uint32_t type, const ProtobufCMessageDescriptor *d,
                     chan_handler *handle)
{
    assert(c->user.count < MAX_TYPES);
    c->types[c->user.count++] = (struct chan_type){type, d, handle};
}

static void declare_types(struct wire_client *c)
{
    c->user = (struct chan_user){.types = c->types, .closed = on_closed, .log = c->config->log};
    add_type(c, VGT__TYPE__TYPE_HELLO_REPLY, &vgt__hello__descriptor, on_hello_reply);
    add_type(c, VGT__TYPE__TYPE_ERROR, &vgt__error__descriptor, on_error);
    add_type(c, VGT__TYPE__TYPE_WIRE, &vgt__wire__descriptor, on_wire);
    add_type(c, VGT__TYPE__TYPE_GUEST_ADD, &vgt__guest_add__descriptor, on_guest_add);
    add_type(c, VGT__TYPE__TYPE_GUEST_REMOVE, &vgt__guest_remove__descriptor, on_guest_remove);
    add_type(c, VGT__TYPE__TYPE_STATS, &vgt__stats_request__descriptor, on_stats);
    for (unsigned i = 0; i < c->config->type_count; i++)
        add_type(c, c->config->types[i].type, c->config->types[i].descriptor, on_other);
}

int wire_client_new(struct loop *loop, struct store *store, const struct wire_config *config,
                    void *ctx, struct wire_client **client)
{
    struct wire_client *c = calloc(1, sizeof(*c));
    int rc;

    if (!c)
        return -ENOMEM;
    *c = (struct wire_client){.loop = loop, .store = store, .config = config, .ctx = ctx};
    declare_types(c);
    rc = loop_timer(loop, try_connect, c, &c->again);
    if (rc) {
        free(c);
        return rc;
    }
    *client = c;
    try_connect(c, 0);
    return 0;
}

void wire_client_free(struct wire_client *client)
{
    if (!client)
        return;
    for (unsigned i = 0; i < WIRE_MAX_GUESTS; i++)
        drop(&client->guest[i]);
    if (client->control != client->socket)
        chan_close(client->control);
    chan_close(client->socket);
    loop_remove(client->again);
    free(client);
}

/* A channel that cannot take a message is as good as lost: the broker will ask again. */
static bool send(struct wire_client *c, uint32_t id, uint32_t type, const ProtobufCMessage *body)
{
    int rc = c->control ? chan_send(c->control, type, id, body, NULL, 0) : -EPIPE;

    if (rc && rc != -EPIPE)
        log_write(c->config->log, LOG_WARNING, "cannot answer the broker", "type=%u error=%d", type,
                  rc);
    return rc == 0;
}

void wire_reply(struct wire_client *client, uint32_t id, uint32_t type,
                const ProtobufCMessage *body)
{
    send(client, id, type, body);
}

void wire_error(struct wire_client *client, uint32_t id, int err, const char *text)
{
    Vgt__Error e = VGT__ERROR__INIT;

    e.code = (uint32_t)err;
    e.text = (char *)text;
    send(client, id, VGT__TYPE__TYPE_ERROR, &e.base);
}

uint32_t wire_request(struct wire_client *client, uint32_t type, const ProtobufCMessage *body)
{
    uint32_t id = client->control ? chan_next_id(client->control) : 0;

    return id && send(client, id, type, body) ? id : 0;
}
