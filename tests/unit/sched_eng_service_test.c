/* SPDX-License-Identifier: MIT */
/*
 * The service without its wiring: start-up with gtt at the other end of the lanes, guests attached
 * and removed, the TLB rule, a second process after the first.
 */
#include "tests/unit/sched_eng_world.h"

#include "services/wire/sched_gtt.h"

#include <errno.h>

/* More requests than the lane holds, and nothing is up before the last is answered. */
static void starts(void **state)
{
    (void)state;
    world_turns(3);
    assert_int_equal(w.up, 0);
    assert_int_equal(gpu_fake_get(w.sim.fake, 0x229c), 0);
    world_come_up();
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
        world_gtt_serves(false);
        world_turns(1);
        lane_tx_put(&w.gtt_tx, &done, sizeof done);
    }
    assert_int_equal(w.failed, -EINVAL);
    assert_int_equal(w.up, 0);
}

/* A guest that came before the engines were up runs when they are. */
static void early_guest(void **state)
{
    (void)state;
    world_add_guest(false);
    world_elsp(DESC(1), 0);
    assert_int_equal(world_next().kind, 0);
    world_come_up();
    world_turns(3);
    assert_int_equal(world_next().kind, SCHED_MMIO_CSB);
    assert_int_equal(world_next().kind, SCHED_MMIO_IIR);
    sim_complete(&w.sim, GEN8_BCS);
    world_turns(2);
    assert_int_equal(world_next().csb, 1ull << 32 | CSB_COMPLETE | CSB_ACTIVE_TO_IDLE);
    assert_int_equal(world_next().engine, GEN8_BCS);
}

static void invalidation(void **state)
{
    struct context *ctx;

    (void)state;
    world_come_up();
    world_add_guest(false);
    world_clear_entries();
    assert_int_equal(world_acknowledged(), 1);
    world_elsp(DESC(1), 0);
    world_clear_entries();
    assert_int_equal(world_acknowledged(), 2); /* its root stays: no reason to wait */
    ctx = stub_context(world_guest()->contexts, GEN8_BCS, DESC(1));
    ctx->unmapped = true;
    world_clear_entries();
    world_turns(5);
    assert_int_equal(world_acknowledged(), 2);
    sim_complete(&w.sim, GEN8_BCS);
    world_turns(2);
    assert_int_equal(world_acknowledged(), 3);
    w.sim.flush_hangs = true;
    world_clear_entries();
    assert_int_equal(world_acknowledged(), 3);
    w.sim.flush_hangs = false;
    gpu_fake_set(w.sim.fake, 0x4260, 0);
    for (unsigned i = 0; i < 100 && world_acknowledged() < 4; i++)
        world_turns(1);
    assert_int_equal(world_acknowledged(), 4);
}

/* A root gtt has not heard of is asked for; its bell makes us look again. */
static void unknown_root(void **state)
{
    (void)state;
    world_come_up();
    world_add_guest(false);
    world_guest()->contexts->answer = CONTEXT_WAIT;
    world_elsp(DESC(1), 0);
    world_gtt_serves(false);
    assert_true(w.roots >= 1);
    assert_int_equal(w.sim.engine[GEN8_BCS].submissions, 0);
    world_guest()->contexts->answer = 0;
    lane_kick(w.gtt_tx.wake_fd);
    world_turns(2);
    assert_int_equal(w.sim.engine[GEN8_BCS].submissions, 1);
}

/* Off the engines at once; clears are still acknowledged until the end. */
static void removal(void **state)
{
    (void)state;
    world_come_up();
    world_add_guest(false);
    world_elsp(DESC(1), 0);
    sched_guest_remove(w.s, world_guest(), false, 42);
    assert_int_equal(w.gone, 1);
    assert_false(w.sim.engine[GEN8_BCS].active);
    world_clear_entries();
    assert_int_equal(world_acknowledged(), 1);
    world_elsp(DESC(1), 0);
    assert_int_equal(w.sim.engine[GEN8_BCS].submissions, 1);
    sched_guest_remove(w.s, world_guest(), true, 42);
    assert_int_equal(w.gone_final, 1);
    assert_null(world_guest());
}

static void broken_lane(void **state)
{
    (void)state;
    world_come_up();
    world_add_guest(false);
    atomic_store(&w.mmio_tx.mem.shared->producer.tail, 0x5000);
    lane_kick(w.mmio_tx.wake_fd);
    world_turns(3);
    assert_int_equal(w.broken, 1);
    assert_int_equal(w.failed, 0);
}

/* The engines run on, and what they did meanwhile is seen by the next process: no reset, no event
 * lost or shown twice. */
static void second_process(void **state)
{
    unsigned resets, submissions;

    (void)state;
    world_come_up();
    world_add_guest(false);
    world_elsp(DESC(1), DESC(2));
    assert_int_equal(world_next().csb, CSB_IDLE_TO_ACTIVE);
    world_next();
    sched_free(w.s);
    w.up = 0;
    resets = w.sim.engine[GEN8_BCS].resets;
    submissions = w.sim.engine[GEN8_BCS].submissions;
    sim_complete(&w.sim, GEN8_BCS);
    assert_int_equal(world_start(), 0);
    world_come_up();
    assert_int_equal(world_next().kind, 0);
    world_add_guest(true);
    world_turns(3);
    assert_int_equal(world_next().csb, 1ull << 32 | CSB_COMPLETE | CSB_ELEMENT_SWITCH);
    assert_int_equal(world_next().kind, SCHED_MMIO_IIR);
    sim_complete(&w.sim, GEN8_BCS);
    world_turns(2);
    assert_int_equal(world_next().csb, 2ull << 32 | CSB_COMPLETE | CSB_ACTIVE_TO_IDLE);
    assert_int_equal(w.sim.full_resets, 1);
    assert_int_equal(w.sim.engine[GEN8_BCS].resets, resets);
    assert_int_equal(w.sim.engine[GEN8_BCS].submissions, submissions);
}

/* The guest is removed as soon as the next process knows of it. */
static void removed_meanwhile(void **state)
{
    (void)state;
    world_come_up();
    world_add_guest(false);
    world_elsp(DESC(1), 0);
    sched_free(w.s);
    w.up = 0;
    assert_int_equal(world_start(), 0);
    world_add_guest(true);
    sched_guest_remove(w.s, world_guest(), false, 42);
    assert_int_equal(w.gone, 0); /* it stands in the port */
    world_come_up();
    world_turns(3);
    assert_int_equal(w.gone, 1);
    assert_false(w.sim.engine[GEN8_BCS].active);
    sched_guest_remove(w.s, world_guest(), true, 42);
    assert_int_equal(w.gone_final, 1);
}

/* A guest's reset that the former process took and did not live to answer. */
static void reset_pending(void **state)
{
    struct sched_mmio m;

    (void)state;
    world_come_up();
    world_add_guest(false);
    world_elsp(DESC(1), 0);
    world_next();
    world_next();
    world_guest()->record->state.engine[GEN8_BCS] = (struct sched_vexec){.resetting = 1};
    sched_free(w.s);
    assert_int_equal(world_start(), 0);
    world_add_guest(true);
    world_turns(3);
    do {
        m = world_next();
    } while (m.kind == SCHED_MMIO_IIR);
    assert_int_equal(m.kind, SCHED_MMIO_RESET_DONE);
    assert_false(w.sim.engine[GEN8_BCS].active);
}

/* Its vgt-mmio ruined a lane before the restart: taken up all the same, so that it can be taken off
 * the engines when it goes. */
static void ruined_lane(void **state)
{
    (void)state;
    world_come_up();
    world_add_guest(false);
    world_elsp(DESC(1), 0);
    atomic_store(&w.mmio_tx.mem.shared->producer.tail, 0x5000);
    sched_free(w.s);
    assert_int_equal(world_start(), 0);
    world_add_guest(true);
    world_turns(3);
    assert_int_equal(w.broken, 1);
    assert_true(w.sim.engine[GEN8_BCS].active);
    sched_guest_remove(w.s, world_guest(), false, 42);
    assert_int_equal(w.gone, 1);
    assert_false(w.sim.engine[GEN8_BCS].active);
}

/* It could not be attached again, and goes: off the engines, and nothing of it is kept. */
static void stale(void **state)
{
    (void)state;
    world_come_up();
    world_add_guest(false);
    world_elsp(DESC(1), 0);
    sched_free(w.s);
    assert_int_equal(world_start(), 0);
    world_turns(3);
    assert_true(w.sim.engine[GEN8_BCS].active);
    sched_guest_stale(w.s, 5);
    assert_false(w.sim.engine[GEN8_BCS].active);
    assert_int_equal(w.s->journal->guest[0].state.domid, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

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
