/* SPDX-License-Identifier: MIT */
/*
 * softgpu_engine_display_test.c: MI_DISPLAY_FLIP, MI_LOAD_SCAN_LINES and MI_WAIT_FOR_EVENT on both
 * generations. The display's registers are the test's memory: it moves scan lines and frames.
 */
#include "tests/unit/softgpu_ring_rig.h"

#include <sched.h>

#include "softgpu/engine_priv.h"

#define DATA   0x40000000u
#define RUNS   (1u << 30)
#define DERRMR 0x44050u

static void put(struct rig *r, uint32_t offset, uint32_t v)
{
    atomic_store(&r->reg[offset / 4], v);
}

static uint32_t get(struct rig *r, uint32_t offset)
{
    return atomic_load(&r->reg[offset / 4]);
}

static void planes_are_flipped(void **state)
{
    /* By the plane's number in the command: control register. */
    static const uint32_t plane[6] = {0x70180, 0x71180, 0x70280, 0x71280, 0x72180, 0x72280};
    struct rig *r = *state;
    struct rig_ctx c;

    rig_context(r, &c, ENGINE_BCS, 4);
    for (uint32_t i = 0; i < 6; i++) {
        put(r, plane[i], 0xd8000000);
        RIG_RUN(r, &c, MI(0x14, i << 19 | 1), (0x1000 + 64 * i) | 1, 0x100000 * (i + 1));
        assert_int_equal(get(r, plane[i]), 0xd8000400); /* tiled */
        assert_int_equal(get(r, plane[i] + 8), 0x1000 + 64 * i);
        assert_int_equal(get(r, plane[i] + 0x1c), 0x100000 * (i + 1));
        RIG_RUN(r, &c, MI(0x14, i << 19 | 1), 0x1000, 0x100000 | 1); /* asynchronous */
        assert_int_equal(get(r, plane[i]), 0xd8000000);
        assert_int_equal(get(r, plane[i] + 0x1c), 0x100000);
    }
    RIG_RUN(r, &c, MI(0x14, 6 << 19 | 1), 0x1000, 0x500000); /* no such plane */
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(get(r, plane[i] + 0x1c), 0x100000);
}

/* Start a wait with a store before and behind it. */
static uint64_t begin(struct rig *r, struct rig_ctx *c, uint32_t pre, uint32_t window,
                      uint32_t event)
{
    uint64_t data;

    rig_context(r, c, ENGINE_RCS, 4);
    data = rig_map_new(r, c, DATA);
    engines_ggtt_flush(r->engines);
    if (r->gen7) {
        RIG_EMIT(r, c, pre, window, MI7_SDI(DATA, 1), MI(0x03, event), MI7_SDI(DATA + 4, 1));
        ring_rig_go(r, c);
    } else {
        RIG_EMIT(r, c, pre, window, MI_SDI(DATA, 1), MI(0x03, event), MI_SDI(DATA + 4, 1));
        rig_submit(r, ENGINE_RCS, c->desc, 0);
    }
    assert_true(rig_wait32(r, data, 1));
    return data;
}

/* Long enough for several looks at the display: another engine runs so many commands. */
static void time_passes(struct rig *r)
{
    static struct rig_ctx other[2];
    struct rig_ctx *c = &other[r->gen7];

    rig_context(r, c, ENGINE_VECS, 4);
    for (unsigned i = 0; i < 20; i++)
        RIG_RUN(r, c, MI(0, 0));
}

static void still_waits(struct rig *r, uint64_t data)
{
    const struct engine *e = &r->engines->engine[ENGINE_RCS];

    while (!(atomic_load(&e->waits) & CTL_WAIT_EVENT))
        sched_yield(); /* it has looked once */
    time_passes(r);
    assert_int_equal(rig_r32(r, data + 4), 0);
    if (r->gen7)
        assert_int_equal(engines_mmio_read(r->engines, 0x203c), 1 | 1 << 11);
}

static void ends(struct rig *r, struct rig_ctx *c, uint64_t data)
{
    assert_true(rig_wait32(r, data + 4, 1));
    if (r->gen7) {
        ring_rig_done(r, c);
        assert_int_equal(engines_mmio_read(r->engines, 0x203c), 1);
        return;
    }
    rig_expect(r, ENGINE_RCS, CSB_IDLE_ACTIVE, 0);
    rig_expect(r, ENGINE_RCS, CSB_DONE, c->id);
}

/* Bits 3, 11 and 21: the blanks of the three pipes. */
static void waits_for_a_blank(void **state)
{
    static const uint8_t bit[3] = {3, 11, 21};
    struct rig *r = *state;
    struct rig_ctx c;

    for (uint32_t pipe = 0; pipe < 3; pipe++) {
        uint64_t data;

        put(r, 0x70008 + pipe * 0x1000, RUNS);
        put(r, 0x70040 + pipe * 0x1000, 77);
        data = begin(r, &c, MI(0, 0), MI(0, 0), 1u << bit[pipe]);
        still_waits(r, data);
        put(r, 0x70040 + (pipe + 1) % 3 * 0x1000, 5); /* another pipe's */
        still_waits(r, data);
        put(r, 0x70040 + pipe * 0x1000, 78);
        ends(r, &c, data);
    }
}

static void waits_for_scan_lines(void **state)
{
    static const uint8_t bit[3] = {0, 8, 14};
    struct rig *r = *state;
    struct rig_ctx c;

    for (uint32_t pipe = 0; pipe < 3; pipe++) {
        uint32_t dsl = 0x70000 + pipe * 0x1000;
        uint64_t data;

        put(r, dsl + 8, RUNS);
        put(r, dsl, 99);
        data = begin(r, &c, MI(0x12, pipe << 19), 100 << 16 | 200, 1u << bit[pipe]);
        still_waits(r, data);
        put(r, dsl, 201);
        still_waits(r, data);
        put(r, dsl, 200);
        ends(r, &c, data);
        put(r, dsl, 100); /* the outside is meant */
        data = begin(r, &c, MI(0x13, pipe << 19), 100 << 16 | 200, 1u << bit[pipe]);
        still_waits(r, data);
        put(r, dsl, 201);
        ends(r, &c, data);
    }
}

static void waits_for_a_flip(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t data;

    put(r, 0x71008, RUNS);
    put(r, 0x7119c, 0x200000);
    put(r, 0x711ac, 0x100000); /* what is shown */
    data = begin(r, &c, MI(0, 0), MI(0, 0), 1u << 9);
    still_waits(r, data);
    put(r, 0x711ac, 0x200000);
    ends(r, &c, data);
}

static void masked_events_do_not_come(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t data;

    put(r, 0x70008, RUNS);
    put(r, DERRMR, 1u << 3);
    data = begin(r, &c, MI(0, 0), MI(0, 0), 1u << 3);
    still_waits(r, data);
    put(r, 0x70040, 1);
    still_waits(r, data);
    put(r, DERRMR, ~(1u << 3));
    ends(r, &c, data);
}

static void pipe_that_is_off_sends_nothing(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t data = begin(r, &c, MI(0, 0), MI(0, 0), 1u << 3);

    still_waits(r, data);
    put(r, 0x70040, 1);
    still_waits(r, data);
    if (r->gen7) { /* somebody ends it */
        engines_mmio_write(r->engines, 0x203c, 1 | 1 << 11);
        ends(r, &c, data);
        return;
    }
    engines_mmio_write(r->engines, 0x941c, 2);
    assert_true(rig_wait_reg(r, 0x941c, 2, 0));
    assert_int_equal(rig_r32(r, data + 4), 0);
}

static void no_event_is_no_wait(void **state)
{
    struct rig *r = *state;
    struct rig_ctx c;
    uint64_t data = begin(r, &c, MI(0, 0), MI(0, 0), 1u << 18);

    ends(r, &c, data);
}

int main(void)
{
#define BOTH(name)                                                                                 \
    {#name "_gen7", name, rig_new_haswell, rig_free, NULL},                                        \
    {                                                                                              \
#name "_gen8", name, rig_new, rig_free, NULL                                               \
    }
    const struct CMUnitTest tests[] = {
        BOTH(planes_are_flipped),        BOTH(waits_for_a_blank),
        BOTH(waits_for_scan_lines),      BOTH(waits_for_a_flip),
        BOTH(masked_events_do_not_come), BOTH(pipe_that_is_off_sends_nothing),
        BOTH(no_event_is_no_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
