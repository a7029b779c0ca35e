/* SPDX-License-Identifier: MIT */
/*
 * power.c: registers that power something up and answer at once that it is up: power wells,
 * south chicken bits (forcewake is forcewake.c, LCPLL clocks.c), and the detection of an analog
 * monitor, which finds none. Handlers run under the register file's lock, on the transport thread
 * or an engine thread. Facts: PRM HSW and BDW vol. 2c, PWR_WELL_CTL, SOUTH_CHICKEN2; HSW, DAC_CTL.
 */
#include "softgpu/power.h"

#include "softgpu/model.h"
#include "softgpu/regs.h"

#define PWR_WELL_CTL1    0x45400u /* BIOS; driver, KVMR and debug follow */
#define PWR_WELL_CTL4    0x4540cu
#define PWR_WELL_REQUEST (1u << 31)
#define PWR_WELL_STATE   (1u << 30)

#define SOUTH_CHICKEN2      0xc2004u
#define FDI_MPHY_IOSFSB_CTL (1u << 12)
#define FDI_MPHY_IOSFSB_STS (1u << 13)

/* The analog port of Haswell (DAC_CTL): a detection that is asked for ends at once, bits 25:24 say
 * that nothing is there. */
#define PCH_ADPA      0xe1100u
#define ADPA_TRIGGER  (1u << 16)
#define ADPA_DETECTED (3u << 24)

/* The frequency that is asked for (GEN6_RPNSWREQ bits 31:24, units of 50 MHz) is the one that the
 * GT has (GEN6_RPSTAT1 bits 13:7). */
#define RPNSWREQ        0xa008u
#define RPSTAT1         0xa01cu
#define RPSTAT1_CURRENT (0x7fu << 7)

/* RP0 1100 MHz, RP1 650 MHz, RPn 300 MHz, in units of 50 MHz (bytes 0, 1, 2). */
#define RP_STATE_CAP_VALUE 0x00060d16u

/* Any of the four requests turns the well on, and all four show it. */
static uint32_t power_well_read(void *owner, uint32_t offset)
{
    uint32_t any = 0;

    for (uint32_t off = PWR_WELL_CTL1; off <= PWR_WELL_CTL4; off += 4)
        any |= regs_peek(owner, off);
    return (regs_peek(owner, offset) & ~PWR_WELL_STATE) |
           (any & PWR_WELL_REQUEST ? PWR_WELL_STATE : 0);
}

static void south_chicken2_write(void *owner, uint32_t offset, uint32_t value)
{
    value &= ~FDI_MPHY_IOSFSB_STS;
    if (value & FDI_MPHY_IOSFSB_CTL)
        value |= FDI_MPHY_IOSFSB_STS;
    regs_poke(owner, offset, value);
}

static uint32_t rpstat_read(void *owner, uint32_t offset)
{
    uint32_t units = regs_peek(owner, RPNSWREQ) >> 24;

    return (regs_peek(owner, offset) & ~RPSTAT1_CURRENT) | (units << 7 & RPSTAT1_CURRENT);
}

static void adpa_write(void *owner, uint32_t offset, uint32_t value)
{
    regs_poke(owner, offset, value & ~(ADPA_TRIGGER | ADPA_DETECTED));
}

static const struct regs_range table[] = {
    {0x13805c, 0x13805c, "GEN6_GT_THREAD_STATUS", NULL, regs_write_ignored, 0},
    {PWR_WELL_CTL1, PWR_WELL_CTL4, "HSW_PWR_WELL_CTL", power_well_read, NULL, 0},
    {SOUTH_CHICKEN2, SOUTH_CHICKEN2, "SOUTH_CHICKEN2", NULL, south_chicken2_write, 0},
    {RPSTAT1, RPSTAT1, "GEN6_RPSTAT1", rpstat_read, regs_write_ignored, 0},
    {0x145998, 0x145998, "GEN6_RP_STATE_CAP", NULL, regs_write_ignored, RP_STATE_CAP_VALUE},
};

static const struct regs_range haswell[] = {
    {PCH_ADPA, PCH_ADPA, "PCH_ADPA", NULL, adpa_write, 0},
};

int power_add(struct regs *r, const struct model *m)
{
    int ret = regs_add(r, table, sizeof(table) / sizeof(table[0]), r);

    if (ret || m->family != MODEL_HASWELL)
        return ret;
    return regs_add(r, haswell, sizeof(haswell) / sizeof(haswell[0]), r);
}
