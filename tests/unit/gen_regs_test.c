/* SPDX-License-Identifier: MIT */
/*
 * Register policies of both generations: every register of the two lists in tests/unit/data has
 * one, rows do not overlap, and the registers today's driver depends on have the policy it depends
 * on. One thread; reads its lists from the tree it is started in.
 */
#include "gen/irq_gen7.h"
#include "gen/irq_gen8.h"
#include "gen/regs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Of the generation under test. */
static uint16_t table[REGS_DWORDS];
static const struct regs_table *regs;

static const struct reg_policy *policy(uint32_t offset)
{
    return regs_policy(regs, table[offset / 4]);
}

static unsigned check_list(const char *path, unsigned columns)
{
    FILE *f = fopen(path, "r");
    char line[200];
    unsigned n = 0;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        unsigned offset, size = 4;

        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%x %u", &offset, &size), columns);
        for (unsigned o = offset; o < offset + size; o += 4) {
            if (!table[o / 4])
                print_error("no policy for 0x%06x of %s\n", o, path);
            assert_int_not_equal(table[o / 4], 0);
        }
        n++;
    }
    fclose(f);
    return n;
}

static void every_listed_register8(void **state)
{
    (void)state;
    assert_true(check_list("tests/unit/data/gen8_regs_policy.txt", 2) > 700);
    assert_true(check_list("tests/unit/data/gen8_regs_driver.txt", 1) > 330);
}

static void every_listed_register7(void **state)
{
    (void)state;
    assert_true(check_list("tests/unit/data/gen7_regs_policy.txt", 2) > 680);
    assert_true(check_list("tests/unit/data/gen7_regs_driver.txt", 1) > 330);
}

/* Each dword has the row that it is in, of two the smaller one; none has two of a size. */
static void rows_are_disjoint(void **state)
{
    static uint8_t rows[2][REGS_DWORDS];

    (void)state;
    memset(rows, 0, sizeof(rows));
    for (uint16_t i = 1; i < regs->count; i++) {
        const struct reg_policy *p = regs_policy(regs, i);

        assert_true(p->size > 0 && p->offset + p->size <= REGS_SPACE);
        assert_true(p->read < REGS_EFFECT_COUNT && p->write < REGS_EFFECT_COUNT);
        assert_true(strlen(p->name) > 0);
        for (uint32_t o = p->offset / 4; o <= (p->offset + p->size - 1) / 4; o++) {
            if (rows[p->size > 64][o]++)
                print_error("two rows have 0x%06x\n", 4 * o);
            assert_int_equal(rows[p->size > 64][o], 1);
            assert_true(p->size > 64 || table[o] == i);
            assert_true(policy(4 * o)->size <= p->size);
        }
    }
    assert_int_equal(policy(0x1ffffc - 0x40000)->cls, REG_UNTRACKED);
    assert_string_equal(regs_name(regs, 0x1bfffc), "?");
}

/* By offset in each of the two files they come from. */
static void rows_are_sorted(void **state)
{
    unsigned falls = 0;

    (void)state;
    for (uint16_t i = 2; i < regs->count; i++)
        falls += regs->rows[i].offset <= regs->rows[i - 1].offset;
    assert_int_equal(falls, 1);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(regs_name(&regs_gen8, 0x2030), "RING_TAIL(RCS)");
    assert_string_equal(regs_name(&regs_gen8, 0x22230), "RING_ELSP(BCS)");
    assert_string_equal(regs_name(&regs_gen7, 0x22230), "?");
    assert_string_equal(regs_name(&regs_gen7, 0x22228), "RING_PP_DIR_BASE(BCS)");
    assert_string_equal(regs_name(&regs_gen7, 0x4401c), "GTIER");
    assert_string_equal(regs_name(&regs_gen8, 0x7019c), "DSPSURF(A)");
    assert_string_equal(regs_name(&regs_gen7, 0x7019c), "DSPSURF(A)");
    assert_string_equal(regs_name(&regs_gen8, 0x10000c), "FENCE_REG_GEN6[1].hi");
    assert_string_equal(regs_name(&regs_gen8, 0x145998), "GEN6_RP_STATE_CAP");
    assert_string_equal(regs_name(&regs_gen8, 0x145994), "MCHBAR_MIRROR");
    assert_string_equal(regs_effect_name(REGS_ELSP), "ELSP");
    assert_string_equal(regs_effect_name(REGS_CCID), "CCID");
    assert_string_equal(regs_effect_name(REGS_EFFECT_COUNT), "?");
}

struct wanted {
    uint32_t offset;
    uint8_t cls, read, write;
    uint32_t reset;
};

static const struct wanted wanted8[] = {
    {0x2030, REG_RING, REGS_NONE, REGS_RING_TAIL, 0},
    {0x1a230, REG_RING, REGS_NONE, REGS_ELSP, 0},
    {0x123a0, REG_MASKED16, REGS_NONE, REGS_CSB_PTR, 0x707},
    {0x2370, REG_RING, REGS_CSB, REGS_NONE, 0},
    {0x2390 + 12, REG_RING, REGS_CSB, REGS_NONE, 0},
    {0x22080, REG_RING, REGS_NONE, REGS_HWS_PGA, 0},
    {0x209c, REG_MASKED16, REGS_NONE, REGS_MI_MODE, 0x200},
    {0x20d0, REG_MASKED16, REGS_NONE, REGS_RESET_CTL, 0},
    {0x20a8, REG_IRQ, REGS_NONE, REGS_RING_IMR, 0xffffffff},
    {0x2358, REG_RO, REGS_TIMESTAMP, REGS_NONE, 0},
    {0x4260, REG_VREG, REGS_NONE, REGS_TLB_INVALIDATE, 0},
    {0x4270, REG_VREG, REGS_NONE, REGS_TLB_INVALIDATE, 0},
    {0x941c, REG_VREG, REGS_NONE, REGS_GDRST, 0},
    {0xa188, REG_MASKED16, REGS_NONE, REGS_FORCEWAKE, 0},
    {0x130044, REG_RO, REGS_FORCEWAKE_ACK, REGS_NONE, 0},
    {0x44200, REG_IRQ, REGS_IRQ_MASTER, REGS_IRQ_MASTER, 0},
    {0x101008, REG_VREG, REGS_NONE, REGS_GFX_FLUSH, 0},
    {0x100000, REG_FENCE, REGS_FENCE, REGS_FENCE, 0},
    {0x1000fc, REG_FENCE, REGS_FENCE, REGS_FENCE, 0},
    {0x78000, REG_PVINFO, REGS_PVINFO, REGS_PVINFO, 0},
    {0x78ffc, REG_PVINFO, REGS_PVINFO, REGS_PVINFO, 0},
    {0x70008, REG_DISPLAY, REGS_NONE, REGS_PIPECONF, 0},
    {0x7f008, REG_DISPLAY, REGS_NONE, REGS_PIPECONF, 0},
    {0x70000, REG_RO, REGS_PIPEDSL, REGS_NONE, 0},
    {0x71040, REG_RO, REGS_FRMCOUNT, REGS_NONE, 0},
    {0x7019c, REG_DISPLAY, REGS_NONE, REGS_DSPSURF, 0},
    {0x64100, REG_DISPLAY, REGS_NONE, REGS_DDI_BUF, 0x80},
    {0x130040, REG_DISPLAY, REGS_NONE, REGS_LCPLL, 0x40000000},
    {0xc5108, REG_DISPLAY, REGS_GMBUS, REGS_GMBUS, 0x800},
    {0xe4110, REG_DISPLAY, REGS_NONE, REGS_AUX, 0},
    {0xe4124, REG_DISPLAY, REGS_AUX, REGS_NONE, 0},
    {0xc6008, REG_DISPLAY, REGS_NONE, REGS_SBI, 0},
    {0x138124, REG_VREG, REGS_NONE, REGS_PCODE, 0},
    {0x45404, REG_VREG, REGS_NONE, REGS_POWER_WELL, 0},
    {0xc2014, REG_CONST, REGS_NONE, REGS_NONE, 0x44},
    {0x9120, REG_CONST, REGS_NONE, REGS_NONE, 0x02000000},
    {0xe6e1c, REG_CONST, REGS_NONE, REGS_NONE, 0x2f << 16},
    {0x7008c, REG_IGNORED, REGS_NONE, REGS_NONE, 0},
};

static const struct wanted wanted7[] = {
    {0x2030, REG_RING, REGS_NONE, REGS_RING_TAIL, 0},
    {0x1a03c, REG_RING, REGS_NONE, REGS_RING_CTL, 0},
    {0x4080, REG_RING, REGS_NONE, REGS_HWS_PGA, 0},
    {0x4380, REG_RING, REGS_NONE, REGS_HWS_PGA, 0},
    {0x1a080, REG_VREG, REGS_NONE, REGS_NONE, 0},
    {0x2180, REG_RING, REGS_NONE, REGS_CCID, 0},
    {0x12220, REG_RING, REGS_NONE, REGS_PP_DIR_DCLV, 0},
    {0x1a228, REG_RING, REGS_NONE, REGS_PP_DIR_BASE, 0},
    {0x2518, REG_RO, REGS_PP_DIR_BASE, REGS_NONE, 0},
    {0x2074, REG_RO, REGS_NONE, REGS_NONE, 0},
    {0x2209c, REG_MASKED16, REGS_NONE, REGS_MI_MODE, 0x200},
    {0x20a8, REG_IRQ, REGS_NONE, REGS_RING_IMR, 0xffffffff},
    {0x2358, REG_RO, REGS_TIMESTAMP, REGS_NONE, 0},
    {0x44014, REG_IRQ, REGS_IRQ_IMR, REGS_IRQ_IMR, 0xffffffff},
    {0x44028, REG_IRQ, REGS_IRQ_IIR, REGS_IRQ_IIR, 0},
    {0xc4008, REG_IRQ, REGS_IRQ_IIR, REGS_IRQ_IIR, 0},
    {0x44040, REG_W1C, REGS_ERR_INT, REGS_ERR_INT, 0},
    {0x941c, REG_VREG, REGS_NONE, REGS_GDRST, 0},
    {0xa188, REG_MASKED16, REGS_NONE, REGS_FORCEWAKE, 0},
    {0x120000, REG_W1C, REGS_NONE, REGS_NONE, 0},
    {0x120008, REG_RO, REGS_NONE, REGS_NONE, 0x3f},
    {0x911c, REG_CONST, REGS_NONE, REGS_NONE, 0},
    {0x9120, REG_CONST, REGS_NONE, REGS_NONE, 0},
    {0x101008, REG_VREG, REGS_NONE, REGS_GFX_FLUSH, 0},
    {0x1000fc, REG_FENCE, REGS_FENCE, REGS_FENCE, 0},
    {0x78000, REG_PVINFO, REGS_PVINFO, REGS_PVINFO, 0},
    {0x70008, REG_DISPLAY, REGS_NONE, REGS_PIPECONF, 0},
    {0x130040, REG_DISPLAY, REGS_NONE, REGS_LCPLL, 0x40000000},
    {0xc6204, REG_DISPLAY, REGS_NONE, REGS_NONE, 0x7d},
    {0xc2014, REG_CONST, REGS_NONE, REGS_NONE, 0x44},
    {0x2230, REG_UNTRACKED, REGS_NONE, REGS_NONE, 0},
    {0x44200, REG_UNTRACKED, REGS_NONE, REGS_NONE, 0},
    {0x1c030, REG_UNTRACKED, REGS_NONE, REGS_NONE, 0},
};

static void check_wanted(const struct wanted *wanted, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct reg_policy *p = policy(wanted[i].offset);

        if (p->cls != wanted[i].cls || p->read != wanted[i].read || p->write != wanted[i].write)
            print_error("0x%06x %s\n", wanted[i].offset, p->name);
        assert_int_equal(p->cls, wanted[i].cls);
        assert_int_equal(p->read, wanted[i].read);
        assert_int_equal(p->write, wanted[i].write);
        assert_int_equal(p->reset, wanted[i].reset);
    }
}

static void load_bearing_registers8(void **state)
{
    (void)state;
    check_wanted(wanted8, sizeof(wanted8) / sizeof(wanted8[0]));
}

static void load_bearing_registers7(void **state)
{
    (void)state;
    check_wanted(wanted7, sizeof(wanted7) / sizeof(wanted7[0]));
}

static bool in_model(uint32_t offset, enum irq_reg *reg)
{
    enum irq_gen7_bank bank7;
    enum irq_gen8_bank bank8;

    return regs == &regs_gen7 ? irq_gen7_find(offset, &bank7, reg)
                              : irq_gen8_find(offset, &bank8, reg);
}

/* The interrupt model and the policies name the same registers. */
static void interrupt_registers(void **state)
{
    (void)state;
    for (uint32_t o = 0; o < REGS_SPACE; o += 4) {
        const struct reg_policy *p = policy(o);
        enum irq_reg reg;
        bool found = in_model(o, &reg);

        assert_int_equal(found, p->write >= REGS_IRQ_ISR && p->write <= REGS_IRQ_IER);
        if (found)
            assert_int_equal(p->write, REGS_IRQ_ISR + (int)reg);
    }
}

static int setup7(void **state)
{
    (void)state;
    regs = &regs_gen7;
    regs_index(regs, table);
    return 0;
}

static int setup8(void **state)
{
    (void)state;
    regs = &regs_gen8;
    regs_index(regs, table);
    return 0;
}

#define T7(name) cmocka_unit_test_setup(name, setup7)
#define T8(name) cmocka_unit_test_setup(name, setup8)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T7(every_listed_register7), T8(every_listed_register8),  T7(rows_are_disjoint),
        T8(rows_are_disjoint),      T7(rows_are_sorted),         T8(rows_are_sorted),
        cmocka_unit_test(names),    T7(load_bearing_registers7), T8(load_bearing_registers8),
        T7(interrupt_registers),    T8(interrupt_registers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
