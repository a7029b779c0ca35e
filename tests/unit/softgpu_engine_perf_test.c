/* SPDX-License-Identifier: MIT */
/*
 * softgpu_engine_perf_test.c: MI_REPORT_PERF_COUNT on both generations: how much it writes, where,
 * and what. Who may write to the global space is in softgpu_engine_priv_test.c.
 */
#include "tests/unit/softgpu_ring_rig.h"

#include <stdlib.h>

#define DATA      0x40000000u
#define BATCH     0x50000000u
#define OACONTROL (r->gen7 ? 0x2360u : 0x2b00u)
#define ENABLE    1u
#define UNTOUCHED 0x80808080u
#define ID        0xdeadbeefu

struct fix {
    struct rig r;
    struct rig_ctx c;
    uint64_t data;
};

static int setup(void **state, void (*begin)(struct rig *))
{
    struct fix *f = calloc(1, sizeof(*f));

    begin(&f->r);
    rig_context(&f->r, &f->c, ENGINE_RCS, 4);
    f->data = rig_map_new(&f->r, &f->c, DATA);
    *state = f;
    return 0;
}

static int setup_gen7(void **state)
{
    return setup(state, rig_setup_haswell);
}

static int setup_gen8(void **state)
{
    return setup(state, rig_setup);
}

static int teardown(void **state)
{
    struct fix *f = *state;

    rig_teardown(&f->r);
    free(f);
    return 0;
}

static void control(struct fix *f, uint32_t value)
{
    struct rig *r = &f->r;

    RIG_RUN(r, &f->c, MI_LRI1(OACONTROL, value));
}

/* One report at an address of the context's, taken from the ring. */
static void report(struct fix *f, uint32_t addr)
{
    if (f->r.gen7)
        RIG_RUN(&f->r, &f->c, MI(0x28, 1), addr, ID);
    else
        RIG_RUN(&f->r, &f->c, MI(0x28, 2), addr, 0, ID);
}

static uint32_t dw(struct fix *f, unsigned n)
{
    return rig_r32(&f->r, f->data + n * 4);
}

static void wipe(struct fix *f)
{
    for (unsigned i = 0; i < 1024; i++)
        rig_w32(&f->r, f->data + i * 4, UNTOUCHED);
}

/* Bytes of each format; what follows the header is 0 in all that count nothing. */
static void sizes(void **state)
{
    static const uint16_t gen7[8] = {64, 128, 128, 192, 64, 256, 128, 64};
    static const uint16_t gen8[8] = {64, 64, 128, 64, 64, 256, 64, 64};
    struct fix *f = *state;

    for (uint32_t format = 0; format < 8; format++) {
        unsigned n = (f->r.gen7 ? gen7 : gen8)[format] / 4;

        wipe(f);
        control(f, format << 2);
        report(f, DATA + 0x40);
        assert_int_equal(dw(f, 15), UNTOUCHED);
        assert_int_equal(dw(f, 16), ID);
        assert_int_not_equal(dw(f, 17), UNTOUCHED);
        assert_int_equal(dw(f, 18), f->r.gen7 ? 0 : f->c.id);
        for (unsigned i = 3; i < n; i++)
            assert_int_equal(dw(f, 16 + i), 0);
        assert_int_equal(dw(f, 16 + n), UNTOUCHED);
    }
}

/* Bits 5:0 of the address belong to others; bit 4 asks for per-core counters, of which there is
 * nothing to tell. */
static void address(void **state)
{
    struct fix *f = *state;

    wipe(f);
    report(f, DATA + 0x80 + 0x3e);
    assert_int_equal(dw(f, 32), ID);
    assert_int_equal(dw(f, 31), UNTOUCHED);
}

/* The time is TIMESTAMP's. */
static void timestamp(void **state)
{
    struct fix *f = *state;
    uint32_t before = engines_mmio_read(f->r.engines, 0x2358), after;

    report(f, DATA);
    after = engines_mmio_read(f->r.engines, 0x2358);
    assert_true(dw(f, 1) - before <= after - before);
}

/* While OACONTROL lets them, the clock runs and the busy time is a part of it. */
static void clock_and_busy(void **state)
{
    struct fix *f = *state;
    unsigned clock = 3, busy = f->r.gen7 ? 3 + 41 : 4;
    uint32_t ticks, clocks, work;

    control(f, 5u << 2 | ENABLE);
    report(f, DATA);
    report(f, DATA + 0x100);
    ticks = dw(f, 64 + 1) - dw(f, 1);
    clocks = dw(f, 64 + clock) - dw(f, clock);
    work = dw(f, 64 + busy) - dw(f, busy);
    assert_true(work > 0);
    assert_true(work / 80 <= ticks + 1); /* of 80 ns */
    if (!f->r.gen7)
        assert_true(clocks >= work && clocks / 80 <= ticks + 1 && clocks / 80 + 1 >= ticks);
    for (unsigned i = 3; i < 64; i++)
        if (i != busy && (f->r.gen7 || (i != clock && i != 40)))
            assert_int_equal(dw(f, i), 0);
    if (!f->r.gen7)
        assert_int_equal(dw(f, 40) & ~0xffu, 0); /* upper bits of A1 to A3 */
}

/* The global space from the ring; a batch without privilege writes to its own, and there without
 * asking. */
static void spaces(void **state)
{
    struct fix *f = *state;
    uint64_t page = rig_page(&f->r);
    uint32_t at = rig_ggtt_map(&f->r, 0, page);
    const uint32_t own7[] = {MI(0x28, 1), DATA, 7, MI(0x28, 1), at | 1, 8, MI_BBE};
    const uint32_t own8[] = {MI(0x28, 2), DATA, 0, 7, MI(0x28, 2), at | 1, 0, 8, MI_BBE};

    engines_ggtt_flush(f->r.engines);
    report(f, at | 1);
    assert_int_equal(rig_r32(&f->r, page), ID);
    rig_run_batch(&f->r, &f->c, BATCH, f->r.gen7 ? own7 : own8,
                  (f->r.gen7 ? sizeof(own7) : sizeof(own8)) / 4);
    assert_int_equal(dw(f, 0), 7);
    assert_int_equal(rig_r32(&f->r, page), ID);
    assert_int_equal(rig_stats(&f->r).faults, 0);
}

/* A page that is not there is a fault like any other. */
static void faults(void **state)
{
    struct fix *f = *state;

    report(f, DATA + 0x1000);
    assert_int_equal(rig_stats(&f->r).faults, 1);
}

int main(void)
{
#define BOTH(f)                                                                                    \
    {#f ", Haswell", f, setup_gen7, teardown, NULL},                                               \
    {                                                                                              \
#f ", Broadwell", f, setup_gen8, teardown, NULL                                            \
    }
    const struct CMUnitTest tests[] = {
        BOTH(sizes),          BOTH(address), BOTH(timestamp),
        BOTH(clock_and_busy), BOTH(spaces),  BOTH(faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
