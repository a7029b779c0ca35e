/* SPDX-License-Identifier: MIT */
/*
 * pcode.c: the power controller's mailbox. The driver puts data into two registers and a command
 * with bit 31 into the mailbox; we answer at once: bit 31 and the command byte give way to the
 * error code, the data registers hold the answer. Handlers run under the register file's lock.
 */
#include "softgpu/power.h"

#include "softgpu/model.h"
#include "softgpu/regs.h"

#include <stdbool.h>
#include <stdlib.h>

#define MAILBOX       0x138124u
#define DATA          0x138128u
#define DATA1         0x13812cu
#define MAILBOX_READY (1u << 31)
#define ILLEGAL_CMD   1u

/* Compensation of the memory interface: Haswell's driver reads the register and writes it by
 * mailbox; a compensation is over as soon as it is asked for. */
#define D_COMP_HSW         0x145f0cu
#define D_COMP_IN_PROGRESS (1u << 9)

struct pcode {
    struct regs *regs;
    enum model_family family;
    unsigned illegal;
};

#define HSW  (1u << MODEL_HASWELL)
#define BDW  (1u << MODEL_BROADWELL)
#define BOTH (HSW | BDW)

/* What the power controllers know, and what they do when it is not only to say yes. Data registers
 * keep what was written, unless a command answers. */
struct command {
    uint8_t code;
    uint8_t chips;
    void (*run)(struct pcode *p);
};

static void answer(struct pcode *p, uint32_t data)
{
    regs_poke(p->regs, DATA, data);
    regs_poke(p->regs, DATA1, 0);
}

static void answer_nothing(struct pcode *p)
{
    answer(p, 0);
}

static void read_d_comp(struct pcode *p)
{
    answer(p, p->family == MODEL_HASWELL ? regs_peek(p->regs, D_COMP_HSW) : 0);
}

static void write_d_comp(struct pcode *p)
{
    if (p->family == MODEL_HASWELL)
        regs_poke(p->regs, D_COMP_HSW, regs_peek(p->regs, DATA) & ~D_COMP_IN_PROGRESS);
}

static const struct command commands[] = {
    {0x04, BOTH, NULL},           /* write RC6 voltage ids */
    {0x05, BOTH, answer_nothing}, /* read RC6 voltage ids */
    {0x08, BOTH, NULL},           /* write the ring and IA frequency for a GT frequency */
    {0x09, BOTH, answer_nothing}, /* read that table */
    {0x0c, BOTH, answer_nothing}, /* overclocking parameters: none */
    {0x10, BOTH, read_d_comp},
    {0x11, BOTH, write_d_comp},
    {0x17, BOTH, NULL},          /* display frequency is changed */
    {0x18, BDW, answer_nothing}, /* about to change the display frequency: 0 = go on */
    {0x19, BDW, NULL},           /* IPS control */
    {0x1a, BOTH, NULL},          /* dynamic duty cycle control */
};

/* The mailbox's error code. */
static uint32_t execute(struct pcode *p, uint8_t code)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (commands[i].code != code || !(commands[i].chips & 1u << p->family))
            continue;
        if (commands[i].run)
            commands[i].run(p);
        return 0;
    }
    p->illegal++;
    return ILLEGAL_CMD;
}

static void mailbox_write(void *owner, uint32_t offset, uint32_t value)
{
    struct pcode *p = owner;

    if (value & MAILBOX_READY)
        value = (value & ~(MAILBOX_READY | 0xffu)) | execute(p, value & 0xff);
    regs_poke(p->regs, offset, value);
}

static const struct regs_range table[] = {
    {MAILBOX, MAILBOX, "GEN6_PCODE_MAILBOX", NULL, mailbox_write, 0},
    {DATA, DATA1, "GEN6_PCODE_DATA", NULL, NULL, 0},
};
static const struct regs_range haswell[] = {
    {D_COMP_HSW, D_COMP_HSW, "D_COMP_HSW", NULL, regs_write_ignored, 0},
};

struct pcode *pcode_new(struct regs *r, const struct model *m)
{
    struct pcode *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->regs = r;
    p->family = m->family;
    if (regs_add(r, table, sizeof(table) / sizeof(table[0]), p))
        return pcode_free(p);
    if (m->family == MODEL_HASWELL && regs_add(r, haswell, 1, p))
        return pcode_free(p);
    return p;
}

struct pcode *pcode_free(struct pcode *p)
{
    free(p);
    return NULL;
}

unsigned pcode_illegal(struct pcode *p)
{
    unsigned n;

    regs_lock(p->regs);
    n = p->illegal;
    regs_unlock(p->regs);
    return n;
}
