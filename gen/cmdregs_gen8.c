/* SPDX-License-Identifier: MIT */
/* Registers that commands may touch; see cmdregs_gen8.h. Constants, any thread. */
#include "gen/cmdregs_gen8.h"

#define RW    (CMDREG_READ | CMDREG_WRITE)
#define RO    CMDREG_READ
#define IMAGE CMDREG_IMAGE

#define ENGINE(first, last, how)                                                                   \
    {                                                                                              \
        .start = (first), .end = (last) + 4, .engines = GEN8_M_ALL, .relative = true,              \
        .access = (how)                                                                            \
    }
#define RENDER(first, last, how)                                                                   \
    {                                                                                              \
        .start = (first), .end = (last) + 4, .engines = GEN8_M_RCS, .access = (how)                \
    }
#define MASKED(reg, may, how)                                                                      \
    {                                                                                              \
        .start = (reg), .end = (reg) + 4, .engines = GEN8_M_RCS, .bits = (may),                    \
        .access = CMDREG_MASKED | (how)                                                            \
    }

static const struct cmdreg rules[] = {
    ENGINE(0x270, 0x28c, CMDREG_PDP), /* PDP0..3 */
    ENGINE(0x358, 0x35c, RO),         /* TIMESTAMP */
    ENGINE(0x3a8, 0x3a8, RO | IMAGE), /* CTX_TIMESTAMP */
    ENGINE(0x600, 0x67c, RW | IMAGE), /* general purpose registers */
    ENGINE(0x94, 0x94, RW),           /* NOPID */
    ENGINE(0x178, 0x17c, IMAGE),      /* watchdog: control and threshold */

    /* Masked registers the driver sets from its list of context workarounds. Never MI_MODE's
     * STOP_RING (bit 8) nor GFX_MODE: they decide who runs, which is the scheduler's. */
    MASKED(0x209c, 0xfeff, IMAGE),      /* MI_MODE */
    MASKED(0x20c0, 0xfdff, IMAGE),      /* INSTPM, without TLB invalidation */
    MASKED(0x2580, 0xffff, RO | IMAGE), /* CS_CHICKEN1: preemption granularity of the context */
    MASKED(0x7000, 0xffff, RO | IMAGE), /* CACHE_MODE_0 */
    MASKED(0x7004, 0xffff, RO | IMAGE), /* CACHE_MODE_1 */
    MASKED(0x7008, 0xffff, RO | IMAGE), /* GT_MODE */
    MASKED(0x7010, 0xffff, IMAGE),      /* COMMON_SLICE_CHICKEN1 */
    MASKED(0x7014, 0xffff, IMAGE),      /* COMMON_SLICE_CHICKEN2 */
    MASKED(0x7018, 0xffff, IMAGE),
    MASKED(0x7300, 0xffff, IMAGE), /* HDC_CHICKEN0 */
    MASKED(0xe100, 0xffff, IMAGE), /* HALF_SLICE_CHICKEN1 */
    MASKED(0xe184, 0xffff, IMAGE), /* HALF_SLICE_CHICKEN3 */
    MASKED(0xe194, 0xffff, IMAGE), /* HALF_SLICE_CHICKEN7 */
    MASKED(0xe4f0, 0xffff, IMAGE), /* ROW_CHICKEN */
    MASKED(0xe4f4, 0xffff, IMAGE), /* ROW_CHICKEN2 */

    RENDER(0x2300, 0x2354, RW | IMAGE), /* pipeline statistics */
    RENDER(0x2290, 0x2294, RW | IMAGE), /* GPGPU_THREADS_DISPATCHED */
    RENDER(0x2400, 0x241c, RW | IMAGE), /* predicate source, data, result */
    RENDER(0x2420, 0x2420, RW | IMAGE), /* 3DPRIM_END_OFFSET */
    RENDER(0x2430, 0x2440, RW | IMAGE), /* 3DPRIM vertex and instance parameters */
    RENDER(0x2500, 0x2508, RW | IMAGE), /* GPGPU_DISPATCHDIM */
    RENDER(0x5200, 0x525c, RW | IMAGE), /* stream-output statistics */
    RENDER(0x5280, 0x528c, RW | IMAGE), /* stream-output offsets */
    RENDER(0x7034, 0x7034, RW | IMAGE), /* L3 partition of the context */
    RENDER(0xb118, 0xb118, RW | IMAGE), /* L3SQCREG4, flushed by the context batch */

    /* Saved with the context, but nothing a command has business with. */
    RENDER(0x20c8, 0x20c8, IMAGE), /* R_PWR_CLK_STATE */
    RENDER(0x2158, 0x2158, IMAGE), /* BB_OFFSET */
    RENDER(0x22c8, 0x22cc, IMAGE), /* PS_INVOCATION_COUNT, PS_DEPTH_COUNT of slice 0 */
    RENDER(0x22d8, 0x22dc, IMAGE),
    RENDER(0x22f0, 0x22fc, IMAGE), /* of slice 1 */
    RENDER(0x2360, 0x2364, IMAGE), /* OA_CTX_CONTROL, OACTXID */
    RENDER(0x2448, 0x2454, IMAGE), /* of slice 2 */
    RENDER(0xe400, 0xe404, IMAGE), /* TD_CTL */
    RENDER(0x2090, 0x2090, IMAGE), /* 3D_CHICKEN3 */
    RENDER(0x20a0, 0x20a0, IMAGE), /* FF_THREAD_MODE */
    RENDER(0x20e0, 0x20e4, IMAGE), /* FF_SLICE_CS_CHICKEN1, 2 */

    /* A display register; old drivers unmask flips around MI_WAIT_FOR_EVENT. */
    RENDER(0x44050, 0x44050, CMDREG_BLANK),
};

const struct cmdreg *cmdregs_gen8_find(enum gen8_engine engine, uint32_t reg)
{
    return cmdregs_find(rules, sizeof(rules) / sizeof(rules[0]), engine, reg);
}

bool cmdregs_gen8_may_write(const struct cmdreg *r, const uint32_t *value)
{
    return cmdregs_may_write(r, value);
}
