/* SPDX-License-Identifier: MIT */
/*
 * softgpu_ring_cmd_test.c: Haswell's commands: what each leaves in memory and registers, how long
 * they are, batches and their levels, and MI_SET_CONTEXT.
 */
#include "tests/unit/softgpu_ring_rig.h"

#include "softgpu/cs.h"
#include "softgpu/engine_priv.h"

#define DATA   RIG_DATA
#define BATCH  0x50000000u
#define BATCH2 0x50001000u

#define RUN(...) RIG_RUN(&f->r, &f->c, __VA_ARGS__)
#define DW(n)    rig_r32(&f->r, f->data + 4 * (n))

static void put(struct rig_data *f, uint32_t addr, const uint32_t *dw, unsigned n)
{
    rig_write(&f->r, rig_map_new(&f->r, &f->c, addr), dw, n);
}

#define PUT(addr, ...)                                                                             \
    do {                                                                                           \
        const uint32_t p_[] = {__VA_ARGS__};                                                       \
        put(f, (addr), p_, sizeof(p_) / 4);                                                        \
    } while (0)

static uint32_t global_page(struct rig_data *f, uint64_t *page)
{
    uint32_t at;

    *page = rig_page(&f->r);
    at = rig_ggtt_map(&f->r, 0, *page);
    engines_ggtt_flush(f->r.engines);
    return at;
}

static void stores(void **state)
{
    struct rig_data *f = *state;
    uint64_t page;
    uint32_t at = global_page(f, &page);

    RUN(MI7_SDI(DATA, 1), MI(0x20, 3), 0, DATA + 8, 2, 3, /* a qword */
        MI7_SDI_GGTT(at, 4), MI(0x21, 1), 0x100, 5, MI(0x21, 2), 0x108, 6, 7, MI(0x21, 1 << 21 | 1),
        0x110, 8, MI(0x07, 0));
    assert_int_equal(DW(0), 1);
    assert_int_equal(DW(2), 2);
    assert_int_equal(DW(3), 3);
    assert_int_equal(rig_r32(&f->r, page), 4);
    assert_int_equal(rig_r32(&f->r, f->r.hwsp[ENGINE_RCS] + 0x100), 5);
    assert_int_equal(rig_r32(&f->r, f->r.hwsp[ENGINE_RCS] + 0x108), 6);
    assert_int_equal(rig_r32(&f->r, f->r.hwsp[ENGINE_RCS] + 0x10c), 7);
    assert_int_equal(rig_r32(&f->r, f->r.hwsp[ENGINE_RCS] + 0x110), 8);     /* there is no other */
    assert_int_equal(rig_r32(&f->r, f->r.hwsp[ENGINE_RCS] + 0x10), 23 * 4); /* REPORT_HEAD */
}

static void register_moves(void **state)
{
    struct rig_data *f = *state;
    uint64_t page;
    uint32_t at = global_page(f, &page);

    rig_w32(&f->r, f->data + 0x40, 0x5555);
    RUN(MI(0x22, 3), 0x2600, 0x77, 0x2604, 0x88, MI(0x2a, 1), 0x2600, 0x2610,
        MI7_LRM(0x2618, DATA + 0x40), MI7_SRM(0x2604, DATA), MI7_SRM(0x2618, DATA + 8),
        MI(0x24, MI_GGTT | 1), 0x2610, at, MI(0x29, MI_GGTT | 1), 0x2620, at, MI_LRI1(0x9400, 6),
        MI7_SRM(0x2620, DATA + 12));
    assert_int_equal(DW(0), 0x88);
    assert_int_equal(DW(2), 0x5555);
    assert_int_equal(rig_r32(&f->r, page), 0x77);
    assert_int_equal(DW(3), 0x77);
    assert_int_equal(atomic_load(&f->r.reg[0x9400 / 4]), 6);
}

/* Predicates: HSW keeps RESULT_2 elsewhere than Broadwell. */
static void predicates(void **state)
{
    struct rig_data *f = *state;

    RUN(MI_LRI1(0x2400, 5), MI_LRI1(0x2408, 5), MI(0x0c, 2 << 6 | 2), /* 5 == 5 */
        MI(0x24, 1 << 21 | 1), 0x2400, DATA, MI_LRI1(0x2408, 6), MI(0x0c, 2 << 6 | 2),
        MI(0x24, 1 << 21 | 1), 0x2400, DATA + 4, MI_LRI1(0x2214, 0), MI(0x01, 1),
        MI7_SDI(DATA + 8, 1), MI(0x01, 0), MI_LRI1(0x2214, 1), MI(0x01, 1), MI7_SDI(DATA + 12, 1),
        MI(0x01, 0));
    assert_int_equal(DW(0), 5);
    assert_int_equal(DW(1), 0);
    assert_int_equal(DW(2), 0);
    assert_int_equal(DW(3), 1);
}

static void math(void **state)
{
    struct rig_data *f = *state;

    RUN(MI_LRI1(0x2600, 40), MI_LRI1(0x2608, 2), MI(0x1a, 3), 0x08008000, 0x08008401, 0x10000000,
        0x18000831, MI7_SRM(0x2610, DATA));
    assert_int_equal(DW(0), 42);
}

static void flush_dw(void **state)
{
    struct rig_data *f = *state;
    struct rig_ctx c;
    uint64_t data, page;
    uint32_t at = global_page(f, &page);

    rig_context(&f->r, &c, ENGINE_VCS, 0);
    data = rig_map_new(&f->r, &c, DATA);
    rig_w32(&f->r, data + 4, 0xff);
    RIG_RUN(&f->r, &c, MI(0x26, 1 << 14 | 1 << 7 | 1), DATA, 0x1234, /* a dword */
            MI(0x26, 1 << 14 | 2), DATA + 8, 0x11, 0x22,             /* a qword */
            MI(0x26, 3 << 14 | 1), DATA + 16, 0,                     /* timestamp */
            MI(0x26, 1 << 14 | 1), at | 4, 0x33,                     /* global */
            MI(0x26, 1 << 21 | 1 << 14 | 1), 0x100 | 4, 0x44,        /* status page */
            MI(0x26, 1 << 8 | 1), 0, 0);
    assert_int_equal(rig_r32(&f->r, data), 0x1234);
    assert_int_equal(rig_r32(&f->r, data + 4), 0xff);
    assert_true(rig_r64(&f->r, data + 8) == 0x2200000011ull);
    assert_true(rig_r64(&f->r, data + 16) > 0);
    assert_int_equal(rig_r32(&f->r, page), 0x33);
    assert_int_equal(rig_r32(&f->r, f->r.hwsp[ENGINE_VCS] + 0x100), 0x44);
    assert_true(atomic_load(&f->r.raised[ENGINE_VCS]) & ENGINE_EVENT_PIPECTL);
}

static void pipe_control(void **state)
{
    struct rig_data *f = *state;
    uint64_t page;
    uint32_t at = global_page(f, &page);

    rig_w32(&f->r, f->data + 16, 0xff);
    RUN(0x7a000003, 1 << 14 | 1 << 20, DATA, 0x1234, 0x5678, /* five dwords */
        0x7a000002, 3 << 14, DATA + 8, 0,                    /* timestamp */
        0x7a000002, 2 << 14, DATA + 16, 7,                   /* depth count */
        0x7a000002, 1 << 14 | 1 << 24, at, 0x99,             /* global */
        0x7a000002, 1 << 14 | 1 << 21 | 1 << 24 | 1 << 8, 0x200, 0x66);
    assert_true(rig_r64(&f->r, f->data) == 0x567800001234ull);
    assert_true(rig_r64(&f->r, f->data + 8) > 0);
    assert_int_equal(DW(4), 0);
    assert_true(rig_r64(&f->r, page) == 0x99);
    assert_int_equal(rig_r32(&f->r, f->r.hwsp[ENGINE_RCS] + 0x200), 0x66);
    assert_true(atomic_load(&f->r.raised[ENGINE_RCS]) & ENGINE_EVENT_PIPECTL);
}

/* --- batches --- */

static void batches_have_levels(void **state)
{
    struct rig_data *f = *state;

    PUT(BATCH, MI7_SDI(DATA, 1), MI(0x31, 1 << 22 | 1 << 13 | 1 << 8), BATCH2, MI7_SDI(DATA + 8, 3),
        MI_BBE);
    PUT(BATCH2, MI7_SDI(DATA + 4, 2), MI_BBE);
    RUN(MI7_BBS(BATCH), MI7_SDI(DATA + 12, 4));
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(DW(i), i + 1);
    assert_int_equal(rig_stats(&f->r).batches[ENGINE_RCS], 2);
    assert_int_equal(engines_mmio_read(f->r.engines, 0x2140), BATCH2 | 1);
}

static void batch_is_chained(void **state)
{
    struct rig_data *f = *state;

    PUT(BATCH, MI7_SDI(DATA, 1), MI7_BBS(BATCH2), MI7_SDI(DATA + 8, 3), MI_BBE);
    PUT(BATCH2, MI7_SDI(DATA + 4, 2), MI_BBE);
    RUN(MI7_BBS(BATCH), MI7_SDI(DATA + 12, 4));
    assert_int_equal(DW(0), 1);
    assert_int_equal(DW(1), 2);
    assert_int_equal(DW(2), 0);
    assert_int_equal(DW(3), 4);
}

static void conditional_end(void **state)
{
    struct rig_data *f = *state;

    rig_w32(&f->r, f->data + 0x40, 5);
    PUT(BATCH, MI(0x36, 1 << 21 | 1), 4, DATA + 0x40, MI7_SDI(DATA, 1), MI(0x36, 1 << 21 | 1), 5,
        DATA + 0x40, MI7_SDI(DATA + 4, 1), MI_BBE);
    RUN(MI7_BBS(BATCH));
    assert_int_equal(DW(0), 1);
    assert_int_equal(DW(1), 0);
}

/* Opcode, dwords, engine; each is followed by a store that must be found. */
static void commands_are_retired_by_length(void **state)
{
    static const struct {
        uint32_t header, len;
    } retired[] = {
        {MI(0x04, 0), 1}, {MI(0x06, 1), 1}, {MI(0x0d, 0), 1}, {MI(0x0e, 0), 1}, {MI(0x27, 1), 3},
        {MI(0x2b, 2), 4}, {MI(0x2c, 1), 3}, {MI(0x2d, 1), 3}, {0x69040000, 1},  {0x680b0000, 1},
        {0x61010008, 10}, {0x70000006, 8},  {0x70020002, 4},  {0x71000004, 6},  {0x71040100 | 6, 8},
        {0x71050009, 11}, {0x78010005, 7},  {0x7b000005, 7},  {0x79170007, 9},  {0x7839007f, 129},
    };
    struct rig_data *f = *state;

    for (uint32_t i = 0; i < sizeof(retired) / sizeof(retired[0]); i++) {
        uint32_t dw[140] = {retired[i].header};

        for (uint32_t k = 1; k < retired[i].len; k++)
            dw[k] = MI(0x3f, 0); /* would hang as a command */
        dw[retired[i].len] = MI(0x20, 2);
        dw[retired[i].len + 2] = DATA;
        dw[retired[i].len + 3] = i + 1;
        rig_emit(&f->r, &f->c, dw, retired[i].len + 4);
        rig_run(&f->r, &f->c);
        assert_int_equal(DW(0), i + 1);
    }
}

/* What only Broadwell has, and what only other engines have. */
static void strange_commands_hang(void **state)
{
    static const struct {
        uint32_t header;
        uint8_t engine;
    } strange[] = {
        {MI(0x1c, 2), ENGINE_RCS}, {MI(0x1b, 0), ENGINE_RCS},    {MI(0x2e, 3), ENGINE_RCS},
        {MI(0x2f, 1), ENGINE_RCS}, {MI(0x31, 1), ENGINE_RCS},    {MI(0x26, 1), ENGINE_RCS},
        {MI(0x18, 0), ENGINE_BCS}, {MI(0x1a, 0), ENGINE_VCS},    {MI(0x2a, 1), ENGINE_BCS},
        {0x7a000004, ENGINE_RCS},  {0x7a000002, ENGINE_VECS},    {MI(0x24, 2), ENGINE_BCS},
        {MI(0x14, 1), ENGINE_VCS}, {0x50000000 | 5, ENGINE_RCS},
    };
    struct rig_data *f = *state;

    for (unsigned i = 0; i < sizeof(strange) / sizeof(strange[0]); i++)
        assert_int_equal(cs_length(&f->r.engines->engine[strange[i].engine], strange[i].header), 0);
}

/* --- contexts --- */

struct image {
    uint64_t page;
    uint32_t at;
};

/* Seventeen pages in a row, of which the first is looked at. */
static void image_make(struct rig_data *f, struct image *m)
{
    m->page = rig_page(&f->r);
    m->at = rig_ggtt_map(&f->r, 0, m->page);
    for (unsigned i = 1; i < 17; i++)
        rig_ggtt_map(&f->r, 0, rig_page(&f->r));
    engines_ggtt_flush(f->r.engines);
}

#define SET(m, flags) MI(0x18, 0), (m).at | 1 << 8 | (flags)
#define INHIBIT       1
#define FORCE         2
#define STREAMER      (4 | 8)

/* Registers inside and outside of the engine's block, one of them masked. */
static void contexts_keep_their_registers(void **state)
{
    static const uint32_t regs[] = {0x2310, 0x2400, 0x2440, 0x2508, 0x2600, 0x267c, 0x5208, 0x528c};
    struct rig_data *f = *state;
    struct image a, b;

    image_make(f, &a);
    image_make(f, &b);
    RUN(SET(a, INHIBIT));
    assert_int_equal(engines_mmio_read(f->r.engines, 0x2180) & ~0xfffu, a.at);
    assert_int_equal(engines_mmio_read(f->r.engines, 0x2180) & 1, 1);
    for (unsigned i = 0; i < 8; i++)
        RUN(MI_LRI1(regs[i], 0xa0 + i));
    RUN(MI_LRI1(0x20c0, 0x00800080), SET(b, INHIBIT));
    for (unsigned i = 0; i < 8; i++)
        RUN(MI7_SRM(regs[i], DATA + 4 * i), MI_LRI1(regs[i], 0xb0 + i));
    assert_int_equal(DW(3), 0xa3); /* nothing was loaded */
    RUN(MI_LRI1(0x20c0, 0x00800000), SET(a, 0));
    for (unsigned i = 0; i < 8; i++)
        RUN(MI7_SRM(regs[i], DATA + 4 * i));
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(DW(i), 0xa0 + i);
    assert_int_equal(engines_mmio_read(f->r.engines, 0x20c0), 0x80);
    RUN(SET(b, 0));
    for (unsigned i = 0; i < 8; i++)
        RUN(MI7_SRM(regs[i], DATA + 4 * i));
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(DW(i), 0xb0 + i);
    assert_int_equal(engines_mmio_read(f->r.engines, 0x20c0), 0);
    RUN(MI_LRI1(0x2600, 0xcc), SET(a, INHIBIT), MI7_SRM(0x2600, DATA));
    assert_int_equal(DW(0), 0xcc); /* although there is an image to be loaded */
    assert_int_equal(rig_stats(&f->r).contexts[ENGINE_RCS], 5);
}

/* An image is a list of register loads, as hardware leaves it and as software may write it. */
static void image_is_a_list(void **state)
{
    struct rig_data *f = *state;
    struct image a, b;

    image_make(f, &a);
    image_make(f, &b);
    RUN(SET(a, INHIBIT), MI_LRI1(0x2600, 0x1234), SET(b, INHIBIT));
    assert_int_equal(rig_r32(&f->r, a.page + 4), 0x11000001);
    assert_int_equal(rig_r32(&f->r, a.page + 8), 0x20c0);
    for (unsigned i = 0; i < 512; i++) {
        if (rig_r32(&f->r, a.page + i * 4) == 0x2600)
            rig_w32(&f->r, a.page + i * 4 + 4, 0x4321);
    }
    RUN(SET(a, 0), MI7_SRM(0x2600, DATA));
    assert_int_equal(DW(0), 0x4321);
}

/* To the context that is there already: nothing, unless forced. */
static void same_context_is_loaded_when_forced(void **state)
{
    struct rig_data *f = *state;
    struct image a, b;

    image_make(f, &a);
    image_make(f, &b);
    RUN(SET(a, INHIBIT), MI_LRI1(0x2600, 1), SET(b, INHIBIT), SET(a, 0), MI_LRI1(0x2600, 2),
        SET(a, 0), MI7_SRM(0x2600, DATA), SET(a, FORCE), MI7_SRM(0x2600, DATA + 4));
    assert_int_equal(DW(0), 2);
    assert_int_equal(DW(1), 1);
}

/* The resource streamer's registers go along only when asked to, at either end. */
static void streamer_state_is_extra(void **state)
{
    struct rig_data *f = *state;
    struct image a, b;

    image_make(f, &a);
    image_make(f, &b);
    RUN(SET(a, INHIBIT | STREAMER), MI_LRI1(0x2480, 1), SET(b, INHIBIT), MI_LRI1(0x2480, 2),
        SET(a, 0), MI7_SRM(0x2480, DATA), SET(b, 0), MI7_SRM(0x2480, DATA + 4), SET(a, STREAMER),
        MI7_SRM(0x2480, DATA + 8));
    assert_int_equal(DW(0), 2); /* was in the image, not loaded; the image no longer has it */
    assert_int_equal(DW(1), 2);
    assert_int_equal(DW(2), 2);
    RUN(MI_LRI1(0x2480, 5), SET(b, STREAMER), MI_LRI1(0x2480, 6), SET(a, STREAMER),
        MI7_SRM(0x2480, DATA));
    assert_int_equal(DW(0), 5);
}

/* A new context may be another domain's; within one, two domains are a violation. */
static void new_context_is_judged_anew(void **state)
{
    struct rig_data *f = *state;
    uint64_t mine = rig_page(&f->r), other = rig_page(&f->r), end = 0x2000;
    uint32_t at = rig_ggtt_map(&f->r, 0, mine), at2 = rig_ggtt_map(&f->r, 0, other);
    struct image a, b;

    image_make(f, &a);
    image_make(f, &b);
    judge_begin(f->r.judge);
    judge_add(f->r.judge, 0, mine / 4096, JUDGE_DOM_STUB);
    judge_add(f->r.judge, mine / 4096, 1, 5);
    judge_add(f->r.judge, other / 4096, 1, 6);
    judge_add(f->r.judge, other / 4096 + 1, end - other / 4096 - 1, JUDGE_DOM_STUB);
    assert_int_equal(judge_commit(f->r.judge), 0);
    RUN(SET(a, INHIBIT), MI7_SDI_GGTT(at, 1), SET(b, INHIBIT), MI7_SDI_GGTT(at2, 1), SET(a, 0),
        MI7_SDI_GGTT(at, 2));
    assert_int_equal(judge_violations(f->r.judge), 0);
    RUN(MI7_SDI_GGTT(at2, 3));
    assert_int_equal(judge_violations(f->r.judge), 1);
}

static void reset_forgets_the_context(void **state)
{
    struct rig_data *f = *state;
    struct image a, b;

    image_make(f, &a);
    image_make(f, &b);
    RUN(SET(a, INHIBIT), MI_LRI1(0x2600, 7));
    engines_mmio_write(f->r.engines, 0x941c, 2);
    assert_true(rig_wait_reg(&f->r, 0x941c, 2, 0));
    assert_int_equal(engines_mmio_read(f->r.engines, 0x2180), 0);
    ring_rig_restart(&f->r, &f->c);
    RUN(SET(b, INHIBIT));
    assert_int_equal(rig_r32(&f->r, a.page + 4), 0); /* never saved */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rig_data_new_haswell, rig_data_free)
    const struct CMUnitTest tests[] = {
        T(stores),
        T(register_moves),
        T(predicates),
        T(math),
        T(flush_dw),
        T(pipe_control),
        T(batches_have_levels),
        T(batch_is_chained),
        T(conditional_end),
        T(commands_are_retired_by_length),
        T(strange_commands_hang),
        T(contexts_keep_their_registers),
        T(image_is_a_list),
        T(same_context_is_loaded_when_forced),
        T(streamer_state_is_extra),
        T(new_context_is_judged_anew),
        T(reset_forgets_the_context),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
