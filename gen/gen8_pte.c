/* SPDX-License-Identifier: MIT */
/* Gen8 page-table entries; see gen8_pte.h. Pure functions, any thread. */
#include "gen/gen8_pte.h"

#include <assert.h>

static enum gen8_size entry_size(uint64_t raw, enum gen8_level level, bool parent_64k)
{
    if (level == GEN8_LEVEL_PTE)
        return parent_64k ? GEN8_SIZE_64K : GEN8_SIZE_4K;
    if (level == GEN8_LEVEL_PDE && (raw & GEN8_PDE_PS))
        return GEN8_SIZE_2M;
    if (level == GEN8_LEVEL_PDPE && (raw & GEN8_PDE_PS))
        return GEN8_SIZE_1G;
    return GEN8_SIZE_TABLE;
}

static uint64_t size_mask(enum gen8_size size)
{
    static const uint64_t bytes[] = {
        [GEN8_SIZE_TABLE] = 1u << 12, [GEN8_SIZE_4K] = 1u << 12, [GEN8_SIZE_64K] = 1u << 16,
        [GEN8_SIZE_2M] = 1u << 21,    [GEN8_SIZE_1G] = 1u << 30,
    };

    return bytes[size] - 1;
}

/* A large page's PAT bit moves to bit 12, because bit 7 says that the page is large. */
static uint64_t pat_bit(enum gen8_size size)
{
    return size == GEN8_SIZE_2M || size == GEN8_SIZE_1G ? UINT64_C(1) << 12 : GEN8_PTE_PAT;
}

static uint8_t entry_pat(uint64_t raw, enum gen8_size size)
{
    uint8_t pat = (uint8_t)((raw & GEN8_PTE_PWT ? 1 : 0) | (raw & GEN8_PTE_PCD ? 2 : 0));

    if (size != GEN8_SIZE_TABLE && (raw & pat_bit(size)))
        pat |= 4;
    return pat;
}

struct gen8_entry gen8_entry_decode(uint64_t raw, enum gen8_level level, bool parent_64k)
{
    struct gen8_entry e = {0};
    uint64_t low;

    if (!(raw & GEN8_PTE_PRESENT))
        return e;
    e.present = true;
    e.rw = raw & GEN8_PTE_RW;
    e.size = entry_size(raw, level, parent_64k);
    e.pat = entry_pat(raw, e.size);
    low = size_mask(e.size);
    e.addr = raw & GEN8_PTE_ADDR & ~low;
    /* The bit that holds a large page's PAT is inside its alignment and is not reserved. */
    low &= GEN8_PTE_ADDR & ~pat_bit(e.size);
    e.reserved = (raw & ~GEN8_PTE_ADDR & ~UINT64_C(0xfff)) || (raw & low);
    return e;
}

uint64_t gen8_entry_encode(const struct gen8_entry *e, enum gen8_level level)
{
    uint64_t raw;

    if (!e->present)
        return 0;
    assert(!(e->addr & ~GEN8_PTE_ADDR) && !(e->addr & size_mask(e->size)) && e->pat < 8);
    assert(level != GEN8_LEVEL_PTE || e->size == GEN8_SIZE_4K || e->size == GEN8_SIZE_64K);
    raw = e->addr | GEN8_PTE_PRESENT;
    if (e->rw)
        raw |= GEN8_PTE_RW;
    if (e->pat & 1)
        raw |= GEN8_PTE_PWT;
    if (e->pat & 2)
        raw |= GEN8_PTE_PCD;
    if ((e->pat & 4) && e->size != GEN8_SIZE_TABLE)
        raw |= pat_bit(e->size);
    if (e->size == GEN8_SIZE_2M || e->size == GEN8_SIZE_1G)
        raw |= GEN8_PDE_PS;
    return raw;
}

struct gen8_entry gen8_ggtt_decode(uint64_t raw)
{
    struct gen8_entry e = gen8_entry_decode(raw, GEN8_LEVEL_PTE, false);

    e.rw = e.present;
    return e;
}

uint64_t gen8_ggtt_encode(uint64_t addr, bool present)
{
    assert(!(addr & ~GEN8_PTE_ADDR));
    return addr | (present ? GEN8_PTE_PRESENT : 0);
}

uint64_t gen8_pte_replace_addr(uint64_t raw, uint64_t addr)
{
    assert(!(addr & ~GEN8_PTE_ADDR));
    return (raw & ~GEN8_PTE_ADDR) | addr;
}

unsigned gen8_index(uint64_t gma, enum gen8_level level, bool four_level)
{
    unsigned shift = 12 + 9 * (unsigned)level;
    unsigned mask = level == GEN8_LEVEL_PDPE && !four_level ? 3 : 511;

    if (level == GEN8_LEVEL_PML4E && !four_level)
        return 0;
    return (unsigned)(gma >> shift) & mask;
}

uint64_t gen8_level_span(enum gen8_level level)
{
    return UINT64_C(1) << (12 + 9 * (unsigned)level);
}

bool gen8_gma_valid(uint64_t gma, bool four_level)
{
    return !(gma >> (four_level ? 48 : 32));
}
