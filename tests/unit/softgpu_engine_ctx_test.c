/* SPDX-License-Identifier: MIT */
/*
 * What a Broadwell context owns and who may change it: registers that user batches may write and
 * that are saved with a context, and registers that are neither. Each test has engines of its own.
 */
#include "tests/unit/softgpu_ctx_rig.h"

#include <string.h>

#include "gen/ctx_gen8.h"

struct range {
    uint32_t first, last;
    uint32_t bits; /* that exist; 0: all */
    bool masked;
};

/* As igt's gem_ctx_isolation (2.x) lists them for gen8, render engine, saved with a context. */
static const struct range owned[] = {
    {0x20c0, 0x20c0, 0x100, true}, {0x2158, 0x2158, 0, false}, {0x2290, 0x2294, 0, false},
    {0x22c8, 0x22cc, 0, false},    {0x22d8, 0x22dc, 0, false}, {0x22f0, 0x22f4, 0, false},
    {0x22f8, 0x22fc, 0, false},    {0x2300, 0x230c, 0, false}, {0x2310, 0x2344, 0, false},
    {0x2360, 0x2364, 0, false},    {0x2400, 0x2414, 0, false}, {0x2418, 0x2418, 1, false},
    {0x241c, 0x241c, 0, false},    {0x2420, 0x2420, 0, false}, {0x2430, 0x2440, 0, false},
    {0x2448, 0x2454, 0, false},    {0x2500, 0x2508, 0, false}, {0x2600, 0x267c, 0, false},
    {0x5200, 0x521c, 0, false},    {0x5240, 0x525c, 0, false}, {0x5280, 0x528c, 0, false},
    {0x7000, 0x7008, 0, true},     {0x7034, 0x7034, 0, false}, {0xe400, 0xe404, 0, false},
};

/* Those that a batch may write although they belong to nobody. */
static const struct range shared[] = {
    {0x2094, 0x2094, 0, false}, {0x23bc, 0x23bc, 0, false},   {0x2b00, 0x2b00, 0, false},
    {0x91b8, 0x91c4, 0, false}, {0x12800, 0x128fc, 0, false},
};

/* Neighbours of the former, and others that would be worth having. */
static const struct range forbidden[] = {
    {0x2030, 0x203c, 0, false}, {0x2080, 0x2080, 0, false}, {0x209c, 0x20a8, 0, false},
    {0x2230, 0x2230, 0, false}, {0x2244, 0x224c, 0, false}, {0x2270, 0x228c, 0, false},
    {0x2298, 0x229c, 0, false}, {0x22d0, 0x22d4, 0, false}, {0x2348, 0x235c, 0, false},
    {0x2424, 0x242c, 0, false}, {0x2458, 0x2458, 0, false}, {0x24d0, 0x24fc, 0, false},
    {0x5220, 0x523c, 0, false}, {0x5260, 0x527c, 0, false}, {0x700c, 0x7018, 0, false},
    {0x9400, 0x941c, 0, false}, {0x4090, 0x4098, 0, false}, {0x100000, 0x1000fc, 0, false},
};

#define FOR_EACH(list, r, reg)                                                                     \
    for (const struct range *r = list; r < list + sizeof(list) / sizeof(list[0]); r++)             \
        for (uint32_t reg = r->first; reg <= r->last; reg += 4)

/* What the n-th register of a list is to hold; never all zeros, nor the same in two. */
static uint32_t value_of(const struct range *r, uint32_t reg, uint32_t salt)
{
    uint32_t v = reg * 2654435761u ^ salt;

    if (r->masked)
        v &= 0xffff;
    return r->bits ? v & r->bits : v;
}

static void write_owned(struct rig *r, struct ctx *x, uint32_t salt)
{
    static struct batch b;

    b.n = 0;
    FOR_EACH(owned, o, reg)
    {
        ADD(&b, MI_LRI1(reg, value_of(o, reg, salt) | (o->masked ? 0xffff0000u : 0)));
    }
    ctx_run(r, x, &b);
}

static void read_owned(struct rig *r, struct ctx *x)
{
    static struct batch b;
    uint32_t at = DATA;

    b.n = 0;
    FOR_EACH(owned, o, reg)
    {
        ADD(&b, MI_SRM(reg, at));
        at += 4;
    }
    ctx_run(r, x, &b);
}

static void expect_owned(struct rig *r, struct ctx *x, uint32_t salt, bool zero)
{
    unsigned i = 0;

    read_owned(r, x);
    FOR_EACH(owned, o, reg)
    {
        uint32_t got = rig_r32(r, x->data[0] + i++ * 4), want = zero ? 0 : value_of(o, reg, salt);

        if (got != want)
            fail_msg("register 0x%x holds 0x%x, not 0x%x", reg, got, want);
    }
}

static void user_batches_write_what_their_context_owns(void **state)
{
    struct rig *r = *state;
    static struct ctx a, b;

    ctx_make(r, &a, ENGINE_RCS);
    ctx_make(r, &b, ENGINE_RCS);
    expect_owned(r, &a, 0, true); /* and now it has a saved image */
    expect_owned(r, &b, 0, true);
    write_owned(r, &a, 0x11111111);
    expect_owned(r, &b, 0, true); /* nothing of a's leaks */
    write_owned(r, &b, 0x7777aaaa);
    expect_owned(r, &a, 0x11111111, false);
    expect_owned(r, &b, 0x7777aaaa, false);
    expect_owned(r, &a, 0x11111111, false);
}

/* Drivers close a new image behind the ring's part; the first save opens it. */
static void image_closed_by_software(void **state)
{
    struct rig *r = *state;
    static struct ctx a, b;

    ctx_make(r, &a, ENGINE_RCS);
    ctx_make(r, &b, ENGINE_RCS);
    rig_w32(r, a.c.image + 0x41 * 4, MI(0x22, 1));
    rig_w32(r, a.c.image + 0x42 * 4, 0x20c8);
    rig_w32(r, a.c.image + 0x44 * 4, MI_BBE);
    write_owned(r, &a, 5);
    write_owned(r, &b, 6);
    expect_owned(r, &a, 5, false);
}

/* A guest's driver gets what hardware saved, and hands it in again: the scheduler has to take it.
 */
static void saved_images_pass_the_audit(void **state)
{
    static const enum gen8_engine name[ENGINE_COUNT] = {[ENGINE_RCS] = GEN8_RCS,
                                                        [ENGINE_BCS] = GEN8_BCS,
                                                        [ENGINE_VCS] = GEN8_VCS,
                                                        [ENGINE_VECS] = GEN8_VECS,
                                                        [ENGINE_VCS2] = GEN8_VCS2};
    static uint32_t image[CTX_GEN8_RCS_PAGES * 1024];
    struct rig *r = *state;
    struct ctx_gen8_verdict v;
    struct ctx_gen8_state st;
    static struct ctx a;

    for (unsigned id = 0; id < ENGINE_COUNT; id++) {
        ctx_make(r, &a, id);
        RIG_RUN(r, &a.c, MI_LRI1(rig_base(id) + 0x600, 0xffffffff), MI_LRI1(0x7000, 0xffffffff));
        memset(image, 0, sizeof(image));
        assert_int_equal(dma_read(r->dma, a.c.image, image + CTX_GEN8_STATE, 4096), 0);
        if (ctx_gen8_audit(name[id], image, ctx_gen8_dwords(name[id]), &st, &v))
            fail_msg("engine %u: reason %d at dword 0x%x", id, v.reason,
                     (unsigned)v.at - CTX_GEN8_STATE);
    }
}

static void reset_takes_the_registers_along(void **state)
{
    struct rig *r = *state;
    static struct ctx a;

    ctx_make(r, &a, ENGINE_RCS);
    write_owned(r, &a, 9);
    assert_int_not_equal(engines_mmio_read(r->engines, 0x5200), 0);
    engines_mmio_write(r->engines, 0x20d0, 0x00010001);
    engines_mmio_write(r->engines, 0x941c, 2);
    assert_true(rig_wait_reg(r, 0x941c, 2, 0));
    assert_int_equal(engines_mmio_read(r->engines, 0x5200), 0);
    assert_int_equal(engines_mmio_read(r->engines, 0x7000), 0);
}

static uint32_t current(struct rig *r, uint32_t reg)
{
    return engines_owns(r->engines, reg) ? engines_mmio_read(r->engines, reg)
                                         : atomic_load(&r->reg[reg / 4]);
}

static void shared_registers_are_writable(void **state)
{
    struct rig *r = *state;
    static struct batch b;
    static struct ctx a;

    ctx_make(r, &a, ENGINE_RCS);
    b.n = 0;
    FOR_EACH(shared, o, reg)
    {
        ADD(&b, MI_LRI1(reg, value_of(o, reg, 3) & 0x3fffff));
    }
    ctx_run(r, &a, &b);
    FOR_EACH(shared, o, reg)
    {
        assert_int_equal(current(r, reg), value_of(o, reg, 3) & 0x3fffff);
    }
}

/* With every command that can write a register. */
static void other_registers_are_not(void **state)
{
    struct rig *r = *state;
    static struct batch b;
    static struct ctx a;
    uint32_t before[256];
    unsigned n = 0;

    ctx_make(r, &a, ENGINE_RCS);
    RIG_RUN(r, &a.c, MI(0, 0));
    RIG_RUN(r, &a.c, MI(0, 0)); /* from a saved image, as it will be */
    rig_w32(r, a.data[1], 0xffff0aa0);
    b.n = 0;
    ADD(&b, MI_LRI1(0x2608, 0xffff0550));
    FOR_EACH(forbidden, o, reg)
    {
        before[n++] = current(r, reg);
        ADD(&b, MI_LRI1(reg, 0xffff0aa0), MI(0x29, 2), reg, DATA + 4096, 0, MI(0x2a, 1), 0x2608,
            reg);
    }
    assert_true(n < 256);
    ADD(&b, MI_SDI(DATA, 1));
    ctx_run(r, &a, &b);
    assert_int_equal(rig_r32(r, a.data[0]), 1);
    n = 0;
    FOR_EACH(forbidden, o, reg)
    {
        uint32_t was = before[n++], is = current(r, reg);

        /* those that the context or time itself changes */
        if ((reg >= 0x2030 && reg <= 0x203c) || reg == 0x2358 || reg == 0x209c ||
            (reg >= 0x2270 && reg <= 0x228c))
            assert_true(is != 0xffff0aa0 && is != 0x0aa0 && is != 0xffff0550 && is != 0x0550);
        else if (is != was)
            fail_msg("register 0x%x went from 0x%x to 0x%x", reg, was, is);
    }
}

/* A render engine's predicate holds commands back across a switch, and for its context alone. */
static void predicate_survives_a_switch(void **state)
{
    struct rig *r = *state;
    static struct ctx a, b;

    ctx_make(r, &a, ENGINE_RCS);
    ctx_make(r, &b, ENGINE_RCS);
    RIG_RUN(r, &a.c, MI(1, 15), MI_SDI(DATA, 1));
    RIG_RUN(r, &b.c, MI_SDI(DATA, 2));
    RIG_RUN(r, &a.c, MI_SDI(DATA + 4, 3), MI(1, 0), MI_SDI(DATA + 8, 4));
    assert_int_equal(rig_r32(r, a.data[0]), 0);
    assert_int_equal(rig_r32(r, a.data[0] + 4), 0);
    assert_int_equal(rig_r32(r, a.data[0] + 8), 4);
    assert_int_equal(rig_r32(r, b.data[0]), 2);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, ctx_setup, ctx_teardown)
    const struct CMUnitTest tests[] = {
        T(user_batches_write_what_their_context_owns),
        T(image_closed_by_software),
        T(saved_images_pass_the_audit),
        T(reset_takes_the_registers_along),
        T(shared_registers_are_writable),
        T(other_registers_are_not),
        T(predicate_survives_a_switch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
