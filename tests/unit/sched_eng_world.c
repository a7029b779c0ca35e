/* SPDX-License-Identifier: MIT */
/* sched_eng_world.c: see sched_eng_world.h. */
#include "tests/unit/sched_eng_world.h"

#include "services/wire/names.h"
#include "services/wire/sched_gtt.h"
#include "tests/unit/sched_eng_wire.h"

#include <stdlib.h>
#include <string.h>

#define MS WORLD_MS

struct world w;

static const struct log quiet = {.fd = 2, .level = LOG_CRIT, .name = "test"};

/* ---- the seams */

static int open_memory(uint32_t domid, struct vmm **out)
{
    *out = (struct vmm *)(uintptr_t)domid;
    return 0;
}

static void close_memory(struct vmm *v)
{
    (void)v;
}

static const struct vmm_ops vmm = {.open_memory = open_memory, .close = close_memory};

static void on_up(void *ctx)
{
    (void)ctx;
    w.up++;
}

static void on_failed(void *ctx, int err)
{
    (void)ctx;
    w.failed = err;
}

static void on_gone(void *ctx, uint32_t domid, bool final, uint32_t id)
{
    (void)ctx;
    assert_int_equal(domid, 5);
    assert_int_equal(id, 42);
    if (final)
        w.gone_final++;
    else
        w.gone++;
}

static void on_broken(void *ctx, uint32_t domid, const char *lane)
{
    (void)ctx;
    (void)domid;
    (void)lane;
    w.broken++;
}

/* ---- the life of the world */

int world_start(void)
{
    const struct sched_config config = {
        .loop = w.loop,
        .log = &quiet,
        .vmm = &vmm,
        .quantum_ns = 10 * MS,
        .watchdog_ns = 100 * MS,
        .arena_pages = 2 * ARENA_BLOCK_PAGES,
        .no_quarantine = w.no_quarantine,
        .events = {on_up, on_failed, on_gone, on_broken, NULL},
    };
    struct wire_fds fds = copies(&w.own);
    struct gpu *gpu;

    assert_int_equal(sched_new(&config, &w.s), 0);
    assert_int_equal(gpu_fake_open(w.sim.fake, GPU_ROW_SCHED, &gpu), 0);
    return sched_device(w.s, gpu, &fds, 0xf);
}

int world_setup(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    sim_init(&w.sim);
    assert_int_equal(loop_new(&w.loop), 0);
    give_own(&w.own, LANE_SLOTS);
    assert_int_equal(wire_consumer(&w.own, WIRE_SCHED_GTT, SCHED_GTT_LAYOUT, &w.gtt_rx), 0);
    assert_int_equal(wire_producer(&w.own, WIRE_GTT_SCHED, SCHED_GTT_LAYOUT, &w.gtt_tx), 0);
    assert_int_equal(world_start(), 0);
    return 0;
}

int world_teardown(void **state)
{
    (void)state;
    sched_free(w.s);
    lane_consumer_detach(&w.gtt_rx);
    lane_producer_detach(&w.gtt_tx);
    if (w.guest.count) {
        lane_producer_detach(&w.mmio_tx);
        lane_consumer_detach(&w.mmio_rx);
        region_unmap(&w.map);
        region_unmap(&w.inval);
        region_unmap(&w.bad);
    }
    wire_fds_close(&w.own);
    wire_fds_close(&w.guest);
    stub_forget();
    loop_free(w.loop);
    gpu_fake_free(w.sim.fake);
    return 0;
}

void world_turns(unsigned n)
{
    while (n--)
        assert_int_equal(loop_turn(w.loop, 1), 0);
}

void world_gtt_serves(bool answer)
{
    struct gtt_sched done = {.kind = GTT_SCHED_DONE};
    struct lane_slot slot;
    struct sched_gtt m;

    while (lane_rx_next(&w.gtt_rx, &slot, NULL) == 0) {
        memcpy(&m, &slot, sizeof m);
        assert_true(m.seq > done.seq);
        done.seq = m.seq;
        w.maps += m.kind == SCHED_GTT_MAP;
        w.roots += m.kind == SCHED_GTT_ROOT;
        w.pages += m.kind == SCHED_GTT_MAP ? m.count : 0;
    }
    lane_rx_advance(&w.gtt_rx);
    if (done.seq && answer)
        lane_tx_put(&w.gtt_tx, &done, sizeof done);
}

void world_come_up(void)
{
    for (unsigned i = 0; i < 200 && !w.up; i++) {
        world_gtt_serves(true);
        world_turns(1);
    }
    assert_int_equal(w.up, 1);
}

void world_give_guest(void)
{
    give_guest(&w.guest, LANE_SLOTS);
    wire_producer(&w.guest, WIRE_MMIO_SCHED, MMIO_SCHED_LAYOUT, &w.mmio_tx);
    wire_consumer(&w.guest, WIRE_SCHED_MMIO, MMIO_SCHED_LAYOUT, &w.mmio_rx);
    wire_region(&w.guest, WIRE_GTT_MAP, WIRE_REGION_GTT_MAP, GTT_MAP_LAYOUT, 0, true, &w.map);
    wire_region(&w.guest, WIRE_INVAL_SCHED, WIRE_REGION_INVAL, GTT_INVAL_LAYOUT, 0, true, &w.inval);
    wire_region(&w.guest, WIRE_BAD_SCHED, WIRE_REGION_QUARANTINE, QUARANTINE_LAYOUT, 0, true,
                &w.bad);
}

int world_try_guest(bool restart)
{
    Vgt__GuestAdd add = VGT__GUEST_ADD__INIT;
    Vgt__Resources resources = VGT__RESOURCES__INIT;
    struct wire_fds fds = copies(&w.guest);

    add.domid = 5;
    add.name = (char *)"guest";
    add.resources = &resources;
    add.generation = 3;
    add.restart = restart;
    return sched_guest_add(w.s, &add, &fds);
}

void world_add_guest(bool restart)
{
    if (!restart)
        world_give_guest();
    assert_int_equal(world_try_guest(restart), 0);
}

struct sched_guest *world_guest(void)
{
    return sched_guest_find(w.s, 5);
}

void world_put(uint64_t desc0, uint64_t desc1)
{
    struct mmio_sched m = {
        .kind = MMIO_SCHED_ELSP, .engine = GEN8_BCS, .seq = ++w.seq, .desc = {desc0, desc1}};

    assert_int_equal(lane_tx_put(&w.mmio_tx, &m, sizeof m), 0);
}

void world_elsp(uint64_t desc0, uint64_t desc1)
{
    world_put(desc0, desc1);
    world_turns(3);
}

struct sched_mmio world_next(void)
{
    struct sched_mmio m = {0};
    struct lane_slot slot;

    if (lane_rx_next(&w.mmio_rx, &slot, NULL) == 0)
        memcpy(&m, &slot, sizeof m);
    lane_rx_advance(&w.mmio_rx);
    return m;
}

void world_clear_entries(void)
{
    struct gtt_map *map = w.map.data;

    __atomic_fetch_add(&map->clear_seq, 1, __ATOMIC_RELEASE);
    lane_kick(w.gtt_tx.wake_fd);
    world_turns(2);
}

uint64_t world_acknowledged(void)
{
    return ((struct gtt_inval *)w.inval.data)->done_seq;
}
