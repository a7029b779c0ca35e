/* SPDX-License-Identifier: MIT */
/*
 * gtt.c: the global table is an array of atomics, written by the transport thread and read by
 * engine and display threads without a lock; per-process tables are read from machine memory entry
 * by entry by the engine's thread that walks them.
 */
#include "softgpu/gtt.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "softgpu/gtt7.h"

struct gtt {
    unsigned pte_bytes;
    uint32_t entries;
    pthread_mutex_t write_lock; /* partial writes are read-modify-write */
    _Atomic uint64_t entry[GTT_ENTRIES];
    _Atomic uint64_t clock; /* writes that changed something */
    _Atomic uint64_t written[GTT_ENTRIES];
};

struct gtt *gtt_new(unsigned pte_bytes)
{
    struct gtt *g = calloc(1, sizeof(*g));

    assert(pte_bytes == 4 || pte_bytes == 8);
    if (!g)
        return NULL;
    g->pte_bytes = pte_bytes;
    g->entries = pte_bytes == 4 ? GTT7_ENTRIES : GTT_ENTRIES;
    pthread_mutex_init(&g->write_lock, NULL);
    return g;
}

struct gtt *gtt_free(struct gtt *g)
{
    if (g)
        pthread_mutex_destroy(&g->write_lock);
    free(g);
    return NULL;
}

void gtt_clear(struct gtt *g)
{
    pthread_mutex_lock(&g->write_lock);
    for (uint32_t i = 0; i < GTT_ENTRIES; i++) {
        atomic_store_explicit(&g->entry[i], 0, memory_order_relaxed);
        atomic_store_explicit(&g->written[i], 0, memory_order_relaxed);
    }
    pthread_mutex_unlock(&g->write_lock);
}

static uint64_t len_mask(unsigned len)
{
    return len >= 8 ? ~0ull : (1ull << (8 * len)) - 1;
}

uint64_t gtt_read(struct gtt *g, uint32_t offset, unsigned len)
{
    uint32_t i = offset / g->pte_bytes % g->entries;
    uint64_t v = atomic_load_explicit(&g->entry[i], memory_order_acquire);

    if (len > g->pte_bytes)
        return v | atomic_load_explicit(&g->entry[(i + 1) % g->entries], memory_order_acquire)
                       << 32;
    return v >> (8 * (offset % g->pte_bytes)) & len_mask(len);
}

/* Change those bits of an entry that are in mask. Under write_lock. */
static void change(struct gtt *g, uint32_t i, uint64_t mask, uint64_t bits)
{
    uint64_t old = atomic_load_explicit(&g->entry[i], memory_order_relaxed);
    uint64_t v = (old & ~mask) | (bits & mask);

    /* The number first: who sees the new entry sees that it is new. */
    if (v != old)
        atomic_store_explicit(&g->written[i], atomic_fetch_add(&g->clock, 1) + 1,
                              memory_order_relaxed);
    atomic_store_explicit(&g->entry[i], v, memory_order_release);
}

void gtt_write(struct gtt *g, uint32_t offset, unsigned len, uint64_t value)
{
    uint32_t i = offset / g->pte_bytes % g->entries;
    unsigned shift = 8 * (offset % g->pte_bytes);

    pthread_mutex_lock(&g->write_lock);
    if (len > g->pte_bytes) {
        change(g, i, UINT32_MAX, value & UINT32_MAX);
        change(g, (i + 1) % g->entries, UINT32_MAX, value >> 32);
    } else {
        change(g, i, len_mask(len) << shift, value << shift);
    }
    pthread_mutex_unlock(&g->write_lock);
}

void gtt_set(struct gtt *g, uint32_t index, uint64_t raw)
{
    pthread_mutex_lock(&g->write_lock);
    change(g, index % g->entries, len_mask(g->pte_bytes), raw);
    pthread_mutex_unlock(&g->write_lock);
}

uint64_t gtt_raw(struct gtt *g, uint64_t addr)
{
    uint64_t i = addr / GTT_PAGE;

    return i < g->entries ? atomic_load_explicit(&g->entry[i], memory_order_acquire) : 0;
}

uint64_t gtt_entry(struct gtt *g, uint64_t addr)
{
    uint64_t raw = gtt_raw(g, addr);

    return g->pte_bytes == 4 ? gtt7_entry((uint32_t)raw) : raw;
}

const _Atomic uint64_t *gtt_clock(const struct gtt *g)
{
    return &g->clock;
}

uint64_t gtt_written(struct gtt *g, uint64_t addr)
{
    uint64_t i = addr / GTT_PAGE;

    return i < g->entries ? atomic_load_explicit(&g->written[i], memory_order_relaxed) : 0;
}

bool gtt_forget_write(struct gtt *g, uint64_t addr, uint64_t number)
{
    uint64_t i = addr / GTT_PAGE;

    return i < g->entries && atomic_compare_exchange_strong(&g->written[i], &number, 0);
}

static int read_entry(struct dma *dma, uint64_t table, unsigned index, uint64_t *entry)
{
    if (dma_read(dma, table + index * 8ull, entry, sizeof(*entry)))
        return -EFAULT;
    return *entry & GTT_PRESENT ? 0 : -EFAULT;
}

/* From a page directory pointer table (4-level) or a page directory (3-level) downwards. */
int ppgtt_walk(struct dma *dma, const struct ppgtt *p, uint64_t addr, uint64_t *entry,
               gtt_visit visit, void *opaque)
{
    uint64_t table = p->root[0], rights = GTT_PRESENT | GTT_WRITABLE, e;
    int top = 39;

    if (p->gen7)
        return gtt7_walk(dma, p, addr, entry, visit, opaque);
    if (!p->level4) {
        if (addr >> 32)
            return -EFAULT;
        table = p->root[addr >> 30 & 3];
        top = 21;
    }
    table = GTT_ADDR(table);
    if (!table)
        return -EFAULT;
    for (int shift = top; shift >= 12; shift -= 9) {
        if (visit)
            visit(opaque, table);
        if (read_entry(dma, table, addr >> shift & 511, &e))
            return -EFAULT;
        rights &= e;
        table = GTT_ADDR(e);
        if (shift == 21 && (e & GTT_PDE_PS_2M)) {
            table = (table & ~0x1fffffull) + (addr & 0x1ff000ull);
            break;
        }
    }
    *entry = table | rights;
    return 0;
}

void ppgtt_trace(struct dma *dma, const struct ppgtt *p, uint64_t addr, struct walk *out)
{
    uint64_t table = p->level4 ? p->root[0] : p->root[addr >> 30 & 3], e = GTT_PRESENT;
    int shift = p->level4 ? 39 : 21;

    if (p->gen7) {
        gtt7_trace(dma, p, addr, out);
        return;
    }
    out->count = 0;
    while (shift >= 12 && (e & GTT_PRESENT)) {
        struct walk_step *s = &out->step[out->count++];

        *s = (struct walk_step){.table = GTT_ADDR(table), .index = addr >> shift & 511};
        if (dma_read(dma, s->table + s->index * 8ull, &s->entry, sizeof(s->entry)))
            s->entry = 0;
        e = table = s->entry;
        shift = shift == 21 && (e & GTT_PDE_PS_2M) ? 0 : shift - 9;
    }
}

int ppgtt_line(struct dma *dma, const struct ppgtt *p, uint64_t table, uint64_t addr,
               uint64_t entry[8])
{
    if (p->gen7)
        return gtt7_line(dma, table, addr, entry);
    if (dma_read(dma, table + (addr >> 12 & 0x1f8) * 8, entry, 8 * sizeof(*entry)))
        return -EFAULT;
    for (unsigned i = 0; i < 8; i++)
        entry[i] = GTT_ADDR(entry[i]) | (entry[i] & (GTT_PRESENT | GTT_WRITABLE));
    return 0;
}
