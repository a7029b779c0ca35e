/* SPDX-License-Identifier: MIT */
/*
 * Haswell: two guests' rings on softgpu's engines, through the audit, render images, chunks and
 * turns: every request runs once, in its own context, whoever else has the engine meanwhile; one
 * that hangs loses what ran, and goes on after its reset.
 */
#include "gen/cmds_gen7.h"
#include "tests/unit/sched_ring_rig.h"

/* ---- tests */

static void everything_runs(void **state)
{
    (void)state;
    ring_rig_start(MS / 5, 20000 * MS);
    ring_rig_play(3);
    for (unsigned n = 0; n < GUESTS; n++) {
        assert_false(guest_hung(&ring_rig.player[n].guest));
        machine_nothing_counted(&ring_rig.player[n].account);
        ring_driver_check(&ring_rig.player[n].driver);
        assert_true(ring_rig.player[n].driver.interrupts);
        assert_in_range(ring_rig.player[n].asked, 1, 2 * ring_rig.player[n].guest.stats.slices);
        assert_true(ring_rig.player[n].guest.stats.slices > 1);
        assert_true(ring_rig.player[n].driver.port[0].idle);
    }
    for (unsigned e = 0; e < ENGINES; e++)
        assert_int_equal(ring_rig.machine.engine[e].resets + ring_rig.machine.engine[e].errors, 0);
    assert_int_equal(judge_violations(ring_rig.machine.silicon.judge), 0);
    ring_rig_stop();
}

/* A batch of its PPGTT that starts itself again. */
static void loop_for_ever(struct ring_driver *d)
{
    struct ring_port *p = &d->port[GEN8_BCS];

    p->user_at[0] = MI_BB_START_GEN7 | MI_BB_PPGTT;
    p->user_at[1] = 0;
    ring_driver_put(d, GEN8_BCS, MI_LRI | 1);
    ring_driver_put(d, GEN8_BCS, gen8_engine_base(GEN8_BCS) + 0x228);
    ring_driver_put(d, GEN8_BCS, p->directory << 12);
    ring_driver_put(d, GEN8_BCS, MI_BB_START_GEN7 | MI_BB_PPGTT);
    ring_driver_put(d, GEN8_BCS, 0);
    ring_driver_tail(d, GEN8_BCS);
}

static void one_hangs(void **state)
{
    struct player *bad = &ring_rig.player[0];
    struct mmio_sched reset = {.kind = MMIO_SCHED_RESET, .engine = GEN8_M_BCS};

    (void)state;
    ring_rig_start(MS, 300 * MS);
    loop_for_ever(&bad->driver);
    for (uint64_t until = silicon_now() + 30000 * MS; !ring_rig.machine.engine[GEN8_BCS].running;) {
        assert_true(silicon_now() < until);
        machine_turn(&ring_rig.machine);
    }
    ring_rig_play(2);
    ring_driver_check(&ring_rig.player[1].driver);
    machine_nothing_counted(&ring_rig.player[1].account);
    assert_int_equal(ring_rig.machine.engine[GEN8_BCS].resets, 1);
    assert_int_equal(bad->account.count[ACCOUNT_ENGINE_HANG], 1);
    assert_true(guest_hung(&bad->guest));
    /* Its driver resets the engine, and starts again. */
    reset.seq = ++bad->driver.seq;
    assert_int_equal(lane_tx_put(&bad->driver.tx, &reset, sizeof reset), 0);
    ring_driver_start(&bad->driver, GEN8_BCS);
    ring_rig_play(1);
    ring_driver_check(&bad->driver);
    assert_false(guest_hung(&bad->guest));
    ring_rig_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_runs),
        cmocka_unit_test(one_hangs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
