/* SPDX-License-Identifier: MIT */
/* ring_world.c: see ring_world.h. */
#include "tests/fuzz/ring_world.h"

#include "gen/cmds_gen7.h"
#include "gen/ctx_gen7.h"
#include "gen/gen8_pte.h"
#include "services/sched/sched_priv.h"
#include "services/wire/sched_gtt.h"

#include <string.h>

#define MS          1000000ull
#define TURN_NS     50000u
#define PATIENCE_NS (400 * MS) /* until the good guest is served */
#define REMOVE_ID   42u
#define ARENA_PAGES (2 * ARENA_BLOCK_PAGES)
#define OURS        (GEN8_ENGINES + 4 * HW_RING_BYTES / 4096)
#define GPR0        0x2600u

/* ---- the service's other ends */

static void on_up(void *ctx)
{
    ((struct world *)ctx)->up++;
}

static void on_failed(void *ctx, int err)
{
    (void)ctx;
    (void)err;
    peer_check(false); /* whatever a peer does, the engines answer */
}

static void on_gone(void *ctx, uint32_t domid, bool final, uint32_t id)
{
    (void)domid;
    peer_check(id == REMOVE_ID);
    ((struct world *)ctx)->gone += final;
}

static void on_broken(void *ctx, uint32_t domid, const char *lane)
{
    peer_check(domid == DOMID(BAD) && lane);
    ((struct world *)ctx)->told++;
}

static void start(struct world *w)
{
    const struct sched_config config = {
        .loop = w->loop,
        .log = &peer_quiet,
        .vmm = &vmm_fake_ops,
        .quantum_ns = 1, /* whoever waits is waited for no longer */
        .watchdog_ns = 2 * MS,
        .arena_pages = ARENA_PAGES,
        .events = {on_up, on_failed, on_gone, on_broken, w},
    };
    struct wire_fds fds;
    struct gpu *gpu;

    peer_copy_fds(&w->own, &fds);
    peer_check(!sched_new(&config, &w->s));
    peer_check(!gpu_fake_open(w->sim.fake, GPU_ROW_SCHED, &gpu));
    peer_check(!sched_device(w->s, gpu, &fds, 0xf));
}

static void gtt_serves(struct world *w)
{
    struct gtt_sched done = {.kind = GTT_SCHED_DONE};
    struct lane_slot slot;
    struct sched_gtt m;

    while (!lane_rx_next(&w->gtt_rx, &slot, NULL)) {
        memcpy(&m, &slot, sizeof(m));
        done.seq = m.seq;
        if (m.kind != SCHED_GTT_MAP)
            continue;
        peer_check(m.count <= SCHED_GTT_MAP_PAGES && m.first + m.count <= WIRE_HOST_HIGH / 4096);
        memcpy(w->sim.dma + m.first, m.dma, m.count * sizeof(m.dma[0]));
    }
    peer_check(!lane_rx_advance(&w->gtt_rx));
    if (done.seq)
        peer_check(!lane_tx_put(&w->gtt_tx, &done, sizeof(done)));
}

/* ---- the engines */

/* Whose work is in the ring; GUESTS: nobody's who is here. */
static unsigned whose(const struct world *w, unsigned engine)
{
    uint32_t domid = w->s->journal->engine[engine].now.domid;

    return domid == DOMID(BAD) ? BAD : domid == DOMID(GOOD) ? GOOD : GUESTS;
}

/* What BAD's entries of the GGTT lead to is gtt's to see to: here, to its own pages. */
static void *memory(void *ctx, unsigned engine, uint32_t gma)
{
    struct world *w = ctx;
    unsigned who = whose(w, engine);

    if (who == GUESTS || gma < LOW(who) || gma >= LOW(who) + PART)
        return NULL;
    return (uint8_t *)fake_ram(w->ram[who], (gma - LOW(who)) / 4096 % PAGES * 4096) + gma % 4096;
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

    while (!(rc = lane_rx_next(&x->rx, &slot, NULL))) {
        memcpy(&m, &slot, sizeof(m));
        peer_check(m.kind == SCHED_MMIO_RING || m.kind == SCHED_MMIO_IIR);
        if (m.kind == SCHED_MMIO_RING && m.engine < ENGINES)
            x->done[m.engine] = m.head;
    }
    peer_check(rc == LANE_EMPTY && !lane_rx_advance(&x->rx));
}

void ring_world_turn(struct world *w)
{
    peer_pass(TURN_NS);
    peer_check(!loop_turn(w->loop, 0));
    gtt_serves(w);
    for (unsigned e = 0; e < GEN8_VCS2; e++)
        engine_runs(w, e);
    good_events(w);
}

static void come_up(struct world *w)
{
    unsigned up = w->up;

    for (int i = 0; w->up == up; i++) {
        peer_check(i < 1000);
        peer_check(!loop_turn(w->loop, 0));
        gtt_serves(w);
    }
}

void ring_world_make(struct world *w)
{
    ring_sim_init(&w->sim);
    w->sim.memory = memory;
    w->sim.directory = directory;
    w->sim.look = engine_runs;
    w->sim.ctx = w;
    peer_check(!loop_new(&w->loop));
    peer_put_lane(&w->own, WIRE_SCHED_GTT, SCHED_GTT_LAYOUT);
    peer_put_lane(&w->own, WIRE_GTT_SCHED, SCHED_GTT_LAYOUT);
    peer_put_region(&w->own, WIRE_JOURNAL, WIRE_REGION_JOURNAL, SCHED_JOURNAL_LAYOUT,
                    sizeof(struct sched_journal), &w->journal);
    peer_check(!wire_consumer(&w->own, WIRE_SCHED_GTT, SCHED_GTT_LAYOUT, &w->gtt_rx));
    peer_check(!wire_producer(&w->own, WIRE_GTT_SCHED, SCHED_GTT_LAYOUT, &w->gtt_tx));
    for (unsigned i = 0; i < GUESTS; i++)
        peer_check((w->ram[i] = fake_guest_new(DOMID(i), PAGES, 1)) != NULL);
}

/* ---- guests */

static void make_memory(struct world *w, unsigned who)
{
    struct vggtt *vggtt = w->side[who].vggtt.data;
    struct gtt_map *map = w->side[who].map.data;

    memset(fake_ram(w->ram[who], 0), 0, PAGES * 4096);
    for (unsigned i = 0; i < PAGES; i++)
        vggtt->pte[LOW(who) / 4096 + i] = gen8_ggtt_encode(i * 4096, true);
    for (unsigned i = 0; i < 2; i++)
        ctx_gen7_init(fake_ram(w->ram[who], (PAGE_IMAGE + 17 * i) * 4096));
    map->root[DIRECTORY_SLOT] =
        (struct gtt_root){.level = 2, .guest = {DIRECTORY(who)}, .shadow = {SHADOW(who)}};
}

static void make_side(struct world *w, unsigned who)
{
    struct side *x = &w->side[who];

    *x = (struct side){0};
    peer_put_region(&x->fds, WIRE_VGGTT, WIRE_REGION_VGGTT, VGGTT_LAYOUT, sizeof(struct vggtt),
                    &x->vggtt);
    peer_put_region(&x->fds, WIRE_GTT_MAP, WIRE_REGION_GTT_MAP, GTT_MAP_LAYOUT,
                    sizeof(struct gtt_map), &x->map);
    peer_put_region(&x->fds, WIRE_INVAL_SCHED, WIRE_REGION_INVAL, GTT_INVAL_LAYOUT,
                    sizeof(struct gtt_inval), &x->inval);
    peer_put_region(&x->fds, WIRE_BAD_SCHED, WIRE_REGION_QUARANTINE, QUARANTINE_LAYOUT,
                    sizeof(struct quarantine_table), &x->bad);
    peer_put_lane(&x->fds, WIRE_MMIO_SCHED, MMIO_SCHED_LAYOUT);
    peer_put_lane(&x->fds, WIRE_SCHED_MMIO, MMIO_SCHED_LAYOUT);
    peer_check(!wire_producer(&x->fds, WIRE_MMIO_SCHED, MMIO_SCHED_LAYOUT, &x->tx));
    peer_check(!wire_consumer(&x->fds, WIRE_SCHED_MMIO, MMIO_SCHED_LAYOUT, &x->rx));
    make_memory(w, who);
}

static void attach(struct world *w, unsigned who, bool restart)
{
    Vgt__GuestAdd add = VGT__GUEST_ADD__INIT;
    Vgt__Resources r = VGT__RESOURCES__INIT;
    struct wire_fds fds;

    r.low_base = LOW(who);
    r.low_size = PART;
    add.domid = DOMID(who);
    add.name = (char *)"guest";
    add.resources = &r;
    add.generation = w->generation;
    add.restart = restart;
    peer_copy_fds(&w->side[who].fds, &fds);
    peer_check(!sched_guest_add(w->s, &add, &fds)); /* whatever its peer did to the lanes */
}

static void send(struct side *x, struct mmio_sched *m)
{
    m->seq = ++x->seq;
    lane_tx_put(&x->tx, m, sizeof(*m)); /* a full or broken lane is its own fault */
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

    send(x, &page);
    send(x, &ring);
    x->tail[engine] = x->done[engine] = 0;
}

void ring_world_guests(struct world *w)
{
    w->generation++;
    w->hog = false;
    w->gone = w->told = w->hangs = w->restarts = 0;
    gpu_fake_log_clear(w->sim.fake);
    for (unsigned i = 0; i < GUESTS; i++)
        make_side(w, i);
    if (!w->s) {
        start(w);
        come_up(w);
    }
    for (unsigned i = 0; i < GUESTS; i++) {
        attach(w, i, false);
        for (unsigned e = 0; e < ENGINES; e++)
            ring_world_ring(w, i, e);
    }
}

void ring_world_restart(struct world *w, bool late)
{
    w->restarts++;
    w->hangs += (unsigned)sched_guest_find(w->s, DOMID(BAD))->guest.w.hangs;
    sched_free(w->s);
    start(w);
    attach(w, GOOD, true);
    if (late)
        ring_world_turn(w);
    attach(w, BAD, true);
    ring_world_turn(w);
}

/* ---- what is in rings */

void ring_world_put(struct world *w, unsigned who, unsigned engine, uint32_t dw)
{
    struct side *x = &w->side[who];
    uint32_t *ring = fake_ram(w->ram[who], (PAGE_RING + 2 * engine) * 4096);

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
    send(x, &m);
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

    *(uint32_t *)fake_ram(w->ram[who], (PAGE_BATCH + e) * 4096) = MI_BB_END;
    if (e == GEN8_RCS)
        put_all(w, who, e, context, 6);
    put_all(w, who, e, rest, 11);
    ring_world_tail(w, who, e);
}

/* ---- the good one */

static void check_good(struct world *w)
{
    const struct sched_guest *sg = sched_guest_find(w->s, DOMID(GOOD));

    peer_check(sg && !sg->guest.broken && !sg->guest.w.hangs && !sg->guest.stats.resets);
    peer_check(!guest_hung(&sg->guest));
    for (unsigned e = 0; e < ACCOUNT_EVENTS; e++)
        peer_check(!sg->account.count[e]);
}

/* What its request before left in the render image that this one took the place of. */
static void check_image(struct world *w)
{
    uint32_t k = w->side[GOOD].requests[GEN8_RCS];
    uint32_t *left = fake_ram(w->ram[GOOD], (PAGE_IMAGE + 17 * ((k - 1) % 2)) * 4096);

    peer_check(*ring_sim_gpr(left) == k - 1);
}

void ring_world_good(struct world *w, unsigned e)
{
    struct side *x = &w->side[GOOD];
    uint64_t until = peer_now() + PATIENCE_NS;
    const uint32_t *status = fake_ram(w->ram[GOOD], (PAGE_HWSP + e) * 4096);

    ring_world_request(w, GOOD, e);
    while (status[SEQNO] != x->requests[e] || x->done[e] != x->tail[e]) {
        peer_check(peer_now() < until);
        ring_world_turn(w);
    }
    if (e == GEN8_RCS)
        check_image(w);
    check_good(w);
}

void ring_world_clear(struct world *w)
{
    uint64_t until = peer_now() + PATIENCE_NS;
    const struct gtt_inval *inval = w->side[GOOD].inval.data;
    struct gtt_map *map = NULL;

    for (unsigned i = 0; i < GUESTS; i++) {
        map = w->side[i].map.data;
        map->clear_seq++;
    }
    lane_kick(w->gtt_tx.wake_fd);
    while (inval->done_seq != map->clear_seq) {
        peer_check(peer_now() < until);
        ring_world_turn(w);
    }
}

/* ---- the end */

static void free_side(struct side *x)
{
    lane_producer_detach(&x->tx);
    lane_consumer_detach(&x->rx);
    region_unmap(&x->vggtt);
    region_unmap(&x->map);
    region_unmap(&x->inval);
    region_unmap(&x->bad);
    wire_fds_close(&x->fds);
}

void ring_world_leave(struct world *w)
{
    const struct sched_guest *bad = sched_guest_find(w->s, DOMID(BAD));
    uint64_t until = peer_now() + PATIENCE_NS;

    w->hangs += (unsigned)bad->guest.w.hangs;
    peer_check(w->told || !bad->account.count[ACCOUNT_LANE_BROKEN]);
    peer_check(!bad->quarantine.known);
    for (unsigned i = 0; i < GUESTS; i++)
        sched_guest_remove(w->s, sched_guest_find(w->s, DOMID(i)), true, REMOVE_ID);
    while (w->gone < GUESTS) {
        peer_check(peer_now() < until);
        ring_world_turn(w);
    }
    peer_check(arena_free_pages(w->s->arena) == ARENA_PAGES - OURS);
    for (unsigned i = 0; i < GUESTS; i++)
        free_side(&w->side[i]);
}
