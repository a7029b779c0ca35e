/* SPDX-License-Identifier: MIT */
/* ring_world.c: see ring_world.h. */
#include "tests/fuzz/ring_world.h"

#include "gen/cmds_gen7.h"
#include "gen/ctx_gen7.h"
#include "gen/gen8_pte.h"
#include "services/sched/sched_priv.h"

#include <string.h>

#define GPR0 0x2600u

/* ---- the engines */

/* Whose work is in the ring; GUESTS: nobody's who is here. */
static unsigned whose(const struct world *w, unsigned engine)
{
    uint32_t domid = w->ends.s->journal->engine[engine].now.domid;

    return domid == DOMID(BAD) ? BAD : domid == DOMID(GOOD) ? GOOD : GUESTS;
}

/* What BAD's entries of the GGTT lead to is gtt's to see to: here, to its own pages. */
static void *memory(void *ctx, unsigned engine, uint32_t gma)
{
    struct world *w = ctx;
    unsigned who = whose(w, engine);

    if (who == GUESTS || gma < LOW(who) || gma >= LOW(who) + PART)
        return NULL;
    return (uint8_t *)fake_ram(w->ends.of[who].ram, (gma - LOW(who)) / 4096 % PAGES * 4096) +
           gma % 4096;
}

/* One of BAD's may have left the map since. */
static bool directory(void *ctx, unsigned engine, uint32_t base)
{
    unsigned who = whose(ctx, engine);

    return base >> 12 == SIM_DIRECTORIES || (who < GUESTS && base >> 12 == SHADOW(who));
}

static void engine_runs(void *ctx, unsigned e)
{
    struct world *w = ctx;

    w->sim.hangs[e] = w->hog && whose(w, e) == BAD;
    ring_sim_run(&w->sim, e);
}

static void good_events(struct world *w)
{
    struct side *x = &w->side[GOOD];
    struct lane_slot slot;
    struct sched_mmio m;
    int rc;

    while (!(rc = lane_rx_next(&w->ends.of[GOOD].rx, &slot, NULL))) {
        memcpy(&m, &slot, sizeof(m));
        peer_check(m.kind == SCHED_MMIO_RING || m.kind == SCHED_MMIO_IIR);
        if (m.kind == SCHED_MMIO_RING && m.engine < ENGINES)
            x->done[m.engine] = m.head;
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

void ring_world_make(struct world *w)
{
    ring_sim_init(&w->sim);
    w->sim.memory = memory;
    w->sim.directory = directory;
    w->sim.look = engine_runs;
    w->sim.ctx = w;
    w->ends.fake = w->sim.fake;
    w->ends.dma = w->sim.dma;
    w->ends.engines = engines;
    w->ends.ctx = w;
    ends_make(&w->ends);
}

/* ---- guests */

static void make_memory(struct world *w, unsigned who)
{
    struct vggtt *vggtt = w->ends.of[who].vggtt.data;
    struct gtt_map *map = w->ends.of[who].map.data;

    for (unsigned i = 0; i < PAGES; i++)
        vggtt->pte[LOW(who) / 4096 + i] = gen8_ggtt_encode(i * 4096, true);
    for (unsigned i = 0; i < 2; i++)
        ctx_gen7_init(fake_ram(w->ends.of[who].ram, (PAGE_IMAGE + 17 * i) * 4096));
    map->root[DIRECTORY_SLOT] =
        (struct gtt_root){.level = 2, .guest = {DIRECTORY(who)}, .shadow = {SHADOW(who)}};
}

static void send(struct world *w, unsigned who, struct mmio_sched *m)
{
    m->seq = ++w->side[who].seq;
    lane_tx_put(&w->ends.of[who].tx, m, sizeof(*m)); /* a full or broken lane is its own fault */
}

void ring_world_ring(struct world *w, unsigned who, unsigned engine)
{
    struct side *x = &w->side[who];
    struct mmio_sched page = {
        .kind = MMIO_SCHED_HWSP, .engine = engine, .value = HWSP(who, engine)};
    struct mmio_sched ring = {.kind = MMIO_SCHED_RING,
                              .engine = engine,
                              .offset = gen8_engine_base(engine) + 0x34,
                              .ring = {.start = RING(who, engine), .ctl = (RING_BYTES - 4096) | 1}};

    send(w, who, &page);
    send(w, who, &ring);
    x->tail[engine] = x->done[engine] = 0;
}

void ring_world_guests(struct world *w)
{
    w->hog = false;
    memset(w->side, 0, sizeof(w->side));
    ends_renew(&w->ends);
    for (unsigned i = 0; i < GUESTS; i++)
        make_memory(w, i);
    ends_start(&w->ends);
    for (unsigned i = 0; i < GUESTS; i++) {
        ends_attach(&w->ends, i, false);
        for (unsigned e = 0; e < ENGINES; e++)
            ring_world_ring(w, i, e);
    }
}

void ring_world_restart(struct world *w, bool late)
{
    ends_restart(&w->ends);
    ends_attach(&w->ends, GOOD, true);
    if (late)
        ends_turn(&w->ends);
    ends_attach(&w->ends, BAD, true);
    ends_turn(&w->ends);
}

/* ---- what is in rings */

void ring_world_put(struct world *w, unsigned who, unsigned engine, uint32_t dw)
{
    struct side *x = &w->side[who];
    uint32_t *ring = fake_ram(w->ends.of[who].ram, (PAGE_RING + 2 * engine) * 4096);

    ring[x->tail[engine] / 4] = dw;
    x->tail[engine] = (x->tail[engine] + 4) % RING_BYTES;
}

void ring_world_tail(struct world *w, unsigned who, unsigned engine)
{
    struct side *x = &w->side[who];
    struct mmio_sched m = {.kind = MMIO_SCHED_TAIL, .engine = engine};

    if (x->tail[engine] % 8)
        ring_world_put(w, who, engine, MI_NOOP);
    m.value = x->tail[engine];
    send(w, who, &m);
}

static void put_all(struct world *w, unsigned who, unsigned e, const uint32_t *dw, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        ring_world_put(w, who, e, dw[i]);
}

void ring_world_request(struct world *w, unsigned who, unsigned e)
{
    uint32_t k = ++w->side[who].requests[e];
    uint32_t user = e == GEN8_RCS ? MI_BB_UNPRIVILEGED | MI_BB_PPGTT : MI_BB_PPGTT;
    const uint32_t context[] = {
        MI_SET_CONTEXT_GEN7, IMAGE(who, k % 2) | 0x10c, MI_NOOP, MI_LRI | 1, GPR0, k};
    const uint32_t rest[] = {MI_LRI | 1,
                             gen8_engine_base(e) + 0x228,
                             DIRECTORY(who) << 12,
                             MI_BB_START_GEN7 | user,
                             0,
                             MI_BB_START_GEN7,
                             BATCH(who, e),
                             0x21u << 23 | 1,
                             SEQNO * 4,
                             k,
                             2u << 23};

    *(uint32_t *)fake_ram(w->ends.of[who].ram, (PAGE_BATCH + e) * 4096) = MI_BB_END;
    if (e == GEN8_RCS)
        put_all(w, who, e, context, 6);
    put_all(w, who, e, rest, 11);
    ring_world_tail(w, who, e);
}

/* ---- the good one */

/* What its request before left in the render image that this one took the place of. */
static void check_image(struct world *w)
{
    uint32_t k = w->side[GOOD].requests[GEN8_RCS];
    uint32_t *left = fake_ram(w->ends.of[GOOD].ram, (PAGE_IMAGE + 17 * ((k - 1) % 2)) * 4096);

    peer_check(*ring_sim_gpr(left) == k - 1);
}

void ring_world_good(struct world *w, unsigned e)
{
    struct side *x = &w->side[GOOD];
    uint64_t until = peer_now() + PATIENCE_NS;
    const uint32_t *status = fake_ram(w->ends.of[GOOD].ram, (PAGE_HWSP + e) * 4096);

    ring_world_request(w, GOOD, e);
    while (status[SEQNO] != x->requests[e] || x->done[e] != x->tail[e]) {
        peer_check(peer_now() < until);
        ends_turn(&w->ends);
    }
    if (e == GEN8_RCS)
        check_image(w);
    peer_check(!guest_hung(&sched_guest_find(w->ends.s, DOMID(GOOD))->guest));
    ends_check_good(&w->ends);
}

void ring_world_leave(struct world *w)
{
    ends_leave(&w->ends, GEN8_ENGINES + 4 * HW_RING_BYTES / 4096);
}
