/* SPDX-License-Identifier: MIT */
/*
 * hw_gen7.c: Haswell's engines: one ring each, PPGTT on. See hw.h. Registers: Haswell PRM vol. 2c
 * (command reference: registers), "Ring Buffer", GFX_MODE, INSTPM, HWS_PGA; the order of the writes
 * that start a ring is the stock driver's.
 */
#include "services/sched/hw_priv.h"

#include "lib/crash.h"

#include <errno.h>

enum {
    RING_PP_DCLV = 0x220,
    GFX_MODE_PPGTT = 1 << 9,
    GFX_MODE_REPLAY = 1 << 11,
    GFX_MODE_TLB_EXPLICIT = 1 << 13,
    INSTPM_SYNC_FLUSH = 1 << 5,
    INSTPM_TLB_INVALIDATE = 1 << 9,
    RING_VALID = 1 << 0,
    HEAD_BITS = 0x1ffffc,
};

#define ECOCHK_PPGTT_WB  (3u << 3)
#define CCID             0x2180u
#define ARB_MODE         0x4030u
#define ARB_MODE_SWIZZLE (1u << 4 | 1u << 5)
#define GAC_ECO_BITS     0x14090u
#define ECO_CACHE64B     (3u << 8)
#define ECO_SNB          (1u << 13)
#define MASKED(set, all) ((uint32_t)(all) << 16 | (set))

/* The status pages' registers are not in the engines' blocks. */
static const uint16_t hws_pga[GEN8_ENGINES] = {
    [GEN8_RCS] = 0x4080, [GEN8_BCS] = 0x4280, [GEN8_VCS] = 0x4180, [GEN8_VECS] = 0x4380};

/* Idle engines only. What the engine remembers of the GGTT and of PPGTTs goes. */
static int flush(struct hw *hw, unsigned engine)
{
    uint32_t reg = gen8_engine_base(engine) + RING_INSTPM;
    uint32_t bits = INSTPM_SYNC_FLUSH | INSTPM_TLB_INVALIDATE;
    int rc = gpu_write32(hw->gpu, reg, MASKED(bits, bits));

    return rc ? rc : hw_wait(hw, reg, INSTPM_SYNC_FLUSH, 0, HW_WAIT_FLUSH_NS);
}

static int start_ring(struct hw *hw, unsigned engine)
{
    uint32_t base = gen8_engine_base(engine);
    const struct hw_set set[] = {
        {base + RING_CTL, 0},
        {base + RING_HEAD, 0},
        {base + RING_TAIL, 0},
        {base + RING_START, hw->ring[engine]},
        {base + RING_CTL, (HW_RING_BYTES - 4096) | RING_VALID},
    };

    return hw_write_all(hw, set, sizeof set / sizeof set[0]);
}

static int start(struct hw *hw, unsigned engine)
{
    uint32_t base = gen8_engine_base(engine);
    uint32_t bits = hw_bank_bits(&hw_gen7, engine);
    uint32_t mode = GFX_MODE_PPGTT | GFX_MODE_REPLAY;
    const struct hw_set set[] = {
        {base + RING_HWSTAM, UINT32_MAX},
        {hws_pga[engine], hw->hwsp[engine]},
        {base + RING_GFX_MODE, MASKED(mode, mode | GFX_MODE_TLB_EXPLICIT)},
        {base + RING_PP_DCLV, UINT32_MAX},
        {base + RING_MI_MODE, MASKED(0, MI_MODE_STOP)},
        {base + RING_EIR, UINT32_MAX},
        {base + RING_IMR, ~bits},
    };
    int rc = hw_write_all(hw, set, sizeof set / sizeof set[0]);

    rc = rc ? rc : hw_ring_no_image(hw, engine);
    return rc ? rc : start_ring(hw, engine);
}

/* Tiles are not swizzled: guests are told so by what their memory controller says. */
static int set_global(struct hw *hw)
{
    int rc = gpu_write32(hw->gpu, ARB_MODE, MASKED(0, ARB_MODE_SWIZZLE));

    rc = rc ? rc : gpu_rmw32(hw->gpu, HW_GAM_ECOCHK, 0, ECOCHK_PPGTT_WB, NULL);

    return rc ? rc : gpu_rmw32(hw->gpu, GAC_ECO_BITS, 0, ECO_CACHE64B | ECO_SNB, NULL);
}

static int alive(struct hw *hw, unsigned engine)
{
    uint32_t base = gen8_engine_base(engine), mode = 0, ring = 0, ctl = 0;
    int rc = gpu_read32(hw->gpu, base + RING_GFX_MODE, &mode);

    rc = rc ? rc : gpu_read32(hw->gpu, base + RING_START, &ring);
    rc = rc ? rc : gpu_read32(hw->gpu, base + RING_CTL, &ctl);
    return rc ? rc : mode & GFX_MODE_PPGTT && ctl & RING_VALID && ring == hw->ring[engine];
}

static int progress(struct hw *hw, unsigned engine, struct hw_progress *progress)
{
    uint32_t base = gen8_engine_base(engine), head = 0, at = 0;
    int rc = gpu_read32(hw->gpu, base + RING_HEAD, &head);

    rc = rc ? rc : gpu_read32(hw->gpu, base + RING_ACTHD, &at);
    *progress = (struct hw_progress){head, at};
    return rc;
}

static int invalidate(struct hw *hw)
{
    int rc = 0;

    for (unsigned e = 0; e < GEN8_ENGINES && !rc; e++)
        if (hw_exists(hw, e))
            rc = flush(hw, e);
    return rc;
}

int hw_ring_page(struct hw *hw, unsigned engine, uint32_t hwsp)
{
    int rc;

    if (hw->hwsp[engine] == hwsp)
        return 0;
    hw->hwsp[engine] = hwsp;
    rc = gpu_write32(hw->gpu, hws_pga[engine], hwsp);
    return rc ? rc : flush(hw, engine);
}

int hw_ring_no_image(struct hw *hw, unsigned engine)
{
    return engine == GEN8_RCS ? gpu_write32(hw->gpu, CCID, 0) : 0;
}

int hw_ring_tail(struct hw *hw, unsigned engine, uint32_t tail)
{
    crash_point("sched.ring.tail");
    return gpu_write32(hw->gpu, gen8_engine_base(engine) + RING_TAIL, tail);
}

int hw_ring_stored(struct hw *hw, unsigned engine, const uint32_t *at, uint32_t value)
{
    uint64_t until = hw_now() + HW_WAIT_STORE_NS;
    uint32_t head, tail;
    int rc = 0;

    while (!rc && __atomic_load_n(at, __ATOMIC_ACQUIRE) != value) {
        if (hw_now() > until)
            return -ETIMEDOUT;
        rc = hw_ring_where(hw, engine, &head, &tail);
    }
    return rc;
}

int hw_ring_where(struct hw *hw, unsigned engine, uint32_t *head, uint32_t *tail)
{
    uint32_t base = gen8_engine_base(engine);
    int rc = gpu_read32(hw->gpu, base + RING_HEAD, head);

    rc = rc ? rc : gpu_read32(hw->gpu, base + RING_TAIL, tail);
    *head &= HEAD_BITS;
    *tail &= HEAD_BITS;
    return rc;
}

const struct hw_kind hw_gen7 = {
    .engines = GEN8_M_RCS | GEN8_M_BCS | GEN8_M(GEN8_VCS) | GEN8_M_VECS,
    .bits = HW_USER_INTERRUPT,
    .place = {[GEN8_RCS] = {GPU_IRQ_GT0, 0, 1, 4},
              [GEN8_BCS] = {GPU_IRQ_GT0, 22, 3, 26},
              [GEN8_VCS] = {GPU_IRQ_GT0, 12, 2, 16},
              [GEN8_VECS] = {GPU_IRQ_GT2, 10, 4, 13}},
    .start = start,
    .set_global = set_global,
    .alive = alive,
    .progress = progress,
    .invalidate = invalidate,
};
