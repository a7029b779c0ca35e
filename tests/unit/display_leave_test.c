/* SPDX-License-Identifier: MIT */
/*
 * What of a guest the screen still fetches: the TLB rule, guests that go at every moment of a
 * switch, and a restart of the service. One thread.
 */
#include "tests/unit/display_fixture.h"

#include "services/display/regs.h"

#include <errno.h>

static struct rig r;

static void clear(unsigned n, uint64_t seq)
{
    r.guest[n].map->clear_seq = seq;
    display_step(r.d);
}

static void invalidations(void **state)
{
    (void)state;
    rig_shown(&r, 2, true);
    clear(1, 4); /* not on the screen */
    assert_int_equal(r.guest[1].inval.done_seq, 4);
    clear(0, 7);
    assert_int_equal(r.guest[0].inval.done_seq, 0);
    vblank(&r);
    r.guest[0].map->clear_seq = 8; /* comes too late for this frame */
    assert_int_equal(r.guest[0].inval.done_seq, 0);
    vblank(&r);
    assert_int_equal(r.guest[0].inval.done_seq, 7);
    vblank(&r);
    vblank(&r);
    assert_int_equal(r.guest[0].inval.done_seq, 8);
    /* Switched away: until its last frame is over, it is still being fetched. */
    display_switch(r.d, DOMID(1), 1);
    clear(0, 9);
    vblank(&r); /* granted here */
    clear(0, 10);
    assert_true(r.guest[0].inval.done_seq < 10);
    vblank(&r);
    vblank(&r);
    assert_int_equal(r.guest[0].inval.done_seq, 10);
    rig_free(&r);
}

/* A pipe that gives no frames must not keep guests' pins for ever: it is turned off. */
static void invalidation_with_a_dead_pipe(void **state)
{
    (void)state;
    rig_shown(&r, 1, true);
    clear(0, 3);
    test_now += 499000000;
    display_step(r.d);
    assert_int_equal(r.guest[0].inval.done_seq, 0);
    test_now += 2000000;
    display_step(r.d);
    assert_int_equal(gpu_fake_get(r.fake, PIPE_CONF), 0);
    assert_int_equal(r.guest[0].inval.done_seq, 3);
    rig_free(&r);
}

static void removal(void **state)
{
    (void)state;
    rig_shown(&r, 2, true);
    display_guest_remove(r.d, DOMID(0), false, 31);
    assert_int_equal(r.removed, 0);
    for (int i = 0; i < 2; i++)
        vblank(&r);
    assert_int_equal(now_shown(&r) == LOW(0), 0);
    assert_int_equal(r.removed, 0);
    for (int i = 0; i < 3; i++)
        vblank(&r);
    assert_int_equal(r.removed, 31);
    clear(0, 5); /* it goes on publishing */
    assert_int_equal(r.guest[0].inval.done_seq, 5);
    display_switch(r.d, DOMID(0), 32);
    assert_int_equal(r.error_id, 32);
    display_guest_remove(r.d, DOMID(0), true, 33);
    vblank(&r);
    assert_int_equal(r.record.domid, DOMID(1)); /* nobody ever chose: the next one is shown */
    /* At once, with the pipe fetching from it. */
    display_guest_remove(r.d, DOMID(1), true, 34);
    assert_int_equal(gpu_fake_get(r.fake, PIPE_CONF), 0);
    assert_int_equal(now_shown(&r), 0);
    vblank(&r);
    rig_free(&r);
}

static void removal_during_a_switch(void **state)
{
    (void)state;
    for (int frames = 0; frames < 2; frames++) {
        rig_shown(&r, 3, true);
        r.record.chosen = 1;
        display_switch(r.d, DOMID(1), 1);
        display_switch(r.d, DOMID(2), 2);
        for (int i = 0; i < frames; i++)
            vblank(&r);
        display_guest_remove(r.d, DOMID(2), false, 3);
        assert_int_equal(r.error_id, 2);
        display_guest_remove(r.d, DOMID(1), false, 4);
        assert_int_equal(r.error_id, 1);
        assert_int_equal(r.error, ENOENT);
        for (int i = 0; i < 6; i++)
            vblank(&r);
        assert_int_equal(r.removed, 4);
        assert_int_equal(now_shown(&r), 0);
        display_guest_remove(r.d, DOMID(1), true, 5);
        display_guest_remove(r.d, DOMID(2), true, 6);
        vblank(&r);
        rig_free(&r);
    }
}

static void restart(void **state)
{
    struct timing_pipe before;

    (void)state;
    rig_shown(&r, 2, true);
    display_switch(r.d, DOMID(1), 1);
    for (int i = 0; i < 3; i++)
        vblank(&r);
    before = r.guest[1].timing.pipe[0];
    rig_start(&r);
    guest_in(&r, 0);
    assert_int_equal(now_shown(&r), 0);
    guest_in(&r, 1);
    assert_int_equal(now_shown(&r), LOW(1));
    /* Its frames went on without a jump. */
    assert_int_equal(r.guest[1].timing.pipe[0].start_ns, before.start_ns);
    assert_int_equal(r.guest[1].timing.pipe[0].foreground, 1);
    /* Another guest with the same number is not shown. */
    r.record.chosen = 1;
    r.guest[1].generation++;
    rig_start(&r);
    guest_in(&r, 1);
    assert_int_equal(now_shown(&r), 0);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invalidations), cmocka_unit_test(invalidation_with_a_dead_pipe),
        cmocka_unit_test(removal),       cmocka_unit_test(removal_during_a_switch),
        cmocka_unit_test(restart),
    };

    return RUN_BOTH(tests);
}
