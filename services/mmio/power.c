/* SPDX-License-Identifier: MIT */
/*
 * power.c: clocks, power wells, forcewake, side-band and firmware mailboxes, and DP-AUX without a
 * sink: handshakes a driver waits for. Each is answered in the write itself; nothing reaches
 * hardware. Called by dispatch.c. Register facts: Haswell and Broadwell PRM vol. 2c.
 */
#include "services/mmio/priv.h"

#define LCPLL       0x130040u
#define PWR_WELL    0x45400u
#define PCODE       0x138124u
#define SBI_STATUS  0xc6008u
#define MPHY        0xc2004u
#define RAWCLK      0xc6204u
#define FORCEWAKE   0xa188u
#define FW_ACK      0x130044u
#define AUX_BUSY    (1u << 31)
#define AUX_DONE    (1u << 30)
#define AUX_TIMEOUT (1u << 28)
#define AUX_W1C     (AUX_DONE | AUX_TIMEOUT | 1u << 25)

/* Locked (30) unless disabled (31); the switch to FCLK (21) is done (19) at once. */
static int lcpll_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t value = w->value & ~(1u << 30 | 1u << 19);

    if (!(value & 1u << 31))
        value |= 1u << 30;
    if (value & 1u << 21)
        value |= 1u << 19;
    *mmio_reg(m, w->offset) = value;
    return 0;
}

/* One well, four who may ask for it (bit 31): bit 30 of each tells whether it is on. */
static uint32_t pwr_well_read(struct mmio *m, uint32_t offset)
{
    uint32_t asked = 0;

    for (uint32_t i = 0; i < 4; i++)
        asked |= *mmio_reg(m, PWR_WELL + 4 * i);
    return (*mmio_reg(m, offset) & ~(1u << 30)) | (asked >> 1 & 1u << 30);
}

/* Every command succeeds (bits 7:0 are its error code) and returns 0. */
static int pcode_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t value = w->value;

    if (value & 1u << 31) {
        value &= ~(1u << 31 | 0xff);
        *mmio_reg(m, PCODE + 4) = 0;
        *mmio_reg(m, PCODE + 8) = 0;
    }
    *mmio_reg(m, PCODE) = value;
    return 0;
}

/* Never busy (0), never failed (1). */
static int sbi_write(struct mmio *m, const struct mmio_write *w)
{
    *mmio_reg(m, w->offset) = w->value & ~3u;
    return 0;
}

/* Reset of the FDI mPHY: status (13) follows control (12). */
static int mphy_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t value = w->value & ~(1u << 13);

    *mmio_reg(m, w->offset) = value | (value << 1 & 1u << 13);
    return 0;
}

static int forcewake_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t value = w->value & w->mask, select = value >> 16;
    uint32_t fresh = (*mmio_reg(m, FW_ACK) & ~select & 0xffff) | (value & select);

    *mmio_reg(m, FORCEWAKE) = fresh;
    *mmio_reg(m, FW_ACK) = fresh;
    return 0;
}

/* No sink answers: a transfer that is started is over, by time-out. */
static int aux_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t status = *mmio_reg(m, w->offset) & AUX_W1C & ~(w->value & w->mask);
    uint32_t value = w->value & ~(AUX_W1C | AUX_BUSY);

    if (w->value & AUX_BUSY)
        status |= AUX_DONE | AUX_TIMEOUT;
    *mmio_reg(m, w->offset) = value | status;
    return 0;
}

static int read_only(struct mmio *m, const struct mmio_write *w)
{
    (void)w;
    mmio_fault(m, MMIO_FAULT_READ_ONLY);
    return 0;
}

static const struct mmio_handler lcpll_handler = {"LCPLL", NULL, lcpll_write};
static const struct mmio_handler pwr_well_handler = {"power well", pwr_well_read, NULL};
static const struct mmio_handler pcode_handler = {"PCODE mailbox", NULL, pcode_write};
static const struct mmio_handler sbi_handler = {"SBI status", NULL, sbi_write};
static const struct mmio_handler mphy_handler = {"FDI mPHY", NULL, mphy_write};
static const struct mmio_handler forcewake_handler = {"forcewake", NULL, forcewake_write};
static const struct mmio_handler aux_handler = {"AUX control", NULL, aux_write};
static const struct mmio_handler ro_handler = {"read only", NULL, read_only};

static void attach_power(struct mmio *m)
{
    static const struct mmio_regs regs[] = {
        {LCPLL, 1, &lcpll_handler}, {PWR_WELL, 4, &pwr_well_handler},
        {PCODE, 1, &pcode_handler}, {SBI_STATUS, 1, &sbi_handler},
        {MPHY, 1, &mphy_handler},   {FORCEWAKE, 1, &forcewake_handler},
        {FW_ACK, 1, &ro_handler},   {0x120010, 1, &ro_handler}, /* EDRAM */
        {0x13805c, 1, &ro_handler},                             /* thread status */
        {0x145998, 1, &ro_handler},                             /* RP_STATE_CAP */
    };

    mmio_register(m, regs, sizeof regs / sizeof regs[0]);
}

static void attach_power8(struct mmio *m)
{
    static const struct mmio_regs regs[] = {
        {0x9120, 1, &ro_handler}, /* FUSE2 */
        {0x9134, 3, &ro_handler}, /* EU disable */
    };

    attach_power(m);
    mmio_register(m, regs, sizeof regs / sizeof regs[0]);
}

static void reset_power8(struct mmio *m)
{
    *mmio_reg(m, LCPLL) = 0x44000000;
    *mmio_reg(m, 0x9120) = 0x02000000;   /* one slice */
    *mmio_reg(m, 0x145998) = 0x00060d16; /* 300, 650, 1100 MHz */
    *mmio_reg(m, RAWCLK) = 24;           /* MHz */
}

/* Locked at 450 MHz. The south display's clock is 24 MHz in the parts that have it in their own
 * package (0x0a..), 125 MHz in the others. */
static void reset_power7(struct mmio *m)
{
    *mmio_reg(m, LCPLL) = 1u << 30;
    *mmio_reg(m, 0x145998) = 0x00060d16;
    *mmio_reg(m, RAWCLK) = m->s.vgpu.device >> 8 == 0x0a ? 24 : 125;
}

static void attach_aux(struct mmio *m)
{
    static const struct mmio_regs regs[] = {
        {0x64010, 1, &aux_handler},
        {0xe4110, 1, &aux_handler},
        {0xe4210, 1, &aux_handler},
        {0xe4310, 1, &aux_handler},
    };

    mmio_register(m, regs, sizeof regs / sizeof regs[0]);
}

static void reset_aux(struct mmio *m)
{
    (void)m; /* all zero */
}

const struct mmio_part mmio_part_power7 = {attach_power, reset_power7};
const struct mmio_part mmio_part_power8 = {attach_power8, reset_power8};
const struct mmio_part mmio_part_aux = {attach_aux, reset_aux};
