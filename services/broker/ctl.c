/* SPDX-License-Identifier: MIT */
/*
 * ctl.c: requests of vgtctl, vgt-dm and management domains, and requests of one service that
 * another one answers: each is handed on, and the replies, one or many, go back with the asker's
 * id.
 */
#include "services/broker/priv.h"

#include "lib/crash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define RELAY_NS   30000000000ull
#define MAX_RELAYS 32u /* unanswered requests of one peer */

struct relay {
    struct relay *next;
    struct peer *peer; /* who asked */
    uint32_t id, reply;
    const char *role;
};

static void end_relay(struct broker *b, struct relay *r)
{
    struct relay **link = &b->relays;

    while (*link != r)
        link = &(*link)->next;
    *link = r->next;
    r->peer->relayed--;
    calls_cancel(b, r);
    free(r);
}

static void relay_error(struct relay *r, int err, const char *text)
{
    char own[80];

    snprintf(own, sizeof(own), err == -ETIMEDOUT ? "%s does not answer" : "%s is not running",
             r->role);
    peer_error(r->peer, r->id, err > 0 ? err : -err, err > 0 ? text : own);
}

static bool last_of(uint32_t type, const ProtobufCMessage *body)
{
    return type != VGT__TYPE__TYPE_SCREENSHOT_REPLY || ((const Vgt__ScreenshotReply *)body)->last;
}

static bool relayed(struct broker *b, void *owner, int err, const char *text,
                    const ProtobufCMessage *body)
{
    struct relay *r = owner;

    crash_point("broker.relay.answered");
    if (err) {
        relay_error(r, err, text);
    } else {
        peer_send(r->peer, r->reply, r->id, body);
        if (!last_of(r->reply, body))
            return true;
    }
    end_relay(b, r);
    return false;
}

/* The reply's type is the next number after the request's. */
static void hand_on(struct peer *p, const struct chan_message *m, enum role to)
{
    struct broker *b = p->broker;
    struct relay *r;
    int rc;

    if (p->relayed >= MAX_RELAYS) {
        peer_error(p, m->id, EBUSY, "too many requests are unanswered");
        return;
    }
    r = calloc(1, sizeof(*r));
    if (!r) {
        peer_error(p, m->id, ENOMEM, "out of memory");
        return;
    }
    *r = (struct relay){b->relays, p, m->id, m->type + 1, role_names[to]};
    b->relays = r;
    p->relayed++;
    crash_point("broker.relay.asks");
    rc = call_start(b, &b->service[to], m->type, r->reply, m->body, RELAY_NS, relayed, r);
    if (rc) {
        relay_error(r, rc, "");
        end_relay(b, r);
    }
}

void slice_request(struct peer *p, const struct chan_message *m)
{
    hand_on(p, m, ROLE_GTT);
}

void relays_lost(struct broker *b, const struct peer *p)
{
    struct relay *next;

    for (struct relay *r = b->relays; r; r = next) {
        next = r->next;
        if (r->peer == p)
            end_relay(b, r);
    }
}

void relays_free(struct broker *b)
{
    while (b->relays)
        end_relay(b, b->relays);
}

/* ---- one handler per request */

static void unknown_guest(struct peer *p, uint32_t id, uint32_t domid)
{
    char text[96];

    snprintf(text, sizeof(text), "no vGPU for domain %u; vgtctl list shows them", domid);
    peer_error(p, id, ENOENT, text);
}

static void on_switch(struct peer *p, const struct chan_message *m)
{
    uint32_t domid = ((const Vgt__SwitchRequest *)m->body)->domid;

    if (domid && !guest_find(p->broker, domid))
        unknown_guest(p, m->id, domid);
    else
        hand_on(p, m, ROLE_DISPLAY);
}

static void on_screenshot(struct peer *p, const struct chan_message *m)
{
    uint32_t domid = ((const Vgt__ScreenshotRequest *)m->body)->domid;

    if (domid && !guest_find(p->broker, domid))
        unknown_guest(p, m->id, domid);
    else
        hand_on(p, m, ROLE_DISPLAY);
}

static void on_show(struct peer *p, const struct chan_message *m)
{
    uint32_t domid = ((const Vgt__ShowRequest *)m->body)->domid;

    if (!guest_find(p->broker, domid))
        unknown_guest(p, m->id, domid);
    else
        stats_request(p, m);
}

static void on_detach(struct peer *p, const struct chan_message *m)
{
    uint32_t domid = ((const Vgt__DetachRequest *)m->body)->domid;
    struct guest *g = guest_find(p->broker, domid);

    if (chan_peer(p->chan).domid) {
        peer_error(p, m->id, EPERM, "only domain 0 detaches vGPUs");
    } else if (!g) {
        unknown_guest(p, m->id, domid);
    } else if (g->detacher) {
        peer_error(p, m->id, EALREADY, "this vGPU is being detached");
    } else {
        g->detacher = p;
        g->detach_id = m->id;
        if (g->s->stage == GUEST_ATTACHING) {
            guest_because(g, ECANCELED, "the vGPU was detached before it was ready");
            guest_step_failed(g);
        } else {
            remove_begin(g);
        }
    }
}

static const struct {
    uint32_t type;
    void (*handle)(struct peer *p, const struct chan_message *m);
} handlers[] = {
    {VGT__TYPE__TYPE_STATUS, stats_request},  {VGT__TYPE__TYPE_LIST, stats_request},
    {VGT__TYPE__TYPE_TYPES, stats_request},   {VGT__TYPE__TYPE_SHOW, on_show},
    {VGT__TYPE__TYPE_SWITCH, on_switch},      {VGT__TYPE__TYPE_SCREENSHOT, on_screenshot},
    {VGT__TYPE__TYPE_ATTACH, attach_request}, {VGT__TYPE__TYPE_DETACH, on_detach},
};

void ctl_request(struct peer *p, const struct chan_message *m)
{
    if (*p->broker->refusal && m->type != VGT__TYPE__TYPE_STATUS) {
        peer_error(p, m->id, EPROTONOSUPPORT, p->broker->refusal);
        return;
    }
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
        if (handlers[i].type == m->type) {
            handlers[i].handle(p, m);
            return;
        }
}
