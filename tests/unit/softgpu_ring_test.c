/* SPDX-License-Identifier: MIT */
/*
 * softgpu_ring_test.c: Haswell's ring buffers: when the engine runs and when it does not, wrap,
 * semaphores between engines, contexts, resets and interrupts.
 */
#include "tests/unit/softgpu_ring_rig.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "softgpu/cost.h"

#define DATA  0x40000000u
#define BATCH 0x50000000u
#define VALID 1u
#define STOP  (1u << 8)
#define IDLE  (1u << 9)

struct fix {
    struct rig r;
    struct rig_ctx c[RING_ENGINES];
    uint64_t data[RING_ENGINES];
    struct cost *cost;
};

static int setup(void **state)
{
    struct fix *f = calloc(1, sizeof(*f));

    rig_setup_haswell(&f->r);
    for (unsigned i = 0; i < RING_ENGINES; i++) {
        rig_context(&f->r, &f->c[i], i, 0);
        f->data[i] = rig_map_new(&f->r, &f->c[i], DATA);
    }
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fix *f = *state;

    rig_teardown(&f->r);
    cost_free(f->cost); /* engines read it to their end */
    free(f);
    return 0;
}

#define RUN(id, ...)    RIG_RUN(&f->r, &f->c[id], __VA_ARGS__)
#define EMIT(id, ...)   RIG_EMIT(&f->r, &f->c[id], __VA_ARGS__)
#define READ(id, o)     ring_rig_read(&f->r, &f->c[id], (o))
#define WRITE(id, o, v) ring_rig_write(&f->r, &f->c[id], (o), (v))
#define DW(id, n)       rig_r32(&f->r, f->data[id] + 4 * (n))

static void every_engine_runs_from_head_to_tail(void **state)
{
    struct fix *f = *state;

    for (unsigned i = 0; i < RING_ENGINES; i++) {
        RUN(i, MI7_SDI(DATA, 0x100 + i), MI(0x02, 0));
        assert_int_equal(DW(i, 0), 0x100 + i);
        assert_int_equal(READ(i, 0x34), 64);
        assert_int_equal(READ(i, 0x30), 64);
        assert_int_equal(READ(i, 0x3c), VALID);
        assert_int_equal(READ(i, 0x6c), 0xffffffff); /* INSTDONE */
        assert_true(atomic_load(&f->r.raised[i]) & ENGINE_EVENT_USER);
    }
    assert_int_equal(rig_stats(&f->r).commands[ENGINE_RCS], 2 + 11);
}

/* The same words before the tail and after it: the engine stops between, and sees what was written
 * there later although it is in a cache line that it has read. */
static void tail_moves_inside_a_line(void **state)
{
    struct fix *f = *state;
    const uint32_t one[] = {MI7_SDI(DATA, 1)}, two[] = {MI7_SDI(DATA + 4, 2)};

    rig_write(&f->r, f->c[ENGINE_BCS].ring, one, 4);
    f->c[ENGINE_BCS].tail = 16;
    rig_run(&f->r, &f->c[ENGINE_BCS]);
    assert_int_equal(DW(ENGINE_BCS, 0), 1);
    rig_write(&f->r, f->c[ENGINE_BCS].ring + 16, two, 4);
    f->c[ENGINE_BCS].tail = 32;
    rig_run(&f->r, &f->c[ENGINE_BCS]);
    assert_int_equal(DW(ENGINE_BCS, 1), 2);
}

/* Commands that take a while: the engine is between the first and the second, which stand in one
 * line, when the third is added to that line and the tail moved behind it. */
static void tail_moves_under_a_running_engine(void **state)
{
    struct fix *f = *state;
    struct rig_ctx *c = &f->c[ENGINE_RCS];
    char text[] = "command MI_STORE_DATA_IMM 5e7\n"; /* 50 ms */
    const uint32_t two[] = {MI7_SDI(DATA, 1), MI7_SDI(DATA + 4, 2)},
                   three[] = {MI7_SDI(DATA + 8, 3)};
    FILE *in = fmemopen(text, strlen(text), "r");

    f->cost = cost_read(in, "model", stderr);
    fclose(in);
    assert_non_null(f->cost);
    engines_set_cost(f->r.engines, f->cost);
    rig_write(&f->r, c->ring, two, 8);
    c->tail = 32;
    ring_rig_go(&f->r, c);
    assert_true(rig_wait32(&f->r, f->data[ENGINE_RCS], 1));
    rig_write(&f->r, c->ring + 32, three, 4);
    c->tail = 48;
    ring_rig_go(&f->r, c);
    ring_rig_done(&f->r, c);
    assert_int_equal(DW(ENGINE_RCS, 1), 2);
    assert_int_equal(DW(ENGINE_RCS, 2), 3);
}

static void ring_wraps_and_counts_it(void **state)
{
    struct fix *f = *state;

    for (uint32_t i = 0; i < 200; i++) {
        RUN(ENGINE_VCS, MI7_SDI(DATA, i));
        assert_int_equal(DW(ENGINE_VCS, 0), i);
    }
    assert_int_equal(READ(ENGINE_VCS, 0x34), (200 * 64 / 4096) << 21 | 200 * 64 % 4096);
}

/* A ring of two pages goes on in the second one. */
static void ring_size_is_believed(void **state)
{
    struct fix *f = *state;
    struct rig_ctx *c = &f->c[ENGINE_VECS];
    uint64_t first = rig_page(&f->r), second = rig_page(&f->r);
    uint32_t at = rig_ggtt_map(&f->r, 0, first);
    const uint32_t dw[] = {MI7_SDI(DATA, 7), MI(0, 0)};

    rig_ggtt_map(&f->r, at + 4096, second);
    engines_ggtt_flush(f->r.engines);
    rig_write(&f->r, second, dw, 5);
    c->ring_ggtt = at | 0xff8; /* pages only */
    ring_rig_restart(&f->r, c);
    assert_int_equal(READ(ENGINE_VECS, 0x38), at);
    WRITE(ENGINE_VECS, 0x3c, 0x1000 | VALID);
    WRITE(ENGINE_VECS, 0x30, 4096 + 24);
    assert_true(rig_wait32(&f->r, f->data[ENGINE_VECS], 7));
    assert_true(rig_wait_reg(&f->r, 0x1a034, 0x1fffff, 4096 + 24));
}

static void nothing_runs_until_the_ring_is_valid(void **state)
{
    struct fix *f = *state;

    WRITE(ENGINE_RCS, 0x3c, 0);
    EMIT(ENGINE_RCS, MI7_SDI(DATA, 1));
    ring_rig_go(&f->r, &f->c[ENGINE_RCS]);
    RUN(ENGINE_BCS, MI7_SDI(DATA, 1)); /* time passes */
    assert_int_equal(DW(ENGINE_RCS, 0), 0);
    assert_int_equal(READ(ENGINE_RCS, 0x9c) & IDLE, IDLE);
    WRITE(ENGINE_RCS, 0x34, 0x20);
    assert_int_equal(READ(ENGINE_RCS, 0x34), 0x20);
    WRITE(ENGINE_RCS, 0x34, 0);
    assert_int_equal(READ(ENGINE_RCS, 0x34), 0);
    WRITE(ENGINE_RCS, 0x3c, VALID);
    ring_rig_done(&f->r, &f->c[ENGINE_RCS]);
    assert_int_equal(DW(ENGINE_RCS, 0), 1);
}

static void stopped_ring_goes_on_later(void **state)
{
    struct fix *f = *state;

    WRITE(ENGINE_RCS, 0x9c, STOP << 16 | STOP);
    EMIT(ENGINE_RCS, MI7_SDI(DATA, 1));
    ring_rig_go(&f->r, &f->c[ENGINE_RCS]);
    RUN(ENGINE_BCS, MI7_SDI(DATA, 1));
    assert_int_equal(DW(ENGINE_RCS, 0), 0);
    assert_int_equal(READ(ENGINE_RCS, 0x9c) & (IDLE | STOP), IDLE | STOP);
    WRITE(ENGINE_RCS, 0x9c, STOP << 16);
    ring_rig_done(&f->r, &f->c[ENGINE_RCS]);
    assert_int_equal(DW(ENGINE_RCS, 0), 1);
}

/* A batch that starts itself again and again, as spinning tests do. */
static void spin(struct fix *f, unsigned id)
{
    const uint32_t dw[] = {MI7_SDI(DATA + 0x40, 0x77), MI7_BBS(BATCH)};
    uint64_t page = rig_map_new(&f->r, &f->c[id], BATCH);

    rig_write(&f->r, page, dw, 6);
    EMIT(id, MI7_BBS(BATCH));
    ring_rig_go(&f->r, &f->c[id]);
    assert_true(rig_wait32(&f->r, f->data[id] + 0x40, 0x77));
}

/* The order in which a driver takes a ring away from an engine before it resets it. */
static void busy_ring_is_stopped_emptied_and_started(void **state)
{
    struct fix *f = *state;

    spin(f, ENGINE_RCS);
    assert_int_equal(READ(ENGINE_RCS, 0x9c) & IDLE, 0);
    assert_int_equal(READ(ENGINE_RCS, 0x6c), 0xfffffffe);
    assert_int_equal(READ(ENGINE_RCS, 0x50) & 8, 0); /* not asleep */
    WRITE(ENGINE_RCS, 0x9c, STOP << 16 | STOP);
    assert_true(rig_wait_reg(&f->r, 0x209c, IDLE, IDLE));
    WRITE(ENGINE_RCS, 0x34, READ(ENGINE_RCS, 0x30));
    WRITE(ENGINE_RCS, 0x3c, 0);
    WRITE(ENGINE_RCS, 0x34, 0);
    WRITE(ENGINE_RCS, 0x30, 0);
    assert_int_equal(READ(ENGINE_RCS, 0x34), 0);
    ring_rig_restart(&f->r, &f->c[ENGINE_RCS]);
    RUN(ENGINE_RCS, MI7_SDI(DATA, 3));
    assert_int_equal(DW(ENGINE_RCS, 0), 3);
}

/* Without stopping it first: the batch is given up all the same. */
static void busy_ring_is_switched_off(void **state)
{
    struct fix *f = *state;

    spin(f, ENGINE_BCS);
    WRITE(ENGINE_BCS, 0x3c, 0);
    assert_true(rig_wait_reg(&f->r, 0x2209c, IDLE, IDLE));
    ring_rig_restart(&f->r, &f->c[ENGINE_BCS]);
    RUN(ENGINE_BCS, MI7_SDI(DATA, 3));
    assert_int_equal(DW(ENGINE_BCS, 0), 3);
}

/* HEAD moved under a running ring: what lies between is skipped. */
static void head_moves_under_a_wait(void **state)
{
    struct fix *f = *state;
    struct rig_ctx *c = &f->c[ENGINE_BCS];

    EMIT(ENGINE_BCS, MI7_WAIT(0, 0));
    EMIT(ENGINE_BCS, MI7_SDI(DATA, 1));
    EMIT(ENGINE_BCS, MI7_SDI(DATA + 4, 2));
    ring_rig_go(&f->r, c);
    assert_true(rig_wait_reg(&f->r, 0x2203c, 1 << 10, 1 << 10));
    WRITE(ENGINE_BCS, 0x34, 128);
    ring_rig_done(&f->r, c);
    assert_int_equal(DW(ENGINE_BCS, 0), 0);
    assert_int_equal(DW(ENGINE_BCS, 1), 2);
    assert_int_equal(READ(ENGINE_BCS, 0x3c), VALID);
}

static void sleep_indicator(void **state)
{
    struct fix *f = *state;

    assert_int_equal(READ(ENGINE_VCS, 0x50) & 8, 8);
    WRITE(ENGINE_VCS, 0x50, 0x00010001);
    assert_int_equal(READ(ENGINE_VCS, 0x50) & 9, 1);
    WRITE(ENGINE_VCS, 0x50, 0x00010000);
    assert_int_equal(READ(ENGINE_VCS, 0x50) & 9, 8);
}

/* --- semaphores --- */

/* The mailbox of each pair: base + offset of who waits, and how its command names it. */
static const struct {
    uint8_t waits, signals, select;
    uint32_t mailbox;
} pairs[] = {
    {ENGINE_RCS, ENGINE_VCS, 0, 0x2040},   {ENGINE_RCS, ENGINE_BCS, 2, 0x2044},
    {ENGINE_RCS, ENGINE_VECS, 1, 0x2048},  {ENGINE_VCS, ENGINE_BCS, 0, 0x12040},
    {ENGINE_VCS, ENGINE_RCS, 2, 0x12044},  {ENGINE_VCS, ENGINE_VECS, 1, 0x12048},
    {ENGINE_BCS, ENGINE_RCS, 0, 0x22040},  {ENGINE_BCS, ENGINE_VCS, 2, 0x22044},
    {ENGINE_BCS, ENGINE_VECS, 1, 0x22048}, {ENGINE_VECS, ENGINE_BCS, 0, 0x1a040},
    {ENGINE_VECS, ENGINE_RCS, 2, 0x1a044}, {ENGINE_VECS, ENGINE_VCS, 1, 0x1a048},
};

/* In every direction; every other signal is a plain register write, as drivers do it too. */
static void engines_wait_for_each_other(void **state)
{
    struct fix *f = *state;

    for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        unsigned w = pairs[i].waits, s = pairs[i].signals;
        uint32_t ctl = rig_base(w) + 0x3c;

        EMIT(w, MI7_WAIT(pairs[i].select, 9), MI7_SDI(DATA, i + 1));
        ring_rig_go(&f->r, &f->c[w]);
        assert_true(rig_wait_reg(&f->r, ctl, 1 << 10 | 1, 1 << 10 | 1));
        RUN(s, MI7_SIGNAL(pairs[i].mailbox, 9)); /* not greater */
        assert_int_equal(READ(w, 0x3c) & 1 << 10, 1 << 10);
        assert_int_not_equal(DW(w, 0), i + 1);
        if (i & 1)
            RUN(s, MI_LRI1(pairs[i].mailbox, 10));
        else
            RUN(s, MI7_SIGNAL(pairs[i].mailbox, 10));
        ring_rig_done(&f->r, &f->c[w]);
        assert_int_equal(DW(w, 0), i + 1);
        assert_int_equal(READ(w, 0x3c), VALID);
    }
}

static void semaphore_in_memory(void **state)
{
    struct fix *f = *state;
    uint64_t page = rig_page(&f->r);
    uint32_t at = rig_ggtt_map(&f->r, 0, page);

    engines_ggtt_flush(f->r.engines);
    EMIT(ENGINE_RCS, MI(0x16, 1 << 22 | 1 << 20 | 1), 4, at, MI7_SDI(DATA, 1));
    ring_rig_go(&f->r, &f->c[ENGINE_RCS]);
    assert_true(rig_wait_reg(&f->r, 0x203c, 1 << 10, 1 << 10));
    RUN(ENGINE_BCS, MI(0x16, 1 << 22 | 1 << 21 | 1), 5, at);
    ring_rig_done(&f->r, &f->c[ENGINE_RCS]);
    assert_int_equal(DW(ENGINE_RCS, 0), 1);
    assert_int_equal(rig_r32(&f->r, page), 5);
}

/* Software writes the bit that says what the ring waits for. */
static void wait_is_ended_by_hand(void **state)
{
    struct fix *f = *state;

    EMIT(ENGINE_RCS, MI7_WAIT(0, 100), MI7_SDI(DATA, 1), MI7_WAIT(0, 100), MI7_SDI(DATA + 4, 1));
    ring_rig_go(&f->r, &f->c[ENGINE_RCS]);
    assert_true(rig_wait_reg(&f->r, 0x203c, 1 << 10, 1 << 10));
    assert_int_equal(DW(ENGINE_RCS, 0), 0);
    WRITE(ENGINE_RCS, 0x3c, VALID | 1 << 11); /* another bit */
    for (unsigned i = 0; i < 20; i++)
        RUN(ENGINE_BCS, MI(0, 0)); /* time for it to look again and again */
    assert_int_equal(READ(ENGINE_RCS, 0x3c) & 1 << 10, 1 << 10);
    assert_int_equal(DW(ENGINE_RCS, 0), 0);
    WRITE(ENGINE_RCS, 0x3c, VALID | 1 << 10);
    assert_true(rig_wait32(&f->r, f->data[ENGINE_RCS], 1));
    assert_true(rig_wait_reg(&f->r, 0x203c, 1 << 10, 1 << 10));
    assert_int_equal(DW(ENGINE_RCS, 1), 0); /* one wait, not the next one too */
    WRITE(ENGINE_RCS, 0x3c, VALID | 1 << 10);
    ring_rig_done(&f->r, &f->c[ENGINE_RCS]);
    assert_int_equal(DW(ENGINE_RCS, 1), 1);
}

/* --- resets --- */

/* The event comes, after so many interrupts in all. */
static bool raised(struct fix *f, unsigned id, uint32_t event, unsigned times)
{
    for (unsigned i = 0; i < 20000000; i++) {
        if (atomic_load(&f->r.raised[id]) & event && atomic_load(&f->r.raises[id]) >= times)
            return true;
        sched_yield();
    }
    return false;
}

static void bad_command_hangs_until_a_reset(void **state)
{
    static const uint8_t bit[RING_ENGINES] = {
        [ENGINE_RCS] = 1, [ENGINE_VCS] = 2, [ENGINE_BCS] = 3, [ENGINE_VECS] = 4};
    struct fix *f = *state;

    for (unsigned i = 0; i < RING_ENGINES; i++) {
        struct rig_ctx *c = &f->c[i];

        ring_rig_restart(&f->r, c);
        WRITE(i, 0xb4, 0xfffffffe);
        EMIT(i, MI7_SDI(DATA, 1), MI(0x3f, 0), MI7_SDI(DATA + 4, 2));
        ring_rig_go(&f->r, c);
        assert_true(rig_wait_reg(&f->r, rig_base(i) + 0xb0, 1, 1));
        assert_int_equal(READ(i, 0x68), MI(0x3f, 0));
        assert_int_equal(READ(i, 0x74), c->ring_ggtt + 16);
        assert_int_equal(READ(i, 0x34), 16);
        assert_true(raised(f, i, ENGINE_EVENT_ERROR, 1));
        /* Neither a ring that is started anew nor a better command helps. */
        rig_w32(&f->r, c->ring + 16, MI(0, 0));
        ring_rig_restart(&f->r, c);
        WRITE(i, 0x30, 64);
        RUN((i + 3) % RING_ENGINES, MI(0, 0)); /* not hung yet, or well again */
        assert_int_equal(DW(i, 1), 0);
        assert_int_equal(READ(i, 0x9c) & IDLE, 0);
        assert_int_equal(rig_stats(&f->r).unknown[i], 1);
        engines_mmio_write(f->r.engines, 0x941c, 1u << bit[i]);
        assert_true(rig_wait_reg(&f->r, 0x941c, 1u << bit[i], 0));
        assert_int_equal(READ(i, 0x3c), 0);
        assert_int_equal(READ(i, 0x34), 0);
        assert_int_equal(READ(i, 0x228), 0);
        ring_rig_restart(&f->r, c);
        RUN(i, MI7_SDI(DATA + 4, 3));
        assert_int_equal(DW(i, 1), 3);
    }
}

static void reset_ends_waits(void **state)
{
    struct fix *f = *state;

    EMIT(ENGINE_VCS, MI7_WAIT(0, 100));
    ring_rig_go(&f->r, &f->c[ENGINE_VCS]);
    assert_true(rig_wait_reg(&f->r, 0x1203c, 1 << 10, 1 << 10));
    spin(f, ENGINE_RCS);
    engines_mmio_write(f->r.engines, 0x941c, 1);
    assert_true(rig_wait_reg(&f->r, 0x941c, 0x1f, 0));
    assert_int_equal(READ(ENGINE_VCS, 0x3c), 0);
    for (unsigned i = 0; i < RING_ENGINES; i++) {
        ring_rig_restart(&f->r, &f->c[i]);
        RUN(i, MI7_SDI(DATA, 5));
        assert_int_equal(DW(i, 0), 5);
    }
}

/* --- interrupts and watchdog --- */

/* RING_IMR has the bits of the interrupt registers: user interrupts at 0, 12, 22 and 10. */
static void interrupts_are_masked(void **state)
{
    static const uint8_t user[RING_ENGINES] = {
        [ENGINE_RCS] = 0, [ENGINE_VCS] = 12, [ENGINE_BCS] = 22, [ENGINE_VECS] = 10};
    struct fix *f = *state;

    for (unsigned i = 0; i < RING_ENGINES; i++) {
        WRITE(i, 0xa8, 1u << user[i]);
        RUN(i, MI(0x02, 0));
        assert_int_equal(atomic_load(&f->r.raises[i]), 0);
        WRITE(i, 0xa8, ~(1u << user[i]));
        RUN(i, MI(0x02, 0));
        assert_int_equal(atomic_load(&f->r.raises[i]), 1);
        assert_int_equal(atomic_load(&f->r.raised[i]), ENGINE_EVENT_USER);
    }
    WRITE(ENGINE_VECS, 0xa8, 1u << 13);
    RUN(ENGINE_VECS, MI(0x26, 1 << 8 | 1), 0, 0);
    assert_int_equal(atomic_load(&f->r.raises[ENGINE_VECS]), 1);
    WRITE(ENGINE_VECS, 0xa8, ~(1u << 13));
    RUN(ENGINE_VECS, MI(0x26, 1 << 8 | 1), 0, 0);
    assert_int_equal(atomic_load(&f->r.raised[ENGINE_VECS]),
                     ENGINE_EVENT_USER | ENGINE_EVENT_PIPECTL);
}

static void watchdog_bites_until_it_is_stopped(void **state)
{
    struct fix *f = *state;

    for (unsigned i = 0; i < 2; i++) {
        unsigned id = i ? ENGINE_VCS : ENGINE_RCS;

        RUN(id, MI_LRI1(rig_base(id) + 0x17c, 12500), MI_LRI1(rig_base(id) + 0x178, 0),
            MI_LRI1(rig_base(id) + 0x178, 1)); /* a millisecond, but stopped at once */
        WRITE(id, 0x17c, 1250);
        WRITE(id, 0x178, 0);
        spin(f, id);
        assert_true(raised(f, id, ENGINE_EVENT_WATCHDOG, 2));
        WRITE(id, 0x178, 1);
        assert_int_equal(READ(id, 0x190), 0);
    }
    assert_false(atomic_load(&f->r.raised[ENGINE_BCS]) & ENGINE_EVENT_WATCHDOG);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(every_engine_runs_from_head_to_tail),
        T(tail_moves_inside_a_line),
        T(tail_moves_under_a_running_engine),
        T(ring_wraps_and_counts_it),
        T(ring_size_is_believed),
        T(nothing_runs_until_the_ring_is_valid),
        T(stopped_ring_goes_on_later),
        T(busy_ring_is_stopped_emptied_and_started),
        T(busy_ring_is_switched_off),
        T(head_moves_under_a_wait),
        T(sleep_indicator),
        T(engines_wait_for_each_other),
        T(semaphore_in_memory),
        T(wait_is_ended_by_hand),
        T(bad_command_hangs_until_a_reset),
        T(reset_ends_waits),
        T(interrupts_are_masked),
        T(watchdog_bites_until_it_is_stopped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
