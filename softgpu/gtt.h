/* SPDX-License-Identifier: MIT */
/*
 * gtt.h: gen8 translation tables. Owns the global table (8 MiB of 8-byte entries, 4 GiB) as a
 * plain array that any thread may read and write, and walks per-process tables in machine memory.
 * Nothing is cached here; caching, with its stale hits, is tlb.h's.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "softgpu/dma.h"
#include "softgpu/offence.h"

#define GTT_ENTRIES     (1u << 20)
#define GTT_BYTES       (GTT_ENTRIES * 8u)
#define GTT_PAGE        4096u
#define GTT_PRESENT     1ull
#define GTT_WRITABLE    2ull
#define GTT_PDE_PS_2M   (1ull << 7)
#define GTT_ADDR(entry) ((entry)&0x7ffffff000ull) /* bits 38:12 */

struct gtt;
struct gtt *gtt_new(void);
struct gtt *gtt_free(struct gtt *g);
void gtt_clear(struct gtt *g);
/* BAR access: offset in the table, len 1, 2, 4 or 8, naturally aligned. */
uint64_t gtt_read(struct gtt *g, uint32_t offset, unsigned len);
void gtt_write(struct gtt *g, uint32_t offset, unsigned len, uint64_t value);
/* Entry that maps a GGTT address; 0 beyond 4 GiB. */
uint64_t gtt_entry(struct gtt *g, uint64_t addr);

/* Writes that changed an entry are numbered: the latest number, and that of the last write to the
 * entry that maps an address (0: none). */
const _Atomic uint64_t *gtt_clock(const struct gtt *g);
uint64_t gtt_written(struct gtt *g, uint64_t addr);
/* Takes that number back, unless the entry was written again; true for one of several callers. */
bool gtt_forget_write(struct gtt *g, uint64_t addr, uint64_t number);

/* An address space of a context. */
struct ppgtt {
    bool enabled;
    bool level4; /* 48 bits through root[0] = PML4; otherwise 32 bits, 4 page directories */
    uint64_t root[4];
};
/* Told the machine address of every table a walk reads; may be NULL. */
typedef void (*gtt_visit)(void *opaque, uint64_t table);

/* The same walk for a report: every entry on the way, down to the first that is not present. */
void ppgtt_trace(struct dma *dma, const struct ppgtt *p, uint64_t addr, struct walk *out);
/* Walk. Stores the 4 KiB page's entry (address and PRESENT/WRITABLE, rights of all levels
 * combined). 0, or -EFAULT when some level is not present or not readable. PML4 indexes bits
 * 47:39, PDP 38:30, PD 29:21, PT 20:12 (Broadwell PRM vol. 5, "Per-Process Graphics Translation
 * Tables"). */
int ppgtt_walk(struct dma *dma, const struct ppgtt *p, uint64_t addr, uint64_t *entry,
               gtt_visit visit, void *opaque);
