/* SPDX-License-Identifier: MIT */
/*
 * softgpu_ring_fuzz.c: Haswell's command streamer fed with anything: a ring of commands made from
 * the input, with batches, page tables, a directory and context images that the same input and the
 * commands themselves may overwrite, and register writes in between. Must hold: the program never
 * leaves the memory it was given (the sanitizers look; tables name pages beyond it), and a reset
 * always brings the engine back to running commands. One engine thread works against the fuzzer's.
 */
#include <assert.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "softgpu/cs.h"
#include "softgpu/engine_kind.h"
#include "softgpu/engine_priv.h"
#include "softgpu/model.h"

#define PAGES      64u
#define RING       0u /* GGTT: page 0 is the ring, all pages repeat from there */
#define RING_BYTES 4096u
#define BASE       0x40000 /* number of the first entry of the directory */
#define LOOKS      2000000u

struct world {
    struct engines *engines;
    uint8_t *memory;
};

static void op_raise(void *opaque, enum engine_id id, uint32_t bits)
{
    (void)opaque, (void)id, (void)bits;
}

/* A display whose every register reads as a number that moves, so that waits end. */
static uint32_t op_read(void *opaque, uint32_t offset)
{
    static _Atomic uint32_t moving;

    (void)opaque, (void)offset;
    return moving++ | 1u << 30;
}

static void op_write(void *opaque, uint32_t offset, uint32_t value)
{
    (void)opaque, (void)offset, (void)value;
}

static void make(struct world *w)
{
    struct engines_ops ops = {op_raise, op_read, op_write, NULL};
    int fd = memfd_create("fuzz", 0);
    struct dma *dma = dma_new();

    if (fd < 0 || ftruncate(fd, PAGES * 4096))
        abort();
    w->memory = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (w->memory == MAP_FAILED || dma_add(dma, 0, PAGES * 4096, fd, 0, 3))
        abort();
    w->engines = engines_new(model_find("hsw"), dma, judge_new(), &ops);
    if (!w->engines)
        abort();
}

static struct world *world(void)
{
    static struct world w;

    if (!w.engines)
        make(&w);
    return &w;
}

static void mmio(struct world *w, const struct engine *e, uint32_t offset, uint32_t v)
{
    engines_mmio_write(w->engines, e->base + offset, v);
}

/* Entries for all memory at both ends of what is used, a directory, and a page table in page 1. */
static void lay_tables(struct world *w)
{
    uint32_t *table = (uint32_t *)(w->memory + 4096);

    for (uint32_t i = 0; i < 1024; i++) {
        engines_gtt_write(w->engines, i * 4, 4, (i % (PAGES + 2)) * 4096 | 1);
        table[i] = (i * 3 % (PAGES + 2)) * 4096 | (i % 7 != 0);
    }
    for (uint32_t i = 0; i < 512; i++)
        engines_gtt_write(w->engines, (BASE + i) * 4, 4, i % 5 ? 4096 | 1 : 0);
    engines_ggtt_flush(w->engines);
}

static void reset(struct world *w)
{
    engines_mmio_write(w->engines, 0x941c, 1);
    for (unsigned i = 0; i < LOOKS && engines_mmio_read(w->engines, 0x941c); i++)
        sched_yield();
    assert(!engines_mmio_read(w->engines, 0x941c));
}

static void start(struct world *w, const struct engine *e)
{
    mmio(w, e, 0x38, RING);
    mmio(w, e, 0x220, 0xffffffff);
    mmio(w, e, 0x228, BASE / 16 << 16);
    mmio(w, e, 0x29c, 0x02000200);
    mmio(w, e, 0x34, 0);
    mmio(w, e, 0x30, 0);
    mmio(w, e, 0x3c, CTL_VALID);
}

/* Lengths that fit, addresses that mean something: half of the input's words are bent to that. */
static uint32_t bend(const struct engine *e, uint32_t v, uint32_t bits)
{
    const struct cs_command *c;

    switch (bits & 7) {
    case 0:
    case 1:
        return v & 0x7ffff;
    case 2:
        return 0x10000000 + (v & 0x3fffff); /* in the directory's space */
    case 3:
        return BASE * 4096u + (v & 0x3ffff);
    case 4:
    case 5:
        v &= 0x1fffffff;
        c = cs_command(e, v);
        return c && c->len_mask ? (v & ~c->len_mask) | (c->len_min - 2) : v;
    default:
        return v;
    }
}

static void fill(struct world *w, const struct engine *e, const uint8_t *data, size_t size)
{
    uint32_t *ring = (uint32_t *)w->memory, n = (uint32_t)(size / 5), v;

    for (uint32_t i = 0; i < n && i < RING_BYTES / 4 - 16; i++) {
        memcpy(&v, data + i * 5, 4);
        ring[i] = bend(e, v, data[i * 5 + 4]);
    }
    /* The same words are the contents of other pages. */
    for (uint32_t page = 8; page < PAGES; page += 5)
        memcpy(w->memory + page * 4096, ring, 4096);
}

static void settle(struct world *w, const struct engine *e)
{
    for (unsigned i = 0; i < 200 && !(engines_mmio_read(w->engines, e->base + 0x9c) & MI_MODE_IDLE);
         i++)
        sched_yield();
}

/* After all that a reset engine stores a dword where it is told to. */
static void still_works(struct world *w, const struct engine *e)
{
    const uint32_t store[] = {0x20u << 23 | 1u << 22 | 2, 0, 0x2008, 0x5afe, 0, 0};

    reset(w);
    lay_tables(w);
    memset(w->memory + 0x2000, 0, 16);
    memcpy(w->memory, store, sizeof(store));
    start(w, e);
    mmio(w, e, 0x30, sizeof(store));
    for (unsigned i = 0; i < LOOKS; i++) {
        if ((engines_mmio_read(w->engines, e->base + 0x34) & HEAD_OFFSET) == sizeof(store))
            break;
        sched_yield();
    }
    assert(*(volatile uint32_t *)(w->memory + 0x2008) == 0x5afe);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *w = world();
    const struct engine *e;

    if (size < 8)
        return 0;
    e = &w->engines->engine[data[0] % w->engines->count];
    reset(w);
    memset(w->memory, 0, PAGES * 4096);
    lay_tables(w);
    fill(w, e, data + 8, size - 8);
    start(w, e);
    mmio(w, e, 0x30, (data[1] | data[2] << 8) & 0xff8);
    settle(w, e);
    mmio(w, e, (data[3] | data[4] << 8) & 0x7fc, data[5] * 0x01010101u);
    settle(w, e);
    mmio(w, e, 0x3c, data[6] & 1 ? CTL_VALID | data[7] << 8 : 0);
    mmio(w, e, 0x34, data[7] * 8u);
    settle(w, e);
    still_works(w, e);
    return 0;
}
