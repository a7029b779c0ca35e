/* SPDX-License-Identifier: MIT */
/*
 * irq8.c: Broadwell's virtual interrupt tree (gen/irq_gen8.h keeps the model) as registers.
 * Handlers are called by dispatch.c, the raising functions through irq.c.
 */
#include "services/mmio/priv.h"

/* An engine's 16 bits in its GT bank: Broadwell PRM vol. 2c, GT Interrupt 0..3. */
static bool engine(struct mmio *m, uint32_t id, uint32_t bits)
{
    static const struct {
        enum irq_gen8_bank bank;
        unsigned shift;
    } place[GEN8_ENGINES] = {
        [GEN8_RCS] = {IRQ_GT0, 0},  [GEN8_BCS] = {IRQ_GT0, 16},  [GEN8_VCS] = {IRQ_GT1, 0},
        [GEN8_VECS] = {IRQ_GT3, 0}, [GEN8_VCS2] = {IRQ_GT1, 16},
    };

    return id < GEN8_ENGINES &&
           irq_gen8_raise(&m->vreg->irq, place[id].bank, (bits & 0xffff) << place[id].shift);
}

/* The events are numbered as in the bank. */
static bool pipe_events(struct mmio *m, uint32_t pipe, uint32_t events)
{
    return irq_gen8_raise(&m->vreg->irq, (enum irq_gen8_bank)(IRQ_PIPE_A + pipe), events);
}

static bool pch(struct mmio *m, uint32_t live)
{
    return irq_gen8_level(&m->vreg->irq, IRQ_PCH, live);
}

static bool line(const struct mmio *m)
{
    return m->vreg->irq.line;
}

static uint32_t bank_read(struct mmio *m, uint32_t offset)
{
    enum irq_gen8_bank bank;
    enum irq_reg reg;

    return irq_gen8_find(offset, &bank, &reg) ? irq_gen8_read(&m->vreg->irq, bank, reg) : 0;
}

/* IIR is write-one-to-clear and two deep: the bytes the guest did not write count as zero. */
static int bank_write(struct mmio *m, const struct mmio_write *w)
{
    enum irq_gen8_bank bank;
    enum irq_reg reg;
    uint32_t value = w->value & w->mask;

    if (!irq_gen8_find(w->offset, &bank, &reg))
        return 0;
    mmio_undo(m, &m->vreg->irq.bank[bank], sizeof m->vreg->irq.bank[bank]);
    if (reg != IRQ_IIR)
        value |= irq_gen8_read(&m->vreg->irq, bank, reg) & ~w->mask;
    return irq_gen8_write(&m->vreg->irq, bank, reg, value) ? mmio_irq_send(m) : 0;
}

static uint32_t master_read(struct mmio *m, uint32_t offset)
{
    (void)offset;
    return irq_gen8_master(&m->vreg->irq);
}

/* A write that leaves out the top byte does not touch the enable bit. */
static int master_write(struct mmio *m, const struct mmio_write *w)
{
    if (!(w->mask & IRQ_GEN8_MASTER_ENABLE))
        return 0;
    return irq_gen8_write_master(&m->vreg->irq, w->value) ? mmio_irq_send(m) : 0;
}

static const struct mmio_handler bank_handler = {"irq bank", bank_read, bank_write};
static const struct mmio_handler master_handler = {"irq master", master_read, master_write};

static void attach(struct mmio *m)
{
    static const struct mmio_regs regs[] = {
        {IRQ_GEN8_MASTER, 1, &master_handler}, {0x44300, 16, &bank_handler}, /* GT0..GT3 */
        {0x44400, 12, &bank_handler},                                        /* pipes A..C */
        {0x44440, 4, &bank_handler},                                         /* port */
        {0x44460, 4, &bank_handler},                                         /* misc */
        {0x444e0, 4, &bank_handler},                                         /* PCU */
        {0xc4000, 4, &bank_handler},                                         /* PCH */
    };

    mmio_register(m, regs, sizeof regs / sizeof regs[0]);
    mmio_irq_attach(m);
}

static void reset(struct mmio *m)
{
    irq_gen8_reset(&m->vreg->irq);
}

const struct mmio_part mmio_part_irq8 = {attach, reset};
const struct mmio_irq mmio_irq8 = {engine, pipe_events, pch, line};
