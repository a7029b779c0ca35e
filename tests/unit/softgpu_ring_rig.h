/* SPDX-License-Identifier: MIT */
/*
 * softgpu_ring_rig.h: the Haswell side of softgpu_engine_rig.h: rings that are driven through their
 * registers, page directories in the global table, and commands as Haswell encodes them. One thread
 * (the test's).
 */
#pragma once
#include "tests/unit/softgpu_engine_rig.h"

#define RING_ENGINES 4u /* of a Haswell */

/* Status page and interrupt mask of an engine, as a driver sets them first. */
void ring_rig_engine(struct rig *r, enum engine_id id);
/* The engine's ring, started and empty, with PPGTT on and a directory of its own. */
void ring_rig_context(struct rig *r, struct rig_ctx *c, enum engine_id id);
/* A directory for c that is written nowhere yet. */
void ring_rig_directory(struct rig *r, struct rig_ctx *c);
/* PP_DIR_BASE of c's directory. */
uint32_t ring_rig_base(const struct rig_ctx *c);
void ring_rig_map(struct rig *r, struct rig_ctx *c, uint64_t addr, uint32_t pte);
/* Where the entry of an address stands: the directory's as an offset in the table, the page table's
 * as a machine address. */
uint32_t ring_rig_pde(const struct rig_ctx *c, uint64_t addr);
uint64_t ring_rig_pte(struct rig *r, const struct rig_ctx *c, uint64_t addr);
/* Move the tail; wait until the engine is idle there. */
void ring_rig_go(struct rig *r, struct rig_ctx *c);
void ring_rig_done(struct rig *r, struct rig_ctx *c);
/* Head and tail to 0, as after a reset, and the registers that a reset cleared. */
void ring_rig_restart(struct rig *r, struct rig_ctx *c);
/* A register of c's engine. */
uint32_t ring_rig_read(struct rig *r, const struct rig_ctx *c, uint32_t offset);
void ring_rig_write(struct rig *r, const struct rig_ctx *c, uint32_t offset, uint32_t v);

#define MI7_SDI(addr, v)      MI(0x20, 2), 0, (uint32_t)(addr), (v)
#define MI7_SDI_GGTT(addr, v) MI(0x20, MI_GGTT | 2), 0, (uint32_t)(addr), (v)
#define MI7_BBS(addr)         MI(0x31, 1 << 13 | 1 << 8), (uint32_t)(addr) /* no privilege */
#define MI7_BBS_PRIV(addr)    MI(0x31, 1 << 8), (uint32_t)(addr)           /* render only */
#define MI7_SRM(reg, addr)    MI(0x24, 1), (uint32_t)(reg), (uint32_t)(addr)
#define MI7_LRM(reg, addr)    MI(0x29, 1), (uint32_t)(reg), (uint32_t)(addr)
/* Wait until mailbox `which` (bits 17:16) is greater than v. */
#define MI7_WAIT(which, v) MI(0x16, 1 << 20 | 1 << 18 | (which) << 16 | 1), (v), 0
#define MI7_SIGNAL(reg, v) MI(0x16, 1 << 21 | 1 << 18 | 1), (v), (reg)
#define MI7_INVALIDATE     MI(0x26, 1 << 18 | 1), 0, 0 /* not on the render engine */
#define PC7_INVALIDATE     0x7a000002, 1 << 18 | 1 << 20, 0, 0
