/* SPDX-License-Identifier: MIT */
/*
 * Page-table entries of gen8: the GGTT's and the four levels of a PPGTT, decoded, built and
 * indexed. Called by services/gtt and by anyone who walks a guest's tables; pure functions, any
 * thread. Field layout: Broadwell PRM vol. 5 "Memory Views", GGTT and PPGTT entry formats.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define GEN8_PAGE_SIZE    4096u
#define GEN8_PT_ENTRIES   512u
#define GEN8_PTE_PRESENT  (UINT64_C(1) << 0)
#define GEN8_PTE_RW       (UINT64_C(1) << 1)
#define GEN8_PTE_PWT      (UINT64_C(1) << 3)
#define GEN8_PTE_PCD      (UINT64_C(1) << 4)
#define GEN8_PTE_PAT      (UINT64_C(1) << 7)  /* last level */
#define GEN8_PDE_PS       (UINT64_C(1) << 7)  /* 2M in a PDE, 1G in a PDPE */
#define GEN8_PDE_IPS_64K  (UINT64_C(1) << 11) /* PDE: its table holds 64K pages (gen9+) */
#define GEN8_PTE_ADDR     (((UINT64_C(1) << 39) - 1) & ~(UINT64_C(4096) - 1))
#define GEN8_GGTT_PTE_BAR 0x800000u /* offset of the GGTT's entries in BAR0 */

/* Levels as the tables nest: a PML4E points to a PDP page, and so on. */
enum gen8_level {
    GEN8_LEVEL_PTE,
    GEN8_LEVEL_PDE,
    GEN8_LEVEL_PDPE,
    GEN8_LEVEL_PML4E,
};

enum gen8_size {
    GEN8_SIZE_TABLE, /* points to the next level */
    GEN8_SIZE_4K,
    GEN8_SIZE_64K,
    GEN8_SIZE_2M,
    GEN8_SIZE_1G,
};

struct gen8_entry {
    uint64_t addr;       /* bytes, bits 38:12 of the entry, aligned to the page size */
    bool present;        /* false: every other field is 0 */
    bool rw;             /* writes allowed */
    uint8_t pat;         /* 0..7, index into PRIVATE_PAT: PAT<<2 | PCD<<1 | PWT */
    enum gen8_size size; /* what the entry maps */
    bool reserved;       /* address bits 63:39 or misaligned large-page bits were set */
};

/*
 * Decode `raw` as an entry of `level`. `parent_64k` says that the PDE above a PTE carries
 * GEN8_PDE_IPS_64K; it is ignored for other levels.
 */
struct gen8_entry gen8_entry_decode(uint64_t raw, enum gen8_level level, bool parent_64k);

/* Build a raw entry of `level`; the inverse of decode for entries without reserved bits. */
uint64_t gen8_entry_encode(const struct gen8_entry *e, enum gen8_level level);

/* A GGTT entry has an address, a present bit and cache bits; pages are 4 KiB, always writable. */
struct gen8_entry gen8_ggtt_decode(uint64_t raw);
uint64_t gen8_ggtt_encode(uint64_t addr, bool present);

/* `raw` with its address replaced, everything else kept. addr: bytes, 4 KiB aligned, < 2^39. */
uint64_t gen8_pte_replace_addr(uint64_t raw, uint64_t addr);

/* Index into the table of `level` for a PPGTT address; 3-level tables have 4 PDPEs. */
unsigned gen8_index(uint64_t gma, enum gen8_level level, bool four_level);

/* Number of bytes one entry of `level` covers: 4 KiB, 2 MiB, 1 GiB, 512 GiB. */
uint64_t gen8_level_span(enum gen8_level level);

/* Is `gma` inside the address space of a 3- or 4-level table (4 GiB, 256 TiB)? */
bool gen8_gma_valid(uint64_t gma, bool four_level);
