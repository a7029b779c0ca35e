/* SPDX-License-Identifier: MIT */
/*
 * hw.h: the Broadwell engines as registers: bring-up, the submit port, context status, resets, TLB
 * invalidation, interrupts. Knows no guests and keeps no queue; everything that polls has a bound.
 * Called by engine.c and sched.c, one thread. Register facts: Broadwell PRM vol. 2c; the order of
 * resets and the values of the bring-up are those the stock driver uses.
 */
#pragma once
#include "gen/ctx_gen8.h"
#include "gpu/gpu.h"

#define HW_USER_INTERRUPT (1u << 0) /* in an engine's 16 bits of its bank */
#define HW_CONTEXT_SWITCH (1u << 8)

struct hw {
    struct gpu *gpu;
    uint32_t engines;            /* mask of those that exist */
    uint32_t hwsp[GEN8_ENGINES]; /* GGTT address of our own status page of each */
    uint32_t csb_read[GEN8_ENGINES];
    uint64_t resets;
};

/* Where an engine stands, to see whether it moves. */
struct hw_progress {
    uint32_t head;
    uint64_t acthd;
};

/* Only fills the struct. */
void hw_init(struct hw *hw, struct gpu *gpu, uint32_t engines);
/* First: forcewake (held for good), and the whole GT is reset: no engine uses memory after it.
 * -ETIMEDOUT or -errno. */
int hw_halt(struct hw *hw);
/* Then: PPAT and the like, engines in execlist mode with these status pages, interrupts on. */
int hw_up(struct hw *hw, const uint32_t hwsp[GEN8_ENGINES]);

/*
 * Instead of the two, when a former process left the engines running: forcewake, and which of them
 * are as hw_up() leaves them, with these status pages? Their mask, or -errno. The others were reset
 * and are to be again. Status events count from csb_read on.
 */
int hw_adopt(struct hw *hw, const uint32_t hwsp[GEN8_ENGINES]);
/* Pairs that the engine has: 0, 1, 2 (one waits to be taken), or -errno. */
int hw_pairs(struct hw *hw, unsigned engine);

/* Write the port. The last submission was acknowledged (an event IDLE_TO_ACTIVE or PREEMPTED). */
int hw_submit(struct hw *hw, unsigned engine, const uint64_t desc[2]);
/* What has happened since csb_read, oldest first. Number of events, or -errno. The caller moves
 * csb_read over each, once it counts, and tells the engine by hw_events_done(). */
int hw_events(struct hw *hw, unsigned engine, struct ctx_gen8_event events[CSB_ENTRIES]);
int hw_events_done(struct hw *hw, unsigned engine);
/* The engine's work is gone, and it is in execlist mode again. -ETIMEDOUT or -errno. */
int hw_reset(struct hw *hw, unsigned engine);
int hw_progress(struct hw *hw, unsigned engine, struct hw_progress *progress);

/* After 0, no engine uses a translation cleared before the call. -ETIMEDOUT or -errno. */
int hw_invalidate(struct hw *hw);

/* Bits that were pending, each engine's in the low half, and no longer are. -errno. */
int hw_interrupts(struct hw *hw, uint32_t bits[GEN8_ENGINES]);
