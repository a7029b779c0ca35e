/* SPDX-License-Identifier: MIT */
/*
 * engine_gen7.c: Haswell's column of engine_kind.h, and the small functions it is made of that
 * belong nowhere else. Engine's thread unless engine_kind.h says otherwise.
 */
#include "softgpu/conduct.h"
#include "softgpu/cs_mi.h"
#include "softgpu/engine_kind.h"
#include "softgpu/engine_priv.h"
#include "softgpu/ring.h"

static const uint16_t masked[] = {R_PSMI_CTL, R_MI_MODE, R_INSTPM, R_MODE, 0};
/* 3D_CHICKEN, 3D_CHICKEN2, 3D_CHICKEN3, FF_SLICE_CS_CHICKEN, ECOSKPD. */
static const uint16_t masked_render[] = {0x084, 0x08c, 0x090, 0x0e4, 0x1d0, 0};

/* Hardware lets batches without privilege write next to nothing, which is why i915 checks batches
 * and then runs them with privilege. Only the blitter's BCS_SWCTRL is free. There are no
 * FORCE_TO_NONPRIV registers. */
static const struct cs_reg_range user_regs[] = {{0x22200, 0x22200}, {0}};

/* Each engine has a page of its own in the 0x4000 block: status page and fault register. */
static uint32_t gam_page(const struct engine *e)
{
    static const uint16_t page[ENGINE_COUNT] = {
        [ENGINE_RCS] = 0x000, [ENGINE_VCS] = 0x100, [ENGINE_BCS] = 0x200, [ENGINE_VECS] = 0x300};

    return page[e->id];
}

/* There is no status page but the engine's. */
static uint64_t status_page(struct engine *e, bool own)
{
    return own ? 0 : atomic_load(&e->owner->gam[(gam_page(e) + 0x080) / 4]) & ~0xfffull;
}

/* RING_FAULT_REG 0x4n94: valid bit 0, type 2:1, global space bit 11, page address 31:12; the first
 * fault stays until software clears it. Types: 0 invalid entry, 1 invalid directory entry, 2
 * directory not loaded. */
static uint32_t fault_type(struct engine *e, bool ppgtt, uint64_t addr)
{
    struct ppgtt p;

    if (!ppgtt)
        return 0;
    ring_space(e, &p);
    if (!gtt7_pde_loaded(&p, addr))
        return 2;
    return gtt7_pde(&p, addr) & 1 ? 0 : 1;
}

static void record_fault(struct engine *e, bool ppgtt, uint64_t addr)
{
    uint32_t none = 0, value = 1u | fault_type(e, ppgtt, addr) << 1 | (ppgtt ? 0 : 1u << 11);

    value |= (uint32_t)addr & ~0xfffu;
    atomic_compare_exchange_strong(&e->owner->gam[(gam_page(e) + 0x094) / 4], &none, value);
}

static void reg_reset(struct engine *e)
{
    (void)e;
}

/* GT_IIR: render from bit 0, video from 12, blitter from 22; PM_IIR: video enhancement's user
 * interrupt at bit 10, its errors at 12, its flush notification at 13. */
static uint32_t imr_layout(enum engine_id id, uint32_t events)
{
    switch (id) {
    case ENGINE_VCS:
        return events << 12;
    case ENGINE_BCS:
        return events << 22;
    case ENGINE_VECS:
        return (events & ENGINE_EVENT_USER ? 1u << 10 : 0) |
               (events & ENGINE_EVENT_ERROR ? 1u << 12 : 0) |
               (events & ENGINE_EVENT_PIPECTL ? 1u << 13 : 0);
    default:
        return events;
    }
}

const struct engine_kind engine_gen7 = {
    .runnable = ring_runnable,
    .run = ring_run,
    .reset = ring_reset,
    .head_wraps = true,
    .regs = ring_regs,
    .masked = masked,
    .masked_render = masked_render,
    .reg_reset = reg_reset,
    .imr_layout = imr_layout,
    .predicate_result_2 = R_PREDICATE_RESULT_2_GEN7,
    .swizzle_reg = 0x030, /* ARB_MODE */
    .swizzle_bit = 1u << 5,
    .space = ring_space,
    .ppgtt_on = ring_ppgtt_on,
    .root = ring_root,
    .context = ring_context,
    .status_page = status_page,
    .record_fault = record_fault,
    .mi = cs_mi_gen7,
    .pipe_control = &cs_pipe_control_gen7,
    .user_regs = user_regs,
    .reads_free = true,
    .missing_steps = conduct_missing_gen7,
};
