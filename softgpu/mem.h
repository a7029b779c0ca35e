/* SPDX-License-Identifier: MIT */
/*
 * mem.h: memory as one engine sees it: a virtual address in the global or the context's own space,
 * translated through the engine's TLB page by page, every page presented to the judge. Called by
 * the engine's thread (and, for the status page, by whoever holds the engine's lock on that
 * thread).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct engine;

/* ppgtt false: global table. A page without a valid (or, for writes, writable) entry or without
 * memory behind it reads as zeros and drops writes; it is counted as a fault, and -EFAULT is
 * returned after the rest has been done. */
int mem_read(struct engine *e, bool ppgtt, uint64_t addr, void *buf, uint32_t len);
int mem_write(struct engine *e, bool ppgtt, uint64_t addr, const void *buf, uint32_t len);
/* While on, a walk of a per-process table keeps the whole cache line of entries that it fetched, as
 * the hardware does, for the pages that follow. Off drops them. For the length of one blit. */
void mem_look_ahead(struct engine *e, bool on);
/* In the context's own space, between ranges that do not overlap, without a detour. */
int mem_copy(struct engine *e, uint64_t to, uint64_t from, uint32_t len);
/* A whole page in the context's own space, at its address here (dma_visit()). -EFAULT: not called;
 * nothing is counted, for the caller then does it the long way. */
int mem_visit(struct engine *e, uint64_t addr, bool write, void (*fn)(void *ctx, uint8_t *host),
              void *ctx);
uint32_t mem_read32(struct engine *e, bool ppgtt, uint64_t addr);
void mem_write32(struct engine *e, bool ppgtt, uint64_t addr, uint32_t value);
uint64_t mem_read64(struct engine *e, bool ppgtt, uint64_t addr);
void mem_write64(struct engine *e, bool ppgtt, uint64_t addr, uint64_t value);
