/* SPDX-License-Identifier: MIT */
/*
 * gtt.c: the global table is an array of atomics, written by the transport thread and read by
 * engine and display threads without a lock; per-process tables are read from machine memory entry
 * by entry by the engine's thread that walks them.
 */
#include "softgpu/gtt.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct gtt {
    pthread_mutex_t write_lock; /* partial writes are read-modify-write */
    _Atomic uint64_t entry[GTT_ENTRIES];
    _Atomic uint64_t clock; /* writes that changed something */
    _Atomic uint64_t written[GTT_ENTRIES];
};

struct gtt *gtt_new(void)
{
    struct gtt *g = calloc(1, sizeof(*g));

    if (g)
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
    uint32_t i = (offset & (GTT_BYTES - 1)) / 8;
    uint64_t v = atomic_load_explicit(&g->entry[i], memory_order_acquire);

    return v >> (8 * (offset & 7)) & len_mask(len);
}

void gtt_write(struct gtt *g, uint32_t offset, unsigned len, uint64_t value)
{
    uint32_t i = (offset & (GTT_BYTES - 1)) / 8;
    unsigned shift = 8 * (offset & 7);
    uint64_t mask = len_mask(len) << shift;
    uint64_t old, v;

    pthread_mutex_lock(&g->write_lock);
    old = atomic_load_explicit(&g->entry[i], memory_order_relaxed);
    v = (old & ~mask) | (value << shift & mask);
    /* The number first: who sees the new entry sees that it is new. */
    if (v != old)
        atomic_store_explicit(&g->written[i], atomic_fetch_add(&g->clock, 1) + 1,
                              memory_order_relaxed);
    atomic_store_explicit(&g->entry[i], v, memory_order_release);
    pthread_mutex_unlock(&g->write_lock);
}

uint64_t gtt_entry(struct gtt *g, uint64_t addr)
{
    uint64_t i = addr / GTT_PAGE;

    return i < GTT_ENTRIES ? atomic_load_explicit(&g->entry[i], memory_order_acquire) : 0;
}

const _Atomic uint64_t *gtt_clock(const struct gtt *g)
{
    return &g->clock;
}

uint64_t gtt_written(struct gtt *g, uint64_t addr)
{
    uint64_t i = addr / GTT_PAGE;

    return i < GTT_ENTRIES ? atomic_load_explicit(&g->written[i], memory_order_relaxed) : 0;
}

bool gtt_forget_write(struct gtt *g, uint64_t addr, uint64_t number)
{
    uint64_t i = addr / GTT_PAGE;

    return i < GTT_ENTRIES && atomic_compare_exchange_strong(&g->written[i], &number, 0);
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
