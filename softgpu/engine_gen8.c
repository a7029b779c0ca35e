/* SPDX-License-Identifier: MIT */
/*
 * engine_gen8.c: Broadwell's column of engine_kind.h, and the small functions it is made of that
 * belong nowhere else. Engine's thread unless engine_kind.h says otherwise.
 */
#include "softgpu/conduct.h"
#include "softgpu/context.h"
#include "softgpu/cs_mi.h"
#include "softgpu/engine_kind.h"
#include "softgpu/engine_priv.h"
#include "softgpu/execlists.h"

#define NONPRIV_SLOTS   12u
#define RING_FAULT_REG  0x094u /* 0x4094, offsets in the 0x4000 block */
#define FAULT_TLB_DATA0 0xb10u
#define FAULT_TLB_DATA1 0xb14u

static const uint16_t masked[] = {R_PSMI_CTL, R_MI_MODE,     R_INSTPM,  R_RESET_CTL,
                                  R_MODE,     R_CTX_CONTROL, R_CSB_PTR, 0};
static const uint16_t masked_render[] = {0x088, 0x090, 0x0d8, 0x0dc, 0x0e0, 0x0e4, 0x0ec, 0x580, 0};

/* Registers that a batch without privilege may write (Broadwell PRM vol. 7, "User Mode Privileged
 * Commands"; igt gem_ctx_isolation writes and reads back each). It may read all: igt
 * gem_workarounds does. */
static const struct cs_reg_range user_regs[] = {
    {0x2094, 0x2094}, /* NOPID */
    {0x20c0, 0x20c0}, /* INSTPM */
    {0x2158, 0x2158}, /* BB_OFFSET */
    {0x2290, 0x2294}, /* GPGPU_THREADS_DISPATCHED */
    /* PS_INVOCATION_COUNT, PS_DEPTH_COUNT of slices 0 and 1 */
    {0x22c8, 0x22cc},
    {0x22d8, 0x22dc},
    {0x22f0, 0x22f4},
    {0x22f8, 0x22fc},
    {0x2300, 0x2344},   /* pipeline statistics */
    {0x2360, 0x2364},   /* OA_CTX_CONTROL, OACTXID */
    {0x23bc, 0x23bc},   /* MI_PREDICATE_RESULT_2 */
    {0x2400, 0x241c},   /* MI_PREDICATE */
    {0x2420, 0x2420},   /* 3DPRIM_END_OFFSET */
    {0x2430, 0x2440},   /* 3DPRIM_START_VERTEX to 3DPRIM_BASE_VERTEX */
    {0x2448, 0x2454},   /* PS_INVOCATION_COUNT, PS_DEPTH_COUNT of slice 2 */
    {0x2500, 0x2508},   /* GPGPU_DISPATCHDIM */
    {0x2600, 0x267c},   /* render GPRs */
    {0x2b00, 0x2b00},   /* OA_CONTROL */
    {0x5200, 0x521c},   /* SO_NUM_PRIMS_WRITTEN */
    {0x5240, 0x525c},   /* SO_PRIM_STORAGE_NEEDED */
    {0x5280, 0x528c},   /* SO_WRITE_OFFSET */
    {0x7000, 0x7008},   /* CACHE_MODE_0, CACHE_MODE_1, GT_MODE */
    {0x7034, 0x7034},   /* L3CNTLREG */
    {0x91b8, 0x91c4},   /* PERF_CNT_1, PERF_CNT_2 */
    {0xe400, 0xe404},   /* TD_CTL */
    {0x12600, 0x1267c}, /* GPRs of the other engines */
    {0x1a600, 0x1a67c},
    {0x22600, 0x2267c},
    {0x12800, 0x128fc}, /* MFC_VDBOX1 */
    {0x22200, 0x22200}, /* BCS_SWCTRL */
    {0},
};
static const struct cs_reg_range user_regs_vcs2[] = {
    {0x1c600, 0x1c67c}, /* GPRs */
    {0x1c800, 0x1c8fc}, /* MFC_VDBOX2 */
    {0},
};

static void reg_reset(struct engine *e)
{
    reg_set(e, R_CSB_PTR, 0x0505);
    for (uint32_t i = 0; i < NONPRIV_SLOTS; i++)
        reg_set(e, R_FORCE_TO_NONPRIV + 4 * i, e->base + R_NOPID);
}

/* The blitter's bits are the upper half of the bank that it shares with the render engine, the
 * second video engine's of the one that it shares with the first. */
static uint32_t imr_layout(enum engine_id id, uint32_t events)
{
    return id == ENGINE_BCS || id == ENGINE_VCS2 ? events << 16 : events;
}

static bool ppgtt_on(const struct engine *e)
{
    return e->run[e->run_at] & DESC_PRIVILEGE;
}

static uint64_t root(struct engine *e)
{
    return reg_get64(e, R_PDP0_LDW);
}

static uint32_t context(const struct engine *e)
{
    return DESC_LRCA(e->run[e->run_at]);
}

/* A context's own is the first page of its image. */
static uint64_t status_page(struct engine *e, bool own)
{
    return own ? context(e) : reg_get(e, R_HWS_PGA) & ~0xfffull;
}

/* One register for all engines: valid bit 0, type 2:1 (0 = invalid PTE), source 10:3, engine 14:12;
 * the first fault stays until software clears it. */
static void record_fault(struct engine *e, bool ppgtt, uint64_t addr)
{
    static const uint8_t fault_engine[ENGINE_COUNT] = {
        [ENGINE_RCS] = 0, [ENGINE_VCS] = 1, [ENGINE_VCS2] = 2, [ENGINE_BCS] = 3, [ENGINE_VECS] = 4};
    _Atomic uint32_t *gam = e->owner->gam;
    uint32_t none = 0;

    if (!atomic_compare_exchange_strong(&gam[RING_FAULT_REG / 4], &none,
                                        1u | (uint32_t)fault_engine[e->id] << 12))
        return;
    atomic_store(&gam[FAULT_TLB_DATA0 / 4], (uint32_t)(addr >> 12));
    atomic_store(&gam[FAULT_TLB_DATA1 / 4], (uint32_t)(addr >> 44 & 0xf) | (ppgtt ? 0 : 1u << 4));
}

const struct engine_kind engine_gen8 = {
    .runnable = execlists_runnable,
    .run = execlists_run,
    .reset = execlists_reset,
    .regs = execlists_regs,
    .masked = masked,
    .masked_render = masked_render,
    .reg_reset = reg_reset,
    .imr_layout = imr_layout,
    .predicate_result_2 = R_PREDICATE_RESULT_2,
    .swizzle_reg = 0xa08, /* GAMTARBMODE */
    .swizzle_bit = 1u << 1,
    .tlb_regs = true,
    .space = context_ppgtt,
    .ppgtt_on = ppgtt_on,
    .root = root,
    .context = context,
    .status_page = status_page,
    .record_fault = record_fault,
    .mi = cs_mi_gen8,
    .pipe_control = &cs_pipe_control_gen8,
    .user_regs = user_regs,
    .user_regs_vcs2 = user_regs_vcs2,
    .nonpriv_slots = NONPRIV_SLOTS,
    .reads_free = true,
    .asks_ready = true,
    .missing_steps = conduct_missing_gen8,
};
