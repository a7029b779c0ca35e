/* SPDX-License-Identifier: MIT */
/*
 * The interrupt tree of Haswell as a pure model: the banks of the GT, of power management (where
 * the video enhancement engine is, too) and of the display engine, whose enable register's bit 31
 * lets anything out; the PCH's bank comes in through the display engine's. services/mmio keeps one
 * per guest and sends an MSI when the model says so; the caller provides the locking, if it has
 * threads. Register facts: Haswell PRM vol. 2c, registers 0x44000..0x4402c and 0xc4000..0xc400c.
 */
#pragma once

#include "gen/gen8_engine.h"
#include "gen/irq_bank.h"

#define IRQ_GEN7_MASTER_ENABLE (1u << 31) /* of the display engine's IER */
#define IRQ_GEN7_DE_PCH        (1u << 28)

enum irq_gen7_bank {
    IRQ_GEN7_DE,
    IRQ_GEN7_GT,
    IRQ_GEN7_PM,
    IRQ_GEN7_PCH,
    IRQ_GEN7_BANKS,
};

struct irq_gen7 {
    struct irq_bank bank[IRQ_GEN7_BANKS];
    bool line; /* level after the last update; an MSI is its rising edge */
};

/* What happens at an engine, numbered as in an engine's own 16 bits of Broadwell. */
#define IRQ_ENGINE_USER   (1u << 0)
#define IRQ_ENGINE_ERROR  (1u << 3)
#define IRQ_ENGINE_NOTIFY (1u << 4) /* of PIPE_CONTROL or MI_FLUSH_DW */

/* What happens at a pipe, numbered as in a pipe's bank of Broadwell. */
#define IRQ_PIPE_VBLANK       (1u << 0)
#define IRQ_PIPE_PRIMARY_FLIP (1u << 4)
#define IRQ_PIPE_SPRITE_FLIP  (1u << 5)
#define IRQ_PIPE_CRC_DONE     (1u << 28)

/* Masks set, everything else clear: the state after reset. */
void irq_gen7_reset(struct irq_gen7 *irq);

/* Which bank and register an offset is. Returns false when it is none of the tree's. */
bool irq_gen7_find(uint32_t offset, enum irq_gen7_bank *bank, enum irq_reg *reg);

uint32_t irq_gen7_read(const struct irq_gen7 *irq, enum irq_gen7_bank bank, enum irq_reg reg);

/* Bits of an engine's events, IRQ_ENGINE_*, in its bank and in its own mask register, RING_IMR; 0
 * for an engine that Haswell does not have. */
uint32_t irq_gen7_engine(unsigned engine, uint32_t events, enum irq_gen7_bank *bank);

/* Bits of a pipe's events, IRQ_PIPE_*, in the display engine's bank; pipe is 0..2. */
uint32_t irq_gen7_pipe(unsigned pipe, uint32_t events);

/* All of these return true when an MSI is due now (the line rose). */
bool irq_gen7_write(struct irq_gen7 *irq, enum irq_gen7_bank bank, enum irq_reg reg,
                    uint32_t value);
bool irq_gen7_raise(struct irq_gen7 *irq, enum irq_gen7_bank bank, uint32_t bits);

/* Level part of a bank (PCH hot-plug live state): sets ISR, a rising bit raises an event. */
bool irq_gen7_level(struct irq_gen7 *irq, enum irq_gen7_bank bank, uint32_t isr);
