/* SPDX-License-Identifier: MIT */
/*
 * One bank of interrupt registers, as every generation has them: four registers, of which IIR
 * remembers a second event behind each bit. irq_gen7.c and irq_gen8.c make their trees of these.
 * Pure functions on the caller's model.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Registers of a bank, in the order of their offsets. */
enum irq_reg { IRQ_ISR, IRQ_IMR, IRQ_IIR, IRQ_IER };

struct irq_bank {
    uint32_t isr, imr, iir, ier;
    uint32_t held; /* a second event behind a bit already set in IIR (IIR is two deep) */
};

static inline uint32_t irq_bank_read(const struct irq_bank *b, enum irq_reg reg)
{
    const uint32_t value[] = {
        [IRQ_ISR] = b->isr, [IRQ_IMR] = b->imr, [IRQ_IIR] = b->iir, [IRQ_IER] = b->ier};

    return value[reg];
}

/* Bits that are told further up. */
static inline uint32_t irq_bank_live(const struct irq_bank *b)
{
    return b->iir & b->ier;
}

/* Events: those that are not masked are kept. */
static inline void irq_bank_latch(struct irq_bank *b, uint32_t bits)
{
    bits &= ~b->imr;
    b->held |= b->iir & bits;
    b->iir |= bits;
}

/* Bits are cleared. Returns those behind which a second event waits: the hardware pulses its line
 * for it, so the caller lets the level fall before irq_bank_again() sets them. */
static inline uint32_t irq_bank_clear(struct irq_bank *b, uint32_t bits)
{
    uint32_t again = b->held & bits;

    b->iir &= ~bits;
    b->held &= ~bits;
    return again;
}

static inline void irq_bank_again(struct irq_bank *b, uint32_t bits)
{
    b->iir |= bits;
}
