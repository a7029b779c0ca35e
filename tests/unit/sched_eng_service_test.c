/* SPDX-License-Identifier: MIT */
/*
 * The service without its wiring: start-up with gtt at the other end of the lanes, guests attached
 * and removed, the TLB rule, a second process after the first.
 */
#include "services/sched/sched.h"
#include "services/wire/names.h"
#include "services/wire/sched_gtt.h"
#include "tests/unit/sched_eng_sim.h"
#include "tests/unit/sched_eng_stub.h"
#include "tests/unit/sched_eng_wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS         1000000ull
#define DESC(n)    ((uint64_t)(n) << 32 | 0x100000u | (n) << 12 | 0x119)
#define LANE_SLOTS 16u

static struct world {
    struct sim sim;
    struct loop *loop;
    struct sched *s;
    struct wire_fds own, guest; /* the broker's copies */
    struct lane_rx gtt_rx;
    struct lane_tx gtt_tx;
    struct lane_tx mmio_tx;
    struct lane_rx mmio_rx;
    struct region map, inval;
    unsigned maps, pages, roots, up, gone, gone_final, broken;
    int failed;
    uint64_t seq;
} w;

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

static int start(void)
{
    const struct sched_config config = {
        .loop = w.loop,
        .log = &quiet,
        .vmm = &vmm,
        .quantum_ns = 10 * MS,
        .watchdog_ns = 100 * MS,
        .arena_pages = 2 * ARENA_BLOCK_PAGES,
        .events = {on_up, on_failed, on_gone, on_broken, NULL},
    };
    struct wire_fds fds = copies(&w.own);
    struct gpu *gpu;

    assert_int_equal(sched_new(&config, &w.s), 0);
    assert_int_equal(gpu_fake_open(w.sim.fake, GPU_ROW_SCHED, &gpu), 0);
    return sched_device(w.s, gpu, &fds, 0xf);
}

static int setup(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    sim_init(&w.sim);
    assert_int_equal(loop_new(&w.loop), 0);
    give_own(&w.own, LANE_SLOTS);
    assert_int_equal(wire_consumer(&w.own, WIRE_SCHED_GTT, SCHED_GTT_LAYOUT, &w.gtt_rx), 0);
    assert_int_equal(wire_producer(&w.own, WIRE_GTT_SCHED, SCHED_GTT_LAYOUT, &w.gtt_tx), 0);
    assert_int_equal(start(), 0);
    return 0;
}

static int teardown(void **state)
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
    }
    wire_fds_close(&w.own);
    wire_fds_close(&w.guest);
    stub_forget();
    loop_free(w.loop);
    gpu_fake_free(w.sim.fake);
    return 0;
}

static void turns(unsigned n)
{
    while (n--)
        assert_int_equal(loop_turn(w.loop, 1), 0);
}

/* gtt's part: take requests, answer the last. */
static void gtt_serves(bool answer)
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

static void come_up(void)
{
    for (unsigned i = 0; i < 200 && !w.up; i++) {
        gtt_serves(true);
        turns(1);
    }
    assert_int_equal(w.up, 1);
}

static void add_guest(bool restart)
{
    Vgt__GuestAdd add = VGT__GUEST_ADD__INIT;
    Vgt__Resources resources = VGT__RESOURCES__INIT;
    struct wire_fds fds;

    add.domid = 5;
    add.name = (char *)"guest";
    add.resources = &resources;
    add.generation = 3;
    add.restart = restart;
    if (!restart) {
        give_guest(&w.guest, LANE_SLOTS);
        wire_producer(&w.guest, WIRE_MMIO_SCHED, MMIO_SCHED_LAYOUT, &w.mmio_tx);
        wire_consumer(&w.guest, WIRE_SCHED_MMIO, MMIO_SCHED_LAYOUT, &w.mmio_rx);
        wire_region(&w.guest, WIRE_GTT_MAP, WIRE_REGION_GTT_MAP, GTT_MAP_LAYOUT, 0, true, &w.map);
        wire_region(&w.guest, WIRE_INVAL_SCHED, WIRE_REGION_INVAL, GTT_INVAL_LAYOUT, 0, true,
                    &w.inval);
    }
    fds = copies(&w.guest);
    assert_int_equal(sched_guest_add(w.s, &add, &fds), 0);
}

static struct sched_guest *guest(void)
{
    return sched_guest_find(w.s, 5);
}

static void elsp(uint64_t desc0, uint64_t desc1)
{
    struct mmio_sched m = {
        .kind = MMIO_SCHED_ELSP, .engine = GEN8_BCS, .seq = ++w.seq, .desc = {desc0, desc1}};

    assert_int_equal(lane_tx_put(&w.mmio_tx, &m, sizeof m), 0);
    turns(3);
}

static struct sched_mmio next(void)
{
    struct sched_mmio m = {0};
    struct lane_slot slot;

    if (lane_rx_next(&w.mmio_rx, &slot, NULL) == 0)
        memcpy(&m, &slot, sizeof m);
    lane_rx_advance(&w.mmio_rx);
    return m;
}

static void clear_entries(void)
{
    struct gtt_map *map = w.map.data;

    __atomic_fetch_add(&map->clear_seq, 1, __ATOMIC_RELEASE);
    lane_kick(w.gtt_tx.wake_fd);
    turns(2);
}

static uint64_t acknowledged(void)
{
    return ((struct gtt_inval *)w.inval.data)->done_seq;
}

/* ---- tests */

/* More requests than the lane holds, and nothing is up before the last is answered. */
static void starts(void **state)
{
    (void)state;
    turns(3);
    assert_int_equal(w.up, 0);
    assert_int_equal(gpu_fake_get(w.sim.fake, 0x229c), 0);
    come_up();
    assert_int_equal(w.pages, 2 * ARENA_BLOCK_PAGES);
    assert_true(w.maps > LANE_SLOTS);
    assert_int_equal(w.sim.full_resets, 1);
    assert_int_equal(gpu_fake_get(w.sim.fake, 0x2229c), 1u << 15);
    assert_true(gpu_fake_get(w.sim.fake, 0x22080) >= 0xfc000000u);
}

static void gtt_refuses(void **state)
{
    struct gtt_sched done = {.kind = GTT_SCHED_DONE, .error = -EINVAL, .seq = 1};

    (void)state;
    while (!w.failed && w.maps < 1000) {
        gtt_serves(false);
        turns(1);
        lane_tx_put(&w.gtt_tx, &done, sizeof done);
    }
    assert_int_equal(w.failed, -EINVAL);
    assert_int_equal(w.up, 0);
}

/* A guest that came before the engines were up runs when they are. */
static void early_guest(void **state)
{
    (void)state;
    add_guest(false);
    elsp(DESC(1), 0);
    assert_int_equal(next().kind, 0);
    come_up();
    turns(3);
    assert_int_equal(next().kind, SCHED_MMIO_CSB);
    assert_int_equal(next().kind, SCHED_MMIO_IIR);
    sim_complete(&w.sim, GEN8_BCS);
    turns(2);
    assert_int_equal(next().csb, 1ull << 32 | CSB_COMPLETE | CSB_ACTIVE_TO_IDLE);
    assert_int_equal(next().engine, GEN8_BCS);
}

static void invalidation(void **state)
{
    struct context *ctx;

    (void)state;
    come_up();
    add_guest(false);
    clear_entries();
    assert_int_equal(acknowledged(), 1);
    elsp(DESC(1), 0);
    clear_entries();
    assert_int_equal(acknowledged(), 2); /* its root stays: no reason to wait */
    ctx = stub_context(guest()->contexts, GEN8_BCS, DESC(1));
    ctx->unmapped = true;
    clear_entries();
    turns(5);
    assert_int_equal(acknowledged(), 2);
    sim_complete(&w.sim, GEN8_BCS);
    turns(2);
    assert_int_equal(acknowledged(), 3);
    w.sim.flush_hangs = true;
    clear_entries();
    assert_int_equal(acknowledged(), 3);
    w.sim.flush_hangs = false;
    gpu_fake_set(w.sim.fake, 0x4260, 0);
    for (unsigned i = 0; i < 100 && acknowledged() < 4; i++)
        turns(1);
    assert_int_equal(acknowledged(), 4);
}

/* A root gtt has not heard of is asked for; its bell makes us look again. */
static void unknown_root(void **state)
{
    (void)state;
    come_up();
    add_guest(false);
    guest()->contexts->answer = CONTEXT_WAIT;
    elsp(DESC(1), 0);
    gtt_serves(false);
    assert_true(w.roots >= 1);
    assert_int_equal(w.sim.engine[GEN8_BCS].submissions, 0);
    guest()->contexts->answer = 0;
    lane_kick(w.gtt_tx.wake_fd);
    turns(2);
    assert_int_equal(w.sim.engine[GEN8_BCS].submissions, 1);
}

/* Off the engines at once; clears are still acknowledged until the end. */
static void removal(void **state)
{
    (void)state;
    come_up();
    add_guest(false);
    elsp(DESC(1), 0);
    sched_guest_remove(w.s, guest(), false, 42);
    assert_int_equal(w.gone, 1);
    assert_false(w.sim.engine[GEN8_BCS].active);
    clear_entries();
    assert_int_equal(acknowledged(), 1);
    elsp(DESC(1), 0);
    assert_int_equal(w.sim.engine[GEN8_BCS].submissions, 1);
    sched_guest_remove(w.s, guest(), true, 42);
    assert_int_equal(w.gone_final, 1);
    assert_null(guest());
}

static void broken_lane(void **state)
{
    (void)state;
    come_up();
    add_guest(false);
    atomic_store(&w.mmio_tx.mem.shared->producer.tail, 0x5000);
    lane_kick(w.mmio_tx.wake_fd);
    turns(3);
    assert_int_equal(w.broken, 1);
    assert_int_equal(w.failed, 0);
}

/* The engines run on, and what they did meanwhile is seen by the next process: no reset, no event
 * lost or shown twice. */
static void second_process(void **state)
{
    unsigned resets, submissions;

    (void)state;
    come_up();
    add_guest(false);
    elsp(DESC(1), DESC(2));
    assert_int_equal(next().csb, CSB_IDLE_TO_ACTIVE);
    next();
    sched_free(w.s);
    w.up = 0;
    resets = w.sim.engine[GEN8_BCS].resets;
    submissions = w.sim.engine[GEN8_BCS].submissions;
    sim_complete(&w.sim, GEN8_BCS);
    assert_int_equal(start(), 0);
    come_up();
    assert_int_equal(next().kind, 0);
    add_guest(true);
    turns(3);
    assert_int_equal(next().csb, 1ull << 32 | CSB_COMPLETE | CSB_ELEMENT_SWITCH);
    assert_int_equal(next().kind, SCHED_MMIO_IIR);
    sim_complete(&w.sim, GEN8_BCS);
    turns(2);
    assert_int_equal(next().csb, 2ull << 32 | CSB_COMPLETE | CSB_ACTIVE_TO_IDLE);
    assert_int_equal(w.sim.full_resets, 1);
    assert_int_equal(w.sim.engine[GEN8_BCS].resets, resets);
    assert_int_equal(w.sim.engine[GEN8_BCS].submissions, submissions);
}

/* The guest is removed as soon as the next process knows of it. */
static void removed_meanwhile(void **state)
{
    (void)state;
    come_up();
    add_guest(false);
    elsp(DESC(1), 0);
    sched_free(w.s);
    w.up = 0;
    assert_int_equal(start(), 0);
    add_guest(true);
    sched_guest_remove(w.s, guest(), false, 42);
    assert_int_equal(w.gone, 0); /* it stands in the port */
    come_up();
    turns(3);
    assert_int_equal(w.gone, 1);
    assert_false(w.sim.engine[GEN8_BCS].active);
    sched_guest_remove(w.s, guest(), true, 42);
    assert_int_equal(w.gone_final, 1);
}

/* A guest's reset that the former process took and did not live to answer. */
static void reset_pending(void **state)
{
    struct sched_mmio m;

    (void)state;
    come_up();
    add_guest(false);
    elsp(DESC(1), 0);
    next();
    next();
    guest()->record->state.engine[GEN8_BCS] = (struct sched_vexec){.resetting = 1};
    sched_free(w.s);
    assert_int_equal(start(), 0);
    add_guest(true);
    turns(3);
    do {
        m = next();
    } while (m.kind == SCHED_MMIO_IIR);
    assert_int_equal(m.kind, SCHED_MMIO_RESET_DONE);
    assert_false(w.sim.engine[GEN8_BCS].active);
}

/* Its vgt-mmio ruined a lane before the restart: taken up all the same, so that it can be taken off
 * the engines when it goes. */
static void ruined_lane(void **state)
{
    (void)state;
    come_up();
    add_guest(false);
    elsp(DESC(1), 0);
    atomic_store(&w.mmio_tx.mem.shared->producer.tail, 0x5000);
    sched_free(w.s);
    assert_int_equal(start(), 0);
    add_guest(true);
    turns(3);
    assert_int_equal(w.broken, 1);
    assert_true(w.sim.engine[GEN8_BCS].active);
    sched_guest_remove(w.s, guest(), false, 42);
    assert_int_equal(w.gone, 1);
    assert_false(w.sim.engine[GEN8_BCS].active);
}

/* It could not be attached again, and goes: off the engines, and nothing of it is kept. */
static void stale(void **state)
{
    (void)state;
    come_up();
    add_guest(false);
    elsp(DESC(1), 0);
    sched_free(w.s);
    assert_int_equal(start(), 0);
    turns(3);
    assert_true(w.sim.engine[GEN8_BCS].active);
    sched_guest_stale(w.s, 5);
    assert_false(w.sim.engine[GEN8_BCS].active);
    assert_int_equal(w.s->journal->guest[0].state.domid, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(starts),        TEST(gtt_refuses),    TEST(early_guest),
        TEST(invalidation),  TEST(unknown_root),   TEST(removal),
        TEST(broken_lane),   TEST(second_process), TEST(removed_meanwhile),
        TEST(reset_pending), TEST(ruined_lane),    TEST(stale),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
