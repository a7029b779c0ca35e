/* SPDX-License-Identifier: MIT */
/*
 * irq7.c: Haswell's virtual interrupt tree (gen/irq_gen7.h keeps the model) as registers. Handlers
 * are called by dispatch.c, the raising functions through irq.c.
 */
#include "services/mmio/priv.h"

#define RING_IMR 0xa8u

/* An event that the engine's own mask holds back never reaches the bank. */
static bool engine(struct mmio *m, uint32_t id, uint32_t events)
{
    enum irq_gen7_bank bank;
    uint32_t bits = irq_gen7_engine(id, events, &bank);

    return bits && irq_gen7_raise(&m->vreg->irq7, bank,
                                  bits & ~*mmio_reg(m, gen8_engine_base(id) + RING_IMR));
}

static bool pipe_events(struct mmio *m, uint32_t pipe, uint32_t events)
{
    return irq_gen7_raise(&m->vreg->irq7, IRQ_GEN7_DE, irq_gen7_pipe(pipe, events));
}

static bool pch(struct mmio *m, uint32_t live)
{
    return irq_gen7_level(&m->vreg->irq7, IRQ_GEN7_PCH, live);
}

static bool line(const struct mmio *m)
{
    return m->vreg->irq7.line;
}

static uint32_t bank_read(struct mmio *m, uint32_t offset)
{
    enum irq_gen7_bank bank;
    enum irq_reg reg;

    return irq_gen7_find(offset, &bank, &reg) ? irq_gen7_read(&m->vreg->irq7, bank, reg) : 0;
}

/* A write to the PCH's bank changes the display engine's, too: the whole tree is put back. Of IIR
 * and the master enable bit, the bytes the guest did not write are left alone. */
static int bank_write(struct mmio *m, const struct mmio_write *w)
{
    enum irq_gen7_bank bank;
    enum irq_reg reg;
    uint32_t value = w->value & w->mask;

    if (!irq_gen7_find(w->offset, &bank, &reg))
        return 0;
    mmio_undo(m, &m->vreg->irq7, sizeof m->vreg->irq7);
    if (reg != IRQ_IIR)
        value |= irq_gen7_read(&m->vreg->irq7, bank, reg) & ~w->mask;
    return irq_gen7_write(&m->vreg->irq7, bank, reg, value) ? mmio_irq_send(m) : 0;
}

static const struct mmio_handler bank_handler = {"irq bank", bank_read, bank_write};

static void attach(struct mmio *m)
{
    static const struct mmio_regs regs[] = {
        {0x44000, 12, &bank_handler}, /* display engine, GT, power management */
        {0xc4000, 4, &bank_handler},  /* PCH */
    };

    mmio_register(m, regs, sizeof regs / sizeof regs[0]);
    mmio_irq_attach(m);
}

static void reset(struct mmio *m)
{
    irq_gen7_reset(&m->vreg->irq7);
}

const struct mmio_part mmio_part_irq7 = {attach, reset};
const struct mmio_irq mmio_irq7 = {engine, pipe_events, pch, line};
