/* SPDX-License-Identifier: MIT */
/*
 * attach.c: a domain gets a vGPU, one named step after the other; vgt-dm waits for the answer. If a
 * step fails, the sentence goes to vgt-dm and removal undoes what was done. Who may know of the
 * guest is noted before he is told, for the broker that finds an attach half done.
 */
#include "services/broker/priv.h"

#include "lib/crash.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FIRST_RESERVED 0x7ff0u /* Xen's special domain ids begin here */

/* ---- steps */

static int step_services(struct guest *g)
{
    for (unsigned i = 0; i < CORE_ROLES; i++)
        if (!g->broker->service[i].up) {
            guest_because(g, EAGAIN, "%s is not running", role_names[i]);
            return STEP_POLL;
        }
    return STEP_DONE;
}

/* A guest that reboots comes back under a new domain while its old one is taken down: what that
 * one holds is worth a third of the time limit, unless it is stuck. */
static int step_departures(struct guest *g)
{
    struct broker *b = g->broker;

    for (unsigned i = 0; i < BROKER_MAX_GUESTS; i++)
        if (b->guest[i] && b->guest[i]->s->stage == GUEST_DETACHING && !b->guest[i]->told)
            return broker_now() + b->limit_ns * 2 / 3 < g->deadline ? STEP_POLL : STEP_DONE;
    return STEP_DONE;
}

static int step_parts(struct guest *g)
{
    char prefix[16];
    int rc = parts_make_guest(&g->parts);

    if (rc)
        return guest_because(g, -rc, "cannot make the shared memory of a vGPU: %s", strerror(-rc));
    crash_point("broker.attach.parts");
    snprintf(prefix, sizeof(prefix), "g.%u.", g->s->domid);
    fdstore_put(g->broker, prefix, &g->parts, 0);
    crash_point("broker.attach.stored");
    return STEP_DONE;
}

static int step_domain(struct guest *g)
{
    const struct vmm_ops *ops = g->broker->config.vmm;
    int rc = ops ? ops->open_control(g->s->domid, &g->vmm) : 0;

    crash_point("broker.attach.domain");
    if (!rc && ops)
        rc = ops->alive(g->vmm);
    if (rc)
        return guest_because(g, ESRCH, "domain %u cannot be reached: %s", g->s->domid,
                             strerror(-rc));
    return STEP_DONE;
}

static int step_module(struct guest *g)
{
    int fd = parts_fd(&g->broker->parts, "vgt-broker.dev"), rc;

    /* Here and below: written down before it is so. A broker that dies in between shall find it. */
    g->s->held |= HELD_MODULE;
    crash_point("broker.attach.module-noted");
    rc = g->broker->config.module->attach(fd, (uint16_t)g->s->domid);
    crash_point("broker.attach.module");
    if (!rc)
        return STEP_DONE;
    g->s->held &= ~(uint32_t)HELD_MODULE;
    return guest_because(g, -rc, "the kernel module did not attach domain %u: %s", g->s->domid,
                         strerror(-rc));
}

/* A lost service is asked again when it is back; its refusal is handed on as it is. */
static bool answered(struct guest *g, enum role role, int err, const char *text)
{
    crash_point("broker.attach.granted");
    if (!err)
        return true;
    if (err == -ECONNRESET) {
        g->s->held &= ~(1u << role);
        if (role == ROLE_GTT)
            g->s->held |= HELD_TRIED;
        g->resumed = true;
        guest_because(g, EAGAIN, "%s went away while it attached the guest", role_names[role]);
        guest_step_again(g);
        return false;
    }
    if (err > 0)
        g->s->held &= ~(1u << role);
    if (err == -ETIMEDOUT)
        guest_because(g, ETIMEDOUT, "%s does not answer", role_names[role]);
    else
        guest_because(g, err > 0 ? err : -err, "%s", text);
    guest_step_failed(g);
    return false;
}

static int add_to(struct guest *g, enum role role, call_done *done)
{
    struct service *s = guest_service(g, role);
    int rc;

    if (!s->up)
        return STEP_POLL;
    g->s->held |= 1u << role;
    crash_point("broker.attach.asks");
    /* Before anything runs there is nothing to resume, except the claim vgt-mmio may have made. */
    rc = service_add(s, g, role == ROLE_MMIO && g->resumed, done);
    crash_point("broker.attach.asked");
    if (!rc)
        return STEP_WAIT;
    g->s->held &= ~(1u << role);
    return guest_because(g, -rc, "%s cannot be asked: %s", role_names[role], strerror(-rc));
}

static bool gtt_ready(struct broker *b, void *owner, int err, const char *text,
                      const ProtobufCMessage *body)
{
    const Vgt__GuestReady *ready = (const Vgt__GuestReady *)body;
    struct guest *g = owner;

    (void)b;
    if (!answered(g, ROLE_GTT, err, text))
        return false;
    if (!ready->resources) {
        guest_because(g, EPROTO, "vgt-gtt granted nothing");
        guest_step_failed(g);
        return false;
    }
    g->s->low_base = ready->resources->low_base;
    g->s->low_size = ready->resources->low_size;
    g->s->high_base = ready->resources->high_base;
    g->s->high_size = ready->resources->high_size;
    g->s->fence_base = ready->resources->fence_base;
    g->s->fences = ready->resources->fences;
    crash_point("broker.attach.resources");
    guest_step_done(g);
    return false;
}

static int step_gtt(struct guest *g)
{
    return add_to(g, ROLE_GTT, gtt_ready);
}

static bool sched_ready(struct broker *b, void *owner, int err, const char *text,
                        const ProtobufCMessage *body)
{
    (void)b;
    (void)body;
    if (answered(owner, ROLE_SCHED, err, text))
        guest_step_done(owner);
    return false;
}

static int step_sched(struct guest *g)
{
    return add_to(g, ROLE_SCHED, sched_ready);
}

static bool display_ready(struct broker *b, void *owner, int err, const char *text,
                          const ProtobufCMessage *body)
{
    const Vgt__GuestReady *ready = (const Vgt__GuestReady *)body;
    struct guest *g = owner;

    (void)b;
    if (!answered(g, ROLE_DISPLAY, err, text))
        return false;
    g->s->edid_size = 0;
    if (ready->edid.len <= sizeof(g->s->edid)) {
        memcpy(g->s->edid, ready->edid.data, ready->edid.len);
        g->s->edid_size = (uint32_t)ready->edid.len;
    }
    guest_step_done(g);
    return false;
}

static int step_display(struct guest *g)
{
    return add_to(g, ROLE_DISPLAY, display_ready);
}

static void unit_started(struct guest *g, int err)
{
    if (!err) {
        guest_step_done(g);
        return;
    }
    guest_because(g, -err, "systemd does not start vgt-mmio@%u.service", g->s->domid);
    guest_step_failed(g);
}

static int step_unit(struct guest *g)
{
    int rc;

    if (!g->broker->config.units)
        return STEP_DONE;
    g->s->held |= HELD_UNIT;
    rc = unit_start(g, "start", unit_started);
    if (!rc)
        return STEP_WAIT;
    g->s->held &= ~(uint32_t)HELD_UNIT;
    return guest_because(g, -rc, "vgt-units.socket does not answer: %s", strerror(-rc));
}

static int step_hello(struct guest *g)
{
    if (g->mmio.up)
        return STEP_DONE;
    guest_because(g, ETIMEDOUT, "vgt-mmio@%u.service did not come up; see its journal",
                  g->s->domid);
    return STEP_POLL;
}

static bool mmio_ready(struct broker *b, void *owner, int err, const char *text,
                       const ProtobufCMessage *body)
{
    (void)b;
    (void)body;
    if (answered(owner, ROLE_MMIO, err, text))
        guest_step_done(owner);
    return false;
}

static int step_mmio(struct guest *g)
{
    return add_to(g, ROLE_MMIO, mmio_ready);
}

static int step_answer(struct guest *g)
{
    Vgt__AttachReply reply = VGT__ATTACH_REPLY__INIT;
    Vgt__Resources resources;

    g->s->stage = GUEST_RUNNING;
    crash_point("broker.attach.running");
    guest_resources(g, &resources);
    reply.vgpu = g->s->vgpu;
    reply.resources = &resources;
    if (g->asker)
        peer_send(g->asker, VGT__TYPE__TYPE_ATTACH_REPLY, g->ask_id, &reply.base);
    g->asker = NULL;
    crash_point("broker.attach.answered");
    log_write(g->broker->log, LOG_INFO, "attached",
              "domid=%u name=\"%s\" vgpu=%u type=%s low=%lluM high=%lluM fences=%u", g->s->domid,
              g->s->name, g->s->vgpu, g->s->type, (unsigned long long)(g->s->low_size >> 20),
              (unsigned long long)(g->s->high_size >> 20), g->s->fences);
    return STEP_DONE;
}

const struct step attach_steps[] = {
    {"the services run", step_services},
    {"the domain is there", step_domain},
    {"guests on their way out are gone", step_departures},
    {"shared memory is made", step_parts},
    {"the kernel module knows the domain", step_module},
    {"vgt-gtt grants graphics memory", step_gtt},
    {"vgt-sched takes the guest", step_sched},
    {"vgt-display takes the guest", step_display},
    {"systemd starts vgt-mmio", step_unit},
    {"vgt-mmio comes up", step_hello},
    {"vgt-mmio emulates the device", step_mmio},
    {"vgt-dm is answered", step_answer},
    {NULL, NULL},
};

void attach_failed(struct guest *g)
{
    if (g->asker)
        peer_error(g->asker, g->ask_id, g->error, g->because);
    g->asker = NULL;
}

/* ---- the request */

static unsigned free_slot(const struct broker *b)
{
    unsigned i = 0;

    while (i < BROKER_MAX_GUESTS && b->guest[i])
        i++;
    return i;
}

static uint32_t free_vgpu(const struct broker *b)
{
    for (uint32_t n = 1;; n++) {
        bool taken = false;

        for (unsigned i = 0; i < BROKER_MAX_GUESTS; i++)
            taken |= b->guest[i] && b->guest[i]->s->vgpu == n;
        if (!taken)
            return n;
    }
}

static int admit(struct peer *p, const Vgt__AttachRequest *r, char *why, size_t size)
{
    struct broker *b = p->broker;

    if (chan_peer(p->chan).domid) {
        snprintf(why, size, "only domain 0 attaches vGPUs");
        return EPERM;
    }
    if (!r->domid || r->domid >= FIRST_RESERVED) {
        snprintf(why, size, "%u is not a guest's domain id", r->domid);
        return EINVAL;
    }
    if (guest_find(b, r->domid)) {
        snprintf(why, size, "domain %u has a vGPU already", r->domid);
        return EEXIST;
    }
    if (free_slot(b) == BROKER_MAX_GUESTS) {
        snprintf(why, size, "%u guests have a vGPU; there can be no more", BROKER_MAX_GUESTS);
        return ENOSPC;
    }
    return 0;
}

static struct guest *enter(struct broker *b, const Vgt__AttachRequest *r,
                           const struct guest_state *sizes)
{
    unsigned slot = free_slot(b);
    struct guest_state *s = &b->state->guest[slot];
    uint32_t vgpu = free_vgpu(b);
    struct guest *g;

    *s = *sizes;
    s->domid = r->domid;
    s->vgpu = vgpu;
    s->generation = ++b->state->generation;
    log_clean(s->name, sizeof(s->name), r->name);
    crash_point("broker.attach.filled");
    s->stage = GUEST_ATTACHING;
    crash_point("broker.attach.entered");
    g = guest_new(b, slot);
    if (!g)
        s->stage = GUEST_FREE;
    return g;
}

void attach_request(struct peer *p, const struct chan_message *m)
{
    const Vgt__AttachRequest *r = (const Vgt__AttachRequest *)m->body;
    struct guest_state sizes = {0};
    struct guest *g = NULL;
    char why[160] = "out of memory";
    int err = admit(p, r, why, sizeof(why));

    if (!err)
        err = vgpu_type(r, &sizes, why, sizeof(why));
    if (!err)
        g = enter(p->broker, r, &sizes);
    if (!g) {
        peer_error(p, m->id, err ? err : ENOMEM, why);
        return;
    }
    g->asker = p;
    g->ask_id = m->id;
    guest_begin(g, attach_steps);
}
