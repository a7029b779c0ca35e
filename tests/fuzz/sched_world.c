/* SPDX-License-Identifier: MIT */
/* sched_world.c: see sched_world.h. */
#include "tests/fuzz/sched_world.h"

#include "gen/ctx_gen8.h"
#include "gen/gen8_pte.h"
#include "services/sched/sched_priv.h"

#include <string.h>

#define ENTRIES     (1u << 20)
#define HOST_FIRST  (ENTRIES - WIRE_HOST_HIGH / 4096)
#define ROOT        UINT64_C(0x77000) /* as both guests name theirs */
#define SHADOW(who) (UINT64_C(0x3fed00000) + (who)*0x1000)

static const unsigned engine_of[ENGINES] = {GEN8_RCS, GEN8_BCS};

/* ---- the engines */

/* The image of a context in the arena. */
static uint32_t *image(struct world *w, uint64_t desc)
{
    uint32_t lrca = (uint32_t)desc & ~0xfffu;
    uint32_t *state;

    peer_check(lrca / 4096 >= HOST_FIRST);
    state = gpu_fake_dma_page(w->sim.fake, w->dma[lrca / 4096 + 1 - HOST_FIRST]);
    peer_check(state);
    return state;
}

/* What is in the port walks the tables of whose it is, and its ring is ours. */
static struct sched_guest *owner(struct world *w, uint64_t desc)
{
    uint32_t number = CONTEXT_ID_SET((uint32_t)(desc >> 32));
    const uint32_t *state = image(w, desc);
    struct sched_guest *sg;

    peer_check(number < SCHED_JOURNAL_GUESTS);
    sg = sched_guest_find(w->ends.s, w->ends.s->journal->guest[number].state.domid);
    if (!sg)
        return NULL; /* not attached yet after a restart */
    peer_check((state[CTX_PDP_LDW(0)] | (uint64_t)state[CTX_PDP_UDW(0)] << 32) ==
               SHADOW(sg->guest.c.domid - DOMID(0)));
    peer_check(state[CTX_RING_START] / 4096 >= HOST_FIRST);
    return sg;
}

/* All that was asked for is done, or, if BAD hogs the engine, nothing. */
static void engine_runs(struct world *w, unsigned e)
{
    struct sim_engine *x = &w->sim.engine[e];
    const struct sched_guest *sg;
    uint64_t desc;

    if (!x->active)
        return;
    desc = x->run[x->at];
    sg = owner(w, desc);
    if (w->hog && (!sg || sg->guest.c.domid == DOMID(BAD)))
        return;
    if (x->has_pending) {
        owner(w, x->pending[0]);
        sim_take(&w->sim, e);
        return;
    }
    image(w, desc)[CTX_RING_HEAD] = image(w, desc)[CTX_RING_TAIL];
    sim_complete(&w->sim, e);
    sim_user_interrupt(&w->sim, e);
}

/* ---- guests */

/* n pages of the guest in a row, high (contexts, the status page) or low (rings). */
static uint32_t pages(struct world *w, unsigned who, uint32_t *next, uint32_t n)
{
    struct side *x = &w->side[who];
    struct vggtt *vggtt = w->ends.of[who].vggtt.data;
    uint32_t gma = *next;

    for (uint32_t i = 0; i < n; i++)
        vggtt->pte[gma / 4096 + i] = gen8_ggtt_encode(x->next_gfn++ * 4096, true);
    peer_check(x->next_gfn <= PAGES);
    *next += n * 4096;
    return gma;
}

static void make_work(struct world *w, unsigned who, unsigned e)
{
    struct ctx_gen8_desc desc = {
        .valid = true, .privileged = true, .mode = CTX_LEGACY_64, .id = 10 + e};
    struct side *x = &w->side[who];
    uint32_t *ram = fake_ram(w->ends.of[who].ram, x->next_gfn * 4096);

    desc.lrca = pages(w, who, &x->next_high, (uint32_t)ctx_gen8_pages(engine_of[e]));
    ctx_gen8_init(engine_of[e], ram);
    ctx_gen8_set_ring(ram, pages(w, who, &x->next_low, RING), RING * 4096, 0, 0);
    ctx_gen8_set_pdp(ram, 0, ROOT);
    x->work[e] = (struct work){ctx_gen8_desc_encode(&desc), ram + CTX_GEN8_STATE, 0};
}

static void make_side(struct world *w, unsigned who)
{
    struct side *x = &w->side[who];
    struct gtt_map *map = w->ends.of[who].map.data;

    *x = (struct side){.next_low = LOW(who), .next_high = HIGH(who)};
    map->root[3] = (struct gtt_root){.level = 4, .guest = {ROOT}, .shadow = {SHADOW(who)}};
    for (unsigned e = 0; e < ENGINES; e++)
        make_work(w, who, e);
    x->hwsp = pages(w, who, &x->next_high, 1);
}

static void status_page(struct world *w, unsigned who, unsigned e)
{
    struct side *x = &w->side[who];
    struct mmio_sched m = {
        .kind = MMIO_SCHED_HWSP, .engine = engine_of[e], .seq = ++x->seq, .value = x->hwsp};

    peer_check(!lane_tx_put(&w->ends.of[who].tx, &m, sizeof(m)));
}

void sched_world_guests(struct world *w)
{
    w->hog = false;
    ends_renew(&w->ends);
    for (unsigned i = 0; i < GUESTS; i++)
        make_side(w, i);
    ends_start(&w->ends);
    for (unsigned i = 0; i < GUESTS; i++) {
        ends_attach(&w->ends, i, false);
        status_page(w, i, 0); /* the two engines' status pages are one: both look there */
    }
}

void sched_world_restart(struct world *w)
{
    ends_restart(&w->ends);
    for (unsigned i = 0; i < GUESTS; i++)
        ends_attach(&w->ends, i, true);
    ends_turn(&w->ends);
}

/* ---- the good one */

void sched_world_more(struct work *k)
{
    k->tail = (k->tail + 16) % (RING * 4096);
    k->state[CTX_RING_TAIL] = k->tail; /* no-operations */
}

/* Status events come in order, none twice, each in the next slot, for what was submitted. */
static void good_csb(struct side *x, const struct sched_mmio *m)
{
    unsigned e = m->engine == engine_of[0] ? 0 : 1;

    peer_check(m->engine == engine_of[e]);
    if (m->seq <= x->shown)
        return; /* once more after a restart */
    peer_check(m->seq == x->shown + 1 && m->csb_index == x->slot[e]);
    x->shown = m->seq;
    x->slot[e] = (x->slot[e] + 1) % 6;
    if (m->csb & CSB_COMPLETE)
        peer_check(m->csb >> 32 == x->work[e].desc >> 32);
}

static void good_events(struct world *w)
{
    struct side *x = &w->side[GOOD];
    struct lane_slot slot;
    struct sched_mmio m;
    int rc;

    while (!(rc = lane_rx_next(&w->ends.of[GOOD].rx, &slot, NULL))) {
        memcpy(&m, &slot, sizeof(m));
        peer_check(m.kind == SCHED_MMIO_CSB || m.kind == SCHED_MMIO_IIR);
        if (m.kind == SCHED_MMIO_CSB)
            good_csb(x, &m);
    }
    peer_check(rc == LANE_EMPTY && !lane_rx_advance(&w->ends.of[GOOD].rx));
}

static void engines(void *ctx)
{
    struct world *w = ctx;

    for (unsigned e = 0; e < GEN8_VCS2; e++)
        engine_runs(w, e);
    good_events(w);
}

void sched_world_make(struct world *w)
{
    sim_init(&w->sim);
    w->ends.fake = w->sim.fake;
    w->ends.dma = w->dma;
    w->ends.high = true;
    w->ends.engines = engines;
    w->ends.ctx = w;
    ends_make(&w->ends);
}

void sched_world_good(struct world *w, unsigned engine)
{
    struct side *x = &w->side[GOOD];
    struct work *k = &x->work[engine];
    struct mmio_sched m = {.kind = MMIO_SCHED_ELSP, .engine = engine_of[engine], .seq = ++x->seq};
    uint64_t until = peer_now() + PATIENCE_NS, before = x->shown;
    const uint32_t *status = fake_ram(w->ends.of[GOOD].ram, (x->next_gfn - 1) * 4096);

    sched_world_more(k);
    m.desc[0] = k->desc;
    peer_check(!lane_tx_put(&w->ends.of[GOOD].tx, &m, sizeof(m)));
    while (x->shown < before + 2) {
        peer_check(peer_now() < until);
        ends_turn(&w->ends);
    }
    peer_check(k->state[CTX_RING_HEAD] == k->tail);
    if (!engine)
        peer_check(status[CSB_HWSP_ENTRY((x->slot[0] + 5) % 6) + 1] == k->desc >> 32);
    ends_check_good(&w->ends);
}

void sched_world_leave(struct world *w)
{
    ends_leave(&w->ends, GEN8_ENGINES);
}
