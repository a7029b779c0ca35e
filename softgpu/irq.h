/* SPDX-License-Identifier: MIT */
/*
 * irq.h: the interrupt tree and the two ways out of the device, INTx and MSI, each an eventfd of
 * the client. State is guarded by the register file's lock.
 *
 * Broadwell (PRM BDW vol. 2c): GEN8_MASTER_IRQ 0x44200 and the banks below it, of which the south
 * display's (0xc4000) is one. Haswell (PRM HSW vol. 2c, 7): three banks, display DE 0x44000, GT
 * 0x44010 and power management PM 0x44020; bit 31 of DEIER lets anything out, the south display's
 * bank and the display's errors (GEN7_ERR_INT 0x44040) come in through bits 28 and 30 of DE.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "softgpu/engine.h"

struct model;
struct regs;
struct irq;
struct trace;

/* One ISR/IMR/IIR/IER group each. A chip has IRQ_PCH and either the ones before it or the ones
 * behind it. */
enum irq_bank {
    IRQ_GT0, /* RCS in bits 15:0, BCS in 31:16 */
    IRQ_GT1, /* VCS in bits 15:0, VCS2 in 31:16 */
    IRQ_GT2, /* power management */
    IRQ_GT3, /* VECS */
    IRQ_PIPE_A,
    IRQ_PIPE_B,
    IRQ_PIPE_C,
    IRQ_PORT,
    IRQ_MISC,
    IRQ_PCU,
    IRQ_PCH, /* the same bits on both: it is the same south display */
    IRQ_DE,  /* display, with what comes through it */
    IRQ_GT,  /* RCS, VCS, BCS */
    IRQ_PM,  /* power management, and VECS */
    IRQ_BANKS
};

/* What happens at a pipe; where it stands in which bank is the chip's (irq_event.c). */
#define IRQ_VBLANK       (1u << 0)
#define IRQ_PRIMARY_FLIP (1u << 1)
#define IRQ_SPRITE_FLIP  (1u << 2)
#define IRQ_CRC_DONE     (1u << 3)

/* Bits of IRQ_PCH. */
#define IRQ_PCH_GMBUS  (1u << 17)
#define IRQ_PCH_PORT_B (1u << 21)
#define IRQ_PCH_PORT_C (1u << 22)
#define IRQ_PCH_AUX_B  (1u << 25) /* AUX C and D follow */

/* Which eventfd. */
enum irq_line { IRQ_INTX, IRQ_MSI, IRQ_LINES };

/* Adds the registers of the chip m to r. NULL when out of memory. */
struct irq *irq_new(struct regs *r, const struct model *m);
struct irq *irq_free(struct irq *i);
/* Where interrupts are noted (trace.h); before any access. NULL: nowhere. */
void irq_set_trace(struct irq *i, struct trace *t);
void irq_reset(struct irq *i); /* banks as after power-on; eventfds stay */

/* Events: unmasked ones are latched in IIR, which holds two of each kind. The locked forms are for
 * register handlers; the others take the register lock. */
void irq_pipe_locked(struct irq *i, unsigned pipe, uint32_t events); /* IRQ_VBLANK and the like */
void irq_engine(struct irq *i, enum engine_id engine, uint32_t events); /* ENGINE_EVENT_* */
void irq_aux_locked(struct irq *i, unsigned channel); /* AUX A (0) to D has finished */
/* Bits of a bank that this chip has. */
void irq_raise(struct irq *i, enum irq_bank bank, uint32_t bits);
void irq_raise_locked(struct irq *i, enum irq_bank bank, uint32_t bits);
/* Live state of a bank (ISR), for hot-plug and the like. irq_set_live() raises what became active;
 * the locked form leaves raising to the caller, who holds the register lock. */
void irq_set_live(struct irq *i, enum irq_bank bank, uint32_t mask, uint32_t bits);
void irq_set_live_locked(struct irq *i, enum irq_bank bank, uint32_t mask, uint32_t bits);

/* Haswell: bits of GEN7_ERR_INT, each an event of the display's error bit. */
void irq_error_locked(struct irq *i, uint32_t bits);
const struct model *irq_model(const struct irq *i);

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
