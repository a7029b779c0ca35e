/* SPDX-License-Identifier: MIT */
/*
 * peer.c: connections: listening, which messages each kind of channel may carry and who takes them,
 * replies that wait for room, and the end of a connection. Owns every struct peer.
 */
#include "services/broker/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_HELD      (64u << 20) /* bytes of replies that wait for one slow client, */
#define MAX_HELD_WIRE (1u << 20)  /* ... or service */
#define MAX_OF_PID    8u          /* connections of one process, but for those of vgtctl's kind */
#define HELLO_SHARE   3u          /* of a step's time: until then a connection has said Hello */

struct held_frame {
    struct held_frame *next;
    uint32_t type, id;
    size_t size;
    ProtobufCMessage *body;
};

/* ---- sending */

static void drop_frame(struct peer *p)
{
    struct held_frame *f = p->first;

    p->first = f->next;
    if (!p->first)
        p->last = &p->first;
    p->held -= f->size;
    protobuf_c_message_free_unpacked(f->body, NULL);
    free(f);
}

static bool hold(struct peer *p, uint32_t type, uint32_t id, const ProtobufCMessage *body)
{
    size_t size = protobuf_c_message_get_packed_size(body);
    size_t most = p->kind == PEER_CTL ? MAX_HELD : MAX_HELD_WIRE;
    struct held_frame *f = p->held + size <= most ? calloc(1, sizeof(*f)) : NULL;
    uint8_t *packed = f ? malloc(size ? size : 1) : NULL;

    if (packed) {
        protobuf_c_message_pack(body, packed);
        f->body = protobuf_c_message_unpack(body->descriptor, NULL, size, packed);
        free(packed);
    }
    if (!f || !f->body) {
        free(f);
        return false;
    }
    f->type = type;
    f->id = id;
    f->size = size;
    *p->last = f;
    p->last = &f->next;
    p->held += size;
    return true;
}

void peer_send(struct peer *p, uint32_t type, uint32_t id, const ProtobufCMessage *body)
{
    int rc = p->first ? CHAN_FULL : chan_send(p->chan, type, id, body, NULL, 0);

    if (rc == -EMSGSIZE && type != VGT__TYPE__TYPE_ERROR) {
        peer_error(p, id, EMSGSIZE, "the answer is too long for a message");
        return;
    }
    if (!rc || rc == -EPIPE || p->refused || (rc == CHAN_FULL && hold(p, type, id, body)))
        return;
    log_limited(p->broker->log, &p->broker->cuts, LOG_WARNING, "a reply is lost",
                "type=%u error=%d pid=%d", type, rc, chan_peer(p->chan).pid);
    p->refused = true; /* it would wait for ever */
}

static void on_drained(struct chan *chan, void *data)
{
    struct peer *p = data;
    int rc = 0;

    while (p->first && !rc) {
        rc = chan_send(chan, p->first->type, p->first->id, p->first->body, NULL, 0);
        if (rc != CHAN_FULL)
            drop_frame(p);
    }
}

void peer_error(struct peer *p, uint32_t id, int err, const char *text)
{
    Vgt__Error e = VGT__ERROR__INIT;

    e.code = (uint32_t)err;
    e.text = (char *)text;
    peer_send(p, VGT__TYPE__TYPE_ERROR, id, &e.base);
}

/* ---- the end */

static void forget_asker(struct peer *p)
{
    for (unsigned i = 0; i < BROKER_MAX_GUESTS; i++) {
        struct guest *g = p->broker->guest[i];

        if (g && g->detacher == p)
            g->detacher = NULL;
        if (!g || g->asker != p)
            continue;
        g->asker = NULL;
        guest_because(g, ECONNABORTED, "vgt-dm went away before the vGPU was ready");
        guest_step_failed(g);
    }
}

static void unlink_peer(struct peer *p)
{
    struct peer **link = &p->broker->peers;

    while (*link != p)
        link = &(*link)->next;
    *link = p->next;
}

void peer_close(struct peer *p)
{
    struct service *s = p->service;

    unlink_peer(p);
    p->service = NULL;
    if (s)
        service_lost(s, p);
    relays_lost(p->broker, p);
    stats_lost(p->broker, p);
    forget_asker(p);
    while (p->first)
        drop_frame(p);
    chan_close(p->chan);
    free(p);
}

void peer_cut(struct peer *p, const char *why)
{
    log_limited(p->broker->log, &p->broker->cuts, LOG_WARNING, "a peer was cut off",
                "reason=\"%s\" uid=%d pid=%d", why, (int)chan_peer(p->chan).uid,
                chan_peer(p->chan).pid);
    peer_close(p);
}

static bool late(const struct peer *p)
{
    return p->kind != PEER_CTL && !p->service && !p->refused &&
           broker_now() - p->since_ns > p->broker->limit_ns / HELLO_SHARE;
}

void peers_tick(struct broker *b)
{
    struct peer *next;

    for (struct peer *p = b->peers; p; p = next) {
        next = p->next;
        if (late(p))
            peer_cut(p, "no Hello");
        else if (p->refused)
            peer_close(p);
        else
            continue;
        /* Closing one may close another, the next one too. */
        next = b->peers;
    }
}

static void on_closed(struct chan *chan, int err, void *data)
{
    (void)chan;
    (void)err; /* logged by chan */
    peer_close(data);
}

/* ---- what comes in */

static void on_hello(struct chan *chan, const struct chan_message *m, void *data)
{
    (void)chan;
    service_hello(data, m->id, (const Vgt__Hello *)m->body);
}

/* Replies that come too late are nothing worse. */
static void on_reply(struct chan *chan, const struct chan_message *m, void *data)
{
    struct peer *p = data;

    (void)chan;
    if (!p->service)
        peer_cut(p, "a reply before Hello");
    else
        call_answer(p->broker, p->service, m);
}

static void on_aperture(struct chan *chan, const struct chan_message *m, void *data)
{
    struct peer *p = data;

    (void)chan;
    if (!p->service || p->service->role != ROLE_MMIO)
        peer_cut(p, "only vgt-mmio moves an aperture");
    else
        aperture_request(p, m);
}

static void on_slice(struct chan *chan, const struct chan_message *m, void *data)
{
    struct peer *p = data;

    (void)chan;
    if (!p->service || p->service->role != ROLE_DISPLAY)
        peer_cut(p, "only vgt-display has a slice");
    else
        slice_request(p, m);
}

static void on_lane_broken(struct chan *chan, const struct chan_message *m, void *data)
{
    const Vgt__LaneBroken *l = (const Vgt__LaneBroken *)m->body;
    struct peer *p = data;
    char name[32], lane[32];

    (void)chan;
    if (!p->service) {
        peer_cut(p, "a notice before Hello");
        return;
    }
    if (p->service->lanes_broken++ >= 8)
        return;
    log_clean(lane, sizeof(lane), l->lane);
    log_write(p->broker->log, LOG_ERR, "a lane was detached", "service=%s domid=%u lane=%s",
              service_name(p->service, name), l->domid, lane);
}

static void on_refused(struct chan *chan, const struct chan_message *m, void *data)
{
    struct peer *p = data;

    (void)chan;
    if (!p->service || !p->service->wire)
        peer_cut(p, "a notice before Hello");
    else
        service_refused(p->service, ((const Vgt__Refused *)m->body)->text);
}

static void on_ctl(struct chan *chan, const struct chan_message *m, void *data)
{
    (void)chan;
    ctl_request(data, m);
}

static const struct chan_type wire_types[] = {
    {VGT__TYPE__TYPE_HELLO, &vgt__hello__descriptor, on_hello},
    {VGT__TYPE__TYPE_ERROR, &vgt__error__descriptor, on_reply},
    {VGT__TYPE__TYPE_GUEST_READY, &vgt__guest_ready__descriptor, on_reply},
    {VGT__TYPE__TYPE_GUEST_REMOVED, &vgt__guest_removed__descriptor, on_reply},
    {VGT__TYPE__TYPE_STATS_REPLY, &vgt__stats_reply__descriptor, on_reply},
    {VGT__TYPE__TYPE_SLICE_REPLY, &vgt__slice_reply__descriptor, on_reply},
    {VGT__TYPE__TYPE_LANE_BROKEN, &vgt__lane_broken__descriptor, on_lane_broken},
    {VGT__TYPE__TYPE_REFUSED, &vgt__refused__descriptor, on_refused},
    /* Up to here on the core channel, too. */
    {VGT__TYPE__TYPE_SWITCH_REPLY, &vgt__switch_reply__descriptor, on_reply},
    {VGT__TYPE__TYPE_SCREENSHOT_REPLY, &vgt__screenshot_reply__descriptor, on_reply},
    {VGT__TYPE__TYPE_APERTURE, &vgt__aperture_request__descriptor, on_aperture},
    {VGT__TYPE__TYPE_SLICE, &vgt__slice_request__descriptor, on_slice},
};
#define WIRE_TYPES (sizeof(wire_types) / sizeof(wire_types[0]))
#define CORE_TYPES 8u

static const struct chan_type ctl_types[] = {
    {VGT__TYPE__TYPE_HELLO, &vgt__hello__descriptor, on_hello},
    {VGT__TYPE__TYPE_STATUS, &vgt__status_request__descriptor, on_ctl},
    {VGT__TYPE__TYPE_LIST, &vgt__list_request__descriptor, on_ctl},
    {VGT__TYPE__TYPE_TYPES, &vgt__types_request__descriptor, on_ctl},
    {VGT__TYPE__TYPE_SHOW, &vgt__show_request__descriptor, on_ctl},
    {VGT__TYPE__TYPE_SWITCH, &vgt__switch_request__descriptor, on_ctl},
    {VGT__TYPE__TYPE_SCREENSHOT, &vgt__screenshot_request__descriptor, on_ctl},
    {VGT__TYPE__TYPE_ATTACH, &vgt__attach_request__descriptor, on_ctl},
    {VGT__TYPE__TYPE_DETACH, &vgt__detach_request__descriptor, on_ctl},
};
#define CTL_TYPES (sizeof(ctl_types) / sizeof(ctl_types[0]))

/* ---- listening */

/* Each holds memory and a descriptor of ours, which others need. */
static bool too_many(const struct broker *b, struct chan_peer who)
{
    unsigned n = 0;

    for (const struct peer *p = b->peers; p; p = p->next)
        n += p->kind != PEER_CTL && chan_peer(p->chan).pid == who.pid;
    return n >= MAX_OF_PID;
}

static void accepted(struct chan *chan, void *data)
{
    struct listener_of *of = data;
    struct broker *b = of->broker;
    struct chan_peer who = chan_peer(chan);
    bool many = of->kind != PEER_CTL && who.pid && too_many(b, who);
    struct peer *p = many ? NULL : calloc(1, sizeof(*p));

    if (many)
        log_limited(b->log, &b->cuts, LOG_WARNING, "a process has too many connections",
                    "uid=%d pid=%d", (int)who.uid, who.pid);
    if (!p) {
        chan_close(chan);
        return;
    }
    *p = (struct peer){
        .broker = b, .next = b->peers, .chan = chan, .kind = of->kind, .since_ns = broker_now()};
    p->last = &p->first;
    b->peers = p;
    chan_set_data(chan, p);
}

static int listen_on(struct broker *b, const char *uri, enum peer_kind kind,
                     struct chan_listener **listener)
{
    int rc = chan_listen(b->loop, b->config.store, uri, &b->user[kind], accepted, &b->of[kind],
                         listener);

    if (rc)
        log_limited(b->log, &b->refusals, LOG_ERR, "cannot listen", "at=%s error=%d why=\"%s\"",
                    uri, rc, strerror(-rc));
    return rc;
}

/* Services have users of their own; the group lets them all reach the wiring socket. */
static void open_wire_socket(struct broker *b)
{
    if (b->wire_gid != UINT32_MAX && !strncmp(b->config.wire, "unix:", 5) &&
        chown(b->config.wire + 5, (uid_t)-1, b->wire_gid))
        log_write(b->log, LOG_WARNING, "cannot give the wiring socket to group vgt", "error=%d",
                  -errno);
}

static void set_up_users(struct broker *b)
{
    static const struct chan_type *const types[PEER_KINDS] = {wire_types, wire_types, ctl_types};
    static const unsigned counts[PEER_KINDS] = {WIRE_TYPES, CORE_TYPES, CTL_TYPES};

    for (unsigned i = 0; i < PEER_KINDS; i++) {
        b->user[i] = (struct chan_user){.types = types[i],
                                        .count = counts[i],
                                        .closed = on_closed,
                                        .drained = on_drained,
                                        .log = b->log,
                                        .limit = &b->cuts,
                                        .no_fds = true};
        b->of[i] = (struct listener_of){b, (enum peer_kind)i};
    }
}

int peers_listen(struct broker *b)
{
    int rc;

    if (!b->user[PEER_WIRE].count)
        set_up_users(b);
    rc = *b->refusal || b->wire ? 0 : listen_on(b, b->config.wire, PEER_WIRE, &b->wire);
    if (!rc && !*b->refusal)
        open_wire_socket(b);
    if (!rc && b->config.core && !*b->refusal && !b->core)
        rc = listen_on(b, b->config.core, PEER_CORE, &b->core);
    for (unsigned i = 0; !rc && i < b->config.ctl_count; i++)
        if (!b->ctl[i])
            rc = listen_on(b, b->config.ctl[i], PEER_CTL, &b->ctl[i]);
    return rc;
}

void peers_unlisten(struct broker *b)
{
    chan_unlisten(b->wire);
    chan_unlisten(b->core);
    for (unsigned i = 0; i < b->config.ctl_count; i++)
        chan_unlisten(b->ctl[i]);
    b->wire = b->core = NULL;
    while (b->peers)
        peer_close(b->peers);
}
