/* SPDX-License-Identifier: MIT */
/*
 * hw_gen8.c: Broadwell's engines: execlists, their submit port and status events. See hw.h. The
 * upper half of a write to a masked register selects (MI_MODE, GFX_MODE, RESET_CTL, CSB_PTR).
 */
#include "services/sched/hw_priv.h"

#include "lib/crash.h"

enum {
    RING_RESET_CTL = 0xd0,
    RING_ELSP = 0x230,
    RING_EXECLIST_STATUS = 0x234, /* bits 3 and 4: the two pairs are valid */
    RING_CSB = 0x370,
    RING_CSB_PTR = 0x3a0,

    RESET_REQUEST = 1 << 0,
    RESET_READY = 1 << 1,
    GFX_MODE_RUN_LIST = 1 << 15,
    CSB_PTR_BITS = 0x0707,
    CSB_READ_BITS = 0x0700,
    CSB_PTR_RESET = 0x0505,
};

#define GTT_CACHE_EN 0x4024u
#define PPAT_LOW     0x40e0u
#define PPAT_HIGH    0x40e4u
#define UCGCTL6      0x9430u
#define RCS_PSMI_CTL 0x2050u
#define FF_THREAD    0x20a0u

static const uint16_t tlb_register[GEN8_ENGINES] = {
    [GEN8_RCS] = 0x4260,  [GEN8_BCS] = 0x426c,  [GEN8_VCS] = 0x4264,
    [GEN8_VECS] = 0x4270, [GEN8_VCS2] = 0x4268,
};

/* Ends with events read up to where the engine writes next. */
static int start(struct hw *hw, unsigned engine)
{
    uint32_t base = gen8_engine_base(engine);
    uint32_t bits = hw_bank_bits(&hw_gen8, engine);
    const struct hw_set set[] = {
        {base + RING_HWSTAM, UINT32_MAX},
        {base + RING_HWS_PGA, hw->hwsp[engine]},
        {base + RING_GFX_MODE, (uint32_t)GFX_MODE_RUN_LIST << 16 | GFX_MODE_RUN_LIST},
        {base + RING_MI_MODE, (uint32_t)MI_MODE_STOP << 16},
        {base + RING_EIR, UINT32_MAX},
        {base + RING_IMR, ~bits},
        {base + RING_CSB_PTR, (uint32_t)CSB_PTR_BITS << 16 | CSB_PTR_RESET},
    };

    hw->csb_read[engine] = CSB_PTR_RESET & 7;
    return hw_write_all(hw, set, sizeof set / sizeof set[0]);
}

static int set_global(struct hw *hw)
{
    static const struct {
        uint32_t reg, clear, set;
    } fix[] = {
        {HW_GAM_ECOCHK, 0, 1u << 6},         /* WaSwitchSolVfFArbitrationPriority */
        {FF_THREAD, 1u << 19 | 1u << 15, 0}, /* WaVSRefCountFullforceMissDisable, WaDSRef... */
        {UCGCTL6, 0, 1u << 14},              /* WaDisableSDEUnitClockGating */
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof fix / sizeof fix[0] && !rc; i++)
        rc = gpu_rmw32(hw->gpu, fix[i].reg, fix[i].clear, fix[i].set, NULL);
    rc = rc ? rc : gpu_write_masked(hw->gpu, RCS_PSMI_CTL, 1u << 12, 1u << 12);
    rc = rc ? rc : gpu_write32(hw->gpu, PPAT_LOW, 0x000a0907);
    rc = rc ? rc : gpu_write32(hw->gpu, PPAT_HIGH, 0x3b2b1b0b);
    return rc ? rc : gpu_write32(hw->gpu, GTT_CACHE_EN, 0xf0007fff);
}

static int ask_reset(struct hw *hw, unsigned engine)
{
    uint32_t reg = gen8_engine_base(engine) + RING_RESET_CTL;
    int rc = gpu_write_masked(hw->gpu, reg, RESET_REQUEST, RESET_REQUEST);

    return rc ? rc : hw_wait(hw, reg, RESET_READY, RESET_READY, HW_WAIT_RESET_NS);
}

static void end_reset(struct hw *hw, unsigned engine)
{
    gpu_write_masked(hw->gpu, gen8_engine_base(engine) + RING_RESET_CTL, RESET_REQUEST, 0);
}

static int alive(struct hw *hw, unsigned engine)
{
    uint32_t base = gen8_engine_base(engine), mode = 0, page = 0;
    int rc = gpu_read32(hw->gpu, base + RING_GFX_MODE, &mode);

    rc = rc ? rc : gpu_read32(hw->gpu, base + RING_HWS_PGA, &page);
    return rc ? rc : mode & GFX_MODE_RUN_LIST && page == hw->hwsp[engine];
}

int hw_pairs(struct hw *hw, unsigned engine)
{
    uint32_t status;
    int rc = gpu_read32(hw->gpu, gen8_engine_base(engine) + RING_EXECLIST_STATUS, &status);

    return rc ? rc : (int)(status >> 3 & 1) + (int)(status >> 4 & 1);
}

/* Element 1 high, low, element 0 high, low; the last dword submits. */
int hw_submit(struct hw *hw, unsigned engine, const uint64_t desc[2])
{
    const uint32_t port[4] = {(uint32_t)(desc[1] >> 32), (uint32_t)desc[1],
                              (uint32_t)(desc[0] >> 32), (uint32_t)desc[0]};
    int rc = 0;

    for (size_t i = 0; i < 4 && !rc; i++) {
        crash_point("sched.submit.dword");
        rc = gpu_write32(hw->gpu, gen8_engine_base(engine) + RING_ELSP, port[i]);
    }
    return rc;
}

static int read_event(struct hw *hw, uint32_t reg, struct ctx_gen8_event *event)
{
    int rc = gpu_read32(hw->gpu, reg, &event->status);

    return rc ? rc : gpu_read32(hw->gpu, reg + 4, &event->id);
}

int hw_events(struct hw *hw, unsigned engine, struct ctx_gen8_event events[CSB_ENTRIES])
{
    uint32_t base = gen8_engine_base(engine), ptr, read = hw->csb_read[engine];
    int n = 0, rc = gpu_read32(hw->gpu, base + RING_CSB_PTR, &ptr);

    if (rc)
        return rc;
    ptr &= 7;
    if (ptr >= CSB_ENTRIES)
        return 0;
    while (read != ptr && n < (int)CSB_ENTRIES) {
        read = ctx_gen8_csb_next(read);
        rc = read_event(hw, base + RING_CSB + 8 * read, &events[n++]);
        if (rc)
            return rc;
    }
    return n;
}

int hw_events_done(struct hw *hw, unsigned engine)
{
    uint32_t reg = gen8_engine_base(engine) + RING_CSB_PTR;

    return gpu_write32(hw->gpu, reg, (uint32_t)CSB_READ_BITS << 16 | hw->csb_read[engine] << 8);
}

static int progress(struct hw *hw, unsigned engine, struct hw_progress *progress)
{
    uint32_t base = gen8_engine_base(engine), head = 0, low = 0, high = 0;
    int rc = gpu_read32(hw->gpu, base + RING_HEAD, &head);

    rc = rc ? rc : gpu_read32(hw->gpu, base + RING_ACTHD, &low);
    rc = rc ? rc : gpu_read32(hw->gpu, base + RING_ACTHD_UDW, &high);
    *progress = (struct hw_progress){head, (uint64_t)high << 32 | low};
    return rc;
}

static int invalidate(struct hw *hw)
{
    int rc = 0;

    for (unsigned e = 0; e < GEN8_ENGINES && !rc; e++)
        if (hw_exists(hw, e))
            rc = gpu_write32(hw->gpu, tlb_register[e], 1);
    for (unsigned e = 0; e < GEN8_ENGINES && !rc; e++)
        if (hw_exists(hw, e))
            rc = hw_wait(hw, tlb_register[e], 1, 0, HW_WAIT_FLUSH_NS);
    return rc;
}

const struct hw_kind hw_gen8 = {
    .engines = GEN8_M_ALL,
    .bits = HW_USER_INTERRUPT | HW_CONTEXT_SWITCH,
    .place = {[GEN8_RCS] = {GPU_IRQ_GT0, 0, 1, 0},
              [GEN8_BCS] = {GPU_IRQ_GT0, 16, 3, 0},
              [GEN8_VCS] = {GPU_IRQ_GT1, 0, 2, 0},
              [GEN8_VECS] = {GPU_IRQ_GT3, 0, 4, 0},
              [GEN8_VCS2] = {GPU_IRQ_GT1, 16, 7, 0}},
    .start = start,
    .set_global = set_global,
    .ask_reset = ask_reset,
    .end_reset = end_reset,
    .alive = alive,
    .progress = progress,
    .invalidate = invalidate,
};
