/* SPDX-License-Identifier: MIT */
/*
 * chip.c: in what the display engines of the generations differ for us (phys_priv.h): where vblanks
 * are told, how strongly port B drives, what must be said and what there is no register for. All
 * else is the same hardware. Facts: Haswell and Broadwell PRM vol. 2c (DE_IIR, DE_PIPE_IIR,
 * DDI_BUF_TRANS, PIPE_MISC, ARB_CTL), vol. 11 "Recommended buffer translation programming".
 */
#include "services/display/phys_priv.h"

#include <stddef.h>

static const struct phys_chip haswell = {
    .vblank_bank = GPU_IRQ_DE,
    .ddi_800mv = {0x00ffffff, 0x00040006},
    .swizzles = true,
};

static const struct phys_chip broadwell = {
    .vblank_bank = GPU_IRQ_PIPE_A,
    .ddi_800mv = {0x00ffffff, 0x00140006},
    .pipe_misc = true,
};

const struct phys_chip *phys_chip(uint8_t gen)
{
    static const struct phys_chip *const chips[] = {[GPU_GEN7] = &haswell, [GPU_GEN8] = &broadwell};

    return gen < sizeof(chips) / sizeof(chips[0]) ? chips[gen] : NULL;
}
