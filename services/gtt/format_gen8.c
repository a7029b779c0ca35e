/* SPDX-License-Identifier: MIT */
/* format_gen8.c: Broadwell's entries (format.h, gen/gen8_pte.h). */
#include "services/gtt/format.h"

#include "gen/gen8_pte.h"

/* The bits a guest decides about (PRM vol. 5). */
#define TABLE_FLAGS (GEN8_PTE_PRESENT | GEN8_PTE_RW | GEN8_PTE_PWT | GEN8_PTE_PCD)
#define PAGE_FLAGS  (TABLE_FLAGS | GEN8_PTE_PAT)

static_assert(GEN8_PTE_ADDR == GTT_ADDR, "one mask for both");
static_assert((int)GTT_LEVEL_PML4E == (int)GEN8_LEVEL_PML4E, "the same levels");

/* Of a page of 4 KiB: what gen8_entry_decode() says, without all that it could be otherwise. Nearly
 * all entries are such ones. */
static struct gtt_entry page(uint64_t raw)
{
    if (!(raw & GEN8_PTE_PRESENT))
        return (struct gtt_entry){0};
    return (struct gtt_entry){(raw & GTT_ADDR) / GEN8_PAGE_SIZE, true,
                              raw & ~GTT_ADDR & ~(uint64_t)(GEN8_PAGE_SIZE - 1)};
}

static struct gtt_entry ggtt(uint64_t raw)
{
    return page(raw);
}

static uint64_t ggtt_replace(uint64_t raw, uint64_t dma)
{
    return gen8_pte_replace_addr(raw & PAGE_FLAGS, dma);
}

static uint64_t ggtt_encode(uint64_t dma)
{
    return gen8_ggtt_encode(dma, true);
}

/* Large pages are not offered in PVINFO's caps; a guest that uses them reads scratch. */
static struct gtt_entry entry(uint64_t raw, enum gtt_level level)
{
    struct gen8_entry e;
    bool large;

    if (level == GTT_LEVEL_PTE)
        return page(raw);
    e = gen8_entry_decode(raw, (enum gen8_level)level, false);
    large = e.present &&
            (e.size != GEN8_SIZE_TABLE || (level == GTT_LEVEL_PDE && raw & GEN8_PDE_IPS_64K));
    return (struct gtt_entry){e.addr / GEN8_PAGE_SIZE, e.present, e.reserved || large};
}

static uint64_t replace(uint64_t raw, enum gtt_level level, uint64_t dma)
{
    return gen8_pte_replace_addr(raw & (level == GTT_LEVEL_PTE ? PAGE_FLAGS : TABLE_FLAGS), dma);
}

static uint64_t encode(uint64_t dma)
{
    return dma | GEN8_PTE_PRESENT | GEN8_PTE_RW;
}

static uint64_t load(const void *table, unsigned i)
{
    return __atomic_load_n((const uint64_t *)table + i, __ATOMIC_RELAXED);
}

static void store(void *table, unsigned i, uint64_t value)
{
    __atomic_store_n((uint64_t *)table + i, value, __ATOMIC_RELEASE);
}

static void fill(void *table, uint64_t value)
{
    for (unsigned i = 0; i < GEN8_PT_ENTRIES; i++)
        store(table, i, value);
}

static uint32_t copy(const void *table, uint64_t *word)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < GEN8_PT_ENTRIES; i++) {
        uint64_t raw = load(table, i);

        if (raw & GEN8_PTE_PRESENT)
            word[n++] = raw;
    }
    return n;
}

const struct gtt_format gtt_format_gen8 = {
    .levels = GTT_LEVELS,
    .entries = GEN8_PT_ENTRIES,
    .bytes = sizeof(uint64_t),
    .ggtt = ggtt,
    .ggtt_replace = ggtt_replace,
    .ggtt_encode = ggtt_encode,
    .entry = entry,
    .replace = replace,
    .encode = encode,
    .load = load,
    .store = store,
    .fill = fill,
    .copy = copy,
};
