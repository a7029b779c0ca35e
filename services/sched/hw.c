/* SPDX-License-Identifier: MIT */
/*
 * hw.c: see hw.h. What both generations' engines do alike; the rest is in hw_gen8.c and hw_gen7.c.
 */
#include "services/sched/hw_priv.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define GDRST         0x941cu
#define GDRST_FULL    (1u << 0)
#define FORCEWAKE     0xa188u
#define FORCEWAKE_ACK 0x130044u

#define WAIT_WAKE_NS   50000000ull /* forcewake */
#define WAIT_LONG_ODDS 100         /* looks between two looks at the clock */

uint64_t hw_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int hw_wait(struct hw *hw, uint32_t reg, uint32_t mask, uint32_t want, uint64_t patience_ns)
{
    uint64_t until = hw_now() + patience_ns;
    uint32_t value;
    int rc;

    for (;;) {
        bool late = hw_now() > until;

        for (unsigned i = 0; i < WAIT_LONG_ODDS; i++) {
            rc = gpu_read32(hw->gpu, reg, &value);
            if (rc || (value & mask) == want)
                return rc;
        }
        if (late)
            return -ETIMEDOUT;
    }
}

int hw_write_all(struct hw *hw, const struct hw_set *set, size_t n)
{
    int rc = 0;

    for (size_t i = 0; i < n && !rc; i++)
        rc = gpu_write32(hw->gpu, set[i].reg, set[i].value);
    return rc;
}

void hw_init(struct hw *hw, struct gpu *gpu, uint32_t engines)
{
    const struct hw_kind *kind = gpu->info.gen == GPU_GEN7 ? &hw_gen7 : &hw_gen8;

    *hw = (struct hw){.gpu = gpu, .kind = kind, .engines = engines & kind->engines};
}

bool hw_exists(const struct hw *hw, unsigned engine)
{
    return engine < GEN8_ENGINES && hw->engines & GEN8_M(engine);
}

bool hw_has_rings(const struct hw *hw)
{
    return hw->kind == &hw_gen7;
}

/* ---- interrupts */

uint32_t hw_bank_bits(const struct hw_kind *kind, unsigned engine)
{
    const struct hw_place *p = &kind->place[engine];

    return kind->bits << p->shift | (p->notify ? 1u << p->notify : 0);
}

uint32_t hw_own_bits(const struct hw_kind *kind, unsigned engine, uint32_t bank)
{
    const struct hw_place *p = &kind->place[engine];
    uint32_t bits = bank >> p->shift & kind->bits;

    return p->notify && bank & 1u << p->notify ? bits | HW_NOTIFY : bits;
}

static uint32_t wanted_bits(const struct hw *hw, unsigned bank)
{
    const struct hw_place *place = hw->kind->place;
    uint32_t bits = 0;

    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        if (hw_exists(hw, e) && place[e].bank == bank)
            bits |= hw_bank_bits(hw->kind, e);
    return bits;
}

static int set_interrupts(struct hw *hw)
{
    int rc = 0;

    for (unsigned bank = 0; bank < GPU_IRQ_BANKS && !rc; bank++) {
        uint32_t bits = wanted_bits(hw, bank);

        if (bits)
            rc = gpu_irq_set(hw->gpu, bank, ~bits, bits);
    }
    return rc;
}

int hw_interrupts(struct hw *hw, uint32_t bits[GEN8_ENGINES])
{
    const struct hw_place *place = hw->kind->place;
    uint32_t pending[GPU_IRQ_BANKS] = {0};
    int rc = gpu_irq_pending(hw->gpu, pending);

    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        bits[e] =
            rc >= 0 && hw_exists(hw, e) ? hw_own_bits(hw->kind, e, pending[place[e].bank]) : 0;
    return rc < 0 ? rc : 0;
}

/* ---- resets */

static int forcewake(struct hw *hw)
{
    int rc = gpu_write_masked(hw->gpu, FORCEWAKE, 1, 1);

    return rc ? rc : hw_wait(hw, FORCEWAKE_ACK, 1, 1, WAIT_WAKE_NS);
}

static int domain_reset(struct hw *hw, uint32_t bit)
{
    int rc = gpu_write32(hw->gpu, GDRST, bit);

    return rc ? rc : hw_wait(hw, GDRST, bit, 0, HW_WAIT_RESET_NS);
}

static int stop_engine(struct hw *hw, unsigned engine)
{
    uint32_t reg = gen8_engine_base(engine) + RING_MI_MODE;
    int rc = gpu_write_masked(hw->gpu, reg, MI_MODE_STOP, MI_MODE_STOP);

    rc = rc ? rc : hw_wait(hw, reg, MI_MODE_IDLE, MI_MODE_IDLE, HW_WAIT_STOP_NS);
    return rc == -ETIMEDOUT ? 0 : rc; /* it hangs: that is why it is reset */
}

static int ask_reset(struct hw *hw, unsigned engine)
{
    return hw->kind->ask_reset ? hw->kind->ask_reset(hw, engine) : 0;
}

static void end_reset(struct hw *hw, unsigned engine)
{
    if (hw->kind->end_reset)
        hw->kind->end_reset(hw, engine);
}

int hw_reset(struct hw *hw, unsigned engine)
{
    int rc = stop_engine(hw, engine);

    hw->resets++;
    rc = rc ? rc : ask_reset(hw, engine);
    rc = rc ? rc : domain_reset(hw, 1u << hw->kind->place[engine].reset_bit);
    end_reset(hw, engine);
    return rc ? rc : hw->kind->start(hw, engine);
}

static int full_reset(struct hw *hw)
{
    int rc = 0;

    for (unsigned e = 0; e < GEN8_ENGINES && !rc; e++)
        if (hw_exists(hw, e))
            rc = ask_reset(hw, e);
    rc = rc ? rc : domain_reset(hw, GDRST_FULL);
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        if (hw_exists(hw, e))
            end_reset(hw, e);
    return rc;
}

int hw_halt(struct hw *hw)
{
    int rc = forcewake(hw);

    return rc ? rc : full_reset(hw);
}

int hw_up(struct hw *hw, const uint32_t hwsp[GEN8_ENGINES])
{
    int rc = hw->kind->set_global(hw);

    memcpy(hw->hwsp, hwsp, sizeof hw->hwsp);
    for (unsigned e = 0; e < GEN8_ENGINES && !rc; e++)
        if (hw_exists(hw, e))
            rc = hw->kind->start(hw, e);
    rc = rc ? rc : hw_invalidate(hw);
    return rc ? rc : set_interrupts(hw);
}

int hw_adopt(struct hw *hw, const uint32_t hwsp[GEN8_ENGINES])
{
    uint32_t alive = 0;
    int rc = forcewake(hw);

    memcpy(hw->hwsp, hwsp, sizeof hw->hwsp);
    for (unsigned e = 0; e < GEN8_ENGINES && rc >= 0; e++) {
        if (!hw_exists(hw, e))
            continue;
        rc = hw->kind->alive(hw, e);
        if (rc > 0)
            alive |= GEN8_M(e);
    }
    rc = rc < 0 ? rc : set_interrupts(hw);
    return rc ? rc : (int)alive;
}

int hw_progress(struct hw *hw, unsigned engine, struct hw_progress *progress)
{
    return hw->kind->progress(hw, engine, progress);
}

int hw_invalidate(struct hw *hw)
{
    return hw->kind->invalidate(hw);
}
