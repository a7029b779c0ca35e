/* SPDX-License-Identifier: MIT */
/*
 * Page-table entries of gen7.5: the GGTT's, and the two levels of a PPGTT, whose directory stands
 * in the GGTT itself. All have 32 bits. Called by services/gtt; pure functions, any thread. Field
 * layout: Haswell PRM vol. 5 "Memory Views", GTT entry and PPGTT directory entry formats.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define GEN7_PAGE_SIZE    4096u
#define GEN7_PT_ENTRIES   1024u /* of a table; 4 KiB each */
#define GEN7_PD_ENTRIES   512u  /* of a directory; a table each */
#define GEN7_PD_LINE      16u   /* PP_DIR_BASE counts entries of the GGTT in lines of so many */
#define GEN7_PTE_VALID    (1u << 0)
#define GEN7_PTE_CACHE    0x80eu /* cacheability: bits 1, 2, 3 and 11 */
#define GEN7_PDE_64K      (1u << 1)
#define GEN7_PDE_BEYOND   (1u << 11) /* a directory entry's address bit 39, which no page has */
#define GEN7_ADDR         (((UINT64_C(1) << 39) - 1) & ~UINT64_C(4095))
#define GEN7_GGTT_PTE_BAR 0x200000u /* offset of the GGTT's entries in BAR0 */

/* An entry of the GGTT or of a table. Every page may be written. */
struct gen7_pte {
    uint64_t addr;  /* bytes, below 2^39, of a 4 KiB page */
    uint16_t cache; /* the bits of GEN7_PTE_CACHE, in their places */
    bool present;   /* false: every other field is 0 */
};

/* A directory entry. */
struct gen7_pde {
    uint64_t addr; /* bytes, below 2^40, of a table */
    bool present;  /* false: every other field is 0 */
    bool large;    /* its table holds 64 KiB pages */
};

struct gen7_pte gen7_pte_decode(uint32_t raw);
/* addr: a multiple of 4096 below 2^39. */
uint32_t gen7_pte_encode(const struct gen7_pte *e);
/* raw with its address replaced, everything else kept. */
uint32_t gen7_pte_replace_addr(uint32_t raw, uint64_t addr);

struct gen7_pde gen7_pde_decode(uint32_t raw);
/* Present, of 4 KiB pages; addr as for a page. */
uint32_t gen7_pde_encode(uint64_t addr);

/* Of a PPGTT address: which directory entry, and which entry of that one's table. */
unsigned gen7_pde_index(uint64_t gma);
unsigned gen7_pte_index(uint64_t gma);
/* Is it inside the 2 GiB a directory spans? */
bool gen7_gma_valid(uint64_t gma);
