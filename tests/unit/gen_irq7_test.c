/* SPDX-License-Identifier: MIT */
/*
 * Haswell's interrupt tree: edges, masks, the two-deep IIR, the PCH's bank below the display
 * engine's and the driver's disable-handle-enable sequence; then random operations against a plain
 * recomputation. One thread, no I/O.
 */
#include "gen/irq_gen7.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define ON  IRQ_GEN7_MASTER_ENABLE
#define PCH IRQ_GEN7_DE_PCH

static struct irq_gen7 ready(enum irq_gen7_bank bank, uint32_t bits)
{
    struct irq_gen7 irq;

    irq_gen7_reset(&irq);
    irq_gen7_write(&irq, bank, IRQ_IMR, ~bits);
    irq_gen7_write(&irq, bank, IRQ_IER, bits);
    irq_gen7_write(&irq, IRQ_GEN7_DE, IRQ_IER, irq.bank[IRQ_GEN7_DE].ier | ON);
    return irq;
}

static void one_event_one_msi(void **state)
{
    struct irq_gen7 irq = ready(IRQ_GEN7_GT, 0x401001);

    (void)state;
    assert_true(irq_gen7_raise(&irq, IRQ_GEN7_GT, 1));
    assert_false(irq_gen7_raise(&irq, IRQ_GEN7_GT, 0x400000)); /* the line is up already */
    assert_int_equal(irq_gen7_read(&irq, IRQ_GEN7_GT, IRQ_IIR), 0x400001);
    assert_int_equal(irq_gen7_read(&irq, IRQ_GEN7_DE, IRQ_IIR), 0);
}

/* The driver's handler: master off, read, clear, master on; nothing is left, nothing fires. */
static void handler_sequence(void **state)
{
    struct irq_gen7 irq = ready(IRQ_GEN7_PM, 1u << 10);

    (void)state;
    assert_true(irq_gen7_raise(&irq, IRQ_GEN7_PM, 1u << 10));
    irq_gen7_write(&irq, IRQ_GEN7_DE, IRQ_IER, 0);
    irq_gen7_write(&irq, IRQ_GEN7_PM, IRQ_IIR, 1u << 10);
    assert_false(irq_gen7_write(&irq, IRQ_GEN7_DE, IRQ_IER, ON));
    assert_true(irq_gen7_raise(&irq, IRQ_GEN7_PM, 1u << 10));
}

static void master_off_holds_and_on_fires(void **state)
{
    struct irq_gen7 irq = ready(IRQ_GEN7_DE, 1);

    (void)state;
    irq_gen7_write(&irq, IRQ_GEN7_DE, IRQ_IER, 1);
    assert_false(irq_gen7_raise(&irq, IRQ_GEN7_DE, 1));
    assert_true(irq_gen7_write(&irq, IRQ_GEN7_DE, IRQ_IER, ON | 1));
}

static void masked_and_disabled(void **state)
{
    struct irq_gen7 irq = ready(IRQ_GEN7_GT, 1);

    (void)state;
    assert_false(irq_gen7_raise(&irq, IRQ_GEN7_GT, 0x10)); /* masked: not even latched */
    assert_int_equal(irq_gen7_read(&irq, IRQ_GEN7_GT, IRQ_IIR), 0);
    irq_gen7_write(&irq, IRQ_GEN7_GT, IRQ_IER, 0);
    assert_false(irq_gen7_raise(&irq, IRQ_GEN7_GT, 1)); /* latched, not reported */
    assert_int_equal(irq_gen7_read(&irq, IRQ_GEN7_GT, IRQ_IIR), 1);
    assert_true(irq_gen7_write(&irq, IRQ_GEN7_GT, IRQ_IER, 1));
}

/* A second event behind an uncleared one survives one clear, and is a new edge; no third. */
static void two_deep(void **state)
{
    struct irq_gen7 irq = ready(IRQ_GEN7_GT, 1);

    (void)state;
    for (int i = 0; i < 3; i++)
        irq_gen7_raise(&irq, IRQ_GEN7_GT, 1);
    assert_true(irq_gen7_write(&irq, IRQ_GEN7_GT, IRQ_IIR, UINT32_MAX));
    assert_int_equal(irq_gen7_read(&irq, IRQ_GEN7_GT, IRQ_IIR), 1);
    assert_false(irq_gen7_write(&irq, IRQ_GEN7_GT, IRQ_IIR, UINT32_MAX));
    assert_int_equal(irq_gen7_read(&irq, IRQ_GEN7_GT, IRQ_IIR), 0);
}

/* Hot plug goes through the display engine's bank, which drivers clear first, with SDEIER shut. */
static void hot_plug(void **state)
{
    struct irq_gen7 irq = ready(IRQ_GEN7_DE, PCH);

    (void)state;
    irq_gen7_write(&irq, IRQ_GEN7_PCH, IRQ_IMR, 0);
    irq_gen7_write(&irq, IRQ_GEN7_PCH, IRQ_IER, ~0u);
    assert_true(irq_gen7_level(&irq, IRQ_GEN7_PCH, 1u << 21));
    assert_int_equal(irq_gen7_read(&irq, IRQ_GEN7_DE, IRQ_IIR), PCH);
    assert_int_equal(irq_gen7_read(&irq, IRQ_GEN7_DE, IRQ_ISR), PCH);
    irq_gen7_write(&irq, IRQ_GEN7_DE, IRQ_IER, PCH);
    irq_gen7_write(&irq, IRQ_GEN7_PCH, IRQ_IER, 0);
    irq_gen7_write(&irq, IRQ_GEN7_DE, IRQ_IIR, PCH);
    assert_int_equal(irq_gen7_read(&irq, IRQ_GEN7_DE, IRQ_IIR), 0);
    irq_gen7_write(&irq, IRQ_GEN7_PCH, IRQ_IIR, 1u << 21);
    assert_false(irq_gen7_write(&irq, IRQ_GEN7_DE, IRQ_IER, ON | PCH));
    assert_false(irq_gen7_write(&irq, IRQ_GEN7_PCH, IRQ_IER, ~0u));
    assert_int_equal(irq_gen7_read(&irq, IRQ_GEN7_PCH, IRQ_ISR), 1u << 21);
    assert_int_equal(irq_gen7_read(&irq, IRQ_GEN7_DE, IRQ_ISR), 0);
}

/* What came while SDEIER was shut comes up when it opens. */
static void hot_plug_meanwhile(void **state)
{
    struct irq_gen7 irq = ready(IRQ_GEN7_DE, PCH);

    (void)state;
    irq_gen7_write(&irq, IRQ_GEN7_PCH, IRQ_IMR, 0);
    assert_false(irq_gen7_level(&irq, IRQ_GEN7_PCH, 1u << 21));
    assert_true(irq_gen7_write(&irq, IRQ_GEN7_PCH, IRQ_IER, ~0u));
}

static void offsets(void **state)
{
    enum irq_gen7_bank bank;
    enum irq_reg reg;
    unsigned found = 0;

    (void)state;
    assert_true(irq_gen7_find(0x44018, &bank, &reg));
    assert_true(bank == IRQ_GEN7_GT && reg == IRQ_IIR);
    assert_true(irq_gen7_find(0x4402c, &bank, &reg));
    assert_true(bank == IRQ_GEN7_PM && reg == IRQ_IER);
    for (uint32_t o = 0; o < 0x200000; o += 4)
        found += irq_gen7_find(o, &bank, &reg);
    assert_int_equal(found, 4 * IRQ_GEN7_BANKS);
    assert_false(irq_gen7_find(0x44002, &bank, &reg));
    assert_false(irq_gen7_find(0x44030, &bank, &reg));
}

static void places(void **state)
{
    enum irq_gen7_bank bank;

    (void)state;
    assert_int_equal(irq_gen7_engine(GEN8_RCS, 0x19, &bank), 0x19);
    assert_int_equal(bank, IRQ_GEN7_GT);
    assert_int_equal(irq_gen7_engine(GEN8_VCS, 0x19, &bank), 1u << 12 | 1u << 15 | 1u << 16);
    assert_int_equal(irq_gen7_engine(GEN8_BCS, 0x11, &bank), 1u << 22 | 1u << 26);
    assert_int_equal(irq_gen7_engine(GEN8_VECS, 0x19, &bank), 1u << 10 | 1u << 12 | 1u << 13);
    assert_int_equal(bank, IRQ_GEN7_PM);
    assert_int_equal(irq_gen7_engine(GEN8_VCS2, 0x19, &bank), 0);
    assert_int_equal(irq_gen7_engine(GEN8_RCS, ~0x19u, &bank), 0);
    assert_int_equal(irq_gen7_pipe(0, IRQ_PIPE_VBLANK), 1);
    assert_int_equal(irq_gen7_pipe(1, IRQ_PIPE_PRIMARY_FLIP), 1u << 8);
    assert_int_equal(irq_gen7_pipe(2, IRQ_PIPE_CRC_DONE), 1u << 12);
    assert_int_equal(irq_gen7_pipe(2, IRQ_PIPE_SPRITE_FLIP | IRQ_PIPE_VBLANK), 1u << 14 | 1u << 10);
}

/* One operation at random; whether it said that an MSI is due. */
static bool operation(struct irq_gen7 *irq)
{
    enum irq_gen7_bank b = (enum irq_gen7_bank)((unsigned)random() % IRQ_GEN7_BANKS);
    uint32_t bits = 1u << (random() & 31), some = (uint32_t)random() << 1;

    switch (random() % 5) {
    case 0:
        return irq_gen7_raise(irq, b, bits);
    case 1:
        return irq_gen7_write(irq, IRQ_GEN7_DE, IRQ_IER, random() & 1 ? ON | some : some);
    case 2:
        return irq_gen7_write(irq, b, IRQ_IMR, random() & 1 ? ~bits : 0);
    case 3:
        return irq_gen7_write(irq, b, IRQ_IIR, some);
    }
    return irq_gen7_write(irq, b, IRQ_IER, random() & 1 ? bits : 0);
}

/* The line is what the registers say, and an MSI is sent when it rises. */
static void random_against_recomputed(void **state)
{
    struct irq_gen7 irq;

    (void)state;
    srandom(1);
    irq_gen7_reset(&irq);
    for (unsigned i = 0; i < 100000; i++) {
        bool before = irq.line, msi = operation(&irq), line = false;
        const struct irq_bank *de = &irq.bank[IRQ_GEN7_DE], *pch = &irq.bank[IRQ_GEN7_PCH];

        line |= de->iir & de->ier & ~ON;
        line |= irq.bank[IRQ_GEN7_GT].iir & irq.bank[IRQ_GEN7_GT].ier;
        line |= irq.bank[IRQ_GEN7_PM].iir & irq.bank[IRQ_GEN7_PM].ier;
        assert_int_equal(irq.line, line && de->ier & ON);
        if (pch->iir & pch->ier)
            assert_true(de->isr & PCH && (de->iir & PCH || de->imr & PCH));
        /* One that is due although the line was up is a second event's. */
        assert_true(!msi || irq.line);
        assert_true(before || msi == irq.line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_event_one_msi),
        cmocka_unit_test(handler_sequence),
        cmocka_unit_test(master_off_holds_and_on_fires),
        cmocka_unit_test(masked_and_disabled),
        cmocka_unit_test(two_deep),
        cmocka_unit_test(hot_plug),
        cmocka_unit_test(hot_plug_meanwhile),
        cmocka_unit_test(offsets),
        cmocka_unit_test(places),
        cmocka_unit_test(random_against_recomputed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
