/* SPDX-License-Identifier: MIT */
/* The interrupt tree of gen8; see irq_gen8.h. Pure functions on the caller's model. */
#include "gen/irq_gen8.h"

#include <assert.h>
#include <string.h>

/* Offset of each bank's first register and the master bits its events show in. */
static const struct {
    uint32_t offset;
    uint32_t lo_bits, hi_bits; /* master bit for IIR bits 15:0 and 31:16 */
} banks[IRQ_BANKS] = {
    [IRQ_GT0] = {0x44300, 1u << 0, 1u << 1},      [IRQ_GT1] = {0x44310, 1u << 2, 1u << 3},
    [IRQ_GT2] = {0x44320, 1u << 4, 1u << 4},      [IRQ_GT3] = {0x44330, 1u << 6, 1u << 6},
    [IRQ_PIPE_A] = {0x44400, 1u << 16, 1u << 16}, [IRQ_PIPE_B] = {0x44410, 1u << 17, 1u << 17},
    [IRQ_PIPE_C] = {0x44420, 1u << 18, 1u << 18}, [IRQ_PORT] = {0x44440, 1u << 20, 1u << 20},
    [IRQ_MISC] = {0x44460, 1u << 22, 1u << 22},   [IRQ_PCU] = {0x444e0, 1u << 30, 1u << 30},
    [IRQ_PCH] = {0xc4000, 1u << 23, 1u << 23},
};

void irq_gen8_reset(struct irq_gen8 *irq)
{
    memset(irq, 0, sizeof(*irq));
    for (unsigned i = 0; i < IRQ_BANKS; i++)
        irq_bank_reset(&irq->bank[i]);
}

bool irq_gen8_find(uint32_t offset, enum irq_gen8_bank *bank, enum irq_reg *reg)
{
    for (unsigned i = 0; i < IRQ_BANKS; i++) {
        if (!irq_bank_find(banks[i].offset, offset, reg))
            continue;
        *bank = (enum irq_gen8_bank)i;
        return true;
    }
    return false;
}

static uint32_t pending(const struct irq_gen8 *irq)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < IRQ_BANKS; i++) {
        uint32_t live = irq_bank_live(&irq->bank[i]);

        if (live & 0xffff)
            bits |= banks[i].lo_bits;
        if (live >> 16)
            bits |= banks[i].hi_bits;
    }
    return bits;
}

uint32_t irq_gen8_master(const struct irq_gen8 *irq)
{
    return irq->master | pending(irq);
}

static bool update(struct irq_gen8 *irq)
{
    bool line = (irq->master & IRQ_GEN8_MASTER_ENABLE) && pending(irq);
    bool rose = line && !irq->line;

    irq->line = line;
    return rose;
}

uint32_t irq_gen8_read(const struct irq_gen8 *irq, enum irq_gen8_bank bank, enum irq_reg reg)
{
    assert(bank < IRQ_BANKS);
    return irq_bank_read(&irq->bank[bank], reg);
}

bool irq_gen8_write_master(struct irq_gen8 *irq, uint32_t value)
{
    irq->master = value & IRQ_GEN8_MASTER_ENABLE;
    return update(irq);
}

bool irq_gen8_write(struct irq_gen8 *irq, enum irq_gen8_bank bank, enum irq_reg reg, uint32_t value)
{
    struct irq_bank *b = &irq->bank[bank];
    uint32_t again;

    assert(bank < IRQ_BANKS);
    again = irq_bank_write(b, reg, value);
    if (again)
        update(irq);
    irq_bank_again(b, again);
    return update(irq);
}

bool irq_gen8_raise(struct irq_gen8 *irq, enum irq_gen8_bank bank, uint32_t bits)
{
    assert(bank < IRQ_BANKS);
    irq_bank_latch(&irq->bank[bank], bits);
    return update(irq);
}

bool irq_gen8_level(struct irq_gen8 *irq, enum irq_gen8_bank bank, uint32_t isr)
{
    assert(bank < IRQ_BANKS);
    irq_bank_level(&irq->bank[bank], isr);
    return update(irq);
}
