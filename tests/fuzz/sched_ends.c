/* SPDX-License-Identifier: MIT */
/* sched_ends.c: see sched_ends.h. */
#include "tests/fuzz/sched_ends.h"

#include "services/sched/sched_priv.h"
#include "services/wire/sched_gtt.h"

#include <string.h>

#define TURN_NS     50000u
#define WATCHDOG_NS 2000000u
#define ARENA_PAGES (2 * ARENA_BLOCK_PAGES)
#define REMOVE_ID   42u

/* ---- what the service tells */

static void on_up(void *ctx)
{
    ((struct ends *)ctx)->up++;
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
    ((struct ends *)ctx)->gone += final;
}

static void on_broken(void *ctx, uint32_t domid, const char *lane)
{
    peer_check(domid == DOMID(BAD) && lane);
    ((struct ends *)ctx)->told++;
}

static void make_service(struct ends *e)
{
    const struct sched_config config = {
        .loop = e->loop,
        .log = &peer_quiet,
        .vmm = &vmm_fake_ops,
        .quantum_ns = 1, /* whoever waits is waited for no longer */
        .watchdog_ns = WATCHDOG_NS,
        .arena_pages = ARENA_PAGES,
        .events = {on_up, on_failed, on_gone, on_broken, e},
    };
    struct wire_fds fds;
    struct gpu *gpu;

    peer_copy_fds(&e->own, &fds);
    peer_check(!sched_new(&config, &e->s));
    peer_check(!gpu_fake_open(e->fake, GPU_ROW_SCHED, &gpu));
    peer_check(!sched_device(e->s, gpu, &fds, 0xf));
}

/* ---- gtt */

static void gtt_serves(struct ends *e)
{
    struct gtt_sched done = {.kind = GTT_SCHED_DONE};
    struct lane_slot slot;
    struct sched_gtt m;

    while (!lane_rx_next(&e->gtt_rx, &slot, NULL)) {
        memcpy(&m, &slot, sizeof(m));
        done.seq = m.seq;
        if (m.kind != SCHED_GTT_MAP)
            continue;
        peer_check(m.count <= SCHED_GTT_MAP_PAGES && m.first + m.count <= WIRE_HOST_HIGH / 4096);
        memcpy(e->dma + m.first, m.dma, m.count * sizeof(m.dma[0]));
    }
    peer_check(!lane_rx_advance(&e->gtt_rx));
    if (done.seq)
        peer_check(!lane_tx_put(&e->gtt_tx, &done, sizeof(done)));
}

/* ---- the service comes, dies, works */

void ends_start(struct ends *e)
{
    unsigned up = e->up;

    if (e->s)
        return;
    make_service(e);
    for (int i = 0; e->up == up; i++) {
        peer_check(i < 1000);
        peer_check(!loop_turn(e->loop, 0));
        gtt_serves(e);
    }
}

void ends_restart(struct ends *e)
{
    e->restarts++;
    e->hangs += (unsigned)sched_guest_find(e->s, DOMID(BAD))->guest.w.hangs;
    sched_free(e->s);
    make_service(e);
}

void ends_turn(struct ends *e)
{
    peer_pass(TURN_NS);
    peer_check(!loop_turn(e->loop, 0));
    gtt_serves(e);
    e->engines(e->ctx);
}

void ends_make(struct ends *e)
{
    peer_check(!loop_new(&e->loop));
    peer_put_lane(&e->own, WIRE_SCHED_GTT, SCHED_GTT_LAYOUT);
    peer_put_lane(&e->own, WIRE_GTT_SCHED, SCHED_GTT_LAYOUT);
    peer_put_region(&e->own, WIRE_JOURNAL, WIRE_REGION_JOURNAL, SCHED_JOURNAL_LAYOUT,
                    sizeof(struct sched_journal), &e->journal);
    peer_check(!wire_consumer(&e->own, WIRE_SCHED_GTT, SCHED_GTT_LAYOUT, &e->gtt_rx));
    peer_check(!wire_producer(&e->own, WIRE_GTT_SCHED, SCHED_GTT_LAYOUT, &e->gtt_tx));
    for (unsigned i = 0; i < GUESTS; i++)
        peer_check((e->of[i].ram = fake_guest_new(DOMID(i), PAGES, 1)) != NULL);
}

/* ---- guests come */

static void renew(struct end *x)
{
    *x = (struct end){.ram = x->ram};
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
    memset(fake_ram(x->ram, 0), 0, PAGES * 4096);
}

void ends_renew(struct ends *e)
{
    e->generation++;
    e->gone = e->told = e->hangs = e->restarts = 0;
    gpu_fake_log_clear(e->fake);
    for (unsigned i = 0; i < GUESTS; i++)
        renew(&e->of[i]);
}

void ends_attach(struct ends *e, unsigned who, bool restart)
{
    Vgt__GuestAdd add = VGT__GUEST_ADD__INIT;
    Vgt__Resources r = VGT__RESOURCES__INIT;
    struct wire_fds fds;

    r.low_base = LOW(who);
    r.low_size = PART;
    if (e->high) {
        r.high_base = HIGH(who);
        r.high_size = PART;
    }
    add.domid = DOMID(who);
    add.name = (char *)"guest";
    add.resources = &r;
    add.generation = e->generation;
    add.restart = restart;
    peer_copy_fds(&e->of[who].fds, &fds);
    peer_check(!sched_guest_add(e->s, &add, &fds)); /* whatever its peer did to the lanes */
}

/* ---- what both worlds ask */

void ends_check_good(const struct ends *e)
{
    const struct sched_guest *sg = sched_guest_find(e->s, DOMID(GOOD));

    peer_check(sg && !sg->guest.broken && !sg->guest.w.hangs && !sg->guest.stats.resets);
    for (unsigned i = 0; i < ACCOUNT_EVENTS; i++)
        peer_check(!sg->account.count[i]);
}

void ends_clear(struct ends *e)
{
    uint64_t until = peer_now() + PATIENCE_NS;
    const struct gtt_inval *inval = e->of[GOOD].inval.data;
    struct gtt_map *map = NULL;

    for (unsigned i = 0; i < GUESTS; i++) {
        map = e->of[i].map.data;
        map->clear_seq++;
    }
    lane_kick(e->gtt_tx.wake_fd);
    while (inval->done_seq != map->clear_seq) {
        peer_check(peer_now() < until);
        ends_turn(e);
    }
}

/* ---- the bad one */

void ends_spoil_index(struct ends *e, struct peer_input *in)
{
    struct end *x = &e->of[BAD];
    struct lane_header *const lanes[2] = {x->tx.mem.shared, x->rx.mem.shared};

    peer_spoil_index(lanes, 2, in);
}

void ends_spoil_slot(struct ends *e, struct peer_input *in)
{
    const struct end *x = &e->of[BAD];

    peer_spoil_slot(peer_take(in, 1) & 1 ? &x->tx.mem : &x->rx.mem, in);
}

void ends_spoil_page(struct ends *e, struct peer_input *in)
{
    uint32_t page = peer_take32(in, 1) % PAGES, at = peer_take32(in, 2) % 1024;

    ((uint32_t *)fake_ram(e->of[BAD].ram, page * 4096))[at] = peer_take32(in, 4);
}

/* ---- the end */

static void free_end(struct end *x)
{
    lane_producer_detach(&x->tx);
    lane_consumer_detach(&x->rx);
    region_unmap(&x->vggtt);
    region_unmap(&x->map);
    region_unmap(&x->inval);
    region_unmap(&x->bad);
    wire_fds_close(&x->fds);
}

void ends_leave(struct ends *e, uint32_t pages)
{
    const struct sched_guest *bad = sched_guest_find(e->s, DOMID(BAD));
    uint64_t until = peer_now() + PATIENCE_NS;

    e->hangs += (unsigned)bad->guest.w.hangs;
    peer_check(e->told || !bad->account.count[ACCOUNT_LANE_BROKEN]);
    peer_check(!bad->quarantine.known);
    for (unsigned i = 0; i < GUESTS; i++)
        sched_guest_remove(e->s, sched_guest_find(e->s, DOMID(i)), true, REMOVE_ID);
    while (e->gone < GUESTS) {
        peer_check(peer_now() < until);
        ends_turn(e);
    }
    peer_check(arena_free_pages(e->s->arena) == ARENA_PAGES - pages);
    for (unsigned i = 0; i < GUESTS; i++)
        free_end(&e->of[i]);
}
