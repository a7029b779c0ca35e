/* SPDX-License-Identifier: MIT */
/*
 * The interrupt tree of gen8 as a pure model: banks of IIR, IMR, IER under the master register,
 * and the PCH's bank below the display engine. services/mmio keeps one per guest and sends an MSI
 * when the model says so; the caller provides the locking, if it has threads. Register facts:
 * Broadwell PRM vol. 2c, registers 0x44200..0x444ec and 0xc4000..0xc400c.
 */
#pragma once

#include "gen/irq_bank.h"

#define IRQ_GEN8_MASTER        0x44200u
#define IRQ_GEN8_MASTER_ENABLE (1u << 31)

enum irq_gen8_bank {
    IRQ_GT0, /* RCS bits 15:0, BCS bits 31:16 */
    IRQ_GT1, /* VCS bits 15:0, VCS2 bits 31:16 */
    IRQ_GT2, /* power management */
    IRQ_GT3, /* VECS */
    IRQ_PIPE_A,
    IRQ_PIPE_B,
    IRQ_PIPE_C,
    IRQ_PORT,
    IRQ_MISC,
    IRQ_PCU,
    IRQ_PCH,
    IRQ_BANKS,
};

struct irq_gen8 {
    struct irq_bank bank[IRQ_BANKS];
    uint32_t master; /* only the enable bit is stored; status bits are computed */
    bool line;       /* level after the last update; an MSI is its rising edge */
};

/* Masks set, everything else clear: the state after reset. */
void irq_gen8_reset(struct irq_gen8 *irq);

/*
 * Which bank and register an offset is. Returns false when it is none of the tree's
 * (the master register included).
 */
bool irq_gen8_find(uint32_t offset, enum irq_gen8_bank *bank, enum irq_reg *reg);

/* Master value as the guest reads it: enable bit and one status bit per pending bank. */
uint32_t irq_gen8_master(const struct irq_gen8 *irq);

uint32_t irq_gen8_read(const struct irq_gen8 *irq, enum irq_gen8_bank bank, enum irq_reg reg);

/* All of these return true when an MSI is due now (the line rose). */
bool irq_gen8_write_master(struct irq_gen8 *irq, uint32_t value);
bool irq_gen8_write(struct irq_gen8 *irq, enum irq_gen8_bank bank, enum irq_reg reg,
                    uint32_t value);
bool irq_gen8_raise(struct irq_gen8 *irq, enum irq_gen8_bank bank, uint32_t bits);

/* Level part of a bank (PCH hot-plug live state): sets ISR, a rising bit raises an event. */
bool irq_gen8_level(struct irq_gen8 *irq, enum irq_gen8_bank bank, uint32_t isr);
