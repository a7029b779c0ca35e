/* SPDX-License-Identifier: MIT */
/*
 * remove.c: a guest's vGPU goes away, because its domain did, somebody asked, or an attach failed.
 * The order is that of the TLB rule: vgt-mmio, then sched and display stop (but still publish
 * invalidations), gtt lets go of the memory, then sched and display forget. Only who may know of
 * the guest is asked, and is waited for as long as it takes: what a service holds of a guest is let
 * go by that service alone, perhaps by its next process. Any other step that fails is logged and
 * the next one taken.
 */
#include "services/broker/priv.h"

#include "lib/crash.h"
#include "services/wire/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define AGAIN_NS 5000000000ull /* to the next try after a refusal */

/* What is noted of a service that knows of the guest, or may. */
static uint32_t held_by(enum role role)
{
    return 1u << role | (role == ROLE_GTT ? HELD_TRIED : 0);
}

/* The service is away or silent, or cannot do it now: said once, then it is asked again. */
static void wait_for(struct guest *g, const char *how)
{
    if (!g->told)
        log_write(g->broker->log, LOG_WARNING, "removal waits for a service",
                  "domid=%u step=\"%s\" service=\"%s\" reason=\"%s\"", g->s->domid,
                  g->steps[g->at].what, role_names[g->asked], how);
    g->told = true;
}

/* Written down at once: a service that dies now is not to hear of the guest again. A service that
 * did not have it has nothing to acknowledge, and need not be asked to forget it. */
static void note_removed(struct guest *g, const Vgt__GuestRemoved *r)
{
    if (g->asked_final || r->unknown)
        g->s->held &= ~held_by(g->asked);
    guest_step_done(g);
}

/* vgt-gtt's word is waited for also then: who is not told now is never told, and the pins stay. */
static void refused(struct guest *g, int err, const char *text)
{
    guest_because(g, err > 0 ? err : -err, "%s", err > 0 ? text : "no answer");
    if (g->asked != ROLE_GTT) {
        guest_step_failed(g);
        return;
    }
    wait_for(g, g->because);
    g->not_before = broker_now() + AGAIN_NS;
    guest_step_again(g);
}

static bool removed(struct broker *b, void *owner, int err, const char *text,
                    const ProtobufCMessage *body)
{
    struct guest *g = owner;

    (void)b;
    (void)body;
    crash_point("broker.remove.answered");
    if (err == -ECONNRESET || err == -ETIMEDOUT) {
        if (err == -ETIMEDOUT)
            wait_for(g, "it does not answer");
        guest_step_again(g);
    } else if (err) {
        refused(g, err, text);
    } else {
        note_removed(g, (const Vgt__GuestRemoved *)body);
    }
    return false;
}

/* Who would publish no invalidation for vgt-gtt, because the attach did not come that far. */
static uint32_t unseen(const struct guest *g)
{
    return (g->s->held & (1u << ROLE_SCHED) ? 0 : WIRE_UNSEEN_SCHED) |
           (g->s->held & (1u << ROLE_DISPLAY) ? 0 : WIRE_UNSEEN_DISPLAY);
}

/* A service that is away comes back, is told of the guest (service.c) and then of its removal. */
static int ask(struct guest *g, enum role role, bool final)
{
    Vgt__GuestRemove r = VGT__GUEST_REMOVE__INIT;
    struct service *s = guest_service(g, role);
    int rc;

    if (!(g->s->held & held_by(role)))
        return STEP_DONE;
    g->asked = role;
    g->asked_final = final;
    g->deadline = UINT64_MAX; /* also if we ourselves were stopped for long */
    if (!s->up) {
        if (broker_now() - s->down_ns > g->broker->limit_ns)
            wait_for(g, "it is not running");
        return STEP_POLL;
    }
    r.domid = g->s->domid;
    r.final = final;
    r.unseen = role == ROLE_GTT ? unseen(g) : 0;
    rc = call_start(g->broker, s, VGT__TYPE__TYPE_GUEST_REMOVE, VGT__TYPE__TYPE_GUEST_REMOVED,
                    &r.base, g->broker->limit_ns, removed, g);
    crash_point("broker.remove.asked");
    return rc ? STEP_POLL : STEP_WAIT;
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
    crash_point("broker.remove.mmio-told");
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
    crash_point("broker.remove.mmio-gone");
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
    return ask(g, ROLE_SCHED, true);
}

static int step_display_forgets(struct guest *g)
{
    return ask(g, ROLE_DISPLAY, true);
}

/* Pins that vgt-gtt could not release keep the domain attached; it is tried until it works. */
static int step_module(struct guest *g)
{
    int fd = parts_fd(&g->broker->parts, "vgt-broker.dev"), rc;

    if (!(g->s->held & HELD_MODULE))
        return STEP_DONE;
    rc = g->broker->config.module->detach(fd, (uint16_t)g->s->domid);
    crash_point("broker.remove.module");
    if (rc == -EBUSY) {
        if (!g->told)
            log_write(g->broker->log, LOG_WARNING, "the module still holds pins", "domid=%u",
                      g->s->domid);
        g->told = true;
        g->deadline = UINT64_MAX;
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
    crash_point("broker.remove.aperture");
    if (!at || !g->vmm || ops->alive(g->vmm))
        return STEP_DONE;
    rc = ops->map_machine(g->vmm, (at + first) >> 12,
                          (g->broker->config.device.aperture_base + first) >> 12,
                          g->s->low_size >> 12, false);
    return rc ? guest_because(g, -rc, "the aperture stays mapped: %s", strerror(-rc)) : STEP_DONE;
}

const struct step remove_steps[] = {
    {"vgt-mmio is told", step_tell_mmio},
    {"systemd stops vgt-mmio", step_stop_mmio},
    {"vgt-mmio is gone", step_mmio_gone},
    {"the aperture is unmapped", step_aperture},
    {"vgt-sched stops the guest", step_sched_stops},
    {"vgt-display stops the guest", step_display_stops},
    {"vgt-gtt releases its memory", step_gtt},
    {"vgt-sched forgets the guest", step_sched_forgets},
    {"vgt-display forgets the guest", step_display_forgets},
    {"the kernel module lets go", step_module},
    {NULL, NULL},
};

void remove_begin(struct guest *g)
{
    if (g->s->stage == GUEST_DETACHING && g->steps)
        return;
    g->s->stage = GUEST_DETACHING;
    crash_point("broker.remove.begun");
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
    crash_point("broker.remove.replied");
    log_write(b->log, LOG_INFO, "removed", "domid=%u name=\"%s\"", s->domid, s->name);
    snprintf(prefix, sizeof(prefix), "g.%u.", s->domid);
    fdstore_drop(b, prefix, &g->parts);
    guest_free(g);
    crash_point("broker.remove.freed");
    memset(s, 0, sizeof(*s));
    crash_point("broker.remove.over");
    guests_kick(b);
}
