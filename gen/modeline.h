/* SPDX-License-Identifier: MIT */
/*
 * Display timing of Haswell and Broadwell, which have the same transcoders and clocks: what a
 * pipe's registers say about its mode, and where its beam is at a given time. services/display
 * derives the timing of a guest's pipe; services/mmio computes scan line, frame counter and the
 * next vblank from it. Pure functions, any thread. Facts: Haswell and Broadwell PRM vol. 2c
 * (WRPLL_CTL, SPLL_CTL, PORT_CLK_SEL, TRANS_*), vol. 11 "Display clocks".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Raw register values of a transcoder and of the port it drives. */
struct modeline_regs {
    uint32_t htotal, vtotal, vblank; /* TRANS_HTOTAL, VTOTAL, VBLANK */
    uint32_t ddi_func;               /* TRANS_DDI_FUNC_CTL */
    uint32_t clk_sel;                /* PORT_CLK_SEL of the port ddi_func names */
    uint32_t wrpll[2], spll;         /* WRPLL_CTL1, 2; SPLL_CTL */
    uint32_t link_m, link_n;         /* PIPE_LINK_M1, N1: DisplayPort and FDI only */
};

struct modeline {
    uint32_t hactive, htotal; /* pixels */
    uint32_t vactive, vtotal; /* lines */
    uint32_t vblank_start;    /* line at which vblank starts */
    uint32_t clock_khz;       /* pixel clock */
    uint32_t refresh_mhz;     /* frames per 1000 s */
    uint32_t line_offset;     /* the line counter runs this many lines behind the beam */
};

/*
 * Clock of a port in kHz (link clock of DisplayPort, pixel clock of HDMI); 0 when the selected
 * PLL is off or none is selected.
 */
uint32_t modeline_port_khz(const struct modeline_regs *r);

/* Decode. Returns 0, 1 when the transcoder is off, -EINVAL when the numbers make no mode. */
int modeline_decode(const struct modeline_regs *r, struct modeline *m);

/*
 * The beam at t ns, where line 0 of frame 0 began at 0. The line is what PIPE_SCANLINE reads,
 * the frame what PIPE_FRMCNT reads: it counts at the start of each vblank.
 */
uint32_t modeline_line(const struct modeline *m, uint64_t t);
uint32_t modeline_frame(const struct modeline *m, uint64_t t);

/* The first time after t at which a vblank starts, ns. */
uint64_t modeline_next_vblank(const struct modeline *m, uint64_t t);
