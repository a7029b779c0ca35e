/* SPDX-License-Identifier: MIT */
/*
 * irq.h: the interrupt tree of a Broadwell (PRM BDW vol. 2c, GEN8_MASTER_IRQ 0x44200 and the banks
 * below it; south display 0xc4000) and the two ways out of the device, INTx and MSI, each an
 * eventfd of the client. State is guarded by the register file's lock.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct regs;
struct irq;
struct trace;

/* One ISR/IMR/IIR/IER group each. */
enum irq_bank {
    IRQ_GT0, /* RCS in bits 15:0, BCS in 31:16 */
    IRQ_GT1, /* VCS */
    IRQ_GT2, /* power management */
    IRQ_GT3, /* VECS */
    IRQ_PIPE_A,
    IRQ_PIPE_B,
    IRQ_PIPE_C,
    IRQ_PORT,
    IRQ_MISC,
    IRQ_PCU,
    IRQ_PCH,
    IRQ_BANKS
};

#define IRQ_PIPE_VBLANK       (1u << 0)
#define IRQ_PIPE_PRIMARY_FLIP (1u << 4)
#define IRQ_PIPE_SPRITE_FLIP  (1u << 5)
#define IRQ_PIPE_CRC_DONE     (1u << 28)
#define IRQ_PCH_GMBUS         (1u << 17)
#define IRQ_PCH_PORT_B        (1u << 21)
#define IRQ_PCH_PORT_C        (1u << 22)

/* Which eventfd. */
enum irq_line { IRQ_INTX, IRQ_MSI, IRQ_LINES };

/* Adds its registers to r. NULL when out of memory. */
struct irq *irq_new(struct regs *r);
struct irq *irq_free(struct irq *i);
/* Where interrupts are noted (trace.h); before any access. NULL: nowhere. */
void irq_set_trace(struct irq *i, struct trace *t);
void irq_reset(struct irq *i); /* banks as after power-on; eventfds stay */

/* Events in a bank: unmasked ones are latched in IIR, which holds two of each kind. irq_raise()
 * takes the register lock; irq_raise_locked() is for register handlers. */
void irq_raise(struct irq *i, enum irq_bank bank, uint32_t bits);
void irq_raise_locked(struct irq *i, enum irq_bank bank, uint32_t bits);
/* Live state of a bank (ISR), for hot-plug and the like. irq_set_live() raises what became active;
 * the locked form leaves raising to the caller, who holds the register lock. */
void irq_set_live(struct irq *i, enum irq_bank bank, uint32_t mask, uint32_t bits);
void irq_set_live_locked(struct irq *i, enum irq_bank bank, uint32_t mask, uint32_t bits);

/* Sets (fd >= 0, ownership taken) or removes (-1) the eventfd of a line, then signals what is
 * pending. */
void irq_set_eventfd(struct irq *i, enum irq_line line, int fd);
/* INTx masked by the client; an interrupt on INTx masks it by itself (AUTOMASKED). */
void irq_mask_intx(struct irq *i, bool masked);
/* Bit 10 of PCI COMMAND. */
void irq_disable_intx(struct irq *i, bool disabled);
/* Signals a line once, whatever the banks say: the client's loopback test. */
void irq_test(struct irq *i, enum irq_line line);
/* State of the wire: what PCI STATUS bit 3 shows. */
bool irq_pending(struct irq *i);
/* Interrupts signalled to the client since start. */
uint64_t irq_sent(struct irq *i);
