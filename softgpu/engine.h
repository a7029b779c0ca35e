/* SPDX-License-Identifier: MIT */
/*
 * engine.h: the execution half of softgpu: GGTT and PPGTT translation, the command streamers
 * with ring buffers (Haswell) or execlists (Broadwell), the blitter. One thread per engine runs
 * work; registers of the half's own ranges arrive on the transport thread through engines_mmio_*().
 * What the execution half needs from the device is in struct engines_ops, so that it can be tested
 * without a transport.
 *
 * Lock order: engines' own locks may be held while calling ops->raise; never while calling
 * ops->mmio_read / ops->mmio_write (register accesses by commands), which may call back into
 * engines_mmio_*().
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "softgpu/tile.h"

/* A chip has the first ones, as many as its model says; ENGINE_COUNT is the most that one has. */
enum engine_id { ENGINE_RCS, ENGINE_BCS, ENGINE_VCS, ENGINE_VECS, ENGINE_VCS2, ENGINE_COUNT };

/* Events an engine raises; the device maps them to interrupt banks (GEN8_GT_IIR bits). */
#define ENGINE_EVENT_USER (1u << 0) /* MI_USER_INTERRUPT */
#define ENGINE_EVENT_ERROR                                                                         \
    (1u << 3) /* command streamer error: EIR has a bit that EMR lets through */
#define ENGINE_EVENT_PIPECTL  (1u << 4) /* PIPE_CONTROL / MI_FLUSH_DW notify */
#define ENGINE_EVENT_WATCHDOG (1u << 6) /* PR_CTR reached PR_CTR_THRSH; render and video */
#define ENGINE_EVENT_CTX      (1u << 8) /* context switch, execlists */
/* Broadwell: a context begins to wait for a semaphore and stays on the engine. */
#define ENGINE_EVENT_SEMAPHORE (1u << 11)

struct engines;
struct cost;
struct dma;
struct faults;
struct judge;
struct model;
struct trace;

struct engines_ops {
    /* An engine event; called from engine threads. bits: ENGINE_EVENT_*. */
    void (*raise)(void *opaque, enum engine_id engine, uint32_t bits);
    /* A register access made by a command (MI_LOAD_REGISTER_*, MI_STORE_REGISTER_MEM) or by a
     * context image's register list, for registers outside the engine's own. Engine threads. */
    uint32_t (*mmio_read)(void *opaque, uint32_t offset);
    void (*mmio_write)(void *opaque, uint32_t offset, uint32_t value);
    void *opaque;
};

/* m says which chip this is (model.h) and outlives the engines; judge may not be NULL. */
struct engines *engines_new(const struct model *m, struct dma *dma, struct judge *judge,
                            const struct engines_ops *ops);
/* Faults to happen (fault.h), which must outlive the engines; NULL, as at first: none. */
void engines_set_faults(struct engines *e, struct faults *f);
/* Refuse (and report) work for an engine while forcewake has not been acknowledged once since the
 * device's reset, its HWS_PGA is 0, or what its generation needs is not programmed: on Broadwell
 * execlists in RING_MODE and the PPAT, on Haswell the page directory's registers where PPGTT is on.
 * PRM vol. 2c and the order in which i915 brings the GT up. Off at first. */
void engines_set_strict(struct engines *e, bool strict);
bool engines_strict(struct engines *e);
/* Forcewake was acknowledged. Takes no lock. */
void engines_awoken(struct engines *e);
/* Where engines write what they do (trace.h). Before any work is submitted; t outlives them. */
void engines_set_trace(struct engines *e, struct trace *t);
/* How long their work takes (cost.h). The same conditions. */
void engines_set_cost(struct engines *e, const struct cost *c);
/* How tiled surfaces are swizzled while ARB_MODE 0x4030 bit 5 (Haswell) or GAMTARBMODE 0x4a08 bit 1
 * (Broadwell) says so; TILE_SWIZZLE_9_10 at first, which is what the hardware has. */
void engines_set_swizzle(struct engines *e, enum tile_swizzle s);
/* Stops and joins the engine threads. Returns NULL. */
struct engines *engines_free(struct engines *e);

/* True when BAR0 offset (below 2 MiB) belongs to the execution half: ring register blocks at
 * 0x2000, 0x12000, 0x1a000, 0x22000 and, on chips with VCS2, 0x1c000 (0x000..0x7ff of each), fault
 * and TLB registers
 * 0x4000..0x4fff, those of ctx_reg.h, GEN6_GDRST 0x941c, GFX_FLSH_CNTL 0x101008. Bits of an engine
 * reset that is under way stay set in GDRST for some microseconds. */
bool engines_owns(const struct engines *e, uint32_t offset);
uint32_t engines_mmio_read(struct engines *e, uint32_t offset);
void engines_mmio_write(struct engines *e, uint32_t offset, uint32_t value);

/* The GTT half of BAR0 (model.h: 8 MiB of 8-byte entries for 4 GiB, or 2 MiB of 4-byte entries for
 * 2 GiB). offset is relative to its start; len 1, 2, 4 or 8, naturally aligned. */
uint64_t engines_gtt_read(struct engines *e, uint32_t offset, unsigned len);
void engines_gtt_write(struct engines *e, uint32_t offset, unsigned len, uint64_t value);

/* What a write of GFX_FLSH_CNTL 0x101008 does: all engines forget what they cached of the GGTT.
 * Until then (or a TLB invalidation of another kind) an engine may use an old entry. */
void engines_ggtt_flush(struct engines *e);

/* CPU access through the aperture (BAR2) and display fetch: GGTT address, any length, may cross
 * pages. A page without a valid PTE reads as zeros and drops writes; the result is then 1, else 0.
 */
int engines_ggtt_read(struct engines *e, uint64_t addr, void *buf, uint32_t len);
int engines_ggtt_write(struct engines *e, uint64_t addr, const void *buf, uint32_t len);

/* Function-level reset: everything as after power-on. Waits for the engine threads: the caller
 * holds no lock that ops->mmio_* or ops->raise take. The same goes for engines_free(). */
void engines_reset(struct engines *e);

/* How many the chip has: those of enum engine_id below that number. */
unsigned engines_count(const struct engines *e);

struct engines_stats {
    uint64_t batches[ENGINE_COUNT];  /* MI_BATCH_BUFFER_START executed */
    uint64_t contexts[ENGINE_COUNT]; /* contexts loaded onto the engine */
    uint64_t commands[ENGINE_COUNT]; /* commands executed or retired by length */
    uint64_t unknown[ENGINE_COUNT];  /* commands with an unknown opcode: the engine hangs on it */
    uint64_t busy_ns[ENGINE_COUNT];
    uint64_t blit_bytes;
    uint64_t slices[ENGINE_COUNT]; /* contexts loaded whose domain, as the judge learned it, is
                                      not the one before's on that engine; the first counts */
    uint64_t faults;               /* accesses through invalid PTEs */
    uint64_t blits_skipped;        /* blits of an encoding that does not exist */
};
void engines_get_stats(struct engines *e, struct engines_stats *out);
