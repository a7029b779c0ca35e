/* SPDX-License-Identifier: MIT */
/* Gen7.5 page-table entries; see gen7_pte.h. Pure functions, any thread. */
#include "gen/gen7_pte.h"

#include <assert.h>

#define LOW_ADDR   0xfffff000u /* address bits 31:12, in their places */
#define HIGH_ADDR  0x7f0u      /* 38:32 in bits 10:4 */
#define HIGH_SHIFT 28          /* from their places to there */

static uint64_t address(uint32_t raw, uint32_t high)
{
    return (raw & LOW_ADDR) | (uint64_t)(raw & high) << HIGH_SHIFT;
}

static uint32_t place(uint64_t addr)
{
    assert(!(addr & ~GEN7_ADDR));
    return ((uint32_t)addr & LOW_ADDR) | ((uint32_t)(addr >> HIGH_SHIFT) & HIGH_ADDR);
}

struct gen7_pte gen7_pte_decode(uint32_t raw)
{
    struct gen7_pte none = {0};

    if (!(raw & GEN7_PTE_VALID))
        return none;
    return (struct gen7_pte){address(raw, HIGH_ADDR), raw & GEN7_PTE_CACHE, true};
}

uint32_t gen7_pte_encode(const struct gen7_pte *e)
{
    if (!e->present)
        return 0;
    assert(!(e->cache & ~GEN7_PTE_CACHE));
    return place(e->addr) | e->cache | GEN7_PTE_VALID;
}

uint32_t gen7_pte_replace_addr(uint32_t raw, uint64_t addr)
{
    return (raw & ~(LOW_ADDR | HIGH_ADDR)) | place(addr);
}

struct gen7_pde gen7_pde_decode(uint32_t raw)
{
    struct gen7_pde none = {0};

    if (!(raw & GEN7_PTE_VALID))
        return none;
    return (struct gen7_pde){address(raw, HIGH_ADDR | GEN7_PDE_BEYOND), true, raw & GEN7_PDE_64K};
}

uint32_t gen7_pde_encode(uint64_t addr)
{
    return place(addr) | GEN7_PTE_VALID;
}

unsigned gen7_pde_index(uint64_t gma)
{
    return (unsigned)(gma >> 22) & (GEN7_PD_ENTRIES - 1);
}

unsigned gen7_pte_index(uint64_t gma)
{
    return (unsigned)(gma >> 12) & (GEN7_PT_ENTRIES - 1);
}

bool gen7_gma_valid(uint64_t gma)
{
    return !(gma >> 31);
}
