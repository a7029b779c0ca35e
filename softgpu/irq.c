/* SPDX-License-Identifier: MIT */
/*
 * irq.c: interrupt banks and delivery (irq.h). The wire is re-evaluated after every change of a
 * bank or of the master register; MSI is sent on its rising edge, INTx while it is high and not
 * masked. Called on the transport thread and, for engine events, on engine threads.
 */
#include "softgpu/irq.h"

#include "softgpu/model.h"
#include "softgpu/regs.h"
#include "softgpu/trace.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MASTER        0x44200u /* Broadwell */
#define DE_IER        0x4400cu /* Haswell */
#define MASTER_ENABLE (1u << 31)
#define ERR_INT       0x44040u
#define DE_ERROR      (1u << 30)
#define DE_PCH        (1u << 28)

/* Registers of a bank, by their distance from its start. */
enum { ISR = 0, IMR = 4, IIR = 8, IER = 12 };

struct bank {
    uint32_t base; /* 0: the chip has no such bank */
    uint32_t
        master; /* bits of Broadwell's master register it feeds; GT0 and GT1 are split by engine */
};

/* What differs between the chips. */
struct tree {
    const struct bank *banks;
    uint32_t enable; /* the register whose bit 31 lets interrupts out */
    bool (*pending)(struct irq *i);
    const struct regs_range *table;
    size_t ranges;
};

struct irq {
    struct regs *regs;
    const struct model *model;
    const struct tree *tree;
    uint32_t second[IRQ_BANKS]; /* IIR's second event per bit */
    int fd[IRQ_LINES];
    bool wire;
    bool intx_masked;
    bool intx_disabled;
    uint64_t sent;
    struct trace *trace;
};

static const struct bank gen8_banks[IRQ_BANKS] = {
    [IRQ_GT0] = {0x44300, 1u << 0 | 1u << 1}, [IRQ_GT1] = {0x44310, 1u << 2 | 1u << 3},
    [IRQ_GT2] = {0x44320, 1u << 4},           [IRQ_GT3] = {0x44330, 1u << 6},
    [IRQ_PIPE_A] = {0x44400, 1u << 16},       [IRQ_PIPE_B] = {0x44410, 1u << 17},
    [IRQ_PIPE_C] = {0x44420, 1u << 18},       [IRQ_PORT] = {0x44440, 1u << 20},
    [IRQ_MISC] = {0x44460, 1u << 22},         [IRQ_PCU] = {0x444e0, 1u << 30},
    [IRQ_PCH] = {0xc4000, 1u << 23},
};

static const struct bank gen7_banks[IRQ_BANKS] = {
    [IRQ_DE] = {0x44000, 0},
    [IRQ_GT] = {0x44010, 0},
    [IRQ_PM] = {0x44020, 0},
    [IRQ_PCH] = {0xc4000, 0},
};

static enum irq_bank bank_of(const struct irq *i, uint32_t offset)
{
    for (unsigned b = 0; b < IRQ_BANKS; b++)
        if (i->tree->banks[b].base && offset - i->tree->banks[b].base < 16)
            return b;
    abort(); /* only ranges of the tables below lead here */
}

static uint32_t bank_base(const struct irq *i, enum irq_bank b)
{
    uint32_t base = i->tree->banks[b].base;

    assert(base);
    return base;
}

static uint32_t bank_pending(const struct irq *i, enum irq_bank b)
{
    uint32_t base = bank_base(i, b);

    return regs_peek(i->regs, base + IIR) & regs_peek(i->regs, base + IER);
}

/* Bits of the master register below bit 31. */
static uint32_t master_pending(const struct irq *i)
{
    uint32_t gt0 = bank_pending(i, IRQ_GT0), gt1 = bank_pending(i, IRQ_GT1);
    uint32_t bits = (gt0 & 0xffff ? 1u << 0 : 0) | (gt0 >> 16 ? 1u << 1 : 0) |
                    (gt1 & 0xffff ? 1u << 2 : 0) | (gt1 >> 16 ? 1u << 3 : 0);

    for (unsigned b = IRQ_GT1 + 1; b <= IRQ_PCH; b++)
        if (bank_pending(i, b))
            bits |= i->tree->banks[b].master;
    return bits;
}

static bool gen8_pending(struct irq *i)
{
    return master_pending(i);
}

/* What comes into DE from below. The south display's interrupt is a level: its bit comes up again
 * as long as a bank there has something enabled, whenever DE's mask lets it through. i915 lowers it
 * while it works by closing SDEIER. */
static void gen7_cascade(struct irq *i)
{
    uint32_t de = bank_base(i, IRQ_DE);
    uint32_t live = bank_pending(i, IRQ_PCH) ? DE_PCH : 0;
    uint32_t error = regs_peek(i->regs, ERR_INT) ? DE_ERROR : 0;

    regs_poke(i->regs, de + ISR,
              (regs_peek(i->regs, de + ISR) & ~(DE_PCH | DE_ERROR)) | live | error);
    live &= ~regs_peek(i->regs, de + IMR);
    regs_poke(i->regs, de + IIR, regs_peek(i->regs, de + IIR) | live);
}

static bool gen7_pending(struct irq *i)
{
    gen7_cascade(i);
    return bank_pending(i, IRQ_DE) & ~MASTER_ENABLE || bank_pending(i, IRQ_GT) ||
           bank_pending(i, IRQ_PM);
}

static void signal_line(struct irq *i, enum irq_line line)
{
    static const uint64_t one = 1;

    if (TRACE_ON(i->trace, TRACE_IRQS))
        trace_access(i->trace, TRACE_IRQ_DELIVER, TRACE_CPU, 0, 0, line, 0);
    /* A full counter (EAGAIN) means the client has an interrupt to take anyway. */
    if (write(i->fd[line], &one, sizeof(one)) == sizeof(one))
        i->sent++;
}

static void signal_intx(struct irq *i)
{
    if (!i->wire || i->fd[IRQ_INTX] < 0 || i->intx_masked || i->intx_disabled)
        return;
    i->intx_masked = true;
    signal_line(i, IRQ_INTX);
}

static void evaluate(struct irq *i)
{
    bool was = i->wire, pending = i->tree->pending(i);

    i->wire = pending && regs_peek(i->regs, i->tree->enable) & MASTER_ENABLE;
    if (!i->wire)
        return;
    if (i->fd[IRQ_MSI] < 0)
        signal_intx(i);
    else if (!was)
        signal_line(i, IRQ_MSI);
}

static uint32_t master_read(void *owner, uint32_t offset)
{
    const struct irq *i = owner;

    return (regs_peek(i->regs, offset) & MASTER_ENABLE) | master_pending(i);
}

static void master_write(void *owner, uint32_t offset, uint32_t value)
{
    struct irq *i = owner;

    regs_poke(i->regs, offset, value & MASTER_ENABLE);
    evaluate(i);
}

/* IIR latches edges: opening the mask brings nothing up, closing it hides nothing in IIR. */
static void plain_write(void *owner, uint32_t offset, uint32_t value)
{
    struct irq *i = owner;

    regs_poke(i->regs, offset, value);
    evaluate(i);
}

static void iir_write(void *owner, uint32_t offset, uint32_t value)
{
    struct irq *i = owner;
    enum irq_bank b = bank_of(i, offset);
    uint32_t iir = regs_peek(i->regs, offset);

    regs_poke(i->regs, offset, (iir & ~value) | (i->second[b] & value));
    i->second[b] &= ~value;
    evaluate(i);
}

static void error_write(void *owner, uint32_t offset, uint32_t value)
{
    struct irq *i = owner;

    regs_write_one_clears(i->regs, offset, value);
    evaluate(i);
}

#define BANK(base, name)                                                                           \
    {(base) + ISR, (base) + ISR, name "_ISR", NULL, regs_write_ignored, 0},                        \
        {(base) + IMR, (base) + IMR, name "_IMR", NULL, plain_write, 0xffffffff},                  \
        {(base) + IIR, (base) + IIR, name "_IIR", NULL, iir_write, 0},                             \
    {                                                                                              \
        (base) + IER, (base) + IER, name "_IER", NULL, plain_write, 0                              \
    }

static const struct regs_range gen8_table[] = {
    {MASTER, MASTER, "GEN8_MASTER_IRQ", master_read, master_write, 0},
    BANK(0x44300, "GEN8_GT0"),
    BANK(0x44310, "GEN8_GT1"),
    BANK(0x44320, "GEN8_GT2"),
    BANK(0x44330, "GEN8_GT3"),
    BANK(0x44400, "GEN8_DE_PIPE_A"),
    BANK(0x44410, "GEN8_DE_PIPE_B"),
    BANK(0x44420, "GEN8_DE_PIPE_C"),
    BANK(0x44440, "GEN8_DE_PORT"),
    BANK(0x44460, "GEN8_DE_MISC"),
    BANK(0x444e0, "GEN8_PCU"),
    BANK(0xc4000, "SDE"),
};

static const struct regs_range gen7_table[] = {
    BANK(0x44000, "DE"),
    BANK(0x44010, "GT"),
    BANK(0x44020, "GEN6_PM"),
    BANK(0xc4000, "SDE"),
    {ERR_INT, ERR_INT, "GEN7_ERR_INT", NULL, error_write, 0},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct tree gen8 = {gen8_banks, MASTER, gen8_pending, gen8_table, COUNT(gen8_table)};
static const struct tree gen7 = {gen7_banks, DE_IER, gen7_pending, gen7_table, COUNT(gen7_table)};

struct irq *irq_new(struct regs *r, const struct model *m)
{
    struct irq *i = calloc(1, sizeof(*i));

    if (!i)
        return NULL;
    i->regs = r;
    i->model = m;
    i->tree = m->family == MODEL_HASWELL ? &gen7 : &gen8;
    i->fd[IRQ_INTX] = -1;
    i->fd[IRQ_MSI] = -1;
    if (regs_add(r, i->tree->table, i->tree->ranges, i))
        return irq_free(i);
    return i;
}

struct irq *irq_free(struct irq *i)
{
    if (!i)
        return NULL;
    for (unsigned line = 0; line < IRQ_LINES; line++)
        if (i->fd[line] >= 0)
            close(i->fd[line]);
    free(i);
    return NULL;
}

const struct model *irq_model(const struct irq *i)
{
    return i->model;
}

void irq_set_trace(struct irq *i, struct trace *t)
{
    i->trace = t;
}

/* The register file has put the registers back already, or does so next. */
void irq_reset(struct irq *i)
{
    regs_lock(i->regs);
    memset(i->second, 0, sizeof(i->second));
    i->wire = false;
    regs_unlock(i->regs);
}

void irq_raise_locked(struct irq *i, enum irq_bank bank, uint32_t bits)
{
    uint32_t base = bank_base(i, bank);
    uint32_t iir = regs_peek(i->regs, base + IIR), unmasked;

    unmasked = bits & ~regs_peek(i->regs, base + IMR);
    if (bits && TRACE_ON(i->trace, TRACE_IRQS))
        trace_access(i->trace, TRACE_IRQ_RAISE, TRACE_CPU, base, 0, unmasked ? unmasked : bits,
                     unmasked ? 0 : TRACE_F_MASKED);
    bits = unmasked;
    if (!bits)
        return;
    i->second[bank] |= iir & bits;
    regs_poke(i->regs, base + IIR, iir | bits);
    evaluate(i);
}

void irq_raise(struct irq *i, enum irq_bank bank, uint32_t bits)
{
    regs_lock(i->regs);
    irq_raise_locked(i, bank, bits);
    regs_unlock(i->regs);
}

void irq_error_locked(struct irq *i, uint32_t bits)
{
    assert(i->tree == &gen7);
    regs_poke(i->regs, ERR_INT, regs_peek(i->regs, ERR_INT) | bits);
    irq_raise_locked(i, IRQ_DE, DE_ERROR);
    evaluate(i); /* ISR shows it even when DE is masked */
}

void irq_set_live_locked(struct irq *i, enum irq_bank bank, uint32_t mask, uint32_t bits)
{
    uint32_t at = bank_base(i, bank) + ISR;

    regs_poke(i->regs, at, (regs_peek(i->regs, at) & ~mask) | (bits & mask));
}

void irq_set_live(struct irq *i, enum irq_bank bank, uint32_t mask, uint32_t bits)
{
    uint32_t isr;

    regs_lock(i->regs);
    isr = regs_peek(i->regs, bank_base(i, bank) + ISR);
    irq_set_live_locked(i, bank, mask, bits);
    irq_raise_locked(i, bank, bits & mask & ~isr);
    regs_unlock(i->regs);
}

void irq_set_eventfd(struct irq *i, enum irq_line line, int fd)
{
    /* It is the client's: a counter that is full, or what is no eventfd at all, must not stop us.
     */
    if (fd >= 0)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    regs_lock(i->regs);
    if (i->fd[line] >= 0)
        close(i->fd[line]);
    i->fd[line] = fd;
    if (line == IRQ_INTX)
        i->intx_masked = false;
    if (line == IRQ_MSI)
        i->wire = false; /* a wire that is high already is an edge for the new listener */
    evaluate(i);
    regs_unlock(i->regs);
}

void irq_mask_intx(struct irq *i, bool masked)
{
    regs_lock(i->regs);
    i->intx_masked = masked;
    evaluate(i);
    regs_unlock(i->regs);
}

void irq_disable_intx(struct irq *i, bool disabled)
{
    regs_lock(i->regs);
    i->intx_disabled = disabled;
    evaluate(i);
    regs_unlock(i->regs);
}

void irq_test(struct irq *i, enum irq_line line)
{
    regs_lock(i->regs);
    if (i->fd[line] >= 0)
        signal_line(i, line);
    regs_unlock(i->regs);
}

bool irq_pending(struct irq *i)
{
    bool wire;

    regs_lock(i->regs);
    wire = i->wire;
    regs_unlock(i->regs);
    return wire;
}

uint64_t irq_sent(struct irq *i)
{
    uint64_t sent;

    regs_lock(i->regs);
    sent = i->sent;
    regs_unlock(i->regs);
    return sent;
}
