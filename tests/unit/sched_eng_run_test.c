/* SPDX-License-Identifier: MIT */
/*
 * What one guest sees of its virtual engine: status events in the order of hardware, epochs,
 * replays, a full lane, resets.
 */
#include "tests/unit/sched_eng_rig.h"

#include <string.h>

#define IDLE_ACTIVE CSB_IDLE_TO_ACTIVE
#define SWITCHED    (CSB_COMPLETE | CSB_ELEMENT_SWITCH)
#define FINISHED    (CSB_COMPLETE | CSB_ACTIVE_TO_IDLE)
#define LITE        (CSB_PREEMPTED | CSB_LITE_RESTORE)
#define CTX_IRQ     (1u << 8)

static void bring_up(void **state)
{
    struct rig r;
    struct gpu_fake *f;

    (void)state;
    rig_setup(&r, 1, 64);
    f = r.sim.fake;
    assert_int_equal(r.sim.full_resets, 1);
    assert_int_equal(gpu_fake_get(f, 0xa188) & 1, 1);
    assert_int_equal(gpu_fake_get(f, 0x40e0), 0x000a0907);
    assert_int_equal(gpu_fake_get(f, 0x40e4), 0x3b2b1b0b);
    assert_int_equal(gpu_fake_get(f, 0x4024), 0xf0007fff);
    assert_int_equal(gpu_fake_get(f, 0x2080), 0xfc000000);
    assert_int_equal(gpu_fake_get(f, 0x229c), 1u << 15);
    assert_int_equal(gpu_fake_get(f, 0x20a8), ~0x101u);
    assert_int_equal(gpu_fake_get(f, 0x220a8), ~0x1010000u);
    assert_int_equal(gpu_fake_get(f, 0x44304), ~0x1010101u);
    assert_int_equal(gpu_fake_get(f, 0x4430c), 0x1010101u);
    assert_int_equal(gpu_fake_get(f, 0x4433c), 0x101u);
    assert_int_equal(gpu_fake_get(f, 0x209c) & 1u << 8, 0);
    rig_teardown(&r);
}

static void single(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r, 1, 64);
    rig_elsp(&r, 0, DESC(3), 0);
    assert_int_equal(r.journal->engine[0].now.domid, 1);
    assert_int_equal(r.journal->engine[0].running, 1);
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0);
    rig_expect_iir(&r, 0, CTX_IRQ);
    sim_user_interrupt(&r.sim, GEN8_RCS);
    sim_complete(&r.sim, GEN8_RCS);
    rig_step(&r);
    rig_expect_csb(&r, 0, 1, FINISHED, 3);
    rig_expect_iir(&r, 0, CTX_IRQ | 1);
    rig_expect_none(&r, 0);
    assert_int_equal(stub_context(r.g[0].contexts, GEN8_RCS, DESC(3))->saved, 1);
    assert_int_equal(stub_busy(r.g[0].contexts), 0);
    assert_int_equal(r.g[0].guest.engine[GEN8_RCS].batches, 1);
    assert_int_equal(r.journal->engine[0].running, 0);
    rig_teardown(&r);
}

static void pair(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r, 1, 64);
    rig_elsp(&r, 0, DESC(1), DESC(2));
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0);
    rig_expect_iir(&r, 0, CTX_IRQ);
    sim_complete(&r.sim, GEN8_RCS);
    rig_step(&r);
    rig_expect_csb(&r, 0, 1, SWITCHED, 1);
    rig_expect_iir(&r, 0, CTX_IRQ);
    sim_complete(&r.sim, GEN8_RCS);
    rig_step(&r);
    rig_expect_csb(&r, 0, 2, FINISHED, 2);
    rig_teardown(&r);
}

/* The same context again, with a second one behind it. */
static void lite_restore(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r, 1, 64);
    rig_elsp(&r, 0, DESC(1), 0);
    rig_elsp(&r, 0, DESC(1), DESC(2));
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0);
    rig_expect_iir(&r, 0, CTX_IRQ);
    rig_expect_none(&r, 0); /* not taken yet */
    sim_take(&r.sim, GEN8_RCS);
    rig_step(&r);
    rig_expect_csb(&r, 0, 1, LITE, 1);
    assert_int_equal(stub_context(r.g[0].contexts, GEN8_RCS, DESC(1))->saved, 0);
    sim_complete(&r.sim, GEN8_RCS);
    sim_complete(&r.sim, GEN8_RCS);
    rig_step(&r);
    rig_expect_iir(&r, 0, CTX_IRQ);
    rig_expect_csb(&r, 0, 2, SWITCHED, 1);
    rig_expect_csb(&r, 0, 3, FINISHED, 2);
    assert_int_equal(stub_busy(r.g[0].contexts), 0);
    rig_teardown(&r);
}

/* The first list ends before the engine looks at the second: two lists, no preemption. */
static void late_restore(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r, 1, 64);
    rig_elsp(&r, 0, DESC(1), 0);
    rig_elsp(&r, 0, DESC(1), 0);
    sim_complete(&r.sim, GEN8_RCS);
    sim_complete(&r.sim, GEN8_RCS);
    rig_step(&r);
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0);
    rig_expect_iir(&r, 0, CTX_IRQ);
    rig_expect_csb(&r, 0, 1, FINISHED, 1);
    rig_expect_csb(&r, 0, 2, IDLE_ACTIVE, 0);
    rig_expect_csb(&r, 0, 3, FINISHED, 1);
    rig_teardown(&r);
}

static void preempt(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r, 1, 64);
    rig_elsp(&r, 0, DESC(1), 0);
    rig_elsp(&r, 0, DESC(2), DESC(1));
    sim_take(&r.sim, GEN8_RCS);
    rig_step(&r);
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0);
    rig_expect_iir(&r, 0, CTX_IRQ);
    rig_expect_csb(&r, 0, 1, CSB_PREEMPTED, 1);
    rig_expect_iir(&r, 0, CTX_IRQ);
    rig_elsp(&r, 0, DESC(3), 0);
    sim_take(&r.sim, GEN8_RCS);
    rig_step(&r);
    rig_expect_csb(&r, 0, 2, CSB_PREEMPTED, 2);
    assert_int_equal(stub_context(r.g[0].contexts, GEN8_RCS, DESC(1))->saved, 1);
    assert_int_equal(stub_context(r.g[0].contexts, GEN8_RCS, DESC(2))->saved, 1);
    rig_teardown(&r);
}

/* One submission is unacknowledged at a time; the others wait, and slots wrap. */
static void many(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r, 1, 64);
    r.skip_iir = true;
    for (unsigned i = 0; i < 3; i++)
        rig_elsp(&r, 0, DESC(i + 1), 0);
    assert_int_equal(r.sim.engine[GEN8_RCS].submissions, 2);
    for (unsigned i = 0; i < 3; i++) {
        sim_complete(&r.sim, GEN8_RCS);
        rig_step(&r);
    }
    for (unsigned i = 0; i < 3; i++) {
        rig_expect_csb(&r, 0, 2 * i, IDLE_ACTIVE, 0);
        rig_expect_csb(&r, 0, 2 * i + 1, FINISHED, i + 1);
    }
    rig_elsp(&r, 0, DESC(1), 0);
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0);
    rig_teardown(&r);
}

static void semaphore(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r, 1, 64);
    rig_elsp(&r, 0, DESC(1), DESC(2));
    sim_wait(&r.sim, GEN8_RCS);
    rig_step(&r);
    sim_complete(&r.sim, GEN8_RCS);
    rig_step(&r);
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0);
    rig_expect_iir(&r, 0, CTX_IRQ);
    rig_expect_csb(&r, 0, 1, CSB_WAIT_SEMAPHORE | CSB_ELEMENT_SWITCH, 1);
    rig_expect_iir(&r, 0, CTX_IRQ);
    rig_expect_csb(&r, 0, 2, FINISHED, 2);
    rig_teardown(&r);
}

static void epoch(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r, 1, 64);
    r.g[0].map->epoch = 4;
    rig_post(&r, 0, (struct mmio_sched){.kind = MMIO_SCHED_ELSP, .epoch = 5, .desc = {DESC(1)}});
    rig_step(&r);
    assert_int_equal(r.sim.engine[GEN8_RCS].submissions, 0);
    assert_true(guest_waits(&r.g[0].guest));
    rig_elsp(&r, 0, DESC(2), 0); /* does not overtake */
    assert_int_equal(r.sim.engine[GEN8_RCS].submissions, 0);
    r.g[0].map->epoch = 5;
    rig_step(&r);
    assert_int_equal(r.sim.engine[GEN8_RCS].submissions, 2);
    assert_non_null(stub_context(r.g[0].contexts, GEN8_RCS, DESC(1)));
    rig_teardown(&r);
}

static void replay(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r, 1, 64);
    rig_elsp(&r, 0, DESC(1), 0);
    rig_post(&r, 0, (struct mmio_sched){.kind = MMIO_SCHED_ELSP, .seq = 1, .desc = {DESC(1)}});
    rig_step(&r);
    assert_int_equal(r.sim.engine[GEN8_RCS].submissions, 1);
    rig_teardown(&r);
}

static void nonsense(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r, 1, 64);
    rig_elsp(&r, 0, DESC(1) & ~1ull, 0);
    rig_elsp(&r, 0, DESC(1), DESC(1));
    rig_post(&r, 0, (struct mmio_sched){.kind = MMIO_SCHED_ELSP, .engine = 9, .desc = {DESC(1)}});
    rig_post(&r, 0, (struct mmio_sched){.kind = 77});
    rig_post(&r, 0, (struct mmio_sched){.kind = MMIO_SCHED_HWSP, .engine = 5, .value = 1});
    rig_step(&r);
    assert_int_equal(r.sim.engine[GEN8_RCS].submissions, 0);
    assert_int_equal(r.g[0].account.count[ACCOUNT_BAD_DESCRIPTOR], 4);
    r.g[0].contexts->answer = CONTEXT_REFUSED;
    rig_elsp(&r, 0, DESC(1), 0);
    assert_true(guest_hung(&r.g[0].guest));
    rig_teardown(&r);
}

/* Nothing is lost or blocked behind a full lane, and interrupts come last. */
static void full_lane(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r, 1, 2);
    rig_elsp(&r, 0, DESC(1), DESC(2));
    sim_complete(&r.sim, GEN8_RCS);
    rig_step(&r); /* CSB, IIR in the lane; CSB and IIR wait */
    sim_complete(&r.sim, GEN8_RCS);
    rig_step(&r);
    assert_int_equal(r.g[0].guest.w.event_count, 2);
    rig_elsp(&r, 0, DESC(3), 0);
    assert_int_equal(r.sim.engine[GEN8_RCS].submissions, 1); /* not taken */
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0);
    rig_expect_iir(&r, 0, CTX_IRQ);
    rig_step(&r);
    rig_expect_csb(&r, 0, 1, SWITCHED, 1);
    rig_expect_csb(&r, 0, 2, FINISHED, 2);
    rig_step(&r);
    rig_expect_csb(&r, 0, 3, IDLE_ACTIVE, 0);
    rig_expect_iir(&r, 0, CTX_IRQ);
    rig_teardown(&r);
}

static void lost_interrupt(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r, 1, 64);
    r.sim.deaf = true;
    rig_elsp(&r, 0, DESC(1), 0);
    rig_expect_none(&r, 0);
    assert_true(engine_deadline(&r.engine, r.now) <= r.now + ENGINE_POLL_NS);
    sim_complete(&r.sim, GEN8_RCS);
    rig_pass(&r, ENGINE_POLL_NS);
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0);
    rig_expect_csb(&r, 0, 1, FINISHED, 1);
    rig_expect_iir(&r, 0, CTX_IRQ | 1);
    rig_teardown(&r);
}

static void guest_reset(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r, 1, 64);
    rig_elsp(&r, 0, DESC(1), DESC(2));
    rig_elsp(&r, 0, DESC(3), 0);
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0);
    rig_expect_iir(&r, 0, CTX_IRQ);
    rig_post(&r, 0, (struct mmio_sched){.kind = MMIO_SCHED_RESET, .engine = GEN8_M_RCS});
    rig_step(&r);
    assert_int_equal(r.sim.engine[GEN8_RCS].resets, 2); /* one of bring-up */
    assert_int_equal(stub_busy(r.g[0].contexts), 0);
    assert_int_equal(gpu_fake_get(r.sim.fake, 0x229c), 1u << 15);
    rig_expect_reset_done(&r, 0);
    rig_expect_none(&r, 0);
    rig_elsp(&r, 0, DESC(1), 0);
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0); /* slots begin again */
    rig_teardown(&r);
}

/* The service dies and comes back while the engine runs: nothing is seen of it. */
static void comes_back(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r, 1, 64);
    r.skip_iir = true;
    rig_post(&r, 0, (struct mmio_sched){.kind = MMIO_SCHED_HWSP, .value = 0x5000});
    rig_elsp(&r, 0, DESC(1), DESC(2));
    sim_complete(&r.sim, GEN8_RCS);
    rig_step(&r);
    rig_elsp(&r, 0, DESC(3), 0);
    rig_crash(&r, true);
    sim_complete(&r.sim, GEN8_RCS); /* 2; 3 is taken */
    rig_crash(&r, true);            /* with events that nobody has taken */
    assert_int_equal(r.g[0].contexts->hwsp[GEN8_RCS], 0x5000);
    rig_step(&r);
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0);
    rig_expect_csb(&r, 0, 1, SWITCHED, 1);
    rig_expect_csb(&r, 0, 2, FINISHED, 2);
    rig_expect_csb(&r, 0, 3, IDLE_ACTIVE, 0);
    assert_int_equal(r.sim.engine[GEN8_RCS].submissions, 2);
    assert_int_equal(r.sim.engine[GEN8_RCS].resets, 1); /* of bring-up */
    assert_int_equal(stub_context(r.g[0].contexts, GEN8_RCS, DESC(2))->saved, 1);
    sim_complete(&r.sim, GEN8_RCS);
    rig_step(&r);
    rig_expect_csb(&r, 0, 4, FINISHED, 3);
    assert_int_equal(stub_busy(r.g[0].contexts), 0);
    rig_teardown(&r);
}

/* Events that were committed and not in the lane yet are shown by the next process. */
static void events_survive(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r, 1, 64);
    r.skip_iir = true;
    rig_elsp(&r, 0, DESC(1), 0);
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0);
    sim_complete(&r.sim, GEN8_RCS);
    assert_int_equal(engine_interrupt(&r.engine, 1, r.now), 0);
    rig_crash(&r, true);
    rig_step(&r);
    rig_expect_csb(&r, 0, 1, FINISHED, 1);
    rig_teardown(&r);
}

/* Somebody reset the GPU meanwhile: what ran is lost, and its guest's driver must notice. */
static void reset_meanwhile(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r, 1, 64);
    rig_elsp(&r, 0, DESC(1), 0);
    gpu_fake_set(r.sim.fake, 0x229c, 0);
    rig_crash(&r, false);
    rig_step(&r);
    assert_true(guest_hung(&r.g[0].guest));
    assert_int_equal(stub_context(r.g[0].contexts, GEN8_RCS, DESC(1))->killed, 1);
    rig_post(&r, 0, (struct mmio_sched){.kind = MMIO_SCHED_RESET, .engine = GEN8_M_RCS});
    rig_elsp(&r, 0, DESC(2), 0);
    assert_int_equal(r.sim.engine[GEN8_RCS].submissions, 2);
    rig_teardown(&r);
}

/* The process dies between two dwords of the port: the pair waits until the engine is idle, and the
 * port begins again. */
static void torn_port(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r, 1, 64);
    r.skip_iir = true;
    rig_elsp(&r, 0, DESC(1), 0);
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0);
    r.sim.dies_at = 2;
    rig_elsp(&r, 0, DESC(2), 0);
    assert_int_equal(r.sim.engine[GEN8_RCS].port_count, 2);
    r.sim.dies_at = 0;
    r.journal->engine[0].written = 0;
    rig_crash(&r, true);
    rig_step(&r);
    assert_int_equal(r.sim.engine[GEN8_RCS].submissions, 1);
    sim_complete(&r.sim, GEN8_RCS);
    rig_step(&r);
    rig_expect_csb(&r, 0, 1, FINISHED, 1);
    rig_expect_csb(&r, 0, 2, IDLE_ACTIVE, 0);
    assert_int_equal(r.sim.engine[GEN8_RCS].resets, 2);
    assert_int_equal(r.sim.engine[GEN8_RCS].submissions, 2);
    assert_false(guest_hung(&r.g[0].guest));
    rig_teardown(&r);
}

/* It dies after the fourth dword, and before it could say so. */
static void port_whole(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r, 1, 64);
    r.skip_iir = true;
    rig_elsp(&r, 0, DESC(1), 0);
    rig_elsp(&r, 0, DESC(2), 0);
    r.journal->engine[0].written = 0;
    rig_crash(&r, true);
    assert_true(r.engine.asked && r.engine.written);
    sim_complete(&r.sim, GEN8_RCS);
    rig_step(&r);
    rig_expect_csb(&r, 0, 0, IDLE_ACTIVE, 0);
    rig_expect_csb(&r, 0, 1, FINISHED, 1);
    rig_expect_csb(&r, 0, 2, IDLE_ACTIVE, 0);
    assert_int_equal(r.sim.engine[GEN8_RCS].resets, 1);
    rig_teardown(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bring_up),
        cmocka_unit_test(single),
        cmocka_unit_test(pair),
        cmocka_unit_test(lite_restore),
        cmocka_unit_test(late_restore),
        cmocka_unit_test(preempt),
        cmocka_unit_test(many),
        cmocka_unit_test(semaphore),
        cmocka_unit_test(epoch),
        cmocka_unit_test(replay),
        cmocka_unit_test(nonsense),
        cmocka_unit_test(full_lane),
        cmocka_unit_test(lost_interrupt),
        cmocka_unit_test(guest_reset),
        cmocka_unit_test(comes_back),
        cmocka_unit_test(events_survive),
        cmocka_unit_test(reset_meanwhile),
        cmocka_unit_test(torn_port),
        cmocka_unit_test(port_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
