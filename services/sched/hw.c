/* SPDX-License-Identifier: MIT */
/*
 * hw.c: see hw.h. The engine's registers are masked ones where the upper half of a write selects
 * (MI_MODE, GFX_MODE, RESET_CTL, CSB_PTR, FORCEWAKE).
 */
#include "services/sched/hw.h"

#include "lib/crash.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum {
    RING_HEAD = 0x34,
    RING_ACTHD_UDW = 0x5c,
    RING_ACTHD = 0x74,
    RING_HWS_PGA = 0x80,
    RING_HWSTAM = 0x98,
    RING_MI_MODE = 0x9c,
    RING_IMR = 0xa8,
    RING_EIR = 0xb0,
    RING_RESET_CTL = 0xd0,
    RING_ELSP = 0x230,
    RING_EXECLIST_STATUS = 0x234, /* bits 3 and 4: the two pairs are valid */
    RING_GFX_MODE = 0x29c,
    RING_CSB = 0x370,
    RING_CSB_PTR = 0x3a0,

    MI_MODE_IDLE = 1 << 9,
    MI_MODE_STOP = 1 << 8,
    RESET_REQUEST = 1 << 0,
    RESET_READY = 1 << 1,
    GFX_MODE_RUN_LIST = 1 << 15,
    CSB_PTR_BITS = 0x0707,
    CSB_READ_BITS = 0x0700,
    CSB_PTR_RESET = 0x0505,
};

#define GAM_ECOCHK    0x4090u
#define GTT_CACHE_EN  0x4024u
#define PPAT_LOW      0x40e0u
#define PPAT_HIGH     0x40e4u
#define UCGCTL6       0x9430u
#define GDRST         0x941cu
#define GDRST_FULL    (1u << 0)
#define FORCEWAKE     0xa188u
#define FORCEWAKE_ACK 0x130044u
#define RCS_PSMI_CTL  0x2050u
#define FF_THREAD     0x20a0u

#define WAIT_STOP_NS   1000000ull   /* a hung engine never gets there */
#define WAIT_FLUSH_NS  4000000ull   /* TLB */
#define WAIT_WAKE_NS   50000000ull  /* forcewake */
#define WAIT_RESET_NS  500000000ull /* microseconds on silicon */
#define WAIT_LONG_ODDS 100          /* looks between two looks at the clock */

/* What each engine is called elsewhere: its half of an interrupt bank, its bit in GDRST, its TLB's
 * register. */
static const struct {
    uint8_t bank, shift, reset_bit;
    uint16_t tlb;
} place[GEN8_ENGINES] = {
    [GEN8_RCS] = {GPU_IRQ_GT0, 0, 1, 0x4260},   [GEN8_BCS] = {GPU_IRQ_GT0, 16, 3, 0x426c},
    [GEN8_VCS] = {GPU_IRQ_GT1, 0, 2, 0x4264},   [GEN8_VECS] = {GPU_IRQ_GT3, 0, 4, 0x4270},
    [GEN8_VCS2] = {GPU_IRQ_GT1, 16, 7, 0x4268},
};

static const uint8_t banks[] = {GPU_IRQ_GT0, GPU_IRQ_GT1, GPU_IRQ_GT3};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Until (register & mask) == want. */
static int wait_for(struct hw *hw, uint32_t reg, uint32_t mask, uint32_t want, uint64_t patience)
{
    uint64_t until = now_ns() + patience;
    uint32_t value;
    int rc;

    for (;;) {
        bool late = now_ns() > until;

        for (unsigned i = 0; i < WAIT_LONG_ODDS; i++) {
            rc = gpu_read32(hw->gpu, reg, &value);
            if (rc || (value & mask) == want)
                return rc;
        }
        if (late)
            return -ETIMEDOUT;
    }
}

void hw_init(struct hw *hw, struct gpu *gpu, uint32_t engines)
{
    *hw = (struct hw){.gpu = gpu, .engines = engines & GEN8_M_ALL};
}

static bool exists(const struct hw *hw, unsigned engine)
{
    return engine < GEN8_ENGINES && hw->engines & GEN8_M(engine);
}

static uint32_t wanted_bits(const struct hw *hw, unsigned bank)
{
    uint32_t bits = 0;

    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        if (exists(hw, e) && place[e].bank == bank)
            bits |= (HW_USER_INTERRUPT | HW_CONTEXT_SWITCH) << place[e].shift;
    return bits;
}

static int set_interrupts(struct hw *hw, bool on)
{
    int rc = 0;

    for (size_t i = 0; i < sizeof banks && !rc; i++) {
        uint32_t bits = on ? wanted_bits(hw, banks[i]) : 0;

        rc = gpu_irq_set(hw->gpu, banks[i], ~bits, bits);
    }
    return rc;
}

int hw_interrupts(struct hw *hw, uint32_t bits[GEN8_ENGINES])
{
    uint32_t pending[GPU_IRQ_BANKS] = {0};
    int rc = gpu_irq_pending(hw->gpu, pending);

    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        bits[e] = rc >= 0 && exists(hw, e) ? pending[place[e].bank] >> place[e].shift & 0xffff : 0;
    return rc < 0 ? rc : 0;
}

/* Ends with events read up to where the engine writes next. */
static int start_engine(struct hw *hw, unsigned engine)
{
    uint32_t base = gen8_engine_base(engine);
    uint32_t bits = (HW_USER_INTERRUPT | HW_CONTEXT_SWITCH) << place[engine].shift;
    const struct {
        uint32_t reg, value;
    } set[] = {
        {base + RING_HWSTAM, UINT32_MAX},
        {base + RING_HWS_PGA, hw->hwsp[engine]},
        {base + RING_GFX_MODE, (uint32_t)GFX_MODE_RUN_LIST << 16 | GFX_MODE_RUN_LIST},
        {base + RING_MI_MODE, (uint32_t)MI_MODE_STOP << 16},
        {base + RING_EIR, UINT32_MAX},
        {base + RING_IMR, ~bits},
        {base + RING_CSB_PTR, (uint32_t)CSB_PTR_BITS << 16 | CSB_PTR_RESET},
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof set / sizeof set[0] && !rc; i++)
        rc = gpu_write32(hw->gpu, set[i].reg, set[i].value);
    hw->csb_read[engine] = CSB_PTR_RESET & 7;
    return rc;
}

/* Workarounds that stand outside every context. */
static int set_global(struct hw *hw)
{
    static const struct {
        uint32_t reg, clear, set;
    } fix[] = {
        {GAM_ECOCHK, 0, 1u << 6},            /* WaSwitchSolVfFArbitrationPriority */
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

static int forcewake(struct hw *hw)
{
    int rc = gpu_write_masked(hw->gpu, FORCEWAKE, 1, 1);

    return rc ? rc : wait_for(hw, FORCEWAKE_ACK, 1, 1, WAIT_WAKE_NS);
}

static int domain_reset(struct hw *hw, uint32_t bit)
{
    int rc = gpu_write32(hw->gpu, GDRST, bit);

    return rc ? rc : wait_for(hw, GDRST, bit, 0, WAIT_RESET_NS);
}

static int stop_engine(struct hw *hw, unsigned engine)
{
    uint32_t reg = gen8_engine_base(engine) + RING_MI_MODE;
    int rc = gpu_write_masked(hw->gpu, reg, MI_MODE_STOP, MI_MODE_STOP);

    rc = rc ? rc : wait_for(hw, reg, MI_MODE_IDLE, MI_MODE_IDLE, WAIT_STOP_NS);
    return rc == -ETIMEDOUT ? 0 : rc; /* it hangs: that is why it is reset */
}

/* The engine must say that it is ready, or the reset may hang the chip. */
static int request_reset(struct hw *hw, unsigned engine)
{
    uint32_t reg = gen8_engine_base(engine) + RING_RESET_CTL;
    int rc = gpu_write_masked(hw->gpu, reg, RESET_REQUEST, RESET_REQUEST);

    return rc ? rc : wait_for(hw, reg, RESET_READY, RESET_READY, WAIT_RESET_NS);
}

int hw_reset(struct hw *hw, unsigned engine)
{
    uint32_t ctl = gen8_engine_base(engine) + RING_RESET_CTL;
    int rc = stop_engine(hw, engine);

    hw->resets++;
    rc = rc ? rc : request_reset(hw, engine);
    rc = rc ? rc : domain_reset(hw, 1u << place[engine].reset_bit);
    gpu_write_masked(hw->gpu, ctl, RESET_REQUEST, 0);
    return rc ? rc : start_engine(hw, engine);
}

static int full_reset(struct hw *hw)
{
    int rc = 0;

    for (unsigned e = 0; e < GEN8_ENGINES && !rc; e++)
        if (exists(hw, e))
            rc = request_reset(hw, e);
    rc = rc ? rc : domain_reset(hw, GDRST_FULL);
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        if (exists(hw, e))
            gpu_write_masked(hw->gpu, gen8_engine_base(e) + RING_RESET_CTL, RESET_REQUEST, 0);
    return rc;
}

int hw_halt(struct hw *hw)
{
    int rc = forcewake(hw);

    return rc ? rc : full_reset(hw);
}

int hw_up(struct hw *hw, const uint32_t hwsp[GEN8_ENGINES])
{
    int rc = set_global(hw);

    memcpy(hw->hwsp, hwsp, sizeof hw->hwsp);
    for (unsigned e = 0; e < GEN8_ENGINES && !rc; e++)
        if (exists(hw, e))
            rc = start_engine(hw, e);
    rc = rc ? rc : hw_invalidate(hw);
    return rc ? rc : set_interrupts(hw, true);
}

int hw_adopt(struct hw *hw, const uint32_t hwsp[GEN8_ENGINES])
{
    uint32_t alive = 0;
    int rc = forcewake(hw);

    memcpy(hw->hwsp, hwsp, sizeof hw->hwsp);
    for (unsigned e = 0; e < GEN8_ENGINES && !rc; e++) {
        uint32_t base = gen8_engine_base(e), mode = 0, page = 0;

        if (!exists(hw, e))
            continue;
        rc = gpu_read32(hw->gpu, base + RING_GFX_MODE, &mode);
        rc = rc ? rc : gpu_read32(hw->gpu, base + RING_HWS_PGA, &page);
        if (mode & GFX_MODE_RUN_LIST && page == hwsp[e])
            alive |= GEN8_M(e);
    }
    rc = rc ? rc : set_interrupts(hw, true);
    return rc ? rc : (int)alive;
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

int hw_progress(struct hw *hw, unsigned engine, struct hw_progress *progress)
{
    uint32_t base = gen8_engine_base(engine), head = 0, low = 0, high = 0;
    int rc = gpu_read32(hw->gpu, base + RING_HEAD, &head);

    rc = rc ? rc : gpu_read32(hw->gpu, base + RING_ACTHD, &low);
    rc = rc ? rc : gpu_read32(hw->gpu, base + RING_ACTHD_UDW, &high);
    *progress = (struct hw_progress){head, (uint64_t)high << 32 | low};
    return rc;
}

int hw_invalidate(struct hw *hw)
{
    int rc = 0;

    for (unsigned e = 0; e < GEN8_ENGINES && !rc; e++)
        if (exists(hw, e))
            rc = gpu_write32(hw->gpu, place[e].tlb, 1);
    for (unsigned e = 0; e < GEN8_ENGINES && !rc; e++)
        if (exists(hw, e))
            rc = wait_for(hw, place[e].tlb, 1, 0, WAIT_FLUSH_NS);
    return rc;
}
