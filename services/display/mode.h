/* SPDX-License-Identifier: MIT */
/*
 * mode.h: modes for the physical pipe. A guest's mode is decoded to numbers, the numbers are
 * checked, and register values are made anew from them: no register of a guest's is copied. Called
 * by guest.c (check) and phys.c (program). Pure functions. Facts: Haswell, Broadwell PRM
 * vol. 2c (TRANS_*,
 * WRPLL_CTL), vol. 11 "WRPLL" (limits of the dividers).
 */
#pragma once
#include "services/display/view.h"

/* Register values as they go to transcoder A; comparable with memcmp(). */
struct phys_mode {
    uint32_t width, height;
    uint32_t htotal, hblank, hsync, vtotal, vblank, vsync;
    uint32_t polarity; /* bits 17:16 of TRANS_DDI_FUNC */
    uint32_t wrpll;    /* WRPLL_CTL, enabled */
    uint32_t clock_khz;
};

/* 0, or -EINVAL: a mode that makes no sense or that a TMDS port cannot send. */
int mode_from_view(const struct view_pipe *view, struct phys_mode *mode);

/* WRPLL_CTL for a TMDS clock from the LCPLL: 0, or -ERANGE if none comes within 0.5 %. */
int mode_wrpll(uint32_t khz, uint32_t *ctl);
