/* SPDX-License-Identifier: MIT */
/*
 * Guests share an engine: turns and weights, preemption that the guests do not see, hangs, resets
 * of one guest beside another's work.
 */
#include "tests/unit/sched_eng_rig.h"

#define IDLE_ACTIVE CSB_IDLE_TO_ACTIVE
#define SWITCHED    (CSB_COMPLETE | CSB_ELEMENT_SWITCH)
#define FINISHED    (CSB_COMPLETE | CSB_ACTIVE_TO_IDLE)

static struct rig r;

static int setup(void **state)
{
    (void)state;
    rig_setup(&r, 2, 64);
    r.skip_iir = true;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_teardown(&r);
    return 0;
}

static void finish(void)
{
    sim_complete(&r.sim, GEN8_RCS);
    rig_step(&r);
}

static unsigned submissions(void)
{
    return r.sim.engine[GEN8_RCS].submissions;
}

/* Short work of both: whoever is ready runs at once, nobody is preempted. */
static void alternate(void **state)
{
    (void)state;
    rig_elsp(&r, 0, DESC(1), 0);
    rig_elsp(&r, 1, DESC(2), 0);
    assert_int_equal(rig_runs(&r), 0);
    finish();
    assert_int_equal(rig_runs(&r), 1);
    rig_elsp(&r, 0, DESC(1), 0);
    finish();
    assert_int_equal(rig_runs(&r), 0);
    finish();
    for (unsigned i = 0; i < 2; i++) {
        rig_expect_csb(&r, 0, 2 * i, IDLE_ACTIVE, 0);
        rig_expect_csb(&r, 0, 2 * i + 1, FINISHED, 1);
    }
    rig_expect_csb(&r, 1, 0, IDLE_ACTIVE, 0);
    rig_expect_csb(&r, 1, 1, FINISHED, 2);
    assert_int_equal(r.g[0].guest.stats.preemptions, 0);
}

/* Inside its turn a guest's own submissions go on although another waits; then they do not. */
static void turn(void **state)
{
    (void)state;
    rig_elsp(&r, 0, DESC(1), 0);
    rig_elsp(&r, 1, DESC(2), 0);
    rig_elsp(&r, 0, DESC(1), 0);
    assert_int_equal(submissions(), 2);
    finish();
    assert_int_equal(rig_runs(&r), 0);
    rig_pass(&r, QUANTUM);
    rig_elsp(&r, 0, DESC(1), 0);
    assert_int_equal(submissions(), 2); /* held back */
    finish();
    assert_int_equal(rig_runs(&r), 1);
}

/* Long work is preempted after its turn and a quantum of grace, and goes on later. */
static void slices(void **state)
{
    (void)state;
    rig_elsp(&r, 0, DESC(1), DESC(3));
    rig_elsp(&r, 1, DESC(2), 0);
    finish(); /* element 0 */
    rig_pass(&r, QUANTUM);
    assert_int_equal(submissions(), 1);
    assert_true(engine_deadline(&r.engine, r.now) <= r.now + QUANTUM);
    rig_pass(&r, QUANTUM);
    assert_int_equal(submissions(), 2);
    sim_take(&r.sim, GEN8_RCS);
    rig_step(&r);
    assert_int_equal(rig_runs(&r), 1);
    assert_int_equal(r.g[0].guest.stats.preemptions, 1);
    assert_int_equal(stub_context(r.g[0].contexts, GEN8_RCS, DESC(3))->busy, 1);
    assert_int_equal(stub_context(r.g[0].contexts, GEN8_RCS, DESC(3))->saved, 0);
    finish();
    assert_int_equal(rig_runs(&r), 0);
    finish();
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0);
    rig_expect_csb(&r, 0, 1, SWITCHED, 1);
    rig_expect_csb(&r, 0, 2, FINISHED, 3);
    rig_expect_csb(&r, 1, 0, IDLE_ACTIVE, 0);
    rig_expect_csb(&r, 1, 1, FINISHED, 2);
    assert_int_equal(stub_busy(r.g[0].contexts), 0);
    assert_int_equal(r.g[0].contexts->prepared, 2);
}

/* A list submitted while the guest is off the engine replaces the shelved one in the guest's eyes.
 */
static void list_while_off(void **state)
{
    (void)state;
    rig_elsp(&r, 0, DESC(1), 0);
    rig_elsp(&r, 1, DESC(2), 0);
    rig_pass(&r, QUANTUM);
    rig_pass(&r, QUANTUM);
    sim_take(&r.sim, GEN8_RCS);
    rig_step(&r);
    rig_elsp(&r, 0, DESC(1), DESC(3));
    finish();
    assert_int_equal(rig_runs(&r), 0);
    finish();
    finish();
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0);
    rig_expect_csb(&r, 0, 1, CSB_PREEMPTED | CSB_LITE_RESTORE, 1);
    rig_expect_csb(&r, 0, 2, SWITCHED, 1);
    rig_expect_csb(&r, 0, 3, FINISHED, 3);
    assert_int_equal(stub_busy(r.g[0].contexts), 0);
}

/* Its new list must wait for its own context: the old one goes on. */
static void list_that_waits(void **state)
{
    (void)state;
    rig_elsp(&r, 0, DESC(1), 0);
    rig_elsp(&r, 1, DESC(2), 0);
    rig_pass(&r, QUANTUM);
    rig_pass(&r, QUANTUM);
    sim_take(&r.sim, GEN8_RCS);
    rig_step(&r);
    r.g[0].contexts->answer = CONTEXT_LATER;
    rig_elsp(&r, 0, DESC(1), 0);
    finish();
    assert_int_equal(rig_runs(&r), 0);
    r.g[0].contexts->answer = 0;
    finish();
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0);
    rig_expect_csb(&r, 0, 1, FINISHED, 1);
    rig_expect_csb(&r, 0, 2, IDLE_ACTIVE, 0);
    assert_int_equal(rig_runs(&r), 0);
}

/* Two guests that always have work get equal time; a third with weight 2 twice as much, although
 * each has a quantum more at the end of its turn, to finish: the next turn is so much shorter. */
static void shares(void **state)
{
    uint64_t ns[3];

    (void)state;
    rig_teardown(&r);
    rig_setup(&r, 3, 64);
    r.skip_iir = true;
    r.g[2].guest.c.weight = 2;
    for (unsigned n = 0; n < 3; n++)
        rig_elsp(&r, n, DESC(n + 1), 0);
    for (unsigned i = 0; i < 4000; i++) {
        struct sim_engine *e = &r.sim.engine[GEN8_RCS];

        if (e->has_pending)
            sim_take(&r.sim, GEN8_RCS);
        sim_move(&r.sim, GEN8_RCS);
        rig_pass(&r, MS);
    }
    for (unsigned n = 0; n < 3; n++)
        ns[n] = r.g[n].guest.engine[GEN8_RCS].gpu_ns / MS;
    /* the millisecond until a preemption is seen is nobody's turn */
    assert_in_range(ns[0], 950, 1080);
    assert_in_range(ns[1], 950, 1080);
    assert_in_range(ns[2], 1850, 2050);
    assert_int_equal(r.g[0].guest.w.hangs, 0);
}

/* It neither moves nor lets go: reset, and the other guest's work runs. */
static void hang(void **state)
{
    unsigned resets = r.sim.engine[GEN8_RCS].resets;

    (void)state;
    rig_elsp(&r, 0, DESC(1), DESC(3));
    for (unsigned i = 0; i < 100; i++)
        rig_pass(&r, QUANTUM); /* alone it may hang as long as it likes */
    assert_int_equal(r.sim.engine[GEN8_RCS].resets, resets);
    rig_elsp(&r, 1, DESC(2), 0);
    for (unsigned i = 0; i < 15; i++)
        rig_pass(&r, QUANTUM);
    assert_int_equal(r.sim.engine[GEN8_RCS].resets, resets + 1);
    assert_int_equal(rig_runs(&r), 1);
    assert_true(guest_hung(&r.g[0].guest));
    assert_int_equal(r.g[0].account.count[ACCOUNT_ENGINE_HANG], 1);
    assert_int_equal(r.g[1].account.count[ACCOUNT_ENGINE_HANG], 0);
    assert_int_equal(stub_context(r.g[0].contexts, GEN8_RCS, DESC(1))->killed, 1);
    assert_int_equal(stub_busy(r.g[0].contexts), 0);
    finish();
    rig_expect_csb(&r, 1, 0, IDLE_ACTIVE, 0);
    rig_expect_csb(&r, 1, 1, FINISHED, 2);
    rig_elsp(&r, 0, DESC(4), 0);
    assert_int_equal(rig_runs(&r), -1); /* until it resets its engine */
    rig_post(&r, 0, (struct mmio_sched){.kind = MMIO_SCHED_RESET, .engine = GEN8_M_RCS});
    rig_elsp(&r, 0, DESC(4), 0);
    assert_int_equal(rig_runs(&r), 0);
    assert_false(guest_hung(&r.g[0].guest));
}

/* An engine that was idle for long has not hung because it has not taken a list yet; nor has it if
 * the loop looked at the clock before the list was submitted. */
static void idle_for_long(void **state)
{
    unsigned resets = r.sim.engine[GEN8_RCS].resets;

    (void)state;
    rig_elsp(&r, 0, DESC(1), 0);
    finish();
    r.now += 10 * WATCHDOG;
    r.sim.no_ack = true;
    rig_elsp(&r, 0, DESC(1), 0);
    rig_pass(&r, MS);
    assert_int_equal(engine_tick(&r.engine, r.now - 2 * MS), 0);
    assert_int_equal(r.sim.engine[GEN8_RCS].resets, resets);
    assert_true(r.engine.busy_ns < WATCHDOG);
    sim_take(&r.sim, GEN8_RCS);
    rig_step(&r);
    assert_int_equal(rig_runs(&r), 0);
    r.sim.no_ack = false;
    finish();
    r.sim.no_ack = true;
    rig_elsp(&r, 0, DESC(1), 0); /* one that is never taken is found */
    rig_pass(&r, WATCHDOG - MS);
    assert_int_equal(r.sim.engine[GEN8_RCS].resets, resets);
    rig_pass(&r, 2 * MS);
    assert_int_equal(r.sim.engine[GEN8_RCS].resets, resets + 1);
}

/* A loop that moves all the time but can never be preempted. */
static void endless(void **state)
{
    (void)state;
    rig_elsp(&r, 0, DESC(1), 0);
    rig_elsp(&r, 1, DESC(2), 0);
    for (unsigned i = 0; i < 20; i++) {
        sim_move(&r.sim, GEN8_RCS);
        rig_pass(&r, QUANTUM);
    }
    assert_int_equal(rig_runs(&r), 1);
    assert_int_equal(r.g[0].account.count[ACCOUNT_ENGINE_HANG], 1);
}

/* One guest's reset does not touch another's work, on the engine or waiting for it. */
static void reset_beside(void **state)
{
    unsigned resets = r.sim.engine[GEN8_RCS].resets;

    (void)state;
    rig_elsp(&r, 0, DESC(1), 0);
    rig_elsp(&r, 1, DESC(2), 0);
    rig_post(&r, 1, (struct mmio_sched){.kind = MMIO_SCHED_RESET, .engine = GEN8_M_RCS});
    rig_step(&r);
    rig_expect_reset_done(&r, 1);
    assert_int_equal(r.sim.engine[GEN8_RCS].resets, resets);
    assert_int_equal(rig_runs(&r), 0);
    rig_elsp(&r, 1, DESC(2), 0);
    rig_post(&r, 0, (struct mmio_sched){.kind = MMIO_SCHED_RESET, .engine = GEN8_M_RCS});
    rig_step(&r);
    assert_int_equal(r.sim.engine[GEN8_RCS].resets, resets + 1);
    assert_int_equal(rig_runs(&r), 1);
    finish();
    rig_expect_csb(&r, 1, 0, IDLE_ACTIVE, 0);
    rig_expect_csb(&r, 1, 1, FINISHED, 2);
}

/* The guest resets while its list is in the port behind another's context. */
static void reset_pending(void **state)
{
    unsigned resets = r.sim.engine[GEN8_RCS].resets;

    (void)state;
    rig_elsp(&r, 0, DESC(1), 0);
    rig_elsp(&r, 1, DESC(2), 0);
    rig_pass(&r, QUANTUM);
    rig_pass(&r, QUANTUM);
    assert_int_equal(submissions(), 2);
    rig_post(&r, 1, (struct mmio_sched){.kind = MMIO_SCHED_RESET, .engine = GEN8_M_RCS});
    rig_step(&r);
    rig_expect_none(&r, 1);
    assert_int_equal(r.sim.engine[GEN8_RCS].resets, resets);
    sim_take(&r.sim, GEN8_RCS);
    rig_step(&r);
    rig_expect_reset_done(&r, 1);
    rig_expect_none(&r, 1);
    assert_int_equal(r.sim.engine[GEN8_RCS].resets, resets + 1);
    assert_int_equal(rig_runs(&r), 0); /* it goes on */
    finish();
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0);
    rig_expect_csb(&r, 0, 1, FINISHED, 1);
    assert_int_equal(stub_busy(r.g[1].contexts), 0);
}

static void leaves(void **state)
{
    (void)state;
    rig_elsp(&r, 0, DESC(1), 0);
    rig_elsp(&r, 1, DESC(2), 0);
    guest_leave(&r.g[0].guest);
    rig_step(&r);
    assert_false(engine_uses(&r.engine, &r.g[0].guest));
    assert_int_equal(stub_busy(r.g[0].contexts), 0);
    assert_int_equal(rig_runs(&r), 1);
    engine_forget(&r.engine, &r.g[0].guest);
}

/* User interrupts go to those who had work there since the last. */
static void user_interrupts(void **state)
{
    (void)state;
    r.skip_iir = false;
    rig_elsp(&r, 0, DESC(1), 0);
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0);
    rig_expect_iir(&r, 0, 1u << 8);
    sim_user_interrupt(&r.sim, GEN8_RCS);
    rig_step(&r);
    rig_expect_iir(&r, 0, 1);
    rig_expect_none(&r, 1);
    sim_complete(&r.sim, GEN8_RCS);
    rig_step(&r);
    rig_elsp(&r, 1, DESC(2), 0);
    rig_expect_csb(&r, 0, 1, FINISHED, 1);
    rig_expect_iir(&r, 0, 1u << 8);
    rig_expect_csb(&r, 1, 0, IDLE_ACTIVE, 0);
    rig_expect_iir(&r, 1, 1u << 8);
    sim_user_interrupt(&r.sim, GEN8_RCS);
    rig_step(&r);
    rig_expect_iir(&r, 1, 1);
    rig_expect_iir(&r, 0, 1); /* may have been its own */
    sim_user_interrupt(&r.sim, GEN8_RCS);
    rig_step(&r);
    rig_expect_iir(&r, 1, 1);
    rig_expect_none(&r, 0);
}

/* Status that fits nothing: the engine starts anew, other guests go on. */
static void garbage(void **state)
{
    uint32_t ptr;

    (void)state;
    rig_elsp(&r, 0, DESC(1), 0);
    ptr = gpu_fake_get(r.sim.fake, 0x23a0);
    gpu_fake_set(r.sim.fake, 0x2370 + 8 * ((ptr & 7) + 1), CSB_COMPLETE | CSB_ACTIVE_TO_IDLE);
    gpu_fake_set(r.sim.fake, 0x2374 + 8 * ((ptr & 7) + 1), 0xdead);
    gpu_fake_set(r.sim.fake, 0x23a0, ptr + 1);
    rig_pass(&r, MS);
    assert_int_equal(r.engine.errors, 1);
    assert_true(guest_hung(&r.g[0].guest));
    rig_elsp(&r, 1, DESC(2), 0);
    assert_int_equal(rig_runs(&r), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(alternate),       TEST(turn),         TEST(slices),        TEST(list_while_off),
        TEST(list_that_waits), TEST(shares),       TEST(hang),          TEST(idle_for_long),
        TEST(endless),         TEST(reset_beside), TEST(reset_pending), TEST(leaves),
        TEST(user_interrupts), TEST(garbage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
