/* SPDX-License-Identifier: MIT */
/*
 * softgpu_engine_exec_test.c: submission: ELSP protocol, context status events, lite restore,
 * preemption, save and restore, hang and reset. Each test has engines of its own.
 */
#include "tests/unit/softgpu_engine_rig.h"

#include <stdlib.h>
#include <time.h>

#define DATA 0x40000000u

/* A semaphore wait: EQ, polled, per-process. */
#define WAIT_EQ(addr, v) MI(0x1c, 1 << 15 | 4 << 12 | 2), (v), (uint32_t)(addr), 0

static void one_context_each_engine(void **state)
{
    struct rig *r = *state;

    for (unsigned id = 0; id < ENGINE_COUNT; id++) {
        struct rig_ctx c;
        uint64_t data;

        rig_context(r, &c, id, 4);
        data = rig_map_new(r, &c, DATA);
        RIG_RUN(r, &c, MI_SDI(DATA + 8, 0x1234 + id), MI(2, 0));
        assert_int_equal(rig_r32(r, data + 8), 0x1234 + id);
        assert_int_equal(rig_r32(r, c.image + 5 * 4), c.tail); /* HEAD written back */
        assert_int_equal(atomic_load(&r->raised[id]), ENGINE_EVENT_USER | ENGINE_EVENT_CTX);
        assert_true(rig_wait_reg(r, rig_base(id) + 0x9c, 1 << 9, 1 << 9));
        assert_int_equal(rig_stats(r).contexts[id], 1);
    }
}

static void masked_interrupts_stay_silent(void **state)
{
    struct rig *r = *state;

    /* A mask has its bits where the bank has them: of the blitter and the second video engine in
     * the upper half. */
    for (unsigned id = 0; id < ENGINE_COUNT; id++) {
        unsigned shift = id == ENGINE_BCS || id == ENGINE_VCS2 ? 16 : 0;
        struct rig_ctx c;

        rig_context(r, &c, id, 4);
        engines_mmio_write(r->engines, rig_base(id) + 0xa8, ~(ENGINE_EVENT_CTX << shift));
        RIG_RUN(r, &c, MI(2, 0));
        assert_int_equal(atomic_load(&r->raised[id]), ENGINE_EVENT_CTX);
    }
}

static void csb_registers_mirror_status_page(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;

    rig_context(r, &c, ENGINE_RCS, 4);
    assert_int_equal(engines_mmio_read(r->engines, 0x23a0) & 7, 5);
    RIG_RUN(r, &c, 0);
    assert_int_equal(engines_mmio_read(r->engines, 0x23a0) & 7, 1);
    assert_int_equal(engines_mmio_read(r->engines, 0x2370), CSB_IDLE_ACTIVE);
    assert_int_equal(engines_mmio_read(r->engines, 0x2378), CSB_DONE);
    assert_int_equal(engines_mmio_read(r->engines, 0x237c), c.id);
    engines_mmio_write(r->engines, 0x23a0, 0xffff0505);
    assert_int_equal(engines_mmio_read(r->engines, 0x23a0), 0x0505);
    r->csb_read[ENGINE_RCS] = 5;
    rig_w32(r, r->hwsp[ENGINE_RCS] + 0x7c, 5);
    RIG_RUN(r, &c, 0);
    engines_mmio_write(r->engines, 0x23a0, 0x07000100); /* the read pointer only */
    assert_int_equal(engines_mmio_read(r->engines, 0x23a0), 0x0101);
}

static void two_elements_run_in_order(void **state)
{
    struct rig *r = *state;
    struct rig_ctx a, b;
    uint64_t da, db;

    rig_context(r, &a, ENGINE_RCS, 4);
    rig_context(r, &b, ENGINE_RCS, 3);
    da = rig_map_new(r, &a, DATA);
    db = rig_map_new(r, &b, DATA);
    RIG_EMIT(r, &a, MI_SDI(DATA, 1));
    RIG_EMIT(r, &b, MI_SDI(DATA, 2));
    rig_submit(r, ENGINE_RCS, a.desc, b.desc);
    rig_expect(r, ENGINE_RCS, CSB_IDLE_ACTIVE, 0);
    rig_expect(r, ENGINE_RCS, CSB_SWITCH, a.id);
    rig_expect(r, ENGINE_RCS, CSB_DONE, b.id);
    assert_int_equal(rig_r32(r, da), 1);
    assert_int_equal(rig_r32(r, db), 2);
    assert_true(rig_quiet(r, ENGINE_RCS));
}

static void lite_restore_takes_new_tail(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t data;

    rig_context(r, &c, ENGINE_BCS, 4);
    data = rig_map_new(r, &c, DATA);
    RIG_EMIT(r, &c, MI_SDI(DATA, 7), WAIT_EQ(DATA + 64, 1));
    rig_submit(r, ENGINE_BCS, c.desc, 0);
    rig_expect(r, ENGINE_BCS, CSB_IDLE_ACTIVE, 0);
    assert_true(rig_wait32(r, data, 7));
    RIG_EMIT(r, &c, MI_SDI(DATA + 4, 8));
    rig_submit(r, ENGINE_BCS, c.desc, 0);
    rig_expect(r, ENGINE_BCS, CSB_LITE, c.id);
    assert_int_equal(rig_r32(r, data + 4), 0); /* still behind the semaphore */
    rig_w32(r, data + 64, 1);
    rig_expect(r, ENGINE_BCS, CSB_DONE, c.id);
    assert_int_equal(rig_r32(r, data + 4), 8);
    assert_int_equal(rig_stats(r).contexts[ENGINE_BCS], 1);
}

static void preemption_in_a_batch_resumes_there(void **state)
{
    struct rig *r = *state;
    struct rig_ctx a, b;
    uint64_t da, db, batch;
    const uint32_t dw[] = {MI_SDI(DATA, 1), WAIT_EQ(DATA + 64, 1), MI_LRI1(0x2600, 0),
                           MI_SRM(0x2608, DATA + 8), MI_BBE};

    rig_context(r, &a, ENGINE_RCS, 4);
    rig_context(r, &b, ENGINE_RCS, 4);
    da = rig_map_new(r, &a, DATA);
    db = rig_map_new(r, &b, DATA);
    batch = rig_map_new(r, &a, 0x50000000);
    rig_write(r, batch, dw, sizeof(dw) / 4);
    RIG_EMIT(r, &a, MI_LRI1(0x2608, 0x600d), MI_BBS(0x50000000), MI_SDI(DATA + 4, 5));
    RIG_EMIT(r, &b, MI_LRI1(0x2608, 0xbad), MI_SDI(DATA, 2));
    rig_submit(r, ENGINE_RCS, a.desc, 0);
    rig_expect(r, ENGINE_RCS, CSB_IDLE_ACTIVE, 0);
    assert_true(rig_wait32(r, da, 1));
    rig_submit(r, ENGINE_RCS, b.desc, a.desc);
    rig_expect(r, ENGINE_RCS, CSB_PREEMPTED, a.id);
    rig_expect(r, ENGINE_RCS, CSB_SWITCH, b.id);
    assert_int_equal(rig_r32(r, db), 2);
    rig_w32(r, da + 64, 1);
    rig_expect(r, ENGINE_RCS, CSB_DONE, a.id);
    assert_int_equal(rig_r32(r, da + 4), 5);
    assert_int_equal(rig_r32(r, da + 8), 0x600d); /* its own GPR, not b's */
    assert_int_equal(rig_stats(r).batches[ENGINE_RCS], 1);
}

/* Events of each kind never come when arbitration is off. */
static void arb_off_holds_preemption(void **state)
{
    struct rig *r = *state;
    struct rig_ctx a, b;
    uint64_t da;

    rig_context(r, &a, ENGINE_RCS, 4);
    rig_context(r, &b, ENGINE_RCS, 4);
    da = rig_map_new(r, &a, DATA);
    RIG_EMIT(r, &a, MI(8, 0), MI_SDI(DATA, 1), WAIT_EQ(DATA + 64, 1), MI_SDI(DATA + 4, 3), MI(8, 1),
             MI(5, 0), WAIT_EQ(DATA + 64, 2));
    rig_submit(r, ENGINE_RCS, a.desc, 0);
    rig_expect(r, ENGINE_RCS, CSB_IDLE_ACTIVE, 0);
    assert_true(rig_wait32(r, da, 1));
    rig_submit(r, ENGINE_RCS, b.desc, 0);
    assert_true(engines_mmio_read(r->engines, 0x2234) & 1 << 2); /* still queued */
    assert_true(rig_quiet(r, ENGINE_RCS));
    rig_w32(r, da + 64, 1);
    rig_expect(r, ENGINE_RCS, CSB_PREEMPTED, a.id);
    rig_expect(r, ENGINE_RCS, CSB_DONE, b.id);
    assert_int_equal(rig_r32(r, da + 4), 3);
}

static void wait_switches_when_allowed(void **state)
{
    struct rig *r = *state;
    struct rig_ctx a, b;
    uint64_t db;

    rig_context(r, &a, ENGINE_RCS, 4);
    rig_context(r, &b, ENGINE_RCS, 4);
    rig_map_new(r, &a, DATA);
    db = rig_map_new(r, &b, DATA);
    rig_w32(r, a.image + 3 * 4, 0x00090001); /* synchronous switch allowed */
    RIG_EMIT(r, &a, WAIT_EQ(DATA + 64, 1));
    RIG_EMIT(r, &b, MI_SDI(DATA, 2));
    rig_submit(r, ENGINE_RCS, a.desc, b.desc);
    rig_expect(r, ENGINE_RCS, CSB_IDLE_ACTIVE, 0);
    rig_expect(r, ENGINE_RCS, 0x84, a.id);
    rig_expect(r, ENGINE_RCS, CSB_DONE, b.id);
    assert_int_equal(rig_r32(r, db), 2);
}

static void restore_inhibit_keeps_engine_state_out(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t data;

    rig_context(r, &c, ENGINE_RCS, 4);
    data = rig_map_new(r, &c, DATA);
    rig_w32(r, c.image + 0x51 * 4, MI(0x22, 1));
    rig_w32(r, c.image + 0x52 * 4, 0x2600);
    rig_w32(r, c.image + 0x53 * 4, 0x77);
    RIG_RUN(r, &c, MI_SRM(0x2600, DATA), MI_LRI1(0x2600, 0x55));
    assert_int_equal(rig_r32(r, data), 0);
    /* Saved without the inhibit bit; now the list holds 0x55 and is loaded. */
    assert_int_equal(rig_r32(r, c.image + 3 * 4) & 1, 0);
    assert_int_equal(rig_r32(r, c.image + 0x53 * 4), 0x55);
    engines_mmio_write(r->engines, 0x2600, 0);
    RIG_RUN(r, &c, MI_SRM(0x2600, DATA));
    assert_int_equal(rig_r32(r, data), 0x55);
    assert_true(rig_r32(r, c.image + 0x23 * 4) > 0); /* CTX_TIMESTAMP advanced */
}

static void foreign_registers_of_an_image_reach_the_device(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;

    rig_context(r, &c, ENGINE_RCS, 4);
    rig_w32(r, c.image + 3 * 4, 0x00090008);
    rig_w32(r, c.image + 0x51 * 4, MI(0x22, 1));
    rig_w32(r, c.image + 0x52 * 4, 0x7014);
    rig_w32(r, c.image + 0x53 * 4, 0x4711);
    RIG_RUN(r, &c, 0);
    assert_int_equal(atomic_load(&r->reg[0x7014 / 4]), 0x4711);
}

static void workaround_batches_run_at_load(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t wa, data;
    uint32_t wa_ggtt, data_ggtt;

    rig_context(r, &c, ENGINE_RCS, 4);
    wa = rig_page(r);
    wa_ggtt = rig_ggtt_map(r, 0, wa);
    data = rig_page(r);
    data_ggtt = rig_ggtt_map(r, 0, data);
    const uint32_t indirect[16] = {MI(0x20, 2) | MI_GGTT, data_ggtt, 0, 0x11};
    const uint32_t per_ctx[] = {MI(0x20, 2) | MI_GGTT, data_ggtt + 4, 0, 0x22, MI_BBE};
    const uint32_t beyond[] = {MI(0x20, 2) | MI_GGTT, data_ggtt + 8, 0, 0x33};

    rig_write(r, wa, indirect, 16);
    rig_write(r, wa + 64, beyond, 4); /* behind the indirect batch's end */
    rig_ggtt_map(r, 0, rig_page(r));
    rig_write(r, wa + 128, per_ctx, 5);
    rig_w32(r, c.image + 0x1b * 4, wa_ggtt | 1);
    RIG_RUN(r, &c, 0);
    assert_int_equal(rig_r32(r, data), 0x11);
    assert_int_equal(rig_r32(r, data + 8), 0);
    /* BB_PER_CTX_PTR takes page addresses. */
    rig_write(r, wa, per_ctx, 5);
    rig_w32(r, c.image + 0x1b * 4, 0);
    rig_w32(r, c.image + 0x19 * 4, wa_ggtt | 1);
    RIG_RUN(r, &c, 0);
    assert_int_equal(rig_r32(r, data + 4), 0x22);
}

static void unknown_opcode_hangs_until_reset(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c, d;
    uint64_t data;

    rig_context(r, &c, ENGINE_BCS, 4);
    rig_context(r, &d, ENGINE_BCS, 4);
    data = rig_map_new(r, &d, DATA);
    engines_mmio_write(r->engines, 0x220b4, ~1u);
    RIG_EMIT(r, &c, 0, 0x50800000, 0); /* XY_FAST_COPY_BLT: gen9 */
    rig_submit(r, ENGINE_BCS, c.desc, 0);
    rig_expect(r, ENGINE_BCS, CSB_IDLE_ACTIVE, 0);
    assert_true(rig_wait_reg(r, 0x220b0, 1, 1));
    assert_int_equal(engines_mmio_read(r->engines, 0x22068), 0x50800000);
    assert_int_equal(engines_mmio_read(r->engines, 0x22034), 4);
    assert_int_equal(engines_mmio_read(r->engines, 0x22074), c.ring_ggtt + 4);
    assert_int_equal(engines_mmio_read(r->engines, 0x2209c) & 1 << 9, 0);
    assert_int_equal(rig_stats(r).unknown[ENGINE_BCS], 1);
    assert_true(rig_quiet(r, ENGINE_BCS));
    engines_mmio_write(r->engines, 0x220d0, 0x00010001);
    assert_int_equal(engines_mmio_read(r->engines, 0x220d0) & 3, 3);
    engines_mmio_write(r->engines, 0x941c, 8);
    assert_true(rig_wait_reg(r, 0x941c, ~0u, 0));
    assert_int_equal(engines_mmio_read(r->engines, 0x220d0) & 3, 0);
    engines_mmio_write(r->engines, 0x22080, rig_ggtt_map(r, 0, r->hwsp[ENGINE_BCS]));
    r->csb_read[ENGINE_BCS] = 5;
    rig_w32(r, r->hwsp[ENGINE_BCS] + 0x7c, 5);
    RIG_RUN(r, &d, MI_SDI(DATA, 9));
    assert_int_equal(rig_r32(r, data), 9);
}

static void stop_ring_pauses_and_goes_on(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t data;

    rig_context(r, &c, ENGINE_VECS, 4);
    data = rig_map_new(r, &c, DATA);
    engines_mmio_write(r->engines, 0x1a09c, 0x01000100);
    assert_true(rig_wait_reg(r, 0x1a09c, 1 << 9, 1 << 9));
    RIG_EMIT(r, &c, MI_SDI(DATA, 9));
    rig_submit(r, ENGINE_VECS, c.desc, 0);
    assert_true(rig_quiet(r, ENGINE_VECS));
    engines_mmio_write(r->engines, 0x1a09c, 0x01000000);
    rig_expect(r, ENGINE_VECS, CSB_IDLE_ACTIVE, 0);
    rig_expect(r, ENGINE_VECS, CSB_DONE, c.id);
    assert_int_equal(rig_r32(r, data), 9);
}

/* Spinning and waiting engines end at once when the device goes away. */
static void free_stops_busy_engines(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c, d;
    struct timespec begin, end;
    uint64_t data, batch;
    const uint32_t spin[] = {MI_SDI(DATA, 1), MI(5, 0), MI_BBS(0x50000000)};

    rig_context(r, &c, ENGINE_RCS, 4);
    rig_context(r, &d, ENGINE_BCS, 4);
    data = rig_map_new(r, &c, DATA);
    rig_map_new(r, &d, DATA);
    batch = rig_map_new(r, &c, 0x50000000);
    rig_write(r, batch, spin, sizeof(spin) / 4);
    RIG_EMIT(r, &c, MI_BBS(0x50000000));
    RIG_EMIT(r, &d, WAIT_EQ(DATA, 1));
    rig_submit(r, ENGINE_RCS, c.desc, 0);
    rig_submit(r, ENGINE_BCS, d.desc, 0);
    assert_true(rig_wait32(r, data, 1));
    rig_expect(r, ENGINE_BCS, CSB_IDLE_ACTIVE, 0);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    r->engines = engines_free(r->engines);
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_true(end.tv_sec - begin.tv_sec < 3);
}

/* A tail that is no multiple of 8, and a ring of three pages: the odd bits mean nothing. */
static void odd_ring_values_are_harmless(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t data;

    rig_context(r, &c, ENGINE_RCS, 4);
    data = rig_map_new(r, &c, DATA);
    RIG_EMIT(r, &c, MI_SDI(DATA, 4));
    rig_w32(r, c.image + 11 * 4, 0x2001);
    rig_w32(r, c.image + 7 * 4, c.tail | 5);
    rig_run(r, &c);
    assert_int_equal(rig_r32(r, data), 4);
    assert_int_equal(rig_r32(r, c.image + 5 * 4), c.tail);
}

/* Time on the engine shows while it still runs. */
static void busy_time_advances(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    struct timespec pause = {0, 1000000};
    uint64_t before, data;

    rig_context(r, &c, ENGINE_RCS, 4);
    data = rig_map_new(r, &c, DATA);
    RIG_EMIT(r, &c, WAIT_EQ(DATA, 1));
    rig_submit(r, ENGINE_RCS, c.desc, 0);
    rig_expect(r, ENGINE_RCS, CSB_IDLE_ACTIVE, 0);
    before = rig_stats(r).busy_ns[ENGINE_RCS];
    nanosleep(&pause, NULL); /* the thing measured: time that passes */
    assert_true(rig_stats(r).busy_ns[ENGINE_RCS] >= before + 1000000);
    rig_w32(r, data, 1);
    rig_expect(r, ENGINE_RCS, CSB_DONE, c.id);
    assert_true(rig_wait_reg(r, 0x209c, 1 << 9, 1 << 9));
}

static void function_reset_clears_everything(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;

    rig_context(r, &c, ENGINE_RCS, 4);
    rig_map_new(r, &c, DATA);
    RIG_EMIT(r, &c, WAIT_EQ(DATA, 1));
    rig_submit(r, ENGINE_RCS, c.desc, 0);
    rig_expect(r, ENGINE_RCS, CSB_IDLE_ACTIVE, 0);
    engines_reset(r->engines);
    assert_int_equal(engines_mmio_read(r->engines, 0x2080), 0);
    assert_int_equal(engines_mmio_read(r->engines, 0x23a0), 0x0505);
    assert_int_equal(engines_gtt_read(r->engines, c.lrca / 4096 * 8, 8), 0);
    assert_true(engines_mmio_read(r->engines, 0x209c) & 1 << 9);
}

#define T(f) cmocka_unit_test_setup_teardown(f, rig_new, rig_free)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(one_context_each_engine),
        T(masked_interrupts_stay_silent),
        T(csb_registers_mirror_status_page),
        T(two_elements_run_in_order),
        T(lite_restore_takes_new_tail),
        T(preemption_in_a_batch_resumes_there),
        T(arb_off_holds_preemption),
        T(wait_switches_when_allowed),
        T(restore_inhibit_keeps_engine_state_out),
        T(foreign_registers_of_an_image_reach_the_device),
        T(workaround_batches_run_at_load),
        T(unknown_opcode_hangs_until_reset),
        T(stop_ring_pauses_and_goes_on),
        T(free_stops_busy_engines),
        T(odd_ring_values_are_harmless),
        T(busy_time_advances),
        T(function_reset_clears_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
