/* SPDX-License-Identifier: MIT */
/*
 * client.c: see client.h. The channels to the broker, the service's own descriptors, and what goes
 * out. The guests are in guests.c, descriptors by name in fds.c, refusals in refuse.c.
 */
#include "services/wire/client_priv.h"

#include "lib/crash.h"
#include "services/wire/names.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#define AGAIN_NS   (200u * 1000 * 1000)
#define REFUSED_NS (5000u * 1000 * 1000ull) /* to the next try with a broker of another version */
#define END_NS     (2000u * 1000 * 1000ull) /* systemd's limit is one start a second */

/* ---- descriptors of a message */

/* Takes the message's descriptors. False: they do not fit the names. */
static bool take_fds(struct wire_client *c, const Vgt__Wire *wire, const struct chan_message *m,
                     struct wire_fds *fds)
{
    fds->count = 0;
    fds->note = &c->note;
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

static void on_stats(struct chan *chan, const struct chan_message *m, void *data)
{
    struct wire_client *c = data;
    Vgt__StatsReply none = VGT__STATS_REPLY__INIT;

    (void)chan;
    if (*c->refusal)
        wire_reply(c, m->id, VGT__TYPE__TYPE_STATS_REPLY, &none.base);
    else
        c->config->ops->stats(c->ctx, m->id);
}

/* ---- the service's own descriptors */

static void on_end(void *data, uint32_t events)
{
    struct wire_client *c = data;

    (void)events;
    loop_stop(c->loop, c->end_with);
}

void wire_end_later(struct wire_client *client, int err)
{
    const char *why = *client->note.text ? client->note.text : strerror(-err);

    snprintf(client->refusal, sizeof(client->refusal), "%s", why);
    client->refusal_error = EAGAIN;
    sd_notifyf(0, "STATUS=cannot start: %s", why);
    log_write(client->config->log, LOG_ERR, "ends, to be started again", "why=\"%s\"",
              client->refusal);
    client->end_with = err;
    loop_timer_arm(client->end, END_NS, 0);
}

static void own_fds(struct wire_client *c, struct wire_fds *fds, const Vgt__Device *device)
{
    int rc;

    if (c->device_known || !c->config->ops->device || !device) {
        wire_fds_close(fds);
        return;
    }
    if (*c->refusal) {
        wire_fds_close(fds);
        wire_start_anew(c);
        return;
    }
    c->device_known = true;
    crash_point("wire.device.came");
    wire_note_begin(c, 0);
    rc = c->config->ops->device(c->ctx, fds, device);
    if (rc >= 0)
        return;
    c->device_known = false;
    if (!wire_note_refusal(&c->note)) {
        wire_end_later(c, rc);
        return;
    }
    wire_refuse_all(c, c->note.text);
    wire_tell_refusal(c);
}

/* Fewer descriptors than names: the kernel drops what this process may not have open. */
static void lost_fds(struct wire_client *c, const Vgt__Wire *wire, const struct chan_message *m)
{
    log_write(c->config->log, LOG_ERR, "descriptors without fitting names",
              "domid=%u count=%u names=%zu", wire->domid, m->nfds, wire->n_fd_names);
    if (m->nfds >= wire->n_fd_names)
        return;
    if (!wire->domid && !c->device_known && c->config->ops->device) {
        wire_note_begin(c, 0);
        wire_end_later(c, -EMFILE);
        return;
    }
    if (wire->domid)
        wire_guest_lost_fds(c, wire);
}

static void on_wire(struct chan *chan, const struct chan_message *m, void *data)
{
    struct wire_client *c = data;
    const Vgt__Wire *wire = (const Vgt__Wire *)m->body;
    struct wire_fds fds;

    (void)chan;
    if (!take_fds(c, wire, m, &fds)) {
        lost_fds(c, wire, m);
        return;
    }
    if (!wire->domid) {
        own_fds(c, &fds, wire->device);
        return;
    }
    wire_guest_fds(c, wire, &fds);
}

/* ---- the channels */

static void on_hello_reply(struct chan *chan, const struct chan_message *m, void *data)
{
    struct wire_client *c = data;
    const Vgt__Hello *hello = (const Vgt__Hello *)m->body;
    char text[WIRE_WHY];

    (void)chan;
    c->complained = false;
    if (hello->version != WIRE_PROTOCOL) {
        wire_versions(text, c->config->role, WIRE_PROTOCOL, "vgt-broker", hello->version);
        c->broker_refused = true;
        wire_refuse_all(c, text);
        wire_tell_refusal(c);
    } else if (c->broker_refused) {
        wire_start_anew(c);
    }
}

static void on_error(struct chan *chan, const struct chan_message *m, void *data)
{
    struct wire_client *c = data;
    const Vgt__Error *e = (const Vgt__Error *)m->body;
    char text[WIRE_WHY];

    log_clean(text, sizeof(text), e->text);
    if (m->id == c->hello[chan != c->socket] && e->code == EPROTO) {
        c->broker_refused = true;
        wire_refuse_all(c, text);
        return;
    }
    log_write(c->config->log, LOG_WARNING, "the broker refused", "error=%u text=\"%s\"", e->code,
              text);
    if (c->config->ops->other)
        c->config->ops->other(c->ctx, m);
}

static void on_other(struct chan *chan, const struct chan_message *m, void *data)
{
    struct wire_client *c = data;

    (void)chan;
    if (*c->refusal) {
        if (!(m->type & 1)) /* a request */
            wire_error(c, m->id, c->refusal_error, c->refusal);
        return;
    }
    c->config->ops->other(c->ctx, m);
}

static void lose(struct wire_client *c)
{
    wire_guests_lose(c);
    if (c->control != c->socket)
        chan_close(c->control);
    chan_close(c->socket);
    c->control = c->socket = NULL;
    crash_point("wire.lost");
    loop_timer_arm(c->again, c->broker_refused ? REFUSED_NS : AGAIN_NS, 0);
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

    uint32_t *id = &c->hello[chan != c->socket];

    h.version = WIRE_PROTOCOL;
    h.role = (char *)c->config->role;
    h.domid = c->config->domid;
    *id = chan_next_id(chan);
    return chan_send(chan, VGT__TYPE__TYPE_HELLO, *id, &h.base, NULL, 0);
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
    add_type(c, VGT__TYPE__TYPE_GUEST_ADD, &vgt__guest_add__descriptor, wire_guest_add);
    add_type(c, VGT__TYPE__TYPE_GUEST_REMOVE, &vgt__guest_remove__descriptor, wire_guest_remove);
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
    rc = rc ? rc : loop_timer(loop, on_end, c, &c->end);
    if (rc) {
        loop_remove(c->again);
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
    wire_guests_free(client);
    if (client->control != client->socket)
        chan_close(client->control);
    chan_close(client->socket);
    loop_remove(client->again);
    loop_remove(client->end);
    free(client);
}

/* A channel that cannot take a message is as good as lost: the broker will ask again. */
static bool transmit(struct wire_client *c, uint32_t id, uint32_t type,
                     const ProtobufCMessage *body)
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
    if (type == VGT__TYPE__TYPE_GUEST_READY)
        wire_guest_ready(client, (const Vgt__GuestReady *)body);
    transmit(client, id, type, body);
}

void wire_error(struct wire_client *client, uint32_t id, int err, const char *text)
{
    Vgt__Error e = VGT__ERROR__INIT;

    e.code = (uint32_t)err;
    e.text = *client->note.text ? client->note.text : (char *)text;
    transmit(client, id, VGT__TYPE__TYPE_ERROR, &e.base);
}

uint32_t wire_request(struct wire_client *client, uint32_t type, const ProtobufCMessage *body)
{
    uint32_t id = client->control ? chan_next_id(client->control) : 0;

    return id && transmit(client, id, type, body) ? id : 0;
}
