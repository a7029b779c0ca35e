/* SPDX-License-Identifier: MIT */
/*
 * softgpu_engine_cmd_test.c: what each command leaves in memory and registers, how long commands
 * are, and what a non-privileged batch may not do.
 */
#include "tests/unit/softgpu_engine_rig.h"

#include <stdlib.h>

#define DATA  RIG_DATA
#define BATCH 0x50000000u

#define RUN(...) RIG_RUN(&f->r, &f->c, __VA_ARGS__)
#define BATCH_RUN(addr, ...)                                                                       \
    do {                                                                                           \
        const uint32_t b_[] = {__VA_ARGS__, MI_BBE};                                               \
        rig_run_batch(&f->r, &f->c, (addr), b_, sizeof(b_) / 4);                                   \
    } while (0)
#define DW(n) rig_r32(&f->r, f->data + 4 * (n))

static void store_data_imm(void **state)
{
    struct rig_data *f = *state;

    RUN(MI(0x20, 1 << 21 | 3), DATA, 0, 0x11111111, 0x22222222, /* qword */
        MI(0x20, 4), DATA + 8, 0, 1, 2, 3);                     /* three dwords */
    assert_int_equal(DW(0), 0x11111111);
    assert_int_equal(DW(1), 0x22222222);
    assert_int_equal(DW(2), 1);
    assert_int_equal(DW(3), 2);
    assert_int_equal(DW(4), 3);
    assert_int_equal(DW(5), 0);
}

static void store_data_index(void **state)
{
    struct rig_data *f = *state;

    RUN(MI(0x21, 1), 0x100, 0xabc, MI(0x21, 1 << 21 | 1), 0x104, 0xdef);
    assert_int_equal(rig_r32(&f->r, f->r.hwsp[ENGINE_RCS] + 0x100), 0xabc);
    assert_int_equal(rig_r32(&f->r, f->c.image - 4096 + 0x104), 0xdef); /* page 0 of the image */
}

static void register_moves(void **state)
{
    struct rig_data *f = *state;

    rig_w32(&f->r, f->data + 0x40, 0x5555);
    RUN(MI(0x22, 3), 0x2600, 0x77, 0x2604, 0x88, /* two pairs */
        MI(0x2a, 1), 0x2600, 0x2610,             /* reg to reg */
        MI(0x29, 2), 0x2618, DATA + 0x40, 0,     /* from memory */
        MI_SRM(0x2604, DATA), MI_SRM(0x2610, DATA + 4), MI_SRM(0x2618, DATA + 8),
        MI_LRI1(0x9400, 6), MI(0x2a, 1), 0x9400, 0x9404);
    assert_int_equal(DW(0), 0x88);
    assert_int_equal(DW(1), 0x77);
    assert_int_equal(DW(2), 0x5555);
    assert_int_equal(atomic_load(&f->r.reg[0x9404 / 4]), 6); /* through the device */
    assert_int_equal(engines_mmio_read(f->r.engines, 0x2600), 0x77);
}

static void copy_mem_mem(void **state)
{
    struct rig_data *f = *state;
    uint64_t page = rig_page(&f->r);
    uint32_t ggtt = rig_ggtt_map(&f->r, 0, page);

    rig_w32(&f->r, f->data + 0x40, 0xc0ffee);
    RUN(MI(0x2e, 1 << 21 | 3), ggtt + 4, 0, DATA + 0x40, 0, /* to the global space */
        MI(0x2e, 1 << 22 | 3), DATA, 0, ggtt + 4, 0);       /* and back */
    assert_int_equal(rig_r32(&f->r, page + 4), 0xc0ffee);
    assert_int_equal(DW(0), 0xc0ffee);
}

static void flush_dw(void **state)
{
    struct rig_data *f = *state;
    struct rig_ctx c;
    uint64_t data, hwsp = f->r.hwsp[ENGINE_VCS];

    rig_context(&f->r, &c, ENGINE_VCS, 4);
    data = rig_map_new(&f->r, &c, DATA);
    /* Bit 7 is no part of the length. */
    RIG_RUN(&f->r, &c, MI(0x26, 1 << 14 | 1 << 7 | 3), DATA, 0, 0x1234, 0x5678,
            MI(0x26, 1 << 21 | 1 << 14 | 2), 0x100 | 4, 0, 0xaa, /* global status page */
            MI(0x26, 1 << 21 | 1 << 14 | 2), 0x108, 0, 0xbb,     /* the context's own */
            MI(0x26, 3 << 14 | 1 << 8 | 2), DATA + 8, 0, 0);     /* timestamp, notify */
    assert_int_equal(rig_r32(&f->r, data), 0x1234);
    assert_int_equal(rig_r32(&f->r, data + 4), 0x5678);
    assert_true(rig_r64(&f->r, data + 8) > 0);
    assert_int_equal(rig_r32(&f->r, hwsp + 0x100), 0xaa);
    assert_int_equal(rig_r32(&f->r, c.image - 4096 + 0x108), 0xbb);
    assert_true(atomic_load(&f->r.raised[ENGINE_VCS]) & ENGINE_EVENT_PIPECTL);
}

static void pipe_control(void **state)
{
    struct rig_data *f = *state;
    uint64_t page = rig_page(&f->r);
    uint32_t ggtt = rig_ggtt_map(&f->r, 0, page), pc = 0x7a000004;

    rig_w32(&f->r, f->data + 16, 0xff);
    RUN(pc, 1 << 14 | 1 << 20, DATA, 0, 0x1234, 0x5678,     /* immediate */
        pc, 3 << 14, DATA + 8, 0, 0, 0,                     /* timestamp */
        pc, 2 << 14, DATA + 16, 0, 7, 7,                    /* depth count: nothing drawn */
        pc, 1 << 14 | 1 << 24, ggtt, 0, 0x99, 0,            /* global */
        pc, 1 << 14 | 1 << 21 | 1 << 24, 0x200, 0, 0x66, 0, /* global status page */
        pc, 1 << 14 | 1 << 21 | 1 << 8, 0xd0, 0, 0x77, 0);  /* own status page, notify */
    assert_true(rig_r64(&f->r, f->data) == 0x567800001234ull);
    assert_true(rig_r64(&f->r, f->data + 8) > 0);
    assert_int_equal(DW(4), 0);
    assert_int_equal(rig_r32(&f->r, page), 0x99);
    assert_int_equal(rig_r32(&f->r, f->r.hwsp[ENGINE_RCS] + 0x200), 0x66);
    assert_int_equal(rig_r32(&f->r, f->c.image - 4096 + 0xd0), 0x77);
    assert_true(atomic_load(&f->r.raised[ENGINE_RCS]) & ENGINE_EVENT_PIPECTL);
}

/* dst = GPR2, operands GPR0 and GPR1 */
static uint64_t alu(struct rig_data *f, uint32_t opcode, uint32_t result, uint64_t a, uint64_t b)
{
    RUN(MI(0x22, 7), 0x2600, (uint32_t)a, 0x2604, (uint32_t)(a >> 32), 0x2608, (uint32_t)b, 0x260c,
        (uint32_t)(b >> 32), MI(0x1a, 3), 0x080u << 20 | 0x20 << 10 | 0,
        0x080u << 20 | 0x21 << 10 | 1, opcode << 20, 0x180u << 20 | 2 << 10 | result,
        MI_SRM(0x2610, DATA), MI_SRM(0x2614, DATA + 4));
    return rig_r64(&f->r, f->data);
}

static void math(void **state)
{
    struct rig_data *f = *state;
    uint64_t big = 0xfffffffffffffff0ull;

    assert_true(alu(f, 0x100, 0x31, big, 0x20) == 0x10);
    assert_true(alu(f, 0x100, 0x33, big, 0x20) == ~0ull); /* carry */
    assert_true(alu(f, 0x100, 0x33, 1, 2) == 0);
    assert_true(alu(f, 0x101, 0x31, 5, 7) == ~1ull);
    assert_true(alu(f, 0x101, 0x33, 5, 7) == ~0ull);
    assert_true(alu(f, 0x101, 0x32, 7, 7) == ~0ull); /* zero */
    assert_true(alu(f, 0x102, 0x31, 0xff00ff, 0xf0f0f0) == 0xf000f0);
    assert_true(alu(f, 0x103, 0x31, 0xff00ff, 0xf0f0f0) == 0xfff0ff);
    assert_true(alu(f, 0x104, 0x31, 0xff00ff, 0xf0f0f0) == 0x0ff00f);
}

static uint64_t atomic(struct rig_data *f, uint32_t op, bool quad, uint64_t m, uint64_t a,
                       uint64_t b)
{
    rig_w32(&f->r, f->data, (uint32_t)m);
    rig_w32(&f->r, f->data + 4, (uint32_t)(m >> 32));
    RUN(MI(0x2f, 1 << 18 | 1 << 16 | 9) | (quad ? 1u << 19 | (op | 0x20) << 8 : op << 8), DATA, 0,
        (uint32_t)a, (uint32_t)b, (uint32_t)(a >> 32), (uint32_t)(b >> 32), 0, 0, 0, 0,
        MI_SRM(0x2600, DATA + 8));
    return rig_r64(&f->r, f->data);
}

static void atomics(void **state)
{
    struct rig_data *f = *state;

    assert_true(atomic(f, 0x04, false, 9, 5, 0) == 5);
    assert_int_equal(DW(2), 9); /* old value returned in GPR0 */
    assert_true(atomic(f, 0x05, false, 0xffffffff, 0, 0) == 0);
    assert_true(atomic(f, 0x05, true, 0xffffffff, 0, 0) == 0x100000000ull);
    assert_true(atomic(f, 0x06, true, 0, 0, 0) == ~0ull);
    assert_true(atomic(f, 0x07, true, 1ull << 40, 1ull << 41, 0) == 3ull << 40);
    assert_true(atomic(f, 0x08, false, 10, 3, 0) == 7);
    assert_true(atomic(f, 0x09, false, 3, 10, 0) == 7);
    assert_true(atomic(f, 0x0a, false, 0xffffffff, 1, 0) == 1); /* signed */
    assert_true(atomic(f, 0x0b, false, 0xffffffff, 1, 0) == 0xffffffff);
    assert_true(atomic(f, 0x0c, false, 0xffffffff, 1, 0) == 0xffffffff);
    assert_true(atomic(f, 0x0d, false, 0xffffffff, 1, 0) == 1);
    assert_true(atomic(f, 0x0e, false, 4, 4, 8) == 8);
    assert_true(atomic(f, 0x0e, false, 4, 5, 8) == 4);
    assert_true(atomic(f, 0x10, true, 0xff00ff, 0xf0f0f0, 0) == 0xf000f0);
    assert_true(atomic(f, 0x11, false, 1, 2, 0) == 3);
    assert_true(atomic(f, 0x12, false, 3, 2, 0) == 1);
}

static void predicated_batches(void **state)
{
    struct rig_data *f = *state;
    uint64_t page = rig_map_new(&f->r, &f->c, BATCH);
    const uint32_t body[] = {MI_SDI(DATA, 1), MI_BBE};
    uint32_t bbs = MI(0x31, 1 << 15 | 0x101);

    rig_write(&f->r, page, body, 5);
    /* Sources differ: not taken. */
    RUN(MI(0x22, 7), 0x2400, 1, 0x2404, 0, 0x2408, 2, 0x240c, 0, MI(0x0c, 2 << 6 | 2), bbs, BATCH,
        0);
    assert_int_equal(DW(0), 0);
    /* Inverted: taken. */
    RUN(MI(0x0c, 3 << 6 | 2), bbs, BATCH, 0);
    assert_int_equal(DW(0), 1);
    /* MI_SET_PREDICATE skips everything but its own end. */
    RUN(MI(1, 15), MI_SDI(DATA, 2), MI(1, 0), MI_SDI(DATA + 4, 3));
    assert_int_equal(DW(0), 1);
    assert_int_equal(DW(1), 3);
}

static void semaphore_comparisons(void **state)
{
    struct rig_data *f = *state;

    /* Every comparison that holds for memory 5: > 4, >= 5, < 6, <= 5, == 5, != 4. */
    static const uint32_t data[6] = {4, 5, 6, 5, 5, 4};

    rig_w32(&f->r, f->data + 0x40, 5);
    for (uint32_t op = 0; op < 6; op++)
        RUN(MI(0x1c, 1 << 15 | op << 12 | 2), data[op], DATA + 0x40, 0);
    /* And none that does not: the context waits until the value comes. */
    for (uint32_t op = 0; op < 6; op++) {
        static const uint32_t never[6] = {5, 6, 5, 4, 4, 5}, then[6] = {6, 6, 4, 4, 4, 4};

        rig_w32(&f->r, f->data + 0x40, 5);
        rig_w32(&f->r, f->data, 0);
        RIG_EMIT(&f->r, &f->c, MI_SDI(DATA, 1), MI(0x1c, 1 << 15 | op << 12 | 2), never[op],
                 DATA + 0x40, 0);
        rig_submit(&f->r, ENGINE_RCS, f->c.desc, 0);
        rig_expect(&f->r, ENGINE_RCS, CSB_IDLE_ACTIVE, 0);
        assert_true(rig_wait32(&f->r, f->data, 1));
        assert_true(rig_quiet(&f->r, ENGINE_RCS));
        rig_w32(&f->r, f->data + 0x40, then[op]);
        rig_expect(&f->r, ENGINE_RCS, CSB_DONE, f->c.id);
    }
}

static void batches_nest_and_chain(void **state)
{
    struct rig_data *f = *state;
    uint64_t one = rig_map_new(&f->r, &f->c, BATCH),
             two = rig_map_new(&f->r, &f->c, BATCH + 0x1000);
    uint64_t three = rig_map_new(&f->r, &f->c, BATCH + 0x2000);
    const uint32_t first[] = {
        MI_SDI(DATA, 1),     MI(0x31, 1 << 22 | 0x101), BATCH + 0x1000,       0,
        MI_SDI(DATA + 8, 3), MI_BBS(BATCH + 0x2000),    MI_SDI(DATA + 16, 99)};
    const uint32_t second[] = {MI_SDI(DATA + 4, 2), MI_BBE};
    const uint32_t chained[] = {MI_SDI(DATA + 12, 4), MI_BBE};

    rig_write(&f->r, one, first, sizeof(first) / 4);
    rig_write(&f->r, two, second, 5);
    rig_write(&f->r, three, chained, 5);
    RUN(MI_BBS(BATCH), MI_SDI(DATA + 20, 5));
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(DW(i), i + 1);
    assert_int_equal(DW(4), 0);
    assert_int_equal(DW(5), 5);
    assert_int_equal(rig_stats(&f->r).batches[ENGINE_RCS], 3);
}

static void conditional_end(void **state)
{
    struct rig_data *f = *state;

    rig_w32(&f->r, f->data + 0x40, 5);
    BATCH_RUN(BATCH, MI(0x36, 1 << 21 | 2), 4, DATA + 0x40, 0, MI_SDI(DATA, 1),
              MI(0x36, 1 << 21 | 2), 5, DATA + 0x40, 0, MI_SDI(DATA, 2));
    assert_int_equal(DW(0), 1);
}

static void ring_wraps(void **state)
{
    struct rig_data *f = *state;

    for (uint32_t i = 0; i < 200; i++) {
        RUN(MI_SDI(DATA, i), MI(0x22, 15), 0x2600, i, 0x2608, 0, 0x2610, 0, 0x2618, 0, 0x2620, 0,
            0x2628, 0, 0x2630, 0, 0x2638, 0);
        assert_int_equal(DW(0), i);
    }
    assert_int_equal(rig_stats(&f->r).faults, 0);
}

/* Each is retired by its length: the store behind it happens, and what looks like a store inside
 * its body does not. */
static void lengths(void **state)
{
    static const struct {
        uint32_t header;
        unsigned len;
        enum engine_id engine;
    } cases[] = {
        {0x61010000 | 14, 16, ENGINE_RCS},           /* STATE_BASE_ADDRESS */
        {0x69040000, 1, ENGINE_RCS},                 /* PIPELINE_SELECT */
        {0x680b0000, 1, ENGINE_RCS},                 /* 3DSTATE_VF_STATISTICS */
        {0x79000002, 4, ENGINE_RCS},                 /* 3DSTATE_DRAWING_RECTANGLE */
        {0x78250001, 3, ENGINE_RCS},                 /* 3DSTATE of op 0 */
        {0x79170000 | 0x102, 260, ENGINE_RCS},       /* 3DSTATE_SO_DECL_LIST: 9 bits */
        {0x7b000005 | 1 << 8, 7, ENGINE_RCS},        /* 3DPRIMITIVE, predicated */
        {0x70000000 | 7, 9, ENGINE_RCS},             /* MEDIA_VFE_STATE */
        {0x71050000 | 13 | 1 << 10, 15, ENGINE_RCS}, /* GPGPU_WALKER, indirect */
        {0x68000000, 1, ENGINE_VCS},                 /* MFX_WAIT */
        {0x70000000 | 3, 5, ENGINE_VCS},             /* MFX_PIPE_MODE_SELECT */
        {0x74000000 | 0x20, 34, ENGINE_VECS},
        {MI(0x27, 0x100 - 2), 256, ENGINE_RCS}, /* MI_CLFLUSH: 10 bits */
        {MI(0x19, 0), 2, ENGINE_RCS},           /* MI_URB_CLEAR */
        {MI(0x1b, 0), 2, ENGINE_BCS},           /* MI_SEMAPHORE_SIGNAL */
        {MI(0x03, 0), 1, ENGINE_BCS},
        {MI(0x06, 0), 1, ENGINE_RCS},
        {MI(0x0b, 0), 1, ENGINE_RCS},
        {MI(0x0d, 0), 1, ENGINE_RCS},
        {MI(0x12, 0), 2, ENGINE_BCS}, /* MI_LOAD_SCAN_LINES */
        {0x40c00001, 3, ENGINE_BCS},  /* XY_SETUP_CLIP_BLT */
    };
    struct rig_data *f = *state;

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const uint32_t evil[] = {MI_SDI(DATA + 4, 0xbad)}, good[] = {MI_SDI(DATA, 1 + i)};
        uint32_t dw[300] = {cases[i].header};
        struct rig_ctx c;
        uint64_t data;

        for (unsigned k = 1; k < cases[i].len; k++)
            dw[k] = evil[(k - 1) % 4];
        for (unsigned k = 0; k < 4; k++)
            dw[cases[i].len + k] = good[k];
        rig_context(&f->r, &c, cases[i].engine, 4);
        data = rig_map_new(&f->r, &c, DATA);
        rig_emit(&f->r, &c, dw, cases[i].len + 4);
        rig_run(&f->r, &c);
        assert_int_equal(rig_r32(&f->r, data), 1 + i);
        assert_int_equal(rig_r32(&f->r, data + 4), 0);
    }
    assert_int_equal(rig_stats(&f->r).unknown[ENGINE_RCS], 0);
}

static void malformed_commands_hang(void **state)
{
    static const uint32_t bad[][4] = {
        {MI(0x3f, 0)},                       /* no such opcode */
        {MI(0x1c, 1)},                       /* MI_SEMAPHORE_WAIT of three dwords */
        {MI(0x22, 2), 0x2600},               /* MI_LOAD_REGISTER_IMM with half a pair */
        {MI(0x0a, 0)},                       /* no batch to end */
        {0x7a000003},                        /* PIPE_CONTROL of gen7 length */
        {0x54300004},                        /* a blit on the render engine */
        {0x20000000},                        /* type 1 */
        {MI(0x2f, 9 | 0x3f << 8 | 1 << 18)}, /* no such atomic operation */
        {MI(0x1a, 0), 0xfff00000},           /* no such ALU operation */
        {0x7fff0000},
    };

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct rig_data *f;

        if (i) {
            rig_data_free(state);
            rig_data_new(state);
        }
        f = *state;
        rig_emit(&f->r, &f->c, bad[i], 4);
        rig_submit(&f->r, ENGINE_RCS, f->c.desc, 0);
        rig_expect(&f->r, ENGINE_RCS, CSB_IDLE_ACTIVE, 0);
        assert_true(rig_wait_reg(&f->r, 0x20b0, 1, 1));
        assert_int_equal(engines_mmio_read(f->r.engines, 0x2068), bad[i][0]);
        assert_int_equal(rig_stats(&f->r).unknown[ENGINE_RCS], 1);
        assert_int_equal(rig_r32(&f->r, f->c.image + 5 * 4), 0);
    }
}

static void batch_has_no_privilege(void **state)
{
    struct rig_data *f = *state;
    uint64_t page = rig_page(&f->r);
    uint32_t ggtt = rig_ggtt_map(&f->r, 0, page), gg = MI_GGTT;

    rig_w32(&f->r, page + 0x40, 0x4242);
    BATCH_RUN(
        BATCH, MI(0x20, 2) | gg, ggtt, 0, 1,                               /* store */
        MI(0x24, 2) | gg, 0x2600, ggtt + 4, 0,                             /* store register */
        MI(0x29, 2) | gg, 0x2618, ggtt + 0x40, 0,                          /* load register */
        MI(0x2e, 3) | gg, DATA + 4, 0, ggtt + 0x40, 0,                     /* read by copy */
        MI(0x2e, 3) | 1 << 21, ggtt + 8, 0, DATA, 0,                       /* write by copy */
        MI(0x2f, 1) | gg | 5 << 8, ggtt + 12, 0,                           /* atomic */
        MI(0x21, 1), 0x100, 0xbad,                                         /* global status page */
        MI(0x23, 2), ggtt, 0, 0, 0,                                        /* MI_UPDATE_GTT */
        0x7a000004, 1 << 14 | 1 << 24, ggtt + 16, 0, 1, 1,                 /* PIPE_CONTROL */
        0x7a000004, 1 << 14 | 1 << 21 | 1 << 24, 0x104, 0, 1, 1, MI(8, 0), /* arbitration off */
        MI_LRI1(0x9400, 6), MI_LRI1(0x2080, 0), /* privileged registers */
        MI_LRI1(0x2600, 7), MI_SRM(0x2600, DATA), MI_SRM(0x2080, DATA + 8), MI_SDI(DATA + 12, 5));
    assert_int_equal(DW(2), engines_mmio_read(f->r.engines, 0x2080)); /* reading is free */
    assert_int_equal(rig_r32(&f->r, page), 0);
    assert_int_equal(rig_r32(&f->r, page + 4), 0);
    assert_int_equal(rig_r32(&f->r, page + 8), 0);
    assert_int_equal(rig_r32(&f->r, page + 12), 0);
    assert_int_equal(rig_r32(&f->r, page + 16), 0);
    assert_int_equal(rig_r32(&f->r, f->r.hwsp[ENGINE_RCS] + 0x100), 0);
    assert_int_equal(rig_r32(&f->r, f->r.hwsp[ENGINE_RCS] + 0x104), 0);
    assert_int_equal(atomic_load(&f->r.reg[0x9400 / 4]), 0);
    assert_int_not_equal(engines_mmio_read(f->r.engines, 0x2080), 0);
    assert_true(engines_gtt_read(f->r.engines, ggtt / 4096 * 8, 8) == (page | 1));
    assert_int_equal(engines_mmio_read(f->r.engines, 0x2618), 0);
    assert_int_equal(DW(0), 7); /* user registers work */
    assert_int_equal(DW(1), 0);
    assert_int_equal(DW(3), 5);
}

static void global_batch_is_privileged(void **state)
{
    struct rig_data *f = *state;
    uint64_t page = rig_page(&f->r);
    uint32_t ggtt = rig_ggtt_map(&f->r, 0, page);
    const uint32_t dw[] = {MI(0x20, 2) | MI_GGTT, ggtt + 0x100, 0, 1, MI_LRI1(0x9400, 6), MI_BBE};

    rig_write(&f->r, page, dw, sizeof(dw) / 4);
    RUN(MI(0x31, 1), ggtt, 0);
    assert_int_equal(rig_r32(&f->r, page + 0x100), 1);
    assert_int_equal(atomic_load(&f->r.reg[0x9400 / 4]), 6);
}

/* A batch without privilege cannot start one with it: the address is taken as its own space's. */
static void privilege_is_not_regained(void **state)
{
    struct rig_data *f = *state;
    uint64_t page = rig_page(&f->r), own = rig_map_new(&f->r, &f->c, BATCH + 0x1000);
    const uint32_t evil[] = {MI_LRI1(0x9400, 6), MI_BBE}, fine[] = {MI_SDI(DATA, 3), MI_BBE};

    rig_ggtt_map(&f->r, BATCH + 0x1000, page);
    rig_write(&f->r, page, evil, 4);
    rig_write(&f->r, own, fine, 5);
    BATCH_RUN(BATCH, MI(0x31, 1), BATCH + 0x1000, 0);
    assert_int_equal(atomic_load(&f->r.reg[0x9400 / 4]), 0);
    assert_int_equal(DW(0), 3);
}

static void force_to_nonpriv_opens_a_register(void **state)
{
    struct rig_data *f = *state;

    engines_mmio_write(f->r.engines, 0x24d4, 0x9400);
    BATCH_RUN(BATCH, MI_LRI1(0x9400, 6), MI_LRI1(0x9404, 7), MI_SRM(0x9400, DATA));
    assert_int_equal(atomic_load(&f->r.reg[0x9400 / 4]), 6);
    assert_int_equal(atomic_load(&f->r.reg[0x9404 / 4]), 0);
    assert_int_equal(DW(0), 6);
}

#define T(f) cmocka_unit_test_setup_teardown(f, rig_data_new, rig_data_free)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(store_data_imm),
        T(store_data_index),
        T(register_moves),
        T(copy_mem_mem),
        T(flush_dw),
        T(pipe_control),
        T(math),
        T(atomics),
        T(predicated_batches),
        T(semaphore_comparisons),
        T(batches_nest_and_chain),
        T(conditional_end),
        T(ring_wraps),
        T(lengths),
        T(malformed_commands_hang),
        T(batch_has_no_privilege),
        T(global_batch_is_privileged),
        T(privilege_is_not_regained),
        T(force_to_nonpriv_opens_a_register),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
