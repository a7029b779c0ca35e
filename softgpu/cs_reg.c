/* SPDX-License-Identifier: MIT */
/*
 * cs_reg.c: register accesses made by commands: the engine's own block directly, everything else
 * through the device; and which registers a non-privileged batch may touch. Engine's thread, no
 * lock held.
 */
#include "softgpu/cs.h"
#include "softgpu/engine_priv.h"
#include "softgpu/engine_trace.h"

#define NONPRIV_SLOTS 12
#define REGS_END      0x200000u /* the register half of BAR0; commands can name 8 MiB */

/* Registers that a batch without privilege may write on Broadwell (PRM vol. 7, "User Mode
 * Privileged Commands"; igt gem_ctx_isolation writes and reads back each). */
static const struct {
    uint32_t first, last;
} user_regs[] = {
    {0x2094, 0x2094},                     /* NOPID */
    {0x20c0, 0x20c0},                     /* INSTPM */
    {0x2158, 0x2158},                     /* BB_OFFSET */
    {0x2290, 0x2294},                     /* GPGPU_THREADS_DISPATCHED */
    {0x22c8, 0x22cc},                     /* PS_INVOCATION_COUNT, PS_DEPTH_COUNT of slice 0 */
    {0x22d8, 0x22dc},   {0x22f0, 0x22f4}, /* of slice 1 */
    {0x22f8, 0x22fc},   {0x2300, 0x2344}, /* pipeline statistics */
    {0x2360, 0x2364},                     /* OA_CTX_CONTROL, OACTXID */
    {0x23bc, 0x23bc},                     /* MI_PREDICATE_RESULT_2 */
    {0x2400, 0x241c},                     /* MI_PREDICATE */
    {0x2420, 0x2420},                     /* 3DPRIM_END_OFFSET */
    {0x2430, 0x2440},                     /* 3DPRIM_START_VERTEX to 3DPRIM_BASE_VERTEX */
    {0x2448, 0x2454},                     /* PS_INVOCATION_COUNT, PS_DEPTH_COUNT of slice 2 */
    {0x2500, 0x2508},                     /* GPGPU_DISPATCHDIM */
    {0x2600, 0x267c},                     /* render GPRs */
    {0x2b00, 0x2b00},                     /* OA_CONTROL */
    {0x5200, 0x521c},                     /* SO_NUM_PRIMS_WRITTEN */
    {0x5240, 0x525c},                     /* SO_PRIM_STORAGE_NEEDED */
    {0x5280, 0x528c},                     /* SO_WRITE_OFFSET */
    {0x7000, 0x7008},                     /* CACHE_MODE_0, CACHE_MODE_1, GT_MODE */
    {0x7034, 0x7034},                     /* L3CNTLREG */
    {0x91b8, 0x91c4},                     /* PERF_CNT_1, PERF_CNT_2 */
    {0xe400, 0xe404},                     /* TD_CTL */
    {0x12600, 0x1267c},                   /* GPRs of the other engines */
    {0x12800, 0x128fc},                   /* MFC_VDBOX1 */
    {0x1a600, 0x1a67c}, {0x22600, 0x2267c}, {0x22200, 0x22200}, /* BCS_SWCTRL */
};

static bool user_reg(struct engine *e, uint32_t addr)
{
    for (unsigned i = 0; i < sizeof(user_regs) / sizeof(user_regs[0]); i++) {
        if (addr >= user_regs[i].first && addr <= user_regs[i].last)
            return true;
    }
    for (unsigned i = 0; i < NONPRIV_SLOTS; i++) {
        uint32_t slot = reg_get(e, R_FORCE_TO_NONPRIV + 4 * i);

        /* A slot at its reset value names NOPID, which is harmless. */
        if (slot && (slot & 0x3fffffcu) == addr)
            return true;
    }
    return false;
}

void cs_reg_write_raw(struct engine *e, uint32_t addr, uint32_t value)
{
    addr &= 0x7ffffcu;
    if (addr - e->base < ENGINE_REGS_SIZE)
        engine_reg_write(e, addr - e->base, value);
    else if (engines_owns(addr))
        engines_mmio_write(e->owner, addr, value);
    else if (addr < REGS_END)
        e->owner->ops.mmio_write(e->owner->ops.opaque, addr, value);
}

uint32_t cs_reg_read_raw(struct engine *e, uint32_t addr)
{
    addr &= 0x7ffffcu;
    if (addr - e->base < ENGINE_REGS_SIZE)
        return engine_reg_read(e, addr - e->base);
    if (engines_owns(addr))
        return engines_mmio_read(e->owner, addr);
    return addr < REGS_END ? e->owner->ops.mmio_read(e->owner->ops.opaque, addr) : 0;
}

bool cs_reg_write(struct engine *e, uint32_t addr, uint32_t value)
{
    bool denied = !cs_privileged(e) && !user_reg(e, addr & 0x7ffffcu);

    engine_trace_reg(e, TRACE_REG_WRITE, addr & 0x7ffffcu, value, denied);
    if (denied)
        return false;
    cs_reg_write_raw(e, addr, value);
    return true;
}

/* Only writes are restricted: igt gem_workarounds reads any register from a user's batch. */
bool cs_reg_read(struct engine *e, uint32_t addr, uint32_t *value)
{
    addr &= 0x7ffffcu;
    *value = cs_reg_read_raw(e, addr);
    engine_trace_reg(e, TRACE_REG_READ, addr, *value, false);
    return true;
}
