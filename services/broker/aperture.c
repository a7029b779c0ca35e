/* SPDX-License-Identifier: MIT */
/*
 * aperture.c: shows a guest its own part of the physical aperture where it wants BAR2: unmap, then
 * map, then answer. vgt-mmio asks, for its own domain only. The calls to the hypervisor are bounded
 * by the size of the guest's part.
 */
#include "services/broker/priv.h"

#include "lib/crash.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define GPA_LIMIT (1ull << 46)

static int map(struct guest *g, uint64_t at, bool on)
{
    const struct guest_state *s = g->s;

    if (!g->vmm)
        return 0;
    return g->broker->config.vmm->map_machine(
        g->vmm, (at + s->low_base) >> 12,
        (g->broker->config.device.aperture_base + s->low_base) >> 12, s->low_size >> 12, on);
}

/* The state page changes between the two calls: after a crash in between, the guest asks again. */
static int move(struct guest *g, uint64_t at)
{
    int rc = g->s->aperture_at ? map(g, g->s->aperture_at, false) : 0;

    if (rc && rc != -ENOENT)
        return rc;
    crash_point("broker.aperture.unmapped");
    g->s->aperture_at = 0;
    rc = at ? map(g, at, true) : 0;
    crash_point("broker.aperture.mapped");
    if (!rc)
        g->s->aperture_at = at;
    crash_point("broker.aperture.noted");
    return rc;
}

void aperture_request(struct peer *p, const struct chan_message *m)
{
    const Vgt__ApertureRequest *r = (const Vgt__ApertureRequest *)m->body;
    Vgt__ApertureReply reply = VGT__APERTURE_REPLY__INIT;
    struct guest *g = p->service->guest;
    char text[120];
    int rc;

    if (r->domid != g->s->domid) {
        peer_cut(p, "the aperture of another domain");
        return;
    }
    if (r->at % 4096 || r->at >= GPA_LIMIT) {
        peer_error(p, m->id, EINVAL, "no place for an aperture");
        return;
    }
    if (g->s->stage == GUEST_DETACHING)
        rc = -ESHUTDOWN;
    else
        rc = r->at == g->s->aperture_at ? 0 : move(g, r->at);
    if (!rc) {
        peer_send(p, VGT__TYPE__TYPE_APERTURE_REPLY, m->id, &reply.base);
        return;
    }
    log_limited(p->broker->log, &p->service->news, LOG_ERR, "the aperture cannot be mapped",
                "domid=%u error=%d", g->s->domid, rc);
    snprintf(text, sizeof(text), "the aperture cannot be mapped: %s", strerror(-rc));
    peer_error(p, m->id, -rc, text);
}
