/* SPDX-License-Identifier: MIT */
/* phys_priv.h: what phys.c, modeset.c and chip.c share. Nobody else includes it. */
#pragma once
#include "services/display/phys.h"

struct phys_chip {
    enum gpu_irq_bank vblank_bank; /* its bit 0 is pipe A's vblank, on both */
    uint32_t ddi_800mv[2];         /* buffer translation: 800 mV without pre-emphasis */
    bool pipe_misc;                /* PIPE_MISC has the bits of a colour, else TRANS_DDI_FUNC */
    bool swizzles;                 /* DISP_ARB_CTL can make planes swap address bits of tiles */
};

/* chip.c. NULL: a generation we do not know. */
const struct phys_chip *phys_chip(uint8_t gen);

/* A register that fails is counted and told once; reads then give 0. */
uint32_t phys_read(struct phys *p, uint32_t offset);
void phys_write(struct phys *p, uint32_t offset, uint32_t value);

/* Until the bits of mask have value: 0, or -ETIMEDOUT (counted) after ms. Blocks. */
int phys_wait(struct phys *p, uint32_t offset, uint32_t mask, uint32_t value, unsigned ms);

/* Turn off whatever firmware or a former process left on. 0 or -ETIMEDOUT. */
int phys_take_over(struct phys *p);
