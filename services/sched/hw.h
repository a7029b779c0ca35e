/* SPDX-License-Identifier: MIT */
/*
 * hw.h: the engines as registers: bring-up, resets, TLB invalidation, interrupts; Broadwell's
 * submit ports and context status; Haswell's rings. Knows no guests and keeps no queue; everything
 * that polls has a bound. Called by the engines' files and sched.c, one thread. Register facts:
 * Broadwell and Haswell PRM vol. 2c; the order of resets and the values of the bring-up are those
 * the stock driver uses.
 */
#pragma once
#include "gen/ctx_gen8.h"
#include "gpu/gpu.h"

/* In an engine's own bits of its bank. */
#define HW_USER_INTERRUPT (1u << 0)
#define HW_NOTIFY         (1u << 4) /* of PIPE_CONTROL and MI_FLUSH_DW; Haswell */
#define HW_CONTEXT_SWITCH (1u << 8) /* Broadwell */

#define HW_RING_BYTES (256u << 10) /* Haswell: of each engine's ring */

struct hw_kind; /* a generation: hw_priv.h */

struct hw {
    struct gpu *gpu;
    const struct hw_kind *kind;
    uint32_t engines; /* mask of those that exist */
    /* GGTT address of each one's status page: Broadwell: ours; Haswell: at first. */
    uint32_t hwsp[GEN8_ENGINES];
    uint32_t
        ring[GEN8_ENGINES]; /* Haswell: GGTT address of the ring; set before hw_up(), hw_adopt() */
    uint32_t csb_read[GEN8_ENGINES];
    uint64_t resets;
};

/* Where an engine stands, to see whether it moves. */
struct hw_progress {
    uint32_t head;
    uint64_t acthd;
};

/* Only fills the struct. engines: those that do not exist in the generation are left out. */
void hw_init(struct hw *hw, struct gpu *gpu, uint32_t engines);
/* Does an engine take its work from a ring of ours (Haswell), not as contexts? */
bool hw_has_rings(const struct hw *hw);
/* First: forcewake (held for good), and the whole GT is reset: no engine uses memory after it.
 * -ETIMEDOUT or -errno. */
int hw_halt(struct hw *hw);
/* Then: PPAT and the like, engines ready for work (execlist mode; PPGTT on, ring empty) with these
 * status pages, interrupts on. */
int hw_up(struct hw *hw, const uint32_t hwsp[GEN8_ENGINES]);

/*
 * Instead of the two, when a former process left the engines running: forcewake, and which of them
 * are as hw_up() leaves them, with these status pages? Their mask, or -errno. The others were reset
 * and are to be again. Status events count from csb_read on.
 */
int hw_adopt(struct hw *hw, const uint32_t hwsp[GEN8_ENGINES]);
/* ---- Broadwell */

/* Pairs that the engine has: 0, 1, 2 (one waits to be taken), or -errno. */
int hw_pairs(struct hw *hw, unsigned engine);

/* Write the port. The last submission was acknowledged (an event IDLE_TO_ACTIVE or PREEMPTED). */
int hw_submit(struct hw *hw, unsigned engine, const uint64_t desc[2]);
/* What has happened since csb_read, oldest first. Number of events, or -errno. The caller moves
 * csb_read over each, once it counts, and tells the engine by hw_events_done(). */
int hw_events(struct hw *hw, unsigned engine, struct ctx_gen8_event events[CSB_ENTRIES]);
int hw_events_done(struct hw *hw, unsigned engine);

/* ---- Haswell */

/* The engine is idle: store-index commands go to this page from now on. -ETIMEDOUT or -errno. */
int hw_ring_page(struct hw *hw, unsigned engine, uint32_t hwsp);
/* The engine is idle: it has no render context, and so saves none. */
int hw_ring_no_image(struct hw *hw, unsigned engine);
/* There are commands up to there, bytes into the ring. */
int hw_ring_tail(struct hw *hw, unsigned engine, uint32_t tail);
/* Until the engine stored the value there, which takes it microseconds. -ETIMEDOUT or -errno. */
int hw_ring_stored(struct hw *hw, unsigned engine, const uint32_t *at, uint32_t value);
int hw_ring_where(struct hw *hw, unsigned engine, uint32_t *head, uint32_t *tail);

/* ---- both */

/* The engine's work is gone, and it is as after hw_up() again. -ETIMEDOUT or -errno. */
int hw_reset(struct hw *hw, unsigned engine);
int hw_progress(struct hw *hw, unsigned engine, struct hw_progress *progress);

/* After 0, no engine uses a translation cleared before the call. Haswell: all engines are idle.
 * -ETIMEDOUT or -errno. */
int hw_invalidate(struct hw *hw);

/* Bits that were pending, each engine's in the low half, and no longer are. -errno. */
int hw_interrupts(struct hw *hw, uint32_t bits[GEN8_ENGINES]);
