/* SPDX-License-Identifier: MIT */
/* sched_world.c: see sched_world.h. */
#include "tests/fuzz/sched_world.h"

#include "gen/ctx_gen8.h"
#include "gen/gen8_pte.h"
#include "services/sched/sched_priv.h"
#include "services/wire/sched_gtt.h"

#include <stdlib.h>
#include <string.h>

#define MS          1000000ull
#define TURN_NS     50000u
#define PATIENCE_NS (400 * MS) /* until the good guest is served */
#define ENTRIES     (1u << 20)
#define HOST_FIRST  (ENTRIES - WIRE_HOST_HIGH / 4096)
#define ROOT        UINT64_C(0x77000) /* as both guests name theirs */
#define SHADOW(who) (UINT64_C(0x3fed00000) + (who)*0x1000)
#define REMOVE_ID   42u

static const unsigned engine_of[ENGINES] = {GEN8_RCS, GEN8_BCS};

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
        .arena_pages = 2 * ARENA_BLOCK_PAGES,
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
        memcpy(w->dma + m.first, m.dma, m.count * sizeof(m.dma[0]));
    }
    peer_check(!lane_rx_advance(&w->gtt_rx));
    if (done.seq)
        peer_check(!lane_tx_put(&w->gtt_tx, &done, sizeof(done)));
}

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
    sg = sched_guest_find(w->s, w->s->journal->guest[number].state.domid);
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

static void good_events(struct world *w);

void sched_world_turn(struct world *w)
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

void sched_world_make(struct world *w)
{
    sim_init(&w->sim);
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

/* n pages of the guest in a row, high (contexts, the status page) or low (rings). */
static uint32_t pages(struct world *w, unsigned who, uint32_t *next, uint32_t n)
{
    struct side *x = &w->side[who];
    struct vggtt *vggtt = x->vggtt.data;
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
    uint32_t *ram = fake_ram(w->ram[who], x->next_gfn * 4096);

    desc.lrca = pages(w, who, &x->next_high, (uint32_t)ctx_gen8_pages(engine_of[e]));
    ctx_gen8_init(engine_of[e], ram);
    ctx_gen8_set_ring(ram, pages(w, who, &x->next_low, RING), RING * 4096, 0, 0);
    ctx_gen8_set_pdp(ram, 0, ROOT);
    x->work[e] = (struct work){ctx_gen8_desc_encode(&desc), ram + CTX_GEN8_STATE, 0};
}

static void make_side(struct world *w, unsigned who)
{
    struct side *x = &w->side[who];
    struct gtt_map *map;

    *x = (struct side){.next_low = LOW(who), .next_high = HIGH(who)};
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
    map = x->map.data;
    map->root[3] = (struct gtt_root){.level = 4, .guest = {ROOT}, .shadow = {SHADOW(who)}};
    memset(fake_ram(w->ram[who], 0), 0, PAGES * 4096);
    for (unsigned e = 0; e < ENGINES; e++)
        make_work(w, who, e);
    x->hwsp = pages(w, who, &x->next_high, 1);
}

static void attach(struct world *w, unsigned who, bool restart)
{
    Vgt__GuestAdd add = VGT__GUEST_ADD__INIT;
    Vgt__Resources r = VGT__RESOURCES__INIT;
    struct wire_fds fds;

    r.low_base = LOW(who);
    r.high_base = HIGH(who);
    r.low_size = r.high_size = PART;
    add.domid = DOMID(who);
    add.name = (char *)"guest";
    add.resources = &r;
    add.generation = w->generation;
    add.restart = restart;
    peer_copy_fds(&w->side[who].fds, &fds);
    peer_check(!sched_guest_add(w->s, &add, &fds)); /* whatever its peer did to the lanes */
}

static void status_page(struct side *x, unsigned e)
{
    struct mmio_sched m = {
        .kind = MMIO_SCHED_HWSP, .engine = engine_of[e], .seq = ++x->seq, .value = x->hwsp};

    peer_check(!lane_tx_put(&x->tx, &m, sizeof(m)));
}

void sched_world_guests(struct world *w)
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
        status_page(&w->side[i], 0); /* the two engines' status pages are one: both look there */
    }
}

void sched_world_restart(struct world *w)
{
    w->restarts++;
    w->hangs += (unsigned)sched_guest_find(w->s, DOMID(BAD))->guest.w.hangs;
    sched_free(w->s);
    start(w);
    for (unsigned i = 0; i < GUESTS; i++)
        attach(w, i, true);
    sched_world_turn(w);
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

    while (!(rc = lane_rx_next(&x->rx, &slot, NULL))) {
        memcpy(&m, &slot, sizeof(m));
        peer_check(m.kind == SCHED_MMIO_CSB || m.kind == SCHED_MMIO_IIR);
        if (m.kind == SCHED_MMIO_CSB)
            good_csb(x, &m);
    }
    peer_check(rc == LANE_EMPTY && !lane_rx_advance(&x->rx));
}

static void check_good(struct world *w)
{
    const struct sched_guest *sg = sched_guest_find(w->s, DOMID(GOOD));

    peer_check(sg && !sg->guest.broken && !sg->guest.w.hangs && !sg->guest.stats.resets);
    for (unsigned e = 0; e < ACCOUNT_EVENTS; e++)
        peer_check(!sg->account.count[e]);
}

void sched_world_good(struct world *w, unsigned engine)
{
    struct side *x = &w->side[GOOD];
    struct work *k = &x->work[engine];
    struct mmio_sched m = {.kind = MMIO_SCHED_ELSP, .engine = engine_of[engine], .seq = ++x->seq};
    uint64_t until = peer_now() + PATIENCE_NS, before = x->shown;
    const uint32_t *status = fake_ram(w->ram[GOOD], (x->next_gfn - 1) * 4096);

    sched_world_more(k);
    m.desc[0] = k->desc;
    peer_check(!lane_tx_put(&x->tx, &m, sizeof(m)));
    while (x->shown < before + 2) {
        peer_check(peer_now() < until);
        sched_world_turn(w);
    }
    peer_check(k->state[CTX_RING_HEAD] == k->tail);
    if (!engine)
        peer_check(status[CSB_HWSP_ENTRY((x->slot[0] + 5) % 6) + 1] == k->desc >> 32);
    check_good(w);
}

void sched_world_clear(struct world *w)
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
        sched_world_turn(w);
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

void sched_world_leave(struct world *w)
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
        sched_world_turn(w);
    }
    peer_check(arena_free_pages(w->s->arena) == 2 * ARENA_BLOCK_PAGES - GEN8_ENGINES);
    for (unsigned i = 0; i < GUESTS; i++)
        free_side(&w->side[i]);
}
