/* SPDX-License-Identifier: MIT */
/*
 * guest_ring.c: a guest's virtual engines on Haswell: what vgt-mmio says of their rings. See
 * guest.h, vring.h.
 */
#include "services/sched/guest_priv.h"
#include "services/sched/vring.h"

/* Offsets in an engine's block. */
enum { RING_HEAD = 0x34, RING_MI_MODE = 0x9c, RING_PP_DIR_BASE = 0x228, RING_CCID = 0x180 };

#define MI_MODE_STOP (1u << 8)
#define CCID_VALID   (1u << 0)
#define CCID_ADDRESS 0xfffff000u

static struct sched_vring *ring_of(struct guest *g, const struct mmio_sched *m)
{
    if (m->engine < GEN8_ENGINES)
        return g->engine[m->engine].r;
    guest_bad_entry(g, m);
    return NULL;
}

static void work(struct guest *g, unsigned engine)
{
    g->engine[engine].blocked = false;
    g->c.hooks.work(g->c.hooks.ctx, g, engine);
}

/* What is in the engine's ring and was not executed can only be thrown off by a reset, which nobody
 * asked for: but for that work all stays as it is. */
static void throw_off(struct guest *g, unsigned engine)
{
    struct guest_engine *ge = &g->engine[engine];
    struct sched_vring ring = *ge->r;
    uint32_t hwsp = ge->v->hwsp, hung = ge->v->hung;

    guest_reset_engine(g, engine);
    g->stats.resets--;
    ge->v->hwsp = hwsp;
    ge->v->hung = hung;
    context_set_hwsp(g->c.contexts, engine, hwsp);
    ring.chunks = 0;
    *ge->r = ring;
}

static void take_ring(struct guest *g, const struct mmio_sched *m)
{
    struct sched_vring *r = ring_of(g, m);
    bool busy = r && vring_busy(r);

    if (!r)
        return;
    if (busy)
        throw_off(g, m->engine);
    vring_set(r, &m->ring, (m->offset & 0xfff) == RING_HEAD);
    r->epoch = m->epoch;
    if (busy)
        g->c.hooks.reset(g->c.hooks.ctx, g, m->engine);
    work(g, m->engine);
}

static void take_tail(struct guest *g, const struct mmio_sched *m)
{
    struct sched_vring *r = ring_of(g, m);

    if (!r)
        return;
    if (!vring_tail(r, m->value, m->epoch))
        guest_bad_entry(g, m);
    work(g, m->engine);
}

/* The register as it now is. Others of the engine's block are of no meaning here. */
static void take_reg(struct guest *g, const struct mmio_sched *m)
{
    struct sched_vring *r;
    unsigned engine = 0;

    while (engine < GEN8_ENGINES && gen8_engine_base(engine) != (m->offset & ~0xfffu))
        engine++;
    if (engine == GEN8_ENGINES)
        return;
    r = g->engine[engine].r;
    switch (m->offset & 0xfff) {
    case RING_MI_MODE:
        r->stopped = !!(m->value & MI_MODE_STOP);
        r->news = 1;
        break;
    case RING_PP_DIR_BASE:
        r->directory = m->value >> 12;
        break;
    case RING_CCID:
        r->ccid = m->value & CCID_VALID ? m->value & CCID_ADDRESS : 0;
        break;
    }
    work(g, engine);
}

static bool wants(const struct guest *g, unsigned engine)
{
    const struct guest_engine *ge = &g->engine[engine];

    return vring_wants(ge->r) && !ge->blocked && guest_epoch_reached(g, ge->r->epoch);
}

static bool waits(const struct guest *g, unsigned engine)
{
    return vring_wants(g->engine[engine].r) && !g->engine[engine].v->hung;
}

static bool idle(const struct guest *g, unsigned engine)
{
    return g->engine[engine].v->hung || vring_idle(g->engine[engine].r);
}

/* As vgt-mmio has it: the status page's address goes, too. */
static void reset(struct guest *g, unsigned engine)
{
    g->engine[engine].v->hwsp = 0;
    context_set_hwsp(g->c.contexts, engine, 0);
    vring_reset(g->engine[engine].r);
    g->engine[engine].r->news = 1;
}

const struct guest_kind guest_rings = {
    .take = {[MMIO_SCHED_RING] = take_ring,
             [MMIO_SCHED_TAIL] = take_tail,
             [MMIO_SCHED_RESET] = guest_take_reset,
             [MMIO_SCHED_HWSP] = guest_take_hwsp,
             [MMIO_SCHED_REG] = take_reg},
    .wants = wants,
    .waits = waits,
    .idle = idle,
    .reset = reset,
};
