/* SPDX-License-Identifier: MIT */
/*
 * aux.c: the DisplayPort AUX channels. There is no DisplayPort sink, so a transfer ends at once
 * with DONE and TIME_OUT_ERROR, and with an interrupt when the driver wants one. Handlers run under
 * the register file's lock. Facts: PRM HSW and BDW vol. 2c, DP_AUX_CTL.
 */
#include "softgpu/gmbus.h"

#include "softgpu/irq.h"
#include "softgpu/regs.h"

#include <stdlib.h>

#define AUX_SEND_BUSY (1u << 31)
#define AUX_DONE      (1u << 30)
#define AUX_INTERRUPT (1u << 29)
#define AUX_TIMEOUT   (1u << 28)
#define AUX_RECV_ERR  (1u << 25)
#define AUX_STATUS    (AUX_DONE | AUX_TIMEOUT | AUX_RECV_ERR) /* write one to clear */

#define AUX_A 0x64010u
#define AUX_B 0xe4110u /* C and D follow */

struct aux {
    struct regs *regs;
    struct irq *irq;
};

static unsigned channel_of(uint32_t offset)
{
    return offset == AUX_A ? 0 : (offset - AUX_B) / 0x100 + 1;
}

static void ctl_write(void *owner, uint32_t offset, uint32_t value)
{
    struct aux *a = owner;
    uint32_t status = regs_peek(a->regs, offset) & AUX_STATUS & ~value;

    if (value & AUX_SEND_BUSY)
        status |= AUX_DONE | AUX_TIMEOUT;
    regs_poke(a->regs, offset, (value & ~(AUX_STATUS | AUX_SEND_BUSY)) | status);
    if (value & AUX_SEND_BUSY && value & AUX_INTERRUPT)
        irq_aux_locked(a->irq, channel_of(offset));
}

#define CHANNEL(ctl, name)                                                                         \
    {(ctl), (ctl), name "_CTL", NULL, ctl_write, 0},                                               \
    {                                                                                              \
        (ctl) + 4, (ctl) + 20, name "_DATA", NULL, NULL, 0                                         \
    }

static const struct regs_range table[] = {
    CHANNEL(AUX_A, "DPA_AUX_CH"),
    CHANNEL(AUX_B, "PCH_DPB_AUX_CH"),
    CHANNEL(AUX_B + 0x100, "PCH_DPC_AUX_CH"),
    CHANNEL(AUX_B + 0x200, "PCH_DPD_AUX_CH"),
};

struct aux *aux_new(struct regs *r, struct irq *irq)
{
    struct aux *a = calloc(1, sizeof(*a));

    if (!a)
        return NULL;
    *a = (struct aux){r, irq};
    return regs_add(r, table, sizeof(table) / sizeof(table[0]), a) ? aux_free(a) : a;
}

struct aux *aux_free(struct aux *a)
{
    free(a);
    return NULL;
}
