/* SPDX-License-Identifier: MIT */
/*
 * aux.c: the DisplayPort AUX channels. There is no DisplayPort sink, so a transfer ends at once
 * with DONE and TIME_OUT_ERROR. Handlers run under the register file's lock.
 */
#include "softgpu/gmbus.h"
#include "softgpu/regs.h"

#define AUX_SEND_BUSY (1u << 31)
#define AUX_DONE      (1u << 30)
#define AUX_TIMEOUT   (1u << 28)
#define AUX_RECV_ERR  (1u << 25)
#define AUX_STATUS    (AUX_DONE | AUX_TIMEOUT | AUX_RECV_ERR) /* write one to clear */

static void ctl_write(void *owner, uint32_t offset, uint32_t value)
{
    uint32_t status = regs_peek(owner, offset) & AUX_STATUS & ~value;

    if (value & AUX_SEND_BUSY)
        status |= AUX_DONE | AUX_TIMEOUT;
    regs_poke(owner, offset, (value & ~(AUX_STATUS | AUX_SEND_BUSY)) | status);
}

#define CHANNEL(ctl, name)                                                                         \
    {(ctl), (ctl), name "_CTL", NULL, ctl_write, 0},                                               \
    {                                                                                              \
        (ctl) + 4, (ctl) + 20, name "_DATA", NULL, NULL, 0                                         \
    }

static const struct regs_range table[] = {
    CHANNEL(0x64010, "DPA_AUX_CH"),
    CHANNEL(0xe4110, "PCH_DPB_AUX_CH"),
    CHANNEL(0xe4210, "PCH_DPC_AUX_CH"),
    CHANNEL(0xe4310, "PCH_DPD_AUX_CH"),
};

int aux_add(struct regs *r)
{
    return regs_add(r, table, sizeof(table) / sizeof(table[0]), r);
}
