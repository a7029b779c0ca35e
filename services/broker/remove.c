/* SPDX-License-Identifier: MIT */
/*
 * remove.c: a guest's vGPU goes away, because its domain did, somebody asked, or an attach failed.
 * The order is that of the TLB rule: vgt-mmio, then sched and display stop (but still publish
 * invalidations), gtt lets go of the memory, then sched and display forget. Only who may know of
 * the guest is asked. A step that fails is logged and the next one taken.
 */
#include "services/broker/priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define AGAIN_NS 5000000000ull /* to the next try after a refusal */

static bool removed(struct broker *b, void *owner, int err, const char *text,
                    const ProtobufCMessage *body)
{
    struct guest *g = owner;

    (void)b;
    (void)body;
    if (err == -ECONNRESET) {
        guest_step_again(g);
    } else if (err && g->steps[g->at].insists) {
        guest_because(g, err > 0 ? err : -err, "%s", err > 0 ? text : "no answer");
        g->not_before = broker_now() + AGAIN_NS;
        guest_step_again(g);
    } else if (err) {
        guest_because(g, err > 0 ? err : -err, "%s", err > 0 ? text : "no answer");
        guest_step_failed(g);
    } else {
        guest_step_done(g);
    }
    return false;
}

/* A service that is away comes back, is told of the guest (service.c) and then of its removal. */
static int ask(struct guest *g, enum role role, bool final)
{
    Vgt__GuestRemove r = VGT__GUEST_REMOVE__INIT;
    struct service *s = guest_service(g, role);
    int rc;

    if (!(g->s->held & (1u << role | (role == ROLE_GTT ? HELD_TRIED : 0))))
        return STEP_DONE;
    if (!s->up) {
        guest_because(g, EAGAIN, "%s is not running", role_names[role]);
        return STEP_POLL;
    }
    r.domid = g->s->domid;
    r.final = final;
    rc = call_start(g->broker, s, VGT__TYPE__TYPE_GUEST_REMOVE, VGT__TYPE__TYPE_GUEST_REMOVED,
                    &r.base, g->broker->limit_ns, removed, g);
    if (!rc)
        return STEP_WAIT;
    guest_because(g, -rc, "cannot ask: %s", strerror(-rc));
    return g->steps[g->at].insists ? STEP_POLL : rc;
}

/* vgt-mmio is not waited for: it is stopped next, and may have noticed the end of the domain. */
static int step_tell_mmio(struct guest *g)
{
    Vgt__GuestRemove r = VGT__GUEST_REMOVE__INIT;

    if (!g->mmio.up)
        return STEP_DONE;
    r.domid = g->s->domid;
    r.final = true;
    chan_send(g->mmio.control->chan, VGT__TYPE__TYPE_GUEST_REMOVE,
              chan_next_id(g->mmio.control->chan), &r.base, NULL, 0);
    return STEP_DONE;
}

static void unit_stopped(struct guest *g, int err)
{
    if (err)
        log_write(g->broker->log, LOG_WARNING, "vgt-mmio could not be stopped", "domid=%u error=%d",
                  g->s->domid, err);
    guest_step_done(g);
}

static int step_stop_mmio(struct guest *g)
{
    int rc;

    if (!g->broker->config.units || !(g->s->held & HELD_UNIT))
        return STEP_DONE;
    rc = unit_start(g, "stop", unit_stopped);
    return rc ? guest_because(g, -rc, "vgt-units.socket does not answer: %s", strerror(-rc))
              : STEP_WAIT;
}

static int step_mmio_gone(struct guest *g)
{
    guest_because(g, EBUSY, "vgt-mmio@%u still runs", g->s->domid);
    if (g->mmio.wire)
        return STEP_POLL;
    g->s->held &= ~(HELD_UNIT | 1u << ROLE_MMIO);
    return STEP_DONE;
}

static int step_sched_stops(struct guest *g)
{
    return ask(g, ROLE_SCHED, false);
}

static int step_display_stops(struct guest *g)
{
    return ask(g, ROLE_DISPLAY, false);
}

static int step_gtt(struct guest *g)
{
    return ask(g, ROLE_GTT, true);
}

static int step_sched_forgets(struct guest *g)
{
    g->s->held &= ~(HELD_TRIED | 1u << ROLE_GTT); /* its step is over */
    return ask(g, ROLE_SCHED, true);
}

static int step_display_forgets(struct guest *g)
{
    g->s->held &= ~(1u << ROLE_SCHED);
    return ask(g, ROLE_DISPLAY, true);
}

/* Pins that vgt-gtt could not release keep the domain attached; it is tried until it works. */
static int step_module(struct guest *g)
{
    int fd = parts_fd(&g->broker->parts, "vgt-broker.dev"), rc;

    g->s->held &= ~(1u << ROLE_DISPLAY);
    if (!(g->s->held & HELD_MODULE))
        return STEP_DONE;
    rc = g->broker->config.module->detach(fd, (uint16_t)g->s->domid);
    if (rc == -EBUSY) {
        if (!g->told)
            log_write(g->broker->log, LOG_WARNING, "the module still holds pins", "domid=%u",
                      g->s->domid);
        g->told = true;
        g->deadline = broker_now() + g->broker->limit_ns;
        return STEP_POLL;
    }
    g->s->held &= ~(uint32_t)HELD_MODULE;
    /* Not attached is what was wanted. */
    return rc && rc != -ENOENT && rc != -ESRCH
               ? guest_because(g, -rc, "the module did not detach the domain: %s", strerror(-rc))
               : STEP_DONE;
}

/* A domain that lives on loses sight of the aperture. */
static int step_aperture(struct guest *g)
{
    uint64_t at = g->s->aperture_at, first = g->s->low_base;
    const struct vmm_ops *ops = g->broker->config.vmm;
    int rc;

    g->s->aperture_at = 0;
    if (!at || !g->vmm || ops->alive(g->vmm))
        return STEP_DONE;
    rc = ops->map_machine(g->vmm, (at + first) >> 12,
                          (g->broker->config.device.aperture_base + first) >> 12,
                          g->s->low_size >> 12, false);
    return rc ? guest_because(g, -rc, "the aperture stays mapped: %s", strerror(-rc)) : STEP_DONE;
}

const struct step remove_steps[] = {
    {"vgt-mmio is told", step_tell_mmio, false},
    {"systemd stops vgt-mmio", step_stop_mmio, false},
    {"vgt-mmio is gone", step_mmio_gone, false},
    {"the aperture is unmapped", step_aperture, false},
    {"vgt-sched stops the guest", step_sched_stops, false},
    {"vgt-display stops the guest", step_display_stops, false},
    /* Who is not told now is never told, and the pins stay. */
    {"vgt-gtt releases its memory", step_gtt, true},
    {"vgt-sched forgets the guest", step_sched_forgets, false},
    {"vgt-display forgets the guest", step_display_forgets, false},
    {"the kernel module lets go", step_module, true},
    {NULL, NULL, false},
};

void remove_begin(struct guest *g)
{
    if (g->s->stage == GUEST_DETACHING && g->steps)
        return;
    g->s->stage = GUEST_DETACHING;
    guest_begin(g, remove_steps);
}

void remove_over(struct guest *g)
{
    Vgt__DetachReply reply = VGT__DETACH_REPLY__INIT;
    struct guest_state *s = g->s;
    struct broker *b = g->broker;
    char prefix[16];

    if (g->detacher)
        peer_send(g->detacher, VGT__TYPE__TYPE_DETACH_REPLY, g->detach_id, &reply.base);
    log_write(b->log, LOG_INFO, "removed", "domid=%u name=\"%s\"", s->domid, s->name);
    snprintf(prefix, sizeof(prefix), "g.%u.", s->domid);
    fdstore_drop(b, prefix, &g->parts);
    guest_free(g);
    memset(s, 0, sizeof(*s));
    guests_kick(b);
}
