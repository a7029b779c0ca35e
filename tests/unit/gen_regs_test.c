/* SPDX-License-Identifier: MIT */
/*
 * Register policies: every register of the two lists in tests/unit/data has one, rows do not
 * overlap, and the registers today's driver depends on have the policy it depends on. One thread;
 * reads its lists from the tree it is started in.
 */
#include "gen/irq_gen8.h"
#include "gen/regs_gen8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static uint16_t table[REGS_GEN8_DWORDS];

static const struct reg_policy *policy(uint32_t offset)
{
    return regs_gen8_policy(table[offset / 4]);
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

static void every_listed_register(void **state)
{
    (void)state;
    assert_true(check_list("tests/unit/data/gen8_regs_policy.txt", 2) > 700);
    assert_true(check_list("tests/unit/data/gen8_regs_driver.txt", 1) > 330);
}

static void rows_are_sorted_and_disjoint(void **state)
{
    (void)state;
    for (uint16_t i = 2; i < regs_gen8_count(); i++) {
        const struct reg_policy *a = regs_gen8_policy((uint16_t)(i - 1)), *b = regs_gen8_policy(i);

        assert_true(a->offset < b->offset);
        if (a->size <= 64)
            assert_true(a->offset + a->size <= b->offset);
        assert_true(b->offset + b->size <= REGS_GEN8_SPACE);
        assert_true(b->read < REGS_EFFECT_COUNT && b->write < REGS_EFFECT_COUNT);
        assert_true(strlen(b->name) > 0);
    }
}

static void index_agrees_with_rows(void **state)
{
    (void)state;
    for (uint16_t i = 1; i < regs_gen8_count(); i++) {
        const struct reg_policy *p = regs_gen8_policy(i);

        if (p->size <= 64)
            assert_int_equal(table[p->offset / 4], i);
        else
            assert_true(p->size >= policy(p->offset)->size);
    }
    assert_int_equal(policy(0x1ffffc - 0x40000)->cls, REG_UNTRACKED);
    assert_string_equal(regs_gen8_name(0x1bfffc), "?");
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(regs_gen8_name(0x2030), "RING_TAIL(RCS)");
    assert_string_equal(regs_gen8_name(0x22230), "RING_ELSP(BCS)");
    assert_string_equal(regs_gen8_name(0x7019c), "DSPSURF(A)");
    assert_string_equal(regs_gen8_name(0x10000c), "FENCE_REG_GEN6[1].hi");
    assert_string_equal(regs_gen8_name(0x145998), "GEN6_RP_STATE_CAP");
    assert_string_equal(regs_gen8_name(0x145994), "MCHBAR_MIRROR");
    assert_string_equal(regs_gen8_effect_name(REGS_ELSP), "ELSP");
    assert_string_equal(regs_gen8_effect_name(REGS_EFFECT_COUNT), "?");
}

static const struct {
    uint32_t offset;
    uint8_t cls, read, write;
    uint32_t reset;
} wanted[] = {
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

static void load_bearing_registers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        const struct reg_policy *p = policy(wanted[i].offset);

        if (p->cls != wanted[i].cls || p->read != wanted[i].read || p->write != wanted[i].write)
            print_error("0x%06x %s\n", wanted[i].offset, p->name);
        assert_int_equal(p->cls, wanted[i].cls);
        assert_int_equal(p->read, wanted[i].read);
        assert_int_equal(p->write, wanted[i].write);
        assert_int_equal(p->reset, wanted[i].reset);
    }
}

/* The interrupt model and the policies name the same registers. */
static void interrupt_registers(void **state)
{
    (void)state;
    for (uint32_t o = 0; o < REGS_GEN8_SPACE; o += 4) {
        enum irq_gen8_bank bank;
        enum irq_gen8_reg reg;
        bool in_model = irq_gen8_find(o, &bank, &reg);
        const struct reg_policy *p = policy(o);

        assert_int_equal(in_model, p->write >= REGS_IRQ_ISR && p->write <= REGS_IRQ_IER);
        if (in_model)
            assert_int_equal(p->write, REGS_IRQ_ISR + (int)reg);
    }
}

static int setup(void **state)
{
    (void)state;
    regs_gen8_index(table);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_listed_register),  cmocka_unit_test(rows_are_sorted_and_disjoint),
        cmocka_unit_test(index_agrees_with_rows), cmocka_unit_test(names),
        cmocka_unit_test(load_bearing_registers), cmocka_unit_test(interrupt_registers),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
