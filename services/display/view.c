/* SPDX-License-Identifier: MIT */
/* view.c: see view.h. */
#include "services/display/view.h"

#include "services/display/regs.h"
#include "services/wire/timing.h"

#include <assert.h>
#include <string.h>

#define EDP_INPUT(func) ((func) >> 12 & 7) /* 0 and 4: pipe A; 5: B; 6: C */
#define READ_TRIES      4

static uint32_t get(const struct vreg_file *vreg, uint32_t offset)
{
    return __atomic_load_n(&vreg->mmio[offset / 4], __ATOMIC_ACQUIRE);
}

/* The eDP transcoder takes any pipe; while it takes this one, the pipe's own is not used. */
static bool feeds_edp(const struct vreg_file *vreg, unsigned pipe)
{
    static const uint8_t input[8] = {0, 0xff, 0xff, 0xff, 0, 1, 2, 0xff};
    uint32_t func = get(vreg, TRANS_EDP + TRANS_DDI_FUNC);

    return func & REG_ENABLE && input[EDP_INPUT(func)] == pipe;
}

static void read_mode(const struct vreg_file *vreg, unsigned pipe, struct view_pipe *v)
{
    bool edp = feeds_edp(vreg, pipe);
    uint32_t at = edp ? TRANS_EDP : TRANS_A + pipe * PIPE_STRIDE;
    uint32_t func = get(vreg, at + TRANS_DDI_FUNC);
    uint32_t port = edp ? 0 : func >> 28 & 7;

    v->conf = get(vreg, edp ? PIPE_EDP_CONF : PIPE_CONF + pipe * PIPE_STRIDE);
    v->mode = (struct modeline_regs){
        .htotal = get(vreg, at + TRANS_HTOTAL),
        .vtotal = get(vreg, at + TRANS_VTOTAL),
        .vblank = get(vreg, at + TRANS_VBLANK),
        .ddi_func = func,
        .clk_sel = get(vreg, PORT_CLK_SEL + port * 4),
        .wrpll = {get(vreg, WRPLL_CTL1), get(vreg, WRPLL_CTL2)},
        .spll = get(vreg, SPLL_CTL),
        .link_m = get(vreg, at + TRANS_LINK_M1),
        .link_n = get(vreg, at + TRANS_LINK_N1),
    };
    v->hblank = get(vreg, at + TRANS_HBLANK);
    v->hsync = get(vreg, at + TRANS_HSYNC);
    v->vsync = get(vreg, at + TRANS_VSYNC);
}

static void read_planes(const struct vreg_file *vreg, unsigned pipe, struct view_pipe *v)
{
    uint32_t at = pipe * PIPE_STRIDE;

    v->plane = (struct fb_regs){
        .dspcntr = get(vreg, at + PRI_CTL),
        .dspstride = get(vreg, at + PRI_STRIDE),
        .dspsurf = get(vreg, at + PRI_SURF),
        .dspoffset = get(vreg, at + PRI_OFFSET),
        .pipesrc = get(vreg, at + PIPE_SRC),
    };
    v->cur_ctl = get(vreg, at + CUR_CTL);
    v->cur_base = get(vreg, at + CUR_BASE);
    v->cur_pos = get(vreg, at + CUR_POS);
    v->crc_ctl = get(vreg, at + PIPE_CRC_CTL);
}

/* A driver writes a plane's registers one after the other; two equal reads make a half-written set
 * unlikely. It does no harm: every set is checked, and the next look corrects it. */
void view_read(const struct vreg_file *vreg, unsigned pipe, struct view_pipe *view)
{
    struct view_pipe again;

    assert(pipe < VIEW_PIPES);
    memset(view, 0, sizeof(*view));
    memset(&again, 0, sizeof(again));
    read_mode(vreg, pipe, view);
    read_planes(vreg, pipe, view);
    for (int i = 0; i < READ_TRIES; i++) {
        read_mode(vreg, pipe, &again);
        read_planes(vreg, pipe, &again);
        if (!memcmp(view, &again, sizeof(again)))
            return;
        *view = again;
    }
}

/* In the order of TIMING_CRC_REGS. */
uint64_t view_crc_of(const struct view_pipe *v)
{
    const uint32_t value[TIMING_CRC_COUNT] = {
        v->crc_ctl,         v->plane.pipesrc, v->plane.dspcntr,
        v->plane.dspstride, v->plane.dspsurf, v->plane.dspoffset,
        v->cur_ctl,         v->cur_base,      v->cur_pos,
    };

    return v->crc_ctl & REG_ENABLE ? timing_crc_of(value) : 0;
}

bool view_running(const struct view_pipe *view)
{
    return view->conf & REG_ENABLE;
}
