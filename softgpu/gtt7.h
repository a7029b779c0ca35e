/* SPDX-License-Identifier: MIT */
/*
 * gtt7.h: Haswell's translation tables (PRM HSW vol. 5, "Memory Views"): entries of 4 bytes, and a
 * page directory that stands inside the global table. PP_DIR_BASE 31:16 counts cache lines of 16
 * entries from the table's start; 512 entries of 4 MiB each make a space of 2 GiB, and a bit of
 * PP_DIR_DCLV says of each of the 32 lines whether there is anything in it. So one word of the
 * table is a page directory entry to who comes by PP_DIR_BASE and maps a page to who comes by its
 * GGTT address. gtt.c calls, on whatever thread called it.
 */
#pragma once
#include "softgpu/gtt.h"

#define GTT7_ENTRIES   (1u << 19)
#define GTT7_PDES      512u
#define GTT7_LINE_PDES 16u
#define GTT7_LINES     (GTT7_PDES / GTT7_LINE_PDES)

/* What an engine has loaded of a page directory, line by line as it needed them. A line counts
 * while its generation is the current one (struct ppgtt). Engine's thread. */
struct gtt7_directory {
    uint32_t pde[GTT7_PDES];
    uint64_t gen[GTT7_LINES]; /* 0: never loaded */
};

/* An entry in Broadwell's form. Bits 10:4 are address bits 38:32; every page may be written. */
uint64_t gtt7_entry(uint32_t raw);
/* GGTT address of the page that the word of addr's directory entry maps when taken as one. */
uint64_t gtt7_pde_place(const struct ppgtt *p, uint64_t addr);
/* The directory entry that a walk would use, and the one that stands in the table now. */
uint32_t gtt7_pde(const struct ppgtt *p, uint64_t addr);
uint32_t gtt7_pde_now(const struct ppgtt *p, uint64_t addr);
/* False when PP_DIR_DCLV says that addr's line of the directory is empty. */
bool gtt7_pde_loaded(const struct ppgtt *p, uint64_t addr);

/* ppgtt_walk(), ppgtt_trace(), ppgtt_line(). */
int gtt7_walk(struct dma *dma, const struct ppgtt *p, uint64_t addr, uint64_t *entry,
              gtt_visit visit, void *opaque);
void gtt7_trace(struct dma *dma, const struct ppgtt *p, uint64_t addr, struct walk *out);
int gtt7_line(struct dma *dma, uint64_t table, uint64_t addr, uint64_t entry[8]);
