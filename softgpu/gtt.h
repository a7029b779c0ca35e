/* SPDX-License-Identifier: MIT */
/*
 * gtt.h: translation tables. Owns the global table (Broadwell: 8-byte entries for 4 GiB; Haswell:
 * 4-byte entries for 2 GiB) as a plain array that any thread may read and write, and walks
 * per-process tables in machine memory. Haswell's formats are gtt7.h's; whoever asks for a
 * translation gets it in one form, that of a Broadwell entry. Nothing is cached here; caching, with
 * its stale hits, is tlb.h's.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "softgpu/dma.h"
#include "softgpu/offence.h"

#define GTT_ENTRIES     (1u << 20) /* at most */
#define GTT_PAGE        4096u
#define GTT_PRESENT     1ull
#define GTT_WRITABLE    2ull
#define GTT_PDE_PS_2M   (1ull << 7)
#define GTT_ADDR(entry) ((entry)&0x7ffffff000ull) /* bits 38:12 */

struct gtt;
struct gtt7_directory;
/* pte_bytes: 4 (Haswell) or 8 (Broadwell). NULL when out of memory. */
struct gtt *gtt_new(unsigned pte_bytes);
struct gtt *gtt_free(struct gtt *g);
void gtt_clear(struct gtt *g);
/* BAR access: offset in the table, len 1, 2, 4 or 8, naturally aligned. Eight bytes of a table of
 * 4-byte entries are two entries. */
uint64_t gtt_read(struct gtt *g, uint32_t offset, unsigned len);
void gtt_write(struct gtt *g, uint32_t offset, unsigned len, uint64_t value);
/* Entry that maps a GGTT address, in Broadwell's form; 0 beyond the table. */
uint64_t gtt_entry(struct gtt *g, uint64_t addr);
/* The same as it stands in the table. */
uint64_t gtt_raw(struct gtt *g, uint64_t addr);
/* Entry number index, modulo the size of the table, is written by a command. */
void gtt_set(struct gtt *g, uint32_t index, uint64_t raw);

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
    unsigned tables; /* in memory that a whole walk reads: 4, 2, on Haswell 1 */
    /* Haswell: root[0] is PP_DIR_BASE. */
    bool gen7;
    uint32_t dclv;              /* PP_DIR_DCLV */
    struct gtt *gtt;            /* the directory's entries stand in it */
    struct gtt7_directory *dir; /* what was loaded of them; NULL: look at the table itself */
    uint64_t dir_gen;           /* which loads still count */
};
/* Told the machine address of every table a walk reads; may be NULL. */
typedef void (*gtt_visit)(void *opaque, uint64_t table);

/* Walk. Stores the 4 KiB page's entry (address and PRESENT/WRITABLE, rights of all levels
 * combined). 0, or -EFAULT when some level is not present or not readable. PML4 indexes bits
 * 47:39, PDP 38:30, PD 29:21, PT 20:12 (Broadwell PRM vol. 5, "Per-Process Graphics Translation
 * Tables"). */
int ppgtt_walk(struct dma *dma, const struct ppgtt *p, uint64_t addr, uint64_t *entry,
               gtt_visit visit, void *opaque);
/* The same walk for a report: every entry on the way, down to the first that is not present. */
void ppgtt_trace(struct dma *dma, const struct ppgtt *p, uint64_t addr, struct walk *out);
/* The entries of eight pages in a row, of which addr is in one, from the last table of a walk. 0 or
 * -EFAULT. */
int ppgtt_line(struct dma *dma, const struct ppgtt *p, uint64_t table, uint64_t addr,
               uint64_t entry[8]);
