/* SPDX-License-Identifier: MIT */
/*
 * regs.h: display registers of Haswell and Broadwell that vgt-display reads in a guest's vreg file
 * or programs itself. Offsets are of pipe or transcoder A; the next one's lie PIPE_STRIDE further.
 * Facts: Haswell and Broadwell PRM vol. 2c, "Command Reference: Registers".
 */
#pragma once

enum {
    PIPE_STRIDE = 0x1000,

    /* Transcoder. The eDP transcoder's lie at TRANS_EDP instead. */
    TRANS_A = 0x60000,
    TRANS_EDP = 0x6f000,
    TRANS_HTOTAL = 0x00,
    TRANS_HBLANK = 0x04,
    TRANS_HSYNC = 0x08,
    TRANS_VTOTAL = 0x0c,
    TRANS_VBLANK = 0x10,
    TRANS_VSYNC = 0x14,
    TRANS_LINK_M1 = 0x40,
    TRANS_LINK_N1 = 0x44,
    TRANS_DDI_FUNC = 0x400,
    PIPE_SRC = 0x6001c, /* of the pipe, whatever its transcoder is */
    VSYNCSHIFT = 0x60028,
    PIPE_CRC_CTL = 0x60050,
    PIPE_CRC_RES = 0x60064,
    PIPE_MULT = 0x6002c,

    /* Pipe and planes. */
    PIPE_CONF = 0x70008,
    PIPE_EDP_CONF = 0x7f008,
    PIPE_MISC = 0x70030, /* Broadwell */
    PIPE_FRMCNT = 0x70040,
    CUR_CTL = 0x70080,
    CUR_BASE = 0x70084,
    CUR_POS = 0x70088,
    PRI_CTL = 0x70180,
    PRI_STRIDE = 0x70188,
    PRI_SURF = 0x7019c,
    PRI_OFFSET = 0x701a4,
    PRI_SURFLIVE = 0x701ac,
    SPR_CTL = 0x70280,
    SPR_SURF = 0x7029c,
    GAMMA_MODE = 0x4a480, /* the next pipe's 0x800 further; only A's is programmed */

    /* Clocks and ports. */
    SPLL_CTL = 0x46020,
    WRPLL_CTL1 = 0x46040,
    WRPLL_CTL2 = 0x46060,
    PORT_CLK_SEL = 0x46100, /* 4 bytes per port */
    TRANS_CLK_SEL = 0x46140,
    DDI_BUF_CTL_B = 0x64100,
    DDI_BUF_CTL_E = 0x64400,
    DDI_BUF_TRANS_B9 = 0x64ea8, /* port B's translation entry 9, the one TMDS uses */
    VGA_CONTROL = 0x41000,
    DISP_ARB_CTL = 0x45000,
    WM_LP1 = 0x45108,
    WM_LP3 = 0x45110,

    /* Power and presence. */
    PWR_WELL_CTL1 = 0x45400,
    LCPLL_CTL = 0x130040,
    SDE_ISR = 0xc4000,
    SHOTPLUG_CTL = 0xc4030,
    ADPA = 0xe1100, /* the analog port */
    PCH_TRANS_CONF = 0xf0008,
    FDI_RX_CTL = 0xf000c,
    GMBUS0 = 0xc5100,
    GMBUS1 = 0xc5104,
    GMBUS2 = 0xc5108,
    GMBUS3 = 0xc510c,
    GMBUS4 = 0xc5110,
    GMBUS5 = 0xc5120,
};

#define REG_ENABLE (1u << 31) /* of PIPE_CONF, PRI_CTL, PLLs, DDI_BUF_CTL, TRANS_DDI_FUNC */
#define REG_STATE  (1u << 30) /* PIPE_CONF: running; PWR_WELL_CTL: on; LCPLL_CTL: locked */

#define DDI_PORT_B        1u /* as TRANS_DDI_FUNC and the clock selects number ports */
#define DDI_BUF_IDLE      (1u << 7)
#define PORT_CLK_WRPLL1   (4u << 29)
#define PORT_CLK_NONE     (7u << 29)
#define SDE_PORT_B        (1u << 21) /* of SDE_ISR: plugged in; of the interrupt: changed */
#define SHOTPLUG_B_ENABLE (1u << 4)
#define SHOTPLUG_B_STATUS 3u
#define PIPE_CRC_BITS     (7u << 29) /* on, and of what: plane, sprite, pipe */
#define PRI_FORMAT        (0xfu << 26)
#define PRI_ROTATE        (1u << 15)
#define PRI_TILED         (1u << 10)
