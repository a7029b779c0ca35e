/* SPDX-License-Identifier: MIT */
/*
 * The interrupt tree: edges, masks, the two-deep IIR and the driver's disable-handle-enable
 * sequence; then random operations against a plain recomputation. One thread, no I/O.
 */
#include "gen/irq_gen8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define ON IRQ_GEN8_MASTER_ENABLE

static struct irq_gen8 ready(enum irq_gen8_bank bank, uint32_t bits)
{
    struct irq_gen8 irq;

    irq_gen8_reset(&irq);
    irq_gen8_write(&irq, bank, IRQ_IMR, ~bits);
    irq_gen8_write(&irq, bank, IRQ_IER, bits);
    irq_gen8_write_master(&irq, ON);
    return irq;
}

static void one_event_one_msi(void **state)
{
    struct irq_gen8 irq = ready(IRQ_GT0, 0x101);

    (void)state;
    assert_true(irq_gen8_raise(&irq, IRQ_GT0, 1));
    assert_false(irq_gen8_raise(&irq, IRQ_GT0, 0x100)); /* the line is up already */
    assert_int_equal(irq_gen8_master(&irq), ON | 1);
    assert_int_equal(irq_gen8_read(&irq, IRQ_GT0, IRQ_IIR), 0x101);
}

static void master_off_holds_and_on_fires(void **state)
{
    struct irq_gen8 irq = ready(IRQ_GT0, 1u << 16);

    (void)state;
    irq_gen8_write_master(&irq, 0);
    assert_false(irq_gen8_raise(&irq, IRQ_GT0, 1u << 16));
    assert_int_equal(irq_gen8_master(&irq), 2); /* the blitter's bit */
    assert_true(irq_gen8_write_master(&irq, ON));
}

/* The driver's handler: master off, read, clear, master on; nothing is left, nothing fires. */
static void handler_sequence(void **state)
{
    struct irq_gen8 irq = ready(IRQ_GT3, 0x109);

    (void)state;
    assert_true(irq_gen8_raise(&irq, IRQ_GT3, 0x100));
    irq_gen8_write_master(&irq, 0);
    irq_gen8_write(&irq, IRQ_GT3, IRQ_IIR, 0x100);
    assert_false(irq_gen8_write_master(&irq, ON));
    assert_true(irq_gen8_raise(&irq, IRQ_GT3, 0x100));
}

static void masked_and_disabled(void **state)
{
    struct irq_gen8 irq = ready(IRQ_PIPE_A, 1);

    (void)state;
    assert_false(irq_gen8_raise(&irq, IRQ_PIPE_A, 0x10)); /* masked: not even latched */
    assert_int_equal(irq_gen8_read(&irq, IRQ_PIPE_A, IRQ_IIR), 0);
    irq_gen8_write(&irq, IRQ_PIPE_A, IRQ_IER, 0);
    assert_false(irq_gen8_raise(&irq, IRQ_PIPE_A, 1)); /* latched, not reported */
    assert_int_equal(irq_gen8_read(&irq, IRQ_PIPE_A, IRQ_IIR), 1);
    assert_true(irq_gen8_write(&irq, IRQ_PIPE_A, IRQ_IER, 1));
}

/* A second event behind an uncleared one survives one clear, and is a new edge; no third. */
static void two_deep(void **state)
{
    struct irq_gen8 irq = ready(IRQ_GT1, 1);

    (void)state;
    irq_gen8_raise(&irq, IRQ_GT1, 1);
    irq_gen8_raise(&irq, IRQ_GT1, 1);
    irq_gen8_raise(&irq, IRQ_GT1, 1);
    assert_true(irq_gen8_write(&irq, IRQ_GT1, IRQ_IIR, UINT32_MAX));
    assert_int_equal(irq_gen8_read(&irq, IRQ_GT1, IRQ_IIR), 1);
    assert_false(irq_gen8_write(&irq, IRQ_GT1, IRQ_IIR, UINT32_MAX));
    assert_int_equal(irq_gen8_read(&irq, IRQ_GT1, IRQ_IIR), 0);
}

static void hot_plug_level(void **state)
{
    struct irq_gen8 irq = ready(IRQ_PCH, 1u << 21);

    (void)state;
    assert_true(irq_gen8_level(&irq, IRQ_PCH, 1u << 21));
    assert_int_equal(irq_gen8_master(&irq), ON | 1u << 23);
    irq_gen8_write(&irq, IRQ_PCH, IRQ_IIR, 1u << 21);
    assert_false(irq_gen8_level(&irq, IRQ_PCH, 1u << 21)); /* no rising edge */
    assert_int_equal(irq_gen8_read(&irq, IRQ_PCH, IRQ_ISR), 1u << 21);
}

static void offsets(void **state)
{
    enum irq_gen8_bank bank;
    enum irq_reg reg;
    unsigned found = 0;

    (void)state;
    assert_true(irq_gen8_find(0x44308, &bank, &reg));
    assert_true(bank == IRQ_GT0 && reg == IRQ_IIR);
    assert_true(irq_gen8_find(0x444ec, &bank, &reg));
    assert_true(bank == IRQ_PCU && reg == IRQ_IER);
    assert_true(irq_gen8_find(0xc4000, &bank, &reg));
    assert_true(bank == IRQ_PCH && reg == IRQ_ISR);
    for (uint32_t o = 0; o < 0x200000; o += 4)
        found += irq_gen8_find(o, &bank, &reg);
    assert_int_equal(found, 4 * IRQ_BANKS);
    assert_false(irq_gen8_find(0x44302, &bank, &reg));
    assert_false(irq_gen8_find(IRQ_GEN8_MASTER, &bank, &reg));
}

/* The line is what the registers say, and an MSI is sent exactly when it rises. */
static void random_against_recomputed(void **state)
{
    struct irq_gen8 irq;

    (void)state;
    srandom(1);
    irq_gen8_reset(&irq);
    for (unsigned i = 0; i < 100000; i++) {
        bool before = irq.line, msi, line = false;
        enum irq_gen8_bank b = (enum irq_gen8_bank)((unsigned)random() % IRQ_BANKS);
        uint32_t bits = 1u << (random() & 31);

        switch (random() & 3) {
        case 0:
            msi = irq_gen8_raise(&irq, b, bits);
            break;
        case 1:
            msi = irq_gen8_write_master(&irq, random() & 1 ? ON : 0);
            break;
        case 2:
            msi = irq_gen8_write(&irq, b, IRQ_IMR, random() & 1 ? ~bits : 0);
            break;
        default:
            msi = irq_gen8_write(&irq, b, IRQ_IER, random() & 1 ? bits : 0);
            break;
        }
        for (unsigned k = 0; k < IRQ_BANKS; k++)
            line |= irq.bank[k].iir & irq.bank[k].ier;
        assert_int_equal(irq.line, line && irq.master);
        assert_int_equal(msi, irq.line && !before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_event_one_msi), cmocka_unit_test(master_off_holds_and_on_fires),
        cmocka_unit_test(handler_sequence),  cmocka_unit_test(masked_and_disabled),
        cmocka_unit_test(two_deep),          cmocka_unit_test(hot_plug_level),
        cmocka_unit_test(offsets),           cmocka_unit_test(random_against_recomputed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
