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

/* The state after reset: all masked. */
static inline void irq_bank_reset(struct irq_bank *b)
{
    *b = (struct irq_bank){.imr = UINT32_MAX};
}

/* Is `offset` a register of the bank that begins at `base`? And which. */
static inline bool irq_bank_find(uint32_t base, uint32_t offset, enum irq_reg *reg)
{
    if ((offset & ~0xfu) != base || offset % 4)
        return false;
    *reg = (enum irq_reg)(offset >> 2 & 3);
    return true;
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

/* The level of what is below, as ISR shows it: a bit that rises is an event. */
static inline void irq_bank_level(struct irq_bank *b, uint32_t isr)
{
    uint32_t rising = isr & ~b->isr;

    b->isr = isr;
    irq_bank_latch(b, rising);
}

/* A register is written; ISR cannot be. Of the bits that a write to IIR clears, returns those
 * behind which a second event waits: the hardware pulses its line for it, so the caller lets the
 * level fall before irq_bank_again() sets them. */
static inline uint32_t irq_bank_write(struct irq_bank *b, enum irq_reg reg, uint32_t value)
{
    uint32_t again = 0;

    if (reg == IRQ_IMR) {
        b->imr = value;
    } else if (reg == IRQ_IER) {
        b->ier = value;
    } else if (reg == IRQ_IIR) {
        again = b->held & value;
        b->iir &= ~value;
        b->held &= ~value;
    }
    return again;
}

static inline void irq_bank_again(struct irq_bank *b, uint32_t bits)
{
    b->iir |= bits;
}
