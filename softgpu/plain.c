/* SPDX-License-Identifier: MIT */
/*
 * plain.c: registers without behaviour that a display and power driver uses: fuses and straps with
 * fixed values, write-one-to-clear error registers, masked registers, and storage. What both chips
 * have comes first, then Haswell's own and Broadwell's own, then what depends on the package and on
 * the GT level. Static data.
 */
#include "softgpu/model.h"
#include "softgpu/regs.h"

#define FIXED(off, name, value)                                                                    \
    {                                                                                              \
        (off), (off), name, NULL, regs_write_ignored, value                                        \
    }
#define W1C(off, name)                                                                             \
    {                                                                                              \
        (off), (off), name, NULL, regs_write_one_clears, 0                                         \
    }
#define MASKED(a, b, name)                                                                         \
    {                                                                                              \
        (a), (b), name, NULL, regs_write_masked, 0                                                 \
    }
#define STORE(a, b, name)                                                                          \
    {                                                                                              \
        (a), (b), name, NULL, NULL, 0                                                              \
    }

/* SFUSE_STRAP: DDI B is there (bit 2), no CRT (bit 6). */
#define SFUSE_DDI_B  (1u << 2)
#define SFUSE_NO_CRT (1u << 6)

/* Memory latencies for the display's watermarks: level 0 in units of 0.1 us (bits 63:56), levels 1
 * to 4 of 0.5 us (bits 11:4, 19:12, 28:20, 40:32). Drivers take 0 for "unknown", and newer ones
 * then refuse every mode. */
#define SSKPD_LOW  (4u << 4 | 36u << 12 | 90u << 20)
#define SSKPD_HIGH (20u << 24 | 160u)

static const struct regs_range common[] = {
    /* GT: power, clock gating, L3; what is done (all ones: everything) */
    MASKED(0x700c, 0x701c, "COMMON_SLICE_CHICKEN"),
    FIXED(0x7100, "GEN7_SC_INSTDONE", 0xffffffff),
    FIXED(0xe160, "GEN7_SAMPLER_INSTDONE", 0xffffffff),
    FIXED(0xe164, "GEN7_ROW_INSTDONE", 0xffffffff),
    MASKED(0xe180, 0xe1fc, "HALF_SLICE_CHICKEN"),
    STORE(0x9000, 0x90fc, "GT chicken"),
    STORE(0x9400, 0x9418, "GEN6_UCGCTL"),
    STORE(0x9420, 0x94fc, "GEN7_MISCCPCTL"),
    STORE(0xa000, 0xa018, "GT RPS"),
    STORE(0xa020, 0xa184, "GT RPS"),
    STORE(0xa18c, 0xa3fc, "GT RC6"),
    STORE(0xb000, 0xb0fc, "L3"),
    /* north display */
    STORE(0x41000, 0x41000, "CPU_VGACNTRL"),
    FIXED(0x42014, "FUSE_STRAP", 0),
    FIXED(0x42020, "FUSE_STRAP3", 0),
    STORE(0x42080, 0x420fc, "CHICKEN"),
    W1C(0x42300, "FPGA_DBG"),
    STORE(0x43200, 0x43228, "FBC"),
    STORE(0x43400, 0x43410, "IPS_CTL"),
    STORE(0x44030, 0x44030, "DIGITAL_PORT_HOTPLUG"),
    STORE(0x44050, 0x44050, "DERRMR"),
    STORE(0x45000, 0x45034, "DISP_ARB_CTL"),
    STORE(0x45100, 0x4513c, "WM"),
    STORE(0x45200, 0x4527c, "WM_LINETIME"),
    STORE(0x45410, 0x45410, "HSW_PWR_WELL_CTL5"),
    STORE(0x45414, 0x45414, "HSW_PWR_WELL_CTL6"),
    STORE(0x46140, 0x4614c, "TRANS_CLK_SEL"),
    STORE(0x46408, 0x46408, "HSW_NDE_RSTWRN_OPT"),
    STORE(0x48250, 0x48260, "BLC_PWM_CPU"),
    STORE(0x48400, 0x48400, "BLC_MISC_CTL"),
    STORE(0x49010, 0x493fc, "PIPE_CSC"),
    STORE(0x4a000, 0x4bffc, "PALETTE and GAMMA"),
    STORE(0x60000, 0x60060, "TRANS_A"),
    STORE(0x60078, 0x603fc, "TRANS_A"),
    STORE(0x60400, 0x607fc, "TRANS_DDI_FUNC_CTL_A"),
    STORE(0x61000, 0x61060, "TRANS_B"),
    STORE(0x61078, 0x617fc, "TRANS_B"),
    STORE(0x62000, 0x62060, "TRANS_C"),
    STORE(0x62078, 0x627fc, "TRANS_C"),
    STORE(0x6f000, 0x6f7fc, "TRANS_EDP"),
    STORE(0x64040, 0x64044, "DP_TP_A"),
    STORE(0x64140, 0x64144, "DP_TP_B"),
    STORE(0x64240, 0x64244, "DP_TP_C"),
    STORE(0x64340, 0x64344, "DP_TP_D"),
    STORE(0x64440, 0x64444, "DP_TP_E"),
    STORE(0x64834, 0x64834, "EDP_PSR_IMR"),
    W1C(0x64838, "EDP_PSR_IIR"),
    STORE(0x64e00, 0x64efc, "DDI_BUF_TRANS"),
    STORE(0x65000, 0x65ffc, "AUDIO"),
    STORE(0x68000, 0x681fc, "PANEL_FITTER_A"),
    STORE(0x68800, 0x689fc, "PANEL_FITTER_B"),
    STORE(0x69000, 0x691fc, "PANEL_FITTER_C"),
    STORE(0x70080, 0x700a0, "CURSOR_A"),
    STORE(0x71080, 0x710a0, "CURSOR_B"),
    STORE(0x72080, 0x720a0, "CURSOR_C"),
    STORE(0x70180, 0x70198, "PRIMARY_A"),
    STORE(0x71180, 0x71198, "PRIMARY_B"),
    STORE(0x72180, 0x72198, "PRIMARY_C"),
    STORE(0x701a0, 0x701a8, "PRI_OFFSET_A"),
    STORE(0x711a0, 0x711a8, "PRI_OFFSET_B"),
    STORE(0x721a0, 0x721a8, "PRI_OFFSET_C"),
    STORE(0x70280, 0x70298, "SPRITE_A"),
    STORE(0x71280, 0x71298, "SPRITE_B"),
    STORE(0x72280, 0x72298, "SPRITE_C"),
    STORE(0x702a0, 0x7045c, "SPRITE_GAMMA_A"),
    STORE(0x712a0, 0x7145c, "SPRITE_GAMMA_B"),
    STORE(0x722a0, 0x7245c, "SPRITE_GAMMA_C"),
    FIXED(0x78000, "PVINFO magic: not a vGPU", 0),
    FIXED(0x78004, "PVINFO magic: not a vGPU", 0),
    /* south display */
    STORE(0xc2000, 0xc2000, "SOUTH_CHICKEN1"),
    FIXED(0xc2014, "SFUSE_STRAP", SFUSE_DDI_B | SFUSE_NO_CRT),
    STORE(0xc2020, 0xc2020, "SOUTH_DSPCLK_GATE_D"),
    STORE(0xc4034, 0xc4034, "PCH_PORT_HOTPLUG2"),
    W1C(0xc4040, "SERR_INT"),
    STORE(0xc5010, 0xc5024, "GPIO"),
    STORE(0xc7200, 0xc7210, "PCH_PP"),
    STORE(0xc8250, 0xc8254, "BLC_PWM_PCH"),
    STORE(0xe7000, 0xe7000, "PCH_GTC_CTL"),
    STORE(0xf0060, 0xf0064, "TRANSA_CHICKEN"),
    /* flush, uncore */
    STORE(0x101008, 0x101008, "GFX_FLSH_CNTL"),
    FIXED(0x120010, "HSW_EDRAM_CAP", 0),
    FIXED(0x138060, "GEN6_GT_CORE_STATUS", 0), /* not in a sleep state */
    FIXED(0x138104, "GEN6_GT_GFX_RC6_LOCKED", 0),
    FIXED(0x138108, "GEN6_GT_GFX_RC6", 0),
    FIXED(0x13810c, "GEN6_GT_GFX_RC6p", 0),
    FIXED(0x138110, "GEN6_GT_GFX_RC6pp", 0),
    FIXED(0x145d10, "MCH_SSKPD", SSKPD_LOW),
    FIXED(0x145d14, "MCH_SSKPD_HI", SSKPD_HIGH),
    FIXED(0x145e04, "DCLK", 0),
};

static const struct regs_range haswell[] = {
    FIXED(0x911c, "GEN7_PAVP_FUSE1", 0), /* ten EUs in each half-slice */
    STORE(0x14090, 0x14090, "GAC_ECO_BITS"),
    STORE(0xb200, 0xb2fc, "L3 of slice 1"),
    MASKED(0xe100, 0xe100, "GEN7_HALF_SLICE_CHICKEN1"),
    MASKED(0xe49c, 0xe49c, "HSW_ROW_CHICKEN3"),
    MASKED(0xe4f4, 0xe4f4, "GEN7_ROW_CHICKEN2"),
    STORE(0x48350, 0x48354, "HSW_BLC_PWM2"),
    STORE(0x64800, 0x64830, "EDP_PSR"),
    STORE(0x64840, 0x64870, "EDP_PSR_AUX"),
    STORE(0xe0000, 0xe007c, "PCH_TRANS_A"),
    STORE(0xf000c, 0xf0010, "FDI_RX_CTL_A"),
    W1C(0xf0014, "FDI_RX_IIR_A"),
    STORE(0xf0018, 0xf0018, "FDI_RX_IMR_A"),
    STORE(0xf0030, 0xf0038, "FDI_RX_TUSIZE_A"),
    W1C(0x120000, "GTFIFODBG"),
    FIXED(0x120008, "GTFIFOCTL", 0x3f), /* entries that are free */
    FIXED(0x145000, "MAD_CHNL", 0),
};

static const struct regs_range broadwell[] = {
    STORE(0xfdc, 0xfdc, "GEN8_MCR_SELECTOR"),   MASKED(0x7300, 0x7304, "HDC_CHICKEN"),
    STORE(0x2b00, 0x2b00, "GEN8_OACONTROL"),    STORE(0x8500, 0x8500, "GT power"),
    FIXED(0x8504, "GEN8_RC6_CTX_INFO", 1), /* 0 would make drivers leave RC6 off */
    STORE(0x8508, 0x85fc, "GT power"),          STORE(0xb100, 0xb1fc, "GEN8_L3SQCREG"),
    MASKED(0xe4f0, 0xe4f4, "GEN8_ROW_CHICKEN"), STORE(0x46200, 0x46200, "CDCLK_FREQ"),
    STORE(0x6f800, 0x6f87c, "EDP_PSR"),         STORE(0x70030, 0x70030, "PIPE_MISC_A"),
    STORE(0x71030, 0x71030, "PIPE_MISC_B"),     STORE(0x72030, 0x72030, "PIPE_MISC_C"),
    STORE(0x138144, 0x138144, "D_COMP_BDW"),
};

/* What the south display of the package counts in, MHz: LPT-H, and LPT-LP beside U and Y. */
static const struct regs_range lpt_h[] = {FIXED(0xc6204, "PCH_RAWCLK_FREQ", 125)};
static const struct regs_range lpt_lp[] = {FIXED(0xc6204, "PCH_RAWCLK_FREQ", 24)};

/* Broadwell's fuses: slices that are there (bits 27:25 of FUSE2), subslices that are not (23:21),
 * and a bit for each EU that is not, eight for each of three subslices of a slice. GT1 has two
 * subslices of six, GT2 three of eight, GT3 two slices of those. */
#define FUSES(fuse2, eu0)                                                                          \
    {                                                                                              \
        FIXED(0x9120, "GEN8_FUSE2", fuse2), FIXED(0x9134, "GEN8_EU_DISABLE0", eu0),                \
            FIXED(0x9138, "GEN8_EU_DISABLE1", 0), FIXED(0x913c, "GEN8_EU_DISABLE2", 0)             \
    }
#define SLICES(n)       (((1u << (n)) - 1) << 25)
#define NO_SUBSLICE_2   (1u << 23)
#define SIX_OF_EIGHT    0xc0u
#define NONE_OF_EIGHT   0xffu
#define GT1_EU_DISABLE0 (SIX_OF_EIGHT | SIX_OF_EIGHT << 8 | NONE_OF_EIGHT << 16)

static const struct regs_range gt1[] = FUSES(SLICES(1) | NO_SUBSLICE_2, GT1_EU_DISABLE0);
static const struct regs_range gt2[] = FUSES(SLICES(1), 0);
static const struct regs_range gt3[] = FUSES(SLICES(2), 0);

#define ADD(r, table) regs_add(r, table, sizeof(table) / sizeof((table)[0]), r)

static int add_broadwell(struct regs *r, const struct model *m)
{
    int ret = ADD(r, broadwell);

    if (ret)
        return ret;
    if (m->gt == 1)
        return ADD(r, gt1);
    return m->gt == 2 ? ADD(r, gt2) : ADD(r, gt3);
}

int regs_add_plain(struct regs *r, const struct model *m)
{
    int ret = ADD(r, common);

    if (!ret)
        ret = m->ult ? ADD(r, lpt_lp) : ADD(r, lpt_h);
    if (ret)
        return ret;
    return m->family == MODEL_HASWELL ? ADD(r, haswell) : add_broadwell(r, m);
}
