/* SPDX-License-Identifier: MIT */
/*
 * sbi.c: the side band of the south display (SBI_ADDR, SBI_DATA, SBI_CTL_STAT). Two targets, ICLK
 * and MPHY, each 64 Ki registers of plain storage. Handlers run under the register file's lock.
 */
#include "softgpu/power.h"

#include "softgpu/regs.h"

#include <stdlib.h>
#include <string.h>

#define SBI_ADDR     0xc6000u /* register in bits 31:16 */
#define SBI_DATA     0xc6004u
#define SBI_CTL_STAT 0xc6008u
#define STAT_BUSY    (1u << 0)
#define STAT_FAIL    (1u << 1)
#define CTL_MPHY     (1u << 16)

/* Bits 11:8 of the control register. */
enum { OP_IORD = 2, OP_IOWR = 3, OP_CRRD = 6, OP_CRWR = 7 };

struct sbi {
    struct regs *regs;
    uint32_t bank[2][0x10000];
};

static void ctl_write(void *owner, uint32_t offset, uint32_t value)
{
    struct sbi *s = owner;
    uint32_t *reg = &s->bank[value & CTL_MPHY ? 1 : 0][regs_peek(s->regs, SBI_ADDR) >> 16];
    unsigned op = (value >> 8) & 0xf;
    uint32_t stat = value & ~(STAT_BUSY | STAT_FAIL);

    if (value & STAT_BUSY) {
        if (op == OP_IORD || op == OP_CRRD)
            regs_poke(s->regs, SBI_DATA, *reg);
        else if (op == OP_IOWR || op == OP_CRWR)
            *reg = regs_peek(s->regs, SBI_DATA);
        else
            stat |= STAT_FAIL;
    }
    regs_poke(s->regs, offset, stat);
}

static const struct regs_range table[] = {
    {SBI_ADDR, SBI_DATA, "SBI_ADDR", NULL, NULL, 0},
    {SBI_CTL_STAT, SBI_CTL_STAT, "SBI_CTL_STAT", NULL, ctl_write, 0},
};

struct sbi *sbi_new(struct regs *r)
{
    struct sbi *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->regs = r;
    if (regs_add(r, table, sizeof(table) / sizeof(table[0]), s))
        return sbi_free(s);
    return s;
}

struct sbi *sbi_free(struct sbi *s)
{
    free(s);
    return NULL;
}

void sbi_reset(struct sbi *s)
{
    regs_lock(s->regs);
    memset(s->bank, 0, sizeof(s->bank));
    regs_unlock(s->regs);
}
