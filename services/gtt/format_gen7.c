/* SPDX-License-Identifier: MIT */
/* format_gen7.c: Haswell's entries (format.h, gen/gen7_pte.h). Every bit of an entry is address,
 * valid or cacheability, and the guest decides about all but the address. */
#include "services/gtt/format.h"

#include "gen/gen7_pte.h"

static_assert(GEN7_ADDR == GTT_ADDR, "one mask for both");

static struct gtt_entry page(uint64_t raw)
{
    struct gen7_pte e = gen7_pte_decode((uint32_t)raw);

    return (struct gtt_entry){e.addr / GEN7_PAGE_SIZE, e.present, e.present && raw >> 32};
}

static uint64_t page_replace(uint64_t raw, uint64_t dma)
{
    return gen7_pte_replace_addr((uint32_t)raw, dma);
}

static uint64_t page_encode(uint64_t dma)
{
    struct gen7_pte e = {.addr = dma, .present = true};

    return gen7_pte_encode(&e);
}

static struct gtt_entry entry(uint64_t raw, enum gtt_level level)
{
    (void)level;
    return page(raw);
}

static uint64_t replace(uint64_t raw, enum gtt_level level, uint64_t dma)
{
    (void)level;
    return page_replace(raw, dma);
}

static uint64_t load(const void *table, unsigned i)
{
    return __atomic_load_n((const uint32_t *)table + i, __ATOMIC_RELAXED);
}

static void store(void *table, unsigned i, uint64_t value)
{
    __atomic_store_n((uint32_t *)table + i, (uint32_t)value, __ATOMIC_RELEASE);
}

static void fill(void *table, uint64_t value)
{
    for (unsigned i = 0; i < GEN7_PT_ENTRIES; i++)
        store(table, i, value);
}

static uint32_t copy(const void *table, uint64_t *word)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < GEN7_PT_ENTRIES; i++) {
        uint64_t raw = load(table, i);

        if (raw & GEN7_PTE_VALID)
            word[n++] = raw;
    }
    return n;
}

static struct gtt_entry directory(uint64_t raw)
{
    struct gen7_pde e = gen7_pde_decode((uint32_t)raw);

    return (struct gtt_entry){(e.addr & GEN7_ADDR) / GEN7_PAGE_SIZE, e.present,
                              e.large || e.addr & ~GEN7_ADDR};
}

static uint64_t directory_encode(uint64_t dma)
{
    return gen7_pde_encode(dma);
}

const struct gtt_format gtt_format_gen7 = {
    .levels = 1,
    .entries = GEN7_PT_ENTRIES,
    .bytes = sizeof(uint32_t),
    .ggtt = page,
    .ggtt_replace = page_replace,
    .ggtt_encode = page_encode,
    .entry = entry,
    .replace = replace,
    .encode = page_encode,
    .load = load,
    .store = store,
    .fill = fill,
    .copy = copy,
    .directory = directory,
    .directory_encode = directory_encode,
};
