/* SPDX-License-Identifier: MIT */
/*
 * pcode.c: the power controller's mailbox. The driver puts data into two registers and a command
 * with bit 31 into the mailbox; we answer at once: bit 31 and the command byte give way to the
 * error code, the data registers hold the answer. Handlers run under the register file's lock.
 */
#include "softgpu/power.h"

#include "softgpu/regs.h"

#include <stdbool.h>
#include <stdlib.h>

#define MAILBOX       0x138124u
#define DATA          0x138128u
#define DATA1         0x13812cu
#define MAILBOX_READY (1u << 31)
#define ILLEGAL_CMD   1u

struct pcode {
    struct regs *regs;
    unsigned illegal;
};

/* What a Broadwell's power controller knows, and the data it returns (0 for writes: the data
 * registers keep what was written). */
struct command {
    uint8_t code;
    bool answers;
    uint32_t data;
};

static const struct command commands[] = {
    {0x04, false, 0}, /* write RC6 voltage ids */
    {0x05, true, 0},  /* read RC6 voltage ids */
    {0x08, false, 0}, /* write the ring and IA frequency for a GT frequency */
    {0x09, true, 0},  /* read that table */
    {0x0c, true, 0},  /* overclocking parameters: none */
    {0x10, true, 0},  /* read D_COMP */
    {0x11, false, 0}, /* write D_COMP */
    {0x17, false, 0}, /* display frequency is changed (Haswell's) */
    {0x18, true, 0},  /* about to change the display frequency: 0 = go on */
    {0x19, false, 0}, /* IPS control */
    {0x1a, false, 0}, /* dynamic duty cycle control */
};

static uint32_t answer(struct pcode *p, uint8_t code)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (commands[i].code != code)
            continue;
        if (commands[i].answers) {
            regs_poke(p->regs, DATA, commands[i].data);
            regs_poke(p->regs, DATA1, 0);
        }
        return 0;
    }
    p->illegal++;
    return ILLEGAL_CMD;
}

static void mailbox_write(void *owner, uint32_t offset, uint32_t value)
{
    struct pcode *p = owner;

    if (value & MAILBOX_READY)
        value = (value & ~(MAILBOX_READY | 0xffu)) | answer(p, value & 0xff);
    regs_poke(p->regs, offset, value);
}

static const struct regs_range table[] = {
    {MAILBOX, MAILBOX, "GEN6_PCODE_MAILBOX", NULL, mailbox_write, 0},
    {DATA, DATA1, "GEN6_PCODE_DATA", NULL, NULL, 0},
};

struct pcode *pcode_new(struct regs *r)
{
    struct pcode *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->regs = r;
    if (regs_add(r, table, sizeof(table) / sizeof(table[0]), p))
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
