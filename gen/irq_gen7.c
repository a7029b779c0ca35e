/* SPDX-License-Identifier: MIT */
/* The interrupt tree of Haswell; see irq_gen7.h. Pure functions on the caller's model. */
#include "gen/irq_gen7.h"

#include <assert.h>
#include <string.h>

static const uint32_t offsets[IRQ_GEN7_BANKS] = {
    [IRQ_GEN7_DE] = 0x44000,
    [IRQ_GEN7_GT] = 0x44010,
    [IRQ_GEN7_PM] = 0x44020,
    [IRQ_GEN7_PCH] = 0xc4000,
};

void irq_gen7_reset(struct irq_gen7 *irq)
{
    memset(irq, 0, sizeof(*irq));
    for (unsigned i = 0; i < IRQ_GEN7_BANKS; i++)
        irq_bank_reset(&irq->bank[i]);
}

bool irq_gen7_find(uint32_t offset, enum irq_gen7_bank *bank, enum irq_reg *reg)
{
    for (unsigned i = 0; i < IRQ_GEN7_BANKS; i++) {
        if (!irq_bank_find(offsets[i], offset, reg))
            continue;
        *bank = (enum irq_gen7_bank)i;
        return true;
    }
    return false;
}

/* The PCH's interrupt is a level: its bit comes up again as long as something below is enabled, and
 * the display engine's mask lets it through. Drivers lower it by closing SDEIER while they work. */
static void cascade(struct irq_gen7 *irq)
{
    uint32_t pch = irq_bank_live(&irq->bank[IRQ_GEN7_PCH]) ? IRQ_GEN7_DE_PCH : 0;
    struct irq_bank *de = &irq->bank[IRQ_GEN7_DE];

    de->isr = (de->isr & ~IRQ_GEN7_DE_PCH) | pch;
    de->iir |= pch & ~de->imr;
}

static bool pending(const struct irq_gen7 *irq)
{
    return irq_bank_live(&irq->bank[IRQ_GEN7_DE]) & ~IRQ_GEN7_MASTER_ENABLE ||
           irq_bank_live(&irq->bank[IRQ_GEN7_GT]) || irq_bank_live(&irq->bank[IRQ_GEN7_PM]);
}

static bool update(struct irq_gen7 *irq)
{
    bool line, rose;

    cascade(irq);
    line = (irq->bank[IRQ_GEN7_DE].ier & IRQ_GEN7_MASTER_ENABLE) && pending(irq);
    rose = line && !irq->line;
    irq->line = line;
    return rose;
}

uint32_t irq_gen7_read(const struct irq_gen7 *irq, enum irq_gen7_bank bank, enum irq_reg reg)
{
    assert(bank < IRQ_GEN7_BANKS);
    return irq_bank_read(&irq->bank[bank], reg);
}

static uint32_t placed(uint32_t events, uint32_t event, uint32_t bit)
{
    return events & event ? bit : 0;
}

uint32_t irq_gen7_engine(unsigned engine, uint32_t events, enum irq_gen7_bank *bank)
{
    static const struct {
        enum irq_gen7_bank bank;
        uint32_t user, error, notify;
    } place[] = {
        [GEN8_RCS] = {IRQ_GEN7_GT, 1u << 0, 1u << 3, 1u << 4},
        [GEN8_BCS] = {IRQ_GEN7_GT, 1u << 22, 1u << 25, 1u << 26},
        [GEN8_VCS] = {IRQ_GEN7_GT, 1u << 12, 1u << 15, 1u << 16},
        [GEN8_VECS] = {IRQ_GEN7_PM, 1u << 10, 1u << 12, 1u << 13},
    };

    *bank = IRQ_GEN7_GT;
    if (engine >= sizeof(place) / sizeof(place[0]))
        return 0;
    *bank = place[engine].bank;
    return placed(events, IRQ_ENGINE_USER, place[engine].user) |
           placed(events, IRQ_ENGINE_ERROR, place[engine].error) |
           placed(events, IRQ_ENGINE_NOTIFY, place[engine].notify);
}

uint32_t irq_gen7_pipe(unsigned pipe, uint32_t events)
{
    uint32_t bits = placed(events, IRQ_PIPE_VBLANK, 1u << 0) |
                    placed(events, IRQ_PIPE_CRC_DONE, 1u << 2) |
                    placed(events, IRQ_PIPE_PRIMARY_FLIP, 1u << 3) |
                    placed(events, IRQ_PIPE_SPRITE_FLIP, 1u << 4);

    assert(pipe < 3);
    return bits << (5 * pipe);
}

bool irq_gen7_write(struct irq_gen7 *irq, enum irq_gen7_bank bank, enum irq_reg reg, uint32_t value)
{
    struct irq_bank *b = &irq->bank[bank];
    uint32_t again;

    assert(bank < IRQ_GEN7_BANKS);
    again = irq_bank_write(b, reg, value);
    if (again)
        update(irq);
    irq_bank_again(b, again);
    return update(irq);
}

bool irq_gen7_raise(struct irq_gen7 *irq, enum irq_gen7_bank bank, uint32_t bits)
{
    assert(bank < IRQ_GEN7_BANKS);
    irq_bank_latch(&irq->bank[bank], bits);
    return update(irq);
}

bool irq_gen7_level(struct irq_gen7 *irq, enum irq_gen7_bank bank, uint32_t isr)
{
    assert(bank < IRQ_GEN7_BANKS);
    irq_bank_level(&irq->bank[bank], isr);
    return update(irq);
}
