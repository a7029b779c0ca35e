/* SPDX-License-Identifier: MIT */
/*
 * mmio_lift_test.c: pages with page tables that go untrapped until the guest submits: vgt-mmio's
 * side of it. One thread.
 */
#include "services/mmio/priv.h"
#include "tests/unit/mmio_fixture.h"

#include <string.h>

#define SLOTS 8u

static int setup(void **state)
{
    struct fix *f = fix_new(SLOTS);

    fix_forget(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fix_free(*state);
    return 0;
}

static void say(struct fix *f, enum gtt_mmio_kind kind, uint64_t gfn)
{
    struct gtt_mmio msg = {.kind = kind, .gfn = gfn};

    assert_int_equal(lane_tx_put(&f->from_gtt.tx, &msg, sizeof msg), 0);
}

static void ask(struct fix *f, enum gtt_mmio_kind kind, uint64_t gfn)
{
    say(f, kind, gfn);
    assert_int_equal(mmio_events(&f->mmio), 0);
}

static void told_all(struct fix *f, uint64_t gfn, uint64_t *epoch)
{
    struct mmio_gtt msg;

    assert_true(fix_gtt(f, &msg));
    assert_int_equal(msg.kind, MMIO_GTT_TABLE_WRITE);
    assert_int_equal(msg.write.gfn, gfn);
    assert_int_equal(msg.write.offset, 0);
    assert_int_equal(msg.write.len, 4096);
    if (epoch)
        *epoch = msg.epoch;
}

static void told_nothing(struct fix *f)
{
    struct mmio_gtt msg;

    assert_false(fix_gtt(f, &msg));
}

/* A page as vgt-gtt has it trapped and lets it go. */
static void lifted(struct fix *f, uint64_t gfn)
{
    ask(f, GTT_MMIO_PROTECT, gfn);
    told_all(f, gfn, NULL);
    assert_true(fake_protected(f->guest, gfn));
    ask(f, GTT_MMIO_LIFT, gfn);
    assert_false(fake_protected(f->guest, gfn));
    told_nothing(f);
}

static void submit(struct fix *f)
{
    for (uint32_t i = 0; i < 4; i++)
        fix_w(f, 0x2230, i);
}

static void traps_again_at_a_submission(void **state)
{
    struct fix *f = *state;
    struct mmio_sched sched;
    uint64_t epoch = 0;

    lifted(f, 9);
    for (uint32_t i = 0; i < 3; i++)
        fix_w(f, 0x2230, i);
    assert_false(fake_protected(f->guest, 9));
    told_nothing(f);
    fix_w(f, 0x2230, 3);
    assert_true(fake_protected(f->guest, 9));
    told_all(f, 9, &epoch);
    assert_true(fix_sched(f, &sched));
    assert_int_equal(sched.kind, MMIO_SCHED_ELSP);
    assert_int_equal(sched.epoch, epoch); /* sched waits for what was written untrapped */
    submit(f);
    told_nothing(f);
    assert_true(fake_protected(f->guest, 9));
    assert_int_equal(f->mmio.lifts, 1);
}

/* One that never trapped. */
static void traps_first_at_a_submission(void **state)
{
    struct fix *f = *state;

    ask(f, GTT_MMIO_PROTECT_LATER, 9);
    assert_false(fake_protected(f->guest, 9));
    told_nothing(f);
    submit(f);
    assert_true(fake_protected(f->guest, 9));
    told_all(f, 9, NULL);
    ask(f, GTT_MMIO_PROTECT_LATER, 9); /* of a new vgt-gtt */
    submit(f);
    told_all(f, 9, NULL);
    told_nothing(f);
}

/* vgt-gtt has read a table, and the guest has written it since and submits before vgt-mmio has
 * looked into the lane. */
static void submission_waits_for_what_gtt_said(void **state)
{
    struct fix *f = *state;
    struct mmio_sched sched;
    uint64_t epoch = 0;

    say(f, GTT_MMIO_PROTECT_LATER, 9);
    submit(f);
    assert_true(fake_protected(f->guest, 9));
    told_all(f, 9, &epoch);
    assert_true(fix_sched(f, &sched));
    assert_int_equal(sched.epoch, epoch);
}

/* vgt-gtt dies and asks for it again; or the table is none any more. */
static void forgotten_when_gtt_decides(void **state)
{
    struct fix *f = *state;

    lifted(f, 9);
    ask(f, GTT_MMIO_LIFT, 9); /* of a message that a crash repeats */
    ask(f, GTT_MMIO_PROTECT, 9);
    told_all(f, 9, NULL);
    assert_true(fake_protected(f->guest, 9));
    lifted(f, 10);
    ask(f, GTT_MMIO_UNPROTECT, 10);
    submit(f);
    told_nothing(f);
    assert_true(fake_protected(f->guest, 9));
    assert_false(fake_protected(f->guest, 10));
}

static void submission_waits_for_room(void **state)
{
    struct fix *f = *state;
    struct mmio_sched sched;
    struct vmm_access a = fix_access(FIX_BAR0 + 0x2230, 4, true, 3);

    for (uint64_t gfn = 0; gfn < SLOTS + 2; gfn++)
        lifted(f, 9 + gfn);
    for (uint32_t i = 0; i < 3; i++)
        fix_w(f, 0x2230, i);
    fix_begin(f, &a);
    assert_int_equal(mmio_pump(&f->mmio), 0);
    assert_false(fix_sched(f, &sched));
    for (uint64_t gfn = SLOTS + 2; gfn > 2; gfn--)
        told_all(f, 8 + gfn, NULL);
    assert_int_equal(mmio_pump(&f->mmio), 1);
    told_all(f, 10, NULL);
    told_all(f, 9, NULL);
    told_nothing(f);
    assert_true(fix_sched(f, &sched));
    assert_false(fix_sched(f, &sched));
}

/* The list outlives the process. */
static void a_new_process_knows(void **state)
{
    struct fix *f = *state;

    lifted(f, 9);
    fix_restart(f);
    submit(f);
    assert_true(fake_protected(f->guest, 9));
    told_all(f, 9, NULL);
}

/* Those that find no place go on trapping, and so does what is no frame. */
static void no_more_than_the_list_holds(void **state)
{
    struct fix *f = *state;
    struct vreg_lifted *l = &f->s->vreg.lifted;

    for (uint32_t i = 0; i < VREG_LIFTED; i++)
        mmio_lift(&f->mmio, 100 + i);
    ask(f, GTT_MMIO_PROTECT, 9);
    told_all(f, 9, NULL);
    ask(f, GTT_MMIO_LIFT, 9);
    assert_true(fake_protected(f->guest, 9));
    assert_int_equal(l->n, VREG_LIFTED);
    mmio_lift_forget(&f->mmio, 100);
    mmio_lift(&f->mmio, (1ull << 32) + 9);
    assert_int_equal(l->n, VREG_LIFTED - 1);
    ask(f, GTT_MMIO_LIFT, 9);
    assert_false(fake_protected(f->guest, 9));
    ask(f, GTT_MMIO_PROTECT_LATER, 10);
    assert_true(fake_protected(f->guest, 10));
    told_all(f, 10, NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(traps_again_at_a_submission),        T(traps_first_at_a_submission),
        T(submission_waits_for_what_gtt_said), T(forgotten_when_gtt_decides),
        T(submission_waits_for_room),          T(a_new_process_knows),
        T(no_more_than_the_list_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
