/* SPDX-License-Identifier: MIT */
/*
 * engine_kind.h: what the execution half does differently on Haswell and on Broadwell, in one table
 * of each: how work is submitted, which registers there are, how addresses are translated and
 * commands encoded. engine_gen7.c and engine_gen8.c fill it in; everything else asks the table and
 * never which chip this is. Constant.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "softgpu/cs.h"
#include "softgpu/engine.h"

struct engine;
struct engines;
struct ppgtt;

/* A register of an engine's block that is more than storage. */
struct engine_reg {
    uint32_t offset;                                     /* from the engine's base; 0 ends a list */
    uint32_t (*read)(struct engine *e, uint32_t offset); /* NULL: what was stored */
    /* NULL: store (masked registers: as their mask says). Any thread, lock not held. */
    void (*write)(struct engine *e, uint32_t offset, uint32_t value);
};

/* Absolute offsets, inclusive; {0, 0} ends a list. */
struct cs_reg_range {
    uint32_t first, last;
};

struct engine_kind {
    /* Submission. Lock held, but for run: there is something for the engine's thread to do; do it
     * until there is nothing left or attention is called; forget it. */
    bool (*runnable)(struct engine *e);
    void (*run)(struct engine *e);
    void (*reset)(struct engine *e);
    bool head_wraps; /* RING_HEAD 31:21 count its wraps */

    /* The register block, besides what engine_reg.c has for both. */
    const struct engine_reg *regs;
    const uint16_t *masked;              /* upper half = which bits of the lower half to change */
    const uint16_t *masked_render;       /* of the render engine only; both end in 0 */
    void (*reg_reset)(struct engine *e); /* values after power-on that are not 0 */
    /* Where events (ENGINE_EVENT_*) stand in the engine's IMR. */
    uint32_t (*imr_layout)(enum engine_id id, uint32_t events);
    uint32_t predicate_result_2;
    uint32_t swizzle_reg, swizzle_bit; /* in the 0x4000 block: tiled surfaces are swizzled */
    bool tlb_regs;                     /* 0x4260..0x4270 invalidate an engine's TLB */

    /* Memory. The context's own space, as it stands. */
    void (*space)(struct engine *e, struct ppgtt *p);
    bool (*ppgtt_on)(const struct engine *e);
    uint64_t (*root)(struct engine *e);                  /* names that space in reports */
    uint32_t (*context)(const struct engine *e);         /* GGTT address of its image, 0: none */
    uint64_t (*status_page)(struct engine *e, bool own); /* own: the context's, if it has one */
    void (*record_fault)(struct engine *e, bool ppgtt, uint64_t addr);

    /* Commands. */
    const struct cs_command *mi; /* 64 */
    const struct cs_command *pipe_control;
    const struct cs_reg_range *user_regs;      /* a batch without privilege may write them */
    const struct cs_reg_range *user_regs_vcs2; /* and these where there is a second video engine */
    unsigned nonpriv_slots;                    /* FORCE_TO_NONPRIV registers */
    bool reads_free;                           /* it may read any */

    /* The protocol that conduct.c watches. */
    bool asks_ready; /* RING_RESET_CTL is asked before a reset */
    unsigned (*missing_steps)(struct engine *e);
};

extern const struct engine_kind engine_gen7, engine_gen8;
/* Of ring_reg.c and execlists_reg.c. */
extern const struct engine_reg ring_regs[], execlists_regs[];
